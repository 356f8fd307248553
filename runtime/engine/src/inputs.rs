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
//! time it is before it sends such a row on one of them. Nodes that make their own watermarks need not, so behind them
//! nothing waits.

use std::task::Poll;

use arrow::array::RecordBatch;
use millrace_model::event_time::event_time_column;
use millrace_operator::time::event_times;
use tokio::sync::OwnedSemaphorePermit;

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
    /// The only source that time on this queue comes from, by number.
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
    /// By port, where there are several: how far its own queues have come.
    port_watermarks: Vec<Option<i64>>,
    is_idle: bool,
}

/// What has come in.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// Rows at the input port of this index; the permit comes free when they have been handled.
    Batch(usize, RecordBatch, OwnedSemaphorePermit),
    Change(Change),
    /// A barrier has come on every queue that has not ended.
    Barrier(Barrier),
}

/// What a signal means for the node as a whole.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// The input port whose own watermark has advanced, and how far.
    pub port_watermark: Option<(usize, i64)>,
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
                Message::Batch(batch, permit) => return Ok(Arrival::Batch(self.channels[from].port, batch, permit)),
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
                            if self.others_lag(index) && is_behind(&batch, self.channels[index].watermark_us) =>
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

    /// How far the queues of an input port have come by themselves, where there are several ports.
    pub fn port_watermark(&self, port: usize) -> Option<i64> {
        self.port_watermarks.get(port).copied().flatten()
    }

    /// The new watermark of the port alone, if it has advanced.
    fn advance_port(&mut self, port: usize) -> Option<(usize, i64)> {
        let num_ports = self.num_ports();
        if num_ports < 2 {
            return None;
        }
        self.port_watermarks.resize(num_ports, None);
        let of_port = self.timed().filter(|channel| channel.port == port && !channel.has_ended);
        let watermark_us = of_port.map(|channel| channel.watermark_us).min().flatten();
        if watermark_us <= self.port_watermarks[port] {
            return None;
        }
        self.port_watermarks[port] = watermark_us;
        watermark_us.map(|watermark_us| (port, watermark_us))
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
        if matches!(signal, Signal::Watermark(_)) {
            change.port_watermark = self.advance_port(port);
        }
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

/// Whether a row is older than the watermark.
fn is_behind(batch: &RecordBatch, watermark_us: Option<i64>) -> bool {
    let Some(watermark_us) = watermark_us else { return false };
    let column = event_time_column(&batch.schema()).and_then(|name| batch.column_by_name(name).cloned());
    let Some(times) = column.and_then(|column| event_times(column.as_ref()).ok()) else { return false };
    arrow::compute::min(&times).is_some_and(|oldest_us| oldest_us < watermark_us)
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

    /// What all inputs together say.
    fn note(inputs: &mut Inputs, from: usize, signal: Signal) -> Change {
        Change { port_watermark: None, ..inputs.note(from, signal) }
    }

    fn watermark(us: i64) -> Change {
        Change { watermark_us: Some(us), ..Change::default() }
    }

    #[test]
    fn the_watermark_is_the_smallest_of_the_inputs_and_names_who_holds_it() {
        let mut inputs = two_inputs();
        assert_eq!(note(&mut inputs, 0, Signal::Watermark(50)), Change::default());
        assert_eq!(inputs.held_by(), Some(1));
        assert_eq!(note(&mut inputs, 1, Signal::Watermark(80)), watermark(50));
        assert_eq!(inputs.held_by(), Some(0));
        assert_eq!(note(&mut inputs, 0, Signal::Watermark(40)), Change::default());
        assert_eq!(note(&mut inputs, 0, Signal::Watermark(90)), watermark(80));
    }

    #[test]
    fn each_of_several_ports_tells_how_far_its_own_queues_have_come() {
        let mut inputs = Inputs::default();
        for port in [0, 1, 1] {
            inputs.add(queue(1, 1).1, port, port, false, None);
        }
        let mut said = |from, us| inputs.note(from, Signal::Watermark(us)).port_watermark;
        assert_eq!([said(0, 50), said(0, 40), said(1, 80), said(2, 60)], [Some((0, 50)), None, None, Some((1, 60))]);
        assert_eq!((inputs.port_watermark(0), inputs.port_watermark(1)), (Some(50), Some(60)));
        let mut one = Inputs::default();
        one.add(queue(1, 1).1, 0, 0, false, None);
        assert_eq!(one.note(0, Signal::Watermark(50)), watermark(50), "of one port there is nothing more to say");
    }

    #[test]
    fn an_idle_or_ended_input_holds_nobody_back_and_time_never_returns() {
        let mut inputs = two_inputs();
        note(&mut inputs, 0, Signal::Watermark(50));
        assert_eq!(note(&mut inputs, 1, Signal::Idle), watermark(50));
        assert_eq!(note(&mut inputs, 1, Signal::Active), Change::default());
        assert_eq!(note(&mut inputs, 1, Signal::Watermark(20)), Change::default());
        assert_eq!(note(&mut inputs, 0, Signal::Watermark(60)), Change::default());
        assert_eq!(note(&mut inputs, 1, Signal::End), Change { ended_port: Some(1), ..watermark(60) });
        assert_eq!(note(&mut inputs, 0, Signal::Idle), Change { idle: Some(true), ..Change::default() });
        assert_eq!(note(&mut inputs, 0, Signal::Active), Change { idle: Some(false), ..Change::default() });
        assert_eq!(note(&mut inputs, 0, Signal::End), Change { ended_port: Some(0), end: true, ..Change::default() });
    }

    #[test]
    fn a_timeless_input_holds_nothing_back() {
        let mut inputs = Inputs::default();
        inputs.add(queue(1, 1).1, 0, 0, false, None);
        inputs.add(queue(1, 1).1, 1, 1, true, None);
        assert_eq!(note(&mut inputs, 0, Signal::Watermark(50)), watermark(50));
        assert_eq!(note(&mut inputs, 1, Signal::Watermark(90)), Change::default());
        assert_eq!(note(&mut inputs, 0, Signal::Idle), Change { idle: Some(true), ..Change::default() });
        assert_eq!(note(&mut inputs, 1, Signal::End), Change { ended_port: Some(1), ..Change::default() });
    }

    #[test]
    fn when_all_are_idle_time_is_where_the_furthest_was_whoever_fell_idle_last() {
        for (first, last) in [(0, 1), (1, 0)] {
            let mut inputs = two_inputs();
            note(&mut inputs, 0, Signal::Watermark(90));
            let changes = [note(&mut inputs, first, Signal::Idle), note(&mut inputs, last, Signal::Idle)];
            assert_eq!(changes.iter().filter_map(|change| change.watermark_us).collect::<Vec<_>>(), [90]);
            assert_eq!(changes[1].idle, Some(true));
        }
    }
}
