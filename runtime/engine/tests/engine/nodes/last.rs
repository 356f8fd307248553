//! The nodes at the end: a sink that writes into a record, and a view that counts.

use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use millrace_model::PortCard;
use millrace_model::view::{Look, TableView, ViewSpec};
use millrace_operator::{
    BuildContext, CardText, InferContext, Machine, Node, NodeError, Prepared, Sink, State, View, ViewSnapshot,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NoParams, column, note, record, rows};

/// Writes rows into a record.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CollectParams {
    record: String,
    /// Time that each batch takes.
    #[serde(default)]
    slow_ms: u64,
    /// Fail to `open` or to `finish`.
    #[serde(default)]
    broken: String,
}

pub struct Collect;

impl Node for Collect {
    type Params = CollectParams;
    const KIND: &'static str = "store.collect";

    fn card() -> CardText {
        CardText::new("Collect", "Collects", "database").input(PortCard::rows("Rows."))
    }

    fn infer(_: &CollectParams, _: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        Vec::new()
    }

    fn build(params: CollectParams, _: &BuildContext) -> Result<Machine, NodeError> {
        Ok(Machine::Sink(Box::new(CollectSink(params))))
    }
}

struct CollectSink(CollectParams);

impl CollectSink {
    fn step(&self, name: &str) -> Result<(), NodeError> {
        if self.0.broken == name {
            return Err(NodeError::external(format!("cannot {name}")));
        }
        note(&self.0.record, |record| record.events.push(name.to_owned()));
        Ok(())
    }
}

impl Sink for CollectSink {
    fn open(&mut self) -> Result<(), NodeError> {
        self.step("open")
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), NodeError> {
        std::thread::sleep(Duration::from_millis(self.0.slow_ms));
        let count = |row: usize| batch.column_by_name("count").map_or(0, |_| column(batch, "count").value(row));
        let key = |row: usize| column(batch, "key").iter().nth(row).flatten();
        note(&self.0.record, |record| {
            record.largest_batch = record.largest_batch.max(batch.num_rows());
            let numbers = column(batch, "n");
            record.rows.extend((0..batch.num_rows()).map(|row| (numbers.value(row), key(row), count(row))));
        });
        Ok(())
    }

    /// The record is as the disk is: it outlives the run.
    fn prepare(&mut self) -> Result<Prepared, NodeError> {
        Ok(Prepared(record(&self.0.record).rows.len().to_le_bytes().to_vec()))
    }

    fn commit(&mut self, _: &Prepared) -> Result<(), NodeError> {
        Ok(())
    }

    fn restore(&mut self, prepared: &Prepared) -> Result<(), NodeError> {
        let num_rows = usize::from_le_bytes(prepared.0.as_slice().try_into().unwrap());
        note(&self.0.record, |record| record.rows.truncate(num_rows));
        Ok(())
    }

    fn finish(&mut self) -> Result<(), NodeError> {
        self.step("finish")
    }

    fn abort(&mut self) {
        self.step("abort").expect("abort cannot fail");
    }
}

/// Shows how many rows there were.
pub struct Total;

impl Node for Total {
    type Params = NoParams;
    const KIND: &'static str = "visualize.total";

    fn card() -> CardText {
        CardText::new("Total", "Shows a total", "hash").input(PortCard::rows("Rows.")).view()
    }

    fn infer(_: &NoParams, _: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        Vec::new()
    }

    fn build(_: NoParams, cx: &BuildContext) -> Result<Machine, NodeError> {
        Ok(Machine::View(Box::new(TotalView { title: cx.title.clone(), num_rows: 0 })))
    }
}

struct TotalView {
    title: String,
    num_rows: u64,
}

impl View for TotalView {
    fn on_batch(&mut self, batch: RecordBatch) -> Result<(), NodeError> {
        self.num_rows += batch.num_rows() as u64;
        Ok(())
    }

    fn picture(&mut self, _look: &Look) -> Result<ViewSnapshot, NodeError> {
        let spec = ViewSpec::Table(TableView { title: self.title.clone(), num_rows: self.num_rows });
        Ok(ViewSnapshot { spec, data: rows(0..1, 1) })
    }

    fn snapshot(&mut self) -> Result<State, NodeError> {
        Ok(self.num_rows.to_le_bytes().to_vec())
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        self.num_rows = u64::from_le_bytes(state.try_into().unwrap());
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        8
    }
}
