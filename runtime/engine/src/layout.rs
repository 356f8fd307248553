//! Which nodes share a task: a stateless node with one wire at its input runs in the task of the node before it, in
//! every instance of that one; every other node starts a task of its own, a keyed one as many as the parallelism says.
//! Behind a source a stateless node starts a task too: reading is mostly what takes longest, and then what comes after
//! it runs on another core meanwhile.

use std::collections::BTreeMap;

use millrace_model::{NodeId, Wire};
use millrace_operator::Partitioning;

use crate::plan::Plan;

/// The nodes of one kind of task.
#[derive(Debug)]
pub(crate) struct Stage {
    /// The first node, then those fused to it, every wire pointing forward.
    pub nodes: Vec<NodeId>,
    pub num_instances: usize,
}

/// The stages of a plan, and which one each node is in.
#[derive(Debug)]
pub(crate) struct Layout {
    pub stages: Vec<Stage>,
    stage_of: BTreeMap<NodeId, usize>,
}

impl Layout {
    pub fn new(plan: &Plan, parallelism: usize) -> Self {
        let mut stages: Vec<Stage> = Vec::new();
        let mut stage_of = BTreeMap::new();
        for id in &plan.order {
            let stage = match wire_to_fuse(plan, id) {
                Some(wire) => stage_of[&wire.from.node],
                None => {
                    let is_keyed = matches!(plan.nodes[id].partitioning, Partitioning::Keyed(_));
                    let num_instances = if is_keyed { parallelism.max(1) } else { 1 };
                    stages.push(Stage { nodes: Vec::new(), num_instances });
                    stages.len() - 1
                }
            };
            stages[stage].nodes.push(id.clone());
            stage_of.insert(id.clone(), stage);
        }
        Self { stages, stage_of }
    }

    pub fn num_instances(&self, node: &NodeId) -> usize {
        self.stages[self.stage_of[node]].num_instances
    }

    /// Whether `node` runs in the task of the node before it.
    pub fn is_fused(&self, node: &NodeId) -> bool {
        self.stages[self.stage_of[node]].nodes.first() != Some(node)
    }
}

/// The only wire into a stateless node in the middle of the pipeline.
fn wire_to_fuse<'a>(plan: &'a Plan, id: &NodeId) -> Option<&'a Wire> {
    let node = &plan.nodes[id];
    if node.partitioning != Partitioning::Stateless || node.outputs.is_empty() {
        return None;
    }
    let mut wires = plan.wires.iter().filter(|wire| wire.to.node == *id);
    wires.next().filter(|wire| wires.next().is_none() && !plan.nodes[&wire.from.node].is_source())
}
