//! Keys of which each has some state of its own, by number; keys without state are forgotten when they are many.

use arrow::array::{ArrayRef, RecordBatch};
use millrace_operator::NodeError;
use millrace_operator::aggregate::KeyTable;

/// A state for each key. The default is a key without state.
pub(crate) struct Keyed<T> {
    keys: KeyTable,
    pub states: Vec<T>,
    numbers: Vec<usize>,
}

/// Below this many keys nothing is forgotten.
const FEW: usize = 1_024;

impl<T: Default> Keyed<T> {
    pub(crate) fn new(keys: KeyTable) -> Self {
        Self { keys, states: Vec::new(), numbers: Vec::new() }
    }

    /// The number of each row's key. Every new key has a default state afterwards.
    ///
    /// # Errors
    /// When the columns are not those of the keys.
    pub(crate) fn numbers(&mut self, keys: &[ArrayRef], num_rows: usize) -> Result<Vec<usize>, NodeError> {
        let mut numbers = std::mem::take(&mut self.numbers);
        self.keys.intern(keys, num_rows, &mut numbers)?;
        self.states.resize_with(self.keys.len(), T::default);
        Ok(numbers)
    }

    /// Gives the vector back that [`Self::numbers`] gave, for its allocation.
    pub(crate) fn give_back(&mut self, numbers: Vec<usize>) {
        self.numbers = numbers;
    }

    /// # Errors
    /// When arrays cannot be put together: a defect.
    pub(crate) fn take(&self, numbers: &[usize]) -> Result<RecordBatch, NodeError> {
        self.keys.take(numbers)
    }

    /// Forgets the keys for which `is_alive` does not hold, where they are more than half. Says whether numbers changed.
    ///
    /// # Errors
    /// When arrays cannot be put together: a defect.
    pub(crate) fn tidy(&mut self, num_alive: usize, is_alive: impl Fn(&T) -> bool) -> Result<bool, NodeError> {
        if self.states.len() < FEW || num_alive * 2 > self.states.len() {
            return Ok(false);
        }
        let alive: Vec<usize> = (0..self.states.len()).filter(|number| is_alive(&self.states[*number])).collect();
        self.keys.retain(&alive)?;
        self.states = alive.iter().map(|number| std::mem::take(&mut self.states[*number])).collect();
        Ok(true)
    }

    /// Bytes held for the keys and, without what they own elsewhere, their states.
    pub(crate) fn state_bytes(&self) -> usize {
        self.keys.state_bytes() + self.states.capacity() * size_of::<T>() + self.numbers.capacity() * size_of::<usize>()
    }
}
