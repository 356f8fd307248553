//! The palette: all node kinds by section, with a search, and favourites on top. Drag one onto the canvas, or
//! double-click it.

use egui::accesskit::Role;
use egui::{Align2, CornerRadius, Rect, ScrollArea, Sense, TextEdit, Ui, WidgetInfo, pos2, vec2};
use millrace_model::{NodeCard, Section};

use crate::actions::Situation;
use crate::canvas::line;
use crate::command::Command;
use crate::context::ViewContext;
use crate::editing::nest;
use crate::favourites::FavouriteKinds;
use crate::icon::icon;
use crate::theme::{Theme, radius, size, space};

/// What is dragged from the palette: a node kind.
#[derive(Debug, Clone)]
pub struct DraggedKind(pub String);

/// What the palette keeps between frames.
#[derive(Debug, Default)]
pub struct PaletteState {
    search: String,
    wants_focus: bool,
    pub(crate) favourites: FavouriteKinds,
}

impl PaletteState {
    /// Puts the focus on the search field.
    pub fn focus_search(&mut self) {
        self.wants_focus = true;
    }
}

/// How well a card answers a search, smaller is better; `None` for not at all. Each word must be found.
pub fn rank(card: &NodeCard, search: &str) -> Option<usize> {
    let (title, rest) = (card.title.to_lowercase(), format!("{} {}", card.kind, card.summary).to_lowercase());
    let mut rank = 0;
    for word in search.to_lowercase().split_whitespace() {
        rank += if title.starts_with(word) {
            0
        } else if title.contains(word) {
            1
        } else if card.kind.contains(word) {
            2
        } else if rest.contains(word) {
            3
        } else {
            return None;
        };
    }
    Some(rank)
}

pub fn palette_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, state: &mut PaletteState) {
    let theme = cx.theme;
    let hint = format!("{}  Search nodes…", icon("magnifying-glass"));
    let field = TextEdit::singleline(&mut state.search)
        .hint_text(egui::RichText::new(hint).color(theme.text_weak))
        .margin(vec2(10.0, 7.0))
        .desired_width(f32::INFINITY);
    let response = ui.add(field);
    response.widget_info(|| WidgetInfo {
        label: Some("Search nodes".to_owned()),
        ..WidgetInfo::text_edit(true, state.search.as_str(), state.search.as_str(), "Search nodes…")
    });
    if std::mem::take(&mut state.wants_focus) {
        response.request_focus();
    }
    // Escape has taken the focus away already.
    if response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Escape)) {
        state.search.clear();
    }
    let search = state.search.clone();
    let situation = cx.situation;
    let found = |card: &&NodeCard| can_stand_here(card, situation) && rank(card, &search).is_some();
    let first = cx.catalog.cards().filter(found).min_by_key(|card| rank(card, &search));
    if response.lost_focus()
        && ui.input(|input| input.key_pressed(egui::Key::Enter))
        && !state.search.is_empty()
        && let Some(card) = first
    {
        cx.commands.push(Command::AddNode { kind: card.kind.clone(), at: None, wire_from: None });
        state.search.clear();
    }
    ui.add_space(space::XS);
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        // A search finds each kind once.
        let starred = state.favourites.iter().filter(|_| search.is_empty()).filter_map(|kind| cx.catalog.card(kind));
        let favourites: (&str, Vec<&NodeCard>) = ("Favourites", starred.filter(found).collect());
        let sections =
            Section::ALL.map(|section| (section.title(), cx.catalog.section(section).filter(found).collect()));
        for (title, cards) in std::iter::once(favourites).chain(sections) {
            if cards.is_empty() {
                continue;
            }
            ui.add_space(space::S);
            ui.label(egui::RichText::new(title).font(theme.semibold(size::SMALL)).color(theme.text_weak));
            ui.add_space(space::XS);
            for card in cards {
                cx.commands.extend(row_ui(ui, theme, card, state.favourites.contains(&card.kind)));
            }
        }
        if first.is_none() {
            ui.add_space(space::L);
            ui.colored_label(theme.text_weak, format!("No node is called “{}”.", state.search));
            ui.add_space(space::S);
            if ui.button("Show all nodes").clicked() {
                state.search.clear();
            }
        }
        ui.add_space(space::L);
    });
}

/// Whether a node of this card may be added to what is open: a port only to a nested pipeline.
pub fn can_stand_here(card: &NodeCard, now: &Situation) -> bool {
    now.is_inside || !card.nesting.is_some_and(nest::is_border)
}

/// One kind, and what is asked of it.
fn row_ui(ui: &mut Ui, theme: &Theme, card: &NodeCard, is_favourite: bool) -> Option<Command> {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), space::ROW), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("add {}", card.title)));
    response.dnd_set_drag_payload(DraggedKind(card.kind.clone()));
    let help = RowButton::new(ui, &response, "help", rect, 1);
    let star = RowButton::new(ui, &response, "star", rect, 0);
    // In the frame of a Tab the focus has left the row already, and its buttons must be there to take it.
    let is_at_row = response.hovered() || response.has_focus() || response.lost_focus();
    let is_hot = is_at_row || help.is_hot || star.is_hot;
    if is_hot {
        ui.painter().rect_filled(rect, CornerRadius::same(radius::FIELD), theme.hovered);
        ui.set_cursor_icon(egui::CursorIcon::Grab);
    }
    let num_buttons = if is_hot {
        2.0
    } else if is_favourite {
        1.0
    } else {
        0.0
    };
    let for_title = rect.with_max_x(rect.max.x - num_buttons * RowButton::STEP);
    paint_row(ui, theme, card, &card.title, for_title);
    if response.dragged() {
        ghost(ui, theme, card);
    }
    let by_key = response.has_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
    // Who does not use a mouse presses it as a button.
    let by_reader = ui.input(|input| input.has_accesskit_action_request(response.id, egui::accesskit::Action::Click));
    let is_added = response.double_clicked() || by_key || by_reader;
    let by_f1 = is_hot && ui.input_mut(|input| input.consume_key(egui::Modifiers::NONE, egui::Key::F1));
    let wants_help = by_f1 || (is_hot && help.ui(ui, theme, "question", &format!("help of {}", card.title), None));
    let star_name = format!("favourite {}", card.title);
    let wants_star = (is_hot || is_favourite) && star.ui(ui, theme, "star", &star_name, Some(is_favourite));
    response.on_hover_ui(|ui| {
        ui.label(egui::RichText::new(&card.title).font(theme.semibold(size::BODY)));
        ui.label(&card.summary);
        ui.colored_label(theme.text_weak, "Drag it onto the canvas, or double-click. F1 shows its help.");
    });
    if wants_help {
        return Some(Command::ShowHelp(Some(card.kind.clone())));
    }
    if wants_star {
        return Some(Command::ToggleFavourite(Some(card.kind.clone())));
    }
    is_added.then(|| Command::AddNode { kind: card.kind.clone(), at: None, wire_from: None })
}

/// A small button at the end of a row that is pointed at.
#[derive(Debug, Clone, Copy)]
struct RowButton {
    id: egui::Id,
    rect: Rect,
    /// The pointer or the focus is on it.
    is_hot: bool,
}

impl RowButton {
    /// From one button to the next.
    const STEP: f32 = 24.0;

    /// The button in the place `place`, counted from the end of the row.
    fn new(ui: &Ui, row: &egui::Response, salt: &str, rect: Rect, place: u8) -> Self {
        let id = row.id.with(salt);
        let center = rect.right_center() - vec2(14.0 + f32::from(place) * Self::STEP, 0.0);
        let rect = Rect::from_center_size(center, vec2(22.0, 22.0));
        let is_hot = ui.memory(|memory| memory.has_focus(id)) || ui.rect_contains_pointer(rect);
        Self { id, rect, is_hot }
    }

    /// True when it was pressed. One that stays down says by `is_down` whether it is.
    fn ui(self, ui: &Ui, theme: &Theme, icon_name: &str, label: &str, is_down: Option<bool>) -> bool {
        let response = ui.interact(self.rect, self.id, Sense::click());
        response.widget_info(|| match is_down {
            Some(is_down) => WidgetInfo::selected(Role::Button, true, is_down, label),
            None => WidgetInfo::labeled(Role::Button, true, label),
        });
        let is_lit = response.hovered() || response.has_focus() || is_down == Some(true);
        if is_down == Some(true) {
            ui.painter().circle_filled(self.rect.center(), 10.0, theme.accent_ground);
        }
        let color = if is_lit { theme.accent } else { theme.text_weak };
        let font = theme.icon_font(size::ICON);
        ui.painter().text(self.rect.center(), Align2::CENTER_CENTER, icon(icon_name), font, color);
        response.clicked()
    }
}

/// The section's bar, the icon and a title.
pub fn paint_row(ui: &Ui, theme: &Theme, card: &NodeCard, title: &str, rect: Rect) {
    let color = theme.section_color(card.section);
    let painter = ui.painter();
    let bar = Rect::from_min_max(rect.min + vec2(0.0, 7.0), pos2(rect.min.x + 4.0, rect.max.y - 7.0));
    painter.rect_filled(bar, CornerRadius::same(2), color);
    let at = pos2(rect.min.x + 22.0, rect.center().y);
    painter.text(at, Align2::CENTER_CENTER, icon(&card.icon), theme.icon_font(size::ICON), color);
    let text = pos2(rect.min.x + 38.0, rect.center().y);
    let galley = line(painter, title, theme.body(), theme.text, rect.max.x - text.x);
    painter.galley(text - vec2(0.0, galley.size().y / 2.0), galley, theme.text);
}

/// The card that follows the pointer while a kind is dragged.
fn ghost(ui: &Ui, theme: &Theme, card: &NodeCard) {
    let Some(pointer) = ui.ctx().pointer_interact_pos() else { return };
    let painter = ui.ctx().layer_painter(egui::LayerId::new(egui::Order::Tooltip, egui::Id::unique("palette ghost")));
    let rect = Rect::from_min_size(pointer - vec2(88.0, 20.0), vec2(176.0, 52.0));
    let stroke = egui::Stroke::new(1.5, theme.section_color(card.section));
    painter.rect(rect, CornerRadius::same(radius::CARD), theme.panel, stroke, egui::StrokeKind::Inside);
    let text = pos2(rect.min.x + 16.0, rect.min.y + 19.0);
    painter.text(text, Align2::LEFT_CENTER, &card.title, theme.semibold(size::TITLE), theme.text_strong);
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_model::Form;

    fn card(title: &str, kind: &str, summary: &str) -> NodeCard {
        NodeCard {
            kind: kind.to_owned(),
            section: Section::Process,
            title: title.to_owned(),
            summary: summary.to_owned(),
            help: String::new(),
            icon: String::new(),
            form: Form::default(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            headline: None,
            is_source: false,
            has_view: false,
            nesting: None,
            can_bypass: false,
        }
    }

    #[test]
    fn a_search_looks_at_title_kind_and_summary_and_ranks_them_in_that_order() {
        let filter = card("Filter", "process.filter", "Keeps rows that meet a condition.");
        assert_eq!(rank(&filter, ""), Some(0));
        assert!(rank(&filter, "FIL") < rank(&filter, "process"));
        assert!(rank(&filter, "process") < rank(&filter, "condition"));
        assert_eq!(rank(&filter, "filter wheel"), None);
    }
}
