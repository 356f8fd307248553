//! What stands at other places of the window: the button of the top bar, the items of a wire's menu, the tools of the
//! data tab, and the banner of a replay.

use egui::{Frame, Margin, Panel, RichText, Ui, vec2};
use millrace_model::Wire;

use super::{CaptureWish, place_of};
use crate::command::Command;
use crate::context::ViewContext;
use crate::format;
use crate::icon::icon;
use crate::inspector::icon_button;
use crate::theme::{size, space};
use crate::top_bar::icon_button as enabled_icon_button;

/// What time and rate of a run take; they come first where room is scarce, since captures have a tab of their own too.
const NUMBERS_WIDTH: f32 = 280.0;

/// In the top bar beside a run: begins a capture, or shows the one that goes on and ends it.
pub(crate) fn bar_ui(ui: &mut Ui, cx: &mut ViewContext<'_>) {
    let theme = cx.theme;
    let keys = crate::actions::find("run.capture").and_then(|action| cx.keymap.text_for(action));
    let keys = keys.map(|keys| format!(" ({keys})")).unwrap_or_default();
    ui.spacing_mut().item_spacing.x = space::XS;
    let Some(capturing) = &cx.live.capturing else {
        if ui.available_width() < NUMBERS_WIDTH {
            return;
        }
        let hint = format!("Capture what the sources give from now on, to replay it{keys}");
        if icon_button(ui, theme, "vinyl-record", "Capture").on_hover_text(hint).clicked() {
            cx.commands.push(Command::Capture(CaptureWish::Toggle));
        }
        return;
    };
    let rows = format::counted(capturing.num_rows, "row");
    let text = format!("{}  {rows}", icon("vinyl-record"));
    let button = egui::Button::new(RichText::new(text).font(theme.small()).color(theme.error)).fill(theme.error_ground);
    let response = ui.add(button);
    let label = format!("End the capture: {rows}");
    response.widget_info(|| egui::WidgetInfo::labeled(egui::accesskit::Role::Button, true, &label));
    let place = place_of(cx, capturing.of_wire.as_ref());
    let facts = format!(
        "Capturing: {place}\n{rows}, {} in memory, {}\nClick to end and keep it{keys}",
        format::bytes(capturing.num_bytes),
        format::clock(capturing.elapsed_ms)
    );
    if response.on_hover_text(facts).clicked() {
        cx.commands.push(Command::Capture(CaptureWish::Toggle));
    }
}

/// In the data tab, for the wire that is watched.
pub(crate) fn wire_tools_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, wire: &Wire) {
    let refusal = wire_refusal(cx, wire);
    let button = enabled_icon_button(ui, cx.theme, "arrow-bend-down-right", "Inject rows…", refusal.is_none());
    let button = button.on_disabled_hover_text(refusal.unwrap_or_default());
    if button.on_hover_text("Put rows of your own on this wire…").clicked() {
        cx.commands.push(Command::Capture(CaptureWish::AskRows(Some(wire.clone()))));
    }
}

/// Why nothing can be done with the rows of a wire now.
fn wire_refusal(cx: &ViewContext<'_>, wire: &Wire) -> Option<&'static str> {
    if !cx.live.is_running() || cx.live.is_stopping() {
        Some("Run the pipeline first")
    } else if cx.live.wire(wire).is_none() {
        Some("This wire is not in the run: restart it with what is drawn")
    } else {
        None
    }
}

/// The banner over a run that gives what was captured.
pub(crate) fn replay_banner_ui(ui: &mut Ui, cx: &ViewContext<'_>) {
    let theme = cx.theme;
    let Some(replaying) = cx.live.replaying.as_ref().filter(|_| cx.live.is_running()) else { return };
    let sinks = if replaying.writes { "Sinks write." } else { "Sinks write nothing." };
    let place = replaying.of_wire.as_ref().map(|wire| format!(" on {}", place_of(cx, Some(wire)))).unwrap_or_default();
    let text = format!("Replay of “{}”{place} {}. {sinks}", replaying.name, replaying.tempo.words());
    Panel::top("replay").show_separator_line(false).frame(Frame::new()).show(ui, |ui| {
        Frame::new().fill(theme.accent_ground).inner_margin(Margin::symmetric(16, 6)).show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.label(RichText::new(icon("rewind")).font(theme.icon_font(size::ICON)).color(theme.accent));
                ui.label(RichText::new(text).color(theme.text));
                ui.allocate_space(vec2(ui.available_width(), 0.0));
            });
        });
    });
}
