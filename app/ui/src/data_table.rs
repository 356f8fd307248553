//! Rows as a table: any Arrow batch, drawn only where it is seen.
//!
//! Text of a cell comes from [`Cells`], which charts and exports use too, so that a value reads the same everywhere.
//! Nothing is kept between frames but the column widths, which belong to the schema: other columns, other widths.

use std::fmt::Debug;
use std::hash::Hash;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_array::{Array, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, TimeUnit};
use egui::{Align, Color32, FontId, Id, Label, Layout, RichText, ScrollArea, Sense, Ui, WidgetText};
use egui_extras::{Column, TableBuilder};
use millrace_protocol::type_word;

use crate::format;
use crate::theme::Theme;

const ROW_HEIGHT: f32 = 22.0;
/// Rows that are looked at to find how wide a column starts and how many decimals it needs.
const NUM_SAMPLED_ROWS: usize = 100;
/// Digits after the point that a column shows at most; the whole value stands in the tooltip.
const MAX_DECIMALS: usize = 4;

/// Which row of the batch stands on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowOrder {
    AsIs,
    /// The batch has its newest row last.
    NewestFirst,
}

/// The cells of one column as text.
pub struct Cells<'a> {
    array: &'a dyn Array,
    formatter: Option<ArrayFormatter<'a>>,
}

const FORMAT: FormatOptions<'static> = FormatOptions::new().with_display_error(true);

impl<'a> Cells<'a> {
    pub fn new(array: &'a dyn Array) -> Self {
        Self { array, formatter: ArrayFormatter::try_new(array, &FORMAT).ok() }
    }

    pub fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row)
    }

    /// The whole value: numbers with all their digits, moments as ISO 8601 in UTC. Null is empty.
    pub fn text(&self, row: usize) -> String {
        if self.array.is_null(row) {
            return String::new();
        }
        match time_us(self.array, row) {
            Some(moment_us) => format::iso(moment_us),
            None => self.formatter.as_ref().map_or_else(
                || format!("{} cannot be shown", type_word(self.array.data_type())),
                |formatter| formatter.value(row).to_string(),
            ),
        }
    }

    /// The value as it is read in a table: floating-point numbers with `decimals` digits, moments without the `T`.
    pub fn short_text(&self, row: usize, decimals: usize) -> String {
        if let Some(value) = self.float(row) {
            let size = value.abs();
            return if size == 0.0 || (1e-3..1e12).contains(&size) {
                format::fixed(value, decimals)
            } else {
                format::number(value)
            };
        }
        match time_us(self.array, row) {
            Some(moment_us) => format::timestamp(moment_us).trim_end_matches(" UTC").to_owned(),
            None => self.text(row).replace(['\n', '\r'], " ⏎ "),
        }
    }

    /// The value in few letters, for a place where it is only glanced at.
    pub fn glance(&self, row: usize) -> String {
        match (self.float(row), time_us(self.array, row)) {
            (Some(value), _) => format::number(value),
            (None, Some(moment_us)) => format::time_of_day(moment_us),
            (None, None) => self.text(row),
        }
    }

    fn float(&self, row: usize) -> Option<f64> {
        match self.array.data_type() {
            _ if self.array.is_null(row) => None,
            DataType::Float64 => Some(self.array.as_primitive::<Float64Type>().value(row)),
            DataType::Float32 => Some(f64::from(self.array.as_primitive::<Float32Type>().value(row))),
            _ => None,
        }
    }

    /// Decimals that tell the first values of the column apart.
    pub fn decimals(&self) -> usize {
        let rows = 0..self.array.len().min(NUM_SAMPLED_ROWS);
        let needed = |value: f64| {
            (0..MAX_DECIMALS)
                .find(|decimals| {
                    let scale = 10f64.powi(i32::try_from(*decimals).unwrap_or_default());
                    (value * scale - (value * scale).round()).abs() < 1e-6
                })
                .unwrap_or(MAX_DECIMALS)
        };
        rows.filter_map(|row| self.float(row)).filter(|value| value.is_finite()).map(needed).max().unwrap_or(0)
    }
}

/// The moment in a cell of any timestamp type, in microseconds since the epoch; none for nulls and other types.
pub fn time_us(array: &dyn Array, row: usize) -> Option<i64> {
    let DataType::Timestamp(unit, _) = array.data_type() else { return None };
    if array.is_null(row) {
        return None;
    }
    Some(match unit {
        TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(row).saturating_mul(1_000_000),
        TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(row).saturating_mul(1_000),
        TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().value(row),
        TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().value(row).div_euclid(1_000),
    })
}

/// Whether values of this type are read by their digits and so stand on the right.
pub fn is_numeric(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

/// What one column looks like.
struct Look<'a> {
    name: &'a str,
    data_type: String,
    is_numeric: bool,
    cells: Cells<'a>,
    decimals: usize,
}

impl<'a> Look<'a> {
    fn of(batch: &'a RecordBatch) -> Vec<Self> {
        let schema = batch.schema_ref();
        let columns = schema.fields().iter().zip(batch.columns());
        columns
            .map(|(field, array)| {
                let cells = Cells::new(array.as_ref());
                Look {
                    name: field.name(),
                    data_type: type_word(field.data_type()),
                    is_numeric: is_numeric(field.data_type()),
                    decimals: cells.decimals(),
                    cells,
                }
            })
            .collect()
    }

    fn initial_width(&self, num_rows: usize, letter_width: f32) -> f32 {
        let cells = (0..num_rows.min(NUM_SAMPLED_ROWS)).map(|row| self.cells.short_text(row, self.decimals));
        let longest = cells.map(|text| text.chars().count()).max().unwrap_or(0);
        let header = self.name.chars().count() + self.data_type.chars().count() + 2;
        (longest.max(header) as f32 * letter_width + 20.0).clamp(64.0, 340.0)
    }
}

/// Draws `batch` as a table that fills the space there is. Columns can be made wider; a cell can be copied.
pub fn data_table_ui(ui: &mut Ui, theme: &Theme, id_salt: impl Hash + Debug, batch: &RecordBatch, order: RowOrder) {
    marked_table_ui(ui, theme, id_salt, batch, order, None);
}

/// The same with one of the batch's rows marked; a new mark is scrolled to.
pub fn marked_table_ui(
    ui: &mut Ui,
    theme: &Theme,
    id_salt: impl Hash + Debug,
    batch: &RecordBatch,
    order: RowOrder,
    marked: Option<usize>,
) {
    let columns = Look::of(batch);
    if columns.is_empty() {
        ui.label(RichText::new("These rows have no columns.").color(theme.text_weak));
        return;
    }
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let id = Id::unique((id_salt, names));
    let num_rows = batch.num_rows();
    let letter_width = ui.fonts_mut(|fonts| fonts.glyph_width(&theme.mono(), '0'));
    ScrollArea::horizontal().id_salt(id).auto_shrink(false).show(ui, |ui| {
        let shown_mark = ui.data_mut(|data| std::mem::replace(data.get_temp_mut_or_default(id.with("mark")), marked));
        let mut table = TableBuilder::new(ui)
            .id_salt(id)
            .striped(true)
            .resizable(true)
            .auto_shrink(false)
            .min_scrolled_height(0.0)
            .cell_layout(Layout::left_to_right(Align::Center));
        if let Some(row) = marked.filter(|_| shown_mark != marked) {
            let place = if order == RowOrder::AsIs { row } else { num_rows.saturating_sub(row + 1) };
            table = table.scroll_to_row(place, Some(Align::Center));
        }
        for column in &columns {
            let width = Column::initial(column.initial_width(num_rows, letter_width)).at_least(36.0).clip(true);
            table = table.column(width);
        }
        table
            .header(ROW_HEIGHT + 2.0, |mut header| {
                for column in &columns {
                    header.col(|ui| header_ui(ui, theme, column));
                }
            })
            .body(|body| {
                body.rows(ROW_HEIGHT, num_rows, |mut row| {
                    let index = match order {
                        RowOrder::AsIs => row.index(),
                        RowOrder::NewestFirst => num_rows - 1 - row.index(),
                    };
                    row.set_selected(marked == Some(index));
                    for column in &columns {
                        row.col(|ui| cell_ui(ui, theme, &columns, column, index));
                    }
                });
            });
    });
}

fn header_ui(ui: &mut Ui, theme: &Theme, column: &Look<'_>) {
    ui.spacing_mut().item_spacing.x = 6.0;
    let name = Label::new(styled(column.name, theme.semibold(crate::theme::size::SMALL), theme.text)).truncate();
    let word = styled(&column.data_type, theme.small(), theme.text_weak);
    let help = format!("{}: {}", column.name, column.data_type);
    if column.is_numeric {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(6.0);
            ui.label(word);
            ui.add(name).on_hover_text(help);
        });
    } else {
        ui.add_space(4.0);
        ui.add(name).on_hover_text(help);
        ui.label(word);
    }
}

fn cell_ui(ui: &mut Ui, theme: &Theme, columns: &[Look<'_>], column: &Look<'_>, row: usize) {
    let text = if column.cells.is_null(row) {
        styled("null", theme.mono(), theme.text_weak.gamma_multiply(0.8))
    } else {
        styled(&column.cells.short_text(row, column.decimals), theme.mono(), theme.text)
    };
    let label = Label::new(text).truncate().sense(Sense::click());
    let response = if column.is_numeric {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(6.0);
            ui.add(label)
        })
        .inner
    } else {
        ui.add_space(4.0);
        ui.add(label)
    };
    if response.double_clicked() {
        ui.copy_text(column.cells.text(row));
    }
    response.context_menu(|ui| {
        if ui.button("Copy cell").clicked() {
            ui.copy_text(column.cells.text(row));
            ui.close();
        }
        if ui.button("Copy row").clicked() {
            let cells: Vec<String> = columns.iter().map(|column| column.cells.text(row)).collect();
            ui.copy_text(cells.join("\t"));
            ui.close();
        }
    });
    response.on_hover_ui(|ui| {
        let whole = if column.cells.is_null(row) { "null".to_owned() } else { column.cells.text(row) };
        ui.label(styled(&whole, theme.mono(), theme.text));
        ui.label(styled("Double-click to copy", theme.small(), theme.text_weak));
    });
}

fn styled(text: &str, font: FontId, color: Color32) -> WidgetText {
    RichText::new(text).font(font).color(color).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, StringArray, TimestampMillisecondArray};

    #[test]
    fn a_cell_keeps_all_digits_when_copied_and_few_when_read() {
        let array: ArrayRef = Arc::new(Float64Array::from(vec![Some(21.0 + 0.1 + 0.2), None, Some(1e-9)]));
        let cells = Cells::new(array.as_ref());
        assert_eq!(cells.decimals(), 1);
        assert_eq!(cells.short_text(0, 2), "21.30");
        assert_eq!(cells.text(0), "21.3");
        assert!(cells.is_null(1));
        assert_eq!(cells.text(1), "");
        assert_eq!(cells.short_text(2, 2), "1.000e-9");
    }

    #[test]
    fn decimals_are_no_more_than_the_values_need() {
        let array: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.5, 3.25, f64::NAN]));
        assert_eq!(Cells::new(array.as_ref()).decimals(), 2);
        let whole: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0]));
        assert_eq!(Cells::new(whole.as_ref()).decimals(), 0);
    }

    #[test]
    fn moments_are_iso_in_utc_whatever_their_unit() {
        let array: ArrayRef =
            Arc::new(TimestampMillisecondArray::from(vec![1_772_373_807_412]).with_timezone("+02:00"));
        let cells = Cells::new(array.as_ref());
        assert_eq!(cells.text(0), "2026-03-01T14:03:27.412Z");
        assert_eq!(cells.short_text(0, 0), "2026-03-01 14:03:27.412");
    }

    #[test]
    fn a_line_break_does_not_break_the_row() {
        let array: ArrayRef = Arc::new(StringArray::from(vec!["a\nb"]));
        assert_eq!(Cells::new(array.as_ref()).short_text(0, 0), "a ⏎ b");
        assert_eq!(Cells::new(array.as_ref()).text(0), "a\nb");
    }
}
