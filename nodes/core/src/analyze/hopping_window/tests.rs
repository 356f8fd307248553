//! What hopping windows promise, held against a slow and obvious calculation over the same rows.

use std::collections::BTreeMap;

use super::*;
use crate::analyze::window::testing::{SECOND, Step, batch, drive, results, steps, with};
use arrow::array::AsArray;
use arrow::datatypes::TimestampMicrosecondType;
use millrace_operator::harness::{Harness, assert_node_contract};
use proptest::prelude::*;
use serde_json::{Value, json};

fn params() -> Value {
    json!({
        "size": "10 s",
        "slide": "5 s",
        "keys": ["device"],
        "aggregates": [
            {"name": "n", "expression": "count(*)"},
            {"name": "total", "expression": "sum(value)"},
            {"name": "distinct", "expression": "count(DISTINCT value)"},
        ],
    })
}

fn harness(params: Value) -> Harness {
    Harness::new::<HoppingWindow>(params, &[batch(&[]).schema()])
}

fn key(name: &str) -> Option<String> {
    Some(name.to_owned())
}

#[test]
fn it_keeps_the_contract() {
    assert_node_contract::<HoppingWindow>(params(), &[batch(&[]).schema()]);
}

#[test]
fn a_row_counts_in_every_window_that_holds_it() {
    let harness = harness(params());
    let mut run = harness.operator();
    run.push(batch(&[(Some(3), Some("a"), Some(1)), (Some(7), Some("a"), Some(2)), (None, None, None)]));
    run.push(batch(&[])).watermark(10 * SECOND);
    assert_eq!(results(&run.gathered), [(-5, key("a"), 1, Some(1)), (0, key("a"), 2, Some(3))]);
    run.end();
    assert_eq!(results(&run.gathered)[2..], [(5, key("a"), 1, Some(2))]);
    assert_eq!(run.gathered.rows_at("late"), 1);
}

#[test]
fn a_row_with_some_windows_closed_counts_in_those_still_open() {
    let harness = harness(params());
    let mut run = harness.operator();
    run.push(batch(&[(Some(6), Some("a"), Some(1))])).watermark(10 * SECOND);
    run.push(batch(&[(Some(7), Some("a"), Some(2)), (Some(4), Some("a"), Some(4))])).end();
    assert_eq!(results(&run.gathered), [(0, key("a"), 1, Some(1)), (5, key("a"), 2, Some(3))]);
    assert_eq!(run.gathered.rows_at("late"), 1);
}

#[test]
fn rows_between_windows_with_gaps_are_left_out_and_counted() {
    let harness = harness(with(params(), json!({"size": "4 s", "slide": "10 s"})));
    let mut run = harness.operator();
    run.push(batch(&[(Some(3), Some("a"), Some(1)), (Some(4), Some("a"), Some(2)), (Some(12), Some("a"), Some(4))]));
    run.end();
    assert_eq!(results(&run.gathered), [(0, key("a"), 1, Some(1)), (10, key("a"), 1, Some(4))]);
    assert_eq!((run.gathered.rows_dropped, run.gathered.rows_at("late")), (1, 0));
}

#[test]
fn without_a_slide_nothing_runs() {
    let problems = Harness::try_new::<HoppingWindow>(with(params(), json!({"slide": "0 s"})), &[batch(&[]).schema()]);
    assert!(problems.err().is_some_and(|problems| problems.iter().any(|problem| problem.code == "no_slide")));
}

type Expected = BTreeMap<(i64, Option<String>), (i64, Option<i64>)>;

/// The slow and obvious way: each row into each of its windows. Gives the results, late rows and rows between windows.
fn oracle(steps: &[Step], size: i64, slide: i64, offset: i64, lateness: i64) -> (Expected, usize, u64) {
    let mut groups = Expected::new();
    let (mut num_late, mut num_outside) = (0, 0);
    let mut watermark = i64::MIN;
    for step in steps {
        match step {
            Step::Restart => {}
            Step::Watermark(second) => watermark = watermark.max(*second),
            Step::Rows(rows) => {
                for (time, key, value) in rows {
                    let Some(time) = time else {
                        num_late += 1;
                        continue;
                    };
                    let of_row: Vec<i64> =
                        (time - size + 1..=*time).filter(|start| (start - offset).rem_euclid(slide) == 0).collect();
                    let open: Vec<i64> =
                        of_row.iter().copied().filter(|start| start + size + lateness > watermark).collect();
                    if of_row.is_empty() {
                        num_outside += 1;
                    } else if open.is_empty() {
                        num_late += 1;
                    }
                    for start in open {
                        let group = groups.entry((start, key.map(str::to_owned))).or_default();
                        group.0 += 1;
                        group.1 = group.1.map_or(*value, |sum| Some(sum + value.unwrap_or(0)));
                    }
                }
            }
        }
    }
    (groups, num_late, num_outside)
}

/// A row each second, the watermark a second behind it, and rows that come behind: at which second, how far.
fn dense(behind: &[(i64, i64)], restart: i64) -> Vec<Step> {
    let mut steps = Vec::new();
    for second in 0..100 {
        steps.push(Step::Rows(vec![(Some(second), Some(if second % 3 == 0 { "a" } else { "b" }), Some(second))]));
        steps.push(Step::Watermark(second - 1));
        for (_, back) in behind.iter().filter(|(at, _)| *at == second) {
            steps.push(Step::Rows(vec![(
                Some(second - back),
                [Some("a"), Some("c"), None][*back as usize % 3],
                Some(*back),
            )]));
        }
        if second == restart {
            steps.push(Step::Restart);
        }
    }
    steps
}

proptest! {
    #[test]
    fn results_equal_those_of_one_row_at_a_time(
        steps in steps(), size in 1i64..40, slide in 1i64..30, offset in 0i64..40, lateness in 0i64..20,
    ) {
        let changes = json!({
            "size": format!("{size} s"), "slide": format!("{slide} s"), "offset": format!("{offset} s"),
            "allowed_lateness": format!("{lateness} s"),
        });
        let harness = harness(with(params(), changes));
        let mut run = harness.operator();
        drive(&mut run, &steps);
        run.end();
        let (expected, num_late, num_outside) = oracle(&steps, size, slide, offset, lateness);
        let expected: Vec<_> = expected.into_iter().map(|((start, key), (n, total))| (start, key, n, total)).collect();
        prop_assert_eq!(results(&run.gathered), expected);
        prop_assert_eq!(run.gathered.rows_at("late"), num_late);
        prop_assert_eq!(run.gathered.rows_dropped, num_outside);
    }

    /// Many panes to a window, dense rows and small steps of the watermark: the blocks are used, and used again after
    /// rows that come behind.
    #[test]
    fn windows_of_many_panes_equal_those_of_one_row_at_a_time(
        behind in prop::collection::vec((0i64..120, 0i64..12), 0..20), restart in 0i64..100, offset in 0i64..3,
    ) {
        let steps = dense(&behind, restart);
        let changes = json!({"size": "12 s", "slide": "1 s", "offset": format!("{offset} s")});
        let harness = harness(with(params(), changes));
        let mut run = harness.operator();
        drive(&mut run, &steps);
        run.end();
        let (expected, num_late, _) = oracle(&steps, 12, 1, offset, 0);
        let expected: Vec<_> = expected.into_iter().map(|((start, key), (n, total))| (start, key, n, total)).collect();
        prop_assert_eq!(results(&run.gathered), expected);
        prop_assert_eq!(run.gathered.rows_at("late"), num_late);
    }
}

proptest! {
    /// A sum beside the counts makes that windows are put together from their panes.
    #[test]
    fn counts_that_move_on_are_those_of_windows_put_together(
        behind in prop::collection::vec((0i64..120, 0i64..16), 0..20),
        restart in 0i64..100,
        more in steps(),
        lateness in 0i64..6,
        top in prop::option::of((1u32..4, prop::sample::select(vec!["asc", "desc"]), prop::sample::select(vec!["n", "high"]))),
    ) {
        let counts = json!([
            {"name": "n", "expression": "count(*)"},
            {"name": "filled", "expression": "count(value)"},
            {"name": "high", "expression": "count(*) FILTER (WHERE value > 3)"},
        ]);
        let mut with_sum = counts.clone();
        with_sum.as_array_mut().expect("a list").push(json!({"name": "total", "expression": "sum(value)"}));
        let mut steps = dense(&behind, restart);
        steps.extend(more);
        let rows_of = |aggregates: &Value| {
            let mut changes = json!({
                "size": "12 s", "slide": "1 s", "allowed_lateness": format!("{lateness} s"), "aggregates": aggregates,
            });
            if let Some((n, order, by)) = &top {
                changes["top"] = json!({"by": by, "n": n, "order": order});
            }
            let harness = harness(with(params(), changes));
            let mut run = harness.operator();
            drive(&mut run, &steps);
            run.end();
            let mut rows: Vec<String> = run.gathered.json("rows").into_iter().map(|mut row| {
                row.as_object_mut().expect("a row").remove("total");
                row.to_string()
            }).collect();
            rows.sort_unstable();
            (rows, run.gathered.rows_at("late"))
        };
        prop_assert_eq!(rows_of(&counts), rows_of(&with_sum));
    }
}

#[test]
fn keys_that_come_and_go_are_forgotten_and_lose_nothing() {
    let harness = harness(with(params(), json!({"slide": "1 s"})));
    let mut run = harness.operator();
    let names: Vec<&'static str> = (0..30_000).map(|number| &*format!("device {number}").leak()).collect();
    let mut largest = 0;
    for second in 0..60_usize {
        let steady = (Some(second as i64), Some("steady"), Some(1));
        let new = names[second * 500..][..500].iter().map(|name| (Some(second as i64), Some(*name), Some(1)));
        run.push(batch(&new.chain([steady]).collect::<Vec<_>>())).watermark(second as i64 * SECOND);
        if second == 30 {
            largest = run.operator().state_bytes();
            run.restart();
        }
    }
    assert!(run.operator().state_bytes() < largest * 2, "{largest} grew to {}", run.operator().state_bytes());
    run.end();
    let results = results(&run.gathered);
    let of_new = results.iter().filter(|(_, name, n, total)| {
        name.as_deref().is_some_and(|name| name != "steady") && (*n, *total) == (1, Some(1))
    });
    assert_eq!(of_new.count(), 30_000 * 10);
    let steady: Vec<i64> =
        results.iter().filter(|result| result.1.as_deref() == Some("steady")).map(|result| result.2).collect();
    let expected: Vec<i64> = (1..=9).chain(std::iter::repeat_n(10, 51)).chain((1..=9).rev()).collect();
    assert_eq!(steady, expected);
}

/// The results of a run over these seconds, in order and without late rows: start of the window in seconds, and the row
/// with its numbers to nine digits.
fn rows_over(harness: &Harness, seconds: &[i64]) -> Vec<(i64, String)> {
    fn rounded(value: &mut Value) {
        match value {
            Value::Number(number) if number.is_f64() => {
                *value = json!(format!("{:.8e}", number.as_f64().expect("it is one")));
            }
            Value::Array(list) => list.iter_mut().for_each(rounded),
            Value::Object(members) => members.values_mut().for_each(rounded),
            _ => {}
        }
    }
    let mut run = harness.operator();
    for second in seconds {
        let key = ["a", "b", "c"][(second * 7 % 3) as usize];
        run.push(batch(&[(Some(*second), Some(key), Some(second * 13 % 11))])).watermark(second * SECOND);
    }
    run.end();
    let Some(batch) = run.gathered.port("rows") else { return Vec::new() };
    let starts = batch.column(0).as_primitive::<TimestampMicrosecondType>().values().iter().map(|us| us / SECOND);
    let texts = run.gathered.json("rows").into_iter().map(|mut row| {
        rounded(&mut row);
        row.to_string()
    });
    let mut rows: Vec<(i64, String)> = starts.zip(texts).collect();
    rows.sort_unstable();
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// However panes are put together: a hopping window has what a tumbling window of the same rows has.
    #[test]
    fn every_function_gives_what_it_gives_over_the_rows_of_one_window(
        seconds in prop::collection::btree_set(0i64..90, 0..40),
        (size, slide) in prop::sample::select(vec![(10, 3), (12, 1), (12, 4), (9, 2), (20, 5)]),
        is_keyed in any::<bool>(),
    ) {
        let aggregates: Vec<Value> = [
            "first_value(value ORDER BY ts)", "last_value(value ORDER BY ts)", "first_value(value ORDER BY value, ts)",
            "array_agg(value ORDER BY ts)", "string_agg(CAST(value AS VARCHAR), ',' ORDER BY ts)", "min(value)",
            "max(value)", "avg(value)", "stddev(value)", "var_pop(value)", "median(value)", "count(DISTINCT value)",
            "approx_distinct(value)", "corr(value, value * value)", "bool_or(value > 9)", "sum(value) FILTER (WHERE value > 5)",
        ].iter().enumerate().map(|(number, text)| json!({"name": format!("r{number}"), "expression": text})).collect();
        let keys = if is_keyed { json!(["device"]) } else { json!([]) };
        let seconds: Vec<i64> = seconds.into_iter().collect();
        let hopping = json!({
            "size": format!("{size} s"), "slide": format!("{slide} s"), "keys": keys, "aggregates": aggregates,
        });
        let found = rows_over(&harness(hopping), &seconds);
        let mut expected = Vec::new();
        let offsets: std::collections::BTreeSet<i64> = (0..size).map(|number| number * slide % size).collect();
        for offset in offsets {
            let tumbling = json!({
                "size": format!("{size} s"), "offset": format!("{offset} s"), "keys": keys, "aggregates": aggregates,
            });
            let harness = Harness::new::<crate::analyze::tumbling_window::TumblingWindow>(tumbling, &[batch(&[]).schema()]);
            // Where the slide does not divide the size, only some of these windows begin at a hop.
            expected.extend(rows_over(&harness, &seconds).into_iter().filter(|(start, _)| start.rem_euclid(slide) == 0));
        }
        expected.sort_unstable();
        prop_assert_eq!(found, expected);
    }
}
