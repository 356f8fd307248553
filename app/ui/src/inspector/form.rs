//! The form of a node's params: labels, help and problems around the widgets of [`super::field`], and the edits that the
//! widgets' changes become.
//!
//! A place in the params is named by its path as diagnostics write it (`aggregates[0].expression`). A problem is shown
//! right under the field of its path; one whose path has no field is shown under the nearest field around it, so that
//! none is ever lost.

use std::collections::BTreeSet;

use egui::{Align, Id, Layout, Response, RichText, Ui, vec2};
use millrace_model::{Diagnostic, Edit, Field, FieldKind, Form, Node, NodeCard, NodeId, Params, Section, Severity};
use millrace_protocol::Column;
use serde_json::Value;

use super::field::{Slot, value_ui};
use super::parts::{first_sentence, icon_button, section_ui, weak};
use crate::command::Command;
use crate::context::ViewContext;
use crate::icon::icon;
use crate::theme::{Theme, size, space};

/// Width of the labels that stand beside their fields, inside groups and lists.
const LABEL_WIDTH: f32 = 92.0;

/// A new value of a param or of a part of it; none means that the default holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub value: Option<Value>,
    /// One of many on the way: the letters of a word, which make one undo step.
    pub is_typing: bool,
}

impl Change {
    pub fn to(value: impl Into<Value>) -> Self {
        Self { value: Some(value.into()), is_typing: false }
    }

    pub fn to_default() -> Self {
        Self { value: None, is_typing: false }
    }

    pub(super) fn typed(value: Option<Value>) -> Self {
        Self { value, is_typing: true }
    }
}

/// What the fields of one node's form need to know.
#[derive(Debug)]
pub struct FormContext<'a> {
    pub theme: &'a Theme,
    pub node: &'a NodeId,
    /// The columns that the node's expressions may use.
    pub columns: &'a [Column],
    /// Names of the pipeline's parameters.
    pub parameters: &'a [String],
    pub problems: Vec<&'a Diagnostic>,
    /// The param that is to take the focus in this frame.
    pub focus: Option<&'a str>,
    /// Whether files of the host's machine can be picked in a dialog.
    pub can_browse: bool,
    /// Whether picked files are to be written.
    pub saves: bool,
    pub commands: Vec<Command>,
    shown: BTreeSet<usize>,
}

impl<'a> FormContext<'a> {
    pub fn new(theme: &'a Theme, node: &'a NodeId) -> Self {
        Self {
            theme,
            node,
            columns: &[],
            parameters: &[],
            problems: Vec::new(),
            focus: None,
            can_browse: false,
            saves: false,
            commands: Vec::new(),
            shown: BTreeSet::new(),
        }
    }

    /// The id of the widget of a param.
    pub(super) fn id(&self, path: &str) -> Id {
        Id::unique(("param", self.node, path))
    }

    /// Gives the field of `path` the focus, if that is what was jumped to.
    pub(super) fn focus_if_wanted(&self, path: &str, response: &Response) {
        if self.focus == Some(path) {
            response.request_focus();
            response.scroll_to_me(Some(Align::Center));
        }
    }

    /// Shows the problems whose path is one that `is_here` accepts and that were not shown yet.
    fn problems_ui(&mut self, ui: &mut Ui, is_here: impl Fn(Option<&str>) -> bool) {
        for (index, problem) in self.problems.iter().enumerate() {
            if is_here(problem.param.as_deref()) && self.shown.insert(index) {
                self.commands.extend(problem_ui(ui, self.theme, problem));
            }
        }
    }
}

/// One problem in words, with its fix; gives what the person chose to do.
fn problem_ui(ui: &mut Ui, theme: &Theme, problem: &Diagnostic) -> Option<Command> {
    let (glyph, color) = match problem.severity {
        Severity::Error => ("x-circle", theme.error),
        Severity::Warning => ("warning", theme.warning),
    };
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.label(RichText::new(icon(glyph)).font(theme.icon_font(size::BODY)).color(color));
        ui.label(RichText::new(&problem.message).font(theme.small()).color(color));
        let fix = problem.fix.as_ref()?;
        let is_chosen = ui.small_button(&fix.label).clicked();
        is_chosen.then(|| Command::Edit { label: fix.label.clone(), edits: fix.edits.clone(), merge: None })
    })
    .inner
}

/// The form of `node`: gives the edits and whatever else was asked for in it.
pub(super) fn node_form_ui(ui: &mut Ui, ctx: &ViewContext<'_>, node: &Node, card: &NodeCard) -> Vec<Command> {
    let mut columns: Vec<Column> = Vec::new();
    let inputs = ctx.ports_of(&node.id).map(|ports| ports.inputs.as_slice()).unwrap_or_default();
    for column in inputs.iter().filter_map(|port| port.columns.as_ref()).flatten() {
        if !columns.contains(column) {
            columns.push(column.clone());
        }
    }
    let parameters: Vec<String> = ctx.pipeline().parameters().keys().cloned().collect();
    let focus = ctx.focus_param.filter(|(id, _)| *id == &node.id).map(|(_, param)| param);
    let mut form = FormContext {
        columns: &columns,
        parameters: &parameters,
        problems: ctx.diagnostics_of(&node.id).collect(),
        focus,
        can_browse: ctx.is_local,
        saves: card.section == Section::Store,
        ..FormContext::new(ctx.theme, &node.id)
    };
    form.problems_ui(ui, |path| path.is_none_or(|path| card.form.field(root_of(path)).is_none()));
    if !card.form.fields.is_empty() {
        section_ui(ui, ctx.theme, "Settings");
    }
    let changes = form_ui(ui, &mut form, &card.form, &node.params);
    let title = ctx.title_of(&node.id);
    let edits = changes.into_iter().map(|(field, change)| Command::Edit {
        label: format!("Set {} of {title}", lower_first(&field.title)),
        merge: change.is_typing.then(|| format!("param:{}:{}", node.id, field.name)),
        edits: vec![Edit::SetParam { id: node.id.clone(), name: field.name.clone(), value: change.value }],
    });
    // The edits go first: a burst ends after the letter that ends it.
    edits.chain(form.commands).collect()
}

fn lower_first(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn root_of(path: &str) -> &str {
    path.split(['.', '[']).next().unwrap_or(path)
}

/// Draws a field for each param of `fields`; gives the params that were changed.
pub fn form_ui<'f>(
    ui: &mut Ui,
    form: &mut FormContext<'_>,
    fields: &'f Form,
    params: &Params,
) -> Vec<(&'f Field, Change)> {
    let mut changes = Vec::new();
    for field in &fields.fields {
        ui.push_id(&field.name, |ui| {
            if let Some(change) = field_ui(ui, form, field, &field.name, params.get(&field.name)) {
                changes.push((field, change));
            }
        });
        let name = field.name.as_str();
        form.problems_ui(ui, |path| path.is_some_and(|path| root_of(path) == name));
        ui.add_space(space::S);
    }
    changes
}

/// A field of the node itself: label above, help and problems below.
fn field_ui(
    ui: &mut Ui,
    form: &mut FormContext<'_>,
    field: &Field,
    path: &str,
    value: Option<&Value>,
) -> Option<Change> {
    let mut change = None;
    let label = if names_itself(&field.kind, value) {
        None
    } else {
        let label = ui.horizontal(|ui| {
            let label = label_ui(ui, form, field, path);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                change = reset_ui(ui, form, field, value);
            });
            label
        });
        Some(label.inner.id)
    };
    let slot = Slot { title: &field.title, path, default: field.default.as_ref(), help: &field.help, label };
    if let Some(made) = value_ui(ui, form, &slot, &field.kind, value) {
        change = Some(made);
    }
    let sentence = first_sentence(&field.help);
    if !sentence.is_empty() {
        ui.label(weak(form.theme, sentence));
    }
    form.problems_ui(ui, |found| found == Some(path));
    change
}

/// A field inside a group: label at the left where it fits on one line.
pub(super) fn inner_field_ui(
    ui: &mut Ui,
    form: &mut FormContext<'_>,
    field: &Field,
    path: &str,
    value: Option<&Value>,
) -> Option<Change> {
    let slot = |label| Slot { title: &field.title, path, default: field.default.as_ref(), help: &field.help, label };
    let is_wide = matches!(
        field.kind,
        FieldKind::List { .. } | FieldKind::Group { .. } | FieldKind::Variant { .. } | FieldKind::Json
    );
    let change = if names_itself(&field.kind, value) {
        value_ui(ui, form, &slot(None), &field.kind, value)
    } else if is_wide {
        let label = label_ui(ui, form, field, path).id;
        value_ui(ui, form, &slot(Some(label)), &field.kind, value)
    } else {
        // Top-aligned, so that a message under the field does not move the label.
        ui.horizontal_top(|ui| {
            let label =
                ui.allocate_ui_with_layout(vec2(LABEL_WIDTH, space::ROW), Layout::left_to_right(Align::Center), |ui| {
                    ui.set_width(LABEL_WIDTH);
                    label_ui(ui, form, field, path).id
                });
            ui.vertical(|ui| value_ui(ui, form, &slot(Some(label.inner)), &field.kind, value)).inner
        })
        .inner
    };
    form.problems_ui(ui, |found| found == Some(path));
    change
}

/// Whether the widget carries the field's title itself: a check box does.
fn names_itself(kind: &FieldKind, value: Option<&Value>) -> bool {
    matches!(kind, FieldKind::Boolean) && value.is_none_or(Value::is_boolean)
}

fn label_ui(ui: &mut Ui, form: &FormContext<'_>, field: &Field, path: &str) -> Response {
    ui.spacing_mut().item_spacing.x = 3.0;
    let text = RichText::new(&field.title).font(form.theme.small()).color(form.theme.text_weak);
    let label = ui.add(egui::Label::new(text).truncate());
    if field.required {
        ui.label(RichText::new("*").font(form.theme.small()).color(form.theme.accent))
            .on_hover_text("Must be filled in");
    }
    if form.focus == Some(path) {
        label.scroll_to_me(Some(Align::Center));
    }
    if field.help.is_empty() { label } else { label.on_hover_text(field.help.replace('`', "")) }
}

fn reset_ui(ui: &mut Ui, form: &FormContext<'_>, field: &Field, value: Option<&Value>) -> Option<Change> {
    if field.required || value.is_none() {
        return None;
    }
    let label = match &field.default {
        Some(default) => format!("Reset {} to {}", lower_first(&field.title), short_json(default)),
        None => format!("Clear {}", lower_first(&field.title)),
    };
    let is_wanted = icon_button(ui, form.theme, "arrow-counter-clockwise", &label).clicked();
    is_wanted.then(Change::to_default)
}

/// A value as a person reads it; long ones by their kind.
pub(super) fn short_json(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "an empty list".to_owned(),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "its default".to_owned(),
        other => other.to_string(),
    }
}
