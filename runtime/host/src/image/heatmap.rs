//! A heatmap as a picture: a colour for each cell, and a scale that says what the colours are.

use arrow::array::RecordBatch;
use millrace_model::view::{Heatmap, heat};
use plotters::backend::DrawingBackend;
use plotters::style::RGBColor;

use super::ImageError;
use super::axis::{extent, number_ticks};
use super::canvas::{Align, Canvas, Font};
use super::cell::number_text;
use super::frame::{Frame, LABEL, numbers, paint_x_axis, paint_y_axis, texts};
use super::theme::{self, LINE_HEIGHT, PADDING, TEXT_SIZE};

const SCALE_WIDTH: f64 = 120.0;

pub fn color(value: f64, (low, high): (f64, f64)) -> RGBColor {
    let [red, green, blue] = heat(if low < high { (value - low) / (high - low) } else { 0.5 });
    RGBColor(red, green, blue)
}

/// The colours from low to high, and what they are, on one line of which `y` is the middle.
pub fn paint_scale<B: DrawingBackend>(
    canvas: &Canvas<B>,
    (mut x, y): (f64, f64),
    range: (f64, f64),
    label: &str,
) -> Result<(), ImageError> {
    let baseline = y + TEXT_SIZE * 0.36;
    let low = number_text(range.0);
    canvas.text(&low, (x, baseline), Align::Left, LABEL)?;
    x += canvas.text_width(&low, LABEL)? + 8.0;
    for part in 0..60 {
        let share = f64::from(part) / 59.0;
        let left = x + SCALE_WIDTH * f64::from(part) / 60.0;
        let [red, green, blue] = heat(share);
        canvas.filled((left, y - 4.0), (left + SCALE_WIDTH / 60.0 + 0.25, y + 4.0), RGBColor(red, green, blue))?;
    }
    let words = format!("{}   {label}", number_text(range.1));
    let room = canvas.width - PADDING - x - SCALE_WIDTH - 8.0;
    canvas.text(&canvas.fitted(&words, room, LABEL)?, (x + SCALE_WIDTH + 8.0, baseline), Align::Left, LABEL)
}

pub fn paint<B: DrawingBackend>(canvas: &Canvas<B>, chart: &Heatmap, data: &RecordBatch) -> Result<(), ImageError> {
    let (x_from, x_to) = (numbers(data, "x_from", chart.x_is_time)?, numbers(data, "x_to", chart.x_is_time)?);
    let values = numbers(data, "value", false)?;
    let mut names: Vec<String> = Vec::new();
    let (y_from, y_to) = if chart.has_named_rows {
        let rows = texts(data, "row")?;
        names.clone_from(&rows);
        names.sort_unstable_by(|a, b| b.cmp(a));
        names.dedup();
        let place = |row: &String| names.iter().position(|name| name == row).unwrap_or(0) as f64;
        let from: Vec<f64> = rows.iter().map(place).collect();
        let to = from.iter().map(|from| from + 1.0).collect();
        (from, to)
    } else {
        (numbers(data, "y_from", false)?, numbers(data, "y_to", false)?)
    };
    let range = extent(values.iter().copied()).unwrap_or((0.0, 1.0));
    let top = canvas.heading(&chart.title, "")? + 8.0 + LINE_HEIGHT / 2.0;
    paint_scale(canvas, (PADDING, top), range, &chart.value_label)?;
    let top = top + 1.5 * LINE_HEIGHT;
    let y_label = canvas.fitted(&chart.y_label, canvas.width / 2.0, LABEL)?;
    canvas.text(&y_label, (PADDING, top), Align::Left, LABEL)?;
    let bottom = (canvas.height - PADDING - 2.0 * LINE_HEIGHT + 6.0).max(top + 16.0);
    let ends = |from: &[f64], to: &[f64]| extent(from.iter().chain(to).copied()).unwrap_or((0.0, 1.0));
    let (x, y) = (ends(&x_from, &x_to), ends(&y_from, &y_to));
    let ticks =
        if names.is_empty() { number_ticks(y, (((bottom - top) / 52.0) as usize).clamp(2, 9)) } else { Vec::new() };
    let font = Font::new(TEXT_SIZE, theme::TEXT);
    let mut widest = 0.0_f64;
    for text in ticks.iter().map(|tick| &tick.label).chain(&names) {
        widest = widest.max(canvas.text_width(text, font)?);
    }
    let left = PADDING + widest.min(canvas.width * 0.3) + 8.0;
    let frame = Frame { left, right: canvas.width - PADDING, top: top + 8.0, bottom, x, y };
    paint_y_axis(canvas, &frame, &ticks)?;
    let step = ((TEXT_SIZE * 1.3) / ((bottom - frame.top) / names.len().max(1) as f64)).ceil().max(1.0) as usize;
    for (place, name) in names.iter().enumerate().step_by(step) {
        let baseline = frame.y_at(place as f64 + 0.5) + TEXT_SIZE * 0.36;
        let name = canvas.fitted(name, left - PADDING - 8.0, font)?;
        canvas.text(&name, (left - 8.0, baseline), Align::Right, font)?;
    }
    for (index, value) in values.iter().enumerate() {
        let (left, right) = (frame.x_at(x_from[index]), frame.x_at(x_to[index]));
        let (low, high) = (frame.y_at(y_from[index]), frame.y_at(y_to[index]));
        let gap = if right - left > 6.0 && low - high > 6.0 { 0.5 } else { 0.0 };
        canvas.filled((left + gap, high + gap), (right - gap, low - gap), color(*value, range))?;
    }
    paint_x_axis(canvas, &frame, &chart.x_label, chart.x_is_time)
}
