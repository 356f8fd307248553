//! The newest rows, for views that show rows one by one.
//!
//! Holds whole batches, newest last, and lets go of the oldest when the others suffice. A batch that is a small part of a
//! larger one is copied, so that the larger one is freed.

use std::collections::VecDeque;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::SchemaRef;
use millrace_operator::{NodeError, State};

use super::ipc;

pub(super) struct NewestRows {
    schema: SchemaRef,
    keep: usize,
    batches: VecDeque<RecordBatch>,
    num_kept: usize,
    num_rows: u64,
}

impl NewestRows {
    pub(super) fn new(schema: SchemaRef, keep: usize) -> Self {
        Self { schema, keep: keep.max(1), batches: VecDeque::new(), num_kept: 0, num_rows: 0 }
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Rows that came, kept or not.
    pub(super) fn num_rows(&self) -> u64 {
        self.num_rows
    }

    /// Takes in a batch of the schema.
    pub(super) fn take(&mut self, batch: RecordBatch) -> Result<(), NodeError> {
        self.num_rows += batch.num_rows() as u64;
        if batch.num_rows() == 0 { Ok(()) } else { self.push(batch) }
    }

    fn push(&mut self, batch: RecordBatch) -> Result<(), NodeError> {
        let surplus = batch.num_rows().saturating_sub(self.keep);
        let batch = if surplus > 0 { copied(&batch, surplus)? } else { batch };
        self.num_kept += batch.num_rows();
        self.batches.push_back(batch);
        while let Some(oldest) = self.batches.front()
            && self.num_kept - oldest.num_rows() >= self.keep
        {
            self.num_kept -= oldest.num_rows();
            self.batches.pop_front();
        }
        // Many tiny batches cost more than their rows.
        if self.batches.len() > 256 && self.batches.len() * 16 > self.num_kept {
            let whole = concat_batches(&self.schema, &self.batches)?;
            self.batches.clear();
            self.batches.push_back(whole);
        }
        Ok(())
    }

    /// The rows that are kept, newest last.
    pub(super) fn rows(&self) -> Result<RecordBatch, NodeError> {
        let whole = concat_batches(&self.schema, &self.batches)?;
        let surplus = whole.num_rows().saturating_sub(self.keep);
        Ok(whole.slice(surplus, whole.num_rows() - surplus))
    }

    pub(super) fn save(&self) -> Result<State, NodeError> {
        ipc::to_bytes(&self.rows()?, &self.num_rows.to_string())
    }

    pub(super) fn load(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let (batch, num_rows) = ipc::from_bytes(state)?;
        self.batches.clear();
        self.num_kept = 0;
        self.num_rows = num_rows.parse().map_err(|_| NodeError::internal("the count of rows cannot be read"))?;
        self.push(RecordBatch::try_new(self.schema.clone(), batch.columns().to_vec())?)
    }

    pub(super) fn bytes(&self) -> usize {
        self.batches.iter().map(RecordBatch::get_array_memory_size).sum()
    }
}

/// The rows from `first` on, in memory of their own.
fn copied(batch: &RecordBatch, first: usize) -> Result<RecordBatch, NodeError> {
    let rows = UInt64Array::from_iter_values(first as u64..batch.num_rows() as u64);
    Ok(take_record_batch(batch, &rows)?)
}
