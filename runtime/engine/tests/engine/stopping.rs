//! The ways a run ends, and what becomes of its output.

use millrace_engine::{RunError, start};
use millrace_model::Pipeline;
use millrace_model::run::RunState;
use serde_json::{Value, json};

use crate::nodes::{record, registry};
use crate::support::{id, options, outcome, pipeline, planned, started, until, within};

/// A source into a trap into a sink, and beside it a sink that has nothing to do with the trap.
fn with_trap(name: &str, trap: Value) -> Pipeline {
    pipeline(
        &[
            ("count", "ingest.count", json!({"rows": 1_000, "keys": 5})),
            ("few", "ingest.count", json!({"rows": 1})),
            ("trap", "process.trap", trap),
            ("sink", "store.collect", json!({"record": name})),
            ("beside", "store.collect", json!({"record": format!("{name}_beside")})),
        ],
        &[("count", "trap"), ("trap", "sink"), ("few", "beside")],
    )
}

fn endless(name: &str, slow_ms: u64) -> Pipeline {
    pipeline(
        &[
            ("count", "ingest.count", json!({"rows": 5_000_000, "record": name, "keys": 9})),
            ("windows", "analyze.running", json!({})),
            ("sink", "store.collect", json!({"record": name, "slow_ms": slow_ms})),
        ],
        &[("count", "windows"), ("windows", "sink")],
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graceful_stop_loses_no_row_that_was_emitted_and_finishes_the_sinks() {
    let run = started(&endless("graceful", 1), options()).await;
    until(|| run.metrics().nodes[&id("sink")].rows_in > 500).await;
    assert_eq!(run.state(), RunState::Running);
    run.stop();
    assert_eq!(run.state(), RunState::Stopping);
    let outcome = within(run.finished()).await;
    assert_eq!((outcome.state, run.state()), (RunState::Stopped, RunState::Stopped));
    let record = record("graceful");
    assert!(record.num_emitted < 5_000_000, "the source was stopped");
    assert_eq!(record.rows.len(), record.num_emitted);
    assert_eq!(record.events, ["open", "finish"]);
    assert_eq!(outcome.metrics.num_source_rows(), record.num_emitted as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_after_the_end_changes_nothing() {
    let run = started(&with_trap("late_stop", json!({"at": -1})), options()).await;
    within(run.finished()).await;
    run.stop();
    run.abort();
    assert_eq!(run.state(), RunState::Done);
    assert_eq!(within(run.finished()).await.state, RunState::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_ends_at_once_and_aborts_the_sinks() {
    let run = started(&endless("aborted", 5), options()).await;
    until(|| run.metrics().nodes[&id("sink")].rows_in > 0).await;
    run.stop();
    run.abort();
    let outcome = within(run.finished()).await;
    assert_eq!(outcome.state, RunState::Failed);
    assert_eq!(outcome.failure.unwrap().node, None);
    assert_eq!(record("aborted").events, ["open", "abort"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_of_a_run_without_sinks_is_no_success() {
    let watched = pipeline(
        &[
            ("count", "ingest.count", json!({"rows": 500_000_000, "record": "aborted_view", "keys": 9})),
            ("total", "visualize.total", json!({})),
        ],
        &[("count", "total")],
    );
    let run = started(&watched, options()).await;
    until(|| run.metrics().nodes[&id("total")].rows_in > 0).await;
    run.abort();
    assert_eq!(within(run.finished()).await.state, RunState::Failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_handle_aborts() {
    drop(started(&endless("dropped", 5), options()).await);
    until(|| record("dropped").events == ["open", "abort"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_names_the_node_and_aborts_every_sink_even_one_that_was_through() {
    for (name, trap, words) in [
        ("failed", json!({"at": 700}), "“The trap” failed: row 700 cannot be taken"),
        ("panicked", json!({"at": 700, "panic": true}), "“The trap” broke down"),
    ] {
        let outcome = outcome(&with_trap(name, trap)).await;
        assert_eq!(outcome.state, RunState::Failed);
        let failure = outcome.failure.unwrap();
        assert_eq!(failure.node, Some(id("trap")));
        assert!(failure.message.contains(words), "{}", failure.message);
        assert_eq!(outcome.metrics.failure, Some(failure));
        assert_eq!(record(name).events, ["open", "abort"]);
        assert_eq!(record(&format!("{name}_beside")).events, ["open", "abort"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_says_what_it_said() {
    let outcome = outcome(&with_trap("said", json!({"at": 3, "panic": true}))).await;
    assert!(outcome.failure.unwrap().message.ends_with("row 3 was too much"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_cannot_finish_fails_the_run() {
    let broken = pipeline(
        &[
            ("count", "ingest.count", json!({"rows": 10})),
            ("sink", "store.collect", json!({"record": "unfinished", "broken": "finish"})),
        ],
        &[("count", "sink")],
    );
    let outcome = outcome(&broken).await;
    assert_eq!(outcome.state, RunState::Failed);
    assert_eq!(outcome.failure.unwrap().message, "“The sink” failed: cannot finish");
    assert_eq!(record("unfinished").events, ["open", "abort"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_cannot_open_leaves_the_sinks_untouched() {
    let broken = pipeline(
        &[
            ("count", "ingest.count", json!({"broken": true})),
            ("sink", "store.collect", json!({"record": "untouched"})),
        ],
        &[("count", "sink")],
    );
    match start(&planned(&broken), &registry(), options()).await {
        Err(RunError::Node { failure }) => {
            assert_eq!(failure.node, Some(id("count")));
            assert_eq!(failure.message, "“The count” failed: there is nothing to read");
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it started"),
    }
    assert!(record("untouched").events.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_cannot_open_makes_the_others_take_back_theirs() {
    let broken = pipeline(
        &[
            ("count", "ingest.count", json!({"rows": 10})),
            ("a", "store.collect", json!({"record": "opened_first"})),
            ("b", "store.collect", json!({"record": "not_opened", "broken": "open"})),
        ],
        &[("count", "a"), ("count", "b")],
    );
    assert!(start(&planned(&broken), &registry(), options()).await.is_err());
    assert!(record("not_opened").events.is_empty());
    let first = record("opened_first").events;
    assert!(first.is_empty() || first == ["open", "abort"], "{first:?}");
}
