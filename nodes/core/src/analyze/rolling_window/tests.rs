//! What rolling windows promise, held against a slow and obvious calculation over the same rows.

use super::*;
use crate::analyze::window::testing::{Row, SECOND, Step, batch, drive, steps, with};
use millrace_operator::harness::{Gathered, Harness, assert_node_contract};
use proptest::prelude::*;
use serde_json::{Value, json};

fn params() -> Value {
    json!({
        "interval": "10 s",
        "keys": ["device"],
        "aggregates": [
            {"name": "n", "expression": "count(*)"},
            {"name": "total", "expression": "sum(value)"},
            {"name": "middle", "expression": "median(value)"},
        ],
    })
}

fn harness(params: Value) -> Harness {
    Harness::new::<RollingWindow>(params, &[batch(&[]).schema()])
}

/// A result: time in seconds, key, value, count, sum.
type Outcome = (i64, Option<String>, Option<i64>, i64, Option<i64>);

fn outcomes(gathered: &Gathered) -> Vec<Outcome> {
    let Some(rows) = gathered.port("rows") else { return Vec::new() };
    let times = event_times(rows.column(0).as_ref()).expect("a timestamp");
    let outcome = |(row, json): (usize, &Value)| -> Outcome {
        let key = json["device"].as_str().map(str::to_owned);
        let n = json["n"].as_i64().expect("a count");
        (times.value(row) / SECOND, key, json["value"].as_i64(), n, json["total"].as_i64())
    };
    gathered.json("rows").iter().enumerate().map(outcome).collect()
}

#[test]
fn it_keeps_the_contract() {
    assert_node_contract::<RollingWindow>(params(), &[batch(&[]).schema()]);
    assert_node_contract::<RollingWindow>(
        with(params(), json!({"rows": 3, "interval": "0 s"})),
        &[batch(&[]).schema()],
    );
}

#[test]
fn rows_leave_in_the_order_of_time_once_the_watermark_has_passed_them() {
    let harness = harness(params());
    let mut run = harness.operator();
    let a = || Some("a".to_owned());
    run.push(batch(&[(Some(12), Some("a"), Some(4)), (Some(2), Some("a"), Some(1)), (None, Some("a"), Some(9))]));
    run.push(batch(&[(Some(1), Some("a"), Some(2)), (Some(2), None, Some(7))])).watermark(12 * SECOND).restart();
    let first = [(1, a(), Some(2), 1, Some(2)), (2, a(), Some(1), 2, Some(3)), (2, None, Some(7), 1, Some(7))];
    assert_eq!(outcomes(&run.gathered), first);
    run.push(batch(&[(Some(11), Some("a"), Some(5)), (Some(12), Some("a"), Some(8))])).end();
    // The row at second 2 is exactly the interval older than that at 12, and both rows at 12 see each other.
    let rest = [(12, a(), Some(4), 3, Some(13)), (12, a(), Some(8), 3, Some(13))];
    assert_eq!(outcomes(&run.gathered)[3..], rest);
    assert_eq!(run.gathered.rows_at("late"), 2);
    assert_eq!(run.gathered.watermarks, [12 * SECOND, i64::MAX]);
}

#[test]
fn a_value_that_left_the_window_has_left_the_result() {
    let harness = harness(json!({
        "rows": 2, "keys": [], "aggregates": [{"name": "x", "expression": "sum(CASE WHEN value = 0 THEN 'inf' ELSE value END::DOUBLE)"}],
    }));
    let mut run = harness.operator();
    run.push(batch(&[(Some(1), None, Some(0)), (Some(2), None, Some(1)), (Some(3), None, Some(2))])).end();
    let last = run.gathered.json("rows").pop().expect("three rows");
    assert_eq!(last["x"], 3.0);
}

#[test]
fn rows_and_results_that_cannot_be_computed_leave_by_rejected() {
    let params = json!({"rows": 2, "aggregates": [{"name": "total", "expression": "sum(100 / value * value)"}]});
    let reject = harness(params.clone());
    let mut run = reject.operator();
    run.push(batch(&[(Some(1), None, Some(10)), (Some(2), None, Some(0)), (Some(3), None, Some(50))])).end();
    let totals = |gathered: &Gathered| -> Vec<Value> {
        gathered.json("rows").into_iter().map(|mut row| row["total"].take()).collect()
    };
    assert_eq!(totals(&run.gathered), [100, 200]);
    assert_eq!(run.gathered.rows_at("rejected"), 1);

    let sum = harness(with(params, json!({"aggregates": [{"name": "total", "expression": "sum(value)"}]})));
    let mut run = sum.operator();
    run.push(batch(&[(Some(1), None, Some(i64::MAX)), (Some(2), None, Some(1)), (Some(3), None, Some(5))])).end();
    assert_eq!(totals(&run.gathered), [json!(i64::MAX), json!(6)]);
    assert_eq!(run.gathered.rows_at("rejected"), 1);
}

#[test]
fn what_cannot_be_is_found_before_the_run() {
    for (changes, param, code) in [
        (json!({"interval": "0 s"}), "interval", "no_reach"),
        (json!({"rows": 3}), "rows", "two_reaches"),
        (
            json!({"aggregates": [{"name": "value", "expression": "sum(value)"}]}),
            "aggregates[0].name",
            "duplicate_column",
        ),
        (json!({"keys": ["divice"]}), "keys[0]", "unknown_column"),
        (json!({"time": "value"}), "time", "not_a_time"),
    ] {
        let problems = Harness::try_new::<RollingWindow>(with(params(), changes.clone()), &[batch(&[]).schema()]);
        let problems = problems.err().unwrap_or_else(|| panic!("{changes} is refused"));
        let found = problems.iter().any(|problem| problem.param == param && problem.code == code);
        assert!(found, "{changes}: {problems:#?}");
    }
}

#[test]
fn keys_that_fell_silent_are_forgotten() {
    let harness = harness(params());
    let mut run = harness.operator();
    let names: Vec<&'static str> = (0..5_000).map(|number| &*format!("device {number}").leak()).collect();
    let mut sizes = Vec::new();
    for round in 0..20_i64 {
        let rows: Vec<Row> =
            names[round as usize * 250..][..250].iter().map(|name| (Some(round * 20), Some(*name), Some(1))).collect();
        run.push(batch(&rows)).watermark(round * 20 * SECOND);
        sizes.push(run.operator().state_bytes());
    }
    run.push(batch(&[(Some(390), Some("device 4999"), Some(1))])).end();
    assert_eq!(run.gathered.rows_at("rows"), 5_001);
    assert!(sizes[19] < sizes[4] * 2, "{sizes:?}");
}

/// The slow and obvious way: the rows in time, sorted, and for each a look at all before it.
fn oracle(steps: &[Step], seconds: Option<i64>, num_rows: usize, lateness: i64) -> (Vec<Outcome>, usize) {
    let mut taken: Vec<Row> = Vec::new();
    let mut num_late = 0;
    let mut watermark = i64::MIN;
    for step in steps {
        match step {
            Step::Restart => {}
            Step::Watermark(second) => watermark = watermark.max(*second),
            Step::Rows(rows) => {
                for row in rows {
                    match row.0 {
                        Some(time) if time.saturating_add(lateness) >= watermark => taken.push(*row),
                        _ => num_late += 1,
                    }
                }
            }
        }
    }
    taken.sort_by_key(|row| row.0);
    let outcome = |(place, row): (usize, &Row)| -> Outcome {
        let time = row.0.expect("it has a time");
        let of_key = |other: &&Row| other.1 == row.1;
        let window: Vec<&Row> = match seconds {
            Some(seconds) => taken
                .iter()
                .filter(of_key)
                .filter(|other| other.0.is_some_and(|other| other >= time - seconds && other <= time))
                .collect(),
            None => taken[..=place].iter().rev().filter(of_key).take(num_rows).collect(),
        };
        let known: Vec<i64> = window.iter().filter_map(|row| row.2).collect();
        let total = (!known.is_empty()).then(|| known.iter().sum());
        (time, row.1.map(str::to_owned), row.2, window.len() as i64, total)
    };
    (taken.iter().enumerate().map(outcome).collect(), num_late)
}

proptest! {
    #[test]
    fn results_equal_those_of_one_row_at_a_time(
        steps in steps(), seconds in prop::option::of(1i64..60), num_rows in 1usize..20, lateness in 0i64..20,
    ) {
        let reach = match seconds {
            Some(seconds) => json!({"interval": format!("{seconds} s"), "rows": 0}),
            None => json!({"interval": "0 s", "rows": num_rows}),
        };
        let params = with(with(params(), reach), json!({"allowed_lateness": format!("{lateness} s")}));
        let harness = harness(params);
        let mut run = harness.operator();
        drive(&mut run, &steps);
        run.end();
        let (expected, num_late) = oracle(&steps, seconds, num_rows, lateness);
        prop_assert_eq!(outcomes(&run.gathered), expected);
        prop_assert_eq!(run.gathered.rows_at("late"), num_late);
    }

    /// Long windows over one dense list, so that the trees have many levels and leaves come and go.
    #[test]
    fn long_windows_equal_those_of_one_row_at_a_time(
        values in prop::collection::vec(-9i64..10, 200..400), seconds in prop::option::of(1i64..80),
        num_rows in 1usize..120, chunk in 1usize..60,
    ) {
        let rows: Vec<Row> = values.iter().enumerate().map(|(n, v)| (Some(n as i64 / 2), Some("a"), Some(*v))).collect();
        let mut steps = Vec::new();
        for part in rows.chunks(chunk) {
            steps.push(Step::Rows(part.to_vec()));
            steps.push(Step::Watermark(part[part.len() - 1].0.expect("a time")));
            if part[0].2 == Some(0) {
                steps.push(Step::Restart);
            }
        }
        let reach = match seconds {
            Some(seconds) => json!({"interval": format!("{seconds} s"), "rows": 0}),
            None => json!({"interval": "0 s", "rows": num_rows}),
        };
        let harness = harness(with(params(), reach));
        let mut run = harness.operator();
        drive(&mut run, &steps);
        run.end();
        let (expected, num_late) = oracle(&steps, seconds, num_rows, 0);
        prop_assert_eq!(outcomes(&run.gathered), expected);
        prop_assert_eq!(run.gathered.rows_at("late"), num_late);
    }
}
