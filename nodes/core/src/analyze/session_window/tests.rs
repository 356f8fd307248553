//! What sessions promise, held against a slow and obvious calculation over the same rows.

use super::*;
use crate::analyze::window::testing::{SECOND, Step, batch, drive, results, steps, with};
use millrace_operator::harness::{Gathered, Harness, assert_node_contract};
use proptest::prelude::*;
use serde_json::{Value, json};

fn params() -> Value {
    json!({
        "gap": "10 s",
        "keys": ["device"],
        "aggregates": [
            {"name": "n", "expression": "count(*)"},
            {"name": "total", "expression": "sum(value)"},
            {"name": "middle", "expression": "median(value)"},
        ],
    })
}

fn harness(params: Value) -> Harness {
    Harness::new::<SessionWindow>(params, &[batch(&[]).schema()])
}

fn key(name: &str) -> Option<String> {
    Some(name.to_owned())
}

#[test]
fn it_keeps_the_contract() {
    assert_node_contract::<SessionWindow>(params(), &[batch(&[]).schema()]);
}

#[test]
fn a_session_ends_a_gap_after_its_last_row_and_a_row_may_join_two() {
    let harness = harness(params());
    let mut run = harness.operator();
    run.push(batch(&[(Some(0), Some("a"), Some(1)), (Some(15), Some("a"), Some(2)), (Some(3), None, Some(3))]));
    run.push(batch(&[(Some(7), Some("a"), Some(4)), (Some(25), Some("a"), Some(8)), (None, Some("a"), None)]));
    run.watermark(25 * SECOND - 1).restart();
    assert_eq!(results(&run.gathered), [(3, None, 1, Some(3))]);
    run.watermark(25 * SECOND);
    assert_eq!(results(&run.gathered), [(0, key("a"), 3, Some(7)), (3, None, 1, Some(3))]);
    let ends: Vec<Value> = run.gathered.json("rows").into_iter().map(|mut row| row["window_end"].take()).collect();
    assert_eq!(ends, ["1970-01-01T00:00:13Z", "1970-01-01T00:00:25Z"]);
    run.end();
    assert_eq!(results(&run.gathered)[2..], [(25, key("a"), 1, Some(8))]);
    assert_eq!(run.gathered.rows_at("late"), 1);
}

#[test]
fn a_row_is_late_unless_it_touches_an_open_session() {
    let harness = harness(params());
    let mut run = harness.operator();
    run.push(batch(&[(Some(8), Some("a"), Some(1))])).watermark(17 * SECOND);
    run.push(batch(&[(Some(1), Some("a"), Some(2)), (Some(1), Some("b"), Some(4))])).end();
    assert_eq!(results(&run.gathered), [(1, key("a"), 2, Some(3))]);
    assert_eq!(run.gathered.json("late")[0]["device"], "b");
}

#[test]
fn rows_and_results_that_cannot_be_computed_leave_by_rejected() {
    let cast =
        json!({"aggregates": [{"name": "total", "expression": "sum(CAST(device AS BIGINT) * value)"}], "keys": []});
    let harness = harness(with(params(), cast));
    let mut run = harness.operator();
    run.push(batch(&[
        (Some(1), Some("x"), Some(1)),
        (Some(2), Some("1"), Some(i64::MAX)),
        (Some(40), Some("3"), Some(2)),
    ]));
    run.push(batch(&[(Some(3), Some("1"), Some(1)), (None, Some("y"), Some(1))])).end();
    let totals: Vec<Value> = run.gathered.json("rows").into_iter().map(|mut row| row["total"].take()).collect();
    assert_eq!(totals, [6]);
    assert_eq!((run.gathered.rows_at("rejected"), run.gathered.rows_at("late")), (2, 1));
}

#[test]
fn times_at_the_ends_of_the_range_do_no_harm() {
    let harness = harness(params());
    let mut run = harness.operator();
    let times = arrow::array::TimestampMicrosecondArray::from(vec![i64::MIN, i64::MAX, 0]).with_timezone("+00:00");
    let mut columns = batch(&[(None, None, None); 3]).columns().to_vec();
    columns[0] = std::sync::Arc::new(times);
    run.push(RecordBatch::try_new(batch(&[]).schema(), columns).expect("columns fit")).end();
    assert_eq!((run.gathered.rows_at("late"), run.gathered.rows_at("rows")), (1, 2));
}

#[test]
fn keys_whose_sessions_have_closed_are_forgotten() {
    let harness = harness(params());
    let mut run = harness.operator();
    let names: Vec<&'static str> = (0..5_000).map(|number| &*format!("device {number}").leak()).collect();
    let mut sizes = Vec::new();
    for round in 0..20 {
        let rows = names[round as usize * 250..][..250].iter().map(|name| (Some(round * 20), Some(*name), Some(1)));
        run.push(batch(&rows.collect::<Vec<_>>())).watermark(round * 20 * SECOND);
        sizes.push(run.operator().state_bytes());
    }
    run.push(batch(&[(Some(400), Some("device 4999"), Some(1))])).end();
    assert_eq!(run.gathered.rows_at("rows"), 5_001);
    assert!(sizes[19] < sizes[4] * 2, "{sizes:?}");
}

type Expected = Vec<(i64, Option<String>, i64, Option<i64>)>;

/// The key of an open session, and the time and value of its rows.
type Open<'a> = (Option<&'a str>, Vec<(i64, Option<i64>)>);

/// The slow and obvious way: every row is a session of its own; sessions that are near to each other join.
fn oracle(steps: &[Step], gap: i64, lateness: i64) -> (Expected, usize) {
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut closed = Expected::new();
    let mut num_late = 0;
    let mut watermark = i64::MIN;
    let last = |rows: &[(i64, Option<i64>)]| rows.iter().map(|row| row.0).max().expect("a session has rows");
    let first = |rows: &[(i64, Option<i64>)]| rows.iter().map(|row| row.0).min().expect("a session has rows");
    let end = Step::Watermark(i64::MAX);
    for step in steps.iter().chain([&end]) {
        match step {
            Step::Restart => {}
            Step::Watermark(second) => {
                watermark = watermark.max(*second);
                open.retain(|(key, rows)| {
                    let is_open = last(rows) + gap + lateness > watermark;
                    if !is_open {
                        let known: Vec<i64> = rows.iter().filter_map(|row| row.1).collect();
                        let total = (!known.is_empty()).then(|| known.iter().sum());
                        closed.push((first(rows), key.map(str::to_owned), rows.len() as i64, total));
                    }
                    is_open
                });
            }
            Step::Rows(rows) => {
                for (time, key, value) in rows {
                    let Some(time) = time else {
                        num_late += 1;
                        continue;
                    };
                    let (near, far): (Vec<_>, Vec<_>) = open
                        .drain(..)
                        .partition(|(of, rows)| of == key && time - last(rows) < gap && first(rows) - time < gap);
                    open = far;
                    if near.is_empty() && time + gap + lateness <= watermark {
                        num_late += 1;
                        continue;
                    }
                    let mut rows = vec![(*time, *value)];
                    rows.extend(near.into_iter().flat_map(|(_, rows)| rows));
                    open.push((*key, rows));
                }
            }
        }
    }
    closed.sort();
    (closed, num_late)
}

fn run(params: &Value, steps: &[Step]) -> Gathered {
    let harness = harness(params.clone());
    let mut run = harness.operator();
    drive(&mut run, steps);
    run.end();
    std::mem::take(&mut run.gathered)
}

proptest! {
    #[test]
    fn results_equal_those_of_one_row_at_a_time(steps in steps(), gap in 1i64..30, lateness in 0i64..20) {
        let params =
            with(params(), json!({"gap": format!("{gap} s"), "allowed_lateness": format!("{lateness} s")}));
        let gathered = run(&params, &steps);
        let (expected, num_late) = oracle(&steps, gap, lateness);
        prop_assert_eq!(results(&gathered), expected);
        prop_assert_eq!(gathered.rows_at("late"), num_late);
        let single: Vec<Step> = steps
            .iter()
            .flat_map(|step| match step {
                Step::Rows(rows) => rows.iter().map(|row| Step::Rows(vec![*row])).collect(),
                other => vec![other.clone()],
            })
            .collect();
        let sorted = |gathered: &Gathered| {
            let mut rows: Vec<String> = gathered.json("rows").iter().map(Value::to_string).collect();
            rows.sort();
            rows
        };
        prop_assert_eq!(sorted(&run(&params, &single)), sorted(&gathered));
    }
}
