//! `process.throttle`: at most so many rows of a key in each stretch of event time.
//!
//! Holds for each key and stretch the rows that passed, until the watermark is past the stretch: rows for it are late from
//! then on. Rows in = rows passed + dropped + late.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, Int64Array, RecordBatch, UInt64Array};
use arrow::datatypes::{Int64Type, SchemaRef, UInt64Type};
use millrace_model::RowTrait;
use millrace_model::card::PortCard;
use millrace_model::{ColumnRef, Interval};
use millrace_operator::{
    BuildContext, CardText, Columns, InferContext, Machine, Node, NodeError, Operator, Output, Partitioning, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::rejecting::first_error;
use crate::state::keys::{KeyEncoder, KeyMap, key_columns, table_bytes};
use crate::state::lateness::{Lateness, event_time_index, late_port};
use crate::state::rows::emit_passing;
use crate::state::saved;

/// Passes at most so many rows of each key in each stretch of time, and leaves the others out.
///
/// With `rows` = 1, `per` = `1 min` and the key `device`:
///
/// | ts | device | |
/// | --- | --- | --- |
/// | 10:00:05 | a | passes |
/// | 10:00:40 | a | left out: the second of `a` in this minute |
/// | 10:00:40 | b | passes |
/// | 10:01:10 | a | passes |
///
/// Time is the **event time** of the rows, so a replay passes what the live run passed. Stretches are aligned to
/// 1970-01-01 00:00 UTC. Of the rows of one stretch those that arrive first pass; the others are counted. Rows that are
/// behind the watermark or have no time leave by the `late` port. A null key is a key like any other.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// How many rows pass in each stretch.
    #[serde(default = "one")]
    #[schemars(range(min = 1), extend("keeps_state" = true))]
    pub rows: u64,
    /// How long a stretch is, such as `1 min`.
    pub per: Interval,
    /// Counts for each combination of values of these columns. None: over all rows.
    #[serde(default)]
    pub keys: Vec<ColumnRef>,
}

fn one() -> u64 {
    1
}

pub struct Throttle;

const ROWS: usize = 0;
const LATE: usize = 1;

impl Node for Throttle {
    type Params = Params;
    const KIND: &'static str = "process.throttle";

    fn card() -> CardText {
        CardText::new("Throttle", "Passes at most so many rows of each key in a stretch of time", "speedometer")
            .can_bypass()
            .input(PortCard::rows("Rows with an event time.").needing(RowTrait::EventTime))
            .output(PortCard::rows("The first rows of each stretch."))
            .output(late_port())
            .headline("per")
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        plan(params, cx);
        vec![cx.input(), cx.input()]
    }

    fn partitioning(params: &Params) -> Partitioning {
        Partitioning::keyed(params.keys.iter().map(ColumnRef::as_str))
    }

    fn reads(_: &Params, wanted: &Wanted<'_>) -> Vec<Columns> {
        vec![wanted.output(ROWS).clone().and(wanted.output(LATE))]
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let inputs = [Some(cx.input().clone())];
        let mut found = InferContext::new(&inputs, None);
        let plan = plan(&params, &mut found);
        let Some((columns, time)) = plan.filter(|_| !found.has_errors()) else {
            return Err(first_error(found.into_problems()));
        };
        Ok(Machine::Operator(Box::new(ThrottleOperator {
            encoder: KeyEncoder::new(columns, cx.input())?,
            stretches: BTreeMap::new(),
            lateness: Lateness::new(time),
            limit: params.rows,
            per_us: params.per.as_micros(),
        })))
    }
}

/// The key columns and the event time.
fn plan(params: &Params, cx: &mut InferContext<'_>) -> Option<(Vec<usize>, usize)> {
    if params.per.as_micros() == 0 {
        cx.error("per", "no_size", "A stretch of time must last a microsecond at least; try `1 min`.");
    }
    if params.rows == 0 {
        cx.error("rows", "not_positive", "With 0 rows nothing can pass: write 1 or more.");
    }
    let input = cx.input()?;
    let columns = key_columns("keys", &params.keys, &input, cx);
    let time = event_time_index(cx, &input, "")?;
    Some((columns?, time))
}

struct ThrottleOperator {
    encoder: KeyEncoder,
    /// By the number of the stretch since 1970: the rows that passed, by key.
    stretches: BTreeMap<i64, KeyMap<u64>>,
    lateness: Lateness,
    limit: u64,
    per_us: i64,
}

impl Operator for ThrottleOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let in_time = self.lateness.sort_out(batch, LATE, out)?;
        let batch = in_time.batch;
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let keys = self.encoder.encode(&batch)?;
        let mut passes = Vec::with_capacity(batch.num_rows());
        let mut row = 0;
        while row < batch.num_rows() {
            // Neighbours mostly fall into one stretch.
            let stretch = in_time.times[row].div_euclid(self.per_us);
            let counts = self.stretches.entry(stretch).or_default();
            while row < batch.num_rows() && in_time.times[row].div_euclid(self.per_us) == stretch {
                let is_passing = match counts.get_mut(keys.get(row)) {
                    None => {
                        counts.insert(keys.get(row).into(), 1);
                        true
                    }
                    Some(count) if *count < self.limit => {
                        *count += 1;
                        true
                    }
                    Some(_) => false,
                };
                passes.push(is_passing);
                row += 1;
            }
        }
        emit_passing(batch, &BooleanArray::from(passes), ROWS, out)
    }

    fn on_watermark(&mut self, watermark_us: i64, _: &mut Output) -> Result<(), NodeError> {
        self.lateness.advance(watermark_us);
        let oldest = watermark_us.div_euclid(self.per_us);
        while self.stretches.first_key_value().is_some_and(|(stretch, _)| *stretch < oldest) {
            self.stretches.pop_first();
        }
        Ok(())
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        let mut tables = Vec::with_capacity(self.stretches.len());
        for (stretch, counts) in &self.stretches {
            let columns = self.encoder.decode(counts.keys().map(AsRef::as_ref))?;
            let stretches = Int64Array::from_value(*stretch, counts.len());
            let counts = UInt64Array::from_iter_values(counts.values().copied());
            tables.push(saved::table(columns, vec![Arc::new(stretches), Arc::new(counts)])?);
        }
        saved::to_bytes(&self.lateness.watermark_us, &tables)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let (watermark_us, tables) = saved::from_bytes_many(state)?;
        self.lateness.watermark_us = watermark_us;
        self.stretches.clear();
        for table in &tables {
            let (columns, [stretches, counts]) = saved::split_table::<2>(table)?;
            let stretches = stretches.as_primitive_opt::<Int64Type>().ok_or_else(saved::damaged)?;
            let counts = counts.as_primitive_opt::<UInt64Type>().ok_or_else(saved::damaged)?;
            let keys = self.encoder.encode_columns(&columns)?;
            for row in 0..table.num_rows() {
                let of_stretch = self.stretches.entry(stretches.value(row)).or_default();
                of_stretch.insert(keys.get(row).into(), counts.value(row));
            }
        }
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        self.stretches.values().map(table_bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Row, event_rows, ids};
    use millrace_operator::harness::{Harness, assert_node_contract};
    use proptest::prelude::*;
    use serde_json::json;
    use std::collections::HashMap;

    fn harness(params: serde_json::Value) -> Harness {
        Harness::new::<Throttle>(params, &[event_rows(&[]).schema()])
    }

    #[test]
    fn it_keeps_the_contract() {
        assert_node_contract::<Throttle>(json!({"per": "10 s", "keys": ["key"]}), &[event_rows(&[]).schema()]);
    }

    #[test]
    fn the_first_rows_of_each_stretch_pass() {
        let harness = harness(json!({"per": "10 s"}));
        let mut run = harness.operator();
        run.push(event_rows(&[(Some(1), Some("a"), 0), (Some(9), None, 1), (Some(-1), None, 2)])).restart();
        run.push(event_rows(&[(Some(2), Some("b"), 3), (Some(10), None, 4), (None, None, 5)])).push(event_rows(&[]));
        run.watermark(10_000_000).restart().push(event_rows(&[(Some(3), None, 6), (Some(11), None, 7)])).end();
        assert_eq!(ids(&run.gathered, "rows"), [0, 2, 4]);
        assert_eq!(ids(&run.gathered, "late"), [5, 6]);
        assert_eq!(run.gathered.rows_dropped, 3);
        assert_eq!(run.operator().state_bytes(), 0);
    }

    proptest! {
        #[test]
        fn it_is_the_same_as_counting_every_row(
            rows in prop::collection::vec((0..60i64, prop::sample::select(vec![None, Some("a"), Some("b")])), 0..80),
            batch_size in 1..9usize,
            limit in 1..4u64,
        ) {
            let rows: Vec<Row> = rows.iter().enumerate().map(|(id, row)| (Some(row.0), row.1, id as i64)).collect();
            let harness = harness(json!({"per": "7 s", "rows": limit, "keys": ["key"]}));
            let mut run = harness.operator();
            let (mut counts, mut passed, mut mark) = (HashMap::new(), Vec::new(), i64::MIN);
            for part in rows.chunks(batch_size) {
                for (time, key, id) in part.iter().filter(|row| row.0 >= Some(mark)) {
                    let count = counts.entry((time.expect("a time") / 7, *key)).or_insert(0);
                    *count += 1;
                    if *count <= limit {
                        passed.push(*id);
                    }
                }
                run.push(event_rows(part)).restart();
                mark = mark.max(part.iter().filter_map(|row| row.0).max().unwrap_or(0) - 15);
                run.watermark(mark * 1_000_000);
            }
            prop_assert_eq!(ids(&run.gathered, "rows"), passed);
            let all = run.gathered.num_rows() as u64 + run.gathered.rows_dropped;
            prop_assert_eq!(all, rows.len() as u64);
        }
    }
}
