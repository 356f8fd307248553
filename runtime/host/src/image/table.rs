//! A table as a picture: the newest rows that fit, newest first.

use arrow::array::RecordBatch;
use millrace_model::view::TableView;
use plotters::backend::DrawingBackend;

use super::ImageError;
use super::axis::grouped;
use super::canvas::{Align, Canvas, Font};
use super::cell::Cells;
use super::theme::{self, PADDING, TEXT_SIZE};

const COLUMN_GAP: f64 = 20.0;
const ROW_HEIGHT: f64 = 24.0;
/// No column is wider, so that one long text does not push the others out.
const WIDEST: f64 = 260.0;

/// A column as it will be drawn.
struct Column {
    name: String,
    texts: Vec<String>,
    width: f64,
    align: Align,
}

/// Draws the heading, the column names and as many rows and columns as fit; what does not fit is counted.
pub fn paint<B: DrawingBackend>(canvas: &Canvas<B>, view: &TableView, data: &RecordBatch) -> Result<(), ImageError> {
    if data.num_rows() == 0 {
        canvas.heading(&view.title, "")?;
        return canvas.no_rows();
    }
    let header_font = Font::bold(TEXT_SIZE, theme::MUTED);
    let cell_font = Font::new(TEXT_SIZE, theme::TEXT);
    let top = canvas.heading(&view.title, " ")? + 8.0;
    let room = canvas.height - top - PADDING / 2.0;
    let num_rows = data.num_rows().min(((room / ROW_HEIGHT).floor() as usize).saturating_sub(1).max(1));

    let right = canvas.width - PADDING;
    let mut columns: Vec<Column> = Vec::new();
    let mut x = PADDING;
    for (field, array) in data.schema().fields().iter().zip(data.columns()) {
        let cells = Cells::new(array.as_ref())?;
        let newest = (0..num_rows).map(|back| data.num_rows() - 1 - back);
        let mut width = canvas.text_width(field.name(), header_font)?;
        let mut texts = Vec::with_capacity(num_rows);
        for row in newest {
            let text = cells.text(row);
            width = width.max(canvas.text_width(&text, cell_font)?);
            texts.push(text);
        }
        let width = width.min(WIDEST);
        if x + width > right && !columns.is_empty() {
            break;
        }
        let width = width.min(right - x);
        let align = if cells.are_numbers() { Align::Right } else { Align::Left };
        columns.push(Column { name: field.name().clone(), texts, width, align });
        x += width + COLUMN_GAP;
    }

    let hidden = data.num_columns() - columns.len();
    let mut subtitle = format!("newest {} of {} rows", grouped(num_rows as f64, 0), grouped(view.num_rows as f64, 0));
    if view.num_rows <= num_rows as u64 {
        subtitle = format!("{} {}", grouped(num_rows as f64, 0), if num_rows == 1 { "row" } else { "rows" });
    }
    if hidden > 0 {
        subtitle.push_str(&format!(", {hidden} more {} not shown", if hidden == 1 { "column" } else { "columns" }));
    }
    canvas.heading(&view.title, &subtitle)?;

    let baseline = |row_top: f64| row_top + ROW_HEIGHT / 2.0 + TEXT_SIZE * 0.36;
    for row in (0..num_rows).step_by(2) {
        let row_top = top + ROW_HEIGHT * (row + 1) as f64;
        canvas.filled((PADDING - 8.0, row_top), (right + 8.0, row_top + ROW_HEIGHT), theme::STRIPE)?;
    }
    canvas.line((PADDING - 8.0, top + ROW_HEIGHT), (right + 8.0, top + ROW_HEIGHT), theme::AXIS, 1.0)?;
    let mut x = PADDING;
    for column in &columns {
        let anchor = if column.align == Align::Right { x + column.width } else { x };
        let name = canvas.fitted(&column.name, column.width, header_font)?;
        canvas.text(&name, (anchor, baseline(top)), column.align, header_font)?;
        for (row, text) in column.texts.iter().enumerate() {
            let text = canvas.fitted(text, column.width, cell_font)?;
            let row_top = top + ROW_HEIGHT * (row + 1) as f64;
            canvas.text(&text, (anchor, baseline(row_top)), column.align, cell_font)?;
        }
        x += column.width + COLUMN_GAP;
    }
    Ok(())
}
