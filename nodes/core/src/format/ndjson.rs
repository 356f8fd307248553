//! Reading JSON, one object a line. Plain lines are read by [`FlatJson`]; the rest, and all lines of columns that are no
//! plain values, by arrow-json in blocks, and a block that does not fit is halved until the lines at fault stand alone.
//!
//! Numbers and times are decoded as their text first and read strictly afterwards: arrow-json by itself would turn 1.5 into
//! 1, 1e400 into infinity, and a number into a time of some unit.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, PrimitiveBuilder, RecordBatch, StructArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Int64Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;

use super::columns::{CellBuilder, CellTimes, ColumnType, misfit};
use super::flat_json::FlatJson;
use super::lines::{Line, split};
use super::{Decoded, Reject, TextDecoder, raw_text};

/// Turns lines of JSON into rows.
pub(crate) struct NdjsonDecoder {
    schema: SchemaRef,
    types: Vec<Option<ColumnType>>,
    /// The columns of `schema` that the rows have, and their schema.
    kept: Vec<usize>,
    row_schema: SchemaRef,
    /// `schema` with texts in place of numbers and times.
    raw_schema: SchemaRef,
    has_texts: bool,
    nulls_misfits: bool,
    times: CellTimes,
    /// The reader of plain lines; none where a column is no plain value.
    flat: Option<FlatJson>,
}

impl NdjsonDecoder {
    pub(crate) fn new(schema: SchemaRef, types: &[Option<ColumnType>], nulls_misfits: bool) -> Self {
        let raw_fields: Fields = schema.fields().iter().map(strict_as_text).collect();
        let has_texts = raw_fields != *schema.fields();
        let plain: Option<Vec<(String, ColumnType)>> = schema
            .fields()
            .iter()
            .zip(types)
            .map(|(field, column_type)| Some((field.name().clone(), (*column_type)?)))
            .collect();
        let flat = plain.map(|columns| FlatJson::new(columns.into_iter()));
        let raw_schema = Arc::new(Schema::new(raw_fields));
        let kept = (0..schema.fields().len()).collect();
        let row_schema = Arc::clone(&schema);
        let times = CellTimes::default();
        Self { schema, types: types.to_vec(), kept, row_schema, raw_schema, has_texts, nulls_misfits, times, flat }
    }

    /// Reads times in this way.
    pub(crate) fn with_times(self, times: &CellTimes) -> Self {
        Self { times: times.clone(), flat: self.flat.map(|flat| flat.with_times(times)), ..self }
    }

    /// Gives rows of these columns only; the others must fit all the same.
    pub(crate) fn keeping(self, kept: &[usize]) -> Result<Self, ArrowError> {
        let row_schema = Arc::new(self.schema.project(kept)?);
        let flat = self.flat.map(|flat| flat.keeping(kept));
        Ok(Self { kept: kept.to_vec(), row_schema, flat, ..self })
    }

    /// The rows of `lines`, which are all there is from `start` to `end` of `data` but blanks; the reason when not every
    /// line gives one row.
    fn decode_block(&self, data: &[u8], lines: &[Line<'_>]) -> Result<RecordBatch, String> {
        if let Some(line) = lines.iter().find(|line| !looks_like_object(line.bytes)) {
            return Err(self.why_no_object(line));
        }
        let reason = |error: ArrowError| plain(&error);
        let mut decoder = ReaderBuilder::new(Arc::clone(&self.raw_schema))
            .with_batch_size(lines.len() + 1)
            .with_coerce_primitive(true)
            .with_ignore_type_conflicts(self.nulls_misfits)
            .build_decoder()
            .map_err(reason)?;
        let (first, last) = (&lines[0], &lines[lines.len() - 1]);
        let mut block = &data[first.start..last.start + last.bytes.len()];
        while !block.is_empty() {
            let taken = decoder.decode(block).map_err(reason)?;
            if taken == 0 {
                return Err("the line holds more than one JSON object".to_owned());
            }
            block = &block[taken..];
        }
        if decoder.has_partial_record() {
            return Err("the JSON object is not closed".to_owned());
        }
        let batch = decoder.flush().map_err(reason)?.ok_or("the line holds no JSON object")?;
        if batch.num_rows() != lines.len() {
            return Err("the line holds more than one JSON object".to_owned());
        }
        if !self.has_texts {
            return batch.with_schema(Arc::clone(&self.schema)).map_err(reason);
        }
        let columns = batch
            .columns()
            .iter()
            .zip(self.schema.fields())
            .zip(&self.types)
            .map(|((column, field), column_type)| self.read_strictly(column, field, *column_type))
            .collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(reason)
    }

    /// `array`, which was decoded by [`strict_as_text`], as what `field` says.
    fn read_strictly(
        &self,
        array: &ArrayRef,
        field: &FieldRef,
        column_type: Option<ColumnType>,
    ) -> Result<ArrayRef, String> {
        let nulls_misfits = self.nulls_misfits;
        match field.data_type() {
            DataType::Timestamp(..) => {
                let column_type = column_type.unwrap_or(ColumnType::Timestamp);
                let mut builder = CellBuilder::new(column_type, array.len(), &self.times);
                for text in array.as_string::<i32>() {
                    match text {
                        None => builder.push_null(),
                        Some(text) => {
                            let whole_text =
                                column_type.unix_us().and_then(|_| whole(text)).map(|number| number.to_string());
                            if !builder.push(whole_text.as_deref().unwrap_or(text)) && !nulls_misfits {
                                return Err(misfit(field.name(), text, column_type));
                            }
                        }
                    }
                }
                Ok(builder.finish())
            }
            DataType::Float64 => {
                let mut builder = CellBuilder::new(ColumnType::Number, array.len(), &self.times);
                for text in array.as_string::<i32>() {
                    match text {
                        None => builder.push_null(),
                        Some(text) if builder.push(text) || nulls_misfits => {}
                        Some(text) => return Err(misfit(field.name(), text, ColumnType::Number)),
                    }
                }
                Ok(builder.finish())
            }
            DataType::Int64 => {
                let mut builder = PrimitiveBuilder::<Int64Type>::with_capacity(array.len());
                for text in array.as_string::<i32>() {
                    match text.map(|text| (whole(text), text)) {
                        None => builder.append_null(),
                        Some((Some(value), _)) => builder.append_value(value),
                        Some((None, _)) if nulls_misfits => builder.append_null(),
                        Some((None, text)) => {
                            return Err(misfit(field.name(), text, ColumnType::Integer));
                        }
                    }
                }
                Ok(Arc::new(builder.finish()))
            }
            DataType::List(item) => {
                let list = array.as_list::<i32>();
                let values = self.read_strictly(list.values(), item, None)?;
                ListArray::try_new(Arc::clone(item), list.offsets().clone(), values, list.nulls().cloned())
                    .map(|list| Arc::new(list) as ArrayRef)
                    .map_err(|error| error.to_string())
            }
            DataType::Struct(fields) => {
                let structs = array.as_struct();
                let columns = structs
                    .columns()
                    .iter()
                    .zip(fields)
                    .map(|(column, field)| self.read_strictly(column, field, None))
                    .collect::<Result<Vec<_>, _>>()?;
                StructArray::try_new(fields.clone(), columns, structs.nulls().cloned())
                    .map(|array| Arc::new(array) as ArrayRef)
                    .map_err(|error| error.to_string())
            }
            _ => Ok(Arc::clone(array)),
        }
    }

    fn why_no_object(&self, line: &Line<'_>) -> String {
        match serde_json::from_slice::<serde_json::Value>(line.bytes) {
            Ok(serde_json::Value::Object(_)) => "the line is not a JSON object".to_owned(),
            Ok(_) => "the line is JSON, but not an object".to_owned(),
            Err(error) => format!("the line is not JSON: {error}"),
        }
    }

    /// Reads plain lines with `flat`, and each run of other lines thoroughly.
    fn decode_plain(
        &self,
        flat: &mut FlatJson,
        data: &[u8],
        lines: &[Line<'_>],
        batches: &mut Vec<RecordBatch>,
        decoded: &mut Decoded,
    ) -> Result<(), ArrowError> {
        let mut columns = flat.builders(lines.len());
        let mut cells = Vec::new();
        // Text as a whole is mostly what each line of it is.
        let (start, end) = lines
            .first()
            .zip(lines.last())
            .map_or((0, 0), |(first, last)| (first.start, last.start + last.bytes.len()));
        let text = std::str::from_utf8(&data[start..end]).ok();
        let text_of = |line: &Line<'_>| {
            let place = line.start..line.start + line.bytes.len();
            match text {
                Some(text) => text.get(place.start - start..place.end - start),
                None => std::str::from_utf8(&data[place]).ok(),
            }
        };
        let (mut num_plain, mut from) = (0, 0);
        for (index, line) in lines.iter().enumerate() {
            let is_plain = text_of(line).is_some_and(|text| flat.push(text, &mut cells, &mut columns));
            if is_plain {
                if from < index {
                    // Other lines came before this one: they go out behind the plain ones before them.
                    let row = columns.iter_mut().map(CellBuilder::finish).collect::<Vec<_>>();
                    let batch = RecordBatch::try_new(Arc::clone(&self.row_schema), row)?;
                    if num_plain > 0 {
                        batches.push(batch.slice(0, num_plain));
                    }
                    self.decode_lines(data, &lines[from..index], batches, decoded);
                    // The plain line was appended already, as the last row.
                    batches.push(batch.slice(num_plain, 1));
                    num_plain = 0;
                } else {
                    num_plain += 1;
                }
                decoded.lines.push(line.number);
                from = index + 1;
            }
        }
        if num_plain > 0 {
            let columns = columns.iter_mut().map(CellBuilder::finish).collect();
            batches.push(RecordBatch::try_new(Arc::clone(&self.row_schema), columns)?);
        }
        if from < lines.len() {
            self.decode_lines(data, &lines[from..], batches, decoded);
        }
        Ok(())
    }

    fn decode_lines(&self, data: &[u8], lines: &[Line<'_>], batches: &mut Vec<RecordBatch>, decoded: &mut Decoded) {
        let kept = |batch: RecordBatch| batch.project(&self.kept).map_err(|error| plain(&error));
        match self.decode_block(data, lines).and_then(kept) {
            Ok(batch) => {
                decoded.lines.extend(lines.iter().map(|line| line.number));
                batches.push(batch);
            }
            Err(reason) => match lines {
                [line] => decoded.rejects.push(Reject { raw: raw_text(line.bytes), reason, line: line.number }),
                _ => {
                    let (left, right) = lines.split_at(lines.len() / 2);
                    self.decode_lines(data, left, batches, decoded);
                    self.decode_lines(data, right, batches, decoded);
                }
            },
        }
    }
}

impl TextDecoder for NdjsonDecoder {
    fn decode(
        &mut self,
        data: &[u8],
        is_end: bool,
        max_records: usize,
        first_line: u64,
    ) -> Result<Decoded, ArrowError> {
        let mut decoded = Decoded::default();
        let lines = split(data, is_end, max_records, first_line, &mut decoded);
        let mut batches = Vec::new();
        match self.flat.take() {
            _ if lines.is_empty() => {}
            Some(mut flat) => {
                let read = self.decode_plain(&mut flat, data, &lines, &mut batches, &mut decoded);
                self.flat = Some(flat);
                read?;
            }
            None => self.decode_lines(data, &lines, &mut batches, &mut decoded),
        }
        decoded.batch = match batches.len() {
            0 => None,
            1 => batches.pop(),
            _ => Some(concat_batches(&self.row_schema, &batches)?),
        };
        Ok(decoded)
    }
}

/// Whether a line can be one object: lines that are cut off or joined must not be put right by their neighbours.
fn looks_like_object(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.starts_with(b"{") && line.ends_with(b"}")
}

/// arrow-json's reason without its prefix.
fn plain(error: &ArrowError) -> String {
    match error {
        ArrowError::JsonError(reason) | ArrowError::ParseError(reason) => reason.clone(),
        other => other.to_string(),
    }
}

fn strict_as_text(field: &FieldRef) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::Int64 | DataType::Float64 | DataType::Timestamp(..) => DataType::Utf8,
        DataType::List(item) => DataType::List(strict_as_text(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(strict_as_text).collect()),
        _ => return Arc::clone(field),
    };
    Arc::new(Field::new(field.name(), data_type, field.is_nullable()))
}

/// The whole number that a JSON number stands for: `7`, `7.0` and `7e0` are one.
fn whole(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        // Beyond 2^53 a float no longer says which whole number was meant.
        (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::columns::{ColumnSpec, schema_of, types_of};
    use crate::format::infer::json_schema;
    use arrow::datatypes::Float64Type;
    use proptest::prelude::*;

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int64, true),
            Field::new("v", DataType::Float64, true),
            Field::new("name", DataType::Utf8, true),
        ]))
    }

    fn decoder(schema: SchemaRef, nulls_misfits: bool) -> NdjsonDecoder {
        let types = types_of(&schema, &[]);
        NdjsonDecoder::new(schema, &types, nulls_misfits)
    }

    #[test]
    fn lines_that_do_not_fit_are_found_one_by_one() {
        let text = concat!(
            "{\"id\": 1, \"v\": 1}\r\n",
            "\n",
            "{\"id\": 1.5}\n",
            "{\"id\": 2, \"name\": 7}\n",
            "{\"id\":\n",
            "3}\n",
            "[1]\n",
            "{\"id\": 4} {\"id\": 5}\n",
            "{\"v\": \"x\"}\n",
            "nonsense\n",
            "{\"id\": 9007199254740993}"
        );
        let decoded = decoder(schema(), false).decode(text.as_bytes(), true, 100, 1).expect("rows");
        let batch = decoded.batch.expect("rows");
        let ids: Vec<_> = batch.column(0).as_primitive::<Int64Type>().iter().collect();
        assert_eq!(ids, [Some(1), Some(2), Some(9_007_199_254_740_993)]);
        assert_eq!(batch.column(1).as_primitive::<Float64Type>().value(0), 1.0);
        assert_eq!(batch.column(2).as_string::<i32>().value(1), "7");
        assert_eq!(decoded.lines, [1, 4, 11]);
        assert_eq!(decoded.rejects.iter().map(|reject| reject.line).collect::<Vec<_>>(), [3, 5, 6, 7, 8, 9, 10]);
        assert_eq!(decoded.rejects[0].reason, "`id` is \"1.5\", which is not a whole number");
        assert_eq!(decoded.rejects[3].reason, "the line is JSON, but not an object");
    }

    #[test]
    fn nested_objects_and_lists_are_read_with_their_whole_numbers() {
        let text = "{\"a\": {\"b\": [1, 2]}, \"c\": 3}\n{\"a\": null}\n{\"a\": {\"b\": [2.5]}}\n";
        let schema = Arc::new(json_schema("{\"a\": {\"b\": [1, 2]}, \"c\": 3}".lines()).expect("a schema"));
        let decoded = decoder(schema, false).decode(text.as_bytes(), true, 100, 1).expect("rows");
        let batch = decoded.batch.expect("rows");
        assert_eq!(batch.num_rows(), 2);
        let lists = batch.column(0).as_struct().column(0).as_list::<i32>().value(0);
        assert_eq!(lists.as_primitive::<Int64Type>().values().as_ref(), [1, 2]);
        assert_eq!(decoded.rejects.len(), 1);
    }

    #[test]
    fn misfits_become_null_where_that_is_asked_for_but_what_is_no_object_stays_rejected() {
        let text = "{\"id\": \"x\", \"v\": \"y\", \"name\": \"z\"}\nnonsense\n";
        let decoded = decoder(schema(), true).decode(text.as_bytes(), true, 100, 1).expect("rows");
        let batch = decoded.batch.expect("rows");
        assert_eq!(
            (batch.column(0).null_count(), batch.column(1).null_count(), batch.column(2).null_count()),
            (1, 1, 0)
        );
        assert_eq!(decoded.rejects.len(), 1);
    }

    #[test]
    fn a_number_beyond_all_bounds_is_rejected_and_never_infinite_wherever_it_stands() {
        let text = "{\"v\": 1e400, \"l\": [1]}\n{\"v\": 2.5, \"l\": [-1e999]}\n{\"v\": 1e308, \"l\": [2]}\n";
        let list = DataType::List(Arc::new(Field::new("item", DataType::Float64, true)));
        let nested = Schema::new(vec![Field::new("v", DataType::Float64, true), Field::new("l", list, true)]);
        let flat = Schema::new(vec![Field::new("v", DataType::Float64, true)]);
        for (schema, num_rejected) in [(nested, 2), (flat, 1)] {
            let decoded = decoder(Arc::new(schema), false).decode(text.as_bytes(), true, 100, 1).expect("rows");
            let rejects: Vec<_> = decoded.rejects.iter().map(|reject| reject.reason.as_str()).collect();
            assert_eq!(rejects.len(), num_rejected);
            assert_eq!(rejects[0], "`v` is \"1e400\", which is too large for a number of 64 bits");
            assert_eq!(decoded.batch.expect("rows").num_rows(), 3 - num_rejected);
        }
    }

    /// Pieces of lines: most of them what a column wants, many of them nearly so.
    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<i64>().prop_map(|number| number.to_string()),
            (-2_000_000_i64..2_000_000, 0_u32..6)
                .prop_map(|(number, decimals)| { format!("{}", number as f64 / 10_f64.powi(decimals.cast_signed())) }),
            any::<f64>()
                .prop_filter("JSON has no infinities", |number| number.is_finite())
                .prop_map(|n| format!("{n:e}")),
            prop::sample::select(vec![
                "null",
                "true",
                "false",
                "\"a\"",
                "\"\"",
                "\"a\\n\\u00e4\"",
                "\"\\ud83d\\ude00\"",
                "\"ä\"",
                "\"12\"",
                "\"1.5\"",
                "1.0",
                "-0",
                "-0.0",
                "01",
                "1.",
                ".5",
                "+1",
                "1e",
                "-",
                "tru",
                "\"a",
                "\"\\x\"",
                "[1]",
                "{}",
                "1e400",
                "0.1e1",
                "123456789012345678901234567890",
                "9007199254740993",
                "0.30000000000000004",
                "1767225600000",
                "\"2026-01-01T00:00:00Z\"",
                "\"2026-01-01\"",
                "",
            ])
            .prop_map(str::to_owned),
        ]
    }

    fn line() -> impl Strategy<Value = String> {
        let name = prop::sample::select(vec!["i", "n", "t", "b", "ts", "ms", "other", "i ", "\\u0069"]);
        let member = (name, value(), prop::sample::select(vec!["", " ", "\t"]))
            .prop_map(|(name, value, blank)| format!("{blank}\"{name}\"{blank}:{blank}{value}{blank}"));
        let end = prop::sample::select(vec!["}", "} ", "}}", ",}", "", "} {}", "]"]);
        (prop::collection::vec(member, 0..5), prop_oneof![9 => Just("}"), 1 => end])
            .prop_map(|(members, end)| format!("{{{}{end}", members.join(",")))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn the_quick_reader_agrees_with_the_thorough_one_on_every_line_it_takes(
            line in line(),
            nulls in any::<bool>(),
            kept in prop::sample::subsequence(vec![0_usize, 1, 2, 3, 4, 5], 1..=6),
        ) {
            use ColumnType::{Boolean, Integer, Number, Text, Timestamp, UnixMilliseconds};
            let columns: Vec<ColumnSpec> =
                [("i", Integer), ("n", Number), ("t", Text), ("b", Boolean), ("ts", Timestamp), ("ms", UnixMilliseconds)]
                    .map(|(name, column_type)| ColumnSpec { name: name.to_owned(), column_type })
                    .into();
            let schema = Arc::new(schema_of(&columns));
            let types = types_of(&schema, &columns);
            let mut quick = NdjsonDecoder::new(Arc::clone(&schema), &types, nulls);
            let whole = quick.decode(line.as_bytes(), true, 10, 1).expect("it is read");
            let mut quick = quick.keeping(&kept).expect("they are columns");
            let schema = Arc::clone(&quick.row_schema);
            let mut flat = quick.flat.take().expect("all columns are plain");
            let mut builders = flat.builders(1);
            let is_taken = flat.push(&line, &mut Vec::new(), &mut builders);
            let thorough = quick.decode(line.as_bytes(), true, 10, 1).expect("it is read");
            prop_assert_eq!(&thorough.rejects, &whole.rejects, "a column that is left out rejects as before");
            let narrow = whole.batch.map(|batch| batch.project(&kept).expect("they are columns"));
            prop_assert_eq!(&thorough.batch, &narrow);
            if is_taken {
                let row = builders.iter_mut().map(CellBuilder::finish).collect();
                let row = RecordBatch::try_new(schema, row).expect("columns fit");
                prop_assert_eq!(Some(row), thorough.batch, "{} {:?}", line, thorough.rejects);
            }
        }

        #[test]
        fn the_same_lines_fit_whatever_the_block(
            lines in prop::collection::vec(prop::sample::select(vec![
                "{\"id\": 1}", "{\"id\": 1.5}", "{\"v\": 2.5, \"name\": \"n\"}", "{", "}", "", "7", "{\"id\":1}{\"id\":2}",
            ]), 0..30),
            max_records in 1_usize..9,
        ) {
            let text = lines.join("\n");
            // One line at a time is the slow obvious way.
            let fits = |line: &&&str| matches!(**line, "{\"id\": 1}" | "{\"v\": 2.5, \"name\": \"n\"}");
            let expected = lines.iter().filter(fits).count();
            let (mut from, mut rows, mut rejects) = (0, 0, 0);
            let mut decoder = decoder(schema(), false);
            while from < text.len() {
                let decoded = decoder.decode(&text.as_bytes()[from..], true, max_records, 1).expect("rows");
                from += decoded.bytes;
                rows += decoded.batch.map_or(0, |batch| batch.num_rows());
                rejects += decoded.rejects.len();
            }
            prop_assert_eq!(rows, expected);
            prop_assert_eq!(rows + rejects, lines.iter().filter(|line| !line.is_empty()).count());
        }
    }
}
