//! Every bad input is one clear message for each fault, exit code 2, and nothing written.

use serde_json::{Value, json};

use crate::harness::{Folder, Ran};
use crate::runs::{inject, pipeline};

const FILE: &str = "bad.millrace.json";

/// Three readings that are filtered and written to `out.csv`.
fn sound() -> Value {
    json!({
        "format": 1,
        "name": "Readings",
        "parameters": {
            "limit": { "type": "number", "default": 1.5, "help": "The lowest value that passes." }
        },
        "nodes": {
            "rows": inject(),
            "keep": { "kind": "process.filter", "title": "Warm only", "params": { "condition": "v > ${limit}" } },
            "out": { "kind": "store.file", "params": { "path": "out.csv" } }
        },
        "wires": [
            { "from": "rows.rows", "to": "keep.rows" },
            { "from": "keep.rows", "to": "out.rows" }
        ]
    })
}

/// The 1-based line of the first place where `needle` stands.
fn line_of(text: &str, needle: &str) -> usize {
    1 + text[..text.find(needle).unwrap_or_else(|| panic!("{needle} in {text}"))].matches('\n').count()
}

/// Runs and validates `text`; both must refuse it in the same words and leave nothing behind.
#[track_caller]
fn refused(text: &str, args: &[&str]) -> Ran {
    let folder = Folder::with(FILE, text);
    let run = ["run", FILE, "--metrics", "m.json", "--charts", "pictures"];
    let ran = folder.millrace(&[&run, args].concat()).ended_with(2);
    assert_eq!(folder.names(), [FILE], "nothing may be written");
    assert_eq!(ran.stdout, "");
    let validated = folder.millrace(&[&["validate", FILE], args].concat()).ended_with(2);
    assert_eq!(validated.stderr, ran.stderr);
    assert_eq!(validated.stdout, "");
    ran
}

#[test]
fn the_sound_pipeline_is_ready_to_run() {
    let folder = Folder::with(FILE, &pipeline(&sound()));
    let ran = folder.millrace(&["validate", FILE]).ended_with(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("bad.millrace.json: ready to run, 3 nodes\n", ""));
}

#[test]
fn a_missing_file_is_told_with_the_nearest_name() {
    let folder = Folder::with("fleet.millrace.json", &pipeline(&sound()));
    for command in ["run", "validate"] {
        let ran = folder.millrace(&[command, "flet.millrace.json"]).ended_with(2);
        ran.says_one_error_with(&["flet.millrace.json: There is no such file.", "Did you mean `fleet.millrace.json`?"]);
    }
    let ran = folder.millrace(&["run", "nowhere/fleet.millrace.json"]).ended_with(2);
    ran.says_one_error_with(&["There is no such file.", "no folder nowhere"]);
    assert_eq!(folder.names(), ["fleet.millrace.json"]);
}

#[test]
fn a_folder_is_not_a_pipeline_file() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("work")).expect("a folder is made");
    folder.write("work/fleet.millrace.json", "{}");
    let ran = folder.millrace(&["run", "work"]).ended_with(2);
    ran.says_one_error_with(&["work: This is not a pipeline file: it is a folder.", "`work/fleet.millrace.json`"]);
}

#[test]
fn broken_json_is_told_with_its_line() {
    let text = pipeline(&sound()).replace("\"title\": \"Warm only\"", "\"title\" \"Warm only\"");
    let line = line_of(&text, "\"title\" \"Warm");
    refused(&text, &[]).says_one_error_with(&[&format!("error: {FILE}:{line}: "), "not a pipeline file"]);
    for text in ["", "not json", "[]", "{\"format\": 1}"] {
        refused(text, &[]).says_one_error_with(&[&format!("error: {FILE}:1: "), "not a pipeline file"]);
    }
}

#[test]
fn a_newer_format_asks_for_a_newer_millrace() {
    let mut newer = sound();
    newer["format"] = json!(99);
    refused(&pipeline(&newer), &[]).says_one_error_with(&[FILE, "format 99", "newer Millrace"]);
}

#[test]
fn an_unknown_kind_is_told_with_the_nearest_one() {
    let mut bad = sound();
    bad["nodes"]["keep"]["kind"] = json!("process.fliter");
    let text = pipeline(&bad);
    let line = line_of(&text, "\"keep\": {");
    refused(&text, &[]).says_one_error_with(&[
        &format!("error: {FILE}:{line}: node \"Warm only\" (keep), param kind: "),
        "no node `process.fliter`",
        "Did you mean `process.filter`?",
    ]);
}

#[test]
fn a_wire_to_nowhere_is_told_with_the_nearest_node() {
    let mut bad = sound();
    bad["wires"][0]["to"] = json!("kep.rows");
    let text = pipeline(&bad);
    // A wire's members are sorted, and it begins a line before the first.
    let line = line_of(&text, "\"to\": \"kep.rows\"") - 2;
    refused(&text, &[]).says_one_error_with(&[
        &format!("error: {FILE}:{line}: "),
        "`kep`, which is not in this file",
        "Did you mean `keep`?",
    ]);
}

#[test]
fn a_wire_to_a_port_that_is_not_there_is_told_with_the_nearest_port() {
    let mut bad = sound();
    bad["wires"][1]["from"] = json!("keep.row");
    let text = pipeline(&bad);
    let line = line_of(&text, "\"from\": \"keep.row\"") - 1;
    refused(&text, &[]).says_one_error_with(&[
        &format!("error: {FILE}:{line}: node \"Warm only\" (keep), wire keep.row → out.rows: "),
        "no output `row`",
        "Did you mean `rows`?",
    ]);
}

#[test]
fn a_cycle_is_told_with_its_nodes() {
    let mut bad = sound();
    bad["nodes"]["both"] = json!({ "kind": "process.union" });
    bad["wires"] = json!([
        { "from": "rows.rows", "to": "both.rows" },
        { "from": "both.rows", "to": "keep.rows" },
        { "from": "keep.rows", "to": "both.rows" },
        { "from": "keep.rows", "to": "out.rows" }
    ]);
    let ran = refused(&pipeline(&bad), &[]);
    let ran = ran.says_one_error_with(&["cannot flow in a circle", "Remove one of these wires"]);
    assert!(ran.stderr.contains("both → keep → both") || ran.stderr.contains("keep → both → keep"), "{}", ran.stderr);
}

#[test]
fn a_typo_in_an_expression_is_told_with_the_nearest_column() {
    let mut bad = sound();
    bad["nodes"]["keep"]["params"]["condition"] = json!("vv > 1");
    let text = pipeline(&bad);
    let line = line_of(&text, "\"condition\"");
    refused(&text, &[]).says_one_error_with(&[
        &format!("error: {FILE}:{line}: node \"Warm only\" (keep), param condition: "),
        "vv",
        "`v`",
    ]);
}

#[test]
fn a_misspelt_param_and_a_missing_one_are_both_told() {
    let mut bad = sound();
    bad["nodes"]["keep"]["params"] = json!({ "conditon": "v > 1" });
    let text = pipeline(&bad);
    let ran = refused(&text, &[]);
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("{FILE}:{}: ", line_of(&text, "\"conditon\""))), "{}", ran.stderr);
    assert!(ran.stderr.contains("no param `conditon` here. Did you mean `condition`?"), "{}", ran.stderr);
    assert!(ran.stderr.contains("`Condition` is needed."), "{}", ran.stderr);
}

#[test]
fn faults_of_several_nodes_are_all_told_from_top_to_bottom() {
    let mut bad = sound();
    bad["nodes"]["out"]["kind"] = json!("store.fil");
    bad["nodes"]["keep"]["params"]["condition"] = json!("vv > 1");
    let text = pipeline(&bad);
    let ran = refused(&text, &[]);
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ran.stderr);
    assert!(lines[0].contains("(keep)") && lines[1].contains("(out)"), "{}", ran.stderr);
}

#[test]
fn an_input_file_that_is_not_there_is_found_before_the_run() {
    let mut bad = sound();
    bad["nodes"]["rows"] = json!({ "kind": "ingest.file", "title": "Log", "params": { "path": "nothing.csv" } });
    let ran = refused(&pipeline(&bad), &[]);
    assert!(ran.stderr.contains("node \"Log\" (rows)") && ran.stderr.contains("nothing.csv"), "{}", ran.stderr);
}

#[test]
fn a_set_that_does_not_fit_is_told() {
    let text = pipeline(&sound());
    refused(&text, &["--set", "limt=3"]).says_one_error_with(&["no parameter `limt`", "Did you mean `limit`?"]);
    refused(&text, &["--set", "limit=warm"]).says_one_error_with(&["--set limit=warm: `warm` is not a number"]);
    refused(&text, &["--set", "limit=1", "--set", "limit=2"]).says_one_error_with(&["`limit` is set twice"]);
}

#[test]
fn places_that_cannot_be_written_are_found_before_the_run() {
    let folder = Folder::with(FILE, &pipeline(&sound()));
    for (option, place, words) in [
        ("--metrics", "none/m.json", "there is no folder none"),
        ("--metrics", ".", "this is a folder"),
        ("--charts", FILE, "this is a file"),
    ] {
        let ran = folder.millrace(&["run", FILE, option, place]).ended_with(2);
        ran.says_one_error_with(&[option, words]);
    }
    assert_eq!(folder.names(), [FILE]);
}

#[test]
fn validate_gives_every_fault_as_json_and_nothing_on_stderr() {
    let mut bad = sound();
    bad["nodes"]["keep"]["kind"] = json!("process.fliter");
    let text = pipeline(&bad);
    let folder = Folder::with(FILE, &text);
    let ran = folder.millrace(&["validate", FILE, "--json"]).ended_with(2);
    assert_eq!(ran.stderr, "");
    let found: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(
        found,
        json!({
            "file": FILE,
            "valid": false,
            "diagnostics": [{
                "severity": "error",
                "code": "unknown_kind",
                "node": "keep",
                "param": "kind",
                "line": line_of(&text, "\"keep\": {"),
                "message": "This version of Millrace has no node `process.fliter`. Did you mean `process.filter`?"
            }]
        })
    );
    let ran = folder.millrace(&["validate", "none.json", "--json"]).ended_with(2);
    let found: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(found["diagnostics"][0]["code"], "missing_file");
    folder.write("good.json", &pipeline(&sound()));
    let ran = folder.millrace(&["validate", "good.json", "--json"]).ended_with(0);
    let found: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(found, json!({ "file": "good.json", "valid": true, "diagnostics": [] }));
}

#[test]
fn a_misspelt_column_comes_with_the_edit_that_mends_it_and_leaves_parameters_as_they_are_written() {
    let mut bad = sound();
    bad["nodes"]["keep"]["params"]["condition"] = json!("vv > ${limit}");
    let folder = Folder::with(FILE, &pipeline(&bad));
    let ran = folder.millrace(&["validate", FILE, "--json"]).ended_with(2);
    let found: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let fix = &found["diagnostics"][0]["fix"];
    assert_eq!(fix["label"], "Use `v`");
    assert_eq!(fix["edits"][0]["value"], "v > ${limit}");
}

#[test]
fn a_file_that_another_node_writes_or_reads_is_told_before_the_run() {
    let mut bad = sound();
    bad["nodes"]["again"] = json!({ "kind": "store.file", "title": "Twice", "params": { "path": "./out.csv" } });
    bad["wires"].as_array_mut().expect("a list").push(json!({ "from": "rows.rows", "to": "again.rows" }));
    refused(&pipeline(&bad), &[]).says_one_error_with(&["writes `out.csv` already", "choose another file"]);
}
