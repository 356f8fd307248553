//! Silence by event time; see the module above for what counts as one.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use millrace_operator::aggregate::KeyTable;
use millrace_operator::time::event_times;
use millrace_operator::{NodeError, Operator, Output};

use super::{Change, Listening, NONE, Plan};
use crate::analyze::window::state::{Saved, damaged, frame, unframe};
use crate::analyze::window::{LATE, TimeColumn, row_index, rows_of};

/// By event time.
pub(super) struct EventOperator {
    pub(super) plan: Plan,
    pub(super) time: TimeColumn,
    pub(super) listening: Listening,
    /// Stretches after the first open one of a key, oldest first: start and last time.
    pub(super) later: HashMap<usize, Vec<(i64, i64)>>,
    pub(super) watermark_us: Option<i64>,
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

    /// A key is not silent because the node is set anew.
    fn hand_over(&mut self, _: &mut Output) -> Result<(), NodeError> {
        Ok(())
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
