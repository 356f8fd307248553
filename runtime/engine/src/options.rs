//! How a run is to be carried out: sizes, limits and times, all with defaults that suit a desktop.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use millrace_model::run::Breakpoint;
use millrace_operator::watermark::DEFAULT_IDLE_TIMEOUT;

use crate::checkpoint::{Checkpoint, StateFolder};
use crate::recorder::Recorder;
use crate::replay::Replays;
use crate::world::World;

/// The settings of one run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Instances of each keyed node; 0 counts as 1.
    pub parallelism: usize,
    /// Rows that sources aim for in a batch; 0 counts as 1.
    pub batch_size: usize,
    /// Cuts what a source emits into batches of at most `batch_size` rows, so that a test can vary the size for certain.
    pub reslice: bool,
    /// Bytes that may wait on one wire before the node at its start has to wait.
    pub queue_bytes: usize,
    /// Messages that may wait in one queue of a wire.
    pub queue_batches: usize,
    /// Least time between two pictures of a view that somebody looks at.
    pub view_interval: Duration,
    /// Time between two ticks of the nodes that want them.
    pub tick_interval: Duration,
    /// A source that gives no row for so long no longer holds back the watermark of others, unless it has a time of its
    /// own.
    pub idle_timeout: Duration,
    /// Newest rows kept of a tapped wire.
    pub tap_rows: usize,
    /// Where the run halts by itself.
    pub breakpoints: Vec<Breakpoint>,
    /// Newest rows kept of each unwired `late` or `rejected` port.
    pub unwired_keep: usize,
    /// Where relative paths in params start.
    pub base_dir: PathBuf,
    /// Resident memory of the process beyond which the run is refused more; near it sources wait. None: no limit.
    pub memory_bytes: Option<u64>,
    /// Where checkpoints go; without it none are taken, and a run that is cut off starts over.
    pub state: Option<StateOptions>,
    /// Where the run takes place: the real world, or a simulation with virtual time.
    pub world: World,
    /// What sources give instead of their own rows.
    pub replays: Replays,
    /// Sinks are built, but others that write nothing take their places.
    pub is_dry: bool,
    /// Keeps what the sources give, from the first row on.
    pub recorder: Option<Arc<Recorder>>,
}

/// How checkpoints are taken, and where the run goes on.
#[derive(Debug, Clone)]
pub struct StateOptions {
    pub folder: Arc<StateFolder>,
    /// Time between two checkpoints.
    pub interval: Duration,
    /// Where to go on; `None` to start over.
    pub resume: Option<Arc<Checkpoint>>,
}

impl RunOptions {
    /// A quarter of the machine's memory, the usual budget of a run; `None` where the system does not tell.
    pub fn quarter_of_memory() -> Option<u64> {
        let text = std::fs::read_to_string("/proc/meminfo").ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kilobytes * 1_024 / 4)
    }
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            parallelism: std::thread::available_parallelism().map_or(1, usize::from),
            batch_size: 8_192,
            reslice: false,
            queue_bytes: 8 << 20,
            queue_batches: 128,
            view_interval: Duration::from_millis(100),
            tick_interval: Duration::from_millis(100),
            idle_timeout: DEFAULT_IDLE_TIMEOUT.duration(),
            tap_rows: 1_000,
            breakpoints: Vec::new(),
            unwired_keep: 100,
            base_dir: PathBuf::from("."),
            memory_bytes: None,
            state: None,
            world: World::default(),
            replays: Replays::default(),
            is_dry: false,
            recorder: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let options = RunOptions::default();
        assert_eq!(options.idle_timeout, Duration::from_secs(30));
        assert_eq!(options.unwired_keep, 100);
    }

    #[test]
    fn the_usual_budget_is_a_quarter_of_the_machine() {
        let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let total =
            text.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse().ok());
        assert_eq!(RunOptions::quarter_of_memory(), total.map(|kilobytes: u64| kilobytes * 256));
    }
}
