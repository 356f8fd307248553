//! A chart of points as a picture in a node: lines, thresholds, the range and the last values.

use arrow_array::RecordBatch;
use egui::{Align2, Color32, Id, Pos2, Rect, Shape, Stroke, TextStyle, Ui, pos2, vec2};
use egui_plot::PlotPoint;
use millrace_model::view::{Mark, XyChart};

use super::line_data::{LineData, Series, line_data, thinned};
use super::plane::share;
use super::xy_axes::Axes;
use super::xy_words::description;
use super::{empty_ui, fault_ui, take_rect};
use crate::format;
use crate::theme::Theme;

/// How much of a colour is left in an area, and in a band.
pub const AREA: f32 = 0.28;
pub const BAND: f32 = 0.14;
/// More series than this have no labels of their own inside a node.
const MAX_LABELLED_SERIES: usize = 3;

/// The chart as a picture in a node: lines, thresholds, the range and the last values.
pub(super) fn node_ui(ui: &mut Ui, theme: &Theme, id: Id, chart: &XyChart, batch: &RecordBatch) {
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
    let last_space = if has_labels && data.series.len() <= MAX_LABELLED_SERIES && chart.mark != Mark::Dot {
        font.size * 3.6
    } else {
        2.0
    };
    let inner = Rect::from_min_max(rect.min + vec2(2.0, space), rect.max - vec2(last_space, space));
    let axes = Axes::of(chart, &data, chart.y_scale);
    let range = match chart.mark {
        Mark::Area => (axes.range().0.min(0.0), axes.range().1.max(0.0)),
        Mark::Line | Mark::Dot => axes.range(),
    };
    let level = |height: f64| inner.bottom() - share(height, range) * inner.height();
    let place = |series: &Series, point: PlotPoint| {
        let height = axes.height(point.y, chart.right.contains(&series.name))?;
        Some(pos2(inner.left() + share(point.x, data.x) * inner.width(), level(height)))
    };

    for threshold in &chart.thresholds {
        let Some(y) = axes.height(threshold.value, false).map(level) else { continue };
        if let Some(to) = threshold.to.and_then(|to| axes.height(to, false)).map(level) {
            let band = Rect::from_x_y_ranges(inner.x_range(), y.min(to)..=y.max(to));
            painter.rect_filled(band, 0.0, theme.warning.gamma_multiply(BAND));
        }
        let ends = [pos2(inner.left(), y), pos2(inner.right(), y)];
        painter.extend(Shape::dashed_line(&ends, Stroke::new(1.0, theme.text_weak), 4.0, 3.0));
    }
    for series in &data.series {
        let points: &[PlotPoint] = match chart.mark {
            Mark::Dot => &series.points,
            Mark::Line | Mark::Area => &thinned(&series.points, data.x, inner.width() as usize),
        };
        let on_screen: Vec<Pos2> = points.iter().filter_map(|point| place(series, *point)).collect();
        let color = theme.series_color(series.color);
        match (on_screen.as_slice(), chart.mark) {
            ([only], _) => _ = painter.circle_filled(*only, 2.0, color),
            (_, Mark::Dot) => {
                for dot in on_screen {
                    painter.rect_filled(Rect::from_center_size(dot, vec2(2.0, 2.0)), 0.0, color);
                }
            }
            (_, Mark::Area) => {
                area(&painter, &on_screen, level(0.0), color.gamma_multiply(AREA));
                painter.line(on_screen, Stroke::new(1.5, color));
            }
            (_, Mark::Line) => _ = painter.line(on_screen, Stroke::new(1.5, color)),
        }
    }
    if has_labels {
        let label =
            |at: Pos2, align: Align2, text: String, color: Color32| painter.text(at, align, text, font.clone(), color);
        label(rect.left_top() + vec2(2.0, 0.0), Align2::LEFT_TOP, format::number(data.y.1), theme.text_weak);
        label(rect.left_bottom() + vec2(2.0, 0.0), Align2::LEFT_BOTTOM, format::number(data.y.0), theme.text_weak);
        if data.series.len() <= MAX_LABELLED_SERIES && chart.mark != Mark::Dot {
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
    place: impl Fn(&Series, PlotPoint) -> Option<Pos2>,
) -> Vec<(f32, f64, usize)> {
    let mut labels: Vec<(f32, f64, usize)> = data
        .series
        .iter()
        .filter_map(|series| series.last().and_then(|last| Some((place(series, last)?.y, last.y, series.color))))
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

/// The ground between a line and a level.
fn area(painter: &egui::Painter, line: &[Pos2], level: f32, color: Color32) {
    let mut mesh = egui::Mesh::default();
    for point in line {
        mesh.colored_vertex(*point, color);
        mesh.colored_vertex(pos2(point.x, level), color);
    }
    for pair in 0..(line.len().saturating_sub(1)) as u32 {
        mesh.add_triangle(2 * pair, 2 * pair + 1, 2 * pair + 2);
        mesh.add_triangle(2 * pair + 1, 2 * pair + 2, 2 * pair + 3);
    }
    painter.add(Shape::mesh(mesh));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_last_values_do_not_lie_on_each_other() {
        let line = |name: &str, y: f64| (name.to_owned(), vec![PlotPoint::new(0.0, y)]);
        let data = LineData::of([line("a", 5.0), line("b", 5.1), line("c", 9.9)]);
        let place = |_: &Series, point: PlotPoint| Some(pos2(0.0, 100.0 - 10.0 * point.y as f32));
        let labels = spread_labels(&data, 10.0, (0.0, 100.0), place);
        assert!(labels.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 10.0 - 1e-3), "{labels:?}");
        assert!(labels.iter().all(|label| label.0 >= 5.0 && label.0 <= 95.0), "{labels:?}");
    }
}
