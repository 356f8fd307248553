//! Benches over large files: the pipelines w1 to w4 of `projects/bench`.
//!
//! Inputs come from the benches' generator, which writes the same bytes every time, so each answer is known: by its
//! number of rows and the SHA-256 of its rows in a canonical form, both from an independent engine.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::run;

/// How a cell is written in the canonical form of an answer: exact, whatever order floats were added in.
enum Cell {
    /// Text, or a whole number.
    Plain(&'static str),
    /// A number in units of one by this many.
    Scaled(&'static str, f64),
    /// A mean of `n` values in hundredths: their sum.
    Sum(&'static str),
}

pub struct Workload {
    pipeline: &'static str,
    input: &'static str,
    cells: &'static [Cell],
    num_rows: usize,
    sha256: &'static str,
}

pub const W1: Workload = Workload {
    pipeline: "w1_device_average.millrace.json",
    input: "readings.ndjson",
    cells: &[
        Cell::Plain("device_id"),
        Cell::Plain("window_start"),
        Cell::Plain("n"),
        Cell::Sum("avg_t"),
        Cell::Scaled("min_t", 100.0),
        Cell::Scaled("max_t", 100.0),
    ],
    num_rows: 2_325_015,
    sha256: "a60a721aa226c02dcc295281572acec44ac24003e87003df54fddfc324eed45c",
};

pub const W1B: Workload = Workload {
    pipeline: "w1b_site_average.millrace.json",
    input: "readings.ndjson",
    cells: &[
        Cell::Plain("site"),
        Cell::Plain("window_start"),
        Cell::Plain("n"),
        Cell::Sum("avg_t"),
        Cell::Scaled("min_t", 100.0),
        Cell::Scaled("max_t", 100.0),
    ],
    num_rows: 25_050,
    sha256: "152c67d2246fb8de31a4b5437a96c03e238390d5269866eba94ed93bb46bb134",
};

pub const W2: Workload = Workload {
    pipeline: "w2_filter.millrace.json",
    input: "readings.ndjson",
    cells: &[
        Cell::Plain("device_id"),
        Cell::Plain("ts"),
        Cell::Scaled("temperature", 100.0),
        Cell::Scaled("humidity", 10.0),
        Cell::Plain("status"),
        Cell::Plain("site"),
        Cell::Scaled("fahrenheit", 1000.0),
    ],
    num_rows: 163_966,
    sha256: "fd6134fb1785ef4b3572ffd21456cf2792bf6fb83b9be126bfe4d24608ced42f",
};

pub const W3: Workload = Workload {
    pipeline: "w3_hot_items.millrace.json",
    input: "bids.ndjson",
    cells: &[Cell::Plain("window_start"), Cell::Plain("auction"), Cell::Plain("n")],
    num_rows: 2_506,
    sha256: "8e29cf6bf204742b7beeca7cb93a3852d8e3b72a9d45a127f709ffc6f8a86bfc",
};

pub const W4: Workload = Workload {
    pipeline: "w4_access_log.millrace.json",
    input: "access.log",
    cells: &[Cell::Plain("window_start"), Cell::Plain("status"), Cell::Plain("n")],
    num_rows: 1_512,
    sha256: "bfc7f1399247463587e28e250f64d89b024b73cd513552518f2caaca872360b4",
};

/// Runs a workload, checks its answer, and gives the line to print.
pub fn measure(workload: &Workload, folder: &Path) -> Value {
    let Some(inputs) = std::env::var_os("MILLRACE_BENCH_INPUTS") else {
        return json!({"bench": workload.pipeline, "skipped": "MILLRACE_BENCH_INPUTS names no folder with inputs"});
    };
    let (input, out) = (Path::new(&inputs).join(workload.input), folder.join("out.ndjson"));
    let set = |name: &str, path: &Path| ["--set".to_owned(), format!("{name}={}", path.display())];
    let arguments = [set("input", &input), set("output", &out)].concat();
    let metrics = run(workload.pipeline, &arguments, &folder.join("metrics.json"));
    let (num_rows, sha256) = canonical(&out, workload.cells);
    assert_eq!(num_rows, workload.num_rows, "{}: rows of the answer", workload.pipeline);
    assert_eq!(sha256, workload.sha256, "{}: the answer", workload.pipeline);
    let seconds = metrics["elapsed_ms"].as_f64().expect("elapsed_ms") / 1e3;
    let cpu_seconds = metrics["process"]["cpu_seconds"].as_f64().expect("cpu_seconds");
    let rows = metrics["source_rows"].as_f64().expect("source_rows");
    json!({
        "bench": workload.pipeline,
        "rows": rows,
        "answer_rows": num_rows,
        "seconds": seconds,
        "rows_per_second": (rows / seconds).round(),
        "cpu_seconds": cpu_seconds,
        "rows_per_cpu_second": (rows / cpu_seconds).round(),
        "peak_memory_bytes": metrics["process"]["peak_memory_bytes"],
    })
}

fn canonical(out: &Path, cells: &[Cell]) -> (usize, String) {
    let file = BufReader::new(File::open(out).unwrap_or_else(|error| panic!("{}: {error}", out.display())));
    let mut rows: Vec<String> = file
        .lines()
        .map(|line| {
            let row: Value = serde_json::from_str(&line.expect("the answer is text")).expect("the answer is JSON");
            let cells: Vec<String> = cells.iter().map(|cell| written(cell, &row)).collect();
            cells.join(",")
        })
        .collect();
    rows.sort_unstable();
    let mut digest = Sha256::new();
    for row in &rows {
        digest.update(row);
        digest.update("\n");
    }
    (rows.len(), digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn written(cell: &Cell, row: &Value) -> String {
    let number = |name: &str| row[name].as_f64().unwrap_or_else(|| panic!("{name} is a number: {row}"));
    match cell {
        Cell::Plain(name) => row[*name].as_str().map_or_else(|| row[*name].to_string(), str::to_owned),
        Cell::Scaled(name, scale) => format!("{:.0}", (number(name) * scale).round()),
        Cell::Sum(name) => format!("{:.0}", (number(name) * number("n") * 100.0).round()),
    }
}
