//! A nested pipeline and its ports.

use arrow::datatypes::SchemaRef;
use millrace_model::PortCard;
use millrace_model::card::Nesting;
use millrace_operator::{BuildContext, CardText, InferContext, Machine, Node, NodeError, Partitioning};

use super::{NoParams, Pass};

pub struct Nest;

impl Node for Nest {
    type Params = NoParams;
    const KIND: &'static str = "process.nest";

    fn card() -> CardText {
        CardText::new("Nest", "Holds nodes", "stack").nesting(Nesting::Pipeline)
    }

    fn infer(_: &NoParams, _: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        Vec::new()
    }

    fn build(_: NoParams, _: &BuildContext) -> Result<Machine, NodeError> {
        Err(NodeError::internal("the nodes inside run"))
    }
}

pub struct WayIn;

impl Node for WayIn {
    type Params = NoParams;
    const KIND: &'static str = "process.way_in";

    fn card() -> CardText {
        CardText::new("Way in", "Lets rows in", "arrow-right")
            .input(PortCard::rows("Rows."))
            .output(PortCard::rows("Rows."))
            .nesting(Nesting::Input)
    }

    fn infer(_: &NoParams, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![cx.input()]
    }

    fn partitioning(_: &NoParams) -> Partitioning {
        Partitioning::Stateless
    }

    fn build(_: NoParams, _: &BuildContext) -> Result<Machine, NodeError> {
        Ok(Machine::Operator(Box::new(Pass)))
    }
}

pub struct WayOut;

impl Node for WayOut {
    type Params = NoParams;
    const KIND: &'static str = "process.way_out";

    fn card() -> CardText {
        CardText::new("Way out", "Lets rows out", "arrow-left")
            .input(PortCard::rows("Rows."))
            .output(PortCard::rows("Rows."))
            .nesting(Nesting::Output)
    }

    fn infer(_: &NoParams, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![cx.input()]
    }

    fn partitioning(_: &NoParams) -> Partitioning {
        Partitioning::Stateless
    }

    fn build(_: NoParams, _: &BuildContext) -> Result<Machine, NodeError> {
        Ok(Machine::Operator(Box::new(Pass)))
    }
}
