//! The two cursors of a chart of points: where they stand, how they are moved, and what they say.
//!
//! A handle at the head of each is dragged, or moved by the arrow keys when it has the focus; a click in the chart moves
//! the nearer one.

use egui::{Align2, CursorIcon, EventFilter, Id, Key, Modifiers, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};
use egui_plot::PlotTransform;
use millrace_model::view::XyChart;

use super::line_data::LineData;
use super::plane::label_on_ground;
use super::time_axis;
use super::xy_axes::value_at;
use crate::format;
use crate::theme::{Theme, radius};

pub(super) const NAMES: [&str; 2] = ["A", "B"];
const HANDLE: f32 = 18.0;
/// How far one press of an arrow key moves a cursor, in points; with Shift it is ten times as far.
const STEP: f32 = 2.0;

/// Where the cursors stand along x when they are switched on.
pub(super) fn placed((from, to): (f64, f64)) -> [f64; 2] {
    [from + (to - from) / 3.0, from + (to - from) * 2.0 / 3.0]
}

/// The cursors after a click at `x`: the nearer of the two is there.
pub(super) fn moved([a, b]: [f64; 2], x: f64) -> [f64; 2] {
    if (x - a).abs() < (x - b).abs() { [x, b] } else { [a, x] }
}

/// Draws the handles and what the cursors say: the values at both, and how far they are apart. Gives where they are then.
pub(super) fn cursors_ui(
    ui: &Ui,
    theme: &Theme,
    (id, chart): (Id, &XyChart),
    (data, hidden): (&LineData, &[String]),
    mut cursors: [f64; 2],
    transform: &PlotTransform,
) -> [f64; 2] {
    let frame = *transform.frame();
    for (cursor, name) in cursors.iter_mut().zip(NAMES) {
        let x = transform.position_from_point_x(*cursor).clamp(frame.left(), frame.right());
        let place = Rect::from_center_size(pos2(x, frame.top() + HANDLE / 2.0 + 2.0), vec2(HANDLE, HANDLE));
        let handle = id.with(("cursor", name));
        let response =
            ui.interact(place, handle, Sense::click_and_drag()).on_hover_cursor(CursorIcon::ResizeHorizontal);
        let words = format!("cursor {name} at {}", at(chart, *cursor));
        response.widget_info(|| WidgetInfo::labeled(Role::Slider, true, &words));
        if response.clicked() || response.drag_started() {
            response.request_focus();
        }
        let mut way = response.drag_delta().x;
        if response.has_focus() {
            let arrows = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(handle, arrows));
            way += ui.input_mut(|input| {
                [(Key::ArrowLeft, -1.0), (Key::ArrowRight, 1.0)].into_iter().fold(0.0, |way, (key, sign)| {
                    let far = f32::from(u8::from(input.consume_key(Modifiers::SHIFT, key))) * 10.0;
                    way + sign * STEP * (far + f32::from(u8::from(input.consume_key(Modifiers::NONE, key))))
                })
            });
        }
        if way != 0.0 {
            *cursor = transform.value_from_position(pos2(x + way, frame.center().y)).x;
        }
        let painter = ui.painter_at(frame);
        let is_held = response.hovered() || response.dragged() || response.has_focus();
        let (ground, color) = if is_held { (theme.accent, theme.panel) } else { (theme.panel, theme.accent) };
        painter.rect(place, radius::FIELD, ground, (1.0, theme.accent), egui::StrokeKind::Inside);
        painter.text(place.center(), Align2::CENTER_CENTER, name, theme.small(), color);
    }
    let corner = frame.right_bottom() + vec2(-8.0, -26.0);
    let text = said(chart, data, hidden, cursors).join("\n");
    label_on_ground(&ui.painter_at(frame), theme, corner, Align2::RIGHT_BOTTOM, &text, &theme.mono());
    cursors
}

fn at(chart: &XyChart, x: f64) -> String {
    if chart.x_is_time { time_axis::moment(x) } else { format::number(x) }
}

/// A line for the distance, and one for each of the first series that are shown.
fn said(chart: &XyChart, data: &LineData, hidden: &[String], [a, b]: [f64; 2]) -> Vec<String> {
    let apart =
        if chart.x_is_time { format::span(((b - a).abs() * 1e6).round() as i64) } else { format::number(b - a) };
    let shown = data.series.iter().filter(|series| !hidden.contains(&series.name)).take(6);
    let lines = shown.filter_map(|series| {
        let (at_a, at_b): (f64, f64) = (value_at(series, a)?, value_at(series, b)?);
        let (from, to, more) = (format::number(at_a), format::number(at_b), format::number(at_b - at_a));
        Some(format!("{}: {from} → {to}, difference {more}", series.name))
    });
    [format!("B − A: {apart}")].into_iter().chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_click_moves_the_nearer_cursor() {
        assert_eq!(placed((0.0, 9.0)), [3.0, 6.0]);
        assert_eq!(moved([3.0, 6.0], 4.0), [4.0, 6.0]);
        assert_eq!(moved([3.0, 6.0], 8.0), [3.0, 8.0]);
    }
}
