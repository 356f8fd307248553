//! The filter of a dashboard: which values of which columns its charts show.
//!
//! What may be chosen is what the shown views said of themselves; the host leaves the other rows out. The choice is the
//! reader's: it is in [`DashboardState`] and never in the pipeline.

use std::collections::{BTreeMap, BTreeSet};

use egui::containers::menu::{MenuButton, MenuConfig};
use egui::{Button, CollapsingHeader, PopupCloseBehavior, RichText, ScrollArea, Ui, WidgetInfo};
use millrace_model::filter::Values;
use millrace_model::{Dashboard, Filters};

use super::{DashboardState, weak};
use crate::command::{Command, DashboardWish};
use crate::context::ViewContext;
use crate::format;
use crate::icon::icon;
use crate::live::LiveView;
use crate::theme::space;

const MENU_WIDTH: f32 = 260.0;
const MENU_HEIGHT: f32 = 420.0;
/// More values than this are told by their number.
const MAX_NAMED: usize = 2;

/// A button that opens the list of values.
pub(super) fn menu_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, state: &DashboardState, dashboard: &Dashboard) {
    let filters = state.filters();
    let choices = choices(cx, dashboard, &filters);
    let button = Button::new(format!("{} Filter {}", icon("funnel-simple"), icon("caret-down")));
    let config = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    let (response, _) = MenuButton::from_button(button).config(config).ui(ui, |ui| {
        ui.set_width(MENU_WIDTH);
        if choices.is_empty() {
            ui.label(weak(cx, nothing_to_choose(cx)));
        }
        // The menu was made for what was folded; it must grow with what is unfolded.
        let area = ScrollArea::vertical().max_height(MENU_HEIGHT).min_scrolled_height(MENU_HEIGHT);
        area.auto_shrink([false, true]).show(ui, |ui| {
            for (column, values) in &choices {
                column_ui(ui, cx, &filters, column, values, choices.len() == 1);
            }
        });
    });
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, "Filter the charts"));
}

/// A row with a button for each column that is filtered, which ends that.
pub(super) fn chosen_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, state: &DashboardState) {
    let filters = state.filters();
    if filters.is_empty() {
        return;
    }
    ui.add_space(space::XS);
    ui.horizontal_wrapped(|ui| {
        ui.label(weak(cx, "Only rows with"));
        for (column, wanted) in filters.iter() {
            let text = RichText::new(format!("{column}: {}  {}", words(wanted), icon("x"))).color(cx.theme.accent);
            let chip = ui.add(Button::new(text).fill(cx.theme.accent_ground));
            chip.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, format!("Show every {column}")));
            let all: Vec<&str> = wanted.iter().map(String::as_str).collect();
            if chip.on_hover_text(format!("Only {}. Press to show every {column}.", all.join(", "))).clicked() {
                let (column, values) = (column.to_owned(), BTreeSet::new());
                cx.commands.push(Command::Dashboard(DashboardWish::Filter { column, values }));
            }
        }
    });
}

/// Every value that a shown chart has, and those that are chosen already.
fn choices(cx: &ViewContext<'_>, dashboard: &Dashboard, filters: &Filters) -> Values {
    let views = dashboard.tiles.keys().filter_map(|node| cx.live.views.get(node));
    let chosen = filters.iter().map(|(column, values)| (column.to_owned(), values.clone()));
    let mut choices: Values = BTreeMap::new();
    for (column, values) in views.flat_map(|view| view.choices.clone()).chain(chosen) {
        choices.entry(column).or_default().extend(values);
    }
    choices
}

fn nothing_to_choose(cx: &ViewContext<'_>) -> &'static str {
    if cx.live.metrics.is_some() {
        "None of these charts has rows with a column to filter by: a series, a label, a key, or a column of a table."
    } else {
        "Run the pipeline; then the values in the charts can be chosen here."
    }
}

fn column_ui(
    ui: &mut Ui,
    cx: &mut ViewContext<'_>,
    filters: &Filters,
    column: &str,
    values: &BTreeSet<String>,
    is_only: bool,
) {
    let chosen = filters.of(column).cloned().unwrap_or_default();
    let count = match chosen.len() {
        0 => format::counted(values.len() as u64, "value"),
        some => format!("{some} of {}", format::counted(values.len() as u64, "value")),
    };
    let header = CollapsingHeader::new(format!("{column} · {count}")).id_salt(column);
    header.default_open(is_only || !chosen.is_empty()).show(ui, |ui| {
        for value in values {
            let mut is_chosen = chosen.contains(value);
            let shown = if value.is_empty() { "(empty)" } else { value.as_str() };
            let response = ui.checkbox(&mut is_chosen, shown);
            let name = format!("{column} {shown}");
            response.widget_info(|| WidgetInfo::selected(egui::Role::CheckBox, true, is_chosen, &name));
            if response.changed() {
                let mut values = chosen.clone();
                if is_chosen {
                    values.insert(value.clone());
                } else {
                    values.remove(value);
                }
                let column = column.to_owned();
                cx.commands.push(Command::Dashboard(DashboardWish::Filter { column, values }));
            }
        }
    });
}

fn words(values: &BTreeSet<String>) -> String {
    let shown = values.iter().take(MAX_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match values.len().saturating_sub(MAX_NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// What a tile says where the filter cannot reach it.
pub(super) fn note(view: &LiveView) -> Option<String> {
    let schema = view.data.schema();
    let missing = view.filters.as_ref()?.missing_in(&schema);
    (!missing.is_empty()).then(|| format!("not filtered by {}", missing.join(", ")))
}
