//! `visualize.heatmap`: a colour for each cell of x and y.
//!
//! Both axes are cut by `bins`, or rows have names. When a stretch grows the cells are joined, so the whole time since the
//! start is shown and memory stays bounded. State: a summary of the values of each cell, and the two axes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use millrace_model::filter::of_column;
use millrace_model::view::{Heatmap, Look, ViewSpec};
use millrace_model::{ColumnRef, Interval, PortCard};
use millrace_operator::{
    BuildContext, CardText, Columns, InferContext, Machine, Node, NodeError, State, View, ViewSnapshot, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bins::{Bins, joined};
use super::columns::{XColumn, check_given, check_x, given, numbers, read, texts, title};
use super::ipc;
use super::summary::{self, Show, Summary};

/// Named rows beyond this many are not shown: nobody could read them.
const MAX_ROWS: usize = 100;

/// Shows rows over two axes as colours: how many fell into each cell, or the mean, the sum, … of a value. Y may be a column
/// of numbers, which is cut into ranges, or of texts, which are a row each.
///
/// The whole time since the run began is shown: when there would be more than *Columns* columns, two of them become one,
/// and the same for rows. At most 100 named rows are shown, the first that came. Rows whose x, y or value is null are left
/// out.
///
/// | in | y `device`, value `temperature`, show `max` |
/// | --- | --- |
/// | readings of 20 devices | a row for each device, bright where it was hot |
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The column up the side: numbers or texts.
    pub y: ColumnRef,
    /// The column along the bottom, a time or a number; empty: the event time.
    #[serde(default)]
    pub x: Option<ColumnRef>,
    /// The column of numbers that gives the colour; empty: the number of rows does.
    #[serde(default)]
    pub value: Option<ColumnRef>,
    /// What of the values of a cell is shown.
    #[serde(default = "default_show")]
    pub show: Show,
    /// At most so many columns.
    #[serde(default = "default_columns")]
    #[schemars(range(min = 2, max = 500))]
    pub columns: usize,
    /// At most so many rows, where they are ranges of numbers.
    #[serde(default = "default_rows")]
    #[schemars(range(min = 2, max = 200))]
    pub rows: usize,
    /// How long a column is at first, where x is a time; empty: 1 s.
    #[serde(default)]
    pub column_time: Option<Interval>,
    /// Stands above the chart; empty: the node's own title.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub title: String,
}

fn default_show() -> Show {
    Show::Mean
}

fn default_columns() -> usize {
    120
}

fn default_rows() -> usize {
    30
}

/// The node kind.
pub struct HeatmapNode;

fn is_named(data_type: &DataType) -> bool {
    !(data_type.is_numeric() || matches!(data_type, DataType::Null))
}

impl Node for HeatmapNode {
    type Params = Params;
    const KIND: &'static str = "visualize.heatmap";

    fn card() -> CardText {
        CardText::new("Heatmap", "Colours over two axes", "grid-four")
            .input(PortCard::rows("Rows to draw."))
            .headline("y")
            .view()
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        for (param, size) in [("columns", params.columns), ("rows", params.rows)] {
            if size < 2 {
                cx.error(param, "out_of_range", "There are at least two.");
            }
        }
        if let Some(schema) = cx.input() {
            cx.column("y", params.y.as_str(), &schema);
            check_x(cx, params.x.as_ref(), &schema);
            check_given(cx, "value", params.value.as_ref(), &schema);
            if let Some(value) = params.value.as_ref().filter(|value| !value.as_str().is_empty()) {
                super::columns::check_number(cx, "value", value, &schema);
            }
        }
        Vec::new()
    }

    fn reads(params: &Params, _: &Wanted<'_>) -> Vec<Columns> {
        vec![read([Some(&params.y), params.x.as_ref(), params.value.as_ref()])]
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let input = cx.input();
        let x = XColumn::of(params.x.as_ref(), input)?;
        let y = input.index_of(params.y.as_str())?;
        let value = given(params.value.as_ref());
        let first_width = x.is_time.then(|| params.column_time.map_or(1e6, |time| time.as_micros().max(1) as f64));
        let spec = Heatmap {
            title: title(params.title, cx),
            x_label: x.name.clone(),
            y_label: params.y.to_string(),
            x_is_time: x.is_time,
            has_named_rows: is_named(input.field(y).data_type()),
            value_label: value.map_or_else(|| "rows".to_owned(), |value| params.show.label(value)),
        };
        Ok(Machine::View(Box::new(Cells {
            across: Bins::new(first_width, params.columns),
            along: Bins::new(None, params.rows),
            names: Vec::new(),
            num_hidden: 0,
            cells: BTreeMap::new(),
            show: if value.is_some() { params.show } else { Show::Count },
            value: value.map(|value| input.index_of(value)).transpose()?,
            x,
            y,
            spec,
        })))
    }
}

struct Cells {
    spec: Heatmap,
    x: XColumn,
    y: usize,
    value: Option<usize>,
    show: Show,
    across: Bins,
    along: Bins,
    /// The names of rows, where they have names; a row is the place in this list.
    names: Vec<String>,
    num_hidden: u64,
    cells: BTreeMap<(i64, i64), Summary>,
}

#[derive(Serialize, Deserialize)]
struct Note {
    across: i32,
    along: i32,
    names: Vec<String>,
    num_hidden: u64,
}

impl Cells {
    fn take(&mut self, x: f64, row: i64, joins: u32, value: f64) {
        let (column, column_joins) = self.across.take(x);
        if joins + column_joins > 0 {
            let mut cells = BTreeMap::new();
            for ((old_column, old_row), old) in &self.cells {
                let place = (joined(*old_column, column_joins), joined(*old_row, joins));
                cells.entry(place).and_modify(|cell: &mut Summary| cell.add(*old)).or_insert(*old);
            }
            self.cells = cells;
        }
        let value = Summary::of(value);
        self.cells.entry((column, row)).and_modify(|cell| cell.add(value)).or_insert(value);
    }
}

impl View for Cells {
    fn on_batch(&mut self, batch: RecordBatch) -> Result<(), NodeError> {
        let x = self.x.values(&batch)?;
        let values = match self.value {
            Some(column) => numbers(batch.column(column))?,
            None => Float64Array::from(vec![1.0; batch.num_rows()]),
        };
        let is_whole = |row: usize| {
            x.is_valid(row) && x.value(row).is_finite() && values.is_valid(row) && values.value(row).is_finite()
        };
        if self.spec.has_named_rows {
            let labels = texts(batch.column(self.y))?;
            let mut places: HashMap<String, usize> = self.names.iter().cloned().zip(0..).collect();
            for row in (0..batch.num_rows()).filter(|row| is_whole(*row)) {
                let label = labels.value(row);
                let place = match places.get(label) {
                    Some(place) => *place,
                    None if self.names.len() >= MAX_ROWS => {
                        self.num_hidden += 1;
                        continue;
                    }
                    None => {
                        self.names.push(label.to_owned());
                        places.insert(label.to_owned(), self.names.len() - 1);
                        self.names.len() - 1
                    }
                };
                self.take(x.value(row), place as i64, 0, values.value(row));
            }
        } else {
            let heights = numbers(batch.column(self.y))?;
            for row in (0..batch.num_rows()).filter(|row| is_whole(*row)) {
                if heights.is_valid(row) && heights.value(row).is_finite() {
                    let (place, joins) = self.along.take(heights.value(row));
                    self.take(x.value(row), place, joins, values.value(row));
                }
            }
        }
        Ok(())
    }

    fn picture(&mut self, _look: &Look) -> Result<ViewSnapshot, NodeError> {
        let number = |name: &str| Field::new(name, DataType::Float64, false);
        let edge = |name: &str| Field::new(name, self.x.data_type(), false);
        let mut fields = vec![edge("x_from"), edge("x_to")];
        let mut columns: Vec<ArrayRef> = vec![
            self.x.array(self.cells.keys().map(|(column, _)| self.across.start(*column))),
            self.x.array(self.cells.keys().map(|(column, _)| self.across.start(column + 1))),
        ];
        if self.spec.has_named_rows {
            fields.push(of_column(Field::new("row", DataType::Utf8, false), &self.spec.y_label));
            let names = self.cells.keys().map(|(_, row)| &self.names[*row as usize]);
            columns.push(Arc::new(StringArray::from_iter_values(names)));
        } else {
            fields.extend([number("y_from"), number("y_to")]);
            for beyond in [0, 1] {
                let edges = self.cells.keys().map(|(_, row)| self.along.start(row + beyond));
                columns.push(Arc::new(Float64Array::from_iter_values(edges)));
            }
        }
        fields.push(number("value"));
        columns.push(Arc::new(Float64Array::from_iter_values(self.cells.values().map(|cell| cell.shown(self.show)))));
        let mut spec = self.spec.clone();
        if self.num_hidden > 0 {
            spec.title = format!("{} (the first {MAX_ROWS} rows only)", spec.title);
        }
        let data = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
        Ok(ViewSnapshot { spec: ViewSpec::Heatmap(spec), data })
    }

    fn snapshot(&mut self) -> Result<State, NodeError> {
        let mut fields = vec![Field::new("column", DataType::Int64, false), Field::new("row", DataType::Int64, false)];
        fields.extend(summary::fields());
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(self.cells.keys().map(|place| place.0))),
            Arc::new(Int64Array::from_iter_values(self.cells.keys().map(|place| place.1))),
        ];
        columns.extend(summary::columns(self.cells.values()));
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
        let note = Note {
            across: self.across.doublings(),
            along: self.along.doublings(),
            names: self.names.clone(),
            num_hidden: self.num_hidden,
        };
        let note = serde_json::to_string(&note)
            .map_err(|error| NodeError::internal("the cells cannot be written").with_source(error))?;
        ipc::to_bytes(&batch, &note)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let (batch, note) = ipc::from_bytes(state)?;
        let note: Note = serde_json::from_str(&note)
            .map_err(|error| NodeError::internal("the cells cannot be read").with_source(error))?;
        let places = |index: usize| batch.column(index).as_primitive::<Int64Type>().values().iter().copied();
        self.cells = places(0).zip(places(1)).zip(summary::from_columns(&batch, 2)).collect();
        self.across.restore(note.across, places(0));
        self.along.restore(note.along, places(1));
        self.names = note.names;
        self.num_hidden = note.num_hidden;
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        self.cells.len() * 96 + self.names.iter().map(|name| name.len() + 24).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::TimestampMicrosecondArray;
    use millrace_model::event_time::{UTC, timestamp_type, with_event_time};
    use millrace_operator::harness::{Harness, assert_node_contract, rows_as_json};
    use serde_json::{Value, json};

    fn schema() -> SchemaRef {
        let fields = vec![
            Field::new("time", timestamp_type(), true),
            Field::new("device", DataType::Utf8, true),
            Field::new("v", DataType::Float64, true),
        ];
        with_event_time(&Schema::new(fields), Some("time"))
    }

    fn rows(rows: &[(i64, &str, f64)]) -> RecordBatch {
        let times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.0 * 1_000_000));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(times.with_timezone(UTC)),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.1))),
            Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.2))),
        ];
        RecordBatch::try_new(schema(), columns).expect("three columns")
    }

    fn shown(view: &mut dyn View) -> Vec<Value> {
        rows_as_json(&view.picture(&Look::WHOLE).expect("a picture").data)
    }

    #[test]
    fn the_contract_holds() {
        assert_node_contract::<HeatmapNode>(json!({ "y": "device", "value": "v" }), &[schema()]);
        assert_node_contract::<HeatmapNode>(json!({ "y": "v" }), &[schema()]);
    }

    #[test]
    fn named_rows_have_a_cell_for_each_stretch_of_time_through_a_restart() {
        let params = json!({ "y": "device", "value": "v", "show": "max" });
        let harness = Harness::new::<HeatmapNode>(params, &[schema()]);
        let mut view = harness.view();
        view.on_batch(rows(&[(0, "b", 1.0), (0, "b", 3.0), (1, "a", 2.0)])).expect("rows");
        let state = view.snapshot().expect("a snapshot");
        let mut view = harness.view();
        view.restore(&state).expect("a restore");
        view.on_batch(rows(&[(1, "a", 5.0)])).expect("rows");
        let cell = |from: &str, to: &str, row: &str, value: f64| json!({ "x_from": from, "x_to": to, "row": row, "value": value });
        let expected = [
            cell("1970-01-01T00:00:00Z", "1970-01-01T00:00:01Z", "b", 3.0),
            cell("1970-01-01T00:00:01Z", "1970-01-01T00:00:02Z", "a", 5.0),
        ];
        assert_eq!(shown(view.as_mut()), expected);
    }

    #[test]
    fn however_long_it_goes_on_there_are_few_cells_and_no_row_is_lost() {
        let harness = Harness::new::<HeatmapNode>(json!({ "y": "v", "columns": 10, "rows": 4 }), &[schema()]);
        let mut view = harness.view();
        for start in (0..5_000).step_by(500) {
            let batch: Vec<_> = (start..start + 500).map(|n| (n, "x", (n * n % 997) as f64)).collect();
            view.on_batch(rows(&batch)).expect("rows");
        }
        let cells = shown(view.as_mut());
        assert!(cells.len() <= 40, "{}", cells.len());
        assert_eq!(cells.iter().map(|cell| cell["value"].as_f64().expect("a number")).sum::<f64>(), 5_000.0);
        let mut again = harness.view();
        again.restore(&view.snapshot().expect("a snapshot")).expect("a restore");
        for view in [&mut view, &mut again] {
            view.on_batch(rows(&[(1_000_000, "x", -5e6)])).expect("rows");
        }
        assert_eq!(shown(view.as_mut()), shown(again.as_mut()));
    }
}
