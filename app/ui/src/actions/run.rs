//! Actions that run the pipeline and look into the run, and those about whole projects.

use egui::Key;

use super::{Action, CTRL, CTRL_ALT, CTRL_SHIFT, Group, Keys, NONE, Need, SHIFT, key};
use crate::capture::CaptureWish;
use crate::command::{ChartFile, Command, Look, RevisionWish};

const fn run(id: &'static str, title: &'static str, keys: Keys, need: Need, command: fn() -> Command) -> Action {
    Action::view(id, title, keys, need, command).in_group(Group::Run).while_typing()
}

const fn project(id: &'static str, title: &'static str, keys: Keys, command: fn() -> Command) -> Action {
    Action::view(id, title, keys, Need::Nothing, command).in_group(Group::Project)
}

#[rustfmt::skip]
pub(super) const RUN: &[Action] = &[
    run("run.run", "Run", &[key(CTRL, Key::Enter)], Need::Idle, || Command::Run).with_icon("play"),
    run("run.stop", "Stop (twice: at once)", &[key(CTRL, Key::Period)], Need::Running, || Command::Stop).with_icon("stop"),
    run("run.pause", "Pause or continue the run", &[key(NONE, Key::F7)], Need::Running, || Command::TogglePause).with_icon("pause"),
    run("run.step", "Step: one batch", &[key(NONE, Key::F10)], Need::Standing, || Command::Step).with_icon("skip-forward"),
    run("run.breakpoint", "Set or remove a breakpoint on the wire", &[key(NONE, Key::F9)], Need::OneWire, || Command::ToggleBreakpoint).with_icon("record"),
    run("run.clear_breakpoints", "Remove all breakpoints", &[key(SHIFT, Key::F9)], Need::Breakpoint, || Command::ClearBreakpoints),
    run("run.apply", "Apply changes to the run", &[key(CTRL_SHIFT, Key::Enter)], Need::Running, || Command::ApplyToRun).with_icon("arrow-clockwise"),
    run("run.restart", "Restart the run", &[], Need::Running, || Command::Restart).with_icon("arrow-clockwise"),
    run("run.tap_wire", "Watch the wire's rows", &[key(NONE, Key::L)], Need::OneWire, || Command::Look(Look::TapWire)).with_icon("table"),
    run("run.tap_output", "Watch the node's output", &[key(NONE, Key::O)], Need::WiredNode, || Command::Look(Look::TapOutput)).with_icon("table"),
    run("run.stop_tap", "Stop watching the wire", &[], Need::Tap, || Command::Tap(None)),
    run("run.capture", "Capture the sources, or end the capture", &[key(CTRL_ALT, Key::R)], Need::Nothing, || Command::Capture(CaptureWish::Toggle)).with_icon("vinyl-record"),
    run("run.capture_wire", "Capture this wire", &[], Need::FreeWire, || Command::Capture(CaptureWish::Wire(None))).with_icon("vinyl-record"),
    run("run.captures", "Captures: replay, save as test…", &[], Need::Nothing, || Command::Capture(CaptureWish::Show)).with_icon("rewind"),
    run("run.inject", "Inject rows into the wire…", &[], Need::RunningWire, || Command::Capture(CaptureWish::AskRows(None))).with_icon("arrow-bend-down-right"),
    run("run.save_svg", "Save the selected chart as SVG…", &[], Need::Chart, || Command::SaveChart { node: None, file: ChartFile::Svg }).with_icon("chart-line"),
    run("run.save_png", "Save the selected chart as PNG…", &[], Need::Chart, || Command::SaveChart { node: None, file: ChartFile::Png }).with_icon("download-simple"),
    run("run.save_csv", "Save the selected chart's rows as CSV…", &[], Need::Chart, || Command::SaveChart { node: None, file: ChartFile::Csv }).with_icon("file-csv"),
    run("run.slowest", "Go to the node that slows the rest", &[key(CTRL_SHIFT, Key::S)], Need::Run, || Command::Look(Look::Slowest)).with_icon("hourglass"),
];

#[rustfmt::skip]
pub(super) const PROJECT: &[Action] = &[
    project("project.open", "Projects…", &[key(CTRL, Key::O)], || Command::ShowProjects).with_icon("folder-open"),
    project("project.new", "New project", &[key(CTRL_ALT, Key::N)], || Command::NewProject).with_icon("file-plus"),
    project("project.import", "Import a pipeline…", &[key(CTRL_SHIFT, Key::O)], || Command::Import).with_icon("download-simple"),
    project("project.export", "Export the pipeline…", &[key(CTRL, Key::E)], || Command::Export).with_icon("export"),
    project("project.copy_text", "Copy the pipeline file as text", &[], || Command::CopyPipeline).with_icon("copy"),
    project("project.save_revision", "Save a revision…", &[key(CTRL, Key::S)], || Command::AskRevision).with_icon("bookmark-simple"),
    project("project.revisions", "Revisions…", &[key(CTRL_SHIFT, Key::H)], || Command::Revision(RevisionWish::Show)).with_icon("clock-counter-clockwise"),
    Action::edit("project.restore", "Restore the chosen revision", &[], Need::Compared, || Command::Revision(RevisionWish::Restore)).in_group(Group::Project).with_icon("arrow-counter-clockwise"),
];
