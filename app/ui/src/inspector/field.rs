//! One widget for each kind of param. A widget shows the value that the document has and gives the change that a person
//! made to it; it never holds the value itself.

use egui::text::{CCursor, CCursorRange};
use egui::{Button, ComboBox, Id, Key, Response, RichText, TextBuffer, TextEdit, Ui, vec2};
use millrace_model::FieldKind;
use millrace_model::Interval;
use millrace_model::card::ChoiceOption;
use serde_json::Value;

use super::draft;
use super::form::{Change, FormContext, short_json};
use super::nested::{group_ui, list_ui, variant_ui};
use super::parts::{icon_button, is_left};
use super::suggest::{self, Wanted};
use crate::command::Command;

/// Where a value stands and what it is called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot<'a> {
    pub title: &'a str,
    pub path: &'a str,
    pub default: Option<&'a Value>,
    pub help: &'a str,
    /// The label that names the widget; without one the widget says its title itself.
    pub label: Option<Id>,
}

impl Slot<'_> {
    fn name(&self, response: &Response) {
        if let Some(label) = self.label {
            let _ = response.clone().labelled_by(label);
        }
    }

    fn hint(&self) -> String {
        self.default.map(short_json).unwrap_or_default()
    }
}

/// The widget of a param of any kind.
pub(super) fn value_ui(
    ui: &mut Ui,
    form: &mut FormContext<'_>,
    slot: &Slot<'_>,
    kind: &FieldKind,
    value: Option<&Value>,
) -> Option<Change> {
    match kind {
        FieldKind::Text { multiline } => text_ui(ui, form, slot, value, *multiline, false),
        FieldKind::Secret => secret_ui(ui, form, slot, value),
        FieldKind::Integer { min, max } => {
            parsed_ui(ui, form, slot, value, Look::LINE, |text| number(text, true, (*min, *max)))
        }
        FieldKind::Number { min, max } => {
            parsed_ui(ui, form, slot, value, Look::LINE, |text| number(text, false, (*min, *max)))
        }
        FieldKind::Boolean => boolean_ui(ui, form, slot, value),
        FieldKind::Duration => parsed_ui(ui, form, slot, value, Look::LINE, duration),
        FieldKind::Expression { aggregate } => {
            suggesting_ui(ui, form, slot, value, Wanted::Expression { aggregate: *aggregate })
        }
        FieldKind::Column => suggesting_ui(ui, form, slot, value, Wanted::Column),
        FieldKind::Path => path_ui(ui, form, slot, value),
        FieldKind::Choice { options } => choice_ui(ui, form, slot, options, value),
        FieldKind::List { item } => list_ui(ui, form, slot, item, value),
        FieldKind::Group { form: inner } => group_ui(ui, form, slot, inner, value),
        FieldKind::Variant { tag, variants } => variant_ui(ui, form, slot, tag, variants, value),
        FieldKind::Json => parsed_ui(ui, form, slot, value, Look::CODE, json),
    }
}

/// What stands in a text field for a value.
fn written(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// What a typed text makes of the param: nothing typed means that the default holds.
fn as_text(text: String) -> Change {
    Change::typed((!text.is_empty()).then_some(Value::String(text)))
}

/// Puts the finishing touches on a text field that was just drawn.
fn finish(form: &mut FormContext<'_>, slot: &Slot<'_>, response: &Response) {
    slot.name(response);
    form.focus_if_wanted(slot.path, response);
    if is_left(response) {
        form.commands.push(Command::EndBurst);
    }
}

fn text_ui(
    ui: &mut Ui,
    form: &mut FormContext<'_>,
    slot: &Slot<'_>,
    value: Option<&Value>,
    is_multiline: bool,
    is_password: bool,
) -> Option<Change> {
    let mut text = written(value);
    let edit = if is_multiline {
        TextEdit::multiline(&mut text).desired_rows(3).font(form.theme.mono())
    } else {
        TextEdit::singleline(&mut text)
    };
    let response =
        ui.add(edit.id(form.id(slot.path)).password(is_password).hint_text(slot.hint()).desired_width(f32::INFINITY));
    finish(form, slot, &response);
    response.changed().then(|| as_text(text))
}

fn secret_ui(ui: &mut Ui, form: &mut FormContext<'_>, slot: &Slot<'_>, value: Option<&Value>) -> Option<Change> {
    let id = form.id(slot.path).with("revealed");
    let mut is_revealed = ui.data(|data| data.get_temp::<bool>(id)).unwrap_or_default();
    ui.horizontal(|ui| {
        let room = (ui.available_width() - 34.0).max(40.0);
        let change = ui.allocate_ui(vec2(room, 0.0), |ui| text_ui(ui, form, slot, value, false, !is_revealed)).inner;
        let (glyph, label) = if is_revealed { ("eye-slash", "Hide") } else { ("eye", "Show") };
        if icon_button(ui, form.theme, glyph, label).clicked() {
            is_revealed = !is_revealed;
            ui.data_mut(|data| data.insert_temp(id, is_revealed));
        }
        change
    })
    .inner
}

/// How a field for a parsed text looks.
#[derive(Debug, Clone, Copy)]
struct Look {
    is_multiline: bool,
    write: fn(Option<&Value>) -> String,
}

impl Look {
    const LINE: Look = Look { is_multiline: false, write: written };
    const CODE: Look = Look { is_multiline: true, write: pretty };
}

fn pretty(value: Option<&Value>) -> String {
    value.and_then(|value| serde_json::to_string_pretty(value).ok()).unwrap_or_default()
}

/// A text field for what must be read before it is a value. A text that cannot be read stays, with the reason under it,
/// and the param keeps its last value.
fn parsed_ui(
    ui: &mut Ui,
    form: &mut FormContext<'_>,
    slot: &Slot<'_>,
    value: Option<&Value>,
    look: Look,
    parse: impl Fn(&str) -> Result<Value, String>,
) -> Option<Change> {
    let id = form.id(slot.path);
    let drafted = draft::read(ui, id.with("draft"), value);
    let mut text = drafted.clone().unwrap_or_else(|| (look.write)(value));
    let edit = if look.is_multiline {
        TextEdit::multiline(&mut text).desired_rows(3)
    } else {
        TextEdit::singleline(&mut text)
    };
    let response = ui.add(edit.id(id).font(form.theme.mono()).hint_text(slot.hint()).desired_width(f32::INFINITY));
    finish(form, slot, &response);
    let read = if text.trim().is_empty() { Ok(None) } else { parse(text.trim()).map(Some) };
    let mut change = None;
    if response.changed() {
        // The text stays as it was typed: `1.` is not to become `1.0` under the fingers.
        match &read {
            Ok(new) => {
                draft::keep(ui, id.with("draft"), text, new.as_ref());
                change = (new.as_ref() != value).then(|| Change::typed(new.clone()));
            }
            Err(_) => draft::keep(ui, id.with("draft"), text, value),
        }
    } else if drafted.is_some() && read.is_ok() && !response.has_focus() {
        draft::forget(ui, id.with("draft"));
    }
    if let Err(reason) = &read
        && (drafted.is_some() || response.changed())
    {
        ui.label(RichText::new(reason).font(form.theme.small()).color(form.theme.error));
    }
    change
}

fn is_reference(text: &str) -> bool {
    text.contains("${")
}

fn number(text: &str, whole: bool, (min, max): (Option<f64>, Option<f64>)) -> Result<Value, String> {
    if is_reference(text) {
        return Ok(Value::from(text));
    }
    let digits = text.replace(['_', ' '], "");
    let noun = if whole { "a whole number" } else { "a number" };
    let value = match (digits.parse::<i64>(), digits.parse::<u64>(), digits.parse::<f64>()) {
        (Ok(number), _, _) => Value::from(number),
        (_, Ok(number), _) => Value::from(number),
        (_, _, Ok(number)) if !whole && number.is_finite() => Value::from(number),
        _ => return Err(format!("`{text}` is not {noun}.")),
    };
    let size = value.as_f64().unwrap_or_default();
    match (min, max) {
        (Some(min), Some(max)) if size < min || size > max => Err(format!("Should be {noun} from {min} to {max}.")),
        (Some(min), None) if size < min => Err(format!("Should be {noun} of at least {min}.")),
        (None, Some(max)) if size > max => Err(format!("Should be {noun} of at most {max}.")),
        _ => Ok(value),
    }
}

fn duration(text: &str) -> Result<Value, String> {
    if is_reference(text) || text.parse::<Interval>().is_ok() {
        return Ok(Value::from(text));
    }
    Err(format!("`{text}` is not a length of time: write one such as `500 ms`, `10 s` or `5 min`."))
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("This is not JSON: {error}."))
}

fn boolean_ui(ui: &mut Ui, form: &mut FormContext<'_>, slot: &Slot<'_>, value: Option<&Value>) -> Option<Change> {
    if let Some(other) = value.filter(|value| !value.is_boolean()) {
        // `${parameter}`, or a fault: shown as it is written.
        return parsed_ui(ui, form, slot, Some(other), Look::LINE, |text| match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            text if is_reference(text) => Ok(Value::from(text)),
            text => Err(format!("`{text}` is neither `true` nor `false`.")),
        });
    }
    let default = slot.default.and_then(Value::as_bool).unwrap_or_default();
    let mut is_on = value.and_then(Value::as_bool).unwrap_or(default);
    let response = ui.checkbox(&mut is_on, slot.title);
    form.focus_if_wanted(slot.path, &response);
    let response = if slot.help.is_empty() { response } else { response.on_hover_text(slot.help.replace('`', "")) };
    response.changed().then(|| if is_on == default { Change::to_default() } else { Change::to(is_on) })
}

fn choice_ui(
    ui: &mut Ui,
    form: &mut FormContext<'_>,
    slot: &Slot<'_>,
    options: &[ChoiceOption],
    value: Option<&Value>,
) -> Option<Change> {
    let title_of = |value: &Value| {
        let text = written(Some(value));
        options.iter().find(|option| option.value == text).map_or(text, |option| option.title.clone())
    };
    let shown = match (value, slot.default) {
        (Some(value), _) => RichText::new(title_of(value)).color(form.theme.text),
        (None, Some(default)) => RichText::new(title_of(default)).color(form.theme.text_weak),
        (None, None) => RichText::new("Choose…").color(form.theme.text_weak),
    };
    let current = value.or(slot.default).and_then(Value::as_str);
    let references: Vec<String> = form.parameters.iter().map(|name| format!("${{{name}}}")).collect();
    let combo = ComboBox::from_id_salt(form.id(slot.path)).selected_text(shown).width(ui.available_width());
    let mut change = None;
    let response = combo.show_ui(ui, |ui| {
        for option in options {
            let row = ui.selectable_label(current == Some(option.value.as_str()), &option.title);
            let row = if option.help.is_empty() { row } else { row.on_hover_text(option.help.replace('`', "")) };
            if row.clicked() {
                change = Some(Change::to(option.value.as_str()));
            }
        }
        for reference in &references {
            if ui.selectable_label(current == Some(reference.as_str()), reference).clicked() {
                change = Some(Change::to(reference.as_str()));
            }
        }
    });
    slot.name(&response.response);
    form.focus_if_wanted(slot.path, &response.response);
    change.filter(|change| change.value.as_ref() != value)
}

fn path_ui(ui: &mut Ui, form: &mut FormContext<'_>, slot: &Slot<'_>, value: Option<&Value>) -> Option<Change> {
    if !form.can_browse {
        return text_ui(ui, form, slot, value, false, false);
    }
    ui.horizontal(|ui| {
        let room = (ui.available_width() - 84.0).max(40.0);
        let change = ui.allocate_ui(vec2(room, 0.0), |ui| text_ui(ui, form, slot, value, false, false)).inner;
        if ui.add(Button::new("Browse…").min_size(vec2(72.0, 0.0))).clicked() {
            form.commands.push(Command::PickPath {
                node: form.node.clone(),
                param: slot.path.to_owned(),
                save: form.saves,
            });
        }
        change
    })
    .inner
}

/// A field that completes column names, and in expressions functions and keywords.
fn suggesting_ui(
    ui: &mut Ui,
    form: &mut FormContext<'_>,
    slot: &Slot<'_>,
    value: Option<&Value>,
    wanted: Wanted,
) -> Option<Change> {
    let id = form.id(slot.path);
    let list_id = id.with("suggestions");
    let has_focus = ui.memory(|memory| memory.has_focus(id));
    let keys = suggest::read_keys(ui, list_id, has_focus);
    let mut text = written(value);
    let is_column = wanted == Wanted::Column;
    let (output, opens) = ui
        .horizontal(|ui| {
            let has_button = is_column && !form.columns.is_empty();
            let room = ui.available_width() - if has_button { 30.0 } else { 0.0 };
            let edit = if is_column { TextEdit::singleline(&mut text) } else { TextEdit::multiline(&mut text) };
            let output = edit
                .id(id)
                .font(form.theme.mono())
                .hint_text(slot.hint())
                .desired_width(room)
                .desired_rows(1)
                .lock_focus(suggest::is_open(ui, list_id))
                .show(ui);
            let label = format!("Columns for {}", slot.title);
            let opens = has_button && icon_button(ui, form.theme, "caret-down", &label).clicked();
            (output, opens)
        })
        .inner;
    let response: &Response = &output.response;
    finish(form, slot, response);
    let cursor = output.cursor_range.map_or_else(|| text.chars().count(), |range| range.primary.index.into());
    if opens {
        response.request_focus();
        suggest::open_all(ui, list_id);
        return None;
    }
    let find = |all: bool| {
        let cursor = if all && is_column { 0 } else { cursor };
        suggest::suggestions(&text, cursor, form.columns, wanted, all)
    };
    let taken = suggest::list_ui(ui, form.theme, list_id, keys, response, find);
    if let Some(suggestion) = taken {
        let (completed, cursor) = suggest::taken(&text, cursor, &suggestion, wanted);
        let mut state = TextEdit::load_state(ui.ctx(), id).unwrap_or_default();
        state.cursor.set_char_range(Some(CCursorRange::one(CCursor::new(cursor))));
        state.store(ui.ctx(), id);
        response.request_focus();
        return Some(as_text(completed));
    }
    // A line break is kept in an expression, but a tab is never wanted.
    (response.changed() && !ui.input(|input| input.key_pressed(Key::Tab))).then(|| as_text(text.take()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_read_with_their_limits_and_references_are_kept() {
        assert_eq!(number("1_000", true, (None, None)), Ok(json!(1000)));
        assert_eq!(number("-2", true, (None, None)), Ok(json!(-2)));
        assert_eq!(number("18446744073709551615", true, (None, None)), Ok(json!(u64::MAX)));
        assert_eq!(number("1.5", false, (Some(0.0), None)), Ok(json!(1.5)));
        assert_eq!(number("${rate}", true, (Some(1.0), None)), Ok(json!("${rate}")));
        assert_eq!(number("1.5", true, (None, None)), Err("`1.5` is not a whole number.".to_owned()));
        assert_eq!(number("0", true, (Some(1.0), Some(9.0))), Err("Should be a whole number from 1 to 9.".to_owned()));
        assert_eq!(number("-1", false, (Some(0.0), None)), Err("Should be a number of at least 0.".to_owned()));
        assert!(number("inf", false, (None, None)).is_err());
        assert!(number("12x", false, (None, None)).is_err());
    }

    #[test]
    fn lengths_of_time_keep_the_way_they_were_written() {
        assert_eq!(duration("90 s"), Ok(json!("90 s")));
        assert_eq!(duration("${lag}"), Ok(json!("${lag}")));
        assert!(duration("90").is_err());
    }
}
