//! The histogram: bars that touch, because their ranges do. Along x it is moved and zoomed; the bars then fill the height
//! anew.

use arrow_array::RecordBatch;
use egui::{Align2, Id, Rect, Ui, pos2, vec2};
use millrace_model::view::Histogram;

use super::columns::number_column;
use super::plane::{Plane, font};
use super::zoom::{Range, Zoom, seen_of};
use super::{Page, Size, fault_ui, take_movable};
use crate::format;
use crate::theme::Theme;

/// Gives what is seen of the values, where that is not all.
pub(super) fn histogram_ui(
    ui: &mut Ui,
    theme: &Theme,
    id: Id,
    chart: &Histogram,
    batch: &RecordBatch,
    (size, page): (Size, Option<Page<'_>>),
) -> Option<Range> {
    let column = |name: &str| number_column(batch, name);
    let (from, to, count) = match (column("from"), column("to"), column("count")) {
        (Ok(from), Ok(to), Ok(count)) => (from, to, count),
        (Err(fault), ..) | (_, Err(fault), _) | (.., Err(fault)) => {
            fault_ui(ui, theme, &fault);
            return None;
        }
    };
    let mut zoom = if size == Size::Panel { Zoom::load(ui, id) } else { Zoom::default() };
    let whole = (from[0], to[to.len() - 1]);
    let seen = seen_of(zoom.x, whole);
    let bins = || (0..from.len()).filter(|bin| from[*bin] < seen.1 && to[*bin] > seen.0);
    let peak = bins().reduce(|peak, bin| if count[bin] > count[peak] { bin } else { peak }).unwrap_or(0);
    let most = count[peak];
    let words = format!(
        "Histogram {}: {}, most of them from {} to {}",
        chart.title,
        format::counted(chart.num_values, "value"),
        format::number(from[peak]),
        format::number(to[peak])
    );
    let words = if zoom.x.is_some() {
        format!("{words}; seen from {} to {}", format::number(seen.0), format::number(seen.1))
    } else {
        words
    };
    let response = take_movable(ui, theme, &words, size);
    let (rect, painter, font) = (response.rect, ui.painter_at(response.rect), font(ui, size));
    let (left, bottom, top) = match size {
        Size::Node => (2.0, font.size * 1.6, 2.0),
        Size::Panel => (font.size * 4.0, font.size * 2.2, font.size * 1.6),
    };
    let inner = Rect::from_min_max(rect.min + vec2(left, top), rect.max - vec2(12.0, bottom));
    let plane = Plane { inner, x: seen, y: (0.0, most.max(1.0) * 1.04) };
    if size == Size::Panel {
        plane.y_axis(&painter, theme, &font);
        zoom.take_gestures(ui, &response, &plane, (whole, None), page.is_some());
        zoom.keep(ui, id);
    }
    let hovered = response.hover_pos().filter(|pos| inner.contains(*pos) && size == Size::Panel);
    let hovered =
        hovered.map(|pos| plane.x_of(pos)).and_then(|x| (0..from.len()).find(|bin| x >= from[*bin] && x < to[*bin]));
    let bars = painter.with_clip_rect(inner.intersect(painter.clip_rect()));
    for bin in bins() {
        let bar = Rect::from_two_pos(plane.at(from[bin], 0.0), plane.at(to[bin], count[bin]));
        let gap = if bar.width() > 4.0 { 1.0 } else { 0.0 };
        let color = theme.series_color(0);
        let color = if hovered.is_some_and(|hovered| hovered != bin) { color.gamma_multiply(0.6) } else { color };
        bars.rect_filled(Rect::from_min_max(bar.min + vec2(gap, 0.0), bar.max), 0.0, color);
    }
    plane.x_axis(&painter, theme, &font, false);
    if size == Size::Panel {
        painter.text(rect.right_top() + vec2(-6.0, 0.0), Align2::RIGHT_TOP, "values", font.clone(), theme.text_weak);
        let at = pos2(inner.right() - 2.0, inner.bottom() - 4.0);
        super::plane::label_on_ground(&painter, theme, at, Align2::RIGHT_BOTTOM, &chart.x_label, &font);
    }
    if let Some(bin) = hovered {
        let percent = if chart.num_values > 0 { count[bin] / chart.num_values as f64 * 100.0 } else { 0.0 };
        let range = format!("{} to {}", format::number(from[bin]), format::number(to[bin]));
        let text = format!("{range}\n{} ({percent:.1} %)", format::counted(count[bin] as u64, "value"));
        response.on_hover_text_at_pointer(text);
    }
    zoom.x
}
