//! What differs from the chosen revision, on the canvas: marks on nodes and wires that are new or other, and ghosts of
//! those that are gone.
//!
//! It only paints and says; nothing of it can be changed. A state has a sign and a word besides its colour.

use egui::accesskit::Role;
use egui::{CornerRadius, Pos2, Rect, Sense, Shape, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, vec2};
use millrace_model::{NodeChange, NodeId, Wire};

use super::CanvasState;
use super::bundle::togetherness;
use super::camera::Detail;
use super::course::Course;
use super::paint;
use super::scene::{Scene, SceneWire};
use crate::context::ViewContext;
use crate::icon::icon;
use crate::theme::{Theme, radius, size};

/// What became of something since the revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeMark {
    Added,
    Changed,
    Removed,
    Moved,
}

impl ChangeMark {
    pub fn of(change: &NodeChange) -> Self {
        match change {
            NodeChange::Added => Self::Added,
            NodeChange::Removed => Self::Removed,
            NodeChange::Changed(_) => Self::Changed,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Moved => "moved",
        }
    }

    pub fn icon(self) -> &'static str {
        match self {
            Self::Added => "plus-circle",
            Self::Changed => "pencil-simple",
            Self::Removed => "minus-circle",
            Self::Moved => "arrow-right",
        }
    }

    pub fn color(self, theme: &Theme) -> egui::Color32 {
        match self {
            Self::Added => theme.ok,
            Self::Changed => theme.warning,
            Self::Removed => theme.error,
            Self::Moved => theme.text_weak,
        }
    }
}

/// What the revision held that is no more.
#[derive(Debug, Default)]
pub struct Ghosts {
    key: Option<(i64, u64, Option<NodeId>)>,
    nodes: Vec<Ghost>,
    wires: Vec<(Wire, Course)>,
}

#[derive(Debug)]
struct Ghost {
    id: NodeId,
    title: String,
    rect_in_canvas: Rect,
}

impl Ghosts {
    /// Where a node that is gone stood.
    pub fn rect_of(&self, id: &NodeId) -> Option<Rect> {
        self.nodes.iter().find(|ghost| ghost.id == *id).map(|ghost| ghost.rect_in_canvas)
    }

    fn refresh(&mut self, cx: &ViewContext<'_>, now: &Scene, level: Option<&NodeId>) {
        let Some(compared) = cx.compared else {
            *self = Self::default();
            return;
        };
        let (revision, generation) = compared.key();
        let key = Some((revision, generation, level.cloned()));
        if self.key == key {
            return;
        }
        let then = Scene::new(&compared.pipeline, cx.catalog, level);
        let is_gone = |id: &NodeId| matches!(compared.changes.nodes.get(id), Some(NodeChange::Removed));
        let gone = then.nodes.iter().filter(|node| is_gone(&node.id));
        let ghost = |node: &super::scene::SceneNode| Ghost {
            id: node.id.clone(),
            title: node.title.clone(),
            rect_in_canvas: node.rect,
        };
        let nodes = gone.map(ghost).collect();
        // A wire of which only one end is gone leads from where the other end is now.
        let corner = |id: &NodeId| now.node(id).or_else(|| then.node(id)).map(|node| node.rect.min);
        let course = |wire: &SceneWire| {
            let (from, to) = (corner(&wire.wire.from.node)?, corner(&wire.wire.to.node)?);
            Some((wire.wire.clone(), Course::direct(from + wire.from_offset, to + wire.to_offset)))
        };
        let removed = then.wires.iter().filter(|wire| compared.changes.removed_wires.contains(&wire.wire));
        let wires = removed.filter_map(course).collect();
        *self = Self { key, nodes, wires };
    }
}

/// Draws what is gone, below everything that is there.
pub fn ghosts_ui(ui: &mut Ui, cx: &ViewContext<'_>, state: &mut CanvasState) {
    let level = state.level().cloned();
    state.ghosts.refresh(cx, &state.scene, level.as_ref());
    if cx.compared.is_none() {
        return;
    }
    let (theme, camera, mark) = (cx.theme, state.camera, ChangeMark::Removed);
    let seen = camera.visible();
    let stroke = Stroke::new((1.5 * camera.zoom).clamp(1.0, 2.0), mark.color(theme));
    for (wire, course) in state.ghosts.wires.iter().filter(|(_, course)| course.bounds().intersects(seen)) {
        let course = course.map(|pos| camera.to_screen(pos));
        paint::course(ui.painter(), &course, stroke, true);
        sign_ui(ui, cx, course.point_at(0.5), mark, &format!("removed wire {wire}"));
    }
    for ghost in state.ghosts.nodes.iter().filter(|ghost| ghost.rect_in_canvas.intersects(seen)) {
        let rect = camera.rect_to_screen(ghost.rect_in_canvas);
        let corner = f32::from(radius::CARD) * camera.zoom;
        ui.painter().rect_filled(rect, CornerRadius::same(corner as u8), theme.error_ground.gamma_multiply(0.6));
        let path = [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom(), rect.left_top()];
        ui.painter().extend(Shape::dashed_line(&path, stroke, 6.0, 4.0));
        if camera.detail() != Detail::Block {
            let font = paint::zoomed(theme.semibold(size::TITLE), camera.zoom);
            let title = paint::line(ui.painter(), &ghost.title, font, theme.text, rect.width() - 24.0 * camera.zoom);
            ui.painter().galley(rect.center() - title.size() / 2.0, title, theme.text);
        }
    }
}

/// Draws the marks of what is new, other or gone, above everything.
pub fn marks_ui(ui: &mut Ui, cx: &ViewContext<'_>, state: &CanvasState) {
    let Some(compared) = cx.compared else { return };
    let (theme, camera) = (cx.theme, state.camera);
    let seen = camera.visible();
    let shift = |id: &NodeId| state.gesture.shift_of(id);
    for ghost in state.ghosts.nodes.iter().filter(|ghost| ghost.rect_in_canvas.intersects(seen)) {
        let rect = camera.rect_to_screen(ghost.rect_in_canvas);
        tag_ui(ui, cx, rect, ChangeMark::Removed, &format!("removed node {}", ghost.title), camera.detail());
    }
    for index in state.scene.wires_near(seen) {
        let wire = &state.scene.wires[index];
        if compared.changes.new_wires.contains(&wire.wire) {
            let (course, _) = state.scene.drawn(index, shift, togetherness(camera.zoom));
            sign_ui(
                ui,
                cx,
                camera.to_screen(course.point_at(0.25)),
                ChangeMark::Added,
                &format!("added wire {}", wire.wire),
            );
        }
    }
    for index in state.scene.nodes_near(seen) {
        let node = &state.scene.nodes[index];
        let Some(change) = compared.changes.nodes.get(&node.id) else { continue };
        let mark = ChangeMark::of(change);
        let rect = camera.rect_to_screen(node.rect.translate(shift(&node.id)));
        let corner = CornerRadius::same((f32::from(radius::CARD) * camera.zoom) as u8);
        ui.painter().rect_stroke(rect.expand(3.0), corner, Stroke::new(2.0, mark.color(theme)), StrokeKind::Outside);
        tag_ui(ui, cx, rect, mark, &format!("{} node {}", mark.word(), node.title), camera.detail());
    }
}

/// A sign and a word above the corner of a card; from afar the sign alone.
fn tag_ui(ui: &Ui, cx: &ViewContext<'_>, rect: Rect, mark: ChangeMark, label: &str, detail: Detail) {
    if detail != Detail::Full {
        return sign_ui(ui, cx, rect.left_top(), mark, label);
    }
    let theme = cx.theme;
    let color = mark.color(theme);
    let sign = ui.painter().layout_no_wrap(icon(mark.icon()).to_string(), theme.icon_font(size::BODY), color);
    let word = ui.painter().layout_no_wrap(mark.word().to_owned(), theme.small(), color);
    let extent = vec2(sign.size().x + word.size().x + 16.0, 20.0);
    let tag = Rect::from_min_size(rect.left_top() + vec2(8.0, -extent.y / 2.0 - 4.0), extent);
    ui.painter().rect(tag, CornerRadius::same(radius::PILL), theme.panel, (1.0, color), StrokeKind::Inside);
    let at = |x: f32, height: f32| tag.left_center() + vec2(x, -height / 2.0);
    ui.painter().galley(at(6.0, sign.size().y), sign.clone(), color);
    ui.painter().galley(at(10.0 + sign.size().x, word.size().y), word, color);
    said(ui, tag, label);
}

fn sign_ui(ui: &Ui, cx: &ViewContext<'_>, center: Pos2, mark: ChangeMark, label: &str) {
    let color = mark.color(cx.theme);
    ui.painter().circle(center, 9.0, cx.theme.panel, Stroke::new(1.0, color));
    let font = cx.theme.icon_font(size::BODY);
    ui.painter().text(center, egui::Align2::CENTER_CENTER, icon(mark.icon()), font, color);
    said(ui, Rect::from_center_size(center, Vec2::splat(18.0)), label);
}

/// The mark in words, for those who point at it or cannot see it.
fn said(ui: &Ui, rect: Rect, label: &str) {
    let response = ui.interact(rect, ui.scope_id().with(("change", label)), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, label));
    response.on_hover_text(label);
}
