//! What a nested pipeline shows of what is in it: the joined state, counters and faults of its nodes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use millrace_model::run::NodeMetrics;
use millrace_model::{NodeId, Severity};

use super::scene::{SceneNode, Shape};
use crate::context::ViewContext;
use crate::format;

/// More faults than these are only counted.
const MOST_FAULTS: usize = 4;

/// The nodes that work in this one, at any depth; none for a node that is no nested pipeline.
pub fn inside(node: &SceneNode) -> &[NodeId] {
    match &node.shape {
        Shape::Nested { inside } => inside,
        Shape::Card | Shape::Border => &[],
    }
}

/// The counters of the node, or those of the nodes inside together: over when all are.
pub fn metrics<'a>(cx: &ViewContext<'a>, node: &SceneNode) -> Option<Cow<'a, NodeMetrics>> {
    if node.shape == Shape::Card {
        return cx.live.node(&node.id).map(Cow::Borrowed);
    }
    let all = inside(node).iter().filter_map(|id| cx.live.node(id)).cloned();
    let joined = all.reduce(|a, b| NodeMetrics {
        is_source: a.is_source || b.is_source,
        rows_in: a.rows_in + b.rows_in,
        rows_out: a.rows_out + b.rows_out,
        rows_late: a.rows_late + b.rows_late,
        rows_rejected: a.rows_rejected + b.rows_rejected,
        rows_dropped: a.rows_dropped + b.rows_dropped,
        batches_in: a.batches_in + b.batches_in,
        busy_us: a.busy_us + b.busy_us,
        state_bytes: a.state_bytes + b.state_bytes,
        is_finished: a.is_finished && b.is_finished,
        status: None,
        progress: None,
        ..a
    });
    joined.map(Cow::Owned)
}

/// Rows per second, and in all, that come into the nested pipeline; of sources inside where it has no input.
pub fn traffic(cx: &ViewContext<'_>, node: &SceneNode) -> (f64, u64) {
    let wires = cx.pipeline().wires_into(&node.id);
    if !wires.is_empty() {
        let rate = wires.iter().filter_map(|wire| cx.live.wire_rate(wire)).map(|rate| rate.rows).sum();
        let rows = wires.iter().filter_map(|wire| cx.live.wire(wire)).map(|counted| counted.rows).sum();
        return (rate, rows);
    }
    let sources = || inside(node).iter().filter(|id| cx.live.node(id).is_some_and(|metrics| metrics.is_source));
    let rate = sources().map(|id| cx.live.node_rate(id).rows_out).sum();
    let rows = sources().filter_map(|id| cx.live.node(id)).map(|metrics| metrics.rows_out).sum();
    (rate, rows)
}

/// The failure of the run and the faults of the nodes inside, each with its node's title.
pub fn details(cx: &ViewContext<'_>, id: &NodeId) -> Vec<String> {
    let pipeline = cx.pipeline();
    let failed = cx.live.failed_node().filter(|node| pipeline.is_within(node, id));
    let mut lines: Vec<String> =
        failed.and_then(|node| cx.live.failure_at(node)).map(str::to_owned).into_iter().collect();
    let mut faults = cx.checked.diagnostics.iter().filter_map(|fault| {
        let node = fault.node.as_ref().filter(|node| pipeline.is_within(node, id))?;
        Some(format!("{}: {}", cx.title_of(node), fault.message))
    });
    lines.extend(faults.by_ref().take(MOST_FAULTS));
    let num_more = faults.count();
    if num_more > 0 {
        lines.push(format!("and {} more", format::counted(num_more as u64, "problem")));
    }
    lines
}

/// The worst fault of each node that has any; a nested pipeline has those of the nodes inside.
pub fn worst_faults<'a>(cx: &ViewContext<'a>) -> BTreeMap<&'a NodeId, Severity> {
    let mut worst = BTreeMap::new();
    let pipeline = cx.document.pipeline();
    for fault in &cx.checked.diagnostics {
        let Some(node) = &fault.node else { continue };
        for id in std::iter::once(node).chain(pipeline.around(node)) {
            let entry = worst.entry(id).or_insert(fault.severity);
            *entry = fault.severity.min(*entry);
        }
    }
    worst
}
