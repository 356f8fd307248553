//! Parts of an expression that are the same for every row, tried when it is compiled.
//!
//! One that cannot be computed then (a date that is none, a regular expression that is not closed) would fail for each
//! row of the run. The arms of a CASE, and all but the first argument of `coalesce`, are computed for some rows only: a
//! fault in them may be what they are there to keep out, and is left to the run.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Schema};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, CaseExpr, Literal, lit};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use crate::explain::reason;
use crate::expression::ExpressionError;

/// Tries every part without columns, the largest first.
///
/// # Errors
/// `bad_constant`: what cannot be computed and why.
pub(crate) fn check(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<(), ExpressionError> {
    let check = |part: &Arc<dyn PhysicalExpr>| check(part, schema);
    if expr.is::<Literal>() {
        return Ok(());
    }
    if collect_columns(expr).is_empty() {
        return try_once(expr);
    }
    if let Some(case) = expr.downcast_ref::<CaseExpr>() {
        let conditions = case.when_then_expr().iter().map(|(when, _)| when);
        return case.expr().into_iter().chain(conditions).try_for_each(check);
    }
    if let Some(function) = expr.downcast_ref::<ScalarFunctionExpr>() {
        if function.name() == "coalesce" {
            return function.args().iter().take(1).try_for_each(check);
        }
        function.args().iter().try_for_each(check)?;
        return with_sample(expr, function, schema).map_or(Ok(()), |sample| try_once(&sample));
    }
    expr.children().into_iter().try_for_each(check)?;
    let binary = expr.downcast_ref::<BinaryExpr>();
    match binary.filter(|binary| is_regex(*binary.op()) && collect_columns(binary.right()).is_empty()) {
        Some(binary) => {
            let text = ScalarValue::new_default(&text_type(binary)).ok().map(lit);
            let sample = text.map(|text| BinaryExpr::new(text, *binary.op(), binary.right().clone()));
            sample.map_or(Ok(()), |sample| try_once(&(Arc::new(sample) as Arc<dyn PhysicalExpr>)))
        }
        None => Ok(()),
    }
}

fn is_regex(op: Operator) -> bool {
    use Operator::{RegexIMatch, RegexMatch, RegexNotIMatch, RegexNotMatch};
    matches!(op, RegexMatch | RegexIMatch | RegexNotMatch | RegexNotIMatch)
}

/// The pattern's type: both sides of a regular expression have one.
fn text_type(binary: &BinaryExpr) -> DataType {
    binary.right().data_type(&Schema::empty()).unwrap_or(DataType::Utf8)
}

/// A call whose constant arguments say what to look for, with a value in place of each of the others that any such
/// argument can work on; `None` for other functions.
fn with_sample(
    expr: &Arc<dyn PhysicalExpr>,
    function: &ScalarFunctionExpr,
    schema: &Schema,
) -> Option<Arc<dyn PhysicalExpr>> {
    let has_pattern = function.name().starts_with("regexp_");
    let has_unit = ["date_trunc", "date_part"].contains(&function.name());
    let pattern = function.args().get(usize::from(has_pattern))?;
    if !(has_pattern || has_unit) || !collect_columns(pattern).is_empty() {
        return None;
    }
    let sample = |argument: &Arc<dyn PhysicalExpr>| -> Result<Arc<dyn PhysicalExpr>, DataFusionError> {
        if collect_columns(argument).is_empty() {
            return Ok(argument.clone());
        }
        let data_type = argument.data_type(schema)?;
        Ok(lit(match has_pattern {
            true => ScalarValue::new_default(&data_type)?,
            false => ScalarValue::try_new_null(&data_type)?,
        }))
    };
    let arguments = function.args().iter().map(sample).collect::<Result<Vec<_>, _>>().ok()?;
    expr.clone().with_new_children(arguments).ok()
}

fn try_once(expr: &Arc<dyn PhysicalExpr>) -> Result<(), ExpressionError> {
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options);
    let row = row.map_err(|error| ExpressionError::new("bad_constant", error.to_string()))?;
    match expr.evaluate(&row).and_then(|value| value.into_array(1)) {
        Ok(_) => Ok(()),
        Err(error) => {
            let message = format!("{}. It is so for every row: mend it here.", reason(&error));
            Err(ExpressionError::new("bad_constant", message))
        }
    }
}
