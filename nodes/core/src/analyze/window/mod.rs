//! What the window nodes share: their params against the input (`plan`), where windows begin and end (`alignment`), the
//! operator behind tumbling and hopping windows (`panes`, `groups`), the best of a window (`top`), state by key (`keyed`), what is
//! due next (`timers`), aggregates over runs of rows (`tree`), and state as bytes (`state`).

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, UInt32Array, make_array};
use arrow::compute::{filter_record_batch, take_record_batch};
use arrow::datatypes::{DataType, Field, FieldRef, SchemaRef};
use millrace_model::ColumnRef;
use millrace_model::event_time::event_time_column;
use millrace_operator::aggregate::{AggregatePlace, AggregatePlan, Finished, NamedAggregate};
use millrace_operator::{Columns, InferContext, NodeError, Output, Partitioning, Wanted};

use self::alignment::TimeUnits;
use crate::rejecting::{self, Rejecting};

pub(crate) mod alignment;
mod groups;
pub(crate) mod keyed;
pub(crate) mod pane_plan;
pub(crate) mod panes;
pub(crate) mod state;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod timers;
pub mod top;
mod totals;
pub(crate) mod tree;

/// The output ports of window nodes.
pub(crate) const ROWS: usize = 0;
pub(crate) const LATE: usize = 1;
pub(crate) const REJECTED: usize = 2;

pub(crate) const WINDOW_START: &str = "window_start";
pub(crate) const WINDOW_END: &str = "window_end";

/// Results that are due together leave in batches of about this many rows.
pub(crate) const BATCH_ROWS: usize = 8_192;

/// Instances see the rows of their own keys; without keys there is one.
pub(crate) fn keyed(keys: &[ColumnRef]) -> Partitioning {
    Partitioning::keyed(keys.iter().map(ColumnRef::as_str))
}

/// What a node reads that aggregates rows over windows, of `time` where it has that param, and forgets them: beside the
/// columns of keys, aggregates and time those that are wanted of late rows.
pub(crate) fn reads(
    keys: &[ColumnRef],
    aggregates: &[NamedAggregate],
    time: Option<&ColumnRef>,
    wanted: &Wanted<'_>,
) -> Vec<Columns> {
    let computed = AggregatePlan::compile(keys, aggregates, &wanted.inputs[0])
        .map_or(Columns::All, |plan| Columns::named(plan.columns()));
    let (read, rejected) = match time {
        Some(time) => (computed.and(&Columns::named([time.as_str()])).and(wanted.output(LATE)), REJECTED),
        None => (computed, LATE),
    };
    vec![rejecting::reads(read, wanted.output(rejected))]
}

/// Compiles keys and aggregates over the input; faults are reported in `cx`. No name may be one of `taken`, the columns
/// that the node itself gives.
pub(crate) fn compile(
    keys: &[ColumnRef],
    aggregates: &[NamedAggregate],
    taken: &[&str],
    cx: &mut InferContext<'_>,
) -> Option<AggregatePlan> {
    if aggregates.is_empty() {
        cx.error("aggregates", "no_aggregates", "Say what to compute, such as `n` = `count(*)`.");
    }
    for (index, aggregate) in aggregates.iter().enumerate() {
        let name = aggregate.name.trim();
        if taken.contains(&name) {
            let message = format!("Every result has a column `{name}` already; choose another name.");
            cx.error(format!("aggregates[{index}].name"), "duplicate_column", message);
        }
    }
    for (index, key) in keys.iter().enumerate() {
        if taken.contains(&key.as_str()) {
            let message = format!("Every result has a column `{key}` of its own: rename the key before this node.");
            cx.error(format!("keys[{index}]"), "duplicate_column", message);
        }
    }
    let input = cx.input()?;
    let compiled = AggregatePlan::compile(keys, aggregates, &input).map_err(|errors| {
        for error in errors {
            let param = match error.place {
                AggregatePlace::Key(index) => format!("keys[{index}]"),
                AggregatePlace::Name(index) => format!("aggregates[{index}].name"),
                AggregatePlace::Expression(index) => format!("aggregates[{index}].expression"),
            };
            cx.error(param, &error.code, error.message);
        }
    });
    compiled.ok()
}

/// The time column that a node goes by.
#[derive(Debug, Clone)]
pub(crate) struct TimeColumn {
    pub index: usize,
    pub data_type: DataType,
    pub unit: TimeUnits,
}

impl TimeColumn {
    /// The column named by the param `time`, or the event time of the rows; faults are reported in `cx`.
    pub(crate) fn find(time: &ColumnRef, cx: &mut InferContext<'_>, input: &SchemaRef) -> Option<Self> {
        let index = Self::index(time, cx, input)?;
        let data_type = input.field(index).data_type().clone();
        Some(Self { index, unit: TimeUnits::of(&data_type)?, data_type })
    }

    fn index(time: &ColumnRef, cx: &mut InferContext<'_>, input: &SchemaRef) -> Option<usize> {
        let event_time = event_time_column(input);
        if time.as_str().is_empty() {
            let Some(event_time) = event_time else {
                let message =
                    "The rows have no event time: put a Parse timestamp node before this one, or name a time column.";
                cx.error("time", "no_event_time", message);
                return None;
            };
            return input.index_of(event_time).ok();
        }
        let index = cx.column("time", time.as_str(), input)?;
        let data_type = input.field(index).data_type();
        if !matches!(data_type, DataType::Timestamp(..)) {
            let message = format!(
                "Column `{time}` is of type {data_type}, not a timestamp: put a Parse timestamp node before this one.",
            );
            cx.error("time", "not_a_time", message);
            return None;
        }
        if event_time != Some(time.as_str()) {
            let message = match event_time {
                Some(event_time) => {
                    format!("Windows close as the event time `{event_time}` advances, not by `{time}`.")
                }
                None => "The rows have no event time: windows close at the end of the input only.".to_owned(),
            };
            cx.warning("time", "not_event_time", message);
        }
        Some(index)
    }

    /// A field for times of this type.
    pub(crate) fn field(&self, name: &str) -> FieldRef {
        Arc::new(Field::new(name, self.data_type.clone(), false))
    }

    /// A column of these times, in microseconds, in the type of the time column.
    ///
    /// # Errors
    /// When a time does not fit the unit: a defect, as rows with such a time are late.
    pub(crate) fn column(&self, times_us: impl Iterator<Item = i64>) -> Result<ArrayRef, NodeError> {
        let times = times_us.map(|time_us| self.unit.write(time_us)).collect::<Option<Vec<i64>>>();
        let times = times.ok_or_else(|| NodeError::internal("a window is out of range"))?;
        // A timestamp array is an integer array of another type, whatever its unit and zone.
        let numbers = arrow::array::Array::into_data(Int64Array::from(times));
        Ok(make_array(numbers.into_builder().data_type(self.data_type.clone()).build()?))
    }
}

/// Results with the columns `leading` (such as the window's start and end) in front; those with a result that cannot be
/// computed take the way that `on_error` says.
///
/// # Errors
/// The first failure, when `on_error` is `fail`.
pub(crate) fn results(
    schema: &SchemaRef,
    leading: Vec<ArrayRef>,
    finished: Finished,
    rejecting: &mut Rejecting,
    out: &mut Output,
) -> Result<RecordBatch, NodeError> {
    let mut columns = leading;
    columns.extend(finished.rows.columns().iter().cloned());
    let rows = RecordBatch::try_new(schema.clone(), columns)?;
    match rejecting.sort_out_results(&rows, &finished.failures, out)? {
        Some(keeps) => Ok(filter_record_batch(&rows, &keeps)?),
        None => Ok(rows),
    }
}

/// These rows of `batch`; without a copy where they are neighbours.
pub(crate) fn rows_of(batch: &RecordBatch, rows: &[u32]) -> Result<RecordBatch, NodeError> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(batch.slice(0, 0)) };
    if rows.is_sorted() && (last - first) as usize + 1 == rows.len() {
        return Ok(batch.slice(*first as usize, rows.len()));
    }
    Ok(take_record_batch(batch, &UInt32Array::from(rows.to_vec()))?)
}

/// A row's number as Arrow's kernels take it.
pub(crate) fn row_index(row: usize) -> u32 {
    u32::try_from(row).expect("a batch has fewer than 2^32 rows")
}

/// The handles that the rows of one batch belong to, each with a slot from 0 in the order in which they were met.
#[derive(Default)]
pub(crate) struct Touched {
    handles: Vec<u32>,
    slots: Vec<u32>,
}

impl Touched {
    const NONE: u32 = u32::MAX;

    pub(crate) fn slot_of(&mut self, handle: u32) -> usize {
        let place = handle as usize;
        if self.slots.len() <= place {
            self.slots.resize(place + 1, Self::NONE);
        }
        if self.slots[place] == Self::NONE {
            self.slots[place] = row_index(self.handles.len());
            self.handles.push(handle);
        }
        self.slots[place] as usize
    }

    /// The handles by slot; the next batch begins.
    pub(crate) fn take(&mut self) -> Vec<u32> {
        for handle in &self.handles {
            self.slots[*handle as usize] = Self::NONE;
        }
        std::mem::take(&mut self.handles)
    }

    pub(crate) fn state_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<u32>()
    }
}
