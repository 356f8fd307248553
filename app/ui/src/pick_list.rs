//! A list with a search at some place of the window: to add a node right there, or to find any command.

use std::rc::Rc;

use egui::accesskit::Role;
use egui::{Align2, Area, CornerRadius, Frame, Key, Order, Pos2, ScrollArea, Sense, TextEdit, Ui, WidgetInfo, vec2};
use millrace_model::{Catalog, NodeCard, Position};

use crate::actions::{ACTIONS, Action};
use crate::command::{Command, Joint};
use crate::editing::{self, PossibleWire};
use crate::icon::icon;
use crate::palette::{paint_row, rank};
use crate::theme::{Theme, radius, size, space};

/// An open list.
#[derive(Debug)]
pub struct PickList {
    source: Source,
    pos_in_screen: Pos2,
    search: String,
    marked: usize,
    is_new: bool,
}

#[derive(Debug, Clone)]
enum Source {
    Nodes { at: Position, wire_from: Option<Joint> },
    Actions,
    Wires(Rc<[PossibleWire]>),
}

enum Item<'a> {
    Node(&'a NodeCard),
    Action(&'a Action),
    Wire(&'a PossibleWire),
}

const WIDTH: f32 = 280.0;
const MAX_HEIGHT: f32 = 320.0;

impl PickList {
    /// The nodes that fit `wire_from`; the picked one comes to stand at `at`.
    pub fn nodes(at: Position, pos_in_screen: Pos2, wire_from: Option<Joint>) -> Self {
        Self::new(Source::Nodes { at, wire_from }, pos_in_screen)
    }

    /// All actions.
    pub fn actions(pos_in_screen: Pos2) -> Self {
        Self::new(Source::Actions, pos_in_screen)
    }

    /// Wires to choose from.
    pub fn wires(wires: Vec<PossibleWire>, pos_in_screen: Pos2) -> Self {
        Self::new(Source::Wires(wires.into()), pos_in_screen)
    }

    fn new(source: Source, pos_in_screen: Pos2) -> Self {
        Self { source, pos_in_screen, search: String::new(), marked: 0, is_new: true }
    }

    /// What of `source` the search finds.
    fn items<'a>(&self, source: &'a Source, catalog: &'a Catalog) -> Vec<Item<'a>> {
        match source {
            Source::Nodes { wire_from, .. } => {
                let mut cards: Vec<(usize, &NodeCard)> = catalog
                    .cards()
                    .filter(|card| editing::fits(card, wire_from.as_ref()))
                    .filter_map(|card| Some((rank(card, &self.search)?, card)))
                    .collect();
                cards.sort_by_key(|(rank, card)| (*rank, card.section));
                cards.into_iter().map(|(_, card)| Item::Node(card)).collect()
            }
            Source::Actions => ACTIONS.iter().filter(|action| self.finds(action.title)).map(Item::Action).collect(),
            Source::Wires(wires) => wires.iter().filter(|wire| self.finds(&wire.title)).map(Item::Wire).collect(),
        }
    }

    /// Whether every word of the search is in the title.
    fn finds(&self, title: &str) -> bool {
        let title = title.to_lowercase();
        self.search.to_lowercase().split_whitespace().all(|word| title.contains(word))
    }

    fn command_for(&self, item: &Item<'_>) -> Command {
        match (item, &self.source) {
            (Item::Node(card), Source::Nodes { at, wire_from }) => {
                Command::AddNode { kind: card.kind.clone(), at: Some(*at), wire_from: wire_from.clone() }
            }
            (Item::Node(card), _) => Command::AddNode { kind: card.kind.clone(), at: None, wire_from: None },
            (Item::Action(action), _) => (action.command)(),
            (Item::Wire(wire), _) => {
                Command::Edit { label: wire.label.clone(), edits: wire.edits.clone(), merge: None }
            }
        }
    }

    /// Draws the list; false when it is to be closed.
    pub fn ui(&mut self, ctx: &egui::Context, theme: &Theme, catalog: &Catalog, commands: &mut Vec<Command>) -> bool {
        let source = self.source.clone();
        let items = self.items(&source, catalog);
        self.marked = self.marked.min(items.len().saturating_sub(1));
        let (up, down, enter, escape) = ctx.input_mut(|input| {
            (
                input.consume_key(egui::Modifiers::NONE, Key::ArrowUp),
                input.consume_key(egui::Modifiers::NONE, Key::ArrowDown),
                input.key_pressed(Key::Enter),
                input.key_pressed(Key::Escape),
            )
        });
        if down {
            self.marked = (self.marked + 1).min(items.len().saturating_sub(1));
        }
        if up {
            self.marked = self.marked.saturating_sub(1);
        }
        let mut picked = if enter { items.get(self.marked).map(|item| self.command_for(item)) } else { None };
        let room = ctx.content_rect();
        let pos = self.pos_in_screen.min(room.max - vec2(WIDTH + 24.0, MAX_HEIGHT + 60.0)).max(room.min);
        let area = Area::new(egui::Id::unique("pick list")).order(Order::Foreground).fixed_pos(pos);
        let shown = area.show(ctx, |ui| {
            Frame::popup(ui.style()).show(ui, |ui| {
                ui.set_width(WIDTH);
                self.search_ui(ui, theme);
                ui.add_space(space::XS);
                ScrollArea::vertical().max_height(MAX_HEIGHT).auto_shrink([false, true]).show(ui, |ui| {
                    ui.spacing_mut().item_spacing.y = 0.0;
                    for (index, item) in items.iter().enumerate() {
                        let is_marked = index == self.marked;
                        if item_ui(ui, theme, item, is_marked, is_marked && (up || down)) {
                            picked = Some(self.command_for(item));
                        }
                    }
                    if items.is_empty() {
                        ui.colored_label(theme.text_weak, "Nothing of that name.");
                    }
                });
            });
        });
        let is_first = std::mem::take(&mut self.is_new);
        let clicked_elsewhere = !is_first && ctx.input(|input| input.pointer.any_pressed()) && {
            let pointer = ctx.input(|input| input.pointer.interact_pos());
            pointer.is_some_and(|pos| !shown.response.rect.contains(pos))
        };
        let is_over = picked.is_some() || escape || clicked_elsewhere;
        commands.extend(picked);
        !is_over
    }

    fn search_ui(&mut self, ui: &mut Ui, theme: &Theme) {
        let (label, hint) = match &self.source {
            Source::Nodes { wire_from: None, .. } => ("Add a node", "Add a node…"),
            Source::Nodes { wire_from: Some(_), .. } => ("Add and wire a node", "Add and wire a node…"),
            Source::Actions => ("Find a command", "Find a command…"),
            Source::Wires(_) => ("Wire to", "Wire to…"),
        };
        let before = self.search.clone();
        let field = TextEdit::singleline(&mut self.search)
            .hint_text(egui::RichText::new(hint).color(theme.text_weak))
            .margin(vec2(10.0, 7.0))
            .desired_width(f32::INFINITY);
        let response = ui.add(field);
        let text = self.search.clone();
        response.widget_info(|| WidgetInfo {
            label: Some(label.to_owned()),
            ..WidgetInfo::text_edit(true, text.as_str(), text.as_str(), hint)
        });
        response.request_focus();
        if before != self.search {
            self.marked = 0;
        }
    }
}

fn item_ui(ui: &mut Ui, theme: &Theme, item: &Item<'_>, is_marked: bool, scrolls: bool) -> bool {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), space::ROW), Sense::click());
    let title = match item {
        Item::Node(card) => card.title.as_str(),
        Item::Action(action) => action.title,
        Item::Wire(wire) => wire.title.as_str(),
    };
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, is_marked, format!("pick {title}")));
    let corner = CornerRadius::same(radius::FIELD);
    if is_marked {
        ui.painter().rect_filled(rect, corner, theme.accent_ground);
    } else if response.hovered() {
        ui.painter().rect_filled(rect, corner, theme.hovered);
    }
    let inside = rect.shrink2(vec2(space::S, 0.0));
    match item {
        Item::Node(card) => {
            paint_row(ui, theme, card, inside);
            ui.painter().text(
                inside.right_center(),
                Align2::RIGHT_CENTER,
                card.section.title(),
                theme.small(),
                theme.text_weak,
            );
        }
        Item::Wire(_) => {
            let galley = crate::canvas::line(ui.painter(), title, theme.body(), theme.text, inside.width());
            ui.painter().galley(inside.left_center() - vec2(0.0, galley.size().y / 2.0), galley, theme.text);
        }
        Item::Action(action) => {
            ui.painter().text(inside.left_center(), Align2::LEFT_CENTER, title, theme.body(), theme.text);
            if let Some(keys) = action.key_text() {
                ui.painter().text(inside.right_center(), Align2::RIGHT_CENTER, keys, theme.mono(), theme.text_weak);
            }
        }
    }
    if scrolls {
        response.scroll_to_me(None);
    }
    response.clicked()
}

/// The overlay that lists all keys and gestures; false when it is to be closed.
pub fn shortcuts_ui(ctx: &egui::Context, theme: &Theme) -> bool {
    use crate::actions::{GESTURES, Group};
    let frame = Frame::popup(&ctx.global_style()).inner_margin(space::XL);
    let modal = egui::Modal::new(egui::Id::unique("keys")).frame(frame).show(ctx, |ui| {
        ui.set_width(720.0);
        ui.spacing_mut().interact_size.y = 22.0;
        ui.spacing_mut().item_spacing = vec2(space::XL, space::XS);
        ui.horizontal(|ui| {
            ui.heading("Keys");
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let close = ui.button(icon("x").to_string());
                close.widget_info(|| WidgetInfo::labeled(Role::Button, true, "close keys"));
                if close.clicked() {
                    ui.close();
                }
            });
        });
        ui.add_space(space::S);
        ui.columns(2, |columns| {
            for (index, group) in Group::ALL.into_iter().enumerate() {
                let ui = &mut columns[index % 2];
                ui.label(egui::RichText::new(group.title()).font(theme.semibold(size::BODY)).color(theme.text_weak));
                for action in ACTIONS.iter().filter(|action| action.group == group && !action.keys.is_empty()) {
                    key_row(ui, theme, action.title, &action.key_text().unwrap_or_default());
                }
                for (_, title, keys) in GESTURES.iter().filter(|(of, ..)| *of == group) {
                    key_row(ui, theme, title, keys);
                }
                ui.add_space(space::M);
            }
        });
    });
    !modal.should_close()
}

fn key_row(ui: &mut Ui, theme: &Theme, title: &str, keys: &str) {
    ui.horizontal(|ui| {
        ui.label(title);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.label(egui::RichText::new(keys).font(theme.mono()).color(theme.text_weak));
        });
    });
}
