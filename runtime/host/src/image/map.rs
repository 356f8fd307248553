//! A map as a picture: dots on a net of meridians and parallels.

use arrow::array::RecordBatch;
use millrace_model::view::{MapView, round_step};
use plotters::backend::DrawingBackend;

use super::ImageError;
use super::axis::{extent, grouped};
use super::canvas::{Align, Canvas};
use super::frame::{Frame, LABEL, numbers};
use super::heatmap::{color, paint_scale};
use super::theme::{self, LINE_HEIGHT, PADDING, TEXT_SIZE};

/// The least that is shown around a position, in degrees.
const LEAST: f64 = 0.02;

fn degrees(value: f64, step: f64, (positive, negative): (&str, &str)) -> String {
    let decimals = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
    let side = if value.abs() < step / 2.0 {
        ""
    } else if value > 0.0 {
        positive
    } else {
        negative
    };
    format!("{}° {side}", grouped(value.abs(), decimals)).trim_end().to_owned()
}

pub fn paint<B: DrawingBackend>(canvas: &Canvas<B>, map: &MapView, data: &RecordBatch) -> Result<(), ImageError> {
    let column = |name: &str| numbers(data, name, false);
    let (latitudes, longitudes, values) = (column("latitude")?, column("longitude")?, column("value")?);
    let heights: Vec<f64> = latitudes.iter().map(|latitude| map.projection.height(*latitude)).collect();
    let count = grouped(data.num_rows() as f64, 0);
    let noun = if data.num_rows() == 1 { "position" } else { "positions" };
    let mut top = canvas.heading(&map.title, &format!("{count} {noun}"))? + 8.0;
    let range = extent(values.iter().copied()).filter(|(low, high)| low < high);
    if let Some(range) = range {
        paint_scale(canvas, (PADDING, top + LINE_HEIGHT / 2.0), range, &map.value_label)?;
        top += 1.5 * LINE_HEIGHT;
    }
    let (Some(x), Some(y)) = (extent(longitudes.iter().copied()), extent(heights.iter().copied())) else {
        return canvas.no_rows();
    };
    let bottom = (canvas.height - PADDING - LINE_HEIGHT).max(top + 16.0);
    let left = (PADDING + canvas.text_width("00.000° N", LABEL)?).min(canvas.width / 2.0);
    let right = canvas.width - PADDING;
    // A degree is as long along both axes, and the positions keep some air around them.
    let wide = |(low, high): (f64, f64)| (high - low).max(LEAST) * 1.24;
    let per_point = (wide(x) / (right - left)).max(wide(y) / (bottom - top));
    let around = |(low, high): (f64, f64), size: f64| {
        let middle = f64::midpoint(low, high);
        (middle - per_point * size / 2.0, middle + per_point * size / 2.0)
    };
    let frame = Frame { left, right, top, bottom, x: around(x, right - left), y: around(y, bottom - top) };
    canvas.filled((left, top), (right, bottom), theme::STRIPE)?;
    if let Some(step) = round_step(frame.x.1 - frame.x.0, (((right - left) / 100.0) as usize).max(1)) {
        for n in (frame.x.0.max(-180.0) / step).ceil() as i64..=(frame.x.1.min(180.0) / step).floor() as i64 {
            let x = frame.x_at(n as f64 * step);
            canvas.line((x, top), (x, bottom), theme::AXIS, 0.6)?;
            let label = degrees(n as f64 * step, step, ("E", "W"));
            canvas.text(&label, (x, bottom + 16.0), Align::Center, LABEL)?;
        }
    }
    let limit = map.projection.max_latitude();
    let south = map.projection.latitude(frame.y.0).max(-limit);
    let north = map.projection.latitude(frame.y.1).min(limit);
    if let Some(step) = round_step(north - south, (((bottom - top) / 70.0) as usize).max(1)) {
        for n in (south / step).ceil() as i64..=(north / step).floor() as i64 {
            let y = frame.y_at(map.projection.height(n as f64 * step));
            canvas.line((left, y), (right, y), theme::AXIS, 0.6)?;
            let label = degrees(n as f64 * step, step, ("N", "S"));
            canvas.text(&label, (left - 8.0, y + TEXT_SIZE * 0.36), Align::Right, LABEL)?;
        }
    }
    for (row, value) in values.iter().enumerate() {
        let shade = range.filter(|_| value.is_finite()).map_or(theme::series(0), |range| color(*value, range));
        let at = (frame.x_at(longitudes[row]), frame.y_at(heights[row]));
        // An edge keeps bright dots apart from the ground.
        canvas.disc(at, 4.4, theme::MUTED)?;
        canvas.disc(at, 3.6, shade)?;
    }
    Ok(())
}
