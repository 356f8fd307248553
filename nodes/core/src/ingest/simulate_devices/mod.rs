//! `ingest.simulate_devices`: a fleet that exists only here.
//!
//! `fleet` says which device sends what and when, `sensor` what it measures, `trouble` what goes wrong, `random` is where
//! all chance comes from. Rows are a function of the params and their number alone, so that the portions in which they are
//! made do not show. State: the number of the next reading, the random walks, rows that are still late, the start.

mod fleet;
pub(super) mod random;
mod sensor;
#[cfg(test)]
mod tests;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, StringBuilder, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use millrace_model::event_time::{UTC, timestamp_type, with_event_time};
use millrace_model::{Interval, PortCard, suggest};
use millrace_operator::watermark::{DEFAULT_MAX_OUT_OF_ORDERNESS, WatermarkMaker, WatermarkState};
use millrace_operator::{
    BuildContext, CardText, InferContext, Machine, Node, NodeError, Source, SourceContext, SourceEvent, State,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::format::columns::parse_time_us;
use crate::ingest::event_time;
use fleet::{Clock, Fleet, FleetState, Portion};
use sensor::Gauge;
pub use sensor::{Model, Sensor, StatusValue};
pub use trouble::{Disorder, Fault, FaultKind};

const TIME: &str = "time";
const DEVICE: &str = "device";
const SITE: &str = "site";
const MAX_DEVICES: u32 = 1_000_000;

/// Makes the readings of a fleet of devices: to try a pipeline before the real ones are there, and to see what it does
/// when things go wrong.
///
/// Each device sends a row every *Interval*, the devices one after the other. A row has `time` (the event time), `device`,
/// `site` and a column for each sensor. The same seed gives the same rows, always.
///
/// | time | device | site | temperature | humidity | status |
/// | --- | --- | --- | --- | --- | --- |
/// | 2026-01-01T00:00:00Z | dev-00000 | site-1 | 18.37 | 50 | ok |
/// | 2026-01-01T00:00:00.1Z | dev-00001 | site-2 | 23.91 | 50 | ok |
///
/// *Pace* says whether the clock on the wall is kept: in real time the first row is of now, and rows come as their time
/// comes; else they come as fast as the pipeline takes them.
///
/// Trouble can be ordered: rows that are lost or sent twice, rows that come late, and faults of sensors or devices.
///
/// **Delivery:** exactly-once effect; after a restart it goes on with the next row.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// How many devices there are.
    #[serde(default = "default_devices")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub devices: u32,
    /// How often each device sends a row.
    #[serde(default = "default_interval")]
    pub interval: Interval,
    /// Rows a second from all devices together, in event time; when given, it stands above the interval.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub rate: Option<f64>,
    /// Whether rows come as fast as they are taken, or when their time comes.
    #[serde(default)]
    pub pace: Pace,
    /// Ends after this many readings of the fleet; lost ones count, doubles do not. Empty: no end.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub limit: Option<u64>,
    /// Ends when this much event time has passed. Empty: no end.
    #[serde(default)]
    pub duration: Option<Interval>,
    /// What the devices measure.
    #[serde(default = "default_sensors")]
    pub sensors: Vec<Sensor>,
    /// How many sites the devices are spread over.
    #[serde(default = "default_sites")]
    #[schemars(range(min = 1))]
    pub sites: u32,
    /// All chance follows from it: another seed, other rows.
    #[serde(default = "default_seed")]
    #[schemars(range(min = 0))]
    pub seed: u64,
    /// The time of the first row, in ISO 8601. In real time it is the time at which the run starts.
    #[serde(default = "default_start_time")]
    pub start_time: String,
    /// The share of rows that are lost on the way, from 0 to 1.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    pub dropout: f64,
    /// The share of rows that are sent twice, from 0 to 1.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    pub duplicates: f64,
    /// Rows that come late, after rows with a later time.
    #[serde(default)]
    pub disorder: Disorder,
    /// Faults of sensors and devices, each for some of the time.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// How far rows may be out of order: the watermark stays this much behind the newest time.
    #[serde(default = "default_max_out_of_orderness")]
    pub max_out_of_orderness: Interval,
    /// After this long without a row the source counts as idle: the windows of what comes after no longer wait for it.
    #[serde(default = "event_time::default_idle_timeout")]
    #[schemars(extend("keeps_state" = true))]
    pub idle_timeout: Interval,
}

/// Whether the clock on the wall is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// Rows come when their time comes.
    #[default]
    RealTime,
    /// Rows come as fast as the pipeline takes them.
    AsFastAsPossible,
}

fn default_devices() -> u32 {
    10
}

fn default_interval() -> Interval {
    Interval::from_secs(1)
}

fn default_sites() -> u32 {
    4
}

fn default_seed() -> u64 {
    1
}

fn default_start_time() -> String {
    "2026-01-01T00:00:00Z".to_owned()
}

fn default_max_out_of_orderness() -> Interval {
    DEFAULT_MAX_OUT_OF_ORDERNESS
}

fn default_sensors() -> Vec<Sensor> {
    let word = |value: &str, weight: f64| StatusValue { value: value.to_owned(), weight };
    let sensor = |name: &str, model: Model| Sensor { name: name.to_owned(), model, drift_per_hour: 0.0, decimals: 2 };
    vec![
        sensor("temperature", Model::default()),
        sensor("humidity", Model::RandomWalk { start: 50.0, step: 1.0, min: 0.0, max: 100.0 }),
        sensor("status", Model::Status { values: vec![word("ok", 97.0), word("warning", 2.0), word("error", 1.0)] }),
    ]
}

impl Params {
    fn interval_ns(&self) -> Option<u64> {
        let ns = match self.rate {
            Some(rate) if rate > 0.0 => (f64::from(self.devices) / rate * 1e9).round(),
            Some(_) => return None,
            None => self.interval.duration().as_nanos() as f64,
        };
        (1.0..=9e18).contains(&ns).then_some(ns as u64)
    }

    /// How many readings the fleet takes before it ends.
    fn num_readings(&self, clock: &Clock) -> u64 {
        let by_time = self.duration.map_or(u64::MAX, |duration| {
            // The first reading that is not before the end, by halving.
            let end_us = duration.as_micros();
            let (mut low, mut high) = (0, u64::MAX / 4);
            while low < high {
                let middle = low + (high - low) / 2;
                if clock.since_start_us(&clock.reading(middle)) < end_us {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            low
        });
        by_time.min(self.limit.unwrap_or(u64::MAX))
    }
}

/// The node kind.
pub struct SimulateDevices;

impl Node for SimulateDevices {
    type Params = Params;
    const KIND: &'static str = "ingest.simulate_devices";

    fn card() -> CardText {
        CardText::new("Simulate devices", "Readings of a fleet that exists only here", "cpu")
            .output(PortCard::rows("A row for each reading of a device."))
            .headline("devices")
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        check(params, cx);
        event_time::check_idle_timeout(params.idle_timeout, cx);
        let mut fields = vec![
            Field::new(TIME, timestamp_type(), true),
            Field::new(DEVICE, DataType::Utf8, true),
            Field::new(SITE, DataType::Utf8, true),
        ];
        for (index, sensor) in params.sensors.iter().enumerate() {
            if sensor.name.trim().is_empty() {
                cx.error(format!("sensors[{index}].name"), "missing_name", "This sensor needs a name.");
            } else if fields.iter().any(|field| *field.name() == sensor.name) {
                let message = format!("There are two columns `{}`.", sensor.name);
                cx.error(format!("sensors[{index}].name"), "duplicate_column", message);
            }
            if let Some((param, message)) = sensor.fault() {
                cx.error(format!("sensors[{index}].{param}"), "impossible_sensor", message);
            }
            fields.push(Field::new(&sensor.name, sensor.data_type(), true));
        }
        if cx.has_errors() {
            return vec![None];
        }
        vec![Some(with_event_time(&Schema::new(fields), Some(TIME)))]
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let schema = cx.outputs.first().ok_or_else(|| NodeError::internal("the fleet has no output schema"))?.clone();
        let start_us = parse_time_us(params.start_time.trim()).unwrap_or_default();
        let interval_ns = params.interval_ns().ok_or_else(|| NodeError::user("the interval is impossible"))?;
        let clock = Clock::new(start_us, interval_ns, params.devices);
        let gauges: Vec<Gauge> = params
            .sensors
            .iter()
            .enumerate()
            .map(|(index, sensor)| {
                let at_fault = |fault: &&Fault| {
                    fault.kind != FaultKind::Silence && (fault.sensor.is_empty() || fault.sensor == sensor.name)
                };
                Gauge::new(sensor.clone(), index, params.faults.iter().filter(at_fault).cloned().collect())
            })
            .collect();
        let fleet = Fleet::new(&params, &gauges, params.num_readings(&clock));
        let device_names = (0..params.devices).map(|device| format!("dev-{device:05}")).collect();
        let site_names = (1..=params.sites.min(params.devices)).map(|site| format!("site-{site}")).collect();
        let watermark = WatermarkMaker::new(&schema, params.max_out_of_orderness);
        Ok(Machine::Source(Box::new(SimulatedFleet {
            is_started: params.pace == Pace::AsFastAsPossible,
            params,
            schema,
            clock,
            gauges,
            fleet,
            device_names,
            site_names,
            watermark,
        })))
    }
}

fn check(params: &Params, cx: &mut InferContext<'_>) {
    if params.devices == 0 || params.devices > MAX_DEVICES {
        cx.error("devices", "out_of_range", format!("A fleet has 1 to {MAX_DEVICES} devices."));
    }
    if params.sites == 0 {
        cx.error("sites", "out_of_range", "There must be at least one site.");
    }
    if params.interval_ns().is_none() {
        let param = if params.rate.is_some() { "rate" } else { "interval" };
        cx.error(param, "out_of_range", "It must be more than nothing.");
    }
    if parse_time_us(params.start_time.trim()).is_none() {
        let message = format!("`{}` is not a time such as `2026-01-01T00:00:00Z`.", params.start_time);
        cx.error("start_time", "not_a_time", message);
    }
    let shares =
        [("dropout", params.dropout), ("duplicates", params.duplicates), ("disorder.share", params.disorder.share)];
    for (param, share) in shares {
        if !(0.0..=1.0).contains(&share) {
            cx.error(param, "out_of_range", format!("{share} is not a share: write a number from 0 to 1."));
        }
    }
    for (index, fault) in params.faults.iter().enumerate() {
        if !(0.0..=1.0).contains(&fault.devices) {
            let message = format!("{} is not a share: write a number from 0 to 1.", fault.devices);
            cx.error(format!("faults[{index}].devices"), "out_of_range", message);
        }
        if !fault.sensor.is_empty() && params.sensors.iter().all(|sensor| sensor.name != fault.sensor) {
            let hint = suggest::hint(&fault.sensor, params.sensors.iter().map(|sensor| sensor.name.as_str()));
            let message = format!("There is no sensor `{}`.{hint}", fault.sensor);
            cx.error(format!("faults[{index}].sensor"), "unknown_sensor", message);
        }
    }
}

struct SimulatedFleet {
    params: Params,
    schema: SchemaRef,
    clock: Clock,
    gauges: Vec<Gauge>,
    fleet: Fleet,
    device_names: Vec<String>,
    site_names: Vec<String>,
    watermark: Option<WatermarkMaker>,
    /// Whether the start is settled; in real time it is when the first row is asked for.
    is_started: bool,
}

#[derive(Serialize, Deserialize)]
struct SavedState {
    start_us: i64,
    is_started: bool,
    fleet: FleetState,
    watermark: Option<WatermarkState>,
}

impl SimulatedFleet {
    fn batch_of(&self, portion: &Portion) -> Result<RecordBatch, NodeError> {
        let readings = &portion.readings;
        let times = TimestampMicrosecondArray::from_iter_values(
            readings.iter().map(|reading| self.clock.start_us.saturating_add(self.clock.since_start_us(reading))),
        );
        let mut devices = StringBuilder::with_capacity(readings.len(), readings.len() * 9);
        let mut sites = StringBuilder::with_capacity(readings.len(), readings.len() * 8);
        for reading in readings {
            let device = reading.device as usize;
            devices.append_value(&self.device_names[device]);
            sites.append_value(&self.site_names[device % self.site_names.len()]);
        }
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(times.with_timezone(UTC)), Arc::new(devices.finish()), Arc::new(sites.finish())];
        let mut walks = portion.walks.iter();
        for gauge in &self.gauges {
            let values = if gauge.walk_start().is_some() { walks.next().map_or(&[][..], Vec::as_slice) } else { &[] };
            columns.push(gauge.column(self.params.seed, readings, values, &self.clock));
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    /// How long until the next reading is due, at most a tenth of a second.
    fn time_to_next(&self, elapsed_us: i64) -> Duration {
        let due_us = self.fleet.next_index().map_or(0, |index| self.clock.since_start_us(&self.clock.reading(index)));
        Duration::from_micros(due_us.saturating_sub(elapsed_us).clamp(1_000, 100_000).cast_unsigned())
    }
}

#[async_trait]
impl Source for SimulatedFleet {
    async fn next(&mut self, cx: &mut SourceContext<'_>) -> Result<SourceEvent, NodeError> {
        if !self.is_started {
            self.clock.start_us = cx.output.now_us();
            self.is_started = true;
        }
        if self.fleet.is_finished() {
            return Ok(SourceEvent::End);
        }
        let elapsed_us = match self.params.pace {
            Pace::AsFastAsPossible => i64::MAX,
            Pace::RealTime => cx.output.now_us().saturating_sub(self.clock.start_us),
        };
        let portion = self.fleet.take(cx.batch_size.max(1), elapsed_us, &self.gauges, &self.clock);
        if portion.readings.is_empty() {
            let waits = self.params.pace == Pace::RealTime && !self.fleet.is_finished();
            return Ok(if waits { SourceEvent::Idle(self.time_to_next(elapsed_us)) } else { SourceEvent::More });
        }
        let batch = self.batch_of(&portion)?;
        match &mut self.watermark {
            Some(watermark) => watermark.emit(0, batch, cx.output)?,
            None => cx.output.emit(0, batch),
        }
        Ok(SourceEvent::More)
    }

    fn idle_timeout(&self) -> Option<Duration> {
        Some(self.params.idle_timeout.duration())
    }

    fn snapshot(&mut self) -> Result<State, NodeError> {
        let state = SavedState {
            start_us: self.clock.start_us,
            is_started: self.is_started,
            fleet: self.fleet.state(),
            watermark: self.watermark.as_ref().map(WatermarkMaker::state),
        };
        serde_json::to_vec(&state)
            .map_err(|error| NodeError::internal("the state of the fleet cannot be written").with_source(error))
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let state: SavedState = serde_json::from_slice(state)
            .map_err(|error| NodeError::internal("the state of the fleet cannot be read").with_source(error))?;
        self.clock.start_us = state.start_us;
        self.is_started = state.is_started;
        self.fleet.restore(state.fleet);
        if let (Some(watermark), Some(state)) = (&mut self.watermark, state.watermark) {
            watermark.restore(state);
        }
        Ok(())
    }
}
