//! Where windows begin and end: aligned to the epoch plus an offset, start inclusive, end exclusive, also before 1970.

use arrow::datatypes::{DataType, TimeUnit};
use millrace_operator::InferContext;

use super::Params;

/// Where windows begin and end, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Windows {
    size_us: i64,
    /// From 0 up to `size_us`.
    offset_us: i64,
    /// The unit of the time column, which `window_start` and `window_end` are written in.
    unit: TimeUnit,
}

impl Windows {
    pub(super) fn new(params: &Params, time_type: &DataType, cx: &mut InferContext<'_>) -> Option<Self> {
        let DataType::Timestamp(unit, _) = time_type else { return None };
        let (unit_ns, name) = match unit {
            TimeUnit::Second => (1_000_000_000, "seconds"),
            TimeUnit::Millisecond => (1_000_000, "milliseconds"),
            TimeUnit::Microsecond | TimeUnit::Nanosecond => (1_000, "microseconds"),
        };
        let mut fits = !params.size.is_zero();
        for (param, interval) in [("size", params.size), ("offset", params.offset)] {
            if !interval.duration().as_nanos().is_multiple_of(unit_ns) {
                cx.error(
                    param,
                    "finer_than_time",
                    format!("The time column counts whole {name}; {interval} does not fit."),
                );
                fits = false;
            }
        }
        let size_us = params.size.as_micros();
        fits.then(|| Self { size_us, offset_us: params.offset.as_micros().rem_euclid(size_us), unit: *unit })
    }

    /// The start of the window that holds `time_us`; `None` for a time so far off that its window cannot be written
    /// down in the unit of the time column.
    pub(super) fn start_of(&self, time_us: i64) -> Option<i64> {
        let phase_us = (time_us.rem_euclid(self.size_us) - self.offset_us).rem_euclid(self.size_us);
        let start_us = time_us.checked_sub(phase_us)?;
        self.in_unit(start_us)?;
        self.in_unit(start_us.checked_add(self.size_us)?)?;
        Some(start_us)
    }

    pub(super) fn end_of(&self, start_us: i64) -> i64 {
        start_us.saturating_add(self.size_us)
    }

    /// A time as the time column writes it; `None` where it does not fit.
    pub(super) fn in_unit(&self, time_us: i64) -> Option<i64> {
        match self.unit {
            TimeUnit::Second => Some(time_us.div_euclid(1_000_000)),
            TimeUnit::Millisecond => Some(time_us.div_euclid(1_000)),
            TimeUnit::Microsecond => Some(time_us),
            TimeUnit::Nanosecond => time_us.checked_mul(1_000),
        }
    }
}
