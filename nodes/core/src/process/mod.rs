//! The Process section: rows in, rows out, one at a time.

use std::sync::Arc;

use millrace_operator::NodeType;
use millrace_operator::node::erase;

pub mod filter;
pub mod parse_text;
pub mod parse_timestamp;
pub mod route;
pub mod select;
pub mod union;

/// The nodes of this section. Adding one is its file, its `mod` line and its line here.
pub fn nodes() -> Vec<Arc<dyn NodeType>> {
    vec![
        erase::<filter::Filter>(),
        erase::<parse_text::ParseText>(),
        erase::<parse_timestamp::ParseTimestamp>(),
        erase::<route::Route>(),
        erase::<select::Select>(),
        erase::<union::Union>(),
    ]
}
