//! Completion of column names, functions and parameters while an expression is typed.
//!
//! Pure text work first: which word the cursor stands in, what fits it, what the text is after one was taken. Then the
//! list under the field. Columns of the node's input come before functions, functions before keywords.

use egui::{
    Align2, Area, Button, Frame, Id, Key, Modifiers, Order, Rect, Response, RichText, Role, ScrollArea, Ui, WidgetInfo,
    vec2,
};
use millrace_protocol::Column;

use crate::theme::Theme;

const MAX_SUGGESTIONS: usize = 40;

const FUNCTIONS: &[&str] = &[
    "abs",
    "cast",
    "ceil",
    "coalesce",
    "concat",
    "contains",
    "date_part",
    "date_trunc",
    "exp",
    "floor",
    "greatest",
    "least",
    "length",
    "ln",
    "log10",
    "lower",
    "ltrim",
    "nullif",
    "power",
    "random",
    "regexp_like",
    "regexp_match",
    "regexp_replace",
    "replace",
    "round",
    "rtrim",
    "signum",
    "sin",
    "split_part",
    "sqrt",
    "starts_with",
    "strpos",
    "substr",
    "to_char",
    "to_timestamp",
    "trim",
    "trunc",
    "upper",
];

const AGGREGATES: &[&str] = &[
    "avg",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "first_value",
    "last_value",
    "max",
    "median",
    "min",
    "stddev",
    "sum",
    "var",
];

const KEYWORDS: &[&str] = &[
    "AND",
    "BETWEEN",
    "CASE",
    "ELSE",
    "END",
    "FALSE",
    "IN",
    "INTERVAL",
    "IS NOT NULL",
    "IS NULL",
    "LIKE",
    "NOT",
    "NULL",
    "OR",
    "THEN",
    "TRUE",
    "WHEN",
];

/// What may be written in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Column,
    Expression { aggregate: bool },
}

/// Something that can be taken from the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Suggestion {
    /// What is shown and looked for.
    pub name: String,
    /// Its type or what it is.
    pub word: String,
    /// What is written.
    text: String,
    /// How many characters before the end of `text` the cursor goes.
    back: usize,
}

impl Suggestion {
    fn column(column: &Column, is_expression: bool) -> Self {
        let text = if is_expression { quoted(&column.name) } else { column.name.clone() };
        Self { name: column.name.clone(), word: column.data_type.clone(), text, back: 0 }
    }

    fn function(name: &str, word: &str) -> Self {
        Self { name: name.to_owned(), word: word.to_owned(), text: format!("{name}()"), back: 1 }
    }

    fn keyword(name: &str) -> Self {
        Self { name: name.to_owned(), word: String::new(), text: name.to_owned(), back: 0 }
    }
}

/// A column name as SQL reads it: quoted where it is not a plain lower-case word.
fn quoted(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Where the word that ends at `cursor` (a character index) starts.
fn word_start(text: &str, cursor: usize) -> usize {
    let before: Vec<char> = text.chars().take(cursor).collect();
    before.iter().rposition(|c| !(c.is_alphanumeric() || *c == '_')).map_or(0, |position| position + 1)
}

/// Whether `cursor` stands inside a text in single quotes, where there is nothing to complete.
fn is_in_quotes(text: &str, cursor: usize) -> bool {
    text.chars().take(cursor).filter(|c| *c == '\'').count() % 2 == 1
}

/// What fits the word at the cursor, best first. An empty word fits all when `all` is asked for, else nothing.
pub(super) fn suggestions(text: &str, cursor: usize, columns: &[Column], wanted: Wanted, all: bool) -> Vec<Suggestion> {
    let (is_expression, start) = match wanted {
        Wanted::Column => (false, 0),
        Wanted::Expression { .. } => (true, word_start(text, cursor)),
    };
    let word: String = text.chars().take(cursor).skip(start).collect::<String>().to_lowercase();
    if (word.is_empty() && !all) || (is_expression && is_in_quotes(text, cursor)) {
        return Vec::new();
    }
    let mut candidates: Vec<Suggestion> =
        columns.iter().map(|column| Suggestion::column(column, is_expression)).collect();
    if let Wanted::Expression { aggregate } = wanted {
        if aggregate {
            candidates.extend(AGGREGATES.iter().map(|name| Suggestion::function(name, "aggregate")));
        }
        candidates.extend(FUNCTIONS.iter().map(|name| Suggestion::function(name, "function")));
        candidates.extend(KEYWORDS.iter().map(|name| Suggestion::keyword(name)));
    }
    let rank = |candidate: &Suggestion| {
        let name = candidate.name.to_lowercase();
        if name.starts_with(&word) { Some(0) } else { name.contains(&word).then_some(1) }
    };
    let mut fitting: Vec<(u8, Suggestion)> =
        candidates.into_iter().filter_map(|candidate| Some((rank(&candidate)?, candidate))).collect();
    fitting.sort_by_key(|(rank, _)| *rank);
    // A word that is complete already needs no help.
    if !all && matches!(fitting.as_slice(), [(_, only)] if only.name.to_lowercase() == word) {
        return Vec::new();
    }
    fitting.into_iter().map(|(_, suggestion)| suggestion).take(MAX_SUGGESTIONS).collect()
}

/// The text with the word at the cursor replaced, and where the cursor is then.
pub(super) fn taken(text: &str, cursor: usize, suggestion: &Suggestion, wanted: Wanted) -> (String, usize) {
    if wanted == Wanted::Column {
        return (suggestion.text.clone(), suggestion.text.chars().count());
    }
    let start = word_start(text, cursor);
    let mut written: String = text.chars().take(start).collect();
    written.push_str(&suggestion.text);
    let rest: String = text.chars().skip(cursor).collect();
    let length = suggestion.text.chars().count();
    // `avg` before `(x)` becomes `avg(x)`, not `avg()(x)`.
    if suggestion.back == 1 && rest.starts_with('(') {
        written.truncate(written.len() - 2);
        return (written + &rest, start + length - 1);
    }
    (written + &rest, start + length - suggestion.back)
}

/// The list under a field, as it stands between frames.
#[derive(Debug, Clone, Default)]
struct Open {
    is_open: bool,
    shows_all: bool,
    chosen: usize,
    /// Where the list was drawn: a press there does not close it.
    rect: Option<Rect>,
}

/// What the keyboard did to the list before the field saw the keys.
#[derive(Debug, Default)]
pub(super) struct Keys {
    pub take: bool,
    open: Open,
}

/// Reads the keys that belong to the list while it is open, so that the field does not get them.
pub(super) fn read_keys(ui: &Ui, id: Id, has_focus: bool) -> Keys {
    let mut open = ui.data(|data| data.get_temp::<Open>(id)).unwrap_or_default();
    let mut take = false;
    if has_focus {
        ui.input_mut(|input| {
            if input.consume_key(Modifiers::CTRL, Key::Space) || input.consume_key(Modifiers::COMMAND, Key::Space) {
                (open.is_open, open.shows_all, open.chosen) = (true, true, 0);
            }
            if open.is_open {
                take = input.consume_key(Modifiers::NONE, Key::Enter) || input.consume_key(Modifiers::NONE, Key::Tab);
                if input.consume_key(Modifiers::NONE, Key::ArrowDown) {
                    open.chosen += 1;
                }
                if input.consume_key(Modifiers::NONE, Key::ArrowUp) {
                    open.chosen = open.chosen.saturating_sub(1);
                }
                if input.consume_key(Modifiers::NONE, Key::Escape) {
                    open = Open::default();
                }
            }
        });
    }
    Keys { take, open }
}

/// Whether the list was open in the last frame: the field then leaves Tab alone.
pub(super) fn is_open(ui: &Ui, id: Id) -> bool {
    ui.data(|data| data.get_temp::<Open>(id)).is_some_and(|open| open.is_open)
}

/// Opens the list with everything that there is.
pub(super) fn open_all(ui: &Ui, id: Id) {
    ui.data_mut(|data| data.insert_temp(id, Open { is_open: true, shows_all: true, ..Open::default() }));
}

/// Draws the list under the field; gives what was taken.
pub(super) fn list_ui(
    ui: &mut Ui,
    theme: &Theme,
    id: Id,
    keys: Keys,
    field: &Response,
    find: impl Fn(bool) -> Vec<Suggestion>,
) -> Option<Suggestion> {
    let Keys { take, mut open } = keys;
    if field.changed() {
        (open.is_open, open.shows_all, open.chosen) = (true, false, 0);
    }
    let is_pressed = |rect: Rect| ui.input(|input| input.pointer.interact_pos().is_some_and(|pos| rect.contains(pos)));
    let stays = field.has_focus() || open.rect.is_some_and(is_pressed);
    let found = if open.is_open && stays { find(open.shows_all) } else { Vec::new() };
    if found.is_empty() {
        ui.data_mut(|data| data.remove::<Open>(id));
        return None;
    }
    open.chosen = open.chosen.min(found.len() - 1);
    if field.changed() {
        // The field must know in the next frame that Tab belongs to the list.
        ui.ctx().request_repaint();
    }
    let mut taken = take.then(|| found[open.chosen].clone());
    let area = Area::new(id.with("list")).order(Order::Foreground).pivot(Align2::LEFT_TOP);
    let place = field.rect.left_bottom() + vec2(0.0, 2.0);
    let list = area.fixed_pos(place).constrain_to(ui.ctx().content_rect()).show(ui.ctx(), |ui| {
        Frame::popup(ui.style()).show(ui, |ui| {
            ui.set_width(field.rect.width().max(180.0) - 14.0);
            ScrollArea::vertical().max_height(200.0).show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                for (index, suggestion) in found.iter().enumerate() {
                    let is_chosen = index == open.chosen;
                    let row = Button::selectable(is_chosen, RichText::new(&suggestion.name).font(theme.mono()))
                        .right_text(RichText::new(&suggestion.word).font(theme.small()).color(theme.text_weak))
                        .min_size(vec2(ui.available_width(), 0.0));
                    let row = ui.add(row);
                    row.widget_info(|| WidgetInfo::selected(Role::Button, true, is_chosen, &suggestion.name));
                    if is_chosen && !row.hovered() {
                        row.scroll_to_me(None);
                    }
                    if row.clicked() {
                        taken = Some(suggestion.clone());
                    }
                }
            });
        });
    });
    if taken.is_some() {
        ui.data_mut(|data| data.remove::<Open>(id));
    } else {
        open.rect = Some(list.response.rect);
        ui.data_mut(|data| data.insert_temp(id, open));
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column> {
        [("temperature", "number"), ("device_id", "text"), ("Site name", "text")]
            .map(|(name, data_type)| Column { name: name.to_owned(), data_type: data_type.to_owned() })
            .to_vec()
    }

    const EXPRESSION: Wanted = Wanted::Expression { aggregate: false };

    fn names(text: &str, wanted: Wanted) -> Vec<String> {
        let found = suggestions(text, text.chars().count(), &columns(), wanted, false);
        found.into_iter().map(|suggestion| suggestion.name).collect()
    }

    #[test]
    fn columns_come_first_and_a_start_before_a_middle() {
        assert_eq!(names("humidity > 3 AND te", EXPRESSION)[0], "temperature");
        assert_eq!(names("up", EXPRESSION), ["upper"]);
        assert!(names("avg", EXPRESSION).is_empty());
        assert_eq!(names("av", Wanted::Expression { aggregate: true })[0], "avg");
        assert_eq!(names("dev", Wanted::Column), ["device_id"]);
    }

    #[test]
    fn nothing_is_offered_inside_a_text_or_for_a_finished_word() {
        assert!(names("status = 'te", EXPRESSION).is_empty());
        assert!(names("temperature", EXPRESSION).is_empty());
        assert!(names("temperature > ", EXPRESSION).is_empty());
        assert_eq!(suggestions("", 0, &columns(), Wanted::Column, true).len(), 3);
    }

    #[test]
    fn taking_replaces_the_word_at_the_cursor_only() {
        let take = |text: &str, cursor: usize, name: &str| {
            let found = suggestions(text, cursor, &columns(), EXPRESSION, false);
            let suggestion = found.into_iter().find(|suggestion| suggestion.name == name).expect(name);
            taken(text, cursor, &suggestion, EXPRESSION)
        };
        assert_eq!(take("te > 20", 2, "temperature"), ("temperature > 20".to_owned(), 11));
        assert_eq!(take("ro", 2, "round"), ("round()".to_owned(), 6));
        assert_eq!(take("ro(x)", 2, "round"), ("round(x)".to_owned(), 6));
        assert_eq!(take("si", 2, "Site name"), ("\"Site name\"".to_owned(), 11));
        assert_eq!(take("ö = te", 6, "temperature"), ("ö = temperature".to_owned(), 15));
    }
}
