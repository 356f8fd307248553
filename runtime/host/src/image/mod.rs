//! Pictures of views as files: a [`ViewSpec`] and its batch as PNG or SVG, drawn with plotters.
//!
//! The same input gives the same bytes on every machine: fonts are built in, times are UTC, nothing asks for a clock.
//! The designer draws views on its own (egui); the two share the view model and nothing else. A new kind of view is one
//! arm in [`paint`] and one file beside this one.

mod axis;
mod canvas;
mod cell;
mod line_chart;
mod single_value;
mod table;
mod theme;

use arrow::array::RecordBatch;
use millrace_model::view::ViewSpec;
use millrace_protocol::ImageFormat;
use plotters::backend::DrawingBackend;

use canvas::Canvas;

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
    if !SIDE_LIMITS.contains(&width) || !SIDE_LIMITS.contains(&height) {
        return Err(ImageError::Size { width, height });
    }
    match format {
        ImageFormat::Png => canvas::png(width, height, |canvas| paint(canvas, spec, data)),
        ImageFormat::Svg => canvas::svg(width, height, |canvas| paint(canvas, spec, data)),
    }
}

fn paint<B: DrawingBackend>(canvas: &Canvas<B>, spec: &ViewSpec, data: &RecordBatch) -> Result<(), ImageError> {
    match spec {
        ViewSpec::LineChart(chart) => line_chart::paint(canvas, chart, data),
        ViewSpec::Table(view) => table::paint(canvas, view, data),
        ViewSpec::SingleValue(view) => single_value::paint(canvas, view, data),
    }
}

#[cfg(test)]
mod tests;
