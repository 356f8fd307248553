//! `process.window_join`: rows of two streams with equal keys in the same window of time.
//!
//! Holds the rows of both sides by key and time until the last window of a row has closed, and the starts of the open
//! windows that may have rows. A window is joined as a whole when the watermark reaches its end. As with the window nodes
//! of Analyze, the event time of the results is `window_start`, and the watermark that goes with them is the start of
//! the oldest window that may still be emitted.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use millrace_model::Interval;
use millrace_model::event_time::{UTC, timestamp_type, with_event_time};
use millrace_operator::{
    BuildContext, CardText, InferContext, Machine, Node, NodeError, Operator, Output, Partitioning,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rejecting::first_error;
use crate::state::joining::{
    BATCH_ROWS, Entry, JoinKind, KeyPair, LEFT, Pairs, RIGHT, Side, default_suffix, joined_fields, key_indices,
    late_port, partitioning, with_ports,
};
use crate::state::lateness::{aligned, event_time_index};
use crate::state::saved;

#[cfg(test)]
mod tests;

/// Joins rows of two streams that have equal keys and fall into the same window of time.
///
/// Windows go by the **event time** of the rows and are aligned to 1970-01-01 00:00 UTC; the start belongs to a window,
/// the end does not. Without `slide` they follow each other; with it, one begins each `slide`, and a pair leaves once for
/// each window that holds both of its rows.
///
/// With `size` = `1 min` and the key `device`:
///
/// | left: ts | device | v | | right: ts | device | w | | out: window_start | device | v | w |
/// | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
/// | 10:00:05 | a | 1 | | 10:00:50 | a | 7 | | 10:00 | a | 1 | 7 |
/// | 10:00:59 | b | 2 | | 10:01:00 | b | 8 | | *no pair: other windows* | | | |
///
/// (The columns `window_end`, `ts`, `ts_right` and `device_right` are left out here.) A window leaves when event time has
/// reached its end. The kind says which rows leave without a partner; with `inner`, they are left out and counted. A key
/// with a null has no partner. Rows whose windows have all closed, or without a time, leave by `left_late` and
/// `right_late`.
///
/// The event time of the results is `window_start`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The columns that must be equal. None: all rows of a window are partners.
    #[serde(default)]
    pub keys: Vec<KeyPair>,
    /// How long a window is, such as `1 min`.
    pub size: Interval,
    /// How much later the next window begins. Zero: where the one before ends.
    #[serde(default)]
    pub slide: Interval,
    /// Which rows leave without a partner.
    #[serde(default)]
    pub kind: JoinKind,
    /// What is put behind the name of a column of the right that the left has too.
    #[serde(default = "default_suffix")]
    pub suffix: String,
}

pub struct WindowJoin;

const WINDOW_START: &str = "window_start";
const WINDOW_END: &str = "window_end";

impl Node for WindowJoin {
    type Params = Params;
    const KIND: &'static str = "process.window_join";

    fn card() -> CardText {
        let card = CardText::new("Window join", "Joins rows of two streams that fall into the same window", "unite");
        with_ports(card, "The pairs of each window, and rows without a partner as the kind says.").headline("size")
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        let schema = plan(params, cx).map(|plan| plan.schema);
        vec![schema, cx.inputs.first().cloned().flatten(), cx.inputs.get(RIGHT).cloned().flatten()]
    }

    fn partitioning(params: &Params) -> Partitioning {
        partitioning(&params.keys)
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let inputs: Vec<Option<SchemaRef>> = cx.inputs.iter().cloned().map(Some).collect();
        let mut found = InferContext::new(&inputs, None);
        let plan = plan(&params, &mut found);
        let Some(plan) = plan.filter(|_| !found.has_errors()) else {
            return Err(first_error(found.into_problems()));
        };
        let [left_keys, right_keys] = plan.keys;
        Ok(Machine::Operator(Box::new(WindowJoinOperator {
            sides: [
                Side::new(&cx.inputs[LEFT], left_keys, plan.times[LEFT])?,
                Side::new(&cx.inputs[RIGHT], right_keys, plan.times[RIGHT])?,
            ],
            keyless: [BTreeSet::new(), BTreeSet::new()],
            open: BTreeSet::new(),
            pairs: Pairs::new(plan.schema),
            kind: params.kind,
            windows: plan.windows,
            watermark_us: None,
            num_dropped: 0,
        })))
    }
}

/// Where windows begin and end, in microseconds.
#[derive(Debug, Clone, Copy)]
struct Windows {
    size_us: i64,
    slide_us: i64,
}

impl Windows {
    /// The start of the newest window that holds `time_us`.
    fn last_start(self, time_us: i64) -> i64 {
        aligned(time_us, self.slide_us)
    }

    /// The start of the oldest window that ends after `watermark_us`.
    fn first_open(self, watermark_us: i64) -> i64 {
        let start_us = self.last_start(watermark_us.saturating_sub(self.size_us));
        start_us.saturating_add(self.slide_us)
    }

    fn end_of(self, start_us: i64) -> i64 {
        start_us.saturating_add(self.size_us)
    }
}

struct Plan {
    schema: SchemaRef,
    keys: [Vec<usize>; 2],
    times: [usize; 2],
    windows: Windows,
}

/// What the params mean for the inputs; faults are reported in `cx`.
fn plan(params: &Params, cx: &mut InferContext<'_>) -> Option<Plan> {
    let size_us = params.size.as_micros();
    let slide_us = if params.slide.is_zero() { size_us } else { params.slide.as_micros() };
    if size_us == 0 {
        cx.error("size", "no_size", "A window must last a microsecond at least; try `1 min`.");
    } else if slide_us == 0 || slide_us > size_us {
        let message =
            format!("Between windows of {} that begin each {} rows would be lost.", params.size, params.slide);
        cx.error("slide", "slide_too_long", message);
    }
    let (left, right) = (cx.inputs.first().cloned().flatten(), cx.inputs.get(RIGHT).cloned().flatten());
    let (left, right) = (left?, right?);
    let keys = key_indices(&params.keys, [&left, &right], cx);
    let times = [event_time_index(cx, &left, "left"), event_time_index(cx, &right, "right")];
    let time_field = |name: &str| -> FieldRef { Arc::new(Field::new(name, timestamp_type(), false)) };
    let mut fields = vec![time_field(WINDOW_START), time_field(WINDOW_END)];
    fields.extend(joined_fields([&left, &right], &params.suffix, &[WINDOW_START, WINDOW_END], cx));
    let schema = with_event_time(&Schema::new(fields), Some(WINDOW_START));
    if cx.has_errors() {
        return None;
    }
    Some(Plan { schema, keys: keys?, times: [times[LEFT]?, times[RIGHT]?], windows: Windows { size_us, slide_us } })
}

struct WindowJoinOperator {
    sides: [Side; 2],
    /// Time and number of the rows whose key has a null, on a side that keeps rows without a partner.
    keyless: [BTreeSet<(i64, u64)>; 2],
    /// Starts of the windows that may have rows and have not closed.
    open: BTreeSet<i64>,
    pairs: Pairs,
    kind: JoinKind,
    windows: Windows,
    watermark_us: Option<i64>,
    /// Not told yet.
    num_dropped: usize,
}

#[derive(Serialize, Deserialize)]
struct Header {
    watermark_us: Option<i64>,
    open: Vec<i64>,
    num_dropped: usize,
}

impl WindowJoinOperator {
    fn is_closed(&self, start_us: i64, watermark_us: i64) -> bool {
        watermark_us == i64::MAX || self.windows.end_of(start_us) <= watermark_us
    }

    /// The watermark of the results: the start of the oldest window that is open. Rows before it have no open window.
    fn passed_on(&self, watermark_us: i64) -> i64 {
        if watermark_us == i64::MAX { i64::MAX } else { self.windows.first_open(watermark_us) }
    }

    /// Notes the windows that a row of this time falls into; the start of the newest is given.
    fn open(&mut self, time_us: i64) -> i64 {
        let last_us = self.windows.last_start(time_us);
        let mut start_us = last_us;
        // A window that holds a later time of this step may be among them: it is empty then.
        while self.windows.end_of(start_us) > last_us
            && self.watermark_us.is_none_or(|watermark_us| !self.is_closed(start_us, watermark_us))
        {
            self.open.insert(start_us);
            let Some(before_us) = start_us.checked_sub(self.windows.slide_us) else { break };
            start_us = before_us;
        }
        last_us
    }

    /// Emits the pairs of a window so far.
    fn emit(&mut self, start_us: i64, out: &mut Output) -> Result<(), NodeError> {
        let times = |time_us: i64| -> ArrayRef {
            let times = vec![time_us; self.pairs.len()];
            Arc::new(TimestampMicrosecondArray::from(times).with_timezone(UTC))
        };
        let before = [times(start_us), times(self.windows.end_of(start_us))];
        self.pairs.emit([&self.sides[LEFT].rows, &self.sides[RIGHT].rows], &before, out)
    }

    fn close(&mut self, start_us: i64, out: &mut Output) -> Result<(), NodeError> {
        let end_us = self.windows.end_of(start_us);
        for key in self.keys_within(LEFT, start_us, end_us) {
            let numbers = |side: usize| -> Vec<u64> {
                let entries = within(self.sides[side].of_key(&key), start_us, end_us);
                entries.iter().map(|entry| entry.number).collect()
            };
            let (lefts, rights) = (numbers(LEFT), numbers(RIGHT));
            for left in &lefts {
                for right in &rights {
                    self.pair(start_us, LEFT, *left, Some(*right), out)?;
                }
                if rights.is_empty() && self.kind.keeps(LEFT) {
                    self.pair(start_us, LEFT, *left, None, out)?;
                }
            }
            if !rights.is_empty() {
                self.mark_matched(&key, start_us, end_us);
            }
        }
        if self.kind.keeps(RIGHT) {
            for key in self.keys_within(RIGHT, start_us, end_us) {
                let [left, right] = &self.sides;
                if within(left.of_key(&key), start_us, end_us).is_empty() {
                    let rights: Vec<u64> =
                        within(right.of_key(&key), start_us, end_us).iter().map(|entry| entry.number).collect();
                    for right in rights {
                        self.pair(start_us, RIGHT, right, None, out)?;
                    }
                }
            }
        }
        for side in [LEFT, RIGHT] {
            let of_window = self.keyless[side].range((start_us, 0)..(end_us, 0));
            let numbers: Vec<u64> = of_window.map(|(_, number)| *number).collect();
            for number in numbers {
                self.pair(start_us, side, number, None, out)?;
            }
        }
        self.emit(start_us, out)
    }

    /// The keys of which a side has rows in the window.
    fn keys_within(&self, side: usize, start_us: i64, end_us: i64) -> Vec<Box<[u8]>> {
        let keys = self.sides[side].by_key().filter(|(_, entries)| !within(entries, start_us, end_us).is_empty());
        keys.map(|(key, _)| key.into()).collect()
    }

    /// One pair of a window; what has gathered leaves in batches.
    fn pair(
        &mut self,
        start_us: i64,
        side: usize,
        number: u64,
        partner: Option<u64>,
        out: &mut Output,
    ) -> Result<(), NodeError> {
        self.pairs.push(side, number, partner);
        if self.pairs.len() >= BATCH_ROWS { self.emit(start_us, out) } else { Ok(()) }
    }

    /// Notes that the rows of a key in the window have met partners.
    fn mark_matched(&mut self, key: &[u8], start_us: i64, end_us: i64) {
        for side in &mut self.sides {
            let entries = side.of_key_mut(key);
            let first = entries.partition_point(|entry| entry.time_us < start_us);
            let of_window = entries[first..].iter_mut().take_while(|entry| entry.time_us < end_us);
            of_window.for_each(|entry| entry.is_matched = true);
        }
    }

    /// Gives up the rows whose windows have all closed.
    fn sweep(&mut self, watermark_us: i64) -> Result<(), NodeError> {
        let windows = self.windows;
        let is_over =
            |time_us: i64| watermark_us == i64::MAX || windows.end_of(windows.last_start(time_us)) <= watermark_us;
        for side in [LEFT, RIGHT] {
            let gone = self.sides[side]
                .sweep(watermark_us, |entries| entries.partition_point(|entry| is_over(entry.time_us)))?;
            if !self.kind.keeps(side) {
                self.num_dropped += gone.num_unmatched;
            }
            while let Some((time_us, number)) = self.keyless[side].first().copied().filter(|row| is_over(row.0)) {
                self.keyless[side].remove(&(time_us, number));
                self.sides[side].rows.free(number)?;
            }
        }
        Ok(())
    }

    fn hold(&mut self, side: usize, batch: RecordBatch, times: &[i64], out: &mut Output) -> Result<(), NodeError> {
        let keys = self.sides[side].keys_of(&batch)?;
        let first = self.sides[side].rows.push(batch)?;
        let mut step_us: Option<i64> = None;
        for (row, (time_us, number)) in times.iter().copied().zip(first..).enumerate() {
            // Neighbours mostly fall into the same windows.
            if step_us != Some(self.windows.last_start(time_us)) {
                step_us = Some(self.open(time_us));
            }
            if !keys.is_null(row) {
                self.sides[side].insert(keys.get(row), Entry { time_us, number, is_matched: false });
            } else if self.kind.keeps(side) {
                self.keyless[side].insert((time_us, number));
            } else {
                out.drop_rows(1);
                self.sides[side].rows.free(number)?;
            }
        }
        Ok(())
    }
}

/// The entries from `start_us` to before `end_us`.
fn within(entries: &[Entry], start_us: i64, end_us: i64) -> &[Entry] {
    let first = entries.partition_point(|entry| entry.time_us < start_us);
    let rest = &entries[first..];
    &rest[..rest.partition_point(|entry| entry.time_us < end_us)]
}

impl Operator for WindowJoinOperator {
    fn on_batch(&mut self, side: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        // A row is late when all its windows have closed, not when it is behind the watermark.
        self.sides[side].lateness.watermark_us = self.watermark_us.map(|watermark_us| self.passed_on(watermark_us));
        let in_time = self.sides[side].lateness.sort_out(batch, late_port(side), out)?;
        self.hold(side, in_time.batch, &in_time.times, out)
    }

    fn on_watermark(&mut self, watermark_us: i64, out: &mut Output) -> Result<(), NodeError> {
        self.watermark_us = self.watermark_us.max(Some(watermark_us));
        while let Some(start_us) = self.open.first().copied().filter(|start_us| self.is_closed(*start_us, watermark_us))
        {
            self.open.pop_first();
            self.close(start_us, out)?;
        }
        if self.sides.iter().any(|side| side.is_sweep_due(watermark_us, self.windows.size_us)) {
            self.sweep(watermark_us)?;
        }
        out.drop_rows(std::mem::take(&mut self.num_dropped));
        out.watermark(self.passed_on(watermark_us));
        Ok(())
    }

    fn makes_watermarks(&self) -> bool {
        true
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        // Rows that nothing waits for are not worth a place.
        if let Some(watermark_us) = self.watermark_us {
            self.sweep(watermark_us)?;
        }
        let header = Header {
            watermark_us: self.watermark_us,
            open: self.open.iter().copied().collect(),
            num_dropped: self.num_dropped,
        };
        let batches = [self.sides[LEFT].save()?, self.sides[RIGHT].save()?].concat();
        saved::to_bytes(&header, &batches)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let (header, batches) = saved::from_bytes::<Header, 4>(state)?;
        let [left, left_flags, right, right_flags] = batches;
        self.watermark_us = header.watermark_us;
        self.open = header.open.into_iter().collect();
        self.num_dropped = header.num_dropped;
        for (side, rows, flags) in [(LEFT, left, left_flags), (RIGHT, right, right_flags)] {
            let keyless = &mut self.keyless[side];
            self.sides[side].restore(rows, &flags, |entry, is_keyless| {
                if is_keyless {
                    keyless.insert((entry.time_us, entry.number));
                }
            })?;
        }
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        let keyless = self.keyless.iter().map(BTreeSet::len).sum::<usize>() * size_of::<(i64, u64)>();
        self.sides.iter().map(Side::state_bytes).sum::<usize>() + keyless
    }
}
