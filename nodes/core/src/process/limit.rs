//! `process.limit`: the first rows of all.
//!
//! Holds the number of rows that passed. Single, so that "first" has a meaning at every parallelism.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use millrace_model::card::PortCard;
use millrace_operator::{
    BuildContext, CardText, Columns, InferContext, Machine, Node, NodeError, Operator, Output, Partitioning, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::state::saved;

/// Passes the first rows that arrive, and leaves all later ones out.
///
/// With `rows` = 2:
///
/// | device | |
/// | --- | --- |
/// | a | passes |
/// | b | passes |
/// | c | left out |
///
/// It counts over the whole run, not over each key or each second; for that, use **Throttle**. The pipeline goes on
/// running: rows that are left out are counted.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// How many rows pass.
    #[schemars(range(min = 0), extend("keeps_state" = true))]
    pub rows: u64,
}

pub struct Limit;

impl Node for Limit {
    type Params = Params;
    const KIND: &'static str = "process.limit";

    fn card() -> CardText {
        CardText::new("Limit", "Passes the first rows and leaves the rest out", "number-circle-one")
            .can_bypass()
            .input(PortCard::rows("Any rows."))
            .output(PortCard::rows("The first of them."))
            .headline("rows")
    }

    fn infer(_: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![cx.input()]
    }

    fn partitioning(_: &Params) -> Partitioning {
        Partitioning::Single
    }

    fn reads(_: &Params, wanted: &Wanted<'_>) -> Vec<Columns> {
        vec![wanted.output(0).clone()]
    }

    fn build(params: Params, _: &BuildContext) -> Result<Machine, NodeError> {
        Ok(Machine::Operator(Box::new(LimitOperator { limit: params.rows, num_passed: 0 })))
    }
}

struct LimitOperator {
    limit: u64,
    num_passed: u64,
}

impl Operator for LimitOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let left = usize::try_from(self.limit.saturating_sub(self.num_passed)).unwrap_or(usize::MAX);
        let num_passing = batch.num_rows().min(left);
        self.num_passed += num_passing as u64;
        out.drop_rows(batch.num_rows() - num_passing);
        out.emit(0, batch.slice(0, num_passing));
        Ok(())
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        saved::to_bytes(&self.num_passed, &[])
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        (self.num_passed, []) = saved::from_bytes(state)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{event_rows, ids};
    use millrace_operator::harness::{Harness, assert_node_contract};
    use serde_json::json;

    #[test]
    fn it_keeps_the_contract() {
        assert_node_contract::<Limit>(json!({"rows": 1}), &[event_rows(&[]).schema()]);
    }

    #[test]
    fn the_first_rows_pass_over_batches_and_restarts() {
        let harness = Harness::new::<Limit>(json!({"rows": 3}), &[event_rows(&[]).schema()]);
        let mut run = harness.operator();
        run.push(event_rows(&[(None, None, 0), (None, None, 1)])).push(event_rows(&[])).restart();
        run.push(event_rows(&[(None, None, 2), (None, None, 3)])).push(event_rows(&[(None, None, 4)])).end();
        assert_eq!(ids(&run.gathered, "rows"), [0, 1, 2]);
        assert_eq!(run.gathered.rows_dropped, 2);
    }

    #[test]
    fn another_number_holds_for_the_rows_that_passed_already() {
        let of = |rows: u64| Harness::new::<Limit>(json!({"rows": rows}), &[event_rows(&[]).schema()]);
        let (three, four) = (of(3), of(4));
        let mut run = three.operator();
        run.push(event_rows(&[(None, None, 0), (None, None, 1)])).restart_as(&four);
        run.push(event_rows(&[(None, None, 2), (None, None, 3), (None, None, 4)])).end();
        assert_eq!(ids(&run.gathered, "rows"), [0, 1, 2, 3]);
    }
}
