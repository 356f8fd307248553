//! Charts: draws any [`ViewSpec`] with its rows, small inside a node or large in a panel. One file per variant.
//!
//! Knows nothing of node kinds, and neither polls nor asks: what it draws is handed in. What is costly (decoding a batch)
//! is done once per batch and kept in egui's memory under the id of the chart; a batch is told from the next by its
//! arrays, which are shared and never changed.

mod line_chart;
mod line_data;
mod single_value;
mod table;
mod time_axis;

use arrow_array::RecordBatch;
use egui::{Align2, Id, Rect, Role, Sense, Ui, WidgetInfo};
use millrace_model::view::ViewSpec;

use crate::theme::Theme;

pub use line_chart::line_chart_panel_ui;
pub use line_data::{LineData, Series, numbers, same_batch, thinned};

/// How much room a view has, and so how much of it can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Inside a node: a glance, painted only, nothing to press.
    Node,
    /// A panel: axes, legend, read-out, pan and zoom.
    Panel,
}

/// Draws the view so that it fills the space left in `ui`.
pub fn view_ui(ui: &mut Ui, theme: &Theme, id: Id, spec: &ViewSpec, data: &RecordBatch, size: Size) {
    if data.num_rows() == 0 {
        empty_ui(ui, theme, spec.title());
        return;
    }
    match (spec, size) {
        (ViewSpec::LineChart(chart), Size::Node) => line_chart::node_ui(ui, theme, id, chart, data),
        (ViewSpec::LineChart(chart), Size::Panel) => line_chart::panel_ui(ui, theme, id, chart, data),
        (ViewSpec::Table(table), Size::Node) => table::node_ui(ui, theme, table, data),
        (ViewSpec::Table(table), Size::Panel) => table::panel_ui(ui, theme, id, table, data),
        (ViewSpec::SingleValue(value), Size::Node) => single_value::node_ui(ui, theme, value, data),
        (ViewSpec::SingleValue(value), Size::Panel) => single_value::panel_ui(ui, theme, id, value, data),
    }
}

/// The place of a view that has nothing to show yet.
fn empty_ui(ui: &mut Ui, theme: &Theme, title: &str) {
    let rect = take_rect(ui, &format!("{title}: no rows yet"));
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, "No rows yet", theme.small(), theme.text_weak);
}

/// Takes the space left in `ui` for something that is painted only, and says to assistive technology what it shows.
fn take_rect(ui: &mut Ui, description: &str) -> Rect {
    let rect = ui.available_rect_before_wrap();
    let response = ui.allocate_rect(rect, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, description));
    rect
}
