//! A run that is cut off and gone on with does what an undisturbed one does.

use std::sync::Arc;
use std::time::Duration;

use millrace_engine::{Checkpoint, Run, RunOptions, StateFolder, StateOptions, start};
use millrace_model::Pipeline;
use millrace_model::run::RunState;
use millrace_model::view::ViewSpec;
use serde_json::json;

use crate::nodes::{forget, record, registry};
use crate::support::{id, named, options, pipeline, planned, until, within};

const MANY: i64 = 3_000;
const FEW: i64 = 700;

/// Two sources of which one ends early, rows held in windows, a count by key that every lost, doubled or reordered row
/// would change, a sink and a view.
pub fn counted(name: &str) -> Pipeline {
    counted_slowly(name, 0)
}

/// Each batch takes the sink `slow_ms`.
pub fn counted_slowly(name: &str, slow_ms: u64) -> Pipeline {
    named(
        name,
        &[
            ("many", "ingest.count", json!({"rows": MANY, "keys": 7})),
            ("few", "ingest.count", json!({"rows": FEW, "keys": 7})),
            ("windows", "analyze.windows", json!({})),
            ("count", "analyze.running", json!({})),
            ("sieve", "process.sieve", json!({"column": "n", "drop": 5})),
            ("sink", "store.collect", json!({"record": name, "slow_ms": slow_ms})),
            ("total", "visualize.total", json!({})),
        ],
        &[
            ("many", "windows"),
            ("few", "windows"),
            ("windows", "count"),
            ("count", "sieve"),
            ("sieve", "sink"),
            ("sieve", "total"),
        ],
    )
}

async fn go_on(pipeline: &Pipeline, folder: &Arc<StateFolder>) -> (Run, Option<Checkpoint>) {
    let found = folder.newest().unwrap().checkpoint;
    if found.is_none() {
        // Without a checkpoint an ended run has taken everything back.
        forget(pipeline.name());
    }
    let state = StateOptions {
        folder: folder.clone(),
        interval: Duration::from_millis(3),
        resume: found.clone().map(Arc::new),
    };
    let options = RunOptions { batch_size: 10, state: Some(state), ..options() };
    (start(&planned(pipeline), &registry(), options).await.unwrap(), found)
}

/// Ends the run at once, `later` than its next checkpoint, however long that takes on a busy machine; a run that comes to
/// its end before is left.
pub async fn end_behind_a_checkpoint(run: &Run, folder: &StateFolder, later: Duration) {
    let newest = || folder.newest().unwrap().checkpoint.map(|checkpoint| checkpoint.number);
    let before = newest();
    until(|| newest() > before || run.state() != RunState::Running).await;
    tokio::time::sleep(later).await;
    run.abort();
    within(run.finished()).await;
}

fn sorted(name: &str) -> Vec<(i64, Option<i64>, i64)> {
    let mut rows = record(name).rows;
    rows.sort_unstable();
    rows
}

pub fn folder() -> (tempfile::TempDir, Arc<StateFolder>) {
    let place = tempfile::tempdir().unwrap();
    let folder = StateFolder::open(place.path()).unwrap();
    (place, Arc::new(folder))
}

#[track_caller]
pub fn assert_undisturbed(name: &str, run: &Run) {
    let rows = sorted(name);
    // Every number of both sources, but for those that the sieve drops; of each key the counts without a gap.
    let mut numbers: Vec<i64> = (0..MANY).chain(0..FEW).filter(|n| n % 5 != 0).collect();
    numbers.sort_unstable();
    assert!(rows.iter().map(|row| row.0).eq(numbers.iter().copied()), "{} rows for {}", rows.len(), numbers.len());
    let mut counts: Vec<(Option<i64>, i64)> = rows.iter().map(|row| (row.1, row.2)).collect();
    counts.sort_unstable();
    counts.dedup();
    assert_eq!(counts.len(), rows.len(), "no count of a key comes twice");
    let metrics = run.metrics();
    assert_eq!(metrics.nodes[&id("windows")].rows_in, (MANY + FEW) as u64);
    assert_eq!(metrics.nodes[&id("windows")].rows_out, (MANY + FEW) as u64);
    assert_eq!(metrics.nodes[&id("sink")].rows_in, numbers.len() as u64);
    assert_eq!(metrics.nodes[&id("sieve")].rows_dropped, (MANY + FEW) as u64 - numbers.len() as u64);
    let Some((_, picture)) = run.view(&id("total")) else { panic!("there is a picture") };
    let ViewSpec::Table(table) = picture.spec else { panic!("it is a table") };
    assert_eq!(table.num_rows, numbers.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_ended_again_and_again_does_what_an_undisturbed_one_does() {
    let mut num_resumed = 0;
    for seed in 0..3_u64 {
        let name = format!("ended_{seed}");
        let pipeline = counted_slowly(&name, 1);
        let (_place, folder) = folder();
        for ending in 0..3 {
            let (run, found) = go_on(&pipeline, &folder).await;
            num_resumed += usize::from(found.is_some());
            end_behind_a_checkpoint(&run, &folder, Duration::from_millis((seed * 5 + ending * 3) % 11)).await;
        }
        let (run, found) = go_on(&pipeline, &folder).await;
        num_resumed += usize::from(found.is_some());
        assert_eq!(within(run.finished()).await.state, RunState::Done, "{:?}", run.metrics().failure);
        assert_undisturbed(&name, &run);
    }
    assert!(num_resumed >= 3, "checkpoints were gone on from {num_resumed} times");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_keeps_open_windows_for_the_run_that_goes_on() {
    let pipeline = counted_slowly("stopped_and_on", 1);
    let (_place, folder) = folder();
    let mut num_stops = 0;
    let run = loop {
        let (run, _) = go_on(&pipeline, &folder).await;
        let num_rows = || run.metrics().nodes[&id("sink")].rows_in;
        let before = num_rows();
        // Far from its end the first times.
        until(|| num_rows() > before + 400 || run.state() != RunState::Running).await;
        run.stop();
        let outcome = within(run.finished()).await;
        if outcome.state == RunState::Done {
            break run;
        }
        assert_eq!(outcome.state, RunState::Stopped, "{:?}", outcome.failure);
        assert!(folder.newest().unwrap().checkpoint.is_some_and(|last| !last.is_complete));
        num_stops += 1;
    };
    assert!(num_stops > 0, "it was stopped on the way");
    assert_undisturbed("stopped_and_on", &run);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complete_run_that_is_gone_on_with_changes_nothing() {
    let pipeline = counted("complete");
    let (_place, folder) = folder();
    let (run, _) = go_on(&pipeline, &folder).await;
    within(run.finished()).await;
    assert!(folder.newest().unwrap().checkpoint.is_some_and(|last| last.is_complete));
    let before = sorted("complete");
    let (run, found) = go_on(&pipeline, &folder).await;
    assert!(found.is_some());
    assert_eq!(within(run.finished()).await.state, RunState::Done);
    assert!(sorted("complete") == before);
    assert_undisturbed("complete", &run);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_pipeline_says_which_nodes_lose_their_state() {
    let (_place, folder) = folder();
    let (run, _) = go_on(&counted("changed"), &folder).await;
    within(run.finished()).await;
    let checkpoint = folder.newest().unwrap().checkpoint.unwrap();
    assert!(checkpoint.fates(&planned(&counted("changed"))).iter().all(|fate| fate.lost.is_none()));
    let other = pipeline(
        &[
            ("many", "ingest.count", json!({"rows": MANY, "keys": 9})),
            ("windows", "analyze.windows", json!({})),
            ("sink", "store.collect", json!({"record": "changed", "slow_ms": 1})),
        ],
        &[("many", "windows"), ("windows", "sink")],
    );
    let fates = checkpoint.fates(&planned(&other));
    let lost: Vec<&str> = fates.iter().filter(|fate| fate.lost.is_some()).map(|fate| fate.node.as_str()).collect();
    assert_eq!(lost, ["count", "few", "many", "sink", "total"], "the sink gets other columns now");
    assert!(fates.iter().any(|fate| fate.node.as_str() == "windows" && fate.lost.is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_before_its_first_checkpoint_takes_everything_back() {
    let broken = pipeline(
        &[
            ("count", "ingest.count", json!({"rows": 1_000})),
            ("trap", "process.trap", json!({"at": 0})),
            ("sink", "store.collect", json!({"record": "never_held"})),
        ],
        &[("count", "trap"), ("trap", "sink")],
    );
    let (_place, folder) = folder();
    let (run, _) = go_on(&broken, &folder).await;
    assert_eq!(within(run.finished()).await.state, RunState::Failed);
    assert_eq!(record("never_held").events, ["open", "abort"]);
}
