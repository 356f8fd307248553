//! Carries out the commands of a frame. The only place where the state of the designer changes by a person's will.

mod capturing;
mod clipboard;
mod dashboards;
mod edits;
mod looks;
mod nesting;
mod nodes;
mod revisions;

use egui::Context;
use millrace_model::{Edit, EditError};
use millrace_protocol::Move;

use crate::chart_file;
use crate::command::Command;
use crate::designer::Designer;
use crate::document::Document;
use crate::editing::annotate;
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
/// The node kinds that the person marked as favourites.
pub(crate) const FAVOURITE_KINDS_SETTING: &str = "favourite_kinds";
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
        Command::AddNode { kind, at, wire_from } => nodes::add_node(designer, ctx, &kind, at, wire_from.as_ref()),
        Command::DeleteSelection => nodes::delete(designer, "Delete"),
        Command::Copy => {
            clipboard::copy(designer, ctx);
        }
        Command::Cut => {
            if clipboard::copy(designer, ctx) {
                nodes::delete(designer, "Cut");
            }
        }
        Command::Paste { text } => clipboard::paste(designer, &text, "Paste"),
        Command::PasteCopied => {
            if let Some(text) = designer.copied.clone() {
                clipboard::paste(designer, &text, "Paste");
            }
        }
        Command::Duplicate => clipboard::duplicate(designer),
        Command::Arrange(wish) => edits::arrange(designer, wish),
        Command::Nodes(wish) => edits::change_nodes(designer, wish),
        Command::Annotate(wish) => edits::annotate(designer, wish),
        Command::Nest(wish) => nesting::change(designer, wish),
        Command::AddNote { at } => edits::add_note(designer, at),
        Command::InsertNode { kind, wire, at } => nodes::insert_node(designer, &kind, &wire, at),
        Command::Convert { kind, from, goal } => nodes::convert(designer, &kind, &from, goal),
        Command::ReplaceNode { kind, node } => nodes::replace_node(designer, &kind, &node),
        Command::Bookmark(wish) => edits::bookmark(designer, wish),
        Command::Dashboard(wish) => dashboards::carry_out(designer, ctx, wish),
        Command::ToggleDisabled => nodes::toggle_disabled(designer),
        Command::Nudge { dx, dy } => nodes::nudge(designer, dx, dy),
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
        Command::GoToSettings => looks::go_to_settings(designer),
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
        Command::ToggleFavourite(kind) => {
            if let Some(kind) = kind.or_else(|| kind_of_selected(designer)) {
                designer.palette.favourites.toggle(&kind);
                designer.session.remember(FAVOURITE_KINDS_SETTING, designer.palette.favourites.to_value());
            }
        }
        Command::TogglePanel(side) => {
            let is_shown = designer.shown.panel(side);
            *is_shown = !*is_shown;
        }
        Command::ShowHelp(kind) => show_help(designer, kind),
        Command::HelpOfSelected => {
            let kind = kind_of_selected(designer);
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
        Command::PickWire => looks::pick_wire(designer, ctx),
        Command::OfferConverters { misfit, from, goal, pos_in_screen } => {
            looks::offer_converters(designer, misfit, from, goal, pos_in_screen);
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
        Command::SaveChart { node, file } => {
            if let Some(node) = node.or_else(|| designer.selection.single_node().cloned()) {
                chart_file::save(&mut designer.session, ctx, &node, file);
            }
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
        Command::GiveUp { call } => designer.session.give_up(call),
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

fn kind_of_selected(designer: &Designer) -> Option<String> {
    let document = designer.session.document.as_ref();
    let node = document.zip(designer.selection.single_node()).and_then(|(it, id)| it.pipeline().node(id));
    node.map(|node| node.kind.clone())
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
