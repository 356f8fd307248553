//! `store.file`: rows into one file, which appears whole or not at all.
//!
//! Everything is written into hidden files beside the target (`text`: one file; `parts`: one Parquet file between two
//! checkpoints) and takes the target's name in `finish`. A checkpoint records how much of the hidden files counts; a
//! restored sink cuts off the rest.

mod parts;
#[cfg(test)]
mod tests;
mod text;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use millrace_model::PortCard;
use millrace_model::value::FilePath;
use millrace_operator::{
    BuildContext, CardText, FileUse, InferContext, Machine, Node, NodeError, Prepared, Probed, Sink,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::format::FileFormat;
use crate::store::{ordered, place};

/// Writes rows into a file: CSV, JSON (one object a line) or Parquet, the first two also compressed when the name ends
/// in `.gz` or `.zst`.
///
/// The file appears when the input has ended or the run is stopped, whole, in place of one that was there before; until
/// then the rows are in a hidden file beside it. If the run fails, what was there before stays.
///
/// Times are written in ISO 8601 (UTC ends in `Z`), numbers with as many digits as give the same number when read again,
/// nulls as empty cells or `null`. An empty text and a null look the same in CSV. JSON has no number for what is none or
/// has no bounds: these are written as the texts `"NaN"`, `"Infinity"` and `"-Infinity"`, never as null.
///
/// | row | CSV | JSON |
/// | --- | --- | --- |
/// | `device` dev-1, `value` 20.5 | `dev-1,20.5` | `{"device":"dev-1","value":20.5}` |
///
/// **Delivery:** exactly-once effect; after a restart the file goes on where the last checkpoint left it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The file. A relative path starts at the pipeline's own folder; folders that are missing are made.
    pub path: FilePath,
    /// How rows are written.
    #[serde(default)]
    pub format: Format,
    /// CSV: begins with a record of the columns' names.
    #[serde(default = "default_header")]
    pub header: bool,
    /// What becomes of a file of that name.
    #[serde(default)]
    pub if_exists: IfExists,
    /// Writes the rows in order: by their event time, and those of one time by their columns from left to right, so
    /// that the results of a window stand by key and come out the same however the run is spread over the cores. A row
    /// waits until event time has passed it. Off: in the order in which they arrive.
    #[serde(default)]
    pub ordered: bool,
}

fn default_header() -> bool {
    true
}

/// How rows are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// By the end of the file's name: `.csv`, `.tsv`, `.ndjson`, `.jsonl`, `.json` or `.parquet`.
    #[default]
    Auto,
    /// Values between commas (in a `.tsv` tabs), one record a line.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// Apache Parquet, compressed with zstd.
    Parquet,
}

/// What becomes of a file that is there before the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IfExists {
    /// It is replaced when the new one is whole.
    #[default]
    Replace,
    /// The run does not start.
    Fail,
    /// Its rows stay, and the new ones follow. Not for Parquet.
    Append,
}

/// The formats that there really are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Csv { delimiter: u8 },
    Ndjson,
    Parquet,
}

impl Params {
    fn written(&self) -> Option<Written> {
        let path = Path::new(self.path.as_str());
        let format = match self.format {
            Format::Auto => FileFormat::Auto.of(path)?,
            Format::Csv => FileFormat::Csv,
            Format::Ndjson => FileFormat::Ndjson,
            Format::Parquet => FileFormat::Parquet,
        };
        match format {
            FileFormat::Csv => {
                let name = self.path.as_str().to_ascii_lowercase();
                let is_tsv = [".tsv", ".tsv.gz", ".tsv.zst"].iter().any(|end| name.ends_with(end));
                Some(Written::Csv { delimiter: if is_tsv { b'\t' } else { b',' } })
            }
            FileFormat::Ndjson => Some(Written::Ndjson),
            FileFormat::Parquet => Some(Written::Parquet),
            FileFormat::Lines | FileFormat::Auto => None,
        }
    }
}

/// The node kind.
pub struct StoreFile;

impl Node for StoreFile {
    type Params = Params;
    const KIND: &'static str = "store.file";

    fn card() -> CardText {
        CardText::new("File", "Rows into a CSV, JSON or Parquet file", "floppy-disk")
            .input(PortCard::rows("Rows to write."))
            .headline("path")
    }

    fn probe(params: &Params, base_dir: &Path) -> Result<Option<Probed>, String> {
        place::check(base_dir, &params.path).map(|()| None)
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        if params.path.as_str().trim().is_empty() {
            return Vec::new();
        }
        let Some(written) = params.written() else {
            let message = format!("The name `{}` does not say how to write. Choose a format.", params.path);
            cx.error("format", "unknown_format", message);
            return Vec::new();
        };
        if written == Written::Parquet && params.if_exists == IfExists::Append {
            cx.error("if_exists", "cannot_append", "Rows cannot be appended to a Parquet file. Write CSV or JSON.");
        }
        ordered::check(params.ordered, cx);
        if let (Written::Csv { .. }, Some(schema)) = (written, cx.input()) {
            for field in schema.fields().iter().filter(|field| field.data_type().is_nested()) {
                let message = format!(
                    "Column `{}` holds {}, which CSV cannot show. Write JSON or Parquet, or select its parts.",
                    field.name(),
                    field.data_type()
                );
                cx.error("format", "nested_column", message);
            }
        }
        Vec::new()
    }

    fn file(params: &Params) -> Option<FileUse> {
        Some(FileUse::Writes(params.path.as_str().into()))
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let written =
            params.written().ok_or_else(|| NodeError::user("the name of the file does not say how to write"))?;
        let target = Target::new(cx.resolve(params.path.as_str()), params.path.to_string())?;
        let schema = cx.input().clone();
        let body: Box<dyn Body> = match written {
            Written::Parquet => Box::new(parts::ParquetParts::new(target.clone(), schema)),
            Written::Csv { .. } | Written::Ndjson => {
                Box::new(text::TextBody::new(target.clone(), schema, written, &params))
            }
        };
        let sink = Box::new(FileSink { target, if_exists: params.if_exists, body, restored: None, num_rows: 0 });
        Ok(Machine::Sink(ordered::in_order(params.ordered, sink, cx.input())?))
    }
}

/// The file that is to appear, and how it is named in messages.
#[derive(Debug, Clone)]
struct Target {
    path: PathBuf,
    shown: String,
}

impl Target {
    fn new(path: PathBuf, shown: String) -> Result<Self, NodeError> {
        if path.file_name().is_none() {
            return Err(NodeError::user(format!("`{shown}` is no name for a file")));
        }
        Ok(Self { path, shown })
    }

    /// A hidden file beside the target.
    fn hidden(&self, suffix: &str) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        self.path.with_file_name(format!(".{name}.{suffix}"))
    }

    fn error(&self, what: &str, error: io::Error) -> NodeError {
        let advice = match error.kind() {
            io::ErrorKind::StorageFull => ": the disk is full; make room and start again",
            io::ErrorKind::PermissionDenied => ": this user may not write there",
            _ => "",
        };
        NodeError::external(format!("`{}` {what}{advice}", self.shown)).with_source(error)
    }

    fn cannot_write(&self, error: io::Error) -> NodeError {
        self.error("cannot be written", error)
    }

    /// Gives `hidden` the target's name, durably.
    fn take_place(&self, hidden: &Path) -> Result<(), NodeError> {
        std::fs::rename(hidden, &self.path).map_err(|error| self.cannot_write(error))?;
        // The new name is on the disk once its folder is.
        if let Some(folder) = self.path.parent().and_then(|folder| File::open(folder).ok()) {
            folder.sync_all().map_err(|error| self.cannot_write(error))?;
        }
        Ok(())
    }
}

/// What is written, whatever the format. State is what counts of the hidden files.
trait Body: Send {
    /// Begins anew, or goes on from what `prepare` said.
    fn open(&mut self, restored: Option<&serde_json::Value>) -> Result<(), NodeError>;

    fn write(&mut self, batch: &RecordBatch) -> Result<(), NodeError>;

    /// Everything written is on the disk.
    fn prepare(&mut self) -> Result<serde_json::Value, NodeError>;

    /// The hidden files become the target.
    fn finish(&mut self) -> Result<(), NodeError>;

    /// The hidden files disappear.
    fn abort(&mut self);
}

struct FileSink {
    target: Target,
    if_exists: IfExists,
    body: Box<dyn Body>,
    restored: Option<serde_json::Value>,
    num_rows: u64,
}

#[derive(Serialize, Deserialize)]
struct SavedState {
    num_rows: u64,
    body: serde_json::Value,
}

impl Sink for FileSink {
    fn open(&mut self) -> Result<(), NodeError> {
        let target = &self.target;
        if target.path.is_dir() {
            return Err(NodeError::user(format!("`{}` is a folder; name a file", target.shown)));
        }
        if self.if_exists == IfExists::Fail && self.restored.is_none() && target.path.exists() {
            let message = format!("`{}` is there already; remove it, or let it be replaced", target.shown);
            return Err(NodeError::user(message));
        }
        if let Some(folder) = target.path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| target.error("cannot be made: its folder", error))?;
        }
        self.body.open(self.restored.as_ref())
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), NodeError> {
        self.body.write(batch)?;
        self.num_rows += batch.num_rows() as u64;
        Ok(())
    }

    fn prepare(&mut self) -> Result<Prepared, NodeError> {
        let state = SavedState { num_rows: self.num_rows, body: self.body.prepare()? };
        let bytes = serde_json::to_vec(&state)
            .map_err(|error| NodeError::internal("the state of the file cannot be written").with_source(error))?;
        Ok(Prepared(bytes))
    }

    /// The file becomes visible as a whole, in `finish`.
    fn commit(&mut self, _: &Prepared) -> Result<(), NodeError> {
        Ok(())
    }

    fn restore(&mut self, prepared: &Prepared) -> Result<(), NodeError> {
        let state: SavedState = serde_json::from_slice(&prepared.0)
            .map_err(|error| NodeError::internal("the state of the file cannot be read").with_source(error))?;
        self.num_rows = state.num_rows;
        self.restored = Some(state.body);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), NodeError> {
        self.body.finish()
    }

    fn abort(&mut self) {
        self.body.abort();
    }

    fn status(&self) -> Option<String> {
        Some(format!("{} rows for {}", self.num_rows, self.target.shown))
    }
}
