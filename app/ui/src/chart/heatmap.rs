//! The heatmap: a colour for each cell, and a scale that says what the colours are.

use arrow_array::{Array, RecordBatch};
use egui::{Align2, Id, Rect, Ui, pos2, vec2};
use millrace_model::view::Heatmap;

use super::columns::{number_column, text_at, text_column};
use super::plane::{Plane, extent, font, share};
use super::zoom::{Range, Zoom, seen_of};
use super::{Page, Size, fault_ui, take_movable};
use crate::format;
use crate::theme::Theme;

struct Cells {
    x: Vec<(f64, f64)>,
    y: Vec<(f64, f64)>,
    values: Vec<f64>,
    /// The names of rows from the bottom up, where they have names.
    names: Vec<String>,
}

fn read(chart: &Heatmap, batch: &RecordBatch) -> Result<Cells, String> {
    let pairs = |from: &str, to: &str| -> Result<Vec<(f64, f64)>, String> {
        Ok(number_column(batch, from)?.into_iter().zip(number_column(batch, to)?).collect())
    };
    let mut names = Vec::new();
    let y = if chart.has_named_rows {
        let rows = text_column(batch, "row")?;
        names = (0..rows.len()).map(|row| text_at(&rows, row).to_owned()).collect();
        names.sort_unstable_by(|a: &String, b| b.cmp(a));
        names.dedup();
        let place = |row: usize| names.binary_search_by(|name| text_at(&rows, row).cmp(name)).unwrap_or(0) as f64;
        (0..rows.len()).map(place).map(|place| (place, place + 1.0)).collect()
    } else {
        pairs("y_from", "y_to")?
    };
    Ok(Cells { x: pairs("x_from", "x_to")?, y, values: number_column(batch, "value")?, names })
}

/// Gives what is seen along x, where that is not all: microseconds since the epoch where it is a time.
pub(super) fn heatmap_ui(
    ui: &mut Ui,
    theme: &Theme,
    id: Id,
    chart: &Heatmap,
    batch: &RecordBatch,
    (size, page): (Size, Option<Page<'_>>),
) -> Option<Range> {
    let cells = match read(chart, batch) {
        Ok(cells) => cells,
        Err(fault) => {
            fault_ui(ui, theme, &fault);
            return None;
        }
    };
    let ends = |pairs: &[(f64, f64)]| extent(pairs.iter().flat_map(|pair| [pair.0, pair.1])).unwrap_or((0.0, 1.0));
    let shared = page.and_then(|page| page.time).filter(|_| chart.x_is_time);
    let mut zoom = if size == Size::Panel { Zoom::load(ui, id) } else { Zoom::default() };
    if let Some(shared) = shared {
        zoom.x = shared.range.get();
    }
    let whole = (ends(&cells.x), ends(&cells.y));
    let seen = (seen_of(zoom.x, whole.0), seen_of(zoom.y, whole.1));
    let reaches_in = |(from, to): (f64, f64), seen: Range| from < seen.1 && to > seen.0;
    let is_seen = |index: &usize| reaches_in(cells.x[*index], seen.0) && reaches_in(cells.y[*index], seen.1);
    // Colours tell apart what is seen.
    let range = extent((0..cells.values.len()).filter(is_seen).map(|index| cells.values[index])).unwrap_or((0.0, 1.0));
    let (low, high) = (format::number(range.0), format::number(range.1));
    let words = format!("Heatmap {}: {} from {low} to {high}", chart.title, chart.value_label);
    let response = take_movable(ui, theme, &words, size);
    let (rect, painter, font) = (response.rect, ui.painter_at(response.rect), font(ui, size));
    let width_of = |text: &str| painter.layout_no_wrap(text.to_owned(), font.clone(), theme.text).size().x;
    let widest = cells.names.iter().map(|name| width_of(name)).fold(font.size * 3.5, f32::max);
    let (left, bottom, top) = match size {
        Size::Node => (0.0, font.size * 1.6, 0.0),
        Size::Panel => (widest.min(rect.width() * 0.3) + 10.0, font.size * 2.2, font.size * 2.0),
    };
    let inner = Rect::from_min_max(rect.min + vec2(left, top), rect.max - vec2(12.0, bottom));
    let plane = Plane { inner, x: seen.0, y: seen.1 };
    let color = |value: f64| theme.heat(f64::from(share(value, range)));
    let place = |index: usize| {
        let ((x0, x1), (y0, y1)) = (cells.x[index], cells.y[index]);
        Rect::from_two_pos(plane.at(x0, y0), plane.at(x1, y1))
    };
    let is_roomy = cells.values.first().is_some_and(|_| place(0).width() > 6.0 && place(0).height() > 6.0);
    let ground = painter.with_clip_rect(inner.intersect(painter.clip_rect()));
    for index in (0..cells.values.len()).filter(is_seen) {
        // Cells of a few pixels would drown in gaps.
        let cell = if is_roomy { place(index).shrink(0.5) } else { place(index).expand(0.25) };
        ground.rect_filled(cell, 0.0, color(cells.values[index]));
    }
    plane.x_axis(&painter, theme, &font, chart.x_is_time);
    if size == Size::Node {
        return None;
    }
    let before = zoom.x;
    zoom.take_gestures(ui, &response, &plane, (whole.0, Some(whole.1)), page.is_some());
    zoom.keep(ui, id);
    if let Some(shared) = shared.filter(|_| zoom.x != before) {
        shared.range.set(zoom.x);
    }
    if cells.names.is_empty() {
        plane.y_axis(&painter, theme, &font);
    }
    let num_rows_seen = (plane.y.1 - plane.y.0).max(1.0) as f32;
    let step = (font.size * 1.2 / (inner.height() / num_rows_seen)).ceil().max(1.0) as usize;
    for (place, name) in cells.names.iter().enumerate().step_by(step) {
        let at = pos2(inner.left() - 6.0, plane.y_at(place as f64 + 0.5));
        if inner.y_range().contains(at.y) {
            painter.text(at, Align2::RIGHT_CENTER, name, font.clone(), theme.text);
        }
    }
    // The scale: low, colours, high, and what they are.
    let middle = rect.top() + font.size * 0.8;
    let text = painter.text(pos2(inner.left(), middle), Align2::LEFT_CENTER, low, font.clone(), theme.text);
    let bar = Rect::from_min_size(pos2(text.right() + 6.0, middle - 4.0), vec2(96.0, 8.0));
    for part in 0..32 {
        let x = bar.left() + bar.width() * part as f32 / 32.0;
        let piece = Rect::from_min_size(pos2(x, bar.top()), vec2(bar.width() / 32.0 + 0.5, bar.height()));
        painter.rect_filled(piece, 0.0, theme.heat(f64::from(part) / 31.0));
    }
    let text = painter.text(pos2(bar.right() + 6.0, middle), Align2::LEFT_CENTER, high, font.clone(), theme.text);
    let label = pos2(text.right() + 12.0, middle);
    let words = painter.text(label, Align2::LEFT_CENTER, &chart.value_label, font.clone(), theme.text_weak);
    let corner = rect.right_top() + vec2(-12.0, font.size * 0.2);
    let y_label = painter.layout_no_wrap(chart.y_label.clone(), font, theme.text_weak);
    let place = Align2::RIGHT_TOP.anchor_size(corner, y_label.size());
    // A narrow chart has room for one of the two; what the rows are is seen from their names.
    if words.right() + 6.0 < place.left() {
        painter.galley(place.min, y_label, theme.text_weak);
    }
    let hovered = response.hover_pos().filter(|pos| inner.contains(*pos)).map(|pos| (plane.x_of(pos), plane.y_of(pos)));
    let is_in = |(from, to): (f64, f64), value: f64| value >= from && value < to;
    let cell =
        hovered.and_then(|(x, y)| (0..cells.values.len()).find(|i| is_in(cells.x[*i], x) && is_in(cells.y[*i], y)));
    if let Some(cell) = cell {
        let written = |value: f64| {
            if chart.x_is_time { format::timestamp((value * 1e6).round() as i64) } else { format::number(value) }
        };
        let row = match cells.names.get(cells.y[cell].0 as usize) {
            Some(name) => name.clone(),
            None => format!("{} to {}", format::number(cells.y[cell].0), format::number(cells.y[cell].1)),
        };
        let value = format::number(cells.values[cell]);
        let text = format!(
            "{row}\n{} to {}\n{} {value}",
            written(cells.x[cell].0),
            written(cells.x[cell].1),
            chart.value_label
        );
        response.on_hover_text_at_pointer(text);
    }
    let unit = if chart.x_is_time { 1e6 } else { 1.0 };
    zoom.x.map(|(from, to)| (from * unit, to * unit))
}
