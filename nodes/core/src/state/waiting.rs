//! Rows that wait for the watermark, and leave in the order of their time; those of one time in the order of arrival.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use millrace_operator::NodeError;

use super::rows::RowStore;

/// Rows in the order of their time.
pub(crate) struct Waiting {
    /// The rows themselves. One that was taken out of the order is still held here, until it is freed.
    pub(crate) rows: RowStore,
    /// Time and number of each row that waits.
    order: BinaryHeap<Reverse<(i64, u64)>>,
}

impl Waiting {
    pub(crate) fn new(schema: SchemaRef) -> Self {
        Self { rows: RowStore::new(schema), order: BinaryHeap::new() }
    }

    /// `times` are those of the rows, in microseconds.
    ///
    /// # Errors
    /// When the batch is not of the schema that this was made for.
    pub(crate) fn hold(&mut self, batch: RecordBatch, times: &[i64]) -> Result<(), NodeError> {
        let first = self.rows.push(batch)?;
        self.order.extend((first..).zip(times).map(|(number, time_us)| Reverse((*time_us, number))));
        Ok(())
    }

    /// A row that is held already and waits as well.
    pub(crate) fn wait(&mut self, time_us: i64, number: u64) {
        self.order.push(Reverse((time_us, number)));
    }

    /// Time and number of the next rows that the watermark has passed, at most so many; they wait no longer. The end of
    /// time passes all.
    pub(crate) fn take_passed(&mut self, watermark_us: i64, max_rows: usize) -> Vec<(i64, u64)> {
        let mut passed = Vec::new();
        while let Some(Reverse((time_us, number))) = self.order.peek().copied()
            && (time_us < watermark_us || watermark_us == i64::MAX)
            && passed.len() < max_rows
        {
            self.order.pop();
            passed.push((time_us, number));
        }
        passed
    }

    pub(crate) fn bytes(&self) -> usize {
        self.rows.bytes() + self.order.capacity() * size_of::<(i64, u64)>()
    }
}
