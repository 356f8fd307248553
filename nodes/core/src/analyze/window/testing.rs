//! For tests of window nodes: rows, random runs, and results to compare.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use millrace_model::event_time::{UTC, with_event_time};
use millrace_operator::harness::{Gathered, OperatorRun};
use millrace_operator::time::event_times;
use proptest::prelude::*;
use serde_json::Value;

/// A row: time in seconds, key, value.
pub(crate) type Row = (Option<i64>, Option<&'static str>, Option<i64>);

pub(crate) const SECOND: i64 = 1_000_000;

pub(crate) fn batch(rows: &[Row]) -> RecordBatch {
    let times = TimestampMicrosecondArray::from_iter(rows.iter().map(|row| row.0.map(|second| second * SECOND)));
    let plain = RecordBatch::try_from_iter_with_nullable([
        ("ts", Arc::new(times.with_timezone(UTC)) as ArrayRef, true),
        ("device", Arc::new(StringArray::from_iter(rows.iter().map(|row| row.1))) as ArrayRef, true),
        ("value", Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.2))) as ArrayRef, true),
    ])
    .expect("columns fit");
    let schema = with_event_time(&plain.schema(), Some("ts"));
    plain.with_schema(schema).expect("only the metadata differs")
}

pub(crate) fn with(mut params: Value, changes: Value) -> Value {
    let object = params.as_object_mut().expect("params are an object");
    object.extend(changes.as_object().expect("changes are an object").clone());
    params
}

/// One step of a random run.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Rows(Vec<Row>),
    /// Event time has come to this second, if it was not further already.
    Watermark(i64),
    Restart,
}

pub(crate) fn row() -> impl Strategy<Value = Row> {
    let time = prop_oneof![1 => Just(None), 12 => (-50i64..150).prop_map(Some)];
    let key = prop_oneof![Just(None), Just(Some("a")), Just(Some("b"))];
    let value = prop_oneof![1 => Just(None), 5 => (-9i64..10).prop_map(Some)];
    (time, key, value)
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => prop::collection::vec(row(), 0..12).prop_map(Step::Rows),
        3 => (-60i64..160).prop_map(Step::Watermark),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 0..25)
}

pub(crate) fn drive(run: &mut OperatorRun<'_>, steps: &[Step]) {
    let mut watermark = i64::MIN;
    for step in steps {
        match step {
            Step::Rows(rows) => {
                run.push(batch(rows));
            }
            Step::Watermark(second) => {
                watermark = watermark.max(*second);
                run.watermark(watermark * SECOND);
            }
            Step::Restart => {
                run.restart();
            }
        }
    }
}

/// Results as (start in seconds, key, count, sum), sorted.
pub(crate) fn results(gathered: &Gathered) -> Vec<(i64, Option<String>, i64, Option<i64>)> {
    let Some(rows) = gathered.port("rows") else { return Vec::new() };
    let starts = event_times(rows.column(0).as_ref()).expect("a timestamp");
    let mut results: Vec<_> = gathered
        .json("rows")
        .iter()
        .enumerate()
        .map(|(row, json)| {
            let key = json["device"].as_str().map(str::to_owned);
            (starts.value(row) / SECOND, key, json["n"].as_i64().expect("a count"), json["total"].as_i64())
        })
        .collect();
    results.sort();
    results
}
