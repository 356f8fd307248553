//! What every part of the window may read while it draws, and where it pushes its commands.

use millrace_model::{Catalog, Diagnostic, Endpoint, NodeId, Pipeline};
use millrace_protocol::{Capture, Checked, NodePorts};

use crate::actions::{Keymap, Situation};
use crate::command::{BottomTab, Command};
use crate::document::Document;
use crate::editing::wiring::KnownRows;
use crate::live::Live;
use crate::revisions::Compared;
use crate::selection::Selection;
use crate::theme::Theme;

/// The state of the designer during one frame. Only `commands` may be changed.
#[derive(Debug)]
pub struct ViewContext<'a> {
    pub theme: &'a Theme,
    pub catalog: &'a Catalog,
    pub document: &'a Document,
    /// What the last check found; it may be some edits behind.
    pub checked: &'a Checked,
    /// What rows have, where the last check is not behind.
    pub rows: KnownRows<'a>,
    pub live: &'a Live,
    pub selection: &'a Selection,
    /// The revision that is held against what is drawn.
    pub compared: Option<&'a Compared>,
    /// The captures of the project; `None` before they were heard.
    pub captures: Option<&'a [Capture]>,
    /// Whether files of the host's machine may be picked by a dialog.
    pub is_local: bool,
    /// The param that was jumped to in this frame: its field is to take the focus and be scrolled to.
    pub focus_param: Option<(&'a NodeId, &'a str)>,
    /// The node whose title is to take the focus in this frame.
    pub focus_title: Option<&'a NodeId>,
    /// The tab that the bottom panel is to show from this frame on.
    pub show_bottom: Option<BottomTab>,
    /// A list or a dialog lies over the workspace: keys are meant for it.
    pub is_covered: bool,
    /// What decides which actions can be taken now.
    pub situation: &'a Situation,
    pub keymap: &'a Keymap,
    pub commands: &'a mut Vec<Command>,
}

impl ViewContext<'_> {
    pub fn pipeline(&self) -> &Pipeline {
        self.document.pipeline()
    }

    /// What the person calls the node; its id when it is not there.
    pub fn title_of(&self, id: &NodeId) -> String {
        self.pipeline().node(id).map_or_else(|| id.to_string(), |node| self.catalog.title_of(node).to_owned())
    }

    /// The node with the nested pipelines around it, the outermost first: `Clean readings › Hot`.
    pub fn path_to(&self, id: &NodeId) -> String {
        let mut titles: Vec<String> =
            std::iter::once(id).chain(self.pipeline().around(id)).map(|id| self.title_of(id)).collect();
        titles.reverse();
        titles.join(" › ")
    }

    /// What people call the port.
    pub fn port_title(&self, end: &Endpoint) -> String {
        self.pipeline().boundary(end).map_or_else(|| end.port.clone(), |boundary| self.title_of(boundary))
    }

    /// The ports and schemas that the last check found.
    pub fn ports_of(&self, id: &NodeId) -> Option<&NodePorts> {
        self.checked.nodes.get(id)
    }

    pub fn diagnostics_of<'b>(&'b self, id: &'b NodeId) -> impl Iterator<Item = &'b Diagnostic> {
        self.checked.diagnostics.iter().filter(move |diagnostic| diagnostic.node.as_ref() == Some(id))
    }
}
