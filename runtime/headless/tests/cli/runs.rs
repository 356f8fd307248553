//! Runs of small pipelines: what they write, what they say, and how they end.

use serde_json::{Value, json};

use crate::harness::{Folder, Ran};

const FILE: &str = "run.millrace.json";

/// The text of a pipeline file.
pub fn pipeline(content: &Value) -> String {
    format!("{content:#}\n")
}

/// A node with six readings of two devices over two minutes.
pub fn inject() -> Value {
    json!({
        "kind": "ingest.inject",
        "title": "Readings",
        "params": {
            "event_time": "ts",
            "rows": "ts,device,v\n\
                     2026-01-01T00:00:00Z,a,1\n\
                     2026-01-01T00:00:20Z,b,5\n\
                     2026-01-01T00:00:40Z,a,3\n\
                     2026-01-01T00:01:00Z,a,4\n\
                     2026-01-01T00:01:20Z,b,2\n\
                     2026-01-01T00:01:30Z,b,6\n"
        }
    })
}

/// Readings → filter → one-minute windows → `out.csv`.
fn windows() -> Value {
    json!({
        "format": 1,
        "name": "Minutes",
        "parameters": { "limit": { "type": "integer", "default": 1 } },
        "nodes": {
            "rows": inject(),
            "keep": { "kind": "process.filter", "title": "Warm only", "params": { "condition": "v > ${limit}" } },
            "minutes": {
                "kind": "analyze.tumbling_window",
                "params": {
                    "size": "1 min",
                    "keys": ["device"],
                    "aggregates": [
                        { "name": "n", "expression": "count(*)" },
                        { "name": "mean", "expression": "avg(v)" }
                    ]
                }
            },
            "out": { "kind": "store.file", "params": { "path": "out.csv" } }
        },
        "wires": [
            { "from": "rows.rows", "to": "keep.rows" },
            { "from": "keep.rows", "to": "minutes.rows" },
            { "from": "minutes.rows", "to": "out.rows" }
        ]
    })
}

const RESULT: [&str; 4] = [
    "2026-01-01T00:00:00Z,2026-01-01T00:01:00Z,a,1,3.0",
    "2026-01-01T00:00:00Z,2026-01-01T00:01:00Z,b,1,5.0",
    "2026-01-01T00:01:00Z,2026-01-01T00:02:00Z,a,1,4.0",
    "2026-01-01T00:01:00Z,2026-01-01T00:02:00Z,b,2,4.0",
];

/// The records of a CSV file without its header, sorted.
fn records(folder: &Folder, name: &str) -> Vec<String> {
    let mut lines: Vec<String> = folder.read(name).lines().skip(1).map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn a_run_writes_its_result_and_says_how_much_it_was() {
    let folder = Folder::with(FILE, &pipeline(&windows()));
    let ran = folder.millrace(&["run", FILE]).ended_with(0);
    assert_eq!(folder.read("out.csv").lines().next(), Some("window_start,window_end,device,n,mean"));
    assert_eq!(records(&folder, "out.csv"), RESULT);
    assert_eq!(ran.stdout, "", "data goes where the pipeline sends it");
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert!(lines.len() == 1 && lines[0].starts_with("Done in ") && lines[0].contains(": 6 rows"), "{}", ran.stderr);
    assert_eq!(folder.names(), ["out.csv", FILE]);
}

#[test]
fn the_result_is_the_same_for_every_batch_size_and_parallelism() {
    for batch_size in ["1", "32", "8192"] {
        for parallelism in ["1", "2", "3"] {
            let folder = Folder::with(FILE, &pipeline(&windows()));
            let args = ["run", FILE, "--batch-size", batch_size, "--parallelism", parallelism, "--progress", "none"];
            folder.millrace(&args).ended_with(0);
            assert_eq!(records(&folder, "out.csv"), RESULT, "batch size {batch_size}, parallelism {parallelism}");
        }
    }
}

#[test]
fn paths_in_a_pipeline_start_at_its_own_folder() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("work")).expect("a folder is made");
    folder.write("work/run.millrace.json", &pipeline(&windows()));
    folder.millrace(&["run", "work/run.millrace.json"]).ended_with(0);
    assert_eq!(folder.names(), ["work", "work/out.csv", "work/run.millrace.json"]);
}

#[test]
fn set_changes_a_parameter_for_one_run() {
    let folder = Folder::with(FILE, &pipeline(&windows()));
    folder.millrace(&["run", FILE, "--set", "limit=4"]).ended_with(0);
    assert_eq!(
        records(&folder, "out.csv"),
        ["2026-01-01T00:00:00Z,2026-01-01T00:01:00Z,b,1,5.0", "2026-01-01T00:01:00Z,2026-01-01T00:02:00Z,b,1,6.0"]
    );
}

#[test]
fn metrics_tell_every_node_and_what_the_process_used() {
    let folder = Folder::with(FILE, &pipeline(&windows()));
    folder.millrace(&["run", FILE, "--metrics", "m.json"]).ended_with(0);
    let metrics: Value = serde_json::from_str(&folder.read("m.json")).expect("JSON");
    assert_eq!(metrics["state"], "done");
    assert_eq!(metrics["pipeline"], "Minutes");
    assert_eq!(metrics["source_rows"], 6);
    assert_eq!(metrics["nodes"]["rows"]["rows_out"], 6);
    assert_eq!(metrics["nodes"]["keep"]["rows_dropped"], 1);
    assert_eq!(metrics["nodes"]["keep"]["rows_out"], 5);
    assert_eq!(metrics["nodes"]["out"]["rows_in"], 4);
    assert!(metrics["wires"].as_array().is_some_and(|wires| wires.len() == 3));
    if cfg!(target_os = "linux") {
        assert!(metrics["process"]["cpu_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{metrics}");
        assert!(metrics["process"]["peak_memory_bytes"].as_u64().is_some_and(|bytes| bytes > 1 << 20), "{metrics}");
    }
}

#[test]
fn charts_are_written_as_svg_and_png() {
    let mut content = windows();
    content["nodes"]["chart"] = json!({
        "kind": "visualize.line_chart",
        "title": "Mean by device",
        "params": { "x": "window_start", "y": ["mean"], "series": "device" }
    });
    let wires = content["wires"].as_array_mut().expect("a list");
    wires.push(json!({ "from": "minutes.rows", "to": "chart.rows" }));
    let folder = Folder::with(FILE, &pipeline(&content));
    folder.millrace(&["run", FILE, "--charts", "pictures/today"]).ended_with(0);
    let svg = folder.read("pictures/today/chart.svg");
    assert!(svg.contains("Mean by device") && svg.starts_with("<svg"), "{}", &svg[..200]);
    let png = std::fs::File::open(folder.path("pictures/today/chart.png")).expect("the PNG is there");
    let reader = png::Decoder::new(std::io::BufReader::new(png)).read_info().expect("a PNG");
    assert_eq!((reader.info().width, reader.info().height), (1_200, 600));
}

#[test]
fn rejected_rows_are_never_silent() {
    let mut content = windows();
    content["nodes"]["keep"]["params"]["condition"] = json!("10 / (v - 3) > ${limit}");
    let folder = Folder::with(FILE, &pipeline(&content));
    let ran = folder.millrace(&["run", FILE]).ended_with(0);
    let line = ran.stderr.lines().find(|line| line.contains("Warm only (keep): 1 row rejected"));
    let line = line.unwrap_or_else(|| panic!("the row is not told:\n{}", ran.stderr));
    assert!(line.contains("`rejected` is not wired") && line.contains("; the newest"), "{line}");
}

#[test]
fn late_rows_are_never_silent() {
    let mut content = windows();
    content["nodes"]["rows"]["params"]["rows"] =
        json!("ts,device,v\n2026-01-01T00:00:10Z,a,2\n2026-01-01T00:05:00Z,a,2\n2026-01-01T00:00:20Z,a,2\n");
    let folder = Folder::with(FILE, &pipeline(&content));
    let ran = folder.millrace(&["run", FILE, "--batch-size", "1"]).ended_with(0);
    assert!(ran.stderr.contains("(minutes): 1 row late (`late` is not wired"), "{}", ran.stderr);
}

#[test]
fn a_run_that_fails_says_which_node_and_leaves_no_output() {
    let mut content = windows();
    content["nodes"]["keep"]["params"] = json!({ "condition": "10 / (v - 3) > 1", "on_error": "fail" });
    let folder = Folder::with(FILE, &pipeline(&content));
    let ran = folder.millrace(&["run", FILE, "--metrics", "m.json", "--charts", "pictures"]).ended_with(1);
    let error = ran.stderr.lines().find(|line| line.starts_with("error: ")).expect("an error");
    assert!(error.contains("Warm only"), "{error}");
    assert_eq!(folder.names(), ["m.json", FILE], "what was counted is kept, a half result is not");
    let metrics: Value = serde_json::from_str(&folder.read("m.json")).expect("JSON");
    assert_eq!(metrics["state"], "failed");
    assert_eq!(metrics["failure"]["node"], "keep");
}

#[test]
fn a_chart_folder_without_charts_is_told() {
    let folder = Folder::with(FILE, &pipeline(&windows()));
    let ran = folder.millrace(&["run", FILE, "--charts", "pictures"]).ended_with(0);
    assert!(ran.stderr.contains("warning: --charts: the pipeline has no node that draws a chart."), "{}", ran.stderr);
}

#[test]
#[cfg(unix)]
fn an_interrupt_ends_an_endless_run_with_whole_files() {
    for signal in ["-INT", "-TERM"] {
        let content = json!({
            "format": 1,
            "name": "Endless",
            "nodes": {
                "fleet": {
                    "kind": "ingest.simulate_devices",
                    "params": { "devices": 5, "interval": "50 ms", "pace": "real_time" }
                },
                "out": { "kind": "store.file", "params": { "path": "out.csv" } }
            },
            "wires": [{ "from": "fleet.rows", "to": "out.rows" }]
        });
        let folder = Folder::with(FILE, &pipeline(&content));
        let child = folder.start(&["run", FILE, "--metrics", "m.json", "--progress", "plain"]);
        // The sink's hidden file shows that the run has begun.
        while folder.names().len() < 2 {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        std::thread::sleep(std::time::Duration::from_millis(400));
        let sent = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(sent.expect("kill can be called").success());
        let ran = Ran::from(child.wait_with_output().expect("it ends")).ended_with(130);
        assert!(ran.stderr.contains("Stopping: ") && ran.stderr.contains("\nStopped after "), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
        assert_eq!(folder.names(), ["m.json", "out.csv", FILE], "{signal}");
        let metrics: Value = serde_json::from_str(&folder.read("m.json")).expect("JSON");
        assert_eq!(metrics["state"], "stopped");
        let written = folder.read("out.csv");
        assert!(written.ends_with('\n'));
        let num_rows = written.lines().count() as u64 - 1;
        assert_eq!(metrics["nodes"]["out"]["rows_in"], num_rows, "every row that was counted is in the file");
        assert_eq!(metrics["nodes"]["fleet"]["rows_out"], num_rows);
    }
}
