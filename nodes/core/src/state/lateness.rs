//! Lateness by event time: which column it is, how far it has come, and rows that are behind it.
//!
//! A row is late when it is older than the watermark that the operator has received, or has no time. Sources cut their
//! batches before such a row, so that this does not depend on where batches happen to end.

use arrow::array::{Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::SchemaRef;
use millrace_model::card::{PortCard, PortRole};
use millrace_model::event_time::event_time_column;
use millrace_operator::time::event_times;
use millrace_operator::{InferContext, NodeError, Output};

use super::rows::rows_of;

/// The port of rows that are behind the watermark, for nodes without windows.
pub(crate) fn late_port() -> PortCard {
    PortCard::named("late", PortRole::Late, "Rows that are behind the watermark, and rows without a time.")
}

/// The event time column of `schema`; that there is none is reported. `whose` says which rows, such as `left`.
pub(crate) fn event_time_index(cx: &mut InferContext<'_>, schema: &SchemaRef, whose: &str) -> Option<usize> {
    let Some(name) = event_time_column(schema) else {
        let rows = if whose.is_empty() { "The rows".to_owned() } else { format!("The rows at `{whose}`") };
        let message = format!("{rows} have no event time: put a Parse timestamp node before this one.");
        cx.error("", "no_event_time", message);
        return None;
    };
    schema.index_of(name).ok()
}

/// The last multiple of `size_us` since 1970 that is not after `time_us`.
pub(crate) fn aligned(time_us: i64, size_us: i64) -> i64 {
    time_us.saturating_sub(time_us.rem_euclid(size_us))
}

/// How far event time has come at an input.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lateness {
    column: usize,
    pub(crate) watermark_us: Option<i64>,
}

/// The rows of a batch that are in time, and their times in microseconds.
pub(crate) struct InTime {
    pub(crate) batch: RecordBatch,
    pub(crate) times: Vec<i64>,
}

impl Lateness {
    /// `column` is the event time.
    pub(crate) fn new(column: usize) -> Self {
        Self { column, watermark_us: None }
    }

    pub(crate) fn advance(&mut self, watermark_us: i64) {
        self.watermark_us = self.watermark_us.max(Some(watermark_us));
    }

    /// Emits the late rows at `late_port` and gives the others.
    ///
    /// # Errors
    /// When the column is not a time.
    pub(crate) fn sort_out(&self, batch: RecordBatch, late_port: usize, out: &mut Output) -> Result<InTime, NodeError> {
        let times = self.times(&batch)?;
        let is_late = |row: usize| times.is_null(row) || self.watermark_us.is_some_and(|mark| times.value(row) < mark);
        let num_late = (0..times.len()).filter(|row| is_late(*row)).count();
        if num_late == 0 {
            return Ok(InTime { batch, times: times.values().to_vec() });
        }
        let mut late = Vec::with_capacity(num_late);
        let mut in_time = Vec::with_capacity(times.len() - num_late);
        for row in 0..times.len() {
            let rows = if is_late(row) { &mut late } else { &mut in_time };
            rows.push(u32::try_from(row).expect("a batch has fewer than 2^32 rows"));
        }
        out.emit(late_port, rows_of(&batch, &late)?);
        let times = in_time.iter().map(|row| times.value(*row as usize)).collect();
        Ok(InTime { batch: rows_of(&batch, &in_time)?, times })
    }

    /// The times of all rows.
    ///
    /// # Errors
    /// When the column is not a time.
    pub(crate) fn times(&self, batch: &RecordBatch) -> Result<TimestampMicrosecondArray, NodeError> {
        event_times(batch.column(self.column).as_ref())
    }
}
