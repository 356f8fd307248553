//! The layout of a graph of which nobody has placed a node: layers from left to right, parts that hang together side by
//! side.
//!
//! After Sugiyama, Tagawa and Toda (1981): a node stands one layer right of the last of its feeders; sweeps over the
//! layers put nodes in the order of the middles of their neighbours, which takes wires apart that cross; then each
//! stands as near to that middle as the others let it. A source stands just left of what it feeds. The same graph
//! always gets the same layout.

use std::collections::HashMap;

use egui::{Pos2, Vec2, pos2, vec2};

use super::layout::{GAP, order};

/// How often the layers are gone through; more changes next to nothing.
const NUM_SWEEPS: usize = 8;
/// How much wider than high parts side by side are to be.
const ASPECT: f32 = 1.6;

/// The top left corners, from (0, 0) on. `edges` go from feeder to fed.
pub(super) fn places(sizes: &[Vec2], edges: &[(usize, usize)]) -> Vec<Pos2> {
    let mut graph = Graph::new(sizes, edges);
    let parts = graph.parts();
    for part in &parts {
        graph.lay_out(part);
    }
    let extents: Vec<Vec2> = parts.iter().map(|part| graph.extent(part)).collect();
    let mut places = vec![Pos2::ZERO; sizes.len()];
    for (part, at) in parts.iter().zip(shelves(&extents)) {
        for node in part {
            places[*node] = graph.corners[*node] + at;
        }
    }
    places
}

/// Where parts of these sizes stand: in rows, the next one begun where the last has become wide enough.
fn shelves(extents: &[Vec2]) -> Vec<Vec2> {
    let area: f32 = extents.iter().map(|extent| (extent.x + GAP.x) * (extent.y + GAP.y)).sum();
    let width = extents.iter().map(|extent| extent.x).fold((area * ASPECT).sqrt(), f32::max);
    let (mut at, mut height) = (Vec2::ZERO, 0.0_f32);
    let place = |extent: &Vec2| {
        if at.x > 0.0 && at.x + extent.x > width {
            at = vec2(0.0, at.y + height + 2.0 * GAP.y);
            height = 0.0;
        }
        let place = at;
        at.x += extent.x + GAP.x;
        height = height.max(extent.y);
        place
    };
    extents.iter().map(place).collect()
}

struct Graph<'a> {
    sizes: &'a [Vec2],
    feeders: Vec<Vec<usize>>,
    fed: Vec<Vec<usize>>,
    /// How high the middle of each node stands.
    middles: Vec<f32>,
    /// The top left corners, those of each part from (0, 0) on.
    corners: Vec<Pos2>,
}

impl<'a> Graph<'a> {
    fn new(sizes: &'a [Vec2], edges: &[(usize, usize)]) -> Self {
        let num = sizes.len();
        let (mut feeders, mut fed) = (vec![Vec::new(); num], vec![Vec::new(); num]);
        for (from, to) in edges {
            feeders[*to].push(*from);
            fed[*from].push(*to);
        }
        Self { sizes, feeders, fed, middles: vec![0.0; num], corners: vec![Pos2::ZERO; num] }
    }

    /// The nodes that hang together, in the order of their first ones; feeders before what they feed.
    fn parts(&self) -> Vec<Vec<usize>> {
        let mut part_of: Vec<Option<usize>> = vec![None; self.sizes.len()];
        let mut parts = Vec::new();
        for first in 0..self.sizes.len() {
            if part_of[first].is_some() {
                continue;
            }
            let mut open = vec![first];
            while let Some(node) = open.pop() {
                if part_of[node].replace(parts.len()).is_none() {
                    open.extend(self.feeders[node].iter().chain(&self.fed[node]));
                }
            }
            parts.push(Vec::new());
        }
        for node in order(&self.feeders, &self.fed) {
            parts[part_of[node].expect("every node was reached from one before it or itself")].push(node);
        }
        parts
    }

    fn extent(&self, part: &[usize]) -> Vec2 {
        let ends = part.iter().map(|node| self.corners[*node].to_vec2() + self.sizes[*node]);
        ends.fold(Vec2::ZERO, Vec2::max)
    }

    fn lay_out(&mut self, part: &[usize]) {
        let mut layers = self.layers(part);
        for layer in &layers {
            let mut y = 0.0;
            for node in layer {
                self.middles[*node] = y + self.sizes[*node].y / 2.0;
                y += self.sizes[*node].y + GAP.y;
            }
        }
        let last = layers.len() - 1;
        for sweep in 0..=NUM_SWEEPS {
            let is_forward = sweep % 2 == 0;
            for step in 0..=last {
                self.settle(&mut layers[if is_forward { step } else { last - step }], is_forward);
            }
        }
        let above = |node: &usize| self.middles[*node] - self.sizes[*node].y / 2.0;
        let top = part.iter().map(above).fold(f32::INFINITY, f32::min);
        let mut x = 0.0;
        for layer in &layers {
            for node in layer {
                self.corners[*node] = pos2(x, above(node) - top);
            }
            x += layer.iter().map(|node| self.sizes[*node].x).fold(0.0, f32::max) + GAP.x;
        }
    }

    /// The nodes of each layer. `part` has feeders first; where wires go in a circle, one of them goes back.
    fn layers(&self, part: &[usize]) -> Vec<Vec<usize>> {
        let mut layer_of: HashMap<usize, usize> = HashMap::with_capacity(part.len());
        for node in part {
            let before = self.feeders[*node].iter().filter_map(|feeder| layer_of.get(feeder));
            layer_of.insert(*node, before.max().map_or(0, |before| before + 1));
        }
        for node in part.iter().filter(|node| self.feeders[**node].is_empty()) {
            let after = self.fed[*node].iter().map(|fed| layer_of[fed]).min();
            layer_of.insert(*node, after.map_or(0, |after| after.saturating_sub(1)));
        }
        let mut layers = vec![Vec::new(); part.len()];
        for node in part {
            layers[layer_of[node]].push(*node);
        }
        layers.retain(|layer| !layer.is_empty());
        layers
    }

    /// Puts the nodes of a layer in the order of the middles of their neighbours, each as near to it as can be.
    fn settle(&mut self, layer: &mut [usize], is_forward: bool) {
        let neighbours = if is_forward { &self.feeders } else { &self.fed };
        let wish = |node: usize| match neighbours[node].len() {
            0 => self.middles[node],
            num => neighbours[node].iter().map(|other| self.middles[*other]).sum::<f32>() / num as f32,
        };
        let mut wished: Vec<(usize, f32)> = layer.iter().map(|node| (*node, wish(*node))).collect();
        wished.sort_by(|a, b| a.1.total_cmp(&b.1));
        // The middles lie at least so far below that of the first.
        let mut below = 0.0;
        let mut last_height = None;
        let mut offsets = Vec::with_capacity(wished.len());
        for (node, _) in &wished {
            let height = self.sizes[*node].y;
            below += last_height.map_or(0.0, |last: f32| (last + height) / 2.0 + GAP.y);
            last_height = Some(height);
            offsets.push(below);
        }
        let wishes = wished.iter().zip(&offsets).map(|((_, wish), offset)| wish - offset);
        for (place, (fit, offset)) in rising(wishes).into_iter().zip(&offsets).enumerate() {
            layer[place] = wished[place].0;
            self.middles[wished[place].0] = fit + offset;
        }
    }
}

/// The values that never fall and are nearest to `wishes` by least squares: neighbours that would fall share their mean
/// (pool adjacent violators; Ayer and others, 1955).
fn rising(wishes: impl Iterator<Item = f32>) -> Vec<f32> {
    let mut pools: Vec<(f32, usize)> = Vec::new();
    for wish in wishes {
        let mut pool = (wish, 1);
        while let Some((mean, num)) = pools.pop_if(|(mean, _)| *mean > pool.0) {
            let all = num + pool.1;
            pool = ((mean * num as f32 + pool.0 * pool.1 as f32) / all as f32, all);
        }
        pools.push(pool);
    }
    pools.into_iter().flat_map(|(mean, num)| std::iter::repeat_n(mean, num)).collect()
}

#[cfg(test)]
mod tests {
    use egui::Rect;
    use proptest::prelude::*;

    use super::*;

    const SIZE: Vec2 = vec2(176.0, 76.0);

    fn num_crossings(places: &[Pos2], edges: &[(usize, usize)]) -> usize {
        let crosses = |a: &(usize, usize), b: &(usize, usize)| {
            let (from, to) = (places[a.0].y - places[b.0].y, places[a.1].y - places[b.1].y);
            places[a.0].x == places[b.0].x && places[a.1].x == places[b.1].x && from * to < 0.0
        };
        let pairs = edges.iter().enumerate().flat_map(|(place, a)| edges[..place].iter().map(move |b| (a, b)));
        pairs.filter(|(a, b)| crosses(a, b)).count()
    }

    #[test]
    fn wires_that_need_not_cross_do_not() {
        // Two sources feed two filters each, named crosswise; each filter ends in a sink of its own.
        let edges =
            [(0, 5), (0, 2), (1, 4), (1, 3), (2, 9), (3, 6), (4, 8), (5, 7), (9, 10), (6, 10), (7, 10), (8, 10)];
        let places = places(&[SIZE; 11], &edges);
        assert_eq!(num_crossings(&places, &edges), 0, "{places:?}");
    }

    #[test]
    fn a_chain_is_straight_and_a_late_source_stands_next_to_what_it_feeds() {
        let edges = [(0, 1), (1, 2), (2, 3), (4, 3)];
        let places = places(&[SIZE; 5], &edges);
        assert_eq!([places[0].y, places[1].y], [places[1].y, places[2].y]);
        assert_eq!(places[4].x, places[2].x);
    }

    #[test]
    fn parts_stand_side_by_side_rather_than_in_one_column() {
        let edges: Vec<(usize, usize)> = (0..400).map(|part| (2 * part, 2 * part + 1)).collect();
        let places = places(&[SIZE; 800], &edges);
        let extent = places.iter().fold(Vec2::ZERO, |extent, place| extent.max(place.to_vec2()));
        assert!((0.8..3.0).contains(&(extent.x / extent.y)), "{extent:?}");
    }

    #[test]
    fn values_rise_with_the_least_change() {
        assert_eq!(rising([1.0, 3.0, 2.0, 4.0].into_iter()), [1.0, 2.5, 2.5, 4.0]);
        assert_eq!(rising([3.0, 2.0, 1.0].into_iter()), [2.0, 2.0, 2.0]);
    }

    proptest! {
        #[test]
        fn every_wire_goes_right_and_no_node_covers_another(
            heights in prop::collection::vec(40_u8..200, 1..40),
            ends in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..60),
        ) {
            let sizes: Vec<Vec2> = heights.iter().map(|height| vec2(176.0, f32::from(*height))).collect();
            let pairs = ends.iter().map(|(a, b)| (a.index(sizes.len()), b.index(sizes.len())));
            let edges: Vec<(usize, usize)> = pairs.filter(|(a, b)| a < b).collect();
            let places = places(&sizes, &edges);
            for (from, to) in &edges {
                prop_assert!(places[*from].x + sizes[*from].x < places[*to].x);
            }
            let rects: Vec<Rect> = places.iter().zip(&sizes).map(|(at, size)| Rect::from_min_size(*at, *size)).collect();
            for (place, rect) in rects.iter().enumerate() {
                prop_assert!(rects[..place].iter().all(|other| !other.shrink(0.5).intersects(*rect)));
            }
        }
    }
}
