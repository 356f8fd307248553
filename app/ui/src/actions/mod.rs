//! The one list of what can be done from everywhere: it feeds the keys, the menus, the help overlay and the command
//! palette.
//!
//! An action names a command and says when it can be taken; what it does is the command's affair. Ids are stable: the
//! keys that a person chose are kept under them. Each list below is one group, in the order of the help overlay.

mod arrange;
mod dashboard;
mod edit;
mod keymap;
mod need;
mod run;
mod select;
mod view;

use egui::{Key, KeyboardShortcut, Modifiers};

pub use self::keymap::{Keymap, text_of};
pub use self::need::{Need, Situation};
use crate::command::Command;

/// Something the person can do that needs no further word.
#[derive(Debug)]
pub struct Action {
    /// `group.words`, never changed once people have it.
    pub id: &'static str,
    pub title: &'static str,
    pub group: Group,
    /// The keys that do it unless the person chose others; the first one is shown.
    pub keys: &'static [KeyboardShortcut],
    pub effect: Effect,
    pub need: Need,
    pub icon: &'static str,
    /// Its keys go before those of a text field that is being typed into.
    pub while_typing: bool,
    pub command: fn() -> Command,
}

impl PartialEq for Action {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// What an action does to the undo history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Changes the pipeline by one undoable step.
    Edit,
    /// Leaves pipeline and history as they are.
    View,
    /// Walks through the history.
    History,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    Edit,
    Run,
    Arrange,
    Select,
    View,
    Dashboard,
    Project,
}

impl Group {
    pub const ALL: [Group; 7] =
        [Group::Edit, Group::Run, Group::Arrange, Group::Select, Group::View, Group::Dashboard, Group::Project];

    pub fn title(self) -> &'static str {
        match self {
            Group::Edit => "Edit",
            Group::Run => "Run",
            Group::Arrange => "Arrange",
            Group::Select => "Select",
            Group::View => "View",
            Group::Dashboard => "Dashboards",
            Group::Project => "Project",
        }
    }
}

const NONE: Modifiers = Modifiers::NONE;
const SHIFT: Modifiers = Modifiers::SHIFT;
const ALT: Modifiers = Modifiers::ALT;
const ALT_SHIFT: Modifiers = Modifiers::ALT.plus(Modifiers::SHIFT);
const CTRL: Modifiers = Modifiers::COMMAND;
const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);
const CTRL_ALT: Modifiers = Modifiers::COMMAND.plus(Modifiers::ALT);

const fn key(modifiers: Modifiers, key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(modifiers, key)
}

type Keys = &'static [KeyboardShortcut];

impl Action {
    const fn edit(id: &'static str, title: &'static str, keys: Keys, need: Need, command: fn() -> Command) -> Self {
        Self { id, title, group: Group::Edit, keys, effect: Effect::Edit, need, icon: "", while_typing: false, command }
    }

    const fn view(id: &'static str, title: &'static str, keys: Keys, need: Need, command: fn() -> Command) -> Self {
        Self { id, title, group: Group::View, keys, effect: Effect::View, need, icon: "", while_typing: false, command }
    }

    const fn with_icon(self, icon: &'static str) -> Self {
        Self { icon, ..self }
    }

    const fn in_group(self, group: Group) -> Self {
        Self { group, ..self }
    }

    const fn through_history(self) -> Self {
        Self { effect: Effect::History, ..self }
    }

    const fn while_typing(self) -> Self {
        Self { while_typing: true, ..self }
    }

    /// Why it cannot be taken now.
    pub fn refusal(&self, now: &Situation) -> Option<&'static str> {
        (!self.need.is_met(now)).then(|| self.need.reason())
    }
}

/// Every action, in the order of the help overlay. No key that browsers keep for themselves (F5, Ctrl+W, …) is used.
pub fn all() -> impl Iterator<Item = &'static Action> {
    [edit::ACTIONS, run::RUN, arrange::ACTIONS, select::ACTIONS, view::ACTIONS, dashboard::ACTIONS, run::PROJECT]
        .into_iter()
        .flatten()
}

/// The action of this id.
pub fn find(id: &str) -> Option<&'static Action> {
    all().find(|action| action.id == id)
}

/// What is done with the mouse or by keys of the system, for the help overlay.
pub const GESTURES: &[(Group, &str, &str)] = &[
    (Group::Edit, "Copy, cut, paste", "Ctrl+C, X, V"),
    (Group::Edit, "Add a node here", "Tab or double-click"),
    (Group::Edit, "Open a nested pipeline", "Double-click or Enter"),
    (Group::Edit, "Draw a wire", "Drag from port to port"),
    (Group::Edit, "Insert a node into a wire", "Drop it on the wire"),
    (Group::View, "Next part of the window", "F6"),
    (Group::Select, "Walk along the wires", "F6, then arrow keys"),
    (Group::Arrange, "Move the node that is walked to", "Ctrl + arrow keys"),
    (Group::View, "Pan", "Scroll, middle drag, Space + drag"),
    (Group::View, "Zoom at the pointer", "Ctrl + scroll, pinch"),
    (Group::Select, "Box select", "Drag on the ground"),
    (Group::Select, "Add to the selection", "Shift + click"),
    (Group::Run, "See a wire's rows", "Click the wire"),
];

/// How well a text answers a search, smaller is better; `None` for not at all. Letters may be left out (`zmft` finds
/// “Zoom to fit”), but what stands together or begins a word comes first.
pub fn fuzzy(text: &str, search: &str) -> Option<usize> {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let mut cost = 0;
    for word in search.to_lowercase().split_whitespace() {
        let word: Vec<char> = word.chars().collect();
        let whole = text.windows(word.len()).position(|part| part == word);
        cost += match whole {
            Some(0) => 0,
            Some(at) if text[at - 1] == ' ' => 1,
            Some(_) => 4,
            None => {
                let (mut at, mut gaps) = (0, 10);
                for letter in &word {
                    let step = text[at..].iter().position(|other| other == letter)?;
                    let begins_word = at + step == 0 || text[at + step - 1] == ' ';
                    gaps += if begins_word { 0 } else { step };
                    at += step + 1;
                }
                gaps
            }
        };
    }
    Some(cost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_and_titles_name_one_action_each() {
        let ids: BTreeSet<&str> = all().map(|action| action.id).collect();
        let titles: BTreeSet<&str> = all().map(|action| action.title).collect();
        assert_eq!((ids.len(), titles.len()), (all().count(), all().count()));
        for action in all() {
            let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.';
            assert!(action.id.chars().all(is_word) && action.id.contains('.'), "{}", action.id);
            assert!(action.icon.is_empty() || crate::icon::has_icon(action.icon), "{}", action.icon);
        }
    }

    #[test]
    fn no_two_actions_share_a_key() {
        let keys: Vec<(&str, &KeyboardShortcut)> =
            all().flat_map(|action| action.keys.iter().map(|key| (action.id, key))).collect();
        for (index, (id, key)) in keys.iter().enumerate() {
            for (other, taken) in &keys[..index] {
                assert!(key != taken, "{id} and {other}: {key:?}");
            }
        }
    }

    #[test]
    fn a_search_finds_words_first_and_then_letters_in_order() {
        assert_eq!(fuzzy("Zoom to fit", "zoom"), Some(0));
        assert!(fuzzy("Zoom to fit", "fit") < fuzzy("Profit", "fit"));
        assert!(fuzzy("Zoom to fit", "ztf").is_some());
        assert!(fuzzy("Zoom to fit", "ztf") > fuzzy("Zoom to fit", "fit"));
        assert_eq!(fuzzy("Zoom to fit", "zoom x"), None);
    }
}
