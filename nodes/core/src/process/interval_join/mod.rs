//! `process.interval_join`: rows of two streams with equal keys whose times are near each other.
//!
//! Holds the rows of both sides by key and time, each until the watermark says that no partner can come any more. A pair
//! leaves when the later of its two rows arrives; a row without a partner when it is let go. Where the event time of the
//! results is that of the left, a pair may be as much older than the watermark as `upper` says, so the watermark that
//! goes with the results stays that much behind (likewise with the right and `lower`); with the kind `full` there is no
//! time that every result has.

use std::collections::BTreeSet;

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
    BATCH_ROWS, Entry, JoinKind, KeyPair, LEFT, Pairs, RIGHT, Side, default_suffix, joined_fields, key_indices,
    late_port, partitioning, with_ports,
};
use crate::state::lateness::event_time_index;
use crate::state::saved;

#[cfg(test)]
mod tests;

/// Joins rows of two streams that have equal keys and happened at about the same time.
///
/// A row of the right is a partner when its event time is at most `before` earlier and at most `after` later than that of
/// the left; with `at_least`, when it is that much later at least.
///
/// With the key `order`, `before` = `0 s` and `after` = `10 min`:
///
/// | left: ts | order | | right: ts | order | paid | | out: ts | order | ts_right | order_right | paid |
/// | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
/// | 10:00 | 1 | | 10:07 | 1 | 20 | | 10:00 | 1 | 10:07 | 1 | 20 |
/// | 10:00 | 2 | | 10:30 | 2 | 35 | | *no pair: 30 min apart* | | | | |
///
/// Each pair leaves once, as soon as both rows are there. The kind says which rows leave without a partner: with `left`,
/// order 2 leaves with nulls once no partner can come any more. With `inner`, rows without a partner are left out and
/// counted. A key with a null has no partner. Rows that are behind the watermark or have no time leave by `left_late`
/// and `right_late`.
///
/// Memory holds the rows of both sides for `before` plus `after`, and as long as one stream is behind the other. The
/// event time of the results is that of the left, with the kind `right` that of the right; with `full` there is none.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The columns that must be equal. None: every row may be a partner of every other.
    #[serde(default)]
    pub keys: Vec<KeyPair>,
    /// How much earlier than the row of the left a partner may be.
    #[serde(default)]
    pub before: Interval,
    /// How much later than the row of the left a partner may be.
    #[serde(default)]
    pub after: Interval,
    /// How much later than the row of the left a partner must be: with `5 min` here and `10 min` as `after`, between five and
    /// ten minutes. Only without `before`; for partners that are earlier, change left and right over.
    #[serde(default)]
    pub at_least: Interval,
    /// Which rows leave without a partner.
    #[serde(default)]
    pub kind: JoinKind,
    /// What is put behind the name of a column of the right that the left has too.
    #[serde(default = "default_suffix")]
    pub suffix: String,
}

pub struct IntervalJoin;

impl Node for IntervalJoin {
    type Params = Params;
    const KIND: &'static str = "process.interval_join";

    fn card() -> CardText {
        let card =
            CardText::new("Interval join", "Joins rows of two streams that happened near each other", "intersect");
        with_ports(card, "The pairs, and rows without a partner as the kind says.").headline("after")
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
        Ok(Machine::Operator(Box::new(IntervalJoinOperator {
            sides: [
                Side::new(&cx.inputs[LEFT], left_keys, plan.times[LEFT])?,
                Side::new(&cx.inputs[RIGHT], right_keys, plan.times[RIGHT])?,
            ],
            lonely: [BTreeSet::new(), BTreeSet::new()],
            pairs: Pairs::new(plan.schema),
            kind: params.kind,
            earlier_us: [
                params.before.as_micros().saturating_sub(params.at_least.as_micros()),
                params.after.as_micros(),
            ],
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
    if !params.at_least.is_zero() && !params.before.is_zero() {
        let message = "A partner cannot be earlier and at least so much later: empty `before` or `at_least`.";
        cx.error("at_least", "bounds_exclude", message);
    } else if params.at_least > params.after {
        let message = format!("No partner is at least {} and at most {} later.", params.at_least, params.after);
        cx.error("at_least", "bounds_exclude", message);
    }
    let (left, right) = (cx.inputs.first().cloned().flatten(), cx.inputs.get(RIGHT).cloned().flatten());
    let (left, right) = (left?, right?);
    let keys = key_indices(&params.keys, [&left, &right], cx);
    let times = [event_time_index(cx, &left, "left"), event_time_index(cx, &right, "right")];
    let fields = joined_fields([&left, &right], &params.suffix, &[], cx);
    let (keys, times) = (keys?, [times[LEFT]?, times[RIGHT]?]);
    let event_time = match params.kind {
        JoinKind::Inner | JoinKind::Left => Some(fields[times[LEFT]].name().clone()),
        JoinKind::Right => Some(fields[left.fields().len() + times[RIGHT]].name().clone()),
        JoinKind::Full => None,
    };
    let schema = with_event_time(&Schema::new(fields), event_time.as_deref());
    Some(Plan { schema, keys, times })
}

struct IntervalJoinOperator {
    sides: [Side; 2],
    /// Time and number of the rows without a partner, on a side that keeps them.
    lonely: [BTreeSet<(i64, u64)>; 2],
    pairs: Pairs,
    kind: JoinKind,
    /// How much earlier than a row of this side a partner may be; less than nothing where it must be later. How much later
    /// it may be is what the other side says.
    earlier_us: [i64; 2],
    /// Not told yet.
    num_dropped: usize,
}

#[derive(Serialize, Deserialize)]
struct Header {
    watermark_us: Option<i64>,
    num_dropped: usize,
}

impl IntervalJoinOperator {
    fn emit(&mut self, out: &mut Output) -> Result<(), NodeError> {
        self.pairs.emit([&self.sides[LEFT].rows, &self.sides[RIGHT].rows], &[], out)
    }

    /// Whether no partner can come any more for a row of `side`.
    fn is_over(later_us: i64, time_us: i64, watermark_us: i64) -> bool {
        watermark_us == i64::MAX || time_us.saturating_add(later_us) < watermark_us
    }

    fn sweep(&mut self, watermark_us: i64) -> Result<(), NodeError> {
        for side in [LEFT, RIGHT] {
            let later_us = self.earlier_us[1 - side];
            let is_over = |entry: &Entry| Self::is_over(later_us, entry.time_us, watermark_us);
            let gone = self.sides[side].sweep(watermark_us, |entries| entries.partition_point(is_over))?;
            if !self.kind.keeps(side) {
                self.num_dropped += gone.num_unmatched;
            }
        }
        Ok(())
    }
}

impl Operator for IntervalJoinOperator {
    fn on_batch(&mut self, side: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let in_time = self.sides[side].lateness.sort_out(batch, late_port(side), out)?;
        let keys = self.sides[side].keys_of(&in_time.batch)?;
        let first = self.sides[side].rows.push(in_time.batch)?;
        let is_kept = self.kind.keeps(side);
        let mut keyless = Vec::new();
        for (row, (time_us, number)) in in_time.times.into_iter().zip(first..).enumerate() {
            if keys.is_null(row) {
                keyless.push(number);
                if is_kept {
                    self.pairs.push(side, number, None);
                } else {
                    self.num_dropped += 1;
                }
                continue;
            }
            let from_us = time_us.saturating_sub(self.earlier_us[side]);
            let to_us = time_us.saturating_add(self.earlier_us[1 - side]);
            let partners = self.sides[1 - side].of_key_mut(keys.get(row));
            let start = partners.partition_point(|partner| partner.time_us < from_us);
            let mut is_matched = false;
            for partner in partners[start..].iter_mut().take_while(|partner| partner.time_us <= to_us) {
                self.pairs.push(side, number, Some(partner.number));
                is_matched = true;
                if !std::mem::replace(&mut partner.is_matched, true) {
                    self.lonely[1 - side].remove(&(partner.time_us, partner.number));
                }
            }
            if is_kept && !is_matched {
                self.lonely[side].insert((time_us, number));
            }
            self.sides[side].insert(keys.get(row), Entry { time_us, number, is_matched });
            if self.pairs.len() >= BATCH_ROWS {
                self.emit(out)?;
            }
        }
        self.emit(out)?;
        for number in keyless {
            self.sides[side].rows.free(number)?;
        }
        out.drop_rows(std::mem::take(&mut self.num_dropped));
        Ok(())
    }

    fn on_watermark(&mut self, watermark_us: i64, out: &mut Output) -> Result<(), NodeError> {
        for side in [LEFT, RIGHT] {
            self.sides[side].lateness.advance(watermark_us);
            let later_us = self.earlier_us[1 - side];
            while let Some((time_us, number)) = self.lonely[side].first().copied() {
                if !Self::is_over(later_us, time_us, watermark_us) {
                    break;
                }
                self.lonely[side].pop_first();
                self.pairs.push(side, number, None);
                if self.pairs.len() >= BATCH_ROWS {
                    self.emit(out)?;
                }
            }
        }
        self.emit(out)?;
        let span_us = self.earlier_us[LEFT].saturating_add(self.earlier_us[RIGHT]);
        if self.sides.iter().any(|side| side.is_sweep_due(watermark_us, span_us)) {
            self.sweep(watermark_us)?;
        }
        out.drop_rows(std::mem::take(&mut self.num_dropped));
        let behind_us = match self.kind {
            JoinKind::Inner | JoinKind::Left => self.earlier_us[RIGHT],
            JoinKind::Right => self.earlier_us[LEFT].max(0),
            JoinKind::Full => 0,
        };
        out.watermark(if watermark_us == i64::MAX { i64::MAX } else { watermark_us.saturating_sub(behind_us) });
        Ok(())
    }

    fn makes_watermarks(&self) -> bool {
        true
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        let watermark_us = self.sides[LEFT].lateness.watermark_us;
        // Rows that nothing waits for are not worth a place.
        if let Some(watermark_us) = watermark_us {
            self.sweep(watermark_us)?;
        }
        let header = Header { watermark_us, num_dropped: self.num_dropped };
        let batches = [self.sides[LEFT].save()?, self.sides[RIGHT].save()?].concat();
        saved::to_bytes(&header, &batches)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let (header, batches) = saved::from_bytes::<Header, 4>(state)?;
        let [left, left_flags, right, right_flags] = batches;
        self.num_dropped = header.num_dropped;
        for (side, rows, flags) in [(LEFT, left, left_flags), (RIGHT, right, right_flags)] {
            self.sides[side].lateness.watermark_us = header.watermark_us;
            let (is_kept, lonely) = (self.kind.keeps(side), &mut self.lonely[side]);
            self.sides[side].restore(rows, &flags, |entry, _| {
                if is_kept && !entry.is_matched {
                    lonely.insert((entry.time_us, entry.number));
                }
            })?;
        }
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        let lonely = self.lonely.iter().map(BTreeSet::len).sum::<usize>() * size_of::<(i64, u64)>();
        self.sides.iter().map(Side::state_bytes).sum::<usize>() + lonely
    }
}
