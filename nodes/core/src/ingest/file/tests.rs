use std::fs;
use std::io::Write;
use std::path::Path;

use super::*;
use crate::format::compression::{Compression, Encoder};
use crate::testing::{drain, drain_in_two_runs, ready, wait_for};
use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::Int64Type;
use millrace_operator::harness::{Gathered, Harness, assert_node_contract};
use millrace_operator::{Columns, Crew, Output, Source, SourceContext, SourceEvent};
use serde_json::{Value, json};

const READINGS: &str = "time,device,value\n\
    2026-01-01 00:00:00,dev-1,20.5\n\
    2026-01-01 00:00:01,\"dev,\n2\",21\n\
    2026-01-01 00:00:02,dev-3,hot\n\
    2026-01-01 00:00:03,dev-4\n\
    2026-01-01 00:00:09,dev-5,";

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
    folder
}

fn harness(folder: &Path, params: Value) -> Harness {
    Harness::in_folder::<File>(params, &[], folder)
}

fn problem(folder: &Path, params: Value) -> String {
    let node_type = millrace_operator::node::erase::<File>();
    let problems = Harness::of(node_type, params, &[], folder.to_owned()).err().expect("a problem");
    problems[0].message.clone()
}

fn compressed(text: &str, compression: Compression) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new(), compression).expect("an encoder");
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

fn rejects(all: &Gathered) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    all.json("rejected").iter().map(|row| (text(&row["position"]), text(&row["reason"]))).collect()
}

/// Rows until the source says `Idle` or `End`.
fn poll(source: &mut dyn Source) -> (Vec<RecordBatch>, SourceEvent) {
    let mut output = Output::default();
    loop {
        let event = ready(source.next(&mut SourceContext { output: &mut output, batch_size: 100, crew: Crew::Inline }))
            .expect("no failure");
        if event != SourceEvent::More {
            let batches = output.take().into_iter().filter_map(|emitted| match emitted {
                millrace_operator::output::Emitted::Batch(0, batch) => Some(batch),
                _ => None,
            });
            return (batches.collect(), event);
        }
    }
}

#[test]
fn the_contract_holds() {
    let folder = folder(&[("a.csv", READINGS.as_bytes())]);
    let path = folder.path().join("a.csv");
    assert_node_contract::<File>(json!({ "path": path, "event_time": "time", "add_position": true }), &[]);
}

#[test]
fn a_csv_file_gives_typed_rows_and_rejects_what_does_not_fit() {
    // The bad records stand behind the head that the schema is read from only when it is given.
    let columns =
        json!([{ "name": "time", "type": "timestamp" }, { "name": "device" }, { "name": "value", "type": "number" }]);
    let folder = folder(&[("a.csv", READINGS.as_bytes())]);
    let params = json!({ "path": "a.csv", "columns": columns, "event_time": "time", "add_position": true });
    for batch_size in [1, 2, 100] {
        let all = drain(&harness(folder.path(), params.clone()), batch_size);
        assert_eq!(
            all.json("rows"),
            [
                json!({ "time": "2026-01-01T00:00:00Z", "device": "dev-1", "value": 20.5, "file": "a.csv", "line_number": 2 }),
                json!({ "time": "2026-01-01T00:00:01Z", "device": "dev,\n2", "value": 21.0, "file": "a.csv", "line_number": 3 }),
                json!({ "time": "2026-01-01T00:00:09Z", "device": "dev-5", "value": null, "file": "a.csv", "line_number": 7 }),
            ]
        );
        assert_eq!(
            rejects(&all),
            [
                ("a.csv:5".to_owned(), "`value` is \"hot\", which is not a number".to_owned()),
                ("a.csv:6".to_owned(), "the record has 2 cells, not 3 cells".to_owned()),
            ]
        );
        assert_eq!(all.watermarks.last(), Some(&1_767_225_604_000_000));
    }
}

#[test]
fn the_schema_is_what_the_head_looks_like() {
    let folder = folder(&[
        ("semi.csv", b"\xef\xbb\xbft;n;x;ok;id\r\n2024-01-01;1;1.5;true;007\r\n\r\n2024-01-02;2;2;false;008\r\n"),
        ("plain.csv", b"1,a\n2,b\n"),
        ("tab.tsv", b"a\tb\n1\tNA\n2\t3\n"),
        ("rows.jsonl", b"{\"a\": 1, \"n\": {\"x\": [1.5]}}\n{\"b\": true}\n"),
        ("app.log", b"one\r\ntwo"),
    ]);
    let types = |params: Value| -> Vec<String> {
        let schema = harness(folder.path(), params).schema_of("rows");
        schema.fields().iter().map(|field| format!("{} {}", field.name(), field.data_type())).collect()
    };
    assert_eq!(
        types(json!({ "path": "semi.csv" })),
        ["t Timestamp(µs, \"+00:00\")", "n Int64", "x Float64", "ok Boolean", "id Utf8"]
    );
    assert_eq!(types(json!({ "path": "plain.csv", "header": false })), ["column_1 Int64", "column_2 Utf8"]);
    assert_eq!(types(json!({ "path": "tab.tsv" })), ["a Int64", "b Utf8"]);
    assert_eq!(types(json!({ "path": "tab.tsv", "null_values": ["NA"] })), ["a Int64", "b Int64"]);
    assert_eq!(types(json!({ "path": "app.log" })), ["line Utf8"]);
    let nested = types(json!({ "path": "rows.jsonl" }));
    assert_eq!((nested.len(), nested[0].as_str(), nested[2].as_str()), (3, "a Int64", "b Boolean"));
    for (path, num_rows) in [("semi.csv", 2), ("tab.tsv", 2), ("rows.jsonl", 2), ("app.log", 2)] {
        assert_eq!(drain(&harness(folder.path(), json!({ "path": path })), 10).rows_at("rows"), num_rows, "{path}");
    }
    assert_eq!(drain(&harness(folder.path(), json!({ "path": "plain.csv", "header": false })), 1).rows_at("rows"), 2);
}

#[test]
fn every_format_and_compression_goes_on_after_a_restart_as_if_nothing_had_been() {
    let mut csv = String::from("n,s\n");
    let mut ndjson = String::new();
    for n in 0..500 {
        let cell = if n % 50 == 7 { "bad".to_owned() } else { n.to_string() };
        csv.push_str(&format!("{cell},\"text {n}\"\n"));
        ndjson.push_str(&format!("{{\"n\": \"{cell}\", \"s\": \"text {n}\"}}\n"));
    }
    let folder = folder(&[
        ("a/1.csv", csv.as_bytes()),
        ("a/2.csv.gz", &compressed(&csv, Compression::Gzip)),
        ("a/3.ndjson.zst", &compressed(&ndjson, Compression::Zstd)),
        ("a/.hidden.csv", b"x\n"),
        ("a/readme", b"no rows\n"),
    ]);
    let params = json!({ "path": "a", "columns": [{ "name": "n", "type": "integer" }, { "name": "s" }] });
    let harness = harness(folder.path(), params);
    let all = drain(&harness, 8_192);
    assert_eq!((all.rows_at("rows"), all.rows_at("rejected")), (1_470, 30));
    for (batch_size, first_rows) in [(1, 1), (7, 300), (64, 750), (1_000, 1_200)] {
        let parts = drain_in_two_runs(&harness, batch_size, first_rows);
        assert_eq!(parts.json("rows"), all.json("rows"), "batches of {batch_size}");
        assert_eq!(rejects(&parts), rejects(&all));
    }
}

#[test]
fn parquet_is_read_with_its_own_types_and_goes_on_at_its_row() {
    let folder = folder(&[]);
    for (name, start) in [("1.parquet", 0), ("2.parquet", 100)] {
        let column: arrow::array::ArrayRef = Arc::new(Int64Array::from_iter_values(start..start + 100));
        let batch = RecordBatch::try_from_iter([("n", column)]).expect("a batch");
        write_parquet(&folder.path().join(name), &batch);
    }
    let harness = harness(folder.path(), json!({ "path": "*.parquet" }));
    for (batch_size, first_rows) in [(1, 50), (33, 120), (1_000, 1)] {
        let rows = drain_in_two_runs(&harness, batch_size, first_rows).port("rows").expect("rows");
        let numbers: Vec<i64> = rows.column(0).as_primitive::<Int64Type>().values().to_vec();
        assert_eq!(numbers, (0..200).collect::<Vec<_>>(), "batches of {batch_size}");
    }
}

#[test]
fn a_zoned_time_is_utc_inside_and_may_be_the_event_time() {
    let folder = folder(&[("times.csv", b"at,n\n2026-01-01T02:00:00+02:00,1\n2026-01-01T00:00:01,2\n")]);
    let times = TimestampMillisecondArray::from(vec![1_767_225_600_000, 1_767_225_601_000]).with_timezone("+02:00");
    let batch = RecordBatch::try_from_iter([("at", Arc::new(times) as ArrayRef)]).expect("a batch");
    write_parquet(&folder.path().join("times.parquet"), &batch);
    for path in ["times.csv", "times.parquet"] {
        let harness = harness(folder.path(), json!({ "path": path, "event_time": "at" }));
        let schema = harness.schema_of("rows");
        assert_eq!(millrace_model::event_time::event_time_column(&schema), Some("at"));
        let DataType::Timestamp(_, Some(zone)) = schema.field(0).data_type() else { panic!("a zoned time") };
        assert_eq!(zone.as_ref(), millrace_model::event_time::UTC);
        let rows = drain(&harness, 10).json("rows");
        let times: Vec<&Value> = rows.iter().map(|row| &row["at"]).collect();
        assert_eq!(times, ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"], "{path}");
    }
}

fn write_parquet(path: &Path, batch: &RecordBatch) {
    let file = fs::File::create(path).expect("a file");
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(batch).expect("rows");
    writer.close().expect("a footer");
}

#[test]
fn columns_that_nobody_reads_are_left_out_of_every_format_and_must_fit_all_the_same() {
    let texts = StringArray::from(vec!["a", "b", "c"]);
    let numbers = Int64Array::from(vec![1, 2, 3]);
    let batch = RecordBatch::try_from_iter([
        ("s", Arc::new(texts.clone()) as ArrayRef),
        ("n", Arc::new(numbers) as ArrayRef),
        ("t", Arc::new(texts) as ArrayRef),
    ])
    .expect("a batch");
    let folder = folder(&[
        ("rows.csv", b"s,n,t\na,1,a\nx,no,x\nb,2,b\nc,3,c\n"),
        (
            "rows.ndjson",
            b"{\"s\":\"a\",\"n\":1,\"t\":\"a\"}\n{\"n\":[1]}\n{\"s\":\"b\",\"n\":2}\n{\"s\":\"c\",\"n\":3}\n",
        ),
    ]);
    write_parquet(&folder.path().join("rows.parquet"), &batch);
    let columns = json!([{ "name": "s" }, { "name": "n", "type": "integer" }, { "name": "t" }]);
    for (path, columns, num_rejected) in
        [("rows.csv", &columns, 1), ("rows.ndjson", &columns, 1), ("rows.parquet", &json!([]), 0)]
    {
        let params = json!({ "path": path, "columns": columns, "add_position": true });
        for (read, last) in [(Columns::named(["s"]), json!("c")), (Columns::named(["s", "line_number"]), json!("c"))] {
            let harness = harness(folder.path(), params.clone()).reading(&read);
            let all = drain(&harness, 2);
            assert_eq!((all.rows_at("rows"), all.rows_at("rejected")), (3, num_rejected), "{path}");
            let row = all.json("rows").pop().expect("a row");
            assert_eq!(row["s"], last);
            assert_eq!(row.as_object().map(serde_json::Map::len), Some(harness.schema_of("rows").fields().len()));
        }
        let harness = harness(folder.path(), params).reading(&Columns::named(["file"]));
        assert_eq!(drain(&harness, 2).json("rows")[2], json!({ "file": path }));
    }
    // A column of another type is read to see whether it can be cast.
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["no"]));
    let other =
        RecordBatch::try_from_iter([("s", texts.clone()), ("n", texts.clone()), ("t", texts)]).expect("a batch");
    write_parquet(&folder.path().join("rows_2.parquet"), &other);
    let harness = harness(folder.path(), json!({ "path": "*.parquet" })).reading(&Columns::named(["s"]));
    let mut source = harness.source();
    ready(source.open()).expect("open");
    let mut output = Output::default();
    let error = loop {
        let mut cx = SourceContext { output: &mut output, batch_size: 10, crew: Crew::Inline };
        match ready(source.next(&mut cx)) {
            Ok(event) => assert_ne!(event, SourceEvent::End),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().starts_with("column `n` of `rows_2.parquet` is Utf8, not Int64"), "{error}");
}

#[test]
fn a_compressed_file_that_is_cut_off_gives_its_rows_and_then_a_clear_error() {
    let mut csv = String::from("n\n");
    let mut mixed = 1_u64;
    for _ in 0..50_000 {
        mixed = mixed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        csv.push_str(&format!("{}\n", mixed >> 20));
    }
    let whole = compressed(&csv, Compression::Gzip);
    let folder = folder(&[("cut.csv.gz", &whole[..whole.len() / 2])]);
    let harness = harness(folder.path(), json!({ "path": "cut.csv.gz" }));
    let mut source = harness.source();
    ready(source.open()).expect("open");
    let mut output = Output::default();
    let mut num_rows = 0;
    let error = loop {
        let event =
            ready(source.next(&mut SourceContext { output: &mut output, batch_size: 1_000, crew: Crew::Inline }));
        for emitted in output.take() {
            if let millrace_operator::output::Emitted::Batch(0, batch) = emitted {
                num_rows += batch.num_rows();
            }
        }
        match event {
            Ok(SourceEvent::More) => {}
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert!(num_rows > 10_000, "{num_rows}");
    assert!(error.to_string().starts_with("`cut.csv.gz` ends early"), "{error}");
}

#[test]
fn what_is_wrong_with_a_path_is_said_in_one_sentence() {
    let folder = folder(&[
        ("readings.csv", b"a\n1\n"),
        ("data", b"a\n1\n"),
        ("empty.csv", b""),
        ("wide.csv", b"\xff\xfea\0\n\0"),
    ]);
    let said = |params: Value| problem(folder.path(), params);
    assert_eq!(said(json!({ "path": "reading.csv" })), "There is no file `reading.csv`. Did you mean `readings.csv`?");
    assert_eq!(said(json!({ "path": "*.parquet" })), "No file matches `*.parquet`.");
    assert_eq!(said(json!({ "path": "data" })), "The name `data` does not say what the file holds. Choose a format.");
    assert!(said(json!({ "path": "no/such.csv" })).contains("is not there either"));
    assert_eq!(
        said(json!({ "path": "empty.csv" })),
        "`empty.csv` is empty: there is no record to read the columns from."
    );
    assert_eq!(said(json!({ "path": "wide.csv" })), "`wide.csv` is UTF-16 text; save it as UTF-8.");
    assert!(said(json!({ "path": "readings.csv", "format": "parquet" })).starts_with("`readings.csv` cannot be read:"));
    assert!(said(json!({ "path": "readings.csv", "event_time": "b" })).contains("no column `b`"));
    assert!(said(json!({ "path": "readings.csv", "event_time": "a" })).contains("not times"));
    assert!(said(json!({ "path": "readings.csv", "delimiter": ",," })).contains("one plain character"));
    assert!(
        said(json!({ "path": "readings.csv", "columns": [{ "name": "a" }, { "name": "a" }] })).contains("two columns")
    );
}

#[test]
fn on_error_fails_or_gives_nulls_where_that_is_asked_for() {
    let folder = folder(&[("a.csv", b"n\n1\nx\n3\n"), ("b.csv", b"n\n1\n"), ("c.csv", b"m\n1\n")]);
    let params = |path: &str, on_error: &str| json!({ "path": path, "on_error": on_error, "columns": [{ "name": "n", "type": "integer" }] });
    let nulls = drain(&harness(folder.path(), params("a.csv", "null")), 10).port("rows").expect("rows");
    assert_eq!(nulls.column(0).as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [Some(1), None, Some(3)]);
    let failure = |params: Value| {
        let harness = harness(folder.path(), params);
        ready(harness.drain(harness.source().as_mut(), 10, usize::MAX)).expect_err("a failure").to_string()
    };
    assert_eq!(failure(params("a.csv", "fail")), "a.csv:3: `n` is \"x\", which is not a whole number");
    // Only the first file of several is looked at before the run.
    assert_eq!(failure(params("[bc].csv", "reject")), "`c.csv` has no column `n`; its first record says: m");
}

#[test]
fn a_watched_folder_gives_appended_lines_and_new_files_and_files_that_begin_anew() {
    let folder = folder(&[("logs/a.log", b"one\ntwo")]);
    let harness = harness(folder.path(), json!({ "path": "logs", "format": "lines", "watch": true }));
    let mut source = harness.source();
    ready(source.open()).expect("open");
    let mut seen: Vec<String> = Vec::new();
    let mut wait_for = |source: &mut dyn Source, wanted: &[&str]| {
        // The system tells of changes when it likes: ask until the rows are there.
        for _ in 0..1_000 {
            let (batches, event) = poll(source);
            assert!(matches!(event, SourceEvent::Idle(_)), "a watched folder has no end");
            for batch in batches {
                seen.extend(batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned));
            }
            if seen.len() >= wanted.len() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert_eq!(seen, wanted);
    };
    let append = |name: &str, text: &str| {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(folder.path().join(name)).expect("a file");
        file.write_all(text.as_bytes()).expect("appended");
    };
    wait_for(source.as_mut(), &["one"]);
    append("logs/a.log", " and a half\nthree\n");
    wait_for(source.as_mut(), &["one", "two and a half", "three"]);
    append("logs/b.log", "four\n");
    wait_for(source.as_mut(), &["one", "two and a half", "three", "four"]);
    let state = source.snapshot().expect("a snapshot");
    append("logs/b.log", "five\n");
    // A restored source finds what came while nobody looked.
    let mut source = harness.source();
    source.restore(&state).expect("a restore");
    ready(source.open()).expect("open");
    wait_for(source.as_mut(), &["one", "two and a half", "three", "four", "five"]);
    fs::write(folder.path().join("logs/a.log"), "anew\n").expect("a file");
    wait_for(source.as_mut(), &["one", "two and a half", "three", "four", "five", "anew"]);
}

#[test]
fn a_quote_that_swallows_megabytes_is_cut_at_its_line() {
    let mut text = String::from("a,b\n1,\"open\n");
    for n in 0..600_000 {
        text.push_str(&format!("{n},{n}\n"));
    }
    let folder = folder(&[("a.csv", text.as_bytes())]);
    let columns = json!([{ "name": "a", "type": "integer" }, { "name": "b" }]);
    let all = drain(&harness(folder.path(), json!({ "path": "a.csv", "columns": columns })), 8_192);
    assert_eq!((all.rows_at("rows"), all.rows_at("rejected")), (600_000, 1));
    assert_eq!(rejects(&all)[0].0, "a.csv:2");
}

/// Ids, or the lines of rejects, in the order in which they came, with a restart after `num_calls` calls.
fn read_by(crew: Crew, harness: &Harness, batch_size: usize, num_calls: usize) -> Vec<(usize, String)> {
    let mut seen = Vec::new();
    let mut read = |source: &mut dyn Source, num_calls: usize| {
        let mut output = Output::default();
        wait_for(source.open()).expect("it opens");
        for _ in 0..num_calls {
            let mut cx = SourceContext { output: &mut output, batch_size, crew };
            let event = wait_for(source.next(&mut cx)).expect("no failure");
            for emitted in output.take() {
                if let millrace_operator::output::Emitted::Batch(port, batch) = emitted {
                    let column = if port == 0 { LINE_COLUMN } else { "position" };
                    let column = batch.column_by_name(column).expect("it is there");
                    let texts = arrow::compute::cast(column, &DataType::Utf8).expect("a text");
                    seen.extend(texts.as_string::<i32>().iter().flatten().map(|text| (port, text.to_owned())));
                }
            }
            if event != SourceEvent::More {
                return;
            }
        }
    };
    let mut source = harness.source();
    read(source.as_mut(), num_calls);
    let state = source.snapshot().expect("a snapshot");
    let mut source = harness.source();
    source.restore(&state).expect("the snapshot is read");
    read(source.as_mut(), usize::MAX);
    seen
}

#[test]
fn read_ahead_on_all_cores_gives_what_one_chunk_after_the_other_gives() {
    let mut text = String::from("\u{feff}");
    for n in 0..120_000 {
        match n % 1_000 {
            7 => text.push_str("{\"id\": \"x\"}\n"),
            8 => text.push('\n'),
            _ => text.push_str(&format!("{{\"id\": {n}, \"name\": \"a name that takes some room\"}}\r\n")),
        }
    }
    text.push_str("{\"id\": 120000}");
    let folder = folder(&[("lines.ndjson", text.as_bytes())]);
    let params = json!({
        "path": "lines.ndjson",
        "columns": [{"name": "id", "type": "integer"}, {"name": "name", "type": "text"}],
        "add_position": true,
    });
    let harness = harness(folder.path(), params);
    let expected = |port: usize| {
        let is_there = move |n: &usize| if port == 1 { n % 1_000 == 7 } else { !matches!(n % 1_000, 7 | 8) };
        let place = move |n: usize| if port == 1 { format!("lines.ndjson:{}", n + 1) } else { (n + 1).to_string() };
        (0..=120_000).filter(is_there).map(place)
    };
    for (crew, batch_size, num_calls) in
        [(Crew::Inline, 8_192, 3), (Crew::Cores, 8_192, 3), (Crew::Cores, 100, 250), (Crew::Cores, 1_000_000, 0)]
    {
        let seen = read_by(crew, &harness, batch_size, num_calls);
        for port in 0..2 {
            let of_port = seen.iter().filter(|(at, _)| *at == port).map(|(_, text)| text);
            assert!(of_port.eq(expected(port).collect::<Vec<_>>().iter()), "{crew:?} {batch_size} {num_calls} {port}");
        }
    }
}

#[test]
fn progress_never_falls_and_ends_at_one_unless_the_end_is_not_known() {
    let text: String = std::iter::once("n\n".to_owned()).chain((0..2_000).map(|n| format!("{n}\n"))).collect();
    let packed = compressed(&text, Compression::Gzip);
    let folder = folder(&[
        ("one.csv", text.as_bytes()),
        ("many/1.csv", text.as_bytes()),
        ("many/2.csv", text.as_bytes()),
        ("mixed/1.csv", text.as_bytes()),
        ("mixed/2.csv.gz", &packed),
        ("packed.csv.gz", &packed),
    ]);
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..2_000));
    write_parquet(&folder.path().join("rows.parquet"), &RecordBatch::try_from_iter([("n", column)]).expect("a batch"));
    let shares = |path: &str| {
        let mut source = harness(folder.path(), json!({ "path": path })).source();
        ready(source.open()).expect("open");
        let mut shares = vec![source.progress()];
        let mut output = Output::default();
        let mut context = SourceContext { output: &mut output, batch_size: 100, crew: Crew::Inline };
        while ready(source.next(&mut context)).expect("no failure") == SourceEvent::More {
            shares.push(source.progress());
        }
        shares.push(source.progress());
        shares
    };
    for path in ["one.csv", "many/*.csv", "mixed/*", "rows.parquet"] {
        let shares: Vec<f64> = shares(path).into_iter().map(|share| share.expect("the end is known")).collect();
        assert!(shares.is_sorted(), "{path}: {shares:?}");
        assert!(shares.iter().any(|share| (0.2..0.8).contains(share)), "{path}: {shares:?}");
        assert_eq!((shares[0], shares.last()), (0.0, Some(&1.0)), "{path}");
    }
    let packed = shares("packed.csv.gz");
    assert!(packed[1..packed.len() - 1].iter().all(Option::is_none), "{packed:?}");
}

#[test]
fn a_file_that_is_shorter_than_what_was_read_of_it_is_not_taken_for_read() {
    let text: String = std::iter::once("n\n".to_owned()).chain((0..500).map(|n| format!("{n}\n"))).collect();
    let folder = folder(&[("a.csv", text.as_bytes())]);
    let harness = harness(folder.path(), json!({ "path": "a.csv" }));
    let next = |source: &mut dyn Source| {
        let mut output = Output::default();
        ready(source.next(&mut SourceContext { output: &mut output, batch_size: 100, crew: Crew::Inline }))
    };
    let mut source = harness.source();
    ready(source.open()).expect("open");
    next(source.as_mut()).expect("rows");
    let position = source.snapshot().expect("a position");
    fs::write(folder.path().join("a.csv"), "n\n1\n").expect("the file is cut");
    let mut source = harness.source();
    source.restore(&position).expect("it fits");
    ready(source.open()).expect("open");
    let error = next(source.as_mut()).expect_err("the rest is not there").to_string();
    assert!(error.contains("`a.csv` is shorter than what was read of it"), "{error}");
}

#[test]
fn a_file_whose_name_promises_compression_that_is_not_there_is_told() {
    let files: [(&str, &[u8]); 5] = [
        ("a.csv.gz", b"t,v\n1,2\n"),
        ("b.csv.zst", b"t,v\n1,2\n"),
        ("c.csv.gz", &compressed("t,v\n1,2\n", Compression::Zstd)),
        ("d.csv.gz", b""),
        ("e.csv", b"t,v\n1,2\n"),
    ];
    let folder = folder(&files);
    for (name, noun) in [("a.csv.gz", "gzip"), ("b.csv.zst", "zstd")] {
        let said = problem(folder.path(), json!({ "path": name }));
        assert_eq!(
            said,
            format!(
                "`{name}` cannot be read: it is not {noun}, although its name says so; rename it or compress it anew."
            )
        );
        // With columns the head is not needed for the schema, and it is told in the run.
        let params = json!({ "path": name, "format": "ndjson", "columns": [{ "name": "t" }] });
        let mut source = harness(folder.path(), params).source();
        let error = ready(async {
            source.open().await?;
            let cx = &mut SourceContext { output: &mut Output::default(), batch_size: 100, crew: Crew::Inline };
            source.next(cx).await
        });
        assert!(error.is_err_and(|error| error.to_string().contains("although its name says so")));
    }
    for name in ["c.csv.gz", "e.csv"] {
        assert_eq!(drain(&harness(folder.path(), json!({ "path": name })), 100).rows_at("rows"), 1, "{name}");
    }
}

#[test]
fn a_given_column_that_the_header_has_not_is_found_before_the_run() {
    let folder = folder(&[("a.csv", b"time,value\n2026-01-01,1\n")]);
    let params = json!({ "path": "a.csv", "columns": [{ "name": "time" }, { "name": "valu" }] });
    assert_eq!(
        problem(folder.path(), params.clone()),
        "`a.csv` has no column `valu`; its first record says: time, value. Name the columns as the file does, or take \
         them out of *Columns*."
    );
    for changes in [json!({ "on_error": "null" }), json!({ "header": false })] {
        let mut params = params.clone();
        params.as_object_mut().expect("params").extend(changes.as_object().expect("params").clone());
        harness(folder.path(), params);
    }
}

#[test]
fn times_that_say_no_zone_are_of_the_given_one() {
    let folder = folder(&[
        ("a.csv", b"t,n\n2026-07-01 12:00:00,1\n2026-07-01T12:00:00Z,2\n2026-07-01 12:00:00+05:00,3\n2026-01-01,4\n"),
        ("b.ndjson", b"{\"t\":\"2026-07-01 12:00:00\",\"l\":[\"2026-07-01T12:00:00\"]}\n{\"t\":\"2026-07-01T12:00:00Z\",\"l\":[]}\n"),
    ]);
    let times = |params: Value| -> Vec<Value> {
        let all = drain(&harness(folder.path(), params), 100);
        all.json("rows").iter().map(|row| row["t"].clone()).collect()
    };
    assert_eq!(
        times(json!({ "path": "a.csv", "time_zone": "Europe/Berlin" })),
        ["2026-07-01T10:00:00Z", "2026-07-01T12:00:00Z", "2026-07-01T07:00:00Z", "2025-12-31T23:00:00Z"]
    );
    assert_eq!(times(json!({ "path": "a.csv" }))[0], "2026-07-01T12:00:00Z");
    for path in ["b.ndjson", "a.csv"] {
        let given = times(json!({ "path": path, "time_zone": "-01:00" }));
        assert_eq!(given[..2], ["2026-07-01T13:00:00Z", "2026-07-01T12:00:00Z"], "{path}");
    }
    let said = problem(folder.path(), json!({ "path": "a.csv", "time_zone": "Europe/Berln" }));
    assert!(said.starts_with("There is no time zone `Europe/Berln`. Did you mean `Europe/Berlin`?"), "{said}");
}

#[test]
fn the_source_is_idle_after_the_time_that_is_given() {
    let folder = folder(&[("a.csv", b"t\n2026-07-01\n")]);
    let idle = |params: Value| harness(folder.path(), params).source().idle_timeout().expect("a time").as_secs();
    assert_eq!(idle(json!({ "path": "a.csv" })), 30);
    assert_eq!(idle(json!({ "path": "a.csv", "idle_timeout": "5 min" })), 300);
    assert!(problem(folder.path(), json!({ "path": "a.csv", "idle_timeout": "0 s" })).contains("windows"));
}
