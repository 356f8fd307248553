//! `process.parse_text`: takes a text apart into typed columns.
//!
//! Holds the number of rows seen and, with `event_time`, the largest event time seen. A text is parsed wholly or not at
//! all: what does not match leaves by `rejected` with the text itself. The ways to parse stand in `methods` and
//! `access_log`, the columns being filled in `columns`.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringArray};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use millrace_model::RowTrait;
use millrace_model::card::PortCard;
use millrace_model::event_time::{event_time_column, with_event_time};
use millrace_model::{ColumnRef, Interval, suggest};
use millrace_operator::expression::RowFailure;
use millrace_operator::rejected::{self, OnError};
use millrace_operator::watermark::{DEFAULT_MAX_OUT_OF_ORDERNESS, WatermarkMaker};
use millrace_operator::{
    BuildContext, CardText, Columns as ReadColumns, InferContext, Machine, Node, NodeError, Operator, Output,
    Partitioning, Wanted,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::columns::{Columns, ValueType};
use self::methods::{Method, Parser};
use crate::rejecting::{self, Rejecting, TimedRows, first_error};

mod access_log;
mod columns;
mod methods;
#[cfg(test)]
mod tests;

/// Takes a text apart into columns.
///
/// Four methods:
///
/// - **regex**: a regular expression with named groups, each group a column. With `^(?<level>\w+) (?<took>\d+)$` and
///   `took` as integer, the line `warn 12` gives level = `warn`, took = 12.
/// - **access_log**: the log of a web server, common or combined format, into `ip`, `user`, `time`, `method`, `path`,
///   `protocol`, `status`, `bytes`, and with combined `referer` and `user_agent`. A `-` becomes null.
/// - **key_value**: pairs such as `level=info msg="all well"`, for the keys you name.
/// - **json**: a JSON object, for the fields you name.
///
/// With the method `access_log` in the common format:
///
/// | line | ip | time | method | path | status | bytes |
/// | --- | --- | --- | --- | --- | --- | --- |
/// | `10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 2326` | 10.0.0.1 | 2000-10-10 20:55:36 | GET | /a | 200 | 2326 |
/// | `hello` | *leaves by rejected* | | | | | |
///
/// The other columns of the input are kept. A text that does not match, or holds a value that is not of its column's
/// type, leaves by the `rejected` port as it was. A null text gives nulls.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The column that holds the text.
    #[serde(default = "line")]
    pub column: ColumnRef,
    /// How the text is written.
    pub method: Method,
    /// Keeps the text beside what was found in it.
    #[serde(default)]
    pub keep_original: bool,
    /// The column found in the text that becomes the event time of the rows, which windows go by: one of type
    /// timestamp, such as the `time` of an access log. Empty: none of them.
    #[serde(default)]
    pub event_time: String,
    /// How much later than a newer row an older one may arrive without being late.
    #[serde(default = "default_max_out_of_orderness")]
    pub max_out_of_orderness: Interval,
    /// What becomes of a text that does not match. With `null`, what could not be read is null.
    #[serde(default)]
    pub on_error: OnError,
}

fn line() -> ColumnRef {
    ColumnRef::from("line")
}

fn default_max_out_of_orderness() -> Interval {
    DEFAULT_MAX_OUT_OF_ORDERNESS
}

pub struct ParseText;

const ROWS: usize = 0;
const REJECTED: usize = 1;

impl Node for ParseText {
    type Params = Params;
    const KIND: &'static str = "process.parse_text";

    fn card() -> CardText {
        CardText::new("Parse text", "Takes a line of text apart into typed columns", "text-aa")
            .can_bypass()
            .input(
                PortCard::rows("Rows with a text.")
                    .needing(RowTrait::Text)
                    .asking_for(&[RowTrait::RawText, RowTrait::Untimed]),
            )
            .output(
                PortCard::rows("The rows with what was found in the text.")
                    .giving(&[RowTrait::EventTime, RowTrait::Number]),
            )
            .output(PortCard::rejected())
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![plan(params, cx).map(|plan| plan.schema), Some(rejected::schema())]
    }

    fn partitioning(_: &Params) -> Partitioning {
        Partitioning::Stateless
    }

    fn reads(params: &Params, wanted: &Wanted<'_>) -> Vec<ReadColumns> {
        let read = ReadColumns::named([params.column.as_str()]).and(wanted.output(ROWS));
        vec![rejecting::reads(read, wanted.output(REJECTED))]
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let inputs = [Some(cx.input().clone())];
        let mut found = InferContext::new(&inputs, None);
        let first = plan(&params, &mut found);
        let Some(plan) = first.filter(|_| !found.has_errors()) else {
            return Err(first_error(found.into_problems()));
        };
        let num_others = std::thread::available_parallelism().map_or(1, usize::from) - 1;
        let others = (0..num_others).filter_map(|_| self::plan(&params, &mut InferContext::new(&inputs, None)));
        let others: Vec<Worker> = others.map(|plan| plan.worker).collect();
        let watermarks = match params.event_time.as_str() {
            "" => None,
            _ => WatermarkMaker::new(&plan.schema, params.max_out_of_orderness),
        };
        let rows = TimedRows::new(Rejecting::new(REJECTED, params.on_error), watermarks);
        Ok(Machine::Operator(Box::new(ParseTextOperator { plan, others, rows })))
    }
}

struct Plan {
    schema: SchemaRef,
    /// Where the text stands in the input.
    column: usize,
    /// The input's columns that stay.
    kept: Vec<usize>,
    worker: Worker,
}

/// Parses a stretch of the rows of a batch.
struct Worker {
    parser: Parser,
    columns: Columns,
}

/// Fewer rows than this are not worth the handing over to another core.
const MIN_STRETCH: usize = 1_024;

impl Worker {
    /// The columns of some rows, and those rows whose text does not match.
    fn parse(&mut self, texts: &StringArray, rows: Range<usize>) -> (Vec<ArrayRef>, Vec<RowFailure>) {
        let mut failures = Vec::new();
        for row in rows {
            if texts.is_valid(row)
                && let Err(mismatch) = self.parser.parse(texts.value(row), &mut self.columns)
            {
                failures.push(RowFailure { row, reason: mismatch.0 });
            }
            self.columns.end_row();
        }
        (self.columns.finish(), failures)
    }
}

/// What the params mean for the input; faults are reported in `cx`.
fn plan(params: &Params, cx: &mut InferContext<'_>) -> Option<Plan> {
    let planned = params.method.plan(cx);
    let input = cx.input()?;
    let column = cx.column("column", params.column.as_str(), &input)?;
    let data_type = input.field(column).data_type();
    if !matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..)) {
        let message = format!("Column `{}` is of type {data_type}, not text.", params.column);
        cx.error("column", "not_text", message);
        return None;
    }
    let (parser, specs) = planned?;
    let kept: Vec<usize> = (0..input.fields().len()).filter(|index| params.keep_original || *index != column).collect();
    let mut fields: Vec<FieldRef> = kept.iter().map(|index| input.fields()[*index].clone()).collect();
    let mut names: HashSet<String> = fields.iter().map(|field| field.name().clone()).collect();
    for (index, spec) in specs.iter().enumerate() {
        if spec.name.is_empty() {
            cx.error(params.method.column_param(index), "no_name", "Name the column.");
        } else if !names.insert(spec.name.clone()) {
            let message = format!("There are two columns called `{}`: rename the one before this node.", spec.name);
            cx.error(params.method.column_param(index), "duplicate_column", message);
        }
        fields.push(spec.field());
    }
    let event_time = match params.event_time.as_str() {
        "" => event_time_column(&input),
        name => {
            let times = specs.iter().filter(|spec| spec.value_type == ValueType::Timestamp);
            let times: Vec<&str> = times.map(|spec| spec.name.as_str()).collect();
            if !times.contains(&name) {
                let hint = suggest::hint(name, times.iter().copied());
                let message = format!("No column of type timestamp called `{name}` is found in the text.{hint}");
                cx.error("event_time", "unknown_column", message);
            }
            Some(name)
        }
    };
    let schema = with_event_time(&Schema::new_with_metadata(fields, input.metadata().clone()), event_time);
    Some(Plan { schema, column, kept, worker: Worker { parser, columns: Columns::new(specs) } })
}

struct ParseTextOperator {
    plan: Plan,
    /// For the other cores.
    others: Vec<Worker>,
    rows: TimedRows,
}

impl Operator for ParseTextOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let texts = cast(batch.column(self.plan.column), &DataType::Utf8)?;
        let texts = texts.as_string::<i32>();
        let num_rows = texts.len();
        let num_stretches = (num_rows / MIN_STRETCH).clamp(1, 1 + self.others.len());
        let size = num_rows.div_ceil(num_stretches);
        let workers: Vec<&mut Worker> = std::iter::once(&mut self.plan.worker).chain(&mut self.others).collect();
        let parts: Vec<(Vec<ArrayRef>, Vec<RowFailure>)> = workers
            .into_par_iter()
            .take(num_stretches)
            .enumerate()
            .map(|(part, worker)| worker.parse(texts, part * size..((part + 1) * size).min(num_rows)))
            .collect();
        let (found, failures): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        let failures: Vec<RowFailure> = failures.into_iter().flatten().collect();
        let raw = |row: usize| Ok(texts.value(row).to_owned());
        let keeps = self.rows.rejecting.sort_out_raw(batch.num_rows(), &failures, out, raw)?;
        let mut columns: Vec<ArrayRef> = self.plan.kept.iter().map(|index| batch.column(*index).clone()).collect();
        for column in 0..found[0].len() {
            let parts: Vec<&dyn Array> = found.iter().map(|part| part[column].as_ref()).collect();
            columns.push(concat(&parts)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let parsed = RecordBatch::try_new_with_options(Arc::clone(&self.plan.schema), columns, &options)?;
        self.rows.emit(ROWS, parsed, keeps.as_ref(), out)
    }

    fn on_watermark(&mut self, watermark_us: i64, out: &mut Output) -> Result<(), NodeError> {
        self.rows.on_watermark(watermark_us, out);
        Ok(())
    }

    fn makes_watermarks(&self) -> bool {
        self.rows.makes_watermarks()
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        self.rows.snapshot()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        self.rows.restore(state)
    }
}
