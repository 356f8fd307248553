//! A plan whose rows begin on a wire: the node before the wire gives rows from before, what only led to it is left out.
//!
//! Pure. The node at the start of the wire keeps its name, its ports and its wires to what is left; it has no inputs any
//! more, so a replay must stand in for it. What else reaches the nodes behind the wire runs as it is drawn.

use std::collections::BTreeSet;

use millrace_model::{NodeId, Wire};
use millrace_operator::Partitioning;

use crate::plan::Plan;

impl Plan {
    /// The plan of what lies behind `wire`; `None` when it is no wire of this one.
    #[must_use]
    pub fn fed_at(&self, wire: &Wire) -> Option<Plan> {
        if !self.wires.contains(wire) {
            return None;
        }
        let mut behind = BTreeSet::from([wire.to.node.clone()]);
        for id in &self.order {
            if self.wires.iter().any(|wire| wire.to.node == *id && behind.contains(&wire.from.node)) {
                behind.insert(id.clone());
            }
        }
        // The node before the wire has no inputs any more, so nothing is kept for its sake.
        let leads_on =
            |other: &&Wire, kept: &BTreeSet<NodeId>| other.to.node != wire.from.node && kept.contains(&other.to.node);
        let mut kept = behind;
        for id in self.order.iter().rev() {
            if self.wires.iter().any(|other| other.from.node == *id && leads_on(&other, &kept)) {
                kept.insert(id.clone());
            }
        }
        let mut plan = self.clone();
        plan.order.retain(|id| kept.contains(id));
        plan.wires.retain(|other| leads_on(&other, &kept) && kept.contains(&other.from.node));
        for (id, node) in &mut plan.nodes {
            node.takes_part &= kept.contains(id);
        }
        let giver = plan.nodes.get_mut(&wire.from.node)?;
        giver.inputs.clear();
        giver.state_inputs.clear();
        giver.partitioning = Partitioning::Single;
        Some(plan)
    }
}
