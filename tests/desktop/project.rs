//! The pipeline that the journeys work on, and what the project database says about it: asked through the command line,
//! which shares the database with the open window.

use std::path::{Path, PathBuf};
use std::process::Command;

use millrace_tests::cli;
use serde_json::{Value, json};

/// Where nodes stand on the canvas.
pub const CHART: (usize, usize) = (432, 0);
pub const DEVICES: (usize, usize) = (0, 48);

/// Devices in real time, a filter, a window, a chart and a file: something that moves and something that stays.
pub fn write_pipeline(folder: &Path) -> PathBuf {
    let pipeline = json!({
        "format": 1,
        "name": "Journey",
        "nodes": {
            "chart": { "kind": "visualize.line_chart", "params": { "series": "device", "y": ["mean"] }, "title": "Mean" },
            "devices": {
                "kind": "ingest.simulate_devices",
                "params": { "devices": 4, "interval": "100 ms", "max_out_of_orderness": "0 s" },
                "title": "Devices"
            },
            "each": {
                "kind": "analyze.tumbling_window",
                "params": {
                    "aggregates": [{ "expression": "avg(temperature)", "name": "mean" }, { "expression": "count(*)", "name": "n" }],
                    "keys": ["device"],
                    "size": "1 s"
                },
                "title": "Each second"
            },
            "store": { "kind": "store.file", "params": { "path": "out/means.csv" }, "title": "File" }
        },
        "wires": [
            { "from": "devices.rows", "to": "each.rows" },
            { "from": "each.rows", "to": "chart.rows" },
            { "from": "each.rows", "to": "store.rows" }
        ],
        "layout": { "nodes": {
            "chart": { "x": CHART.0, "y": CHART.1 },
            "devices": { "x": DEVICES.0, "y": DEVICES.1 },
            "each": { "x": 216, "y": 48 },
            "store": { "x": 432, "y": 240 }
        } }
    });
    let path = folder.join("journey.millrace.json");
    std::fs::write(&path, format!("{pipeline:#}\n")).expect("the test's folder can be written");
    std::fs::create_dir_all(folder.join("out")).expect("the test's folder can be written");
    path
}

/// The present state of the project `Journey` in the database, if it can be read right now.
pub fn saved(database: &Path) -> Option<Value> {
    let output = Command::new(cli())
        .args(["project", "export", "Journey", "-", "--database"])
        .arg(database)
        .output()
        .expect("the command can be started");
    serde_json::from_slice(&output.stdout).ok()
}

/// The titles of all nodes, or their kinds where they have none.
pub fn titles(pipeline: &Value) -> Vec<String> {
    let nodes = pipeline["nodes"].as_object().expect("a pipeline has nodes");
    nodes.values().map(|node| node["title"].as_str().or(node["kind"].as_str()).unwrap_or_default().to_owned()).collect()
}

/// Whether a wire runs between these two nodes.
pub fn is_wired(pipeline: &Value, from: &str, to: &str) -> bool {
    let node_of = |end: &Value| end.as_str().and_then(|end| end.split_once('.')).map(|(node, _)| node.to_owned());
    let wires = pipeline["wires"].as_array().map_or(&[][..], Vec::as_slice);
    wires
        .iter()
        .any(|wire| node_of(&wire["from"]).as_deref() == Some(from) && node_of(&wire["to"]).as_deref() == Some(to))
}

/// The id of the only node of this kind, if there is one.
pub fn id_of(pipeline: &Value, kind: &str) -> Option<String> {
    let nodes = pipeline["nodes"].as_object()?;
    nodes.iter().find(|(_, node)| node["kind"] == kind).map(|(id, _)| id.clone())
}

/// Where a node stands on the canvas.
pub fn place_of(pipeline: &Value, id: &str) -> Option<(usize, usize)> {
    let place = &pipeline["layout"]["nodes"][id];
    let whole = |value: &Value| value.as_u64().and_then(|value| usize::try_from(value).ok());
    Some((whole(&place["x"])?, whole(&place["y"])?))
}

/// Checks the file that a run of the pipeline wrote: a row for each device and second, with what was counted in it.
#[track_caller]
pub fn assert_means_are_plausible(folder: &Path, num_devices: usize) {
    let path = folder.join("out/means.csv");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let column =
        |name: &str| header.iter().position(|column| *column == name).unwrap_or_else(|| panic!("{name}: {header:?}"));
    let (device, mean, count) = (column("device"), column("mean"), column("n"));
    let mut devices = std::collections::BTreeSet::new();
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        devices.insert(cells[device].to_owned());
        let mean: f64 = cells[mean].parse().unwrap_or_else(|_| panic!("a number: {line}"));
        let count: u32 = cells[count].parse().unwrap_or_else(|_| panic!("a count: {line}"));
        assert!((-20.0..60.0).contains(&mean), "a temperature: {line}");
        assert!((1..=10).contains(&count), "ten readings a second and device at most: {line}");
    }
    assert_eq!(devices.len(), num_devices, "every device has sent: {text}");
}
