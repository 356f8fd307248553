//! Calling a node's own code: measures the time it takes, and turns an error or a panic into a failure that names the
//! node.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use millrace_model::NodeId;
use millrace_model::run::RunFailure;
use millrace_operator::NodeError;

use crate::channel::Closed;
use crate::counters::NodeCounters;
use crate::world::unless_it_panics;

/// Why a task stops before its input has ended.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The run is being ended; the reason lies elsewhere.
    Cancelled,
    Failed(RunFailure),
}

impl From<Closed> for Stopped {
    fn from(_: Closed) -> Self {
        Stopped::Cancelled
    }
}

/// A node as its task knows it: what to call it in a message, and where to count.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub id: NodeId,
    pub title: String,
    pub counters: Arc<NodeCounters>,
}

impl Named {
    /// Runs `code` of this node.
    pub fn call<T>(&self, code: impl FnOnce() -> Result<T, NodeError>) -> Result<T, Stopped> {
        let start = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(code));
        self.counters.add_busy(start.elapsed());
        match result {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.failed(&error)),
            Err(panic) => Err(self.panicked(panic.as_ref())),
        }
    }

    /// Drives `code` of this node; only the time inside its own code counts as busy.
    pub async fn call_async<T>(&self, code: impl Future<Output = Result<T, NodeError>>) -> Result<T, Stopped> {
        let mut code = pin!(code);
        let timed = std::future::poll_fn(|cx| {
            let start = Instant::now();
            let polled = code.as_mut().poll(cx);
            self.counters.add_busy(start.elapsed());
            polled
        });
        let result = unless_it_panics(timed).await;
        match result {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.failed(&error)),
            Err(panic) => Err(self.panicked(panic.as_ref())),
        }
    }

    pub fn failed(&self, error: &dyn std::fmt::Display) -> Stopped {
        let message = format!("“{}” failed: {error}", self.title);
        Stopped::Failed(RunFailure { node: Some(self.id.clone()), message })
    }

    fn panicked(&self, panic: &(dyn Any + Send)) -> Stopped {
        let message = format!("“{}” broke down, which is a defect of Millrace: {}", self.title, words_of(panic));
        Stopped::Failed(RunFailure { node: Some(self.id.clone()), message })
    }
}

/// The words that a panic came with.
pub(crate) fn words_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
