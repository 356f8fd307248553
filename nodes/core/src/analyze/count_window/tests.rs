//! What count windows promise, held against a slow and obvious calculation over the same rows.

use std::collections::BTreeMap;

use super::*;
use crate::analyze::window::testing::{Row, Step, batch, drive, steps, with};
use millrace_operator::harness::{Gathered, Harness, assert_node_contract};
use proptest::prelude::*;
use serde_json::{Value, json};

fn params() -> Value {
    json!({
        "size": 3,
        "keys": ["device"],
        "aggregates": [
            {"name": "n", "expression": "count(*)"},
            {"name": "total", "expression": "sum(value)"},
            {"name": "last", "expression": "last_value(value)"},
        ],
    })
}

fn harness(params: Value) -> Harness {
    Harness::new::<CountWindow>(params, &[batch(&[]).schema()])
}

/// A result: key, first and last row, count, sum, last value.
type Outcome = (Option<String>, i64, i64, i64, Option<i64>, Option<i64>);

fn outcomes(gathered: &Gathered) -> Vec<Outcome> {
    let number = |row: &Value, name: &str| row[name].as_i64();
    let mut outcomes: Vec<Outcome> = gathered
        .json("rows")
        .iter()
        .map(|row| {
            let key = row["device"].as_str().map(str::to_owned);
            let place = |name: &str| number(row, name).expect("a number");
            (key, place("first_row"), place("last_row"), place("n"), number(row, "total"), number(row, "last"))
        })
        .collect();
    outcomes.sort();
    outcomes
}

fn rows(key: &'static str, values: std::ops::Range<i64>) -> Vec<Row> {
    values.map(|value| (None, Some(key), Some(value))).collect()
}

#[test]
fn it_keeps_the_contract() {
    assert_node_contract::<CountWindow>(params(), &[batch(&[]).schema()]);
}

#[test]
fn a_window_is_emitted_with_its_last_row_and_the_rest_at_the_end() {
    let harness = harness(params());
    let mut run = harness.operator();
    run.push(batch(&rows("a", 0..2))).push(batch(&[])).push(batch(&rows("b", 5..6))).restart();
    assert_eq!(run.gathered.rows_at("rows"), 0);
    run.push(batch(&rows("a", 2..7)));
    let a = || Some("a".to_owned());
    assert_eq!(outcomes(&run.gathered), [(a(), 1, 3, 3, Some(3), Some(2)), (a(), 4, 6, 3, Some(12), Some(5))]);
    run.end();
    let rest = [(a(), 7, 7, 1, Some(6), Some(6)), (Some("b".to_owned()), 1, 1, 1, Some(5), Some(5))];
    assert_eq!(outcomes(&run.gathered)[2..], rest);
}

#[test]
fn rejected_rows_are_not_counted() {
    let cast = json!({"size": 2, "keys": [], "aggregates": [
        {"name": "n", "expression": "count(*)"}, {"name": "total", "expression": "sum(10 / value)"},
        {"name": "last", "expression": "last_value(value)"},
    ]});
    let harness = harness(cast);
    let mut run = harness.operator();
    run.push(batch(&[(None, None, Some(5)), (None, None, Some(0)), (None, None, Some(2))])).end();
    assert_eq!(outcomes(&run.gathered), [(None, 1, 2, 2, Some(7), Some(2))]);
    assert_eq!(run.gathered.rows_at("rejected"), 1);
}

#[test]
fn a_window_of_no_rows_is_refused() {
    let problems = Harness::try_new::<CountWindow>(with(params(), json!({"size": 0})), &[batch(&[]).schema()]);
    assert!(problems.err().is_some_and(|problems| problems.iter().any(|problem| problem.code == "no_size")));
}

/// The slow and obvious way: all rows of a key, then each window over them. Gives the results and the rows left out.
fn oracle(steps: &[Step], size: usize, slide: usize, emits_incomplete: bool) -> (Vec<Outcome>, u64) {
    let mut by_key: BTreeMap<Option<String>, Vec<Option<i64>>> = BTreeMap::new();
    for step in steps {
        if let Step::Rows(rows) = step {
            for (_, key, value) in rows {
                by_key.entry(key.map(str::to_owned)).or_default().push(*value);
            }
        }
    }
    let mut outcomes = Vec::new();
    let mut num_left_out = 0;
    for (key, values) in by_key {
        let mut is_used = vec![false; values.len()];
        for first in (0..values.len()).step_by(slide) {
            let window = &values[first..values.len().min(first + size)];
            if window.len() < size && !emits_incomplete {
                continue;
            }
            is_used[first..first + window.len()].fill(true);
            let known: Vec<i64> = window.iter().flatten().copied().collect();
            let total = (!known.is_empty()).then(|| known.iter().sum());
            let last = *window.last().expect("a window has rows");
            let end = (first + window.len()) as i64;
            outcomes.push((key.clone(), first as i64 + 1, end, window.len() as i64, total, last));
        }
        num_left_out += is_used.iter().filter(|is_used| !**is_used).count() as u64;
    }
    outcomes.sort();
    (outcomes, num_left_out)
}

proptest! {
    #[test]
    fn results_equal_those_of_one_window_at_a_time(
        steps in steps(), size in 1usize..20, slide in 0usize..25, emits_incomplete: bool,
    ) {
        let harness =
            harness(with(params(), json!({"size": size, "slide": slide, "emit_incomplete": emits_incomplete})));
        let mut run = harness.operator();
        drive(&mut run, &steps);
        run.end();
        let (expected, num_left_out) = oracle(&steps, size, if slide == 0 { size } else { slide }, emits_incomplete);
        prop_assert_eq!(outcomes(&run.gathered), expected);
        prop_assert_eq!(run.gathered.rows_dropped, num_left_out);
    }
}
