//! Spreading rows over the instances of a keyed node: equal keys go to the same instance, whatever the batch size and
//! whichever task sends them.
//!
//! The hash is our own (FNV-1a over the key in Arrow's row format, then mixed), so that it stays the same over versions
//! and machines. Values that compare equal must encode equal: see `millrace_operator::key`.

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use millrace_operator::key::comparable;

use crate::channel::{Closed, Sender, Signal};

/// The queues that carry one wire from one instance to every instance of the node at its end.
#[derive(Debug)]
pub(crate) struct Exchange {
    senders: Vec<Sender>,
    partitioner: Option<Partitioner>,
}

impl Exchange {
    /// `keys` are the key columns of the node at the end, for rows of `schema`; used only with several senders.
    pub fn new(senders: Vec<Sender>, keys: &[String], schema: &SchemaRef) -> Result<Self, ArrowError> {
        let partitioner = match senders.len() {
            1 => None,
            _ => Some(Partitioner::new(keys, schema)?),
        };
        Ok(Self { senders, partitioner })
    }

    /// The batches to send, each with the queue it goes to.
    pub fn split(&self, batch: RecordBatch) -> Result<Vec<(usize, RecordBatch)>, ArrowError> {
        match &self.partitioner {
            None => Ok(vec![(0, batch)]),
            Some(partitioner) => partitioner.split(batch, self.senders.len()),
        }
    }

    pub async fn send(&self, queue: usize, batch: RecordBatch) -> Result<(), Closed> {
        self.senders[queue].send(batch).await
    }

    pub async fn signal(&self, signal: Signal) -> Result<(), Closed> {
        for sender in &self.senders {
            sender.signal(signal).await?;
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Partitioner {
    columns: Vec<usize>,
    rows: RowConverter,
}

impl Partitioner {
    fn new(keys: &[String], schema: &SchemaRef) -> Result<Self, ArrowError> {
        let columns: Vec<usize> = keys.iter().map(|key| schema.index_of(key)).collect::<Result<_, _>>()?;
        let fields = columns.iter().map(|index| SortField::new(schema.field(*index).data_type().clone())).collect();
        Ok(Self { columns, rows: RowConverter::new(fields)? })
    }

    fn split(&self, batch: RecordBatch, num_parts: usize) -> Result<Vec<(usize, RecordBatch)>, ArrowError> {
        let keys: Vec<ArrayRef> = self.columns.iter().map(|index| comparable(batch.column(*index))).collect();
        let rows = self.rows.convert_columns(&keys)?;
        let mut parts: Vec<Vec<u64>> = vec![Vec::new(); num_parts];
        for (index, row) in rows.iter().enumerate() {
            let part = hash(row.as_ref()) % num_parts as u64;
            parts[usize::try_from(part).expect("a part's number is below their count")].push(index as u64);
        }
        let mut split = Vec::with_capacity(num_parts);
        for (part, indices) in parts.into_iter().enumerate() {
            if indices.len() == batch.num_rows() {
                return Ok(vec![(part, batch)]);
            }
            if !indices.is_empty() {
                split.push((part, take_record_batch(&batch, &UInt64Array::from(indices))?));
            }
        }
        Ok(split)
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let fnv = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    // The finish of MurmurHash3: without it the low bits, which choose the part, are poor.
    let mixed = (fnv ^ (fnv >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use arrow::array::{Array, AsArray, Float64Array, Int64Array};
    use arrow::datatypes::{DataType, Field, Schema};

    fn part_of_each(values: &ArrayRef, slice: usize) -> Vec<usize> {
        let schema = Arc::new(Schema::new(vec![
            Field::new("key", values.data_type().clone(), true),
            Field::new("row", DataType::Int64, false),
        ]));
        let numbers = Arc::new(Int64Array::from_iter_values(0..values.len() as i64));
        let batch = RecordBatch::try_new(schema.clone(), vec![values.clone(), numbers]).unwrap();
        let partitioner = Partitioner::new(&["key".to_owned()], &schema).unwrap();
        let mut parts = vec![usize::MAX; values.len()];
        for start in (0..values.len()).step_by(slice) {
            let piece = batch.slice(start, slice.min(values.len() - start));
            for (part, rows) in partitioner.split(piece, 3).unwrap() {
                for row in rows.column(1).as_primitive::<arrow::datatypes::Int64Type>().values() {
                    parts[usize::try_from(*row).unwrap()] = part;
                }
            }
        }
        parts
    }

    #[test]
    fn a_key_goes_to_one_part_whatever_the_batch_size_and_every_part_gets_some() {
        let keys: ArrayRef = Arc::new(Int64Array::from_iter((0..300).map(|n| (n % 7 != 0).then_some(n % 50))));
        let whole = part_of_each(&keys, 300);
        assert_eq!(whole, part_of_each(&keys, 1));
        assert_eq!(whole, part_of_each(&keys, 32));
        assert!((0..3).all(|part| whole.contains(&part)));
        let keys = keys.as_primitive::<arrow::datatypes::Int64Type>();
        for row in 0..300 {
            let same = (0..300).filter(|other| keys.is_valid(*other) == keys.is_valid(row));
            for other in same.filter(|other| keys.is_null(*other) || keys.value(*other) == keys.value(row)) {
                assert_eq!(whole[other], whole[row], "rows {row} and {other}");
            }
        }
    }

    #[test]
    fn floats_that_compare_equal_go_together() {
        let keys: ArrayRef = Arc::new(Float64Array::from(vec![0.0, -0.0, f64::NAN, -f64::NAN]));
        let parts = part_of_each(&keys, 4);
        assert_eq!(parts[0], parts[1]);
        assert_eq!(parts[2], parts[3]);
    }
}
