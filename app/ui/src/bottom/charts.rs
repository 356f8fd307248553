//! The chart tab: the view of the selected node, or else every view of the pipeline side by side.

use egui::{Align, Frame, Layout, Margin, RichText, ScrollArea, Ui, UiBuilder, vec2};
use millrace_model::NodeId;
use millrace_model::view::ViewSpec;

use super::{chart_id, empty_ui};
use crate::chart::{self, Picture, Size, view_ui};
use crate::chart_file::{keep_seen, save_ui};
use crate::command::Command;
use crate::context::ViewContext;
use crate::dashboard;
use crate::format;
use crate::inspector::icon_button;
use crate::theme::{radius, size, space};

/// The smallest tile of the grid.
const TILE: egui::Vec2 = vec2(320.0, 190.0);
fn view_nodes(ctx: &ViewContext<'_>) -> Vec<NodeId> {
    dashboard::view_nodes(ctx.pipeline(), ctx.catalog)
}

/// The view node that is selected, if that is all that is selected.
fn selected(ctx: &ViewContext<'_>) -> Option<NodeId> {
    let id = ctx.selection.single_node()?;
    view_nodes(ctx).into_iter().find(|view| view == id)
}

fn one_of(ctx: &ViewContext<'_>) -> Option<NodeId> {
    let mut nodes = view_nodes(ctx);
    selected(ctx).or_else(|| if nodes.len() == 1 { nodes.pop() } else { None })
}

/// The nodes whose views this tab shows.
pub(super) fn wanted_views(ctx: &ViewContext<'_>) -> Vec<NodeId> {
    one_of(ctx).map_or_else(|| view_nodes(ctx), |id| vec![id])
}

pub(super) fn tools_ui(ui: &mut Ui, ctx: &mut ViewContext<'_>) {
    let theme = ctx.theme;
    let Some(id) = one_of(ctx) else { return };
    let Some(view) = ctx.live.views.get(&id) else { return };
    save_ui(ui, ctx.commands, &id);
    let (count, noun) = view.spec.received().unwrap_or((view.data.num_rows() as u64, "value"));
    let words = format::counted(count, noun);
    let hint = "Drag the chart to move, turn the wheel to zoom, double-click to fit";
    let is_plot = chart::has_parts(&view.spec) || matches!(view.spec, ViewSpec::Map(_));
    let response = ui.label(RichText::new(words).font(theme.small()).color(theme.text_weak));
    if is_plot {
        response.on_hover_text(hint);
    }
}

pub(super) fn charts_ui(ui: &mut Ui, ctx: &mut ViewContext<'_>) {
    let nodes = view_nodes(ctx);
    if nodes.is_empty() {
        let hint = "Add a node from the Visualize section and wire rows to it.";
        return empty_ui(ui, ctx.theme, "This pipeline has no charts", hint);
    }
    match one_of(ctx) {
        Some(id) => chart_ui(ui, ctx, &id),
        None => grid_ui(ui, ctx, &nodes),
    }
}

fn chart_ui(ui: &mut Ui, ctx: &mut ViewContext<'_>, id: &NodeId) {
    match ctx.live.views.get(id) {
        Some(view) => {
            let part = ctx.live.parts.get(id).map(|(_, part)| &part.data);
            let picture = Picture { spec: &view.spec, data: &view.data, part, page: None };
            let shown = Frame::new()
                .inner_margin(Margin::symmetric(12, 2))
                .show(ui, |ui| view_ui(ui, ctx.theme, chart_id(id), picture, Size::Panel));
            let seen = shown.inner;
            if seen.look != ctx.live.looks.get(id).copied() {
                ctx.commands.push(Command::LookAt { node: id.clone(), look: seen.look });
            }
            keep_seen(ui.ctx(), id, seen);
        }
        None => empty_ui(ui, ctx.theme, &format!("{} has nothing to show yet", ctx.title_of(id)), "Run the pipeline."),
    }
}

fn grid_ui(ui: &mut Ui, ctx: &mut ViewContext<'_>, nodes: &[NodeId]) {
    let theme = ctx.theme;
    let gap = space::S;
    let width = ui.available_width() - 2.0 * space::M;
    let num_columns = ((width / TILE.x).floor() as usize).clamp(1, nodes.len());
    let tile_width = (width - gap * (num_columns as f32 - 1.0)) / num_columns as f32;
    let tile_height = if nodes.len() <= num_columns { ui.available_height().max(TILE.y) - gap } else { TILE.y };
    ScrollArea::vertical().id_salt("charts").auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing = vec2(gap, gap);
        for row in nodes.chunks(num_columns) {
            ui.horizontal(|ui| {
                ui.add_space(space::M - gap);
                for id in row {
                    let (rect, _) = ui.allocate_exact_size(vec2(tile_width, tile_height), egui::Sense::hover());
                    if !ui.is_rect_visible(rect) {
                        continue;
                    }
                    ui.painter().rect(rect, radius::CARD, theme.ground, theme.line_stroke(), egui::StrokeKind::Inside);
                    let builder = UiBuilder::new().id_salt(id).max_rect(rect.shrink(8.0));
                    let mut tile = ui.new_child(builder.layout(Layout::top_down(Align::LEFT)));
                    tile_ui(&mut tile, ctx, id);
                }
            });
        }
    });
}

fn tile_ui(ui: &mut Ui, ctx: &mut ViewContext<'_>, id: &NodeId) {
    let theme = ctx.theme;
    ui.horizontal(|ui| {
        let title = ctx.title_of(id);
        ui.label(RichText::new(&title).font(theme.semibold(size::BODY)).color(theme.text_strong));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if icon_button(ui, theme, "arrow-square-out", &format!("Go to {title}")).clicked() {
                ctx.commands.push(Command::JumpTo { node: id.clone(), param: None });
            }
        });
    });
    chart_ui(ui, ctx, id);
}
