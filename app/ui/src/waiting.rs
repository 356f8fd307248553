//! The strip at the bottom that says what is waited for when an answer is long in coming, and lets it go.

use egui::{Align2, Area, Frame, Margin, Order, RichText, vec2};

use crate::command::Command;
use crate::icon::icon;
use crate::session::Waiting;
use crate::theme::{Theme, size};

/// Draws the strip above the notices.
pub fn waiting_ui(ctx: &egui::Context, theme: &Theme, waiting: &Waiting, commands: &mut Vec<Command>) {
    Area::new(egui::Id::unique("waiting"))
        .order(Order::Foreground)
        .anchor(Align2::CENTER_BOTTOM, vec2(0.0, -72.0))
        .show(ctx, |ui| {
            Frame::popup(ui.style()).inner_margin(Margin::symmetric(14, 8)).show(ui, |ui| {
                ui.horizontal(|ui| {
                    ui.label(RichText::new(icon("hourglass")).font(theme.icon_font(size::ICON)).color(theme.text_weak));
                    ui.label(waiting.words);
                    if ui.button("Cancel").clicked() {
                        commands.push(Command::GiveUp { call: waiting.call });
                    }
                });
            });
        });
}
