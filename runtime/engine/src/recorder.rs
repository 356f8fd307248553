//! Keeps what passes at some places of a run, rows and watermarks in their order and with their time, so that a replay
//! can give it again.
//!
//! A [`Recorder`] keeps; a listener at each place hands it what passes there while one is set, and is one atomic load
//! while none is. Batches are shared, not copied, and the locks are held only while a few pointers move. Invariant: no
//! more is kept than the limits say, and what is kept is whole up to the moment at which they were met.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use millrace_model::NodeId;
use millrace_operator::output::Emitted;

use crate::world::World;

/// One thing that was given, and when.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Since the recording began.
    pub at: Duration,
    pub emitted: Emitted,
}

/// For [`RunOptions::recorder`](crate::RunOptions) and [`Run::record`](crate::Run::record).
#[derive(Debug)]
pub struct Recorder {
    max_rows: usize,
    /// As they lie in memory.
    max_bytes: usize,
    /// The limits are those of each source, which ends when they are met; else those of everything together, and then
    /// nothing more is kept.
    ends_sources: bool,
    began: OnceLock<(World, Instant)>,
    kept: Mutex<AllKept>,
}

#[derive(Debug, Default)]
struct AllKept {
    of: BTreeMap<NodeId, Kept>,
    num_rows: usize,
    num_bytes: usize,
    full_at: Option<Duration>,
}

#[derive(Debug, Default)]
struct Kept {
    recorded: Vec<Recorded>,
    num_rows: usize,
    num_bytes: usize,
}

/// How much a recorder has kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub num_rows: usize,
    pub num_bytes: usize,
    /// Since it began, or until it was full.
    pub elapsed: Duration,
    /// The limits are met, and what came after is not kept.
    pub is_full: bool,
}

impl Recorder {
    /// Keeps so much of each source, which then ends.
    pub fn new(max_rows: usize, max_bytes: usize) -> Self {
        Self { max_rows, max_bytes, ends_sources: true, began: OnceLock::new(), kept: Mutex::default() }
    }

    /// Keeps so much of a run that goes on.
    pub fn beside(max_rows: usize, max_bytes: usize) -> Self {
        Self { ends_sources: false, ..Self::new(max_rows, max_bytes) }
    }

    /// The time from which all others count.
    pub(crate) fn begin(&self, world: &World) {
        // One that began before goes on.
        let _ = self.began.set((world.clone(), world.now()));
    }

    fn elapsed(&self) -> Duration {
        self.began.get().map_or(Duration::ZERO, |(world, began)| world.now() - *began)
    }

    /// Keeps what `source` has just given; false when there is no room for more.
    pub(crate) fn note(&self, source: &NodeId, emitted: impl IntoIterator<Item = Emitted>) -> bool {
        let at = self.elapsed();
        let mut all = self.lock();
        if all.full_at.is_some() {
            return false;
        }
        all.of.entry(source.clone()).or_default();
        for emitted in emitted {
            let AllKept { of, num_rows, num_bytes, full_at } = &mut *all;
            let kept = of.entry(source.clone()).or_default();
            let count = if self.ends_sources { kept.num_rows } else { *num_rows };
            let emitted = match emitted {
                Emitted::Watermark(watermark_us) => Emitted::Watermark(watermark_us),
                Emitted::Batch(port, batch) => {
                    let batch = batch.slice(0, batch.num_rows().min(self.max_rows - count));
                    let bytes = bytes_of(&batch);
                    kept.num_rows += batch.num_rows();
                    *num_rows += batch.num_rows();
                    kept.num_bytes += bytes;
                    *num_bytes += bytes;
                    Emitted::Batch(port, batch)
                }
            };
            kept.recorded.push(Recorded { at, emitted });
            let (count, bytes) =
                if self.ends_sources { (kept.num_rows, kept.num_bytes) } else { (*num_rows, *num_bytes) };
            if count >= self.max_rows || bytes >= self.max_bytes {
                if !self.ends_sources {
                    *full_at = Some(at);
                }
                return false;
            }
        }
        true
    }

    pub fn progress(&self) -> Progress {
        let all = self.lock();
        Progress {
            num_rows: all.num_rows,
            num_bytes: all.num_bytes,
            elapsed: all.full_at.unwrap_or_else(|| self.elapsed()),
            is_full: all.full_at.is_some(),
        }
    }

    /// What each source gave. Sources that said nothing are missing.
    pub fn take(&self) -> BTreeMap<NodeId, Vec<Recorded>> {
        let kept = std::mem::take(&mut self.lock().of);
        kept.into_iter().map(|(source, kept)| (source, kept.recorded)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, AllKept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place of a run at which a recorder may listen.
#[derive(Debug, Default)]
pub(crate) struct Listener {
    is_on: AtomicBool,
    listening: Mutex<Option<Listening>>,
}

#[derive(Debug)]
struct Listening {
    recorder: Arc<Recorder>,
    /// As whose it is kept.
    node: NodeId,
    /// By instance of the node: time on a wire is where the last of them is.
    watermarks: Vec<Option<i64>>,
    said: Option<i64>,
}

impl Listener {
    /// Hands what passes to `recorder`, as what was given by `node`, which runs in so many instances.
    pub fn begin(&self, recorder: Arc<Recorder>, node: NodeId, num_instances: usize) {
        let watermarks = vec![None; num_instances];
        *self.lock() = Some(Listening { recorder, node, watermarks, said: None });
        self.is_on.store(true, Relaxed);
    }

    pub fn end(&self) {
        self.is_on.store(false, Relaxed);
        *self.lock() = None;
    }

    /// Notes what a source has given; true when it is to end.
    pub fn hear_source(&self, emitted: &[Emitted]) -> bool {
        if emitted.is_empty() || !self.is_on.load(Relaxed) {
            return false;
        }
        let listening = self.lock();
        let Some(Listening { recorder, node, .. }) = &*listening else { return false };
        !recorder.note(node, emitted.iter().cloned()) && recorder.ends_sources
    }

    /// Notes a batch that goes over a wire from this output port.
    pub fn hear_batch(&self, port: usize, batch: &RecordBatch) {
        if self.is_on.load(Relaxed)
            && let Some(Listening { recorder, node, .. }) = &*self.lock()
        {
            recorder.note(node, [Emitted::Batch(port, batch.clone())]);
        }
    }

    /// Notes how far event time has come on a wire, by what one instance of the node before it says.
    pub fn hear_watermark(&self, instance: usize, watermark_us: i64) {
        if self.is_on.load(Relaxed)
            && let Some(Listening { recorder, node, watermarks, said }) = &mut *self.lock()
        {
            watermarks[instance] = Some(watermark_us);
            let least = watermarks.iter().copied().min().flatten();
            if let Some(least) = least.filter(|least| *said < Some(*least)) {
                *said = Some(least);
                recorder.note(node, [Emitted::Watermark(least)]);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Listening>> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a column of a batch takes beside its values: a source may give one row at a time.
const COLUMN_BYTES: usize = 128;

/// A slice counts with its share of the memory that it keeps alive.
fn bytes_of(batch: &RecordBatch) -> usize {
    let columns = batch.columns().iter();
    columns.map(|column| COLUMN_BYTES + column.to_data().get_slice_memory_size().unwrap_or_default()).sum()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Int64Array;

    use super::*;

    fn batch(num_rows: i64) -> Emitted {
        let column = Arc::new(Int64Array::from_iter_values(0..num_rows));
        Emitted::Batch(0, RecordBatch::try_from_iter([("a", column as _)]).expect("one column"))
    }

    fn source(name: &str) -> NodeId {
        NodeId::new(name).expect("an id")
    }

    fn rows(recorder: &Recorder) -> usize {
        let count = |recorded: &Recorded| match &recorded.emitted {
            Emitted::Batch(_, batch) => batch.num_rows(),
            Emitted::Watermark(_) => 0,
        };
        recorder.take().values().flatten().map(count).sum()
    }

    #[test]
    fn no_source_is_kept_beyond_the_limits() {
        let recorder = Recorder::new(10, usize::MAX);
        assert!(recorder.note(&source("a"), [batch(6), Emitted::Watermark(1)]));
        assert!(!recorder.note(&source("a"), [batch(6), batch(6)]), "the limit is within the first batch");
        assert!(recorder.note(&source("b"), [batch(3)]), "each source has its own limit");
        assert_eq!(rows(&recorder), 13);
        let recorder = Recorder::new(usize::MAX, 300);
        assert!(recorder.note(&source("a"), [batch(12)]));
        assert!(
            !recorder.note(&source("a"), [batch(1), batch(6)]),
            "thirteen rows of 8 bytes in two batches are more than 300"
        );
        assert_eq!(rows(&recorder), 13);
    }

    #[test]
    fn beside_a_run_the_limits_hold_for_all_sources_together_and_end_none() {
        let recorder = Arc::new(Recorder::beside(10, usize::MAX));
        let [a, b] = ["a", "b"].map(|name| {
            let listener = Listener::default();
            listener.begin(recorder.clone(), source(name), 1);
            listener
        });
        assert!(!a.hear_source(&[batch(6)]) && !recorder.progress().is_full);
        assert!(!b.hear_source(&[batch(6)]), "the source goes on");
        assert!(recorder.progress().is_full);
        assert!(!a.hear_source(&[batch(6)]));
        assert_eq!((recorder.progress().num_rows, rows(&recorder)), (10, 10));
    }

    #[test]
    fn time_on_a_wire_is_where_the_last_instance_is() {
        let recorder = Arc::new(Recorder::beside(10, usize::MAX));
        let listener = Listener::default();
        listener.begin(recorder.clone(), source("a"), 2);
        for (instance, watermark_us) in [(0, 5), (0, 9), (1, 3), (1, 4), (1, 20), (0, 10)] {
            listener.hear_watermark(instance, watermark_us);
        }
        listener.end();
        listener.hear_watermark(0, 30);
        let said: Vec<i64> = recorder.take()[&source("a")]
            .iter()
            .map(|recorded| match recorded.emitted {
                Emitted::Watermark(watermark_us) => watermark_us,
                Emitted::Batch(..) => unreachable!("no rows passed"),
            })
            .collect();
        assert_eq!(said, [3, 4, 9, 10]);
    }
}
