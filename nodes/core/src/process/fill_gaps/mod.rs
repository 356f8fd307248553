//! `process.fill_gaps`: rows of each key on a grid of time.
//!
//! Holds the rows that the watermark has not passed yet, in the order of their time, and for each key its last row before
//! that, until the gap behind it is longer than `max_gap`. The points between two rows of a key leave when the later row
//! is passed by the watermark, so they may be as much older than it as `max_gap` says: the watermark that goes with the
//! results stays that much behind.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, RecordBatch, TimestampMicrosecondArray, UInt8Array,
};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{CastOptions, cast, cast_with_options, not, nullif};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Schema, SchemaRef, TimeUnit, UInt8Type};
use millrace_model::RowTrait;
use millrace_model::card::PortCard;
use millrace_model::{ColumnRef, Interval};
use millrace_operator::time::times_as;
use millrace_operator::{
    BuildContext, CardText, InferContext, Machine, Node, NodeError, Operator, Output, Partitioning,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rejecting::first_error;
use crate::state::keys::{EncodedKeys, KeyEncoder, KeyMap, key_columns, table_bytes};
use crate::state::lateness::{Lateness, aligned, event_time_index, late_port};
use crate::state::saved;
use crate::state::waiting::Waiting;

#[cfg(test)]
mod tests;

/// Gives each key one row at every point of a grid of time, so that series without gaps come out of rows that arrive
/// whenever they like.
///
/// With `every` = `1 min`, the key `device` and the method `linear`:
///
/// | in: ts | device | v | | out: ts | device | v |
/// | --- | --- | --- | --- | --- | --- | --- |
/// | 10:00:00 | a | 10 | | 10:00 | a | 10 |
/// | 10:00:30 | a | 11 | | 10:01 | a | 11.5 |
/// | 10:02:30 | a | 13 | | 10:02 | a | 12.5 |
///
/// The points are whole multiples of `every` since 1970-01-01 00:00 UTC, from the first row of a key to its last. At a
/// point where a row stands, that row leaves (of several of one time, the last that arrived). Between two rows the values
/// are made as `method` says; where the two are further apart than `max_gap`, there are no points between them. Rows
/// between the points only give their values; they are counted as left out. A null key is a key like any other.
///
/// Rows are put into the order of their event time first. Rows that are behind the watermark or have no time leave by the
/// `late` port. The results are `max_gap` behind, since a point is known when the next row is there: windows after this
/// node close that much later.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// How far the points are apart, such as `1 min`.
    pub every: Interval,
    /// A series for each combination of values of these columns. None: all rows are one series.
    #[serde(default)]
    pub keys: Vec<ColumnRef>,
    /// The values between two rows.
    #[serde(default)]
    pub method: Method,
    /// Gaps that are longer are not filled.
    #[serde(default = "default_max_gap")]
    pub max_gap: Interval,
}

/// What the values between two rows are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Those of the row before.
    #[default]
    Previous,
    /// Numbers on the straight line between the two rows, whole numbers rounded; null where one of them is null. What is
    /// no number is as in the row before.
    Linear,
    /// Null.
    Null,
}

fn default_max_gap() -> Interval {
    Interval::from_secs(600)
}

pub struct FillGaps;

const ROWS: usize = 0;
const LATE: usize = 1;

/// Points leave in batches of so many.
const BATCH_ROWS: usize = 8_192;

impl Node for FillGaps {
    type Params = Params;
    const KIND: &'static str = "process.fill_gaps";

    fn card() -> CardText {
        CardText::new("Fill gaps", "Gives each key one row at every point of a grid of time", "dots-nine")
            .can_bypass()
            .input(PortCard::rows("Rows with an event time.").needing(RowTrait::EventTime))
            .output(PortCard::rows("A row for each key and point of time."))
            .output(late_port())
            .headline("every")
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![plan(params, cx).map(|plan| plan.schema), cx.input()]
    }

    fn partitioning(params: &Params) -> Partitioning {
        Partitioning::keyed(params.keys.iter().map(ColumnRef::as_str))
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let inputs = [Some(cx.input().clone())];
        let mut found = InferContext::new(&inputs, None);
        let plan = plan(&params, &mut found);
        let Some(plan) = plan.filter(|_| !found.has_errors()) else {
            return Err(first_error(found.into_problems()));
        };
        Ok(Machine::Operator(Box::new(FillGapsOperator {
            encoder: KeyEncoder::new(plan.keys.clone(), cx.input())?,
            lateness: Lateness::new(plan.time),
            waiting: Waiting::new(cx.input().clone()),
            last: KeyMap::default(),
            forget_at_us: None,
            points: Vec::new(),
            done: Vec::new(),
            every_us: params.every.as_micros(),
            max_gap_us: params.max_gap.as_micros(),
            method: params.method,
            plan,
        })))
    }
}

struct Plan {
    schema: SchemaRef,
    keys: Vec<usize>,
    time: usize,
}

/// What the params mean for the input; faults are reported in `cx`.
fn plan(params: &Params, cx: &mut InferContext<'_>) -> Option<Plan> {
    if params.every.as_micros() == 0 {
        cx.error("every", "no_size", "Points must be a microsecond apart at least; try `1 min`.");
    } else if params.max_gap < params.every {
        let message = format!("No gap of {} or less holds a point of each {}.", params.max_gap, params.every);
        cx.warning("max_gap", "no_effect", message);
    }
    let input = cx.input()?;
    let keys = key_columns("keys", &params.keys, &input, cx);
    let time = event_time_index(cx, &input, "")?;
    let keys = keys?;
    let unit_ns = match input.field(time).data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => 1_000_000_000,
        DataType::Timestamp(TimeUnit::Millisecond, _) => 1_000_000,
        _ => 1_000,
    };
    if !params.every.duration().as_nanos().is_multiple_of(unit_ns) {
        let message = format!("Points of each {} cannot be written down in the unit of the event time.", params.every);
        cx.error("every", "finer_than_time", message);
    }
    if keys.contains(&time) {
        cx.error("keys", "time_is_key", "The event time cannot be a key: each row would be a series of its own.");
    }
    let fields = input.fields().iter().map(|field| -> FieldRef { Arc::new(Field::clone(field).with_nullable(true)) });
    let schema = Schema::new_with_metadata(fields.collect::<Vec<_>>(), input.metadata().clone());
    Some(Plan { schema: schema.into(), keys, time })
}

/// The last row of a key that the watermark has passed.
#[derive(Debug, Clone, Copy)]
struct Last {
    time_us: i64,
    number: u64,
    /// Its own point has left.
    is_out: bool,
}

/// A row on its way out.
struct Point {
    time_us: i64,
    previous: u64,
    /// The row after the point, and how far towards it the point is, from 0 to 1; `None` for a row that stands on it.
    next: Option<(u64, f64)>,
}

struct FillGapsOperator {
    plan: Plan,
    encoder: KeyEncoder,
    lateness: Lateness,
    /// The rows that the watermark has not passed, and the last one of each key.
    waiting: Waiting,
    last: KeyMap<Last>,
    /// At this watermark the table is looked through again.
    forget_at_us: Option<i64>,
    points: Vec<Point>,
    /// Rows that are given up once the points have left.
    done: Vec<u64>,
    every_us: i64,
    max_gap_us: i64,
    method: Method,
}

/// In a snapshot: what a row is held for.
const WAITING: u8 = 0;
const IS_LAST: u8 = 1;
const IS_LAST_AND_OUT: u8 = 2;

impl FillGapsOperator {
    fn release(&mut self, watermark_us: i64, out: &mut Output) -> Result<(), NodeError> {
        let passed = self.waiting.take_passed(watermark_us, usize::MAX);
        let numbers: Vec<u64> = passed.iter().map(|(_, number)| *number).collect();
        let keys = self.encoder.encode_held(&self.waiting.rows, &numbers)?;
        let replaced = replaced(&passed, &keys);
        let mut num_dropped = 0;
        for (row, (time_us, number)) in passed.iter().enumerate() {
            if replaced.contains(&row) {
                self.done.push(*number);
                num_dropped += 1;
                continue;
            }
            let next = Last { time_us: *time_us, number: *number, is_out: false };
            match self.last.get_mut(keys.get(row)).map(|last| std::mem::replace(last, next)) {
                None => {
                    self.last.insert(keys.get(row).into(), next);
                }
                Some(last) => {
                    num_dropped += usize::from(!self.stand(last));
                    self.fill(last, next, out)?;
                    self.done.push(last.number);
                }
            }
            if self.points.len() >= BATCH_ROWS {
                self.emit(out)?;
            }
        }
        // All rows of these times have been seen: the points on which rows stand need not wait.
        let mut standing = Vec::new();
        for row in 0..passed.len() {
            if let Some(last) = self.last.get_mut(keys.get(row))
                && !last.is_out
                && last.time_us.rem_euclid(self.every_us) == 0
            {
                last.is_out = true;
                standing.push(Point { time_us: last.time_us, previous: last.number, next: None });
            }
        }
        self.points.extend(standing);
        self.emit(out)?;
        out.drop_rows(num_dropped);
        Ok(())
    }

    /// Puts a row out where it stands on a point; whether it has left now.
    fn stand(&mut self, last: Last) -> bool {
        let stands = last.time_us.rem_euclid(self.every_us) == 0;
        if stands && !last.is_out {
            self.points.push(Point { time_us: last.time_us, previous: last.number, next: None });
        }
        stands
    }

    /// The points between two rows of a key.
    fn fill(&mut self, last: Last, next: Last, out: &mut Output) -> Result<(), NodeError> {
        let gap_us = next.time_us.saturating_sub(last.time_us);
        if gap_us > self.max_gap_us {
            return Ok(());
        }
        let mut time_us = aligned(last.time_us, self.every_us);
        loop {
            time_us = time_us.saturating_add(self.every_us);
            if time_us >= next.time_us {
                return Ok(());
            }
            let share = (time_us - last.time_us) as f64 / gap_us as f64;
            self.points.push(Point { time_us, previous: last.number, next: Some((next.number, share)) });
            if self.points.len() >= BATCH_ROWS {
                // The row before is needed further on.
                let done = std::mem::take(&mut self.done);
                self.emit(out)?;
                self.done = done;
            }
        }
    }

    fn emit(&mut self, out: &mut Output) -> Result<(), NodeError> {
        let points = std::mem::take(&mut self.points);
        if !points.is_empty() {
            out.emit(ROWS, self.rows_at(&points)?);
            out.check()?;
        }
        for number in std::mem::take(&mut self.done) {
            self.waiting.rows.free(number)?;
        }
        Ok(())
    }

    fn rows_at(&self, points: &[Point]) -> Result<RecordBatch, NodeError> {
        let previous: Vec<Option<u64>> = points.iter().map(|point| Some(point.previous)).collect();
        let mut columns = self.waiting.rows.columns(&previous)?;
        let between: BooleanArray = points.iter().map(|point| Some(point.next.is_some())).collect();
        let is_value = |column: usize| column != self.plan.time && !self.plan.keys.contains(&column);
        for (index, column) in columns.iter_mut().enumerate().filter(|(index, _)| is_value(*index)) {
            match self.method {
                Method::Previous => {}
                Method::Null => *column = nullif(column.as_ref(), &between)?,
                Method::Linear if column.data_type().is_numeric() => {
                    let next: Vec<Option<u64>> = points.iter().map(|point| point.next.map(|next| next.0)).collect();
                    let on_line = on_line(column, &self.waiting.rows.column(index, &next)?, points)?;
                    *column = zip(&not(&between)?, &column.as_ref() as &dyn arrow::array::Datum, &on_line.as_ref())?;
                }
                Method::Linear => {}
            }
        }
        let times = TimestampMicrosecondArray::from_iter_values(points.iter().map(|point| point.time_us));
        columns[self.plan.time] = times_as(times, self.plan.schema.field(self.plan.time).data_type())?;
        Ok(RecordBatch::try_new(self.plan.schema.clone(), columns)?)
    }
}

/// The rows that a later one of the same key and time takes the place of; `passed` is sorted by time.
fn replaced(passed: &[(i64, u64)], keys: &EncodedKeys) -> HashSet<usize> {
    let mut replaced = HashSet::new();
    if passed.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        let mut newest: HashMap<&[u8], i64> = HashMap::new();
        for (row, (time_us, _)) in passed.iter().enumerate().rev() {
            if newest.insert(keys.get(row), *time_us) == Some(*time_us) {
                replaced.insert(row);
            }
        }
    }
    replaced
}

/// The values between those of the row before and of the row after, in the type of the column.
fn on_line(previous: &ArrayRef, next: &ArrayRef, points: &[Point]) -> Result<ArrayRef, NodeError> {
    let data_type = previous.data_type();
    let (previous, next) = (cast(previous, &DataType::Float64)?, cast(next, &DataType::Float64)?);
    let (previous, next) = (previous.as_primitive::<Float64Type>(), next.as_primitive::<Float64Type>());
    let values: Float64Array = points
        .iter()
        .enumerate()
        .map(|(row, point)| {
            let (_, share) = point.next?;
            let is_known = previous.is_valid(row) && next.is_valid(row);
            let value = is_known.then(|| previous.value(row) * (1.0 - share) + next.value(row) * share)?;
            Some(if data_type.is_integer() { value.round() } else { value })
        })
        .collect();
    Ok(cast_with_options(&values, data_type, &CastOptions::default())?)
}

impl Operator for FillGapsOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let in_time = self.lateness.sort_out(batch, LATE, out)?;
        self.waiting.hold(in_time.batch, &in_time.times)
    }

    fn on_watermark(&mut self, watermark_us: i64, out: &mut Output) -> Result<(), NodeError> {
        self.lateness.advance(watermark_us);
        self.release(watermark_us, out)?;
        if watermark_us == i64::MAX || self.forget_at_us.is_none_or(|forget_at_us| watermark_us >= forget_at_us) {
            let (rows, every_us) = (&mut self.waiting.rows, self.every_us);
            let (mut failed, mut num_dropped) = (None, 0);
            self.last.retain(|_, last| {
                let is_kept = watermark_us < i64::MAX && last.time_us.saturating_add(self.max_gap_us) >= watermark_us;
                if !is_kept {
                    num_dropped += usize::from(last.time_us.rem_euclid(every_us) != 0);
                    failed = rows.free(last.number).err().or(failed.take());
                }
                is_kept
            });
            out.drop_rows(num_dropped);
            self.forget_at_us = Some(watermark_us.saturating_add(self.max_gap_us / 4 + 1));
            failed.map_or(Ok(()), Err)?;
        }
        let behind_us = watermark_us.saturating_sub(self.max_gap_us);
        out.watermark(if watermark_us == i64::MAX { i64::MAX } else { behind_us });
        Ok(())
    }

    fn makes_watermarks(&self) -> bool {
        true
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        let (rows, numbers) = self.waiting.rows.all()?;
        let mut held: Vec<(u64, u8)> =
            self.last.values().map(|last| (last.number, if last.is_out { IS_LAST_AND_OUT } else { IS_LAST })).collect();
        held.sort_unstable();
        let flag =
            |number: &u64| held.binary_search_by_key(number, |held| held.0).map_or(WAITING, |place| held[place].1);
        let flags = UInt8Array::from_iter_values(numbers.iter().map(flag));
        let flags = RecordBatch::try_from_iter([("flag", Arc::new(flags) as ArrayRef)])?;
        saved::to_bytes(&self.lateness.watermark_us, &[rows, flags])
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let (watermark_us, [rows, flags]) = saved::from_bytes(state)?;
        self.lateness.watermark_us = watermark_us;
        let flags = flags.column(0).as_primitive_opt::<UInt8Type>().ok_or_else(saved::damaged)?;
        let times = self.lateness.times(&rows)?;
        let keys = self.encoder.encode(&rows)?;
        let num_rows = rows.num_rows();
        let first = self.waiting.rows.push(rows)?;
        for (row, number) in (0..num_rows).zip(first..) {
            let time_us = times.value(row);
            match flags.value(row) {
                WAITING => self.waiting.wait(time_us, number),
                flag => {
                    let last = Last { time_us, number, is_out: flag == IS_LAST_AND_OUT };
                    self.last.insert(keys.get(row).into(), last);
                }
            }
        }
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        self.waiting.bytes() + table_bytes(&self.last)
    }
}
