//! Single values as a picture: one big number, or a card for each key.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use millrace_model::event_time::timestamp_type;
use millrace_model::view::SingleValue;
use plotters::backend::DrawingBackend;

use super::ImageError;
use super::axis::{grouped, time_text};
use super::canvas::{Align, Canvas, Font};
use super::cell::Cells;
use super::frame::column;
use super::theme::{self, PADDING, TEXT_SIZE};

const GAP: f64 = 12.0;
/// A card is no smaller; what finds no place is counted.
const SMALLEST_CARD: (f64, f64) = (120.0, 72.0);

/// Draws the heading and a card for each row: label, number with its unit, and when it was.
pub fn paint<B: DrawingBackend>(canvas: &Canvas<B>, view: &SingleValue, data: &RecordBatch) -> Result<(), ImageError> {
    let num_rows = data.num_rows();
    if num_rows == 0 {
        canvas.heading(&view.title, "")?;
        return canvas.no_rows();
    }
    let labels = column(data, "label", &DataType::Utf8)?;
    let times = column(data, "time", &timestamp_type())?;
    let values = data.column_by_name("value").ok_or_else(|| missing("value"))?;
    let values = Cells::new(values.as_ref())?;

    let (right, bottom) = (canvas.width - PADDING, canvas.height - PADDING);
    let top = canvas.heading(&view.title, " ")? + 8.0;
    let (columns, rows) = grid(num_rows, right - PADDING, bottom - top);
    let num_cards = num_rows.min(columns * rows);
    if num_cards < num_rows {
        let all = grouped(num_rows as f64, 0);
        canvas.heading(&view.title, &format!("{num_cards} of {all} values"))?;
    }
    let size = (
        (right - PADDING - GAP * (columns - 1) as f64) / columns as f64,
        (bottom - top - GAP * (rows - 1) as f64) / rows as f64,
    );
    for row in 0..num_cards {
        let corner = (PADDING + (row % columns) as f64 * (size.0 + GAP), top + (row / columns) as f64 * (size.1 + GAP));
        let label = if labels.is_null(row) { "" } else { labels.as_string::<i32>().value(row) };
        let value = values.text_with_decimals(row, view.decimals);
        let time = time_at(&times, row);
        paint_card(canvas, corner, size, Card { label, value: &value, unit: &view.unit, time: time.as_deref() })?;
    }
    Ok(())
}

struct Card<'a> {
    label: &'a str,
    value: &'a str,
    unit: &'a str,
    time: Option<&'a str>,
}

fn paint_card<B: DrawingBackend>(
    canvas: &Canvas<B>,
    (x, y): (f64, f64),
    (width, height): (f64, f64),
    card: Card<'_>,
) -> Result<(), ImageError> {
    canvas.filled((x, y), (x + width, y + height), theme::STRIPE)?;
    let room = width - 24.0;
    let center = x + width / 2.0;
    let small = Font::new(TEXT_SIZE, theme::MUTED);
    if !card.label.trim().is_empty() {
        canvas.text(&canvas.fitted(card.label, room, small)?, (center, y + 22.0), Align::Center, small)?;
    }
    if let Some(time) = card.time.filter(|_| height >= 84.0) {
        let time = canvas.fitted(time, room, small)?;
        canvas.text(&time, (center, y + height - 12.0), Align::Center, small)?;
    }
    // As large as the card allows: the unit is drawn at less than half the number's size.
    let share = |size: f64| -> Result<(f64, f64), ImageError> {
        let value = canvas.text_width(card.value, Font::bold(size, theme::TEXT))?;
        let unit = canvas.text_width(card.unit, Font::new(size * 0.42, theme::MUTED))?;
        Ok((value, if card.unit.is_empty() { 0.0 } else { unit + size * 0.16 }))
    };
    let mut size = (height * 0.38).min(96.0);
    let (value, unit) = share(size)?;
    if value + unit > room {
        size = (size * room / (value + unit)).max(TEXT_SIZE);
    }
    let value_font = Font::bold(size, theme::TEXT);
    let text = canvas.fitted(card.value, room, value_font)?;
    let (value, unit) = share(size)?;
    let left = center - (value.min(room) + unit) / 2.0;
    let baseline = y + height / 2.0 + size * 0.36;
    canvas.text(&text, (left, baseline), Align::Left, value_font)?;
    let unit_font = Font::new(size * 0.42, theme::MUTED);
    canvas.text(card.unit, (left + value.min(room) + size * 0.16, baseline), Align::Left, unit_font)
}

/// Columns and rows of cards for `count` values in a room of this size.
pub fn grid(count: usize, width: f64, height: f64) -> (usize, usize) {
    let most_columns = (((width + GAP) / (SMALLEST_CARD.0 + GAP)).floor() as usize).max(1);
    let most_rows = (((height + GAP) / (SMALLEST_CARD.1 + GAP)).floor() as usize).max(1);
    // Cards somewhat wider than high, in as square a field as there is room for.
    let ideal = ((count as f64 * width / (height * 1.8)).sqrt().ceil() as usize).max(1);
    let columns = ideal.min(most_columns).min(count);
    let rows = count.div_ceil(columns).min(most_rows);
    let columns = if columns * rows < count { most_columns.min(count.div_ceil(rows)) } else { columns };
    (columns, rows)
}

fn time_at(times: &ArrayRef, row: usize) -> Option<String> {
    let times = times.as_primitive::<TimestampMicrosecondType>();
    times.is_valid(row).then(|| format!("{} UTC", time_text(times.value(row))))
}

fn missing(name: &str) -> ImageError {
    ImageError::Data { message: format!("there is no column `{name}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_fill_the_room_and_never_lose_a_value_that_fits() {
        assert_eq!(grid(1, 800.0, 400.0), (1, 1));
        for count in 1..200 {
            let (columns, rows) = grid(count, 900.0, 500.0);
            let (most_columns, most_rows) = (6, 6);
            assert!(columns <= most_columns && rows <= most_rows, "{count}: {columns} × {rows}");
            assert!(columns * rows >= count.min(most_columns * most_rows), "{count}: {columns} × {rows}");
        }
    }
}
