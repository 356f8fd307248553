//! Making watermarks: the largest event time seen, less the disorder that is allowed for.
//!
//! Flink's `BoundedOutOfOrdernessWatermarks` is the model. A watermark never goes back.

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use millrace_model::Interval;
use millrace_model::event_time::event_time_column;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::NodeError;
use crate::output::Output;
use crate::time::event_times;

/// The disorder that is allowed for when nothing else is said.
pub const DEFAULT_MAX_OUT_OF_ORDERNESS: Interval = Interval::from_secs(5);

/// How long a source may give no row before it no longer holds back the watermark of others, when nothing else is said.
pub const DEFAULT_IDLE_TIMEOUT: Interval = Interval::from_secs(30);

/// Follows the event times of the rows that pass and says how far time has come.
#[derive(Debug, Clone)]
pub struct WatermarkMaker {
    column: usize,
    lag_us: i64,
    largest_us: Option<i64>,
    emitted_us: Option<i64>,
}

/// What a [`WatermarkMaker`] knows, for a snapshot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WatermarkState {
    pub largest_us: Option<i64>,
    pub emitted_us: Option<i64>,
}

impl WatermarkMaker {
    /// For batches of `schema`; `None` when it has no event time column.
    pub fn new(schema: &SchemaRef, max_out_of_orderness: Interval) -> Option<Self> {
        let column = schema.index_of(event_time_column(schema)?).ok()?;
        Some(Self { column, lag_us: max_out_of_orderness.as_micros(), largest_us: None, emitted_us: None })
    }

    /// Emits `batch` at `port` and the watermarks that go with it.
    ///
    /// A row that is behind the watermark of the rows before it must meet that watermark, or whether it is late would
    /// depend on where batches happen to end. So the batch is cut before such a row; rows in good order are never cut.
    ///
    /// # Errors
    /// When the batch is not of the schema that the maker was made for.
    pub fn emit(&mut self, port: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let times = event_times(batch.column(self.column).as_ref())?;
        let mut first = 0;
        for row in 0..times.len() {
            if times.is_null(row) {
                continue;
            }
            let time = times.value(row);
            if let Some(watermark) = self.advanced().filter(|watermark| time < *watermark) {
                out.emit(port, batch.slice(first, row - first));
                first = row;
                self.pass_on(watermark, out);
            }
            self.largest_us = self.largest_us.max(Some(time));
        }
        out.emit(port, batch.slice(first, batch.num_rows() - first));
        if let Some(watermark) = self.advanced() {
            self.pass_on(watermark, out);
        }
        Ok(())
    }

    /// The watermark, if it is ahead of the one that was emitted.
    fn advanced(&self) -> Option<i64> {
        let watermark = self.largest_us?.saturating_sub(self.lag_us);
        self.emitted_us.is_none_or(|emitted| watermark > emitted).then_some(watermark)
    }

    fn pass_on(&mut self, watermark: i64, out: &mut Output) {
        self.emitted_us = Some(watermark);
        out.watermark(watermark);
    }

    pub fn state(&self) -> WatermarkState {
        WatermarkState { largest_us: self.largest_us, emitted_us: self.emitted_us }
    }

    pub fn restore(&mut self, state: WatermarkState) {
        self.largest_us = state.largest_us;
        self.emitted_us = state.emitted_us;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray, TimestampMicrosecondArray};
    use arrow::datatypes::{Field, Schema, TimestampMicrosecondType};
    use millrace_model::event_time::{UTC, timestamp_type, with_event_time};
    use proptest::prelude::*;

    use super::*;
    use crate::output::Emitted;

    /// Each row with the watermark that it meets.
    fn met(times: &[Option<i64>], batch_size: usize) -> Vec<(Option<i64>, Option<i64>)> {
        let schema = Schema::new(vec![Field::new("t", timestamp_type(), true)]);
        let schema = with_event_time(&schema, Some("t"));
        let mut maker =
            WatermarkMaker::new(&schema, Interval::from(std::time::Duration::from_micros(5))).expect("a time");
        let mut out = Output::default();
        for part in times.chunks(batch_size) {
            let column = TimestampMicrosecondArray::from(part.to_vec()).with_timezone(UTC);
            let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(column)]).expect("it fits");
            maker.emit(0, batch, &mut out).expect("a time column");
        }
        let mut watermark = None;
        let mut rows = Vec::new();
        for emitted in out.take() {
            match emitted {
                Emitted::Watermark(advanced) => {
                    assert!(watermark.is_none_or(|before| before < advanced), "a watermark never goes back");
                    watermark = Some(advanced);
                }
                Emitted::Batch(_, batch) => {
                    let column = batch.column(0).as_primitive::<TimestampMicrosecondType>();
                    rows.extend(column.iter().map(|time| (time, watermark)));
                }
            }
        }
        rows
    }

    proptest! {
        #[test]
        fn a_row_is_behind_the_watermark_at_every_batch_size_or_at_none(
            times in prop::collection::vec(prop::option::of(0..60i64), 0..60),
            batch_size in 1..20usize,
        ) {
            let behind = |rows: Vec<(Option<i64>, Option<i64>)>| -> Vec<(Option<i64>, Option<i64>)> {
                let is_behind = |time: Option<i64>, mark: Option<i64>| time.zip(mark).is_some_and(|(t, w)| t < w);
                rows.into_iter().map(|(time, mark)| (time, mark.filter(|_| is_behind(time, mark)))).collect()
            };
            prop_assert_eq!(behind(met(&times, batch_size)), behind(met(&times, 1)));
        }
    }

    #[test]
    fn the_watermark_is_the_largest_time_less_the_disorder_that_is_allowed_for() {
        assert_eq!(DEFAULT_MAX_OUT_OF_ORDERNESS, Interval::from_secs(5));
        let watermarks: Vec<_> = met(&[Some(10), Some(30), Some(20), None, Some(28), Some(31)], 1)
            .into_iter()
            .map(|(_, watermark)| watermark)
            .collect();
        assert_eq!(watermarks, [None, Some(5), Some(25), Some(25), Some(25), Some(25)]);
    }

    #[test]
    fn rows_in_good_order_stay_in_one_batch() {
        let rows = met(&[Some(10), Some(8), Some(30), None, Some(26)], 100);
        assert!(rows.iter().all(|(_, watermark)| watermark.is_none()));
    }
}
