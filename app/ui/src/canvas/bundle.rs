//! Bundles: wires that run from one region to another and share a trunk when they are seen from afar.
//!
//! Which wires run together hangs on the layout alone and is found once with the scene: those whose ends fall into the
//! same two cells, whose size grows with the wires' length, so that near things are told apart longer than far ones.
//! Every wire is in one bundle or in none. Between near and far a wire's course blends from its own to the shared.

use std::collections::BTreeMap;

use egui::{Pos2, vec2};

use super::course::Course;

/// Fewer wires are no bundle.
const MIN_WIRES: usize = 3;
/// The side of a cell for each point of a wire's length.
const CELL_SHARE: f32 = 0.6;
const MIN_CELL: f32 = 64.0;
/// The shortest way from the last output to the first input that a trunk needs.
const MIN_GAP: f32 = 48.0;
/// The share of that way that the wires take to join, and again to part.
const JOIN: f32 = 0.3;
/// From here on, zooming out, wires begin to draw together, and there they run together.
const APART_ZOOM: f32 = 0.24;
const TOGETHER_ZOOM: f32 = 0.14;
/// No trunk is wider than so many wires.
const MAX_WIDTH: f32 = 8.0;

/// Some wires with a trunk.
#[derive(Debug)]
pub struct Bundle {
    /// Their numbers in the scene, ascending.
    pub wires: Vec<usize>,
    /// The curve that they share, in canvas points.
    pub trunk: [Pos2; 4],
}

impl Bundle {
    /// How much wider than one wire the trunk is; never less for more wires.
    pub fn width(num_wires: usize) -> f32 {
        (num_wires as f32).sqrt().min(MAX_WIDTH)
    }
}

/// All bundles of a scene.
#[derive(Debug, Default)]
pub struct Bundles {
    bundles: Vec<Bundle>,
    /// The bundle of each wire, and its course through the trunk.
    members: Vec<Option<(usize, Course)>>,
}

impl Bundles {
    pub fn new(courses: &[Course]) -> Self {
        let mut groups: BTreeMap<[i32; 5], Vec<usize>> = BTreeMap::new();
        for (index, course) in courses.iter().enumerate() {
            if let Some(key) = key_of(course) {
                groups.entry(key).or_default().push(index);
            }
        }
        let mut all = Self { bundles: Vec::new(), members: vec![None; courses.len()] };
        for wires in groups.into_values().filter(|wires| wires.len() >= MIN_WIRES) {
            let Some(trunk) = trunk_of(&wires, courses) else { continue };
            for wire in &wires {
                let own = &courses[*wire];
                all.members[*wire] = Some((all.bundles.len(), Course::through(own.start(), trunk, own.end())));
            }
            all.bundles.push(Bundle { wires, trunk });
        }
        all
    }

    pub fn get(&self, bundle: usize) -> &Bundle {
        &self.bundles[bundle]
    }

    /// The bundle that the wire is in, and its course there.
    pub fn of_wire(&self, wire: usize) -> Option<(usize, &Course)> {
        self.members.get(wire)?.as_ref().map(|(bundle, course)| (*bundle, course))
    }
}

/// How far wires have drawn together at this zoom: 0 for apart, 1 for together.
pub fn togetherness(zoom: f32) -> f32 {
    let part = ((APART_ZOOM - zoom) / (APART_ZOOM - TOGETHER_ZOOM)).clamp(0.0, 1.0);
    part * part * (3.0 - 2.0 * part)
}

/// The two cells that the wire's ends fall into, and their size; `None` for a wire that goes back or has no room.
fn key_of(course: &Course) -> Option<[i32; 5]> {
    let (from, to) = (course.start(), course.end());
    if to.x - from.x < MIN_GAP {
        return None;
    }
    let size = ((to - from).length() * CELL_SHARE).max(MIN_CELL).log2().floor();
    let cell = |length: f32| (length / size.exp2()).floor() as i32;
    Some([size as i32, cell(from.x), cell(from.y), cell(to.x), cell(to.y)])
}

fn trunk_of(wires: &[usize], courses: &[Course]) -> Option<[Pos2; 4]> {
    let ends = || wires.iter().map(|wire| (courses[*wire].start(), courses[*wire].end()));
    let left = ends().map(|(from, _)| from.x).fold(f32::NEG_INFINITY, f32::max);
    let right = ends().map(|(_, to)| to.x).fold(f32::INFINITY, f32::min);
    let gap = right - left;
    if gap < MIN_GAP {
        return None;
    }
    let num_wires = wires.len() as f32;
    let from_y = ends().map(|(from, _)| from.y).sum::<f32>() / num_wires;
    let to_y = ends().map(|(_, to)| to.y).sum::<f32>() / num_wires;
    let (start, end) = (Pos2::new(left + gap * JOIN, from_y), Pos2::new(right - gap * JOIN, to_y));
    let reach = vec2((end.x - start.x) * 0.5, 0.0);
    Some([start, start + reach, end - reach, end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::pos2;

    /// Wires all over a canvas, forwards and backwards, near and far.
    fn scattered(num: usize) -> Vec<Course> {
        let place = |seed: usize, most: usize| (seed * 7_919 % most) as f32;
        let course = |n: usize| {
            // From region to region, with ends that lie a little apart.
            let from = pos2((n % 5) as f32 * 700.0 + place(n, 97), (n / 5 % 5) as f32 * 600.0 + place(n * 3 + 1, 89));
            let way = vec2((n / 25 % 7) as f32 * 650.0 - 650.0, (n / 175 % 3) as f32 * 600.0 - 600.0);
            Course::direct(from, from + way + vec2(place(n * 5, 101), place(n * 11, 83)))
        };
        (0..num).map(course).collect()
    }

    #[test]
    fn every_wire_is_in_one_bundle_or_in_none() {
        let courses = scattered(2_000);
        let all = Bundles::new(&courses);
        assert!(all.bundles.len() > 20, "{} bundles", all.bundles.len());
        let mut seen = vec![0; courses.len()];
        for (index, bundle) in all.bundles.iter().enumerate() {
            assert!(bundle.wires.len() >= MIN_WIRES);
            for wire in &bundle.wires {
                seen[*wire] += 1;
                assert_eq!(all.of_wire(*wire).map(|(bundle, _)| bundle), Some(index));
            }
        }
        for (wire, num) in seen.iter().enumerate() {
            assert_eq!(*num, usize::from(all.of_wire(wire).is_some()), "wire {wire}");
        }
        assert!(seen.contains(&0), "some are alone");
    }

    #[test]
    fn a_wire_keeps_its_ends_in_a_bundle_and_runs_through_its_trunk() {
        let courses = scattered(2_000);
        let all = Bundles::new(&courses);
        for (wire, own) in courses.iter().enumerate() {
            let Some((bundle, shared)) = all.of_wire(wire) else { continue };
            assert!(shared.start() == own.start() && shared.end() == own.end());
            assert_eq!(shared.curves().nth(1), Some(all.get(bundle).trunk));
            let [start, .., end] = all.get(bundle).trunk;
            assert!(own.start().x < start.x && start.x < end.x && end.x < own.end().x, "it never runs back");
        }
    }

    #[test]
    fn a_trunk_is_never_narrower_for_more_wires() {
        for num in 1..2_000 {
            assert!(Bundle::width(num + 1) >= Bundle::width(num), "{num} wires");
        }
        assert!(Bundle::width(9) > Bundle::width(3));
    }

    #[test]
    fn wires_draw_together_steadily_and_are_apart_where_titles_are_read() {
        assert_eq!((togetherness(0.25), togetherness(1.0), togetherness(0.02)), (0.0, 0.0, 1.0));
        let parts: Vec<f32> = (0..=100).map(|n| togetherness(0.3 - n as f32 * 0.002)).collect();
        assert!(parts.is_sorted());
        assert!(parts.windows(2).all(|pair| pair[1] - pair[0] < 0.05), "no jump");
    }
}
