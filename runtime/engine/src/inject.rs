//! Putting rows on a wire of a run by hand: they enter it before its queue, behind everything that went over it, and
//! everything that listens there (taps, breakpoints, captures) meets them as any others.
//!
//! The task where the wire begins does so between two messages. The rows count as rows of the wire, and as injected, so
//! that rows in and out still add up: the node before the wire did not give them. They are no part of what sources give,
//! so a run that goes on from a checkpoint taken before them goes on without them.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use millrace_model::Wire;
use tokio::sync::{mpsc, oneshot};

use crate::plan::schema_on;
use crate::run::Run;

/// Why rows cannot be put on a wire; nothing was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InjectError {
    #[error("the run has no wire {wire}")]
    NoWire { wire: Wire },
    #[error("the rows have other columns than those that go over {wire}")]
    OtherColumns { wire: Wire },
    #[error("“{title}” has come to its end, and so have the wires that begin there")]
    Ended { title: String },
}

/// Rows on their way to a task.
#[derive(Debug)]
pub(crate) struct Injection {
    pub wire: Wire,
    pub rows: RecordBatch,
    pub done: Done,
}

/// Where the task says that the rows are on the wire.
#[derive(Debug)]
pub(crate) struct Done(oneshot::Sender<()>);

impl Done {
    pub fn tell(self) {
        // Whoever asked may have gone.
        let _ = self.0.send(());
    }
}

/// The way to a task; closed when the task is over.
pub(crate) type Injector = mpsc::Sender<Injection>;

/// What is on its way to a task.
#[derive(Debug, Default)]
pub(crate) struct Injections(Option<mpsc::Receiver<Injection>>);

/// A way to one task.
pub(crate) fn way() -> (Injector, Injections) {
    let (injector, receiver) = mpsc::channel(1);
    (injector, Injections(Some(receiver)))
}

impl Injections {
    /// Waits for the next one, for ever when none can come. Cancel safe.
    pub async fn next(&mut self) -> Injection {
        let next = match &mut self.0 {
            Some(receiver) => receiver.recv().await,
            None => None,
        };
        match next {
            Some(injection) => injection,
            None => std::future::pending().await,
        }
    }
}

impl Run {
    /// The columns of the rows that may be put on a wire; `None` when the run has no such wire.
    pub async fn schema_on(&self, wire: &Wire) -> Option<SchemaRef> {
        schema_on(&*self.editing.plan.lock().await, wire).filter(|_| self.shared.wires.contains_key(wire))
    }

    /// Puts rows on a wire; returns when they are there, which may take as long as the task before it waits for room.
    ///
    /// # Errors
    /// When there is no such wire, the rows do not fit it, or nothing can follow on it.
    pub async fn inject(&self, wire: &Wire, rows: RecordBatch) -> Result<(), InjectError> {
        let Some(schema) = self.schema_on(wire).await else {
            return Err(InjectError::NoWire { wire: wire.clone() });
        };
        if schema != rows.schema() {
            return Err(InjectError::OtherColumns { wire: wire.clone() });
        }
        for door in self.editing.doors.iter().filter(|door| door.nodes.contains(&wire.from.node)) {
            let (done, answer) = oneshot::channel();
            let injection = Injection { wire: wire.clone(), rows: rows.clone(), done: Done(done) };
            // A task that is over has closed its way, and takes what was on it along.
            if door.injector.send(injection).await.is_ok() && answer.await.is_ok() {
                return Ok(());
            }
        }
        let plan = self.editing.plan.lock().await;
        Err(InjectError::Ended { title: plan.nodes[&wire.from.node].title.clone() })
    }
}
