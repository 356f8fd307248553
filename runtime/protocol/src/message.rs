//! The messages themselves.

use std::collections::BTreeMap;

use millrace_model::filter::{Filters, Values};
use millrace_model::history::Step;
use millrace_model::run::{Breakpoint, EditCost, RunMetrics};
use millrace_model::view::{Look, Scale, ViewSpec};
use millrace_model::{Catalog, Diagnostic, NodeId, PortRole, RowTrait, Tally, Wire};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::capture::{Capture, CaptureId, Capturing, Replay, Replaying};
use crate::frame::Frame;

pub use crate::frame::{columns_of, type_word};

/// The version of this protocol; both sides must have the same.
pub const PROTOCOL_VERSION: u32 = 1;

/// A request with the number that its answer will carry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    pub id: u64,
    pub request: Request,
}

/// What comes from the host: an answer to a call, or news.
#[allow(clippy::large_enum_variant, reason = "there is one at a time, on its way to be written")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ServerMessage {
    Answer { id: u64, result: Result<Response, Failure> },
    Event(Event),
}

/// A request that could not be carried out: what happened, where, and what to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub code: FailureCode,
    pub message: String,
    /// What is wrong with the pipeline, where that is why.
    #[serde(default)]
    pub diagnostics: Vec<Diagnostic>,
}

impl Failure {
    pub fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), diagnostics: Vec::new() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The project, revision or run is not there.
    NotFound,
    /// The pipeline has faults; see the diagnostics.
    InvalidPipeline,
    /// The text or file is not a pipeline.
    Unreadable,
    /// Somebody else has changed the project since.
    Conflict,
    /// The database or a file cannot be used.
    Storage,
    Internal,
}

pub type ProjectId = i64;
pub type RunId = u64;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// The first request: who is there and what nodes there are.
    Hello,
    ListProjects,
    /// The pipelines that come with Millrace, to begin from.
    ListSamples,
    CreateProject {
        name: String,
    },
    /// Makes a project from the text of a pipeline file; `folder` is where its relative paths start.
    ImportProject {
        text: String,
        folder: Option<String>,
    },
    /// The same from a file on the host's machine.
    ImportFile {
        path: String,
    },
    OpenProject {
        project: ProjectId,
    },
    DeleteProject {
        project: ProjectId,
    },
    /// Keeps the present state of a project: at most a second after each edit.
    SaveDraft(Draft),
    ListRevisions {
        project: ProjectId,
    },
    /// Keeps the present draft under a name.
    SaveRevision {
        project: ProjectId,
        name: String,
    },
    /// Gives a revision a name, or another one. One that was kept by itself then stays.
    RenameRevision {
        project: ProjectId,
        revision: i64,
        name: String,
    },
    /// The pipeline text of a revision; the draft is not changed.
    ReadRevision {
        project: ProjectId,
        revision: i64,
    },
    /// Writes the present draft to a file on the host's machine, whole or not at all.
    ExportFile {
        project: ProjectId,
        path: String,
    },
    /// Finds every fault of a pipeline and the schema of every port.
    Check {
        project: Option<ProjectId>,
        text: String,
    },
    StartRun {
        project: ProjectId,
        text: String,
        parameters: BTreeMap<String, Value>,
        /// Where the run is to halt by itself; those on wires that do not run are passed over.
        #[serde(default)]
        breakpoints: Vec<Breakpoint>,
        /// Gives what was captured instead of what the sources give now.
        #[serde(default)]
        replay: Option<Replay>,
        /// Captures what the sources give, from the first row on.
        #[serde(default)]
        capture: bool,
    },
    /// Captures what the sources of a run give from now on, or what goes over one of its wires.
    BeginCapture {
        run: RunId,
        wire: Option<Wire>,
    },
    /// Ends the capture of a run and keeps it; the end of the run does so too. Answers with the captures of its project.
    EndCapture {
        run: RunId,
    },
    /// The captures of a project, newest first.
    ListCaptures {
        project: ProjectId,
    },
    RenameCapture {
        project: ProjectId,
        capture: CaptureId,
        name: String,
    },
    DeleteCapture {
        project: ProjectId,
        capture: CaptureId,
    },
    /// Makes a pipeline test of a capture of sources and of what comes out of this pipeline for it. Writes the test to
    /// `path` on the host's machine, the pipeline and the rows beside it; answers with the paths, one a line.
    SaveTest {
        project: ProjectId,
        capture: CaptureId,
        text: String,
        parameters: BTreeMap<String, Value>,
        path: String,
    },
    /// A row as one that may go over a wire of a run, as one line of JSON: its newest one, or one made up.
    ExampleRow {
        run: RunId,
        wire: Wire,
    },
    /// Puts rows on a wire of a run, behind everything that went over it: one JSON object a line.
    InjectRows {
        run: RunId,
        wire: Wire,
        rows: String,
    },
    /// Has a run halt at these places and at no other.
    SetBreakpoints {
        run: RunId,
        breakpoints: Vec<Breakpoint>,
    },
    /// Pauses a run, lets it go on, or lets it take one step.
    MoveRun {
        run: RunId,
        how: Move,
    },
    /// Says what it would cost to bring this pipeline into a run that goes on; with `apply` does so, unless the run would
    /// have to be stopped. Parameters have the values with which the run was started.
    EditRun {
        run: RunId,
        text: String,
        apply: bool,
    },
    /// Graceful: sources stop, rows in flight drain, sinks flush. `now` ends it at once.
    StopRun {
        run: RunId,
        now: bool,
    },
    /// The state of a run, with the newest rows of some wires and the pictures of some nodes.
    Poll(Poll),
    /// The newest records that left a node's unwired `late` or `rejected` port.
    RecentRows {
        run: RunId,
        node: NodeId,
        port: String,
    },
    /// The picture of a chart node as a file in the given format, as it is seen.
    RenderView {
        run: RunId,
        node: NodeId,
        #[serde(default)]
        seen: Seen,
        format: ImageFormat,
        width: u32,
        height: u32,
    },
    ReadSetting {
        name: String,
    },
    WriteSetting {
        name: String,
        value: Value,
    },
}

/// How a run is to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Move {
    /// Sources wait, and rows in flight are handled.
    Pause,
    /// From a pause or a halt.
    Resume,
    /// Halted: to the next batch on the same wire. Paused: one batch of each source.
    Step,
}

#[allow(clippy::large_enum_variant, reason = "there is one at a time, on its way to be written")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Response {
    Welcome(Welcome),
    Projects(Vec<ProjectSummary>),
    Samples(Vec<Sample>),
    Project(Box<Project>),
    Saved { version: u64 },
    Revisions(Vec<Revision>),
    Text(String),
    Checked(Checked),
    RunStarted { run: RunId },
    EditCost(EditCost),
    Polled(Polled),
    Rows(Option<Frame>),
    Captures(Vec<Capture>),
    Image(#[serde(with = "serde_bytes")] Vec<u8>),
    Setting(Option<Value>),
    Done,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    pub protocol: u32,
    /// Millrace's own version.
    pub version: String,
    pub catalog: Catalog,
    /// Whether files of the host's machine may be named: true in the desktop program.
    pub is_local: bool,
    /// The project to open first.
    pub project: Option<ProjectId>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProjectSummary {
    pub id: ProjectId,
    pub name: String,
    /// Milliseconds since the epoch.
    pub changed_ms: i64,
    pub num_nodes: usize,
}

/// A pipeline that comes with Millrace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// What it shows, in one line.
    pub summary: String,
    /// The pipeline file's text.
    pub text: String,
    /// Where its relative paths start on the host's machine.
    pub folder: Option<String>,
}

/// A project as it is opened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Project {
    pub id: ProjectId,
    /// Grows with each save; a save must name the version it builds on.
    pub version: u64,
    /// The pipeline file's text.
    pub text: String,
    pub steps: Vec<Step>,
    pub cursor: usize,
    /// Where relative paths start on the host's machine.
    pub folder: Option<String>,
    /// A run of this project that goes on.
    pub run: Option<RunId>,
}

/// The present state of a project and what its history gained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    pub project: ProjectId,
    /// The version this draft builds on.
    pub version: u64,
    pub text: String,
    /// How many of the saved steps still hold; the rest are forgotten.
    pub keep_steps: usize,
    pub new_steps: Vec<Step>,
    pub cursor: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Revision {
    pub id: i64,
    /// Empty where it was kept by itself.
    pub name: String,
    /// Milliseconds since the epoch.
    pub saved_ms: i64,
    /// How much differs from the revision before; `None` for the first, and where one of the two cannot be read.
    pub since: Option<Tally>,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    pub diagnostics: Vec<Diagnostic>,
    pub nodes: BTreeMap<NodeId, NodePorts>,
}

/// The ports of one node with their columns; empty columns where the schema is not known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NodePorts {
    pub inputs: Vec<PortSchema>,
    pub outputs: Vec<PortSchema>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PortSchema {
    pub name: String,
    pub role: PortRole,
    pub columns: Option<Vec<Column>>,
    pub event_time: Option<String>,
    /// What its rows have, of what ports ask for.
    #[serde(default)]
    pub has: Vec<RowTrait>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    /// `text`, `integer`, `number`, `boolean`, `time`, …
    pub data_type: String,
}

/// How a person sees a chart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The part that is looked at, with some more at both sides; `None`: all of it.
    pub look: Option<Look>,
    /// What is seen of it, as a [`Look`] says it. Of pictures that are no plots: the rows in this range, of microseconds
    /// since the epoch or of numbers ([`within`](crate::within)).
    #[serde(default)]
    pub x: Option<(f64, f64)>,
    /// Which rows are shown.
    #[serde(default)]
    pub filters: Filters,
    /// How values are laid out, where the person has changed it.
    pub y_scale: Option<Scale>,
    /// Series that are not shown.
    pub hidden: Vec<String>,
}

/// Which parts of a run's state are wanted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Poll {
    pub run: RunId,
    /// Wires whose newest rows are wanted; a wire is tapped from its first naming until it is no longer named.
    pub taps: Vec<Wire>,
    /// Nodes whose picture is wanted, with the version that the asker has (0 for none).
    pub views: BTreeMap<NodeId, u64>,
    /// Nodes of which a part is looked at, with the version of that part which the asker has.
    #[serde(default)]
    pub parts: BTreeMap<NodeId, (Look, u64)>,
    /// The values that are wanted of some columns, in all views and parts. With `Some`, be it empty, each view says what
    /// may be chosen. The versions above are those of what was filtered alike.
    #[serde(default)]
    pub filters: Option<Filters>,
    /// Log lines are sent from this number on.
    pub log_from: u64,
    /// The halt whose rows the asker has, 0 for none.
    #[serde(default)]
    pub halt: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Polled {
    pub metrics: RunMetrics,
    pub taps: Vec<TapRows>,
    /// Only views newer than the asker's.
    pub views: BTreeMap<NodeId, ViewFrame>,
    /// Only parts newer than the asker's, each with what it is a part of.
    #[serde(default)]
    pub parts: BTreeMap<NodeId, (Look, ViewFrame)>,
    pub log: Vec<LogLine>,
    /// The rows at which the run has halted, where the asker does not have them.
    #[serde(default)]
    pub halt: Option<Halt>,
    /// What is being captured.
    #[serde(default)]
    pub capturing: Option<Capturing>,
    #[serde(default)]
    pub replaying: Option<Replaying>,
}

/// A batch that waits before its wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Halt {
    /// Counts the halts of the run, from 1.
    pub number: u64,
    pub wire: Wire,
    /// The first row that met the breakpoint, from 0.
    pub row: u64,
    pub rows: Frame,
}

/// The newest rows of a tapped wire, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TapRows {
    pub wire: Wire,
    pub rows: Option<Frame>,
}

/// What a view node shows at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ViewFrame {
    pub version: u64,
    pub spec: ViewSpec,
    pub data: Frame,
    /// The values of its columns by which it may be filtered, before it was; empty where that was not asked.
    #[serde(default)]
    pub choices: Values,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    pub number: u64,
    /// Milliseconds since the run started.
    pub at_ms: u64,
    pub node: Option<NodeId>,
    pub is_error: bool,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageFormat {
    Svg,
    Png,
}

/// News that nobody asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The list of projects, or one of them, has changed.
    ProjectsChanged,
    RunOver {
        run: RunId,
        project: ProjectId,
    },
    /// The captures of a project have changed.
    CapturesChanged {
        project: ProjectId,
    },
}
