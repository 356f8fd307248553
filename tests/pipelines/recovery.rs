//! Runs that are cut off and gone on with: the goldens in this process, and the real command under `kill -9` and at its
//! fault points. What is there at the end is what an undisturbed run gives.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use millrace_host::engine::{RunOptions, StateFolder, StateOptions};
use millrace_host::model::run::RunState;
use millrace_tests::{Parameters, cli, start_file};
use serde_json::json;

use super::{goldens, sorted_lines};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_golden_gives_its_answer_when_it_is_ended_again_and_again() {
    let mut num_resumed = 0;
    for golden in goldens() {
        for batch_size in [1, 32, 8_192] {
            for parallelism in [1, 2, 3] {
                num_resumed += ended_again_and_again(&golden, batch_size, parallelism).await;
            }
        }
    }
    assert!(num_resumed > 0, "at least one run went on from a checkpoint");
}

/// Runs the golden and ends the run again and again until one gets through. Gives how many went on from a checkpoint.
async fn ended_again_and_again(golden: &Path, batch_size: usize, parallelism: usize) -> usize {
    let what = format!("{} in batches of {batch_size} on {parallelism}", golden.display());
    let out = tempfile::tempdir().expect("a folder");
    let state = tempfile::tempdir().expect("a folder");
    let folder = Arc::new(StateFolder::open(state.path()).expect("it is free"));
    let parameters = Parameters::from([("out".to_owned(), json!(out.path().to_string_lossy()))]);
    let mut patience = Duration::from_millis(4);
    let mut num_resumed = 0;
    let outcome = loop {
        let resume = folder.newest().expect("it can be read").checkpoint.map(Arc::new);
        num_resumed += usize::from(resume.is_some());
        let state = StateOptions { folder: folder.clone(), interval: Duration::from_millis(2), resume };
        let options = RunOptions {
            batch_size,
            parallelism,
            reslice: true,
            queue_batches: 2,
            state: Some(state),
            ..RunOptions::default()
        };
        let run = start_file(&golden.join("pipeline.millrace.json"), &parameters, options).await;
        if let Ok(outcome) = tokio::time::timeout(patience, run.finished()).await {
            break outcome;
        }
        run.abort();
        run.finished().await;
        patience = patience * 3 / 2;
    };
    assert_eq!(outcome.state, RunState::Done, "{what}: {:?}", outcome.failure);
    for expected in fs::read_dir(golden.join("expected")).expect("there is an answer") {
        let expected = expected.expect("a folder entry").path();
        let found = sorted_lines(&out.path().join(expected.file_name().expect("a name")));
        assert!(found == sorted_lines(&expected), "{what}: {}", expected.display());
    }
    num_resumed
}

/// A pseudo-random sequence that is the same everywhere (Knuth's MMIX generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Readings out of order by up to two seconds, some of them damaged.
fn write_readings(path: &Path, num_rows: u64) {
    let mut dice = Dice(7);
    let mut text = String::new();
    for n in 0..num_rows {
        if n % 997 == 0 {
            text.push_str("{\"device\": \"torn\n");
        }
        let ms = 1_767_225_600_000 + n * 20 - dice.below(2_000);
        let (device, value) = (dice.below(50), dice.below(1_000));
        text.push_str(&format!("{{\"ts\":{ms},\"device\":\"d{device}\",\"value\":{value}}}\n"));
    }
    fs::write(path, text).expect("the test's folder can be written");
}

/// What devices were set to, one every 160 ms; out of order as the readings are.
fn write_settings(path: &Path, num_rows: u64) {
    let mut dice = Dice(11);
    let mut text = String::new();
    for n in 0..num_rows {
        let ms = 1_767_225_600_000 + n * 160 - dice.below(2_000);
        text.push_str(&format!("{{\"ts\":{ms},\"device\":\"d{}\",\"level\":{}}}\n", dice.below(50), dice.below(9)));
    }
    fs::write(path, text).expect("the test's folder can be written");
}

/// The readings, filtered, into windows in a CSV file, joined with settings near them in another, and as they are into
/// SQLite.
fn write_pipeline(folder: &Path) {
    let pipeline = json!({
        "format": 1,
        "name": "Killed",
        "parameters": { "out": { "type": "text", "default": "out" } },
        "nodes": {
            "readings": {
                "kind": "ingest.file",
                "params": {
                    "path": "readings.ndjson", "event_time": "ts", "max_out_of_orderness": "2 s",
                    "columns": [
                        { "name": "ts", "type": "unix_milliseconds" },
                        { "name": "device", "type": "text" },
                        { "name": "value", "type": "integer" }
                    ]
                }
            },
            "some": { "kind": "process.filter", "params": { "condition": "value > 100" } },
            "windows": {
                "kind": "analyze.tumbling_window",
                "params": {
                    "size": "3 s", "keys": ["device"],
                    "aggregates": [
                        { "name": "n", "expression": "count(*)" },
                        { "name": "mean", "expression": "avg(value)" },
                        { "name": "spread", "expression": "max(value) - min(value)" }
                    ]
                }
            },
            "settings": {
                "kind": "ingest.file",
                "params": {
                    "path": "settings.ndjson", "event_time": "ts", "max_out_of_orderness": "2 s",
                    "columns": [
                        { "name": "ts", "type": "unix_milliseconds" },
                        { "name": "device", "type": "text" },
                        { "name": "level", "type": "integer" }
                    ]
                }
            },
            "near": {
                "kind": "process.interval_join",
                "params": { "keys": [{ "left": "device" }], "before": "4 s", "after": "1 s", "kind": "left" }
            },
            "joined": { "kind": "store.file", "params": { "path": "${out}/joined.csv" } },
            "file": { "kind": "store.file", "params": { "path": "${out}/windows.csv" } },
            "table": { "kind": "store.sqlite", "params": { "path": "${out}/rows.db", "table": "readings", "mode": "append" } }
        },
        "wires": [
            { "from": "readings.rows", "to": "some.rows" },
            { "from": "some.rows", "to": "windows.rows" },
            { "from": "some.rows", "to": "table.rows" },
            { "from": "some.rows", "to": "near.left" },
            { "from": "settings.rows", "to": "near.right" },
            { "from": "near.rows", "to": "joined.rows" },
            { "from": "windows.rows", "to": "file.rows" }
        ]
    });
    fs::write(folder.join("killed.millrace.json"), format!("{pipeline:#}\n"))
        .expect("the test's folder can be written");
}

/// A folder with readings, settings and a pipeline, and what an undisturbed run makes of them.
struct Bench {
    folder: tempfile::TempDir,
    answer: Answer,
}

/// Rows as sorted lines.
#[derive(Default)]
struct Answer {
    windows: Vec<String>,
    joined: Vec<String>,
    table: Vec<String>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        write_readings(&folder.path().join("readings.ndjson"), 40_000);
        write_settings(&folder.path().join("settings.ndjson"), 5_000);
        write_pipeline(folder.path());
        let mut bench = Self { folder, answer: Answer::default() };
        let output = bench.command("calm").output().expect("the command starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        bench.answer = bench.found("calm");
        let Answer { windows, joined, table } = &bench.answer;
        assert!(windows.len() > 1_000 && joined.len() > table.len() && table.len() > 30_000);
        bench
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(cli());
        command.current_dir(self.folder.path()).args(["run", "killed.millrace.json", "--progress", "none"]);
        command.args(["--set", &format!("out={name}"), "--state", &format!("{name}.state")]);
        command.args(["--checkpoint-interval", "5 ms", "--parallelism", "2", "--batch-size", "256"]);
        command
    }

    fn start(&self, name: &str) -> Child {
        let mut command = self.command(name);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the command starts")
    }

    fn found(&self, name: &str) -> Answer {
        let out = self.folder.path().join(name);
        let database = rusqlite::Connection::open(out.join("rows.db")).expect("the database is there");
        let mut rows = database.prepare("SELECT ts, device, value FROM readings").expect("the table is there");
        let line =
            |row: &rusqlite::Row<'_>| Ok(format!("{:?} {:?} {:?}", row.get_ref(0)?, row.get_ref(1)?, row.get_ref(2)?));
        let mut table: Vec<String> =
            rows.query_map([], line).expect("rows").collect::<Result<_, _>>().expect("rows can be read");
        table.sort();
        Answer { windows: sorted_lines(&out.join("windows.csv")), joined: sorted_lines(&out.join("joined.csv")), table }
    }

    #[track_caller]
    fn assert_answer(&self, name: &str, what: &str) {
        let found = self.found(name);
        for (rows, expected, place) in [
            (&found.table, &self.answer.table, "the table"),
            (&found.joined, &self.answer.joined, "the pairs"),
            (&found.windows, &self.answer.windows, "the windows"),
        ] {
            assert!(rows == expected, "{what}: {} rows for {} in {place}", rows.len(), expected.len());
        }
    }
}

/// `MILLRACE_KILLS` says how many; CI makes a few.
#[test]
fn a_process_that_is_killed_again_and_again_gives_the_output_of_an_undisturbed_one() {
    let wanted: usize = std::env::var("MILLRACE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let bench = Bench::new();
    let mut dice = Dice(wanted as u64);
    let mut num_kills = 0;
    let mut round = 0;
    while num_kills < wanted {
        round += 1;
        let name = format!("round-{round}");
        let longest_ms = 150 + dice.below(900);
        loop {
            let mut child = bench.start(&name);
            // The later half of the attempts get further, so that each round comes to its end.
            std::thread::sleep(Duration::from_millis(30 + dice.below(longest_ms)));
            match child.try_wait().expect("it was started") {
                None => {
                    child.kill().expect("it can be killed");
                    child.wait().expect("it was started");
                    num_kills += 1;
                }
                Some(_) => {
                    let output = child.wait_with_output().expect("it has ended");
                    let said = String::from_utf8_lossy(&output.stderr).into_owned();
                    assert!(output.status.success(), "after {num_kills} kills: {said}");
                    break;
                }
            }
        }
        bench.assert_answer(&name, &format!("round {round}, after {num_kills} kills"));
    }
    println!("{num_kills} kills in {round} rounds");
}

#[test]
fn a_fault_at_any_of_the_fault_points_loses_and_doubles_nothing() {
    let bench = Bench::new();
    let places =
        ["between_position_and_state", "sink_prepare", "sink_commit", "before_state_write", "after_state_write"];
    let faults = places
        .iter()
        .flat_map(|place| ["kill", "full"].map(|what| format!("{place}:2:{what}")))
        .chain(["state_write:2:torn".to_owned(), "state_write:1:full".to_owned()]);
    for fault in faults {
        let name = fault.replace(':', "-");
        let hit = bench.command(&name).env("MILLRACE_FAULT", &fault).output().expect("the command starts");
        let said = String::from_utf8_lossy(&hit.stderr).into_owned();
        // A checkpoint that cannot be written is told, and the run goes on; everything else ends it.
        let goes_on = fault.ends_with("full") && fault.contains("state_write");
        assert_eq!(hit.status.success(), goes_on, "{fault}: {said}");
        if !goes_on {
            let again = bench.command(&name).output().expect("the command starts");
            assert!(again.status.success(), "{fault}, then: {}", String::from_utf8_lossy(&again.stderr));
        }
        bench.assert_answer(&name, &fault);
    }
}

#[test]
fn a_slow_sink_and_a_clock_that_jumps_do_not_show_in_the_output() {
    let bench = Bench::new();
    for fault in ["sink_write:1:slow", "sink_prepare:1:slow", "sink_commit:1:slow", "clock:5:forward", "clock:5:back"] {
        let name = fault.replace(':', "-");
        let run = bench.command(&name).env("MILLRACE_FAULT", fault).output().expect("the command starts");
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(run.status.success(), "{fault}: {said}");
        assert!(said.contains("a fault made for a test strikes"), "{fault} has struck: {said}");
        bench.assert_answer(&name, fault);
    }
}

#[cfg(unix)]
#[test]
fn a_second_interrupt_ends_a_run_at_once_and_takes_back_what_is_not_finished() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipeline = json!({
        "format": 1,
        "name": "Endless",
        "nodes": {
            "fleet": { "kind": "ingest.simulate_devices", "params": { "devices": 5, "pace": "as_fast_as_possible" } },
            "out": { "kind": "store.file", "params": { "path": "out.csv" } }
        },
        "wires": [{ "from": "fleet.rows", "to": "out.rows" }]
    });
    fs::write(folder.path().join("endless.millrace.json"), pipeline.to_string()).expect("the folder can be written");
    let mut command = Command::new(cli());
    command.current_dir(folder.path()).args([
        "run",
        "endless.millrace.json",
        "--progress",
        "none",
        "--batch-size",
        "1",
    ]);
    // What waits before the slow sink keeps the first stop busy.
    let command = command.env("MILLRACE_FAULT", "sink_write:1:slow").stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    let names = || fs::read_dir(folder.path()).expect("the folder is there").count();
    while names() < 2 {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(200));
    let pid = child.id().to_string();
    let interrupt = || {
        let sent = Command::new("kill").args(["-INT", &pid]).status();
        assert!(sent.expect("kill can be called").success());
    };
    interrupt();
    // Two signals that come before the first is heard are one.
    let mut said = BufReader::new(child.stderr.take().expect("it is piped")).lines().map_while(Result::ok);
    let first = said.by_ref().find(|line| line.contains("Interrupt again to end at once"));
    assert!(first.is_some(), "the first interrupt is answered");
    interrupt();
    let said: Vec<String> = said.collect();
    let status = child.wait().expect("it was started");
    assert_eq!(status.code(), Some(130), "{said:?}");
    assert_eq!(names(), 1, "nothing but the pipeline is left");
}
