//! `process.nested_input`: a port by which rows come into a nested pipeline, and the columns that it asks for.
//!
//! Holds nothing and changes nothing. The plan leads wires past it, so its operator runs only where the same rows reach
//! one input by two ways (see the engine's `nested`).

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use millrace_model::card::{Nesting, PortCard};
use millrace_model::event_time::timestamp_type;
use millrace_model::value::ColumnRef;
use millrace_operator::{
    BuildContext, CardText, InferContext, Machine, Node, NodeError, Operator, Output, Partitioning,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A port of the nested pipeline in which it stands: the rows of the wire outside come in here.
///
/// Its title is the name of the port outside, where it is an input that takes one wire. Inside it gives the rows, with
/// the columns that they have outside.
///
/// With **columns** the port says what it needs: each of them has to arrive with that type, or the wire outside is
/// reported. Other columns pass too. While nothing is wired outside, the nodes inside are checked against these.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The columns that have to arrive. Empty: any rows will do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<NeededColumn>,
}

/// A column that has to arrive.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NeededColumn {
    /// The column's name.
    pub name: ColumnRef,
    /// What its values are.
    #[serde(default, rename = "type")]
    pub value_type: NeededType,
}

/// What the values of a column are, whatever their width.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NeededType {
    /// Any text.
    #[default]
    Text,
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Number,
    /// True or false.
    Boolean,
    /// A moment in time.
    Timestamp,
}

impl NeededType {
    fn is_met_by(self, data_type: &DataType) -> bool {
        match self {
            Self::Text => matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View),
            Self::Integer => data_type.is_integer(),
            Self::Number => data_type.is_floating() || data_type.is_decimal(),
            Self::Boolean => *data_type == DataType::Boolean,
            Self::Timestamp => matches!(data_type, DataType::Timestamp(..)),
        }
    }

    /// What it is taken for while nothing arrives.
    fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Integer => DataType::Int64,
            Self::Number => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Timestamp => timestamp_type(),
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Integer => "a whole number",
            Self::Number => "a number with a fraction",
            Self::Boolean => "true or false",
            Self::Timestamp => "a time",
        }
    }
}

pub struct NestedInput;

impl Node for NestedInput {
    type Params = Params;
    const KIND: &'static str = "process.nested_input";

    fn card() -> CardText {
        CardText::new("Nested input", "A port by which rows come into a nested pipeline", "arrow-right")
            .input(PortCard::rows("The rows of the wire outside."))
            .output(PortCard::rows("The same rows, inside."))
            .nesting(Nesting::Input)
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        let Some(arriving) = cx.input() else {
            let needed = params.columns.iter();
            let fields: Vec<Field> =
                needed.map(|column| Field::new(column.name.as_str(), column.value_type.data_type(), true)).collect();
            return vec![(!fields.is_empty()).then(|| Arc::new(Schema::new(fields)))];
        };
        for (index, needed) in params.columns.iter().enumerate() {
            let Some(at) = cx.column(&format!("columns[{index}].name"), needed.name.as_str(), &arriving) else {
                continue;
            };
            let data_type = arriving.field(at).data_type();
            if !needed.value_type.is_met_by(data_type) {
                let message = format!(
                    "The column `{}` arrives as {data_type}, but this port needs {}. Cast it outside with a Select node.",
                    needed.name.as_str(),
                    needed.value_type.noun()
                );
                cx.error(format!("columns[{index}].type"), "column_type", message);
            }
        }
        vec![Some(arriving)]
    }

    fn partitioning(_: &Params) -> Partitioning {
        Partitioning::Stateless
    }

    fn build(_: Params, _: &BuildContext) -> Result<Machine, NodeError> {
        Ok(Machine::Operator(Box::new(Pass)))
    }
}

/// Passes every row on.
pub(super) struct Pass;

impl Operator for Pass {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        out.emit(0, batch);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_model::Params as AnyParams;
    use millrace_operator::harness::{Harness, assert_node_contract};
    use millrace_operator::node::erase;
    use serde_json::json;

    use crate::testing::event_rows;

    #[test]
    fn it_keeps_the_contract() {
        assert_node_contract::<NestedInput>(json!({}), &[event_rows(&[]).schema()]);
    }

    #[test]
    fn rows_pass_as_they_are() {
        let rows = event_rows(&[(Some(1), Some("a"), 7), (None, None, 8)]);
        let harness = Harness::new::<NestedInput>(json!({"columns": [{"name": "key"}]}), &[rows.schema()]);
        assert_eq!(harness.schema_of("rows"), rows.schema());
        let mut run = harness.operator();
        run.push(rows.clone()).restart().push(rows).end();
        assert_eq!(run.gathered.rows_at("rows"), 4);
    }

    #[test]
    fn a_column_that_is_missing_or_of_another_type_is_reported() {
        let schema = event_rows(&[]).schema();
        let columns = json!({"columns": [
            {"name": "key"}, {"name": "id", "type": "integer"}, {"name": "kei"}, {"name": "key", "type": "number"}]});
        let problems = Harness::try_new::<NestedInput>(columns, &[schema]).err().expect("it does not fit");
        let told: Vec<(&str, &str)> =
            problems.iter().map(|problem| (problem.param.as_str(), problem.code.as_str())).collect();
        assert_eq!(told, [("columns[2].name", "unknown_column"), ("columns[3].type", "column_type")]);
        assert!(problems[0].message.contains("Did you mean `key`?"), "{}", problems[0].message);
    }

    #[test]
    fn while_nothing_arrives_the_needed_columns_are_known_inside() {
        let params: AnyParams =
            serde_json::from_value(json!({"columns": [{"name": "at", "type": "timestamp"}]})).expect("params");
        let infer = |params: &AnyParams| erase::<NestedInput>().infer(params, &mut InferContext::new(&[None], None));
        let schema = infer(&params).remove(0).expect("it is known");
        assert_eq!(schema.field(0).data_type(), &timestamp_type());
        assert_eq!(infer(&AnyParams::new()), [None]);
    }
}
