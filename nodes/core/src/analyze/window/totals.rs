//! Counts over the panes of one window, which moves on from pane to pane: a pane that enters is added, one that leaves is
//! taken out again. So a window costs what enters and leaves, and a look along the keys, however many panes it has.
//!
//! Whole numbers only: what is added and taken out again leaves nothing behind, so the result is that of the panes alone.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;

use super::groups::Groups;
use super::row_index;
use super::top::Best;

/// The counts of each key, by its number.
pub(super) struct Totals {
    /// In how many of the panes a key is; its counts may be 0 in all of them.
    num_panes: Vec<u32>,
    /// By aggregate, then by key.
    counts: Vec<Vec<i64>>,
}

impl Totals {
    pub(super) fn new(num_aggregates: usize) -> Self {
        Self { num_panes: Vec::new(), counts: vec![Vec::new(); num_aggregates] }
    }

    /// Counts a pane in.
    pub(super) fn add(&mut self, pane: &Groups) {
        let num_keys = pane.keys.iter().max().map_or(0, |key| *key as usize + 1);
        if self.num_panes.len() < num_keys {
            self.num_panes.resize(num_keys, 0);
            self.counts.iter_mut().for_each(|counts| counts.resize(num_keys, 0));
        }
        for key in &pane.keys {
            self.num_panes[*key as usize] += 1;
        }
        self.change(&pane.keys, &pane.state, |total, count| total + count);
    }

    /// Takes a pane that was counted in out again.
    pub(super) fn take_out(&mut self, pane: &Groups) {
        for key in &pane.keys {
            self.num_panes[*key as usize] -= 1;
        }
        self.change(&pane.keys, &pane.state, |total, count| total - count);
    }

    fn change(&mut self, keys: &[u32], state: &RecordBatch, change: impl Fn(i64, i64) -> i64) {
        for (totals, counts) in self.counts.iter_mut().zip(state.columns()) {
            for (key, count) in keys.iter().zip(counts.as_primitive::<Int64Type>().values()) {
                let total = &mut totals[*key as usize];
                *total = change(*total, *count);
            }
        }
    }

    /// The keys of the window; with `best` those alone that may be among the best by one of the counts.
    pub(super) fn keys(&self, best: Option<(usize, Best)>) -> Vec<u32> {
        let is_held = |key: usize| self.num_panes[key] > 0;
        match best {
            Some((aggregate, best)) => best.among(is_held, &self.counts[aggregate]),
            None => (0..self.num_panes.len()).filter(|key| is_held(*key)).map(row_index).collect(),
        }
    }

    /// The counts of these keys, by aggregate.
    pub(super) fn counts_of(&self, keys: &[u32]) -> Vec<Vec<i64>> {
        self.counts.iter().map(|totals| keys.iter().map(|key| totals[*key as usize]).collect()).collect()
    }

    /// Forgets all, as the keys have got other numbers.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.counts.len());
    }

    pub(super) fn state_bytes(&self) -> usize {
        self.num_panes.capacity() * size_of::<u32>()
            + self.counts.iter().map(|counts| counts.capacity() * size_of::<i64>()).sum::<usize>()
    }
}
