//! The Visualize section: pictures that fill while a run goes on.

pub mod area_chart;
pub mod bar_chart;
mod bins;
mod columns;
pub mod gauge;
pub mod heatmap;
pub mod histogram;
mod ipc;
mod last_values;
pub mod line_chart;
pub mod log;
pub mod map;
mod newest_rows;
pub mod scatter_chart;
pub mod single_value;
mod summary;
pub mod table;
mod xy;

use std::sync::Arc;

use millrace_operator::{NodeType, node::erase};

/// The nodes of this section. Adding one is its file, its `mod` line and its line here.
pub fn nodes() -> Vec<Arc<dyn NodeType>> {
    vec![
        erase::<area_chart::AreaChartNode>(),
        erase::<bar_chart::BarChartNode>(),
        erase::<gauge::GaugeNode>(),
        erase::<heatmap::HeatmapNode>(),
        erase::<histogram::HistogramNode>(),
        erase::<line_chart::LineChartNode>(),
        erase::<log::LogNode>(),
        erase::<map::MapNode>(),
        erase::<scatter_chart::ScatterChartNode>(),
        erase::<single_value::SingleValueNode>(),
        erase::<table::TableNode>(),
    ]
}
