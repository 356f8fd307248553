//! A disabled node through which rows go on is as if it were not there.

use std::collections::BTreeMap;
use std::path::Path;

use millrace_host::engine::{RunOptions, start};
use millrace_host::model::run::RunState;
use millrace_host::model::{Diagnostic, Pipeline};
use millrace_host::{Planner, registry};
use serde_json::{Value, json};

use super::sorted_lines;

/// The rows that arrive in `out.ndjson`, or what is wrong.
async fn out(planner: &Planner, nodes: Value, wires: &[(&str, &str)], folder: &Path) -> Result<Vec<String>, String> {
    let wires: Vec<Value> = wires.iter().map(|(from, to)| json!({ "from": from, "to": to })).collect();
    let text = json!({ "format": 1, "name": "Bypass", "nodes": nodes, "wires": wires }).to_string();
    let pipeline = Pipeline::parse(&text).expect("it is a pipeline").0;
    let plan = planner.plan(&pipeline, &BTreeMap::new(), folder).await;
    let messages = |found: &[Diagnostic]| found.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>();
    if !plan.is_runnable() {
        return Err(messages(&plan.diagnostics).join(" "));
    }
    let options = RunOptions { base_dir: folder.to_owned(), ..RunOptions::default() };
    let outcome = start(&plan, planner.registry(), options).await.expect("it starts").finished().await;
    assert_eq!(outcome.state, RunState::Done, "{:?}", outcome.failure);
    Ok(sorted_lines(&folder.join("out.ndjson")))
}

fn rows() -> Value {
    let rows = "ts,site,n\n2026-01-01T00:00:00Z,a,1\n2026-01-01T00:00:00Z,a,1\n2026-01-01T00:00:09Z,b,2\n";
    json!({ "kind": "ingest.inject", "params": { "rows": rows, "event_time": "ts" } })
}

fn sink() -> Value {
    json!({ "kind": "store.file", "params": { "path": "out.ndjson" } })
}

#[tokio::test]
async fn rows_pass_every_disabled_node_that_can_be_bypassed_as_if_it_were_not_there() {
    let planner = Planner::new(registry());
    let folder = tempfile::tempdir().expect("a folder");
    let direct = json!({ "rows": rows(), "out": sink() });
    let expected = out(&planner, direct, &[("rows.rows", "out.rows")], folder.path()).await.expect("it runs");
    assert_eq!(expected.len(), 3);
    let twice: Vec<String> = expected.iter().flat_map(|line| [line.clone(), line.clone()]).collect();
    let mut kinds = Vec::new();
    for card in planner.catalog().cards().filter(|card| card.can_bypass) {
        let bypass = card.bypass(&Default::default()).unwrap_or_else(|| panic!("{} has two ports", card.kind));
        // Nobody asks what is wrong with the params of a node that does not run.
        let off = json!({ "kind": card.kind, "disabled": true });
        let (into, out_of) = (format!("off.{}", bypass.input), format!("off.{}", bypass.output));
        let past = [("rows.rows", into.as_str()), (out_of.as_str(), "out.rows")];
        let nodes = json!({ "rows": rows(), "off": off, "out": sink() });
        assert_eq!(out(&planner, nodes, &past, folder.path()).await.as_ref(), Ok(&expected), "{}", card.kind);

        let both = [past[0], (out_of.as_str(), "both.rows"), ("rows.rows", "both.rows"), ("both.rows", "out.rows")];
        let union = json!({ "kind": "process.union" });
        let nodes = json!({ "rows": rows(), "off": off, "both": union, "out": sink() });
        assert_eq!(out(&planner, nodes, &both, folder.path()).await.as_ref(), Ok(&twice), "{} and beside", card.kind);
        kinds.push(card.kind.clone());
    }
    assert!(kinds.len() > 10 && kinds.iter().all(|kind| !kind.contains("window") || kind.contains("rolling")));
}

#[tokio::test]
async fn what_a_bypassed_node_would_have_added_is_missed_by_name_where_it_is_used() {
    let planner = Planner::new(registry());
    let folder = tempfile::tempdir().expect("a folder");
    let select = json!({ "kind": "process.select", "disabled": true, "params": {
        "columns": [{ "name": "double", "expression": "n * 2" }] } });
    let hot = json!({ "kind": "process.filter", "params": { "condition": "double > 3" } });
    let nodes = json!({ "rows": rows(), "double": select, "hot": hot, "out": sink() });
    let wires = [("rows.rows", "double.rows"), ("double.rows", "hot.rows"), ("hot.rows", "out.rows")];
    let message = out(&planner, nodes, &wires, folder.path()).await.expect_err("a column is missing");
    assert!(message.contains("`double`"), "{message}");
}

#[tokio::test]
async fn what_hangs_on_another_port_of_a_bypassed_node_alone_does_not_run() {
    let planner = Planner::new(registry());
    let folder = tempfile::tempdir().expect("a folder");
    let off = json!({ "kind": "process.sort", "disabled": true });
    let late = json!({ "kind": "store.file", "params": { "path": "late.ndjson" } });
    let nodes = json!({ "rows": rows(), "off": off, "out": sink(), "late": late });
    let wires = [("rows.rows", "off.rows"), ("off.rows", "out.rows"), ("off.late", "late.rows")];
    assert_eq!(out(&planner, nodes, &wires, folder.path()).await.map(|lines| lines.len()), Ok(3));
    assert!(!folder.path().join("late.ndjson").exists(), "nothing came by this port, so no file was begun");
}
