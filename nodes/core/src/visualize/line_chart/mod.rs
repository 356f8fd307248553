//! `visualize.line_chart`: series as lines.
//!
//! The rows become points in `xy`, which holds and thins them.

#[cfg(test)]
mod tests;

use arrow::datatypes::SchemaRef;
use millrace_model::ColumnRef;
use millrace_model::view::Mark;
use millrace_operator::{BuildContext, CardText, InferContext, Machine, Node, NodeError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::xy::{self, ScaleParam, Settings, ThresholdParam};

/// Draws numbers as lines over time, or over any number. Each column of *Y*, and each value of the series column, is a
/// line of its own. Columns of *Y right* have an axis of their own.
///
/// Of each line the *Keep* points with the greatest x are held: over time, the newest. However many they are, a chart
/// shows them in full detail where it is zoomed in, and elsewhere keeps the highest and the lowest of every column of
/// pixels: no spike is lost. Each point takes some 17 bytes. At most 100 lines are drawn, the first that came; the title
/// then says how many there were. Rows whose x or y is null are left out.
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
    /// How many points of each line are held.
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
            mark: Mark::Line,
            y: params.y,
            y_right: params.y_right,
            x: params.x,
            series: params.series,
            title: params.title,
            y_label: params.y_label,
            right_label: params.right_label,
            y_scale: params.y_scale,
            keep: params.keep,
            thresholds: params.thresholds,
        }
    }
}

/// The node kind.
pub struct LineChartNode;

impl Node for LineChartNode {
    type Params = Params;
    const KIND: &'static str = "visualize.line_chart";

    fn card() -> CardText {
        xy::card("Line chart", "Numbers over time", "chart-line")
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        params.settings().infer(cx)
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        params.settings().build(cx)
    }
}
