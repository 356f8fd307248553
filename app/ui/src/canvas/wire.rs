//! One wire on the canvas: its curve, its rate and queue fill, and what the pointer does to it.

use egui::accesskit::Role;
use egui::{Color32, CornerRadius, Id, Pos2, Rect, Response, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, vec2};
use millrace_model::Wire;

use super::camera::{Camera, Detail};
use super::course::Course;
use super::paint;
use super::scene::{SceneNode, SceneWire};
use super::urgency::{FULL, Urgency};
use crate::accessibility;
use crate::command::Command;
use crate::context::ViewContext;
use crate::format;
use crate::icon::icon;
use crate::selection::Selection;
use crate::theme::{Theme, radius, size};

/// How a wire is to be shown.
#[derive(Debug, Clone, Copy)]
pub struct WireLook {
    pub color: Color32,
    pub width: f32,
    pub is_hovered: bool,
    is_selected: bool,
    is_tapped: bool,
    is_dashed: bool,
    has_breakpoint: bool,
}

impl WireLook {
    pub fn of(cx: &ViewContext<'_>, wire: &SceneWire, nodes: &[SceneNode], camera: &Camera, urgency: Urgency) -> Self {
        let detail = camera.detail();
        let is_rows = wire.carries_rows(nodes);
        Self {
            color: color_of(cx.theme, &nodes[wire.from_node], detail, urgency),
            width: width_at(camera),
            is_hovered: false,
            is_selected: cx.selection.wires.contains(&wire.wire),
            is_tapped: cx.live.tapped.as_ref() == Some(&wire.wire),
            is_dashed: !is_rows && detail == Detail::Full,
            has_breakpoint: cx.live.marks.contains_key(&wire.wire),
        }
    }

    /// Whether it is drawn like most others.
    pub fn is_plain(&self) -> bool {
        !(self.is_selected || self.is_hovered || self.is_tapped || self.is_dashed || self.has_breakpoint)
    }
}

/// How wide one wire is, in screen points.
pub fn width_at(camera: &Camera) -> f32 {
    (2.0 * camera.zoom).clamp(0.8, 3.0)
}

/// The colour of a wire from this node; its state is told by it where there is no room for words.
pub fn color_of(theme: &Theme, source: &SceneNode, detail: Detail, urgency: Urgency) -> Color32 {
    match urgency {
        Urgency::Halted if detail != Detail::Full => theme.error,
        Urgency::Full if detail != Detail::Full => theme.warning,
        Urgency::Off => theme.text_weak,
        _ => source.section.map_or(theme.text_weak, |section| theme.section_color(section)),
    }
}

/// Draws what is special about the wire, and gives the response of its handle, which stands on its middle. A plain
/// curve has been drawn with the others.
pub fn wire_ui(
    ui: &mut Ui,
    cx: &mut ViewContext<'_>,
    camera: &Camera,
    wire: &SceneWire,
    course_in_screen: &Course,
    look: &WireLook,
) -> Response {
    let theme = cx.theme;
    let WireLook { color, width, is_selected, is_tapped, .. } = *look;
    if is_selected {
        paint::course(
            ui.painter(),
            course_in_screen,
            Stroke::new(width + 4.0, theme.accent.gamma_multiply(0.45)),
            false,
        );
    } else if look.is_hovered {
        paint::course(ui.painter(), course_in_screen, Stroke::new(width + 3.0, color.gamma_multiply(0.3)), false);
    }
    if !look.is_plain() {
        paint::course(ui.painter(), course_in_screen, Stroke::new(width, color), look.is_dashed);
    }

    let middle = course_in_screen.point_at(0.5);
    let scale = camera.zoom.min(1.0);
    let has_room = camera.detail() == Detail::Full;
    let rect = if has_room { pill(ui, cx, wire, middle, scale, is_tapped, is_selected) } else { None };
    let rect = rect.unwrap_or_else(|| Rect::from_center_size(middle, Vec2::splat(16.0)));
    if let Some(mark) = cx.live.marks.get(&wire.wire) {
        let center = if has_room { rect.left_center() - vec2(9.0 * scale, 0.0) } else { middle };
        breakpoint_sign(ui, theme, center, (5.0 * scale).max(3.0), mark.is_enabled);
    }
    let id = handle_id(ui.scope_id(), &wire.wire);
    let response = ui.interact(rect, id, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, is_selected, format!("wire {}", wire.wire)));
    accessibility::describe(&response, || sentence(cx, &wire.wire));
    if response.has_focus() {
        ui.painter().rect_stroke(
            rect.expand(3.0),
            CornerRadius::same(radius::PILL),
            Stroke::new(2.0, theme.accent),
            StrokeKind::Outside,
        );
    }
    menu(&response, cx, &wire.wire);
    response.on_hover_ui(|ui| tooltip(ui, cx, &wire.wire))
}

/// A dot, hollow where the breakpoint is off.
fn breakpoint_sign(ui: &Ui, theme: &Theme, center: Pos2, radius: f32, is_enabled: bool) {
    let fill = if is_enabled { theme.error } else { theme.ground };
    ui.painter().circle(center, radius, fill, Stroke::new(1.5, theme.error));
}

/// The rate with the queue's fill below it; `None` when there is nothing to tell.
fn pill(
    ui: &Ui,
    cx: &ViewContext<'_>,
    wire: &SceneWire,
    middle: Pos2,
    scale: f32,
    is_tapped: bool,
    is_selected: bool,
) -> Option<Rect> {
    let theme = cx.theme;
    let rate = cx.live.wire_rate(&wire.wire).filter(|_| cx.live.is_running());
    let halted = cx.live.halted_at(&wire.wire);
    if rate.is_none() && !is_tapped && !is_selected {
        return None;
    }
    let mut text = String::new();
    if is_tapped {
        text.push(icon("eye"));
    }
    if halted.is_some() {
        text.push_str(if is_tapped { " halted here" } else { "halted here" });
    } else if let Some(rate) = rate {
        if is_tapped {
            text.push(' ');
        }
        text.push_str(&format::rate(rate.rows));
    }
    if text.is_empty() {
        text.push(icon("flow-arrow"));
    }
    let painter = ui.painter();
    let color = if is_tapped || is_selected { theme.text_strong } else { theme.text };
    let galley = painter.layout_no_wrap(text, paint::zoomed(egui::FontId::monospace(11.0), scale), color);
    let rect = Rect::from_center_size(middle, galley.size() + vec2(14.0, 6.0) * scale);
    let border = if halted.is_some() {
        Stroke::new(1.5, theme.error)
    } else if is_selected || is_tapped {
        Stroke::new(1.5, theme.accent)
    } else {
        theme.line_stroke()
    };
    painter.rect(rect, CornerRadius::same(radius::PILL), theme.panel, border, StrokeKind::Inside);
    painter.galley(rect.center() - galley.size() / 2.0, galley, color);
    if let Some(rate) = rate.filter(|rate| rate.fill > 0.0) {
        let track = Rect::from_min_size(
            rect.left_bottom() + vec2(6.0, 4.0) * scale,
            vec2(rect.width() - 12.0 * scale, 3.0 * scale),
        );
        painter.rect_filled(track, CornerRadius::same(2), theme.line);
        let fill = track.with_max_x(track.min.x + track.width() * rate.fill.clamp(0.0, 1.0));
        let color = if rate.fill >= FULL { theme.warning } else { theme.ok };
        painter.rect_filled(fill, CornerRadius::same(2), color);
    }
    Some(rect)
}

/// The id of a wire's handle inside the canvas's scope.
pub fn handle_id(scope: Id, wire: &Wire) -> Id {
    scope.with(("wire", wire))
}

/// Where the wire leads, in words.
pub fn ends(cx: &ViewContext<'_>, wire: &Wire) -> String {
    let (from, to) = (cx.title_of(&wire.from.node), cx.title_of(&wire.to.node));
    format!("Wire from {from}, port {}, to {to}, port {}", cx.port_title(&wire.from), cx.port_title(&wire.to))
}

/// The wire in words, for those who do not see where it leads.
fn sentence(cx: &ViewContext<'_>, wire: &Wire) -> String {
    let mut text = ends(cx, wire);
    if let Some(rate) = cx.live.wire_rate(wire) {
        text.push_str(&format!(", {}, queue {} full", format::rate(rate.rows), format::percent(rate.fill)));
    }
    if let Some(mark) = cx.live.marks.get(wire) {
        text.push_str(&format!(", breakpoint: {}", mark.words()));
    }
    if cx.live.halted_at(wire).is_some() {
        text.push_str(", the run has halted here");
    }
    text
}

pub fn tooltip(ui: &mut Ui, cx: &ViewContext<'_>, wire: &Wire) {
    let theme = cx.theme;
    let title = format!("{} → {}", cx.title_of(&wire.from.node), cx.title_of(&wire.to.node));
    ui.label(egui::RichText::new(title).font(theme.semibold(size::BODY)));
    ui.colored_label(theme.text_weak, format!("{} → {}", cx.port_title(&wire.from), cx.port_title(&wire.to)));
    if let Some(rate) = cx.live.wire_rate(wire) {
        ui.monospace(format!("{} · queue {} full", format::rate(rate.rows), format::percent(rate.fill)));
    }
    let columns = cx
        .ports_of(&wire.from.node)
        .and_then(|ports| ports.outputs.iter().find(|output| output.name == wire.from.port))
        .and_then(|port| port.columns.as_ref());
    if let Some(columns) = columns {
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        ui.colored_label(theme.text_weak, names.join(", "));
    }
    if let Some(mark) = cx.live.marks.get(wire) {
        ui.colored_label(theme.error, format!("Breakpoint: {}", mark.words()));
    }
    ui.colored_label(theme.text_weak, "Click to see its rows.");
}

/// What runs through a trunk, together.
pub fn bundle_tooltip(ui: &mut Ui, cx: &ViewContext<'_>, wires: &[Wire]) {
    let theme = cx.theme;
    let title = format!("{} side by side", format::counted(wires.len() as u64, "wire"));
    ui.label(egui::RichText::new(title).font(theme.semibold(size::BODY)));
    let rates: Vec<_> = wires.iter().filter_map(|wire| cx.live.wire_rate(wire)).collect();
    if !rates.is_empty() {
        let rows = rates.iter().map(|rate| rate.rows).sum();
        let fill = rates.iter().map(|rate| rate.fill).fold(0.0, f32::max);
        ui.monospace(format!("{} · fullest queue {} full", format::rate(rows), format::percent(fill)));
    }
    ui.colored_label(theme.text_weak, "Click to select them, zoom in to tell them apart.");
}

fn menu(response: &Response, cx: &mut ViewContext<'_>, wire: &Wire) {
    if response.secondary_clicked() {
        cx.commands.push(Command::Select(Selection::wire(wire.clone())));
    }
    response.context_menu(|ui| crate::menus::wire(ui, cx));
}
