//! The inspector: what is selected, to read and to change — a node's form, ports and help, a wire, or the pipeline.
//!
//! Forms are made from the catalog's cards alone. Widgets hold no values: they show the document and push edits; a text
//! that is no value yet is kept aside (see [`draft`]) until it becomes one.

mod bookmarks;
mod breakpoint;
mod draft;
mod field;
mod form;
mod header;
mod inside;
mod nested;
mod parts;
mod pipeline;
mod ports;
mod selected;
mod suggest;

use egui::{ScrollArea, Ui};

use crate::context::ViewContext;

pub use form::{Change, FormContext, form_ui};
pub(crate) use parts::{first_sentence, icon_button, is_left, section_ui, weak};

/// What the inspector remembers from frame to frame; nothing of it belongs to the pipeline.
#[derive(Debug, Default)]
pub struct Inspector {
    /// The person closed the help section.
    is_help_closed: bool,
    new_parameter: pipeline::NewParameter,
}

/// Draws the inspector of the present selection.
pub fn inspector_ui(ui: &mut Ui, state: &mut Inspector, ctx: &mut ViewContext<'_>) {
    let salt = ctx.selection.single_node().map_or("pipeline", |id| id.as_str()).to_owned();
    ScrollArea::vertical().id_salt(("inspector", salt)).auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = crate::theme::space::XS;
        let node = ctx.selection.single_node().and_then(|id| ctx.document.pipeline().node(id));
        if let Some(node) = node {
            node_ui(ui, state, ctx, node);
        } else if let Some(wire) = ctx.selection.single_wire() {
            selected::wire_ui(ui, ctx, wire);
        } else if !ctx.selection.is_empty() {
            selected::several_ui(ui, ctx);
        } else {
            pipeline::pipeline_ui(ui, &mut state.new_parameter, ctx);
        }
        ui.add_space(crate::theme::space::L);
    });
}

fn node_ui(ui: &mut Ui, state: &mut Inspector, ctx: &mut ViewContext<'_>, node: &millrace_model::Node) {
    header::header_ui(ui, &mut state.is_help_closed, ctx, node);
    let card = ctx.catalog.card(&node.kind);
    match card {
        Some(card) => {
            let edits = form::node_form_ui(ui, ctx, node, card);
            ctx.commands.extend(edits);
        }
        None => selected::placeholder_ui(ui, ctx, node),
    }
    inside::inside_ui(ui, ctx, node);
    ports::ports_ui(ui, ctx, node);
    if let Some(card) = card.filter(|card| !state.is_help_closed && !card.help.is_empty()) {
        header::help_ui(ui, ctx.theme, card);
    }
}
