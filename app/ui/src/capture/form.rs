//! The form for rows that go on a wire: one JSON object a line, over the columns of the wire.

use egui::{Button, Context, Frame, Id, Key, Modal, Modifiers, RichText, ScrollArea, TextEdit, WidgetInfo};
use millrace_model::Wire;

use super::CaptureWish;
use crate::command::Command;
use crate::theme::{Theme, space};

/// Rows that are being written.
#[derive(Debug, Clone, Default)]
pub(crate) struct InjectForm {
    /// As it is drawn.
    pub wire: Option<Wire>,
    /// Between which nodes, in their titles.
    pub place: String,
    /// Name and type word of each column.
    pub columns: Vec<(String, String)>,
    pub text: String,
    /// Why the host refused them.
    pub fault: Option<String>,
    /// The host has not answered yet.
    pub is_sent: bool,
}

impl InjectForm {
    /// Adds a row, in the place of the empty line that may be at the end.
    pub fn add_line(&mut self, line: &str) {
        let kept = self.text.trim_end();
        self.text = if kept.is_empty() { line.to_owned() } else { format!("{kept}\n{line}") };
    }

    /// Whether it stays open. What was decided is pushed.
    pub fn ui(&mut self, ctx: &Context, theme: &Theme, commands: &mut Vec<Command>) -> bool {
        let mut is_open = true;
        let modal = Modal::new(Id::unique("inject rows"))
            .frame(Frame::popup(&ctx.global_style()).inner_margin(space::L))
            .show(ctx, |ui| {
                ui.set_width(560.0);
                ui.heading("Inject rows");
                ui.label(RichText::new(&self.place).color(theme.text_weak));
                ui.add_space(space::XS);
                ui.horizontal_wrapped(|ui| {
                    ui.spacing_mut().item_spacing.x = space::M;
                    for (name, data_type) in &self.columns {
                        let mut job = egui::text::LayoutJob::default();
                        let format = |color| egui::TextFormat::simple(theme.mono(), color);
                        job.append(name, 0.0, format(theme.text));
                        job.append(data_type, 6.0, format(theme.text_weak));
                        ui.label(job);
                    }
                });
                ui.add_space(space::S);
                let submit = ui.input_mut(|input| input.consume_key(Modifiers::COMMAND, Key::Enter));
                ScrollArea::vertical().max_height(240.0).show(ui, |ui| {
                    let field = TextEdit::multiline(&mut self.text)
                        .font(theme.mono())
                        .desired_rows(6)
                        .desired_width(f32::INFINITY)
                        .hint_text("{\"column\": 1}");
                    let response = ui.add(field);
                    let text = self.text.as_str();
                    response.widget_info(|| WidgetInfo {
                        label: Some("Rows, one JSON object a line".to_owned()),
                        ..WidgetInfo::text_edit(true, text, text, "{\"column\": 1}")
                    });
                    if response.changed() {
                        self.fault = None;
                    }
                });
                match &self.fault {
                    Some(fault) => ui.colored_label(theme.error, fault),
                    None => ui.label(
                        RichText::new(
                            "One JSON object a line. The rows go behind what is on the wire, and count as injected.",
                        )
                        .font(theme.small())
                        .color(theme.text_weak),
                    ),
                };
                ui.add_space(space::S);
                ui.horizontal(|ui| {
                    let can = !self.is_sent && !self.text.trim().is_empty();
                    let inject = ui.add_enabled(can, Button::new("Inject")).on_hover_text("Ctrl+Enter");
                    if inject.clicked() || (submit && can) {
                        commands.push(Command::Capture(CaptureWish::Inject));
                    }
                    if ui
                        .button("Add the newest row")
                        .on_hover_text("The newest one of this wire, to be changed")
                        .clicked()
                    {
                        commands.push(Command::Capture(CaptureWish::NewestRow));
                    }
                    is_open = !ui.button("Cancel").clicked();
                });
            });
        is_open && !modal.should_close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_added_on_a_line_of_its_own() {
        let mut form = InjectForm::default();
        form.add_line("{\"a\": 1}");
        form.text.push_str("\n\n");
        form.add_line("{\"a\": 2}");
        assert_eq!(form.text, "{\"a\": 1}\n{\"a\": 2}");
    }
}
