//! The bookmarks of the pipeline, listed where nothing is selected: gone to, renamed in place, removed.
//!
//! They are part of the file, so each change is an edit of the history; going to one is not.

use egui::{Align, Align2, Layout, TextEdit, Ui, WidgetInfo};
use millrace_model::{Bookmark, Edit, LayoutId};

use super::parts::{icon_button, is_left, section_ui, weak};
use crate::command::{BookmarkWish, Command, edit};
use crate::context::ViewContext;

/// Those that have keys of their own.
const GO_ACTIONS: [&str; 5] = ["bookmark.go_1", "bookmark.go_2", "bookmark.go_3", "bookmark.go_4", "bookmark.go_5"];

pub(super) fn bookmarks_ui(ui: &mut Ui, ctx: &mut ViewContext<'_>) {
    let bookmarks = ctx.document.pipeline().bookmarks();
    if bookmarks.is_empty() {
        return;
    }
    section_ui(ui, ctx.theme, "Bookmarks");
    for (index, (id, bookmark)) in bookmarks.iter().enumerate() {
        ui.push_id(id, |ui| ui.horizontal(|ui| bookmark_ui(ui, ctx, index, id, bookmark)));
    }
}

fn bookmark_ui(ui: &mut Ui, ctx: &mut ViewContext<'_>, index: usize, id: &LayoutId, bookmark: &Bookmark) {
    let theme = ctx.theme;
    let title = &bookmark.title;
    let action = GO_ACTIONS.get(index).and_then(|id| crate::actions::find(id));
    let go = icon_button(ui, theme, "crosshair", &format!("Go to {title}"));
    let go = match action.and_then(|action| ctx.keymap.text_for(action)) {
        Some(keys) => go.on_hover_text(keys),
        None => go,
    };
    if go.clicked() {
        ctx.commands.push(Command::Bookmark(BookmarkWish::Go(index)));
    }
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if icon_button(ui, theme, "trash", &format!("Remove bookmark {title}")).clicked() {
            let gone = vec![Edit::SetBookmark { id: id.clone(), bookmark: None }];
            edit(ctx.commands, format!("Remove bookmark {title}"), gone);
        }
        if let Some(level) = &bookmark.inside {
            ui.label(weak(theme, ctx.path_to(level)));
        }
        let mut new_title = title.clone();
        let response =
            ui.add(TextEdit::singleline(&mut new_title).align(Align2::LEFT_CENTER).desired_width(ui.available_width()));
        let name = format!("Title of bookmark {}", index + 1);
        response.widget_info(|| WidgetInfo {
            label: Some(name.clone()),
            ..WidgetInfo::text_edit(true, title.as_str(), new_title.as_str(), "")
        });
        if response.changed() {
            let renamed = Bookmark { title: new_title.clone(), ..bookmark.clone() };
            ctx.commands.push(Command::Edit {
                label: "Rename a bookmark".to_owned(),
                edits: vec![Edit::SetBookmark { id: id.clone(), bookmark: Some(renamed) }],
                merge: Some(format!("bookmark:{id}")),
            });
        }
        if is_left(&response) {
            ctx.commands.push(Command::EndBurst);
        }
    });
}
