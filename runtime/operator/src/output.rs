//! Where a machine puts what it emits during one call; the engine takes it out afterwards.

use std::sync::Arc;

use arrow::array::RecordBatch;

use crate::clock::Clock;
use crate::error::NodeError;

/// What one call of a machine gave: batches by output port, watermarks, and rows it left out on purpose, in order.
///
/// ```
/// use millrace_operator::output::{Emitted, Output};
/// let mut out = Output::default();
/// out.watermark(42);
/// assert!(matches!(out.take().as_slice(), [Emitted::Watermark(42)]));
/// ```
#[derive(Default)]
pub struct Output {
    emitted: Vec<Emitted>,
    rows_dropped: u64,
    clock: Clock,
    room: Option<Room>,
    /// Bytes of the rows of this call, and of them those that [`Room`] has heard of.
    emitted_bytes: u64,
    told_bytes: u64,
    /// The memory budget was used up in this call.
    is_full: bool,
}

/// Hears how many bytes of rows a call has emitted so far, and says whether the memory budget of the run is used up.
pub type Room = Arc<dyn Fn(u64) -> bool + Send + Sync>;

/// So often within a call there is a look at the memory budget, in bytes.
const LOOK_BYTES: u64 = 4_000_000;

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

    /// The same for a run with a memory budget.
    #[must_use]
    pub fn with_room(self, room: Option<Room>) -> Self {
        Self { room, ..self }
    }

    /// Microseconds since the epoch by the wall clock: for the time of a rejected record, or the pace of a source.
    /// Results must not follow from it, but for a node whose name or param says that they do.
    pub fn now_us(&self) -> i64 {
        self.clock.now_us()
    }

    /// Emits `batch` at output port `port`; an empty batch is not passed on. Once the memory budget is used up nothing is
    /// kept any more, and [`Self::check`] fails.
    pub fn emit(&mut self, port: usize, batch: RecordBatch) {
        if batch.num_rows() == 0 || self.is_full {
            return;
        }
        if let Some(room) = &self.room {
            self.emitted_bytes += size_of_rows(&batch);
            if self.emitted_bytes - self.told_bytes >= LOOK_BYTES {
                self.told_bytes = self.emitted_bytes;
                self.is_full = room(self.emitted_bytes);
            }
        }
        if self.is_full {
            self.emitted.clear();
        } else {
            self.emitted.push(Emitted::Batch(port, batch));
        }
    }

    /// Whether there is room for more in this call. What emits many batches in one call asks now and then, so that it
    /// ends soon; the engine asks after each call.
    ///
    /// # Errors
    /// When the memory budget was used up while the call emitted.
    pub fn check(&self) -> Result<(), NodeError> {
        if !self.is_full {
            return Ok(());
        }
        Err(NodeError::user(format!(
            "the memory budget of the run is used up, and one step of this node has given {} MB of rows: give the run \
             more memory, or have the node give less at a time, with shorter windows, larger slides or more selective keys",
            self.emitted_bytes / 1_000_000
        )))
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
        if self.told_bytes > 0
            && let Some(room) = &self.room
        {
            room(0);
        }
        (self.emitted_bytes, self.told_bytes, self.is_full) = (0, 0, false);
        std::mem::take(&mut self.emitted)
    }

    /// The rows left out since the last call.
    pub fn take_rows_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.rows_dropped)
    }
}

/// The bytes of the rows of a batch alone, where its arrays may be slices of larger ones.
fn size_of_rows(batch: &RecordBatch) -> u64 {
    let columns = batch.columns().iter();
    // An array whose size is not known counts as nothing rather than too much.
    columns.map(|column| column.to_data().get_slice_memory_size().unwrap_or(0) as u64).sum()
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;

    use super::*;

    #[test]
    fn a_call_that_uses_up_the_budget_keeps_nothing_and_says_so_until_the_next_call() {
        let column = Arc::new(Int64Array::from_iter_values(0..250_000));
        let batch = RecordBatch::try_from_iter([("n", column as _)]).expect("a batch");
        let mut out = Output::default().with_room(Some(Arc::new(|bytes| bytes > 5_000_000)));
        // Of a slice its own rows count.
        (0..100).for_each(|row| out.emit(0, batch.slice(row, 1)));
        out.emit(0, batch.clone());
        out.emit(0, batch.clone());
        assert_eq!((out.check().is_ok(), out.emitted.len()), (true, 102));
        out.emit(0, batch.clone());
        out.emit(0, batch.clone());
        assert!(out.check().is_err());
        assert!(out.take().is_empty());
        out.emit(0, batch);
        assert_eq!((out.check().is_ok(), out.take().len()), (true, 1));
    }
}
