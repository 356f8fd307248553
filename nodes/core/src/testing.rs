//! For tests of sources in this crate: their futures are always ready, so one poll is enough.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use millrace_operator::harness::{Gathered, Harness};

/// # Panics
/// When the future waits for something.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the future is not ready"),
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
