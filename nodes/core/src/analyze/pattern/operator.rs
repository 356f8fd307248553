//! The operator behind Pattern: rows in the order of their time, their conditions, and the matches as rows.
//!
//! A row waits until the watermark has passed it, then is shown to the attempts of its key. One that fits a step (or may
//! be looked at as the row before) is held for `within` longer; then no attempt knows it any more.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray, StructArray};
use arrow::datatypes::SchemaRef;
use millrace_operator::aggregate::KeyTable;
use millrace_operator::expression::RowFailure;
use millrace_operator::rejected::OnError;
use millrace_operator::{NodeError, Operator, Output};
use serde::{Deserialize, Serialize};

use super::attempt::{Attempt, Attempts, Fits, Taken};
use super::{LATE, Plan, REJECTED, ROWS, STEP, key_arrays, previous_fields};
use crate::analyze::window::keyed::Keyed;
use crate::analyze::window::timers::Timers;
use crate::analyze::window::{BATCH_ROWS, results};
use crate::rejecting::{Rejecting, merge_failures};
use crate::state::lateness::Lateness;
use crate::state::saved;
use crate::state::waiting::Waiting;

/// Below this many keys none is looked for that has nothing under way.
const FEW_KEYS: usize = 1_024;

#[derive(Default)]
struct KeyState {
    attempts: Attempts,
    /// Time and number of the newest row, where a condition may look at it.
    last: Option<(i64, u64)>,
}

pub(super) struct PatternOperator {
    plan: Plan,
    input: SchemaRef,
    lateness: Lateness,
    rejecting: Rejecting,
    /// The rows that the watermark has not passed, and in its store those of `held` as well.
    waiting: Waiting,
    /// Time and number of the rows that attempts may know, oldest first.
    held: VecDeque<(i64, u64)>,
    keys: Keyed<KeyState>,
    timers: Timers,
    attempt_bytes: usize,
    /// With so many keys those without state are looked for.
    tidy_at: usize,
}

#[derive(Serialize, Deserialize)]
struct Header {
    watermark_us: Option<i64>,
    rows_seen: i64,
    /// The rows that do not wait any more, in the order in which they were passed, by their place in the batch.
    held: Vec<u64>,
    /// Those of one key oldest first; rows by their place in the batch.
    attempts: Vec<Attempt>,
}

/// A match, and whose it is.
type Match = (usize, Vec<Taken>);

impl PatternOperator {
    pub(super) fn new(plan: Plan, keys: KeyTable, input: SchemaRef, on_error: OnError) -> Self {
        Self {
            lateness: Lateness::new(plan.time.index),
            rejecting: Rejecting::new(REJECTED, on_error),
            waiting: Waiting::new(input.clone()),
            held: VecDeque::new(),
            keys: Keyed::new(keys),
            timers: Timers::default(),
            attempt_bytes: 0,
            tidy_at: FEW_KEYS,
            plan,
            input,
        }
    }

    /// Shows rows that the watermark has passed to the attempts of their keys.
    fn show(&mut self, passed: &[(i64, u64)], out: &mut Output) -> Result<(), NodeError> {
        let numbers: Vec<u64> = passed.iter().map(|(_, number)| *number).collect();
        let batch = self.waiting.rows.take(&numbers)?;
        let keys = self.keys.numbers(&key_arrays(&batch, &self.plan.keys), batch.num_rows())?;
        let (fits, failures) = self.fits(&batch, passed, &keys)?;
        let keeps = self.rejecting.sort_out(&batch, &failures, out)?;
        let taking = self.plan.steps.taking();
        let mut matches: Vec<Match> = Vec::new();
        let mut gone = Vec::new();
        for (row, (time_us, number)) in passed.iter().copied().enumerate() {
            let is_kept = keeps.as_ref().is_none_or(|keeps| keeps.value(row));
            if self.plan.with_previous.is_some() || (is_kept && fits[row] & taking != 0) {
                self.held.push_back((time_us, number));
            } else {
                gone.push(number);
            }
            if !is_kept {
                continue;
            }
            out.drop_rows(1);
            let (key, steps) = (keys[row], &self.plan.steps);
            let attempts = &mut self.keys.states[key].attempts;
            // Most rows of most keys begin nothing and go on with nothing.
            if attempts.is_empty() && fits[row] & taking == 0 {
                continue;
            }
            self.attempt_bytes -= attempts.bytes();
            attempts.see(steps, (time_us, number), fits[row], &mut |taken| matches.push((key, taken)));
            self.attempt_bytes += attempts.bytes();
            if let Some(deadline_us) = attempts.deadline_us(steps) {
                self.timers.set(key, deadline_us.saturating_add(1));
            }
        }
        self.keys.give_back(keys);
        self.emit(&matches, out)?;
        gone.into_iter().try_for_each(|number| self.waiting.rows.free(number))
    }

    /// Which steps each row fits, and the rows for which that cannot be computed.
    fn fits(
        &mut self,
        batch: &RecordBatch,
        passed: &[(i64, u64)],
        keys: &[usize],
    ) -> Result<(Vec<Fits>, Vec<RowFailure>), NodeError> {
        let with_previous = match &self.plan.with_previous {
            None => None,
            Some(schema) => {
                let mut before = Vec::with_capacity(passed.len());
                for ((time_us, number), key) in passed.iter().copied().zip(keys) {
                    let last = self.keys.states[*key].last.replace((time_us, number));
                    let is_near = |last_us: i64| last_us.saturating_add(self.plan.within_us) >= time_us;
                    before.push(last.filter(|(last_us, _)| is_near(*last_us)).map(|(_, number)| number));
                }
                let columns = self.waiting.rows.columns(&before)?;
                let previous = StructArray::try_new(previous_fields(&self.input).into(), columns, None)?;
                let columns = batch.columns().iter().cloned().chain([Arc::new(previous) as ArrayRef]);
                Some(RecordBatch::try_new(schema.clone(), columns.collect())?)
            }
        };
        let mut fits: Vec<Fits> = vec![0; batch.num_rows()];
        let mut failures = Vec::new();
        for (step, condition) in self.plan.conditions.iter().enumerate() {
            let rows = with_previous.as_ref().filter(|_| condition.uses_previous).unwrap_or(batch);
            let (passes, failed) = condition.expression.evaluate_predicate(rows)?;
            for row in passes.values().set_indices().filter(|row| passes.is_valid(*row)) {
                fits[row] |= 1 << step;
            }
            failures.push(failed);
        }
        Ok((fits, merge_failures(failures)))
    }

    /// Decides what no row can change any more.
    fn expire(&mut self, watermark_us: i64, out: &mut Output) -> Result<(), NodeError> {
        let mut matches: Vec<Match> = Vec::new();
        while let Some(key) = self.timers.due(watermark_us) {
            let (steps, attempts) = (&self.plan.steps, &mut self.keys.states[key].attempts);
            self.attempt_bytes -= attempts.bytes();
            attempts.pass(steps, watermark_us, &mut |taken| matches.push((key, taken)));
            self.attempt_bytes += attempts.bytes();
            if let Some(deadline_us) = attempts.deadline_us(steps) {
                self.timers.set(key, deadline_us.saturating_add(1));
            }
        }
        self.emit(&matches, out)
    }

    fn emit(&mut self, matches: &[Match], out: &mut Output) -> Result<(), NodeError> {
        for matches in matches.chunks(BATCH_ROWS) {
            let taken: Vec<Taken> = matches.iter().flat_map(|(_, taken)| taken).copied().collect();
            let mut counts = vec![vec![0_i64; matches.len()]; self.plan.names.len()];
            let mut slots = Vec::with_capacity(taken.len());
            for (slot, (_, taken)) in matches.iter().enumerate() {
                taken.iter().for_each(|taken| counts[taken.step][slot] += 1);
                slots.resize(slots.len() + taken.len(), slot);
            }
            let rows = self.waiting.rows.take(&taken.iter().map(|taken| taken.number).collect::<Vec<_>>())?;
            let mut columns = rows.columns().to_vec();
            if self.input.index_of(STEP).is_err() {
                let steps = taken.iter().map(|taken| self.plan.names[taken.step].as_str());
                columns.push(Arc::new(StringArray::from_iter_values(steps)));
            }
            let measured = RecordBatch::try_new(self.plan.measured.clone(), columns)?;
            let (prepared, failures) = self.plan.measures.prepare(&measured)?;
            let mut table = self.plan.measures.new_slots()?;
            table.update(&prepared, &slots, matches.len())?;
            let mut finished = table.finish(Vec::new(), matches.len())?;
            let of_rows = failures.into_iter().map(|failure| RowFailure { row: slots[failure.row], ..failure });
            finished.failures.extend(of_rows);
            finished.failures.sort_by_key(|failure| failure.row);
            finished.failures.dedup_by_key(|failure| failure.row);

            let keys: Vec<usize> = matches.iter().map(|(key, _)| *key).collect();
            let mut leading = self.keys.take(&keys)?.columns().to_vec();
            let firsts = matches.iter().filter_map(|(_, taken)| taken.first());
            leading.push(self.plan.time.column(firsts.map(|taken| taken.time_us))?);
            let lasts = matches.iter().filter_map(|(_, taken)| taken.last());
            leading.push(self.plan.time.column(lasts.map(|taken| taken.time_us))?);
            leading.extend(counts.into_iter().map(|counts| Arc::new(Int64Array::from(counts)) as ArrayRef));
            let rows = results(&self.plan.schema, leading, finished, &mut self.rejecting, out)?;
            out.emit(ROWS, rows);
        }
        Ok(())
    }

    /// Gives up the rows that no attempt can know any more, and the keys that have nothing under way.
    fn forget(&mut self, watermark_us: i64) -> Result<(), NodeError> {
        let within_us = self.plan.within_us;
        let is_old = |time_us: i64| watermark_us == i64::MAX || time_us.saturating_add(within_us) < watermark_us;
        while let Some((_, number)) = self.held.pop_front_if(|(time_us, _)| is_old(*time_us)) {
            self.waiting.rows.free(number)?;
        }
        if self.keys.states.len() < self.tidy_at {
            return Ok(());
        }
        let is_alive =
            |state: &KeyState| !state.attempts.is_empty() || state.last.is_some_and(|(time_us, _)| !is_old(time_us));
        let num_alive = self.keys.states.iter().filter(|state| is_alive(state)).count();
        if self.keys.tidy(num_alive, is_alive)? {
            self.reset_timers();
        }
        self.tidy_at = (num_alive * 2).max(FEW_KEYS);
        Ok(())
    }

    fn reset_timers(&mut self) {
        self.timers = Timers::default();
        for (key, state) in self.keys.states.iter().enumerate() {
            if let Some(deadline_us) = state.attempts.deadline_us(&self.plan.steps) {
                self.timers.set(key, deadline_us.saturating_add(1));
            }
        }
    }
}

impl Operator for PatternOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let in_time = self.lateness.sort_out(batch, LATE, out)?;
        self.waiting.hold(in_time.batch, &in_time.times)
    }

    fn on_watermark(&mut self, watermark_us: i64, out: &mut Output) -> Result<(), NodeError> {
        self.lateness.advance(watermark_us);
        loop {
            let passed = self.waiting.take_passed(watermark_us, BATCH_ROWS);
            if passed.is_empty() {
                break;
            }
            self.show(&passed, out)?;
        }
        self.expire(watermark_us, out)?;
        self.forget(watermark_us)?;
        // What is decided from now on began this long ago at most.
        out.watermark(match watermark_us {
            i64::MAX => i64::MAX,
            watermark_us => watermark_us.saturating_sub(self.plan.within_us),
        });
        Ok(())
    }

    fn makes_watermarks(&self) -> bool {
        true
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        let (rows, numbers) = self.waiting.rows.all()?;
        let place = |number: u64| numbers.partition_point(|known| *known < number) as u64;
        let mut attempts: Vec<Attempt> =
            self.keys.states.iter().flat_map(|state| state.attempts.iter()).cloned().collect();
        attempts.iter_mut().for_each(|attempt| attempt.renumber(place));
        let header = Header {
            watermark_us: self.lateness.watermark_us,
            rows_seen: self.rejecting.rows_seen(),
            held: self.held.iter().map(|(_, number)| place(*number)).collect(),
            attempts,
        };
        saved::to_bytes(&header, &[rows])
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let (header, [rows]) = saved::from_bytes::<Header, 1>(state)?;
        self.lateness.watermark_us = header.watermark_us;
        self.rejecting.set_rows_seen(header.rows_seen);
        let times = self.lateness.times(&rows)?;
        let keys = self.keys.numbers(&key_arrays(&rows, &self.plan.keys), rows.num_rows())?;
        let place_of = |place: u64| usize::try_from(place).ok().filter(|place| *place < keys.len());
        let first = self.waiting.rows.push(rows)?;
        for place in &header.held {
            let row = place_of(*place).ok_or_else(saved::damaged)?;
            let held = (times.value(row), first + place);
            self.held.push_back(held);
            if self.plan.with_previous.is_some() {
                self.keys.states[keys[row]].last = Some(held);
            }
        }
        let held: HashSet<u64> = header.held.into_iter().collect();
        for place in (0..keys.len() as u64).filter(|place| !held.contains(place)) {
            let row = place_of(place).ok_or_else(saved::damaged)?;
            self.waiting.wait(times.value(row), first + place);
        }
        for mut attempt in header.attempts {
            let row = place_of(attempt.first()).ok_or_else(saved::damaged)?;
            attempt.renumber(|place| first + place);
            self.keys.states[keys[row]].attempts.restore(attempt);
        }
        self.keys.give_back(keys);
        self.attempt_bytes = self.keys.states.iter().map(|state| state.attempts.bytes()).sum();
        self.reset_timers();
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        self.waiting.bytes()
            + self.held.capacity() * size_of::<(i64, u64)>()
            + self.keys.state_bytes()
            + self.attempt_bytes
            + self.timers.state_bytes()
    }
}
