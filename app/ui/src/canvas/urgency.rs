//! How much a wire asks to be looked at, for views from afar, where there is no room for its rate.

use std::collections::BTreeSet;

use millrace_protocol::RunId;

use super::Shown;
use super::scene::Scene;
use crate::context::ViewContext;

/// A queue that is this full holds back what feeds it.
pub const FULL: f32 = 0.8;

/// From the least to the most urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// It carries no rows now: its source is off, or it carries something else than rows.
    Off,
    Flows,
    /// Its queue is nearly full.
    Full,
    /// The run has halted here.
    Halted,
}

/// The wires of a scene whose queues are nearly full, found anew when the run has told something.
#[derive(Debug, Default)]
pub struct Backlog {
    key: Option<(Shown, RunId, u64)>,
    full: BTreeSet<usize>,
}

impl Backlog {
    pub fn refresh(&mut self, cx: &ViewContext<'_>, scene: &Scene, shown: Option<&Shown>) {
        let live = cx.live;
        let metrics = live.metrics.as_ref().filter(|_| live.is_running());
        let (Some(metrics), Some(run), Some(shown)) = (metrics, live.run, shown) else {
            *self = Self::default();
            return;
        };
        let is_same =
            |(known, of, told): &(Shown, RunId, u64)| known == shown && *of == run && *told == metrics.elapsed_ms;
        if self.key.as_ref().is_some_and(is_same) {
            return;
        }
        let full = metrics.wires.iter().filter(|wire| wire.fill >= FULL);
        let drawn = full.flat_map(|wire| live.drawings(&wire.wire));
        self.full = drawn.filter_map(|wire| scene.wire_index(wire)).collect();
        self.key = Some((shown.clone(), run, metrics.elapsed_ms));
    }

    /// How urgent the wire of this number is.
    pub fn urgency(&self, cx: &ViewContext<'_>, scene: &Scene, index: usize) -> Urgency {
        let wire = &scene.wires[index];
        if cx.live.halted_at(&wire.wire).is_some() {
            Urgency::Halted
        } else if self.full.contains(&index) {
            Urgency::Full
        } else if wire.carries_rows(&scene.nodes) {
            Urgency::Flows
        } else {
            Urgency::Off
        }
    }
}
