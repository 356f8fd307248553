//! The points of each line: the newest so many, thinned when they are looked at.
//!
//! Thinning is M4 (Jugel, Jerzak, Hackenbroich, Markl: "M4: a visualization-oriented time series data aggregation", VLDB
//! 2014): of every stretch the first, the last, the lowest and the highest point stay.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, UInt64Type};
use millrace_operator::NodeError;
use serde::{Deserialize, Serialize};

/// More lines than this cannot be told apart.
const MAX_SERIES: usize = 100;
/// Names of lines that are not drawn are counted up to this many.
const MAX_HIDDEN: usize = 10_000;
/// Points of one line in a picture, while there are few lines.
pub(super) const MAX_POINTS: usize = 2_000;
/// Points of all lines in a picture.
const MAX_PICTURE_POINTS: usize = 40_000;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub x: f64,
    pub y: f64,
}

struct Series {
    /// Which of the y columns it shows.
    y: usize,
    name: String,
    points: VecDeque<Point>,
}

pub(super) struct Points {
    keep: usize,
    series: Vec<Series>,
    /// For each y column the series by name.
    places: Vec<HashMap<String, usize>>,
    hidden: HashSet<String>,
    num_points: u64,
}

#[derive(Serialize, Deserialize)]
struct Counts {
    num_points: u64,
    hidden: Vec<String>,
}

impl Points {
    pub(super) fn new(num_y: usize, keep: usize) -> Self {
        Self { keep, series: Vec::new(), places: vec![HashMap::new(); num_y], hidden: HashSet::new(), num_points: 0 }
    }

    pub(super) fn push(&mut self, y: usize, name: &str, point: Point) {
        self.num_points += 1;
        let place = match self.places[y].get(name) {
            Some(place) => *place,
            None if self.series.len() >= MAX_SERIES => {
                if self.hidden.len() < MAX_HIDDEN && !self.hidden.contains(name) {
                    self.hidden.insert(name.to_owned());
                }
                return;
            }
            None => {
                self.series.push(Series { y, name: name.to_owned(), points: VecDeque::new() });
                self.places[y].insert(name.to_owned(), self.series.len() - 1);
                self.series.len() - 1
            }
        };
        let points = &mut self.series[place].points;
        if points.len() == self.keep {
            points.pop_front();
        }
        points.push_back(point);
    }

    pub(super) fn num_points(&self) -> u64 {
        self.num_points
    }

    /// What the title says of lines that are not drawn.
    pub(super) fn note(&self) -> Option<String> {
        let or_more = if self.hidden.len() == MAX_HIDDEN { " or more" } else { "" };
        (!self.hidden.is_empty()).then(|| format!("{MAX_SERIES} of {}{or_more} series", MAX_SERIES + self.hidden.len()))
    }

    /// For each line its y column, its name and its points by x, thinned.
    pub(super) fn thinned(&self) -> impl Iterator<Item = (usize, &str, Vec<Point>)> {
        let limit = (MAX_PICTURE_POINTS / self.series.len().max(1)).min(MAX_POINTS);
        self.series.iter().map(move |series| {
            let mut points: Vec<Point> = series.points.iter().copied().collect();
            // Stable: points with one x stay in the order in which they came.
            points.sort_by(|left, right| left.x.total_cmp(&right.x));
            (series.y, series.name.as_str(), thin(points, limit))
        })
    }

    /// Everything that is held, as a batch and a text.
    pub(super) fn save(&self) -> Result<(RecordBatch, String), NodeError> {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let each = |series: &'_ Series| series.points.len();
        let schema = Schema::new(vec![
            Field::new("y_column", DataType::UInt64, false),
            Field::new("series", DataType::Utf8, false),
            Field::new("x", DataType::Float64, false),
            Field::new("y", DataType::Float64, false),
        ]);
        let names: Vec<&str> =
            self.series.iter().flat_map(|series| std::iter::repeat_n(series.name.as_str(), each(series))).collect();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from_iter_values(
                self.series.iter().flat_map(|series| std::iter::repeat_n(series.y as u64, each(series))),
            )),
            Arc::new(StringArray::from(names)),
            Arc::new(Float64Array::from_iter_values(points().map(|point| point.x))),
            Arc::new(Float64Array::from_iter_values(points().map(|point| point.y))),
        ];
        let mut hidden: Vec<String> = self.hidden.iter().cloned().collect();
        hidden.sort();
        let counts = serde_json::to_string(&Counts { num_points: self.num_points, hidden })
            .map_err(|error| NodeError::internal("the points cannot be written").with_source(error))?;
        Ok((RecordBatch::try_new(Arc::new(schema), columns)?, counts))
    }

    /// Takes what [`Self::save`] gave.
    pub(super) fn load(&mut self, batch: &RecordBatch, counts: &str) -> Result<(), NodeError> {
        let counts: Counts = serde_json::from_str(counts)
            .map_err(|error| NodeError::internal("the points cannot be read").with_source(error))?;
        *self = Self::new(self.places.len(), self.keep);
        let (y_columns, names) = (batch.column(0).as_primitive::<UInt64Type>(), batch.column(1).as_string::<i32>());
        let (x, y) = (batch.column(2).as_primitive::<Float64Type>(), batch.column(3).as_primitive::<Float64Type>());
        for row in 0..batch.num_rows() {
            let column = usize::try_from(y_columns.value(row)).unwrap_or(usize::MAX);
            // A chart of fewer columns than before leaves the others out.
            if column < self.places.len() {
                self.push(column, names.value(row), Point { x: x.value(row), y: y.value(row) });
            }
        }
        self.num_points = counts.num_points;
        self.hidden = counts.hidden.into_iter().collect();
        Ok(())
    }

    pub(super) fn bytes(&self) -> usize {
        let of_series = |series: &Series| series.points.capacity() * size_of::<Point>() + 2 * series.name.len() + 128;
        self.series.iter().map(of_series).sum::<usize>() + self.hidden.iter().map(|name| name.len() + 32).sum::<usize>()
    }
}

/// At most `limit` of `points`, which are sorted by x.
fn thin(points: Vec<Point>, limit: usize) -> Vec<Point> {
    if points.len() <= limit {
        return points;
    }
    let num_stretches = (limit / 4).max(1);
    let mut kept = Vec::with_capacity(num_stretches * 4);
    for stretch in 0..num_stretches {
        let from = stretch * points.len() / num_stretches;
        let to = (stretch + 1) * points.len() / num_stretches;
        let by_y = |left: &usize, right: &usize| points[*left].y.total_cmp(&points[*right].y);
        let (lowest, highest) = ((from..to).min_by(by_y), (from..to).max_by(by_y));
        let mut chosen: Vec<usize> = [Some(from), lowest, highest, Some(to - 1)].into_iter().flatten().collect();
        chosen.sort_unstable();
        chosen.dedup();
        kept.extend(chosen.into_iter().map(|index| points[index]));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn thinning_keeps_the_ends_and_every_spike(
            spikes in prop::collection::btree_map(0_usize..50_000, prop::bool::ANY, 1..20),
            length in 2_001_usize..50_000,
        ) {
            let points: Vec<Point> = (0..length)
                .map(|index| {
                    let spike = match spikes.get(&index) { Some(true) => 1e6, Some(false) => -1e6, None => 0.0 };
                    Point { x: index as f64, y: spike + (index % 7) as f64 }
                })
                .collect();
            let kept = thin(points.clone(), MAX_POINTS);
            prop_assert!(kept.len() <= MAX_POINTS);
            prop_assert_eq!((kept[0], kept[kept.len() - 1]), (points[0], points[length - 1]));
            prop_assert!(kept.windows(2).all(|pair| pair[0].x < pair[1].x));
            let extreme = |better: fn(f64, f64) -> f64, points: &[Point]| points.iter().map(|p| p.y).reduce(better);
            prop_assert_eq!(extreme(f64::max, &kept), extreme(f64::max, &points));
            prop_assert_eq!(extreme(f64::min, &kept), extreme(f64::min, &points));
            // A spike stays unless one of its own stretch is higher or lower still.
            let stretch = |index: f64| ((index + 1.0) * (MAX_POINTS / 4) as f64 / length as f64).ceil() as usize;
            for index in spikes.keys().filter(|index| **index < length) {
                let spike = points[*index];
                let is_covered = kept.iter().any(|point| {
                    stretch(point.x) == stretch(spike.x)
                        && point.y.signum() == spike.y.signum()
                        && point.y.abs() >= spike.y.abs()
                });
                prop_assert!(is_covered, "the spike at {} is lost", index);
            }
        }
    }
}
