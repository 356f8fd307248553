//! `process.nested_output`: a port by which rows leave a nested pipeline.
//!
//! Holds nothing and changes nothing; as with `nested_input`, the plan leads wires past it.

use arrow::datatypes::SchemaRef;
use millrace_model::card::{Nesting, PortCard};
use millrace_operator::{BuildContext, CardText, InferContext, Machine, Node, NodeError, Partitioning};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::nested_input::Pass;

/// A port of the nested pipeline in which it stands: the rows that reach it leave by the wires outside.
///
/// Its title is the name of the port outside, where it is an output that feeds any number of wires. The columns are
/// those of the rows that arrive here. Put a **Select** node before it where only some of them are to leave.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {}

pub struct NestedOutput;

impl Node for NestedOutput {
    type Params = Params;
    const KIND: &'static str = "process.nested_output";

    fn card() -> CardText {
        CardText::new("Nested output", "A port by which rows leave a nested pipeline", "arrow-fat-line-right")
            .input(PortCard::rows("The rows that are to leave."))
            .output(PortCard::rows("The same rows, outside."))
            .nesting(Nesting::Output)
    }

    fn infer(_: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![cx.input()]
    }

    fn partitioning(_: &Params) -> Partitioning {
        Partitioning::Stateless
    }

    fn build(_: Params, _: &BuildContext) -> Result<Machine, NodeError> {
        Ok(Machine::Operator(Box::new(Pass)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_operator::harness::{Harness, assert_node_contract};
    use serde_json::json;

    use crate::testing::event_rows;

    #[test]
    fn it_keeps_the_contract() {
        assert_node_contract::<NestedOutput>(json!({}), &[event_rows(&[]).schema()]);
    }

    #[test]
    fn rows_pass_as_they_are() {
        let rows = event_rows(&[(Some(1), Some("a"), 7)]);
        let harness = Harness::new::<NestedOutput>(json!({}), &[rows.schema()]);
        let mut run = harness.operator();
        run.push(rows).end();
        assert_eq!((harness.schema_of("rows"), run.gathered.rows_at("rows")), (event_rows(&[]).schema(), 1));
    }
}
