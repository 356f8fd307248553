//! The tab of captures: what was captured, when and how much, and what can be done with it.

use egui::accesskit::Role;
use egui::containers::menu::MenuButton;
use egui::{Align, Button, Label, Layout, RichText, ScrollArea, Sense, Ui, UiBuilder, WidgetInfo, vec2};
use millrace_protocol::{Capture, Replay};

use super::{CaptureWish, TEMPOS, place_of, test_refusal};
use crate::bottom::empty_ui;
use crate::command::Command;
use crate::context::ViewContext;
use crate::format;
use crate::icon::icon;
use crate::inspector::icon_button;
use crate::theme::{Theme, size, space};

const ROW_HEIGHT: f32 = 40.0;
/// A narrower row has icons only.
const TIGHT_ROW: f32 = 640.0;
/// What the buttons of a row take, with their words and as icons.
const TOOLS_WIDTH: [f32; 2] = [280.0, 136.0];
/// With less room beside the tabs the button there is an icon.
const TIGHT_BAR: f32 = 180.0;

/// What stands at the right of the tabs.
pub(crate) fn tools_ui(ui: &mut Ui, cx: &mut ViewContext<'_>) {
    let (title, hint) = match (&cx.live.capturing, cx.live.is_running()) {
        (Some(_), _) => ("End capture", "Ends the capture and keeps it"),
        (None, true) => ("Capture", "Captures what the sources give from now on"),
        (None, false) => {
            ("Run and capture", "Runs the pipeline, and captures what the sources give from the first row on")
        }
    };
    let button = match ui.available_width() < TIGHT_BAR {
        true => icon_button(ui, cx.theme, "vinyl-record", title),
        false => ui.button(format!("{}  {title}", icon("vinyl-record"))),
    };
    if button.on_hover_text(hint).clicked() {
        cx.commands.push(Command::Capture(CaptureWish::Toggle));
    }
}

/// Draws the tab.
pub(crate) fn list_ui(ui: &mut Ui, cx: &mut ViewContext<'_>) {
    let Some(captures) = cx.captures.filter(|captures| !captures.is_empty()) else {
        let hint =
            "A capture keeps what the sources, or a wire, give with its timing: to replay it, or to make a test of it.";
        return empty_ui(ui, cx.theme, "Nothing was captured", hint);
    };
    ScrollArea::vertical().id_salt("captures").auto_shrink(false).show(ui, |ui| {
        for capture in captures {
            row_ui(ui, cx, capture);
        }
    });
}

fn row_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, capture: &Capture) {
    let theme = cx.theme;
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_HEIGHT), Sense::hover());
    if ui.rect_contains_pointer(rect) {
        ui.painter().rect_filled(rect, 0.0, theme.hovered);
    }
    let rect = rect.shrink2(vec2(space::M, 0.0));
    let part = |ui: &mut Ui, rect, layout, name: &str| {
        ui.new_child(UiBuilder::new().id_salt((name, capture.id)).max_rect(rect).layout(layout))
    };
    let is_tight = rect.width() < TIGHT_ROW;
    let middle = (rect.max.x - TOOLS_WIDTH[usize::from(is_tight)]).max(rect.min.x);
    let mut words = part(ui, rect.with_max_x(middle), Layout::top_down(Align::Min), "words");
    words.spacing_mut().item_spacing.y = 1.0;
    words.add_space(3.0);
    let name = RichText::new(&capture.name).font(theme.semibold(size::BODY)).color(theme.text_strong);
    words.add(Label::new(name).truncate());
    let facts = RichText::new(facts_of(cx, capture)).font(theme.small()).color(theme.text_weak);
    words.add(Label::new(facts).truncate());
    let mut tools = part(ui, rect.with_min_x(middle), Layout::right_to_left(Align::Center), "tools");
    tools.spacing_mut().item_spacing.x = space::XS;
    tools_of(&mut tools, cx, capture, is_tight);
}

fn facts_of(cx: &ViewContext<'_>, capture: &Capture) -> String {
    let begun = match capture.began_ms {
        0 => "from the start".to_owned(),
        began_ms => format!("from {} on", format::clock(began_ms)),
    };
    let micros = |ms: u64| i64::try_from(ms.saturating_mul(1_000)).unwrap_or(i64::MAX);
    let end = if capture.is_full { " · ended when full" } else { "" };
    format!(
        "{} · {} · {} in {}, {begun} · {}{end}",
        place_of(cx, capture.of_wire.as_ref()),
        format::minute(capture.taken_ms),
        format::counted(capture.num_rows, "row"),
        format::span(micros(capture.duration_ms)),
        format::bytes(capture.num_bytes),
    )
}

/// From the right to the left.
fn tools_of(ui: &mut Ui, cx: &mut ViewContext<'_>, capture: &Capture, is_tight: bool) {
    let theme = cx.theme;
    let name = &capture.name;
    let trash = icon_button(ui, theme, "trash", &format!("Delete {name}"));
    let trash = trash.on_hover_text("Delete this capture…");
    egui::Popup::menu(&trash).show(|ui| {
        ui.label(format!("Delete “{name}”? This cannot be undone."));
        if ui.button(RichText::new("Delete").color(theme.error)).clicked() {
            cx.commands.push(Command::Capture(CaptureWish::Delete(capture.id)));
            ui.close();
        }
    });
    if icon_button(ui, theme, "pencil-simple", &format!("Rename {name}")).on_hover_text("Rename…").clicked() {
        let wish = CaptureWish::AskName { capture: capture.id, name: name.clone() };
        cx.commands.push(Command::Capture(wish));
    }
    let refusal = test_refusal(capture, cx.is_local);
    let save = words_button(theme, "list-checks", "Save as test…", is_tight);
    let save = ui.add_enabled(refusal.is_none(), save);
    save.widget_info(|| WidgetInfo::labeled(Role::Button, refusal.is_none(), "Save as test…"));
    let save = save.on_disabled_hover_text(refusal.unwrap_or_default());
    let hint = "Writes a file that `millrace test` runs: these rows, and what comes out for them now";
    if save.on_hover_text(hint).clicked() {
        cx.commands.push(Command::Capture(CaptureWish::SaveTest(capture.id)));
    }
    let is_running = cx.live.is_running();
    let button = words_button(theme, "rewind", "Replay", is_tight);
    let (response, _) = ui
        .add_enabled_ui(!is_running, |ui| MenuButton::from_button(button).ui(ui, |ui| replay_menu(ui, cx, capture)))
        .inner;
    response.widget_info(|| WidgetInfo::labeled(Role::Button, !is_running, format!("Replay {name}")));
    response.on_hover_text("Give it to the pipeline again").on_disabled_hover_text("A run is going on: stop it first");
}

/// An icon with its word, or alone.
fn words_button<'a>(theme: &Theme, sign: &str, word: &str, is_tight: bool) -> Button<'a> {
    match is_tight {
        true => Button::new(RichText::new(icon(sign)).font(theme.icon_font(size::ICON)).color(theme.text))
            .frame_when_inactive(false)
            .min_size(vec2(space::ROW, space::ROW)),
        false => Button::new(format!("{}  {word}", icon(sign))),
    }
}

fn replay_menu(ui: &mut Ui, cx: &mut ViewContext<'_>, capture: &Capture) {
    ui.set_min_width(220.0);
    let id = egui::Id::unique("replay writes");
    let mut writes = ui.data(|data| data.get_temp(id)).unwrap_or(false);
    for tempo in TEMPOS {
        if ui.button(capitalized(&tempo.words())).clicked() {
            let replay = Replay { capture: capture.id, tempo, writes };
            cx.commands.push(Command::Capture(CaptureWish::Replay(replay)));
            ui.close();
        }
    }
    ui.separator();
    let hint = "Else the sinks of the replay write nothing, so that no row is written twice";
    if ui.checkbox(&mut writes, "Sinks write").on_hover_text(hint).changed() {
        ui.data_mut(|data| data.insert_temp(id, writes));
    }
}

fn capitalized(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}
