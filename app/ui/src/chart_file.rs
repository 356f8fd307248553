//! What a person sees of a chart as a file: a picture that the host draws, or its rows as CSV.

use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use egui::{Context, Id, Ui};
use millrace_model::NodeId;
use millrace_model::view::ViewSpec;
use millrace_protocol::{ImageFormat, Seen, within, without_series};

use crate::chart::numbers;
use crate::command::{ChartFile, Command};
use crate::csv::csv_of;
use crate::session::Session;

/// Pixels of a saved picture.
const PICTURE: (u32, u32) = (1_280, 640);

fn seen_id(node: &NodeId) -> Id {
    Id::unique(("seen of a chart", node.as_str()))
}

/// Keeps how the chart of this node is seen, for when it is saved.
pub fn keep_seen(ctx: &Context, node: &NodeId, seen: Seen) {
    ctx.data_mut(|data| data.insert_temp(seen_id(node), seen));
}

/// A button for each kind of file, laid out as `ui` does.
pub fn save_ui(ui: &mut Ui, commands: &mut Vec<Command>, node: &NodeId) {
    for file in ChartFile::ALL {
        if ui.button(file.title()).clicked() {
            commands.push(Command::SaveChart { node: Some(node.clone()), file });
        }
    }
}

/// Hands the chart of this node to the person, as it was seen last; all of it where it was not yet.
pub fn save(session: &mut Session, ctx: &Context, node: &NodeId, file: ChartFile) {
    let seen: Seen = ctx.data(|data| data.get_temp(seen_id(node))).unwrap_or_default();
    let format = match file {
        ChartFile::Svg => ImageFormat::Svg,
        ChartFile::Png => ImageFormat::Png,
        ChartFile::Csv => {
            let Some(view) = session.live.views.get(node) else {
                session.say_error("There are no rows to save before the first run.".to_owned());
                return;
            };
            let part = session.live.parts.get(node).filter(|(look, _)| Some(*look) == seen.look);
            let rows = part.map_or(&view.data, |(_, part)| &part.data);
            let bytes = csv_of(&shown(&view.spec, rows, &seen)).into_bytes();
            session.link().download(&format!("{node}.csv"), &bytes);
            return;
        }
    };
    session.export_view(node.clone(), seen, format, PICTURE);
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
