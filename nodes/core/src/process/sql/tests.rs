//! What SQL nodes promise, row by row and by windows.

use super::*;
use crate::testing::{Row, event_rows, ids};
use millrace_operator::harness::{Harness, assert_node_contract};
use proptest::prelude::*;
use serde_json::{Value, json};

fn harness(params: Value) -> Harness {
    Harness::new::<Sql>(params, &[event_rows(&[]).schema()])
}

const COUNTS: &str = "SELECT key, count(*) AS n, sum(id) AS total FROM input GROUP BY key";

#[test]
fn it_keeps_the_contract() {
    let schema = event_rows(&[]).schema();
    assert_node_contract::<Sql>(json!({"query": "SELECT id FROM input"}), std::slice::from_ref(&schema));
    let params = json!({
        "query": "SELECT i.id FROM input i JOIN more m ON i.key = m.key", "window": "1 min", "tables": [{"name": "more"}]
    });
    assert_node_contract::<Sql>(params, &[schema.clone(), schema]);
}

#[test]
fn without_a_window_rows_are_computed_one_by_one_and_bad_ones_rejected() {
    let harness = harness(json!({"query": "SELECT ts, id, 100 / (id - 3) AS share FROM input WHERE key = 'a'"}));
    assert_eq!(event_time_column(&harness.schema_of("rows")), Some("ts"));
    let mut run = harness.operator();
    run.push(event_rows(&[(Some(0), Some("a"), 1), (None, Some("b"), 2)])).push(event_rows(&[])).restart();
    run.push(event_rows(&[(Some(0), Some("a"), 3), (Some(0), None, 4), (Some(0), Some("a"), 5)])).end();
    assert_eq!(ids(&run.gathered, "rows"), [1, 5]);
    assert_eq!(run.gathered.json("rows")[0]["share"], -50);
    assert_eq!(run.gathered.rows_dropped, 2);
    let rejected = run.gathered.json("rejected");
    assert_eq!((rejected.len(), &rejected[0]["position"]), (1, &json!("row 3 of the node's input")));
}

#[test]
fn on_error_may_make_null_and_a_computed_time_is_no_event_time() {
    let query = "SELECT date_trunc('hour', ts) AS ts, 1 / id AS x FROM input";
    let harness = harness(json!({"query": query, "on_error": "null"}));
    assert_eq!(event_time_column(&harness.schema_of("rows")), None);
    let mut run = harness.operator();
    run.push(event_rows(&[(Some(0), None, 0), (Some(0), None, 1)])).end();
    let values: Vec<Value> = run.gathered.json("rows").into_iter().map(|mut row| row["x"].take()).collect();
    assert_eq!(values, [Value::Null, json!(1)]);
}

#[test]
fn with_a_window_the_query_sees_all_its_rows_when_it_closes() {
    let query = "SELECT key, id, row_number() OVER (ORDER BY id DESC) AS place FROM input ORDER BY place LIMIT 2";
    let harness = harness(json!({"query": query, "window": "10 s"}));
    let mut run = harness.operator();
    run.push(event_rows(&[(Some(1), Some("a"), 1), (Some(12), Some("a"), 2), (Some(9), None, 3)])).restart();
    run.push(event_rows(&[(Some(0), Some("b"), 4), (None, None, 5)])).watermark(9_999_999);
    assert_eq!(run.gathered.rows_at("rows"), 0);
    run.watermark(10_000_000).restart();
    assert_eq!(ids(&run.gathered, "rows"), [4, 3]);
    let first = &run.gathered.json("rows")[0];
    assert_eq!((&first["window_start"], &first["place"]), (&json!("1970-01-01T00:00:00Z"), &json!(1)));
    run.push(event_rows(&[(Some(9), None, 6), (Some(11), None, 7)])).end();
    assert_eq!(ids(&run.gathered, "rows"), [4, 3, 7, 2]);
    assert_eq!(ids(&run.gathered, "late"), [5, 6]);
    assert_eq!(run.operator().state_bytes(), 0);
}

#[test]
fn a_row_that_cannot_be_computed_in_a_window_is_rejected_and_the_others_are_computed() {
    let query = "SELECT key, sum(100 / id) AS total, count(*) AS n FROM input GROUP BY key ORDER BY key";
    let rows = |part: usize| match part {
        0 => event_rows(&[(Some(1), Some("a"), 10), (None, None, 0), (Some(2), Some("a"), 0)]),
        _ => event_rows(&[
            (Some(3), Some("a"), 5),
            (Some(12), Some("b"), 0),
            (Some(2), Some("b"), 0),
            (Some(4), None, 4),
        ]),
    };
    let harness = harness(json!({"query": query, "window": "10 s"}));
    let mut run = harness.operator();
    run.push(rows(0)).restart().push(rows(1)).end();
    let given = run.gathered.json("rows");
    let given: Vec<_> = given.iter().map(|row| (&row["key"], &row["total"], &row["n"])).collect();
    assert_eq!(given, [(&json!("a"), &json!(30), &json!(2)), (&Value::Null, &json!(25), &json!(1))]);
    let rejected = run.gathered.json("rejected");
    let places: Vec<_> = rejected.iter().map(|row| row["position"].as_str().unwrap_or_default()).collect();
    // The row without a time left before it was counted.
    assert_eq!(places, ["row 2 of the node's input", "row 4 of the node's input", "row 5 of the node's input"]);
    assert_eq!(rejected[0]["reason"], "Divide by zero error");
    assert_eq!(run.gathered.rows_at("late"), 1);

    let failing =
        Harness::new::<Sql>(json!({"query": query, "window": "10 s", "on_error": "fail"}), &[event_rows(&[]).schema()]);
    let error = failing.operator().try_push(0, rows(0)).expect_err("fails").to_string();
    assert!(error.contains("row 2 of the node's input") && error.contains("\"id\":0"), "{error}");
    let nulling =
        Harness::new::<Sql>(json!({"query": query, "window": "10 s", "on_error": "null"}), &[event_rows(&[]).schema()]);
    let mut run = nulling.operator();
    run.push(rows(0)).push(rows(1)).end();
    let given = run.gathered.json("rows");
    let given: Vec<_> = given.iter().map(|row| (&row["key"], &row["total"], &row["n"])).collect();
    let null = &Value::Null;
    assert_eq!(
        given,
        [
            (&json!("a"), &json!(30), &json!(3)),
            (&json!("b"), null, &json!(1)),
            (null, &json!(25), &json!(1)),
            (&json!("b"), null, &json!(1)),
        ]
    );
}

#[test]
fn a_row_that_fails_once_it_meets_others_is_rejected_and_what_is_no_rows_fault_rejects_its_window() {
    let schema = event_rows(&[]).schema();
    let run = |query: &str, on_error: &str, rows: &[Row], others: &[Row]| {
        let params = json!({"query": query, "window": "10 s", "tables": [{"name": "more"}], "on_error": on_error});
        let harness = Harness::new::<Sql>(params, &[schema.clone(), schema.clone()]);
        let mut run = harness.operator();
        run.push(event_rows(rows));
        run.try_push(1, event_rows(others)).expect("held");
        run.try_watermark(i64::MAX).map(|()| std::mem::take(&mut run.gathered))
    };
    let rows = [(Some(1), Some("a"), 1), (Some(2), Some("b"), 2), (Some(3), Some("b"), 3), (Some(4), Some("c"), 4)];
    let others = [(Some(1), Some("a"), 10), (Some(2), Some("b"), 0), (Some(2), Some("d"), 0)];
    let joined = "SELECT i.id, m.id / i.id + 60 / m.id AS share FROM input i JOIN more m ON i.key = m.key ORDER BY 1";
    let given = run(joined, "reject", &rows, &others).expect("runs");
    assert_eq!(ids(&given, "rows"), [1]);
    let rejected = given.json("rejected");
    assert_eq!(rejected.len(), 1);
    assert!(rejected[0]["raw"].as_str().is_some_and(|raw| raw.contains("\"key\":\"b\",\"id\":0")), "{rejected:?}");
    assert_eq!(rejected[0]["position"], "a row of the window that begins at 1970-01-01T00:00:00Z");
    let grouped = "SELECT key, 1 / (count(*) - 2) AS c FROM input GROUP BY key";
    for query in [joined, grouped] {
        let error = run(query, "fail", &rows, &others).expect_err(query).to_string();
        assert!(error.contains("ivide by zero") && error.contains("No single row was found at fault"), "{error}");
    }
    // The window after it has its result, and every row is in one of them.
    let rows = [rows.as_slice(), &[(Some(11), Some("b"), 5)]].concat();
    for on_error in ["reject", "null"] {
        let given = run(grouped, on_error, &rows, &others).expect("runs").json("rows");
        assert_eq!(given.len(), 1, "{given:?}");
        assert_eq!((&given[0]["window_start"], &given[0]["c"]), (&json!("1970-01-01T00:00:10Z"), &json!(-1)));
        let rejected = run(grouped, on_error, &rows, &others).expect("runs").json("rejected");
        assert_eq!(rejected.len(), 1, "{rejected:?}");
        let raw: Value = serde_json::from_str(rejected[0]["raw"].as_str().unwrap_or_default()).expect("JSON");
        assert_eq!(raw, json!({"window_start": "1970-01-01T00:00:00Z", "window_end": "1970-01-01T00:00:10Z"}));
        let reason = rejected[0]["reason"].as_str().unwrap_or_default();
        assert!(reason.contains("ivide by zero") && reason.contains("over the 7 rows"), "{reason}");
        assert_eq!(rejected[0]["position"], "the result of the window that begins at 1970-01-01T00:00:00Z");
    }
}

#[test]
fn a_rejected_row_of_a_further_input_is_named_with_it() {
    let schema = event_rows(&[]).schema();
    let params = json!({
        "query": "SELECT i.id FROM input i JOIN (SELECT 10 / id AS k FROM more) m ON i.id = m.k",
        "window": "10 s", "tables": [{"name": "more"}],
    });
    let harness = Harness::new::<Sql>(params, &[schema.clone(), schema]);
    let mut run = harness.operator();
    run.push(event_rows(&[(Some(1), None, 0), (Some(2), None, 5)]));
    run.try_push(1, event_rows(&[(Some(3), None, 2), (Some(3), None, 0)])).expect("held");
    run.end();
    assert_eq!(ids(&run.gathered, "rows"), [5]);
    let rejected = run.gathered.json("rejected");
    assert_eq!((rejected.len(), &rejected[0]["position"]), (1, &json!("row 2 of the node's input `more`")));
}

#[test]
fn further_inputs_are_tables_with_a_late_port_of_their_own() {
    let schema = event_rows(&[]).schema();
    let params = json!({
        "query": "SELECT i.id, m.id AS other FROM input i LEFT JOIN more m ON i.key = m.key ORDER BY 1, 2",
        "window": "10 s", "tables": [{"name": "more"}],
    });
    let harness = Harness::new::<Sql>(params, &[schema.clone(), schema]);
    let mut run = harness.operator();
    run.push(event_rows(&[(Some(1), Some("a"), 1), (Some(2), Some("b"), 2)])).restart();
    run.try_push(1, event_rows(&[(Some(3), Some("a"), 10), (Some(13), Some("b"), 11), (None, None, 12)]))
        .expect("held");
    run.restart().end();
    let rows = run.gathered.json("rows");
    let found: Vec<_> = rows.iter().map(|row| (row["id"].as_i64(), row["other"].as_i64())).collect();
    assert_eq!(found, [(Some(1), Some(10)), (Some(2), None)]);
    assert_eq!((run.gathered.rows_at("more"), run.gathered.rows_at("late")), (1, 0));
}

#[test]
fn what_cannot_be_is_found_before_the_run() {
    let code = |params: Value| {
        let schema = event_rows(&[]).schema();
        Harness::try_new::<Sql>(params, &[schema.clone(), schema]).err().expect("a problem")[0].code.clone()
    };
    assert_eq!(code(json!({"query": COUNTS})), "needs_window");
    assert_eq!(code(json!({"query": "SELECT idd FROM input"})), "unknown_column");
    assert_eq!(code(json!({"query": "SELECT id FROM rows"})), "unknown_table");
    assert_eq!(code(json!({"query": " "})), "empty_query");
    assert_eq!(code(json!({"query": "SELECT id FROM input", "tables": [{"name": "more"}]})), "needs_window");
    assert_eq!(code(json!({"query": COUNTS, "window": "1 s", "tables": [{"name": "late"}]})), "bad_port_name");
    assert_eq!(code(json!({"query": "SELECT ts AS window_end FROM input", "window": "1 s"})), "duplicate_column");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn it_is_the_same_as_counting_by_hand(
        rows in prop::collection::vec((0..60i64, prop::sample::select(vec![None, Some("a"), Some("b")])), 0..60),
        batch_size in 1..20usize,
        lag in 0..20i64,
    ) {
        let harness = harness(json!({"query": COUNTS, "window": "7 s"}));
        let mut run = harness.operator();
        let rows: Vec<Row> = rows.iter().enumerate().map(|(id, row)| (Some(row.0), row.1, id as i64)).collect();
        let (mut mark, mut groups) = (-1_000, BTreeMap::new());
        for part in rows.chunks(batch_size) {
            for (time, key, id) in part {
                let start = time.expect("a time").div_euclid(7) * 7;
                if start + 7 > mark {
                    let group: &mut (i64, i64) = groups.entry((start, *key)).or_default();
                    *group = (group.0 + 1, group.1 + id);
                }
            }
            mark = mark.max(part.iter().filter_map(|row| row.0).max().unwrap_or(0) - lag);
            run.push(event_rows(part)).watermark(mark * 1_000_000).restart();
        }
        run.end();
        let mut found: Vec<_> = match run.gathered.port("rows") {
            None => Vec::new(),
            Some(port) => {
                let times = millrace_operator::time::event_times(port.column(0)).expect("a time");
                let json = run.gathered.json("rows");
                json.into_iter().enumerate().map(|(row, json)| {
                    let key = json["key"].as_str().map(str::to_owned);
                    (times.value(row) / 1_000_000, key, json["n"].as_i64(), json["total"].as_i64())
                }).collect()
            }
        };
        found.sort();
        let expected: Vec<_> = groups
            .into_iter()
            .map(|((start, key), (n, total))| (start, key.map(str::to_owned), Some(n), Some(total)))
            .collect();
        prop_assert_eq!(found, expected);
    }
}
