//! `visualize.line_chart`: the newest points of each series.
//!
//! `points` holds and thins them. Points are kept in the order in which they came; the picture sorts them by x. State: the
//! points and their counts.

mod points;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use millrace_model::event_time::{UTC, event_time_column, timestamp_type};
use millrace_model::view::{LineChart, Threshold, ViewSpec};
use millrace_model::{ColumnRef, PortCard};
use millrace_operator::time::event_times;
use millrace_operator::{BuildContext, CardText, InferContext, Machine, Node, NodeError, State, View, ViewSnapshot};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ipc;
use points::{Point, Points};

/// Draws numbers as lines over time, or over any number. Each column of *Y*, and each value of the series column, is a
/// line of its own.
///
/// Of each line the newest *Keep* points are held. When there are more than can be drawn they are thinned for the
/// picture in such a way that the highest and the lowest of every stretch stay: no spike is lost. At most 100 lines are
/// drawn, the first that came; the title then says how many there were. Rows whose x or y is null are left out.
///
/// | in | shown |
/// | --- | --- |
/// | `time`, `device`, `temperature`; series `device` | one line of temperatures over time for each device |
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The columns whose numbers are drawn.
    pub y: Vec<ColumnRef>,
    /// The column along the bottom, a time or a number; empty: the event time.
    #[serde(default)]
    pub x: Option<ColumnRef>,
    /// Each value of this column is a line of its own.
    #[serde(default)]
    pub series: Option<ColumnRef>,
    /// Stands above the chart; empty: the node's own title.
    #[serde(default)]
    pub title: String,
    /// What the numbers are, and their unit, such as `Temperature (°C)`; empty: the names of the columns.
    #[serde(default)]
    pub y_label: String,
    /// How many points of each line are held.
    #[serde(default = "default_keep")]
    #[schemars(range(min = 2, max = 1_000_000))]
    pub keep: usize,
    /// Horizontal lines to compare with.
    #[serde(default)]
    pub thresholds: Vec<ThresholdParam>,
}

/// A horizontal line to compare with.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThresholdParam {
    /// Where it is.
    pub value: f64,
    /// Its name.
    #[serde(default)]
    pub label: String,
}

fn default_keep() -> usize {
    10_000
}

fn given(column: Option<&ColumnRef>) -> Option<&str> {
    column.map(ColumnRef::as_str).filter(|name| !name.is_empty())
}

fn is_drawable(data_type: &DataType) -> bool {
    data_type.is_numeric() || matches!(data_type, DataType::Boolean | DataType::Null)
}

/// The node kind.
pub struct LineChartNode;

impl Node for LineChartNode {
    type Params = Params;
    const KIND: &'static str = "visualize.line_chart";

    fn card() -> CardText {
        CardText::new("Line chart", "Numbers over time", "chart-line")
            .input(PortCard::rows("Rows to draw."))
            .headline("y")
            .view()
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        if params.y.is_empty() {
            cx.error("y", "missing_param", "Name at least one column to draw.");
        }
        if params.keep < 2 {
            cx.error("keep", "out_of_range", "A line has at least two points.");
        }
        let Some(schema) = cx.input() else { return Vec::new() };
        for (index, column) in params.y.iter().enumerate() {
            let param = format!("y[{index}]");
            if let Some(place) = cx.column(&param, column.as_str(), &schema) {
                let data_type = schema.field(place).data_type();
                if !is_drawable(data_type) {
                    cx.error(param, "not_a_number", format!("`{column}` holds {data_type}, which cannot be drawn."));
                }
            }
        }
        match given(params.x.as_ref()) {
            Some(x) => {
                if let Some(place) = cx.column("x", x, &schema) {
                    let data_type = schema.field(place).data_type();
                    if !is_drawable(data_type) && !matches!(data_type, DataType::Timestamp(..)) {
                        let message = format!("`{x}` holds {data_type}, neither times nor numbers.");
                        cx.error("x", "not_a_number", message);
                    }
                }
            }
            None if event_time_column(&schema).is_none() => {
                cx.error("x", "no_event_time", "The rows have no event time. Name the column along the bottom.");
            }
            None => {}
        }
        if let Some(series) = given(params.series.as_ref()) {
            cx.column("series", series, &schema);
        }
        Vec::new()
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let input = cx.input();
        let x_name = given(params.x.as_ref())
            .or_else(|| event_time_column(input))
            .ok_or_else(|| NodeError::user("there is no column for the x axis"))?;
        let x = input.index_of(x_name)?;
        let y = params.y.iter().map(|column| input.index_of(column.as_str())).collect::<Result<Vec<_>, _>>()?;
        let series = given(params.series.as_ref()).map(|column| input.index_of(column)).transpose()?;
        let y_names: Vec<String> = params.y.iter().map(ToString::to_string).collect();
        let spec = LineChart {
            title: if params.title.is_empty() { cx.title.clone() } else { params.title },
            x_label: x_name.to_owned(),
            y_label: if params.y_label.is_empty() { y_names.join(", ") } else { params.y_label },
            x_is_time: matches!(input.field(x).data_type(), DataType::Timestamp(..)),
            thresholds: params
                .thresholds
                .into_iter()
                .map(|threshold| Threshold { value: threshold.value, label: threshold.label })
                .collect(),
            num_points: 0,
        };
        Ok(Machine::View(Box::new(Chart {
            points: Points::new(y_names.len(), params.keep),
            spec,
            x,
            y,
            y_names,
            series,
        })))
    }
}

struct Chart {
    spec: LineChart,
    x: usize,
    y: Vec<usize>,
    y_names: Vec<String>,
    series: Option<usize>,
    points: Points,
}

impl Chart {
    /// The name of a line: the value of the series column, the column of y, or both where there are several of both.
    fn name(&self, series: &str, y: usize) -> String {
        match (self.series, self.y.len()) {
            (None, _) => self.y_names[y].clone(),
            (Some(_), 1) => series.to_owned(),
            (Some(_), _) => format!("{series} · {}", self.y_names[y]),
        }
    }

    fn x_values(&self, batch: &RecordBatch) -> Result<Float64Array, NodeError> {
        let column = batch.column(self.x);
        if self.spec.x_is_time {
            // Microseconds up to the year 2255 are whole numbers that a float holds exactly.
            return Ok(event_times(column.as_ref())?.unary(|time| time as f64));
        }
        Ok(cast(column, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
    }

    fn series_values(&self, batch: &RecordBatch) -> Result<Option<StringArray>, NodeError> {
        let Some(series) = self.series else { return Ok(None) };
        let column = batch.column(series);
        if let Some(texts) = column.as_string_opt::<i32>()
            && texts.null_count() == 0
        {
            return Ok(Some(texts.clone()));
        }
        let options = FormatOptions::new().with_null("(none)");
        let formatter = ArrayFormatter::try_new(column.as_ref(), &options)?;
        let texts = (0..batch.num_rows())
            .map(|row| formatter.value(row).try_to_string().map(Some))
            .collect::<Result<StringArray, _>>()?;
        Ok(Some(texts))
    }

    fn batch_of(&self, lines: &[(String, Vec<Point>)]) -> Result<RecordBatch, NodeError> {
        let points = || lines.iter().flat_map(|(_, points)| points);
        let names: Vec<&str> =
            lines.iter().flat_map(|(name, points)| std::iter::repeat_n(name.as_str(), points.len())).collect();
        let (x, x_type): (ArrayRef, _) = if self.spec.x_is_time {
            let times = TimestampMicrosecondArray::from_iter_values(points().map(|point| point.x as i64));
            (Arc::new(times.with_timezone(UTC)), timestamp_type())
        } else {
            (Arc::new(Float64Array::from_iter_values(points().map(|point| point.x))), DataType::Float64)
        };
        let schema = Schema::new(vec![
            Field::new("series", DataType::Utf8, false),
            Field::new("x", x_type, false),
            Field::new("y", DataType::Float64, false),
        ]);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(names)),
            x,
            Arc::new(Float64Array::from_iter_values(points().map(|point| point.y))),
        ];
        Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
    }
}

impl View for Chart {
    fn on_batch(&mut self, batch: RecordBatch) -> Result<(), NodeError> {
        let x = self.x_values(&batch)?;
        let series = self.series_values(&batch)?;
        for (index, column) in self.y.iter().enumerate() {
            let y = cast(batch.column(*column), &DataType::Float64)?;
            let y = y.as_primitive::<Float64Type>();
            for row in 0..batch.num_rows() {
                if x.is_null(row) || y.is_null(row) || !x.value(row).is_finite() || !y.value(row).is_finite() {
                    continue;
                }
                let name = series.as_ref().map_or("", |series| series.value(row));
                self.points.push(index, name, Point { x: x.value(row), y: y.value(row) });
            }
        }
        Ok(())
    }

    fn picture(&self) -> Result<ViewSnapshot, NodeError> {
        let mut lines: Vec<(String, Vec<Point>)> =
            self.points.thinned().map(|(y, series, points)| (self.name(series, y), points)).collect();
        lines.sort_by(|left, right| left.0.cmp(&right.0));
        let mut spec = self.spec.clone();
        spec.num_points = self.points.num_points();
        if let Some(note) = self.points.note() {
            spec.title = format!("{} ({note})", spec.title);
        }
        Ok(ViewSnapshot { spec: ViewSpec::LineChart(spec), data: self.batch_of(&lines)? })
    }

    fn snapshot(&mut self) -> Result<State, NodeError> {
        let (batch, counts) = self.points.save()?;
        ipc::to_bytes(&batch, &counts)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let (batch, counts) = ipc::from_bytes(state)?;
        self.points.load(&batch, &counts)
    }

    fn state_bytes(&self) -> usize {
        self.points.bytes()
    }
}
