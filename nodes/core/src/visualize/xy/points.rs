//! The points of each series: so many are held, and thinned when they are looked at.
//!
//! Points of lines are held sorted, with a pyramid (`millrace_model::pyramid`); dots in the order in which they came.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, UInt64Type};
use millrace_model::pyramid::{Point, SortedPoints};
use millrace_model::view::Look;
use millrace_operator::NodeError;
use serde::{Deserialize, Serialize};

/// More lines than this cannot be told apart.
const MAX_SERIES: usize = 100;
/// Names of lines that are not drawn are counted up to this many.
const MAX_HIDDEN: usize = 10_000;
/// Points of all series in a picture.
const MAX_PICTURE_POINTS: usize = 100_000;
/// Dots of one series in a picture.
const MAX_DOTS: usize = 20_000;
/// Dots in the same of so many cells along each axis lie on each other.
const CELLS: f64 = 1_024.0;

struct Series {
    /// Which of the y columns it shows.
    y: usize,
    name: String,
    held: Held,
}

/// The points of one series.
enum Held {
    /// Those with the greatest x.
    ByX(SortedPoints),
    /// Those that came last.
    Newest(VecDeque<Point>),
}

impl Held {
    fn push(&mut self, point: Point, keep: usize) {
        match self {
            Self::ByX(points) => points.push(point),
            Self::Newest(points) => {
                if points.len() == keep {
                    points.pop_front();
                }
                points.push_back(point);
            }
        }
    }

    fn settle(&mut self) {
        match self {
            Self::ByX(points) => points.settle(),
            Self::Newest(_) => {}
        }
    }

    fn points(&self) -> Vec<Point> {
        match self {
            Self::ByX(points) => points.points().collect(),
            Self::Newest(points) => points.iter().copied().collect(),
        }
    }

    fn x(&self) -> Option<(f64, f64)> {
        match self {
            Self::ByX(points) => points.x_held(),
            Self::Newest(points) => points.iter().map(|point| (point.x, point.x)).reduce(both),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::ByX(points) => points.bytes(),
            Self::Newest(points) => points.capacity() * size_of::<Point>(),
        }
    }
}

/// The range that holds two ranges.
fn both(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (a.0.min(b.0), a.1.max(b.1))
}

pub(super) struct Points {
    keep: usize,
    /// Whether the order of the points is that of x; else it is that in which they came.
    is_by_x: bool,
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
    pub(super) fn new(num_y: usize, keep: usize, is_by_x: bool) -> Self {
        let places = vec![HashMap::new(); num_y];
        Self { keep, is_by_x, series: Vec::new(), places, hidden: HashSet::new(), num_points: 0 }
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
                let held =
                    if self.is_by_x { Held::ByX(SortedPoints::new(self.keep)) } else { Held::Newest(VecDeque::new()) };
                self.series.push(Series { y, name: name.to_owned(), held });
                self.places[y].insert(name.to_owned(), self.series.len() - 1);
                self.series.len() - 1
            }
        };
        self.series[place].held.push(point, self.keep);
    }

    /// Puts every point in its place; comes before looking and saving.
    pub(super) fn settle(&mut self) {
        self.series.iter_mut().for_each(|series| series.held.settle());
    }

    /// The least and the greatest x of all.
    pub(super) fn x_held(&self) -> Option<(f64, f64)> {
        self.series.iter().filter_map(|series| series.held.x()).reduce(both)
    }

    pub(super) fn num_points(&self) -> u64 {
        self.num_points
    }

    /// What the title says of lines that are not drawn.
    pub(super) fn note(&self) -> Option<String> {
        let or_more = if self.hidden.len() == MAX_HIDDEN { " or more" } else { "" };
        (!self.hidden.is_empty()).then(|| format!("{MAX_SERIES} of {}{or_more} series", MAX_SERIES + self.hidden.len()))
    }

    /// For each series its y column, its name and its points by x, thinned to what is looked at.
    pub(super) fn thinned(&self, look: &Look) -> Vec<(usize, &str, Vec<Point>)> {
        let num_series = self.series.len().max(1);
        let Some(x) = look.x.or_else(|| self.x_held()) else { return Vec::new() };
        let num_columns = (look.num_columns as usize).min(MAX_PICTURE_POINTS / 4 / num_series).max(1);
        let num_dots = (MAX_PICTURE_POINTS / num_series).min(MAX_DOTS);
        let thinned = |held: &Held| match held {
            Held::ByX(points) => points.thinned(x, num_columns),
            Held::Newest(points) => apart(points, look.x, num_dots),
        };
        self.series.iter().map(|series| (series.y, series.name.as_str(), thinned(&series.held))).collect()
    }

    /// Everything that is held, as a batch and a text.
    pub(super) fn save(&self) -> Result<(RecordBatch, String), NodeError> {
        let held: Vec<Vec<Point>> = self.series.iter().map(|series| series.held.points()).collect();
        let points = || held.iter().flatten();
        let each = || self.series.iter().zip(&held);
        let schema = Schema::new(vec![
            Field::new("y_column", DataType::UInt64, false),
            Field::new("series", DataType::Utf8, false),
            Field::new("x", DataType::Float64, false),
            Field::new("y", DataType::Float64, false),
        ]);
        let names: Vec<&str> =
            each().flat_map(|(series, held)| std::iter::repeat_n(series.name.as_str(), held.len())).collect();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from_iter_values(
                each().flat_map(|(series, held)| std::iter::repeat_n(series.y as u64, held.len())),
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
        *self = Self::new(self.places.len(), self.keep, self.is_by_x);
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
        let of_series = |series: &Series| series.held.bytes() + 2 * series.name.len() + 128;
        self.series.iter().map(of_series).sum::<usize>() + self.hidden.iter().map(|name| name.len() + 32).sum::<usize>()
    }
}

/// The newest of the points that would lie on each other, at most `limit` of them.
fn apart(points: &VecDeque<Point>, x: Option<(f64, f64)>, limit: usize) -> Vec<Point> {
    let is_seen = |point: &&Point| x.is_none_or(|(from, to)| point.x >= from && point.x <= to);
    let seen: Vec<Point> = points.iter().filter(is_seen).copied().collect();
    let mut kept = if seen.len() <= limit {
        seen
    } else {
        let range = |value: fn(&Point) -> f64| {
            let ends = (f64::INFINITY, f64::NEG_INFINITY);
            seen.iter().map(value).fold(ends, |(low, high), value| (low.min(value), high.max(value)))
        };
        let (across, along) = (range(|point| point.x), range(|point| point.y));
        let cell = |value: f64, (low, high): (f64, f64)| ((value - low) / (high - low) * CELLS) as u32;
        let mut taken = HashSet::new();
        let newest = seen.iter().rev().filter(|point| taken.insert((cell(point.x, across), cell(point.y, along))));
        newest.take(limit).copied().collect()
    };
    kept.sort_by(|a, b| a.x.total_cmp(&b.x));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_that_lie_on_each_other_are_one_and_an_outlier_stays() {
        let mut points: VecDeque<Point> =
            (0..50_000).map(|n| Point { x: f64::from(n % 100), y: f64::from(n % 7) }).collect();
        points[1_234] = Point { x: 50.0, y: 900.0 };
        let kept = apart(&points, None, 5_000);
        assert!(kept.len() < 1_000 && kept.contains(&Point { x: 50.0, y: 900.0 }), "{}", kept.len());
        assert!(kept.is_sorted_by(|a, b| a.x <= b.x));
        assert!(apart(&points, Some((10.0, 20.0)), 5_000).iter().all(|point| (10.0..=20.0).contains(&point.x)));
    }
}
