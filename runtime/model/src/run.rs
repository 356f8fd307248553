//! What a run tells about itself: states and counters, as plain data for the designer, the CLI and metrics files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{NodeId, Wire};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    Running,
    /// Sources have stopped; rows in flight are drained and sinks flush.
    Stopping,
    /// Every source came to its end and every row was handled.
    Done,
    /// Stopped by a person; everything that was in flight was handled.
    Stopped,
    Failed,
}

impl RunState {
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Stopped | Self::Failed)
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Stopping => "Stopping",
            Self::Done => "Done",
            Self::Stopped => "Stopped",
            Self::Failed => "Failed",
        }
    }
}

/// Everything counted in one run, at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunMetrics {
    pub state: RunState,
    /// Milliseconds since the run started, or that it took.
    pub elapsed_ms: u64,
    /// Why the run failed: one sentence that names the node.
    pub failure: Option<RunFailure>,
    pub nodes: BTreeMap<NodeId, NodeMetrics>,
    pub wires: Vec<WireMetrics>,
    /// Resident memory of the whole process; 0 where the system does not tell.
    pub memory_bytes: u64,
    /// CPU time of the whole process; none where the system does not tell.
    #[serde(default)]
    pub cpu: Option<CpuUse>,
    /// The newest checkpoint; none where none are taken, or before the first.
    #[serde(default)]
    pub checkpoint: Option<CheckpointMetrics>,
    /// Why the run does not move; none while it does.
    #[serde(default)]
    pub standstill: Option<Standstill>,
}

/// What a process has used of the machine's cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuUse {
    /// User and system time of all its threads since it started, in milliseconds.
    pub used_ms: u64,
    /// For how long its threads, taken together, were ready and had no core; 0 where the system does not tell.
    pub waited_ms: u64,
}

/// Why a run does not move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum Standstill {
    /// A person paused it: sources wait, and rows in flight are handled.
    Paused,
    /// A row came to a breakpoint: its batch waits, and so do the sources; rows that were before it are handled.
    Halted {
        wire: Wire,
        /// Counts the halts of the run, from 1.
        number: u64,
    },
}

impl Standstill {
    pub fn word(&self) -> &'static str {
        match self {
            Self::Paused => "Paused",
            Self::Halted { .. } => "Halted",
        }
    }

    /// Why, for the person.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Paused => "Sources wait until the run goes on",
            Self::Halted { .. } => "A row has come to a breakpoint",
        }
    }
}

/// A place where a run halts by itself: before a batch with a certain row goes over a wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breakpoint {
    pub wire: Wire,
    /// A SQL condition over the columns of the wire, such as `temperature > 90`; empty: every batch.
    #[serde(default)]
    pub condition: String,
}

/// How fast a replay gives what was captured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tempo {
    /// As fast as it goes.
    #[default]
    AtOnce,
    /// So many times faster than it came; 0 counts as 1.
    Times(u16),
    /// The run begins paused, and each step gives one batch of each source.
    StepByStep,
}

impl Tempo {
    /// To stand behind “Replay of …”.
    pub fn words(self) -> String {
        match self {
            Self::AtOnce => "as fast as it goes".to_owned(),
            Self::Times(times) => format!("at {}×", times.max(1)),
            Self::StepByStep => "step by step".to_owned(),
        }
    }
}

/// The newest checkpoint of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CheckpointMetrics {
    pub number: u64,
    /// Milliseconds since the epoch.
    pub taken_ms: i64,
    /// Its size on the disk.
    pub bytes: u64,
    /// From its begin at the sources until it was on the disk.
    pub duration_ms: u64,
    /// Why the one that was tried after it could not be written; the run goes on and tries again.
    pub fault: Option<String>,
}

impl RunMetrics {
    /// The share of their input that the sources have read, by the one that has most before it; none where one of them
    /// does not know its end.
    pub fn progress(&self) -> Option<f64> {
        let sources = self.nodes.values().filter(|node| node.is_source);
        let shares = sources.map(|node| if node.is_finished { Some(1.0) } else { node.progress });
        shares.reduce(|a, b| Some(f64::min(a?, b?))).flatten()
    }

    /// Rows that the sources have made so far.
    pub fn num_source_rows(&self) -> u64 {
        self.nodes.values().filter(|node| node.is_source).map(|node| node.rows_out).sum()
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFailure {
    pub node: Option<NodeId>,
    pub message: String,
}

/// Counters of one node. Of a node that is not a source each row that came in is, once the run is over, used, late,
/// rejected or dropped; for nodes that give a row for each that they use, used is `rows_out`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeMetrics {
    pub is_source: bool,
    pub rows_in: u64,
    /// Rows that left by every port but `late` and `rejected`.
    pub rows_out: u64,
    /// Rows that left by `late`, wired or not.
    pub rows_late: u64,
    /// Records that left by `rejected`, wired or not.
    pub rows_rejected: u64,
    /// Rows that the node is there to leave out, such as those a filter does not pass.
    pub rows_dropped: u64,
    /// Batches that came in. With [`busy_us`](Self::busy_us): how long the node keeps one.
    #[serde(default)]
    pub batches_in: u64,
    /// Time spent in the node's own code, microseconds, over all instances.
    #[serde(default)]
    pub busy_us: u64,
    /// Smallest event time that may still come, microseconds since the epoch; none before the first.
    pub watermark_us: Option<i64>,
    /// The node whose input holds the watermark back, where there are several inputs.
    pub watermark_held_by: Option<NodeId>,
    pub state_bytes: u64,
    /// What the node says of itself, such as the file that it reads.
    pub status: Option<String>,
    /// Of a source that knows its end: the share that was read, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<f64>,
    pub is_finished: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WireMetrics {
    pub wire: Wire,
    pub rows: u64,
    pub batches: u64,
    /// Of the rows, those that a person put on the wire; the node before it did not give them.
    #[serde(default)]
    pub rows_injected: u64,
    /// How full the wire's queue is, 0 to 1; 0 for a wire inside a fused task.
    pub fill: f32,
}

/// What it costs to bring a changed pipeline into a run that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "restarts", rename_all = "snake_case")]
pub enum EditCost {
    /// What runs is what is drawn.
    Nothing,
    /// Only these nodes restart; every other goes on.
    Nodes { nodes: Vec<NodeRestart> },
    /// The run has to be stopped and started again; one sentence says why.
    Run { reason: String },
}

/// One node that restarts while the run goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRestart {
    pub node: NodeId,
    pub title: String,
    pub state: StateFate,
}

/// What becomes of what a node holds when it restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateFate {
    /// It holds nothing.
    None,
    Kept,
    /// Open windows and waiting rows leave as at the end of the input.
    GivenOut,
    /// A source begins anew, a picture is empty at first.
    StartsOver,
    /// What was written so far becomes visible, and a new output begins.
    Finished,
}

impl StateFate {
    /// What becomes of it, to stand behind the node's title.
    pub fn words(self) -> &'static str {
        match self {
            Self::None => "restarts and has nothing to lose",
            Self::Kept => "restarts and keeps its state",
            Self::GivenOut => "restarts and gives out what it holds, as at the end of its input",
            Self::StartsOver => "starts over",
            Self::Finished => "finishes its output and begins a new one",
        }
    }
}
