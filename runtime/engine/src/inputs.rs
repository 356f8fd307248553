//! The receiving side of a task: takes messages from its queues in turn, and works out the watermark of the node from
//! those of its inputs.
//!
//! The watermark is the smallest of the live inputs': one that is idle or has ended holds nobody back, and one that has
//! not said anything yet holds everybody back. Where all are idle it is the largest that any has said, as in Flink. It
//! never decreases.
//!
//! **Rows behind their watermark wait for it.** Where rows of one source come by several queues, as behind a node of
//! several instances, one queue may be ahead of the others. A row that is behind what its own queue has said would be
//! late or not as the others happen to have come: so it waits until they have come as far, and meets the watermark that
//! it would meet on a single queue. They do come: a source, and every node that passes time on, tells all queues what
//! time it is before it sends such a row on one of them. Several instances that make their own watermarks need not, so
//! behind them nothing waits.
//!
//! **Where several sources meet**, a row behind its own source would be in time or not as the others have come. It is
//! handed over with how far its own queue has come, for the node to put it aside ([`crate::aside`]).

use std::task::Poll;

use arrow::array::RecordBatch;
use tokio::sync::OwnedSemaphorePermit;

use crate::aside::behind;
use crate::channel::{Closed, Message, Receiver, Signal};
use crate::checkpoint::Barrier;
use crate::world::World;

#[derive(Debug)]
struct Channel {
    messages: Receiver,
    /// The input port where it arrives.
    port: usize,
    /// The node it comes from, as an index into the node's list of upstream nodes.
    upstream: usize,
    /// Its watermarks hold nothing back.
    is_timeless: bool,
    /// Where time on this queue comes from, by number: other queues with the same one tell the same time.
    origin: Option<usize>,
    watermark_us: Option<i64>,
    is_idle: bool,
    has_ended: bool,
    /// Has rows behind the watermark of this queue, and waits for the other queues of its origin.
    held: Option<(RecordBatch, OwnedSemaphorePermit)>,
    /// The barrier that has come on this queue and not yet on all others; what follows it has to wait.
    waits_at: Option<Barrier>,
}

/// All queues of one instance of a node.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    channels: Vec<Channel>,
    /// Where to look first next time, so that a busy input does not starve the others.
    next: usize,
    watermark_us: Option<i64>,
    is_idle: bool,
}

/// What has come in.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// Rows at the input port `port`; the permit comes free when they have been handled.
    Batch {
        port: usize,
        batch: RecordBatch,
        /// How far their own source has come, where that is ahead of the watermark of the node.
        ahead_us: Option<i64>,
        permit: OwnedSemaphorePermit,
    },
    Change(Change),
    /// A barrier has come on every queue that has not ended.
    Barrier(Barrier),
}

/// What a signal means for the node as a whole.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// The new watermark, if it has advanced.
    pub watermark_us: Option<i64>,
    /// Whether all inputs are idle, if that has changed.
    pub idle: Option<bool>,
    /// The input port at which nothing follows any more.
    pub ended_port: Option<usize>,
    /// Every input has ended.
    pub end: bool,
}

impl Inputs {
    pub fn add(&mut self, messages: Receiver, port: usize, upstream: usize, is_timeless: bool, origin: Option<usize>) {
        self.channels.push(Channel {
            messages,
            port,
            upstream,
            is_timeless,
            origin,
            watermark_us: None,
            is_idle: false,
            has_ended: false,
            held: None,
            waits_at: None,
        });
    }

    /// The next arrival, from each input in its turn. Cancel safe.
    pub async fn next(&mut self, world: &World) -> Result<Arrival, Closed> {
        self.next = (self.next + world.choose(self.channels.len())) % self.channels.len().max(1);
        loop {
            if let Some(barrier) = self.aligned() {
                return Ok(Arrival::Barrier(barrier));
            }
            let (from, message) = self.receive().await?;
            match message {
                Message::Batch(batch, permit) => {
                    let channel = &self.channels[from];
                    let own_us = channel.watermark_us.filter(|_| !channel.is_timeless);
                    let ahead_us = own_us.filter(|own_us| self.watermark_us < Some(*own_us));
                    return Ok(Arrival::Batch { port: channel.port, batch, ahead_us, permit });
                }
                Message::Signal(signal) => {
                    let change = self.note(from, signal);
                    if !matches!(signal, Signal::Barrier(_)) {
                        return Ok(Arrival::Change(change));
                    }
                }
            }
        }
    }

    /// The barrier for which the last queue was waited for just now; all queues go on.
    fn aligned(&mut self) -> Option<Barrier> {
        let mut open = self.channels.iter().filter(|channel| !channel.has_ended).peekable();
        let barrier = open.peek()?.waits_at?;
        if !open.all(|channel| channel.waits_at.is_some()) {
            return None;
        }
        self.channels.iter_mut().for_each(|channel| channel.waits_at = None);
        Some(barrier)
    }

    async fn receive(&mut self) -> Result<(usize, Message), Closed> {
        let (from, message) = std::future::poll_fn(|cx| {
            let count = self.channels.len();
            for step in 0..count {
                let index = (self.next + step) % count;
                let channel = &self.channels[index];
                if channel.has_ended || channel.waits_at.is_some() {
                    continue;
                }
                if channel.held.is_some() && self.others_lag(index) {
                    continue;
                }
                let channel = &mut self.channels[index];
                let message = match channel.held.take() {
                    Some((batch, permit)) => Some(Message::Batch(batch, permit)),
                    None => match channel.messages.poll_recv(cx) {
                        Poll::Pending => continue,
                        Poll::Ready(Some(Message::Batch(batch, permit)))
                            if self.others_lag(index) && self.is_behind(index, &batch) =>
                        {
                            self.channels[index].held = Some((batch, permit));
                            continue;
                        }
                        Poll::Ready(message) => message,
                    },
                };
                self.next = (index + 1) % count;
                return Poll::Ready((index, message));
            }
            Poll::Pending
        })
        .await;
        Ok((from, message.ok_or(Closed)?))
    }

    /// Whether another queue of the same origin has not come as far as this one. One that waits at a barrier has said all
    /// that comes before it.
    fn others_lag(&self, index: usize) -> bool {
        let channel = &self.channels[index];
        channel.origin.is_some()
            && !channel.is_timeless
            && self.live().any(|other| {
                other.origin == channel.origin && other.waits_at.is_none() && other.watermark_us < channel.watermark_us
            })
    }

    /// Whether a row that came by this queue is older than what the queue has said.
    fn is_behind(&self, index: usize, batch: &RecordBatch) -> bool {
        self.channels[index].watermark_us.is_some_and(|watermark_us| behind(batch, watermark_us).is_some())
    }

    /// The upstream node that holds the watermark back, where there are several.
    pub fn held_by(&self) -> Option<usize> {
        let first = self.channels.first()?.upstream;
        if self.channels.iter().all(|channel| channel.upstream == first) {
            return None;
        }
        self.live().min_by_key(|channel| channel.watermark_us).map(|channel| channel.upstream)
    }

    fn live(&self) -> impl Iterator<Item = &Channel> {
        self.timed().filter(|channel| !channel.is_idle && !channel.has_ended)
    }

    fn timed(&self) -> impl Iterator<Item = &Channel> {
        self.channels.iter().filter(|channel| !channel.is_timeless)
    }

    /// The input ports have the numbers below this.
    pub fn num_ports(&self) -> usize {
        self.channels.iter().map(|channel| channel.port + 1).max().unwrap_or(0)
    }

    /// Whether nothing follows at an input port.
    pub fn has_ended(&self, port: usize) -> bool {
        let mut of_port = self.channels.iter().filter(|channel| channel.port == port).peekable();
        of_port.peek().is_some() && of_port.all(|channel| channel.has_ended)
    }

    fn note(&mut self, from: usize, signal: Signal) -> Change {
        let channel = &mut self.channels[from];
        let port = channel.port;
        match signal {
            Signal::Watermark(watermark) => channel.watermark_us = channel.watermark_us.max(Some(watermark)),
            Signal::Idle => channel.is_idle = true,
            Signal::Active => channel.is_idle = false,
            Signal::Barrier(barrier) => channel.waits_at = Some(barrier),
            Signal::End => channel.has_ended = true,
        }
        let mut change = Change { end: self.channels.iter().all(|channel| channel.has_ended), ..Change::default() };
        change.ended_port = (matches!(signal, Signal::End) && self.has_ended(port)).then_some(port);
        if change.end {
            return change;
        }
        let is_idle = self.live().next().is_none();
        // Where all are idle, none holds the one that is furthest back any more, whichever of them fell idle last.
        let watermark_us = match is_idle {
            true => self.timed().map(|channel| channel.watermark_us).max().flatten(),
            false => self.live().map(|channel| channel.watermark_us).min().flatten(),
        };
        if watermark_us > self.watermark_us {
            self.watermark_us = watermark_us;
            change.watermark_us = watermark_us;
        }
        if is_idle != self.is_idle {
            self.is_idle = is_idle;
            change.idle = Some(is_idle);
        }
        change
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::queue;

    fn two_inputs() -> Inputs {
        let mut inputs = Inputs::default();
        for upstream in 0..2 {
            inputs.add(queue(1, 1).1, upstream, upstream, false, None);
        }
        inputs
    }

    fn watermark(us: i64) -> Change {
        Change { watermark_us: Some(us), ..Change::default() }
    }

    #[test]
    fn the_watermark_is_the_smallest_of_the_inputs_and_names_who_holds_it() {
        let mut inputs = two_inputs();
        assert_eq!(inputs.note(0, Signal::Watermark(50)), Change::default());
        assert_eq!(inputs.held_by(), Some(1));
        assert_eq!(inputs.note(1, Signal::Watermark(80)), watermark(50));
        assert_eq!(inputs.held_by(), Some(0));
        assert_eq!(inputs.note(0, Signal::Watermark(40)), Change::default());
        assert_eq!(inputs.note(0, Signal::Watermark(90)), watermark(80));
    }

    #[test]
    fn an_idle_or_ended_input_holds_nobody_back_and_time_never_returns() {
        let mut inputs = two_inputs();
        inputs.note(0, Signal::Watermark(50));
        assert_eq!(inputs.note(1, Signal::Idle), watermark(50));
        assert_eq!(inputs.note(1, Signal::Active), Change::default());
        assert_eq!(inputs.note(1, Signal::Watermark(20)), Change::default());
        assert_eq!(inputs.note(0, Signal::Watermark(60)), Change::default());
        assert_eq!(inputs.note(1, Signal::End), Change { ended_port: Some(1), ..watermark(60) });
        assert_eq!(inputs.note(0, Signal::Idle), Change { idle: Some(true), ..Change::default() });
        assert_eq!(inputs.note(0, Signal::Active), Change { idle: Some(false), ..Change::default() });
        assert_eq!(inputs.note(0, Signal::End), Change { ended_port: Some(0), end: true, ..Change::default() });
    }

    #[test]
    fn a_timeless_input_holds_nothing_back() {
        let mut inputs = Inputs::default();
        inputs.add(queue(1, 1).1, 0, 0, false, None);
        inputs.add(queue(1, 1).1, 1, 1, true, None);
        assert_eq!(inputs.note(0, Signal::Watermark(50)), watermark(50));
        assert_eq!(inputs.note(1, Signal::Watermark(90)), Change::default());
        assert_eq!(inputs.note(0, Signal::Idle), Change { idle: Some(true), ..Change::default() });
        assert_eq!(inputs.note(1, Signal::End), Change { ended_port: Some(1), ..Change::default() });
    }

    #[test]
    fn when_all_are_idle_time_is_where_the_furthest_was_whoever_fell_idle_last() {
        for (first, last) in [(0, 1), (1, 0)] {
            let mut inputs = two_inputs();
            inputs.note(0, Signal::Watermark(90));
            let changes = [inputs.note(first, Signal::Idle), inputs.note(last, Signal::Idle)];
            assert_eq!(changes.iter().filter_map(|change| change.watermark_us).collect::<Vec<_>>(), [90]);
            assert_eq!(changes[1].idle, Some(true));
        }
    }
}
