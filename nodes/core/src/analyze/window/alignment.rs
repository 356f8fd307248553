//! Where windows begin and end: aligned to the epoch plus an offset, start inclusive, end exclusive, also before 1970.
//!
//! Time is cut into panes, whose length is the greatest that divides both the size and the slide of the windows. A pane
//! lies in a window as a whole or not at all, so a row is added to one pane, however many windows share it.

use arrow::datatypes::{DataType, TimeUnit};
use millrace_model::Interval;
use millrace_operator::InferContext;

/// Where windows begin and end, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows {
    size_us: i64,
    slide_us: i64,
    pane_us: i64,
    /// From 0 up to `slide_us`.
    offset_us: i64,
    unit: TimeUnits,
}

/// The unit of the time column, which `window_start` and `window_end` are written in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeUnits(TimeUnit);

impl TimeUnits {
    /// `None` where `time_type` is not a timestamp.
    pub(crate) fn of(time_type: &DataType) -> Option<Self> {
        match time_type {
            DataType::Timestamp(unit, _) => Some(Self(*unit)),
            _ => None,
        }
    }

    /// Reports lengths of time that are finer than the time column; says whether all fit.
    pub(crate) fn check(self, lengths: &[(&str, Interval)], cx: &mut InferContext<'_>) -> bool {
        let (unit_ns, name) = match self.0 {
            TimeUnit::Second => (1_000_000_000, "seconds"),
            TimeUnit::Millisecond => (1_000_000, "milliseconds"),
            TimeUnit::Microsecond | TimeUnit::Nanosecond => (1_000, "microseconds"),
        };
        let mut fits = true;
        for (param, interval) in lengths {
            if !interval.duration().as_nanos().is_multiple_of(unit_ns) {
                let message = format!("The time column counts whole {name}; {interval} does not fit.");
                cx.error(*param, "finer_than_time", message);
                fits = false;
            }
        }
        fits
    }

    /// A time as the time column writes it; `None` where it does not fit.
    pub(crate) fn write(self, time_us: i64) -> Option<i64> {
        match self.0 {
            TimeUnit::Second => Some(time_us.div_euclid(1_000_000)),
            TimeUnit::Millisecond => Some(time_us.div_euclid(1_000)),
            TimeUnit::Microsecond => Some(time_us),
            TimeUnit::Nanosecond => time_us.checked_mul(1_000),
        }
    }
}

impl Windows {
    /// `size` and `slide` are not zero.
    pub(crate) fn new(size: Interval, slide: Interval, offset: Interval, unit: TimeUnits) -> Self {
        let (size_us, slide_us) = (size.as_micros().max(1), slide.as_micros().max(1));
        let (mut pane_us, mut rest) = (size_us, slide_us);
        while rest != 0 {
            (pane_us, rest) = (rest, pane_us % rest);
        }
        Self { size_us, slide_us, pane_us, offset_us: offset.as_micros().rem_euclid(slide_us), unit }
    }

    /// How many panes a window has.
    pub(crate) fn panes_per_window(&self) -> i64 {
        self.size_us / self.pane_us
    }

    /// How many panes further the next window starts.
    pub(crate) fn panes_per_slide(&self) -> i64 {
        self.slide_us / self.pane_us
    }

    pub(crate) fn slide_us(&self) -> i64 {
        self.slide_us
    }

    /// The largest time that is not after `time_us` and a whole number of `step_us` from the offset.
    fn align(&self, time_us: i64, step_us: i64) -> Option<i64> {
        let offset_us = self.offset_us % step_us;
        time_us.checked_sub((time_us.rem_euclid(step_us) - offset_us).rem_euclid(step_us))
    }

    /// The start of the pane that holds `time_us`; `None` for a time so far off that its windows cannot be written down
    /// in the unit of the time column.
    pub(crate) fn pane_of(&self, time_us: i64) -> Option<i64> {
        let pane_start_us = self.align(time_us, self.pane_us)?;
        self.unit.write(self.first_start(pane_start_us)?)?;
        self.unit.write(self.last_start(pane_start_us)?.checked_add(self.size_us.max(self.slide_us))?)?;
        Some(pane_start_us)
    }

    pub(crate) fn pane_end(&self, pane_start_us: i64) -> i64 {
        pane_start_us.saturating_add(self.pane_us)
    }

    /// The number of a pane, counted from the offset.
    pub(crate) fn pane_number(&self, pane_start_us: i64) -> i64 {
        pane_start_us.div_euclid(self.pane_us)
    }

    /// The start of the pane with this number.
    pub(crate) fn pane_start(&self, pane_number: i64) -> i64 {
        pane_number.saturating_mul(self.pane_us).saturating_add(self.offset_us % self.pane_us)
    }

    /// The start of the last window that could hold a pane; where windows leave gaps, it may end before the pane.
    pub(crate) fn last_start(&self, pane_start_us: i64) -> Option<i64> {
        self.align(pane_start_us, self.slide_us)
    }

    /// The start of the first window that ends after the start of a pane.
    pub(crate) fn first_start(&self, pane_start_us: i64) -> Option<i64> {
        self.align(pane_start_us.checked_sub(self.size_us)?, self.slide_us)?.checked_add(self.slide_us)
    }

    pub(crate) fn end_of(&self, start_us: i64) -> i64 {
        start_us.saturating_add(self.size_us)
    }

    pub(crate) fn unit(&self) -> TimeUnits {
        self.unit
    }
}
