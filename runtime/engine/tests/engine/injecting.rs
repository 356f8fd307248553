//! Rows that a person puts on a wire: they enter it in order, are counted apart, and rows in and out still add up.

use std::collections::BTreeMap;

use millrace_engine::{InjectError, Replays, Run, RunOptions};
use millrace_model::Pipeline;
use millrace_model::run::{RunState, Tempo};
use serde_json::json;

use crate::nodes::{record, rows};
use crate::support::{id, options, pipeline, started, until, wire, within};

/// Numbers, two nodes of one task, a node of its own, and a sink; `endless` waits after its rows.
fn line(name: &str, endless: bool) -> Pipeline {
    pipeline(
        &[
            ("count", "ingest.count", json!({"rows": 20, "keys": 4, "endless": endless})),
            ("sieve", "process.sieve", json!({"column": "n", "reject": 7})),
            ("both", "process.both", json!({})),
            ("windows", "analyze.windows", json!({})),
            ("sink", "store.collect", json!({"record": name})),
        ],
        &[("count", "sieve"), ("sieve", "both"), ("both", "windows"), ("windows", "sink")],
    )
}

fn injected(run: &Run) -> Vec<(String, u64, u64)> {
    let wires = run.metrics().wires;
    wires.iter().map(|wire| (wire.wire.from.node.to_string(), wire.rows, wire.rows_injected)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn injected_rows_are_counted_on_their_wire_and_everything_still_adds_up() {
    // Out of a source, between nodes of one task, between tasks.
    let wires = [("count", "sieve"), ("sieve", "both"), ("both", "windows"), ("windows", "sink")];
    for (from, to) in wires {
        let name = format!("injected_{from}");
        let run = started(&line(&name, true), options()).await;
        until(|| run.metrics().nodes[&id("windows")].rows_in == 17).await;
        run.pause();
        within(run.inject(&wire(from, to), rows(100..103, 4))).await.expect("it is a wire of the run");
        run.resume();
        run.stop();
        let outcome = within(run.finished()).await;
        assert_eq!(outcome.state, RunState::Stopped);
        let metrics = outcome.metrics;
        for wire in &metrics.wires {
            let (before, behind) = (&metrics.nodes[&wire.wire.from.node], &metrics.nodes[&wire.wire.to.node]);
            let is_it = wire.wire.from.node == id(from);
            assert_eq!(wire.rows_injected, if is_it { 3 } else { 0 }, "{name}: {}", wire.wire);
            assert_eq!(wire.rows, before.rows_out + wire.rows_injected, "{name}: {}", wire.wire);
            assert_eq!(behind.rows_in, wire.rows, "{name}: {}", wire.wire);
        }
        let sieve = &metrics.nodes[&id("sieve")];
        assert_eq!(sieve.rows_in, sieve.rows_out + sieve.rows_rejected);
        assert_eq!(metrics.num_source_rows(), 20, "the source did not give them");
        let came: Vec<i64> = record(&name).rows.iter().map(|row| row.0).filter(|n| *n >= 100).collect();
        assert_eq!(came, [100, 101, 102], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn injected_rows_come_behind_what_went_over_the_wire_and_before_what_follows() {
    let pipeline = pipeline(
        &[
            ("count", "ingest.count", json!({"rows": 50, "burst": 10})),
            ("sink", "store.collect", json!({"record": "inject_order"})),
        ],
        &[("count", "sink")],
    );
    // Paused from the start, so that it is known what came before.
    let replays = Replays::new(BTreeMap::new(), Tempo::StepByStep);
    let run = started(&pipeline, RunOptions { replays, ..options() }).await;
    run.step();
    until(|| run.metrics().nodes[&id("sink")].rows_in == 10).await;
    within(run.inject(&wire("count", "sink"), rows(900..902, 1))).await.expect("the source has more to give");
    run.resume();
    within(run.finished()).await;
    let came: Vec<i64> = record("inject_order").rows.iter().map(|row| row.0).collect();
    let expected: Vec<i64> = (0..10).chain(900..902).chain(10..50).collect();
    assert_eq!(came, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_go_on_a_wire_is_refused_and_nothing_is_counted() {
    let run = started(&line("refused", false), options()).await;
    let columns = rows(0..1, 1).project(&[0]).expect("one column");
    let (count, nowhere) = (wire("count", "sieve"), wire("count", "sink"));
    assert_eq!(run.inject(&nowhere, rows(0..1, 1)).await, Err(InjectError::NoWire { wire: nowhere.clone() }));
    assert_eq!(run.inject(&count, columns).await, Err(InjectError::OtherColumns { wire: count.clone() }));
    within(run.finished()).await;
    let ended = within(run.inject(&count, rows(0..1, 1))).await.expect_err("nothing can follow");
    assert_eq!(ended.to_string(), "“The count” has come to its end, and so have the wires that begin there");
    assert!(injected(&run).iter().all(|(_, _, injected)| *injected == 0));
}
