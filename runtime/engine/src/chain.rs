//! The nodes of one task and what hangs on their output ports.
//!
//! A task drives a chain: its first node, and the stateless nodes that were fused to it. Inside a chain rows move by
//! plain calls; what leaves it is put aside in order, and sent by [`Chain::flush`] after each call. A batch is shared by
//! all wires at its port.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use millrace_model::{PortRole, Wire};
use millrace_operator::output::Emitted;
use millrace_operator::{Clock, Machine, Operator, Output};

use crate::aside::Aside;
use crate::channel::{Closed, Signal};
use crate::checkpoint::{Barrier, Part, SavedInstance};
use crate::counters::WireCell;
use crate::exchange::Exchange;
use crate::fit::Fit;
use crate::gate::Gate;
use crate::guard::{Named, Stopped};
use crate::inject::{Injection, Injections};
use crate::memory::MemoryBudget;
use crate::newest::NewestRows;

/// The nodes of a task, each wire pointing to a later one, and the queues that lead out.
pub(crate) struct Chain {
    pub links: Vec<Link>,
    pub exchanges: Vec<Exchange>,
    pending: VecDeque<Pending>,
    gate: Arc<Gate>,
    pub injections: Injections,
    /// Which instance of its nodes it is.
    instance: usize,
}

/// One node of a chain.
pub(crate) struct Link {
    pub named: Named,
    /// `None` for a source, which its task drives.
    pub operator: Option<Box<dyn Operator>>,
    pub ports: Vec<OutPort>,
    output: Output,
    aside: Aside,
    watermark_in: Option<i64>,
    watermark_out: Option<i64>,
}

/// An output port of a node.
pub(crate) struct OutPort {
    pub role: PortRole,
    pub legs: Vec<Leg>,
    /// Where the newest rows of an unwired `late` or `rejected` port are kept.
    pub recent: Option<Arc<NewestRows>>,
}

/// One wire, seen from its start.
pub(crate) struct Leg {
    pub wire: Arc<WireCell>,
    pub fit: Option<Fit>,
    pub target: Target,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// Input `input` of a later node of this chain.
    Link { link: usize, input: usize },
    /// An exchange of this chain, by index.
    Exchange(usize),
}

/// What waits to leave the chain, in this order.
enum Pending {
    /// By an exchange.
    Send(usize, Sending),
    /// A batch that has come to a breakpoint: what follows waits until somebody lets it go.
    Halt { wire: Wire, row: usize, rows: RecordBatch },
}

enum Sending {
    Batch { queue: usize, batch: RecordBatch },
    Signal(Signal),
}

impl Link {
    /// Goes on with the watermarks of a checkpoint, and the rows that wait for later ones. `schemas` are those of the
    /// inputs.
    ///
    /// # Errors
    /// When the rows cannot be read.
    pub fn restore(&mut self, saved: &SavedInstance, schemas: &[Option<SchemaRef>]) -> Result<(), ArrowError> {
        self.aside = Aside::restore(&saved.aside, schemas)?;
        self.watermark_in = saved.watermark_in;
        self.watermark_out = saved.watermark_out;
        self.named.counters.restore(saved.counters);
        Ok(())
    }

    pub fn new(
        named: Named,
        operator: Option<Box<dyn Operator>>,
        ports: Vec<OutPort>,
        clock: Clock,
        memory: &MemoryBudget,
    ) -> Self {
        let output = Output::with_clock(clock).with_room(memory.room_for(&named.counters));
        Self { named, operator, ports, output, aside: Aside::default(), watermark_in: None, watermark_out: None }
    }
}

impl Chain {
    pub fn new(links: Vec<Link>, exchanges: Vec<Exchange>, gate: Arc<Gate>, instance: usize) -> Self {
        let injections = Injections::default();
        Self { links, exchanges, pending: VecDeque::new(), gate, injections, instance }
    }

    /// Hands a batch to an input of a node.
    pub fn batch(&mut self, link: usize, input: usize, batch: RecordBatch) -> Result<(), Stopped> {
        self.links[link].named.counters.add_rows_in(batch.num_rows());
        self.call(link, |operator, out| operator.on_batch(input, batch, out))
    }

    /// Takes a batch that arrived at an input of the first node. `ahead_us` is how far its own source has come, where that
    /// is further than the node.
    pub fn arrive(&mut self, input: usize, batch: RecordBatch, ahead_us: Option<i64>) -> Result<(), Stopped> {
        let Link { named, aside, .. } = &mut self.links[0];
        let batch = match ahead_us {
            Some(ahead_us) => aside.put(input, batch, ahead_us).map_err(|error| named.failed(&error))?,
            None => batch,
        };
        if batch.num_rows() > 0 { self.batch(0, input, batch) } else { Ok(()) }
    }

    /// Tells a node how far event time has come, and hands it the rows that waited for that.
    pub fn watermark(&mut self, link: usize, watermark_us: i64) -> Result<(), Stopped> {
        self.release(link, watermark_us)?;
        self.advance(link, watermark_us)
    }

    fn release(&mut self, link: usize, until_us: i64) -> Result<(), Stopped> {
        while let Some((watermark_us, waited)) = self.links[link].aside.take(until_us) {
            self.advance(link, watermark_us)?;
            for (input, rows) in waited {
                self.batch(link, input, rows)?;
            }
        }
        Ok(())
    }

    fn advance(&mut self, link: usize, watermark_us: i64) -> Result<(), Stopped> {
        let node = &mut self.links[link];
        if node.watermark_in >= Some(watermark_us) {
            return Ok(());
        }
        node.watermark_in = Some(watermark_us);
        node.named.counters.set_watermark(watermark_us);
        let passes_on = !node.operator.as_ref().is_some_and(|operator| operator.makes_watermarks());
        self.call(link, |operator, out| operator.on_watermark(watermark_us, out))?;
        if passes_on { self.pass_watermark(link, watermark_us) } else { Ok(()) }
    }

    /// Tells everything behind a node that rows have stopped for now, or come again.
    pub fn set_idle(&mut self, link: usize, is_idle: bool) {
        let signal = if is_idle { Signal::Idle } else { Signal::Active };
        for target in self.targets(link) {
            match target {
                Target::Link { link, .. } => self.set_idle(link, is_idle),
                Target::Exchange(exchange) => self.pending.push_back(Pending::Send(exchange, Sending::Signal(signal))),
            }
        }
    }

    /// Tells the first node that nothing follows at one of its input ports.
    pub fn input_end(&mut self, input: usize) -> Result<(), Stopped> {
        self.call(0, |operator, out| operator.on_input_end(input, out))
    }

    /// Tells a node, and everything behind it, that nothing follows.
    pub fn end(&mut self, link: usize) -> Result<(), Stopped> {
        self.release(link, i64::MAX)?;
        self.call(link, |operator, out| operator.on_watermark(i64::MAX, out))?;
        self.call(link, |operator, out| operator.on_end(out))?;
        self.refresh(link);
        self.links[link].named.counters.is_finished.store(true, Relaxed);
        for target in self.targets(link) {
            match target {
                Target::Link { link, .. } => self.end(link)?,
                Target::Exchange(exchange) => {
                    self.pending.push_back(Pending::Send(exchange, Sending::Signal(Signal::End)))
                }
            }
        }
        Ok(())
    }

    pub fn wants_ticks(&self) -> bool {
        self.links.iter().any(Link::wants_ticks)
    }

    /// Tells the nodes that want to know what the wall clock says.
    pub fn tick(&mut self) -> Result<(), Stopped> {
        for link in 0..self.links.len() {
            if self.links[link].wants_ticks() {
                let now_us = self.links[link].output.now_us();
                self.call(link, |operator, out| operator.on_tick(now_us, out))?;
            }
        }
        Ok(())
    }

    /// Passes on what a node has emitted.
    pub fn pass_on(&mut self, link: usize, emitted: Emitted) -> Result<(), Stopped> {
        match emitted {
            Emitted::Batch(port, batch) => self.pass_batch(link, port, batch),
            Emitted::Watermark(watermark_us) => self.pass_watermark(link, watermark_us),
        }
    }

    /// Puts rows of a person on one of the wires that begin here, behind everything that went over it.
    pub fn inject(&mut self, Injection { wire, rows, done }: Injection) -> Result<(), Stopped> {
        let leg_of = |link: &Link| {
            link.ports.iter().enumerate().find_map(|(port, out)| {
                let leg = out.legs.iter().position(|leg| leg.wire.wire == wire)?;
                Some((port, leg))
            })
        };
        let place = self.links.iter().enumerate().find_map(|(link, of)| Some((link, leg_of(of)?)));
        let (link, (port, leg)) = place.expect("an injection comes to the task where its wire begins");
        self.links[link].ports[port].legs[leg].wire.add_injected(rows.num_rows());
        self.pass_along(link, port, leg, &rows)?;
        done.tell();
        Ok(())
    }

    /// Sends what has been put aside; waits while the queues are full, and at each breakpoint until the run
    /// is let go on.
    pub async fn flush(&mut self) -> Result<(), Closed> {
        while let Some(pending) = self.pending.pop_front() {
            match pending {
                Pending::Send(exchange, Sending::Batch { queue, batch }) => {
                    self.exchanges[exchange].send(queue, batch).await?;
                }
                Pending::Send(exchange, Sending::Signal(signal)) => self.exchanges[exchange].signal(signal).await?,
                Pending::Halt { wire, row, rows } => self.gate.halt(wire, row, rows).await,
            }
        }
        Ok(())
    }

    /// Passes a barrier on to every task behind this one.
    pub fn barrier(&mut self, barrier: Barrier) {
        self.signal_all(Signal::Barrier(barrier));
    }

    /// Tells every task behind this one that nothing follows, without asking the nodes, who have said all.
    pub fn stay_ended(&mut self) {
        self.signal_all(Signal::End);
        self.links.iter().for_each(|link| link.named.counters.is_finished.store(true, Relaxed));
    }

    fn signal_all(&mut self, signal: Signal) {
        let all = 0..self.exchanges.len();
        self.pending.extend(all.map(|exchange| Pending::Send(exchange, Sending::Signal(signal))));
    }

    /// What each node has to remember; a source's own state comes from its task.
    pub fn snapshot(&mut self, instance: usize, has_ended: bool) -> Result<Vec<Part>, Stopped> {
        let saved = self.links.iter_mut().map(|link| {
            let state = match &mut link.operator {
                Some(operator) => link.named.call(|| operator.snapshot())?,
                None => Vec::new(),
            };
            let saved = SavedInstance {
                state,
                watermark_in: link.watermark_in,
                watermark_out: link.watermark_out,
                has_ended,
                counters: link.named.counters.save(),
                aside: link.aside.save().map_err(|error| link.named.failed(&error))?,
            };
            Ok(Part { node: link.named.id.clone(), instance, saved })
        });
        saved.collect()
    }

    /// Puts another operator in the place of a node's, between two messages. The new one goes on with the state of the
    /// old one, or the old one gives out what it holds.
    pub fn replace(&mut self, link: usize, machine: Machine, keeps_state: bool) -> Result<(), Stopped> {
        let Machine::Operator(mut operator) = machine else {
            return Err(self.links[link].named.failed(&"only an operator can take the place of one, a defect of it"));
        };
        if keeps_state {
            let Link { named, operator: old, .. } = &mut self.links[link];
            let state = old.as_mut().map_or(Ok(Vec::new()), |old| named.call(|| old.snapshot()))?;
            named.call(|| operator.restore(&state))?;
            self.links[link].operator = Some(operator);
        } else {
            self.hand_over(link)?;
            self.links[link].operator = Some(operator);
            // So that it finds late what the old one would have.
            if let Some(watermark_us) = self.links[link].watermark_in {
                self.call(link, |operator, out| operator.on_watermark(watermark_us, out))?;
            }
        }
        self.refresh(link);
        Ok(())
    }

    /// Passes on the rows that an operator still holds; time stays where it is for the nodes behind it.
    fn hand_over(&mut self, link: usize) -> Result<(), Stopped> {
        let Link { named, operator, output, .. } = &mut self.links[link];
        let Some(operator) = operator else { return Ok(()) };
        named.call(|| operator.hand_over(output))?;
        named.counters.rows_dropped.fetch_add(output.take_rows_dropped(), Relaxed);
        for emitted in output.take() {
            if let Emitted::Batch(port, batch) = emitted {
                self.pass_batch(link, port, batch)?;
            }
        }
        Ok(())
    }

    /// Says again the watermarks that were said before the checkpoint: the queues have forgotten them.
    pub fn say_watermarks_again(&mut self) {
        for link in 0..self.links.len() {
            let Some(watermark_us) = self.links[link].watermark_out else { continue };
            for target in self.targets(link) {
                if let Target::Exchange(exchange) = target {
                    let signal = Sending::Signal(Signal::Watermark(watermark_us));
                    self.pending.push_back(Pending::Send(exchange, signal));
                }
            }
        }
    }

    /// Notes how much state each node holds.
    pub fn refresh_all(&mut self) {
        (0..self.links.len()).for_each(|link| self.refresh(link));
    }

    fn refresh(&mut self, link: usize) {
        let node = &self.links[link];
        if let Some(operator) = &node.operator {
            let state_bytes = operator.state_bytes() + node.aside.size_bytes();
            node.named.counters.state_bytes.store(state_bytes, Relaxed);
        }
    }

    /// Calls a node's operator and passes on what it emits.
    fn call(
        &mut self,
        link: usize,
        code: impl FnOnce(&mut dyn Operator, &mut Output) -> Result<(), millrace_operator::NodeError>,
    ) -> Result<(), Stopped> {
        let Link { named, operator, output, .. } = &mut self.links[link];
        let Some(operator) = operator else { return Ok(()) };
        named.call(|| code(operator.as_mut(), output).and_then(|()| output.check()))?;
        named.counters.rows_dropped.fetch_add(output.take_rows_dropped(), Relaxed);
        for emitted in output.take() {
            self.pass_on(link, emitted)?;
        }
        Ok(())
    }

    fn pass_batch(&mut self, link: usize, port: usize, batch: RecordBatch) -> Result<(), Stopped> {
        let node = &self.links[link];
        let Some(out_port) = node.ports.get(port) else {
            return Err(node.named.failed(&format!("it has no output port number {port}, which is a defect of it")));
        };
        node.named.counters.add_rows_by(out_port.role, batch.num_rows());
        if let (true, Some(recent)) = (out_port.legs.is_empty(), &out_port.recent) {
            recent.push(&batch);
        }
        for leg in 0..out_port.legs.len() {
            self.pass_along(link, port, leg, &batch)?;
        }
        Ok(())
    }

    fn pass_along(&mut self, link: usize, port: usize, leg: usize, batch: &RecordBatch) -> Result<(), Stopped> {
        let node = &self.links[link];
        let leg = &node.ports[port].legs[leg];
        leg.wire.listener.hear_batch(port, batch);
        let batch = match &leg.fit {
            None => batch.clone(),
            Some(fit) => fit.apply(batch).map_err(|error| node.named.failed(&error))?,
        };
        if let Some(row) = leg.wire.snare.catches(&batch) {
            self.pending.push_back(Pending::Halt { wire: leg.wire.wire.clone(), row, rows: batch.clone() });
        }
        leg.wire.add_batch(batch.num_rows());
        leg.wire.tap.push(&batch);
        match leg.target {
            Target::Link { link, input } => self.batch(link, input, batch),
            Target::Exchange(exchange) => {
                let parts = self.exchanges[exchange].split(batch).map_err(|error| node.named.failed(&error))?;
                let sendings =
                    parts.into_iter().map(|(queue, batch)| Pending::Send(exchange, Sending::Batch { queue, batch }));
                self.pending.extend(sendings);
                Ok(())
            }
        }
    }

    fn pass_watermark(&mut self, link: usize, watermark_us: i64) -> Result<(), Stopped> {
        let node = &mut self.links[link];
        if node.watermark_out >= Some(watermark_us) {
            return Ok(());
        }
        node.watermark_out = Some(watermark_us);
        if node.operator.is_none() {
            node.named.counters.set_watermark(watermark_us);
        }
        for leg in node.ports.iter().flat_map(|port| &port.legs) {
            leg.wire.listener.hear_watermark(self.instance, watermark_us);
        }
        for target in self.targets(link) {
            match target {
                Target::Link { link, .. } => self.watermark(link, watermark_us)?,
                Target::Exchange(exchange) => {
                    self.pending.push_back(Pending::Send(exchange, Sending::Signal(Signal::Watermark(watermark_us))));
                }
            }
        }
        Ok(())
    }

    fn targets(&self, link: usize) -> Vec<Target> {
        self.links[link].ports.iter().flat_map(|port| &port.legs).map(|leg| leg.target).collect()
    }
}

impl Link {
    fn wants_ticks(&self) -> bool {
        self.operator.as_ref().is_some_and(|operator| operator.wants_ticks())
    }
}
