//! `--state`: going on, starting over, and what is said about it. That nothing is lost or doubled when the process is
//! killed is the business of tests/pipelines.

use serde_json::json;

use crate::harness::{Folder, Ran};
use crate::runs::{inject, pipeline};

const FILE: &str = "run.millrace.json";

fn counted(size: &str) -> String {
    pipeline(&json!({
        "format": 1,
        "name": "Counted",
        "nodes": {
            "rows": inject(),
            "minutes": {
                "kind": "analyze.tumbling_window",
                "title": "Each minute",
                "params": { "size": size, "keys": ["device"], "aggregates": [{ "name": "n", "expression": "count(*)" }] }
            },
            "out": { "kind": "store.file", "title": "Result", "params": { "path": "out.csv" } }
        },
        "wires": [{ "from": "rows.rows", "to": "minutes.rows" }, { "from": "minutes.rows", "to": "out.rows" }]
    }))
}

#[test]
fn a_run_that_came_to_its_end_is_not_done_twice_unless_it_is_to_start_over() {
    let folder = Folder::with(FILE, &counted("1 min"));
    folder.millrace(&["run", FILE, "--state", "state"]).ended_with(0);
    let result = folder.read("out.csv");
    assert!(folder.names().iter().any(|name| name.starts_with("state/") && name.ends_with(".checkpoint")));

    let again = folder.millrace(&["run", FILE, "--state", "state"]).ended_with(0);
    assert!(again.stderr.contains("had come to its end") && again.stderr.contains("--fresh"), "{}", again.stderr);
    assert_eq!(folder.read("out.csv"), result);

    std::fs::remove_file(folder.path("out.csv")).expect("it is there");
    let fresh = folder.millrace(&["run", FILE, "--state", "state", "--fresh"]).ended_with(0);
    assert!(!fresh.stderr.contains("come to its end"), "{}", fresh.stderr);
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&folder.read("out.csv")), sorted(&result));
}

#[test]
fn a_changed_pipeline_is_not_taken_for_the_run_that_came_to_its_end() {
    let folder = Folder::with(FILE, &counted("1 min"));
    folder.millrace(&["run", FILE, "--state", "state"]).ended_with(0);
    let result = folder.read("out.csv");
    folder.write(FILE, &counted("2 min"));
    let ran = folder.millrace(&["run", FILE, "--state", "state"]).ended_with(2);
    ran.says_one_error_with(&["had come to its end", "has changed since: “Each minute”", "--fresh"]);
    assert_eq!(folder.read("out.csv"), result);
    folder.millrace(&["run", FILE, "--state", "state", "--fresh"]).ended_with(0);
}

fn endless(size: &str) -> String {
    pipeline(&json!({
        "format": 1,
        "name": "Endless",
        "nodes": {
            "fleet": { "kind": "ingest.simulate_devices", "params": { "devices": 5, "interval": "50 ms" } },
            "minutes": {
                "kind": "analyze.tumbling_window",
                "title": "Each minute",
                "params": { "size": size, "keys": ["device"], "aggregates": [{ "name": "n", "expression": "count(*)" }] }
            },
            "out": { "kind": "store.file", "title": "Result", "params": { "path": "out.csv" } }
        },
        "wires": [{ "from": "fleet.rows", "to": "minutes.rows" }, { "from": "minutes.rows", "to": "out.rows" }]
    }))
}

#[cfg(unix)]
#[test]
fn a_changed_pipeline_says_before_the_run_which_nodes_keep_their_state_and_which_lose_it() {
    let folder = Folder::with(FILE, &endless("1 min"));
    let run_a_while = || {
        let child = folder.start(&["run", FILE, "--state", "state", "--checkpoint-interval", "20 ms"]);
        let newest = || folder.names().into_iter().filter(|name| name.ends_with(".checkpoint")).max();
        let before = newest();
        while newest() == before {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(sent.expect("kill can be called").success());
        Ran::from(child.wait_with_output().expect("it ends")).ended_with(130)
    };
    run_a_while();
    folder.write(FILE, &endless("2 min"));
    let ran = run_a_while();
    assert!(ran.stderr.contains("“Each minute” loses its state: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("State is kept by ") && ran.stderr.contains("“Result”"), "{}", ran.stderr);
}

#[test]
fn a_torn_checkpoint_is_told_and_another_parallelism_refused() {
    let folder = Folder::with(FILE, &counted("1 min"));
    folder.millrace(&["run", FILE, "--state", "state", "--parallelism", "2"]).ended_with(0);
    let ran = folder.millrace(&["run", FILE, "--state", "state", "--parallelism", "3"]).ended_with(2);
    assert!(ran.stderr.contains("--parallelism") && ran.stderr.contains("--fresh"), "{}", ran.stderr);

    let name = folder.names().into_iter().find(|name| name.ends_with(".checkpoint")).expect("there is one");
    let bytes = std::fs::read(folder.path(&name)).expect("it can be read");
    std::fs::write(folder.path(&name), &bytes[..bytes.len() / 2]).expect("it can be written");
    let ran = folder.millrace(&["run", FILE, "--state", "state"]).ended_with(0);
    assert!(ran.stderr.contains("is no whole checkpoint"), "{}", ran.stderr);
}

#[test]
fn wrong_use_of_the_options_is_told_and_nothing_is_written() {
    let folder = Folder::with(FILE, &counted("1 min"));
    folder.millrace(&["run", FILE, "--fresh"]).ended_with(2);
    folder.millrace(&["run", FILE, "--state", "state", "--checkpoint-interval", "0 s"]).ended_with(2);
    folder.millrace(&["run", FILE, "--state", "state", "--checkpoint-interval", "soon"]).ended_with(2);
    folder.write("file", "");
    let ran = folder.millrace(&["run", FILE, "--state", "file"]).ended_with(2);
    assert!(ran.stderr.contains("--state") && ran.stderr.contains("file"), "{}", ran.stderr);
    assert_eq!(folder.names(), ["file", FILE]);
}
