//! The bottom panel: problems, the rows of the watched wire, charts, the run log, captures.
//!
//! It owns which tab is open and what was frozen; everything else it reads. A tab is one file; this one draws the bar
//! of tabs and hands the rest to it.

mod charts;
mod data;
mod log;
mod problems;
mod quick_look;
mod raw;
mod row_filter;

use egui::containers::scroll_area::ScrollBarVisibility;
use egui::{Align, Frame, Id, Layout, Margin, Response, RichText, Role, ScrollArea, Sense, Ui, WidgetInfo, vec2};

use millrace_model::NodeId;

use crate::capture;
use crate::command::BottomTab;
use crate::context::ViewContext;
use crate::theme::{Theme, size, space};

/// What the bottom panel remembers from frame to frame.
#[derive(Debug, Default)]
pub struct BottomState {
    tab: BottomTab,
    data: data::DataTab,
    log: log::LogTab,
    visible_views: Vec<NodeId>,
    /// How wide the tools of the open tab were in the last frame.
    tools_width: f32,
}

impl BottomState {
    pub fn tab(&self) -> BottomTab {
        self.tab
    }

    /// The nodes whose views were shown here in the last frame, and so are worth asking for.
    pub fn visible_views(&self) -> &[NodeId] {
        &self.visible_views
    }
}

const BAR_HEIGHT: f32 = 32.0;
/// A longer title of a tab is cut; hovering says all of it.
const WIDEST_TAB: f32 = 200.0;

/// Draws the bottom panel.
pub fn bottom_ui(ui: &mut Ui, ctx: &mut ViewContext<'_>, state: &mut BottomState) {
    if let Some(tab) = ctx.show_bottom {
        state.tab = tab;
    }
    state.visible_views = if state.tab == BottomTab::View { charts::wanted_views(ctx) } else { Vec::new() };
    ui.spacing_mut().item_spacing.y = 0.0;
    bar_ui(ui, state, ctx);
    let line = ui.cursor().top();
    ui.painter().hline(ui.max_rect().x_range(), line, ctx.theme.line_stroke());
    ui.add_space(1.0);
    Frame::new().inner_margin(Margin::symmetric(0, 4)).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = space::XS;
        match state.tab {
            BottomTab::Problems => problems::problems_ui(ui, ctx),
            BottomTab::Data => data::data_ui(ui, &mut state.data, ctx),
            BottomTab::View => charts::charts_ui(ui, ctx),
            BottomTab::Log => log::log_ui(ui, &mut state.log, ctx),
            BottomTab::Captures => capture::list_ui(ui, ctx),
        }
    });
}

/// The tabs, and the tools of the open one behind them; below, where they do not fit.
fn bar_ui(ui: &mut Ui, state: &mut BottomState, ctx: &mut ViewContext<'_>) {
    let has_room = ui
        .horizontal(|ui| {
            ui.set_height(BAR_HEIGHT);
            ui.add_space(space::M);
            ui.spacing_mut().item_spacing.x = space::L;
            sideways(ui, "tabs", |ui| tabs_ui(ui, state, ctx));
            let has_room = ui.available_width() >= state.tools_width;
            if has_room {
                tools_ui(ui, state, ctx, false);
            }
            has_room
        })
        .inner;
    if !has_room {
        ui.horizontal(|ui| {
            ui.set_height(BAR_HEIGHT);
            sideways(ui, "tools", |ui| {
                ui.set_min_width(state.tools_width.max(ui.available_width()));
                tools_ui(ui, state, ctx, true);
            });
        });
    }
}

/// What is wider than its place can be moved sideways.
fn sideways(ui: &mut Ui, name: &str, content: impl FnOnce(&mut Ui)) {
    let area = ScrollArea::horizontal().id_salt(name).auto_shrink([true, true]);
    area.scroll_bar_visibility(ScrollBarVisibility::AlwaysHidden).show(ui, content);
}

fn tabs_ui(ui: &mut Ui, state: &mut BottomState, ctx: &mut ViewContext<'_>) {
    let num_problems = ctx.checked.diagnostics.len();
    let problems = if num_problems == 0 { "Problems".to_owned() } else { format!("Problems {num_problems}") };
    let num_captures = ctx.captures.map_or(0, <[_]>::len);
    let captures = if num_captures == 0 { "Captures".to_owned() } else { format!("Captures {num_captures}") };
    let tabs = [
        (BottomTab::Problems, problems),
        (BottomTab::Data, data::title(ctx)),
        (BottomTab::View, "Chart".to_owned()),
        (BottomTab::Log, "Run log".to_owned()),
        (BottomTab::Captures, captures),
    ];
    for (tab, title) in tabs {
        if tab_ui(ui, ctx.theme, &title, state.tab == tab).clicked() {
            state.tab = tab;
        }
    }
}

fn tools_ui(ui: &mut Ui, state: &mut BottomState, ctx: &mut ViewContext<'_>, has_own_row: bool) {
    let tools = ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        ui.add_space(space::S);
        match state.tab {
            BottomTab::Data => data::tools_ui(ui, &mut state.data, ctx, has_own_row),
            BottomTab::View => charts::tools_ui(ui, ctx),
            BottomTab::Log => log::tools_ui(ui, &mut state.log, ctx),
            BottomTab::Captures => capture::tools_ui(ui, ctx),
            BottomTab::Problems => {}
        }
        ui.max_rect().right() - ui.min_rect().left()
    });
    state.tools_width = tools.inner;
}

/// A tab: plain words, the open one strong and underlined.
fn tab_ui(ui: &mut Ui, theme: &Theme, title: &str, is_open: bool) -> Response {
    let font = if is_open { theme.semibold(size::BODY) } else { theme.body() };
    let mut job = egui::text::LayoutJob::simple_singleline(title.to_owned(), font, theme.text);
    job.wrap = egui::text::TextWrapping::truncate_at_width(WIDEST_TAB);
    let galley = ui.painter().layout_job(job);
    let is_cut = galley.elided;
    let (rect, mut response) = ui.allocate_exact_size(vec2(galley.size().x, BAR_HEIGHT), Sense::click());
    let color = if is_open || response.hovered() { theme.text_strong } else { theme.text_weak };
    let at = rect.left_center() - vec2(0.0, galley.size().y / 2.0);
    ui.painter().galley_with_override_text_color(at, galley, color);
    if is_open {
        let line = egui::Rect::from_min_max(rect.left_bottom() - vec2(0.0, 2.0), rect.right_bottom());
        ui.painter().rect_filled(line, 1.0, theme.accent);
    } else if response.has_focus() {
        ui.painter().rect_stroke(rect, 2.0, (1.0, theme.accent), egui::StrokeKind::Inside);
    }
    response.widget_info(|| WidgetInfo::selected(Role::Tab, true, is_open, title));
    if is_cut {
        response = response.on_hover_text(title);
    }
    response
}

/// What a tab says while it has nothing to show: what it is for, and how to get something into it.
pub(crate) fn empty_ui(ui: &mut Ui, theme: &Theme, title: &str, hint: &str) {
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() / 2.0 - 24.0).max(8.0));
        ui.label(RichText::new(title).color(theme.text));
        ui.label(RichText::new(hint).font(theme.small()).color(theme.text_weak));
    });
}

/// A button that stays down.
fn toggle_ui(ui: &mut Ui, title: &str, is_on: &mut bool) -> Response {
    let response = ui.add(egui::Button::selectable(*is_on, title));
    if response.clicked() {
        *is_on = !*is_on;
    }
    response
}

/// The id of the chart of a node in this panel.
fn chart_id(node: &NodeId) -> Id {
    Id::unique(("bottom_chart", node))
}
