//! The contract of a run (`docs/CONTRACT.md`): each sentence names its tests, and they are there. What only a whole
//! pipeline can show of it is tested here.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use millrace_host::engine::RunOptions;
use millrace_host::model::run::RunState;
use millrace_tests::{repository, run_file};
use serde_json::json;

/// Every Rust file below `folder`, but for what was built.
fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository") {
        let path = entry.expect("a folder entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            rust_files(&path, found);
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

/// Whether the text has a test of this name: a function behind `#[test]` or the like, or in a `proptest!`.
fn has_test(text: &str, name: &str) -> bool {
    let is_it = |line: &str| line.contains(&format!("fn {name}("));
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().enumerate().filter(|(_, line)| is_it(line)).any(|(index, _)| {
        lines[..index]
            .iter()
            .rev()
            .map(|line| line.trim())
            .take_while(|line| line.starts_with("#[") || line.starts_with("//") || line.is_empty())
            .any(|line| line == "#[test]" || line.starts_with("#[tokio::test"))
    })
}

#[test]
fn every_sentence_of_the_contract_names_its_tests_and_they_are_there() {
    let text = fs::read_to_string(repository().join("docs/CONTRACT.md")).expect("the contract is there");
    let mut files = Vec::new();
    rust_files(&repository(), &mut files);
    let (mut num_sentences, mut faults) = (0, Vec::new());
    for line in text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| sentence")) {
        if line.starts_with("| ---") {
            continue;
        }
        let (sentence, held_by) =
            line.trim_matches('|').split_once(" | ").unwrap_or_else(|| panic!("a sentence and its tests: {line}"));
        num_sentences += 1;
        let tests: Vec<(&str, &str)> =
            held_by.split('`').skip(1).step_by(2).filter_map(|named| named.split_once("::")).collect();
        if tests.is_empty() {
            faults.push(format!("no test holds: {sentence}"));
        }
        for (path, name) in tests {
            let mut named = files.iter().filter(|file| file.ends_with(path));
            if !named.any(|file| has_test(&fs::read_to_string(file).expect("readable"), name)) {
                faults.push(format!("there is no test {path}::{name}, which is to hold: {sentence}"));
            }
        }
    }
    assert!(num_sentences >= 39, "the whole contract is there: {num_sentences} sentences");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ordered_file_is_the_same_line_for_line_at_every_batch_size_and_parallelism() {
    let folder = tempfile::tempdir().expect("a folder");
    let readings: String = (0..3_000)
        .map(|n: u64| {
            let (ms, key) = (n * 37 + n * 7_919 % 3_000, n * 31 % 23);
            format!("{{\"ts\":{ms},\"device\":\"d{key:02}\",\"value\":{}}}\n", n % 10)
        })
        .collect();
    fs::write(folder.path().join("in.ndjson"), readings).expect("it can be written");
    let columns = json!([
        {"name": "ts", "type": "unix_milliseconds"},
        {"name": "device", "type": "text"},
        {"name": "value", "type": "integer"},
    ]);
    let aggregates = json!([{"name": "n", "expression": "count(*)"}, {"name": "total", "expression": "sum(value)"}]);
    let pipeline = json!({
        "format": 1,
        "name": "Ordered",
        "nodes": {
            "readings": {"kind": "ingest.file", "params": {"path": "in.ndjson", "columns": columns, "event_time": "ts"}},
            "windows": {
                "kind": "analyze.tumbling_window",
                "params": {"size": "5 s", "keys": ["device"], "aggregates": aggregates},
            },
            "store": {"kind": "store.file", "params": {"path": "out.csv", "ordered": true}},
        },
        "wires": [
            {"from": "readings.rows", "to": "windows.rows"},
            {"from": "windows.rows", "to": "store.rows"},
        ],
    });
    let file = folder.path().join("ordered.millrace.json");
    fs::write(&file, pipeline.to_string()).expect("it can be written");
    let mut first: Option<String> = None;
    for batch_size in [1, 32, 8_192] {
        for parallelism in [1, 2, 3] {
            let options = RunOptions { batch_size, parallelism, reslice: true, ..RunOptions::default() };
            let outcome = run_file(&file, &BTreeMap::new(), options).await;
            assert_eq!(outcome.state, RunState::Done, "{:?}", outcome.failure);
            let text = fs::read_to_string(folder.path().join("out.csv")).expect("it was written");
            let keys: Vec<(&str, &str)> = text.lines().skip(1).map(|line| (&line[..20], &line[42..45])).collect();
            assert!(keys.len() > 400 && keys.is_sorted(), "sorted by window and key: {:?}", &keys[..30]);
            assert_eq!(&text, first.get_or_insert_with(|| text.clone()), "{batch_size} {parallelism}");
        }
    }
}
