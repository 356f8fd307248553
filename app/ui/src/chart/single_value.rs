//! The single value: one number large, or a row for each key.

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_schema::DataType;
use egui::{Align, Align2, FontId, Id, Layout, Rect, RichText, Role, ScrollArea, Sense, TextStyle, Ui, WidgetInfo};
use egui::{pos2, vec2};
use millrace_model::view::SingleValue;

use super::take_rect;
use crate::data_table::{Cells, time_us};
use crate::format;
use crate::theme::Theme;

const ROW_HEIGHT: f32 = 32.0;

/// The columns of the batch, ready to be read row by row.
struct Values<'a> {
    labels: Option<&'a ArrayRef>,
    times: Option<&'a ArrayRef>,
    value: &'a ArrayRef,
    numbers: Option<ArrayRef>,
    spec: &'a SingleValue,
}

impl<'a> Values<'a> {
    fn of(spec: &'a SingleValue, batch: &'a RecordBatch) -> Option<Self> {
        let value = batch.column_by_name("value")?;
        let numbers = value.data_type().is_numeric().then(|| cast(value, &DataType::Float64).ok()).flatten();
        let (labels, times) = (batch.column_by_name("label"), batch.column_by_name("time"));
        Some(Self { labels, times, value, numbers, spec })
    }

    fn label(&self, row: usize) -> String {
        self.labels.map_or_else(String::new, |labels| Cells::new(labels.as_ref()).text(row))
    }

    fn time(&self, row: usize) -> Option<String> {
        time_us(self.times?.as_ref(), row).map(format::timestamp)
    }

    fn value(&self, row: usize) -> String {
        use arrow_array::cast::AsArray;
        if self.value.is_null(row) {
            return "–".to_owned();
        }
        match &self.numbers {
            Some(numbers) => {
                let number = numbers.as_primitive::<arrow_array::types::Float64Type>().value(row);
                format::fixed(number, usize::from(self.spec.decimals))
            }
            None => Cells::new(self.value.as_ref()).text(row),
        }
    }

    /// `21.4 °C`.
    fn value_and_unit(&self, row: usize) -> String {
        let value = self.value(row);
        if self.spec.unit.is_empty() { value } else { format!("{value} {}", self.spec.unit) }
    }
}

pub(super) fn node_ui(ui: &mut Ui, theme: &Theme, spec: &SingleValue, batch: &RecordBatch) {
    let Some(values) = Values::of(spec, batch) else { return fault_ui(ui, theme) };
    let num_rows = batch.num_rows();
    let rect = take_rect(ui, &format!("{}: {}", spec.title, values.value_and_unit(0)));
    let small = TextStyle::Small.resolve(ui.style()).size;
    let painter = ui.painter_at(rect);
    if num_rows == 1 {
        big_number(ui, theme, rect.shrink(2.0), &values, small);
        return;
    }
    let row_height = small * 1.6;
    let num_fitting = ((rect.height() / row_height) as usize).max(1);
    let num_shown = if num_rows > num_fitting { num_fitting.saturating_sub(1) } else { num_rows };
    for row in 0..num_shown {
        let y = rect.top() + (row as f32 + 0.5) * row_height;
        let label = values.label(row);
        painter.text(
            pos2(rect.left() + 2.0, y),
            Align2::LEFT_CENTER,
            label,
            FontId::proportional(small),
            theme.text_weak,
        );
        let value = values.value_and_unit(row);
        painter.text(pos2(rect.right() - 2.0, y), Align2::RIGHT_CENTER, value, FontId::monospace(small), theme.text);
    }
    if num_shown < num_rows {
        let y = rect.top() + (num_shown as f32 + 0.5) * row_height;
        let more = format!("{} more", format::count((num_rows - num_shown) as u64));
        painter.text(
            pos2(rect.left() + 2.0, y),
            Align2::LEFT_CENTER,
            more,
            FontId::proportional(small),
            theme.text_weak,
        );
    }
}

/// One value as large as its place allows, the unit small beside it.
fn big_number(ui: &Ui, theme: &Theme, rect: Rect, values: &Values<'_>, small: f32) {
    let painter = ui.painter_at(rect);
    let value = values.value(0);
    let letters = value.chars().count().max(3) as f32;
    // A monospaced letter is about 0.6 of its size wide.
    let room = rect.width() - values.spec.unit.chars().count() as f32 * small * 0.7 - small;
    let size = (room / (letters * 0.62)).min(rect.height() * 0.5).clamp(small, 64.0);
    let number = painter.layout_no_wrap(value, FontId::monospace(size), theme.text_strong);
    let unit = painter.layout_no_wrap(
        values.spec.unit.clone(),
        FontId::proportional((size * 0.4).max(small)),
        theme.text_weak,
    );
    let gap = if values.spec.unit.is_empty() { 0.0 } else { size * 0.2 };
    let width = number.size().x + gap + unit.size().x;
    let left = rect.center().x - width / 2.0;
    let top = rect.center().y - number.size().y / 2.0;
    let baseline = top + number.size().y * 0.8;
    let unit_at = pos2(left + number.size().x + gap, baseline - unit.size().y * 0.8);
    painter.galley(pos2(left, top), number, theme.text_strong);
    painter.galley(unit_at, unit, theme.text_weak);
    let label = values.label(0);
    if !label.is_empty() && rect.height() > 3.5 * small {
        painter.text(rect.center_top(), Align2::CENTER_TOP, label, FontId::proportional(small), theme.text_weak);
    }
    if let Some(time) = values.time(0)
        && rect.height() > 7.0 * small
    {
        painter.text(
            rect.center_bottom(),
            Align2::CENTER_BOTTOM,
            time,
            FontId::monospace(small * 0.9),
            theme.text_weak,
        );
    }
}

pub(super) fn panel_ui(ui: &mut Ui, theme: &Theme, id: Id, spec: &SingleValue, batch: &RecordBatch) {
    let Some(values) = Values::of(spec, batch) else { return fault_ui(ui, theme) };
    if batch.num_rows() == 1 {
        let rect = take_rect(ui, &format!("{}: {}", spec.title, values.value_and_unit(0)));
        return big_number(ui, theme, rect.shrink(8.0), &values, theme.small().size);
    }
    let scroll = ScrollArea::vertical().id_salt(id).auto_shrink(false);
    scroll.show_rows(ui, ROW_HEIGHT, batch.num_rows(), |ui, rows| {
        for row in rows {
            let size = vec2(ui.available_width(), ROW_HEIGHT);
            let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
            let words = format!("{}: {}", values.label(row), values.value_and_unit(row));
            response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &words));
            let mut line =
                ui.new_child(egui::UiBuilder::new().max_rect(rect).layout(Layout::left_to_right(Align::Center)));
            line.label(RichText::new(values.label(row)).color(theme.text_weak));
            line.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.add_space(8.0);
                if let Some(time) = values.time(row) {
                    ui.label(RichText::new(time).font(theme.mono()).color(theme.text_weak));
                }
                ui.label(RichText::new(&spec.unit).color(theme.text_weak));
                ui.label(RichText::new(values.value(row)).font(FontId::monospace(20.0)).color(theme.text_strong));
            });
            ui.painter().hline(rect.x_range(), rect.bottom(), theme.line_stroke());
        }
    });
}

fn fault_ui(ui: &mut Ui, theme: &Theme) {
    ui.centered_and_justified(|ui| ui.colored_label(theme.error, "The view's rows have no column `value`."));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use arrow_array::{Int64Array, StringArray};

    #[test]
    fn values_have_the_decimals_and_the_unit_of_the_view() {
        let labels: ArrayRef = Arc::new(StringArray::from(vec!["north", "south"]));
        let value: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None]));
        let batch = RecordBatch::try_from_iter([("label", labels), ("value", value)]).expect("equal lengths");
        let spec = SingleValue { title: "Silent".to_owned(), unit: "devices".to_owned(), decimals: 1 };
        let values = Values::of(&spec, &batch).expect("there is a value column");
        assert_eq!((values.label(0).as_str(), values.value_and_unit(0).as_str()), ("north", "7.0 devices"));
        assert_eq!(values.value(1), "–");
        assert_eq!(values.time(0), None);
    }

    #[test]
    fn a_text_is_shown_as_it_is() {
        let value: ArrayRef = Arc::new(StringArray::from(vec!["running"]));
        let batch = RecordBatch::try_from_iter([("value", value)]).expect("one column");
        let spec = SingleValue { title: String::new(), unit: String::new(), decimals: 3 };
        assert_eq!(Values::of(&spec, &batch).expect("there is a value column").value_and_unit(0), "running");
    }
}
