//! `process.sort`: rows in the order of their event time.
//!
//! Holds each row until the watermark has passed its time: then nothing older can come but late rows, which leave by
//! `late`. Rows of one time keep their order of arrival. Rows in = rows out + late + held.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use millrace_model::RowTrait;
use millrace_model::card::PortCard;
use millrace_operator::{
    BuildContext, CardText, InferContext, Machine, Node, NodeError, Operator, Output, Partitioning,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rejecting::first_error;
use crate::state::lateness::{Lateness, event_time_index, late_port};
use crate::state::saved;
use crate::state::waiting::Waiting;

/// Puts rows that arrive out of order into the order of their event time.
///
/// | in, by arrival | out |
/// | --- | --- |
/// | 10:00:01 | 10:00:01 |
/// | 10:00:04 | 10:00:02 |
/// | 10:00:02 | 10:00:03 |
/// | 10:00:03 | 10:00:04 |
///
/// A row is held until event time has passed it, that is for as long as the source's *max out of orderness* says; at
/// the end of the input all rows leave. Rows of one time keep the order in which they arrived. A row that is behind the
/// watermark or has no time cannot be put in its place any more and leaves by the `late` port.
///
/// Windows and joins need no sorted rows. **Changes** and a file that people read do.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {}

pub struct Sort;

const ROWS: usize = 0;
const LATE: usize = 1;

/// Rows leave in batches of so many.
const BATCH_ROWS: usize = 8_192;

impl Node for Sort {
    type Params = Params;
    const KIND: &'static str = "process.sort";

    fn card() -> CardText {
        CardText::new("Sort", "Puts rows into the order of their event time", "sort-ascending")
            .can_bypass()
            .input(PortCard::rows("Rows with an event time, out of order.").needing(RowTrait::EventTime))
            .output(PortCard::rows("The same rows, sorted."))
            .output(late_port())
    }

    fn infer(_: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        if let Some(input) = cx.input() {
            event_time_index(cx, &input, "");
        }
        vec![cx.input(), cx.input()]
    }

    fn partitioning(_: &Params) -> Partitioning {
        Partitioning::Single
    }

    fn build(_: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let inputs = [Some(cx.input().clone())];
        let mut found = InferContext::new(&inputs, None);
        let Some(time) = event_time_index(&mut found, cx.input(), "") else {
            return Err(first_error(found.into_problems()));
        };
        Ok(Machine::Operator(Box::new(SortOperator {
            lateness: Lateness::new(time),
            waiting: Waiting::new(cx.input().clone()),
        })))
    }
}

struct SortOperator {
    lateness: Lateness,
    waiting: Waiting,
}

impl SortOperator {
    /// Emits the rows that the watermark has passed.
    fn release(&mut self, watermark_us: i64, out: &mut Output) -> Result<(), NodeError> {
        loop {
            let passed = self.waiting.take_passed(watermark_us, BATCH_ROWS);
            if passed.is_empty() {
                return Ok(());
            }
            let numbers: Vec<u64> = passed.into_iter().map(|(_, number)| number).collect();
            out.emit(ROWS, self.waiting.rows.take(&numbers)?);
            for number in numbers {
                self.waiting.rows.free(number)?;
            }
        }
    }
}

impl Operator for SortOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let in_time = self.lateness.sort_out(batch, LATE, out)?;
        self.waiting.hold(in_time.batch, &in_time.times)
    }

    fn on_watermark(&mut self, watermark_us: i64, out: &mut Output) -> Result<(), NodeError> {
        self.lateness.advance(watermark_us);
        self.release(watermark_us, out)
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        saved::to_bytes(&self.lateness.watermark_us, &[self.waiting.rows.all()?.0])
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let (watermark_us, [rows]) = saved::from_bytes(state)?;
        self.lateness.watermark_us = watermark_us;
        let times = self.lateness.times(&rows)?.values().to_vec();
        self.waiting.hold(rows, &times)
    }

    fn state_bytes(&self) -> usize {
        self.waiting.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Row, event_rows, ids};
    use millrace_operator::harness::{Harness, assert_node_contract};
    use proptest::prelude::*;
    use serde_json::json;

    fn harness() -> Harness {
        Harness::new::<Sort>(json!({}), &[event_rows(&[]).schema()])
    }

    #[test]
    fn it_keeps_the_contract() {
        assert_node_contract::<Sort>(json!({}), &[event_rows(&[]).schema()]);
    }

    #[test]
    fn rows_are_held_until_the_watermark_has_passed_them() {
        let harness = harness();
        let mut run = harness.operator();
        run.push(event_rows(&[(Some(5), None, 0), (Some(3), None, 1), (Some(5), None, 2), (None, None, 3)]));
        run.watermark(3_000_000);
        assert_eq!(ids(&run.gathered, "rows"), [] as [i64; 0]);
        run.restart().push(event_rows(&[(Some(3), None, 4), (Some(2), None, 5)])).watermark(5_000_000);
        assert_eq!(ids(&run.gathered, "rows"), [1, 4]);
        run.push(event_rows(&[])).restart().end();
        assert_eq!(ids(&run.gathered, "rows"), [1, 4, 0, 2]);
        assert_eq!(ids(&run.gathered, "late"), [3, 5]);
        assert!(run.operator().state_bytes() < 1_000);
    }

    #[test]
    fn without_event_time_it_says_what_to_do() {
        let plain = arrow::datatypes::Schema::empty();
        let problems = Harness::try_new::<Sort>(json!({}), &[plain.into()]).err().expect("a problem");
        assert!(problems[0].message.contains("Parse timestamp"), "{problems:?}");
    }

    proptest! {
        #[test]
        fn it_is_the_same_as_sorting_all_rows_that_are_in_time(
            times in prop::collection::vec(0..60i64, 0..200),
            batch_size in 1..20usize,
            lag in 0..30i64,
        ) {
            let rows: Vec<Row> = times.iter().enumerate().map(|(id, time)| (Some(*time), None, id as i64)).collect();
            let harness = harness();
            let mut run = harness.operator();
            let (mut mark, mut expected) = (i64::MIN, Vec::new());
            for part in rows.chunks(batch_size) {
                expected.extend(part.iter().filter(|row| row.0 >= Some(mark)).copied());
                mark = mark.max(part.iter().filter_map(|row| row.0).max().unwrap_or(0) - lag);
                run.push(event_rows(part)).watermark(mark * 1_000_000).restart();
            }
            run.end();
            expected.sort_by_key(|row| row.0);
            prop_assert_eq!(ids(&run.gathered, "rows"), expected.iter().map(|row| row.2).collect::<Vec<_>>());
            prop_assert_eq!(run.gathered.num_rows(), rows.len());
        }
    }
}
