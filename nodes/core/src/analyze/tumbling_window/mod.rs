//! `analyze.tumbling_window`: aggregates over windows of event time that follow each other without a gap.
//!
//! Holds one table of groups for each open window, and the watermark. A window takes rows until the watermark reaches
//! its end plus `allowed_lateness`; then it is emitted once and forgotten, and rows for it are late. Rows in = rows
//! aggregated + rows late (those without a time among them).
//!
//! The event time of the results is `window_start`, and the watermark that goes with them is the start of the oldest
//! window that may still be emitted (Flink uses the window's end less one tick and leaves the watermark alone). So no
//! result is ever older than the watermark that went before it, whatever the lateness; a window node behind this one
//! puts each result into the window that holds all its rows, where its size is a multiple of this one's; and it may
//! close as soon as its last result is there.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray, UInt32Array, make_array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use millrace_model::card::PortCard;
use millrace_model::event_time::{event_time_column, with_event_time};
use millrace_model::{ColumnRef, Interval};
use millrace_operator::aggregate::{AggregatePlace, AggregatePlan, GroupTable, NamedAggregate};
use millrace_operator::time::event_times;
use millrace_operator::{
    BuildContext, CardText, InferContext, Machine, Node, NodeError, Operator, Output, Partitioning,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::alignment::Windows;
use self::state::SavedWindows;
use crate::rejecting::first_error;

mod alignment;
mod state;
#[cfg(test)]
mod tests;

/// Computes aggregates over windows of time that follow each other without a gap, such as each minute.
///
/// Windows go by the **event time** of the rows, never by the clock on the wall, so that a replay gives what the live
/// run gave. They are aligned to 1970-01-01 00:00 UTC plus `offset`; the start belongs to a window, the end does not.
///
/// With size `1 h`, key `device` and the aggregates `n` = `count(*)` and `mean` = `avg(temperature)`:
///
/// | ts | device | temperature |
/// | --- | --- | --- |
/// | 10:05 | a | 20 |
/// | 10:40 | a | 22 |
/// | 10:50 | b | 30 |
/// | 11:10 | a | 24 |
///
/// gives
///
/// | window_start | window_end | device | n | mean |
/// | --- | --- | --- | --- | --- |
/// | 10:00 | 11:00 | a | 2 | 21 |
/// | 10:00 | 11:00 | b | 1 | 30 |
/// | 11:00 | 12:00 | a | 1 | 24 |
///
/// A window is emitted once, when no more rows are expected for it: when event time has reached its end and
/// `allowed_lateness` has passed; at the end of the input everything open is emitted. A row that comes after that, or
/// has no time, leaves by the `late` port. Windows without rows give no result. A null key is a group of its own.
///
/// Aggregates are SQL: `count(*)`, `sum(x)`, `avg(x)`, `min(x)`, `max(x)`, `stddev(x)`, `median(x)`,
/// `approx_percentile_cont(x, 0.95)`, `count(DISTINCT x)`, `max(x) - min(x)`,
/// `count(*) FILTER (WHERE status = 'alarm')`. They skip nulls. A value that may fail to compute, such as a cast, belongs
/// into a Select node before this one, which rejects single rows; here it fails the run.
///
/// The event time of the results is `window_start`: window nodes can follow each other.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// How long a window is, such as `1 min`.
    pub size: Interval,
    /// Moves the windows: with size `1 d` and offset `6 h`, days begin at 06:00 UTC.
    #[serde(default)]
    pub offset: Interval,
    /// One result for each combination of values of these columns. None: one result for each window.
    #[serde(default)]
    pub keys: Vec<ColumnRef>,
    /// What is computed for each window.
    #[serde(default)]
    pub aggregates: Vec<NamedAggregate>,
    /// The time that windows go by. Empty: the event time of the rows.
    #[serde(default)]
    pub time: ColumnRef,
    /// How long a window waits for late rows after event time has passed its end.
    #[serde(default)]
    pub allowed_lateness: Interval,
}

pub struct TumblingWindow;

const ROWS: usize = 0;
const LATE: usize = 1;
const WINDOW_START: &str = "window_start";
const WINDOW_END: &str = "window_end";

/// Results of several windows that close together leave in batches of about this many rows.
const BATCH_ROWS: usize = 8_192;

impl Node for TumblingWindow {
    type Params = Params;
    const KIND: &'static str = "analyze.tumbling_window";

    fn card() -> CardText {
        CardText::new("Tumbling window", "Aggregates over windows of time that follow each other", "hourglass")
            .input(PortCard::rows("Rows with an event time."))
            .output(PortCard::rows("One row for each window and combination of keys, when the window closes."))
            .output(PortCard::late())
            .headline("size")
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![plan(params, cx).map(|plan| plan.schema), cx.input()]
    }

    fn partitioning(params: &Params) -> Partitioning {
        if params.keys.is_empty() {
            return Partitioning::Single;
        }
        Partitioning::keyed(params.keys.iter().map(ColumnRef::as_str))
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let inputs = [Some(cx.input().clone())];
        let mut found = InferContext::new(&inputs, None);
        let plan = plan(&params, &mut found);
        let Some(plan) = plan.filter(|_| !found.has_errors()) else {
            return Err(first_error(found.into_problems()));
        };
        Ok(Machine::Operator(Box::new(TumblingWindowOperator {
            plan,
            open: BTreeMap::new(),
            watermark_us: None,
            passed_on_us: None,
        })))
    }
}

struct Plan {
    schema: SchemaRef,
    time: usize,
    time_type: DataType,
    windows: Windows,
    lateness_us: i64,
    aggregates: AggregatePlan,
}

/// What the params mean for the input; faults are reported in `cx`.
fn plan(params: &Params, cx: &mut InferContext<'_>) -> Option<Plan> {
    if params.size.is_zero() {
        cx.error("size", "no_size", "A window must last some time, such as `1 min`.");
    }
    if params.aggregates.is_empty() {
        cx.error("aggregates", "no_aggregates", "Say what to compute, such as `n` = `count(*)`.");
    }
    for (index, aggregate) in params.aggregates.iter().enumerate() {
        if [WINDOW_START, WINDOW_END].contains(&aggregate.name.trim()) {
            let message =
                format!("Every result has a column `{}` already; choose another name.", aggregate.name.trim());
            cx.error(format!("aggregates[{index}].name"), "duplicate_column", message);
        }
    }
    for (index, key) in params.keys.iter().enumerate() {
        if [WINDOW_START, WINDOW_END].contains(&key.as_str()) {
            let message = format!("Every result has a column `{key}` of its own: rename the key before this node.");
            cx.error(format!("keys[{index}]"), "duplicate_column", message);
        }
    }
    let input = cx.input()?;
    let aggregates = AggregatePlan::compile(&params.keys, &params.aggregates, &input).map_err(|errors| {
        for error in errors {
            let param = match error.place {
                AggregatePlace::Key(index) => format!("keys[{index}]"),
                AggregatePlace::Name(index) => format!("aggregates[{index}].name"),
                AggregatePlace::Expression(index) => format!("aggregates[{index}].expression"),
            };
            cx.error(param, &error.code, error.message);
        }
    });
    let time = time_column(params, cx, &input)?;
    let time_type = input.field(time).data_type().clone();
    let windows = Windows::new(params, &time_type, cx)?;
    let aggregates = aggregates.ok()?;
    let time_field = |name: &str| -> FieldRef { Arc::new(Field::new(name, time_type.clone(), false)) };
    let mut fields = vec![time_field(WINDOW_START), time_field(WINDOW_END)];
    fields.extend(aggregates.output_schema().fields().iter().cloned());
    let schema = with_event_time(&Schema::new(fields), Some(WINDOW_START));
    let lateness_us = params.allowed_lateness.as_micros();
    Some(Plan { schema, time, time_type, windows, lateness_us, aggregates })
}

/// The column that windows go by.
fn time_column(params: &Params, cx: &mut InferContext<'_>, input: &SchemaRef) -> Option<usize> {
    let event_time = event_time_column(input);
    if params.time.as_str().is_empty() {
        let Some(event_time) = event_time else {
            let message =
                "The rows have no event time: put a Parse timestamp node before this one, or name a time column.";
            cx.error("time", "no_event_time", message);
            return None;
        };
        return input.index_of(event_time).ok();
    }
    let index = cx.column("time", params.time.as_str(), input)?;
    let data_type = input.field(index).data_type();
    if !matches!(data_type, DataType::Timestamp(..)) {
        let message = format!(
            "Column `{}` is of type {data_type}, not a timestamp: put a Parse timestamp node before this one.",
            params.time
        );
        cx.error("time", "not_a_time", message);
        return None;
    }
    if event_time != Some(params.time.as_str()) {
        let message = match event_time {
            Some(event_time) => {
                format!("Windows close as the event time `{event_time}` advances, not by `{}`.", params.time)
            }
            None => "The rows have no event time: windows close at the end of the input only.".to_owned(),
        };
        cx.warning("time", "not_event_time", message);
    }
    Some(index)
}

struct TumblingWindowOperator {
    plan: Plan,
    /// Open windows by their start.
    open: BTreeMap<i64, GroupTable>,
    watermark_us: Option<i64>,
    /// The watermark that the results have.
    passed_on_us: Option<i64>,
}

/// The rows of a batch that fall into one window, in their order.
struct Share {
    start_us: i64,
    rows: Vec<u32>,
}

impl TumblingWindowOperator {
    fn is_closed(&self, start_us: i64) -> bool {
        let closes_us = self.plan.windows.end_of(start_us).saturating_add(self.plan.lateness_us);
        self.watermark_us.is_some_and(|watermark_us| watermark_us >= closes_us)
    }

    /// The window of the whole batch, where it falls into one that is open: the common case, without a copy.
    fn only_window(&self, times: &TimestampMicrosecondArray) -> Option<i64> {
        if times.null_count() > 0 {
            return None;
        }
        let (first, rest) = times.values().split_first()?;
        let (min, max) = rest.iter().fold((*first, *first), |(min, max), time| (min.min(*time), max.max(*time)));
        let start_us = self.plan.windows.start_of(min)?;
        (max < self.plan.windows.end_of(start_us) && !self.is_closed(start_us)).then_some(start_us)
    }

    /// Which rows go into which window, and which are late.
    fn shares(&self, times: &TimestampMicrosecondArray, null_times: &dyn Array) -> (Vec<Share>, Vec<u32>) {
        let windows = &self.plan.windows;
        let mut shares: Vec<Share> = Vec::new();
        let mut share_of: HashMap<i64, usize> = HashMap::new();
        let mut late = Vec::new();
        let mut last: Option<usize> = None;
        for row in 0..times.len() {
            let index = u32::try_from(row).expect("a batch has fewer than 2^32 rows");
            if times.is_null(row) || null_times.is_null(row) {
                late.push(index);
                continue;
            }
            let time_us = times.value(row);
            // Neighbours mostly fall into one window.
            if let Some(share) = last.map(|share| &mut shares[share])
                && share.start_us <= time_us
                && time_us < windows.end_of(share.start_us)
            {
                share.rows.push(index);
                continue;
            }
            let Some(start_us) = windows.start_of(time_us).filter(|start_us| !self.is_closed(*start_us)) else {
                late.push(index);
                continue;
            };
            let share = *share_of.entry(start_us).or_insert_with(|| {
                shares.push(Share { start_us, rows: Vec::new() });
                shares.len() - 1
            });
            shares[share].rows.push(index);
            last = Some(share);
        }
        (shares, late)
    }

    fn add(&mut self, start_us: i64, rows: &RecordBatch) -> Result<(), NodeError> {
        use std::collections::btree_map::Entry;
        let table = match self.open.entry(start_us) {
            Entry::Occupied(table) => table.into_mut(),
            Entry::Vacant(place) => place.insert(self.plan.aggregates.new_table()?),
        };
        table.update(rows).map_err(|mut error| {
            error
                .message
                .push_str(" Compute the value in a Select node before this one: it rejects such rows one by one.");
            error
        })
    }

    /// Emits the open windows for which `closes` holds, oldest first.
    fn close(&mut self, closes: impl Fn(&Self, i64) -> bool, out: &mut Output) -> Result<(), NodeError> {
        let mut results = Vec::new();
        let mut num_rows = 0;
        while let Some(start_us) = self.open.first_key_value().map(|(start_us, _)| *start_us) {
            if !closes(self, start_us) {
                break;
            }
            let Some((_, table)) = self.open.pop_first() else { break };
            let groups = table.finish()?;
            num_rows += groups.num_rows();
            results.push(self.result(start_us, &groups)?);
            if num_rows >= BATCH_ROWS {
                out.emit(ROWS, concat_batches(&self.plan.schema, &results)?);
                results.clear();
                num_rows = 0;
            }
        }
        if !results.is_empty() {
            out.emit(ROWS, concat_batches(&self.plan.schema, &results)?);
        }
        Ok(())
    }

    /// The groups of a window with its start and end.
    fn result(&self, start_us: i64, groups: &RecordBatch) -> Result<RecordBatch, NodeError> {
        let Plan { windows, time_type, .. } = &self.plan;
        let times = |time_us: i64| -> Result<ArrayRef, NodeError> {
            let time = windows.in_unit(time_us).ok_or_else(|| NodeError::internal("a window is out of range"))?;
            // A timestamp array is an integer array of another type, whatever its unit and zone.
            let numbers = Int64Array::from_value(time, groups.num_rows());
            Ok(make_array(numbers.into_data().into_builder().data_type(time_type.clone()).build()?))
        };
        let mut columns = vec![times(start_us)?, times(windows.end_of(start_us))?];
        columns.extend(groups.columns().iter().cloned());
        Ok(RecordBatch::try_new(self.plan.schema.clone(), columns)?)
    }

    /// The watermark of the results: no window that starts earlier can still be emitted.
    fn pass_on(&mut self, out: &mut Output) {
        let start_us = match self.watermark_us {
            Some(i64::MAX) => Some(i64::MAX),
            Some(watermark_us) => self.plan.windows.start_of(watermark_us.saturating_sub(self.plan.lateness_us)),
            None => None,
        };
        if let Some(start_us) = start_us.filter(|start_us| Some(*start_us) > self.passed_on_us) {
            self.passed_on_us = Some(start_us);
            out.watermark(start_us);
        }
    }
}

impl Operator for TumblingWindowOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let column = batch.column(self.plan.time);
        let times = event_times(column.as_ref())?;
        if let Some(start_us) = self.only_window(&times) {
            return self.add(start_us, &batch);
        }
        let (shares, late) = self.shares(&times, column.as_ref());
        for share in &shares {
            self.add(share.start_us, &rows_of(&batch, &share.rows)?)?;
        }
        if !late.is_empty() {
            out.emit(LATE, rows_of(&batch, &late)?);
        }
        Ok(())
    }

    fn on_watermark(&mut self, watermark_us: i64, out: &mut Output) -> Result<(), NodeError> {
        self.watermark_us = self.watermark_us.max(Some(watermark_us));
        self.close(Self::is_closed, out)?;
        self.pass_on(out);
        Ok(())
    }

    fn on_end(&mut self, out: &mut Output) -> Result<(), NodeError> {
        self.close(|_, _| true, out)
    }

    fn makes_watermarks(&self) -> bool {
        true
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        let mut windows = Vec::with_capacity(self.open.len());
        for (start_us, table) in &mut self.open {
            windows.push((*start_us, table.snapshot()?));
        }
        SavedWindows { watermark_us: self.watermark_us, passed_on_us: self.passed_on_us, windows }.to_bytes()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let saved = SavedWindows::from_bytes(state)?;
        self.watermark_us = saved.watermark_us;
        self.passed_on_us = saved.passed_on_us;
        self.open.clear();
        for (start_us, groups) in &saved.windows {
            self.open.insert(*start_us, self.plan.aggregates.restore_table(groups)?);
        }
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        self.open.values().map(GroupTable::state_bytes).sum()
    }
}

/// These rows of `batch`; without a copy where they are neighbours.
fn rows_of(batch: &RecordBatch, rows: &[u32]) -> Result<RecordBatch, NodeError> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(batch.slice(0, 0)) };
    if (last - first) as usize + 1 == rows.len() {
        return Ok(batch.slice(*first as usize, rows.len()));
    }
    Ok(take_record_batch(batch, &UInt32Array::from(rows.to_vec()))?)
}
