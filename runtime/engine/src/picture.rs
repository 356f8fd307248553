//! Where the pictures of a view node lie: the task that owns the view puts them there, whoever looks takes them.
//!
//! A look leaves a wish and returns at once with what there is. The task draws when there is a wish and something new,
//! and spends at most a tenth of its time on drawing, so that looking cannot slow the run. Each part that is looked at
//! has a picture of its own, as long as somebody asks for it. When the task ends it leaves the view here: from then on
//! nothing changes, and who looks draws.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use millrace_model::view::Look;
use millrace_operator::{NodeError, View, ViewSnapshot};
use tokio::sync::Notify;

use crate::world::World;

/// How long a part stays wanted that nobody asks for.
const LIFETIME: Duration = Duration::from_secs(5);
/// Parts of one view that are looked at at the same time; beyond them the one that waited longest is forgotten.
const MAX_PARTS: usize = 8;

/// The newest pictures of a view and whether somebody wants newer ones.
#[derive(Default)]
pub(crate) struct PictureCell {
    parts: Mutex<Vec<Part>>,
    /// The view, once its task has ended.
    left: Mutex<Option<Box<dyn View>>>,
    is_wanted: AtomicBool,
    has_new_part: AtomicBool,
    wish: Notify,
}

/// One part of the view that is looked at.
struct Part {
    look: Look,
    asked: Instant,
    picture: Option<(u64, ViewSnapshot)>,
}

impl PictureCell {
    /// The newest picture of the whole.
    pub fn look(&self) -> Option<(u64, ViewSnapshot)> {
        self.look_at(&Look::WHOLE)
    }

    /// The newest picture of a part. After the end of the run it draws, which may take some milliseconds.
    pub fn look_at(&self, look: &Look) -> Option<(u64, ViewSnapshot)> {
        let found = {
            let mut parts = lock(&self.parts);
            let now = Instant::now();
            parts.retain(|part| part.look == *look || part.look == Look::WHOLE || now - part.asked < LIFETIME);
            match parts.iter_mut().find(|part| part.look == *look) {
                Some(part) => {
                    part.asked = now;
                    part.picture.clone()
                }
                None => {
                    if parts.len() >= MAX_PARTS {
                        let is_part = |part: &&(usize, &Part)| part.1.look != Look::WHOLE;
                        let oldest =
                            parts.iter().enumerate().filter(|part| is_part(&part)).min_by_key(|part| part.1.asked);
                        if let Some((index, _)) = oldest {
                            parts.remove(index);
                        }
                    }
                    parts.push(Part { look: *look, asked: now, picture: None });
                    self.has_new_part.store(true, Ordering::Relaxed);
                    None
                }
            }
        };
        if found.is_none()
            && let Some(view) = lock(&self.left).as_mut()
        {
            return view.picture(look).ok().map(|picture| self.put(look, picture));
        }
        self.is_wanted.store(true, Ordering::Relaxed);
        self.wish.notify_one();
        found
    }

    fn put(&self, look: &Look, picture: ViewSnapshot) -> (u64, ViewSnapshot) {
        let mut parts = lock(&self.parts);
        let index = parts.iter().position(|part| part.look == *look).unwrap_or_else(|| {
            parts.push(Part { look: *look, asked: Instant::now(), picture: None });
            parts.len() - 1
        });
        let version = parts[index].picture.as_ref().map_or(0, |(version, _)| *version) + 1;
        parts[index].picture = Some((version, picture.clone()));
        (version, picture)
    }
}

/// Nothing that is held under these locks can be left half done by a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When the task of a view is to draw.
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

    /// Whether somebody wants what there is not.
    fn is_wanted(&self) -> bool {
        let has_more = self.has_news || self.cell.has_new_part.load(Ordering::Relaxed);
        has_more && self.cell.is_wanted.load(Ordering::Relaxed)
    }

    /// Waits until a picture is due.
    pub async fn wait(&self) {
        loop {
            if !self.is_wanted() {
                self.cell.wish.notified().await;
            } else if self.world.now() < self.not_before {
                self.world.sleep_until(self.not_before).await;
            } else {
                return;
            }
        }
    }

    /// Puts up what `draw` makes of each part that is looked at, and of the whole.
    pub fn draw(&mut self, mut draw: impl FnMut(&Look) -> Result<ViewSnapshot, NodeError>) -> Result<(), NodeError> {
        let (start, looked) = (self.world.now(), Instant::now());
        self.cell.is_wanted.store(false, Ordering::Relaxed);
        self.cell.has_new_part.store(false, Ordering::Relaxed);
        let has_news = std::mem::take(&mut self.has_news);
        let parts = lock(&self.cell.parts);
        let is_due = |part: &&Part| part.picture.is_none() || has_news && looked - part.asked < LIFETIME;
        let mut looks: Vec<Look> = parts.iter().filter(is_due).map(|part| part.look).collect();
        drop(parts);
        if has_news && !looks.contains(&Look::WHOLE) {
            looks.push(Look::WHOLE);
        }
        for look in looks {
            let picture = draw(&look)?;
            self.cell.put(&look, picture);
        }
        let cost = self.world.now() - start;
        self.not_before = self.world.now() + self.interval.max(cost * 10);
        Ok(())
    }

    /// Leaves the view to those who look: the task is over.
    pub fn leave(self, view: Box<dyn View>) {
        // Parts that were drawn before the last rows came are drawn anew when somebody looks.
        lock(&self.cell.parts).retain(|part| part.look == Look::WHOLE);
        *lock(&self.cell.left) = Some(view);
    }
}
