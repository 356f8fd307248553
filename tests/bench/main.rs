//! Whole-process benches: the release `millrace` command over pipelines of projects/bench, each answer checked before
//! a number is printed. One JSON line a bench: rows per second, CPU seconds, peak memory.
//!
//! `cargo xtask bench` builds the command and runs this. A name as argument runs only the benches that contain it. The
//! benches over files want `MILLRACE_BENCH_INPUTS` to name the folder with their inputs, and are passed over without it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a bench talks to its user there")]

mod files;
mod nexmark;
mod silence;
mod whole_runs;

use std::fs;
use std::path::Path;
use std::process::Command;

use millrace_tests::{cli, repository};
use serde_json::{Value, json};

/// Measures in a scratch folder and gives the line to print.
type Bench = fn(&Path) -> Value;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let benches: [(&str, Bench); 20] = [
        ("fleet_5m", fleet_5m),
        ("w1_device_average", |folder| files::measure(&files::W1, folder)),
        ("w1b_site_average", |folder| files::measure(&files::W1B, folder)),
        ("w2_filter", |folder| files::measure(&files::W2, folder)),
        ("w3_hot_items", |folder| files::measure(&files::W3, folder)),
        ("w4_access_log", |folder| files::measure(&files::W4, folder)),
        ("nexmark_q0", |folder| nexmark::measure("q0", folder)),
        ("nexmark_q1", |folder| nexmark::measure("q1", folder)),
        ("nexmark_q2", |folder| nexmark::measure("q2", folder)),
        ("nexmark_q3", |folder| nexmark::measure("q3", folder)),
        ("nexmark_q4", |folder| nexmark::measure("q4", folder)),
        ("nexmark_q5", |folder| nexmark::measure("q5", folder)),
        ("nexmark_q6", |folder| nexmark::measure("q6", folder)),
        ("nexmark_q7", |folder| nexmark::measure("q7", folder)),
        ("nexmark_q8", |folder| nexmark::measure("q8", folder)),
        ("nexmark_q11", |folder| nexmark::measure("q11", folder)),
        ("nexmark_q12", |folder| nexmark::measure("q12", folder)),
        ("silence_1m", silence::measure),
        ("checkpoints", whole_runs::checkpoints),
        ("first_row", whole_runs::first_row),
    ];
    let scratch = repository().join("target/bench");
    for (name, bench) in benches {
        if wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())) {
            let folder = scratch.join(name);
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
            println!("{}", bench(&folder));
        }
    }
}

/// Runs a pipeline of projects/bench; gives its metrics.
fn run(pipeline: &str, arguments: &[String], metrics: &Path) -> Value {
    run_file(&repository().join("projects/bench").join(pipeline), arguments, metrics)
}

fn run_file(pipeline: &Path, arguments: &[String], metrics: &Path) -> Value {
    let output = Command::new(cli())
        .arg("run")
        .arg(pipeline)
        .args(["--progress", "none", "--metrics"])
        .arg(metrics)
        .args(arguments)
        .output()
        .expect("the command starts");
    assert!(output.status.success(), "{}: {}", pipeline.display(), String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(metrics).expect("the command wrote its metrics");
    serde_json::from_str(&text).expect("metrics are JSON")
}

/// Five million simulated readings through a filter and a keyed window to a file.
///
/// The answer: rows of every node add up, the counts in the file sum to what the filter passed, each group is there
/// once, and two instances give what one gives.
fn fleet_5m(folder: &Path) -> Value {
    const NUM_ROWS: u64 = 5_000_000;
    let mut lines = Vec::new();
    let mut result = json!({});
    for parallelism in [1, 2] {
        let out = folder.join(format!("windows-{parallelism}.csv"));
        let arguments = [
            "--set".to_owned(),
            format!("rows={NUM_ROWS}"),
            "--set".to_owned(),
            format!("output={}", out.display()),
            "--parallelism".to_owned(),
            parallelism.to_string(),
        ];
        let metrics = run("fleet_5m.millrace.json", &arguments, &folder.join(format!("metrics-{parallelism}.json")));
        let count = |node: &str, field: &str| metrics["nodes"][node][field].as_u64().expect(field);
        assert_eq!(count("devices", "rows_out"), NUM_ROWS);
        assert_eq!(count("filter", "rows_in"), NUM_ROWS);
        assert_eq!(count("filter", "rows_out") + count("filter", "rows_dropped"), NUM_ROWS);
        assert_eq!(count("windows", "rows_in"), count("filter", "rows_out"));
        assert_eq!(count("windows", "rows_late"), 0);
        let text = fs::read_to_string(&out).expect("the windows were written");
        let mut rows: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
        let counted: u64 =
            rows.iter().map(|row| row.split(',').nth(3).and_then(|n| n.parse::<u64>().ok()).expect("n")).sum();
        assert_eq!(counted, count("filter", "rows_out"), "every row that passed is in one window");
        rows.sort();
        let keys = rows
            .iter()
            .map(|row| row.split(',').take(3).collect::<Vec<_>>())
            .collect::<std::collections::BTreeSet<_>>();
        assert_eq!(keys.len(), rows.len(), "each group is there once");
        lines.push(rows);
        let seconds = metrics["elapsed_ms"].as_f64().expect("elapsed_ms") / 1e3;
        result[format!("parallelism_{parallelism}")] = json!({
            "seconds": seconds,
            "rows_per_second": (NUM_ROWS as f64 / seconds).round(),
            "cpu_seconds": metrics["process"]["cpu_seconds"],
            "peak_memory_bytes": metrics["process"]["peak_memory_bytes"],
        });
    }
    assert!(lines[0] == lines[1], "two instances give what one gives");
    json!({"bench": "fleet_5m", "rows": NUM_ROWS, "groups": lines[0].len(), "result": result})
}
