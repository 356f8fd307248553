//! Queues between tasks: bounded in bytes and in messages, and blocking.
//!
//! A batch carries a permit for its bytes, which comes free when the batch has been handled. Each queue has one sender
//! and one receiver, so that the order on it is the order of sending; an instance of a node that gets rows from several
//! others has a queue for each. Signals (watermark, idle, barrier, end) take no bytes but keep their place between the batches.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::checkpoint::Barrier;

/// What travels on a wire.
#[derive(Debug)]
pub(crate) enum Message {
    Batch(RecordBatch, OwnedSemaphorePermit),
    Signal(Signal),
}

/// What travels on a wire besides rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// No row older than this will follow; microseconds.
    Watermark(i64),
    /// No rows for now: do not wait for this wire's watermark.
    Idle,
    /// Rows are coming again.
    Active,
    /// What came before belongs to this checkpoint, and what follows does not.
    Barrier(Barrier),
    /// Nothing follows.
    End,
}

/// The other end is gone, which happens only while a run is being ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Closed;

/// The bytes that a queue may hold.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    permits: Arc<Semaphore>,
    limit: u32,
}

impl Budget {
    fn new(limit_bytes: usize) -> Self {
        let limit = u32::try_from(limit_bytes.max(1)).unwrap_or(u32::MAX);
        Self { permits: Arc::new(Semaphore::new(limit as usize)), limit }
    }

    pub fn limit(&self) -> usize {
        self.limit as usize
    }

    pub fn used(&self) -> usize {
        self.limit().saturating_sub(self.permits.available_permits())
    }
}

/// The sending end of a queue.
#[derive(Debug)]
pub(crate) struct Sender {
    messages: mpsc::Sender<Message>,
    budget: Budget,
}

pub(crate) type Receiver = mpsc::Receiver<Message>;

/// A queue for `limit_bytes` and at most `num_messages`.
pub(crate) fn queue(limit_bytes: usize, num_messages: usize) -> (Sender, Receiver) {
    let (messages, receiver) = mpsc::channel(num_messages.max(1));
    (Sender { messages, budget: Budget::new(limit_bytes) }, receiver)
}

impl Sender {
    pub fn budget(&self) -> Budget {
        self.budget.clone()
    }

    /// Waits for room and sends. A batch larger than the whole queue goes when the queue is empty.
    pub async fn send(&self, batch: RecordBatch) -> Result<(), Closed> {
        let bytes = u32::try_from(size_bytes(&batch)).unwrap_or(u32::MAX).clamp(1, self.budget.limit);
        let permit = self.budget.permits.clone().acquire_many_owned(bytes).await.map_err(|_| Closed)?;
        self.messages.send(Message::Batch(batch, permit)).await.map_err(|_| Closed)
    }

    pub async fn signal(&self, signal: Signal) -> Result<(), Closed> {
        self.messages.send(Message::Signal(signal)).await.map_err(|_| Closed)
    }
}

/// Bytes of the rows in `batch` themselves, not of the larger buffers that they may be a slice of.
pub(crate) fn size_bytes(batch: &RecordBatch) -> usize {
    let column_bytes = |column: &Arc<dyn Array>| {
        column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size())
    };
    batch.columns().iter().map(column_bytes).sum()
}
