//! The columns of a view's batch by their names, as the types that drawing needs.

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch, StringArray};
use arrow_cast::cast;
use arrow_schema::DataType;

use super::line_data::numbers;

/// A column as numbers (moments as seconds since the epoch, null as NaN).
///
/// # Errors
/// When there is no such column, in words.
pub(super) fn number_column(batch: &RecordBatch, name: &str) -> Result<Vec<f64>, String> {
    numbers(batch.column_by_name(name).ok_or_else(|| missing(name))?)
}

/// A column as texts.
///
/// # Errors
/// When there is no such column, in words.
pub(super) fn text_column(batch: &RecordBatch, name: &str) -> Result<StringArray, String> {
    let column = batch.column_by_name(name).ok_or_else(|| missing(name))?;
    Ok(cast(column, &DataType::Utf8).map_err(|error| error.to_string())?.as_string::<i32>().clone())
}

/// The text in a row; nothing for null.
pub(super) fn text_at(texts: &StringArray, row: usize) -> &str {
    if texts.is_null(row) { "" } else { texts.value(row) }
}

fn missing(name: &str) -> String {
    format!("The chart's rows have no column `{name}`.")
}
