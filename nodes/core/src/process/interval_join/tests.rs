//! What interval joins promise, held against looking at every pair.

use super::*;
use crate::testing::{Row, event_rows, two_ids};
use millrace_operator::harness::{Harness, OperatorRun, assert_node_contract};
use proptest::prelude::*;
use serde_json::{Value, json};

fn params(kind: &str) -> Value {
    json!({"keys": [{"left": "key"}], "before": "2 s", "after": "5 s", "kind": kind})
}

fn harness(kind: &str) -> Harness {
    let schema = event_rows(&[]).schema();
    Harness::new::<IntervalJoin>(params(kind), &[schema.clone(), schema])
}

fn push(run: &mut OperatorRun<'_>, side: usize, rows: &[Row]) {
    run.try_push(side, event_rows(rows)).expect("the join goes on");
}

#[test]
fn it_keeps_the_contract() {
    let schema = event_rows(&[]).schema();
    assert_node_contract::<IntervalJoin>(params("full"), &[schema.clone(), schema]);
}

#[test]
fn rows_near_each_other_are_joined_and_the_bounds_belong_to_it() {
    let harness = harness("inner");
    let mut run = harness.operator();
    push(&mut run, LEFT, &[(Some(10), Some("a"), 0), (Some(10), Some("b"), 1), (Some(10), None, 2)]);
    run.restart();
    let right = [(7, "a", 0), (8, "a", 1), (15, "a", 2), (16, "a", 3), (10, "c", 4)];
    let right: Vec<Row> = right.iter().map(|row| (Some(row.0), Some(row.1), row.2)).collect();
    push(&mut run, RIGHT, &right);
    push(&mut run, RIGHT, &[(Some(10), None, 5)]);
    run.end();
    assert_eq!(two_ids(&run.gathered), [(Some(0), Some(1)), (Some(0), Some(2))]);
    assert_eq!(run.gathered.rows_dropped, 6, "rows without a partner: 2 of the left and 4 of the right");
    let names: Vec<String> = harness.schema_of("rows").fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["ts", "key", "id", "ts_right", "key_right", "id_right"]);
}

#[test]
fn unmatched_rows_leave_when_no_partner_can_come_and_never_behind_the_watermark() {
    let harness = harness("left");
    let mut run = harness.operator();
    push(&mut run, LEFT, &[(Some(10), Some("a"), 0), (Some(10), None, 1)]);
    assert_eq!(two_ids(&run.gathered), [(Some(1), None)], "a null key has no partner");
    run.watermark(15_000_000);
    assert_eq!(run.gathered.rows_at("rows"), 1, "a partner at 15 s may come");
    run.restart().watermark(15_000_001);
    assert_eq!(two_ids(&run.gathered), [(Some(0), None), (Some(1), None)]);
    assert!(run.gathered.watermarks.iter().filter(|mark| **mark < 10_000_000).count() == 0);
    assert!(run.gathered.watermarks.first() == Some(&10_000_000), "the watermark stays behind by `after`");
}

#[test]
fn late_rows_leave_by_the_port_of_their_side() {
    let harness = harness("full");
    let mut run = harness.operator();
    run.watermark(10_000_000);
    push(&mut run, LEFT, &[(Some(9), Some("a"), 0), (Some(10), Some("a"), 1)]);
    push(&mut run, RIGHT, &[(Some(9), Some("a"), 2), (None, Some("a"), 3)]);
    run.end();
    assert_eq!((run.gathered.rows_at("left_late"), run.gathered.rows_at("right_late")), (1, 2));
    assert_eq!(two_ids(&run.gathered), [(Some(1), None)]);
}

#[test]
fn rows_that_nothing_waits_for_are_let_go() {
    let harness = harness("inner");
    let mut run = harness.operator();
    let rows: Vec<Row> = (0..4_000).map(|id| (Some(id / 400), Some("a"), id)).collect();
    push(&mut run, LEFT, &rows);
    let held = run.operator().state_bytes();
    run.watermark(100_000_000);
    assert!(run.operator().state_bytes() * 20 < held, "{held}");
    assert_eq!(run.gathered.rows_dropped, 4_000);
}

#[test]
fn what_cannot_be_is_found_before_the_run() {
    let schema = event_rows(&[]).schema();
    let problems = |params: Value| {
        Harness::try_new::<IntervalJoin>(params, &[schema.clone(), schema.clone()]).err().expect("a problem")
    };
    assert_eq!(problems(json!({"keys": [{"left": "key", "right": "id"}]}))[0].code, "types_differ");
    assert_eq!(problems(json!({"keys": [{"left": "kee"}]}))[0].code, "unknown_column");
    assert_eq!(problems(json!({"suffix": ""}))[0].code, "duplicate_column");
    assert_eq!(problems(json!({"before": "1 s", "at_least": "1 s", "after": "2 s"}))[0].code, "bounds_exclude");
    assert_eq!(problems(json!({"at_least": "3 s", "after": "2 s"}))[0].code, "bounds_exclude");
}

proptest! {
    #[test]
    fn it_is_the_same_as_looking_at_every_pair(
        rows in prop::collection::vec(
            (0..2usize, 0..60i64, prop::sample::select(vec![None, Some("a"), Some("b")])), 0..80),
        batch_size in 1..9usize,
        kind in prop::sample::select(vec!["inner", "left", "right", "full"]),
        lag in 0..20i64,
        lower in prop::sample::select(vec![-2i64, 0, 3, 5]),
    ) {
        let schema = event_rows(&[]).schema();
        let mut params = params(kind);
        params["before"] = json!(format!("{} s", (-lower).max(0)));
        params["at_least"] = json!(format!("{} s", lower.max(0)));
        let harness = Harness::new::<IntervalJoin>(params, &[schema.clone(), schema]);
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
        let is_pair = |l: &Row, r: &Row| {
            l.1.is_some() && l.1 == r.1 && l.0.zip(r.0).is_some_and(|(l, r)| l + lower <= r && r <= l + 5)
        };
        let mut num_matched = 0;
        for l in &taken[LEFT] {
            let partners: Vec<_> = taken[RIGHT].iter().filter(|r| is_pair(l, r)).collect();
            num_matched += usize::from(!partners.is_empty());
            expected.extend(partners.iter().map(|r| (Some(l.2), Some(r.2))));
            if partners.is_empty() && ["left", "full"].contains(&kind) {
                expected.push((Some(l.2), None));
            }
        }
        for r in &taken[RIGHT] {
            let is_alone = !taken[LEFT].iter().any(|l| is_pair(l, r));
            num_matched += usize::from(!is_alone);
            if is_alone && ["right", "full"].contains(&kind) {
                expected.push((None, Some(r.2)));
            }
        }
        expected.sort();
        prop_assert_eq!(two_ids(&run.gathered), expected);
        let num_late = run.gathered.rows_at("left_late") + run.gathered.rows_at("right_late");
        let num_taken = taken[LEFT].len() + taken[RIGHT].len();
        prop_assert_eq!(num_taken + num_late, rows.len());
        if kind == "inner" {
            prop_assert_eq!(run.gathered.rows_dropped as usize + num_matched, num_taken);
        }
    }
}
