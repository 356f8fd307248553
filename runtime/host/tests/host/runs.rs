//! Runs: one a project, looked at by polling, stopped in order, noted in the database.

use std::collections::BTreeMap;
use std::path::Path;

use millrace_host::arrow::array::AsArray;
use millrace_host::arrow::datatypes::Int64Type;
use millrace_host::model::run::{Breakpoint, EditCost, NodeRestart, RunState, Standstill, StateFate};
use millrace_host::model::view::ViewSpec;
use millrace_host::model::{NodeId, Wire};
use millrace_host::{DatabaseLocation, Event, FailureCode, HostOptions, Request, Response};
use millrace_protocol::{Frame, ImageFormat, Move, Poll, Seen};
use serde_json::json;

use crate::nodes::{ENDLESS, counting};
use crate::{ask, heard, host, host_with, import, poll, polled, polled_until, project, refused, start, started};

fn newest() -> NodeId {
    NodeId::new("newest").expect("an id")
}

fn wire() -> Wire {
    Wire::new("numbers.rows".parse().expect("a port"), "newest.rows".parse().expect("a port"))
}

fn numbers(frame: &Frame) -> Vec<i64> {
    let batch = frame.to_batch().expect("a batch");
    batch.column(0).as_primitive::<Int64Type>().values().to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_comes_to_its_end_and_stays_to_be_looked_at() {
    let host = host().await;
    let mut news = host.subscribe();
    let text = counting(r#"{"count": 25}"#);
    let id = import(&host, &text).await;
    let run = started(&host, start(id, &text)).await;
    heard(&mut news, Event::RunOver { run, project: id }).await;

    let with_view = Poll { views: BTreeMap::from([(newest(), 0)]), ..poll(run) };
    let seen = polled(&host, with_view.clone()).await;
    assert_eq!(seen.metrics.state, RunState::Done);
    assert_eq!((seen.metrics.num_source_rows(), seen.metrics.wires[0].rows), (25, 25));
    let view = &seen.views[&newest()];
    assert!(matches!(&view.spec, ViewSpec::Table(table) if table.num_rows == 25), "{:?}", view.spec);
    assert_eq!(numbers(&view.data), [20, 21, 22, 23, 24]);
    let messages: Vec<_> = seen.log.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(messages.first(), Some(&"Started with 2 nodes."));
    assert!(messages.contains(&"“Numbers” has come to its end: 25 rows."), "{messages:?}");
    assert!(messages.last().is_some_and(|last| last.starts_with("Done in ")), "{messages:?}");

    let known = Poll {
        views: BTreeMap::from([(newest(), view.version)]),
        log_from: seen.log.last().expect("a line").number + 1,
        ..poll(run)
    };
    let nothing_new = polled(&host, known).await;
    assert!(nothing_new.views.is_empty() && nothing_new.log.is_empty());

    let next = started(&host, start(id, &text)).await;
    assert_ne!(next, run);
    assert_eq!(refused(&host, Request::Poll(with_view)).await.code, FailureCode::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_without_end_is_watched_and_stopped() {
    let host = host().await;
    let mut news = host.subscribe();
    let text = counting(ENDLESS);
    let id = import(&host, &text).await;
    let run = started(&host, start(id, &text)).await;
    assert_eq!(project(&host, Request::OpenProject { project: id }).await.run, Some(run));
    assert_eq!(host.running().iter().map(|running| running.run).collect::<Vec<_>>(), [run]);

    let tapped = Poll { taps: vec![wire()], ..poll(run) };
    let seen = polled_until(&host, tapped, |polled| polled.taps[0].rows.is_some()).await;
    assert_eq!(seen.metrics.state, RunState::Running);
    let rows = numbers(seen.taps[0].rows.as_ref().expect("just seen"));
    assert!(!rows.is_empty() && rows.windows(2).all(|pair| pair[1] == pair[0] + 1), "{rows:?}");

    let viewed = |version| Poll { views: BTreeMap::from([(newest(), version)]), ..poll(run) };
    let first = polled_until(&host, viewed(0), |polled| !polled.views.is_empty()).await.views[&newest()].version;
    polled_until(&host, viewed(first), |polled| !polled.views.is_empty()).await;
    let png = Request::RenderView {
        run,
        node: newest(),
        seen: Seen::default(),
        format: ImageFormat::Png,
        width: 320,
        height: 200,
    };
    let Response::Image(image) = ask(&host, png).await else { panic!("an image was expected") };
    assert!(image.starts_with(b"\x89PNG"));

    assert_eq!(refused(&host, start(id, &text)).await.code, FailureCode::Conflict);
    assert_eq!(refused(&host, Request::DeleteProject { project: id }).await.code, FailureCode::Conflict);
    ask(&host, Request::StopRun { run, now: false }).await;
    heard(&mut news, Event::RunOver { run, project: id }).await;
    let end = polled(&host, poll(run)).await.metrics;
    assert_eq!(end.state, RunState::Stopped);
    assert_eq!(end.num_source_rows(), end.wires[0].rows, "what was in flight has arrived");
    assert_eq!(project(&host, Request::OpenProject { project: id }).await.run, None);
    assert!(host.running().is_empty());
    ask(&host, Request::DeleteProject { project: id }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_projects_run_at_once_and_shutdown_ends_them_all() {
    let host = host().await;
    let text = counting(ENDLESS);
    let mut runs = Vec::new();
    for _ in 0..3 {
        let id = import(&host, &text).await;
        runs.push(started(&host, start(id, &text)).await);
    }
    for run in &runs {
        polled_until(&host, poll(*run), |polled| polled.metrics.num_source_rows() > 0).await;
    }
    assert_eq!(host.running().len(), 3);
    host.shutdown().await;
    assert!(host.running().is_empty());
    for run in runs {
        assert_eq!(polled(&host, poll(run)).await.metrics.state, RunState::Stopped);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipeline_with_faults_is_refused_with_all_of_them() {
    let host = host().await;
    let text = counting(r#"{"cuont": 3, "pause": "soon"}"#);
    let id = import(&host, &text).await;
    let failure = refused(&host, start(id, &text)).await;
    assert_eq!(failure.code, FailureCode::InvalidPipeline);
    let codes: Vec<_> = failure.diagnostics.iter().map(|problem| problem.code.as_str()).collect();
    assert!(codes.contains(&"unknown_param") && codes.contains(&"param_type"), "{codes:?}");
    // What was refused stands in nobody's way.
    let good = counting(r#"{"count": 1}"#);
    started(&host, start(id, &good)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_are_put_in_and_wrong_ones_refused() {
    let host = host().await;
    let text = counting(r#"{"count": "${rows}"}"#)
        .replace(r#""nodes""#, r#""parameters": {"rows": {"default": 3, "type": "integer"}}, "nodes""#);
    let id = import(&host, &text).await;
    let with = |name: &str, value: serde_json::Value| Request::StartRun {
        project: id,
        text: text.clone(),
        parameters: BTreeMap::from([(name.to_owned(), value)]),
        breakpoints: Vec::new(),
        replay: None,
        capture: false,
    };
    for (request, num_rows) in [(start(id, &text), 3), (with("rows", json!(42)), 42)] {
        let run = started(&host, request).await;
        let end = polled_until(&host, poll(run), |polled| polled.metrics.state.is_over()).await;
        assert_eq!(end.metrics.num_source_rows(), num_rows);
    }
    for (name, value, code) in [("rows", json!("many"), "parameter_type"), ("row", json!(1), "unknown_parameter")] {
        let failure = refused(&host, with(name, value)).await;
        assert!(failure.diagnostics.iter().any(|problem| problem.code == code), "{failure:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_fails_says_which_node_and_why() {
    let host = host().await;
    let text = r#"{"format": 1, "name": "Failing", "nodes": {
        "numbers": {"kind": "ingest.numbers"},
        "fail": {"kind": "process.fail", "title": "The weak one"},
        "newest": {"kind": "visualize.newest"}
    }, "wires": [
        {"from": "numbers.rows", "to": "fail.rows"},
        {"from": "fail.rows", "to": "newest.rows"}
    ]}"#;
    let id = import(&host, text).await;
    let run = started(&host, start(id, text)).await;
    let end = polled_until(&host, poll(run), |polled| polled.metrics.state.is_over()).await;
    assert_eq!(end.metrics.state, RunState::Failed);
    let failure = end.metrics.failure.expect("a reason");
    assert_eq!(failure.node.as_ref().map(NodeId::as_str), Some("fail"));
    assert!(failure.message.contains("The weak one") && failure.message.contains("always fails"), "{failure:?}");
    let logged = polled_until(&host, poll(run), |polled| polled.log.iter().any(|line| line.is_error)).await;
    assert!(logged.log.iter().any(|line| line.is_error && line.message == failure.message));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_cannot_open_its_source_does_not_begin() {
    let host = host().await;
    let text = counting(r#"{"locked": true}"#);
    let id = import(&host, &text).await;
    let failure = refused(&host, start(id, &text)).await;
    assert_eq!(failure.code, FailureCode::InvalidPipeline);
    assert!(failure.message.contains("locked away"), "{failure:?}");
    assert_eq!(failure.diagnostics[0].node.as_ref().map(NodeId::as_str), Some("numbers"));
    assert_eq!(project(&host, Request::OpenProject { project: id }).await.run, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_run_is_noted_with_its_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("millrace.db");
    let options = HostOptions {
        database: DatabaseLocation::File(database.clone()),
        ..HostOptions::in_memory(folder.path().to_owned())
    };
    let host = host_with(options).await;
    let mut news = host.subscribe();
    let texts = [counting(r#"{"count": 5}"#), counting(r#"{"locked": true}"#), counting(ENDLESS)];
    let id = import(&host, &texts[0]).await;
    let run = started(&host, start(id, &texts[0])).await;
    heard(&mut news, Event::RunOver { run, project: id }).await;
    refused(&host, start(id, &texts[1])).await;
    let run = started(&host, start(id, &texts[2])).await;
    ask(&host, Request::StopRun { run, now: false }).await;
    heard(&mut news, Event::RunOver { run, project: id }).await;

    let runs = store(&database).runs(id).expect("a list");
    let states: Vec<_> = runs.iter().map(|run| (run.state, run.ended_ms.is_some())).collect();
    assert_eq!(states, [(RunState::Stopped, true), (RunState::Failed, true), (RunState::Done, true)]);
    assert_eq!(runs[2].metrics.as_ref().map(|metrics| metrics.num_source_rows()), Some(5));
}

fn store(path: &Path) -> millrace_store::Store {
    millrace_store::Store::open(path).unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_of_a_run_that_is_not_there_is_not_found() {
    let host = host().await;
    for request in [
        Request::Poll(poll(7)),
        Request::StopRun { run: 7, now: true },
        Request::RecentRows { run: 7, node: newest(), port: "late".to_owned() },
        start(7, &counting("{}")),
    ] {
        assert_eq!(refused(&host, request).await.code, FailureCode::NotFound);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_pipeline_takes_a_changed_param_and_says_before_what_that_costs() {
    let host = host().await;
    let text = counting(ENDLESS);
    let id = import(&host, &text).await;
    let run = started(&host, start(id, &text)).await;
    let edit = |text: &str, apply: bool| Request::EditRun { run, text: text.to_owned(), apply };
    let cost = async |text: &str, apply: bool| match ask(&host, edit(text, apply)).await {
        Response::EditCost(cost) => cost,
        other => panic!("it is a cost: {other:?}"),
    };
    assert_eq!(cost(&text, true).await, EditCost::Nothing);
    let slower = counting(r#"{"pause": "6 ms"}"#);
    let starts_over = NodeRestart {
        node: NodeId::new("numbers").expect("an id"),
        title: "Numbers".to_owned(),
        state: StateFate::StartsOver,
    };
    let expected = EditCost::Nodes { nodes: vec![starts_over] };
    assert_eq!(cost(&slower, false).await, expected);
    assert_eq!(cost(&slower, false).await, expected, "asking changed nothing");
    assert_eq!(cost(&slower, true).await, expected);
    assert_eq!(cost(&slower, false).await, EditCost::Nothing);
    let seen = polled(&host, poll(run)).await;
    assert_eq!(seen.metrics.state, RunState::Running);
    assert!(seen.log.iter().any(|line| line.message == "“Numbers” was changed: it starts over."), "{:?}", seen.log);

    let faulty = counting(r#"{"pause": "soon"}"#);
    assert_eq!(refused(&host, edit(&faulty, true)).await.code, FailureCode::InvalidPipeline);
    ask(&host, Request::StopRun { run, now: true }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_halts_at_a_breakpoint_shows_the_rows_and_goes_on_by_steps() {
    let host = host().await;
    let text = counting(ENDLESS);
    let id = import(&host, &text).await;
    let wire = wire();
    let at = |condition: &str| Breakpoint { wire: wire.clone(), condition: condition.to_owned() };
    let with = |condition: &str| Request::StartRun {
        project: id,
        text: text.clone(),
        parameters: BTreeMap::new(),
        breakpoints: vec![at(condition)],
        replay: None,
        capture: false,
    };
    let failure = refused(&host, with("m = 7")).await;
    assert_eq!(failure.code, FailureCode::InvalidPipeline);
    assert_eq!(failure.diagnostics[0].wire, Some(wire.clone()));

    let run = started(&host, with("n = 7")).await;
    let halted = polled_until(&host, poll(run), |polled| polled.halt.is_some()).await;
    let halt = halted.halt.expect("it has halted");
    assert_eq!((numbers(&halt.rows)[usize::try_from(halt.row).expect("a row")], &halt.wire), (7, &wire));
    assert_eq!(halted.metrics.standstill, Some(Standstill::Halted { wire: wire.clone(), number: 1 }));
    let known = Poll { halt: halt.number, ..poll(run) };
    assert_eq!(polled(&host, known.clone()).await.halt, None, "rows are sent once");
    let edit = Request::EditRun { run, text: counting(r#"{"pause": "6 ms"}"#), apply: true };
    assert_eq!(refused(&host, edit).await.code, FailureCode::Conflict);

    ask(&host, Request::MoveRun { run, how: Move::Step }).await;
    let next = polled_until(&host, known, |polled| polled.halt.is_some()).await.halt.expect("it has halted");
    assert_eq!(next.number, 2);
    assert!(numbers(&next.rows)[0] > 7);

    let failure = refused(&host, Request::SetBreakpoints { run, breakpoints: vec![at("n")] }).await;
    assert_eq!(failure.diagnostics[0].code, "not_a_condition");
    ask(&host, Request::SetBreakpoints { run, breakpoints: Vec::new() }).await;
    ask(&host, Request::MoveRun { run, how: Move::Resume }).await;
    ask(&host, Request::MoveRun { run, how: Move::Pause }).await;
    assert_eq!(polled(&host, poll(run)).await.metrics.standstill, Some(Standstill::Paused));
    ask(&host, Request::StopRun { run, now: false }).await;
    polled_until(&host, poll(run), |polled| polled.metrics.state == RunState::Stopped).await;
}
