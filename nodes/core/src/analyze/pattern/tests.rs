//! What Pattern promises, and the slow and obvious way: each row that fits the first step, with every way on from it tried
//! in turn over the sorted rows of its key.

use std::collections::BTreeMap;

use super::*;
use crate::analyze::window::testing::{Row, SECOND, Step, batch, drive, steps, with};
use millrace_operator::harness::{Gathered, Harness, assert_node_contract};
use millrace_operator::time::event_times;
use proptest::prelude::*;
use serde_json::{Value, json};

fn harness(params: Value) -> Harness {
    Harness::new::<Pattern>(params, &[batch(&[]).schema()])
}

/// Up, then down.
fn params() -> Value {
    json!({
        "steps": [{"name": "up", "condition": "value > 0"}, {"name": "down", "condition": "value < 0"}],
        "within": "10 s", "keys": ["device"],
    })
}

/// A match: its first and last second, its key, and the columns `num_…` and of measures.
type Found = (i64, i64, Option<String>, Vec<Value>);

fn found(gathered: &Gathered) -> Vec<Found> {
    let Some(rows) = gathered.port("rows") else { return Vec::new() };
    let seconds = |name: &str| event_times(rows.column_by_name(name).expect("a column").as_ref()).expect("times");
    let (starts, ends) = (seconds(MATCH_START), seconds(MATCH_END));
    let others: Vec<String> = rows.schema().fields().iter().skip(3).map(|field| field.name().clone()).collect();
    let json = gathered.json("rows");
    let mut found: Vec<Found> = json
        .into_iter()
        .enumerate()
        .map(|(row, mut json)| {
            let key = json["device"].as_str().map(str::to_owned);
            let others = others.iter().map(|name| json[name].take()).collect();
            (starts.value(row) / SECOND, ends.value(row) / SECOND, key, others)
        })
        .collect();
    found.sort_by_key(|(start, end, key, others)| (*start, *end, key.clone(), format!("{others:?}")));
    found
}

fn a(rows: &[(i64, i64)]) -> RecordBatch {
    batch(&rows.iter().map(|(time, value)| (Some(*time), Some("a"), Some(*value))).collect::<Vec<_>>())
}

/// First and last second of the matches over rows of one key.
fn spans(changes: Value, rows: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let harness = harness(with(params(), changes));
    let mut run = harness.operator();
    run.push(a(rows)).end();
    found(&run.gathered).into_iter().map(|(start, end, ..)| (start, end)).collect()
}

#[test]
fn it_keeps_the_contract() {
    assert_node_contract::<Pattern>(params(), &[batch(&[]).schema()]);
}

#[test]
fn rows_of_a_key_match_in_the_order_of_their_time_as_soon_as_it_is_certain() {
    let harness = harness(with(
        params(),
        json!({"measures": [
            {"name": "highest", "expression": "max(value)"},
            {"name": "fell_to", "expression": "first_value(value) FILTER (WHERE step = 'down')"},
        ]}),
    ));
    let mut run = harness.operator();
    let rows: [Row; 6] = [
        (Some(4), Some("a"), Some(-3)),
        (Some(2), None, Some(7)),
        (Some(1), Some("a"), Some(5)),
        (Some(3), Some("b"), Some(-9)),
        (Some(3), None, Some(-1)),
        (None, Some("a"), Some(-9)),
    ];
    run.push(batch(&rows)).restart().watermark(4 * SECOND).restart();
    assert_eq!(found(&run.gathered), [(2, 3, None, vec![json!(1), json!(1), json!(7), json!(-1)])]);
    run.watermark(4 * SECOND + 1).push(a(&[(4, -5)])).restart().end();
    let of_a = (1, 4, Some("a".to_owned()), vec![json!(1), json!(1), json!(5), json!(-3)]);
    assert_eq!(found(&run.gathered), [of_a, (2, 3, None, vec![json!(1), json!(1), json!(7), json!(-1)])]);
    assert_eq!(run.gathered.rows_at("late"), 2);
    assert_eq!(run.gathered.rows_dropped, 5);
    let ends = event_times(run.gathered.port("rows").expect("rows").column_by_name(MATCH_END).expect("it").as_ref());
    assert_eq!(ends.expect("times").value(1), 4 * SECOND);
    assert_eq!(run.gathered.watermarks, [-6 * SECOND, -6 * SECOND + 1, i64::MAX]);
}

#[test]
fn rows_further_apart_than_the_time_do_not_match() {
    assert_eq!(spans(json!({}), &[(0, 1), (10, -1)]), [(0, 10)]);
    assert_eq!(spans(json!({}), &[(0, 1), (11, -1)]), []);
}

#[test]
fn a_strict_step_follows_directly() {
    let strict = json!({"steps": [
        {"name": "up", "condition": "value > 0"}, {"name": "down", "condition": "value < 0", "contiguity": "strict"},
    ]});
    let rows = [(0, 1), (1, 0), (2, -1), (3, 1), (4, -1)];
    assert_eq!(spans(json!({}), &rows), [(0, 2), (3, 4)]);
    assert_eq!(spans(strict, &rows), [(3, 4)]);
}

#[test]
fn a_step_repeats_as_often_as_it_can_and_gives_back_what_the_rest_needs() {
    let repeated = |at_least: u32, at_most: u32| {
        json!({"steps": [
            {"name": "any", "condition": "value >= 0", "at_least": at_least, "at_most": at_most},
            {"name": "two", "condition": "value = 2"},
        ]})
    };
    let rows = [(0, 1), (1, 2), (2, 1), (3, 2), (4, 1)];
    assert_eq!(spans(repeated(1, 0), &rows), [(0, 3)]);
    assert_eq!(spans(repeated(1, 0), &rows[..2]), [(0, 1)], "row 1 is given back");
    assert_eq!(spans(repeated(1, 2), &rows), [(0, 3)], "row 2 is passed over");
    assert_eq!(spans(repeated(3, 3), &rows), [(0, 3)]);
    assert_eq!(spans(repeated(4, 0), &rows), []);
}

#[test]
fn what_must_not_come_between_ends_an_attempt() {
    let absent = json!({"steps": [
        {"name": "up", "condition": "value > 0"},
        {"name": "zero", "condition": "value = 0", "absent": true},
        {"name": "down", "condition": "value < 0"},
    ]});
    assert_eq!(spans(absent.clone(), &[(0, 1), (1, 0), (2, -1)]), []);
    assert_eq!(spans(absent, &[(0, 1), (1, 0), (2, 1), (3, -1)]), [(2, 3)]);
}

#[test]
fn what_must_not_follow_is_certain_when_its_time_is_over() {
    let harness = harness(with(
        params(),
        json!({"steps": [
            {"name": "opened", "condition": "value > 0"},
            {"name": "closed", "condition": "value < 0", "absent": true},
        ]}),
    ));
    let mut run = harness.operator();
    run.push(a(&[(0, 1), (3, 2), (12, -1), (20, 1)])).watermark(10 * SECOND).restart();
    assert_eq!(run.gathered.rows_at("rows"), 0);
    run.watermark(10 * SECOND + 1).restart();
    assert_eq!(found(&run.gathered).iter().map(|found| (found.0, found.1)).collect::<Vec<_>>(), [(0, 0)]);
    run.watermark(30 * SECOND).restart();
    assert_eq!(run.gathered.rows_at("rows"), 1, "closed in time");
    run.end();
    assert_eq!(run.gathered.rows_at("rows"), 2, "nothing follows the end");
}

#[test]
fn after_a_match_the_search_goes_on_behind_it_or_at_the_next_row() {
    let rows = [(0, 1), (1, 1), (2, -1), (3, 1), (4, -1)];
    assert_eq!(spans(json!({}), &rows), [(0, 2), (3, 4)]);
    assert_eq!(spans(json!({"after_match": "to_next_row"}), &rows), [(0, 2), (1, 2), (3, 4)]);
}

#[test]
fn a_condition_may_look_at_the_row_before() {
    let falling = json!({"steps": [
        {"name": "top", "condition": "value >= 0"},
        {"name": "fall", "condition": "value < previous.value", "at_least": 2, "at_most": 0, "contiguity": "strict"},
    ]});
    let rows = [(0, 5), (1, 9), (2, 4), (3, 3), (4, 1), (5, 2), (6, 1), (20, 0)];
    assert_eq!(spans(falling, &rows), [(1, 4)]);
}

#[test]
fn rows_that_cannot_be_computed_are_rejected_and_matches_too() {
    let harness = harness(with(
        params(),
        json!({
            "steps": [{"name": "up", "condition": "10 / value > 0"}, {"name": "down", "condition": "value < 0"}],
            "measures": [{"name": "ratio", "expression": "sum(value) / (max(value) - 7)"}],
        }),
    ));
    let mut run = harness.operator();
    run.push(a(&[(0, 1), (1, 0), (2, -1), (3, 7), (4, -1)])).end();
    assert_eq!(found(&run.gathered).len(), 1);
    let positions: Vec<Value> =
        run.gathered.json("rejected").into_iter().map(|mut row| row["position"].take()).collect();
    assert_eq!(positions, [json!("row 2 of the node's input"), json!("a result of the node")]);
    assert_eq!(run.gathered.rows_dropped, 4);
}

#[test]
fn nothing_is_held_for_longer_than_the_time() {
    let harness = harness(with(params(), json!({"after_match": "to_next_row"})));
    let mut run = harness.operator();
    let mut most = 0;
    for second in 0..2_000 {
        run.push(batch(&[(Some(second), Some("a"), Some(second % 7)), (Some(second), Some("b"), Some(1))]));
        run.watermark(second * SECOND);
        if second > 100 {
            most = most.max(run.operator().state_bytes());
        }
    }
    assert!((1_000..60_000).contains(&most), "{most}");
}

#[test]
fn what_cannot_be_is_found_before_the_run() {
    let up = json!({"name": "up", "condition": "value > 0"});
    let step =
        |changes: Value| json!({"steps": [up.clone(), with(json!({"name": "b", "condition": "value < 0"}), changes)]});
    for (changes, param, code) in [
        (json!({"steps": []}), "steps", "no_steps"),
        (json!({"within": "0 s"}), "within", "no_size"),
        (step(json!({"name": "up"})), "steps[1].name", "duplicate_name"),
        (step(json!({"name": "Up and away"})), "steps[1].name", "bad_name"),
        (step(json!({"condition": "valeu > 0"})), "steps[1].condition", "unknown_column"),
        (step(json!({"condition": "value > previous.valeu"})), "steps[1].condition", "unknown_column"),
        (step(json!({"condition": "value + 1"})), "steps[1].condition", "not_a_condition"),
        (step(json!({"at_least": 3})), "steps[1].at_most", "bounds_exclude"),
        (step(json!({"at_least": 0})), "steps[1].at_least", "no_rows"),
        (step(json!({"absent": true, "at_least": 2, "at_most": 2})), "steps[1].at_least", "absent_counted"),
        (json!({"steps": [with(up.clone(), json!({"absent": true}))]}), "steps[0].absent", "absent_first"),
        (json!({"keys": ["divice"]}), "keys[0]", "unknown_column"),
        (json!({"measures": [{"name": "num_up", "expression": "max(value)"}]}), "measures[0].name", "duplicate_column"),
        (json!({"measures": [{"name": "x", "expression": "value"}]}), "measures[0].expression", "not_an_aggregate"),
    ] {
        let problems = Harness::try_new::<Pattern>(with(params(), changes.clone()), &[batch(&[]).schema()]);
        let problems = problems.err().unwrap_or_else(|| panic!("{changes} is refused"));
        let found = problems.iter().any(|problem| problem.param == param && problem.code == code);
        assert!(found, "{changes}: {problems:#?}");
    }
}

/// A step of a random pattern.
#[derive(Debug, Clone)]
struct Random {
    condition: usize,
    at_least: u32,
    at_most: u32,
    is_strict: bool,
    is_absent: bool,
}

type Value64 = Option<i64>;

/// Conditions as SQL and as code over the value of the row before and that of the row.
/// Of a row and of the row before it.
type Condition = fn(Value64, Value64) -> bool;

const CONDITIONS: [(&str, Condition); 5] = [
    ("value > 0", |_, value| value > Some(0)),
    ("value < 3", |_, value| value.is_some_and(|value| value < 3)),
    ("value % 2 = 0", |_, value| value.is_some_and(|value| value % 2 == 0)),
    ("true", |_, _| true),
    ("value < previous.value", |before, value| value.zip(before).is_some_and(|(value, before)| value < before)),
];

fn random_step() -> impl Strategy<Value = Random> {
    (0..CONDITIONS.len(), 1u32..3, 0u32..4, any::<bool>(), prop::bool::weighted(0.25)).prop_map(
        |(condition, at_least, at_most, is_strict, is_absent)| {
            let (at_least, at_most) = if is_absent { (1, 1) } else { (at_least, at_most) };
            let at_most = if at_most == 0 { 0 } else { at_most.max(at_least) };
            Random { condition, at_least, at_most, is_strict, is_absent }
        },
    )
}

fn pattern() -> impl Strategy<Value = Vec<Random>> {
    prop::collection::vec(random_step(), 1..5).prop_map(|mut pattern| {
        (pattern[0].is_absent, pattern[0].at_least) = (false, 1);
        pattern
    })
}

/// The rows of a key by time, each with the steps that it fits.
struct Sorted<'a> {
    pattern: &'a [Random],
    /// Indices of the steps that take rows.
    taking: Vec<usize>,
    rows: Vec<(i64, Vec<bool>)>,
    within: i64,
}

impl Sorted<'_> {
    /// The best match that goes on from `taken`, whose last row has been taken by step `step` as its `count`-th.
    fn search(&self, step: usize, count: u32, taken: &[(usize, usize)]) -> Option<Vec<(usize, usize)>> {
        let at = &self.pattern[self.taking[step]];
        let next = self.taking.get(step + 1).copied();
        let barred = (self.taking[step] + 1)..next.unwrap_or(self.pattern.len());
        let waits = next.is_none() && !barred.is_empty();
        let deadline = self.rows[taken[0].1].0 + self.within;
        let mut repeats = at.at_most == 0 || count < at.at_most;
        let mut advances = count >= at.at_least;
        let is_enough = advances;
        for row in taken[taken.len() - 1].1 + 1..self.rows.len() {
            let (time, fits) = &self.rows[row];
            if *time > deadline {
                break;
            }
            let to_same = repeats && fits[self.taking[step]];
            let to_next = advances && next.is_some_and(|next| fits[next]);
            if to_same || to_next {
                let with = |step: usize| [taken, &[(step, row)]].concat();
                let same = to_same.then(|| self.search(step, count + 1, &with(step))).flatten();
                let other = || to_next.then(|| self.search(step + 1, 1, &with(step + 1))).flatten();
                let without = || (next.is_none() && !waits && is_enough).then(|| taken.to_vec());
                return same.or_else(other).or_else(without);
            }
            repeats &= !at.is_strict;
            advances &= !barred.clone().any(|step| fits[step]);
            advances &= next.is_none_or(|next| !self.pattern[next].is_strict);
        }
        (next.is_none() && if waits { advances } else { is_enough }).then(|| taken.to_vec())
    }

    fn matches(&self, is_overlapping: bool) -> Vec<Vec<(usize, usize)>> {
        let mut matches = Vec::new();
        let mut row = 0;
        while row < self.rows.len() {
            let found = self.rows[row].1[0].then(|| self.search(0, 1, &[(0, row)])).flatten();
            row = match &found {
                Some(taken) if !is_overlapping => taken[taken.len() - 1].1 + 1,
                _ => row + 1,
            };
            matches.extend(found);
        }
        matches
    }
}

fn oracle(steps: &[Step], pattern: &[Random], within: i64, is_overlapping: bool) -> (Vec<Found>, usize) {
    let mut keys: BTreeMap<Option<&str>, Vec<(i64, Value64)>> = BTreeMap::new();
    let (mut mark, mut num_late) = (i64::MIN, 0);
    for step in steps {
        match step {
            Step::Restart => {}
            Step::Watermark(second) => mark = mark.max(*second),
            Step::Rows(rows) => {
                for (time, key, value) in rows {
                    match time.filter(|time| *time >= mark) {
                        Some(time) => keys.entry(*key).or_default().push((time, *value)),
                        None => num_late += 1,
                    }
                }
            }
        }
    }
    let taking: Vec<usize> = (0..pattern.len()).filter(|step| !pattern[*step].is_absent).collect();
    let mut found: Vec<Found> = Vec::new();
    for (key, mut rows) in keys {
        rows.sort_by_key(|(time, _)| *time);
        let fitting = rows.iter().enumerate().map(|(row, (time, value))| {
            let before = row.checked_sub(1).map(|before| rows[before]).filter(|before| time - before.0 <= within);
            let before = before.and_then(|(_, value)| value);
            (*time, pattern.iter().map(|step| CONDITIONS[step.condition].1(before, *value)).collect())
        });
        let sorted = Sorted { pattern, taking: taking.clone(), rows: fitting.collect(), within };
        for taken in sorted.matches(is_overlapping) {
            let values = taken.iter().filter_map(|(_, row)| rows[*row].1);
            let total = values.clone().next().map(|_| values.sum::<i64>());
            let last = rows[taken[taken.len() - 1].1];
            let mut others: Vec<Value> =
                (0..taking.len()).map(|step| json!(taken.iter().filter(|(of, _)| *of == step).count())).collect();
            others.extend([json!(total), json!(last.1)]);
            found.push((rows[taken[0].1].0, last.0, key.map(str::to_owned), others));
        }
    }
    found.sort_by_key(|(start, end, key, others)| (*start, *end, key.clone(), format!("{others:?}")));
    (found, num_late)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn matches_are_those_of_trying_every_way_over_the_sorted_rows(
        steps in steps(),
        pattern in pattern(),
        within in 1i64..80,
        is_overlapping in any::<bool>(),
    ) {
        let of_step = |(number, step): (usize, &Random)| json!({
            "name": format!("s{number}"), "condition": CONDITIONS[step.condition].0,
            "at_least": step.at_least, "at_most": step.at_most, "absent": step.is_absent,
            "contiguity": if step.is_strict { "strict" } else { "relaxed" },
        });
        let harness = harness(json!({
            "steps": pattern.iter().enumerate().map(of_step).collect::<Vec<_>>(),
            "within": format!("{within} s"), "keys": ["device"],
            "after_match": if is_overlapping { "to_next_row" } else { "past_last_row" },
            "measures": [
                {"name": "total", "expression": "sum(value)"}, {"name": "last", "expression": "last_value(value)"},
            ],
        }));
        let mut run = harness.operator();
        drive(&mut run, &steps);
        run.end();
        let (expected, num_late) = oracle(&steps, &pattern, within, is_overlapping);
        prop_assert_eq!(found(&run.gathered), expected);
        prop_assert_eq!(run.gathered.rows_at("late"), num_late);
    }
}
