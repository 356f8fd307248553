//! Many things of the canvas as one mesh: wires as strips with soft edges, cards and blocks as a few triangles.
//!
//! What is drawn by the thousand goes this way, because each shape of its own costs more to tessellate than it holds.
//! All places are in screen points; colours come from the caller.

use egui::{Color32, Mesh, Pos2, Rect, pos2, vec2};

use super::course::{Course, point_on};

/// Screen points between two corners of a curve.
const CURVE_STEP: f32 = 12.0;
const MAX_STEPS: usize = 28;
/// The width of the soft edge, which stands in for anti-aliasing.
const SOFT: f32 = 1.0;

/// A mesh that grows.
#[derive(Debug, Default)]
pub struct Batch {
    mesh: Mesh,
}

impl Batch {
    pub fn paint(self, painter: &egui::Painter) {
        if !self.mesh.is_empty() {
            painter.add(self.mesh);
        }
    }

    /// A stroke along a course. Strokes thinner than a point are drawn fainter instead.
    pub fn course(&mut self, course: &Course, width: f32, color: Color32) {
        for curve in course.curves() {
            self.curve(&curve, width, color);
        }
    }

    /// A stroke along one curve.
    pub fn curve(&mut self, curve: &[Pos2; 4], width: f32, color: Color32) {
        let length: f32 = curve.windows(2).map(|pair| pair[0].distance(pair[1])).sum();
        let span = curve[0].x.min(curve[3].x)..=curve[0].x.max(curve[3].x);
        let is_straight = curve[1..].iter().all(|point| (point.y - curve[0].y).abs() < 0.5 && span.contains(&point.x));
        let num_steps = if is_straight { 1 } else { ((length / CURVE_STEP).ceil() as usize).clamp(1, MAX_STEPS) };
        let color = if width < 1.0 { color.gamma_multiply(width.max(0.0)) } else { color };
        let inner = ((width - SOFT) / 2.0).max(0.0);
        let outer = inner + SOFT;
        // Across the stroke: clear, full, full, clear; a thin one has a single full line.
        let sides: &[(f32, Color32)] = if inner > 0.0 {
            &[(-outer, Color32::TRANSPARENT), (-inner, color), (inner, color), (outer, Color32::TRANSPARENT)]
        } else {
            &[(-outer, Color32::TRANSPARENT), (0.0, color), (outer, Color32::TRANSPARENT)]
        };
        let num_sides = sides.len() as u32;
        let first = self.mesh.vertices.len() as u32;
        let mut before = curve[0];
        for step in 0..=num_steps {
            let point = point_on(curve, step as f32 / num_steps as f32);
            // At both ends the direction is known, and the same as that of the curve that joins there.
            let along = match step {
                0 => curve[1] - curve[0],
                _ if step == num_steps => curve[3] - curve[2],
                _ => point - before,
            };
            let normal = (if along.length_sq() > 1e-6 { along.normalized() } else { vec2(1.0, 0.0) }).rot90();
            for (distance, color) in sides {
                self.mesh.colored_vertex(point + normal * *distance, *color);
            }
            before = point;
        }
        for step in 0..num_steps as u32 {
            for side in 0..num_sides - 1 {
                let a = first + step * num_sides + side;
                self.mesh.add_triangle(a, a + 1, a + num_sides);
                self.mesh.add_triangle(a + 1, a + num_sides, a + num_sides + 1);
            }
        }
    }

    /// A rectangle whose corners are cut by `cut`, which at small sizes looks like rounding.
    pub fn card(&mut self, rect: Rect, cut: f32, color: Color32) {
        let cut = cut.min(rect.width() / 2.0).min(rect.height() / 2.0);
        let first = self.mesh.vertices.len() as u32;
        let (min, max) = (rect.min, rect.max);
        let corners = [
            pos2(min.x + cut, min.y),
            pos2(max.x - cut, min.y),
            pos2(max.x, min.y + cut),
            pos2(max.x, max.y - cut),
            pos2(max.x - cut, max.y),
            pos2(min.x + cut, max.y),
            pos2(min.x, max.y - cut),
            pos2(min.x, min.y + cut),
        ];
        for corner in corners {
            self.mesh.colored_vertex(corner, color);
        }
        for corner in 1..7 {
            self.mesh.add_triangle(first, first + corner, first + corner + 1);
        }
    }

    /// Whether something is drawn at `pos`.
    #[cfg(test)]
    pub fn covers(&self, pos: Pos2) -> bool {
        self.mesh.triangles().any(|corners| {
            let [a, b, c] = corners.map(|corner| self.mesh.vertices[corner as usize].pos);
            let side = |from: Pos2, to: Pos2| (to - from).rot90().dot(pos - from);
            let sides = [side(a, b), side(b, c), side(c, a)];
            sides.iter().all(|side| *side >= 0.0) || sides.iter().all(|side| *side <= 0.0)
        })
    }

    pub fn rect(&mut self, rect: Rect, color: Color32) {
        self.mesh.add_colored_rect(rect, color);
    }
}

#[cfg(test)]
mod tests {
    use super::super::course::Course;
    use super::*;

    #[test]
    fn a_stroke_is_as_wide_as_asked_and_ends_at_its_ends() {
        let course = Course::direct(pos2(10.0, 20.0), pos2(210.0, 120.0));
        let mut batch = Batch::default();
        batch.course(&course, 3.0, Color32::WHITE);
        let bounds = batch.mesh.calc_bounds();
        assert!((bounds.min.x - 10.0).abs() < 0.1 && (bounds.max.x - 210.0).abs() < 0.1, "{bounds:?}");
        assert!((bounds.min.y - 18.0).abs() < 0.1 && (bounds.max.y - 122.0).abs() < 0.1, "{bounds:?}");
        assert!(batch.mesh.is_valid());
    }

    #[test]
    fn short_and_straight_wires_cost_few_vertices() {
        let mut batch = Batch::default();
        let from_afar = Course::direct(pos2(0.0, 0.0), pos2(100.0, 40.0)).map(|pos| (pos.to_vec2() * 0.05).to_pos2());
        batch.course(&from_afar, 1.0, Color32::WHITE);
        batch.course(&Course::direct(pos2(0.0, 50.0), pos2(900.0, 50.0)), 1.0, Color32::WHITE);
        assert!(batch.mesh.vertices.len() <= 24, "{}", batch.mesh.vertices.len());
    }
}
