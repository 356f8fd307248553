//! The end of a run: waits for all tasks, ends the others when one fails, and only then finishes or aborts the sinks, so
//! that a failure anywhere leaves no output half visible.

use std::panic;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use millrace_model::run::{RunFailure, RunState};
use tokio::sync::{mpsc, watch};

use crate::checkpoint::{Outcome, sentence};
use crate::guard::{Stopped, words_of};
use crate::memory::MemoryBudget;
use crate::run::{Phase, RunOutcome, Shared, advance};
use crate::task::{OpenSink, TaskEnd};
use crate::world::{Panic, Spawned};

pub(crate) async fn supervise(
    mut ends: mpsc::UnboundedReceiver<Result<TaskEnd, Panic>>,
    memory: MemoryBudget,
    coordinator: Option<Spawned<Outcome>>,
    shared: Arc<Shared>,
    phase: watch::Sender<Phase>,
    outcome: watch::Sender<Option<RunOutcome>>,
) {
    let mut failure: Option<RunFailure> = None;
    let mut sinks = Vec::new();
    let mut was_cut = false;
    loop {
        let end = tokio::select! {
            biased;
            end = ends.recv() => end,
            refusal = memory.used_up(&shared), if failure.is_none() => {
                failure = Some(refusal);
                advance(&phase, Phase::Aborting);
                continue;
            }
        };
        let Some(end) = end else { break };
        let result = match end {
            Ok(end) => {
                sinks.extend(end.sink);
                was_cut |= end.was_cut;
                end.result
            }
            Err(panic) => Err(Stopped::Failed(RunFailure {
                node: None,
                message: format!("The engine broke down, which is a defect of Millrace: {}", words_of(panic.as_ref())),
            })),
        };
        if let Err(stopped) = result {
            if let (Stopped::Failed(first), true) = (stopped, failure.is_none()) {
                failure = Some(first);
            }
            advance(&phase, Phase::Aborting);
        }
    }

    let mut is_resumable = false;
    if let Some(coordinator) = coordinator {
        // All lines to it are gone with the tasks, so it comes to its end too.
        let outcome = match coordinator.join().await {
            Ok(outcome) => outcome,
            Err(Some(panic)) => panic::resume_unwind(panic),
            // The runtime is being shut down.
            Err(None) => return,
        };
        is_resumable = outcome.is_resumable;
        failure = failure.or_else(|| {
            let message = |fault| {
                format!("The last checkpoint is missing, so the outputs are not finished: {}.", sentence(&fault))
            };
            outcome.fault.map(|fault| RunFailure { node: None, message: message(fault) })
        });
    }
    let failure = finish(sinks, failure, is_resumable, &phase);
    let state = match (&failure, was_cut) {
        (Some(_), _) => RunState::Failed,
        (None, true) => RunState::Stopped,
        (None, false) => RunState::Done,
    };
    let metrics = shared.metrics(state, failure.clone());
    outcome.send_replace(Some(RunOutcome { state, failure, metrics }));
}

/// Finishes the sinks, or aborts them when the run has failed or one of them does. Where another run can go on from a
/// checkpoint, nothing is taken back: what is not visible yet is what that run goes on with.
fn finish(
    sinks: Vec<OpenSink>,
    mut failure: Option<RunFailure>,
    is_resumable: bool,
    phase: &watch::Sender<Phase>,
) -> Option<RunFailure> {
    let cut_short = || {
        let message = "The run was ended at once: what was not finished by then is not kept.".to_owned();
        (*phase.borrow() == Phase::Aborting).then_some(RunFailure { node: None, message })
    };
    failure = failure.or_else(cut_short);
    for mut open in sinks {
        failure = failure.or_else(cut_short);
        if failure.is_none() {
            match open.named.call(|| open.sink.finish()) {
                Ok(()) => {
                    open.named.counters.set_status(open.sink.status());
                    open.named.counters.is_finished.store(true, Relaxed);
                    continue;
                }
                Err(Stopped::Failed(reason)) => failure = Some(reason),
                Err(Stopped::Cancelled) => {}
            }
        }
        if !is_resumable {
            abort(&mut open);
        }
    }
    failure
}

/// Makes a sink take back what it has not made visible.
pub(crate) fn abort(open: &mut OpenSink) {
    let aborted = open.named.call(|| {
        open.sink.abort();
        Ok(())
    });
    if let Err(Stopped::Failed(reason)) = aborted {
        tracing::warn!(node = %open.named.id, "could not take back unfinished output: {}", reason.message);
    }
}
