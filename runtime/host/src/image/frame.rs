//! What charts with two axes share: the place of the plot, its axes, and the legend.

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, TimestampMicrosecondType};
use millrace_model::event_time::timestamp_type;
use plotters::backend::DrawingBackend;

use super::ImageError;
use super::axis::{Tick, number_ticks, time_ticks};
use super::canvas::{Align, Canvas, Font};
use super::theme::{self, LINE_HEIGHT, PADDING, TEXT_SIZE};

/// Rows of the legend; what finds no place is counted.
const LEGEND_ROWS: usize = 3;

/// How axes are labelled.
pub const LABEL: Font = Font { size: TEXT_SIZE, bold: false, color: theme::MUTED };

/// The place of the plot in the picture and the ranges that it shows.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
    pub x: (f64, f64),
    pub y: (f64, f64),
}

impl Frame {
    pub fn x_at(&self, x: f64) -> f64 {
        self.left + (x - self.x.0) / (self.x.1 - self.x.0) * (self.right - self.left)
    }

    pub fn y_at(&self, y: f64) -> f64 {
        self.bottom - (y - self.y.0) / (self.y.1 - self.y.0) * (self.bottom - self.top)
    }
}

/// The names of series with their colours, from `top` on; gives where they end.
pub fn paint_legend<B: DrawingBackend>(canvas: &Canvas<B>, names: &[&str], top: f64) -> Result<f64, ImageError> {
    const SWATCH: f64 = 14.0;
    if names.iter().all(|name| name.is_empty()) {
        return Ok(top);
    }
    let rows = if canvas.height < 240.0 { 1 } else { LEGEND_ROWS };
    let font = Font::new(TEXT_SIZE, theme::TEXT);
    let right = canvas.width - PADDING;
    let (mut x, mut row) = (PADDING, 0);
    for (number, name) in names.iter().enumerate() {
        let name = canvas.fitted(name, 220.0_f64.min(right - PADDING - SWATCH - 6.0), font)?;
        let width = SWATCH + 6.0 + canvas.text_width(&name, font)?;
        let left_over = names.len() - number;
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

/// Lines and labels of the values up the side.
pub fn paint_y_axis<B: DrawingBackend>(canvas: &Canvas<B>, frame: &Frame, ticks: &[Tick]) -> Result<(), ImageError> {
    for tick in ticks {
        let y = frame.y_at(tick.at);
        canvas.line((frame.left, y), (frame.right, y), theme::GRID, 1.0)?;
        canvas.text(&tick.label, (frame.left - 8.0, y + TEXT_SIZE * 0.36), Align::Right, LABEL)?;
    }
    Ok(())
}

/// Ticks and labels along the bottom, and what they are.
pub fn paint_x_axis<B: DrawingBackend>(
    canvas: &Canvas<B>,
    frame: &Frame,
    x_label: &str,
    is_time: bool,
) -> Result<(), ImageError> {
    let wanted = (((frame.right - frame.left) / 95.0) as usize).clamp(1, 14);
    let ticks = if is_time { time_ticks(frame.x, wanted) } else { number_ticks(frame.x, wanted) };
    canvas.line((frame.left, frame.bottom), (frame.right, frame.bottom), theme::AXIS, 1.0)?;
    let label = match (x_label.trim(), is_time) {
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

/// The column of this name as `data_type`.
pub fn column(data: &RecordBatch, name: &str, data_type: &DataType) -> Result<ArrayRef, ImageError> {
    let array = data
        .column_by_name(name)
        .ok_or_else(|| ImageError::Data { message: format!("there is no column `{name}`") })?;
    cast(array, data_type).map_err(|error| ImageError::Data { message: format!("column `{name}`: {error}") })
}

/// A column as numbers; times as microseconds since the epoch, null as NaN.
pub fn numbers(data: &RecordBatch, name: &str, is_time: bool) -> Result<Vec<f64>, ImageError> {
    if is_time {
        let times = column(data, name, &timestamp_type())?;
        let times = times.as_primitive::<TimestampMicrosecondType>();
        return Ok(times.iter().map(|time| time.map_or(f64::NAN, |time| time as f64)).collect());
    }
    let numbers = column(data, name, &DataType::Float64)?;
    Ok(numbers.as_primitive::<Float64Type>().iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

/// A column as texts; null as an empty one.
pub fn texts(data: &RecordBatch, name: &str) -> Result<Vec<String>, ImageError> {
    let texts = column(data, name, &DataType::Utf8)?;
    Ok(texts.as_string::<i32>().iter().map(|text| text.unwrap_or_default().to_owned()).collect())
}
