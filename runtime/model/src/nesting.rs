//! Nested pipelines: nodes that live inside another node, and what the pipeline is without that.
//!
//! All nodes and wires of a file stand in one graph; a node says by `inside` in which nested pipeline it lives. The ports
//! of a nested pipeline are the boundary nodes in it: a port has the id of its boundary node as its name, so that it
//! stays through renaming, and is shown by that node's title. [`Pipeline::flat`] is what runs. Invariant: `inside` never
//! leads round in a circle. It may name a node that is not there; then the node is shown at the top, and
//! [`check`](crate::check) says so.

use std::collections::{BTreeMap, BTreeSet};

use crate::card::{Nesting, Port, PortRole};
use crate::catalog::Catalog;
use crate::id::{Endpoint, LayoutId, NodeId, Wire};
use crate::layout::Note;
use crate::pipeline::{Node, Pipeline};

/// A pipeline in which nothing is nested any more.
#[derive(Debug, Clone, Default)]
pub struct Flat {
    /// Nodes keep their ids. A boundary node is one with an input and an output, which passes its rows on.
    pub pipeline: Pipeline,
    /// How a wire is drawn, where it is drawn otherwise.
    drawn: BTreeMap<Wire, Wire>,
}

impl Flat {
    /// The wire as a person has drawn it.
    pub fn drawn<'a>(&'a self, wire: &'a Wire) -> &'a Wire {
        self.drawn.get(wire).unwrap_or(wire)
    }
}

impl Pipeline {
    /// The nested pipeline that the node lives in; `None` at the top.
    pub fn home_of(&self, id: &NodeId) -> Option<&NodeId> {
        self.home(self.node(id)?.inside.as_ref())
    }

    /// Where something lives that says it is inside of this node: there, or at the top when there is no such node.
    pub fn home<'a>(&self, inside: Option<&'a NodeId>) -> Option<&'a NodeId> {
        inside.filter(|home| self.node(home).is_some())
    }

    /// The nested pipelines around the node, the innermost first.
    pub fn around<'a>(&'a self, id: &NodeId) -> impl Iterator<Item = &'a NodeId> {
        std::iter::successors(self.home_of(id), |home| self.home_of(home))
    }

    /// Whether the node lives in `outer`, at any depth.
    pub fn is_within(&self, id: &NodeId, outer: &NodeId) -> bool {
        self.around(id).any(|home| home == outer)
    }

    /// The nodes that live right inside of this one, sorted.
    pub fn inside(&self, id: &NodeId) -> impl Iterator<Item = &NodeId> {
        self.insides.get(id).into_iter().flatten()
    }

    /// Everything that lives in the node, at any depth.
    pub fn within(&self, id: &NodeId) -> BTreeSet<NodeId> {
        let mut found = BTreeSet::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            for inner in self.inside(id) {
                if found.insert(inner.clone()) {
                    open.push(inner);
                }
            }
        }
        found
    }

    /// The nodes that live in `level`, sorted by id; `None` is the top.
    pub fn nodes_at<'a>(&'a self, level: Option<&'a NodeId>) -> impl Iterator<Item = &'a Node> {
        self.nodes().filter(move |node| self.home(node.inside.as_ref()) == level)
    }

    /// The notes that stand in `level`.
    pub fn notes_at<'a>(&'a self, level: Option<&'a NodeId>) -> impl Iterator<Item = (&'a LayoutId, &'a Note)> {
        self.notes().iter().filter(move |(_, note)| self.home(note.inside.as_ref()) == level)
    }

    /// The node of `level` that is `id` or holds it.
    pub fn seen_at<'a>(&'a self, id: &'a NodeId, level: Option<&NodeId>) -> Option<&'a NodeId> {
        std::iter::once(id).chain(self.around(id)).find(|id| self.node(id).is_some() && self.home_of(id) == level)
    }

    /// Whether the node does not run because it or a nested pipeline around it is disabled.
    pub fn is_off(&self, id: &NodeId) -> bool {
        let is_disabled = |id: &NodeId| self.node(id).is_some_and(|node| node.disabled);
        is_disabled(id) || self.around(id).any(is_disabled)
    }

    /// The boundary node behind a port of a nested pipeline.
    pub fn boundary(&self, end: &Endpoint) -> Option<&NodeId> {
        self.inside(&end.node).find(|inner| inner.as_str() == end.port)
    }

    /// The wires outside that end or begin at the port of a boundary node.
    pub fn wires_at_boundary(&self, boundary: &NodeId) -> Vec<Wire> {
        let Some(home) = self.home_of(boundary) else { return Vec::new() };
        let into = self.wires_into(home).into_iter().filter(|wire| wire.to.port == boundary.as_str());
        into.chain(self.wires_out_of(home).into_iter().filter(|wire| wire.from.port == boundary.as_str())).collect()
    }

    /// The same pipeline with nothing nested. What is disabled in it is what does not run here.
    pub fn flat(&self, catalog: &Catalog) -> Flat {
        let nesting = |id: &NodeId| catalog.card(&self.node(id)?.kind)?.nesting;
        let nested: Vec<&NodeId> = self.node_ids().filter(|id| nesting(id) == Some(Nesting::Pipeline)).collect();
        let mut flat = Flat { pipeline: self.clone(), drawn: BTreeMap::new() };
        if nested.is_empty() {
            return flat;
        }
        // Both ports of a boundary node carry the rows; the one outside is not drawn.
        let hidden_port = |boundary: &NodeId, is_input: bool| {
            let card = catalog.card(&self.node(boundary)?.kind)?;
            let (wanted, ports) =
                if is_input { (Nesting::Input, &card.inputs) } else { (Nesting::Output, &card.outputs) };
            let port = ports.first().filter(|_| card.nesting == Some(wanted))?;
            Some(Endpoint::new(boundary.clone(), port.name.as_str()))
        };
        let through = |end: &Endpoint, is_input: bool| match nested.binary_search(&&end.node) {
            Ok(_) => hidden_port(self.boundary(end)?, is_input),
            Err(_) => Some(end.clone()),
        };
        for wire in self.wires() {
            let (from, to) = (through(&wire.from, false), through(&wire.to, true));
            if from.as_ref() == Some(&wire.from) && to.as_ref() == Some(&wire.to) {
                continue;
            }
            flat.pipeline.take_wire(&wire);
            // A port that is not there is a fault that the check tells of.
            if let (Some(from), Some(to)) = (from, to) {
                let straight = Wire::new(from, to);
                flat.pipeline.insert_wire(&straight);
                flat.drawn.insert(straight, wire);
            }
        }
        for id in self.node_ids().filter(|id| self.is_off(id)) {
            if let Some(node) = flat.pipeline.node_mut(id) {
                node.disabled = true;
            }
        }
        for id in nested {
            flat.pipeline.take_node(id);
        }
        flat
    }

    /// The wires of a run that carry what a drawn wire carries: the same one, unless it ends or begins at a border.
    pub fn carriers(&self, wire: &Wire) -> Vec<Wire> {
        let from = self.origin(&wire.from);
        self.destinations(&wire.to).into_iter().map(|to| Wire::new(from.clone(), to)).collect()
    }

    /// The [`carriers`](Self::carriers) of each wire that ends or begins at a border; every other carries itself.
    pub fn carriers_at_borders(&self) -> BTreeMap<Wire, Vec<Wire>> {
        if self.insides.is_empty() {
            return BTreeMap::new();
        }
        let wires = self.wires();
        let ends = || wires.iter().flat_map(|wire| [&wire.from, &wire.to]);
        let borders: BTreeSet<&NodeId> = ends().filter_map(|end| self.boundary(end)).collect();
        let is_border = |end: &Endpoint| borders.contains(&end.node) || self.boundary(end).is_some();
        let at_borders = wires.iter().filter(|wire| is_border(&wire.from) || is_border(&wire.to));
        at_borders.map(|wire| (wire.clone(), self.carriers(wire))).collect()
    }

    /// The output of a node that runs whose rows pass at this port of a nested pipeline; any other port is its own.
    pub fn past_borders(&self, end: &Endpoint) -> Endpoint {
        let from = self.origin(end);
        if from != *end || self.boundary(end).is_none() {
            return from;
        }
        // An input: what its wire brings.
        self.wires_into(&end.node).into_iter().find(|wire| wire.to == *end).map_or(from, |wire| self.origin(&wire.from))
    }

    /// Where the rows that leave here come from, past all borders.
    fn origin(&self, end: &Endpoint) -> Endpoint {
        let mut here = end.clone();
        // As many steps as there are nodes, or wires that lead in a circle would lead on for ever.
        for _ in 0..self.num_nodes() {
            let before = match self.boundary(&here) {
                Some(boundary) => self.wires_into(boundary).into_iter().next(),
                None => self.wires_at_boundary(&here.node).into_iter().find(|wire| wire.to.port == here.node.as_str()),
            };
            match before {
                Some(wire) => here = wire.from,
                None => break,
            }
        }
        here
    }

    /// Where rows that arrive here go, past all borders.
    fn destinations(&self, end: &Endpoint) -> BTreeSet<Endpoint> {
        let mut found = BTreeSet::new();
        let mut seen = BTreeSet::from([end.clone()]);
        let mut open = vec![end.clone()];
        while let Some(here) = open.pop() {
            let behind = match self.boundary(&here) {
                Some(boundary) => self.wires_out_of(boundary),
                None => {
                    let mut outside = self.wires_at_boundary(&here.node);
                    outside.retain(|wire| wire.from.port == here.node.as_str());
                    outside
                }
            };
            if behind.is_empty() {
                found.insert(here);
            }
            open.extend(behind.into_iter().map(|wire| wire.to).filter(|to| seen.insert(to.clone())));
        }
        found
    }
}

impl Catalog {
    /// The kind that plays this part, if this build has one.
    pub fn kind_for(&self, nesting: Nesting) -> Option<&str> {
        self.cards().find(|card| card.nesting == Some(nesting)).map(|card| card.kind.as_str())
    }

    /// What part the node plays in nested pipelines.
    pub fn nesting_of(&self, node: &Node) -> Option<Nesting> {
        self.card(&node.kind)?.nesting
    }

    /// The ports of a nested pipeline, those that stand higher inside first.
    pub(crate) fn nested_ports(&self, pipeline: &Pipeline, id: &NodeId) -> (Vec<Port>, Vec<Port>) {
        let mut boundaries: Vec<&Node> = pipeline.inside(id).filter_map(|inner| pipeline.node(inner)).collect();
        boundaries.sort_by_key(|node| (pipeline.position(&node.id).map(|at| at.y), &node.id));
        let port = |node: &Node, role: PortRole| Port {
            name: node.id.to_string(),
            title: Some(self.title_of(node).to_owned()),
            role,
            takes_many_wires: false,
            is_timeless: false,
            help: String::new(),
        };
        let of = |wanted: Nesting| boundaries.iter().copied().filter(move |node| self.nesting_of(node) == Some(wanted));
        let inputs = of(Nesting::Input).map(|node| port(node, PortRole::Rows)).collect();
        let outputs = of(Nesting::Output).map(|node| port(node, self.role_behind(pipeline, &node.id))).collect();
        (inputs, outputs)
    }

    /// The role of the port whose rows leave by an output boundary.
    fn role_behind(&self, pipeline: &Pipeline, boundary: &NodeId) -> PortRole {
        let fed_by = pipeline.wires_into(boundary).into_iter().next().map(|wire| pipeline.origin(&wire.from));
        let role = fed_by.and_then(|end| {
            let node = pipeline.node(&end.node)?;
            let ports = self.card(&node.kind)?.output_ports(&node.params);
            ports.into_iter().find(|port| port.name == end.port).map(|port| port.role)
        });
        role.unwrap_or(PortRole::Rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Edit, EditError};

    /// `devices` feeds `outer`, in which `inner` lives, in which `hot` does the work; `hot` feeds two nodes outside.
    const TEXT: &str = r#"{"format": 1, "name": "T", "nodes": {
        "devices": {"kind": "ingest.file"}, "chart": {"kind": "store.file"}, "alarms": {"kind": "store.file"},
        "outer": {"kind": "process.nested_pipeline"},
        "outer_in": {"kind": "process.nested_input", "inside": "outer"},
        "outer_out": {"kind": "process.nested_output", "inside": "outer"},
        "inner": {"kind": "process.nested_pipeline", "inside": "outer"},
        "inner_in": {"kind": "process.nested_input", "inside": "inner"},
        "inner_out": {"kind": "process.nested_output", "inside": "inner"},
        "hot": {"kind": "process.filter", "inside": "inner"},
        "lost": {"kind": "process.filter", "inside": "nowhere"}},
        "wires": [
        {"from": "devices.rows", "to": "outer.outer_in"}, {"from": "outer_in.rows", "to": "inner.inner_in"},
        {"from": "inner_in.rows", "to": "hot.rows"}, {"from": "hot.rows", "to": "inner_out.rows"},
        {"from": "inner.inner_out", "to": "outer_out.rows"},
        {"from": "outer.outer_out", "to": "alarms.rows"}, {"from": "outer.outer_out", "to": "chart.rows"}]}"#;

    fn pipeline() -> Pipeline {
        Pipeline::parse(TEXT).expect("a pipeline").0
    }

    fn id(text: &str) -> NodeId {
        text.parse().expect("an id")
    }

    fn wire(from: &str, to: &str) -> Wire {
        Wire::new(from.parse().expect("an end"), to.parse().expect("an end"))
    }

    #[test]
    fn a_drawn_wire_is_carried_by_the_wires_past_all_borders() {
        let pipeline = pipeline();
        let inward = vec![wire("devices.rows", "hot.rows")];
        for (from, to) in
            [("devices.rows", "outer.outer_in"), ("outer_in.rows", "inner.inner_in"), ("inner_in.rows", "hot.rows")]
        {
            assert_eq!(pipeline.carriers(&wire(from, to)), inward, "{from} → {to}");
        }
        let outward = vec![wire("hot.rows", "alarms.rows"), wire("hot.rows", "chart.rows")];
        assert_eq!(pipeline.carriers(&wire("hot.rows", "inner_out.rows")), outward);
        assert_eq!(pipeline.carriers(&wire("outer.outer_out", "chart.rows")), outward[1..]);
        let at_borders = pipeline.carriers_at_borders();
        assert_eq!(at_borders.len(), 7, "all of them");
        assert!(at_borders.iter().all(|(wire, carriers)| *carriers == pipeline.carriers(wire)));
    }

    #[test]
    fn wires_in_a_circle_end_the_search_for_carriers() {
        let text = TEXT.replace(
            r#"{"from": "devices.rows", "to": "outer.outer_in"}"#,
            r#"{"from": "outer.outer_out", "to": "outer.outer_in"}"#,
        );
        let (pipeline, _) = Pipeline::parse(&text).expect("a pipeline");
        assert!(!pipeline.carriers(&wire("hot.rows", "inner_out.rows")).is_empty());
    }

    #[test]
    fn who_lives_where_is_told_from_both_sides() {
        let pipeline = pipeline();
        let hot = id("hot");
        assert_eq!(pipeline.around(&hot).collect::<Vec<_>>(), [&id("inner"), &id("outer")]);
        assert!(pipeline.is_within(&hot, &id("outer")) && !pipeline.is_within(&id("outer"), &hot));
        assert_eq!(pipeline.seen_at(&hot, None), Some(&id("outer")));
        assert_eq!(pipeline.seen_at(&hot, Some(&id("outer"))), Some(&id("inner")));
        assert_eq!(pipeline.seen_at(&id("devices"), Some(&id("outer"))), None);
        assert_eq!(pipeline.within(&id("outer")).len(), 6);
        assert_eq!(pipeline.home_of(&id("lost")), None, "its home is not there: it is at the top");
        assert_eq!(pipeline.nodes_at(None).count(), 5);
    }

    #[test]
    fn nothing_can_be_put_inside_of_itself() {
        let mut pipeline = pipeline();
        let before = pipeline.to_text();
        for (node, home) in [("outer", "outer"), ("outer", "inner")] {
            let error = pipeline.apply(&[Edit::SetInside { id: id(node), inside: Some(id(home)) }]);
            assert_eq!(error, Err(EditError::InsideItself { id: id(node) }));
        }
        let late = Node { inside: Some(id("lost")), ..Node::new(id("nowhere"), "process.nested_pipeline") };
        assert!(pipeline.apply(&[Edit::AddNode { node: late, position: None }]).is_err());
        assert_eq!(pipeline.to_text(), before);
        let round = TEXT.replace(r#""outer": {"kind""#, r#""outer": {"inside": "inner", "kind""#);
        let error = Pipeline::parse(&round).expect_err("a circle");
        assert!(error.line == 6 && error.message.contains("inside itself"), "{error}");
    }

    #[test]
    fn removing_a_nested_pipeline_removes_what_is_in_it_and_undo_brings_all_back() {
        let mut pipeline = pipeline();
        let before = pipeline.to_text();
        let undo = pipeline.apply(&pipeline.removal_of([&id("outer")])).expect("the removal is complete");
        assert_eq!(pipeline.node_ids().map(NodeId::as_str).collect::<Vec<_>>(), ["alarms", "chart", "devices", "lost"]);
        pipeline.apply(&undo).expect("the inverse fits");
        assert_eq!(pipeline.to_text(), before);
        pipeline.apply(&pipeline.removal_of([&id("outer_out")])).expect("the removal is complete");
        assert!(pipeline.wires_out_of(&id("outer")).is_empty(), "the wires at the port go with it");
    }
}
