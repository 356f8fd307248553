//! `process.route`: one output port for each route, rows go where their condition says.
//!
//! Stateless but for the number of rows seen, which names rejected rows. The ports follow the order of the params:
//! one for each route, then `otherwise`, then `rejected`; the operator numbers them in the same way.

use std::collections::BTreeSet;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{and, filter_record_batch, not, or};
use arrow::datatypes::SchemaRef;
use millrace_model::card::{PortCard, PortRole};
use millrace_model::value::Expression;
use millrace_operator::expression::RowFailure;
use millrace_operator::rejected::{self, OnError};
use millrace_operator::{
    BuildContext, CardText, Columns, CompiledExpression, InferContext, Machine, Node, NodeError, Operator, Output,
    Partitioning, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rejecting::{self, Rejecting, merge_failures, report};

/// Sends each row to the output whose condition it meets.
///
/// Every route makes an output port of its own; what meets no condition leaves by `otherwise`. Conditions are SQL
/// expressions and are looked at from top to bottom.
///
/// With the routes `error` = `status >= 500` and `slow` = `took_ms > 1000`:
///
/// | status | took_ms | mode `first` | mode `all` |
/// | --- | --- | --- | --- |
/// | 200 | 12 | otherwise | otherwise |
/// | 200 | 1500 | slow | slow |
/// | 503 | 1500 | error | error and slow |
///
/// A row for which a condition cannot be computed (a division by zero, a cast that does not fit) leaves by the
/// `rejected` port with the reason, unless an earlier route has taken it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The routes, the most important one first.
    #[serde(default)]
    pub routes: Vec<RouteParams>,
    /// Whether a row that meets several conditions leaves once or several times.
    #[serde(default)]
    pub mode: Mode,
    /// What becomes of a row for which a condition cannot be computed. With `null` that condition counts as not met.
    #[serde(default)]
    pub on_error: OnError,
}

/// An output port and the rows that leave by it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteParams {
    /// The name of the output port: lower-case letters, digits and underscores.
    pub port: String,
    /// The rows that leave there: a condition such as `status >= 500`.
    pub condition: Expression,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A row leaves by the first route whose condition it meets.
    #[default]
    First,
    /// A row leaves by every route whose condition it meets.
    All,
}

pub struct Route;

const OTHERWISE: &str = "otherwise";
const REJECTED: &str = "rejected";

impl Node for Route {
    type Params = Params;
    const KIND: &'static str = "process.route";

    fn card() -> CardText {
        let route = PortCard::named("route", PortRole::Rows, "The rows that meet the condition of this route.");
        let otherwise = PortCard::named(OTHERWISE, PortRole::Rows, "The rows that meet no condition.");
        CardText::new("Route", "Sends each row to the output whose condition it meets", "git-branch")
            .input(PortCard::rows("Rows to sort."))
            .output(route.repeated_by("routes", "port"))
            .output(otherwise)
            .output(PortCard::rejected())
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        if params.routes.is_empty() {
            cx.error("routes", "no_routes", "There is no route. Add one, with a port name and a condition.");
        }
        let mut names = BTreeSet::new();
        for (index, route) in params.routes.iter().enumerate() {
            let param = format!("routes[{index}].port");
            let name = route.port.as_str();
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
                let message = format!(
                    "`{name}` cannot name a port: use lower-case letters, digits and underscores, such as `errors`."
                );
                cx.error(param, "bad_port_name", message);
            } else if name == OTHERWISE || name == REJECTED {
                cx.error(param, "bad_port_name", format!("Every route node has a port `{name}`: choose another name."));
            } else if !names.insert(name) {
                cx.error(param, "duplicate_port", format!("Two routes are called `{name}`: choose another name."));
            }
        }
        let input = cx.input();
        if let Some(schema) = &input {
            for (index, route) in params.routes.iter().enumerate() {
                if let Err(error) = CompiledExpression::compile_predicate(route.condition.as_str(), schema) {
                    report(cx, format!("routes[{index}].condition"), &error);
                }
            }
        }
        let mut outputs = vec![input; names.len() + 1];
        outputs.push(Some(rejected::schema()));
        outputs
    }

    fn partitioning(_: &Params) -> Partitioning {
        Partitioning::Stateless
    }

    fn reads(params: &Params, wanted: &Wanted<'_>) -> Vec<Columns> {
        let conditions = params.routes.iter();
        let conditions = conditions.map(|route| rejecting::read_by(route.condition.as_str(), &wanted.inputs[0]));
        let read = conditions.fold(Columns::none(), |read, columns| read.and(&columns));
        let rejected = params.routes.len() + 1;
        let read = (0..rejected).fold(read, |read, port| read.and(wanted.output(port)));
        vec![rejecting::reads(read, wanted.output(rejected))]
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let compile = |(index, route): (usize, &RouteParams)| {
            CompiledExpression::compile_predicate(route.condition.as_str(), cx.input())
                .map_err(|error| NodeError::user(format!("routes[{index}].condition: {error}")))
        };
        let conditions = params.routes.iter().enumerate().map(compile).collect::<Result<Vec<_>, _>>()?;
        Ok(Machine::Operator(Box::new(RouteOperator {
            rejecting: Rejecting::new(conditions.len() + 1, params.on_error),
            conditions,
            mode: params.mode,
        })))
    }
}

struct RouteOperator {
    conditions: Vec<CompiledExpression>,
    mode: Mode,
    rejecting: Rejecting,
}

impl Operator for RouteOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let num_rows = batch.num_rows();
        let mut taken = BooleanArray::from(vec![false; num_rows]);
        let mut masks = Vec::with_capacity(self.conditions.len());
        let mut failures: Vec<Vec<RowFailure>> = Vec::new();
        for condition in &self.conditions {
            let (mut met, mut failed) = condition.evaluate_predicate(&batch)?;
            if self.mode == Mode::First {
                failed.retain(|failure| !taken.value(failure.row));
                met = and(&met, &not(&taken)?)?;
            }
            taken = or(&taken, &met)?;
            masks.push(met);
            failures.push(failed);
        }
        let failures = merge_failures(failures);
        let otherwise = not(&taken)?;
        let keeps = self.rejecting.sort_out(&batch, &failures, out)?;
        for (port, mask) in masks.into_iter().chain([otherwise]).enumerate() {
            let mask = match &keeps {
                Some(keeps) => and(&mask, keeps)?,
                None => mask,
            };
            match mask.true_count() {
                0 => {}
                count if count == num_rows => out.emit(port, batch.clone()),
                _ => out.emit(port, filter_record_batch(&batch, &mask)?),
            }
        }
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
    use arrow::array::Int64Array;
    use millrace_operator::harness::{Gathered, Harness, assert_node_contract};
    use serde_json::json;

    fn batch(numbers: Vec<Option<i64>>) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable([("n", Arc::new(Int64Array::from(numbers)) as _, true)])
            .expect("columns fit")
    }

    fn params(mode: &str, on_error: &str) -> serde_json::Value {
        json!({
            "routes": [
                {"port": "big", "condition": "n > 10"},
                {"port": "divides", "condition": "100 % n = 0"},
            ],
            "mode": mode,
            "on_error": on_error,
        })
    }

    fn run(mode: &str, on_error: &str) -> Gathered {
        let harness = Harness::new::<Route>(params(mode, on_error), &[batch(vec![]).schema()]);
        let mut run = harness.operator();
        run.push(batch(vec![Some(20), Some(5), Some(0), Some(7)])).push(batch(vec![])).restart();
        run.push(batch(vec![None, Some(33)])).end();
        std::mem::take(&mut run.gathered)
    }

    fn numbers(gathered: &Gathered, port: &str) -> Vec<Option<i64>> {
        gathered.json(port).iter().map(|row| row["n"].as_i64()).collect()
    }

    #[test]
    fn it_keeps_the_contract() {
        assert_node_contract::<Route>(params("first", "reject"), &[batch(vec![]).schema()]);
    }

    #[test]
    fn in_mode_first_each_row_leaves_once() {
        let gathered = run("first", "reject");
        assert_eq!(numbers(&gathered, "big"), [Some(20), Some(33)]);
        assert_eq!(numbers(&gathered, "divides"), [Some(5)]);
        assert_eq!(numbers(&gathered, "otherwise"), [Some(7), None]);
        assert_eq!(gathered.json("rejected")[0]["position"], "row 3 of the node's input");
        assert_eq!(gathered.num_rows(), 6);
    }

    #[test]
    fn in_mode_all_a_row_leaves_by_every_route_that_takes_it() {
        let gathered = run("all", "reject");
        assert_eq!(numbers(&gathered, "big"), [Some(20), Some(33)]);
        assert_eq!(numbers(&gathered, "divides"), [Some(20), Some(5)]);
        assert_eq!(numbers(&gathered, "otherwise"), [Some(7), None]);
        assert_eq!(gathered.rows_at("rejected"), 1);
    }

    #[test]
    fn a_condition_that_cannot_be_computed_may_count_as_not_met() {
        let gathered = run("first", "null");
        assert_eq!(numbers(&gathered, "otherwise"), [Some(0), Some(7), None]);
        assert_eq!(gathered.rows_at("rejected"), 0);
    }

    #[test]
    fn a_row_that_an_earlier_route_took_is_not_rejected_by_a_later_one() {
        let routes = json!({"routes": [
            {"port": "none", "condition": "n = 0"},
            {"port": "divides", "condition": "100 % n = 0"},
        ]});
        let harness = Harness::new::<Route>(routes, &[batch(vec![]).schema()]);
        let mut run = harness.operator();
        run.push(batch(vec![Some(0), Some(5)]));
        assert_eq!((run.gathered.rows_at("none"), run.gathered.rows_at("divides")), (1, 1));
        assert_eq!(run.gathered.rows_at("rejected"), 0);
    }

    #[test]
    fn bad_port_names_are_refused() {
        for (ports, code) in [
            (["a", "a"], "duplicate_port"),
            (["a", ""], "bad_port_name"),
            (["a", "otherwise"], "bad_port_name"),
            (["a", "With space"], "bad_port_name"),
        ] {
            let routes: Vec<_> = ports.iter().map(|port| json!({"port": port, "condition": "n > 0"})).collect();
            let problems = Harness::try_new::<Route>(json!({ "routes": routes }), &[batch(vec![]).schema()]).err();
            let problem = &problems.unwrap_or_else(|| panic!("{ports:?} are refused"))[0];
            assert_eq!((problem.param.as_str(), problem.code.as_str()), ("routes[1].port", code));
        }
        let problems = Harness::try_new::<Route>(json!({}), &[batch(vec![]).schema()]).err();
        assert_eq!(problems.expect("a problem")[0].code, "no_routes");
    }
}
