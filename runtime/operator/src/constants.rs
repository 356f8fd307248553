//! What in an expression is the same for every row, and fails: told before there is a row.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Schema};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, DataFusionError, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{self, Expr, ExprSchemable, Operator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_expr::utils::collect_columns;

use crate::explain::reason;
use crate::expression::{ExpressionError, checked, state};

/// Refuses what can be computed for no row, since it is the same for every one: a text that is no number, a pattern or a
/// unit of time that is none.
pub(crate) fn check_constants(expr: &Expr, df_schema: &DFSchema) -> Result<(), ExpressionError> {
    let mut fault = None;
    let looked = expr.apply(|part| {
        let Some(sample) = sample_of(part, df_schema) else { return Ok(TreeNodeRecursion::Continue) };
        match compute_once(sample) {
            Ok(()) => Ok(TreeNodeRecursion::Jump),
            Err(error) => {
                fault = Some(reason(&error));
                Ok(TreeNodeRecursion::Stop)
            }
        }
    });
    outcome(looked, fault)
}

/// Refuses, of an expression whose texts have been made numbers and times where it compares them with such, what can be
/// computed for no row.
pub(crate) fn check_coerced(physical: &Arc<dyn PhysicalExpr>) -> Result<(), ExpressionError> {
    let mut fault = None;
    let looked = physical.apply(|part| {
        if part.is::<Literal>() || !collect_columns(part).is_empty() {
            return Ok(TreeNodeRecursion::Continue);
        }
        match evaluate_once(part) {
            Ok(()) => Ok(TreeNodeRecursion::Jump),
            Err(error) => {
                fault = Some(reason(&error));
                Ok(TreeNodeRecursion::Stop)
            }
        }
    });
    outcome(looked, fault)
}

fn outcome(looked: Result<TreeNodeRecursion, DataFusionError>, fault: Option<String>) -> Result<(), ExpressionError> {
    match (looked, fault) {
        (Ok(_), None) => Ok(()),
        (_, Some(reason)) => {
            Err(ExpressionError::new("never_computed", format!("This can be computed for no row: {}.", lower(&reason))))
        }
        (Err(error), _) => Err(ExpressionError::new("bad_expression", format!("{}.", reason(&error)))),
    }
}

/// An expression without columns that fails where `part` fails for every row; none where that cannot be told.
fn sample_of(part: &Expr, df_schema: &DFSchema) -> Option<Expr> {
    let needs_rows = |part: &Expr| {
        let is_value = matches!(part, Expr::AggregateFunction(_) | Expr::WindowFunction(_) | Expr::Placeholder(_));
        let is_query = matches!(part, Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_));
        Ok(is_value || is_query || matches!(part, Expr::OuterReferenceColumn(..)))
    };
    if part.exists(needs_rows).unwrap_or(true) {
        return None;
    }
    if part.column_refs().is_empty() {
        let is_plain = matches!(part, Expr::Literal(..) | Expr::Alias(_) | Expr::Column(_));
        return (!is_plain).then(|| part.clone());
    }
    // Any text will do to see whether a pattern is one, and any moment for a unit of time.
    let any = |arg: &Expr| match (arg, arg.get_type(df_schema).ok()?) {
        (Expr::Literal(..), _) => Some(arg.clone()),
        (_, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => {
            Some(Expr::Literal(ScalarValue::Utf8(Some(String::new())), None))
        }
        (_, data_type @ DataType::Timestamp(..)) => Some(Expr::Literal(ScalarValue::new_zero(&data_type).ok()?, None)),
        _ => None,
    };
    match part {
        Expr::ScalarFunction(function) => {
            let name = function.func.name();
            let has_pattern = name.starts_with("regexp_") || ["date_trunc", "date_part"].contains(&name);
            let args = function.args.iter().map(any).collect::<Option<Vec<Expr>>>().filter(|_| has_pattern)?;
            Some(Expr::ScalarFunction(ScalarFunction::new_udf(function.func.clone(), args)))
        }
        Expr::BinaryExpr(binary) if is_match(binary.op) => {
            let sides = (Box::new(any(&binary.left)?), Box::new(any(&binary.right)?));
            Some(Expr::BinaryExpr(logical_expr::BinaryExpr::new(sides.0, binary.op, sides.1)))
        }
        _ => None,
    }
}

fn is_match(operator: Operator) -> bool {
    use Operator::{RegexIMatch, RegexMatch, RegexNotIMatch, RegexNotMatch};
    matches!(operator, RegexMatch | RegexIMatch | RegexNotMatch | RegexNotIMatch)
}

fn compute_once(expr: Expr) -> Result<(), DataFusionError> {
    let physical = state().create_physical_expr(expr, &DFSchema::empty())?;
    evaluate_once(&checked(physical, &Arc::new(Schema::empty()))?)
}

fn evaluate_once(physical: &Arc<dyn PhysicalExpr>) -> Result<(), DataFusionError> {
    let one_row = RecordBatchOptions::new().with_row_count(Some(1));
    let row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &one_row)?;
    physical.evaluate(&row).map(|_| ())
}

/// A sentence that goes on behind a colon.
fn lower(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
