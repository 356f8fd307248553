//! The run log: what the run said, newest at the bottom, with the moment and the node of each line.

use egui::{Align, Label, Layout, RichText, ScrollArea, Sense, Ui, vec2};
use millrace_protocol::LogLine;

use super::{empty_ui, toggle_ui};
use crate::command::Command;
use crate::context::ViewContext;
use crate::format;
use crate::icon::icon;
use crate::theme::{size, space};

const ROW_HEIGHT: f32 = 22.0;

/// What the log tab remembers.
#[derive(Debug, Default)]
pub(super) struct LogTab {
    only_errors: bool,
}

pub(super) fn tools_ui(ui: &mut Ui, state: &mut LogTab, ctx: &mut ViewContext<'_>) {
    if ctx.live.log.is_empty() {
        return;
    }
    toggle_ui(ui, "Errors only", &mut state.only_errors);
    let num_errors = ctx.live.log.iter().filter(|line| line.is_error).count() as u64;
    let words =
        format!("{}, {}", format::counted(ctx.live.log.len() as u64, "line"), format::counted(num_errors, "error"));
    ui.label(RichText::new(words).font(ctx.theme.small()).color(ctx.theme.text_weak));
}

pub(super) fn log_ui(ui: &mut Ui, state: &mut LogTab, ctx: &mut ViewContext<'_>) {
    let live = ctx.live;
    let lines: Vec<&LogLine> = live.log.iter().filter(|line| line.is_error || !state.only_errors).collect();
    if lines.is_empty() {
        let hint =
            if live.log.is_empty() { "Start a run: what it says appears here." } else { "The run has no errors." };
        return empty_ui(ui, ctx.theme, "Nothing here", hint);
    }
    let area = ScrollArea::vertical().id_salt("run_log").auto_shrink(false).stick_to_bottom(true);
    area.show_rows(ui, ROW_HEIGHT, lines.len(), |ui, rows| {
        for row in rows {
            line_ui(ui, ctx, lines[row]);
        }
    });
}

fn line_ui(ui: &mut Ui, ctx: &mut ViewContext<'_>, line: &LogLine) {
    let theme = ctx.theme;
    let (rect, row) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_HEIGHT), Sense::click());
    if row.hovered() {
        ui.painter().rect_filled(rect, 0.0, theme.hovered);
    }
    let mut ui = ui.new_child(
        egui::UiBuilder::new().max_rect(rect.shrink2(vec2(space::M, 0.0))).layout(Layout::left_to_right(Align::Center)),
    );
    let time = format!("{}.{:03}", format::clock(line.at_ms), line.at_ms % 1_000);
    ui.label(RichText::new(time).font(theme.mono()).color(theme.text_weak));
    if line.is_error {
        ui.label(RichText::new(icon("x-circle")).font(theme.icon_font(size::BODY)).color(theme.error))
            .on_hover_text("Error");
    }
    if let Some(node) = &line.node {
        ui.label(RichText::new(ctx.title_of(node)).font(theme.semibold(size::BODY)).color(theme.text));
    }
    let color = if line.is_error { theme.error } else { theme.text };
    ui.add(Label::new(RichText::new(&line.message).color(color)).truncate());
    if row.clicked()
        && let Some(node) = &line.node
    {
        ctx.commands.push(Command::JumpTo { node: node.clone(), param: None });
    }
    row.context_menu(|ui| {
        if ui.button("Copy line").clicked() {
            ui.copy_text(line.message.clone());
            ui.close();
        }
    });
}
