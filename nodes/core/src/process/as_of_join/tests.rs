//! What as-of joins promise, held against looking at every row of the right.

use super::*;
use crate::testing::{Row, event_rows, two_ids};
use millrace_operator::harness::{Harness, OperatorRun, assert_node_contract};
use proptest::prelude::*;
use serde_json::{Value, json};

fn harness(params: Value) -> Harness {
    let schema = event_rows(&[]).schema();
    Harness::new::<AsOfJoin>(params, &[schema.clone(), schema])
}

fn push(run: &mut OperatorRun<'_>, side: usize, rows: &[Row]) {
    run.try_push(side, event_rows(rows)).expect("the join goes on");
}

#[test]
fn it_keeps_the_contract() {
    let schema = event_rows(&[]).schema();
    let params = json!({"keys": [{"left": "key"}], "tolerance": "10 s"});
    assert_node_contract::<AsOfJoin>(params, &[schema.clone(), schema]);
}

#[test]
fn the_newest_row_that_is_not_after_it_is_the_partner() {
    let harness = harness(json!({"keys": [{"left": "key"}]}));
    let mut run = harness.operator();
    push(
        &mut run,
        LEFT,
        &[(Some(12), Some("a"), 0), (Some(5), Some("a"), 1), (Some(5), Some("b"), 2), (Some(5), None, 3)],
    );
    push(
        &mut run,
        RIGHT,
        &[(Some(5), Some("a"), 10), (Some(5), Some("a"), 11), (Some(6), Some("b"), 12), (Some(1), None, 13)],
    );
    run.watermark(5_000_000).restart();
    assert_eq!(run.gathered.rows_at("rows"), 0, "a partner of the same time may still come");
    run.watermark(6_000_000).restart();
    assert_eq!(two_ids(&run.gathered), [(Some(1), Some(11)), (Some(2), None), (Some(3), None)]);
    push(&mut run, RIGHT, &[(Some(12), Some("a"), 14), (Some(13), Some("a"), 15), (Some(5), Some("a"), 16)]);
    push(&mut run, LEFT, &[(None, Some("a"), 4)]);
    run.end();
    assert_eq!(two_ids(&run.gathered)[0], (Some(0), Some(14)));
    assert_eq!((run.gathered.rows_at("left_late"), run.gathered.rows_at("right_late")), (1, 1));
    assert_eq!(run.gathered.rows_dropped, 4, "of the right the rows 10, 12, 13 and 15 were no partners");
}

#[test]
fn only_the_newest_rows_of_the_right_are_held() {
    let harness = harness(json!({"keys": [{"left": "key"}]}));
    let mut run = harness.operator();
    let rows: Vec<Row> = (0..4_000).map(|id| (Some(id), Some("a"), id)).collect();
    push(&mut run, RIGHT, &rows);
    let held = run.operator().state_bytes();
    run.watermark(5_000_000_000);
    assert!(run.operator().state_bytes() * 10 < held, "{held}");
    push(&mut run, LEFT, &[(Some(9_000), Some("a"), 0)]);
    run.restart().end();
    assert_eq!(two_ids(&run.gathered), [(Some(0), Some(3_999))]);
}

proptest! {
    #[test]
    fn it_is_the_same_as_looking_at_every_row(
        rows in prop::collection::vec(
            (0..2usize, 0..60i64, prop::sample::select(vec![None, Some("a"), Some("b")])), 0..80),
        batch_size in 1..9usize,
        tolerance in prop::sample::select(vec![0i64, 6]),
        kind in prop::sample::select(vec!["inner", "left"]),
        lag in 0..20i64,
    ) {
        let harness =
            harness(json!({"keys": [{"left": "key"}], "tolerance": format!("{tolerance} s"), "kind": kind}));
        let mut run = harness.operator();
        let mut mark = i64::MIN;
        let mut taken: [Vec<Row>; 2] = [Vec::new(), Vec::new()];
        let rows: Vec<(usize, Row)> =
            rows.iter().enumerate().map(|(id, row)| (row.0, (Some(row.1), row.2, id as i64))).collect();
        for part in rows.chunks(batch_size) {
            for side in [LEFT, RIGHT] {
                let of_side: Vec<Row> = part.iter().filter(|row| row.0 == side).map(|row| row.1).collect();
                push(&mut run, side, &of_side);
                taken[side].extend(of_side.iter().filter(|row| row.0 >= Some(mark)));
            }
            mark = mark.max(part.iter().filter_map(|row| row.1.0).max().unwrap_or(0) - lag);
            run.watermark(mark * 1_000_000).restart();
        }
        run.end();
        let mut expected: Vec<(Option<i64>, Option<i64>)> = Vec::new();
        for l in &taken[LEFT] {
            let is_candidate = |r: &&Row| {
                l.1.is_some() && l.1 == r.1 && r.0 <= l.0
                    && (tolerance == 0 || r.0.expect("a time") + tolerance >= l.0.expect("a time"))
            };
            // The last of the newest.
            let partner = taken[RIGHT].iter().filter(is_candidate).max_by_key(|r| r.0).map(|r| r.2);
            if partner.is_some() || kind == "left" {
                expected.push((Some(l.2), partner));
            }
        }
        expected.sort();
        prop_assert_eq!(two_ids(&run.gathered), expected);
        prop_assert!(run.gathered.watermarks.is_sorted());
    }
}
