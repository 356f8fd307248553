//! Walking from node to node by the arrow keys: left and right along the wires, up and down to what stands there.
//!
//! It runs while the keyboard is at a node or at the canvas as a whole, and takes the keys before anything else sees
//! them. The node that is walked to is selected, brought into view, and has the keyboard from the next frame on.

use egui::{Key, Modifiers, Ui, Vec2, vec2};

use super::CanvasState;
use super::gesture::NUDGE;
use super::scene::{Scene, Shape};
use crate::accessibility::keep_arrows;
use crate::command::Command;
use crate::context::ViewContext;
use crate::selection::Selection;

const ARROWS: [(Key, Vec2); 4] = [
    (Key::ArrowLeft, vec2(-1.0, 0.0)),
    (Key::ArrowRight, vec2(1.0, 0.0)),
    (Key::ArrowUp, vec2(0.0, -1.0)),
    (Key::ArrowDown, vec2(0.0, 1.0)),
];

/// Takes the arrow keys; `is_at_canvas` says that the keyboard is at the canvas itself.
pub fn take_keys(ui: &Ui, cx: &mut ViewContext<'_>, state: &mut CanvasState, is_at_canvas: bool) {
    open_by_enter(ui, cx, state, is_at_canvas);
    if state.focused.node.is_none() && !is_at_canvas {
        return;
    }
    if let Some(focused) = ui.memory(|memory| memory.focused()) {
        keep_arrows(ui, focused);
    }
    for (key, direction) in ARROWS {
        for _ in 0..ui.input_mut(|input| input.count_and_consume_key(Modifiers::COMMAND, key)) {
            let (dx, dy) = (direction.x as i32 * NUDGE.0, direction.y as i32 * NUDGE.0);
            cx.commands.push(Command::Nudge { dx, dy });
        }
        for _ in 0..ui.input_mut(|input| input.count_and_consume_key(Modifiers::NONE, key)) {
            let here = state.focused.node.as_ref().and_then(|id| state.scene.index_of(id));
            let next = match here {
                Some(here) => step(&state.scene, here, direction),
                None => first(cx, &state.scene),
            };
            if let Some(next) = next {
                let id = state.scene.nodes[next].id.clone();
                cx.commands.push(Command::Select(Selection::node(id.clone())));
                state.bring_into_view(&id);
                state.focused.node = Some(id.clone());
                state.wants_focus = Some(id);
            }
        }
    }
}

/// Enter opens the one selected nested pipeline, unless the keyboard is elsewhere.
fn open_by_enter(ui: &Ui, cx: &mut ViewContext<'_>, state: &CanvasState, is_at_canvas: bool) {
    let is_free = ui.memory(|memory| memory.focused()).is_none();
    let chosen =
        cx.selection.single_node().filter(|id| is_free || is_at_canvas || state.focused.node.as_ref() == Some(id));
    let Some(node) = chosen.and_then(|id| state.scene.node(id)) else { return };
    if matches!(node.shape, Shape::Nested { .. })
        && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter))
    {
        cx.commands.push(Command::Open(Some(node.id.clone())));
    }
}

/// Where the walk begins: at the selected node, else at the one most to the left and top.
fn first(cx: &ViewContext<'_>, scene: &Scene) -> Option<usize> {
    let selected = cx.selection.nodes.first().and_then(|id| scene.index_of(id));
    let corner = |index: &usize| scene.nodes[*index].rect.min;
    let most = (0..scene.nodes.len()).min_by(|a, b| {
        let (a, b) = (corner(a), corner(b));
        (a.x + a.y).total_cmp(&(b.x + b.y))
    });
    selected.or(most)
}

fn step(scene: &Scene, here: usize, direction: Vec2) -> Option<usize> {
    let center = scene.nodes[here].rect.center();
    let height = |index: &usize| (scene.nodes[*index].rect.center().y - center.y).abs();
    let along_wire = match direction.x {
        x if x > 0.0 => {
            let fed = scene.wires.iter().filter(|wire| wire.from_node == here).map(|wire| wire.to_node);
            fed.min_by(|a, b| height(a).total_cmp(&height(b)))
        }
        x if x < 0.0 => {
            let feeders = scene.wires.iter().filter(|wire| wire.to_node == here).map(|wire| wire.from_node);
            feeders.min_by(|a, b| height(a).total_cmp(&height(b)))
        }
        _ => None,
    };
    along_wire.or_else(|| {
        // What lies straight ahead is nearer than what lies aside.
        let cost = |index: &usize| {
            let way = scene.nodes[*index].rect.center() - center;
            let ahead = way.dot(direction);
            (ahead > 1.0).then(|| ahead + 2.5 * (way - direction * ahead).length())
        };
        let ahead = (0..scene.nodes.len()).filter_map(|index| Some((cost(&index)?, index)));
        ahead.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, index)| index)
    })
}
