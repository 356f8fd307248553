//! `visualize.single_value`: the last value, or the last one of each key.
//!
//! Keys keep the order in which they first came. State: for each key its newest value and time.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::{cast, interleave};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use millrace_model::event_time::{UTC, event_time_column, timestamp_type};
use millrace_model::view::{SingleValue, ViewSpec};
use millrace_model::{ColumnRef, Expression, PortCard};
use millrace_operator::time::event_times;
use millrace_operator::{
    BuildContext, CardText, CompiledExpression, InferContext, Machine, Node, NodeError, State, View, ViewSnapshot,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ipc;

/// Keys beyond this many are not shown: nobody could read them.
const MAX_KEYS: usize = 1_000;

/// Shows one value large: the last that came, or the last of each key. The value may be a column or any expression.
///
/// A row whose value is null shows that there is none. At most 1,000 keys are shown; the title says how many more there
/// were.
///
/// | in | value `temperature`, key `device` |
/// | --- | --- |
/// | dev-1 20.5, dev-2 18, dev-1 21 | dev-1 **21**, dev-2 **18** |
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// What is shown: a column, or an expression such as `temperature * 1.8 + 32`.
    pub value: Expression,
    /// The column that names each value; empty: there is one value only.
    #[serde(default)]
    pub key: Option<ColumnRef>,
    /// Stands behind the value, such as `°C`.
    #[serde(default)]
    pub unit: String,
    /// Digits after the decimal point.
    #[serde(default = "default_decimals")]
    #[schemars(range(max = 12))]
    pub decimals: u8,
    /// Stands above the value; empty: the node's own title.
    #[serde(default)]
    pub title: String,
}

fn default_decimals() -> u8 {
    1
}

/// The node kind.
pub struct SingleValueNode;

impl Node for SingleValueNode {
    type Params = Params;
    const KIND: &'static str = "visualize.single_value";

    fn card() -> CardText {
        CardText::new("Single value", "The last value, large", "gauge")
            .input(PortCard::rows("Rows, of which the last counts."))
            .headline("value")
            .view()
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        if let Some(schema) = cx.input() {
            if let Err(error) = CompiledExpression::compile(params.value.as_str(), &schema) {
                cx.error("value", error.code(), error.to_string());
            }
            if let Some(key) = params.key.as_ref().filter(|key| !key.as_str().is_empty()) {
                cx.column("key", key.as_str(), &schema);
            }
        }
        Vec::new()
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let input = cx.input();
        let value = CompiledExpression::compile(params.value.as_str(), input)
            .map_err(|error| NodeError::user(error.to_string()))?;
        let key = params.key.as_ref().filter(|key| !key.as_str().is_empty()).map(|key| input.index_of(key.as_str()));
        let field = Arc::new(Field::new("value", value.data_type().clone(), true));
        Ok(Machine::View(Box::new(LastValues {
            title: if params.title.is_empty() { cx.title.clone() } else { params.title },
            unit: params.unit,
            decimals: params.decimals,
            key: key.transpose()?,
            time: event_time_column(input).and_then(|column| input.index_of(column).ok()),
            schema: schema(&field),
            value,
            places: HashMap::new(),
            rows: RecordBatch::new_empty(schema(&field)),
            num_hidden: 0,
        })))
    }
}

/// What the picture's batch looks like.
fn schema(value: &FieldRef) -> SchemaRef {
    Arc::new(Schema::new(vec![
        Arc::new(Field::new("label", DataType::Utf8, false)),
        value.clone(),
        Arc::new(Field::new("time", timestamp_type(), true)),
    ]))
}

struct LastValues {
    title: String,
    unit: String,
    decimals: u8,
    key: Option<usize>,
    time: Option<usize>,
    value: CompiledExpression,
    schema: SchemaRef,
    /// Label to row of `rows`.
    places: HashMap<String, usize>,
    rows: RecordBatch,
    /// Values of keys that came when there were enough.
    num_hidden: u64,
}

impl LastValues {
    fn labels(&self, batch: &RecordBatch) -> Result<Vec<String>, NodeError> {
        let Some(key) = self.key else { return Ok(vec![String::new(); batch.num_rows()]) };
        let options = FormatOptions::new().with_null("(none)");
        let formatter = ArrayFormatter::try_new(batch.column(key).as_ref(), &options)?;
        (0..batch.num_rows()).map(|row| Ok(formatter.value(row).try_to_string()?)).collect()
    }
}

impl View for LastValues {
    fn on_batch(&mut self, batch: RecordBatch) -> Result<(), NodeError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        // A row whose value cannot be computed has none to show.
        let values = self.value.evaluate_rows(&batch)?.values;
        let times: ArrayRef = match self.time {
            Some(column) => Arc::new(event_times(batch.column(column).as_ref())?.with_timezone(UTC)),
            None => Arc::new(TimestampMicrosecondArray::new_null(batch.num_rows()).with_timezone(UTC)),
        };
        // For each key the newest row of the batch stands in for the one there was.
        let mut newest: Vec<(usize, usize)> = (0..self.rows.num_rows()).map(|row| (0, row)).collect();
        let mut labels: Vec<String> =
            self.rows.column(0).as_string::<i32>().iter().flatten().map(str::to_owned).collect();
        for (row, label) in self.labels(&batch)?.into_iter().enumerate() {
            match self.places.get(&label) {
                Some(place) => newest[*place] = (1, row),
                None if newest.len() >= MAX_KEYS => self.num_hidden += 1,
                None => {
                    self.places.insert(label.clone(), newest.len());
                    labels.push(label);
                    newest.push((1, row));
                }
            }
        }
        let value = interleave(&[self.rows.column(1).as_ref(), values.as_ref()], &newest)?;
        let time = interleave(&[self.rows.column(2).as_ref(), times.as_ref()], &newest)?;
        self.rows = RecordBatch::try_new(self.schema.clone(), vec![Arc::new(StringArray::from(labels)), value, time])?;
        Ok(())
    }

    fn picture(&self) -> Result<ViewSnapshot, NodeError> {
        let title = match self.num_hidden {
            0 => self.title.clone(),
            _ => format!("{} (the first {MAX_KEYS} keys only)", self.title),
        };
        let spec = ViewSpec::SingleValue(SingleValue { title, unit: self.unit.clone(), decimals: self.decimals });
        Ok(ViewSnapshot { spec, data: self.rows.clone() })
    }

    fn snapshot(&mut self) -> Result<State, NodeError> {
        ipc::to_bytes(&self.rows, &self.num_hidden.to_string())
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let (rows, num_hidden) = ipc::from_bytes(state)?;
        let columns = rows
            .columns()
            .iter()
            .zip(self.schema.fields())
            .map(|(column, field)| cast(column, field.data_type()))
            .collect::<Result<Vec<_>, _>>()?;
        self.rows = RecordBatch::try_new(self.schema.clone(), columns)?;
        self.num_hidden = num_hidden.parse().map_err(|_| NodeError::internal("the count of keys cannot be read"))?;
        let labels = self.rows.column(0).as_string::<i32>().iter().flatten();
        self.places = labels.enumerate().map(|(place, label)| (label.to_owned(), place)).collect();
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        self.rows.get_array_memory_size() + self.places.keys().map(|label| label.len() + 64).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Float64Array;
    use arrow::datatypes::TimestampMicrosecondType;
    use millrace_model::event_time::with_event_time;
    use millrace_operator::harness::{Harness, assert_node_contract, rows_as_json};
    use serde_json::{Value, json};

    fn schema() -> SchemaRef {
        let fields = vec![
            Field::new("time", timestamp_type(), true),
            Field::new("device", DataType::Utf8, true),
            Field::new("v", DataType::Float64, true),
        ];
        with_event_time(&Schema::new(fields), Some("time"))
    }

    fn rows(rows: &[(i64, Option<&str>, Option<f64>)]) -> RecordBatch {
        let times: TimestampMicrosecondArray = rows.iter().map(|row| Some(row.0 * 1_000_000)).collect();
        let devices: StringArray = rows.iter().map(|row| row.1).collect();
        let values: Float64Array = rows.iter().map(|row| row.2).collect();
        let columns: Vec<ArrayRef> = vec![Arc::new(times.with_timezone(UTC)), Arc::new(devices), Arc::new(values)];
        RecordBatch::try_new(schema(), columns).expect("rows")
    }

    fn shown(view: &dyn View) -> Vec<Value> {
        let picture = view.picture().expect("a picture");
        rows_as_json(&picture.data).iter().map(|row| json!([row["label"], row["value"], row["time"]])).collect()
    }

    #[test]
    fn the_contract_holds() {
        assert_node_contract::<SingleValueNode>(json!({ "value": "v", "key": "device" }), &[schema()]);
    }

    #[test]
    fn each_key_shows_its_last_value_through_batches_and_a_restart() {
        let harness = Harness::new::<SingleValueNode>(json!({ "value": "v * 2", "key": "device" }), &[schema()]);
        let mut view = harness.view();
        view.on_batch(rows(&[(1, Some("b"), Some(1.0)), (2, Some("a"), Some(2.0)), (3, Some("b"), Some(3.0))]))
            .expect("rows");
        view.on_batch(RecordBatch::new_empty(schema())).expect("no rows");
        let state = view.snapshot().expect("a snapshot");
        let mut restored = harness.view();
        restored.restore(&state).expect("a restore");
        for view in [&mut view, &mut restored] {
            view.on_batch(rows(&[(4, Some("a"), None), (5, None, Some(5.0))])).expect("rows");
            assert_eq!(
                shown(view.as_ref()),
                [
                    json!(["b", 6.0, "1970-01-01T00:00:03Z"]),
                    json!(["a", null, "1970-01-01T00:00:04Z"]),
                    json!(["(none)", 10.0, "1970-01-01T00:00:05Z"]),
                ]
            );
        }
    }

    #[test]
    fn without_a_key_there_is_one_value_and_too_many_keys_are_told() {
        let harness = Harness::new::<SingleValueNode>(json!({ "value": "v" }), &[schema()]);
        let mut view = harness.view();
        view.on_batch(rows(&[(1, Some("b"), Some(1.0)), (2, Some("a"), Some(2.0))])).expect("rows");
        assert_eq!(shown(view.as_ref()), [json!(["", 2.0, "1970-01-01T00:00:02Z"])]);

        let harness = Harness::new::<SingleValueNode>(json!({ "value": "v", "key": "v" }), &[schema()]);
        let mut view = harness.view();
        let many: Vec<_> = (0..1_001).map(|n| (n, None, Some(n as f64))).collect();
        view.on_batch(rows(&many)).expect("rows");
        let picture = view.picture().expect("a picture");
        assert_eq!((picture.data.num_rows(), picture.spec.title()), (1_000, "Tested (the first 1000 keys only)"));
    }

    #[test]
    fn an_expression_with_a_typo_is_a_diagnostic() {
        let problems =
            Harness::try_new::<SingleValueNode>(json!({ "value": "vv + 1" }), &[schema()]).err().expect("a problem");
        assert_eq!(problems[0].param, "value");
    }

    #[test]
    fn times_in_rows_come_out_in_microseconds() {
        let harness = Harness::new::<SingleValueNode>(json!({ "value": "v" }), &[schema()]);
        let mut view = harness.view();
        view.on_batch(rows(&[(7, None, Some(1.0))])).expect("rows");
        let data = view.picture().expect("a picture").data;
        assert_eq!(data.column(2).as_primitive::<TimestampMicrosecondType>().value(0), 7_000_000);
    }
}
