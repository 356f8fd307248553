//! Texts that stand in a field and are no value yet, such as `1.` on the way to `1.5`.
//!
//! A draft lives in egui's memory under the id of its widget, beside the value that the document had when it was typed.
//! When the document has another value (undo, another person's edit) the draft is forgotten: the document wins.

use egui::{Id, Ui};
use serde_json::Value;

#[derive(Debug, Clone, PartialEq)]
struct Draft {
    text: String,
    value: Option<Value>,
}

/// The text that is being typed over `value`, if it is no value yet.
pub(super) fn read(ui: &Ui, id: Id, value: Option<&Value>) -> Option<String> {
    let draft = ui.data(|data| data.get_temp::<Draft>(id))?;
    if draft.value.as_ref() == value {
        Some(draft.text)
    } else {
        forget(ui, id);
        None
    }
}

/// Keeps `text` as what is being typed while the document has `value`.
pub(super) fn keep(ui: &Ui, id: Id, text: String, value: Option<&Value>) {
    ui.data_mut(|data| data.insert_temp(id, Draft { text, value: value.cloned() }));
}

pub(super) fn forget(ui: &Ui, id: Id) {
    ui.data_mut(|data| data.remove::<Draft>(id));
}
