//! `visualize.bar_chart`: a bar for each label.
//!
//! Labels and series keep the order in which they first came. State: a summary of the values of each bar.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use millrace_model::view::{BarChart, Look, Threshold, ViewSpec};
use millrace_model::{ColumnRef, PortCard, RowTrait};
use millrace_operator::{
    BuildContext, CardText, Columns, InferContext, Machine, Node, NodeError, State, View, ViewSnapshot, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{check_given, check_number, field_of, given, numbers, read, texts, title};
use super::ipc;
use super::summary::{self, Show, Summary};
use super::xy::ThresholdParam;

/// Bars beyond this many are not shown: nobody could read them.
const MAX_BARS: usize = 1_000;

/// Draws a bar for each label: the last value that came for it, or the sum, the mean, … of all that came since the run
/// began. Each value of the series column has a bar of its own beside the others.
///
/// Labels stand in the order in which they came, or sorted by the length of their bars. At most 1,000 bars are shown, the
/// first that came; the title then says so. Rows whose value is null are left out.
///
/// | in | label `site`, value `alarms`, show `sum` |
/// | --- | --- |
/// | north 2, south 1, north 3 | north **5**, south **1** |
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The column that names the bars.
    pub label: ColumnRef,
    /// The column whose numbers are drawn.
    pub value: ColumnRef,
    /// Each value of this column has bars of its own.
    #[serde(default)]
    pub series: Option<ColumnRef>,
    /// What of the values of a bar is shown.
    #[serde(default = "default_show")]
    pub show: Show,
    /// Whether the longest bar comes first.
    #[serde(default)]
    pub longest_first: bool,
    /// Stands above the chart; empty: the node's own title.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub title: String,
    /// What the numbers are, and their unit; empty: the name of the column.
    #[serde(default)]
    pub value_label: String,
    /// Levels and bands to compare with.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub thresholds: Vec<ThresholdParam>,
}

fn default_show() -> Show {
    Show::Last
}

/// The node kind.
pub struct BarChartNode;

impl Node for BarChartNode {
    type Params = Params;
    const KIND: &'static str = "visualize.bar_chart";

    fn card() -> CardText {
        CardText::new("Bar chart", "A bar for each label", "chart-bar")
            .input(PortCard::rows("Rows to draw.").needing(RowTrait::Number))
            .headline("value")
            .view()
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        if let Some(schema) = cx.input() {
            cx.column("label", params.label.as_str(), &schema);
            check_number(cx, "value", &params.value, &schema);
            check_given(cx, "series", params.series.as_ref(), &schema);
        }
        Vec::new()
    }

    fn reads(params: &Params, _: &Wanted<'_>) -> Vec<Columns> {
        vec![read([Some(&params.label), Some(&params.value), params.series.as_ref()])]
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let input = cx.input();
        let label = input.index_of(params.label.as_str())?;
        let series = given(params.series.as_ref()).map(|column| input.index_of(column)).transpose()?;
        let text = |name: &str| Field::new(name, DataType::Utf8, false);
        let value_label =
            if params.value_label.is_empty() { params.show.label(params.value.as_str()) } else { params.value_label };
        Ok(Machine::View(Box::new(Bars {
            spec: BarChart {
                title: title(params.title, cx),
                value_label,
                thresholds: params.thresholds.into_iter().map(Threshold::from).collect(),
            },
            label,
            label_field: field_of(text("label"), input, Some(label)),
            value: input.index_of(params.value.as_str())?,
            series,
            series_field: field_of(text("series"), input, series),
            show: params.show,
            longest_first: params.longest_first,
            places: HashMap::new(),
            bars: Vec::new(),
            num_hidden: 0,
        })))
    }
}

struct Bars {
    spec: BarChart,
    label: usize,
    label_field: Field,
    value: usize,
    series: Option<usize>,
    series_field: Field,
    show: Show,
    longest_first: bool,
    /// Label and series to the place in `bars`.
    places: HashMap<(String, String), usize>,
    bars: Vec<(String, String, Summary)>,
    /// Values of bars that came when there were enough.
    num_hidden: u64,
}

impl Bars {
    fn take(&mut self, label: &str, series: &str, value: Summary) {
        let key = (label.to_owned(), series.to_owned());
        match self.places.get(&key) {
            Some(place) => self.bars[*place].2.add(value),
            None if self.bars.len() >= MAX_BARS => self.num_hidden += 1,
            None => {
                self.bars.push((key.0.clone(), key.1.clone(), value));
                self.places.insert(key, self.bars.len() - 1);
            }
        }
    }
}

fn names(texts: impl Iterator<Item = String>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(texts))
}

impl View for Bars {
    fn on_batch(&mut self, batch: RecordBatch) -> Result<(), NodeError> {
        let labels = texts(batch.column(self.label))?;
        let series = self.series.map(|column| texts(batch.column(column))).transpose()?;
        let values = numbers(batch.column(self.value))?;
        for row in 0..batch.num_rows() {
            if values.is_valid(row) && values.value(row).is_finite() {
                let series = series.as_ref().map_or("", |series| series.value(row));
                self.take(labels.value(row), series, Summary::of(values.value(row)));
            }
        }
        Ok(())
    }

    fn picture(&mut self, _look: &Look) -> Result<ViewSnapshot, NodeError> {
        let mut bars: Vec<&(String, String, Summary)> = self.bars.iter().collect();
        if self.longest_first {
            bars.sort_by(|a, b| b.2.shown(self.show).total_cmp(&a.2.shown(self.show)));
        }
        let schema = Schema::new(vec![
            self.label_field.clone(),
            self.series_field.clone(),
            Field::new("value", DataType::Float64, false),
        ]);
        let values = Float64Array::from_iter_values(bars.iter().map(|bar| bar.2.shown(self.show)));
        let labels = names(bars.iter().map(|bar| bar.0.clone()));
        let data = RecordBatch::try_new(
            Arc::new(schema),
            vec![labels, names(bars.iter().map(|bar| bar.1.clone())), Arc::new(values)],
        )?;
        let mut spec = self.spec.clone();
        if self.num_hidden > 0 {
            spec.title = format!("{} (the first {MAX_BARS} bars only)", spec.title);
        }
        Ok(ViewSnapshot { spec: ViewSpec::Bar(spec), data })
    }

    fn snapshot(&mut self) -> Result<State, NodeError> {
        let mut fields = vec![Field::new("label", DataType::Utf8, false), Field::new("series", DataType::Utf8, false)];
        fields.extend(summary::fields());
        let mut columns =
            vec![names(self.bars.iter().map(|bar| bar.0.clone())), names(self.bars.iter().map(|bar| bar.1.clone()))];
        columns.extend(summary::columns(self.bars.iter().map(|bar| &bar.2)));
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
        ipc::to_bytes(&batch, &self.num_hidden.to_string())
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let (batch, num_hidden) = ipc::from_bytes(state)?;
        self.bars.clear();
        self.places.clear();
        let (labels, series) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
        for (row, summary) in summary::from_columns(&batch, 2).enumerate() {
            self.take(labels.value(row), series.value(row), summary);
        }
        self.num_hidden = num_hidden.parse().map_err(|_| NodeError::internal("the count of bars cannot be read"))?;
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        self.bars.iter().map(|(label, series, _)| 2 * (label.len() + series.len()) + 160).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_operator::harness::{Harness, assert_node_contract, rows_as_json};
    use serde_json::{Value, json};

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("site", DataType::Utf8, true),
            Field::new("kind", DataType::Utf8, true),
            Field::new("v", DataType::Float64, true),
        ]))
    }

    fn rows(rows: &[(&str, &str, Option<f64>)]) -> RecordBatch {
        let values: Float64Array = rows.iter().map(|row| row.2).collect();
        let columns = vec![
            names(rows.iter().map(|row| row.0.to_owned())),
            names(rows.iter().map(|row| row.1.to_owned())),
            Arc::new(values),
        ];
        RecordBatch::try_new(schema(), columns).expect("three columns")
    }

    fn shown(view: &mut dyn View) -> Vec<Value> {
        let data = view.picture(&Look::WHOLE).expect("a picture").data;
        rows_as_json(&data).iter().map(|row| json!([row["label"], row["series"], row["value"]])).collect()
    }

    #[test]
    fn the_contract_holds() {
        assert_node_contract::<BarChartNode>(json!({ "label": "site", "value": "v" }), &[schema()]);
    }

    #[test]
    fn each_bar_shows_what_was_asked_of_its_values_through_a_restart() {
        let first = [("n", "a", Some(2.0)), ("s", "a", Some(1.5)), ("n", "b", None), ("n", "a", Some(6.0))];
        for (show, north, south) in [
            ("last", 4.0, 1.5),
            ("sum", 12.0, 1.5),
            ("mean", 4.0, 1.5),
            ("min", 2.0, 1.5),
            ("max", 6.0, 1.5),
            ("count", 3.0, 1.0),
        ] {
            let params = json!({ "label": "site", "value": "v", "series": "kind", "show": show });
            let harness = Harness::new::<BarChartNode>(params, &[schema()]);
            let mut view = harness.view();
            view.on_batch(RecordBatch::new_empty(schema())).expect("no rows");
            view.on_batch(rows(&first)).expect("rows");
            let state = view.snapshot().expect("a snapshot");
            let mut view = harness.view();
            view.restore(&state).expect("a restore");
            view.on_batch(rows(&[("n", "a", Some(4.0))])).expect("rows");
            assert_eq!(shown(view.as_mut()), [json!(["n", "a", north]), json!(["s", "a", south])], "{show}");
        }
    }

    #[test]
    fn the_longest_bar_comes_first_and_too_many_are_told() {
        let params = json!({ "label": "site", "value": "v", "longest_first": true });
        let mut view = Harness::new::<BarChartNode>(params, &[schema()]).view();
        let labels: Vec<String> = (0..1_001).map(|n| n.to_string()).collect();
        let many: Vec<_> = labels.iter().zip(0..).map(|(label, n)| (label.as_str(), "", Some(f64::from(n)))).collect();
        view.on_batch(rows(&many)).expect("rows");
        let bars = shown(view.as_mut());
        assert_eq!((bars.len(), &bars[0]), (1_000, &json!(["999", "", 999.0])));
        let title = view.picture(&Look::WHOLE).expect("a picture").spec.title().to_owned();
        assert_eq!(title, "Tested (the first 1000 bars only)");
    }
}
