//! Parquet: between two checkpoints one hidden file of its own, as a Parquet file is whole only when it is closed. In the end
//! a single part becomes the target as it is; several are written together.
//!
//! State: the number of parts that count, and of their rows.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use millrace_operator::NodeError;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};

use super::{Body, Target};

pub(super) struct ParquetParts {
    target: Target,
    schema: SchemaRef,
    /// Parts that are closed.
    num_parts: u64,
    num_rows: usize,
    writer: Option<ArrowWriter<File>>,
}

impl ParquetParts {
    pub(super) fn new(target: Target, schema: SchemaRef) -> Self {
        Self { target, schema, num_parts: 0, num_rows: 0, writer: None }
    }

    fn part(&self, number: u64) -> PathBuf {
        self.target.hidden(&format!("part-{number}.millrace-tmp"))
    }

    fn error(&self, error: ParquetError) -> NodeError {
        match error {
            ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
                Ok(error) => self.target.cannot_write(*error),
                Err(inner) => self.failed(inner),
            },
            other => self.failed(other.into()),
        }
    }

    fn failed(&self, error: Box<dyn std::error::Error + Send + Sync>) -> NodeError {
        NodeError::external(format!("`{}` cannot be written as Parquet", self.target.shown)).with_source(error)
    }

    fn writer_of(&self, path: &Path) -> Result<ArrowWriter<File>, NodeError> {
        let file = File::create(path).map_err(|error| self.target.cannot_write(error))?;
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
        ArrowWriter::try_new(file, self.schema.clone(), Some(properties)).map_err(|error| self.error(error))
    }

    fn close(&self, writer: ArrowWriter<File>) -> Result<(), NodeError> {
        // `into_inner` writes the footer.
        let file = writer.into_inner().map_err(|error| self.error(error))?;
        file.sync_all().map_err(|error| self.target.cannot_write(error))
    }

    fn close_part(&mut self) -> Result<(), NodeError> {
        if let Some(writer) = self.writer.take() {
            self.close(writer)?;
            self.num_parts += 1;
        }
        Ok(())
    }

    /// Writes the first `limit` rows of the Parquet file at `from`.
    fn copy_rows(&self, from: &Path, limit: usize, writer: &mut ArrowWriter<File>) -> Result<(), NodeError> {
        let file = File::open(from).map_err(|error| self.target.cannot_write(error))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)
            .and_then(|builder| if limit == usize::MAX { builder } else { builder.with_limit(limit) }.build())
            .map_err(|error| self.error(error))?;
        for batch in reader {
            let batch = batch?.with_schema(self.schema.clone())?;
            writer.write(&batch).map_err(|error| self.error(error))?;
        }
        Ok(())
    }

    /// Removes the hidden files from `first` on.
    fn remove_parts(&self, first: u64) {
        let mut number = first;
        while std::fs::remove_file(self.part(number)).is_ok() {
            number += 1;
        }
    }
}

impl Body for ParquetParts {
    fn open(&mut self, restored: Option<&Value>) -> Result<(), NodeError> {
        self.num_parts = restored.and_then(|state| state["parts"].as_u64()).unwrap_or(0);
        self.num_rows =
            restored.and_then(|state| state["rows"].as_u64()).and_then(|rows| usize::try_from(rows).ok()).unwrap_or(0);
        self.remove_parts(self.num_parts);
        let missing = (0..self.num_parts).map(|number| self.part(number)).find(|part| !part.exists());
        match missing {
            None => Ok(()),
            // After a finished run the parts have become the target: what counts of it is the first part of what follows.
            Some(_) if self.target.path.exists() => {
                self.remove_parts(0);
                let mut writer = self.writer_of(&self.part(0))?;
                self.copy_rows(&self.target.path, self.num_rows, &mut writer)?;
                self.close(writer)?;
                self.num_parts = 1;
                Ok(())
            }
            Some(part) => Err(NodeError::external(format!(
                "`{}` cannot be gone on with: `{}` is missing, which the checkpoint knows",
                self.target.shown,
                part.display()
            ))),
        }
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), NodeError> {
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.writer_of(&self.part(self.num_parts))?,
        };
        writer.write(batch).map_err(|error| self.error(error))?;
        self.writer = Some(writer);
        self.num_rows += batch.num_rows();
        Ok(())
    }

    fn prepare(&mut self) -> Result<Value, NodeError> {
        self.close_part()?;
        Ok(json!({ "parts": self.num_parts, "rows": self.num_rows }))
    }

    fn finish(&mut self) -> Result<(), NodeError> {
        self.close_part()?;
        if self.num_parts == 1 {
            return self.target.take_place(&self.part(0));
        }
        let whole = self.target.hidden("millrace-tmp");
        let mut writer = self.writer_of(&whole)?;
        for number in 0..self.num_parts {
            self.copy_rows(&self.part(number), usize::MAX, &mut writer)?;
        }
        self.close(writer)?;
        self.target.take_place(&whole)?;
        self.remove_parts(0);
        Ok(())
    }

    fn abort(&mut self) {
        self.writer = None;
        self.remove_parts(0);
        // As for text: a hidden file that will not go is replaced by the next run.
        let _ = std::fs::remove_file(self.target.hidden("millrace-tmp"));
    }
}
