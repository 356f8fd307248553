//! Pipeline tests: what passes, what fails and how it is shown, and every bad test file.

use serde_json::{Value, json};

use crate::harness::Folder;
use crate::runs::{inject, pipeline};

const FILE: &str = "fleet.millrace-test.json";

/// Three readings of two devices, of which one is a minute late.
const INPUT: &str = r#"{"ts": "2026-03-01T10:00:00Z", "device": "a", "v": 1}
{"ts": "2026-03-01T10:00:30Z", "device": "b", "v": 4}
{"ts": "2026-03-01T10:00:40Z", "device": "a", "v": 2}
{"@watermark": "2026-03-01T10:01:00Z"}
{"ts": "2026-03-01T10:00:10Z", "device": "a", "v": 100}
{"ts": "2026-03-01T10:01:10Z", "device": "b", "v": 8}
"#;

const EXPECTED: &str = r#"{"window_start": "2026-03-01T10:00:00Z", "window_end": "2026-03-01T10:01:00Z", "device": "a", "mean": 1.5}
{"window_start": "2026-03-01T10:00:00Z", "window_end": "2026-03-01T10:01:00Z", "device": "b", "mean": 4}
{"window_start": "2026-03-01T10:01:00Z", "window_end": "2026-03-01T10:02:00Z", "device": "b", "mean": 8}
"#;

/// Means per minute and device, written to `out.csv`.
fn fleet() -> Value {
    json!({
        "format": 1,
        "name": "Fleet",
        "nodes": {
            "rows": inject(),
            "mean": {
                "kind": "analyze.tumbling_window",
                "params": {
                    "size": "1 min",
                    "keys": ["device"],
                    "aggregates": [{ "name": "mean", "expression": "avg(v)" }]
                }
            },
            "out": { "kind": "store.file", "params": { "path": "out.csv" } }
        },
        "wires": [
            { "from": "rows.rows", "to": "mean.rows" },
            { "from": "mean.rows", "to": "out.rows" }
        ]
    })
}

fn sound() -> Value {
    json!({
        "format": 1,
        "pipeline": "fleet.millrace.json",
        "sources": { "rows.rows": { "rows": "input.ndjson" } },
        "expected": {
            "mean.rows": { "rows": "mean.ndjson", "key": ["window_start", "device"] },
            "mean.late": { "rows": "late.ndjson" }
        }
    })
}

/// A folder with the pipeline and a test of it.
fn folder(test: &Value) -> Folder {
    let folder = Folder::with("fleet.millrace.json", &pipeline(&fleet()));
    folder.write(FILE, &pipeline(test));
    folder.write("input.ndjson", INPUT);
    folder.write("mean.ndjson", EXPECTED);
    folder.write("late.ndjson", "{\"ts\": \"2026-03-01T10:00:10Z\", \"device\": \"a\", \"v\": 100}\n");
    folder
}

#[test]
fn rows_may_be_expected_at_the_ports_of_a_nested_pipeline() {
    let mut nested = fleet();
    let nodes = nested["nodes"].as_object_mut().expect("nodes");
    nodes["mean"]["inside"] = json!("minutes");
    nodes.insert("minutes".to_owned(), json!({ "kind": "process.nested_pipeline" }));
    nodes.insert("readings".to_owned(), json!({ "kind": "process.nested_input", "inside": "minutes" }));
    nodes.insert("means".to_owned(), json!({ "kind": "process.nested_output", "inside": "minutes" }));
    nested["wires"] = json!([
        { "from": "rows.rows", "to": "minutes.readings" },
        { "from": "readings.rows", "to": "mean.rows" },
        { "from": "mean.rows", "to": "means.rows" },
        { "from": "minutes.means", "to": "out.rows" }
    ]);
    let mut test = sound();
    test["expected"] = json!({
        "minutes.means": { "rows": "mean.ndjson" },
        "minutes.readings": { "rows": "input.ndjson" },
        "mean.late": { "rows": "late.ndjson" }
    });
    let folder = folder(&test);
    folder.write("fleet.millrace.json", &pipeline(&nested));
    folder.write("input.ndjson", &INPUT.replace("{\"@watermark\": \"2026-03-01T10:01:00Z\"}\n", ""));
    folder.write("late.ndjson", "");
    let ran = folder.millrace(&["test", FILE]).ended_with(1);
    assert!(ran.stdout.contains("minutes.means") && !ran.stdout.contains("minutes.readings"), "{}", ran.stdout);
    folder.write("mean.ndjson", &EXPECTED.replace("1.5", "34.333333333333336"));
    folder.millrace(&["test", FILE]).ended_with(0);
}

#[test]
fn a_test_feeds_its_own_rows_and_writes_nothing_under_every_seed() {
    let folder = folder(&sound());
    let before = folder.names();
    for seed in 0..20 {
        let ran = folder.millrace(&["test", FILE, "--seed", &seed.to_string()]).ended_with(0);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("ok       fleet.millrace-test.json (4 rows)\n", ""));
    }
    assert_eq!(folder.names(), before, "no sink has written");
}

#[test]
fn what_differs_is_shown_by_key_and_the_exit_code_is_1() {
    let folder = folder(&sound());
    let wrong = EXPECTED
        .replace("\"mean\": 1.5", "\"mean\": 1.75")
        .replace("\"device\": \"b\", \"mean\": 8", "\"device\": \"c\", \"mean\": 8");
    folder.write("mean.ndjson", &wrong);
    let ran = folder.millrace(&["test", FILE]).ended_with(1);
    assert_eq!(
        ran.stdout,
        "\
FAILED   fleet.millrace-test.json
  mean.rows: 1 changed, 1 missing, 1 unexpected (3 expected, 3 came)
      window_start          window_end            device  mean
    ~ 2026-03-01T10:00:00Z  2026-03-01T10:01:00Z  a       1.75 → 1.5
    - 2026-03-01T10:01:00Z  2026-03-01T10:02:00Z  c       8.0
    + 2026-03-01T10:01:00Z  2026-03-01T10:02:00Z  b       8.0
"
    );
    ran.says_one_error_with(&["The test failed with seed 0."]);
}

#[test]
fn update_writes_what_came_out_and_then_the_test_passes() {
    let folder = folder(&sound());
    std::fs::remove_file(folder.path("mean.ndjson")).expect("it is there");
    folder.write("late.ndjson", "what is here does not count\n");
    let ran = folder.millrace(&["test", FILE]).ended_with(2);
    assert!(ran.stderr.contains("mean.ndjson") && ran.stderr.contains("--update"), "{}", ran.stderr);
    let ran = folder.millrace(&["test", FILE, "--update"]).ended_with(0);
    assert_eq!(ran.stdout, "updated  fleet.millrace-test.json\n");
    assert_eq!(folder.read("mean.ndjson").lines().count(), 3);
    folder.millrace(&["test", FILE, "--seed", "7"]).ended_with(0);
}

#[test]
fn the_tests_of_a_folder_run_and_one_that_fails_does_not_hide_the_others() {
    let folder = folder(&sound());
    let mut other = sound();
    other["expected"] = json!({ "out.rows": { "rows": "empty.ndjson", "ignore": ["window_end"] } });
    folder.write("another.millrace-test.json", &pipeline(&other));
    folder.write("empty.ndjson", "");
    let ran = folder.millrace(&["test", "."]).ended_with(1);
    let heads: Vec<&str> = ran.stdout.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(heads, ["FAILED   ./another.millrace-test.json", "ok       ./fleet.millrace-test.json (4 rows)"]);
    assert!(ran.stdout.contains("out.rows: 3 unexpected (0 expected, 3 came)"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("window_end"), "an ignored column is not shown:\n{}", ran.stdout);
    ran.says_one_error_with(&["1 of 2 tests failed"]);
}

#[test]
fn the_order_counts_only_where_it_is_asked_for() {
    let mut test = sound();
    let mut lines: Vec<&str> = EXPECTED.lines().collect();
    lines.rotate_left(1);
    let folder = folder(&test);
    folder.write("mean.ndjson", &lines.join("\n"));
    folder.millrace(&["test", FILE]).ended_with(0);
    test["expected"]["mean.rows"]["ordered"] = json!(true);
    folder.write(FILE, &pipeline(&test));
    let ran = folder.millrace(&["test", FILE]).ended_with(1);
    assert!(ran.stdout.contains("mean.rows: another order from row"), "{}", ran.stdout);
}

#[test]
fn a_bad_test_is_one_clear_message() {
    /// What is spoilt, and what the message must hold.
    type Case<'a> = (fn(&mut Value), &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        (|test| test["format"] = json!(2), &["fleet.millrace-test.json: format 2"]),
        (|test| test["pipelin"] = json!("x"), &["fleet.millrace-test.json:", "unknown field `pipelin`", "`pipeline`"]),
        (|test| test["pipeline"] = json!("none.json"), &["pipeline: none.json: there is no such file"]),
        (|test| test["sources"] = json!({}), &["“Readings” has no rows in this test", "`rows.rows`"]),
        (
            |test| test["sources"]["mean.rows"] = json!({ "rows": "input.ndjson" }),
            &["sources mean.rows:", "is no source"],
        ),
        (|test| test["expected"] = json!({}), &["`expected` is empty"]),
        (
            |test| test["expected"]["maen.rows"] = json!({ "rows": "mean.ndjson" }),
            &["no node `maen`", "Did you mean `mean`?"],
        ),
        (|test| test["expected"]["mean.lat"] = json!({ "rows": "mean.ndjson" }), &["no port `lat`", "`late`"]),
        (
            |test| test["expected"]["mean.rows"]["key"] = json!(["devise"]),
            &["key: ", "`devise`", "Did you mean `device`?"],
        ),
        (|test| test["expected"]["mean.rows"]["tolerance"] = json!(-1), &["mean.rows: the tolerance"]),
        (
            |test| test["expected"]["mean.rows"]["rows"] = json!("input.ndjson"),
            &["input.ndjson:1: this is no row", "ts"],
        ),
        (|test| test["parameters"] = json!({ "limit": 3 }), &["limit"]),
    ];
    for (spoil, parts) in cases {
        let mut test = sound();
        spoil(&mut test);
        let folder = folder(&test);
        let ran = folder.millrace(&["test", FILE]).ended_with(2);
        assert_eq!(ran.stdout, "", "nothing has run");
        ran.says_one_error_with(parts);
    }
}

#[test]
fn bad_rows_are_told_with_their_line() {
    let folder = folder(&sound());
    for (line, parts) in [
        ("{\"ts\": \"soon\"}", &["input.ndjson:7:", "soon"][..]),
        ("{\"@watermark\": 5}", &["input.ndjson:7:", "@watermark"]),
        ("{\"v\": 1, \"unit\": \"C\"}", &["input.ndjson:7:", "unit"]),
        ("{\"v\": ", &["input.ndjson:7:"]),
    ] {
        folder.write("input.ndjson", &format!("{INPUT}{line}\n"));
        folder.millrace(&["test", FILE]).ended_with(2).says_one_error_with(parts);
    }
    let ran = folder.millrace(&["test", "none.millrace-test.json"]).ended_with(2);
    ran.says_one_error_with(&["none.millrace-test.json", "cannot be read"]);
    Folder::new().millrace(&["test", "."]).ended_with(2).says_one_error_with(&["no test in this folder"]);
}

#[test]
fn a_recorded_test_passes_under_every_seed_and_fails_once_the_pipeline_computes_otherwise() {
    let folder = Folder::with("fleet.millrace.json", &pipeline(&fleet()));
    let ran = folder.millrace(&["record", "fleet.millrace.json"]).ended_with(0);
    let mut made: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(made[0], FILE);
    made.push("fleet.millrace.json");
    made.sort_unstable();
    assert_eq!(folder.names(), made, "the sink has written nothing");
    assert!(folder.read("fleet.source.rows.rows.ndjson").contains("@watermark"), "watermarks are kept");
    assert_eq!(folder.read("fleet.expected.mean.rows.ndjson").lines().count(), 4);
    for seed in ["0", "1", "2"] {
        folder.millrace(&["test", FILE, "--seed", seed]).ended_with(0);
    }
    let text = folder.read("fleet.millrace.json").replace("avg(v)", "avg(v + 1)");
    folder.write("fleet.millrace.json", &text);
    let ran = folder.millrace(&["test", FILE]).ended_with(1);
    assert!(ran.stdout.contains("mean.rows: 4 changed (4 expected, 4 came)"), "{}", ran.stdout);
}

#[test]
fn a_recording_keeps_no_more_rows_than_asked_for_and_writes_over_nothing() {
    let folder = Folder::with("fleet.millrace.json", &pipeline(&fleet()));
    folder.millrace(&["record", "fleet.millrace.json", "--rows", "2", "--name", "short"]).ended_with(0);
    let kept = folder.read("short.source.rows.rows.ndjson");
    assert_eq!(kept.lines().filter(|line| !line.contains("@watermark")).count(), 2, "{kept}");
    let before = folder.names();
    let ran = folder.millrace(&["record", "fleet.millrace.json", "--name", "short"]).ended_with(2);
    ran.says_one_error_with(&["short.millrace-test.json", "already"]);
    assert_eq!((folder.names(), folder.read("short.source.rows.rows.ndjson")), (before, kept));
    let ran = folder.millrace(&["record", "fleet.millrace.json", "--name", "../other"]).ended_with(2);
    ran.says_one_error_with(&["--name ../other"]);
}
