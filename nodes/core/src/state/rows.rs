//! Rows that are held for a while: whole batches, addressed by a running number, given up one by one.
//!
//! A number stays with its row for good. Small batches are put together and batches of mostly dead rows are thinned out,
//! so that neither rows that arrive singly nor a few that live long cost more than they hold.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array};
use arrow::compute::{concat_batches, filter_record_batch, interleave, take_record_batch};
use arrow::datatypes::SchemaRef;
use millrace_operator::{NodeError, Output};

/// Batches up to this many rows are put together.
const SEGMENT_ROWS: usize = 8_192;

/// These rows of `batch`; without a copy where they are neighbours.
pub(crate) fn rows_of(batch: &RecordBatch, rows: &[u32]) -> Result<RecordBatch, NodeError> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(batch.slice(0, 0)) };
    if first <= last && (last - first) as usize + 1 == rows.len() && rows.is_sorted() {
        return Ok(batch.slice(*first as usize, rows.len()));
    }
    Ok(take_record_batch(batch, &UInt32Array::from(rows.to_vec()))?)
}

/// Emits the rows of `batch` that pass, and counts the others as left out.
pub(crate) fn emit_passing(
    batch: RecordBatch,
    passes: &BooleanArray,
    port: usize,
    out: &mut Output,
) -> Result<(), NodeError> {
    let num_passed = passes.true_count();
    out.drop_rows(batch.num_rows() - num_passed);
    out.emit(port, if num_passed == batch.num_rows() { batch } else { filter_record_batch(&batch, passes)? });
    Ok(())
}

/// Rows of one schema, each with its number.
pub(crate) struct RowStore {
    schema: SchemaRef,
    /// By the number of the first row.
    segments: BTreeMap<u64, Segment>,
    next: u64,
    num_rows: usize,
    bytes: usize,
}

struct Segment {
    batch: RecordBatch,
    /// The number of each row, ascending.
    numbers: Vec<u64>,
    is_live: Vec<bool>,
    num_live: usize,
    bytes: usize,
}

impl Segment {
    fn new(batch: RecordBatch, numbers: Vec<u64>, is_live: Vec<bool>) -> Self {
        let bytes = batch.get_array_memory_size() + numbers.len() * (size_of::<u64>() + 1);
        let num_live = is_live.iter().filter(|is_live| **is_live).count();
        Self { batch, numbers, is_live, num_live, bytes }
    }

    fn place_of(&self, number: u64) -> Option<usize> {
        let first = *self.numbers.first()?;
        let offset = usize::try_from(number.checked_sub(first)?).ok()?;
        if self.numbers.get(offset) == Some(&number) {
            return Some(offset);
        }
        self.numbers.binary_search(&number).ok()
    }

    fn only_live(mut self) -> Result<Self, NodeError> {
        if self.num_live == self.numbers.len() {
            return Ok(self);
        }
        let batch = filter_record_batch(&self.batch, &BooleanArray::from(self.is_live.clone()))?;
        let mut live = self.is_live.iter();
        self.numbers.retain(|_| live.next().copied().unwrap_or_default());
        let is_live = vec![true; self.numbers.len()];
        Ok(Self::new(batch, self.numbers, is_live))
    }
}

/// Some segments, and for each row which of them and the place in it.
type Places<'a> = (Vec<&'a Segment>, Vec<(usize, usize)>);

impl RowStore {
    pub(crate) fn new(schema: SchemaRef) -> Self {
        Self { schema, segments: BTreeMap::new(), next: 0, num_rows: 0, bytes: 0 }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes all rows of a batch and gives the number of the first; the others follow on.
    ///
    /// # Errors
    /// When the batch is not of this store's schema.
    pub(crate) fn push(&mut self, batch: RecordBatch) -> Result<u64, NodeError> {
        let first = self.next;
        let num_rows = batch.num_rows();
        if num_rows == 0 {
            return Ok(first);
        }
        self.next += num_rows as u64;
        self.num_rows += num_rows;
        let mut segment = Segment::new(batch, (first..self.next).collect(), vec![true; num_rows]);
        // As with the digits of a binary counter, each row is copied a few times only.
        while let Some(last) = self.segments.last_entry() {
            let both = last.get().num_live + segment.numbers.len();
            if both > SEGMENT_ROWS || last.get().numbers.len() > 2 * segment.numbers.len() {
                break;
            }
            let last = last.remove();
            self.bytes -= last.bytes;
            let last = last.only_live()?;
            let batch = concat_batches(&self.schema, [&last.batch, &segment.batch])?;
            let numbers = [last.numbers, segment.numbers].concat();
            let is_live = [last.is_live, segment.is_live].concat();
            segment = Segment::new(batch, numbers, is_live);
        }
        self.insert(segment);
        Ok(first)
    }

    fn insert(&mut self, segment: Segment) {
        self.bytes += segment.bytes;
        if let Some(first) = segment.numbers.first() {
            self.segments.insert(*first, segment);
        }
    }

    /// Gives a row up.
    ///
    /// # Errors
    /// When rows cannot be copied: a defect.
    pub(crate) fn free(&mut self, number: u64) -> Result<(), NodeError> {
        let Some((key, segment)) = self.segments.range_mut(..=number).next_back() else { return Ok(()) };
        let (key, Some(place)) = (*key, segment.place_of(number)) else { return Ok(()) };
        if !std::mem::take(&mut segment.is_live[place]) {
            return Ok(());
        }
        segment.num_live -= 1;
        self.num_rows -= 1;
        if segment.num_live * 4 <= segment.numbers.len()
            && let Some(segment) = self.segments.remove(&key)
        {
            self.bytes -= segment.bytes;
            if segment.num_live > 0 {
                self.insert(segment.only_live()?);
            }
        }
        Ok(())
    }

    /// Where these rows stand: the segments, and for each row which of them and the place in it. The row of nulls that
    /// stands for `None` comes before the segments.
    fn places(&self, numbers: &[Option<u64>]) -> Result<Places<'_>, NodeError> {
        let missing = || NodeError::internal("a row that is needed was given up");
        let mut used: Vec<&Segment> = Vec::new();
        let mut index_of: BTreeMap<u64, usize> = BTreeMap::new();
        let mut last: Option<(u64, u64, usize)> = None;
        let mut places = Vec::with_capacity(numbers.len());
        for number in numbers {
            let Some(number) = *number else {
                places.push((0, 0));
                continue;
            };
            let index = match last {
                Some((first, end, index)) if first <= number && number <= end => index,
                _ => {
                    let (first, segment) = self.segments.range(..=number).next_back().ok_or_else(missing)?;
                    let index = *index_of.entry(*first).or_insert_with(|| {
                        used.push(segment);
                        used.len() - 1
                    });
                    last = Some((*first, segment.numbers.last().copied().unwrap_or(*first), index));
                    index
                }
            };
            let place = used[index].place_of(number).filter(|place| used[index].is_live[*place]);
            places.push((index + 1, place.ok_or_else(missing)?));
        }
        Ok((used, places))
    }

    fn column_at(
        &self,
        column: usize,
        segments: &[&Segment],
        places: &[(usize, usize)],
    ) -> Result<ArrayRef, NodeError> {
        let nulls = new_null_array(self.schema.field(column).data_type(), 1);
        let mut arrays: Vec<&dyn Array> = vec![nulls.as_ref()];
        arrays.extend(segments.iter().map(|segment| segment.batch.column(column).as_ref()));
        Ok(interleave(&arrays, places)?)
    }

    /// The columns of these rows, in this order; a row of nulls for `None`.
    ///
    /// # Errors
    /// When a row has been given up already: a defect.
    pub(crate) fn columns(&self, numbers: &[Option<u64>]) -> Result<Vec<ArrayRef>, NodeError> {
        let (segments, places) = self.places(numbers)?;
        (0..self.schema.fields().len()).map(|column| self.column_at(column, &segments, &places)).collect()
    }

    /// As [`Self::columns`], for one of them.
    ///
    /// # Errors
    /// As [`Self::columns`].
    pub(crate) fn column(&self, column: usize, numbers: &[Option<u64>]) -> Result<ArrayRef, NodeError> {
        let (segments, places) = self.places(numbers)?;
        self.column_at(column, &segments, &places)
    }

    /// These rows, in this order.
    ///
    /// # Errors
    /// As [`Self::columns`].
    pub(crate) fn take(&self, numbers: &[u64]) -> Result<RecordBatch, NodeError> {
        let numbers: Vec<Option<u64>> = numbers.iter().copied().map(Some).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(numbers.len()));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), self.columns(&numbers)?, &options)?)
    }

    /// All rows that are held, in the order of their numbers, and these.
    ///
    /// # Errors
    /// When rows cannot be copied: a defect.
    pub(crate) fn all(&self) -> Result<(RecordBatch, Vec<u64>), NodeError> {
        let mut numbers = Vec::with_capacity(self.num_rows);
        for segment in self.segments.values() {
            let live = segment.numbers.iter().zip(&segment.is_live);
            numbers.extend(live.filter(|(_, is_live)| **is_live).map(|(number, _)| *number));
        }
        Ok((self.take(&numbers)?, numbers))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use arrow::array::{AsArray, Int64Array};
    use arrow::datatypes::{DataType, Field, Int64Type, Schema};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_keep_their_numbers_whatever_comes_and_goes(
            steps in prop::collection::vec((1..40usize, prop::collection::vec(0..400u64, 0..30)), 1..20),
        ) {
            let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
            let mut store = RowStore::new(schema.clone());
            let mut live: Vec<u64> = Vec::new();
            let mut next = 0;
            for (num_rows, freed) in steps {
                let values: Vec<i64> = (next..next + num_rows as i64).map(|n| n * 10).collect();
                let column = Arc::new(Int64Array::from(values)) as ArrayRef;
                let first = store.push(RecordBatch::try_new(schema.clone(), vec![column]).expect("it fits")).expect("takes");
                prop_assert_eq!(first, next as u64);
                live.extend(first..first + num_rows as u64);
                next += num_rows as i64;
                for number in freed {
                    store.free(number).expect("frees");
                    live.retain(|known| *known != number);
                }
                let (rows, numbers) = store.all().expect("all");
                prop_assert_eq!(&numbers, &live);
                let expected: Vec<i64> = live.iter().map(|number| *number as i64 * 10).collect();
                prop_assert_eq!(rows.column(0).as_primitive::<Int64Type>().values().to_vec(), expected);
                prop_assert_eq!(store.num_rows, live.len());
                prop_assert_eq!(store.bytes() == 0, live.is_empty());
            }
            let mut backwards: Vec<Option<u64>> = live.iter().rev().copied().map(Some).collect();
            backwards.push(None);
            let columns = store.columns(&backwards).expect("columns");
            prop_assert!(columns[0].is_null(live.len()));
        }
    }
}
