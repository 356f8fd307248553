//! Charts of points as a picture: series over time or numbers, with levels and bands.
//!
//! Whatever the number of points, each pixel column keeps its first, smallest, largest and last value, so that a spike of
//! one sample is never lost. A null or non-finite value breaks the line, and so does one that has no place on a
//! logarithmic axis.

use arrow::array::RecordBatch;
use millrace_model::view::{Mark, Scale, XyChart};
use plotters::backend::DrawingBackend;

use super::ImageError;
use super::axis::{Tick, extent, grouped, number_ticks, with_air};
use super::canvas::{Align, Canvas, Font, Point};
use super::cell::number_text;
use super::frame::{Frame, LABEL, numbers, paint_legend, paint_x_axis, paint_y_axis, texts};
use super::theme::{self, LINE_HEIGHT, PADDING, TEXT_SIZE};

/// Up to this many points a series is drawn with a dot at each.
const FEW_POINTS: usize = 40;
const LINE_WIDTH: f64 = 1.6;
const DOT: f64 = 1.8;

/// The points of one series in the order of x; heights are NaN where there is no value.
struct Series {
    name: String,
    points: Vec<Point>,
    is_right: bool,
}

/// What is to be drawn: the chart, and how it is seen.
pub struct Shown<'a> {
    pub chart: &'a XyChart,
    pub scale: Scale,
    /// The x values to be shown; all of them where it is not said.
    pub x: Option<(f64, f64)>,
    /// Series that are not shown.
    pub hidden: &'a [String],
}

/// Draws heading, legend, axes, thresholds and series.
pub fn paint<B: DrawingBackend>(canvas: &Canvas<B>, shown: &Shown<'_>, data: &RecordBatch) -> Result<(), ImageError> {
    let chart = shown.chart;
    let series = read(shown, data)?;
    let is_seen = |point: &&Point| shown.x.is_none_or(|(from, to)| point.0 >= from && point.0 <= to);
    let heights = |is_right: bool| {
        let series = series.iter().filter(move |series| series.is_right == is_right);
        series
            .flat_map(|series| &series.points)
            .filter(|point| point.1.is_finite())
            .filter(is_seen)
            .map(|point| point.1)
    };
    let levels = chart.thresholds.iter().flat_map(|threshold| threshold.values());
    let levels = levels.filter_map(|value| shown.scale.place(value));
    let zero = (chart.mark == Mark::Area).then_some(0.0);
    let all_x =
        series.iter().flat_map(|series| &series.points).filter(|point| point.1.is_finite()).map(|point| point.0);
    let x = shown.x.or_else(|| extent(all_x));
    let right = extent(heights(true)).map(with_air);
    let left = extent(heights(false).chain(levels).chain(zero)).map(with_air);
    let (Some(x), Some(y)) = (x, left.or(right)) else {
        canvas.heading(&chart.title, "")?;
        return canvas.no_rows();
    };

    let names: Vec<&str> = series.iter().map(|series| series.name.as_str()).collect();
    let mut top = canvas.heading(&chart.title, &subtitle(chart, series.len()))? + 8.0;
    top = paint_legend(canvas, &names, top)?;
    if !chart.y_label.trim().is_empty() || right.is_some() {
        top += LINE_HEIGHT;
        let room = canvas.width / 2.0 - PADDING;
        canvas.text(&canvas.fitted(&chart.y_label, room, LABEL)?, (PADDING, top - 4.0), Align::Left, LABEL)?;
        if right.is_some() {
            let label = canvas.fitted(&chart.right_label, room, LABEL)?;
            canvas.text(&label, (canvas.width - PADDING, top - 4.0), Align::Right, LABEL)?;
        }
    }
    let bottom = canvas.height - PADDING - 2.0 * LINE_HEIGHT + 6.0;
    let wanted = (((bottom - top) / 52.0) as usize).clamp(2, 9);
    let y_ticks = ticks(y, shown.scale, wanted);
    let right_ticks = right.map_or_else(Vec::new, |right| ticks(right, shown.scale, wanted));
    let width = |ticks: &[Tick]| -> Result<f64, ImageError> {
        ticks.iter().try_fold(0.0_f64, |widest, tick| Ok(widest.max(canvas.text_width(&tick.label, LABEL)?)))
    };
    let x = if x.0 < x.1 { x } else { around(x.0, chart.x_is_time) };
    let left_edge = (PADDING + width(&y_ticks)? + 8.0).min(canvas.width / 2.0);
    let right_edge =
        if right.is_some() { canvas.width - PADDING - width(&right_ticks)? - 8.0 } else { canvas.width - PADDING };
    let frame = Frame {
        left: left_edge,
        right: right_edge.max(left_edge + 8.0),
        top: top + 6.0,
        bottom: bottom.max(top + 16.0),
        x,
        y,
    };

    paint_bands(canvas, &frame, shown)?;
    paint_y_axis(canvas, &frame, &y_ticks)?;
    let at_right = Frame { y: right.unwrap_or(y), ..frame };
    for tick in &right_ticks {
        let y = at_right.y_at(tick.at) + TEXT_SIZE * 0.36;
        canvas.text(&tick.label, (frame.right + 8.0, y), Align::Left, LABEL)?;
    }
    paint_x_axis(canvas, &frame, &chart.x_label, chart.x_is_time)?;
    for (number, series) in series.iter().enumerate() {
        paint_series(canvas, if series.is_right { &at_right } else { &frame }, series, number, chart.mark)?;
    }
    paint_thresholds(canvas, &frame, shown)
}

/// A range about a single x: a second to both sides of a time, one to both sides of a number.
fn around(x: f64, is_time: bool) -> (f64, f64) {
    let reach = if is_time { 1_000_000.0 } else { 1.0_f64.max(x.abs() * 1e-6) };
    (x - reach, x + reach)
}

fn ticks(range: (f64, f64), scale: Scale, wanted: usize) -> Vec<Tick> {
    match scale {
        Scale::Linear => number_ticks(range, wanted),
        // Powers of ten, or round heights between two of them.
        Scale::Log => {
            let (first, last) = (range.0.ceil() as i64, range.1.floor() as i64);
            let step = ((last - first) / wanted.max(1) as i64).max(1) as usize;
            let label = |at: f64| Tick { at, label: number_text(scale.value(at)), context: None };
            let whole: Vec<Tick> = (first..=last).step_by(step).map(|at| label(at as f64)).collect();
            if whole.len() > 1 {
                whole
            } else {
                number_ticks(range, wanted).into_iter().map(|tick| label(tick.at)).collect()
            }
        }
    }
}

fn subtitle(chart: &XyChart, num_series: usize) -> String {
    let points =
        format!("{} {}", grouped(chart.num_points as f64, 0), if chart.num_points == 1 { "point" } else { "points" });
    if num_series > 1 { format!("{points}, {num_series} series") } else { points }
}

fn paint_series<B: DrawingBackend>(
    canvas: &Canvas<B>,
    frame: &Frame,
    series: &Series,
    number: usize,
    mark: Mark,
) -> Result<(), ImageError> {
    let color = theme::series(number);
    let has_few = series.points.len() <= FEW_POINTS;
    // One point beyond each side is drawn up to the edge.
    let clip = |point: Point| (point.0.clamp(frame.left, frame.right), point.1.clamp(frame.top - 4.0, frame.bottom));
    for piece in series.points.split(|point| !point.1.is_finite()) {
        let path: Vec<Point> = piece.iter().map(|(x, y)| (frame.x_at(*x), frame.y_at(*y))).collect();
        if mark == Mark::Dot {
            for point in path.into_iter().filter(|point| *point == clip(*point)) {
                canvas.disc(point, DOT, color)?;
            }
            continue;
        }
        let path: Vec<Point> = thinned(within(&path, (frame.left, frame.right))).into_iter().map(clip).collect();
        if mark == Mark::Area
            && let (Some(first), Some(last)) = (path.first(), path.last())
        {
            let level = clip((frame.left, frame.y_at(0.0))).1;
            let ground: Vec<Point> = path.iter().copied().chain([(last.0, level), (first.0, level)]).collect();
            canvas.polygon(&ground, color, 0.22)?;
        }
        canvas.polyline(&path, color, LINE_WIDTH)?;
        if has_few || path.len() == 1 {
            for point in path {
                canvas.disc(point, 2.4, color)?;
            }
        }
    }
    Ok(())
}

/// The part of a path between two places along x, cut where it crosses them.
fn within(path: &[Point], (left, right): (f64, f64)) -> Vec<Point> {
    let mut inside = Vec::with_capacity(path.len());
    let crossing = |a: Point, b: Point, x: f64| (x, a.1 + (x - a.0) / (b.0 - a.0) * (b.1 - a.1));
    for (index, point) in path.iter().enumerate() {
        if let Some(before) = index.checked_sub(1).map(|before| path[before]) {
            for edge in [left, right] {
                if before.0 < edge && edge < point.0 {
                    inside.push(crossing(before, *point, edge));
                }
            }
        }
        if point.0 >= left && point.0 <= right {
            inside.push(*point);
        }
    }
    inside
}

/// At most four points for each half pixel along x: the first, the lowest, the highest and the last.
fn thinned(path: Vec<Point>) -> Vec<Point> {
    let column = |point: &Point| (point.0 * 2.0).floor();
    let mut kept: Vec<Point> = Vec::new();
    for group in path.chunk_by(|a, b| column(a) == column(b)) {
        if group.len() <= 4 {
            kept.extend_from_slice(group);
            continue;
        }
        let heights = || group.iter().enumerate().map(|(number, point)| (number, point.1));
        let lowest = heights().min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(number, _)| number);
        let highest = heights().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(number, _)| number);
        let mut chosen = [0, lowest, highest, group.len() - 1].to_vec();
        chosen.sort_unstable();
        chosen.dedup();
        kept.extend(chosen.into_iter().map(|number| group[number]));
    }
    kept
}

fn paint_bands<B: DrawingBackend>(canvas: &Canvas<B>, frame: &Frame, shown: &Shown<'_>) -> Result<(), ImageError> {
    for threshold in &shown.chart.thresholds {
        let place =
            |value: f64| shown.scale.place(value).map(|height| frame.y_at(height).clamp(frame.top, frame.bottom));
        if let (Some(from), Some(to)) = (place(threshold.value), threshold.to.and_then(place)) {
            let corners = [(frame.left, from), (frame.right, from), (frame.right, to), (frame.left, to)];
            canvas.polygon(&corners, theme::THRESHOLD, 0.09)?;
        }
    }
    Ok(())
}

fn paint_thresholds<B: DrawingBackend>(canvas: &Canvas<B>, frame: &Frame, shown: &Shown<'_>) -> Result<(), ImageError> {
    let font = Font::new(TEXT_SIZE, theme::THRESHOLD);
    for threshold in &shown.chart.thresholds {
        let Some(y) = shown.scale.place(threshold.value).map(|height| frame.y_at(height)) else { continue };
        canvas.dashed((frame.left, y), (frame.right, y), theme::THRESHOLD, 1.2)?;
        let label = canvas.fitted(&threshold.label, frame.right - frame.left, font)?;
        if label.trim().is_empty() {
            continue;
        }
        // Above the line, or below it where the plot ends; on a ground of its own, to be readable over the data.
        let above = y - 6.0;
        let baseline = if above - TEXT_SIZE < frame.top { y + TEXT_SIZE + 2.0 } else { above };
        let width = canvas.text_width(&label, font)?;
        canvas.filled(
            (frame.right - width - 6.0, baseline - TEXT_SIZE),
            (frame.right, baseline + 3.0),
            theme::GROUND,
        )?;
        canvas.text(&label, (frame.right - 3.0, baseline), Align::Right, font)?;
    }
    Ok(())
}

fn read(shown: &Shown<'_>, data: &RecordBatch) -> Result<Vec<Series>, ImageError> {
    if data.num_rows() == 0 {
        return Ok(Vec::new());
    }
    let names = texts(data, "series")?;
    let (x, y) = (numbers(data, "x", shown.chart.x_is_time)?, numbers(data, "y", false)?);
    let mut series: Vec<Series> = Vec::new();
    for ((name, x), y) in names.into_iter().zip(x).zip(y) {
        if !x.is_finite() || shown.hidden.contains(&name) {
            continue;
        }
        if series.last().is_none_or(|last| last.name != name) {
            let is_right = shown.chart.right.contains(&name);
            series.push(Series { name, points: Vec::new(), is_right });
        }
        let height = shown.scale.place(y).unwrap_or(f64::NAN);
        series.last_mut().expect("a series was just there or pushed").points.push((x, height));
    }
    Ok(series)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_a_spike_of_one_sample() {
        let mut path: Vec<Point> = (0..100_000).map(|n| (f64::from(n) / 1_000.0, 50.0)).collect();
        path[77_777].1 = 3.0;
        path[12_345].1 = 97.0;
        let thin = thinned(path.clone());
        assert!(thin.len() <= 4 * 201, "{}", thin.len());
        assert!(thin.contains(&path[77_777]) && thin.contains(&path[12_345]));
        assert_eq!((thin.first(), thin.last()), (path.first(), path.last()));
    }

    #[test]
    fn a_path_is_cut_where_it_leaves_what_is_seen() {
        let path = [(0.0, 0.0), (10.0, 10.0), (20.0, 0.0)];
        assert_eq!(within(&path, (5.0, 15.0)), [(5.0, 5.0), (10.0, 10.0), (15.0, 5.0)]);
        assert_eq!(within(&path, (12.0, 14.0)), [(12.0, 8.0), (14.0, 6.0)]);
    }
}
