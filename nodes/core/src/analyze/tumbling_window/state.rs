//! The state of window nodes as bytes: one Arrow IPC stream, a batch of groups for each open window.
//!
//! The start of its window stands in each batch as a last column, the watermarks in the metadata of the schema.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use millrace_operator::NodeError;

pub(super) struct SavedWindows {
    pub watermark_us: Option<i64>,
    pub passed_on_us: Option<i64>,
    /// The start of each open window, and its groups.
    pub windows: Vec<(i64, RecordBatch)>,
}

const WATERMARK: &str = "watermark_us";
const PASSED_ON: &str = "passed_on_us";
const START: &str = "millrace.window_start_us";

impl SavedWindows {
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, NodeError> {
        let marks = [(WATERMARK, self.watermark_us), (PASSED_ON, self.passed_on_us)];
        let metadata: HashMap<String, String> =
            marks.into_iter().filter_map(|(name, mark_us)| Some((name.to_owned(), mark_us?.to_string()))).collect();
        let mut fields: Vec<FieldRef> = match self.windows.first() {
            Some((_, groups)) => groups.schema_ref().fields().iter().cloned().collect(),
            None => Vec::new(),
        };
        fields.push(Arc::new(Field::new(START, DataType::Int64, false)));
        let schema: SchemaRef = Arc::new(Schema::new_with_metadata(fields, metadata));
        let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
        for (start_us, groups) in &self.windows {
            let mut columns = groups.columns().to_vec();
            columns.push(Arc::new(Int64Array::from_value(*start_us, groups.num_rows())));
            writer.write(&RecordBatch::try_new(schema.clone(), columns)?)?;
        }
        Ok(writer.into_inner()?)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, NodeError> {
        let damaged = || NodeError::internal("the state of the windows is damaged");
        let reader = StreamReader::try_new(bytes, None)?;
        let schema = reader.schema();
        let mark = |name: &str| -> Result<Option<i64>, NodeError> {
            schema.metadata().get(name).map(|text| text.parse().map_err(|_| damaged())).transpose()
        };
        let mut windows = Vec::new();
        for batch in reader {
            let mut groups = batch?;
            let last = groups.num_columns().checked_sub(1).ok_or_else(damaged)?;
            let starts = groups.remove_column(last);
            let starts = starts.as_primitive_opt::<Int64Type>().ok_or_else(damaged)?;
            windows.push((starts.values().first().copied().ok_or_else(damaged)?, groups));
        }
        Ok(Self { watermark_us: mark(WATERMARK)?, passed_on_us: mark(PASSED_ON)?, windows })
    }
}
