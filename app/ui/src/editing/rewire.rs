//! Edits that keep rows flowing while nodes come, go or change: insert on a wire, replace, bridge, chain, unwire.

use std::collections::{BTreeMap, BTreeSet};

use millrace_model::{Catalog, Edit, Endpoint, Node, NodeCard, NodeId, Params, Pipeline, PortRole, Position, Wire};

use super::wiring::{KnownRows, wire};

/// Which wires of a node are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    Inputs,
    Outputs,
    Both,
}

/// The edits that lead a wire through a node: it is cut, and its two halves go to the first input and the first output
/// for rows.
///
/// # Errors
/// Why not, as a sentence for the person.
pub fn through(pipeline: &Pipeline, catalog: &Catalog, node: &Node, wire: &Wire) -> Result<Vec<Edit>, String> {
    let (inputs, outputs) = catalog.ports_of(pipeline, node);
    let input = inputs.first().ok_or("This node takes no rows.")?;
    let output =
        outputs.iter().find(|port| port.role == PortRole::Rows).ok_or("This node gives no rows to pass on.")?;
    let end = |port: &str| Endpoint::new(node.id.clone(), port);
    Ok(vec![
        Edit::RemoveWire { wire: wire.clone() },
        Edit::AddWire { wire: Wire::new(wire.from.clone(), end(&input.name)) },
        Edit::AddWire { wire: Wire::new(end(&output.name), wire.to.clone()) },
    ])
}

/// Whether a loose node may be dropped on a wire: it has no wires of its own, an input and an output.
pub fn can_go_through(pipeline: &Pipeline, catalog: &Catalog, id: &NodeId, wire: &Wire) -> bool {
    let is_loose = pipeline.wires_into(id).is_empty() && pipeline.wires_out_of(id).is_empty();
    let node = pipeline.node(id).filter(|_| is_loose && wire.from.node != *id && wire.to.node != *id);
    node.is_some_and(|node| through(pipeline, catalog, node, wire).is_ok())
}

/// The edits that put a node of another kind in the place of `id`. Title, place, groups and each wire whose port the
/// new kind has (or, for rows, its first port) are kept; params of the same name too.
pub fn replace(
    pipeline: &Pipeline,
    catalog: &Catalog,
    id: &NodeId,
    card: &NodeCard,
    position: Option<Position>,
) -> Option<(NodeId, Vec<Edit>)> {
    let old = pipeline.node(id)?;
    let new_id = pipeline.unused_id(&card.kind);
    let params: Params = old
        .params
        .iter()
        .filter(|(name, _)| card.form.fields.iter().any(|field| field.name == **name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let (inputs, outputs) = card.drawn_ports(&params);
    let node = Node {
        title: old.title.clone(),
        disabled: old.disabled,
        inside: old.inside.clone(),
        params,
        ..Node::new(new_id.clone(), &card.kind)
    };
    let mut edits = pipeline.removal_of([id]);
    edits.push(Edit::AddNode { node, position });
    let mut taken = BTreeSet::new();
    for wire in pipeline.wires_into(id) {
        let port = inputs.iter().find(|port| port.name == wire.to.port).or(inputs.first());
        if let Some(port) = port.filter(|port| port.takes_many_wires || taken.insert(port.name.clone())) {
            let to = Endpoint::new(new_id.clone(), port.name.as_str());
            edits.push(Edit::AddWire { wire: Wire::new(wire.from, to) });
        }
    }
    let (_, old_outputs) = catalog.ports_of(pipeline, old);
    for wire in pipeline.wires_out_of(id) {
        let role = old_outputs.iter().find(|port| port.name == wire.from.port).map_or(PortRole::Rows, |port| port.role);
        let port = outputs
            .iter()
            .find(|port| port.name == wire.from.port)
            .or_else(|| outputs.iter().find(|port| port.role == role));
        if let Some(port) = port {
            let from = Endpoint::new(new_id.clone(), port.name.as_str());
            edits.push(Edit::AddWire { wire: Wire::new(from, wire.to) });
        }
    }
    for (group_id, group) in pipeline.groups_of(id) {
        let mut group = group.clone();
        group.nodes.remove(id);
        group.nodes.insert(new_id.clone());
        edits.push(Edit::SetGroup { id: group_id.clone(), group: Some(group) });
    }
    Some((new_id, deduplicated(edits)))
}

/// The edits that remove nodes and lead what fed them to what they fed.
pub fn bridge(pipeline: &Pipeline, ids: &BTreeSet<NodeId>) -> Vec<Edit> {
    let mut edits = pipeline.removal_of(ids);
    // What an output of a removed node stands for: the outputs outside that reach it.
    let order = pipeline.topological_order().unwrap_or_default();
    let mut feeders: BTreeMap<&NodeId, BTreeSet<Endpoint>> = BTreeMap::new();
    for id in order.iter().filter(|id| ids.contains(*id)) {
        let into = pipeline.wires_into(id).into_iter().flat_map(|wire| match feeders.get(&wire.from.node) {
            Some(before) => before.clone(),
            None => BTreeSet::from([wire.from]),
        });
        let into = into.collect();
        feeders.insert(id, into);
    }
    let mut taken = BTreeSet::new();
    for (id, from) in &feeders {
        for wire in pipeline.wires_out_of(id).into_iter().filter(|wire| !ids.contains(&wire.to.node)) {
            // An input has one wire where it had one; a second feeder would need a node that joins them.
            if let [from] = from.iter().collect::<Vec<_>>()[..] {
                let wire = Wire::new(from.clone(), wire.to);
                if !pipeline.has_wire(&wire) && taken.insert(wire.clone()) {
                    edits.push(Edit::AddWire { wire });
                }
            }
        }
    }
    edits
}

/// The edits that wire nodes one after the other, first fitting port to first fitting port, where nothing is yet.
pub fn chain(pipeline: &Pipeline, catalog: &Catalog, ids: &[NodeId]) -> Vec<Edit> {
    let mut grown = pipeline.clone();
    let mut edits = Vec::new();
    for pair in ids.windows(2) {
        let (Some(from), Some(to)) = (grown.node(&pair[0]), grown.node(&pair[1])) else { continue };
        let (_, outputs) = catalog.ports_of(&grown, from);
        let (inputs, _) = catalog.ports_of(&grown, to);
        let (Some(output), Some(input)) = (outputs.first(), inputs.first()) else { continue };
        let from = Endpoint::new(from.id.clone(), output.name.as_str());
        let to = Endpoint::new(to.id.clone(), input.name.as_str());
        let Ok(step) = wire(&grown, catalog, KnownRows::default(), &from, &to) else { continue };
        if grown.apply(&step).is_ok() {
            edits.extend(step);
        }
    }
    edits
}

/// The edits that take wires off nodes.
pub fn unwire<'a>(pipeline: &Pipeline, ids: impl IntoIterator<Item = &'a NodeId>, ends: Ends) -> Vec<Edit> {
    let mut wires = BTreeSet::new();
    for id in ids {
        if ends != Ends::Outputs {
            wires.extend(pipeline.wires_into(id));
        }
        if ends != Ends::Inputs {
            wires.extend(pipeline.wires_out_of(id));
        }
    }
    wires.into_iter().map(|wire| Edit::RemoveWire { wire }).collect()
}

/// A wire is added once, though two old ports led to the same new one.
fn deduplicated(edits: Vec<Edit>) -> Vec<Edit> {
    let mut unique: Vec<Edit> = Vec::with_capacity(edits.len());
    for edit in edits {
        if !(matches!(edit, Edit::AddWire { .. }) && unique.contains(&edit)) {
            unique.push(edit);
        }
    }
    unique
}
