//! Aggregates over any run of neighbours in a growing list: the list of one key is the leaves of a binary tree.
//!
//! A node of level n holds the state of 2^n leaves, aligned to their numbers. So a run of any length is put together from
//! some 2·log2(length) states, and each leaf costs about one merge to add. States lie in [`Partials`]; nodes of many
//! keys are made together. What is merged with what follows from the leaves' numbers alone, in their order.

use std::collections::VecDeque;
use std::ops::Range;

use millrace_operator::NodeError;
use millrace_operator::aggregate::{AggregatePlan, Partials};

/// The tree of one key.
#[derive(Default)]
pub(crate) struct Tree {
    /// The leaves first.
    levels: Vec<Level>,
}

#[derive(Default)]
struct Level {
    /// The number of the first node.
    first: i64,
    nodes: VecDeque<u32>,
}

impl Level {
    fn end(&self) -> i64 {
        self.first + self.nodes.len() as i64
    }

    fn node(&self, number: i64) -> Option<u32> {
        self.nodes.get(usize::try_from(number - self.first).ok()?).copied()
    }
}

impl Tree {
    /// The numbers of the leaves.
    pub(crate) fn leaves(&self) -> Range<i64> {
        self.levels.first().map_or(0..0, |leaves| leaves.first..leaves.end())
    }

    /// The handles of the leaves.
    pub(crate) fn leaf_handles(&self) -> impl Iterator<Item = u32> + '_ {
        self.levels.first().into_iter().flat_map(|leaves| leaves.nodes.iter().copied())
    }

    /// Adds a leaf; gives its number. [`grow`] must be called before the next [`Self::run`].
    pub(crate) fn push(&mut self, handle: u32) -> i64 {
        if self.levels.is_empty() {
            self.levels.push(Level::default());
        }
        let leaves = &mut self.levels[0];
        leaves.nodes.push_back(handle);
        leaves.end() - 1
    }

    /// The number that the first leaf will have; for a tree without leaves.
    pub(crate) fn start_at(&mut self, number: i64) {
        self.levels = vec![Level { first: number, nodes: VecDeque::new() }];
    }

    /// The handles whose states, merged in this order, are those of a run of leaves.
    ///
    /// # Errors
    /// When a leaf was forgotten: a defect.
    pub(crate) fn run(&self, leaves: Range<i64>, handles: &mut Vec<u32>) -> Result<(), NodeError> {
        let (mut first, mut end) = (leaves.start, leaves.end);
        let mut from_the_end = Vec::new();
        let mut level = 0;
        while first < end {
            let node = |number: i64| {
                let node = self.levels.get(level).and_then(|level| level.node(number));
                node.ok_or_else(|| NodeError::internal("a part of a window was forgotten"))
            };
            if first % 2 != 0 {
                handles.push(node(first)?);
                first += 1;
            }
            if end % 2 != 0 {
                end -= 1;
                from_the_end.push(node(end)?);
            }
            first /= 2;
            end /= 2;
            level += 1;
        }
        handles.extend(from_the_end.into_iter().rev());
        Ok(())
    }

    /// Forgets the leaves before this number.
    pub(crate) fn forget_before(&mut self, number: i64, partials: &mut Partials) {
        for (level, nodes) in self.levels.iter_mut().enumerate() {
            let first = (number + (1 << level) - 1) >> level;
            while nodes.first < first {
                let Some(handle) = nodes.nodes.pop_front() else {
                    nodes.first = first;
                    break;
                };
                partials.forget(handle);
                nodes.first += 1;
            }
        }
    }

    /// Bytes held, without the states.
    pub(crate) fn state_bytes(&self) -> usize {
        let nodes: usize = self.levels.iter().map(|level| level.nodes.capacity() * size_of::<u32>()).sum();
        nodes + self.levels.capacity() * size_of::<Level>()
    }
}

/// Makes the nodes that the leaves added to some trees complete; no run is longer than `longest`.
///
/// # Errors
/// When states cannot be merged.
pub(crate) fn grow<T>(
    plan: &AggregatePlan,
    partials: &mut Partials,
    states: &mut [T],
    tree: impl Fn(&mut T) -> &mut Tree,
    keys: &[usize],
    longest: i64,
) -> Result<(), NodeError> {
    let mut keys = keys.to_vec();
    for level in 0..62 {
        if 2_i64 << level > longest {
            return Ok(());
        }
        let (mut lefts, mut rights, mut owners) = (Vec::new(), Vec::new(), Vec::new());
        for key in &keys {
            let levels = &mut tree(&mut states[*key]).levels;
            let Some(below) = levels.get(level) else { continue };
            let (first, end) = (below.first, below.end());
            if levels.len() == level + 1 {
                if end - first < 2 {
                    continue;
                }
                levels.push(Level { first: (first + 1).div_euclid(2), nodes: VecDeque::new() });
            }
            let mut number = levels[level + 1].end();
            while number * 2 + 2 <= end {
                if let (Some(left), Some(right)) = (levels[level].node(number * 2), levels[level].node(number * 2 + 1))
                {
                    lefts.push(left);
                    rights.push(right);
                    owners.push(*key);
                }
                number += 1;
            }
        }
        let slots: Vec<usize> = (0..lefts.len()).collect();
        let (Some(left), Some(right)) = (partials.gather(&lefts)?, partials.gather(&rights)?) else { return Ok(()) };
        let mut table = plan.new_slots()?;
        table.merge(&left, &slots, slots.len())?;
        table.merge(&right, &slots, slots.len())?;
        let handles = partials.add(table.into_state(slots.len())?);
        for (key, handle) in owners.iter().zip(handles) {
            tree(&mut states[*key]).levels[level + 1].nodes.push_back(handle);
        }
        owners.dedup();
        keys = owners;
    }
    Ok(())
}
