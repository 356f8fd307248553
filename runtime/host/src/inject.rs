//! Rows that a person puts on a wire of a run: read from JSON, held against the columns of the wire, and told where they
//! do not fit.

use std::fmt::Write as _;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use millrace_engine::InjectError;
use millrace_model::run::Standstill;
use millrace_model::{Wire, suggest};
use millrace_protocol::{Failure, FailureCode, Response, RunId};
use serde_json::{Map, Value};

use crate::testing::rows;
use crate::{Host, failure};

/// Rows that are put on a wire at once.
const MAX_ROWS: usize = 10_000;

impl Host {
    pub(crate) async fn example_row(&self, run: RunId, wire: Wire) -> Result<Response, Failure> {
        let run = self.runs.find(run)?;
        let schema = run.run.schema_on(&wire).await.ok_or_else(|| no_wire(&wire))?;
        let newest = run.run.tapped(&wire).filter(|rows| rows.num_rows() > 0);
        let newest = newest.and_then(|rows| line_of(&rows.slice(rows.num_rows() - 1, 1)));
        Ok(Response::Text(newest.unwrap_or_else(|| made_up(&schema))))
    }

    pub(crate) async fn inject_rows(&self, run: RunId, wire: Wire, text: String) -> Result<Response, Failure> {
        let run = self.runs.find(run)?;
        let conflict = |message: &str| Failure::new(FailureCode::Conflict, message);
        let metrics = run.metrics();
        if metrics.state.is_over() {
            return Err(conflict("The run is over. Start it again, then put rows on the wire."));
        }
        if matches!(metrics.standstill, Some(Standstill::Halted { .. })) {
            return Err(conflict("The run has halted at a breakpoint. Let it go on first, then put rows on the wire."));
        }
        let schema = run.run.schema_on(&wire).await.ok_or_else(|| no_wire(&wire))?;
        let rows = rows_of(&text, &schema).map_err(|message| Failure::new(FailureCode::Unreadable, message))?;
        let num_rows = rows.num_rows();
        run.run.inject(&wire, rows).await.map_err(|error| match error {
            InjectError::NoWire { .. } => no_wire(&wire),
            error => Failure::new(FailureCode::Conflict, failure::sentence(&error)),
        })?;
        run.note_injected(&wire, num_rows);
        Ok(Response::Done)
    }
}

fn no_wire(wire: &Wire) -> Failure {
    let message = format!("The wire {wire} does not run. Start the pipeline as it is drawn, then put rows on it.");
    Failure::new(FailureCode::NotFound, message)
}

fn line_of(row: &RecordBatch) -> Option<String> {
    let text = String::from_utf8(rows::encoded(row).ok()?).ok()?;
    Some(text.trim_end().to_owned())
}

/// A row to begin from where none has come yet.
fn made_up(schema: &SchemaRef) -> String {
    let value = |data_type: &DataType| match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Value::from(""),
        DataType::Boolean => Value::from(false),
        DataType::Timestamp(..) => Value::from(jiff::Timestamp::now().to_string()),
        number if number.is_integer() => Value::from(0),
        number if number.is_numeric() => Value::from(0.0),
        _ => Value::Null,
    };
    let mut line = String::from("{");
    for (place, field) in schema.fields().iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        // Writing to a string cannot fail. By hand, so that the columns keep their order.
        let _ = write!(line, "{comma}{}:{}", Value::from(field.name().as_str()), value(field.data_type()));
    }
    line.push('}');
    line
}

/// The rows of `text`, one JSON object a line.
///
/// # Errors
/// The first line that is no row, why, and what to do.
fn rows_of(text: &str, schema: &SchemaRef) -> Result<RecordBatch, String> {
    let lines = rows::numbered(text);
    if lines.is_empty() {
        return Err("There is no row. Write one JSON object a line.".to_owned());
    }
    if lines.len() > MAX_ROWS {
        return Err(format!("There are {} rows, and no more than {MAX_ROWS} go at once.", lines.len()));
    }
    for (number, line) in &lines {
        if let Some(reason) = fault(line, schema) {
            return Err(format!("Line {number}: {reason}"));
        }
    }
    rows::decode_lines(&lines, schema).map_err(|(number, reason)| format!("Line {number}: {reason}."))
}

/// What is wrong with a line, as far as that can be said better than by the reader of values.
fn fault(line: &str, schema: &SchemaRef) -> Option<String> {
    let object: Map<String, Value> = match serde_json::from_str(line) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Some("a row is written as one JSON object, such as {\"column\": 1}.".to_owned()),
        Err(error) => return Some(format!("this is not JSON: {error}. Write each row on a line of its own.")),
    };
    let names = || schema.fields().iter().map(|field| field.name().as_str());
    if let Some(unknown) = object.keys().find(|name| schema.index_of(name).is_err()) {
        return Some(format!("the wire has no column `{unknown}`.{}", suggest::hint(unknown, names())));
    }
    let is_missing = |name: &str| object.get(name).is_none_or(Value::is_null);
    let empty = schema.fields().iter().find(|field| !field.is_nullable() && is_missing(field.name()))?;
    Some(format!("the column `{}` must have a value.", empty.name()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::{Field, Schema, TimeUnit};

    use super::*;

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("device", DataType::Utf8, false),
            Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
            Field::new("value", DataType::Float64, true),
        ]))
    }

    fn refusal(text: &str) -> String {
        rows_of(text, &schema()).expect_err("it is refused")
    }

    #[test]
    fn rows_are_read_by_the_columns_of_the_wire_and_what_is_left_out_is_null() {
        let rows = rows_of(
            "{\"device\": \"a\", \"at\": \"2026-01-01T00:00:00Z\"}\n\n{\"value\": 2, \"device\": \"b\"}",
            &schema(),
        );
        let rows = rows.expect("two rows");
        assert_eq!((rows.num_rows(), rows.schema()), (2, schema()));
        assert_eq!((rows.column(1).null_count(), rows.column(2).null_count()), (1, 1));
    }

    #[test]
    fn what_is_no_row_is_told_with_its_line_and_its_column() {
        assert_eq!(refusal(" \n"), "There is no row. Write one JSON object a line.");
        let first = "{\"device\": \"a\"}\n";
        assert_eq!(
            refusal(&format!("{first}[1]")),
            "Line 2: a row is written as one JSON object, such as {\"column\": 1}."
        );
        assert!(refusal(&format!("{first}{{")).starts_with("Line 2: this is not JSON: "));
        let unknown = refusal("{\"device\": \"a\", \"valeu\": 1}");
        assert!(
            unknown.starts_with("Line 1: the wire has no column `valeu`.") && unknown.contains("value"),
            "{unknown}"
        );
        assert_eq!(refusal("{\"value\": 1}"), "Line 1: the column `device` must have a value.");
        let wrong = refusal(&format!("{first}{{\"device\": \"a\", \"value\": \"much\"}}"));
        assert!(wrong.starts_with("Line 2: "), "{wrong}");
    }

    #[test]
    fn a_row_that_is_made_up_fits_the_wire() {
        let line = made_up(&schema());
        assert!(line.starts_with("{\"device\":\"\",\"at\":\"20"), "{line}");
        assert_eq!(rows_of(&line, &schema()).expect("a row").num_rows(), 1);
    }
}
