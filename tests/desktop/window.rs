//! The desktop window: a node dropped, wired and renamed by hand, a run watched and stopped, edits undone and saved.

use std::cell::Cell;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::look::{self, Canvas, Theme};
use crate::machine::{Running, designer, output_of, wait_for};
use crate::picture::Picture;
use crate::project::{self, CHART, DEVICES, write_pipeline};
use crate::screen::Screen;

/// The program as a person starts it, on `screen`, with everything it keeps in `folder`.
fn start(screen: &Screen, folder: &Path, pipeline: Option<&Path>) -> Running {
    let mut command = Command::new(designer());
    command.args(pipeline).arg("--data-dir").arg(folder.join("data")).current_dir(folder);
    command.env("DISPLAY", &screen.display).env("GDK_BACKEND", "x11").env("LIBGL_ALWAYS_SOFTWARE", "1");
    // Another window of this person, on a real session bus, is none of the test's business.
    command.env_remove("DBUS_SESSION_BUS_ADDRESS").env_remove("WAYLAND_DISPLAY");
    Running::start(&mut command)
}

/// Waits until the project database holds what is asked for.
#[track_caller]
fn wait_until_saved<T>(database: &Path, what: &str, look: impl Fn(&Value) -> Option<T>) -> T {
    wait_for(&format!("{what} in the project database"), || look(&project::saved(database)?))
}

#[test]
fn a_person_edits_runs_and_undoes_with_mouse_and_keyboard() {
    let folder = tempfile::tempdir().expect("a folder of its own");
    let database = folder.path().join("data/millrace.db");
    let pipeline = write_pipeline(folder.path());
    let screen = Screen::new("window");
    let mut program = start(&screen, folder.path(), Some(&pipeline));
    screen.take_window("Millrace");

    // The page that is shown while the designer loads has a green dot too.
    screen.wait_for("the button Run", look::run_button);
    let before = Cell::new(None);
    let canvas = screen.wait_for("the pipeline on the canvas", |now| Canvas::find_still(now, DEVICES, &before));
    program.assert_alive();
    screen.keep("1-opened");

    // Tab asks for a node at the pointer; the list's search has the keyboard.
    screen.click(canvas.place((40, 260)));
    let before = screen.picture();
    screen.key("Tab");
    let is_open = |now: &Picture| (now.num_changed(&before, look::middle_of_window()) > 3_000).then_some(());
    screen.wait_for("the list of nodes", is_open);
    screen.type_text("discard");
    screen.key("Return");
    let discard = wait_until_saved(&database, "the dropped node", |saved| project::id_of(saved, "store.discard"));

    let place = wait_until_saved(&database, "its place", |saved| project::place_of(saved, &discard));
    // The only output port of a node stands at its right edge, 36 points below its top; a node takes a wire anywhere.
    let port = canvas.place((DEVICES.0 + 176, DEVICES.1 + 36));
    screen.drag(port, canvas.place((place.0 + 60, place.1 + 20)));
    screen.keep("2-wired");
    wait_until_saved(&database, "the wire", |saved| project::is_wired(saved, "devices", &discard).then_some(()));

    screen.click(canvas.place((place.0 + 80, place.1 + 38)));
    let around = canvas.area((place.0.saturating_sub(4), place.1.saturating_sub(4)), (184, 90));
    screen.wait_for("the node to be selected", |now| look::is_selected(now, around));
    let selected = screen.picture();
    screen.key("F2");
    // The field stands in the inspector, at the right.
    let all = selected.all();
    screen.wait_for("the field for the title", |now| (now.num_changed(&selected, all) > 20).then_some(()));
    screen.key("ctrl+a");
    screen.type_text("Away with it");
    screen.key("Return");
    let is_renamed = |saved: &Value| project::titles(saved).contains(&"Away with it".to_owned()).then_some(());
    wait_until_saved(&database, "the new title", is_renamed);
    screen.keep("3-edited");

    // The number of devices, by mouse and keyboard: the run shows that it counts.
    screen.click(canvas.place((DEVICES.0 + 80, DEVICES.1 + 20)));
    let around = canvas.area((DEVICES.0, DEVICES.1), (184, 90));
    screen.wait_for("the source to be selected", |now| look::is_selected(now, around));
    let field = screen.wait_for("the first field of its form", look::first_field);
    screen.click(field);
    screen.key("ctrl+a");
    screen.type_text("6");
    screen.keep("3-param");
    wait_until_saved(&database, "the param", |saved| {
        (saved["nodes"]["devices"]["params"]["devices"] == 6).then_some(())
    });
    screen.key("Escape");

    let chart = canvas.area(CHART, (240, 172));
    let before = screen.picture();
    screen.click(look::run_button(&before).expect("the button Run"));
    screen.wait_for("the button Stop", look::stop_button);
    let drawn =
        screen.wait_for("the chart's first line", |now| (now.num_changed(&before, chart) > 100).then(|| now.clone()));
    screen.wait_for("the chart to go on", |now| (now.num_changed(&drawn, chart) > 100).then_some(()));
    screen.keep("4-running");
    let stop = look::stop_button(&screen.picture()).expect("the run goes on");
    screen.click(stop);
    screen.wait_for("the button Run", look::run_button);
    project::assert_means_are_plausible(folder.path(), 6);

    screen.click(canvas.place((40, 360)));
    screen.key("ctrl+z");
    wait_until_saved(&database, "the old param", |saved| {
        (saved["nodes"]["devices"]["params"]["devices"] == 4).then_some(())
    });
    screen.key("ctrl+z");
    wait_until_saved(&database, "the old title", |saved| is_renamed(saved).is_none().then_some(()));
    screen.key("ctrl+z");
    let is_unwired = |saved: &Value| (!project::is_wired(saved, "devices", &discard)).then_some(());
    wait_until_saved(&database, "the wire gone", is_unwired);
    screen.key("ctrl+shift+z");
    wait_until_saved(&database, "the wire again", |saved| project::is_wired(saved, "devices", &discard).then_some(()));
    screen.keep("5-undone");

    screen.key("alt+F4");
    assert_eq!(program.wait(), Some(0), "the window closes in good order");

    // What was done is there the next time, without a file named.
    let mut program = start(&screen, folder.path(), None);
    screen.take_window("Millrace");
    screen.wait_for("the button Run", look::run_button);
    screen.wait_for("the pipeline again", |now| Canvas::find(now, DEVICES));
    screen.keep("6-opened-again");
    assert_eq!(program.end_gracefully(), Some(0), "a session that ends closes the window in good order");
    let saved = project::saved(&database).expect("the database can be read");
    assert!(project::is_wired(&saved, "devices", &discard), "{saved:#}");
}

#[test]
fn a_first_start_shows_a_sample_that_can_be_run_at_once() {
    let folder = tempfile::tempdir().expect("a folder of its own");
    let screen = Screen::new("first-start");
    let mut program = start(&screen, folder.path(), None);
    screen.take_window("Millrace");
    let run = screen.wait_for("the button Run", look::run_button);
    wait_for("a source on the canvas", || screen.picture().extent(Theme::INGEST, look::middle_of_window()));
    screen.keep("1-sample");
    let before = screen.picture();
    screen.click(run);
    screen.wait_for("the run", look::stop_button);
    let all = before.all();
    screen.wait_for("moving numbers", |now| (now.num_changed(&before, all) > 2_000).then_some(()));
    screen.keep("2-running");
    // Closing while a run goes on stops it in good order.
    assert_eq!(program.end_gracefully(), Some(0));
}

#[test]
fn a_damaged_project_database_is_told_and_left_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder of its own");
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data).expect("a folder");
    let database = data.join("millrace.db");
    let damage = b"this is not a database, and never was one".repeat(200);
    std::fs::write(&database, &damage).expect("a file");
    let screen = Screen::new("damaged");
    let mut program = start(&screen, folder.path(), None);
    screen.take_window("Millrace cannot start");
    screen.keep("1-dialog");
    program.assert_alive();
    output_of(Command::new("xdotool").args(["key", "Return"]).env("DISPLAY", &screen.display));
    assert_eq!(program.wait(), Some(1));
    assert_eq!(std::fs::read(&database).expect("it is still there"), damage, "nothing was written over");
}
