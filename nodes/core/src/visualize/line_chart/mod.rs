//! `visualize.line_chart`: series as lines.
//!
//! The rows become points in `xy`, which holds and thins them.

#[cfg(test)]
mod tests;

use arrow::datatypes::SchemaRef;
use millrace_model::RowTrait;
use millrace_model::view::Mark;
use millrace_operator::{BuildContext, CardText, Columns, InferContext, Machine, Node, NodeError, Wanted};

use super::xy;

const HELP: &str = "\
Draws numbers as lines over time, or over any number. Each column of *Y*, and each value of the series column, is a
line of its own. Columns of *Y right* have an axis of their own.

Of each line the *Keep* points with the greatest x are held: over time, the newest. However many they are, a chart
shows them in full detail where it is zoomed in, and elsewhere keeps the highest and the lowest of every column of
pixels: no spike is lost. Each point takes some 17 bytes. At most 100 lines are drawn, the first that came; the title
then says how many there were. Rows whose x or y is null are left out.

| in | shown |
| --- | --- |
| `time`, `device`, `temperature`; series `device` | one line of temperatures over time for each device |";

/// The node kind.
pub struct LineChartNode;

impl Node for LineChartNode {
    type Params = xy::Params;
    const KIND: &'static str = "visualize.line_chart";

    fn card() -> CardText {
        xy::card("Line chart", "Numbers over time", "chart-line", &[RowTrait::EventTime]).help(HELP)
    }

    fn infer(params: &xy::Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        params.infer(cx)
    }

    fn reads(params: &xy::Params, _: &Wanted<'_>) -> Vec<Columns> {
        params.reads()
    }

    fn build(params: xy::Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        params.build(Mark::Line, cx)
    }
}
