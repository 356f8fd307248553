//! Runs in virtual time under many seeds: whatever order the tasks go in, however rows are cut, wherever a run is ended
//! or a node is replaced, the answer is the same. `MILLRACE_SEEDS` says how many seeds, `MILLRACE_SEED` replays one.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use millrace_engine::{Run, RunOptions, Simulation, StateFolder, StateOptions, start};
use millrace_model::run::RunState;
use serde_json::json;

use crate::nodes::{Record, forget, record, registry};
use crate::recovery::{assert_undisturbed, counted, folder};
use crate::support::{id, named, options, pipeline, planned};

/// Runs `test` under every seed, and says which one failed.
#[expect(clippy::print_stderr, reason = "a seed that failed is for whoever reads the test's output")]
fn under_every_seed(default_count: u64, test: impl Fn(u64)) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("MILLRACE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("MILLRACE_SEEDS").unwrap_or(default_count),
    };
    for seed in seeds {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| test(seed))) {
            eprintln!("Seed {seed} failed; run this test with MILLRACE_SEED={seed} to replay it.");
            resume_unwind(panic);
        }
    }
}

fn in_simulation(simulation: &Simulation, state: Option<StateOptions>) -> RunOptions {
    RunOptions { world: simulation.world(), batch_size: 40, queue_batches: 6, state, ..options() }
}

fn state(simulation: &Simulation, folder: &Arc<StateFolder>) -> StateOptions {
    let interval = Duration::from_micros(1 + simulation.choose(20_000) as u64);
    StateOptions { folder: folder.clone(), interval, resume: folder.newest().unwrap().checkpoint.map(Arc::new) }
}

#[test]
fn a_run_that_is_ended_anywhere_does_what_an_undisturbed_one_does() {
    under_every_seed(15, |seed| {
        let simulation = Simulation::new(seed);
        let name = format!("simulated_{seed}");
        let pipeline = counted(&name);
        let (_place, folder) = folder();
        let run = simulation.run(async {
            loop {
                let state = state(&simulation, &folder);
                if state.resume.is_none() {
                    // Without a checkpoint an ended run has taken everything back.
                    forget(&name);
                }
                let options = in_simulation(&simulation, Some(state));
                let run = start(&planned(&pipeline), &registry(), options).await.unwrap();
                let patience = Duration::from_micros(simulation.choose(200_000) as u64);
                tokio::select! {
                    biased;
                    _ = run.finished() => break run,
                    () = simulation.sleep(patience) => match simulation.choose(2) {
                        0 => run.abort(),
                        _ => run.stop(),
                    },
                }
                if run.finished().await.state == RunState::Done {
                    break run;
                }
            }
        });
        assert_undisturbed(&name, &run);
    });
}

/// What a run under this seed did, in its order.
fn trace(seed: u64) -> (Duration, Record) {
    let simulation = Simulation::new(seed);
    let name = format!("traced_{seed}");
    forget(&name);
    simulation.run(async {
        let plan = planned(&counted(&name));
        let run = start(&plan, &registry(), in_simulation(&simulation, None)).await.unwrap();
        assert_eq!(run.finished().await.state, RunState::Done);
    });
    (simulation.elapsed(), record(&name))
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_seed_another() {
    let (elapsed, first) = trace(1);
    let (again, second) = trace(1);
    assert_eq!((elapsed, &first.rows), (again, &second.rows));
    assert_ne!(first.rows, trace(2).1.rows, "the order is another one");
}

#[test]
fn virtual_time_passes_without_waiting() {
    let simulation = Simulation::new(7);
    let pipeline = pipeline(
        &[
            ("ends", "ingest.count", json!({"rows": 50})),
            ("waits", "ingest.count", json!({"rows": 10, "endless": true})),
            ("windows", "analyze.windows", json!({})),
            ("sink", "store.collect", json!({"record": "virtual"})),
        ],
        &[("ends", "windows"), ("waits", "windows"), ("windows", "sink")],
    );
    simulation.run(async {
        let run = start(&planned(&pipeline), &registry(), in_simulation(&simulation, None)).await.unwrap();
        simulation.sleep(Duration::from_secs(3_600)).await;
        run.stop();
        assert_eq!(run.finished().await.state, RunState::Stopped);
    });
    assert!(simulation.elapsed() >= Duration::from_secs(3_600));
}

#[test]
#[should_panic(expected = "The simulation with seed 3 hangs: every task waits for another.")]
fn a_run_that_hangs_is_told_with_its_seed() {
    Simulation::new(3).run(std::future::pending::<()>());
}

#[test]
fn a_node_that_is_replaced_anywhere_loses_and_doubles_no_row() {
    under_every_seed(15, |seed| {
        let simulation = Simulation::new(seed);
        let name = format!("edited_{seed}");
        let with = |drop: i64| {
            let nodes = [
                ("count", "ingest.count", json!({"rows": 2_000, "keys": 5})),
                ("windows", "analyze.windows", json!({})),
                ("sieve", "process.sieve", json!({"column": "n", "drop": drop})),
                ("sink", "store.collect", json!({"record": name})),
            ];
            named(&name, &nodes, &[("count", "windows"), ("windows", "sieve"), ("sieve", "sink")])
        };
        let run: Run = simulation.run(async {
            let options = in_simulation(&simulation, None);
            let run = start(&planned(&with(2)), &registry(), options).await.unwrap();
            for drop in [3, 5, 2, 7] {
                simulation.sleep(Duration::from_micros(simulation.choose(8_000) as u64)).await;
                run.edit(&planned(&with(drop)), &registry()).await.unwrap();
            }
            assert_eq!(run.finished().await.state, RunState::Done);
            run
        });
        let sieve = &run.metrics().nodes[&id("sieve")];
        assert_eq!((sieve.rows_in, sieve.rows_out + sieve.rows_dropped), (2_000, 2_000));
        let mut rows: Vec<i64> = record(&name).rows.iter().map(|row| row.0).collect();
        assert_eq!(rows.len() as u64, sieve.rows_out);
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len() as u64, sieve.rows_out, "no row comes twice");
    });
}
