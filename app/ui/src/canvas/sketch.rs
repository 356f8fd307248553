//! Nodes seen from afar: cards with a title, or blocks of the section's colour, all in one mesh.
//!
//! It only paints. Which nodes are near enough to be widgets too is decided in [`super::node_layer`].

use std::sync::Arc;

use egui::{Align2, Color32, Galley, Painter, Pos2, Rect, pos2, vec2};
use millrace_model::Severity;

use super::batch::Batch;
use super::camera::{Camera, Detail};
use super::nested;
use super::node::NodeLook;
use super::paint;
use super::scene::{SceneNode, Shape};
use crate::context::ViewContext;
use crate::icon::icon;
use crate::theme::{Theme, radius, size};

/// Titles never shrink below this, else they could not be read.
const MIN_TITLE: f32 = 8.0;

/// A drawing that grows by one node after the other.
pub struct Sketch<'a> {
    theme: &'a Theme,
    camera: Camera,
    batch: Batch,
    titles: Vec<(Pos2, Arc<Galley>, Color32)>,
    signs: Vec<(Pos2, &'static str, Color32)>,
}

impl<'a> Sketch<'a> {
    pub fn new(theme: &'a Theme, camera: Camera) -> Self {
        Self { theme, camera, batch: Batch::default(), titles: Vec::new(), signs: Vec::new() }
    }

    pub fn add(
        &mut self,
        painter: &Painter,
        cx: &ViewContext<'_>,
        node: &SceneNode,
        rect_in_canvas: Rect,
        look: NodeLook,
    ) {
        let (theme, zoom) = (self.theme, self.camera.zoom);
        let rect = self.camera.rect_to_screen(rect_in_canvas);
        let section = node.section.map_or(theme.text_weak, |section| theme.section_color(section));
        let section = if node.is_disabled { theme.text_weak } else { section };
        let is_failed = |id: &millrace_model::NodeId| cx.live.failure_at(id).is_some();
        let has_failed = is_failed(&node.id) || nested::inside(node).iter().any(is_failed);
        let fault = match look.fault {
            _ if has_failed => Some(("x-circle", theme.error)),
            Some(Severity::Error) => Some(("warning-circle", theme.error)),
            Some(_) => Some(("warning", theme.warning)),
            None => None,
        };
        let border = if look.is_selected { theme.accent } else { fault.map_or(theme.line, |(_, color)| color) };
        let cut = f32::from(radius::CARD) * zoom * 0.35;
        let width = if look.is_selected { 2.0 } else { 1.0 };
        if self.camera.detail() == Detail::Block {
            if look.is_selected || fault.is_some() {
                self.batch.card(rect.expand(width), cut, border);
            }
            let color = if node.is_disabled { theme.line_strong } else { section };
            self.batch.card(rect, cut, color);
            return;
        }
        if matches!(node.shape, Shape::Nested { .. }) {
            let below = rect.translate(vec2(6.0, 6.0) * zoom);
            self.batch.card(below.expand(1.0), cut, theme.line);
            self.batch.card(below, cut, theme.raised);
        }
        self.batch.card(rect.expand(width), cut, border);
        self.batch.card(rect, cut, theme.panel);
        let bar = Rect::from_min_max(
            rect.min + vec2(0.0, 8.0) * zoom,
            pos2(rect.min.x + 4.0 * zoom, rect.max.y - 8.0 * zoom),
        );
        self.batch.rect(bar, section);
        let color = if node.is_disabled { theme.text_weak } else { theme.text_strong };
        let font = theme.semibold((size::TITLE * zoom).max(MIN_TITLE));
        let sign_width = if fault.is_some() { 28.0 * zoom } else { 0.0 };
        let title = paint::line(painter, &node.title, font, color, rect.width() - 18.0 * zoom - sign_width);
        self.titles.push((pos2(rect.min.x + 10.0 * zoom, rect.center().y - title.size().y / 2.0), title, color));
        if let Some((sign, color)) = fault {
            self.signs.push((pos2(rect.max.x - 8.0 * zoom, rect.center().y), sign, color));
        }
    }

    pub fn paint(self, painter: &Painter) {
        self.batch.paint(painter);
        for (pos, title, color) in self.titles {
            painter.galley(pos, title, color);
        }
        let font = paint::zoomed(self.theme.icon_font(size::ICON * 1.5), self.camera.zoom);
        for (pos, sign, color) in self.signs {
            painter.text(pos, Align2::RIGHT_CENTER, icon(sign), font.clone(), color);
        }
    }
}
