//! Which keys do what: the defaults of the list, and what the person chose instead.

use std::collections::BTreeMap;

use egui::{Event, Key, KeyboardShortcut, ModifierNames, Modifiers};
use serde_json::Value;

use super::{Action, Situation, all, find};
use crate::command::Command;

/// The keys of all actions. Only what differs from the defaults is kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Keymap {
    chosen: BTreeMap<&'static str, Vec<KeyboardShortcut>>,
}

impl Keymap {
    /// The keys that do it; the first one is shown.
    pub fn keys_of(&self, action: &'static Action) -> &[KeyboardShortcut] {
        self.chosen.get(action.id).map_or(action.keys, Vec::as_slice)
    }

    /// The first of its keys, as a person reads it: `Ctrl+Z`.
    pub fn text_for(&self, action: &'static Action) -> Option<String> {
        self.keys_of(action).first().map(text_of)
    }

    pub fn is_changed(&self, action: &Action) -> bool {
        self.chosen.contains_key(action.id)
    }

    pub fn has_changes(&self) -> bool {
        !self.chosen.is_empty()
    }

    /// Gives the action these keys and no others; `None` gives it its defaults again.
    pub fn set(&mut self, action: &'static Action, keys: Option<Vec<KeyboardShortcut>>) {
        match keys {
            Some(keys) if keys != action.keys => self.chosen.insert(action.id, keys),
            _ => self.chosen.remove(action.id),
        };
    }

    pub fn reset(&mut self) {
        self.chosen.clear();
    }

    /// The other actions that share a key with this one.
    pub fn conflicts_of(&self, action: &'static Action) -> Vec<&'static Action> {
        let mine = self.keys_of(action);
        let shares = |other: &&'static Action| self.keys_of(other).iter().any(|key| mine.contains(key));
        all().filter(|other| other.id != action.id).filter(shares).collect()
    }

    /// As a setting: ids with the texts of their keys.
    pub fn to_value(&self) -> Value {
        let texts = |keys: &[KeyboardShortcut]| keys.iter().map(text_of).collect::<Vec<_>>().into();
        Value::Object(self.chosen.iter().map(|(id, keys)| ((*id).to_owned(), texts(keys))).collect())
    }

    /// Reads a setting; actions and keys that this build does not know are left out.
    pub fn from_value(value: &Value) -> Self {
        let mut keymap = Self::default();
        for (id, keys) in value.as_object().into_iter().flatten() {
            if let (Some(action), Some(keys)) = (find(id), keys.as_array()) {
                keymap.set(action, Some(keys.iter().filter_map(|key| shortcut_from(key.as_str()?)).collect()));
            }
        }
        keymap
    }

    /// The commands whose keys were pressed in this frame; the keys are used up.
    pub fn pressed(&self, ctx: &egui::Context, now: &Situation, commands: &mut Vec<Command>) {
        self.take(ctx, now, |_, _| true, commands);
    }

    /// The same before a text field sees the keys: only what goes on while somebody types, and no key that writes.
    pub fn pressed_while_typing(&self, ctx: &egui::Context, now: &Situation, commands: &mut Vec<Command>) {
        self.take(ctx, now, |action, key| action.while_typing && !is_written(key), commands);
    }

    fn take(
        &self,
        ctx: &egui::Context,
        now: &Situation,
        is_meant: fn(&Action, &KeyboardShortcut) -> bool,
        commands: &mut Vec<Command>,
    ) {
        let is_pressed =
            ctx.input(|input| input.events.iter().any(|event| matches!(event, Event::Key { pressed: true, .. })));
        if !is_pressed {
            return;
        }
        // Shortcuts with more modifiers first, so that Ctrl+Shift+Z is not taken for Ctrl+Z.
        let keys = all().flat_map(|action| self.keys_of(action).iter().map(move |key| (key, action)));
        let mut keys: Vec<(&KeyboardShortcut, &Action)> =
            keys.filter(|(key, action)| is_meant(action, key) && action.need.is_met(now)).collect();
        keys.sort_by_key(|(key, _)| std::cmp::Reverse(num_modifiers(key.modifiers)));
        // Each press by itself and in order: a slow frame brings several.
        ctx.input_mut(|input| {
            input.events.retain(|event| {
                let Event::Key { key, modifiers, pressed: true, .. } = event else { return true };
                let is_this =
                    |of: &KeyboardShortcut| of.logical_key == *key && modifiers.matches_logically(of.modifiers);
                let Some((_, action)) = keys.iter().find(|(of, _)| is_this(of)) else { return true };
                commands.push((action.command)());
                false
            });
        });
    }
}

/// Whether the key writes or moves in a text field: all do but those with Ctrl and the function keys.
fn is_written(key: &KeyboardShortcut) -> bool {
    let is_function_key = (Key::F1..=Key::F35).contains(&key.logical_key);
    !is_function_key && !key.modifiers.command && !key.modifiers.ctrl
}

fn num_modifiers(modifiers: Modifiers) -> u8 {
    u8::from(modifiers.shift) + u8::from(modifiers.alt) + u8::from(modifiers.command || modifiers.ctrl)
}

/// `Ctrl+Shift+Z`; the same text is kept in the settings.
pub fn text_of(key: &KeyboardShortcut) -> String {
    let modifiers = Modifiers { command: false, mac_cmd: false, ctrl: key.modifiers.command, ..key.modifiers };
    let words = ModifierNames::NAMES.format(&modifiers, false);
    let name = match key.logical_key {
        Key::Plus | Key::Minus | Key::Equals | Key::Period | Key::Comma | Key::Slash | Key::Questionmark => {
            key.logical_key.symbol_or_name()
        }
        other => other.name(),
    };
    if words.is_empty() { name.to_owned() } else { format!("{words}+{name}") }
}

fn shortcut_from(text: &str) -> Option<KeyboardShortcut> {
    let (words, name) = match text.strip_suffix('+') {
        // The key is the plus sign itself.
        Some(words) => (words.trim_end_matches('+'), "+"),
        None => text.rsplit_once('+').unwrap_or(("", text)),
    };
    let mut modifiers = Modifiers::NONE;
    for word in words.split('+').filter(|word| !word.is_empty()) {
        modifiers |= match word {
            "Ctrl" => Modifiers::COMMAND,
            "Shift" => Modifiers::SHIFT,
            "Alt" => Modifiers::ALT,
            _ => return None,
        };
    }
    let key = Key::ALL.iter().copied().find(|key| key.name() == name || key.symbol_or_name() == name)?;
    Some(KeyboardShortcut::new(modifiers, key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_key_is_read_back_from_its_text() {
        for modifiers in [Modifiers::NONE, Modifiers::COMMAND, Modifiers::ALT | Modifiers::SHIFT | Modifiers::COMMAND] {
            for key in Key::ALL {
                let shortcut = KeyboardShortcut::new(modifiers, *key);
                let text = text_of(&shortcut);
                assert_eq!(shortcut_from(&text).map(|key| text_of(&key)), Some(text));
            }
        }
    }

    #[test]
    fn chosen_keys_survive_the_settings_and_unknown_ones_are_left_out() {
        let mut keymap = Keymap::default();
        let fit = find("view.zoom_to_fit").expect("it is in the list");
        keymap.set(fit, Some(vec![KeyboardShortcut::new(Modifiers::ALT, Key::Z)]));
        assert_eq!(Keymap::from_value(&keymap.to_value()), keymap);
        assert_eq!(keymap.text_for(fit).as_deref(), Some("Alt+Z"));
        assert_eq!(
            Keymap::from_value(&json!({"no.such": ["A"], "view.zoom_in": ["Hyper+A", 3]})).text_for(fit),
            Some("F".to_owned())
        );
        keymap.set(fit, Some(fit.keys.to_vec()));
        assert!(!keymap.has_changes(), "the defaults are not kept");
    }

    #[test]
    fn a_key_that_two_actions_have_is_a_conflict_of_both() {
        let mut keymap = Keymap::default();
        let (fit, run) = (find("view.zoom_to_fit").expect("known"), find("run.run").expect("known"));
        assert!(keymap.conflicts_of(fit).is_empty());
        keymap.set(fit, Some(run.keys.to_vec()));
        assert_eq!((keymap.conflicts_of(fit), keymap.conflicts_of(run)), (vec![run], vec![fit]));
    }

    #[test]
    fn a_slow_frame_brings_each_press_by_itself_and_in_order() {
        let press = |modifiers, key| Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers };
        let (ctrl, shift) = (Modifiers::COMMAND | Modifiers::CTRL, Modifiers::SHIFT);
        let undo = press(ctrl, Key::Z);
        let events = vec![undo.clone(), undo.clone(), press(ctrl | shift, Key::Z), press(ctrl, Key::F20), undo];
        let ctx = egui::Context::default();
        let (mut commands, mut rest) = (Vec::new(), Vec::new());
        let mut output = ctx.run_ui(egui::RawInput { events, ..egui::RawInput::default() }, |ui| {
            let now = Situation { can_undo: true, can_redo: true, ..Situation::default() };
            Keymap::default().pressed(ui.ctx(), &now, &mut commands);
            rest = ui.input(|input| input.events.clone());
        });
        output.textures_delta.clear();
        assert!(matches!(commands[..], [Command::Undo, Command::Undo, Command::Redo, Command::Undo]), "{commands:?}");
        assert_eq!(rest, [press(ctrl, Key::F20)], "what nobody takes stays");
    }
}
