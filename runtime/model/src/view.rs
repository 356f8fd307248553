//! The chart model: what a `visualize.*` node shows, apart from how it is drawn.
//!
//! A view is a [`ViewSpec`] and one Arrow batch. The designer draws it with egui, the host with plotters as SVG and
//! PNG; neither knows the node kind. Each variant says the columns of its batch.

use serde::{Deserialize, Serialize};

/// How the rows of a view's batch are to be read and drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "view", rename_all = "snake_case")]
pub enum ViewSpec {
    /// Columns: `series` (Utf8), `x` (Timestamp or Float64), `y` (Float64), sorted by series, then x.
    /// Within a series the points may be thinned, with the extremes kept.
    LineChart(LineChart),
    /// Any columns, newest row last.
    Table(TableView),
    /// One row per key: `label` (Utf8), `value` (any), `time` (Timestamp, may be null).
    SingleValue(SingleValue),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineChart {
    pub title: String,
    pub x_label: String,
    pub y_label: String,
    /// Whether `x` is a time; else it is a number.
    pub x_is_time: bool,
    /// Horizontal lines to compare with.
    pub thresholds: Vec<Threshold>,
    /// Points that were received; the batch may hold fewer.
    pub num_points: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    pub value: f64,
    pub label: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableView {
    pub title: String,
    /// Rows that were received; the batch holds the newest of them.
    pub num_rows: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SingleValue {
    pub title: String,
    pub unit: String,
    /// Digits after the decimal point.
    pub decimals: u8,
}

impl ViewSpec {
    pub fn title(&self) -> &str {
        match self {
            Self::LineChart(chart) => &chart.title,
            Self::Table(table) => &table.title,
            Self::SingleValue(value) => &value.title,
        }
    }
}
