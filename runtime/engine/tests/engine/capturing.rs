//! What sources give is captured with its time, and given again: the same rows and watermarks at every tempo, in their
//! time divided by it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use millrace_engine::{Plan, Recorded, Recorder, Replays, RunOptions, Simulation, StateOptions, start};
use millrace_model::run::{RunState, Standstill, Tempo};
use millrace_model::{NodeId, Pipeline};
use millrace_operator::output::Emitted;
use serde_json::json;

use crate::nodes::{forget, record, registry, rows};
use crate::recovery::folder;
use crate::support::{id, options, pipeline, planned, started, until, wire, within};

/// Two sources into one node with windows, and some numbers left out before.
fn windows(name: &str) -> Pipeline {
    pipeline(
        &[
            ("one", "ingest.count", json!({"rows": 300, "keys": 3})),
            ("other", "ingest.count", json!({"rows": 120, "from": 40})),
            ("sieve", "process.sieve", json!({"column": "n", "reject": 7, "drop": 5})),
            ("windows", "analyze.windows", json!({})),
            ("sink", "store.collect", json!({"record": name})),
        ],
        &[("one", "sieve"), ("sieve", "windows"), ("other", "windows"), ("windows", "sink")],
    )
}

fn shared(given: BTreeMap<NodeId, Vec<Recorded>>) -> BTreeMap<NodeId, Arc<[Recorded]>> {
    given.into_iter().map(|(id, recorded)| (id, recorded.into())).collect()
}

/// Runs `plan` in virtual time under a seed, and gives how it ended.
fn simulated(seed: u64, plan: &Plan, replays: Replays, recorder: Option<Arc<Recorder>>) -> (RunState, Duration) {
    let simulation = Simulation::new(seed);
    let options = RunOptions { world: simulation.world(), batch_size: 40, replays, recorder, ..options() };
    let state = simulation.run(async { start(plan, &registry(), options).await.unwrap().finished().await.state });
    (state, simulation.elapsed())
}

fn sorted(name: &str) -> Vec<(i64, Option<i64>, i64)> {
    let mut rows = record(name).rows;
    rows.sort_unstable();
    rows
}

#[test]
fn a_replay_gives_what_the_captured_run_gave_at_every_tempo() {
    for seed in 0..6 {
        let name = format!("captured_{seed}");
        let recorder = Arc::new(Recorder::beside(usize::MAX, usize::MAX));
        let (state, _) = simulated(seed, &planned(&windows(&name)), Replays::default(), Some(recorder.clone()));
        assert_eq!((state, recorder.progress().num_rows), (RunState::Done, 420));
        let given = shared(recorder.take());
        let expected = sorted(&name);
        assert!(expected.len() > 200, "rows reach the sink");
        for tempo in [Tempo::AtOnce, Tempo::Times(1), Tempo::Times(10)] {
            let again = format!("{name}_{tempo:?}");
            let replays = Replays::new(given.clone(), tempo);
            let recorder = Arc::new(Recorder::beside(usize::MAX, usize::MAX));
            let (state, _) = simulated(seed + 100, &planned(&windows(&again)), replays, Some(recorder.clone()));
            assert_eq!((state, sorted(&again)), (RunState::Done, expected.clone()), "{again}");
            for (source, recorded) in shared(recorder.take()) {
                assert_eq!(emitted(&recorded), emitted(&given[&source]), "{again}: rows and watermarks in their order");
            }
        }
    }
}

/// What was given, without its time.
fn emitted(recorded: &[Recorded]) -> Vec<String> {
    recorded.iter().map(|recorded| format!("{:?}", recorded.emitted)).collect()
}

/// One row and its watermark at each of these times.
fn at_seconds(seconds: &[u64]) -> BTreeMap<NodeId, Arc<[Recorded]>> {
    let recorded = seconds.iter().zip(0..).flat_map(|(second, n)| {
        let at = Duration::from_secs(*second);
        let row = Emitted::Batch(0, rows(n..n + 1, 1));
        [row, Emitted::Watermark(n * 1_000_000)].map(|emitted| Recorded { at, emitted })
    });
    BTreeMap::from([(id("count"), recorded.collect())])
}

fn line(name: &str) -> Pipeline {
    pipeline(
        &[
            ("count", "ingest.count", json!({"rows": 1})),
            ("sieve", "process.sieve", json!({"column": "n"})),
            ("running", "analyze.windows", json!({"seconds": 1})),
            ("sink", "store.collect", json!({"record": name})),
        ],
        &[("count", "sieve"), ("sieve", "running"), ("running", "sink")],
    )
}

#[test]
fn what_came_later_is_given_later_and_many_times_faster_where_that_is_wanted() {
    for (tempo, share) in [(Tempo::Times(1), 1), (Tempo::Times(10), 10), (Tempo::Times(0), 1)] {
        let recorder = Arc::new(Recorder::beside(usize::MAX, usize::MAX));
        let name = format!("timed_{tempo:?}");
        let replays = Replays::new(at_seconds(&[0, 1, 5, 20]), tempo);
        let (state, elapsed) = simulated(1, &planned(&line(&name)), replays, Some(recorder.clone()));
        assert_eq!(state, RunState::Done);
        let due = |second: u64| Duration::from_secs(second) / share;
        let late = Duration::from_millis(5);
        assert!(elapsed >= due(20) && elapsed < due(20) + Duration::from_secs(1), "{tempo:?}: {elapsed:?}");
        let again: Vec<Duration> = recorder.take()[&id("count")].iter().map(|recorded| recorded.at).collect();
        for (at, second) in again.iter().zip([0, 0, 1, 1, 5, 5, 20, 20]) {
            assert!(*at >= due(second) && *at < due(second) + late, "{tempo:?}: {at:?} for second {second}");
        }
        assert_eq!(again.len(), 8);
    }
}

#[test]
fn a_replayed_source_is_idle_after_the_time_of_its_own() {
    let name = "replayed_idle";
    let drawn = pipeline(
        &[
            ("count", "ingest.count", json!({"idle_timeout": "2 s"})),
            ("ahead", "ingest.count", json!({"rows": 100, "endless": true, "idle_timeout": "1 h"})),
            ("windows", "analyze.windows", json!({})),
            ("sink", "store.collect", json!({"record": name})),
        ],
        &[("count", "windows"), ("ahead", "windows"), ("windows", "sink")],
    );
    let simulation = Simulation::new(3);
    simulation.run(async {
        let replays = Replays::new(at_seconds(&[0, 600]), Tempo::Times(1));
        let options = RunOptions { world: simulation.world(), replays, ..options() };
        let run = start(&planned(&drawn), &registry(), options).await.unwrap();
        simulation.sleep(Duration::from_millis(1_900)).await;
        assert_eq!(record(name).rows.len(), 0, "it may still give rows");
        simulation.sleep(Duration::from_millis(600)).await;
        assert_eq!(record(name).rows.len(), 91, "it holds nobody back any more");
        run.abort();
        run.finished().await;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn step_by_step_the_run_waits_and_each_step_gives_one_batch() {
    let replays = Replays::new(at_seconds(&[0, 3_600, 7_200]), Tempo::StepByStep);
    let run = started(&line("stepwise"), RunOptions { replays, ..options() }).await;
    assert_eq!(run.metrics().standstill, Some(Standstill::Paused));
    let given = || run.metrics().nodes[&id("count")].rows_out;
    for step in 1..=3 {
        run.step();
        until(|| given() == step).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
        assert_eq!(given(), step);
    }
    run.resume();
    assert_eq!(within(run.finished()).await.state, RunState::Done);
    assert_eq!(record("stepwise").rows.len(), 3);
}

#[test]
fn a_captured_wire_feeds_what_lies_behind_it_and_nothing_before_it_runs() {
    let recorder = Arc::new(Recorder::beside(usize::MAX, usize::MAX));
    let plan = planned(&windows("wire_captured"));
    let captured = wire("sieve", "windows");
    let simulation = Simulation::new(3);
    simulation.run(async {
        let options = RunOptions { world: simulation.world(), batch_size: 40, ..options() };
        let run = start(&plan, &registry(), options).await.unwrap();
        assert!(run.record_wire(&recorder, &captured));
        assert!(!run.record_wire(&recorder, &wire("sieve", "sink")), "there is no such wire");
        run.finished().await;
    });
    let given = shared(recorder.take());
    let has_watermarks = given[&id("sieve")].iter().any(|one| matches!(one.emitted, Emitted::Watermark(_)));
    assert!(has_watermarks, "time goes over a wire with its rows");
    let fed = planned(&windows("wire_replayed")).fed_at(&captured).expect("it is one of its wires");
    assert_eq!(fed.order.iter().filter(|node| **node == id("one")).count(), 0);
    assert!(fed.order.contains(&id("other")), "it feeds the windows too");
    let (state, _) = simulated(4, &fed, Replays::new(given, Tempo::AtOnce), None);
    assert_eq!((state, sorted("wire_replayed")), (RunState::Done, sorted("wire_captured")));
    assert!(plan.fed_at(&wire("sieve", "sink")).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_that_is_full_keeps_no_more_and_the_run_goes_on() {
    let recorder = Arc::new(Recorder::beside(50, usize::MAX));
    let options = RunOptions { recorder: Some(recorder.clone()), ..options() };
    let run = started(&windows("full"), options).await;
    assert_eq!(within(run.finished()).await.state, RunState::Done);
    assert_eq!(run.metrics().num_source_rows(), 420);
    assert!(recorder.progress().is_full);
    assert_eq!(recorder.progress().num_rows, 50);
}

#[test]
fn a_replay_that_is_ended_anywhere_goes_on_from_its_checkpoint_as_if_nothing_had_been() {
    let recorder = Arc::new(Recorder::beside(usize::MAX, usize::MAX));
    simulated(1, &planned(&windows("undisturbed")), Replays::default(), Some(recorder.clone()));
    // Spread over some seconds.
    let mut given = recorder.take();
    for recorded in given.values_mut().flat_map(|recorded| recorded.iter_mut().zip(0..)) {
        recorded.0.at = Duration::from_millis(100) * recorded.1;
    }
    let given = shared(given);
    for seed in 0..10 {
        let name = format!("disturbed_{seed}");
        let plan = planned(&windows(&name));
        let simulation = Simulation::new(seed);
        let (_place, folder) = folder();
        let mut num_resumed = 0;
        simulation.run(async {
            loop {
                let resume = folder.newest().unwrap().checkpoint.map(Arc::new);
                match &resume {
                    None => forget(&name),
                    Some(_) => num_resumed += 1,
                }
                let interval = Duration::from_millis(1 + simulation.choose(200) as u64);
                let state = Some(StateOptions { folder: folder.clone(), interval, resume });
                let replays = Replays::new(given.clone(), Tempo::Times(1));
                let options = RunOptions { world: simulation.world(), batch_size: 40, replays, state, ..options() };
                let run = start(&plan, &registry(), options).await.unwrap();
                tokio::select! {
                    biased;
                    _ = run.finished() => break,
                    () = simulation.sleep(Duration::from_millis(300)) => run.abort(),
                }
                run.finished().await;
            }
        });
        assert!(num_resumed > 0, "seed {seed}");
        assert!(simulation.elapsed() < Duration::from_secs(30), "what was given is not waited for again");
        assert_eq!(sorted(&name), sorted("undisturbed"), "seed {seed}");
    }
}
