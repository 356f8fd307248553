//! What parsing text promises, method by method.

use super::*;
use arrow::array::{Int64Array, StringArray};
use millrace_operator::ParamProblem;
use millrace_operator::harness::{Gathered, Harness, assert_node_contract};
use serde_json::{Value, json};

fn batch(lines: &[Option<&str>]) -> RecordBatch {
    let numbers: Vec<i64> = (1..).take(lines.len()).collect();
    RecordBatch::try_from_iter_with_nullable([
        ("line", Arc::new(StringArray::from_iter(lines)) as ArrayRef, true),
        ("number", Arc::new(Int64Array::from(numbers)) as ArrayRef, false),
    ])
    .expect("columns fit")
}

fn harness(params: Value) -> Result<Harness, Vec<ParamProblem>> {
    Harness::try_new::<ParseText>(params, &[batch(&[]).schema()])
}

fn parse(params: Value, lines: &[Option<&str>]) -> Gathered {
    let harness = harness(params).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let mut run = harness.operator();
    run.push(batch(&[])).push(batch(lines));
    std::mem::take(&mut run.gathered)
}

/// The only row, which was not rejected.
fn row(method: Value, line: &str) -> Value {
    let gathered = parse(json!({ "method": method }), &[Some(line)]);
    assert_eq!(gathered.json("rejected"), Vec::<Value>::new());
    let mut row = gathered.json("rows").pop().unwrap_or_else(|| panic!("{line} gives a row"));
    row.as_object_mut().expect("a row is an object").remove("number");
    row
}

/// Why the only row was rejected.
fn reason(method: Value, line: &str) -> String {
    let gathered = parse(json!({ "method": method }), &[Some(line)]);
    assert_eq!(gathered.rows_at("rows"), 0, "{line}: {:?}", gathered.json("rows"));
    let rejected = &gathered.json("rejected")[0];
    assert_eq!(rejected["raw"], line);
    assert_eq!(rejected["position"], "row 1 of the node's input");
    rejected["reason"].as_str().expect("a reason").to_owned()
}

fn common() -> Value {
    json!({"kind": "access_log", "format": "common"})
}

fn combined() -> Value {
    json!({"kind": "access_log"})
}

fn levels() -> Value {
    json!({"kind": "regex", "pattern": r"^(?<level>\w+)(?: (?<took>\S+))?$", "types": [{"name": "took", "type": "integer"}]})
}

#[test]
fn it_keeps_the_contract() {
    for method in [
        common(),
        levels(),
        json!({"kind": "key_value", "keys": [{"name": "a"}]}),
        json!({"kind": "json", "fields": [{"name": "a"}]}),
    ] {
        assert_node_contract::<ParseText>(json!({ "method": method }), &[batch(&[]).schema()]);
    }
}

#[test]
fn the_common_access_log_of_apaches_manual_is_read() {
    let line = r#"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326"#;
    let expected = json!({
        "ip": "127.0.0.1", "user": "frank", "time": "2000-10-10T20:55:36Z", "method": "GET",
        "path": "/apache_pb.gif", "protocol": "HTTP/1.0", "status": 200, "bytes": 2326,
    });
    assert_eq!(row(common(), line), expected);
}

#[test]
fn the_combined_access_log_is_read_with_its_escapes_and_dashes() {
    let line = r#"::1 - - [01/Jan/2024:00:00:00 +0100] "GET /a b?q=\"x\" HTTP/1.1" 304 - "-" "Moz\\illa \x41\xc3""#;
    let expected = json!({
        "ip": "::1", "user": null, "time": "2023-12-31T23:00:00Z", "method": "GET", "path": "/a b?q=\"x\"",
        "protocol": "HTTP/1.1", "status": 304, "bytes": null, "referer": null, "user_agent": r"Moz\illa A\xc3",
    });
    assert_eq!(row(combined(), line), expected);
}

#[test]
fn what_a_client_sent_instead_of_a_request_stands_in_path() {
    let line = |request: &str| format!(r#"1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "{request}" 400 0"#);
    for (request, path) in [("-", json!(null)), (r"\x16\x03\x01", json!("\u{16}\u{3}\u{1}")), ("", json!(""))] {
        let row = row(common(), &line(request));
        assert_eq!((&row["method"], &row["path"], &row["protocol"]), (&json!(null), &path, &json!(null)), "{request}");
    }
    let row = row(common(), &line("GET /old"));
    assert_eq!((&row["method"], &row["path"], &row["protocol"]), (&json!("GET"), &json!("/old"), &json!(null)));
}

#[test]
fn a_line_that_is_no_access_log_is_rejected_with_the_reason() {
    let whole = r#"1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 5"#;
    for (line, expected) in [
        ("", "the line is empty"),
        ("hello world", "no time in brackets"),
        (
            r#"1.2.3.4 - - [10/Okt/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 5"#,
            "`10/Okt/2000:13:55:36 -0700` is not the time",
        ),
        (r#"1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0 200 5"#, "no request in quotes"),
        (r#"1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" x 5"#, "`x` is not a status"),
        (r#"1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 -5"#, "`-5` is not a number of bytes"),
        (r#"1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200"#, "no number of bytes"),
        (&format!(r#"{whole} "-" "-""#), "follows where the line should end"),
    ] {
        let reason = reason(common(), line);
        assert!(reason.contains(expected), "{line}: {reason}");
    }
    let reason = reason(combined(), whole);
    assert!(reason.contains("common format"), "{reason}");
}

#[test]
fn a_regular_expression_gives_a_column_for_each_named_group() {
    assert_eq!(row(levels(), "warn 12"), json!({"level": "warn", "took": 12}));
    // A group that took no part is null.
    assert_eq!(row(levels(), "warn"), json!({"level": "warn", "took": null}));
    assert_eq!(reason(levels(), "warn 12 ms"), "the text does not match the pattern");
    assert_eq!(reason(levels(), "warn x"), "`x` in `took` is not a whole number of 64 bits");
}

#[test]
fn values_are_read_by_their_type() {
    let method = json!({"kind": "key_value", "pair_separator": ";", "keys": [
        {"name": "i", "type": "integer"}, {"name": "n", "type": "number"}, {"name": "b", "type": "boolean"},
        {"name": "t", "type": "timestamp"}, {"name": "s", "type": "text"},
    ]});
    assert_eq!(
        row(method.clone(), "i=-3;n=1e3;b=Yes;t=2024-01-01 12:00:00;s= a b "),
        json!({"i": -3, "n": 1000.0, "b": true, "t": "2024-01-01T12:00:00Z", "s": "a b"})
    );
    for line in ["i=1.5", "i=9999999999999999999", "n=x", "b=maybe", "t=noon", "i="] {
        assert!(reason(method.clone(), line).contains(" is not "), "{line}");
    }
}

#[test]
fn key_value_pairs_may_be_quoted_missing_and_in_any_order() {
    let method = json!({"kind": "key_value", "keys": [{"name": "level"}, {"name": "msg"}]});
    let line = r#"INFO msg="all \"well\" = good" other=1 level=info"#;
    assert_eq!(row(method.clone(), line), json!({"level": "info", "msg": "all \"well\" = good"}));
    assert_eq!(row(method.clone(), "level=warn"), json!({"level": "warn", "msg": null}));
    assert_eq!(reason(method.clone(), "just words"), "the text has none of the keys");
    assert_eq!(reason(method, r#"msg="open"#), "the value of `msg` has no closing quote");
}

#[test]
fn fields_of_a_json_object_become_columns() {
    let method = json!({"kind": "json", "fields": [
        {"name": "id", "path": "sensor.id"}, {"name": "value", "type": "number"}, {"name": "n", "type": "integer"},
        {"name": "ok", "type": "boolean"}, {"name": "at", "type": "timestamp"}, {"name": "tags"},
    ]});
    let line =
        r#"{"sensor": {"id": "a"}, "value": 2, "n": 7, "ok": true, "at": "2024-01-01T00:00:00Z", "tags": ["x"]}"#;
    assert_eq!(
        row(method.clone(), line),
        json!({"id": "a", "value": 2.0, "n": 7, "ok": true, "at": "2024-01-01T00:00:00Z", "tags": "[\"x\"]"})
    );
    let nothing = json!({"id": null, "value": null, "n": null, "ok": null, "at": null, "tags": null});
    assert_eq!(row(method.clone(), r#"{"value": null}"#), nothing);
    for (line, expected) in [
        ("{", "not JSON"),
        ("[1]", "not an object"),
        (r#"{"n": 1.5}"#, "`1.5` in `n`"),
        (r#"{"value": "2"}"#, "is not of type number"),
        (r#"{"ok": 1}"#, "is not of type boolean"),
        (r#"{"at": "noon"}"#, "is not a time"),
    ] {
        let reason = reason(method.clone(), line);
        assert!(reason.contains(expected), "{line}: {reason}");
    }
}

#[test]
fn the_other_columns_stay_and_a_null_text_gives_nulls() {
    let gathered = parse(json!({"method": levels(), "keep_original": true}), &[Some("warn 1"), None, Some("?")]);
    assert_eq!(
        gathered.json("rows"),
        [
            json!({"line": "warn 1", "number": 1, "level": "warn", "took": 1}),
            json!({"line": null, "number": 2, "level": null, "took": null}),
        ]
    );
    assert_eq!(gathered.rows_at("rejected"), 1);
}

#[test]
fn on_error_may_fail_the_run_or_leave_nulls() {
    let gathered = parse(json!({"method": levels(), "on_error": "null"}), &[Some("warn x"), Some("? ?")]);
    assert_eq!(
        gathered.json("rows"),
        [json!({"number": 1, "level": "warn", "took": null}), json!({"number": 2, "level": null, "took": null})]
    );
    let fail = harness(json!({"method": levels(), "on_error": "fail"})).expect("good params");
    let error = fail.operator().try_push(0, batch(&[Some("a"), Some("? ?")])).expect_err("the second row fails");
    assert!(error.to_string().contains("row 2 of the node's input: ? ?"), "{error}");
}

#[test]
fn the_time_of_an_access_log_may_start_event_time() {
    let params = json!({"method": common(), "event_time": "time", "max_out_of_orderness": "1 s"});
    let harness = harness(params).expect("good params");
    assert_eq!(event_time_column(&harness.schema_of("rows")), Some("time"));
    let line = |second: i64| format!(r#"1.2.3.4 - - [01/Jan/1970:00:00:{second:02} +0000] "GET / HTTP/1.0" 200 5"#);
    let mut run = harness.operator();
    run.push(batch(&[Some(&line(20)), Some(&line(10))])).restart().watermark(50_000_000);
    run.push(batch(&[Some(&line(15))])).push(batch(&[Some(&line(30))])).end();
    assert_eq!(run.gathered.watermarks, [19_000_000, 29_000_000, i64::MAX]);
}

#[test]
fn what_cannot_be_is_found_before_the_run() {
    for (params, param, code) in [
        (json!({"method": common(), "column": "lines"}), "column", "unknown_column"),
        (json!({"method": common(), "column": "number"}), "column", "not_text"),
        (json!({"method": common(), "event_time": "tme"}), "event_time", "unknown_column"),
        (json!({"method": {"kind": "regex", "pattern": "("}}), "method.pattern", "bad_pattern"),
        (json!({"method": {"kind": "regex", "pattern": "(a)"}}), "method.pattern", "no_columns"),
        (json!({"method": {"kind": "regex", "pattern": "(?<number>a)"}}), "method.pattern", "duplicate_column"),
        (
            json!({"method": {"kind": "regex", "pattern": "(?<a>a)", "types": [{"name": "b"}]}}),
            "method.types[0].name",
            "unknown_group",
        ),
        (json!({"method": {"kind": "json", "fields": []}}), "method.fields", "no_columns"),
        (json!({"method": {"kind": "key_value", "keys": [{"name": ""}]}}), "method.keys[0].name", "no_name"),
        (
            json!({"method": {"kind": "key_value", "keys": [{"name": "a"}], "pair_separator": ""}}),
            "method.pair_separator",
            "empty_separator",
        ),
    ] {
        let problems = harness(params.clone()).err().unwrap_or_else(|| panic!("{params} is refused"));
        let found = problems.iter().any(|problem| problem.param == param && problem.code == code);
        assert!(found, "{params}: {problems:#?}");
    }
}

#[test]
fn a_misspelt_param_of_a_method_is_refused() {
    let misspelt = json!({"method": {"kind": "json", "fields": [{"name": "a"}], "typo": 1}});
    let problems = harness(misspelt).err().expect("a problem");
    assert!(problems[0].message.contains("`typo`"), "{}", problems[0].message);
}
