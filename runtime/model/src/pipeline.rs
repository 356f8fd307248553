//! The pipeline: a directed graph of nodes and wires, its parameters and its layout.
//!
//! Built on `petgraph`'s `StableDiGraph`; the index type stays inside. The only way to change a pipeline from outside
//! this crate is [`Pipeline::apply`](crate::edit), so that every change has an inverse. Invariant: `index` and the
//! graph name the same nodes, `insides` says the same as the nodes' `inside`, and no two parallel edges have the same
//! ports.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::Direction;
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use petgraph::visit::{EdgeRef, IntoEdgeReferences};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dashboard::Dashboard;
use crate::id::{Endpoint, LayoutId, NodeId, Wire};
use crate::layout::{Bookmark, Group, Note};
use crate::parameter::Parameter;
use crate::text::Extra;

/// The params of a node, by name.
pub type Params = BTreeMap<String, Value>;

/// A node of a pipeline: which kind it is and how it is set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    pub id: NodeId,
    /// `section.snake_case`, such as `process.filter`; a kind that this build does not know is kept as it is.
    pub kind: String,
    /// What the person calls it; the card's title when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// A disabled node does not run. It lets its rows by where it [can](crate::NodeCard::can_bypass); else it passes
    /// nothing on, and what hangs on it alone does not run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// The nested pipeline that it lives in; none at the top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<NodeId>,
    #[serde(default, skip_serializing_if = "Params::is_empty")]
    pub params: Params,
    /// Fields of the node that this build does not know, as they were written.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl Node {
    pub fn new(id: NodeId, kind: impl Into<String>) -> Self {
        Self {
            id,
            kind: kind.into(),
            title: None,
            disabled: false,
            inside: None,
            params: Params::new(),
            extra: Extra::default(),
        }
    }
}

/// Where the top left corner of a node stands on the canvas, in points at zoom 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub x: i32,
    pub y: i32,
}

/// The two ports of a wire, as the graph's edge weight.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ports {
    from: String,
    to: String,
}

/// A pipeline: nodes, wires, parameters, layout.
#[derive(Debug, Clone, Default)]
pub struct Pipeline {
    pub(crate) name: String,
    pub(crate) parameters: BTreeMap<String, Parameter>,
    pub(crate) positions: BTreeMap<NodeId, Position>,
    pub(crate) groups: BTreeMap<LayoutId, Group>,
    pub(crate) notes: BTreeMap<LayoutId, Note>,
    pub(crate) bookmarks: BTreeMap<LayoutId, Bookmark>,
    pub(crate) dashboards: BTreeMap<LayoutId, Dashboard>,
    /// Unknown fields of the file and of its layout, kept as they were written.
    pub(crate) extra: Extra,
    pub(crate) layout_extra: Extra,
    graph: StableDiGraph<Node, Ports>,
    index: BTreeMap<NodeId, NodeIndex>,
    /// Which nodes say that they are inside of this one.
    pub(crate) insides: BTreeMap<NodeId, BTreeSet<NodeId>>,
}

impl PartialEq for Pipeline {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.parameters == other.parameters
            && self.positions == other.positions
            && self.groups == other.groups
            && self.notes == other.notes
            && self.bookmarks == other.bookmarks
            && self.dashboards == other.dashboards
            && self.extra == other.extra
            && self.layout_extra == other.layout_extra
            && self.nodes().eq(other.nodes())
            && self.wires() == other.wires()
    }
}

impl Pipeline {
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn parameters(&self) -> &BTreeMap<String, Parameter> {
        &self.parameters
    }

    pub fn num_nodes(&self) -> usize {
        self.index.len()
    }

    pub fn num_wires(&self) -> usize {
        self.graph.edge_count()
    }

    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The ids of all nodes, sorted.
    pub fn node_ids(&self) -> impl Iterator<Item = &NodeId> {
        self.index.keys()
    }

    /// All nodes, sorted by id.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.index.values().map(|index| &self.graph[*index])
    }

    pub fn node(&self, id: &NodeId) -> Option<&Node> {
        self.index.get(id).map(|index| &self.graph[*index])
    }

    pub fn position(&self, id: &NodeId) -> Option<Position> {
        self.positions.get(id).copied()
    }

    /// All wires, sorted.
    pub fn wires(&self) -> Vec<Wire> {
        let mut wires: Vec<Wire> = self.graph.edge_references().map(|edge| self.wire_of(edge)).collect();
        wires.sort();
        wires
    }

    pub fn has_wire(&self, wire: &Wire) -> bool {
        self.edge(wire).is_some()
    }

    /// The wires that end at `id`, sorted.
    pub fn wires_into(&self, id: &NodeId) -> Vec<Wire> {
        self.wires_at(id, Direction::Incoming)
    }

    /// The wires that start at `id`, sorted.
    pub fn wires_out_of(&self, id: &NodeId) -> Vec<Wire> {
        self.wires_at(id, Direction::Outgoing)
    }

    /// The nodes in an order in which every wire points forward.
    ///
    /// # Errors
    /// The ids of the nodes of one cycle, in the order of its wires.
    pub fn topological_order(&self) -> Result<Vec<NodeId>, Vec<NodeId>> {
        match petgraph::algo::toposort(&self.graph, None) {
            Ok(order) => Ok(order.into_iter().map(|index| self.graph[index].id.clone()).collect()),
            Err(_) => Err(self.a_cycle()),
        }
    }

    /// Whether rows that leave `from` can reach `to`, or the two are one.
    pub fn reaches(&self, from: &NodeId, to: &NodeId) -> bool {
        match (self.index.get(from), self.index.get(to)) {
            (Some(from), Some(to)) => petgraph::algo::has_path_connecting(&self.graph, *from, *to, None),
            _ => false,
        }
    }

    /// An id for a new node of `kind` that no node of this pipeline has: `filter`, `filter_2`, …
    pub fn unused_id(&self, kind: &str) -> NodeId {
        let noun = kind.rsplit('.').next().unwrap_or(kind);
        let base: String = noun.chars().filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_').collect();
        let base = if NodeId::new(base.as_str()).is_ok() { &base[..base.len().min(56)] } else { "node" };
        (1..)
            .map(|n| if n == 1 { base.to_owned() } else { format!("{base}_{n}") })
            .map(|text| NodeId::new(text).expect("a short lower-case noun and a number form an id"))
            .find(|id| !self.index.contains_key(id))
            .expect("a pipeline has fewer nodes than there are numbers")
    }

    pub(crate) fn insert_node(&mut self, node: Node) {
        let id = node.id.clone();
        if let Some(home) = &node.inside {
            self.insides.entry(home.clone()).or_default().insert(id.clone());
        }
        let index = self.graph.add_node(node);
        self.index.insert(id, index);
    }

    pub(crate) fn take_node(&mut self, id: &NodeId) -> Option<Node> {
        let index = self.index.remove(id)?;
        let node = self.graph.remove_node(index)?;
        self.leave_home(id, node.inside.as_ref());
        Some(node)
    }

    /// Puts the node into another nested pipeline, and gives the one in which it was.
    pub(crate) fn replace_inside(&mut self, id: &NodeId, inside: Option<NodeId>) -> Option<NodeId> {
        if let Some(home) = &inside {
            self.insides.entry(home.clone()).or_default().insert(id.clone());
        }
        let node = self.node_mut(id)?;
        let before = std::mem::replace(&mut node.inside, inside.clone());
        if before != inside {
            self.leave_home(id, before.as_ref());
        }
        before
    }

    fn leave_home(&mut self, id: &NodeId, home: Option<&NodeId>) {
        let Some(home) = home else { return };
        if let Some(mates) = self.insides.get_mut(home) {
            mates.remove(id);
            if mates.is_empty() {
                self.insides.remove(home);
            }
        }
    }

    pub(crate) fn node_mut(&mut self, id: &NodeId) -> Option<&mut Node> {
        let index = *self.index.get(id)?;
        self.graph.node_weight_mut(index)
    }

    pub(crate) fn replace_params(&mut self, id: &NodeId, params: Params) {
        if let Some(node) = self.node_mut(id) {
            node.params = params;
        }
    }

    /// Adds the wire; false when an end is missing or the wire is there already.
    pub(crate) fn insert_wire(&mut self, wire: &Wire) -> bool {
        let (Some(from), Some(to)) = (self.index.get(&wire.from.node), self.index.get(&wire.to.node)) else {
            return false;
        };
        if self.has_wire(wire) {
            return false;
        }
        self.graph.add_edge(*from, *to, Ports { from: wire.from.port.clone(), to: wire.to.port.clone() });
        true
    }

    pub(crate) fn take_wire(&mut self, wire: &Wire) -> bool {
        self.edge(wire).is_some_and(|edge| self.graph.remove_edge(edge).is_some())
    }

    fn wires_at(&self, id: &NodeId, direction: Direction) -> Vec<Wire> {
        let Some(index) = self.index.get(id) else { return Vec::new() };
        let mut wires: Vec<Wire> =
            self.graph.edges_directed(*index, direction).map(|edge| self.wire_of(edge)).collect();
        wires.sort();
        wires
    }

    fn edge(&self, wire: &Wire) -> Option<petgraph::stable_graph::EdgeIndex> {
        let (from, to) = (self.index.get(&wire.from.node)?, self.index.get(&wire.to.node)?);
        self.graph
            .edges_connecting(*from, *to)
            .find(|edge| edge.weight().from == wire.from.port && edge.weight().to == wire.to.port)
            .map(|edge| edge.id())
    }

    fn wire_of(&self, edge: petgraph::stable_graph::EdgeReference<'_, Ports>) -> Wire {
        Wire::new(
            Endpoint::new(self.graph[edge.source()].id.clone(), edge.weight().from.clone()),
            Endpoint::new(self.graph[edge.target()].id.clone(), edge.weight().to.clone()),
        )
    }

    fn a_cycle(&self) -> Vec<NodeId> {
        let components = petgraph::algo::tarjan_scc(&self.graph);
        let knot = components
            .into_iter()
            .find(|nodes| nodes.len() > 1 || nodes.first().is_some_and(|node| self.graph.contains_edge(*node, *node)));
        let Some(knot) = knot else { return Vec::new() };
        // Walk along wires inside the component until a node comes up again: from there on it is a cycle.
        let mut walk = vec![knot[0]];
        loop {
            let here = *walk.last().expect("the walk starts with a node");
            let next = self
                .graph
                .neighbors(here)
                .find(|node| knot.contains(node))
                .expect("every node of a strongly connected component has a successor in it");
            if let Some(start) = walk.iter().position(|seen| *seen == next) {
                return walk[start..].iter().map(|index| self.graph[*index].id.clone()).collect();
            }
            walk.push(next);
        }
    }
}
