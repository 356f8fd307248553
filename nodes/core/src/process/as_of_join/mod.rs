//! `process.as_of_join`: for each row of the left, the newest row of the right at its time.
//!
//! Holds the rows of the left until the watermark has passed them, since a better partner may come until then; and of the
//! right, for each key, the rows from the newest one that is not after the watermark. Rows of the left leave by their
//! time. A row of the right is dropped (and counted) when it goes without ever having been a partner.

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use millrace_model::Interval;
use millrace_model::event_time::with_event_time;
use millrace_operator::{
    BuildContext, CardText, InferContext, Machine, Node, NodeError, Operator, Output, Partitioning,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rejecting::first_error;
use crate::state::joining::{
    BATCH_ROWS, Entry, KeyPair, LEFT, LookupKind, Pairs, RIGHT, Side, default_suffix, joined_fields, key_indices,
    late_port, partitioning, with_ports,
};
use crate::state::keys::KeyEncoder;
use crate::state::lateness::{Lateness, event_time_index};
use crate::state::saved;
use crate::state::waiting::Waiting;

#[cfg(test)]
mod tests;

/// Joins each row of the left with the newest row of the right at its time: the price when an order came, the settings of
/// a machine when it measured.
///
/// With the key `item`:
///
/// | left: ts | item | | right: ts | item | price | | out: ts | item | price |
/// | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
/// | 10:05 | a | | 10:00 | a | 3 | | 10:05 | a | 3 |
/// | 10:12 | a | | 10:10 | a | 4 | | 10:12 | a | 4 |
/// | 10:12 | b | | 10:13 | b | 9 | | 10:12 | b | *null*: it came later |
///
/// (The columns `ts_right` and `item_right` are left out here.) The partner is the last row of the right with equal keys
/// whose event time is not after that of the left, and not more than `tolerance` before it; of several rows of one time it
/// is the one that arrived last. A row of the left leaves when event time has passed it. A key with a null has no partner.
///
/// With the kind `inner`, rows of the left without a partner are left out and counted. Rows that are behind the watermark
/// or have no time leave by `left_late` and `right_late`. Rows of the right that never were a partner are counted as left
/// out. The event time of the results is that of the left.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The columns that must be equal. None: the newest row of all.
    #[serde(default)]
    pub keys: Vec<KeyPair>,
    /// How old a partner may be. Zero: as old as it is; the newest row of every key is then held for good.
    #[serde(default)]
    pub tolerance: Interval,
    /// What becomes of a row of the left without a partner.
    #[serde(default)]
    pub kind: LookupKind,
    /// What is put behind the name of a column of the right that the left has too.
    #[serde(default = "default_suffix")]
    pub suffix: String,
}

pub struct AsOfJoin;

impl Node for AsOfJoin {
    type Params = Params;
    const KIND: &'static str = "process.as_of_join";

    fn card() -> CardText {
        let card = CardText::new(
            "As-of join",
            "Joins each row with the newest one of another stream",
            "clock-counter-clockwise",
        )
        .can_bypass();
        with_ports(card, "The rows of the left with the columns of their partner.").headline("tolerance")
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        let schema = plan(params, cx).map(|plan| plan.schema);
        vec![schema, cx.inputs.first().cloned().flatten(), cx.inputs.get(RIGHT).cloned().flatten()]
    }

    fn partitioning(params: &Params) -> Partitioning {
        partitioning(&params.keys)
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let inputs: Vec<Option<SchemaRef>> = cx.inputs.iter().cloned().map(Some).collect();
        let mut found = InferContext::new(&inputs, None);
        let plan = plan(&params, &mut found);
        let Some(plan) = plan.filter(|_| !found.has_errors()) else {
            return Err(first_error(found.into_problems()));
        };
        let [left_keys, right_keys] = plan.keys;
        Ok(Machine::Operator(Box::new(AsOfJoinOperator {
            lateness: Lateness::new(plan.times[LEFT]),
            keys: KeyEncoder::new(left_keys, &cx.inputs[LEFT])?,
            left: Waiting::new(cx.inputs[LEFT].clone()),
            right: Side::new(&cx.inputs[RIGHT], right_keys, plan.times[RIGHT])?,
            pairs: Pairs::new(plan.schema),
            tolerance_us: Some(params.tolerance.as_micros()).filter(|tolerance_us| *tolerance_us > 0),
            kind: params.kind,
            num_dropped: 0,
        })))
    }
}

struct Plan {
    schema: SchemaRef,
    keys: [Vec<usize>; 2],
    times: [usize; 2],
}

/// What the params mean for the inputs; faults are reported in `cx`.
fn plan(params: &Params, cx: &mut InferContext<'_>) -> Option<Plan> {
    let (left, right) = (cx.inputs.first().cloned().flatten(), cx.inputs.get(RIGHT).cloned().flatten());
    let (left, right) = (left?, right?);
    let keys = key_indices(&params.keys, [&left, &right], cx);
    let times = [event_time_index(cx, &left, "left"), event_time_index(cx, &right, "right")];
    let fields = joined_fields([&left, &right], &params.suffix, &[], cx);
    let (keys, times) = (keys?, [times[LEFT]?, times[RIGHT]?]);
    let event_time = fields[times[LEFT]].name().clone();
    Some(Plan { schema: with_event_time(&Schema::new(fields), Some(&event_time)), keys, times })
}

struct AsOfJoinOperator {
    lateness: Lateness,
    keys: KeyEncoder,
    left: Waiting,
    right: Side,
    pairs: Pairs,
    tolerance_us: Option<i64>,
    kind: LookupKind,
    /// Not told yet.
    num_dropped: usize,
}

#[derive(Serialize, Deserialize)]
struct Header {
    watermark_us: Option<i64>,
    num_dropped: usize,
}

impl AsOfJoinOperator {
    /// Emits the rows of the left that the watermark has passed.
    fn release(&mut self, watermark_us: i64, out: &mut Output) -> Result<(), NodeError> {
        loop {
            let passed = self.left.take_passed(watermark_us, BATCH_ROWS);
            if passed.is_empty() {
                return Ok(());
            }
            self.join(&passed, out)?;
        }
    }

    fn join(&mut self, leaving: &[(i64, u64)], out: &mut Output) -> Result<(), NodeError> {
        let numbers: Vec<u64> = leaving.iter().map(|(_, number)| *number).collect();
        let keys = self.keys.encode_held(&self.left.rows, &numbers)?;
        for (row, (time_us, number)) in leaving.iter().enumerate() {
            let oldest_us = self.tolerance_us.map(|tolerance_us| time_us.saturating_sub(tolerance_us));
            let candidates = if keys.is_null(row) { &mut [] } else { self.right.of_key_mut(keys.get(row)) };
            let newer = candidates.partition_point(|entry| entry.time_us <= *time_us);
            let partner = candidates[..newer].last_mut();
            match partner.filter(|entry| oldest_us.is_none_or(|oldest_us| entry.time_us >= oldest_us)) {
                Some(entry) => {
                    entry.is_matched = true;
                    self.pairs.push(LEFT, *number, Some(entry.number));
                }
                None if self.kind == LookupKind::Left => self.pairs.push(LEFT, *number, None),
                None => self.num_dropped += 1,
            }
        }
        self.pairs.emit([&self.left.rows, &self.right.rows], &[], out)?;
        for number in numbers {
            self.left.rows.free(number)?;
        }
        Ok(())
    }

    /// Gives up the rows of the right that no row of the left can need any more.
    fn sweep(&mut self, watermark_us: i64) -> Result<(), NodeError> {
        let oldest_us = self.tolerance_us.map(|tolerance_us| watermark_us.saturating_sub(tolerance_us));
        let num_gone = |entries: &[Entry]| {
            if watermark_us == i64::MAX {
                return entries.len();
            }
            // What is still to come is not older than the watermark: before it only the newest row counts.
            let superseded = entries.partition_point(|entry| entry.time_us <= watermark_us).saturating_sub(1);
            let too_old = oldest_us.map_or(0, |oldest_us| entries.partition_point(|entry| entry.time_us < oldest_us));
            superseded.max(too_old)
        };
        self.num_dropped += self.right.sweep(watermark_us, num_gone)?.num_unmatched;
        Ok(())
    }
}

impl Operator for AsOfJoinOperator {
    fn on_batch(&mut self, side: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let lateness = if side == LEFT { self.lateness } else { self.right.lateness };
        let in_time = lateness.sort_out(batch, late_port(side), out)?;
        if side == LEFT {
            return self.left.hold(in_time.batch, &in_time.times);
        }
        let keys = self.right.keys_of(&in_time.batch)?;
        let first = self.right.rows.push(in_time.batch)?;
        for (row, (time_us, number)) in in_time.times.into_iter().zip(first..).enumerate() {
            if keys.is_null(row) {
                out.drop_rows(1);
                self.right.rows.free(number)?;
            } else {
                self.right.insert(keys.get(row), Entry { time_us, number, is_matched: false });
            }
        }
        Ok(())
    }

    fn on_watermark(&mut self, watermark_us: i64, out: &mut Output) -> Result<(), NodeError> {
        self.lateness.advance(watermark_us);
        self.right.lateness.advance(watermark_us);
        self.release(watermark_us, out)?;
        if self.right.is_sweep_due(watermark_us, self.tolerance_us.unwrap_or(0)) {
            self.sweep(watermark_us)?;
        }
        out.drop_rows(std::mem::take(&mut self.num_dropped));
        Ok(())
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        let watermark_us = self.lateness.watermark_us;
        // Rows that nothing waits for are not worth a place.
        if let Some(watermark_us) = watermark_us {
            self.sweep(watermark_us)?;
        }
        let header = Header { watermark_us, num_dropped: self.num_dropped };
        let [right, flags] = self.right.save()?;
        saved::to_bytes(&header, &[self.left.rows.all()?.0, right, flags])
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let (header, [left, right, flags]) = saved::from_bytes::<Header, 3>(state)?;
        self.lateness.watermark_us = header.watermark_us;
        self.right.lateness.watermark_us = header.watermark_us;
        self.num_dropped = header.num_dropped;
        let times = self.lateness.times(&left)?.values().to_vec();
        self.left.hold(left, &times)?;
        self.right.restore(right, &flags, |_, _| {})
    }

    fn state_bytes(&self) -> usize {
        self.left.bytes() + self.right.state_bytes()
    }
}
