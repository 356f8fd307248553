//! Groups and notes: frames around nodes and coloured paper, behind the wires.
//!
//! A group has no place of its own: it stands around its nodes, and dragging it drags them. What is being typed is
//! shown from here until the field is left; every key makes an edit that joins the burst.

use egui::accesskit::Role;
use egui::{
    Align2, CornerRadius, CursorIcon, PointerButton, Rect, Response, Sense, Stroke, StrokeKind, TextEdit, Ui,
    UiBuilder, Vec2, WidgetInfo, pos2, vec2,
};
use millrace_model::{Edit, Group, LayoutId, Note, Position, Tint};

use super::CanvasState;
use super::camera::{snapped, to_pos};
use super::gesture::Gesture;
use super::paint;
use crate::command::Command;
use crate::context::ViewContext;
use crate::selection::Selection;
use crate::theme::{Theme, radius, size, space};

/// Around the nodes of a group, and above them for its title, in canvas points.
const MARGIN: f32 = 24.0;
const TITLE_HEIGHT: f32 = 28.0;
const LEAST_NOTE: Vec2 = vec2(96.0, 48.0);

fn color_of(theme: &Theme, tint: Tint) -> egui::Color32 {
    theme.series_color(match tint {
        Tint::Blue => 0,
        Tint::Orange => 1,
        Tint::Green => 2,
        Tint::Purple => 3,
        Tint::Red => 4,
        Tint::Gray => 7,
    })
}

/// Draws the groups and the notes that are seen, and begins what the pointer does with them.
pub fn annotations_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, state: &mut CanvasState) {
    let pipeline = cx.document.pipeline();
    let seen = state.camera.visible().expand(40.0);
    for (id, group) in pipeline.groups() {
        if let Some(rect) = frame_of(state, group).filter(|rect| rect.intersects(seen)) {
            group_ui(ui, cx, state, id, group, rect);
        }
    }
    let level = state.level().cloned();
    for (id, note) in pipeline.notes_at(level.as_ref()) {
        let rect = note_rect(note).translate(state.gesture.shift_of_note(id));
        if rect.intersects(seen) {
            note_ui(ui, cx, state, id, note, rect);
        }
    }
    if state
        .writing
        .as_ref()
        .is_some_and(|id| !pipeline.groups().contains_key(id) && !pipeline.notes().contains_key(id))
    {
        state.writing = None;
    }
}

/// The frame around a group's nodes, where they are dragged to now.
fn frame_of(state: &CanvasState, group: &Group) -> Option<Rect> {
    let rects = group.nodes.iter().filter_map(|id| {
        let node = state.scene.node(id)?;
        Some(node.rect.translate(state.gesture.shift_of(id)))
    });
    let inside = rects.reduce(Rect::union)?.expand(MARGIN);
    Some(inside.with_min_y(inside.min.y - TITLE_HEIGHT + space::S))
}

pub fn note_rect(note: &Note) -> Rect {
    Rect::from_min_size(to_pos(note.position), vec2(note.width as f32, note.height as f32).max(LEAST_NOTE))
}

fn group_ui(
    ui: &mut Ui,
    cx: &mut ViewContext<'_>,
    state: &mut CanvasState,
    id: &LayoutId,
    group: &Group,
    rect_in_canvas: Rect,
) {
    let (theme, zoom) = (cx.theme, state.camera.zoom);
    let rect = state.camera.rect_to_screen(rect_in_canvas);
    let color = color_of(theme, group.tint);
    let is_selected = cx.selection.groups.contains(id);
    let corner = CornerRadius::same((f32::from(radius::CARD) * 1.5 * zoom).clamp(2.0, 24.0) as u8);
    let border = if is_selected { Stroke::new(2.0, theme.accent) } else { Stroke::new(1.0, color.gamma_multiply(0.6)) };
    ui.painter().rect(rect, corner, color.gamma_multiply(0.08), border, StrokeKind::Inside);
    let title_rect = Rect::from_min_size(rect.min, vec2(rect.width(), (TITLE_HEIGHT * zoom).max(12.0)));
    if state.writing.as_ref() == Some(id) {
        let mut title = group.title.clone();
        let place = title_rect.shrink2(vec2(space::S * zoom, 2.0));
        let response = field(ui, id, place, "Group title", &mut title, false, theme, zoom);
        if response.changed() {
            let group = Some(Group { title, ..group.clone() });
            typed(cx, "Rename the group", id, Edit::SetGroup { id: id.clone(), group });
        }
        leave_when_done(ui, cx, state, &response, false);
        return;
    }
    let title = ui.interact(title_rect, ui.scope_id().with(("group", id.as_str())), Sense::click_and_drag());
    title.widget_info(|| WidgetInfo::selected(Role::Button, true, is_selected, format!("group {}", group.title)));
    if zoom >= 0.25 {
        let font = paint::zoomed(theme.semibold(size::BODY), zoom);
        let galley = paint::line(ui.painter(), &group.title, font, theme.text, rect.width() - 24.0 * zoom);
        let at = pos2(rect.min.x + 12.0 * zoom, title_rect.center().y - galley.size().y / 2.0);
        ui.painter().galley(at, galley, theme.text);
    }
    if title.hovered() {
        ui.set_cursor_icon(CursorIcon::Grab);
    }
    let adds = ui.input(|input| input.modifiers.shift || input.modifiers.command);
    let chosen = || {
        let mut selection = if adds { cx.selection.clone() } else { Selection::default() };
        selection.groups.insert(id.clone());
        selection.nodes.extend(group.nodes.iter().cloned());
        selection
    };
    if title.double_clicked() {
        state.write(id.clone());
    } else if title.clicked() || (title.secondary_clicked() && !is_selected) {
        let selection = chosen();
        cx.commands.push(Command::Select(selection));
    }
    if title.drag_started_by(PointerButton::Primary)
        && let Some(grabbed) = group.nodes.first()
    {
        let start = ui.input(|input| input.pointer.press_origin()).unwrap_or(rect.min);
        state.gesture = Gesture::Move {
            ids: group.nodes.clone(),
            grabbed: grabbed.clone(),
            start: state.camera.to_canvas(start),
            shift: Vec2::ZERO,
        };
        cx.commands.push(Command::Select(Selection::group(id.clone(), group.nodes.clone())));
    }
    title.context_menu(|ui| crate::menus::group(ui, cx));
}

fn note_ui(
    ui: &mut Ui,
    cx: &mut ViewContext<'_>,
    state: &mut CanvasState,
    id: &LayoutId,
    note: &Note,
    rect_in_canvas: Rect,
) {
    let (theme, zoom) = (cx.theme, state.camera.zoom);
    let rect = state.camera.rect_to_screen(rect_in_canvas);
    let color = color_of(theme, note.tint);
    let is_selected = cx.selection.notes.contains(id);
    let corner = CornerRadius::same((f32::from(radius::FIELD) * zoom).clamp(2.0, 12.0) as u8);
    let border = if is_selected { Stroke::new(2.0, theme.accent) } else { Stroke::new(1.0, color.gamma_multiply(0.5)) };
    // Opaque, so that what lies behind does not shine through the text.
    ui.painter().rect_filled(rect, corner, theme.panel);
    ui.painter().rect(rect, corner, color.gamma_multiply(0.14), border, StrokeKind::Inside);
    let inside = rect.shrink2(vec2(12.0, 10.0) * zoom);
    if state.writing.as_ref() == Some(id) {
        let mut text = note.text.clone();
        let response = field(ui, id, inside, "Note text", &mut text, true, theme, zoom);
        if response.changed() {
            let note = Some(Note { text, ..note.clone() });
            typed(cx, "Write a note", id, Edit::SetNote { id: id.clone(), note });
        }
        leave_when_done(ui, cx, state, &response, true);
        return;
    }
    let paper = ui.interact(rect, ui.scope_id().with(("note", id.as_str())), Sense::click_and_drag());
    paper.widget_info(|| WidgetInfo::selected(Role::Button, true, is_selected, format!("note {}", note.text)));
    if zoom >= 0.25 {
        let (text, color) = if note.text.is_empty() {
            ("Double-click to write", theme.text_weak)
        } else {
            (note.text.as_str(), theme.text)
        };
        let font = paint::zoomed(theme.body(), zoom);
        let galley = ui.painter().layout(text.to_owned(), font, color, inside.width());
        ui.painter().with_clip_rect(inside.intersect(ui.clip_rect())).galley(inside.min, galley, color);
    }
    let adds = ui.input(|input| input.modifiers.shift || input.modifiers.command);
    if paper.double_clicked() {
        state.write(id.clone());
    } else if paper.clicked() || (paper.secondary_clicked() && !is_selected) {
        let mut selection = if adds { cx.selection.clone() } else { Selection::default() };
        if !selection.notes.remove(id) {
            selection.notes.insert(id.clone());
        }
        cx.commands.push(Command::Select(selection));
    }
    if paper.drag_started_by(PointerButton::Primary) {
        let start = ui.input(|input| input.pointer.press_origin()).unwrap_or(rect.min);
        state.gesture = Gesture::MoveNote { id: id.clone(), start: state.camera.to_canvas(start), shift: Vec2::ZERO };
        cx.commands.push(Command::Select(Selection::note(id.clone())));
    }
    if is_selected {
        resize_ui(ui, cx, state, id, note, rect);
    }
    paper.context_menu(|ui| crate::menus::note(ui, cx));
}

/// The grip in the corner of the selected note.
fn resize_ui(ui: &Ui, cx: &mut ViewContext<'_>, state: &CanvasState, id: &LayoutId, note: &Note, rect: Rect) {
    let grip = Rect::from_center_size(rect.max, Vec2::splat(12.0));
    ui.painter().rect_filled(grip.shrink(2.0), CornerRadius::same(2), cx.theme.accent);
    let response = ui.interact(grip, ui.scope_id().with(("note size", id.as_str())), Sense::drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, "note size"));
    if response.hovered() || response.dragged() {
        ui.set_cursor_icon(CursorIcon::ResizeNwSe);
    }
    if let Some(pointer) = response.interact_pointer_pos().filter(|_| response.dragged()) {
        let corner = if state.look.snap {
            to_pos(snapped(state.camera.to_canvas(pointer)))
        } else {
            state.camera.to_canvas(pointer)
        };
        let side = (corner - to_pos(note.position)).max(LEAST_NOTE).round();
        let (width, height) = (side.x as u32, side.y as u32);
        if (width, height) != (note.width, note.height) {
            let note = Some(Note { width, height, ..note.clone() });
            typed(cx, "Resize the note", id, Edit::SetNote { id: id.clone(), note });
        }
    }
    if response.drag_stopped() {
        cx.commands.push(Command::EndBurst);
    }
}

/// The edit that ends a drag of a note.
pub fn moved(note: &Note, id: &LayoutId, shift: Vec2) -> Edit {
    let at = to_pos(note.position) + shift;
    let position = Position { x: at.x.round() as i32, y: at.y.round() as i32 };
    Edit::SetNote { id: id.clone(), note: Some(Note { position, ..note.clone() }) }
}

fn typed(cx: &mut ViewContext<'_>, label: &str, id: &LayoutId, edit: Edit) {
    cx.commands.push(Command::Edit {
        label: label.to_owned(),
        edits: vec![edit],
        merge: Some(format!("{label}:{id}")),
    });
}

#[expect(clippy::too_many_arguments, reason = "one field on the canvas")]
fn field(
    ui: &mut Ui,
    id: &LayoutId,
    rect: Rect,
    label: &str,
    text: &mut String,
    is_multiline: bool,
    theme: &Theme,
    zoom: f32,
) -> Response {
    let mut child = ui.new_child(UiBuilder::new().id_salt(("write", id.as_str())).max_rect(rect));
    let font = if is_multiline { theme.body() } else { theme.semibold(size::BODY) };
    let edit = if is_multiline { TextEdit::multiline(text) } else { TextEdit::singleline(text) };
    let edit = edit
        .id(child.scope_id().with("text"))
        .font(paint::zoomed(font, zoom))
        .frame(egui::Frame::NONE)
        .margin(egui::Margin::ZERO)
        .desired_width(rect.width());
    let response = child.put(rect, edit.align(if is_multiline { Align2::LEFT_TOP } else { Align2::LEFT_CENTER }));
    let shown = text.clone();
    response.widget_info(|| WidgetInfo {
        label: Some(label.to_owned()),
        ..WidgetInfo::text_edit(true, shown.as_str(), shown.as_str(), label)
    });
    response
}

/// The focus comes with the field, and with it the field goes.
fn leave_when_done(
    ui: &Ui,
    cx: &mut ViewContext<'_>,
    state: &mut CanvasState,
    response: &Response,
    is_multiline: bool,
) {
    let escape = ui.input(|input| input.key_pressed(egui::Key::Escape));
    let enter = !is_multiline && ui.input(|input| input.key_pressed(egui::Key::Enter));
    if std::mem::take(&mut state.wants_to_write) {
        response.request_focus();
    } else if response.lost_focus() || escape || enter || !response.has_focus() {
        response.surrender_focus();
        state.writing = None;
        cx.commands.push(Command::EndBurst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_never_too_small_to_grab() {
        let note = Note { width: 1, height: 1, ..Note::default() };
        assert_eq!(note_rect(&note).size(), LEAST_NOTE);
        let far = Note { position: Position { x: 10, y: -4 }, ..note };
        let id: LayoutId = "note_1".parse().expect("an id");
        let Edit::SetNote { note: Some(there), .. } = moved(&far, &id, vec2(2.4, -3.6)) else { panic!("a note moves") };
        assert_eq!(there.position, Position { x: 12, y: -8 });
    }
}
