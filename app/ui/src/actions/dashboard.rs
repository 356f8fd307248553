//! Actions about dashboards.

use egui::Key;

use super::{ALT, ALT_SHIFT, Action, Group, Keys, Need, key};
use crate::command::{Command, DashboardWish};
use crate::dashboard::TimeRange;

const fn view(id: &'static str, title: &'static str, keys: Keys, need: Need, command: fn() -> Command) -> Action {
    Action::view(id, title, keys, need, command).in_group(Group::Dashboard)
}

const fn edit(id: &'static str, title: &'static str, keys: Keys, need: Need, command: fn() -> Command) -> Action {
    Action::edit(id, title, keys, need, command).in_group(Group::Dashboard)
}

#[rustfmt::skip]
pub(super) const ACTIONS: &[Action] = &[
    edit("dashboard.new", "New dashboard", &[key(ALT_SHIFT, Key::N)], Need::Nothing, || Command::Dashboard(DashboardWish::New)).with_icon("grid-four"),
    view("dashboard.canvas", "Back to the canvas", &[key(ALT, Key::Home)], Need::Dashboard, || Command::Dashboard(DashboardWish::Show(None))).with_icon("graph"),
    view("dashboard.next", "Next tab", &[key(ALT, Key::PageDown)], Need::SomeDashboard, || Command::Dashboard(DashboardWish::Next)).with_icon("arrow-right"),
    view("dashboard.previous", "Previous tab", &[key(ALT, Key::PageUp)], Need::SomeDashboard, || Command::Dashboard(DashboardWish::Previous)).with_icon("arrow-left"),
    view("dashboard.full_screen", "Full screen, or back", &[key(ALT, Key::Enter)], Need::Dashboard, || Command::Dashboard(DashboardWish::ToggleFullScreen)).with_icon("arrows-out"),
    view("dashboard.reset_time", "Show all of the time", &[key(ALT, Key::Num0)], Need::Dashboard, || Command::Dashboard(DashboardWish::ResetTime)).with_icon("clock"),
    view("dashboard.last_minute", "Show the last minute", &[], Need::SharedTime, || Command::Dashboard(DashboardWish::Time(Some(TimeRange::QUICK[0])))).with_icon("clock"),
    view("dashboard.last_5_minutes", "Show the last 5 minutes", &[], Need::SharedTime, || Command::Dashboard(DashboardWish::Time(Some(TimeRange::QUICK[1])))).with_icon("clock"),
    view("dashboard.last_15_minutes", "Show the last 15 minutes", &[], Need::SharedTime, || Command::Dashboard(DashboardWish::Time(Some(TimeRange::QUICK[2])))).with_icon("clock"),
    view("dashboard.last_hour", "Show the last hour", &[], Need::SharedTime, || Command::Dashboard(DashboardWish::Time(Some(TimeRange::QUICK[3])))).with_icon("clock"),
    view("dashboard.last_6_hours", "Show the last 6 hours", &[], Need::SharedTime, || Command::Dashboard(DashboardWish::Time(Some(TimeRange::QUICK[4])))).with_icon("clock"),
    view("dashboard.last_24_hours", "Show the last 24 hours", &[], Need::SharedTime, || Command::Dashboard(DashboardWish::Time(Some(TimeRange::QUICK[5])))).with_icon("clock"),
    view("dashboard.last_7_days", "Show the last 7 days", &[], Need::SharedTime, || Command::Dashboard(DashboardWish::Time(Some(TimeRange::QUICK[6])))).with_icon("clock"),
    view("dashboard.earlier", "Show the time before", &[key(ALT, Key::Comma)], Need::TimeRange, || Command::Dashboard(DashboardWish::MoveTime(-1))).with_icon("caret-left"),
    view("dashboard.later", "Show the time behind", &[key(ALT, Key::Period)], Need::TimeRange, || Command::Dashboard(DashboardWish::MoveTime(1))).with_icon("caret-right"),
    view("dashboard.clear_filters", "Show the rows of all in every chart", &[], Need::Filter, || Command::Dashboard(DashboardWish::ClearFilters)).with_icon("funnel"),
    edit("dashboard.share_time", "Same time in all charts, or not", &[], Need::Dashboard, || Command::Dashboard(DashboardWish::ToggleSharedTime)).with_icon("clock"),
    edit("dashboard.duplicate", "Duplicate the dashboard", &[], Need::Dashboard, || Command::Dashboard(DashboardWish::Duplicate)).with_icon("copy"),
    edit("dashboard.delete", "Delete the dashboard", &[], Need::Dashboard, || Command::Dashboard(DashboardWish::Delete)).with_icon("trash"),
];
