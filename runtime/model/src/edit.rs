//! The edits: every change that a person can make to a pipeline, each with an inverse.
//!
//! [`Pipeline::apply`] takes a list of edits and either applies all of them and returns the edits that undo it, or
//! leaves the pipeline as it was. A new kind of change is a new variant here; nothing else may change a pipeline.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dashboard::Dashboard;
use crate::id::{LayoutId, NodeId, Wire};
use crate::layout::{Bookmark, Group, Note};
use crate::parameter::Parameter;
use crate::pipeline::{Node, Pipeline, Position};

/// One change to a pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "edit", rename_all = "snake_case")]
pub enum Edit {
    AddNode {
        node: Node,
        position: Option<Position>,
    },
    /// Removes a node that has no wires and is in no group and on no dashboard; [`Pipeline::removal_of`] lists what must go first.
    RemoveNode {
        id: NodeId,
    },
    AddWire {
        wire: Wire,
    },
    RemoveWire {
        wire: Wire,
    },
    /// Sets one param, or removes it so that its default holds.
    SetParam {
        id: NodeId,
        name: String,
        value: Option<Value>,
    },
    SetTitle {
        id: NodeId,
        title: Option<String>,
    },
    SetDisabled {
        id: NodeId,
        disabled: bool,
    },
    /// Puts a node into a nested pipeline, or (with `None`) to the top. Its wires stay as they are.
    SetInside {
        id: NodeId,
        inside: Option<NodeId>,
    },
    /// Moves nodes; `None` leaves the place to the auto layout.
    Move {
        positions: BTreeMap<NodeId, Option<Position>>,
    },
    SetName {
        name: String,
    },
    /// Adds, changes or (with `None`) removes a pipeline parameter.
    SetParameter {
        name: String,
        parameter: Option<Parameter>,
    },
    /// Adds, changes or (with `None`) removes a group.
    SetGroup {
        id: LayoutId,
        group: Option<Group>,
    },
    /// Adds, changes or (with `None`) removes a note.
    SetNote {
        id: LayoutId,
        note: Option<Note>,
    },
    /// Adds, changes or (with `None`) removes a bookmark.
    SetBookmark {
        id: LayoutId,
        bookmark: Option<Bookmark>,
    },
    /// Adds, changes or (with `None`) removes a dashboard.
    SetDashboard {
        id: LayoutId,
        dashboard: Option<Dashboard>,
    },
}

/// Why an edit cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    #[error("there is no node `{id}`")]
    NoSuchNode { id: NodeId },
    #[error("there is a node `{id}` already")]
    NodeExists { id: NodeId },
    #[error("the node `{id}` still has wires")]
    NodeIsWired { id: NodeId },
    #[error("the node `{id}` is still in the group `{group}`")]
    NodeIsGrouped { id: NodeId, group: LayoutId },
    #[error("the chart of the node `{id}` is still on the dashboard `{dashboard}`")]
    NodeIsOnDashboard { id: NodeId, dashboard: LayoutId },
    #[error(
        "the `{field}` of this file's layout were written by a newer Millrace and are kept as they are; update Millrace to change them"
    )]
    NewerLayout { field: &'static str },
    #[error("the node `{id}` would be inside itself")]
    InsideItself { id: NodeId },
    #[error("there is no wire {wire}")]
    NoSuchWire { wire: Wire },
    #[error("the wire {wire} is there already")]
    WireExists { wire: Wire },
    #[error("the wire {wire} would close a cycle, and rows cannot flow in a circle")]
    ClosesCycle { wire: Wire },
}

impl Pipeline {
    /// Applies all of `edits` in order and returns the edits that undo them, to be applied in the order given.
    ///
    /// # Errors
    /// The first edit that cannot be made; the pipeline is then as it was before the call.
    pub fn apply(&mut self, edits: &[Edit]) -> Result<Vec<Edit>, EditError> {
        let mut inverse = Vec::with_capacity(edits.len());
        for edit in edits {
            match self.apply_one(edit) {
                Ok(undo) => inverse.push(undo),
                Err(error) => {
                    for undo in inverse.iter().rev() {
                        self.apply_one(undo).expect("the inverse of an edit that was just made can be made");
                    }
                    return Err(error);
                }
            }
        }
        inverse.reverse();
        Ok(inverse)
    }

    /// The edits that remove these nodes with all that lives in them, every wire at them or at the port that they are
    /// of a nested pipeline, and their places in groups and on dashboards. A group that would be left empty goes too, as
    /// do notes and bookmarks in them.
    pub fn removal_of<'a>(&self, ids: impl IntoIterator<Item = &'a NodeId>) -> Vec<Edit> {
        let ids = self.with_insides(ids);
        let at = |id: &NodeId| [self.wires_into(id), self.wires_out_of(id), self.wires_at_boundary(id)].concat();
        let mut wires: Vec<Wire> = ids.iter().flat_map(at).collect();
        wires.sort();
        wires.dedup();
        let remove_wires = wires.into_iter().map(|wire| Edit::RemoveWire { wire });
        let leave_groups = self.groups.iter().filter_map(|(id, group)| {
            let mut rest = group.nodes.clone();
            rest.retain(|node| !ids.contains(node));
            let has_left = rest.len() < group.nodes.len();
            has_left.then(|| Edit::SetGroup { id: id.clone(), group: group.with_nodes(rest) })
        });
        let leave_dashboards = self.dashboards.iter().filter_map(|(id, dashboard)| {
            let mut rest = dashboard.clone();
            rest.tiles.retain(|node, _| !ids.contains(node));
            let has_left = rest.tiles.len() < dashboard.tiles.len();
            has_left.then(|| Edit::SetDashboard { id: id.clone(), dashboard: Some(rest) })
        });
        let is_in = |inside: Option<&NodeId>| inside.is_some_and(|home| ids.contains(home));
        let notes = self.notes.iter().filter(|(_, note)| is_in(note.inside.as_ref()));
        let notes = notes.map(|(id, _)| Edit::SetNote { id: id.clone(), note: None });
        let bookmarks = self.bookmarks.iter().filter(|(_, bookmark)| is_in(bookmark.inside.as_ref()));
        let bookmarks = bookmarks.map(|(id, _)| Edit::SetBookmark { id: id.clone(), bookmark: None });
        let before: Vec<Edit> =
            remove_wires.chain(leave_groups).chain(leave_dashboards).chain(notes).chain(bookmarks).collect();
        before.into_iter().chain(ids.iter().map(|id| Edit::RemoveNode { id: id.clone() })).collect()
    }

    /// These nodes and everything that lives in them, each once.
    pub(crate) fn with_insides<'a>(&self, ids: impl IntoIterator<Item = &'a NodeId>) -> Vec<NodeId> {
        let mut seen = BTreeSet::new();
        let all = ids.into_iter().flat_map(|id| std::iter::once(id.clone()).chain(self.within(id)));
        all.filter(|id| seen.insert(id.clone())).collect()
    }

    /// Whether `inside` leads from the node back to itself, though it may do so through nodes that are not there.
    pub(crate) fn holds_itself(&self, id: &NodeId) -> bool {
        let home_of = |id: &NodeId| self.node(id).and_then(|node| node.inside.as_ref());
        let around = std::iter::successors(home_of(id), |home| home_of(home));
        around.take(self.num_nodes()).any(|home| home == id)
    }

    fn apply_one(&mut self, edit: &Edit) -> Result<Edit, EditError> {
        match edit {
            Edit::AddNode { node, position } => {
                if self.node(&node.id).is_some() {
                    return Err(EditError::NodeExists { id: node.id.clone() });
                }
                self.insert_node(node.clone());
                if self.holds_itself(&node.id) {
                    self.take_node(&node.id);
                    return Err(EditError::InsideItself { id: node.id.clone() });
                }
                if let Some(position) = position {
                    self.positions.insert(node.id.clone(), *position);
                }
                Ok(Edit::RemoveNode { id: node.id.clone() })
            }
            Edit::RemoveNode { id } => {
                self.existing(id)?;
                if !self.wires_into(id).is_empty() || !self.wires_out_of(id).is_empty() {
                    return Err(EditError::NodeIsWired { id: id.clone() });
                }
                if let Some((group, _)) = self.groups_of(id).next() {
                    return Err(EditError::NodeIsGrouped { id: id.clone(), group: group.clone() });
                }
                let holds = |(_, dashboard): &(&LayoutId, &Dashboard)| dashboard.tiles.contains_key(id);
                if let Some((dashboard, _)) = self.dashboards.iter().find(holds) {
                    return Err(EditError::NodeIsOnDashboard { id: id.clone(), dashboard: dashboard.clone() });
                }
                let node = self.take_node(id).ok_or_else(|| EditError::NoSuchNode { id: id.clone() })?;
                Ok(Edit::AddNode { node, position: self.positions.remove(id) })
            }
            Edit::AddWire { wire } => {
                self.existing(&wire.from.node)?;
                self.existing(&wire.to.node)?;
                if self.reaches(&wire.to.node, &wire.from.node) {
                    return Err(EditError::ClosesCycle { wire: wire.clone() });
                }
                if !self.insert_wire(wire) {
                    return Err(EditError::WireExists { wire: wire.clone() });
                }
                Ok(Edit::RemoveWire { wire: wire.clone() })
            }
            Edit::RemoveWire { wire } => {
                if !self.take_wire(wire) {
                    return Err(EditError::NoSuchWire { wire: wire.clone() });
                }
                Ok(Edit::AddWire { wire: wire.clone() })
            }
            Edit::SetParam { id, name, value } => {
                let params = &mut self.existing(id)?.params;
                let before = match value {
                    Some(value) => params.insert(name.clone(), value.clone()),
                    None => params.remove(name),
                };
                Ok(Edit::SetParam { id: id.clone(), name: name.clone(), value: before })
            }
            Edit::SetTitle { id, title } => {
                let before = std::mem::replace(&mut self.existing(id)?.title, title.clone());
                Ok(Edit::SetTitle { id: id.clone(), title: before })
            }
            Edit::SetDisabled { id, disabled } => {
                let before = std::mem::replace(&mut self.existing(id)?.disabled, *disabled);
                Ok(Edit::SetDisabled { id: id.clone(), disabled: before })
            }
            Edit::SetInside { id, inside } => {
                self.existing(id)?;
                let before = self.replace_inside(id, inside.clone());
                if self.holds_itself(id) {
                    self.replace_inside(id, before);
                    return Err(EditError::InsideItself { id: id.clone() });
                }
                Ok(Edit::SetInside { id: id.clone(), inside: before })
            }
            Edit::Move { positions } => {
                for id in positions.keys() {
                    self.existing(id)?;
                }
                let before = positions
                    .iter()
                    .map(|(id, position)| {
                        let before = match position {
                            Some(position) => self.positions.insert(id.clone(), *position),
                            None => self.positions.remove(id),
                        };
                        (id.clone(), before)
                    })
                    .collect();
                Ok(Edit::Move { positions: before })
            }
            Edit::SetName { name } => {
                let before = std::mem::replace(&mut self.name, name.clone());
                Ok(Edit::SetName { name: before })
            }
            Edit::SetParameter { name, parameter } => {
                let before = match parameter {
                    Some(parameter) => self.parameters.insert(name.clone(), parameter.clone()),
                    None => self.parameters.remove(name),
                };
                Ok(Edit::SetParameter { name: name.clone(), parameter: before })
            }
            Edit::SetGroup { id, group } => {
                self.known_layout("groups")?;
                for node in group.iter().flat_map(|group| &group.nodes) {
                    self.existing(node)?;
                }
                Ok(Edit::SetGroup { id: id.clone(), group: put(&mut self.groups, id, group.as_ref()) })
            }
            Edit::SetNote { id, note } => {
                self.known_layout("notes")?;
                Ok(Edit::SetNote { id: id.clone(), note: put(&mut self.notes, id, note.as_ref()) })
            }
            Edit::SetBookmark { id, bookmark } => {
                self.known_layout("bookmarks")?;
                Ok(Edit::SetBookmark { id: id.clone(), bookmark: put(&mut self.bookmarks, id, bookmark.as_ref()) })
            }
            Edit::SetDashboard { id, dashboard } => {
                self.known_layout("dashboards")?;
                for node in dashboard.iter().flat_map(|dashboard| dashboard.tiles.keys()) {
                    self.existing(node)?;
                }
                let before = put(&mut self.dashboards, id, dashboard.as_ref());
                Ok(Edit::SetDashboard { id: id.clone(), dashboard: before })
            }
        }
    }

    /// A layout field in a form that this build cannot read is kept, and cannot be written over.
    fn known_layout(&self, field: &'static str) -> Result<(), EditError> {
        if self.layout_extra.contains_key(field) { Err(EditError::NewerLayout { field }) } else { Ok(()) }
    }

    fn existing(&mut self, id: &NodeId) -> Result<&mut Node, EditError> {
        self.node_mut(id).ok_or_else(|| EditError::NoSuchNode { id: id.clone() })
    }
}

/// Sets or removes one item, and gives the one that was there.
fn put<T: Clone>(items: &mut BTreeMap<LayoutId, T>, id: &LayoutId, item: Option<&T>) -> Option<T> {
    match item {
        Some(item) => items.insert(id.clone(), item.clone()),
        None => items.remove(id),
    }
}
