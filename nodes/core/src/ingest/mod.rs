//! The Ingest section: where rows come from.

mod event_time;
pub mod file;
pub mod inject;
pub mod nexmark;
pub mod simulate_devices;

use std::sync::Arc;

use millrace_operator::{NodeType, node::erase};

/// The nodes of this section. Adding one is its file, its `mod` line and its line here.
pub fn nodes() -> Vec<Arc<dyn NodeType>> {
    vec![
        erase::<file::File>(),
        erase::<inject::Inject>(),
        erase::<nexmark::Nexmark>(),
        erase::<simulate_devices::SimulateDevices>(),
    ]
}
