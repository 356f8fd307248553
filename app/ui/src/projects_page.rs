//! The page of projects: the person's own, and the templates that a new one may be begun from.

use egui::accesskit::Role;
use egui::{
    Align, Align2, CornerRadius, Label, Layout, Rect, RichText, ScrollArea, Sense, StrokeKind, TextEdit, Ui, UiBuilder,
    WidgetInfo, pos2, vec2,
};
use millrace_protocol::ProjectSummary;

use crate::actions::fuzzy;
use crate::command::Command;
use crate::format;
use crate::icon::icon;
use crate::session::Session;
use crate::template::Template;
use crate::theme::{Theme, radius, size, space};
use crate::top_bar::icon_button;

const WIDTH: f32 = 960.0;
const CARD_WIDTH: f32 = 280.0;
const PICTURE_HEIGHT: f32 = 116.0;
const CARD_HEIGHT: f32 = 236.0;

/// What the page keeps between frames.
#[derive(Debug, Default)]
pub(crate) struct ProjectsPage {
    search: String,
}

impl ProjectsPage {
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        theme: &Theme,
        session: &Session,
        can_go_back: bool,
        commands: &mut Vec<Command>,
    ) {
        ui.painter().rect_filled(ui.max_rect(), 0, theme.ground);
        let width = WIDTH.min(ui.available_width() - 2.0 * space::XL);
        let side = (ui.available_width() - width) / 2.0;
        let rect = ui.available_rect_before_wrap();
        let rect = Rect::from_min_size(rect.min + vec2(side, 48.0), vec2(width, rect.height() - 48.0));
        let mut ui = ui.new_child(UiBuilder::new().max_rect(rect));
        self.head_ui(&mut ui, theme, can_go_back, commands);
        ui.add_space(space::M);
        let is_found = |text: &str| fuzzy(text, &self.search).is_some();
        let projects: Vec<_> = session.projects.iter().filter(|project| is_found(&project.name)).collect();
        let templates: Vec<_> = session
            .templates
            .iter()
            .filter(|template| is_found(&format!("{} {}", template.name(), template.summary())))
            .collect();
        ScrollArea::vertical().auto_shrink(false).show(&mut ui, |ui| {
            if projects.is_empty() && templates.is_empty() && !self.search.is_empty() {
                nothing_found(ui, theme, &mut self.search);
                return;
            }
            if !projects.is_empty() || self.search.is_empty() {
                heading(ui, theme, "Your projects");
            }
            if session.projects.is_empty() {
                let text =
                    "There are no projects yet. Make a new one, import a pipeline file, or begin with a template.";
                ui.label(RichText::new(text).color(theme.text_weak));
            }
            for project in projects {
                project_row(ui, theme, project, commands);
            }
            if !templates.is_empty() {
                ui.add_space(space::L);
                heading(ui, theme, "Begin with a template");
                cards_ui(ui, theme, &templates, commands);
            }
            ui.add_space(space::XL);
        });
    }

    fn head_ui(&mut self, ui: &mut Ui, theme: &Theme, can_go_back: bool, commands: &mut Vec<Command>) {
        ui.horizontal(|ui| {
            ui.label(RichText::new("Millrace").font(theme.semibold(24.0)).color(theme.text_strong));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if can_go_back && icon_button(ui, theme, "x", "Back to the project", true).clicked() {
                    commands.push(Command::CloseProjects);
                }
                if ui.button(format!("{}  Import…", icon("download-simple"))).clicked() {
                    commands.push(Command::Import);
                }
                if ui.button(format!("{}  New project", icon("plus"))).clicked() {
                    commands.push(Command::NewProject);
                }
            });
        });
        ui.add_space(space::S);
        let hint = format!("{}  Search projects and templates…", icon("magnifying-glass"));
        let field = TextEdit::singleline(&mut self.search)
            .hint_text(RichText::new(hint).color(theme.text_weak))
            .margin(vec2(10.0, 7.0))
            .desired_width(f32::INFINITY);
        let response = ui.add(field);
        response.widget_info(|| WidgetInfo {
            label: Some("Search projects".to_owned()),
            ..WidgetInfo::text_edit(true, self.search.as_str(), self.search.as_str(), "Search projects and templates…")
        });
    }
}

fn nothing_found(ui: &mut Ui, theme: &Theme, search: &mut String) {
    ui.add_space(space::L);
    let text = format!("No project and no template is called “{search}”.");
    ui.label(RichText::new(text).color(theme.text_weak));
    ui.add_space(space::S);
    if ui.button("Show all").clicked() {
        search.clear();
    }
}

fn heading(ui: &mut Ui, theme: &Theme, text: &str) {
    ui.label(RichText::new(text).font(theme.semibold(size::BODY)).color(theme.text_weak));
    ui.add_space(space::XS);
}

fn project_row(ui: &mut Ui, theme: &Theme, project: &ProjectSummary, commands: &mut Vec<Command>) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 52.0), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("open {}", project.name)));
    card_ground(ui, theme, rect, response.hovered() || response.has_focus());
    let at = rect.left_center() + vec2(space::L, 0.0);
    ui.painter().text(
        at - vec2(0.0, 9.0),
        Align2::LEFT_CENTER,
        &project.name,
        theme.semibold(size::TITLE),
        theme.text_strong,
    );
    let facts = format!(
        "{} · changed {}",
        format::counted(project.num_nodes as u64, "node"),
        format::minute(project.changed_ms)
    );
    ui.painter().text(at + vec2(0.0, 10.0), Align2::LEFT_CENTER, facts, theme.small(), theme.text_weak);
    let corner = Rect::from_center_size(rect.right_center() - vec2(28.0, 0.0), vec2(space::ROW, space::ROW));
    let mut child = ui.new_child(UiBuilder::new().id_salt(("delete", project.id)).max_rect(corner));
    let trash = icon_button(&mut child, theme, "trash", &format!("delete {}", project.name), true);
    trash.clone().on_hover_text("Delete this project…");
    egui::Popup::menu(&trash).show(|ui| {
        ui.label(format!("Delete “{}” with all its revisions? This cannot be undone.", project.name));
        if ui.button(RichText::new("Delete").color(theme.error)).clicked() {
            commands.push(Command::DeleteProject(project.id));
            ui.close();
        }
    });
    if response.clicked() {
        commands.push(Command::OpenProject(project.id));
    }
}

fn cards_ui(ui: &mut Ui, theme: &Theme, templates: &[&Template], commands: &mut Vec<Command>) {
    let width = ui.available_width();
    let num_columns = ((width + space::L) / (CARD_WIDTH + space::L)).floor().max(1.0);
    let card_width = (width - space::L * (num_columns - 1.0)) / num_columns;
    for row in templates.chunks(num_columns as usize) {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = space::L;
            for template in row {
                card_ui(ui, theme, template, card_width, commands);
            }
        });
        ui.add_space(space::S);
    }
}

fn card_ui(ui: &mut Ui, theme: &Theme, template: &Template, width: f32, commands: &mut Vec<Command>) {
    let (rect, response) = ui.allocate_exact_size(vec2(width, CARD_HEIGHT), Sense::click());
    let label = format!("use {} as a template", template.name());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, label.as_str()));
    let is_hot = response.hovered() || response.has_focus();
    card_ground(ui, theme, rect, is_hot);
    let picture = Rect::from_min_size(rect.min, vec2(width, PICTURE_HEIGHT)).shrink(1.0);
    let corner = CornerRadius { nw: radius::CARD, ne: radius::CARD, sw: 0, se: 0 };
    ui.painter().rect_filled(picture, corner, theme.ground);
    template.thumbnail().paint(&ui.painter().with_clip_rect(picture), theme, picture.shrink(space::M));
    let text = Rect::from_min_max(pos2(rect.min.x, picture.max.y), rect.max).shrink2(vec2(space::L, space::M));
    let mut text = ui.new_child(UiBuilder::new().max_rect(text).layout(Layout::top_down(Align::Min)));
    text.spacing_mut().item_spacing.y = space::XS;
    let name = RichText::new(template.name()).font(theme.semibold(size::TITLE)).color(theme.text_strong);
    text.add(Label::new(name).truncate().selectable(false));
    let summary = RichText::new(template.summary()).font(theme.small()).color(theme.text_weak);
    text.add(Label::new(summary).wrap().selectable(false));
    let foot = pos2(rect.min.x + space::L, rect.max.y - space::L);
    let color = if is_hot { theme.accent } else { theme.text };
    ui.painter().text(foot, Align2::LEFT_CENTER, "Use as a template", theme.body(), color);
    let nodes = format::counted(template.num_nodes() as u64, "node");
    let end = pos2(rect.max.x - space::L, foot.y);
    ui.painter().text(end, Align2::RIGHT_CENTER, nodes, theme.small(), theme.text_weak);
    if response.clicked() {
        commands.push(Command::UseTemplate { name: template.name().to_owned() });
    }
}

fn card_ground(ui: &Ui, theme: &Theme, rect: Rect, is_hot: bool) {
    let (fill, line) = if is_hot { (theme.hovered, theme.line_strong) } else { (theme.panel, theme.line) };
    ui.painter().rect(rect, CornerRadius::same(radius::CARD), fill, egui::Stroke::new(1.0, line), StrokeKind::Inside);
}
