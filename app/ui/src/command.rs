//! Everything that the UI can ask for. Drawing code only pushes commands; they are carried out after the frame.

use std::collections::BTreeSet;

use egui::KeyboardShortcut;
use millrace_model::view::Look as ViewLook;
use millrace_model::{Edit, Endpoint, LayoutId, Nesting, NodeId, Position, Tint, Wire};
use millrace_protocol::ProjectId;

use crate::actions::Action;
use crate::capture::CaptureWish;
pub use crate::dashboard::TimeRange;
use crate::editing::arrange::Arrange;
use crate::editing::pick::{Pick, Way};
use crate::editing::rewire::Ends;
use crate::editing::wiring::Misfit;
use crate::selection::Selection;
use crate::standing::Mark;

/// One wish of the person.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    // ---- the pipeline ----
    /// Changes the pipeline as one undo step; steps in a row with the same `merge` key are one.
    Edit {
        label: String,
        edits: Vec<Edit>,
        merge: Option<String>,
    },
    /// Waits for the answer to this call no longer.
    GiveUp {
        call: u64,
    },
    /// Ends a burst of merged edits: the mouse was let go, the field was left.
    EndBurst,
    Undo,
    Redo,
    /// Adds a node of `kind`; in the middle of what is seen when no place is given.
    AddNode {
        kind: String,
        at: Option<Position>,
        wire_from: Option<Joint>,
    },
    DeleteSelection,
    Copy,
    Cut,
    Paste {
        text: String,
    },
    /// Pastes what was copied in this window last.
    PasteCopied,
    Duplicate,
    /// Moves the selected nodes by a rule.
    Arrange(Arrange),
    /// Changes the selected nodes.
    Nodes(NodeWish),
    /// Changes groups and colours of what is selected.
    Annotate(AnnotateWish),
    /// Nests, unnests, or adds a port to what is open.
    Nest(NestWish),
    /// Adds a note; in the middle of what is seen when no place is given.
    AddNote {
        at: Option<Position>,
    },
    /// Leads a wire through a new node of `kind`.
    InsertNode {
        kind: String,
        wire: Wire,
        at: Position,
    },
    /// Leads the rows at an output through a new node of `kind`, which makes them fit where they go.
    Convert {
        kind: String,
        from: Endpoint,
        goal: Goal,
    },
    /// Puts a node of `kind` in the place of another and keeps its wires.
    ReplaceNode {
        kind: String,
        node: NodeId,
    },
    /// Adds, removes or goes to bookmarks.
    Bookmark(BookmarkWish),
    /// Shows or changes dashboards.
    Dashboard(DashboardWish),
    /// Disables the selected nodes, or enables them when all are disabled.
    ToggleDisabled,
    /// Moves the selected nodes by so many points.
    Nudge {
        dx: i32,
        dy: i32,
    },
    /// Opens the title of the node for typing.
    Rename(NodeId),
    /// The same for the one selected node.
    RenameSelected,

    // ---- selection and view ----
    /// Opens a nested pipeline on the canvas; `None` is the top.
    Open(Option<NodeId>),
    Select(Selection),
    /// Selects by a rule, and brings what is selected into view.
    Pick(Pick),
    /// Selects what was selected before.
    FormerSelection,
    ClearSelection,
    /// Changes what is seen.
    Look(Look),
    CopyParams,
    /// Copies the whole pipeline file.
    CopyPipeline,
    /// Opens the list of nodes that may replace the selected one.
    AskReplace,
    /// Opens the list of nodes that may stand in the selected wire.
    AskInsert,
    /// Opens the list of nodes to add before or after the selected one.
    AddBeside {
        is_before: bool,
    },
    QuickAddInMiddle,
    /// Opens the title of a group of the selection for typing.
    RenameGroup,
    /// Opens a note for typing; the selected one when none is named.
    EditNote(Option<LayoutId>),
    /// Gives an action these keys; `None` its usual ones.
    SetKeys {
        action: &'static Action,
        keys: Option<Vec<KeyboardShortcut>>,
    },
    /// Gives all actions their usual keys.
    ResetKeys,
    /// Selects the node, brings it into view, and where a param is named puts the focus on its field.
    JumpTo {
        node: NodeId,
        param: Option<String>,
    },
    /// Puts the focus on the first setting of the selected node.
    GoToSettings,
    ZoomToFit,
    /// Multiplies the zoom, around the middle of the canvas.
    ZoomBy(f32),
    ZoomReset,
    ToggleTheme,
    ToggleShortcuts,
    FocusSearch,
    /// Marks a node kind as a favourite, or takes the mark away; that of the selected node when none is named.
    ToggleFavourite(Option<String>),
    /// Shows the help of this node kind beside the canvas, or none.
    ShowHelp(Option<String>),
    /// The same of the selected node's kind.
    HelpOfSelected,
    /// Begins the tour from its first step.
    StartTour,
    SkipTourStep,
    EndTour,
    /// Opens the list of all commands.
    ShowPalette,
    /// Opens the list of nodes to add one at this place of the canvas, wired to `wire_from`.
    QuickAdd {
        at: Position,
        pos_in_screen: egui::Pos2,
        wire_from: Option<Joint>,
    },
    /// Opens the list of ports that the selected node can be wired to.
    PickWire,
    /// Says why rows do not fit, and opens the list of nodes that would make them fit.
    OfferConverters {
        misfit: Misfit,
        from: Endpoint,
        goal: Goal,
        pos_in_screen: egui::Pos2,
    },
    /// Says something to the person in passing.
    Notify {
        is_error: bool,
        text: String,
    },
    /// Hides or shows a part of the window.
    TogglePanel(Side),
    /// Opens the bottom panel on this tab.
    ShowBottom(BottomTab),

    // ---- runs ----
    Run,
    /// Brings what is drawn into the run that goes on.
    ApplyToRun,
    /// Stops the run and runs what is drawn.
    Restart,
    /// Stops the run; a second time ends it at once.
    Stop,
    /// Sets the breakpoint of a wire, or takes it away.
    SetBreakpoint {
        wire: Wire,
        mark: Option<Mark>,
    },
    /// Sets a breakpoint on the selected wire, or takes it away.
    ToggleBreakpoint,
    ClearBreakpoints,
    /// Pauses the run, or lets it go on.
    TogglePause,
    /// Lets a run that stands take a step.
    Step,
    /// Shows the rows of this wire, or of none.
    Tap(Option<Wire>),
    /// Asks for the newest records of an unwired `late` or `rejected` port; they come into `Live::recent`.
    RecentRows {
        node: NodeId,
        port: String,
    },
    /// Looks at a part of a chart, or at all of it.
    LookAt {
        node: NodeId,
        look: Option<ViewLook>,
    },
    /// Saves the chart of a node as a file, as it is seen; without a node that of the selected one.
    SaveChart {
        node: Option<NodeId>,
        file: ChartFile,
    },
    /// Captures, replays, or puts rows on a wire.
    Capture(CaptureWish),
    /// Hands bytes to the person as a file.
    Download {
        name: String,
        bytes: Vec<u8>,
    },

    // ---- projects ----
    ShowProjects,
    /// Back from the list of projects to the open one.
    CloseProjects,
    OpenProject(ProjectId),
    NewProject,
    /// Makes a project from the template of this name.
    UseTemplate {
        name: String,
    },
    DeleteProject(ProjectId),
    Import,
    Export,
    /// Asks for the name of a revision.
    AskRevision,
    SaveRevision {
        name: String,
    },
    /// Shows revisions, or goes back to one.
    Revision(RevisionWish),
    /// The project was changed elsewhere: keeps what is here, or loads what is there.
    ResolveConflict {
        keep_mine: bool,
    },
    /// Asks for a file and makes it the value of a param; `param` is a path, such as `outputs[0].path`.
    PickPath {
        node: NodeId,
        param: String,
        save: bool,
    },
}

/// A change of the selected nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeWish {
    /// Duplicates them, and wires the copies to what feeds them.
    DuplicateWired,
    /// Removes them and leads their inputs to what they fed.
    Bridge,
    ResetTitle,
    EnableAll,
    DisableOthers,
    PasteParams,
    ResetParams,
    /// Wires them one after the other, from left to right.
    Chain,
    Unwire(Ends),
    /// The first and the last from the left change places.
    Swap,
    TidyAll,
    /// Leaves their places to the auto layout.
    Release,
}

/// A change of groups and colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnotateWish {
    Group,
    Ungroup,
    /// The selected nodes join the group of one of them.
    Join,
    Leave,
    Tint(Tint),
}

/// A change of what is nested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NestWish {
    /// Puts the selected nodes into a new nested pipeline.
    Nest,
    /// Takes what is in the selected nested pipelines out of them.
    Unnest,
    /// Adds a port to the nested pipeline that is open.
    AddPort(Nesting),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BookmarkWish {
    Add,
    RemoveLast,
    RemoveAll,
    /// Goes to the bookmark of this place in the list.
    Go(usize),
    Next,
    Previous,
}

/// A wish about dashboards; where none is named it is about the one that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DashboardWish {
    /// Adds one with the charts of all view nodes, and shows it.
    New,
    /// Shows this one, or the canvas.
    Show(Option<LayoutId>),
    /// The tab to the right; after the last one the canvas.
    Next,
    Previous,
    Duplicate,
    Delete,
    ToggleSharedTime,
    ToggleFullScreen,
    /// Shows all of the time in every chart.
    ResetTime,
    /// Shows this part of the time in every chart; `None`: all of it.
    Time(Option<TimeRange>),
    /// Goes along the time by so many times its length: back where that is negative.
    MoveTime(i64),
    /// Shows only these values of a column in every chart that has it; none: all of them.
    Filter {
        column: String,
        values: BTreeSet<String>,
    },
    ClearFilters,
    /// Copies the address of the page that shows it.
    CopyLink,
}

/// A wish about the revisions of the open project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevisionWish {
    /// Opens the page that lists them.
    Show,
    Close,
    /// Holds this one against what is drawn, or none.
    Compare(Option<i64>),
    /// Asks for a name; `name` is the one that it has.
    AskName {
        revision: i64,
        name: String,
    },
    Rename {
        revision: i64,
        name: String,
    },
    /// Makes the pipeline what it is in the compared one.
    Restore,
    /// Makes a project of the compared one.
    Copy {
        title: String,
    },
    /// Brings a node into view, or the place where it was.
    GoTo(NodeId),
}

/// A change of what is seen; the pipeline stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    ZoomTo(u32),
    ZoomToSelection,
    CenterSelection,
    Pan(Way),
    Back,
    Forward,
    Search,
    TogglePanels,
    ToggleMinimap,
    ToggleGrid,
    ToggleSnap,
    Text(TextStep),
    NextProblem,
    PreviousProblem,
    TapWire,
    /// Looks at the first wire out of the selected node, or into it.
    TapOutput,
    /// Goes to the node that slows the rest.
    Slowest,
    /// Opens the selected nested pipeline.
    OpenSelected,
    /// Goes out of the nested pipeline that is open.
    GoOut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextStep {
    Larger,
    Smaller,
    Usual,
}

/// An end of a wire that waits for its other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joint {
    /// From this output to the first input of the new node that fits.
    Output(Endpoint),
    /// From the first output of the new node to this input.
    Input(Endpoint),
}

/// Where rows are to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    Input(Endpoint),
    /// The first input of a node that is still to be added.
    NewNode {
        kind: String,
        at: Position,
    },
}

/// The panels around the canvas that can be hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Palette,
    Bottom,
    Inspector,
}

/// The tabs of the bottom panel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BottomTab {
    #[default]
    Problems,
    Data,
    Log,
    View,
    Captures,
}

/// Pushes a command that changes the pipeline as one step of its own.
pub fn edit(commands: &mut Vec<Command>, label: impl Into<String>, edits: Vec<Edit>) {
    commands.push(Command::Edit { label: label.into(), edits, merge: None });
}

/// What a chart is saved as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChartFile {
    Svg,
    Png,
    /// The rows of what is seen.
    Csv,
}

impl ChartFile {
    pub const ALL: [Self; 3] = [Self::Svg, Self::Png, Self::Csv];

    /// What it is called on buttons.
    pub fn title(self) -> &'static str {
        match self {
            Self::Svg => "Save SVG…",
            Self::Png => "Save PNG…",
            Self::Csv => "Save CSV…",
        }
    }
}
