//! A chart of points in a panel: a plot to read, move and zoom.
//!
//! The picture in a node is drawn in [`super::xy_node`]; heights come from [`super::xy_axes`], words from
//! [`super::xy_words`].

use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow_array::RecordBatch;
use egui::{Align2, Id, Pos2, RichText, Ui, pos2, vec2};
use egui_plot::{
    AxisHints, GridMark, HLine, HPlacement, ItemId, Line, LineStyle, Plot, PlotBounds, PlotMemory, PlotPoint,
    PlotPoints, PlotTransform, Points, Span, VLine,
};
use millrace_model::view::{Look, Mark, Scale, XyChart, round_step};
use millrace_protocol::Seen;

use super::line_data::{LineData, Series, line_data, thinned};
use super::plane::label_on_ground;
use super::xy_axes::Axes;
use super::xy_header::header_ui;
use super::xy_node::{AREA, BAND};
use super::xy_words::{description, digits, read_out, threshold_label, written};
use super::{Page, empty_ui, fault_ui, time_axis, xy_cursors};
use crate::theme::Theme;

/// Room that a label of the x axis takes, in points.
const X_LABEL_SPACE: f64 = 110.0;
/// Room that a label of the y axis takes with its distance to the next one, in points.
const Y_LABEL_SPACE: f32 = 44.0;

/// What a person has set in one chart; it is not a part of the pipeline.
#[derive(Debug, Clone, Default)]
struct Tools {
    /// The scale, where it is another than the view's.
    scale: Option<Scale>,
    has_cursors: bool,
    /// The places of the two cursors along x, as soon as the chart was drawn with them.
    cursors: Option<[f64; 2]>,
}

/// The chart with axes, legend, read-out, pan and zoom.
pub(super) fn panel_ui(
    ui: &mut Ui,
    theme: &Theme,
    id: Id,
    chart: &XyChart,
    (batch, part): (&RecordBatch, Option<&RecordBatch>),
    page: Option<Page<'_>>,
) -> Seen {
    let part = part.map(|part| line_data(ui.ctx(), id.with("part"), part));
    match (line_data(ui.ctx(), id, batch), part) {
        (Err(fault), _) => {
            fault_ui(ui, theme, &fault);
            Seen::default()
        }
        (Ok(whole), part) => xy_panel_ui(ui, theme, id, chart, (&whole, part.and_then(Result::ok)), page),
    }
}

/// The same for points that do not come from a view; `part` has in full detail what was seen a moment ago.
pub fn xy_panel_ui(
    ui: &mut Ui,
    theme: &Theme,
    id: Id,
    chart: &XyChart,
    (whole, part): (&LineData, Option<Arc<LineData>>),
    page: Option<Page<'_>>,
) -> Seen {
    if whole.is_empty() {
        empty_ui(ui, theme, &chart.title);
        return Seen::default();
    }
    let tools_id = id.with("tools");
    let mut tools: Tools = ui.ctx().data(|data| data.get_temp(tools_id)).unwrap_or_default();
    let plot_id = ui.make_persistent_id(id.with("plot"));
    header_ui(ui, theme, plot_id, &whole.series, |ui| switches_ui(ui, theme, chart, &mut tools));
    let scale = tools.scale.unwrap_or(chart.y_scale);
    let place = ui.available_rect_before_wrap();
    let axes = Axes::of(chart, whole, scale);
    let memory = PlotMemory::load(ui.ctx(), plot_id);
    let hidden: Vec<String> = memory.as_ref().map_or_else(Vec::new, |memory| {
        let is_hidden = |series: &&Series| memory.hidden_items.contains(&ItemId::new(series.name.as_str()));
        whole.series.iter().filter(is_hidden).map(|series| series.name.clone()).collect()
    });
    let shared = page.and_then(|page| page.time).filter(|_| chart.x_is_time);
    // What was seen in the last frame decides what is worth drawing in this one.
    let zoomed = match shared {
        Some(shared) => shared.range.get(),
        None => memory.filter(|memory| !memory.auto_bounds.x).map(|memory| x_of(*memory.bounds())),
    };
    let seen = zoomed.unwrap_or(whole.x);
    let num_columns = place.width().max(1.0) as usize;
    // Until the part for this place has come, the whole is drawn, coarser.
    let is_covered = |part: &LineData| {
        let held = chart.x_held.map_or(whole.x, |(low, high)| in_plot(chart, (low, high)));
        part.x.0 <= seen.0.max(held.0) && part.x.1 >= seen.1.min(held.1)
    };
    let part = part.filter(|part| zoomed.is_some() && is_covered(part));
    let data = part.as_deref().unwrap_or(whole);

    let heights = axes.range();
    let heights = if chart.mark == Mark::Area { (heights.0.min(0.0), heights.1.max(0.0)) } else { heights };
    let mut y_axes = vec![AxisHints::new_y().min_thickness(44.0).formatter(move |mark, _| written(&axes, mark, false))];
    if axes.has_right() {
        let right = AxisHints::new_y().placement(HPlacement::Right).min_thickness(44.0);
        y_axes.push(right.formatter(move |mark, _| written(&axes, mark, true)));
    }
    let mut plot = Plot::new(id)
        .id(plot_id)
        .show_background(false)
        .grid_color(theme.line)
        .allow_scroll(false)
        .allow_double_click_reset(!tools.has_cursors)
        .set_margin_fraction(vec2(0.01, 0.08))
        .custom_y_axes(y_axes)
        .label_formatter(|position| Some(read_out(chart, &axes, position)));
    // When zoomed in, only the part that is seen is drawn; a fit is still to show the whole.
    if zoomed.is_some() {
        plot = plot.include_x(whole.x.0).include_x(whole.x.1);
    }
    if let Some(shared) = shared {
        plot = plot.link_cursor(shared.pointer, [true, false]);
    }
    plot = plot.include_y(heights.0).include_y(heights.1);
    let wanted = (place.height() / Y_LABEL_SPACE).max(2.0) as usize;
    plot = plot.y_grid_spacer(move |input| match scale {
        Scale::Linear => levels(input.bounds, wanted),
        Scale::Log => decades(input.bounds),
    });
    if chart.x_is_time {
        let min_step = (seen.1 - seen.0) / f64::from(place.width().max(1.0)) * X_LABEL_SPACE;
        plot = plot
            .x_grid_spacer(move |input| time_axis::marks(input.bounds, min_step.max(input.base_step_size)))
            .x_axis_formatter(move |mark, range| whole_label(time_axis::label(mark), mark, range, place.width()));
    } else {
        plot = plot.x_axis_formatter(move |mark, range| {
            whole_label(digits(mark.value, mark.step_size), mark, range, place.width())
        });
    }
    let cursors = tools.cursors;
    let response = plot.show(ui, |plot| {
        match shared.map(|shared| shared.range.get()) {
            Some(Some((from, to))) => plot.set_plot_bounds_x(from..=to),
            Some(None) => plot.set_auto_bounds([true, plot.auto_bounds().y]),
            None => {}
        }
        for threshold in &chart.thresholds {
            let Some(level) = axes.height(threshold.value, false) else { continue };
            if let Some(to) = threshold.to.and_then(|to| axes.height(to, false)) {
                let band = Span::new("", level.min(to)..=level.max(to)).axis(egui_plot::Axis::Y);
                plot.add(band.fill(theme.warning.gamma_multiply(BAND)).border_width(0.0));
            }
            let line = HLine::new(threshold_label(threshold), level).color(theme.text_weak);
            plot.hline(line.style(LineStyle::dashed_dense()).allow_hover(false));
        }
        for series in &data.series {
            let points = plotted(chart, &axes, series, seen, num_columns);
            let color = theme.series_color(series.color);
            match chart.mark {
                Mark::Dot => plot.points(Points::new(series.name.as_str(), points).radius(2.0).color(color)),
                Mark::Area => {
                    let line = Line::new(series.name.as_str(), points).color(color).width(1.5);
                    plot.line(line.fill(heights.0.max(0.0) as f32).fill_alpha(AREA));
                }
                Mark::Line => plot.line(Line::new(series.name.as_str(), points).color(color).width(1.5)),
            }
        }
        for (x, name) in cursors.into_iter().flatten().zip(xy_cursors::NAMES) {
            plot.vline(VLine::new(name, x).color(theme.accent).width(1.0).allow_hover(false));
        }
        if plot.response().hovered() && page.is_none() {
            let (scroll, only_y) = plot.ctx().input(|input| (input.smooth_scroll_delta(), input.modifiers.shift));
            let turned = scroll.y + scroll.x;
            if turned != 0.0 {
                let factor = (turned / 240.0).exp();
                plot.zoom_bounds_around_hovered(if only_y { vec2(1.0, factor) } else { vec2(factor, 1.0) });
            }
        }
        plot.pointer_coordinate().filter(|_| plot.response().clicked())
    });
    let frame = *response.transform.frame();
    if let Some(shared) = shared {
        let now = x_of(*response.transform.bounds());
        let is_whole = PlotMemory::load(ui.ctx(), plot_id).is_none_or(|memory| memory.auto_bounds.x);
        let is_reset = response.response.double_clicked() && !tools.has_cursors;
        match shared.range.get() {
            Some(_) if is_reset => shared.range.set(None),
            Some(before) if before != now => shared.range.set(Some(now)),
            None if !is_whole => shared.range.set(Some(now)),
            _ => {}
        }
    }
    if let (Some(point), Some(cursors)) = (response.inner, tools.cursors) {
        tools.cursors = Some(xy_cursors::moved(cursors, point.x));
    }
    response.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, description(chart, whole)));
    labels_ui(ui, theme, chart, &axes, &response.transform);
    if tools.has_cursors {
        let cursors = tools.cursors.unwrap_or_else(|| xy_cursors::placed(x_of(*response.transform.bounds())));
        let shown = (data, hidden.as_slice());
        let cursors = xy_cursors::cursors_ui(ui, theme, (id, chart), shown, cursors, &response.transform);
        if tools.cursors != Some(cursors) {
            ui.ctx().request_repaint();
        }
        tools.cursors = Some(cursors);
    }
    let y_scale = tools.scale;
    ui.ctx().data_mut(|memory| memory.insert_temp(tools_id, tools));
    let look = zoomed.map(|range| look_at(chart, range, frame.width()));
    let unit = if chart.x_is_time { 1e6 } else { 1.0 };
    let x = zoomed.map(|(from, to)| (from * unit, to * unit));
    Seen { look, x, y_scale, hidden, ..Seen::default() }
}

/// From where to where a plot is seen along x.
fn x_of(bounds: PlotBounds) -> (f64, f64) {
    (bounds.min()[0], bounds.max()[0])
}

/// Microseconds as they are held, as seconds as they are drawn.
fn in_plot(chart: &XyChart, (low, high): (f64, f64)) -> (f64, f64) {
    if chart.x_is_time { (low / 1e6, high / 1e6) } else { (low, high) }
}

/// The part to ask for: what is seen, with enough at both sides that moving a little asks for nothing new.
fn look_at(chart: &XyChart, (from, to): (f64, f64), width: f32) -> Look {
    let unit = if chart.x_is_time { 1e6 } else { 1.0 };
    let (from, to) = (from * unit, to * unit);
    let piece = 2_f64.powf((to - from).max(f64::MIN_POSITIVE).log2().ceil());
    let start = (from / piece).floor() * piece;
    let per_pixel = (to - from) / f64::from(width.max(1.0));
    let num_columns = (2.0 * piece / per_pixel).ceil().clamp(1.0, f64::from(Look::MAX_COLUMNS)) as u32;
    Look { x: Some((start, start + 2.0 * piece)), num_columns: num_columns.next_power_of_two().min(Look::MAX_COLUMNS) }
}

/// The points of a series where they are to be drawn.
fn plotted<'a>(
    chart: &XyChart,
    axes: &Axes,
    series: &'a Series,
    seen: (f64, f64),
    num_columns: usize,
) -> PlotPoints<'a> {
    let is_right = chart.right.contains(&series.name);
    let points = match chart.mark {
        Mark::Dot => std::borrow::Cow::Borrowed(series.points.as_slice()),
        Mark::Line | Mark::Area => thinned(&series.points, seen, num_columns),
    };
    match points {
        std::borrow::Cow::Borrowed(points) if axes.is_plain() => PlotPoints::Borrowed(points),
        points => {
            let at = |point: &PlotPoint| Some(PlotPoint::new(point.x, axes.height(point.y, is_right)?));
            PlotPoints::Owned(points.iter().filter_map(at).collect())
        }
    }
}

/// The label of a mark of the x axis, or none where the right edge of the chart would cut it.
fn whole_label(label: String, mark: GridMark, range: &RangeInclusive<f64>, width: f32) -> String {
    // Digits of the small style are a little over half as wide as they are high.
    let half = label.len() as f32 * 3.5;
    let per_point = (range.end() - range.start()) / f64::from(width.max(1.0));
    if range.end() - mark.value < per_point * f64::from(half) { String::new() } else { label }
}

/// Marks at round numbers, at most some `wanted` of them.
fn levels((from, to): (f64, f64), wanted: usize) -> Vec<GridMark> {
    let Some(step) = round_step(to - from, wanted) else { return Vec::new() };
    let places = ((from / step).ceil() as i64..=(to / step).floor() as i64).take(400);
    places.map(|place| GridMark { value: place as f64 * step, step_size: step }).collect()
}

/// Marks at powers of ten, and between them where there is room.
fn decades((from, to): (f64, f64)) -> Vec<GridMark> {
    let wide = (to - from).max(1.0).ceil() as i64;
    let step = (wide / 8).max(1);
    let step = step as f64;
    let whole = ((from / step).ceil() as i64..=(to / step).floor() as i64).take(400);
    let mut marks: Vec<GridMark> =
        whole.map(|place| GridMark { value: place as f64 * step, step_size: step }).collect();
    if wide <= 3 {
        for decade in from.floor() as i64..=to.floor() as i64 {
            for digit in 2..10 {
                let value = decade as f64 + f64::from(digit).log10();
                if value >= from && value <= to {
                    marks.push(GridMark { value, step_size: 0.2 });
                }
            }
        }
    }
    marks
}

/// The switches of a chart, from the right.
fn switches_ui(ui: &mut Ui, theme: &Theme, chart: &XyChart, tools: &mut Tools) {
    let button =
        |title: &str, is_on: bool| egui::Button::selectable(is_on, RichText::new(title).font(theme.small())).small();
    let response = ui.add(button("Cursors", tools.has_cursors));
    if response
        .on_hover_text("Two lines to compare two moments with: drag them, click, or use the arrow keys")
        .clicked()
    {
        tools.has_cursors = !tools.has_cursors;
        tools.cursors = None;
    }
    let scale = tools.scale.unwrap_or(chart.y_scale);
    if ui.add(button("Log", scale == Scale::Log)).on_hover_text("Lay out values by powers of ten").clicked() {
        let other = if scale == Scale::Log { Scale::Linear } else { Scale::Log };
        tools.scale = Some(other).filter(|other| *other != chart.y_scale);
    }
}

/// What stands inside the plot: axis labels and the names of the thresholds.
fn labels_ui(ui: &Ui, theme: &Theme, chart: &XyChart, axes: &Axes, transform: &PlotTransform) {
    let frame = *transform.frame();
    let painter = ui.painter_at(frame);
    let bounds = transform.bounds();
    let text = |at: Pos2, align: Align2, text: &str| {
        if !text.is_empty() {
            label_on_ground(&painter, theme, at, align, text, &theme.small());
        }
    };
    for threshold in chart.thresholds.iter().filter(|threshold| !threshold.label.is_empty()) {
        let Some(level) = axes.height(threshold.value, false) else { continue };
        let y = transform.position_from_point(&PlotPoint::new(bounds.min()[0], level)).y;
        text(pos2(frame.right() - 6.0, y - 2.0), Align2::RIGHT_BOTTOM, &threshold.label);
    }
    let caption = match (chart.x_is_time, chart.x_label.is_empty()) {
        (true, true) => time_axis::caption(bounds.min()[0], bounds.max()[0]),
        (true, false) => format!("{}, {}", chart.x_label, time_axis::caption(bounds.min()[0], bounds.max()[0])),
        (false, _) => chart.x_label.clone(),
    };
    text(frame.right_bottom() + vec2(-6.0, -4.0), Align2::RIGHT_BOTTOM, &caption);
    let label = if axes.has_right() {
        format!("{}  |  right: {}", chart.y_label, chart.right_label)
    } else {
        chart.y_label.clone()
    };
    text(frame.right_top() + vec2(-6.0, 4.0), Align2::RIGHT_TOP, &label);
}

#[cfg(test)]
mod tests {
    use super::super::xy_words::tests::chart;
    use super::*;

    #[test]
    fn the_part_that_is_asked_for_holds_what_is_seen_and_changes_rarely() {
        let mut looks = Vec::new();
        for shift in 0..1_000 {
            let from = 1_772_373_807.0 + f64::from(shift) * 0.001;
            let look = look_at(&chart(), (from, from + 0.9), 800.0);
            let (start, end) = look.x.expect("a part");
            assert!(start <= from * 1e6 && end >= (from + 0.9) * 1e6);
            // At least one column for each pixel that is seen.
            assert!(f64::from(look.num_columns) / (end - start) >= 800.0 / 0.9e6 * 0.999);
            looks.push(look);
        }
        looks.dedup();
        assert!(looks.len() <= 2, "{looks:?}");
    }

    #[test]
    fn a_logarithmic_axis_has_marks_at_powers_of_ten() {
        let values: Vec<f64> = decades((0.5, 9.5)).iter().map(|mark| mark.value).collect();
        assert_eq!(values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        assert_eq!(decades((0.0, 1.0)).len(), 10);
        // Zoomed far out it is as quick.
        assert!(decades((-1e15, 1e15)).len() < 20);
    }
}
