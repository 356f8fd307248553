//! Which part of the canvas is seen: the mapping between the canvas and the screen.

use egui::{Pos2, Rect, Vec2, pos2, vec2};
use millrace_model::Position;

pub const MIN_ZOOM: f32 = 0.02;
pub const MAX_ZOOM: f32 = 2.5;
/// Nodes snap to this raster.
pub const SNAP: i32 = 8;

/// How much of a node and a wire is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The whole card with ports, and wires with their rates.
    Full,
    /// A card with its title.
    Title,
    /// A block of the section's colour.
    Block,
}

/// The view of the canvas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Camera {
    /// The canvas point in the middle of the viewport.
    pub center: Pos2,
    pub zoom: f32,
    /// Where the canvas stands on the screen.
    pub viewport: Rect,
}

impl Default for Camera {
    fn default() -> Self {
        Self { center: Pos2::ZERO, zoom: 1.0, viewport: Rect::from_min_size(Pos2::ZERO, vec2(800.0, 600.0)) }
    }
}

impl Camera {
    pub fn to_screen(self, pos_in_canvas: Pos2) -> Pos2 {
        self.viewport.center() + (pos_in_canvas - self.center) * self.zoom
    }

    pub fn to_canvas(self, pos_in_screen: Pos2) -> Pos2 {
        self.center + (pos_in_screen - self.viewport.center()) / self.zoom
    }

    pub fn rect_to_screen(&self, rect_in_canvas: Rect) -> Rect {
        Rect::from_min_max(self.to_screen(rect_in_canvas.min), self.to_screen(rect_in_canvas.max))
    }

    pub fn rect_to_canvas(&self, rect_in_screen: Rect) -> Rect {
        Rect::from_min_max(self.to_canvas(rect_in_screen.min), self.to_canvas(rect_in_screen.max))
    }

    /// What can be told apart at this zoom.
    pub fn detail(&self) -> Detail {
        const FULL: f32 = 0.5;
        const TITLE: f32 = 0.25;
        match self.zoom {
            FULL.. => Detail::Full,
            TITLE.. => Detail::Title,
            _ => Detail::Block,
        }
    }

    /// The part of the canvas that is seen.
    pub fn visible(&self) -> Rect {
        self.rect_to_canvas(self.viewport)
    }

    pub fn pan(&mut self, delta_in_screen: Vec2) {
        self.center -= delta_in_screen / self.zoom;
    }

    /// Zooms so that what lies under `anchor_in_screen` stays there.
    pub fn zoom_at(&mut self, anchor_in_screen: Pos2, factor: f32) {
        let anchor = self.to_canvas(anchor_in_screen);
        self.zoom = (self.zoom * factor).clamp(MIN_ZOOM, MAX_ZOOM);
        self.center = anchor - (anchor_in_screen - self.viewport.center()) / self.zoom;
    }

    /// Shows all of `bounds_in_canvas`, never larger than life.
    pub fn fit(&mut self, bounds_in_canvas: Rect) {
        const MARGIN: f32 = 28.0;
        let room = (self.viewport.size() - Vec2::splat(2.0 * MARGIN)).max(Vec2::splat(50.0));
        let size = bounds_in_canvas.size().max(Vec2::splat(1.0));
        self.zoom = (room / size).min_elem().clamp(MIN_ZOOM, 1.0);
        self.center = bounds_in_canvas.center();
    }

    /// Moves just so far that `rect_in_canvas` is seen.
    pub fn bring_into_view(&mut self, rect_in_canvas: Rect) {
        let margin = vec2(32.0, 32.0) / self.zoom;
        let (seen, wanted) = (self.visible(), rect_in_canvas.expand2(margin));
        if seen.contains_rect(rect_in_canvas) {
            return;
        }
        if wanted.width() > seen.width() || wanted.height() > seen.height() {
            self.center = rect_in_canvas.center();
            return;
        }
        self.center += vec2(
            (wanted.max.x - seen.max.x).max(0.0) + (wanted.min.x - seen.min.x).min(0.0),
            (wanted.max.y - seen.max.y).max(0.0) + (wanted.min.y - seen.min.y).min(0.0),
        );
    }
}

/// The nearest place on the raster.
pub fn snapped(pos_in_canvas: Pos2) -> Position {
    let snap = |value: f32| (value / SNAP as f32).round() as i32 * SNAP;
    Position { x: snap(pos_in_canvas.x), y: snap(pos_in_canvas.y) }
}

pub fn to_pos(position: Position) -> Pos2 {
    pos2(position.x as f32, position.y as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zooming_keeps_what_is_under_the_pointer_in_place() {
        let mut camera = Camera { center: pos2(120.0, -40.0), ..Camera::default() };
        let pointer = pos2(200.0, 100.0);
        let before = camera.to_canvas(pointer);
        for factor in [1.3, 0.4, 5.0] {
            camera.zoom_at(pointer, factor);
            assert!((camera.to_canvas(pointer) - before).length() < 0.01);
        }
    }

    #[test]
    fn fitting_shows_the_whole_and_never_enlarges() {
        let mut camera = Camera::default();
        let far = Rect::from_min_size(pos2(5_000.0, 5_000.0), vec2(3_000.0, 900.0));
        camera.fit(far);
        assert!(camera.visible().contains_rect(far));
        camera.fit(Rect::from_min_size(Pos2::ZERO, vec2(10.0, 10.0)));
        assert_eq!(camera.zoom, 1.0);
    }

    #[test]
    fn places_snap_to_the_nearest_raster_point() {
        assert_eq!(snapped(pos2(11.9, -4.1)), Position { x: 8, y: -8 });
        assert_eq!(snapped(pos2(12.1, -3.9)), Position { x: 16, y: 0 });
    }
}
