//! The minimap: the whole pipeline in a corner, each node in the colour of its state, and the part that is seen. While
//! everything is in view there is nothing to find, and it stays away.

use egui::accesskit::Role;
use egui::{Color32, CornerRadius, Rect, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, vec2};

use super::CanvasState;
use super::nested;
use super::status::Status;
use crate::context::ViewContext;
use crate::theme::{radius, space};

const SIZE: Vec2 = vec2(176.0, 112.0);
/// A smaller canvas has no room for it.
const LEAST_CANVAS: Vec2 = vec2(480.0, 280.0);

/// Draws the minimap into the corner of the canvas; a click or a drag moves the view.
pub fn minimap_ui(ui: &Ui, cx: &ViewContext<'_>, state: &mut CanvasState) {
    let viewport = state.camera.viewport;
    let Some(bounds) = state.scene.bounds().filter(|_| state.look.minimap) else { return };
    if viewport.width() < LEAST_CANVAS.x || viewport.height() < LEAST_CANVAS.y {
        return;
    }
    let seen = state.camera.visible();
    let id = ui.scope_id().with("minimap");
    if seen.contains_rect(bounds) && !ui.ctx().is_being_dragged(id) {
        return;
    }
    let rect = Rect::from_min_size(viewport.max - SIZE - Vec2::splat(space::M), SIZE);
    let theme = cx.theme;
    let corner = CornerRadius::same(radius::FIELD);
    ui.painter().rect(rect, corner, theme.panel.gamma_multiply(0.94), theme.line_stroke(), StrokeKind::Outside);
    let world = bounds.expand(80.0);
    let inside = rect.shrink(space::S);
    let scale = (inside.size() / world.size()).min_elem();
    let to_map = |rect: Rect| {
        let place = |pos: egui::Pos2| inside.center() + (pos - world.center()) * scale;
        Rect::from_min_max(place(rect.min), place(rect.max))
    };
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    let faults = nested::worst_faults(cx);
    for node in &state.scene.nodes {
        let status = Status::of(cx, node, faults.get(&node.id).copied());
        let is_calm = status == Status::Ready;
        let section = node.section.map_or(theme.text_weak, |section| theme.section_color(section));
        let color: Color32 = if is_calm { section } else { status.color(theme) };
        let mark = to_map(node.rect.translate(state.gesture.shift_of(&node.id)));
        painter.rect_filled(mark.expand2((Vec2::splat(3.0) - mark.size()).max(Vec2::ZERO) / 2.0), 1, color);
        if cx.selection.nodes.contains(&node.id) {
            painter.rect_stroke(mark.expand(1.0), 1, Stroke::new(1.0, theme.accent), StrokeKind::Outside);
        }
    }
    painter.rect(
        to_map(seen).intersect(rect.shrink(1.0)),
        CornerRadius::same(2),
        theme.accent.gamma_multiply(0.10),
        Stroke::new(1.0, theme.accent),
        StrokeKind::Inside,
    );
    let response = ui.interact(rect, id, Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, "minimap"));
    if let Some(pointer) = response.interact_pointer_pos().filter(|_| response.dragged() || response.clicked()) {
        if response.drag_started() || response.clicked() {
            state.leave_view();
        }
        state.camera.center = world.center() + (pointer - inside.center()) / scale;
    }
}
