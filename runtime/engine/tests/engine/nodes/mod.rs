//! Nodes made for the engine's tests. Rows are `n` (a number), `key` (`n % keys`, null where that is 0) and `time`
//! (`n` seconds). What a node did is written into the record that its params name.

mod borders;
mod last;
mod middle;
mod windows;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use arrow::array::{AsArray, BooleanArray, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use async_trait::async_trait;
use millrace_model::event_time::{UTC, timestamp_type, with_event_time};
use millrace_model::{Interval, PortCard, PortRole};
use millrace_operator::node::erase;
use millrace_operator::{
    BuildContext, CardText, InferContext, Machine, Node, NodeError, Operator, Output, Partitioning, Registry, Source,
    SourceContext, SourceEvent, State,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the nodes of one test did.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// `n`, `key` and (0 where there is none) `count` of each row that a sink wrote.
    pub rows: Vec<(i64, Option<i64>, i64)>,
    /// `open`, `finish`, `abort` of sinks, in order.
    pub events: Vec<String>,
    /// Rows that sources emitted.
    pub num_emitted: usize,
    pub largest_batch: usize,
}

static RECORDS: LazyLock<Mutex<BTreeMap<String, Record>>> = LazyLock::new(Mutex::default);

pub fn record(name: &str) -> Record {
    RECORDS.lock().unwrap().get(name).cloned().unwrap_or_default()
}

pub fn forget(name: &str) {
    RECORDS.lock().unwrap().remove(name);
}

fn note(name: &str, change: impl FnOnce(&mut Record)) {
    change(RECORDS.lock().unwrap().entry(name.to_owned()).or_default());
}

pub fn registry() -> Registry {
    Registry::new([
        erase::<Count>(),
        erase::<Sieve>(),
        erase::<Both>(),
        erase::<Swap>(),
        erase::<Running>(),
        erase::<Meet>(),
        erase::<borders::Nest>(),
        erase::<borders::WayIn>(),
        erase::<borders::WayOut>(),
        erase::<windows::Windows>(),
        erase::<middle::Trap>(),
        erase::<middle::Clock>(),
        erase::<last::Collect>(),
        erase::<last::Total>(),
    ])
}

pub fn schema() -> SchemaRef {
    let fields = vec![
        Field::new("n", DataType::Int64, false),
        Field::new("key", DataType::Int64, true),
        Field::new("time", timestamp_type(), false),
    ];
    with_event_time(&Schema::new(fields), Some("time"))
}

pub fn rows(numbers: impl Iterator<Item = i64> + Clone, keys: i64) -> RecordBatch {
    let key = |n: i64| Some(n % keys).filter(|key| *key != 0);
    let times = TimestampMicrosecondArray::from_iter_values(numbers.clone().map(|n| n * 1_000_000));
    RecordBatch::try_new(
        schema(),
        vec![
            Arc::new(Int64Array::from_iter_values(numbers.clone())),
            Arc::new(Int64Array::from_iter(numbers.map(key))),
            Arc::new(times.with_timezone(UTC)),
        ],
    )
    .unwrap()
}

/// One row, whatever its key is made from.
fn row(n: i64, key: Option<i64>) -> RecordBatch {
    let mut columns = rows(n..n + 1, 1).columns().to_vec();
    columns[1] = Arc::new(Int64Array::from(vec![key]));
    RecordBatch::try_new(schema(), columns).unwrap()
}

fn number_and_key(row: &RecordBatch) -> (i64, Option<i64>) {
    (column(row, "n").value(0), column(row, "key").iter().next().flatten())
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> &'a Int64Array {
    batch.column_by_name(name).unwrap().as_primitive::<Int64Type>()
}

/// Counts.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CountParams {
    /// Rows to make.
    #[serde(default)]
    rows: i64,
    /// First number.
    #[serde(default)]
    from: i64,
    /// Distinct keys.
    #[serde(default = "one")]
    keys: i64,
    /// Rows at once, whatever size is aimed for; 0 to go by that.
    #[serde(default)]
    burst: i64,
    /// After its rows: wait for ever instead of ending.
    #[serde(default)]
    endless: bool,
    /// Wait until a sink has written rows into this record.
    #[serde(default)]
    after: String,
    /// Fail to open.
    #[serde(default)]
    broken: bool,
    #[serde(default)]
    record: String,
    /// Idle after this time; none: as the run says.
    #[serde(default)]
    idle_timeout: Option<Interval>,
}

fn one() -> i64 {
    1
}

struct Count;

impl Node for Count {
    type Params = CountParams;
    const KIND: &'static str = "ingest.count";

    fn card() -> CardText {
        CardText::new("Count", "Counts", "hash").output(PortCard::rows("Numbers."))
    }

    fn infer(_: &CountParams, _: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![Some(schema())]
    }

    fn build(params: CountParams, _: &BuildContext) -> Result<Machine, NodeError> {
        Ok(Machine::Source(Box::new(CountSource { done: 0, params })))
    }
}

struct CountSource {
    done: i64,
    params: CountParams,
}

#[async_trait]
impl Source for CountSource {
    async fn open(&mut self) -> Result<(), NodeError> {
        if self.params.broken { Err(NodeError::external("there is nothing to read")) } else { Ok(()) }
    }

    async fn next(&mut self, cx: &mut SourceContext<'_>) -> Result<SourceEvent, NodeError> {
        if !self.params.after.is_empty() && record(&self.params.after).rows.is_empty() {
            return Ok(SourceEvent::Idle(Duration::from_millis(5)));
        }
        let at_once = if self.params.burst > 0 { self.params.burst } else { cx.batch_size as i64 };
        let count = (self.params.rows - self.done).min(at_once);
        if count == 0 {
            let pause = Duration::from_millis(5);
            return Ok(if self.params.endless { SourceEvent::Idle(pause) } else { SourceEvent::End });
        }
        let start = self.params.from + self.done;
        self.done += count;
        note(&self.params.record, |record| record.num_emitted += count as usize);
        cx.output.emit(0, rows(start..start + count, self.params.keys));
        cx.output.watermark((start + count - 1) * 1_000_000);
        Ok(SourceEvent::More)
    }

    fn snapshot(&mut self) -> Result<State, NodeError> {
        Ok(self.done.to_le_bytes().to_vec())
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        self.done = i64::from_le_bytes(state.try_into().unwrap());
        Ok(())
    }

    fn idle_timeout(&self) -> Option<Duration> {
        self.params.idle_timeout.map(Interval::duration)
    }

    fn status(&self) -> Option<String> {
        Some(format!("at {}", self.done))
    }
}

/// Keeps, leaves out, or rejects rows by their number.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SieveParams {
    /// The column to look at.
    column: String,
    /// Rows that this divides are rejected; none where it is 0.
    #[serde(default)]
    reject: i64,
    /// Other rows that this divides are left out; none where it is 0.
    #[serde(default)]
    drop: i64,
}

struct Sieve;

impl Node for Sieve {
    type Params = SieveParams;
    const KIND: &'static str = "process.sieve";

    fn card() -> CardText {
        CardText::new("Sieve", "Sieves", "funnel")
            .input(PortCard::rows("Rows."))
            .output(PortCard::rows("Rows."))
            .output(PortCard::rejected())
    }

    fn infer(params: &SieveParams, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        if let Some(schema) = cx.input() {
            cx.column("column", &params.column, &schema);
        }
        let output = cx.input().filter(|_| !cx.has_errors());
        vec![output.clone(), output]
    }

    fn partitioning(_: &SieveParams) -> Partitioning {
        Partitioning::Stateless
    }

    fn build(params: SieveParams, _: &BuildContext) -> Result<Machine, NodeError> {
        Ok(Machine::Operator(Box::new(SieveOperator(params))))
    }
}

struct SieveOperator(SieveParams);

impl Operator for SieveOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let divides = |divisor: i64, n: i64| divisor != 0 && n % divisor == 0;
        let way = |n: i64| match (divides(self.0.reject, n), divides(self.0.drop, n)) {
            (true, _) => 1,
            (false, true) => 2,
            (false, false) => 0,
        };
        let ways: Vec<usize> = column(&batch, &self.0.column).values().iter().map(|n| way(*n)).collect();
        for port in 0..2 {
            let mask: BooleanArray = ways.iter().map(|way| Some(*way == port)).collect();
            out.emit(port, filter_record_batch(&batch, &mask)?);
        }
        out.drop_rows(ways.iter().filter(|way| **way == 2).count());
        Ok(())
    }
}

/// Nothing to set.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoParams {}

/// Joins wires.
struct Both;

impl Node for Both {
    type Params = NoParams;
    const KIND: &'static str = "process.both";

    fn card() -> CardText {
        CardText::new("Both", "Joins wires", "link")
            .input(PortCard::rows("Rows.").many_wires())
            .output(PortCard::rows("Rows."))
    }

    fn infer(_: &NoParams, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![cx.input()]
    }

    fn partitioning(_: &NoParams) -> Partitioning {
        Partitioning::Stateless
    }

    fn build(_: NoParams, _: &BuildContext) -> Result<Machine, NodeError> {
        Ok(Machine::Operator(Box::new(Pass)))
    }
}

struct Pass;

impl Operator for Pass {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        out.emit(0, batch);
        Ok(())
    }
}

/// Gives the columns in another order, or leaves one away.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SwapParams {
    /// The columns to keep, in this order.
    columns: Vec<String>,
}

struct Swap;

impl Node for Swap {
    type Params = SwapParams;
    const KIND: &'static str = "process.swap";

    fn card() -> CardText {
        CardText::new("Swap", "Orders columns", "shuffle")
            .input(PortCard::rows("Rows."))
            .output(PortCard::rows("Rows."))
    }

    fn infer(params: &SwapParams, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        let Some(schema) = cx.input() else { return vec![None] };
        let fields: Vec<Field> =
            params.columns.iter().map(|name| schema.field_with_name(name).unwrap().clone()).collect();
        vec![Some(with_event_time(&Schema::new(fields), params.columns.iter().any(|c| c == "time").then_some("time")))]
    }

    fn partitioning(_: &SwapParams) -> Partitioning {
        Partitioning::Stateless
    }

    fn build(params: SwapParams, cx: &BuildContext) -> Result<Machine, NodeError> {
        Ok(Machine::Operator(Box::new(SwapOperator(params, cx.outputs[0].clone()))))
    }
}

struct SwapOperator(SwapParams, SchemaRef);

impl Operator for SwapOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let columns = self.0.columns.iter().map(|name| batch.column_by_name(name).unwrap().clone()).collect();
        out.emit(0, RecordBatch::try_new(self.1.clone(), columns)?);
        Ok(())
    }
}

/// Numbers the rows of each key: a wrong order or a key in two instances gives other numbers.
struct Running;

impl Node for Running {
    type Params = NoParams;
    const KIND: &'static str = "analyze.running";

    fn card() -> CardText {
        CardText::new("Running", "Counts by key", "hash")
            .input(PortCard::rows("Rows."))
            .output(PortCard::rows("Rows with a count."))
    }

    fn infer(_: &NoParams, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![cx.input().map(|schema| {
            let count = Arc::new(Field::new("count", DataType::Int64, false));
            let fields: Vec<_> = schema.fields().iter().cloned().chain([count]).collect();
            Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
        })]
    }

    fn partitioning(_: &NoParams) -> Partitioning {
        Partitioning::keyed(["key"])
    }

    fn build(_: NoParams, cx: &BuildContext) -> Result<Machine, NodeError> {
        Ok(Machine::Operator(Box::new(RunningOperator { counts: BTreeMap::new(), schema: cx.outputs[0].clone() })))
    }
}

struct RunningOperator {
    counts: BTreeMap<Option<i64>, i64>,
    schema: SchemaRef,
}

impl Operator for RunningOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let mut counted = Vec::new();
        for key in column(&batch, "key") {
            let count = self.counts.entry(key).or_default();
            *count += 1;
            counted.push(*count);
        }
        let mut columns = batch.columns().to_vec();
        columns.push(Arc::new(Int64Array::from(counted)));
        out.emit(0, RecordBatch::try_new(self.schema.clone(), columns)?);
        Ok(())
    }

    fn snapshot(&mut self) -> Result<State, NodeError> {
        Ok(serde_json::to_vec(&self.counts.iter().collect::<Vec<_>>()).unwrap())
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        self.counts = serde_json::from_slice::<Vec<(Option<i64>, i64)>>(state).unwrap().into_iter().collect();
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        self.counts.len() * 16
    }
}

/// Brings rows of two inputs together by keys that may have another name at each.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeetParams {
    /// The keys of the rows at `left`.
    #[serde(default)]
    left: Vec<String>,
    /// The keys of the rows at `right`.
    #[serde(default)]
    right: Vec<String>,
}

struct Meet;

impl Node for Meet {
    type Params = MeetParams;
    const KIND: &'static str = "process.meet";

    fn card() -> CardText {
        CardText::new("Meet", "Brings rows together", "intersect")
            .input(PortCard::named("left", PortRole::Rows, "Rows."))
            .input(PortCard::named("right", PortRole::Rows, "Rows."))
            .output(PortCard::rows("Rows."))
    }

    fn infer(_: &MeetParams, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![cx.input()]
    }

    fn partitioning(params: &MeetParams) -> Partitioning {
        Partitioning::Keyed(vec![params.left.clone(), params.right.clone()])
    }

    fn build(_: MeetParams, _: &BuildContext) -> Result<Machine, NodeError> {
        Ok(Machine::Operator(Box::new(Pass)))
    }
}
