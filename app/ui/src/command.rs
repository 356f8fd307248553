//! Everything that the UI can ask for. Drawing code only pushes commands; they are carried out after the frame.

use millrace_model::view::Look;
use millrace_model::{Edit, Endpoint, NodeId, Position, Wire};
use millrace_protocol::{ImageFormat, ProjectId, Seen};

use crate::selection::Selection;

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
    Duplicate,
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
    Select(Selection),
    SelectAll,
    ClearSelection,
    /// Selects the node, brings it into view, and where a param is named puts the focus on its field.
    JumpTo {
        node: NodeId,
        param: Option<String>,
    },
    ZoomToFit,
    /// Multiplies the zoom, around the middle of the canvas.
    ZoomBy(f32),
    ZoomReset,
    ToggleTheme,
    ToggleShortcuts,
    FocusSearch,
    /// Opens the list of all commands.
    ShowPalette,
    /// Opens the list of nodes to add one at this place of the canvas, wired to `wire_from`.
    QuickAdd {
        at: Position,
        pos_in_screen: egui::Pos2,
        wire_from: Option<Joint>,
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
        look: Option<Look>,
    },
    /// Saves the picture of a view node as a file, as it is seen.
    ExportView {
        node: NodeId,
        seen: Seen,
        format: ImageFormat,
        width: u32,
        height: u32,
    },
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
    DeleteProject(ProjectId),
    Import,
    Export,
    /// Asks for the name of a revision.
    AskRevision,
    SaveRevision {
        name: String,
    },
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

/// An end of a wire that waits for its other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joint {
    /// From this output to the first input of the new node that fits.
    Output(Endpoint),
    /// From the first output of the new node to this input.
    Input(Endpoint),
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
}

/// Pushes a command that changes the pipeline as one step of its own.
pub fn edit(commands: &mut Vec<Command>, label: impl Into<String>, edits: Vec<Edit>) {
    commands.push(Command::Edit { label: label.into(), edits, merge: None });
}
