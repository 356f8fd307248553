//! `process.deduplicate`: of rows with the same key, the first.
//!
//! Holds for each key the time of the row that passed last. Without `within` a key is held for good; with it, until the
//! watermark is so far past that time that every row still to come passes anyway. So when a key is forgotten cannot be
//! seen from outside. Rows in = rows passed + dropped + late.

use arrow::array::{AsArray, BooleanArray, Int64Array, RecordBatch};
use arrow::datatypes::{Int64Type, SchemaRef};
use millrace_model::card::PortCard;
use millrace_model::{ColumnRef, Interval};
use millrace_operator::{
    BuildContext, CardText, Columns, InferContext, Machine, Node, NodeError, Operator, Output, Partitioning, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rejecting::first_error;
use crate::state::keys::{KeyEncoder, KeyMap, is_key, key_columns, table_bytes};
use crate::state::lateness::{Lateness, event_time_index, late_port};
use crate::state::rows::emit_passing;
use crate::state::saved;

/// Passes the first of the rows that have the same key, and leaves the others out.
///
/// With the key `id` and `within` = `10 min`:
///
/// | ts | id | |
/// | --- | --- | --- |
/// | 10:00 | a | passes |
/// | 10:05 | a | left out: less than 10 min after the row that passed |
/// | 10:05 | b | passes |
/// | 10:10 | a | passes |
///
/// Of equal rows the one that **arrives** first passes. A row that arrives out of order, with a time before that of the
/// row that passed, is left out too. Rows that are left out are counted. A null key is a key like any other.
///
/// Without `within`, every key is remembered for as long as the pipeline runs, and memory grows with their number. With
/// it, a key is forgotten once event time is past it; rows that are behind the watermark or have no time then leave by
/// the `late` port.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Rows with equal values in these columns are the same. None: all columns must be equal.
    #[serde(default)]
    pub keys: Vec<ColumnRef>,
    /// For how long after a row that passed, by event time, rows of its key are left out. Zero: for good.
    #[serde(default)]
    pub within: Interval,
}

pub struct Deduplicate;

const ROWS: usize = 0;
const LATE: usize = 1;

impl Node for Deduplicate {
    type Params = Params;
    const KIND: &'static str = "process.deduplicate";

    fn card() -> CardText {
        CardText::new("Deduplicate", "Passes the first of the rows that have the same key", "copy-simple")
            .can_bypass()
            .input(PortCard::rows("Rows, some of them more than once."))
            .output(PortCard::rows("The first row of each key."))
            .output(late_port())
            .headline("within")
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        plan(params, cx);
        vec![cx.input(), cx.input()]
    }

    fn partitioning(params: &Params) -> Partitioning {
        Partitioning::keyed(params.keys.iter().map(ColumnRef::as_str))
    }

    fn reads(params: &Params, wanted: &Wanted<'_>) -> Vec<Columns> {
        if params.keys.is_empty() {
            return wanted.everything();
        }
        vec![wanted.output(ROWS).clone().and(wanted.output(LATE))]
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let inputs = [Some(cx.input().clone())];
        let mut found = InferContext::new(&inputs, None);
        let plan = plan(&params, &mut found);
        let Some((columns, lateness)) = plan.filter(|_| !found.has_errors()) else {
            return Err(first_error(found.into_problems()));
        };
        Ok(Machine::Operator(Box::new(DeduplicateOperator {
            encoder: KeyEncoder::new(columns, cx.input())?,
            passed: KeyMap::default(),
            lateness,
            within_us: params.within.as_micros(),
            forget_at_us: None,
        })))
    }
}

/// The key columns, and with `within` how late rows are found.
fn plan(params: &Params, cx: &mut InferContext<'_>) -> Option<(Vec<usize>, Option<Lateness>)> {
    let input = cx.input()?;
    let columns = if params.keys.is_empty() {
        let fields = input.fields().iter();
        let are_keys: Vec<bool> = fields.map(|field| is_key("keys", field.name(), field.data_type(), cx)).collect();
        are_keys.iter().all(|is_key| *is_key).then(|| (0..input.fields().len()).collect())
    } else {
        key_columns("keys", &params.keys, &input, cx)
    };
    let lateness = match params.within.is_zero() {
        true => None,
        false => Some(Lateness::new(event_time_index(cx, &input, "")?)),
    };
    Some((columns?, lateness))
}

struct DeduplicateOperator {
    encoder: KeyEncoder,
    /// The time of the row that passed last.
    passed: KeyMap<i64>,
    /// `None` where keys are held for good.
    lateness: Option<Lateness>,
    within_us: i64,
    /// At this watermark the table is looked through again.
    forget_at_us: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    watermark_us: Option<i64>,
}

impl Operator for DeduplicateOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let (batch, times) = match &self.lateness {
            None => (batch, None),
            Some(lateness) => {
                let in_time = lateness.sort_out(batch, LATE, out)?;
                (in_time.batch, Some(in_time.times))
            }
        };
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let keys = self.encoder.encode(&batch)?;
        let mut passes = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let time_us = times.as_ref().map_or(0, |times| times[row]);
            let is_new = match self.passed.get_mut(keys.get(row)) {
                None => {
                    self.passed.insert(keys.get(row).into(), time_us);
                    true
                }
                Some(passed_us) if times.is_some() && time_us >= passed_us.saturating_add(self.within_us) => {
                    *passed_us = time_us;
                    true
                }
                Some(_) => false,
            };
            passes.push(is_new);
        }
        emit_passing(batch, &BooleanArray::from(passes), ROWS, out)
    }

    fn on_watermark(&mut self, watermark_us: i64, _: &mut Output) -> Result<(), NodeError> {
        let Some(lateness) = &mut self.lateness else { return Ok(()) };
        lateness.advance(watermark_us);
        // A quarter of the span between two looks: each key is looked at a few times only.
        if self.forget_at_us.is_none_or(|forget_at_us| watermark_us >= forget_at_us) {
            self.passed.retain(|_, passed_us| passed_us.saturating_add(self.within_us) > watermark_us);
            self.passed.shrink_to(self.passed.len() * 2);
            self.forget_at_us = Some(watermark_us.saturating_add(self.within_us / 4 + 1));
        }
        Ok(())
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        let times = Int64Array::from_iter_values(self.passed.values().copied());
        let columns = self.encoder.decode(self.passed.keys().map(AsRef::as_ref))?;
        let header = Header { watermark_us: self.lateness.and_then(|lateness| lateness.watermark_us) };
        saved::to_bytes(&header, &[saved::table(columns, vec![std::sync::Arc::new(times)])?])
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let (header, [table]) = saved::from_bytes::<Header, 1>(state)?;
        if let (Some(lateness), Some(watermark_us)) = (&mut self.lateness, header.watermark_us) {
            lateness.advance(watermark_us);
        }
        let (columns, values) = saved::split_table::<1>(&table)?;
        let times = values[0].as_primitive_opt::<Int64Type>().ok_or_else(saved::damaged)?;
        let keys = self.encoder.encode_columns(&columns)?;
        self.passed = times.values().iter().enumerate().map(|(row, time)| (keys.get(row).into(), *time)).collect();
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        table_bytes(&self.passed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::testing::{Row, event_rows, ids};
    use millrace_operator::harness::{Harness, assert_node_contract};
    use proptest::prelude::*;
    use serde_json::json;

    fn harness(params: serde_json::Value) -> Harness {
        Harness::new::<Deduplicate>(params, &[event_rows(&[]).schema()])
    }

    #[test]
    fn it_keeps_the_contract() {
        assert_node_contract::<Deduplicate>(json!({"keys": ["key"], "within": "10 s"}), &[event_rows(&[]).schema()]);
        assert_node_contract::<Deduplicate>(json!({}), &[event_rows(&[]).schema()]);
    }

    #[test]
    fn the_first_row_of_a_key_passes_and_again_after_the_span() {
        let harness = harness(json!({"keys": ["key"], "within": "10 s"}));
        let mut run = harness.operator();
        run.push(event_rows(&[(Some(0), Some("a"), 0), (Some(9), Some("a"), 1), (Some(9), None, 2)])).restart();
        run.push(event_rows(&[(Some(10), Some("a"), 3), (Some(8), Some("a"), 4), (Some(9), None, 5), (None, None, 6)]));
        run.watermark(15_000_000)
            .restart()
            .push(event_rows(&[(Some(14), Some("b"), 7), (Some(15), Some("b"), 8)]))
            .end();
        assert_eq!(ids(&run.gathered, "rows"), [0, 2, 3, 8]);
        assert_eq!(ids(&run.gathered, "late"), [6, 7]);
        assert_eq!(run.gathered.rows_dropped, 3);
    }

    #[test]
    fn without_keys_whole_rows_are_compared_and_without_a_span_for_good() {
        let harness = harness(json!({}));
        let mut run = harness.operator();
        run.push(event_rows(&[(Some(0), Some("a"), 0), (None, Some("a"), 0), (Some(0), Some("a"), 0)])).restart();
        run.push(event_rows(&[])).push(event_rows(&[(Some(0), Some("a"), 0), (Some(0), Some("a"), 1)])).end();
        assert_eq!(ids(&run.gathered, "rows"), [0, 0, 1]);
        assert_eq!((run.gathered.rows_dropped, run.gathered.rows_at("late")), (2, 0));
    }

    #[test]
    fn keys_that_no_row_can_need_are_forgotten() {
        let harness = harness(json!({"keys": ["id"], "within": "10 s"}));
        let mut run = harness.operator();
        let rows: Vec<Row> = (0..5_000).map(|id| (Some(0), None, id)).collect();
        run.push(event_rows(&rows));
        let held = run.operator().state_bytes();
        run.watermark(10_000_000);
        assert!(run.operator().state_bytes() * 20 < held, "{held}");
    }

    proptest! {
        #[test]
        fn it_is_the_same_as_looking_at_every_row_that_passed(
            rows in prop::collection::vec((0..60i64, prop::sample::select(vec![None, Some("a"), Some("b")])), 0..80),
            batch_size in 1..9usize,
            lag in 0..20i64,
        ) {
            let rows: Vec<Row> = rows.iter().enumerate().map(|(id, row)| (Some(row.0), row.1, id as i64)).collect();
            let harness = harness(json!({"keys": ["key"], "within": "7 s"}));
            let mut run = harness.operator();
            let (mut mark, mut newest) = (i64::MIN, BTreeMap::new());
            let (mut passed, mut late) = (Vec::new(), Vec::new());
            for part in rows.chunks(batch_size) {
                for (time, key, id) in part {
                    let time = time.expect("a time");
                    if time < mark {
                        late.push(*id);
                    } else if newest.get(key).is_none_or(|newest| time >= newest + 7) {
                        newest.insert(*key, time);
                        passed.push(*id);
                    }
                }
                run.push(event_rows(part));
                mark = mark.max(part.iter().filter_map(|row| row.0).max().unwrap_or(i64::MIN) - lag);
                run.watermark(mark * 1_000_000).restart();
            }
            prop_assert_eq!(ids(&run.gathered, "rows"), passed);
            prop_assert_eq!(ids(&run.gathered, "late"), late);
        }
    }
}
