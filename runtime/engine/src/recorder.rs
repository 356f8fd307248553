//! Keeps what the sources of a run give, rows and watermarks in their order, so that a replay can give it again.
//!
//! Batches are shared, not copied, and the lock is held only while a few pointers move. Each source may give so many
//! rows and bytes; what comes after that is not kept, and the source ends.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use arrow::array::RecordBatch;
use millrace_model::NodeId;
use millrace_operator::output::Emitted;

/// For [`RunOptions::recorder`](crate::RunOptions).
#[derive(Debug)]
pub struct Recorder {
    /// Rows of each source.
    max_rows: usize,
    /// Bytes of each source, as they lie in memory.
    max_bytes: usize,
    kept: Mutex<BTreeMap<NodeId, Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    emitted: Vec<Emitted>,
    num_rows: usize,
    num_bytes: usize,
}

impl Recorder {
    pub fn new(max_rows: usize, max_bytes: usize) -> Self {
        Self { max_rows, max_bytes, kept: Mutex::default() }
    }

    /// Keeps what `source` has just given; false when there is no room for more.
    pub(crate) fn note(&self, source: &NodeId, emitted: &[Emitted]) -> bool {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.entry(source.clone()).or_default();
        for one in emitted {
            let one = match one {
                Emitted::Watermark(_) => one.clone(),
                Emitted::Batch(port, batch) => {
                    let batch = batch.slice(0, batch.num_rows().min(self.max_rows - kept.num_rows));
                    kept.num_rows += batch.num_rows();
                    kept.num_bytes += bytes_of(&batch);
                    Emitted::Batch(*port, batch)
                }
            };
            kept.emitted.push(one);
            if kept.num_rows >= self.max_rows || kept.num_bytes >= self.max_bytes {
                return false;
            }
        }
        true
    }

    /// What each source gave. Sources that gave nothing are missing.
    pub fn take(&self) -> BTreeMap<NodeId, Vec<Emitted>> {
        let kept = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        kept.into_iter().map(|(source, kept)| (source, kept.emitted)).collect()
    }
}

/// A slice counts with its share of the memory that it keeps alive.
fn bytes_of(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or_default()).sum()
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

    fn rows(recorder: &Recorder) -> usize {
        let count = |emitted: &Emitted| match emitted {
            Emitted::Batch(_, batch) => batch.num_rows(),
            Emitted::Watermark(_) => 0,
        };
        recorder.take().values().flatten().map(count).sum()
    }

    #[test]
    fn no_source_is_kept_beyond_the_limits() {
        let source = |name: &str| NodeId::new(name).expect("an id");
        let recorder = Recorder::new(10, usize::MAX);
        assert!(recorder.note(&source("a"), &[batch(6), Emitted::Watermark(1)]));
        assert!(!recorder.note(&source("a"), &[batch(6), batch(6)]), "the limit is within the first batch");
        assert!(recorder.note(&source("b"), &[batch(3)]), "each source has its own limit");
        assert_eq!(rows(&recorder), 13);
        let recorder = Recorder::new(usize::MAX, 100);
        assert!(recorder.note(&source("a"), &[batch(12)]));
        assert!(!recorder.note(&source("a"), &[batch(1), batch(6)]), "thirteen rows of 8 bytes are more than 100");
        assert_eq!(rows(&recorder), 13);
    }
}
