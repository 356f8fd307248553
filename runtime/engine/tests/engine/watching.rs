//! Looking at a run: taps, pictures, kept rows, and the limits of what is in flight.

use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use millrace_engine::RunOptions;
use millrace_model::view::{Look, ViewSpec};
use serde_json::json;

use crate::nodes::record;
use crate::support::{id, options, pipeline, started, until, wire, within};

fn numbers(batch: &arrow::array::RecordBatch) -> Vec<i64> {
    batch.column_by_name("n").unwrap().as_primitive::<Int64Type>().values().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tap_holds_the_newest_rows_of_its_wire() {
    let tapped = pipeline(
        &[
            ("count", "ingest.count", json!({"rows": 2_345})),
            ("sieve", "process.sieve", json!({"column": "n"})),
            ("sink", "store.collect", json!({"record": "tapped", "slow_ms": 1})),
        ],
        &[("count", "sieve"), ("sieve", "sink")],
    );
    let run = started(&tapped, RunOptions { queue_batches: 1, ..options() }).await;
    let (inside, outside) = (wire("count", "sieve"), wire("sieve", "sink"));
    assert!(run.tap(&inside) && run.tap(&outside));
    assert!(!run.tap(&wire("count", "sink")));
    within(run.finished()).await;
    for wire in [&inside, &outside] {
        assert_eq!(numbers(&run.tapped(wire).unwrap()), (1_345..2_345).collect::<Vec<_>>());
    }
    run.untap(&inside);
    assert!(run.tapped(&inside).is_none());
    assert!(run.tapped(&outside).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untapped_wire_keeps_nothing() {
    let plain = pipeline(
        &[("count", "ingest.count", json!({"rows": 10})), ("sink", "store.collect", json!({"record": "untapped"}))],
        &[("count", "sink")],
    );
    let run = started(&plain, options()).await;
    within(run.finished()).await;
    assert!(run.tapped(&wire("count", "sink")).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_drawn_when_somebody_looks_and_at_the_end() {
    let shown = |rows: i64| {
        pipeline(
            &[
                ("count", "ingest.count", json!({"rows": rows, "endless": true})),
                ("total", "visualize.total", json!({})),
            ],
            &[("count", "total")],
        )
    };
    let total = |picture: &millrace_operator::ViewSnapshot| match &picture.spec {
        ViewSpec::Table(table) => (table.title.clone(), table.num_rows),
        other => panic!("{other:?}"),
    };
    let run = started(&shown(250), RunOptions { view_interval: Duration::from_millis(1), ..options() }).await;
    assert_eq!(run.views().cloned().collect::<Vec<_>>(), [id("total")]);
    until(|| run.view(&id("total")).is_some_and(|(_, picture)| total(&picture).1 == 250)).await;
    let (version, picture) = run.view(&id("total")).unwrap();
    assert_eq!(total(&picture), ("The total".to_owned(), 250));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(run.view(&id("total")).unwrap().0, version, "nothing new, no new picture");
    run.stop();
    within(run.finished()).await;
    assert!(run.view(&id("total")).unwrap().0 > version, "and one at the end");
    assert!(run.view(&id("count")).is_none());

    let unseen = started(&shown(70), options()).await;
    until(|| unseen.metrics().nodes[&id("total")].rows_in == 70).await;
    unseen.stop();
    within(unseen.finished()).await;
    assert_eq!(unseen.view(&id("total")).map(|(version, picture)| (version, total(&picture).1)), Some((1, 70)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_window_blocks_no_source_and_finds_every_row_when_it_looks_again() {
    const ROWS: i64 = 40_000;
    let shown = pipeline(
        &[
            ("count", "ingest.count", json!({"rows": ROWS})),
            ("total", "visualize.total", json!({})),
            ("sink", "store.collect", json!({"record": "frozen"})),
        ],
        &[("count", "total"), ("count", "sink")],
    );
    let run = started(&shown, RunOptions { view_interval: Duration::from_millis(1), ..options() }).await;
    let tapped = wire("count", "sink");
    assert!(run.tap(&tapped));
    until(|| run.view(&id("total")).is_some()).await;
    // What a window holds that has stopped in the middle of drawing.
    let held = (run.view(&id("total")).unwrap(), run.tapped(&tapped));
    until(|| run.metrics().nodes[&id("count")].rows_out == ROWS as u64).await;
    within(run.finished()).await;
    drop(held);
    let ViewSpec::Table(table) = run.view(&id("total")).unwrap().1.spec.clone() else { panic!("it is a table") };
    assert_eq!(table.num_rows, ROWS as u64);
    assert_eq!(numbers(&run.tapped(&tapped).unwrap()).last(), Some(&(ROWS - 1)));
    assert_eq!(record("frozen").rows.len(), ROWS as usize);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_view_is_drawn_for_who_looks_at_it_even_after_the_end() {
    let shown = pipeline(
        &[("count", "ingest.count", json!({"rows": 90, "endless": true})), ("total", "visualize.total", json!({}))],
        &[("count", "total")],
    );
    let run = started(&shown, RunOptions { view_interval: Duration::from_millis(1), ..options() }).await;
    let part = |from: f64| Look { x: Some((from, from + 1.0)), num_columns: 100 };
    let rows = |look: &Look| match run.part_of_view(&id("total"), look)?.1.spec {
        ViewSpec::Table(table) => Some(table.num_rows),
        other => panic!("{other:?}"),
    };
    until(|| rows(&part(1.0)) == Some(90)).await;
    // However many parts were looked at, the whole is still there.
    for from in 0..40 {
        let _ = rows(&part(f64::from(from)));
    }
    until(|| rows(&Look::WHOLE) == Some(90)).await;
    run.stop();
    within(run.finished()).await;
    assert_eq!(rows(&part(7_000.0)), Some(90), "nobody has to wait once the run is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn unwired_rejected_rows_are_counted_and_the_newest_hundred_kept() {
    let rejecting = pipeline(
        &[
            ("count", "ingest.count", json!({"rows": 1_000})),
            ("all", "process.sieve", json!({"column": "n", "reject": 2})),
            ("wired", "process.sieve", json!({"column": "n", "reject": 2})),
            ("sink", "store.collect", json!({"record": "recent"})),
        ],
        &[("count", "all"), ("count", "wired"), ("wired.rejected", "sink")],
    );
    let run = started(&rejecting, options()).await;
    let metrics = within(run.finished()).await.metrics;
    assert_eq!(metrics.nodes[&id("all")].rows_rejected, 500);
    assert_eq!(metrics.nodes[&id("wired")].rows_rejected, 500);
    assert_eq!(metrics.nodes[&id("all")].rows_out, 500);
    let kept = run.recent(&id("all"), "rejected").unwrap();
    assert_eq!(numbers(&kept), (800..1_000).step_by(2).collect::<Vec<_>>());
    assert!(run.recent(&id("wired"), "rejected").is_none(), "a wired port has its rows elsewhere");
    assert!(run.recent(&id("all"), "rows").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_sink_bounds_what_the_source_emits() {
    // A row has 24 bytes and some for nulls; 10 rows a batch, so a queue of 2,000 bytes holds at most 8 batches.
    let slow = pipeline(
        &[
            ("count", "ingest.count", json!({"rows": 1_000_000, "record": "slow"})),
            ("first", "process.sieve", json!({"column": "n"})),
            ("sieve", "process.sieve", json!({"column": "n"})),
            ("sink", "store.collect", json!({"record": "slow", "slow_ms": 1})),
        ],
        &[("count", "first"), ("first", "sieve"), ("sieve", "sink")],
    );
    let run = started(&slow, RunOptions { batch_size: 10, queue_bytes: 2_000, ..options() }).await;
    let mut fullest: f32 = 0.0;
    for _ in 0..200 {
        let seen = record("slow");
        // Twice what is in a queue, is being handled behind it, and waits to be sent.
        assert!(
            seen.num_emitted - seen.rows.len() <= 2 * (8 + 2) * 10,
            "{} in flight",
            seen.num_emitted - seen.rows.len()
        );
        let metrics = run.metrics();
        let wires = |from: &str, to: &str| {
            metrics.wires.iter().find(|found| found.wire == wire(from, to)).map(|found| found.fill).unwrap()
        };
        assert_eq!(wires("first", "sieve"), 0.0, "a wire inside a task has no queue");
        fullest = fullest.max(wires("sieve", "sink"));
        assert!(fullest <= 1.0);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(fullest > 0.8, "the queue filled up: {fullest}");
    run.abort();
    within(run.finished()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_larger_than_the_queue_passes() {
    let big = pipeline(
        &[("count", "ingest.count", json!({"rows": 5_000})), ("sink", "store.collect", json!({"record": "big"}))],
        &[("count", "sink")],
    );
    let run = started(&big, RunOptions { batch_size: 1_000, queue_bytes: 10, ..options() }).await;
    within(run.finished()).await;
    assert_eq!(record("big").rows.len(), 5_000);
}
