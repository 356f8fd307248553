//! Node kinds that do one thing each: make numbers, show the newest, fail.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use millrace_model::view::{Look, TableView, ViewSpec};
use millrace_model::{Interval, PortCard};
use millrace_operator::node::erase;
use millrace_operator::{
    BuildContext, CardText, InferContext, Machine, Node, NodeError, Operator, Output, Registry, Source, SourceContext,
    SourceEvent, State, View, ViewSnapshot,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub fn registry() -> Registry {
    Registry::new([erase::<Numbers>(), erase::<Newest>(), erase::<Fail>()])
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]))
}

/// Makes the numbers from 0 on.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NumbersParams {
    /// How many; none for no end.
    #[serde(default)]
    count: Option<u64>,
    /// Wait before each batch of ten.
    #[serde(default)]
    pause: Interval,
    /// Cannot be opened.
    #[serde(default)]
    locked: bool,
}

struct Numbers;

impl Node for Numbers {
    type Params = NumbersParams;
    const KIND: &'static str = "ingest.numbers";

    fn card() -> CardText {
        CardText::new("Numbers", "Counts", "list-numbers").output(PortCard::rows("Numbers."))
    }

    fn infer(_: &NumbersParams, _: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![Some(schema())]
    }

    fn build(params: NumbersParams, _: &BuildContext) -> Result<Machine, NodeError> {
        Ok(Machine::Source(Box::new(NumberSource { params, next: 0 })))
    }
}

struct NumberSource {
    params: NumbersParams,
    next: u64,
}

#[async_trait]
impl Source for NumberSource {
    async fn open(&mut self) -> Result<(), NodeError> {
        if self.params.locked { Err(NodeError::external("the numbers are locked away")) } else { Ok(()) }
    }

    async fn next(&mut self, cx: &mut SourceContext<'_>) -> Result<SourceEvent, NodeError> {
        if self.params.count.is_some_and(|count| self.next >= count) {
            return Ok(SourceEvent::End);
        }
        tokio::time::sleep(self.params.pause.duration()).await;
        let end = (self.next + 10).min(self.params.count.unwrap_or(u64::MAX));
        let numbers = Int64Array::from_iter_values((self.next..end).map(|n| n as i64));
        cx.output.emit(0, RecordBatch::try_new(schema(), vec![Arc::new(numbers)])?);
        self.next = end;
        Ok(SourceEvent::More)
    }

    fn snapshot(&mut self) -> Result<State, NodeError> {
        Ok(self.next.to_le_bytes().to_vec())
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let bytes = state.try_into().map_err(|_| NodeError::internal("eight bytes were expected"))?;
        self.next = u64::from_le_bytes(bytes);
        Ok(())
    }
}

/// Shows the newest batch.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewestParams {}

struct Newest;

impl Node for Newest {
    type Params = NewestParams;
    const KIND: &'static str = "visualize.newest";

    fn card() -> CardText {
        CardText::new("Newest", "Shows the newest rows", "table").input(PortCard::rows("Rows.")).view()
    }

    fn infer(_: &NewestParams, _: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        Vec::new()
    }

    fn build(_: NewestParams, cx: &BuildContext) -> Result<Machine, NodeError> {
        let newest = RecordBatch::new_empty(cx.input().clone());
        Ok(Machine::View(Box::new(NewestView { title: cx.title.clone(), newest, num_rows: 0 })))
    }
}

struct NewestView {
    title: String,
    newest: RecordBatch,
    num_rows: u64,
}

impl View for NewestView {
    fn on_batch(&mut self, batch: RecordBatch) -> Result<(), NodeError> {
        self.num_rows += batch.num_rows() as u64;
        self.newest = batch;
        Ok(())
    }

    fn picture(&mut self, _look: &Look) -> Result<ViewSnapshot, NodeError> {
        let spec = ViewSpec::Table(TableView { title: self.title.clone(), num_rows: self.num_rows });
        Ok(ViewSnapshot { spec, data: self.newest.clone() })
    }

    fn snapshot(&mut self) -> Result<State, NodeError> {
        Ok(State::new())
    }

    fn restore(&mut self, _: &[u8]) -> Result<(), NodeError> {
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        self.newest.get_array_memory_size()
    }
}

/// Fails at the first row.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FailParams {}

struct Fail;

impl Node for Fail {
    type Params = FailParams;
    const KIND: &'static str = "process.fail";

    fn card() -> CardText {
        CardText::new("Fail", "Fails", "x").input(PortCard::rows("Rows.")).output(PortCard::rows("None."))
    }

    fn infer(_: &FailParams, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![cx.input()]
    }

    fn build(_: FailParams, _: &BuildContext) -> Result<Machine, NodeError> {
        Ok(Machine::Operator(Box::new(FailOperator)))
    }
}

struct FailOperator;

impl Operator for FailOperator {
    fn on_batch(&mut self, _: usize, _: RecordBatch, _: &mut Output) -> Result<(), NodeError> {
        Err(NodeError::user("this node always fails"))
    }
}

/// Numbers into a view; `params` are those of the numbers.
pub fn counting(params: &str) -> String {
    format!(
        r#"{{"format": 1, "name": "Counting", "nodes": {{
            "numbers": {{"kind": "ingest.numbers", "params": {params}}},
            "newest": {{"kind": "visualize.newest"}}
        }}, "wires": [{{"from": "numbers.rows", "to": "newest.rows"}}]}}"#
    )
}

pub const ENDLESS: &str = r#"{"pause": "5 ms"}"#;
