//! The data tab: the newest rows of the watched wire as a table or a quick chart, frozen or not, and as CSV.

use egui::{RichText, Ui};
use millrace_model::Wire;

use super::quick_look::{QuickLook, quick_look_ui};
use super::{csv, empty_ui, toggle_ui};
use crate::capture;
use crate::command::Command;
use crate::context::ViewContext;
use crate::data_table::{RowOrder, data_table_ui, marked_table_ui};
use crate::format;
use crate::inspector::icon_button;
use crate::live::Tap;

/// What the data tab remembers.
#[derive(Debug, Default)]
pub(super) struct DataTab {
    /// The rows as they were when the person froze them.
    frozen: Option<Tap>,
    is_chart: bool,
    quick_look: QuickLook,
}

impl DataTab {
    /// The rows to show: the frozen ones as long as they are of the wire that is watched.
    fn rows<'a>(&'a self, ctx: &ViewContext<'a>) -> Option<&'a Tap> {
        let frozen = self.frozen.as_ref().filter(|tap| ctx.live.tapped.as_ref() == Some(&tap.wire));
        frozen.or(ctx.live.tap.as_ref())
    }
}

fn wire_title(ctx: &ViewContext<'_>, wire: &Wire) -> String {
    format!("{} → {}", ctx.title_of(&wire.from.node), ctx.title_of(&wire.to.node))
}

/// The title of the tab: the wire that is watched.
pub(super) fn title(ctx: &ViewContext<'_>) -> String {
    ctx.live.tapped.as_ref().map_or_else(|| "Data".to_owned(), |wire| wire_title(ctx, wire))
}

pub(super) fn tools_ui(ui: &mut Ui, state: &mut DataTab, ctx: &mut ViewContext<'_>) {
    let theme = ctx.theme;
    let live = ctx.live;
    let Some(wire) = live.tapped.as_ref() else { return };
    if icon_button(ui, theme, "x", "Stop watching").clicked() {
        ctx.commands.push(Command::Tap(None));
    }
    if live.halted_at(wire).is_some() {
        return;
    }
    capture::wire_tools_ui(ui, ctx, wire);
    let Some(tap) = state.rows(ctx).cloned() else { return };
    if ui.button("Export CSV…").clicked() {
        let name = format!("{}-{}.csv", wire.from.node, wire.from.port);
        ctx.commands.push(Command::Download { name, bytes: csv::csv_of(&tap.rows).into_bytes() });
    }
    let mut is_frozen = state.frozen.is_some();
    let freeze = toggle_ui(ui, "Freeze", &mut is_frozen);
    if freeze.on_hover_text("Keeps these rows in view while the run goes on").clicked() {
        state.frozen = is_frozen.then(|| tap.clone());
    }
    toggle_ui(ui, "Chart rows", &mut state.is_chart).on_hover_text("A quick look at these rows as lines");
    let rows = format!("newest {}", format::counted(tap.rows.num_rows() as u64, "row"));
    let total = live.wire(wire);
    let words = match total {
        Some(total) if total.rows > tap.rows.num_rows() as u64 => format!("{rows} of {}", format::count(total.rows)),
        _ => rows,
    };
    let words = match total {
        Some(total) if total.rows_injected > 0 => format!("{words}, {} injected", format::count(total.rows_injected)),
        _ => words,
    };
    ui.label(RichText::new(words).font(theme.small()).color(theme.text_weak));
}

pub(super) fn data_ui(ui: &mut Ui, state: &mut DataTab, ctx: &mut ViewContext<'_>) {
    let theme = ctx.theme;
    if let Some(halted) = ctx.live.tapped.as_ref().and_then(|wire| ctx.live.halted_at(wire)) {
        let (row, rows) = (halted.row as u64 + 1, halted.rows.num_rows() as u64);
        let words =
            format!("This batch waits before the wire, for its row {} of {}.", format::count(row), format::count(rows));
        ui.horizontal(|ui| {
            ui.add_space(crate::theme::space::M);
            ui.label(RichText::new(words).font(theme.small()).color(theme.warning));
        });
        let salt = ("halted", halted.number);
        return marked_table_ui(ui, theme, salt, &halted.rows, RowOrder::AsIs, Some(halted.row));
    }
    if ctx.live.tapped.is_none() {
        state.frozen = None;
        return empty_ui(ui, theme, "No wire is watched", "Click the rate on a wire to see the rows that it carries.");
    }
    let Some(tap) = state.rows(ctx).cloned() else {
        let hint =
            if ctx.live.is_running() { "The first rows are on their way." } else { "Run the pipeline to see rows." };
        return empty_ui(ui, theme, "No rows yet", hint);
    };
    if state.is_chart {
        quick_look_ui(ui, theme, &mut state.quick_look, &tap.rows);
    } else {
        data_table_ui(ui, theme, ("tap", &tap.wire), &tap.rows, RowOrder::NewestFirst);
    }
}
