//! The one list of what can be done from everywhere: it feeds the keys, the help overlay and the command palette.

use egui::{Key, KeyboardShortcut, Modifiers};

use crate::command::{BottomTab, Command, Side};

/// Something the person can do that needs no further word.
#[derive(Debug)]
pub struct Action {
    pub title: &'static str,
    pub group: Group,
    /// The keys that do it; the first one is shown.
    pub keys: &'static [KeyboardShortcut],
    pub command: fn() -> Command,
}

impl Action {
    /// The first of its keys, as a person reads it: `Ctrl+Z`.
    pub fn key_text(&self) -> Option<String> {
        let key = self.keys.first()?;
        let mut words = Vec::new();
        if key.modifiers.command {
            words.push("Ctrl");
        }
        if key.modifiers.shift {
            words.push("Shift");
        }
        words.push(key.logical_key.symbol_or_name());
        Some(words.join("+"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Project,
    Edit,
    View,
    Run,
}

impl Group {
    pub const ALL: [Group; 4] = [Group::Run, Group::Edit, Group::View, Group::Project];

    pub fn title(self) -> &'static str {
        match self {
            Group::Project => "Project",
            Group::Edit => "Edit",
            Group::View => "View",
            Group::Run => "Run",
        }
    }
}

const NONE: Modifiers = Modifiers::NONE;
const CTRL: Modifiers = Modifiers::COMMAND;
const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

const fn key(modifiers: Modifiers, key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(modifiers, key)
}

/// Every action, in the order of the help overlay. No key that browsers keep for themselves (F5, Ctrl+W, …) is used. Copy, cut and paste come as events of the system and stand in
/// [`GESTURES`].
#[rustfmt::skip]
pub const ACTIONS: &[Action] = &[
    Action { title: "Run", group: Group::Run, keys: &[key(CTRL, Key::Enter)], command: || Command::Run },
    Action { title: "Stop (twice: at once)", group: Group::Run, keys: &[key(CTRL, Key::Period)], command: || Command::Stop },
    Action { title: "Apply changes to the run", group: Group::Run, keys: &[key(CTRL_SHIFT, Key::Enter)], command: || Command::ApplyToRun },
    Action { title: "Restart the run", group: Group::Run, keys: &[], command: || Command::Restart },
    Action { title: "Undo", group: Group::Edit, keys: &[key(CTRL, Key::Z)], command: || Command::Undo },
    Action { title: "Redo", group: Group::Edit, keys: &[key(CTRL_SHIFT, Key::Z), key(CTRL, Key::Y)], command: || Command::Redo },
    Action { title: "Duplicate", group: Group::Edit, keys: &[key(CTRL, Key::D)], command: || Command::Duplicate },
    Action { title: "Delete", group: Group::Edit, keys: &[key(NONE, Key::Delete), key(NONE, Key::Backspace)], command: || Command::DeleteSelection },
    Action { title: "Select all", group: Group::Edit, keys: &[key(CTRL, Key::A)], command: || Command::SelectAll },
    Action { title: "Rename", group: Group::Edit, keys: &[key(NONE, Key::F2)], command: || Command::RenameSelected },
    Action { title: "Disable or enable", group: Group::Edit, keys: &[key(NONE, Key::D)], command: || Command::ToggleDisabled },
    Action { title: "Zoom to fit", group: Group::View, keys: &[key(NONE, Key::F)], command: || Command::ZoomToFit },
    Action { title: "Zoom in", group: Group::View, keys: &[key(NONE, Key::Plus), key(NONE, Key::Equals)], command: || Command::ZoomBy(1.25) },
    Action { title: "Zoom out", group: Group::View, keys: &[key(NONE, Key::Minus)], command: || Command::ZoomBy(0.8) },
    Action { title: "Zoom to 100 %", group: Group::View, keys: &[key(NONE, Key::Num0)], command: || Command::ZoomReset },
    Action { title: "Hide or show the palette", group: Group::View, keys: &[key(NONE, Key::Num1)], command: || Command::TogglePanel(Side::Palette) },
    Action { title: "Hide or show the bottom panel", group: Group::View, keys: &[key(NONE, Key::Num2)], command: || Command::TogglePanel(Side::Bottom) },
    Action { title: "Hide or show the inspector", group: Group::View, keys: &[key(NONE, Key::Num3)], command: || Command::TogglePanel(Side::Inspector) },
    Action { title: "Find a node in the palette", group: Group::View, keys: &[key(CTRL, Key::F)], command: || Command::FocusSearch },
    Action { title: "All commands", group: Group::View, keys: &[key(CTRL, Key::K)], command: || Command::ShowPalette },
    Action { title: "Problems", group: Group::View, keys: &[], command: || Command::ShowBottom(BottomTab::Problems) },
    Action { title: "Run log", group: Group::View, keys: &[], command: || Command::ShowBottom(BottomTab::Log) },
    Action { title: "Light or dark", group: Group::View, keys: &[], command: || Command::ToggleTheme },
    Action { title: "Keys", group: Group::View, keys: &[key(NONE, Key::Questionmark)], command: || Command::ToggleShortcuts },
    Action { title: "Projects…", group: Group::Project, keys: &[key(CTRL, Key::O)], command: || Command::ShowProjects },
    Action { title: "New project", group: Group::Project, keys: &[], command: || Command::NewProject },
    Action { title: "Import a pipeline…", group: Group::Project, keys: &[], command: || Command::Import },
    Action { title: "Export the pipeline…", group: Group::Project, keys: &[key(CTRL, Key::E)], command: || Command::Export },
    Action { title: "Save a revision…", group: Group::Project, keys: &[key(CTRL, Key::S)], command: || Command::AskRevision },
];

/// What is done with the mouse or by keys of the system, for the help overlay.
pub const GESTURES: &[(Group, &str, &str)] = &[
    (Group::Edit, "Copy, cut, paste", "Ctrl+C, X, V"),
    (Group::Edit, "Move the selection", "Arrow keys"),
    (Group::Edit, "Add a node here", "Tab or double-click"),
    (Group::Edit, "Draw a wire", "Drag from port to port"),
    (Group::View, "Pan", "Scroll, middle drag, Space + drag"),
    (Group::View, "Zoom at the pointer", "Ctrl + scroll, pinch"),
    (Group::View, "Box select", "Drag on the ground"),
    (Group::View, "Add to the selection", "Shift + click"),
    (Group::Run, "See a wire's rows", "Click the wire"),
];

/// The commands whose keys were pressed in this frame; the keys are used up.
pub fn pressed(ctx: &egui::Context, commands: &mut Vec<Command>) {
    // Shortcuts with more modifiers first, so that Ctrl+Shift+Z is not taken for Ctrl+Z.
    let mut all: Vec<_> =
        ACTIONS.iter().flat_map(|action| action.keys.iter().map(move |key| (key, action.command))).collect();
    all.sort_by_key(|(key, _)| std::cmp::Reverse(u8::from(key.modifiers.shift) + u8::from(key.modifiers.command)));
    for (key, command) in all {
        if ctx.input_mut(|input| input.consume_shortcut(key)) {
            commands.push(command());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_actions_share_a_key() {
        let keys: Vec<&KeyboardShortcut> = ACTIONS.iter().flat_map(|action| action.keys).collect();
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys[..index].contains(key), "{key:?}");
        }
    }
}
