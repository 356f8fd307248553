//! Edits that put nodes into a nested pipeline, take them out again, and give it ports. Pure.
//!
//! A wire that crosses the new border gets a port, named after what it carries; wires from one output share theirs.

use std::collections::{BTreeMap, BTreeSet};

use millrace_model::card::Nesting;
use millrace_model::{Catalog, Edit, Endpoint, Node, NodeId, Note, Pipeline, Position, Wire};

use super::Growing;
use crate::selection::Selection;

/// How far ports stand from the nodes inside, in canvas points, and from each other.
const INPUT_GAP: i32 = 272;
const OUTPUT_GAP: i32 = 304;
const PORT_STEP: i32 = 56;
/// From the corner of a node to that of a port that is level with it, and to that of one below it.
const PORT_DROP: i32 = 18;
const PORT_BELOW: i32 = 120;

/// The port of a node to which wires lead that are drawn inside.
const ROWS: &str = "rows";

/// Where nodes come from or go to when they are nested or unnested.
pub struct Places<'a> {
    /// The nested pipeline that is open; `None` at the top.
    pub level: Option<&'a NodeId>,
    /// Where each node is seen.
    pub of: &'a dyn Fn(&NodeId) -> Option<Position>,
}

/// The edits that put the selected nodes and notes into a new nested pipeline, and its id.
///
/// # Errors
/// Why they cannot be nested, as a sentence for the person.
pub fn nest(
    pipeline: &Pipeline,
    catalog: &Catalog,
    selection: &Selection,
    places: &Places<'_>,
) -> Result<(NodeId, Vec<Edit>), String> {
    let kind = |nesting| catalog.kind_for(nesting).ok_or("This version of Millrace has no nested pipelines.");
    let (kind, input, output) = (kind(Nesting::Pipeline)?, kind(Nesting::Input)?, kind(Nesting::Output)?);
    let is_port = |id: &NodeId| pipeline.node(id).and_then(|node| catalog.nesting_of(node)).is_some_and(is_border);
    // The ports of the open pipeline are its border: they cannot go further in.
    let chosen: BTreeSet<NodeId> = selection.nodes.iter().filter(|id| !is_port(id)).cloned().collect();
    if chosen.is_empty() {
        return Err("Select nodes that are not ports; these go into a nested pipeline.".to_owned());
    }
    if let Some(between) = between(pipeline, &chosen) {
        let title = pipeline.node(&between).map_or(between.as_str(), |node| catalog.title_of(node));
        return Err(format!(
            "“{title}” gets rows from the selected nodes and feeds them too. Select it as well, or rows would flow in a circle."
        ));
    }

    let mut growing = Growing::new(pipeline);
    let id = pipeline.unused_id(kind);
    let node = Node { inside: places.level.cloned(), ..Node::new(id.clone(), kind) };
    let corners: BTreeMap<&NodeId, Position> =
        chosen.iter().map(|id| (id, (places.of)(id).unwrap_or_default())).collect();
    let middle = middle_of(corners.values().copied());
    growing.make(Edit::AddNode { node, position: Some(middle) });

    let crosses = |wire: &Wire| chosen.contains(&wire.from.node) != chosen.contains(&wire.to.node);
    let crossing: Vec<Wire> = pipeline.wires().into_iter().filter(crosses).collect();
    for wire in &crossing {
        growing.make(Edit::RemoveWire { wire: wire.clone() });
    }
    move_groups(&mut growing, &chosen, &id);
    for node in &chosen {
        growing.make(Edit::SetInside { id: node.clone(), inside: Some(id.clone()) });
    }
    for note in &selection.notes {
        put_note(&mut growing, note, |note| note.inside = Some(id.clone()));
    }

    let outermost = |of: fn(Position) -> i32, is_first: bool| {
        let all = corners.values().copied().map(of);
        if is_first { all.min() } else { all.max() }.unwrap_or_default()
    };
    let (left, right, bottom) = (outermost(|at| at.x, true), outermost(|at| at.x, false), outermost(|at| at.y, false));
    let mut lowest: BTreeMap<bool, i32> = BTreeMap::new();
    let mut origins: Vec<(bool, Endpoint, Vec<Wire>)> = by_origin(crossing, &corners, places)
        .into_iter()
        .map(|(from, wires)| {
            let is_input = !chosen.contains(&from.node);
            let edge = if is_input { left } else { right };
            let ends = wires.iter().filter_map(|wire| corners.get(inner_end(wire, is_input)));
            (ends.into_iter().all(|at| at.x != edge), from, wires)
        })
        .collect();
    // A wire to a node that others hide goes round below them.
    origins.sort_by_key(|(is_hidden, ..)| *is_hidden);
    for (is_hidden, from, wires) in origins {
        let is_input = !chosen.contains(&from.node);
        let y = wires.iter().filter_map(|wire| corners.get(inner_end(wire, is_input))).map(|at| at.y).min();
        let y = if is_hidden { bottom + PORT_BELOW } else { y.unwrap_or(middle.y) + PORT_DROP };
        let y = lowest.get(&is_input).map_or(y, |lowest| y.max(lowest + PORT_STEP));
        lowest.insert(is_input, y);
        let (kind, x) = if is_input { (input, left - INPUT_GAP) } else { (output, right + OUTPUT_GAP) };
        let port = port_named_after(&growing.pipeline, catalog, &from, kind, is_input, &id);
        let port_id = port.id.clone();
        growing.make(Edit::AddNode { node: port, position: Some(Position { x, y }) });
        let (inside, outside) = (Endpoint::new(port_id.clone(), ROWS), Endpoint::new(id.clone(), port_id.as_str()));
        let (near, far) = if is_input { (outside, inside) } else { (inside, outside) };
        growing.make(Edit::AddWire { wire: Wire::new(from, near) });
        for wire in wires {
            growing.make(Edit::AddWire { wire: Wire::new(far.clone(), wire.to) });
        }
    }
    Ok((id, growing.edits))
}

/// The edits that put what is in the selected nested pipelines side by side with the rest, and the nodes that come out.
pub fn unnest(
    pipeline: &Pipeline,
    catalog: &Catalog,
    selection: &BTreeSet<NodeId>,
    places: &Places<'_>,
) -> (BTreeSet<NodeId>, Vec<Edit>) {
    let mut growing = Growing::new(pipeline);
    let mut freed = BTreeSet::new();
    for id in selection.iter().filter(|id| is_nested(pipeline, catalog, id)) {
        freed.extend(take_out(&mut growing, catalog, id, places));
    }
    (freed, growing.edits)
}

/// Whether the node is a nested pipeline.
pub fn is_nested(pipeline: &Pipeline, catalog: &Catalog, id: &NodeId) -> bool {
    pipeline.node(id).and_then(|node| catalog.nesting_of(node)) == Some(Nesting::Pipeline)
}

/// Whether a node that plays this part is a port of the nested pipeline around it.
pub fn is_border(nesting: Nesting) -> bool {
    nesting != Nesting::Pipeline
}

fn take_out(growing: &mut Growing, catalog: &Catalog, id: &NodeId, places: &Places<'_>) -> BTreeSet<NodeId> {
    let before = growing.pipeline.clone();
    let Some(nested) = before.node(id) else { return BTreeSet::new() };
    let is_port = |inner: &NodeId| before.node(inner).and_then(|node| catalog.nesting_of(node)).is_some_and(is_border);
    let (ports, inner): (BTreeSet<NodeId>, BTreeSet<NodeId>) = before.inside(id).cloned().partition(is_port);

    // What each wire inside or at the border becomes without the border.
    let is_touched =
        |wire: &Wire| [&wire.from, &wire.to].iter().any(|end| ports.contains(&end.node) || end.node == *id);
    let touched: Vec<Wire> = before.wires().into_iter().filter(is_touched).collect();
    let straight = straightened(&before, id, &ports);
    for wire in touched {
        growing.make(Edit::RemoveWire { wire });
    }
    let home = before.home_of(id).cloned();
    let corners: Vec<Position> = inner.iter().filter_map(|inner| before.position(inner)).collect();
    let place = (places.of)(id).or_else(|| before.position(id));
    let shift = place.filter(|_| !corners.is_empty()).map(|place| {
        let middle = middle_of(corners.into_iter());
        (place.x - middle.x, place.y - middle.y)
    });
    let shifted = |at: Position| {
        let (dx, dy) = shift.unwrap_or_default();
        Position { x: at.x.saturating_add(dx), y: at.y.saturating_add(dy) }
    };
    for node in &inner {
        growing.make(Edit::SetInside { id: node.clone(), inside: home.clone() });
        if nested.disabled && before.node(node).is_some_and(|node| !node.disabled) {
            growing.make(Edit::SetDisabled { id: node.clone(), disabled: true });
        }
    }
    let positions = inner.iter().filter_map(|inner| Some((inner.clone(), Some(shifted(before.position(inner)?)))));
    let positions: BTreeMap<NodeId, Option<Position>> = positions.collect();
    if !positions.is_empty() && shift.is_some_and(|shift| shift != (0, 0)) {
        growing.make(Edit::Move { positions });
    }
    for (note, _) in before.notes_at(Some(id)) {
        put_note(growing, note, |note| {
            note.inside.clone_from(&home);
            note.position = shifted(note.position);
        });
    }
    for (group_id, group) in before.groups_of(id) {
        let nodes = group.nodes.union(&inner).filter(|node| *node != id).cloned().collect();
        growing.make(Edit::SetGroup { id: group_id.clone(), group: group.with_nodes(nodes) });
    }
    for edit in growing.pipeline.removal_of(ports.iter().chain([id])) {
        growing.make(edit);
    }
    for wire in straight {
        growing.make(Edit::AddWire { wire });
    }
    inner
}

/// The wires past the ports of one nested pipeline, each once.
fn straightened(pipeline: &Pipeline, id: &NodeId, ports: &BTreeSet<NodeId>) -> BTreeSet<Wire> {
    let origin = |end: &Endpoint| -> Option<Endpoint> {
        if end.node == *id {
            // An output: what reaches its port inside, which may be an input again.
            let inside = pipeline.wires_into(pipeline.boundary(end)?).into_iter().next()?.from;
            return if ports.contains(&inside.node) {
                fed_from_outside(pipeline, id, &inside.node)
            } else {
                Some(inside)
            };
        }
        if ports.contains(&end.node) { fed_from_outside(pipeline, id, &end.node) } else { Some(end.clone()) }
    };
    let ends_here = |wire: &Wire| wire.to.node != *id && !ports.contains(&wire.to.node);
    let begins_at_border = |wire: &Wire| wire.from.node == *id || ports.contains(&wire.from.node);
    let wires = pipeline.wires().into_iter().filter(|wire| ends_here(wire) && begins_at_border(wire));
    wires.filter_map(|wire| Some(Wire::new(origin(&wire.from)?, wire.to))).collect()
}

/// What is wired outside to an input port.
fn fed_from_outside(pipeline: &Pipeline, id: &NodeId, port: &NodeId) -> Option<Endpoint> {
    let wire = pipeline.wires_into(id).into_iter().find(|wire| wire.to.port == port.as_str())?;
    Some(wire.from).filter(|from| from.node != *id)
}

/// The edits that add a port to the nested pipeline that is open, and its id.
pub fn add_port(
    pipeline: &Pipeline,
    catalog: &Catalog,
    level: &NodeId,
    nesting: Nesting,
    position: Position,
) -> Option<(NodeId, Vec<Edit>)> {
    let kind = catalog.kind_for(nesting)?;
    let id = pipeline.unused_id(kind);
    let node = Node { inside: Some(level.clone()), ..Node::new(id.clone(), kind) };
    Some((id, vec![Edit::AddNode { node, position: Some(position) }]))
}

/// A node outside that lies on a way from one chosen node to another.
fn between(pipeline: &Pipeline, chosen: &BTreeSet<NodeId>) -> Option<NodeId> {
    let fed = chosen.iter().flat_map(|id| pipeline.wires_out_of(id)).map(|wire| wire.to.node);
    let mut open: Vec<NodeId> = fed.filter(|id| !chosen.contains(id)).collect();
    let mut behind: BTreeSet<NodeId> = open.iter().cloned().collect();
    while let Some(id) = open.pop() {
        for wire in pipeline.wires_out_of(&id) {
            if chosen.contains(&wire.to.node) {
                return Some(id);
            }
            if behind.insert(wire.to.node.clone()) {
                open.push(wire.to.node);
            }
        }
    }
    None
}

fn inner_end(wire: &Wire, is_input: bool) -> &NodeId {
    if is_input { &wire.to.node } else { &wire.from.node }
}

/// The crossing wires by the output where they begin: those that meet the nodes inside higher up first, then those that
/// meet the nodes outside higher up.
fn by_origin(
    crossing: Vec<Wire>,
    corners: &BTreeMap<&NodeId, Position>,
    places: &Places<'_>,
) -> Vec<(Endpoint, Vec<Wire>)> {
    let mut wires: BTreeMap<Endpoint, Vec<Wire>> = BTreeMap::new();
    for wire in crossing {
        wires.entry(wire.from.clone()).or_default().push(wire);
    }
    let height = |wires: &[Wire]| {
        let ends = || wires.iter().flat_map(|wire| [&wire.from.node, &wire.to.node]);
        let inside = ends().filter_map(|id| corners.get(id)).map(|at| at.y).min();
        let outside = ends().filter(|id| !corners.contains_key(id)).filter_map(|id| (places.of)(id)).map(|at| at.y);
        (inside, outside.min())
    };
    let mut all: Vec<(Endpoint, Vec<Wire>)> = wires.into_iter().collect();
    all.sort_by_key(|(_, wires)| height(wires));
    all
}

/// A port for what leaves `from`: its title is that node's, with the port where that says something.
fn port_named_after(
    pipeline: &Pipeline,
    catalog: &Catalog,
    from: &Endpoint,
    kind: &str,
    is_input: bool,
    home: &NodeId,
) -> Node {
    let title = pipeline.node(&from.node).map_or(from.node.as_str(), |node| catalog.title_of(node));
    // A port of another nested pipeline has a name of its own.
    let inner = pipeline.boundary(from).and_then(|id| pipeline.node(id));
    let (base, title) = match inner {
        Some(inner) => (inner.id.to_string(), catalog.title_of(inner).to_owned()),
        None if from.port == ROWS => (from.node.to_string(), title.to_owned()),
        None => (format!("{}_{}", from.node, from.port), format!("{title} {}", from.port)),
    };
    let id = pipeline.unused_id(&format!("{base}_{}", if is_input { "in" } else { "out" }));
    Node { inside: Some(home.clone()), title: Some(title), ..Node::new(id, kind) }
}

/// A group that is nested whole goes along; of any other the nested pipeline takes the place of its nodes.
fn move_groups(growing: &mut Growing, chosen: &BTreeSet<NodeId>, nested: &NodeId) {
    let groups = growing.pipeline.groups().clone();
    let torn =
        groups.into_iter().filter(|(_, group)| !group.nodes.is_disjoint(chosen) && !group.nodes.is_subset(chosen));
    for (id, group) in torn {
        let mut nodes: BTreeSet<NodeId> = group.nodes.difference(chosen).cloned().collect();
        nodes.insert(nested.clone());
        growing.make(Edit::SetGroup { id, group: group.with_nodes(nodes) });
    }
}

fn put_note(growing: &mut Growing, id: &millrace_model::LayoutId, change: impl FnOnce(&mut Note)) {
    if let Some(mut note) = growing.pipeline.notes().get(id).cloned() {
        change(&mut note);
        growing.make(Edit::SetNote { id: id.clone(), note: Some(note) });
    }
}

/// The middle of corners, on the raster of the canvas.
fn middle_of(corners: impl Iterator<Item = Position> + Clone) -> Position {
    let middle = |of: fn(Position) -> i32| {
        let (low, high) = (corners.clone().map(of).min(), corners.clone().map(of).max());
        let sum = i64::from(low.unwrap_or_default()) + i64::from(high.unwrap_or_default());
        i32::try_from((sum / 16) * 8).unwrap_or_default()
    };
    Position { x: middle(|at| at.x), y: middle(|at| at.y) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_model::{Form, NodeCard, PortCard, PortRole, Section};

    fn card(kind: &str, nesting: Option<Nesting>) -> NodeCard {
        NodeCard {
            kind: kind.to_owned(),
            section: Section::Process,
            title: kind.to_owned(),
            summary: String::new(),
            help: String::new(),
            icon: String::new(),
            form: Form::default(),
            inputs: if nesting == Some(Nesting::Pipeline) { Vec::new() } else { vec![PortCard::rows("").many_wires()] },
            outputs: if nesting == Some(Nesting::Pipeline) {
                Vec::new()
            } else {
                vec![PortCard::rows(""), PortCard::rejected()]
            },
            headline: None,
            is_source: false,
            has_view: false,
            nesting,
            can_bypass: false,
        }
    }

    fn catalog() -> Catalog {
        Catalog::new([
            card("process.filter", None),
            card("process.nested_pipeline", Some(Nesting::Pipeline)),
            card("process.nested_input", Some(Nesting::Input)),
            card("process.nested_output", Some(Nesting::Output)),
        ])
    }

    /// `a` feeds `b` and `c`, both feed `d`; `b`'s rejected rows go to `bad`.
    fn pipeline() -> Pipeline {
        let text = r#"{"format": 1, "name": "T", "nodes": {
            "a": {"kind": "process.filter"}, "b": {"kind": "process.filter", "title": "Bee"},
            "bad": {"kind": "process.filter"}, "c": {"kind": "process.filter"}, "d": {"kind": "process.filter"}},
            "wires": [{"from": "a.rows", "to": "b.rows"}, {"from": "a.rows", "to": "c.rows"},
                      {"from": "b.rejected", "to": "bad.rows"}, {"from": "b.rows", "to": "d.rows"},
                      {"from": "c.rows", "to": "d.rows"}],
            "layout": {"groups": {
                "pair": {"nodes": ["b", "c"], "tint": "red", "title": "P"},
                "torn": {"nodes": ["a", "b"], "tint": "red", "title": "T"}},
              "nodes": {"a": {"x": 0, "y": 0}, "b": {"x": 240, "y": 0}, "bad": {"x": 480, "y": -100},
                        "c": {"x": 240, "y": 160}, "d": {"x": 480, "y": 80}}}}"#;
        Pipeline::parse(text).expect("a pipeline").0
    }

    fn chosen(ids: &[&str]) -> Selection {
        Selection::nodes(ids.iter().map(|id| id.parse().expect("an id")))
    }

    fn nested(pipeline: &Pipeline, ids: &[&str]) -> Result<(NodeId, Vec<Edit>), String> {
        let of = |id: &NodeId| pipeline.position(id);
        nest(pipeline, &catalog(), &chosen(ids), &Places { level: None, of: &of })
    }

    fn wires(pipeline: &Pipeline) -> Vec<String> {
        pipeline.wires().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn wires_that_cross_get_ports_named_after_what_they_carry() {
        let mut pipeline = pipeline();
        let before = pipeline.clone();
        let (id, edits) = nested(&pipeline, &["b", "c"]).expect("they can be nested");
        pipeline.apply(&edits).expect("the edits fit");
        assert_eq!(
            wires(&pipeline),
            [
                "a.rows → nested_pipeline.a_in",
                "a_in.rows → b.rows",
                "a_in.rows → c.rows",
                "b.rejected → b_rejected_out.rows",
                "b.rows → b_out.rows",
                "c.rows → c_out.rows",
                "nested_pipeline.b_out → d.rows",
                "nested_pipeline.b_rejected_out → bad.rows",
                "nested_pipeline.c_out → d.rows",
            ]
        );
        let node = pipeline.node(&id).expect("it is there");
        let (inputs, outputs) = catalog().ports_of(&pipeline, node);
        let titles: Vec<(&str, PortRole)> = outputs.iter().map(|port| (port.title(), port.role)).collect();
        assert_eq!(inputs[0].title(), "process.filter");
        assert!(titles.contains(&("Bee rejected", PortRole::Rejected)) && titles.contains(&("Bee", PortRole::Rows)));
        let groups: Vec<Vec<&str>> =
            pipeline.groups().values().map(|group| group.nodes.iter().map(NodeId::as_str).collect()).collect();
        assert_eq!(groups, [vec!["b", "c"], vec!["a", "nested_pipeline"]]);
        assert_eq!(pipeline.flat(&catalog()).pipeline.num_nodes(), before.num_nodes() + 4);
    }

    #[test]
    fn unnesting_gives_the_pipeline_that_was_nested() {
        let mut pipeline = pipeline();
        let (wires_before, places): (_, Vec<_>) =
            (wires(&pipeline), pipeline.node_ids().map(|id| pipeline.position(id)).collect());
        let (outer, edits) = nested(&pipeline, &["b", "c"]).expect("they can be nested");
        pipeline.apply(&edits).expect("the edits fit");
        let of = |id: &NodeId| pipeline.position(id);
        let (freed, edits) = unnest(&pipeline, &catalog(), &BTreeSet::from([outer]), &Places { level: None, of: &of });
        assert_eq!(freed.iter().map(NodeId::as_str).collect::<Vec<_>>(), ["b", "c"]);
        pipeline.apply(&edits).expect("the edits fit");
        assert_eq!(wires(&pipeline), wires_before);
        assert_eq!(pipeline.node_ids().map(|id| pipeline.position(id)).collect::<Vec<_>>(), places);
        assert!(pipeline.nodes().all(|node| node.inside.is_none()));
    }

    #[test]
    fn what_was_nested_twice_is_taken_out_step_by_step() {
        let mut pipeline = pipeline();
        let wires_before = wires(&pipeline);
        let (inner, edits) = nested(&pipeline, &["b"]).expect("it can be nested");
        pipeline.apply(&edits).expect("the edits fit");
        let (outer, edits) = nested(&pipeline, &[inner.as_str(), "c"]).expect("they can be nested");
        pipeline.apply(&edits).expect("the edits fit");
        assert_eq!(pipeline.home_of(&inner), Some(&outer));
        for id in [outer, inner] {
            let of = |id: &NodeId| pipeline.position(id);
            let (_, edits) = unnest(&pipeline, &catalog(), &BTreeSet::from([id]), &Places { level: None, of: &of });
            pipeline.apply(&edits).expect("the edits fit");
        }
        assert_eq!(wires(&pipeline), wires_before);
    }

    #[test]
    fn nodes_with_another_between_them_are_refused_by_its_name() {
        let reason = nested(&pipeline(), &["a", "d"]).expect_err("b lies between");
        assert!(reason.contains("Bee") || reason.contains("process.filter"), "{reason}");
        assert!(nested(&pipeline(), &["a", "b", "c", "d"]).is_ok());
    }
}
