//! One node on the canvas: its card, its ports, its live picture, and what the pointer does to them.

use egui::accesskit::Role;
use egui::{
    Align2, Color32, CornerRadius, Id, Painter, Pos2, Rect, Response, Sense, Shadow, Stroke, StrokeKind, Ui, UiBuilder,
    Vec2, WidgetInfo, pos2, vec2,
};
use millrace_model::{Endpoint, NodeId, PortRole, Severity};
use millrace_protocol::PortSchema;

use super::camera::{Camera, Detail};
use super::paint;
use super::scene::{FOOTER_HEIGHT, HEADER_HEIGHT, SceneNode, ScenePort, Shape};
use super::status::{self, Status};
use crate::accessibility;
use crate::chart;
use crate::command::{Command, Joint};
use crate::context::ViewContext;
use crate::icon::icon;
use crate::theme::{Theme, radius, size};

const PORT_RADIUS: f32 = 5.0;

/// What happened to a node in this frame.
#[derive(Debug)]
pub struct NodeEvents {
    pub body: Response,
    /// The port that was pressed, dragged or clicked, with its response.
    pub ports: Vec<(Joint, Response)>,
}

impl NodeEvents {
    /// Whether the keyboard is at the node or one of its ports.
    pub fn has_focus(&self) -> bool {
        self.body.has_focus() || self.ports.iter().any(|(_, port)| port.has_focus())
    }
}

/// How a node is to be shown.
#[derive(Debug, Clone, Copy)]
pub struct NodeLook {
    pub is_selected: bool,
    pub is_slow: bool,
    /// The worst fault that the last check found.
    pub fault: Option<Severity>,
    /// A wire is being drawn: ports show their names.
    pub is_wiring: bool,
}

pub fn node_ui(
    ui: &mut Ui,
    cx: &mut ViewContext<'_>,
    camera: &Camera,
    node: &SceneNode,
    rect_in_canvas: Rect,
    look: NodeLook,
) -> NodeEvents {
    let rect = camera.rect_to_screen(rect_in_canvas);
    let status = Status::of(cx, node, look.fault);
    let body = ui.interact(rect, body_id(ui.scope_id(), &node.id), Sense::click_and_drag());
    body.widget_info(|| WidgetInfo::selected(Role::Button, true, look.is_selected, name_of(node)));
    accessibility::describe(&body, || status::sentence(cx, node, status));
    let detail = camera.detail();
    let is_border = node.shape == Shape::Border;
    if detail == Detail::Full && is_border {
        paint_border(ui, cx, camera, node, rect, border_of(cx.theme, status, look, &body));
    } else if detail == Detail::Full {
        paint_card(ui, cx, camera, node, rect, status, look, &body);
        if node.has_view {
            view(ui, cx, camera, node, rect);
        }
    } else {
        // The sketch has drawn it already.
        let border = border_of(cx.theme, status, look, &body);
        ui.painter().rect_stroke(rect, corner_of(camera.zoom), border, StrokeKind::Outside);
    }
    let mut ports = Vec::new();
    let joint = |port: &ScenePort| Endpoint::new(node.id.clone(), port.port.name.as_str());
    for (is_input, list) in [(true, &node.inputs), (false, &node.outputs)] {
        for port in list.iter().filter(|_| detail != Detail::Block) {
            let joint = if is_input { Joint::Input(joint(port)) } else { Joint::Output(joint(port)) };
            // `rows` says nothing that the place does not say.
            let is_named = port.port.name != "rows" && (body.hovered() || look.is_selected);
            let is_nested = matches!(node.shape, Shape::Nested { .. });
            let shows_name = !is_border && !is_nested && (look.is_wiring || is_named);
            let response = port_ui(ui, cx, camera, node, port, rect.min, is_input, shows_name);
            ports.push((joint, response));
        }
    }
    let has_status = detail == Detail::Full && !is_border;
    if has_status {
        status_ui(ui, cx, camera, node, rect, status);
    }
    menu(&body, cx, node);
    let body = if has_status { body } else { body.on_hover_ui(|ui| far_tooltip(ui, cx, node, status)) };
    NodeEvents { body, ports }
}

/// The id of a node's widget inside the canvas's scope.
pub fn body_id(scope: Id, node: &NodeId) -> Id {
    scope.with(("node", node.as_str()))
}

/// As [`body_id`], of a port.
pub fn port_id(scope: Id, node: &NodeId, is_input: bool, port: &str) -> Id {
    scope.with((side_of(is_input), node.as_str(), port))
}

/// What screen readers call it: a port of the open nested pipeline may have the title of a node beside it.
pub fn name_of(node: &SceneNode) -> String {
    let noun = if node.shape == Shape::Border { "port" } else { "node" };
    format!("{noun} {}", node.title)
}

pub fn port_label(node: &SceneNode, is_input: bool, port: &ScenePort) -> String {
    let (side, port) = (side_of(is_input), port.port.title());
    match node.shape {
        Shape::Border => format!("{side} {port} of {}", name_of(node)),
        Shape::Card | Shape::Nested { .. } => format!("{side} {port} of {}", node.title),
    }
}

fn side_of(is_input: bool) -> &'static str {
    if is_input { "input" } else { "output" }
}

/// What a node seen from afar has no room for.
fn far_tooltip(ui: &mut Ui, cx: &ViewContext<'_>, node: &SceneNode, status: Status) {
    ui.label(egui::RichText::new(&node.title).font(cx.theme.semibold(size::BODY)));
    ui.colored_label(cx.theme.text_weak, format!("{} · {}", node.kind_title, status.word()));
    for line in status::hover(cx, &node.id) {
        ui.label(line);
    }
}

fn border_of(theme: &Theme, status: Status, look: NodeLook, body: &Response) -> Stroke {
    let is_fault = matches!(status, Status::Error | Status::Failed | Status::Warning);
    if look.is_selected || body.has_focus() {
        Stroke::new(2.0, theme.accent)
    } else if is_fault {
        Stroke::new(1.5, status.color(theme))
    } else if body.hovered() {
        Stroke::new(1.0, theme.line_strong)
    } else {
        theme.line_stroke()
    }
}

fn corner_of(zoom: f32) -> CornerRadius {
    CornerRadius::same((f32::from(radius::CARD) * zoom).round().clamp(2.0, 16.0) as u8)
}

#[expect(clippy::too_many_arguments, reason = "one brush of one card")]
fn paint_card(
    ui: &Ui,
    cx: &ViewContext<'_>,
    camera: &Camera,
    node: &SceneNode,
    rect: Rect,
    status: Status,
    look: NodeLook,
    body: &Response,
) {
    let (theme, zoom, painter) = (cx.theme, camera.zoom, ui.painter());
    let corner = corner_of(zoom);
    painter.add(Shadow { offset: [0, 2], blur: 8, spread: 0, color: theme.shadow }.as_shape(rect, corner));
    let border = border_of(theme, status, look, body);
    if matches!(node.shape, Shape::Nested { .. }) {
        // The edges of the cards that lie below.
        for layer in [2.0, 1.0] {
            let below = rect.translate(vec2(4.0, 4.0) * layer * zoom);
            painter.rect(below, corner, theme.raised, theme.line_stroke(), StrokeKind::Outside);
        }
    }
    painter.rect(rect, corner, theme.panel, border, StrokeKind::Outside);
    let section = node.section.map_or(theme.text_weak, |section| theme.section_color(section));
    let section = if node.is_disabled { theme.text_weak } else { section };
    let bar =
        Rect::from_min_max(rect.min + vec2(0.0, 8.0) * zoom, pos2(rect.min.x + 4.0 * zoom, rect.max.y - 8.0 * zoom));
    painter.rect_filled(bar, CornerRadius::same((2.0 * zoom).round() as u8), section);
    let (title_color, weak) =
        if node.is_disabled { (theme.text_weak, theme.text_weak) } else { (theme.text_strong, theme.text_weak) };
    let left = rect.min.x + 16.0 * zoom;
    let width = rect.width() - 44.0 * zoom;
    let put = |text: &str, font, color: Color32, (indent, middle): (f32, f32), width: f32| {
        let galley = paint::line(painter, text, paint::zoomed(font, zoom), color, width);
        let y = rect.min.y + middle * zoom - galley.size().y / 2.0;
        painter.galley(pos2(left + indent * zoom, y), galley, color);
    };
    put(&icon(&node.icon).to_string(), theme.icon_font(size::ICON), section, (0.0, 19.0), width);
    let title_width = width - 22.0 * zoom;
    // A title that is a little too long is set smaller before it is cut.
    let title_size = [size::TITLE, size::TITLE - 1.0, size::TITLE - 2.0].into_iter().find(|size| {
        !paint::line(painter, &node.title, paint::zoomed(theme.semibold(*size), zoom), title_color, title_width).elided
    });
    let title_font = theme.semibold(title_size.unwrap_or(size::TITLE));
    put(&node.title, title_font, title_color, (22.0, 19.0), title_width);
    put(&node.headline, egui::FontId::proportional(12.5), weak, (0.0, 38.5), rect.width() - 32.0 * zoom);
    if matches!(node.shape, Shape::Nested { .. }) {
        name_ports(painter, theme, node, rect, zoom);
    }
    let foot = rect.max.y - FOOTER_HEIGHT * zoom;
    painter.hline(rect.min.x + 4.0 * zoom..=rect.max.x, foot, theme.line_stroke());
    let text = status::footer(cx, node);
    let galley = paint::line(
        painter,
        &text,
        paint::zoomed(egui::FontId::monospace(11.0), zoom),
        weak,
        rect.width() - 28.0 * zoom,
    );
    painter.galley(pos2(left, foot + FOOTER_HEIGHT * zoom / 2.0 - galley.size().y / 2.0), galley, weak);
    if look.is_slow {
        slow_mark(painter, cx, rect, zoom);
    }
}

/// The names of a nested pipeline's ports, beside them on its card.
fn name_ports(painter: &Painter, theme: &Theme, node: &SceneNode, rect: Rect, zoom: f32) {
    let has_both = !node.inputs.is_empty() && !node.outputs.is_empty();
    let width = rect.width() * if has_both { 0.5 } else { 1.0 } - 20.0 * zoom;
    let font = paint::zoomed(theme.small(), zoom);
    for (is_input, list) in [(true, &node.inputs), (false, &node.outputs)] {
        for port in list {
            let name = paint::line(painter, port.port.title(), font.clone(), theme.text, width);
            let at = rect.min + port.offset * zoom;
            let x = if is_input { at.x + 14.0 * zoom } else { at.x - 12.0 * zoom - name.size().x };
            painter.galley(pos2(x, at.y - name.size().y / 2.0), name, theme.text);
        }
    }
}

/// A port of the nested pipeline that is open: a tag with its name, at the side where rows pass.
fn paint_border(ui: &Ui, cx: &ViewContext<'_>, camera: &Camera, node: &SceneNode, rect: Rect, border: Stroke) {
    let (theme, zoom, painter) = (cx.theme, camera.zoom, ui.painter());
    let round = (rect.height() / 2.0).min(120.0) as u8;
    let square = (f32::from(radius::FIELD) * zoom) as u8;
    // Round where the rows come from or go to outside.
    let gives_rows = node.inputs.is_empty();
    let (left, right) = if gives_rows { (round, square) } else { (square, round) };
    let corner = CornerRadius { nw: left, sw: left, ne: right, se: right };
    painter.rect(rect, corner, theme.raised, border, StrokeKind::Outside);
    let section = node.section.map_or(theme.text_weak, |section| theme.section_color(section));
    let (sign, text) = if node.is_disabled { (theme.text_weak, theme.text_weak) } else { (section, theme.text_strong) };
    let glyph = icon(&node.icon).to_string();
    let glyph = painter.layout_no_wrap(glyph, paint::zoomed(theme.icon_font(size::ICON), zoom), sign);
    let title = paint::line(
        painter,
        &node.title,
        paint::zoomed(theme.semibold(size::BODY), zoom),
        text,
        rect.width() - 56.0 * zoom,
    );
    let inset = 16.0 * zoom;
    let (glyph_x, title_x) = if gives_rows {
        (rect.min.x + inset, rect.min.x + inset + 24.0 * zoom)
    } else {
        (rect.max.x - inset - glyph.size().x, rect.max.x - inset - 24.0 * zoom - title.size().x)
    };
    painter.galley(pos2(glyph_x, rect.center().y - glyph.size().y / 2.0), glyph, sign);
    painter.galley(pos2(title_x, rect.center().y - title.size().y / 2.0), title, text);
}

fn slow_mark(painter: &Painter, cx: &ViewContext<'_>, rect: Rect, zoom: f32) {
    let theme = cx.theme;
    let font = paint::zoomed(egui::FontId::proportional(11.5), zoom);
    let text = format!("{} slows the nodes before it", icon("hourglass"));
    let galley = painter.layout_no_wrap(text, font, theme.warning);
    let mark =
        Rect::from_center_size(rect.center_bottom() + vec2(0.0, 16.0 * zoom), galley.size() + vec2(20.0, 6.0) * zoom);
    painter.rect_filled(mark, CornerRadius::same((10.0 * zoom) as u8), theme.warning_ground);
    painter.galley(mark.center() - galley.size() / 2.0, galley, theme.warning);
}

/// The live picture inside a view node.
fn view(ui: &mut Ui, cx: &ViewContext<'_>, camera: &Camera, node: &SceneNode, rect: Rect) {
    let zoom = camera.zoom;
    let top = rect.min.y + HEADER_HEIGHT * zoom;
    let bottom = rect.max.y - FOOTER_HEIGHT * zoom;
    let inside =
        Rect::from_min_max(pos2(rect.min.x + 14.0 * zoom, top), pos2(rect.max.x - 10.0 * zoom, bottom - 4.0 * zoom));
    let Some(view) = cx.live.views.get(&node.id) else {
        let font = paint::zoomed(cx.theme.small(), zoom);
        let text = if cx.live.is_running() { "Waiting for rows" } else { "Run to see it fill" };
        ui.painter().text(inside.center(), Align2::CENTER_CENTER, text, font, cx.theme.text_weak);
        return;
    };
    let clip = inside.intersect(ui.clip_rect());
    if !clip.is_positive() {
        return;
    }
    let mut child = ui.new_child(UiBuilder::new().id_salt(("view", node.id.as_str())).max_rect(inside));
    child.set_clip_rect(clip);
    let id = child.scope_id().with(node.id.as_str());
    let picture = chart::Picture { spec: &view.spec, data: &view.data, part: None, page: None };
    let _ = chart::view_ui(&mut child, cx.theme, id, picture, chart::Size::Node);
}

#[expect(clippy::too_many_arguments, reason = "one port of one node")]
fn port_ui(
    ui: &mut Ui,
    cx: &ViewContext<'_>,
    camera: &Camera,
    node: &SceneNode,
    port: &ScenePort,
    node_corner: Pos2,
    is_input: bool,
    shows_name: bool,
) -> Response {
    let (theme, zoom) = (cx.theme, camera.zoom);
    let center = node_corner + port.offset * zoom;
    let reach = (9.0 * zoom).clamp(5.0, 12.0);
    let id = port_id(ui.scope_id(), &node.id, is_input, &port.port.name);
    let response = ui.interact(Rect::from_center_size(center, Vec2::splat(reach * 2.0)), id, Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, port_label(node, is_input, port)));
    let section = node.section.map_or(theme.text_weak, |section| theme.section_color(section));
    let is_rows = port.port.role == PortRole::Rows;
    let color = if is_rows && !node.is_disabled { section } else { theme.text_weak };
    let is_hot = response.hovered() || response.has_focus();
    let dot = PORT_RADIUS * zoom * if is_hot { 1.3 } else { 1.0 };
    let fill = if is_hot { color } else { theme.ground };
    let stroke = Stroke::new((2.0 * zoom).max(1.0), color);
    if is_rows {
        ui.painter().circle(center, dot, fill, stroke);
    } else {
        // Rows that went astray leave by a square.
        let square = Rect::from_center_size(center, Vec2::splat(dot * 1.6));
        ui.painter().rect(square, CornerRadius::same(1), fill, stroke, StrokeKind::Middle);
    }
    if shows_name && camera.detail() == Detail::Full && !response.hovered() {
        let font = paint::zoomed(egui::FontId::proportional(10.5), zoom);
        let (anchor, x) = if is_input { (Align2::RIGHT_TOP, -8.0) } else { (Align2::LEFT_TOP, 8.0) };
        ui.painter().text(center + vec2(x, 3.0) * zoom, anchor, port.port.title(), font, theme.text_weak);
    }
    let schema = cx.ports_of(&node.id).and_then(|ports| {
        let list = if is_input { &ports.inputs } else { &ports.outputs };
        list.iter().find(|schema| schema.name == port.port.name)
    });
    response.on_hover_ui(|ui| port_tooltip(ui, cx, port, side_of(is_input), schema))
}

fn port_tooltip(ui: &mut Ui, cx: &ViewContext<'_>, port: &ScenePort, side: &str, schema: Option<&PortSchema>) {
    const MOST: usize = 14;
    let theme = cx.theme;
    ui.label(egui::RichText::new(format!("{} · {side}", port.port.title())).font(theme.semibold(size::BODY)));
    if !port.port.help.is_empty() {
        ui.colored_label(theme.text_weak, &port.port.help);
    }
    match schema.and_then(|schema| schema.columns.as_ref()) {
        None => {
            ui.colored_label(theme.text_weak, "Columns are not known yet.");
        }
        Some(columns) => {
            egui::Grid::new("columns").num_columns(2).spacing([16.0, 2.0]).show(ui, |ui| {
                for column in columns.iter().take(MOST) {
                    ui.monospace(&column.name);
                    ui.colored_label(theme.text_weak, &column.data_type);
                    ui.end_row();
                }
            });
            if columns.len() > MOST {
                ui.colored_label(theme.text_weak, format!("and {} more", columns.len() - MOST));
            }
        }
    }
    if let Some(time) = schema.and_then(|schema| schema.event_time.as_ref()) {
        ui.colored_label(theme.text_weak, format!("Event time: {time}"));
    }
}

/// The status sign in the card's corner, with its word as tooltip.
fn status_ui(ui: &mut Ui, cx: &ViewContext<'_>, camera: &Camera, node: &SceneNode, rect: Rect, status: Status) {
    let zoom = camera.zoom;
    let center = pos2(rect.max.x - 17.0 * zoom, rect.min.y + 19.0 * zoom);
    let color = status.color(cx.theme);
    match status.icon() {
        None => {
            ui.painter().circle_filled(center, 4.5 * zoom, color);
        }
        Some(name) => {
            let font = paint::zoomed(cx.theme.icon_font(size::ICON), zoom);
            ui.painter().text(center, Align2::CENTER_CENTER, icon(name), font, color);
        }
    }
    let id = ui.scope_id().with(("status", node.id.as_str()));
    let response = ui.interact(Rect::from_center_size(center, Vec2::splat(18.0 * zoom)), id, Sense::hover());
    response.widget_info(|| {
        let details = status::details(cx, &node.id);
        let tail = if details.is_empty() { String::new() } else { format!(": {}", details.join(" ")) };
        WidgetInfo::labeled(Role::Label, true, format!("status of {}: {}{tail}", node.title, status.word()))
    });
    response.on_hover_ui(|ui| {
        ui.label(egui::RichText::new(status.word()).font(cx.theme.semibold(size::BODY)).color(color));
        for line in status::hover(cx, &node.id) {
            ui.label(line);
        }
    });
}

fn menu(body: &Response, cx: &mut ViewContext<'_>, node: &SceneNode) {
    if body.secondary_clicked() && !cx.selection.nodes.contains(&node.id) {
        cx.commands.push(Command::Select(crate::selection::Selection::node(node.id.clone())));
    }
    let is_nested = matches!(node.shape, Shape::Nested { .. });
    body.context_menu(|ui| if is_nested { crate::menus::nested(ui, cx) } else { crate::menus::nodes(ui, cx) });
}
