//! Whole SQL queries over named tables, through DataFusion: row by row, or over all rows of the tables at once.
//!
//! Column names are taken as written and integer arithmetic is checked, as in expressions; sums are checked too. Functions
//! that give something else each time are refused: a replay gives what the live run gave. What a query computes of each
//! row alone is cut out of it (`by_rows`), so that a row that fails is named. The rest runs to its end in one call, in
//! one partition, on a thread that belongs to no runtime, so that nothing in DataFusion can wait for another task.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::common::{DFSchema, DataFusionError};
use datafusion::datasource::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use datafusion::prelude::{SessionConfig, SessionContext};

use self::by_rows::{Leaf, as_schema, without_leaves};
use self::check::{check_constants, check_functions, check_statement, explain_query, has_inner_union};
use self::checked::{CheckedSum, with_checked_arithmetic};
use crate::error::NodeError;
use crate::explain::reason;
use crate::expression::{ExpressionError, RowFailure, owned_type};

mod by_rows;
mod check;
mod checked;

pub use self::by_rows::{RowQuery, RowQueryResults};

/// The search for the rows at fault of a query that failed runs it over so many times its rows at most, and over
/// [`SEARCH_ROWS`] more.
const SEARCH_TIMES: usize = 25;

/// With [`TRY_ROWS`], some two seconds for a small query.
const SEARCH_ROWS: usize = 2_000_000;

/// To run a query once costs as much as so many rows do.
const TRY_ROWS: usize = 1_000;

const STACK_BYTES: usize = 16 * 1024 * 1024;

/// A query, planned for tables of known columns.
pub struct SqlQuery {
    session: SessionContext,
    tables: Vec<Arc<MemTable>>,
    /// With arithmetic as it was written; a query by rows is made of it.
    written: LogicalPlan,
    leaves: Vec<Leaf>,
    /// What is left without the leaves, with checked arithmetic.
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
        check_statement(&session, text).map_err(explained)?;
        let planned = ready(session.sql_with_options(text, options)).map_err(explained)?;
        let written = planned.logical_plan().clone();
        check_functions(&written)?;
        let schema = output_schema(&written)?;
        let state = session.state();
        let analyze = |plan: LogicalPlan| {
            state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {}).map_err(explained)
        };
        analyze(written.clone())?;
        check_constants(&written).map_err(explained)?;
        let mut leaves = Vec::new();
        let rest = without_leaves(written.clone(), tables, &mut leaves).map_err(explained)?;
        let checked = with_checked_arithmetic(analyze(rest)?).map_err(explained)?;
        let query = Self { session, tables: providers, written, leaves, checked, schema };
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

    /// The rows of a table for which something cannot be computed that the query computes of each row alone. One list
    /// for each step, each ascending.
    ///
    /// # Errors
    /// When arrays cannot be put together: a defect.
    pub fn failures(&self, table: usize, rows: &RecordBatch) -> Result<Vec<Vec<RowFailure>>, NodeError> {
        let mut failures = Vec::new();
        for leaf in self.leaves.iter().filter(|leaf| leaf.table == table) {
            failures.extend(leaf.query.evaluate(rows)?.failures);
        }
        Ok(failures)
    }

    /// Runs the query over these rows, the tables in the order in which they were given. Values of the rows that
    /// [`Self::failures`] names are null, and their conditions not met.
    ///
    /// # Errors
    /// When something cannot be computed that takes more than a row.
    pub fn run(&self, rows: Vec<RecordBatch>) -> Result<Vec<RecordBatch>, NodeError> {
        for leaf in &self.leaves {
            let rows = rows.get(leaf.table).ok_or_else(|| NodeError::internal("a table has no rows"))?;
            self.fill(&leaf.results, vec![leaf.query.evaluate(rows)?.rows])?;
        }
        for (table, rows) in self.tables.iter().zip(rows) {
            self.fill(table, vec![rows])?;
        }
        let collected = std::thread::scope(|scope| {
            // DataFusion plans by recursion: more room than a thread has by itself.
            let work = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, || self.collect())?;
            work.join().unwrap_or_else(|_| Err(DataFusionError::Internal("the query panicked".to_owned())))
        });
        for table in self.tables.iter().chain(self.leaves.iter().map(|leaf| &leaf.results)) {
            self.fill(table, Vec::new())?;
        }
        let batches = collected.map_err(|error| {
            let message = format!("The query cannot be computed: {}.", reason(&error));
            match error.find_root() {
                DataFusionError::Internal(_) => NodeError::internal(message),
                DataFusionError::IoError(_) | DataFusionError::ResourcesExhausted(_) => NodeError::external(message),
                _ => NodeError::user(message),
            }
        })?;
        batches.iter().map(|batch| as_schema(batch.columns(), batch.num_rows(), &self.schema)).collect()
    }

    /// After [`Self::run`] failed: the table and the rows in it that make it fail each by itself, beside all rows of the
    /// other tables. `None` where the query fails without them too, or where every one of many rows does: then it is no
    /// row's fault. Of several tables that could be blamed, the one with the fewest such rows. The search is bounded, and
    /// finds nothing where it would take too long.
    ///
    /// # Errors
    /// When arrays cannot be put together: a defect.
    pub fn culprits(&self, rows: &[RecordBatch]) -> Result<Option<(usize, Vec<RowFailure>)>, NodeError> {
        let mut found: Option<(usize, Vec<RowFailure>)> = None;
        let num_rows: usize = rows.iter().map(RecordBatch::num_rows).sum();
        let mut rows_left = SEARCH_TIMES * num_rows + SEARCH_ROWS;
        for (table, own) in rows.iter().enumerate() {
            let mut failures = Vec::new();
            self.halve(rows, table, (0, own.num_rows()), &mut rows_left, &mut failures);
            let is_all = failures.len() == own.num_rows() && failures.len() > 1;
            let is_more = found.as_ref().is_some_and(|(_, fewest)| fewest.len() <= failures.len());
            if failures.is_empty() || is_all || is_more || rows_left == 0 {
                continue;
            }
            let mut keeps = vec![true; own.num_rows()];
            failures.iter().for_each(|failure| keeps[failure.row] = false);
            let mut rest = rows.to_vec();
            rest[table] = filter_record_batch(own, &BooleanArray::from(keeps))?;
            if self.run(rest).is_ok() {
                found = Some((table, failures));
            }
        }
        Ok(found)
    }

    fn halve(
        &self,
        rows: &[RecordBatch],
        table: usize,
        (from, to): (usize, usize),
        rows_left: &mut usize,
        failures: &mut Vec<RowFailure>,
    ) {
        let mut part = rows.to_vec();
        part[table] = part[table].slice(from, to - from);
        *rows_left = rows_left.saturating_sub(TRY_ROWS + part.iter().map(RecordBatch::num_rows).sum::<usize>());
        if *rows_left == 0 {
            return;
        }
        match self.run(part) {
            Err(error) if to - from == 1 => failures.push(RowFailure { row: from, reason: error.message }),
            Err(_) if to - from > 1 => {
                let middle = usize::midpoint(from, to);
                self.halve(rows, table, (from, middle), rows_left, failures);
                self.halve(rows, table, (middle, to), rows_left, failures);
            }
            _ => {}
        }
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
        RowQuery::new(&self.written, self.schema.clone())
    }
}

fn partitions(plan: &Arc<dyn ExecutionPlan>) -> usize {
    plan.output_partitioning().partition_count()
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
    use arrow::array::{ArrayRef, Int64Array, StringArray};
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
            let failures = query.failures(0, &batch(&["a", "b"], &[3, extreme])).expect(text);
            assert_eq!(failures.iter().flatten().map(|failure| failure.row).collect::<Vec<_>>(), [1], "{text}");
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
    fn rows_that_fail_are_named_and_the_others_computed_whatever_is_done_with_them() {
        let rows = || batch(&["7", "x", "9", "", "5"], &[1, 2, 3, 4, 5]);
        let good = || batch(&["7", "9", "5"], &[1, 3, 5]);
        let others = || batch(&["7", "y", "9"], &[1, 2, 3]);
        for text in [
            "SELECT sum(CAST(Key AS BIGINT)) AS total, count(*) FILTER (WHERE CAST(Key AS BIGINT) > 6) AS c FROM input",
            "SELECT CAST(Key AS INT) AS k, count(*) AS c FROM input GROUP BY CAST(Key AS INT) ORDER BY k",
            "SELECT CAST(Key AS INT) AS k, n, grouping(n) AS g, count(*) AS c FROM input \
             GROUP BY ROLLUP (CAST(Key AS INT), n) ORDER BY 1, 2, 3, 4",
            "SELECT n FROM input ORDER BY CAST(Key AS INT) DESC LIMIT 2",
            "SELECT n, Key FROM input WHERE CAST(Key AS INT) > 5 ORDER BY n",
            "SELECT DISTINCT CAST(Key AS INT) AS k FROM input WHERE n > 0 ORDER BY k",
            "SELECT n, sum(CAST(Key AS INT)) OVER (ORDER BY CAST(Key AS INT)) AS s FROM input ORDER BY n",
            "SELECT *, row_number() OVER (ORDER BY CAST(Key AS INT)) AS place FROM input ORDER BY n",
            "SELECT i.n, o.n AS m FROM (SELECT CAST(Key AS INT) AS k, n FROM input) i \
             JOIN other o ON CAST(i.k AS VARCHAR) = o.Key ORDER BY 1",
            "SELECT max(CAST(Key AS INT)) AS k FROM (SELECT Key FROM input LIMIT 100) q WHERE 1 = 0",
            "SELECT CAST(Key AS INT) AS k FROM input UNION ALL SELECT n AS k FROM other",
            "WITH q AS (SELECT CAST(Key AS INT) AS k, n FROM input) SELECT a.k, b.n FROM q a JOIN q b ON a.k = b.k ORDER BY 1",
        ] {
            let query = compile(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let json = |batches: Vec<RecordBatch>| batches.iter().flat_map(rows_as_json).collect::<Vec<Value>>();
            let mut failing: Vec<usize> =
                query.failures(0, &rows()).expect(text).into_iter().flatten().map(|f| f.row).collect();
            failing.sort_unstable();
            failing.dedup();
            if text.contains("LIMIT 100") {
                assert!(failing.is_empty(), "{text}");
                continue;
            }
            assert_eq!(failing, [1, 3], "{text}");
            let given = json(query.run(vec![good(), others()]).expect(text));
            // The same in DataFusion's own way, which nothing was cut out of.
            let mut whole = compile(text).expect(text);
            whole.leaves.clear();
            let state = whole.session.state();
            let analyzed = state
                .analyzer()
                .execute_and_check(whole.written.clone(), state.config_options(), |_, _| {})
                .expect(text);
            whole.checked = with_checked_arithmetic(analyzed).expect(text);
            assert!(!given.is_empty(), "{text}");
            assert_eq!(given, json(whole.run(vec![good(), others()]).expect(text)), "{text}");
        }
        let guarded =
            compile("SELECT sum(CAST(Key AS INT)) AS total FROM input WHERE Key <> 'x' AND CAST(Key AS INT) > 5")
                .expect("a query");
        let input = batch(&["7", "x", "9", "5"], &[1, 2, 3, 4]);
        assert!(guarded.failures(0, &input).expect("looks").concat().is_empty());
        let given = guarded.run(vec![input, others()]).expect("runs");
        assert_eq!(given.iter().flat_map(rows_as_json).collect::<Vec<_>>(), [json!({"total": 16})]);
    }

    #[test]
    fn faults_are_explained() {
        for (text, code, part) in [
            ("", "empty_query", "SELECT"),
            ("SELECT * FROM inputt", "unknown_table", "`input`, `other`"),
            ("SELECT m FROM input", "unknown_column", "`m`"),
            ("SELECT nn FROM input", "unknown_column", "Did you mean `n`?"),
            ("SELECT abss(n) FROM input", "unknown_function", "`abs`"),
            (
                "SELECT n, n FROM input",
                "duplicate_column",
                "Two columns of the result are called `n`: name one of them with AS.",
            ),
            ("SELECT n AS a, Key AS a FROM input", "duplicate_column", "are called `a`:"),
            (
                "SELECT sum(Key) FROM input",
                "bad_expression",
                "`sum` takes a number or a length of time, and is given a text",
            ),
            ("SELECT abs(Key) AS a FROM input", "bad_expression", "`abs` takes a number, and is given a text"),
            ("SELECT Key, grouping(n) AS g FROM input GROUP BY Key", "bad_expression", "`grouping(n)`"),
            ("INSERT INTO input VALUES ('a', 1)", "not_a_select", "`INSERT` is no SELECT"),
            ("EXPLAIN SELECT n FROM input", "not_a_select", "`EXPLAIN` is no SELECT"),
            ("SELECT n FROM input; SELECT n FROM input", "bad_expression", "two statements"),
            ("SELECT n FROM input i JOIN other o ON i.n = o.n", "bad_expression", "`n` is in more than one table"),
            ("SELECT sum(n), Key FROM input", "bad_expression", "`Key` is neither a group nor aggregated"),
            ("SELECT n FROM input WHERE Key", "bad_expression", "`Key` gives a text, not true or false"),
            ("SELECT x.n FROM input i", "unknown_table", "`x.n`"),
            ("SELECT n FROM input LIMIT n", "bad_expression", "`n` is a column"),
            ("SELECT lead(n) AS x FROM input", "unknown_function", "OVER"),
            (
                "SELECT max(n) AS n FROM input WHERE Key ~ '('",
                "bad_constant",
                "`(` is no regular expression: unclosed group",
            ),
            ("SELECT count(*) AS c FROM input GROUP BY Key HAVING max(Key) > CAST('x' AS INT)", "bad_constant", "'x'"),
            ("SELECT i.n FROM input i JOIN other o ON i.n = o.n WHERE o.n > 'x'", "bad_constant", "'x'"),
            ("SELECT n FROM", "bad_expression", "found the end"),
            ("SELECT sum(n, n) FROM input", "bad_expression", "`sum` takes 1 argument, and is given 2."),
            ("SELECT random() AS r FROM input", "not_repeatable", "random"),
            ("SELECT now() AS r FROM input", "not_repeatable", "now"),
            ("DROP TABLE input", "not_a_select", "`DROP` is no SELECT"),
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
