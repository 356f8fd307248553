//! The head of a node in the inspector — section, icon, title, whether it takes part — and its help page at the foot.

use egui::text::{CCursor, CCursorRange};
use egui::{Align, Frame, Layout, Margin, RichText, TextEdit, Ui, pos2, vec2};
use millrace_model::{Edit, Node, NodeCard};

use super::parts::{icon_button, is_left, section_ui, weak};
use crate::command::{Command, edit};
use crate::context::ViewContext;
use crate::icon::icon;
use crate::markdown::markdown_ui;
use crate::theme::{Theme, radius, size, space};

pub(super) fn header_ui(ui: &mut Ui, is_help_closed: &mut bool, ctx: &mut ViewContext<'_>, node: &Node) {
    let theme = ctx.theme;
    let card = ctx.catalog.card(&node.kind);
    let color = card.map_or(theme.error, |card| theme.section_color(card.section));
    ui.horizontal(|ui| {
        let (bar, _) = ui.allocate_exact_size(vec2(4.0, 22.0), egui::Sense::hover());
        ui.painter().rect_filled(bar, 2.0, color);
        let glyph = card.map_or("question", |card| card.icon.as_str());
        ui.label(RichText::new(icon(glyph)).font(theme.icon_font(size::HEADING)).color(color));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if card.is_some_and(|card| !card.help.is_empty()) {
                let label = if *is_help_closed { "Show help" } else { "Hide help" };
                if icon_button(ui, theme, "question", label).clicked() {
                    *is_help_closed = !*is_help_closed;
                }
            }
            title_ui(ui, ctx, node);
        });
    });
    let what = match card {
        Some(card) if card.summary.is_empty() => card.title.clone(),
        Some(card) => format!("{}: {}", card.title, card.summary),
        None => format!("This version of Millrace has no node {}.", node.kind),
    };
    ui.label(weak(theme, what));
    ui.add_space(space::XS);
    let mut is_disabled = node.disabled;
    let can_bypass = card.is_some_and(|card| card.bypass(&node.params).is_some());
    let effect = match can_bypass {
        true => "A disabled node does not run: its rows pass by as they come.",
        false => "A disabled node passes nothing on, and what hangs on it alone does not run.",
    };
    let response = ui.checkbox(&mut is_disabled, "Disabled").on_hover_text(effect);
    if response.changed() {
        let verb = if is_disabled { "Disable" } else { "Enable" };
        let change = Edit::SetDisabled { id: node.id.clone(), disabled: is_disabled };
        let title = ctx.title_of(&node.id);
        edit(ctx.commands, format!("{verb} {title}"), vec![change]);
    }
    if let Some(failure) = ctx.live.failure_at(&node.id) {
        banner_ui(ui, theme, failure);
    }
}

fn title_ui(ui: &mut Ui, ctx: &mut ViewContext<'_>, node: &Node) {
    let theme = ctx.theme;
    let id = egui::Id::unique(("node_title", &node.id));
    let default = ctx.catalog.card(&node.kind).map_or(node.kind.as_str(), |card| card.title.as_str());
    let mut title = node.title.clone().unwrap_or_default();
    let is_wanted = ctx.focus_title == Some(&node.id);
    if is_wanted {
        let mut state = TextEdit::load_state(ui.ctx(), id).unwrap_or_default();
        state.cursor.set_char_range(Some(CCursorRange::two(CCursor::new(0), CCursor::new(title.chars().count()))));
        state.store(ui.ctx(), id);
    }
    let hint = RichText::new(default).font(theme.semibold(size::HEADING)).color(theme.text_strong);
    let response = ui.add(
        TextEdit::singleline(&mut title)
            .id(id)
            .font(theme.semibold(size::HEADING))
            .text_color(theme.text_strong)
            .hint_text(hint)
            .frame(Frame::new().inner_margin(Margin::symmetric(4, 2)))
            .desired_width(ui.available_width()),
    );
    if response.hovered() || response.has_focus() {
        let color = if response.has_focus() { theme.accent } else { theme.line_strong };
        let rect = response.rect;
        let y = rect.bottom();
        ui.painter().line_segment([pos2(rect.left(), y), pos2(rect.right(), y)], (1.0, color));
    }
    response.widget_info(|| {
        let mut info = egui::WidgetInfo::text_edit(true, "", title.as_str(), default);
        info.label = Some("Title".to_owned());
        info
    });
    if is_wanted {
        response.request_focus();
    }
    if response.changed() {
        let change = Edit::SetTitle { id: node.id.clone(), title: (!title.is_empty()).then(|| title.clone()) };
        ctx.commands.push(Command::Edit {
            label: format!("Rename {}", ctx.catalog.title_of(node)),
            edits: vec![change],
            merge: Some(format!("title:{}", node.id)),
        });
    }
    if is_left(&response) {
        ctx.commands.push(Command::EndBurst);
    }
}

/// A message that must not be missed, on its own ground.
pub(super) fn banner_ui(ui: &mut Ui, theme: &Theme, message: &str) {
    Frame::new().fill(theme.error_ground).corner_radius(radius::FIELD).inner_margin(Margin::same(8)).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(RichText::new(message).color(theme.error));
    });
}

/// The node's own documentation.
pub(super) fn help_ui(ui: &mut Ui, theme: &Theme, card: &NodeCard) {
    section_ui(ui, theme, "Help");
    ui.push_id(("help", &card.kind), |ui| markdown_ui(ui, theme, &card.help));
}
