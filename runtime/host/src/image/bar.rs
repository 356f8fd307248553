//! A bar chart as a picture: lying bars, which leave room for long labels.

use std::collections::HashMap;

use arrow::array::RecordBatch;
use millrace_model::view::BarChart;
use plotters::backend::DrawingBackend;

use super::ImageError;
use super::axis::{extent, grouped, number_ticks};
use super::canvas::{Align, Canvas, Font};
use super::cell::number_text;
use super::frame::{Frame, LABEL, numbers, paint_legend, texts};
use super::theme::{self, LINE_HEIGHT, PADDING, TEXT_SIZE};

const LEAST_BAR: f64 = 9.0;

/// Draws the heading, the legend and as many labels with their bars as fit; what does not fit is counted.
pub fn paint<B: DrawingBackend>(canvas: &Canvas<B>, chart: &BarChart, data: &RecordBatch) -> Result<(), ImageError> {
    let (labels, series, values) = (texts(data, "label")?, texts(data, "series")?, numbers(data, "value", false)?);
    let mut names: Vec<&str> = Vec::new();
    let mut rows: Vec<(&str, Vec<(usize, f64)>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for ((label, name), value) in labels.iter().zip(&series).zip(&values) {
        let number = names.iter().position(|known| known == name).unwrap_or_else(|| {
            names.push(name);
            names.len() - 1
        });
        let place = *places.entry(label).or_insert_with(|| {
            rows.push((label, Vec::new()));
            rows.len() - 1
        });
        rows[place].1.push((number, *value));
    }
    let per_row = rows.iter().map(|row| row.1.len()).max().unwrap_or(1) as f64;
    let top = canvas.heading(&chart.title, " ")? + 8.0;
    let top = paint_legend(canvas, &names, top)? + 4.0;
    let bottom = canvas.height - PADDING - 2.0 * LINE_HEIGHT;
    let least = (per_row * LEAST_BAR + 6.0).max(TEXT_SIZE + 4.0);
    let num_shown = rows.len().min(((bottom - top) / least).max(1.0) as usize);
    let count = grouped(rows.len() as f64, 0);
    let words =
        if num_shown < rows.len() { format!("{num_shown} of {count} labels") } else { format!("{count} labels") };
    canvas.heading(&chart.title, &if rows.len() == 1 { "1 label".to_owned() } else { words })?;

    let levels = chart.thresholds.iter().flat_map(|threshold| threshold.values());
    let (low, high) = extent(values.iter().copied().chain(levels).chain([0.0])).unwrap_or((0.0, 1.0));
    let high = if low < high { high } else { low + 1.0 };
    let mut widest = 0.0_f64;
    for (label, _) in rows.iter().take(num_shown) {
        widest = widest.max(canvas.text_width(label, LABEL)?);
    }
    let left = PADDING + widest.min(canvas.width * 0.3) + 8.0;
    // The longest bar leaves room for its number.
    let right = (canvas.width - PADDING - 64.0).max(left + 8.0);
    let frame = Frame { left, right, top, bottom, x: (low, high), y: (0.0, 1.0) };
    for tick in number_ticks(frame.x, (((right - left) / 90.0) as usize).clamp(1, 10)) {
        let x = frame.x_at(tick.at);
        canvas.line((x, top), (x, bottom), theme::GRID, 1.0)?;
        canvas.text(&tick.label, (x, bottom + 16.0), Align::Center, LABEL)?;
    }
    let label = canvas.fitted(&chart.value_label, canvas.width - 2.0 * PADDING, LABEL)?;
    canvas.text(&label, (right, bottom + 16.0 + LINE_HEIGHT), Align::Right, LABEL)?;
    for threshold in &chart.thresholds {
        let x = |value: f64| frame.x_at(value);
        if let Some(to) = threshold.to {
            let corners = [(x(threshold.value), top), (x(to), top), (x(to), bottom), (x(threshold.value), bottom)];
            canvas.polygon(&corners, theme::THRESHOLD, 0.09)?;
        }
    }
    let height = ((bottom - top) / num_shown as f64).min(46.0);
    for (index, (label, bars)) in rows.iter().take(num_shown).enumerate() {
        let row_top = top + index as f64 * height;
        let middle = row_top + height / 2.0 + TEXT_SIZE * 0.36;
        let font = Font::new(TEXT_SIZE, theme::TEXT);
        canvas.text(&canvas.fitted(label, left - PADDING - 8.0, font)?, (left - 8.0, middle), Align::Right, font)?;
        let gap = (height * 0.2).min(8.0);
        let thick = (height - gap) / bars.len() as f64;
        for (number, (series, value)) in bars.iter().enumerate() {
            let bar_top = row_top + gap / 2.0 + number as f64 * thick;
            let (from, to) = (frame.x_at(value.min(0.0)), frame.x_at(value.max(0.0)));
            canvas.filled((from, bar_top), (to, bar_top + (thick - 1.0).max(1.0)), theme::series(*series))?;
            if thick >= TEXT_SIZE {
                let at = (to + 5.0, bar_top + thick / 2.0 + TEXT_SIZE * 0.36 - 0.5);
                canvas.text(&number_text(*value), at, Align::Left, LABEL)?;
            }
        }
    }
    let zero = frame.x_at(0.0);
    canvas.line((zero, top), (zero, bottom), theme::AXIS, 1.0)?;
    for threshold in &chart.thresholds {
        let x = frame.x_at(threshold.value);
        canvas.dashed((x, top), (x, bottom), theme::THRESHOLD, 1.2)?;
        let font = Font::new(TEXT_SIZE, theme::THRESHOLD);
        canvas.text(&threshold.label, (x + 4.0, bottom - 4.0), Align::Left, font)?;
    }
    Ok(())
}
