//! What reading a time out of a column promises.

use super::*;
use arrow::array::{Float64Array, StringArray, TimestampMillisecondArray};
use millrace_operator::ParamProblem;
use millrace_operator::harness::{Harness, assert_node_contract};
use serde_json::{Value, json};

fn texts(texts: Vec<Option<&str>>) -> RecordBatch {
    let numbers: Vec<i64> = (1..).take(texts.len()).collect();
    RecordBatch::try_from_iter_with_nullable([
        ("ts", Arc::new(StringArray::from(texts)) as _, true),
        ("n", Arc::new(Int64Array::from(numbers)) as _, true),
    ])
    .expect("columns fit")
}

fn one(column: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable([("ts", column, true)]).expect("columns fit")
}

fn harness(params: Value, schema: SchemaRef) -> Result<Harness, Vec<ParamProblem>> {
    Harness::try_new::<ParseTimestamp>(params, &[schema])
}

fn times(params: Value, batch: RecordBatch) -> Vec<Option<i64>> {
    let harness = Harness::new::<ParseTimestamp>(params, &[batch.schema()]);
    let mut run = harness.operator();
    run.push(batch);
    let rows = run.gathered.port("rows").expect("rows left");
    event_times(rows.column(0).as_ref()).expect("a timestamp").iter().collect()
}

const SECOND: i64 = 1_000_000;

#[test]
fn it_keeps_the_contract() {
    assert_node_contract::<ParseTimestamp>(json!({"column": "ts"}), &[texts(vec![]).schema()]);
}

#[test]
fn the_column_becomes_a_timestamp_and_the_event_time() {
    let harness = harness(json!({"column": "ts"}), texts(vec![]).schema()).expect("good params");
    let schema = harness.schema_of("rows");
    assert_eq!(schema.field(0).data_type(), &timestamp_type());
    assert_eq!(event_time_column(&schema), Some("ts"));
    let mut run = harness.operator();
    run.push(texts(vec![Some("1970-01-01 00:00:20"), None, Some("1970-01-01T00:00:10Z")])).push(texts(vec![]));
    assert_eq!(run.gathered.rows_at("rows"), 3);
    assert_eq!(run.gathered.watermarks, [15 * SECOND]);
}

#[test]
fn watermarks_go_on_after_a_restart_and_those_that_arrive_end_here() {
    let params = json!({"column": "ts", "max_out_of_orderness": "1 s"});
    let harness = harness(params, texts(vec![]).schema()).expect("good params");
    let mut run = harness.operator();
    run.push(texts(vec![Some("1970-01-01 00:00:20")])).watermark(99 * SECOND).restart();
    run.push(texts(vec![Some("1970-01-01 00:00:10")])).push(texts(vec![Some("1970-01-01 00:00:30")])).end();
    assert_eq!(run.gathered.watermarks, [19 * SECOND, 29 * SECOND, i64::MAX]);
}

#[test]
fn a_text_that_is_no_time_leaves_by_rejected() {
    let batch = || texts(vec![Some("yesterday"), Some("1970-01-01")]);
    let reject = harness(json!({"column": "ts"}), batch().schema()).expect("good params");
    let mut run = reject.operator();
    run.push(batch());
    assert_eq!(run.gathered.rows_at("rows"), 1);
    let rejected = &run.gathered.json("rejected")[0];
    assert_eq!(rejected["raw"], r#"{"ts":"yesterday","n":1}"#);
    assert_eq!(rejected["reason"], "`yesterday` is not a time in ISO 8601 form");
    let null = json!({"column": "ts", "on_error": "null"});
    assert_eq!(times(null, batch()), [None, Some(0)]);
    let fail = harness(json!({"column": "ts", "on_error": "fail"}), batch().schema()).expect("good params");
    let error = fail.operator().try_push(0, batch()).expect_err("the first row fails");
    assert!(error.to_string().contains("`yesterday`"), "{error}");
}

#[test]
fn numbers_need_a_unit() {
    let integers = || one(Arc::new(Int64Array::from(vec![Some(1_500), None])));
    let problems = harness(json!({"column": "ts"}), integers().schema()).err().expect("no unit");
    assert_eq!(problems[0].code, "format_needs_text");
    assert_eq!(times(json!({"column": "ts", "format": "milliseconds"}), integers()), [Some(1_500_000), None]);
    let numbers = one(Arc::new(Float64Array::from(vec![1.25])));
    assert_eq!(times(json!({"column": "ts", "format": "seconds"}), numbers), [Some(1_250_000)]);
    assert_eq!(times(json!({"column": "ts", "format": "seconds"}), texts(vec![Some("1.25")])), [Some(1_250_000)]);
    let too_large = one(Arc::new(Int64Array::from(vec![i64::MAX])));
    let harness = harness(json!({"column": "ts", "format": "seconds"}), too_large.schema()).expect("good params");
    let mut run = harness.operator();
    run.push(too_large);
    assert_eq!((run.gathered.rows_at("rows"), run.gathered.rows_at("rejected")), (0, 1));
}

#[test]
fn timestamps_and_dates_are_taken_as_they_are() {
    let zoned = one(Arc::new(TimestampMillisecondArray::from(vec![Some(7), None]).with_timezone("Europe/Berlin")));
    assert_eq!(times(json!({"column": "ts", "time_zone": "+02:00"}), zoned), [Some(7_000), None]);
    // That the zone has no say is not kept silent.
    let zoned = [Some(one(Arc::new(TimestampMillisecondArray::from(vec![7]).with_timezone("UTC"))).schema())];
    for (zone, code) in [("Europe/Berlin", Some("is_in_utc")), ("UTC", None), ("", None)] {
        let params = serde_json::from_value(json!({"column": "ts", "time_zone": zone})).expect("params");
        let mut cx = InferContext::new(&zoned, None);
        ParseTimestamp::infer(&params, &mut cx);
        let told = cx.into_problems().into_iter().map(|problem| (problem.is_warning, problem.code)).next();
        assert_eq!(told, code.map(|code| (true, code.to_owned())), "{zone}");
    }
    let local = one(Arc::new(TimestampMillisecondArray::from(vec![7_200_000])));
    assert_eq!(times(json!({"column": "ts", "time_zone": "+02:00"}), local), [Some(0)]);
}

#[test]
fn the_result_may_stand_beside_the_column() {
    let params = json!({"column": "ts", "output": "time", "event_time": false});
    let harness = harness(params, texts(vec![]).schema()).expect("good params");
    let schema = harness.schema_of("rows");
    assert_eq!(schema.index_of("time").ok(), Some(2));
    assert_eq!(event_time_column(&schema), None);
    let mut run = harness.operator();
    run.push(texts(vec![Some("1970-01-01")])).watermark(5);
    assert_eq!(run.gathered.watermarks, [5]);
    assert_eq!(run.gathered.json("rows")[0]["ts"], "1970-01-01");
}

#[test]
fn what_cannot_be_is_found_before_the_run() {
    for (params, param, code) in [
        (json!({"column": "tss"}), "column", "unknown_column"),
        (json!({"column": "ts", "time_zone": "Mars/Olympus"}), "time_zone", "unknown_time_zone"),
        (json!({"column": "ts", "format": "pattern", "pattern": "%H"}), "pattern", "bad_pattern"),
        (json!({"column": "ts", "output": "n"}), "output", "duplicate_column"),
    ] {
        let problems = harness(params.clone(), texts(vec![]).schema()).err();
        let problem = &problems.unwrap_or_else(|| panic!("{params} is refused"))[0];
        assert_eq!((problem.param.as_str(), problem.code.as_str()), (param, code));
    }
}
