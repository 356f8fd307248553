//! The canvas in words for the accessibility tree: which entries its outline has, and what happens when one is asked
//! for. The tree itself is kept by [`crate::accessibility::Outline`].

use egui::accesskit::Action;
use egui::{Id, Ui};
use millrace_model::{NodeId, Wire};

use super::ground::touch_wire;
use super::{CanvasState, node, status, wire};
use crate::accessibility::{Entry, Outline};
use crate::command::Command;
use crate::context::ViewContext;
use crate::selection::Selection;

/// Brings the outline up to date after a change of the pipeline, and does what its entries were asked for. Does nothing
/// while nobody reads the tree.
pub fn update(ui: &Ui, cx: &mut ViewContext<'_>, state: &mut CanvasState) {
    if ui.ctx().accesskit_node_builder(ui.unique_id(), |_| ()).is_none() {
        return;
    }
    let scope = ui.scope_id();
    let events = ui.input(|input| input.events.clone());
    let asked = Outline::with(ui.ctx(), |outline| {
        if state.outlined != state.shown {
            outline.show(ui.unique_id(), entries(cx, state, scope));
            state.outlined.clone_from(&state.shown);
        }
        outline.stay_below(ui.unique_id());
        outline.asked(&events)
    });
    for (id, action) in asked {
        match found(state, scope, id) {
            Some(Found::Node(node)) => {
                state.bring_into_view(&node);
                state.focused.node = Some(node.clone());
                if action == Action::Click {
                    cx.commands.push(Command::Select(Selection::node(node)));
                }
            }
            Some(Found::Wire(wire)) => {
                state.bring_into_view(&wire.from.node);
                state.focused.wire = Some(wire.clone());
                if action == Action::Click {
                    touch_wire(ui, cx, &wire);
                }
            }
            None => continue,
        }
        ui.memory_mut(|memory| memory.request_focus(id));
    }
}

fn entries(cx: &ViewContext<'_>, state: &CanvasState, scope: Id) -> Vec<Entry> {
    let mut entries = Vec::new();
    for item in &state.scene.nodes {
        entries.push(Entry {
            id: node::body_id(scope, &item.id),
            label: node::name_of(item),
            description: status::outline(cx, item),
        });
        for (is_input, list) in [(true, &item.inputs), (false, &item.outputs)] {
            entries.extend(list.iter().map(|port| Entry {
                id: node::port_id(scope, &item.id, is_input, &port.port.name),
                label: node::port_label(item, is_input, port),
                description: port.port.help.clone(),
            }));
        }
    }
    entries.extend(state.scene.wires.iter().map(|item| Entry {
        id: wire::handle_id(scope, &item.wire),
        label: format!("wire {}", item.wire),
        description: wire::ends(cx, &item.wire),
    }));
    entries
}

enum Found {
    /// A node, by itself or by one of its ports.
    Node(NodeId),
    Wire(Wire),
}

/// Ids are hashes, so what has one is found by trying all; this is rare.
fn found(state: &CanvasState, scope: Id, id: Id) -> Option<Found> {
    let is_port = |item: &super::scene::SceneNode| {
        let has = |is_input, list: &[super::scene::ScenePort]| {
            list.iter().any(|port| node::port_id(scope, &item.id, is_input, &port.port.name) == id)
        };
        has(true, &item.inputs) || has(false, &item.outputs)
    };
    let node = state.scene.nodes.iter().find(|item| node::body_id(scope, &item.id) == id || is_port(item));
    if let Some(node) = node {
        return Some(Found::Node(node.id.clone()));
    }
    let wire = state.scene.wires.iter().find(|item| wire::handle_id(scope, &item.wire) == id);
    wire.map(|item| Found::Wire(item.wire.clone()))
}
