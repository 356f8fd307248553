//! Captures, replays, tests made of captures, and rows that are put on a wire.

use millrace_model::run::Tempo;
use millrace_protocol::{Capture, Capturing, Event as News, Replay, Replaying, ServerMessage};

use super::*;

fn hot_wire() -> Wire {
    Wire::new("devices.rows".parse().expect("an end"), "hot.rows".parse().expect("an end"))
}

fn capture(id: i64, name: &str, of_wire: Option<Wire>) -> Capture {
    Capture {
        id,
        name: name.to_owned(),
        of_wire,
        taken_ms: 1_772_373_807_412,
        began_ms: 0,
        duration_ms: 4_100,
        num_rows: 1_234,
        num_bytes: 82_000,
        is_full: false,
    }
}

/// A run that goes on and is captured.
fn captured(poll: &Poll) -> Polled {
    let capturing = Capturing { of_wire: None, num_rows: 600, num_bytes: 40_000, elapsed_ms: 2_000 };
    Polled { capturing: Some(capturing), ..running(poll, RunState::Running) }
}

fn heard(bench: &Bench) -> Request {
    let host = bench.host.borrow();
    let is_poll = |request: &&Request| matches!(request, Request::Poll(_) | Request::ListCaptures { .. });
    host.heard.iter().rev().find(|request| !is_poll(request)).expect("something was asked").clone()
}

/// A designer with a run that goes on.
fn bench_running() -> Bench {
    let mut bench = Bench::open(FLEET);
    bench.host.borrow_mut().polled = Some(Box::new(|poll| running(poll, RunState::Running)));
    bench.click("Run");
    bench.wait(300.0);
    bench
}

#[test]
fn a_capture_begins_beside_the_run_shows_its_rows_and_is_kept_when_it_ends() {
    let mut bench = bench_running();
    let text = bench.text();
    bench.click("Capture");
    assert_eq!(heard(&bench), Request::BeginCapture { run: 7, wire: None });
    bench.host.borrow_mut().polled = Some(Box::new(captured));
    bench.wait(300.0);
    bench.click("End the capture: 600 rows");
    assert_eq!(heard(&bench), Request::EndCapture { run: 7 });
    {
        let mut host = bench.host.borrow_mut();
        host.captures = vec![capture(3, "Capture 1", None)];
        host.polled = Some(Box::new(|poll| running(poll, RunState::Running)));
        host.answers.push(ServerMessage::Event(News::CapturesChanged { project: 1 }));
    }
    bench.wait(300.0);
    assert!(bench.has_text("Captured 1,234 rows as “Capture 1”."));
    assert!(bench.has_text("Sources · 2026-03-01 14:03 UTC · 1,234 rows in 4.1 s, from the start"), "its tab is open");
    assert!(bench.has("Captures 1") && bench.has("Capture"));
    assert_eq!(bench.text(), text, "the pipeline does not know of it");
}

#[test]
fn where_no_run_goes_on_one_is_started_and_captured_from_its_first_row() {
    let mut bench = Bench::open(FLEET);
    bench.ask([Command::Capture(CaptureWish::Show)]);
    assert!(bench.has_text("Nothing was captured"));
    bench.harness.get_by_label_contains("Run and capture").click();
    bench.step();
    assert!(matches!(heard(&bench), Request::StartRun { capture: true, replay: None, .. }), "{:?}", heard(&bench));
}

#[test]
fn a_capture_is_replayed_at_a_tempo_and_the_window_says_so() {
    let host = Host::with(FLEET);
    host.borrow_mut().captures = vec![capture(3, "Morning", None)];
    let mut bench = Bench::with(host);
    bench.click("Captures 1");
    for (word, tempo) in [
        ("At 1×", Tempo::Times(1)),
        ("At 10×", Tempo::Times(10)),
        ("As fast as it goes", Tempo::AtOnce),
        ("Step by step", Tempo::StepByStep),
    ] {
        bench.click("Replay Morning");
        bench.click(word);
        let wanted = Replay { capture: 3, tempo, writes: false };
        assert!(matches!(heard(&bench), Request::StartRun { replay: Some(replay), .. } if replay == wanted));
        bench.host.borrow_mut().polled = Some(Box::new(|poll| running(poll, RunState::Done)));
        bench.wait(300.0);
    }
    bench.host.borrow_mut().polled = Some(Box::new(|poll| {
        let replaying = Replaying { name: "Morning".to_owned(), of_wire: None, tempo: Tempo::Times(10), writes: false };
        Polled { replaying: Some(replaying), ..running(poll, RunState::Running) }
    }));
    bench.click("Replay Morning");
    bench.click("At 10×");
    bench.wait(300.0);
    assert!(bench.has_text("Replay of “Morning” at 10×. Sinks write nothing."));
    bench.ask([Command::Restart]);
    bench.host.borrow_mut().polled = Some(Box::new(|poll| running(poll, RunState::Stopped)));
    bench.wait(300.0);
    assert!(!bench.has_text("Replay of “Morning”"));
    let again = Replay { capture: 3, tempo: Tempo::Times(10), writes: false };
    assert!(
        matches!(heard(&bench), Request::StartRun { replay: Some(replay), .. } if replay == again),
        "a replay that is restarted stays one, and writes nothing: {:?}",
        heard(&bench)
    );
    bench.wait(300.0);
    bench.click("Run");
    assert!(matches!(heard(&bench), Request::StartRun { replay: None, .. }), "a plain run is one");
}

#[test]
fn a_capture_of_sources_becomes_a_test_and_one_of_a_wire_says_why_not() {
    let host = Host::with(FLEET);
    host.borrow_mut().captures = vec![capture(3, "Quiet hour", None)];
    let mut bench = Bench::with(host);
    bench.click("Captures 1");
    bench.click("Save as test…");
    let asked = bench.host.borrow().dialogs.last().expect("a dialog").clone();
    assert_eq!(asked.suggested_name.as_deref(), Some("quiet-hour.millrace-test.json"));
    assert_eq!(asked.purpose, DialogPurpose::SaveTest { capture: 3 });
    let path = "/home/a/quiet.millrace-test.json".to_owned();
    bench.host.borrow_mut().picked.push(Picked { purpose: asked.purpose, file: PickedFile::Path(path.clone()) });
    bench.wait(200.0);
    let text = bench.text();
    let saved = Request::SaveTest { project: 1, capture: 3, text, parameters: BTreeMap::new(), path };
    assert_eq!(heard(&bench), saved);
    assert!(bench.has_text("millrace test /home/a/quiet.millrace-test.json"));

    let host = Host::with(FLEET);
    host.borrow_mut().captures = vec![capture(4, "A wire", Some(hot_wire()))];
    let mut bench = Bench::with(host);
    bench.click("Captures 1");
    assert!(bench.has_text("Devices → Hot · "));
    let before = bench.host.borrow().dialogs.len();
    bench.click("Save as test…");
    assert_eq!(bench.host.borrow().dialogs.len(), before, "it is unavailable");
}

#[test]
fn a_capture_is_renamed_and_deleted_after_a_question() {
    let host = Host::with(FLEET);
    host.borrow_mut().captures = vec![capture(3, "Capture 1", None)];
    let mut bench = Bench::with(host);
    bench.click("Captures 1");
    bench.click("Rename Capture 1");
    bench.harness.get_by_label("Capture name").type_text(" again");
    bench.step();
    bench.click("Save");
    bench.wait(100.0);
    assert_eq!(bench.host.borrow().captures[0].name, "Capture 1 again");
    bench.click("Delete Capture 1 again");
    assert_eq!(bench.host.borrow().captures.len(), 1, "it is asked first");
    bench.click("Delete");
    bench.wait(100.0);
    assert!(bench.host.borrow().captures.is_empty());
    assert!(bench.has_text("Nothing was captured"));
}

#[test]
fn rows_are_written_put_on_the_wire_and_a_refusal_stays_in_the_form() {
    let mut bench = bench_running();
    let text = bench.text();
    bench.ask([Command::Select(Selection::wire(hot_wire())), Command::Capture(CaptureWish::AskRows(None))]);
    bench.wait(100.0);
    assert!(bench.has_text("On the wire from “Devices” to “Hot”"));
    let field = |bench: &Bench| bench.harness.get_by_label("Rows, one JSON object a line").value().unwrap_or_default();
    let example = r#"{"device": "d7", "temperature": 31.5}"#;
    assert_eq!(field(&bench), example, "the newest row is there to be changed");
    bench.click("Add the newest row");
    bench.wait(100.0);
    assert_eq!(field(&bench), format!("{example}\n{example}"));

    let refusal = "Line 1: the wire has no column `devcie`. Did you mean `device`?";
    bench.host.borrow_mut().inject_failure = Some(Failure::new(FailureCode::Unreadable, refusal));
    bench.click("Inject");
    bench.wait(100.0);
    assert!(bench.has(refusal));
    bench.host.borrow_mut().inject_failure = None;
    bench.click("Inject");
    bench.wait(100.0);
    let rows = format!("{example}\n{example}");
    let sent = Request::InjectRows { run: 7, wire: hot_wire(), rows };
    assert!(bench.host.borrow().heard.contains(&sent));
    assert!(!bench.has("Rows, one JSON object a line"), "the form is closed");
    assert!(bench.has_text("2 rows put on the wire."));
    assert_eq!(bench.text(), text);
}

#[test]
fn a_wire_of_a_run_is_captured_from_its_menu() {
    let mut bench = bench_running();
    bench.harness.get_by_label("wire devices.rows → hot.rows").click_secondary();
    bench.step();
    bench.harness.get_by_label_contains("Capture this wire").click();
    bench.step();
    assert_eq!(heard(&bench), Request::BeginCapture { run: 7, wire: Some(hot_wire()) });
}

#[test]
fn everything_about_captures_is_within_the_window_in_both_themes() {
    for (name, theme_kind) in [("dark", egui::Theme::Dark), ("light", egui::Theme::Light)] {
        let host = Host::with(FLEET);
        let full = Capture { is_full: true, began_ms: 61_000, ..capture(5, "The whole night", None) };
        host.borrow_mut().captures =
            vec![full, capture(4, "Before the filter", Some(hot_wire())), capture(3, "Morning", None)];
        let mut bench = Bench::with(host);
        bench.harness.ctx.set_theme(theme_kind);
        let ground = theme::Theme::of(&bench.harness.ctx).ground;
        bench.host.borrow_mut().polled = Some(Box::new(|poll| {
            let replaying =
                Replaying { name: "Morning".to_owned(), of_wire: None, tempo: Tempo::Times(10), writes: false };
            Polled { replaying: Some(replaying), ..captured(poll) }
        }));
        bench.click("Captures 3");
        bench.click("Replay Morning");
        picture::keep(&format!("captures-menu-{name}"), &mut bench.harness, ground);
        bench.click("At 10×");
        bench.wait(300.0);
        picture::keep(&format!("captures-{name}"), &mut bench.harness, ground);
        let window = bench.harness.ctx.content_rect();
        for label in
            ["End the capture: 600 rows", "Rename The whole night", "Delete Morning", "Replay Before the filter"]
        {
            let rect = bench.harness.get_by_label(label).rect();
            assert!(window.contains_rect(rect), "{label}: {rect:?}");
        }
        bench.ask([Command::Capture(CaptureWish::AskRows(Some(hot_wire())))]);
        bench.wait(100.0);
        bench.host.borrow_mut().inject_failure =
            Some(Failure::new(FailureCode::Unreadable, "Line 1: the column `device` must have a value."));
        bench.click("Inject");
        bench.wait(100.0);
        picture::keep(&format!("inject-{name}"), &mut bench.harness, ground);
        assert!(window.contains_rect(bench.harness.get_by_label("Cancel").rect()));
    }
}
