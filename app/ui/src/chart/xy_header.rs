//! The row above a chart of points: its series by name, each to hide and to show, and the switches of the chart.
//!
//! It stands outside of the plot, so that names cover no values however many there are.

use egui::scroll_area::ScrollBarVisibility;
use egui::{Align, Id, Layout, Response, Role, ScrollArea, Sense, Ui, WidgetInfo, vec2};
use egui_plot::{ItemId, PlotMemory};

use super::line_data::Series;
use crate::theme::Theme;

/// How high the row is, in points.
const HEIGHT: f32 = 24.0;
/// The smallest chart that has room for it.
const LEAST: egui::Vec2 = vec2(160.0, 96.0);

/// Draws the row if the chart has room for it; `switches` are drawn from the right.
pub(super) fn header_ui(ui: &mut Ui, theme: &Theme, plot: Id, series: &[Series], switches: impl FnOnce(&mut Ui)) {
    let room = ui.available_size();
    if room.x < LEAST.x || room.y < LEAST.y {
        return;
    }
    let row = vec2(room.x, HEIGHT);
    ui.allocate_ui_with_layout(row, Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        switches(ui);
        ui.add_space(4.0);
        if series.len() > 1 {
            let rest = ui.available_size();
            ui.allocate_ui_with_layout(rest, Layout::left_to_right(Align::Center), |ui| {
                let list = ScrollArea::horizontal().id_salt("legend").auto_shrink(false);
                list.scroll_bar_visibility(ScrollBarVisibility::AlwaysHidden).show(ui, |ui| {
                    ui.spacing_mut().item_spacing.x = 12.0;
                    legend_ui(ui, theme, plot, series);
                });
            });
        }
    });
}

fn legend_ui(ui: &mut Ui, theme: &Theme, plot: Id, series: &[Series]) {
    // A plot that was never drawn hides nothing yet.
    let Some(mut memory) = PlotMemory::load(ui.ctx(), plot) else { return };
    let mut hovered = None;
    for series in series {
        let id = ItemId::new(series.name.as_str());
        let is_shown = !memory.hidden_items.contains(&id);
        let response = name_ui(ui, theme, (&series.name, series.color), is_shown);
        if response.hovered() && is_shown {
            hovered = Some(id);
        }
        if response.clicked() && is_shown {
            memory.hidden_items.insert(id);
        } else if response.clicked() {
            memory.hidden_items.remove(&id);
        }
    }
    memory.hovered_legend_item = hovered;
    memory.store(ui.ctx(), plot);
}

/// A dot in the colour of the series and its name; hollow and weak while it is hidden.
pub(super) fn name_ui(ui: &mut Ui, theme: &Theme, (name, color_index): (&str, usize), is_shown: bool) -> Response {
    const DOT: f32 = 4.0;
    let color = if is_shown { theme.text } else { theme.text_weak };
    let galley = ui.painter().layout_no_wrap(name.to_owned(), theme.small(), color);
    let size = vec2(2.0 * DOT + 6.0 + galley.size().x, ui.available_height());
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let center = rect.left_center() + vec2(DOT, 0.0);
    if is_shown {
        ui.painter().circle_filled(center, DOT, theme.series_color(color_index));
    } else {
        ui.painter().circle_stroke(center, DOT - 0.5, (1.0, theme.series_color(color_index)));
    }
    let at = rect.left_center() + vec2(2.0 * DOT + 6.0, -galley.size().y / 2.0);
    let text = egui::Rect::from_min_size(at, galley.size());
    ui.painter().galley(at, galley, color);
    if response.hovered() || response.has_focus() {
        ui.painter().hline(text.x_range(), text.bottom(), (1.0, color));
    }
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, is_shown, name));
    response.on_hover_text(if is_shown { "Click to hide" } else { "Click to show" })
}
