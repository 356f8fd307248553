//! Runs: started, stopped, looked at. Each project has at most one that goes on, and keeps its last one for looking at.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millrace_engine::{RunError, RunOptions};
use millrace_model::run::{Breakpoint, RunFailure, RunMetrics, RunState, Standstill};
use millrace_model::view::Look;
use millrace_model::{Diagnostic, NodeId, Pipeline};
use millrace_protocol::{
    Failure, FailureCode, FrameError, ImageFormat, Move, Poll, ProjectId, Replay, Response, RunId, Seen,
};
use serde_json::Value;

use crate::capture::{ReadyReplay, Taking};
use crate::clock::now_ms;
use crate::host::in_background;
use crate::live_run::{Begun, LiveRun, sources_of};
use crate::{Host, failure, image};

/// How long, and how often, an image waits for the part that it is to show.
const PART_WAIT: Duration = Duration::from_millis(25);
const PART_WAITS: u32 = 200;

/// The runs of this host by project.
#[derive(Default)]
pub(crate) struct Runs {
    projects: Mutex<BTreeMap<ProjectId, Slot>>,
}

#[derive(Default)]
struct Slot {
    is_starting: bool,
    /// The run that goes on, or the last one that did.
    last: Option<Arc<LiveRun>>,
}

/// The right to start a run of a project; given back when dropped, whatever happens meanwhile.
struct Reservation<'a> {
    runs: &'a Runs,
    project: ProjectId,
}

impl Runs {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ProjectId, Slot>> {
        self.projects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reserve(&self, project: ProjectId) -> Result<Reservation<'_>, Failure> {
        let mut projects = self.lock();
        let slot = projects.entry(project).or_default();
        if slot.is_starting || slot.last.as_ref().is_some_and(|run| !run.is_over()) {
            let message = "This project is running already. Stop the run, then start it again.";
            return Err(Failure::new(FailureCode::Conflict, message));
        }
        slot.is_starting = true;
        Ok(Reservation { runs: self, project })
    }

    pub(crate) fn find(&self, run: RunId) -> Result<Arc<LiveRun>, Failure> {
        let found = self.lock().values().filter_map(|slot| slot.last.clone()).find(|live| live.id == run);
        found.ok_or_else(|| {
            let message = format!("Run {run} is no longer kept. Start the pipeline again to look at it.");
            Failure::new(FailureCode::NotFound, message)
        })
    }

    /// The run of a project that goes on.
    pub(crate) fn running(&self, project: ProjectId) -> Option<Arc<LiveRun>> {
        self.lock().get(&project)?.last.clone().filter(|run| !run.is_over())
    }

    pub(crate) fn all(&self) -> Vec<Arc<LiveRun>> {
        self.lock().values().filter_map(|slot| slot.last.clone()).collect()
    }

    pub(crate) fn forget(&self, project: ProjectId) {
        self.lock().remove(&project);
    }
}

impl Reservation<'_> {
    fn fill(&self, run: Arc<LiveRun>) {
        self.runs.lock().entry(self.project).or_default().last = Some(run);
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.runs.lock().get_mut(&self.project) {
            slot.is_starting = false;
        }
    }
}

/// How a run is to be different from a plain one.
pub(crate) struct Wishes {
    pub breakpoints: Vec<Breakpoint>,
    pub replay: Option<Replay>,
    /// Captures what the sources give, from the first row on.
    pub capture: bool,
}

/// A pipeline that goes on now, for whoever watches the whole host.
#[derive(Debug, Clone, PartialEq)]
pub struct RunningPipeline {
    pub run: RunId,
    pub project: ProjectId,
    /// The pipeline's name when it was started.
    pub name: String,
    pub metrics: RunMetrics,
}

impl Host {
    /// What goes on now, by project.
    pub fn running(&self) -> Vec<RunningPipeline> {
        let live = self.runs.all().into_iter().filter(|run| !run.is_over());
        live.map(|run| RunningPipeline {
            run: run.id,
            project: run.project,
            name: run.name.clone(),
            metrics: run.metrics(),
        })
        .collect()
    }

    pub(crate) async fn start_run(
        &self,
        project: ProjectId,
        text: String,
        parameters: BTreeMap<String, Value>,
        Wishes { breakpoints, replay, capture }: Wishes,
    ) -> Result<Response, Failure> {
        let (pipeline, _) = Pipeline::parse(&text).map_err(failure::of_text)?;
        let base_dir = self.base_dir(Some(project)).await?;
        if capture {
            self.refuse_too_many_captures(project).await?;
        }
        let reservation = self.runs.reserve(project)?;
        let plan = self.planner.plan(&pipeline, &parameters, &base_dir).await;
        if !plan.is_runnable() {
            return Err(failure::of_diagnostics(plan.diagnostics));
        }
        let (plan, replay) = match replay {
            Some(replay) => {
                let ReadyReplay { replays, plan, told } = self.ready_replay(project, replay, plan).await?;
                (plan, Some((replays, told)))
            }
            None => (plan, None),
        };
        let taking = capture.then(|| Taking::new(None, 0, sources_of(&plan)));
        let options = RunOptions {
            base_dir,
            breakpoints,
            memory_bytes: self.options.run.memory_bytes.or_else(RunOptions::quarter_of_memory),
            replays: replay.as_ref().map(|(replays, _)| replays.clone()).unwrap_or_default(),
            is_dry: replay.as_ref().is_some_and(|(_, told)| !told.writes),
            recorder: taking.as_ref().map(|taking| taking.recorder.clone()),
            ..self.options.run.clone()
        };
        let id = self.with_store(move |store| store.begin_run(project, now_ms())).await?;
        let run = match millrace_engine::start(&plan, self.planner.registry(), options).await {
            Ok(run) => run,
            Err(error) => {
                let metrics = metrics_of(&error);
                self.with_store(move |store| store.end_run(id, &metrics, now_ms())).await?;
                return Err(failure_of(error));
            }
        };
        let id = id.cast_unsigned();
        let named = (id, project, pipeline.name().to_owned());
        let about = Begun { plan: &plan, parameters, replaying: replay.map(|(_, told)| told), taking };
        let begun = LiveRun::begin(named, run, about, Arc::clone(&self.store), self.events.clone());
        reservation.fill(begun);
        Ok(Response::RunStarted { run: id })
    }

    pub(crate) async fn set_breakpoints(&self, run: RunId, breakpoints: Vec<Breakpoint>) -> Result<Response, Failure> {
        self.runs.find(run)?.set_breakpoints(&breakpoints).await.map_err(failure::of_diagnostics)?;
        Ok(Response::Done)
    }

    pub(crate) fn move_run(&self, run: RunId, how: Move) -> Result<Response, Failure> {
        self.runs.find(run)?.go(how);
        Ok(Response::Done)
    }

    pub(crate) async fn edit_run(&self, run: RunId, text: String, apply: bool) -> Result<Response, Failure> {
        let run = self.runs.find(run)?;
        let (pipeline, _) = Pipeline::parse(&text).map_err(failure::of_text)?;
        let base_dir = self.base_dir(Some(run.project)).await?;
        let plan = self.planner.plan(&pipeline, &run.parameters, &base_dir).await;
        if !plan.is_runnable() {
            return Err(failure::of_diagnostics(plan.diagnostics));
        }
        let plan = run.part_of(plan);
        if apply && matches!(run.metrics().standstill, Some(Standstill::Halted { .. })) {
            let message = "The run has halted at a breakpoint. Let it go on first, then apply the changes.";
            return Err(Failure::new(FailureCode::Conflict, message));
        }
        let cost = match apply {
            true => run.edit(&plan, self.planner.registry()).await.map_err(failure_of)?,
            false => run.cost_of(&plan).await,
        };
        Ok(Response::EditCost(cost))
    }

    pub(crate) fn stop_run(&self, run: RunId, now: bool) -> Result<Response, Failure> {
        self.runs.find(run)?.stop(now);
        Ok(Response::Done)
    }

    pub(crate) async fn poll(&self, poll: Poll) -> Result<Response, Failure> {
        let run = self.runs.find(poll.run)?;
        let polled = in_background(move || run.poll(&poll)).await?.map_err(of_frame)?;
        Ok(Response::Polled(polled))
    }

    pub(crate) async fn recent_rows(&self, run: RunId, node: NodeId, port: String) -> Result<Response, Failure> {
        let run = self.runs.find(run)?;
        let rows = in_background(move || run.recent(&node, &port)).await?.map_err(of_frame)?;
        Ok(Response::Rows(rows))
    }

    pub(crate) async fn render_view(
        &self,
        run: RunId,
        node: NodeId,
        seen: Seen,
        format: ImageFormat,
        (width, height): (u32, u32),
    ) -> Result<Response, Failure> {
        let run = self.runs.find(run)?;
        let look = seen.look.unwrap_or(Look::WHOLE);
        // A part that nobody has looked at before is drawn by the task of the view, as soon as it comes to it.
        let mut waits = 0;
        let snapshot = loop {
            match run.view(&node, &look) {
                Some(snapshot) => break snapshot,
                None if waits < PART_WAITS && run.view(&node, &Look::WHOLE).is_some() => {
                    waits += 1;
                    tokio::time::sleep(PART_WAIT).await;
                }
                None => {
                    let message = format!("The node `{node}` has no picture yet. Wait until rows have reached it.");
                    return Err(Failure::new(FailureCode::NotFound, message));
                }
            }
        };
        let image = in_background(move || image::render_seen(&snapshot, &seen, format, width, height))
            .await?
            .map_err(|error| Failure::new(FailureCode::Internal, failure::sentence(&error)))?;
        Ok(Response::Image(image))
    }
}

fn of_frame(error: FrameError) -> Failure {
    Failure::new(FailureCode::Internal, failure::sentence(&error))
}

/// A run that could not begin, as it is noted in the database.
fn metrics_of(error: &RunError) -> RunMetrics {
    let failure = match error {
        RunError::Node { failure } => failure.clone(),
        other => RunFailure { node: None, message: other.to_string() },
    };
    RunMetrics {
        state: RunState::Failed,
        elapsed_ms: 0,
        failure: Some(failure),
        nodes: BTreeMap::new(),
        wires: Vec::new(),
        memory_bytes: 0,
        cpu: None,
        checkpoint: None,
        standstill: None,
    }
}

fn failure_of(error: RunError) -> Failure {
    match error {
        RunError::NotRunnable { problems } => failure::of_diagnostics(problems),
        RunError::Node { failure } => {
            let problem = Diagnostic { node: failure.node, ..Diagnostic::error("cannot_start", failure.message) };
            failure::of_diagnostics(vec![problem])
        }
    }
}
