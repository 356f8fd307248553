//! The schema of a file from its head.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use millrace_operator::Probed;
use millrace_operator::rejected::OnError;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{Params, listing, reading};
use crate::format::columns::schema_of;
use crate::format::csv::{column_names, first_record};
use crate::format::{FileFormat, compression, infer, lines};

/// Bytes of a file's head that are looked at.
const MAX_HEAD_BYTES: u64 = 2 * 1024 * 1024;

/// The schema of the first file that the params name; none when the params say it themselves.
pub(super) fn probe(params: &Params, base_dir: &Path) -> Result<Option<Probed>, String> {
    let path = params.path.as_str();
    if path.trim().is_empty() || (params.watch && !params.columns.is_empty()) {
        return Ok(None);
    }
    let files = listing::list(base_dir, path, params.format)?;
    let Some(file) = files.first() else {
        if params.watch && params.format == FileFormat::Lines {
            return Ok(None);
        }
        let advice =
            if params.watch { " Give the columns, so that the run need not wait for the first file." } else { "" };
        return Err(format!("No file matches `{path}`.{advice}"));
    };
    let shown = reading::shown_path(base_dir, file);
    let Some(format) = params.format.of(file) else {
        return Err(format!("The name `{shown}` does not say what the file holds. Choose a format."));
    };
    if !params.columns.is_empty() {
        if format == FileFormat::Csv && params.header && params.on_error != OnError::Null {
            check_columns(params, file, &shown)?;
        }
        return Ok(None);
    }
    let schema = match format {
        FileFormat::Parquet => parquet_schema(file).map_err(|error| format!("`{shown}` cannot be read: {error}."))?,
        FileFormat::Lines => lines::schema(),
        FileFormat::Csv | FileFormat::Ndjson | FileFormat::Auto => {
            let (head, is_end) = head(file).map_err(|error| format!("`{shown}` cannot be read: {error}."))?;
            let text = reading::without_bom(&head).map_err(|reason| format!("`{shown}` {reason}."))?;
            if format == FileFormat::Csv {
                infer::csv_schema(text, is_end, &reading::dialect(params, text))
                    .map(Arc::new)
                    .map_err(|reason| format!("`{shown}` {reason}."))?
            } else {
                let end = if is_end { text.len() } else { memchr::memrchr(b'\n', text).unwrap_or(text.len()) };
                let text = String::from_utf8_lossy(&text[..end]);
                Arc::new(
                    infer::json_schema(text.lines())
                        .map_err(|reason| format!("`{shown}` cannot be read as JSON, one object a line: {reason}."))?,
                )
            }
        }
    };
    Ok(Some(Probed { schema }))
}

/// Looks for the given columns in the header of the file.
fn check_columns(params: &Params, file: &Path, shown: &str) -> Result<(), String> {
    let (head, is_end) = head(file).map_err(|error| format!("`{shown}` cannot be read: {error}."))?;
    let text = reading::without_bom(&head).map_err(|reason| format!("`{shown}` {reason}."))?;
    let Some(first) = first_record(text, is_end, &reading::dialect(params, text)) else { return Ok(()) };
    reading::check_header(&schema_of(&params.columns), &column_names(&first.cells), shown)
        .map_err(|reason| format!("{reason}. Name the columns as the file does, or take them out of *Columns*."))
}

/// The first bytes of the file's text and whether that is all of it. A fault further on is found when it is read.
fn head(path: &Path) -> std::io::Result<(Vec<u8>, bool)> {
    let mut head = Vec::new();
    let outcome = compression::open(path, 0)?.take(MAX_HEAD_BYTES).read_to_end(&mut head);
    match outcome {
        Err(error) if head.is_empty() => Err(error),
        Err(_) => Ok((head, false)),
        Ok(_) => {
            let is_end = (head.len() as u64) < MAX_HEAD_BYTES;
            Ok((head, is_end))
        }
    }
}

/// The schema of a Parquet file, with zoned times in UTC and every column nullable.
pub(super) fn parquet_schema(path: &Path) -> Result<SchemaRef, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| error.to_string())?;
    let fields: Vec<Field> = builder
        .schema()
        .fields()
        .iter()
        .map(|field| {
            let data_type = match field.data_type() {
                DataType::Timestamp(unit, Some(_)) => {
                    DataType::Timestamp(*unit, Some(millrace_model::event_time::UTC.into()))
                }
                other => other.clone(),
            };
            Field::new(field.name(), data_type, true)
        })
        .collect();
    Ok(Arc::new(Schema::new(fields)))
}
