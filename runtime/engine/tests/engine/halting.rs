//! Standing still: breakpoints, pauses and steps, and what becomes of the rows.

use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use millrace_engine::{Halted, Run, RunError, RunOptions, StateOptions, start};
use millrace_model::Pipeline;
use millrace_model::run::{Breakpoint, RunState, Standstill};
use serde_json::json;

use crate::nodes::{record, registry};
use crate::recovery::folder;
use crate::support::{id, options, pipeline, planned, started, until, wire, within};

const ROWS: i64 = 1_000;

/// Numbers through a sieve, which is a part of the source's task, into a sink.
fn line(name: &str) -> Pipeline {
    pipeline(
        &[
            ("count", "ingest.count", json!({"rows": ROWS})),
            ("sieve", "process.sieve", json!({"column": "n"})),
            ("sink", "store.collect", json!({"record": name})),
        ],
        &[("count", "sieve"), ("sieve", "sink")],
    )
}

fn at(from: &str, to: &str, condition: &str) -> Breakpoint {
    Breakpoint { wire: wire(from, to), condition: condition.to_owned() }
}

async fn halted(run: &Run, number: u64) -> Halted {
    until(|| run.halted().is_some_and(|halted| halted.number == number)).await;
    run.halted().unwrap()
}

fn numbers(halted: &Halted) -> Vec<i64> {
    halted.rows.column_by_name("n").unwrap().as_primitive::<Int64Type>().values().to_vec()
}

fn rows_into(run: &Run, node: &str) -> u64 {
    run.metrics().nodes[&id(node)].rows_in
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_halts_before_the_very_row_and_goes_on_without_losing_any() {
    for (wire_from, wire_to) in [("count", "sieve"), ("sieve", "sink")] {
        for batch_size in [1, 32, 8_192] {
            let name = format!("halt_{wire_from}_{batch_size}");
            let breakpoints = vec![at(wire_from, wire_to, "n = 500")];
            let options = RunOptions { batch_size, reslice: true, breakpoints, ..options() };
            let run = started(&line(&name), options).await;
            let halted = halted(&run, 1).await;
            assert_eq!(numbers(&halted)[halted.row], 500, "{name}");
            let standstill = Standstill::Halted { wire: wire(wire_from, wire_to), number: 1 };
            assert_eq!(run.metrics().standstill, Some(standstill));
            // What came before it is in the sink, and nothing that follows.
            let first = u64::try_from(numbers(&halted)[0]).unwrap();
            until(|| rows_into(&run, "sink") == first).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
            assert_eq!(rows_into(&run, "sink"), first, "{name}");
            run.resume();
            let outcome = within(run.finished()).await;
            assert_eq!((outcome.state, outcome.metrics.standstill), (RunState::Done, None));
            let rows: Vec<i64> = record(&name).rows.iter().map(|row| row.0).collect();
            assert_eq!(rows, (0..ROWS).collect::<Vec<_>>(), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_lets_one_batch_go_and_halts_at_the_next() {
    let options = RunOptions { batch_size: 10, breakpoints: vec![at("sieve", "sink", "n = 50")], ..options() };
    let run = started(&line("halt_step"), RunOptions { reslice: true, ..options }).await;
    assert_eq!(numbers(&halted(&run, 1).await)[0], 50);
    until(|| rows_into(&run, "sink") == 50).await;
    run.step();
    let next = halted(&run, 2).await;
    until(|| rows_into(&run, "sink") == 60).await;
    assert_eq!((numbers(&next)[0], next.row), (60, 0));
    // Without a breakpoint the step still ends at the next batch, and then nothing halts the run any more.
    run.set_breakpoints(&[]).await.unwrap();
    run.step();
    assert_eq!(numbers(&halted(&run, 3).await)[0], 70);
    run.resume();
    assert_eq!(within(run.finished()).await.state, RunState::Done);
    assert_eq!(record("halt_step").rows.len(), 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breakpoint_without_a_condition_halts_at_every_batch_of_every_wire() {
    let breakpoints = vec![at("count", "sieve", ""), at("sieve", "sink", " ")];
    let options = RunOptions { batch_size: 250, reslice: true, breakpoints, ..options() };
    let run = started(&line("halt_each"), options).await;
    let mut wires = Vec::new();
    for number in 1..=8 {
        wires.push(halted(&run, number).await.wire);
        run.resume();
    }
    assert_eq!(within(run.finished()).await.state, RunState::Done);
    let halts_at = |at| wires.iter().filter(|wire| **wire == at).count();
    assert_eq!((halts_at(wire("count", "sieve")), halts_at(wire("sieve", "sink"))), (4, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_that_halt_at_once_have_their_turns() {
    // Two instances of the node in the middle, each with half of the keys.
    let spread = pipeline(
        &[
            ("count", "ingest.count", json!({"rows": ROWS, "keys": 10})),
            ("running", "analyze.running", json!({})),
            ("sink", "store.collect", json!({"record": "halt_turns"})),
        ],
        &[("count", "running"), ("running", "sink")],
    );
    let options = RunOptions { batch_size: 200, breakpoints: vec![at("running", "sink", "")], ..options() };
    let run = started(&spread, RunOptions { reslice: true, ..options }).await;
    let mut rows_seen = 0;
    let mut number = 0;
    while rows_seen < 1_000 {
        number += 1;
        rows_seen += halted(&run, number).await.rows.num_rows();
        run.resume();
    }
    assert_eq!((within(run.finished()).await.state, rows_seen), (RunState::Done, 1_000));
    assert_eq!(record("halt_turns").rows.len(), 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_run_takes_no_rows_but_those_of_each_step() {
    let slow = pipeline(
        &[
            ("count", "ingest.count", json!({"rows": 5_000_000})),
            ("few", "ingest.count", json!({"rows": 5_000_000})),
            ("sink", "store.collect", json!({"record": "pause", "slow_ms": 1})),
            ("beside", "store.collect", json!({"record": "pause_beside", "slow_ms": 1})),
        ],
        &[("count", "sink"), ("few", "beside")],
    );
    let run = started(&slow, RunOptions { batch_size: 10, reslice: true, ..options() }).await;
    until(|| rows_into(&run, "sink") > 100).await;
    run.pause();
    assert_eq!(run.metrics().standstill, Some(Standstill::Paused));
    let given = |node: &str| run.metrics().nodes[&id(node)].rows_out;
    let at_rest = || rows_into(&run, "sink") == given("count") && rows_into(&run, "beside") == given("few");
    // The batch that a source was making still comes, and what is in flight drains.
    until(at_rest).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    until(at_rest).await;
    let before = (given("count"), given("few"));
    for steps in 1..=3 {
        run.step();
        until(|| (given("count"), given("few")) == (before.0 + 10 * steps, before.1 + 10 * steps) && at_rest()).await;
    }
    run.resume();
    until(|| given("count") > before.0 + 500).await;
    assert_eq!(run.metrics().standstill, None);
    run.pause();
    run.stop();
    let outcome = within(run.finished()).await;
    assert_eq!(outcome.state, RunState::Stopped, "a pause does not hold up a stop");
    assert_eq!(record("pause").rows.len() as u64, outcome.metrics.nodes[&id("count")].rows_out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_a_halted_run_drain_and_an_abort_ends_it_at_once() {
    for now in [false, true] {
        let name = format!("halt_stop_{now}");
        let run = started(&line(&name), RunOptions { breakpoints: vec![at("sieve", "sink", "")], ..options() }).await;
        halted(&run, 1).await;
        if now {
            run.abort()
        } else {
            run.stop()
        }
        let outcome = within(run.finished()).await;
        match now {
            true => assert_eq!((outcome.state, record(&name).rows.len()), (RunState::Failed, 0)),
            false => {
                assert!(outcome.state.is_over() && outcome.failure.is_none(), "{outcome:?}");
                assert_eq!(record(&name).rows.len() as u64, outcome.metrics.num_source_rows());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_wait_for_a_halted_run_and_go_on_with_it() {
    let (_place, folder) = folder();
    let state = StateOptions { folder, interval: Duration::from_millis(5), resume: None };
    let options = RunOptions { batch_size: 10, breakpoints: vec![at("sieve", "sink", "n = 500")], ..options() };
    let slow = pipeline(
        &[
            ("count", "ingest.count", json!({"rows": ROWS})),
            ("sieve", "process.sieve", json!({"column": "n"})),
            ("sink", "store.collect", json!({"record": "halt_state", "slow_ms": 1})),
        ],
        &[("count", "sieve"), ("sieve", "sink")],
    );
    let run = started(&slow, RunOptions { reslice: true, state: Some(state), ..options }).await;
    halted(&run, 1).await;
    tokio::time::sleep(Duration::from_millis(30)).await;
    let before = run.metrics().checkpoint.map_or(0, |checkpoint| checkpoint.number);
    run.resume();
    let outcome = within(run.finished()).await;
    assert_eq!((outcome.state, record("halt_state").rows.len()), (RunState::Done, 1_000));
    assert!(
        outcome.metrics.checkpoint.is_some_and(|checkpoint| checkpoint.number > before && checkpoint.fault.is_none())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_that_does_not_fit_is_named_with_its_wire_and_changes_nothing() {
    let breakpoints = vec![at("sieve", "sink", "m = 5")];
    let refused = start(&planned(&line("halt_typo")), &registry(), RunOptions { breakpoints, ..options() }).await;
    let Err(RunError::NotRunnable { problems }) = refused else { panic!("it starts") };
    assert_eq!(problems[0].wire, Some(wire("sieve", "sink")));
    assert!(problems[0].message.contains("`m`"), "{}", problems[0].message);

    let breakpoints = vec![at("sieve", "sink", "n = 5"), at("sieve", "nowhere", "n = 5")];
    let options = RunOptions { batch_size: 1, reslice: true, breakpoints, ..options() };
    let run = started(&line("halt_kept"), options).await;
    halted(&run, 1).await;
    let problems = run.set_breakpoints(&[at("count", "sieve", ""), at("sieve", "sink", "n + 1")]).await.unwrap_err();
    assert_eq!(problems[0].code, "not_a_condition");
    run.resume();
    assert_eq!(within(run.finished()).await.state, RunState::Done, "nothing else halts it");
}
