//! Where the picture of a view node lies: the task that owns the view puts it there, whoever looks takes it.
//!
//! A look leaves a wish and returns at once with what there is. The task draws when there is a wish and something new,
//! and spends at most a tenth of its time on drawing, so that looking cannot slow the run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use millrace_operator::ViewSnapshot;
use tokio::sync::Notify;

use crate::world::World;

/// The newest picture and whether somebody wants a newer one.
#[derive(Debug, Default)]
pub(crate) struct PictureCell {
    newest: Mutex<Option<(u64, ViewSnapshot)>>,
    is_wanted: AtomicBool,
    wish: Notify,
}

impl PictureCell {
    pub fn look(&self) -> Option<(u64, ViewSnapshot)> {
        self.is_wanted.store(true, Ordering::Relaxed);
        self.wish.notify_one();
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, picture: ViewSnapshot) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let version = newest.as_ref().map_or(0, |(version, _)| *version) + 1;
        *newest = Some((version, picture));
    }
}

/// When the task of a view is to draw.
#[derive(Debug)]
pub(crate) struct Easel {
    cell: std::sync::Arc<PictureCell>,
    interval: Duration,
    not_before: Instant,
    has_news: bool,
    world: World,
}

impl Easel {
    pub fn new(cell: std::sync::Arc<PictureCell>, interval: Duration, world: World) -> Self {
        // An empty view has a picture too: its axes.
        Self { cell, interval, not_before: world.now(), has_news: true, world }
    }

    pub fn note_news(&mut self) {
        self.has_news = true;
    }

    pub fn is_due(&self) -> bool {
        self.has_news && self.cell.is_wanted.load(Ordering::Relaxed) && self.world.now() >= self.not_before
    }

    /// Waits until a picture may be due.
    pub async fn wait(&self) {
        while !self.is_due() {
            if self.has_news && self.cell.is_wanted.load(Ordering::Relaxed) {
                self.world.sleep_until(self.not_before).await;
            } else {
                self.cell.wish.notified().await;
            }
        }
    }

    /// Puts up a picture whose drawing took `cost`.
    pub fn put(&mut self, picture: ViewSnapshot, cost: Duration) {
        self.cell.is_wanted.store(false, Ordering::Relaxed);
        self.cell.put(picture);
        self.has_news = false;
        self.not_before = self.world.now() + self.interval.max(cost * 10);
    }
}
