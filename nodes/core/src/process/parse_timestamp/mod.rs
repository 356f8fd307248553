//! `process.parse_timestamp`: turns a column of texts or numbers into timestamps, and starts event time.
//!
//! Holds the largest event time seen and the number of rows seen. With `event_time` the node gives the watermarks, and
//! those that arrive end here. How a text is read stands in `time_text`, which `parse_text` uses too.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, SchemaRef, TimeUnit};
use millrace_model::RowTrait;
use millrace_model::card::PortCard;
use millrace_model::event_time::{UTC, event_time_column, timestamp_type, with_event_time};
use millrace_model::{ColumnRef, Interval};
use millrace_operator::expression::RowFailure;
use millrace_operator::rejected::{self, OnError};
use millrace_operator::time::event_times;
use millrace_operator::watermark::{DEFAULT_MAX_OUT_OF_ORDERNESS, WatermarkMaker};
use millrace_operator::{
    BuildContext, CardText, Columns, InferContext, Machine, Node, NodeError, Operator, Output, Partitioning, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::time_text::{TimeForm, TimeReader, Zone};
use crate::rejecting::{self, Rejecting, TimedRows, first_error};

mod digits;
#[cfg(test)]
mod tests;
pub(crate) mod time_text;

/// Reads a time out of a column and makes it the event time of the rows.
///
/// Windows, and everything else that asks *when* a row happened, go by the event time. Put this node behind a source
/// whose times arrive as text or as numbers.
///
/// With column `ts` and format `auto`:
///
/// | ts (text) | ts (timestamp, UTC) |
/// | --- | --- |
/// | `2013-12-02 21:15:00` | 2013-12-02 21:15:00 |
/// | `2013-12-02T21:15:00.5+02:00` | 2013-12-02 19:15:00.5 |
/// | `yesterday` | leaves by `rejected` |
/// | *null* | *null* |
///
/// The result is a timestamp in microseconds, in UTC. A column that is a timestamp or a date already is taken as it is;
/// without a zone it is read in the given time zone.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The column that holds the time, as text or as a number.
    pub column: ColumnRef,
    /// How the time is written.
    #[serde(default)]
    pub format: Format,
    /// With the format `pattern`: how the time is written, in the signs of strptime, such as `%d.%m.%Y %H:%M:%S`.
    ///
    /// `%Y` year, `%m` month, `%b` month as `Jan`, `%d` day, `%H` hour, `%I` hour of 12 with `%p`, `%M` minute, `%S`
    /// second, `%.f` fraction, `%z` offset such as `+0200`, `%:z` such as `+02:00`, `%Q` zone by name.
    #[serde(default)]
    pub pattern: String,
    /// The zone of times that do not say theirs: a name such as `Europe/Berlin`, an offset such as `+02:00`, or `UTC`.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// The name of the result. Empty: the result takes the place of the column.
    #[serde(default)]
    pub output: String,
    /// Makes the result the event time of the rows, which windows go by.
    #[serde(default = "yes")]
    pub event_time: bool,
    /// How much later than a newer row an older one may arrive without being late.
    #[serde(default = "default_max_out_of_orderness")]
    pub max_out_of_orderness: Interval,
    /// What becomes of a row whose time cannot be read.
    #[serde(default)]
    pub on_error: OnError,
}

/// How a time is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// `2013-12-02 21:15:00`, `2013-12-02T21:15:00.5Z`, `2013-12-02`, `Mon, 2 Dec 2013 21:15:00 +0000` and the like.
    #[default]
    Auto,
    /// Seconds since 1970, with or without a fraction.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// Microseconds since 1970.
    Microseconds,
    /// Nanoseconds since 1970.
    Nanoseconds,
    /// As the pattern says.
    Pattern,
}

fn utc() -> String {
    "UTC".to_owned()
}

fn yes() -> bool {
    true
}

fn default_max_out_of_orderness() -> Interval {
    DEFAULT_MAX_OUT_OF_ORDERNESS
}

pub struct ParseTimestamp;

const ROWS: usize = 0;
const REJECTED: usize = 1;

impl Node for ParseTimestamp {
    type Params = Params;
    const KIND: &'static str = "process.parse_timestamp";

    fn card() -> CardText {
        CardText::new("Parse timestamp", "Reads a time out of text or numbers and starts event time", "clock")
            .can_bypass()
            .input(PortCard::rows("Rows with a time as text or as a number.").asking_for(&[RowTrait::Untimed]))
            .output(PortCard::rows("The rows with their time as a timestamp.").giving(&[RowTrait::EventTime]))
            .output(PortCard::rejected())
            .headline("column")
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![plan(params, cx).map(|plan| plan.schema), Some(rejected::schema())]
    }

    fn partitioning(_: &Params) -> Partitioning {
        Partitioning::Stateless
    }

    fn reads(params: &Params, wanted: &Wanted<'_>) -> Vec<Columns> {
        let read = Columns::named([params.column.as_str()]).and(wanted.output(ROWS));
        vec![rejecting::reads(read, wanted.output(REJECTED))]
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let inputs = [Some(cx.input().clone())];
        let mut found = InferContext::new(&inputs, None);
        let plan = plan(&params, &mut found);
        let Some(plan) = plan.filter(|_| !found.has_errors()) else {
            return Err(first_error(found.into_problems()));
        };
        let watermarks = match params.event_time {
            true => WatermarkMaker::new(&plan.schema, params.max_out_of_orderness),
            false => None,
        };
        let rows = TimedRows::new(Rejecting::new(REJECTED, params.on_error), watermarks);
        Ok(Machine::Operator(Box::new(ParseTimestampOperator { plan, rows })))
    }
}

struct Plan {
    schema: SchemaRef,
    column: usize,
    /// Where the result stands: the column's place, or the end.
    output: usize,
    held: Held,
    reader: TimeReader,
}

/// What the column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Text,
    Integer,
    Number,
    /// Instants: a timestamp with a zone.
    Instant,
    /// What a clock shows: a timestamp without a zone, or a date.
    Local,
}

fn held_by(data_type: &DataType) -> Option<Held> {
    Some(match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Held::Text,
        DataType::Dictionary(_, values) => return held_by(values).filter(|held| *held == Held::Text),
        DataType::Float16 | DataType::Float32 | DataType::Float64 | DataType::Decimal128(..) => Held::Number,
        integer if integer.is_integer() => Held::Integer,
        DataType::Timestamp(_, Some(_)) => Held::Instant,
        DataType::Timestamp(_, None) | DataType::Date32 | DataType::Date64 => Held::Local,
        _ => return None,
    })
}

/// What the params mean for the input; faults are reported in `cx`.
fn plan(params: &Params, cx: &mut InferContext<'_>) -> Option<Plan> {
    let zone = Zone::read(&params.time_zone).unwrap_or_else(|message| {
        cx.error("time_zone", "unknown_time_zone", message);
        Zone::UTC
    });
    let form = match params.format {
        Format::Auto => TimeForm::Auto,
        Format::Seconds => TimeForm::Epoch { unit_ns: 1_000_000_000 },
        Format::Milliseconds => TimeForm::Epoch { unit_ns: 1_000_000 },
        Format::Microseconds => TimeForm::Epoch { unit_ns: 1_000 },
        Format::Nanoseconds => TimeForm::Epoch { unit_ns: 1 },
        Format::Pattern => {
            if let Err(message) = time_text::check_pattern(&params.pattern) {
                cx.error("pattern", "bad_pattern", message);
            }
            TimeForm::Pattern(params.pattern.clone())
        }
    };
    let input = cx.input()?;
    let column = cx.column("column", params.column.as_str(), &input)?;
    let name = params.column.as_str();
    let field = input.field(column);
    let Some(held) = held_by(field.data_type()) else {
        let message = format!("Column `{name}` is of type {}, which holds no time.", field.data_type());
        cx.error("column", "not_a_time", message);
        return None;
    };
    let is_epoch = matches!(form, TimeForm::Epoch { .. });
    match held {
        Held::Integer | Held::Number if !is_epoch => {
            let message = format!("Column `{name}` holds numbers: choose their unit, such as `seconds`.");
            cx.error("format", "format_needs_text", message);
        }
        Held::Instant | Held::Local if params.format != Format::Auto => {
            let message = format!("Column `{name}` is a {} already: choose the format `auto`.", field.data_type());
            cx.error("format", "is_a_time", message);
        }
        // Whoever read the column has taken it for UTC, and it is too late for another zone.
        Held::Instant if !["", "UTC", "Z"].contains(&params.time_zone.trim()) => {
            let message = format!(
                "Column `{name}` is a time in UTC already, so a time zone has no say here. Give the time zone to the \
                 source that reads it, or have that give the column as text."
            );
            cx.warning("time_zone", "is_in_utc", message);
        }
        _ => {}
    }
    let output_name = if params.output.is_empty() { name } else { params.output.as_str() };
    let replaces = output_name == name;
    if !replaces && input.index_of(output_name).is_ok() {
        let message = format!("The input has a column `{output_name}` already: choose another name for the result.");
        cx.error("output", "duplicate_column", message);
        return None;
    }
    let result = Arc::new(Field::new(output_name, timestamp_type(), true));
    let mut fields: Vec<_> = input.fields().iter().cloned().collect();
    let output = if replaces { column } else { fields.len() };
    if replaces {
        fields[column] = result;
    } else {
        fields.push(result);
    }
    let schema = Schema::new_with_metadata(fields, input.metadata().clone());
    let event_time = match event_time_column(&input) {
        _ if params.event_time => Some(output_name),
        // The watermarks that arrive were made from the old values.
        Some(old) if replaces && old == name && held != Held::Instant => None,
        old => old,
    };
    let schema = with_event_time(&schema, event_time);
    Some(Plan { schema, column, output, held, reader: TimeReader::new(form, zone) })
}

impl Plan {
    /// The times of a column, null where it is null and where it cannot be read; and the latter rows.
    fn read(&self, column: &ArrayRef) -> Result<(TimestampMicrosecondArray, Vec<RowFailure>), NodeError> {
        let mut failures = Vec::new();
        let mut failed = |row: usize, reason: String| {
            failures.push(RowFailure { row, reason });
            None
        };
        let too_large = |what: &dyn std::fmt::Display| format!("`{what}` is not a time that can be represented");
        let zone = self.reader.zone();
        let times: Int64Array = match self.held {
            Held::Text => {
                let column = cast(column, &DataType::Utf8)?;
                let texts = column.as_string::<i32>();
                let read = |(row, text): (usize, Option<&str>)| {
                    let text = text?;
                    self.reader.read(text).map_or_else(|reason| failed(row, reason), Some)
                };
                texts.iter().enumerate().map(read).collect()
            }
            Held::Integer => {
                let integers = cast_with_options(column, &DataType::Int64, &CastOptions::default())?;
                let integers = integers.as_primitive::<Int64Type>();
                let read = |row: usize| {
                    if column.is_null(row) {
                        return None;
                    }
                    // An unsigned number that does not fit has become null in the cast.
                    let time =
                        integers.is_valid(row).then(|| integers.value(row)).and_then(|n| self.reader.read_integer(n));
                    time.or_else(|| failed(row, "the number is too large for a time".to_owned()))
                };
                (0..column.len()).map(read).collect()
            }
            Held::Number => {
                let column = cast(column, &DataType::Float64)?;
                let read = |(row, number): (usize, Option<f64>)| {
                    let number = number?;
                    self.reader.read_number(number).or_else(|| failed(row, too_large(&number)))
                };
                column.as_primitive::<Float64Type>().iter().enumerate().map(read).collect()
            }
            Held::Instant => {
                let times = event_times(column)?;
                let read = |row: usize| {
                    let time = times.is_valid(row).then(|| times.value(row));
                    let is_lost = time.is_none() && column.is_valid(row);
                    if is_lost { failed(row, "the time is too far from 1970".to_owned()) } else { time }
                };
                (0..column.len()).map(read).collect()
            }
            Held::Local => {
                let column = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
                let read = |(row, local_us): (usize, Option<i64>)| {
                    let local_us = local_us?;
                    zone.to_utc_us(local_us).or_else(|| failed(row, too_large(&local_us)))
                };
                event_times(&column)?.iter().enumerate().map(read).collect()
            }
        };
        Ok((times.reinterpret_cast::<arrow::datatypes::TimestampMicrosecondType>().with_timezone(UTC), failures))
    }
}

struct ParseTimestampOperator {
    plan: Plan,
    rows: TimedRows,
}

impl Operator for ParseTimestampOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let (times, failures) = self.plan.read(batch.column(self.plan.column))?;
        let keeps = self.rows.rejecting.sort_out(&batch, &failures, out)?;
        let mut columns = batch.columns().to_vec();
        if self.plan.output < columns.len() {
            columns[self.plan.output] = Arc::new(times);
        } else {
            columns.push(Arc::new(times));
        }
        let parsed = RecordBatch::try_new(self.plan.schema.clone(), columns)?;
        self.rows.emit(ROWS, parsed, keeps.as_ref(), out)
    }

    fn on_watermark(&mut self, watermark_us: i64, out: &mut Output) -> Result<(), NodeError> {
        self.rows.on_watermark(watermark_us, out);
        Ok(())
    }

    fn makes_watermarks(&self) -> bool {
        self.rows.makes_watermarks()
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        self.rows.snapshot()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        self.rows.restore(state)
    }
}
