//! Captures, replays, tests made of them, and rows put on a wire by hand, through the host's door.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use millrace_host::arrow::array::AsArray;
use millrace_host::arrow::datatypes::Int64Type;
use millrace_host::model::run::{RunState, Standstill, Tempo};
use millrace_host::model::{NodeId, Wire};
use millrace_host::testing::PipelineTest;
use millrace_host::{DatabaseLocation, Event, FailureCode, Host, HostOptions, Request, Response};
use millrace_protocol::{Capture, Frame, Move, Poll, ProjectId, Replay, RunId};
use serde_json::json;

use crate::nodes::{ENDLESS, counting};
use crate::{ask, heard, host, host_with, import, poll, polled, polled_until, refused, start, started};

fn wire() -> Wire {
    Wire::new("numbers.rows".parse().expect("a port"), "newest.rows".parse().expect("a port"))
}

fn captured(project: ProjectId, text: &str) -> Request {
    let (text, parameters, breakpoints) = (text.to_owned(), BTreeMap::new(), Vec::new());
    Request::StartRun { project, text, parameters, breakpoints, replay: None, capture: true }
}

fn replayed(project: ProjectId, text: &str, capture: &Capture, tempo: Tempo) -> Request {
    let (text, parameters, breakpoints) = (text.to_owned(), BTreeMap::new(), Vec::new());
    let replay = Some(Replay { capture: capture.id, tempo, writes: false });
    Request::StartRun { project, text, parameters, breakpoints, replay, capture: false }
}

async fn captures(host: &Host, project: ProjectId) -> Vec<Capture> {
    match ask(host, Request::ListCaptures { project }).await {
        Response::Captures(captures) => captures,
        other => panic!("captures were expected, not {other:?}"),
    }
}

/// The numbers that go over the wire, by its tap.
async fn tapped(host: &Host, run: RunId, count: usize) -> Vec<i64> {
    let tap = Poll { taps: vec![wire()], ..poll(run) };
    let numbers =
        |frame: &Frame| frame.to_batch().expect("a batch").column(0).as_primitive::<Int64Type>().values().to_vec();
    let polled =
        polled_until(host, tap, |polled| polled.taps[0].rows.as_ref().is_some_and(|rows| numbers(rows).len() >= count))
            .await;
    numbers(polled.taps[0].rows.as_ref().expect("rows"))
}

fn desktop(folder: &Path) -> HostOptions {
    HostOptions {
        database: DatabaseLocation::File(folder.join("millrace.db")),
        is_local: true,
        ..HostOptions::in_memory(folder.to_owned())
    }
}

/// A run that is captured from its first row, up to its end.
async fn capture_of(host: &Arc<Host>, text: &str) -> (ProjectId, Capture) {
    let id = import(host, text).await;
    let mut news = host.subscribe();
    let run = started(host, captured(id, text)).await;
    heard(&mut news, Event::RunOver { run, project: id }).await;
    (id, captures(host, id).await.remove(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_capture_survives_a_restart_and_its_replay_gives_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = counting(r#"{"count": 25}"#);
    let (id, capture) = {
        let host = host_with(desktop(folder.path())).await;
        let (id, capture) = capture_of(&host, &text).await;
        host.shutdown().await;
        (id, capture)
    };
    assert_eq!((capture.name.as_str(), capture.num_rows, capture.began_ms), ("Capture 1", 25, 0));
    assert_eq!((&capture.of_wire, capture.is_full), (&None, false));

    let host = host_with(desktop(folder.path())).await;
    assert_eq!(captures(&host, id).await, std::slice::from_ref(&capture));
    for tempo in [Tempo::AtOnce, Tempo::Times(10), Tempo::StepByStep] {
        // The source would give other rows now.
        let changed = counting(r#"{"count": 3}"#);
        let run = started(&host, replayed(id, &changed, &capture, tempo)).await;
        if tempo == Tempo::StepByStep {
            let begun = polled(&host, Poll { taps: vec![wire()], ..poll(run) }).await;
            assert_eq!(begun.metrics.standstill, Some(Standstill::Paused));
            ask(&host, Request::MoveRun { run, how: Move::Resume }).await;
        }
        let end = polled_until(&host, poll(run), |polled| polled.metrics.state.is_over()).await;
        assert_eq!((end.metrics.state, end.metrics.num_source_rows()), (RunState::Done, 25));
        let replaying = end.replaying.expect("it says so");
        assert_eq!((replaying.name.as_str(), replaying.tempo, replaying.writes), ("Capture 1", tempo, false));
        let log = end.log.iter().any(|line| line.message.contains("This is a replay of “Capture 1”"));
        assert!(log, "{:?}", end.log);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_while_a_run_goes_on_is_captured_until_somebody_ends_it() {
    let host = host().await;
    let mut news = host.subscribe();
    let text = counting(ENDLESS);
    let id = import(&host, &text).await;
    let run = started(&host, start(id, &text)).await;
    polled_until(&host, poll(run), |polled| polled.metrics.num_source_rows() > 0).await;
    ask(&host, Request::BeginCapture { run, wire: Some(wire()) }).await;
    let again = refused(&host, Request::BeginCapture { run, wire: None }).await;
    assert_eq!(again.code, FailureCode::Conflict);
    let going_on = polled_until(&host, poll(run), |polled| {
        polled.capturing.as_ref().is_some_and(|capturing| capturing.num_rows > 0)
    })
    .await;
    assert_eq!(going_on.capturing.expect("it goes on").of_wire, Some(wire()));
    ask(&host, Request::EndCapture { run }).await;
    heard(&mut news, Event::CapturesChanged { project: id }).await;
    let after = polled(&host, poll(run)).await;
    assert_eq!((after.capturing, after.metrics.state), (None, RunState::Running));
    assert!(after.log.iter().any(|line| line.message.starts_with("Captured ")), "{:?}", after.log);
    assert_eq!(refused(&host, Request::EndCapture { run }).await.code, FailureCode::NotFound);
    ask(&host, Request::StopRun { run, now: false }).await;
    polled_until(&host, poll(run), |polled| polled.metrics.state.is_over()).await;
    assert_eq!(refused(&host, Request::BeginCapture { run, wire: None }).await.code, FailureCode::Conflict);

    let capture = captures(&host, id).await.remove(0);
    let replay = started(&host, replayed(id, &text, &capture, Tempo::AtOnce)).await;
    let end = polled_until(&host, poll(replay), |polled| polled.metrics.state.is_over()).await;
    assert_eq!((end.metrics.state, end.metrics.wires[0].rows), (RunState::Done, capture.num_rows));

    let (project, capture) = (id, capture.id);
    ask(&host, Request::RenameCapture { project, capture, name: "Quiet hour".to_owned() }).await;
    assert_eq!(captures(&host, id).await[0].name, "Quiet hour");
    ask(&host, Request::DeleteCapture { project, capture }).await;
    assert!(captures(&host, id).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_capture_that_does_not_fit_the_pipeline_is_refused_in_words() {
    let host = host().await;
    let text = counting(r#"{"count": 5}"#);
    let (id, capture) = capture_of(&host, &text).await;
    let renamed = text.replace("numbers", "others").replace("ingest.others", "ingest.numbers");
    let failure = refused(&host, replayed(id, &renamed, &capture, Tempo::AtOnce)).await;
    assert!(failure.message.starts_with("“Capture 1” has no rows of the source “"), "{}", failure.message);
    let gone = Capture { id: 999, ..capture };
    assert_eq!(refused(&host, replayed(id, &text, &gone, Tempo::AtOnce)).await.code, FailureCode::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_capture_becomes_a_test_that_the_command_line_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = host_with(desktop(folder.path())).await;
    let text = counting(r#"{"count": 25}"#);
    let (project, capture) = capture_of(&host, &text).await;
    let path = folder.path().join("daily.millrace-test.json");
    let save = Request::SaveTest {
        project,
        capture: capture.id,
        text,
        parameters: BTreeMap::new(),
        path: path.display().to_string(),
    };
    let Response::Text(paths) = ask(&host, save.clone()).await else { panic!("paths were expected") };
    assert!(paths.lines().all(|path| Path::new(path).exists()), "{paths}");
    assert!(paths.contains("daily.millrace.json") && paths.contains("daily.expected.numbers.rows.ndjson"), "{paths}");

    let run = async |path: &Path| {
        let test = PipelineTest::prepare(path, host.planner(), false).await.expect("it is whole");
        Arc::new(test).run(host.planner().registry(), 7).await.expect("it runs")
    };
    let checked = run(&path).await;
    assert!(checked.iter().all(|checked| checked.diff.as_ref().is_some_and(|diff| diff.is_empty())));
    assert_eq!(checked[0].rows.num_rows(), 25);

    let expected = folder.path().join("daily.expected.numbers.rows.ndjson");
    let rows = std::fs::read_to_string(&expected).expect("rows").replacen("7}", "700}", 1);
    std::fs::write(&expected, rows).expect("written");
    let diff = run(&path).await.remove(0).diff.expect("it is compared");
    assert!(diff.summary().ends_with("(25 expected, 25 came)"), "{}", diff.summary());
    assert!(diff.table(9).iter().any(|line| line.contains("700")), "{:?}", diff.table(9));

    let failure = refused(&host, save).await;
    assert!(failure.message.contains("is there already"), "{}", failure.message);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_is_not_written_by_a_host_that_may_not_name_files() {
    let host = host().await;
    let text = counting(r#"{"count": 5}"#);
    let (project, capture) = capture_of(&host, &text).await;
    let path = "/tmp/never-written.millrace-test.json".to_owned();
    let save = Request::SaveTest { project, capture: capture.id, text, parameters: BTreeMap::new(), path };
    assert_eq!(refused(&host, save).await.code, FailureCode::Storage);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_put_on_a_wire_and_told_in_the_log() {
    let host = host().await;
    let text = counting(ENDLESS);
    let id = import(&host, &text).await;
    let run = started(&host, start(id, &text)).await;
    let newest = *tapped(&host, run, 1).await.last().expect("a row");
    let Response::Text(row) = ask(&host, Request::ExampleRow { run, wire: wire() }).await else { panic!("a row") };
    let row: serde_json::Value = serde_json::from_str(&row).expect("it is JSON");
    let name = row.as_object().expect("an object").keys().next().expect("a column").clone();
    assert!(row[&name].as_i64().is_some_and(|number| number >= newest), "{row}");

    let inject = |rows: String| Request::InjectRows { run, wire: wire(), rows };
    let rows = format!("{}\n{}", json!({ &name: -5 }), json!({ &name: -6 }));
    ask(&host, inject(rows)).await;
    let seen = polled(&host, poll(run)).await;
    assert_eq!(seen.metrics.wires[0].rows_injected, 2);
    let line = seen.log.iter().find(|line| line.message.starts_with("2 rows put by hand on the wire from “"));
    assert_eq!(line.expect("it is told").node, Some(NodeId::new("newest").expect("an id")));

    let failure = refused(&host, inject(r#"{"other": 1}"#.to_owned())).await;
    assert!(failure.message.starts_with("Line 1: the wire has no column `other`."), "{}", failure.message);
    ask(&host, Request::StopRun { run, now: false }).await;
    polled_until(&host, poll(run), |polled| polled.metrics.state.is_over()).await;
    assert_eq!(refused(&host, inject(json!({ &name: 1 }).to_string())).await.code, FailureCode::Conflict);
}
