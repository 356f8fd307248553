//! What filling gaps promises, held against looking for the rows around every point.

use super::*;
use crate::testing::{Row, event_rows};
use millrace_operator::harness::{Gathered, Harness, assert_node_contract};
use proptest::prelude::*;
use serde_json::{Value, json};

fn harness(params: Value) -> Harness {
    Harness::new::<FillGaps>(params, &[event_rows(&[]).schema()])
}

/// Time in seconds, key and id of what left, sorted.
fn found(gathered: &Gathered) -> Vec<(i64, Option<String>, Option<i64>)> {
    let Some(rows) = gathered.port("rows") else { return Vec::new() };
    let times = millrace_operator::time::event_times(rows.column(0)).expect("a time");
    let json = gathered.json("rows");
    let rows = json.iter().enumerate();
    let mut found: Vec<_> = rows
        .map(|(row, json)| (times.value(row) / 1_000_000, json["key"].as_str().map(str::to_owned), json["id"].as_i64()))
        .collect();
    found.sort();
    found
}

#[test]
fn it_keeps_the_contract() {
    let params = json!({"every": "10 s", "keys": ["key"], "method": "linear"});
    assert_node_contract::<FillGaps>(params, &[event_rows(&[]).schema()]);
}

#[test]
fn points_are_made_as_the_method_says() {
    let rows =
        [(Some(0), Some("a"), 10), (Some(5), Some("a"), 11), (Some(25), Some("a"), 31), (Some(90), Some("a"), 50)];
    for (method, at_10, at_20) in
        [("previous", Some(11), Some(11)), ("linear", Some(16), Some(26)), ("null", None, None)]
    {
        let harness = harness(json!({"every": "10 s", "method": method, "max_gap": "20 s"}));
        let mut run = harness.operator();
        run.push(event_rows(&rows[2..])).restart().push(event_rows(&rows[..2])).push(event_rows(&[])).end();
        let found: Vec<_> = found(&run.gathered).into_iter().map(|row| (row.0, row.2)).collect();
        assert_eq!(found, [(0, Some(10)), (10, at_10), (20, at_20), (90, Some(50))], "{method}");
        assert_eq!(run.gathered.rows_dropped, 2);
        assert!(run.operator().state_bytes() < 1_000);
    }
}

#[test]
fn a_row_on_a_point_leaves_as_soon_as_it_is_certain_and_late_rows_by_late() {
    let harness = harness(json!({"every": "10 s", "keys": ["key"], "max_gap": "1 min"}));
    let mut run = harness.operator();
    run.push(event_rows(&[(Some(10), Some("a"), 1), (Some(10), Some("a"), 2), (None, Some("a"), 3)]));
    run.watermark(10_000_000);
    assert_eq!(run.gathered.rows_at("rows"), 0, "another row of this time may come");
    run.restart().watermark(10_000_001).restart();
    assert_eq!(found(&run.gathered), [(10, Some("a".to_owned()), Some(2))]);
    run.push(event_rows(&[(Some(10), Some("a"), 4), (Some(20), Some("a"), 5)])).end();
    assert_eq!(found(&run.gathered).len(), 2);
    assert_eq!(run.gathered.rows_at("late"), 2);
    assert_eq!(run.gathered.watermarks[0], -50_000_000, "points may be as old as the longest gap");
}

#[test]
fn what_cannot_be_is_found_before_the_run() {
    for (params, code) in [
        (json!({"every": "0 s"}), "no_size"),
        (json!({"every": "100 ns"}), "no_size"),
        (json!({"every": "1500 ns"}), "finer_than_time"),
        (json!({"every": "1 s", "keys": ["ts"]}), "time_is_key"),
        (json!({"every": "1 s", "keys": ["kee"]}), "unknown_column"),
    ] {
        let problems = Harness::try_new::<FillGaps>(params, &[event_rows(&[]).schema()]).err();
        assert_eq!(problems.expect("a problem")[0].code, code);
    }
}

proptest! {
    #[test]
    fn it_is_the_same_as_looking_around_every_point(
        rows in prop::collection::vec((-20..60i64, prop::sample::select(vec![None, Some("a"), Some("b")])), 0..40),
        batch_size in 1..9usize,
        method in prop::sample::select(vec!["previous", "null", "linear"]),
        max_gap in prop::sample::select(vec![4i64, 15]),
        lag in 0..20i64,
    ) {
        let params = json!({
            "every": "5 s", "keys": ["key"], "method": method, "max_gap": format!("{max_gap} s")
        });
        let harness = harness(params);
        let mut run = harness.operator();
        let rows: Vec<Row> = rows.iter().enumerate().map(|(id, row)| (Some(row.0), row.1, id as i64 * 100)).collect();
        let (mut mark, mut taken) = (i64::MIN, Vec::new());
        for part in rows.chunks(batch_size) {
            taken.extend(part.iter().filter(|row| row.0 >= Some(mark)).copied());
            mark = mark.max(part.iter().filter_map(|row| row.0).max().unwrap_or(0) - lag);
            run.push(event_rows(part)).watermark(mark * 1_000_000).restart();
        }
        run.end();
        let mut expected = Vec::new();
        for key in [None, Some("a"), Some("b")] {
            // The last row of each time.
            let mut series = std::collections::BTreeMap::new();
            for row in taken.iter().filter(|row| row.1 == key) {
                series.insert(row.0.expect("a time"), row.2);
            }
            for point in (-100..100i64).filter(|point| point % 5 == 0) {
                let before = series.range(..=point).next_back();
                let after = series.range(point..).next();
                let Some(((t0, v0), (t1, v1))) = before.zip(after) else { continue };
                if t1 - t0 > max_gap {
                    continue;
                }
                let value = match method {
                    _ if t0 == t1 => Some(*v0),
                    "previous" => Some(*v0),
                    "linear" => {
                        let share = (point - t0) as f64 / (t1 - t0) as f64;
                        Some((*v0 as f64 * (1.0 - share) + *v1 as f64 * share).round() as i64)
                    }
                    _ => None,
                };
                expected.push((point, key.map(str::to_owned), value));
            }
        }
        expected.sort();
        prop_assert_eq!(found(&run.gathered), expected);
    }
}
