//! The way to the nested pipeline that is open, at the top of the canvas: each part of it leads there.

use egui::accesskit::Role;
use egui::{Area, Button, Frame, Margin, Order, RichText, Ui, WidgetInfo, vec2};
use millrace_model::NodeId;

use super::CanvasState;
use crate::command::Command;
use crate::context::ViewContext;
use crate::icon::icon;
use crate::theme::{size, space};
use crate::top_bar::icon_button;

/// Longer titles are cut, so that the way stays in view.
const MOST_LETTERS: usize = 32;

/// Draws the way while a nested pipeline is open.
pub fn crumbs_ui(ui: &Ui, cx: &mut ViewContext<'_>, state: &CanvasState) {
    let Some(open) = state.level() else { return };
    let theme = cx.theme;
    let pos = state.camera.viewport.min + vec2(space::M, space::M);
    Area::new(egui::Id::unique("canvas way")).order(Order::Middle).fixed_pos(pos).show(ui.ctx(), |ui| {
        Frame::popup(ui.style()).inner_margin(Margin::symmetric(6, 2)).show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 2.0;
                let up = icon_button(ui, theme, "arrow-up", "Go out", true).on_hover_text("Go out (Escape)");
                if up.clicked() {
                    cx.commands.push(Command::Open(cx.pipeline().home_of(open).cloned()));
                }
                let name = cx.document.name().to_owned();
                let levels: Vec<(Option<NodeId>, String)> = std::iter::once((None, name))
                    .chain(state.path().iter().map(|id| (Some(id.clone()), cx.title_of(id))))
                    .collect();
                let last = levels.len() - 1;
                for (index, (level, title)) in levels.into_iter().enumerate() {
                    if index > 0 {
                        let sign = RichText::new(icon("caret-right")).font(theme.icon_font(size::SMALL));
                        ui.label(sign.color(theme.text_weak));
                    }
                    let shown: String = match title.char_indices().nth(MOST_LETTERS) {
                        Some((cut, _)) => format!("{}…", &title[..cut]),
                        None => title.clone(),
                    };
                    if index == last {
                        let here =
                            ui.label(RichText::new(shown).font(theme.semibold(size::BODY)).color(theme.text_strong));
                        here.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("inside {title}")));
                    } else {
                        let crumb =
                            ui.add(Button::new(RichText::new(shown).color(theme.text)).frame_when_inactive(false));
                        crumb.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("go to {title}")));
                        if crumb.clicked() {
                            cx.commands.push(Command::Open(level));
                        }
                    }
                }
                ui.add_space(space::XS);
            });
        });
    });
}
