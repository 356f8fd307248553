//! Keys as numbers: each distinct combination of key values has one, from 0, in the order in which they were met.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{concat_batches, interleave_record_batch, take_record_batch};
use arrow::datatypes::SchemaRef;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;

use super::failed;
use crate::error::NodeError;

/// Tells keys apart, numbers them, and gives them back by number. Null keys are keys. Without key columns every row has
/// the number 0.
pub struct KeyTable {
    schema: SchemaRef,
    /// `None` without key columns.
    groups: Option<Box<dyn GroupValues>>,
    num_keys: usize,
    /// The keys by number, in pieces of falling size, so that adding a few copies little.
    pieces: Vec<RecordBatch>,
}

impl KeyTable {
    /// # Errors
    /// When a key has a type that cannot be told apart.
    pub fn new(schema: SchemaRef) -> Result<Self, NodeError> {
        let groups = match schema.fields().is_empty() {
            true => None,
            false => Some(new_group_values(schema.clone(), &GroupOrdering::None).map_err(failed)?),
        };
        Ok(Self { schema, groups, num_keys: 0, pieces: Vec::new() })
    }

    /// The number of each row's key, into `numbers`; new keys get the next numbers.
    ///
    /// # Errors
    /// When the columns are not those of the table.
    pub fn intern(&mut self, keys: &[ArrayRef], num_rows: usize, numbers: &mut Vec<usize>) -> Result<(), NodeError> {
        numbers.clear();
        let Some(groups) = &mut self.groups else {
            numbers.resize(num_rows, 0);
            self.num_keys = self.num_keys.max(usize::from(num_rows > 0));
            return Ok(());
        };
        groups.intern(keys, numbers).map_err(failed)?;
        if groups.len() > self.num_keys {
            let mut new_rows = Vec::new();
            for (row, number) in numbers.iter().enumerate() {
                if *number == self.num_keys {
                    new_rows.push(u32::try_from(row).expect("a batch has fewer than 2^32 rows"));
                    self.num_keys += 1;
                }
            }
            debug_assert_eq!(self.num_keys, groups.len(), "keys are numbered in the order in which they are met");
            let batch = RecordBatch::try_new(self.schema.clone(), keys.to_vec())?;
            self.keep(take_record_batch(&batch, &UInt32Array::from(new_rows))?)?;
        }
        Ok(())
    }

    fn keep(&mut self, mut piece: RecordBatch) -> Result<(), NodeError> {
        while self.pieces.last().is_some_and(|last| last.num_rows() <= piece.num_rows()) {
            let last = self.pieces.pop().expect("it was there");
            piece = concat_batches(&self.schema, [&last, &piece])?;
        }
        self.pieces.push(piece);
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.num_keys
    }

    pub fn is_empty(&self) -> bool {
        self.num_keys == 0
    }

    /// The keys with these numbers, a column for each key column.
    ///
    /// # Errors
    /// When arrays cannot be put together: a defect.
    pub fn take(&self, numbers: &[usize]) -> Result<RecordBatch, NodeError> {
        if self.groups.is_none() || numbers.is_empty() {
            let options = RecordBatchOptions::new().with_row_count(Some(numbers.len()));
            let empty = RecordBatch::new_empty(self.schema.clone()).columns().to_vec();
            return Ok(RecordBatch::try_new_with_options(self.schema.clone(), empty, &options)?);
        }
        let mut firsts = Vec::with_capacity(self.pieces.len());
        let mut first = 0;
        for piece in &self.pieces {
            firsts.push(first);
            first += piece.num_rows();
        }
        let places: Vec<(usize, usize)> = numbers
            .iter()
            .map(|number| {
                let piece = firsts.partition_point(|first| first <= number) - 1;
                (piece, number - firsts[piece])
            })
            .collect();
        let pieces: Vec<&RecordBatch> = self.pieces.iter().collect();
        Ok(interleave_record_batch(&pieces, &places)?)
    }

    /// Forgets all keys but these, which get the numbers 0, 1, … in this order.
    ///
    /// # Errors
    /// When arrays cannot be put together: a defect.
    pub fn retain(&mut self, numbers: &[usize]) -> Result<(), NodeError> {
        let kept = self.take(numbers)?;
        let mut fresh = Self::new(Arc::clone(&self.schema))?;
        fresh.intern(kept.columns(), kept.num_rows(), &mut Vec::new())?;
        *self = fresh;
        Ok(())
    }

    /// Bytes held for the keys.
    pub fn state_bytes(&self) -> usize {
        self.groups.as_ref().map_or(0, |groups| groups.size())
            + self.pieces.iter().map(RecordBatch::get_array_memory_size).sum::<usize>()
    }
}
