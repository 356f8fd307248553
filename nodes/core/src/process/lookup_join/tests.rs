//! What lookup joins promise, with tables in files and in SQLite.

use std::fs;

use super::*;
use crate::testing::event_rows;
use millrace_operator::harness::{Harness, assert_node_contract};
use serde_json::{Value, json};

const DEVICES: &str = "device,room,id\na,kitchen,7\nb,hall,8\n,nowhere,9\n";

fn params(path: &str, changes: Value) -> Value {
    let mut params = json!({
        "table": {"from": "file", "path": path}, "keys": [{"left": "key", "right": "device"}],
    });
    let object = params.as_object_mut().expect("an object");
    object.extend(changes.as_object().expect("an object").clone());
    params
}

fn folder(table: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("devices.csv"), table).expect("written");
    folder
}

fn joined(table: &str, changes: Value) -> (Vec<(i64, Option<String>)>, u64) {
    let folder = folder(table);
    let params = params("devices.csv", changes);
    let harness = Harness::in_folder::<LookupJoin>(params, &[event_rows(&[]).schema()], folder.path());
    let mut run = harness.operator();
    run.push(event_rows(&[])).push(event_rows(&[(Some(0), Some("a"), 0), (None, Some("x"), 1)])).restart();
    run.push(event_rows(&[(Some(0), None, 2), (Some(0), Some("b"), 3)])).end();
    assert!(run.operator().state_bytes() > 0);
    let rows = run.gathered.json("rows");
    let found = rows.iter().map(|row| (row["id"].as_i64().expect("an id"), row["room"].as_str().map(str::to_owned)));
    (found.collect(), run.gathered.rows_dropped)
}

fn room(name: &str) -> Option<String> {
    Some(name.to_owned())
}

#[test]
fn it_keeps_the_contract() {
    let folder = folder(DEVICES);
    let path = folder.path().join("devices.csv");
    assert_node_contract::<LookupJoin>(params(&path.to_string_lossy(), json!({})), &[event_rows(&[]).schema()]);
}

#[test]
fn rows_get_the_columns_of_their_key_and_a_null_key_has_none() {
    let (rows, num_dropped) = joined(DEVICES, json!({}));
    assert_eq!(rows, [(0, room("kitchen")), (1, None), (2, None), (3, room("hall"))]);
    assert_eq!(num_dropped, 0);
    let (rows, num_dropped) = joined(DEVICES, json!({"kind": "inner"}));
    assert_eq!(rows, [(0, room("kitchen")), (3, room("hall"))]);
    assert_eq!(num_dropped, 2);
}

#[test]
fn the_columns_of_the_rows_stay_and_those_of_the_table_follow_without_its_key() {
    let folder = folder(DEVICES);
    let params = params("devices.csv", json!({"suffix": "_of_device"}));
    let harness = Harness::in_folder::<LookupJoin>(params, &[event_rows(&[]).schema()], folder.path());
    let schema = harness.schema_of("rows");
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["ts", "key", "id", "room", "id_of_device"]);
    assert_eq!(event_time_column(&schema), Some("ts"));
}

#[test]
fn a_key_that_the_table_has_twice_is_told_or_treated_as_asked() {
    let table = "device,room\na,first\nb,hall\na,last\n";
    let folder = folder(table);
    let harness =
        Harness::in_folder::<LookupJoin>(params("devices.csv", json!({})), &[event_rows(&[]).schema()], folder.path());
    let error = harness.operator().try_push(0, event_rows(&[(None, None, 0)])).expect_err("a is there twice");
    assert!(error.to_string().contains("device = a, the rows 1 and 3"), "{error}");
    for (duplicates, rooms) in [("first", vec!["first"]), ("last", vec!["last"]), ("all", vec!["first", "last"])] {
        let (rows, _) = joined(table, json!({"duplicates": duplicates}));
        let found: Vec<_> = rows.into_iter().filter(|row| row.0 == 0).map(|row| row.1).collect();
        assert_eq!(found, rooms.into_iter().map(room).collect::<Vec<_>>(), "{duplicates}");
    }
}

#[test]
fn the_table_is_read_again_when_the_time_has_come() {
    let folder = folder(DEVICES);
    let params = params("devices.csv", json!({"refresh": "10 s"}));
    let harness = Harness::in_folder::<LookupJoin>(params, &[event_rows(&[]).schema()], folder.path());
    let Machine::Operator(mut operator) = harness.build() else { panic!("an operator") };
    let mut out = Output::default();
    let mut rooms = Vec::new();
    for now_us in [1_000_000, 10_999_999, 11_000_000] {
        fs::write(folder.path().join("devices.csv"), format!("device,room,id\na,at {now_us},7\n")).expect("written");
        operator.on_tick(now_us, &mut out).expect("reads");
        operator.on_batch(0, event_rows(&[(None, Some("a"), 0)]), &mut out).expect("joins");
        for emitted in out.take() {
            if let millrace_operator::output::Emitted::Batch(_, batch) = emitted {
                rooms.extend(
                    millrace_operator::harness::rows_as_json(&batch).into_iter().map(|row| row["room"].clone()),
                );
            }
        }
    }
    assert_eq!(rooms, ["at 1000000", "at 1000000", "at 11000000"]);
    assert!(operator.wants_ticks());
}

#[test]
fn a_query_gives_the_table_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let connection = rusqlite::Connection::open(folder.path().join("db.sqlite")).expect("a database");
    connection
        .execute_batch(
            "CREATE TABLE devices (device TEXT, room TEXT, size REAL, floor INTEGER);
             INSERT INTO devices VALUES ('a', 'kitchen', 1.5, 2), ('b', NULL, 2, NULL);",
        )
        .expect("filled");
    let table = |query: &str| json!({"table": {"from": "sqlite", "path": "db.sqlite", "query": query}});
    let params = params("", table("SELECT device, room, size, floor + 1 AS floor FROM devices"));
    let harness = Harness::in_folder::<LookupJoin>(params, &[event_rows(&[]).schema()], folder.path());
    let mut run = harness.operator();
    run.push(event_rows(&[(None, Some("b"), 0), (None, Some("a"), 1)])).end();
    let rows = run.gathered.json("rows");
    assert_eq!((&rows[0]["room"], &rows[0]["size"], &rows[0]["floor"]), (&Value::Null, &json!(2.0), &Value::Null));
    assert_eq!((&rows[1]["room"], &rows[1]["size"], &rows[1]["floor"]), (&json!("kitchen"), &json!(1.5), &json!(3)));
    let error = LookupJoin::probe(
        &serde_json::from_value(super::tests::params("", table("SELECT * FROM no_table"))).expect("params"),
        folder.path(),
    );
    let error = error.expect_err("no such table");
    assert!(error.contains("no such table"), "{error}");
    let gone = rusqlite::Connection::open(folder.path().join("db.sqlite"))
        .and_then(|connection| connection.query_row("SELECT count(*) FROM devices", [], |row| row.get::<_, i64>(0)));
    assert_eq!(gone, Ok(2), "the query only reads");
}

#[test]
fn what_cannot_be_is_found_before_the_run() {
    let folder = folder(DEVICES);
    let path = folder.path().join("devices.csv");
    for (changes, code) in [
        (json!({"keys": []}), "no_keys"),
        (json!({"keys": [{"left": "key", "right": "divice"}]}), "unknown_column"),
        (json!({"keys": [{"left": "kee", "right": "device"}]}), "unknown_column"),
        (json!({"keys": [{"left": "id", "right": "device"}]}), "types_differ"),
        (json!({"table": {"from": "file", "path": ""}}), "no_path"),
        (json!({"suffix": ""}), "duplicate_column"),
    ] {
        let params = params(&path.to_string_lossy(), changes);
        let problems = Harness::try_new::<LookupJoin>(params, &[event_rows(&[]).schema()]).err().expect("a problem");
        assert_eq!(problems[0].code, code, "{problems:?}");
    }
}

fn wired(changes: Value) -> Harness {
    let mut params = json!({"table": {"from": "input"}, "keys": [{"left": "key"}]});
    params.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
    let schema = event_rows(&[]).schema();
    Harness::new::<LookupJoin>(params, &[schema.clone(), schema])
}

/// Number of the row and of its partner, in the order in which they left.
fn partners(run: &millrace_operator::harness::OperatorRun<'_>) -> Vec<(Option<i64>, Option<i64>)> {
    let rows = run.gathered.json("rows");
    rows.iter().map(|row| (row["id"].as_i64(), row["id_right"].as_i64())).collect()
}

#[test]
fn a_wired_table_keeps_the_contract() {
    let schema = event_rows(&[]).schema();
    let params = json!({"table": {"from": "input"}, "keys": [{"left": "key"}]});
    assert_node_contract::<LookupJoin>(params, &[schema.clone(), schema]);
}

#[test]
fn rows_wait_until_the_table_is_complete_and_time_waits_with_them() {
    let harness = wired(json!({}));
    let mut run = harness.operator();
    run.push(event_rows(&[(Some(1), Some("a"), 1), (Some(2), Some("b"), 2)])).watermark(2_000_000).restart();
    run.try_push(1, event_rows(&[(None, Some("a"), 10), (None, None, 11)])).expect("takes rows");
    run.restart().push(event_rows(&[(Some(3), None, 3)]));
    run.try_push(1, event_rows(&[(None, Some("a"), 12), (None, Some("c"), 13)])).expect("takes rows");
    assert!(run.gathered.watermarks.is_empty() && partners(&run).is_empty());
    run.restart().end_input(1).restart();
    assert_eq!(run.gathered.watermarks, [2_000_000]);
    assert_eq!(partners(&run), [(Some(1), Some(12)), (Some(2), None), (Some(3), None)]);
    run.push(event_rows(&[(Some(4), Some("c"), 4)])).end_input(1).end_input(0).end();
    assert_eq!(partners(&run)[3..], [(Some(4), Some(13))]);
    assert_eq!(run.gathered.rows_dropped, 2, "a null key and a row that was replaced");
}

#[test]
fn at_once_a_row_meets_what_has_come() {
    let harness = wired(json!({"table": {"from": "input", "start": "at_once"}, "kind": "inner"}));
    let mut run = harness.operator();
    run.push(event_rows(&[(Some(1), Some("a"), 1)]));
    run.try_push(1, event_rows(&[(None, Some("a"), 10)])).expect("takes rows");
    run.restart().push(event_rows(&[(Some(1), Some("a"), 2)])).watermark(1);
    run.try_push(1, event_rows(&[(None, Some("a"), 11)])).expect("takes rows");
    run.push(event_rows(&[(Some(1), Some("a"), 3), (Some(1), Some("b"), 4)])).end();
    assert_eq!(partners(&run), [(Some(2), Some(10)), (Some(3), Some(11))]);
    assert_eq!(run.gathered.watermarks, [1, i64::MAX]);
}

#[test]
fn the_port_is_there_only_with_a_wired_table() {
    let card = millrace_operator::node::erase::<LookupJoin>().card();
    let ports = |params: Value| {
        let params = serde_json::from_value(params).expect("params");
        card.input_ports(&params).into_iter().map(|port| (port.name, port.is_timeless)).collect::<Vec<_>>()
    };
    assert_eq!(ports(json!({"table": {"from": "file"}})), [("rows".to_owned(), false)]);
    let both = [("rows".to_owned(), false), ("table".to_owned(), true)];
    assert_eq!(ports(json!({"table": {"from": "input"}})), both);
}
