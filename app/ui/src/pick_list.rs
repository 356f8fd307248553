//! A list with a search at some place of the window: to add a node right there, or to find any command.

use std::borrow::Cow;
use std::rc::Rc;

use egui::accesskit::Role;
use egui::{Align2, Area, CornerRadius, Frame, Key, Order, Pos2, ScrollArea, Sense, TextEdit, Ui, WidgetInfo, vec2};
use millrace_model::{Catalog, Endpoint, NodeCard, NodeId, Position, Wire};

use crate::actions::{Action, Keymap, Situation, all, fuzzy};
use crate::command::{Command, Goal, Joint};
use crate::editing;
use crate::editing::offer::Offer;
use crate::editing::wiring::{Misfit, PossibleWire};
use crate::icon::icon;
use crate::palette::{can_stand_here, paint_row, rank};
use crate::theme::{Theme, radius, size, space};

/// An open list.
#[derive(Debug)]
pub struct PickList {
    source: Source,
    offer: Offer,
    pos_in_screen: Pos2,
    search: String,
    marked: usize,
    is_new: bool,
}

#[derive(Debug, Clone)]
enum Source {
    Nodes {
        at: Position,
        wire_from: Option<Joint>,
    },
    /// Nodes that may stand in the wire.
    Insert {
        wire: Wire,
        at: Position,
    },
    /// Nodes that may take the place of this one.
    Replace {
        node: NodeId,
    },
    Actions,
    Wires(Rc<[PossibleWire]>),
    /// Nodes that make rows fit where they go.
    Converters {
        misfit: Rc<Misfit>,
        from: Endpoint,
        goal: Goal,
    },
}

enum Item<'a> {
    Node(&'a NodeCard),
    Action(&'static Action),
    Wire(&'a PossibleWire),
    /// A node that makes rows fit.
    Converter(&'a NodeCard),
}

const WIDTH: f32 = 280.0;
/// Actions stand beside their keys, or why they cannot be taken; wires are named by all that they touch.
const WIDE: f32 = 480.0;
const MAX_HEIGHT: f32 = 320.0;

impl PickList {
    /// Whether it is the list of all commands.
    pub fn is_of_actions(&self) -> bool {
        matches!(self.source, Source::Actions)
    }

    /// The nodes that fit `wire_from`; the picked one comes to stand at `at`.
    pub fn nodes(at: Position, pos_in_screen: Pos2, wire_from: Option<Joint>) -> Self {
        Self::new(Source::Nodes { at, wire_from }, pos_in_screen)
    }

    /// The nodes with an input and an output; the picked one comes to stand in `wire`.
    pub fn insertions(wire: Wire, at: Position, pos_in_screen: Pos2) -> Self {
        Self::new(Source::Insert { wire, at }, pos_in_screen)
    }

    /// All nodes; the picked one takes the place of `node`.
    pub fn replacements(node: NodeId, pos_in_screen: Pos2) -> Self {
        Self::new(Source::Replace { node }, pos_in_screen)
    }

    /// All actions.
    pub fn actions(pos_in_screen: Pos2) -> Self {
        Self::new(Source::Actions, pos_in_screen)
    }

    /// Wires to choose from.
    pub fn wires(wires: Vec<PossibleWire>, pos_in_screen: Pos2) -> Self {
        Self::new(Source::Wires(wires.into()), pos_in_screen)
    }

    /// The nodes that make rows fit which do not, under the reason why they do not.
    pub fn converters(misfit: Misfit, from: Endpoint, goal: Goal, pos_in_screen: Pos2) -> Self {
        Self::new(Source::Converters { misfit: misfit.into(), from, goal }, pos_in_screen)
    }

    fn new(source: Source, pos_in_screen: Pos2) -> Self {
        Self { source, offer: Offer::default(), pos_in_screen, search: String::new(), marked: 0, is_new: true }
    }

    /// The same list of nodes, with what suits the place first.
    #[must_use]
    pub fn offering(self, offer: Offer) -> Self {
        Self { offer, ..self }
    }

    /// What of `source` the search finds.
    fn items<'a>(&self, source: &'a Source, catalog: &'a Catalog, now: &Situation) -> Vec<Item<'a>> {
        let found = |keep: &dyn Fn(&NodeCard) -> bool| {
            let mut cards: Vec<(usize, &NodeCard)> = catalog
                .cards()
                .filter(|card| keep(card) && can_stand_here(card, now))
                .filter_map(|card| Some((rank(card, &self.search)?, card)))
                .collect();
            cards.sort_by_key(|(rank, card)| (*rank, self.offer.order(card)));
            cards.into_iter().map(|(_, card)| Item::Node(card)).collect()
        };
        match source {
            Source::Nodes { wire_from, .. } => found(&|card| editing::fits(card, wire_from.as_ref())),
            Source::Insert { .. } => found(&editing::passes_rows),
            Source::Replace { .. } => found(&|_| true),
            Source::Actions => {
                let rank = |action: &'static Action| {
                    let text = format!("{} {}", action.title, action.group.title());
                    Some((fuzzy(&text, &self.search)?, action))
                };
                let mut actions: Vec<(usize, &'static Action)> = all().filter_map(rank).collect();
                let is_it = |action: &Action| action.title.eq_ignore_ascii_case(self.search.trim());
                actions.sort_by_key(|(rank, action)| (!is_it(action), *rank, action.refusal(now).is_some()));
                actions.into_iter().map(|(_, action)| Item::Action(action)).collect()
            }
            Source::Wires(wires) => {
                let mut wires: Vec<(usize, &PossibleWire)> =
                    wires.iter().filter_map(|wire| Some((fuzzy(&wire.title, &self.search)?, wire))).collect();
                wires.sort_by_key(|(rank, wire)| (wire.verdict.is_err(), *rank));
                wires.into_iter().map(|(_, wire)| Item::Wire(wire)).collect()
            }
            Source::Converters { misfit, .. } => {
                let cards = misfit.converters.iter().filter_map(|kind| catalog.card(kind));
                cards.filter(|card| rank(card, &self.search).is_some()).map(Item::Converter).collect()
            }
        }
    }

    /// Nothing for what cannot be done now.
    fn command_for(&self, item: &Item<'_>, now: &Situation) -> Option<Command> {
        Some(match (item, &self.source) {
            (Item::Node(card), Source::Nodes { at, wire_from }) => {
                Command::AddNode { kind: card.kind.clone(), at: Some(*at), wire_from: wire_from.clone() }
            }
            (Item::Node(card), Source::Insert { wire, at }) => {
                Command::InsertNode { kind: card.kind.clone(), wire: wire.clone(), at: *at }
            }
            (Item::Node(card), Source::Replace { node }) => {
                Command::ReplaceNode { kind: card.kind.clone(), node: node.clone() }
            }
            (Item::Converter(card), Source::Converters { from, goal, .. }) => {
                Command::Convert { kind: card.kind.clone(), from: from.clone(), goal: goal.clone() }
            }
            (Item::Node(card) | Item::Converter(card), _) => {
                Command::AddNode { kind: card.kind.clone(), at: None, wire_from: None }
            }
            (Item::Action(action), _) => {
                if action.refusal(now).is_some() {
                    return None;
                }
                (action.command)()
            }
            (Item::Wire(wire), _) => match &wire.verdict {
                Ok(edits) => Command::Edit { label: wire.label.clone(), edits: edits.clone(), merge: None },
                Err(misfit) => Command::Convert {
                    kind: misfit.converters.first()?.clone(),
                    from: wire.from.clone(),
                    goal: Goal::Input(wire.to.clone()),
                },
            },
        })
    }

    /// Draws the list; false when it is to be closed.
    pub fn ui(
        &mut self,
        ctx: &egui::Context,
        theme: &Theme,
        catalog: &Catalog,
        keymap: &Keymap,
        now: &Situation,
        commands: &mut Vec<Command>,
    ) -> bool {
        let source = self.source.clone();
        let items = self.items(&source, catalog, now);
        self.marked = self.marked.min(items.len().saturating_sub(1));
        let (up, down, enter, escape) = ctx.input_mut(|input| {
            (
                input.count_and_consume_key(egui::Modifiers::NONE, Key::ArrowUp),
                input.count_and_consume_key(egui::Modifiers::NONE, Key::ArrowDown),
                input.key_pressed(Key::Enter),
                input.key_pressed(Key::Escape),
            )
        });
        self.marked = (self.marked + down).min(items.len().saturating_sub(1)).saturating_sub(up);
        let mut picked = if enter { items.get(self.marked).and_then(|item| self.command_for(item, now)) } else { None };
        let width = match self.source {
            Source::Actions | Source::Wires(_) => WIDE,
            _ => WIDTH,
        };
        let room = ctx.content_rect();
        let pos = self.pos_in_screen.min(room.max - vec2(width + 24.0, MAX_HEIGHT + 60.0)).max(room.min);
        let area = Area::new(egui::Id::unique("pick list")).order(Order::Foreground).fixed_pos(pos);
        let shown = area.show(ctx, |ui| {
            Frame::popup(ui.style()).show(ui, |ui| {
                ui.set_width(width);
                if let Source::Converters { misfit, .. } = &source {
                    ui.label(egui::RichText::new(&misfit.reason).color(theme.text));
                    ui.add_space(space::S);
                }
                self.search_ui(ui, theme);
                ui.add_space(space::XS);
                // The window around it is as small as a shorter list has left it; the list must grow again.
                let list = ScrollArea::vertical().max_height(MAX_HEIGHT).min_scrolled_height(MAX_HEIGHT);
                list.auto_shrink([false, true]).show(ui, |ui| {
                    ui.spacing_mut().item_spacing.y = 0.0;
                    for (index, item) in items.iter().enumerate() {
                        let is_marked = index == self.marked;
                        let facts = Facts { keymap, now, offer: &self.offer };
                        if item_ui(ui, theme, item, &facts, is_marked, is_marked && (up + down > 0)) {
                            picked = self.command_for(item, now);
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
            Source::Insert { .. } => ("Insert a node into the wire", "Insert a node…"),
            Source::Replace { .. } => ("Replace by a node", "Replace by…"),
            Source::Actions => ("Find a command", "Find a command…"),
            Source::Wires(_) => ("Wire to", "Wire to…"),
            Source::Converters { .. } => ("Insert a node that helps", "Insert a node…"),
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
            // The list above was made for the search before.
            ui.ctx().request_repaint();
        }
    }
}

/// What an item says of itself beside its title.
struct Facts<'a> {
    keymap: &'a Keymap,
    now: &'a Situation,
    offer: &'a Offer,
}

fn item_ui(ui: &mut Ui, theme: &Theme, item: &Item<'_>, facts: &Facts<'_>, is_marked: bool, scrolls: bool) -> bool {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), space::ROW), Sense::click());
    let title = match item {
        Item::Node(card) => Cow::from(card.title.as_str()),
        Item::Action(action) => Cow::from(action.title),
        Item::Wire(wire) => Cow::from(wire.title.as_str()),
        Item::Converter(card) => Cow::from(format!("Insert {}", card.title)),
    };
    let lack = match item {
        Item::Node(card) => facts.offer.lack(card),
        Item::Wire(wire) => wire.verdict.as_ref().err().map(|misfit| misfit.lacks.lack()),
        Item::Action(_) | Item::Converter(_) => None,
    };
    let refusal = match item {
        Item::Action(action) => action.refusal(facts.now),
        Item::Wire(wire) => lack.filter(|_| wire.verdict.as_ref().is_err_and(|misfit| misfit.converters.is_empty())),
        Item::Node(_) | Item::Converter(_) => None,
    };
    response.widget_info(|| {
        let tail = refusal.or(lack).map(|reason| format!(": {reason}")).unwrap_or_default();
        WidgetInfo::selected(Role::ListBoxOption, refusal.is_none(), is_marked, format!("pick {title}{tail}"))
    });
    let corner = CornerRadius::same(radius::FIELD);
    if is_marked {
        ui.painter().rect_filled(rect, corner, theme.accent_ground);
    } else if response.hovered() {
        ui.painter().rect_filled(rect, corner, theme.hovered);
    }
    let inside = rect.shrink2(vec2(space::S, 0.0));
    match item {
        Item::Node(card) => {
            paint_row(ui, theme, card, &title, inside);
            ui.painter().text(
                inside.right_center(),
                Align2::RIGHT_CENTER,
                lack.unwrap_or(card.section.title()),
                theme.small(),
                theme.text_weak,
            );
        }
        Item::Converter(card) => paint_row(ui, theme, card, &title, inside),
        Item::Wire(_) => {
            let note = ui.painter().layout_no_wrap(lack.unwrap_or_default().to_owned(), theme.small(), theme.text_weak);
            let color = if refusal.is_some() { theme.text_weak } else { theme.text };
            let room = inside.width() - note.size().x - space::S;
            let galley = crate::canvas::line(ui.painter(), &title, theme.body(), color, room);
            ui.painter().galley(inside.left_center() - vec2(0.0, galley.size().y / 2.0), galley, color);
            ui.painter().galley(inside.right_center() - vec2(note.size().x, note.size().y / 2.0), note, color);
        }
        Item::Action(action) => {
            let color = if refusal.is_some() { theme.text_weak } else { theme.text };
            let left = inside.left_center() + vec2(24.0, 0.0);
            if !action.icon.is_empty() {
                let at = inside.left_center() + vec2(8.0, 0.0);
                let font = theme.icon_font(size::ICON);
                ui.painter().text(at, Align2::CENTER_CENTER, icon(action.icon), font, theme.text_weak);
            }
            ui.painter().text(left, Align2::LEFT_CENTER, title.as_ref(), theme.body(), color);
            let (text, font) = match refusal {
                Some(reason) => (reason.to_owned(), theme.small()),
                None => (facts.keymap.text_for(action).unwrap_or_default(), theme.mono()),
            };
            ui.painter().text(inside.right_center(), Align2::RIGHT_CENTER, text, font, theme.text_weak);
        }
    }
    if scrolls {
        response.scroll_to_me(None);
    }
    response.clicked()
}
