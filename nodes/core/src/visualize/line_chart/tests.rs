use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Float64Type, Schema};
use millrace_model::event_time::{UTC, timestamp_type};
use millrace_model::view::{Look, ViewSpec, XyChart};
use millrace_operator::View;

use super::*;
use millrace_model::event_time::with_event_time;
use millrace_operator::harness::{Harness, assert_node_contract, rows_as_json};
use serde_json::{Value, json};

fn schema() -> SchemaRef {
    let fields = vec![
        Field::new("time", timestamp_type(), true),
        Field::new("device", DataType::Utf8, true),
        Field::new("a", DataType::Float64, true),
        Field::new("b", DataType::Int64, true),
    ];
    with_event_time(&Schema::new(fields), Some("time"))
}

type Row<'a> = (Option<i64>, Option<&'a str>, Option<f64>, Option<i64>);

fn rows(rows: &[Row<'_>]) -> RecordBatch {
    let times: TimestampMicrosecondArray = rows.iter().map(|row| row.0.map(|second| second * 1_000_000)).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(times.with_timezone(UTC)),
        Arc::new(rows.iter().map(|row| row.1).collect::<StringArray>()),
        Arc::new(rows.iter().map(|row| row.2).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|row| row.3).collect::<arrow::array::Int64Array>()),
    ];
    RecordBatch::try_new(schema(), columns).expect("rows")
}

fn view(params: Value) -> Box<dyn View> {
    Harness::new::<LineChartNode>(params, &[schema()]).view()
}

fn picture(view: &mut dyn View) -> (XyChart, Vec<Value>) {
    let picture = view.picture(&Look::WHOLE).expect("a picture");
    let ViewSpec::Xy(spec) = picture.spec else { panic!("a line chart") };
    (spec, rows_as_json(&picture.data).iter().map(|row| json!([row["series"], row["x"], row["y"]])).collect())
}

#[test]
fn the_contract_holds() {
    assert_node_contract::<LineChartNode>(json!({ "y": ["a"] }), &[schema()]);
    assert_node_contract::<LineChartNode>(
        json!({ "y": ["a", "b"], "x": "b", "series": "device", "thresholds": [{ "value": 3 }] }),
        &[schema()],
    );
}

#[test]
fn lines_are_sorted_by_x_and_rows_without_a_point_are_left_out() {
    let mut view = view(json!({ "y": ["a"], "series": "device" }));
    view.on_batch(RecordBatch::new_empty(schema())).expect("no rows");
    view.on_batch(rows(&[
        (Some(3), Some("q"), Some(3.0), None),
        (Some(1), Some("q"), Some(1.0), None),
        (None, Some("q"), Some(9.0), None),
        (Some(2), Some("q"), None, None),
        (Some(2), Some("q"), Some(f64::NAN), None),
        (Some(2), None, Some(2.0), None),
    ]))
    .expect("rows");
    let (spec, points) = picture(view.as_mut());
    assert_eq!(
        points,
        [
            json!(["(none)", "1970-01-01T00:00:02Z", 2.0]),
            json!(["q", "1970-01-01T00:00:01Z", 1.0]),
            json!(["q", "1970-01-01T00:00:03Z", 3.0]),
        ]
    );
    assert_eq!((spec.num_points, spec.x_is_time, spec.y_label.as_str(), spec.title.as_str()), (3, true, "a", "Tested"));
}

#[test]
fn several_columns_are_several_lines_and_x_may_be_a_number() {
    let mut view = view(json!({ "y": ["a", "b"], "x": "b", "title": "Both" }));
    view.on_batch(rows(&[(None, None, Some(0.5), Some(7))])).expect("rows");
    let (spec, points) = picture(view.as_mut());
    assert_eq!(points, [json!(["a", 7.0, 0.5]), json!(["b", 7.0, 7.0])]);
    assert!(!spec.x_is_time && spec.title == "Both" && spec.x_label == "b");
}

#[test]
fn the_newest_points_are_kept_and_a_spike_of_one_sample_is_seen() {
    let mut view = view(json!({ "y": ["a"], "keep": 50_000 }));
    let value = |second: i64| {
        if second == 33_333 {
            1e9
        } else if second == 66_666 {
            -1e9
        } else {
            (second % 10) as f64
        }
    };
    for start in (0..80_000).step_by(1_000) {
        let batch: Vec<Row<'_>> = (start..start + 1_000).map(|s| (Some(s), None, Some(value(s)), None)).collect();
        view.on_batch(rows(&batch)).expect("rows");
    }
    let data = view.picture(&Look::WHOLE).expect("a picture").data;
    let ys = data.column(2).as_primitive::<Float64Type>().values().to_vec();
    assert!(ys.len() <= 2_000 && ys.len() > 1_000);
    assert!(ys.contains(&1e9) && ys.contains(&-1e9));
    let (spec, points) = picture(view.as_mut());
    assert_eq!(spec.num_points, 80_000);
    assert_eq!(points[0][1], "1970-01-01T08:20:00Z", "the oldest 30,000 points are gone");
}

#[test]
fn a_restored_chart_goes_on_as_if_nothing_had_been() {
    let params = json!({ "y": ["a", "b"], "series": "device", "keep": 3 });
    let mut one = view(params.clone());
    let batch = |from: i64| {
        rows(
            &(from..from + 4)
                .map(|s| (Some(s), Some(["p", "q"][s as usize % 2]), Some(s as f64), Some(s)))
                .collect::<Vec<_>>(),
        )
    };
    one.on_batch(batch(0)).expect("rows");
    let state = one.snapshot().expect("a snapshot");
    let mut two = view(params);
    two.restore(&state).expect("a restore");
    assert_eq!(picture(one.as_mut()), picture(two.as_mut()));
    for view in [&mut one, &mut two] {
        view.on_batch(batch(4)).expect("rows");
    }
    assert_eq!(picture(one.as_mut()), picture(two.as_mut()));
    assert_eq!(picture(one.as_mut()).1.len(), 12);
    assert!(two.state_bytes() > 0);
}

#[test]
fn beyond_a_hundred_lines_the_title_says_how_many_there_are() {
    let mut view = view(json!({ "y": ["a"], "series": "b" }));
    let batch: Vec<Row<'_>> = (0..500).map(|n| (Some(n), None, Some(1.0), Some(n % 250))).collect();
    view.on_batch(rows(&batch)).expect("rows");
    let (spec, points) = picture(view.as_mut());
    assert_eq!(spec.title, "Tested (100 of 250 series)");
    assert_eq!((points.len(), spec.num_points), (200, 500));
}

#[test]
fn what_cannot_be_drawn_is_a_diagnostic() {
    let plain: SchemaRef =
        Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true), Field::new("s", DataType::Utf8, true)]));
    for (params, param) in [
        (json!({ "y": [], "x": "a" }), "y"),
        (json!({ "y": ["s"], "x": "a" }), "y[0]"),
        (json!({ "y": ["a"] }), "x"),
        (json!({ "y": ["a"], "x": "s" }), "x"),
        (json!({ "y": ["a"], "x": "a", "series": "t" }), "series"),
    ] {
        let problems =
            Harness::try_new::<LineChartNode>(params, std::slice::from_ref(&plain)).err().expect("a problem");
        assert_eq!(problems[0].param, param);
    }
}

#[test]
fn a_part_shows_every_point_and_columns_at_the_right_are_named() {
    let mut view = view(json!({ "y": ["a"], "y_right": ["b"], "keep": 50_000 }));
    let batch: Vec<Row<'_>> = (0..50_000).map(|s| (Some(s), None, Some(s as f64), Some(-s))).collect();
    view.on_batch(rows(&batch)).expect("rows");
    let look = Look { x: Some((1e9, 2e9)), num_columns: 800 };
    let part = view.picture(&look).expect("a picture");
    let ViewSpec::Xy(spec) = part.spec else { panic!("a line chart") };
    assert_eq!((spec.right, spec.right_label.as_str(), spec.y_label.as_str()), (vec!["b".to_owned()], "b", "a"));
    assert_eq!(spec.x_held, Some((0.0, 49_999e6)));
    let ys = part.data.column(2).as_primitive::<Float64Type>().values().to_vec();
    let expected: Vec<f64> = (999..=2_001).map(f64::from).chain((999..=2_001).map(|n| -f64::from(n))).collect();
    assert_eq!(ys, expected, "one neighbour at each side goes on");
}

#[test]
fn the_picture_says_which_of_its_columns_holds_the_series_column() {
    let of = |params: Value| {
        let mut view = view(params);
        view.on_batch(rows(&[(Some(1), Some("q"), Some(1.0), Some(2))])).expect("rows");
        let data = view.picture(&Look::WHOLE).expect("a picture").data;
        let schema = data.schema();
        let columns = millrace_model::filter::columns_of(&schema);
        let values = |place: usize| data.column(place).as_string::<i32>().value(0).to_owned();
        columns.map(|(place, column)| (column.to_owned(), values(place))).collect::<Vec<_>>()
    };
    let expected = [("device".to_owned(), "q".to_owned())];
    assert_eq!(of(json!({ "y": ["a"], "series": "device" })), expected);
    assert_eq!(of(json!({ "y": ["a", "b"], "series": "device" })), expected, "beside names such as “q · a”");
    assert_eq!(of(json!({ "y": ["a"] })), []);
}
