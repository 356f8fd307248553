//! From a plan to a run: builds every machine, joins them with queues, opens sources and then sinks, and sets the tasks
//! going. Nothing outside is touched before everything has been built.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use arrow::datatypes::SchemaRef;
use millrace_model::run::{Breakpoint, RunFailure};
use millrace_model::{Diagnostic, NodeId, PortRole, Wire};
use millrace_operator::{BuildContext, Machine, NodeError, Operator, Prepared, Registry};
use tokio::sync::{mpsc, watch};

use crate::chain::{Chain, Leg, Link, OutPort, Target};
use crate::channel::{Receiver, Sender, queue};
use crate::checkpoint::{Coordinator, Marks, SavedInstance, fingerprint};
use crate::counters::{NodeCell, NodeCounters, WireCell};
use crate::edit::{Door, Editing};
use crate::exchange::Exchange;
use crate::fit::Fit;
use crate::gate::Snare;
use crate::guard::{Named, Stopped};
use crate::inputs::Inputs;
use crate::layout::{Layout, Stage};
use crate::memory::MemoryBudget;
use crate::newest::NewestRows;
use crate::options::RunOptions;
use crate::picture::Easel;
use crate::plan::{Plan, PlannedNode, PlannedPort, schema_on};
use crate::run::{Phase, Run, Shared};
use crate::stand_in::Unwritten;
use crate::supervise::{abort, supervise};
use crate::task::{OpenSink, Task, Work};
use crate::world::unless_it_panics;

/// Why a run could not start. Nothing has been written then.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RunError {
    #[error("the pipeline has faults: {}", .problems.iter().map(|p| p.message.as_str()).collect::<Vec<_>>().join(" "))]
    NotRunnable { problems: Vec<Diagnostic> },
    /// A node could not be built or opened; the message names it.
    #[error("{}", .failure.message)]
    Node { failure: RunFailure },
}

impl RunError {
    fn at(named: &Named, error: &dyn std::fmt::Display) -> Self {
        named.failed(error).into()
    }
}

impl From<Stopped> for RunError {
    fn from(stopped: Stopped) -> Self {
        let failure = match stopped {
            Stopped::Failed(failure) => failure,
            Stopped::Cancelled => RunFailure { node: None, message: "The run was ended before it began.".to_owned() },
        };
        RunError::Node { failure }
    }
}

/// Starts what `plan` describes on the current tokio runtime, which must have its time driver enabled.
///
/// # Errors
/// When the plan has faults, or a node cannot be built or opened.
pub async fn start(plan: &Plan, registry: &Registry, options: RunOptions) -> Result<Run, RunError> {
    if !plan.is_runnable() {
        let problems = plan.diagnostics.iter().filter(|problem| problem.is_error()).cloned().collect();
        return Err(RunError::NotRunnable { problems });
    }
    let world = options.world.clone();
    let layout = Layout::new(plan, options.parallelism);
    let marks = Arc::new(tokio::sync::Mutex::new(marks_of(plan)));
    let mut coordinator = options.state.as_ref().map(|state| {
        let before = state.resume.as_ref().map(|checkpoint| checkpoint.number);
        Coordinator::new(state.folder.clone(), state.interval, options.parallelism, marks.clone(), before)
    });
    let memory = MemoryBudget::new(options.memory_bytes, &world);
    let (mut builder, mut shared) = Builder::new(plan, registry, &options, &layout, memory.clone());
    let (mut tasks, mut doors) = (Vec::new(), Vec::new());
    for stage in &layout.stages {
        for instance in 0..stage.num_instances {
            let (mut work, had_ended) = builder.work(&mut shared, stage, instance)?;
            let line = coordinator.as_mut().map(Coordinator::line);
            let (door, swaps, injections) = Door::new(stage.nodes.clone(), instance, stage.num_instances);
            if let Some(chain) = work.chain_mut() {
                chain.injections = injections;
            }
            doors.push(door);
            tasks.push(Task { work, instance, line, swaps, had_ended, gate: shared.gate.clone() });
        }
    }
    set_breakpoints(&shared.wires, plan, &options.breakpoints)
        .map_err(|problems| RunError::NotRunnable { problems })?;
    open(&mut tasks, options.state.as_ref().is_some_and(|state| state.resume.is_some())).await?;

    let shared = Arc::new(Shared { started: world.now(), ..shared });
    if options.replays.is_stepwise() {
        shared.gate.pause();
    }
    if let Some(recorder) = &options.recorder {
        shared.record_sources(recorder);
    }
    let (phase, _) = watch::channel(Phase::Running);
    let (outcome_sender, outcome) = watch::channel(None);
    let (end_sender, ends) = mpsc::unbounded_channel();
    for task in tasks {
        let run = task.run(options.clone(), phase.subscribe(), memory.clone());
        let ends = end_sender.clone();
        world.spawn(async move {
            // The supervisor waits for all of them.
            let _ = ends.send(unless_it_panics(run).await);
        });
    }
    drop(end_sender);
    let marks = coordinator.is_some().then_some(marks);
    let coordinator = coordinator.map(|coordinator| world.spawn(coordinator.run(shared.clone(), phase.subscribe())));
    world.spawn(supervise(ends, memory, coordinator, shared.clone(), phase.clone(), outcome_sender));
    let editing = Editing { plan: tokio::sync::Mutex::new(plan.clone()), doors, marks, options };
    Ok(Run { shared, phase, outcome, editing })
}

fn marks_of(plan: &Plan) -> Marks {
    plan.nodes.values().map(|node| (node.id.clone(), (node.title.clone(), fingerprint(node)))).collect()
}

/// Has the run halt at these places and at no other. A wire that the run does not have is passed over.
///
/// # Errors
/// A fault at each wire whose condition does not fit its rows; nothing has changed then.
pub(crate) fn set_breakpoints(
    wires: &BTreeMap<Wire, Arc<WireCell>>,
    plan: &Plan,
    breakpoints: &[Breakpoint],
) -> Result<(), Vec<Diagnostic>> {
    let mut wanted = BTreeMap::new();
    let mut problems = Vec::new();
    for Breakpoint { wire, condition } in breakpoints {
        let Some(schema) = schema_at_end(plan, wire).filter(|_| wires.contains_key(wire)) else { continue };
        match Snare::compile(condition, &schema) {
            Ok(compiled) => {
                wanted.insert(wire, compiled);
            }
            Err(error) => {
                let message = format!("The breakpoint on {wire} cannot be set. {error}");
                problems.push(Diagnostic::error(error.code(), message).at_wire(wire));
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    for (wire, cell) in wires {
        cell.snare.set(wanted.remove(wire));
    }
    Ok(())
}

/// Opens sources first, since they only look: a file that is not there leaves no trace of the sinks.
async fn open(tasks: &mut [Task], is_resumed: bool) -> Result<(), RunError> {
    for task in tasks.iter_mut() {
        if let (Work::Source { source, chain, .. }, false) = (&mut task.work, task.had_ended) {
            let named = chain.links[0].named.clone();
            named.call_async(source.open()).await?;
            named.counters.hear(source.as_ref());
        }
    }
    let mut opened: Vec<&mut OpenSink> = Vec::new();
    for task in tasks.iter_mut() {
        if let Work::Sink { sink: open, .. } = &mut task.work {
            if let Err(stopped) = open.named.call(|| open.sink.open()) {
                // What a checkpoint knows of must stay for the next attempt.
                if !is_resumed {
                    opened.into_iter().for_each(abort);
                }
                return Err(stopped.into());
            }
            open.named.counters.set_status(open.sink.status());
            opened.push(open);
        }
    }
    Ok(())
}

/// The ends of a wire's queues that no task has taken yet.
struct Ends {
    /// By instance of the node at the start, then by instance of the node at the end.
    senders: Vec<Vec<Sender>>,
    /// The other way round.
    receivers: Vec<Vec<Receiver>>,
}

struct Builder<'a> {
    plan: &'a Plan,
    registry: &'a Registry,
    options: &'a RunOptions,
    layout: &'a Layout,
    memory: MemoryBudget,
    ends: BTreeMap<&'a Wire, Ends>,
    /// Where the time of a node comes from ([`Self::origin`]), for the nodes built so far.
    origins: BTreeMap<NodeId, Option<usize>>,
}

impl<'a> Builder<'a> {
    fn new(
        plan: &'a Plan,
        registry: &'a Registry,
        options: &'a RunOptions,
        layout: &'a Layout,
        memory: MemoryBudget,
    ) -> (Self, Shared) {
        let mut ends = BTreeMap::new();
        let mut wires = BTreeMap::new();
        for wire in &plan.wires {
            let mut budgets = Vec::new();
            if !layout.is_fused(&wire.to.node) {
                let (num_from, num_to) = (layout.num_instances(&wire.from.node), layout.num_instances(&wire.to.node));
                let limit_bytes = options.queue_bytes / (num_from * num_to);
                let mut of_wire = Ends { senders: Vec::new(), receivers: Vec::new() };
                of_wire.senders.resize_with(num_from, Vec::new);
                of_wire.receivers.resize_with(num_to, Vec::new);
                for senders in &mut of_wire.senders {
                    for receivers in &mut of_wire.receivers {
                        let num_batches = options.queue_batches - options.world.choose(options.queue_batches);
                        let (sender, receiver) = queue(limit_bytes, num_batches);
                        budgets.push(sender.budget());
                        senders.push(sender);
                        receivers.push(receiver);
                    }
                }
                ends.insert(wire, of_wire);
            }
            wires.insert(wire.clone(), Arc::new(WireCell::new(wire.clone(), budgets, options.tap_rows)));
        }

        let mut nodes = BTreeMap::new();
        let mut recent = BTreeMap::new();
        for id in &plan.order {
            let node = &plan.nodes[id];
            let mut instances = Vec::new();
            instances.resize_with(layout.num_instances(id), || Arc::new(NodeCounters::default()));
            let listener = Arc::default();
            let cell = NodeCell { is_source: node.is_source(), upstream: upstream_of(plan, id), instances, listener };
            nodes.insert(id.clone(), Arc::new(cell));
            for output in node.outputs.iter().filter(|output| output.port.role != PortRole::Rows) {
                if wires_from(plan, id, output).next().is_none() {
                    let rows = Arc::new(NewestRows::opened(options.unwired_keep));
                    recent.insert((id.clone(), output.port.name.clone()), rows);
                }
            }
        }
        let shared = Shared {
            nodes,
            wires,
            pictures: BTreeMap::new(),
            gate: Arc::default(),
            recent,
            started: options.world.now(),
            world: options.world.clone(),
            checkpoint: Mutex::default(),
        };
        (Self { plan, registry, options, layout, memory, ends, origins: BTreeMap::new() }, shared)
    }

    /// Builds the machines of one instance of a stage, and says whether they had ended before the checkpoint that the
    /// run goes on from.
    fn work(&mut self, shared: &mut Shared, stage: &Stage, instance: usize) -> Result<(Work, bool), RunError> {
        let head = &self.plan.nodes[&stage.nodes[0]];
        let named = named(shared, head, instance);
        let mut machine = self.build(&named, head, instance, stage.num_instances)?;
        let saved = self.saved(head, instance, stage.num_instances);
        if let Some(saved) = saved {
            named.counters.restore(saved.counters);
            let is_over = saved.has_ended && matches!(machine, Machine::Source(_));
            if !is_over {
                restore(&named, &mut machine, &saved.state)?;
            }
        }
        let inputs = self.inputs(head, instance);
        let work = match machine {
            Machine::Sink(sink) => Work::Sink { inputs, sink: OpenSink { named, sink } },
            Machine::View(view) => {
                let cell = shared.pictures.entry(head.id.clone()).or_default().clone();
                Work::View {
                    inputs,
                    view,
                    named,
                    easel: Easel::new(cell, self.options.view_interval, self.options.world.clone()),
                }
            }
            Machine::Source(source) => {
                let listener = shared.nodes[&head.id].listener.clone();
                Work::Source { source, chain: self.chain(shared, stage, instance, None)?, listener }
            }
            Machine::Operator(operator) => {
                Work::Operator { inputs, chain: self.chain(shared, stage, instance, Some(operator))? }
            }
        };
        Ok((work, saved.is_some_and(|saved| saved.has_ended)))
    }

    /// What a node has to go on from.
    fn saved(&self, node: &PlannedNode, instance: usize, num_instances: usize) -> Option<&'a SavedInstance> {
        let checkpoint = self.options.state.as_ref()?.resume.as_ref()?;
        checkpoint.instance(node, instance, num_instances)
    }

    fn build(
        &self,
        named: &Named,
        node: &PlannedNode,
        instance: usize,
        parallelism: usize,
    ) -> Result<Machine, RunError> {
        build_machine(self.registry, self.options, named, node, (instance, parallelism))
    }

    fn inputs(&mut self, node: &PlannedNode, instance: usize) -> Inputs {
        let upstream = upstream_of(self.plan, &node.id);
        let mut inputs = Inputs::default();
        for wire in self.plan.wires.iter().filter(|wire| wire.to.node == node.id) {
            let port = node.input_index(&wire.to.port).expect("a runnable plan has wires between ports only");
            let from = upstream.iter().position(|id| *id == wire.from.node).expect("it was listed from these wires");
            let ends = self.ends.get_mut(wire).expect("a wire to the first node of a task has queues");
            for receiver in std::mem::take(&mut ends.receivers[instance]) {
                let origin = self.origins.get(&wire.from.node).copied().flatten();
                inputs.add(receiver, port, from, node.inputs[port].port.is_timeless, origin);
            }
        }
        inputs
    }

    fn chain(
        &mut self,
        shared: &Shared,
        stage: &Stage,
        instance: usize,
        head: Option<Box<dyn Operator>>,
    ) -> Result<Chain, RunError> {
        let mut links = Vec::new();
        let mut exchanges = Vec::new();
        let mut head = Some(head);
        for id in &stage.nodes {
            let node = &self.plan.nodes[id];
            let named = named(shared, node, instance);
            let operator = match head.take() {
                Some(operator) => operator,
                None => match self.build(&named, node, instance, stage.num_instances)? {
                    Machine::Operator(mut operator) => {
                        if let Some(saved) = self.saved(node, instance, stage.num_instances) {
                            named.call(|| operator.restore(&saved.state))?;
                        }
                        Some(operator)
                    }
                    _ => return Err(RunError::at(&named, &"only an operator can be stateless")),
                },
            };
            let mut ports = Vec::new();
            for output in &node.outputs {
                let mut legs = Vec::new();
                for wire in wires_from(self.plan, id, output) {
                    let target = if self.layout.is_fused(&wire.to.node) {
                        self.fused_target(stage, wire)
                    } else {
                        let exchange = self.exchange(wire, instance).map_err(|error| RunError::at(&named, &error))?;
                        exchanges.push(exchange);
                        Target::Exchange(exchanges.len() - 1)
                    };
                    let fit = self.fit(wire).map_err(|error| RunError::at(&named, &error))?;
                    legs.push(Leg { wire: shared.wires[wire].clone(), fit, target });
                }
                let recent = shared.recent.get(&(id.clone(), output.port.name.clone())).cloned();
                ports.push(OutPort { role: output.port.role, legs, recent });
            }
            let makes_time = operator.as_ref().is_some_and(|operator| operator.makes_watermarks());
            let origin = self.origin(node, makes_time, stage.num_instances);
            self.origins.insert(id.clone(), origin);
            let mut link = Link::new(named, operator, ports, self.options.world.clock(), &self.memory);
            if let Some(saved) = self.saved(node, instance, stage.num_instances) {
                let schemas: Vec<_> = node.inputs.iter().map(|input| input.schema.clone()).collect();
                link.restore(saved, &schemas).map_err(|error| RunError::at(&link.named, &error))?;
            }
            links.push(link);
        }
        Ok(Chain::new(links, exchanges, shared.gate.clone(), instance))
    }

    /// By what number those behind a node know where its time comes from: one source's, or that of the node where time
    /// begins anew, because it makes its own or several sources meet in it. None where its instances may tell different
    /// times, each by itself.
    fn origin(&self, node: &PlannedNode, makes_time: bool, num_instances: usize) -> Option<usize> {
        let itself = || self.plan.order.iter().position(|id| *id == node.id);
        if node.is_source() {
            return itself();
        }
        if makes_time {
            return itself().filter(|_| num_instances == 1);
        }
        let is_timed = |wire: &&Wire| {
            wire.to.node == node.id
                && node.input_index(&wire.to.port).is_some_and(|port| !node.inputs[port].port.is_timeless)
        };
        let of_wires = self.plan.wires.iter().filter(is_timed);
        let origins: Option<BTreeSet<usize>> =
            of_wires.map(|wire| self.origins.get(&wire.from.node).copied().flatten()).collect();
        let origins = origins?;
        if origins.len() > 1 { itself() } else { origins.first().copied() }
    }

    fn fused_target(&self, stage: &Stage, wire: &Wire) -> Target {
        let link = stage.nodes.iter().position(|id| *id == wire.to.node);
        Target::Link {
            link: link.expect("a fused node is in the stage of the node before it"),
            input: self.plan.nodes[&wire.to.node]
                .input_index(&wire.to.port)
                .expect("a runnable plan has wires between ports only"),
        }
    }

    fn exchange(&mut self, wire: &Wire, instance: usize) -> Result<Exchange, NodeError> {
        let to = &self.plan.nodes[&wire.to.node];
        let ends = self.ends.get_mut(wire).expect("a wire to the first node of a task has queues");
        let senders = std::mem::take(&mut ends.senders[instance]);
        let input = to.input_index(&wire.to.port).expect("a runnable plan has wires between ports only");
        let schema = to.inputs[input].schema.as_ref().expect("a runnable plan knows every schema");
        Ok(Exchange::new(senders, to.partitioning.keys_at(input), schema)?)
    }

    fn fit(&self, wire: &Wire) -> Result<Option<Fit>, NodeError> {
        match (schema_on(self.plan, wire), schema_at_end(self.plan, wire)) {
            (Some(from), Some(to)) => Ok(Fit::new(&from, &to)?),
            _ => Ok(None),
        }
    }
}

/// What the rows of a wire are made to fit.
fn schema_at_end(plan: &Plan, wire: &Wire) -> Option<SchemaRef> {
    let to = plan.nodes.get(&wire.to.node)?;
    to.inputs[to.input_index(&wire.to.port)?].schema.clone()
}

/// Builds one instance of a node out of so many.
pub(crate) fn build_machine(
    registry: &Registry,
    options: &RunOptions,
    named: &Named,
    node: &PlannedNode,
    (instance, parallelism): (usize, usize),
) -> Result<Machine, RunError> {
    let schemas = |ports: &[PlannedPort]| {
        ports.iter().map(|port| port.schema.clone().expect("a runnable plan knows every schema")).collect()
    };
    let cx = BuildContext {
        node: node.id.clone(),
        title: node.title.clone(),
        inputs: schemas(&node.inputs),
        outputs: schemas(&node.outputs),
        probed: node.probed.clone(),
        instance,
        parallelism,
        base_dir: options.base_dir.clone(),
    };
    if options.replays.stand_in_for(&node.id) {
        // It is quiet for as long as the source that it stands for might be; a source is built without being opened.
        let own = registry.node_type(&node.kind).and_then(|own| named.call(|| own.build(&node.params, &cx)).ok());
        let idle_timeout = own.and_then(|own| if let Machine::Source(own) = own { own.idle_timeout() } else { None });
        if let Some(source) = options.replays.source(&node.id, cx.outputs.clone(), idle_timeout) {
            return Ok(Machine::Source(source));
        }
    }
    let node_type = registry
        .node_type(&node.kind)
        .ok_or_else(|| RunError::at(named, &format!("this build has no node `{}`", node.kind)))?;
    let machine = named.call(|| node_type.build(&node.params, &cx))?;
    if matches!(machine, Machine::Source(_)) != node.is_source() {
        let reason = "its card and its machine disagree on whether it has inputs, which is a defect of it";
        return Err(RunError::at(named, &reason));
    }
    Ok(match machine {
        Machine::Sink(_) if options.is_dry => Machine::Sink(Box::new(Unwritten)),
        own => own,
    })
}

fn restore(named: &Named, machine: &mut Machine, state: &[u8]) -> Result<(), Stopped> {
    named.call(|| match machine {
        Machine::Source(source) => source.restore(state),
        Machine::Operator(operator) => operator.restore(state),
        Machine::Sink(sink) => sink.restore(&Prepared(state.to_owned())),
        Machine::View(view) => view.restore(state),
    })
}

fn named(shared: &Shared, node: &PlannedNode, instance: usize) -> Named {
    let counters = shared.nodes[&node.id].instances[instance].clone();
    Named { id: node.id.clone(), title: node.title.clone(), counters }
}

fn upstream_of(plan: &Plan, id: &NodeId) -> Vec<NodeId> {
    let mut upstream: Vec<NodeId> =
        plan.wires.iter().filter(|wire| wire.to.node == *id).map(|wire| wire.from.node.clone()).collect();
    upstream.dedup();
    upstream
}

fn wires_from<'a>(plan: &'a Plan, id: &NodeId, output: &PlannedPort) -> impl Iterator<Item = &'a Wire> {
    plan.wires.iter().filter(move |wire| wire.from.node == *id && wire.from.port == output.port.name)
}
