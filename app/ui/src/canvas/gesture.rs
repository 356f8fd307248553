//! What the pointer is in the middle of on the canvas: moving nodes, drawing a wire, drawing a selection box.

use std::collections::{BTreeMap, BTreeSet};

use egui::{CornerRadius, Key, PointerButton, Pos2, Rect, Stroke, StrokeKind, Ui, Vec2};
use millrace_model::{Edit, LayoutId, NodeId, Position, Wire};

use super::CanvasState;
use super::annotation;
use super::bundle::togetherness;
use super::camera::{SNAP, snapped};
use super::course::Course;
use super::node::NodeEvents;
use super::paint;
use super::scene::{SceneNode, ScenePort, Shape};
use crate::command::{self, Command, Goal, Joint};
use crate::context::ViewContext;
use crate::editing::wiring::{self, Refusal};
use crate::editing::{self, rewire};
use crate::icon::icon;
use crate::selection::Selection;

/// How near the pointer must come to a port for a wire to snap to it.
const PORT_REACH: f32 = 16.0;

#[derive(Debug, Clone, Default, PartialEq)]
pub enum Gesture {
    #[default]
    None,
    /// The nodes follow the pointer by `shift`, which keeps the grabbed one on the raster.
    Move { ids: BTreeSet<NodeId>, grabbed: NodeId, start: Pos2, shift: Vec2 },
    /// The note follows the pointer by `shift`.
    MoveNote { id: LayoutId, start: Pos2, shift: Vec2 },
    /// A wire hangs from `joint`. One that was begun by a click waits for another click.
    Wire { joint: Joint, waits_for_click: bool },
    /// A box from `start` to the pointer; what it touches is selected, or added to the selection.
    Box { start: Pos2, adds: bool },
}

impl Gesture {
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    pub fn is_wiring(&self) -> bool {
        matches!(self, Self::Wire { .. })
    }

    /// How far the node is dragged from its place.
    pub fn shift_of(&self, id: &NodeId) -> Vec2 {
        match self {
            Self::Move { ids, shift, .. } if ids.contains(id) => *shift,
            _ => Vec2::ZERO,
        }
    }
}

impl Gesture {
    /// How far the note is dragged from its place.
    pub fn shift_of_note(&self, id: &LayoutId) -> Vec2 {
        match self {
            Self::MoveNote { id: moved, shift, .. } if moved == id => *shift,
            _ => Vec2::ZERO,
        }
    }
}

/// Begins gestures at a node or its ports, and selects what was clicked.
pub fn node_events(ui: &Ui, cx: &mut ViewContext<'_>, state: &mut CanvasState, index: usize, events: &NodeEvents) {
    let node = &state.scene.nodes[index];
    let (adds, is_panning) =
        ui.input(|input| (input.modifiers.shift || input.modifiers.command, input.key_down(Key::Space)));
    if events.body.clicked() {
        let mut selection = cx.selection.clone();
        if adds {
            selection.toggle_node(&node.id);
        } else {
            selection = Selection::node(node.id.clone());
        }
        cx.commands.push(Command::Select(selection));
        state.gesture = Gesture::None;
    }
    if events.body.double_clicked() {
        cx.commands.push(match node.shape {
            Shape::Nested { .. } => Command::Open(Some(node.id.clone())),
            Shape::Card | Shape::Border => Command::Rename(node.id.clone()),
        });
    }
    if events.body.drag_started_by(PointerButton::Primary) && !is_panning {
        let mut ids = cx.selection.nodes.clone();
        if !ids.contains(&node.id) {
            ids = BTreeSet::from([node.id.clone()]);
            cx.commands.push(Command::Select(Selection::node(node.id.clone())));
        }
        let start = ui.input(|input| input.pointer.press_origin()).unwrap_or(state.camera.viewport.center());
        state.gesture =
            Gesture::Move { ids, grabbed: node.id.clone(), start: state.camera.to_canvas(start), shift: Vec2::ZERO };
    }
    for (joint, response) in &events.ports {
        if response.drag_started_by(PointerButton::Primary) && !is_panning {
            state.gesture = Gesture::Wire { joint: joint.clone(), waits_for_click: false };
        } else if response.clicked() {
            state.gesture = match std::mem::take(&mut state.gesture) {
                Gesture::Wire { joint: first, .. } if first != *joint => {
                    let pos_in_screen = place_of(state, joint).unwrap_or(response.rect.center());
                    connect(cx, &first, joint, pos_in_screen);
                    Gesture::None
                }
                Gesture::Wire { .. } => Gesture::None,
                _ => Gesture::Wire { joint: joint.clone(), waits_for_click: true },
            };
        }
    }
}

/// Draws what is going on, and ends it when the pointer is let go.
pub fn draw_and_finish(ui: &Ui, cx: &mut ViewContext<'_>, state: &mut CanvasState) {
    let Some(pointer) = ui.input(|input| input.pointer.latest_pos()) else { return };
    let in_canvas = state.camera.to_canvas(pointer);
    let is_down = ui.input(|input| input.pointer.primary_down());
    match std::mem::take(&mut state.gesture) {
        Gesture::None => {}
        Gesture::Move { ids, grabbed, start, .. } => {
            let at = state.scene.node(&grabbed).map(|node| node.rect.min).unwrap_or_default();
            let shift = shift_to(state, at, in_canvas - start);
            let wire = wire_under(cx, state, &ids, shift);
            if is_down {
                ui.set_cursor_icon(egui::CursorIcon::Grabbing);
                if let Some((_, course)) = &wire {
                    let course = course.map(|pos| state.camera.to_screen(pos));
                    paint::course(ui.painter(), &course, Stroke::new(3.0, cx.theme.accent), false);
                    let text = format!("{} Inserts it into this wire", icon("plus"));
                    paint::note(ui.painter(), cx.theme, pointer, &text, cx.theme.text);
                }
                state.gesture = Gesture::Move { ids, grabbed, start, shift };
            } else if shift != Vec2::ZERO {
                finish_move(cx, state, &ids, shift, wire.map(|(wire, _)| wire).as_ref());
            }
        }
        Gesture::MoveNote { id, start, .. } => {
            let Some(note) = cx.document.pipeline().notes().get(&id) else { return };
            let shift = shift_to(state, super::to_pos(note.position), in_canvas - start);
            if is_down {
                ui.set_cursor_icon(egui::CursorIcon::Grabbing);
                state.gesture = Gesture::MoveNote { id, start, shift };
            } else if shift != Vec2::ZERO {
                command::edit(cx.commands, "Move a note", vec![annotation::moved(note, &id, shift)]);
            }
        }
        Gesture::Wire { joint, waits_for_click } => {
            let goes_on = is_down || waits_for_click;
            let target = draw_wire(ui, cx, state, &joint, pointer);
            if goes_on {
                state.gesture = Gesture::Wire { joint, waits_for_click };
            } else {
                finish_wire(cx, state, &joint, target.as_ref(), pointer);
            }
        }
        Gesture::Box { start, adds } => {
            let in_box = Rect::from_two_pos(start, in_canvas);
            let rect = state.camera.rect_to_screen(in_box);
            let theme = cx.theme;
            ui.painter().rect(
                rect,
                CornerRadius::same(2),
                theme.accent.gamma_multiply(0.12),
                Stroke::new(1.0, theme.accent),
                StrokeKind::Inside,
            );
            if is_down {
                state.gesture = Gesture::Box { start, adds };
            } else {
                let hit =
                    state.scene.nodes.iter().filter(|node| node.rect.intersects(in_box)).map(|node| node.id.clone());
                let mut selection = if adds { cx.selection.clone() } else { Selection::default() };
                let notes = cx.document.pipeline().notes_at(state.level());
                let notes = notes.filter(|(_, note)| annotation::note_rect(note).intersects(in_box));
                selection.notes.extend(notes.map(|(id, _)| id.clone()));
                selection.nodes.extend(hit);
                cx.commands.push(Command::Select(selection));
            }
        }
    }
}

/// How far something at `at` goes when the pointer went by `way`: on the raster where the person wants it.
fn shift_to(state: &CanvasState, at: Pos2, way: Vec2) -> Vec2 {
    if state.look.snap { super::to_pos(snapped(at + way)) - at } else { way }
}

/// The wire under the middle of a loose node that is dragged alone.
fn wire_under(
    cx: &ViewContext<'_>,
    state: &CanvasState,
    ids: &BTreeSet<NodeId>,
    shift: Vec2,
) -> Option<(Wire, Course)> {
    const REACH: f32 = 28.0;
    let id = ids.first().filter(|_| ids.len() == 1)?;
    let middle = state.scene.node(id)?.rect.center() + shift;
    let together = togetherness(state.camera.zoom);
    let near = state.scene.wires_near(Rect::from_center_size(middle, Vec2::splat(2.0 * REACH)));
    let near = near.into_iter().map(|index| {
        let (course, _) = state.scene.drawn(index, |_| Vec2::ZERO, together);
        (course.distance_to(middle), &state.scene.wires[index].wire, course)
    });
    let near = near.filter(|(distance, wire, _)| {
        *distance <= REACH && rewire::can_go_through(cx.document.pipeline(), cx.catalog, id, wire)
    });
    near.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, wire, course)| (wire.clone(), course))
}

fn finish_move(
    cx: &mut ViewContext<'_>,
    state: &CanvasState,
    ids: &BTreeSet<NodeId>,
    shift: Vec2,
    onto: Option<&Wire>,
) {
    let place = |id: &NodeId| -> Option<Position> {
        let rect = state.scene.node(id)?.rect;
        let moved = rect.min + shift;
        Some(Position { x: moved.x.round() as i32, y: moved.y.round() as i32 })
    };
    let mut positions: BTreeMap<NodeId, Option<Position>> =
        ids.iter().filter_map(|id| Some((id.clone(), Some(place(id)?)))).collect();
    if let Some(Edit::Move { positions: rest }) = state.pin_unplaced(cx.pipeline(), |id| ids.contains(id)) {
        positions.extend(rest);
    }
    let titles: Vec<String> = ids.iter().map(|id| cx.title_of(id)).collect();
    let mut edits = vec![Edit::Move { positions }];
    let pipeline = cx.document.pipeline();
    let node = ids.first().and_then(|id| pipeline.node(id));
    let rewired = onto.zip(node).and_then(|(wire, node)| rewire::through(pipeline, cx.catalog, node, wire).ok());
    let verb = if rewired.is_some() { "Insert" } else { "Move" };
    edits.extend(rewired.into_iter().flatten());
    command::edit(cx.commands, editing::label_for(verb, &titles, "nodes"), edits);
}

/// Where the loose end is: on a port, or on a node whose first fitting port would take it.
struct Target {
    joint: Joint,
    place: Pos2,
    verdict: Result<Vec<Edit>, Refusal>,
}

fn draw_wire(ui: &Ui, cx: &ViewContext<'_>, state: &CanvasState, joint: &Joint, pointer: Pos2) -> Option<Target> {
    let theme = cx.theme;
    let start = place_of(state, joint)?;
    let target = target_at(cx, state, joint, pointer);
    let end = target.as_ref().map_or(pointer, |target| target.place);
    let (from, to) = match joint {
        Joint::Output(_) => (start, end),
        Joint::Input(_) => (end, start),
    };
    let color = match &target {
        Some(Target { verdict: Err(_), .. }) => theme.error,
        _ => theme.accent,
    };
    let is_refused = color == theme.error;
    let stroke = Stroke::new((2.5 * state.camera.zoom).clamp(1.5, 3.5), color);
    paint::course(ui.painter(), &Course::direct(from, to), stroke, is_refused);
    if let Some(target) = &target {
        ui.painter().circle_stroke(target.place, 9.0 * state.camera.zoom, Stroke::new(2.0, color));
        match &target.verdict {
            Err(refusal) => {
                let text = format!("{} {}{}", icon("prohibit"), refusal.reason(), help_for(cx, refusal));
                paint::note(ui.painter(), theme, pointer, &text, color);
            }
            Ok(edits) if edits.len() > 1 => {
                let text = format!("{} Replaces the wire that is there", icon("swap"));
                paint::note(ui.painter(), theme, pointer, &text, theme.text);
            }
            Ok(_) => {}
        }
    }
    ui.set_cursor_icon(if is_refused { egui::CursorIcon::NotAllowed } else { egui::CursorIcon::Crosshair });
    target
}

fn finish_wire(cx: &mut ViewContext<'_>, state: &CanvasState, joint: &Joint, target: Option<&Target>, pointer: Pos2) {
    match target {
        Some(target) => connect(cx, joint, &target.joint, pointer),
        None if state.camera.viewport.contains(pointer) => {
            let in_canvas = state.camera.to_canvas(pointer);
            // The new node's port comes to stand under the pointer.
            let corner = match joint {
                Joint::Output(_) => in_canvas - Vec2::new(0.0, 36.0),
                Joint::Input(_) => in_canvas - Vec2::new(176.0, 36.0),
            };
            cx.commands.push(Command::QuickAdd {
                at: snapped(corner),
                pos_in_screen: pointer,
                wire_from: Some(joint.clone()),
            });
        }
        None => {}
    }
}

/// What letting go will offer instead of a wire.
fn help_for(cx: &ViewContext<'_>, refusal: &Refusal) -> String {
    let Refusal::Unfit(misfit) = refusal else { return String::new() };
    let first = misfit.converters.first().and_then(|kind| cx.catalog.card(kind));
    first.map(|card| format!(" Let go to insert {}…", card.title)).unwrap_or_default()
}

/// Draws the wire between two ports, or says why not and what would help.
fn connect(cx: &mut ViewContext<'_>, a: &Joint, b: &Joint, pos_in_screen: Pos2) {
    let (from, to) = match wiring::ends_of(a, b) {
        Ok(ends) => ends,
        Err(refusal) => return refuse(cx, refusal.reason()),
    };
    match wiring::wire(cx.pipeline(), cx.catalog, cx.rows, &from, &to) {
        Ok(edits) => {
            let label = format!("Wire {} to {}", cx.title_of(&from.node), cx.title_of(&to.node));
            command::edit(cx.commands, label, edits);
        }
        Err(Refusal::Unfit(misfit)) => {
            cx.commands.push(Command::OfferConverters { misfit, from, goal: Goal::Input(to), pos_in_screen });
        }
        Err(Refusal::Impossible(reason)) => refuse(cx, &reason),
    }
}

fn refuse(cx: &mut ViewContext<'_>, reason: &str) {
    cx.commands.push(Command::Notify { is_error: true, text: reason.to_owned() });
}

fn place_of(state: &CanvasState, joint: &Joint) -> Option<Pos2> {
    let (end, is_input) = match joint {
        Joint::Output(end) => (end, false),
        Joint::Input(end) => (end, true),
    };
    let node = state.scene.node(&end.node)?;
    let ports = if is_input { &node.inputs } else { &node.outputs };
    let port = ports.iter().find(|port| port.port.name == end.port)?;
    Some(state.camera.to_screen(node.rect.min + port.offset))
}

fn target_at(cx: &ViewContext<'_>, state: &CanvasState, joint: &Joint, pointer: Pos2) -> Option<Target> {
    let verdict = |other: &Joint| {
        let (from, to) = wiring::ends_of(joint, other)?;
        wiring::wire(cx.pipeline(), cx.catalog, cx.rows, &from, &to)
    };
    let in_canvas = state.camera.to_canvas(pointer);
    let reach = PORT_REACH / state.camera.zoom.max(0.5);
    let near = state.scene.nodes.iter().filter(|node| node.rect.expand(reach).contains(in_canvas));
    let mut nearest: Option<(f32, Target)> = None;
    let mut body: Option<Target> = None;
    for node in near {
        let start = place_of(state, joint);
        for (other, place) in joints_of(node) {
            let place = state.camera.to_screen(place);
            let distance = place.distance(pointer) / state.camera.zoom.max(0.5);
            if start == Some(place) {
                continue;
            }
            if distance <= PORT_REACH && nearest.as_ref().is_none_or(|(best, _)| distance < *best) {
                nearest = Some((distance, Target { verdict: verdict(&other), joint: other, place }));
            } else if body.is_none()
                && node.rect.contains(in_canvas)
                && is_opposite(joint, &other)
                && &node.id != node_of(joint)
            {
                body = Some(Target { verdict: verdict(&other), joint: other, place });
            }
        }
    }
    nearest.map(|(_, target)| target).or(body)
}

fn joints_of(node: &SceneNode) -> impl Iterator<Item = (Joint, Pos2)> {
    let end = |port: &ScenePort| node.endpoint(port);
    let inputs = node.inputs.iter().map(move |port| (Joint::Input(end(port)), node.rect.min + port.offset));
    let outputs = node.outputs.iter().map(move |port| (Joint::Output(end(port)), node.rect.min + port.offset));
    inputs.chain(outputs)
}

fn node_of(joint: &Joint) -> &NodeId {
    match joint {
        Joint::Output(end) | Joint::Input(end) => &end.node,
    }
}

fn is_opposite(a: &Joint, b: &Joint) -> bool {
    matches!((a, b), (Joint::Output(_), Joint::Input(_)) | (Joint::Input(_), Joint::Output(_)))
}

/// How far one press of an arrow key moves, and how far with Shift.
pub const NUDGE: (i32, i32) = (SNAP, SNAP * 5);
