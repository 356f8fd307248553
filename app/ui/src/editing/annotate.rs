//! Edits of groups, notes and their colours.

use std::collections::BTreeSet;

use millrace_model::{Edit, Group, LayoutId, NodeId, Note, Pipeline, Position, Tint};

use crate::selection::Selection;

/// The size of a new note, in canvas points.
pub const NOTE_SIZE: (u32, u32) = (208, 112);

/// The edits that make a new group of `nodes`, which leave the groups that they were in; and its id.
pub fn group(pipeline: &Pipeline, nodes: &BTreeSet<NodeId>) -> (LayoutId, Vec<Edit>) {
    let id = LayoutId::unused("group", |id| pipeline.groups().contains_key(id));
    let mut edits = leave(pipeline, nodes);
    let number = id.as_str().rsplit('_').next().unwrap_or_default();
    let group = Group { title: format!("Group {number}"), tint: Tint::Blue, nodes: nodes.clone(), ..Group::default() };
    edits.push(Edit::SetGroup { id: id.clone(), group: Some(group) });
    (id, edits)
}

/// The edits that take `nodes` out of their groups; a group that would be empty goes.
pub fn leave(pipeline: &Pipeline, nodes: &BTreeSet<NodeId>) -> Vec<Edit> {
    let groups = pipeline.groups().iter().filter(|(_, group)| !group.nodes.is_disjoint(nodes));
    groups
        .map(|(id, group)| {
            let rest = group.nodes.difference(nodes).cloned().collect();
            Edit::SetGroup { id: id.clone(), group: group.with_nodes(rest) }
        })
        .collect()
}

/// The edits that dissolve the selected groups and those of the selected nodes.
pub fn ungroup(pipeline: &Pipeline, selection: &Selection) -> Vec<Edit> {
    groups_meant(pipeline, selection).into_iter().map(|id| Edit::SetGroup { id, group: None }).collect()
}

/// The selected groups; where none is, the groups of the selected nodes.
pub fn groups_meant(pipeline: &Pipeline, selection: &Selection) -> BTreeSet<LayoutId> {
    if !selection.groups.is_empty() {
        return selection.groups.clone();
    }
    let groups = selection.nodes.iter().flat_map(|id| pipeline.groups_of(id));
    groups.map(|(id, _)| id.clone()).collect()
}

/// The edits that put the selected nodes into the one group that some of them, or the selection, names.
pub fn join(pipeline: &Pipeline, selection: &Selection) -> Vec<Edit> {
    let Some(id) = groups_meant(pipeline, selection).into_iter().next() else { return Vec::new() };
    let Some(group) = pipeline.groups().get(&id) else { return Vec::new() };
    let newcomers: BTreeSet<NodeId> = selection.nodes.difference(&group.nodes).cloned().collect();
    if newcomers.is_empty() {
        return Vec::new();
    }
    let mut edits = leave(pipeline, &newcomers);
    let nodes = group.nodes.union(&newcomers).cloned().collect();
    edits.push(Edit::SetGroup { id, group: group.with_nodes(nodes) });
    edits
}

/// The edits that give the selected notes and groups a colour.
pub fn tint(pipeline: &Pipeline, selection: &Selection, tint: Tint) -> Vec<Edit> {
    let notes = selection.notes.iter().filter_map(|id| Some((id, pipeline.notes().get(id)?)));
    let notes = notes
        .filter(|(_, note)| note.tint != tint)
        .map(|(id, note)| Edit::SetNote { id: id.clone(), note: Some(Note { tint, ..note.clone() }) });
    let groups = groups_meant(pipeline, selection);
    let groups = groups.iter().filter_map(|id| Some((id, pipeline.groups().get(id)?)));
    let groups = groups
        .filter(|(_, group)| group.tint != tint)
        .map(|(id, group)| Edit::SetGroup { id: id.clone(), group: Some(Group { tint, ..group.clone() }) });
    notes.chain(groups).collect()
}

/// The edit that adds a note to `level`, and its id.
pub fn note(pipeline: &Pipeline, level: Option<&NodeId>, position: Position) -> (LayoutId, Edit) {
    let id = LayoutId::unused("note", |id| pipeline.notes().contains_key(id));
    let (width, height) = NOTE_SIZE;
    let inside = level.cloned();
    let note = Note { text: String::new(), tint: Tint::Orange, position, width, height, inside, ..Note::default() };
    (id.clone(), Edit::SetNote { id, note: Some(note) })
}
