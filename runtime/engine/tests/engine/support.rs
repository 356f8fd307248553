//! Short ways to write a pipeline and to run it.

use std::time::Duration;

use millrace_engine::{Plan, Probes, Run, RunOptions, RunOutcome, plan, start};
use millrace_model::{Edit, Endpoint, Node, NodeId, Pipeline, Wire};
use serde_json::Value;

use crate::nodes::registry;

pub fn id(text: &str) -> NodeId {
    NodeId::new(text).unwrap()
}

pub fn wire(from: &str, to: &str) -> Wire {
    let end = |text: &str| match text.split_once('.') {
        Some((node, port)) => Endpoint::new(id(node), port),
        None => Endpoint::new(id(text), "rows"),
    };
    Wire::new(end(from), end(to))
}

/// Nodes as (id, kind, params), wires as (`node.port`, `node`); a port that is not named is `rows`.
pub fn pipeline(nodes: &[(&str, &str, Value)], wires: &[(&str, &str)]) -> Pipeline {
    named("test", nodes, wires)
}

pub fn named(name: &str, nodes: &[(&str, &str, Value)], wires: &[(&str, &str)]) -> Pipeline {
    let mut pipeline = Pipeline::new(name);
    let add_nodes = nodes.iter().map(|(name, kind, params)| {
        let mut node = Node::new(id(name), *kind);
        node.title = Some(format!("The {name}"));
        node.params = params.as_object().unwrap().clone().into_iter().collect();
        Edit::AddNode { node, position: None }
    });
    let add_wires = wires.iter().map(|(from, to)| Edit::AddWire { wire: wire(from, to) });
    pipeline.apply(&add_nodes.chain(add_wires).collect::<Vec<_>>()).unwrap();
    pipeline
}

pub fn planned(pipeline: &Pipeline) -> Plan {
    let plan = plan(pipeline, &registry(), &Probes::new());
    assert!(plan.is_runnable(), "{:#?}", plan.diagnostics);
    plan
}

pub fn options() -> RunOptions {
    RunOptions { parallelism: 2, batch_size: 100, ..RunOptions::default() }
}

pub async fn started(pipeline: &Pipeline, options: RunOptions) -> Run {
    start(&planned(pipeline), &registry(), options).await.unwrap()
}

pub async fn outcome_with(pipeline: &Pipeline, options: RunOptions) -> RunOutcome {
    within(started(pipeline, options).await.finished()).await
}

pub async fn outcome(pipeline: &Pipeline) -> RunOutcome {
    outcome_with(pipeline, options()).await
}

/// A run that hangs is a failure, not a test that never ends.
pub async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("it ends")
}

/// Waits until `condition` holds.
pub async fn until(mut condition: impl FnMut() -> bool) {
    within(async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}
