//! The state of windows as bytes: one Arrow IPC stream, a batch of groups for each piece of time.
//!
//! The start of its piece stands in each batch as a last column, single numbers in the metadata of the schema.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use millrace_operator::NodeError;

#[derive(Default)]
pub(crate) struct Saved {
    /// Single numbers, such as watermarks.
    pub numbers: BTreeMap<String, i64>,
    /// Batches of one schema, each with a number of its own.
    pub batches: Vec<(i64, RecordBatch)>,
}

const NUMBER: &str = "millrace.window_start_us";

pub(crate) fn damaged() -> NodeError {
    NodeError::internal("the state of the windows is damaged")
}

/// The columns of `keys`, then these, then those of `state`.
pub(crate) fn with_columns<const N: usize>(
    keys: &RecordBatch,
    columns: [(Field, ArrayRef); N],
    state: &RecordBatch,
) -> Result<RecordBatch, NodeError> {
    let mut fields: Vec<FieldRef> = keys.schema_ref().fields().iter().cloned().collect();
    let mut all = keys.columns().to_vec();
    for (field, column) in columns {
        fields.push(Arc::new(field));
        all.push(column);
    }
    fields.extend(state.schema_ref().fields().iter().cloned());
    all.extend(state.columns().iter().cloned());
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), all)?)
}

impl Saved {
    pub(crate) fn set(&mut self, name: &str, number: Option<i64>) {
        self.numbers.extend(number.map(|number| (name.to_owned(), number)));
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, NodeError> {
        let metadata: HashMap<String, String> =
            self.numbers.iter().map(|(name, number)| (name.clone(), number.to_string())).collect();
        let mut fields: Vec<FieldRef> = match self.batches.first() {
            Some((_, groups)) => groups.schema_ref().fields().iter().cloned().collect(),
            None => Vec::new(),
        };
        fields.push(Arc::new(Field::new(NUMBER, DataType::Int64, false)));
        let schema: SchemaRef = Arc::new(Schema::new_with_metadata(fields, metadata));
        let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
        for (number, groups) in &self.batches {
            let mut columns = groups.columns().to_vec();
            columns.push(Arc::new(Int64Array::from_value(*number, groups.num_rows())));
            writer.write(&RecordBatch::try_new(schema.clone(), columns)?)?;
        }
        Ok(writer.into_inner()?)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, NodeError> {
        let reader = StreamReader::try_new(bytes, None)?;
        let mut saved = Self::default();
        for (name, text) in reader.schema().metadata() {
            saved.numbers.insert(name.clone(), text.parse().map_err(|_| damaged())?);
        }
        for batch in reader {
            let mut groups = batch?;
            let last = groups.num_columns().checked_sub(1).ok_or_else(damaged)?;
            let numbers = groups.remove_column(last);
            let numbers = numbers.as_primitive_opt::<Int64Type>().ok_or_else(damaged)?;
            saved.batches.push((numbers.values().first().copied().ok_or_else(damaged)?, groups));
        }
        Ok(saved)
    }

    pub(crate) fn get(&self, name: &str) -> Option<i64> {
        self.numbers.get(name).copied()
    }
}

/// Several states as one.
pub(crate) fn frame(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend((part.len() as u64).to_le_bytes());
        bytes.extend(part);
    }
    bytes
}

/// The states that [`frame`] put together.
pub(crate) fn unframe<const N: usize>(mut bytes: &[u8]) -> Result<[&[u8]; N], NodeError> {
    let mut parts = [&[] as &[u8]; N];
    for part in &mut parts {
        let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(damaged)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged())?;
        (*part, bytes) = rest.split_at_checked(length).ok_or_else(damaged)?;
    }
    Ok(parts)
}
