//! Rows that may begin a match, followed through the steps of a pattern.
//!
//! An [`Attempt`] is one such row and the ways on from it, best first: the way on which an earlier step has more rows is
//! better. Ways that have come to the same place can only go on alike, so the best of them stands for all, and there are
//! never more than the pattern has places. That holds because what fits does not depend on the rows before: a condition
//! that looked at them would have to become part of [`Place`].

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Which steps of the params a row fits, a bit for each.
pub(super) type Fits = u32;

/// What a step asks for.
pub(super) enum Want {
    Rows {
        at_least: u32,
        at_most: Option<u32>,
        is_strict: bool,
    },
    /// No row that fits.
    Absent,
}

/// The steps of a pattern and what bounds a match.
pub(super) struct Steps {
    taking: Vec<Taking>,
    within_us: i64,
    is_overlapping: bool,
}

/// A step that takes rows.
struct Taking {
    fits: Fits,
    at_least: u32,
    at_most: Option<u32>,
    is_strict: bool,
    /// The steps that must not come between this one and the next, or after it where it is the last.
    barred: Fits,
}

impl Taking {
    /// Counts beyond this make no difference any more.
    fn max_count(&self) -> u32 {
        self.at_most.unwrap_or(self.at_least)
    }
}

impl Steps {
    /// So many steps fit into [`Fits`].
    pub(super) const MAX: usize = Fits::BITS as usize;

    /// The first of `wants` takes rows.
    pub(super) fn new(wants: impl IntoIterator<Item = Want>, within_us: i64, is_overlapping: bool) -> Self {
        let mut taking: Vec<Taking> = Vec::new();
        for (number, want) in wants.into_iter().enumerate() {
            let fits = 1 << number;
            match want {
                Want::Rows { at_least, at_most, is_strict } => {
                    taking.push(Taking { fits, at_least, at_most, is_strict, barred: 0 });
                }
                Want::Absent => taking.iter_mut().next_back().into_iter().for_each(|before| before.barred |= fits),
            }
        }
        Self { taking, within_us, is_overlapping }
    }

    /// The steps that a row may be taken by, as bits.
    pub(super) fn taking(&self) -> Fits {
        self.taking.iter().fold(0, |all, step| all | step.fits)
    }

    fn is_last(&self, step: usize) -> bool {
        step + 1 == self.taking.len()
    }

    /// Whether a match is certain only when its time is over.
    fn waits_for_absence(&self) -> bool {
        self.taking.last().is_some_and(|step| step.barred != 0)
    }
}

/// A row that a step has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Taken {
    /// Which of the steps that take rows.
    pub(super) step: usize,
    pub(super) time_us: i64,
    pub(super) number: u64,
}

/// How far a way has come, as far as that bears on how it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    step: usize,
    /// The rows that the step has, up to where more make no difference.
    count: u32,
    /// The step may take another row.
    can_repeat: bool,
    /// The next step may begin; behind the last, the match may be complete when its time is over.
    can_advance: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Way {
    place: Place,
    taken: Vec<Taken>,
}

/// A row that may begin a match, and what has become of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Attempt {
    first: Taken,
    /// Best first.
    ways: Vec<Way>,
    /// A match; every way that is left would give a better one.
    complete: Option<Vec<Taken>>,
}

impl Attempt {
    /// The row that comes first.
    pub(super) fn first(&self) -> u64 {
        self.first.number
    }

    /// No row later than this belongs to it.
    pub(super) fn deadline_us(&self, steps: &Steps) -> i64 {
        self.first.time_us.saturating_add(steps.within_us)
    }

    /// Changes the numbers of all rows.
    pub(super) fn renumber(&mut self, number: impl Fn(u64) -> u64) {
        let ways = self.ways.iter_mut().map(|way| &mut way.taken);
        let taken = ways.chain(&mut self.complete).flatten().chain([&mut self.first]);
        taken.for_each(|taken| taken.number = number(taken.number));
    }

    fn is_over(&self) -> bool {
        self.ways.is_empty()
    }

    fn bytes(&self) -> usize {
        let taken = self.ways.iter().map(|way| way.taken.capacity()).sum::<usize>();
        let complete = self.complete.as_ref().map_or(0, Vec::capacity);
        size_of::<Self>() + self.ways.capacity() * size_of::<Way>() + (taken + complete) * size_of::<Taken>()
    }

    /// Begins with a row that fits the first step.
    fn begin(steps: &Steps, first: Taken) -> Self {
        let mut attempt = Self { first, ways: Vec::new(), complete: None };
        let _ = attempt.arrive(steps, 0, 1, vec![first]);
        attempt
    }

    /// Adds the way that has just taken a row. Says whether it completes the match: what is worse is then of no interest.
    fn arrive(&mut self, steps: &Steps, step: usize, count: u32, taken: Vec<Taken>) -> bool {
        let at = &steps.taking[step];
        let is_enough = count >= at.at_least;
        let is_complete = is_enough && steps.is_last(step) && !steps.waits_for_absence();
        let place = Place {
            step,
            count: count.min(at.max_count()),
            can_repeat: at.at_most.is_none_or(|at_most| count < at_most),
            can_advance: is_enough && !is_complete,
        };
        if is_complete {
            self.complete = Some(taken.clone());
        }
        self.go_on(Way { place, taken });
        is_complete
    }

    fn go_on(&mut self, way: Way) {
        let leads_on = way.place.can_repeat || way.place.can_advance;
        if leads_on && self.ways.iter().all(|known| known.place != way.place) {
            self.ways.push(way);
        }
    }

    /// Shows the next row of the key to every way.
    fn see(&mut self, steps: &Steps, time_us: i64, number: u64, fits: Fits) {
        for mut way in std::mem::take(&mut self.ways) {
            let Place { step, count, can_repeat, can_advance } = way.place;
            let at = &steps.taking[step];
            let next = steps.taking.get(step + 1);
            let repeats = can_repeat && fits & at.fits != 0;
            let advances = can_advance && next.is_some_and(|next| fits & next.fits != 0);
            if !repeats && !advances {
                way.place.can_repeat &= !at.is_strict;
                way.place.can_advance &= fits & at.barred == 0 && next.is_none_or(|next| !next.is_strict);
                self.go_on(way);
                continue;
            }
            let taken_by = |step: usize| {
                let mut taken = way.taken.clone();
                taken.push(Taken { step, time_us, number });
                taken
            };
            if repeats && self.arrive(steps, step, count.saturating_add(1), taken_by(step)) {
                return;
            }
            if advances && self.arrive(steps, step + 1, 1, taken_by(step + 1)) {
                return;
            }
        }
    }

    /// No row can come any more that belongs to it.
    fn expire(&mut self, steps: &Steps) {
        let ways = std::mem::take(&mut self.ways);
        if steps.waits_for_absence() {
            let certain = ways.into_iter().find(|way| steps.is_last(way.place.step) && way.place.can_advance);
            self.complete = certain.map(|way| way.taken);
        }
    }
}

/// What is under way for one key, oldest first.
#[derive(Default)]
pub(super) struct Attempts {
    open: VecDeque<Attempt>,
}

impl Attempts {
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Attempt> {
        self.open.iter()
    }

    /// Takes back an attempt from a snapshot; the oldest first.
    pub(super) fn restore(&mut self, attempt: Attempt) {
        self.open.push_back(attempt);
    }

    /// After this time the oldest is decided.
    pub(super) fn deadline_us(&self, steps: &Steps) -> Option<i64> {
        self.open.front().map(|attempt| attempt.deadline_us(steps))
    }

    pub(super) fn bytes(&self) -> usize {
        self.open.iter().map(Attempt::bytes).sum()
    }

    /// Takes the next row of the key; `found` gets the matches that are certain now.
    pub(super) fn see(
        &mut self,
        steps: &Steps,
        (time_us, number): (i64, u64),
        fits: Fits,
        found: &mut impl FnMut(Vec<Taken>),
    ) {
        self.pass(steps, time_us, found);
        for attempt in &mut self.open {
            attempt.see(steps, time_us, number, fits);
        }
        if steps.taking.first().is_some_and(|first| fits & first.fits != 0) {
            self.open.push_back(Attempt::begin(steps, Taken { step: 0, time_us, number }));
        }
        self.settle(steps, found);
    }

    /// No row before `time_us` can come any more.
    pub(super) fn pass(&mut self, steps: &Steps, time_us: i64, found: &mut impl FnMut(Vec<Taken>)) {
        let is_end = time_us == i64::MAX;
        let expired = |attempt: &&mut Attempt| is_end || attempt.deadline_us(steps) < time_us;
        self.open.iter_mut().take_while(expired).for_each(|attempt| attempt.expire(steps));
        self.settle(steps, found);
    }

    /// Gives the matches that are certain and lets go what has come to nothing.
    fn settle(&mut self, steps: &Steps, found: &mut impl FnMut(Vec<Taken>)) {
        self.open.retain(|attempt| !attempt.is_over() || attempt.complete.is_some());
        if steps.is_overlapping {
            self.open.retain_mut(|attempt| {
                if attempt.is_over() {
                    attempt.complete.take().into_iter().for_each(&mut *found);
                }
                !attempt.is_over()
            });
            return;
        }
        // A match counts only when none that began earlier takes its rows, so the oldest has to be decided first.
        while let Some(taken) = self.open.pop_front_if(|oldest| oldest.is_over()).and_then(|oldest| oldest.complete) {
            let last = taken.last().map(|last| (last.time_us, last.number));
            while self.open.pop_front_if(|next| Some((next.first.time_us, next.first.number)) <= last).is_some() {}
            found(taken);
        }
    }
}
