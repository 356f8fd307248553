//! Carries out the commands of a frame. The only place where the state of the designer changes by a person's will.

use std::collections::BTreeMap;

use egui::Context;
use millrace_model::{Edit, EditError, Position};

use crate::command::{Command, Joint};
use crate::designer::Designer;
use crate::document::Document;
use crate::editing;
use crate::pick_list::PickList;
use crate::selection::Selection;
use crate::theme::Theme;

pub(crate) fn carry_out(designer: &mut Designer, ctx: &Context, command: Command) {
    match command {
        Command::Edit { label, edits, merge } => perform(designer, label, edits, merge),
        Command::EndBurst => {
            if let Some(document) = &mut designer.session.document {
                document.end_burst();
            }
        }
        Command::Undo => step(designer, Document::undo),
        Command::Redo => step(designer, Document::redo),
        Command::AddNode { kind, at, wire_from } => add_node(designer, &kind, at, wire_from.as_ref()),
        Command::DeleteSelection => delete(designer, "Delete"),
        Command::Copy => {
            copy(designer, ctx);
        }
        Command::Cut => {
            if copy(designer, ctx) {
                delete(designer, "Cut");
            }
        }
        Command::Paste { text } => paste(designer, &text, "Paste"),
        Command::Duplicate => {
            if let Some(text) = fragment_text(designer) {
                paste(designer, &text, "Duplicate");
            }
        }
        Command::ToggleDisabled => toggle_disabled(designer),
        Command::Nudge { dx, dy } => nudge(designer, dx, dy),
        Command::Rename(node) => {
            designer.shown.inspector = true;
            designer.focus.title = Some(node);
        }
        Command::RenameSelected => {
            designer.shown.inspector = true;
            designer.focus.title = designer.selection.single_node().cloned();
        }

        Command::Select(selection) => select(designer, selection),
        Command::SelectAll => {
            let all = designer.session.document.iter().flat_map(|document| document.pipeline().node_ids().cloned());
            let all = Selection::nodes(all);
            select(designer, all);
        }
        Command::ClearSelection => select(designer, Selection::default()),
        Command::JumpTo { node, param } => {
            designer.canvas.bring_into_view(&node);
            select(designer, Selection::node(node.clone()));
            designer.focus.param = param.map(|param| (node, param));
        }
        Command::ZoomToFit => designer.canvas.zoom_to_fit(),
        Command::ZoomBy(factor) => designer.canvas.zoom_by(factor),
        Command::ZoomReset => {
            let factor = 1.0 / designer.canvas.camera.zoom;
            designer.canvas.zoom_by(factor);
        }
        Command::ToggleTheme => {
            let is_dark = !Theme::of(ctx).is_dark;
            ctx.set_theme(if is_dark { egui::Theme::Dark } else { egui::Theme::Light });
            designer.session.remember_theme(is_dark);
        }
        Command::ToggleShortcuts => designer.shows_keys = !designer.shows_keys,
        Command::FocusSearch => {
            designer.shown.palette = true;
            designer.palette.focus_search();
        }
        Command::TogglePanel(side) => {
            let is_shown = designer.shown.panel(side);
            *is_shown = !*is_shown;
        }
        Command::ShowPalette => {
            let room = ctx.content_rect();
            let pos = egui::pos2(room.center().x - 150.0, room.min.y + 80.0);
            designer.pick_list = Some(PickList::actions(pos));
        }
        Command::QuickAdd { at, pos_in_screen, wire_from } => {
            designer.pick_list = Some(PickList::nodes(at, pos_in_screen, wire_from));
        }
        Command::Notify { is_error: true, text } => designer.session.say_error(text),
        Command::Notify { is_error: false, text } => designer.session.say(text),
        Command::ShowBottom(tab) => {
            designer.shown.bottom = true;
            designer.focus.bottom = Some(tab);
        }

        Command::Run => designer.session.run(),
        Command::ApplyToRun => designer.session.apply_to_run(),
        Command::Restart => designer.session.restart(),
        Command::Stop => designer.session.stop(),
        Command::Tap(wire) => {
            if wire.is_some() {
                designer.shown.bottom = true;
                designer.focus.bottom = Some(crate::command::BottomTab::Data);
            }
            designer.session.tap(wire);
        }
        Command::RecentRows { node, port } => designer.session.ask_recent_rows(node, port),
        Command::LookAt { node, look } => designer.session.look_at(node, look),
        Command::ExportView { node, seen, format, width, height } => {
            designer.session.export_view(node, seen, format, (width, height));
        }
        Command::Download { name, bytes } => designer.session.link().download(&name, &bytes),

        Command::ShowProjects => designer.session.show_projects(),
        Command::CloseProjects => designer.session.shows_projects = false,
        Command::OpenProject(project) => designer.session.open_project(project),
        Command::NewProject => designer.session.new_project(),
        Command::DeleteProject(project) => designer.session.delete_project(project),
        Command::Import => designer.session.import(),
        Command::Export => designer.session.export(),
        Command::AskRevision => designer.revision_name = Some(String::new()),
        Command::SaveRevision { name } => designer.session.save_revision(name),
        Command::ResolveConflict { keep_mine } => designer.session.resolve_conflict(keep_mine),
        Command::PickPath { node, param, save } => designer.session.pick_path(node, param, save),
    }
}

fn perform(designer: &mut Designer, label: String, edits: Vec<Edit>, merge: Option<String>) {
    let Some(document) = &mut designer.session.document else { return };
    let done = document.perform(label, edits, merge);
    settle(designer, done);
}

fn step(designer: &mut Designer, take: impl FnOnce(&mut Document) -> Result<Option<String>, EditError>) {
    let Some(document) = &mut designer.session.document else { return };
    let done = take(document).map(|_| ());
    settle(designer, done);
}

/// After a change, made or not.
fn settle(designer: &mut Designer, done: Result<(), EditError>) {
    match done {
        Ok(()) => {
            designer.session.edited();
            if let Some(document) = &designer.session.document {
                designer.selection.retain_existing(document.pipeline());
                let tapped = designer.session.live.tapped.clone();
                if tapped.is_some_and(|wire| !document.pipeline().has_wire(&wire)) {
                    designer.session.live.tap_wire(None);
                }
            }
        }
        Err(error) => designer.session.say_error(format!("This cannot be done: {error}.")),
    }
}

fn select(designer: &mut Designer, selection: Selection) {
    if designer.selection != selection {
        designer.selection = selection;
        if let Some(document) = &mut designer.session.document {
            document.end_burst();
            designer.selection.retain_existing(document.pipeline());
        }
    }
}

fn add_node(designer: &mut Designer, kind: &str, at: Option<Position>, joint: Option<&Joint>) {
    let session = &designer.session;
    let (Some(document), Some(card)) = (&session.document, session.catalog.card(kind)) else { return };
    let position = at.unwrap_or_else(|| designer.canvas.place_in_middle());
    let (id, mut edits) = editing::add_node(document.pipeline(), &session.catalog, card, position, joint);
    if let Some(pinned) = designer.canvas.pin_unplaced(document.pipeline(), |_| false) {
        edits.insert(0, pinned);
    }
    let label = format!("Add {}", card.title);
    perform(designer, label, edits, None);
    select(designer, Selection::node(id));
}

fn delete(designer: &mut Designer, verb: &str) {
    let session = &designer.session;
    let Some(document) = &session.document else { return };
    let selection = &designer.selection;
    let edits = editing::removal(document.pipeline(), &selection.nodes, &selection.wires);
    let titles: Vec<String> = selection
        .nodes
        .iter()
        .filter_map(|id| document.pipeline().node(id))
        .map(|node| session.catalog.title_of(node).to_owned())
        .collect();
    let label = if titles.is_empty() {
        let wires: Vec<String> = selection.wires.iter().map(|_| "wire".to_owned()).collect();
        editing::label_for(verb, &wires, "wires")
    } else {
        editing::label_for(verb, &titles, "nodes")
    };
    if !edits.is_empty() {
        perform(designer, label, edits, None);
    }
}

/// The selected nodes as text, each with the place where it stands.
fn fragment_text(designer: &Designer) -> Option<String> {
    let document = designer.session.document.as_ref()?;
    if designer.selection.nodes.is_empty() {
        return None;
    }
    let ids: Vec<_> = designer.selection.nodes.iter().cloned().collect();
    let mut fragment = document.pipeline().fragment(&ids);
    for id in ids {
        if let Some(position) = designer.canvas.position_of(&id) {
            fragment.positions.entry(id).or_insert(position);
        }
    }
    serde_json::to_string_pretty(&fragment).ok()
}

/// Whether there was something to copy.
fn copy(designer: &Designer, ctx: &Context) -> bool {
    let text = fragment_text(designer);
    let is_some = text.is_some();
    if let Some(text) = text {
        ctx.copy_text(text);
    }
    is_some
}

fn paste(designer: &mut Designer, text: &str, verb: &str) {
    let Some(fragment) = editing::fragment_from(text) else {
        designer.session.say("The clipboard holds no nodes of Millrace.".to_owned());
        return;
    };
    let Some(document) = &designer.session.document else { return };
    let pipeline = document.pipeline();
    let corner = fragment.positions.values().copied().reduce(|a, b| Position { x: a.x.min(b.x), y: a.y.min(b.y) });
    let seen = designer.canvas.camera.visible();
    let top_left = match corner.filter(|corner| seen.contains(egui::pos2(corner.x as f32, corner.y as f32))) {
        Some(corner) => {
            // A little off the original, and off earlier copies.
            let first = fragment.positions.iter().min_by_key(|(_, at)| (at.x, at.y)).map_or(corner, |(_, at)| *at);
            let taken: Vec<Position> = pipeline.node_ids().filter_map(|id| designer.canvas.position_of(id)).collect();
            let shift = (1..)
                .map(|n| n * 32)
                .find(|n| !taken.contains(&Position { x: first.x + n, y: first.y + n }))
                .unwrap_or(32);
            Position { x: corner.x + shift, y: corner.y + shift }
        }
        None => designer.canvas.place_in_middle(),
    };
    let (ids, mut edits) = editing::paste(pipeline, &fragment, Some(top_left));
    if let Some(pinned) = designer.canvas.pin_unplaced(pipeline, |_| false) {
        edits.insert(0, pinned);
    }
    let titles: Vec<String> =
        fragment.nodes.iter().map(|node| designer.session.catalog.title_of(node).to_owned()).collect();
    perform(designer, editing::label_for(verb, &titles, "nodes"), edits, None);
    select(designer, Selection::nodes(ids));
}

fn toggle_disabled(designer: &mut Designer) {
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

fn nudge(designer: &mut Designer, dx: i32, dy: i32) {
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
