//! Actions that change what is seen, and bookmarks of it.

use egui::Key;

use super::{ALT, Action, CTRL, CTRL_ALT, CTRL_SHIFT, NONE, Need, SHIFT, key};
use crate::command::{BookmarkWish, BottomTab, Command, Look, Side, TextStep};
use crate::editing::pick::Way;

const fn bookmark(
    id: &'static str,
    title: &'static str,
    number: usize,
    keys: super::Keys,
    command: fn() -> Command,
) -> Action {
    Action::view(id, title, keys, Need::Bookmark(number), command)
}

#[rustfmt::skip]
pub(super) const ACTIONS: &[Action] = &[
    Action::view("view.commands", "All commands", &[key(CTRL, Key::K), key(CTRL_SHIFT, Key::P)], Need::Nothing, || Command::ShowPalette).with_icon("command").while_typing(),
    Action::view("view.search", "Find on the canvas…", &[key(CTRL, Key::F)], Need::SomeNode, || Command::Look(Look::Search)).with_icon("magnifying-glass"),
    Action::view("view.find_in_palette", "Find a node in the palette", &[key(NONE, Key::Slash)], Need::Nothing, || Command::FocusSearch),
    Action::view("view.favourite", "Mark its kind as a favourite, or no longer", &[], Need::OneNode, || Command::ToggleFavourite(None)).with_icon("star"),
    Action::view("view.zoom_to_fit", "Zoom to fit", &[key(NONE, Key::F)], Need::Nothing, || Command::ZoomToFit).with_icon("corners-out"),
    Action::view("view.zoom_to_selection", "Zoom to the selection", &[key(SHIFT, Key::F)], Need::Node, || Command::Look(Look::ZoomToSelection)).with_icon("arrows-in"),
    Action::view("view.center_selection", "Bring the selection into the middle", &[key(NONE, Key::Period)], Need::Node, || Command::Look(Look::CenterSelection)),
    Action::view("view.zoom_in", "Zoom in", &[key(NONE, Key::Plus), key(NONE, Key::Equals)], Need::Nothing, || Command::ZoomBy(1.25)),
    Action::view("view.zoom_out", "Zoom out", &[key(NONE, Key::Minus)], Need::Nothing, || Command::ZoomBy(0.8)),
    Action::view("view.zoom_100", "Zoom to 100 %", &[key(NONE, Key::Num0)], Need::Nothing, || Command::ZoomReset),
    Action::view("view.zoom_50", "Zoom to 50 %", &[key(NONE, Key::Num5)], Need::Nothing, || Command::Look(Look::ZoomTo(50))),
    Action::view("view.zoom_200", "Zoom to 200 %", &[key(NONE, Key::Num9)], Need::Nothing, || Command::Look(Look::ZoomTo(200))),
    Action::view("view.pan_left", "Look further left", &[key(CTRL, Key::ArrowLeft)], Need::Nothing, || Command::Look(Look::Pan(Way::Left))),
    Action::view("view.pan_right", "Look further right", &[key(CTRL, Key::ArrowRight)], Need::Nothing, || Command::Look(Look::Pan(Way::Right))),
    Action::view("view.pan_up", "Look further up", &[key(CTRL, Key::ArrowUp)], Need::Nothing, || Command::Look(Look::Pan(Way::Up))),
    Action::view("view.pan_down", "Look further down", &[key(CTRL, Key::ArrowDown)], Need::Nothing, || Command::Look(Look::Pan(Way::Down))),
    Action::view("view.back", "Back to the view before", &[key(ALT, Key::OpenBracket), key(CTRL_ALT, Key::ArrowLeft)], Need::ViewBefore, || Command::Look(Look::Back)),
    Action::view("view.forward", "Forward to the next view", &[key(ALT, Key::CloseBracket), key(CTRL_ALT, Key::ArrowRight)], Need::ViewAfter, || Command::Look(Look::Forward)),
    Action::view("nest.open", "Open the nested pipeline", &[key(ALT, Key::O)], Need::OneNested, || Command::Look(Look::OpenSelected)).with_icon("folder-open"),
    Action::view("nest.go_out", "Go out of the nested pipeline", &[key(NONE, Key::Escape), key(NONE, Key::U)], Need::Inside, || Command::Look(Look::GoOut)).with_icon("arrow-up"),
    Action::view("view.toggle_palette", "Hide or show the palette", &[key(NONE, Key::Num1)], Need::Nothing, || Command::TogglePanel(Side::Palette)),
    Action::view("view.toggle_bottom", "Hide or show the bottom panel", &[key(NONE, Key::Num2)], Need::Nothing, || Command::TogglePanel(Side::Bottom)),
    Action::view("view.toggle_inspector", "Hide or show the inspector", &[key(NONE, Key::Num3)], Need::Nothing, || Command::TogglePanel(Side::Inspector)),
    Action::view("view.toggle_panels", "Hide or show all panels", &[key(NONE, Key::Num4)], Need::Nothing, || Command::Look(Look::TogglePanels)),
    Action::view("view.toggle_minimap", "Hide or show the minimap", &[key(NONE, Key::M)], Need::Nothing, || Command::Look(Look::ToggleMinimap)),
    Action::view("view.toggle_grid", "Hide or show the grid", &[key(SHIFT, Key::G)], Need::Nothing, || Command::Look(Look::ToggleGrid)),
    Action::view("view.toggle_theme", "Light or dark", &[], Need::Nothing, || Command::ToggleTheme),
    Action::view("view.larger_text", "Larger text", &[key(CTRL, Key::Plus), key(CTRL, Key::Equals)], Need::Nothing, || Command::Look(Look::Text(TextStep::Larger))),
    Action::view("view.smaller_text", "Smaller text", &[key(CTRL, Key::Minus)], Need::Nothing, || Command::Look(Look::Text(TextStep::Smaller))),
    Action::view("view.usual_text", "Text of the usual size", &[key(CTRL, Key::Num0)], Need::Nothing, || Command::Look(Look::Text(TextStep::Usual))),
    Action::view("view.problems", "Problems", &[key(CTRL_SHIFT, Key::M)], Need::Nothing, || Command::ShowBottom(BottomTab::Problems)),
    Action::view("view.next_problem", "Go to the next problem", &[key(NONE, Key::F8)], Need::Problem, || Command::Look(Look::NextProblem)),
    Action::view("view.previous_problem", "Go to the previous problem", &[key(SHIFT, Key::F8)], Need::Problem, || Command::Look(Look::PreviousProblem)),
    Action::view("view.data", "Rows of the watched wire", &[key(CTRL_SHIFT, Key::E)], Need::Nothing, || Command::ShowBottom(BottomTab::Data)),
    Action::view("view.log", "Run log", &[key(CTRL_SHIFT, Key::U)], Need::Nothing, || Command::ShowBottom(BottomTab::Log)),
    Action::view("view.large_view", "Large view of the chart", &[], Need::Nothing, || Command::ShowBottom(BottomTab::View)),
    Action::view("view.keys", "Keys", &[key(NONE, Key::Questionmark), key(NONE, Key::F1)], Need::Nothing, || Command::ToggleShortcuts).with_icon("question"),
    Action::view("view.settings", "Go to the settings of the node", &[key(NONE, Key::S)], Need::OneNode, || Command::GoToSettings),
    Action::view("help.node", "Help of the selected node", &[key(CTRL, Key::F1)], Need::OneNode, || Command::HelpOfSelected).with_icon("question").while_typing(),
    Action::view("help.tour", "Take the tour", &[], Need::SomeWire, || Command::StartTour).with_icon("info"),
    Action::edit("bookmark.add", "Bookmark this view", &[key(CTRL, Key::B)], Need::Nothing, || Command::Bookmark(BookmarkWish::Add)).in_group(super::Group::View).with_icon("bookmark-simple"),
    Action::edit("bookmark.remove_last", "Remove the last bookmark", &[], Need::Bookmark(1), || Command::Bookmark(BookmarkWish::RemoveLast)).in_group(super::Group::View),
    Action::edit("bookmark.remove_all", "Remove all bookmarks", &[], Need::Bookmark(1), || Command::Bookmark(BookmarkWish::RemoveAll)).in_group(super::Group::View),
    bookmark("bookmark.next", "Go to the next bookmark", 1, &[key(NONE, Key::B)], || Command::Bookmark(BookmarkWish::Next)),
    bookmark("bookmark.previous", "Go to the previous bookmark", 1, &[key(SHIFT, Key::B)], || Command::Bookmark(BookmarkWish::Previous)),
    bookmark("bookmark.go_1", "Go to bookmark 1", 1, &[key(ALT, Key::Num1)], || Command::Bookmark(BookmarkWish::Go(0))),
    bookmark("bookmark.go_2", "Go to bookmark 2", 2, &[key(ALT, Key::Num2)], || Command::Bookmark(BookmarkWish::Go(1))),
    bookmark("bookmark.go_3", "Go to bookmark 3", 3, &[key(ALT, Key::Num3)], || Command::Bookmark(BookmarkWish::Go(2))),
    bookmark("bookmark.go_4", "Go to bookmark 4", 4, &[key(ALT, Key::Num4)], || Command::Bookmark(BookmarkWish::Go(3))),
    bookmark("bookmark.go_5", "Go to bookmark 5", 5, &[key(ALT, Key::Num5)], || Command::Bookmark(BookmarkWish::Go(4))),
];
