//! Actions that change nodes, wires and their settings.

use egui::Key;
use millrace_model::{Nesting, Tint};

use super::{ALT, ALT_SHIFT, Action, CTRL, CTRL_ALT, CTRL_SHIFT, NONE, Need, SHIFT, key};
use crate::command::{AnnotateWish, Command, NestWish, NodeWish};
use crate::editing::rewire::Ends;

const fn node(
    id: &'static str,
    title: &'static str,
    keys: super::Keys,
    need: Need,
    command: fn() -> Command,
) -> Action {
    Action::edit(id, title, keys, need, command)
}

#[rustfmt::skip]
pub(super) const ACTIONS: &[Action] = &[
    node("edit.undo", "Undo", &[key(CTRL, Key::Z)], Need::Undo, || Command::Undo).through_history().with_icon("arrow-u-up-left"),
    node("edit.redo", "Redo", &[key(CTRL_SHIFT, Key::Z), key(CTRL, Key::Y)], Need::Redo, || Command::Redo).through_history().with_icon("arrow-u-up-right"),
    Action::view("edit.add_node", "Add a node…", &[key(NONE, Key::A)], Need::Nothing, || Command::QuickAddInMiddle).with_icon("plus").in_group(super::Group::Edit),
    Action::view("edit.copy", "Copy", &[], Need::Selected, || Command::Copy).with_icon("copy").in_group(super::Group::Edit),
    node("edit.cut", "Cut", &[], Need::NodeOrNote, || Command::Cut).with_icon("scissors"),
    node("edit.paste", "Paste what was copied here", &[], Need::CopiedNodes, || Command::PasteCopied).with_icon("clipboard-text"),
    node("edit.duplicate", "Duplicate", &[key(CTRL, Key::D)], Need::NodeOrNote, || Command::Duplicate).with_icon("copy"),
    node("edit.duplicate_wired", "Duplicate with its input wires", &[key(CTRL_SHIFT, Key::D)], Need::Node, || Command::Nodes(NodeWish::DuplicateWired)),
    node("edit.delete", "Delete", &[key(NONE, Key::Delete), key(NONE, Key::Backspace)], Need::Selected, || Command::DeleteSelection).with_icon("trash"),
    node("edit.delete_and_bridge", "Delete and close the gap", &[key(SHIFT, Key::Delete), key(SHIFT, Key::Backspace)], Need::Node, || Command::Nodes(NodeWish::Bridge)).with_icon("arrows-merge"),
    Action::view("edit.rename", "Rename", &[key(NONE, Key::F2)], Need::OneNode, || Command::RenameSelected).with_icon("pencil-simple").in_group(super::Group::Edit),
    node("edit.reset_title", "Use the title of its kind", &[], Need::OwnTitle, || Command::Nodes(NodeWish::ResetTitle)),
    node("edit.toggle_disabled", "Disable or enable", &[key(NONE, Key::D)], Need::Node, || Command::ToggleDisabled).with_icon("prohibit"),
    node("edit.enable_all", "Enable all nodes", &[], Need::SomeDisabled, || Command::Nodes(NodeWish::EnableAll)).with_icon("power"),
    node("edit.disable_others", "Disable all other nodes", &[], Need::Node, || Command::Nodes(NodeWish::DisableOthers)),
    Action::view("edit.copy_params", "Copy its settings", &[key(CTRL_ALT, Key::C)], Need::OneNode, || Command::CopyParams).in_group(super::Group::Edit),
    node("edit.paste_params", "Paste settings", &[key(CTRL_ALT, Key::V)], Need::CopiedParams, || Command::Nodes(NodeWish::PasteParams)),
    node("edit.reset_params", "Reset its settings", &[], Need::OwnParams, || Command::Nodes(NodeWish::ResetParams)).with_icon("arrow-counter-clockwise"),
    Action::view("edit.replace", "Replace with another node…", &[key(NONE, Key::R)], Need::OneNode, || Command::AskReplace).with_icon("swap").in_group(super::Group::Edit),
    Action::view("edit.insert_on_wire", "Insert a node into the wire…", &[key(NONE, Key::I)], Need::OneWire, || Command::AskInsert).with_icon("plus").in_group(super::Group::Edit),
    Action::view("edit.add_before", "Add a node before…", &[key(ALT, Key::B)], Need::OneNode, || Command::AddBeside { is_before: true }).in_group(super::Group::Edit),
    Action::view("edit.add_after", "Add a node after…", &[key(ALT, Key::A)], Need::OneNode, || Command::AddBeside { is_before: false }).in_group(super::Group::Edit),
    node("edit.chain", "Wire from left to right", &[key(CTRL, Key::L)], Need::TwoNodes, || Command::Nodes(NodeWish::Chain)).with_icon("link"),
    Action::view("edit.wire_to", "Wire to…", &[key(NONE, Key::W)], Need::OneNode, || Command::PickWire).in_group(super::Group::Edit),
    node("edit.unwire", "Remove its wires", &[key(CTRL_SHIFT, Key::L)], Need::WiredNode, || Command::Nodes(NodeWish::Unwire(Ends::Both))).with_icon("link-break"),
    node("edit.unwire_inputs", "Remove its input wires", &[], Need::WiredNode, || Command::Nodes(NodeWish::Unwire(Ends::Inputs))),
    node("edit.unwire_outputs", "Remove its output wires", &[], Need::WiredNode, || Command::Nodes(NodeWish::Unwire(Ends::Outputs))),
    node("edit.swap", "Swap the places of two nodes", &[], Need::TwoNodes, || Command::Nodes(NodeWish::Swap)).with_icon("arrows-left-right"),
    node("group.group", "Group", &[key(CTRL, Key::G)], Need::Node, || Command::Annotate(AnnotateWish::Group)).with_icon("selection-all"),
    node("group.ungroup", "Ungroup", &[key(CTRL_SHIFT, Key::G)], Need::Group, || Command::Annotate(AnnotateWish::Ungroup)),
    node("group.join", "Add to the group", &[], Need::Group, || Command::Annotate(AnnotateWish::Join)),
    node("group.leave", "Take out of the group", &[], Need::Group, || Command::Annotate(AnnotateWish::Leave)),
    Action::view("group.rename", "Rename the group", &[key(SHIFT, Key::F2)], Need::Group, || Command::RenameGroup).with_icon("pencil-simple").in_group(super::Group::Edit),
    node("nest.nest", "Nest the selection", &[key(ALT, Key::G)], Need::Node, || Command::Nest(NestWish::Nest)).with_icon("stack"),
    node("nest.unnest", "Unnest", &[key(ALT_SHIFT, Key::G)], Need::Nested, || Command::Nest(NestWish::Unnest)).with_icon("arrows-out"),
    node("nest.add_input", "Add an input port", &[], Need::Inside, || Command::Nest(NestWish::AddPort(Nesting::Input))).with_icon("arrow-right"),
    node("nest.add_output", "Add an output port", &[], Need::Inside, || Command::Nest(NestWish::AddPort(Nesting::Output))).with_icon("arrow-fat-line-right"),
    node("note.add", "Add a note", &[key(NONE, Key::N)], Need::Nothing, || Command::AddNote { at: None }).with_icon("note"),
    Action::view("note.edit", "Edit the note", &[key(NONE, Key::Enter)], Need::OneNote, || Command::EditNote(None)).with_icon("pencil-simple").in_group(super::Group::Edit),
    node("tint.gray", "Colour: grey", &[key(ALT_SHIFT, Key::Num1)], Need::Tinted, || Command::Annotate(AnnotateWish::Tint(Tint::Gray))),
    node("tint.blue", "Colour: blue", &[key(ALT_SHIFT, Key::Num2)], Need::Tinted, || Command::Annotate(AnnotateWish::Tint(Tint::Blue))),
    node("tint.green", "Colour: green", &[key(ALT_SHIFT, Key::Num3)], Need::Tinted, || Command::Annotate(AnnotateWish::Tint(Tint::Green))),
    node("tint.purple", "Colour: purple", &[key(ALT_SHIFT, Key::Num4)], Need::Tinted, || Command::Annotate(AnnotateWish::Tint(Tint::Purple))),
    node("tint.orange", "Colour: orange", &[key(ALT_SHIFT, Key::Num5)], Need::Tinted, || Command::Annotate(AnnotateWish::Tint(Tint::Orange))),
    node("tint.red", "Colour: red", &[key(ALT_SHIFT, Key::Num6)], Need::Tinted, || Command::Annotate(AnnotateWish::Tint(Tint::Red))),
];
