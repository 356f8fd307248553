//! Sinks that write their rows sorted: a sink around a sink, which holds each row until the watermark has passed it.
//!
//! State is what waits and what the sink within has prepared; both are of the same moment, so a row is either held or
//! written. What waits leaves when event time has passed it or has come to its end, never in `finish`: a run that is
//! stopped to go on later keeps it in its checkpoint.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{SortColumn, SortOptions, lexsort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use millrace_model::event_time::event_time_column;
use millrace_operator::time::event_times;
use millrace_operator::{InferContext, NodeError, Prepared, Sink};

use crate::state::saved;
use crate::state::waiting::Waiting;

/// Rows leave in batches of so many.
const BATCH_ROWS: usize = 8_192;

/// Reports rows that cannot be put in order.
pub(crate) fn check(is_ordered: bool, cx: &mut InferContext<'_>) {
    if let Some(input) = cx.input().filter(|_| is_ordered)
        && event_time_column(&input).is_none()
    {
        let message = "The rows have no event time to be put in order by: keep its column up to here, or put a Parse \
                       timestamp node before this one.";
        cx.error("ordered", "no_event_time", message);
    }
}

/// `sink`, which then gets rows of `schema` in order where that is asked for.
///
/// # Errors
/// When the rows have no event time, which [`check`] reports.
pub(crate) fn in_order(is_ordered: bool, sink: Box<dyn Sink>, schema: &SchemaRef) -> Result<Box<dyn Sink>, NodeError> {
    if !is_ordered {
        return Ok(sink);
    }
    let time = event_time_column(schema).and_then(|name| schema.index_of(name).ok());
    let time = time.ok_or_else(|| NodeError::user("rows without an event time cannot be put in order"))?;
    let waiting = Waiting::new(Arc::clone(schema));
    Ok(Box::new(Ordered { sink, time, order: order(schema, time), waiting }))
}

/// The time, then the other columns from left to right: behind a window node its end and its keys.
fn order(schema: &Schema, time: usize) -> Vec<usize> {
    let has_order = |index: &usize| {
        let data_type = schema.field(*index).data_type();
        !data_type.is_nested() && !matches!(data_type, DataType::Null)
    };
    let others = (0..schema.fields().len()).filter(|index| *index != time).filter(has_order);
    [time].into_iter().chain(others).collect()
}

struct Ordered {
    sink: Box<dyn Sink>,
    time: usize,
    /// The columns that rows are sorted by.
    order: Vec<usize>,
    waiting: Waiting,
}

impl Ordered {
    fn hold(&mut self, rows: RecordBatch) -> Result<(), NodeError> {
        let times = event_times(rows.column(self.time).as_ref())?;
        // Nothing older can come than a row without a time.
        let times: Vec<i64> = times.iter().map(|time_us| time_us.unwrap_or(i64::MIN)).collect();
        self.waiting.hold(rows, &times)
    }

    fn sorted(&self, rows: &RecordBatch) -> Result<RecordBatch, NodeError> {
        let options = Some(SortOptions { descending: false, nulls_first: true });
        let columns: Vec<SortColumn> =
            self.order.iter().map(|index| SortColumn { values: rows.column(*index).clone(), options }).collect();
        Ok(take_record_batch(rows, &lexsort_to_indices(&columns, None)?)?)
    }
}

fn split(prepared: &Prepared) -> Result<(Prepared, RecordBatch), NodeError> {
    let (within, [rows]) = saved::from_bytes(&prepared.0)?;
    Ok((Prepared(within), rows))
}

impl Sink for Ordered {
    fn open(&mut self) -> Result<(), NodeError> {
        self.sink.open()
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), NodeError> {
        self.hold(batch.clone())
    }

    fn on_watermark(&mut self, watermark_us: i64) -> Result<(), NodeError> {
        let passed = self.waiting.take_passed(watermark_us, usize::MAX);
        if !passed.is_empty() {
            let numbers: Vec<u64> = passed.into_iter().map(|(_, number)| number).collect();
            let rows = self.sorted(&self.waiting.rows.take(&numbers)?)?;
            for first in (0..rows.num_rows()).step_by(BATCH_ROWS) {
                self.sink.write(&rows.slice(first, BATCH_ROWS.min(rows.num_rows() - first)))?;
            }
            for number in numbers {
                self.waiting.rows.free(number)?;
            }
        }
        self.sink.on_watermark(watermark_us)
    }

    fn prepare(&mut self) -> Result<Prepared, NodeError> {
        let within = self.sink.prepare()?;
        Ok(Prepared(saved::to_bytes(&within.0, &[self.waiting.rows.all()?.0])?))
    }

    fn commit(&mut self, prepared: &Prepared) -> Result<(), NodeError> {
        self.sink.commit(&split(prepared)?.0)
    }

    fn restore(&mut self, prepared: &Prepared) -> Result<(), NodeError> {
        let (within, rows) = split(prepared)?;
        self.sink.restore(&within)?;
        self.hold(rows)
    }

    fn finish(&mut self) -> Result<(), NodeError> {
        self.sink.finish()
    }

    fn abort(&mut self) {
        self.sink.abort();
    }

    fn state_bytes(&self) -> usize {
        self.waiting.bytes() + self.sink.state_bytes()
    }

    fn status(&self) -> Option<String> {
        self.sink.status()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::store::file::StoreFile;
    use crate::store::sqlite::StoreSqlite;
    use arrow::array::{Int64Array, StringArray, TimestampMicrosecondArray};
    use arrow::datatypes::Field;
    use millrace_model::event_time::{UTC, timestamp_type, with_event_time};
    use millrace_operator::harness::{Harness, assert_node_contract};
    use proptest::prelude::*;
    use serde_json::json;

    fn schema() -> SchemaRef {
        let fields = vec![
            Field::new("window_start", timestamp_type(), true),
            Field::new("key", DataType::Utf8, true),
            Field::new("tags", DataType::new_list(DataType::Int64, true), true),
            Field::new("n", DataType::Int64, true),
        ];
        with_event_time(&Schema::new(fields), Some("window_start"))
    }

    /// Rows of a start in seconds, a key and a number; none of them has tags.
    fn rows(rows: &[(Option<i64>, &str, i64)]) -> RecordBatch {
        let starts: TimestampMicrosecondArray = rows.iter().map(|row| row.0.map(|start| start * 1_000_000)).collect();
        let keys: StringArray = rows.iter().map(|row| Some(row.1)).collect();
        let tags = arrow::array::new_null_array(schema().field(2).data_type(), rows.len());
        let numbers: Int64Array = rows.iter().map(|row| Some(row.2)).collect();
        let columns: Vec<arrow::array::ArrayRef> =
            vec![Arc::new(starts.with_timezone(UTC)), Arc::new(keys), tags, Arc::new(numbers)];
        RecordBatch::try_new(schema(), columns).expect("columns fit")
    }

    fn sink(folder: &Path) -> Box<dyn Sink> {
        let params = json!({"path": "out.ndjson", "ordered": true});
        Harness::in_folder::<StoreFile>(params, &[schema()], folder).sink()
    }

    fn numbers(folder: &Path) -> Vec<i64> {
        let text = std::fs::read_to_string(folder.join("out.ndjson")).expect("it is there");
        let number = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["n"].as_i64();
        text.lines().map(|line| number(line).expect("a number")).collect()
    }

    #[test]
    fn it_keeps_the_contract() {
        assert_node_contract::<StoreFile>(json!({"path": "a.ndjson", "ordered": true}), &[schema()]);
        assert_node_contract::<StoreSqlite>(json!({"path": "a.db", "table": "t", "ordered": true}), &[schema()]);
    }

    #[test]
    fn rows_of_a_window_are_written_by_key_once_event_time_has_passed_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut sink = sink(folder.path());
        sink.open().expect("open");
        sink.write(&rows(&[(Some(10), "b", 4), (Some(0), "b", 2), (Some(10), "a", 3)])).expect("write");
        sink.write(&rows(&[(Some(0), "a", 1), (Some(20), "a", 5), (None, "z", 0)])).expect("write");
        sink.on_watermark(10_000_000).expect("write");
        assert!(sink.status().expect("a status").starts_with("3 rows"), "the windows from 10 s on may still grow");
        sink.on_watermark(i64::MAX).expect("write");
        sink.finish().expect("finish");
        assert_eq!(numbers(folder.path()), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn without_an_event_time_there_is_no_order_and_it_says_what_to_do() {
        let timeless = with_event_time(&schema(), None);
        for problems in [
            Harness::try_new::<StoreFile>(json!({"path": "a.ndjson", "ordered": true}), &[timeless.clone()]),
            Harness::try_new::<StoreSqlite>(
                json!({"path": "a.db", "table": "t", "ordered": true}),
                &[timeless.clone()],
            ),
        ] {
            let problems = problems.err().expect("a problem");
            assert_eq!((problems[0].param.as_str(), problems[0].code.as_str()), ("ordered", "no_event_time"));
        }
    }

    proptest! {
        #[test]
        fn a_sink_that_was_stopped_anywhere_writes_what_an_undisturbed_one_writes(
            lots in prop::collection::vec(prop::collection::vec((0_i64..9, "[a-c]"), 0..6), 1..8),
            stop in 0_usize..8,
        ) {
            let mut number = 0;
            let mut all: Vec<(i64, String, i64)> = Vec::new();
            let folder = tempfile::tempdir().expect("a folder");
            let mut open = sink(folder.path());
            open.open().expect("open");
            for (index, lot) in lots.iter().enumerate() {
                // In the lot of this index nothing is older than its watermark.
                let lot: Vec<(i64, String, i64)> = lot
                    .iter()
                    .map(|(time, key)| {
                        number += 1;
                        (time + index as i64, key.clone(), number)
                    })
                    .collect();
                let batch: Vec<(Option<i64>, &str, i64)> =
                    lot.iter().map(|(time, key, n)| (Some(*time), key.as_str(), *n)).collect();
                open.write(&rows(&batch)).expect("write");
                open.on_watermark((index as i64 + 1) * 1_000_000).expect("write");
                all.extend(lot);
                if index == stop {
                    let prepared = open.prepare().expect("prepare");
                    open.finish().expect("finish");
                    open = sink(folder.path());
                    open.restore(&prepared).expect("restore");
                    open.open().expect("open");
                    open.commit(&prepared).expect("commit");
                }
            }
            open.on_watermark(i64::MAX).expect("write");
            open.finish().expect("finish");
            all.sort();
            prop_assert_eq!(numbers(folder.path()), all.into_iter().map(|(_, _, n)| n).collect::<Vec<_>>());
        }
    }
}
