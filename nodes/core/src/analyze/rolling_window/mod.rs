//! `analyze.rolling_window`: adds to each row aggregates over the rows of its key that came before it.
//!
//! Rows are held until the watermark has passed them, and leave in the order of event time: so what a row sees does not
//! depend on when the others arrived. A row older than what has been released is late. Rows in = rows out + rows late
//! (those without a time among them) + rows rejected.
//!
//! Each released row is a leaf in the tree of its key (see `window::tree`), and the rows that a window holds are a run of
//! leaves. So a row costs a logarithm of the length of its window, and nothing is ever taken off a sum: an infinity that
//! has left the window has left the result too. Leaves that no later window can hold are forgotten.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet, VecDeque};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef};
use millrace_model::RowTrait;
use millrace_model::card::PortCard;
use millrace_model::event_time::event_time_column;
use millrace_model::{ColumnRef, Interval};
use millrace_operator::aggregate::{AggregatePlan, NamedAggregate, Partials};
use millrace_operator::rejected::{self, OnError};
use millrace_operator::time::event_times;
use millrace_operator::{
    BuildContext, CardText, InferContext, Machine, Node, NodeError, Operator, Output, Partitioning,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::window::keyed::Keyed;
use super::window::state::{Saved, damaged, frame, unframe, with_columns};
use super::window::tree::{Tree, grow};
use super::window::{self, BATCH_ROWS, LATE, REJECTED, ROWS, TimeColumn, keyed, row_index, rows_of};
use crate::rejecting::{Rejecting, first_error};

#[cfg(test)]
mod tests;

/// Adds to each row aggregates over the rows just before it, such as the mean of the last minute.
///
/// The rows that count are those of the same key, this row included: either those of the preceding `interval` of event
/// time (a row exactly `interval` older counts, as `RANGE` in SQL; so do others of the same time), or the preceding
/// `rows` rows.
///
/// With interval `10 min`, key `device` and the aggregate `mean` = `avg(temperature)`:
///
/// | ts | device | temperature | *mean* |
/// | --- | --- | --- | --- |
/// | 10:00 | a | 20 | 20 |
/// | 10:05 | a | 22 | 21 |
/// | 10:06 | b | 30 | 30 |
/// | 10:12 | a | 24 | 23 |
///
/// Every row leaves once, with all its columns and the results. Rows leave in the order of event time, when event time has
/// passed them and `allowed_lateness` is over, so that the results do not depend on the order in which rows arrive. A row
/// that comes after that, or has no time, leaves by the `late` port. Among rows of the same key and time, those that came
/// first go first. A null key is a group of its own.
///
/// Aggregates are SQL, as in a Tumbling window. A row for which an aggregate's argument cannot be computed leaves by the
/// `rejected` port with the reason and counts nowhere; a row for which a result cannot be computed, such as a sum that
/// does not fit, leaves there with the reason too.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// How much time before a row counts, such as `1 min`. Either this or `rows`.
    #[serde(default)]
    pub interval: Interval,
    /// How many rows count, the row itself included. Either this or `interval`.
    #[serde(default)]
    pub rows: u32,
    /// Only rows with the same values in these columns count. None: all rows.
    #[serde(default)]
    pub keys: Vec<ColumnRef>,
    /// What is computed for each row.
    #[serde(default)]
    pub aggregates: Vec<NamedAggregate>,
    /// The time that rows are ordered by. Empty: the event time of the rows.
    #[serde(default)]
    pub time: ColumnRef,
    /// How long rows are held for late ones after event time has passed them.
    #[serde(default)]
    pub allowed_lateness: Interval,
    /// What becomes of a row that cannot be computed. With `null` what cannot be computed becomes null.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub on_error: OnError,
}

pub struct RollingWindow;

impl Node for RollingWindow {
    type Params = Params;
    const KIND: &'static str = "analyze.rolling_window";

    fn card() -> CardText {
        CardText::new("Rolling window", "Adds aggregates over the rows just before each row", "chart-line-up")
            .can_bypass()
            .input(PortCard::rows("Rows with an event time.").needing_unless(RowTrait::EventTime, "time"))
            .output(PortCard::rows("Every row with its results, in the order of event time."))
            .output(PortCard::late())
            .output(PortCard::rejected())
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![plan(params, cx).map(|plan| plan.schema), cx.input(), Some(rejected::schema())]
    }

    fn partitioning(params: &Params) -> Partitioning {
        keyed(&params.keys)
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let inputs = [Some(cx.input().clone())];
        let mut found = InferContext::new(&inputs, None);
        let plan = plan(&params, &mut found);
        let Some(plan) = plan.filter(|_| !found.has_errors()) else {
            return Err(first_error(found.into_problems()));
        };
        Ok(Machine::Operator(Box::new(RollingOperator {
            keys: Keyed::new(plan.aggregates.new_keys()?),
            plan,
            rejecting: Rejecting::new(REJECTED, params.on_error),
            order: BinaryHeap::new(),
            num_held: 0,
            held: Partials::default(),
            leaves: Partials::default(),
            released_us: None,
            swept_us: None,
        })))
    }
}

/// Which rows before a row count.
#[derive(Debug, Clone, Copy)]
enum Reach {
    Time(i64),
    Rows(i64),
}

struct Plan {
    schema: SchemaRef,
    /// Columns of the input; those of prepared rows follow in what is held.
    num_columns: usize,
    time: TimeColumn,
    reach: Reach,
    lateness_us: i64,
    aggregates: AggregatePlan,
}

/// What the params mean for the input; faults are reported in `cx`.
fn plan(params: &Params, cx: &mut InferContext<'_>) -> Option<Plan> {
    let reach = match (params.interval.is_zero(), params.rows) {
        (false, 0) => Some(Reach::Time(params.interval.as_micros())),
        (true, rows) if rows > 0 => Some(Reach::Rows(i64::from(rows))),
        (true, _) => {
            cx.error("interval", "no_reach", "Say which rows count: an interval such as `1 min`, or a number of rows.");
            None
        }
        (false, _) => {
            cx.error("rows", "two_reaches", "Either an interval or a number of rows: empty one of the two.");
            None
        }
    };
    let input = cx.input();
    for (index, aggregate) in params.aggregates.iter().enumerate() {
        let name = aggregate.name.trim();
        if input.as_ref().is_some_and(|input| input.column_with_name(name).is_some())
            && !params.keys.iter().any(|key| key.as_str() == name)
        {
            let message = format!("The rows have a column `{name}` already; choose another name.");
            cx.error(format!("aggregates[{index}].name"), "duplicate_column", message);
        }
    }
    let aggregates = window::compile(&params.keys, &params.aggregates, &[], cx);
    let input = input?;
    let time = TimeColumn::find(&params.time, cx, &input)?;
    let aggregates = aggregates?;
    let results = aggregates.output_schema().fields().iter().skip(params.keys.len());
    let fields: Vec<FieldRef> = input.fields().iter().chain(results).cloned().collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, input.metadata().clone()));
    debug_assert_eq!(event_time_column(&schema), event_time_column(&input));
    let lateness_us = params.allowed_lateness.as_micros();
    Some(Plan { schema, num_columns: input.fields().len(), time, reach: reach?, lateness_us, aggregates })
}

/// The released rows of a key that windows to come may still need.
#[derive(Default)]
struct KeyState {
    tree: Tree,
    /// The time of each leaf; only where windows go by time.
    times: VecDeque<i64>,
}

struct RollingOperator {
    plan: Plan,
    rejecting: Rejecting,
    /// Rows that are held: time, number of arrival, handle in `held`.
    order: BinaryHeap<Reverse<(i64, u64, u32)>>,
    /// How many rows were ever held.
    num_held: u64,
    /// The input's columns and the prepared ones of each row.
    held: Partials,
    keys: Keyed<KeyState>,
    /// The states of the trees.
    leaves: Partials,
    /// All rows before this time have left.
    released_us: Option<i64>,
    /// The release at which keys that fell silent were last looked for.
    swept_us: Option<i64>,
}

impl RollingOperator {
    fn is_late(&self, time_us: i64) -> bool {
        self.released_us.is_some_and(|released_us| time_us < released_us || released_us == i64::MAX)
    }

    /// The columns of what is held: those of the input, then those of prepared rows.
    fn hold(&mut self, batch: &RecordBatch, prepared: &RecordBatch) -> Result<Vec<u32>, NodeError> {
        let columns: Vec<ArrayRef> = batch.columns().iter().chain(prepared.columns()).cloned().collect();
        let fields: Vec<Field> = columns
            .iter()
            .enumerate()
            .map(|(number, column)| Field::new(format!("c{number}"), column.data_type().clone(), true))
            .collect();
        Ok(self.held.add(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?))
    }

    /// Rows before `until_us` leave.
    fn release(&mut self, until_us: i64, out: &mut Output) -> Result<(), NodeError> {
        self.released_us = Some(until_us);
        let is_due = |time_us: i64| time_us < until_us || until_us == i64::MAX;
        let mut due: Vec<(i64, u32)> = Vec::new();
        while let Some(Reverse((time_us, _, handle))) = self.order.peek().copied() {
            let is_same = due.last().is_some_and(|(last_us, _)| *last_us == time_us);
            // Rows of one time see each other, so they leave together.
            if !is_due(time_us) || (due.len() >= BATCH_ROWS && !is_same) {
                self.release_rows(&due, out)?;
                due.clear();
                if !is_due(time_us) {
                    break;
                }
            }
            self.order.pop();
            due.push((time_us, handle));
        }
        self.release_rows(&due, out)?;
        self.held.tidy()?;
        self.sweep(until_us)
    }

    /// Rows in the order of time leave; those of the last time are complete.
    fn release_rows(&mut self, due: &[(i64, u32)], out: &mut Output) -> Result<(), NodeError> {
        let handles: Vec<u32> = due.iter().map(|(_, handle)| *handle).collect();
        let Some(rows) = self.held.gather(&handles)? else { return Ok(()) };
        for handle in handles {
            self.held.forget(handle);
        }
        let num_columns = self.plan.num_columns;
        let prepared_columns = rows.columns()[num_columns..].to_vec();
        let prepared = RecordBatch::try_new(self.plan.aggregates.prepared_schema().clone(), prepared_columns)?;
        let num_keys = self.plan.aggregates.num_keys();
        let keys = &prepared.columns()[..num_keys];
        let numbers = self.keys.numbers(keys, due.len())?;

        let mut states = self.plan.aggregates.new_slots()?;
        states.update(&prepared, &(0..due.len()).collect::<Vec<_>>(), due.len())?;
        let leaves = self.leaves.add(states.into_state(due.len())?);
        let mut places = Vec::with_capacity(due.len());
        for ((key, leaf), (time_us, _)) in numbers.iter().zip(leaves).zip(due) {
            let state = &mut self.keys.states[*key];
            places.push(state.tree.push(leaf));
            if matches!(self.plan.reach, Reach::Time(_)) {
                state.times.push_back(*time_us);
            }
        }
        let mut touched = numbers.clone();
        touched.sort_unstable();
        touched.dedup();
        self.grow(&touched)?;

        let (mut handles, mut slots) = (Vec::new(), Vec::new());
        for (slot, ((key, place), (time_us, _))) in numbers.iter().zip(&places).zip(due).enumerate() {
            let KeyState { tree, times } = &self.keys.states[*key];
            let run = match self.plan.reach {
                Reach::Rows(num_rows) => (place + 1 - num_rows).max(tree.leaves().start)..place + 1,
                Reach::Time(reach_us) => {
                    let from_us = time_us.saturating_sub(reach_us);
                    let leaf = |place: usize| tree.leaves().start + place as i64;
                    leaf(times.partition_point(|time| *time < from_us))
                        ..leaf(times.partition_point(|time| time <= time_us))
                }
            };
            tree.run(run, &mut handles)?;
            slots.resize(handles.len(), slot);
        }
        let finished = self.leaves.finish(&self.plan.aggregates, &handles, &slots, keys.to_vec(), due.len())?;
        let mut columns = rows.columns()[..num_columns].to_vec();
        columns.extend(finished.rows.columns()[num_keys..].iter().cloned());
        let mut results = RecordBatch::try_new(self.plan.schema.clone(), columns)?;
        if let Some(keeps) = self.rejecting.sort_out_results(&results, &finished.failures, out)? {
            results = filter_record_batch(&results, &keeps)?;
        }
        out.emit(ROWS, results);

        let last_us = due.last().map_or(i64::MIN, |(time_us, _)| *time_us);
        for key in touched {
            self.forget(key, last_us);
        }
        self.keys.give_back(numbers);
        self.leaves.tidy()
    }

    fn grow(&mut self, keys: &[usize]) -> Result<(), NodeError> {
        let longest = match self.plan.reach {
            Reach::Rows(num_rows) => num_rows,
            Reach::Time(_) => i64::MAX,
        };
        grow(&self.plan.aggregates, &mut self.leaves, &mut self.keys.states, |state| &mut state.tree, keys, longest)
    }

    /// Forgets the leaves of a key that no row from `time_us` on can reach.
    fn forget(&mut self, key: usize, time_us: i64) {
        let KeyState { tree, times } = &mut self.keys.states[key];
        let leaves = tree.leaves();
        let first = match self.plan.reach {
            Reach::Rows(num_rows) => (leaves.end + 1 - num_rows).max(leaves.start),
            Reach::Time(reach_us) => {
                let num_old = times.partition_point(|time| *time < time_us.saturating_sub(reach_us));
                times.drain(..num_old);
                leaves.start + num_old as i64
            }
        };
        tree.forget_before(first, &mut self.leaves);
    }

    /// Now and then, forgets what keys hold that have fallen silent.
    fn sweep(&mut self, until_us: i64) -> Result<(), NodeError> {
        let Reach::Time(reach_us) = self.plan.reach else { return Ok(()) };
        if self.swept_us.is_some_and(|swept_us| until_us < swept_us.saturating_add(reach_us)) {
            return Ok(());
        }
        self.swept_us = Some(until_us);
        for key in 0..self.keys.states.len() {
            self.forget(key, until_us);
        }
        let is_alive = |state: &KeyState| !state.times.is_empty();
        let num_alive = self.keys.states.iter().filter(|state| is_alive(state)).count();
        self.keys.tidy(num_alive, is_alive)?;
        self.leaves.tidy()
    }
}

impl Operator for RollingOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let times = event_times(batch.column(self.plan.time.index).as_ref())?;
        let (prepared, mut failures) = self.plan.aggregates.prepare(&batch)?;
        let is_late = |row: usize| times.is_null(row) || self.is_late(times.value(row));
        let late: Vec<u32> = (0..batch.num_rows()).filter(|row| is_late(*row)).map(row_index).collect();
        failures.retain(|failure| late.binary_search(&row_index(failure.row)).is_err());
        let rejects = self.rejecting.sort_out(&batch, &failures, out)?;
        let leaves: HashSet<u32> = match rejects {
            Some(_) => failures.iter().map(|failure| row_index(failure.row)).chain(late.iter().copied()).collect(),
            None => late.iter().copied().collect(),
        };
        let rows: Vec<u32> = (0..batch.num_rows()).map(row_index).filter(|row| !leaves.contains(row)).collect();
        let handles = self.hold(&rows_of(&batch, &rows)?, &rows_of(&prepared, &rows)?)?;
        for (row, handle) in rows.iter().zip(handles) {
            self.order.push(Reverse((times.value(*row as usize), self.num_held, handle)));
            self.num_held += 1;
        }
        self.held.tidy()?;
        out.emit(LATE, rows_of(&batch, &late)?);
        Ok(())
    }

    fn on_watermark(&mut self, watermark_us: i64, out: &mut Output) -> Result<(), NodeError> {
        let until_us = match watermark_us {
            i64::MAX => i64::MAX,
            watermark_us => watermark_us.saturating_sub(self.plan.lateness_us),
        };
        if Some(until_us) > self.released_us {
            self.release(until_us, out)?;
            out.watermark(until_us);
        }
        Ok(())
    }

    fn on_end(&mut self, out: &mut Output) -> Result<(), NodeError> {
        self.release(i64::MAX, out)
    }

    fn makes_watermarks(&self) -> bool {
        true
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        let numbers = |numbers: Vec<i64>| Arc::new(Int64Array::from(numbers)) as ArrayRef;
        let field = |name: &str| Field::new(name, DataType::Int64, false);
        let none = RecordBatch::new_empty(Arc::new(Schema::empty()));
        let (mut held, mut leaves) = (Saved::default(), Saved::default());
        held.set("released_us", self.released_us);
        held.set("swept_us", self.swept_us);
        held.set("rows_seen", Some(self.rejecting.rows_seen()));
        let mut order: Vec<(i64, u64, u32)> = self.order.iter().map(|Reverse(row)| *row).collect();
        order.sort_unstable();
        if let Some(rows) = self.held.gather(&order.iter().map(|(_, _, handle)| *handle).collect::<Vec<_>>())? {
            let times = numbers(order.iter().map(|(time_us, _, _)| *time_us).collect());
            held.batches.push((0, with_columns(&none, [(field("time"), times)], &rows)?));
        }
        let (mut keys, mut places, mut times, mut handles) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (key, state) in self.keys.states.iter().enumerate() {
            handles.extend(state.tree.leaf_handles());
            places.extend(state.tree.leaves());
            times.extend(&state.times);
            keys.resize(handles.len(), key);
            times.resize(handles.len(), 0);
        }
        if let Some(state) = self.leaves.gather(&handles)? {
            let columns = [(field("place"), numbers(places)), (field("time"), numbers(times))];
            leaves.batches.push((0, with_columns(&self.keys.take(&keys)?, columns, &state)?));
        }
        Ok(frame(&[held.to_bytes()?, leaves.to_bytes()?]))
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let [held, leaves] = unframe(state)?;
        let (held, leaves) = (Saved::from_bytes(held)?, Saved::from_bytes(leaves)?);
        self.released_us = held.get("released_us");
        self.swept_us = held.get("swept_us");
        self.rejecting.set_rows_seen(held.get("rows_seen").unwrap_or_default());
        (self.held, self.leaves) = (Partials::default(), Partials::default());
        self.keys = Keyed::new(self.plan.aggregates.new_keys()?);
        self.order.clear();
        self.num_held = 0;
        let column = |batch: &RecordBatch, index: usize| -> Result<Int64Array, NodeError> {
            let column = batch.columns().get(index).and_then(|column| column.as_primitive_opt::<Int64Type>());
            column.cloned().ok_or_else(damaged)
        };
        for (_, batch) in &held.batches {
            let times = column(batch, 0)?;
            let handles = self.held.add(batch.project(&(1..batch.num_columns()).collect::<Vec<_>>())?);
            for (time_us, handle) in times.values().iter().zip(handles) {
                self.order.push(Reverse((*time_us, self.num_held, handle)));
                self.num_held += 1;
            }
        }
        let num_keys = self.plan.aggregates.num_keys();
        for (_, batch) in &leaves.batches {
            let (places, times) = (column(batch, num_keys)?, column(batch, num_keys + 1)?);
            let numbers = self.keys.numbers(&batch.columns()[..num_keys], batch.num_rows())?;
            let states: Vec<usize> = (num_keys + 2..batch.num_columns()).collect();
            for (row, leaf) in self.leaves.add(batch.project(&states)?).into_iter().enumerate() {
                let state = &mut self.keys.states[numbers[row]];
                if state.tree.leaves().is_empty() {
                    state.tree.start_at(places.value(row));
                }
                state.tree.push(leaf);
                if matches!(self.plan.reach, Reach::Time(_)) {
                    state.times.push_back(times.value(row));
                }
            }
        }
        self.grow(&(0..self.keys.states.len()).collect::<Vec<_>>())
    }

    fn state_bytes(&self) -> usize {
        let of_key = |state: &KeyState| state.tree.state_bytes() + state.times.capacity() * size_of::<i64>();
        self.held.state_bytes()
            + self.order.capacity() * size_of::<(i64, u64, u32)>()
            + self.keys.state_bytes()
            + self.keys.states.iter().map(of_key).sum::<usize>()
            + self.leaves.state_bytes()
    }
}
