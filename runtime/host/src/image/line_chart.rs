//! A line chart as a picture: series over time or numbers, with thresholds.
//!
//! Whatever the number of points, each pixel column keeps its first, smallest, largest and last value, so that a spike of
//! one sample is never lost. A null or non-finite value breaks the line.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, TimestampMicrosecondType};
use millrace_model::event_time::timestamp_type;
use millrace_model::view::LineChart;
use plotters::backend::DrawingBackend;

use super::ImageError;
use super::axis::{Tick, extent, grouped, number_ticks, time_ticks, with_air};
use super::canvas::{Align, Canvas, Font, Point};
use super::theme::{self, LINE_HEIGHT, PADDING, TEXT_SIZE};

/// Up to this many points a series is drawn with a dot at each.
const FEW_POINTS: usize = 40;
const LINE_WIDTH: f64 = 1.6;
/// Rows of the legend; what finds no place is counted.
const LEGEND_ROWS: usize = 3;

const LABEL: Font = Font { size: TEXT_SIZE, bold: false, color: theme::MUTED };

/// The points of one series in the order of x; `y` is NaN where there is no value.
struct Series {
    name: String,
    points: Vec<Point>,
}

/// The place of the plot in the picture and the ranges that it shows.
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    x: (f64, f64),
    y: (f64, f64),
}

impl Frame {
    fn x_at(&self, x: f64) -> f64 {
        self.left + (x - self.x.0) / (self.x.1 - self.x.0) * (self.right - self.left)
    }

    fn y_at(&self, y: f64) -> f64 {
        self.bottom - (y - self.y.0) / (self.y.1 - self.y.0) * (self.bottom - self.top)
    }
}

/// Draws heading, legend, axes, thresholds and lines.
pub fn paint<B: DrawingBackend>(canvas: &Canvas<B>, chart: &LineChart, data: &RecordBatch) -> Result<(), ImageError> {
    let series = read(chart, data)?;
    let all_points = || series.iter().flat_map(|series| &series.points).filter(|point| point.1.is_finite());
    let x = extent(all_points().map(|point| point.0));
    let y = extent(all_points().map(|point| point.1).chain(chart.thresholds.iter().map(|line| line.value)));
    let (Some(x), Some(y)) = (x, y) else {
        canvas.heading(&chart.title, "")?;
        return canvas.no_rows();
    };

    let mut top = canvas.heading(&chart.title, &subtitle(chart, series.len()))? + 8.0;
    top = paint_legend(canvas, &series, top)?;
    if !chart.y_label.trim().is_empty() {
        top += LINE_HEIGHT;
        let room = canvas.width - 2.0 * PADDING;
        canvas.text(&canvas.fitted(&chart.y_label, room, LABEL)?, (PADDING, top - 4.0), Align::Left, LABEL)?;
    }
    let bottom = canvas.height - PADDING - 2.0 * LINE_HEIGHT + 6.0;
    let y = with_air(y);
    let y_ticks = number_ticks(y, (((bottom - top) / 52.0) as usize).clamp(2, 9));
    let mut widest = 0.0_f64;
    for tick in &y_ticks {
        widest = widest.max(canvas.text_width(&tick.label, LABEL)?);
    }
    let x = if x.0 < x.1 { x } else { around(x.0, chart.x_is_time) };
    let left = (PADDING + widest + 8.0).min(canvas.width / 2.0);
    let right = canvas.width - PADDING;
    let frame = Frame { left, right, top: top + 6.0, bottom: bottom.max(top + 16.0), x, y };

    paint_y_axis(canvas, &frame, &y_ticks)?;
    paint_x_axis(canvas, &frame, chart)?;
    for (number, series) in series.iter().enumerate() {
        paint_series(canvas, &frame, series, number)?;
    }
    paint_thresholds(canvas, &frame, chart)
}

/// A range about a single x: a second to both sides of a time, one to both sides of a number.
fn around(x: f64, is_time: bool) -> (f64, f64) {
    let reach = if is_time { 1_000_000.0 } else { 1.0_f64.max(x.abs() * 1e-6) };
    (x - reach, x + reach)
}

fn subtitle(chart: &LineChart, num_series: usize) -> String {
    let points =
        format!("{} {}", grouped(chart.num_points as f64, 0), if chart.num_points == 1 { "point" } else { "points" });
    if num_series > 1 { format!("{points}, {num_series} series") } else { points }
}

fn paint_legend<B: DrawingBackend>(canvas: &Canvas<B>, series: &[Series], top: f64) -> Result<f64, ImageError> {
    const SWATCH: f64 = 14.0;
    if series.iter().all(|series| series.name.is_empty()) {
        return Ok(top);
    }
    let rows = if canvas.height < 240.0 { 1 } else { LEGEND_ROWS };
    let font = Font::new(TEXT_SIZE, theme::TEXT);
    let right = canvas.width - PADDING;
    let (mut x, mut row) = (PADDING, 0);
    for (number, one) in series.iter().enumerate() {
        let name = canvas.fitted(&one.name, 220.0_f64.min(right - PADDING - SWATCH - 6.0), font)?;
        let width = SWATCH + 6.0 + canvas.text_width(&name, font)?;
        let left_over = series.len() - number;
        let more = format!("and {left_over} more");
        // The last row keeps room for saying how many find no place.
        let is_last_row = row + 1 == rows;
        let reserve = if is_last_row && left_over > 1 { canvas.text_width(&more, LABEL)? + 18.0 } else { 0.0 };
        if x + width + reserve > right && x > PADDING {
            if is_last_row {
                canvas.text(&more, (x, baseline(top, row)), Align::Left, LABEL)?;
                break;
            }
            x = PADDING;
            row += 1;
        }
        let middle = top + LINE_HEIGHT * row as f64 + LINE_HEIGHT / 2.0;
        canvas.filled((x, middle - 1.5), (x + SWATCH, middle + 1.5), theme::series(number))?;
        canvas.text(&name, (x + SWATCH + 6.0, baseline(top, row)), Align::Left, font)?;
        x += width + 18.0;
    }
    Ok(top + LINE_HEIGHT * (row + 1) as f64 + 4.0)
}

fn baseline(top: f64, row: usize) -> f64 {
    top + LINE_HEIGHT * row as f64 + LINE_HEIGHT / 2.0 + TEXT_SIZE * 0.36
}

fn paint_y_axis<B: DrawingBackend>(canvas: &Canvas<B>, frame: &Frame, ticks: &[Tick]) -> Result<(), ImageError> {
    for tick in ticks {
        let y = frame.y_at(tick.at);
        canvas.line((frame.left, y), (frame.right, y), theme::GRID, 1.0)?;
        canvas.text(&tick.label, (frame.left - 8.0, y + TEXT_SIZE * 0.36), Align::Right, LABEL)?;
    }
    Ok(())
}

fn paint_x_axis<B: DrawingBackend>(canvas: &Canvas<B>, frame: &Frame, chart: &LineChart) -> Result<(), ImageError> {
    let wanted = (((frame.right - frame.left) / 95.0) as usize).clamp(1, 14);
    let ticks = if chart.x_is_time { time_ticks(frame.x, wanted) } else { number_ticks(frame.x, wanted) };
    canvas.line((frame.left, frame.bottom), (frame.right, frame.bottom), theme::AXIS, 1.0)?;
    let label = match (chart.x_label.trim(), chart.x_is_time) {
        ("", true) => "UTC".to_owned(),
        (label, true) => format!("{label} (UTC)"),
        (label, false) => label.to_owned(),
    };
    let label_width = canvas.text_width(&label, LABEL)?;
    let second = frame.bottom + 20.0 + LINE_HEIGHT - 2.0;
    canvas.text(&label, (frame.right, second), Align::Right, LABEL)?;
    // Contexts are written from the right, and one that would run into the next is left out.
    let mut free_until = frame.right - label_width - 12.0;
    for tick in ticks.iter().rev() {
        let x = frame.x_at(tick.at);
        canvas.line((x, frame.bottom), (x, frame.bottom + 4.0), theme::AXIS, 1.0)?;
        let width = canvas.text_width(&tick.label, LABEL)?;
        // Half a label must not stick out of the picture.
        let center = x.min(canvas.width - 4.0 - width / 2.0).max(4.0 + width / 2.0);
        canvas.text(&tick.label, (center, frame.bottom + 18.0), Align::Center, LABEL)?;
        if let Some(context) = &tick.context {
            let width = canvas.text_width(context, LABEL)?;
            let from = (center - width / 2.0).max(PADDING);
            if from + width <= free_until {
                canvas.text(context, (from, second), Align::Left, LABEL)?;
                free_until = from - 12.0;
            }
        }
    }
    Ok(())
}

fn paint_series<B: DrawingBackend>(
    canvas: &Canvas<B>,
    frame: &Frame,
    series: &Series,
    number: usize,
) -> Result<(), ImageError> {
    let color = theme::series(number);
    let has_few = series.points.len() <= FEW_POINTS;
    for piece in series.points.split(|point| !point.1.is_finite()) {
        let path: Vec<Point> = piece.iter().map(|(x, y)| (frame.x_at(*x), frame.y_at(*y))).collect();
        let path = thinned(path);
        canvas.polyline(&path, color, LINE_WIDTH)?;
        if has_few || path.len() == 1 {
            for point in path {
                canvas.disc(point, 2.4, color)?;
            }
        }
    }
    Ok(())
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

fn paint_thresholds<B: DrawingBackend>(canvas: &Canvas<B>, frame: &Frame, chart: &LineChart) -> Result<(), ImageError> {
    let font = Font::new(TEXT_SIZE, theme::THRESHOLD);
    for threshold in chart.thresholds.iter().filter(|line| line.value.is_finite()) {
        let y = frame.y_at(threshold.value);
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

fn read(chart: &LineChart, data: &RecordBatch) -> Result<Vec<Series>, ImageError> {
    if data.num_rows() == 0 {
        return Ok(Vec::new());
    }
    let names = column(data, "series", &DataType::Utf8)?;
    let names = names.as_string::<i32>();
    let y = column(data, "y", &DataType::Float64)?;
    let y = y.as_primitive::<Float64Type>();
    let x: Vec<Option<f64>> = if chart.x_is_time {
        let times = column(data, "x", &timestamp_type())?;
        times.as_primitive::<TimestampMicrosecondType>().iter().map(|time| time.map(|time| time as f64)).collect()
    } else {
        column(data, "x", &DataType::Float64)?.as_primitive::<Float64Type>().iter().collect()
    };
    let mut series: Vec<Series> = Vec::new();
    for (row, x) in x.into_iter().enumerate() {
        let Some(x) = x.filter(|x| x.is_finite()) else { continue };
        let name = if names.is_null(row) { "" } else { names.value(row) };
        if series.last().is_none_or(|last| last.name != name) {
            series.push(Series { name: name.to_owned(), points: Vec::new() });
        }
        let y = if y.is_null(row) { f64::NAN } else { y.value(row) };
        series.last_mut().expect("a series was just there or pushed").points.push((x, y));
    }
    Ok(series)
}

/// The column of this name as `data_type`.
pub fn column(data: &RecordBatch, name: &str, data_type: &DataType) -> Result<ArrayRef, ImageError> {
    let array = data
        .column_by_name(name)
        .ok_or_else(|| ImageError::Data { message: format!("there is no column `{name}`") })?;
    cast(array, data_type).map_err(|error| ImageError::Data { message: format!("column `{name}`: {error}") })
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
}
