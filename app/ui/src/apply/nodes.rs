//! Adds, removes, moves and turns off nodes: the changes that are made without a dialog or a wish of their own.

use std::collections::BTreeMap;

use egui::Context;
use millrace_model::{Edit, Endpoint, Node, NodeId, Position, Wire};

use super::{RECENT_KINDS_SETTING, edits, looks, perform, select};
use crate::command::{Goal, Joint};
use crate::designer::Designer;
use crate::editing::{self, rewire, wiring};
use crate::selection::Selection;

/// Adds a node, wired to `joint` where one is given and its rows fit; else says so and offers what would help.
pub(super) fn add_node(
    designer: &mut Designer,
    ctx: &Context,
    kind: &str,
    at: Option<Position>,
    joint: Option<&Joint>,
) {
    let session = &designer.session;
    let (Some(document), Some(card)) = (&session.document, session.catalog.card(kind)) else { return };
    let position = at.unwrap_or_else(|| designer.canvas.place_in_middle());
    if let Some(Joint::Output(from)) = joint
        && let Err(misfit) = wiring::feed_new(&session.catalog, session.known_rows(), from, card)
    {
        let goal = Goal::NewNode { kind: kind.to_owned(), at: position };
        return looks::offer_converters(designer, misfit, from.clone(), goal, looks::middle(ctx));
    }
    let level = designer.canvas.level();
    let (id, mut edits) = editing::add_node(document.pipeline(), &session.catalog, card, level, position, joint);
    if let Some(pinned) = designer.canvas.pin_unplaced(document.pipeline(), |_| false) {
        edits.insert(0, pinned);
    }
    let label = format!("Add {}", card.title);
    perform(designer, label, edits, None);
    select(designer, Selection::node(id));
    note_kind(designer, kind);
}

pub(super) fn insert_node(designer: &mut Designer, kind: &str, wire: &Wire, at: Position) {
    let session = &designer.session;
    let (Some(document), Some(card)) = (&session.document, session.catalog.card(kind)) else { return };
    let pipeline = document.pipeline();
    let id = pipeline.unused_id(kind);
    let node = Node { inside: pipeline.home_of(&wire.from.node).cloned(), ..Node::new(id.clone(), kind) };
    match rewire::through(pipeline, &session.catalog, &node, wire) {
        Ok(rewired) => {
            let label = format!("Insert {}", card.title);
            let mut edits = Vec::from_iter(designer.canvas.pin_unplaced(pipeline, |_| false));
            edits.push(Edit::AddNode { node, position: Some(at) });
            edits.extend(rewired);
            perform(designer, label, edits, None);
            select(designer, Selection::node(id));
            note_kind(designer, kind);
        }
        Err(reason) => designer.session.say_error(reason),
    }
}

/// Leads rows through a new node of this kind, which makes them fit where they go.
pub(super) fn convert(designer: &mut Designer, kind: &str, from: &Endpoint, goal: Goal) {
    /// From the left of a node to the left of the next.
    const STEP: i32 = 256;
    let session = &designer.session;
    let (Some(document), Some(card)) = (&session.document, session.catalog.card(kind)) else { return };
    let (place, goal) = match goal {
        Goal::Input(to) => (looks::place_between(designer, &from.node, &to.node), Goal::Input(to)),
        Goal::NewNode { kind, at } => {
            let behind = Position { x: at.x.saturating_add(STEP), ..at };
            (Some(at), Goal::NewNode { kind, at: behind })
        }
    };
    let position = place.unwrap_or_else(|| designer.canvas.place_in_middle());
    let converted = wiring::convert(document.pipeline(), &session.catalog, card, from, &goal, position);
    let Some((id, mut edits)) = converted else { return };
    if let Some(pinned) = designer.canvas.pin_unplaced(document.pipeline(), |_| false) {
        edits.insert(0, pinned);
    }
    let label = format!("Insert {}", card.title);
    perform(designer, label, edits, None);
    select(designer, Selection::node(id));
    note_kind(designer, kind);
}

pub(super) fn replace_node(designer: &mut Designer, kind: &str, node: &NodeId) {
    let session = &designer.session;
    let (Some(document), Some(card)) = (&session.document, session.catalog.card(kind)) else { return };
    let position = designer.canvas.position_of(node);
    let replaced = rewire::replace(document.pipeline(), &session.catalog, node, card, position);
    if let Some((id, mut edits)) = replaced {
        let label = format!("Replace {} by {}", edits::titles(designer, [node]).concat(), card.title);
        if let Some(pinned) = designer.canvas.pin_unplaced(document.pipeline(), |id| id == node) {
            edits.insert(0, pinned);
        }
        perform(designer, label, edits, None);
        select(designer, Selection::node(id));
    }
}

/// Remembers that a node of this kind was added: the lists of nodes offer it sooner.
fn note_kind(designer: &mut Designer, kind: &str) {
    designer.recent_kinds.note(kind);
    designer.session.remember(RECENT_KINDS_SETTING, designer.recent_kinds.to_value());
}

pub(super) fn delete(designer: &mut Designer, verb: &str) {
    let Some(document) = &designer.session.document else { return };
    let selection = &designer.selection;
    let mut edits = editing::removal(document.pipeline(), &selection.nodes, &selection.wires);
    edits.extend(selection.notes.iter().map(|id| Edit::SetNote { id: id.clone(), note: None }));
    let titles = edits::titles(designer, &selection.nodes);
    let many = |what: &str, num: usize| vec![what.to_owned(); num];
    let label = if !titles.is_empty() {
        editing::label_for(verb, &titles, "nodes")
    } else if selection.wires.is_empty() {
        editing::label_for(verb, &many("a note", selection.notes.len()), "notes")
    } else {
        editing::label_for(verb, &many("wire", selection.wires.len()), "wires")
    };
    if !edits.is_empty() {
        perform(designer, label, edits, None);
    }
}

pub(super) fn toggle_disabled(designer: &mut Designer) {
    let session = &designer.session;
    let Some(document) = &session.document else { return };
    let nodes: Vec<_> = designer.selection.nodes.iter().filter_map(|id| document.pipeline().node(id)).collect();
    let disabled = nodes.iter().any(|node| !node.disabled);
    let titles: Vec<String> = nodes.iter().map(|node| session.catalog.title_of(node).to_owned()).collect();
    let edits = nodes.iter().map(|node| Edit::SetDisabled { id: node.id.clone(), disabled }).collect();
    let verb = if disabled { "Disable" } else { "Enable" };
    if !titles.is_empty() {
        perform(designer, editing::label_for(verb, &titles, "nodes"), edits, None);
    }
}

pub(super) fn nudge(designer: &mut Designer, dx: i32, dy: i32) {
    let Some(document) = &designer.session.document else { return };
    let ids = &designer.selection.nodes;
    let mut positions: BTreeMap<_, _> = ids
        .iter()
        .filter_map(|id| {
            let at = designer.canvas.position_of(id)?;
            Some((id.clone(), Some(Position { x: at.x + dx, y: at.y + dy })))
        })
        .collect();
    if let Some(Edit::Move { positions: rest }) =
        designer.canvas.pin_unplaced(document.pipeline(), |id| ids.contains(id))
    {
        positions.extend(rest);
    }
    if !positions.is_empty() {
        let merge = Some("nudge".to_owned());
        perform(designer, "Move with the arrow keys".to_owned(), vec![Edit::Move { positions }], merge);
    }
}
