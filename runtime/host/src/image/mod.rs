//! Pictures of views as files: a [`ViewSpec`] and its batch as PNG or SVG, drawn with plotters.
//!
//! The same input gives the same bytes on every machine: fonts are built in, times are UTC, nothing asks for a clock.
//! The designer draws views on its own (egui); the two share the view model and nothing else. A new kind of view is one
//! arm in [`paint`] and one file beside this one.

mod axis;
mod bar;
mod canvas;
mod cell;
mod frame;
mod gauge;
mod heatmap;
mod histogram;
mod log;
mod map;
mod single_value;
mod table;
mod theme;
mod xy;

use arrow::array::RecordBatch;
use millrace_model::view::ViewSpec;
use millrace_operator::ViewSnapshot;
use millrace_protocol::{ImageFormat, Seen, within, without_series};
use plotters::backend::DrawingBackend;

use canvas::Canvas;

use crate::filter::filtered;

/// The smallest and largest width and height of a picture, in pixels.
pub const SIDE_LIMITS: std::ops::RangeInclusive<u32> = 64..=4096;

/// Why a picture could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    #[error("a picture of {width} × {height} pixels cannot be made: each side must be from {} to {}", SIDE_LIMITS.start(), SIDE_LIMITS.end())]
    Size { width: u32, height: u32 },
    #[error("the rows do not fit the view: {message}")]
    Data { message: String },
    #[error("the picture could not be drawn: {message}")]
    Draw { message: String },
}

impl ImageError {
    fn draw(error: impl std::fmt::Display) -> Self {
        Self::Draw { message: error.to_string() }
    }
}

/// The picture of a view as the bytes of a PNG or SVG file.
///
/// # Errors
/// When a side is outside [`SIDE_LIMITS`], or `data` lacks a column that `spec` speaks of.
pub fn render(
    spec: &ViewSpec,
    data: &RecordBatch,
    format: ImageFormat,
    width: u32,
    height: u32,
) -> Result<Vec<u8>, ImageError> {
    drawn(spec, data, &Seen::default(), format, (width, height))
}

/// The same as a person sees it.
///
/// # Errors
/// As [`render`].
pub fn render_seen(
    snapshot: &ViewSnapshot,
    seen: &Seen,
    format: ImageFormat,
    width: u32,
    height: u32,
) -> Result<Vec<u8>, ImageError> {
    let unfit = |error: arrow::error::ArrowError| ImageError::Data { message: error.to_string() };
    let data = filtered(snapshot.data.clone(), &seen.filters).map_err(unfit)?;
    let data = match seen.x.and_then(|time| within(&snapshot.spec, &data, time)) {
        Some(rows) => rows,
        None => data,
    };
    // Lines that are hidden keep their colours from others.
    let is_plot = matches!(snapshot.spec, ViewSpec::Xy(_));
    let data = if is_plot { data } else { without_series(&data, &seen.hidden) };
    drawn(&snapshot.spec, &data, seen, format, (width, height))
}

fn drawn(
    spec: &ViewSpec,
    data: &RecordBatch,
    seen: &Seen,
    format: ImageFormat,
    (width, height): (u32, u32),
) -> Result<Vec<u8>, ImageError> {
    if !SIDE_LIMITS.contains(&width) || !SIDE_LIMITS.contains(&height) {
        return Err(ImageError::Size { width, height });
    }
    match format {
        ImageFormat::Png => canvas::png(width, height, |canvas| paint(canvas, spec, data, seen)),
        ImageFormat::Svg => canvas::svg(width, height, |canvas| paint(canvas, spec, data, seen)),
    }
}

fn paint<B: DrawingBackend>(
    canvas: &Canvas<B>,
    spec: &ViewSpec,
    data: &RecordBatch,
    seen: &Seen,
) -> Result<(), ImageError> {
    if data.num_rows() == 0 {
        canvas.heading(spec.title(), "")?;
        return canvas.no_rows();
    }
    match spec {
        ViewSpec::Xy(chart) => {
            let scale = seen.y_scale.unwrap_or(chart.y_scale);
            let x = seen.x.or_else(|| seen.look?.x).filter(|(from, to)| from < to);
            xy::paint(canvas, &xy::Shown { chart, scale, x, hidden: &seen.hidden }, data)
        }
        ViewSpec::Bar(chart) => bar::paint(canvas, chart, data),
        ViewSpec::Histogram(chart) => histogram::paint(canvas, chart, data),
        ViewSpec::Heatmap(chart) => heatmap::paint(canvas, chart, data),
        ViewSpec::Gauge(gauge) => gauge::paint(canvas, gauge, data),
        ViewSpec::Table(view) => table::paint(canvas, view, data),
        ViewSpec::SingleValue(view) => single_value::paint(canvas, view, data),
        ViewSpec::Log(log) => log::paint(canvas, log, data),
        ViewSpec::Map(map) => map::paint(canvas, map, data),
    }
}

#[cfg(test)]
mod tests;
