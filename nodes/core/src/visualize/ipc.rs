//! The rows that a view holds, as bytes: one Arrow IPC stream, with a few words about it in the schema's metadata.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::Schema;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use millrace_operator::NodeError;

const NOTE: &str = "millrace.view";

/// `batch` and `note` as bytes.
///
/// # Errors
/// When Arrow cannot write the batch, which would be a defect.
pub(super) fn to_bytes(batch: &RecordBatch, note: &str) -> Result<Vec<u8>, NodeError> {
    let metadata = HashMap::from([(NOTE.to_owned(), note.to_owned())]);
    let schema = Arc::new(Schema::new_with_metadata(batch.schema().fields().clone(), metadata));
    let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
    writer.write(&RecordBatch::try_new(schema, batch.columns().to_vec())?)?;
    Ok(writer.into_inner()?)
}

/// What [`to_bytes`] wrote.
///
/// # Errors
/// When the bytes are something else.
pub(super) fn from_bytes(bytes: &[u8]) -> Result<(RecordBatch, String), NodeError> {
    let reader = StreamReader::try_new(bytes, None)?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>()?;
    let note = schema.metadata().get(NOTE).cloned().unwrap_or_default();
    let plain = Arc::new(Schema::new(schema.fields().clone()));
    let batches = batches
        .into_iter()
        .map(|batch| RecordBatch::try_new(plain.clone(), batch.columns().to_vec()))
        .collect::<Result<Vec<_>, _>>()?;
    Ok((concat_batches(&plain, &batches)?, note))
}
