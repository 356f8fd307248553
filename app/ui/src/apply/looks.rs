//! Commands that change what is seen and selected, and never the pipeline.

use egui::{Context, Pos2, Rect, Vec2};
use millrace_model::{Endpoint, Field, FieldKind, NodeId, Pipeline, Position};

use super::{carry_out, select};
use crate::canvas::CanvasState;
use crate::command::{BottomTab, Command, Goal, Joint, Look, TextStep};
use crate::designer::Designer;
use crate::editing::offer::Offer;
use crate::editing::pick::{Pick, Scope};
use crate::editing::wiring::{self, Misfit};
use crate::pick_list::PickList;
use crate::selection::Selection;

/// How far one step of the view goes, as a part of what is seen.
const PAN: f32 = 0.25;

pub(super) fn look(designer: &mut Designer, ctx: &Context, wish: Look) {
    match wish {
        Look::ZoomTo(percent) => {
            let factor = percent as f32 / 100.0 / designer.canvas.camera.zoom;
            designer.canvas.zoom_by(factor);
        }
        Look::ZoomToSelection => {
            if let Some(bounds) = selected_bounds(designer) {
                designer.canvas.fit(bounds);
            }
        }
        Look::CenterSelection => {
            if let Some(bounds) = selected_bounds(designer) {
                designer.canvas.leave_view();
                designer.canvas.camera.center = bounds.center();
            }
        }
        Look::Pan(way) => {
            let camera = &mut designer.canvas.camera;
            camera.pan(-way.vector() * camera.viewport.size() * PAN);
        }
        Look::Back => travel(designer, CanvasState::go_back),
        Look::Forward => travel(designer, CanvasState::go_forward),
        Look::OpenSelected => {
            let nested = designer.selection.single_node().cloned();
            super::nesting::open(designer, nested.as_ref());
        }
        Look::GoOut => super::nesting::go_out(designer),
        Look::Search => designer.canvas.search(),
        Look::TogglePanels => {
            let shown = &mut designer.shown;
            let is_any = shown.palette || shown.bottom || shown.inspector;
            (shown.palette, shown.bottom, shown.inspector) = (!is_any, !is_any, !is_any);
        }
        Look::ToggleMinimap => change_look(designer, ctx, |look| look.minimap = !look.minimap),
        Look::ToggleGrid => change_look(designer, ctx, |look| look.grid = !look.grid),
        Look::ToggleSnap => {
            change_look(designer, ctx, |look| look.snap = !look.snap);
            let word = if designer.canvas.look.snap { "Nodes snap to the grid." } else { "Nodes move freely." };
            designer.session.say(word.to_owned());
        }
        Look::Text(step) => change_look(designer, ctx, |look| {
            look.text_percent = match step {
                TextStep::Larger => (look.text_percent + 10).min(200),
                TextStep::Smaller => look.text_percent.saturating_sub(10).max(70),
                TextStep::Usual => 100,
            };
        }),
        Look::NextProblem => problem(designer, ctx, true),
        Look::PreviousProblem => problem(designer, ctx, false),
        Look::TapWire => {
            if let Some(wire) = designer.selection.wires.first().cloned() {
                carry_out(designer, ctx, Command::Tap(Some(wire)));
            }
        }
        Look::TapOutput => {
            let Some(document) = &designer.session.document else { return };
            let ids = &designer.selection.nodes;
            let out = ids.iter().flat_map(|id| document.pipeline().wires_out_of(id)).next();
            let wire = out.or_else(|| ids.iter().flat_map(|id| document.pipeline().wires_into(id)).next());
            if wire.is_some() {
                carry_out(designer, ctx, Command::Tap(wire));
            }
        }
        Look::Slowest => match designer.slowest() {
            Some(node) => carry_out(designer, ctx, Command::JumpTo { node, param: None }),
            None => designer.session.say("No node slows the others.".to_owned()),
        },
    }
}

/// Goes to the view before or after; what is selected elsewhere is no longer.
fn travel(designer: &mut Designer, way: impl FnOnce(&mut CanvasState, &Pipeline)) {
    let Some(document) = &designer.session.document else { return };
    way(&mut designer.canvas, document.pipeline());
    designer.selection.retain_at(document.pipeline(), designer.canvas.level());
}

fn change_look(designer: &mut Designer, ctx: &Context, change: impl FnOnce(&mut crate::canvas::CanvasLook)) {
    change(&mut designer.canvas.look);
    let look = designer.canvas.look;
    ctx.set_zoom_factor(look.text_percent as f32 / 100.0);
    designer.session.remember(super::LOOK_SETTING, look.to_value());
}

fn selected_bounds(designer: &Designer) -> Option<Rect> {
    let rects = designer.canvas.rects().into_iter().filter(|(id, _)| designer.selection.nodes.contains(id));
    rects.map(|(_, rect)| rect).reduce(Rect::union)
}

/// Goes to the next or the previous node with a problem, round and round.
fn problem(designer: &mut Designer, ctx: &Context, forward: bool) {
    let mut nodes: Vec<NodeId> = Vec::new();
    for node in designer.session.checked.diagnostics.iter().filter_map(|diagnostic| diagnostic.node.clone()) {
        if !nodes.contains(&node) {
            nodes.push(node);
        }
    }
    if nodes.is_empty() {
        return carry_out(designer, ctx, Command::ShowBottom(BottomTab::Problems));
    }
    let here = designer.selection.single_node().and_then(|id| nodes.iter().position(|node| node == id));
    let index = match (here, forward) {
        (Some(here), true) => (here + 1) % nodes.len(),
        (Some(here), false) => (here + nodes.len() - 1) % nodes.len(),
        (None, true) => 0,
        (None, false) => nodes.len() - 1,
    };
    carry_out(designer, ctx, Command::JumpTo { node: nodes[index].clone(), param: None });
}

pub(super) fn pick(designer: &mut Designer, wish: Pick) {
    let Some(document) = &designer.session.document else { return };
    let scope = Scope {
        pipeline: document.pipeline(),
        catalog: &designer.session.catalog,
        selection: &designer.selection,
        diagnostics: &designer.session.checked.diagnostics,
        rects: &designer.canvas.rects(),
    };
    let selection = wish.of(&scope);
    if let Some(node) = selection.single_node().filter(|_| wish != Pick::All) {
        designer.canvas.bring_into_view(node);
    }
    select(designer, selection);
}

/// The list of nodes to add before or after the selected one.
pub(super) fn add_beside(designer: &mut Designer, ctx: &Context, is_before: bool) {
    let Some((document, id)) = designer.session.document.as_ref().zip(designer.selection.single_node()) else { return };
    let (Some(node), Some(rect)) = (document.pipeline().node(id), designer.canvas.rect_of(id)) else { return };
    let (inputs, outputs) = designer.session.catalog.ports_of(document.pipeline(), node);
    let port = if is_before { inputs.first() } else { outputs.first() };
    let Some(port) = port else {
        let text = if is_before { "This node takes no rows." } else { "This node gives no rows." };
        return designer.session.say(text.to_owned());
    };
    let end = Endpoint::new(id.clone(), port.name.as_str());
    let (joint, corner) = if is_before {
        (Joint::Input(end), rect.min - Vec2::new(256.0, 0.0))
    } else {
        (Joint::Output(end), rect.right_top() + Vec2::new(80.0, 0.0))
    };
    let at = designer.canvas.free_place(corner);
    ask_node(designer, at, middle(ctx), Some(joint));
}

/// Opens the list of nodes, those first that suit the rows at the loose end of the wire.
pub(super) fn ask_node(designer: &mut Designer, at: Position, pos_in_screen: Pos2, wire_from: Option<Joint>) {
    let from = match &wire_from {
        Some(Joint::Output(from)) => Some(from),
        Some(Joint::Input(_)) | None => None,
    };
    let offer = offer(designer, from);
    designer.pick_list = Some(PickList::nodes(at, pos_in_screen, wire_from).offering(offer));
}

/// What suits the rows that leave by `from`, as far as the last check knows them.
pub(super) fn offer(designer: &Designer, from: Option<&Endpoint>) -> Offer {
    let rows = from.and_then(|from| {
        let ports = designer.session.checked.nodes.get(&from.node)?;
        let port = ports.outputs.iter().find(|port| port.name == from.port.as_str())?;
        port.columns.is_some().then(|| port.has.clone())
    });
    Offer { rows, recent: designer.recent_kinds.clone() }
}

/// Puts the focus on the first setting of the selected node that is one field.
pub(super) fn go_to_settings(designer: &mut Designer) {
    let session = &mut designer.session;
    let Some((document, id)) = session.document.as_ref().zip(designer.selection.single_node()) else { return };
    let card = document.pipeline().node(id).and_then(|node| session.catalog.card(&node.kind));
    let fields = card.map(|card| card.form.fields.as_slice()).unwrap_or_default();
    let is_one = |field: &&Field| {
        !matches!(field.kind, FieldKind::List { .. } | FieldKind::Group { .. } | FieldKind::Variant { .. })
    };
    let Some(field) = fields.iter().find(is_one).or(fields.first()) else {
        return session.say("This node has no settings.".to_owned());
    };
    designer.focus.param = Some((id.clone(), field.name.clone()));
    (designer.shown.inspector, designer.help, designer.shows_revisions) = (true, None, false);
}

pub(super) fn ask_replace(designer: &mut Designer, ctx: &Context) {
    if let Some(id) = designer.selection.single_node() {
        designer.pick_list = Some(PickList::replacements(id.clone(), middle(ctx)));
    }
}

pub(super) fn ask_insert(designer: &mut Designer, ctx: &Context) {
    let Some(wire) = designer.selection.wires.first().cloned() else { return };
    let Some(at) = place_between(designer, &wire.from.node, &wire.to.node) else { return };
    let offer = offer(designer, Some(&wire.from));
    designer.pick_list = Some(PickList::insertions(wire, at, middle(ctx)).offering(offer));
}

/// Says why rows do not fit. Where nodes would make them fit, they are listed.
pub(super) fn offer_converters(designer: &mut Designer, misfit: Misfit, from: Endpoint, goal: Goal, pos: Pos2) {
    if misfit.converters.is_empty() {
        return designer.session.say_error(misfit.reason);
    }
    designer.pick_list = Some(PickList::converters(misfit, from, goal, pos));
}

/// A free place between two nodes.
pub(super) fn place_between(designer: &Designer, from: &NodeId, to: &NodeId) -> Option<Position> {
    let (from, to) = (designer.canvas.rect_of(from)?, designer.canvas.rect_of(to)?);
    let middle = from.right_center() + (to.left_center() - from.right_center()) / 2.0;
    Some(designer.canvas.free_place(middle - Vec2::new(88.0, 38.0)))
}

pub(super) fn middle(ctx: &Context) -> Pos2 {
    let room = ctx.content_rect();
    egui::pos2(room.center().x - 150.0, room.min.y + 80.0)
}

pub(super) fn former(designer: &mut Designer) {
    let former: Selection = designer.former_selection.clone();
    select(designer, former);
}

/// Opens the list of wires that may begin at the selected node.
pub(super) fn pick_wire(designer: &mut Designer, ctx: &Context) {
    let session = &mut designer.session;
    let (Some(document), Some(id)) = (&session.document, designer.selection.single_node()) else {
        return session.say("Select the node where the wire is to begin.".to_owned());
    };
    let near = designer.canvas.nodes_by_distance(id);
    let wires = wiring::wires_from(document.pipeline(), &session.catalog, session.known_rows(), id, &near);
    if wires.is_empty() {
        return session.say("There is no port that this node could be wired to.".to_owned());
    }
    designer.pick_list = Some(PickList::wires(wires, middle(ctx)));
}
