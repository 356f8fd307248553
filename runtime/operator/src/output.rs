//! Where a machine puts what it emits during one call; the engine takes it out afterwards.

use arrow::array::RecordBatch;

use crate::clock::Clock;

/// What one call of a machine gave: batches by output port, watermarks, and rows it left out on purpose, in order.
///
/// ```
/// use millrace_operator::output::{Emitted, Output};
/// let mut out = Output::default();
/// out.watermark(42);
/// assert!(matches!(out.take().as_slice(), [Emitted::Watermark(42)]));
/// ```
#[derive(Debug, Default)]
pub struct Output {
    emitted: Vec<Emitted>,
    rows_dropped: u64,
    clock: Clock,
}

/// One thing that a machine emitted.
#[derive(Debug, Clone)]
pub enum Emitted {
    /// A batch at the output port of this index (in the order of the card's ports).
    Batch(usize, RecordBatch),
    /// No row older than this will follow; microseconds since the epoch.
    Watermark(i64),
}

impl Output {
    /// An empty output whose machine sees the time of `clock`.
    pub fn with_clock(clock: Clock) -> Self {
        Self { clock, ..Self::default() }
    }

    /// Microseconds since the epoch by the wall clock: for the time of a rejected record, or the pace of a source.
    /// Results must not follow from it, but for a node whose name or param says that they do.
    pub fn now_us(&self) -> i64 {
        self.clock.now_us()
    }

    /// Emits `batch` at output port `port`; an empty batch is not passed on.
    pub fn emit(&mut self, port: usize, batch: RecordBatch) {
        if batch.num_rows() > 0 {
            self.emitted.push(Emitted::Batch(port, batch));
        }
    }

    pub fn watermark(&mut self, watermark_us: i64) {
        self.emitted.push(Emitted::Watermark(watermark_us));
    }

    /// Counts rows that this node is there to leave out, so that rows in and out add up.
    pub fn drop_rows(&mut self, num_rows: usize) {
        self.rows_dropped += num_rows as u64;
    }

    pub fn is_empty(&self) -> bool {
        self.emitted.is_empty()
    }

    /// What was emitted since the last call, in order.
    pub fn take(&mut self) -> Vec<Emitted> {
        std::mem::take(&mut self.emitted)
    }

    /// The rows left out since the last call.
    pub fn take_rows_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.rows_dropped)
    }
}
