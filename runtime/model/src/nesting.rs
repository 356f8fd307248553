//! Nested pipelines: nodes that live inside another node, and what the pipeline is without that.
//!
//! All nodes and wires of a file stand in one graph; a node says by `inside` in which nested pipeline it lives. The ports
//! of a nested pipeline are the boundary nodes in it: a port has the id of its boundary node as its name, so that it
//! stays through renaming, and is shown by that node's title. What runs is in `flat.rs`. Invariant: `inside` never
//! leads round in a circle. It may name a node that is not there; then the node is shown at the top, and
//! [`check`](crate::check) says so.

use std::collections::BTreeSet;

use crate::card::{Nesting, Port, PortRole};
use crate::catalog::Catalog;
use crate::id::{Endpoint, LayoutId, NodeId, Wire};
use crate::layout::Note;
use crate::pipeline::{Node, Pipeline};

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
        let fed_by = pipeline.wires_into(boundary).into_iter().next().map(|wire| pipeline.origin(&wire.from, self));
        let role = fed_by.and_then(|end| {
            let node = pipeline.node(&end.node)?;
            let ports = self.card(&node.kind)?.output_ports(&node.params);
            ports.into_iter().find(|port| port.name == end.port).map(|port| port.role)
        });
        role.unwrap_or(PortRole::Rows)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{Edit, EditError};

    /// `devices` feeds `outer`, in which `inner` lives, in which `hot` does the work; `hot` feeds two nodes outside.
    pub(crate) const TEXT: &str = r#"{"format": 1, "name": "T", "nodes": {
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
