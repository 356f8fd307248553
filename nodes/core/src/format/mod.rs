//! File formats, as the nodes that read or write files share them: which format a name stands for, compression, the
//! types of cells, and decoders that turn bytes into batches and records that do not fit into rejects.
//!
//! Decoders see bytes that begin at a record and never keep any: what they did not take is shown to them again.

pub(crate) mod columns;
pub(crate) mod compression;
pub(crate) mod csv;
pub(crate) mod flat_json;
pub(crate) mod infer;
pub(crate) mod lines;
pub(crate) mod ndjson;

use std::path::Path;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the bytes of a file are to be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// By the end of the file's name: `.csv`, `.tsv`, `.ndjson`, `.jsonl`, `.json`, `.parquet`, `.log`, `.txt`; a
    /// further `.gz` or `.zst` is looked through.
    #[default]
    Auto,
    /// Values between commas (or semicolons, tabs, bars), one record a line, quoted where needed.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
    /// Plain text, each line a row.
    Lines,
}

impl FileFormat {
    /// The format that this one means for a file of this name; `None` when the name does not say.
    pub(crate) fn of(self, path: &Path) -> Option<FileFormat> {
        if self != FileFormat::Auto {
            return Some(self);
        }
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "csv" | "tsv" => Some(FileFormat::Csv),
            "ndjson" | "jsonl" | "json" => Some(FileFormat::Ndjson),
            "parquet" | "pq" => Some(FileFormat::Parquet),
            "log" | "txt" => Some(FileFormat::Lines),
            _ => None,
        }
    }
}

/// A record that did not fit, and where it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reject {
    pub raw: String,
    pub reason: String,
    /// Counted from 1.
    pub line: u64,
}

/// What a decoder made of the first records of the bytes it was shown.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    /// The rows that fit; none when no record did.
    pub batch: Option<RecordBatch>,
    /// For each row of the batch the line at which it began.
    pub lines: Vec<u64>,
    pub rejects: Vec<Reject>,
    /// Bytes taken; 0 when there is no whole record.
    pub bytes: usize,
    /// Line ends among the bytes taken.
    pub newlines: u64,
}

/// Turns text into rows.
pub(crate) trait TextDecoder: Send {
    /// Takes at most `max_records` records from `data`, the first of which begins at line `first_line`. With `is_end`
    /// nothing follows `data`, so that a last record needs no line end.
    ///
    /// # Errors
    /// Only when the rows cannot be built at all, which is a defect: what does not fit is a reject.
    fn decode(&mut self, data: &[u8], is_end: bool, max_records: usize, first_line: u64)
    -> Result<Decoded, ArrowError>;
}

/// The longest raw text that is kept of a rejected record.
const MAX_RAW_BYTES: usize = 16 * 1024;

/// The text of a record for people, whatever bytes it holds; a very long one is cut.
pub(crate) fn raw_text(bytes: &[u8]) -> String {
    let trimmed = bytes.trim_ascii_end();
    if trimmed.len() <= MAX_RAW_BYTES {
        return String::from_utf8_lossy(trimmed).into_owned();
    }
    format!("{}…", String::from_utf8_lossy(&trimmed[..MAX_RAW_BYTES]))
}

pub(crate) fn count_newlines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_its_format_through_its_compression() {
        let format = |name: &str| FileFormat::Auto.of(Path::new(name));
        assert_eq!(format("a/b.CSV.gz"), Some(FileFormat::Csv));
        assert_eq!(format("b.jsonl.zst"), Some(FileFormat::Ndjson));
        assert_eq!(format("access.log"), Some(FileFormat::Lines));
        assert_eq!(format("b.gz"), None);
        assert_eq!(format("readme"), None);
        assert_eq!(FileFormat::Lines.of(Path::new("readme")), Some(FileFormat::Lines));
    }
}
