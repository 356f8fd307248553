//! The line chart: a plain picture inside a node, and a plot to read, move and zoom in a panel.

use egui::{Align2, Color32, Id, Pos2, Rect, Shape, Stroke, TextStyle, Ui, pos2, vec2};
use egui_plot::{
    ColorConflictHandling, Corner, GridMark, HLine, HoverPosition, Legend, Line, LineStyle, Plot, PlotMemory,
    PlotPoint, PlotPoints, PlotTransform,
};
use millrace_model::view::{LineChart, Threshold};

use arrow_array::RecordBatch;

use super::line_data::{LineData, line_data, thinned};
use super::{empty_ui, take_rect, time_axis};
use crate::format;
use crate::theme::Theme;

/// Room that a label of the x axis takes, in points.
const X_LABEL_SPACE: f64 = 110.0;
/// More series than this have no labels of their own inside a node.
const MAX_LABELLED_SERIES: usize = 3;

/// The chart as a picture in a node: lines, thresholds, the range and the last values.
pub(super) fn node_ui(ui: &mut Ui, theme: &Theme, id: Id, chart: &LineChart, batch: &RecordBatch) {
    let data = match line_data(ui.ctx(), id, batch) {
        Ok(data) => data,
        Err(fault) => return fault_ui(ui, theme, &fault),
    };
    if data.is_empty() {
        return empty_ui(ui, theme, &chart.title);
    }
    let rect = take_rect(ui, &description(chart, &data));
    let painter = ui.painter_at(rect);
    let font = TextStyle::Small.resolve(ui.style());
    let font = egui::FontId::monospace(font.size * 0.85);
    let line_height = font.size * 1.2;
    let has_labels = rect.height() > 5.0 * line_height && rect.width() > 12.0 * font.size;
    let space = if has_labels { line_height } else { 2.0 };
    let last_space = if has_labels && data.series.len() <= MAX_LABELLED_SERIES { font.size * 3.6 } else { 2.0 };
    let inner = Rect::from_min_max(rect.min + vec2(2.0, space), rect.max - vec2(last_space, space));
    let low = chart.thresholds.iter().map(|threshold| threshold.value).fold(data.y.0, f64::min);
    let high = chart.thresholds.iter().map(|threshold| threshold.value).fold(data.y.1, f64::max);
    let place = |point: PlotPoint| {
        pos2(
            inner.left() + share(point.x, data.x) * inner.width(),
            inner.bottom() - share(point.y, (low, high)) * inner.height(),
        )
    };

    for threshold in &chart.thresholds {
        let y = place(PlotPoint::new(data.x.0, threshold.value)).y;
        let ends = [pos2(inner.left(), y), pos2(inner.right(), y)];
        painter.extend(Shape::dashed_line(&ends, Stroke::new(1.0, theme.text_weak), 4.0, 3.0));
    }
    for series in &data.series {
        let points = thinned(&series.points, data.x, inner.width() as usize);
        let on_screen: Vec<Pos2> = points.iter().map(|point| place(*point)).collect();
        let color = theme.series_color(series.color);
        match on_screen.as_slice() {
            [only] => _ = painter.circle_filled(*only, 2.0, color),
            _ => _ = painter.line(on_screen, Stroke::new(1.5, color)),
        }
    }
    if has_labels {
        let label =
            |at: Pos2, align: Align2, text: String, color: Color32| painter.text(at, align, text, font.clone(), color);
        label(rect.left_top() + vec2(2.0, 0.0), Align2::LEFT_TOP, format::number(data.y.1), theme.text_weak);
        label(rect.left_bottom() + vec2(2.0, 0.0), Align2::LEFT_BOTTOM, format::number(data.y.0), theme.text_weak);
        if data.series.len() <= MAX_LABELLED_SERIES {
            for (y, value, color) in spread_labels(&data, line_height, (rect.top(), rect.bottom()), place) {
                let color = theme.series_color(color);
                label(pos2(rect.right() - 1.0, y), Align2::RIGHT_CENTER, format::number(value), color);
            }
        }
    }
}

/// Where the labels of the last values stand: at their line, but apart from each other.
fn spread_labels(
    data: &LineData,
    line_height: f32,
    (top, bottom): (f32, f32),
    place: impl Fn(PlotPoint) -> Pos2,
) -> Vec<(f32, f64, usize)> {
    let mut labels: Vec<(f32, f64, usize)> = data
        .series
        .iter()
        .filter_map(|series| series.last().map(|last| (place(last).y, last.y, series.color)))
        .collect();
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut lowest = top + line_height / 2.0;
    for label in &mut labels {
        label.0 = label.0.max(lowest);
        lowest = label.0 + line_height;
    }
    let mut highest = bottom - line_height / 2.0;
    for label in labels.iter_mut().rev() {
        label.0 = label.0.min(highest);
        highest = label.0 - line_height;
    }
    labels
}

/// Where `value` stands in `range`, 0 to 1; the middle of a range of one value.
fn share(value: f64, (low, high): (f64, f64)) -> f32 {
    if high > low { ((value - low) / (high - low)) as f32 } else { 0.5 }
}

/// The chart with axes, legend, read-out, pan and zoom.
pub(super) fn panel_ui(ui: &mut Ui, theme: &Theme, id: Id, chart: &LineChart, batch: &RecordBatch) {
    match line_data(ui.ctx(), id, batch) {
        Ok(data) => line_chart_panel_ui(ui, theme, id, chart, &data),
        Err(fault) => fault_ui(ui, theme, &fault),
    }
}

/// The same for lines that do not come from a view.
pub fn line_chart_panel_ui(ui: &mut Ui, theme: &Theme, id: Id, chart: &LineChart, data: &LineData) {
    if data.is_empty() {
        return empty_ui(ui, theme, &chart.title);
    }
    let plot_id = ui.make_persistent_id(id.with("plot"));
    let place = ui.available_rect_before_wrap();
    let memory = PlotMemory::load(ui.ctx(), plot_id);
    // What was seen in the last frame decides what is worth drawing in this one.
    let seen = memory
        .filter(|memory| !memory.auto_bounds.x)
        .map_or(data.x, |memory| (memory.bounds().min()[0], memory.bounds().max()[0]));
    let num_columns = place.width().max(1.0) as usize;

    let mut plot = Plot::new(id)
        .id(plot_id)
        .show_background(false)
        .grid_color(theme.line)
        .allow_scroll(false)
        .allow_double_click_reset(true)
        .set_margin_fraction(vec2(0.01, 0.08))
        .y_axis_min_width(44.0)
        .y_axis_formatter(|mark, _| value_at(mark))
        .label_formatter(|position| Some(read_out(chart, position)));
    // When zoomed in, only the part that is seen is drawn; a fit is still to show the whole.
    if seen != data.x {
        plot = plot.include_x(data.x.0).include_x(data.x.1).include_y(data.y.0).include_y(data.y.1);
    }
    if chart.x_is_time {
        let min_step = (seen.1 - seen.0) / f64::from(place.width().max(1.0)) * X_LABEL_SPACE;
        plot = plot
            .x_grid_spacer(move |input| time_axis::marks(input.bounds, min_step.max(input.base_step_size)))
            .x_axis_formatter(|mark, _| time_axis::label(mark));
    } else {
        plot = plot.x_axis_formatter(|mark, _| value_at(mark));
    }
    if data.series.len() > 1 || !chart.thresholds.is_empty() {
        let legend = Legend::default()
            .position(Corner::LeftTop)
            .text_style(TextStyle::Small)
            .background_alpha(0.85)
            .follow_insertion_order(true)
            .color_conflict_handling(ColorConflictHandling::PickFirst);
        plot = plot.legend(legend);
    }
    let response = plot.show(ui, |plot| {
        for threshold in &chart.thresholds {
            let line = HLine::new(threshold_label(threshold), threshold.value)
                .color(theme.text_weak)
                .style(LineStyle::dashed_dense())
                .allow_hover(false);
            plot.hline(line);
        }
        for series in &data.series {
            let points = match thinned(&series.points, seen, num_columns) {
                std::borrow::Cow::Borrowed(points) => PlotPoints::Borrowed(points),
                std::borrow::Cow::Owned(points) => PlotPoints::Owned(points),
            };
            plot.line(Line::new(series.name.as_str(), points).color(theme.series_color(series.color)).width(1.5));
        }
        if plot.response().hovered() {
            let (scroll, only_y) = plot.ctx().input(|input| (input.smooth_scroll_delta(), input.modifiers.shift));
            let turned = scroll.y + scroll.x;
            if turned != 0.0 {
                let factor = (turned / 240.0).exp();
                plot.zoom_bounds_around_hovered(if only_y { vec2(1.0, factor) } else { vec2(factor, 1.0) });
            }
        }
    });
    response.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, description(chart, data)));
    labels_ui(ui, theme, chart, &response.transform);
}

/// What stands inside the plot: axis labels and the names of the thresholds.
fn labels_ui(ui: &Ui, theme: &Theme, chart: &LineChart, transform: &PlotTransform) {
    let frame = *transform.frame();
    let painter = ui.painter_at(frame);
    let bounds = transform.bounds();
    let text = |at: Pos2, align: Align2, text: &str, color: Color32| {
        painter.text(at, align, text, theme.small(), color);
    };
    for threshold in chart.thresholds.iter().filter(|threshold| !threshold.label.is_empty()) {
        let y = transform.position_from_point(&PlotPoint::new(bounds.min()[0], threshold.value)).y;
        text(pos2(frame.right() - 6.0, y - 2.0), Align2::RIGHT_BOTTOM, &threshold.label, theme.text);
    }
    let caption = match (chart.x_is_time, chart.x_label.is_empty()) {
        (true, true) => time_axis::caption(bounds.min()[0], bounds.max()[0]),
        (true, false) => format!("{}, {}", chart.x_label, time_axis::caption(bounds.min()[0], bounds.max()[0])),
        (false, _) => chart.x_label.clone(),
    };
    text(frame.right_bottom() + vec2(-6.0, -4.0), Align2::RIGHT_BOTTOM, &caption, theme.text_weak);
    text(frame.right_top() + vec2(-6.0, 4.0), Align2::RIGHT_TOP, &chart.y_label, theme.text_weak);
}

fn threshold_label(threshold: &Threshold) -> String {
    if threshold.label.is_empty() { format::number(threshold.value) } else { threshold.label.clone() }
}

/// An axis label with just the digits that tell its mark from the next.
fn value_at(mark: GridMark) -> String {
    if mark.value.abs() >= 1e7 {
        return format::number(mark.value);
    }
    let decimals = usize::try_from(-(mark.step_size.log10().floor() as i32)).unwrap_or(0);
    format::fixed(mark.value, decimals.min(9))
}

/// The words beside the pointer.
fn read_out(chart: &LineChart, position: &HoverPosition<'_>) -> String {
    let (name, point) = match position {
        HoverPosition::NearDataPoint { plot_name, position, .. } => (*plot_name, *position),
        HoverPosition::Elsewhere { position } => ("", *position),
    };
    let x = if chart.x_is_time { format::timestamp((point.x * 1e6).round() as i64) } else { format::number(point.x) };
    let y = format::number(point.y);
    let separator = if chart.y_label.is_empty() { "" } else { " " };
    let head = if name.is_empty() { String::new() } else { format!("{name}\n") };
    format!("{head}{x}\n{y}{separator}{}", chart.y_label)
}

/// What the chart shows, for those who cannot see it.
fn description(chart: &LineChart, data: &LineData) -> String {
    let mut text = format!("Line chart {}: ", chart.title);
    for (index, series) in data.series.iter().take(8).enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        let last = series.last().map_or_else(|| "no value".to_owned(), |last| format::number(last.y));
        text.push_str(&format!("{separator}{} {last}", series.name));
    }
    if data.series.len() > 8 {
        text.push_str(&format!(" and {} more", data.series.len() - 8));
    }
    text
}

fn fault_ui(ui: &mut Ui, theme: &Theme, fault: &str) {
    ui.centered_and_justified(|ui| ui.colored_label(theme.error, fault));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axis_labels_have_the_digits_that_tell_marks_apart() {
        let mark = |value, step_size| value_at(GridMark { value, step_size });
        assert_eq!(mark(1_000.1, 0.1), "1000.1");
        assert_eq!(mark(20.0, 10.0), "20");
        assert_eq!(mark(2e9, 1e8), "2.000e9");
    }

    #[test]
    fn the_read_out_names_series_moment_and_value_with_its_unit() {
        let chart = LineChart {
            title: "Temperature".to_owned(),
            x_label: String::new(),
            y_label: "°C".to_owned(),
            x_is_time: true,
            thresholds: Vec::new(),
            num_points: 1,
        };
        let position = PlotPoint::new(1_772_373_807.412, 21.4);
        let near = HoverPosition::NearDataPoint { plot_name: "north", position, index: 0 };
        assert_eq!(read_out(&chart, &near), "north\n2026-03-01 14:03:27.412 UTC\n21.4 °C");
    }

    #[test]
    fn labels_of_last_values_do_not_lie_on_each_other() {
        let line = |name: &str, y: f64| (name.to_owned(), vec![PlotPoint::new(0.0, y)]);
        let data = LineData::of([line("a", 5.0), line("b", 5.1), line("c", 9.9)]);
        let labels = spread_labels(&data, 10.0, (0.0, 100.0), |point| pos2(0.0, 100.0 - 10.0 * point.y as f32));
        assert!(labels.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 10.0 - 1e-3), "{labels:?}");
        assert!(labels.iter().all(|label| label.0 >= 5.0 && label.0 <= 95.0), "{labels:?}");
    }
}
