//! A plain place to paint on, with numbers or times along two axes; for charts that show all they have.

use std::sync::Arc;

use egui::text::{LayoutJob, TextWrapping};
use egui::{Align2, Color32, FontId, Galley, Painter, Pos2, Rect, Stroke, TextStyle, Ui, pos2, vec2};
use millrace_model::view::round_step;

use super::{Size, time_axis};
use crate::format;
use crate::theme::Theme;

/// A range of values along one axis of the screen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plane {
    /// Where values are painted.
    pub inner: Rect,
    pub x: (f64, f64),
    pub y: (f64, f64),
}

/// The letters of axes at this size.
pub(super) fn font(ui: &Ui, size: Size) -> FontId {
    let small = TextStyle::Small.resolve(ui.style()).size;
    FontId::proportional(if size == Size::Node { small * 0.85 } else { small })
}

impl Plane {
    pub(super) fn at(&self, x: f64, y: f64) -> Pos2 {
        pos2(self.x_at(x), self.y_at(y))
    }

    pub(super) fn x_at(&self, x: f64) -> f32 {
        self.inner.left() + share(x, self.x) * self.inner.width()
    }

    pub(super) fn y_at(&self, y: f64) -> f32 {
        self.inner.bottom() - share(y, self.y) * self.inner.height()
    }

    /// The x value at a place of the screen.
    pub(super) fn x_of(&self, pos: Pos2) -> f64 {
        let share = f64::from((pos.x - self.inner.left()) / self.inner.width());
        self.x.0 + share * (self.x.1 - self.x.0)
    }

    pub(super) fn y_of(&self, pos: Pos2) -> f64 {
        let share = f64::from((self.inner.bottom() - pos.y) / self.inner.height());
        self.y.0 + share * (self.y.1 - self.y.0)
    }

    /// Lines and numbers for the values up the side.
    pub(super) fn y_axis(&self, painter: &Painter, theme: &Theme, font: &FontId) {
        let wanted = (self.inner.height() / (font.size * 3.5)).max(1.0) as usize;
        for (value, label) in number_marks(self.y, wanted) {
            let y = self.y_at(value);
            painter.hline(self.inner.x_range(), y, Stroke::new(1.0, theme.line));
            painter.text(pos2(self.inner.left() - 6.0, y), Align2::RIGHT_CENTER, label, font.clone(), theme.text_weak);
        }
    }

    /// Numbers or times along the bottom.
    pub(super) fn x_axis(&self, painter: &Painter, theme: &Theme, font: &FontId, is_time: bool) {
        let room = font.size * if is_time { 7.0 } else { 6.0 };
        let wanted = (self.inner.width() / room).max(1.0) as usize;
        let marks = if is_time {
            let min_step = (self.x.1 - self.x.0) / wanted as f64;
            time_axis::marks(self.x, min_step).into_iter().map(|mark| (mark.value, time_axis::label(mark))).collect()
        } else {
            number_marks(self.x, wanted)
        };
        for (value, label) in marks {
            let at = pos2(self.x_at(value), self.inner.bottom());
            painter.line_segment([at, at + vec2(0.0, 3.0)], Stroke::new(1.0, theme.line_strong));
            let galley = painter.layout_no_wrap(label, font.clone(), theme.text_weak);
            // At the edge it stands aside rather than being cut.
            let left = (at.x - galley.size().x / 2.0).min(painter.clip_rect().right() - galley.size().x);
            painter.galley(pos2(left, at.y + 5.0), galley, theme.text_weak);
        }
        painter.hline(self.inner.x_range(), self.inner.bottom(), Stroke::new(1.0, theme.line_strong));
    }
}

/// A level across the plane with its name.
pub(super) fn label_on_ground(painter: &Painter, theme: &Theme, at: Pos2, align: Align2, text: &str, font: &FontId) {
    let galley = painter.layout_no_wrap(text.to_owned(), font.clone(), theme.text);
    let rect = align.anchor_size(at, galley.size());
    painter.rect_filled(rect.expand(2.0), 2.0, theme.panel.gamma_multiply(0.85));
    painter.galley(rect.min, galley, Color32::PLACEHOLDER);
}

/// A text on one line, cut with an ellipsis where it is wider than `width`.
pub(super) fn fitted(painter: &Painter, text: &str, font: &FontId, color: Color32, width: f32) -> Arc<Galley> {
    let mut job = LayoutJob::simple_singleline(text.to_owned(), font.clone(), color);
    job.wrap = TextWrapping::truncate_at_width(width.max(0.0));
    painter.layout_job(job)
}

/// Round numbers in a range and how they are written.
pub(super) fn number_marks((low, high): (f64, f64), wanted: usize) -> Vec<(f64, String)> {
    let Some(step) = round_step(high - low, wanted) else { return Vec::new() };
    let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
    let largest = low.abs().max(high.abs());
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    let written = |value: f64| match largest {
        n if n >= 1e15 => format::number(value),
        n if n >= 1e4 && value.fract() == 0.0 => short(value),
        _ => format::fixed(value, decimals),
    };
    (first..=last.min(first + 100)).map(|index| index as f64 * step).map(|value| (value, written(value))).collect()
}

/// `12k`, `1.5M`.
fn short(value: f64) -> String {
    let text = format::short_count(value.abs() as u64);
    if value < 0.0 { format!("-{text}") } else { text }
}

/// Where `value` stands in `range`, 0 to 1; the middle of a range of one value.
pub(super) fn share(value: f64, (low, high): (f64, f64)) -> f32 {
    if high > low { ((value - low) / (high - low)) as f32 } else { 0.5 }
}

/// The least and the greatest of the finite ones.
pub(super) fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|value| value.is_finite()).map(|value| (value, value)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_as_exact_as_their_step() {
        let texts = |range, wanted| number_marks(range, wanted).into_iter().map(|mark| mark.1).collect::<Vec<_>>();
        assert_eq!(texts((0.0, 1.0), 4), ["0.0", "0.5", "1.0"]);
        assert_eq!(texts((-3.0, 12.0), 4), ["0", "5", "10"]);
        assert_eq!(texts((0.0, 40_000.0), 4).len(), 5);
        assert!(number_marks((1.0, 1.0), 4).is_empty());
    }
}
