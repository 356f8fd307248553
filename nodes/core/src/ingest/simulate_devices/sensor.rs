//! Sensors: what a device measures, as a function of device and tick. Only a random walk remembers anything; its value is
//! handed in.

use std::f64::consts::TAU;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringBuilder};
use arrow::datatypes::DataType;
use millrace_model::Interval;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fleet::{Clock, Reading};
use super::random::Stream;
use super::trouble::{Fault, FaultKind};

/// One thing that every device measures: a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sensor {
    /// The column's name.
    pub name: String,
    /// How its values come about.
    #[serde(default)]
    pub model: Model,
    /// Added to a number for every hour since the start: a sensor that ages.
    #[serde(default)]
    pub drift_per_hour: f64,
    /// Digits after the decimal point.
    #[serde(default = "default_decimals")]
    #[schemars(range(max = 12))]
    pub decimals: u8,
}

fn default_decimals() -> u8 {
    2
}

/// How the values of a sensor come about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Model {
    /// Up and down around a mean, each device with its own phase, with normal noise.
    Sine {
        /// The middle.
        #[serde(default = "twenty")]
        mean: f64,
        /// How far from the middle.
        #[serde(default = "five")]
        amplitude: f64,
        /// From one crest to the next.
        #[serde(default = "ten_minutes")]
        period: Interval,
        /// Standard deviation of the noise.
        #[serde(default = "half")]
        noise: f64,
    },
    /// Each value is the one before and a random step; it turns back at the limits.
    RandomWalk {
        /// The first value.
        #[serde(default = "fifty")]
        start: f64,
        /// The longest step.
        #[serde(default = "one")]
        step: f64,
        /// The lower limit.
        #[serde(default)]
        min: f64,
        /// The upper limit.
        #[serde(default = "hundred")]
        max: f64,
    },
    /// A whole number that grows by the same step each time.
    Counter {
        /// The first value.
        #[serde(default)]
        start: i64,
        /// Added each time.
        #[serde(default = "one_whole")]
        step: i64,
    },
    /// One of several words, drawn anew each time.
    Status {
        /// The words and how often they come.
        values: Vec<StatusValue>,
    },
    /// Always the same number.
    Constant {
        /// The number.
        #[serde(default)]
        value: f64,
    },
}

/// A word of a status sensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusValue {
    /// The word.
    pub value: String,
    /// How often it comes, compared with the weights of the others.
    #[serde(default = "one")]
    #[schemars(range(min = 0))]
    pub weight: f64,
}

fn half() -> f64 {
    0.5
}
fn one() -> f64 {
    1.0
}
fn five() -> f64 {
    5.0
}
fn twenty() -> f64 {
    20.0
}
fn fifty() -> f64 {
    50.0
}
fn hundred() -> f64 {
    100.0
}
fn one_whole() -> i64 {
    1
}
fn ten_minutes() -> Interval {
    Interval::from_secs(600)
}

impl Default for Model {
    fn default() -> Self {
        Self::Sine { mean: twenty(), amplitude: five(), period: ten_minutes(), noise: half() }
    }
}

impl Sensor {
    pub(super) fn data_type(&self) -> DataType {
        match self.model {
            Model::Counter { .. } => DataType::Int64,
            Model::Status { .. } => DataType::Utf8,
            Model::Sine { .. } | Model::RandomWalk { .. } | Model::Constant { .. } => DataType::Float64,
        }
    }

    /// What is wrong with the model: the param within the sensor and a sentence.
    pub(super) fn fault(&self) -> Option<(&'static str, String)> {
        match &self.model {
            Model::Sine { period, .. } if period.is_zero() => {
                Some(("model.period", "The period must be longer than nothing.".to_owned()))
            }
            Model::RandomWalk { min, max, .. } if min >= max => {
                Some(("model.max", format!("The upper limit must be above the lower one, {min}.")))
            }
            Model::Status { values } if values.is_empty() => {
                Some(("model.values", "A status needs at least one word.".to_owned()))
            }
            Model::Status { values } if values.iter().any(|v| v.weight.is_nan() || v.weight < 0.0) => {
                Some(("model.values", "A weight cannot be below 0.".to_owned()))
            }
            Model::Status { values } if values.iter().map(|v| v.weight).sum::<f64>() <= 0.0 => {
                Some(("model.values", "At least one weight must be above 0.".to_owned()))
            }
            _ => None,
        }
    }
}

/// A sensor made ready to give columns.
pub(super) struct Gauge {
    sensor: Sensor,
    /// Tells its random numbers from those of other sensors.
    purpose: u64,
    faults: Vec<Fault>,
    scale: f64,
}

impl Gauge {
    pub(super) fn new(sensor: Sensor, index: usize, faults: Vec<Fault>) -> Self {
        let scale = 10_f64.powi(i32::from(sensor.decimals));
        Self { sensor, purpose: 100 + index as u64, faults, scale }
    }

    pub(super) fn walk_start(&self) -> Option<f64> {
        match self.sensor.model {
            Model::RandomWalk { start, min, max, .. } => Some(start.clamp(min, max)),
            _ => None,
        }
    }

    /// The next value of a random walk that stands at `value`; a stuck one stays where it is.
    pub(super) fn walk_on(&self, value: f64, seed: u64, reading: &Reading, clock: &Clock) -> f64 {
        let Model::RandomWalk { step, min, max, .. } = self.sensor.model else { return value };
        if reading.tick == 0 || self.active(FaultKind::Stuck, seed, reading, clock).is_some() {
            return value;
        }
        let next = value + step * Stream::new(seed, reading.device, self.purpose).both_ways(reading.tick);
        let turned = if next < min {
            2.0 * min - next
        } else if next > max {
            2.0 * max - next
        } else {
            next
        };
        turned.clamp(min, max)
    }

    fn active(&self, kind: FaultKind, seed: u64, reading: &Reading, clock: &Clock) -> Option<&Fault> {
        self.faults.iter().find(|fault| fault.kind == kind && fault.is_active(seed, reading, clock))
    }

    /// The column of `readings`; `walks` are the values of a random walk, one for each.
    pub(super) fn column(&self, seed: u64, readings: &[Reading], walks: &[f64], clock: &Clock) -> ArrayRef {
        match &self.sensor.model {
            Model::Status { values } => self.status(values, seed, readings, clock),
            Model::Counter { start, step } => Arc::new(Int64Array::from_iter_values(readings.iter().map(|reading| {
                let at = self.effective(seed, reading, clock);
                let counted = start.saturating_add(step.saturating_mul(at.tick.cast_signed()));
                counted.saturating_add(self.shift(seed, reading, clock).round() as i64)
            }))),
            Model::RandomWalk { .. } => Arc::new(Float64Array::from_iter_values(
                readings.iter().zip(walks).map(|(reading, value)| self.finish(*value, seed, reading, clock)),
            )),
            Model::Constant { value } => Arc::new(Float64Array::from_iter_values(
                readings.iter().map(|reading| self.finish(*value, seed, reading, clock)),
            )),
            Model::Sine { mean, amplitude, period, noise } => {
                let turns_per_us = 1.0 / (period.duration().as_nanos() as f64 / 1_000.0);
                Arc::new(Float64Array::from_iter_values(readings.iter().map(|reading| {
                    let at = self.effective(seed, reading, clock);
                    let stream = Stream::new(seed, reading.device, self.purpose);
                    let turns = clock.since_start_us(&at) as f64 * turns_per_us + stream.share(u64::MAX);
                    let value = mean + amplitude * (turns.fract() * TAU).sin() + noise * stream.normal(at.tick);
                    self.finish(value, seed, reading, clock)
                })))
            }
        }
    }

    fn status(&self, values: &[StatusValue], seed: u64, readings: &[Reading], clock: &Clock) -> ArrayRef {
        let total: f64 = values.iter().map(|value| value.weight).sum();
        let mut column = StringBuilder::with_capacity(readings.len(), readings.len() * 8);
        for reading in readings {
            let at = self.effective(seed, reading, clock);
            let mut left = Stream::new(seed, reading.device, self.purpose).share(at.tick) * total;
            let drawn = values.iter().find(|value| {
                left -= value.weight;
                left < 0.0
            });
            column.append_value(drawn.or(values.last()).map_or("", |value| value.value.as_str()));
        }
        Arc::new(column.finish())
    }

    /// The reading whose value is shown: a stuck sensor shows that of the moment when it got stuck.
    fn effective(&self, seed: u64, reading: &Reading, clock: &Clock) -> Reading {
        if self.faults.is_empty() {
            return *reading;
        }
        self.active(FaultKind::Stuck, seed, reading, clock)
            .and_then(|fault| fault.first_reading(reading, clock))
            .unwrap_or(*reading)
    }

    /// What spikes, offsets and drift add.
    fn shift(&self, seed: u64, reading: &Reading, clock: &Clock) -> f64 {
        let mut shift = 0.0;
        if self.sensor.drift_per_hour != 0.0 {
            let at = self.effective(seed, reading, clock);
            shift += self.sensor.drift_per_hour * (clock.since_start_us(&at) as f64 / 3.6e9);
        }
        for fault in &self.faults {
            let adds = match fault.kind {
                FaultKind::Offset => true,
                FaultKind::Spike => fault.first_reading(reading, clock).is_some_and(|first| first.tick == reading.tick),
                FaultKind::Stuck | FaultKind::Silence => false,
            };
            if adds && fault.is_active(seed, reading, clock) {
                shift += fault.size;
            }
        }
        shift
    }

    #[inline]
    fn finish(&self, value: f64, seed: u64, reading: &Reading, clock: &Clock) -> f64 {
        let value = if self.faults.is_empty() && self.sensor.drift_per_hour == 0.0 {
            value
        } else {
            value + self.shift(seed, reading, clock)
        };
        (value * self.scale).round() / self.scale
    }
}
