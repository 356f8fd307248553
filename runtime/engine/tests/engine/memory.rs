//! The memory budget of a run.

use millrace_engine::RunOptions;
use millrace_model::run::RunState;
use serde_json::json;

use crate::nodes::record;
use crate::support::{id, options, pipeline, started, within};

#[tokio::test(flavor = "multi_thread")]
async fn state_beyond_the_budget_is_refused_with_its_node_named() {
    // The silent source holds the watermark back, so no window ever closes.
    let hoard = pipeline(
        &[
            ("many", "ingest.count", json!({"rows": 500_000_000})),
            ("silent", "ingest.count", json!({"endless": true})),
            ("windows", "analyze.windows", json!({})),
            ("sink", "store.collect", json!({"record": "hoard"})),
        ],
        &[("many", "windows"), ("silent", "windows"), ("windows", "sink")],
    );
    let before = started(&hoard, options()).await.metrics().memory_bytes;
    let limit = before + 100_000_000;
    let run = started(&hoard, RunOptions { memory_bytes: Some(limit), ..options() }).await;
    let outcome = within(run.finished()).await;
    assert_eq!(outcome.state, RunState::Failed);
    let failure = outcome.failure.unwrap();
    assert_eq!(failure.node, Some(id("windows")), "{}", failure.message);
    assert!(failure.message.contains("memory budget"), "{}", failure.message);
    assert!(outcome.metrics.memory_bytes as f64 <= limit as f64 * 1.1, "{} of {limit}", outcome.metrics.memory_bytes);
    assert!(record("hoard").events.ends_with(&["abort".to_owned()]));
}
