//! The newest rows that passed somewhere: for taps of wires and for unwired `late` and `rejected` ports.
//!
//! Batches are shared, not copied. The lock is held only while a few pointers move, by writer and reader alike.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;

/// Keeps the newest `limit` rows while it is open.
#[derive(Debug)]
pub(crate) struct NewestRows {
    is_open: AtomicBool,
    limit: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    batches: VecDeque<RecordBatch>,
    num_rows: usize,
}

impl NewestRows {
    pub fn closed(limit: usize) -> Self {
        Self { is_open: AtomicBool::new(false), limit, kept: Mutex::default() }
    }

    pub fn opened(limit: usize) -> Self {
        let rows = Self::closed(limit);
        rows.open();
        rows
    }

    pub fn open(&self) {
        self.is_open.store(true, Ordering::Relaxed);
    }

    pub fn close(&self) {
        self.is_open.store(false, Ordering::Relaxed);
        *self.lock() = Kept::default();
    }

    /// Notes a batch that passes; next to nothing while closed.
    pub fn push(&self, batch: &RecordBatch) {
        if !self.is_open.load(Ordering::Relaxed) || self.limit == 0 {
            return;
        }
        let skip = batch.num_rows().saturating_sub(self.limit);
        let newest = batch.slice(skip, batch.num_rows() - skip);
        let mut kept = self.lock();
        kept.num_rows += newest.num_rows();
        kept.batches.push_back(newest);
        while kept.batches.front().is_some_and(|oldest| kept.num_rows - oldest.num_rows() >= self.limit) {
            let oldest = kept.batches.pop_front();
            kept.num_rows -= oldest.map_or(0, |oldest| oldest.num_rows());
        }
    }

    /// The newest rows, oldest first.
    pub fn rows(&self) -> Option<RecordBatch> {
        let batches: Vec<RecordBatch> = self.lock().batches.iter().cloned().collect();
        let schema = batches.first()?.schema();
        let all = concat_batches(&schema, &batches).ok()?;
        let skip = all.num_rows().saturating_sub(self.limit);
        Some(all.slice(skip, all.num_rows() - skip))
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
