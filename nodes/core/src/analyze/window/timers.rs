//! What is due next: the earliest time of each key, in a heap of which outdated entries are skipped when they come up.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// One time for each key at most. A step of the watermark costs the keys that are due, not all.
#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(i64, u32)>>,
    /// The time that each key waits for.
    waits: Vec<i64>,
}

const NEVER: i64 = i64::MAX;

impl Timers {
    /// Makes the key due at `time_us`, unless it is due earlier.
    pub(crate) fn set(&mut self, key: usize, time_us: i64) {
        if self.waits.len() <= key {
            self.waits.resize(key + 1, NEVER);
        }
        if time_us < self.waits[key] {
            self.waits[key] = time_us;
            self.heap.push(Reverse((time_us, u32::try_from(key).expect("fewer than 2^32 keys are held at a time"))));
        }
    }

    /// The next key that is due at `now_us`. It waits for nothing afterwards.
    pub(crate) fn due(&mut self, now_us: i64) -> Option<usize> {
        while let Some(Reverse((time_us, key))) = self.heap.peek().copied() {
            if time_us > now_us {
                return None;
            }
            self.heap.pop();
            let key = key as usize;
            if self.waits[key] == time_us {
                self.waits[key] = NEVER;
                return Some(key);
            }
        }
        None
    }

    pub(crate) fn state_bytes(&self) -> usize {
        self.heap.capacity() * size_of::<(i64, u32)>() + self.waits.capacity() * size_of::<i64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_up_when_they_are_due_and_once() {
        let mut timers = Timers::default();
        for (key, time) in [(0, 30), (2, 10), (0, 20), (0, 25), (1, 40)] {
            timers.set(key, time);
        }
        assert_eq!(timers.due(9), None);
        assert_eq!([timers.due(20), timers.due(20), timers.due(20)], [Some(2), Some(0), None]);
        timers.set(0, 30);
        assert_eq!([timers.due(39), timers.due(39), timers.due(40)], [Some(0), None, Some(1)]);
    }
}
