//! Benches over the events of Nexmark, which `ingest.nexmark` makes within the measured process.
//!
//! Each query first runs over 20,000 events, and its rows must be those of the slow way (`millrace_tests::nexmark`). Then
//! it is measured: all events must have left the generator, and none may be late. Query q0 does nothing with the bids: its
//! rate is that of the generator with the discarding sink, printed beside the others.

use std::path::Path;

use millrace_tests::nexmark::{Setting, Trial, query};
use serde_json::{Value, json};

use crate::{run, run_file};

const MEASURED_EVENTS: u64 = 10_000_000;
const GENERATOR: &str = "q0";

/// Checks a query's answer, measures it, and gives the line to print.
pub fn measure(name: &str, folder: &Path) -> Value {
    let metrics = folder.join("metrics.json");
    let small = |pipeline: &Path| {
        run_file(pipeline, &[], &metrics);
    };
    Trial::new(folder, Setting::ORDERED, small).check(query(name), Setting::ORDERED, "in the command", small);
    let measured = run_events(name, folder);
    let generator = if name == GENERATOR { measured.clone() } else { run_events(GENERATOR, folder) };
    let (seconds, cpu_seconds) = times(&measured);
    let (generator_seconds, generator_cpu_seconds) = times(&generator);
    let rows = MEASURED_EVENTS as f64;
    json!({
        "bench": format!("nexmark_{name}"),
        "rows": MEASURED_EVENTS,
        "answer_rows": count(&measured, "store", "rows_in"),
        "seconds": seconds,
        "rows_per_second": (rows / seconds).round(),
        "cpu_seconds": cpu_seconds,
        "rows_per_cpu_second": (rows / cpu_seconds).round(),
        "peak_memory_bytes": measured["process"]["peak_memory_bytes"],
        "generator_rows_per_second": (rows / generator_seconds).round(),
        "generator_rows_per_cpu_second": (rows / generator_cpu_seconds).round(),
    })
}

/// Runs a query over all events; each must have left the generator, and none may be late.
fn run_events(name: &str, folder: &Path) -> Value {
    let arguments = ["--set".to_owned(), format!("events={MEASURED_EVENTS}")];
    let metrics = run(&format!("nexmark_{name}.millrace.json"), &arguments, &folder.join("metrics.json"));
    assert_eq!(count(&metrics, "events", "rows_out"), MEASURED_EVENTS, "{name}: events");
    for (node, counts) in metrics["nodes"].as_object().expect("metrics of nodes") {
        assert_eq!(counts["rows_late"].as_u64().unwrap_or_default(), 0, "{name}: late rows at {node}");
    }
    metrics
}

fn count(metrics: &Value, node: &str, field: &str) -> u64 {
    metrics["nodes"][node][field].as_u64().unwrap_or_else(|| panic!("{node} has {field}"))
}

fn times(metrics: &Value) -> (f64, f64) {
    let seconds = metrics["elapsed_ms"].as_f64().expect("elapsed_ms") / 1e3;
    (seconds, metrics["process"]["cpu_seconds"].as_f64().expect("cpu_seconds"))
}
