//! The columns that a text is parsed into: typed builders that a parser fills, one value for each column and row.

use std::fmt;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, FieldRef};
use millrace_model::event_time::timestamp_type;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::process::parse_timestamp::time_text::{TimeReader, quote};

/// What a value is read as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValueType {
    /// The text as it is.
    #[default]
    Text,
    /// A whole number.
    Integer,
    /// A number with or without a fraction.
    Number,
    /// `true` or `false`; also `yes` and `no`, `1` and `0`.
    Boolean,
    /// A time as in ISO 8601; without a zone it is UTC.
    Timestamp,
}

impl ValueType {
    fn data_type(self) -> DataType {
        match self {
            ValueType::Text => DataType::Utf8,
            ValueType::Integer => DataType::Int64,
            ValueType::Number => DataType::Float64,
            ValueType::Boolean => DataType::Boolean,
            ValueType::Timestamp => timestamp_type(),
        }
    }
}

/// A parsed column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnSpec {
    pub name: String,
    pub value_type: ValueType,
}

impl ColumnSpec {
    pub fn new(name: &str, value_type: ValueType) -> Self {
        Self { name: name.to_owned(), value_type }
    }

    pub fn field(&self) -> FieldRef {
        Arc::new(Field::new(&self.name, self.value_type.data_type(), true))
    }
}

/// Why a text could not be parsed: one sentence without its full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch(pub String);

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Mismatch {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// The columns of one batch while they are filled.
///
/// A parser puts at most one value into each column for each row, and [`Columns::end_row`] puts null where it put none.
pub struct Columns {
    specs: Vec<ColumnSpec>,
    builders: Vec<Builder>,
    num_rows: usize,
    times: TimeReader,
}

enum Builder {
    Text(StringBuilder),
    Integer(Int64Builder),
    Number(Float64Builder),
    Boolean(BooleanBuilder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl Builder {
    fn new(value_type: ValueType) -> Self {
        match value_type {
            ValueType::Text => Builder::Text(StringBuilder::new()),
            ValueType::Integer => Builder::Integer(Int64Builder::new()),
            ValueType::Number => Builder::Number(Float64Builder::new()),
            ValueType::Boolean => Builder::Boolean(BooleanBuilder::new()),
            ValueType::Timestamp => {
                Builder::Timestamp(TimestampMicrosecondBuilder::new().with_data_type(timestamp_type()))
            }
        }
    }

    fn len(&self) -> usize {
        use arrow::array::ArrayBuilder;
        match self {
            Builder::Text(builder) => builder.len(),
            Builder::Integer(builder) => builder.len(),
            Builder::Number(builder) => builder.len(),
            Builder::Boolean(builder) => builder.len(),
            Builder::Timestamp(builder) => builder.len(),
        }
    }

    fn append_null(&mut self) {
        match self {
            Builder::Text(builder) => builder.append_null(),
            Builder::Integer(builder) => builder.append_null(),
            Builder::Number(builder) => builder.append_null(),
            Builder::Boolean(builder) => builder.append_null(),
            Builder::Timestamp(builder) => builder.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Builder::Text(builder) => Arc::new(builder.finish()),
            Builder::Integer(builder) => Arc::new(builder.finish()),
            Builder::Number(builder) => Arc::new(builder.finish()),
            Builder::Boolean(builder) => Arc::new(builder.finish()),
            Builder::Timestamp(builder) => Arc::new(builder.finish()),
        }
    }
}

impl Columns {
    pub fn new(specs: Vec<ColumnSpec>) -> Self {
        let builders = specs.iter().map(|spec| Builder::new(spec.value_type)).collect();
        Self { specs, builders, num_rows: 0, times: TimeReader::auto() }
    }

    pub fn value_type(&self, column: usize) -> ValueType {
        self.specs[column].value_type
    }

    /// Reads `text` as the type of the column.
    ///
    /// # Errors
    /// When it is not of that type; the column is then null in this row.
    pub fn put(&mut self, column: usize, text: &str) -> Result<(), Mismatch> {
        let is_put = match &mut self.builders[column] {
            Builder::Text(builder) => {
                builder.append_value(text);
                true
            }
            Builder::Integer(builder) => text.trim().parse().map(|value| builder.append_value(value)).is_ok(),
            Builder::Number(builder) => text.trim().parse().map(|value| builder.append_value(value)).is_ok(),
            Builder::Boolean(builder) => boolean(text).map(|value| builder.append_value(value)).is_some(),
            Builder::Timestamp(builder) => self.times.read(text).map(|value| builder.append_value(value)).is_ok(),
        };
        if is_put { Ok(()) } else { Err(self.mismatch(column, text)) }
    }

    /// # Errors
    /// When the column does not hold integers.
    pub fn put_integer(&mut self, column: usize, value: i64) -> Result<(), Mismatch> {
        match &mut self.builders[column] {
            Builder::Integer(builder) => builder.append_value(value),
            Builder::Number(builder) => builder.append_value(value as f64),
            _ => return Err(self.mismatch(column, &value.to_string())),
        }
        Ok(())
    }

    /// # Errors
    /// When the column does not hold numbers.
    pub fn put_number(&mut self, column: usize, value: f64) -> Result<(), Mismatch> {
        match &mut self.builders[column] {
            Builder::Number(builder) => builder.append_value(value),
            _ => return Err(self.mismatch(column, &value.to_string())),
        }
        Ok(())
    }

    /// Puts microseconds since the epoch.
    ///
    /// # Errors
    /// When the column does not hold times.
    pub fn put_time(&mut self, column: usize, time_us: i64) -> Result<(), Mismatch> {
        match &mut self.builders[column] {
            Builder::Timestamp(builder) => builder.append_value(time_us),
            _ => return Err(self.mismatch(column, &time_us.to_string())),
        }
        Ok(())
    }

    pub fn put_null(&mut self, column: usize) {
        self.builders[column].append_null();
    }

    fn mismatch(&self, column: usize, text: &str) -> Mismatch {
        let ColumnSpec { name, value_type } = &self.specs[column];
        let what = match value_type {
            ValueType::Text => "a text",
            ValueType::Integer => "a whole number of 64 bits",
            ValueType::Number => "a number",
            ValueType::Boolean => "true or false",
            ValueType::Timestamp => "a time in ISO 8601 form",
        };
        Mismatch(format!("{} in `{name}` is not {what}", quote(text)))
    }

    /// Ends a row: columns that got no value are null in it.
    pub fn end_row(&mut self) {
        self.num_rows += 1;
        for builder in &mut self.builders {
            if builder.len() < self.num_rows {
                builder.append_null();
            }
        }
    }

    /// The columns of the rows since the last call.
    pub fn finish(&mut self) -> Vec<ArrayRef> {
        self.num_rows = 0;
        self.builders.iter_mut().map(Builder::finish).collect()
    }
}

fn boolean(text: &str) -> Option<bool> {
    let is_any = |words: [&str; 3]| words.iter().any(|word| text.trim().eq_ignore_ascii_case(word));
    if is_any(["true", "yes", "1"]) {
        Some(true)
    } else if is_any(["false", "no", "0"]) {
        Some(false)
    } else {
        None
    }
}
