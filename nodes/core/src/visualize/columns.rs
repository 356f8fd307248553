//! The columns that a view draws: which ones fit, and their values as numbers and texts.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use millrace_model::ColumnRef;
use millrace_model::event_time::{UTC, event_time_column, timestamp_type};
use millrace_model::filter::{NO_VALUE, of_column};
use millrace_operator::time::event_times;
use millrace_operator::{BuildContext, Columns, InferContext, NodeError};

/// The column that a person has named, if any.
pub(super) fn given(column: Option<&ColumnRef>) -> Option<&str> {
    column.map(ColumnRef::as_str).filter(|name| !name.is_empty())
}

/// The title that a person has given, or else the node's.
pub(super) fn title(given: String, cx: &BuildContext) -> String {
    if given.is_empty() { cx.title.clone() } else { given }
}

/// What a view reads of its input: these columns. The event time comes by itself.
pub(super) fn read<'a>(columns: impl IntoIterator<Item = Option<&'a ColumnRef>>) -> Columns {
    Columns::named(columns.into_iter().filter_map(given))
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric() || matches!(data_type, DataType::Boolean | DataType::Null)
}

/// Says what is wrong with a column that is to hold numbers.
pub(super) fn check_number(cx: &mut InferContext<'_>, param: &str, column: &ColumnRef, schema: &SchemaRef) {
    if let Some(place) = cx.column(param, column.as_str(), schema) {
        let data_type = schema.field(place).data_type();
        if !is_number(data_type) {
            cx.error(param, "not_a_number", format!("`{column}` holds {data_type}, which cannot be drawn."));
        }
    }
}

/// Says what is wrong with a column that may be left out.
pub(super) fn check_given(cx: &mut InferContext<'_>, param: &str, column: Option<&ColumnRef>, schema: &SchemaRef) {
    if let Some(name) = given(column) {
        cx.column(param, name, schema);
    }
}

/// Says what is wrong with the column along the bottom: a time or a number, by default the event time.
pub(super) fn check_x(cx: &mut InferContext<'_>, x: Option<&ColumnRef>, schema: &SchemaRef) {
    match given(x) {
        Some(x) => {
            if let Some(place) = cx.column("x", x, schema) {
                let data_type = schema.field(place).data_type();
                if !is_number(data_type) && !matches!(data_type, DataType::Timestamp(..)) {
                    let message = format!("`{x}` holds {data_type}, neither times nor numbers.");
                    cx.error("x", "not_a_number", message);
                }
            }
        }
        None if event_time_column(schema).is_none() => {
            cx.error("x", "no_event_time", "The rows have no event time. Name the column along the bottom.");
        }
        None => {}
    }
}

/// The column along the bottom of a chart.
#[derive(Debug, Clone)]
pub(super) struct XColumn {
    pub index: usize,
    pub name: String,
    pub is_time: bool,
}

impl XColumn {
    /// # Errors
    /// When there is neither a named column nor an event time.
    pub(super) fn of(x: Option<&ColumnRef>, input: &Schema) -> Result<Self, NodeError> {
        let name = given(x)
            .or_else(|| event_time_column(input))
            .ok_or_else(|| NodeError::user("there is no column for the x axis"))?;
        let index = input.index_of(name)?;
        let is_time = matches!(input.field(index).data_type(), DataType::Timestamp(..));
        Ok(Self { index, name: name.to_owned(), is_time })
    }

    /// Its values as numbers; times as microseconds since the epoch.
    pub(super) fn values(&self, batch: &RecordBatch) -> Result<Float64Array, NodeError> {
        let column = batch.column(self.index);
        if self.is_time {
            // Microseconds up to the year 2255 are whole numbers that a float holds exactly.
            return Ok(event_times(column.as_ref())?.unary(|time| time as f64));
        }
        numbers(column)
    }

    /// Numbers as [`XColumn::values`] gives them, as a column of a picture.
    pub(super) fn array(&self, values: impl Iterator<Item = f64>) -> ArrayRef {
        if self.is_time {
            let times = TimestampMicrosecondArray::from_iter_values(values.map(|value| value as i64));
            Arc::new(times.with_timezone(UTC))
        } else {
            Arc::new(Float64Array::from_iter_values(values))
        }
    }

    pub(super) fn data_type(&self) -> DataType {
        if self.is_time { timestamp_type() } else { DataType::Float64 }
    }
}

/// `field` as one that holds the values of a column of `input`, where there is one.
pub(super) fn field_of(field: Field, input: &Schema, column: Option<usize>) -> Field {
    match column {
        Some(column) => of_column(field, input.field(column).name()),
        None => field,
    }
}

/// The values of a column as numbers.
pub(super) fn numbers(column: &ArrayRef) -> Result<Float64Array, NodeError> {
    Ok(cast(column, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}

/// The values of a column as texts without nulls.
pub(super) fn texts(column: &ArrayRef) -> Result<StringArray, NodeError> {
    if let Some(texts) = column.as_string_opt::<i32>()
        && texts.null_count() == 0
    {
        return Ok(texts.clone());
    }
    let options = FormatOptions::new().with_null(NO_VALUE);
    let formatter = ArrayFormatter::try_new(column.as_ref(), &options)?;
    let texts = (0..column.len()).map(|row| formatter.value(row).try_to_string().map(Some));
    Ok(texts.collect::<Result<StringArray, _>>()?)
}
