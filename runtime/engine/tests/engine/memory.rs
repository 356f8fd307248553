//! The memory budget of a run. How far the process goes beyond is asked of the whole process in `tests/cli/memory.rs` of the
//! headless runtime: here other tests share it.

use std::time::Duration;

use millrace_engine::{RunOptions, Simulation, start};
use millrace_model::run::RunState;
use serde_json::json;

use crate::nodes::{forget, record, registry};
use crate::support::{id, options, pipeline, planned, started, within};

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
    assert!(record("hoard").events.ends_with(&["abort".to_owned()]));
}

#[test]
fn near_the_budget_sources_wait_until_there_is_room_again() {
    forget("waiting");
    let fast = pipeline(
        &[
            ("count", "ingest.count", json!({"rows": 500_000_000, "record": "waiting"})),
            ("sink", "store.collect", json!({"record": "waiting"})),
        ],
        &[("count", "sink")],
    );
    let simulation = Simulation::new(5);
    simulation.run(async {
        let options = RunOptions { world: simulation.world(), memory_bytes: Some(1_000), ..options() };
        let run = start(&planned(&fast), &registry(), options).await.unwrap();
        let num_emitted = async |memory_bytes: u64| {
            simulation.set_memory(memory_bytes);
            // It is looked at each 20 ms.
            simulation.sleep(Duration::from_millis(50)).await;
            let before = record("waiting").num_emitted;
            simulation.sleep(Duration::from_millis(200)).await;
            record("waiting").num_emitted - before
        };
        assert!(num_emitted(890).await > 0);
        assert_eq!(num_emitted(910).await, 0, "nine tenths of the budget are near it");
        assert_eq!(num_emitted(810).await, 0, "it is still near: sources must not start and stop all the time");
        assert!(num_emitted(790).await > 0);
        simulation.set_memory(1_000);
        let outcome = run.finished().await;
        assert_eq!(outcome.state, RunState::Failed);
        assert!(outcome.failure.unwrap().message.contains("memory budget"));
    });
}
