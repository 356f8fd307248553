//! The memory budget of a run: near it sources wait, and where that does not help the run is refused more, before the
//! system would kill the process.
//!
//! What is measured is the resident memory of the process, for that is what the system judges by: queues, state, taps,
//! charts and everything else are in it.

use std::time::{Duration, Instant};

use millrace_model::run::RunFailure;
use tokio::sync::watch;

use crate::run::Shared;
use crate::world::World;

const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// Above this share of the budget sources wait, below [`RELIEF`] they go on.
const PRESSURE: f64 = 0.9;
const RELIEF: f64 = 0.8;
/// Rows in flight drain in this time; what is still held then is state, which only more rows could let go.
const PATIENCE: Duration = Duration::from_secs(2);

/// Resident memory that a run may not go beyond, and whether it is near.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    limit_bytes: Option<u64>,
    is_near: watch::Sender<bool>,
    world: World,
}

impl MemoryBudget {
    pub fn new(limit_bytes: Option<u64>, world: World) -> Self {
        Self { limit_bytes, is_near: watch::channel(false).0, world }
    }

    /// Tells sources when to wait.
    pub fn subscribe(&self) -> watch::Receiver<bool> {
        self.is_near.subscribe()
    }

    /// Watches until the budget is used up, which may never be; says which node holds most of it. Cancel safe.
    pub async fn used_up(&self, shared: &Shared) -> RunFailure {
        let Some(limit) = self.limit_bytes else { return std::future::pending().await };
        let mut looks = self.world.ticks(LOOK_INTERVAL);
        let mut near_since: Option<Instant> = None;
        loop {
            looks.tick().await;
            let share = self.world.memory_bytes() as f64 / limit as f64;
            match near_since {
                None if share > PRESSURE => {
                    near_since = Some(self.world.now());
                    self.is_near.send_replace(true);
                }
                Some(_) if share < RELIEF => {
                    near_since = None;
                    self.is_near.send_replace(false);
                }
                _ => {}
            }
            if share >= 1.0 || near_since.is_some_and(|since| self.world.now() - since > PATIENCE) {
                return failure(limit, shared);
            }
        }
    }
}

fn failure(limit: u64, shared: &Shared) -> RunFailure {
    let megabytes = |bytes: u64| format!("{} MB", bytes / 1_000_000);
    let states = shared.nodes.iter().map(|(id, cell)| (id, cell.metrics().state_bytes));
    let budget = megabytes(limit);
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
