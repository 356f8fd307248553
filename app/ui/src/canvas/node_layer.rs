//! The layer of nodes, above the wires: which of them are seen, and in what detail.
//!
//! Near by, every node is a widget and drawn whole. From afar all go into one mesh, and only what is under the pointer,
//! selected or focused is a widget too. The scene's cells are asked, so what is out of view costs nothing.

use egui::{Pos2, Ui};
use millrace_model::{NodeId, Wire};

use super::camera::Detail;
use super::gesture::{self, Gesture};
use super::node::{self, NodeLook};
use super::sketch::Sketch;
use super::{CanvasState, NumDrawn, nested, status};
use crate::context::ViewContext;

/// How near the pointer must be to a node for it to become a widget when seen from afar.
const NODE_REACH: f32 = 12.0;

/// The node or wire that has the keyboard; it stays a widget wherever it is.
#[derive(Debug, Default)]
pub struct Focused {
    pub node: Option<NodeId>,
    pub wire: Option<Wire>,
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
