//! Captures of a run and their replay, as both sides speak of them.

use millrace_model::Wire;
use millrace_model::run::Tempo;
use serde::{Deserialize, Serialize};

pub type CaptureId = i64;

/// What the sources of a run, or one of its wires, gave for some time; kept with its project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    pub id: CaptureId,
    pub name: String,
    /// The wire of the run that it was taken on; `None`: it is of the sources.
    pub of_wire: Option<Wire>,
    /// Milliseconds since the epoch.
    pub taken_ms: i64,
    /// How long after the start of the run it began; 0 from its first row on.
    pub began_ms: u64,
    pub duration_ms: u64,
    pub num_rows: u64,
    /// Its size in the database.
    pub num_bytes: u64,
    /// It ended because it had reached the most that is kept.
    pub is_full: bool,
}

/// A capture that goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capturing {
    pub of_wire: Option<Wire>,
    pub num_rows: u64,
    /// As they lie in memory.
    pub num_bytes: u64,
    pub elapsed_ms: u64,
}

/// That a run is to give what was captured instead of what its sources give now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    pub capture: CaptureId,
    pub tempo: Tempo,
    /// Whether sinks write as in any run; else they write nothing.
    pub writes: bool,
}

/// What a run replays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaying {
    /// The name of the capture.
    pub name: String,
    /// The wire that it feeds; `None`: it stands in for the sources.
    pub of_wire: Option<Wire>,
    pub tempo: Tempo,
    pub writes: bool,
}
