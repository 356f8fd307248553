use std::sync::Arc;

use arrow::array::{Float64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use millrace_operator::Node;
use millrace_operator::harness::{Harness, assert_node_contract, rows_as_json};
use serde_json::{Value, json};

use super::*;
use crate::visualize::area_chart::AreaChartNode;
use crate::visualize::line_chart::LineChartNode;
use crate::visualize::scatter_chart::ScatterChartNode;

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("a", DataType::Float64, true), Field::new("b", DataType::Float64, true)]))
}

fn rows(points: &[(f64, f64)]) -> RecordBatch {
    let column = |value: fn(&(f64, f64)) -> f64| Arc::new(Float64Array::from_iter_values(points.iter().map(value)));
    RecordBatch::try_new(schema(), vec![column(|p| p.0), column(|p| p.1)]).expect("two columns")
}

/// The mark, the points that came, and those that three points of room leave, also after a restart.
fn kept<N: Node>() -> (Mark, u64, Vec<Value>) {
    let harness = Harness::new::<N>(json!({ "y": ["b"], "x": "a", "keep": 3 }), &[schema()]);
    let mut view = harness.view();
    view.on_batch(rows(&[(9.0, 1.0), (2.0, 2.0), (3.0, 3.0), (1.0, 4.0)])).expect("rows");
    let mut restored = harness.view();
    restored.restore(&view.snapshot().expect("a snapshot")).expect("a restore");
    let [found, again] = [view, restored].map(|mut view| {
        let picture = view.picture(&Look::WHOLE).expect("a picture");
        let ViewSpec::Xy(chart) = &picture.spec else { panic!("a chart of points") };
        let points = rows_as_json(&picture.data).iter().map(|row| json!([row["x"], row["y"]])).collect();
        (chart.mark, chart.num_points, points)
    });
    assert_eq!(found, again);
    found
}

#[test]
fn each_chart_keeps_the_contract() {
    let params = || json!({ "y": ["b"], "x": "a" });
    assert_node_contract::<AreaChartNode>(params(), &[schema()]);
    assert_node_contract::<LineChartNode>(params(), &[schema()]);
    assert_node_contract::<ScatterChartNode>(params(), &[schema()]);
}

#[test]
fn lines_and_areas_keep_the_greatest_x_and_dots_the_newest_rows() {
    let greatest = vec![json!([2.0, 2.0]), json!([3.0, 3.0]), json!([9.0, 1.0])];
    assert_eq!(kept::<AreaChartNode>(), (Mark::Area, 4, greatest.clone()));
    assert_eq!(kept::<LineChartNode>(), (Mark::Line, 4, greatest));
    let newest = vec![json!([1.0, 4.0]), json!([2.0, 2.0]), json!([3.0, 3.0])];
    assert_eq!(kept::<ScatterChartNode>(), (Mark::Dot, 4, newest));
}

#[test]
fn another_title_keeps_the_points() {
    let of = |title: &str| {
        Harness::new::<AreaChartNode>(json!({ "y": ["b"], "x": "a", "title": title }), &[schema()]).view()
    };
    let (mut old, mut new) = (of("Old"), of("New"));
    old.on_batch(rows(&[(9.0, 1.0), (2.0, 2.0)])).expect("rows");
    new.restore(&old.snapshot().expect("a snapshot")).expect("a restore");
    let picture = new.picture(&Look::WHOLE).expect("a picture");
    let ViewSpec::Xy(chart) = &picture.spec else { panic!("a chart of points") };
    assert_eq!((chart.title.as_str(), picture.data.num_rows()), ("New", 2));
}
