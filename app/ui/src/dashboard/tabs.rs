//! The tabs above the canvas: the canvas itself, each dashboard, and a button that adds one.

use egui::accesskit::Role;
use egui::{Align, Layout, Rect, Response, Sense, Ui, WidgetInfo, vec2};

use super::DashboardState;
use crate::command::{Command, DashboardWish};
use crate::context::ViewContext;
use crate::icon::icon;
use crate::inspector::icon_button;
use crate::theme::{Theme, size, space};

/// Height of the bar of tabs.
pub const HEIGHT: f32 = 34.0;
/// The widest tab; a longer title is cut.
const MAX_WIDTH: f32 = 220.0;

/// Draws the tabs into the whole of `ui`.
pub fn tabs_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, state: &DashboardState) {
    let (theme, document) = (cx.theme, cx.document);
    ui.ctx().accesskit_node_builder(ui.unique_id(), |node| {
        node.set_role(Role::TabList);
        node.set_label("Canvas and dashboards");
    });
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        ui.add_space(space::S);
        let shown = state.shown(document.pipeline()).map(|(id, _)| id);
        if tab_ui(ui, theme, "graph", "Canvas", shown.is_none()).clicked() {
            cx.commands.push(Command::Dashboard(DashboardWish::Show(None)));
        }
        for (id, dashboard) in document.pipeline().dashboards() {
            let title = if dashboard.title.trim().is_empty() { "Untitled" } else { dashboard.title.as_str() };
            if ui.push_id(id, |ui| tab_ui(ui, theme, "grid-four", title, shown == Some(id))).inner.clicked() {
                cx.commands.push(Command::Dashboard(DashboardWish::Show(Some(id.clone()))));
            }
        }
        if icon_button(ui, theme, "plus", "New dashboard").clicked() {
            cx.commands.push(Command::Dashboard(DashboardWish::New));
        }
    });
}

fn tab_ui(ui: &mut Ui, theme: &Theme, sign: &str, title: &str, is_open: bool) -> Response {
    let font = if is_open { theme.semibold(size::BODY) } else { theme.body() };
    let mut job = egui::text::LayoutJob::simple_singleline(title.to_owned(), font, theme.text);
    job.wrap = egui::text::TextWrapping::truncate_at_width(MAX_WIDTH);
    let galley = ui.painter().layout_job(job);
    let sign_width = size::ICON + space::XS;
    let (rect, response) =
        ui.allocate_exact_size(vec2(galley.size().x + sign_width + 2.0 * space::S, HEIGHT), Sense::click());
    let color = if is_open || response.hovered() { theme.text_strong } else { theme.text_weak };
    let left = rect.left_center() + vec2(space::S, 0.0);
    ui.painter().text(left, egui::Align2::LEFT_CENTER, icon(sign), theme.icon_font(14.0), color);
    let at = left + vec2(sign_width, -galley.size().y / 2.0);
    ui.painter().galley_with_override_text_color(at, galley, color);
    if is_open {
        let line = Rect::from_min_max(rect.left_bottom() - vec2(0.0, 2.0), rect.right_bottom());
        ui.painter().rect_filled(line, 1.0, theme.accent);
    }
    if response.has_focus() {
        ui.painter().rect_stroke(rect.shrink(2.0), 2.0, (1.0, theme.accent), egui::StrokeKind::Inside);
    }
    response.widget_info(|| WidgetInfo::selected(egui::Role::Tab, true, is_open, title));
    response
}
