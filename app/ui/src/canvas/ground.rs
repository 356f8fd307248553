//! What the pointer does to the ground and to the wires that lie on it, and what an empty ground says.

use egui::{Key, PointerButton, Rect, Response, Ui, Vec2};
use millrace_model::Wire;

use super::CanvasState;
use super::camera::snapped;
use super::gesture::Gesture;
use super::wire;
use super::wire_layer::Touched;
use crate::command::Command;
use crate::context::ViewContext;
use crate::palette::DraggedKind;
use crate::selection::Selection;

/// A clicked wire is selected and tapped; with Shift it joins or leaves the selection.
pub fn touch_wire(ui: &Ui, cx: &mut ViewContext<'_>, wire: &Wire) {
    if ui.input(|input| input.modifiers.shift || input.modifiers.command) {
        let mut selection = cx.selection.clone();
        if !selection.wires.remove(wire) {
            selection.wires.insert(wire.clone());
        }
        cx.commands.push(Command::Select(selection));
    } else {
        cx.commands.push(Command::Select(Selection::wire(wire.clone())));
        cx.commands.push(Command::Tap(Some(wire.clone())));
    }
}

/// The wires of a clicked bundle are selected; with Shift they join the selection.
fn touch_bundle(ui: &Ui, cx: &mut ViewContext<'_>, wires: &[Wire]) {
    let adds = ui.input(|input| input.modifiers.shift || input.modifiers.command);
    let mut selection = if adds { cx.selection.clone() } else { Selection::default() };
    selection.wires.extend(wires.iter().cloned());
    cx.commands.push(Command::Select(selection));
}

pub fn events(
    ui: &mut Ui,
    cx: &mut ViewContext<'_>,
    state: &mut CanvasState,
    ground: &Response,
    touched: Option<Touched>,
) {
    let pointer = ui.input(|input| input.pointer.latest_pos()).unwrap_or(state.camera.viewport.center());
    let here = snapped(state.camera.to_canvas(pointer));
    let quick_add = Command::QuickAdd { at: here, pos_in_screen: pointer, wire_from: None };
    if let Some(kind) = ground.dnd_release_payload::<DraggedKind>() {
        let corner = state.camera.to_canvas(pointer) - Vec2::new(88.0, 20.0);
        cx.commands.push(Command::AddNode { kind: kind.0.clone(), at: Some(snapped(corner)), wire_from: None });
    }
    if ground.drag_started_by(PointerButton::Primary) && !ui.input(|input| input.key_down(Key::Space)) {
        let start = ui.input(|input| input.pointer.press_origin()).unwrap_or(pointer);
        let adds = ui.input(|input| input.modifiers.shift);
        state.gesture = Gesture::Box { start: state.camera.to_canvas(start), adds };
    }
    if ground.double_clicked() && touched.is_none() {
        cx.commands.push(quick_add.clone());
    } else if ground.clicked() {
        match &touched {
            Some(Touched::Wire(wire)) => touch_wire(ui, cx, wire),
            Some(Touched::Bundle(wires)) => touch_bundle(ui, cx, wires),
            None => cx.commands.push(Command::ClearSelection),
        }
        state.gesture = Gesture::None;
    }
    if let Some(touched) = &touched {
        ui.set_cursor_icon(egui::CursorIcon::PointingHand);
        ground.clone().on_hover_ui_at_pointer(|ui| match touched {
            Touched::Wire(wire) => wire::tooltip(ui, cx, wire),
            Touched::Bundle(wires) => wire::bundle_tooltip(ui, cx, wires),
        });
    }
    let menu_wire = match touched {
        Some(Touched::Wire(wire)) => Some(wire),
        Some(Touched::Bundle(_)) | None => None,
    };
    if ground.secondary_clicked() {
        state.menu_wire.clone_from(&menu_wire);
        if let Some(wire) = menu_wire {
            cx.commands.push(Command::Select(Selection::wire(wire)));
        }
    }
    let is_on_wire = state.menu_wire.is_some();
    ground.context_menu(|ui| if is_on_wire { crate::menus::wire(ui, cx) } else { crate::menus::ground(ui, cx) });
    if std::mem::take(&mut state.wants_quick_add) {
        cx.commands.push(quick_add);
    }
    let has_something_to_end = !state.gesture.is_none() || !cx.selection.is_empty();
    // A free Escape leads out of what is open, which is an action of its own.
    if has_something_to_end
        && !cx.is_covered
        && state.search.is_none()
        && !ui.text_edit_focused()
        && ui.input_mut(|input| input.consume_key(egui::Modifiers::NONE, Key::Escape))
    {
        if state.gesture.is_none() {
            cx.commands.push(Command::ClearSelection);
        }
        state.gesture = Gesture::None;
    }
}

pub fn empty_hint(ui: &Ui, cx: &ViewContext<'_>, rect: Rect, is_inside: bool) {
    let theme = cx.theme;
    let painter = ui.painter();
    let middle = rect.center();
    let put = |dy: f32, text: &str, font, color| {
        painter.text(middle + Vec2::new(0.0, dy), egui::Align2::CENTER_CENTER, text, font, color);
    };
    put(-44.0, &crate::icon::icon("flow-arrow").to_string(), theme.icon_font(40.0), theme.line_strong);
    let (title, start) = if is_inside {
        ("Nothing is in here yet", "Rows come in by a Nested input and leave by a Nested output.")
    } else {
        ("This pipeline is empty", "Start with one from the Ingest section.")
    };
    put(0.0, title, theme.semibold(crate::theme::size::HEADING), theme.text);
    put(26.0, "Drag a node from the palette, or double-click here to add one.", theme.body(), theme.text_weak);
    put(46.0, start, theme.body(), theme.text_weak);
}
