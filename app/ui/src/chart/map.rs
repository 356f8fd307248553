//! The map: dots on a net of meridians and parallels, to be moved and zoomed.

use arrow_array::RecordBatch;
use egui::{Align2, Color32, Id, Role, Ui, WidgetInfo, vec2};
use egui_plot::{GridMark, HoverPosition, Plot, PlotPoint, PlotPoints, Points};
use millrace_model::view::{MapView, Projection};

use super::columns::{number_column, text_at, text_column};
use super::plane::{self, extent, share};
use super::{Size, fault_ui};
use crate::format;
use crate::theme::Theme;

/// Steps of the net, in degrees.
const STEPS: [f64; 15] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0];
/// Dots have one of so many colours.
const SHADES: usize = 24;

fn step(span: f64, room: f32) -> f64 {
    let wanted = span / f64::from((room / 90.0).max(1.0));
    STEPS.into_iter().find(|step| *step >= wanted).unwrap_or(30.0)
}

/// `52.5° N`
fn degrees(value: f64, step: f64, (positive, negative): (&str, &str)) -> String {
    let decimals = (-step.log10().floor()).clamp(0.0, 5.0) as usize;
    let side = if value.abs() < step / 2.0 {
        ""
    } else if value > 0.0 {
        positive
    } else {
        negative
    };
    format!("{}° {side}", format::fixed(value.abs(), decimals)).trim_end().to_owned()
}

const NORTH: (&str, &str) = ("N", "S");
const EAST: (&str, &str) = ("E", "W");

pub(super) fn map_ui(ui: &mut Ui, theme: &Theme, id: Id, map: &MapView, batch: &RecordBatch, size: Size) {
    let column = |name: &str| number_column(batch, name);
    let (latitudes, longitudes, values) = match (column("latitude"), column("longitude"), column("value")) {
        (Ok(latitudes), Ok(longitudes), Ok(values)) => (latitudes, longitudes, values),
        (Err(fault), ..) | (_, Err(fault), _) | (.., Err(fault)) => return fault_ui(ui, theme, &fault),
    };
    let labels = match text_column(batch, "label") {
        Ok(labels) => labels,
        Err(fault) => return fault_ui(ui, theme, &fault),
    };
    let projection = map.projection;
    let range = extent(values.iter().copied());
    let place = |row: usize| PlotPoint::new(longitudes[row], projection.height(latitudes[row]));
    // Dots of one shade are drawn at once.
    let mut shades: Vec<Vec<PlotPoint>> = vec![Vec::new(); SHADES + 1];
    for (row, value) in values.iter().enumerate() {
        let shade = match range.filter(|_| value.is_finite()) {
            Some(range) => (share(*value, range) * (SHADES - 1) as f32).round() as usize,
            None => SHADES,
        };
        shades[shade].push(place(row));
    }
    let (lat, lon) = (extent(latitudes.iter().copied()), extent(longitudes.iter().copied()));
    let words = match (lat, lon) {
        (Some(lat), Some(lon)) => format!(
            "Map {}: {} from {}, {} to {}, {}",
            map.title,
            format::counted(batch.num_rows() as u64, "position"),
            degrees(lat.0, 0.01, NORTH),
            degrees(lon.0, 0.01, EAST),
            degrees(lat.1, 0.01, NORTH),
            degrees(lon.1, 0.01, EAST)
        ),
        _ => format!("Map {}", map.title),
    };
    let room = ui.available_size();
    let is_panel = size == Size::Panel;
    let nearest = |position: PlotPoint, reach: f64| {
        let far = |row: &usize| (place(*row).x - position.x).hypot(place(*row).y - position.y);
        (0..batch.num_rows()).filter(|row| far(row) <= reach).min_by(|a, b| far(a).total_cmp(&far(b)))
    };
    let read_out = |hover: &HoverPosition<'_>| -> Option<String> {
        let position = match hover {
            HoverPosition::NearDataPoint { position, .. } => *position,
            HoverPosition::Elsewhere { .. } => return None,
        };
        let row = nearest(position, f64::INFINITY)?;
        let mut lines = vec![text_at(&labels, row).to_owned()];
        lines.push(format!("{}, {}", degrees(latitudes[row], 0.0001, NORTH), degrees(longitudes[row], 0.0001, EAST)));
        if values[row].is_finite() {
            lines.push(format!("{} {}", map.value_label, format::number(values[row])));
        }
        let time = batch.column_by_name("time").and_then(|times| crate::data_table::time_us(times.as_ref(), row));
        lines.extend(time.map(format::timestamp));
        lines.retain(|line| !line.trim().is_empty());
        Some(lines.join("\n"))
    };
    let marks = move |bounds: (f64, f64), room: f32, projection: Projection| -> Vec<GridMark> {
        let limit = projection.max_latitude();
        let (from, to) = (projection.latitude(bounds.0).max(-limit), projection.latitude(bounds.1).min(limit));
        let step = step(to - from, room);
        let places = ((from / step).ceil() as i64..=(to / step).floor() as i64).take(400);
        places.map(|n| GridMark { value: projection.height(n as f64 * step), step_size: step }).collect()
    };
    let font = plane::font(ui, size);
    // One position alone is shown with its surroundings.
    let around = lon.zip(lat).filter(|(lon, lat)| lon.1 - lon.0 < 0.02 && lat.1 - lat.0 < 0.02);
    let mut plot = Plot::new(id)
        .data_aspect(1.0)
        .show_background(false)
        .show_axes(is_panel)
        .grid_color(theme.line)
        .set_margin_fraction(vec2(0.12, 0.12))
        .allow_scroll(false)
        .allow_drag(is_panel)
        .allow_zoom(is_panel)
        .allow_boxed_zoom(is_panel)
        .show_crosshair(false)
        .label_formatter(move |hover| if is_panel { read_out(hover) } else { None })
        .x_grid_spacer(move |input| {
            let step = step(input.bounds.1 - input.bounds.0, room.x);
            let (from, to) = (input.bounds.0.max(-180.0), input.bounds.1.min(180.0));
            let places = ((from / step).ceil() as i64..=(to / step).floor() as i64).take(400);
            places.map(|n| GridMark { value: n as f64 * step, step_size: step }).collect()
        })
        .y_grid_spacer(move |input| marks(input.bounds, room.y, projection))
        .x_axis_formatter(|mark, _| degrees(mark.value, mark.step_size, EAST))
        .y_axis_formatter(move |mark, _| degrees(projection.latitude(mark.value), mark.step_size, NORTH));
    if let Some((lon, lat)) = around {
        for side in [-0.01, 0.01] {
            plot = plot.include_x(lon.0 + side).include_y(projection.height(lat.0 + side));
        }
    }
    if !is_panel {
        plot = plot.sense(egui::Sense::hover());
    }
    let response = plot.show(ui, |plot| {
        for (shade, dots) in shades.into_iter().enumerate().filter(|(_, dots)| !dots.is_empty()) {
            let color: Color32 =
                if shade == SHADES { theme.accent } else { theme.heat(shade as f64 / (SHADES - 1) as f64) };
            let radius = if is_panel { 4.0 } else { 2.0 };
            if is_panel {
                // An edge keeps dark and bright dots apart from the ground.
                let edge = Points::new(format!("edges {shade}"), PlotPoints::Owned(dots.clone()));
                plot.points(edge.radius(radius + 1.0).color(theme.text_weak).allow_hover(false));
            }
            plot.points(Points::new(format!("dots {shade}"), PlotPoints::Owned(dots)).radius(radius).color(color));
        }
        if is_panel && plot.response().hovered() {
            let turned = plot.ctx().input(|input| input.smooth_scroll_delta().y);
            if turned != 0.0 {
                plot.zoom_bounds_around_hovered(egui::Vec2::splat((turned / 240.0).exp()));
            }
        }
    });
    response.response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &words));
    if let Some((low, high)) = range.filter(|_| is_panel) {
        let frame = *response.transform.frame();
        let text = format!("{}: {} dark to {} bright", map.value_label, format::number(low), format::number(high));
        let at = frame.right_top() + vec2(-6.0, 4.0);
        plane::label_on_ground(&ui.painter_at(frame), theme, at, Align2::RIGHT_TOP, &text, &font);
    }
}
