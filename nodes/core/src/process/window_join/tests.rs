//! What window joins promise, held against looking at every pair in every window.

use super::*;
use crate::testing::{Row, event_rows, two_ids};
use millrace_operator::harness::{Harness, OperatorRun, assert_node_contract};
use proptest::prelude::*;
use serde_json::{Value, json};

fn harness(params: Value) -> Harness {
    let schema = event_rows(&[]).schema();
    Harness::new::<WindowJoin>(params, &[schema.clone(), schema])
}

fn push(run: &mut OperatorRun<'_>, side: usize, rows: &[Row]) {
    run.try_push(side, event_rows(rows)).expect("the join goes on");
}

#[test]
fn it_keeps_the_contract() {
    let schema = event_rows(&[]).schema();
    let params = json!({"keys": [{"left": "key"}], "size": "10 s", "kind": "full"});
    assert_node_contract::<WindowJoin>(params, &[schema.clone(), schema]);
}

#[test]
fn rows_of_one_window_are_joined_when_it_closes_and_the_end_belongs_to_the_next() {
    let harness = harness(json!({"keys": [{"left": "key"}], "size": "10 s"}));
    let mut run = harness.operator();
    push(
        &mut run,
        LEFT,
        &[(Some(0), Some("a"), 0), (Some(9), Some("a"), 1), (Some(10), Some("a"), 2), (Some(1), None, 3)],
    );
    push(&mut run, RIGHT, &[(Some(5), Some("a"), 4), (Some(5), Some("b"), 5), (Some(5), None, 6)]);
    run.watermark(9_999_999).restart();
    assert_eq!(run.gathered.rows_at("rows"), 0);
    run.watermark(10_000_000);
    assert_eq!(two_ids(&run.gathered), [(Some(0), Some(4)), (Some(1), Some(4))]);
    let first = &run.gathered.json("rows")[0];
    assert_eq!(
        (&first["window_start"], &first["window_end"]),
        (&json!("1970-01-01T00:00:00Z"), &json!("1970-01-01T00:00:10Z"))
    );
    assert_eq!(run.gathered.watermarks.last(), Some(&10_000_000));
    run.end();
    assert_eq!((run.gathered.rows_at("rows"), run.gathered.rows_dropped), (2, 4));
    assert!(run.operator().state_bytes() < 1_000);
}

#[test]
fn a_row_is_late_when_its_last_window_has_closed() {
    let harness = harness(json!({"keys": [{"left": "key"}], "size": "10 s", "slide": "5 s", "kind": "full"}));
    let mut run = harness.operator();
    run.watermark(12_000_000);
    push(&mut run, LEFT, &[(Some(4), Some("a"), 0), (Some(5), Some("a"), 1), (None, Some("a"), 2)]);
    push(&mut run, RIGHT, &[(Some(12), Some("a"), 3), (Some(4), None, 4), (Some(5), None, 5)]);
    run.restart().end();
    assert_eq!((run.gathered.rows_at("left_late"), run.gathered.rows_at("right_late")), (2, 1));
    // Only the window from 5 to 15 is open to row 1; row 3 is in the one from 10 to 20 too, and row 5 has a null key.
    assert_eq!(two_ids(&run.gathered), [(None, Some(3)), (None, Some(5)), (Some(1), Some(3))]);
}

#[test]
fn what_cannot_be_is_found_before_the_run() {
    let schema = event_rows(&[]).schema();
    for (params, code) in [
        (json!({"size": "0 s"}), "no_size"),
        (json!({"size": "10 s", "slide": "11 s"}), "slide_too_long"),
        (json!({"size": "10 s", "keys": [{"left": "key", "right": "id"}]}), "types_differ"),
    ] {
        let problems = Harness::try_new::<WindowJoin>(params, &[schema.clone(), schema.clone()]).err();
        assert_eq!(problems.expect("a problem")[0].code, code);
    }
}

proptest! {
    #[test]
    fn it_is_the_same_as_looking_at_every_pair_in_every_window(
        rows in prop::collection::vec(
            (0..2usize, -20..40i64, prop::sample::select(vec![None, Some("a"), Some("b")])), 0..60),
        batch_size in 1..9usize,
        kind in prop::sample::select(vec!["inner", "left", "right", "full"]),
        slide in prop::sample::select(vec![3i64, 4, 10]),
        lag in 0..20i64,
    ) {
        let size = 10;
        let params = json!({
            "keys": [{"left": "key"}], "kind": kind, "size": "10 s", "slide": format!("{slide} s")
        });
        let harness = harness(params);
        let mut run = harness.operator();
        let mut mark = i64::MIN;
        // Each row with the watermark that it met.
        let mut taken: [Vec<(Row, i64)>; 2] = [Vec::new(), Vec::new()];
        let rows: Vec<(usize, Row)> =
            rows.iter().enumerate().map(|(id, row)| (row.0, (Some(row.1), row.2, id as i64))).collect();
        for part in rows.chunks(batch_size) {
            for side in [LEFT, RIGHT] {
                let of_side: Vec<Row> = part.iter().filter(|row| row.0 == side).map(|row| row.1).collect();
                push(&mut run, side, &of_side);
                taken[side].extend(of_side.iter().map(|row| (*row, mark)));
            }
            mark = mark.max(part.iter().filter_map(|row| row.1.0).max().unwrap_or(0) - lag);
            run.watermark(mark * 1_000_000).restart();
        }
        run.end();
        let mut expected: Vec<(Option<i64>, Option<i64>)> = Vec::new();
        for start in (-60..60i64).filter(|start| start.rem_euclid(slide) == 0) {
            let of = |side: usize| -> Vec<Row> {
                let rows = taken[side].iter();
                let is_in = |row: &&(Row, i64)| {
                    let time = row.0.0.expect("a time");
                    start <= time && time < start + size && start + size > row.1
                };
                rows.filter(is_in).map(|row| row.0).collect()
            };
            let (lefts, rights) = (of(LEFT), of(RIGHT));
            let is_pair = |l: &Row, r: &Row| l.1.is_some() && l.1 == r.1;
            for l in &lefts {
                let partners: Vec<_> = rights.iter().filter(|r| is_pair(l, r)).collect();
                expected.extend(partners.iter().map(|r| (Some(l.2), Some(r.2))));
                if partners.is_empty() && ["left", "full"].contains(&kind) {
                    expected.push((Some(l.2), None));
                }
            }
            for r in &rights {
                if !lefts.iter().any(|l| is_pair(l, r)) && ["right", "full"].contains(&kind) {
                    expected.push((None, Some(r.2)));
                }
            }
        }
        expected.sort();
        prop_assert_eq!(two_ids(&run.gathered), expected);
    }
}
