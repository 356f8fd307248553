//! `analyze.count_window`: aggregates over a number of rows of each key, in the order in which they came.
//!
//! Rows go into panes, whose number of rows is the greatest that divides both the size and the slide; complete panes are
//! the leaves of a tree by key, from which windows are put together (see `window::tree`). Holds for each key the number
//! of rows seen, the pane being filled, and the panes that windows to come still need. A key is never forgotten: its
//! count must go on. Rows in = rows in windows + rows rejected + declared drops (rows between windows, and rows of
//! incomplete windows that are not emitted).

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use millrace_model::ColumnRef;
use millrace_model::card::PortCard;
use millrace_operator::aggregate::{AggregatePlan, NamedAggregate, Partials};
use millrace_operator::rejected::{self, OnError};
use millrace_operator::{
    BuildContext, CardText, Columns, InferContext, Machine, Node, NodeError, Operator, Output, Partitioning, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::window::keyed::Keyed;
use super::window::state::{Saved, damaged, frame, unframe, with_columns};
use super::window::tree::{Tree, grow};
use super::window::{self, BATCH_ROWS, ROWS, Touched, keyed, row_index, rows_of};
use crate::rejecting::{Rejecting, first_error};

#[cfg(test)]
mod tests;

const REJECTED: usize = 1;
const FIRST_ROW: &str = "first_row";
const LAST_ROW: &str = "last_row";

/// Computes aggregates over every so many rows of a key, such as the mean of each hundred readings of a sensor.
///
/// Rows are counted by key in the order in which they come; time plays no part, and rows without a time are counted too.
/// With a `slide`, windows overlap: a new one starts every `slide` rows.
///
/// With size `2`, key `device` and the aggregates `n` = `count(*)` and `mean` = `avg(temperature)`:
///
/// | device | temperature |
/// | --- | --- |
/// | a | 20 |
/// | b | 30 |
/// | a | 22 |
/// | a | 24 |
///
/// gives
///
/// | first_row | last_row | device | n | mean |
/// | --- | --- | --- | --- | --- |
/// | 1 | 2 | a | 2 | 21 |
/// | 1 | 1 | b | 1 | 30 |
/// | 3 | 3 | a | 1 | 24 |
///
/// `first_row` and `last_row` count the rows of the key. A window is emitted with its last row; at the end of the input,
/// those that are not full are emitted as they are, unless `emit_incomplete` is off. A null key is a group of its own.
///
/// Aggregates are SQL, as in a Tumbling window. A row for which an aggregate's argument cannot be computed leaves by the
/// `rejected` port with the reason and is not counted; so does a result that cannot be computed. Rows between two windows
/// (where `slide` is larger than `size`), and rows of windows that stay incomplete and are not emitted, are left out and
/// counted. The results have no event time.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// How many rows a window has.
    #[schemars(range(min = 1))]
    pub size: u32,
    /// How many rows later the next window starts. 0: when the one before is full.
    #[serde(default)]
    pub slide: u32,
    /// Rows are counted for each combination of values of these columns. None: all rows together.
    #[serde(default)]
    pub keys: Vec<ColumnRef>,
    /// What is computed for each window.
    #[serde(default)]
    pub aggregates: Vec<NamedAggregate>,
    /// Whether windows that are not full at the end of the input are emitted.
    #[serde(default = "yes")]
    #[schemars(extend("keeps_state" = true))]
    pub emit_incomplete: bool,
    /// What becomes of a row, or of a result, that cannot be computed. With `null` it counts as null.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub on_error: OnError,
}

fn yes() -> bool {
    true
}

pub struct CountWindow;

impl Node for CountWindow {
    type Params = Params;
    const KIND: &'static str = "analyze.count_window";

    fn card() -> CardText {
        CardText::new("Count window", "Aggregates over every so many rows", "list-numbers")
            .input(PortCard::rows("Rows to count and aggregate."))
            .output(PortCard::rows("One row for each window, when it is full."))
            .output(PortCard::rejected())
            .headline("size")
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![plan(params, cx).map(|plan| plan.schema), Some(rejected::schema())]
    }

    fn partitioning(params: &Params) -> Partitioning {
        keyed(&params.keys)
    }

    fn reads(params: &Params, wanted: &Wanted<'_>) -> Vec<Columns> {
        window::reads(&params.keys, &params.aggregates, None, wanted)
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let inputs = [Some(cx.input().clone())];
        let mut found = InferContext::new(&inputs, None);
        let plan = plan(&params, &mut found);
        let Some(plan) = plan.filter(|_| !found.has_errors()) else {
            return Err(first_error(found.into_problems()));
        };
        Ok(Machine::Operator(Box::new(CountOperator {
            keys: Keyed::new(plan.aggregates.new_keys()?),
            plan,
            rejecting: Rejecting::new(REJECTED, params.on_error),
            partials: Partials::default(),
            touched: Touched::default(),
        })))
    }
}

struct Plan {
    schema: SchemaRef,
    aggregates: AggregatePlan,
    size: i64,
    slide: i64,
    /// Rows of a pane.
    pane: i64,
    emits_incomplete: bool,
}

/// What the params mean for the input; faults are reported in `cx`.
fn plan(params: &Params, cx: &mut InferContext<'_>) -> Option<Plan> {
    if params.size == 0 {
        cx.error("size", "no_size", "A window must have at least one row.");
    }
    let aggregates = window::compile(&params.keys, &params.aggregates, &[FIRST_ROW, LAST_ROW], cx)?;
    let number = |name: &str| Arc::new(Field::new(name, DataType::Int64, false));
    let mut fields = vec![number(FIRST_ROW), number(LAST_ROW)];
    fields.extend(aggregates.output_schema().fields().iter().cloned());
    let size = i64::from(params.size.max(1));
    let slide = if params.slide == 0 { size } else { i64::from(params.slide) };
    let (mut pane, mut rest) = (size, slide);
    while rest != 0 {
        (pane, rest) = (rest, pane % rest);
    }
    // Windows that do not overlap are one pane each.
    let pane = if slide >= size { size } else { pane };
    let emits_incomplete = params.emit_incomplete;
    Some(Plan { schema: Arc::new(Schema::new(fields)), aggregates, size, slide, pane, emits_incomplete })
}

impl Plan {
    /// How many windows are full after so many rows of a key.
    fn num_full(&self, num_rows: i64) -> i64 {
        if num_rows < self.size { 0 } else { (num_rows - self.size) / self.slide + 1 }
    }

    /// The panes of a window, of which the key has so many rows.
    fn panes(&self, window: i64, num_rows: i64) -> std::ops::Range<i64> {
        if self.slide >= self.size {
            return window..window + i64::from(num_rows >= window * self.slide + self.size);
        }
        let first = window * self.slide;
        first / self.pane..num_rows.min(first + self.size) / self.pane
    }
}

#[derive(Default)]
struct KeyState {
    num_rows: i64,
    /// The pane being filled.
    filling: Option<u32>,
    /// The panes that are full.
    panes: Tree,
}

/// A window that is to be emitted.
struct Due {
    key: usize,
    /// Rows of the key, counted from 0.
    rows: std::ops::Range<i64>,
    panes: std::ops::Range<i64>,
    filling: Option<u32>,
}

struct CountOperator {
    plan: Plan,
    rejecting: Rejecting,
    keys: Keyed<KeyState>,
    partials: Partials,
    touched: Touched,
}

impl CountOperator {
    fn emit(&mut self, due: &[Due], out: &mut Output) -> Result<(), NodeError> {
        for due in due.chunks(BATCH_ROWS) {
            let (mut handles, mut slots) = (Vec::new(), Vec::new());
            for (slot, due) in due.iter().enumerate() {
                self.keys.states[due.key].panes.run(due.panes.clone(), &mut handles)?;
                handles.extend(due.filling);
                slots.resize(handles.len(), slot);
            }
            let keys: Vec<usize> = due.iter().map(|due| due.key).collect();
            let keys = self.keys.take(&keys)?.columns().to_vec();
            let finished = self.partials.finish(&self.plan.aggregates, &handles, &slots, keys, due.len())?;
            let numbers = |numbers: Vec<i64>| Arc::new(Int64Array::from(numbers)) as ArrayRef;
            let leading = vec![
                numbers(due.iter().map(|due| due.rows.start + 1).collect()),
                numbers(due.iter().map(|due| due.rows.end).collect()),
            ];
            let rows = window::results(&self.plan.schema, leading, finished, &mut self.rejecting, out)?;
            out.emit(ROWS, rows);
        }
        Ok(())
    }
}

impl Operator for CountOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let (prepared, failures) = self.plan.aggregates.prepare(&batch)?;
        let keeps = self.rejecting.sort_out(&batch, &failures, out)?;
        let num_keys = self.plan.aggregates.num_keys();
        let numbers = self.keys.numbers(&prepared.columns()[..num_keys], prepared.num_rows())?;
        let Plan { size, slide, pane, .. } = self.plan;
        let (mut rows, mut slots, mut due, mut grown) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut num_between = 0;
        for (row, key) in numbers.iter().enumerate() {
            if keeps.as_ref().is_some_and(|keeps| !keeps.value(row)) {
                continue;
            }
            let state = &mut self.keys.states[*key];
            let place = state.num_rows;
            state.num_rows += 1;
            if slide > size && place % slide >= size {
                num_between += 1;
                continue;
            }
            let handle = *state.filling.get_or_insert_with(|| self.partials.reserve());
            rows.push(row_index(row));
            slots.push(self.touched.slot_of(handle));
            let is_full = if slide >= size { place % slide == size - 1 } else { (place + 1) % pane == 0 };
            if !is_full {
                continue;
            }
            state.panes.push(handle);
            state.filling = None;
            grown.push(*key);
            let num_full = self.plan.num_full(place + 1);
            if num_full > self.plan.num_full(place) {
                let first = (num_full - 1) * slide;
                let panes = self.plan.panes(num_full - 1, place + 1);
                due.push(Due { key: *key, rows: first..first + size, panes, filling: None });
            }
        }
        self.keys.give_back(numbers);
        let handles = self.touched.take();
        self.partials.fold(&self.plan.aggregates, &handles, &rows_of(&prepared, &rows)?, &slots)?;
        grown.sort_unstable();
        grown.dedup();
        grow(
            &self.plan.aggregates,
            &mut self.partials,
            &mut self.keys.states,
            |state| &mut state.panes,
            &grown,
            size / pane,
        )?;
        self.emit(&due, out)?;
        for key in grown {
            let state = &mut self.keys.states[key];
            let next = self.plan.num_full(state.num_rows);
            let first = if slide >= size { next } else { next * slide / pane };
            state.panes.forget_before(first, &mut self.partials);
        }
        out.drop_rows(num_between);
        self.partials.tidy()
    }

    fn on_end(&mut self, out: &mut Output) -> Result<(), NodeError> {
        let mut due = Vec::new();
        for (key, state) in self.keys.states.iter_mut().enumerate() {
            let Plan { size, slide, .. } = self.plan;
            let num_rows = state.num_rows;
            let num_full = self.plan.num_full(num_rows);
            let filling = state.filling.take();
            if !self.plan.emits_incomplete {
                let covered = if num_full == 0 { 0 } else { (num_full - 1) * slide + size };
                // Rows between two windows were counted when they came.
                let covered = if slide >= size { num_full * slide } else { covered };
                out.drop_rows(usize::try_from(num_rows - covered).unwrap_or_default());
                continue;
            }
            for window in num_full.. {
                let first = window * slide;
                if first >= num_rows {
                    break;
                }
                due.push(Due { key, rows: first..num_rows, panes: self.plan.panes(window, num_rows), filling });
            }
        }
        self.emit(&due, out)
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        let (mut counts, mut panes) = (Saved::default(), Saved::default());
        counts.set("rows_seen", Some(self.rejecting.rows_seen()));
        let states = &self.keys.states;
        let keys = self.keys.take(&(0..states.len()).collect::<Vec<_>>())?;
        let numbers = |numbers: Vec<i64>| Arc::new(Int64Array::from(numbers)) as ArrayRef;
        let field = |name: &str| Field::new(name, DataType::Int64, false);
        let none = RecordBatch::new_empty(Arc::new(Schema::empty()));
        if !states.is_empty() {
            let num_rows = numbers(states.iter().map(|state| state.num_rows).collect());
            counts.batches.push((0, with_columns(&keys, [(field("num_rows"), num_rows)], &none)?));
        }
        let (mut owners, mut places, mut handles) = (Vec::new(), Vec::new(), Vec::new());
        for (key, state) in states.iter().enumerate() {
            handles.extend(state.panes.leaf_handles());
            places.extend(state.panes.leaves());
            if let Some(handle) = state.filling {
                handles.push(handle);
                places.push(FILLING);
            }
            owners.resize(handles.len(), key as i64);
        }
        if let Some(state) = self.partials.gather(&handles)? {
            let columns = [(field("key"), numbers(owners)), (field("pane"), numbers(places))];
            panes.batches.push((0, with_columns(&none, columns, &state)?));
        }
        Ok(frame(&[counts.to_bytes()?, panes.to_bytes()?]))
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let [counts, panes] = unframe(state)?;
        let (counts, panes) = (Saved::from_bytes(counts)?, Saved::from_bytes(panes)?);
        self.rejecting.set_rows_seen(counts.get("rows_seen").unwrap_or_default());
        self.keys = Keyed::new(self.plan.aggregates.new_keys()?);
        self.partials = Partials::default();
        let column = |batch: &RecordBatch, index: usize| -> Result<Int64Array, NodeError> {
            let column = batch.columns().get(index).and_then(|column| column.as_primitive_opt::<Int64Type>());
            column.cloned().ok_or_else(damaged)
        };
        let num_keys = self.plan.aggregates.num_keys();
        for (_, batch) in &counts.batches {
            let num_rows = column(batch, num_keys)?;
            let numbers = self.keys.numbers(&batch.columns()[..num_keys], batch.num_rows())?;
            for (row, key) in numbers.iter().enumerate() {
                self.keys.states[*key].num_rows = num_rows.value(row);
            }
        }
        for (_, batch) in &panes.batches {
            let (owners, places) = (column(batch, 0)?, column(batch, 1)?);
            let handles = self.partials.add(batch.project(&(2..batch.num_columns()).collect::<Vec<_>>())?);
            for (row, handle) in handles.into_iter().enumerate() {
                let state = usize::try_from(owners.value(row)).ok().and_then(|key| self.keys.states.get_mut(key));
                let state = state.ok_or_else(damaged)?;
                match places.value(row) {
                    FILLING => state.filling = Some(handle),
                    place => {
                        if state.panes.leaves().is_empty() {
                            state.panes.start_at(place);
                        }
                        state.panes.push(handle);
                    }
                }
            }
        }
        // A key of which no pane is held goes on counting panes where it was.
        for state in &mut self.keys.states {
            if state.panes.leaves().is_empty() {
                let next = self.plan.num_full(state.num_rows);
                let first = if self.plan.slide >= self.plan.size { next } else { state.num_rows / self.plan.pane };
                state.panes.start_at(first);
            }
        }
        let all: Vec<usize> = (0..self.keys.states.len()).collect();
        let longest = self.plan.size / self.plan.pane;
        grow(&self.plan.aggregates, &mut self.partials, &mut self.keys.states, |state| &mut state.panes, &all, longest)
    }

    fn state_bytes(&self) -> usize {
        let trees: usize = self.keys.states.iter().map(|state| state.panes.state_bytes()).sum();
        self.keys.state_bytes() + trees + self.partials.state_bytes() + self.touched.state_bytes()
    }
}

/// The place of the pane being filled, in a snapshot.
const FILLING: i64 = -1;
