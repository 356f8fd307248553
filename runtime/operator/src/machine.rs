//! The four kinds of machine that a node builds, and what the engine asks of them.
//!
//! A machine never spawns, sleeps (sources await), locks or talks to another machine. Whatever it holds between two
//! calls is its state; `snapshot` and `restore` carry that over a restart, and restore = uninterrupted.

use std::time::Duration;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use millrace_model::view::{Look, ViewSpec};

use crate::crew::Crew;
use crate::error::NodeError;
use crate::output::Output;

/// State of a machine as bytes, in a form that the machine chooses.
pub type State = Vec<u8>;

/// What `build` makes of a node.
pub enum Machine {
    Source(Box<dyn Source>),
    Operator(Box<dyn Operator>),
    Sink(Box<dyn Sink>),
    View(Box<dyn View>),
}

/// How the rows of a node's input may be spread over several instances of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Partitioning {
    /// One instance sees every row.
    Single,
    /// Each row stands for itself; an instance runs wherever its input is, fused to the node before it.
    Stateless,
    /// Rows with equal values in these columns go to one instance: one list for each input port, in the card's order.
    /// The n-th columns of all lists have one type. Ports beyond the lists have the last one.
    Keyed(Vec<Vec<String>>),
}

impl Partitioning {
    /// By the columns of these names, which the rows of every input port have; without any, one instance sees all.
    pub fn keyed(keys: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::Keyed(vec![keys.into_iter().map(Into::into).collect()])
    }

    /// The key columns at the input port of this index; none where rows are not spread by keys.
    pub fn keys_at(&self, input: usize) -> &[String] {
        match self {
            Self::Keyed(lists) => lists.get(input).or(lists.last()).map(Vec::as_slice).unwrap_or_default(),
            Self::Single | Self::Stateless => &[],
        }
    }
}

/// Where rows come from.
///
/// The engine calls `next` until it says [`SourceEvent::End`] or the run is stopped. `next` must be cancel safe: when its
/// future is dropped, no row is lost and the following call goes on.
#[async_trait]
pub trait Source: Send {
    /// Opens what the source reads. Called once, after `restore` if there is a state, before `next`.
    async fn open(&mut self) -> Result<(), NodeError> {
        Ok(())
    }

    /// Emits some rows into `cx.output`, or waits for some to come.
    async fn next(&mut self, cx: &mut SourceContext<'_>) -> Result<SourceEvent, NodeError>;

    /// The position up to which rows were emitted: a restored source goes on there.
    fn snapshot(&mut self) -> Result<State, NodeError>;

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError>;

    /// What the source is doing, in a few words, such as the file it reads.
    fn status(&self) -> Option<String> {
        None
    }

    /// After how long without a row this source no longer holds back the watermark of others; none: as the run says.
    fn idle_timeout(&self) -> Option<Duration> {
        None
    }

    /// The share of its input that was read, 0 to 1; none where the end is not known.
    fn progress(&self) -> Option<f64> {
        None
    }
}

/// What a source may use during one `next`.
pub struct SourceContext<'a> {
    pub output: &'a mut Output,
    /// Aim for batches of this many rows.
    pub batch_size: usize,
    /// Who carries work that can be done meanwhile.
    pub crew: Crew,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceEvent {
    /// Rows may have been emitted; ask again.
    More,
    /// Nothing to be had for now; ask again after this time at the latest.
    Idle(Duration),
    /// The source is bounded and everything was emitted.
    End,
}

/// A node in the middle: rows in, rows out.
pub trait Operator: Send {
    /// Takes a batch that arrived at the input of this index (in the order of the card's ports).
    fn on_batch(&mut self, input: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError>;

    /// Event time has advanced: no row older than `watermark_us` is expected. The engine passes the watermark on after
    /// this call, unless [`Operator::makes_watermarks`].
    fn on_watermark(&mut self, watermark_us: i64, out: &mut Output) -> Result<(), NodeError> {
        let _ = (watermark_us, out);
        Ok(())
    }

    /// Nothing follows at the input of this index. May be said again after a restart. The last input to end is followed by
    /// the end of time and [`Operator::on_end`].
    fn on_input_end(&mut self, input: usize, out: &mut Output) -> Result<(), NodeError> {
        let _ = (input, out);
        Ok(())
    }

    /// The wall clock has advanced to `now_us`. Called about ten times a second, and only where
    /// [`Operator::wants_ticks`].
    fn on_tick(&mut self, now_us: i64, out: &mut Output) -> Result<(), NodeError> {
        let _ = (now_us, out);
        Ok(())
    }

    /// Every input has ended: emit what is still open. The watermark has been set to the end of time before.
    fn on_end(&mut self, out: &mut Output) -> Result<(), NodeError> {
        let _ = out;
        Ok(())
    }

    /// The node's params were changed while it runs, in a way that its state does not fit: emit what is open, for
    /// another operator comes in the place of this one. What is not emitted is to be counted with
    /// [`Output::drop_rows`]. Watermarks that are given here are not passed on.
    fn hand_over(&mut self, out: &mut Output) -> Result<(), NodeError> {
        self.on_watermark(i64::MAX, out)?;
        self.on_end(out)
    }

    fn wants_ticks(&self) -> bool {
        false
    }

    /// Whether this operator gives watermarks of its own with [`Output::watermark`]; those that arrive then end here.
    fn makes_watermarks(&self) -> bool {
        false
    }

    /// The state as bytes; empty for a stateless operator. The state itself stays as it was.
    fn snapshot(&mut self) -> Result<State, NodeError> {
        Ok(State::new())
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let _ = state;
        Ok(())
    }

    /// Bytes held between calls.
    fn state_bytes(&self) -> usize {
        0
    }
}

/// Where rows go to stay.
///
/// Order of calls: `restore`? `open` (`write` or `on_watermark`)* (`prepare` `commit`)* then `finish`, or `abort` when the run failed.
pub trait Sink: Send {
    /// Opens what the sink writes. Nothing may be written anywhere before this call.
    fn open(&mut self) -> Result<(), NodeError>;

    fn write(&mut self, batch: &RecordBatch) -> Result<(), NodeError>;

    /// Event time has advanced: no row older than `watermark_us` is expected. At the end of the input it goes to
    /// `i64::MAX`; a run that is stopped to go on later has no such end.
    fn on_watermark(&mut self, watermark_us: i64) -> Result<(), NodeError> {
        let _ = watermark_us;
        Ok(())
    }

    /// First half of a checkpoint: makes everything written so far durable but not yet visible, and says how to
    /// recognise it.
    fn prepare(&mut self) -> Result<Prepared, NodeError>;

    /// Second half: the checkpoint holds; what was prepared becomes visible. Doing it twice is the same as once.
    fn commit(&mut self, prepared: &Prepared) -> Result<(), NodeError>;

    /// After a restart: goes on from what was prepared, and drops whatever was written after it.
    fn restore(&mut self, prepared: &Prepared) -> Result<(), NodeError>;

    /// The input has ended, or the run was stopped: everything written becomes visible.
    fn finish(&mut self) -> Result<(), NodeError>;

    /// The run failed: what is not committed disappears, and what was there before the run stays.
    fn abort(&mut self);

    /// Bytes of rows held between calls.
    fn state_bytes(&self) -> usize {
        0
    }

    fn status(&self) -> Option<String> {
        None
    }
}

/// How a sink recognises what it has prepared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prepared(pub State);

/// A node that is looked at: it keeps what its picture needs.
pub trait View: Send {
    fn on_batch(&mut self, batch: RecordBatch) -> Result<(), NodeError>;

    /// The picture of what is looked at, as it is now. Called when somebody looks, at most some ten times a second, and
    /// once at the end. A view that has no part to look at gives all it shows.
    fn picture(&mut self, look: &Look) -> Result<ViewSnapshot, NodeError>;

    fn snapshot(&mut self) -> Result<State, NodeError>;

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError>;

    /// Bytes held between calls.
    fn state_bytes(&self) -> usize;
}

/// What a view shows: how to draw, and the rows to draw.
#[derive(Debug, Clone)]
pub struct ViewSnapshot {
    pub spec: ViewSpec,
    pub data: RecordBatch,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_beyond_the_lists_have_the_last_one() {
        let one = Partitioning::keyed(["a"]);
        assert_eq!((one.keys_at(0), one.keys_at(5)), (&["a".to_owned()][..], &["a".to_owned()][..]));
        let two = Partitioning::Keyed(vec![vec!["a".to_owned()], vec!["b".to_owned()]]);
        assert_eq!((two.keys_at(0), two.keys_at(1)), (&["a".to_owned()][..], &["b".to_owned()][..]));
        assert_eq!(Partitioning::Single.keys_at(0), &[] as &[String]);
    }
}
