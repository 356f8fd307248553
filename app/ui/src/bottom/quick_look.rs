//! The quick look: a chart of the rows of the watched wire, by columns that the person picks. The pipeline is not
//! changed by it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Schema};
use egui::{ComboBox, Id, Ui};
use egui_plot::PlotPoint;
use millrace_model::event_time::event_time_column;
use millrace_model::view::{Mark, Scale, XyChart};

use crate::chart::{LineData, numbers, same_batch, xy_panel_ui};
use crate::data_table::Cells;
use crate::theme::Theme;

/// More lines than this cannot be told apart; the rest of the groups is left out and said so.
const MAX_SERIES: usize = 16;

/// The columns that were picked, and the lines made of them.
#[derive(Debug, Default)]
pub(super) struct QuickLook {
    x: Option<String>,
    y: Option<String>,
    series: Option<String>,
    made: Option<Made>,
}

/// Lines and what they were made of: made anew only when that changes.
#[derive(Debug)]
struct Made {
    batch: RecordBatch,
    columns: [Option<String>; 3],
    lines: Arc<LineData>,
    num_left_out: usize,
}

fn can_be_x(data_type: &DataType) -> bool {
    data_type.is_numeric() || matches!(data_type, DataType::Timestamp(..))
}

fn can_be_series(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..))
        || data_type.is_integer()
        || *data_type == DataType::Boolean
}

fn names(schema: &Schema, fits: impl Fn(&DataType) -> bool) -> Vec<String> {
    schema.fields().iter().filter(|field| fits(field.data_type())).map(|field| field.name().clone()).collect()
}

impl QuickLook {
    /// Keeps what was picked where the schema still has it; else picks the event time and the first measured column.
    fn settle(&mut self, schema: &Schema) {
        let has = |picked: &Option<String>, fits: fn(&DataType) -> bool| {
            picked.as_ref().is_some_and(|name| schema.field_with_name(name).is_ok_and(|field| fits(field.data_type())))
        };
        if !has(&self.x, can_be_x) {
            let is_time = |data_type: &DataType| matches!(data_type, DataType::Timestamp(..));
            self.x = event_time_column(schema)
                .map(str::to_owned)
                .or_else(|| names(schema, is_time).into_iter().next())
                .or_else(|| names(schema, can_be_x).into_iter().next());
        }
        if !has(&self.y, DataType::is_numeric) {
            let floating = names(schema, DataType::is_floating);
            let numeric = names(schema, DataType::is_numeric);
            self.y = floating.into_iter().chain(numeric).find(|name| Some(name) != self.x.as_ref());
        }
        if self.series.is_some() && !has(&self.series, can_be_series) {
            self.series = None;
        }
    }

    fn lines(&mut self, batch: &RecordBatch) -> Option<(Arc<LineData>, usize)> {
        let columns = [self.x.clone(), self.y.clone(), self.series.clone()];
        let is_fresh = |made: &Made| made.columns == columns && same_batch(&made.batch, batch);
        if !self.made.as_ref().is_some_and(is_fresh) {
            let (lines, num_left_out) =
                lines_of(batch, self.x.as_deref()?, self.y.as_deref()?, self.series.as_deref())?;
            self.made = Some(Made { batch: batch.clone(), columns, lines: Arc::new(lines), num_left_out });
        }
        self.made.as_ref().map(|made| (made.lines.clone(), made.num_left_out))
    }
}

fn lines_of(batch: &RecordBatch, x: &str, y: &str, series: Option<&str>) -> Option<(LineData, usize)> {
    let xs = numbers(batch.column_by_name(x)?).ok()?;
    let ys = numbers(batch.column_by_name(y)?).ok()?;
    let groups = series.and_then(|series| batch.column_by_name(series));
    let cells = groups.map(|array| Cells::new(array.as_ref()));
    let mut lines: BTreeMap<String, Vec<PlotPoint>> = BTreeMap::new();
    for row in 0..batch.num_rows() {
        if !(xs[row].is_finite() && ys[row].is_finite()) {
            continue;
        }
        let name = match (&cells, groups) {
            (Some(_), Some(array)) if array.is_null(row) => "null".to_owned(),
            (Some(cells), _) => cells.text(row),
            _ => y.to_owned(),
        };
        lines.entry(name).or_default().push(PlotPoint::new(xs[row], ys[row]));
    }
    let num_left_out = lines.len().saturating_sub(MAX_SERIES);
    Some((LineData::of(lines.into_iter().take(MAX_SERIES)), num_left_out))
}

pub(super) fn quick_look_ui(ui: &mut Ui, theme: &Theme, state: &mut QuickLook, batch: &RecordBatch) {
    let schema = batch.schema_ref();
    state.settle(schema);
    ui.horizontal(|ui| {
        ui.add_space(12.0);
        pick_ui(ui, theme, "X", &mut state.x, &names(schema, can_be_x), false);
        pick_ui(ui, theme, "Y", &mut state.y, &names(schema, DataType::is_numeric), false);
        pick_ui(ui, theme, "Lines by", &mut state.series, &names(schema, can_be_series), true);
        if let Some((_, num_left_out @ 1..)) = state.lines(batch) {
            let words = format!("the first {MAX_SERIES} of {} lines", num_left_out + MAX_SERIES);
            ui.label(egui::RichText::new(words).font(theme.small()).color(theme.warning));
        }
    });
    let Some((lines, _)) = state.lines(batch) else {
        return super::empty_ui(ui, theme, "Nothing to draw", "These rows have no column of numbers.");
    };
    let x_is_time = state.x.as_ref().is_some_and(|x| {
        schema.field_with_name(x).is_ok_and(|field| matches!(field.data_type(), DataType::Timestamp(..)))
    });
    let chart = XyChart {
        title: "of the watched rows".to_owned(),
        mark: Mark::Line,
        y_scale: Scale::Linear,
        right: Vec::new(),
        right_label: String::new(),
        x_held: None,
        x_label: if x_is_time { String::new() } else { state.x.clone().unwrap_or_default() },
        y_label: state.y.clone().unwrap_or_default(),
        x_is_time,
        thresholds: Vec::new(),
        num_points: lines.num_points() as u64,
    };
    let _ = xy_panel_ui(ui, theme, Id::unique("quick_look"), &chart, (&lines, None), None);
}

fn pick_ui(ui: &mut Ui, theme: &Theme, title: &str, picked: &mut Option<String>, names: &[String], optional: bool) {
    let label = ui.label(egui::RichText::new(title).font(theme.small()).color(theme.text_weak));
    let shown = picked.clone().unwrap_or_else(|| "none".to_owned());
    let combo = ComboBox::from_id_salt(("quick_look", title)).selected_text(shown).width(120.0);
    let response = combo.show_ui(ui, |ui| {
        if optional {
            ui.selectable_value(picked, None, "none");
        }
        for name in names {
            ui.selectable_value(picked, Some(name.clone()), name);
        }
    });
    let _ = response.response.labelled_by(label.id);
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};

    fn batch() -> RecordBatch {
        let id: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
        let site: ArrayRef = Arc::new(StringArray::from(vec![Some("n"), Some("s"), None]));
        let ts: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![3_000_000, 2_000_000, 1_000_000]));
        let value: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), Some(2.0), Some(3.0)]));
        RecordBatch::try_from_iter([("id", id), ("site", site), ("ts", ts), ("value", value)]).expect("equal lengths")
    }

    #[test]
    fn time_and_the_first_measured_column_are_picked_at_first() {
        let mut look = QuickLook::default();
        look.settle(batch().schema_ref());
        assert_eq!((look.x.as_deref(), look.y.as_deref(), look.series.as_deref()), (Some("ts"), Some("value"), None));
        look.y = Some("id".to_owned());
        look.settle(batch().schema_ref());
        assert_eq!(look.y.as_deref(), Some("id"));
    }

    #[test]
    fn lines_are_split_by_the_picked_column_and_sorted_by_x() {
        let (lines, num_left_out) = lines_of(&batch(), "ts", "value", Some("site")).expect("the columns are there");
        let names: Vec<&str> = lines.series.iter().map(|series| series.name.as_str()).collect();
        assert_eq!((names, num_left_out), (vec!["n", "null", "s"], 0));
        let (one, _) = lines_of(&batch(), "ts", "value", None).expect("the columns are there");
        assert_eq!(one.series[0].points.iter().map(|point| point.x).collect::<Vec<_>>(), [1.0, 2.0, 3.0]);
    }
}
