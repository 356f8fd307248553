//! What a node's state is, in a word, a sign and a colour, and what its foot line says.

use egui::Color32;
use millrace_model::{NodeId, Severity};

use super::nested;
use super::scene::{SceneNode, Shape};
use crate::context::ViewContext;
use crate::format;
use crate::theme::Theme;
use crate::vitals::vitals;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Disabled,
    Failed,
    Error,
    Warning,
    Ready,
    Waiting,
    Running,
    Finished,
    Stopped,
}

impl Status {
    /// The node's status, given the worst fault that it has.
    pub fn of(cx: &ViewContext<'_>, node: &SceneNode, fault: Option<Severity>) -> Self {
        if node.is_disabled {
            return Self::Disabled;
        }
        let has_failed = |id: &NodeId| cx.live.failure_at(id).is_some();
        if has_failed(&node.id) || nested::inside(node).iter().any(has_failed) {
            return Self::Failed;
        }
        if fault == Some(Severity::Error) {
            return Self::Error;
        }
        match (nested::metrics(cx, node), cx.live.is_running()) {
            _ if fault.is_some() => Self::Warning,
            (Some(metrics), _) if metrics.is_finished => Self::Finished,
            (Some(metrics), true) if metrics.rows_in + metrics.rows_out == 0 => Self::Waiting,
            (Some(_), true) => Self::Running,
            (Some(_), false) => Self::Stopped,
            (None, _) => Self::Ready,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Disabled => "Disabled",
            Self::Failed => "Failed",
            Self::Error => "Has an error",
            Self::Warning => "Has a warning",
            Self::Ready => "Ready",
            Self::Waiting => "Waiting for rows",
            Self::Running => "Running",
            Self::Finished => "Finished",
            Self::Stopped => "Stopped",
        }
    }

    /// The name of the sign; `None` for a plain dot.
    pub fn icon(self) -> Option<&'static str> {
        match self {
            Self::Disabled => Some("prohibit"),
            Self::Failed => Some("x-circle"),
            Self::Error => Some("warning-circle"),
            Self::Warning => Some("warning"),
            Self::Ready => Some("circle"),
            Self::Waiting => Some("hourglass"),
            Self::Running => None,
            Self::Finished => Some("check-circle"),
            Self::Stopped => Some("stop-circle"),
        }
    }

    pub fn color(self, theme: &Theme) -> Color32 {
        match self {
            Self::Failed | Self::Error => theme.error,
            Self::Warning => theme.warning,
            Self::Running | Self::Finished => theme.ok,
            Self::Disabled | Self::Ready | Self::Waiting | Self::Stopped => theme.text_weak,
        }
    }
}

/// What stands behind the status: faults, the failure, what the node says of itself.
pub fn details(cx: &ViewContext<'_>, id: &NodeId) -> Vec<String> {
    let mut lines: Vec<String> = cx.live.failure_at(id).map(str::to_owned).into_iter().collect();
    lines.extend(cx.diagnostics_of(id).map(|fault| fault.message.clone()));
    lines.extend(cx.live.node(id).and_then(|metrics| metrics.status.clone()));
    lines.extend(nested::details(cx, id));
    lines
}

/// What hovering over the node tells: what stands behind its status, and how it does in the run.
pub fn hover(cx: &ViewContext<'_>, id: &NodeId) -> Vec<String> {
    let vitals = vitals(cx, id).into_iter().map(|vital| format!("{}: {}", vital.name, vital.words));
    details(cx, id).into_iter().chain(vitals).collect()
}

/// The node in words, for those who do not see it: what it is, how it does, and what it is wired to.
pub fn sentence(cx: &ViewContext<'_>, node: &SceneNode, status: Status) -> String {
    let mut parts = kind_and_ports(node, Some(status));
    parts.extend(neighbours(cx, node));
    parts.push(footer(cx, node));
    let mut text = parts.join(", ");
    for line in details(cx, &node.id) {
        text.push_str(". ");
        text.push_str(line.trim_end_matches('.'));
    }
    text
}

/// As [`sentence`], without what changes while a run goes on.
pub fn outline(cx: &ViewContext<'_>, node: &SceneNode) -> String {
    let mut parts = kind_and_ports(node, None);
    parts.extend(neighbours(cx, node));
    parts.join(", ")
}

fn kind_and_ports(node: &SceneNode, status: Option<Status>) -> Vec<String> {
    let mut parts = vec![node.kind_title.clone()];
    parts.extend(node.section.map(|section| format!("{} node", section.title().to_lowercase())));
    parts.extend(status.map(|status| status.word().to_lowercase()));
    if matches!(node.shape, Shape::Nested { .. }) {
        parts.push(node.headline.to_lowercase());
    }
    for (list, word) in [(&node.inputs, "input"), (&node.outputs, "output")] {
        if !list.is_empty() {
            parts.push(format::counted(list.len() as u64, word));
        }
    }
    parts
}

fn neighbours(cx: &ViewContext<'_>, node: &SceneNode) -> Vec<String> {
    let pipeline = cx.pipeline();
    let named =
        |word: &str, titles: Vec<String>| (!titles.is_empty()).then(|| format!("{word} {}", titles.join(" and ")));
    let feeders = pipeline.wires_into(&node.id).iter().map(|wire| cx.title_of(&wire.from.node)).collect();
    let fed = pipeline.wires_out_of(&node.id).iter().map(|wire| cx.title_of(&wire.to.node)).collect();
    named("fed by", feeders).into_iter().chain(named("feeds", fed)).collect()
}

/// The foot line: rates while a run is on, totals after it, columns before the first.
pub fn footer(cx: &ViewContext<'_>, node: &SceneNode) -> String {
    let is_nested = matches!(node.shape, Shape::Nested { .. });
    if node.bypass.is_some() {
        return "Disabled, rows pass".to_owned();
    }
    if node.is_disabled {
        return "Disabled".to_owned();
    }
    let Some(metrics) = nested::metrics(cx, node) else {
        let columns = cx.ports_of(&node.id).and_then(|ports| {
            let port = ports.outputs.first().or(ports.inputs.first())?;
            port.columns.as_ref().map(Vec::len)
        });
        return match columns.filter(|_| !is_nested) {
            Some(num_columns) => format::counted(num_columns as u64, "column"),
            None => node.kind_title.clone(),
        };
    };
    let mut parts = Vec::new();
    let view = cx.live.views.get(&node.id).and_then(|view| view.spec.received());
    let rows = if node.is_source { metrics.rows_out } else { metrics.rows_in };
    match view {
        None if is_nested => {
            let (rate, rows) = nested::traffic(cx, node);
            let total = || format!("{} rows", format::short_count(rows));
            parts.push(if cx.live.is_running() { format::rate(rate) } else { total() });
        }
        Some((count, noun)) => parts.push(format!("{} {noun}s", format::short_count(count))),
        _ if cx.live.is_running() => {
            let rate = cx.live.node_rate(&node.id);
            parts.push(format::rate(if node.is_source { rate.rows_out } else { rate.rows_in }));
        }
        _ => parts.push(format!("{} rows", format::short_count(rows))),
    }
    if metrics.rows_late > 0 {
        parts.push(format!("{} late", format::short_count(metrics.rows_late)));
    }
    if metrics.rows_rejected > 0 {
        parts.push(format!("{} rejected", format::short_count(metrics.rows_rejected)));
    }
    parts.join(" · ")
}

/// The node that slows those before it: the queue before it is fullest, and those behind it are not full.
pub fn bottleneck(cx: &ViewContext<'_>) -> Option<NodeId> {
    const FULL: f32 = 0.8;
    if !cx.live.is_running() {
        return None;
    }
    let is_full = |wire: &millrace_model::Wire| cx.live.wire_rate(wire).is_some_and(|rate| rate.fill >= FULL);
    cx.live
        .rates
        .wires()
        .filter(|(wire, rate)| rate.fill >= FULL && !cx.pipeline().wires_out_of(&wire.to.node).iter().any(is_full))
        .max_by(|a, b| a.1.fill.total_cmp(&b.1.fill))
        .map(|(wire, _)| wire.to.node.clone())
}
