//! Nested pipelines in a plan: what is seen at their ports, and how wires lead past them.
//!
//! The ports of a nested pipeline are planned as nodes that pass their rows on, so that schemas and faults go through
//! them as through any other. None of them runs: the wires on both sides become one, and with them goes the difference
//! between a nested pipeline and the same nodes side by side. Invariant: a port changes no row and no column.

use millrace_model::card::Nesting;
use millrace_model::flat::Flat;
use millrace_model::{Catalog, Endpoint, Node, NodeId, Params, Pipeline, Port, Wire};
use millrace_operator::Partitioning;

use crate::plan::{Plan, PlannedNode, PlannedPort, Probes, unresolved};

/// Puts the nested pipelines into the plan, each with the schemas of the ports inside of it.
pub(crate) fn show(plan: &mut Plan, pipeline: &Pipeline, catalog: &Catalog) {
    for node in pipeline.nodes().filter(|node| catalog.nesting_of(node) == Some(Nesting::Pipeline)) {
        let (inputs, outputs) = catalog.ports_of(pipeline, node);
        let shown = planned(plan, catalog, node, inputs, outputs);
        plan.nodes.insert(node.id.clone(), shown);
    }
}

fn planned(plan: &Plan, catalog: &Catalog, node: &Node, inputs: Vec<Port>, outputs: Vec<Port>) -> PlannedNode {
    let with_schema = |ports: Vec<Port>| {
        let boundary = |port: &Port| plan.nodes.get(&port.name.parse::<NodeId>().ok()?)?.outputs.first();
        let planned = ports.into_iter().map(|port| {
            let schema = boundary(&port).and_then(|inside| inside.schema.clone());
            PlannedPort { port, schema }
        });
        planned.collect()
    };
    PlannedNode {
        id: node.id.clone(),
        kind: node.kind.clone(),
        title: catalog.title_of(node).to_owned(),
        params: node.params.clone(),
        state_params: Params::new(),
        state_inputs: Vec::new(),
        takes_part: false,
        inputs: with_schema(inputs),
        outputs: with_schema(outputs),
        partitioning: Partitioning::Single,
        probed: None,
        has_view: false,
    }
}

/// Leads the wires past the ports of nested pipelines, which then take no part in the run.
///
/// Rows that come to one input on two ways count twice, and two wires between the same ports cannot be: the port on the
/// second way stays, and passes the rows on.
pub(crate) fn pass_borders(plan: &mut Plan, catalog: &Catalog) {
    let is_border = |kind: &str| catalog.card(kind).is_some_and(|card| card.nesting.is_some());
    let borders: Vec<NodeId> = plan.order.iter().filter(|id| is_border(&plan.nodes[id].kind)).cloned().collect();
    for id in borders {
        let feeders: Vec<Endpoint> = at(plan, &id, |wire| (&wire.to.node, &wire.from));
        let fed: Vec<Endpoint> = at(plan, &id, |wire| (&wire.from.node, &wire.to));
        let past = feeders.iter().flat_map(|from| fed.iter().map(|to| Wire::new(from.clone(), to.clone())));
        let past: Vec<Wire> = past.collect();
        if past.iter().any(|wire| plan.wires.contains(wire)) {
            continue;
        }
        plan.wires.retain(|wire| wire.from.node != id && wire.to.node != id);
        plan.wires.extend(past);
        plan.order.retain(|other| *other != id);
        if let Some(node) = plan.nodes.get_mut(&id) {
            node.takes_part = false;
        }
    }
    plan.wires.sort();
}

/// Shows the disabled nodes that let their rows by with their own ports again, and the rows that pass there.
pub(crate) fn show_bypassed(plan: &mut Plan, pipeline: &Pipeline, flat: &Flat, catalog: &Catalog) {
    for node in flat.bypassed.iter().filter_map(|id| pipeline.node(id)) {
        let is_in_use = plan.nodes.get(&node.id).is_none_or(|stand_in| stand_in.takes_part);
        let (Some(bypass), false) = (pipeline.bypass_of(&node.id, catalog), is_in_use) else { continue };
        let Some(mut shown) = unresolved(node, catalog, &Probes::new(), false) else { continue };
        let passing = plan.nodes[&node.id].outputs.first().and_then(|output| output.schema.clone());
        let ends = [(&mut shown.inputs, &bypass.input), (&mut shown.outputs, &bypass.output)];
        for (ports, name) in ends {
            for port in ports.iter_mut().filter(|planned| planned.port.name == *name) {
                port.schema.clone_from(&passing);
            }
        }
        plan.nodes.insert(node.id.clone(), shown);
    }
}

/// The far ends of the wires whose near end is at `id`.
fn at(plan: &Plan, id: &NodeId, ends: impl Fn(&Wire) -> (&NodeId, &Endpoint)) -> Vec<Endpoint> {
    let wires = plan.wires.iter().filter(|wire| ends(wire).0 == id);
    wires.map(|wire| ends(wire).1.clone()).collect()
}
