//! The page of all actions with their keys: help, and where the keys are changed.

use egui::accesskit::Role;
use egui::{Event, Frame, Key, KeyboardShortcut, Modifiers, RichText, ScrollArea, TextEdit, Ui, WidgetInfo, vec2};

use crate::actions::{Action, GESTURES, Group, Keymap, all, fuzzy};
use crate::command::Command;
use crate::icon::icon;
use crate::theme::{Theme, size, space};

const WIDTH: f32 = 640.0;

/// The open page.
#[derive(Debug, Default)]
pub struct KeysPage {
    search: String,
    /// The search field took the focus when the page was opened.
    was_focused: bool,
    /// The action whose new keys are waited for.
    waiting: Option<&'static Action>,
}

impl KeysPage {
    /// Draws the page; false when it is to be closed.
    pub fn ui(&mut self, ctx: &egui::Context, theme: &Theme, keymap: &Keymap, commands: &mut Vec<Command>) -> bool {
        self.take_keys(ctx, commands);
        let frame = Frame::popup(&ctx.global_style()).inner_margin(space::XL);
        let modal = egui::Modal::new(egui::Id::unique("keys")).frame(frame).show(ctx, |ui| {
            ui.set_width(WIDTH);
            ui.horizontal(|ui| {
                ui.heading("Keys");
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    let close = ui.button(icon("x").to_string());
                    close.widget_info(|| WidgetInfo::labeled(Role::Button, true, "close keys"));
                    if close.clicked() {
                        ui.close();
                    }
                    let reset = egui::Button::new("Reset all");
                    if ui.add_enabled(keymap.has_changes(), reset).clicked() {
                        commands.push(Command::ResetKeys);
                    }
                });
            });
            ui.colored_label(
                theme.text_weak,
                "Click the keys of an action to change them. Esc keeps them, Backspace removes them.",
            );
            ui.add_space(space::S);
            let hint = RichText::new("Search actions…").color(theme.text_weak);
            let field = TextEdit::singleline(&mut self.search).hint_text(hint).margin(vec2(10.0, 7.0));
            let response = ui.add(field.desired_width(f32::INFINITY));
            if !std::mem::replace(&mut self.was_focused, true) {
                response.request_focus();
            }
            let text = self.search.clone();
            response.widget_info(|| WidgetInfo {
                label: Some("Search actions".to_owned()),
                ..WidgetInfo::text_edit(true, text.as_str(), text.as_str(), "Search actions…")
            });
            ui.add_space(space::S);
            let height = (ctx.content_rect().height() - 240.0).clamp(160.0, 520.0);
            ScrollArea::vertical().max_height(height).min_scrolled_height(height).auto_shrink([false, false]).show(
                ui,
                |ui| {
                    ui.spacing_mut().item_spacing.y = space::XS;
                    for group in Group::ALL {
                        self.group_ui(ui, theme, keymap, group, commands);
                    }
                },
            );
        });
        // Esc that ended the waiting does not close the page.
        self.waiting.is_some() || !modal.should_close()
    }

    fn group_ui(&mut self, ui: &mut Ui, theme: &Theme, keymap: &Keymap, group: Group, commands: &mut Vec<Command>) {
        let found = |title: &str| fuzzy(title, &self.search).is_some();
        let actions: Vec<&'static Action> =
            all().filter(|action| action.group == group && found(action.title)).collect();
        let gestures: Vec<_> = GESTURES.iter().filter(|(of, title, _)| *of == group && found(title)).collect();
        if actions.is_empty() && gestures.is_empty() {
            return;
        }
        ui.label(RichText::new(group.title()).font(theme.semibold(size::BODY)).color(theme.text_weak));
        for action in actions {
            self.action_ui(ui, theme, keymap, action, commands);
        }
        for (_, title, keys) in gestures {
            row(ui, title, |ui| {
                ui.label(RichText::new(*keys).font(theme.mono()).color(theme.text_weak));
            });
        }
        ui.add_space(space::M);
    }

    fn action_ui(
        &mut self,
        ui: &mut Ui,
        theme: &Theme,
        keymap: &Keymap,
        action: &'static Action,
        commands: &mut Vec<Command>,
    ) {
        row(ui, action.title, |ui| {
            let is_waiting = self.waiting == Some(action);
            let keys: Vec<String> = keymap.keys_of(action).iter().map(crate::actions::text_of).collect();
            let text = match (is_waiting, keys.is_empty()) {
                (true, _) => "Press keys…".to_owned(),
                (false, true) => "Add keys".to_owned(),
                (false, false) => keys.join("  "),
            };
            let color = if is_waiting || keymap.is_changed(action) { theme.accent } else { theme.text_weak };
            let button =
                egui::Button::new(RichText::new(text).font(theme.mono()).color(color)).min_size(vec2(112.0, 24.0));
            let button = ui.add(button);
            button.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("keys of {}", action.title)));
            if button.clicked() {
                button.surrender_focus();
                self.waiting = if is_waiting { None } else { Some(action) };
            }
            if keymap.is_changed(action) {
                let reset = ui.button(icon("arrow-counter-clockwise").to_string());
                reset
                    .widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("reset keys of {}", action.title)));
                if reset.on_hover_text("Use the usual keys").clicked() {
                    commands.push(Command::SetKeys { action, keys: None });
                }
            }
            if let Some(other) = keymap.conflicts_of(action).first() {
                ui.colored_label(theme.warning, format!("{} also “{}”", icon("warning"), other.title));
            }
        });
    }

    /// The first key that is pressed becomes the action's.
    fn take_keys(&mut self, ctx: &egui::Context, commands: &mut Vec<Command>) {
        let Some(action) = self.waiting else { return };
        let pressed = ctx.input_mut(|input| {
            let pressed = input.events.iter().find_map(|event| match event {
                Event::Key { key, pressed: true, modifiers, .. } => Some((*key, *modifiers)),
                _ => None,
            });
            input.events.retain(|event| !matches!(event, Event::Key { .. } | Event::Text(_)));
            pressed
        });
        let Some((key, modifiers)) = pressed else { return };
        self.waiting = None;
        let keys = match key {
            Key::Escape => return,
            Key::Backspace if modifiers.is_none() => Vec::new(),
            key => vec![KeyboardShortcut::new(logical(modifiers), key)],
        };
        commands.push(Command::SetKeys { action, keys: Some(keys) });
    }
}

/// Ctrl, or Command on a Mac, is one and the same.
fn logical(modifiers: Modifiers) -> Modifiers {
    let command = modifiers.command || modifiers.ctrl;
    Modifiers { alt: modifiers.alt, shift: modifiers.shift, command, ..Modifiers::NONE }
}

fn row(ui: &mut Ui, title: &str, right: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| {
        ui.label(title);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), right);
    });
}
