//! Benches over the events of Nexmark, which `ingest.nexmark` makes within the measured process.
//!
//! Each query runs twice. The first run, over a million events, must give the number of rows that an independent
//! recomputation of generator and query gives (or what the proportions of events say); the second is the one measured,
//! and all events must have left the generator, none of them late. Query q0 does nothing with the bids: its rate is
//! that of the generator with the discarding sink, printed beside the others.

use std::path::Path;

use serde_json::{Value, json};

use crate::run;

const CHECKED_EVENTS: u64 = 1_000_000;
const MEASURED_EVENTS: u64 = 10_000_000;
const EVENTS_PER_ROUND: u64 = 50;
const BIDS_PER_ROUND: u64 = 46;
const GENERATOR: &str = "nexmark_q0.millrace.json";

pub struct Query {
    pipeline: &'static str,
    /// How many rows the checked run gives.
    num_rows: u64,
}

pub const Q0: Query = Query { pipeline: GENERATOR, num_rows: num_bids(CHECKED_EVENTS) };
pub const Q1: Query = Query { pipeline: "nexmark_q1.millrace.json", num_rows: num_bids(CHECKED_EVENTS) };
pub const Q2: Query = Query { pipeline: "nexmark_q2.millrace.json", num_rows: 6_820 };
/// One highest bid for each 10 s of 10,000 events a second.
pub const Q7: Query = Query { pipeline: "nexmark_q7.millrace.json", num_rows: CHECKED_EVENTS / 100_000 };
pub const Q12: Query = Query { pipeline: "nexmark_q12.millrace.json", num_rows: 27_363 };

const fn num_bids(events: u64) -> u64 {
    events / EVENTS_PER_ROUND * BIDS_PER_ROUND
}

/// Runs a query, checks its answer, and gives the line to print.
pub fn measure(query: &Query, folder: &Path) -> Value {
    let checked = run_events(query.pipeline, CHECKED_EVENTS, folder);
    assert_eq!(count(&checked, "store", "rows_in"), query.num_rows, "{}: rows of the answer", query.pipeline);
    let measured = run_events(query.pipeline, MEASURED_EVENTS, folder);
    let generator =
        if query.pipeline == GENERATOR { measured.clone() } else { run_events(GENERATOR, MEASURED_EVENTS, folder) };
    let (seconds, cpu_seconds) = times(&measured);
    let (generator_seconds, generator_cpu_seconds) = times(&generator);
    let rows = MEASURED_EVENTS as f64;
    json!({
        "bench": query.pipeline,
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

/// Runs a pipeline over so many events; all must have left the generator, and none may be late.
fn run_events(pipeline: &str, events: u64, folder: &Path) -> Value {
    let arguments = ["--set".to_owned(), format!("events={events}")];
    let metrics = run(pipeline, &arguments, &folder.join("metrics.json"));
    assert_eq!(count(&metrics, "events", "rows_out"), events, "{pipeline}: events");
    for (node, counts) in metrics["nodes"].as_object().expect("metrics of nodes") {
        assert_eq!(counts["rows_late"].as_u64().unwrap_or_default(), 0, "{pipeline}: late rows at {node}");
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
