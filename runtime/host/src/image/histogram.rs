//! A histogram as a picture: bars that touch, because their ranges do.

use arrow::array::RecordBatch;
use millrace_model::view::Histogram;
use plotters::backend::DrawingBackend;

use super::ImageError;
use super::axis::{grouped, number_ticks};
use super::canvas::{Align, Canvas};
use super::frame::{Frame, LABEL, numbers, paint_x_axis, paint_y_axis};
use super::theme::{self, LINE_HEIGHT, PADDING};

pub fn paint<B: DrawingBackend>(canvas: &Canvas<B>, chart: &Histogram, data: &RecordBatch) -> Result<(), ImageError> {
    let column = |name: &str| numbers(data, name, false);
    let (from, to, count) = (column("from")?, column("to")?, column("count")?);
    let values = grouped(chart.num_values as f64, 0);
    let noun = if chart.num_values == 1 { "value" } else { "values" };
    let top = canvas.heading(&chart.title, &format!("{values} {noun}"))? + 8.0 + LINE_HEIGHT;
    canvas.text("values", (PADDING, top - 4.0), Align::Left, LABEL)?;
    let bottom = (canvas.height - PADDING - 2.0 * LINE_HEIGHT + 6.0).max(top + 16.0);
    let most = count.iter().copied().fold(1.0, f64::max) * 1.04;
    let ticks = number_ticks((0.0, most), (((bottom - top) / 52.0) as usize).clamp(2, 9));
    let mut widest = 0.0_f64;
    for tick in &ticks {
        widest = widest.max(canvas.text_width(&tick.label, LABEL)?);
    }
    let left = (PADDING + widest + 8.0).min(canvas.width / 2.0);
    let x = (from[0], to[to.len() - 1]);
    let frame = Frame { left, right: canvas.width - PADDING, top: top + 6.0, bottom, x, y: (0.0, most) };
    paint_y_axis(canvas, &frame, &ticks)?;
    for ((from, to), count) in from.iter().zip(&to).zip(&count) {
        let (left, right) = (frame.x_at(*from), frame.x_at(*to));
        let gap = if right - left > 4.0 { 1.0 } else { 0.0 };
        canvas.filled((left + gap, frame.y_at(*count)), (right, frame.bottom), theme::series(0))?;
    }
    paint_x_axis(canvas, &frame, &chart.x_label, false)
}
