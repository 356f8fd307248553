//! The nodes that Millrace comes with and that need no network: one file (or folder) a node, one folder a section of
//! the palette, one line a node in its section's list.
//!
//! Nothing here knows the engine, the host or the designer; they know no node by name. What several nodes share about
//! file formats stands in `format`, which is private.

use millrace_operator::Registry;

pub mod analyze;
#[cfg(test)]
mod contract;
mod format;
pub mod ingest;
pub mod process;
mod rejecting;
mod state;
pub mod store;
#[cfg(test)]
mod testing;
pub mod visualize;

/// All nodes of this crate.
pub fn registry() -> Registry {
    Registry::new(
        [ingest::nodes(), process::nodes(), analyze::nodes(), visualize::nodes(), store::nodes()].into_iter().flatten(),
    )
}
