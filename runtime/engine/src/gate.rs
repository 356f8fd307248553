//! Where a run stands still: paused by a person, or halted at a breakpoint.
//!
//! Both hold the sources, and rows in flight are handled. In a pause, a step lets each source give one batch. A halt also
//! holds the batch that met the breakpoint on its wire, and what comes behind it, so that every row before it has been
//! handled everywhere when people look. Between nodes of one task a batch cannot stand: there, nodes may have handled it
//! already, but nothing of it has left their task. Invariant: a run that is told to end never stands again.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use millrace_model::Wire;
use millrace_model::run::Standstill;
use millrace_operator::{CompiledExpression, ExpressionError};
use tokio::sync::watch;

/// A batch that stands before its wire, and which of its rows made it stand.
#[derive(Debug, Clone)]
pub struct Halted {
    /// Counts the halts of the run, from 1.
    pub number: u64,
    pub wire: Wire,
    /// The first row that meets the condition, from 0.
    pub row: usize,
    pub rows: RecordBatch,
}

#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    is_paused: bool,
    /// Batches that each source may have given by steps, since the run began.
    steps: u64,
    is_halted: bool,
    halts: u64,
    /// How often the run began to stand.
    stands: u64,
    /// The run is told to end.
    is_open_for_good: bool,
}

/// What all tasks of a run pass through.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    standing: watch::Sender<Standing>,
    halted: Mutex<Option<Halted>>,
}

/// What a source remembers of the gate.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    steps: u64,
    stands: u64,
}

impl Gate {
    pub fn pause(&self) {
        self.change(|standing| {
            if !standing.is_paused && !standing.is_open_for_good {
                standing.is_paused = true;
                standing.stands += 1;
            }
        });
    }

    /// Lets everything go on.
    pub fn resume(&self) {
        self.change(|standing| {
            standing.is_paused = false;
            standing.is_halted = false;
        });
    }

    /// Lets the run go on from a halt, paused where it was paused; else each source may give one batch more.
    pub fn step(&self) {
        self.change(|standing| match standing.is_halted {
            true => standing.is_halted = false,
            false => standing.steps += u64::from(standing.is_paused),
        });
    }

    /// Lets everything go on, and nothing stand again.
    pub fn open_for_good(&self) {
        self.change(|standing| {
            standing.is_paused = false;
            standing.is_halted = false;
            standing.is_open_for_good = true;
        });
    }

    pub fn standstill(&self) -> Option<Standstill> {
        let halted = lock(&self.halted).as_ref().map(|halted| (halted.wire.clone(), halted.number));
        let standing = *self.standing.borrow();
        match halted {
            Some((wire, number)) if standing.is_halted => Some(Standstill::Halted { wire, number }),
            _ if standing.is_paused => Some(Standstill::Paused),
            _ => None,
        }
    }

    /// What the run stands at.
    pub fn halted(&self) -> Option<Halted> {
        lock(&self.halted).clone()
    }

    /// Waits until a source may give rows. Cancel safe.
    pub async fn may_give(&self, turn: &mut Turn) {
        let has_turn = |standing: &Standing| !standing.is_paused || standing.steps > turn.steps;
        let standing = self.wait_for(|standing| !standing.is_halted && has_turn(standing)).await;
        if !standing.is_paused {
            turn.steps = standing.steps;
        }
    }

    /// Notes that a source has given a batch.
    pub fn note_given(&self, turn: &mut Turn) {
        turn.steps = self.standing.borrow().steps.min(turn.steps + 1);
    }

    /// Whether the run stands, or has stood since the last time that this was asked: then time that went by says nothing
    /// about a source.
    pub fn has_stood(&self, turn: &mut Turn) -> bool {
        let standing = *self.standing.borrow();
        let stood_before = std::mem::replace(&mut turn.stands, standing.stands);
        standing.is_paused || standing.is_halted || stood_before != standing.stands
    }

    /// Halts the run at a batch and waits until somebody lets it go on. Other halts have their turn first.
    pub async fn halt(&self, wire: Wire, row: usize, rows: RecordBatch) {
        let mut number = None;
        while number.is_none() {
            self.wait_for(|standing| !standing.is_halted).await;
            self.change(|standing| {
                if standing.is_open_for_good || standing.is_halted {
                    return;
                }
                standing.is_halted = true;
                standing.halts += 1;
                standing.stands += 1;
                number = Some(standing.halts);
                let halted = Halted { number: standing.halts, wire: wire.clone(), row, rows: rows.clone() };
                *lock(&self.halted) = Some(halted);
            });
            if self.standing.borrow().is_open_for_good {
                return;
            }
        }
        self.wait_for(|standing| !standing.is_halted || Some(standing.halts) != number).await;
    }

    async fn wait_for(&self, condition: impl FnMut(&Standing) -> bool) -> Standing {
        let mut receiver = self.standing.subscribe();
        // The sender is a part of `self`, so it cannot be gone.
        receiver.wait_for(condition).await.map(|standing| *standing).unwrap_or_default()
    }

    fn change(&self, change: impl FnOnce(&mut Standing)) {
        self.standing.send_modify(|standing| {
            change(standing);
            if !standing.is_halted {
                *lock(&self.halted) = None;
            }
        });
    }
}

/// The breakpoint of one wire, or none.
#[derive(Debug, Default)]
pub(crate) struct Snare {
    /// Whether there is anything to look for.
    is_set: AtomicBool,
    set: Mutex<Set>,
}

#[derive(Debug, Default)]
struct Set {
    breakpoint: Option<Option<CompiledExpression>>,
    takes_next: bool,
}

impl Snare {
    /// What to look for in rows of `schema`; none where every batch is to be caught.
    ///
    /// # Errors
    /// When that is not a condition over such rows.
    pub fn compile(condition: &str, schema: &SchemaRef) -> Result<Option<CompiledExpression>, ExpressionError> {
        match condition.trim() {
            "" => Ok(None),
            condition => CompiledExpression::compile_predicate(condition, schema).map(Some),
        }
    }

    /// Sets the breakpoint, or takes it away.
    pub fn set(&self, breakpoint: Option<Option<CompiledExpression>>) {
        let mut set = lock(&self.set);
        *set = Set { takes_next: set.takes_next && breakpoint.is_some(), breakpoint };
        self.is_set.store(set.breakpoint.is_some() || set.takes_next, Relaxed);
    }

    /// Catches the next batch, whatever it holds.
    pub fn take_next(&self) {
        lock(&self.set).takes_next = true;
        self.is_set.store(true, Relaxed);
    }

    /// The first row for which a batch is to stand. A row for which the condition cannot be computed does not meet it.
    pub fn catches(&self, batch: &RecordBatch) -> Option<usize> {
        if !self.is_set.load(Relaxed) || batch.num_rows() == 0 {
            return None;
        }
        let mut set = lock(&self.set);
        let first = match &set.breakpoint {
            None => None,
            Some(None) => Some(0),
            Some(Some(condition)) => {
                let meets = condition.evaluate_predicate(batch).ok().map(|(meets, _)| meets);
                meets.and_then(|meets| (0..meets.len()).find(|row| meets.value(*row)))
            }
        };
        if std::mem::take(&mut set.takes_next) {
            self.is_set.store(set.breakpoint.is_some(), Relaxed);
            return Some(first.unwrap_or(0));
        }
        first
    }
}

/// Nothing that is held under these locks can be left half done by a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_a_run_stood_says_nothing_about_a_source() {
        let (gate, mut turn) = (Gate::default(), Turn::default());
        assert!(!gate.has_stood(&mut turn));
        gate.pause();
        assert!(gate.has_stood(&mut turn) && gate.has_stood(&mut turn), "it still stands");
        gate.resume();
        assert!(!gate.has_stood(&mut turn));
        gate.pause();
        gate.resume();
        assert!(gate.has_stood(&mut turn), "it stood meanwhile");
        assert!(!gate.has_stood(&mut turn));
    }

    #[tokio::test]
    async fn steps_that_a_source_did_not_take_are_void_once_the_run_goes_on() {
        let (gate, mut turn) = (Gate::default(), Turn::default());
        gate.pause();
        (0..3).for_each(|_| gate.step());
        gate.may_give(&mut turn).await;
        gate.note_given(&mut turn);
        gate.resume();
        gate.may_give(&mut turn).await;
        gate.pause();
        let again = tokio::time::timeout(std::time::Duration::from_millis(20), gate.may_give(&mut turn)).await;
        assert!(again.is_err(), "it waits for a step of this pause");
    }
}
