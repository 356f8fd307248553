//! The dialog that asks for the name of a revision, a new one or one that is there, or of a capture.

use egui::{Button, Context, Frame, Id, Key, Modal, RichText, TextEdit, WidgetInfo, vec2};
use millrace_protocol::CaptureId;

use crate::capture::CaptureWish;
use crate::command::{Command, RevisionWish};
use crate::theme::{Theme, space};

/// What is to be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameOf {
    /// The present state, which is to be kept.
    Now,
    Revision(i64),
    Capture(CaptureId),
}

/// A name that is being typed.
#[derive(Debug)]
pub(crate) struct NameDialog {
    of: NameOf,
    name: String,
}

impl NameDialog {
    pub fn new(of: NameOf, name: &str) -> Self {
        Self { of, name: name.to_owned() }
    }

    /// Whether it stays open. What was decided is pushed.
    pub fn ui(&mut self, ctx: &Context, theme: &Theme, commands: &mut Vec<Command>) -> bool {
        let (title, text) = match self.of {
            NameOf::Now => ("Save a revision", "A revision keeps the pipeline as it is now, under a name."),
            NameOf::Revision(_) => {
                ("Name the revision", "A revision with a name is kept until the project is deleted.")
            }
            NameOf::Capture(_) => ("Name the capture", "The list of captures shows it under this name."),
        };
        let label = if matches!(self.of, NameOf::Capture(_)) { "Capture name" } else { "Revision name" };
        let mut is_open = true;
        let mut is_decided = false;
        let modal = Modal::new(Id::unique("revision name"))
            .frame(Frame::popup(&ctx.global_style()).inner_margin(space::L))
            .show(ctx, |ui| {
                ui.set_width(360.0);
                ui.heading(title);
                ui.label(RichText::new(text).color(theme.text_weak));
                ui.add_space(space::S);
                let field = TextEdit::singleline(&mut self.name).margin(vec2(10.0, 7.0)).desired_width(f32::INFINITY);
                let response = ui.add(field);
                let name = self.name.as_str();
                response.widget_info(|| WidgetInfo {
                    label: Some(label.to_owned()),
                    ..WidgetInfo::text_edit(true, name, name, "Name")
                });
                if !response.has_focus() && !response.lost_focus() {
                    response.request_focus();
                }
                let enter = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
                ui.add_space(space::S);
                ui.horizontal(|ui| {
                    let can = !self.name.trim().is_empty();
                    is_decided = ui.add_enabled(can, Button::new("Save")).clicked() || (enter && can);
                    is_open = !ui.button("Cancel").clicked();
                });
            });
        if is_decided {
            let name = self.name.trim().to_owned();
            commands.push(match self.of {
                NameOf::Now => Command::SaveRevision { name },
                NameOf::Revision(revision) => Command::Revision(RevisionWish::Rename { revision, name }),
                NameOf::Capture(capture) => Command::Capture(CaptureWish::Rename { capture, name }),
            });
        }
        is_open && !is_decided && !modal.should_close()
    }
}
