//! What a task reports at barriers and at its end, where checkpoints are taken.

use millrace_operator::{NodeError, Source};

use crate::chain::Chain;
use crate::checkpoint::{Part, Report, SavedInstance, TaskLine};
use crate::guard::{Named, Stopped};

/// What a task notes down for checkpoints.
pub(super) struct Notes {
    pub line: Option<TaskLine>,
    pub instance: usize,
}

impl Notes {
    /// Reports the state of a chain, with that of the source at its head if there is one.
    pub fn of_chain(
        &self,
        source: Option<&mut dyn Source>,
        chain: &mut Chain,
        report: impl FnOnce(Vec<Part>) -> Report,
        has_ended: bool,
    ) -> Result<(), Stopped> {
        let Some(line) = &self.line else { return Ok(()) };
        let mut parts = chain.snapshot(self.instance, has_ended)?;
        if let Some(source) = source {
            parts[0].saved.state = chain.links[0].named.call(|| source.snapshot())?;
        }
        line.report(report(parts));
        Ok(())
    }

    /// Reports the state of a node at the end of the pipeline.
    pub fn of_last(
        &self,
        named: &Named,
        state: impl FnOnce() -> Result<Vec<u8>, NodeError>,
        report: impl FnOnce(Vec<Part>) -> Report,
        has_ended: bool,
    ) -> Result<(), Stopped> {
        let Some(line) = &self.line else { return Ok(()) };
        let state = named.call(state)?;
        let saved = SavedInstance { state, has_ended, counters: named.counters.save(), ..SavedInstance::default() };
        line.report(report(vec![Part { node: named.id.clone(), instance: self.instance, saved }]));
        Ok(())
    }
}
