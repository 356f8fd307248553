//! The table view: the newest rows in a node, all rows that came in a panel.

use arrow_array::RecordBatch;
use egui::{Align2, FontId, Id, TextStyle, Ui, pos2, vec2};
use millrace_model::view::TableView;

use super::take_rect;
use crate::data_table::{Cells, RowOrder, data_table_ui};
use crate::format;
use crate::theme::Theme;

pub(super) fn node_ui(ui: &mut Ui, theme: &Theme, table: &TableView, batch: &RecordBatch) {
    let rect = take_rect(ui, &format!("Table {}: {}", table.title, format::counted(table.num_rows, "row")));
    let size = TextStyle::Small.resolve(ui.style()).size;
    let font = FontId::monospace(size * 0.85);
    let row_height = size * 1.35;
    let num_columns = ((rect.width() / (size * 6.0)) as usize).clamp(1, batch.num_columns().max(1));
    let num_rows = (((rect.height() / row_height) as usize).saturating_sub(1)).min(batch.num_rows());
    let width = rect.width() / num_columns as f32;
    let schema = batch.schema_ref();
    for (index, (field, array)) in schema.fields().iter().zip(batch.columns()).take(num_columns).enumerate() {
        let left = rect.left() + index as f32 * width;
        let cell = |row: usize| {
            egui::Rect::from_min_size(pos2(left, rect.top() + row as f32 * row_height), vec2(width - 4.0, row_height))
        };
        let write = |row: usize, text: &str, color| {
            let painter = ui.painter_at(cell(row));
            painter.text(cell(row).left_center(), Align2::LEFT_CENTER, text, font.clone(), color);
        };
        write(0, field.name(), theme.text_weak);
        let cells = Cells::new(array.as_ref());
        for row in 0..num_rows {
            let newest = batch.num_rows() - 1 - row;
            if cells.is_null(newest) {
                write(row + 1, "null", theme.text_weak);
            } else {
                write(row + 1, &cells.glance(newest), theme.text);
            }
        }
    }
}

pub(super) fn panel_ui(ui: &mut Ui, theme: &Theme, id: Id, table: &TableView, batch: &RecordBatch) {
    let held = batch.num_rows() as u64;
    let words = if table.num_rows > held {
        format!("newest {} of {}", format::count(held), format::counted(table.num_rows, "row"))
    } else {
        format::counted(held, "row")
    };
    ui.label(egui::RichText::new(words).small().color(theme.text_weak));
    data_table_ui(ui, theme, id, batch, RowOrder::NewestFirst);
}
