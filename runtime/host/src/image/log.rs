//! A log as a picture: the newest lines that fit, newest first.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use millrace_model::event_time::timestamp_type;
use millrace_model::view::{LogLevel, LogView};
use plotters::backend::DrawingBackend;
use plotters::style::RGBColor;

use super::ImageError;
use super::axis::{grouped, time_text};
use super::canvas::{Align, Canvas, Font};
use super::frame::{LABEL, column, texts};
use super::theme::{self, LINE_HEIGHT, PADDING, TEXT_SIZE};

fn color(level: LogLevel) -> RGBColor {
    match level {
        LogLevel::Error => theme::THRESHOLD,
        LogLevel::Warning => theme::WARNING,
        LogLevel::Info => theme::TEXT,
        LogLevel::Detail => theme::MUTED,
    }
}

pub fn paint<B: DrawingBackend>(canvas: &Canvas<B>, log: &LogView, data: &RecordBatch) -> Result<(), ImageError> {
    let (levels, lines) = (texts(data, "level")?, texts(data, "text")?);
    let times = column(data, "time", &timestamp_type())?;
    let times = times.as_primitive::<TimestampMicrosecondType>();
    let top = canvas.heading(&log.title, " ")? + 8.0;
    let num_shown = data.num_rows().min(((canvas.height - PADDING - top) / LINE_HEIGHT).max(1.0) as usize);
    let all = grouped(log.num_rows as f64, 0);
    let noun = if log.num_rows == 1 { "line" } else { "lines" };
    let is_part = log.num_rows > num_shown as u64;
    canvas.heading(
        &log.title,
        &if is_part { format!("newest {num_shown} of {all} {noun}") } else { format!("{all} {noun}") },
    )?;
    let shown = || (0..num_shown).map(|back| data.num_rows() - 1 - back);
    let time = |row: usize| if times.is_valid(row) { time_text(times.value(row)) } else { String::new() };
    let (mut times_wide, mut levels_wide) = (0.0_f64, 0.0_f64);
    for row in shown() {
        times_wide = times_wide.max(canvas.text_width(&time(row), LABEL)?);
        levels_wide = levels_wide.max(canvas.text_width(&levels[row], LABEL)?);
    }
    let gap = |width: f64| if width > 0.0 { width.min(canvas.width * 0.3) + 14.0 } else { 0.0 };
    let level_left = PADDING + gap(times_wide);
    let text_left = level_left + gap(levels_wide);
    for (place, row) in shown().enumerate() {
        let baseline = top + place as f64 * LINE_HEIGHT + LINE_HEIGHT / 2.0 + TEXT_SIZE * 0.36;
        let font = Font::new(TEXT_SIZE, color(LogLevel::of_word(&levels[row])));
        canvas.text(&time(row), (PADDING, baseline), Align::Left, LABEL)?;
        let level = canvas.fitted(&levels[row], canvas.width * 0.3, font)?;
        canvas.text(&level, (level_left, baseline), Align::Left, font)?;
        let text = canvas.fitted(&lines[row], (canvas.width - PADDING - text_left).max(0.0), font)?;
        canvas.text(&text, (text_left, baseline), Align::Left, font)?;
    }
    Ok(())
}
