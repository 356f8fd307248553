//! The designer's only way out: a host that answers calls, file dialogs, downloads and a clock.
//!
//! millrace_web implements it over Tauri IPC and over a WebSocket; tests implement it in memory.

use millrace_model::NodeId;
use millrace_protocol::{Call, CaptureId, ProjectId, ServerMessage};

/// A connection to a host. No call of it blocks; answers come by [`Link::receive`] in a later frame.
pub trait Link {
    /// Sends a call. While the link is not open the call is dropped, and [`Link::state`] says so.
    fn send(&mut self, call: Call);

    /// Everything that came since the last call, oldest first.
    fn receive(&mut self) -> Vec<ServerMessage>;

    fn state(&self) -> LinkState;

    /// Asks the person for a file. What they pick comes by [`Link::take_picked`]; a cancelled dialog gives nothing.
    fn open_dialog(&mut self, request: DialogRequest);

    /// The files picked since the last call.
    fn take_picked(&mut self) -> Vec<Picked>;

    /// Hands a file to the person: the browser's download, or a save dialog on the desktop.
    fn download(&mut self, name: &str, bytes: &[u8]);

    /// Where browsers find this designer, such as `http://127.0.0.1:7878`; none where no browser could.
    fn origin(&self) -> Option<String> {
        None
    }

    /// A steady clock in milliseconds; its zero means nothing.
    fn now_ms(&self) -> f64;

    /// Whether [`Designer::beat`](crate::Designer::beat) is called when it is due, and a frame drawn when something comes.
    /// Elsewhere a frame is drawn for everything that is due, and again and again while an answer is awaited.
    fn beats(&self) -> bool {
        false
    }

    /// Whether a person can see the designer: not in a page behind others or in a window that is minimised.
    fn is_seen(&self) -> bool {
        true
    }

    /// For how long the screen was busy with the last frame beyond what it always takes, in milliseconds. Without a graphics
    /// card it is long; 0 where it is not known.
    fn frame_cost_ms(&self) -> f64 {
        0.0
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    Connecting,
    Open,
    /// Why the host cannot be reached, as a sentence.
    Lost(String),
}

/// A file dialog to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialogRequest {
    pub purpose: DialogPurpose,
    /// Whether a file is to be written, which may not be there yet.
    pub save: bool,
    /// The window's title, such as `Import a pipeline`.
    pub title: String,
    pub suggested_name: Option<String>,
    /// The only extension wanted, without a dot; `None` for any file.
    pub extension: Option<String>,
}

/// What a picked file is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DialogPurpose {
    ImportPipeline,
    ExportPipeline {
        project: ProjectId,
    },
    /// A test of a capture is written.
    SaveTest {
        capture: CaptureId,
    },
    /// The file becomes the value of a param; `param` is a path as in a diagnostic, such as `outputs[0].path`.
    ParamPath {
        node: NodeId,
        param: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picked {
    pub purpose: DialogPurpose,
    pub file: PickedFile,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PickedFile {
    /// A path on the host's machine (desktop).
    Path(String),
    /// The content of a file of the person's own machine (browser).
    Text { name: String, text: String },
}
