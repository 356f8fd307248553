//! Changing a pipeline while it runs: works out what a change costs, and puts new machines in the place of those whose
//! params have changed, each in its own task between two messages. Rows in the queues stay where they are.
//!
//! Only params can change that way. What moves other nodes as well (wires, columns, keys) needs a new run, and so does a
//! sink whose output is a part of checkpoints. No checkpoint is under way while a node is replaced, or the states of its
//! instances might not belong together.

use std::sync::Arc;

use millrace_model::NodeId;
use millrace_model::run::{EditCost, NodeRestart, StateFate};
use millrace_operator::{Machine, Partitioning, Registry};
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::checkpoint::{Marks, fingerprint};
use crate::counters::NodeCell;
use crate::guard::{Named, Stopped};
use crate::inject::{self, Injections, Injector};
use crate::options::RunOptions;
use crate::plan::{Plan, PlannedNode, PlannedPort};
use crate::run::Run;
use crate::start::{RunError, build_machine};

/// Another machine for one node of a task.
pub(crate) struct Swap {
    /// Which link of the task's chain; 0 where it has no chain.
    pub link: usize,
    pub machine: Machine,
    pub keeps_state: bool,
    pub done: Done,
}

/// Where the task says that the new machine works, or why it cannot and the old one goes on.
pub(crate) struct Done(oneshot::Sender<Result<(), Stopped>>);

impl Done {
    pub fn tell(self, result: Result<(), Stopped>) {
        // Whoever asked may have gone.
        let _ = self.0.send(result);
    }
}

/// The machines that wait to be put into one task.
pub(crate) struct Swaps(mpsc::Receiver<Swap>);

impl Swaps {
    /// Waits for the next one, for ever when none can come. Cancel safe.
    pub async fn next(&mut self) -> Swap {
        match self.0.recv().await {
            Some(swap) => swap,
            None => std::future::pending().await,
        }
    }
}

/// The way to one task of a run.
pub(crate) struct Door {
    pub nodes: Vec<NodeId>,
    instance: usize,
    num_instances: usize,
    swaps: mpsc::Sender<Swap>,
    pub injector: Injector,
}

impl Door {
    pub fn new(nodes: Vec<NodeId>, instance: usize, num_instances: usize) -> (Self, Swaps, Injections) {
        let (swaps, receiver) = mpsc::channel(1);
        let (injector, injections) = inject::way();
        (Self { nodes, instance, num_instances, swaps, injector }, Swaps(receiver), injections)
    }
}

/// What it takes to change a run.
pub(crate) struct Editing {
    /// What runs now.
    pub plan: Mutex<Plan>,
    pub doors: Vec<Door>,
    /// Held while a checkpoint is under way; none where none are taken.
    pub marks: Option<Arc<Mutex<Marks>>>,
    pub options: RunOptions,
}

impl Run {
    /// What it would cost to bring `plan` into this run.
    pub async fn cost_of(&self, plan: &Plan) -> EditCost {
        cost(&*self.editing.plan.lock().await, plan, self.editing.marks.is_some())
    }

    /// Brings `plan` into this run where that takes no new run, and says what it cost. A node that is over already
    /// stays so. Where the answer is [`EditCost::Run`], nothing was done.
    ///
    /// # Errors
    /// When `plan` has faults or a node cannot be built, and then nothing was done; when a source cannot be opened, and
    /// then the old one goes on.
    pub async fn edit(&self, plan: &Plan, registry: &Registry) -> Result<EditCost, RunError> {
        if !plan.is_runnable() {
            let problems = plan.diagnostics.iter().filter(|problem| problem.is_error()).cloned().collect();
            return Err(RunError::NotRunnable { problems });
        }
        let mut running = self.editing.plan.lock().await;
        let cost = cost(&running, plan, self.editing.marks.is_some());
        let EditCost::Nodes { nodes } = &cost else { return Ok(cost) };
        let mut ready = Vec::new();
        // Those behind first, so that what comes from a new node meets new ones only.
        for restart in nodes.iter().rev() {
            let node = &plan.nodes[&restart.node];
            for door in &self.editing.doors {
                let Some(link) = door.nodes.iter().position(|id| *id == node.id) else { continue };
                let named = self.named(node, door.instance);
                let of = (door.instance, door.num_instances);
                let machine = build_machine(registry, &self.editing.options, &named, node, of)?;
                ready.push((door, link, machine, restart.state == StateFate::Kept));
            }
        }
        let mut marks = match &self.editing.marks {
            Some(marks) => Some(marks.lock().await),
            None => None,
        };
        for (door, link, machine, keeps_state) in ready {
            let (done, answer) = oneshot::channel();
            let swap = Swap { link, machine, keeps_state, done: Done(done) };
            // A task that is over has closed its door, and takes its answer with it.
            if door.swaps.send(swap).await.is_ok()
                && let Ok(result) = answer.await
            {
                result?;
            }
        }
        if let Some(marks) = &mut marks {
            for restart in nodes {
                let node = &plan.nodes[&restart.node];
                marks.insert(node.id.clone(), (node.title.clone(), fingerprint(node)));
            }
        }
        *running = plan.clone();
        Ok(cost)
    }

    fn named(&self, node: &PlannedNode, instance: usize) -> Named {
        let cell: &NodeCell = &self.shared.nodes[&node.id];
        Named { id: node.id.clone(), title: node.title.clone(), counters: cell.instances[instance].clone() }
    }
}

fn cost(running: &Plan, plan: &Plan, has_checkpoints: bool) -> EditCost {
    let run = |reason: String| EditCost::Run { reason };
    let mut ids: [Vec<&NodeId>; 2] = [running.order.iter().collect(), plan.order.iter().collect()];
    ids.iter_mut().for_each(|ids| ids.sort());
    if ids[0] != ids[1] || running.wires != plan.wires {
        return run("Nodes or wires were added, removed, enabled or disabled.".to_owned());
    }
    let mut nodes = Vec::new();
    for id in &plan.order {
        let (old, new) = (&running.nodes[id], &plan.nodes[id]);
        let title = &new.title;
        if old.kind != new.kind {
            return run(format!("“{title}” is a node of another kind now."));
        }
        if !same_ports(&old.outputs, &new.outputs) {
            return run(format!("Other columns leave “{title}” now, and the nodes behind it have to know."));
        }
        if !same_ports(&old.inputs, &new.inputs) {
            return run(format!("Other columns reach “{title}” now."));
        }
        if old.partitioning != new.partitioning {
            return run(format!("“{title}” has other keys now, and its rows have to be spread anew."));
        }
        if old.params == new.params && old.probed == new.probed {
            continue;
        }
        let is_sink = new.outputs.is_empty() && !new.has_view;
        if is_sink && has_checkpoints {
            return run(format!("The output of “{title}” is a part of the checkpoints of this run."));
        }
        let fits = fingerprint(old) == fingerprint(new) && old.probed == new.probed;
        let state = match &new.partitioning {
            _ if is_sink => StateFate::Finished,
            Partitioning::Stateless => StateFate::None,
            _ if fits => StateFate::Kept,
            _ if new.is_source() || new.has_view => StateFate::StartsOver,
            _ => StateFate::GivenOut,
        };
        nodes.push(NodeRestart { node: id.clone(), title: title.clone(), state });
    }
    if nodes.is_empty() { EditCost::Nothing } else { EditCost::Nodes { nodes } }
}

fn same_ports(old: &[PlannedPort], new: &[PlannedPort]) -> bool {
    let same = |(old, new): (&PlannedPort, &PlannedPort)| old.port.name == new.port.name && old.schema == new.schema;
    old.len() == new.len() && old.iter().zip(new).all(same)
}
