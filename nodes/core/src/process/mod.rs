//! The Process section: rows in, rows out.

use std::sync::Arc;

use millrace_operator::NodeType;
use millrace_operator::node::erase;

pub mod as_of_join;
pub mod changes;
pub mod deduplicate;
pub mod fill_gaps;
pub mod filter;
pub mod flatten;
pub mod interval_join;
pub mod limit;
pub mod lookup_join;
pub mod parse_text;
pub mod parse_timestamp;
pub mod pivot;
pub mod route;
pub mod sample;
pub mod select;
pub mod sort;
pub mod sql;
pub mod throttle;
pub mod union;
pub mod window_join;

/// The nodes of this section. Adding one is its file, its `mod` line and its line here.
pub fn nodes() -> Vec<Arc<dyn NodeType>> {
    vec![
        erase::<as_of_join::AsOfJoin>(),
        erase::<changes::Changes>(),
        erase::<deduplicate::Deduplicate>(),
        erase::<fill_gaps::FillGaps>(),
        erase::<filter::Filter>(),
        erase::<flatten::Flatten>(),
        erase::<interval_join::IntervalJoin>(),
        erase::<limit::Limit>(),
        erase::<lookup_join::LookupJoin>(),
        erase::<parse_text::ParseText>(),
        erase::<parse_timestamp::ParseTimestamp>(),
        erase::<pivot::Pivot>(),
        erase::<route::Route>(),
        erase::<sample::Sample>(),
        erase::<select::Select>(),
        erase::<sort::Sort>(),
        erase::<sql::Sql>(),
        erase::<throttle::Throttle>(),
        erase::<union::Union>(),
        erase::<window_join::WindowJoin>(),
    ]
}
