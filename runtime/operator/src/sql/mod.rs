//! Whole SQL queries over named tables, through DataFusion: row by row, or over all rows of the tables at once.
//!
//! Column names are taken as written and integer arithmetic is checked, as in expressions; sums are checked too. Functions that give something
//! else each time are refused: a replay gives what the live run gave. A query runs to its end in one call, in one
//! partition, on a thread that belongs to no runtime, so that nothing in DataFusion can wait for another task.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{cast, filter, filter_record_batch};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, DataFusionError};
use datafusion::datasource::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use datafusion::prelude::{SessionConfig, SessionContext};

use self::checked::{CheckedSum, with_checked_arithmetic};
use crate::error::NodeError;
use crate::expression::{
    CompiledExpression, ExpressionError, RowFailure, check_repeatable, explain, owned_type, reason,
};

mod checked;

const STACK_BYTES: usize = 16 * 1024 * 1024;

/// A query, planned for tables of known columns.
pub struct SqlQuery {
    session: SessionContext,
    tables: Vec<Arc<MemTable>>,
    /// With arithmetic as it was written; a query by rows is made of it.
    written: LogicalPlan,
    /// With checked arithmetic.
    checked: LogicalPlan,
    schema: SchemaRef,
}

impl SqlQuery {
    /// # Errors
    /// A text that is not one SELECT, names an unknown table, column or function, or cannot be run as a whole.
    pub fn compile(text: &str, tables: &[(&str, SchemaRef)]) -> Result<Self, ExpressionError> {
        if text.trim().is_empty() {
            return Err(ExpressionError::new("empty_query", "Write a query, such as `SELECT * FROM input`."));
        }
        let mut known: Vec<FieldRef> = Vec::new();
        for field in tables.iter().flat_map(|(_, schema)| schema.fields()) {
            if known.iter().all(|other| other.name() != field.name()) {
                known.push(field.clone());
            }
        }
        let names = DFSchema::try_from(Schema::new(known))
            .map_err(|error| ExpressionError::new("bad_query", format!("The input cannot be used: {error}.")))?;
        let explained = |error: DataFusionError| explain_query(&error, &names, tables);

        let mut config = SessionConfig::new().with_target_partitions(1).with_information_schema(false);
        let parser = &mut config.options_mut().sql_parser;
        parser.enable_ident_normalization = false;
        parser.map_string_types_to_utf8view = false;
        let state = SessionStateBuilder::new().with_config(config).with_default_features().build();
        let session = SessionContext::new_with_state(state);
        session.register_udaf(CheckedSum::function());
        let mut providers = Vec::with_capacity(tables.len());
        for (name, schema) in tables {
            let provider = Arc::new(MemTable::try_new(schema.clone(), vec![Vec::new()]).map_err(explained)?);
            session
                .register_table(datafusion::common::TableReference::bare(*name), provider.clone())
                .map_err(explained)?;
            providers.push(provider);
        }
        let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        let planned = ready(session.sql_with_options(text, options)).map_err(explained)?;
        let written = planned.logical_plan().clone();
        check_functions(&written)?;
        let state = session.state();
        let analyzed = state
            .analyzer()
            .execute_and_check(written.clone(), state.config_options(), |_, _| {})
            .map_err(explained)?;
        let checked = with_checked_arithmetic(analyzed).map_err(explained)?;
        let schema = output_schema(&written)?;
        let query = Self { session, tables: providers, written, checked, schema };
        query.physical().map_err(explained)?;
        if has_inner_union(&query.written).map_err(explained)? {
            return Err(ExpressionError::new(
                "bad_query",
                "A UNION inside of a query cannot be run: put a Union node before this one.",
            ));
        }
        Ok(query)
    }

    /// The columns of the result; all may be null.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Runs the query over these rows, the tables in the order in which they were given.
    ///
    /// # Errors
    /// When it cannot be computed for them.
    pub fn run(&self, rows: Vec<RecordBatch>) -> Result<Vec<RecordBatch>, NodeError> {
        for (table, rows) in self.tables.iter().zip(rows) {
            self.fill(table, vec![rows])?;
        }
        let collected = std::thread::scope(|scope| {
            // DataFusion plans by recursion: more room than a thread has by itself.
            let work = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, || self.collect())?;
            work.join().unwrap_or_else(|_| Err(DataFusionError::Internal("the query panicked".to_owned())))
        });
        for table in &self.tables {
            self.fill(table, Vec::new())?;
        }
        let batches =
            collected.map_err(|error| NodeError::user(format!("The query cannot be computed: {}.", reason(&error))))?;
        batches.iter().map(|batch| as_schema(batch.columns(), batch.num_rows(), &self.schema)).collect()
    }

    fn fill(&self, table: &MemTable, rows: Vec<RecordBatch>) -> Result<(), NodeError> {
        let partition = table.batches.first().ok_or_else(|| NodeError::internal("a table has one partition"))?;
        let mut partition = partition.try_write().map_err(|_| NodeError::internal("a table is in use"))?;
        *partition = rows;
        Ok(())
    }

    fn physical(&self) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        ready(self.session.state().create_physical_plan(&self.checked))
    }

    fn collect(&self) -> Result<Vec<RecordBatch>, DataFusionError> {
        let plan = self.physical()?;
        let mut batches = Vec::new();
        for partition in 0..partitions(&plan) {
            let mut stream = plan.execute(partition, self.session.task_ctx())?;
            while let Some(batch) = wait(std::future::poll_fn(|cx| stream.as_mut().poll_next(cx))) {
                batches.push(batch?);
            }
        }
        Ok(batches)
    }

    /// The query as steps that look at one row at a time, over batches of the first table.
    ///
    /// # Errors
    /// When a result needs more than one row.
    pub fn by_rows(&self) -> Result<RowQuery, ExpressionError> {
        let mut steps = Vec::new();
        add_steps(&self.written, &mut steps)?;
        Ok(RowQuery { steps, schema: self.schema.clone() })
    }
}

fn partitions(plan: &Arc<dyn ExecutionPlan>) -> usize {
    plan.output_partitioning().partition_count()
}

fn as_schema(columns: &[ArrayRef], num_rows: usize, schema: &SchemaRef) -> Result<RecordBatch, NodeError> {
    let columns = columns.iter().zip(schema.fields()).map(|(column, field)| cast(column, field.data_type()));
    let options = RecordBatchOptions::new().with_row_count(Some(num_rows));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns.collect::<Result<_, _>>()?, &options)?)
}

fn output_schema(plan: &LogicalPlan) -> Result<SchemaRef, ExpressionError> {
    let mut fields: Vec<Field> = Vec::new();
    for field in plan.schema().fields() {
        let name = field.name();
        if fields.iter().any(|other| other.name() == name) {
            let message = format!("The query gives two columns called `{name}`: name one of them with AS.");
            return Err(ExpressionError::new("duplicate_column", message));
        }
        let data_type = match owned_type(field.data_type().clone()) {
            DataType::Null => DataType::Utf8,
            data_type => data_type,
        };
        fields.push(Field::new(name, data_type, true));
    }
    Ok(Arc::new(Schema::new(fields)))
}

fn explain_query(error: &DataFusionError, names: &DFSchema, tables: &[(&str, SchemaRef)]) -> ExpressionError {
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
    explain(error, names)
}

/// Whether a UNION stands where its two parts would have to meet in one partition: below anything that looks at more than
/// one row.
fn has_inner_union(plan: &LogicalPlan) -> Result<bool, DataFusionError> {
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
fn check_functions(plan: &LogicalPlan) -> Result<(), ExpressionError> {
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
        let has_query = expr
            .exists(|part| Ok(matches!(part, Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_))))
            .unwrap_or(true);
        if has_query {
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

/// What a future gives that computes and never waits.
fn ready<T>(future: impl Future<Output = Result<T, DataFusionError>>) -> Result<T, DataFusionError> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(DataFusionError::Internal("planning a query waits for nothing".to_owned())),
    }
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future to its end on this thread.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::rows_as_json;
    use arrow::array::{Int64Array, StringArray};
    use serde_json::{Value, json};

    fn batch(keys: &[&str], numbers: &[i64]) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable([
            ("Key", Arc::new(StringArray::from(keys.to_vec())) as ArrayRef, true),
            ("n", Arc::new(Int64Array::from(numbers.to_vec())) as ArrayRef, true),
        ])
        .expect("columns fit")
    }

    fn compile(text: &str) -> Result<SqlQuery, ExpressionError> {
        let schema = batch(&[], &[]).schema();
        SqlQuery::compile(text, &[("input", schema.clone()), ("other", schema)])
    }

    fn run(text: &str, input: RecordBatch, other: RecordBatch) -> Vec<Value> {
        let query = compile(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let batches = query.run(vec![input, other]).expect("runs");
        batches.iter().flat_map(rows_as_json).collect()
    }

    #[test]
    fn a_query_may_join_group_sort_and_run_again() {
        let query = compile(
            "SELECT i.Key AS k, sum(i.n + o.n) AS total FROM input i JOIN other o ON i.Key = o.Key GROUP BY i.Key ORDER BY 1",
        )
        .expect("a query");
        for _ in 0..2 {
            let input = batch(&["b", "a", "b"], &[1, 2, 3]);
            let batches = query.run(vec![input, batch(&["a", "b"], &[10, 20])]).expect("runs");
            let rows: Vec<Value> = batches.iter().flat_map(rows_as_json).collect();
            assert_eq!(rows, [json!({"k": "a", "total": 12}), json!({"k": "b", "total": 44})]);
        }
        let rows = run(
            "SELECT Key, row_number() OVER (PARTITION BY Key ORDER BY n DESC) AS place FROM input WHERE n > \
             (SELECT min(n) FROM other) ORDER BY Key, place",
            batch(&["a", "b", "a"], &[5, 6, 7]),
            batch(&["x"], &[4]),
        );
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[1], json!({"Key": "a", "place": 2}));
        let rows = run("SELECT n FROM input UNION ALL SELECT n FROM other", batch(&["a"], &[1]), batch(&["b"], &[2]));
        assert_eq!(rows.len(), 2);
    }

    #[test]
    fn an_overflow_is_an_error_and_not_a_wrong_number() {
        for (text, extreme) in [
            ("SELECT n + 1 AS m FROM input", i64::MAX),
            ("SELECT sum(n * 2) FROM input", i64::MAX),
            ("SELECT n FROM input WHERE n - -1 > 0", i64::MAX),
            ("SELECT -n AS m FROM input", i64::MIN),
        ] {
            let query = compile(text).expect(text);
            let rows = vec![batch(&["a"], &[extreme]), batch(&[], &[])];
            assert!(query.run(rows).is_err(), "{text}");
            let rows = vec![batch(&["a"], &[3]), batch(&[], &[])];
            assert_eq!(query.run(rows).expect(text).iter().map(RecordBatch::num_rows).sum::<usize>(), 1, "{text}");
        }
    }

    #[test]
    fn a_sum_that_does_not_fit_is_an_error_and_one_that_comes_back_into_range_is_not() {
        let others = || batch(&[], &[]);
        for text in [
            "SELECT sum(n) AS total FROM input",
            "SELECT sum(n + 0) AS total FROM input",
            "SELECT Key, sum(n) AS total FROM input GROUP BY Key",
            "SELECT sum(DISTINCT n - 1) AS total, count(DISTINCT Key) AS k FROM input",
            "SELECT max(total) AS total FROM (SELECT sum(n) AS total FROM input GROUP BY Key) q",
            "SELECT Key FROM input GROUP BY Key HAVING sum(n) > 0",
            "SELECT sum(n) OVER (PARTITION BY Key) AS total FROM input",
            "SELECT sum(n) OVER (ORDER BY n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS total FROM input",
            "SELECT n FROM input WHERE n < (SELECT sum(n) FROM input)",
        ] {
            let query = compile(text).expect(text);
            let rows = batch(&["a", "a"], &[i64::MAX, 9]);
            let error = query.run(vec![rows, others()]).expect_err(text).to_string();
            assert!(error.contains("64 bits"), "{text}: {error}");
            let rows = batch(&["a", "a", "a"], &[i64::MAX - 1, 9, -9]);
            if !text.contains("OVER") {
                query.run(vec![rows, others()]).expect(text);
            }
        }
        let rows = run(
            "SELECT sum(n) AS total, sum(n) FILTER (WHERE n < 0) AS none, sum(DISTINCT n) AS once, \
             avg(n) AS mean FROM input",
            batch(&["a", "a", "a"], &[2, 2, 5]),
            others(),
        );
        assert_eq!(rows, [json!({"total": 9, "none": null, "once": 7, "mean": 3.0})]);
        let text = "SELECT sum(n) OVER (ORDER BY n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS total FROM input";
        let rows = run(text, batch(&["a", "a", "a"], &[1, 2, i64::MAX - 2]), others());
        assert_eq!(rows, [json!({"total": 1}), json!({"total": 3}), json!({"total": i64::MAX})]);
    }

    #[test]
    fn faults_are_explained() {
        for (text, code, part) in [
            ("", "empty_query", "SELECT"),
            ("SELECT * FROM inputt", "unknown_table", "`input`, `other`"),
            ("SELECT m FROM input", "unknown_column", "`m`"),
            ("SELECT nn FROM input", "unknown_column", "Did you mean `n`?"),
            ("SELECT abss(n) FROM input", "unknown_function", "`abs`"),
            ("SELECT n, n FROM input", "bad_query", ""),
            ("SELECT random() AS r FROM input", "not_repeatable", "random"),
            ("SELECT now() AS r FROM input", "not_repeatable", "now"),
            ("DROP TABLE input", "bad_expression", ""),
            ("SELECT", "bad_expression", ""),
            ("SELECT count(*) AS c FROM (SELECT n FROM input UNION ALL SELECT n FROM other) q", "bad_query", "Union"),
        ] {
            let error = compile(text).err().unwrap_or_else(|| panic!("{text} is refused"));
            assert!(error.to_string().contains(part), "{text}: {error}");
            assert!(error.code() == code || code == "bad_query", "{text}: {} {error}", error.code());
        }
    }

    #[test]
    fn a_query_by_rows_names_the_rows_that_fail() {
        let query =
            compile("SELECT Key, 100 / n AS share FROM (SELECT * FROM input WHERE n + 1 > 0) q").expect("a query");
        let rows = query.by_rows().expect("by rows");
        let results = rows.evaluate(&batch(&["a", "b", "c", "d"], &[5, 0, -7, i64::MAX])).expect("evaluates");
        assert_eq!(rows_as_json(&results.rows), [json!({"Key": "a", "share": 20}), json!({"Key": "b", "share": null})]);
        assert_eq!(results.origins.values().to_vec(), [0, 1]);
        let failed: Vec<usize> = results.failures.iter().flatten().map(|failure| failure.row).collect();
        assert_eq!(failed, [3, 1]);
        assert_eq!((rows.origin_of(0), rows.origin_of(1)), (Some(0), None));
        for text in
            ["SELECT count(*) AS c FROM input", "SELECT n FROM input ORDER BY n", "SELECT DISTINCT n FROM input"]
        {
            assert_eq!(compile(text).expect(text).by_rows().err().expect(text).code(), "needs_window");
        }
    }
}
