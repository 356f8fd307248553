//! `analyze.session_window`: aggregates over rows of one key that follow each other closely in event time.
//!
//! Holds the open sessions of each key: their first and last time, and what was accumulated. A session closes when the
//! watermark reaches its last row plus `gap`, plus `allowed_lateness`; it is then emitted once. A row belongs to every
//! open session that is less than `gap` away from it, and joins them; the row is late when there is none and its own
//! session would have closed already. Rows in = rows aggregated + late (those without a time among them) + rejected.
//!
//! What was accumulated is held in strands: a session that is joined keeps its strand beside that of the session that
//! takes it in, and strands are merged when the session closes. So what is added to what follows from the order of the
//! rows alone, at every batch size.
//!
//! The event time of the results is `window_end`: no session that ends before the watermark less the lateness can still
//! come, while the start of a session may lie far back.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use millrace_model::RowTrait;
use millrace_model::card::PortCard;
use millrace_model::event_time::with_event_time;
use millrace_model::{ColumnRef, Interval};
use millrace_operator::aggregate::{AggregatePlan, NamedAggregate, Partials};
use millrace_operator::rejected::{self, OnError};
use millrace_operator::time::event_times;
use millrace_operator::{
    BuildContext, CardText, Columns, InferContext, Machine, Node, NodeError, Operator, Output, Partitioning, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::window::keyed::Keyed;
use super::window::state::{Saved, damaged, with_columns};
use super::window::timers::Timers;
use super::window::{
    self, BATCH_ROWS, LATE, REJECTED, ROWS, TimeColumn, Touched, WINDOW_END, WINDOW_START, keyed, row_index, rows_of,
};
use crate::rejecting::{Rejecting, first_error};

#[cfg(test)]
mod tests;

/// Computes aggregates over sessions: rows of one key that follow each other with less than `gap` between them.
///
/// A session begins with the first row after a silence and ends `gap` after its last row, such as a visit to a site, a
/// drive of a vehicle, or a burst of alarms. Sessions go by the **event time** of the rows; when a row comes that closes
/// the gap between two sessions, they become one.
///
/// With gap `10 min`, key `device` and the aggregate `n` = `count(*)`:
///
/// | ts | device |
/// | --- | --- |
/// | 10:00 | a |
/// | 10:07 | a |
/// | 10:16 | a |
/// | 10:30 | a |
/// | 10:05 | b |
///
/// gives
///
/// | window_start | window_end | device | n |
/// | --- | --- | --- | --- |
/// | 10:00 | 10:26 | a | 3 |
/// | 10:05 | 10:15 | b | 1 |
/// | 10:30 | 10:40 | a | 1 |
///
/// A session is emitted once, when event time has reached its end and `allowed_lateness` has passed; at the end of the
/// input everything open is emitted. A row leaves by the `late` port when it has no time, or when it is near to no open
/// session and its own would have closed already. A row exactly `gap` after another begins a new session. A null key is
/// a group of its own.
///
/// Aggregates are SQL, as in a Tumbling window. A row for which an aggregate's argument cannot be computed leaves by the
/// `rejected` port with the reason and belongs to no session; so does a result that cannot be computed.
///
/// The event time of the results is `window_end`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The silence that ends a session, such as `10 min`.
    pub gap: Interval,
    /// Sessions are formed for each combination of values of these columns. None: of all rows.
    #[serde(default)]
    pub keys: Vec<ColumnRef>,
    /// What is computed for each session.
    #[serde(default)]
    pub aggregates: Vec<NamedAggregate>,
    /// The time that sessions go by. Empty: the event time of the rows.
    #[serde(default)]
    pub time: ColumnRef,
    /// How long a session waits for late rows after event time has passed its end.
    #[serde(default)]
    pub allowed_lateness: Interval,
    /// What becomes of a row, or of a result, that cannot be computed. With `null` it counts as null.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub on_error: OnError,
}

pub struct SessionWindow;

impl Node for SessionWindow {
    type Params = Params;
    const KIND: &'static str = "analyze.session_window";

    fn card() -> CardText {
        CardText::new("Session window", "Aggregates over rows that follow each other closely", "pulse")
            .input(PortCard::rows("Rows with an event time.").needing_unless(RowTrait::EventTime, "time"))
            .output(PortCard::rows("One row for each session, when it closes."))
            .output(PortCard::late())
            .output(PortCard::rejected())
            .headline("gap")
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![plan(params, cx).map(|plan| plan.schema), cx.input(), Some(rejected::schema())]
    }

    fn partitioning(params: &Params) -> Partitioning {
        keyed(&params.keys)
    }

    fn reads(params: &Params, wanted: &Wanted<'_>) -> Vec<Columns> {
        window::reads(&params.keys, &params.aggregates, Some(&params.time), wanted)
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let inputs = [Some(cx.input().clone())];
        let mut found = InferContext::new(&inputs, None);
        let plan = plan(&params, &mut found);
        let Some(plan) = plan.filter(|_| !found.has_errors()) else {
            return Err(first_error(found.into_problems()));
        };
        Ok(Machine::Operator(Box::new(SessionOperator {
            keys: Keyed::new(plan.aggregates.new_keys()?),
            plan,
            rejecting: Rejecting::new(REJECTED, params.on_error),
            num_alive: 0,
            partials: Partials::default(),
            timers: Timers::default(),
            touched: Touched::default(),
            watermark_us: None,
        })))
    }
}

struct Plan {
    schema: SchemaRef,
    time: TimeColumn,
    gap_us: i64,
    lateness_us: i64,
    aggregates: AggregatePlan,
}

/// What the params mean for the input; faults are reported in `cx`.
fn plan(params: &Params, cx: &mut InferContext<'_>) -> Option<Plan> {
    if params.gap.is_zero() {
        cx.error("gap", "no_gap", "A session must end after some silence, such as `10 min`.");
    }
    let aggregates = window::compile(&params.keys, &params.aggregates, &[WINDOW_START, WINDOW_END], cx);
    let input = cx.input()?;
    let time = TimeColumn::find(&params.time, cx, &input)?;
    if !time.unit.check(&[("gap", params.gap)], cx) {
        return None;
    }
    let aggregates = aggregates?;
    let mut fields = vec![time.field(WINDOW_START), time.field(WINDOW_END)];
    fields.extend(aggregates.output_schema().fields().iter().cloned());
    let schema = with_event_time(&Schema::new(fields), Some(WINDOW_END));
    let lateness_us = params.allowed_lateness.as_micros();
    Some(Plan { schema, time, gap_us: params.gap.as_micros(), lateness_us, aggregates })
}

/// An open session.
struct Session {
    start_us: i64,
    last_us: i64,
    /// What takes its rows.
    strand: u32,
    /// The strands of sessions that it took in.
    joined: Vec<u32>,
}

struct SessionOperator {
    plan: Plan,
    rejecting: Rejecting,
    /// The open sessions of each key, oldest first.
    keys: Keyed<Vec<Session>>,
    /// Keys with a session.
    num_alive: usize,
    partials: Partials,
    timers: Timers,
    touched: Touched,
    watermark_us: Option<i64>,
}

impl SessionOperator {
    fn closes_us(&self, last_us: i64) -> i64 {
        last_us.saturating_add(self.plan.gap_us).saturating_add(self.plan.lateness_us)
    }

    /// The strand that takes a row of this key and time; `None` when it is late.
    fn strand_of(&mut self, key: usize, time_us: i64) -> Option<u32> {
        let gap_us = self.plan.gap_us;
        self.plan.time.unit.write(time_us.checked_add(gap_us)?)?;
        let sessions = &self.keys.states[key];
        let first = sessions.partition_point(|session| time_us.saturating_sub(session.last_us) >= gap_us);
        let num_near =
            sessions[first..].iter().take_while(|session| session.start_us.saturating_sub(time_us) < gap_us).count();
        if num_near == 0 {
            let closes_us = self.closes_us(time_us);
            if self.watermark_us.is_some_and(|watermark_us| watermark_us >= closes_us) {
                return None;
            }
            self.num_alive += usize::from(sessions.is_empty());
            let strand = self.partials.reserve();
            let session = Session { start_us: time_us, last_us: time_us, strand, joined: Vec::new() };
            self.keys.states[key].insert(first, session);
            self.timers.set(key, closes_us);
            return Some(strand);
        }
        let sessions = &mut self.keys.states[key];
        let others: Vec<Session> = sessions.drain(first + 1..first + num_near).collect();
        let session = &mut sessions[first];
        for other in others {
            session.last_us = session.last_us.max(other.last_us);
            session.joined.push(other.strand);
            session.joined.extend(other.joined);
        }
        session.start_us = session.start_us.min(time_us);
        session.last_us = session.last_us.max(time_us);
        Some(session.strand)
    }

    /// Emits the sessions that have closed.
    fn close(&mut self, out: &mut Output) -> Result<(), NodeError> {
        let Some(watermark_us) = self.watermark_us else { return Ok(()) };
        let mut closed: Vec<(usize, Session)> = Vec::new();
        while let Some(key) = self.timers.due(watermark_us) {
            let (gap_us, lateness_us) = (self.plan.gap_us, self.plan.lateness_us);
            let sessions = &mut self.keys.states[key];
            let num_closed = sessions.partition_point(|session| {
                session.last_us.saturating_add(gap_us).saturating_add(lateness_us) <= watermark_us
            });
            closed.extend(sessions.drain(..num_closed).map(|session| (key, session)));
            match sessions.first().map(|session| session.last_us) {
                Some(last_us) => {
                    let closes_us = self.closes_us(last_us);
                    self.timers.set(key, closes_us);
                }
                None if num_closed > 0 => self.num_alive -= 1,
                None => {}
            }
        }
        closed.sort_by_key(|(_, session)| session.last_us);
        for closed in closed.chunks(BATCH_ROWS) {
            self.emit(closed, out)?;
        }
        if self.keys.tidy(self.num_alive, |sessions| !sessions.is_empty())? {
            self.reset_timers();
        }
        self.partials.tidy()
    }

    fn emit(&mut self, closed: &[(usize, Session)], out: &mut Output) -> Result<(), NodeError> {
        let keys: Vec<usize> = closed.iter().map(|(key, _)| *key).collect();
        let (mut strands, mut slots) = (Vec::new(), Vec::new());
        for (slot, (_, session)) in closed.iter().enumerate() {
            strands.push(session.strand);
            strands.extend(&session.joined);
            slots.resize(strands.len(), slot);
        }
        let keys = self.keys.take(&keys)?.columns().to_vec();
        let finished = self.partials.finish(&self.plan.aggregates, &strands, &slots, keys, closed.len())?;
        for strand in strands {
            self.partials.forget(strand);
        }
        let leading = vec![
            self.plan.time.column(closed.iter().map(|(_, session)| session.start_us))?,
            self.plan
                .time
                .column(closed.iter().map(|(_, session)| session.last_us.saturating_add(self.plan.gap_us)))?,
        ];
        let rows = window::results(&self.plan.schema, leading, finished, &mut self.rejecting, out)?;
        out.emit(ROWS, rows);
        Ok(())
    }

    fn reset_timers(&mut self) {
        self.timers = Timers::default();
        for key in 0..self.keys.states.len() {
            if let Some(last_us) = self.keys.states[key].first().map(|session| session.last_us) {
                self.timers.set(key, self.closes_us(last_us));
            }
        }
    }
}

impl Operator for SessionOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let column = batch.column(self.plan.time.index);
        let times = event_times(column.as_ref())?;
        let (prepared, mut failures) = self.plan.aggregates.prepare(&batch)?;
        failures.retain(|failure| times.is_valid(failure.row));
        let keeps = self.rejecting.sort_out(&batch, &failures, out)?;
        let num_keys = self.plan.aggregates.num_keys();
        let numbers = self.keys.numbers(&prepared.columns()[..num_keys], prepared.num_rows())?;
        let (mut rows, mut slots, mut late) = (Vec::new(), Vec::new(), Vec::new());
        for (row, key) in numbers.iter().enumerate() {
            if keeps.as_ref().is_some_and(|keeps| !keeps.value(row)) {
                continue;
            }
            let strand = if times.is_null(row) { None } else { self.strand_of(*key, times.value(row)) };
            match strand {
                Some(strand) => {
                    rows.push(row_index(row));
                    slots.push(self.touched.slot_of(strand));
                }
                None => late.push(row_index(row)),
            }
        }
        self.keys.give_back(numbers);
        let handles = self.touched.take();
        self.partials.fold(&self.plan.aggregates, &handles, &rows_of(&prepared, &rows)?, &slots)?;
        out.emit(LATE, rows_of(&batch, &late)?);
        Ok(())
    }

    fn on_watermark(&mut self, watermark_us: i64, out: &mut Output) -> Result<(), NodeError> {
        if Some(watermark_us) <= self.watermark_us {
            return Ok(());
        }
        self.watermark_us = Some(watermark_us);
        self.close(out)?;
        // Whatever is emitted from now on ends later than this.
        out.watermark(match watermark_us {
            i64::MAX => i64::MAX,
            watermark_us => watermark_us.saturating_sub(self.plan.lateness_us),
        });
        Ok(())
    }

    fn on_end(&mut self, out: &mut Output) -> Result<(), NodeError> {
        self.watermark_us = Some(i64::MAX);
        self.close(out)
    }

    fn makes_watermarks(&self) -> bool {
        true
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        let mut saved = Saved::default();
        saved.set("watermark_us", self.watermark_us);
        saved.set("rows_seen", Some(self.rejecting.rows_seen()));
        let (mut keys, mut numbers, mut strands) = (Vec::new(), [const { Vec::new() }; 3], Vec::new());
        let sessions = self.keys.states.iter().enumerate();
        for (id, (key, session)) in
            sessions.flat_map(|(key, sessions)| sessions.iter().map(move |session| (key, session))).enumerate()
        {
            for strand in std::iter::once(&session.strand).chain(&session.joined) {
                keys.push(key);
                strands.push(*strand);
                for (column, number) in numbers.iter_mut().zip([id as i64, session.start_us, session.last_us]) {
                    column.push(number);
                }
            }
        }
        if let Some(state) = self.partials.gather(&strands)? {
            let keys = self.keys.take(&keys)?;
            let [ids, starts, lasts] = numbers.map(|column| std::sync::Arc::new(Int64Array::from(column)) as ArrayRef);
            let extra = [("session", ids), ("start", starts), ("last", lasts)]
                .map(|(name, column)| (Field::new(name, DataType::Int64, false), column));
            saved.batches.push((0, with_columns(&keys, extra, &state)?));
        }
        saved.to_bytes()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let saved = Saved::from_bytes(state)?;
        self.watermark_us = saved.get("watermark_us");
        self.rejecting.set_rows_seen(saved.get("rows_seen").unwrap_or_default());
        self.keys = Keyed::new(self.plan.aggregates.new_keys()?);
        self.partials = Partials::default();
        self.num_alive = 0;
        let num_keys = self.plan.aggregates.num_keys();
        for (_, batch) in saved.batches {
            if batch.num_columns() < num_keys + 3 {
                return Err(damaged());
            }
            let numbers = self.keys.numbers(&batch.columns()[..num_keys], batch.num_rows())?;
            let column = |number: usize| {
                batch.column(num_keys + number).as_primitive_opt::<Int64Type>().cloned().ok_or_else(damaged)
            };
            let (ids, starts, lasts) = (column(0)?, column(1)?, column(2)?);
            let states: Vec<usize> = (num_keys + 3..batch.num_columns()).collect();
            let strands = self.partials.add(batch.project(&states)?);
            let mut sessions: BTreeMap<i64, (usize, Session)> = BTreeMap::new();
            for (row, strand) in strands.into_iter().enumerate() {
                match sessions.entry(ids.value(row)) {
                    std::collections::btree_map::Entry::Occupied(session) => session.into_mut().1.joined.push(strand),
                    std::collections::btree_map::Entry::Vacant(place) => {
                        let (start_us, last_us) = (starts.value(row), lasts.value(row));
                        place.insert((numbers[row], Session { start_us, last_us, strand, joined: Vec::new() }));
                    }
                }
            }
            for (key, session) in sessions.into_values() {
                self.num_alive += usize::from(self.keys.states[key].is_empty());
                self.keys.states[key].push(session);
            }
        }
        self.reset_timers();
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        // A key with a session owns room for four at least.
        let sessions = self.num_alive * 4 * size_of::<Session>();
        self.keys.state_bytes()
            + sessions
            + self.partials.state_bytes()
            + self.timers.state_bytes()
            + self.touched.state_bytes()
    }
}
