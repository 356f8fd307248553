//! `process.select`: computes, keeps, drops and renames columns.
//!
//! Stateless but for the number of rows seen, which names rejected rows. All expressions are over the input's columns
//! by their old names, so that their order does not matter.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use millrace_model::card::PortCard;
use millrace_model::event_time::{event_time_column, with_event_time};
use millrace_model::value::Expression;
use millrace_model::{ColumnRef, RowTrait};
use millrace_operator::rejected::{self, OnError};
use millrace_operator::{
    BuildContext, CardText, Columns, CompiledExpression, InferContext, Machine, Node, NodeError, Operator, Output,
    Partitioning, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rejecting::{self, Rejecting, first_error, merge_failures, report};

/// Computes new columns, and keeps, drops and renames the others.
///
/// Expressions are SQL over the columns of the input, by the names they have there. A computed column with the name of
/// a column that is kept takes its place; another one is added at the end.
///
/// With the column `celsius` = `(fahrenheit - 32) / 1.8`, dropping `fahrenheit` and renaming `id` to `device`:
///
/// | in: id | fahrenheit | out: device | celsius |
/// | --- | --- | --- | --- |
/// | a | 212.0 | a | 100.0 |
/// | b | *null* | b | *null* |
///
/// To change a column's type, cast it: `CAST(status AS BIGINT)`, `CAST(price AS DOUBLE)`. Other examples:
/// `upper(name)`, `coalesce(value, 0)`, `CASE WHEN load > 0.9 THEN 'busy' ELSE 'ok' END`, `round(x, 2)`.
///
/// A row for which one of them cannot be computed (a cast that does not fit, a division by zero, an overflow) leaves by
/// the `rejected` port with the reason. The event time follows its column when that is renamed; it ends where the column
/// is dropped or computed anew.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The columns to compute.
    #[serde(default)]
    pub columns: Vec<Computed>,
    /// Keeps the input's columns beside the computed ones. Off: only the computed ones leave.
    #[serde(default = "yes")]
    pub keep_others: bool,
    /// Columns of the input to leave out.
    #[serde(default)]
    pub drop: Vec<ColumnRef>,
    /// Columns of the input to give another name.
    #[serde(default)]
    pub rename: Vec<Rename>,
    /// What becomes of a row for which a column cannot be computed.
    #[serde(default)]
    pub on_error: OnError,
}

/// A column and how it is computed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Computed {
    /// The name of the column.
    pub name: String,
    /// Its value, such as `temperature * 1.8 + 32`.
    pub expression: Expression,
}

/// A column and its new name.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// The column of the input.
    pub from: ColumnRef,
    /// Its new name.
    pub to: String,
}

fn yes() -> bool {
    true
}

pub struct Select;

const ROWS: usize = 0;
const REJECTED: usize = 1;

impl Node for Select {
    type Params = Params;
    const KIND: &'static str = "process.select";

    fn card() -> CardText {
        CardText::new("Select", "Computes, keeps, drops and renames columns", "columns")
            .can_bypass()
            .input(PortCard::rows("Rows to reshape."))
            .output(PortCard::rows("The rows with their new columns.").giving(&[RowTrait::Number, RowTrait::Text]))
            .output(PortCard::rejected())
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![plan(params, cx).map(|plan| plan.schema), Some(rejected::schema())]
    }

    fn partitioning(_: &Params) -> Partitioning {
        Partitioning::Stateless
    }

    fn reads(params: &Params, wanted: &Wanted<'_>) -> Vec<Columns> {
        let computed = params.columns.iter();
        let computed = computed.map(|column| rejecting::read_by(column.expression.as_str(), &wanted.inputs[0]));
        let mut read = computed.fold(Columns::none(), |read, columns| read.and(&columns));
        if params.keep_others {
            let renamed = |name: &str| params.rename.iter().find(|rename| rename.from.as_str() == name);
            let is_dropped = |name: &str| params.drop.iter().any(|dropped| dropped.as_str() == name);
            // What a param names must be there, even to be dropped.
            let kept = wanted.input_names().filter(|name| match renamed(name) {
                Some(_) => true,
                None => is_dropped(name) || wanted.output(ROWS).contains(name),
            });
            read = read.and(&Columns::named(kept));
        }
        vec![rejecting::reads(read, wanted.output(REJECTED))]
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let inputs = [Some(cx.input().clone())];
        let mut found = InferContext::new(&inputs, None);
        let plan = plan(&params, &mut found);
        let Some(plan) = plan.filter(|_| !found.has_errors()) else {
            return Err(first_error(found.into_problems()));
        };
        let rejecting = Rejecting::new(REJECTED, params.on_error);
        Ok(Machine::Operator(Box::new(SelectOperator { plan, rejecting })))
    }
}

/// What makes up one output column.
enum Piece {
    Input(usize),
    Computed(Box<CompiledExpression>),
}

struct Plan {
    pieces: Vec<Piece>,
    schema: SchemaRef,
}

/// One output column while the plan is made.
struct Column {
    field: FieldRef,
    piece: Piece,
    /// The param that gave it its name.
    param: String,
}

/// What the params mean for the input; faults are reported in `cx`.
fn plan(params: &Params, cx: &mut InferContext<'_>) -> Option<Plan> {
    let input = cx.input()?;
    let mut columns = if params.keep_others { kept(params, cx, &input) } else { Vec::new() };
    if !params.keep_others {
        for (param, is_used) in [("drop", !params.drop.is_empty()), ("rename", !params.rename.is_empty())] {
            if is_used {
                cx.warning(param, "no_effect", "Only the computed columns leave here, so this has no effect.");
            }
        }
    }
    for (index, computed) in params.columns.iter().enumerate() {
        let param = format!("columns[{index}].name");
        let name = computed.name.as_str();
        if name.is_empty() {
            cx.error(&param, "no_name", "Name the column.");
        }
        let column = match compute(computed, &input) {
            Ok((field, piece)) => Column { field, piece, param },
            Err(error) => {
                report(cx, format!("columns[{index}].expression"), &error);
                continue;
            }
        };
        // A kept column of this name, unless it has been replaced already: then there are two, and that is an error.
        match columns.iter_mut().find(|kept| kept.field.name() == name && kept.param == KEPT) {
            Some(kept) => *kept = column,
            None => columns.push(column),
        }
    }
    let mut named: HashMap<&str, &Column> = HashMap::new();
    for column in &columns {
        let name = column.field.name();
        if let Some(first) = named.insert(name, column) {
            // One of the two has its name from a param.
            let param = if column.param == KEPT { &first.param } else { &column.param };
            cx.error(param, "duplicate_column", format!("There are two columns called `{name}`: choose another name."));
        }
    }
    if columns.is_empty() && !cx.has_errors() {
        cx.error("columns", "no_columns", "No column is left: compute one, or keep the others.");
    }
    let event_time = event_time_column(&input).and_then(|name| input.index_of(name).ok());
    let follower = columns
        .iter()
        .find(|column| matches!(column.piece, Piece::Input(index) if Some(index) == event_time))
        .map(|column| column.field.name().clone());
    if let Some(event_time) = event_time
        && follower.is_none()
    {
        let name = input.field(event_time).name();
        if let Some(column) = columns.iter().find(|column| column.field.name() == name) {
            let message =
                format!("`{name}` is the event time and is computed anew: the rows have no event time after.");
            cx.warning(&column.param, "event_time_ends", message);
        }
    }
    let fields: Vec<FieldRef> = columns.iter().map(|column| column.field.clone()).collect();
    let schema = with_event_time(&Schema::new_with_metadata(fields, input.metadata().clone()), follower.as_deref());
    Some(Plan { pieces: columns.into_iter().map(|column| column.piece).collect(), schema })
}

/// Stands for a param where a column has its own name from the input.
const KEPT: &str = "";

/// The input's columns without the dropped ones, renamed.
fn kept(params: &Params, cx: &mut InferContext<'_>, input: &SchemaRef) -> Vec<Column> {
    let mut dropped = HashSet::new();
    for (index, column) in params.drop.iter().enumerate() {
        dropped.extend(cx.column(&format!("drop[{index}]"), column.as_str(), input));
    }
    let mut new_names: Vec<Option<(String, String)>> = vec![None; input.fields().len()];
    for (index, rename) in params.rename.iter().enumerate() {
        let param = format!("rename[{index}].to");
        if rename.to.is_empty() {
            cx.error(&param, "no_name", "Name the column.");
        }
        let Some(column) = cx.column(&format!("rename[{index}].from"), rename.from.as_str(), input) else { continue };
        if new_names[column].is_some() {
            let message = format!("`{}` is renamed twice.", rename.from);
            cx.error(format!("rename[{index}].from"), "duplicate_column", message);
        }
        new_names[column] = Some((rename.to.clone(), param));
    }
    let fields = input.fields().iter().enumerate().zip(new_names);
    fields
        .filter(|((index, _), _)| !dropped.contains(index))
        .map(|((index, field), new_name)| match new_name {
            None => Column { field: field.clone(), piece: Piece::Input(index), param: KEPT.to_owned() },
            Some((name, param)) => {
                let field = Arc::new(Field::clone(field).with_name(name));
                Column { field, piece: Piece::Input(index), param }
            }
        })
        .collect()
}

/// A computed column; an expression that is just a column's name passes that column on as it is.
fn compute(
    computed: &Computed,
    input: &SchemaRef,
) -> Result<(FieldRef, Piece), millrace_operator::expression::ExpressionError> {
    let text = computed.expression.as_str().trim();
    let is_plain = text.chars().all(|c| c.is_alphanumeric() || c == '_');
    let quoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let compiled = CompiledExpression::compile(text, input)?;
    if let Some(name) = quoted.or(is_plain.then_some(text))
        && let Ok(index) = input.index_of(name)
    {
        let field = Field::clone(input.field(index)).with_name(&computed.name);
        return Ok((Arc::new(field), Piece::Input(index)));
    }
    Ok((compiled.field(&computed.name), Piece::Computed(Box::new(compiled))))
}

struct SelectOperator {
    plan: Plan,
    rejecting: Rejecting,
}

impl Operator for SelectOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.plan.pieces.len());
        let mut failures = Vec::new();
        for piece in &self.plan.pieces {
            columns.push(match piece {
                Piece::Input(index) => batch.column(*index).clone(),
                Piece::Computed(expression) => {
                    let results = expression.evaluate_rows(&batch)?;
                    failures.push(results.failures);
                    results.values
                }
            });
        }
        let failures = merge_failures(failures);
        let keeps = self.rejecting.sort_out(&batch, &failures, out)?;
        let mut selected = RecordBatch::try_new(self.plan.schema.clone(), columns)?;
        if let Some(keeps) = keeps {
            selected = filter_record_batch(&selected, &keeps)?;
        }
        out.emit(ROWS, selected);
        Ok(())
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        Ok(self.rejecting.snapshot())
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        self.rejecting.restore(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, StringArray, TimestampMicrosecondArray};
    use arrow::datatypes::DataType;
    use millrace_model::event_time::UTC;
    use millrace_operator::ParamProblem;
    use millrace_operator::harness::{Harness, assert_node_contract};
    use serde_json::{Value, json};

    fn batch(texts: Vec<Option<&str>>) -> RecordBatch {
        let numbers: Vec<i64> = (1..).take(texts.len()).collect();
        let plain = RecordBatch::try_from_iter_with_nullable([
            ("ts", Arc::new(TimestampMicrosecondArray::from(numbers.clone()).with_timezone(UTC)) as _, true),
            ("n", Arc::new(Int64Array::from(numbers)) as _, false),
            ("text", Arc::new(StringArray::from(texts)) as _, true),
        ])
        .expect("columns fit");
        let schema = with_event_time(&plain.schema(), Some("ts"));
        plain.with_schema(schema).expect("only the metadata differs")
    }

    fn harness(params: Value) -> Result<Harness, Vec<ParamProblem>> {
        Harness::try_new::<Select>(params, &[batch(vec![]).schema()])
    }

    fn names(schema: &SchemaRef) -> Vec<&str> {
        schema.fields().iter().map(|field| field.name().as_str()).collect()
    }

    #[test]
    fn it_keeps_the_contract() {
        let params = json!({"columns": [{"name": "twice", "expression": "n * 2"}]});
        assert_node_contract::<Select>(params, &[batch(vec![]).schema()]);
    }

    #[test]
    fn columns_are_computed_replaced_dropped_renamed_and_cast() {
        let harness = harness(json!({
            "columns": [
                {"name": "n", "expression": "n * 10"},
                {"name": "value", "expression": "CAST(text AS BIGINT)"},
            ],
            "drop": ["text"],
            "rename": [{"from": "ts", "to": "time"}],
        }))
        .expect("good params");
        let schema = harness.schema_of("rows");
        assert_eq!(names(&schema), ["time", "n", "value"]);
        assert_eq!(schema.field(2).data_type(), &DataType::Int64);
        assert_eq!(event_time_column(&schema), Some("time"));
        let mut run = harness.operator();
        run.push(batch(vec![])).push(batch(vec![Some("7"), None])).end();
        let rows = run.gathered.json("rows");
        assert_eq!((&rows[0]["n"], &rows[0]["value"]), (&json!(10), &json!(7)));
        assert_eq!((&rows[1]["n"], &rows[1]["value"]), (&json!(20), &json!(null)));
    }

    #[test]
    fn only_the_computed_columns_leave_when_the_others_are_not_kept() {
        let harness = harness(json!({
            "columns": [{"name": "when", "expression": "ts"}, {"name": "up", "expression": "upper(text)"}],
            "keep_others": false,
        }))
        .expect("good params");
        let schema = harness.schema_of("rows");
        assert_eq!(names(&schema), ["when", "up"]);
        assert_eq!(event_time_column(&schema), Some("when"));
    }

    #[test]
    fn event_time_ends_where_its_column_is_dropped_or_computed_anew() {
        let dropped = harness(json!({"drop": ["ts"]})).expect("good params");
        assert_eq!(event_time_column(&dropped.schema_of("rows")), None);
        let params: Params = serde_json::from_value(json!({
            "columns": [{"name": "ts", "expression": "date_trunc('minute', ts)"}],
        }))
        .expect("good params");
        let inputs = [Some(batch(vec![]).schema())];
        let mut cx = InferContext::new(&inputs, None);
        let outputs = Select::infer(&params, &mut cx);
        assert_eq!(event_time_column(outputs[0].as_ref().expect("a schema")), None);
        let problems = cx.into_problems();
        assert!(problems.iter().any(|problem| problem.code == "event_time_ends" && problem.is_warning));
    }

    #[test]
    fn a_row_with_a_value_that_does_not_fit_leaves_by_rejected() {
        let params = |on_error: &str| {
            json!({
                "columns": [
                    {"name": "value", "expression": "CAST(text AS BIGINT)"},
                    {"name": "inverse", "expression": "6 / (n - 2)"},
                ],
                "on_error": on_error,
            })
        };
        let rows = || batch(vec![Some("x"), Some("2"), Some("3")]);
        let reject = harness(params("reject")).expect("good params");
        let mut run = reject.operator();
        run.push(rows()).restart().push(rows());
        assert_eq!(run.gathered.rows_at("rows"), 2);
        let positions: Vec<Value> =
            run.gathered.json("rejected").into_iter().map(|mut row| row["position"].take()).collect();
        let expected = [1, 2, 4, 5].map(|row| json!(format!("row {row} of the node's input")));
        assert_eq!(positions, expected);

        let null = harness(params("null")).expect("good params");
        let mut run = null.operator();
        run.push(rows());
        let values: Vec<Value> = run.gathered.json("rows").into_iter().map(|mut row| row["value"].take()).collect();
        assert_eq!(values, [json!(null), json!(2), json!(3)]);

        let fail = harness(params("fail")).expect("good params");
        assert!(fail.operator().try_push(0, rows()).is_err());
    }

    #[test]
    fn what_cannot_be_is_found_before_the_run() {
        for (params, param, code) in [
            (json!({"columns": [{"name": "a", "expression": "nn + 1"}]}), "columns[0].expression", "unknown_column"),
            (json!({"columns": [{"name": "", "expression": "n"}]}), "columns[0].name", "no_name"),
            (json!({"rename": [{"from": "n", "to": "text"}]}), "rename[0].to", "duplicate_column"),
            (json!({"rename": [{"from": "m", "to": "x"}]}), "rename[0].from", "unknown_column"),
            (json!({"drop": ["txt"]}), "drop[0]", "unknown_column"),
            (
                json!({"columns": [{"name": "a", "expression": "1"}, {"name": "a", "expression": "2"}]}),
                "columns[1].name",
                "duplicate_column",
            ),
            (json!({"keep_others": false}), "columns", "no_columns"),
        ] {
            let problems = harness(params.clone()).err().unwrap_or_else(|| panic!("{params} is refused"));
            let found = problems.iter().any(|problem| problem.param == param && problem.code == code);
            assert!(found, "{params}: {problems:#?}");
        }
    }

    #[test]
    fn a_column_whose_name_looks_like_a_sum_is_not_taken_for_it() {
        let input = RecordBatch::try_from_iter_with_nullable([
            ("a", Arc::new(Int64Array::from(vec![5])) as ArrayRef, false),
            ("b", Arc::new(Int64Array::from(vec![3])) as ArrayRef, false),
            ("a-b", Arc::new(Int64Array::from(vec![99])) as ArrayRef, false),
        ])
        .expect("columns fit");
        let params = json!({"columns": [
            {"name": "difference", "expression": "a-b"},
            {"name": "column", "expression": "\"a-b\""},
        ]});
        let harness = Harness::new::<Select>(params, &[input.schema()]);
        let mut run = harness.operator();
        run.push(input);
        let row = &run.gathered.json("rows")[0];
        assert_eq!((&row["difference"], &row["column"]), (&json!(2), &json!(99)));
    }
}
