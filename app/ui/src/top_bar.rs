//! The bar along the top: the project and whether it is saved, run and stop with what the run does, undo, view.

use egui::accesskit::Role;
use egui::{Align, CornerRadius, Layout, Rect, Response, RichText, Stroke, TextEdit, Ui, UiBuilder, WidgetInfo, vec2};
use millrace_model::Edit;
use millrace_model::run::EditCost;

use crate::actions::{Action, find};
use crate::capture;
use crate::command::Command;
use crate::context::ViewContext;
use crate::document::SaveState;
use crate::format;
use crate::icon::icon;
use crate::inspector::is_left;
use crate::menus;
use crate::theme::{Theme, radius, size, space};

pub const HEIGHT: f32 = 48.0;
/// A narrower bar leaves out what is also elsewhere: the name of the program and the zoom,
const TIGHT: f32 = 800.0;
/// and then undo and redo.
const TIGHTER: f32 = 560.0;
/// What the numbers of a run take beside its button, where there is room.
const RUN_WIDTH: f32 = 440.0;

/// Draws the bar into the whole of `ui`.
pub fn top_bar_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, zoom: f32) {
    let rect = ui.available_rect_before_wrap();
    let part = |ui: &mut Ui, rect: Rect, layout: Layout, name: &str| {
        ui.new_child(UiBuilder::new().id_salt(name).max_rect(rect).layout(layout))
    };
    let is_tight = rect.width() < TIGHT;
    let shows_history = rect.width() >= TIGHTER;
    let view_width = match (is_tight, shows_history) {
        (false, _) => 340.0,
        (true, true) => 220.0,
        (true, false) => 136.0,
    };
    // The run stands in the middle of the window, unless its neighbours need the room.
    let right = rect.with_min_x(rect.max.x - view_width).shrink2(vec2(space::M, 0.0));
    let left = rect.with_max_x(right.min.x).shrink2(vec2(space::L, 0.0));
    let mut project = part(ui, left, Layout::left_to_right(Align::Center), "project");
    project_ui(&mut project, cx, is_tight);
    let start = (rect.center().x - RUN_WIDTH / 2.0).max(project.min_rect().max.x + space::M);
    let middle = rect.with_min_x(start).with_max_x(right.min.x.max(start));
    run_ui(&mut part(ui, middle, Layout::left_to_right(Align::Center), "run"), cx);
    let mut view = part(ui, right, Layout::right_to_left(Align::Center), "view");
    view_ui(&mut view, cx, (!is_tight).then_some(zoom));
    if shows_history {
        history_ui(&mut view, cx);
    }
}

fn project_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, is_tight: bool) {
    let theme = cx.theme;
    if !is_tight {
        ui.label(RichText::new("Millrace").font(theme.semibold(size::HEADING)).color(theme.text_strong));
        ui.add_space(space::S);
    }
    let text = format!("{} {}", cx.document.name(), icon("caret-down"));
    let button = egui::Button::new(RichText::new(text).color(theme.text)).frame_when_inactive(false);
    let menu = egui::containers::menu::MenuButton::from_button(button);
    let (response, _) = menu.ui(ui, |ui| project_menu(ui, cx));
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, "project menu"));
    save_state_ui(ui, cx);
}

fn save_state_ui(ui: &mut Ui, cx: &ViewContext<'_>) {
    let (theme, state) = (cx.theme, cx.document.save_state());
    let (sign, color) = match state {
        SaveState::Saved => ("check", theme.text_weak),
        SaveState::Saving => ("floppy-disk", theme.text_weak),
        SaveState::NotSaved(_) => ("warning-circle", theme.error),
    };
    ui.spacing_mut().item_spacing.x = space::XS;
    ui.label(RichText::new(icon(sign)).font(theme.icon_font(13.0)).color(color));
    let word = ui.label(RichText::new(state.word()).font(theme.small()).color(color));
    match state {
        SaveState::NotSaved(why) => word.on_hover_text(format!("{why} It is tried again and again.")),
        _ => word.on_hover_text("Every change is saved within a second."),
    };
}

fn project_menu(ui: &mut Ui, cx: &mut ViewContext<'_>) {
    ui.set_min_width(240.0);
    let mut name = cx.document.name().to_owned();
    let field = TextEdit::singleline(&mut name).margin(vec2(10.0, 6.0)).desired_width(f32::INFINITY);
    let response = ui.add(field);
    response.widget_info(|| WidgetInfo {
        label: Some("Project name".to_owned()),
        ..WidgetInfo::text_edit(true, name.as_str(), name.as_str(), "Project name")
    });
    if response.changed() {
        let edits = vec![Edit::SetName { name }];
        cx.commands.push(Command::Edit {
            label: "Rename the project".to_owned(),
            edits,
            merge: Some("project name".to_owned()),
        });
    }
    if is_left(&response) {
        cx.commands.push(Command::EndBurst);
    }
    ui.separator();
    for id in [
        "project.new",
        "project.open",
        "project.import",
        "project.export",
        "project.save_revision",
        "project.revisions",
    ] {
        menus::item(ui, cx, action(id));
    }
}

/// An action of the bar by its id.
fn action(id: &str) -> &'static Action {
    find(id).expect("the bar names actions of the list")
}

/// What an action does, with the keys that do it now.
fn with_keys(cx: &ViewContext<'_>, id: &str, words: &str) -> String {
    match cx.keymap.text_for(action(id)) {
        Some(keys) => format!("{words} ({keys})"),
        None => words.to_owned(),
    }
}

fn run_ui(ui: &mut Ui, cx: &mut ViewContext<'_>) {
    let (theme, live) = (cx.theme, cx.live);
    if live.is_running() {
        let (word, hint) = if live.is_stopping() {
            ("Stopping…", "Rows in flight are finished first. Click again to end at once.".to_owned())
        } else {
            ("Stop", with_keys(cx, "run.stop", "Sources stop, rows in flight are finished"))
        };
        let label = if live.is_stopping() { "Stop now" } else { "Stop" };
        if run_button(ui, theme, "stop", word, theme.error, theme.error_ground, label).on_hover_text(hint).clicked() {
            cx.commands.push(Command::Stop);
        }
        if !live.is_stopping() {
            pause_ui(ui, cx);
            capture::bar_ui(ui, cx);
        }
        changes_ui(ui, cx);
    } else {
        let response = run_button(ui, theme, "play", "Run", theme.ok, theme.ok_ground, "Run");
        if response.on_hover_text(with_keys(cx, "run.run", "Run the pipeline")).clicked() {
            cx.commands.push(Command::Run);
        }
    }
    let Some(metrics) = &live.metrics else { return };
    ui.add_space(space::L);
    ui.spacing_mut().item_spacing.x = space::XL;
    let number = |ui: &mut Ui, text: String, color, help: &str| {
        // A figure of the mono font is some 8 points wide.
        if ui.available_width() < 8.0 * text.len() as f32 {
            return;
        }
        ui.label(RichText::new(text).font(egui::FontId::monospace(13.0)).color(color)).on_hover_text(help);
    };
    number(ui, format::clock(metrics.elapsed_ms), theme.text, "Run time");
    if live.is_running() {
        if let Some(share) = metrics.progress() {
            number(
                ui,
                format!("{:>3.0} %", 100.0 * share),
                theme.text,
                "How much of their input the sources have read",
            );
        }
        match live.standstill() {
            None => {
                number(ui, format!("{:>14}", rows_rate(live.rates.source())), theme.text, "Rows that the sources make")
            }
            Some(standstill) => number(ui, standstill.word().to_owned(), theme.warning, standstill.reason()),
        }
    } else {
        let rows = format!("{} rows", format::short_count(metrics.num_source_rows()));
        number(ui, rows, theme.text, "Rows that the sources made");
        number(ui, metrics.state.word().to_owned(), theme.text_weak, "How the last run ended");
    }
    if metrics.memory_bytes > 0 {
        number(ui, format::bytes(metrics.memory_bytes), theme.text_weak, "Memory of the whole program");
    }
}

/// Pause, or where the run stands: on, and on by one batch.
fn pause_ui(ui: &mut Ui, cx: &mut ViewContext<'_>) {
    let theme = cx.theme;
    let is_standing = cx.live.standstill().is_some();
    let (sign, label, hint) = match cx.live.standstill() {
        None => ("pause", "Pause", "Sources wait, rows in flight are handled"),
        Some(_) => ("play", "Continue", "Let the run go on"),
    };
    ui.spacing_mut().item_spacing.x = space::XS;
    if icon_button(ui, theme, sign, label, true).on_hover_text(with_keys(cx, "run.pause", hint)).clicked() {
        cx.commands.push(Command::TogglePause);
    }
    if is_standing {
        let hint = with_keys(cx, "run.step", "Step: one batch more, then stand again");
        if icon_button(ui, theme, "skip-forward", "Step", true).on_hover_text(hint).clicked() {
            cx.commands.push(Command::Step);
        }
    }
}

/// What is drawn is not what runs: brings it in, and says before what that costs.
fn changes_ui(ui: &mut Ui, cx: &mut ViewContext<'_>) {
    let (word, hint, command) = match &cx.live.edit_cost {
        Some(EditCost::Nodes { nodes }) => {
            let lines: Vec<String> =
                nodes.iter().map(|restart| format!("“{}” {}.", restart.title, restart.state.words())).collect();
            let rest = with_keys(cx, "run.apply", "Everything else goes on.");
            ("Apply changes", format!("{}\n{rest}", lines.join("\n")), Command::ApplyToRun)
        }
        Some(EditCost::Run { reason }) => {
            let rest = with_keys(cx, "run.restart", "The run is stopped and started again with what is drawn.");
            ("Restart", format!("{reason} {rest}"), Command::Restart)
        }
        Some(EditCost::Nothing) | None => return,
    };
    let theme = cx.theme;
    let sign = "arrow-clockwise";
    let response = run_button(ui, theme, sign, word, theme.accent, theme.accent_ground, word).on_hover_text(hint);
    if response.clicked() {
        cx.commands.push(command);
    }
}

fn rows_rate(per_second: f64) -> String {
    let rate = format::rate(per_second);
    format!("{} rows/s", rate.trim_end_matches("/s").trim_end())
}

fn run_button(
    ui: &mut Ui,
    theme: &Theme,
    sign: &str,
    word: &str,
    color: egui::Color32,
    ground: egui::Color32,
    label: &str,
) -> Response {
    let text = format!("{}  {word}", icon(sign));
    let button = egui::Button::new(RichText::new(text).font(theme.semibold(size::BODY)).color(color))
        .fill(ground)
        .stroke(Stroke::new(1.0, color.gamma_multiply(0.5)))
        .corner_radius(CornerRadius::same(radius::FIELD))
        .min_size(vec2(92.0, 30.0));
    let response = ui.add(button);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, label));
    response
}

fn view_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, zoom: Option<f32>) {
    let theme = cx.theme;
    ui.spacing_mut().item_spacing.x = space::XS;
    if icon_button(ui, theme, "question", "Keys", true).on_hover_text(with_keys(cx, "view.keys", "Keys")).clicked() {
        cx.commands.push(Command::ToggleShortcuts);
    }
    let (sign, label) = if theme.is_dark { ("sun", "Light theme") } else { ("moon", "Dark theme") };
    if icon_button(ui, theme, sign, label, true).on_hover_text(with_keys(cx, "view.toggle_theme", label)).clicked() {
        cx.commands.push(Command::ToggleTheme);
    }
    let hint = with_keys(cx, "view.commands", "All commands");
    if icon_button(ui, theme, "command", "All commands", true).on_hover_text(hint).clicked() {
        cx.commands.push(Command::ShowPalette);
    }
    if let Some(zoom) = zoom {
        zoom_ui(ui, cx, zoom);
    }
}

fn history_ui(ui: &mut Ui, cx: &mut ViewContext<'_>) {
    let theme = cx.theme;
    ui.add_space(space::S);
    let history = cx.document.history();
    let label = history.redo_label().map_or_else(|| "Nothing to redo".to_owned(), |label| format!("Redo: {label}"));
    let can = history.redo_label().is_some();
    let hint = with_keys(cx, "edit.redo", &label);
    if icon_button(ui, theme, "arrow-u-up-right", "Redo", can).on_hover_text(hint).clicked() {
        cx.commands.push(Command::Redo);
    }
    let label = history.undo_label().map_or_else(|| "Nothing to undo".to_owned(), |label| format!("Undo: {label}"));
    let can = history.undo_label().is_some();
    let hint = with_keys(cx, "edit.undo", &label);
    if icon_button(ui, theme, "arrow-u-up-left", "Undo", can).on_hover_text(hint).clicked() {
        cx.commands.push(Command::Undo);
    }
}

fn zoom_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, zoom: f32) {
    let theme = cx.theme;
    ui.add_space(space::S);
    let hint = with_keys(cx, "view.zoom_to_fit", "Zoom to fit");
    if icon_button(ui, theme, "corners-out", "Zoom to fit", true).on_hover_text(hint).clicked() {
        cx.commands.push(Command::ZoomToFit);
    }
    let percent = RichText::new(format!("{:>3.0} %", zoom * 100.0)).font(theme.mono()).color(theme.text_weak);
    let hint = with_keys(cx, "view.zoom_100", "Zoom to 100 %");
    let reset = ui.add(egui::Button::new(percent).frame_when_inactive(false)).on_hover_text(hint);
    reset.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Zoom to 100 %"));
    if reset.clicked() {
        cx.commands.push(Command::ZoomReset);
    }
}

/// A button that is only an icon, with a name for those who cannot see it.
pub fn icon_button(ui: &mut Ui, theme: &Theme, name: &str, label: &str, enabled: bool) -> Response {
    let text = RichText::new(icon(name)).font(theme.icon_font(size::ICON + 1.0)).color(theme.text);
    let button = egui::Button::new(text).frame_when_inactive(false).min_size(vec2(space::ROW, space::ROW));
    let response = ui.add_enabled(enabled, button);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, label));
    response
}
