//! Copies, cuts, pastes and duplicates what is selected, as text that other windows and editors understand.

use egui::Context;
use millrace_model::Position;
use millrace_model::text::Fragment;

use super::{perform, select};
use crate::canvas::{snapped, to_pos};
use crate::designer::Designer;
use crate::editing::{self, Pasted};
use crate::selection::Selection;

/// The selected nodes and notes, each with the place where it stands.
pub(super) fn fragment_of(designer: &Designer) -> Option<Fragment> {
    let document = designer.session.document.as_ref()?;
    let selection = &designer.selection;
    if selection.nodes.is_empty() && selection.notes.is_empty() {
        return None;
    }
    let ids: Vec<_> = selection.nodes.iter().cloned().collect();
    let mut fragment = document.pipeline().fragment(&ids);
    for id in ids {
        if let Some(position) = designer.canvas.position_of(&id) {
            fragment.positions.entry(id).or_insert(position);
        }
    }
    let notes = document.pipeline().notes().iter().filter(|(id, _)| selection.notes.contains(id));
    fragment.notes.extend(notes.map(|(id, note)| (id.clone(), note.clone())));
    Some(fragment)
}

/// Whether there was something to copy.
pub(super) fn copy(designer: &mut Designer, ctx: &Context) -> bool {
    let text = fragment_of(designer).and_then(|fragment| serde_json::to_string_pretty(&fragment).ok());
    let is_some = text.is_some();
    if let Some(text) = text {
        designer.copied = Some(text.clone());
        ctx.copy_text(text);
    }
    is_some
}

pub(super) fn paste(designer: &mut Designer, text: &str, verb: &str) {
    match editing::fragment_from(text) {
        Some(fragment) => paste_fragment(designer, &fragment, verb),
        None => designer.session.say("The clipboard holds no nodes of Millrace.".to_owned()),
    }
}

pub(super) fn duplicate(designer: &mut Designer) {
    if let Some(fragment) = fragment_of(designer) {
        paste_fragment(designer, &fragment, "Duplicate");
    }
}

/// Where the corner of a fragment comes to stand: a little off the original where that is seen, else in the middle.
pub(super) fn place_for(designer: &Designer, fragment: &Fragment) -> Position {
    let seen = designer.canvas.camera.visible();
    let corner = editing::corner_of(fragment).filter(|corner| seen.contains(to_pos(*corner)));
    let Some(corner) = corner else { return designer.canvas.place_in_middle() };
    let first = editing::places_in(fragment).min_by_key(|at| (at.x, at.y)).unwrap_or(corner);
    let document = designer.session.document.as_ref();
    let notes = document.iter().flat_map(|document| document.pipeline().notes_at(designer.canvas.level()));
    let mut taken: Vec<Position> = notes.map(|(_, note)| note.position).collect();
    taken.extend(designer.canvas.rects().iter().map(|(_, rect)| snapped(rect.min)));
    let is_free = |n: &i32| !taken.contains(&Position { x: first.x + n, y: first.y + n });
    let shift = (1..1_000).map(|n| n * 32).find(is_free).unwrap_or(32);
    Position { x: corner.x + shift, y: corner.y + shift }
}

fn paste_fragment(designer: &mut Designer, fragment: &Fragment, verb: &str) {
    let Some(document) = &designer.session.document else { return };
    let pipeline = document.pipeline();
    let top_left = place_for(designer, fragment);
    let Pasted { nodes, notes, mut edits } =
        editing::paste(pipeline, fragment, designer.canvas.level(), Some(top_left));
    if let Some(pinned) = designer.canvas.pin_unplaced(pipeline, |_| false) {
        edits.insert(0, pinned);
    }
    // What is nested in a copied node is not counted.
    let originals =
        fragment.nodes.iter().filter(|node| !fragment.nodes.iter().any(|it| node.inside.as_ref() == Some(&it.id)));
    let mut titles: Vec<String> = originals.map(|node| designer.session.catalog.title_of(node).to_owned()).collect();
    if titles.is_empty() {
        titles = vec!["a note".to_owned(); notes.len()];
    }
    perform(designer, editing::label_for(verb, &titles, "nodes"), edits, None);
    select(designer, Selection { notes, ..Selection::nodes(nodes) });
}
