//! The heatmap: a colour for each cell, and a scale that says what the colours are.

use arrow_array::{Array, RecordBatch};
use egui::{Align2, Rect, Ui, pos2, vec2};
use millrace_model::view::Heatmap;

use super::columns::{number_column, text_at, text_column};
use super::plane::{Plane, extent, font, share};
use super::{Size, fault_ui, take};
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

pub(super) fn heatmap_ui(ui: &mut Ui, theme: &Theme, chart: &Heatmap, batch: &RecordBatch, size: Size) {
    let cells = match read(chart, batch) {
        Ok(cells) => cells,
        Err(fault) => return fault_ui(ui, theme, &fault),
    };
    let ends = |pairs: &[(f64, f64)]| extent(pairs.iter().flat_map(|pair| [pair.0, pair.1])).unwrap_or((0.0, 1.0));
    let range = extent(cells.values.iter().copied()).unwrap_or((0.0, 1.0));
    let (low, high) = (format::number(range.0), format::number(range.1));
    let words = format!("Heatmap {}: {} from {low} to {high}", chart.title, chart.value_label);
    let response = take(ui, &words);
    let (rect, painter, font) = (response.rect, ui.painter_at(response.rect), font(ui, size));
    let width_of = |text: &str| painter.layout_no_wrap(text.to_owned(), font.clone(), theme.text).size().x;
    let widest = cells.names.iter().map(|name| width_of(name)).fold(font.size * 3.5, f32::max);
    let (left, bottom, top) = match size {
        Size::Node => (0.0, font.size * 1.6, 0.0),
        Size::Panel => (widest.min(rect.width() * 0.3) + 10.0, font.size * 2.2, font.size * 2.0),
    };
    let inner = Rect::from_min_max(rect.min + vec2(left, top), rect.max - vec2(12.0, bottom));
    let plane = Plane { inner, x: ends(&cells.x), y: ends(&cells.y) };
    let color = |value: f64| theme.heat(f64::from(share(value, range)));
    let place = |index: usize| {
        let ((x0, x1), (y0, y1)) = (cells.x[index], cells.y[index]);
        Rect::from_two_pos(plane.at(x0, y0), plane.at(x1, y1))
    };
    let is_roomy = cells.values.first().is_some_and(|_| place(0).width() > 6.0 && place(0).height() > 6.0);
    for (index, value) in cells.values.iter().enumerate() {
        // Cells of a few pixels would drown in gaps.
        let cell = if is_roomy { place(index).shrink(0.5) } else { place(index).expand(0.25) };
        painter.rect_filled(cell, 0.0, color(*value));
    }
    plane.x_axis(&painter, theme, &font, chart.x_is_time);
    if size == Size::Node {
        return;
    }
    if cells.names.is_empty() {
        plane.y_axis(&painter, theme, &font);
    }
    let step = (font.size * 1.2 / (inner.height() / cells.names.len().max(1) as f32)).ceil().max(1.0) as usize;
    for (place, name) in cells.names.iter().enumerate().step_by(step) {
        let at = pos2(inner.left() - 6.0, plane.y_at(place as f64 + 0.5));
        painter.text(at, Align2::RIGHT_CENTER, name, font.clone(), theme.text);
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
}
