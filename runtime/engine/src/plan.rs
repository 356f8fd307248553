//! The plan of a run: which nodes take part, the schema at each of their ports, and every fault that can be known
//! before the run.
//!
//! Pure: the outside world enters through [`Probes`] only. All faults are collected; a node behind a faulty one is asked
//! with unknown schemas and so reports only what is wrong with itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow::datatypes::SchemaRef;
use millrace_model::card::Form;
use millrace_model::check::check;
use millrace_model::flat::Flat;
use millrace_model::{Catalog, Diagnostic, Endpoint, Node, NodeId, Params, Pipeline, Port, Wire};
use millrace_operator::{Partitioning, Probed, Registry};

use crate::files::check_files;
use crate::nested;
use crate::resolve::{Answers, resolve_all};

/// What the nodes' probes found, or why they could not, by node. A node that is missing has not been probed.
pub type Probes = BTreeMap<NodeId, Result<Option<Probed>, String>>;

/// A pipeline made ready to run, or the reasons why it is not.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Everything that is wrong, structure first, then along the wires.
    pub diagnostics: Vec<Diagnostic>,
    /// Every node of a known kind, those that do not take part and nested pipelines with their ports included.
    pub nodes: BTreeMap<NodeId, PlannedNode>,
    /// The nodes that take part, in an order in which every wire points forward; empty when the wires form a cycle.
    pub order: Vec<NodeId>,
    /// The wires between nodes that take part, sorted. Nothing is nested here: a wire leads from the node that gives the
    /// rows to the one that takes them, whatever borders are drawn between.
    pub wires: Vec<Wire>,
}

/// One node with its ports.
#[derive(Debug, Clone)]
pub struct PlannedNode {
    pub id: NodeId,
    pub kind: String,
    /// What the person calls it.
    pub title: String,
    pub params: Params,
    /// Those of the params that its state hangs on: while they stay the same, so may the state.
    pub state_params: Params,
    /// False for a disabled node and for what cannot run without one; for nested pipelines and their ports too, in whose
    /// place the nodes inside run. A disabled node whose rows pass by stays where they have no other way, as what passes
    /// them on.
    pub takes_part: bool,
    /// In the card's order.
    pub inputs: Vec<PlannedPort>,
    /// In the card's order.
    pub outputs: Vec<PlannedPort>,
    /// For each input port the columns that its state hangs on: while they stay the same, so may the state.
    pub state_inputs: Vec<Option<SchemaRef>>,
    pub partitioning: Partitioning,
    pub probed: Option<Probed>,
    /// It shows a picture, and so is no sink though nothing leaves it.
    pub has_view: bool,
}

/// A port and the schema of its rows; `None` where that cannot be known.
#[derive(Debug, Clone)]
pub struct PlannedPort {
    pub port: Port,
    pub schema: Option<SchemaRef>,
}

impl Plan {
    /// Whether the pipeline can be run: nothing is wrong but for warnings.
    pub fn is_runnable(&self) -> bool {
        !self.order.is_empty() && !self.diagnostics.iter().any(Diagnostic::is_error)
    }

    pub fn node(&self, id: &NodeId) -> Option<&PlannedNode> {
        self.nodes.get(id)
    }
}

impl PlannedNode {
    pub fn is_source(&self) -> bool {
        self.inputs.is_empty()
    }

    pub(crate) fn output_index(&self, port: &str) -> Option<usize> {
        self.outputs.iter().position(|output| output.port.name == port)
    }

    pub(crate) fn input_index(&self, port: &str) -> Option<usize> {
        self.inputs.iter().position(|input| input.port.name == port)
    }
}

/// Probes every enabled node of `pipeline`. Reads files and may take a while: not for the UI thread.
pub fn probe(pipeline: &Pipeline, registry: &Registry, base_dir: &Path) -> Probes {
    pipeline
        .nodes()
        .filter(|node| !node.disabled)
        .filter_map(|node| Some((node, registry.node_type(&node.kind)?)))
        .map(|(node, node_type)| (node.id.clone(), node_type.probe(&node.params, base_dir)))
        .collect()
}

/// Plans `pipeline`, whose parameters have been put in already
/// ([`with_parameters`](millrace_model::Pipeline::with_parameters)).
pub fn plan(pipeline: &Pipeline, registry: &Registry, probes: &Probes) -> Plan {
    plan_again(pipeline, registry, probes, &Answers::default())
}

/// As [`plan`], asking only the nodes for which `answers` knows none yet, and adding to it.
pub fn plan_again(pipeline: &Pipeline, registry: &Registry, probes: &Probes, answers: &Answers) -> Plan {
    let catalog = registry.catalog();
    let flat = pipeline.flat(&catalog);
    let left_out = left_out(&flat);
    let mut diagnostics = check(pipeline, &catalog);
    // Nobody asks to run these, so what is wrong with them is no news; a wire to one is judged at its other end.
    let runs = |node: &NodeId| !left_out.contains(node) && !flat.bypassed.contains(node);
    diagnostics.retain(|problem| problem.node.as_ref().is_none_or(runs));

    let mut plan = Plan { diagnostics, ..Plan::default() };
    for node in flat.pipeline.nodes() {
        if let Some(planned) = unresolved(node, &catalog, probes, !left_out.contains(&node.id)) {
            plan.nodes.insert(node.id.clone(), planned);
        }
    }
    let Ok(order) = flat.pipeline.topological_order() else { return plan };
    plan.order = order.into_iter().filter(|id| plan.nodes.get(id).is_some_and(|node| node.takes_part)).collect();
    let takes_part = |end: &Endpoint| plan.nodes.get(&end.node).is_some_and(|node| node.takes_part);
    plan.wires = flat
        .pipeline
        .wires()
        .into_iter()
        .filter(|wire| takes_part(&wire.from) && takes_part(&wire.to))
        .filter(|wire| !flat.dry.contains(wire))
        .collect();
    if plan.order.is_empty() && !plan.diagnostics.iter().any(Diagnostic::is_error) {
        plan.diagnostics.push(Diagnostic::error(
            "empty",
            "Every node is disabled or gets its rows from a disabled one. Enable a node to have something to run.",
        ));
    }
    resolve_all(&mut plan, registry, probes, answers);
    plan.diagnostics.extend(check_files(&plan, registry));
    for wire in plan.diagnostics.iter_mut().filter_map(|problem| problem.wire.as_mut()) {
        *wire = flat.drawn(wire).clone();
    }
    nested::show(&mut plan, pipeline, &catalog);
    nested::pass_borders(&mut plan, &catalog);
    nested::show_bypassed(&mut plan, pipeline, &flat, &catalog);
    plan
}

/// The nodes that do not take part: disabled ones, and those with a wired input to which no other node can bring rows.
fn left_out(flat: &Flat) -> BTreeSet<NodeId> {
    let pipeline = &flat.pipeline;
    let order = pipeline.topological_order().unwrap_or_else(|_| pipeline.node_ids().cloned().collect());
    let mut out = BTreeSet::new();
    for id in order {
        let is_disabled = pipeline.node(&id).is_some_and(|node| node.disabled);
        let mut fed: BTreeMap<String, bool> = BTreeMap::new();
        for wire in pipeline.wires_into(&id) {
            let is_fed = !out.contains(&wire.from.node) && !flat.dry.contains(&wire);
            *fed.entry(wire.to.port).or_default() |= is_fed;
        }
        // Nobody wires the input of a node that is not to run for its own sake.
        let brings_nothing = fed.is_empty() && flat.bypassed.contains(&id);
        if is_disabled || brings_nothing || fed.values().any(|is_fed| !is_fed) {
            out.insert(id);
        }
    }
    out
}

pub(crate) fn unresolved(node: &Node, catalog: &Catalog, probes: &Probes, takes_part: bool) -> Option<PlannedNode> {
    let card = catalog.card(&node.kind)?;
    let without_schema = |ports: Vec<Port>| ports.into_iter().map(|port| PlannedPort { port, schema: None }).collect();
    Some(PlannedNode {
        id: node.id.clone(),
        kind: node.kind.clone(),
        title: catalog.title_of(node).to_owned(),
        params: node.params.clone(),
        state_params: state_params(&node.params, &card.form),
        takes_part,
        inputs: without_schema(card.input_ports(&node.params)),
        outputs: without_schema(card.output_ports(&node.params)),
        state_inputs: Vec::new(),
        partitioning: Partitioning::Single,
        probed: probes.get(&node.id).and_then(|probed| probed.clone().ok()).flatten(),
        has_view: card.has_view,
    })
}

fn state_params(params: &Params, form: &Form) -> Params {
    let keeps_state = |name: &str| form.field(name).is_some_and(|field| field.keeps_state);
    params.iter().filter(|(name, _)| !keeps_state(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The schema of the rows that flow into `wire`.
pub(crate) fn schema_on(plan: &Plan, wire: &Wire) -> Option<SchemaRef> {
    let from = plan.nodes.get(&wire.from.node)?;
    from.outputs[from.output_index(&wire.from.port)?].schema.clone()
}
