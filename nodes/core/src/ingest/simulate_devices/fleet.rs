//! Which device sends what and when: readings in the order in which they arrive.
//!
//! Reading `i` is that of device `i % devices` at tick `i / devices`. Whether it is lost, doubled or late follows from
//! seed, device and tick alone; late ones wait in a heap until the time of the readings passes their arrival.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};

use super::Params;
use super::random::Stream;
use super::sensor::Gauge;
use super::trouble::{Fault, FaultKind};

const DROPOUT: u64 = 1;
const DUPLICATE: u64 = 2;
const IS_LATE: u64 = 3;
const DELAY: u64 = 4;

/// One time that one device looks at its sensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Reading {
    pub tick: u64,
    pub device: u32,
}

/// When readings are taken: each device once an interval, the devices one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub start_us: i64,
    interval_ns: u64,
    devices: u64,
    /// Whole nanoseconds between two devices, and what is left over.
    gap_ns: u64,
    gap_rest: u64,
}

impl Clock {
    pub(super) fn new(start_us: i64, interval_ns: u64, devices: u32) -> Self {
        let (interval_ns, devices) = (interval_ns.max(1), u64::from(devices.max(1)));
        Self { start_us, interval_ns, devices, gap_ns: interval_ns / devices, gap_rest: interval_ns % devices }
    }

    #[inline]
    pub(super) fn since_start_us(&self, reading: &Reading) -> i64 {
        let ns = reading.tick.saturating_mul(self.interval_ns).saturating_add(self.offset_ns(reading.device));
        (ns / 1_000).cast_signed()
    }

    /// How long after the first device of a tick this one takes its reading.
    #[inline]
    fn offset_ns(&self, device: u32) -> u64 {
        // In two parts, so that no product outgrows 64 bits.
        let device = u64::from(device);
        device * self.gap_ns + device * self.gap_rest / self.devices
    }

    pub(super) fn reading(&self, index: u64) -> Reading {
        let device = u32::try_from(index % self.devices).expect("devices are counted in 32 bits");
        Reading { tick: index / self.devices, device }
    }

    pub(super) fn first_reading_since(&self, device: u32, since_start_us: i64) -> Reading {
        let wanted_ns = since_start_us.max(0).cast_unsigned().saturating_mul(1_000);
        let tick = wanted_ns.saturating_sub(self.offset_ns(device)).div_ceil(self.interval_ns);
        Reading { tick, device }
    }
}

/// A reading on its way, with the values of the random walks when it was taken. The values are kept as bits, which text
/// does not change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Late {
    arrives_us: i64,
    index: u64,
    reading: Reading,
    copies: u8,
    walks: Vec<u64>,
}

/// What is remembered between two portions.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct FleetState {
    pub next_index: u64,
    /// For each walking sensor the value of each device, as bits.
    walks: Vec<Vec<u64>>,
    late: Vec<Late>,
}

/// Readings of one portion, and for each walking sensor its values.
#[derive(Default)]
pub(super) struct Portion {
    pub readings: Vec<Reading>,
    pub walks: Vec<Vec<f64>>,
}

impl Portion {
    fn push(&mut self, reading: Reading, copies: u8, walks: impl Fn(usize) -> f64) {
        for _ in 0..copies {
            self.readings.push(reading);
            for (index, values) in self.walks.iter_mut().enumerate() {
                values.push(walks(index));
            }
        }
    }
}

pub(super) struct Fleet {
    seed: u64,
    dropout: f64,
    duplicates: f64,
    late_share: f64,
    max_delay_us: i64,
    silences: Vec<Fault>,
    /// The index of each walking gauge.
    walking: Vec<usize>,
    next_index: u64,
    num_readings: u64,
    walks: Vec<Vec<f64>>,
    late: BinaryHeap<Reverse<Late>>,
}

impl Fleet {
    /// `num_readings` is where the fleet stops, if it does.
    pub(super) fn new(params: &Params, gauges: &[Gauge], num_readings: u64) -> Self {
        let walking: Vec<usize> = gauges
            .iter()
            .enumerate()
            .filter(|(_, gauge)| gauge.walk_start().is_some())
            .map(|(index, _)| index)
            .collect();
        let walks = walking
            .iter()
            .map(|index| vec![gauges[*index].walk_start().unwrap_or_default(); params.devices as usize])
            .collect();
        Self {
            seed: params.seed,
            dropout: params.dropout,
            duplicates: params.duplicates,
            late_share: params.disorder.share,
            max_delay_us: params.disorder.max_delay.as_micros(),
            silences: params.faults.iter().filter(|fault| fault.kind == FaultKind::Silence).cloned().collect(),
            walking,
            next_index: 0,
            num_readings,
            walks,
            late: BinaryHeap::new(),
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.next_index >= self.num_readings && self.late.is_empty()
    }

    /// The index of the next reading to be taken; none when only late ones are left.
    pub(super) fn next_index(&self) -> Option<u64> {
        (self.next_index < self.num_readings).then_some(self.next_index)
    }

    /// Readings that arrive until `until_us` (since the start): some `num_rows`, or fewer when time is up.
    pub(super) fn take(&mut self, num_rows: usize, until_us: i64, gauges: &[Gauge], clock: &Clock) -> Portion {
        let mut portion =
            Portion { readings: Vec::with_capacity(num_rows + 8), walks: vec![Vec::new(); self.walking.len()] };
        // Bounds the work of one call where most readings are lost.
        let mut steps = num_rows.saturating_mul(4).saturating_add(1_000);
        while portion.readings.len() < num_rows && steps > 0 {
            steps -= 1;
            if self.next_index >= self.num_readings {
                let Some(Reverse(late)) = self.late.pop() else { break };
                release(&late, &mut portion);
                continue;
            }
            let reading = clock.reading(self.next_index);
            let now_us = clock.since_start_us(&reading);
            if now_us > until_us {
                break;
            }
            while self.late.peek().is_some_and(|Reverse(late)| late.arrives_us <= now_us) {
                if let Some(Reverse(late)) = self.late.pop() {
                    release(&late, &mut portion);
                }
            }
            self.step(reading, now_us, gauges, clock, &mut portion);
        }
        portion
    }

    fn step(&mut self, reading: Reading, now_us: i64, gauges: &[Gauge], clock: &Clock, portion: &mut Portion) {
        let index = self.next_index;
        self.next_index += 1;
        let device = reading.device as usize;
        for (walk, gauge) in self.walking.iter().enumerate() {
            let value = &mut self.walks[walk][device];
            *value = gauges[*gauge].walk_on(*value, self.seed, &reading, clock);
        }
        let hits = |share: f64, purpose: u64| {
            share > 0.0 && Stream::new(self.seed, reading.device, purpose).share(reading.tick) < share
        };
        if hits(self.dropout, DROPOUT) || self.silences.iter().any(|fault| fault.is_active(self.seed, &reading, clock))
        {
            return;
        }
        let copies = if hits(self.duplicates, DUPLICATE) { 2 } else { 1 };
        if hits(self.late_share, IS_LATE) && self.max_delay_us > 0 {
            let share = 1.0 - Stream::new(self.seed, reading.device, DELAY).share(reading.tick);
            let walks = self.walks.iter().map(|values| values[device].to_bits()).collect();
            let arrives_us = now_us + (self.max_delay_us as f64 * share) as i64;
            self.late.push(Reverse(Late { arrives_us, index, reading, copies, walks }));
            return;
        }
        let walks = &self.walks;
        portion.push(reading, copies, |walk| walks[walk][device]);
    }

    pub(super) fn state(&self) -> FleetState {
        let mut late: Vec<Late> = self.late.iter().map(|Reverse(late)| late.clone()).collect();
        late.sort();
        FleetState {
            next_index: self.next_index,
            walks: self.walks.iter().map(|values| values.iter().map(|value| value.to_bits()).collect()).collect(),
            late,
        }
    }

    /// Goes on from `state`; what does not fit the params (another number of devices) starts anew.
    pub(super) fn restore(&mut self, state: FleetState) {
        self.next_index = state.next_index;
        self.late = state.late.into_iter().map(Reverse).collect();
        for (values, saved) in self.walks.iter_mut().zip(state.walks) {
            for (value, bits) in values.iter_mut().zip(saved) {
                *value = f64::from_bits(bits);
            }
        }
    }
}

fn release(late: &Late, portion: &mut Portion) {
    portion.push(late.reading, late.copies, |walk| late.walks.get(walk).copied().map_or(0.0, f64::from_bits));
}
