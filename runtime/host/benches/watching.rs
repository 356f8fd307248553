//! What watching costs a run, and how long an alarm takes to be seen: the engine in this very process, as the designer and
//! the headless command have it.
//!
//! `cargo xtask bench` runs this in release and prints one JSON line a bench; a name as argument picks some. Each checks its
//! answer first. Runs with and without somebody who watches alternate, and their CPU seconds are compared, as the
//! machine may be shared.

#![allow(clippy::print_stdout, reason = "a bench talks to its user there")]

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use millrace_host::engine::{Run, RunOptions, RunOutcome, start};
use millrace_host::model::run::RunState;
use millrace_host::model::{NodeId, Pipeline, Wire};
use millrace_host::{Planner, registry};
use serde_json::{Value, json};

/// How often the designer asks for news.
const UI_PACE: Duration = Duration::from_millis(100);
const PAIRS: usize = 5;

/// Measures and gives the line to print.
type Bench = fn() -> Value;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let benches: [(&str, Bench); 3] = [("tap", tap), ("view", view), ("alarm", alarm)];
    for (name, bench) in benches {
        if wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())) {
            println!("{}", bench());
        }
    }
    // Takes long, so it has to be asked for.
    if wanted.iter().any(|part| part == "soak") {
        println!("{}", soak());
    }
}

fn pipeline(nodes: &Value, wires: &[(&str, &str)]) -> Pipeline {
    let wires: Vec<Value> = wires.iter().map(|(from, to)| json!({ "from": from, "to": to })).collect();
    let text = json!({ "format": 1, "name": "Watched", "nodes": nodes, "wires": wires }).to_string();
    Pipeline::parse(&text).expect("it is a pipeline").0
}

/// Runs a pipeline to its end, while `watch` looks at it at the pace of the designer.
fn run(pipeline: &Pipeline, options: RunOptions, mut watch: impl FnMut(&Run)) -> RunOutcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    runtime.block_on(async {
        let planner = Planner::new(registry());
        let plan = planner.plan(pipeline, &Default::default(), Path::new(".")).await;
        assert!(plan.is_runnable(), "{:#?}", plan.diagnostics);
        let run = start(&plan, planner.registry(), options).await.expect("it starts");
        let finished = run.finished();
        tokio::pin!(finished);
        loop {
            tokio::select! {
                outcome = &mut finished => {
                    watch(&run);
                    assert_eq!(outcome.state, RunState::Done, "{:?}", outcome.failure);
                    return outcome;
                }
                () = tokio::time::sleep(UI_PACE) => watch(&run),
            }
        }
    })
}

fn node(name: &str) -> NodeId {
    name.parse().expect("a node's id")
}

fn wire(pipeline: &Pipeline, from: &str) -> Wire {
    pipeline.wires_out_of(&node(from)).into_iter().next().expect("there is such a wire")
}

/// What this process has used of the CPU so far.
fn cpu_seconds() -> f64 {
    const TICKS_PER_SECOND: f64 = 100.0;
    let text = fs::read_to_string("/proc/self/stat").expect("Linux tells what a process has used");
    let after_name = text.rsplit_once(')').expect("the name stands in brackets").1;
    let ticks: f64 = after_name.split_whitespace().skip(11).take(2).map(|n| n.parse::<f64>().expect("ticks")).sum();
    ticks / TICKS_PER_SECOND
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// CPU seconds of pairs of runs, one of each pair watched.
fn compare(bench: &str, rows: u64, mut run: impl FnMut(bool)) -> Value {
    let (mut unwatched, mut watched) = (Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        for (is_watched, seconds) in [(false, &mut unwatched), (true, &mut watched)] {
            let before = cpu_seconds();
            run(is_watched);
            seconds.push(cpu_seconds() - before);
        }
    }
    // Two runs of a pair meet much the same machine.
    let mut ratios: Vec<f64> = watched.iter().zip(&unwatched).map(|(with, without)| with / without).collect();
    json!({
        "bench": bench,
        "rows": rows,
        "cpu_seconds_without": unwatched,
        "cpu_seconds_with": watched,
        "ratio": median(&mut ratios),
    })
}

const ROWS: u64 = 20_000_000;

/// A simulated fleet through a filter into windows; the wire behind the fleet is tapped, or not.
fn tap() -> Value {
    let nodes = json!({
        "devices": { "kind": "ingest.simulate_devices", "params": {
            "devices": 10_000, "rate": 1_000.0, "limit": ROWS, "pace": "as_fast_as_possible", "sites": 50,
        } },
        "filter": { "kind": "process.filter", "params": { "condition": "temperature > 20" } },
        "windows": { "kind": "analyze.tumbling_window", "params": {
            "size": "10 s", "keys": ["site"], "aggregates": [{ "name": "n", "expression": "count(*)" }],
        } },
        "store": { "kind": "store.discard" },
    });
    let wires = [("devices.rows", "filter.rows"), ("filter.rows", "windows.rows"), ("windows.rows", "store.rows")];
    let pipeline = pipeline(&nodes, &wires);
    let tapped = wire(&pipeline, "devices");
    let mut answers = HashSet::new();
    compare("tap", ROWS, |is_watched| {
        let mut num_seen = 0;
        let outcome = run(&pipeline, RunOptions::default(), |run| {
            if is_watched {
                assert!(run.tap(&tapped), "the wire is there");
                num_seen += run.tapped(&tapped).map_or(0, |rows| rows.num_rows());
            }
        });
        assert_eq!(num_seen > 0, is_watched, "{num_seen} rows were seen");
        assert_eq!(outcome.metrics.nodes[&node("devices")].rows_out, ROWS);
        answers.insert(outcome.metrics.nodes[&node("store")].rows_in);
        assert_eq!(answers.len(), 1, "watching does not show in the answer");
    })
}

/// A simulated fleet into a line chart, which somebody looks at, or nobody.
fn view() -> Value {
    let nodes = json!({
        "devices": { "kind": "ingest.simulate_devices", "params": {
            "devices": 100, "rate": 1_000.0, "limit": ROWS, "pace": "as_fast_as_possible", "sites": 5,
        } },
        "filter": { "kind": "process.filter", "params": { "condition": "temperature > 20" } },
        "chart": { "kind": "visualize.line_chart", "params": {
            "x": "time", "y": ["temperature"], "series": "site",
        } },
    });
    let pipeline = pipeline(&nodes, &[("devices.rows", "filter.rows"), ("filter.rows", "chart.rows")]);
    let chart = node("chart");
    compare("view", ROWS, |is_watched| {
        let mut versions = HashSet::new();
        let outcome = run(&pipeline, RunOptions::default(), |run| {
            if is_watched {
                versions.extend(run.view(&chart).map(|(version, _)| version));
            }
        });
        assert_eq!(versions.len() > 3, is_watched, "{} pictures were seen", versions.len());
        assert_eq!(outcome.metrics.nodes[&node("devices")].rows_out, ROWS);
    })
}

/// Thirty-two charts of a thousand points a second each, looked at all the time for half an hour, or for as many minutes
/// as `MILLRACE_SOAK_MINUTES` says: the memory of the process once every chart is full, and from then to the end.
fn soak() -> Value {
    const NUM_CHARTS: usize = 32;
    const POINTS_A_SECOND: u64 = 1_000;
    /// So many points are held by a chart after ten seconds.
    const KEEP: u64 = 10 * POINTS_A_SECOND;
    let minutes: u64 =
        std::env::var("MILLRACE_SOAK_MINUTES").map_or(30, |text| text.parse().expect("a number of minutes"));
    let limit = minutes * 60 * POINTS_A_SECOND;
    let charts: Vec<String> = (0..NUM_CHARTS).map(|chart| format!("chart_{chart}")).collect();
    let mut nodes = json!({
        "devices": { "kind": "ingest.simulate_devices", "params": {
            "devices": 10, "rate": POINTS_A_SECOND as f64, "limit": limit, "pace": "real_time", "sites": 5,
        } },
    });
    for chart in &charts {
        nodes[chart] =
            json!({ "kind": "visualize.line_chart", "params": { "x": "time", "y": ["temperature"], "keep": KEEP } });
    }
    let ports: Vec<String> = charts.iter().map(|chart| format!("{chart}.rows")).collect();
    let wires: Vec<(&str, &str)> = ports.iter().map(|port| ("devices.rows", port.as_str())).collect();
    let pipeline = pipeline(&nodes, &wires);
    let views: Vec<NodeId> = charts.iter().map(|chart| node(chart)).collect();
    let mut memory_mb = Vec::new();
    let mut num_pictures = 0_u64;
    let before = cpu_seconds();
    let outcome = run(&pipeline, RunOptions::default(), |run| {
        for view in &views {
            num_pictures += u64::from(run.view(view).is_some());
        }
        memory_mb.push(resident_mb());
    });
    assert_eq!(outcome.metrics.nodes[&node("devices")].rows_out, limit);
    for view in &views {
        assert_eq!(outcome.metrics.nodes[view].rows_in, limit, "every chart got every point");
    }
    // The charts are full after the first tenth of the time.
    let (filling, full) = memory_mb.split_at(memory_mb.len() / 10);
    let highest = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let (first, last) = (highest(&full[..full.len() / 3]), highest(&full[full.len() * 2 / 3..]));
    assert!(last < first * 1.05, "memory grew from {first:.0} to {last:.0} MB");
    json!({
        "bench": "soak",
        "minutes": minutes,
        "charts": NUM_CHARTS,
        "points": limit * NUM_CHARTS as u64,
        "pictures": num_pictures,
        "cpu_seconds": cpu_seconds() - before,
        "memory_mb": { "while_filling": highest(filling), "first_third": first, "last_third": last },
    })
}

/// What this process holds of memory now.
fn resident_mb() -> f64 {
    const PAGE_BYTES: f64 = 4_096.0;
    let text = fs::read_to_string("/proc/self/statm").expect("Linux tells what a process holds");
    let pages: f64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number of pages");
    pages * PAGE_BYTES / 1e6
}

/// A fleet of a million devices in real time, of which one in a hundred rows is lost: how long after a device counts as
/// silent the alarm is there to be seen. Event time is the clock on the wall here.
fn alarm() -> Value {
    let repository: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = repository.join("projects/bench/silence_1m.millrace.json");
    let mut text: Value = serde_json::from_str(&fs::read_to_string(path).expect("readable")).expect("JSON");
    text["parameters"]["pace"]["default"] = json!("real_time");
    text["parameters"]["rows"]["default"] = json!(3_000_000);
    text["nodes"]["store"] = json!({ "kind": "store.discard" });
    let pipeline = Pipeline::parse(&text.to_string()).expect("it is a pipeline").0;
    let tapped = wire(&pipeline, "silence");
    let (mut num_seen, mut delays_ms) = (0, Vec::new());
    let options = RunOptions { tap_rows: 1_000_000, ..RunOptions::default() };
    let outcome = run(&pipeline, options, |run| {
        assert!(run.tap(&tapped), "the wire is there");
        let Some(rows) = run.tapped(&tapped) else { return };
        let news = rows.slice(num_seen, rows.num_rows() - num_seen);
        num_seen = rows.num_rows();
        delays_ms.extend(delays(&news));
    });
    let num_changes = outcome.metrics.nodes[&node("silence")].rows_out;
    assert_eq!(num_seen as u64, num_changes, "every change was seen");
    assert_eq!(outcome.metrics.nodes[&node("silence")].rows_late, 0);
    assert!(delays_ms.len() > 1_000 && delays_ms.iter().all(|ms| *ms >= 0.0), "no alarm is too early");
    let num_alarms = delays_ms.len();
    json!({
        "bench": "alarm",
        "devices": 1_000_000,
        "alarms": num_alarms,
        "max_out_of_orderness": "2 s",
        "median_delay_ms": median(&mut delays_ms),
        "longest_delay_ms": delays_ms[num_alarms - 1],
    })
}

/// For each alarm, the milliseconds since its device counts as silent.
fn delays(changes: &RecordBatch) -> Vec<f64> {
    let now_us = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_micros() as f64;
    let column = |name: &str| changes.column_by_name(name).expect("it is a column of changes");
    let since = column("silent_since").as_primitive::<TimestampMicrosecondType>();
    let states = column("state").as_string::<i32>();
    let alarms = (0..changes.num_rows()).filter(|row| states.value(*row) == "silent");
    alarms.map(|row| (now_us - since.value(row) as f64) / 1e3).collect()
}
