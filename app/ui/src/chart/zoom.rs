//! The part of a plane that a person looks at, kept under the chart's id.
//!
//! The gestures are those of a plot of points: a drag moves, the wheel zooms about the pointer (along y alone with Shift;
//! with Ctrl where the page itself scrolls), a double click shows all again. With the keyboard at the chart, arrows
//! move, plus and minus zoom, and Home shows all.

use egui::{Id, Key, Modifiers, Pos2, Response, Ui, Vec2, vec2};

use super::plane::Plane;
use crate::accessibility::keep_arrows;

/// From one value to another along an axis.
pub(super) type Range = (f64, f64);

/// A part is at least this share of the whole.
const SMALLEST: f64 = 1e-6;
/// What one press of an arrow moves by, as a share of what is seen.
const STEP: f32 = 0.1;
/// What one press of plus zooms by.
const FACTOR: f32 = 1.25;

/// What is seen along each axis; `None`: all of it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Zoom {
    pub x: Option<Range>,
    pub y: Option<Range>,
}

impl Zoom {
    pub(super) fn load(ui: &Ui, chart: Id) -> Self {
        ui.data(|data| data.get_temp(chart.with("zoom"))).unwrap_or_default()
    }

    pub(super) fn keep(self, ui: &Ui, chart: Id) {
        ui.data_mut(|data| data.insert_temp(chart.with("zoom"), self));
    }

    /// Does what was done to the chart in this frame. `whole` is all that there is along x and y; without a range for y
    /// the chart only moves along x.
    pub(super) fn take_gestures(
        &mut self,
        ui: &Ui,
        response: &Response,
        plane: &Plane,
        whole: (Range, Option<Range>),
        scrolls_page: bool,
    ) {
        let before = *self;
        if response.double_clicked() {
            *self = Self::default();
        }
        if response.dragged() {
            self.shift(plane, whole, response.drag_delta() / plane.inner.size());
        }
        if let Some(pointer) = response.hover_pos().filter(|pointer| plane.inner.contains(*pointer)) {
            let (scroll, pinch, only_y) =
                ui.input(|input| (input.smooth_scroll_delta(), input.zoom_delta(), input.modifiers.shift));
            let turned = if scrolls_page { 0.0 } else { scroll.x + scroll.y };
            let factor = (turned / 240.0).exp() * pinch;
            if factor != 1.0 {
                self.scale(plane, whole, pointer, if only_y { vec2(1.0, factor) } else { vec2(factor, 1.0) });
            }
        }
        if response.has_focus() {
            self.take_keys(ui, response.id, plane, whole);
        }
        if *self != before {
            ui.ctx().request_repaint();
        }
    }

    fn take_keys(&mut self, ui: &Ui, id: Id, plane: &Plane, whole: (Range, Option<Range>)) {
        keep_arrows(ui, id);
        let presses = |key| ui.input_mut(|input| input.count_and_consume_key(Modifiers::NONE, key)) as f32;
        let along = |less, more| presses(less) - presses(more);
        let moved = vec2(along(Key::ArrowLeft, Key::ArrowRight), along(Key::ArrowUp, Key::ArrowDown)) * STEP;
        if moved != Vec2::ZERO {
            self.shift(plane, whole, moved);
        }
        let steps = presses(Key::Plus) + presses(Key::Equals) - presses(Key::Minus);
        if steps != 0.0 {
            let factor = FACTOR.powf(steps);
            self.scale(plane, whole, plane.inner.center(), vec2(factor, if whole.1.is_some() { factor } else { 1.0 }));
        }
        if presses(Key::Home) > 0.0 {
            *self = Self::default();
        }
    }

    /// Moves the content by a share of what is seen, to the right and down.
    fn shift(&mut self, plane: &Plane, (x, y): (Range, Option<Range>), by: Vec2) {
        let moved = |seen: Range, by: f64, whole: Range| {
            let span = seen.1 - seen.0;
            let from = (seen.0 + span * by).clamp(whole.0, (whole.1 - span).max(whole.0));
            part((from, from + span), whole)
        };
        self.x = moved(plane.x, -f64::from(by.x), x);
        if let Some(y) = y {
            self.y = moved(plane.y, f64::from(by.y), y);
        }
    }

    /// Makes what is seen smaller by the factors, about a place of the screen.
    fn scale(&mut self, plane: &Plane, (x, y): (Range, Option<Range>), about: Pos2, factors: Vec2) {
        let scaled = |seen: Range, about: f64, factor: f64, whole: Range| {
            let least = (whole.1 - whole.0) * SMALLEST;
            if factor > 1.0 && (seen.1 - seen.0) / factor < least {
                return part(seen, whole);
            }
            let (from, to) = (about - (about - seen.0) / factor, about + (seen.1 - about) / factor);
            part((from.max(whole.0), to.min(whole.1)), whole)
        };
        self.x = scaled(plane.x, plane.x_of(about), f64::from(factors.x), x);
        if let Some(y) = y {
            self.y = scaled(plane.y, plane.y_of(about), f64::from(factors.y), y);
        }
    }
}

/// `None` where the range is the whole.
fn part(range: Range, whole: Range) -> Option<Range> {
    let slack = (whole.1 - whole.0) * 1e-9;
    (range.0 > whole.0 + slack || range.1 < whole.1 - slack).then_some(range)
}

/// What is seen of the whole now, which may have moved on with new rows: never beyond it, and never nothing.
pub(super) fn seen_of(seen: Option<Range>, whole: Range) -> Range {
    let Some((from, to)) = seen else { return whole };
    let (from, to) = (from.max(whole.0), to.min(whole.1));
    if from < to { (from, to) } else { whole }
}

#[cfg(test)]
mod tests {
    use egui::{Rect, pos2};

    use super::*;

    const WHOLE: (Range, Option<Range>) = ((0.0, 100.0), Some((0.0, 10.0)));

    fn plane(zoom: Zoom) -> Plane {
        let inner = Rect::from_min_size(pos2(50.0, 20.0), vec2(200.0, 100.0));
        Plane { inner, x: seen_of(zoom.x, WHOLE.0), y: seen_of(zoom.y, (0.0, 10.0)) }
    }

    #[test]
    fn what_is_under_the_pointer_stays_there_when_zoomed_and_all_comes_back() {
        let mut zoom = Zoom::default();
        let pointer = pos2(100.0, 70.0);
        let value = plane(zoom).x_of(pointer);
        for _ in 0..5 {
            zoom.scale(&plane(zoom), WHOLE, pointer, vec2(1.5, 1.0));
            assert!((plane(zoom).x_of(pointer) - value).abs() < 1e-9);
        }
        assert_eq!(zoom.y, None);
        zoom.scale(&plane(zoom), WHOLE, pointer, vec2(1e-9, 1.0));
        assert_eq!(zoom, Zoom::default(), "further out than all there is nothing");
        for _ in 0..200 {
            zoom.scale(&plane(zoom), WHOLE, pointer, vec2(2.0, 1.0));
        }
        let (from, to) = zoom.x.expect("a part");
        assert!(to - from >= 100.0 * SMALLEST, "{from} {to}");
    }

    #[test]
    fn moving_ends_at_the_ends_and_keeps_the_span() {
        let mut zoom = Zoom { x: Some((40.0, 60.0)), y: Some((2.0, 4.0)) };
        zoom.shift(&plane(zoom), WHOLE, vec2(0.5, 0.5));
        assert_eq!((zoom.x, zoom.y), (Some((30.0, 50.0)), Some((3.0, 5.0))));
        zoom.shift(&plane(zoom), WHOLE, vec2(9.0, -9.0));
        assert_eq!((zoom.x, zoom.y), (Some((0.0, 20.0)), Some((0.0, 2.0))));
        let mut whole = Zoom::default();
        whole.shift(&plane(whole), WHOLE, vec2(0.3, 0.3));
        assert_eq!(whole, Zoom::default());
    }

    #[test]
    fn a_part_that_the_rows_have_left_behind_is_the_whole() {
        assert_eq!(seen_of(Some((1.0, 2.0)), (5.0, 9.0)), (5.0, 9.0));
        assert_eq!(seen_of(Some((1.0, 6.0)), (5.0, 9.0)), (5.0, 6.0));
        assert_eq!(seen_of(None, (5.0, 9.0)), (5.0, 9.0));
    }
}
