//! A pipeline as a small picture: a bar in its section's colour for each node, a curve for each wire.
//!
//! The places are those of the canvas ([`Scene`]), computed once; painting only scales them.

use egui::{CornerRadius, Painter, Pos2, Rect, Stroke, StrokeKind, Vec2, pos2};
use millrace_model::{Catalog, Pipeline, Section};

use super::course::Course;
use super::paint;
use super::scene::Scene;
use crate::theme::Theme;

/// Nothing is drawn larger than this share of its size on the canvas.
const MAX_SCALE: f32 = 0.35;

/// The picture, in canvas points.
#[derive(Debug)]
pub struct Thumbnail {
    nodes: Vec<(Rect, Option<Section>)>,
    wires: Vec<(Course, Option<Section>)>,
    bounds: Rect,
}

impl Thumbnail {
    pub fn new(pipeline: &Pipeline, catalog: &Catalog) -> Self {
        let scene = Scene::new(pipeline, catalog, None);
        let section_of = |node: usize| scene.nodes[node].section;
        let wires = scene.wires.iter().map(|wire| (wire.course, section_of(wire.from_node)));
        Self {
            wires: wires.collect(),
            nodes: scene.nodes.iter().map(|node| (node.rect, node.section)).collect(),
            bounds: scene.bounds().unwrap_or(Rect::ZERO),
        }
    }

    /// Fits the picture into the middle of `area`.
    pub fn paint(&self, painter: &Painter, theme: &Theme, area: Rect) {
        let room = area.size() / self.bounds.size().max(Vec2::splat(1.0));
        let scale = room.min_elem().min(MAX_SCALE);
        let place = |pos: Pos2| area.center() + (pos - self.bounds.center()) * scale;
        let color_of =
            |section: Option<Section>| section.map_or(theme.text_weak, |section| theme.section_color(section));
        for (course, section) in &self.wires {
            let stroke = Stroke::new(1.5, color_of(*section).gamma_multiply(0.8));
            paint::course(painter, &course.map(place), stroke, false);
        }
        for (rect, section) in &self.nodes {
            let rect = Rect::from_min_max(place(rect.min), place(rect.max));
            painter.rect(rect, CornerRadius::same(3), theme.raised, theme.line_stroke(), StrokeKind::Inside);
            let bar = Rect::from_min_max(rect.min, pos2(rect.min.x + 4.0, rect.max.y));
            painter.rect_filled(bar, CornerRadius { nw: 3, sw: 3, ne: 0, se: 0 }, color_of(*section));
        }
    }
}
