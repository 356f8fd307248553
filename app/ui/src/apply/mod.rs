//! Carries out the commands of a frame. The only place where the state of the designer changes by a person's will.

mod capturing;
mod dashboards;
mod edits;
mod looks;
mod nesting;
mod revisions;

use std::collections::BTreeMap;

use egui::Context;
use millrace_model::text::Fragment;
use millrace_model::{Edit, EditError, Position};
use millrace_protocol::Move;

use crate::canvas::{snapped, to_pos};
use crate::command::{Command, Joint};
use crate::designer::Designer;
use crate::document::Document;
use crate::editing::{self, Pasted, annotate};
use crate::help::HelpPage;
use crate::keys_page::KeysPage;
use crate::pick_list::PickList;
use crate::revisions::{NameDialog, NameOf};
use crate::selection::Selection;
use crate::standing::Mark;
use crate::theme::Theme;
use crate::tour::Tour;

/// The setting that keeps how the canvas is shown.
pub(crate) const LOOK_SETTING: &str = "canvas";
/// The node kinds that the person added last.
pub(crate) const RECENT_KINDS_SETTING: &str = "recent_kinds";
/// The setting that keeps the keys that the person chose.
pub(crate) const KEYS_SETTING: &str = "keys";

pub(crate) fn carry_out(designer: &mut Designer, ctx: &Context, command: Command) {
    dashboards::make_way(designer, &command);
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
        Command::PasteCopied => {
            if let Some(text) = designer.copied.clone() {
                paste(designer, &text, "Paste");
            }
        }
        Command::Duplicate => {
            if let Some(fragment) = fragment_of(designer) {
                paste_fragment(designer, &fragment, "Duplicate");
            }
        }
        Command::Arrange(wish) => edits::arrange(designer, wish),
        Command::Nodes(wish) => edits::change_nodes(designer, wish),
        Command::Annotate(wish) => edits::annotate(designer, wish),
        Command::Nest(wish) => nesting::change(designer, wish),
        Command::AddNote { at } => edits::add_note(designer, at),
        Command::InsertNode { kind, wire, at } => edits::insert_node(designer, &kind, &wire, at),
        Command::ReplaceNode { kind, node } => edits::replace_node(designer, &kind, &node),
        Command::Bookmark(wish) => edits::bookmark(designer, wish),
        Command::Dashboard(wish) => dashboards::carry_out(designer, ctx, wish),
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

        Command::Open(level) => nesting::open(designer, level.as_ref()),
        Command::Select(selection) => select(designer, selection),
        Command::Pick(wish) => looks::pick(designer, wish),
        Command::FormerSelection => looks::former(designer),
        Command::Look(wish) => looks::look(designer, ctx, wish),
        Command::CopyParams => {
            let document = designer.session.document.as_ref();
            let node = document.zip(designer.selection.single_node()).and_then(|(it, id)| it.pipeline().node(id));
            designer.copied_params = node.map(|node| (node.kind.clone(), node.params.clone()));
        }
        Command::CopyPipeline => {
            if let Some(document) = &designer.session.document {
                ctx.copy_text(document.pipeline().to_text());
                designer.session.say("The pipeline file is in the clipboard.".to_owned());
            }
        }
        Command::AskReplace => looks::ask_replace(designer, ctx),
        Command::AskInsert => looks::ask_insert(designer, ctx),
        Command::AddBeside { is_before } => looks::add_beside(designer, ctx, is_before),
        Command::QuickAddInMiddle => {
            let at = designer.canvas.place_in_middle();
            looks::ask_node(designer, at, looks::middle(ctx), None);
        }
        Command::RenameGroup => {
            let document = designer.session.document.as_ref();
            let groups = document.map(|document| annotate::groups_meant(document.pipeline(), &designer.selection));
            if let Some(id) = groups.and_then(|groups| groups.into_iter().next()) {
                designer.canvas.write(id);
            }
        }
        Command::EditNote(id) => {
            if let Some(id) = id.or_else(|| designer.selection.notes.first().cloned()) {
                designer.canvas.write(id);
            }
        }
        Command::SetKeys { action, keys } => {
            designer.keymap.set(action, keys);
            designer.session.remember(KEYS_SETTING, designer.keymap.to_value());
        }
        Command::ResetKeys => {
            designer.keymap.reset();
            designer.session.remember(KEYS_SETTING, designer.keymap.to_value());
        }
        Command::ClearSelection => select(designer, Selection::default()),
        Command::JumpTo { node, param } => {
            nesting::open_around(designer, &node);
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
        Command::ToggleShortcuts => {
            designer.keys_page = if designer.keys_page.is_some() { None } else { Some(KeysPage::default()) };
        }
        Command::FocusSearch => {
            designer.shown.palette = true;
            designer.palette.focus_search();
        }
        Command::TogglePanel(side) => {
            let is_shown = designer.shown.panel(side);
            *is_shown = !*is_shown;
        }
        Command::ShowHelp(kind) => show_help(designer, kind),
        Command::HelpOfSelected => {
            let document = designer.session.document.as_ref();
            let node = document.zip(designer.selection.single_node()).and_then(|(it, id)| it.pipeline().node(id));
            let kind = node.map(|node| node.kind.clone());
            show_help(designer, kind);
        }
        Command::StartTour => designer.tour = Some(Tour::default()),
        Command::SkipTourStep => {
            if let Some(tour) = &mut designer.tour {
                tour.skip();
            }
        }
        Command::EndTour => {
            designer.tour = None;
            designer.session.remember(crate::tour::SETTING, true.into());
        }
        Command::ShowPalette => {
            designer.pick_list = Some(PickList::actions(looks::middle(ctx)));
        }
        Command::QuickAdd { at, pos_in_screen, wire_from } => {
            looks::ask_node(designer, at, pos_in_screen, wire_from);
        }
        Command::PickWire => pick_wire(designer, ctx),
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
        Command::SetBreakpoint { wire, mark } => designer.session.set_breakpoint(wire, mark),
        Command::ToggleBreakpoint => {
            if let Some(wire) = designer.selection.single_wire().cloned() {
                let mark = if designer.session.live.marks.contains_key(&wire) { None } else { Some(Mark::default()) };
                designer.session.set_breakpoint(wire, mark);
            }
        }
        Command::ClearBreakpoints => designer.session.clear_breakpoints(),
        Command::TogglePause => {
            let how = if designer.session.live.standstill().is_some() { Move::Resume } else { Move::Pause };
            designer.session.move_run(how);
        }
        Command::Step => designer.session.move_run(Move::Step),
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
        Command::Capture(wish) => capturing::carry_out(designer, wish),
        Command::Download { name, bytes } => designer.session.link().download(&name, &bytes),

        Command::ShowProjects => designer.session.show_projects(),
        Command::CloseProjects => designer.session.shows_projects = false,
        Command::OpenProject(project) => designer.session.open_project(project),
        Command::NewProject => designer.session.new_project(),
        Command::UseTemplate { name } => designer.session.use_template(&name),
        Command::DeleteProject(project) => designer.session.delete_project(project),
        Command::Import => designer.session.import(),
        Command::Export => designer.session.export(),
        Command::AskRevision => designer.name_dialog = Some(NameDialog::new(NameOf::Now, "")),
        Command::Revision(wish) => revisions::carry_out(designer, wish),
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
                designer.canvas.follow(document.pipeline());
                designer.selection.retain_at(document.pipeline(), designer.canvas.level());
                let tapped = designer.session.live.tapped.clone();
                if tapped.is_some_and(|wire| !document.pipeline().has_wire(&wire)) {
                    designer.session.live.tap_wire(None);
                }
            }
        }
        Err(error) => designer.session.say_error(format!("This cannot be done: {error}.")),
    }
}

/// The page stands where the inspector else is.
fn show_help(designer: &mut Designer, kind: Option<String>) {
    designer.help = kind.map(HelpPage::of);
    designer.shows_revisions &= designer.help.is_none();
    designer.shown.inspector |= designer.help.is_some();
}

fn select(designer: &mut Designer, selection: Selection) {
    if designer.selection != selection {
        designer.help = None;
        let former = std::mem::replace(&mut designer.selection, selection);
        if !former.is_empty() {
            designer.former_selection = former;
        }
        if let Some(document) = &mut designer.session.document {
            document.end_burst();
            designer.selection.retain_at(document.pipeline(), designer.canvas.level());
        }
    }
}

fn add_node(designer: &mut Designer, kind: &str, at: Option<Position>, joint: Option<&Joint>) {
    let session = &designer.session;
    let (Some(document), Some(card)) = (&session.document, session.catalog.card(kind)) else { return };
    let position = at.unwrap_or_else(|| designer.canvas.place_in_middle());
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

/// Remembers that a node of this kind was added: the lists of nodes offer it sooner.
fn note_kind(designer: &mut Designer, kind: &str) {
    designer.recent_kinds.note(kind);
    designer.session.remember(RECENT_KINDS_SETTING, designer.recent_kinds.to_value());
}

/// Opens the list of wires that may begin at the selected node.
fn pick_wire(designer: &mut Designer, ctx: &Context) {
    let session = &mut designer.session;
    let (Some(document), Some(id)) = (&session.document, designer.selection.single_node()) else {
        return session.say("Select the node where the wire is to begin.".to_owned());
    };
    let near = designer.canvas.nodes_by_distance(id);
    let wires = editing::wires_from(document.pipeline(), &session.catalog, id, &near);
    if wires.is_empty() {
        return session.say("There is no port that this node could be wired to.".to_owned());
    }
    let room = ctx.content_rect();
    let pos = egui::pos2(room.center().x - 150.0, room.min.y + 80.0);
    designer.pick_list = Some(PickList::wires(wires, pos));
}

fn delete(designer: &mut Designer, verb: &str) {
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

/// The selected nodes and notes, each with the place where it stands.
fn fragment_of(designer: &Designer) -> Option<Fragment> {
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
fn copy(designer: &mut Designer, ctx: &Context) -> bool {
    let text = fragment_of(designer).and_then(|fragment| serde_json::to_string_pretty(&fragment).ok());
    let is_some = text.is_some();
    if let Some(text) = text {
        designer.copied = Some(text.clone());
        ctx.copy_text(text);
    }
    is_some
}

fn paste(designer: &mut Designer, text: &str, verb: &str) {
    match editing::fragment_from(text) {
        Some(fragment) => paste_fragment(designer, &fragment, verb),
        None => designer.session.say("The clipboard holds no nodes of Millrace.".to_owned()),
    }
}

/// Where the corner of a fragment comes to stand: a little off the original where that is seen, else in the middle.
fn place_for(designer: &Designer, fragment: &Fragment) -> Position {
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
