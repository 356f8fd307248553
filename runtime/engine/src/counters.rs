//! What is counted while a run goes on: one set of atomics for each instance of a node and for each wire, added up only
//! when somebody asks.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use millrace_model::run::{CpuUse, NodeMetrics, WireMetrics};
use millrace_model::{NodeId, PortRole, Wire};
use millrace_operator::Source;
use serde::{Deserialize, Serialize};

use crate::channel::Budget;
use crate::gate::Snare;
use crate::newest::NewestRows;
use crate::recorder::Listener;

/// No watermark yet, as an atomic can say it.
const NO_WATERMARK: i64 = i64::MIN;
/// Nobody holds the watermark back.
const NOBODY: usize = usize::MAX;

/// The counters of one instance of a node.
#[derive(Debug)]
pub(crate) struct NodeCounters {
    pub rows_in: AtomicU64,
    rows_out: AtomicU64,
    rows_late: AtomicU64,
    rows_rejected: AtomicU64,
    pub rows_dropped: AtomicU64,
    batches_in: AtomicU64,
    busy_ns: AtomicU64,
    watermark_us: AtomicI64,
    held_by: AtomicUsize,
    pub state_bytes: AtomicUsize,
    /// Bytes of rows that the call at hand has emitted, where there is a memory budget.
    pub emitting_bytes: AtomicU64,
    status: Mutex<Option<String>>,
    progress: Mutex<Option<f64>>,
    pub is_finished: AtomicBool,
}

impl Default for NodeCounters {
    fn default() -> Self {
        Self {
            rows_in: AtomicU64::default(),
            rows_out: AtomicU64::default(),
            rows_late: AtomicU64::default(),
            rows_rejected: AtomicU64::default(),
            rows_dropped: AtomicU64::default(),
            batches_in: AtomicU64::default(),
            busy_ns: AtomicU64::default(),
            watermark_us: AtomicI64::new(NO_WATERMARK),
            held_by: AtomicUsize::new(NOBODY),
            state_bytes: AtomicUsize::default(),
            emitting_bytes: AtomicU64::default(),
            status: Mutex::default(),
            progress: Mutex::default(),
            is_finished: AtomicBool::default(),
        }
    }
}

/// Counts that a run which goes on from a checkpoint begins with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedCounters {
    rows_in: u64,
    rows_out: u64,
    rows_late: u64,
    rows_rejected: u64,
    rows_dropped: u64,
}

impl NodeCounters {
    pub fn save(&self) -> SavedCounters {
        SavedCounters {
            rows_in: self.rows_in.load(Relaxed),
            rows_out: self.rows_out.load(Relaxed),
            rows_late: self.rows_late.load(Relaxed),
            rows_rejected: self.rows_rejected.load(Relaxed),
            rows_dropped: self.rows_dropped.load(Relaxed),
        }
    }

    pub fn restore(&self, saved: SavedCounters) {
        self.rows_in.store(saved.rows_in, Relaxed);
        self.rows_out.store(saved.rows_out, Relaxed);
        self.rows_late.store(saved.rows_late, Relaxed);
        self.rows_rejected.store(saved.rows_rejected, Relaxed);
        self.rows_dropped.store(saved.rows_dropped, Relaxed);
    }

    pub fn add_rows_in(&self, num_rows: usize) {
        self.rows_in.fetch_add(num_rows as u64, Relaxed);
        self.batches_in.fetch_add(1, Relaxed);
    }

    /// Counts rows that leave by a port of this role.
    pub fn add_rows_by(&self, role: PortRole, num_rows: usize) {
        let counter = match role {
            PortRole::Rows => &self.rows_out,
            PortRole::Late => &self.rows_late,
            PortRole::Rejected => &self.rows_rejected,
        };
        counter.fetch_add(num_rows as u64, Relaxed);
    }

    pub fn add_busy(&self, time: Duration) {
        self.busy_ns.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    /// The end of time is no watermark to show: the last one before it stays.
    pub fn set_watermark(&self, watermark_us: i64) {
        if watermark_us != i64::MAX {
            self.watermark_us.store(watermark_us, Relaxed);
        }
    }

    /// Which of the nodes before this one holds its watermark back, as an index into [`NodeCell::upstream`].
    pub fn set_held_by(&self, upstream: Option<usize>) {
        self.held_by.store(upstream.unwrap_or(NOBODY), Relaxed);
    }

    /// What the source is doing and how far it is.
    pub fn hear(&self, source: &dyn Source) {
        self.set_status(source.status());
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = source.progress();
    }

    pub fn set_status(&self, status: Option<String>) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }
}

/// One node of a run: its counters by instance.
#[derive(Debug)]
pub(crate) struct NodeCell {
    pub is_source: bool,
    /// The nodes whose wires end here, each once.
    pub upstream: Vec<NodeId>,
    pub instances: Vec<Arc<NodeCounters>>,
    /// What a source gives can be heard here.
    pub listener: Arc<Listener>,
}

impl NodeCell {
    pub fn metrics(&self) -> NodeMetrics {
        let sum = |of: fn(&NodeCounters) -> &AtomicU64| -> u64 {
            self.instances.iter().map(|counters| of(counters).load(Relaxed)).sum()
        };
        // The instance that is furthest back speaks for the node.
        let last = self.instances.iter().min_by_key(|counters| counters.watermark_us.load(Relaxed));
        NodeMetrics {
            is_source: self.is_source,
            rows_in: sum(|counters| &counters.rows_in),
            rows_out: sum(|counters| &counters.rows_out),
            rows_late: sum(|counters| &counters.rows_late),
            rows_rejected: sum(|counters| &counters.rows_rejected),
            rows_dropped: sum(|counters| &counters.rows_dropped),
            batches_in: sum(|counters| &counters.batches_in),
            busy_us: sum(|counters| &counters.busy_ns) / 1_000,
            watermark_us: last
                .map(|counters| counters.watermark_us.load(Relaxed))
                .filter(|watermark| *watermark != NO_WATERMARK),
            watermark_held_by: last.and_then(|counters| self.upstream.get(counters.held_by.load(Relaxed))).cloned(),
            state_bytes: self.instances.iter().map(|counters| counters.state_bytes.load(Relaxed) as u64).sum(),
            status: self
                .instances
                .iter()
                .find_map(|counters| counters.status.lock().unwrap_or_else(PoisonError::into_inner).clone()),
            progress: self
                .instances
                .iter()
                .map(|counters| *counters.progress.lock().unwrap_or_else(PoisonError::into_inner))
                .reduce(|a, b| Some(f64::min(a?, b?)))
                .flatten(),
            is_finished: self.instances.iter().all(|counters| counters.is_finished.load(Relaxed)),
        }
    }
}

/// One wire of a run.
#[derive(Debug)]
pub(crate) struct WireCell {
    pub wire: Wire,
    rows: AtomicU64,
    batches: AtomicU64,
    rows_injected: AtomicU64,
    /// One for each queue that carries the wire; none where it lies inside a task.
    pub budgets: Vec<Budget>,
    pub tap: NewestRows,
    pub snare: Snare,
    pub listener: Listener,
}

impl WireCell {
    pub fn new(wire: Wire, budgets: Vec<Budget>, tap_rows: usize) -> Self {
        Self {
            wire,
            rows: AtomicU64::default(),
            batches: AtomicU64::default(),
            rows_injected: AtomicU64::default(),
            budgets,
            tap: NewestRows::closed(tap_rows),
            snare: Snare::default(),
            listener: Listener::default(),
        }
    }

    pub fn add_batch(&self, num_rows: usize) {
        self.rows.fetch_add(num_rows as u64, Relaxed);
        self.batches.fetch_add(1, Relaxed);
    }

    /// Counts rows that a person put on the wire; they are counted as its rows too.
    pub fn add_injected(&self, num_rows: usize) {
        self.rows_injected.fetch_add(num_rows as u64, Relaxed);
    }

    pub fn metrics(&self) -> WireMetrics {
        let limit: usize = self.budgets.iter().map(Budget::limit).sum();
        let used: usize = self.budgets.iter().map(Budget::used).sum();
        WireMetrics {
            wire: self.wire.clone(),
            rows: self.rows.load(Relaxed),
            batches: self.batches.load(Relaxed),
            rows_injected: self.rows_injected.load(Relaxed),
            fill: if limit == 0 { 0.0 } else { used as f32 / limit as f32 },
        }
    }
}

/// Resident memory of this process; 0 where the system does not tell.
pub(crate) fn memory_bytes() -> u64 {
    let resident = |status: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    std::fs::read_to_string("/proc/self/status").ok().and_then(|status| resident(&status)).map_or(0, |kb| kb * 1_024)
}

/// What this process has used of the cores so far; none where the system does not tell.
pub fn cpu_use() -> Option<CpuUse> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // Fields 14 and 15 of proc_pid_stat(5), in hundredths of a second on Linux. The command name in brackets may hold
    // spaces; the fields after it are counted from the third on.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(CpuUse { used_ms: (user + system) * 10, waited_ms: waited_ms().unwrap_or(0) })
}

/// The second number of each thread's `schedstat`, in nanoseconds (sched-stats of the kernel's documentation).
fn waited_ms() -> Option<u64> {
    let waited_ns = |thread: PathBuf| -> Option<u64> {
        let text = std::fs::read_to_string(thread.join("schedstat")).ok()?;
        text.split_ascii_whitespace().nth(1)?.parse().ok()
    };
    // A thread may end meanwhile; its time is then no longer counted.
    let threads = std::fs::read_dir("/proc/self/task").ok()?.flatten();
    Some(threads.filter_map(|thread| waited_ns(thread.path())).sum::<u64>() / 1_000_000)
}
