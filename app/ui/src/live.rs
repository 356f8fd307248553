//! What is known of the run that goes on, or of the last one: counters, rates, taps, views and log lines.

use std::collections::{BTreeMap, VecDeque};

use arrow_array::RecordBatch;
use millrace_model::filter::{Filters, Values};
use millrace_model::run::{Breakpoint, EditCost, NodeMetrics, RunMetrics, RunState, Standstill, WireMetrics};
use millrace_model::view::{Look, ViewSpec};
use millrace_model::{Catalog, NodeId, Pipeline, Wire};
use millrace_protocol::{Capturing, FrameError, LogLine, Polled, Replaying, RunId, ViewFrame};

use crate::rates::{NodeRate, Rates, WireRate};
use crate::standing::{Halted, Marks};

/// Newest log lines that are kept.
const MAX_LOG_LINES: usize = 2_000;

/// The state of a run as the designer last heard it.
#[derive(Debug, Default)]
pub struct Live {
    /// The run, on or over, that this tells about.
    pub run: Option<RunId>,
    /// `Run` was pressed and the host has not answered yet.
    pub is_starting: bool,
    pub metrics: Option<RunMetrics>,
    pub rates: Rates,
    /// Wires that are drawn at the border of a nested pipeline, with those of the run that carry their rows.
    carriers: BTreeMap<Wire, Vec<Wire>>,
    /// The wire whose rows are wanted.
    pub tapped: Option<Wire>,
    /// The newest rows of the tapped wire, oldest first.
    pub tap: Option<Tap>,
    pub views: BTreeMap<NodeId, LiveView>,
    /// Parts of views that are looked at, and what was last heard of each.
    pub looks: BTreeMap<NodeId, Look>,
    pub parts: BTreeMap<NodeId, (Look, LiveView)>,
    /// How the page that is shown filters its views; `None` where it does not.
    pub filters: Option<Filters>,
    pub log: VecDeque<LogLine>,
    /// Newest records of unwired `late` and `rejected` ports that were asked for.
    pub recent: BTreeMap<(NodeId, String), RecordBatch>,
    /// What it would cost to bring what is drawn into the run; none before the host told.
    pub edit_cost: Option<EditCost>,
    /// Once the run is over, what is drawn then is to be run.
    pub restarts: bool,
    /// Where the run is to halt.
    pub marks: Marks,
    /// What it has halted at.
    pub halted: Option<Halted>,
    /// What is being captured.
    pub capturing: Option<Capturing>,
    /// What the run gives instead of what its sources give now.
    pub replaying: Option<Replaying>,
}

#[derive(Debug, Clone)]
pub struct Tap {
    pub wire: Wire,
    pub rows: RecordBatch,
}

/// The newest picture of a view node.
#[derive(Debug, Clone)]
pub struct LiveView {
    pub version: u64,
    pub spec: ViewSpec,
    pub data: RecordBatch,
    /// How its rows were filtered.
    pub filters: Option<Filters>,
    /// What they may be filtered by.
    pub choices: Values,
}

impl Live {
    /// Forgets the last run and follows `run`. The tap and the breakpoints stay wanted.
    pub fn follow(&mut self, run: RunId) {
        let (looks, filters) = (std::mem::take(&mut self.looks), self.filters.take());
        let (marks, carriers) = (std::mem::take(&mut self.marks), std::mem::take(&mut self.carriers));
        *self = Self { run: Some(run), tapped: self.tapped.take(), looks, filters, marks, carriers, ..Self::default() };
    }

    /// Learns which wires are drawn now, which a run knows without any nesting and bypassing. A wire that was tapped stays so, however
    /// it is drawn.
    pub fn see(&mut self, pipeline: &Pipeline, catalog: &Catalog) {
        let tapped = self.tapped.as_ref().map(|wire| self.carrier(wire).clone());
        self.carriers = pipeline.carriers_at_borders(catalog);
        if self.tapped.as_ref().is_some_and(|wire| !pipeline.has_wire(wire)) {
            let is_tapped = |wire: &Wire| tapped.as_ref() == Some(self.carrier(wire));
            let now = tapped.iter().chain(self.carriers.keys()).find(|wire| pipeline.has_wire(wire) && is_tapped(wire));
            let now = now.cloned();
            match (&mut self.tap, &now) {
                (Some(tap), Some(wire)) => tap.wire = wire.clone(),
                (tap, _) => *tap = None,
            }
            self.tapped = now;
        }
    }

    /// The wire of a run that carries what a drawn wire carries: the same one, but at borders and bypassed nodes.
    pub fn carrier<'a>(&'a self, wire: &'a Wire) -> &'a Wire {
        self.carriers.get(wire).and_then(|carriers| carriers.first()).unwrap_or(wire)
    }

    /// What has gone through a drawn wire.
    pub fn wire(&self, wire: &Wire) -> Option<&WireMetrics> {
        let carrier = self.carrier(wire);
        self.metrics.as_ref()?.wires.iter().find(|counted| counted.wire == *carrier)
    }

    pub fn state(&self) -> Option<RunState> {
        self.metrics.as_ref().map(|metrics| metrics.state)
    }

    /// Whether a run goes on, or is about to.
    pub fn is_running(&self) -> bool {
        self.is_starting || (self.run.is_some() && self.state().is_none_or(|state| !state.is_over()))
    }

    pub fn is_stopping(&self) -> bool {
        self.state() == Some(RunState::Stopping)
    }

    /// Why the run does not move.
    pub fn standstill(&self) -> Option<&Standstill> {
        self.metrics.as_ref()?.standstill.as_ref().filter(|_| self.is_running())
    }

    /// The rows at which the run has halted on this wire, as it is drawn.
    pub fn halted_at(&self, wire: &Wire) -> Option<&Halted> {
        self.halted.as_ref().filter(|halted| self.carriers_of(wire).any(|carrier| *carrier == halted.wire))
    }

    /// Where the run is to halt, by the wires that it knows.
    pub fn breakpoints(&self) -> Vec<Breakpoint> {
        let enabled = self.marks.iter().filter(|(_, mark)| mark.is_enabled);
        let at_carriers = enabled.flat_map(|(wire, mark)| self.carriers_of(wire).map(move |carrier| (carrier, mark)));
        at_carriers.map(|(wire, mark)| Breakpoint { wire: wire.clone(), condition: mark.condition.clone() }).collect()
    }

    /// A drawn wire that carries what this wire of the run does.
    pub fn drawn(&self, carrier: &Wire) -> Wire {
        self.drawings(carrier).next().unwrap_or(carrier).clone()
    }

    /// The wires that carry what this wire of the run does, if they are drawn: at borders of nested pipelines, and itself.
    pub fn drawings<'a>(&'a self, carrier: &'a Wire) -> impl Iterator<Item = &'a Wire> {
        let at_borders = self.carriers.iter().filter(|(_, carriers)| carriers.contains(carrier));
        at_borders.map(|(drawn, _)| drawn).chain([carrier])
    }

    /// The wires of a run that carry what a drawn wire carries.
    fn carriers_of<'a>(&'a self, wire: &'a Wire) -> impl Iterator<Item = &'a Wire> {
        let carriers = self.carriers.get(wire).map(Vec::as_slice).unwrap_or_default();
        carriers.iter().chain(carriers.is_empty().then_some(wire))
    }

    pub fn node(&self, id: &NodeId) -> Option<&NodeMetrics> {
        self.metrics.as_ref()?.nodes.get(id)
    }

    pub fn node_rate(&self, id: &NodeId) -> NodeRate {
        self.rates.node(id).unwrap_or_default()
    }

    pub fn wire_rate(&self, wire: &Wire) -> Option<WireRate> {
        let Some(carriers) = self.carriers.get(wire) else { return self.rates.wire(wire) };
        // Each of them carries all the rows.
        let rates = carriers.iter().filter_map(|carrier| self.rates.wire(carrier));
        rates.reduce(|a, b| WireRate { rows: a.rows.max(b.rows), fill: a.fill.max(b.fill) })
    }

    /// The node at which the run failed.
    pub fn failed_node(&self) -> Option<&NodeId> {
        self.metrics.as_ref()?.failure.as_ref()?.node.as_ref()
    }

    /// The failure of the run at this node, if that is where it failed.
    pub fn failure_at(&self, id: &NodeId) -> Option<&str> {
        let failure = self.metrics.as_ref()?.failure.as_ref()?;
        (failure.node.as_ref() == Some(id)).then_some(failure.message.as_str())
    }

    /// The number of the next log line wanted.
    pub fn log_from(&self) -> u64 {
        self.log.back().map_or(0, |line| line.number + 1)
    }

    /// Wants the rows of another wire, or of none.
    pub fn tap_wire(&mut self, wire: Option<Wire>) {
        if self.tapped != wire {
            self.tapped = wire;
            self.tap = None;
        }
    }

    /// Takes in what a poll with these filters brought.
    ///
    /// # Errors
    /// When a data frame cannot be read; the rest has been taken in.
    pub fn take_in(&mut self, polled: Polled, filters: Option<&Filters>) -> Result<(), FrameError> {
        self.rates.update(&polled.metrics);
        self.metrics = Some(polled.metrics);
        (self.capturing, self.replaying) = (polled.capturing, polled.replaying);
        self.log.extend(polled.log);
        while self.log.len() > MAX_LOG_LINES {
            self.log.pop_front();
        }
        let mut fault = None;
        if !matches!(self.standstill(), Some(Standstill::Halted { .. })) {
            self.halted = None;
        }
        match polled.halt.as_ref().map(Halted::read).transpose() {
            Ok(None) => {}
            Ok(halted) => self.halted = halted,
            Err(error) => fault = Some(error),
        }
        let read = |frame: ViewFrame| {
            let ViewFrame { version, spec, data, choices } = frame;
            Ok(LiveView { version, spec, data: data.to_batch()?, filters: filters.cloned(), choices })
        };
        for tap in polled.taps {
            let Some(wire) = self.tapped.clone().filter(|wire| *self.carrier(wire) == tap.wire) else { continue };
            match tap.rows.map(|frame| frame.to_batch()).transpose() {
                Ok(Some(rows)) => self.tap = Some(Tap { wire, rows }),
                Ok(None) => {}
                Err(error) => fault = Some(error),
            }
        }
        for (id, frame) in polled.views {
            match read(frame) {
                Ok(view) => _ = self.views.insert(id, view),
                Err(error) => fault = Some(error),
            }
        }
        for (id, (look, frame)) in polled.parts {
            match read(frame) {
                Ok(view) => _ = self.parts.insert(id, (look, view)),
                Err(error) => fault = Some(error),
            }
        }
        fault.map_or(Ok(()), Err)
    }

    /// Looks at a part of a view, or at all of it. The last part stays until the next one has come.
    pub fn look_at(&mut self, node: NodeId, look: Option<Look>) {
        match look {
            Some(look) => _ = self.looks.insert(node, look),
            None => {
                self.looks.remove(&node);
                self.parts.remove(&node);
            }
        }
    }

    /// The version of a view that is known, filtered as it is to be.
    pub fn view_version(&self, node: &NodeId) -> u64 {
        self.views.get(node).filter(|view| view.filters == self.filters).map_or(0, |view| view.version)
    }

    /// The same of a part.
    pub fn part_version(&self, node: &NodeId, look: &Look) -> u64 {
        let known = self.parts.get(node).filter(|(known, view)| known == look && view.filters == self.filters);
        known.map_or(0, |(_, view)| view.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn polled(elapsed_ms: u64, rows: u64, state: RunState) -> Polled {
        let id: NodeId = "devices".parse().expect("an id");
        let node = NodeMetrics { is_source: true, rows_out: rows, ..NodeMetrics::default() };
        let wire = Wire::new("devices.rows".parse().expect("an end"), "out.rows".parse().expect("an end"));
        Polled {
            metrics: RunMetrics {
                state,
                elapsed_ms,
                failure: None,
                nodes: BTreeMap::from([(id, node)]),
                wires: vec![WireMetrics { wire, rows, batches: 1, rows_injected: 0, fill: 0.25 }],
                memory_bytes: 0,
                cpu: None,
                checkpoint: None,
                standstill: None,
            },
            taps: Vec::new(),
            views: BTreeMap::new(),
            parts: BTreeMap::new(),
            log: Vec::new(),
            halt: None,
            capturing: None,
            replaying: None,
        }
    }

    #[test]
    fn rates_are_taken_over_the_last_second_of_the_run() {
        let mut live = Live::default();
        live.follow(1);
        // 100 rows per second, then from the third second on 1,000.
        for tenth in 0..50 {
            let rows = if tenth <= 30 { tenth * 10 } else { 300 + (tenth - 30) * 100 };
            live.take_in(polled(tenth * 100, rows, RunState::Running), None).expect("there are no frames");
            if tenth == 20 {
                assert!((live.rates.source() - 100.0).abs() < 1.0, "{}", live.rates.source());
            }
        }
        assert!((live.rates.source() - 1_000.0).abs() < 1.0, "{}", live.rates.source());
        let wire = live.rates.wires().next().map(|(_, rate)| rate).expect("there is one wire");
        assert!((wire.rows - 1_000.0).abs() < 1.0 && wire.fill == 0.25);
        assert!(live.is_running());
    }

    #[test]
    fn a_run_that_is_over_keeps_its_counts_and_its_tap() {
        let mut live = Live::default();
        let wire = Wire::new("devices.rows".parse().expect("an end"), "out.rows".parse().expect("an end"));
        live.tap_wire(Some(wire.clone()));
        live.follow(1);
        assert_eq!(live.tapped, Some(wire));
        live.take_in(polled(500, 70, RunState::Done), None).expect("there are no frames");
        assert!(!live.is_running());
        assert_eq!(live.metrics.as_ref().map(RunMetrics::num_source_rows), Some(70));
    }
}
