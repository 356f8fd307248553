//! Reading plain lines: each line a row of one text column. Empty lines are left out; a carriage return before the line
//! end is not part of the line.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::{Decoded, Reject, TextDecoder, raw_text};

/// The one column of plain lines.
pub(crate) const LINE_COLUMN: &str = "line";

/// The schema of plain lines.
pub(crate) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new(LINE_COLUMN, DataType::Utf8, true)]))
}

/// A line of the input: its bytes without the line end, and its number.
pub(crate) struct Line<'a> {
    pub bytes: &'a [u8],
    /// Where it begins in the input.
    pub start: usize,
    pub number: u64,
}

/// The first `max_lines` lines of `data` that are whole and not blank, with what they take of it.
pub(crate) fn split<'a>(
    data: &'a [u8],
    is_end: bool,
    max_lines: usize,
    first_line: u64,
    decoded: &mut Decoded,
) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    let mut start = 0;
    while lines.len() < max_lines && start < data.len() {
        let end = match memchr::memchr(b'\n', &data[start..]) {
            Some(length) => start + length,
            None if is_end => data.len(),
            None => break,
        };
        let bytes = data[start..end].strip_suffix(b"\r").unwrap_or(&data[start..end]);
        if !bytes.trim_ascii().is_empty() {
            lines.push(Line { bytes, start, number: first_line + decoded.newlines });
        }
        if end < data.len() {
            decoded.newlines += 1;
        }
        start = (end + 1).min(data.len());
    }
    decoded.bytes = start;
    lines
}

/// Turns lines into rows.
pub(crate) struct LinesDecoder;

impl TextDecoder for LinesDecoder {
    fn decode(
        &mut self,
        data: &[u8],
        is_end: bool,
        max_records: usize,
        first_line: u64,
    ) -> Result<Decoded, ArrowError> {
        let mut decoded = Decoded::default();
        let lines = split(data, is_end, max_records, first_line, &mut decoded);
        let mut texts = StringBuilder::with_capacity(lines.len(), decoded.bytes);
        for line in lines {
            match std::str::from_utf8(line.bytes) {
                Ok(text) => {
                    texts.append_value(text);
                    decoded.lines.push(line.number);
                }
                Err(_) => decoded.rejects.push(Reject {
                    raw: raw_text(line.bytes),
                    reason: "the line is not UTF-8 text".to_owned(),
                    line: line.number,
                }),
            }
        }
        if !decoded.lines.is_empty() {
            decoded.batch = Some(RecordBatch::try_new(schema(), vec![Arc::new(texts.finish())])?);
        }
        Ok(decoded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray;
    use proptest::prelude::*;

    #[test]
    fn lines_keep_their_numbers_and_bytes_that_are_no_text_are_rejected() {
        let decoded = LinesDecoder.decode(b"one\r\n\n  two\n\xff\xfe\nlast", true, 100, 5).expect("rows");
        let batch = decoded.batch.expect("rows");
        let lines: Vec<_> = batch.column(0).as_string::<i32>().iter().flatten().collect();
        assert_eq!(lines, ["one", "  two", "last"]);
        assert_eq!(decoded.lines, [5, 7, 9]);
        assert_eq!((decoded.rejects.len(), decoded.rejects[0].line), (1, 8));
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_slow_way_however_the_bytes_arrive(
            pieces in prop::collection::vec(prop::sample::select(vec!["a", "bc", " ", "\n", "\r\n"]), 0..40),
            step in 1_usize..9,
            max_lines in 1_usize..5,
        ) {
            let text: String = pieces.concat();
            let expected: Vec<(u64, &str)> = (1..).zip(text.lines()).filter(|(_, l)| !l.trim().is_empty()).collect();
            let (mut got, mut from, mut shown, mut number) = (Vec::new(), 0, 0, 1);
            loop {
                let is_end = shown == text.len();
                let mut decoded = Decoded::default();
                let lines = split(&text.as_bytes()[from..shown], is_end, max_lines, number, &mut decoded);
                got.extend(lines.iter().map(|line| (line.number, String::from_utf8_lossy(line.bytes).into_owned())));
                let is_empty = lines.is_empty();
                from += decoded.bytes;
                number += decoded.newlines;
                if is_empty {
                    if is_end {
                        break;
                    }
                    shown = (shown + step).min(text.len());
                }
            }
            let got: Vec<(u64, &str)> = got.iter().map(|(number, line)| (*number, line.as_str())).collect();
            prop_assert_eq!(got, expected);
        }
    }
}
