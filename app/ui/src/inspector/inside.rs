//! What a nested pipeline holds: its nodes, each a jump to where it stands inside.

use egui::{RichText, Ui};
use millrace_model::Node;

use super::parts::{section_ui, weak};
use crate::command::{Command, NestWish};
use crate::context::ViewContext;
use crate::icon::icon;
use crate::theme::{size, space};

pub(super) fn inside_ui(ui: &mut Ui, ctx: &mut ViewContext<'_>, node: &Node) {
    let (theme, pipeline) = (ctx.theme, ctx.document.pipeline());
    let is_nested = ctx.catalog.nesting_of(node) == Some(millrace_model::Nesting::Pipeline);
    if !is_nested && pipeline.inside(&node.id).next().is_none() {
        return;
    }
    section_ui(ui, theme, "Inside");
    ui.horizontal(|ui| {
        if ui
            .button("Open")
            .on_hover_text("Shows what is inside on the canvas. Enter or a double-click does the same.")
            .clicked()
        {
            ctx.commands.push(Command::Open(Some(node.id.clone())));
        }
        let unnest = ui.add_enabled(is_nested, egui::Button::new("Unnest"));
        if unnest.on_hover_text("Puts what is inside side by side with the other nodes.").clicked() {
            ctx.commands.push(Command::Nest(NestWish::Unnest));
        }
    });
    let inner = pipeline.inside(&node.id).filter_map(|id| pipeline.node(id));
    let mut inner: Vec<&Node> = inner
        .filter(|node| ctx.catalog.nesting_of(node).is_none_or(|part| part == millrace_model::Nesting::Pipeline))
        .collect();
    inner.sort_by_key(|node| pipeline.position(&node.id).map(|at| (at.x, at.y)));
    if inner.is_empty() {
        ui.label(weak(theme, "Nothing is in it yet."));
    }
    for inner in inner {
        let card = ctx.catalog.card(&inner.kind);
        let color = card.map_or(theme.text_weak, |card| theme.section_color(card.section));
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = space::XS;
            let glyph = card.map_or("question", |card| card.icon.as_str());
            ui.label(RichText::new(icon(glyph)).font(theme.icon_font(size::ICON)).color(color));
            let title = ctx.catalog.title_of(inner);
            let link = ui.link(RichText::new(title).color(theme.text));
            link.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Link, true, format!("go to {title}")));
            if link.clicked() {
                ctx.commands.push(Command::JumpTo { node: inner.id.clone(), param: None });
            }
        });
    }
}
