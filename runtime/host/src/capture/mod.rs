//! Captures: what the sources of a run, or one of its wires, give is kept with its project, to be given again and to be
//! made a test of.
//!
//! A run has at most one capture at a time ([`Taking`]); it ends when a person says so, when it is full, or with the run,
//! and is then written to the store whole ([`kept`]). [`replay`] lets a run give it again, [`save_test`] makes a pipeline
//! test of it. Invariant: a capture changes neither the run nor the pipeline.

mod kept;
mod replay;
mod save_test;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use millrace_engine::Recorder;
use millrace_model::{NodeId, Wire};
use millrace_protocol::{Capture, CaptureId, Capturing, Event, Failure, FailureCode, ProjectId, Response, RunId};
use millrace_store::{CaptureRow, MAX_CAPTURES, Store};

use crate::clock::now_ms;
use crate::host::in_background;
use crate::{Host, failure};

pub(crate) use replay::ReadyReplay;

/// A capture keeps no more rows.
const MAX_ROWS: usize = 1_000_000;
/// Nor more than this, as it lies in memory.
const MAX_BYTES: usize = 64 << 20;

/// A capture that goes on.
#[derive(Debug)]
pub(crate) struct Taking {
    pub recorder: Arc<Recorder>,
    of_wire: Option<Wire>,
    /// How long after the start of the run it began.
    began_ms: u64,
    /// The nodes that give what is captured, whether or not they give anything.
    nodes: BTreeSet<NodeId>,
}

impl Taking {
    pub fn new(of_wire: Option<Wire>, began_ms: u64, nodes: BTreeSet<NodeId>) -> Self {
        Self { recorder: Arc::new(Recorder::beside(MAX_ROWS, MAX_BYTES)), of_wire, began_ms, nodes }
    }

    pub fn progress(&self) -> Capturing {
        let progress = self.recorder.progress();
        Capturing {
            of_wire: self.of_wire.clone(),
            num_rows: progress.num_rows as u64,
            num_bytes: progress.num_bytes as u64,
            elapsed_ms: millis(progress.elapsed),
        }
    }

    pub fn is_full(&self) -> bool {
        self.recorder.progress().is_full
    }

    /// Writes what was captured to the store, and gives one sentence about it. Blocks.
    ///
    /// # Errors
    /// When there is nothing to keep, or it cannot be written.
    pub fn keep(self, project: ProjectId, store: &Store) -> Result<String, Failure> {
        let progress = self.recorder.progress();
        if progress.num_rows == 0 {
            let message = "No rows came while the capture went on, so there is nothing to keep.";
            return Err(Failure::new(FailureCode::NotFound, message));
        }
        let mut given = self.recorder.take();
        for node in &self.nodes {
            given.entry(node.clone()).or_default();
        }
        let row = CaptureRow {
            id: 0,
            name: String::new(),
            of_wire: self.of_wire.as_ref().map(kept::text_of_wire),
            taken_ms: now_ms(),
            began_ms: self.began_ms,
            duration_ms: millis(progress.elapsed),
            num_rows: progress.num_rows as u64,
            num_bytes: 0,
            is_full: progress.is_full,
        };
        let tracks = kept::tracks(&given)?;
        let (_, name) = store.add_capture(project, &row, &tracks).map_err(failure::of_store)?;
        let rows = crate::run_log::count(row.num_rows, "row");
        let end = if row.is_full { " It is full: what came after is not in it." } else { "" };
        Ok(format!("Captured {rows} as “{name}”.{end}"))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Host {
    pub(crate) async fn begin_capture(&self, run: RunId, wire: Option<Wire>) -> Result<Response, Failure> {
        let run = self.runs.find(run)?;
        let project = run.project;
        self.refuse_too_many_captures(project).await?;
        run.begin_capture(wire)?;
        Ok(Response::Done)
    }

    /// Refuses a capture that could not be kept in the end.
    pub(crate) async fn refuse_too_many_captures(&self, project: ProjectId) -> Result<(), Failure> {
        let num_captures = self.with_store(move |store| Ok(store.captures(project)?.len())).await?;
        if num_captures < MAX_CAPTURES {
            return Ok(());
        }
        let message =
            format!("The project has {num_captures} captures, the most that are kept. Delete one, then capture again.");
        Err(Failure::new(FailureCode::Conflict, message))
    }

    pub(crate) async fn end_capture(&self, run: RunId) -> Result<Response, Failure> {
        let run = self.runs.find(run)?;
        run.end_capture(&self.store, &self.events).await?;
        self.list_captures(run.project).await
    }

    pub(crate) async fn list_captures(&self, project: ProjectId) -> Result<Response, Failure> {
        let rows = self.with_store(move |store| store.captures(project)).await?;
        Ok(Response::Captures(rows.into_iter().map(capture_of).collect()))
    }

    pub(crate) async fn rename_capture(
        &self,
        project: ProjectId,
        capture: CaptureId,
        name: String,
    ) -> Result<Response, Failure> {
        self.with_store(move |store| store.rename_capture(project, capture, name.trim())).await?;
        self.tell(Event::CapturesChanged { project });
        self.list_captures(project).await
    }

    pub(crate) async fn delete_capture(&self, project: ProjectId, capture: CaptureId) -> Result<Response, Failure> {
        self.with_store(move |store| store.delete_capture(project, capture)).await?;
        self.tell(Event::CapturesChanged { project });
        self.list_captures(project).await
    }

    /// A capture with what each node gave.
    async fn read_capture(&self, project: ProjectId, capture: CaptureId) -> Result<(Capture, kept::Given), Failure> {
        let (row, tracks) = self.with_store(move |store| store.capture(project, capture)).await?;
        let name = row.name.clone();
        let given = in_background(move || kept::given(&name, tracks)).await??;
        Ok((capture_of(row), given))
    }
}

fn capture_of(row: CaptureRow) -> Capture {
    Capture {
        id: row.id,
        name: row.name,
        of_wire: row.of_wire.as_deref().and_then(kept::wire_of_text),
        taken_ms: row.taken_ms,
        began_ms: row.began_ms,
        duration_ms: row.duration_ms,
        num_rows: row.num_rows,
        num_bytes: row.num_bytes,
        is_full: row.is_full,
    }
}
