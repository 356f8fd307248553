//! Reading CSV: records are split by csv-core (RFC 4180 and what is met in the wild), cells are read by column type.
//!
//! A record is whole when its line end was seen or nothing follows; only whole records are taken. A quote that is never
//! closed spoils its own line and no more: that line is rejected and reading goes on with the next.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::columns::{CellCheck, CellTimes, ColumnType, all_types, misfit};
use super::{Decoded, Reject, TextDecoder, count_newlines, raw_text};

/// How the records of a CSV file are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub delimiter: u8,
    pub quote: u8,
    pub has_header: bool,
    /// Cells that stand for null, beside the empty one.
    pub null_values: Vec<String>,
}

impl Default for Dialect {
    fn default() -> Self {
        Self { delimiter: b',', quote: b'"', has_header: true, null_values: Vec::new() }
    }
}

impl Dialect {
    fn reader(&self) -> Reader {
        ReaderBuilder::new().delimiter(self.delimiter).quote(self.quote).build()
    }
}

/// The delimiter that the first line of `head` most likely uses: the most frequent of `,` `;` tab and `|`.
pub(crate) fn guess_delimiter(head: &[u8], quote: u8) -> u8 {
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut is_quoted = false;
    for byte in head.iter().skip_while(|byte| matches!(byte, b'\r' | b'\n')) {
        if *byte == quote {
            is_quoted = !is_quoted;
        } else if *byte == b'\n' && !is_quoted {
            break;
        } else if let Some((_, count)) = counts.iter_mut().find(|(delimiter, _)| delimiter == byte && !is_quoted) {
            *count += 1;
        }
    }
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| delimiter)
}

/// The cells of the first record and what it takes; `None` when there is no whole record.
pub(crate) struct FirstRecord {
    pub cells: Vec<String>,
    pub bytes: usize,
    pub newlines: u64,
}

/// Reads the first record of `data`, such as a header.
pub(crate) fn first_record(data: &[u8], is_end: bool, dialect: &Dialect) -> Option<FirstRecord> {
    let mut splitter = Splitter::new(dialect.clone());
    splitter.split(data, is_end, 1);
    let record = splitter.records.first()?;
    let cells = splitter.cells(record).map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect();
    Some(FirstRecord { cells, bytes: splitter.bytes, newlines: count_newlines(&data[..splitter.bytes]) })
}

/// Names for columns: those of `header`, made distinct and none empty.
pub(crate) fn column_names(header: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(header.len());
    for (index, name) in header.iter().enumerate() {
        let base = if name.is_empty() { format!("column_{}", index + 1) } else { name.clone() };
        let mut unique = base.clone();
        let mut number = 2;
        while names.contains(&unique) {
            unique = format!("{base}_{number}");
            number += 1;
        }
        names.push(unique);
    }
    names
}

/// Where a record stands in the bytes, and its cells in the unquoted text.
struct Record {
    /// Bytes of the record in the input, without blank lines before it.
    start: usize,
    end: usize,
    data_start: usize,
    ends_start: usize,
    num_cells: usize,
    /// A quote was opened and not closed before the end of the input: the record is cut at its line end.
    is_unclosed: bool,
}

/// Splits bytes into records and cells. Buffers are kept for the next split.
struct Splitter {
    dialect: Dialect,
    reader: Reader,
    data: Vec<u8>,
    ends: Vec<usize>,
    records: Vec<Record>,
    /// Bytes taken by the last split.
    bytes: usize,
}

impl Splitter {
    fn new(dialect: Dialect) -> Self {
        let reader = dialect.reader();
        Self { dialect, reader, data: Vec::new(), ends: Vec::new(), records: Vec::new(), bytes: 0 }
    }

    fn cells<'a>(&'a self, record: &'a Record) -> impl Iterator<Item = &'a [u8]> {
        (0..record.num_cells).map(|index| self.cell(record, index))
    }

    fn cell(&self, record: &Record, index: usize) -> &[u8] {
        let ends = &self.ends[record.ends_start..record.ends_start + record.num_cells];
        let start = if index == 0 { 0 } else { ends[index - 1] };
        &self.data[record.data_start + start..record.data_start + ends[index]]
    }

    fn split(&mut self, data: &[u8], is_end: bool, max_records: usize) {
        self.records.clear();
        let (mut data_len, mut ends_len, mut at) = (0, 0, 0);
        while self.records.len() < max_records {
            while data.get(at).is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
                at += 1;
            }
            self.bytes = at;
            if at == data.len() {
                return;
            }
            let Some(read) = self.read_one(&data[at..], is_end, data_len, ends_len) else { return };
            let is_blank = read.num_cells == 1 && data[at..at + read.taken].trim_ascii().is_empty();
            if !is_blank {
                self.records.push(Record {
                    start: at,
                    end: at + read.taken,
                    data_start: data_len,
                    ends_start: ends_len,
                    num_cells: read.num_cells,
                    is_unclosed: read.is_unclosed,
                });
                data_len += read.written;
                ends_len += read.num_cells;
            }
            at += read.taken;
            self.bytes = at;
        }
    }

    /// Reads the record at the start of `rest`, which is not a blank line; `None` when it is not whole.
    fn read_one(&mut self, rest: &[u8], is_end: bool, data_start: usize, ends_start: usize) -> Option<ReadRecord> {
        self.reader.reset();
        let mut read = ReadRecord { taken: 0, written: 0, num_cells: 0, is_unclosed: false };
        loop {
            // Room for the rest of a usual record; doubled when it proves too small.
            let data_room = data_start + read.written + 256;
            if self.data.len() < data_room {
                self.data.resize(data_room.max(self.data.len() * 2), 0);
            }
            let ends_room = ends_start + read.num_cells + 16;
            if self.ends.len() < ends_room {
                self.ends.resize(ends_room.max(self.ends.len() * 2), 0);
            }
            // At the end a line end is lent: a closed record ends by it, an open quote swallows it.
            let is_lent = read.taken == rest.len();
            let input = if is_lent { b"\n".as_slice() } else { &rest[read.taken..] };
            if is_lent && !is_end {
                return None;
            }
            let (result, taken, written, ends) = self.reader.read_record(
                input,
                &mut self.data[data_start + read.written..],
                &mut self.ends[ends_start + read.num_cells..],
            );
            read.written += written;
            read.num_cells += ends;
            if !is_lent {
                read.taken += taken;
            }
            match result {
                ReadRecordResult::Record => return Some(read),
                ReadRecordResult::InputEmpty if is_lent && taken > 0 => {
                    let line = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
                    return Some(ReadRecord { taken: line, written: 0, num_cells: 0, is_unclosed: true });
                }
                ReadRecordResult::End => return None,
                ReadRecordResult::InputEmpty | ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {}
            }
        }
    }
}

struct ReadRecord {
    taken: usize,
    written: usize,
    num_cells: usize,
    is_unclosed: bool,
}

/// Turns CSV records into rows of a schema of text-like types.
pub(crate) struct CsvDecoder {
    schema: SchemaRef,
    checks: Vec<CellCheck>,
    /// The columns of `schema` that the rows have, and their schema.
    kept: Vec<usize>,
    row_schema: SchemaRef,
    /// For each column of the schema its place in a record; `None` gives nulls.
    places: Vec<Option<usize>>,
    num_cells: usize,
    splitter: Splitter,
    /// A cell that does not fit becomes null instead of spoiling its row.
    nulls_misfits: bool,
}

impl CsvDecoder {
    /// A decoder for records of `num_cells` cells, of which `places` says which column is where. A header is not
    /// expected: take it off with [`first_record`].
    ///
    /// # Errors
    /// When a column of `schema` has a type that text cannot have.
    pub(crate) fn new(
        schema: SchemaRef,
        types: &[Option<ColumnType>],
        places: Vec<Option<usize>>,
        num_cells: usize,
        dialect: Dialect,
        nulls_misfits: bool,
    ) -> Result<Self, ArrowError> {
        let checks: Vec<CellCheck> = all_types(&schema, types)?.into_iter().map(CellCheck::new).collect();
        let kept = (0..checks.len()).collect();
        let (row_schema, splitter) = (Arc::clone(&schema), Splitter::new(dialect));
        Ok(Self { schema, checks, kept, row_schema, places, num_cells, splitter, nulls_misfits })
    }

    /// Reads times in this way.
    pub(crate) fn with_times(mut self, times: &CellTimes) -> Self {
        self.checks = self.checks.into_iter().map(|check| check.with_times(times.clone())).collect();
        self
    }

    /// Gives rows of these columns only; the cells of the others must fit all the same.
    pub(crate) fn keeping(self, kept: &[usize]) -> Result<Self, ArrowError> {
        let row_schema = Arc::new(self.schema.project(kept)?);
        Ok(Self { kept: kept.to_vec(), row_schema, ..self })
    }

    fn fault_of_shape(&self, record: &Record) -> Option<String> {
        if record.is_unclosed {
            return Some("a quote is opened here and never closed".to_owned());
        }
        let cells = |count: usize| format!("{count} {}", if count == 1 { "cell" } else { "cells" });
        (record.num_cells != self.num_cells)
            .then(|| format!("the record has {}, not {}", cells(record.num_cells), cells(self.num_cells)))
    }

    /// Finds the records whose cell does not fit a column that is left out.
    fn check(&self, check: &CellCheck, place: Option<usize>, name: &str, faults: &mut [Option<String>]) {
        let Some(place) = place else { return };
        for (record, fault) in self.splitter.records.iter().zip(faults).filter(|(_, fault)| fault.is_none()) {
            let cell = self.splitter.cell(record, place);
            if check.is_plainly_right(cell) || self.is_null(cell) {
                continue;
            }
            match std::str::from_utf8(cell) {
                Ok(text) if self.nulls_misfits || check.reads(text) => {}
                Ok(text) => *fault = Some(misfit(name, text, check.column_type)),
                Err(_) => *fault = Some(format!("`{name}` is not UTF-8 text")),
            }
        }
    }

    fn is_null(&self, cell: &[u8]) -> bool {
        cell.is_empty() || self.splitter.dialect.null_values.iter().any(|null| null.as_bytes() == cell)
    }
}

impl TextDecoder for CsvDecoder {
    fn decode(
        &mut self,
        data: &[u8],
        is_end: bool,
        max_records: usize,
        first_line: u64,
    ) -> Result<Decoded, ArrowError> {
        self.splitter.split(data, is_end, max_records);
        let mut decoded = Decoded { bytes: self.splitter.bytes, ..Decoded::default() };
        decoded.newlines = count_newlines(&data[..decoded.bytes]);
        // Faults of whole records first; what is left has a cell for each column.
        let mut faults: Vec<Option<String>> =
            self.splitter.records.iter().map(|record| self.fault_of_shape(record)).collect();
        let num_rows = self.splitter.records.len();
        // Text as a whole is text in each cell: what parts them is ASCII.
        let is_text = std::str::from_utf8(&data[..decoded.bytes]).is_ok();
        let mut columns = Vec::with_capacity(self.kept.len());
        for (index, ((check, place), field)) in
            self.checks.iter().zip(&self.places).zip(self.schema.fields()).enumerate()
        {
            if !self.kept.contains(&index) {
                if is_text && check.column_type == ColumnType::Text {
                    continue;
                }
                self.check(check, *place, field.name(), &mut faults);
                continue;
            }
            let mut builder = check.builder(num_rows);
            for (record, fault) in self.splitter.records.iter().zip(&mut faults) {
                let Some(place) = place.filter(|_| fault.is_none()) else {
                    builder.push_null();
                    continue;
                };
                let cell = self.splitter.cell(record, place);
                if self.is_null(cell) {
                    builder.push_null();
                    continue;
                }
                match std::str::from_utf8(cell) {
                    Ok(text) => {
                        if !builder.push(text) && !self.nulls_misfits {
                            *fault = Some(misfit(field.name(), text, check.column_type));
                        }
                    }
                    Err(_) => {
                        builder.push_null();
                        *fault = Some(format!("`{}` is not UTF-8 text", field.name()));
                    }
                }
            }
            columns.push(builder.finish());
        }
        let mut line = first_line;
        let mut counted = 0;
        for (record, fault) in self.splitter.records.iter().zip(&faults) {
            line += count_newlines(&data[counted..record.start]);
            counted = record.start;
            match fault {
                None => decoded.lines.push(line),
                Some(reason) => decoded.rejects.push(Reject {
                    raw: raw_text(&data[record.start..record.end]),
                    reason: reason.clone(),
                    line,
                }),
            }
        }
        if !decoded.lines.is_empty() {
            let batch = RecordBatch::try_new(Arc::clone(&self.row_schema), columns)?;
            decoded.batch = Some(if decoded.rejects.is_empty() {
                batch
            } else {
                let fits: BooleanArray = faults.iter().map(|fault| Some(fault.is_none())).collect();
                filter_record_batch(&batch, &fits)?
            });
        }
        Ok(decoded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::columns::{ColumnSpec, schema_of, types_of};
    use arrow::array::AsArray;
    use arrow::datatypes::{Float64Type, Int64Type};
    use proptest::prelude::*;

    fn decoder(columns: &[(&str, ColumnType)]) -> CsvDecoder {
        let columns: Vec<ColumnSpec> = columns
            .iter()
            .map(|(name, column_type)| ColumnSpec { name: (*name).to_owned(), column_type: *column_type })
            .collect();
        let places = (0..columns.len()).map(Some).collect();
        let schema = schema_of(&columns);
        let types = types_of(&schema, &columns);
        CsvDecoder::new(Arc::new(schema), &types, places, columns.len(), Dialect::default(), false)
            .expect("types of text")
    }

    #[test]
    fn a_record_that_does_not_fit_is_rejected_with_its_line_and_the_others_stay() {
        let mut decoder = decoder(&[("id", ColumnType::Integer), ("value", ColumnType::Number)]);
        let text = b"1,1.5\r\n\r\n2,abc\r\n3\r\n4,\"2\n\"\r\n5,\xff\n6,1,2\n7,7";
        let decoded = decoder.decode(text, true, 100, 10).expect("rows");
        let batch = decoded.batch.expect("rows");
        assert_eq!(batch.column(0).as_primitive::<Int64Type>().values().as_ref(), [1, 4, 7]);
        assert_eq!(batch.column(1).as_primitive::<Float64Type>().values().as_ref(), [1.5, 2.0, 7.0]);
        assert_eq!(decoded.lines, [10, 14, 18]);
        let faults: Vec<(u64, &str)> = decoded.rejects.iter().map(|r| (r.line, r.reason.as_str())).collect();
        assert_eq!(
            faults,
            [
                (12, "`value` is \"abc\", which is not a number"),
                (13, "the record has 1 cell, not 2 cells"),
                (16, "`value` is not UTF-8 text"),
                (17, "the record has 3 cells, not 2 cells"),
            ]
        );
        assert_eq!((decoded.bytes, decoded.newlines), (text.len(), 8));
    }

    #[test]
    fn a_quote_that_is_never_closed_spoils_its_own_line_only() {
        let mut decoder = decoder(&[("a", ColumnType::Text), ("b", ColumnType::Text)]);
        let decoded = decoder.decode(b"1,\"x\n2,y\n3,z\n", true, 100, 1).expect("rows");
        assert_eq!(decoded.batch.expect("rows").num_rows(), 2);
        assert_eq!(decoded.rejects.len(), 1);
        assert_eq!((decoded.rejects[0].raw.as_str(), decoded.rejects[0].line), ("1,\"x", 1));
    }

    #[test]
    fn an_empty_cell_is_null_and_a_record_without_an_end_waits() {
        let mut decoder = decoder(&[("a", ColumnType::Text), ("b", ColumnType::Timestamp)]);
        let decoded = decoder.decode(b",2024-01-01 00:00:00\nx,\"", false, 100, 1).expect("rows");
        let batch = decoded.batch.expect("rows");
        assert_eq!((batch.num_rows(), batch.column(0).null_count(), batch.column(1).null_count()), (1, 1, 0));
        assert_eq!(decoded.bytes, 21);
    }

    #[test]
    fn numbers_that_do_not_fit_are_told_to_be_too_large() {
        let mut decoder = decoder(&[
            ("i", ColumnType::Integer),
            ("n", ColumnType::Number),
            ("s", ColumnType::UnixSeconds),
            ("ms", ColumnType::UnixMilliseconds),
        ]);
        let text = "1,1e308,1,1\n1,1e400,,\n1,-1e400,,\n,inf,,\n9999999999999999999,,,\n,,99999999999999999,\n,,,9999999999999999999\n,,1.5,\n,,1s,\n";
        let decoded = decoder.decode(text.as_bytes(), true, 100, 1).expect("rows");
        let numbers = decoded.batch.expect("rows").column(1).as_primitive::<Float64Type>().clone();
        assert_eq!(numbers.iter().collect::<Vec<_>>(), [Some(1e308), Some(f64::INFINITY)]);
        let reasons: Vec<_> = decoded.rejects.iter().map(|reject| reject.reason.as_str()).collect();
        assert_eq!(
            reasons,
            [
                "`n` is \"1e400\", which is too large for a number of 64 bits",
                "`n` is \"-1e400\", which is too large for a number of 64 bits",
                "`i` is \"9999999999999999999\", which is too large for a whole number of 64 bits",
                "`s` is \"99999999999999999\", which is too large for a time in seconds since 1970",
                "`ms` is \"9999999999999999999\", which is too large for a time in milliseconds since 1970",
                "`s` is \"1.5\", which is not a whole number of seconds since 1970",
                "`s` is \"1s\", which is not a whole number of seconds since 1970",
            ]
        );
    }

    #[test]
    fn delimiters_are_guessed_and_names_made_distinct() {
        assert_eq!(guess_delimiter(b"a;b;\"c,,,,\"\n1,1,1,1,1", b'"'), b';');
        assert_eq!(guess_delimiter(b"word\n", b'"'), b',');
        let header: Vec<String> = ["a", "", "a", "a_2"].map(str::to_owned).into();
        assert_eq!(column_names(&header), ["a", "column_2", "a_2", "a_2_2"]);
    }

    /// The slow obvious way: one character after the other, RFC 4180 with csv-core's leniency.
    fn oracle(text: &str) -> Vec<Vec<String>> {
        let mut records = Vec::new();
        let mut record: Vec<String> = Vec::new();
        let mut cell = String::new();
        let (mut is_quoted, mut is_started, mut was_quote) = (false, false, false);
        for c in text.chars().chain(['\n']) {
            if is_quoted {
                if was_quote {
                    was_quote = false;
                    if c == '"' {
                        cell.push('"');
                        continue;
                    }
                    is_quoted = false;
                } else if c == '"' {
                    was_quote = true;
                    continue;
                } else {
                    cell.push(c);
                    continue;
                }
            }
            match c {
                '"' if !is_started => (is_quoted, is_started) = (true, true),
                ',' => {
                    record.push(std::mem::take(&mut cell));
                    is_started = false;
                }
                '\n' | '\r' => {
                    if is_started || !record.is_empty() {
                        record.push(std::mem::take(&mut cell));
                        records.push(std::mem::take(&mut record));
                    }
                    is_started = false;
                }
                c => {
                    cell.push(c);
                    is_started = true;
                }
            }
        }
        records
    }

    proptest! {
        #[test]
        fn splitting_agrees_with_the_slow_way_however_the_bytes_arrive(
            pieces in prop::collection::vec(
                prop::sample::select(vec!["a", "bc", ",", "\n", "\r\n", "\"x\"", "\"y,\nz\"", "\"\"", "d\"e"]), 0..40),
            step in 1_usize..9,
            max_records in 1_usize..5,
        ) {
            let text: String = pieces.concat();
            // Quotes are balanced at the end, else the record is not whole: that rule has its own test.
            prop_assume!(!oracle_is_open(&text));
            let expected = oracle(&text);
            let (mut got, mut from, mut shown) = (Vec::new(), 0, 0);
            let mut splitter = Splitter::new(Dialect::default());
            loop {
                let is_end = shown == text.len();
                splitter.split(&text.as_bytes()[from..shown], is_end, max_records);
                for record in &splitter.records {
                    got.push(splitter.cells(record).map(|c| String::from_utf8_lossy(c).into_owned()).collect::<Vec<_>>());
                }
                from += splitter.bytes;
                if splitter.records.is_empty() {
                    if is_end {
                        break;
                    }
                    shown = (shown + step).min(text.len());
                }
            }
            prop_assert_eq!(got, expected);
        }
    }

    fn cell() -> impl Strategy<Value = String> {
        let odd = vec![
            "",
            " ",
            "1",
            "-1",
            " 7 ",
            "1.5",
            ".5",
            "1.",
            ".",
            "-",
            "+3",
            "1e5",
            "inf",
            "nan",
            "1.2.3",
            "x",
            "TRUE",
            "false",
            "2026-01-01",
            "2026-01-01 00:00:00",
            "999999999999999999",
            "9999999999999999999",
            "-.5",
            "9223372036854775807",
            "\"a,b\"",
            "\"1\"",
        ];
        prop_oneof![prop::sample::select(odd).prop_map(str::to_owned), "[-0-9.]{0,4}"]
    }

    proptest! {
        #[test]
        fn a_column_that_is_left_out_rejects_the_records_that_it_rejected_before(
            records in prop::collection::vec(prop::collection::vec(cell(), 5), 0..20),
            kept in prop::sample::subsequence(vec![0_usize, 1, 2, 3, 4], 1..=5),
            nulls in any::<bool>(),
        ) {
            use ColumnType::{Boolean, Integer, Number, Timestamp, UnixSeconds};
            let text: String = records.iter().map(|record| record.join(",") + "\n").collect();
            let columns: Vec<ColumnSpec> =
                [("i", Integer), ("n", Number), ("b", Boolean), ("ts", Timestamp), ("s", UnixSeconds)]
                    .map(|(name, column_type)| ColumnSpec { name: name.to_owned(), column_type })
                    .into();
            let schema = Arc::new(schema_of(&columns));
            let types = types_of(&schema, &columns);
            let decoder = || {
                let places = (0..columns.len()).map(Some).collect();
                CsvDecoder::new(Arc::clone(&schema), &types, places, 5, Dialect::default(), nulls).expect("types of text")
            };
            let whole = decoder().decode(text.as_bytes(), true, 100, 1).expect("it is read");
            let mut narrow = decoder().keeping(&kept).expect("they are columns");
            let narrow = narrow.decode(text.as_bytes(), true, 100, 1).expect("it is read");
            prop_assert_eq!(narrow.rejects, whole.rejects);
            prop_assert_eq!(narrow.batch, whole.batch.map(|batch| batch.project(&kept).expect("they are columns")));
            prop_assert_eq!(narrow.lines, whole.lines);
        }
    }

    fn oracle_is_open(text: &str) -> bool {
        let mut longer = text.to_owned();
        longer.push_str("\nEND");
        oracle(&longer).last() != Some(&vec!["END".to_owned()])
    }
}
