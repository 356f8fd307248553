//! Takes checkpoints: sends barriers out, gathers what the tasks report, writes, and tells the sinks.
//!
//! One checkpoint is under way at a time. A task whose input has ended counts with the state in which it stays.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace_model::NodeId;
use millrace_model::run::CheckpointMetrics;
use tokio::sync::{Mutex, OwnedMutexGuard, mpsc, watch};

use super::folder::{Checkpoint, SavedNode, StateError, StateFolder};
use super::{Barrier, Part, Report, TaskLine};
use crate::run::{Phase, Shared, reached};
use crate::world::World;

/// The coordinator of one run. It lives until every task has let go of its line.
pub(crate) struct Coordinator {
    folder: Arc<StateFolder>,
    interval: Duration,
    parallelism: usize,
    nodes: Arc<Mutex<Marks>>,
    /// The newest checkpoint that holds.
    held: u64,
    /// Whether there is one to go on from.
    is_resumable: bool,
    tasks: Vec<TaskReports>,
    pending: Option<Pending>,
    was_last_sent: bool,
    reports: mpsc::UnboundedReceiver<(usize, Report)>,
    report_sender: Option<mpsc::UnboundedSender<(usize, Report)>>,
    barriers: watch::Sender<Option<Barrier>>,
    committed: watch::Sender<u64>,
}

/// Title and fingerprint of each node. Whoever holds them keeps checkpoints from being begun, and the other way round.
pub(crate) type Marks = BTreeMap<NodeId, (String, String)>;

/// A checkpoint under way.
struct Pending {
    barrier: Barrier,
    begun: Instant,
    /// No node is replaced meanwhile, or the states of its instances might not belong together.
    marks: OwnedMutexGuard<Marks>,
}

#[derive(Default)]
struct TaskReports {
    at_barrier: Option<(Barrier, Arc<Vec<Part>>)>,
    ended: Option<Arc<Vec<Part>>>,
}

impl TaskReports {
    fn at(&self, number: u64) -> Option<&Arc<Vec<Part>>> {
        let at_barrier = self.at_barrier.as_ref().filter(|(barrier, _)| barrier.number == number);
        at_barrier.map(|(_, parts)| parts).or(self.ended.as_ref())
    }
}

/// How things stand when all tasks are over.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Another run can go on from a checkpoint in the folder: nothing must be taken back.
    pub is_resumable: bool,
    /// The last checkpoint, which holds all that was done, could not be written.
    pub fault: Option<StateError>,
}

impl Coordinator {
    /// `before` is the newest checkpoint in the folder, which the run goes on from.
    pub fn new(
        folder: Arc<StateFolder>,
        interval: Duration,
        parallelism: usize,
        nodes: Arc<Mutex<Marks>>,
        before: Option<u64>,
    ) -> Self {
        let (report_sender, reports) = mpsc::unbounded_channel();
        Self {
            folder,
            interval,
            parallelism,
            nodes,
            held: before.unwrap_or_default(),
            is_resumable: before.is_some(),
            tasks: Vec::new(),
            pending: None,
            was_last_sent: false,
            reports,
            report_sender: Some(report_sender),
            barriers: watch::channel(None).0,
            committed: watch::channel(0).0,
        }
    }

    /// A line for one more task.
    pub fn line(&mut self) -> TaskLine {
        self.tasks.push(TaskReports::default());
        TaskLine {
            task: self.tasks.len() - 1,
            reports: self.report_sender.clone().expect("lines are given out before the run begins"),
            barriers: self.barriers.subscribe(),
            committed: self.committed.subscribe(),
        }
    }

    /// Takes checkpoints until all tasks are over, and then, unless one of them broke off, the last one.
    pub async fn run(mut self, shared: Arc<Shared>, mut phase: watch::Receiver<Phase>) -> Outcome {
        self.report_sender = None;
        let mut ticks = shared.world.ticks(self.interval);
        loop {
            let may_begin = self.pending.is_none() && !self.was_last_sent;
            tokio::select! {
                biased;
                report = self.reports.recv() => match report {
                    Some((task, report)) => self.note(task, report),
                    None => break,
                },
                () = reached(&mut phase, Phase::Draining), if may_begin => self.begin(true, &shared.world).await,
                () = ticks.tick(), if may_begin => self.begin(false, &shared.world).await,
            }
            if let Some(parts) = self.pending.as_ref().and_then(|pending| self.gathered(pending.barrier.number))
                && let Some(Pending { barrier, begun, marks }) = self.pending.take()
            {
                // What a failed attempt prepared stays prepared: the next checkpoint holds it too.
                if self.write(barrier.number, parts, false, begun, &marks, &shared).await.is_ok() {
                    self.committed.send_replace(barrier.number);
                }
            }
        }
        self.close(&shared).await
    }

    async fn begin(&mut self, is_last: bool, world: &World) {
        let marks = self.nodes.clone().lock_owned().await;
        // A number is never used twice, not even after a failed attempt, or late reports could be taken for new ones.
        let last_used = (*self.barriers.borrow()).map_or(self.held, |barrier: Barrier| barrier.number);
        let barrier = Barrier { number: last_used + 1, is_last };
        self.was_last_sent = is_last;
        self.pending = Some(Pending { barrier, begun: world.now(), marks });
        self.barriers.send_replace(Some(barrier));
    }

    fn note(&mut self, task: usize, report: Report) {
        match report {
            Report::AtBarrier(barrier, parts) => self.tasks[task].at_barrier = Some((barrier, Arc::new(parts))),
            Report::Ended(parts) => self.tasks[task].ended = Some(Arc::new(parts)),
        }
    }

    /// What all tasks said at the barrier, once they all have.
    fn gathered(&self, number: u64) -> Option<Vec<Arc<Vec<Part>>>> {
        self.tasks.iter().map(|task| task.at(number).cloned()).collect()
    }

    /// The last checkpoint, of a run that came to its end. After a stop it has been written already.
    async fn close(mut self, shared: &Arc<Shared>) -> Outcome {
        self.pending = None;
        let marks = self.nodes.clone().lock_owned().await;
        let begun = shared.world.now();
        let all_ended: Option<Vec<_>> = self.tasks.iter().map(|task| task.ended.clone()).collect();
        let mut fault = None;
        let last_used = (*self.barriers.borrow()).map_or(self.held, |barrier: Barrier| barrier.number);
        if let Some(parts) = all_ended {
            fault = self.write(last_used + 1, parts, true, begun, &marks, shared).await.err();
        } else if let (true, Some(parts)) = (self.held < last_used, self.gathered(last_used)) {
            // The run was stopped, and the write failed: once more, for the disk may have room again.
            fault = self.write(last_used, parts, false, begun, &marks, shared).await.err();
        }
        Outcome { is_resumable: self.is_resumable, fault }
    }

    async fn write(
        &mut self,
        number: u64,
        parts: Vec<Arc<Vec<Part>>>,
        is_complete: bool,
        begun: Instant,
        marks: &Marks,
        shared: &Arc<Shared>,
    ) -> Result<(), StateError> {
        let mut nodes: BTreeMap<NodeId, SavedNode> = BTreeMap::new();
        for part in parts.iter().flat_map(|parts| parts.iter()) {
            let (title, fingerprint) = marks.get(&part.node).cloned().unwrap_or_default();
            let node =
                nodes.entry(part.node.clone()).or_insert(SavedNode { title, fingerprint, instances: Vec::new() });
            if node.instances.len() <= part.instance {
                node.instances.resize(part.instance + 1, Default::default());
            }
            node.instances[part.instance] = part.saved.clone();
        }
        let taken_ms = shared.world.clock().now_us() / 1_000;
        let checkpoint = Checkpoint { number, taken_ms, is_complete, parallelism: self.parallelism, nodes };
        let folder = self.folder.clone();
        let written = shared.world.blocking(move || folder.write(&checkpoint)).await;
        let before = shared.checkpoint();
        let metrics = match &written {
            Ok(bytes) => CheckpointMetrics {
                number,
                taken_ms,
                bytes: *bytes,
                duration_ms: u64::try_from((shared.world.now() - begun).as_millis()).unwrap_or(u64::MAX),
                fault: None,
            },
            Err(error) => {
                tracing::warn!("{}", sentence(error));
                CheckpointMetrics { fault: Some(sentence(error)), ..before.unwrap_or_default() }
            }
        };
        shared.set_checkpoint(metrics);
        written.map(|_| {
            self.held = number;
            self.is_resumable = true;
        })
    }
}

/// The error with what is behind it, such as a full disk.
pub(crate) fn sentence(error: &StateError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
