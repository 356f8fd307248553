//! `visualize.log`: the newest rows as lines of a log. `newest_rows` holds them.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use millrace_model::event_time::{UTC, event_time_column, timestamp_type};
use millrace_model::view::{LogView, Look, ViewSpec};
use millrace_model::{ColumnRef, PortCard};
use millrace_operator::time::event_times;
use millrace_operator::{
    BuildContext, CardText, Columns, InferContext, Machine, Node, NodeError, State, View, ViewSnapshot, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{check_given, field_of, given, read, texts, title};
use super::newest_rows::NewestRows;

/// Shows the newest rows as lines of a log, newest first: time, level, text.
///
/// Words of the level such as `error`, `warn` and `debug` are read as programs write them and set apart in colour. Without
/// columns of *Text* every column is written as `name=value`.
///
/// | in | shown |
/// | --- | --- |
/// | `time`, `level` WARN, `message` door open | 12:00:01  WARN  door open |
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The columns that are the text, in this order; none: all, each with its name.
    #[serde(default)]
    pub text: Vec<ColumnRef>,
    /// The column that says how bad a line is.
    #[serde(default)]
    pub level: Option<ColumnRef>,
    /// How many lines are kept.
    #[serde(default = "default_keep")]
    #[schemars(range(min = 1, max = 100_000))]
    pub keep: usize,
    /// Stands above the log; empty: the node's own title.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub title: String,
}

fn default_keep() -> usize {
    1_000
}

/// The node kind.
pub struct LogNode;

impl Node for LogNode {
    type Params = Params;
    const KIND: &'static str = "visualize.log";

    fn card() -> CardText {
        CardText::new("Log", "The newest rows as lines", "list-bullets")
            .input(PortCard::rows("Rows to show."))
            .headline("text")
            .view()
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        if params.keep == 0 {
            cx.error("keep", "out_of_range", "A log keeps at least one line.");
        }
        if let Some(schema) = cx.input() {
            for (index, column) in params.text.iter().enumerate() {
                cx.column(&format!("text[{index}]"), column.as_str(), &schema);
            }
            check_given(cx, "level", params.level.as_ref(), &schema);
        }
        Vec::new()
    }

    fn reads(params: &Params, wanted: &Wanted<'_>) -> Vec<Columns> {
        if params.text.is_empty() {
            return wanted.everything();
        }
        vec![read(params.text.iter().map(Some).chain([params.level.as_ref()]))]
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let input = cx.input();
        let named = params.text.iter().map(|column| input.index_of(column.as_str())).collect::<Result<Vec<_>, _>>()?;
        let time = event_time_column(input).and_then(|column| input.index_of(column).ok());
        let level = given(params.level.as_ref()).map(|column| input.index_of(column)).transpose()?;
        let is_rest = |index: &usize| Some(*index) != time && Some(*index) != level;
        let rest = (0..input.fields().len()).filter(is_rest);
        let text = if named.is_empty() {
            rest.map(|index| (format!("{}=", input.field(index).name()), index)).collect()
        } else {
            named.into_iter().map(|index| (String::new(), index)).collect()
        };
        let schema = Schema::new(vec![
            Field::new("time", timestamp_type(), true),
            field_of(Field::new("level", DataType::Utf8, true), input, level),
            Field::new("text", DataType::Utf8, false),
        ]);
        let rows = NewestRows::new(Arc::new(schema), params.keep);
        Ok(Machine::View(Box::new(Lines { title: title(params.title, cx), time, level, text, rows })))
    }
}

struct Lines {
    title: String,
    time: Option<usize>,
    level: Option<usize>,
    /// What stands before each column of the text, and the column.
    text: Vec<(String, usize)>,
    rows: NewestRows,
}

impl View for Lines {
    fn on_batch(&mut self, batch: RecordBatch) -> Result<(), NodeError> {
        let num_rows = batch.num_rows();
        let times: ArrayRef = match self.time {
            Some(column) => Arc::new(event_times(batch.column(column).as_ref())?.with_timezone(UTC)),
            None => Arc::new(TimestampMicrosecondArray::new_null(num_rows).with_timezone(UTC)),
        };
        let levels: ArrayRef = match self.level {
            Some(column) => Arc::new(texts(batch.column(column))?),
            None => new_null_array(&DataType::Utf8, num_rows),
        };
        let parts: Vec<StringArray> =
            self.text.iter().map(|(_, column)| texts(batch.column(*column))).collect::<Result<_, _>>()?;
        let line = |row: usize| {
            let words = self.text.iter().zip(&parts).map(|((name, _), part)| format!("{name}{}", part.value(row)));
            words.collect::<Vec<_>>().join(" ")
        };
        let lines = StringArray::from_iter_values((0..num_rows).map(line));
        self.rows.take(RecordBatch::try_new(self.rows.schema().clone(), vec![times, levels, Arc::new(lines)])?)
    }

    fn picture(&mut self, _look: &Look) -> Result<ViewSnapshot, NodeError> {
        let spec = ViewSpec::Log(LogView { title: self.title.clone(), num_rows: self.rows.num_rows() });
        Ok(ViewSnapshot { spec, data: self.rows.rows()? })
    }

    fn snapshot(&mut self) -> Result<State, NodeError> {
        self.rows.save()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        self.rows.load(state)
    }

    fn state_bytes(&self) -> usize {
        self.rows.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int64Array;
    use millrace_model::event_time::with_event_time;
    use millrace_operator::harness::{Harness, assert_node_contract, rows_as_json};
    use serde_json::{Value, json};

    fn schema() -> SchemaRef {
        let fields = vec![
            Field::new("time", timestamp_type(), true),
            Field::new("level", DataType::Utf8, true),
            Field::new("code", DataType::Int64, true),
            Field::new("message", DataType::Utf8, true),
        ];
        with_event_time(&Schema::new(fields), Some("time"))
    }

    fn rows(numbers: std::ops::Range<i64>) -> RecordBatch {
        let times = TimestampMicrosecondArray::from_iter_values(numbers.clone().map(|n| n * 1_000_000));
        let levels: StringArray = numbers.clone().map(|n| (n % 2 == 0).then_some("WARN")).collect();
        let messages: StringArray = numbers.clone().map(|n| Some(format!("door {n}"))).collect();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(times.with_timezone(UTC)),
            Arc::new(levels),
            Arc::new(Int64Array::from_iter_values(numbers)),
            Arc::new(messages),
        ];
        RecordBatch::try_new(schema(), columns).expect("four columns")
    }

    fn shown(view: &mut dyn View) -> Vec<Value> {
        let data = view.picture(&Look::WHOLE).expect("a picture").data;
        rows_as_json(&data).iter().map(|row| json!([row["time"], row["level"], row["text"]])).collect()
    }

    #[test]
    fn the_contract_holds() {
        assert_node_contract::<LogNode>(json!({}), &[schema()]);
        assert_node_contract::<LogNode>(json!({ "text": ["message"], "level": "level" }), &[schema()]);
    }

    #[test]
    fn the_newest_lines_are_kept_through_a_restart() {
        let params = json!({ "text": ["message", "code"], "level": "level", "keep": 2 });
        let harness = Harness::new::<LogNode>(params, &[schema()]);
        let mut view = harness.view();
        view.on_batch(rows(0..5)).expect("rows");
        let state = view.snapshot().expect("a snapshot");
        let mut view = harness.view();
        view.restore(&state).expect("a restore");
        view.on_batch(rows(5..6)).expect("rows");
        assert_eq!(
            shown(view.as_mut()),
            [
                json!(["1970-01-01T00:00:04Z", "WARN", "door 4 4"]),
                json!(["1970-01-01T00:00:05Z", "(none)", "door 5 5"]),
            ]
        );
    }

    #[test]
    fn without_columns_every_one_is_written_with_its_name() {
        let mut view = Harness::new::<LogNode>(json!({}), &[schema()]).view();
        view.on_batch(rows(2..3)).expect("rows");
        assert_eq!(shown(view.as_mut()), [json!(["1970-01-01T00:00:02Z", null, "level=WARN code=2 message=door 2"])]);
    }
}
