//! `visualize.single_value`: the last value, or the last one of each key. `last_values` holds them.

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, SchemaRef};
use millrace_model::view::{Look, SingleValue, ViewSpec};
use millrace_model::{ColumnRef, Expression, PortCard};
use millrace_operator::{
    BuildContext, CardText, Columns, CompiledExpression, InferContext, Machine, Node, NodeError, State, View,
    ViewSnapshot, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{check_given, read, title};
use super::last_values::LastValues;

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
    #[schemars(extend("keeps_state" = true))]
    pub unit: String,
    /// Digits after the decimal point.
    #[serde(default = "default_decimals")]
    #[schemars(range(max = 12), extend("keeps_state" = true))]
    pub decimals: u8,
    /// Stands above the value; empty: the node's own title.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
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
            check_given(cx, "key", params.key.as_ref(), &schema);
        }
        Vec::new()
    }

    fn reads(params: &Params, wanted: &Wanted<'_>) -> Vec<Columns> {
        let value = crate::rejecting::read_by(params.value.as_str(), &wanted.inputs[0]);
        vec![value.and(&read([params.key.as_ref()]))]
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let input = cx.input();
        let value = CompiledExpression::compile(params.value.as_str(), input)
            .map_err(|error| NodeError::user(error.to_string()))?;
        let field = Field::new("value", value.data_type().clone(), true);
        Ok(Machine::View(Box::new(SingleValueView {
            title: title(params.title, cx),
            unit: params.unit,
            decimals: params.decimals,
            values: LastValues::new(params.key.as_ref(), input, vec![field], MAX_KEYS)?,
            value,
        })))
    }
}

struct SingleValueView {
    title: String,
    unit: String,
    decimals: u8,
    value: CompiledExpression,
    values: LastValues,
}

impl View for SingleValueView {
    fn on_batch(&mut self, batch: RecordBatch) -> Result<(), NodeError> {
        // A row whose value cannot be computed has none to show.
        let values = self.value.evaluate_rows(&batch)?.values;
        self.values.take(&batch, vec![values])
    }

    fn picture(&mut self, _look: &Look) -> Result<ViewSnapshot, NodeError> {
        let title = self.values.titled(&self.title);
        let spec = ViewSpec::SingleValue(SingleValue { title, unit: self.unit.clone(), decimals: self.decimals });
        Ok(ViewSnapshot { spec, data: self.values.rows().clone() })
    }

    fn snapshot(&mut self) -> Result<State, NodeError> {
        self.values.save()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        self.values.load(state)
    }

    fn state_bytes(&self) -> usize {
        self.values.bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, Float64Array, StringArray, TimestampMicrosecondArray};
    use arrow::datatypes::{DataType, Schema, TimestampMicrosecondType};
    use millrace_model::event_time::{UTC, timestamp_type, with_event_time};

    use super::*;
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

    fn shown(view: &mut dyn View) -> Vec<Value> {
        let picture = view.picture(&Look::WHOLE).expect("a picture");
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
                shown(view.as_mut()),
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
        assert_eq!(shown(view.as_mut()), [json!(["", 2.0, "1970-01-01T00:00:02Z"])]);

        let harness = Harness::new::<SingleValueNode>(json!({ "value": "v", "key": "v" }), &[schema()]);
        let mut view = harness.view();
        let many: Vec<_> = (0..1_001).map(|n| (n, None, Some(n as f64))).collect();
        view.on_batch(rows(&many)).expect("rows");
        let picture = view.picture(&Look::WHOLE).expect("a picture");
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
        let data = view.picture(&Look::WHOLE).expect("a picture").data;
        assert_eq!(data.column(2).as_primitive::<TimestampMicrosecondType>().value(0), 7_000_000);
    }
}
