//! `visualize.area_chart`: series as areas above zero.
//!
//! The rows become points in `xy`, which holds and thins them.

use arrow::datatypes::SchemaRef;
use millrace_model::ColumnRef;
use millrace_model::view::Mark;
use millrace_operator::{BuildContext, CardText, InferContext, Machine, Node, NodeError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::xy::{self, ScaleParam, Settings, ThresholdParam};

/// Draws numbers as areas above zero over time, or over any number: for amounts, where zero is nothing. Each column of
/// *Y*, and each value of the series column, is an area of its own; areas lie on each other and are seen through.
///
/// Of each area the *Keep* points with the greatest x are held: over time, the newest. No spike is lost, as in the line
/// chart. At most 100 areas are drawn. Rows whose x or y is null are left out.
///
/// | in | shown |
/// | --- | --- |
/// | `window_start`, `site`, `rows`; series `site` | an area of rows over time for each site |
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The columns whose numbers are drawn.
    pub y: Vec<ColumnRef>,
    /// The column along the bottom, a time or a number; empty: the event time.
    #[serde(default)]
    pub x: Option<ColumnRef>,
    /// Each value of this column is a area of its own.
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
    /// How many points of each area are held.
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

impl Params {
    fn settings(&self) -> Settings {
        let params = self.clone();
        Settings {
            mark: Mark::Area,
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
pub struct AreaChartNode;

impl Node for AreaChartNode {
    type Params = Params;
    const KIND: &'static str = "visualize.area_chart";

    fn card() -> CardText {
        xy::card("Area chart", "Amounts over time", "chart-line-up")
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
        assert_node_contract::<AreaChartNode>(json!({ "y": ["b"], "x": "a" }), &[schema()]);
    }

    #[test]
    fn points_with_the_greatest_x_are_kept_through_a_restart() {
        let harness = Harness::new::<AreaChartNode>(json!({ "y": ["b"], "x": "a", "keep": 3 }), &[schema()]);
        let mut view = harness.view();
        view.on_batch(rows(&[(9.0, 1.0), (2.0, 2.0), (3.0, 3.0), (1.0, 4.0)])).expect("rows");
        let state = view.snapshot().expect("a snapshot");
        let mut restored = harness.view();
        restored.restore(&state).expect("a restore");
        for view in [&mut view, &mut restored] {
            let picture = view.picture(&Look::WHOLE).expect("a picture");
            let ViewSpec::Xy(chart) = &picture.spec else { panic!("a chart of points") };
            assert_eq!((chart.mark, chart.num_points), (Mark::Area, 4));
            let points: Vec<_> = rows_as_json(&picture.data).iter().map(|row| json!([row["x"], row["y"]])).collect();
            assert_eq!(points, [json!([2.0, 2.0]), json!([3.0, 3.0]), json!([9.0, 1.0])]);
        }
    }

    #[test]
    fn another_title_keeps_the_points() {
        let of = |title: &str| {
            Harness::new::<AreaChartNode>(json!({ "y": ["b"], "x": "a", "title": title }), &[schema()]).view()
        };
        let (mut old, mut new) = (of("Old"), of("New"));
        old.on_batch(rows(&[(9.0, 1.0), (2.0, 2.0)])).expect("rows");
        new.restore(&old.snapshot().expect("a snapshot")).expect("a restore");
        let picture = new.picture(&Look::WHOLE).expect("a picture");
        let ViewSpec::Xy(chart) = &picture.spec else { panic!("a chart of points") };
        assert_eq!((chart.title.as_str(), picture.data.num_rows()), ("New", 2));
    }
}
