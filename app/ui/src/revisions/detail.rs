//! What is other now than in the chosen revision, line by line, and what can be done with that revision.

use egui::{RichText, Ui, WidgetInfo, vec2};
use millrace_model::{NodeChange, NodeId, Setting, SettingChange, Wire};
use millrace_protocol::Revision;
use serde_json::Value;

use super::page::{indented, plain_button};
use super::{Compared, title_of};
use crate::canvas::{ChangeMark, line};
use crate::command::{Command, RevisionWish};
use crate::context::ViewContext;
use crate::icon::icon;
use crate::inspector::weak;
use crate::theme::{size, space};

/// More lines than this are counted only.
const MOST: usize = 200;

pub(super) fn detail_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, revision: &Revision, compared: &Compared) {
    let theme = cx.theme;
    indented(ui, |ui| {
        ui.add_space(space::XS);
        ui.horizontal_wrapped(|ui| {
            let can = !compared.changes.is_empty();
            let hint = "Makes the pipeline what it was then, in one step that can be undone";
            if ui.add_enabled(can, egui::Button::new("Restore")).on_hover_text(hint).clicked() {
                cx.commands.push(Command::Revision(RevisionWish::Restore));
            }
            let word = if revision.name.is_empty() { "Name…" } else { "Rename…" };
            if ui.button(word).clicked() {
                let (revision, name) = (revision.id, revision.name.clone());
                cx.commands.push(Command::Revision(RevisionWish::AskName { revision, name }));
            }
            if ui.button("New project").on_hover_text("Copies it into a new project; this one stays as it is").clicked()
            {
                let title = title_of(revision);
                cx.commands.push(Command::Revision(RevisionWish::Copy { title }));
            }
        });
        ui.add_space(space::XS);
        if compared.changes.is_empty() {
            ui.label(weak(theme, "Now everything is as it was then."));
            return;
        }
        let heading = RichText::new("Since then").font(theme.semibold(size::BODY)).color(theme.text_strong);
        ui.label(heading).on_hover_text("What is other on the canvas now");
        ui.add(egui::Label::new(weak(theme, compared.changes.tally().to_string())).wrap());
        changes_ui(ui, cx, compared);
    });
}

fn changes_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, compared: &Compared) {
    let changes = &compared.changes;
    ui.spacing_mut().interact_size.y = 20.0;
    for (id, change) in changes.nodes.iter().take(MOST) {
        let mark = ChangeMark::of(change);
        if row_ui(ui, cx, mark, &title_then_or_now(cx, compared, id)) {
            cx.commands.push(Command::Revision(RevisionWish::GoTo(id.clone())));
        }
        if let NodeChange::Changed(settings) = change {
            for setting in settings {
                setting_ui(ui, cx, id, setting);
            }
        }
    }
    for id in changes.moved.iter().take(MOST) {
        if row_ui(ui, cx, ChangeMark::Moved, &cx.title_of(id)) {
            cx.commands.push(Command::Revision(RevisionWish::GoTo(id.clone())));
        }
    }
    let wires = |wires: &std::collections::BTreeSet<Wire>, mark| {
        wires.iter().take(MOST).cloned().map(move |wire| (wire, mark)).collect::<Vec<_>>()
    };
    let all = [wires(&changes.new_wires, ChangeMark::Added), wires(&changes.removed_wires, ChangeMark::Removed)];
    for (wire, mark) in all.into_iter().flatten() {
        let title = |id| title_then_or_now(cx, compared, id);
        let text = format!("{} → {}", title(&wire.from.node), title(&wire.to.node));
        if row_ui(ui, cx, mark, &text) {
            cx.commands.push(Command::Revision(RevisionWish::GoTo(wire.from.node.clone())));
        }
    }
    for other in changes.others.iter().take(MOST) {
        ui.add(egui::Label::new(RichText::new(other).font(cx.theme.small()).color(cx.theme.text)).wrap());
    }
}

/// The node's title; what it was called then where it is no more.
fn title_then_or_now(cx: &ViewContext<'_>, compared: &Compared, id: &NodeId) -> String {
    match (cx.pipeline().node(id), compared.pipeline.node(id)) {
        (None, Some(node)) => cx.catalog.title_of(node).to_owned(),
        _ => cx.title_of(id),
    }
}

/// A line that leads to its place on the canvas; whether it was pressed.
fn row_ui(ui: &mut Ui, cx: &ViewContext<'_>, mark: ChangeMark, title: &str) -> bool {
    let theme = cx.theme;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        ui.spacing_mut().button_padding = vec2(0.0, 0.0);
        let color = mark.color(theme);
        ui.label(RichText::new(icon(mark.icon())).font(theme.icon_font(size::BODY)).color(color));
        ui.label(RichText::new(mark.word()).font(theme.small()).color(color));
        let text = line(ui.painter(), title, theme.body(), theme.text, ui.available_width());
        let response = ui.add(plain_button(text));
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, format!("{} {title}", mark.word())));
        response.on_hover_text("Show it on the canvas").clicked()
    })
    .inner
}

fn setting_ui(ui: &mut Ui, cx: &ViewContext<'_>, id: &NodeId, change: &SettingChange) {
    let theme = cx.theme;
    ui.indent(("setting", id), |ui| {
        ui.label(weak(theme, name_of(cx, id, &change.setting)));
        for (sign, value, color) in [("−", &change.before, theme.error), ("+", &change.after, theme.ok)] {
            let text = words(value.as_ref());
            let shown = format!("{sign} {text}");
            let galley = line(ui.painter(), &shown, theme.mono(), color, ui.available_width());
            let word = if sign == "+" { "now" } else { "then" };
            let response = ui.add(egui::Label::new(galley));
            response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, format!("{word} {text}")));
            response.on_hover_text(text.as_str());
        }
    });
}

/// What the form calls the setting.
fn name_of(cx: &ViewContext<'_>, id: &NodeId, setting: &Setting) -> String {
    match setting {
        Setting::Kind => "Kind".to_owned(),
        Setting::Title => "Title".to_owned(),
        Setting::Disabled => "Disabled".to_owned(),
        Setting::Inside => "Nested in".to_owned(),
        Setting::Unknown(name) => name.clone(),
        Setting::Param(name) => {
            let card = cx.pipeline().node(id).and_then(|node| cx.catalog.card(&node.kind));
            let field = card.and_then(|card| card.form.fields.iter().find(|field| field.name == *name));
            field.map_or_else(|| name.clone(), |field| field.title.clone())
        }
    }
}

fn words(value: Option<&Value>) -> String {
    match value {
        None => "(not set)".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        Some(other) => other.to_string(),
    }
}
