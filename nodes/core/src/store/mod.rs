//! The Store section: where rows go to stay.

pub mod discard;
pub mod file;
mod ordered;
mod place;
pub mod sqlite;

use std::sync::Arc;

use millrace_operator::{NodeType, node::erase};

/// The nodes of this section. Adding one is its file, its `mod` line and its line here.
pub fn nodes() -> Vec<Arc<dyn NodeType>> {
    vec![erase::<discard::Discard>(), erase::<file::StoreFile>(), erase::<sqlite::StoreSqlite>()]
}
