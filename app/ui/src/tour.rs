//! The first-run tour: a strip over the workspace that names one thing to do, and goes on once it was done.
//!
//! It never covers anything and never acts for the person: each step is read off the real state of the designer.

use egui::accesskit::Role;
use egui::{Frame, Label, Margin, RichText, Ui, WidgetInfo};
use millrace_model::run::EditCost;
use millrace_protocol::RunId;

use crate::actions::{Keymap, find};
use crate::command::Command;
use crate::icon::icon;
use crate::theme::{Theme, size, space};

/// The setting that says that the tour was taken or ended.
pub(crate) const SETTING: &str = "tour";

/// What the tour reads off the designer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Seen {
    pub has_selected_node: bool,
    /// The selected node shows a chart or a table.
    pub has_selected_view: bool,
    pub is_running: bool,
    pub run: Option<RunId>,
    pub is_tapping: bool,
    /// Grows with each change of the pipeline.
    pub generation: u64,
    pub edit_cost: Option<EditCost>,
    pub shows_help: bool,
    pub shows_commands: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Node,
    Run,
    Chart,
    Tap,
    Change,
    Apply,
    Palette,
    Commands,
}

const STEPS: [Step; 8] =
    [Step::Node, Step::Run, Step::Chart, Step::Tap, Step::Change, Step::Apply, Step::Palette, Step::Commands];

impl Step {
    /// What it is about, and what to do.
    fn words(self, keymap: &Keymap) -> (&'static str, String) {
        // Nothing where the person has taken the keys away.
        let or_keys = |id: &str, then: &str| {
            let keys = find(id).and_then(|action| keymap.text_for(action));
            keys.map_or_else(String::new, |keys| format!(", or press {keys}{then}"))
        };
        match self {
            Self::Node => {
                let keys = or_keys("select.first", "");
                ("Nodes", format!("Rows go through nodes, from left to right. Click one to see what it does{keys}."))
            }
            Self::Run => ("Run", format!("Click Run at the top{}.", or_keys("run.run", ""))),
            Self::Chart => {
                let keys = or_keys("select.next", " until one is selected");
                ("Charts", format!("Charts draw while the run goes on. Click the node of a chart or a table{keys}."))
            }
            Self::Tap => {
                let keys = or_keys("run.tap_output", " at a node with wires");
                ("Wires", format!("Click a wire to see the newest rows that went through it{keys}."))
            }
            Self::Change => {
                let keys = or_keys("view.settings", " at a node and type");
                ("Settings", format!("Click a node and change one of its settings at the right{keys}."))
            }
            Self::Apply => {
                let keys = or_keys("run.apply", "");
                ("Changes", format!("Click Apply changes at the top{keys}. If the run is over, click Run again."))
            }
            Self::Palette => {
                let keys = or_keys("view.find_in_palette", ", go to one with Tab and press F1");
                (
                    "Palette",
                    format!("All nodes are listed at the left. Point at one and click its question mark{keys}."),
                )
            }
            Self::Commands => {
                let keys = or_keys("view.commands", "");
                ("Commands", format!("Everything is found by its name: click All commands at the top{keys}."))
            }
        }
    }
}

/// The tour that goes on.
#[derive(Debug, Default)]
pub(crate) struct Tour {
    step: usize,
    /// What was when the step began.
    begun: Option<Seen>,
    /// A change was seen that is not in the run yet.
    is_change_due: bool,
}

impl Tour {
    /// Goes on to the next step when this one was done.
    pub fn follow(&mut self, now: &Seen) {
        let Some(step) = STEPS.get(self.step) else { return };
        let begun = self.begun.get_or_insert_with(|| now.clone());
        self.is_change_due |= matches!(now.edit_cost, Some(EditCost::Nodes { .. } | EditCost::Run { .. }));
        let is_done = match step {
            Step::Node => now.has_selected_node,
            Step::Run => now.is_running,
            Step::Chart => now.has_selected_view,
            Step::Tap => now.is_tapping,
            Step::Change => now.generation != begun.generation,
            Step::Apply => {
                let is_applied = self.is_change_due && now.edit_cost == Some(EditCost::Nothing);
                now.is_running && (is_applied || now.run != begun.run)
            }
            Step::Palette => now.shows_help,
            Step::Commands => now.shows_commands,
        };
        if is_done {
            self.skip();
        }
    }

    /// Goes on without the step.
    pub fn skip(&mut self) {
        self.step += 1;
        self.begun = None;
    }

    /// Every step was done or skipped.
    pub fn is_over(&self) -> bool {
        self.step >= STEPS.len()
    }

    pub fn ui(&self, ui: &mut Ui, theme: &Theme, keymap: &Keymap, commands: &mut Vec<Command>) {
        Frame::new().fill(theme.accent_ground).inner_margin(Margin::symmetric(16, 6)).show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.label(RichText::new(icon("info")).font(theme.icon_font(size::ICON)).color(theme.accent));
                let (count, title, text) = match STEPS.get(self.step) {
                    Some(step) => {
                        let (title, text) = step.words(keymap);
                        (format!("{} of {}", self.step + 1, STEPS.len()), title, text)
                    }
                    None => {
                        let text = "That was the tour. The question mark at the top lists all keys.".to_owned();
                        (String::new(), "Done", text)
                    }
                };
                // The buttons take their place first; what is left is for the words, which wrap in it.
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    ui.spacing_mut().item_spacing.x = space::S;
                    let end = ui.button(if self.is_over() { "Close" } else { "End the tour" });
                    end.widget_info(|| WidgetInfo::labeled(Role::Button, true, "End the tour"));
                    if end.clicked() {
                        commands.push(Command::EndTour);
                    }
                    if !self.is_over() && ui.button("Skip this step").clicked() {
                        commands.push(Command::SkipTourStep);
                    }
                    ui.label(RichText::new(count).font(theme.small()).color(theme.text_weak));
                    // One label, so that a title such as “Run” is not taken for the button of that name.
                    let mut words = egui::text::LayoutJob::default();
                    let format = |font, color| egui::TextFormat { font_id: font, color, ..egui::TextFormat::default() };
                    words.append(title, 0.0, format(theme.semibold(size::BODY), theme.text_strong));
                    words.append(&format!("  {text}"), 0.0, format(theme.body(), theme.text));
                    ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                        ui.add(Label::new(words).wrap());
                    });
                });
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_ends_by_what_was_done_and_by_nothing_else() {
        let mut tour = Tour::default();
        let mut now = Seen::default();
        let mut is_next = |now: &Seen, step: usize| {
            tour.follow(now);
            assert_eq!(tour.step, step, "{now:?}");
        };
        is_next(&now, 0);
        now.has_selected_node = true;
        is_next(&now, 1);
        is_next(&now, 1);
        (now.is_running, now.run) = (true, Some(1));
        is_next(&now, 2);
        now.has_selected_view = true;
        is_next(&now, 3);
        now.is_tapping = true;
        is_next(&now, 4);
        now.generation = 7;
        is_next(&now, 4);
        now.generation = 8;
        is_next(&now, 5);
        now.edit_cost = Some(EditCost::Nothing);
        is_next(&now, 5);
        now.edit_cost = Some(EditCost::Run { reason: String::new() });
        is_next(&now, 5);
        now.edit_cost = Some(EditCost::Nothing);
        is_next(&now, 6);
        now.shows_help = true;
        is_next(&now, 7);
        now.shows_commands = true;
        is_next(&now, 8);
        assert!(tour.is_over());
    }

    #[test]
    fn a_changed_pipeline_that_is_run_anew_is_in_the_run_too() {
        let mut tour = Tour { step: 5, ..Tour::default() };
        tour.follow(&Seen { run: Some(1), ..Seen::default() });
        assert_eq!(tour.step, 5);
        tour.follow(&Seen { run: Some(2), is_running: true, ..Seen::default() });
        assert_eq!(tour.step, 6);
    }
}
