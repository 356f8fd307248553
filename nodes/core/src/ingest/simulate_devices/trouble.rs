//! What goes wrong with a fleet: rows lost, sent twice or late, and faults of sensors for some of the time.

use millrace_model::Interval;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fleet::{Clock, Reading};
use super::random::Stream;

/// Rows that come later than rows with a later time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Disorder {
    /// The share of rows that are delayed, from 0 to 1.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    pub share: f64,
    /// The longest delay.
    #[serde(default)]
    pub max_delay: Interval,
}

/// What a fault does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The first reading of the fault jumps by `size`.
    #[default]
    Spike,
    /// The sensor shows the value that it had when the fault began.
    Stuck,
    /// Every reading is off by `size`.
    Offset,
    /// The device sends nothing.
    Silence,
}

/// Something that goes wrong for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What it does.
    #[serde(default)]
    pub kind: FaultKind,
    /// The sensor at fault; empty: all of them.
    #[serde(default)]
    pub sensor: String,
    /// The share of devices that have it, from 0 to 1; which ones follows from the seed.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 1))]
    pub devices: f64,
    /// When it begins, counted from the start.
    #[serde(default)]
    pub from: Interval,
    /// How long it lasts.
    #[serde(default = "one_minute", rename = "for")]
    pub lasts: Interval,
    /// It comes back each time this has passed; empty: it comes once.
    #[serde(default)]
    pub every: Option<Interval>,
    /// How far a spike or an offset goes, in the sensor's unit.
    #[serde(default = "ten")]
    pub size: f64,
}

fn one() -> f64 {
    1.0
}

fn ten() -> f64 {
    10.0
}

fn one_minute() -> Interval {
    Interval::from_secs(60)
}

impl Fault {
    /// When the fault that covers `reading` in time began, in microseconds since the start.
    fn began_us(&self, reading: &Reading, clock: &Clock) -> Option<i64> {
        let since = clock.since_start_us(reading) - self.from.as_micros();
        if since < 0 {
            return None;
        }
        let into = match self.every.map(Interval::as_micros) {
            Some(every) if every > 0 => since % every,
            _ => since,
        };
        (into < self.lasts.as_micros()).then(|| since - into + self.from.as_micros())
    }

    pub(super) fn is_active(&self, seed: u64, reading: &Reading, clock: &Clock) -> bool {
        self.began_us(reading, clock).is_some()
            && (self.devices >= 1.0 || Stream::new(seed, reading.device, self.purpose()).share(0) < self.devices)
    }

    /// The first reading of this device since the fault began that covers `reading`.
    pub(super) fn first_reading(&self, reading: &Reading, clock: &Clock) -> Option<Reading> {
        let began = self.began_us(reading, clock)?;
        Some(clock.first_reading_since(reading.device, began))
    }

    /// Devices are drawn anew for each fault that is set otherwise.
    fn purpose(&self) -> u64 {
        let kind = self.kind as u64;
        2_000 + kind + 10 * (self.from.as_micros().cast_unsigned() ^ self.lasts.as_micros().cast_unsigned() << 20)
    }
}
