//! Windows of event time that are aligned to the clock, tumbling or hopping.
//!
//! Holds one table of groups for each pane of time (see `alignment`) that an open window still needs, and the watermark.
//! A row goes into one pane; when a window closes, its panes are put together. So the cost of a row does not grow with
//! the number of windows that share it. A window of many panes is not put together from all of them: time is cut into
//! blocks of one window's length, and a window is the end of one block and the beginning of the next. The ends of a
//! block are computed once, from the back, when its first window closes; the beginning of the next grows pane by pane.
//! Each pane is merged about three times, however many windows it is in. What is merged with what follows from the
//! positions of the panes alone, not from the history of the run, so that even the last bit of a sum is the same after
//! a restart.
//!
//! Keys are told apart by their values while a pane takes rows, and once more when it is sealed: there they get numbers
//! that hold for all panes, so that putting panes together compares no keys.
//!
//! Counts need no blocks: they can be taken out again, so that the window moves on from pane to pane (see `totals`).
//!
//! A row that comes behind the watermark, for a window that is still open, may hit a pane that is part of a block
//! already: the blocks are then computed anew.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use arrow::array::{Array, RecordBatch, TimestampMicrosecondArray};
use arrow::compute::concat_batches;
use millrace_operator::aggregate::{Finished, GroupTable};
use millrace_operator::rejected::OnError;
use millrace_operator::time::event_times;
use millrace_operator::{NodeError, Operator, Output};

use super::alignment::Windows;
use super::groups::{Groups, Merged, Numbered};
use super::pane_plan::PanePlan;
use super::state::Saved;
use super::totals::Totals;
use super::{BATCH_ROWS, LATE, REJECTED, ROWS, row_index, rows_of};
use crate::rejecting::Rejecting;

impl PanePlan {
    /// # Errors
    /// When the keys cannot be told apart.
    pub(crate) fn operator(self, on_error: OnError) -> Result<PaneOperator, NodeError> {
        let can_move = self.aggregates.only_counts() && self.windows.panes_per_window() > FEW_PANES as i64;
        Ok(PaneOperator {
            totals: can_move.then(|| Totals::new(self.aggregates.num_accumulated())),
            numbered: Numbered::new(&self.aggregates)?,
            plan: self,
            rejecting: Rejecting::new(REJECTED, on_error),
            panes: BTreeMap::new(),
            blocks: Blocks::default(),
            watermark_us: None,
            passed_on_us: None,
        })
    }
}

pub(crate) struct PaneOperator {
    plan: PanePlan,
    rejecting: Rejecting,
    /// Panes with rows, by their start.
    panes: BTreeMap<i64, Pane>,
    blocks: Blocks,
    /// Of the panes that are counted in; `None` where windows are put together.
    totals: Option<Totals>,
    numbered: Numbered,
    watermark_us: Option<i64>,
    /// The watermark that the results have.
    passed_on_us: Option<i64>,
}

enum Pane {
    /// Takes rows.
    Open(GroupTable),
    /// Windows are put together from it.
    Sealed(Groups),
    /// It is in the totals.
    Counted(Groups),
}

impl Pane {
    fn groups(&self) -> Option<&Groups> {
        match self {
            Self::Open(_) => None,
            Self::Sealed(groups) | Self::Counted(groups) => Some(groups),
        }
    }

    fn groups_mut(&mut self) -> Option<&mut Groups> {
        match self {
            Self::Open(_) => None,
            Self::Sealed(groups) | Self::Counted(groups) => Some(groups),
        }
    }
}

/// Panes that were put together; what is here can be computed again from the panes.
#[derive(Default)]
struct Blocks {
    /// The ends of one block, by the number of their first pane.
    ends: BTreeMap<i64, Groups>,
    /// The panes that `ends` was computed for.
    ends_block: Option<i64>,
    /// The beginning of a block: its panes in this range.
    beginning: Option<(Range<i64>, Groups)>,
}

/// A window of this many panes or fewer is put together from its panes.
const FEW_PANES: usize = 4;

/// The rows of a batch that fall into one pane, in their order.
struct Share {
    pane_start_us: i64,
    rows: Vec<u32>,
}

/// Where the rows of a batch go.
#[derive(Default)]
struct Sorted {
    shares: Vec<Share>,
    late: Vec<u32>,
    /// Rows between two windows that leave a gap.
    outside: Vec<u32>,
}

enum Place {
    Open,
    Late,
    Outside,
}

impl PaneOperator {
    fn is_closed(&self, start_us: i64, watermark_us: Option<i64>) -> bool {
        let closes_us = self.plan.windows.end_of(start_us).saturating_add(self.plan.lateness_us);
        watermark_us.is_some_and(|watermark_us| watermark_us >= closes_us)
    }

    fn place(&self, pane_start_us: i64) -> Place {
        let windows = &self.plan.windows;
        let Some(last_start_us) = windows.last_start(pane_start_us) else { return Place::Late };
        if pane_start_us >= windows.end_of(last_start_us) {
            Place::Outside
        } else if self.is_closed(last_start_us, self.watermark_us) {
            Place::Late
        } else {
            Place::Open
        }
    }

    /// The pane of the whole batch, where it falls into one that is open: the common case, without a copy.
    fn only_pane(&self, times: &TimestampMicrosecondArray) -> Option<i64> {
        if times.null_count() > 0 {
            return None;
        }
        let (first, rest) = times.values().split_first()?;
        let (min, max) = rest.iter().fold((*first, *first), |(min, max), time| (min.min(*time), max.max(*time)));
        let pane_start_us = self.plan.windows.pane_of(min)?;
        let is_one = max < self.plan.windows.pane_end(pane_start_us);
        (is_one && matches!(self.place(pane_start_us), Place::Open)).then_some(pane_start_us)
    }

    fn sort(&self, times: &TimestampMicrosecondArray, null_times: &dyn Array) -> Sorted {
        let windows = &self.plan.windows;
        let mut sorted = Sorted::default();
        let mut share_of: HashMap<i64, usize> = HashMap::new();
        let mut last: Option<usize> = None;
        for row in 0..times.len() {
            let index = row_index(row);
            if times.is_null(row) || null_times.is_null(row) {
                sorted.late.push(index);
                continue;
            }
            let time_us = times.value(row);
            // Neighbours mostly fall into one pane.
            if let Some(share) = last.map(|share| &mut sorted.shares[share])
                && share.pane_start_us <= time_us
                && time_us < windows.pane_end(share.pane_start_us)
            {
                share.rows.push(index);
                continue;
            }
            let Some(pane_start_us) = windows.pane_of(time_us) else {
                sorted.late.push(index);
                continue;
            };
            match self.place(pane_start_us) {
                Place::Late => sorted.late.push(index),
                Place::Outside => sorted.outside.push(index),
                Place::Open => {
                    let share = *share_of.entry(pane_start_us).or_insert_with(|| {
                        sorted.shares.push(Share { pane_start_us, rows: Vec::new() });
                        sorted.shares.len() - 1
                    });
                    sorted.shares[share].rows.push(index);
                    last = Some(share);
                }
            }
        }
        sorted
    }

    fn add(&mut self, pane_start_us: i64, prepared: &RecordBatch) -> Result<(), NodeError> {
        if prepared.num_rows() == 0 {
            return Ok(());
        }
        let table = match self.panes.entry(pane_start_us) {
            std::collections::btree_map::Entry::Vacant(place) => {
                // A pane that comes behind the watermark is missing in the blocks.
                self.blocks.forget(self.plan.windows.pane_number(pane_start_us), &self.plan.windows);
                place.insert(Pane::Open(self.plan.aggregates.new_table()?))
            }
            std::collections::btree_map::Entry::Occupied(pane) => {
                let pane = pane.into_mut();
                if let Some(groups) = pane.groups() {
                    if let (Pane::Counted(_), Some(totals)) = (&*pane, &mut self.totals) {
                        totals.take_out(groups);
                    }
                    let table = self.plan.aggregates.restore_table(&self.numbered.batch_of(groups)?)?;
                    *pane = Pane::Open(table);
                    self.blocks.forget(self.plan.windows.pane_number(pane_start_us), &self.plan.windows);
                }
                pane
            }
        };
        match table {
            Pane::Open(table) => table.update(prepared),
            Pane::Sealed(_) | Pane::Counted(_) => Err(NodeError::internal("a sealed pane took rows")),
        }
    }

    /// Emits the windows that close between two watermarks, oldest first.
    fn close(&mut self, before_us: Option<i64>, out: &mut Output) -> Result<(), NodeError> {
        let mut results = Vec::new();
        let mut num_rows = 0;
        let mut next_us: Option<i64> = None;
        while let Some(first_pane_us) = self.panes.first_key_value().map(|(pane_us, _)| *pane_us) {
            let windows = self.plan.windows;
            let first_us = windows.first_start(first_pane_us).ok_or_else(out_of_range)?;
            let mut start_us = next_us.map_or(first_us, |next_us| next_us.max(first_us));
            if next_us.is_none() {
                // The first windows of the oldest pane may have closed before it had its first row.
                if self.is_closed(start_us, before_us) {
                    start_us = self.first_open(before_us).ok_or_else(out_of_range)?.max(first_us);
                }
            }
            if !self.is_closed(start_us, self.watermark_us) {
                break;
            }
            if self.panes.range(start_us..windows.end_of(start_us)).next().is_some() {
                let batch = self.result(start_us, out)?;
                num_rows += batch.num_rows();
                results.push(batch);
            }
            if num_rows >= BATCH_ROWS {
                self.emit(std::mem::take(&mut results), out)?;
                num_rows = 0;
            }
            let next = start_us.saturating_add(windows.slide_us());
            self.forget_before(next);
            next_us = Some(next);
        }
        self.emit(results, out)
    }

    /// Forgets the panes that no window needs any more.
    fn forget_before(&mut self, pane_start_us: i64) {
        let kept = self.panes.split_off(&pane_start_us);
        for pane in std::mem::replace(&mut self.panes, kept).into_values() {
            if let (Pane::Counted(groups), Some(totals)) = (pane, &mut self.totals) {
                totals.take_out(&groups);
            }
        }
    }

    /// Emits results as one batch.
    fn emit(&self, mut results: Vec<RecordBatch>, out: &mut Output) -> Result<(), NodeError> {
        let batch = match results.len() {
            0 => return Ok(()),
            1 => results.remove(0),
            _ => concat_batches(&self.plan.schema, &results)?,
        };
        out.emit(ROWS, batch);
        out.check()
    }

    /// The results of the window that starts here.
    fn result(&mut self, start_us: i64, out: &mut Output) -> Result<RecordBatch, NodeError> {
        let finished = self.window(start_us)?;
        let num_rows = finished.rows.num_rows();
        let time = &self.plan.time;
        let end_us = self.plan.windows.end_of(start_us);
        let leading = vec![
            time.column(std::iter::repeat_n(start_us, num_rows))?,
            time.column(std::iter::repeat_n(end_us, num_rows))?,
        ];
        let rows = super::results(&self.plan.schema, leading, finished, &mut self.rejecting, out)?;
        match &self.plan.top {
            Some(top) => top.of(&rows),
            None => Ok(rows),
        }
    }

    /// The results of the window that starts here, without its start and end.
    fn window(&mut self, start_us: i64) -> Result<Finished, NodeError> {
        let windows = self.plan.windows;
        let num_panes = windows.panes_per_window();
        if num_panes == 1
            && let Some(Pane::Open(table)) = self.panes.remove(&start_us)
        {
            return table.finish();
        }
        if self.totals.is_some() {
            return self.moved_on(start_us);
        }
        let first = windows.pane_number(start_us);
        let last = first + num_panes;
        let merged = if self.panes.range(start_us..windows.end_of(start_us)).count() <= FEW_PANES {
            self.merge(None, first..last, None)?
        } else {
            let block = first.div_euclid(num_panes);
            let block_end = (block + 1) * num_panes;
            if self.blocks.ends_block != Some(block) {
                self.compute_ends(first, block_end)?;
                self.blocks.ends_block = Some(block);
            }
            self.blocks.ends = self.blocks.ends.split_off(&first);
            self.grow_beginning(block_end..last)?;
            let end = self.blocks.ends.get(&first).into_iter();
            let beginning = self.blocks.beginning.iter().map(|(_, groups)| groups);
            self.numbered.merge(&self.plan.aggregates, end.chain(beginning))?
        };
        let keys = self.numbered.keys_of(&merged.keys)?.columns().to_vec();
        merged.table.finish(keys, merged.keys.len())
    }

    /// The results of the window that starts here, from the totals; where only the best leave, of those that may be
    /// among them.
    fn moved_on(&mut self, start_us: i64) -> Result<Finished, NodeError> {
        let Self { plan, panes, numbered, totals, .. } = self;
        let totals = totals.as_mut().ok_or_else(|| NodeError::internal("there are no totals"))?;
        for (_, pane) in panes.range_mut(start_us..plan.windows.end_of(start_us)) {
            let groups = match std::mem::replace(pane, Pane::Sealed(Groups::none())) {
                Pane::Open(table) => numbered.seal(table, plan.aggregates.num_keys())?,
                Pane::Sealed(groups) => groups,
                Pane::Counted(groups) => {
                    *pane = Pane::Counted(groups);
                    continue;
                }
            };
            totals.add(&groups);
            *pane = Pane::Counted(groups);
        }
        let keys = totals.keys(plan.best_count);
        let columns = numbered.keys_of(&keys)?.columns().to_vec();
        plan.aggregates.finish_counts(columns, totals.counts_of(&keys))
    }

    /// From each start of a window in a block to the end of the block, from the back.
    fn compute_ends(&mut self, first: i64, block_end: i64) -> Result<(), NodeError> {
        let step = self.plan.windows.panes_per_slide();
        self.blocks.ends.clear();
        let mut start = first + (block_end - 1 - first) / step * step;
        let mut end = block_end;
        let mut rest: Option<Groups> = None;
        while start >= first {
            let groups = self.merge(None, start..end, rest.as_ref())?.into_groups()?;
            rest = Some(groups.clone());
            self.blocks.ends.insert(start, groups);
            end = start;
            start -= step;
        }
        Ok(())
    }

    /// Makes `blocks.beginning` that of this range of panes.
    fn grow_beginning(&mut self, range: Range<i64>) -> Result<(), NodeError> {
        let before = match self.blocks.beginning.take() {
            Some((done, groups)) if done.start == range.start && done.end <= range.end => Some((done, groups)),
            _ => None,
        };
        let done = before.as_ref().map_or(range.start, |(done, _)| done.end);
        let groups = match before {
            Some((_, groups)) if done == range.end => groups,
            before => self.merge(before.as_ref().map(|(_, groups)| groups), done..range.end, None)?.into_groups()?,
        };
        self.blocks.beginning = Some((range, groups));
        Ok(())
    }

    /// Puts the panes with these numbers together, oldest first, with what comes before and after them. The panes are
    /// sealed by it.
    fn merge(
        &mut self,
        before: Option<&Groups>,
        numbers: Range<i64>,
        after: Option<&Groups>,
    ) -> Result<Merged, NodeError> {
        let Self { plan, panes, numbered, .. } = self;
        let num_keys = plan.aggregates.num_keys();
        let range = plan.windows.pane_start(numbers.start)..plan.windows.pane_start(numbers.end);
        for (_, pane) in panes.range_mut(range.clone()) {
            *pane = match std::mem::replace(pane, Pane::Sealed(Groups::none())) {
                Pane::Open(table) => Pane::Sealed(numbered.seal(table, num_keys)?),
                sealed => sealed,
            };
        }
        let sealed = panes.range(range).filter_map(|(_, pane)| pane.groups());
        numbered.merge(&plan.aggregates, before.into_iter().chain(sealed).chain(after))
    }

    /// Forgets the keys that no pane has any more, when they may be many.
    fn forget_keys(&mut self) -> Result<(), NodeError> {
        if !self.numbered.may_forget() {
            return Ok(());
        }
        let sealed = self.panes.values_mut().filter_map(Pane::groups_mut);
        if self.numbered.forget_all_but(sealed.collect())? {
            self.blocks = Blocks::default();
            self.count_none();
        }
        Ok(())
    }

    /// The totals begin anew.
    fn count_none(&mut self) {
        let Some(totals) = &mut self.totals else { return };
        totals.clear();
        for pane in self.panes.values_mut() {
            *pane = match std::mem::replace(pane, Pane::Sealed(Groups::none())) {
                Pane::Counted(groups) => Pane::Sealed(groups),
                other => other,
            };
        }
    }

    /// The start of the first window that is still open at a watermark.
    fn first_open(&self, watermark_us: Option<i64>) -> Option<i64> {
        let windows = &self.plan.windows;
        let start_us = windows.first_start(watermark_us?.saturating_sub(self.plan.lateness_us))?;
        windows.unit().write(start_us)?;
        Some(start_us)
    }

    /// The watermark of the results: no window that starts earlier can still be emitted.
    fn pass_on(&mut self, out: &mut Output) {
        let start_us = match self.watermark_us {
            Some(i64::MAX) => Some(i64::MAX),
            watermark_us => self.first_open(watermark_us),
        };
        if let Some(start_us) = start_us.filter(|start_us| Some(*start_us) > self.passed_on_us) {
            self.passed_on_us = Some(start_us);
            out.watermark(start_us);
        }
    }
}

impl Blocks {
    /// Forgets what holds, or ought to hold, the pane with this number.
    fn forget(&mut self, pane: i64, windows: &Windows) {
        if self.ends_block == Some(pane.div_euclid(windows.panes_per_window())) {
            self.ends.clear();
            self.ends_block = None;
        }
        if self.beginning.as_ref().is_some_and(|(range, _)| range.contains(&pane)) {
            self.beginning = None;
        }
    }

    fn state_bytes(&self) -> usize {
        let beginning = self.beginning.iter().map(|(_, groups)| groups);
        self.ends.values().chain(beginning).map(Groups::state_bytes).sum()
    }
}

fn out_of_range() -> NodeError {
    NodeError::internal("a window is out of range")
}

impl Operator for PaneOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let column = batch.column(self.plan.time.index);
        let times = event_times(column.as_ref())?;
        let (prepared, mut failures) = self.plan.aggregates.prepare(&batch)?;
        if failures.is_empty()
            && let Some(pane_start_us) = self.only_pane(&times)
        {
            self.rejecting.sort_out(&batch, &failures, out)?;
            return self.add(pane_start_us, &prepared);
        }
        let mut sorted = self.sort(&times, column.as_ref());
        failures.retain(|failure| {
            let row = row_index(failure.row);
            sorted.late.binary_search(&row).is_err() && sorted.outside.binary_search(&row).is_err()
        });
        if let Some(keeps) = self.rejecting.sort_out(&batch, &failures, out)? {
            for share in &mut sorted.shares {
                share.rows.retain(|row| keeps.value(*row as usize));
            }
        }
        for share in &sorted.shares {
            self.add(share.pane_start_us, &rows_of(&prepared, &share.rows)?)?;
        }
        out.drop_rows(sorted.outside.len());
        out.emit(LATE, rows_of(&batch, &sorted.late)?);
        Ok(())
    }

    fn on_watermark(&mut self, watermark_us: i64, out: &mut Output) -> Result<(), NodeError> {
        let before_us = self.watermark_us;
        self.watermark_us = before_us.max(Some(watermark_us));
        self.close(before_us, out)?;
        self.forget_keys()?;
        self.pass_on(out);
        Ok(())
    }

    fn on_end(&mut self, out: &mut Output) -> Result<(), NodeError> {
        let before_us = self.watermark_us;
        self.watermark_us = Some(i64::MAX);
        self.close(before_us, out)
    }

    fn makes_watermarks(&self) -> bool {
        true
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        let mut saved = Saved::default();
        saved.set("watermark_us", self.watermark_us);
        saved.set("passed_on_us", self.passed_on_us);
        saved.set("rows_seen", Some(self.rejecting.rows_seen()));
        for (pane_us, pane) in &mut self.panes {
            let state = match pane {
                Pane::Open(table) => table.snapshot()?,
                Pane::Sealed(groups) | Pane::Counted(groups) => self.numbered.batch_of(groups)?,
            };
            saved.batches.push((*pane_us, state));
        }
        saved.to_bytes()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let saved = Saved::from_bytes(state)?;
        self.watermark_us = saved.get("watermark_us");
        self.passed_on_us = saved.get("passed_on_us");
        self.rejecting.set_rows_seen(saved.get("rows_seen").unwrap_or_default());
        self.blocks = Blocks::default();
        self.numbered = Numbered::new(&self.plan.aggregates)?;
        self.panes.clear();
        self.count_none();
        for (pane_us, groups) in &saved.batches {
            self.panes.insert(*pane_us, Pane::Open(self.plan.aggregates.restore_table(groups)?));
        }
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        let panes = self.panes.values().map(|pane| match pane {
            Pane::Open(table) => table.state_bytes(),
            Pane::Sealed(groups) | Pane::Counted(groups) => groups.state_bytes(),
        });
        let totals = self.totals.as_ref().map_or(0, Totals::state_bytes);
        panes.sum::<usize>() + totals + self.blocks.state_bytes() + self.numbered.state_bytes()
    }
}
