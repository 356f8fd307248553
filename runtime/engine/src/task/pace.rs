//! When a task ticks, when it gives way to others, and when it reports on itself.

use std::time::{Duration, Instant};

use crate::chain::Chain;
use crate::options::RunOptions;
use crate::world::{Ticks, World};

/// A task goes on for so long without giving way to others.
const SLICE: Duration = Duration::from_millis(5);
/// Status and state size are looked at so often.
const REFRESH: Duration = Duration::from_millis(200);

/// The ticks of the nodes that want them.
pub(super) fn ticks_of(chain: &Chain, options: &RunOptions) -> Option<Ticks> {
    chain.wants_ticks().then(|| options.world.ticks(options.tick_interval))
}

/// The next tick; never, where nobody wants one.
pub(super) async fn tick(ticks: &mut Option<Ticks>) {
    match ticks {
        Some(ticks) => ticks.tick().await,
        None => std::future::pending().await,
    }
}

/// When a task gives way to others, and when it reports on itself.
pub(super) struct Pace<'a> {
    world: &'a World,
    last_yield: Instant,
    last_refresh: Instant,
}

impl<'a> Pace<'a> {
    pub fn new(world: &'a World) -> Self {
        let now = world.now();
        Self { world, last_yield: now, last_refresh: now }
    }

    pub fn is_refresh_due(&mut self) -> bool {
        let now = self.world.now();
        let is_due = now - self.last_refresh >= REFRESH;
        if is_due {
            self.last_refresh = now;
        }
        is_due
    }

    pub async fn breathe(&mut self) {
        if self.world.choose(2) == 1 || self.world.now() - self.last_yield >= SLICE {
            give_way().await;
            self.last_yield = self.world.now();
        }
    }
}

/// Lets the other tasks go on first.
async fn give_way() {
    let mut has_given_way = false;
    std::future::poll_fn(|cx| {
        if has_given_way {
            return std::task::Poll::Ready(());
        }
        has_given_way = true;
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
