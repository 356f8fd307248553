//! A raster of cells over the canvas that tells quickly what may lie in a rectangle.
//!
//! It is built once with the scene and holds the places that things have in the pipeline; what is being dragged is
//! elsewhere and is looked at apart. An answer may hold things that lie just outside, never lacks one that lies inside.

use egui::{Rect, Vec2, pos2, vec2};

/// Cells are at least this wide and high, about two nodes.
const MIN_CELL: f32 = 400.0;

/// Which of many rectangles touch which cell.
#[derive(Debug, Default)]
pub struct Cells {
    bounds: Option<Rect>,
    cell: f32,
    num_columns: usize,
    num_rows: usize,
    /// Row by row, the numbers of the rectangles that touch the cell.
    cells: Vec<Vec<usize>>,
    num_rects: usize,
}

impl Cells {
    pub fn new(rects: &[Rect]) -> Self {
        let Some(bounds) = rects.iter().copied().reduce(Rect::union) else { return Self::default() };
        // A pipeline with a node far away must not make a raster of mostly empty cells.
        let most_cells = (2 * rects.len()).max(16) as f32;
        let cell = MIN_CELL.max((bounds.width() * bounds.height() / most_cells).sqrt());
        let cell = cell.max(bounds.width().max(bounds.height()) / most_cells);
        let num_columns = (bounds.width() / cell) as usize + 1;
        let num_rows = (bounds.height() / cell) as usize + 1;
        let mut cells = Self {
            bounds: Some(bounds),
            cell,
            num_columns,
            num_rows,
            cells: vec![Vec::new(); num_columns * num_rows],
            num_rects: rects.len(),
        };
        for (index, rect) in rects.iter().enumerate() {
            for place in cells.touched(*rect) {
                cells.cells[place].push(index);
            }
        }
        cells
    }

    /// The numbers of the rectangles near `area`, in ascending order, each once.
    pub fn near(&self, area: Rect) -> Vec<usize> {
        if self.bounds.is_none_or(|bounds| !bounds.intersects(area)) {
            return Vec::new();
        }
        if self.bounds.is_some_and(|bounds| area.contains_rect(bounds)) {
            return (0..self.num_rects).collect();
        }
        let mut found: Vec<usize> = self.touched(area).flat_map(|place| self.cells[place].iter().copied()).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// One of the rectangles near `area` for which `is_meant` holds.
    pub fn find(&self, area: Rect, is_meant: impl Fn(usize) -> bool) -> Option<usize> {
        if self.bounds.is_none_or(|bounds| !bounds.intersects(area)) {
            return None;
        }
        self.touched(area).flat_map(|place| self.cells[place].iter().copied()).find(|index| is_meant(*index))
    }

    fn touched(&self, area: Rect) -> impl Iterator<Item = usize> + use<> {
        let origin = self.bounds.map_or(pos2(0.0, 0.0), |bounds| bounds.min);
        let most = vec2(self.num_columns.saturating_sub(1) as f32, self.num_rows.saturating_sub(1) as f32);
        let at = |offset: Vec2| (offset / self.cell).floor().clamp(Vec2::ZERO, most);
        let (from, to) = (at(area.min - origin), at(area.max - origin));
        let num_columns = self.num_columns;
        (from.y as usize..=to.y as usize)
            .flat_map(move |row| (from.x as usize..=to.x as usize).map(move |column| row * num_columns + column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_lies_in_an_area_is_found() {
        // A scatter of rectangles of all sizes, one of them far away.
        let place = |seed: usize, most: usize| (seed * 7_919 % most) as f32 - most as f32 / 3.0;
        let mut rects: Vec<Rect> = (0..300)
            .map(|seed| {
                let size = vec2(20.0 + place(seed, 900).abs(), 10.0 + place(seed + 5, 300).abs());
                Rect::from_min_size(pos2(place(seed, 9_001), place(seed * 3 + 1, 5_003)), size)
            })
            .collect();
        rects.push(Rect::from_min_size(pos2(2e6, -3e6), vec2(176.0, 76.0)));
        let cells = Cells::new(&rects);
        for seed in 0..200 {
            let area = Rect::from_min_size(
                pos2(place(seed * 13, 12_007), place(seed * 31, 9_001)),
                vec2(place(seed, 3_001).abs(), place(seed * 11, 2_003).abs()),
            );
            let found = cells.near(area);
            for (index, rect) in rects.iter().enumerate().filter(|(_, rect)| rect.intersects(area)) {
                assert!(found.binary_search(&index).is_ok(), "{rect:?} lies in {area:?}");
            }
            assert!(found.is_sorted_by(|a, b| a < b));
        }
        assert_eq!(cells.near(Rect::EVERYTHING).len(), rects.len());
        assert!(cells.cells.len() <= 4 * rects.len(), "{} cells", cells.cells.len());
    }

    #[test]
    fn without_rectangles_nothing_is_found() {
        assert_eq!(Cells::new(&[]).near(Rect::EVERYTHING), Vec::<usize>::new());
    }
}
