//! Gauges as a picture: an arc with its zones, the part up to the value, and the value in words.

use std::f64::consts::PI;

use arrow::array::RecordBatch;
use millrace_model::view::{Gauge, Zone};
use plotters::backend::DrawingBackend;
use plotters::style::RGBColor;

use super::ImageError;
use super::axis::grouped;
use super::canvas::{Align, Canvas, Font, Point};
use super::frame::{numbers, texts};
use super::single_value::grid;
use super::theme::{self, PADDING, TEXT_SIZE};

/// The arc begins and ends this far below the level, in radians.
const DROP: f64 = PI / 6.0;

fn zone_color(zone: Zone) -> RGBColor {
    match zone {
        Zone::Normal => theme::series(0),
        Zone::Warning => theme::WARNING,
        Zone::Alarm => theme::THRESHOLD,
    }
}

pub fn paint<B: DrawingBackend>(canvas: &Canvas<B>, gauge: &Gauge, data: &RecordBatch) -> Result<(), ImageError> {
    let (labels, values) = (texts(data, "label")?, numbers(data, "value", false)?);
    let top = canvas.heading(&gauge.title, " ")? + 8.0;
    let (width, height) = (canvas.width - 2.0 * PADDING, canvas.height - PADDING - top);
    let (columns, rows) = grid(values.len(), width, height);
    let num_shown = values.len().min(columns * rows);
    if num_shown < values.len() {
        let all = grouped(values.len() as f64, 0);
        canvas.heading(&gauge.title, &format!("{num_shown} of {all} values"))?;
    }
    let size = (width / columns as f64, height / rows as f64);
    for (index, (label, value)) in labels.iter().zip(&values).take(num_shown).enumerate() {
        let corner = (PADDING + (index % columns) as f64 * size.0, top + (index / columns) as f64 * size.1);
        dial(canvas, gauge, (label, *value), corner, size)?;
    }
    Ok(())
}

fn dial<B: DrawingBackend>(
    canvas: &Canvas<B>,
    gauge: &Gauge,
    (label, value): (&str, f64),
    (x, y): Point,
    (width, height): (f64, f64),
) -> Result<(), ImageError> {
    let small = Font::new(TEXT_SIZE, theme::MUTED);
    let label_height = if label.is_empty() { 0.0 } else { TEXT_SIZE * 1.7 };
    let room = height - label_height - TEXT_SIZE * 2.0;
    let radius = (width / 2.0 - 10.0).min(room / (1.0 + DROP.sin())).max(8.0);
    let center = (x + width / 2.0, y + label_height + 4.0 + radius);
    let thick = (radius * 0.16).clamp(3.0, 22.0);
    let ring = radius - thick / 2.0 - 4.0;
    let arc = |from: f64, to: f64, radius: f64, width: f64, color: RGBColor| {
        let num_points = ((to - from).abs() * 72.0).ceil().max(2.0) as usize;
        let points: Vec<Point> = (0..=num_points)
            .map(|n| PI + DROP - (from + (to - from) * n as f64 / num_points as f64) * (PI + 2.0 * DROP))
            .map(|angle| (center.0 + angle.cos() * radius, center.1 - angle.sin() * radius))
            .collect();
        canvas.polyline(&points, color, width)
    };
    arc(0.0, 1.0, ring, thick, theme::GRID)?;
    let zone = gauge.zone(value);
    if value.is_finite() && gauge.share(value) > 0.0 {
        arc(0.0, gauge.share(value), ring, thick, zone_color(zone))?;
    }
    let zones = gauge.zones();
    if zones.len() > 1 {
        for (from, to, zone) in zones {
            arc(from, to, radius, 2.0, zone_color(zone))?;
        }
    }
    let label = canvas.fitted(label, width - 8.0, small)?;
    canvas.text(&label, (center.0, y + TEXT_SIZE * 1.1), Align::Center, small)?;
    let number = if value.is_finite() { grouped(value, usize::from(gauge.decimals)) } else { "–".to_owned() };
    let words = if gauge.unit.is_empty() || !value.is_finite() { number } else { format!("{number} {}", gauge.unit) };
    let mut font = Font::bold(ring * 0.45, theme::TEXT);
    let wide = canvas.text_width(&words, font)?;
    font.size = (font.size * (ring * 1.5 / wide.max(1.0)).min(1.0)).clamp(TEXT_SIZE, 44.0);
    canvas.text(&words, (center.0, center.1 + font.size * 0.3), Align::Center, font)?;
    if zone != Zone::Normal && value.is_finite() {
        let at = (center.0, center.1 + font.size * 0.3 + TEXT_SIZE * 1.6);
        canvas.text(zone.word(), at, Align::Center, Font::new(TEXT_SIZE, zone_color(zone)))?;
    }
    let decimals = usize::from(gauge.max - gauge.min < 10.0);
    let foot = center.1 + ring * DROP.sin() + thick / 2.0 + TEXT_SIZE + 2.0;
    for (side, value) in [(-1.0, gauge.min), (1.0, gauge.max)] {
        let at = (center.0 + side * ring * DROP.cos(), foot);
        canvas.text(&grouped(value, decimals), at, Align::Center, small)?;
    }
    Ok(())
}
