//! The machine that stands in for the sinks of a pipeline, so that it runs without the world outside; for its sources see
//! `replay.rs`.
//!
//! It is no node kind: who starts the run asks for it in its options, and the plan stays that of the pipeline.
//! Invariant: the nodes before it cannot tell the difference.

use arrow::array::RecordBatch;
use millrace_operator::{NodeError, Prepared, Sink};

/// Takes the place of a sink, and writes nothing.
pub(crate) struct Unwritten;

impl Sink for Unwritten {
    fn open(&mut self) -> Result<(), NodeError> {
        Ok(())
    }

    fn write(&mut self, _: &RecordBatch) -> Result<(), NodeError> {
        Ok(())
    }

    fn prepare(&mut self) -> Result<Prepared, NodeError> {
        Ok(Prepared::default())
    }

    fn commit(&mut self, _: &Prepared) -> Result<(), NodeError> {
        Ok(())
    }

    fn restore(&mut self, _: &Prepared) -> Result<(), NodeError> {
        Ok(())
    }

    fn finish(&mut self) -> Result<(), NodeError> {
        Ok(())
    }

    fn abort(&mut self) {}
}
