//! `process.filter`: passes the rows for which a condition holds.
//!
//! Stateless but for the number of rows seen, which names rejected rows. Rows in = rows passed + dropped + rejected.

use arrow::array::RecordBatch;
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use millrace_model::card::PortCard;
use millrace_model::value::Expression;
use millrace_operator::rejected::{self, OnError};
use millrace_operator::{
    BuildContext, CardText, Columns, CompiledExpression, InferContext, Machine, Node, NodeError, Operator, Output,
    Partitioning, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rejecting::{self, Rejecting, report};

/// Keeps the rows for which a condition is true and leaves the others out.
///
/// The condition is a SQL expression over the columns of the input. A row passes when it is **true**; when it is false
/// or null (unknown), the row is left out and counted.
///
/// With the condition `temperature > 30 AND status <> 'off'`:
///
/// | device | temperature | status | |
/// | --- | --- | --- | --- |
/// | a | 31.5 | on | passes |
/// | b | 22.0 | on | left out |
/// | c | *null* | on | left out: unknown whether it is above 30 |
///
/// A row for which the condition cannot be computed (a division by zero, a cast that does not fit) leaves by the
/// `rejected` port with the reason.
///
/// Often used: `column IS NOT NULL`, `status IN ('warn', 'error')`, `name LIKE 'pump-%'`, `value BETWEEN 0 AND 100`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The rows that pass: a condition such as `temperature > 30`.
    pub condition: Expression,
    /// What becomes of a row for which the condition cannot be computed. With `null` it counts as unknown and is left
    /// out.
    #[serde(default)]
    pub on_error: OnError,
}

pub struct Filter;

const ROWS: usize = 0;
const REJECTED: usize = 1;

impl Node for Filter {
    type Params = Params;
    const KIND: &'static str = "process.filter";

    fn card() -> CardText {
        CardText::new("Filter", "Keeps the rows for which a condition holds", "funnel")
            .can_bypass()
            .input(PortCard::rows("Rows to look at."))
            .output(PortCard::rows("The rows for which the condition is true."))
            .output(PortCard::rejected())
            .headline("condition")
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        let input = cx.input();
        if let Some(schema) = &input
            && let Err(error) = CompiledExpression::compile_predicate(params.condition.as_str(), schema)
        {
            report(cx, "condition", &error);
        }
        vec![input, Some(rejected::schema())]
    }

    fn partitioning(_: &Params) -> Partitioning {
        Partitioning::Stateless
    }

    fn reads(params: &Params, wanted: &Wanted<'_>) -> Vec<Columns> {
        let condition = rejecting::read_by(params.condition.as_str(), &wanted.inputs[0]);
        vec![rejecting::reads(condition.and(wanted.output(ROWS)), wanted.output(REJECTED))]
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let condition = CompiledExpression::compile_predicate(params.condition.as_str(), cx.input())
            .map_err(|error| NodeError::user(format!("condition: {error}")))?;
        Ok(Machine::Operator(Box::new(FilterOperator {
            condition,
            rejecting: Rejecting::new(REJECTED, params.on_error),
        })))
    }
}

struct FilterOperator {
    condition: CompiledExpression,
    rejecting: Rejecting,
}

impl Operator for FilterOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let (passes, failures) = self.condition.evaluate_predicate(&batch)?;
        let rejects_some = self.rejecting.sort_out(&batch, &failures, out)?.is_some();
        let num_passed = passes.true_count();
        let num_rejected = if rejects_some { failures.len() } else { 0 };
        out.drop_rows(batch.num_rows() - num_passed - num_rejected);
        let passed = if num_passed == batch.num_rows() { batch } else { filter_record_batch(&batch, &passes)? };
        out.emit(ROWS, passed);
        Ok(())
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        Ok(self.rejecting.snapshot())
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        self.rejecting.restore(state)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use arrow::array::{Int64Array, StringArray};
    use millrace_operator::harness::{Harness, assert_node_contract};
    use serde_json::{Value, json};

    fn batch(numbers: Vec<Option<i64>>) -> RecordBatch {
        let names: Vec<String> = (0..numbers.len()).map(|row| format!("r{row}")).collect();
        RecordBatch::try_from_iter_with_nullable([
            ("name", Arc::new(StringArray::from(names)) as _, true),
            ("n", Arc::new(Int64Array::from(numbers)) as _, true),
        ])
        .expect("columns fit")
    }

    fn names(rows: &[Value]) -> Vec<&str> {
        rows.iter().filter_map(|row| row["name"].as_str()).collect()
    }

    #[test]
    fn it_keeps_the_contract() {
        assert_node_contract::<Filter>(json!({"condition": "n > 0"}), &[batch(vec![]).schema()]);
    }

    #[test]
    fn true_passes_and_false_and_null_are_left_out_and_counted() {
        let harness = Harness::new::<Filter>(json!({"condition": "n > 1"}), &[batch(vec![]).schema()]);
        let mut run = harness.operator();
        run.push(batch(vec![Some(1), Some(2), None, Some(3)]))
            .push(batch(vec![]))
            .push(batch(vec![Some(5), Some(6)]))
            .end();
        assert_eq!(names(&run.gathered.json("rows")), ["r1", "r3", "r0", "r1"]);
        assert_eq!(run.gathered.rows_dropped, 2);
        assert_eq!(run.gathered.rows_at("rejected"), 0);
    }

    #[test]
    fn a_row_that_cannot_be_computed_leaves_by_rejected_and_is_named_by_its_place() {
        let harness = Harness::new::<Filter>(json!({"condition": "10 / n > 3"}), &[batch(vec![]).schema()]);
        let mut run = harness.operator();
        run.push(batch(vec![Some(1), Some(5)])).restart().push(batch(vec![Some(2), Some(0)])).end();
        assert_eq!(names(&run.gathered.json("rows")), ["r0", "r0"]);
        assert_eq!(run.gathered.rows_dropped, 1);
        let rejected = run.gathered.json("rejected");
        assert_eq!(rejected.len(), 1);
        assert_eq!(rejected[0]["position"], "row 4 of the node's input");
        assert_eq!(rejected[0]["raw"], r#"{"name":"r1","n":0}"#);
        assert!(rejected[0]["reason"].as_str().is_some_and(|reason| reason.contains("zero")), "{rejected:?}");
    }

    #[test]
    fn on_error_may_fail_the_run_or_count_as_unknown() {
        let schema = batch(vec![]).schema();
        let fail = Harness::new::<Filter>(
            json!({"condition": "10 / n > 3", "on_error": "fail"}),
            std::slice::from_ref(&schema),
        );
        let error = fail.operator().try_push(0, batch(vec![Some(1), Some(0)])).expect_err("the second row fails");
        assert!(error.to_string().contains("row 2 of the node's input"), "{error}");
        let null = Harness::new::<Filter>(json!({"condition": "10 / n > 3", "on_error": "null"}), &[schema]);
        let mut run = null.operator();
        run.push(batch(vec![Some(1), Some(0)]));
        assert_eq!((run.gathered.rows_at("rows"), run.gathered.rows_dropped), (1, 1));
    }

    #[test]
    fn a_typo_in_the_condition_is_found_before_the_run() {
        let problems = Harness::try_new::<Filter>(json!({"condition": "nam = 'x'"}), &[batch(vec![]).schema()]).err();
        let problem = &problems.expect("a problem")[0];
        assert_eq!((problem.param.as_str(), problem.code.as_str()), ("condition", "unknown_column"));
        assert!(problem.message.contains("`name`"), "{}", problem.message);
    }
}
