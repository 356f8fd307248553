//! Which of the watched rows are shown: those with a cell that contains what the person typed.
//!
//! A cell is searched as it is read in the table and as it is exported, so that what is seen is found. The run knows
//! nothing of this; of a batch the filtered rows are made once.

use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::Schema;
use arrow_select::filter::filter_record_batch;

use crate::chart::same_batch;
use crate::data_table::Cells;

/// What is typed, and the rows that were found last.
#[derive(Debug, Default)]
pub(super) struct RowFilter {
    pub text: String,
    found: Option<Found>,
}

#[derive(Debug)]
struct Found {
    batch: RecordBatch,
    text: String,
    rows: RecordBatch,
}

impl RowFilter {
    /// Whether all rows are shown.
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The rows of `batch` that are shown, in their order.
    pub fn rows_of(&mut self, batch: &RecordBatch) -> RecordBatch {
        if self.is_empty() {
            self.found = None;
            return batch.clone();
        }
        let is_fresh = |found: &&Found| found.text == self.text && same_batch(&found.batch, batch);
        if let Some(found) = self.found.as_ref().filter(is_fresh) {
            return found.rows.clone();
        }
        let rows = matching(batch, &self.text);
        self.found = Some(Found { batch: batch.clone(), text: self.text.clone(), rows: rows.clone() });
        rows
    }
}

/// What is looked for, and in which columns. `device:d7` looks in one column where there is one called `device`; all
/// else is looked for everywhere, such as `12:30`.
fn read<'a>(text: &'a str, schema: &Schema) -> (&'a str, Option<usize>) {
    let text = text.trim();
    let named = text.split_once(':').and_then(|(name, rest)| {
        let name = name.trim().to_lowercase();
        let column = schema.fields().iter().position(|field| field.name().to_lowercase() == name)?;
        Some((rest.trim(), Some(column)))
    });
    named.unwrap_or((text, None))
}

fn matching(batch: &RecordBatch, text: &str) -> RecordBatch {
    let (wanted, only) = read(text, batch.schema_ref());
    let wanted = wanted.to_lowercase();
    let columns = batch.columns().iter().enumerate().filter(|(index, _)| only.is_none_or(|only| only == *index));
    let columns: Vec<Cells<'_>> = columns.map(|(_, array)| Cells::new(array.as_ref())).collect();
    let decimals: Vec<usize> = columns.iter().map(Cells::decimals).collect();
    let contains = |row: usize| {
        columns.iter().zip(&decimals).any(|(cells, decimals)| {
            let has = |text: &str| text.to_lowercase().contains(&wanted);
            if cells.is_null(row) {
                has("null")
            } else {
                has(&cells.text(row)) || has(&cells.short_text(row, *decimals))
            }
        })
    };
    let mask: BooleanArray = (0..batch.num_rows()).map(|row| Some(contains(row))).collect();
    filter_record_batch(batch, &mask).expect("the mask is as long as the batch")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, StringArray, TimestampMicrosecondArray};

    use super::*;

    fn rows() -> RecordBatch {
        let times = TimestampMicrosecondArray::from(vec![1_772_373_807_412_000, 1_772_373_868_000_000, 0]);
        let times: ArrayRef = Arc::new(times.with_timezone("+00:00"));
        let values: ArrayRef = Arc::new(Float64Array::from(vec![Some(21.4), None, Some(7.25)]));
        let sites: ArrayRef = Arc::new(StringArray::from(vec![Some("North"), Some("south"), Some("north: 2")]));
        RecordBatch::try_from_iter([("ts", times), ("Value", values), ("site", sites)]).expect("equal lengths")
    }

    /// The places of the rows that are found.
    fn found(text: &str) -> Vec<usize> {
        let (batch, mut filter) = (rows(), RowFilter { text: text.to_owned(), found: None });
        let shown = filter.rows_of(&batch);
        let line = |rows: &RecordBatch, row: usize| -> Vec<String> {
            rows.columns().iter().map(|array| Cells::new(array.as_ref()).text(row)).collect()
        };
        let all: Vec<_> = (0..batch.num_rows()).map(|row| line(&batch, row)).collect();
        let place = |row| all.iter().position(|known| *known == line(&shown, row)).expect("it is one of the rows");
        (0..shown.num_rows()).map(place).collect()
    }

    #[test]
    fn a_row_is_shown_when_any_cell_contains_the_text_in_capitals_or_not() {
        assert_eq!(found(""), [0, 1, 2]);
        assert_eq!(found(" NORTH "), [0, 2]);
        assert_eq!(found("21.4"), [0]);
        assert_eq!(found("west"), [0; 0]);
    }

    #[test]
    fn what_is_read_in_the_table_is_found_as_well_as_what_is_exported() {
        assert_eq!(found("21.40"), [0], "the decimals of the column");
        assert_eq!(found("2026-03-01 14:03"), [0], "a time without its T");
        assert_eq!(found("2026-03-01T14:04"), [1]);
        assert_eq!(found("null"), [1]);
    }

    #[test]
    fn a_column_before_a_colon_narrows_the_search_and_other_colons_are_text() {
        assert_eq!(found("value:2"), [0, 2]);
        assert_eq!(found("site: 2"), [2]);
        assert_eq!(found("14:03"), [0]);
        assert_eq!(found("north: 2"), [2]);
        assert_eq!(found("value: null"), [1]);
    }

    #[test]
    fn rows_that_were_found_are_kept_until_the_text_or_the_rows_change() {
        let (batch, mut filter) = (rows(), RowFilter { text: "north".to_owned(), found: None });
        let first = filter.rows_of(&batch);
        assert!(same_batch(&first, &filter.rows_of(&batch)), "a chart of them need not be made anew");
        filter.text = "south".to_owned();
        assert_eq!(filter.rows_of(&batch).num_rows(), 1);
        assert_eq!(filter.rows_of(&batch.slice(0, 1)).num_rows(), 0);
    }
}
