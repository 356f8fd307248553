//! A nested pipeline is the same run as its nodes side by side: same wires, same rows, same state.

use std::sync::Arc;
use std::time::Duration;

use millrace_engine::{Probes, RunOptions, StateOptions, plan, start};
use millrace_model::run::{EditCost, RunState};
use millrace_model::{Edit, Pipeline};
use serde_json::{Value, json};

use crate::nodes::{forget, record, registry, schema};
use crate::recovery::{assert_undisturbed, counted, counted_slowly, end_behind_a_checkpoint, folder};
use crate::support::{id, named, options, outcome, pipeline, planned, started, until, wire, within};

/// The pipeline of [`counted`], its middle two levels deep: `outer` holds `windows`, `sieve` and `inner`, and that
/// `count`. The last output feeds two nodes outside.
fn nested(name: &str) -> Pipeline {
    deepened(counted(name))
}

fn deepened(mut nested: Pipeline) -> Pipeline {
    let ports = [
        ("outer", "process.nest", None),
        ("inner", "process.nest", Some("outer")),
        ("many_in", "process.way_in", Some("outer")),
        ("few_in", "process.way_in", Some("outer")),
        ("sieve_out", "process.way_out", Some("outer")),
        ("windows_in", "process.way_in", Some("inner")),
        ("count_out", "process.way_out", Some("inner")),
    ];
    let mut edits: Vec<Edit> = nested.wires().into_iter().map(|wire| Edit::RemoveWire { wire }).collect();
    for (node, kind, home) in ports {
        let node = millrace_model::Node { inside: home.map(id), ..millrace_model::Node::new(id(node), kind) };
        edits.push(Edit::AddNode { node, position: None });
    }
    for (node, home) in [("windows", "outer"), ("sieve", "outer"), ("count", "inner")] {
        edits.push(Edit::SetInside { id: id(node), inside: Some(id(home)) });
    }
    let wires = [
        ("many", "outer.many_in"),
        ("few", "outer.few_in"),
        ("many_in", "windows"),
        ("few_in", "windows"),
        ("windows", "inner.windows_in"),
        ("windows_in", "count"),
        ("count", "count_out"),
        ("inner.count_out", "sieve"),
        ("sieve", "sieve_out"),
        ("outer.sieve_out", "sink"),
        ("outer.sieve_out", "total"),
    ];
    edits.extend(wires.map(|(from, to)| Edit::AddWire { wire: wire(from, to) }));
    nested.apply(&edits).unwrap();
    nested
}

#[test]
fn a_nested_pipeline_is_planned_as_its_nodes_side_by_side() {
    let (flat, deep) = (planned(&counted("planned_flat")), planned(&nested("planned_flat")));
    assert_eq!(deep.wires, flat.wires);
    let sorted = |order: &[millrace_model::NodeId]| {
        let mut order = order.to_vec();
        order.sort();
        order
    };
    assert_eq!(sorted(&deep.order), sorted(&flat.order));
    assert!(deep.diagnostics.is_empty(), "{:?}", deep.diagnostics);
    let outer = &deep.nodes[&id("outer")];
    assert_eq!(outer.inputs.iter().map(|port| port.port.name.as_str()).collect::<Vec<_>>(), ["few_in", "many_in"]);
    assert_eq!(outer.inputs[0].schema, Some(schema()));
    assert_eq!(outer.outputs[0].schema, flat.nodes[&id("sieve")].outputs[0].schema);
    assert_eq!(outer.outputs[0].port.title(), "Way out");
    assert!(!outer.takes_part && !deep.nodes[&id("few_in")].takes_part);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nested_pipeline_gives_what_the_flat_one_gives() {
    let run = started(&nested("nested_rows"), options()).await;
    assert_eq!(within(run.finished()).await.state, RunState::Done);
    assert_undisturbed("nested_rows", &run);
}

#[tokio::test(flavor = "multi_thread")]
async fn state_is_kept_when_nodes_are_nested_or_unnested_between_two_runs() {
    let name = "nested_and_killed";
    let (_place, folder) = folder();
    let mut num_resumed = 0;
    let mut last = None;
    for ending in 0..5 {
        let drawn = if ending % 2 == 1 { deepened(counted_slowly(name, 1)) } else { counted_slowly(name, 1) };
        let plan = planned(&drawn);
        let found = folder.newest().unwrap().checkpoint;
        match &found {
            None => forget(name),
            Some(checkpoint) => {
                num_resumed += 1;
                assert!(checkpoint.fates(&plan).iter().all(|fate| fate.lost.is_none()), "every node keeps its state");
            }
        }
        let state =
            StateOptions { folder: folder.clone(), interval: Duration::from_millis(3), resume: found.map(Arc::new) };
        let options = RunOptions { batch_size: 10, state: Some(state), ..options() };
        let run = start(&plan, &registry(), options).await.unwrap();
        if ending < 4 {
            end_behind_a_checkpoint(&run, &folder, Duration::from_millis(ending * 3)).await;
        }
        last = Some(run);
    }
    let run = last.expect("five runs were started");
    assert_eq!(within(run.finished()).await.state, RunState::Done, "{:?}", run.metrics().failure);
    assert!(num_resumed > 1, "both were gone on from: {num_resumed}");
    assert_undisturbed(name, &run);
}

#[tokio::test(flavor = "multi_thread")]
async fn nesting_and_unnesting_cost_nothing_while_a_run_goes_on() {
    let endless = |pipeline: Pipeline| {
        let mut pipeline = pipeline;
        let value = Some(Value::Bool(true));
        pipeline.apply(&[Edit::SetParam { id: id("few"), name: "endless".to_owned(), value }]).unwrap();
        pipeline
    };
    let (flat, deep) = (endless(counted("nested_live")), endless(nested("nested_live")));
    for (before, after) in [(&flat, &deep), (&deep, &flat)] {
        let run = started(before, options()).await;
        until(|| run.metrics().nodes[&id("count")].rows_in > 0).await;
        assert_eq!(run.cost_of(&planned(after)).await, EditCost::Nothing);
        let mut changed = after.clone();
        let value = Some(json!(3));
        changed.apply(&[Edit::SetParam { id: id("sieve"), name: "drop".to_owned(), value }]).unwrap();
        let cost = within(run.edit(&planned(&changed), &registry())).await.unwrap();
        let EditCost::Nodes { nodes } = cost else { panic!("a node inside restarts alone: {cost:?}") };
        assert_eq!(nodes.iter().map(|restart| restart.node.as_str()).collect::<Vec<_>>(), ["sieve"]);
        run.abort();
        within(run.finished()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_come_to_one_input_by_two_ports_count_twice() {
    let mut drawn = named(
        "two_ways",
        &[
            ("count", "ingest.count", json!({"rows": 40})),
            ("nest", "process.nest", json!({})),
            ("left", "process.way_in", json!({})),
            ("right", "process.way_in", json!({})),
            ("both", "process.both", json!({})),
            ("sink", "store.collect", json!({"record": "two_ways"})),
        ],
        &[("count", "nest.left"), ("count", "nest.right"), ("left", "both"), ("right", "both"), ("both", "sink")],
    );
    let inside = |node: &str| Edit::SetInside { id: id(node), inside: Some(id("nest")) };
    drawn.apply(&["left", "right", "both", "sink"].map(inside)).unwrap();
    assert_eq!(outcome(&drawn).await.state, RunState::Done);
    assert_eq!(record("two_ways").rows.len(), 80);
}

#[test]
fn a_disabled_nested_pipeline_takes_all_that_is_in_it_out_of_the_run() {
    let mut drawn = nested("nested_off");
    drawn.apply(&[Edit::SetDisabled { id: id("inner"), disabled: true }]).unwrap();
    let plan = plan(&drawn, &registry(), &Probes::new());
    assert!(plan.diagnostics.is_empty(), "{:?}", plan.diagnostics);
    let mut order: Vec<&str> = plan.order.iter().map(|id| id.as_str()).collect();
    order.sort_unstable();
    assert_eq!(order, ["few", "many", "windows"], "what hangs on `count` does not run either");
}

#[test]
fn faults_of_nesting_say_what_to_do_and_their_fixes_mend_them() {
    let faults = [
        (Edit::SetInside { id: id("sieve"), inside: Some(id("nowhere")) }, "missing_home"),
        (Edit::SetInside { id: id("sieve"), inside: Some(id("windows")) }, "not_nested"),
        (Edit::SetInside { id: id("few_in"), inside: None }, "no_border"),
        (Edit::AddWire { wire: wire("windows", "count") }, "crosses_border"),
    ];
    for (edit, code) in faults {
        let mut drawn = nested("nested_faults");
        drawn.apply(&[edit]).unwrap();
        let found = plan(&drawn, &registry(), &Probes::new());
        assert!(!found.is_runnable(), "{code}");
        let fault = found.diagnostics.iter().find(|problem| problem.code == code);
        let fix = fault.unwrap_or_else(|| panic!("{code}: {:?}", found.diagnostics)).fix.clone().unwrap();
        drawn.apply(&fix.edits).unwrap();
        let left = plan(&drawn, &registry(), &Probes::new());
        assert!(left.diagnostics.iter().all(|problem| problem.code != code), "{code}: {:?}", left.diagnostics);
    }
    let empty = pipeline(&[("nest", "process.nest", json!({}))], &[]);
    let codes: Vec<String> =
        plan(&empty, &registry(), &Probes::new()).diagnostics.into_iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["empty_nested", "empty"]);
}
