//! Values of Arrow columns as values of SQLite.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use millrace_model::event_time::UTC;
use millrace_operator::NodeError;
use rusqlite::types::Value;

/// Six digits always, so that times sort as texts.
const TIME_FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.6f";
const ZONED_TIME_FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.6fZ";

/// The type that a column of a new table gets.
pub(super) fn sql_type(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "INTEGER",
        integer if integer.is_integer() => "INTEGER",
        float if float.is_floating() => "REAL",
        DataType::Binary | DataType::LargeBinary | DataType::FixedSizeBinary(_) | DataType::BinaryView => "BLOB",
        _ => "TEXT",
    }
}

/// Reads the values of one column of a batch.
pub(super) enum CellReader {
    Integer(ArrayRef),
    Number(ArrayRef),
    Boolean(ArrayRef),
    Text(ArrayRef),
    Bytes(ArrayRef),
    Json(ArrayRef),
}

impl CellReader {
    pub(super) fn new(column: &ArrayRef) -> Result<Self, NodeError> {
        let data_type = column.data_type();
        Ok(match data_type {
            DataType::Boolean => Self::Boolean(column.clone()),
            DataType::UInt64 => Self::Integer(strict(column, &DataType::Int64)?),
            integer if integer.is_integer() => Self::Integer(cast(column, &DataType::Int64)?),
            float if float.is_floating() => Self::Number(cast(column, &DataType::Float64)?),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text(cast(column, &DataType::Utf8)?),
            DataType::Dictionary(_, value) if matches!(**value, DataType::Utf8 | DataType::LargeUtf8) => {
                Self::Text(cast(column, &DataType::Utf8)?)
            }
            DataType::Binary | DataType::LargeBinary | DataType::FixedSizeBinary(_) | DataType::BinaryView => {
                Self::Bytes(cast(column, &DataType::Binary)?)
            }
            nested if nested.is_nested() => Self::Json(column.clone()),
            // Anything else as Arrow shows it.
            _ => Self::Text(shown(column)?),
        })
    }

    pub(super) fn value(&self, row: usize) -> Value {
        let (Self::Integer(array)
        | Self::Number(array)
        | Self::Boolean(array)
        | Self::Text(array)
        | Self::Bytes(array)
        | Self::Json(array)) = self;
        if array.is_null(row) {
            return Value::Null;
        }
        match self {
            Self::Integer(array) => Value::Integer(array.as_primitive::<Int64Type>().value(row)),
            Self::Number(array) => Value::Real(array.as_primitive::<Float64Type>().value(row)),
            Self::Boolean(array) => Value::Integer(i64::from(array.as_boolean().value(row))),
            Self::Text(array) => Value::Text(array.as_string::<i32>().value(row).to_owned()),
            Self::Bytes(array) => Value::Blob(array.as_binary::<i32>().value(row).to_vec()),
            Self::Json(array) => json(array, row).map_or(Value::Null, Value::Text),
        }
    }
}

/// A cast that fails where a value does not fit.
fn strict(column: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, NodeError> {
    let options = arrow::compute::CastOptions { safe: false, ..Default::default() };
    arrow::compute::cast_with_options(column, data_type, &options)
        .map_err(|error| NodeError::user("a whole number is too large for SQLite").with_source(error))
}

fn json(array: &ArrayRef, row: usize) -> Option<String> {
    let field = arrow::datatypes::Field::new("value", array.data_type().clone(), true);
    let schema = arrow::datatypes::Schema::new(vec![field]);
    let batch = arrow::array::RecordBatch::try_new(schema.into(), vec![array.slice(row, 1)]).ok()?;
    let text = millrace_operator::rejected::row_as_json(&batch, 0).ok()?;
    Some(text.strip_prefix("{\"value\":")?.strip_suffix('}')?.to_owned())
}

/// A column as texts.
fn shown(column: &ArrayRef) -> Result<ArrayRef, NodeError> {
    let options =
        FormatOptions::new().with_timestamp_format(Some(TIME_FORMAT)).with_timestamp_tz_format(Some(ZONED_TIME_FORMAT));
    // Zoned times are UTC inside, so that a `Z` is the truth.
    let column = match column.data_type() {
        DataType::Timestamp(unit, Some(_)) => cast(column, &DataType::Timestamp(*unit, Some(UTC.into())))?,
        _ => column.clone(),
    };
    let formatter = ArrayFormatter::try_new(column.as_ref(), &options)?;
    let texts = (0..column.len())
        .map(|row| column.is_valid(row).then(|| formatter.value(row).try_to_string()).transpose())
        .collect::<Result<StringArray, _>>()?;
    Ok(Arc::new(texts))
}
