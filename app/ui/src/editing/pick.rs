//! Which nodes, wires and notes a selection command means. Pure; selection never enters the history.

use std::collections::BTreeSet;

use egui::{Pos2, Rect, Vec2};
use millrace_model::{Catalog, Diagnostic, NodeId, Pipeline};

use crate::selection::Selection;

/// A way to choose what is selected next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    All,
    Invert,
    /// The selected nodes and everything that feeds them.
    Upstream,
    /// The selected nodes and everything that they feed.
    Downstream,
    /// Everything that hangs together with the selected nodes.
    Connected,
    /// The nodes right before the selected ones.
    Feeders,
    /// The nodes right behind the selected ones.
    Fed,
    SameKind,
    SameSection,
    SameGroup,
    Disabled,
    Faulty,
    Sources,
    Sinks,
    Views,
    Unwired,
    /// The wires at the selected nodes.
    Wires,
    AllWires,
    /// The two nodes of each selected wire.
    EndsOfWires,
    Notes,
    /// The nearest node in a direction.
    Toward(Way),
    /// The first node in the order of the wires, and so on; at the end it begins again.
    First,
    Last,
    Next,
    Previous,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Left,
    Right,
    Up,
    Down,
}

impl Way {
    pub fn vector(self) -> Vec2 {
        match self {
            Way::Left => Vec2::LEFT,
            Way::Right => Vec2::RIGHT,
            Way::Up => Vec2::UP,
            Way::Down => Vec2::DOWN,
        }
    }
}

/// What a selection command looks at.
pub struct Scope<'a> {
    pub pipeline: &'a Pipeline,
    pub catalog: &'a Catalog,
    pub selection: &'a Selection,
    pub diagnostics: &'a [Diagnostic],
    /// Where each node stands.
    pub rects: &'a [(NodeId, Rect)],
}

impl Pick {
    /// What is selected next.
    pub fn of(self, scope: &Scope<'_>) -> Selection {
        let Scope { pipeline, catalog, selection, diagnostics, rects } = scope;
        let chosen = &selection.nodes;
        let all = || pipeline.node_ids().cloned();
        let card = |id: &NodeId| pipeline.node(id).and_then(|node| catalog.card(&node.kind));
        let before = |id: &NodeId| pipeline.wires_into(id).into_iter().map(|wire| wire.from.node);
        let behind = |id: &NodeId| pipeline.wires_out_of(id).into_iter().map(|wire| wire.to.node);
        let by = |keep: &dyn Fn(&NodeId) -> bool| Selection::nodes(all().filter(|id| keep(id)));
        match self {
            Pick::All => Selection { notes: pipeline.notes().keys().cloned().collect(), ..by(&|_| true) },
            Pick::Invert => by(&|id| !chosen.contains(id)),
            Pick::Upstream => Selection::nodes(reached(chosen, &|id| before(id).collect())),
            Pick::Downstream => Selection::nodes(reached(chosen, &|id| behind(id).collect())),
            Pick::Connected => Selection::nodes(reached(chosen, &|id| before(id).chain(behind(id)).collect())),
            Pick::Feeders => Selection::nodes(chosen.iter().flat_map(before)),
            Pick::Fed => Selection::nodes(chosen.iter().flat_map(behind)),
            Pick::SameKind => {
                let kinds: BTreeSet<&str> =
                    chosen.iter().filter_map(|id| pipeline.node(id)).map(|node| node.kind.as_str()).collect();
                by(&|id| pipeline.node(id).is_some_and(|node| kinds.contains(node.kind.as_str())))
            }
            Pick::SameSection => {
                let sections: BTreeSet<_> = chosen.iter().filter_map(card).map(|card| card.section).collect();
                by(&|id| card(id).is_some_and(|card| sections.contains(&card.section)))
            }
            Pick::SameGroup => {
                let mates = |id: &NodeId| -> Vec<NodeId> {
                    pipeline.groups_of(id).flat_map(|(_, group)| group.nodes.clone()).collect()
                };
                let groups = chosen.iter().flat_map(|id| pipeline.groups_of(id)).map(|(id, _)| id.clone()).collect();
                Selection { groups, ..Selection::nodes(chosen.iter().flat_map(mates)) }
            }
            Pick::Disabled => by(&|id| pipeline.node(id).is_some_and(|node| node.disabled)),
            Pick::Faulty => by(&|id| {
                let mut faulty = diagnostics.iter().filter_map(|diagnostic| diagnostic.node.as_ref());
                faulty.any(|node| node == id || pipeline.is_within(node, id))
            }),
            Pick::Sources => by(&|id| card(id).is_some_and(|card| card.is_source)),
            Pick::Sinks => by(&|id| pipeline.wires_out_of(id).is_empty() && !pipeline.wires_into(id).is_empty()),
            Pick::Views => by(&|id| card(id).is_some_and(|card| card.has_view)),
            Pick::Unwired => by(&|id| pipeline.wires_out_of(id).is_empty() && pipeline.wires_into(id).is_empty()),
            Pick::Wires => {
                let wires =
                    chosen.iter().flat_map(|id| pipeline.wires_into(id).into_iter().chain(pipeline.wires_out_of(id)));
                Selection { wires: wires.collect(), ..Selection::default() }
            }
            Pick::AllWires => Selection { wires: pipeline.wires().into_iter().collect(), ..Selection::default() },
            Pick::EndsOfWires => {
                let ends = selection.wires.iter().flat_map(|wire| [wire.from.node.clone(), wire.to.node.clone()]);
                Selection::nodes(ends)
            }
            Pick::Notes => Selection { notes: pipeline.notes().keys().cloned().collect(), ..Selection::default() },
            Pick::Toward(way) => match toward(rects, chosen, way) {
                Some(id) => Selection::node(id.clone()),
                None => (*selection).clone(),
            },
            Pick::First | Pick::Last | Pick::Next | Pick::Previous => {
                let mut order = pipeline.topological_order().unwrap_or_else(|_| all().collect());
                let shown: BTreeSet<&NodeId> = rects.iter().map(|(id, _)| id).collect();
                order.retain(|id| shown.contains(id));
                let Some(last) = order.len().checked_sub(1) else { return Selection::default() };
                let here = order.iter().position(|id| chosen.contains(id));
                let index = match (self, here) {
                    (Pick::Last, _) | (Pick::Previous, None | Some(0)) => last,
                    (Pick::Next, Some(here)) if here < last => here + 1,
                    (Pick::Previous, Some(here)) => here - 1,
                    _ => 0,
                };
                Selection::node(order[index].clone())
            }
        }
    }
}

fn reached(start: &BTreeSet<NodeId>, next: &dyn Fn(&NodeId) -> Vec<NodeId>) -> BTreeSet<NodeId> {
    let mut reached = start.clone();
    let mut open: Vec<NodeId> = start.iter().cloned().collect();
    while let Some(id) = open.pop() {
        for id in next(&id) {
            if reached.insert(id.clone()) {
                open.push(id);
            }
        }
    }
    reached
}

/// The node whose middle is nearest in a direction, where a step aside counts twice; the outermost one on the other
/// side when nothing is selected.
fn toward<'a>(rects: &'a [(NodeId, Rect)], chosen: &BTreeSet<NodeId>, way: Way) -> Option<&'a NodeId> {
    let along = way.vector();
    let start: Option<Pos2> = rects.iter().find(|(id, _)| chosen.contains(id)).map(|(_, rect)| rect.center());
    let cost = |rect: &Rect| match start {
        Some(start) => {
            let step = rect.center() - start;
            let (ahead, aside) = (step.dot(along), step.dot(along.rot90()).abs());
            (ahead > 1.0).then_some(ahead + 2.0 * aside)
        }
        None => Some(rect.center().to_vec2().dot(along)),
    };
    let costs = rects.iter().filter(|(id, _)| !chosen.contains(id)).filter_map(|(id, rect)| Some((cost(rect)?, id)));
    costs.min_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, id)| id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{pos2, vec2};

    fn picked(wish: Pick, chosen: &[&str]) -> Vec<String> {
        let text = r#"{"format": 1, "name": "T", "nodes": {
            "a": {"kind": "ingest.file"}, "b": {"kind": "process.filter"}, "c": {"kind": "process.filter"},
            "d": {"kind": "store.file", "disabled": true}, "z": {"kind": "store.file"}},
            "wires": [{"from": "a.rows", "to": "b.rows"}, {"from": "a.rows", "to": "c.rows"},
                      {"from": "c.rows", "to": "d.rows"}]}"#;
        let (pipeline, _) = Pipeline::parse(text).expect("a pipeline");
        let places = [("a", 0.0, 0.0), ("b", 200.0, -100.0), ("c", 200.0, 60.0), ("d", 400.0, 0.0), ("z", 0.0, 300.0)];
        let rects: Vec<(NodeId, Rect)> = places
            .iter()
            .map(|(id, x, y)| (id.parse().expect("an id"), Rect::from_min_size(pos2(*x, *y), vec2(100.0, 50.0))))
            .collect();
        let selection = Selection::nodes(chosen.iter().map(|id| id.parse().expect("an id")));
        let catalog = Catalog::default();
        let scope =
            Scope { pipeline: &pipeline, catalog: &catalog, selection: &selection, diagnostics: &[], rects: &rects };
        wish.of(&scope).nodes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_wires_say_what_is_before_behind_and_connected() {
        assert_eq!(picked(Pick::Upstream, &["d"]), ["a", "c", "d"]);
        assert_eq!(picked(Pick::Downstream, &["c"]), ["c", "d"]);
        assert_eq!(picked(Pick::Connected, &["b"]), ["a", "b", "c", "d"]);
        assert_eq!(picked(Pick::Feeders, &["b", "d"]), ["a", "c"]);
        assert_eq!(picked(Pick::Unwired, &[]), ["z"]);
        assert_eq!(picked(Pick::Sinks, &[]), ["b", "d"]);
        assert_eq!(picked(Pick::SameKind, &["d"]), ["d", "z"]);
    }

    #[test]
    fn a_direction_leads_to_the_nearest_node_and_ends_at_the_edge() {
        assert_eq!(picked(Pick::Toward(Way::Right), &["a"]), ["c"]);
        assert_eq!(picked(Pick::Toward(Way::Down), &["a"]), ["z"]);
        assert_eq!(picked(Pick::Toward(Way::Left), &["a"]), ["a"], "nothing is further left");
        assert_eq!(picked(Pick::Toward(Way::Right), &[]), ["a"], "without a selection it begins at the left");
    }

    #[test]
    fn next_and_previous_walk_along_the_wires_and_come_round() {
        let first = picked(Pick::First, &[]);
        let mut here = first.clone();
        let mut seen = BTreeSet::new();
        for _ in 0..5 {
            seen.extend(here.clone());
            here = picked(Pick::Next, &[here[0].as_str()]);
        }
        assert_eq!((seen.len(), &here), (5, &first));
        assert_eq!(picked(Pick::Previous, &[first[0].as_str()]), picked(Pick::Last, &[]));
    }
}
