//! The bar chart: a row for each label, with a bar for each series. Lying bars leave room for long labels.

use std::collections::{BTreeSet, HashMap};

use arrow_array::RecordBatch;
use egui::{Align2, Color32, Id, Rect, ScrollArea, Shape, Stroke, Ui, pos2, vec2};
use millrace_model::view::BarChart;

use super::columns::{number_column, text_at, text_column};
use super::plane::{Plane, extent, fitted, font, label_on_ground, number_marks};
use super::xy_header::name_ui;
use super::{Size, fault_ui, take};
use crate::format;
use crate::theme::Theme;

/// The bars of one label.
struct Row {
    label: String,
    /// Which series, and how long.
    bars: Vec<(usize, f64)>,
}

struct Bars {
    rows: Vec<Row>,
    series: Vec<String>,
    range: (f64, f64),
}

/// The bars of the series that are shown.
fn read(chart: &BarChart, batch: &RecordBatch, hidden: &BTreeSet<String>) -> Result<Bars, String> {
    let (labels, names) = (text_column(batch, "label")?, text_column(batch, "series")?);
    let values = number_column(batch, "value")?;
    let mut rows: Vec<Row> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut series: Vec<String> = Vec::new();
    for (row, value) in values.iter().enumerate() {
        let label = text_at(&labels, row).to_owned();
        let place = *places.entry(label.clone()).or_insert_with(|| {
            rows.push(Row { label, bars: Vec::new() });
            rows.len() - 1
        });
        let name = text_at(&names, row);
        let number = series.iter().position(|known| known == name).unwrap_or_else(|| {
            series.push(name.to_owned());
            series.len() - 1
        });
        rows[place].bars.push((number, *value));
    }
    for row in &mut rows {
        row.bars.sort_by_key(|bar| bar.0);
    }
    for row in &mut rows {
        row.bars.retain(|(number, _)| !hidden.contains(&series[*number]));
    }
    let values = rows.iter().flat_map(|row| row.bars.iter().map(|bar| bar.1));
    let levels = chart.thresholds.iter().flat_map(|threshold| threshold.values());
    let (low, high) = extent(values.chain(levels).chain([0.0])).unwrap_or((0.0, 1.0));
    Ok(Bars { rows, series, range: if low < high { (low, high) } else { (low, low + 1.0) } })
}

/// Draws the chart, and gives the series that are hidden.
pub(super) fn bar_ui(
    ui: &mut Ui,
    theme: &Theme,
    id: Id,
    chart: &BarChart,
    batch: &RecordBatch,
    size: Size,
) -> Vec<String> {
    let hidden_id = id.with("hidden");
    let mut hidden: BTreeSet<String> = match size {
        Size::Node => BTreeSet::new(),
        Size::Panel => ui.data(|data| data.get_temp(hidden_id)).unwrap_or_default(),
    };
    let bars = match read(chart, batch, &hidden) {
        Ok(bars) => bars,
        Err(fault) => {
            fault_ui(ui, theme, &fault);
            return Vec::new();
        }
    };
    if size == Size::Panel && bars.series.len() > 1 {
        legend_ui(ui, theme, &bars.series, &mut hidden);
        ui.data_mut(|data| data.insert_temp(hidden_id, hidden.clone()));
    }
    let font = font(ui, size);
    let per_row = bars.rows.iter().map(|row| row.bars.len()).max().unwrap_or(1).max(1) as f32;
    let bar_height = if size == Size::Node { font.size * 0.9 } else { 14.0 };
    let least_height = (per_row * bar_height + font.size * 0.6).max(font.size * 1.5);
    let room = ui.available_height();
    let axis_height = if size == Size::Panel { font.size * 2.0 } else { 0.0 };
    let num_rows = bars.rows.len() as f32;
    let row_height = ((room - axis_height) / num_rows).clamp(least_height, least_height.max(44.0));
    let paint = |ui: &mut Ui, height: f32| {
        ui.set_min_height(height);
        paint(ui, theme, chart, &bars, Measures { font: font.clone(), row_height, axis_height, size });
    };
    let wanted = row_height * num_rows + axis_height;
    if size == Size::Panel && wanted > room {
        ScrollArea::vertical().id_salt(id).auto_shrink(false).show(ui, |ui| paint(ui, wanted));
    } else {
        paint(ui, room);
    }
    hidden.into_iter().collect()
}

/// The names of the series above the bars, each to hide and to show.
fn legend_ui(ui: &mut Ui, theme: &Theme, series: &[String], hidden: &mut BTreeSet<String>) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 12.0;
        for (number, name) in series.iter().enumerate() {
            let is_shown = !hidden.contains(name);
            if name_ui(ui, theme, (name, number), is_shown).clicked() {
                if is_shown {
                    hidden.insert(name.clone());
                } else {
                    hidden.remove(name);
                }
            }
        }
    });
}

struct Measures {
    font: egui::FontId,
    row_height: f32,
    axis_height: f32,
    size: Size,
}

fn paint(ui: &mut Ui, theme: &Theme, chart: &BarChart, bars: &Bars, measures: Measures) {
    let Measures { font, row_height, axis_height, size } = measures;
    let response = take(ui, &description(chart, bars));
    let (rect, painter) = (response.rect, ui.painter_at(response.rect));
    let width_of = |text: &str| painter.layout_no_wrap(text.to_owned(), font.clone(), Color32::WHITE).size().x;
    let widest = bars.rows.iter().take(200).map(|row| width_of(&row.label)).fold(0.0_f32, f32::max);
    let left = rect.left() + widest.min(rect.width() * 0.35) + 8.0;
    let value_room = width_of("-0,000.00");
    let top = rect.top();
    let height = row_height * bars.rows.len() as f32;
    let inner = Rect::from_min_max(pos2(left, top), pos2(rect.right() - value_room, (top + height).max(top + 1.0)));
    let plane = Plane { inner, x: bars.range, y: (0.0, 1.0) };

    if size == Size::Panel {
        let at = pos2(rect.right() - 2.0, inner.bottom() + axis_height);
        let words = painter.text(at, Align2::RIGHT_BOTTOM, &chart.value_label, font.clone(), theme.text_weak);
        for (value, label) in number_marks(plane.x, (inner.width() / (font.size * 6.0)).max(1.0) as usize) {
            let x = plane.x_at(value);
            painter.vline(x, inner.y_range(), Stroke::new(1.0, theme.line));
            let text = painter.layout_no_wrap(label, font.clone(), theme.text_weak);
            let place = Align2::CENTER_TOP.anchor_size(pos2(x, inner.bottom() + 4.0), text.size());
            // In a narrow chart the words at the end of the axis lie where its last number would.
            if !place.expand(2.0).intersects(words) {
                painter.galley(place.min, text, theme.text_weak);
            }
        }
    }
    for threshold in &chart.thresholds {
        if let Some(to) = threshold.to {
            let band = Rect::from_x_y_ranges(plane.x_at(threshold.value)..=plane.x_at(to), inner.y_range());
            painter.rect_filled(band, 0.0, theme.warning.gamma_multiply(0.12));
        }
    }
    let zero = plane.x_at(0.0);
    let mut hovered = None;
    for (index, row) in bars.rows.iter().enumerate() {
        let place =
            Rect::from_min_size(pos2(rect.left(), top + index as f32 * row_height), vec2(rect.width(), row_height));
        if !ui.is_rect_visible(place) {
            continue;
        }
        let label = fitted(&painter, &row.label, &font, theme.text, left - 8.0 - rect.left());
        painter.galley(pos2(left - 8.0 - label.size().x, place.center().y - label.size().y / 2.0), label, theme.text);
        let gap = (row_height * 0.2).min(6.0);
        let thick = (row_height - gap) / row.bars.len().max(1) as f32;
        for (number, (series, value)) in row.bars.iter().enumerate() {
            let y = place.top() + gap / 2.0 + number as f32 * thick;
            let end = plane.x_at(*value);
            let bar = Rect::from_x_y_ranges(zero.min(end)..=zero.max(end), y + 0.5..=y + thick - 0.5);
            painter.rect_filled(bar, 2.0, theme.series_color(*series));
            if thick >= font.size {
                let at = bar.right_center() + vec2(4.0, 0.0);
                painter.text(at, Align2::LEFT_CENTER, format::number(*value), font.clone(), theme.text_weak);
            }
        }
        if response.hover_pos().is_some_and(|pos| place.contains(pos)) {
            hovered = Some(row);
        }
    }
    painter.vline(zero, inner.y_range(), Stroke::new(1.0, theme.line_strong));
    for threshold in &chart.thresholds {
        let x = plane.x_at(threshold.value);
        painter.extend(Shape::dashed_line(
            &[pos2(x, inner.top()), pos2(x, inner.bottom())],
            Stroke::new(1.0, theme.text_weak),
            4.0,
            3.0,
        ));
        if !threshold.label.is_empty() && size == Size::Panel {
            label_on_ground(
                &painter,
                theme,
                pos2(x + 4.0, inner.bottom() - 2.0),
                Align2::LEFT_BOTTOM,
                &threshold.label,
                &font,
            );
        }
    }
    if let Some(row) = hovered.filter(|_| size == Size::Panel) {
        let lines = row.bars.iter().map(|(series, value)| {
            let name = &bars.series[*series];
            let separator = if name.is_empty() { "" } else { ": " };
            format!("{name}{separator}{}", format::number(*value))
        });
        let text = std::iter::once(row.label.clone()).chain(lines).collect::<Vec<_>>().join("\n");
        response.on_hover_text_at_pointer(text);
    }
}

/// What the chart shows, for those who cannot see it.
fn description(chart: &BarChart, bars: &Bars) -> String {
    let mut text = format!("Bar chart {}: ", chart.title);
    let words: Vec<String> = bars
        .rows
        .iter()
        .take(8)
        .flat_map(|row| row.bars.iter().map(|(_, value)| format!("{} {}", row.label, format::number(*value))))
        .collect();
    text.push_str(&words.join(", "));
    if bars.rows.len() > 8 {
        text.push_str(&format!(" and {} more", bars.rows.len() - 8));
    }
    text
}
