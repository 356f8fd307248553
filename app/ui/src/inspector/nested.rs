//! Params that hold other params: groups, one of several groups, and lists. A change inside gives the whole new value.

use egui::{Align, ComboBox, Frame, Layout, Margin, RichText, Ui};
use millrace_model::card::Variant;
use millrace_model::{FieldKind, Form};
use serde_json::{Map, Value};

use super::field::{Slot, value_ui};
use super::form::{Change, FormContext, inner_field_ui};
use super::parts::{icon_button, icon_button_if, weak};
use crate::icon::icon;
use crate::theme::{radius, space};

fn join(path: &str, name: &str) -> String {
    format!("{path}.{name}")
}

/// The fields of a value that is to be an object; what its default says where there is no value.
fn fields_of(value: Option<&Value>, default: Option<&Value>) -> Map<String, Value> {
    value.or(default).and_then(Value::as_object).cloned().unwrap_or_default()
}

/// Draws the fields of `inner`; gives the object with what was changed, and whether that was typing.
fn fields_ui(
    ui: &mut Ui,
    form: &mut FormContext<'_>,
    path: &str,
    inner: &Form,
    fields: &Map<String, Value>,
) -> Option<Change> {
    let mut changed: Option<(Map<String, Value>, bool)> = None;
    for field in &inner.fields {
        let path = join(path, &field.name);
        let change =
            ui.push_id(&field.name, |ui| inner_field_ui(ui, form, field, &path, fields.get(&field.name))).inner;
        if let Some(change) = change {
            let (object, is_typing) = changed.get_or_insert_with(|| (fields.clone(), true));
            *is_typing &= change.is_typing;
            match change.value {
                Some(value) => _ = object.insert(field.name.clone(), value),
                None => _ = object.remove(&field.name),
            }
        }
    }
    changed.map(|(object, is_typing)| Change { value: Some(Value::Object(object)), is_typing })
}

pub(super) fn group_ui(
    ui: &mut Ui,
    form: &mut FormContext<'_>,
    slot: &Slot<'_>,
    inner: &Form,
    value: Option<&Value>,
) -> Option<Change> {
    let fields = fields_of(value, slot.default);
    frame(form).show(ui, |ui| fields_ui(ui, form, slot.path, inner, &fields)).inner
}

pub(super) fn variant_ui(
    ui: &mut Ui,
    form: &mut FormContext<'_>,
    slot: &Slot<'_>,
    tag: &str,
    variants: &[Variant],
    value: Option<&Value>,
) -> Option<Change> {
    frame(form).show(ui, |ui| variant_fields_ui(ui, form, slot, tag, variants, value)).inner
}

/// The choice of the variant and its fields, without a frame.
fn variant_fields_ui(
    ui: &mut Ui,
    form: &mut FormContext<'_>,
    slot: &Slot<'_>,
    tag: &str,
    variants: &[Variant],
    value: Option<&Value>,
) -> Option<Change> {
    let fields = fields_of(value, slot.default);
    let written = fields.get(tag).and_then(Value::as_str);
    let chosen = variants.iter().find(|variant| Some(variant.value.as_str()) == written);
    let shown = match (chosen, written) {
        (Some(variant), _) => RichText::new(&variant.title),
        (None, Some(written)) => RichText::new(written).color(form.theme.error),
        (None, None) => RichText::new("Choose…").color(form.theme.text_weak),
    };
    let path = join(slot.path, tag);
    let mut change = None;
    let combo = ComboBox::from_id_salt(form.id(&path)).selected_text(shown).width(ui.available_width());
    let response = combo.show_ui(ui, |ui| {
        for variant in variants {
            let row = ui.selectable_label(Some(variant.value.as_str()) == written, &variant.title);
            let row = if variant.help.is_empty() { row } else { row.on_hover_text(variant.help.replace('`', "")) };
            if row.clicked() {
                change = Some(switched(&fields, tag, variant));
            }
        }
    });
    match slot.label {
        Some(label) => _ = response.response.clone().labelled_by(label),
        None => {
            let name = slot.title.to_owned();
            response.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, name.clone()));
        }
    }
    form.focus_if_wanted(&path, &response.response);
    if let Some(change) = change {
        return Some(change);
    }
    let chosen = chosen?;
    ui.push_id(&chosen.value, |ui| fields_ui(ui, form, slot.path, &chosen.form, &fields)).inner
}

/// The value as another variant: what both have in common stays.
fn switched(fields: &Map<String, Value>, tag: &str, variant: &Variant) -> Change {
    let mut object = Map::new();
    object.insert(tag.to_owned(), Value::from(variant.value.as_str()));
    let common = fields.iter().filter(|(name, _)| *name != tag && variant.form.field(name).is_some());
    object.extend(common.map(|(name, value)| (name.clone(), value.clone())));
    Change::to(Value::Object(object))
}

/// What was done to the items of a list.
enum Act {
    Replace(usize, Change),
    Remove(usize),
    Swap(usize, usize),
    Add,
}

pub(super) fn list_ui(
    ui: &mut Ui,
    form: &mut FormContext<'_>,
    slot: &Slot<'_>,
    item_kind: &FieldKind,
    value: Option<&Value>,
) -> Option<Change> {
    let no_items = Vec::new();
    let items = value.or(slot.default).and_then(Value::as_array).unwrap_or(&no_items);
    let mut act = None;
    for (index, item) in items.iter().enumerate() {
        let path = format!("{}[{index}]", slot.path);
        let title = format!("{} {}", slot.title, index + 1);
        let item_slot = Slot { title: &title, path: &path, default: None, help: "", label: None };
        ui.push_id(index, |ui| {
            let change = match item_kind {
                FieldKind::Group { .. } | FieldKind::Variant { .. } | FieldKind::List { .. } => {
                    card_ui(ui, form, &item_slot, item_kind, item, (index, items.len()), &mut act)
                }
                _ => row_ui(ui, form, &item_slot, item_kind, item, (index, items.len()), &mut act),
            };
            if let Some(change) = change {
                act = Some(Act::Replace(index, change));
            }
        });
    }
    let add = format!("Add to {}", slot.title.to_lowercase());
    let text = RichText::new(format!("{} {add}", icon("plus"))).color(form.theme.accent);
    let response = ui.add(egui::Button::new(text).frame_when_inactive(false));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, add.clone()));
    form.focus_if_wanted(slot.path, &response);
    if response.clicked() {
        act = Some(Act::Add);
    }
    act.map(|act| apply(act, items, item_kind))
}

fn apply(act: Act, items: &[Value], item_kind: &FieldKind) -> Change {
    let mut items = items.to_vec();
    let mut is_typing = false;
    match act {
        Act::Replace(index, change) => {
            is_typing = change.is_typing;
            items[index] = change.value.unwrap_or_else(|| blank(item_kind));
        }
        Act::Remove(index) => _ = items.remove(index),
        Act::Swap(a, b) => items.swap(a, b),
        Act::Add => items.push(first_value(item_kind)),
    }
    Change { value: Some(Value::Array(items)), is_typing }
}

/// An item that is a card of its own: its number and buttons on top, its fields below.
fn card_ui(
    ui: &mut Ui,
    form: &mut FormContext<'_>,
    slot: &Slot<'_>,
    kind: &FieldKind,
    item: &Value,
    place: (usize, usize),
    act: &mut Option<Act>,
) -> Option<Change> {
    frame(form)
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.label(weak(form.theme, (place.0 + 1).to_string()));
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| buttons_ui(ui, form, slot.title, place, act));
            });
            match kind {
                FieldKind::Group { form: inner } => fields_ui(ui, form, slot.path, inner, &fields_of(Some(item), None)),
                FieldKind::Variant { tag, variants } => variant_fields_ui(ui, form, slot, tag, variants, Some(item)),
                other => value_ui(ui, form, slot, other, Some(item)),
            }
        })
        .inner
}

/// An item on one line, its buttons at the end.
fn row_ui(
    ui: &mut Ui,
    form: &mut FormContext<'_>,
    slot: &Slot<'_>,
    kind: &FieldKind,
    item: &Value,
    place: (usize, usize),
    act: &mut Option<Act>,
) -> Option<Change> {
    ui.with_layout(Layout::right_to_left(Align::TOP), |ui| {
        buttons_ui(ui, form, slot.title, place, act);
        // The number stands for a label, so that the field has a name.
        let room = ui.available_width();
        ui.allocate_ui_with_layout(egui::vec2(room, space::ROW), Layout::top_down(Align::LEFT), |ui| {
            let named = Slot { label: Some(hidden_label(ui, slot.title)), ..*slot };
            value_ui(ui, form, &named, kind, Some(item))
        })
        .inner
    })
    .inner
}

/// A label that takes no room: only a name for the widget after it.
fn hidden_label(ui: &mut Ui, text: &str) -> egui::Id {
    let rect = egui::Rect::from_min_size(ui.cursor().min, egui::Vec2::ZERO);
    let response = ui.interact(rect, ui.scope_id().with("name"), egui::Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, text));
    response.id
}

fn buttons_ui(ui: &mut Ui, form: &FormContext<'_>, title: &str, (index, len): (usize, usize), act: &mut Option<Act>) {
    ui.spacing_mut().item_spacing.x = 0.0;
    if icon_button(ui, form.theme, "trash", &format!("Remove {title}")).clicked() {
        *act = Some(Act::Remove(index));
    }
    if len > 1 {
        if icon_button_if(ui, form.theme, "arrow-down", &format!("Move {title} down"), index + 1 < len).clicked() {
            *act = Some(Act::Swap(index, index + 1));
        }
        if icon_button_if(ui, form.theme, "arrow-up", &format!("Move {title} up"), index > 0).clicked() {
            *act = Some(Act::Swap(index, index - 1));
        }
    }
    ui.add_space(2.0);
}

/// What an emptied item of a list becomes.
fn blank(kind: &FieldKind) -> Value {
    match kind {
        FieldKind::Group { .. } | FieldKind::Variant { .. } => Value::Object(Map::new()),
        FieldKind::List { .. } => Value::Array(Vec::new()),
        FieldKind::Boolean => Value::Bool(false),
        FieldKind::Integer { .. } | FieldKind::Number { .. } | FieldKind::Json => Value::Null,
        FieldKind::Text { .. }
        | FieldKind::Secret
        | FieldKind::Duration
        | FieldKind::Expression { .. }
        | FieldKind::Column
        | FieldKind::Path
        | FieldKind::Choice { .. } => Value::from(""),
    }
}

/// What a new item of a list is: as much of it as can be known.
fn first_value(kind: &FieldKind) -> Value {
    match kind {
        FieldKind::Choice { options } => {
            options.first().map_or(Value::Null, |option| Value::from(option.value.as_str()))
        }
        FieldKind::Variant { tag, variants } => match variants.first() {
            Some(variant) => Value::Object(Map::from_iter([(tag.clone(), Value::from(variant.value.as_str()))])),
            None => Value::Object(Map::new()),
        },
        FieldKind::Integer { min, .. } => Value::from(min.unwrap_or(0.0).ceil() as i64),
        FieldKind::Number { min, .. } => Value::from(min.unwrap_or(0.0)),
        FieldKind::Duration => Value::from("1 s"),
        other => blank(other),
    }
}

fn frame(form: &FormContext<'_>) -> Frame {
    Frame::new()
        .inner_margin(Margin::symmetric(8, 6))
        .corner_radius(radius::FIELD)
        .fill(form.theme.ground.gamma_multiply(if form.theme.is_dark { 0.6 } else { 1.0 }))
        .stroke(form.theme.line_stroke())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn another_variant_keeps_the_fields_that_both_have() {
        let field = |name: &str| millrace_model::Field {
            keeps_state: false,
            name: name.to_owned(),
            title: name.to_owned(),
            help: String::new(),
            required: false,
            default: None,
            kind: FieldKind::Duration,
        };
        let variant = Variant {
            value: "walk".to_owned(),
            title: "Walk".to_owned(),
            help: String::new(),
            form: Form { fields: vec![field("period"), field("step")] },
        };
        let before = fields_of(Some(&json!({"model": "sine", "period": "1 s", "phase": 3})), None);
        assert_eq!(switched(&before, "model", &variant), Change::to(json!({"model": "walk", "period": "1 s"})));
    }

    #[test]
    fn an_emptied_item_stays_in_its_list() {
        let items = [json!("a"), json!("b")];
        let text = FieldKind::Text { multiline: false };
        let change = apply(Act::Replace(0, Change::typed(None)), &items, &text);
        assert_eq!(change, Change { value: Some(json!(["", "b"])), is_typing: true });
        assert_eq!(apply(Act::Swap(1, 0), &items, &text).value, Some(json!(["b", "a"])));
        assert_eq!(apply(Act::Remove(0), &items, &text).value, Some(json!(["b"])));
    }
}
