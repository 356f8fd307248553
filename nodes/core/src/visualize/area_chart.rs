//! `visualize.area_chart`: series as areas above zero.
//!
//! The rows become points in `xy`, which holds and thins them.

use arrow::datatypes::SchemaRef;
use millrace_model::RowTrait;
use millrace_model::view::Mark;
use millrace_operator::{BuildContext, CardText, Columns, InferContext, Machine, Node, NodeError, Wanted};

use super::xy;

const HELP: &str = "\
Draws numbers as areas above zero over time, or over any number: for amounts, where zero is nothing. Each column of
*Y*, and each value of the series column, is an area of its own; areas lie on each other and are seen through.

Of each area the *Keep* points with the greatest x are held: over time, the newest. No spike is lost, as in the line
chart. At most 100 areas are drawn. Rows whose x or y is null are left out.

| in | shown |
| --- | --- |
| `window_start`, `site`, `rows`; series `site` | an area of rows over time for each site |";

/// The node kind.
pub struct AreaChartNode;

impl Node for AreaChartNode {
    type Params = xy::Params;
    const KIND: &'static str = "visualize.area_chart";

    fn card() -> CardText {
        xy::card("Area chart", "Amounts over time", "chart-line-up", &[RowTrait::EventTime]).help(HELP)
    }

    fn infer(params: &xy::Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        params.infer(cx)
    }

    fn reads(params: &xy::Params, _: &Wanted<'_>) -> Vec<Columns> {
        params.reads()
    }

    fn build(params: xy::Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        params.build(Mark::Area, cx)
    }
}
