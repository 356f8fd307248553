//! The log: the newest lines first, each with its time and its level.

use arrow_array::RecordBatch;
use egui::{Align, Align2, Color32, FontId, Id, Label, Layout, RichText, ScrollArea, TextStyle, Ui, pos2, vec2};
use millrace_model::view::{LogLevel, LogView};

use super::columns::{text_at, text_column};
use super::{Size, fault_ui, take_rect};
use crate::data_table::time_us;
use crate::format;
use crate::theme::Theme;

fn color(theme: &Theme, level: LogLevel) -> Color32 {
    match level {
        LogLevel::Error => theme.error,
        LogLevel::Warning => theme.warning,
        LogLevel::Info => theme.text,
        LogLevel::Detail => theme.text_weak,
    }
}

pub(super) fn log_ui(ui: &mut Ui, theme: &Theme, id: Id, log: &LogView, batch: &RecordBatch, size: Size) {
    let (levels, texts) = match (text_column(batch, "level"), text_column(batch, "text")) {
        (Ok(levels), Ok(texts)) => (levels, texts),
        (Err(fault), _) | (_, Err(fault)) => return fault_ui(ui, theme, &fault),
    };
    let num_rows = batch.num_rows();
    let newest = |place: usize| num_rows - 1 - place;
    let time = |row: usize| time_us(batch.column_by_name("time")?.as_ref(), row);
    if size == Size::Node {
        let rect = take_rect(ui, &format!("Log {}: {}", log.title, format::counted(log.num_rows, "line")));
        let size = TextStyle::Small.resolve(ui.style()).size;
        let (font, height) = (FontId::monospace(size * 0.85), size * 1.3);
        let painter = ui.painter_at(rect);
        for place in 0..((rect.height() / height) as usize).min(num_rows) {
            let row = newest(place);
            let at = rect.min + vec2(0.0, place as f32 * height);
            let clock = time(row).map_or_else(String::new, format::time_of_day);
            let clock = painter.text(at, Align2::LEFT_TOP, clock, font.clone(), theme.text_weak);
            let level = LogLevel::of_word(text_at(&levels, row));
            let left = if clock.width() > 0.0 { clock.right() + size * 0.5 } else { rect.left() };
            painter.text(pos2(left, at.y), Align2::LEFT_TOP, text_at(&texts, row), font.clone(), color(theme, level));
        }
        return;
    }
    let held = num_rows as u64;
    let words = if log.num_rows > held {
        format!("newest {} of {}", format::count(held), format::counted(log.num_rows, "line"))
    } else {
        format::counted(held, "line")
    };
    ui.label(RichText::new(words).small().color(theme.text_weak));
    let height = theme.mono().size * 1.5;
    let scroll = ScrollArea::both().id_salt(id).auto_shrink(false);
    scroll.show_rows(ui, height, num_rows, |ui, places| {
        for row in places.map(newest) {
            ui.horizontal(|ui| {
                ui.set_height(height);
                ui.spacing_mut().item_spacing.x = 12.0;
                let word = |text: &str, color: Color32| RichText::new(text).font(theme.mono()).color(color);
                if let Some(time) = time(row) {
                    ui.label(word(&format::timestamp(time), theme.text_weak));
                }
                let name = text_at(&levels, row);
                let color = color(theme, LogLevel::of_word(name));
                if !name.is_empty() {
                    let layout = Layout::left_to_right(Align::Center);
                    ui.allocate_ui_with_layout(vec2(52.0, height), layout, |ui| {
                        ui.set_min_width(52.0);
                        ui.add(Label::new(word(name, color)).truncate());
                    });
                }
                ui.add(Label::new(word(text_at(&texts, row), color)).extend());
            });
        }
    });
}
