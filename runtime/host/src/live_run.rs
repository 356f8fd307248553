//! One run of a project, from its start until the next run of the project takes its place.
//!
//! The engine's handle says everything; added here is what several lookers share: taps with their lifetimes, and the
//! log. A task of its own watches the run, so that its end is noted whether or not anybody looks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use millrace_engine::{Halted, Plan, Run, RunError};
use millrace_model::filter::{Filters, Values};
use millrace_model::run::{Breakpoint, EditCost, RunMetrics};
use millrace_model::view::Look;
use millrace_model::{Diagnostic, NodeId, Wire};
use millrace_operator::{Registry, ViewSnapshot};
use millrace_protocol::{
    Event, Failure, FailureCode, Frame, FrameError, Halt, LogLine, Move, Poll, Polled, ProjectId, Replaying, RunId,
    TapRows, ViewFrame,
};
use millrace_store::Store;
use serde_json::Value;
use tokio::sync::{broadcast, watch};

use crate::capture::Taking;
use crate::clock::now_ms;
use crate::filter::{choices, filtered};
use crate::host::in_background;
use crate::run_log::{RunLog, count};
use crate::taps::Taps;

/// How often a run is looked at for its log and its unwanted taps.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

pub(crate) struct LiveRun {
    pub(crate) id: RunId,
    pub(crate) project: ProjectId,
    /// The pipeline's name when it was started.
    pub(crate) name: String,
    /// The values of the pipeline's parameters that it was started with.
    pub(crate) parameters: BTreeMap<String, Value>,
    pub(crate) run: Run,
    replaying: Option<Replaying>,
    taking: Mutex<Option<Taking>>,
    titles: BTreeMap<NodeId, String>,
    taps: Mutex<Taps>,
    log: Mutex<RunLog>,
    /// Set when the run is over and its end is in the database.
    over: watch::Sender<bool>,
}

/// What a run was begun with.
pub(crate) struct Begun<'a> {
    pub plan: &'a Plan,
    pub parameters: BTreeMap<String, Value>,
    pub replaying: Option<Replaying>,
    /// A capture that begins with the run.
    pub taking: Option<Taking>,
}

/// The sources that take part.
pub(crate) fn sources_of(plan: &Plan) -> BTreeSet<NodeId> {
    plan.order.iter().filter(|id| plan.nodes[*id].is_source()).cloned().collect()
}

impl LiveRun {
    /// Takes the run over and begins to watch it.
    pub(crate) fn begin(
        (id, project, name): (RunId, ProjectId, String),
        run: Run,
        Begun { plan, parameters, replaying, taking }: Begun<'_>,
        store: Arc<Store>,
        events: broadcast::Sender<Event>,
    ) -> Arc<Self> {
        let mut log = RunLog::default();
        log.push(0, None, false, format!("Started with {}.", count(plan.order.len() as u64, "node")));
        if let Some(Replaying { name, tempo, writes, .. }) = &replaying {
            let sinks = if *writes { "Sinks write." } else { "Sinks write nothing." };
            log.push(0, None, false, format!("This is a replay of “{name}” {}. {sinks}", tempo.words()));
        }
        for problem in &plan.diagnostics {
            log.push(0, problem.node.clone(), false, problem.message.clone());
        }
        let live = Arc::new(Self {
            id,
            project,
            name,
            parameters,
            run,
            replaying,
            taking: Mutex::new(taking),
            titles: plan.nodes.iter().map(|(id, node)| (id.clone(), node.title.clone())).collect(),
            taps: Mutex::default(),
            log: Mutex::new(log),
            over: watch::Sender::new(false),
        });
        tokio::spawn(Arc::clone(&live).watch(store, events));
        live
    }

    pub(crate) fn metrics(&self) -> RunMetrics {
        self.run.metrics()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.run.state().is_over()
    }

    /// Returns when the run has ended and its end is noted.
    pub(crate) async fn over(&self) {
        // The sender is a part of `self`, so it cannot be gone.
        let _ = self.over.subscribe().wait_for(|is_over| *is_over).await;
    }

    pub(crate) async fn cost_of(&self, plan: &Plan) -> EditCost {
        self.run.cost_of(plan).await
    }

    /// Brings a changed pipeline into the run, and notes in its log what that cost.
    pub(crate) async fn edit(&self, plan: &Plan, registry: &Registry) -> Result<EditCost, RunError> {
        let cost = self.run.edit(plan, registry).await?;
        if let EditCost::Nodes { nodes } = &cost {
            let at_ms = self.run.metrics().elapsed_ms;
            for restart in nodes {
                let message = format!("“{}” was changed: it {}.", restart.title, restart.state.words());
                lock(&self.log).push(at_ms, Some(restart.node.clone()), false, message);
            }
        }
        Ok(cost)
    }

    pub(crate) async fn set_breakpoints(&self, breakpoints: &[Breakpoint]) -> Result<(), Vec<Diagnostic>> {
        self.run.set_breakpoints(breakpoints).await
    }

    /// The part of a plan that runs: all of it, but where a wire is fed.
    pub(crate) fn part_of(&self, plan: Plan) -> Plan {
        let fed_at = self.replaying.as_ref().and_then(|told| told.of_wire.as_ref());
        fed_at.and_then(|wire| plan.fed_at(wire)).unwrap_or(plan)
    }

    /// Captures what the sources give from now on, or what goes over a wire.
    pub(crate) fn begin_capture(&self, wire: Option<Wire>) -> Result<(), Failure> {
        let conflict = |message: &str| Err(Failure::new(FailureCode::Conflict, message));
        let metrics = self.run.metrics();
        if metrics.state.is_over() {
            return conflict("The run is over, and nothing more comes. Start it again to capture.");
        }
        let mut taking = lock(&self.taking);
        if taking.is_some() {
            return conflict("A capture of this run goes on already. End it first.");
        }
        let sources = metrics.nodes.iter().filter(|(_, node)| node.is_source).map(|(id, _)| id.clone());
        let nodes = wire.as_ref().map_or_else(|| sources.collect(), |wire| BTreeSet::from([wire.from.node.clone()]));
        let begun = Taking::new(wire.clone(), metrics.elapsed_ms, nodes);
        match &wire {
            None => self.run.record(&begun.recorder),
            Some(wire) if self.run.record_wire(&begun.recorder, wire) => {}
            Some(wire) => {
                let message = format!("The wire {wire} does not run. Start the pipeline as it is drawn, then capture.");
                return Err(Failure::new(FailureCode::NotFound, message));
            }
        }
        *taking = Some(begun);
        Ok(())
    }

    /// Ends the capture, keeps it and says so in the log.
    pub(crate) async fn end_capture(
        &self,
        store: &Arc<Store>,
        events: &broadcast::Sender<Event>,
    ) -> Result<(), Failure> {
        let Some(taking) = lock(&self.taking).take() else {
            return Err(Failure::new(FailureCode::NotFound, "No capture of this run goes on any more."));
        };
        self.run.stop_recording();
        let (store, project) = (Arc::clone(store), self.project);
        let kept = in_background(move || taking.keep(project, &store)).await.and_then(|kept| kept);
        let (is_error, message) = match &kept {
            Ok(message) => (false, message.clone()),
            Err(failure) => (true, failure.message.clone()),
        };
        lock(&self.log).push(self.run.metrics().elapsed_ms, None, is_error, message);
        let _ = events.send(Event::CapturesChanged { project });
        kept.map(drop)
    }

    /// Notes in the log that a person put rows on a wire.
    pub(crate) fn note_injected(&self, wire: &Wire, num_rows: usize) {
        let title = |id: &NodeId| self.titles.get(id).map_or(id.as_str(), String::as_str).to_owned();
        let (from, to) = (title(&wire.from.node), title(&wire.to.node));
        let rows = count(num_rows as u64, "row");
        let message = format!("{rows} put by hand on the wire from “{from}” to “{to}”.");
        lock(&self.log).push(self.run.metrics().elapsed_ms, Some(wire.to.node.clone()), false, message);
    }

    pub(crate) fn go(&self, how: Move) {
        match how {
            Move::Pause => self.run.pause(),
            Move::Resume => self.run.resume(),
            Move::Step => self.run.step(),
        }
    }

    pub(crate) fn stop(&self, now: bool) {
        if now {
            self.run.abort();
        } else {
            self.run.stop();
        }
    }

    /// The rows of the newest records that left an unwired port.
    pub(crate) fn recent(&self, node: &NodeId, port: &str) -> Result<Option<Frame>, FrameError> {
        self.run.recent(node, port).map(|rows| Frame::from_batch(&rows)).transpose()
    }

    pub(crate) fn view(&self, node: &NodeId, look: &Look) -> Option<ViewSnapshot> {
        self.run.part_of_view(node, look).map(|(_, snapshot)| snapshot)
    }

    /// Everything that `poll` asks for. Encodes rows, so it belongs on a blocking thread.
    pub(crate) fn poll(&self, poll: &Poll) -> Result<Polled, FrameError> {
        for wire in &poll.taps {
            if lock(&self.taps).want(wire, Instant::now()) {
                self.run.tap(wire);
            }
        }
        // Metrics come first: what is polled after an end is then all there will be.
        let metrics = self.run.metrics();
        let mut taps = Vec::new();
        for wire in &poll.taps {
            let rows = self.run.tapped(wire).map(|rows| Frame::from_batch(&rows)).transpose()?;
            taps.push(TapRows { wire: wire.clone(), rows });
        }
        let mut views = BTreeMap::new();
        for (node, known) in &poll.views {
            let frame = self.newer(node, &Look::WHOLE, *known, (poll.filters.as_ref(), true))?;
            views.extend(frame.map(|frame| (node.clone(), frame)));
        }
        let mut parts = BTreeMap::new();
        for (node, (look, known)) in &poll.parts {
            let look = Look { num_columns: look.num_columns.clamp(1, Look::MAX_COLUMNS), ..*look };
            let frame = self.newer(node, &look, *known, (poll.filters.as_ref(), false))?;
            parts.extend(frame.map(|frame| (node.clone(), (look, frame))));
        }
        let halt = self.run.halted().filter(|halted| halted.number > poll.halt).map(halt_of).transpose()?;
        let capturing = lock(&self.taking).as_ref().map(Taking::progress);
        let replaying = self.replaying.clone();
        let log = self.log_from(poll.log_from);
        Ok(Polled { metrics, taps, views, parts, log, halt, capturing, replaying })
    }

    /// The picture of what is looked at, filtered, if there is one that the asker does not know; with all values to
    /// choose from where the asker filters and wants them.
    fn newer(
        &self,
        node: &NodeId,
        look: &Look,
        known: u64,
        (filters, with_choices): (Option<&Filters>, bool),
    ) -> Result<Option<ViewFrame>, FrameError> {
        let newest = self.run.part_of_view(node, look).filter(|(version, _)| *version > known);
        let Some((version, ViewSnapshot { spec, data })) = newest else { return Ok(None) };
        let choices = if filters.is_some() && with_choices { choices(&data)? } else { Values::new() };
        let data = match filters {
            Some(filters) => filtered(data, filters)?,
            None => data,
        };
        Ok(Some(ViewFrame { version, spec, data: Frame::from_batch(&data)?, choices }))
    }

    fn log_from(&self, from: u64) -> Vec<LogLine> {
        lock(&self.log).from(from)
    }

    async fn watch(self: Arc<Self>, store: Arc<Store>, events: broadcast::Sender<Event>) {
        let mut look = tokio::time::interval(LOOK_INTERVAL);
        let outcome = loop {
            tokio::select! {
                outcome = self.run.finished() => break outcome,
                _ = look.tick() => {
                    lock(&self.log).observe(&self.run.metrics(), &self.titles);
                    for wire in lock(&self.taps).take_unwanted(Instant::now()) {
                        self.run.untap(&wire);
                    }
                    let is_full = lock(&self.taking).as_ref().is_some_and(Taking::is_full);
                    if is_full {
                        // What came of it is in the log.
                        let _ = self.end_capture(&store, &events).await;
                    }
                }
            }
        };
        if lock(&self.taking).is_some() {
            // What came of it is in the log.
            let _ = self.end_capture(&store, &events).await;
        }
        lock(&self.log).observe(&outcome.metrics, &self.titles);
        let (id, metrics) = (self.id, outcome.metrics);
        let noted = tokio::task::spawn_blocking(move || store.end_run(id.cast_signed(), &metrics, now_ms())).await;
        match noted {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(run = id, %error, "the end of a run could not be noted"),
            Err(error) => tracing::error!(run = id, %error, "the end of a run could not be noted"),
        }
        self.over.send_replace(true);
        let _ = events.send(Event::RunOver { run: self.id, project: self.project });
    }
}

fn halt_of(Halted { number, wire, row, rows }: Halted) -> Result<Halt, FrameError> {
    Ok(Halt { number, wire, row: row as u64, rows: Frame::from_batch(&rows)? })
}

/// Nothing that is held under these locks can be left half done by a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
