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
