//! What a change of a running pipeline costs, and what becomes of the rows.

use std::time::Duration;

use millrace_engine::{Run, RunError, RunOptions, StateOptions, start};
use millrace_model::Pipeline;
use millrace_model::run::{EditCost, RunState, StateFate};
use serde_json::{Value, json};

use crate::nodes::{record, registry};
use crate::recovery::folder;
use crate::support::{id, named, options, planned, started, until, within};

/// The params of the nodes of [`line`].
struct Line {
    count: Value,
    windows: Value,
    sieve: Value,
    sink: Value,
}

impl Line {
    /// 25 rows, of which five stay in an open window, and then nothing more.
    fn new(name: &str) -> Self {
        Self {
            count: json!({"rows": 25, "endless": true}),
            windows: json!({}),
            sieve: json!({"column": "n"}),
            sink: json!({"record": name}),
        }
    }

    fn pipeline(&self) -> Pipeline {
        named(
            "line",
            &[
                ("count", "ingest.count", self.count.clone()),
                ("windows", "analyze.windows", self.windows.clone()),
                ("sieve", "process.sieve", self.sieve.clone()),
                ("sink", "store.collect", self.sink.clone()),
                ("total", "visualize.total", json!({})),
            ],
            &[("count", "windows"), ("windows", "sieve"), ("sieve", "sink"), ("sieve", "total")],
        )
    }

    async fn edit(&self, run: &Run) -> Result<EditCost, RunError> {
        within(run.edit(&planned(&self.pipeline()), &registry())).await
    }

    /// A run of it that has come as far as it can.
    async fn at_rest(&self) -> Run {
        let run = started(&self.pipeline(), RunOptions { batch_size: 5, ..options() }).await;
        until(|| run.metrics().nodes[&id("sink")].rows_in == 20).await;
        run
    }
}

fn fates(cost: &EditCost) -> Vec<(&str, StateFate)> {
    let EditCost::Nodes { nodes } = cost else { panic!("nodes restart: {cost:?}") };
    nodes.iter().map(|restart| (restart.node.as_str(), restart.state)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_or_a_place_costs_nothing() {
    let mut line = Line::new("edit_nothing");
    let run = line.at_rest().await;
    assert_eq!(line.edit(&run).await.unwrap(), EditCost::Nothing);
    line.sieve = json!({"column": "n", "drop": 2});
    let plan = planned(&line.pipeline());
    assert_eq!(fates(&run.cost_of(&plan).await), [("sieve", StateFate::None)]);
    let same = line.edit(&run).await.unwrap();
    assert_eq!(fates(&same), [("sieve", StateFate::None)]);
    assert_eq!(line.edit(&run).await.unwrap(), EditCost::Nothing, "it runs what was edited");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_param_that_the_state_does_not_hang_on_keeps_what_is_held() {
    let mut line = Line::new("edit_kept");
    let run = line.at_rest().await;
    line.windows = json!({"remark": "as it was"});
    assert_eq!(fates(&line.edit(&run).await.unwrap()), [("windows", StateFate::Kept)]);
    assert_eq!(run.metrics().nodes[&id("windows")].rows_out, 20, "nothing left");
    run.stop();
    assert_eq!(within(run.finished()).await.state, RunState::Stopped);
    assert_eq!(record("edit_kept").rows.len(), 25);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_leaves_where_it_does_not_fit_and_time_stays_where_it_is() {
    let mut line = Line::new("edit_given_out");
    let run = line.at_rest().await;
    let before = run.metrics().nodes[&id("sieve")].watermark_us;
    line.windows = json!({"seconds": 7});
    assert_eq!(fates(&line.edit(&run).await.unwrap()), [("windows", StateFate::GivenOut)]);
    until(|| record("edit_given_out").rows.len() == 25).await;
    assert_eq!(run.metrics().nodes[&id("sieve")].watermark_us, before);
    assert_eq!(run.metrics().nodes[&id("windows")].state_bytes, 0);
    run.stop();
    within(run.finished()).await;
    assert_eq!(record("edit_given_out").rows.len(), 25, "nothing comes twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_finishes_its_output_and_the_next_one_begins() {
    let mut line = Line::new("edit_sink");
    let run = line.at_rest().await;
    line.sink = json!({"record": "edit_sink_next"});
    assert_eq!(fates(&line.edit(&run).await.unwrap()), [("sink", StateFate::Finished)]);
    assert_eq!(record("edit_sink").events, ["open", "finish"]);
    run.stop();
    within(run.finished()).await;
    assert_eq!(record("edit_sink_next").events, ["open", "finish"]);
    assert_eq!((record("edit_sink").rows.len(), record("edit_sink_next").rows.len()), (20, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_starts_over_and_one_that_cannot_be_opened_changes_nothing() {
    let mut line = Line::new("edit_source");
    let run = line.at_rest().await;
    line.count = json!({"rows": 30, "from": 100, "endless": true});
    line.count["broken"] = json!(true);
    let error = line.edit(&run).await.unwrap_err().to_string();
    assert!(error.contains("there is nothing to read") && error.contains("The count"), "{error}");
    assert_eq!(run.state(), RunState::Running);
    line.count["broken"] = json!(false);
    assert_eq!(fates(&line.edit(&run).await.unwrap()), [("count", StateFate::StartsOver)]);
    until(|| record("edit_source").rows.iter().any(|row| row.0 == 119)).await;
    run.stop();
    within(run.finished()).await;
    assert_eq!(record("edit_source").rows.len(), 25 + 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_moves_other_nodes_too_needs_a_new_run_and_says_why() {
    let line = Line::new("edit_run");
    let run = line.at_rest().await;
    let reason_of = |cost: EditCost| match cost {
        EditCost::Run { reason } => reason,
        other => panic!("the run restarts: {other:?}"),
    };
    let more = named(
        "line",
        &[
            ("count", "ingest.count", json!({"rows": 25})),
            ("windows", "analyze.windows", json!({})),
            ("sink", "store.collect", json!({"record": "edit_run"})),
        ],
        &[("count", "windows"), ("windows", "sink")],
    );
    let reason = reason_of(run.edit(&planned(&more), &registry()).await.unwrap());
    assert_eq!(reason, "Nodes or wires were added, removed, enabled or disabled.");
    run.abort();
    within(run.finished()).await;

    let swapped = |columns: Value| {
        named(
            "swapped",
            &[
                ("count", "ingest.count", json!({"rows": 5, "endless": true})),
                ("swap", "process.swap", json!({"columns": columns})),
                ("sink", "store.collect", json!({"record": "edit_columns"})),
            ],
            &[("count", "swap"), ("swap", "sink")],
        )
    };
    let run = started(&swapped(json!(["n", "key", "time"])), options()).await;
    let cost = run.edit(&planned(&swapped(json!(["key", "n"]))), &registry()).await.unwrap();
    assert_eq!(reason_of(cost), "Other columns leave “The swap” now, and the nodes behind it have to know.");

    let meeting = |keys: Value| {
        named(
            "meeting",
            &[
                ("one", "ingest.count", json!({"rows": 5, "endless": true})),
                ("two", "ingest.count", json!({"rows": 5, "endless": true})),
                ("meet", "process.meet", json!({"left": keys, "right": keys})),
                ("sink", "store.collect", json!({"record": "edit_keys"})),
            ],
            &[("one", "meet.left"), ("two", "meet.right"), ("meet", "sink")],
        )
    };
    let run = started(&meeting(json!(["key"])), options()).await;
    let cost = run.edit(&planned(&meeting(json!(["n"]))), &registry()).await.unwrap();
    assert_eq!(reason_of(cost), "“The meet” has other keys now, and its rows have to be spread anew.");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_checkpoints_an_edited_run_goes_on_as_edited() {
    let name = "edit_checkpoints";
    let mut line = Line::new(name);
    let (_place, folder) = folder();
    let state = StateOptions { folder: folder.clone(), interval: Duration::from_secs(3_600), resume: None };
    let options = |state| RunOptions { batch_size: 5, state: Some(state), ..options() };
    let run = start(&planned(&line.pipeline()), &registry(), options(state)).await.unwrap();
    until(|| run.metrics().nodes[&id("sink")].rows_in == 20).await;
    line.sink = json!({"record": "elsewhere"});
    let EditCost::Run { reason } = line.edit(&run).await.unwrap() else { panic!("the sink cannot be replaced") };
    assert_eq!(reason, "The output of “The sink” is a part of the checkpoints of this run.");
    line.sink = json!({"record": name});
    line.windows = json!({"seconds": 1_000});
    line.count = json!({"rows": 40, "from": 0, "endless": true});
    let cost = line.edit(&run).await.unwrap();
    assert_eq!(fates(&cost), [("count", StateFate::StartsOver), ("windows", StateFate::GivenOut)]);
    until(|| run.metrics().nodes[&id("windows")].rows_in == 65).await;
    run.stop();
    assert_eq!(within(run.finished()).await.state, RunState::Stopped);
    assert_eq!(record(name).rows.len(), 25, "the new windows are open");

    let checkpoint = folder.newest().unwrap().checkpoint.unwrap();
    assert!(checkpoint.fates(&planned(&line.pipeline())).iter().all(|fate| fate.lost.is_none()), "all fits");
    line.count = json!({"rows": 40});
    let resume = Some(std::sync::Arc::new(checkpoint));
    let state = StateOptions { folder, interval: Duration::from_secs(3_600), resume };
    let run = start(&planned(&line.pipeline()), &registry(), options(state)).await.unwrap();
    assert_eq!(within(run.finished()).await.state, RunState::Done);
}
