//! What stands in place of the workspace, or over it: waiting, lost connections, messages.

use egui::accesskit::Role;
use egui::{Align2, Area, Frame, Margin, Order, RichText, Stroke, Ui, WidgetInfo, vec2};

use crate::icon::icon;
use crate::session::Notices;
use crate::theme::{Theme, size, space};

/// One message in the middle, with what to do.
pub fn message_page(ui: &mut Ui, theme: &Theme, sign: &str, title: &str, text: &str) {
    ui.painter().rect_filled(ui.max_rect(), 0, theme.ground);
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() * 0.35);
        ui.label(RichText::new(icon(sign)).font(theme.icon_font(40.0)).color(theme.text_weak));
        ui.add_space(space::S);
        ui.heading(title);
        ui.label(RichText::new(text).color(theme.text_weak));
    });
}

/// A strip across the top of the workspace that stays until what it tells of is over.
pub fn banner(ui: &mut Ui, theme: &Theme, text: &str, add_buttons: impl FnOnce(&mut Ui)) {
    Frame::new().fill(theme.warning_ground).inner_margin(Margin::symmetric(16, 6)).show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(icon("warning")).font(theme.icon_font(size::ICON)).color(theme.warning));
            ui.label(RichText::new(text).color(theme.text));
            add_buttons(ui);
            ui.allocate_space(vec2(ui.available_width(), 0.0));
        });
    });
}

/// A longer message takes several lines.
const WIDEST_NOTICE: f32 = 640.0;

/// The passing messages, above everything, at the bottom.
pub fn notices_ui(ctx: &egui::Context, theme: &Theme, notices: &mut Notices) {
    let mut dismissed = None;
    Area::new(egui::Id::unique("notices"))
        .order(Order::Foreground)
        .anchor(Align2::CENTER_BOTTOM, vec2(0.0, -24.0))
        .show(ctx, |ui| {
            for notice in notices.iter() {
                let (sign, color) =
                    if notice.is_error { ("warning-circle", theme.error) } else { ("info", theme.accent) };
                let frame =
                    Frame::popup(ui.style()).inner_margin(Margin::symmetric(14, 8)).stroke(Stroke::new(1.0, color));
                frame.show(ui, |ui| {
                    ui.horizontal(|ui| {
                        ui.label(RichText::new(icon(sign)).font(theme.icon_font(size::ICON)).color(color));
                        ui.scope(|ui| {
                            ui.set_max_width(WIDEST_NOTICE.min(ctx.content_rect().width() - 120.0));
                            ui.add(egui::Label::new(&notice.text).wrap());
                        });
                        let close = ui.add(egui::Button::new(icon("x").to_string()).frame_when_inactive(false));
                        close.widget_info(|| WidgetInfo::labeled(Role::Button, true, "dismiss"));
                        if close.clicked() {
                            dismissed = Some(notice.text.clone());
                        }
                    });
                });
            }
        });
    if let Some(text) = dismissed {
        notices.dismiss(&text);
    }
}
