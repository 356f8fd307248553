//! Dashboards: charts of view nodes on a grid of [`NUM_COLUMNS`] columns that grows downwards.
//!
//! This is the arrangement and its rule, not what is drawn. They stand in the file's `layout` like groups and notes.
//! Invariants: a dashboard names only nodes that are there, and after [`Dashboard::settle`] no two tiles overlap, every
//! tile lies within the columns and has nothing free above it. Settling what is settled changes nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{LayoutId, NodeId};
use crate::pipeline::Pipeline;
use crate::text::Extra;

/// Columns of every dashboard.
pub const NUM_COLUMNS: u32 = 12;
/// The tallest tile, in rows.
const MAX_HEIGHT: u32 = 40;
/// Further down no tile can be asked for.
const MAX_Y: u32 = 10_000;
/// The size of a tile that nobody has sized.
const USUAL: (u32, u32) = (6, 5);

/// The charts that are looked at together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dashboard {
    pub title: String,
    /// Whether moving through the time of one chart moves the others.
    pub shares_time: bool,
    pub tiles: BTreeMap<NodeId, Tile>,
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

/// The place of the chart of one node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tile {
    pub cells: Cells,
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

/// A rectangle of grid cells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cells {
    pub x: u32,
    pub y: u32,
    pub w: u32,
    pub h: u32,
}

impl Cells {
    pub fn right(self) -> u32 {
        self.x + self.w
    }

    pub fn bottom(self) -> u32 {
        self.y + self.h
    }

    /// Whether both have a column in common.
    fn shares_column(self, other: Self) -> bool {
        self.x < other.right() && other.x < self.right()
    }

    pub fn overlaps(self, other: Self) -> bool {
        self.shares_column(other) && self.y < other.bottom() && other.y < self.bottom()
    }

    /// The nearest cells within the grid, at least one of them.
    #[must_use]
    pub fn within_grid(self) -> Self {
        let w = self.w.clamp(1, NUM_COLUMNS);
        let h = self.h.clamp(1, MAX_HEIGHT);
        Self { x: self.x.min(NUM_COLUMNS - w), y: self.y.min(MAX_Y), w, h }
    }
}

impl Dashboard {
    /// A dashboard of these nodes, two beside each other.
    pub fn of(title: impl Into<String>, nodes: impl IntoIterator<Item = NodeId>) -> Self {
        let mut dashboard = Self { title: title.into(), shares_time: true, ..Self::default() };
        for node in nodes {
            dashboard.add(node);
        }
        dashboard
    }

    /// Puts the chart of a node into the first free place, reading from the left and the top.
    pub fn add(&mut self, node: NodeId) {
        if self.tiles.contains_key(&node) {
            return;
        }
        let (w, h) = USUAL;
        let is_free = |cells: &Cells| !self.tiles.values().any(|tile| tile.cells.overlaps(*cells));
        let bottom = self.num_rows();
        let places = (0..=bottom).flat_map(|y| [0, NUM_COLUMNS - w].map(|x| Cells { x, y, w, h }));
        let cells = places.into_iter().find(is_free).unwrap_or(Cells { x: 0, y: bottom, w, h });
        self.tiles.insert(node, Tile { cells, ..Tile::default() });
        self.settle(None);
    }

    pub fn remove(&mut self, node: &NodeId) {
        self.tiles.remove(node);
        self.settle(None);
    }

    /// Puts a tile to `cells`, moved or resized; the others make room.
    pub fn place(&mut self, node: &NodeId, cells: Cells) {
        if let Some(tile) = self.tiles.get_mut(node) {
            tile.cells = cells.within_grid();
            self.settle(Some(node));
        }
    }

    /// Rows from the top to the lowest tile's end.
    pub fn num_rows(&self) -> u32 {
        self.tiles.values().map(|tile| tile.cells.bottom()).max().unwrap_or(0)
    }

    /// Takes the tiles out of each other's way and closes the gaps above them. Where `held` and another tile want the
    /// same place, the other gives way: upwards when its middle lies above, else downwards.
    pub fn settle(&mut self, held: Option<&NodeId>) {
        for tile in self.tiles.values_mut() {
            tile.cells = tile.cells.within_grid();
        }
        let held_cells = held.and_then(|id| self.tiles.get(id)).map(|tile| tile.cells);
        // The held tile comes right before those that give way downwards, and after those that go above it.
        let key = |id: &NodeId, cells: Cells| match held_cells {
            Some(place) if held == Some(id) => (place.y, 1, place.x),
            Some(place) if place.overlaps(cells) && 2 * cells.y + cells.h > 2 * place.y => {
                (cells.y.max(place.y), 2, cells.x)
            }
            Some(place) if place.overlaps(cells) => (cells.y, 0, cells.x),
            _ => (cells.y, 2, cells.x),
        };
        let mut order: Vec<((u32, u8, u32), NodeId)> =
            self.tiles.iter().map(|(id, tile)| (key(id, tile.cells), id.clone())).collect();
        order.sort();
        let mut placed: Vec<Cells> = Vec::with_capacity(order.len());
        for (_, id) in order {
            let Some(tile) = self.tiles.get_mut(&id) else { continue };
            let above = placed.iter().filter(|other| other.shares_column(tile.cells)).map(|other| other.bottom());
            tile.cells.y = above.max().unwrap_or(0);
            placed.push(tile.cells);
        }
    }
}

impl Pipeline {
    pub fn dashboards(&self) -> &BTreeMap<LayoutId, Dashboard> {
        &self.dashboards
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(number: usize) -> NodeId {
        NodeId::new(format!("n{number}")).expect("well-formed")
    }

    fn cells(x: u32, y: u32, w: u32, h: u32) -> Cells {
        Cells { x, y, w, h }
    }

    fn of(all: &[Cells]) -> Dashboard {
        let tiles = all.iter().enumerate().map(|(n, cells)| (id(n), Tile { cells: *cells, ..Tile::default() }));
        Dashboard { tiles: tiles.collect(), ..Dashboard::default() }
    }

    fn cells_of(dashboard: &Dashboard) -> Vec<Cells> {
        dashboard.tiles.values().map(|tile| tile.cells).collect()
    }

    fn assert_settled(dashboard: &Dashboard) {
        let all = cells_of(dashboard);
        for (index, one) in all.iter().enumerate() {
            assert!(one.w >= 1 && one.h >= 1 && one.right() <= NUM_COLUMNS, "{one:?}");
            let rests = all.iter().any(|other| other.shares_column(*one) && other.bottom() == one.y);
            assert!(one.y == 0 || rests, "nothing is free above {one:?} of {all:?}");
            for other in &all[..index] {
                assert!(!one.overlaps(*other), "{one:?} and {other:?} of {all:?}");
            }
        }
        let mut again = dashboard.clone();
        again.settle(None);
        assert_eq!(&again, dashboard, "what is settled stays");
    }

    fn any_cells() -> impl Strategy<Value = Cells> {
        (0..20_u32, 0..30_u32, 0..16_u32, 0..9_u32).prop_map(|(x, y, w, h)| cells(x, y, w, h))
    }

    proptest! {
        #[test]
        fn tiles_never_overlap_whatever_is_moved_resized_added_or_taken_away(
            start in prop::collection::vec(any_cells(), 0..8),
            steps in prop::collection::vec((0..14_usize, prop::option::of(any_cells())), 0..10),
        ) {
            let mut dashboard = of(&start);
            dashboard.settle(None);
            assert_settled(&dashboard);
            for (number, wish) in steps {
                match wish {
                    Some(wish) if dashboard.tiles.contains_key(&id(number)) => {
                        dashboard.place(&id(number), wish);
                        let placed = dashboard.tiles[&id(number)].cells;
                        let wish = wish.within_grid();
                        assert_eq!((placed.x, placed.w, placed.h), (wish.x, wish.w, wish.h), "it is where it was put");
                    }
                    Some(_) => dashboard.add(id(number)),
                    None => dashboard.remove(&id(number)),
                }
                assert_settled(&dashboard);
            }
        }
    }

    #[test]
    fn a_new_dashboard_has_two_charts_beside_each_other() {
        let dashboard = Dashboard::of("Plant", (0..3).map(id));
        assert_eq!(cells_of(&dashboard), [cells(0, 0, 6, 5), cells(6, 0, 6, 5), cells(0, 5, 6, 5)]);
    }

    #[test]
    fn a_tile_dragged_onto_another_pushes_it_down_and_past_its_middle_up() {
        let pair = of(&[cells(0, 0, 6, 4), cells(0, 4, 6, 4)]);
        let mut up = pair.clone();
        up.place(&id(1), cells(0, 1, 6, 4));
        assert_eq!(cells_of(&up), [cells(0, 4, 6, 4), cells(0, 0, 6, 4)]);
        let mut a_little = pair.clone();
        a_little.place(&id(0), cells(0, 1, 6, 4));
        assert_eq!(a_little, pair, "it comes back");
        let mut down = pair;
        down.place(&id(0), cells(0, 7, 6, 4));
        assert_eq!(cells_of(&down), [cells(0, 4, 6, 4), cells(0, 0, 6, 4)]);
    }

    #[test]
    fn a_wider_tile_pushes_its_neighbour_down_and_leaves_the_others() {
        let mut dashboard = of(&[cells(0, 0, 4, 4), cells(4, 0, 4, 4), cells(8, 0, 4, 4)]);
        dashboard.place(&id(0), cells(0, 0, 6, 4));
        assert_eq!(cells_of(&dashboard), [cells(0, 0, 6, 4), cells(4, 4, 4, 4), cells(8, 0, 4, 4)]);
    }
}
