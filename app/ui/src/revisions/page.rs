//! The page of revisions, where the inspector else is: now, and each state that was kept, newest first.

use egui::accesskit::Role;
use egui::{
    Align, Button, CornerRadius, Layout, Rect, RichText, ScrollArea, Sense, StrokeKind, Ui, UiBuilder, WidgetInfo, vec2,
};
use millrace_protocol::Revision;

use super::{detail, title_of};
use crate::canvas::line;
use crate::command::{Command, RevisionWish};
use crate::context::ViewContext;
use crate::format;
use crate::icon::icon;
use crate::inspector::{icon_button, weak};
use crate::theme::{radius, size, space};

const ROW_HEIGHT: f32 = 46.0;

/// Draws the page into the whole of `ui`. `revisions` is `None` until the host has listed them.
pub(crate) fn page_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, revisions: Option<&[Revision]>) {
    let theme = cx.theme;
    ui.horizontal(|ui| {
        let sign = RichText::new(icon("clock-counter-clockwise")).font(theme.icon_font(size::HEADING));
        ui.label(sign.color(theme.text_weak));
        ui.label(RichText::new("Revisions").font(theme.semibold(size::HEADING)).color(theme.text_strong));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if icon_button(ui, theme, "x", "Close revisions").clicked() {
                cx.commands.push(Command::Revision(RevisionWish::Close));
            }
        });
    });
    ui.add_space(space::XS);
    let name = ui.button(format!("{}  Name this revision…", icon("bookmark-simple")));
    name.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Name this revision…"));
    if name.clicked() {
        cx.commands.push(Command::AskRevision);
    }
    ui.add_space(space::S);
    let Some(revisions) = revisions else {
        ui.label(weak(theme, "Asking for the revisions…"));
        return;
    };
    ScrollArea::vertical().id_salt("revisions").auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = space::XS;
        let compared = cx.compared;
        let is_now = compared.is_none();
        if row_ui(ui, cx, "Now", "what is on the canvas", is_now, "revision now").clicked() {
            cx.commands.push(Command::Revision(RevisionWish::Compare(None)));
        }
        if revisions.is_empty() {
            let text = "No other state was kept yet. Millrace keeps one every ten minutes while you work; those that \
                        you name stay for good.";
            ui.add_space(space::S);
            ui.label(weak(theme, text));
        }
        for revision in revisions {
            let is_chosen = compared.is_some_and(|it| it.revision == revision.id);
            let title = title_of(revision);
            let label = format!("revision {title}");
            if row_ui(ui, cx, &title, &facts(revision), is_chosen, &label).clicked() && !is_chosen {
                cx.commands.push(Command::Revision(RevisionWish::Compare(Some(revision.id))));
            }
            if let Some(compared) = compared.filter(|_| is_chosen) {
                detail::detail_ui(ui, cx, revision, compared);
                ui.add_space(space::S);
            }
        }
        ui.add_space(space::L);
    });
}

/// When it was kept, and what it changed.
fn facts(revision: &Revision) -> String {
    let since = revision.since.map_or_else(|| "the first that was kept".to_owned(), |tally| tally.to_string());
    if revision.name.is_empty() {
        format!("kept by itself · {since}")
    } else {
        format!("{} · {since}", format::minute(revision.saved_ms))
    }
}

fn row_ui(ui: &mut Ui, cx: &ViewContext<'_>, title: &str, facts: &str, is_chosen: bool, label: &str) -> egui::Response {
    let theme = cx.theme;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_HEIGHT), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, is_chosen, label));
    let is_hot = response.hovered() || response.has_focus();
    let (fill, edge) = match (is_chosen, is_hot) {
        (true, _) => (theme.accent_ground, theme.accent),
        (false, true) => (theme.hovered, theme.line_strong),
        (false, false) => (theme.raised, theme.line),
    };
    ui.painter().rect(rect, CornerRadius::same(radius::FIELD), fill, (1.0, edge), StrokeKind::Inside);
    let inside = rect.shrink2(vec2(space::M, 6.0));
    let upper = line(ui.painter(), title, theme.semibold(size::BODY), theme.text_strong, inside.width());
    ui.painter().galley(inside.min, upper, theme.text_strong);
    let lower = line(ui.painter(), facts, theme.small(), theme.text_weak, inside.width());
    let at = inside.left_bottom() - vec2(0.0, lower.size().y);
    ui.painter().galley(at, lower, theme.text_weak);
    response.on_hover_text(facts)
}

/// A place inside the page for what belongs to the row above.
pub(super) fn indented(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    let room = ui.available_rect_before_wrap();
    let rect = Rect::from_min_max(room.min + vec2(space::S, 0.0), room.max);
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect).layout(Layout::top_down(Align::LEFT)));
    child.spacing_mut().item_spacing.y = space::XS;
    add(&mut child);
    ui.advance_cursor_after_rect(child.min_rect());
}

/// A button that is only words.
pub(super) fn plain_button(text: impl Into<egui::WidgetText>) -> Button<'static> {
    Button::new(text.into()).frame_when_inactive(false)
}
