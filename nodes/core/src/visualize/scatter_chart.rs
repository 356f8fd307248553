//! `visualize.scatter_chart`: rows as dots, to see how two numbers go together.
//!
//! The rows become points in `xy`, which holds and thins them.

use arrow::datatypes::SchemaRef;
use millrace_model::view::Mark;
use millrace_operator::{BuildContext, CardText, Columns, InferContext, Machine, Node, NodeError, Wanted};

use super::xy;

const HELP: &str = "\
Draws each row as a dot, to see how two numbers go together. Each column of *Y*, and each value of the series column,
has a colour of its own.

Of each colour the *Keep* newest dots are held. Where dots lie on each other one of them is drawn. At most 100
colours are drawn. Rows whose x or y is null are left out.

| in | shown |
| --- | --- |
| `temperature`, `pressure`; x `temperature`, y `pressure` | a dot for each reading |";

/// The node kind.
pub struct ScatterChartNode;

impl Node for ScatterChartNode {
    type Params = xy::Params;
    const KIND: &'static str = "visualize.scatter_chart";

    fn card() -> CardText {
        xy::card("Scatter chart", "How two numbers go together", "chart-scatter", &[]).help(HELP)
    }

    fn infer(params: &xy::Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        params.infer(cx)
    }

    fn reads(params: &xy::Params, _: &Wanted<'_>) -> Vec<Columns> {
        params.reads()
    }

    fn build(params: xy::Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        params.build(Mark::Dot, cx)
    }
}
