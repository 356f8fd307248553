use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::format::compression;
use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema};
use millrace_model::event_time::{UTC, timestamp_type};
use millrace_operator::harness::{Harness, assert_node_contract, rows_as_json};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("time", timestamp_type(), true),
        Field::new("name", DataType::Utf8, true),
        Field::new("v", DataType::Float64, true),
    ]))
}

fn rows(range: std::ops::Range<i64>) -> RecordBatch {
    let names: StringArray = range.clone().map(|n| (n != 2).then(|| format!("a,\"{n}\""))).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(TimestampMicrosecondArray::from_iter_values(range.clone().map(|n| n * 1_500_000)).with_timezone(UTC)),
        Arc::new(names),
        Arc::new(Float64Array::from_iter_values(range.map(|n| n as f64 / 3.0))),
    ];
    RecordBatch::try_new(schema(), columns).expect("rows")
}

fn sink(folder: &Path, params: Value) -> Box<dyn Sink> {
    Harness::in_folder::<StoreFile>(params, &[schema()], folder).sink()
}

fn text_of(path: &Path) -> String {
    let mut text = String::new();
    compression::open(path, 0).and_then(|mut reader| reader.read_to_string(&mut text)).expect("text");
    text
}

fn rows_of(path: &Path) -> Vec<Value> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).expect("a file")).expect("Parquet");
    reader.build().expect("a reader").flat_map(|batch| rows_as_json(&batch.expect("rows"))).collect()
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

const CSV: &str = "time,name,v\n\
    1970-01-01T00:00:00Z,\"a,\"\"0\"\"\",0.0\n\
    1970-01-01T00:00:01.500Z,\"a,\"\"1\"\"\",0.3333333333333333\n\
    1970-01-01T00:00:03Z,,0.6666666666666666\n";

#[test]
fn the_contract_holds() {
    assert_node_contract::<StoreFile>(json!({ "path": "out/rows.csv.gz" }), &[schema()]);
}

#[test]
fn a_csv_file_appears_whole_at_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("out/rows.csv");
    let mut sink = sink(folder.path(), json!({ "path": "out/rows.csv" }));
    sink.open().expect("open");
    for n in 0..3 {
        sink.write(&rows(n..n + 1)).expect("write");
    }
    sink.write(&RecordBatch::new_empty(schema())).expect("no rows");
    assert!(!path.exists(), "nothing is seen before the end");
    sink.finish().expect("finish");
    assert_eq!(text_of(&path), CSV);
    assert_eq!(names_in(&folder.path().join("out")), ["rows.csv"]);
}

#[test]
fn json_keeps_nulls_and_a_file_without_rows_is_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut written = sink(folder.path(), json!({ "path": "rows.ndjson" }));
    written.open().expect("open");
    written.write(&rows(2..3)).expect("write");
    written.finish().expect("finish");
    assert_eq!(
        text_of(&folder.path().join("rows.ndjson")),
        "{\"time\":\"1970-01-01T00:00:03Z\",\"name\":null,\"v\":0.6666666666666666}\n"
    );
    for (path, text) in [("e.csv", "time,name,v\n"), ("e.jsonl.zst", "")] {
        let mut empty = sink(folder.path(), json!({ "path": path }));
        empty.open().expect("open");
        empty.finish().expect("finish");
        assert_eq!(text_of(&folder.path().join(path)), text, "{path}");
    }
    let mut empty = sink(folder.path(), json!({ "path": "e.parquet" }));
    empty.open().expect("open");
    empty.finish().expect("finish");
    assert!(rows_of(&folder.path().join("e.parquet")).is_empty());
}

#[test]
fn a_failed_run_leaves_what_was_there_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["rows.csv", "rows.parquet"] {
        let path = folder.path().join(name);
        fs::write(&path, "precious").expect("a file");
        let mut sink = sink(folder.path(), json!({ "path": name }));
        sink.open().expect("open");
        sink.write(&rows(0..3)).expect("write");
        sink.prepare().expect("prepare");
        sink.write(&rows(0..3)).expect("write");
        sink.abort();
        assert_eq!(fs::read_to_string(&path).expect("text"), "precious");
        fs::remove_file(&path).expect("removed");
        assert!(names_in(folder.path()).is_empty());
    }
}

#[test]
fn a_restored_file_holds_each_row_once() {
    for name in ["rows.csv", "rows.csv.gz", "rows.ndjson.zst", "rows.parquet"] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        let contents = || if name.ends_with("parquet") { json!(rows_of(&path)) } else { json!(text_of(&path)) };
        let mut whole = sink(folder.path(), json!({ "path": name }));
        whole.open().expect("open");
        whole.write(&rows(0..9)).expect("write");
        whole.finish().expect("finish");
        let expected = contents();

        fs::remove_file(&path).expect("removed");
        let mut first = sink(folder.path(), json!({ "path": name }));
        first.open().expect("open");
        first.write(&rows(0..3)).expect("write");
        let early = first.prepare().expect("prepare");
        first.commit(&early).expect("commit");
        first.write(&rows(3..6)).expect("write");
        let prepared = first.prepare().expect("prepare");
        first.commit(&prepared).expect("commit");
        first.write(&rows(6..8)).expect("write");
        drop(first); // as by kill -9: what follows the checkpoint is on the disk, or not

        let mut second = sink(folder.path(), json!({ "path": name }));
        second.restore(&prepared).expect("restore");
        second.open().expect("open");
        second.commit(&prepared).expect("a second commit does nothing");
        second.write(&rows(6..9)).expect("write");
        let last = second.prepare().expect("prepare");
        second.finish().expect("finish");
        assert_eq!(contents(), expected, "{name}");
        assert_eq!(second.status(), Some(format!("9 rows for {name}")));
        assert_eq!(names_in(folder.path()), [name]);

        // The run had ended, but nobody had noted it.
        for (state, from) in [(&last, 9), (&prepared, 6)] {
            let mut third = sink(folder.path(), json!({ "path": name }));
            third.restore(state).expect("restore");
            third.open().expect("open");
            third.write(&rows(from..9)).expect("write");
            third.finish().expect("finish");
            assert_eq!(contents(), expected, "{name} again");
        }
    }
}

#[test]
fn an_existing_file_is_refused_or_added_to_where_that_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rows.csv");
    fs::write(&path, "time,name,v\n1969-12-31T00:00:00Z,old,1").expect("a file");
    let error = sink(folder.path(), json!({ "path": "rows.csv", "if_exists": "fail" })).open().expect_err("refused");
    assert_eq!(error.to_string(), "`rows.csv` is there already; remove it, or let it be replaced");

    let mut added = sink(folder.path(), json!({ "path": "rows.csv", "if_exists": "append" }));
    added.open().expect("open");
    added.write(&rows(2..3)).expect("write");
    added.finish().expect("finish");
    assert_eq!(text_of(&path), "time,name,v\n1969-12-31T00:00:00Z,old,1\n1970-01-01T00:00:03Z,,0.6666666666666666\n");

    fs::write(&path, "a,b\n").expect("a file");
    let error = sink(folder.path(), json!({ "path": "rows.csv", "if_exists": "append" })).open().expect_err("refused");
    assert!(error.to_string().contains("its columns are a, b"), "{error}");
    // What stands in the way may have come after the look at it.
    let mut sink = sink(folder.path(), json!({ "path": "later/below.csv" }));
    fs::write(folder.path().join("later"), "").expect("a file");
    let error = sink.open().expect_err("no folder");
    assert!(error.to_string().starts_with("`later/below.csv` cannot be made"), "{error}");
}

#[test]
fn what_cannot_be_written_is_a_diagnostic() {
    let nested: SchemaRef =
        Arc::new(Schema::new(vec![Field::new("l", DataType::new_list(DataType::Int64, true), true)]));
    for (params, param) in [
        (json!({ "path": "x" }), "format"),
        (json!({ "path": "x.log" }), "format"),
        (json!({ "path": "x.csv" }), "format"),
        (json!({ "path": "x.parquet", "if_exists": "append" }), "if_exists"),
    ] {
        let problems = Harness::try_new::<StoreFile>(params, std::slice::from_ref(&nested)).err().expect("a problem");
        assert_eq!(problems[0].param, param);
    }
    // What CSV cannot show, JSON and Parquet can.
    let list: ArrayRef = Arc::new(arrow::array::ListArray::from_iter_primitive::<arrow::datatypes::Int64Type, _, _>([
        Some(vec![Some(1), None]),
    ]));
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["x.json", "x.parquet"] {
        let harness =
            Harness::in_folder::<StoreFile>(json!({ "path": name }), std::slice::from_ref(&nested), folder.path());
        let mut sink = harness.sink();
        sink.open().expect("open");
        sink.write(&RecordBatch::try_new(nested.clone(), vec![list.clone()]).expect("a batch")).expect("write");
        sink.finish().expect("finish");
    }
    assert_eq!(text_of(&folder.path().join("x.json")), "{\"l\":[1,null]}\n");
    assert_eq!(rows_of(&folder.path().join("x.parquet")), [json!({ "l": [1, null] })]);
}

#[test]
fn a_full_disk_is_named_for_what_it_is() {
    // Writing to /dev/full fails as a full disk does.
    let target = Target::new("/dev/full".into(), "rows.csv".to_owned()).expect("a name");
    let Ok(mut file) = fs::OpenOptions::new().write(true).open(&target.path) else { return };
    let error = std::io::Write::write_all(&mut file, b"row").expect_err("full");
    assert!(target.cannot_write(error).to_string().contains("`rows.csv` cannot be written: the disk is full"));
}

#[test]
fn whole_numbers_and_their_limits_survive_the_text() {
    let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
    let folder = tempfile::tempdir().expect("a folder");
    let harness = Harness::in_folder::<StoreFile>(
        json!({ "path": "n.csv", "header": false }),
        std::slice::from_ref(&schema),
        folder.path(),
    );
    let mut sink = harness.sink();
    sink.open().expect("open");
    let column = Int64Array::from(vec![Some(i64::MIN), None, Some(i64::MAX)]);
    sink.write(&RecordBatch::try_new(schema, vec![Arc::new(column)]).expect("a batch")).expect("write");
    sink.finish().expect("finish");
    assert_eq!(text_of(&folder.path().join("n.csv")), format!("{}\n\"\"\n{}\n", i64::MIN, i64::MAX));
}

#[test]
fn a_place_where_nothing_can_be_written_is_told_before_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("plain"), "text").expect("a file");
    fs::create_dir(folder.path().join("out.csv")).expect("a folder");
    let said = |path: &str| {
        let node_type = millrace_operator::node::erase::<StoreFile>();
        let problems = Harness::of(node_type, json!({ "path": path }), &[schema()], folder.path().to_owned()).err();
        problems.map(|problems| problems[0].message.clone())
    };
    assert_eq!(said("out.csv").as_deref(), Some("`out.csv` cannot be written: it is a folder; name a file."));
    let under_a_file = said("plain/deep/out.csv").expect("refused");
    assert!(under_a_file.ends_with("plain` is a file and no folder; choose another path."), "{under_a_file}");
    for path in ["new.csv", "deep/er/new.csv", "plain.csv"] {
        assert_eq!(said(path), None, "{path}");
    }
    assert_eq!(names_in(folder.path()).len(), 2, "looking makes nothing");
    let node_type = millrace_operator::node::erase::<crate::store::sqlite::StoreSqlite>();
    let params = json!({ "path": "plain/rows.db", "table": "rows" });
    let problems = Harness::of(node_type, params, &[schema()], folder.path().to_owned()).err().expect("refused");
    assert!(problems[0].message.contains("is a file and no folder"), "{problems:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let locked = folder.path().join("locked");
        fs::create_dir(&locked).expect("a folder");
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).expect("rights");
        // Root may write anywhere.
        let may_write = fs::write(locked.join("probe"), "").is_ok();
        let said = said("locked/new.csv");
        assert_eq!(said.is_some_and(|said| said.contains("this user may not write")), !may_write);
    }
}

#[test]
fn json_writes_what_is_no_number_as_a_text_that_is_read_as_one_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut sink = sink(folder.path(), json!({ "path": "rows.ndjson" }));
    let mut columns = rows(0..4).columns().to_vec();
    columns[2] = Arc::new(Float64Array::from(vec![Some(f64::NAN), Some(f64::NEG_INFINITY), None, Some(0.5)]));
    sink.open().expect("opens");
    sink.write(&RecordBatch::try_new(schema(), columns).expect("rows")).expect("writes");
    sink.finish().expect("finishes");
    let text = text_of(&folder.path().join("rows.ndjson"));
    let written: Vec<Value> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["v"].clone()).collect();
    assert_eq!(written, [json!("NaN"), json!("-Infinity"), json!(null), json!(0.5)]);
    let columns = json!([{ "name": "v", "type": "number" }]);
    let read = Harness::in_folder::<crate::ingest::file::File>(
        json!({ "path": "rows.ndjson", "columns": columns }),
        &[],
        folder.path(),
    );
    let all = crate::testing::drain(&read, 100);
    let again = all.port("rows").expect("rows");
    let again = arrow::array::AsArray::as_primitive::<arrow::datatypes::Float64Type>(again.column(0).as_ref());
    assert!(again.value(0).is_nan() && again.value(1) == f64::NEG_INFINITY && again.value(3) == 0.5);
    assert_eq!(arrow::array::Array::null_count(again), 1);
}
