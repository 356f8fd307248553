//! The help of a node kind beside the canvas, where the inspector else is: read before the node is added.
//!
//! It is made from the card alone. The page stays until it is closed or something is selected.

use egui::accesskit::Role;
use egui::{Align, Layout, RichText, ScrollArea, Ui, WidgetInfo, vec2};
use millrace_model::{NodeCard, PortCard};

use crate::command::Command;
use crate::context::ViewContext;
use crate::icon::icon;
use crate::inspector::{first_sentence, icon_button, section_ui, weak};
use crate::markdown::markdown_ui;
use crate::template::Template;
use crate::theme::{Theme, size, space};

/// The open page.
#[derive(Debug)]
pub(crate) struct HelpPage {
    kind: String,
}

impl HelpPage {
    pub fn of(kind: String) -> Self {
        Self { kind }
    }

    pub fn ui(&self, ui: &mut Ui, cx: &mut ViewContext<'_>, templates: &[Template]) {
        let theme = cx.theme;
        let Some(card) = cx.catalog.card(&self.kind) else {
            ui.label(weak(theme, format!("This version of Millrace has no node {}.", self.kind)));
            if ui.button("Close").clicked() {
                cx.commands.push(Command::ShowHelp(None));
            }
            return;
        };
        head_ui(ui, cx, card);
        ui.add_space(space::S);
        ScrollArea::vertical().id_salt(("help", &self.kind)).auto_shrink(false).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = space::XS;
            samples_ui(ui, cx, templates.iter().filter(|template| template.uses(&card.kind)));
            if !card.help.is_empty() {
                ui.add_space(space::S);
                ui.push_id("page", |ui| markdown_ui(ui, theme, &card.help));
            }
            ports_ui(ui, theme, "Inputs", &card.inputs);
            ports_ui(ui, theme, "Outputs", &card.outputs);
            if !card.form.fields.is_empty() {
                section_ui(ui, theme, "Settings");
                for field in &card.form.fields {
                    let title =
                        if field.required { format!("{} (required)", field.title) } else { field.title.clone() };
                    term_ui(ui, theme, &title, &first_sentence(&field.help));
                }
            }
            ui.add_space(space::L);
        });
    }
}

fn head_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, card: &NodeCard) {
    let theme = cx.theme;
    let color = theme.section_color(card.section);
    ui.horizontal(|ui| {
        let (bar, _) = ui.allocate_exact_size(vec2(4.0, 22.0), egui::Sense::hover());
        ui.painter().rect_filled(bar, 2.0, color);
        ui.label(RichText::new(icon(&card.icon)).font(theme.icon_font(size::HEADING)).color(color));
        ui.label(RichText::new(&card.title).font(theme.semibold(size::HEADING)).color(theme.text_strong));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if icon_button(ui, theme, "x", "Close help").clicked() {
                cx.commands.push(Command::ShowHelp(None));
            }
        });
    });
    ui.label(weak(theme, format!("{} · {}", card.section.title(), card.kind)));
    ui.add_space(space::XS);
    if ui.button(format!("{}  Add to the canvas", icon("plus"))).clicked() {
        cx.commands.push(Command::AddNode { kind: card.kind.clone(), at: None, wire_from: None });
    }
}

fn samples_ui<'a>(ui: &mut Ui, cx: &mut ViewContext<'_>, templates: impl Iterator<Item = &'a Template>) {
    let mut templates = templates.peekable();
    if templates.peek().is_none() {
        return;
    }
    ui.label(weak(cx.theme, "Open a sample that uses it"));
    ui.horizontal_wrapped(|ui| {
        for template in templates {
            let button = ui.button(template.name()).on_hover_text(template.summary());
            let label = format!("open the sample {}", template.name());
            button.widget_info(|| WidgetInfo::labeled(Role::Button, true, label.as_str()));
            if button.clicked() {
                cx.commands.push(Command::UseTemplate { name: template.name().to_owned() });
            }
        }
    });
}

fn ports_ui(ui: &mut Ui, theme: &Theme, title: &str, ports: &[PortCard]) {
    if ports.is_empty() {
        return;
    }
    section_ui(ui, theme, title);
    for port in ports {
        term_ui(ui, theme, &port.name, &first_sentence(&port.help));
    }
}

/// A name with what it means under it.
fn term_ui(ui: &mut Ui, theme: &Theme, name: &str, meaning: &str) {
    ui.label(RichText::new(name).color(theme.text));
    if !meaning.is_empty() {
        ui.label(weak(theme, meaning));
    }
    ui.add_space(space::XS);
}
