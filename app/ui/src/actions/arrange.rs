//! Actions that move nodes.

use egui::Key;

use super::{ALT, ALT_SHIFT, Action, CTRL_ALT, Group, Keys, NONE, Need, SHIFT, key};
use crate::canvas::NUDGE;
use crate::command::{Command, NodeWish};
use crate::editing::arrange::{Arrange, Axis, Edge};

const fn arrange(id: &'static str, title: &'static str, keys: Keys, need: Need, command: fn() -> Command) -> Action {
    Action::edit(id, title, keys, need, command).in_group(Group::Arrange)
}

#[rustfmt::skip]
pub(super) const ACTIONS: &[Action] = &[
    arrange("arrange.align_left", "Align left edges", &[key(ALT, Key::L)], Need::TwoNodes, || Command::Arrange(Arrange::Align(Edge::Left))),
    arrange("arrange.align_center", "Align centres", &[key(ALT, Key::C)], Need::TwoNodes, || Command::Arrange(Arrange::Align(Edge::Center))),
    arrange("arrange.align_right", "Align right edges", &[key(ALT, Key::R)], Need::TwoNodes, || Command::Arrange(Arrange::Align(Edge::Right))),
    arrange("arrange.align_top", "Align top edges", &[key(ALT, Key::T)], Need::TwoNodes, || Command::Arrange(Arrange::Align(Edge::Top))),
    arrange("arrange.align_middle", "Align middles", &[key(ALT, Key::M)], Need::TwoNodes, || Command::Arrange(Arrange::Align(Edge::Middle))),
    arrange("arrange.align_bottom", "Align bottom edges", &[key(ALT_SHIFT, Key::B)], Need::TwoNodes, || Command::Arrange(Arrange::Align(Edge::Bottom))),
    arrange("arrange.distribute_across", "Distribute across", &[key(ALT, Key::H)], Need::ThreeNodes, || Command::Arrange(Arrange::Distribute(Axis::Across))).with_icon("arrows-horizontal"),
    arrange("arrange.distribute_down", "Distribute down", &[key(ALT, Key::V)], Need::ThreeNodes, || Command::Arrange(Arrange::Distribute(Axis::Down))).with_icon("arrows-vertical"),
    arrange("arrange.stack_across", "Put into a row", &[key(ALT_SHIFT, Key::H)], Need::TwoNodes, || Command::Arrange(Arrange::Stack(Axis::Across))),
    arrange("arrange.stack_down", "Put into a column", &[key(ALT_SHIFT, Key::V)], Need::TwoNodes, || Command::Arrange(Arrange::Stack(Axis::Down))),
    arrange("arrange.spread_across", "Spread across", &[], Need::TwoNodes, || Command::Arrange(Arrange::Space { axis: Axis::Across, percent: 125 })),
    arrange("arrange.spread_down", "Spread down", &[], Need::TwoNodes, || Command::Arrange(Arrange::Space { axis: Axis::Down, percent: 125 })),
    arrange("arrange.draw_together_across", "Draw together across", &[], Need::TwoNodes, || Command::Arrange(Arrange::Space { axis: Axis::Across, percent: 80 })),
    arrange("arrange.draw_together_down", "Draw together down", &[], Need::TwoNodes, || Command::Arrange(Arrange::Space { axis: Axis::Down, percent: 80 })),
    arrange("arrange.mirror_across", "Mirror left and right", &[], Need::TwoNodes, || Command::Arrange(Arrange::Mirror(Axis::Across))),
    arrange("arrange.mirror_down", "Mirror top and bottom", &[], Need::TwoNodes, || Command::Arrange(Arrange::Mirror(Axis::Down))),
    arrange("arrange.snap", "Snap to the grid", &[], Need::Node, || Command::Arrange(Arrange::Snap)),
    arrange("arrange.tidy", "Tidy the selection", &[key(NONE, Key::T)], Need::TwoNodes, || Command::Arrange(Arrange::Tidy)).with_icon("tree-structure"),
    arrange("arrange.tidy_all", "Tidy all", &[key(SHIFT, Key::T)], Need::SomeNode, || Command::Nodes(NodeWish::TidyAll)).with_icon("tree-structure"),
    arrange("arrange.place_freely", "Let the layout place it", &[], Need::Node, || Command::Nodes(NodeWish::Release)),
    arrange("arrange.nudge_left", "Move left", &[key(NONE, Key::ArrowLeft)], Need::Node, || Command::Nudge { dx: -NUDGE.0, dy: 0 }),
    arrange("arrange.nudge_right", "Move right", &[key(NONE, Key::ArrowRight)], Need::Node, || Command::Nudge { dx: NUDGE.0, dy: 0 }),
    arrange("arrange.nudge_up", "Move up", &[key(NONE, Key::ArrowUp)], Need::Node, || Command::Nudge { dx: 0, dy: -NUDGE.0 }),
    arrange("arrange.nudge_down", "Move down", &[key(NONE, Key::ArrowDown)], Need::Node, || Command::Nudge { dx: 0, dy: NUDGE.0 }),
    arrange("arrange.move_left", "Move far left", &[key(SHIFT, Key::ArrowLeft)], Need::Node, || Command::Nudge { dx: -NUDGE.1, dy: 0 }),
    arrange("arrange.move_right", "Move far right", &[key(SHIFT, Key::ArrowRight)], Need::Node, || Command::Nudge { dx: NUDGE.1, dy: 0 }),
    arrange("arrange.move_up", "Move far up", &[key(SHIFT, Key::ArrowUp)], Need::Node, || Command::Nudge { dx: 0, dy: -NUDGE.1 }),
    arrange("arrange.move_down", "Move far down", &[key(SHIFT, Key::ArrowDown)], Need::Node, || Command::Nudge { dx: 0, dy: NUDGE.1 }),
    Action::view("arrange.toggle_snap", "Snap while dragging, or not", &[key(CTRL_ALT, Key::S)], Need::Nothing, || Command::Look(crate::command::Look::ToggleSnap)).in_group(Group::Arrange),
];
