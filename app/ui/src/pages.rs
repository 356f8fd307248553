//! What stands in place of the workspace, or over it: the list of projects, waiting, lost connections, messages.

use egui::accesskit::Role;
use egui::{
    Align, Align2, Area, CornerRadius, Frame, Layout, Margin, Order, RichText, ScrollArea, Sense, Stroke, Ui,
    WidgetInfo, vec2,
};
use millrace_protocol::ProjectSummary;

use crate::command::Command;
use crate::format;
use crate::icon::icon;
use crate::session::Notices;
use crate::theme::{Theme, radius, size, space};
use crate::top_bar::icon_button;

/// One message in the middle, with what to do.
pub fn message_page(ui: &mut Ui, theme: &Theme, sign: &str, title: &str, text: &str) {
    ui.painter().rect_filled(ui.max_rect(), 0, theme.ground);
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() * 0.35);
        ui.label(RichText::new(icon(sign)).font(theme.icon_font(40.0)).color(theme.text_weak));
        ui.add_space(space::S);
        ui.heading(title);
        ui.label(RichText::new(text).color(theme.text_weak));
    });
}

/// The list of projects, to open, make, import or delete one.
pub fn projects_page(
    ui: &mut Ui,
    theme: &Theme,
    projects: &[ProjectSummary],
    can_go_back: bool,
    commands: &mut Vec<Command>,
) {
    ui.painter().rect_filled(ui.max_rect(), 0, theme.ground);
    let width = 640.0_f32.min(ui.available_width() - 2.0 * space::XL);
    let side = (ui.available_width() - width) / 2.0;
    let rect = ui.available_rect_before_wrap();
    let rect = egui::Rect::from_min_size(rect.min + vec2(side, 64.0), vec2(width, rect.height() - 80.0));
    let mut ui = ui.new_child(egui::UiBuilder::new().max_rect(rect));
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
    ui.add_space(space::L);
    if projects.is_empty() {
        ui.label(
            RichText::new("There are no projects yet. Make a new one, or import a pipeline file.")
                .color(theme.text_weak),
        );
        return;
    }
    ScrollArea::vertical().auto_shrink(false).show(&mut ui, |ui| {
        for project in projects {
            project_row(ui, theme, project, commands);
        }
    });
}

fn project_row(ui: &mut Ui, theme: &Theme, project: &ProjectSummary, commands: &mut Vec<Command>) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 56.0), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("open {}", project.name)));
    let is_hot = response.hovered() || response.has_focus();
    let fill = if is_hot { theme.hovered } else { theme.panel };
    let corner = CornerRadius::same(radius::CARD);
    ui.painter().rect(rect, corner, fill, theme.line_stroke(), egui::StrokeKind::Inside);
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
        format::timestamp(project.changed_ms.saturating_mul(1_000))
    );
    ui.painter().text(at + vec2(0.0, 10.0), Align2::LEFT_CENTER, facts, theme.small(), theme.text_weak);
    let corner = egui::Rect::from_center_size(rect.right_center() - vec2(28.0, 0.0), vec2(32.0, 32.0));
    let mut child = ui.new_child(egui::UiBuilder::new().id_salt(("delete", project.id)).max_rect(corner));
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

/// A strip across the top of the workspace that stays until what it tells of is over.
pub fn banner(ui: &mut Ui, theme: &Theme, text: &str, add_buttons: impl FnOnce(&mut Ui)) {
    Frame::new().fill(theme.warning_ground).inner_margin(Margin::symmetric(16, 6)).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.label(RichText::new(icon("warning")).font(theme.icon_font(size::ICON)).color(theme.warning));
            ui.label(RichText::new(text).color(theme.text));
            add_buttons(ui);
            ui.allocate_space(vec2(ui.available_width(), 0.0));
        });
    });
}

/// The passing messages, above everything, at the bottom.
pub fn notices_ui(ctx: &egui::Context, theme: &Theme, notices: &mut Notices) {
    let mut dismissed = None;
    Area::new(egui::Id::unique("notices"))
        .order(Order::Foreground)
        .anchor(Align2::CENTER_BOTTOM, vec2(0.0, -24.0))
        .show(ctx, |ui| {
            for notice in notices.iter() {
                let (sign, color) =
                    if notice.is_error { ("warning-circle", theme.error) } else { ("info", theme.accent) };
                let frame =
                    Frame::popup(ui.style()).inner_margin(Margin::symmetric(14, 8)).stroke(Stroke::new(1.0, color));
                frame.show(ui, |ui| {
                    ui.horizontal(|ui| {
                        ui.label(RichText::new(icon(sign)).font(theme.icon_font(size::ICON)).color(color));
                        ui.add(egui::Label::new(&notice.text).wrap_mode(egui::TextWrapMode::Extend));
                        let close = ui.add(egui::Button::new(icon("x").to_string()).frame_when_inactive(false));
                        close.widget_info(|| WidgetInfo::labeled(Role::Button, true, "dismiss"));
                        if close.clicked() {
                            dismissed = Some(notice.text.clone());
                        }
                    });
                });
            }
        });
    if let Some(text) = dismissed {
        notices.dismiss(&text);
    }
}

/// Asks for a name; `None` while the person thinks, `Some(None)` when they want none.
pub fn name_dialog(ctx: &egui::Context, theme: &Theme, name: &mut String) -> Option<Option<String>> {
    let mut answer = None;
    let modal = egui::Modal::new(egui::Id::unique("revision name"))
        .frame(Frame::popup(&ctx.global_style()).inner_margin(space::L))
        .show(ctx, |ui| {
            ui.set_width(360.0);
            ui.heading("Save a revision");
            ui.label(RichText::new("A revision keeps the pipeline as it is now, under a name.").color(theme.text_weak));
            ui.add_space(space::S);
            let field = egui::TextEdit::singleline(name).margin(vec2(10.0, 7.0)).desired_width(f32::INFINITY);
            let response = ui.add(field);
            response.widget_info(|| WidgetInfo {
                label: Some("Revision name".to_owned()),
                ..WidgetInfo::text_edit(true, name.as_str(), name.as_str(), "Name")
            });
            if !response.has_focus() && !response.lost_focus() {
                response.request_focus();
            }
            let enter = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            ui.add_space(space::S);
            ui.horizontal(|ui| {
                let can = !name.trim().is_empty();
                if ui.add_enabled(can, egui::Button::new("Save")).clicked() || (enter && can) {
                    answer = Some(Some(name.trim().to_owned()));
                }
                if ui.button("Cancel").clicked() {
                    answer = Some(None);
                }
            });
        });
    if answer.is_none() && modal.should_close() {
        answer = Some(None);
    }
    answer
}
