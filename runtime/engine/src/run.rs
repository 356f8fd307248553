//! The handle of a run that goes on: what it tells, and how it is stopped.
//!
//! Nothing here waits for a task, and no task waits for anything here: counters are atomics, rows and pictures are taken
//! from small cells, so that whoever looks can never slow a run. Dropping the handle ends the run at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arrow::array::RecordBatch;
use millrace_model::run::{Breakpoint, CheckpointMetrics, RunFailure, RunMetrics, RunState};
use millrace_model::view::Look;
use millrace_model::{Diagnostic, NodeId, Wire};
use millrace_operator::ViewSnapshot;
use tokio::sync::watch;

use crate::counters::{NodeCell, WireCell, cpu_use, memory_bytes};
use crate::edit::Editing;
use crate::gate::{Gate, Halted};
use crate::newest::NewestRows;
use crate::picture::PictureCell;
use crate::recorder::Recorder;
use crate::start::set_breakpoints;
use crate::world::World;

/// How far a run is on its way to its end. It only ever moves down this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Running,
    /// Sources stop; everything else goes on until it is empty.
    Draining,
    /// Every task stops where it is.
    Aborting,
}

/// What the tasks of a run and its handle share.
pub(crate) struct Shared {
    pub nodes: BTreeMap<NodeId, Arc<NodeCell>>,
    pub wires: BTreeMap<Wire, Arc<WireCell>>,
    pub gate: Arc<Gate>,
    pub pictures: BTreeMap<NodeId, Arc<PictureCell>>,
    pub recent: BTreeMap<(NodeId, String), Arc<NewestRows>>,
    pub started: Instant,
    pub world: World,
    pub checkpoint: Mutex<Option<CheckpointMetrics>>,
}

impl Shared {
    /// Has the recorder keep what every source gives.
    pub fn record_sources(&self, recorder: &Arc<Recorder>) {
        recorder.begin(&self.world);
        for (id, cell) in self.nodes.iter().filter(|(_, cell)| cell.is_source) {
            cell.listener.begin(recorder.clone(), id.clone(), cell.instances.len());
        }
    }

    /// The newest checkpoint.
    pub fn checkpoint(&self) -> Option<CheckpointMetrics> {
        self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_checkpoint(&self, checkpoint: CheckpointMetrics) {
        *self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner) = Some(checkpoint);
    }

    pub fn metrics(&self, state: RunState, failure: Option<RunFailure>) -> RunMetrics {
        RunMetrics {
            state,
            elapsed_ms: u64::try_from((self.world.now() - self.started).as_millis()).unwrap_or(u64::MAX),
            failure,
            nodes: self.nodes.iter().map(|(id, cell)| (id.clone(), cell.metrics())).collect(),
            wires: self.wires.values().map(|cell| cell.metrics()).collect(),
            memory_bytes: memory_bytes(),
            cpu: cpu_use(),
            checkpoint: self.checkpoint(),
            standstill: if state.is_over() { None } else { self.gate.standstill() },
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct RunOutcome {
    /// `Done`, `Stopped` or `Failed`. A run that was ended at once has failed, without a node.
    pub state: RunState,
    /// Why it failed, with the node's title in the message.
    pub failure: Option<RunFailure>,
    /// Everything counted, at the end.
    pub metrics: RunMetrics,
}

/// A run, from its start until after its end. Dropping it ends the run as [`Run::abort`] does.
pub struct Run {
    pub(crate) shared: Arc<Shared>,
    pub(crate) phase: watch::Sender<Phase>,
    pub(crate) outcome: watch::Receiver<Option<RunOutcome>>,
    pub(crate) editing: Editing,
}

impl Run {
    pub fn state(&self) -> RunState {
        if let Some(outcome) = &*self.outcome.borrow() {
            return outcome.state;
        }
        if *self.phase.borrow() == Phase::Running { RunState::Running } else { RunState::Stopping }
    }

    /// Everything counted up to now; after the end, as it was at the end.
    pub fn metrics(&self) -> RunMetrics {
        if let Some(outcome) = &*self.outcome.borrow() {
            return outcome.metrics.clone();
        }
        self.shared.metrics(self.state(), None)
    }

    /// Begins to keep the newest rows of a wire; false when the run has no such wire.
    pub fn tap(&self, wire: &Wire) -> bool {
        self.shared.wires.get(wire).is_some_and(|cell| {
            cell.tap.open();
            true
        })
    }

    /// Stops keeping rows of a wire and forgets those that were kept.
    pub fn untap(&self, wire: &Wire) {
        if let Some(cell) = self.shared.wires.get(wire) {
            cell.tap.close();
        }
    }

    /// The newest rows of a tapped wire, oldest first; `None` while there are none.
    pub fn tapped(&self, wire: &Wire) -> Option<RecordBatch> {
        self.shared.wires.get(wire)?.tap.rows()
    }

    /// Has the recorder keep what the sources give from now on, and nothing that another one listened to.
    pub fn record(&self, recorder: &Arc<Recorder>) {
        self.stop_recording();
        self.shared.record_sources(recorder);
    }

    /// The same of what goes over one wire, as what is given by the node before it; false when the run has no such wire.
    pub fn record_wire(&self, recorder: &Arc<Recorder>, wire: &Wire) -> bool {
        let Some(cell) = self.shared.wires.get(wire) else { return false };
        self.stop_recording();
        recorder.begin(&self.shared.world);
        let num_instances = self.shared.nodes[&wire.from.node].instances.len();
        cell.listener.begin(recorder.clone(), wire.from.node.clone(), num_instances);
        true
    }

    /// Has nobody listen any more.
    pub fn stop_recording(&self) {
        self.shared.nodes.values().for_each(|cell| cell.listener.end());
        self.shared.wires.values().for_each(|cell| cell.listener.end());
    }

    /// The newest picture of a view node with its version, which grows with each picture. Asking makes the node draw a
    /// new one soon, if it has got rows since; `None` while there is none yet or the node has no view.
    pub fn view(&self, node: &NodeId) -> Option<(u64, ViewSnapshot)> {
        self.shared.pictures.get(node)?.look()
    }

    /// The same of a part of what the node shows. A part that nobody asks for for five seconds is forgotten, and its
    /// versions begin anew. Once the run is over this draws, which may take some milliseconds.
    pub fn part_of_view(&self, node: &NodeId, look: &Look) -> Option<(u64, ViewSnapshot)> {
        self.shared.pictures.get(node)?.look_at(look)
    }

    /// The nodes that have pictures.
    pub fn views(&self) -> impl Iterator<Item = &NodeId> {
        self.shared.pictures.keys()
    }

    /// The newest rows that left by an unwired `late` or `rejected` port, oldest first; `None` while there are none.
    pub fn recent(&self, node: &NodeId, port: &str) -> Option<RecordBatch> {
        self.shared.recent.get(&(node.clone(), port.to_owned()))?.rows()
    }

    /// Has the sources wait; rows in flight are handled. A source gives the batch that it is making.
    pub fn pause(&self) {
        self.shared.gate.pause();
    }

    /// Lets a run go on that was paused or that halted.
    pub fn resume(&self) {
        self.shared.gate.resume();
    }

    /// Lets the batch go at which the run halted, and halts at the next on the same wire; where the run is paused, lets
    /// each source give one batch.
    pub fn step(&self) {
        if let Some(cell) = self.halted().and_then(|halted| self.shared.wires.get(&halted.wire)) {
            cell.snare.take_next();
        }
        self.shared.gate.step();
    }

    /// The batch at which the run has halted.
    pub fn halted(&self) -> Option<Halted> {
        self.shared.gate.halted()
    }

    /// Has the run halt at these places and at no other. Wires that the run does not have are passed over.
    ///
    /// # Errors
    /// A fault at each wire whose condition does not fit its rows; nothing has changed then.
    pub async fn set_breakpoints(&self, breakpoints: &[Breakpoint]) -> Result<(), Vec<Diagnostic>> {
        set_breakpoints(&self.shared.wires, &*self.editing.plan.lock().await, breakpoints)
    }

    /// Stops gracefully: sources stop, rows in flight drain, sinks finish. Where checkpoints are taken, a last one keeps
    /// open windows for the run that goes on; elsewhere they are emitted as at the end of the input. Does nothing when
    /// the run is over or ending.
    pub fn stop(&self) {
        self.shared.gate.open_for_good();
        self.enter(Phase::Draining);
    }

    /// Ends the run at once: tasks stop where they are and sinks take back what they have not made visible.
    pub fn abort(&self) {
        self.enter(Phase::Aborting);
    }

    /// Waits for the end, and gives it again whenever asked.
    pub async fn finished(&self) -> RunOutcome {
        let mut outcome = self.outcome.clone();
        loop {
            if let Some(outcome) = outcome.borrow_and_update().clone() {
                return outcome;
            }
            if outcome.changed().await.is_err() && outcome.borrow().is_none() {
                return self.lost();
            }
        }
    }

    /// The supervisor is gone without a word: the runtime under it was shut down.
    fn lost(&self) -> RunOutcome {
        let message = "The run was cut off because the program is shutting down.".to_owned();
        let failure = Some(RunFailure { node: None, message });
        RunOutcome {
            state: RunState::Failed,
            failure: failure.clone(),
            metrics: self.shared.metrics(RunState::Failed, failure),
        }
    }

    fn enter(&self, phase: Phase) {
        advance(&self.phase, phase);
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.abort();
    }
}

/// Moves on to `phase` unless the run is there or further already.
pub(crate) fn advance(sender: &watch::Sender<Phase>, phase: Phase) {
    sender.send_if_modified(|now| {
        let is_further = phase > *now;
        if is_further {
            *now = phase;
        }
        is_further
    });
}

/// Waits until the run has come to `phase` or further.
pub(crate) async fn reached(receiver: &mut watch::Receiver<Phase>, phase: Phase) {
    // An error means that nobody can change the phase any more: the run is lost, and the same as aborted.
    let _ = receiver.wait_for(|now| *now >= phase).await;
}
