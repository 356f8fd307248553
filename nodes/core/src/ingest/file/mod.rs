//! `ingest.file`: rows from files, one after the other in the order of their names.
//!
//! `listing` finds the files, `probe` guesses their schema, `reading` opens one and gives its rows, `source` goes through
//! them and remembers how far it came. State: for each file the offset and line of the next record, and the watermark.

mod ahead;
mod listing;
mod probe;
mod reading;
mod source;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use millrace_model::event_time::with_event_time;
use millrace_model::value::FilePath;
use millrace_model::{ColumnRef, Interval, PortCard};
use millrace_operator::rejected::{self, OnError};
use millrace_operator::watermark::DEFAULT_MAX_OUT_OF_ORDERNESS;
use millrace_operator::{BuildContext, CardText, FileUse, InferContext, Machine, Node, NodeError, Probed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::format::columns::{ColumnSpec, schema_of};
use crate::format::{FileFormat, lines};
use crate::ingest::event_time;

/// Column with the name of the file a row came from, where positions are asked for.
const FILE_COLUMN: &str = "file";
/// Column with the line (in Parquet the row) at which a row began, where positions are asked for.
const LINE_COLUMN: &str = "line_number";

/// Reads rows from a file, from every file that a pattern such as `logs/*.csv.gz` matches, or from every file of a
/// folder, in the order of their names. CSV, JSON (one object a line), Parquet and plain lines are understood; gzip and
/// zstd are looked through, whatever the file is called; a `.gz` or `.zst` that is neither is an error.
///
/// The columns and their types are read off the first 1,000 records, or given in *Columns*. A column is a whole number, a
/// number, true or false, a time, or else text; digits with a leading zero (`007`) stay text. A record that does not fit
/// leaves by `rejected` with its text, the reason and its place (`file:line`), and the rest goes on.
///
/// Only the columns that some node reads are kept in a run of `millrace run`; the others are passed over, and a record
/// that does not fit one of them is rejected all the same.
///
/// For windows, name the *event time* column. A column that is text in a format of its own is turned into a time by
/// *Parse timestamp*.
///
/// With *Watch* the run does not end: lines that are appended and files that appear are read as they come. A last line
/// waits until its line end is written. A file that shrinks is taken to be a new one and is read from its start.
///
/// | file `readings.csv` | row |
/// | --- | --- |
/// | `time,device,value` | |
/// | `2026-01-01 00:00:00,dev-1,20.5` | `time` 2026-01-01T00:00:00Z, `device` dev-1, `value` 20.5 |
/// | `2026-01-01 00:00:01,dev-1,hot` | leaves by `rejected`: `value` is "hot", which is not a number |
///
/// **Delivery:** exactly-once effect; after a restart reading goes on with the next record.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// A file, a pattern with `*`, `?` or `[…]`, or a folder. A relative path starts at the pipeline's own folder.
    pub path: FilePath,
    /// How the bytes are to be read.
    #[serde(default)]
    pub format: FileFormat,
    /// Goes on reading: lines that are appended, files that appear.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub watch: bool,
    /// The columns and their types; none: as the first records look. With a header they are found by name, else by
    /// their order. Not for Parquet, which says it itself.
    #[serde(default)]
    pub columns: Vec<ColumnSpec>,
    /// The time column that windows go by.
    #[serde(default)]
    pub event_time: Option<ColumnRef>,
    /// CSV and JSON: the zone of times that do not say theirs: a name such as `Europe/Berlin`, an offset such as `+02:00`, or `UTC`.
    #[serde(default = "event_time::utc")]
    pub time_zone: String,
    /// How far rows may be out of order: the watermark stays this much behind the newest time.
    #[serde(default = "default_max_out_of_orderness")]
    pub max_out_of_orderness: Interval,
    /// After this long without a row the source counts as idle: the windows of what comes after no longer wait for it.
    #[serde(default = "event_time::default_idle_timeout")]
    #[schemars(extend("keeps_state" = true))]
    pub idle_timeout: Interval,
    /// What becomes of a record that does not fit. With *null* a cell that does not fit becomes null, and only what is
    /// no record at all is rejected.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub on_error: OnError,
    /// CSV: the first record holds the names of the columns.
    #[serde(default = "default_header")]
    pub header: bool,
    /// CSV: the character between two cells; empty: the most frequent of comma, semicolon, tab and bar in the first line.
    /// `\t` is a tab.
    #[serde(default)]
    pub delimiter: String,
    /// CSV: the character around a cell that holds a delimiter or a line end.
    #[serde(default = "default_quote")]
    pub quote: String,
    /// CSV: cells that mean "no value", such as `NA`; the empty cell always does.
    #[serde(default)]
    pub null_values: Vec<String>,
    /// Adds the columns `file` and `line_number`, which say where a row came from.
    #[serde(default)]
    pub add_position: bool,
}

fn default_max_out_of_orderness() -> Interval {
    DEFAULT_MAX_OUT_OF_ORDERNESS
}

fn default_header() -> bool {
    true
}

fn default_quote() -> String {
    "\"".to_owned()
}

/// The node kind.
pub struct File;

impl Node for File {
    type Params = Params;
    const KIND: &'static str = "ingest.file";
    const LEAVES_COLUMNS_OUT: bool = true;

    fn card() -> CardText {
        CardText::new("File", "Rows from CSV, JSON, Parquet or log files", "file-text")
            .output(PortCard::rows("The records that fit."))
            .output(PortCard::rejected())
            .headline("path")
    }

    fn probe(params: &Params, base_dir: &Path) -> Result<Option<Probed>, String> {
        probe::probe(params, base_dir)
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        event_time::check_idle_timeout(params.idle_timeout, cx);
        event_time::cell_times(&params.time_zone, cx);
        for (name, text) in [("delimiter", &params.delimiter), ("quote", &params.quote)] {
            if one_byte(text).is_none() && !(name == "delimiter" && text.is_empty()) {
                cx.error(name, "not_one_character", format!("`{text}` is not one plain character, such as `;`."));
            }
        }
        let rows = file_schema(params, cx).and_then(|schema| {
            let mut fields: Vec<Arc<Field>> = schema.fields().iter().cloned().collect();
            if params.add_position {
                fields.push(Arc::new(Field::new(FILE_COLUMN, DataType::Utf8, true)));
                fields.push(Arc::new(Field::new(LINE_COLUMN, DataType::Int64, true)));
            }
            for (index, field) in fields.iter().enumerate() {
                if fields[..index].iter().any(|earlier| earlier.name() == field.name()) {
                    let message = format!("There are two columns `{}`.", field.name());
                    cx.error(
                        if params.columns.is_empty() { "add_position" } else { "columns" },
                        "duplicate_column",
                        message,
                    );
                    return None;
                }
            }
            let schema = Arc::new(Schema::new(fields));
            event_time::check(params.event_time.as_ref(), &schema, cx);
            Some(with_event_time(&schema, event_time::name(params.event_time.as_ref())))
        });
        vec![rows, Some(rejected::schema())]
    }

    fn file(params: &Params) -> Option<FileUse> {
        Some(FileUse::Reads(params.path.as_str().into()))
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        Ok(Machine::Source(Box::new(source::FileSource::new(params, cx)?)))
    }
}

/// The schema of the records, before any position is added.
fn file_schema(params: &Params, cx: &mut InferContext<'_>) -> Option<SchemaRef> {
    let format = params.format.of(Path::new(params.path.as_str()));
    if format == Some(FileFormat::Lines) {
        if !params.columns.is_empty() {
            cx.error("columns", "columns_of_lines", "Plain lines have the one column `line`. Remove these columns.");
        }
        return Some(lines::schema());
    }
    if params.columns.is_empty() {
        return cx.probed.map(|probed| probed.schema.clone());
    }
    if format == Some(FileFormat::Parquet) {
        cx.error("columns", "columns_of_parquet", "A Parquet file says its own columns. Remove these.");
        return None;
    }
    for (index, column) in params.columns.iter().enumerate() {
        if column.name.trim().is_empty() {
            cx.error(format!("columns[{index}].name"), "missing_name", "This column needs a name.");
        }
    }
    Some(Arc::new(schema_of(&params.columns)))
}

/// The byte that `text` means, when it is one ASCII character or `\t`.
fn one_byte(text: &str) -> Option<u8> {
    match text.as_bytes() {
        b"\\t" => Some(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'\r' | b'\n') => Some(*byte),
        _ => None,
    }
}
