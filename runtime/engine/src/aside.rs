//! Rows that came behind their own source, at a node where several sources meet.
//!
//! The watermark of such a node is that of the source that is furthest back, so whether a row that is late by its own
//! source would still be in time hangs on how far the others happen to have come. It is put aside until time at the node
//! is where its source was: then it meets the watermark that it would meet if its source were the only one, whatever
//! the turns of the tasks. Rows in good order never wait here, and nobody waits for those that do.
//!
//! What is put aside is state of the node: it is in its checkpoints and counts as its memory.

use std::collections::BTreeMap;

use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use millrace_model::event_time::event_time_column;
use millrace_operator::time::event_times;
use serde::{Deserialize, Serialize};

/// See above.
#[derive(Debug, Default)]
pub(crate) struct Aside {
    /// By the watermark that they wait for, in microseconds; each with the input that they came by, in order of arrival.
    rows: BTreeMap<i64, Vec<(usize, RecordBatch)>>,
    bytes: usize,
}

/// Some of the rows, in a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedAside {
    watermark_us: i64,
    pub input: usize,
    /// An Arrow IPC stream of one batch.
    #[serde(with = "serde_bytes")]
    rows: Vec<u8>,
}

impl Aside {
    /// Keeps those rows of `batch` that are behind the watermark, and gives back the others.
    ///
    /// # Errors
    /// When its event time column is not a time.
    pub fn put(&mut self, input: usize, batch: RecordBatch, watermark_us: i64) -> Result<RecordBatch, ArrowError> {
        let Some(is_behind) = behind(&batch, watermark_us) else { return Ok(batch) };
        let rows = filter_record_batch(&batch, &is_behind)?;
        self.keep(watermark_us, input, rows);
        filter_record_batch(&batch, &arrow::compute::not(&is_behind)?)
    }

    fn keep(&mut self, watermark_us: i64, input: usize, rows: RecordBatch) {
        self.bytes += rows.get_array_memory_size();
        self.rows.entry(watermark_us).or_default().push((input, rows));
    }

    /// What has waited for the earliest watermark, if that is not after `until_us`.
    pub fn take(&mut self, until_us: i64) -> Option<(i64, Vec<(usize, RecordBatch)>)> {
        let first = self.rows.first_entry().filter(|first| *first.key() <= until_us)?;
        let (watermark_us, rows) = first.remove_entry();
        self.bytes -= rows.iter().map(|(_, rows)| rows.get_array_memory_size()).sum::<usize>();
        Some((watermark_us, rows))
    }

    pub fn size_bytes(&self) -> usize {
        self.bytes
    }

    /// # Errors
    /// When a batch cannot be written.
    pub fn save(&self) -> Result<Vec<SavedAside>, ArrowError> {
        let all = self.rows.iter().flat_map(|(watermark_us, rows)| rows.iter().map(move |rows| (*watermark_us, rows)));
        all.map(|(watermark_us, (input, rows))| {
            let mut writer = StreamWriter::try_new(Vec::new(), rows.schema_ref())?;
            writer.write(rows)?;
            Ok(SavedAside { watermark_us, input: *input, rows: writer.into_inner()? })
        })
        .collect()
    }

    /// Goes on with what a checkpoint has. `schemas` are those of the inputs.
    ///
    /// # Errors
    /// When it is damaged, or an input has come to have columns that the rows lack ([`SavedAside::fits`]).
    pub fn restore(saved: &[SavedAside], schemas: &[Option<SchemaRef>]) -> Result<Self, ArrowError> {
        let mut aside = Self::default();
        for part in saved {
            let schema = schemas.get(part.input).cloned().flatten();
            let schema = schema.ok_or_else(|| ArrowError::SchemaError("no such input".to_owned()))?;
            for rows in part.reader()? {
                aside.keep(part.watermark_us, part.input, with_columns_of(&rows?, schema.clone())?);
            }
        }
        Ok(aside)
    }
}

impl SavedAside {
    fn reader(&self) -> Result<StreamReader<&[u8]>, ArrowError> {
        StreamReader::try_new(self.rows.as_slice(), None)
    }

    /// Whether the rows have all columns of the input now.
    pub fn fits(&self, input: &SchemaRef) -> bool {
        self.reader().is_ok_and(|reader| {
            let none = RecordBatch::new_empty(reader.schema());
            with_columns_of(&none, input.clone()).is_ok()
        })
    }
}

fn with_columns_of(rows: &RecordBatch, schema: SchemaRef) -> Result<RecordBatch, ArrowError> {
    let places = schema.fields().iter().map(|field| rows.schema_ref().index_of(field.name()));
    RecordBatch::try_new(schema.clone(), rows.project(&places.collect::<Result<Vec<_>, _>>()?)?.columns().to_vec())
}

/// Which rows are older than the watermark; `None` where none is.
pub(crate) fn behind(batch: &RecordBatch, watermark_us: i64) -> Option<BooleanArray> {
    let times = event_times(batch.column_by_name(event_time_column(&batch.schema())?)?.as_ref()).ok()?;
    if arrow::compute::min(&times).is_none_or(|oldest_us| oldest_us >= watermark_us) {
        return None;
    }
    Some((0..times.len()).map(|row| Some(times.is_valid(row) && times.value(row) < watermark_us)).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, Int64Array, TimestampMicrosecondArray};
    use arrow::datatypes::{Field, Int64Type, Schema};
    use millrace_model::event_time::{UTC, timestamp_type, with_event_time};

    use super::*;

    fn schema(columns: &[&str]) -> SchemaRef {
        let number = |name: &&str| Field::new(*name, arrow::datatypes::DataType::Int64, true);
        let fields: Vec<Field> =
            [Field::new("t", timestamp_type(), true)].into_iter().chain(columns.iter().map(number)).collect();
        with_event_time(&Schema::new(fields), Some("t"))
    }

    /// Times, and a number for each row.
    fn batch(times: &[Option<i64>]) -> RecordBatch {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..times.len() as i64));
        let times = TimestampMicrosecondArray::from(times.to_vec()).with_timezone(UTC);
        RecordBatch::try_new(schema(&["n", "m"]), vec![Arc::new(times), numbers.clone(), numbers]).expect("it fits")
    }

    fn numbers(batch: &RecordBatch) -> Vec<i64> {
        batch.column(1).as_primitive::<Int64Type>().values().to_vec()
    }

    #[test]
    fn rows_behind_wait_for_their_watermark_and_the_others_do_not() {
        let mut aside = Aside::default();
        let rest = aside.put(1, batch(&[Some(7), Some(3), None, Some(5), Some(4)]), 5).expect("a time column");
        assert_eq!(numbers(&rest), [0, 2, 3], "a row at the watermark is not behind it");
        aside.put(0, batch(&[Some(1)]), 5).expect("a time column");
        aside.put(0, batch(&[Some(1)]), 2).expect("a time column");
        let mut taken = Vec::new();
        for until_us in [1, 4, 5, 9] {
            while let Some((watermark_us, rows)) = aside.take(until_us) {
                let rows: Vec<_> = rows.iter().map(|(input, rows)| (*input, numbers(rows))).collect();
                taken.push((until_us, watermark_us, rows));
            }
        }
        assert_eq!(taken, [(4, 2, vec![(0, vec![0])]), (5, 5, vec![(1, vec![1, 4]), (0, vec![0])])]);
        assert_eq!(aside.size_bytes(), 0);
    }

    #[test]
    fn what_waits_is_there_after_a_restart_with_the_columns_that_the_input_has_then() {
        let mut aside = Aside::default();
        aside.put(0, batch(&[Some(3), Some(9)]), 5).expect("a time column");
        let saved = aside.save().expect("it can be written");
        let fewer = schema(&["m"]);
        assert!(saved[0].fits(&fewer) && !saved[0].fits(&schema(&["m", "new"])));
        let mut restored = Aside::restore(&saved, &[Some(fewer.clone())]).expect("it fits");
        let (watermark_us, rows) = restored.take(i64::MAX).expect("a row waits");
        assert_eq!((watermark_us, rows[0].0, numbers(&rows[0].1)), (5, 0, vec![0]));
        assert_eq!(rows[0].1.schema(), fewer);
        assert!(Aside::restore(&saved, &[Some(schema(&["new"]))]).is_err());
    }
}
