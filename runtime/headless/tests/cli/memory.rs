//! The memory budget, asked of the whole process.

use serde_json::{Value, json};

use crate::harness::Folder;
use crate::runs::pipeline;

/// Bids that wait in a sort which event time never passes.
fn hoard() -> Value {
    json!({
        "format": 1,
        "name": "Hoard",
        "nodes": {
            "events": { "kind": "ingest.nexmark", "params": { "max_out_of_orderness": "10 d", "bid_extra": 400 } },
            "hoard": { "kind": "process.sort" },
            "out": { "kind": "store.discard" }
        },
        "wires": [
            { "from": "events.bids", "to": "hoard.rows" },
            { "from": "hoard.rows", "to": "out.rows" }
        ]
    })
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_stays_within_a_tenth_of_its_budget_and_names_the_node() {
    let folder = Folder::with("hoard.millrace.json", &pipeline(&hoard()));
    let ran =
        folder.millrace(&["run", "hoard.millrace.json", "--memory", "256 MB", "--metrics", "m.json"]).ended_with(1);
    assert!(ran.stderr.contains("memory budget of 256 MB") && ran.stderr.contains("`hoard`"), "{}", ran.stderr);
    let metrics: Value = serde_json::from_str(&folder.read("m.json")).expect("JSON");
    let peak_bytes = metrics["process"]["peak_memory_bytes"].as_u64().expect("Linux tells it");
    assert!(peak_bytes < 282_000_000, "{peak_bytes}");
}

/// Two thousand rows on each side of one window make four million pairs in one step of the join.
#[cfg(target_os = "linux")]
#[test]
fn a_single_step_that_gives_more_than_fits_ends_the_run_with_its_node_named() {
    let rows: String =
        (0..2_000).map(|n| format!("2026-01-01T00:00:{:02}Z,a long text of row {n}\n", n / 34)).collect();
    let source =
        json!({ "kind": "ingest.inject", "params": { "rows": format!("ts,text\n{rows}"), "event_time": "ts" } });
    let meet = |kind: &str, params: Value| {
        json!({
            "format": 1, "name": "Pairs",
            "nodes": {
                "a": source, "b": source, "meet": { "kind": kind, "title": "Everything with everything", "params": params },
                "out": { "kind": "store.discard" }
            },
            "wires": [
                { "from": "a.rows", "to": "meet.left" }, { "from": "b.rows", "to": "meet.right" },
                { "from": "meet.rows", "to": "out.rows" }
            ]
        })
    };
    for pairs in [
        meet("process.window_join", json!({ "size": "5 min" })),
        meet("process.interval_join", json!({ "before": "5 min", "after": "5 min" })),
    ] {
        let folder = Folder::with("pairs.millrace.json", &pipeline(&pairs));
        let args = ["run", "pairs.millrace.json", "--memory", "256 MB", "--metrics", "m.json"];
        let ran = folder.millrace(&args).ended_with(1);
        // Whoever saw it first: the node itself, or the watch.
        assert!(ran.stderr.contains("Everything with everything") || ran.stderr.contains("`meet`"), "{}", ran.stderr);
        assert!(ran.stderr.contains("MB of rows"), "{}", ran.stderr);
        let metrics: Value = serde_json::from_str(&folder.read("m.json")).expect("JSON");
        let peak_bytes = metrics["process"]["peak_memory_bytes"].as_u64().expect("Linux tells it");
        assert!(peak_bytes < 282_000_000, "{peak_bytes}");
    }
}
