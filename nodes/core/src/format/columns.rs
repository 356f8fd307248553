//! The types that a cell of text may have, how a cell is read as one of them, and the columns built of cells.

use std::borrow::Cow;
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

use crate::process::parse_timestamp::time_text::Zone;

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
    /// A date, or a date and a time, in ISO 8601 (a space may stand for the `T`); of the node's time zone, UTC if it has
    /// none, where no offset is written.
    Timestamp,
    /// A time as whole seconds since 1970, UTC.
    UnixSeconds,
    /// A time as whole milliseconds since 1970, UTC.
    UnixMilliseconds,
    /// A time as whole microseconds since 1970, UTC.
    UnixMicroseconds,
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
            Self::Timestamp | Self::UnixSeconds | Self::UnixMilliseconds | Self::UnixMicroseconds => timestamp_type(),
        }
    }

    /// How many microseconds one of its numbers is, where it is a time as a number.
    pub(crate) fn unix_us(self) -> Option<i64> {
        match self {
            Self::UnixSeconds => Some(1_000_000),
            Self::UnixMilliseconds => Some(1_000),
            Self::UnixMicroseconds => Some(1),
            Self::Text | Self::Integer | Self::Number | Self::Boolean | Self::Timestamp => None,
        }
    }

    /// What a column is that nothing more is known of.
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
            Self::Timestamp => "a time in ISO 8601",
            Self::UnixSeconds => "a whole number of seconds since 1970",
            Self::UnixMilliseconds => "a whole number of milliseconds since 1970",
            Self::UnixMicroseconds => "a whole number of microseconds since 1970",
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
    CellTimes::default().read(text)
}

/// Reads the times of cells; those that say no zone are of one given.
#[derive(Debug, Clone)]
pub(crate) struct CellTimes {
    utc: Tz,
    /// None where it is UTC.
    elsewhere: Option<(Tz, Zone)>,
}

impl CellTimes {
    pub(crate) fn of_zone(zone: Zone) -> Self {
        let other = || "+01:00".parse().expect("this is an offset that Arrow reads");
        let elsewhere = (!matches!(zone, Zone::Fixed(0))).then(|| (other(), zone));
        Self { utc: UTC.parse().expect("UTC is an offset that Arrow reads"), elsewhere }
    }

    /// Microseconds since the epoch; none where `text` is no time.
    fn read(&self, text: &str) -> Option<i64> {
        let time_us = string_to_datetime(&self.utc, text).ok()?.timestamp_micros();
        let Some((other, zone)) = &self.elsewhere else { return Some(time_us) };
        // A text that says its own zone means one instant wherever it is read.
        match string_to_datetime(other, text).ok()?.timestamp_micros() == time_us {
            true => Some(time_us),
            false => zone.to_utc_us(time_us),
        }
    }
}

impl Default for CellTimes {
    fn default() -> Self {
        Self::of_zone(Zone::UTC)
    }
}

/// A column that grows cell by cell.
pub(crate) enum CellBuilder {
    Text(StringBuilder),
    Integer(Int64Builder),
    Number(Float64Builder),
    Boolean(BooleanBuilder),
    Timestamp(TimestampMicrosecondBuilder, CellTimes),
    /// With how many microseconds one is.
    Unix(TimestampMicrosecondBuilder, i64),
}

/// A value that was read already.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Number(f64),
    Text(Cow<'a, str>),
}

impl CellBuilder {
    pub(crate) fn new(column_type: ColumnType, num_rows: usize, cell_times: &CellTimes) -> Self {
        match column_type {
            ColumnType::Text => Self::Text(StringBuilder::with_capacity(num_rows, num_rows * 8)),
            ColumnType::Integer => Self::Integer(Int64Builder::with_capacity(num_rows)),
            ColumnType::Number => Self::Number(Float64Builder::with_capacity(num_rows)),
            ColumnType::Boolean => Self::Boolean(BooleanBuilder::with_capacity(num_rows)),
            ColumnType::Timestamp => Self::Timestamp(times(num_rows), cell_times.clone()),
            ColumnType::UnixSeconds | ColumnType::UnixMilliseconds | ColumnType::UnixMicroseconds => {
                Self::Unix(times(num_rows), column_type.unix_us().unwrap_or(1))
            }
        }
    }

    /// Appends a cell that this column takes; null for any other.
    pub(crate) fn push_cell(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Text(builder), Cell::Text(text)) => builder.append_value(text),
            (Self::Integer(builder), Cell::Integer(number)) => builder.append_value(number),
            (Self::Number(builder), Cell::Integer(number)) => builder.append_value(number as f64),
            (Self::Number(builder), Cell::Number(number)) => builder.append_value(number),
            (Self::Boolean(builder), Cell::Boolean(is_true)) => builder.append_value(is_true),
            (Self::Timestamp(builder, times), Cell::Text(text)) => builder.append_option(times.read(text.trim())),
            (Self::Unix(builder, us), Cell::Integer(number)) => builder.append_option(number.checked_mul(*us)),
            (builder, _) => builder.push_null(),
        }
    }

    pub(crate) fn push_null(&mut self) {
        match self {
            Self::Text(builder) => builder.append_null(),
            Self::Integer(builder) => builder.append_null(),
            Self::Number(builder) => builder.append_null(),
            Self::Boolean(builder) => builder.append_null(),
            Self::Timestamp(builder, _) | Self::Unix(builder, _) => builder.append_null(),
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
            Self::Number(builder) => parse_number(trimmed).map(|value| builder.append_value(value)).is_some(),
            Self::Boolean(builder) => parse_bool(trimmed).map(|value| builder.append_value(value)).is_some(),
            Self::Timestamp(builder, times) => times.read(trimmed).map(|time| builder.append_value(time)).is_some(),
            Self::Unix(builder, us) => {
                let time = trimmed.parse::<i64>().ok().and_then(|number| number.checked_mul(*us));
                time.map(|time| builder.append_value(time)).is_some()
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
            Self::Timestamp(builder, _) | Self::Unix(builder, _) => Arc::new(builder.finish()),
        }
    }
}

/// Tells whether a cell fits a column, without keeping it: a record is rejected for a column that nobody reads as for any
/// other.
pub(crate) struct CellCheck {
    pub column_type: ColumnType,
    times: CellTimes,
}

impl CellCheck {
    pub(crate) fn new(column_type: ColumnType) -> Self {
        Self { column_type, times: CellTimes::default() }
    }

    pub(crate) fn with_times(self, times: CellTimes) -> Self {
        Self { times, ..self }
    }

    /// A column of what this check lets pass.
    pub(crate) fn builder(&self, num_rows: usize) -> CellBuilder {
        CellBuilder::new(self.column_type, num_rows, &self.times)
    }

    /// Whether `cell` is a value of the column as it stands, without any reading of text.
    pub(crate) fn takes(&self, cell: &Cell<'_>) -> bool {
        match (self.column_type, cell) {
            (_, Cell::Null)
            | (ColumnType::Text, Cell::Text(_))
            | (ColumnType::Integer, Cell::Integer(_))
            | (ColumnType::Number, Cell::Integer(_) | Cell::Number(_))
            | (ColumnType::Boolean, Cell::Boolean(_)) => true,
            (ColumnType::Timestamp, Cell::Text(text)) => self.times.read(text.trim()).is_some(),
            (unix, Cell::Integer(number)) => unix.unix_us().is_some_and(|us| number.checked_mul(us).is_some()),
            _ => false,
        }
    }

    /// Whether a look at the bytes of `cell` is enough to know that it stands for a value, as it mostly is for a number.
    pub(crate) fn is_plainly_right(&self, cell: &[u8]) -> bool {
        match self.column_type {
            ColumnType::Integer => is_plain_number(cell, false),
            ColumnType::Number => is_plain_number(cell, true),
            _ => false,
        }
    }

    /// Whether `cell` stands for a value: what [`CellBuilder::push`] says.
    pub(crate) fn reads(&self, cell: &str) -> bool {
        let trimmed = cell.trim();
        match self.column_type {
            ColumnType::Text => true,
            ColumnType::Integer => trimmed.parse::<i64>().is_ok(),
            ColumnType::Number => parse_number(trimmed).is_some(),
            ColumnType::Boolean => parse_bool(trimmed).is_some(),
            ColumnType::Timestamp => self.times.read(trimmed).is_some(),
            ColumnType::UnixSeconds | ColumnType::UnixMilliseconds | ColumnType::UnixMicroseconds => {
                let us = self.column_type.unix_us().unwrap_or(1);
                trimmed.parse::<i64>().is_ok_and(|number| number.checked_mul(us).is_some())
            }
        }
    }
}

/// Whether `text` is at most 18 digits, with a point between them or not: a number beyond doubt.
fn is_plain_number(text: &[u8], may_have_point: bool) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let mut has_point = !may_have_point;
    let is_plain = |byte: &u8| byte.is_ascii_digit() || (*byte == b'.' && !std::mem::replace(&mut has_point, true));
    (1..=18).contains(&digits.len()) && digits[0] != b'.' && digits.iter().all(is_plain)
}

fn times(num_rows: usize) -> TimestampMicrosecondBuilder {
    TimestampMicrosecondBuilder::with_capacity(num_rows).with_data_type(timestamp_type())
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

/// The number that `text` stands for; none where it is written in digits that 64 bits cannot hold, such as `1e400`.
pub(crate) fn parse_number(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    (number.is_finite() || !text.contains(|letter: char| letter.is_ascii_digit())).then_some(number)
}

/// Why a cell was not read.
pub(crate) fn misfit(column: &str, cell: &str, column_type: ColumnType) -> String {
    let trimmed = cell.trim();
    let is_number = trimmed.parse::<f64>().is_ok();
    let is_whole = is_number && trimmed.trim_start_matches(['-', '+']).bytes().all(|byte| byte.is_ascii_digit());
    let too_large = match column_type {
        ColumnType::Integer if is_whole => Some("a whole number of 64 bits"),
        ColumnType::Number if is_number => Some("a number of 64 bits"),
        ColumnType::UnixSeconds if is_whole => Some("a time in seconds since 1970"),
        ColumnType::UnixMilliseconds if is_whole => Some("a time in milliseconds since 1970"),
        ColumnType::UnixMicroseconds if is_whole => Some("a time in microseconds since 1970"),
        _ => None,
    };
    let shown: String = cell.chars().take(60).collect();
    match too_large {
        Some(noun) => format!("`{column}` is \"{shown}\", which is too large for {noun}"),
        None => format!("`{column}` is \"{shown}\", which is not {}", column_type.noun()),
    }
}

/// The type of each column of `schema`: as `columns` says, else what its data type tells; none where text has no such
/// type.
pub(crate) fn types_of(schema: &Schema, columns: &[ColumnSpec]) -> Vec<Option<ColumnType>> {
    let given = |name: &str| columns.iter().find(|column| column.name == name).map(|column| column.column_type);
    schema.fields().iter().map(|field| given(field.name()).or(ColumnType::of(field.data_type()))).collect()
}

/// The types of columns that are all made of text.
///
/// # Errors
/// When one of them has a type that text cannot have.
pub(crate) fn all_types(schema: &Schema, types: &[Option<ColumnType>]) -> Result<Vec<ColumnType>, ArrowError> {
    schema
        .fields()
        .iter()
        .zip(types)
        .map(|(field, column_type)| {
            column_type.ok_or_else(|| {
                ArrowError::SchemaError(format!(
                    "column `{}` of type {} has no text form",
                    field.name(),
                    field.data_type()
                ))
            })
        })
        .collect()
}
