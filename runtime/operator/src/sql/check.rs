//! What a query must not be or do, found when it is compiled, and what DataFusion has against it.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Column, DFSchema, DataFusionError, SchemaError, TableReference};
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser;
use millrace_model::suggest;

use crate::explain::{explain, reason};
use crate::expression::{CompiledExpression, ExpressionError, check_repeatable};

pub(super) fn explain_query(
    error: &DataFusionError,
    names: &DFSchema,
    tables: &[(&str, SchemaRef)],
) -> ExpressionError {
    let text = error.find_root().to_string();
    if let Some(table) = text.split("table '").nth(1).and_then(|rest| rest.split('\'').next())
        && text.contains("not found")
    {
        let table = table.rsplit('.').next().unwrap_or(table);
        let known: Vec<String> = tables.iter().map(|(name, _)| format!("`{name}`")).collect();
        return ExpressionError::new(
            "unknown_table",
            format!("There is no table `{table}`. The query reads from {}.", known.join(", ")),
        );
    }
    let known = || tables.iter().map(|(name, _)| *name);
    if let DataFusionError::SchemaError(schema_error, _) = error.find_root()
        && let SchemaError::FieldNotFound { field, .. } = schema_error.as_ref()
        && let Some(table) = field.relation.as_ref().map(TableReference::table)
        && !known().any(|name| name == table)
        && names.maybe_index_of_column(&Column::new_unqualified(field.name())).is_some()
    {
        let hint = suggest::hint(table, known());
        let name = field.name();
        let message = format!("`{table}.{name}` is of a table that FROM does not name: there is no `{table}`.{hint}");
        return ExpressionError::new("unknown_table", message);
    }
    explain(error, names)
}

/// Refuses all but one query.
pub(super) fn check_statement(session: &SessionContext, text: &str) -> Result<(), DataFusionError> {
    let state = session.state();
    let statement = state.sql_to_statement(text, &state.config_options().sql_parser.dialect)?;
    match statement {
        Statement::Statement(statement) if matches!(*statement, sqlparser::ast::Statement::Query(_)) => Ok(()),
        _ => {
            let word: String = text.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
            let message = format!(
                "{} is no SELECT. A query here reads the rows and gives rows: it begins with SELECT, and nodes of the \
                 Store section write tables.",
                if word.is_empty() { "This".to_owned() } else { format!("`{}`", word.to_uppercase()) }
            );
            Err(DataFusionError::External(Box::new(ExpressionError::new("not_a_select", message))))
        }
    }
}

/// Refuses what can be computed for no row at all, wherever it stands in the query.
pub(super) fn check_constants(plan: &LogicalPlan) -> Result<(), DataFusionError> {
    plan.apply_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        let columns = Arc::new(schema.as_arrow().clone());
        node.apply_expressions(|expr| {
            // What has aggregates or queries in it is compiled as a whole by DataFusion only.
            match CompiledExpression::from_logical(expr.clone().unalias(), &schema, &columns) {
                Err(error) if error.code() == "bad_constant" => Err(DataFusionError::External(Box::new(error))),
                _ => Ok(TreeNodeRecursion::Continue),
            }
        })
    })?;
    Ok(())
}

/// Whether a UNION stands where its two parts would have to meet in one partition: below anything that looks at more than
/// one row.
pub(super) fn has_inner_union(plan: &LogicalPlan) -> Result<bool, DataFusionError> {
    match plan {
        LogicalPlan::Projection(_) | LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) | LogicalPlan::Union(_) => {
            for input in plan.inputs() {
                if has_inner_union(input)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => {
            let mut is_there = false;
            plan.apply_with_subqueries(|node| {
                is_there |= matches!(node, LogicalPlan::Union(_));
                Ok(if is_there { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
            })?;
            Ok(is_there)
        }
    }
}

/// Refuses functions whose result does not follow from their arguments.
pub(super) fn check_functions(plan: &LogicalPlan) -> Result<(), ExpressionError> {
    let mut refused = Ok(());
    let looked = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            refused = check_repeatable(expr);
            Ok(if refused.is_err() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    });
    match looked {
        Err(error) if refused.is_ok() => Err(ExpressionError::new("bad_query", format!("{}.", reason(&error)))),
        _ => refused,
    }
}
