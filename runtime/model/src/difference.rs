//! The edits that lead from one pipeline to another, and nothing more.
//!
//! What is equal is not touched. Fields that this build does not know keep their text with the node they belong to;
//! those of the file as a whole are no edit's business and stay as they are. Invariant: the edits are in an order in
//! which each can be made — what holds on to a node lets go before the node goes, and comes back after it has come.

use std::collections::{BTreeMap, BTreeSet};

use crate::dashboard::Dashboard;
use crate::edit::Edit;
use crate::id::{LayoutId, NodeId, Wire};
use crate::layout::Group;
use crate::pipeline::{Node, Pipeline};

/// The edits that make `from` into `to`; none where they are equal.
pub fn difference(from: &Pipeline, to: &Pipeline) -> Vec<Edit> {
    // A node whose kind or unknown fields differ is another node in the place of the first.
    let stays = |id: &NodeId| match (from.node(id), to.node(id)) {
        (Some(before), Some(after)) => before.kind == after.kind && before.extra == after.extra,
        _ => false,
    };
    let gone: BTreeSet<&NodeId> = from.node_ids().filter(|id| !stays(id)).collect();
    let is_loose = |wire: &Wire| gone.contains(&wire.from.node) || gone.contains(&wire.to.node);
    let (wires_before, wires_after) = (from.wires(), to.wires());
    let kept_wires: BTreeSet<&Wire> = wires_before.iter().filter(|wire| to.has_wire(wire) && !is_loose(wire)).collect();

    let mut edits = Vec::new();
    if from.name != to.name {
        edits.push(Edit::SetName { name: to.name.clone() });
    }
    let parameters = changed(&from.parameters, &to.parameters);
    edits.extend(parameters.map(|(name, parameter)| Edit::SetParameter { name, parameter }));
    let loose = wires_before.iter().filter(|wire| !kept_wires.contains(wire));
    edits.extend(loose.map(|wire| Edit::RemoveWire { wire: wire.clone() }));
    // What holds on to a node that goes lets go of it first.
    let (groups, dashboards) = (groups_without(from, to, &gone), dashboards_without(from, to, &gone));
    edits.extend(changed(&from.groups, &groups).map(set_group));
    edits.extend(changed(&from.dashboards, &dashboards).map(set_dashboard));
    // What changes its nesting comes out first, so that nothing is ever inside itself on the way.
    let staying = || to.nodes().filter_map(|node| Some((from.node(&node.id).filter(|_| stays(&node.id))?, node)));
    let moved = || staying().filter(|(before, after)| before.inside != after.inside).map(|(_, after)| after);
    let come_out = moved().filter(|node| from.node(&node.id).is_some_and(|before| before.inside.is_some()));
    edits.extend(come_out.map(|node| Edit::SetInside { id: node.id.clone(), inside: None }));
    edits.extend(gone.iter().map(|id| Edit::RemoveNode { id: (*id).clone() }));
    let mut places = BTreeMap::new();
    for node in to.nodes() {
        match from.node(&node.id).filter(|_| stays(&node.id)) {
            Some(before) => {
                edits.extend(settings(before, node));
                if from.position(&node.id) != to.position(&node.id) {
                    places.insert(node.id.clone(), to.position(&node.id));
                }
            }
            None => edits.push(Edit::AddNode { node: node.clone(), position: to.position(&node.id) }),
        }
    }
    let go_in = moved().filter(|node| node.inside.is_some());
    edits.extend(go_in.map(|node| Edit::SetInside { id: node.id.clone(), inside: node.inside.clone() }));
    if !places.is_empty() {
        edits.push(Edit::Move { positions: places });
    }
    let new_wires = wires_after.iter().filter(|wire| !kept_wires.contains(wire));
    edits.extend(new_wires.map(|wire| Edit::AddWire { wire: wire.clone() }));
    edits.extend(changed(&groups, &to.groups).map(set_group));
    edits.extend(changed(&from.notes, &to.notes).map(|(id, note)| Edit::SetNote { id, note }));
    edits.extend(changed(&from.bookmarks, &to.bookmarks).map(|(id, bookmark)| Edit::SetBookmark { id, bookmark }));
    edits.extend(changed(&dashboards, &to.dashboards).map(set_dashboard));
    edits
}

/// The items that are other in `to`, or not there.
pub(crate) fn changed<'a, K: Ord + Clone, V: PartialEq + Clone>(
    from: &'a BTreeMap<K, V>,
    to: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (K, Option<V>)> + 'a {
    let keys: BTreeSet<&K> = from.keys().chain(to.keys()).collect();
    let other = keys.into_iter().filter(|key| from.get(key) != to.get(key));
    other.map(|key| (key.clone(), to.get(key).cloned()))
}

fn set_group((id, group): (LayoutId, Option<Group>)) -> Edit {
    Edit::SetGroup { id, group }
}

fn set_dashboard((id, dashboard): (LayoutId, Option<Dashboard>)) -> Edit {
    Edit::SetDashboard { id, dashboard }
}

/// What is set otherwise in a node that stays.
fn settings(before: &Node, after: &Node) -> Vec<Edit> {
    let id = || after.id.clone();
    let mut edits = Vec::new();
    if before.title != after.title {
        edits.push(Edit::SetTitle { id: id(), title: after.title.clone() });
    }
    if before.disabled != after.disabled {
        edits.push(Edit::SetDisabled { id: id(), disabled: after.disabled });
    }
    let params = changed(&before.params, &after.params);
    edits.extend(params.map(|(name, value)| Edit::SetParam { id: id(), name, value }));
    edits
}

/// The groups of `from` that `to` has too, without the nodes that go.
fn groups_without(from: &Pipeline, to: &Pipeline, gone: &BTreeSet<&NodeId>) -> BTreeMap<LayoutId, Group> {
    let rest = |group: &Group| group.nodes.iter().filter(|node| !gone.contains(node)).cloned().collect();
    let stay = from.groups.iter().filter(|(id, _)| to.groups.contains_key(id));
    stay.filter_map(|(id, group)| Some((id.clone(), group.with_nodes(rest(group))?))).collect()
}

/// The dashboards of `from` that `to` has too, without the tiles of nodes that go.
fn dashboards_without(from: &Pipeline, to: &Pipeline, gone: &BTreeSet<&NodeId>) -> BTreeMap<LayoutId, Dashboard> {
    let stay = from.dashboards.iter().filter(|(id, _)| to.dashboards.contains_key(id));
    let mut stay: BTreeMap<LayoutId, Dashboard> = stay.map(|(id, page)| (id.clone(), page.clone())).collect();
    stay.values_mut().for_each(|page| page.tiles.retain(|node, _| !gone.contains(node)));
    stay
}
