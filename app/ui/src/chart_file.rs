//! What a person sees of a chart as a file: a picture that the host draws, or its rows as CSV.

use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use egui::{Id, Ui};
use millrace_model::NodeId;
use millrace_model::view::ViewSpec;
use millrace_protocol::{ImageFormat, Seen, within, without_series};

use crate::chart::numbers;
use crate::command::Command;
use crate::context::ViewContext;
use crate::csv::csv_of;

/// Pixels of a saved picture.
const PICTURE: (u32, u32) = (1_280, 640);

/// Keeps how a chart is seen, for [`save_ui`] in the next frame.
pub fn keep_seen(ui: &Ui, chart: Id, seen: Seen) {
    ui.data_mut(|data| data.insert_temp(chart.with("seen"), seen));
}

/// A button for each kind of file, laid out as `ui` does.
pub fn save_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, chart: Id, node: &NodeId) {
    let Some(view) = cx.live.views.get(node) else { return };
    let seen: Seen = ui.data(|data| data.get_temp(chart.with("seen"))).unwrap_or_default();
    for (format, title) in [(ImageFormat::Svg, "Save SVG…"), (ImageFormat::Png, "Save PNG…")] {
        if ui.button(title).clicked() {
            let (width, height) = PICTURE;
            cx.commands.push(Command::ExportView { node: node.clone(), seen: seen.clone(), format, width, height });
        }
    }
    if ui.button("Save CSV…").on_hover_text("The rows of what is seen").clicked() {
        let part = cx.live.parts.get(node).filter(|(look, _)| Some(*look) == seen.look);
        let rows = part.map_or(&view.data, |(_, part)| &part.data);
        let bytes = csv_of(&shown(&view.spec, rows, &seen)).into_bytes();
        cx.commands.push(Command::Download { name: format!("{node}.csv"), bytes });
    }
}

/// The rows of the series that are shown, and of the part that is seen.
fn shown(spec: &ViewSpec, rows: &RecordBatch, seen: &Seen) -> RecordBatch {
    let rows = without_series(rows, &seen.hidden);
    let ViewSpec::Xy(chart) = spec else {
        return seen.x.and_then(|time| within(spec, &rows, time)).unwrap_or(rows);
    };
    let unit = if chart.x_is_time { 1e6 } else { 1.0 };
    let places = rows.column_by_name("x").and_then(|places| numbers(places).ok());
    let (Some((from, to)), Some(places)) = (seen.x, places) else { return rows };
    let is_in: BooleanArray = places.iter().map(|place| Some((from..=to).contains(&(place * unit)))).collect();
    filter_record_batch(&rows, &is_in).unwrap_or(rows)
}
