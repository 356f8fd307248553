//! The plan of a run: which nodes take part, the schema at each of their ports, and every fault that can be known
//! before the run.
//!
//! Pure: the outside world enters through [`Probes`] only. All faults are collected; a node behind a faulty one is asked
//! with unknown schemas and so reports only what is wrong with itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow::datatypes::{DataType, SchemaRef};
use millrace_model::card::Form;
use millrace_model::check::check;
use millrace_model::flat::Flat;
use millrace_model::{Catalog, Diagnostic, Node, NodeId, Params, Pipeline, Port, Wire};
use millrace_operator::{Columns, InferContext, NodeType, Partitioning, Probed, Registry, Wanted};

use crate::files::check_files;
use crate::fit::common_schema;
use crate::nested;

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
    plan.wires = flat
        .pipeline
        .wires()
        .into_iter()
        .filter(|wire| [&wire.from, &wire.to].iter().all(|end| plan.order.contains(&end.node)))
        .filter(|wire| !flat.dry.contains(wire))
        .collect();
    if plan.order.is_empty() && !plan.diagnostics.iter().any(Diagnostic::is_error) {
        plan.diagnostics.push(Diagnostic::error(
            "empty",
            "Every node is disabled or gets its rows from a disabled one. Enable a node to have something to run.",
        ));
    }
    for id in plan.order.clone() {
        resolve(&mut plan, &id, registry, probes);
    }
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

/// Finds the schemas at the ports of one node, those before it being known, and what is wrong with its params.
fn resolve(plan: &mut Plan, id: &NodeId, registry: &Registry, probes: &Probes) {
    let inputs = input_schemas(plan, id);
    let node = &plan.nodes[id];
    let node_type = registry.node_type(&node.kind).expect("a planned node's card came from this registry");
    let mut problems = Vec::new();
    // Params that are known to be wrong make the probe fail as well: that is no news.
    let has_bad_params = plan
        .diagnostics
        .iter()
        .any(|known| known.is_error() && known.param.is_some() && known.node.as_ref() == Some(id));
    if let Some(Err(reason)) = probes.get(id)
        && !has_bad_params
    {
        problems.push(Diagnostic::error("probe_failed", reason.clone()).at_node(id));
    }

    let mut cx = InferContext::new(&inputs, node.probed.as_ref());
    let mut outputs = node_type.infer(&node.params, &mut cx);
    outputs.resize(node.outputs.len(), None);
    for found in cx.into_problems() {
        if is_known(&plan.diagnostics, id, &found.param, &found.code) {
            continue;
        }
        let problem = match found.is_warning {
            true => Diagnostic::warning(&found.code, found.message),
            false => Diagnostic::error(&found.code, found.message),
        };
        let problem = problem.at_node(id);
        problems.push(if found.param.is_empty() { problem } else { problem.at_param(found.param) });
    }

    let has_errors = |problems: &[Diagnostic]| {
        problems.iter().chain(&plan.diagnostics).any(|problem| problem.is_error() && problem.node.as_ref() == Some(id))
    };
    let mut partitioning = Partitioning::Single;
    if !has_errors(&problems) {
        match partitioning_of(node, node_type.as_ref(), &inputs) {
            Ok(found) => partitioning = found,
            Err(reason) => problems.push(Diagnostic::error("partitioning", reason).at_node(id)),
        }
    }
    let is_fed = inputs.iter().all(Option::is_some);
    if is_fed && !has_errors(&problems) {
        for (output, schema) in node.outputs.iter().zip(&outputs) {
            if schema.is_none() {
                let message = format!("The columns that leave by `{}` are not known.", output.port.name);
                problems.push(Diagnostic::error("unknown_schema", message).at_node(id));
            }
        }
    }

    let state_inputs = state_inputs(node_type.as_ref(), &node.params, &inputs, outputs.len());
    plan.diagnostics.extend(problems);
    let node = plan.nodes.get_mut(id).expect("the node was read just above");
    node.partitioning = partitioning;
    node.state_inputs = state_inputs;
    for (port, schema) in node.inputs.iter_mut().zip(inputs) {
        port.schema = schema;
    }
    for (port, schema) in node.outputs.iter_mut().zip(outputs) {
        port.schema = schema;
    }
}

/// The columns that a node reads though nothing is wanted of it; all where one of its inputs is not known.
fn state_inputs(
    node_type: &dyn NodeType,
    params: &Params,
    inputs: &[Option<SchemaRef>],
    num_outputs: usize,
) -> Vec<Option<SchemaRef>> {
    let Some(schemas) = inputs.iter().cloned().collect::<Option<Vec<SchemaRef>>>() else { return inputs.to_vec() };
    let outputs = vec![Columns::none(); num_outputs];
    match node_type.reads(params, &Wanted { inputs: &schemas, outputs: &outputs }) {
        Ok(read) => schemas.iter().zip(&read).map(|(schema, columns)| Some(columns.of(schema))).collect(),
        Err(_) => inputs.to_vec(),
    }
}

/// The schema at each input port. Wires that end at one port must bring the same columns, in any order.
fn input_schemas(plan: &mut Plan, id: &NodeId) -> Vec<Option<SchemaRef>> {
    let node = &plan.nodes[id];
    let mut problems = Vec::new();
    let mut schemas = Vec::new();
    for input in &node.inputs {
        let mut common: Option<SchemaRef> = None;
        for wire in plan.wires.iter().filter(|wire| wire.to.node == *id && wire.to.port == input.port.name) {
            let Some(schema) = schema_on(plan, wire) else { continue };
            common = Some(match common {
                None => schema,
                Some(first) => common_schema(&first, &schema).unwrap_or_else(|difference| {
                    let from = &plan.nodes[&wire.from.node].title;
                    let message = format!(
                        "The rows from “{from}” do not fit the others that arrive here: {difference}. \
                         Give them the same columns first, for example with a Select node."
                    );
                    problems.push(Diagnostic::error("schemas_differ", message).at_node(id).at_wire(wire));
                    first
                }),
            });
        }
        schemas.push(common);
    }
    plan.diagnostics.extend(problems);
    schemas
}

/// The schema of the rows that flow into `wire`.
pub(crate) fn schema_on(plan: &Plan, wire: &Wire) -> Option<SchemaRef> {
    let from = plan.nodes.get(&wire.from.node)?;
    from.outputs[from.output_index(&wire.from.port)?].schema.clone()
}

/// Whether the structural check said the same already: the same param, or that some param cannot be read.
fn is_known(diagnostics: &[Diagnostic], id: &NodeId, param: &str, code: &str) -> bool {
    diagnostics.iter().filter(|known| known.node.as_ref() == Some(id) && known.is_error()).any(|known| {
        known.param.as_deref().is_some_and(|known| code == "unreadable_params" || (!param.is_empty() && known == param))
    })
}

/// How the node's rows are spread, with the key columns checked against its inputs.
fn partitioning_of(
    node: &PlannedNode,
    node_type: &dyn NodeType,
    inputs: &[Option<SchemaRef>],
) -> Result<Partitioning, String> {
    let partitioning = node_type.partitioning(&node.params)?;
    if !matches!(partitioning, Partitioning::Keyed(_)) {
        return Ok(partitioning);
    }
    let mut first: Option<(&str, Vec<&DataType>)> = None;
    for ((index, schema), input) in inputs.iter().enumerate().zip(&node.inputs) {
        let Some(schema) = schema else { continue };
        let mut types = Vec::new();
        for key in partitioning.keys_at(index) {
            match schema.field_with_name(key) {
                Ok(field) => types.push(field.data_type()),
                Err(_) => return Err(format!("The key column `{key}` is missing in the rows that arrive.")),
            }
        }
        // Other types encode in another way, and rows that belong together would part.
        match &first {
            Some((port, known)) if *known != types => {
                return Err(format!(
                    "The key columns at `{port}` and `{}` differ in their types: cast them to the same with a Select node.",
                    input.port.name
                ));
            }
            Some(_) => {}
            None => first = Some((&input.port.name, types)),
        }
    }
    // Without keys all rows are of one group, which one instance must see.
    Ok(if partitioning.keys_at(0).is_empty() { Partitioning::Single } else { partitioning })
}
