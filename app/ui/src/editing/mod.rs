//! What a person's wish means as edits of the pipeline. Pure: nothing here draws or changes anything.

pub mod annotate;
pub mod arrange;
pub mod nest;
pub mod offer;
pub mod pick;
pub mod rewire;
pub mod wiring;

use std::collections::{BTreeMap, BTreeSet};

use millrace_model::text::Fragment;
use millrace_model::{
    Catalog, Edit, Endpoint, Group, LayoutId, Node, NodeCard, NodeId, Note, Params, Pipeline, Port, PortRole, Position,
    Wire,
};

use crate::command::Joint;

/// Whether a new node of this card could take the loose end of a wire.
pub fn fits(card: &NodeCard, joint: Option<&Joint>) -> bool {
    match joint {
        None => true,
        Some(Joint::Output(_)) => !ports(card, true).is_empty(),
        Some(Joint::Input(_)) => !ports(card, false).is_empty(),
    }
}

/// Whether a node of this card takes rows and gives rows.
pub fn passes_rows(card: &NodeCard) -> bool {
    !ports(card, true).is_empty() && ports(card, false).iter().any(|port| port.role == PortRole::Rows)
}

/// The edits that add a node of this card to `level`, wired to `joint` where one is given, and the new node's id.
pub fn add_node(
    pipeline: &Pipeline,
    catalog: &Catalog,
    card: &NodeCard,
    level: Option<&NodeId>,
    position: Position,
    joint: Option<&Joint>,
) -> (NodeId, Vec<Edit>) {
    let id = pipeline.unused_id(&card.kind);
    let node = Node { inside: level.cloned(), ..Node::new(id.clone(), card.kind.as_str()) };
    let mut edits = vec![Edit::AddNode { node, position: Some(position) }];
    match joint {
        Some(Joint::Output(from)) => {
            if let Some(input) = ports(card, true).first() {
                edits.push(Edit::AddWire {
                    wire: Wire::new(from.clone(), Endpoint::new(id.clone(), input.name.as_str())),
                });
            }
        }
        Some(Joint::Input(to)) => {
            if let Some(output) = ports(card, false).first() {
                let from = Endpoint::new(id.clone(), output.name.as_str());
                let replaced = wire_at_input(pipeline, catalog, to).map(|wire| Edit::RemoveWire { wire });
                edits.extend(replaced);
                edits.push(Edit::AddWire { wire: Wire::new(from, to.clone()) });
            }
        }
        None => {}
    }
    (id, edits)
}

fn ports(card: &NodeCard, inputs: bool) -> Vec<Port> {
    let (taken, given) = card.drawn_ports(&Params::new());
    if inputs { taken } else { given }
}

/// The wire at an input that takes only one.
pub fn wire_at_input(pipeline: &Pipeline, catalog: &Catalog, input: &Endpoint) -> Option<Wire> {
    let node = pipeline.node(&input.node)?;
    let (inputs, _) = catalog.ports_of(pipeline, node);
    let takes_one = inputs.iter().any(|port| port.name == input.port && !port.takes_many_wires);
    pipeline.wires_into(&input.node).into_iter().find(|wire| takes_one && wire.to.port == input.port)
}

/// The edits that remove nodes with their wires, and other wires.
pub fn removal<'a>(
    pipeline: &Pipeline,
    nodes: impl IntoIterator<Item = &'a NodeId>,
    wires: impl IntoIterator<Item = &'a Wire>,
) -> Vec<Edit> {
    let mut edits = pipeline.removal_of(nodes);
    for wire in wires {
        let removal = Edit::RemoveWire { wire: wire.clone() };
        if pipeline.has_wire(wire) && !edits.contains(&removal) {
            edits.insert(0, removal);
        }
    }
    edits
}

/// A pipeline while a list of edits for it is written, so that each can look at what those before it did.
pub struct Growing {
    pub pipeline: Pipeline,
    pub edits: Vec<Edit>,
}

impl Growing {
    pub fn new(pipeline: &Pipeline) -> Self {
        Self { pipeline: pipeline.clone(), edits: Vec::new() }
    }

    /// Takes the edit into the list; false when it cannot be made.
    pub fn make(&mut self, edit: Edit) -> bool {
        let is_made = self.pipeline.apply(std::slice::from_ref(&edit)).is_ok();
        if is_made {
            self.edits.push(edit);
        }
        is_made
    }
}

/// What pasting puts into a pipeline, and the edits that do it. What is nested in it is not named.
#[derive(Debug, Default)]
pub struct Pasted {
    /// In the order of the originals' ids.
    pub nodes: Vec<NodeId>,
    pub notes: BTreeSet<LayoutId>,
    pub edits: Vec<Edit>,
}

/// Where that of a fragment stands which is not nested in another part of it.
pub fn places_in(fragment: &Fragment) -> impl Iterator<Item = Position> {
    let ids: BTreeSet<&NodeId> = fragment.nodes.iter().map(|node| &node.id).collect();
    let is_outside = move |inside: &Option<NodeId>| inside.as_ref().is_none_or(|home| !ids.contains(home));
    let nodes = fragment.nodes.iter().map(|node| (&node.inside, fragment.positions.get(&node.id).copied()));
    let notes = fragment.notes.values().map(|note| (&note.inside, Some(note.position)));
    nodes.chain(notes).filter(move |(inside, _)| is_outside(inside)).filter_map(|(_, at)| at)
}

/// The top left corner of all that a fragment holds.
pub fn corner_of(fragment: &Fragment) -> Option<Position> {
    places_in(fragment).reduce(|a, b| Position { x: a.x.min(b.x), y: a.y.min(b.y) })
}

/// The edits that put a fragment into `level` under new ids. With `top_left` the fragment's corner comes to stand there;
/// else it stands a little off its old place.
pub fn paste(pipeline: &Pipeline, fragment: &Fragment, level: Option<&NodeId>, top_left: Option<Position>) -> Pasted {
    const OFFSET: i32 = 32;
    let (dx, dy) = match (top_left, corner_of(fragment)) {
        (Some(wanted), Some(corner)) => (wanted.x - corner.x, wanted.y - corner.y),
        _ => (OFFSET, OFFSET),
    };
    let shifted = |at: Position| Position { x: at.x.saturating_add(dx), y: at.y.saturating_add(dy) };
    let mut growing = Growing::new(pipeline);
    let mut ids: BTreeMap<&NodeId, NodeId> = BTreeMap::new();
    // What holds others comes before them, so that they can be told its new name.
    let originals: BTreeMap<&NodeId, &Node> = fragment.nodes.iter().map(|node| (&node.id, node)).collect();
    let home_of = |node: &&Node| originals.get(node.inside.as_ref()?).copied();
    let depth = |node: &Node| std::iter::successors(home_of(&node), home_of).take(originals.len()).count();
    let mut nodes: Vec<&Node> = fragment.nodes.iter().collect();
    nodes.sort_by_cached_key(|node| depth(node));
    for node in nodes {
        let id = growing.pipeline.unused_id(&node.kind);
        let home = node.inside.as_ref().and_then(|home| ids.get(home));
        let position = fragment.positions.get(&node.id).copied();
        let position = if home.is_some() { position } else { position.map(shifted) };
        let copy = Node { id: id.clone(), inside: home.or(level).cloned(), ..node.clone() };
        if growing.make(Edit::AddNode { node: copy, position }) {
            ids.insert(&node.id, id);
        }
    }
    // A port of a nested pipeline is called as the node behind it, which has a new name.
    let end = |end: &Endpoint| -> Option<Endpoint> {
        let boundary = end.port.parse().ok().and_then(|id: NodeId| originals.get(&id).copied());
        let boundary = boundary.filter(|node| node.inside.as_ref() == Some(&end.node));
        let port = boundary.and_then(|node| ids.get(&node.id)).map_or(end.port.as_str(), NodeId::as_str);
        Some(Endpoint::new(ids.get(&end.node)?.clone(), port))
    };
    for wire in &fragment.wires {
        if let (Some(from), Some(to)) = (end(&wire.from), end(&wire.to)) {
            growing.make(Edit::AddWire { wire: Wire::new(from, to) });
        }
    }
    for group in fragment.groups.values() {
        let nodes: BTreeSet<NodeId> = group.nodes.iter().filter_map(|id| ids.get(id).cloned()).collect();
        let id = LayoutId::unused("group", |id| growing.pipeline.groups().contains_key(id));
        if !nodes.is_empty() {
            growing.make(Edit::SetGroup { id, group: Some(Group { nodes, ..group.clone() }) });
        }
    }
    let mut notes = BTreeSet::new();
    for note in fragment.notes.values() {
        let id = LayoutId::unused("note", |id| growing.pipeline.notes().contains_key(id));
        let home = note.inside.as_ref().and_then(|home| ids.get(home));
        let position = if home.is_some() { note.position } else { shifted(note.position) };
        let is_outside = home.is_none();
        let note = Note { position, inside: home.or(level).cloned(), ..note.clone() };
        if growing.make(Edit::SetNote { id: id.clone(), note: Some(note) }) && is_outside {
            notes.insert(id);
        }
    }
    let is_outside = |id: &NodeId| originals.get(id).is_some_and(|node| home_of(node).is_none());
    let nodes = ids.iter().filter(|(id, _)| is_outside(id)).map(|(_, new)| new.clone()).collect();
    Pasted { nodes, notes, edits: growing.edits }
}

/// Reads a fragment from the clipboard's text; `None` when the text is something else.
pub fn fragment_from(text: &str) -> Option<Fragment> {
    let fragment: Fragment = serde_json::from_str(text).ok()?;
    (fragment.millrace_fragment == millrace_model::text::FORMAT).then_some(fragment)
}

/// `Add Filter` for one, `Delete 3 nodes` for many.
pub fn label_for(verb: &str, titles: &[String], noun: &str) -> String {
    match titles {
        [title] => format!("{verb} {title}"),
        _ => format!("{verb} {} {noun}", titles.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_model::{Form, PortCard, Section};

    fn card(kind: &str, has_input: bool, has_output: bool, many: bool) -> NodeCard {
        let input = if many { PortCard::rows("").many_wires() } else { PortCard::rows("") };
        NodeCard {
            kind: kind.to_owned(),
            section: Section::Process,
            title: kind.to_owned(),
            summary: String::new(),
            help: String::new(),
            icon: String::new(),
            form: Form::default(),
            inputs: if has_input { vec![input] } else { Vec::new() },
            outputs: if has_output { vec![PortCard::rows("")] } else { Vec::new() },
            headline: None,
            is_source: !has_input,
            has_view: false,
            nesting: None,
            can_bypass: false,
        }
    }

    fn catalog() -> Catalog {
        Catalog::new([
            card("ingest.file", false, true, false),
            card("process.filter", true, true, false),
            card("process.union", true, true, true),
            card("store.discard", true, false, false),
        ])
    }

    fn end(text: &str) -> Endpoint {
        text.parse().expect("an end")
    }

    fn pipeline() -> Pipeline {
        let text = r#"{"format": 1, "name": "T", "nodes": {
            "a": {"kind": "ingest.file"}, "b": {"kind": "process.filter"}, "c": {"kind": "process.filter"},
            "u": {"kind": "process.union"}},
            "wires": [{"from": "a.rows", "to": "b.rows"}, {"from": "b.rows", "to": "c.rows"},
                      {"from": "c.rows", "to": "u.rows"}]}"#;
        Pipeline::parse(text).expect("the text is a pipeline").0
    }

    #[test]
    fn a_node_added_at_a_taken_input_takes_the_place_of_the_old_wire() {
        let (mut pipeline, catalog) = (pipeline(), catalog());
        let card = catalog.card("ingest.file").expect("it is in the catalog");
        let joint = Joint::Input(end("c.rows"));
        assert!(fits(card, Some(&joint)) && !fits(card, Some(&Joint::Output(end("a.rows")))));
        let (id, edits) = add_node(&pipeline, &catalog, card, None, Position::default(), Some(&joint));
        pipeline.apply(&edits).expect("the edits fit the pipeline");
        let into = pipeline.wires_into(&end("c.rows").node);
        assert_eq!(into.len(), 1);
        assert_eq!(into[0].from.node, id);
    }

    #[test]
    fn what_is_pasted_keeps_its_wires_and_shape() {
        let mut pipeline = pipeline();
        let ids: Vec<NodeId> = ["b", "c"].map(|id| id.parse().expect("an id")).to_vec();
        let (_, group) = annotate::group(&pipeline, &ids.iter().cloned().collect());
        pipeline.apply(&group).expect("the nodes are there");
        let mut fragment = pipeline.fragment(&ids);
        fragment.positions = ids.iter().cloned().zip([Position { x: 10, y: 20 }, Position { x: 110, y: 50 }]).collect();
        let text = serde_json::to_string(&fragment).expect("a fragment is JSON");
        let read = fragment_from(&text).expect("it is a fragment");
        let Pasted { nodes: new, edits, .. } = paste(&pipeline, &read, None, Some(Position { x: 0, y: 0 }));
        pipeline.apply(&edits).expect("the edits fit the pipeline");
        let groups: Vec<_> = pipeline.groups().values().map(|group| group.nodes.len()).collect();
        assert_eq!(groups, [2, 2], "a group that was copied whole comes along");
        let places: Vec<_> = new.iter().map(|id| pipeline.position(id)).collect();
        assert_eq!(places, [Some(Position { x: 0, y: 0 }), Some(Position { x: 100, y: 30 })]);
        assert_eq!(pipeline.wires_out_of(&new[0])[0].to.node, new[1]);
        assert!(fragment_from("{}").is_none() && fragment_from("words").is_none());
    }

    #[test]
    fn removing_nodes_and_wires_together_removes_each_once() {
        let mut pipeline = pipeline();
        let wires = pipeline.wires();
        let node: NodeId = "b".parse().expect("an id");
        let edits = removal(&pipeline, [&node], &wires);
        pipeline.apply(&edits).expect("no wire is removed twice");
        assert!(pipeline.wires().is_empty());
        assert_eq!(pipeline.num_nodes(), 3);
    }
}
