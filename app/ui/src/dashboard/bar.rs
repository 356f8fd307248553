//! The bar of a dashboard: its title, which charts it shows, its time, and what can be done with the whole of it.

use egui::{Align, Layout, RichText, TextEdit, Ui, WidgetInfo, vec2};
use millrace_model::{Dashboard, LayoutId};

use super::{DashboardState, change, filter, time, view_nodes, weak};
use crate::command::{Command, DashboardWish};
use crate::context::ViewContext;
use crate::icon::icon;
use crate::inspector::{icon_button, is_left};
use crate::theme::{size, space};

/// Narrower than this the bar has two rows.
const WIDE: f32 = 800.0;

pub(super) fn bar_ui(
    ui: &mut Ui,
    cx: &mut ViewContext<'_>,
    state: &DashboardState,
    id: &LayoutId,
    dashboard: &Dashboard,
    can_link: bool,
) {
    let theme = cx.theme;
    let is_wide = ui.available_width() >= WIDE;
    ui.horizontal(|ui| {
        ui.set_height(space::ROW);
        ui.spacing_mut().item_spacing.x = space::S;
        if state.is_full {
            ui.label(RichText::new(&dashboard.title).font(theme.semibold(size::HEADING)).color(theme.text_strong));
            let word = if cx.live.is_running() { "running" } else { "not running" };
            ui.label(weak(cx, &format!("{} · {word}", cx.document.name())));
        } else {
            title_ui(ui, cx, id, dashboard);
            charts_menu(ui, cx, id, dashboard);
        }
        filter::menu_ui(ui, cx, state, dashboard);
        if is_wide {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                page_ui(ui, cx, state, can_link);
                ui.add_space(space::S);
                time_ui(ui, cx, state, dashboard, true);
            });
        }
    });
    if !is_wide {
        ui.horizontal(|ui| {
            ui.set_height(space::ROW);
            ui.spacing_mut().item_spacing.x = space::S;
            time_ui(ui, cx, state, dashboard, false);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| page_ui(ui, cx, state, can_link));
        });
    }
    filter::chosen_ui(ui, cx, state);
}

/// What can be done with the whole page, from the right to the left.
fn page_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, state: &DashboardState, can_link: bool) {
    let mut wish = |ui: &mut Ui, sign: &str, title: &str, wish: DashboardWish| {
        if icon_button(ui, cx.theme, sign, title).clicked() {
            cx.commands.push(Command::Dashboard(wish));
        }
    };
    if state.is_full {
        wish(ui, "arrows-in", "Leave full screen (Esc)", DashboardWish::ToggleFullScreen);
    } else {
        wish(ui, "trash", "Delete this dashboard", DashboardWish::Delete);
        wish(ui, "copy", "Duplicate this dashboard", DashboardWish::Duplicate);
        if can_link {
            wish(ui, "link", "Copy the link to this dashboard", DashboardWish::CopyLink);
        }
        wish(ui, "arrows-out", "Full screen", DashboardWish::ToggleFullScreen);
    }
}

fn time_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, state: &DashboardState, dashboard: &Dashboard, is_from_right: bool) {
    if !dashboard.shares_time
        && dashboard.tiles.keys().any(|node| cx.live.looks.contains_key(node))
        && ui.button("Reset time").on_hover_text("Show all of the time in every chart").clicked()
    {
        cx.commands.push(Command::Dashboard(DashboardWish::ResetTime));
    }
    if dashboard.shares_time {
        time::picker_ui(ui, cx, state, dashboard, is_from_right);
    }
    if !state.is_full {
        let mut shares = dashboard.shares_time;
        let hint = "Moving or zooming through the time of one chart moves all of them";
        if ui.checkbox(&mut shares, "Same time in all charts").on_hover_text(hint).changed() {
            cx.commands.push(Command::Dashboard(DashboardWish::ToggleSharedTime));
        }
    }
}

fn title_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, id: &LayoutId, dashboard: &Dashboard) {
    let mut title = dashboard.title.clone();
    let field = TextEdit::singleline(&mut title)
        .id_salt(("dashboard title", id))
        .font(cx.theme.semibold(size::TITLE))
        .margin(vec2(8.0, 5.0))
        .desired_width((ui.available_width() - 240.0).clamp(96.0, 240.0));
    let response = ui.add(field);
    response.widget_info(|| WidgetInfo {
        label: Some("Dashboard title".to_owned()),
        ..WidgetInfo::text_edit(true, title.as_str(), title.as_str(), "Dashboard title")
    });
    if response.changed() {
        change(cx, id, "Rename the dashboard", Dashboard { title, ..dashboard.clone() }, Some("title"));
    }
    if is_left(&response) {
        cx.commands.push(Command::EndBurst);
    }
}

/// The list of all view nodes; a tick says which ones are shown.
fn charts_menu(ui: &mut Ui, cx: &mut ViewContext<'_>, id: &LayoutId, dashboard: &Dashboard) {
    let nodes = view_nodes(cx.pipeline(), cx.catalog);
    let title = format!("Charts {} of {} {}", dashboard.tiles.len(), nodes.len(), icon("caret-down"));
    let menu = egui::containers::menu::MenuButton::from_button(egui::Button::new(title)).config(
        egui::containers::menu::MenuConfig::new().close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside),
    );
    let (response, _) = menu.ui(ui, |ui| {
        ui.set_min_width(220.0);
        if nodes.is_empty() {
            ui.label(weak(cx, "This pipeline has no charts yet. Add a node from the Visualize section."));
        }
        for node in &nodes {
            let mut is_shown = dashboard.tiles.contains_key(node);
            let title = cx.title_of(node);
            if ui.checkbox(&mut is_shown, &title).changed() {
                let mut changed = dashboard.clone();
                if is_shown {
                    changed.add(node.clone());
                } else {
                    changed.remove(node);
                }
                let verb = if is_shown { "Show" } else { "Take off" };
                change(cx, id, &format!("{verb} {title}"), changed, None);
            }
        }
    });
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, "Choose charts"));
}
