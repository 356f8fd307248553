//! The auto layout: layers from left to right, for nodes that nobody has placed.
//!
//! A placed node stays where it is. Every other stands right of what feeds it, as high as the middle of its feeders,
//! and moves down until it covers nothing. Where nobody has placed any node, [`super::layered`] lays out the whole. The
//! same pipeline always gets the same layout.

use egui::{Pos2, Rect, Vec2, vec2};

use super::layered;

pub(super) const GAP: Vec2 = vec2(80.0, 40.0);

/// The top left corners of nodes with the given `sizes`; `fixed` ones stay. `edges` go from feeder to fed.
pub fn places(fixed: &[Option<Pos2>], sizes: &[Vec2], edges: &[(usize, usize)]) -> Vec<Pos2> {
    if fixed.iter().all(Option::is_none) {
        return layered::places(sizes, edges).into_iter().map(on_raster).collect();
    }
    let num_nodes = sizes.len();
    let mut feeders = vec![Vec::new(); num_nodes];
    let mut fed = vec![Vec::new(); num_nodes];
    for (from, to) in edges {
        feeders[*to].push(*from);
        fed[*from].push(*to);
    }
    let mut taken: Vec<Rect> =
        fixed.iter().zip(sizes).filter_map(|(pos, size)| pos.map(|pos| Rect::from_min_size(pos, *size))).collect();
    let left = taken.iter().map(|rect| rect.min.x).reduce(f32::min).unwrap_or(0.0);
    let top = taken.iter().map(|rect| rect.min.y).reduce(f32::min).unwrap_or(0.0);
    let mut placed: Vec<Option<Pos2>> = fixed.to_vec();
    for node in order(&feeders, &fed) {
        if placed[node].is_some() {
            continue;
        }
        let rects: Vec<Rect> = feeders[node]
            .iter()
            .filter_map(|feeder| placed[*feeder].map(|pos| Rect::from_min_size(pos, sizes[*feeder])))
            .collect();
        let pos = match rects.iter().map(|rect| rect.max.x).reduce(f32::max) {
            Some(right) => {
                let middle = rects.iter().map(|rect| rect.min.y).sum::<f32>() / rects.len() as f32;
                Pos2::new(right + GAP.x, middle)
            }
            None => Pos2::new(left, top),
        };
        let rect = free(Rect::from_min_size(on_raster(pos), sizes[node]), &taken);
        taken.push(rect);
        placed[node] = Some(rect.min);
    }
    placed.into_iter().map(Option::unwrap_or_default).collect()
}

fn free(mut rect: Rect, taken: &[Rect]) -> Rect {
    while let Some(hit) = taken.iter().find(|other| other.expand2(GAP * 0.49).intersects(rect)) {
        let down = on_raster(Pos2::new(rect.min.x, hit.max.y + GAP.y));
        rect = Rect::from_min_size(Pos2::new(rect.min.x, down.y.max(rect.min.y + 8.0)), rect.size());
    }
    rect
}

fn on_raster(pos: Pos2) -> Pos2 {
    Pos2::new((pos.x / 8.0).round() * 8.0, (pos.y / 8.0).round() * 8.0)
}

/// Feeders before what they feed, layer by layer; what hangs in a cycle comes last.
pub(super) fn order(feeders: &[Vec<usize>], fed: &[Vec<usize>]) -> Vec<usize> {
    let mut open: Vec<usize> = feeders.iter().map(Vec::len).collect();
    let mut order: Vec<usize> = (0..feeders.len()).filter(|node| open[*node] == 0).collect();
    let mut next = 0;
    while next < order.len() {
        for node in &fed[order[next]] {
            open[*node] -= 1;
            if open[*node] == 0 {
                order.push(*node);
            }
        }
        next += 1;
    }
    let knot: Vec<usize> = (0..feeders.len()).filter(|node| open[*node] > 0).collect();
    order.extend(knot);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wire_goes_right_and_no_node_covers_another() {
        let sizes = vec![vec2(176.0, 76.0); 6];
        let edges = [(0, 2), (1, 2), (2, 3), (2, 4), (3, 5), (4, 5)];
        let places = places(&[None; 6], &sizes, &edges);
        for (from, to) in edges {
            assert!(places[from].x + 176.0 < places[to].x, "{from} → {to}");
        }
        for a in 0..6 {
            for b in 0..a {
                let rect = |node: usize| Rect::from_min_size(places[node], sizes[node]);
                assert!(!rect(a).intersects(rect(b)), "{a} covers {b}");
            }
        }
    }

    #[test]
    fn placed_nodes_stay_and_cycles_end() {
        let sizes = vec![vec2(176.0, 76.0); 3];
        let fixed = [Some(Pos2::new(40.0, 200.0)), None, None];
        let places = places(&fixed, &sizes, &[(0, 1), (1, 2), (2, 1)]);
        assert_eq!(places[0], Pos2::new(40.0, 200.0));
        assert!(places[1] != places[2]);
    }
}
