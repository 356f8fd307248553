//! `analyze.processing_time_window`: aggregates over windows of the clock on the wall.
//!
//! Holds one table of groups, for the window that is open now: a row belongs to the window in which it arrives, so it
//! is never late, and results depend on when the run took place. Rows in = rows aggregated + rows rejected. The clock is
//! the run's own ([`Output::now_us`]); one that is set back leaves the open window open.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, TimestampMicrosecondArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use millrace_model::card::PortCard;
use millrace_model::event_time::{UTC, timestamp_type};
use millrace_model::{ColumnRef, Interval};
use millrace_operator::aggregate::{AggregatePlan, GroupTable, NamedAggregate};
use millrace_operator::rejected::{self, OnError};
use millrace_operator::{
    BuildContext, CardText, Columns, InferContext, Machine, Node, NodeError, Operator, Output, Partitioning, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::window::{self, ROWS, WINDOW_END, WINDOW_START, keyed, results};
use crate::rejecting::{Rejecting, first_error};
use crate::state::lateness::aligned;
use crate::state::saved;

/// Computes aggregates over windows of the **clock on the wall**, such as the rows that arrived in each minute: for the
/// load of a pipeline, and for rows that have no time of their own.
///
/// A row counts in the window in which it arrives. So a window closes on time even when nothing comes, no row is late,
/// and a replay gives other results than the live run did: where rows have a time, use a Tumbling window. Windows are
/// aligned to 1970-01-01 00:00 UTC; the start belongs to a window, the end does not.
///
/// With size `1 min` and the aggregate `n` = `count(*)`:
///
/// | rows that arrive | window_start | window_end | n |
/// | --- | --- | --- | --- |
/// | two before 10:01, one after | 10:00 | 10:01 | 2 |
/// | | 10:01 | 10:02 | 1 |
///
/// Aggregates are SQL, as in a Tumbling window. A row for which one cannot be computed leaves by the `rejected` port with
/// the reason; so does a result that cannot be computed. The results have no event time. After a restart the window that
/// was open takes rows again, or closes at once when its end has passed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// How long a window is, such as `1 min`.
    pub size: Interval,
    /// One result for each combination of values of these columns. None: one result for each window.
    #[serde(default)]
    pub keys: Vec<ColumnRef>,
    /// What is computed for each window.
    #[serde(default)]
    pub aggregates: Vec<NamedAggregate>,
    /// What becomes of a row, or of a result, that cannot be computed. With `null` it counts as null.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub on_error: OnError,
}

pub struct ProcessingTimeWindow;

/// The `rejected` port: there is no `late` one.
const REJECTED: usize = 1;

impl Node for ProcessingTimeWindow {
    type Params = Params;
    const KIND: &'static str = "analyze.processing_time_window";

    fn card() -> CardText {
        CardText::new("Processing-time window", "Aggregates over windows of the clock on the wall", "clock")
            .input(PortCard::rows("Rows to aggregate as they arrive."))
            .output(PortCard::rows("One row for each window and combination of keys, when the window closes."))
            .output(PortCard::rejected())
            .headline("size")
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![plan(params, cx).map(|plan| plan.schema), Some(rejected::schema())]
    }

    fn partitioning(params: &Params) -> Partitioning {
        keyed(&params.keys)
    }

    fn reads(params: &Params, wanted: &Wanted<'_>) -> Vec<Columns> {
        window::reads(&params.keys, &params.aggregates, None, wanted)
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let inputs = [Some(cx.input().clone())];
        let mut found = InferContext::new(&inputs, None);
        let plan = plan(&params, &mut found);
        let Some(plan) = plan.filter(|_| !found.has_errors()) else {
            return Err(first_error(found.into_problems()));
        };
        Ok(Machine::Operator(Box::new(ProcessingTimeOperator {
            table: plan.aggregates.new_table()?,
            plan,
            rejecting: Rejecting::new(REJECTED, params.on_error),
            start_us: None,
        })))
    }
}

struct Plan {
    schema: SchemaRef,
    size_us: i64,
    aggregates: AggregatePlan,
}

/// What the params mean for the input; faults are reported in `cx`.
fn plan(params: &Params, cx: &mut InferContext<'_>) -> Option<Plan> {
    if params.size.is_zero() {
        cx.error("size", "no_size", "A window must last some time, such as `1 min`.");
    }
    let aggregates = window::compile(&params.keys, &params.aggregates, &[WINDOW_START, WINDOW_END], cx)?;
    let time = |name: &str| Arc::new(Field::new(name, timestamp_type(), false));
    let mut fields: Vec<FieldRef> = vec![time(WINDOW_START), time(WINDOW_END)];
    fields.extend(aggregates.output_schema().fields().iter().cloned());
    let size_us = params.size.as_micros().max(1);
    Some(Plan { schema: Arc::new(Schema::new(fields)), size_us, aggregates })
}

struct ProcessingTimeOperator {
    plan: Plan,
    rejecting: Rejecting,
    /// The rows of the open window.
    table: GroupTable,
    /// When the open window began. `None` before the first row.
    start_us: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    start_us: Option<i64>,
    rejecting: Vec<u8>,
}

impl ProcessingTimeOperator {
    /// Emits the open window when its end has come.
    fn turn(&mut self, now_us: i64, out: &mut Output) -> Result<(), NodeError> {
        if self.start_us.is_some_and(|start_us| now_us >= start_us.saturating_add(self.plan.size_us)) {
            self.close(out)?;
        }
        Ok(())
    }

    fn close(&mut self, out: &mut Output) -> Result<(), NodeError> {
        let Some(start_us) = self.start_us.take() else { return Ok(()) };
        let finished = std::mem::replace(&mut self.table, self.plan.aggregates.new_table()?).finish()?;
        let time = |time_us: i64| -> ArrayRef {
            Arc::new(TimestampMicrosecondArray::from_value(time_us, finished.rows.num_rows()).with_timezone(UTC))
        };
        let window = vec![time(start_us), time(start_us.saturating_add(self.plan.size_us))];
        let rows = results(&self.plan.schema, window, finished, &mut self.rejecting, out)?;
        out.emit(ROWS, rows);
        Ok(())
    }
}

impl Operator for ProcessingTimeOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let now_us = out.now_us();
        self.turn(now_us, out)?;
        let (mut prepared, failures) = self.plan.aggregates.prepare(&batch)?;
        if let Some(keeps) = self.rejecting.sort_out(&batch, &failures, out)? {
            prepared = filter_record_batch(&prepared, &keeps)?;
        }
        if prepared.num_rows() > 0 {
            self.start_us.get_or_insert(aligned(now_us, self.plan.size_us));
            self.table.update(&prepared)?;
        }
        Ok(())
    }

    fn on_tick(&mut self, now_us: i64, out: &mut Output) -> Result<(), NodeError> {
        self.turn(now_us, out)
    }

    fn on_end(&mut self, out: &mut Output) -> Result<(), NodeError> {
        self.close(out)
    }

    fn wants_ticks(&self) -> bool {
        true
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        let header = Header { start_us: self.start_us, rejecting: self.rejecting.snapshot() };
        saved::to_bytes(&header, &[self.table.snapshot()?])
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let (header, [groups]) = saved::from_bytes::<Header, 1>(state)?;
        self.start_us = header.start_us;
        self.rejecting.restore(&header.rejecting)?;
        self.table = self.plan.aggregates.restore_table(&groups)?;
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        self.table.state_bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;
    use arrow::array::{Int64Array, StringArray};
    use arrow::datatypes::DataType;
    use millrace_operator::Clock;
    use millrace_operator::harness::{Harness, assert_node_contract, rows_as_json};
    use millrace_operator::output::Emitted;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("key", DataType::Utf8, true), Field::new("n", DataType::Int64, true)]))
    }

    fn batch(rows: &[(Option<&str>, i64)]) -> RecordBatch {
        let keys: StringArray = rows.iter().map(|row| row.0).collect();
        let numbers: Int64Array = rows.iter().map(|row| Some(row.1)).collect();
        RecordBatch::try_new(schema(), vec![Arc::new(keys), Arc::new(numbers)]).expect("columns fit")
    }

    fn params() -> Value {
        let per = json!({"name": "per", "expression": "sum(100 / n)"});
        json!({"size": "10 s", "keys": ["key"], "aggregates": [{"name": "c", "expression": "count(*)"}, per]})
    }

    /// An operator and a clock that stands where it is put, in seconds.
    struct Bench {
        harness: Harness,
        operator: Box<dyn Operator>,
        now: Arc<Mutex<u64>>,
        out: Output,
    }

    impl Bench {
        fn new() -> Self {
            let harness = Harness::new::<ProcessingTimeWindow>(params(), &[schema()]);
            let Machine::Operator(operator) = harness.build() else { panic!("it is an operator") };
            let now = Arc::new(Mutex::new(0));
            let clock = now.clone();
            let clock = Clock::new(move || Duration::from_secs(*clock.lock().expect("it is not poisoned")));
            Self { harness, operator, now, out: Output::with_clock(clock) }
        }

        fn at(&mut self, seconds: u64) -> &mut Self {
            *self.now.lock().expect("it is not poisoned") = seconds;
            self
        }

        fn push(&mut self, rows: &[(Option<&str>, i64)]) {
            self.operator.on_batch(0, batch(rows), &mut self.out).expect("it takes them");
        }

        fn tick(&mut self) {
            let now_us = self.out.now_us();
            self.operator.on_tick(now_us, &mut self.out).expect("it ticks");
        }

        fn restart(&mut self) {
            let state = self.operator.snapshot().expect("a state");
            let Machine::Operator(operator) = self.harness.build() else { panic!("it is an operator") };
            self.operator = operator;
            self.operator.restore(&state).expect("it goes on");
        }

        /// Start in seconds, key and count of each result, sorted; and how many rows were rejected.
        fn results(&mut self) -> (Vec<(String, Value, Value)>, usize) {
            let (mut rows, mut num_rejected) = (Vec::new(), 0);
            for emitted in self.out.take() {
                match emitted {
                    Emitted::Batch(ROWS, batch) => rows.extend(rows_as_json(&batch)),
                    Emitted::Batch(_, batch) => num_rejected += batch.num_rows(),
                    Emitted::Watermark(_) => {}
                }
            }
            let short = |row: Value| {
                let start = row["window_start"].as_str().expect("a time").to_owned();
                (start, row["key"].clone(), row["c"].clone())
            };
            let mut rows: Vec<_> = rows.into_iter().map(short).collect();
            rows.sort_by_key(|row| (row.0.clone(), row.1.to_string()));
            (rows, num_rejected)
        }
    }

    #[test]
    fn it_keeps_the_contract() {
        assert_node_contract::<ProcessingTimeWindow>(params(), &[schema()]);
        let card = millrace_operator::node::erase::<ProcessingTimeWindow>().card();
        assert!(card.kind.contains("processing_time") && card.title.contains("Processing-time"), "its name says so");
    }

    #[test]
    fn a_row_counts_in_the_window_of_the_clock_in_which_it_arrives() {
        let mut bench = Bench::new();
        bench.at(12).push(&[(Some("a"), 1), (None, 2), (Some("a"), 0)]);
        bench.at(19).tick();
        assert_eq!(bench.results(), (vec![], 1), "the window is open, and a row that cannot be computed is rejected");
        bench.at(20).tick();
        let start = "1970-01-01T00:00:10Z".to_owned();
        assert_eq!(
            bench.results(),
            (vec![(start.clone(), json!("a"), json!(1)), (start, Value::Null, json!(1))], 0),
            "it closes with its end, though nothing comes"
        );
        bench.at(35).push(&[(Some("a"), 1)]);
        bench.at(33).push(&[(Some("a"), 1)]);
        bench.operator.on_end(&mut bench.out).expect("it ends");
        assert_eq!(bench.results().0, [("1970-01-01T00:00:30Z".to_owned(), json!("a"), json!(2))]);
    }

    #[test]
    fn what_cannot_be_is_found_before_the_run() {
        for (change, param) in [(json!({"size": "0 s"}), "size"), (json!({"keys": ["window_end"]}), "keys[0]")] {
            let mut params = params();
            params.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
            let problems = Harness::try_new::<ProcessingTimeWindow>(params, &[schema()]).err().expect("a problem");
            assert_eq!(problems[0].param, param);
        }
    }

    proptest! {
        #[test]
        fn counts_equal_those_of_one_row_at_a_time(
            steps in prop::collection::vec((0_u64..12, prop::sample::select(vec!["a", "b"]), any::<bool>()), 1..40),
        ) {
            let mut expected = std::collections::BTreeMap::new();
            let (mut bench, mut now) = (Bench::new(), 0);
            for (pause, key, restarts) in steps {
                now += pause;
                bench.at(now).push(&[(Some(key), 1)]);
                *expected.entry((now / 10 * 10, key)).or_insert(0) += 1;
                if restarts {
                    bench.restart();
                }
            }
            bench.operator.on_end(&mut bench.out).expect("it ends");
            let (found, _) = bench.results();
            let found: Vec<(String, Value)> = found.into_iter().map(|(_, key, count)| (key.to_string(), count)).collect();
            let expected: Vec<(String, Value)> =
                expected.into_iter().map(|((_, key), count)| (json!(key).to_string(), json!(count))).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
