use std::path::Path;
use std::sync::Arc;

use super::*;
use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema};
use millrace_model::event_time::{UTC, timestamp_type};
use millrace_operator::harness::{Harness, assert_node_contract};
use serde_json::{Value, json};

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("time", timestamp_type(), true),
        Field::new("name \"x\"", DataType::Utf8, true),
        Field::new("v", DataType::Float64, true),
        Field::new("ok", DataType::Boolean, true),
    ]))
}

fn rows(ids: std::ops::Range<i64>) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(ids.clone())),
        Arc::new(TimestampMicrosecondArray::from_iter_values(ids.clone().map(|id| id * 500_000)).with_timezone(UTC)),
        Arc::new(ids.clone().map(|id| (id != 1).then(|| format!("n{id}"))).collect::<StringArray>()),
        Arc::new(Float64Array::from_iter_values(ids.clone().map(|id| id as f64 / 4.0))),
        Arc::new(ids.map(|id| Some(id % 2 == 0)).collect::<BooleanArray>()),
    ];
    RecordBatch::try_new(schema(), columns).expect("rows")
}

fn sink(folder: &Path, params: Value) -> Box<dyn Sink> {
    let mut all = json!({ "path": "db.sqlite", "table": "my rows" });
    all.as_object_mut().expect("an object").extend(params.as_object().expect("an object").clone());
    Harness::in_folder::<StoreSqlite>(all, &[schema()], folder).sink()
}

fn query<T: rusqlite::types::FromSql>(folder: &Path, sql: &str) -> Vec<T> {
    let connection = Connection::open(folder.join("db.sqlite")).expect("a database");
    let mut statement = connection.prepare(sql).expect("a query");
    let found = statement.query_map([], |row| row.get(0)).expect("rows");
    found.collect::<Result<_, _>>().expect("values")
}

fn ids(folder: &Path) -> Vec<i64> {
    query(folder, "SELECT id FROM \"my rows\" ORDER BY rowid")
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn the_contract_holds() {
    assert_node_contract::<StoreSqlite>(
        json!({ "path": "a.db", "table": "t", "mode": "upsert", "key": ["id"] }),
        &[schema()],
    );
}

#[test]
fn rows_are_there_with_their_types_after_each_commit() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut sink = sink(folder.path(), json!({}));
    sink.open().expect("open");
    sink.write(&RecordBatch::new_empty(schema())).expect("no rows");
    sink.write(&rows(0..2)).expect("write");
    let prepared = sink.prepare().expect("prepare");
    assert!(query::<i64>(folder.path(), "SELECT 1 FROM sqlite_master").is_empty(), "nothing is seen before the commit");
    sink.commit(&prepared).expect("commit");
    assert_eq!(ids(folder.path()), [0, 1]);
    sink.write(&rows(2..3)).expect("write");
    sink.commit(&prepared).expect("a second commit does nothing");
    assert_eq!(ids(folder.path()), [0, 1]);
    sink.finish().expect("finish");
    assert_eq!(ids(folder.path()), [0, 1, 2]);
    let shown: Vec<String> = query(
        folder.path(),
        "SELECT quote(time) || quote(\"name \"\"x\"\"\") || quote(v) || quote(ok) FROM \"my rows\" ORDER BY id",
    );
    assert_eq!(shown[1], "'1970-01-01T00:00:00.500000Z'NULL0.250");
    assert_eq!(names_in(folder.path()), ["db.sqlite"]);
}

#[test]
fn a_restored_sink_writes_each_row_once_whether_or_not_the_commit_was_reached() {
    for was_committed in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut first = sink(folder.path(), json!({}));
        first.open().expect("open");
        first.write(&rows(0..3)).expect("write");
        let prepared = first.prepare().expect("prepare");
        first.commit(&prepared).expect("commit");
        first.write(&rows(3..6)).expect("write");
        let prepared = first.prepare().expect("prepare");
        if was_committed {
            first.commit(&prepared).expect("commit");
        }
        first.write(&rows(6..8)).expect("write");
        drop(first); // as by kill -9

        let mut second = sink(folder.path(), json!({}));
        second.restore(&prepared).expect("restore");
        second.open().expect("open");
        second.commit(&prepared).expect("commit again");
        assert_eq!(ids(folder.path()), (0..6).collect::<Vec<_>>());
        second.write(&rows(6..9)).expect("write");
        let last = second.prepare().expect("prepare");
        second.finish().expect("finish");
        assert_eq!(ids(folder.path()), (0..9).collect::<Vec<_>>());

        // The run had ended, but nobody had noted it.
        let mut third = sink(folder.path(), json!({}));
        third.restore(&last).expect("restore");
        third.open().expect("open");
        third.finish().expect("finish");
        assert_eq!(ids(folder.path()), (0..9).collect::<Vec<_>>());
    }
}

#[test]
fn append_replace_and_upsert_do_what_they_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |params: Value, ids: std::ops::Range<i64>| {
        let mut sink = sink(folder.path(), params);
        sink.open().expect("open");
        for id in ids {
            sink.write(&rows(id..id + 1)).expect("write");
            let prepared = sink.prepare().expect("prepare");
            sink.commit(&prepared).expect("commit");
        }
        sink.finish().expect("finish");
    };
    run(json!({}), 0..2);
    run(json!({}), 1..3);
    assert_eq!(ids(folder.path()), [0, 1, 1, 2]);
    run(json!({ "mode": "replace" }), 5..8);
    assert_eq!(ids(folder.path()), [5, 6, 7]);
    run(json!({ "mode": "replace" }), 0..0);
    assert!(ids(folder.path()).is_empty());

    let upsert = json!({ "mode": "upsert", "key": ["id"], "table": "keyed" });
    run(upsert.clone(), 0..3);
    query::<i64>(folder.path(), "UPDATE keyed SET v = 99 RETURNING 1");
    run(upsert, 2..4);
    assert_eq!(query::<f64>(folder.path(), "SELECT v FROM keyed ORDER BY id"), [99.0, 99.0, 0.5, 0.75]);
}

#[test]
fn a_failed_run_leaves_the_table_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut aborted = sink(folder.path(), json!({}));
    aborted.open().expect("open");
    aborted.write(&rows(0..3)).expect("write");
    aborted.abort();
    assert!(names_in(folder.path()).is_empty(), "not even an empty database is left");

    let mut done = sink(folder.path(), json!({}));
    done.open().expect("open");
    done.write(&rows(0..1)).expect("write");
    done.finish().expect("finish");
    let mut aborted = sink(folder.path(), json!({ "mode": "replace" }));
    aborted.open().expect("open");
    aborted.write(&rows(5..6)).expect("write");
    aborted.abort();
    assert_eq!(ids(folder.path()), [0]);
}

#[test]
fn a_table_or_file_that_does_not_fit_is_refused_and_named() {
    let folder = tempfile::tempdir().expect("a folder");
    query::<i64>(folder.path(), "CREATE TABLE \"my rows\" (id INTEGER, v REAL)");
    let refusal = |params: Value| sink(folder.path(), params).open().expect_err("refused").to_string();
    assert_eq!(
        refusal(json!({})),
        "table `my rows` of `db.sqlite` has no column `time`, `name \"x\"`, `ok`; it has id, v. \
         Select the columns it has, or write another table"
    );
    query::<i64>(folder.path(), "CREATE TABLE keyless (id, time, \"name \"\"x\"\"\", v, ok)");
    let keyless = refusal(json!({ "table": "keyless", "mode": "upsert", "key": ["id"] }));
    assert!(keyless.contains("table `keyless` of `db.sqlite` cannot take these rows"), "{keyless}");
    std::fs::write(folder.path().join("text.db"), "this is no database, however long it goes on and on")
        .expect("a file");
    let text = refusal(json!({ "path": "text.db" }));
    assert!(text.contains("it is not a SQLite database"), "{text}");
    assert_eq!(std::fs::read_to_string(folder.path().join("text.db")).expect("text").len(), 51);
}

#[test]
fn impossible_params_are_diagnostics() {
    for (params, param) in [
        (json!({ "table": "sqlite_x" }), "table"),
        (json!({ "table": "t", "mode": "upsert" }), "key"),
        (json!({ "table": "t", "mode": "upsert", "key": ["idd"] }), "key[0]"),
    ] {
        let mut all = json!({ "path": "a.db" });
        all.as_object_mut().expect("an object").extend(params.as_object().expect("an object").clone());
        let problems = Harness::try_new::<StoreSqlite>(all, &[schema()]).err().expect("a problem");
        assert_eq!(problems[0].param, param);
    }
}
