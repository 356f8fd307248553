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
pub mod nested_input;
pub mod nested_output;
pub mod nested_pipeline;
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
        erase::<nested_input::NestedInput>(),
        erase::<nested_output::NestedOutput>(),
        erase::<nested_pipeline::NestedPipeline>(),
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

#[cfg(test)]
mod tests {
    use millrace_model::event_time::event_time_column;
    use millrace_operator::harness::Harness;
    use millrace_operator::output::Emitted;
    use millrace_operator::time::event_times;
    use millrace_operator::{Machine, Output};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::testing::{Row, event_rows};

    /// Nodes that hold rows back or give watermarks of their own, with their number of inputs.
    fn holding() -> Vec<(Harness, usize)> {
        let schema = event_rows(&[]).schema();
        let two = [schema.clone(), schema.clone()];
        let one = &two[..1];
        let keys = json!([{"left": "key"}]);
        let mut nodes = vec![
            (Harness::new::<sort::Sort>(json!({}), one), 1),
            (Harness::new::<pivot::Pivot>(json!({"name": "key", "value": "id", "names": ["a"]}), one), 1),
            (Harness::new::<sql::Sql>(json!({"query": "SELECT id FROM input", "window": "7 s"}), one), 1),
            (Harness::new::<as_of_join::AsOfJoin>(json!({ "keys": keys }), &two), 2),
        ];
        for method in ["previous", "linear", "null"] {
            let params = json!({"every": "3 s", "keys": ["key"], "method": method, "max_gap": "9 s"});
            nodes.push((Harness::new::<fill_gaps::FillGaps>(params, one), 1));
        }
        for kind in ["inner", "left", "right", "full"] {
            let params = json!({"keys": keys, "size": "9 s", "slide": "3 s", "kind": kind});
            nodes.push((Harness::new::<window_join::WindowJoin>(params, &two), 2));
            for (before, at_least) in [("4 s", "0 s"), ("0 s", "2 s")] {
                let params =
                    json!({"keys": keys, "before": before, "at_least": at_least, "after": "6 s", "kind": kind});
                nodes.push((Harness::new::<interval_join::IntervalJoin>(params, &two), 2));
            }
        }
        nodes
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn no_result_is_older_than_the_watermark_that_went_before_it(
            rows in prop::collection::vec(
                (0..2usize, 0..60i64, prop::sample::select(vec![None, Some("a"), Some("b")])), 0..60),
            batch_size in 1..9usize,
            lag in 0..20i64,
        ) {
            for (harness, num_inputs) in holding() {
                let schema = harness.schema_of("rows");
                let time = event_time_column(&schema).and_then(|name| schema.index_of(name).ok());
                let Machine::Operator(mut operator) = harness.build() else { panic!("an operator") };
                let (mut out, mut mark, mut passed_on) = (Output::default(), i64::MIN, i64::MIN);
                let parts = rows.chunks(batch_size).map(Some).chain([None]);
                for part in parts {
                    for input in 0..num_inputs {
                        let of_input = part.into_iter().flatten().filter(|row| row.0 % num_inputs == input);
                        let of_input: Vec<Row> = of_input.map(|row| (Some(row.1), row.2, row.1)).collect();
                        operator.on_batch(input, event_rows(&of_input), &mut out).expect("goes on");
                    }
                    mark = match part {
                        Some(part) => mark.max((part.iter().map(|row| row.1).max().unwrap_or(0) - lag) * 1_000_000),
                        None => i64::MAX,
                    };
                    operator.on_watermark(mark, &mut out).expect("goes on");
                    if !operator.makes_watermarks() {
                        out.watermark(mark);
                    }
                    for emitted in out.take() {
                        match (emitted, time) {
                            (Emitted::Watermark(advanced), _) => {
                                prop_assert!(advanced >= passed_on, "a watermark never goes back");
                                passed_on = advanced;
                            }
                            (Emitted::Batch(0, batch), Some(time)) => {
                                let times = event_times(batch.column(time)).expect("a time");
                                for time in times.iter() {
                                    prop_assert!(time.is_some_and(|time| time >= passed_on), "{time:?} {passed_on}");
                                }
                            }
                            (Emitted::Batch(..), _) => {}
                        }
                    }
                }
                prop_assert_eq!(passed_on, i64::MAX);
            }
        }
    }
}
