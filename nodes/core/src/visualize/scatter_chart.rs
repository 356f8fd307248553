//! `visualize.scatter_chart`: rows as dots, to see how two numbers go together.
//!
//! The rows become points in `xy`, which holds and thins them.

use arrow::datatypes::SchemaRef;
use millrace_model::ColumnRef;
use millrace_model::view::Mark;
use millrace_operator::{BuildContext, CardText, InferContext, Machine, Node, NodeError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::xy::{self, ScaleParam, Settings, ThresholdParam};

/// Draws each row as a dot, to see how two numbers go together. Each column of *Y*, and each value of the series column,
/// has a colour of its own.
///
/// Of each colour the *Keep* newest dots are held. Where dots lie on each other one of them is drawn. At most 100
/// colours are drawn. Rows whose x or y is null are left out.
///
/// | in | shown |
/// | --- | --- |
/// | `temperature`, `pressure`; x `temperature`, y `pressure` | a dot for each reading |
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The columns whose numbers are drawn.
    pub y: Vec<ColumnRef>,
    /// The column along the bottom, a time or a number; empty: the event time.
    #[serde(default)]
    pub x: Option<ColumnRef>,
    /// Each value of this column is a colour of its own.
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
    /// How many points of each colour are held.
    #[serde(default = "default_keep")]
    #[schemars(range(min = 2, max = 1_000_000))]
    pub keep: usize,
    /// Levels and bands to compare with.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub thresholds: Vec<ThresholdParam>,
}

fn default_keep() -> usize {
    10_000
}

impl Params {
    fn settings(&self) -> Settings {
        let params = self.clone();
        Settings {
            mark: Mark::Dot,
            y: params.y,
            y_right: Vec::new(),
            x: params.x,
            series: params.series,
            title: params.title,
            y_label: params.y_label,
            right_label: String::new(),
            y_scale: params.y_scale,
            keep: params.keep,
            thresholds: params.thresholds,
        }
    }
}

/// The node kind.
pub struct ScatterChartNode;

impl Node for ScatterChartNode {
    type Params = Params;
    const KIND: &'static str = "visualize.scatter_chart";

    fn card() -> CardText {
        xy::card("Scatter chart", "How two numbers go together", "chart-scatter")
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        params.settings().infer(cx)
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        params.settings().build(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, RecordBatch};
    use arrow::datatypes::{DataType, Field, Schema};
    use millrace_model::view::{Look, ViewSpec};
    use millrace_operator::harness::{Harness, assert_node_contract, rows_as_json};
    use serde_json::json;

    use super::*;

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("a", DataType::Float64, true), Field::new("b", DataType::Float64, true)]))
    }

    fn rows(points: &[(f64, f64)]) -> RecordBatch {
        let column = |value: fn(&(f64, f64)) -> f64| Arc::new(Float64Array::from_iter_values(points.iter().map(value)));
        RecordBatch::try_new(schema(), vec![column(|p| p.0), column(|p| p.1)]).expect("two columns")
    }

    #[test]
    fn the_contract_holds() {
        assert_node_contract::<ScatterChartNode>(json!({ "y": ["b"], "x": "a" }), &[schema()]);
    }

    #[test]
    fn the_newest_dots_are_kept_through_a_restart() {
        let harness = Harness::new::<ScatterChartNode>(json!({ "y": ["b"], "x": "a", "keep": 3 }), &[schema()]);
        let mut view = harness.view();
        view.on_batch(rows(&[(9.0, 1.0), (2.0, 2.0), (3.0, 3.0), (1.0, 4.0)])).expect("rows");
        let state = view.snapshot().expect("a snapshot");
        let mut restored = harness.view();
        restored.restore(&state).expect("a restore");
        for view in [&mut view, &mut restored] {
            let picture = view.picture(&Look::WHOLE).expect("a picture");
            let ViewSpec::Xy(chart) = &picture.spec else { panic!("a chart of points") };
            assert_eq!((chart.mark, chart.num_points), (Mark::Dot, 4));
            let points: Vec<_> = rows_as_json(&picture.data).iter().map(|row| json!([row["x"], row["y"]])).collect();
            assert_eq!(points, [json!([1.0, 4.0]), json!([2.0, 2.0]), json!([3.0, 3.0])]);
        }
    }
}
