//! Rows as lines of JSON, one for each row: what a wire carries, with nothing rounded or left out.
//!
//! Moments are ISO 8601 in UTC as everywhere; what JSON has no word for (a number that is none, a decimal) is a text.

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use egui::{Label, RichText, ScrollArea, Ui};
use serde_json::Value;

use crate::data_table::{Cells, time_us};
use crate::theme::{Theme, space};

const ROW_HEIGHT: f32 = 20.0;

/// The row as one line of JSON, its columns in their order.
pub(super) fn json_line(batch: &RecordBatch, row: usize) -> String {
    let schema = batch.schema_ref();
    let mut text = String::new();
    let fields = schema.fields().iter().zip(batch.columns());
    write_object(&mut text, fields.map(|(field, array)| (field.name().as_str(), array.as_ref())), row);
    text
}

/// All rows, oldest first, each with its line break.
pub(super) fn json_lines(batch: &RecordBatch) -> String {
    (0..batch.num_rows()).map(|row| json_line(batch, row) + "\n").collect()
}

fn write_object<'a>(text: &mut String, members: impl Iterator<Item = (&'a str, &'a dyn Array)>, row: usize) {
    text.push('{');
    for (index, (name, array)) in members.enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        text.push_str(&Value::from(name).to_string());
        text.push_str(": ");
        write_value(text, array, row);
    }
    text.push('}');
}

fn write_list(text: &mut String, items: &dyn Array) {
    text.push('[');
    for item in 0..items.len() {
        if item > 0 {
            text.push_str(", ");
        }
        write_value(text, items, item);
    }
    text.push(']');
}

fn write_value(text: &mut String, array: &dyn Array, row: usize) {
    if array.is_null(row) {
        return text.push_str("null");
    }
    match array.data_type() {
        DataType::Struct(_) => {
            let members = array.as_struct();
            let names = members.fields().iter().map(|field| field.name().as_str());
            write_object(text, names.zip(members.columns().iter().map(AsRef::as_ref)), row);
        }
        DataType::List(_) => write_list(text, &array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => write_list(text, &array.as_list::<i64>().value(row)),
        DataType::FixedSizeList(..) => write_list(text, &array.as_fixed_size_list().value(row)),
        DataType::Dictionary(..) => {
            // Of one row, since all keys would be brought to one type.
            let one = array.slice(row, 1);
            let dictionary = one.as_any_dictionary();
            write_value(text, dictionary.values().as_ref(), dictionary.normalized_keys()[0]);
        }
        data_type => {
            let cell = Cells::new(array).text(row);
            // A float that is no number is text: JSON has no word for it.
            let is_plain = data_type.is_integer() || data_type.is_floating() || *data_type == DataType::Boolean;
            let is_bare = is_plain && time_us(array, row).is_none() && serde_json::from_str::<Value>(&cell).is_ok();
            if is_bare { text.push_str(&cell) } else { text.push_str(&Value::from(cell).to_string()) }
        }
    }
}

/// Draws the lines, the newest on top. Text can be selected over several lines; a line can be copied.
pub(super) fn raw_ui(ui: &mut Ui, theme: &Theme, batch: &RecordBatch) {
    let num_rows = batch.num_rows();
    let area = ScrollArea::both().id_salt("raw_rows").auto_shrink(false);
    ui.spacing_mut().item_spacing.y = 0.0;
    area.show_rows(ui, ROW_HEIGHT, num_rows, |ui, rows| {
        for row in rows {
            let line = json_line(batch, num_rows - 1 - row);
            ui.horizontal(|ui| {
                ui.set_height(ROW_HEIGHT);
                ui.add_space(space::M);
                let text = RichText::new(&line).font(theme.mono()).color(theme.text);
                let response = ui.add(Label::new(text).selectable(true).extend());
                response.context_menu(|ui| {
                    if ui.button("Copy line").clicked() {
                        ui.copy_text(line.clone());
                        ui.close();
                    }
                });
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::builder::{Int64Builder, ListBuilder};
    use arrow_array::types::Int32Type;
    use arrow_array::{
        ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int64Array, StringArray, StructArray,
        TimestampMicrosecondArray,
    };
    use arrow_schema::Field;

    use super::*;

    #[test]
    fn every_line_is_json_that_says_what_the_row_holds() {
        let times: ArrayRef =
            Arc::new(TimestampMicrosecondArray::from(vec![1_772_373_807_412_000, 0]).with_timezone("+00:00"));
        let values: ArrayRef = Arc::new(Float64Array::from(vec![0.1 + 0.2, f64::NAN]));
        let counts: ArrayRef = Arc::new(Int64Array::from(vec![Some(i64::MAX), None]));
        let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true, false]));
        let names: ArrayRef = Arc::new(StringArray::from(vec!["say \"hi\"\n", "12"]));
        let words: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::from_iter([Some("warm"), None]));
        let mut lists = ListBuilder::new(Int64Builder::new());
        lists.append_value([Some(1), None]);
        lists.append_value([]);
        let lists: ArrayRef = Arc::new(lists.finish());
        let field = |name: &str, array: &ArrayRef| Arc::new(Field::new(name, array.data_type().clone(), true));
        let members = [(field("b", &counts), counts.clone()), (field("a", &flags), flags.clone())];
        let inner: ArrayRef = Arc::new(StructArray::from(members.to_vec()));
        let columns = [
            ("ts", times),
            ("value", values),
            ("count", counts),
            ("flag", flags),
            ("name", names),
            ("word", words),
            ("list", lists),
            ("inner", inner),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true)))
            .expect("equal lengths");
        assert_eq!(
            json_line(&batch, 0),
            r#"{"ts": "2026-03-01T14:03:27.412Z", "value": 0.30000000000000004, "count": 9223372036854775807, "#
                .to_owned()
                + r#""flag": true, "name": "say \"hi\"\n", "word": "warm", "list": [1, null], "#
                + r#""inner": {"b": 9223372036854775807, "a": true}}"#
        );
        assert_eq!(
            json_line(&batch, 1),
            r#"{"ts": "1970-01-01T00:00:00Z", "value": "NaN", "count": null, "flag": false, "name": "12", "#.to_owned()
                + r#""word": null, "list": [], "inner": {"b": null, "a": false}}"#
        );
        let lines = json_lines(&batch);
        assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()) && lines.lines().count() == 2);
    }
}
