//! Silence by the clock on the wall: a row counts when it arrives, in ticks of the engine.

use arrow::array::RecordBatch;
use millrace_operator::aggregate::KeyTable;
use millrace_operator::{NodeError, Operator, Output};

use super::{Change, Heard, Listening, NONE, Plan};
use crate::analyze::window::state::Saved;
use crate::analyze::window::timers::Timers;

/// By the clock on the wall.
pub(super) struct ProcessingOperator {
    pub(super) plan: Plan,
    pub(super) listening: Listening,
    /// The last tick. `None` before the first: rows are then taken to come with it.
    pub(super) now_us: Option<i64>,
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

    /// A key is not silent because the node is set anew.
    fn hand_over(&mut self, _: &mut Output) -> Result<(), NodeError> {
        Ok(())
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
