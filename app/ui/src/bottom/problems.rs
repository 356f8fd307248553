//! The problems tab: every fault that the last check found, each with a jump and, where one is known, a fix.

use egui::{Align, Label, Layout, RichText, Role, ScrollArea, Sense, Ui, WidgetInfo, vec2};
use millrace_model::{Diagnostic, Severity};

use super::empty_ui;
use crate::command::Command;
use crate::context::ViewContext;
use crate::icon::icon;
use crate::selection::Selection;
use crate::theme::{size, space};

pub(super) fn problems_ui(ui: &mut Ui, ctx: &mut ViewContext<'_>) {
    let checked = ctx.checked;
    if checked.diagnostics.is_empty() {
        return empty_ui(ui, ctx.theme, "No problems", "The pipeline can run.");
    }
    let mut problems: Vec<&Diagnostic> = checked.diagnostics.iter().collect();
    problems.sort_by_key(|problem| problem.severity);
    ScrollArea::vertical().id_salt("problems").auto_shrink(false).show_rows(
        ui,
        space::ROW,
        problems.len(),
        |ui, rows| {
            for row in rows {
                problem_ui(ui, ctx, problems[row]);
            }
        },
    );
}

fn problem_ui(ui: &mut Ui, ctx: &mut ViewContext<'_>, problem: &Diagnostic) {
    let theme = ctx.theme;
    let (glyph, color, word) = match problem.severity {
        Severity::Error => ("x-circle", theme.error, "Error"),
        Severity::Warning => ("warning", theme.warning, "Warning"),
    };
    let title = problem.node.as_ref().map_or_else(|| "Pipeline".to_owned(), |node| ctx.path_to(node));
    let (rect, row) = ui.allocate_exact_size(vec2(ui.available_width(), space::ROW), Sense::click());
    let words = format!("{word} in {title}: {}", problem.message);
    row.widget_info(|| WidgetInfo::labeled(Role::Button, true, &words));
    if row.hovered() || row.has_focus() {
        ui.painter().rect_filled(rect, 0.0, theme.hovered);
    }
    let mut line = ui.new_child(
        egui::UiBuilder::new().max_rect(rect.shrink2(vec2(space::M, 0.0))).layout(Layout::left_to_right(Align::Center)),
    );
    line.label(RichText::new(icon(glyph)).font(theme.icon_font(size::ICON)).color(color)).on_hover_text(word);
    line.label(RichText::new(&title).font(theme.semibold(size::BODY)).color(theme.text));
    line.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if let Some(fix) = &problem.fix
            && ui.button(&fix.label).clicked()
        {
            ctx.commands.push(Command::Edit { label: fix.label.clone(), edits: fix.edits.clone(), merge: None });
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.add(Label::new(RichText::new(&problem.message).color(theme.text_weak)).truncate());
        });
    });
    if row.clicked() {
        match (&problem.node, &problem.wire) {
            (Some(node), _) => {
                ctx.commands.push(Command::JumpTo { node: node.clone(), param: problem.param.clone() });
            }
            (None, Some(wire)) => ctx.commands.push(Command::Select(Selection::wire(wire.clone()))),
            (None, None) => {}
        }
    }
}
