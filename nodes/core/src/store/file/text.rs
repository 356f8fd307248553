//! CSV and JSON lines, plain or compressed, in one hidden file.
//!
//! At a checkpoint the compressed stream is ended, so that the file can be cut there: gzip members and zstd frames may
//! follow each other. State: the length in bytes.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use millrace_operator::{NodeError, json};
use serde_json::Value;

use super::{Body, IfExists, Params, Target, Written};
use crate::format::compression::{self, Compression, Encoder};
use crate::format::csv::{Dialect, first_record};

pub(super) struct TextBody {
    target: Target,
    schema: SchemaRef,
    written: Written,
    has_header: bool,
    appends: bool,
    hidden: PathBuf,
    encoder: Option<Encoder<BufWriter<File>>>,
}

impl TextBody {
    pub(super) fn new(target: Target, schema: SchemaRef, written: Written, params: &Params) -> Self {
        let hidden = target.hidden("millrace-tmp");
        Self {
            target,
            schema,
            written,
            has_header: params.header,
            appends: params.if_exists == IfExists::Append,
            hidden,
            encoder: None,
        }
    }

    fn begin(&mut self, file: File) -> Result<(), NodeError> {
        let encoder = Encoder::new(BufWriter::new(file), Compression::of_name(&self.target.path));
        self.encoder = Some(encoder.map_err(|error| self.target.cannot_write(error))?);
        Ok(())
    }

    fn write_bytes(&mut self, bytes: &[u8]) -> Result<(), NodeError> {
        let encoder = self.encoder.as_mut().ok_or_else(|| NodeError::internal("the file is not open"))?;
        encoder.write_all(bytes).map_err(|error| self.target.cannot_write(error))
    }

    fn encode(&self, batch: &RecordBatch) -> Result<Vec<u8>, NodeError> {
        let mut bytes = Vec::new();
        match self.written {
            Written::Csv { delimiter } => {
                let mut writer =
                    arrow::csv::WriterBuilder::new().with_header(false).with_delimiter(delimiter).build(&mut bytes);
                writer.write(batch)?;
            }
            Written::Ndjson | Written::Parquet => bytes = json::to_lines(batch, json::Nulls::Written)?,
        }
        Ok(bytes)
    }

    fn header(&self) -> Result<Vec<u8>, NodeError> {
        let Written::Csv { delimiter } = self.written else { return Ok(Vec::new()) };
        if !self.has_header {
            return Ok(Vec::new());
        }
        let mut bytes = Vec::new();
        arrow::csv::WriterBuilder::new()
            .with_header(true)
            .with_delimiter(delimiter)
            .build(&mut bytes)
            .write(&RecordBatch::new_empty(self.schema.clone()))?;
        Ok(bytes)
    }

    /// Copies the target into `file`; says whether it held anything.
    ///
    /// # Errors
    /// When its header is another one.
    fn take_over(&mut self, file: &mut File) -> Result<bool, NodeError> {
        let target = &self.target;
        let Ok(mut existing) = File::open(&target.path) else { return Ok(false) };
        let mut head = Vec::new();
        let mut last = None;
        let mut text = compression::open(&target.path, 0).map_err(|error| target.error("cannot be read", error))?;
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let length = text.read(&mut chunk).map_err(|error| target.error("cannot be read", error))?;
            if length == 0 {
                break;
            }
            if head.len() < chunk.len() {
                head.extend_from_slice(&chunk[..length]);
            }
            last = Some(chunk[length - 1]);
        }
        if head.is_empty() {
            return Ok(false);
        }
        if let Written::Csv { delimiter } = self.written
            && self.has_header
        {
            let dialect = Dialect { delimiter, ..Dialect::default() };
            let names: Vec<String> = first_record(&head, true, &dialect).map(|first| first.cells).unwrap_or_default();
            if !names.iter().eq(self.schema.fields().iter().map(|field| field.name())) {
                return Err(NodeError::user(format!(
                    "rows cannot be appended to `{}`: its columns are {}",
                    target.shown,
                    names.join(", ")
                )));
            }
        }
        std::io::copy(&mut existing, file).map_err(|error| target.cannot_write(error))?;
        if last != Some(b'\n') {
            // The last record had no line end.
            let mut end = Encoder::new(&mut *file, Compression::of_name(&target.path))
                .map_err(|error| target.cannot_write(error))?;
            end.write_all(b"\n").and_then(|()| end.finish().map(|_| ())).map_err(|error| target.cannot_write(error))?;
        }
        Ok(true)
    }

    /// The file as the checkpoint knew it: cut to `length`. After a finished run it has the target's name already.
    fn resume(&mut self, length: u64) -> Result<(), NodeError> {
        let target = &self.target;
        if !self.hidden.exists() && target.path.exists() {
            std::fs::copy(&target.path, &self.hidden).map_err(|error| target.cannot_write(error))?;
        }
        let mut file = OpenOptions::new()
            .write(true)
            .open(&self.hidden)
            .map_err(|error| target.error("cannot be gone on with: its hidden file", error))?;
        let found = file.metadata().map_err(|error| target.cannot_write(error))?.len();
        if found < length {
            return Err(NodeError::external(format!(
                "`{}` cannot be gone on with: {found} bytes are there of the {length} that the checkpoint knows",
                target.shown
            )));
        }
        file.set_len(length).map_err(|error| target.cannot_write(error))?;
        file.seek(SeekFrom::End(0)).map_err(|error| target.cannot_write(error))?;
        self.begin(file)
    }

    /// Ends the stream and puts it on the disk.
    fn settle(&mut self) -> Result<File, NodeError> {
        let encoder = self.encoder.take().ok_or_else(|| NodeError::internal("the file is not open"))?;
        let written = encoder.finish().and_then(|buffered| buffered.into_inner().map_err(|error| error.into_error()));
        let file = written.map_err(|error| self.target.cannot_write(error))?;
        file.sync_all().map_err(|error| self.target.cannot_write(error))?;
        Ok(file)
    }
}

impl Body for TextBody {
    fn open(&mut self, restored: Option<&Value>) -> Result<(), NodeError> {
        if let Some(length) = restored.and_then(|state| state["bytes"].as_u64()) {
            return self.resume(length);
        }
        let mut file = File::create(&self.hidden).map_err(|error| self.target.cannot_write(error))?;
        let has_rows = if self.appends { self.take_over(&mut file)? } else { false };
        self.begin(file)?;
        if has_rows {
            return Ok(());
        }
        let header = self.header()?;
        self.write_bytes(&header)
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), NodeError> {
        let bytes = self.encode(batch)?;
        self.write_bytes(&bytes)
    }

    fn prepare(&mut self) -> Result<Value, NodeError> {
        let file = self.settle()?;
        let length = file.metadata().map_err(|error| self.target.cannot_write(error))?.len();
        self.begin(file)?;
        Ok(serde_json::json!({ "bytes": length }))
    }

    fn finish(&mut self) -> Result<(), NodeError> {
        self.settle()?;
        self.target.take_place(&self.hidden)
    }

    fn abort(&mut self) {
        self.encoder = None;
        // Nothing can be done about a hidden file that will not go; the next run replaces it.
        let _ = std::fs::remove_file(&self.hidden);
    }
}
