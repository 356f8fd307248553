//! What is selected on the canvas. Selection is never part of the undo history.

use std::collections::BTreeSet;

use millrace_model::{LayoutId, NodeId, Pipeline, Wire};

/// The selected nodes, wires, notes and groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    pub nodes: BTreeSet<NodeId>,
    pub wires: BTreeSet<Wire>,
    pub notes: BTreeSet<LayoutId>,
    /// Groups that were selected as a whole; their nodes are in `nodes` too.
    pub groups: BTreeSet<LayoutId>,
}

impl Selection {
    pub fn node(id: NodeId) -> Self {
        Self { nodes: BTreeSet::from([id]), ..Self::default() }
    }

    pub fn wire(wire: Wire) -> Self {
        Self { wires: BTreeSet::from([wire]), ..Self::default() }
    }

    pub fn nodes(ids: impl IntoIterator<Item = NodeId>) -> Self {
        Self { nodes: ids.into_iter().collect(), ..Self::default() }
    }

    pub fn note(id: LayoutId) -> Self {
        Self { notes: BTreeSet::from([id]), ..Self::default() }
    }

    /// The group and all of its nodes.
    pub fn group(id: LayoutId, nodes: BTreeSet<NodeId>) -> Self {
        Self { nodes, groups: BTreeSet::from([id]), ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The selected node, when exactly one node is selected.
    pub fn single_node(&self) -> Option<&NodeId> {
        if self.nodes.len() == 1 { self.nodes.first() } else { None }
    }

    /// The selected wire, when nothing but one wire is selected.
    pub fn single_wire(&self) -> Option<&Wire> {
        if self.nodes.is_empty() && self.wires.len() == 1 { self.wires.first() } else { None }
    }

    /// Adds the node, or takes it out when it was in.
    pub fn toggle_node(&mut self, id: &NodeId) {
        if !self.nodes.remove(id) {
            self.nodes.insert(id.clone());
        }
        self.groups.clear();
    }

    /// Forgets what is not in the pipeline, or not in the nested pipeline that is open (`None` is the top).
    pub fn retain_at(&mut self, pipeline: &Pipeline, level: Option<&NodeId>) {
        let is_here = |id: &NodeId| pipeline.node(id).is_some() && pipeline.home_of(id) == level;
        self.nodes.retain(is_here);
        self.wires.retain(|wire| pipeline.has_wire(wire) && is_here(&wire.from.node) && is_here(&wire.to.node));
        self.notes
            .retain(|id| pipeline.notes().get(id).is_some_and(|note| pipeline.home(note.inside.as_ref()) == level));
        self.groups.retain(|id| pipeline.groups().get(id).is_some_and(|group| group.nodes.iter().any(is_here)));
    }
}
