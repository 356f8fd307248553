//! Queries, and parts of queries, that look at one row at a time: steps of compiled expressions.
//!
//! A row for which something cannot be computed is named with the reason, and does not trouble the others. A query over
//! many rows has such parts too: from a table up to the first step that needs more than one row. They are cut out here
//! as a [`Leaf`] and computed in the same way; what is left of the query reads their results as tables.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{cast, filter, filter_record_batch};
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DataFusionError, TableReference};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Projection};

use crate::error::NodeError;
use crate::expression::{CompiledExpression, ExpressionError, RowFailure, owned_type};

/// A query that looks at one row at a time.
pub struct RowQuery {
    steps: Vec<Step>,
    schema: SchemaRef,
}

enum Step {
    Filter(CompiledExpression),
    /// The columns, and where a column is one of the step before, which.
    Project(Vec<CompiledExpression>, Vec<Option<usize>>, SchemaRef),
}

/// What a [`RowQuery`] gave for a batch.
pub struct RowQueryResults {
    /// The rows that the query gives; values that could not be computed are null.
    pub rows: RecordBatch,
    /// For each of them the row of the input.
    pub origins: UInt32Array,
    /// The rows of the input for which something could not be computed, ascending for each step.
    pub failures: Vec<Vec<RowFailure>>,
}

fn add_steps(plan: &LogicalPlan, steps: &mut Vec<Step>) -> Result<(), ExpressionError> {
    let needs_rows = |what: &str| {
        let message = format!("{what} needs many rows: give a window, or use a node of the Analyze section.");
        ExpressionError::new("needs_window", message)
    };
    let compile = |expr: &Expr, input: &LogicalPlan| {
        if has_query(expr) {
            return Err(needs_rows("A sub-query"));
        }
        let schema: SchemaRef = Arc::new(input.schema().as_arrow().clone());
        CompiledExpression::from_logical(expr.clone(), input.schema(), &schema)
    };
    match plan {
        LogicalPlan::TableScan(_) => Ok(()),
        LogicalPlan::SubqueryAlias(alias) => add_steps(&alias.input, steps),
        LogicalPlan::Filter(filter) => {
            add_steps(&filter.input, steps)?;
            steps.push(Step::Filter(compile(&filter.predicate, &filter.input)?));
            Ok(())
        }
        LogicalPlan::Projection(projection) => {
            add_steps(&projection.input, steps)?;
            let mut columns = Vec::with_capacity(projection.expr.len());
            let mut fields = Vec::with_capacity(projection.expr.len());
            let mut origins = Vec::with_capacity(projection.expr.len());
            for (expr, field) in projection.expr.iter().zip(projection.schema.fields()) {
                let column = compile(expr, &projection.input)?;
                fields.push(column.field(field.name()));
                let origin = expr.clone().unalias().try_as_col().cloned();
                origins.push(origin.and_then(|column| projection.input.schema().maybe_index_of_column(&column)));
                columns.push(column);
            }
            steps.push(Step::Project(columns, origins, Arc::new(Schema::new(fields))));
            Ok(())
        }
        LogicalPlan::Aggregate(_) => Err(needs_rows("An aggregate")),
        LogicalPlan::Window(_) => Err(needs_rows("A window function")),
        LogicalPlan::Sort(_) => Err(needs_rows("ORDER BY")),
        LogicalPlan::Limit(_) => Err(needs_rows("LIMIT")),
        LogicalPlan::Distinct(_) => Err(needs_rows("DISTINCT")),
        LogicalPlan::Join(_) => Err(needs_rows("A join")),
        LogicalPlan::EmptyRelation(_) | LogicalPlan::Values(_) => {
            Err(ExpressionError::new("bad_query", "The query reads from no table: write `FROM input`."))
        }
        _ => Err(needs_rows("This query")),
    }
}

impl RowQuery {
    /// # Errors
    /// When a result needs more than one row.
    pub(super) fn new(plan: &LogicalPlan, schema: SchemaRef) -> Result<Self, ExpressionError> {
        let mut steps = Vec::new();
        add_steps(plan, &mut steps)?;
        Ok(Self { steps, schema })
    }

    /// Whether it does more than pass columns on, so that a row may fail.
    fn computes(&self) -> bool {
        self.steps.iter().any(|step| match step {
            Step::Filter(_) => true,
            Step::Project(expressions, ..) => expressions.iter().any(|expression| expression.column().is_none()),
        })
    }

    /// The column of the input that a column of the result is, unchanged; `None` for one that is computed.
    pub fn origin_of(&self, column: usize) -> Option<usize> {
        self.steps.iter().rev().try_fold(column, |column, step| match step {
            Step::Filter(_) => Some(column),
            Step::Project(_, origins, _) => origins.get(column).copied().flatten(),
        })
    }

    /// # Errors
    /// When arrays cannot be put together: a defect.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<RowQueryResults, NodeError> {
        let num_rows = u32::try_from(batch.num_rows()).map_err(|_| NodeError::internal("a batch has too many rows"))?;
        let mut origins = UInt32Array::from_iter_values(0..num_rows);
        let mut rows = batch.clone();
        let mut failures = Vec::new();
        for step in &self.steps {
            let mut note = |found: Vec<RowFailure>, origins: &UInt32Array| {
                let named = found
                    .into_iter()
                    .map(|failure| RowFailure { row: origins.value(failure.row) as usize, reason: failure.reason });
                failures.push(named.collect::<Vec<_>>());
            };
            match step {
                Step::Filter(condition) => {
                    let (passes, failed) = condition.evaluate_predicate(&rows)?;
                    note(failed, &origins);
                    if passes.true_count() < rows.num_rows() {
                        rows = filter_record_batch(&rows, &passes)?;
                        let passed = filter(&origins, &passes)?;
                        origins = arrow::array::AsArray::as_primitive(passed.as_ref()).clone();
                    }
                }
                Step::Project(expressions, _, schema) => {
                    let mut columns = Vec::with_capacity(expressions.len());
                    for expression in expressions {
                        let results = expression.evaluate_rows(&rows)?;
                        note(results.failures, &origins);
                        columns.push(results.values);
                    }
                    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
                    rows = RecordBatch::try_new_with_options(schema.clone(), columns, &options)?;
                }
            }
        }
        let rows = as_schema(rows.columns(), rows.num_rows(), &self.schema)?;
        Ok(RowQueryResults { rows, origins, failures })
    }
}

/// Whether the plan looks at one row of one table at a time.
fn is_by_rows(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::TableScan(_) => true,
        LogicalPlan::SubqueryAlias(_) | LogicalPlan::Filter(_) | LogicalPlan::Projection(_) => {
            !plan.expressions().iter().any(has_query) && plan.inputs().into_iter().all(is_by_rows)
        }
        _ => false,
    }
}

fn has_query(expr: &Expr) -> bool {
    expr.exists(|part| Ok(matches!(part, Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_))))
        .unwrap_or(true)
}

/// The part of a query that computes one row after the other, from one table.
pub(super) struct Leaf {
    /// The table, by its place among those of the query.
    pub(super) table: usize,
    pub(super) query: RowQuery,
    /// What the rest of the query reads.
    pub(super) results: Arc<MemTable>,
}

/// `plan` with its row by row parts cut out, which are added to `leaves`. Parts that only pass columns on stay.
pub(super) fn without_leaves(
    plan: LogicalPlan,
    tables: &[(&str, SchemaRef)],
    leaves: &mut Vec<Leaf>,
) -> Result<LogicalPlan, DataFusionError> {
    if is_by_rows(&plan) {
        return leaf(plan, tables, leaves);
    }
    let plan = match &plan {
        LogicalPlan::Aggregate(_) | LogicalPlan::Window(_) | LogicalPlan::Sort(_)
            if plan.inputs().into_iter().all(is_by_rows) =>
        {
            with_arguments_below(plan)?
        }
        _ => plan,
    };
    let cut = plan.map_children(|input| without_leaves(input, tables, leaves).map(Transformed::yes))?;
    cut.data.recompute_schema()
}

/// `plan` with the arguments of its functions, its groups and its order computed by a projection below it.
fn with_arguments_below(plan: LogicalPlan) -> Result<LogicalPlan, DataFusionError> {
    let columns = columns_of(&plan);
    let Some(input) = plan.inputs().first().map(|input| (*input).clone()) else { return Ok(plan) };
    let mut computed: Vec<Expr> = Vec::new();
    // What is grouped by in several ways is named by how it is written: it is computed below to see whether it can be.
    let is_replaced = !plan.expressions().iter().any(|expr| matches!(expr, Expr::GroupingSet(_)));
    let names = NamePreserver::new(&plan);
    let plan = plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let expr = expr.transform_down(|part| {
            if matches!(
                part,
                Expr::AggregateFunction(_) | Expr::WindowFunction(_) | Expr::Alias(_) | Expr::GroupingSet(_)
            ) {
                return Ok(Transformed::no(part));
            }
            let stop = TreeNodeRecursion::Jump;
            if matches!(part, Expr::Column(_)) || part.column_refs().is_empty() || has_query(&part) {
                return Ok(Transformed::new(part, false, stop));
            }
            let place = computed.iter().position(|other| *other == part).unwrap_or(computed.len());
            if place == computed.len() {
                computed.push(part.clone());
            }
            if !is_replaced {
                return Ok(Transformed::new(part, false, stop));
            }
            Ok(Transformed::new(Expr::Column(Column::from_name(argument(place))), true, stop))
        })?;
        Ok(expr.update_data(|expr| name.restore(expr)))
    })?;
    if computed.is_empty() {
        return Ok(plan.data);
    }
    let mut below = columns_of(&input);
    below.extend(computed.into_iter().enumerate().map(|(place, expr)| expr.alias(argument(place))));
    let below = LogicalPlan::Projection(Projection::try_new(below, Arc::new(input))?);
    let plan = plan.data.map_children(|_| Ok(Transformed::yes(below.clone())))?.data.recompute_schema()?;
    if columns_of(&plan) == columns {
        return Ok(plan);
    }
    Ok(LogicalPlan::Projection(Projection::try_new(columns, Arc::new(plan))?))
}

fn argument(place: usize) -> String {
    format!("computed argument {place}")
}

fn columns_of(plan: &LogicalPlan) -> Vec<Expr> {
    plan.schema().columns().into_iter().map(Expr::Column).collect()
}

fn leaf(
    plan: LogicalPlan,
    tables: &[(&str, SchemaRef)],
    leaves: &mut Vec<Leaf>,
) -> Result<LogicalPlan, DataFusionError> {
    let mut table = None;
    plan.apply(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            table = tables.iter().position(|(name, _)| *name == scan.table_name.table());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    let fields = plan.schema().fields().iter().enumerate();
    let fields =
        fields.map(|(place, field)| Field::new(format!("column {place}"), owned_type(field.data_type().clone()), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let query = RowQuery::new(&plan, schema.clone()).map_err(|error| DataFusionError::External(Box::new(error)))?;
    let Some(table) = table.filter(|_| query.computes()) else { return Ok(plan) };

    let results = Arc::new(MemTable::try_new(schema, vec![Vec::new()])?);
    let name = TableReference::bare(format!("computed {}", leaves.len()));
    let scan = LogicalPlanBuilder::scan(name, provider_as_source(results.clone()), None)?.build()?;
    let sources = scan.schema().columns().into_iter();
    let named = sources
        .zip(plan.schema().iter())
        .map(|(source, (relation, field))| Expr::Column(source).alias_qualified(relation.cloned(), field.name()));
    let read = Projection::try_new(named.collect(), Arc::new(scan))?;
    leaves.push(Leaf { table, query, results });
    Ok(LogicalPlan::Projection(read))
}

pub(super) fn as_schema(columns: &[ArrayRef], num_rows: usize, schema: &SchemaRef) -> Result<RecordBatch, NodeError> {
    let columns = columns.iter().zip(schema.fields()).map(|(column, field)| cast(column, field.data_type()));
    let options = RecordBatchOptions::new().with_row_count(Some(num_rows));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns.collect::<Result<_, _>>()?, &options)?)
}
