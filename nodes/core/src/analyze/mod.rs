//! The Analyze section: aggregates over windows of event time, and what else follows from many rows.

use std::sync::Arc;

use millrace_operator::NodeType;
use millrace_operator::node::erase;

pub mod count_window;
pub mod hopping_window;
pub mod pattern;
pub mod processing_time_window;
pub mod rolling_window;
pub mod session_window;
pub mod silence;
pub mod tumbling_window;
pub(crate) mod window;

/// The nodes of this section. Adding one is its file, its `mod` line and its line here.
pub fn nodes() -> Vec<Arc<dyn NodeType>> {
    vec![
        erase::<tumbling_window::TumblingWindow>(),
        erase::<hopping_window::HoppingWindow>(),
        erase::<session_window::SessionWindow>(),
        erase::<count_window::CountWindow>(),
        erase::<rolling_window::RollingWindow>(),
        erase::<processing_time_window::ProcessingTimeWindow>(),
        erase::<silence::Silence>(),
        erase::<pattern::Pattern>(),
    ]
}
