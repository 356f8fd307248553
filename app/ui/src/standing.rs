//! Where the run is to halt, and what it has halted at.
//!
//! Breakpoints belong to the person at work and not to the pipeline: they are in no file and no history. They are kept
//! with the person's desk (see [`crate::desk`]).

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use millrace_model::Wire;
use millrace_protocol::{FrameError, Halt};

/// A breakpoint as the person set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// A SQL condition over the wire's columns; empty: every batch.
    pub condition: String,
    pub is_enabled: bool,
}

impl Default for Mark {
    fn default() -> Self {
        Self { condition: String::new(), is_enabled: true }
    }
}

impl Mark {
    /// What it waits for, in words.
    pub fn words(&self) -> String {
        let what = match self.condition.trim() {
            "" => "halts at every batch".to_owned(),
            condition => format!("halts where {condition}"),
        };
        if self.is_enabled { what } else { format!("{what} (off)") }
    }
}

/// The breakpoints of the open project.
pub type Marks = BTreeMap<Wire, Mark>;

/// The batch that waits before its wire.
#[derive(Debug, Clone)]
pub struct Halted {
    pub number: u64,
    pub wire: Wire,
    /// The row that met the breakpoint.
    pub row: usize,
    pub rows: RecordBatch,
}

impl Halted {
    /// # Errors
    /// When the rows cannot be read.
    pub fn read(halt: &Halt) -> Result<Self, FrameError> {
        let rows = halt.rows.to_batch()?;
        let row = usize::try_from(halt.row).unwrap_or_default();
        Ok(Self { number: halt.number, wire: halt.wire.clone(), row, rows })
    }
}
