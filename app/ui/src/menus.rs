//! The context menus. Each is a choice from the list of actions, so that a menu says nothing of its own.

use egui::Ui;

use crate::actions::{Action, find};
use crate::context::ViewContext;
use crate::icon::icon;

/// A line between two parts of a menu.
const LINE: &str = "";

const NODE: &[&str] = &[
    "edit.rename",
    "edit.duplicate",
    "edit.copy",
    "edit.replace",
    "edit.toggle_disabled",
    "help.node",
    LINE,
    "edit.add_after",
    "edit.add_before",
    "edit.copy_params",
    "edit.paste_params",
    "edit.reset_params",
    LINE,
    "run.tap_output",
    "select.upstream",
    "select.downstream",
    "select.connected",
    LINE,
    "nest.nest",
    "group.group",
    "group.ungroup",
    "edit.unwire",
    "edit.delete",
    "edit.delete_and_bridge",
];
const NESTED: &[&str] = &[
    "nest.open",
    "nest.unnest",
    LINE,
    "edit.rename",
    "edit.duplicate",
    "edit.copy",
    "edit.toggle_disabled",
    "nest.nest",
    LINE,
    "select.upstream",
    "select.downstream",
    "group.group",
    "edit.unwire",
    "edit.delete",
];
const NODES: &[&str] = &[
    "edit.duplicate",
    "edit.copy",
    "edit.toggle_disabled",
    "edit.chain",
    LINE,
    "nest.nest",
    "group.group",
    "group.ungroup",
    "arrange.tidy",
    LINE,
    "arrange.align_left",
    "arrange.align_center",
    "arrange.align_right",
    "arrange.align_top",
    "arrange.align_middle",
    "arrange.align_bottom",
    "arrange.distribute_across",
    "arrange.distribute_down",
    LINE,
    "edit.unwire",
    "edit.delete",
    "edit.delete_and_bridge",
];
const WIRE: &[&str] = &[
    "run.tap_wire",
    "run.breakpoint",
    "run.capture_wire",
    "run.inject",
    LINE,
    "edit.insert_on_wire",
    "select.wire_ends",
    LINE,
    "edit.delete",
];
const INSIDE: &[&str] = &["nest.go_out", "nest.add_input", "nest.add_output", LINE];
const GROUND: &[&str] = &[
    "edit.add_node",
    "note.add",
    "edit.paste",
    LINE,
    "select.all",
    "view.search",
    "arrange.tidy_all",
    LINE,
    "view.zoom_to_fit",
    "view.zoom_to_selection",
    "view.toggle_minimap",
    "view.toggle_grid",
    "bookmark.add",
];
const GROUP: &[&str] = &[
    "group.rename",
    "group.ungroup",
    "edit.duplicate",
    "edit.toggle_disabled",
    "arrange.tidy",
    "view.zoom_to_selection",
    LINE,
    "tint.gray",
    "tint.blue",
    "tint.green",
    "tint.purple",
    "tint.orange",
    "tint.red",
    LINE,
    "edit.delete",
];
const NOTE: &[&str] = &[
    "note.edit",
    "edit.copy",
    LINE,
    "tint.gray",
    "tint.blue",
    "tint.green",
    "tint.purple",
    "tint.orange",
    "tint.red",
    LINE,
    "edit.delete",
];

/// For the selected nodes.
pub fn nodes(ui: &mut Ui, cx: &mut ViewContext<'_>) {
    menu(ui, cx, if cx.situation.num_selected > 1 { NODES } else { NODE });
}

/// For a nested pipeline, alone or among other nodes that are selected.
pub fn nested(ui: &mut Ui, cx: &mut ViewContext<'_>) {
    menu(ui, cx, if cx.situation.num_selected > 1 { NODES } else { NESTED });
}

/// For the selected wire.
pub fn wire(ui: &mut Ui, cx: &mut ViewContext<'_>) {
    menu(ui, cx, WIRE);
}

/// For the canvas itself; in a nested pipeline with its ports.
pub fn ground(ui: &mut Ui, cx: &mut ViewContext<'_>) {
    if cx.situation.is_inside {
        menu(ui, cx, INSIDE);
    }
    menu(ui, cx, GROUND);
}

/// For the selected group.
pub fn group(ui: &mut Ui, cx: &mut ViewContext<'_>) {
    menu(ui, cx, GROUP);
}

/// For the selected note.
pub fn note(ui: &mut Ui, cx: &mut ViewContext<'_>) {
    menu(ui, cx, NOTE);
}

fn menu(ui: &mut Ui, cx: &mut ViewContext<'_>, ids: &[&str]) {
    ui.set_min_width(248.0);
    for id in ids {
        match find(id) {
            Some(action) => item(ui, cx, action),
            None => {
                ui.separator();
            }
        }
    }
}

/// One action as an item of a menu: its icon, its title, its keys; and why it cannot be taken.
pub fn item(ui: &mut Ui, cx: &mut ViewContext<'_>, action: &'static Action) {
    let refusal = action.refusal(cx.situation);
    let sign = if action.icon.is_empty() { ' ' } else { icon(action.icon) };
    let keys = cx.keymap.text_for(action).unwrap_or_default();
    let button = egui::Button::new(format!("{sign}  {}", action.title)).shortcut_text(keys);
    let response = ui.add_enabled(refusal.is_none(), button);
    response
        .widget_info(|| egui::WidgetInfo::labeled(egui::accesskit::Role::MenuItem, refusal.is_none(), action.title));
    let response = response.on_disabled_hover_text(refusal.unwrap_or_default());
    if response.clicked() {
        cx.commands.push((action.command)());
        ui.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_of_a_menu_is_an_action() {
        for id in
            [NODE, NESTED, NODES, WIRE, INSIDE, GROUND, GROUP, NOTE].into_iter().flatten().filter(|id| **id != LINE)
        {
            assert!(find(id).is_some(), "{id}");
        }
    }
}
