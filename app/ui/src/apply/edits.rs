//! Commands that change the pipeline by what is selected. Each makes one undo step.

use std::collections::{BTreeMap, BTreeSet};

use egui::Rect;
use millrace_model::{Bookmark, Edit, Endpoint, LayoutId, Node, NodeId, Position, Wire};

use super::{clipboard, perform, select};
use crate::canvas::{View, to_pos};
use crate::command::{AnnotateWish, BookmarkWish, NodeWish};
use crate::designer::Designer;
use crate::editing::arrange::Arrange;
use crate::editing::rewire::Ends;
use crate::editing::{self, Pasted, annotate, rewire};
use crate::selection::Selection;

/// The titles of nodes, for the words of the undo menu.
pub(super) fn titles<'a>(designer: &Designer, ids: impl IntoIterator<Item = &'a NodeId>) -> Vec<String> {
    let Some(document) = &designer.session.document else { return Vec::new() };
    let nodes = ids.into_iter().filter_map(|id| document.pipeline().node(id));
    nodes.map(|node| designer.session.catalog.title_of(node).to_owned()).collect()
}

/// Makes the edits as one step in the words `verb` and the selected nodes. The other nodes stay where they are seen.
fn change(designer: &mut Designer, verb: &str, edits: Vec<Edit>) {
    if !edits.is_empty() {
        let label = editing::label_for(verb, &titles(designer, &designer.selection.nodes), "nodes");
        perform(designer, label, edits, None);
    }
}

/// Moves nodes; those that nobody has placed are pinned where they are seen.
fn move_nodes(designer: &mut Designer, verb: &str, positions: BTreeMap<NodeId, Option<Position>>) {
    let Some(document) = &designer.session.document else { return };
    if positions.is_empty() {
        return;
    }
    let mut all = positions;
    if let Some(Edit::Move { positions: rest }) =
        designer.canvas.pin_unplaced(document.pipeline(), |id| all.contains_key(id))
    {
        all.extend(rest);
    }
    change(designer, verb, vec![Edit::Move { positions: all }]);
}

pub(super) fn arrange(designer: &mut Designer, wish: Arrange) {
    let ids = designer.selection.nodes.clone();
    let positions = arranged(designer, wish, &ids);
    move_nodes(designer, wish.verb(), positions);
}

fn arranged(designer: &Designer, wish: Arrange, ids: &BTreeSet<NodeId>) -> BTreeMap<NodeId, Option<Position>> {
    let Some(document) = &designer.session.document else { return BTreeMap::new() };
    let nodes: Vec<(NodeId, Rect)> = designer.canvas.rects().into_iter().filter(|(id, _)| ids.contains(id)).collect();
    let index: BTreeMap<&NodeId, usize> = nodes.iter().enumerate().map(|(index, (id, _))| (id, index)).collect();
    let wires = document.pipeline().wires();
    let among = wires.iter().filter_map(|wire| Some((*index.get(&wire.from.node)?, *index.get(&wire.to.node)?)));
    let wires: Vec<(usize, usize)> = among.collect();
    wish.places(&nodes, &wires)
}

pub(super) fn change_nodes(designer: &mut Designer, wish: NodeWish) {
    let Some(document) = &designer.session.document else { return };
    let (pipeline, catalog) = (document.pipeline(), &designer.session.catalog);
    let chosen = &designer.selection.nodes;
    let nodes = || chosen.iter().filter_map(|id| pipeline.node(id));
    let disable = |node: &Node, disabled| Edit::SetDisabled { id: node.id.clone(), disabled };
    match wish {
        NodeWish::DuplicateWired => duplicate_wired(designer),
        NodeWish::Bridge => {
            let edits = rewire::bridge(pipeline, chosen);
            change(designer, "Delete and bridge", edits);
        }
        NodeWish::ResetTitle => {
            let edits = nodes().filter(|node| node.title.is_some());
            let edits = edits.map(|node| Edit::SetTitle { id: node.id.clone(), title: None }).collect();
            change(designer, "Reset the title of", edits);
        }
        NodeWish::EnableAll => {
            let edits: Vec<Edit> =
                pipeline.nodes().filter(|node| node.disabled).map(|node| disable(node, false)).collect();
            if !edits.is_empty() {
                perform(designer, "Enable all nodes".to_owned(), edits, None);
            }
        }
        NodeWish::DisableOthers => {
            let is_wrong = |node: &&Node| node.disabled == chosen.contains(&node.id);
            let edits = pipeline
                .nodes_at(designer.canvas.level())
                .filter(is_wrong)
                .map(|node| disable(node, !chosen.contains(&node.id)))
                .collect();
            change(designer, "Disable all but", edits);
        }
        NodeWish::PasteParams => paste_params(designer),
        NodeWish::ResetParams => {
            let reset = |node: &Node| {
                let id = node.id.clone();
                let names: Vec<String> = node.params.keys().cloned().collect();
                names.into_iter().map(move |name| Edit::SetParam { id: id.clone(), name, value: None })
            };
            let edits = nodes().flat_map(reset).collect();
            change(designer, "Reset the settings of", edits);
        }
        NodeWish::Chain => {
            let mut ids: Vec<(Position, NodeId)> =
                chosen.iter().filter_map(|id| Some((designer.canvas.position_of(id)?, id.clone()))).collect();
            ids.sort_by_key(|(at, id)| (at.x, at.y, id.clone()));
            let ids: Vec<NodeId> = ids.into_iter().map(|(_, id)| id).collect();
            let edits = rewire::chain(pipeline, catalog, &ids);
            if edits.is_empty() {
                designer.session.say("These nodes are wired, or no port of one fits the next.".to_owned());
            }
            change(designer, "Wire", edits);
        }
        NodeWish::Unwire(ends) => {
            let edits = rewire::unwire(pipeline, chosen, ends);
            let verb = match ends {
                Ends::Inputs => "Unwire the inputs of",
                Ends::Outputs => "Unwire the outputs of",
                Ends::Both => "Unwire",
            };
            change(designer, verb, edits);
        }
        NodeWish::Swap => {
            let mut places: Vec<(Position, NodeId)> =
                chosen.iter().filter_map(|id| Some((designer.canvas.position_of(id)?, id.clone()))).collect();
            places.sort_by_key(|(at, _)| (at.x, at.y));
            if let [(at_a, a), .., (at_b, b)] = &places[..] {
                let positions = BTreeMap::from([(a.clone(), Some(*at_b)), (b.clone(), Some(*at_a))]);
                move_nodes(designer, "Swap", positions);
            }
        }
        NodeWish::TidyAll => {
            let all = pipeline.node_ids().cloned().collect();
            let positions = arranged(designer, Arrange::Tidy, &all);
            if !positions.is_empty() {
                perform(designer, "Tidy all".to_owned(), vec![Edit::Move { positions }], None);
                designer.canvas.zoom_to_fit();
            }
        }
        NodeWish::Release => {
            let placed = chosen.iter().filter(|id| pipeline.position(id).is_some());
            let positions = placed.map(|id| (id.clone(), None)).collect();
            move_nodes(designer, "Let the layout place", positions);
        }
    }
}

fn paste_params(designer: &mut Designer) {
    let Some(document) = &designer.session.document else { return };
    let Some((kind, params)) = &designer.copied_params else { return };
    let chosen = designer.selection.nodes.iter().filter_map(|id| document.pipeline().node(id));
    let mut edits = Vec::new();
    for node in chosen.filter(|node| node.kind == *kind && node.params != *params) {
        let names: BTreeSet<&String> = node.params.keys().chain(params.keys()).collect();
        for name in names.into_iter().filter(|name| node.params.get(*name) != params.get(*name)) {
            let (id, name, value) = (node.id.clone(), name.clone(), params.get(name).cloned());
            edits.push(Edit::SetParam { id, name, value });
        }
    }
    if edits.is_empty() {
        designer.session.say("The copied settings are of another kind of node, or they are set already.".to_owned());
    }
    change(designer, "Paste the settings of", edits);
}

/// Copies that hang on what feeds the originals.
fn duplicate_wired(designer: &mut Designer) {
    let Some(document) = &designer.session.document else { return };
    let pipeline = document.pipeline();
    let ids: Vec<NodeId> = designer.selection.nodes.iter().cloned().collect();
    let Some(fragment) = clipboard::fragment_of(designer) else { return };
    let top_left = clipboard::place_for(designer, &fragment);
    let level = designer.canvas.level();
    let Pasted { nodes: copies, mut edits, .. } = editing::paste(pipeline, &fragment, level, Some(top_left));
    for (old, new) in ids.iter().zip(&copies) {
        for wire in pipeline.wires_into(old).into_iter().filter(|wire| !ids.contains(&wire.from.node)) {
            let to = Endpoint::new(new.clone(), wire.to.port);
            edits.push(Edit::AddWire { wire: Wire::new(wire.from, to) });
        }
    }
    if let Some(pinned) = designer.canvas.pin_unplaced(pipeline, |_| false) {
        edits.insert(0, pinned);
    }
    change(designer, "Duplicate", edits);
    select(designer, Selection::nodes(copies));
}

pub(super) fn annotate(designer: &mut Designer, wish: AnnotateWish) {
    let Some(document) = &designer.session.document else { return };
    let (pipeline, selection) = (document.pipeline(), &designer.selection);
    match wish {
        AnnotateWish::Group => {
            let (id, edits) = annotate::group(pipeline, &selection.nodes);
            let nodes = selection.nodes.clone();
            change(designer, "Group", edits);
            select(designer, Selection::group(id.clone(), nodes));
            designer.canvas.write(id);
        }
        AnnotateWish::Ungroup => {
            let edits = annotate::ungroup(pipeline, selection);
            change(designer, "Ungroup", edits);
        }
        AnnotateWish::Join => {
            let edits = annotate::join(pipeline, selection);
            if edits.is_empty() {
                designer.session.say("Select nodes outside of the group too; they are added to it.".to_owned());
            }
            change(designer, "Add to the group", edits);
        }
        AnnotateWish::Leave => {
            let edits = annotate::leave(pipeline, &selection.nodes);
            change(designer, "Take out of the group", edits);
        }
        AnnotateWish::Tint(tint) => {
            let edits = annotate::tint(pipeline, selection, tint);
            if !edits.is_empty() {
                perform(designer, format!("Colour: {}", tint.title().to_lowercase()), edits, None);
            }
        }
    }
}

pub(super) fn add_note(designer: &mut Designer, at: Option<Position>) {
    let Some(document) = &designer.session.document else { return };
    let at = at.unwrap_or_else(|| designer.canvas.place_in_middle());
    let (id, edit) = annotate::note(document.pipeline(), designer.canvas.level(), at);
    perform(designer, "Add a note".to_owned(), vec![edit], None);
    select(designer, Selection::note(id.clone()));
    designer.canvas.write(id);
}

pub(super) fn bookmark(designer: &mut Designer, wish: BookmarkWish) {
    let Some(document) = &designer.session.document else { return };
    let bookmarks = document.pipeline().bookmarks();
    let index_by = |step: usize| match designer.bookmark {
        Some(index) => (index + step) % bookmarks.len().max(1),
        None => 0,
    };
    let going = match wish {
        BookmarkWish::Add => {
            let id = LayoutId::unused("view", |id| bookmarks.contains_key(id));
            let camera = designer.canvas.camera;
            let number = id.as_str().rsplit('_').next().unwrap_or_default();
            let bookmark = Bookmark {
                title: format!("View {number}"),
                center: Position { x: camera.center.x.round() as i32, y: camera.center.y.round() as i32 },
                zoom_percent: (camera.zoom * 100.0).round() as u32,
                inside: designer.canvas.level().cloned(),
                ..Bookmark::default()
            };
            let said = format!("“{}” is kept. Press B to go through the bookmarks.", bookmark.title);
            perform(
                designer,
                "Add a bookmark".to_owned(),
                vec![Edit::SetBookmark { id, bookmark: Some(bookmark) }],
                None,
            );
            designer.session.say(said);
            return;
        }
        BookmarkWish::RemoveLast | BookmarkWish::RemoveAll => {
            let num_kept = if wish == BookmarkWish::RemoveAll { 0 } else { bookmarks.len().saturating_sub(1) };
            let gone = bookmarks.keys().skip(num_kept);
            let edits: Vec<Edit> = gone.map(|id| Edit::SetBookmark { id: id.clone(), bookmark: None }).collect();
            let label = editing::label_for("Remove", &vec!["a bookmark".to_owned(); edits.len()], "bookmarks");
            if !edits.is_empty() {
                perform(designer, label, edits, None);
            }
            return;
        }
        BookmarkWish::Go(index) => index,
        BookmarkWish::Next => index_by(1),
        BookmarkWish::Previous => index_by(bookmarks.len().max(1) - 1),
    };
    if let Some(bookmark) = bookmarks.values().nth(going) {
        let view = View {
            level: bookmark.inside.clone(),
            center: to_pos(bookmark.center),
            zoom: bookmark.zoom_percent as f32 / 100.0,
        };
        designer.canvas.go_to(document.pipeline(), &view);
        designer.selection.retain_at(document.pipeline(), designer.canvas.level());
        designer.bookmark = Some(going);
    }
}
