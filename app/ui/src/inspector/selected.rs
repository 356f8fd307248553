//! What the inspector says of a selection that is not one known node: a wire, several things, a node of an unknown kind.

use egui::{RichText, Ui};
use millrace_model::{Edit, Node, Wire};

use super::breakpoint::wire_breakpoint_ui;
use super::parts::{pair_ui, section_ui, weak};
use super::ports::columns_ui;
use crate::command::{Command, edit};
use crate::context::ViewContext;
use crate::format;
use crate::theme::{size, space};

pub(super) fn wire_ui(ui: &mut Ui, ctx: &mut ViewContext<'_>, wire: &Wire) {
    let theme = ctx.theme;
    ui.label(RichText::new("Wire").font(theme.semibold(size::HEADING)).color(theme.text_strong));
    pair_ui(ui, theme, "From", &format!("{} · {}", ctx.title_of(&wire.from.node), ctx.port_title(&wire.from)));
    pair_ui(ui, theme, "To", &format!("{} · {}", ctx.title_of(&wire.to.node), ctx.port_title(&wire.to)));
    if let Some(rate) = ctx.live.wire_rate(wire) {
        pair_ui(ui, theme, "Rate", &format::rate(rate.rows));
        pair_ui(ui, theme, "Queue", &format!("{} full", format::percent(rate.fill)));
    }
    if let Some(counted) = ctx.live.wire(wire) {
        pair_ui(ui, theme, "Rows", &format::count(counted.rows));
        pair_ui(ui, theme, "Batches", &format::count(counted.batches));
    }
    ui.add_space(space::S);
    ui.horizontal_wrapped(|ui| {
        let is_tapped = ctx.live.tapped.as_ref() == Some(wire);
        if ui.button(if is_tapped { "Stop watching" } else { "Watch rows" }).clicked() {
            ctx.commands.push(Command::Tap((!is_tapped).then(|| wire.clone())));
        }
        if ui.button("Remove wire").clicked() {
            edit(ctx.commands, "Remove wire", vec![Edit::RemoveWire { wire: wire.clone() }]);
        }
    });
    wire_breakpoint_ui(ui, ctx, wire);
    section_ui(ui, theme, "Columns");
    let ports = ctx.checked.nodes.get(&wire.from.node);
    let port = ports.and_then(|ports| ports.outputs.iter().find(|port| port.name == wire.from.port));
    match port.and_then(|port| Some((port.columns.as_ref()?, port.event_time.as_deref()))) {
        Some((columns, event_time)) => columns_ui(ui, ctx, columns, event_time),
        None => _ = ui.label(weak(theme, "Not known yet: they depend on a node that still has a problem.")),
    }
}

pub(super) fn several_ui(ui: &mut Ui, ctx: &mut ViewContext<'_>) {
    let theme = ctx.theme;
    let selection = ctx.selection;
    let nodes = selection.nodes.len();
    let counts = [(nodes, "node"), (selection.wires.len(), "wire"), (selection.notes.len(), "note")];
    let words: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format::counted(*count as u64, word))
        .collect();
    let title = words.join(", ");
    ui.label(RichText::new(format!("{title} selected")).font(theme.semibold(size::HEADING)).color(theme.text_strong));
    ui.add_space(space::S);
    let all_disabled = ctx.selection.nodes.iter().all(|id| ctx.pipeline().node(id).is_none_or(|node| node.disabled));
    let mut actions = vec![("Delete", Command::DeleteSelection)];
    if nodes > 0 {
        actions.insert(0, ("Duplicate", Command::Duplicate));
        actions.insert(1, ("Copy", Command::Copy));
        actions.insert(2, (if all_disabled { "Enable" } else { "Disable" }, Command::ToggleDisabled));
    }
    ui.horizontal_wrapped(|ui| {
        for (label, command) in actions {
            if ui.button(label).clicked() {
                ctx.commands.push(command);
            }
        }
    });
    ui.add_space(space::S);
    ui.label(weak(theme, "Drag to move them together. Select one node to see its settings."));
}

/// A node whose kind this build does not know: its params as they are written.
pub(super) fn placeholder_ui(ui: &mut Ui, ctx: &ViewContext<'_>, node: &Node) {
    let theme = ctx.theme;
    section_ui(ui, theme, "Settings");
    ui.label(weak(theme, "They are kept as they are, and cannot be changed here."));
    let text = serde_json::to_string_pretty(&node.params).unwrap_or_default();
    ui.label(RichText::new(text).font(theme.mono()).color(theme.text));
}
