//! `process.nested_pipeline`: a node that holds others, and stands for them outside.
//!
//! It has no machine. The engine's plan puts the nodes inside in its place, so a nested pipeline and the same nodes side
//! by side are the same run; its ports are the boundary nodes inside, which `millrace_model::nesting` tells.

use arrow::datatypes::SchemaRef;
use millrace_model::card::Nesting;
use millrace_operator::{BuildContext, CardText, InferContext, Machine, Node, NodeError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Holds a part of the pipeline, and shows it as one node.
///
/// Select some nodes and choose **Nest the selection**: they move into a new nested pipeline, and each wire that crosses
/// its border gets a port there. Double-click the node, or press **Enter**, to open it; **Escape** leads out again.
/// Nested pipelines may hold others.
///
/// A port is a **Nested input** or a **Nested output** inside; its title is the name of the port outside. Add or remove
/// one inside to change what the node takes and gives.
///
/// Nesting is a matter of drawing: rows flow as if the nodes stood side by side, and a run that goes on is not disturbed
/// when they are nested or unnested. Disabling the nested pipeline disables all that is in it, and rows pass where each node in it lets them by.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {}

pub struct NestedPipeline;

impl Node for NestedPipeline {
    type Params = Params;
    const KIND: &'static str = "process.nested_pipeline";

    fn card() -> CardText {
        CardText::new("Nested pipeline", "Holds a part of the pipeline as one node", "stack").nesting(Nesting::Pipeline)
    }

    fn infer(_: &Params, _: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        Vec::new()
    }

    fn build(_: Params, _: &BuildContext) -> Result<Machine, NodeError> {
        Err(NodeError::internal("a nested pipeline does not run itself: the nodes inside do"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_operator::harness::assert_node_contract;
    use serde_json::json;

    #[test]
    fn it_keeps_the_contract() {
        assert_node_contract::<NestedPipeline>(json!({}), &[]);
    }
}
