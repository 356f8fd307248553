//! Small brushes that the node, wire and ground drawing share: text that is cut with an ellipsis, at the camera's zoom.

use std::sync::Arc;

use egui::epaint::CubicBezierShape;
use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{Color32, CornerRadius, FontId, Galley, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Vec2, vec2};

use super::course::Course;
use crate::theme::{Theme, radius, space};

/// A font at the camera's zoom, in half-point steps so that zooming does not fill the glyph cache.
pub fn zoomed(font: FontId, zoom: f32) -> FontId {
    FontId { size: (font.size * zoom * 2.0).round().max(8.0) / 2.0, ..font }
}

/// One line of text, cut with an ellipsis where it is wider than `max_width`.
pub fn line(painter: &Painter, text: &str, font: FontId, color: Color32, max_width: f32) -> Arc<Galley> {
    let mut job = LayoutJob::single_section(text.to_owned(), TextFormat::simple(font, color));
    job.wrap = TextWrapping { max_width, max_rows: 1, break_anywhere: true, overflow_character: Some('…') };
    painter.layout_job(job)
}

/// A small box with text beside the pointer, such as why a wire is refused.
pub fn note(painter: &Painter, theme: &Theme, pos: Pos2, text: &str, color: Color32) {
    let galley = painter.layout(text.to_owned(), theme.body(), color, 280.0);
    let padding = vec2(space::S, space::XS + 2.0);
    let mut rect = Rect::from_min_size(pos + vec2(16.0, 16.0), galley.size() + padding * 2.0);
    let room = painter.clip_rect();
    rect = rect.translate((room.max - rect.max).min(Vec2::ZERO));
    let corner = CornerRadius::same(radius::FIELD);
    painter.rect(rect, corner, theme.panel, Stroke::new(1.0, theme.line_strong), StrokeKind::Inside);
    painter.galley(rect.min + padding, galley, color);
}

/// A course as a stroke, or as dashes.
pub fn course(painter: &Painter, course_in_screen: &Course, stroke: Stroke, is_dashed: bool) {
    let shapes = course_in_screen
        .curves()
        .map(|curve| CubicBezierShape::from_points_stroke(curve, false, Color32::TRANSPARENT, stroke));
    if is_dashed {
        let mut points: Vec<Pos2> = shapes.flat_map(|shape| shape.flatten(Some(0.5))).collect();
        points.dedup();
        painter.extend(Shape::dashed_line(&points, stroke, 6.0, 4.0));
    } else {
        painter.extend(shapes.map(Shape::from));
    }
}

/// The dots of the ground, every 24 canvas points, fewer when zoomed out.
pub fn grid(painter: &Painter, theme: &Theme, camera: &super::camera::Camera) {
    let mut step = 24.0;
    while step * camera.zoom < 16.0 {
        step *= 2.0;
    }
    let seen = camera.visible();
    let side = if camera.zoom < 0.6 { 1.0 } else { 1.5 };
    let mut y = (seen.min.y / step).ceil() * step;
    let mut mesh = egui::Mesh::default();
    while y < seen.max.y {
        let mut x = (seen.min.x / step).ceil() * step;
        while x < seen.max.x {
            let center = camera.to_screen(Pos2::new(x, y));
            mesh.add_colored_rect(Rect::from_center_size(center, Vec2::splat(side)), theme.grid);
            x += step;
        }
        y += step;
    }
    painter.add(mesh);
}
