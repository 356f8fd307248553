//! Rows of tests in files: NDJSON, one object a line, typed by the schema of the port they stand for.
//!
//! Columns that a line leaves out are null; those that the port does not have are refused. Written again, the rows are
//! the same.

use std::fmt::Write as _;
use std::io::Cursor;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use millrace_model::Interval;
use millrace_operator::output::Emitted;
use millrace_operator::watermark::WatermarkMaker;
use millrace_operator::{Output, json};
use serde_json::Value;

/// The key of a line that is a watermark and no row.
const WATERMARK: &str = "@watermark";

/// The rows of a file.
///
/// # Errors
/// When the file cannot be read, or a line is no row of `schema`: the file, the line and why.
pub(super) fn read(path: &Path, schema: &SchemaRef) -> Result<RecordBatch, String> {
    let text = text_of(path)?;
    let lines = numbered(&text);
    decode(path, &lines, schema)
}

/// What a source gives at `port`: the rows of a file, and the watermarks that stand between them. Without any, they
/// stay `max_out_of_orderness` behind the newest event time.
///
/// # Errors
/// As [`read`].
pub(super) fn read_source(
    path: &Path,
    schema: &SchemaRef,
    port: usize,
    max_out_of_orderness: Interval,
) -> Result<Vec<Emitted>, String> {
    let text = text_of(path)?;
    let mut emitted = Vec::new();
    let mut lines = Vec::new();
    for (number, line) in numbered(&text) {
        let Some(watermark_us) = watermark(line).map_err(|reason| at_line(path, number, &reason))? else {
            lines.push((number, line));
            continue;
        };
        if !lines.is_empty() {
            emitted.push(Emitted::Batch(port, decode(path, &std::mem::take(&mut lines), schema)?));
        }
        emitted.push(Emitted::Watermark(watermark_us));
    }
    let rest = decode(path, &lines, schema)?;
    match WatermarkMaker::new(schema, max_out_of_orderness).filter(|_| emitted.is_empty()) {
        Some(mut maker) => {
            let mut output = Output::default();
            maker.emit(port, rest, &mut output).map_err(|error| format!("{}: {error}", path.display()))?;
            emitted = output.take();
        }
        None if rest.num_rows() > 0 => emitted.push(Emitted::Batch(port, rest)),
        None => {}
    }
    Ok(emitted)
}

/// Writes `rows` so that [`read`] gives them back.
///
/// # Errors
/// When the file cannot be written: which one and why.
pub(super) fn write(path: &Path, rows: &RecordBatch) -> Result<(), String> {
    let bytes = encoded(rows).map_err(|reason| format!("{}: {reason}", path.display()))?;
    crate::file::write_whole(path, &bytes).map_err(|error| format!("{}: {error}.", path.display()))
}

/// What a source gave at `port`, as the text of a file that [`read_source`] reads.
///
/// # Errors
/// When JSON cannot carry the rows, such as a float that is no number.
pub(super) fn source_text(emitted: &[Emitted], port: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    for emitted in emitted {
        match emitted {
            Emitted::Batch(at, batch) if *at == port => {
                let of_batch = encoded(batch)?;
                let same =
                    std::str::from_utf8(&of_batch).ok().and_then(|text| decode_text(text, batch.schema_ref()).ok());
                if same.as_ref() != Some(batch) {
                    return Err("there are rows that JSON cannot carry, such as a float that is no number.".to_owned());
                }
                bytes.extend(of_batch);
            }
            Emitted::Batch(..) => {}
            Emitted::Watermark(watermark_us) => {
                // The end of time is no time of day; it comes by itself when the source ends.
                if let Ok(time) = jiff::Timestamp::from_microsecond(*watermark_us) {
                    bytes.extend(format!("{{\"{WATERMARK}\": \"{time}\"}}\n").into_bytes());
                }
            }
        }
    }
    Ok(bytes)
}

/// One JSON object a line.
///
/// # Errors
/// When JSON cannot carry a column.
pub(crate) fn encoded(rows: &RecordBatch) -> Result<Vec<u8>, String> {
    json::to_lines(rows, json::Nulls::Written).map_err(|error| format!("the rows cannot be written as JSON: {error}."))
}

fn text_of(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: the rows cannot be read: {error}.", path.display()))
}

/// The lines that are not blank, with their numbers from 1.
pub(crate) fn numbered(text: &str) -> Vec<(usize, &str)> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    numbered.filter(|(_, line)| !line.is_empty()).collect()
}

fn decode(path: &Path, lines: &[(usize, &str)], schema: &SchemaRef) -> Result<RecordBatch, String> {
    decode_lines(lines, schema).map_err(|(number, reason)| at_line(path, number, &reason))
}

/// The rows of numbered lines; else the number of the first that is none, and why.
pub(crate) fn decode_lines(lines: &[(usize, &str)], schema: &SchemaRef) -> Result<RecordBatch, (usize, String)> {
    let text = lines.iter().fold(String::new(), |mut text, (_, line)| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
        text
    });
    decode_text(&text, schema).map_err(|error| {
        // The reader does not say which line it was.
        let faulty = lines.iter().find_map(|(number, line)| Some((*number, decode_text(line, schema).err()?)));
        let (number, error) = faulty.unwrap_or((lines.first().map_or(1, |(number, _)| *number), error));
        (number, error.to_string().trim_start_matches("Json error: ").to_owned())
    })
}

fn decode_text(text: &str, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let reader = ReaderBuilder::new(schema.clone()).with_strict_mode(true).build(Cursor::new(text))?;
    let batches = reader.collect::<Result<Vec<_>, _>>()?;
    concat_batches(schema, &batches)
}

/// The watermark that the line is, if it is one, in microseconds since the epoch.
fn watermark(line: &str) -> Result<Option<i64>, String> {
    if !line.contains(WATERMARK) {
        return Ok(None);
    }
    let Ok(Value::Object(object)) = serde_json::from_str(line) else { return Ok(None) };
    let Some(value) = object.get(WATERMARK) else { return Ok(None) };
    let time = value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    match time {
        Some(time) if object.len() == 1 => Ok(Some(time.as_microsecond())),
        _ => Err(format!("a watermark is written {{\"{WATERMARK}\": \"2026-01-01T00:00:00Z\"}}, alone on its line")),
    }
}

fn at_line(path: &Path, number: usize, reason: &str) -> String {
    format!("{}:{number}: this is no row of the port: {reason}.", path.display())
}
