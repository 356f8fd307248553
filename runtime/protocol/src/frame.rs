//! Arrow data on its way to the designer: one schema and its batches as an Arrow IPC stream.

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, Schema};
use serde::{Deserialize, Serialize};

/// One record batch as the bytes of an Arrow IPC stream.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Frame(#[serde(with = "serde_bytes")] Vec<u8>);

/// Bytes that are not an Arrow IPC stream, or a batch that cannot be written as one.
#[derive(Debug, thiserror::Error)]
#[error("the data frame cannot be read or written: {source}")]
pub struct FrameError {
    #[from]
    source: ArrowError,
}

impl Frame {
    /// # Errors
    /// When the batch has a type that Arrow IPC cannot carry.
    pub fn from_batch(batch: &RecordBatch) -> Result<Self, FrameError> {
        let mut bytes = Vec::with_capacity(batch.get_array_memory_size() + 1024);
        let mut writer = StreamWriter::try_new(&mut bytes, &batch.schema())?;
        writer.write(batch)?;
        writer.finish()?;
        drop(writer);
        Ok(Self(bytes))
    }

    /// # Errors
    /// When the bytes are torn or not Arrow IPC.
    pub fn to_batch(&self) -> Result<RecordBatch, FrameError> {
        let mut reader = StreamReader::try_new(self.0.as_slice(), None)?;
        let schema = reader.schema();
        match reader.next() {
            Some(batch) => Ok(batch?),
            None => Ok(RecordBatch::new_empty(schema)),
        }
    }

    pub fn num_bytes(&self) -> usize {
        self.0.len()
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({} bytes)", self.0.len())
    }
}

/// The schema as data of the protocol: name and a short type word for each column.
pub fn columns_of(schema: &Schema) -> Vec<crate::Column> {
    schema
        .fields()
        .iter()
        .map(|field| crate::Column { name: field.name().clone(), data_type: type_word(field.data_type()) })
        .collect()
}

/// The word that a person reads for an Arrow type.
pub fn type_word(data_type: &arrow_schema::DataType) -> String {
    use arrow_schema::DataType as T;
    match data_type {
        T::Null => "null".to_owned(),
        T::Boolean => "boolean".to_owned(),
        T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::UInt8 | T::UInt16 | T::UInt32 | T::UInt64 => "integer".to_owned(),
        T::Float16 | T::Float32 | T::Float64 => "number".to_owned(),
        T::Decimal32(..) | T::Decimal64(..) | T::Decimal128(..) | T::Decimal256(..) => "decimal".to_owned(),
        T::Utf8 | T::LargeUtf8 | T::Utf8View => "text".to_owned(),
        T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => "bytes".to_owned(),
        T::Date32 | T::Date64 => "date".to_owned(),
        T::Timestamp(..) => "time".to_owned(),
        T::Dictionary(_, value) => type_word(value),
        T::List(item) | T::LargeList(item) => format!("list of {}", type_word(item.data_type())),
        T::Struct(_) => "record".to_owned(),
        other => other.to_string(),
    }
}
