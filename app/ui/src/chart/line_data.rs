//! The points of a line chart: read from the view's batch, and thinned to what a screen can show.
//!
//! Thinning keeps, for each column of pixels, the first, the smallest, the largest and the last point, so that a spike
//! of one sample is never lost. Points of a series are sorted by x; that is what makes a range of them a slice.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_schema::DataType;
use egui::{Context, Id};
use egui_plot::PlotPoint;

use crate::data_table::time_us;

/// One line of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub name: String,
    /// Sorted by x; all finite.
    pub points: Vec<PlotPoint>,
    /// Which of the theme's series colours it has; it keeps it when other series come and go.
    pub color: usize,
}

impl Series {
    pub fn last(&self) -> Option<PlotPoint> {
        self.points.last().copied()
    }
}

/// All lines of a chart. Times are seconds since the epoch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LineData {
    pub series: Vec<Series>,
    pub x: (f64, f64),
    pub y: (f64, f64),
}

impl LineData {
    /// # Errors
    /// When the batch does not have the columns that a line chart's batch has, in words.
    pub fn read(batch: &RecordBatch) -> Result<Self, String> {
        let column =
            |name: &str| batch.column_by_name(name).ok_or_else(|| format!("The chart's rows have no column `{name}`."));
        let names = cast(column("series")?, &DataType::Utf8).map_err(|error| error.to_string())?;
        let names = names.as_string::<i32>();
        let xs = numbers(column("x")?)?;
        let ys = numbers(column("y")?)?;
        let mut series: BTreeMap<&str, Vec<PlotPoint>> = BTreeMap::new();
        for row in 0..batch.num_rows() {
            let name = if names.is_null(row) { "null" } else { names.value(row) };
            let points = series.entry(name).or_default();
            if xs[row].is_finite() && ys[row].is_finite() {
                points.push(PlotPoint::new(xs[row], ys[row]));
            }
        }
        Ok(Self::of(series.into_iter().map(|(name, points)| (name.to_owned(), points))))
    }

    /// Lines from points in any order of x.
    pub fn of(lines: impl IntoIterator<Item = (String, Vec<PlotPoint>)>) -> Self {
        let mut data =
            Self { x: (f64::INFINITY, f64::NEG_INFINITY), y: (f64::INFINITY, f64::NEG_INFINITY), ..Self::default() };
        for (color, (name, mut points)) in lines.into_iter().enumerate() {
            if !points.is_sorted_by(|a, b| a.x <= b.x) {
                points.sort_by(|a, b| a.x.total_cmp(&b.x));
            }
            for point in &points {
                data.x = (data.x.0.min(point.x), data.x.1.max(point.x));
                data.y = (data.y.0.min(point.y), data.y.1.max(point.y));
            }
            data.series.push(Series { name, points, color });
        }
        data
    }

    pub fn is_empty(&self) -> bool {
        self.series.iter().all(|series| series.points.is_empty())
    }

    pub fn num_points(&self) -> usize {
        self.series.iter().map(|series| series.points.len()).sum()
    }
}

/// A column as numbers: moments as seconds, nulls and what is no number as NaN.
pub fn numbers(array: &ArrayRef) -> Result<Vec<f64>, String> {
    if matches!(array.data_type(), DataType::Timestamp(..)) {
        let seconds = (0..array.len()).map(|row| time_us(array, row).map_or(f64::NAN, |us| us as f64 / 1e6));
        return Ok(seconds.collect());
    }
    let numbers = cast(array, &DataType::Float64).map_err(|error| error.to_string())?;
    Ok(numbers.as_primitive::<Float64Type>().iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

/// Whether two batches are one: the same arrays, not only equal ones. Costs nothing.
pub fn same_batch(a: &RecordBatch, b: &RecordBatch) -> bool {
    a.num_rows() == b.num_rows()
        && a.num_columns() == b.num_columns()
        && a.columns().iter().zip(b.columns()).all(|(a, b)| Arc::ptr_eq(a, b))
}

/// What is kept of one chart from frame to frame. It holds the batch, so that no other can get its arrays' addresses.
#[derive(Clone)]
struct Kept {
    batch: RecordBatch,
    data: Result<Arc<LineData>, String>,
    /// The colour of every series that was ever shown here.
    colors: Arc<BTreeMap<String, usize>>,
}

/// The lines of `batch`, read once per batch; a series keeps the colour that it had in the last one.
///
/// # Errors
/// As [`LineData::read`].
pub fn line_data(ctx: &Context, id: Id, batch: &RecordBatch) -> Result<Arc<LineData>, String> {
    let id = id.with("line_data");
    let kept = ctx.data(|data| data.get_temp::<Kept>(id));
    if let Some(kept) = &kept
        && same_batch(&kept.batch, batch)
    {
        return kept.data.clone();
    }
    let mut colors = kept.map(|kept| kept.colors.as_ref().clone()).unwrap_or_default();
    let data = LineData::read(batch).map(|mut data| {
        for series in &mut data.series {
            let next = colors.len();
            series.color = *colors.entry(series.name.clone()).or_insert(next);
        }
        Arc::new(data)
    });
    let kept = Kept { batch: batch.clone(), data: data.clone(), colors: Arc::new(colors) };
    ctx.data_mut(|data| data.insert_temp(id, kept));
    data
}

/// The points from `from` to `to` (and one beyond at each side), no more than four for each of `num_columns`.
pub fn thinned(points: &[PlotPoint], (from, to): (f64, f64), num_columns: usize) -> Cow<'_, [PlotPoint]> {
    let start = points.partition_point(|point| point.x < from).saturating_sub(1);
    let end = (points.partition_point(|point| point.x <= to) + 1).min(points.len());
    let seen = &points[start.min(end)..end];
    let num_columns = num_columns.max(1);
    let width = (to - from) / num_columns as f64;
    if seen.len() <= 4 * num_columns || !width.is_finite() || width <= 0.0 {
        return Cow::Borrowed(seen);
    }
    let column_of = |point: &PlotPoint| ((point.x - from) / width).floor();
    let mut kept = Vec::with_capacity(4 * num_columns);
    for column in seen.chunk_by(|a, b| column_of(a) == column_of(b)) {
        let by_y = |a: &usize, b: &usize| column[*a].y.total_cmp(&column[*b].y);
        let lowest = (0..column.len()).min_by(by_y).unwrap_or(0);
        let highest = (0..column.len()).max_by(by_y).unwrap_or(0);
        let mut wanted = [0, lowest, highest, column.len() - 1];
        wanted.sort_unstable();
        let mut before = None;
        for index in wanted {
            if before != Some(index) {
                kept.push(column[index]);
            }
            before = Some(index);
        }
    }
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Float64Array, StringArray, TimestampMicrosecondArray};

    fn batch(rows: &[(Option<&str>, Option<i64>, Option<f64>)]) -> RecordBatch {
        let names: ArrayRef = Arc::new(rows.iter().map(|row| row.0).collect::<StringArray>());
        let times: ArrayRef = Arc::new(rows.iter().map(|row| row.1).collect::<TimestampMicrosecondArray>());
        let values: ArrayRef = Arc::new(rows.iter().map(|row| row.2).collect::<Float64Array>());
        RecordBatch::try_from_iter([("series", names), ("x", times), ("y", values)]).expect("the columns are as long")
    }

    #[test]
    fn series_are_told_apart_and_nulls_are_left_out() {
        let data = LineData::read(&batch(&[
            (Some("a"), Some(1_000_000), Some(5.0)),
            (Some("a"), Some(2_000_000), None),
            (Some("a"), Some(3_500_000), Some(7.0)),
            (None, Some(2_000_000), Some(-1.0)),
        ]))
        .expect("the columns are there");
        let points: Vec<(&str, Vec<(f64, f64)>)> = data
            .series
            .iter()
            .map(|series| (series.name.as_str(), series.points.iter().map(|point| (point.x, point.y)).collect()))
            .collect();
        assert_eq!(points, [("a", vec![(1.0, 5.0), (3.5, 7.0)]), ("null", vec![(2.0, -1.0)])]);
        assert_eq!((data.x, data.y), ((1.0, 3.5), (-1.0, 7.0)));
    }

    #[test]
    fn a_batch_of_another_form_is_an_error_in_words() {
        let values: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
        let other = RecordBatch::try_from_iter([("value", values)]).expect("one column");
        assert_eq!(LineData::read(&other), Err("The chart's rows have no column `series`.".to_owned()));
    }

    #[test]
    fn a_series_keeps_its_color_when_another_comes_before_it() {
        let ctx = Context::default();
        let id = Id::unique("chart");
        let first = batch(&[(Some("b"), Some(1), Some(1.0))]);
        let second = batch(&[(Some("a"), Some(1), Some(1.0)), (Some("b"), Some(1), Some(1.0))]);
        let colors = |batch: &RecordBatch| -> Vec<(String, usize)> {
            let data = line_data(&ctx, id, batch).expect("the columns are there");
            data.series.iter().map(|series| (series.name.clone(), series.color)).collect()
        };
        assert_eq!(colors(&first), [("b".to_owned(), 0)]);
        assert_eq!(colors(&second), [("a".to_owned(), 1), ("b".to_owned(), 0)]);
    }

    #[test]
    fn a_batch_is_read_once() {
        let ctx = Context::default();
        let rows = batch(&[(Some("a"), Some(1), Some(1.0))]);
        let first = line_data(&ctx, Id::unique("chart"), &rows).expect("the columns are there");
        let again = line_data(&ctx, Id::unique("chart"), &rows.clone()).expect("the columns are there");
        assert!(Arc::ptr_eq(&first, &again));
    }

    #[test]
    fn a_spike_of_one_sample_survives_thinning() {
        let mut points: Vec<PlotPoint> =
            (0..100_000).map(|n| PlotPoint::new(f64::from(n), (f64::from(n) / 900.0).sin())).collect();
        points[54_321].y = 40.0;
        points[77_777].y = -40.0;
        let thin = thinned(&points, (0.0, 99_999.0), 300);
        assert!(thin.len() <= 4 * 302, "{}", thin.len());
        assert!(thin.iter().any(|point| point.y == 40.0) && thin.iter().any(|point| point.y == -40.0));
        assert_eq!(thin.first(), points.first());
        assert_eq!(thin.last(), points.last());
        assert!(thin.is_sorted_by(|a, b| a.x <= b.x));
    }

    #[test]
    fn a_part_of_the_range_keeps_a_point_beyond_each_side() {
        let points: Vec<PlotPoint> = (0..10).map(|n| PlotPoint::new(f64::from(n), 0.0)).collect();
        let xs = |from: f64, to: f64| thinned(&points, (from, to), 100).iter().map(|p| p.x).collect::<Vec<_>>();
        assert_eq!(xs(2.5, 4.5), [2.0, 3.0, 4.0, 5.0]);
        assert_eq!(xs(-5.0, 0.5), [0.0, 1.0]);
        assert_eq!(xs(20.0, 30.0), [9.0]);
        assert!(thinned(&[], (0.0, 1.0), 10).is_empty());
    }
}
