//! What a chart of points says in words: the labels of its axes, what stands under the pointer, and the whole of it for
//! those who cannot see it.

use egui_plot::{GridMark, HoverPosition};
use millrace_model::view::{Mark, Scale, Threshold, XyChart};

use super::line_data::LineData;
use super::xy_axes::Axes;
use crate::format;

pub fn threshold_label(threshold: &Threshold) -> String {
    if threshold.label.is_empty() { format::number(threshold.value) } else { threshold.label.clone() }
}

/// An axis label for a height.
pub fn written(axes: &Axes, mark: GridMark, is_right: bool) -> String {
    match axes.scale {
        Scale::Log => format::number(axes.value(mark.value, is_right)),
        Scale::Linear => {
            let step = axes.value(mark.value + mark.step_size, is_right) - axes.value(mark.value, is_right);
            digits(axes.value(mark.value, is_right), step)
        }
    }
}

/// A number with just the digits that tell it from the next one.
pub fn digits(value: f64, step: f64) -> String {
    if value.abs() >= 1e7 {
        return format::number(value);
    }
    let magnitude = step.abs().log10().floor();
    // A step of nothing tells no number from the next.
    let decimals = if magnitude.is_finite() { (-magnitude).clamp(0.0, 9.0) as usize } else { 0 };
    format::fixed(value, decimals)
}

/// The words beside the pointer.
pub fn read_out(chart: &XyChart, axes: &Axes, position: &HoverPosition<'_>) -> String {
    let (name, point) = match position {
        HoverPosition::NearDataPoint { plot_name, position, .. } => (*plot_name, *position),
        HoverPosition::Elsewhere { position } => ("", *position),
    };
    let is_right = chart.right.iter().any(|right| right == name);
    let x = if chart.x_is_time { format::timestamp((point.x * 1e6).round() as i64) } else { format::number(point.x) };
    let y = format::number(axes.value(point.y, is_right));
    let label = if is_right { &chart.right_label } else { &chart.y_label };
    let separator = if label.is_empty() { "" } else { " " };
    let head = if name.is_empty() { String::new() } else { format!("{name}\n") };
    format!("{head}{x}\n{y}{separator}{label}")
}

/// What the chart shows, for those who cannot see it.
pub fn description(chart: &XyChart, data: &LineData) -> String {
    let kind = match chart.mark {
        Mark::Line => "Line chart",
        Mark::Area => "Area chart",
        Mark::Dot => "Scatter chart",
    };
    let mut text = format!("{kind} {}: ", chart.title);
    for (index, series) in data.series.iter().take(8).enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        let last = series.last().map_or_else(|| "no value".to_owned(), |last| format::number(last.y));
        text.push_str(&format!("{separator}{} {last}", series.name));
    }
    if data.series.len() > 8 {
        text.push_str(&format!(" and {} more", data.series.len() - 8));
    }
    text
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use egui_plot::PlotPoint;

    /// A line chart of temperatures over time.
    pub fn chart() -> XyChart {
        XyChart {
            title: "Temperature".to_owned(),
            mark: Mark::Line,
            x_label: String::new(),
            y_label: "°C".to_owned(),
            x_is_time: true,
            y_scale: Scale::Linear,
            right: Vec::new(),
            right_label: String::new(),
            thresholds: Vec::new(),
            num_points: 1,
            x_held: None,
        }
    }

    #[test]
    fn axis_labels_have_the_digits_that_tell_marks_apart() {
        assert_eq!(digits(1_000.1, 0.1), "1000.1");
        assert_eq!(digits(20.0, 10.0), "20");
        assert_eq!(digits(2e9, 1e8), "2.000e9");
    }

    #[test]
    fn the_read_out_names_series_moment_and_value_with_its_unit() {
        let axes = Axes::of(&chart(), &LineData::default(), Scale::Linear);
        let position = PlotPoint::new(1_772_373_807.412, 21.4);
        let near = HoverPosition::NearDataPoint { plot_name: "north", position, index: 0 };
        assert_eq!(read_out(&chart(), &axes, &near), "north\n2026-03-01 14:03:27.412 UTC\n21.4 °C");
    }
}
