//! For tests of nodes in this crate: sources, whose futures are always ready, so that one poll is enough; and rows with
//! an event time.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use millrace_model::event_time::{UTC, with_event_time};
use millrace_operator::harness::{Gathered, Harness};

/// A row: time in seconds, key, and a number that tells it from the others.
pub(crate) type Row = (Option<i64>, Option<&'static str>, i64);

/// The columns `ts` (the event time), `key` and `id`.
pub(crate) fn event_rows(rows: &[Row]) -> RecordBatch {
    let times = TimestampMicrosecondArray::from_iter(rows.iter().map(|row| row.0.map(|second| second * 1_000_000)));
    let plain = RecordBatch::try_from_iter_with_nullable([
        ("ts", Arc::new(times.with_timezone(UTC)) as ArrayRef, true),
        ("key", Arc::new(StringArray::from_iter(rows.iter().map(|row| row.1))) as ArrayRef, true),
        ("id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.2))) as ArrayRef, true),
    ])
    .expect("columns fit");
    let schema = with_event_time(&plain.schema(), Some("ts"));
    plain.with_schema(schema).expect("only the metadata differs")
}

/// The column `id` of what left by a port.
pub(crate) fn ids(gathered: &Gathered, port: &str) -> Vec<i64> {
    gathered.json(port).iter().filter_map(|row| row["id"].as_i64()).collect()
}

/// # Panics
/// When the future waits for something.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the future is not ready"),
    }
}

/// What becomes of `future`, for which other threads work.
pub(crate) fn wait_for<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(std::sync::Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        std::thread::park();
    }
}

/// Everything that the source gives until it ends or idles.
pub(crate) fn drain(harness: &Harness, batch_size: usize) -> Gathered {
    ready(harness.drain(harness.source().as_mut(), batch_size, usize::MAX)).expect("the source does not fail")
}

/// As [`drain`], but after `first_rows` rows a new source is restored from a snapshot and goes on.
pub(crate) fn drain_in_two_runs(harness: &Harness, batch_size: usize, first_rows: usize) -> Gathered {
    let mut source = harness.source();
    let mut all = ready(harness.drain(source.as_mut(), batch_size, first_rows)).expect("the source does not fail");
    let state = source.snapshot().expect("a snapshot");
    let mut source = harness.source();
    source.restore(&state).expect("the snapshot is read");
    let rest = ready(harness.drain(source.as_mut(), batch_size, usize::MAX)).expect("the source does not fail");
    for (port, batches) in rest.batches {
        all.batches.entry(port).or_default().extend(batches);
    }
    all.watermarks.extend(rest.watermarks);
    all
}

/// The columns `id` and `id_right` of what a join gave, sorted.
pub(crate) fn two_ids(gathered: &Gathered) -> Vec<(Option<i64>, Option<i64>)> {
    let rows = gathered.json("rows");
    let mut found: Vec<_> = rows.iter().map(|row| (row["id"].as_i64(), row["id_right"].as_i64())).collect();
    found.sort_unstable();
    found
}
