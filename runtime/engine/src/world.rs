//! What a run has of the outside world: the clock, the memory of the process, who carries its tasks, and the choices that
//! it is free to make.
//!
//! In the real world that is tokio, the system's clock and no choice at all. In a [`Simulation`](crate::Simulation) all of
//! it follows from one seed and from what the test says. Invariant: nothing in this crate asks tokio or the system for the time, sleeps or spawns
//! but through here, or a simulated run would no longer repeat itself.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use millrace_operator::{Clock, Crew};
use tokio::sync::oneshot;

use crate::counters::memory_bytes;
use crate::fault;
use crate::simulation::Simulated;

/// Where a run takes place.
#[derive(Debug, Clone, Default)]
pub struct World(pub(crate) Place);

#[derive(Debug, Clone, Default)]
pub(crate) enum Place {
    #[default]
    Real,
    Simulated(Arc<Simulated>),
}

/// What a task panicked with.
pub(crate) type Panic = Box<dyn Any + Send>;

/// A task under way; its outcome can be waited for.
#[derive(Debug)]
pub(crate) struct Spawned<T>(oneshot::Receiver<Result<T, Panic>>);

impl World {
    pub(crate) fn now(&self) -> Instant {
        match &self.0 {
            Place::Real => Instant::now(),
            Place::Simulated(simulated) => simulated.now(),
        }
    }

    /// The wall clock.
    pub(crate) fn clock(&self) -> Clock {
        match &self.0 {
            Place::Real => fault::clock(),
            Place::Simulated(simulated) => {
                let simulated = simulated.clone();
                Clock::new(move || simulated.since_epoch())
            }
        }
    }

    pub(crate) async fn sleep_until(&self, at: Instant) {
        match &self.0 {
            Place::Real => tokio::time::sleep_until(at.into()).await,
            Place::Simulated(simulated) => simulated.sleep_until(at).await,
        }
    }

    /// Ticks each `period`, the first after one period. Ticks that were missed are not made up for.
    pub(crate) fn ticks(&self, period: Duration) -> Ticks {
        let period = period.max(Duration::from_millis(1));
        Ticks { world: self.clone(), next: self.now() + period, period }
    }

    /// Starts a task. It goes on when the handle is dropped.
    pub(crate) fn spawn<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> Spawned<T> {
        let (sender, receiver) = oneshot::channel();
        let task = async move {
            // Nobody may want to know any more.
            let _ = sender.send(unless_it_panics(task).await);
        };
        match &self.0 {
            Place::Real => {
                tokio::spawn(task);
            }
            Place::Simulated(simulated) => simulated.spawn(Box::pin(task)),
        }
        Spawned(receiver)
    }

    /// Runs code that waits for the disk.
    pub(crate) async fn blocking<T: Send + 'static>(&self, code: impl FnOnce() -> T + Send + 'static) -> T {
        match &self.0 {
            Place::Real => {
                let done = tokio::task::spawn_blocking(code).await;
                done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
            }
            Place::Simulated(_) => code(),
        }
    }

    /// Resident memory of the process.
    pub(crate) fn memory_bytes(&self) -> u64 {
        match &self.0 {
            Place::Real => memory_bytes(),
            Place::Simulated(simulated) => simulated.memory_bytes(),
        }
    }

    /// Who carries the work that sources hand out.
    pub(crate) fn crew(&self) -> Crew {
        if self.is_simulated() { Crew::Inline } else { Crew::Cores }
    }

    /// One of `count` ways to go on that are all right; the usual one is the first.
    pub(crate) fn choose(&self, count: usize) -> usize {
        match &self.0 {
            Place::Real => 0,
            Place::Simulated(simulated) => simulated.choose(count),
        }
    }

    pub(crate) fn is_simulated(&self) -> bool {
        matches!(self.0, Place::Simulated(_))
    }
}

impl<T> Spawned<T> {
    /// Waits for the end of the task.
    ///
    /// # Errors
    /// What it panicked with; `None` when it was dropped with its runtime.
    pub async fn join(self) -> Result<T, Option<Panic>> {
        match self.0.await {
            Ok(result) => result.map_err(Some),
            Err(_) => Err(None),
        }
    }
}

/// Comes back regularly.
#[derive(Debug)]
pub(crate) struct Ticks {
    world: World,
    next: Instant,
    period: Duration,
}

impl Ticks {
    /// Waits for the next tick. Cancel safe.
    pub async fn tick(&mut self) {
        self.world.sleep_until(self.next).await;
        self.next = self.world.now().max(self.next) + self.period;
    }
}

/// Drives `code` to its end, or to its panic.
pub(crate) async fn unless_it_panics<T>(code: impl Future<Output = T>) -> Result<T, Panic> {
    let mut code = pin!(code);
    std::future::poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| code.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}
