//! `analyze.silence` over a million devices: what a device costs, and how long a restart takes.
//!
//! The answer is checked twice: every change of a small fleet against the gaps between its rows, and for the large one
//! that a run which was killed and gone on with gives the rows of an undisturbed one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use millrace_tests::nexmark::micros;
use millrace_tests::{cli, repository};
use serde_json::{Value, json};

use crate::{run, run_file};

const PIPELINE: &str = "silence_1m.millrace.json";
const DEVICES: u64 = 1_000_000;
const ROWS: u64 = 20_000_000;
const TIMEOUT_US: i64 = 12_000_000;
const MAX_OUT_OF_ORDERNESS_US: i64 = 2_000_000;

fn arguments(devices: u64, rows: u64, out: &Path) -> Vec<String> {
    [format!("devices={devices}"), format!("rows={rows}"), format!("out={}", out.display())]
        .into_iter()
        .flat_map(|value| ["--set".to_owned(), value])
        .collect()
}

fn sorted_lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

pub fn measure(folder: &Path) -> Value {
    check_small(folder);
    let calm = run(PIPELINE, &arguments(DEVICES, ROWS, &folder.join("calm")), &folder.join("calm.json"));
    let answer = sorted_lines(&folder.join("calm/changes.ndjson"));
    assert!(answer.len() as u64 > DEVICES / 100, "{} changes", answer.len());
    let calm_seconds = calm["elapsed_ms"].as_f64().expect("elapsed_ms") / 1e3;
    let silence = &calm["nodes"]["silence"];
    assert_eq!(silence["rows_late"], 0);

    let restart = restart(folder, Duration::from_secs_f64(calm_seconds * 0.8));
    assert!(sorted_lines(&folder.join("killed/changes.ndjson")) == answer, "a restart shows in the answer");
    let state_bytes = silence["state_bytes"].as_f64().expect("state_bytes");
    json!({
        "bench": PIPELINE,
        "devices": DEVICES,
        "rows": ROWS,
        "answer_rows": answer.len(),
        "seconds": calm_seconds,
        "cpu_seconds": calm["process"]["cpu_seconds"],
        "state_bytes_per_device": (state_bytes / DEVICES as f64).round(),
        "peak_memory_bytes": calm["process"]["peak_memory_bytes"],
        "restart": restart,
    })
}

/// Kills a run after some time, when it has taken a checkpoint, and goes on with it. The restart is over at the latest when the second process has taken a
/// checkpoint of its own, half a second after it has begun.
fn restart(folder: &Path, patience: Duration) -> Value {
    let state = folder.join("killed.state");
    let common = arguments(DEVICES, ROWS, &folder.join("killed"));
    let command = || {
        let mut command = Command::new(cli());
        command.arg("run").arg(repository().join("projects/bench").join(PIPELINE)).args(&common);
        command.args(["--progress", "none", "--checkpoint-interval", "500 ms", "--state"]).arg(&state);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    };
    let mut first = command().spawn().expect("the command starts");
    let start = Instant::now();
    while start.elapsed() < patience || newest(&state).is_none() {
        assert!(first.try_wait().expect("it was started").is_none(), "it ended before it could be killed");
        std::thread::sleep(Duration::from_millis(10));
    }
    first.kill().expect("it can be killed");
    first.wait().expect("it was started");
    let before = newest(&state).expect("a checkpoint was taken");
    let bytes = fs::metadata(state.join(&before)).expect("it is there").len();
    let start = Instant::now();
    let second = command().spawn().expect("the command starts");
    while newest(&state).is_none_or(|name| name <= before) {
        assert!(start.elapsed() < Duration::from_mins(1), "the run goes on");
        std::thread::sleep(Duration::from_millis(10));
    }
    let seconds = start.elapsed().as_secs_f64();
    let output = second.wait_with_output().expect("it was started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("Going on from checkpoint"), "{said}");
    json!({
        "seconds_to_its_first_checkpoint": seconds,
        "seconds_to_the_end": start.elapsed().as_secs_f64(),
        "checkpoint_bytes": bytes,
    })
}

/// The name of the newest checkpoint.
fn newest(state: &Path) -> Option<OsString> {
    let names = fs::read_dir(state).ok()?.filter_map(|entry| Some(entry.ok()?.file_name()));
    names.filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "checkpoint")).max()
}

/// A silence: device, last seen, whether it has fallen silent or recovered.
type Change = (String, i64, bool);

fn check_small(folder: &Path) {
    let (small, dump) = (folder.join("small"), folder.join("dump.millrace.json"));
    run(PIPELINE, &arguments(2_000, 10_000, &small), &folder.join("small.json"));
    let text = fs::read_to_string(repository().join("projects/bench").join(PIPELINE)).expect("it is there");
    let mut pipeline: Value = serde_json::from_str(&text).expect("a pipeline is JSON");
    pipeline["nodes"].as_object_mut().expect("nodes").remove("silence");
    pipeline["layout"]["nodes"].as_object_mut().expect("places").remove("silence");
    pipeline["wires"] = json!([{ "from": "devices.rows", "to": "store.rows" }]);
    pipeline["nodes"]["store"]["params"]["path"] = json!(folder.join("rows.ndjson"));
    fs::write(&dump, pipeline.to_string()).expect("the folder can be written");
    run_file(&dump, &arguments(2_000, 10_000, &small), &folder.join("dump.json"));

    let rows = |path: &Path| -> Vec<Value> {
        sorted_lines(path).iter().map(|line| serde_json::from_str(line).expect("a row is JSON")).collect()
    };
    let text = |row: &Value, column: &str| row[column].as_str().unwrap_or_else(|| panic!("{row}")).to_owned();
    let time = |row: &Value, column: &str| micros(&text(row, column)).unwrap_or_else(|| panic!("{row}"));
    let mut heard: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for row in rows(&folder.join("rows.ndjson")) {
        heard.entry(text(&row, "device")).or_default().push(time(&row, "time"));
    }
    let newest = heard.values().flatten().max().expect("rows");
    let mut expected: Vec<Change> = Vec::new();
    for (device, mut times) in heard.clone() {
        times.sort_unstable();
        for pair in times.windows(2).filter(|pair| pair[1] - pair[0] >= TIMEOUT_US) {
            expected.push((device.clone(), pair[0], true));
            expected.push((device.clone(), pair[1], false));
        }
        let last = times[times.len() - 1];
        if last + TIMEOUT_US <= newest - MAX_OUT_OF_ORDERNESS_US {
            expected.push((device, last, true));
        }
    }
    let changes = rows(&small.join("changes.ndjson"));
    let mut found: Vec<Change> = changes
        .iter()
        .map(|row| (text(row, "device"), time(row, "last_seen"), text(row, "state") == "silent"))
        .collect();
    expected.sort_unstable();
    found.sort_unstable();
    assert!(!expected.is_empty() && found == expected, "{} changes for {}", found.len(), expected.len());
}
