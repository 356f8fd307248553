//! The part of a pipeline that is only looked at: groups, notes and bookmarks of the canvas.
//!
//! None of it changes what runs. They stand in the file's `layout`, each under an id of its own, and fields that this
//! build does not know are kept as they were written. Invariant: a group names only nodes that are there, so a node
//! leaves its groups before it is removed ([`Pipeline::removal_of`] sees to that).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::id::{LayoutId, NodeId};
use crate::pipeline::{Pipeline, Position};
use crate::text::Extra;

/// The colour of a group or a note, by name; the theme says what it looks like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tint {
    #[default]
    Gray,
    Blue,
    Green,
    Purple,
    Orange,
    Red,
}

impl Tint {
    pub const ALL: [Tint; 6] = [Tint::Gray, Tint::Blue, Tint::Green, Tint::Purple, Tint::Orange, Tint::Red];

    pub fn title(self) -> &'static str {
        match self {
            Tint::Gray => "Grey",
            Tint::Blue => "Blue",
            Tint::Green => "Green",
            Tint::Purple => "Purple",
            Tint::Orange => "Orange",
            Tint::Red => "Red",
        }
    }
}

/// Nodes that belong together, drawn as a frame around them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    pub title: String,
    #[serde(default)]
    pub tint: Tint,
    pub nodes: BTreeSet<NodeId>,
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

/// Text on the canvas. `width` and `height` are in points at zoom 1.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub text: String,
    #[serde(default)]
    pub tint: Tint,
    pub position: Position,
    pub width: u32,
    pub height: u32,
    /// The nested pipeline that it stands in; none at the top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<NodeId>,
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

/// A view of the canvas to come back to: what stands in the middle, and how large.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bookmark {
    pub title: String,
    pub center: Position,
    pub zoom_percent: u32,
    /// The nested pipeline that is open there; none at the top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<NodeId>,
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl Group {
    /// The same group around other nodes; none when there is nothing to stand around.
    pub fn with_nodes(&self, nodes: BTreeSet<NodeId>) -> Option<Group> {
        (!nodes.is_empty()).then(|| Group { nodes, ..self.clone() })
    }
}

impl Pipeline {
    pub fn groups(&self) -> &BTreeMap<LayoutId, Group> {
        &self.groups
    }

    pub fn notes(&self) -> &BTreeMap<LayoutId, Note> {
        &self.notes
    }

    pub fn bookmarks(&self) -> &BTreeMap<LayoutId, Bookmark> {
        &self.bookmarks
    }

    /// The groups that the node belongs to.
    pub fn groups_of<'a>(&'a self, node: &'a NodeId) -> impl Iterator<Item = (&'a LayoutId, &'a Group)> {
        self.groups.iter().filter(move |(_, group)| group.nodes.contains(node))
    }
}
