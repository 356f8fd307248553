//! The memory budget of a run: near it sources wait, and where that does not help the run is refused more, before the
//! system would kill the process.
//!
//! What is measured is the resident memory of the process, for that is what the system judges by: queues, state, taps,
//! charts and everything else are in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use millrace_model::run::RunFailure;
use millrace_operator::output::Room;
use tokio::sync::watch;

use crate::counters::NodeCounters;
use crate::run::Shared;
use crate::world::World;

const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// On a busy machine the watch may come late; who brings new rows looks by itself then, at most so often.
const SOURCE_LOOK_INTERVAL: Duration = Duration::from_millis(5);
/// Above this share of the budget sources wait, below [`RELIEF`] they go on.
const PRESSURE: f64 = 0.9;
const RELIEF: f64 = 0.8;
/// Rows in flight drain in this time; what is still held then is state, which only more rows could let go.
const PATIENCE: Duration = Duration::from_secs(2);

/// Resident memory that a run may not go beyond, and whether it is near.
#[derive(Debug, Clone)]
pub(crate) struct MemoryBudget(Option<Arc<Limited>>);

#[derive(Debug)]
struct Limited {
    limit_bytes: u64,
    is_near: watch::Sender<bool>,
    world: World,
    started: Instant,
    /// Microseconds from `started` to when a source looked last.
    looked_us: AtomicU64,
}

impl MemoryBudget {
    /// No limit is a budget that is never used up.
    pub fn new(limit_bytes: Option<u64>, world: &World) -> Self {
        Self(limit_bytes.map(|limit_bytes| {
            let (is_near, started) = (watch::channel(false).0, world.now());
            Arc::new(Limited { limit_bytes, is_near, world: world.clone(), started, looked_us: AtomicU64::new(0) })
        }))
    }

    /// Waits while the budget is nearly used up: who brings new rows asks before each batch. Cancel safe.
    pub async fn room(&self) {
        let Some(limited) = &self.0 else { return };
        limited.look_now_and_then();
        // The sender lives as long as `self`.
        let _ = limited.is_near.subscribe().wait_for(|is_near| !is_near).await;
    }

    /// For what one call of a node emits: notes how much that is, and says whether the budget is used up.
    pub fn room_for(&self, counters: &Arc<NodeCounters>) -> Option<Room> {
        let limited = self.0.clone()?;
        let counters = counters.clone();
        Some(Arc::new(move |bytes| {
            counters.emitting_bytes.store(bytes, Relaxed);
            bytes > 0 && limited.look() >= 1.0
        }))
    }

    /// Watches until the budget is used up, which may never be; says which node holds most of it. Cancel safe.
    pub async fn used_up(&self, shared: &Shared) -> RunFailure {
        let Some(limited) = &self.0 else { return std::future::pending().await };
        let mut looks = limited.world.ticks(LOOK_INTERVAL);
        let mut near_since: Option<Instant> = None;
        loop {
            looks.tick().await;
            let share = limited.look();
            let now = limited.world.now();
            near_since = limited.is_near.borrow().then(|| near_since.unwrap_or(now));
            if share >= 1.0 || near_since.is_some_and(|since| now - since > PATIENCE) {
                return failure(limited.limit_bytes, shared);
            }
        }
    }
}

impl Limited {
    /// The share of the budget that is used, after saying whether it is near.
    fn look(&self) -> f64 {
        let share = self.world.memory_bytes() as f64 / self.limit_bytes as f64;
        self.is_near.send_if_modified(|is_near| {
            let was_near = std::mem::replace(is_near, if *is_near { share >= RELIEF } else { share > PRESSURE });
            was_near != *is_near
        });
        share
    }

    fn look_now_and_then(&self) {
        let now_us = u64::try_from((self.world.now() - self.started).as_micros()).unwrap_or(u64::MAX);
        let looked_us = self.looked_us.load(Relaxed);
        let is_due = now_us.saturating_sub(looked_us) >= SOURCE_LOOK_INTERVAL.as_micros() as u64;
        if is_due && self.looked_us.compare_exchange(looked_us, now_us, Relaxed, Relaxed).is_ok() {
            self.look();
        }
    }
}

fn failure(limit: u64, shared: &Shared) -> RunFailure {
    let megabytes = |bytes: u64| format!("{} MB", bytes / 1_000_000);
    let budget = megabytes(limit);
    let emitting = shared
        .nodes
        .iter()
        .flat_map(|(id, cell)| cell.instances.iter().map(move |counters| (id, counters.emitting_bytes.load(Relaxed))));
    if let Some((id, bytes)) = emitting.max_by_key(|(_, bytes)| *bytes).filter(|(_, bytes)| *bytes > limit / 4) {
        return RunFailure {
            node: Some(id.clone()),
            message: format!(
                "The memory budget of {budget} is used up; one step of the node `{id}` has given {} of rows. Give the run \
                 more memory, or have the node give less at a time: shorter windows, larger slides, more selective keys.",
                megabytes(bytes)
            ),
        };
    }
    let states = shared.nodes.iter().map(|(id, cell)| (id, cell.metrics().state_bytes));
    match states.max_by_key(|(_, bytes)| *bytes).filter(|(_, bytes)| *bytes > 0) {
        Some((id, bytes)) => RunFailure {
            node: Some(id.clone()),
            message: format!(
                "The memory budget of {budget} is used up; the node `{id}` holds {} of it. Give the run more memory, or \
                 let the node hold less: fewer keys, shorter windows, less lateness.",
                megabytes(bytes)
            ),
        },
        None => RunFailure {
            node: None,
            message: format!(
                "The memory budget of {budget} is used up, and no node's state is to blame. Give the run more memory."
            ),
        },
    }
}
