//! The pipeline itself, shown while nothing is selected: its name, its size, its parameters and its bookmarks.

use egui::{Align, ComboBox, Frame, Layout, Margin, RichText, TextEdit, Ui};
use millrace_model::{Edit, Parameter, ParameterType};
use serde_json::Value;

use super::bookmarks::bookmarks_ui;
use super::breakpoint::breakpoints_ui;
use super::draft;
use super::parts::{icon_button, is_left, section_ui, weak};
use crate::command::{Command, edit};
use crate::context::ViewContext;
use crate::format;
use crate::theme::{radius, size, space};

const TYPES: [(ParameterType, &str); 4] = [
    (ParameterType::Text, "Text"),
    (ParameterType::Integer, "Whole number"),
    (ParameterType::Number, "Number"),
    (ParameterType::Boolean, "True or false"),
];

/// The name that is typed for a new parameter.
#[derive(Debug, Default)]
pub(super) struct NewParameter {
    name: String,
}

pub(super) fn pipeline_ui(ui: &mut Ui, new: &mut NewParameter, ctx: &mut ViewContext<'_>) {
    let theme = ctx.theme;
    ui.label(RichText::new("Pipeline").font(theme.semibold(size::HEADING)).color(theme.text_strong));
    name_ui(ui, ctx);
    let pipeline = ctx.pipeline();
    let counts = format!(
        "{}, {}, {}",
        format::counted(pipeline.num_nodes() as u64, "node"),
        format::counted(pipeline.wires().len() as u64, "wire"),
        format::counted(ctx.checked.diagnostics.len() as u64, "problem"),
    );
    ui.label(weak(theme, counts));

    section_ui(ui, theme, "Parameters");
    ui.label(weak(
        theme,
        "Write ${name} in any setting of a node; a run can give another value with --set name=value.",
    ));
    for (name, parameter) in ctx.document.pipeline().parameters() {
        ui.push_id(name, |ui| parameter_ui(ui, ctx, name, parameter));
    }
    new_parameter_ui(ui, new, ctx);
    bookmarks_ui(ui, ctx);
    breakpoints_ui(ui, ctx);

    ui.add_space(space::L);
    ui.label(weak(
        theme,
        "Select a node to see its settings. Drag nodes from the left onto the canvas, and drag from \
                          port to port to wire them.",
    ));
}

fn name_ui(ui: &mut Ui, ctx: &mut ViewContext<'_>) {
    let label = ui.label(weak(ctx.theme, "Name"));
    let mut name = ctx.document.name().to_owned();
    let response = ui.add(TextEdit::singleline(&mut name).desired_width(f32::INFINITY).id_salt("pipeline_name"));
    let response = response.labelled_by(label.id);
    if response.changed() {
        ctx.commands.push(Command::Edit {
            label: "Rename the pipeline".to_owned(),
            edits: vec![Edit::SetName { name }],
            merge: Some("pipeline_name".to_owned()),
        });
    }
    if is_left(&response) {
        ctx.commands.push(Command::EndBurst);
    }
}

fn parameter_ui(ui: &mut Ui, ctx: &mut ViewContext<'_>, name: &str, parameter: &Parameter) {
    let theme = ctx.theme;
    let mut change: Option<(Parameter, bool)> = None;
    let mut is_removed = false;
    let mut has_left = false;
    let frame = Frame::new().fill(theme.ground).stroke(theme.line_stroke()).corner_radius(radius::FIELD);
    frame.inner_margin(Margin::symmetric(8, 6)).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.label(RichText::new(name).font(theme.mono()).color(theme.text_strong));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                is_removed = icon_button(ui, theme, "trash", &format!("Remove parameter {name}")).clicked();
                let current = TYPES.iter().find(|(known, _)| *known == parameter.parameter_type);
                let shown = current.map_or("", |(_, title)| title);
                let combo = ComboBox::from_id_salt("type").selected_text(shown).width(110.0);
                let response = combo.show_ui(ui, |ui| {
                    for (parameter_type, title) in TYPES {
                        if ui.selectable_label(parameter_type == parameter.parameter_type, title).clicked() {
                            change = Some((retyped(parameter, parameter_type), false));
                        }
                    }
                });
                let label = format!("Type of {name}");
                response.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, label.clone()));
            });
        });
        let label = ui.label(weak(theme, "Default"));
        if let Some((value, left)) = default_ui(ui, ctx, name, parameter, label.id) {
            has_left |= left;
            if let Some(value) = value {
                change = Some((Parameter { default: value, ..parameter.clone() }, true));
            }
        }
        let label = ui.label(weak(theme, "Help"));
        let mut help = parameter.help.clone();
        let response = ui.add(
            TextEdit::singleline(&mut help).id_salt("help").desired_width(f32::INFINITY).hint_text("What it is for"),
        );
        let response = response.labelled_by(label.id);
        has_left |= is_left(&response);
        if response.changed() {
            change = Some((Parameter { help, ..parameter.clone() }, true));
        }
    });
    let set = |parameter| vec![Edit::SetParameter { name: name.to_owned(), parameter }];
    if is_removed {
        edit(ctx.commands, format!("Remove parameter {name}"), set(None));
    } else if let Some((parameter, is_typing)) = change {
        ctx.commands.push(Command::Edit {
            label: format!("Change parameter {name}"),
            edits: set(Some(parameter)),
            merge: is_typing.then(|| format!("parameter:{name}")),
        });
    }
    if has_left {
        ctx.commands.push(Command::EndBurst);
    }
}

/// The field of the default: the new value, if it is one of the type, and whether the field was left.
fn default_ui(
    ui: &mut Ui,
    ctx: &ViewContext<'_>,
    name: &str,
    parameter: &Parameter,
    label: egui::Id,
) -> Option<(Option<Value>, bool)> {
    if let (ParameterType::Boolean, Value::Bool(is_on)) = (parameter.parameter_type, &parameter.default) {
        let mut is_on = *is_on;
        let word = is_on.to_string();
        let response = ui.checkbox(&mut is_on, word).labelled_by(label);
        return response.changed().then_some((Some(Value::Bool(is_on)), true));
    }
    let id = egui::Id::unique(("parameter", name));
    let written = match &parameter.default {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let drafted = draft::read(ui, id.with("draft"), Some(&parameter.default));
    let mut text = drafted.clone().unwrap_or(written);
    let response = ui.add(TextEdit::singleline(&mut text).id(id).font(ctx.theme.mono()).desired_width(f32::INFINITY));
    let response = response.labelled_by(label);
    let read = parameter.parameter_type.parse(text.trim());
    let mut value = None;
    if response.changed() {
        let kept = read.as_ref().unwrap_or(&parameter.default);
        draft::keep(ui, id.with("draft"), text.clone(), Some(kept));
        value = read.as_ref().ok().filter(|read| **read != parameter.default).cloned();
    } else if drafted.is_some() && read.is_ok() && !response.has_focus() {
        draft::forget(ui, id.with("draft"));
    }
    if let Err(reason) = read {
        ui.label(RichText::new(format!("{reason}.")).font(ctx.theme.small()).color(ctx.theme.error));
    }
    Some((value, is_left(&response)))
}

/// The parameter with another type; its default too, where it can be read as one.
fn retyped(parameter: &Parameter, parameter_type: ParameterType) -> Parameter {
    let text = match &parameter.default {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let default = parameter_type.parse(&text).unwrap_or_else(|_| blank(parameter_type));
    Parameter { parameter_type, default, ..parameter.clone() }
}

fn blank(parameter_type: ParameterType) -> Value {
    match parameter_type {
        ParameterType::Text => Value::from(""),
        ParameterType::Integer => Value::from(0),
        ParameterType::Number => Value::from(0.0),
        ParameterType::Boolean => Value::Bool(false),
    }
}

fn new_parameter_ui(ui: &mut Ui, new: &mut NewParameter, ctx: &mut ViewContext<'_>) {
    let theme = ctx.theme;
    ui.add_space(space::XS);
    let label = ui.label(weak(theme, "New parameter"));
    let mut wants = false;
    ui.horizontal(|ui| {
        let edit = TextEdit::singleline(&mut new.name).hint_text("name").font(theme.mono());
        let response = ui.add(edit.desired_width((ui.available_width() - 60.0).max(60.0)).id_salt("new_parameter"));
        let response = response.labelled_by(label.id);
        wants = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        let can_add = !new.name.is_empty() && fault_of(&new.name, ctx).is_none();
        wants |= ui.add_enabled(can_add, egui::Button::new("Add")).clicked();
    });
    let fault = if new.name.is_empty() { None } else { fault_of(&new.name, ctx) };
    if let Some(fault) = &fault {
        ui.label(RichText::new(fault).font(theme.small()).color(theme.error));
    }
    if wants && fault.is_none() && !new.name.is_empty() {
        let name = std::mem::take(&mut new.name);
        let parameter =
            Parameter { default: Value::from(""), help: String::new(), parameter_type: ParameterType::Text };
        let add = Edit::SetParameter { name: name.clone(), parameter: Some(parameter) };
        edit(ctx.commands, format!("Add parameter {name}"), vec![add]);
    }
}

/// Why a parameter cannot have this name.
fn fault_of(name: &str, ctx: &ViewContext<'_>) -> Option<String> {
    if !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return Some("A name has only letters, digits and underscores.".to_owned());
    }
    ctx.pipeline().parameters().contains_key(name).then(|| format!("There is a parameter `{name}` already."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn another_type_keeps_the_default_where_it_can() {
        let rate = Parameter { default: json!("12"), help: "Rows".to_owned(), parameter_type: ParameterType::Text };
        let number = retyped(&rate, ParameterType::Integer);
        assert_eq!((number.default.clone(), number.help.as_str()), (json!(12), "Rows"));
        assert_eq!(retyped(&number, ParameterType::Boolean).default, json!(false));
        assert_eq!(retyped(&number, ParameterType::Text).default, json!("12"));
    }
}
