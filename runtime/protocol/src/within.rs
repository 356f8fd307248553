//! The rows of a picture that are seen: those within a time, and of the series that are shown.

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, BooleanArray, Float64Array, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit};
use arrow_select::filter::filter_record_batch;
use millrace_model::view::ViewSpec;

/// The rows that have a part in the range along x ([`ViewSpec::x_fields`]), which is of microseconds since the epoch or of
/// numbers; `None` where the rows of such a picture are at no place. Rows without one are left out.
pub fn within(spec: &ViewSpec, picture: &RecordBatch, (from, to): (f64, f64)) -> Option<RecordBatch> {
    let (start, end) = spec.x_fields(picture.schema_ref())?;
    let places = |field: usize| -> Option<Float64Array> {
        let column = picture.column(field);
        let number = match column.data_type() {
            DataType::Timestamp(_, zone) => {
                let moments = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, zone.clone())).ok()?;
                cast(&cast(&moments, &DataType::Int64).ok()?, &DataType::Float64).ok()?
            }
            data_type if data_type.is_numeric() => cast(column, &DataType::Float64).ok()?,
            _ => return None,
        };
        Some(number.as_primitive::<Float64Type>().clone())
    };
    let (starts, ends) = (places(start)?, places(end)?);
    let is_in = |row: usize| {
        if starts.is_null(row) || ends.is_null(row) {
            return false;
        }
        let (start, end) = (starts.value(row), ends.value(row));
        // What only touches the range has no part in it, unless it is a point.
        if start < end { start < to && end > from } else { start <= to && end >= from }
    };
    let is_in: BooleanArray = (0..picture.num_rows()).map(|row| Some(is_in(row))).collect();
    filter_record_batch(picture, &is_in).ok()
}

/// The rows of the series that are not hidden; all of them where the picture has no series.
pub fn without_series(picture: &RecordBatch, hidden: &[String]) -> RecordBatch {
    let names = picture.column_by_name("series").filter(|_| !hidden.is_empty());
    let Some(names) = names.and_then(|names| cast(names, &DataType::Utf8).ok()) else { return picture.clone() };
    let names = names.as_string::<i32>().iter();
    let is_shown = names.map(|name| Some(name.is_none_or(|name| hidden.iter().all(|hidden| hidden != name))));
    filter_record_batch(picture, &is_shown.collect()).unwrap_or_else(|_| picture.clone())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array, StringArray, TimestampMillisecondArray};
    use millrace_model::view::{Heatmap, LogView, TableView};

    use super::*;

    fn times(seconds: &[Option<i64>]) -> ArrayRef {
        Arc::new(TimestampMillisecondArray::from_iter(seconds.iter().map(|second| second.map(|second| second * 1_000))))
    }

    fn numbers_of(rows: &RecordBatch) -> Vec<i64> {
        rows.column_by_name("n").expect("numbers").as_primitive::<arrow_array::types::Int64Type>().values().to_vec()
    }

    fn picture(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        let n: ArrayRef = Arc::new(Int64Array::from_iter_values(0..columns[0].1.len() as i64));
        RecordBatch::try_from_iter(columns.into_iter().chain([("n", n)])).expect("columns of one length")
    }

    #[test]
    fn rows_of_the_time_stay_and_those_without_a_time_go() {
        let rows = picture(vec![("time", times(&[Some(1), None, Some(5), Some(9)]))]);
        let log = ViewSpec::Log(LogView { title: String::new(), num_rows: 4 });
        let table = ViewSpec::Table(TableView { title: String::new(), num_rows: 4 });
        for spec in [log, table] {
            let found = within(&spec, &rows, (5e6, 8e6)).expect("rows of some time");
            assert_eq!(numbers_of(&found), [2]);
        }
    }

    #[test]
    fn a_cell_that_reaches_into_the_time_stays() {
        let ends = [times(&[Some(0), Some(4), Some(8)]), times(&[Some(4), Some(8), Some(12)])];
        let [from, to] = ends;
        let rows = picture(vec![("x_from", from), ("x_to", to)]);
        let spec = |x_is_time| {
            let text = String::new;
            ViewSpec::Heatmap(Heatmap {
                title: text(),
                x_label: text(),
                y_label: text(),
                x_is_time,
                has_named_rows: true,
                value_label: text(),
            })
        };
        let found = within(&spec(true), &rows, (5e6, 7e6)).expect("cells of some time");
        assert_eq!(numbers_of(&found), [1]);
        let numbers = |numbers: &[f64]| -> ArrayRef { Arc::new(Float64Array::from(numbers.to_vec())) };
        let rows = picture(vec![("x_from", numbers(&[0.0, 4.0, 8.0])), ("x_to", numbers(&[4.0, 8.0, 12.0]))]);
        let found = within(&spec(false), &rows, (4.0, 8.5)).expect("cells at numbers");
        assert_eq!(numbers_of(&found), [1, 2], "what only touches has no part in it");
    }

    #[test]
    fn rows_of_hidden_series_go_and_other_pictures_stay() {
        let series: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), Some("b"), None, Some("a")]));
        let rows = picture(vec![("series", series)]);
        assert_eq!(numbers_of(&without_series(&rows, &["a".to_owned()])), [1, 2]);
        assert_eq!(without_series(&rows, &[]), rows);
        let plain = picture(vec![("time", times(&[Some(1)]))]);
        assert_eq!(without_series(&plain, &["a".to_owned()]), plain);
    }

    #[test]
    fn a_table_without_a_time_is_of_no_time() {
        let names: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
        let table = ViewSpec::Table(TableView { title: String::new(), num_rows: 1 });
        assert!(within(&table, &picture(vec![("name", names)]), (0.0, 1.0)).is_none());
    }
}
