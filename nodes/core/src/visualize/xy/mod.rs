//! What line charts, area charts and scatter charts share: series of points over a time or a number.
//!
//! `points` holds and thins them. State: the points and their counts. Columns of y that are measured at the right side
//! come after the others.

mod points;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use millrace_model::pyramid::Point;
use millrace_model::view::{Look, Mark, Scale, Threshold, ViewSpec, XyChart};
use millrace_model::{ColumnRef, PortCard, RowTrait};
use millrace_operator::{BuildContext, CardText, Columns, InferContext, Machine, NodeError, State, View, ViewSnapshot};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{XColumn, check_given, check_number, check_x, field_of, given, numbers, read, texts, title};
use super::ipc;
use points::Points;

/// A level to compare with, or a band.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThresholdParam {
    /// Where it is.
    pub value: f64,
    /// Where the band ends; empty: there is only a line.
    #[serde(default)]
    pub to: Option<f64>,
    /// Its name.
    #[serde(default)]
    pub label: String,
}

impl From<ThresholdParam> for Threshold {
    fn from(param: ThresholdParam) -> Self {
        Self { value: param.value, to: param.to, label: param.label }
    }
}

/// How values are laid out along an axis.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScaleParam {
    /// Evenly.
    #[default]
    Linear,
    /// By powers of ten; what is not above zero is left out.
    Log,
}

impl From<ScaleParam> for Scale {
    fn from(param: ScaleParam) -> Self {
        match param {
            ScaleParam::Linear => Scale::Linear,
            ScaleParam::Log => Scale::Log,
        }
    }
}

/// The params of these charts.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The columns whose numbers are drawn.
    pub y: Vec<ColumnRef>,
    /// The column along the bottom, a time or a number; empty: the event time.
    #[serde(default)]
    pub x: Option<ColumnRef>,
    /// Each value of this column is a series of its own.
    #[serde(default)]
    pub series: Option<ColumnRef>,
    /// Stands above the chart; empty: the node's own title.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub title: String,
    /// What the numbers are, and their unit, such as `Temperature (°C)`; empty: the names of the columns.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub y_label: String,
    /// How the numbers are laid out.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub y_scale: ScaleParam,
    /// Columns with an axis of their own at the right side.
    #[serde(default)]
    pub y_right: Vec<ColumnRef>,
    /// What the numbers at the right side are; empty: the names of the columns.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub right_label: String,
    /// How many points of each series are held.
    #[serde(default = "default_keep")]
    #[schemars(range(min = 2, max = 10_000_000))]
    pub keep: usize,
    /// Levels and bands to compare with.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub thresholds: Vec<ThresholdParam>,
}

fn default_keep() -> usize {
    10_000
}

/// `asks_for`: what the rows have that this chart is made for, besides numbers.
pub(super) fn card(title: &str, summary: &str, icon: &str, asks_for: &[RowTrait]) -> CardText {
    let rows = PortCard::rows("Rows to draw.").asking_for(asks_for).needing(RowTrait::Number);
    CardText::new(title, summary, icon).input(rows).headline("y").view()
}

impl Params {
    /// Says everything that is wrong.
    pub(super) fn reads(&self) -> Vec<Columns> {
        let drawn = self.y.iter().chain(&self.y_right).map(Some);
        vec![read(drawn.chain([self.x.as_ref(), self.series.as_ref()]))]
    }

    pub(super) fn infer(&self, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        if self.y.is_empty() && self.y_right.is_empty() {
            cx.error("y", "missing_param", "Name at least one column to draw.");
        }
        if self.keep < 2 {
            cx.error("keep", "out_of_range", "At least two points are held.");
        }
        let Some(schema) = cx.input() else { return Vec::new() };
        for (param, columns) in [("y", &self.y), ("y_right", &self.y_right)] {
            for (index, column) in columns.iter().enumerate() {
                check_number(cx, &format!("{param}[{index}]"), column, &schema);
            }
        }
        check_x(cx, self.x.as_ref(), &schema);
        check_given(cx, "series", self.series.as_ref(), &schema);
        Vec::new()
    }

    pub(super) fn build(self, mark: Mark, cx: &BuildContext) -> Result<Machine, NodeError> {
        let input = cx.input();
        let x = XColumn::of(self.x.as_ref(), input)?;
        let all = || self.y.iter().chain(&self.y_right);
        let y = all().map(|column| input.index_of(column.as_str())).collect::<Result<Vec<_>, _>>()?;
        let series = given(self.series.as_ref()).map(|column| input.index_of(column)).transpose()?;
        let label = |given: &str, columns: &[ColumnRef]| match given {
            "" => columns.iter().map(ColumnRef::as_str).collect::<Vec<_>>().join(", "),
            given => given.to_owned(),
        };
        let series_field = field_of(Field::new("series", DataType::Utf8, false), input, series);
        let spec = XyChart {
            title: title(self.title, cx),
            mark,
            x_label: x.name.clone(),
            y_label: label(&self.y_label, &self.y),
            x_is_time: x.is_time,
            y_scale: self.y_scale.into(),
            right: Vec::new(),
            right_label: label(&self.right_label, &self.y_right),
            thresholds: self.thresholds.into_iter().map(Threshold::from).collect(),
            num_points: 0,
            x_held: None,
        };
        let y_names: Vec<String> = self.y.iter().chain(&self.y_right).map(ToString::to_string).collect();
        Ok(Machine::View(Box::new(XyView {
            points: Points::new(y.len(), self.keep, mark != Mark::Dot),
            num_left: self.y.len(),
            spec,
            x,
            y,
            y_names,
            series,
            series_field,
        })))
    }
}

struct XyView {
    spec: XyChart,
    x: XColumn,
    y: Vec<usize>,
    y_names: Vec<String>,
    /// So many of `y` are measured at the left side.
    num_left: usize,
    series: Option<usize>,
    /// The column of that name in the picture.
    series_field: Field,
    points: Points,
}

/// One line of the picture.
struct Line {
    y: usize,
    /// The value of the series column.
    series: String,
    name: String,
    points: Vec<Point>,
}

impl XyView {
    /// The name of a series: the value of the series column, the column of y, or both where there are several of both.
    fn name(&self, series: &str, y: usize) -> String {
        match (self.series, self.y.len()) {
            (None, _) => self.y_names[y].clone(),
            (Some(_), 1) => series.to_owned(),
            (Some(_), _) => format!("{series} · {}", self.y_names[y]),
        }
    }

    fn batch_of(&self, lines: &[Line]) -> Result<RecordBatch, NodeError> {
        let points = || lines.iter().flat_map(|line| &line.points);
        let each = |text: fn(&Line) -> &str| -> ArrayRef {
            let texts = lines.iter().flat_map(|line| std::iter::repeat_n(text(line), line.points.len()));
            Arc::new(StringArray::from(texts.collect::<Vec<_>>()))
        };
        // A name that is made of two things is not the value of a column, which then stands beside it.
        let is_made_of_two = self.series.is_some() && self.y.len() > 1;
        let name = if is_made_of_two { Field::new("series", DataType::Utf8, false) } else { self.series_field.clone() };
        let mut fields =
            vec![name, Field::new("x", self.x.data_type(), false), Field::new("y", DataType::Float64, false)];
        let mut columns: Vec<ArrayRef> = vec![
            each(|line| &line.name),
            self.x.array(points().map(|point| point.x)),
            Arc::new(Float64Array::from_iter_values(points().map(|point| point.y))),
        ];
        if is_made_of_two {
            fields.push(self.series_field.clone().with_name("key"));
            columns.push(each(|line| &line.series));
        }
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
    }
}

impl View for XyView {
    fn on_batch(&mut self, batch: RecordBatch) -> Result<(), NodeError> {
        let x = self.x.values(&batch)?;
        let series = self.series.map(|column| texts(batch.column(column))).transpose()?;
        for (index, column) in self.y.iter().enumerate() {
            let y = numbers(batch.column(*column))?;
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

    fn picture(&mut self, look: &Look) -> Result<ViewSnapshot, NodeError> {
        self.points.settle();
        let mut lines: Vec<Line> = (self.points.thinned(look).into_iter())
            .map(|(y, series, points)| Line { y, series: series.to_owned(), name: self.name(series, y), points })
            .collect();
        lines.sort_by(|left, right| left.name.cmp(&right.name));
        let mut spec = self.spec.clone();
        spec.num_points = self.points.num_points();
        spec.x_held = self.points.x_held();
        spec.right = lines.iter().filter(|line| line.y >= self.num_left).map(|line| line.name.clone()).collect();
        if let Some(note) = self.points.note() {
            spec.title = format!("{} ({note})", spec.title);
        }
        Ok(ViewSnapshot { spec: ViewSpec::Xy(spec), data: self.batch_of(&lines)? })
    }

    fn snapshot(&mut self) -> Result<State, NodeError> {
        self.points.settle();
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
