//! Checks while somebody draws: every fault of a pipeline, and the columns at every port.

use std::collections::BTreeMap;

use millrace_engine::{Plan, PlannedPort};
use millrace_model::event_time::event_time_column;
use millrace_model::{Pipeline, RowTrait};
use millrace_protocol::{Checked, Failure, NodePorts, PortSchema, ProjectId, Response, columns_of};

use crate::{Host, failure};

impl Host {
    pub(crate) async fn check(&self, project: Option<ProjectId>, text: String) -> Result<Response, Failure> {
        let (pipeline, source_map) = Pipeline::parse(&text).map_err(failure::of_text)?;
        let base_dir = self.base_dir(project).await?;
        let plan = self.planner.plan(&pipeline, &BTreeMap::new(), &base_dir).await;
        let mut checked = checked(&plan);
        checked.diagnostics = checked.diagnostics.into_iter().map(|problem| source_map.locate(problem)).collect();
        Ok(Response::Checked(checked))
    }
}

/// A plan as data of the protocol.
pub fn checked(plan: &Plan) -> Checked {
    let port = |planned: &PlannedPort| PortSchema {
        name: planned.port.name.clone(),
        role: planned.port.role,
        columns: planned.schema.as_deref().map(columns_of),
        event_time: planned.schema.as_deref().and_then(event_time_column).map(str::to_owned),
        has: planned.schema.as_deref().map(RowTrait::of).unwrap_or_default(),
    };
    let ports = plan.nodes.iter().map(|(id, node)| {
        let ports = NodePorts {
            inputs: node.inputs.iter().map(port).collect(),
            outputs: node.outputs.iter().map(port).collect(),
        };
        (id.clone(), ports)
    });
    Checked { diagnostics: plan.diagnostics.clone(), nodes: ports.collect() }
}
