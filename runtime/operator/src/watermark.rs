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

    /// Looks at a batch that was just emitted, and emits the watermark when it has advanced.
    ///
    /// # Errors
    /// When the batch is not of the schema that the maker was made for.
    pub fn observe(&mut self, batch: &RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let times = event_times(batch.column(self.column).as_ref())?;
        let largest = (0..times.len()).filter(|row| times.is_valid(*row)).map(|row| times.value(row)).max();
        self.largest_us = self.largest_us.max(largest);
        let Some(watermark) = self.largest_us.map(|largest| largest.saturating_sub(self.lag_us)) else {
            return Ok(());
        };
        if self.emitted_us.is_none_or(|emitted| watermark > emitted) {
            self.emitted_us = Some(watermark);
            out.watermark(watermark);
        }
        Ok(())
    }

    pub fn state(&self) -> WatermarkState {
        WatermarkState { largest_us: self.largest_us, emitted_us: self.emitted_us }
    }

    pub fn restore(&mut self, state: WatermarkState) {
        self.largest_us = state.largest_us;
        self.emitted_us = state.emitted_us;
    }
}
