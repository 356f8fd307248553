//! A capture of a sample on the real host: begun beside a run, there after a restart, replayed, and made a test of; rows
//! put on a wire by hand.

use std::collections::BTreeMap;
use std::path::Path;

use millrace_host::testing::PipelineTest;
use millrace_host::{Request, Response};

use super::*;

#[test]
fn what_the_sources_gave_is_captured_and_there_after_a_restart_replayed_and_made_a_test() {
    let mut journey = Journey::first_start();
    let text = journey.pipeline().to_text();
    journey.click("Run");
    journey.until("rows come", |session| session.live.rates.source() > 0.0);
    journey.click("Capture");
    journey.until("rows are captured", |session| {
        session.live.capturing.as_ref().is_some_and(|capturing| capturing.num_rows > 200)
    });
    journey.keep("capturing");
    journey.press(Modifiers::COMMAND | Modifiers::ALT, Key::R);
    journey.until("the capture is kept", |session| session.captures.as_ref().is_some_and(|it| it.len() == 1));
    journey.harness.run_steps(3);
    assert!(journey.has_text("as “Capture 1”."));
    assert_eq!(journey.pipeline().to_text(), text, "the pipeline does not know of it");
    let capture = journey.session().captures.clone().expect("a list").remove(0);
    assert!(capture.num_rows > 200 && capture.began_ms > 0);
    journey.click("Stop");
    journey.until("the run has stopped", |session| session.live.state() == Some(RunState::Stopped));

    let mut journey = journey.restart();
    journey.until("the captures are heard", |session| session.captures.is_some());
    journey.harness.run_steps(3);
    journey.click("Captures 1");
    journey.keep("captures");
    journey.click("Replay Capture 1");
    journey.click("As fast as it goes");
    journey.until("the replay is over", |session| session.live.state() == Some(RunState::Done));
    let metrics = journey.session().live.metrics.clone().expect("there were metrics");
    assert_eq!(metrics.num_source_rows(), capture.num_rows, "it gives what was captured");
    assert!(journey.session().live.log.iter().any(|line| line.message.contains("This is a replay of “Capture 1”")));

    let path = journey.folder.path().join("samples").join("night.millrace-test.json");
    let document = journey.session().document.as_ref().expect("a project is open");
    let save = Request::SaveTest {
        project: document.project(),
        capture: capture.id,
        text: document.pipeline().to_text(),
        parameters: BTreeMap::new(),
        path: path.display().to_string(),
    };
    let saved = journey.runtime.block_on(journey.host.handle(save)).expect("it is written");
    assert!(matches!(saved, Response::Text(paths) if paths.lines().all(|path| Path::new(path).exists())));
    let planner = journey.host.planner();
    journey.runtime.block_on(async {
        let test = Arc::new(PipelineTest::prepare(&path, planner, false).await.expect("it is whole"));
        let checked = test.run(planner.registry(), 5).await.expect("it runs");
        assert!(checked.iter().any(|checked| checked.rows.num_rows() > 0));
        for checked in checked {
            assert!(checked.diff.is_some_and(|diff| diff.is_empty()), "{}", checked.at);
        }
    });
}

#[test]
fn rows_put_on_a_wire_by_hand_are_seen_on_it_and_counted_apart() {
    let mut journey = Journey::first_start();
    let source = journey.pipeline().topological_order().expect("no cycle").remove(0);
    let wire = journey.pipeline().wires_out_of(&source).remove(0);
    journey.click("Run");
    journey.until("rows come", |session| session.live.rates.source() > 0.0);
    journey.click(&format!("wire {wire}"));
    journey.until("rows are seen", |session| session.live.tap.is_some());
    journey.harness.run_steps(3);
    journey.click("Inject rows…");
    let value =
        |journey: &Journey| journey.harness.get_by_label("Rows, one JSON object a line").value().unwrap_or_default();
    journey.until("the form has a row", |_| true);
    for _ in 0..1_000 {
        if !value(&journey).is_empty() {
            break;
        }
        journey.harness.step();
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(value(&journey).contains("\"temperature\":"), "{}", value(&journey));
    journey.keep("inject");
    journey.click("Inject");
    journey
        .until("it is counted", |session| session.live.wire(&wire).is_some_and(|counted| counted.rows_injected == 1));
    journey.until("it is told", |session| {
        session.live.log.iter().any(|line| line.message.starts_with("1 row put by hand on the wire from “"))
    });
    journey.click("Stop");
    journey.until("the run has stopped", |session| session.live.state() == Some(RunState::Stopped));
}
