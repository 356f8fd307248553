//! Records that could not be read or computed: one schema for the `rejected` port of every node.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, RecordBatch, StringBuilder, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use millrace_model::event_time::{UTC, timestamp_type};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::json;

/// What becomes of a record that cannot be read or computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// It leaves by the `rejected` port with its text and the reason.
    #[default]
    Reject,
    /// The run fails and says which record it was.
    Fail,
    /// What cannot be computed becomes null, and the row goes on.
    Null,
}

/// The column with the record as text.
pub const RAW: &str = "raw";

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new(RAW, DataType::Utf8, true),
        Field::new("reason", DataType::Utf8, false),
        Field::new("position", DataType::Utf8, true),
        Field::new("time", timestamp_type(), false),
    ]))
});

/// `raw` (the record as text), `reason`, `position` (where in the source, or which row), `time` (when it was rejected).
pub fn schema() -> SchemaRef {
    SCHEMA.clone()
}

/// Collects rejected records into a batch of [`schema`].
#[derive(Debug, Default)]
pub struct RejectedBuilder {
    raw: StringBuilder,
    reason: StringBuilder,
    position: StringBuilder,
    num_rows: usize,
}

impl RejectedBuilder {
    pub fn push(&mut self, raw: &str, reason: &str, position: &str) {
        self.raw.append_value(raw);
        self.reason.append_value(reason);
        self.position.append_value(position);
        self.num_rows += 1;
    }

    pub fn len(&self) -> usize {
        self.num_rows
    }

    pub fn is_empty(&self) -> bool {
        self.num_rows == 0
    }

    /// The batch of what was pushed since the last call, stamped with `now_us`.
    pub fn finish(&mut self, now_us: i64) -> RecordBatch {
        let times = TimestampMicrosecondArray::from(vec![now_us; self.num_rows]).with_timezone(UTC);
        self.num_rows = 0;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.raw.finish()),
            Arc::new(self.reason.finish()),
            Arc::new(self.position.finish()),
            Arc::new(times),
        ];
        RecordBatch::try_new(schema(), columns).expect("the columns are built for this schema")
    }
}

/// A row as one line of JSON, for the `raw` text of a row that was rejected inside the pipeline.
///
/// # Errors
/// When a column has a type that JSON cannot show.
pub fn row_as_json(batch: &RecordBatch, row: usize) -> Result<String, arrow::error::ArrowError> {
    let bytes = json::to_lines(&batch.slice(row, 1), json::Nulls::LeftOut)?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}
