//! Finds the lanes of wires that go backwards: level ways that pass no node and share their height with no other loop.
//!
//! A lane runs between the two nodes where they stand above each other with room between, else below or above both,
//! whichever is nearer. Where all is crowded the search ends with the best that it has seen, so that a pipeline
//! of loops alone is laid out in bounded time.

use std::collections::BTreeMap;

use egui::{Pos2, Rect, pos2};

/// Between two lanes, and between the heights that are tried.
const LANE_STEP: f32 = 10.0;
/// Between a lane and a node.
const CLEARANCE: f32 = 14.0;
/// How far the bends stand out at both ends of a lane.
const BEND: f32 = 36.0;
/// Heights that are tried to one side.
const MAX_TRIES: usize = 32;

/// A wire that goes back: its ends, and the nodes that they belong to.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    pub from: Pos2,
    pub to: Pos2,
    pub source: Rect,
    pub target: Rect,
}

impl Way {
    /// Whether the wire has to turn around to get there.
    pub fn is_backward(&self) -> bool {
        self.to.x < self.from.x
    }

    /// The part of the canvas that the lane at this height needs for itself.
    fn band(&self, lane: f32) -> Rect {
        Rect::from_min_max(
            pos2(self.to.x - BEND, lane - CLEARANCE + 1.0),
            pos2(self.from.x + BEND, lane + CLEARANCE - 1.0),
        )
    }

    fn length(&self, lane: f32) -> f32 {
        (self.from.y - lane).abs() + (self.to.y - lane).abs()
    }

    /// Where to begin to look, and whether to go on downwards.
    fn starts(&self) -> impl Iterator<Item = (f32, bool)> {
        let (upper, lower) = if self.source.max.y <= self.target.min.y {
            (self.source, self.target)
        } else {
            (self.target, self.source)
        };
        let has_room = lower.min.y - upper.max.y >= 2.0 * CLEARANCE;
        let between = has_room.then_some(((upper.max.y + lower.min.y) / 2.0, true));
        let bottom = self.source.max.y.max(self.target.max.y) + CLEARANCE;
        let top = self.source.min.y.min(self.target.min.y) - CLEARANCE;
        between.into_iter().chain([(bottom, true), (top, false)])
    }
}

/// The lanes that are taken.
#[derive(Debug, Default)]
pub struct Lanes {
    /// From left to right, by their height in steps.
    taken: BTreeMap<i32, Vec<(f32, f32)>>,
}

impl Lanes {
    /// The height of a free lane, which is then taken. `obstacle` tells a node that touches a rectangle.
    pub fn take(&mut self, way: &Way, obstacle: impl Fn(Rect) -> Option<Rect>) -> f32 {
        let mut best: Option<f32> = None;
        for (start, goes_down) in way.starts() {
            let Some(lane) = self.search(way, start, goes_down, &obstacle) else { continue };
            if best.is_none_or(|best| way.length(lane) < way.length(best)) {
                best = Some(lane);
            }
        }
        let lane = best.unwrap_or_else(|| way.starts().last().map_or(way.from.y, |(start, _)| start));
        let band = way.band(lane);
        self.taken.entry(step_of(lane)).or_default().push((band.min.x, band.max.x));
        lane
    }

    fn search(&self, way: &Way, start: f32, goes_down: bool, obstacle: &impl Fn(Rect) -> Option<Rect>) -> Option<f32> {
        let raster = |height: f32| {
            let steps = height / LANE_STEP;
            (if goes_down { steps.ceil() } else { steps.floor() }) * LANE_STEP
        };
        let mut lane = raster(start);
        for _ in 0..MAX_TRIES {
            let band = way.band(lane);
            lane = match obstacle(band) {
                Some(node) if goes_down => raster(node.max.y + CLEARANCE).max(lane + LANE_STEP),
                Some(node) => raster(node.min.y - CLEARANCE).min(lane - LANE_STEP),
                None if self.is_taken(lane, band) && goes_down => lane + LANE_STEP,
                None if self.is_taken(lane, band) => lane - LANE_STEP,
                None => return Some(lane),
            };
        }
        None
    }

    fn is_taken(&self, lane: f32, band: Rect) -> bool {
        let spans = self.taken.get(&step_of(lane)).map(Vec::as_slice).unwrap_or_default();
        spans.iter().any(|(left, right)| *left < band.max.x && *right > band.min.x)
    }
}

fn step_of(lane: f32) -> i32 {
    (lane / LANE_STEP).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::vec2;

    fn node(x: f32, y: f32) -> Rect {
        Rect::from_min_size(pos2(x, y), vec2(176.0, 76.0))
    }

    fn way(source: Rect, target: Rect) -> Way {
        Way { from: source.right_center(), to: target.left_center(), source, target }
    }

    #[test]
    fn a_lane_passes_no_node_and_no_other_lane() {
        let nodes: Vec<Rect> = (0..60).map(|n| node((n % 10) as f32 * 272.0, (n / 10) as f32 * 128.0)).collect();
        let mut lanes = Lanes::default();
        let mut found: Vec<(f32, Rect)> = Vec::new();
        for index in 0..40 {
            let way = way(nodes[(index * 7 + 30) % 60], nodes[(index * 13) % 60]);
            if !way.is_backward() {
                continue;
            }
            let lane = lanes.take(&way, |area| nodes.iter().find(|node| node.intersects(area)).copied());
            let band = way.band(lane);
            assert!(!nodes.iter().any(|node| node.intersects(band)), "{way:?} at {lane}");
            for (other, taken) in &found {
                let is_apart = (other - lane).abs() >= LANE_STEP || !taken.x_range().intersects(band.x_range());
                assert!(is_apart, "{lane} and {other}");
            }
            found.push((lane, band));
        }
        assert!(found.len() > 15, "{} loops", found.len());
    }

    #[test]
    fn a_lane_runs_between_nodes_that_stand_above_each_other() {
        let (upper, lower) = (node(0.0, 0.0), node(0.0, 200.0));
        let lane = Lanes::default().take(&way(upper, lower), |_| None);
        assert!(lane > upper.max.y && lane < lower.min.y, "{lane}");
        let beside = Lanes::default().take(&way(node(400.0, 0.0), node(0.0, 0.0)), |_| None);
        assert!(!(0.0..=76.0).contains(&beside), "{beside} leads past nodes that stand side by side");
    }
}
