//! The breakpoint of the selected wire, and the list of all of them where nothing is selected.

use egui::{TextEdit, Ui};
use millrace_model::Wire;
use serde_json::Value;

use super::draft;
use super::parts::{icon_button, is_left, section_ui, weak};
use crate::command::Command;
use crate::context::ViewContext;
use crate::selection::Selection;
use crate::standing::Mark;

/// Whether the run halts on `wire`, and where.
pub(super) fn wire_breakpoint_ui(ui: &mut Ui, ctx: &mut ViewContext<'_>, wire: &Wire) {
    let theme = ctx.theme;
    section_ui(ui, theme, "Breakpoint");
    let mark = ctx.live.marks.get(wire).cloned();
    let mut is_on = mark.as_ref().is_some_and(|mark| mark.is_enabled);
    let set = |ctx: &mut ViewContext<'_>, mark| ctx.commands.push(Command::SetBreakpoint { wire: wire.clone(), mark });
    if ui.checkbox(&mut is_on, "Halt the run here").changed() {
        let mark = Mark { is_enabled: is_on, ..mark.clone().unwrap_or_default() };
        // What has no condition is quickly set again.
        let is_kept = is_on || !mark.condition.is_empty();
        set(ctx, is_kept.then_some(mark));
    }
    let Some(mark) = mark else {
        ui.label(weak(theme, "The run then stops before a row goes over this wire, and shows it."));
        return;
    };
    let id = ui.make_persistent_id(("breakpoint", wire));
    let value = Value::from(mark.condition.as_str());
    let mut text = draft::read(ui, id, Some(&value)).unwrap_or_else(|| mark.condition.clone());
    let label = ui.label(weak(theme, "Where (empty: at every batch)"));
    let field = TextEdit::singleline(&mut text).id(id).hint_text("temperature > 90").desired_width(f32::INFINITY);
    let response = ui.add(field.font(theme.mono())).labelled_by(label.id);
    if response.changed() {
        draft::keep(ui, id, text.clone(), Some(&value));
    }
    if is_left(&response) && text != mark.condition {
        draft::forget(ui, id);
        set(ctx, Some(Mark { condition: text.trim().to_owned(), ..mark }));
    }
}

/// All breakpoints of the pipeline.
pub(super) fn breakpoints_ui(ui: &mut Ui, ctx: &mut ViewContext<'_>) {
    let theme = ctx.theme;
    if ctx.live.marks.is_empty() {
        return;
    }
    section_ui(ui, theme, "Breakpoints");
    for (wire, mark) in &ctx.live.marks {
        let title = format!("{} → {}", ctx.title_of(&wire.from.node), ctx.title_of(&wire.to.node));
        ui.horizontal(|ui| {
            let mut is_enabled = mark.is_enabled;
            let check = ui.checkbox(&mut is_enabled, "").on_hover_text("Whether the run halts here");
            let name = format!("Breakpoint on {title}");
            check.widget_info(|| egui::WidgetInfo::selected(egui::Role::CheckBox, true, is_enabled, &name));
            if check.changed() {
                let mark = Some(Mark { is_enabled, ..mark.clone() });
                ctx.commands.push(Command::SetBreakpoint { wire: wire.clone(), mark });
            }
            if icon_button(ui, theme, "trash", &format!("Remove the breakpoint on {title}")).clicked() {
                ctx.commands.push(Command::SetBreakpoint { wire: wire.clone(), mark: None });
            }
            if ui.link(&title).on_hover_text(mark.words()).clicked() {
                ctx.commands.push(Command::Select(Selection::wire(wire.clone())));
            }
        });
        if !mark.condition.is_empty() {
            ui.label(egui::RichText::new(&mark.condition).font(theme.mono()).color(theme.text_weak));
        }
    }
}
