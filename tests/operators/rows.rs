//! The rows that every bench here works on, as plain values for the slow ways and as batches for the operators.
//!
//! Made by a small generator of fixed seed, so that they are the same on each machine and in each run.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use millrace_model::event_time::{UTC, with_event_time};

/// Rows in one batch, as in a run by default.
pub const BATCH: usize = 8_192;
/// Rows of one measurement.
pub const ROWS: usize = 32 * BATCH;
/// Rows of one second of event time.
pub const ROWS_A_SECOND: i64 = 1_000;
pub const SECOND: i64 = 1_000_000;

/// One reading.
#[derive(Debug, Clone)]
pub struct Row {
    /// Event time in microseconds; rows are in the order of it.
    pub time: i64,
    pub device: usize,
    /// 0 to 99.
    pub value: i64,
    /// Degrees Celsius, 0 up to 40.
    pub temperature: f64,
}

/// The readings of `devices` devices, one a millisecond.
pub fn rows(devices: usize, seed: u64) -> Vec<Row> {
    let mut random = SplitMix(seed);
    (0..ROWS)
        .map(|row| Row {
            time: row as i64 * SECOND / ROWS_A_SECOND,
            device: (random.next() % devices as u64) as usize,
            value: (random.next() % 100) as i64,
            temperature: (random.next() % 4_000) as f64 / 100.0,
        })
        .collect()
}

/// The rows as batches of `ts`, `device`, `value`, `temperature` and, as a text, `line`.
pub fn batches(rows: &[Row]) -> Vec<RecordBatch> {
    rows.chunks(BATCH).map(batch).collect()
}

fn batch(rows: &[Row]) -> RecordBatch {
    let times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.time)).with_timezone(UTC);
    let lines = rows.iter().map(|row| format!("{} d{:06} value={}", row.time, row.device, row.value));
    let plain = RecordBatch::try_from_iter([
        ("ts", Arc::new(times) as ArrayRef),
        ("device", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| format!("d{:06}", row.device))))),
        ("value", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.value)))),
        ("temperature", Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.temperature)))),
        ("line", Arc::new(StringArray::from_iter_values(lines))),
    ])
    .expect("columns of one length");
    let schema = with_event_time(&plain.schema(), Some("ts"));
    plain.with_schema(schema).expect("only the metadata differs")
}

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
