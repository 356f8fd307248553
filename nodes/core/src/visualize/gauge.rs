//! `visualize.gauge`: the last value of each key on a dial. `last_values` holds them.

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, SchemaRef};
use millrace_model::view::{Gauge, Look, ViewSpec};
use millrace_model::{ColumnRef, Expression, PortCard, RowTrait};
use millrace_operator::{
    BuildContext, CardText, Columns, CompiledExpression, InferContext, Machine, Node, NodeError, State, View,
    ViewSnapshot, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{check_given, read, title};
use super::last_values::LastValues;

/// Dials beyond this many are not shown: nobody could read them.
const MAX_KEYS: usize = 200;

/// Shows the last value on a dial from *Min* to *Max*, or a dial for each key. The value may be a column or any
/// expression.
///
/// From *Warning* and from *Alarm* on the dial says so, in colour and in words. Where the alarm lies below the warning, low
/// values are the bad ones. At most 200 dials are shown; the title then says so.
///
/// | in | min 0, max 100, warning 70, alarm 90 |
/// | --- | --- |
/// | `fill` 42, then 75 | the hand at three quarters, **75**, *warning* |
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// What is shown: a column, or an expression such as `used / total * 100`.
    pub value: Expression,
    /// The column that names each dial; empty: there is one only.
    #[serde(default)]
    pub key: Option<ColumnRef>,
    /// Where the dial begins.
    #[serde(default)]
    pub min: f64,
    /// Where the dial ends.
    #[serde(default = "default_max")]
    pub max: f64,
    /// Where the warning begins; empty: there is none.
    #[serde(default)]
    pub warning: Option<f64>,
    /// Where the alarm begins; empty: there is none.
    #[serde(default)]
    pub alarm: Option<f64>,
    /// Stands behind the value, such as `%`.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub unit: String,
    /// Digits after the decimal point.
    #[serde(default = "default_decimals")]
    #[schemars(range(max = 12), extend("keeps_state" = true))]
    pub decimals: u8,
    /// Stands above the dials; empty: the node's own title.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub title: String,
}

fn default_max() -> f64 {
    100.0
}

fn default_decimals() -> u8 {
    1
}

/// The node kind.
pub struct GaugeNode;

impl Node for GaugeNode {
    type Params = Params;
    const KIND: &'static str = "visualize.gauge";

    fn card() -> CardText {
        CardText::new("Gauge", "The last value on a dial", "speedometer")
            .input(PortCard::rows("Rows, of which the last counts.").asking_for(&[RowTrait::Number]))
            .headline("value")
            .view()
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        if params.max.partial_cmp(&params.min) != Some(std::cmp::Ordering::Greater) {
            cx.error("max", "out_of_range", "The dial must end above where it begins.");
        }
        if let Some(schema) = cx.input() {
            match CompiledExpression::compile(params.value.as_str(), &schema) {
                Err(error) => cx.error("value", error.code(), error.to_string()),
                Ok(value) if !value.data_type().is_numeric() => {
                    let message = format!("This gives {}, and a dial shows a number.", value.data_type());
                    cx.error("value", "not_a_number", message);
                }
                Ok(_) => {}
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
        let field = Field::new("value", DataType::Float64, true);
        Ok(Machine::View(Box::new(Dials {
            values: LastValues::new(params.key.as_ref(), input, vec![field], MAX_KEYS)?,
            value,
            spec: Gauge {
                title: title(params.title, cx),
                unit: params.unit,
                decimals: params.decimals,
                min: params.min,
                max: params.max,
                warning: params.warning,
                alarm: params.alarm,
            },
        })))
    }
}

struct Dials {
    spec: Gauge,
    value: CompiledExpression,
    values: LastValues,
}

impl View for Dials {
    fn on_batch(&mut self, batch: RecordBatch) -> Result<(), NodeError> {
        // A row whose value cannot be computed has none to show.
        let values = cast(&self.value.evaluate_rows(&batch)?.values, &DataType::Float64)?;
        self.values.take(&batch, vec![values])
    }

    fn picture(&mut self, _look: &Look) -> Result<ViewSnapshot, NodeError> {
        let spec = Gauge { title: self.values.titled(&self.spec.title), ..self.spec.clone() };
        Ok(ViewSnapshot { spec: ViewSpec::Gauge(spec), data: self.values.rows().clone() })
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

    use super::*;
    use arrow::array::{Int64Array, StringArray};
    use arrow::datatypes::Schema;
    use millrace_operator::harness::{Harness, assert_node_contract, rows_as_json};
    use serde_json::json;

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("tank", DataType::Utf8, true), Field::new("n", DataType::Int64, true)]))
    }

    #[test]
    fn the_contract_holds() {
        assert_node_contract::<GaugeNode>(json!({ "value": "n", "key": "tank" }), &[schema()]);
    }

    #[test]
    fn each_dial_shows_its_last_value_through_a_restart() {
        let harness = Harness::new::<GaugeNode>(json!({ "value": "n * 10", "key": "tank" }), &[schema()]);
        let mut view = harness.view();
        let rows = |tanks: Vec<&str>, n: Vec<Option<i64>>| {
            let columns: Vec<arrow::array::ArrayRef> =
                vec![Arc::new(StringArray::from(tanks)), Arc::new(Int64Array::from(n))];
            RecordBatch::try_new(schema(), columns).expect("two columns")
        };
        view.on_batch(rows(vec!["a", "b", "a"], vec![Some(1), None, Some(2)])).expect("rows");
        let state = view.snapshot().expect("a snapshot");
        let mut view = harness.view();
        view.restore(&state).expect("a restore");
        view.on_batch(rows(vec!["b"], vec![Some(7)])).expect("rows");
        let picture = view.picture(&Look::WHOLE).expect("a picture");
        let shown: Vec<_> = rows_as_json(&picture.data).iter().map(|row| json!([row["label"], row["value"]])).collect();
        assert_eq!(shown, [json!(["a", 20.0]), json!(["b", 70.0])]);
    }

    #[test]
    fn a_dial_without_a_span_and_a_text_are_diagnostics() {
        for (params, param) in
            [(json!({ "value": "n", "min": 5, "max": 5 }), "max"), (json!({ "value": "tank" }), "value")]
        {
            let problems = Harness::try_new::<GaugeNode>(params, &[schema()]).err().expect("a problem");
            assert_eq!(problems[0].param, param);
        }
    }
}
