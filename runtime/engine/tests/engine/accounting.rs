//! Any graph of stateless nodes against a slow obvious oracle: what each node gets and gives, to the row.

use std::collections::BTreeMap;

use millrace_engine::RunOptions;
use millrace_model::run::RunState;
use proptest::prelude::*;
use serde_json::json;

use crate::nodes::record;
use crate::support::{id, options, outcome_with, pipeline};

/// A node of a random graph: what it rejects and leaves out, and which earlier nodes it gets rows from, by which port.
#[derive(Debug, Clone)]
struct Stage {
    reject: i64,
    drop: i64,
    from: Vec<(usize, bool)>,
}

fn stages() -> impl Strategy<Value = Vec<Stage>> {
    let stage = (2..7_i64, 2..7_i64, prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..3));
    prop::collection::vec(stage, 1..6).prop_map(|stages| {
        let indexed = stages.into_iter().enumerate().map(|(number, (reject, drop, from))| {
            // Number 0 is the source, which has no `rejected` port.
            let mut from: Vec<(usize, bool)> =
                from.into_iter().map(|(index, by)| (index.index(number + 1), by)).collect();
            from.iter_mut().for_each(|(index, by)| *by &= *index > 0);
            from.sort_unstable();
            from.dedup();
            Stage { reject, drop, from }
        });
        indexed.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_random_graph_gives_what_a_slow_oracle_gives(
        stages in stages(),
        rows in 0..200_i64,
        batch_size in prop::sample::select(vec![1_usize, 7, 1_000]),
        queue_bytes in prop::sample::select(vec![1_usize, 1 << 20]),
    ) {
        let name = format!("random_{stages:?}_{rows}_{batch_size}_{queue_bytes}");
        let mut nodes = vec![("n0".to_owned(), "ingest.count", json!({"rows": rows}))];
        let mut wires = Vec::new();
        let mut expected: Vec<[Vec<i64>; 2]> = vec![[(0..rows).collect(), Vec::new()]];
        for (number, stage) in stages.iter().enumerate() {
            let (join, sieve) = (format!("join{}", number + 1), format!("n{}", number + 1));
            let mut arrived: Vec<i64> = Vec::new();
            for (from, by_rejected) in &stage.from {
                let port = if *by_rejected { "rejected" } else { "rows" };
                wires.push((format!("n{from}.{port}"), join.clone()));
                arrived.extend(&expected[*from][usize::from(*by_rejected)]);
            }
            wires.push((join.clone(), sieve.clone()));
            nodes.push((join, "process.both", json!({})));
            let params = json!({"column": "n", "reject": stage.reject, "drop": stage.drop});
            nodes.push((sieve.clone(), "process.sieve", params));
            let rejected: Vec<i64> = arrived.iter().copied().filter(|n| n % stage.reject == 0).collect();
            let passed = arrived.iter().copied().filter(|n| n % stage.reject != 0 && n % stage.drop != 0).collect();
            expected.push([passed, rejected]);
        }
        nodes.push(("sink".to_owned(), "store.collect", json!({"record": name})));
        wires.push((format!("n{}", stages.len()), "sink".to_owned()));

        let nodes: Vec<_> = nodes.iter().map(|(id, kind, params)| (id.as_str(), *kind, params.clone())).collect();
        let wires: Vec<_> = wires.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
        let drawn = pipeline(&nodes, &wires);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let options = RunOptions { batch_size, queue_bytes, ..options() };
        let outcome = runtime.block_on(outcome_with(&drawn, options));
        prop_assert_eq!(outcome.state, RunState::Done, "{:?}", outcome.failure);

        let counts: BTreeMap<_, _> = outcome.metrics.nodes;
        for (number, [passed, rejected]) in expected.iter().enumerate() {
            let node = &counts[&id(&format!("n{number}"))];
            prop_assert_eq!(node.rows_out, passed.len() as u64);
            prop_assert_eq!(node.rows_rejected, rejected.len() as u64);
            if number > 0 {
                prop_assert_eq!(node.rows_in, node.rows_out + node.rows_late + node.rows_rejected + node.rows_dropped);
            }
        }
        let mut got: Vec<i64> = record(&name).rows.iter().map(|row| row.0).collect();
        let mut wanted = expected[stages.len()][0].clone();
        got.sort_unstable();
        wanted.sort_unstable();
        prop_assert_eq!(got, wanted);
    }
}
