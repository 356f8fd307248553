//! `store.discard`: a place where rows end. The engine counts them like any others; nothing is kept.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use millrace_model::PortCard;
use millrace_operator::{BuildContext, CardText, InferContext, Machine, Node, NodeError, Prepared, Sink};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Counts rows and forgets them: to see how fast a pipeline is without the cost of storing, or to let a branch end in
/// plain sight.
///
/// | in | kept |
/// | --- | --- |
/// | any rows | nothing; the count is shown at the node |
///
/// **Delivery:** nothing is delivered.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {}

/// The node kind.
pub struct Discard;

impl Node for Discard {
    type Params = Params;
    const KIND: &'static str = "store.discard";

    fn card() -> CardText {
        CardText::new("Discard", "Counts rows and forgets them", "trash").input(PortCard::rows("Rows to forget."))
    }

    fn infer(_: &Params, _: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        Vec::new()
    }

    fn build(_: Params, _: &BuildContext) -> Result<Machine, NodeError> {
        Ok(Machine::Sink(Box::new(DiscardSink { num_rows: 0 })))
    }
}

struct DiscardSink {
    num_rows: u64,
}

impl Sink for DiscardSink {
    fn open(&mut self) -> Result<(), NodeError> {
        Ok(())
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), NodeError> {
        self.num_rows += batch.num_rows() as u64;
        Ok(())
    }

    fn prepare(&mut self) -> Result<Prepared, NodeError> {
        Ok(Prepared(self.num_rows.to_le_bytes().to_vec()))
    }

    fn commit(&mut self, _: &Prepared) -> Result<(), NodeError> {
        Ok(())
    }

    fn restore(&mut self, prepared: &Prepared) -> Result<(), NodeError> {
        let bytes = prepared.0.as_slice().try_into();
        self.num_rows = bytes.map(u64::from_le_bytes).map_err(|_| NodeError::internal("the count cannot be read"))?;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), NodeError> {
        Ok(())
    }

    fn abort(&mut self) {}

    fn status(&self) -> Option<String> {
        Some(format!("{} rows", self.num_rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{DataType, Field, Schema};
    use millrace_operator::harness::{Harness, assert_node_contract};
    use serde_json::json;
    use std::sync::Arc;

    #[test]
    fn rows_are_counted_through_a_restart() {
        let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)]));
        assert_node_contract::<Discard>(json!({}), std::slice::from_ref(&schema));
        let harness = Harness::new::<Discard>(json!({}), std::slice::from_ref(&schema));
        let batch =
            RecordBatch::try_new(schema, vec![Arc::new(arrow::array::Int64Array::from(vec![1, 2]))]).expect("a batch");
        let mut sink = harness.sink();
        sink.open().expect("open");
        sink.write(&batch).expect("write");
        let prepared = sink.prepare().expect("prepare");
        let mut sink = harness.sink();
        sink.restore(&prepared).expect("restore");
        sink.write(&batch).expect("write");
        assert_eq!(sink.status().as_deref(), Some("4 rows"));
    }
}
