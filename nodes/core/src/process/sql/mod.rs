//! `process.sql`: a SELECT over the rows that arrive, one by one or by windows of time.
//!
//! Without a window it is stateless and made of the same compiled expressions as Filter and Select. With one it holds the
//! rows of every open window, for each input, and runs the query over them when the watermark reaches the end of the
//! window. What the query computes of each row alone is tried when the row arrives: one that fails is rejected and never
//! held. As with the window nodes of Analyze, the event time of the results is then `window_start`, and the watermark
//! that goes with them is the start of the oldest window that is open.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, TimestampMicrosecondArray};
use arrow::compute::{filter_record_batch, take};
use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use millrace_model::Interval;
use millrace_model::card::{PortCard, PortRole};
use millrace_model::event_time::{UTC, event_time_column, timestamp_type, with_event_time};
use millrace_operator::expression::RowFailure;
use millrace_operator::rejected::{self, OnError};
use millrace_operator::sql::{RowQuery, SqlQuery};
use millrace_operator::{
    BuildContext, CardText, InferContext, Machine, Node, NodeError, Operator, Origin, Output, Partitioning,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rejecting::{Rejecting, first_error, merge_failures, report};
use crate::state::lateness::{Lateness, aligned, event_time_index};
use crate::state::rows::RowStore;
use crate::state::saved;

#[cfg(test)]
mod tests;

/// Runs a SQL query over the rows.
///
/// The rows that arrive are the table `input`.
///
/// **Without a window** the query looks at one row at a time: it may compute columns and have a condition.
/// With `SELECT device, value * 2 AS double FROM input WHERE value > 10`:
///
/// | in: device | value | | out: device | double |
/// | --- | --- | --- | --- | --- |
/// | a | 12 | | a | 24 |
/// | b | 3 | | *left out* | |
///
/// A row for which something cannot be computed leaves by the `rejected` port with the reason. The event time is kept
/// where its column is passed on.
///
/// **With a window** the query runs over all rows of each window of event time, when that closes, and may do what SQL can:
/// group, sort, join, use window functions. With the window `1 min` and
/// `SELECT device, count(*) AS n FROM input GROUP BY device ORDER BY n DESC LIMIT 1`:
///
/// | window_start | window_end | device | n |
/// | --- | --- | --- | --- |
/// | 10:00 | 10:01 | a | 17 |
/// | 10:01 | 10:02 | b | 9 |
///
/// Windows follow each other, aligned to 1970-01-01 00:00 UTC; one without rows gives none. Rows whose window has closed,
/// or without a time, leave by the `late` port. A row for which something cannot be computed leaves by the `rejected` port
/// and the query runs over the others. What is no single row's fault, such as a sum that is too large, leaves the window
/// without a result: its start and end leave by `rejected` with the reason. Further inputs are tables of their own: name
/// them in `tables`, wire them, and join them; their late rows leave by the port of that name.
///
/// Column names are taken as they are written: `Value` is not `value`. Texts stand in single quotes. Functions such as
/// `random()` and `now()`, which give something else each time, cannot be used.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The query: one SELECT.
    #[schemars(extend("format" = "multiline"))]
    pub query: String,
    /// Runs the query over windows of this length. Zero: over one row at a time.
    #[serde(default)]
    pub window: Interval,
    /// Further inputs; only with a window.
    #[serde(default)]
    pub tables: Vec<TableParams>,
    /// What becomes of a row for which something cannot be computed, and of a window that has no result for that reason.
    /// With `null`, a value of a row is null and a condition is not met; a window is rejected.
    #[serde(default)]
    pub on_error: OnError,
}

/// A further input.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableParams {
    /// The name of the input port, and of the table in the query.
    pub name: String,
}

pub struct Sql;

const INPUT: &str = "input";
const ROWS: usize = 0;
const REJECTED: usize = 1;
const LATE: usize = 2;
const WINDOW_START: &str = "window_start";
const WINDOW_END: &str = "window_end";

impl Node for Sql {
    type Params = Params;
    const KIND: &'static str = "process.sql";

    fn card() -> CardText {
        let table = PortCard::named("table", PortRole::Rows, "The rows of a further table of the query.");
        let late = PortCard::named("table", PortRole::Late, "Late rows of a further table.");
        CardText::new("SQL", "Runs a SQL query over the rows, one by one or by windows", "file-sql")
            .input(PortCard::rows("The rows of the table `input`."))
            .input(table.repeated_by("tables", "name"))
            .output(PortCard::rows("What the query gives."))
            .output(PortCard::rejected())
            .output(PortCard::late())
            .output(late.repeated_by("tables", "name"))
            .headline("query")
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        let schema = plan(params, cx).map(|plan| plan.schema);
        let names: BTreeSet<&str> = params.tables.iter().map(|table| table.name.as_str()).collect();
        let mut outputs = vec![schema, Some(rejected::schema())];
        outputs.extend((0..=names.len()).map(|input| cx.inputs.get(input).cloned().flatten()));
        outputs
    }

    fn partitioning(params: &Params) -> Partitioning {
        if params.window.is_zero() { Partitioning::Stateless } else { Partitioning::Single }
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let inputs: Vec<Option<SchemaRef>> = cx.inputs.iter().cloned().map(Some).collect();
        let mut found = InferContext::new(&inputs, None);
        let plan = plan(&params, &mut found);
        let Some(plan) = plan.filter(|_| !found.has_errors()) else {
            return Err(first_error(found.into_problems()));
        };
        Ok(Machine::Operator(match plan.way {
            Way::ByRows(query) => Box::new(RowsOperator {
                query,
                schema: plan.schema,
                rejecting: Rejecting::new(REJECTED, params.on_error),
            }),
            Way::ByWindows(query, times) => {
                let names = std::iter::once(INPUT).chain(params.tables.iter().map(|table| table.name.as_str()));
                let rejecting = |name: &str| match params.tables.is_empty() {
                    true => Rejecting::new(REJECTED, params.on_error),
                    false => Rejecting::new(REJECTED, params.on_error).of_input(name),
                };
                let inputs = cx.inputs.iter().zip(times).zip(names);
                let inputs = inputs.map(|((schema, time), name)| Input {
                    lateness: Lateness::new(time),
                    rejecting: rejecting(name),
                    rows: RowStore::new(schema.clone()),
                    windows: BTreeMap::new(),
                });
                Box::new(WindowsOperator {
                    query: *query,
                    schema: plan.schema,
                    inputs: inputs.collect(),
                    size_us: params.window.as_micros(),
                    watermark_us: None,
                })
            }
        }))
    }
}

enum Way {
    ByRows(RowQuery),
    /// With the event time of each input.
    ByWindows(Box<SqlQuery>, Vec<usize>),
}

struct Plan {
    schema: SchemaRef,
    way: Way,
}

/// What the params mean for the inputs; faults are reported in `cx`.
fn plan(params: &Params, cx: &mut InferContext<'_>) -> Option<Plan> {
    let mut names = vec![INPUT];
    for (number, table) in params.tables.iter().enumerate() {
        let param = format!("tables[{number}].name");
        let name = table.name.as_str();
        let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            && name.starts_with(|c: char| c.is_ascii_lowercase());
        if !is_name || ["rows", "late", "rejected"].contains(&name) {
            let message = format!(
                "`{name}` cannot name a table here: use lower-case letters, digits and underscores, such as `devices`."
            );
            cx.error(param, "bad_port_name", message);
        } else if names.contains(&name) {
            cx.error(param, "duplicate_port", format!("There is a table `{name}` already: choose another name."));
        } else {
            names.push(name);
        }
    }
    let is_by_rows = params.window.is_zero();
    if is_by_rows && !params.tables.is_empty() {
        cx.error("tables", "needs_window", "Rows of several inputs meet in a window only: give its length.");
    }
    if !is_by_rows && params.window.as_micros() == 0 {
        cx.error("window", "no_size", "A window must last a microsecond at least; try `1 min`.");
    }
    if cx.has_errors() {
        return None;
    }
    let schemas: Vec<SchemaRef> =
        (0..names.len()).map(|input| cx.inputs.get(input).cloned().flatten()).collect::<Option<_>>()?;
    let tables: Vec<(&str, SchemaRef)> = names.iter().copied().zip(schemas.iter().cloned()).collect();
    let query = match SqlQuery::compile(&params.query, &tables) {
        Ok(query) => query,
        Err(error) => {
            report(cx, "query", &error);
            return None;
        }
    };
    if is_by_rows {
        let by_rows = query.by_rows().map_err(|error| report(cx, "query", &error)).ok()?;
        let event_time = event_time_column(&schemas[0]).and_then(|name| schemas[0].index_of(name).ok());
        let follower = (0..query.schema().fields().len())
            .find(|column| event_time.is_some() && by_rows.origin_of(*column) == event_time)
            .map(|column| query.schema().field(column).name().clone());
        let schema = with_event_time(query.schema(), follower.as_deref());
        return Some(Plan { schema, way: Way::ByRows(by_rows) });
    }
    let times: Vec<Option<usize>> =
        names.iter().zip(&schemas).map(|(name, schema)| event_time_index(cx, schema, name)).collect();
    let time_field = |name: &str| -> FieldRef { Arc::new(Field::new(name, timestamp_type(), false)) };
    let mut fields = vec![time_field(WINDOW_START), time_field(WINDOW_END)];
    for field in query.schema().fields() {
        if [WINDOW_START, WINDOW_END].contains(&field.name().as_str()) {
            let message = format!("Every result has a column `{}` already: name yours otherwise.", field.name());
            cx.error("query", "duplicate_column", message);
        }
        fields.push(field.clone());
    }
    let schema = with_event_time(&Schema::new(fields), Some(WINDOW_START));
    Some(Plan { schema, way: Way::ByWindows(Box::new(query), times.into_iter().collect::<Option<_>>()?) })
}

struct RowsOperator {
    query: RowQuery,
    schema: SchemaRef,
    rejecting: Rejecting,
}

impl Operator for RowsOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let results = self.query.evaluate(&batch)?;
        let failures = merge_failures(results.failures);
        let keeps = self.rejecting.sort_out(&batch, &failures, out)?;
        let mut rows = results.rows;
        let mut num_rejected = 0;
        if let Some(keeps) = keeps {
            num_rejected = failures.len();
            let keeps = take(&keeps, &results.origins, None)?;
            rows = filter_record_batch(&rows, arrow::array::AsArray::as_boolean(keeps.as_ref()))?;
        }
        out.drop_rows(batch.num_rows() - rows.num_rows() - num_rejected);
        out.emit(ROWS, rows.with_schema(self.schema.clone())?);
        Ok(())
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        Ok(self.rejecting.snapshot())
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        self.rejecting.restore(state)
    }
}

struct Input {
    lateness: Lateness,
    rejecting: Rejecting,
    rows: RowStore,
    /// By the start of an open window: its rows, in the order of their arrival.
    windows: BTreeMap<i64, Vec<u64>>,
}

impl Input {
    fn hold(&mut self, batch: RecordBatch, times: &[i64], size_us: i64) -> Result<(), NodeError> {
        let first = self.rows.push(batch)?;
        let mut rows = times.iter().copied().zip(first..).peekable();
        while let Some((time_us, _)) = rows.peek().copied() {
            // Neighbours mostly fall into one window.
            let start_us = aligned(time_us, size_us);
            let window = self.windows.entry(start_us).or_default();
            while let Some((_, number)) = rows.next_if(|(time_us, _)| aligned(*time_us, size_us) == start_us) {
                window.push(number);
            }
        }
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
struct WindowsState {
    watermark_us: Option<i64>,
    /// By each input.
    rows_seen: Vec<i64>,
}

struct WindowsOperator {
    query: SqlQuery,
    schema: SchemaRef,
    inputs: Vec<Input>,
    size_us: i64,
    watermark_us: Option<i64>,
}

impl WindowsOperator {
    /// The start of the oldest window that is open.
    fn open_from(&self, watermark_us: i64) -> i64 {
        if watermark_us == i64::MAX { i64::MAX } else { aligned(watermark_us, self.size_us) }
    }

    fn close(&mut self, start_us: i64, out: &mut Output) -> Result<(), NodeError> {
        let mut tables = Vec::with_capacity(self.inputs.len());
        for input in &mut self.inputs {
            let numbers = input.windows.remove(&start_us).unwrap_or_default();
            tables.push(input.rows.take(&numbers)?);
            for number in numbers {
                input.rows.free(number)?;
            }
        }
        let results = match self.query.run(tables.clone()) {
            Err(error) => self.run_without_culprits(error, tables, start_us, out)?,
            Ok(results) => results,
        };
        for rows in results {
            let times = |time_us: i64| -> ArrayRef {
                Arc::new(TimestampMicrosecondArray::from(vec![time_us; rows.num_rows()]).with_timezone(UTC))
            };
            let mut columns = vec![times(start_us), times(start_us.saturating_add(self.size_us))];
            columns.extend(rows.columns().iter().cloned());
            out.emit(ROWS, RecordBatch::try_new(self.schema.clone(), columns)?);
        }
        Ok(())
    }
}

impl WindowsOperator {
    /// What fails only once rows meet, such as a division after a join: rejects the rows that it fails for. Where it is
    /// no row's fault, such as a sum that is too large, the window itself is rejected: it has no result.
    fn run_without_culprits(
        &mut self,
        error: NodeError,
        mut tables: Vec<RecordBatch>,
        start_us: i64,
        out: &mut Output,
    ) -> Result<Vec<RecordBatch>, NodeError> {
        // A defect, or a disk that is full, is nobody's data.
        if error.origin != Origin::User {
            return Err(error);
        }
        let start = jiff::Timestamp::from_microsecond(start_us).map_or(start_us.to_string(), |time| time.to_string());
        let window = format!("the window that begins at {start}");
        let on_error = self.inputs.first().map_or(OnError::Fail, |input| input.rejecting.on_error());
        let culprits = if on_error == OnError::Reject { self.query.culprits(&tables)? } else { None };
        if let Some((table, failures)) = culprits {
            let place = format!("a row of {window}");
            let keeps = self.inputs[table].rejecting.put_out(&tables[table], &failures, &place, out)?;
            tables[table] = filter_record_batch(&tables[table], &keeps)?;
            return self.query.run(tables);
        }
        let message = error.message.trim_end_matches('.');
        let advice = "No single row was found at fault: keep the query from it, as with `x / nullif(y, 0)`";
        if on_error == OnError::Fail {
            return Err(NodeError::user(format!("{message} (in {window}). {advice}.")));
        }
        let bounds = [(WINDOW_START, start_us), (WINDOW_END, start_us.saturating_add(self.size_us))];
        let bounds = bounds.map(|(name, time_us)| {
            let time = TimestampMicrosecondArray::from(vec![time_us]).with_timezone(UTC);
            (name, Arc::new(time) as ArrayRef, false)
        });
        let lost = RecordBatch::try_from_iter_with_nullable(bounds)?;
        let num_rows: usize = tables.iter().map(RecordBatch::num_rows).sum();
        let reason = format!("{message} over the {num_rows} rows of the window. {advice}.");
        let place = format!("the result of {window}");
        self.inputs[0].rejecting.put_out(&lost, &[RowFailure { row: 0, reason }], &place, out)?;
        Ok(Vec::new())
    }
}

impl Operator for WindowsOperator {
    fn on_batch(&mut self, input: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let open_from = self.watermark_us.map(|watermark_us| self.open_from(watermark_us));
        let size_us = self.size_us;
        let (table, input_port) = (input, LATE + input);
        let input = self.inputs.get_mut(input).ok_or_else(|| NodeError::internal("there is no such input"))?;
        input.lateness.watermark_us = open_from;
        let in_time = input.lateness.sort_out(batch, input_port, out)?;
        let failures = merge_failures(self.query.failures(table, &in_time.batch)?);
        let Some(keeps) = input.rejecting.sort_out(&in_time.batch, &failures, out)? else {
            return input.hold(in_time.batch, &in_time.times, size_us);
        };
        let times: Vec<i64> =
            in_time.times.iter().zip(keeps.values()).filter(|(_, keeps)| *keeps).map(|(time_us, _)| *time_us).collect();
        input.hold(filter_record_batch(&in_time.batch, &keeps)?, &times, size_us)
    }

    fn on_watermark(&mut self, watermark_us: i64, out: &mut Output) -> Result<(), NodeError> {
        self.watermark_us = self.watermark_us.max(Some(watermark_us));
        let open_from_us = self.open_from(watermark_us);
        loop {
            let oldest =
                self.inputs.iter().filter_map(|input| input.windows.first_key_value()).map(|(start, _)| *start);
            let Some(start_us) = oldest.min().filter(|start_us| *start_us < open_from_us || open_from_us == i64::MAX)
            else {
                break;
            };
            self.close(start_us, out)?;
        }
        out.watermark(open_from_us);
        Ok(())
    }

    fn makes_watermarks(&self) -> bool {
        true
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        // In the order of their arrival, so that the windows follow from the times.
        let batches = self.inputs.iter().map(|input| Ok(input.rows.all()?.0)).collect::<Result<Vec<_>, NodeError>>()?;
        let rows_seen: Vec<i64> = self.inputs.iter().map(|input| input.rejecting.rows_seen()).collect();
        saved::to_bytes(&WindowsState { watermark_us: self.watermark_us, rows_seen }, &batches)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let (WindowsState { watermark_us, rows_seen }, batches) = saved::from_bytes_many(state)?;
        self.watermark_us = watermark_us;
        if batches.len() != self.inputs.len() || rows_seen.len() != self.inputs.len() {
            return Err(saved::damaged());
        }
        for ((input, rows), rows_seen) in self.inputs.iter_mut().zip(batches).zip(rows_seen) {
            input.rejecting.set_rows_seen(rows_seen);
            let times = input.lateness.times(&rows)?.values().to_vec();
            input.hold(rows, &times, self.size_us)?;
        }
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        let numbers =
            |input: &Input| input.windows.values().map(|rows| rows.capacity() * size_of::<u64>()).sum::<usize>();
        self.inputs.iter().map(|input| input.rows.bytes() + numbers(input)).sum()
    }
}
