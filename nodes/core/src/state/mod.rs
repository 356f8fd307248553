//! What nodes with state share: keys as bytes, rows that are held for a while, lateness, and state as bytes.
//!
//! Nothing here knows a node. The pieces hold data only; when a row is needed no more is decided by the node.

pub(crate) mod joining;
pub(crate) mod keys;
pub(crate) mod lateness;
pub(crate) mod rows;
pub(crate) mod saved;
pub(crate) mod waiting;
