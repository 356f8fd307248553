//! `analyze.silence`: says when a key has not been heard for some time, and when it is heard again.
//!
//! Holds three times for each key it has ever met, and one timer for each key that is not silent; a step of the clock
//! costs the keys that are due. Keys are never forgotten: they may be heard again.
//!
//! By event time, the rows of a key form stretches with less than `timeout` between neighbours, as in a Session window.
//! An alarm is the end of a stretch, a recovery the start of a later one, so both follow from the times of the rows and
//! not from when they came: a row that comes behind the watermark and bridges a gap prevents the alarm. The watermark
//! lags, so a later stretch may begin before the end of the earlier one is certain; such stretches wait in `later`. A row
//! is late when its own stretch would have ended already and it is near to no open one.
//!
//! By processing time, a row counts when it arrives, in ticks of the engine's clock.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef};
use millrace_model::card::PortCard;
use millrace_model::event_time::{UTC, timestamp_type, with_event_time};
use millrace_model::{ColumnRef, Interval};
use millrace_operator::aggregate::KeyTable;
use millrace_operator::time::event_times;
use millrace_operator::{
    BuildContext, CardText, InferContext, Machine, Node, NodeError, Operator, Output, Partitioning,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::window::keyed::Keyed;
use super::window::state::{Saved, damaged, frame, unframe, with_columns};
use super::window::timers::Timers;
use super::window::{BATCH_ROWS, LATE, ROWS, TimeColumn, keyed, row_index, rows_of};
use crate::rejecting::first_error;

#[cfg(test)]
mod tests;

const LAST_SEEN: &str = "last_seen";
const SILENT_SINCE: &str = "silent_since";
const STATE: &str = "state";
const CHANGED_AT: &str = "changed_at";

/// Says when a device, or any other key, has fallen silent, and when it is heard again: the health check of a fleet.
///
/// A key is **silent** when no row of it has come for `timeout`, and has **recovered** with its next row. Each change is
/// one row; a key that is heard all the time gives none, and neither does the first row of a key.
///
/// With timeout `10 min` and key `device`:
///
/// | ts | device |
/// | --- | --- |
/// | 10:00 | a |
/// | 10:05 | a |
/// | 10:30 | a |
///
/// gives
///
/// | device | last_seen | silent_since | state | changed_at |
/// | --- | --- | --- | --- | --- |
/// | a | 10:05 | 10:15 | silent | 10:15 |
/// | a | 10:30 | 10:15 | recovered | 10:30 |
///
/// and, at the end of the input, an alarm for its last row, unless `alarm_at_end` is off.
///
/// By the **event** clock, keys fall silent as event time advances: other keys must be heard for that, and a replay gives
/// the same changes as the live run. By the **processing** clock, they fall silent by the clock on the wall, also when the
/// whole fleet has; after a restart the time starts anew. The rows themselves do not leave here, but those that have no
/// time, or come too late to change anything, leave by the `late` port; by the processing clock there are none.
///
/// The event time of the changes is `changed_at` (by the event clock). A null key is a key of its own. Some 200 bytes are
/// held for each key, for as long as the run goes on.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// How long a key may be silent, such as `5 min`.
    pub timeout: Interval,
    /// What is listened to: each combination of values of these columns. None: the rows as a whole.
    #[serde(default)]
    pub keys: Vec<ColumnRef>,
    /// What time goes by.
    #[serde(default)]
    pub clock: Clock,
    /// The time of the rows, for the event clock. Empty: the event time of the rows.
    #[serde(default)]
    pub time: ColumnRef,
    /// Whether keys fall silent when the input ends, for the event clock: nothing will be heard of them.
    #[serde(default = "yes")]
    pub alarm_at_end: bool,
}

/// What time goes by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// By the event time of the rows.
    #[default]
    Event,
    /// By the clock on the wall, when the rows arrive.
    Processing,
}

fn yes() -> bool {
    true
}

pub struct Silence;

impl Node for Silence {
    type Params = Params;
    const KIND: &'static str = "analyze.silence";

    fn card() -> CardText {
        CardText::new("Silence", "Says when a key has not been heard for some time", "bell-ringing")
            .input(PortCard::rows("Rows of what is listened to."))
            .output(PortCard::rows("One row for each key that falls silent or recovers."))
            .output(PortCard::late())
            .headline("timeout")
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![plan(params, cx).map(|plan| plan.schema), cx.input()]
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
        let listening = Listening::new(KeyTable::new(plan.key_schema.clone())?, plan.timeout_us);
        Ok(Machine::Operator(match plan.time.clone() {
            Some(time) => Box::new(EventOperator { plan, time, listening, later: HashMap::new(), watermark_us: None }),
            None => Box::new(ProcessingOperator { plan, listening, now_us: None }),
        }))
    }
}

struct Plan {
    schema: SchemaRef,
    keys: Vec<usize>,
    key_schema: SchemaRef,
    timeout_us: i64,
    /// The time of the rows; `None` by the processing clock.
    time: Option<TimeColumn>,
    alarms_at_end: bool,
}

/// What the params mean for the input; faults are reported in `cx`.
fn plan(params: &Params, cx: &mut InferContext<'_>) -> Option<Plan> {
    if params.timeout.is_zero() {
        cx.error("timeout", "no_timeout", "A key falls silent after some time, such as `5 min`.");
    }
    let input = cx.input()?;
    let mut keys = Vec::new();
    for (number, key) in params.keys.iter().enumerate() {
        let param = format!("keys[{number}]");
        if [LAST_SEEN, SILENT_SINCE, STATE, CHANGED_AT].contains(&key.as_str()) {
            let message = format!("Every result has a column `{key}` of its own: rename the key before this node.");
            cx.error(&param, "duplicate_column", message);
        }
        match cx.column(&param, key.as_str(), &input) {
            Some(index) if keys.contains(&index) => {
                cx.error(&param, "repeated_key", format!("The key `{key}` stands twice; remove one."));
            }
            index => keys.extend(index),
        }
    }
    let time = match params.clock {
        Clock::Processing => None,
        Clock::Event => {
            let time = TimeColumn::find(&params.time, cx, &input)?;
            time.unit.check(&[("timeout", params.timeout)], cx).then_some(())?;
            Some(time)
        }
    };
    if keys.len() < params.keys.len() {
        return None;
    }
    let key_schema = Arc::new(input.project(&keys).ok()?);
    if let Err(error) = KeyTable::new(key_schema.clone()) {
        cx.error("keys", "bad_key", error.to_string());
        return None;
    }
    let times = time.as_ref().map_or_else(timestamp_type, |time| time.data_type.clone());
    let mut fields: Vec<FieldRef> = key_schema.fields().iter().cloned().collect();
    for (name, data_type) in
        [(LAST_SEEN, &times), (SILENT_SINCE, &times), (STATE, &DataType::Utf8), (CHANGED_AT, &times)]
    {
        fields.push(Arc::new(Field::new(name, data_type.clone(), false)));
    }
    let schema = with_event_time(&Schema::new(fields), time.as_ref().map(|_| CHANGED_AT));
    let timeout_us = params.timeout.as_micros();
    Some(Plan { schema, keys, key_schema, timeout_us, time, alarms_at_end: params.alarm_at_end })
}

/// A key that has fallen silent or recovered.
struct Change {
    key: usize,
    last_seen_us: i64,
    silent_since_us: i64,
    /// Silent, or else recovered.
    is_silent: bool,
}

impl Plan {
    fn emit(&self, changes: &[Change], keys: &Keyed<Heard>, out: &mut Output) -> Result<(), NodeError> {
        for changes in changes.chunks(BATCH_ROWS) {
            let numbers: Vec<usize> = changes.iter().map(|change| change.key).collect();
            let mut columns = keys.take(&numbers)?.columns().to_vec();
            let column = |time_of: &dyn Fn(&Change) -> i64| -> Result<ArrayRef, NodeError> {
                let times = changes.iter().map(time_of);
                match &self.time {
                    Some(time) => time.column(times),
                    None => Ok(Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone(UTC))),
                }
            };
            columns.push(column(&|change| change.last_seen_us)?);
            columns.push(column(&|change| change.silent_since_us)?);
            let states = changes.iter().map(|change| if change.is_silent { "silent" } else { "recovered" });
            columns.push(Arc::new(StringArray::from_iter_values(states)));
            columns
                .push(column(&|change| if change.is_silent { change.silent_since_us } else { change.last_seen_us })?);
            out.emit(ROWS, RecordBatch::try_new(self.schema.clone(), columns)?);
        }
        Ok(())
    }

    fn keys_of(&self, batch: &RecordBatch) -> Vec<ArrayRef> {
        self.keys.iter().map(|index| batch.column(*index).clone()).collect()
    }
}

/// What is known of a key.
#[derive(Debug, Clone, Copy)]
struct Heard {
    /// The first and last time of the stretch that has not ended; `NONE` for a key that is silent.
    start_us: i64,
    last_us: i64,
    /// The last time of the stretch before it, which has ended; `NONE` for the first.
    ended_us: i64,
    /// Whether it was said that the key has recovered with this stretch.
    is_announced: bool,
}

const NONE: i64 = i64::MIN;

impl Default for Heard {
    fn default() -> Self {
        Self { start_us: NONE, last_us: NONE, ended_us: NONE, is_announced: false }
    }
}

impl Heard {
    fn is_silent(&self) -> bool {
        self.start_us == NONE
    }

    /// The next time at which there is something to say.
    fn due_us(&self, timeout_us: i64) -> Option<i64> {
        if self.is_silent() {
            return None;
        }
        let is_recovery = self.ended_us != NONE && !self.is_announced;
        Some(if is_recovery { self.start_us } else { self.last_us.saturating_add(timeout_us) })
    }
}

/// The keys and what they wait for.
struct Listening {
    keys: Keyed<Heard>,
    timers: Timers,
    timeout_us: i64,
}

impl Listening {
    fn new(keys: KeyTable, timeout_us: i64) -> Self {
        Self { keys: Keyed::new(keys), timers: Timers::default(), timeout_us }
    }

    fn is_due(&self, key: usize, now_us: i64) -> bool {
        self.keys.states[key].due_us(self.timeout_us).is_some_and(|due_us| due_us <= now_us)
    }

    fn wait(&mut self, key: usize) {
        if let Some(due_us) = self.keys.states[key].due_us(self.timeout_us) {
            self.timers.set(key, due_us);
        }
    }

    fn snapshot(&self) -> Result<Option<RecordBatch>, NodeError> {
        let states = &self.keys.states;
        if states.is_empty() {
            return Ok(None);
        }
        let keys = self.keys.take(&(0..states.len()).collect::<Vec<_>>())?;
        let times = |name: &str, time_of: fn(&Heard) -> i64| {
            let times = Int64Array::from_iter_values(states.iter().map(time_of));
            (Field::new(name, DataType::Int64, false), Arc::new(times) as ArrayRef)
        };
        let announced = BooleanArray::from_iter(states.iter().map(|heard| Some(heard.is_announced)));
        let columns = [
            times("start", |heard| heard.start_us),
            times("last", |heard| heard.last_us),
            times("ended", |heard| heard.ended_us),
            (Field::new("announced", DataType::Boolean, false), Arc::new(announced) as ArrayRef),
        ];
        let none = RecordBatch::new_empty(Arc::new(Schema::empty()));
        with_columns(&keys, columns, &none).map(Some)
    }

    fn restore(&mut self, num_keys: usize, batch: &RecordBatch) -> Result<(), NodeError> {
        if batch.num_columns() != num_keys + 4 {
            return Err(damaged());
        }
        let numbers = self.keys.numbers(&batch.columns()[..num_keys], batch.num_rows())?;
        let times = |index: usize| batch.column(num_keys + index).as_primitive_opt::<Int64Type>().ok_or_else(damaged);
        let (starts, lasts, ends) = (times(0)?, times(1)?, times(2)?);
        let announced = batch.column(num_keys + 3).as_boolean_opt().ok_or_else(damaged)?;
        for (row, key) in numbers.into_iter().enumerate() {
            self.keys.states[key] = Heard {
                start_us: starts.value(row),
                last_us: lasts.value(row),
                ended_us: ends.value(row),
                is_announced: announced.value(row),
            };
            self.wait(key);
        }
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        self.keys.state_bytes() + self.timers.state_bytes()
    }
}

/// By event time.
struct EventOperator {
    plan: Plan,
    time: TimeColumn,
    listening: Listening,
    /// Stretches after the first open one of a key, oldest first: start and last time.
    later: HashMap<usize, Vec<(i64, i64)>>,
    watermark_us: Option<i64>,
}

impl EventOperator {
    /// Notes that a key was heard; `false` where that is too late.
    fn hear(&mut self, key: usize, time_us: i64) -> bool {
        let timeout_us = self.plan.timeout_us;
        let Some(ends_us) = time_us.checked_add(timeout_us).filter(|ends_us| self.time.unit.write(*ends_us).is_some())
        else {
            return false;
        };
        let is_near = |start_us: i64, last_us: i64| {
            time_us.saturating_sub(last_us) < timeout_us && start_us.saturating_sub(time_us) < timeout_us
        };
        let heard = &mut self.listening.keys.states[key];
        // The common case: the stretch goes on.
        if !heard.is_silent() && is_near(heard.start_us, heard.last_us) && !self.later.contains_key(&key) {
            heard.start_us = heard.start_us.min(time_us);
            heard.last_us = heard.last_us.max(time_us);
            self.listening.wait(key);
            return true;
        }
        let mut stretches = self.later.remove(&key).unwrap_or_default();
        if !heard.is_silent() {
            stretches.insert(0, (heard.start_us, heard.last_us));
        }
        let (near, mut others): (Vec<_>, Vec<_>) =
            stretches.into_iter().partition(|(start_us, last_us)| is_near(*start_us, *last_us));
        let is_late = near.is_empty() && self.watermark_us.is_some_and(|watermark_us| watermark_us >= ends_us);
        if !is_late {
            let start_us = near.iter().map(|(start_us, _)| *start_us).fold(time_us, i64::min);
            let last_us = near.iter().map(|(_, last_us)| *last_us).fold(time_us, i64::max);
            others.push((start_us, last_us));
            others.sort_unstable();
        }
        self.open(key, others);
        !is_late
    }

    /// Makes these the open stretches of a key.
    fn open(&mut self, key: usize, mut stretches: Vec<(i64, i64)>) {
        let heard = &mut self.listening.keys.states[key];
        if stretches.is_empty() {
            (heard.start_us, heard.last_us, heard.is_announced) = (NONE, NONE, false);
            return;
        }
        (heard.start_us, heard.last_us) = stretches.remove(0);
        if !stretches.is_empty() {
            self.later.insert(key, stretches);
        }
        self.listening.wait(key);
    }

    /// Says what has changed for a key up to the watermark.
    fn say(&mut self, key: usize, watermark_us: i64, changes: &mut Vec<Change>) {
        let timeout_us = self.plan.timeout_us;
        let is_end = watermark_us == i64::MAX;
        loop {
            let heard = &mut self.listening.keys.states[key];
            if heard.due_us(timeout_us).is_none_or(|due_us| due_us > watermark_us) {
                break;
            }
            if heard.ended_us != NONE && !heard.is_announced {
                heard.is_announced = true;
                let silent_since_us = heard.ended_us.saturating_add(timeout_us);
                changes.push(Change { key, last_seen_us: heard.start_us, silent_since_us, is_silent: false });
                continue;
            }
            if is_end && !self.plan.alarms_at_end && !self.later.contains_key(&key) {
                return;
            }
            let silent_since_us = heard.last_us.saturating_add(timeout_us);
            changes.push(Change { key, last_seen_us: heard.last_us, silent_since_us, is_silent: true });
            (heard.ended_us, heard.is_announced) = (heard.last_us, false);
            let later = self.later.remove(&key).unwrap_or_default();
            self.open(key, later);
        }
        self.listening.wait(key);
    }

    /// Says what has changed for all keys up to the watermark.
    fn advance(&mut self, watermark_us: i64, out: &mut Output) -> Result<(), NodeError> {
        let mut changes = Vec::new();
        while let Some(key) = self.listening.timers.due(watermark_us) {
            self.say(key, watermark_us, &mut changes);
        }
        changes.sort_by_key(|change| if change.is_silent { change.silent_since_us } else { change.last_seen_us });
        self.plan.emit(&changes, &self.listening.keys, out)
    }
}

impl Operator for EventOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let times = event_times(batch.column(self.time.index).as_ref())?;
        let numbers = self.listening.keys.numbers(&self.plan.keys_of(&batch), batch.num_rows())?;
        let (mut late, mut changes) = (Vec::new(), Vec::new());
        for (row, key) in numbers.iter().enumerate() {
            if times.is_null(row) || !self.hear(*key, times.value(row)) {
                late.push(row_index(row));
                continue;
            }
            // A row behind the watermark may be a recovery at once: whether it is must not wait for the next watermark,
            // which comes sooner or later as batches happen to end.
            if let Some(watermark_us) = self.watermark_us
                && self.listening.is_due(*key, watermark_us)
            {
                self.say(*key, watermark_us, &mut changes);
            }
        }
        self.listening.keys.give_back(numbers);
        self.plan.emit(&changes, &self.listening.keys, out)?;
        out.drop_rows(batch.num_rows() - late.len());
        out.emit(LATE, rows_of(&batch, &late)?);
        Ok(())
    }

    fn on_watermark(&mut self, watermark_us: i64, out: &mut Output) -> Result<(), NodeError> {
        if Some(watermark_us) <= self.watermark_us {
            return Ok(());
        }
        self.watermark_us = Some(watermark_us);
        self.advance(watermark_us, out)?;
        // A stretch that begins at most `timeout` behind the watermark is not late: its recovery may still come.
        out.watermark(match watermark_us {
            i64::MAX => i64::MAX,
            watermark_us => watermark_us.saturating_sub(self.plan.timeout_us),
        });
        Ok(())
    }

    fn makes_watermarks(&self) -> bool {
        true
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        let (mut keys, mut later) = (Saved::default(), Saved::default());
        keys.set("watermark_us", self.watermark_us);
        keys.batches.extend(self.listening.snapshot()?.map(|batch| (0, batch)));
        let rows: Vec<[i64; 3]> = self
            .later
            .iter()
            .flat_map(|(key, stretches)| stretches.iter().map(|(start_us, last_us)| [*key as i64, *start_us, *last_us]))
            .collect();
        if !rows.is_empty() {
            let column = |index: usize| Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row[index]))) as _;
            let columns: [(&str, ArrayRef); 3] = [("key", column(0)), ("start", column(1)), ("last", column(2))];
            later.batches.push((0, RecordBatch::try_from_iter(columns)?));
        }
        Ok(frame(&[keys.to_bytes()?, later.to_bytes()?]))
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let [keys, later] = unframe(state)?;
        let (keys, later) = (Saved::from_bytes(keys)?, Saved::from_bytes(later)?);
        self.watermark_us = keys.get("watermark_us");
        self.listening = Listening::new(KeyTable::new(self.plan.key_schema.clone())?, self.plan.timeout_us);
        self.later.clear();
        for (_, batch) in &keys.batches {
            self.listening.restore(self.plan.keys.len(), batch)?;
        }
        for (_, batch) in &later.batches {
            let column = |index: usize| -> Result<&Int64Array, NodeError> {
                let column = batch.columns().get(index).and_then(|column| column.as_primitive_opt::<Int64Type>());
                column.ok_or_else(damaged)
            };
            let (keys, starts, lasts) = (column(0)?, column(1)?, column(2)?);
            for row in 0..batch.num_rows() {
                let key = usize::try_from(keys.value(row)).map_err(|_| damaged())?;
                self.later.entry(key).or_default().push((starts.value(row), lasts.value(row)));
            }
        }
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        // A stretch in `later` owns room for four at least.
        self.listening.state_bytes() + self.later.capacity() * 64 + self.later.len() * 64
    }
}

/// By the clock on the wall.
struct ProcessingOperator {
    plan: Plan,
    listening: Listening,
    /// The last tick. `None` before the first: rows are then taken to come with it.
    now_us: Option<i64>,
}

/// The time of what was heard before the first tick.
const BEFORE_FIRST_TICK: i64 = i64::MIN + 1;

impl Operator for ProcessingOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let numbers = self.listening.keys.numbers(&self.plan.keys_of(&batch), batch.num_rows())?;
        let now_us = self.now_us.unwrap_or(BEFORE_FIRST_TICK);
        let mut changes = Vec::new();
        for key in &numbers {
            let heard = &mut self.listening.keys.states[*key];
            heard.last_us = now_us;
            if !heard.is_silent() {
                continue;
            }
            let recovers = heard.ended_us != NONE;
            heard.start_us = now_us;
            // What is heard before the first tick is said with it.
            heard.is_announced = !recovers || self.now_us.is_some();
            if recovers && heard.is_announced {
                let silent_since_us = heard.ended_us.saturating_add(self.plan.timeout_us);
                changes.push(Change { key: *key, last_seen_us: now_us, silent_since_us, is_silent: false });
            }
            if self.now_us.is_some() {
                self.listening.wait(*key);
            }
        }
        self.listening.keys.give_back(numbers);
        out.drop_rows(batch.num_rows());
        self.plan.emit(&changes, &self.listening.keys, out)
    }

    fn on_tick(&mut self, now_us: i64, out: &mut Output) -> Result<(), NodeError> {
        let mut changes = Vec::new();
        if self.now_us.is_none() {
            for key in 0..self.listening.keys.states.len() {
                let heard = &mut self.listening.keys.states[key];
                if heard.is_silent() {
                    continue;
                }
                (heard.start_us, heard.last_us) = (now_us, now_us);
                if !heard.is_announced {
                    heard.is_announced = true;
                    let silent_since_us = heard.ended_us.saturating_add(self.plan.timeout_us);
                    changes.push(Change { key, last_seen_us: now_us, silent_since_us, is_silent: false });
                }
                self.listening.wait(key);
            }
        }
        self.now_us = self.now_us.max(Some(now_us));
        while let Some(key) = self.listening.timers.due(now_us) {
            let heard = &mut self.listening.keys.states[key];
            let silent_since_us = heard.last_us.saturating_add(self.plan.timeout_us);
            if heard.is_silent() || silent_since_us > now_us {
                self.listening.wait(key);
                continue;
            }
            changes.push(Change { key, last_seen_us: heard.last_us, silent_since_us, is_silent: true });
            *heard = Heard { ended_us: heard.last_us, ..Heard::default() };
        }
        self.plan.emit(&changes, &self.listening.keys, out)
    }

    fn wants_ticks(&self) -> bool {
        true
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        let mut saved = Saved::default();
        saved.batches.extend(self.listening.snapshot()?.map(|batch| (0, batch)));
        saved.to_bytes()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        self.listening = Listening::new(KeyTable::new(self.plan.key_schema.clone())?, self.plan.timeout_us);
        self.now_us = None;
        for (_, batch) in &Saved::from_bytes(state)?.batches {
            self.listening.restore(self.plan.keys.len(), batch)?;
        }
        // The time that the run stood still is not silence: the first tick sets what keys wait for.
        self.listening.timers = Timers::default();
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        self.listening.state_bytes()
    }
}
