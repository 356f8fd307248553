//! The gauge: an arc with its zones, a filled part up to the value, and the value in words below.

use std::f32::consts::PI;

use arrow_array::RecordBatch;
use egui::{Align2, Color32, FontId, Id, Pos2, Rect, ScrollArea, Shape, Stroke, Ui, pos2, vec2};
use millrace_model::view::{Gauge, Zone};

use super::columns::{number_column, text_at, text_column};
use super::{Size, fault_ui, plane, take};
use crate::format;
use crate::theme::Theme;

/// The arc begins and ends this far below the level, in radians.
const DROP: f32 = PI / 6.0;
const SMALLEST: egui::Vec2 = vec2(120.0, 96.0);

struct Dial<'a> {
    label: &'a str,
    value: f64,
}

impl Dial<'_> {
    fn words(&self, gauge: &Gauge) -> String {
        if self.value.is_nan() {
            return "–".to_owned();
        }
        let value = format::fixed(self.value, usize::from(gauge.decimals));
        if gauge.unit.is_empty() { value } else { format!("{value} {}", gauge.unit) }
    }
}

pub(super) fn gauge_ui(ui: &mut Ui, theme: &Theme, id: Id, gauge: &Gauge, batch: &RecordBatch, size: Size) {
    let (labels, values) = match (text_column(batch, "label"), number_column(batch, "value")) {
        (Ok(labels), Ok(values)) => (labels, values),
        (Err(fault), _) | (_, Err(fault)) => return fault_ui(ui, theme, &fault),
    };
    let dials: Vec<Dial<'_>> =
        values.iter().enumerate().map(|(row, value)| Dial { label: text_at(&labels, row), value: *value }).collect();
    let room = ui.available_size();
    let small = plane::font(ui, size).size;
    // As many columns as make the dials largest.
    let fitting = |columns: usize| {
        let rows = dials.len().div_ceil(columns);
        (room.x / columns as f32).min(room.y / rows as f32 * 1.25)
    };
    let most = match size {
        Size::Node => dials.len(),
        Size::Panel => ((room.x / SMALLEST.x) as usize).clamp(1, dials.len()),
    };
    let columns = (1..=most).max_by(|a, b| fitting(*a).total_cmp(&fitting(*b))).unwrap_or(1);
    let rows = dials.len().div_ceil(columns);
    let least_height = if size == Size::Node { 0.0 } else { SMALLEST.y };
    let place = vec2(room.x / columns as f32, (room.y / rows as f32).max(least_height));
    let paint = |ui: &mut Ui, height: f32| {
        ui.set_min_height(height);
        let described = dials.iter().take(8).map(|dial| {
            let separator = if dial.label.is_empty() { "" } else { ": " };
            format!("{}{separator}{} ({})", dial.label, dial.words(gauge), gauge.zone(dial.value).word())
        });
        let words = format!("Gauge {}: {}", gauge.title, described.collect::<Vec<_>>().join(", "));
        let rect = take(ui, &words).rect;
        for (index, dial) in dials.iter().enumerate() {
            let corner = rect.min + vec2((index % columns) as f32 * place.x, (index / columns) as f32 * place.y);
            let rect = Rect::from_min_size(corner, place).shrink(if size == Size::Node { 1.0 } else { 6.0 });
            if ui.is_rect_visible(rect) {
                dial_ui(ui, theme, gauge, dial, rect, small);
            }
        }
    };
    if size == Size::Panel && rows as f32 * place.y > room.y + 1.0 {
        ScrollArea::vertical().id_salt(id).auto_shrink(false).show(ui, |ui| paint(ui, rows as f32 * place.y));
    } else {
        paint(ui, room.y);
    }
}

fn zone_color(theme: &Theme, zone: Zone) -> Color32 {
    match zone {
        Zone::Normal => theme.accent,
        Zone::Warning => theme.warning,
        Zone::Alarm => theme.error,
    }
}

fn dial_ui(ui: &Ui, theme: &Theme, gauge: &Gauge, dial: &Dial<'_>, rect: Rect, small: f32) {
    let painter = ui.painter_at(rect);
    // A small dial is all dial.
    let has_words = rect.height() > small * 7.0;
    let label_height = if dial.label.is_empty() || !has_words { 0.0 } else { small * 1.5 };
    let foot_height = if has_words { small * 1.2 } else { 0.0 };
    let room = Rect::from_min_max(rect.min + vec2(0.0, label_height), rect.max - vec2(0.0, foot_height));
    let radius = (room.width() / 2.0).min(room.height() / (1.0 + DROP.sin())) - 2.0;
    if radius < 8.0 {
        let color = zone_color(theme, gauge.zone(dial.value));
        painter.text(rect.center(), Align2::CENTER_CENTER, dial.words(gauge), FontId::monospace(small), color);
        return;
    }
    let center = pos2(room.center().x, room.top() + radius + 2.0);
    let thick = (radius * 0.16).clamp(3.0, 18.0);
    let ring = radius - thick / 2.0 - 3.0;
    let arc = |from: f64, to: f64, radius: f32, width: f32, color: Color32| {
        let num_points = ((to - from).abs() * 64.0).ceil().max(2.0) as usize;
        let points: Vec<Pos2> = (0..=num_points)
            .map(|n| from + (to - from) * n as f64 / num_points as f64)
            .map(|share| {
                let angle = PI + DROP - share as f32 * (PI + 2.0 * DROP);
                center + vec2(angle.cos(), -angle.sin()) * radius
            })
            .collect();
        painter.add(Shape::line(points, Stroke::new(width, color)));
    };
    arc(0.0, 1.0, ring, thick, theme.line);
    let zone = gauge.zone(dial.value);
    if gauge.share(dial.value) > 0.0 {
        arc(0.0, gauge.share(dial.value), ring, thick, zone_color(theme, zone));
    }
    let zones = gauge.zones();
    if zones.len() > 1 {
        for (from, to, zone) in zones {
            arc(from, to, radius, 2.0, zone_color(theme, zone));
        }
    }
    if label_height > 0.0 {
        painter.text(rect.center_top(), Align2::CENTER_TOP, dial.label, FontId::proportional(small), theme.text_weak);
    }
    let words = dial.words(gauge);
    let size = (ring * 1.5 / (words.chars().count().max(4) as f32 * 0.62)).clamp(small * 0.9, 40.0);
    painter.text(center, Align2::CENTER_CENTER, words, FontId::monospace(size), theme.text_strong);
    let font = FontId::proportional(small * 0.9);
    if zone != Zone::Normal && !dial.value.is_nan() && has_words {
        let at = center + vec2(0.0, size * 0.9);
        painter.text(at, Align2::CENTER_CENTER, zone.word(), font.clone(), zone_color(theme, zone));
    }
    if !has_words {
        return;
    }
    let foot = center.y + ring * DROP.sin() + thick / 2.0 + 2.0;
    let side = ring * DROP.cos();
    let decimals = usize::from(gauge.max - gauge.min < 10.0);
    for (x, value) in [(-side, gauge.min), (side, gauge.max)] {
        let at = pos2(center.x + x, foot);
        painter.text(at, Align2::CENTER_TOP, format::fixed(value, decimals), font.clone(), theme.text_weak);
    }
}
