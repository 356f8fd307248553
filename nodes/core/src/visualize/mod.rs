//! The Visualize section: pictures that fill while a run goes on.

mod ipc;
pub mod line_chart;
pub mod single_value;
pub mod table;

use std::sync::Arc;

use millrace_operator::{NodeType, node::erase};

/// The nodes of this section. Adding one is its file, its `mod` line and its line here.
pub fn nodes() -> Vec<Arc<dyn NodeType>> {
    vec![erase::<line_chart::LineChartNode>(), erase::<single_value::SingleValueNode>(), erase::<table::TableNode>()]
}
