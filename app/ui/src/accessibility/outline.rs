//! Everything on the canvas that is no widget just now, because it is out of view or seen from afar, in the
//! accessibility tree all the same.
//!
//! A frame of a big pipeline cannot afford to tell of all its nodes again. So the outline tells of an entry once and
//! then keeps it only in the list of children, as AccessKit allows; an entry that becomes a widget leaves the outline
//! under the same id and is told anew when it comes back. What is asked of an entry waits for the canvas.

use std::collections::HashMap;

use egui::accesskit::{Action, Node, NodeId, Role};
use egui::{Context, Event, FullOutput, Id, Plugin};

/// Something on the canvas, under the id that its widget has when it is one.
#[derive(Debug)]
pub struct Entry {
    pub id: Id,
    pub label: String,
    pub description: String,
}

/// The plugin that holds the outline. See [`Outline::show`].
#[derive(Debug, Default)]
pub struct Outline {
    /// Where the canvas's own widgets are in the tree.
    parent: Option<NodeId>,
    entries: Vec<Entry>,
    places: HashMap<NodeId, usize>,
    /// Which entries the tree's readers know.
    is_told: Vec<bool>,
    /// The entries that were widgets in the last frame.
    widgets: Vec<usize>,
    /// What was asked of such entries, and of no widget yet: the canvas may have moved in the frame that heard of it.
    unheard: Vec<(Id, Action)>,
    group: Option<Node>,
}

impl Outline {
    /// The outline of a context that shows a pipeline; installed when it is first asked for.
    pub fn with<R>(ctx: &Context, use_it: impl FnOnce(&mut Outline) -> R) -> R {
        use_it(&mut ctx.plugin_or_default::<Outline>().lock())
    }

    /// Tells of other entries from now on, below the node of the `Ui` with the id `parent`.
    pub fn show(&mut self, parent: Id, entries: Vec<Entry>) {
        self.parent = Some(parent.accesskit_id());
        self.places = entries.iter().enumerate().map(|(place, entry)| (entry.id.accesskit_id(), place)).collect();
        self.is_told = vec![false; entries.len()];
        self.entries = entries;
        self.group = None;
    }

    /// Tells of the same entries below another node, where the canvas has one now: a banner above it moves its id on.
    pub fn stay_below(&mut self, parent: Id) {
        if self.parent != Some(parent.accesskit_id()) {
            self.parent = Some(parent.accesskit_id());
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.is_told.fill(false);
        self.group = None;
    }

    /// What these events ask of entries: to get the focus, or to be clicked. With it comes what the last frame's events
    /// asked of widgets that had left the view by then.
    pub fn asked(&mut self, events: &[Event]) -> Vec<(Id, Action)> {
        let mut asked = std::mem::take(&mut self.unheard);
        for event in events {
            let Event::AccessKitActionRequest(request) = event else { continue };
            let Some(&place) = self.places.get(&request.target_node) else { continue };
            let to = if self.is_widget(place) { &mut self.unheard } else { &mut asked };
            to.push((self.entries[place].id, request.action));
        }
        asked
    }

    fn is_widget(&self, place: usize) -> bool {
        self.widgets.binary_search(&place).is_ok()
    }

    fn group_id(&self) -> Option<NodeId> {
        // Unlike any id of egui, which are hashes, and always the same.
        self.parent.map(|parent| NodeId(parent.0 ^ 0x006f_7574_6c69_6e65))
    }
}

impl Plugin for Outline {
    fn debug_name(&self) -> &'static str {
        "canvas outline"
    }

    fn output_hook(&mut self, ctx: &Context, output: &mut FullOutput) {
        if let Some(update) = &output.platform_output.accesskit_update
            && !self.unheard.is_empty()
        {
            // A widget hears by itself.
            self.unheard.retain(|(asked, _)| update.nodes.iter().all(|(id, _)| *id != asked.accesskit_id()));
            if !self.unheard.is_empty() {
                ctx.request_repaint();
            }
        }
        let passed = &output.platform_output;
        if passed.requested_discard() && passed.num_completed_passes < ctx.options(|options| options.max_passes.get()) {
            // Nobody hears of this pass: another one follows in the same frame.
            return;
        }
        let Some(update) = &mut output.platform_output.accesskit_update else { return };
        let (Some(parent), Some(group_id)) = (self.parent, self.group_id()) else { return };
        let Some(place) = update.nodes.iter().position(|(id, _)| *id == parent) else {
            // The canvas is not shown, and its readers forget what was below it.
            self.forget();
            self.unheard.clear();
            return;
        };
        let mut widgets: Vec<usize> = update.nodes.iter().filter_map(|(id, _)| self.places.get(id).copied()).collect();
        widgets.sort_unstable();
        for place in &widgets {
            self.is_told[*place] = false;
        }
        if self.widgets != widgets {
            self.widgets = widgets;
            self.group = None;
        }
        if self.entries.len() == self.widgets.len() {
            return;
        }
        let group = match self.group.take() {
            Some(group) => group,
            None => {
                let mut group = Node::new(Role::Group);
                group.set_label("out of view or seen from afar");
                let mut children = Vec::with_capacity(self.entries.len());
                for (place, entry) in self.entries.iter().enumerate() {
                    if self.is_widget(place) {
                        continue;
                    }
                    let id = entry.id.accesskit_id();
                    children.push(id);
                    if !std::mem::replace(&mut self.is_told[place], true) {
                        let mut node = Node::new(Role::Button);
                        node.set_label(entry.label.as_str());
                        node.set_description(entry.description.as_str());
                        node.add_action(Action::Focus);
                        node.add_action(Action::Click);
                        update.nodes.push((id, node));
                    }
                }
                group.set_children(children);
                group
            }
        };
        update.nodes[place].1.push_child(group_id);
        update.nodes.push((group_id, group.clone()));
        self.group = Some(group);
    }
}

#[cfg(test)]
mod tests {
    use egui::accesskit::{ActionRequest, TreeId};
    use egui::{RawInput, Rect, Sense, WidgetInfo};

    use super::*;

    #[test]
    fn entries_are_told_again_when_the_canvas_comes_back_under_the_same_id_or_another() {
        let ctx = Context::default();
        ctx.enable_accesskit();
        let entry = Id::unique("entry");
        let mut frame = |canvas: Option<&str>| {
            let mut output = ctx.run_ui(RawInput::default(), |ui| {
                let Some(name) = canvas else { return };
                ui.push_id(name, |ui| {
                    Outline::with(ui.ctx(), |outline| match outline.parent {
                        None => {
                            let entry = Entry { id: entry, label: "Afar".to_owned(), description: String::new() };
                            outline.show(ui.unique_id(), vec![entry]);
                        }
                        Some(_) => outline.stay_below(ui.unique_id()),
                    });
                    ui.label("near");
                });
            });
            output.textures_delta.clear();
            let update = output.platform_output.accesskit_update.expect("it is enabled");
            update.nodes.iter().any(|(id, _)| *id == entry.accesskit_id())
        };
        let told = [Some("one"), Some("one"), None, Some("one"), Some("other"), Some("other")].map(&mut frame);
        assert_eq!(told, [true, false, false, true, true, false]);
    }

    #[test]
    fn what_was_told_in_a_pass_that_is_discarded_is_told_again() {
        let ctx = Context::default();
        ctx.enable_accesskit();
        let entry = Id::unique("entry");
        let mut is_first = true;
        let mut output = ctx.run_ui(RawInput::default(), |ui| {
            if std::mem::take(&mut is_first) {
                let entries = vec![Entry { id: entry, label: "Afar".to_owned(), description: String::new() }];
                Outline::with(ui.ctx(), |outline| outline.show(ui.unique_id(), entries));
                ui.ctx().request_discard("a panel appears");
            }
            ui.label("near");
        });
        output.textures_delta.clear();
        let update = output.platform_output.accesskit_update.expect("it is enabled");
        assert!(output.platform_output.num_completed_passes > 1, "the first pass was discarded");
        assert!(update.nodes.iter().any(|(id, _)| *id == entry.accesskit_id()), "the entry is told");
    }

    #[test]
    fn what_is_asked_of_a_widget_that_leaves_the_view_in_the_same_frame_is_asked_of_its_entry() {
        let ctx = Context::default();
        ctx.enable_accesskit();
        let entry = Id::unique("entry");
        let click = || {
            Event::AccessKitActionRequest(ActionRequest {
                action: Action::Click,
                target_tree: TreeId::ROOT,
                target_node: entry.accesskit_id(),
                data: None,
            })
        };
        let frame = |is_widget: bool, events: Vec<Event>| {
            let mut asked = Vec::new();
            let mut is_clicked = false;
            let mut output = ctx.run_ui(RawInput { events, ..RawInput::default() }, |ui| {
                let events = ui.input(|input| input.events.clone());
                asked = Outline::with(ui.ctx(), |outline| {
                    if outline.parent.is_none() {
                        let entries = vec![Entry { id: entry, label: "Node".to_owned(), description: String::new() }];
                        outline.show(ui.unique_id(), entries);
                    }
                    outline.asked(&events)
                });
                ui.label("canvas");
                if is_widget {
                    let response = ui.interact(Rect::EVERYTHING, entry, Sense::click());
                    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Node"));
                    is_clicked = response.clicked();
                }
            });
            output.textures_delta.clear();
            (is_clicked, asked.len())
        };
        assert_eq!(frame(true, Vec::new()), (false, 0));
        assert_eq!(frame(true, vec![click()]), (true, 0), "the widget hears");
        assert_eq!(frame(true, Vec::new()), (false, 0), "and nothing more is asked");
        assert_eq!(frame(false, vec![click()]), (false, 0), "the widget has gone");
        assert_eq!(frame(false, Vec::new()), (false, 1), "its entry hears");
        assert_eq!(frame(false, Vec::new()), (false, 0), "once");
    }
}
