//! The grid of a dashboard: tiles with live charts, moved by their title and sized by their corner.

use std::cell::Cell;

use egui::{Align, CursorIcon, Id, Key, Label, Layout, Modifiers, Pos2, Rect, RichText, Role, ScrollArea};
use egui::{Popup, Sense, StrokeKind, Ui, UiBuilder, Vec2, WidgetInfo, pos2, vec2};
use millrace_model::dashboard::NUM_COLUMNS;
use millrace_model::view::ViewSpec;
use millrace_model::{Cells, Dashboard, LayoutId, NodeId, Tile};
use millrace_protocol::Seen;

use super::{DashboardState, TimeRange, change, filter, time, weak};
use crate::accessibility::{describe, keep_arrows};
use crate::chart::{Page, Picture, SharedTime, Size, view_ui};
use crate::chart_file::{keep_seen, save_ui};
use crate::command::{Command, DashboardWish};
use crate::context::ViewContext;
use crate::inspector::icon_button;
use crate::theme::{radius, size, space};

/// Height of a row of cells, without the gap below it.
const ROW: f32 = 48.0;
const GAP: f32 = space::S;
const HEADER: f32 = 26.0;
/// A narrower page shows the tiles one below the other.
const NARROW: f32 = 560.0;
/// The side of the corner that sizes a tile.
const CORNER: f32 = 16.0;

/// A tile that follows the pointer.
#[derive(Debug)]
pub(super) struct Drag {
    node: NodeId,
    sizes: bool,
    start: Cells,
    from: Pos2,
}

/// Where cells are on the screen.
#[derive(Clone, Copy)]
struct Grid {
    top_left: Pos2,
    /// The step from cell to cell.
    step: Vec2,
}

impl Grid {
    fn rect(self, cells: Cells) -> Rect {
        let at = |x: u32, y: u32| self.top_left + vec2(x as f32, y as f32) * self.step;
        Rect::from_min_max(at(cells.x, cells.y), at(cells.right(), cells.bottom()) - Vec2::splat(GAP))
    }

    /// Whole cells that are nearest to a way in points.
    fn cells(self, way: Vec2) -> (i64, i64) {
        ((way.x / self.step.x).round() as i64, (way.y / self.step.y).round() as i64)
    }
}

/// Cells moved, or sized, by so many cells; none leaves the grid.
fn shifted(cells: Cells, sizes: bool, (dx, dy): (i64, i64)) -> Cells {
    let add = |value: u32, by: i64, max: u32| (i64::from(value) + by).clamp(0, i64::from(max)) as u32;
    if sizes {
        let w = add(cells.w, dx, NUM_COLUMNS - cells.x).max(1);
        Cells { w, h: add(cells.h, dy, u32::MAX).max(2), ..cells }.within_grid()
    } else {
        Cells { x: add(cells.x, dx, NUM_COLUMNS - cells.w), y: add(cells.y, dy, u32::MAX), ..cells }.within_grid()
    }
}

/// The tiles one below the other, in the order in which they are read. Only for showing.
fn stack(dashboard: &mut Dashboard) {
    let mut tiles: Vec<&mut Tile> = dashboard.tiles.values_mut().collect();
    tiles.sort_by_key(|tile| (tile.cells.y, tile.cells.x));
    let mut y = 0;
    for tile in tiles {
        tile.cells = Cells { x: 0, y, w: NUM_COLUMNS, h: tile.cells.h };
        y = tile.cells.bottom();
    }
}

pub(super) fn grid_ui(
    ui: &mut Ui,
    cx: &mut ViewContext<'_>,
    state: &mut DashboardState,
    id: &LayoutId,
    dashboard: &Dashboard,
) {
    let mut settled = dashboard.clone();
    settled.settle(None);
    ScrollArea::vertical().id_salt(("dashboard", id)).auto_shrink(false).show(ui, |ui| {
        let width = ui.available_width();
        let step = vec2((width + GAP) / NUM_COLUMNS as f32, ROW + GAP);
        let grid = Grid { top_left: ui.cursor().min, step };
        let mut shown = settled.clone();
        if let Some(drag) = &state.drag
            && let Some(at) = ui.input(|input| input.pointer.latest_pos())
        {
            shown.place(&drag.node, shifted(drag.start, drag.sizes, grid.cells(at - drag.from)));
        }
        let is_stacked = width < NARROW;
        if is_stacked {
            stack(&mut shown);
        }
        let is_fixed = state.is_full || is_stacked;
        let height = shown.num_rows() as f32 * step.y;
        ui.allocate_exact_size(vec2(width, height), Sense::hover());
        // In the order in which they are read, so that Tab goes from the left to the right and down.
        let mut order: Vec<(&NodeId, Cells)> = shown.tiles.iter().map(|(node, tile)| (node, tile.cells)).collect();
        order.sort_by_key(|(_, cells)| (cells.y, cells.x));
        let mut changed = None;
        let before = state.time().and_then(|range| range.around(time::newest(cx.live, dashboard)));
        let shared = dashboard.shares_time.then(|| SharedTime {
            pointer: Id::unique(("dashboard time", id)),
            range: Cell::new(before.map(|(from, to)| (from as f64 / 1e6, to as f64 / 1e6))),
        });
        let range_before = shared.as_ref().map(|shared| shared.range.get());
        for (node, cells) in order {
            let rect = grid.rect(cells);
            let start = settled.tiles.get(node).map_or(cells, |tile| tile.cells);
            let wish = tile_ui(ui, cx, state, (id, shared.as_ref(), is_fixed), (node, start), rect);
            changed = changed.or(wish.map(|wish| (node.clone(), wish)));
        }
        let range = shared.as_ref().map(|shared| shared.range.get());
        if let Some(range) = range.filter(|_| range != range_before) {
            let range =
                range.map(|(from, to)| TimeRange::Between((from * 1e6).round() as i64, (to * 1e6).round() as i64));
            cx.commands.push(Command::Dashboard(DashboardWish::Time(range)));
        }
        if ui.input(|input| input.pointer.any_released())
            && let Some(drag) = state.drag.take()
            && shown != settled
        {
            let verb = if drag.sizes { "Resize" } else { "Move" };
            change(cx, id, &format!("{verb} {}", cx.title_of(&drag.node)), shown, None);
        } else if let Some((node, wish)) = changed {
            let title = cx.title_of(&node);
            match wish {
                Wish::Place(cells) => {
                    settled.place(&node, cells);
                    let merge = format!("keys {node}");
                    change(cx, id, &format!("Arrange {title}"), settled, Some(&merge));
                }
                Wish::TakeOff => {
                    settled.remove(&node);
                    change(cx, id, &format!("Take off {title}"), settled, None);
                }
            }
        }
    });
}

/// What was asked of a tile by keys or buttons.
enum Wish {
    Place(Cells),
    TakeOff,
}

fn tile_ui(
    ui: &mut Ui,
    cx: &mut ViewContext<'_>,
    state: &mut DashboardState,
    (id, shared, is_fixed): (&LayoutId, Option<&SharedTime>, bool),
    (node, start): (&NodeId, Cells),
    rect: Rect,
) -> Option<Wish> {
    let theme = cx.theme;
    if !ui.is_rect_visible(rect) {
        return None;
    }
    let is_dragged = state.drag.as_ref().is_some_and(|drag| drag.node == *node);
    let line = if is_dragged { egui::Stroke::new(1.5, theme.accent) } else { theme.line_stroke() };
    ui.painter().rect(rect, radius::CARD, theme.panel, line, StrokeKind::Inside);
    let title = cx.title_of(node);
    let mut wish = None;
    let header = Rect::from_min_size(rect.min, vec2(rect.width(), HEADER + space::XS));
    if !is_fixed {
        let widget = Id::unique(("tile", id, node));
        let response = ui.interact(header, widget, Sense::click_and_drag()).on_hover_cursor(CursorIcon::Grab);
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("tile {title}")));
        describe(&response, || {
            format!(
                "Column {}, row {}, {} wide, {} high. Arrow keys move it, Shift and arrow keys size it, Delete takes it off.",
                start.x + 1,
                start.y + 1,
                start.w,
                start.h
            )
        });
        if response.drag_started()
            && let Some(from) = ui.input(|input| input.pointer.press_origin())
        {
            state.drag = Some(Drag { node: node.clone(), sizes: false, start, from });
        }
        if response.clicked() {
            response.request_focus();
        }
        if response.has_focus() {
            ui.painter().rect_stroke(rect, radius::CARD, (2.0, theme.accent), StrokeKind::Inside);
            keep_arrows(ui, widget);
            wish = keys(ui, start);
        }
    }
    let inner = rect.shrink2(vec2(space::M, space::XS));
    let builder = UiBuilder::new().id_salt(("tile", node)).max_rect(inner).layout(Layout::top_down(Align::LEFT));
    let mut tile = ui.new_child(builder);
    tile.shrink_clip_rect(rect);
    tile.spacing_mut().item_spacing.y = space::XS;
    tile.horizontal(|ui| {
        ui.set_height(HEADER);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            if !state.is_full {
                if icon_button(ui, theme, "x", &format!("Take {title} off")).clicked() {
                    wish = Some(Wish::TakeOff);
                }
                if icon_button(ui, theme, "arrow-square-out", &format!("Go to {title}")).clicked() {
                    cx.commands.push(Command::JumpTo { node: node.clone(), param: None });
                }
            }
            if cx.live.views.contains_key(node) {
                let button = icon_button(ui, theme, "download-simple", &format!("Save {title}…"));
                Popup::menu(&button).show(|ui| save_ui(ui, cx.commands, node));
            }
            let view = cx.live.views.get(node);
            if let Some(note) = view.and_then(filter::note) {
                let hint = "This chart's rows do not have that column.";
                ui.add(Label::new(weak(cx, &note)).selectable(false)).on_hover_text(hint);
                ui.add_space(space::XS);
            }
            let has_range = shared.is_some_and(|shared| shared.range.get().is_some());
            if let Some(note) = view.filter(|_| has_range).and_then(time::note) {
                let hint = "What this chart shows is of no one time, so the time chosen above does not change it.";
                ui.add(Label::new(weak(cx, note)).selectable(false)).on_hover_text(hint);
                ui.add_space(space::XS);
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let text = RichText::new(&title).font(theme.semibold(size::BODY)).color(theme.text_strong);
                ui.add(Label::new(text).truncate().selectable(false));
            });
        });
    });
    chart_ui(&mut tile, cx, (state, id), shared, node);
    if !is_fixed {
        corner_ui(ui, cx, state, (id, node), start, (rect, &title));
    }
    wish
}

/// What the keys ask of the tile that has the focus.
fn keys(ui: &Ui, start: Cells) -> Option<Wish> {
    let ways =
        [(Key::ArrowLeft, (-1, 0)), (Key::ArrowRight, (1, 0)), (Key::ArrowUp, (0, -1)), (Key::ArrowDown, (0, 1))];
    ui.input_mut(|input| {
        if input.consume_key(Modifiers::NONE, Key::Delete) {
            return Some(Wish::TakeOff);
        }
        for (key, way) in ways {
            // Downwards a tile must get past the middle of what lies below, or it would come back.
            if input.consume_key(Modifiers::SHIFT, key) {
                return Some(Wish::Place(shifted(start, true, way)));
            }
            if input.consume_key(Modifiers::NONE, key) {
                let way = if way.1 > 0 { (0, i64::from(start.h)) } else { way };
                return Some(Wish::Place(shifted(start, false, way)));
            }
        }
        None
    })
}

/// The corner that sizes the tile, drawn as two short lines.
fn corner_ui(
    ui: &Ui,
    cx: &ViewContext<'_>,
    state: &mut DashboardState,
    (id, node): (&LayoutId, &NodeId),
    start: Cells,
    (rect, title): (Rect, &str),
) {
    let corner = Rect::from_min_max(rect.max - Vec2::splat(CORNER), rect.max);
    let response = ui.interact(corner, Id::unique(("tile corner", id, node)), Sense::drag());
    let response = response.on_hover_cursor(CursorIcon::ResizeNwSe);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("size of {title}")));
    let color = if response.hovered() || response.dragged() { cx.theme.text } else { cx.theme.line_strong };
    for length in [4.0, 8.0] {
        let end = corner.max - Vec2::splat(4.0);
        ui.painter().line_segment([pos2(end.x - length, end.y), pos2(end.x, end.y - length)], (1.0, color));
    }
    if response.drag_started()
        && let Some(from) = ui.input(|input| input.pointer.press_origin())
    {
        state.drag = Some(Drag { node: node.clone(), sizes: true, start, from });
    }
}

/// The chart of a node on this dashboard, anew after each reset of the time.
fn chart_id(state: &DashboardState, id: &LayoutId, node: &NodeId) -> Id {
    Id::unique(("dashboard chart", id, node, state.time_round))
}

fn chart_ui(
    ui: &mut Ui,
    cx: &mut ViewContext<'_>,
    (state, id): (&DashboardState, &LayoutId),
    shared: Option<&SharedTime>,
    node: &NodeId,
) {
    let Some(view) = cx.live.views.get(node) else {
        let hint = if cx.live.is_running() { "Waiting for the first rows." } else { "Run the pipeline to see it." };
        ui.centered_and_justified(|ui| ui.label(weak(cx, hint)));
        return;
    };
    let is_filtered = view.filters.as_ref().is_some_and(|filters| !filters.is_empty());
    if is_filtered && view.data.num_rows() == 0 {
        ui.centered_and_justified(|ui| ui.label(weak(cx, "The filter leaves no rows here.")));
        return;
    }
    let chart = chart_id(state, id, node);
    let range = shared.and_then(|shared| shared.range.get());
    let rows = range.and_then(|(from, to)| {
        time::rows_within(ui, chart, view, ((from * 1e6).round() as i64, (to * 1e6).round() as i64))
    });
    if rows.as_ref().is_some_and(|rows| rows.num_rows() == 0) {
        ui.centered_and_justified(|ui| ui.label(weak(cx, "No rows in this time.")));
        return;
    }
    let part = cx.live.parts.get(node).map(|(_, part)| &part.data);
    // A heatmap shows its part of all its cells by itself, as a plot does.
    let data = rows.as_ref().filter(|_| !matches!(view.spec, ViewSpec::Heatmap(_))).unwrap_or(&view.data);
    let picture = Picture { spec: &view.spec, data, part, page: Some(Page { time: shared }) };
    let seen = view_ui(ui, cx.theme, chart, picture, Size::Panel);
    if seen.look != cx.live.looks.get(node).copied() {
        cx.commands.push(Command::LookAt { node: node.clone(), look: seen.look });
    }
    let is_of_time = view.spec.time_fields(view.data.schema_ref()).is_some();
    let time = range.filter(|_| is_of_time).map(|(from, to)| (from * 1e6, to * 1e6));
    keep_seen(ui.ctx(), node, Seen { x: seen.x.or(time), filters: view.filters.clone().unwrap_or_default(), ..seen });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_moved_or_sized_out_of_the_grid() {
        let cells = Cells { x: 8, y: 1, w: 4, h: 3 };
        assert_eq!(shifted(cells, false, (5, -5)), Cells { x: 8, y: 0, ..cells });
        assert_eq!(shifted(cells, false, (-20, 2)), Cells { x: 0, y: 3, ..cells });
        assert_eq!(shifted(cells, true, (5, -9)), Cells { h: 2, ..cells });
        assert_eq!(shifted(cells, true, (-9, 1)), Cells { w: 1, h: 4, ..cells });
    }
}
