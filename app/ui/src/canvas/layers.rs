//! The two layers of the canvas, wires below nodes: what of them is seen, and in what detail.
//!
//! Near by, every node and wire is a widget and drawn whole. From afar all go into one mesh, and only what is under the
//! pointer, selected or focused is a widget too. Both layers ask the scene's cells, so what is out of view costs nothing.

use egui::{Pos2, Response, Ui};
use millrace_model::{NodeId, Wire};

use super::batch::Batch;
use super::camera::Detail;
use super::gesture::{self, Gesture};
use super::node::{self, NodeLook};
use super::scene;
use super::sketch::Sketch;
use super::{CanvasState, NumDrawn, nested, status, touch_wire, wire};
use crate::context::ViewContext;

/// How near the pointer must be to a wire to touch it.
const WIRE_REACH: f32 = 6.0;
/// How near the pointer must be to a node for it to become a widget when seen from afar.
const NODE_REACH: f32 = 12.0;

/// The node or wire that has the keyboard; it stays a widget wherever it is.
#[derive(Debug, Default)]
pub struct Focused {
    pub node: Option<NodeId>,
    pub wire: Option<Wire>,
}

/// Draws the wires that are seen; gives the one under the pointer.
pub fn wires_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, state: &mut CanvasState, ground: &Response) -> Option<Wire> {
    let pointer = if ground.contains_pointer() { ground.hover_pos() } else { None };
    let (camera, scene) = (state.camera, &state.scene);
    let seen = camera.visible().expand(20.0 / camera.zoom);
    let candidates = match &state.gesture {
        Gesture::Move { .. } => (0..scene.wires.len()).collect(),
        _ => scene.wires_near(seen),
    };
    let mut curves = Vec::with_capacity(candidates.len());
    let mut nearest: Option<(f32, usize)> = None;
    for index in candidates {
        let curve = scene.wires[index].curve(&scene.nodes, |id| state.gesture.shift_of(id));
        if !scene::bounds_of(&curve).intersects(seen) {
            continue;
        }
        let curve = curve.map(|pos| camera.to_screen(pos));
        if let Some(pointer) = pointer
            && scene::bounds_of(&curve).expand(WIRE_REACH).contains(pointer)
        {
            let distance = scene::distance_to(&curve, pointer);
            if distance <= WIRE_REACH && nearest.is_none_or(|(best, _)| distance < best) {
                nearest = Some((distance, index));
            }
        }
        curves.push((index, curve));
    }
    let hovered = nearest.map(|(_, index)| index).filter(|_| state.gesture.is_none());
    let mut batch = Batch::default();
    let mut widgets = Vec::new();
    for (index, curve) in &curves {
        let item = &scene.wires[*index];
        let is_marked = hovered == Some(*index)
            || cx.selection.wires.contains(&item.wire)
            || state.focused.wire.as_ref() == Some(&item.wire);
        let look = wire::WireLook::of(cx, item, &scene.nodes, &camera, hovered == Some(*index));
        if look.is_plain() {
            batch.curve(curve, look.width, look.color);
        }
        if camera.detail() == Detail::Full || is_marked || !look.is_plain() {
            widgets.push((*index, *curve, look));
        }
    }
    batch.paint(ui.painter());
    state.num_drawn.wires = curves.len();
    state.focused.wire = None;
    for (index, curve, look) in widgets {
        let wire = &state.scene.wires[index];
        let handle = wire::wire_ui(ui, cx, &camera, wire, curve, &look);
        if handle.has_focus() {
            state.focused.wire = Some(wire.wire.clone());
        }
        if handle.clicked() {
            touch_wire(ui, cx, &wire.wire);
        }
    }
    hovered.map(|index| state.scene.wires[index].wire.clone())
}

/// Draws the nodes that are seen, selected ones on top, and takes in what happened to them.
pub fn nodes_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, state: &mut CanvasState) {
    let (camera, detail) = (state.camera, state.camera.detail());
    let seen = camera.visible().expand(40.0);
    let slow = status::bottleneck(cx);
    state.slow.clone_from(&slow);
    let slow = slow.as_ref().and_then(|slow| cx.document.pipeline().seen_at(slow, state.level()));
    let faults = nested::worst_faults(cx);
    let mut order = match &state.gesture {
        Gesture::Move { .. } => (0..state.scene.nodes.len()).collect(),
        _ => state.scene.nodes_near(seen),
    };
    let rect_of = |index: usize| {
        let node = &state.scene.nodes[index];
        node.rect.translate(state.gesture.shift_of(&node.id))
    };
    order.retain(|index| rect_of(*index).intersects(seen));
    if !cx.selection.nodes.is_empty() {
        order.sort_by_key(|index| cx.selection.nodes.contains(&state.scene.nodes[*index].id));
    }
    let pointer = pointer_of(ui, state);
    let mut views = Vec::new();
    let mut sketch = Sketch::new(cx.theme, camera);
    let mut touched = Vec::new();
    for index in &order {
        let node = &state.scene.nodes[*index];
        let rect = rect_of(*index);
        let look = NodeLook {
            is_selected: cx.selection.nodes.contains(&node.id),
            is_slow: slow == Some(&node.id),
            is_wiring: state.gesture.is_wiring(),
            fault: faults.get(&node.id).copied(),
        };
        if detail == Detail::Full {
            if node.has_view {
                views.push(node.id.clone());
            }
            touched.push((*index, rect, look));
            continue;
        }
        sketch.add(ui.painter(), cx, node, rect, look);
        let is_near = pointer.is_some_and(|pointer| rect.expand(NODE_REACH / camera.zoom).contains(pointer));
        if is_near
            || state.wants_focus.as_ref() == Some(&node.id)
            || state.focused.node.as_ref() == Some(&node.id)
            || cx.selection.single_node() == Some(&node.id)
        {
            touched.push((*index, rect, look));
        }
    }
    sketch.paint(ui.painter());
    state.visible_views = views;
    state.num_drawn = NumDrawn { nodes: order.len(), ..state.num_drawn };
    let mut events = Vec::with_capacity(touched.len());
    let mut focused = None;
    for (index, rect, look) in touched {
        let node = &state.scene.nodes[index];
        let happened = node::node_ui(ui, cx, &camera, node, rect, look);
        if state.wants_focus.as_ref() == Some(&node.id) {
            happened.body.request_focus();
            focused = Some(node.id.clone());
        }
        if happened.has_focus() {
            focused = Some(node.id.clone());
        }
        events.push((index, happened));
    }
    if state.wants_focus.is_some() && state.wants_focus == focused {
        state.wants_focus = None;
    }
    state.focused.node = focused;
    for (index, events) in events {
        gesture::node_events(ui, cx, state, index, &events);
    }
}

/// Where the pointer is, or where it was pressed while it is down.
fn pointer_of(ui: &Ui, state: &CanvasState) -> Option<Pos2> {
    let pointer = ui.input(|input| input.pointer.press_origin().or(input.pointer.latest_pos()))?;
    state.camera.viewport.contains(pointer).then(|| state.camera.to_canvas(pointer))
}
