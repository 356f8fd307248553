//! Where nodes come to stand when they are aligned, spread or tidied. Pure: places in, places out.

use std::collections::BTreeMap;

use egui::{Pos2, Rect, Vec2};
use millrace_model::{NodeId, Position};

use crate::canvas::layout;
use crate::canvas::snapped;

/// The gap that stacking leaves between two nodes, in canvas points.
const GAP: f32 = 40.0;

/// A way to arrange nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrange {
    Align(Edge),
    /// Equal gaps between the outermost two.
    Distribute(Axis),
    /// One after the other with the same small gap, in their present order.
    Stack(Axis),
    /// The order is turned round; the outline stays.
    Mirror(Axis),
    /// Gaps grow or shrink to so many percent.
    Space {
        axis: Axis,
        percent: u32,
    },
    Snap,
    /// Layers from left to right, along the wires.
    Tidy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    Left,
    Center,
    Right,
    Top,
    Middle,
    Bottom,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    Across,
    Down,
}

impl Axis {
    fn index(self) -> usize {
        match self {
            Axis::Across => 0,
            Axis::Down => 1,
        }
    }
}

impl Arrange {
    /// The words of the undo menu.
    pub fn verb(self) -> &'static str {
        match self {
            Arrange::Align(_) => "Align",
            Arrange::Distribute(_) => "Distribute",
            Arrange::Stack(_) => "Stack",
            Arrange::Mirror(_) => "Mirror",
            Arrange::Space { percent, .. } if percent > 100 => "Spread",
            Arrange::Space { .. } => "Draw together",
            Arrange::Snap => "Snap",
            Arrange::Tidy => "Tidy",
        }
    }

    /// The new places of the nodes that move. `wires` go from feeder to fed, by index into `nodes`.
    pub fn places(self, nodes: &[(NodeId, Rect)], wires: &[(usize, usize)]) -> BTreeMap<NodeId, Option<Position>> {
        let rects: Vec<Rect> = nodes.iter().map(|(_, rect)| *rect).collect();
        let Some(all) = rects.iter().copied().reduce(Rect::union) else { return BTreeMap::new() };
        let corners = match self {
            Arrange::Align(edge) => rects.iter().map(|rect| aligned(*rect, all, edge)).collect(),
            Arrange::Distribute(axis) => distributed(&rects, axis),
            Arrange::Stack(axis) => along(&rects, axis, |_| GAP),
            Arrange::Mirror(axis) => {
                let axis = axis.index();
                let turn = |rect: &Rect| {
                    let mut corner = rect.min;
                    corner[axis] = all.min[axis] + all.max[axis] - rect.max[axis];
                    corner
                };
                rects.iter().map(turn).collect()
            }
            Arrange::Space { axis, percent } => {
                let axis = axis.index();
                let factor = percent as f32 / 100.0;
                let spread = |rect: &Rect| {
                    let mut corner = rect.min;
                    corner[axis] = all.min[axis] + (rect.min[axis] - all.min[axis]) * factor;
                    corner
                };
                rects.iter().map(spread).collect()
            }
            Arrange::Snap => rects.iter().map(|rect| crate::canvas::to_pos(snapped(rect.min))).collect(),
            Arrange::Tidy => {
                let sizes: Vec<Vec2> = rects.iter().map(Rect::size).collect();
                let places = layout::places(&vec![None; rects.len()], &sizes, wires);
                let origin = places.iter().copied().reduce(Pos2::min).unwrap_or_default();
                places.into_iter().map(|place| place - origin.to_vec2() + all.min.to_vec2()).collect::<Vec<Pos2>>()
            }
        };
        let rounded = |pos: Pos2| Position { x: pos.x.round() as i32, y: pos.y.round() as i32 };
        nodes
            .iter()
            .zip(corners)
            .filter(|((_, rect), corner)| rounded(rect.min) != rounded(*corner))
            .map(|((id, _), corner)| (id.clone(), Some(rounded(corner))))
            .collect()
    }
}

fn aligned(rect: Rect, all: Rect, edge: Edge) -> Pos2 {
    let Rect { min, max } = all;
    match edge {
        Edge::Left => Pos2::new(min.x, rect.min.y),
        Edge::Center => Pos2::new(all.center().x - rect.width() / 2.0, rect.min.y),
        Edge::Right => Pos2::new(max.x - rect.width(), rect.min.y),
        Edge::Top => Pos2::new(rect.min.x, min.y),
        Edge::Middle => Pos2::new(rect.min.x, all.center().y - rect.height() / 2.0),
        Edge::Bottom => Pos2::new(rect.min.x, max.y - rect.height()),
    }
}

fn distributed(rects: &[Rect], axis: Axis) -> Vec<Pos2> {
    let at = axis.index();
    let low = rects.iter().map(|rect| rect.min[at]).fold(f32::INFINITY, f32::min);
    let high = rects.iter().map(|rect| rect.max[at]).fold(f32::NEG_INFINITY, f32::max);
    let filled: f32 = rects.iter().map(|rect| rect.size()[at]).sum();
    let num_gaps = rects.len().saturating_sub(1).max(1) as f32;
    along(rects, axis, |_| (high - low - filled) / num_gaps)
}

/// One after the other along the axis, in the order of their middles.
fn along(rects: &[Rect], axis: Axis, gap: impl Fn(usize) -> f32) -> Vec<Pos2> {
    let at = axis.index();
    let mut order: Vec<usize> = (0..rects.len()).collect();
    order.sort_by(|a, b| rects[*a].center()[at].total_cmp(&rects[*b].center()[at]));
    let mut corners: Vec<Pos2> = rects.iter().map(|rect| rect.min).collect();
    let mut next = rects.iter().map(|rect| rect.min[at]).fold(f32::INFINITY, f32::min);
    for (number, index) in order.into_iter().enumerate() {
        corners[index][at] = next;
        next += rects[index].size()[at] + gap(number);
    }
    corners
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{pos2, vec2};

    fn nodes(places: &[(f32, f32, f32)]) -> Vec<(NodeId, Rect)> {
        let rect = |(x, y, width): (f32, f32, f32)| Rect::from_min_size(pos2(x, y), vec2(width, 50.0));
        places.iter().enumerate().map(|(n, place)| (format!("n{n}").parse().expect("an id"), rect(*place))).collect()
    }

    fn after(wish: Arrange, places: &[(f32, f32, f32)], wires: &[(usize, usize)]) -> Vec<(i32, i32)> {
        let nodes = nodes(places);
        let moved = wish.places(&nodes, wires);
        let place = |(id, rect): &(NodeId, Rect)| match moved.get(id).copied().flatten() {
            Some(at) => (at.x, at.y),
            None => (rect.min.x as i32, rect.min.y as i32),
        };
        nodes.iter().map(place).collect()
    }

    #[test]
    fn aligned_nodes_share_the_outermost_edge_or_the_middle() {
        let places = [(0.0, 0.0, 100.0), (60.0, 200.0, 200.0)];
        assert_eq!(after(Arrange::Align(Edge::Left), &places, &[]), [(0, 0), (0, 200)]);
        assert_eq!(after(Arrange::Align(Edge::Right), &places, &[]), [(160, 0), (60, 200)]);
        assert_eq!(after(Arrange::Align(Edge::Center), &places, &[]), [(80, 0), (30, 200)]);
        assert_eq!(after(Arrange::Align(Edge::Bottom), &places, &[]), [(0, 200), (60, 200)]);
    }

    #[test]
    fn distributed_nodes_have_equal_gaps_and_the_outermost_stay() {
        let places = [(0.0, 0.0, 100.0), (500.0, 0.0, 100.0), (110.0, 0.0, 200.0)];
        assert_eq!(after(Arrange::Distribute(Axis::Across), &places, &[]), [(0, 0), (500, 0), (200, 0)]);
        assert_eq!(after(Arrange::Stack(Axis::Across), &places, &[]), [(0, 0), (380, 0), (140, 0)]);
    }

    #[test]
    fn mirroring_twice_moves_nothing() {
        let places = [(0.0, 0.0, 100.0), (60.0, 200.0, 200.0)];
        assert_eq!(after(Arrange::Mirror(Axis::Across), &places, &[]), [(160, 0), (0, 200)]);
        assert_eq!(
            after(Arrange::Mirror(Axis::Across), &[(160.0, 0.0, 100.0), (0.0, 200.0, 200.0)], &[]),
            [(0, 0), (60, 200)]
        );
    }

    #[test]
    fn tidied_nodes_follow_their_wires_and_keep_the_corner() {
        let places = [(300.0, 80.0, 100.0), (40.0, 24.0, 100.0)];
        let tidy = after(Arrange::Tidy, &places, &[(0, 1)]);
        assert_eq!(tidy[0], (40, 24));
        assert!(tidy[1].0 > 140);
    }
}
