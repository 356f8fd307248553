//! For tests of nodes: drives a machine without the engine, and the contract that every node kind is held to.
//!
//! What a node emits is kept by the name of its port. The harness plays the engine's part: it passes watermarks on,
//! flushes at the end, and counts rows in and out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use millrace_model::{FieldKind, Nesting, NodeCard, NodeId, Params, Port, PortRole, Section};
use serde_json::Value;

use crate::columns::{Columns, Wanted};
use crate::crew::Crew;
use crate::infer::{InferContext, ParamProblem};
use crate::machine::{Machine, Operator, Sink, Source, SourceContext, SourceEvent, View};
use crate::node::{BuildContext, Node, NodeType, Probed, erase};
use crate::output::{Emitted, Output};

/// A node with its params, ready to be built for some input schemas.
pub struct Harness {
    node_type: Arc<dyn NodeType>,
    params: Params,
    inputs: Vec<SchemaRef>,
    outputs: Vec<SchemaRef>,
    ports: Vec<Port>,
    probed: Option<Probed>,
    base_dir: PathBuf,
}

impl Harness {
    /// # Errors
    /// What `probe` and `infer` find wrong.
    pub fn try_new<N: Node>(params: Value, inputs: &[SchemaRef]) -> Result<Self, Vec<ParamProblem>> {
        Self::of(erase::<N>(), params, inputs, PathBuf::from("."))
    }

    /// As [`Self::try_new`], for tests in which the params are right.
    ///
    /// # Panics
    /// When they are not.
    pub fn new<N: Node>(params: Value, inputs: &[SchemaRef]) -> Self {
        Self::try_new::<N>(params, inputs).unwrap_or_else(|problems| panic!("the params are wrong: {problems:#?}"))
    }

    /// As [`Self::new`], with relative paths starting at `base_dir`.
    ///
    /// # Panics
    /// When the params are wrong.
    pub fn in_folder<N: Node>(params: Value, inputs: &[SchemaRef], base_dir: impl Into<PathBuf>) -> Self {
        Self::of(erase::<N>(), params, inputs, base_dir.into())
            .unwrap_or_else(|problems| panic!("the params are wrong: {problems:#?}"))
    }

    /// # Errors
    /// What `probe` and `infer` find wrong.
    pub fn of(
        node_type: Arc<dyn NodeType>,
        params: Value,
        inputs: &[SchemaRef],
        base_dir: PathBuf,
    ) -> Result<Self, Vec<ParamProblem>> {
        let params: Params = serde_json::from_value(params).expect("params are a JSON object");
        let probed = node_type.probe(&params, &base_dir).map_err(|message| {
            vec![ParamProblem { param: String::new(), code: "probe".to_owned(), message, is_warning: false }]
        })?;
        let known: Vec<Option<SchemaRef>> = inputs.iter().cloned().map(Some).collect();
        let mut cx = InferContext::new(&known, probed.as_ref());
        let outputs = node_type.infer(&params, &mut cx);
        if cx.has_errors() {
            return Err(cx.into_problems());
        }
        let ports = node_type.card().output_ports(&params);
        assert_eq!(outputs.len(), ports.len(), "infer gives one schema for each output port");
        let outputs = outputs.into_iter().map(|schema| schema.expect("a schema without a problem is known")).collect();
        Ok(Self { node_type, params, inputs: inputs.to_vec(), outputs, ports, probed, base_dir })
    }

    /// The same source, of whose first output only these columns are read.
    #[must_use]
    pub fn reading(mut self, columns: &Columns) -> Self {
        self.outputs[0] = columns.of(&self.outputs[0]);
        self
    }

    /// The schema of an output port.
    ///
    /// # Panics
    /// When there is no such port.
    pub fn schema_of(&self, port: &str) -> SchemaRef {
        let index = self.ports.iter().position(|known| known.name == port).expect("the port exists");
        self.outputs[index].clone()
    }

    /// # Panics
    /// When the node cannot be built.
    pub fn build(&self) -> Machine {
        self.node_type
            .build(&self.params, &self.context())
            .unwrap_or_else(|error| panic!("the node cannot be built: {error}"))
    }

    fn context(&self) -> BuildContext {
        BuildContext {
            node: NodeId::new("tested").expect("a well-formed id"),
            title: "Tested".to_owned(),
            inputs: self.inputs.clone(),
            outputs: self.outputs.clone(),
            probed: self.probed.clone(),
            instance: 0,
            parallelism: 1,
            base_dir: self.base_dir.clone(),
        }
    }

    /// # Panics
    /// When the node is not an operator.
    pub fn operator(&self) -> OperatorRun<'_> {
        match self.build() {
            Machine::Operator(operator) => OperatorRun { harness: self, operator, gathered: Gathered::default() },
            _ => panic!("{} is not an operator", self.node_type.kind()),
        }
    }

    /// # Panics
    /// When the node is not a source.
    pub fn source(&self) -> Box<dyn Source> {
        match self.build() {
            Machine::Source(source) => source,
            _ => panic!("{} is not a source", self.node_type.kind()),
        }
    }

    /// # Panics
    /// When the node is not a sink.
    pub fn sink(&self) -> Box<dyn Sink> {
        match self.build() {
            Machine::Sink(sink) => sink,
            _ => panic!("{} is not a sink", self.node_type.kind()),
        }
    }

    /// # Panics
    /// When the node is not a view.
    pub fn view(&self) -> Box<dyn View> {
        match self.build() {
            Machine::View(view) => view,
            _ => panic!("{} is not a view", self.node_type.kind()),
        }
    }

    /// Opens `source` and takes what it gives, until it ends, idles, or has given `max_rows`.
    ///
    /// # Errors
    /// What the source fails with.
    pub async fn drain(
        &self,
        source: &mut dyn Source,
        batch_size: usize,
        max_rows: usize,
    ) -> Result<Gathered, crate::NodeError> {
        let mut gathered = Gathered::default();
        let mut output = Output::default();
        source.open().await?;
        loop {
            let mut cx = SourceContext { output: &mut output, batch_size, crew: Crew::Inline };
            let event = source.next(&mut cx).await;
            gathered.take(self, &mut output);
            match event? {
                SourceEvent::More if gathered.num_rows() < max_rows => {}
                _ => return Ok(gathered),
            }
        }
    }
}

/// What a machine has emitted so far.
#[derive(Debug, Default)]
pub struct Gathered {
    pub batches: BTreeMap<String, Vec<RecordBatch>>,
    pub watermarks: Vec<i64>,
    pub rows_dropped: u64,
}

impl Gathered {
    /// All rows of a port as one batch; `None` when it had none.
    pub fn port(&self, port: &str) -> Option<RecordBatch> {
        let batches = self.batches.get(port)?;
        let schema = batches.first()?.schema();
        Some(arrow::compute::concat_batches(&schema, batches).expect("the batches of a port have one schema"))
    }

    /// Rows at all ports.
    pub fn num_rows(&self) -> usize {
        self.batches.values().flatten().map(RecordBatch::num_rows).sum()
    }

    /// Rows of one port.
    pub fn rows_at(&self, port: &str) -> usize {
        self.batches.get(port).into_iter().flatten().map(RecordBatch::num_rows).sum()
    }

    /// The rows of a port as lines of JSON.
    pub fn json(&self, port: &str) -> Vec<Value> {
        self.port(port).map(|batch| rows_as_json(&batch)).unwrap_or_default()
    }

    fn take(&mut self, harness: &Harness, output: &mut Output) {
        for emitted in output.take() {
            match emitted {
                Emitted::Batch(port, batch) => {
                    let schema = &harness.outputs[port];
                    assert_eq!(&batch.schema(), schema, "batches have the schema that `infer` promised");
                    self.batches.entry(harness.ports[port].name.clone()).or_default().push(batch);
                }
                Emitted::Watermark(watermark) => {
                    assert!(
                        self.watermarks.last().is_none_or(|last| *last <= watermark),
                        "a watermark never goes back"
                    );
                    self.watermarks.push(watermark);
                }
            }
        }
        self.rows_dropped += output.take_rows_dropped();
    }
}

/// The rows of a batch as JSON objects.
///
/// # Panics
/// When a column cannot be shown as JSON.
pub fn rows_as_json(batch: &RecordBatch) -> Vec<Value> {
    let bytes = crate::json::to_lines(batch, crate::json::Nulls::Written).expect("the columns can be shown as JSON");
    let text = String::from_utf8(bytes).expect("JSON is UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is an object")).collect()
}

/// An operator being driven.
pub struct OperatorRun<'a> {
    harness: &'a Harness,
    operator: Box<dyn Operator>,
    pub gathered: Gathered,
}

impl<'a> OperatorRun<'a> {
    /// # Panics
    /// When the operator fails.
    pub fn push(&mut self, batch: RecordBatch) -> &mut Self {
        self.try_push(0, batch).unwrap_or_else(|error| panic!("the operator failed: {error}"));
        self
    }

    /// # Errors
    /// What the operator fails with.
    pub fn try_push(&mut self, input: usize, batch: RecordBatch) -> Result<(), crate::NodeError> {
        self.call(|operator, output| operator.on_batch(input, batch, output))
    }

    /// # Panics
    /// When the operator fails.
    pub fn watermark(&mut self, watermark_us: i64) -> &mut Self {
        self.try_watermark(watermark_us).unwrap_or_else(|error| panic!("the operator failed: {error}"));
        self
    }

    /// # Errors
    /// What the operator fails with.
    pub fn try_watermark(&mut self, watermark_us: i64) -> Result<(), crate::NodeError> {
        self.call(|operator, output| {
            operator.on_watermark(watermark_us, output)?;
            if !operator.makes_watermarks() {
                output.watermark(watermark_us);
            }
            Ok(())
        })
    }

    /// Ends one of the inputs.
    ///
    /// # Panics
    /// When the operator fails.
    pub fn end_input(&mut self, input: usize) -> &mut Self {
        self.call(|operator, output| operator.on_input_end(input, output))
            .unwrap_or_else(|error| panic!("the operator failed: {error}"));
        self
    }

    /// Ends the input: the watermark goes to the end of time, then `on_end`.
    ///
    /// # Panics
    /// When the operator fails.
    pub fn end(&mut self) -> &mut Self {
        self.call(|operator, output| {
            operator.on_watermark(i64::MAX, output)?;
            operator.on_end(output)
        })
        .unwrap_or_else(|error| panic!("the operator failed: {error}"));
        self
    }

    /// Takes a snapshot and goes on with a new machine that was restored from it.
    ///
    /// # Panics
    /// When the operator cannot be restored.
    pub fn restart(&mut self) -> &mut Self {
        self.restart_as(self.harness)
    }

    /// The same, where the params have changed in those that keep the state.
    ///
    /// # Panics
    /// When the operator cannot be restored.
    pub fn restart_as(&mut self, harness: &'a Harness) -> &mut Self {
        let state = self.operator.snapshot().unwrap_or_else(|error| panic!("no snapshot: {error}"));
        let Machine::Operator(mut operator) = harness.build() else { unreachable!("it was an operator") };
        self.harness = harness;
        operator.restore(&state).unwrap_or_else(|error| panic!("no restore: {error}"));
        self.operator = operator;
        self
    }

    pub fn operator(&self) -> &dyn Operator {
        self.operator.as_ref()
    }

    fn call(
        &mut self,
        step: impl FnOnce(&mut dyn Operator, &mut Output) -> Result<(), crate::NodeError>,
    ) -> Result<(), crate::NodeError> {
        let mut output = Output::default();
        let result = step(self.operator.as_mut(), &mut output);
        self.gathered.take(self.harness, &mut output);
        result
    }
}

/// What every node kind is held to: a complete card, a form for each param, ports with help, params that are checked,
/// `infer` that gives a schema for each port and survives anything, and a machine of the right sort.
///
/// `params` are good params for `inputs`.
///
/// # Panics
/// When the node breaks the contract; the message says which part.
pub fn assert_node_contract<N: Node>(params: Value, inputs: &[SchemaRef]) {
    let node_type = erase::<N>();
    let card = node_type.card();
    assert_card_is_complete(&card);

    let harness = Harness::new::<N>(params.clone(), inputs);
    for (port, schema) in harness.ports.iter().zip(&harness.outputs) {
        assert!(!port.help.is_empty(), "port {} has no help", port.name);
        if port.role == PortRole::Rejected && card.section != Section::Store {
            assert_eq!(schema, &crate::rejected::schema(), "`rejected` has the common schema");
        }
    }
    // In place of a nested pipeline run the nodes inside.
    if card.nesting != Some(Nesting::Pipeline) {
        assert_machine_fits(&card, &harness, inputs);
        assert_reads_what_it_needs(&harness);
    }

    // A misspelt param is refused, not ignored.
    let Value::Object(mut misspelt) = params else { panic!("params are an object") };
    misspelt.insert("no_such_param".to_owned(), Value::Bool(true));
    assert!(
        Harness::try_new::<N>(Value::Object(misspelt), inputs).is_err(),
        "an unknown param is refused (deny_unknown_fields)"
    );
    // Unknown inputs and missing params are survived.
    let unknown: Vec<Option<SchemaRef>> = vec![None; inputs.len()];
    let mut cx = InferContext::new(&unknown, None);
    let _ = node_type.infer(&harness.params, &mut cx);
    let mut cx = InferContext::new(&unknown, None);
    let _ = node_type.infer(&Params::new(), &mut cx);
}

fn assert_machine_fits(card: &NodeCard, harness: &Harness, inputs: &[SchemaRef]) {
    match harness.build() {
        Machine::Source(_) => assert!(card.is_source, "a source has no input"),
        Machine::Operator(_) => {
            assert!(!card.is_source, "an operator has an input");
            let mut run = harness.operator();
            if let Some(schema) = inputs.first() {
                run.push(RecordBatch::new_empty(schema.clone()));
            }
            run.restart().end();
        }
        Machine::Sink(_) => assert_eq!(card.section, Section::Store, "sinks are in the section Store"),
        Machine::View(_) => {
            assert!(card.has_view, "the card says that there is a view");
            let picture = harness
                .view()
                .picture(&millrace_model::view::Look::WHOLE)
                .expect("there is a picture before the first row");
            assert_eq!(picture.data.num_rows(), 0, "there are no rows before the first row");
        }
    }
}

/// With the columns alone that the node says it reads, it can be built, and what is wanted of it is the same.
fn assert_reads_what_it_needs(harness: &Harness) {
    let names = |schema: &SchemaRef| -> Vec<Columns> {
        schema.fields().iter().map(|field| Columns::named([field.name()])).chain([Columns::All]).collect()
    };
    let mut cases = vec![vec![Columns::none(); harness.outputs.len()]];
    for (port, schema) in harness.outputs.iter().enumerate() {
        for wanted in names(schema) {
            let mut outputs = vec![Columns::none(); harness.outputs.len()];
            outputs[port] = wanted;
            cases.push(outputs);
        }
    }
    for outputs in cases {
        let wanted = Wanted { inputs: &harness.inputs, outputs: &outputs };
        let read = harness.node_type.reads(&harness.params, &wanted).expect("the params can be read");
        assert_eq!(read.len(), harness.inputs.len(), "`reads` tells of each input port");
        let inputs: Vec<SchemaRef> =
            harness.inputs.iter().zip(&read).map(|(schema, columns)| columns.of(schema)).collect();
        let known: Vec<Option<SchemaRef>> = inputs.iter().cloned().map(Some).collect();
        let mut cx = InferContext::new(&known, harness.probed.as_ref());
        let narrow = harness.node_type.infer(&harness.params, &mut cx);
        let is_fault = |problem: &ParamProblem| !problem.is_warning;
        let problems: Vec<ParamProblem> = cx.into_problems().into_iter().filter(is_fault).collect();
        assert_eq!(problems, [], "with the columns that it reads nothing is wrong, for {outputs:?}");
        for ((wanted, all), narrow) in outputs.iter().zip(&harness.outputs).zip(&narrow) {
            let narrow = narrow.as_ref().expect("the schema is known as before");
            assert_eq!(wanted.of(narrow).fields().len(), wanted.of(all).fields().len());
            for field in wanted.of(all).fields() {
                assert_eq!(narrow.field_with_name(field.name()).ok(), Some(field.as_ref()), "as before");
            }
        }
        let outputs = narrow.into_iter().flatten().collect();
        let cx = BuildContext { inputs, outputs, ..harness.context() };
        if let Err(error) = harness.node_type.build(&harness.params, &cx) {
            panic!("with the columns that it reads the node cannot be built: {error}");
        }
    }
}

fn assert_card_is_complete(card: &NodeCard) {
    assert_eq!(Section::of_kind(&card.kind), Some(card.section));
    assert!(!card.title.is_empty() && !card.summary.is_empty() && !card.icon.is_empty(), "the card is complete");
    assert!(card.help.len() > 80, "the help page of {} says what the node does", card.kind);
    assert!(!card.summary.ends_with('.'), "a summary is a phrase without a full stop");
    for field in &card.form.fields {
        assert!(!field.help.is_empty(), "the param {} has help", field.name);
        assert!(field.kind != FieldKind::Json, "the param {} has an editor", field.name);
    }
    if let Some(headline) = &card.headline {
        assert!(card.form.field(headline).is_some(), "the headline {headline} is a param");
    }
    for port in card.inputs.iter().chain(&card.outputs) {
        assert!(!port.help.is_empty(), "the port {} has help", port.name);
    }
}
