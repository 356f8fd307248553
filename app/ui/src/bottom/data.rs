//! The data tab: the newest rows of the watched wire as a table, raw or as a quick chart, frozen or not, and as a file.
//!
//! A filter narrows the rows for all of these alike. The pipeline and its run know nothing of it.

use arrow_array::RecordBatch;
use egui::{Align2, Button, Id, Label, RichText, TextEdit, Ui, WidgetInfo, vec2};
use millrace_model::Wire;

use super::quick_look::{QuickLook, quick_look_ui};
use super::row_filter::RowFilter;
use super::{empty_ui, raw, toggle_ui};
use crate::capture;
use crate::command::Command;
use crate::context::ViewContext;
use crate::csv::csv_of;
use crate::data_table::{RowOrder, data_table_ui, marked_table_ui};
use crate::format;
use crate::inspector::icon_button;
use crate::live::Tap;

/// What the data tab remembers.
#[derive(Debug, Default)]
pub(super) struct DataTab {
    /// The rows as they were when the person froze them.
    frozen: Option<Tap>,
    shape: Shape,
    filter: RowFilter,
    quick_look: QuickLook,
}

/// How rows are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Shape {
    #[default]
    Table,
    Raw,
    Chart,
}

impl Shape {
    const ALL: [(Shape, &'static str, &'static str); 3] = [
        (Shape::Table, "Table", "These rows as a table"),
        (Shape::Raw, "Raw", "Each row as a line of JSON"),
        (Shape::Chart, "Chart", "A quick look at these rows as lines"),
    ];
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

/// On a row of their own the words come last: they are cut where there is no room.
pub(super) fn tools_ui(ui: &mut Ui, state: &mut DataTab, ctx: &mut ViewContext<'_>, has_own_row: bool) {
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
    let shown = state.filter.rows_of(&tap.rows);
    let (title, extension) =
        if state.shape == Shape::Raw { ("Save JSON…", "ndjson") } else { ("Save CSV…", "csv") };
    if ui.button(title).clicked() {
        let text = if state.shape == Shape::Raw { raw::json_lines(&shown) } else { csv_of(&shown) };
        let name = format!("{}-{}.{extension}", wire.from.node, wire.from.port);
        ctx.commands.push(Command::Download { name, bytes: text.into_bytes() });
    }
    if state.shape == Shape::Raw && icon_button(ui, theme, "copy", "Copy all lines").clicked() {
        ui.copy_text(raw::json_lines(&shown));
    }
    let mut is_frozen = state.frozen.is_some();
    let freeze = toggle_ui(ui, "Freeze", &mut is_frozen);
    if freeze.on_hover_text("Keeps these rows in view while the run goes on").clicked() {
        state.frozen = is_frozen.then(|| tap.clone());
    }
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.x = crate::theme::space::XS;
        for (shape, title, help) in Shape::ALL.into_iter().rev() {
            if ui.add(Button::selectable(state.shape == shape, title)).on_hover_text(help).clicked() {
                state.shape = shape;
            }
        }
    });
    filter_ui(ui, state, ctx);
    let rows = format::counted(tap.rows.num_rows() as u64, "row");
    let rows = match state.filter.is_empty() {
        true => format!("newest {rows}"),
        false => format!("{} of {rows} match", format::count(shown.num_rows() as u64)),
    };
    let total = live.wire(wire);
    let words = match total {
        Some(total) if total.rows > tap.rows.num_rows() as u64 && state.filter.is_empty() => {
            format!("{rows} of {}", format::count(total.rows))
        }
        _ => rows,
    };
    let words = match total {
        Some(total) if total.rows_injected > 0 => format!("{words}, {} injected", format::count(total.rows_injected)),
        _ => words,
    };
    let words = Label::new(RichText::new(words).font(theme.small()).color(theme.text_weak));
    ui.add(if has_own_row { words.truncate() } else { words });
}

fn filter_ui(ui: &mut Ui, state: &mut DataTab, ctx: &ViewContext<'_>) {
    const WIDTH: f32 = 144.0;
    if !state.filter.is_empty() && icon_button(ui, ctx.theme, "x", "Show all rows").clicked() {
        state.filter.text.clear();
    }
    let hint = RichText::new("Filter rows…").color(ctx.theme.text_weak);
    // Under a name of its own it stays the same field wherever the tools find room.
    let field = TextEdit::singleline(&mut state.filter.text)
        .id(Id::unique("filter_rows"))
        .hint_text(hint)
        .margin(vec2(8.0, 3.0))
        .align(Align2::LEFT_CENTER)
        .desired_width(WIDTH);
    let response = ui.add(field);
    let text = state.filter.text.clone();
    response.widget_info(|| WidgetInfo {
        label: Some("Filter rows".to_owned()),
        ..WidgetInfo::text_edit(true, text.as_str(), text.as_str(), "Filter rows…")
    });
    if response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Escape)) {
        state.filter.text.clear();
    }
    response.on_hover_text("Shows rows with a cell that contains this; `device:d7` looks in one column");
}

/// No row of these is shown.
fn nothing_found_ui(ui: &mut Ui, state: &mut DataTab, ctx: &ViewContext<'_>, rows: &RecordBatch) {
    let num_rows = format::counted(rows.num_rows() as u64, "row");
    let hint = format!("None of the newest {num_rows} contains “{}”.", state.filter.text.trim());
    empty_ui(ui, ctx.theme, "No row matches", &hint);
    ui.vertical_centered(|ui| {
        ui.add_space(crate::theme::space::S);
        if ui.button("Clear the filter").clicked() {
            state.filter.text.clear();
        }
    });
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
        (state.frozen, state.filter) = (None, RowFilter::default());
        return empty_ui(ui, theme, "No wire is watched", "Click a wire to see the rows that it carries.");
    }
    let Some(tap) = state.rows(ctx).cloned() else {
        let hint =
            if ctx.live.is_running() { "The first rows are on their way." } else { "Run the pipeline to see rows." };
        return empty_ui(ui, theme, "No rows yet", hint);
    };
    let shown = state.filter.rows_of(&tap.rows);
    if shown.num_rows() == 0 && tap.rows.num_rows() > 0 {
        return nothing_found_ui(ui, state, ctx, &tap.rows);
    }
    match state.shape {
        Shape::Table => data_table_ui(ui, theme, ("tap", &tap.wire), &shown, RowOrder::NewestFirst),
        Shape::Raw => raw::raw_ui(ui, theme, &shown),
        Shape::Chart => quick_look_ui(ui, theme, &mut state.quick_look, &shown),
    }
}
