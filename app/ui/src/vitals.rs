//! How a node of a run is doing, in words: its watermark and what holds that back, latency, state.
//!
//! The inspector and what hovers over the canvas say the same.

use millrace_model::NodeId;

use crate::context::ViewContext;
use crate::format;

/// One thing that is told of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vital {
    pub name: &'static str,
    pub words: String,
    /// What it means.
    pub hint: String,
}

/// What there is to tell of a node now; nothing before a run.
pub fn vitals(cx: &ViewContext<'_>, id: &NodeId) -> Vec<Vital> {
    let Some(metrics) = cx.live.node(id) else { return Vec::new() };
    let watermark = metrics.watermark_us.map(|watermark_us| Vital {
        name: "Watermark",
        words: format::time_of_day(watermark_us),
        hint: format!("{}\nNo row before this moment is expected any more.", format::timestamp(watermark_us)),
    });
    let batch_us = cx.live.node_rate(id).batch_us;
    let latency = batch_us.map(|batch_us| Vital {
        name: "Latency",
        words: format!("{} a batch", format::span(batch_us.round() as i64)),
        hint: "The mean time that a batch spent in this node's own code in the last second.".to_owned(),
    });
    let state = (metrics.state_bytes > 0).then(|| Vital {
        name: "State",
        words: format::bytes(metrics.state_bytes),
        hint: "What the node holds between batches.".to_owned(),
    });
    watermark.into_iter().chain(held_back(cx, id)).chain(latency).chain(state).collect()
}

/// Which of several inputs holds the watermark back, how far it lies behind the one that is furthest ahead, and the
/// source where that begins.
fn held_back(cx: &ViewContext<'_>, id: &NodeId) -> Option<Vital> {
    let holder = cx.live.node(id)?.watermark_held_by.as_ref()?;
    let own = cx.live.node(holder).and_then(|holder| holder.watermark_us);
    let wires = cx.pipeline().wires_into(id);
    let ahead = wires.iter().filter_map(|wire| cx.live.node(&wire.from.node)?.watermark_us).max();
    let mut words = cx.title_of(holder);
    if let (Some(own), Some(ahead)) = (own, ahead)
        && ahead > own
    {
        words.push_str(&format!(" ({})", format::span(ahead - own)));
    }
    let origin = origin_of(cx, holder);
    if origin != *holder {
        words.push_str(&format!(", by {}", cx.title_of(&origin)));
    }
    let hint = "The input whose rows are furthest behind in event time; windows wait for it.".to_owned();
    Some(Vital { name: "Held back by", words, hint })
}

/// The node from which the watermark of `id` comes, as far as inputs are known to hold each other back.
fn origin_of(cx: &ViewContext<'_>, id: &NodeId) -> NodeId {
    let mut at = id.clone();
    // No way through a pipeline is longer than it has nodes.
    for _ in 0..cx.pipeline().num_nodes() {
        let held_by = cx.live.node(&at).and_then(|metrics| metrics.watermark_held_by.clone());
        let wires = cx.pipeline().wires_into(&at);
        let only = wires.first().filter(|first| wires.iter().all(|wire| wire.from.node == first.from.node));
        let Some(next) = held_by.or_else(|| only.map(|wire| wire.from.node.clone())) else { break };
        at = next;
    }
    at
}
