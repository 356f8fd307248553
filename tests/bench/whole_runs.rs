//! What a run costs beside its rows: checkpoints, and the time until the command has its first row.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use millrace_tests::{cli, repository};
use serde_json::{Value, json};

use crate::run;

const CHECKPOINTED: &str = "nexmark_q11.millrace.json";
/// Some twenty seconds and more, so that several checkpoints are taken on the way.
const EVENTS: u64 = 250_000_000;
const PAIRS: usize = 3;

/// The same run with a checkpoint every ten seconds and with none, in turn.
///
/// The answer: the same number of sessions either way, and checkpoints were taken on the way.
pub fn checkpoints(folder: &Path) -> Value {
    let events = ["--set".to_owned(), format!("events={EVENTS}")];
    let cpu_seconds = |metrics: &Value| metrics["process"]["cpu_seconds"].as_f64().expect("cpu_seconds");
    let (mut without, mut with, mut last) = (Vec::new(), Vec::new(), Value::Null);
    for pair in 0..PAIRS {
        let plain = run(CHECKPOINTED, &events, &folder.join("plain.json"));
        let state = ["--state".to_owned(), folder.join(format!("state-{pair}")).display().to_string()];
        let kept = run(CHECKPOINTED, &[&events[..], &state].concat(), &folder.join("kept.json"));
        for metrics in [&plain, &kept] {
            assert_eq!(metrics["nodes"]["events"]["rows_out"], EVENTS);
        }
        assert_eq!(plain["nodes"]["store"]["rows_in"], kept["nodes"]["store"]["rows_in"], "sessions");
        // The last of them is that of the end.
        assert!(kept["checkpoint"]["number"].as_u64() >= Some(2), "one was taken on the way: {}", kept["checkpoint"]);
        without.push(cpu_seconds(&plain));
        with.push(cpu_seconds(&kept));
        last = kept["checkpoint"].clone();
    }
    json!({
        "bench": "checkpoints",
        "pipeline": CHECKPOINTED,
        "rows": EVENTS,
        "cpu_seconds_without": without,
        "cpu_seconds_with": with,
        // Two runs of a pair meet much the same machine.
        "ratio": median(&with.iter().zip(&without).map(|(with, without)| with / without).collect::<Vec<_>>()),
        "checkpoints": last["number"],
    })
}

/// From the start of the command to its end, over a pipeline that gives one row: it has its first row by then.
pub fn first_row(folder: &Path) -> Value {
    const STARTS: usize = 41;
    let out = folder.join("out");
    let mut milliseconds = Vec::new();
    for _ in 0..STARTS {
        let _ = fs::remove_dir_all(&out);
        let mut command = Command::new(cli());
        command.arg("run").arg(repository().join("projects/bench/first_row.millrace.json"));
        command.args(["--progress", "none", "--set", &format!("out={}", out.display())]);
        let start = Instant::now();
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("the command starts");
        milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
        assert!(status.success());
        let text = fs::read_to_string(out.join("first.ndjson")).expect("the row was written");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("\"n\":1"), "{text}");
    }
    milliseconds.sort_by(f64::total_cmp);
    json!({
        "bench": "first_row",
        "starts": STARTS,
        "median_ms": median(&milliseconds),
        "fastest_ms": milliseconds[0],
        "slowest_ms": milliseconds[STARTS - 1],
    })
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
