//! Small things that every part of the inspector is made of.

use egui::{Button, Response, RichText, Role, Sense, Ui, Vec2, WidgetInfo, vec2};

use crate::icon::icon;
use crate::theme::{Theme, size, space};

/// A button that shows only an icon; `label` is its tooltip and its name for tests and screen readers.
pub(crate) fn icon_button(ui: &mut Ui, theme: &Theme, icon_name: &str, label: &str) -> Response {
    icon_button_if(ui, theme, icon_name, label, true)
}

/// The same, greyed out unless `enabled`.
pub(crate) fn icon_button_if(ui: &mut Ui, theme: &Theme, icon_name: &str, label: &str, enabled: bool) -> Response {
    let glyph = RichText::new(icon(icon_name)).font(theme.icon_font(size::BODY)).color(theme.text_weak);
    let button = Button::new(glyph).frame_when_inactive(false).min_size(Vec2::splat(22.0)).sense(Sense::click());
    let response = ui
        .scope(|ui| {
            ui.spacing_mut().button_padding = vec2(4.0, 2.0);
            ui.spacing_mut().interact_size = Vec2::splat(22.0);
            ui.add_enabled(enabled, button)
        })
        .inner;
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, label));
    response.on_hover_text(label)
}

/// Whether a text field was left just now: true in one frame. (egui says `lost_focus` in two frames, so that nobody
/// misses a focus that moved on in the middle of one.)
pub(crate) fn is_left(response: &Response) -> bool {
    let key = response.id.with("is left");
    let is_lost = response.lost_focus();
    response.ctx.data_mut(|data| {
        let was_said = data.get_temp::<bool>(key).is_some();
        if is_lost {
            data.insert_temp(key, true);
        } else {
            data.remove::<bool>(key);
        }
        is_lost && !was_said
    })
}

/// The heading of a part of the inspector.
pub(crate) fn section_ui(ui: &mut Ui, theme: &Theme, title: &str) {
    ui.add_space(space::M);
    ui.label(RichText::new(title).font(theme.semibold(size::BODY)).color(theme.text_strong));
    ui.add_space(space::XS);
}

/// Text of the lowest level: help, units, hints.
pub(crate) fn weak(theme: &Theme, text: impl Into<String>) -> RichText {
    RichText::new(text).font(theme.small()).color(theme.text_weak)
}

/// A name at the left and a value in monospaced digits at the right.
pub(crate) fn pair_ui(ui: &mut Ui, theme: &Theme, name: &str, value: &str) -> Response {
    ui.horizontal(|ui| {
        ui.spacing_mut().interact_size.y = 18.0;
        ui.label(weak(theme, name));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add(egui::Label::new(RichText::new(value).font(theme.mono()).color(theme.text)).truncate())
        })
        .inner
    })
    .inner
}

/// The first sentence of a Markdown text, without its marks.
pub(crate) fn first_sentence(markdown: &str) -> String {
    let paragraph = markdown.trim().split("\n\n").next().unwrap_or_default();
    let plain: String = paragraph.replace(['`', '*'], "").split_whitespace().collect::<Vec<_>>().join(" ");
    match plain.find(". ") {
        Some(end) => plain[..=end].to_owned(),
        None => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::first_sentence;

    #[test]
    fn the_first_sentence_ends_at_its_full_stop() {
        assert_eq!(first_sentence("Rows a second, such as `1.5`. Zero stops.\n\nMore."), "Rows a second, such as 1.5.");
        assert_eq!(first_sentence("  One\nline "), "One line");
        assert_eq!(first_sentence(""), "");
    }
}
