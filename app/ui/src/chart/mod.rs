//! Charts: draws any [`ViewSpec`] with its rows, small inside a node or large in a panel. One file per variant.
//!
//! Knows nothing of node kinds, and neither polls nor asks: what it draws is handed in, and what a person looks at is
//! handed back. What is costly (decoding a batch) is done once per batch and kept in egui's memory under the id of the
//! chart; a batch is told from the next by its arrays, which are shared and never changed.

mod bar;
mod columns;
mod gauge;
mod heatmap;
mod histogram;
mod line_data;
mod log;
mod map;
mod plane;
mod single_value;
mod table;
mod time_axis;
mod xy;
mod xy_axes;
mod xy_cursors;
mod xy_header;
mod xy_node;
mod xy_words;
mod zoom;

use std::cell::Cell;

use arrow_array::RecordBatch;
use egui::{Align2, Id, Rect, Response, Role, Sense, StrokeKind, Ui, WidgetInfo};
use millrace_model::view::ViewSpec;
use millrace_protocol::Seen;

use crate::theme::{Theme, radius};

pub use line_data::{LineData, Series, numbers, same_batch, thinned};
pub use xy::xy_panel_ui;

/// How much room a view has, and so how much of it can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Inside a node: a glance, painted only, nothing to press.
    Node,
    /// A panel: axes, legend, read-out, pan and zoom.
    Panel,
}

/// What is to be drawn.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    pub spec: &'a ViewSpec,
    pub data: &'a RecordBatch,
    /// The rows of the part that is looked at, in full detail, where there are some.
    pub part: Option<&'a RecordBatch>,
    /// Set where the chart stands among others on a page.
    pub page: Option<Page<'a>>,
}

/// A page of charts that the wheel scrolls, so that it zooms a chart only with Ctrl.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// What the charts over time show together.
    pub time: Option<&'a SharedTime>,
}

/// The time that several charts show. One that is moved or zoomed writes it for all.
#[derive(Debug)]
pub struct SharedTime {
    /// Charts with the same id show the pointer of each other.
    pub pointer: Id,
    /// In seconds since the epoch; `None`: all that each of them holds.
    pub range: Cell<Option<(f64, f64)>>,
}

/// Whether a person can move about in the view, so that it is worth to ask for the part that is seen.
pub fn has_parts(spec: &ViewSpec) -> bool {
    matches!(spec, ViewSpec::Xy(_))
}

/// Draws the view so that it fills the space left in `ui`, and says how it is seen.
pub fn view_ui(ui: &mut Ui, theme: &Theme, id: Id, picture: Picture<'_>, size: Size) -> Seen {
    let Picture { spec, data, part, page } = picture;
    if data.num_rows() == 0 {
        empty_ui(ui, theme, spec.title());
        return Seen::default();
    }
    match (spec, size) {
        (ViewSpec::Xy(chart), Size::Node) => xy_node::node_ui(ui, theme, id, chart, data),
        (ViewSpec::Xy(chart), Size::Panel) => return xy::panel_ui(ui, theme, id, chart, (data, part), page),
        (ViewSpec::Bar(chart), _) => {
            let hidden = bar::bar_ui(ui, theme, id, chart, data, size);
            return Seen { hidden, ..Seen::default() };
        }
        (ViewSpec::Histogram(chart), _) => {
            let x = histogram::histogram_ui(ui, theme, id, chart, data, (size, page));
            return Seen { x, ..Seen::default() };
        }
        (ViewSpec::Heatmap(chart), _) => {
            let x = heatmap::heatmap_ui(ui, theme, id, chart, data, (size, page));
            return Seen { x, ..Seen::default() };
        }
        (ViewSpec::Gauge(gauge), _) => gauge::gauge_ui(ui, theme, id, gauge, data, size),
        (ViewSpec::Table(table), Size::Node) => table::node_ui(ui, theme, table, data),
        (ViewSpec::Table(table), Size::Panel) => table::panel_ui(ui, theme, id, table, data),
        (ViewSpec::SingleValue(value), Size::Node) => single_value::node_ui(ui, theme, value, data),
        (ViewSpec::SingleValue(value), Size::Panel) => single_value::panel_ui(ui, theme, id, value, data),
        (ViewSpec::Log(log), _) => log::log_ui(ui, theme, id, log, data, size),
        (ViewSpec::Map(map), _) => map::map_ui(ui, theme, id, map, data, size),
    }
    Seen::default()
}

/// The place of a view that has nothing to show yet.
fn empty_ui(ui: &mut Ui, theme: &Theme, title: &str) {
    let rect = take_rect(ui, &format!("{title}: no rows yet"));
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, "No rows yet", theme.small(), theme.text_weak);
}

/// The place of a view whose rows are not those of its kind.
fn fault_ui(ui: &mut Ui, theme: &Theme, fault: &str) {
    ui.centered_and_justified(|ui| ui.colored_label(theme.error, fault));
}

/// Takes the space left in `ui` for something that is painted only, and says to assistive technology what it shows.
fn take_rect(ui: &mut Ui, description: &str) -> Rect {
    take(ui, description).rect
}

fn take(ui: &mut Ui, description: &str) -> Response {
    take_sensing(ui, description, Sense::hover())
}

/// The same for something that can be moved and zoomed where there is room for it.
fn take_movable(ui: &mut Ui, theme: &Theme, description: &str, size: Size) -> Response {
    let sense = if size == Size::Panel { Sense::click_and_drag() } else { Sense::hover() };
    let response = take_sensing(ui, description, sense);
    if response.has_focus() {
        ui.painter().rect_stroke(response.rect, radius::FIELD, (1.0, theme.accent), StrokeKind::Inside);
    }
    response
}

fn take_sensing(ui: &mut Ui, description: &str, sense: Sense) -> Response {
    let rect = ui.available_rect_before_wrap();
    let response = ui.allocate_rect(rect, sense);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, description));
    response
}
