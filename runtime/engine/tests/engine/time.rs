//! Event time and the wall clock: watermarks, idle inputs, the end of time, ticks.

use std::time::Duration;

use millrace_engine::{RunOptions, Simulation, start};
use millrace_model::run::RunState;
use serde_json::json;

use crate::nodes::{record, registry};
use crate::support::{id, options, outcome, pipeline, planned, started, until, within};

/// Two sources into one node with windows: one brings 100 s and ends or waits, the other 30 s and waits.
fn two_sources(name: &str, first_is_endless: bool) -> millrace_model::Pipeline {
    pipeline(
        &[
            ("ahead", "ingest.count", json!({"rows": 100, "endless": first_is_endless})),
            ("behind", "ingest.count", json!({"rows": 30, "endless": true})),
            ("windows", "analyze.windows", json!({})),
            ("sink", "store.collect", json!({"record": name})),
        ],
        &[("ahead", "windows"), ("behind", "windows"), ("windows", "sink")],
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watermark_is_that_of_the_input_furthest_behind_which_is_named() {
    let run = started(&two_sources("held", true), options()).await;
    // 0 to 29 s from both: windows up to 20 s are closed, twice 20 rows.
    until(|| run.metrics().nodes[&id("sink")].rows_in == 40).await;
    until(|| run.metrics().nodes[&id("windows")].watermark_held_by.is_some()).await;
    let windows = run.metrics().nodes[&id("windows")].clone();
    assert_eq!(windows.rows_in, 130);
    assert_eq!(windows.watermark_us, Some(29_000_000));
    assert_eq!(windows.watermark_held_by, Some(id("behind")));
    run.stop();
    assert_eq!(within(run.finished()).await.state, RunState::Stopped);
    assert_eq!(record("held").rows.len(), 130);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_input_holds_nobody_back() {
    let options = RunOptions { idle_timeout: Duration::from_millis(50), ..options() };
    let mut pipeline = two_sources("idle", true);
    let quiet = millrace_model::Edit::SetParam { id: id("behind"), name: "rows".to_owned(), value: Some(json!(0)) };
    pipeline.apply(&[quiet]).unwrap();
    let run = started(&pipeline, options).await;
    until(|| run.metrics().nodes[&id("windows")].watermark_us == Some(99_000_000)).await;
    until(|| run.metrics().nodes[&id("sink")].rows_in == 90).await;
}

#[test]
fn a_source_is_idle_after_its_own_time_and_after_half_a_minute_where_it_has_none() {
    for (idle_timeout, idle_after_s) in [(json!(null), 30), (json!("2 s"), 2), (json!("5 min"), 300)] {
        let name = format!("idle_{idle_after_s}");
        let mut pipeline = two_sources(&name, true);
        let mut set = |node: &str, param: &str, value: serde_json::Value| {
            let set = millrace_model::Edit::SetParam { id: id(node), name: param.to_owned(), value: Some(value) };
            pipeline.apply(&[set]).unwrap();
        };
        set("behind", "rows", json!(0));
        set("behind", "idle_timeout", idle_timeout);
        set("ahead", "idle_timeout", json!("1 h"));
        let simulation = Simulation::new(idle_after_s);
        simulation.run(async {
            let options = RunOptions { world: simulation.world(), ..RunOptions::default() };
            let run = start(&planned(&pipeline), &registry(), options).await.unwrap();
            simulation.sleep(Duration::from_millis(idle_after_s * 1_000 - 100)).await;
            assert_eq!(record(&name).rows.len(), 0, "{name}: the quiet source still holds the windows back");
            simulation.sleep(Duration::from_millis(600)).await;
            assert_eq!(record(&name).rows.len(), 90, "{name}: it no longer does");
            run.abort();
            run.finished().await;
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_input_holds_nobody_back() {
    let run = started(&two_sources("ended", false), options()).await;
    until(|| run.metrics().nodes[&id("ahead")].is_finished).await;
    until(|| run.metrics().nodes[&id("sink")].rows_in == 40).await;
    run.stop();
    within(run.finished()).await;
    assert_eq!(record("ended").rows.len(), 130);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_input_emits_what_is_open() {
    let bounded = pipeline(
        &[
            ("count", "ingest.count", json!({"rows": 95})),
            ("windows", "analyze.windows", json!({})),
            ("sink", "store.collect", json!({"record": "flushed"})),
        ],
        &[("count", "windows"), ("windows", "sink")],
    );
    let outcome = outcome(&bounded).await;
    assert_eq!(outcome.state, RunState::Done);
    assert_eq!(record("flushed").rows.len(), 95);
    let windows = &outcome.metrics.nodes[&id("windows")];
    assert_eq!((windows.rows_out, windows.rows_late), (95, 0));
    assert_eq!(windows.watermark_us, Some(94_000_000), "the end of time is not shown as one");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_behind_the_watermark_leave_by_the_late_port() {
    let drawn = pipeline(
        &[
            ("ahead", "ingest.count", json!({"rows": 100})),
            ("behind", "ingest.count", json!({"rows": 30, "after": "ahead_of_late"})),
            ("windows", "analyze.windows", json!({})),
            ("sink", "store.collect", json!({"record": "ahead_of_late"})),
            ("late", "store.collect", json!({"record": "late"})),
        ],
        &[("ahead", "windows"), ("behind", "windows"), ("windows", "sink"), ("windows.late", "late")],
    );
    // `behind` is idle until the windows of `ahead` have closed, and comes back with rows that are too old.
    let run = started(&drawn, RunOptions { idle_timeout: Duration::from_millis(50), ..options() }).await;
    let outcome = within(run.finished()).await;
    assert_eq!(outcome.state, RunState::Done);
    let windows = &outcome.metrics.nodes[&id("windows")];
    assert_eq!((windows.rows_in, windows.rows_out, windows.rows_late), (130, 100, 30));
    let mut late: Vec<i64> = record("late").rows.iter().map(|row| row.0).collect();
    late.sort_unstable();
    assert_eq!(late, (0..30).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_come_while_no_rows_do() {
    let ticking = pipeline(
        &[
            ("count", "ingest.count", json!({"rows": 1, "endless": true})),
            ("clock", "process.clock", json!({})),
            ("sink", "store.collect", json!({"record": "ticks"})),
        ],
        &[("count", "clock"), ("clock", "sink")],
    );
    let run = started(&ticking, RunOptions { tick_interval: Duration::from_millis(5), ..options() }).await;
    until(|| record("ticks").rows.len() >= 3).await;
    run.stop();
    assert_eq!(within(run.finished()).await.state, RunState::Stopped);
    let ticks: Vec<i64> = record("ticks").rows.iter().map(|row| row.0).collect();
    assert_eq!(ticks, (1..=ticks.len() as i64).collect::<Vec<_>>());
}
