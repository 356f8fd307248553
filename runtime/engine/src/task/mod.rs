//! The loops that drive the machines: one for each kind of first node.
//!
//! A task waits only at places where it can be cut off without harm; when the run is aborted its loop is dropped there,
//! and the machine comes back to the supervisor, which alone finishes or aborts sinks.

mod last;
mod notes;
mod operators;
mod pace;
mod source;

use std::sync::Arc;

use millrace_operator::{Sink, Source, View};
use tokio::sync::watch;

use self::last::{drive_sink, drive_view};
use self::notes::Notes;
use self::operators::{drive_operators, stay_ended};
use self::source::drive_source;
use crate::chain::Chain;
use crate::checkpoint::TaskLine;
use crate::edit::Swaps;
use crate::gate::Gate;
use crate::guard::{Named, Stopped};
use crate::inputs::Inputs;
use crate::memory::MemoryBudget;
use crate::options::RunOptions;
use crate::picture::Easel;
use crate::recorder::Listener;
use crate::run::{Phase, reached};

/// A task: what it drives, and how it takes part in checkpoints.
pub(crate) struct Task {
    pub work: Work,
    /// Which instance of its nodes it is.
    pub instance: usize,
    /// Where checkpoints are taken.
    pub line: Option<TaskLine>,
    /// Nodes that are to be replaced while the run goes on.
    pub swaps: Swaps,
    /// Where the run stands still.
    pub gate: Arc<Gate>,
    /// The input had ended before the checkpoint that this run goes on from, and its nodes had said all.
    pub had_ended: bool,
}

/// What a task drives.
pub(crate) enum Work {
    Source { source: Box<dyn Source>, chain: Chain, listener: Arc<Listener> },
    Operator { inputs: Inputs, chain: Chain },
    Sink { inputs: Inputs, sink: OpenSink },
    View { inputs: Inputs, view: Box<dyn View>, named: Named, easel: Easel },
}

impl Work {
    /// What wires begin at.
    pub fn chain_mut(&mut self) -> Option<&mut Chain> {
        match self {
            Self::Source { chain, .. } | Self::Operator { chain, .. } => Some(chain),
            Self::Sink { .. } | Self::View { .. } => None,
        }
    }
}

/// A sink with its node.
pub(crate) struct OpenSink {
    pub named: Named,
    pub sink: Box<dyn Sink>,
}

/// What a task leaves behind.
pub(crate) struct TaskEnd {
    pub result: Result<(), Stopped>,
    /// A sink still has to be finished or aborted.
    pub sink: Option<OpenSink>,
    /// A source was stopped before its own end.
    pub was_cut: bool,
}

impl Task {
    /// Runs until the input ends, the node fails, or the run is aborted.
    pub async fn run(mut self, options: RunOptions, phase: watch::Receiver<Phase>, memory: MemoryBudget) -> TaskEnd {
        let mut was_cut = false;
        let mut aborted = phase.clone();
        let mut notes = Notes { line: self.line.take(), instance: self.instance };
        let (swaps, gate) = (&mut self.swaps, &*self.gate);
        let had_ended = self.had_ended;
        let work = async {
            match &mut self.work {
                Work::Source { chain, .. } if had_ended => stay_ended(None, chain, &notes, &options.world).await,
                Work::Operator { inputs, chain } if had_ended => {
                    stay_ended(Some(inputs), chain, &notes, &options.world).await
                }
                Work::Source { source, chain, listener } => {
                    let shared = (phase, &memory, gate);
                    was_cut = drive_source(source, chain, &options, shared, listener, &mut notes, swaps).await?;
                    Ok(())
                }
                Work::Operator { inputs, chain } => drive_operators(inputs, chain, &options, &notes, swaps).await,
                Work::Sink { inputs, sink } => drive_sink(inputs, sink, &options, &mut notes, swaps).await,
                Work::View { inputs, view, named, easel } => {
                    drive_view(inputs, view, named, easel, &options, (&notes, swaps)).await
                }
            }
        };
        let result = tokio::select! {
            biased;
            () = reached(&mut aborted, Phase::Aborting) => Err(Stopped::Cancelled),
            result = work => result,
        };
        let sink = match self.work {
            Work::Sink { sink, .. } => Some(sink),
            // A view that failed may be in any state.
            Work::View { view, easel, .. } if matches!(result, Ok(()) | Err(Stopped::Cancelled)) => {
                easel.leave(view);
                None
            }
            _ => None,
        };
        TaskEnd { result, sink, was_cut }
    }
}
