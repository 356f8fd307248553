//! What Silence promises, held against a slow and obvious calculation over the same rows.

use std::collections::BTreeMap;

use super::*;
use crate::analyze::window::testing::{Row, SECOND, Step, batch, drive, steps, with};
use millrace_operator::harness::{Gathered, Harness, assert_node_contract, rows_as_json};
use millrace_operator::output::Emitted;
use millrace_operator::time::event_times;
use proptest::prelude::*;
use serde_json::{Value, json};

fn params() -> Value {
    json!({"timeout": "10 s", "keys": ["device"]})
}

fn harness(params: Value) -> Harness {
    Harness::new::<Silence>(params, &[batch(&[]).schema()])
}

/// A change: when in seconds, key, state, last seen, silent since.
type Outcome = (i64, Option<String>, String, i64, i64);

fn outcomes(gathered: &Gathered) -> Vec<Outcome> {
    let Some(rows) = gathered.port("rows") else { return Vec::new() };
    let times = |name: &str| event_times(rows.column_by_name(name).expect("a column")).expect("a timestamp");
    let (changed, last, since) = (times(CHANGED_AT), times(LAST_SEEN), times(SILENT_SINCE));
    let outcome = |(row, json): (usize, &Value)| -> Outcome {
        let text = |name: &str| json[name].as_str().map(str::to_owned);
        let second = |times: &TimestampMicrosecondArray| times.value(row) / SECOND;
        (second(&changed), text("device"), text(STATE).expect("a state"), second(&last), second(&since))
    };
    gathered.json("rows").iter().enumerate().map(outcome).collect()
}

fn silent(key: &str, last: i64) -> Outcome {
    (last + 10, Some(key.to_owned()), "silent".to_owned(), last, last + 10)
}

fn recovered(key: &str, at: i64, since: i64) -> Outcome {
    (at, Some(key.to_owned()), "recovered".to_owned(), at, since)
}

fn heard(key: &'static str, seconds: &[i64]) -> RecordBatch {
    batch(&seconds.iter().map(|second| (Some(*second), Some(key), None)).collect::<Vec<Row>>())
}

#[test]
fn it_keeps_the_contract() {
    assert_node_contract::<Silence>(params(), &[batch(&[]).schema()]);
    assert_node_contract::<Silence>(with(params(), json!({"clock": "processing"})), &[batch(&[]).schema()]);
}

#[test]
fn a_key_falls_silent_once_and_recovers_once() {
    let harness = harness(params());
    let mut run = harness.operator();
    run.push(heard("a", &[0, 5])).push(heard("b", &[3])).watermark(14 * SECOND);
    assert_eq!(outcomes(&run.gathered), [silent("b", 3)]);
    run.watermark(15 * SECOND).restart().watermark(29 * SECOND);
    assert_eq!(outcomes(&run.gathered)[1..], [silent("a", 5)]);
    run.push(heard("a", &[31, 30, 32])).watermark(30 * SECOND).watermark(31 * SECOND);
    assert_eq!(outcomes(&run.gathered)[2..], [recovered("a", 30, 15)]);
    run.end();
    assert_eq!(outcomes(&run.gathered)[3..], [silent("a", 32)]);
}

#[test]
fn another_timeout_holds_for_what_was_heard_before() {
    let (ten, five) = (harness(params()), harness(with(params(), json!({"timeout": "5 s"}))));
    let mut run = ten.operator();
    run.push(heard("a", &[0, 5])).watermark(7 * SECOND).restart_as(&five).watermark(10 * SECOND);
    assert_eq!(outcomes(&run.gathered), [(10, Some("a".to_owned()), "silent".to_owned(), 5, 10)]);
}

#[test]
fn a_key_is_not_silent_because_the_node_is_set_anew() {
    let harness = harness(params());
    let Machine::Operator(mut operator) = harness.build() else { panic!("it is an operator") };
    let mut out = Output::default();
    operator.on_batch(0, heard("a", &[0, 5]), &mut out).expect("it takes rows");
    operator.hand_over(&mut out).expect("it ends");
    assert!(out.is_empty());
}

#[test]
fn a_gap_within_one_batch_is_a_silence_too_and_a_row_may_still_bridge_it() {
    let harness = harness(params());
    let mut run = harness.operator();
    run.push(heard("a", &[0, 20, 40])).push(heard("a", &[31, 29])).watermark(40 * SECOND).end();
    let expected = [silent("a", 0), recovered("a", 20, 10), silent("a", 40)];
    assert_eq!(outcomes(&run.gathered), expected);
}

#[test]
fn without_alarms_at_the_end_only_what_was_heard_counts() {
    let harness = harness(with(params(), json!({"alarm_at_end": false})));
    let mut run = harness.operator();
    run.push(heard("a", &[0, 20])).push(heard("b", &[20])).end();
    assert_eq!(outcomes(&run.gathered), [silent("a", 0), recovered("a", 20, 10)]);
}

#[test]
fn rows_without_a_time_and_rows_too_late_leave_by_late() {
    let harness = harness(params());
    let mut run = harness.operator();
    run.watermark(20 * SECOND);
    run.push(batch(&[(None, Some("a"), None), (Some(10), Some("a"), None), (Some(11), Some("a"), None)])).end();
    assert_eq!((run.gathered.rows_at("late"), run.gathered.rows_dropped), (2, 1));
    assert_eq!(outcomes(&run.gathered), [silent("a", 11)]);
}

#[test]
fn by_the_processing_clock_the_wall_clock_alone_counts() {
    let harness = harness(with(params(), json!({"clock": "processing"})));
    let build = || match harness.build() {
        Machine::Operator(operator) => operator,
        _ => panic!("an operator"),
    };
    let mut operator = build();
    assert!(operator.wants_ticks() && !operator.makes_watermarks());
    let mut seen: Vec<(String, String, String)> = Vec::new();
    let mut out = Output::default();
    let mut take = |out: &mut Output| {
        for emitted in out.take() {
            let Emitted::Batch(ROWS, batch) = emitted else { panic!("rows only") };
            for row in rows_as_json(&batch) {
                let text = |name: &str| row[name].as_str().expect("a text").to_owned();
                seen.push((text("device"), text(STATE), text(CHANGED_AT)));
            }
        }
        std::mem::take(&mut seen)
    };
    let change = |key: &str, state: &str, second: u32| {
        (key.to_owned(), state.to_owned(), format!("1970-01-01T00:01:{second:02}Z"))
    };
    let at = |second: i64| (60 + second) * SECOND;
    operator.on_batch(0, heard("a", &[1]), &mut out).expect("takes rows");
    operator.on_tick(at(0), &mut out).expect("ticks");
    operator.on_tick(at(5), &mut out).expect("ticks");
    operator.on_batch(0, heard("b", &[-999]), &mut out).expect("takes rows");
    operator.on_watermark(i64::MAX - 1, &mut out).expect("takes a watermark");
    operator.on_tick(at(10), &mut out).expect("ticks");
    assert_eq!(take(&mut out), [change("a", "silent", 10)]);
    operator.on_batch(0, heard("a", &[1]), &mut out).expect("takes rows");
    assert_eq!(take(&mut out), [change("a", "recovered", 10)]);
    operator.on_tick(at(14), &mut out).expect("ticks");
    operator.on_batch(0, heard("b", &[1]), &mut out).expect("takes rows");
    operator.on_tick(at(20), &mut out).expect("ticks");
    assert_eq!(take(&mut out), [change("a", "silent", 20)]);

    // While the run stands still nobody is silent, and who is heard before the first tick has recovered with it.
    let state = operator.snapshot().expect("a snapshot");
    let mut operator = build();
    operator.restore(&state).expect("restores");
    operator.on_batch(0, heard("a", &[1]), &mut out).expect("takes rows");
    operator.on_tick(at(40), &mut out).expect("ticks");
    assert_eq!(take(&mut out), [change("a", "recovered", 40)]);
    operator.on_tick(at(50), &mut out).expect("ticks");
    let mut both = take(&mut out);
    both.sort();
    assert_eq!(both, [change("a", "silent", 50), change("b", "silent", 50)]);
}

#[test]
fn many_keys_are_held_in_few_bytes() {
    const NUM_KEYS: usize = 270_000;
    let harness = harness(params());
    let mut run = harness.operator();
    let rows = |numbers: std::ops::Range<usize>, second: i64| {
        let names = StringArray::from_iter_values(numbers.clone().map(|number| format!("device-{number:08}")));
        let mut columns = batch(&vec![(Some(second), None, None); numbers.len()]).columns().to_vec();
        columns[1] = Arc::new(names);
        RecordBatch::try_new(batch(&[]).schema(), columns).expect("columns fit")
    };
    for round in 0..4 {
        for first in (0..NUM_KEYS).step_by(30_000) {
            run.push(rows(first..first + 30_000, round * 4));
        }
        run.watermark(round * 4 * SECOND);
    }
    let bytes_per_key = run.operator().state_bytes() / NUM_KEYS;
    assert!((50..400).contains(&bytes_per_key), "{bytes_per_key}");
    run.end();
    assert_eq!(run.gathered.rows_at("rows"), NUM_KEYS);
}

#[test]
fn what_cannot_be_is_found_before_the_run() {
    for (changes, param, code) in [
        (json!({"timeout": "0 s"}), "timeout", "no_timeout"),
        (json!({"keys": ["divice"]}), "keys[0]", "unknown_column"),
        (json!({"keys": ["device", "device"]}), "keys[1]", "repeated_key"),
        (json!({"time": "value"}), "time", "not_a_time"),
    ] {
        let problems = Harness::try_new::<Silence>(with(params(), changes.clone()), &[batch(&[]).schema()]);
        let problems = problems.err().unwrap_or_else(|| panic!("{changes} is refused"));
        let found = problems.iter().any(|problem| problem.param == param && problem.code == code);
        assert!(found, "{changes}: {problems:#?}");
    }
}

/// The open stretches of a key, each with all its times, and whether its recovery was said.
type Open = BTreeMap<Option<&'static str>, Vec<(Vec<i64>, bool)>>;

/// The slow and obvious way: all times of every open stretch.
fn oracle(steps: &[Step], timeout: i64) -> (Vec<Outcome>, usize) {
    let mut open = Open::new();
    let mut ended: BTreeMap<Option<&str>, i64> = BTreeMap::new();
    let mut outcomes = Vec::new();
    let (mut num_late, mut watermark) = (0, i64::MIN);
    let end = Step::Watermark(i64::MAX);
    for step in steps.iter().chain([&end]) {
        match step {
            Step::Restart => {}
            Step::Watermark(second) => {
                watermark = watermark.max(*second);
                for (key, stretches) in &mut open {
                    let name = key.map(str::to_owned);
                    stretches.sort();
                    stretches.retain_mut(|(times, is_said)| {
                        let (first, last) =
                            (*times.iter().min().expect("a time"), *times.iter().max().expect("a time"));
                        let before = ended.get(key).copied();
                        if let Some(before) = before.filter(|_| !*is_said && first <= watermark) {
                            *is_said = true;
                            outcomes.push((first, name.clone(), "recovered".to_owned(), first, before + timeout));
                        }
                        let is_over = last + timeout <= watermark;
                        if is_over {
                            ended.insert(*key, last);
                            let since = last + timeout;
                            outcomes.push((since, name.clone(), "silent".to_owned(), last, since));
                        }
                        !is_over
                    });
                }
            }
            Step::Rows(rows) => {
                for (time, key, _) in rows {
                    let Some(time) = time else {
                        num_late += 1;
                        continue;
                    };
                    let stretches = open.entry(*key).or_default();
                    let is_near = |(times, _): &(Vec<i64>, bool)| {
                        time - times.iter().max().expect("a time") < timeout
                            && times.iter().min().expect("a time") - time < timeout
                    };
                    let (near, far): (Vec<_>, Vec<_>) = stretches.drain(..).partition(is_near);
                    *stretches = far;
                    if near.is_empty() && time + timeout <= watermark {
                        num_late += 1;
                        continue;
                    }
                    let before = ended.get(key).copied();
                    let mut is_said = near.iter().any(|(_, is_said)| *is_said);
                    let mut times: Vec<i64> = near.into_iter().flat_map(|(times, _)| times).chain([*time]).collect();
                    times.sort_unstable();
                    if let Some(before) = before.filter(|_| !is_said && times[0] <= watermark) {
                        is_said = true;
                        let name = key.map(str::to_owned);
                        outcomes.push((times[0], name, "recovered".to_owned(), times[0], before + timeout));
                    }
                    stretches.push((times, is_said));
                }
            }
        }
    }
    outcomes.sort();
    (outcomes, num_late)
}

proptest! {
    #[test]
    fn changes_equal_those_of_one_row_at_a_time(steps in steps(), timeout in 1i64..40) {
        let harness = harness(with(params(), json!({"timeout": format!("{timeout} s")})));
        let mut run = harness.operator();
        drive(&mut run, &steps);
        run.end();
        let (expected, num_late) = oracle(&steps, timeout);
        let mut found = outcomes(&run.gathered);
        found.sort();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(run.gathered.rows_at("late"), num_late);
    }
}
