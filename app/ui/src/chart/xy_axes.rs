//! Where the values of a chart of points stand: one height for each, whatever the scale and the side of its axis.
//!
//! The plot below knows one linear axis. Logarithms are taken before, and a series of the right side is stretched to the
//! range of the left one; labels and read-outs go the way back.

use millrace_model::view::{Scale, XyChart};

use super::line_data::{LineData, Series};
use super::plane::extent;

/// The way from values to heights, and back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axes {
    pub scale: Scale,
    left: (f64, f64),
    /// The heights of the right side's values before they are stretched.
    right: Option<(f64, f64)>,
}

impl Axes {
    pub(super) fn of(chart: &XyChart, data: &LineData, scale: Scale) -> Self {
        let heights = |is_right: bool| {
            let series = data.series.iter().filter(move |series| chart.right.contains(&series.name) == is_right);
            let values = series.flat_map(|series| series.points.iter().map(|point| point.y));
            let levels = chart.thresholds.iter().flat_map(|threshold| threshold.values()).filter(move |_| !is_right);
            extent(values.chain(levels).filter_map(|value| scale.place(value)))
        };
        let wide = |(low, high): (f64, f64)| if low < high { (low, high) } else { (low - 0.5, high + 0.5) };
        let right = if chart.right.is_empty() { None } else { heights(true).map(wide) };
        // Without a left side the right one is all there is.
        let left = heights(false).map(wide).or(right).unwrap_or((0.0, 1.0));
        Self { scale, left, right }
    }

    pub(super) fn has_right(&self) -> bool {
        self.right.is_some()
    }

    /// Whether heights are just values.
    pub(super) fn is_plain(&self) -> bool {
        self.scale == Scale::Linear && self.right.is_none()
    }

    /// The range of heights.
    pub(super) fn range(&self) -> (f64, f64) {
        self.left
    }

    /// The height of a value; `None` where it has no place.
    pub(super) fn height(&self, value: f64, is_right: bool) -> Option<f64> {
        let height = self.scale.place(value)?;
        Some(match self.right.filter(|_| is_right) {
            Some((low, high)) => self.left.0 + (height - low) / (high - low) * (self.left.1 - self.left.0),
            None => height,
        })
    }

    /// The value at a height.
    pub(super) fn value(&self, height: f64, is_right: bool) -> f64 {
        let height = match self.right.filter(|_| is_right) {
            Some((low, high)) => low + (height - self.left.0) / (self.left.1 - self.left.0) * (high - low),
            None => height,
        };
        self.scale.value(height)
    }
}

/// The value of a series at `x`: that of the newest point which is not after it.
pub(super) fn value_at(series: &Series, x: f64) -> Option<f64> {
    let index = series.points.partition_point(|point| point.x <= x);
    index.checked_sub(1).map(|index| series.points[index].y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui_plot::PlotPoint;
    use millrace_model::view::Mark;

    fn chart(right: &[&str]) -> XyChart {
        XyChart {
            title: String::new(),
            mark: Mark::Line,
            x_label: String::new(),
            y_label: String::new(),
            x_is_time: false,
            y_scale: Scale::Linear,
            right: right.iter().map(|name| (*name).to_owned()).collect(),
            right_label: String::new(),
            thresholds: Vec::new(),
            num_points: 0,
            x_held: None,
        }
    }

    fn data() -> LineData {
        let line = |name: &str, low: f64, high: f64| {
            (name.to_owned(), vec![PlotPoint::new(0.0, low), PlotPoint::new(1.0, high)])
        };
        LineData::of([line("a", 0.0, 10.0), line("b", 1_000.0, 3_000.0)])
    }

    #[test]
    fn both_sides_use_the_whole_height_and_every_height_leads_back_to_its_value() {
        let axes = Axes::of(&chart(&["b"]), &data(), Scale::Linear);
        assert_eq!((axes.height(3_000.0, true), axes.height(10.0, false)), (Some(10.0), Some(10.0)));
        assert_eq!((axes.value(5.0, true), axes.value(5.0, false)), (2_000.0, 5.0));
        let plain = Axes::of(&chart(&[]), &data(), Scale::Linear);
        assert!(plain.is_plain() && !axes.is_plain());
        assert_eq!(plain.range(), (0.0, 3_000.0));
    }

    #[test]
    fn on_a_logarithmic_axis_zero_is_left_out() {
        let axes = Axes::of(&chart(&[]), &data(), Scale::Log);
        assert_eq!((axes.height(0.0, false), axes.height(100.0, false)), (None, Some(2.0)));
        assert_eq!(axes.range().0, 1.0);
        assert!((axes.value(3.0, false) - 1_000.0).abs() < 1e-9);
    }

    #[test]
    fn between_points_the_value_is_that_of_the_point_before() {
        let data = data();
        let at = |x: f64| value_at(&data.series[0], x);
        assert_eq!([at(-1.0), at(0.5), at(1.0)], [None, Some(0.0), Some(10.0)]);
    }
}
