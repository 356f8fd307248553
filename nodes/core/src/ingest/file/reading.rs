//! One open file and the rows that are read from it in blocks.
//!
//! A CSV file is read a megabyte at a time into a buffer that begins at a record; the position is that of the first byte
//! which no record has taken, so that a reader opened there goes on with the next record.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{FieldRef, SchemaRef};
use millrace_operator::rejected::OnError;
use millrace_operator::{Crew, NodeError};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::ahead::LineFile;
use super::{FILE_COLUMN, LINE_COLUMN, Params, one_byte};
use crate::format::columns::{CellTimes, ColumnType};
use crate::format::compression;
use crate::format::csv::{CsvDecoder, Dialect, column_names, first_record, guess_delimiter};
use crate::format::lines::LinesDecoder;
use crate::format::ndjson::NdjsonDecoder;
use crate::format::{Decoded, FileFormat, Reject, TextDecoder, count_newlines, raw_text};

const CHUNK_BYTES: usize = 1024 * 1024;
/// A record that has no end within this many bytes is taken to be damaged.
const MAX_RECORD_BYTES: usize = 4 * CHUNK_BYTES;
/// A line longer than this is no line.
pub(super) const MAX_LINE_BYTES: usize = 64 * CHUNK_BYTES;

/// How all files of a node are read.
pub(super) struct Reading {
    pub params: Params,
    /// Columns of a file, without the added position.
    pub file_schema: SchemaRef,
    /// What the values of each of them are, where they are made of text.
    pub types: Vec<Option<ColumnType>>,
    /// How times are read that are made of text.
    pub times: CellTimes,
    /// Those of them that are read out of a file: one at least.
    pub kept: Vec<usize>,
    /// What leaves the node.
    pub schema: SchemaRef,
}

/// Where the next record begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    /// Bytes of text (uncompressed); in Parquet rows.
    pub offset: u64,
    /// The line, counted from 1; in Parquet the row.
    pub line: u64,
}

impl Position {
    pub(super) const START: Position = Position { offset: 0, line: 1 };
}

/// Rows and rejects of one block.
#[derive(Default)]
pub(super) struct Block {
    pub batch: Option<RecordBatch>,
    pub rejects: Vec<Reject>,
}

/// Why a file gave no more rows.
pub(super) enum Fault {
    /// It stops in the middle of something; it may not be written to its end yet.
    EndsEarly(NodeError),
    Other(NodeError),
}

impl Fault {
    pub(super) fn into_error(self) -> NodeError {
        match self {
            Fault::EndsEarly(error) | Fault::Other(error) => error,
        }
    }
}

pub(super) enum OpenFile {
    Csv(Box<CsvFile>),
    Lines(Box<LineFile>),
    Parquet(Box<ParquetFile>),
}

impl OpenFile {
    pub(super) fn open(reading: &Reading, path: &Path, shown: &str, position: Position) -> Result<Self, Fault> {
        match reading.params.format.of(path) {
            None => Err(Fault::Other(NodeError::user(format!(
                "the name `{shown}` does not say what the file holds; choose a format"
            )))),
            Some(FileFormat::Parquet) => {
                ParquetFile::open(path, shown, position).map(|file| Self::Parquet(Box::new(file)))
            }
            Some(FileFormat::Csv) => {
                CsvFile::open(reading, path, shown, position).map(|file| Self::Csv(Box::new(file)))
            }
            Some(FileFormat::Ndjson) => {
                LineFile::open(new_ndjson_decoder, path, shown, position).map(|file| Self::Lines(Box::new(file)))
            }
            Some(FileFormat::Lines | FileFormat::Auto) => {
                LineFile::open(|_| Box::new(LinesDecoder), path, shown, position)
                    .map(|file| Self::Lines(Box::new(file)))
            }
        }
    }

    pub(super) fn position(&self) -> Position {
        match self {
            Self::Csv(file) => file.position,
            Self::Lines(file) => file.position(),
            Self::Parquet(file) => file.position,
        }
    }

    /// How long the file is, in the measure of [`Position::offset`]; none for a compressed one.
    pub(super) fn length(&self, path: &Path) -> Option<u64> {
        match self {
            Self::Csv(_) | Self::Lines(_) if compression::is_compressed(path).ok()? => None,
            Self::Csv(_) | Self::Lines(_) => path.metadata().ok().map(|metadata| metadata.len()),
            Self::Parquet(file) => file.num_rows,
        }
    }

    /// The next rows; `None` at the end of the file. With `holds_tail` a last record without a line end is left alone.
    /// Cancel safe.
    pub(super) async fn next(
        &mut self,
        reading: &Reading,
        shown: &str,
        (max_records, crew): (usize, Crew),
        holds_tail: bool,
    ) -> Result<Option<Block>, Fault> {
        match self {
            Self::Csv(file) => file.next(reading, shown, max_records, holds_tail),
            Self::Lines(file) => file.next(reading, shown, (max_records, crew), holds_tail).await,
            Self::Parquet(file) => file.next(reading, shown, max_records),
        }
    }
}

/// `path` as it is shown to people: from the pipeline's folder where it lies below it.
pub(super) fn shown_path(base_dir: &Path, path: &Path) -> String {
    path.strip_prefix(base_dir).unwrap_or(path).display().to_string()
}

/// The text of `head` without a byte order mark.
///
/// # Errors
/// When the mark says that the text is UTF-16.
pub(super) fn without_bom(head: &[u8]) -> Result<&[u8], &'static str> {
    match head {
        [0xef, 0xbb, 0xbf, text @ ..] => Ok(text),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Err("is UTF-16 text; save it as UTF-8"),
        text => Ok(text),
    }
}

/// How the CSV records of a file that begins with `head` are written.
pub(super) fn dialect(params: &Params, head: &[u8]) -> Dialect {
    let quote = one_byte(&params.quote).unwrap_or(b'"');
    Dialect {
        delimiter: one_byte(&params.delimiter).unwrap_or_else(|| guess_delimiter(head, quote)),
        quote,
        has_header: params.header,
        null_values: params.null_values.clone(),
    }
}

/// Whether every wanted column is in a file whose header has these names.
///
/// # Errors
/// The columns that are missing, in words for a person.
pub(super) fn check_header(wanted: &arrow::datatypes::Schema, names: &[String], shown: &str) -> Result<(), String> {
    let wanted = wanted.fields().iter().map(|field| field.name().as_str());
    let missing: Vec<&str> = wanted.filter(|wanted| names.iter().all(|name| name != wanted)).collect();
    match missing.as_slice() {
        [] => Ok(()),
        _ => Err(format!(
            "`{shown}` has no column `{}`; its first record says: {}",
            missing.join("`, `"),
            names.join(", ")
        )),
    }
}

/// A file of CSV. A quoted cell may hold line ends, so that its records are found one after the other only.
pub(super) struct CsvFile {
    reader: Box<dyn Read + Send>,
    decoder: Box<dyn TextDecoder>,
    /// Bytes that were read; those before `at` are done with.
    buffer: Vec<u8>,
    at: usize,
    position: Position,
    is_eof: bool,
    /// Why reading stopped; told once the records before it are out.
    error: Option<io::Error>,
}

impl CsvFile {
    fn open(reading: &Reading, path: &Path, shown: &str, position: Position) -> Result<Self, Fault> {
        let mut file = Self {
            reader: compression::open(path, 0).map_err(|error| fault(shown, error))?,
            decoder: Box::new(LinesDecoder),
            buffer: Vec::new(),
            at: 0,
            position: Position::START,
            is_eof: false,
            error: None,
        };
        file.fill();
        let text =
            without_bom(&file.buffer).map_err(|reason| Fault::Other(NodeError::user(format!("`{shown}` {reason}"))))?;
        let bom_bytes = file.buffer.len() - text.len();
        file.advance(bom_bytes, 0);
        file.begin(reading, shown)?;
        if position.offset > file.position.offset {
            // The head was read for its header; the records go on where they were left.
            file.reader = compression::open(path, position.offset).map_err(|error| fault(shown, error))?;
            file.buffer.clear();
            file.at = 0;
            file.position = position;
            file.is_eof = false;
            file.error = None;
        }
        Ok(file)
    }

    /// Takes the header off and finds each column's place in a record.
    fn begin(&mut self, reading: &Reading, shown: &str) -> Result<(), Fault> {
        let params = &reading.params;
        let wanted = &reading.file_schema;
        let dialect = dialect(params, &self.buffer[self.at..]);
        let first = loop {
            // Of a watched file the header itself may be half written.
            let first = first_record(&self.buffer[self.at..], self.is_eof && !params.watch, &dialect);
            if first.is_some() || self.is_eof || self.buffer.len() > MAX_RECORD_BYTES {
                break first;
            }
            self.fill();
        };
        let names = match &first {
            Some(first) if params.header => column_names(&first.cells),
            Some(first) if params.columns.is_empty() => column_names(&vec![String::new(); first.cells.len()]),
            // Without a header the given columns stand in the order of the cells.
            _ => wanted.fields().iter().map(|field| field.name().clone()).collect(),
        };
        let places: Vec<Option<usize>> =
            wanted.fields().iter().map(|field| names.iter().position(|name| name == field.name())).collect();
        if params.on_error != OnError::Null {
            check_header(wanted, &names, shown).map_err(|reason| Fault::Other(NodeError::user(reason)))?;
        }
        if let Some(first) = first.filter(|_| params.header) {
            self.advance(first.bytes, first.newlines);
        }
        let nulls_misfits = params.on_error == OnError::Null;
        let decoder = CsvDecoder::new(Arc::clone(wanted), &reading.types, places, names.len(), dialect, nulls_misfits)
            .and_then(|decoder| decoder.with_times(&reading.times).keeping(&reading.kept))
            .map_err(|error| Fault::Other(error.into()))?;
        self.decoder = Box::new(decoder);
        Ok(())
    }

    fn advance(&mut self, bytes: usize, newlines: u64) {
        self.at += bytes;
        self.position.offset += bytes as u64;
        self.position.line += newlines;
    }

    /// Reads the next chunk behind what is still to be done.
    fn fill(&mut self) {
        self.buffer.drain(..self.at);
        self.at = 0;
        let before = self.buffer.len();
        let outcome = self.reader.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut self.buffer);
        match outcome {
            Ok(_) => self.is_eof = self.buffer.len() == before,
            Err(error) => {
                self.is_eof = true;
                self.error = Some(error);
            }
        }
    }

    fn next(
        &mut self,
        reading: &Reading,
        shown: &str,
        max_records: usize,
        holds_tail: bool,
    ) -> Result<Option<Block>, Fault> {
        loop {
            let is_end = self.is_eof && !holds_tail && self.error.is_none();
            let data = &self.buffer[self.at..];
            if !data.is_empty() {
                let line = self.position.line;
                let decoded =
                    self.decoder.decode(data, is_end, max_records, line).map_err(|error| Fault::Other(error.into()))?;
                let decoded = if decoded.bytes == 0 && !self.is_eof {
                    self.cut_endless(shown)?.unwrap_or(decoded)
                } else {
                    decoded
                };
                if decoded.bytes > 0 {
                    self.advance(decoded.bytes, decoded.newlines);
                    if decoded.batch.is_some() || !decoded.rejects.is_empty() {
                        return block_of(decoded, reading, shown).map(Some);
                    }
                    continue;
                }
            }
            if let Some(error) = self.error.take() {
                return Err(fault(shown, error));
            }
            if self.is_eof {
                return Ok(None);
            }
            self.fill();
        }
    }

    /// A record that goes on for megabytes: gives up its first line, and goes on with the next.
    fn cut_endless(&self, shown: &str) -> Result<Option<Decoded>, Fault> {
        let data = &self.buffer[self.at..];
        if data.len() < MAX_RECORD_BYTES {
            return Ok(None);
        }
        let Some(end) = memchr::memchr(b'\n', data) else {
            if data.len() < MAX_LINE_BYTES {
                return Ok(None);
            }
            return Err(too_long(self.position.line, shown));
        };
        let reject = Reject {
            raw: raw_text(&data[..end]),
            reason: "the record has no end: is a quote opened and never closed?".to_owned(),
            line: self.position.line,
        };
        Ok(Some(Decoded {
            rejects: vec![reject],
            bytes: end + 1,
            newlines: count_newlines(&data[..=end]),
            ..Decoded::default()
        }))
    }
}

pub(super) fn too_long(line: u64, shown: &str) -> Fault {
    let megabytes = MAX_LINE_BYTES / CHUNK_BYTES;
    let message = format!("line {line} of `{shown}` is longer than {megabytes} MB: this is no file of records");
    Fault::Other(NodeError::user(message))
}

fn new_ndjson_decoder(reading: &Reading) -> Box<dyn TextDecoder> {
    let nulls_misfits = reading.params.on_error == OnError::Null;
    let decoder =
        NdjsonDecoder::new(Arc::clone(&reading.file_schema), &reading.types, nulls_misfits).with_times(&reading.times);
    Box::new(decoder.keeping(&reading.kept).expect("the kept columns are some of the file's"))
}

pub(super) fn block_of(decoded: Decoded, reading: &Reading, shown: &str) -> Result<Block, Fault> {
    let batch = decoded
        .batch
        .map(|batch| finish_batch(batch.columns().to_vec(), reading, shown, |row| decoded.lines[row]))
        .transpose()?;
    Ok(Block { batch, rejects: decoded.rejects })
}

/// The batch that leaves the node: `columns` are those of the file that are kept, beside which the position may be asked
/// for.
fn finish_batch(
    kept: Vec<ArrayRef>,
    reading: &Reading,
    shown: &str,
    line: impl Fn(usize) -> u64,
) -> Result<RecordBatch, Fault> {
    let num_rows = kept.first().map_or(0, |column| column.len());
    let names = reading.schema.fields().iter().map(|field| field.name().as_str());
    let mut kept = kept.into_iter();
    let columns = names
        .map(|name| match name {
            FILE_COLUMN if reading.params.add_position => {
                Arc::new(StringArray::from_iter_values(std::iter::repeat_n(shown, num_rows))) as ArrayRef
            }
            LINE_COLUMN if reading.params.add_position => {
                Arc::new(Int64Array::from_iter_values((0..num_rows).map(|row| line(row).cast_signed())))
            }
            _ => kept.next().expect("each column of the file that leaves is kept, in its order"),
        })
        .collect();
    RecordBatch::try_new(Arc::clone(&reading.schema), columns).map_err(|error| Fault::Other(error.into()))
}

pub(super) struct ParquetFile {
    /// Taken when the batch size is known.
    builder: Option<ParquetRecordBatchReaderBuilder<File>>,
    reader: Option<ParquetRecordBatchReader>,
    /// Columns that are not read at all.
    left_out: Vec<String>,
    num_rows: Option<u64>,
    position: Position,
}

impl ParquetFile {
    fn open(path: &Path, shown: &str, position: Position) -> Result<Self, Fault> {
        let file = File::open(path).map_err(|error| fault(shown, error))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| {
            Fault::EndsEarly(NodeError::external(format!("`{shown}` is not a whole Parquet file")).with_source(error))
        })?;
        let num_rows = u64::try_from(builder.metadata().file_metadata().num_rows()).ok();
        Ok(Self { builder: Some(builder), reader: None, left_out: Vec::new(), num_rows, position })
    }

    /// The places in the file of the columns to read. One that nobody wants is left out where it has the type that it
    /// should have, and so cannot fail.
    fn columns_to_read(&mut self, builder: &ParquetRecordBatchReaderBuilder<File>, reading: &Reading) -> Vec<usize> {
        let unwanted = reading.file_schema.fields().iter().enumerate();
        let unwanted = unwanted.filter(|(index, _)| !reading.kept.contains(index)).map(|(_, field)| field);
        let as_it_should_be = |field: &&FieldRef| {
            builder.schema().field_with_name(field.name()).is_ok_and(|found| found.data_type() == field.data_type())
        };
        self.left_out = unwanted.filter(as_it_should_be).map(|field| field.name().clone()).collect();
        let fields = builder.schema().fields().iter().enumerate();
        fields.filter(|(_, field)| !self.left_out.contains(field.name())).map(|(index, _)| index).collect()
    }

    fn next(&mut self, reading: &Reading, shown: &str, max_records: usize) -> Result<Option<Block>, Fault> {
        let broken = |error: Box<dyn std::error::Error + Send + Sync>| {
            Fault::Other(NodeError::external(format!("`{shown}` cannot be read as Parquet")).with_source(error))
        };
        if let Some(builder) = self.builder.take() {
            let offset = usize::try_from(self.position.offset).map_err(|error| broken(error.into()))?;
            let read = self.columns_to_read(&builder, reading);
            let mask = ProjectionMask::roots(builder.parquet_schema(), read);
            let builder = builder.with_projection(mask);
            let reader = builder.with_batch_size(max_records.max(1)).with_offset(offset).build();
            self.reader = Some(reader.map_err(|error| broken(error.into()))?);
        }
        let Some(batch) = self.reader.as_mut().and_then(Iterator::next) else { return Ok(None) };
        let batch = batch.map_err(|error| broken(error.into()))?;
        let mut columns = Vec::with_capacity(reading.kept.len());
        for (index, field) in reading.file_schema.fields().iter().enumerate() {
            if self.left_out.contains(field.name()) {
                continue;
            }
            let column = batch
                .column_by_name(field.name())
                .ok_or_else(|| Fault::Other(NodeError::user(format!("`{shown}` has no column `{}`", field.name()))))?;
            let strict = CastOptions { safe: false, ..CastOptions::default() };
            let cast = cast_with_options(column, field.data_type(), &strict).map_err(|error| {
                let (name, found, wanted) = (field.name(), column.data_type(), field.data_type());
                let message = format!("column `{name}` of `{shown}` is {found}, not {wanted}");
                Fault::Other(NodeError::user(message).with_source(error))
            })?;
            if reading.kept.contains(&index) {
                columns.push(cast);
            }
        }
        let first = self.position.line;
        self.position.offset += batch.num_rows() as u64;
        self.position.line += batch.num_rows() as u64;
        let batch = finish_batch(columns, reading, shown, |row| first + row as u64)?;
        Ok(Some(Block { batch: Some(batch), rejects: Vec::new() }))
    }
}

pub(super) fn fault(shown: &str, error: io::Error) -> Fault {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        let message = format!("`{shown}` ends early: the compressed file is damaged or was not written to its end");
        Fault::EndsEarly(NodeError::external(message).with_source(error))
    } else {
        Fault::Other(NodeError::external(format!("`{shown}` cannot be read")).with_source(error))
    }
}
