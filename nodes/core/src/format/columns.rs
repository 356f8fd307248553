//! The types that a cell of text may have, how a cell is read as one of them, and the columns built of cells.

use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::compute::kernels::cast_utils::string_to_datetime;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use millrace_model::event_time::{UTC, timestamp_type};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the values of a column are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// Any text.
    #[default]
    Text,
    /// A whole number of 64 bits.
    Integer,
    /// A floating-point number of 64 bits.
    Number,
    /// `true` or `false`, in any case of letters.
    Boolean,
    /// A date, or a date and a time, in ISO 8601 (a space may stand for the `T`); UTC where no offset is written.
    Timestamp,
}

/// A column by name and type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnSpec {
    /// The column's name.
    pub name: String,
    /// What its values are.
    #[serde(default, rename = "type")]
    pub column_type: ColumnType,
}

impl ColumnType {
    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Integer => DataType::Int64,
            Self::Number => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Timestamp => timestamp_type(),
        }
    }

    pub(crate) fn of(data_type: &DataType) -> Option<Self> {
        [Self::Text, Self::Integer, Self::Number, Self::Boolean, Self::Timestamp]
            .into_iter()
            .find(|column_type| column_type.data_type() == *data_type)
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Timestamp => "a time",
        }
    }
}

/// The schema of columns that were given by hand.
pub(crate) fn schema_of(columns: &[ColumnSpec]) -> Schema {
    Schema::new(
        columns.iter().map(|column| Field::new(&column.name, column.column_type.data_type(), true)).collect::<Vec<_>>(),
    )
}

/// Microseconds since the epoch, when `text` is a date or a date and a time; UTC unless it says otherwise.
pub(crate) fn parse_time_us(text: &str) -> Option<i64> {
    string_to_datetime(&utc(), text).ok().map(|time| time.timestamp_micros())
}

fn utc() -> Tz {
    UTC.parse().expect("UTC is an offset that Arrow reads")
}

/// A column that grows cell by cell.
pub(crate) enum CellBuilder {
    Text(StringBuilder),
    Integer(Int64Builder),
    Number(Float64Builder),
    Boolean(BooleanBuilder),
    Timestamp(TimestampMicrosecondBuilder, Tz),
}

impl CellBuilder {
    pub(crate) fn new(column_type: ColumnType, num_rows: usize) -> Self {
        match column_type {
            ColumnType::Text => Self::Text(StringBuilder::with_capacity(num_rows, num_rows * 8)),
            ColumnType::Integer => Self::Integer(Int64Builder::with_capacity(num_rows)),
            ColumnType::Number => Self::Number(Float64Builder::with_capacity(num_rows)),
            ColumnType::Boolean => Self::Boolean(BooleanBuilder::with_capacity(num_rows)),
            ColumnType::Timestamp => Self::Timestamp(
                TimestampMicrosecondBuilder::with_capacity(num_rows).with_data_type(timestamp_type()),
                utc(),
            ),
        }
    }

    pub(crate) fn push_null(&mut self) {
        match self {
            Self::Text(builder) => builder.append_null(),
            Self::Integer(builder) => builder.append_null(),
            Self::Number(builder) => builder.append_null(),
            Self::Boolean(builder) => builder.append_null(),
            Self::Timestamp(builder, _) => builder.append_null(),
        }
    }

    /// Appends the value that `cell` stands for; where it stands for none appends null and says `false`.
    pub(crate) fn push(&mut self, cell: &str) -> bool {
        let trimmed = cell.trim();
        let is_read = match self {
            Self::Text(builder) => {
                builder.append_value(cell);
                return true;
            }
            Self::Integer(builder) => trimmed.parse().map(|value| builder.append_value(value)).is_ok(),
            Self::Number(builder) => trimmed.parse().map(|value| builder.append_value(value)).is_ok(),
            Self::Boolean(builder) => parse_bool(trimmed).map(|value| builder.append_value(value)).is_some(),
            Self::Timestamp(builder, utc) => {
                string_to_datetime(utc, trimmed).map(|time| builder.append_value(time.timestamp_micros())).is_ok()
            }
        };
        if !is_read {
            self.push_null();
        }
        is_read
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::Number(builder) => Arc::new(builder.finish()),
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Timestamp(builder, _) => Arc::new(builder.finish()),
        }
    }
}

pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Why a cell was not read.
pub(crate) fn misfit(column: &str, cell: &str, column_type: ColumnType) -> String {
    let shown: String = cell.chars().take(60).collect();
    format!("`{column}` is \"{shown}\", which is not {}", column_type.noun())
}

/// The column types of `schema`.
///
/// # Errors
/// When a column has a type that text cannot have.
pub(crate) fn types_of(schema: &Schema) -> Result<Vec<ColumnType>, ArrowError> {
    schema
        .fields()
        .iter()
        .map(|field| {
            ColumnType::of(field.data_type()).ok_or_else(|| {
                ArrowError::SchemaError(format!(
                    "column `{}` of type {} has no text form",
                    field.name(),
                    field.data_type()
                ))
            })
        })
        .collect()
}
