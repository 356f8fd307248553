//! Checkpoints: a consistent picture of a run, taken while it goes on, from which another run can go on.
//!
//! Aligned barriers, after Chandy and Lamport as Flink has it: sources put a barrier between two rows and note where
//! they are; a node that gets rows from several queues waits until the barrier has come on all of them, notes its state
//! and passes the barrier on. What all of them noted belongs together: every row before the barrier is in it, and none
//! after. The [`coordinator`] gathers the notes, has them written to a [`folder`], and then tells the sinks that what
//! they prepared may become visible.

mod coordinator;
mod folder;

use millrace_model::NodeId;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

pub(crate) use coordinator::{Coordinator, Marks, Outcome, sentence};
pub(crate) use folder::fingerprint;
pub use folder::{Checkpoint, Found, NodeFate, StateError, StateFolder};

use crate::aside::SavedAside;
use crate::counters::SavedCounters;

/// A place between two rows that all nodes see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Barrier {
    pub number: u64,
    /// The run stops here: nothing follows, and open windows are kept for the run that goes on.
    pub is_last: bool,
}

/// What one instance of a node has to remember.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedInstance {
    #[serde(with = "serde_bytes")]
    pub state: Vec<u8>,
    pub watermark_in: Option<i64>,
    pub watermark_out: Option<i64>,
    /// Its input had ended, and it had passed that on.
    pub has_ended: bool,
    pub counters: SavedCounters,
    /// Rows that wait for a later watermark.
    #[serde(default)]
    pub aside: Vec<SavedAside>,
}

/// One instance of a node, as a checkpoint names it.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub node: NodeId,
    pub instance: usize,
    pub saved: SavedInstance,
}

/// What a task tells the coordinator.
#[derive(Debug)]
pub(crate) enum Report {
    /// The state of its nodes at a barrier.
    AtBarrier(Barrier, Vec<Part>),
    /// Its input has ended; this is how its nodes stay.
    Ended(Vec<Part>),
}

/// The line between one task and the coordinator.
#[derive(Debug)]
pub(crate) struct TaskLine {
    task: usize,
    reports: mpsc::UnboundedSender<(usize, Report)>,
    barriers: watch::Receiver<Option<Barrier>>,
    committed: watch::Receiver<u64>,
}

impl TaskLine {
    pub fn report(&self, report: Report) {
        // Nobody listens only when the run is being ended.
        let _ = self.reports.send((self.task, report));
    }

    /// Waits for the next barrier that this source is to put into its rows. Cancel safe.
    pub async fn barrier(line: &mut Option<Self>) -> Barrier {
        if let Some(line) = line
            && line.barriers.changed().await.is_ok()
            && let Some(barrier) = *line.barriers.borrow_and_update()
        {
            return barrier;
        }
        std::future::pending().await
    }

    /// The number of the newest checkpoint that holds.
    pub fn committed(&mut self) -> u64 {
        *self.committed.borrow_and_update()
    }

    /// Waits until a newer checkpoint holds. Cancel safe.
    pub async fn next_commit(line: &mut Option<Self>) {
        if let Some(line) = line
            && line.committed.changed().await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }
}
