//! What tumbling windows promise, held against a slow and obvious calculation over the same rows.

use std::collections::BTreeMap;

use std::sync::Arc;

use super::*;
use crate::analyze::window::testing::{SECOND, Step, batch, drive, results, steps, with};
use arrow::array::{Array, ArrayRef, RecordBatch, TimestampMicrosecondArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema};
use millrace_model::event_time::UTC;
use millrace_operator::ParamProblem;
use millrace_operator::harness::{Gathered, Harness, assert_node_contract};
use millrace_operator::time::event_times;
use proptest::prelude::*;
use serde_json::{Value, json};

fn params() -> Value {
    json!({
        "size": "10 s",
        "keys": ["device"],
        "aggregates": [
            {"name": "n", "expression": "count(*)"},
            {"name": "total", "expression": "sum(value)"},
            {"name": "mean", "expression": "avg(value)"},
            {"name": "big", "expression": "count(*) FILTER (WHERE value > 5)"},
        ],
    })
}

fn harness(params: Value) -> Result<Harness, Vec<ParamProblem>> {
    Harness::try_new::<TumblingWindow>(params, &[batch(&[]).schema()])
}

fn key(name: &str) -> Option<String> {
    Some(name.to_owned())
}

#[test]
fn it_keeps_the_contract() {
    assert_node_contract::<TumblingWindow>(params(), &[batch(&[]).schema()]);
}

#[test]
fn more_lateness_keeps_the_windows_that_are_open() {
    let (strict, lenient) = (params(), with(params(), json!({"allowed_lateness": "20 s"})));
    let (strict, lenient) = (harness(strict).expect("good params"), harness(lenient).expect("good params"));
    let mut run = strict.operator();
    run.push(batch(&[(Some(3), Some("a"), Some(1))])).watermark(9 * SECOND).restart_as(&lenient);
    run.watermark(15 * SECOND).push(batch(&[(Some(4), Some("a"), Some(6))])).end();
    assert_eq!(results(&run.gathered), [(0, key("a"), 2, Some(7))]);
    assert_eq!(run.gathered.rows_at("late"), 0);
}

#[test]
fn rows_are_aggregated_by_window_and_key_and_null_keys_are_a_group() {
    let harness = harness(params()).expect("good params");
    let mut run = harness.operator();
    run.push(batch(&[
        (Some(0), Some("a"), Some(1)),
        (Some(9), Some("a"), Some(8)),
        (Some(10), Some("a"), Some(3)),
        (Some(5), None, Some(7)),
        (Some(5), Some("b"), None),
    ]));
    assert_eq!(run.gathered.num_rows(), 0);
    run.end();
    let expected =
        [(0, None, 1, Some(7)), (0, key("a"), 2, Some(9)), (0, key("b"), 1, None), (10, key("a"), 1, Some(3))];
    assert_eq!(results(&run.gathered), expected);
    let first = run.gathered.json("rows").into_iter().find(|row| row["n"] == 2).expect("two rows of a");
    assert_eq!(first["window_start"], "1970-01-01T00:00:00Z");
    assert_eq!(first["window_end"], "1970-01-01T00:00:10Z");
    assert_eq!((&first["mean"], &first["big"]), (&json!(4.5), &json!(1)));
}

#[test]
fn a_window_is_emitted_once_when_the_watermark_reaches_its_end() {
    let harness = harness(params()).expect("good params");
    let mut run = harness.operator();
    run.push(batch(&[(Some(3), Some("a"), Some(1)), (Some(12), Some("a"), Some(1))]));
    run.watermark(10 * SECOND - 1);
    assert_eq!(run.gathered.rows_at("rows"), 0);
    run.watermark(10 * SECOND);
    assert_eq!(run.gathered.rows_at("rows"), 1);
    run.watermark(11 * SECOND).end();
    assert_eq!(results(&run.gathered), [(0, key("a"), 1, Some(1)), (10, key("a"), 1, Some(1))]);
}

#[test]
fn late_rows_and_rows_without_a_time_leave_by_the_late_port() {
    let harness = harness(params()).expect("good params");
    let mut run = harness.operator();
    run.watermark(10 * SECOND);
    run.push(batch(&[
        (Some(9), Some("late"), Some(1)),
        (Some(10), Some("in time"), Some(1)),
        (None, Some("no time"), Some(1)),
    ]));
    run.push(batch(&[(Some(1), Some("late too"), Some(1))])).end();
    let late: Vec<Value> = run.gathered.json("late").into_iter().map(|mut row| row["device"].take()).collect();
    assert_eq!(late, ["late", "no time", "late too"]);
    assert_eq!(results(&run.gathered), [(10, key("in time"), 1, Some(1))]);
}

#[test]
fn allowed_lateness_keeps_a_window_open_and_it_is_still_emitted_once() {
    let harness = harness(with(params(), json!({"allowed_lateness": "5 s"}))).expect("good params");
    let mut run = harness.operator();
    run.push(batch(&[(Some(3), Some("a"), Some(1))])).watermark(14 * SECOND);
    assert_eq!(run.gathered.rows_at("rows"), 0);
    run.push(batch(&[(Some(4), Some("a"), Some(1))])).watermark(15 * SECOND);
    run.push(batch(&[(Some(5), Some("a"), Some(1))])).end();
    assert_eq!(results(&run.gathered), [(0, key("a"), 2, Some(2))]);
    assert_eq!(run.gathered.rows_at("late"), 1);
}

#[test]
fn windows_are_aligned_to_the_epoch_plus_offset_also_before_it() {
    let harness = harness(with(params(), json!({"offset": "13 s"}))).expect("good params");
    let mut run = harness.operator();
    run.push(batch(&[(Some(-8), Some("a"), None), (Some(-7), Some("a"), None), (Some(3), Some("a"), None)])).end();
    let starts: Vec<i64> = results(&run.gathered).iter().map(|result| result.0).collect();
    assert_eq!(starts, [-17, -7, 3]);
}

#[test]
fn without_keys_there_is_one_result_for_each_window() {
    let params = json!({"size": "10 s", "aggregates": [{"name": "n", "expression": "count(*)"}]});
    let harness = harness(params).expect("good params");
    let mut run = harness.operator();
    run.push(batch(&[(Some(1), Some("a"), None), (Some(2), Some("b"), None)])).restart();
    run.push(batch(&[(Some(3), Some("c"), None)])).end();
    assert_eq!(run.gathered.json("rows")[0]["n"], 3);
    assert_eq!(run.gathered.rows_at("rows"), 1);
}

#[test]
fn start_and_end_have_the_type_of_the_time_column() {
    let times = TimestampMillisecondArray::from(vec![-1, 12_000]).with_timezone("Europe/Berlin");
    let input = RecordBatch::try_from_iter_with_nullable([("ts", Arc::new(times) as ArrayRef, true)]).expect("it fits");
    let params = json!({"size": "10 s", "time": "ts", "aggregates": [{"name": "n", "expression": "count(*)"}]});
    let harness = Harness::new::<TumblingWindow>(params, &[input.schema()]);
    assert_eq!(harness.schema_of("rows").field(1).data_type(), input.column(0).data_type());
    let mut run = harness.operator();
    run.push(input).end();
    let rows = run.gathered.port("rows").expect("results");
    let starts = event_times(rows.column(0).as_ref()).expect("a timestamp");
    assert_eq!(starts.values().to_vec(), [-10 * SECOND, 10 * SECOND]);
}

#[test]
fn times_at_the_ends_of_the_range_do_no_harm() {
    let harness = harness(params()).expect("good params");
    let mut run = harness.operator();
    let times = TimestampMicrosecondArray::from(vec![i64::MIN, i64::MAX, 0]).with_timezone(UTC);
    let mut columns = batch(&[(None, None, None); 3]).columns().to_vec();
    columns[0] = Arc::new(times);
    run.push(RecordBatch::try_new(batch(&[]).schema(), columns).expect("columns fit"));
    run.watermark(i64::MIN).end();
    assert_eq!((run.gathered.rows_at("late"), run.gathered.rows_at("rows")), (2, 1));
}

#[test]
fn what_cannot_be_is_found_before_the_run() {
    for (changes, param, code) in [
        (json!({"size": "0 s"}), "size", "no_size"),
        (json!({"size": "1500 ns"}), "size", "finer_than_time"),
        (json!({"keys": ["divice"]}), "keys[0]", "unknown_column"),
        (json!({"aggregates": []}), "aggregates", "no_aggregates"),
        (
            json!({"aggregates": [{"name": "window_end", "expression": "count(*)"}]}),
            "aggregates[0].name",
            "duplicate_column",
        ),
        (
            json!({"aggregates": [{"name": "x", "expression": "avg(valu)"}]}),
            "aggregates[0].expression",
            "unknown_column",
        ),
        (json!({"time": "value"}), "time", "not_a_time"),
        (json!({"top": {"by": "m"}}), "top.by", "unknown_column"),
        (json!({"top": {"by": "n", "n": 0}}), "top.n", "no_rows"),
    ] {
        let problems = harness(with(params(), changes.clone())).err().unwrap_or_else(|| panic!("{changes} is refused"));
        let found = problems.iter().any(|problem| problem.param == param && problem.code == code);
        assert!(found, "{changes}: {problems:#?}");
    }
    let timeless = Arc::new(Schema::new(vec![Field::new("value", DataType::Int64, true)]));
    let count = json!({"size": "1 s", "aggregates": [{"name": "n", "expression": "count(*)"}]});
    let problems = Harness::try_new::<TumblingWindow>(count, &[timeless]).err().expect("no event time");
    assert_eq!(problems[0].code, "no_event_time");
}

#[test]
fn a_row_that_cannot_be_computed_leaves_by_rejected_and_the_others_are_aggregated() {
    let cast = json!({"aggregates": [{"name": "n", "expression": "count(*)"},
                                     {"name": "total", "expression": "sum(CAST(device AS BIGINT))"}], "keys": []});
    let rows = || {
        batch(&[
            (Some(1), Some("4"), None),
            (Some(2), Some("x"), None),
            (Some(13), Some("y"), None),
            (Some(14), Some("5"), None),
            (None, Some("z"), None),
        ])
    };
    let reject = harness(with(params(), cast.clone())).expect("good params");
    let mut run = reject.operator();
    run.push(rows()).restart().push(rows()).end();
    assert_eq!((run.gathered.rows_at("rejected"), run.gathered.rows_at("late")), (4, 2));
    let places: Vec<Value> = run.gathered.json("rejected").into_iter().map(|mut row| row["position"].take()).collect();
    assert_eq!(places, [2, 3, 7, 8].map(|row| json!(format!("row {row} of the node's input"))));
    let totals = |run: &Gathered| -> Vec<(Value, Value)> {
        run.json("rows").into_iter().map(|mut row| (row["n"].take(), row["total"].take())).collect()
    };
    assert_eq!(totals(&run.gathered), [(json!(2), json!(8)), (json!(2), json!(10))]);

    let null = harness(with(params(), with(cast.clone(), json!({"on_error": "null"})))).expect("good params");
    let mut run = null.operator();
    run.push(rows()).end();
    assert_eq!(totals(&run.gathered), [(json!(2), json!(4)), (json!(2), json!(5))]);

    let fail = harness(with(params(), with(cast, json!({"on_error": "fail"})))).expect("good params");
    let error = fail.operator().try_push(0, rows()).expect_err("`x` is no number");
    assert!(error.to_string().contains("row 2 of the node's input"), "{error}");
}

#[test]
fn a_sum_that_does_not_fit_leaves_by_rejected() {
    let harness = harness(params()).expect("good params");
    let mut run = harness.operator();
    run.push(batch(&[
        (Some(1), Some("a"), Some(i64::MAX)),
        (Some(2), Some("a"), Some(1)),
        (Some(2), Some("b"), Some(1)),
    ]));
    run.restart().end();
    assert_eq!(results(&run.gathered), [(0, key("b"), 1, Some(1))]);
    let rejected = &run.gathered.json("rejected")[0];
    assert!(rejected["raw"].as_str().is_some_and(|raw| raw.contains(r#""device":"a""#)), "{rejected}");
    assert!(rejected["reason"].as_str().is_some_and(|reason| reason.contains("`total`")), "{rejected}");
}

#[test]
fn only_the_best_of_each_window_leave_and_ties_go_by_key() {
    let rows = [
        (Some(1), Some("c"), Some(1)),
        (Some(1), Some("c"), Some(1)),
        (Some(2), Some("b"), Some(1)),
        (Some(3), Some("b"), Some(1)),
        (Some(4), Some("a"), Some(9)),
        (Some(14), None, Some(1)),
        (Some(15), Some("z"), Some(1)),
    ];
    let best = |top: Value| {
        let harness = harness(with(params(), json!({"top": top}))).expect("good params");
        let mut run = harness.operator();
        run.push(batch(&rows)).end();
        run.gathered.json("rows").into_iter().map(|mut row| row["device"].take()).collect::<Vec<Value>>()
    };
    assert_eq!(best(json!({"by": "n"})), [json!("b"), json!("z")]);
    assert_eq!(best(json!({"by": "n", "n": 2})), [json!("b"), json!("c"), json!("z"), json!(null)]);
    assert_eq!(best(json!({"by": "total", "n": 1, "order": "asc"})), [json!("b"), json!("z")]);
    assert_eq!(best(json!({"by": ""})).len(), 5, "without a column to compare by, all leave");
    let partitioning = |top: Value| {
        let params = serde_json::from_value(with(params(), json!({"top": top}))).expect("good params");
        TumblingWindow::partitioning(&params)
    };
    assert_eq!(partitioning(json!({"by": "n"})), Partitioning::Single);
    assert_eq!(partitioning(json!({})), Partitioning::keyed(["device"]));
}

/// By window start in seconds and key: the count, and the sum of what is not null.
type Expected = BTreeMap<(i64, Option<String>), (i64, Option<i64>)>;

/// The slow and obvious way: one row at a time into one map, and the number of late rows.
fn oracle(steps: &[Step], size: i64, offset: i64, lateness: i64) -> (Expected, usize) {
    let mut groups = Expected::new();
    let mut num_late = 0;
    let mut watermark = i64::MIN;
    for step in steps {
        match step {
            Step::Restart => {}
            Step::Watermark(second) => watermark = watermark.max(*second),
            Step::Rows(rows) => {
                for (time, key, value) in rows {
                    let start = time.map(|time| (time - offset).div_euclid(size) * size + offset);
                    let Some(start) = start.filter(|start| start + size + lateness > watermark) else {
                        num_late += 1;
                        continue;
                    };
                    let group = groups.entry((start, key.map(str::to_owned))).or_default();
                    group.0 += 1;
                    group.1 = group.1.map_or(*value, |sum| Some(sum + value.unwrap_or(0)));
                }
            }
        }
    }
    (groups, num_late)
}

proptest! {
    #[test]
    fn results_equal_those_of_one_row_at_a_time(
        steps in steps(), size in 1i64..30, offset in 0i64..40, lateness in 0i64..20,
    ) {
        let changes = json!({
            "size": format!("{size} s"), "offset": format!("{offset} s"), "allowed_lateness": format!("{lateness} s"),
        });
        let harness = harness(with(params(), changes)).expect("good params");
        let mut run = harness.operator();
        drive(&mut run, &steps);
        run.end();
        let (expected, num_late) = oracle(&steps, size, offset, lateness);
        let expected: Vec<_> = expected.into_iter().map(|((start, key), (n, total))| (start, key, n, total)).collect();
        prop_assert_eq!(results(&run.gathered), expected);
        prop_assert_eq!(run.gathered.rows_at("late"), num_late);
    }

    /// Small windows, then windows of a multiple size over their results: the same as large windows over the rows that
    /// the small ones took, and no result of the small ones is late for the large.
    #[test]
    fn windows_over_windows_give_what_large_windows_give(
        steps in steps(), size in 1i64..10, multiple in 1i64..5, lateness in 0i64..15,
    ) {
        let small = json!({"size": format!("{size} s"), "allowed_lateness": format!("{lateness} s")});
        let small = harness(with(params(), small)).expect("good params");
        let large = json!({
            "size": format!("{} s", size * multiple),
            "keys": ["device"],
            "aggregates": [{"name": "n", "expression": "sum(n)"}, {"name": "total", "expression": "sum(total)"}],
        });
        let large = Harness::new::<TumblingWindow>(large, &[small.schema_of("rows")]);
        let mut first = small.operator();
        let mut second = large.operator();
        let mut pass_on = |gathered: Gathered| {
            for rows in gathered.batches.get("rows").into_iter().flatten() {
                second.push(rows.clone());
            }
            for watermark in gathered.watermarks {
                second.watermark(watermark);
            }
        };
        for step in &steps {
            drive(&mut first, std::slice::from_ref(step));
            pass_on(std::mem::take(&mut first.gathered));
        }
        first.end();
        pass_on(std::mem::take(&mut first.gathered));
        second.end();
        prop_assert_eq!(second.gathered.rows_at("late"), 0);
        let (taken, _) = oracle(&steps, size, 0, lateness);
        let mut expected = Expected::new();
        for ((start, key), (n, total)) in taken {
            let group = expected.entry((start.div_euclid(size * multiple) * size * multiple, key)).or_default();
            group.0 += n;
            group.1 = match (group.1, total) {
                (Some(sum), Some(total)) => Some(sum + total),
                (sum, total) => sum.or(total),
            };
        }
        let expected: Vec<_> = expected.into_iter().map(|((start, key), (n, total))| (start, key, n, total)).collect();
        prop_assert_eq!(results(&second.gathered), expected);
    }
}
