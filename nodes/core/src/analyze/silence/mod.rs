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

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef};
use millrace_model::RowTrait;
use millrace_model::card::PortCard;
use millrace_model::event_time::{UTC, timestamp_type, with_event_time};
use millrace_model::{ColumnRef, Interval};
use millrace_operator::aggregate::KeyTable;
use millrace_operator::{
    BuildContext, CardText, Columns, InferContext, Machine, Node, NodeError, Output, Partitioning, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::event::EventOperator;
use self::processing::ProcessingOperator;
use super::window::keyed::Keyed;
use super::window::state::{damaged, with_columns};
use super::window::timers::Timers;
use super::window::{BATCH_ROWS, LATE, ROWS, TimeColumn, keyed};
use crate::rejecting::first_error;

mod event;
mod processing;
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
    #[schemars(extend("keeps_state" = true))]
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
    #[schemars(extend("keeps_state" = true))]
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
            .input(PortCard::rows("Rows of what is listened to.").asking_for(&[RowTrait::EventTime]))
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

    fn reads(params: &Params, wanted: &Wanted<'_>) -> Vec<Columns> {
        let columns = params.keys.iter().chain([&params.time]).map(ColumnRef::as_str);
        vec![Columns::named(columns).and(wanted.output(LATE))]
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
