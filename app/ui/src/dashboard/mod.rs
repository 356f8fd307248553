//! Dashboards: the tabs above the canvas, and a page of live charts on a grid.
//!
//! It owns which dashboard is shown and what is dragged; the arrangement and its rule belong to
//! [`millrace_model::dashboard`], the pictures to [`crate::chart`]. Every change is an edit of the pipeline, so that it
//! can be undone. Invariant: while a dashboard is shown nothing on the canvas is selected, so no key changes what is
//! not seen.

mod bar;
mod filter;
mod grid;
mod tabs;
mod time;

use std::collections::BTreeMap;

use egui::{Align2, Frame, RichText, Ui};
use millrace_model::{Dashboard, Edit, Filters, LayoutId, NodeId, Pipeline};

use crate::command::{Command, edit};
use crate::context::ViewContext;
use crate::theme::space;

pub use self::tabs::{HEIGHT as TABS_HEIGHT, tabs_ui};
pub use self::time::{TimeRange, newest};

/// What is remembered of dashboards from frame to frame.
#[derive(Debug, Default)]
pub struct DashboardState {
    pub(crate) shown: Option<LayoutId>,
    pub(crate) is_full: bool,
    /// Counts the resets of the shared time, each of which begins with fresh charts.
    pub(crate) time_round: u64,
    /// The one to show as soon as a project has it, named by the address of the page.
    pub(crate) wanted: Option<String>,
    /// What the reader wants to see of each; it is neither part of the pipeline nor of its history.
    pub(crate) filters: BTreeMap<LayoutId, Filters>,
    /// The part of the time that each shows; all of it where none is here.
    pub(crate) times: BTreeMap<LayoutId, TimeRange>,
    drag: Option<grid::Drag>,
    visible_views: Vec<NodeId>,
}

impl DashboardState {
    /// The dashboard that is shown, if the pipeline has it.
    pub fn shown<'a>(&'a self, pipeline: &'a Pipeline) -> Option<(&'a LayoutId, &'a Dashboard)> {
        let id = self.shown.as_ref()?;
        Some((id, pipeline.dashboards().get(id)?))
    }

    /// The nodes whose views were shown here in the last frame, and so are worth asking for.
    pub fn visible_views(&self) -> &[NodeId] {
        &self.visible_views
    }

    /// How the shown dashboard filters its charts.
    pub fn filters(&self) -> Filters {
        self.shown.as_ref().and_then(|id| self.filters.get(id)).cloned().unwrap_or_default()
    }

    /// The part of the time that the charts of the shown dashboard share; `None`: all of it.
    pub fn time(&self) -> Option<TimeRange> {
        self.times.get(self.shown.as_ref()?).copied()
    }

    /// Shows a dashboard, or the canvas.
    pub(crate) fn show(&mut self, id: Option<LayoutId>) {
        self.is_full &= id.is_some();
        self.shown = id;
        self.drag = None;
        self.visible_views.clear();
    }
}

/// The nodes of the pipeline that show something, sorted by id.
pub fn view_nodes(pipeline: &Pipeline, catalog: &millrace_model::Catalog) -> Vec<NodeId> {
    let has_view = |kind: &str| catalog.card(kind).is_some_and(|card| card.has_view);
    pipeline.nodes().filter(|node| has_view(&node.kind)).map(|node| node.id.clone()).collect()
}

/// Draws the shown dashboard into the whole of `ui`. `can_link` says whether the page has an address to hand on.
pub fn dashboard_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, state: &mut DashboardState, can_link: bool) {
    let document = cx.document;
    let Some((id, dashboard)) = state.shown(document.pipeline()) else { return };
    let (id, dashboard) = (id.clone(), dashboard.clone());
    state.visible_views = dashboard.tiles.keys().cloned().collect();
    let margin = egui::Margin::symmetric(space::L as i8, space::S as i8);
    Frame::new().inner_margin(margin).show(ui, |ui| {
        bar::bar_ui(ui, cx, state, &id, &dashboard, can_link);
        ui.add_space(space::S);
        if dashboard.tiles.is_empty() {
            empty_ui(ui, cx);
        } else {
            grid::grid_ui(ui, cx, state, &id, &dashboard);
        }
    });
}

/// A dashboard without tiles says how to get some.
fn empty_ui(ui: &Ui, cx: &ViewContext<'_>) {
    let theme = cx.theme;
    let has_views = !view_nodes(cx.pipeline(), cx.catalog).is_empty();
    let hint = if has_views {
        "Press “Charts” above and tick what is to be shown here."
    } else {
        "Add a node from the Visualize section to the canvas and wire rows to it; its chart can then be shown here."
    };
    let (middle, painter) = (ui.available_rect_before_wrap().center(), ui.painter());
    let title = theme.semibold(crate::theme::size::TITLE);
    painter.text(middle, Align2::CENTER_BOTTOM, "This dashboard is empty", title, theme.text);
    let response = ui.interact(
        egui::Rect::from_center_size(middle, egui::vec2(640.0, 64.0)),
        ui.scope_id().with("empty"),
        egui::Sense::hover(),
    );
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, hint));
    let galley = painter.layout(hint.to_owned(), theme.small(), theme.text_weak, 620.0);
    painter.galley(middle + egui::vec2(-galley.size().x / 2.0, space::S), galley, theme.text_weak);
}

/// Changes the dashboard as one step; steps with the same `merge` in a row are one.
fn change(cx: &mut ViewContext<'_>, id: &LayoutId, label: &str, dashboard: Dashboard, merge: Option<&str>) {
    let edits = vec![Edit::SetDashboard { id: id.clone(), dashboard: Some(dashboard) }];
    match merge {
        Some(merge) => {
            let merge = Some(format!("dashboard {id} {merge}"));
            cx.commands.push(Command::Edit { label: label.to_owned(), edits, merge });
        }
        None => edit(cx.commands, label, edits),
    }
}

fn weak(cx: &ViewContext<'_>, text: &str) -> RichText {
    RichText::new(text).font(cx.theme.small()).color(cx.theme.text_weak)
}
