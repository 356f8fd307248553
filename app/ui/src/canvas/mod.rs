//! The canvas: the pipeline as cards and wires that can be moved, wired, selected and looked into.
//!
//! Everything is drawn with the painter and only what is seen (see [`node_layer`] and [`wire_layer`]); near by, each node, port and wire is a
//! widget with a role and a name, so that keyboard, screen readers and tests reach it. What the pointer is in the middle of stands in
//! [`gesture::Gesture`]; nothing changes the pipeline but the commands that are pushed.

mod annotation;
mod batch;
mod bundle;
mod camera;
mod cells;
mod comparison;
mod course;
mod crumbs;
mod gesture;
mod ground;
mod layered;
pub(crate) mod layout;
mod level;
mod look;
mod minimap;
mod nested;
mod node;
mod node_layer;
mod outline;
mod paint;
mod routes;
mod scene;
mod search;
mod sketch;
mod status;
mod thumbnail;
mod urgency;
mod walk;
mod wire;
mod wire_layer;

use std::collections::BTreeMap;

use egui::accesskit::Role;
use egui::{Key, PointerButton, Pos2, Rect, Sense, Ui, Vec2, WidgetInfo};
use millrace_model::{Edit, LayoutId, NodeId, Pipeline, Position, Wire};
use millrace_protocol::ProjectId;

pub use camera::{Camera, snapped, to_pos};
pub use comparison::ChangeMark;
pub use gesture::NUDGE;
pub use level::View;
pub use look::CanvasLook;
pub use paint::line;
pub use thumbnail::Thumbnail;

use self::comparison::Ghosts;
use self::gesture::Gesture;
use self::level::{Journey, Levels};
use self::node_layer::Focused;
use self::scene::Scene;
use self::search::Search;
use self::urgency::Backlog;
use crate::context::ViewContext;

/// What the canvas keeps between frames.
#[derive(Debug, Default)]
pub struct CanvasState {
    pub camera: Camera,
    pub look: CanvasLook,
    levels: Levels,
    journey: Journey,
    search: Option<Search>,
    /// The group or note that is being typed into.
    writing: Option<LayoutId>,
    /// Its field is new and is to take the focus.
    wants_to_write: bool,
    /// The node that slowed the others in the last frame.
    slow: Option<NodeId>,
    wants_bounds: Option<Rect>,
    /// The wire that the open context menu is about.
    menu_wire: Option<Wire>,
    scene: Scene,
    shown: Option<Shown>,
    /// The same, of what the accessibility tree has been told.
    outlined: Option<Shown>,
    ghosts: Ghosts,
    backlog: Backlog,
    gesture: Gesture,
    wants_fit: bool,
    wants_to_see: Option<NodeId>,
    visible_views: Vec<NodeId>,
    pointer_in_canvas: Option<Pos2>,
    wants_quick_add: bool,
    num_drawn: NumDrawn,
    focused: Focused,
    /// The node that is to get the keyboard in the next frame.
    wants_focus: Option<NodeId>,
}

/// What a scene shows: the nested pipeline that is open, of a project at a generation.
#[derive(Debug, Clone, PartialEq)]
struct Shown {
    project: ProjectId,
    generation: u64,
    level: Option<NodeId>,
}

/// What was drawn in the last frame.
#[derive(Debug, Clone, Copy, Default)]
struct NumDrawn {
    nodes: usize,
    wires: usize,
}

/// What part of the canvas is seen, and how much of the pipeline that is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CanvasView {
    /// Where the canvas stands on the screen.
    pub viewport: Rect,
    pub seen_in_canvas: Rect,
    /// Nodes drawn in the last frame.
    pub num_nodes: usize,
    pub num_wires: usize,
}

impl CanvasState {
    pub fn view(&self) -> CanvasView {
        CanvasView {
            viewport: self.camera.viewport,
            seen_in_canvas: self.camera.visible(),
            num_nodes: self.num_drawn.nodes,
            num_wires: self.num_drawn.wires,
        }
    }

    /// Whether the canvas has been drawn with this project.
    pub fn shows(&self, project: ProjectId) -> bool {
        self.shown.as_ref().is_some_and(|shown| shown.project == project)
    }

    /// The view nodes that were seen in the last frame.
    pub fn visible_views(&self) -> &[NodeId] {
        &self.visible_views
    }

    /// The present view is about to be left by a jump; `go_back` leads to it.
    pub fn leave_view(&mut self) {
        let here = self.view_now();
        self.journey.leave(here);
    }

    pub fn go_back(&mut self, pipeline: &Pipeline) {
        if let Some(view) = self.journey.back(self.view_now()) {
            self.show(pipeline, &view);
        }
    }

    pub fn go_forward(&mut self, pipeline: &Pipeline) {
        if let Some(view) = self.journey.forward(self.view_now()) {
            self.show(pipeline, &view);
        }
    }

    /// Whether there is a view to go back to, and one to go forward to.
    pub fn can_travel(&self) -> (bool, bool) {
        self.journey.can_travel()
    }

    /// Shows another view; going back leads here again.
    pub fn go_to(&mut self, pipeline: &Pipeline, view: &View) {
        self.leave_view();
        self.show(pipeline, view);
    }

    /// Shows all of `bounds_in_canvas` in the next frame.
    pub fn fit(&mut self, bounds_in_canvas: Rect) {
        self.leave_view();
        self.wants_bounds = Some(bounds_in_canvas);
    }

    /// Opens the search for nodes.
    pub fn search(&mut self) {
        self.search = Some(Search::new());
    }

    /// Opens the title of a group or the text of a note for typing.
    pub fn write(&mut self, id: LayoutId) {
        self.writing = Some(id);
        self.wants_to_write = true;
    }

    /// The node that slowed the others when it was last looked.
    pub fn slow(&self) -> Option<&NodeId> {
        self.slow.as_ref()
    }

    /// Where all nodes stand, placed by a person or not.
    pub fn rects(&self) -> Vec<(NodeId, Rect)> {
        self.scene.nodes.iter().map(|node| (node.id.clone(), node.rect)).collect()
    }

    pub fn rect_of(&self, id: &NodeId) -> Option<Rect> {
        self.scene.node(id).map(|node| node.rect)
    }

    /// Where a node stood that is gone since the compared revision.
    pub fn ghost_rect_of(&self, id: &NodeId) -> Option<Rect> {
        self.ghosts.rect_of(id)
    }

    /// A place for a new node around `corner` where it covers no other.
    pub fn free_place(&self, corner: Pos2) -> Position {
        snapped(self.scene.free_place(corner, Vec2::new(176.0, 76.0)))
    }

    /// Shows the whole pipeline in the next frame.
    pub fn zoom_to_fit(&mut self) {
        self.leave_view();
        self.wants_fit = true;
    }

    /// Brings the node into view in the next frame.
    pub fn bring_into_view(&mut self, id: &NodeId) {
        self.wants_to_see = Some(id.clone());
    }

    /// Whether the pointer was over the canvas in the last frame.
    pub fn is_pointer_over(&self) -> bool {
        self.pointer_in_canvas.is_some()
    }

    /// Opens the list of nodes at the pointer in the next frame.
    pub fn quick_add(&mut self) {
        self.wants_quick_add = true;
    }

    pub fn zoom_by(&mut self, factor: f32) {
        let anchor = self.camera.viewport.center();
        self.camera.zoom_at(anchor, factor);
    }

    /// A free place in the middle of what is seen.
    pub fn place_in_middle(&self) -> Position {
        self.free_place(self.camera.center - Vec2::new(88.0, 38.0))
    }

    /// The edit that pins down the nodes that nobody has placed, so that adding or moving one does not shift the rest.
    pub fn pin_unplaced(&self, pipeline: &Pipeline, except: impl Fn(&NodeId) -> bool) -> Option<Edit> {
        let positions: BTreeMap<NodeId, Option<Position>> = self
            .scene
            .nodes
            .iter()
            .filter(|node| pipeline.node(&node.id).is_some() && pipeline.position(&node.id).is_none())
            .filter(|node| !except(&node.id))
            .map(|node| (node.id.clone(), Some(snapped(node.rect.min))))
            .collect();
        (!positions.is_empty()).then_some(Edit::Move { positions })
    }

    /// The other nodes, nearest first; of a big pipeline only the nearest two hundred.
    pub fn nodes_by_distance(&self, id: &NodeId) -> Vec<NodeId> {
        const MOST: usize = 200;
        let Some(here) = self.scene.node(id) else { return Vec::new() };
        let distance = |node: &scene::SceneNode| node.rect.center().distance(here.rect.center());
        let mut others: Vec<&scene::SceneNode> = self.scene.nodes.iter().filter(|node| node.id != *id).collect();
        others.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
        others.into_iter().take(MOST).map(|node| node.id.clone()).collect()
    }

    /// Where the nodes stand, placed by a person or not.
    pub fn position_of(&self, id: &NodeId) -> Option<Position> {
        self.scene.node(id).map(|node| snapped(node.rect.min))
    }

    fn refresh(&mut self, cx: &ViewContext<'_>) {
        let (project, generation) = (cx.document.project(), cx.document.generation());
        if self.shown.as_ref().map(|shown| shown.project) != Some(project) {
            self.levels = Levels::default();
            self.wants_fit = true;
            self.gesture = Gesture::None;
            self.journey = Journey::default();
            self.search = None;
            self.writing = None;
        }
        self.follow(cx.pipeline());
        let now = Some(Shown { project, generation, level: self.level().cloned() });
        if self.shown != now {
            self.scene = Scene::new(cx.pipeline(), cx.catalog, self.level());
            self.shown = now;
        }
    }
}

/// Draws the canvas into the whole of `ui`.
///
/// `has_focus` says that the keyboard is at the canvas as a whole.
pub fn canvas_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, state: &mut CanvasState, has_focus: bool) {
    let rect = ui.available_rect_before_wrap();
    ui.set_clip_rect(rect.intersect(ui.clip_rect()));
    let ground = ui.interact(rect, ui.scope_id().with("ground"), Sense::click_and_drag());
    ground.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, "canvas"));
    ui.advance_cursor_after_rect(rect);
    state.camera.viewport = rect;
    state.refresh(cx);
    outline::update(ui, cx, state);
    walk::take_keys(ui, cx, state, has_focus);
    navigate(ui, state);

    if state.look.grid {
        paint::grid(ui.painter(), cx.theme, &state.camera);
    }
    if state.scene.nodes.is_empty() && cx.pipeline().notes_at(state.level()).next().is_none() {
        ground::empty_hint(ui, cx, rect, state.level().is_some());
    }
    annotation::annotations_ui(ui, cx, state);
    comparison::ghosts_ui(ui, cx, state);
    let touched = wire_layer::wires_ui(ui, cx, state, &ground);
    node_layer::nodes_ui(ui, cx, state);
    comparison::marks_ui(ui, cx, state);
    gesture::draw_and_finish(ui, cx, state);
    minimap::minimap_ui(ui, cx, state);
    ground::events(ui, cx, state, &ground, touched);
    search::search_ui(ui, cx, state);
    crumbs::crumbs_ui(ui, cx, state);
}

fn navigate(ui: &Ui, state: &mut CanvasState) {
    if std::mem::take(&mut state.wants_fit) {
        match state.scene.bounds() {
            Some(bounds) => state.camera.fit(bounds),
            None => state.camera = Camera { viewport: state.camera.viewport, ..Camera::default() },
        }
    }
    if let Some(bounds) = state.wants_bounds.take() {
        state.camera.fit(bounds);
    }
    if let Some(node) = state.wants_to_see.take().and_then(|id| state.scene.node(&id)) {
        state.camera.bring_into_view(node.rect);
    }
    let is_over = ui.rect_contains_pointer(state.camera.viewport);
    let (scroll, zoom, pointer, delta, is_panning) = ui.input(|input| {
        let space = input.key_down(Key::Space);
        let is_panning = input.pointer.button_down(PointerButton::Middle) || (space && input.pointer.primary_down());
        (input.smooth_scroll_delta(), input.zoom_delta(), input.pointer.latest_pos(), input.pointer.delta(), is_panning)
    });
    state.pointer_in_canvas = pointer.filter(|_| is_over).map(|pos| state.camera.to_canvas(pos));
    if !is_over {
        return;
    }
    if let (true, Some(pointer)) = (zoom != 1.0, pointer) {
        state.camera.zoom_at(pointer, zoom);
    } else if scroll != Vec2::ZERO {
        state.camera.pan(scroll);
    }
    if is_panning && !ui.text_edit_focused() {
        state.camera.pan(delta);
        ui.set_cursor_icon(egui::CursorIcon::Grabbing);
    }
}
