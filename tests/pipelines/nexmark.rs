//! The queries of Nexmark give the answers of the slow way, whatever the order of events and the shape of the run; and
//! every row that comes too late is counted.

use std::path::Path;

use millrace_host::engine::RunOptions;
use millrace_host::model::run::{RunMetrics, RunState};
use millrace_tests::nexmark::{QUERIES, Setting, Trial, query};
use millrace_tests::{Parameters, run_file};

/// Events come in any order within 600 ms. Some of these groups have the end of a window in them.
const SHUFFLED: Setting = Setting { out_of_order_group: 300, ..Setting::ORDERED };
const SHAPES: [(usize, usize); 3] = [(8_192, 1), (1_000, 2), (97, 3)];

fn run(pipeline: &Path, (batch_size, parallelism): (usize, usize)) -> RunMetrics {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let options = RunOptions { batch_size, parallelism, ..RunOptions::default() };
    let outcome = runtime.expect("threads").block_on(run_file(pipeline, &Parameters::new(), options));
    assert_eq!(outcome.state, RunState::Done, "{}: {:?}", pipeline.display(), outcome.failure);
    outcome.metrics
}

fn num_late(metrics: &RunMetrics) -> u64 {
    metrics.nodes.values().map(|node| node.rows_late).sum()
}

fn trial(folder: &Path) -> Trial {
    Trial::new(folder, Setting::ORDERED, |pipeline| {
        run(pipeline, SHAPES[0]);
    })
}

#[test]
fn every_query_gives_what_the_slow_way_gives() {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = trial(folder.path());
    for query in &QUERIES {
        for shape in SHAPES {
            trial.check(query, Setting::ORDERED, &format!("{shape:?}"), |pipeline| {
                assert_eq!(num_late(&run(pipeline, shape)), 0, "{}: late rows", query.name);
            });
        }
    }
}

#[test]
fn shuffled_events_give_what_ordered_ones_give_and_none_is_late_within_the_bound() {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = trial(folder.path());
    for query in &QUERIES {
        for max_out_of_orderness in [None, Some("600 ms")] {
            let setting = Setting { max_out_of_orderness, ..SHUFFLED };
            trial.check(query, setting, &format!("{max_out_of_orderness:?}"), |pipeline| {
                assert_eq!(num_late(&run(pipeline, SHAPES[1])), 0, "{}: late rows", query.name);
            });
        }
    }
}

#[test]
fn rows_beyond_the_bound_are_counted_as_late_and_the_others_are_in_their_windows() {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = trial(folder.path());
    let setting = Setting { max_out_of_orderness: Some("100 ms"), ..SHUFFLED };
    let mut counted = Vec::new();
    for shape in SHAPES {
        let mut late = 0;
        let found = trial.found(query("q12"), setting, |pipeline| late = num_late(&run(pipeline, shape)));
        let aggregated: u64 = found
            .iter()
            .map(|line| line.rsplit(" | ").next().and_then(|n| n.parse::<f64>().ok()).expect("n") as u64)
            .sum();
        assert_eq!(aggregated + late, trial.num_bids() as u64, "{shape:?}");
        assert!(late > 0 && found != trial.expected(query("q12")), "{shape:?}: {late} late");
        counted.push((late, found));
    }
    assert!(counted.windows(2).all(|pair| pair[0] == pair[1]), "which rows are late follows from their order alone");
}
