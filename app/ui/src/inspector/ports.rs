//! The ports of a node as they are now: columns, rates, and what waits at ports that nothing is wired to; the counters
//! of the run; the watermark and what holds it back.

use egui::{Align, Layout, RichText, Sense, Ui, vec2};
use millrace_model::{Node, NodeId, Port, PortRole, Wire};
use millrace_protocol::{Column, NodePorts, PortSchema};

use super::parts::{pair_ui, section_ui, weak};
use crate::command::Command;
use crate::context::ViewContext;
use crate::data_table::{RowOrder, data_table_ui};
use crate::format;
use crate::theme::{radius, size};
use crate::vitals::vitals;

pub(super) fn ports_ui(ui: &mut Ui, ctx: &mut ViewContext<'_>, node: &Node) {
    let (inputs, outputs) = ctx.catalog.ports_of(ctx.pipeline(), node);
    if inputs.is_empty() && outputs.is_empty() {
        return;
    }
    section_ui(ui, ctx.theme, "Ports");
    for port in &inputs {
        port_ui(ui, ctx, node, port, true);
    }
    for port in &outputs {
        port_ui(ui, ctx, node, port, false);
    }
    counters_ui(ui, ctx, &node.id);
}

/// What the last check knows of the port.
fn schema_of<'a>(ports: Option<&'a NodePorts>, port: &Port, is_input: bool) -> Option<&'a PortSchema> {
    let side = if is_input { &ports?.inputs } else { &ports?.outputs };
    side.iter().find(|schema| schema.name == port.name)
}

fn port_ui(ui: &mut Ui, ctx: &mut ViewContext<'_>, node: &Node, port: &Port, is_input: bool) {
    let theme = ctx.theme;
    let schema = schema_of(ctx.checked.nodes.get(&node.id), port, is_input);
    let columns = schema.and_then(|schema| schema.columns.as_deref());
    let section = ctx.catalog.card(&node.kind).map(|card| theme.section_color(card.section));
    let traffic = traffic(ctx, &node.id, port, is_input);
    let mut wants_rows = false;
    let row = ui.horizontal(|ui| {
        let (dot, _) = ui.allocate_exact_size(vec2(14.0, 20.0), Sense::hover());
        ui.painter().circle_stroke(dot.center(), 4.0, (2.0, section.unwrap_or(theme.text_weak)));
        let name = if is_input && port.name == "rows" { "rows in" } else { port.title() };
        ui.label(RichText::new(name).color(theme.text));
        let words = match columns {
            Some(columns) => format::counted(columns.len() as u64, "column"),
            None => "columns not known yet".to_owned(),
        };
        ui.label(weak(theme, words));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(RichText::new(&traffic.words).font(theme.mono()).color(theme.text_weak));
            if traffic.can_look {
                let name = format!("Look at {} rows", port.title());
                let button = ui.small_button("Look");
                button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
                wants_rows = button.on_hover_text(name).clicked();
            }
        });
    });
    row.response.on_hover_ui(|ui| {
        ui.label(&port.help);
        if let Some(columns) = columns {
            columns_ui(ui, ctx, columns, schema.and_then(|schema| schema.event_time.as_deref()));
        }
    });
    if wants_rows {
        ctx.commands.push(Command::RecentRows { node: node.id.clone(), port: port.name.clone() });
    }
    if let Some(rows) = ctx.live.recent.get(&(node.id.clone(), port.name.clone())).filter(|_| !is_input) {
        ui.label(weak(theme, format!("newest {}", format::counted(rows.num_rows() as u64, "row"))));
        ui.allocate_ui(vec2(ui.available_width(), 180.0), |ui| {
            ui.set_height(180.0);
            data_table_ui(ui, theme, ("recent", &node.id, &port.name), rows, RowOrder::NewestFirst);
        });
    }
}

/// Names and types of columns, one a line.
pub(super) fn columns_ui(ui: &mut Ui, ctx: &ViewContext<'_>, columns: &[Column], event_time: Option<&str>) {
    let grid = egui::Grid::new("columns").num_columns(2).min_row_height(18.0);
    grid.spacing(vec2(16.0, 2.0)).show(ui, |ui| {
        for column in columns {
            ui.label(RichText::new(&column.name).font(ctx.theme.mono()).color(ctx.theme.text));
            let is_time = event_time == Some(column.name.as_str());
            let word = if is_time { format!("{}, event time", column.data_type) } else { column.data_type.clone() };
            ui.label(weak(ctx.theme, word));
            ui.end_row();
        }
    });
}

struct Traffic {
    words: String,
    /// Rows left by this port, and nothing is wired to take them.
    can_look: bool,
}

fn traffic(ctx: &ViewContext<'_>, node: &NodeId, port: &Port, is_input: bool) -> Traffic {
    let metrics = ctx.live.node(node);
    let wires = if is_input { ctx.pipeline().wires_into(node) } else { ctx.pipeline().wires_out_of(node) };
    let is_here = |wire: &&Wire| if is_input { wire.to.port == port.name } else { wire.from.port == port.name };
    let here: Vec<&Wire> = wires.iter().filter(is_here).collect();
    let rates: Vec<f64> = here.iter().filter_map(|wire| ctx.live.wire_rate(wire)).map(|rate| rate.rows).collect();
    // Nothing moves any more: what moved in all is what there is to tell.
    if ctx.live.state().is_some_and(|state| state.is_over()) && !here.is_empty() {
        let rows = here.iter().filter_map(|wire| ctx.live.wire(wire)).map(|wire| wire.rows);
        let rows = if is_input { rows.sum() } else { rows.max().unwrap_or(0) };
        return Traffic { words: total(rows).words, can_look: false };
    }
    // A nested pipeline and its ports have no counters of their own, but their wires have rates.
    if !rates.is_empty() || (metrics.is_some() && !here.is_empty()) {
        // Every wire at an output carries the same rows; the wires at an input add up.
        let rate = if is_input { rates.iter().sum() } else { rates.into_iter().fold(0.0, f64::max) };
        return Traffic { words: format::rate(rate), can_look: false };
    }
    let Some(metrics) = metrics else { return Traffic { words: String::new(), can_look: false } };
    match (is_input, port.role) {
        (true, _) => Traffic { words: "not wired".to_owned(), can_look: false },
        (false, PortRole::Rows) => Traffic { words: format::rate(ctx.live.node_rate(node).rows_out), can_look: false },
        (false, PortRole::Late) => total(metrics.rows_late),
        (false, PortRole::Rejected) => total(metrics.rows_rejected),
    }
}

fn total(num_rows: u64) -> Traffic {
    Traffic { words: format!("{} total", format::count(num_rows)), can_look: num_rows > 0 }
}

fn counters_ui(ui: &mut Ui, ctx: &ViewContext<'_>, id: &NodeId) {
    let Some(node) = ctx.live.node(id) else { return };
    let theme = ctx.theme;
    if let Some(status) = &node.status {
        pair_ui(ui, theme, "Status", status);
    }
    for vital in vitals(ctx, id) {
        pair_ui(ui, theme, vital.name, &vital.words).on_hover_text(vital.hint);
    }
    let counters = [
        ("Rows in", node.rows_in),
        ("Rows out", node.rows_out),
        ("Late", node.rows_late),
        ("Rejected", node.rows_rejected),
        ("Left out", node.rows_dropped),
    ];
    egui::Frame::new().fill(theme.raised).corner_radius(radius::FIELD).inner_margin(6.0).show(ui, |ui| {
        for (name, number) in counters.into_iter().filter(|(_, number)| *number > 0) {
            pair_ui(ui, theme, name, &format::count(number));
        }
        pair_ui(ui, theme, "Busy", &format::span(i64::try_from(node.busy_us).unwrap_or(i64::MAX)))
            .on_hover_text("Time spent in this node's own code.");
        if node.is_finished {
            ui.label(RichText::new("Finished").font(egui::FontId::proportional(size::SMALL)).color(theme.ok));
        }
    });
}
