//! Rows on their way: nothing lost, nothing doubled, order by key, whatever the sizes.

use std::collections::BTreeMap;

use millrace_engine::RunOptions;
use millrace_model::run::RunState;
use serde_json::json;

use crate::nodes::record;
use crate::support::{id, options, outcome, outcome_with, pipeline, wire};

#[tokio::test(flavor = "multi_thread")]
async fn every_row_takes_both_ways_of_a_diamond() {
    let diamond = pipeline(
        &[
            ("count", "ingest.count", json!({"rows": 1_000})),
            ("left", "process.sieve", json!({"column": "n", "drop": 2})),
            ("right", "process.sieve", json!({"column": "n", "drop": 3})),
            ("both", "process.both", json!({})),
            ("sink", "store.collect", json!({"record": "diamond"})),
        ],
        &[("count", "left"), ("count", "right"), ("left", "both"), ("right", "both"), ("both", "sink")],
    );
    let outcome = outcome(&diamond).await;
    assert_eq!(outcome.state, RunState::Done, "{:?}", outcome.failure);
    let mut got: Vec<i64> = record("diamond").rows.iter().map(|row| row.0).collect();
    got.sort_unstable();
    let mut expected: Vec<i64> = (0..1_000).filter(|n| n % 2 != 0).chain((0..1_000).filter(|n| n % 3 != 0)).collect();
    expected.sort_unstable();
    assert_eq!(got, expected);
    assert_eq!(record("diamond").events, ["open", "finish"]);
    assert!(outcome.metrics.nodes.values().all(|node| node.is_finished), "{:#?}", outcome.metrics);
}

#[tokio::test(flavor = "multi_thread")]
async fn wires_with_columns_in_another_order_are_joined_by_name() {
    let joined = pipeline(
        &[
            ("a", "ingest.count", json!({"rows": 10, "keys": 4})),
            ("b", "ingest.count", json!({"rows": 10, "from": 10, "keys": 4})),
            ("swap", "process.swap", json!({"columns": ["key", "time", "n"]})),
            ("both", "process.both", json!({})),
            ("sink", "store.collect", json!({"record": "swapped"})),
        ],
        &[("a", "both"), ("b", "swap"), ("swap", "both"), ("both", "sink")],
    );
    assert_eq!(outcome(&joined).await.state, RunState::Done);
    let mut got = record("swapped").rows;
    got.sort_unstable();
    let expected: Vec<_> = (0..20).map(|n| (n, Some(n % 4).filter(|key| *key != 0), 0)).collect();
    assert_eq!(got, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_result_is_the_same_for_every_parallelism_and_batch_size_and_keys_keep_their_order() {
    let mut results = BTreeMap::new();
    for parallelism in [1, 2, 3] {
        for batch_size in [1, 32, 8_192] {
            let name = format!("same_{parallelism}_{batch_size}");
            let keyed = pipeline(
                &[
                    ("count", "ingest.count", json!({"rows": 2_000, "keys": 17})),
                    ("running", "analyze.running", json!({})),
                    ("sieve", "process.sieve", json!({"column": "n", "drop": 5})),
                    ("again", "analyze.running", json!({})),
                    ("sink", "store.collect", json!({"record": name})),
                ],
                &[("count", "running"), ("running", "sieve"), ("sieve", "sink"), ("running", "again")],
            );
            let options = RunOptions { parallelism, batch_size, ..options() };
            let outcome = outcome_with(&keyed, options).await;
            assert_eq!(outcome.state, RunState::Done, "{:?}", outcome.failure);
            assert_eq!(outcome.metrics.nodes[&id("again")].rows_in, 2_000);
            let rows = record(&name).rows;
            let mut last_of_key = BTreeMap::new();
            for (n, key, _) in &rows {
                assert!(last_of_key.insert(*key, *n).is_none_or(|last| last < *n), "key {key:?} lost its order");
            }
            let mut sorted = rows;
            sorted.sort_unstable();
            results.insert(name, sorted);
        }
    }
    let first = results.values().next().unwrap();
    assert_eq!(first.len(), 1_600);
    for (name, rows) in &results {
        assert_eq!(rows, first, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reslicing_bounds_the_batches_of_a_source_that_goes_its_own_way() {
    let straight = |name: &str| {
        pipeline(
            &[
                ("count", "ingest.count", json!({"rows": 1_000, "burst": 500})),
                ("sink", "store.collect", json!({"record": name})),
            ],
            &[("count", "sink")],
        )
    };
    outcome_with(&straight("as_it_comes"), RunOptions { batch_size: 32, ..options() }).await;
    assert_eq!(record("as_it_comes").largest_batch, 500);
    outcome_with(&straight("resliced"), RunOptions { batch_size: 32, reslice: true, ..options() }).await;
    assert_eq!(record("resliced").largest_batch, 32);
    assert_eq!(record("resliced").rows.iter().map(|row| row.0).collect::<Vec<_>>(), (0..1_000).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counters_of_nodes_and_wires_add_up() {
    let sieved = pipeline(
        &[
            ("count", "ingest.count", json!({"rows": 1_000})),
            ("sieve", "process.sieve", json!({"column": "n", "reject": 10, "drop": 4})),
            ("sink", "store.collect", json!({"record": "counters"})),
            ("total", "visualize.total", json!({})),
        ],
        &[("count", "sieve"), ("sieve", "sink"), ("sieve", "total")],
    );
    let metrics = outcome(&sieved).await.metrics;
    let (count, sieve) = (&metrics.nodes[&id("count")], &metrics.nodes[&id("sieve")]);
    assert_eq!((count.is_source, count.rows_out, count.status.as_deref()), (true, 1_000, Some("at 1000")));
    assert_eq!((sieve.rows_in, sieve.rows_rejected, sieve.rows_dropped, sieve.rows_out), (1_000, 100, 200, 700));
    assert_eq!((metrics.nodes[&id("sink")].rows_in, metrics.nodes[&id("total")].rows_in), (700, 700));
    let on_wire = metrics.wires.iter().find(|found| found.wire == wire("sieve", "sink")).unwrap();
    assert_eq!((on_wire.rows, on_wire.batches, on_wire.fill), (700, 10, 0.0));
    assert_eq!(metrics.num_source_rows(), 1_000);
    assert!(!cfg!(target_os = "linux") || metrics.memory_bytes > 0);
}
