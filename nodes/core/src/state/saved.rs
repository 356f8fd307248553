//! State as bytes: a header of a node's own, and batches of rows.
//!
//! Each part stands behind its length: the header as JSON, then each batch as an Arrow IPC stream.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use millrace_operator::NodeError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// # Errors
/// When a batch cannot be written.
pub(crate) fn to_bytes<H: Serialize>(header: &H, batches: &[RecordBatch]) -> Result<Vec<u8>, NodeError> {
    let mut bytes = Vec::new();
    let mut put = |part: &[u8]| {
        bytes.extend((part.len() as u64).to_le_bytes());
        bytes.extend(part);
    };
    let header = serde_json::to_vec(header)
        .map_err(|error| NodeError::internal("the state cannot be written").with_source(error))?;
    put(&header);
    for batch in batches {
        let mut writer = StreamWriter::try_new(Vec::new(), batch.schema_ref())?;
        writer.write(batch)?;
        put(&writer.into_inner()?);
    }
    Ok(bytes)
}

/// # Errors
/// When the bytes were not written by [`to_bytes`] with this header and so many batches.
pub(crate) fn from_bytes<H: DeserializeOwned, const N: usize>(
    bytes: &[u8],
) -> Result<(H, [RecordBatch; N]), NodeError> {
    let (header, batches) = from_bytes_many(bytes)?;
    let batches = batches.try_into().map_err(|_| damaged())?;
    Ok((header, batches))
}

/// As [`from_bytes`], for any number of batches.
///
/// # Errors
/// When the bytes were not written by [`to_bytes`] with this header.
pub(crate) fn from_bytes_many<H: DeserializeOwned>(bytes: &[u8]) -> Result<(H, Vec<RecordBatch>), NodeError> {
    let mut rest = bytes;
    let header = serde_json::from_slice(next_part(&mut rest)?)
        .map_err(|error| NodeError::internal("the state cannot be read").with_source(error))?;
    let mut batches = Vec::new();
    while !rest.is_empty() {
        let mut reader = StreamReader::try_new(next_part(&mut rest)?, None)?;
        let schema = reader.schema();
        batches.push(reader.next().transpose()?.unwrap_or_else(|| RecordBatch::new_empty(schema)));
    }
    Ok((header, batches))
}

fn next_part<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], NodeError> {
    let (length, after) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged())?;
    let (part, after) = after.split_at_checked(length).ok_or_else(damaged)?;
    *rest = after;
    Ok(part)
}

pub(crate) fn damaged() -> NodeError {
    NodeError::internal("the state is damaged")
}

/// One batch of key columns and, after them, values.
///
/// # Errors
/// When the columns differ in length.
pub(crate) fn table(keys: Vec<ArrayRef>, values: Vec<ArrayRef>) -> Result<RecordBatch, NodeError> {
    let columns = keys.into_iter().chain(values).enumerate();
    let columns = columns.map(|(number, column)| (format!("column_{number}"), column, true));
    Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
}

/// The key columns of a [`table`] and its last `N` columns, the values.
///
/// # Errors
/// When there are not so many columns.
pub(crate) fn split_table<const N: usize>(table: &RecordBatch) -> Result<(Vec<ArrayRef>, &[ArrayRef; N]), NodeError> {
    let (keys, values) = table.columns().split_last_chunk::<N>().ok_or_else(damaged)?;
    Ok((keys.to_vec(), values))
}
