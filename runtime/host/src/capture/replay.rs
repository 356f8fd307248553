//! A run that gives again what was captured: the plan and the options that it takes.
//!
//! A capture of sources stands in for every source of the pipeline, which may have changed since: what it says and what
//! the capture has must fit, or the run is refused. One of a wire feeds what lies behind it.

use millrace_engine::{Plan, Replays};
use millrace_protocol::{Failure, FailureCode, ProjectId, Replay, Replaying};

use crate::Host;

/// A capture that is ready to be given again.
pub(crate) struct ReadyReplay {
    pub replays: Replays,
    pub plan: Plan,
    pub told: Replaying,
}

impl Host {
    /// # Errors
    /// When there is no such capture, or it does not fit the plan.
    pub(crate) async fn ready_replay(
        &self,
        project: ProjectId,
        replay: Replay,
        plan: Plan,
    ) -> Result<ReadyReplay, Failure> {
        let (capture, given) = self.read_capture(project, replay.capture).await?;
        let name = &capture.name;
        let plan = match &capture.of_wire {
            Some(wire) => plan.fed_at(wire).ok_or_else(|| {
                let message = format!(
                    "“{name}” was captured on the wire {wire}, which does not run in this pipeline. \
                     Draw it again, or choose another capture."
                );
                Failure::new(FailureCode::NotFound, message)
            })?,
            None => {
                let mut sources = plan.order.iter().map(|id| &plan.nodes[id]).filter(|node| node.is_source());
                if let Some(missing) = sources.find(|node| !given.contains_key(&node.id)) {
                    let message = format!(
                        "“{name}” has no rows of the source “{}”. Capture the pipeline as it is now, or disable the source.",
                        missing.title
                    );
                    return Err(Failure::new(FailureCode::NotFound, message));
                }
                plan
            }
        };
        let Replay { tempo, writes, .. } = replay;
        let told = Replaying { name: capture.name, of_wire: capture.of_wire, tempo, writes };
        Ok(ReadyReplay { replays: Replays::new(given, tempo), plan, told })
    }
}
