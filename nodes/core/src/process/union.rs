//! `process.union`: rows of several inputs, all of one schema, in one stream.
//!
//! Holds nothing. The watermark is the smallest of the inputs', which the engine sees to, as it sees to rows that are
//! behind their own source; the others of one wire keep their order, between wires none is promised.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use millrace_model::card::PortCard;
use millrace_operator::{
    BuildContext, CardText, Columns, InferContext, Machine, Node, NodeError, Operator, Output, Partitioning, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Puts the rows of several wires into one stream.
///
/// Draw as many wires to the input as there are streams. All of them must carry the same columns; put a **Select** node
/// on a wire that names or types them differently. Every row passes, doubles too.
///
/// | from wire 1 | from wire 2 | out |
/// | --- | --- | --- |
/// | a, b | c | a, b, c — in the order of arrival |
///
/// Event time is kept, and advances with the slowest of the wires. The order of rows is kept for each wire, not between
/// wires; only a row that is behind the watermark of its own source waits until the other sources have come as far, so
/// that whether it is late does not hang on them.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {}

pub struct Union;

impl Node for Union {
    type Params = Params;
    const KIND: &'static str = "process.union";

    fn card() -> CardText {
        CardText::new("Union", "Puts several streams of the same columns into one", "git-merge")
            .input(PortCard::rows("Any number of wires, all with the same columns.").many_wires())
            .output(PortCard::rows("The rows of all wires."))
    }

    fn infer(_: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![cx.input()]
    }

    fn partitioning(_: &Params) -> Partitioning {
        Partitioning::Stateless
    }

    fn reads(_: &Params, wanted: &Wanted<'_>) -> Vec<Columns> {
        vec![wanted.output(0).clone()]
    }

    fn build(_: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        Ok(Machine::Operator(Box::new(UnionOperator { schema: cx.input().clone() })))
    }
}

struct UnionOperator {
    schema: SchemaRef,
}

impl Operator for UnionOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        // Wires may differ in what their schemas say beside names and types (nullability, metadata): one schema leaves.
        let batch = if batch.schema_ref() == &self.schema {
            batch
        } else {
            RecordBatch::try_new(self.schema.clone(), batch.columns().to_vec())?
        };
        out.emit(0, batch);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use arrow::array::{Int64Array, TimestampMicrosecondArray};
    use arrow::datatypes::Schema;
    use millrace_model::event_time::{UTC, with_event_time};
    use millrace_operator::harness::{Harness, assert_node_contract};
    use serde_json::json;

    fn batch(numbers: Vec<i64>) -> RecordBatch {
        let times = TimestampMicrosecondArray::from(numbers.clone()).with_timezone(UTC);
        let plain = RecordBatch::try_from_iter_with_nullable([
            ("ts", Arc::new(times) as _, true),
            ("n", Arc::new(Int64Array::from(numbers)) as _, true),
        ])
        .expect("columns fit");
        let schema = with_event_time(&plain.schema(), Some("ts"));
        plain.with_schema(schema).expect("only the metadata differs")
    }

    #[test]
    fn it_keeps_the_contract() {
        assert_node_contract::<Union>(json!({}), &[batch(vec![]).schema()]);
    }

    #[test]
    fn every_row_passes_in_order_and_event_time_is_kept() {
        let harness = Harness::new::<Union>(json!({}), &[batch(vec![]).schema()]);
        assert_eq!(harness.schema_of("rows"), batch(vec![]).schema());
        let mut run = harness.operator();
        run.push(batch(vec![1, 2])).push(batch(vec![])).push(batch(vec![2])).watermark(2).restart().end();
        let numbers: Vec<_> = run.gathered.json("rows").iter().map(|row| row["n"].clone()).collect();
        assert_eq!(numbers, [1, 2, 2]);
        assert_eq!(run.gathered.watermarks, [2]);
    }

    #[test]
    fn a_wire_whose_schema_has_other_metadata_fits_too() {
        let harness = Harness::new::<Union>(json!({}), &[batch(vec![]).schema()]);
        let other = batch(vec![7]);
        let plain = Arc::new(Schema::new(other.schema().fields().clone()));
        let mut run = harness.operator();
        // The harness checks that what leaves has the promised schema.
        run.push(RecordBatch::try_new(plain, other.columns().to_vec()).expect("columns fit"));
        assert_eq!(run.gathered.rows_at("rows"), 1);
    }
}
