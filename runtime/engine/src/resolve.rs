//! What each node of a plan says of its params and of the rows that arrive: its schemas, faults and partitioning.
//!
//! Asking costs most of a plan, as expressions are compiled for it. What a node says follows from its kind, its params,
//! the schemas at its inputs and what its probe found, and from nothing else, so [`Answers`] are kept by these: a plan of
//! an edited pipeline asks the nodes behind the edit only, and equal nodes are asked once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::{DataType, SchemaRef};
use millrace_model::{Diagnostic, NodeId, Params, Port, Wire};
use millrace_operator::{Columns, InferContext, NodeType, ParamProblem, Partitioning, Probed, Registry, Wanted};

use crate::fit::common_schema;
use crate::plan::{Plan, PlannedNode, Probes, schema_on};

/// So many plans later an answer that none of them needed is forgotten.
const PLANS_KEPT: u64 = 8;

/// What nodes said in earlier plans. May be shared by plans of any pipelines with one [`Registry`].
#[derive(Debug, Default)]
pub struct Answers(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    num_plans: u64,
    num_asked: u64,
    /// With the number of the last plan that needed it.
    by_question: HashMap<Question, (Arc<Answer>, u64)>,
}

/// All that an answer follows from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Question {
    kind: String,
    params: Params,
    inputs: Vec<Option<SchemaRef>>,
    probed: Option<SchemaRef>,
}

#[derive(Debug)]
struct Answer {
    outputs: Vec<Option<SchemaRef>>,
    problems: Vec<ParamProblem>,
    partitioning: Result<Partitioning, String>,
    state_inputs: Vec<Option<SchemaRef>>,
}

impl Answers {
    /// How many are kept.
    pub fn len(&self) -> usize {
        self.kept().by_question.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How often a node was asked since they began, which is where nothing kept answered.
    pub fn num_asked(&self) -> u64 {
        self.kept().num_asked
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        // An answer is whole or not there, whatever panicked meanwhile.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what the last plans did not need.
    fn begin_plan(&self) {
        let mut kept = self.kept();
        kept.num_plans += 1;
        let num_plans = kept.num_plans;
        kept.by_question.retain(|_, (_, needed_by)| num_plans - *needed_by <= PLANS_KEPT);
    }

    fn of(&self, question: Question, ask: impl FnOnce(&Question) -> Answer) -> Arc<Answer> {
        {
            let mut kept = self.kept();
            let num_plans = kept.num_plans;
            if let Some((answer, needed_by)) = kept.by_question.get_mut(&question) {
                *needed_by = num_plans;
                return answer.clone();
            }
        }
        let answer = Arc::new(ask(&question));
        let mut kept = self.kept();
        let num_plans = kept.num_plans;
        kept.num_asked += 1;
        kept.by_question.insert(question, (answer.clone(), num_plans));
        answer
    }
}

/// Finds the schemas at the ports of all nodes that take part, from the sources on, and what is wrong with their params.
pub(crate) fn resolve_all(plan: &mut Plan, registry: &Registry, probes: &Probes, answers: &Answers) {
    answers.begin_plan();
    let mut into: HashMap<NodeId, Vec<Wire>> = HashMap::new();
    for wire in &plan.wires {
        into.entry(wire.to.node.clone()).or_default().push(wire.clone());
    }
    let mut faults = Faults::default();
    faults.see(&plan.diagnostics);
    for id in plan.order.clone() {
        let wires = into.get(&id).map(Vec::as_slice).unwrap_or_default();
        resolve(plan, &id, wires, &mut faults, registry, probes, answers);
    }
}

/// By node, what is known to be wrong with it.
#[derive(Default)]
struct Faults {
    by_node: HashMap<NodeId, Vec<Fault>>,
    num_seen: usize,
}

struct Fault {
    param: Option<String>,
}

impl Faults {
    /// Takes in what was added to `diagnostics` since it last looked.
    fn see(&mut self, diagnostics: &[Diagnostic]) {
        for problem in diagnostics[self.num_seen..].iter().filter(|problem| problem.is_error()) {
            let Some(node) = &problem.node else { continue };
            self.by_node.entry(node.clone()).or_default().push(Fault { param: problem.param.clone() });
        }
        self.num_seen = diagnostics.len();
    }

    fn of(&self, id: &NodeId) -> &[Fault] {
        self.by_node.get(id).map(Vec::as_slice).unwrap_or_default()
    }
}

fn resolve(
    plan: &mut Plan,
    id: &NodeId,
    wires: &[Wire],
    faults: &mut Faults,
    registry: &Registry,
    probes: &Probes,
    answers: &Answers,
) {
    let inputs = input_schemas(plan, id, wires);
    let node = &plan.nodes[id];
    let node_type = registry.node_type(&node.kind).expect("a planned node's card came from this registry");
    let mut problems = Vec::new();
    // Params that are known to be wrong make the probe fail as well: that is no news.
    let has_bad_params = faults.of(id).iter().any(|fault| fault.param.is_some());
    if let Some(Err(reason)) = probes.get(id)
        && !has_bad_params
    {
        problems.push(Diagnostic::error("probe_failed", reason.clone()).at_node(id));
    }

    let question = Question {
        kind: node.kind.clone(),
        params: node.params.clone(),
        inputs: inputs.clone(),
        probed: node.probed.as_ref().map(|probed| probed.schema.clone()),
    };
    let answer = answers.of(question, |question| ask(question, node, node_type.as_ref()));
    for found in &answer.problems {
        if is_known(faults.of(id), &found.param, &found.code) {
            continue;
        }
        let problem = match found.is_warning {
            true => Diagnostic::warning(&found.code, found.message.clone()),
            false => Diagnostic::error(&found.code, found.message.clone()),
        };
        let problem = problem.at_node(id);
        problems.push(if found.param.is_empty() { problem } else { problem.at_param(found.param.clone()) });
    }

    faults.see(&plan.diagnostics);
    let has_errors = |problems: &[Diagnostic]| !faults.of(id).is_empty() || problems.iter().any(Diagnostic::is_error);
    let mut partitioning = Partitioning::Single;
    if !has_errors(&problems) {
        match &answer.partitioning {
            Ok(found) => partitioning = found.clone(),
            Err(reason) => problems.push(Diagnostic::error("partitioning", reason.clone()).at_node(id)),
        }
    }
    let is_fed = inputs.iter().all(Option::is_some);
    if is_fed && !has_errors(&problems) {
        for (output, schema) in node.outputs.iter().zip(&answer.outputs) {
            if schema.is_none() {
                let message = format!("The columns that leave by `{}` are not known.", output.port.name);
                problems.push(Diagnostic::error("unknown_schema", message).at_node(id));
            }
        }
    }

    plan.diagnostics.extend(problems);
    faults.see(&plan.diagnostics);
    let node = plan.nodes.get_mut(id).expect("the node was read just above");
    node.partitioning = partitioning;
    node.state_inputs = answer.state_inputs.clone();
    for (port, schema) in node.inputs.iter_mut().zip(inputs) {
        port.schema = schema;
    }
    for (port, schema) in node.outputs.iter_mut().zip(&answer.outputs) {
        port.schema.clone_from(schema);
    }
}

fn ask(question: &Question, node: &PlannedNode, node_type: &dyn NodeType) -> Answer {
    let Question { params, inputs, probed, .. } = question;
    let probed = probed.clone().map(|schema| Probed { schema });
    let mut cx = InferContext::new(inputs, probed.as_ref());
    let mut outputs = node_type.infer(params, &mut cx);
    outputs.resize(node.outputs.len(), None);
    Answer {
        problems: cx.into_problems(),
        partitioning: partitioning_of(params, node_type, inputs, node.inputs.iter().map(|input| &input.port)),
        state_inputs: state_inputs(node_type, params, inputs, outputs.len()),
        outputs,
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
fn input_schemas(plan: &mut Plan, id: &NodeId, wires: &[Wire]) -> Vec<Option<SchemaRef>> {
    let node = &plan.nodes[id];
    let mut problems = Vec::new();
    let mut schemas = Vec::new();
    for input in &node.inputs {
        let mut common: Option<SchemaRef> = None;
        for wire in wires.iter().filter(|wire| wire.to.port == input.port.name) {
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

/// Whether the structural check said the same already: the same param, or that some param cannot be read.
fn is_known(faults: &[Fault], param: &str, code: &str) -> bool {
    faults
        .iter()
        .filter_map(|fault| fault.param.as_deref())
        .any(|known| code == "unreadable_params" || (!param.is_empty() && known == param))
}

/// How the node's rows are spread, with the key columns checked against its inputs.
fn partitioning_of<'a>(
    params: &Params,
    node_type: &dyn NodeType,
    inputs: &[Option<SchemaRef>],
    ports: impl Iterator<Item = &'a Port>,
) -> Result<Partitioning, String> {
    let partitioning = node_type.partitioning(params)?;
    if !matches!(partitioning, Partitioning::Keyed(_)) {
        return Ok(partitioning);
    }
    let mut first: Option<(&str, Vec<&DataType>)> = None;
    for ((index, schema), port) in inputs.iter().enumerate().zip(ports) {
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
            Some((known_port, known)) if *known != types => {
                return Err(format!(
                    "The key columns at `{known_port}` and `{}` differ in their types: cast them to the same with a \
                     Select node.",
                    port.name
                ));
            }
            Some(_) => {}
            None => first = Some((&port.name, types)),
        }
    }
    // Without keys all rows are of one group, which one instance must see.
    Ok(if partitioning.keys_at(0).is_empty() { Partitioning::Single } else { partitioning })
}
