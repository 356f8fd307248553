//! Actions that change what is selected.

use egui::Key;

use super::{ALT, Action, CTRL, CTRL_ALT, CTRL_SHIFT, Group, Keys, NONE, Need, SHIFT, key};
use crate::command::Command;
use crate::editing::pick::{Pick, Way};

const fn select(id: &'static str, title: &'static str, keys: Keys, need: Need, command: fn() -> Command) -> Action {
    Action::view(id, title, keys, need, command).in_group(Group::Select)
}

#[rustfmt::skip]
pub(super) const ACTIONS: &[Action] = &[
    select("select.all", "Select all", &[key(CTRL, Key::A)], Need::Nothing, || Command::Pick(Pick::All)).with_icon("selection-all"),
    select("select.none", "Select nothing", &[key(CTRL_SHIFT, Key::A)], Need::Selected, || Command::ClearSelection),
    select("select.invert", "Invert the selection", &[key(CTRL, Key::I)], Need::SomeNode, || Command::Pick(Pick::Invert)),
    select("select.former", "Select what was selected before", &[key(CTRL, Key::U)], Need::FormerSelection, || Command::FormerSelection),
    select("select.upstream", "Select upstream", &[key(NONE, Key::OpenBracket)], Need::Node, || Command::Pick(Pick::Upstream)).with_icon("arrow-left"),
    select("select.downstream", "Select downstream", &[key(NONE, Key::CloseBracket)], Need::Node, || Command::Pick(Pick::Downstream)).with_icon("arrow-right"),
    select("select.connected", "Select all that is connected", &[key(NONE, Key::C)], Need::Node, || Command::Pick(Pick::Connected)),
    select("select.feeders", "Go to what feeds it", &[key(SHIFT, Key::OpenBracket)], Need::WiredNode, || Command::Pick(Pick::Feeders)),
    select("select.fed", "Go to what it feeds", &[key(SHIFT, Key::CloseBracket)], Need::WiredNode, || Command::Pick(Pick::Fed)),
    select("select.same_kind", "Select nodes of the same kind", &[key(CTRL_ALT, Key::K)], Need::Node, || Command::Pick(Pick::SameKind)),
    select("select.same_section", "Select nodes of the same section", &[], Need::Node, || Command::Pick(Pick::SameSection)),
    select("select.group", "Select the whole group", &[key(CTRL_ALT, Key::G)], Need::Group, || Command::Pick(Pick::SameGroup)),
    select("select.disabled", "Select disabled nodes", &[], Need::SomeDisabled, || Command::Pick(Pick::Disabled)),
    select("select.faulty", "Select nodes with problems", &[], Need::Problem, || Command::Pick(Pick::Faulty)),
    select("select.sources", "Select sources", &[], Need::SomeNode, || Command::Pick(Pick::Sources)),
    select("select.sinks", "Select the ends of the pipeline", &[], Need::SomeNode, || Command::Pick(Pick::Sinks)),
    select("select.views", "Select charts and tables", &[], Need::SomeNode, || Command::Pick(Pick::Views)),
    select("select.unwired", "Select nodes without wires", &[], Need::SomeNode, || Command::Pick(Pick::Unwired)),
    select("select.wires", "Select its wires", &[key(SHIFT, Key::W)], Need::WiredNode, || Command::Pick(Pick::Wires)),
    select("select.all_wires", "Select all wires", &[], Need::SomeWire, || Command::Pick(Pick::AllWires)),
    select("select.wire_ends", "Select the two nodes of the wire", &[key(NONE, Key::E)], Need::Wire, || Command::Pick(Pick::EndsOfWires)),
    select("select.notes", "Select all notes", &[], Need::SomeNote, || Command::Pick(Pick::Notes)),
    select("select.left", "Go to the node on the left", &[key(ALT, Key::ArrowLeft)], Need::SomeNode, || Command::Pick(Pick::Toward(Way::Left))),
    select("select.right", "Go to the node on the right", &[key(ALT, Key::ArrowRight)], Need::SomeNode, || Command::Pick(Pick::Toward(Way::Right))),
    select("select.up", "Go to the node above", &[key(ALT, Key::ArrowUp)], Need::SomeNode, || Command::Pick(Pick::Toward(Way::Up))),
    select("select.down", "Go to the node below", &[key(ALT, Key::ArrowDown)], Need::SomeNode, || Command::Pick(Pick::Toward(Way::Down))),
    select("select.first", "Go to the first node", &[key(NONE, Key::Home)], Need::SomeNode, || Command::Pick(Pick::First)),
    select("select.last", "Go to the last node", &[key(NONE, Key::End)], Need::SomeNode, || Command::Pick(Pick::Last)),
    select("select.next", "Go to the next node", &[key(NONE, Key::PageDown)], Need::SomeNode, || Command::Pick(Pick::Next)),
    select("select.previous", "Go to the previous node", &[key(NONE, Key::PageUp)], Need::SomeNode, || Command::Pick(Pick::Previous)),
];
