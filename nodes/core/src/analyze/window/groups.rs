//! Groups of several pieces of time, and their keys by number, so that putting them together compares no keys.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use millrace_operator::NodeError;
use millrace_operator::aggregate::{AggregatePlan, GroupTable, KeyTable, SlotTable};

use super::row_index;
use super::state::with_columns;

/// The states of some groups.
#[derive(Clone)]
pub(super) struct Groups {
    /// The number of each group's key.
    pub(super) keys: Vec<u32>,
    pub(super) state: RecordBatch,
}

impl Groups {
    /// A place holder, without groups.
    pub(super) fn none() -> Self {
        Self { keys: Vec::new(), state: RecordBatch::new_empty(Arc::new(Schema::empty())) }
    }

    pub(super) fn state_bytes(&self) -> usize {
        self.keys.capacity() * size_of::<u32>() + self.state.get_array_memory_size()
    }
}

/// The keys of all sealed panes, by number.
pub(super) struct Numbered {
    keys: KeyTable,
    /// The group of each key in what is being put together; `NO_GROUP` between two calls.
    group_of: Vec<u32>,
    /// Keys are looked through for those that no pane has any more when there are this many.
    look_through_at: usize,
}

const NO_GROUP: u32 = u32::MAX;

/// Below this many keys none is forgotten.
const FEW_KEYS: usize = 4_096;

impl Numbered {
    pub(super) fn new(plan: &AggregatePlan) -> Result<Self, NodeError> {
        Ok(Self { keys: plan.new_keys()?, group_of: Vec::new(), look_through_at: FEW_KEYS })
    }

    pub(super) fn seal(&mut self, table: GroupTable, num_keys: usize) -> Result<Groups, NodeError> {
        let groups = table.into_state()?;
        let mut numbers = Vec::new();
        self.keys.intern(&groups.columns()[..num_keys], groups.num_rows(), &mut numbers)?;
        let state = groups.project(&(num_keys..groups.num_columns()).collect::<Vec<_>>())?;
        Ok(Groups { keys: numbers.into_iter().map(row_index).collect(), state })
    }

    pub(super) fn keys_of(&self, groups: &[u32]) -> Result<RecordBatch, NodeError> {
        self.keys.take(&groups.iter().map(|key| *key as usize).collect::<Vec<_>>())
    }

    /// The groups as one batch: keys, then states.
    pub(super) fn batch_of(&self, groups: &Groups) -> Result<RecordBatch, NodeError> {
        with_columns(&self.keys_of(&groups.keys)?, [], &groups.state)
    }

    /// Puts groups of several pieces of time together.
    pub(super) fn merge<'a>(
        &mut self,
        plan: &AggregatePlan,
        pieces: impl IntoIterator<Item = &'a Groups>,
    ) -> Result<Merged, NodeError> {
        self.group_of.resize(self.keys.len(), NO_GROUP);
        let mut merged = Merged { keys: Vec::new(), table: plan.new_slots()? };
        let mut slots = Vec::new();
        let mut result = Ok(());
        for piece in pieces {
            slots.clear();
            for key in &piece.keys {
                let group = &mut self.group_of[*key as usize];
                if *group == NO_GROUP {
                    *group = row_index(merged.keys.len());
                    merged.keys.push(*key);
                }
                slots.push(*group as usize);
            }
            if !slots.is_empty() {
                result = result.and_then(|()| merged.table.merge(&piece.state, &slots, merged.keys.len()));
            }
        }
        for key in &merged.keys {
            self.group_of[*key as usize] = NO_GROUP;
        }
        result.map(|()| merged)
    }

    /// Whether there are so many keys that it is worth looking which are still in use.
    pub(super) fn may_forget(&self) -> bool {
        self.keys.len() >= self.look_through_at
    }

    /// Forgets the keys that are in none of these groups, where they are more than half; the groups get new numbers.
    /// Says whether they did.
    pub(super) fn forget_all_but(&mut self, mut used: Vec<&mut Groups>) -> Result<bool, NodeError> {
        let mut new_numbers = vec![NO_GROUP; self.keys.len()];
        let mut alive = Vec::new();
        for key in used.iter().flat_map(|groups| &groups.keys) {
            let new_number = &mut new_numbers[*key as usize];
            if *new_number == NO_GROUP {
                *new_number = row_index(alive.len());
                alive.push(*key as usize);
            }
        }
        if alive.len() * 2 > self.keys.len() {
            self.look_through_at = self.keys.len() * 2;
            return Ok(false);
        }
        self.look_through_at = (alive.len() * 2).max(FEW_KEYS);
        self.keys.retain(&alive)?;
        self.group_of = Vec::new();
        for key in used.iter_mut().flat_map(|groups| &mut groups.keys) {
            *key = new_numbers[*key as usize];
        }
        Ok(true)
    }

    pub(super) fn state_bytes(&self) -> usize {
        self.keys.state_bytes() + self.group_of.capacity() * size_of::<u32>()
    }
}

/// Groups that were put together.
pub(super) struct Merged {
    pub(super) keys: Vec<u32>,
    pub(super) table: SlotTable,
}

impl Merged {
    pub(super) fn into_groups(self) -> Result<Groups, NodeError> {
        Ok(Groups { state: self.table.into_state(self.keys.len())?, keys: self.keys })
    }
}
