//! Points sorted by x with a pyramid of extremes beside them: any part of millions of points, thinned to a screen, at a
//! cost that grows with the pixels and not with the points.
//!
//! Thinning is M4 (Jugel, Jerzak, Hackenbroich, Markl: "M4: a visualization-oriented time series data aggregation", VLDB
//! 2014): of every column of pixels the first, the last, the lowest and the highest point stay, so that a spike of one
//! sample is never lost. Each entry of a level names the lowest and the highest of [`FAN`] entries below. Invariant: a
//! level holds full entries only, and everything it speaks of is there and has not moved since.

use std::ops::Range;

/// Entries under one entry of the level above.
const FAN: usize = 16;
/// Points out of order are gathered up to this many, or an eighth of all, before they are put in their places.
const MIN_LATE: usize = 4_096;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

/// Where the lowest and the highest of a stretch are.
#[derive(Debug, Clone, Copy)]
struct Extremes {
    low: u32,
    high: u32,
}

#[derive(Debug, Clone, Default)]
struct Pyramid {
    levels: Vec<Vec<Extremes>>,
}

/// The points of one line: the `keep` of them with the greatest x.
#[derive(Debug, Clone)]
pub struct SortedPoints {
    x: Vec<f64>,
    y: Vec<f64>,
    pyramid: Pyramid,
    /// Points that came after one with a greater x, in the order in which they came.
    late: Vec<Point>,
    keep: usize,
}

impl Pyramid {
    /// Takes in the points from where it ends.
    fn grow(&mut self, y: &[f64]) {
        for level in 0.. {
            let num_below = if level == 0 { y.len() } else { self.levels[level - 1].len() };
            let num_full = num_below / FAN;
            if num_full == 0 {
                break;
            }
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            for entry in self.levels[level].len()..num_full {
                let below = entry * FAN..(entry + 1) * FAN;
                let extremes = self.among(y, level, below).expect("a full entry has points");
                self.levels[level].push(extremes);
            }
        }
    }

    /// Forgets what it says of the points from `len` on.
    fn truncate(&mut self, len: usize) {
        let mut len = len;
        for level in &mut self.levels {
            len /= FAN;
            level.truncate(len);
        }
    }

    /// The extremes of entries just below `level`; those of equal height are the first.
    fn among(&self, y: &[f64], level: usize, below: Range<usize>) -> Option<Extremes> {
        let entry = |index: usize| match level {
            0 => Extremes { low: index as u32, high: index as u32 },
            _ => self.levels[level - 1][index],
        };
        below.map(entry).reduce(|a, b| joined(y, a, b))
    }

    fn extremes(&self, y: &[f64], range: Range<usize>) -> Option<Extremes> {
        let (mut from, mut to) = (range.start, range.end);
        let mut found: Option<Extremes> = None;
        let mut add = |more: Option<Extremes>| {
            found = match (found, more) {
                (Some(a), Some(b)) => Some(joined(y, a, b)),
                (a, b) => a.or(b),
            };
        };
        for level in 0.. {
            let num_above = self.levels.get(level).map_or(0, Vec::len);
            let (above_from, above_to) = (from.div_ceil(FAN), (to / FAN).min(num_above));
            if above_from >= above_to {
                add(self.among(y, level, from..to));
                break;
            }
            add(self.among(y, level, from..above_from * FAN));
            add(self.among(y, level, above_to * FAN..to));
            (from, to) = (above_from, above_to);
        }
        found
    }

    fn bytes(&self) -> usize {
        self.levels.iter().map(|level| level.capacity() * size_of::<Extremes>()).sum()
    }
}

fn joined(y: &[f64], a: Extremes, b: Extremes) -> Extremes {
    let lower = |a: u32, b: u32| match y[b as usize].total_cmp(&y[a as usize]) {
        std::cmp::Ordering::Less => b,
        std::cmp::Ordering::Equal => a.min(b),
        std::cmp::Ordering::Greater => a,
    };
    let higher = |a: u32, b: u32| match y[b as usize].total_cmp(&y[a as usize]) {
        std::cmp::Ordering::Greater => b,
        std::cmp::Ordering::Equal => a.min(b),
        std::cmp::Ordering::Less => a,
    };
    Extremes { low: lower(a.low, b.low), high: higher(a.high, b.high) }
}

impl SortedPoints {
    pub fn new(keep: usize) -> Self {
        Self { x: Vec::new(), y: Vec::new(), pyramid: Pyramid::default(), late: Vec::new(), keep: keep.max(1) }
    }

    /// Adds a point, of which both numbers must be finite.
    pub fn push(&mut self, point: Point) {
        if self.x.last().is_some_and(|last| point.x < *last) {
            self.late.push(point);
            if self.late.len() >= MIN_LATE.max(self.x.len() / 8) {
                self.settle();
            }
            return;
        }
        self.x.push(point.x);
        self.y.push(point.y);
        // Forgetting in large pieces costs a few moves for each point, and a quarter more room.
        if self.x.len() >= self.keep + (self.keep / 4).max(1_024) {
            self.settle();
            let surplus = self.x.len() - self.keep;
            self.x.drain(..surplus);
            self.y.drain(..surplus);
            self.pyramid.truncate(0);
            self.pyramid.grow(&self.y);
        }
    }

    /// Puts every point in its place. To be called before looking; it costs what came since the last time, and for
    /// points out of order everything with a greater x.
    pub fn settle(&mut self) {
        if !self.late.is_empty() {
            let mut late = std::mem::take(&mut self.late);
            // Stable: points with one x stay in the order in which they came.
            late.sort_by(|a, b| a.x.total_cmp(&b.x));
            let from = self.x.partition_point(|x| *x <= late[0].x);
            let (xs, ys) = (self.x.split_off(from), self.y.split_off(from));
            self.pyramid.truncate(from);
            let mut late = late.into_iter().peekable();
            for (x, y) in xs.into_iter().zip(ys) {
                while let Some(point) = late.next_if(|point| point.x < x) {
                    self.x.push(point.x);
                    self.y.push(point.y);
                }
                self.x.push(x);
                self.y.push(y);
            }
            for point in late {
                self.x.push(point.x);
                self.y.push(point.y);
            }
        }
        self.pyramid.grow(&self.y);
    }

    fn held(&self) -> Range<usize> {
        self.x.len().saturating_sub(self.keep)..self.x.len()
    }

    /// All points held, by x. [`SortedPoints::settle`] comes first.
    pub fn points(&self) -> impl Iterator<Item = Point> {
        self.held().map(|index| self.point(index))
    }

    pub fn num_points(&self) -> usize {
        self.held().len()
    }

    pub fn is_empty(&self) -> bool {
        self.x.is_empty()
    }

    /// The least and the greatest x. [`SortedPoints::settle`] comes first.
    pub fn x_held(&self) -> Option<(f64, f64)> {
        let held = self.held();
        (!held.is_empty()).then(|| (self.x[held.start], self.x[held.end - 1]))
    }

    /// What is to be drawn of the x values from `from` to `to` on `num_columns` columns of pixels: all points where there
    /// is room for them, else at most four in each column; and one point beyond each side, where the line goes on.
    /// [`SortedPoints::settle`] comes first.
    pub fn thinned(&self, (from, to): (f64, f64), num_columns: usize) -> Vec<Point> {
        let held = self.held();
        let place = |x: f64| held.start + self.x[held.clone()].partition_point(|other| *other < x);
        let (start, end) = (place(from), held.start + self.x[held.clone()].partition_point(|x| *x <= to));
        let end = end.max(start);
        let num_columns = num_columns.max(1);
        let before = (start > held.start).then(|| start - 1);
        let after = (end < held.end).then_some(end);
        let mut kept: Vec<Point> = Vec::with_capacity((end - start).min(4 * num_columns) + 2);
        kept.extend(before.map(|index| self.point(index)));
        let width = (to - from) / num_columns as f64;
        if end - start <= 4 * num_columns || !width.is_finite() || width <= 0.0 {
            kept.extend((start..end).map(|index| self.point(index)));
        } else {
            let mut first = start;
            for column in 1..=num_columns {
                let next = match column == num_columns {
                    true => end,
                    false => {
                        let border = from + column as f64 * width;
                        first + self.x[first..end].partition_point(|x| *x < border)
                    }
                };
                kept.extend(self.of_column(first..next).map(|index| self.point(index)));
                first = next;
            }
        }
        kept.extend(after.map(|index| self.point(index)));
        kept
    }

    /// The first, the lowest, the highest and the last of a stretch, each once.
    fn of_column(&self, column: Range<usize>) -> impl Iterator<Item = usize> {
        let mut chosen = [None; 4];
        if let Some(extremes) = self.pyramid.extremes(&self.y, column.clone()) {
            let mut indices = [column.start, extremes.low as usize, extremes.high as usize, column.end - 1];
            indices.sort_unstable();
            chosen = indices.map(Some);
            for place in 1..4 {
                if indices[place] == indices[place - 1] {
                    chosen[place] = None;
                }
            }
        }
        chosen.into_iter().flatten()
    }

    fn point(&self, index: usize) -> Point {
        Point { x: self.x[index], y: self.y[index] }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let numbers = (self.x.capacity() + self.y.capacity()) * size_of::<f64>();
        numbers + self.late.capacity() * size_of::<Point>() + self.pyramid.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(points: impl IntoIterator<Item = Point>, keep: usize) -> SortedPoints {
        let mut sorted = SortedPoints::new(keep);
        points.into_iter().for_each(|point| sorted.push(point));
        sorted.settle();
        sorted
    }

    /// The same without a pyramid: every point of every column is looked at.
    fn slowly(points: &[Point], (from, to): (f64, f64), num_columns: usize, column: usize) -> Option<(f64, f64)> {
        let width = (to - from) / num_columns as f64;
        let (left, right) = (from + column as f64 * width, from + (column + 1) as f64 * width);
        let is_last = column + 1 == num_columns;
        let inside = points.iter().filter(|p| p.x >= left && (p.x < right || is_last && p.x <= to)).map(|p| p.y);
        inside.fold(None, |found, y| Some(found.map_or((y, y), |(low, high): (f64, f64)| (low.min(y), high.max(y)))))
    }

    proptest! {
        #[test]
        fn every_column_of_pixels_keeps_its_extremes_at_any_zoom(
            spikes in prop::collection::btree_map(0_usize..20_000, -1e6..1e6, 0..30),
            length in 1_usize..20_000,
            zoom in (0.0_f64..1.0, 0.0_f64..1.0),
            num_columns in 1_usize..400,
        ) {
            let points: Vec<Point> = (0..length)
                .map(|n| Point { x: n as f64, y: spikes.get(&n).copied().unwrap_or((n % 7) as f64) })
                .collect();
            let sorted = of(points.iter().copied(), usize::MAX / 2);
            let (a, b) = (zoom.0 * length as f64, zoom.1 * length as f64);
            let range = (a.min(b), a.max(b).max(a.min(b) + 0.5));
            let thin = sorted.thinned(range, num_columns);
            prop_assert!(thin.len() <= 4 * num_columns + 2);
            prop_assert!(thin.is_sorted_by(|a, b| a.x <= b.x));
            for column in 0..num_columns {
                let (all, kept) = (slowly(&points, range, num_columns, column), slowly(&thin, range, num_columns, column));
                prop_assert_eq!(all, kept, "column {}", column);
            }
        }

        #[test]
        fn points_in_any_order_and_any_pieces_are_those_with_the_greatest_x(
            xs in prop::collection::vec(0_u16..500, 0..6_000),
            keep in 1_usize..3_000,
            piece in 1_usize..2_000,
        ) {
            let points: Vec<Point> = xs.iter().enumerate().map(|(n, x)| Point { x: f64::from(*x), y: n as f64 }).collect();
            let mut sorted = SortedPoints::new(keep);
            for piece in points.chunks(piece) {
                piece.iter().for_each(|point| sorted.push(*point));
                sorted.settle();
            }
            let mut expected = points;
            expected.sort_by(|a, b| a.x.total_cmp(&b.x));
            let xs = |points: &[Point]| points.iter().map(|p| p.x).collect::<Vec<_>>();
            let held: Vec<Point> = sorted.points().collect();
            prop_assert_eq!(xs(&held), xs(&expected[expected.len().saturating_sub(keep)..]));
            prop_assert_eq!(sorted.num_points(), held.len());
            let whole = slowly(&held, (0.0, 500.0), 1, 0);
            prop_assert_eq!(whole, slowly(&sorted.thinned((0.0, 500.0), 1), (0.0, 500.0), 1, 0));
        }
    }

    #[test]
    fn few_points_are_all_kept_with_a_neighbour_at_each_side() {
        let sorted = of((0..10).map(|n| Point { x: f64::from(n), y: 0.0 }), 100);
        let xs = |from: f64, to: f64| sorted.thinned((from, to), 100).iter().map(|p| p.x).collect::<Vec<_>>();
        assert_eq!(xs(2.5, 4.5), [2.0, 3.0, 4.0, 5.0]);
        assert_eq!(xs(-5.0, 0.5), [0.0, 1.0]);
        assert_eq!(xs(20.0, 30.0), [9.0]);
        assert_eq!(SortedPoints::new(5).thinned((0.0, 1.0), 10), []);
        assert_eq!(sorted.x_held(), Some((0.0, 9.0)));
    }

    #[test]
    fn what_is_forgotten_is_freed() {
        let sorted = of((0..1_000_000).map(|n| Point { x: f64::from(n), y: 0.0 }), 10_000);
        assert_eq!(sorted.x_held(), Some((990_000.0, 999_999.0)));
        assert!(sorted.bytes() < 20_000 * 20, "{} bytes", sorted.bytes());
    }
}
