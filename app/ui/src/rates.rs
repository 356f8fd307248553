//! Rows per second of every node and wire of a run, over its newest second.
//!
//! A poll of a big run brings thousands of counters, so what they belong to is kept once and the counters alone are
//! remembered. When a poll names other nodes or wires than the one before, the rates start anew.

use std::collections::{BTreeMap, VecDeque};

use millrace_model::run::{CpuUse, NodeMetrics, RunMetrics};
use millrace_model::{NodeId, Wire};

/// Rates are taken over this much of the run, so that they neither flicker nor lag.
const WINDOW_MS: u64 = 1_000;

/// Rows per second of one node.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct NodeRate {
    pub rows_in: f64,
    pub rows_out: f64,
    /// Microseconds that a batch spends in the node's own code; none where no batch came.
    pub batch_us: Option<f64>,
}

/// What a wire carries now.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct WireRate {
    pub rows: f64,
    /// Queue fill, 0 to 1.
    pub fill: f32,
}

/// The rates of one run.
#[derive(Debug, Default)]
pub struct Rates {
    nodes: BTreeMap<NodeId, usize>,
    wires: Vec<Wire>,
    wire_index: BTreeMap<Wire, usize>,
    node_rates: Vec<NodeRate>,
    wire_rates: Vec<WireRate>,
    source_rate: f64,
    core_wait: f64,
    /// Oldest first; the first is the one that rates are taken against.
    past: VecDeque<Counts>,
}

#[derive(Debug)]
struct Counts {
    elapsed_ms: u64,
    source_rows: u64,
    nodes: Vec<NodeCounts>,
    wires: Vec<u64>,
    cpu: Option<CpuUse>,
}

#[derive(Debug, Clone, Copy)]
struct NodeCounts {
    rows_in: u64,
    rows_out: u64,
    batches_in: u64,
    busy_us: u64,
}

impl NodeCounts {
    fn of(node: &NodeMetrics) -> Self {
        Self { rows_in: node.rows_in, rows_out: node.rows_out, batches_in: node.batches_in, busy_us: node.busy_us }
    }

    fn rate(self, before: Self, seconds: f64) -> NodeRate {
        let more = |of: fn(Self) -> u64| of(self).saturating_sub(of(before)) as f64;
        let batches = more(|counts| counts.batches_in);
        NodeRate {
            rows_in: more(|counts| counts.rows_in) / seconds,
            rows_out: more(|counts| counts.rows_out) / seconds,
            batch_us: (batches > 0.0).then(|| more(|counts| counts.busy_us) / batches),
        }
    }
}

impl Counts {
    fn of(metrics: &RunMetrics) -> Self {
        Self {
            elapsed_ms: metrics.elapsed_ms,
            source_rows: metrics.num_source_rows(),
            nodes: metrics.nodes.values().map(NodeCounts::of).collect(),
            wires: metrics.wires.iter().map(|wire| wire.rows).collect(),
            cpu: metrics.cpu,
        }
    }
}

impl Rates {
    pub fn node(&self, id: &NodeId) -> Option<NodeRate> {
        self.node_rates.get(*self.nodes.get(id)?).copied()
    }

    pub fn wire(&self, wire: &Wire) -> Option<WireRate> {
        self.wire_rates.get(*self.wire_index.get(wire)?).copied()
    }

    /// Every wire with what it carries; none before two polls have come.
    pub fn wires(&self) -> impl Iterator<Item = (&Wire, WireRate)> {
        self.wires.iter().zip(self.wire_rates.iter().copied())
    }

    /// Rows per second that the sources make.
    pub fn source(&self) -> f64 {
        self.source_rate
    }

    /// How many threads of the host's process were ready and had no core, on average; 0 where that is not known.
    pub fn core_wait(&self) -> f64 {
        self.core_wait
    }

    pub fn update(&mut self, metrics: &RunMetrics) {
        let is_same =
            metrics.nodes.keys().eq(self.nodes.keys()) && metrics.wires.iter().map(|wire| &wire.wire).eq(&self.wires);
        if !is_same {
            self.nodes = metrics.nodes.keys().cloned().enumerate().map(|(index, id)| (id, index)).collect();
            self.wires = metrics.wires.iter().map(|wire| wire.wire.clone()).collect();
            self.wire_index = self.wires.iter().cloned().enumerate().map(|(index, wire)| (wire, index)).collect();
            self.past.clear();
            self.node_rates.clear();
            self.wire_rates.clear();
        }
        let now = Counts::of(metrics);
        while self.past.len() > 1 && now.elapsed_ms.saturating_sub(self.past[1].elapsed_ms) >= WINDOW_MS {
            self.past.pop_front();
        }
        if let Some(before) = self.past.front().filter(|before| now.elapsed_ms > before.elapsed_ms) {
            let seconds = (now.elapsed_ms - before.elapsed_ms) as f64 / 1_000.0;
            let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
            self.source_rate = rate(now.source_rows, before.source_rows);
            let waited_ms = now.cpu.zip(before.cpu).map(|(now, before)| rate(now.waited_ms, before.waited_ms));
            self.core_wait = waited_ms.unwrap_or(0.0) / 1_000.0;
            let nodes = now.nodes.iter().zip(&before.nodes);
            self.node_rates = nodes.map(|(now, before)| now.rate(*before, seconds)).collect();
            let rows = now.wires.iter().zip(&before.wires).map(|(now, before)| rate(*now, *before));
            let fills = metrics.wires.iter().map(|wire| wire.fill);
            self.wire_rates = rows.zip(fills).map(|(rows, fill)| WireRate { rows, fill }).collect();
        }
        if metrics.state.is_over() {
            self.past.clear();
        } else if self.past.back().is_none_or(|last| last.elapsed_ms < now.elapsed_ms) {
            self.past.push_back(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_model::run::{RunState, WireMetrics};

    fn metrics(elapsed_ms: u64, wires: &[(&str, u64)]) -> RunMetrics {
        let wire = |(to, rows): &(&str, u64)| WireMetrics {
            wire: Wire::new("a.rows".parse().expect("an end"), to.parse().expect("an end")),
            rows: *rows,
            batches: 1,
            rows_injected: 0,
            fill: 0.5,
        };
        RunMetrics {
            state: RunState::Running,
            elapsed_ms,
            failure: None,
            nodes: BTreeMap::new(),
            wires: wires.iter().map(wire).collect(),
            memory_bytes: 0,
            cpu: None,
            checkpoint: None,
            standstill: None,
        }
    }

    #[test]
    fn threads_without_a_core_are_those_of_the_last_second() {
        let poll = |elapsed_ms, waited_ms| {
            let cpu = Some(CpuUse { used_ms: 0, waited_ms });
            RunMetrics { cpu, ..metrics(elapsed_ms, &[]) }
        };
        let mut rates = Rates::default();
        rates.update(&poll(0, 7_000));
        assert_eq!(rates.core_wait(), 0.0);
        rates.update(&poll(500, 8_000));
        assert_eq!(rates.core_wait(), 2.0);
        rates.update(&poll(1_500, 8_000));
        assert_eq!(rates.core_wait(), 0.0);
    }

    #[test]
    fn the_time_of_a_batch_is_that_of_the_batches_that_came() {
        let id: NodeId = "a".parse().expect("an id");
        let poll = |elapsed_ms, batches_in, busy_us| {
            let node = NodeMetrics { batches_in, busy_us, ..NodeMetrics::default() };
            RunMetrics { nodes: BTreeMap::from([(id.clone(), node)]), ..metrics(elapsed_ms, &[]) }
        };
        let mut rates = Rates::default();
        rates.update(&poll(0, 100, 9_000));
        rates.update(&poll(500, 140, 19_000));
        assert_eq!(rates.node(&id).and_then(|rate| rate.batch_us), Some(250.0));
        rates.update(&poll(1_600, 140, 19_000));
        rates.update(&poll(2_700, 140, 19_000));
        assert_eq!(rates.node(&id).and_then(|rate| rate.batch_us), None, "none came lately");
    }

    #[test]
    fn counters_of_other_wires_are_not_taken_for_the_same() {
        let mut rates = Rates::default();
        rates.update(&metrics(0, &[("b.rows", 0), ("c.rows", 1_000)]));
        rates.update(&metrics(500, &[("b.rows", 100), ("c.rows", 1_000)]));
        let rows =
            |rates: &Rates| rates.wires().map(|(wire, rate)| (wire.to.to_string(), rate.rows)).collect::<Vec<_>>();
        assert_eq!(rows(&rates), [("b.rows".to_owned(), 200.0), ("c.rows".to_owned(), 0.0)]);
        rates.update(&metrics(600, &[("c.rows", 1_050)]));
        assert_eq!(rows(&rates), [], "one poll alone tells no rate");
        rates.update(&metrics(700, &[("c.rows", 1_060)]));
        assert_eq!(rows(&rates), [("c.rows".to_owned(), 100.0)]);
    }
}
