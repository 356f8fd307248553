//! What differs between two states of a pipeline, for people: node by node, wire by wire, and counted in words.
//!
//! The edits that lead from one to the other are the affair of [`crate::difference`]. Invariant: nothing differs exactly
//! when the two are equal, but for fields of the whole file that this build does not know.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::difference::changed;
use crate::id::{NodeId, Wire};
use crate::pipeline::{Node, Pipeline};

/// What is other in the later of two states of a pipeline.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    pub nodes: BTreeMap<NodeId, NodeChange>,
    /// Nodes that only stand elsewhere.
    pub moved: BTreeSet<NodeId>,
    pub new_wires: BTreeSet<Wire>,
    pub removed_wires: BTreeSet<Wire>,
    /// What of the pipeline as a whole is other, each as a short sentence without an end.
    pub others: Vec<String>,
}

/// What became of a node.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeChange {
    Added,
    Removed,
    /// It is set otherwise; at least one thing is.
    Changed(Vec<SettingChange>),
}

impl NodeChange {
    pub fn word(&self) -> &'static str {
        match self {
            NodeChange::Added => "added",
            NodeChange::Removed => "removed",
            NodeChange::Changed(_) => "changed",
        }
    }
}

/// One thing of a node that is other than before.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingChange {
    pub setting: Setting,
    /// `None`: it was not set.
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// What of a node can be other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    Kind,
    Title,
    Disabled,
    /// The nested pipeline that it lives in, by its id.
    Inside,
    Param(String),
    /// A field that this build does not know.
    Unknown(String),
}

/// How much differs between two states of a pipeline; its text is a list such as `3 nodes added, 1 changed`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub nodes_added: usize,
    pub nodes_changed: usize,
    pub nodes_removed: usize,
    pub nodes_moved: usize,
    pub wires_added: usize,
    pub wires_removed: usize,
    /// Parameters, groups, notes, bookmarks, dashboards, the name.
    pub others: usize,
}

impl Changes {
    /// What differs in `after`.
    pub fn between(before: &Pipeline, after: &Pipeline) -> Self {
        let ids: BTreeSet<&NodeId> = before.node_ids().chain(after.node_ids()).collect();
        let mut changes = Self::default();
        for id in ids {
            let change = match (before.node(id), after.node(id)) {
                (Some(_), None) => Some(NodeChange::Removed),
                (None, _) => Some(NodeChange::Added),
                (Some(old), Some(new)) => {
                    Some(settings(old, new)).filter(|all| !all.is_empty()).map(NodeChange::Changed)
                }
            };
            match change {
                Some(change) => _ = changes.nodes.insert(id.clone(), change),
                None if before.position(id) != after.position(id) => _ = changes.moved.insert(id.clone()),
                None => {}
            }
        }
        let (old, new) = (before.wires(), after.wires());
        changes.new_wires = new.into_iter().filter(|wire| !before.has_wire(wire)).collect();
        changes.removed_wires = old.into_iter().filter(|wire| !after.has_wire(wire)).collect();
        changes.others = others(before, after);
        changes
    }

    pub fn is_empty(&self) -> bool {
        self.tally() == Tally::default()
    }

    pub fn tally(&self) -> Tally {
        let num = |is: fn(&NodeChange) -> bool| self.nodes.values().filter(|change| is(change)).count();
        Tally {
            nodes_added: num(|change| matches!(change, NodeChange::Added)),
            nodes_changed: num(|change| matches!(change, NodeChange::Changed(_))),
            nodes_removed: num(|change| matches!(change, NodeChange::Removed)),
            nodes_moved: self.moved.len(),
            wires_added: self.new_wires.len(),
            wires_removed: self.removed_wires.len(),
            others: self.others.len(),
        }
    }
}

fn settings(before: &Node, after: &Node) -> Vec<SettingChange> {
    let mut all = Vec::new();
    let mut add = |setting, before: Option<Value>, after: Option<Value>| {
        if before != after {
            all.push(SettingChange { setting, before, after });
        }
    };
    let text = |text: &Option<String>| text.clone().map(Value::from);
    add(Setting::Kind, Some(before.kind.as_str().into()), Some(after.kind.as_str().into()));
    add(Setting::Title, text(&before.title), text(&after.title));
    let home = |node: &Node| node.inside.as_ref().map(|home| Value::from(home.as_str()));
    add(Setting::Inside, home(before), home(after));
    add(Setting::Disabled, Some(before.disabled.into()), Some(after.disabled.into()));
    for (name, value) in changed(&before.params, &after.params) {
        add(Setting::Param(name.clone()), before.params.get(&name).cloned(), value);
    }
    for (name, value) in changed(&before.extra, &after.extra) {
        let old = before.extra.get(&name).cloned().map(Value::from);
        add(Setting::Unknown(name), old, value.map(Value::from));
    }
    all
}

/// What of the pipeline as a whole is other.
fn others(before: &Pipeline, after: &Pipeline) -> Vec<String> {
    fn say<'a, K: Ord + Clone + 'a, V: PartialEq + Clone + 'a>(
        noun: &'a str,
        (before, after): (&'a BTreeMap<K, V>, &'a BTreeMap<K, V>),
        name: impl Fn(&K, &V) -> String + 'a,
    ) -> impl Iterator<Item = String> + 'a {
        changed(before, after).filter_map(move |(key, value)| {
            let word = match (before.get(&key), &value) {
                (None, _) => "added",
                (_, None) => "removed",
                _ => "changed",
            };
            let shown = value.as_ref().or(before.get(&key))?;
            Some(format!("{noun} {} {word}", name(&key, shown)))
        })
    }
    let mut all = Vec::new();
    if before.name() != after.name() {
        all.push(format!("Renamed from “{}” to “{}”", before.name(), after.name()));
    }
    let quoted = |title: &str| format!("“{title}”");
    all.extend(say("Parameter", (before.parameters(), after.parameters()), |name, _| quoted(name)));
    all.extend(say("Group", (before.groups(), after.groups()), |_, group| quoted(&group.title)));
    all.extend(say("Note", (before.notes(), after.notes()), |_, note| {
        quoted(note.text.lines().next().unwrap_or_default())
    }));
    all.extend(say("Bookmark", (before.bookmarks(), after.bookmarks()), |_, bookmark| quoted(&bookmark.title)));
    all.extend(say("Dashboard", (before.dashboards(), after.dashboards()), |_, page| quoted(&page.title)));
    all
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = [
            (self.nodes_added, "added"),
            (self.nodes_changed, "changed"),
            (self.nodes_removed, "removed"),
            (self.nodes_moved, "moved"),
        ];
        let wires = [(self.wires_added, "added"), (self.wires_removed, "removed")];
        let lists = [("node", &nodes[..]), ("wire", &wires[..]), ("other thing", &[(self.others, "changed")])];
        let mut parts = Vec::new();
        for (noun, counts) in lists {
            // The noun stands once, with the first number.
            for (place, (number, word)) in counts.iter().filter(|(number, _)| *number > 0).enumerate() {
                let noun = match (place, number) {
                    (0, 1) => format!(" {noun}"),
                    (0, _) => format!(" {noun}s"),
                    _ => String::new(),
                };
                parts.push(format!("{number}{noun} {word}"));
            }
        }
        f.write_str(if parts.is_empty() { "no changes" } else { "" })?;
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipeline(text: &str) -> Pipeline {
        Pipeline::parse(text).expect("a pipeline").0
    }

    #[test]
    fn changes_are_told_node_by_node_and_counted_in_words() {
        let before = pipeline(
            r#"{"format": 1, "name": "P", "nodes": {
                "a": {"kind": "ingest.file", "params": {"path": "x"}}, "b": {"kind": "process.filter"},
                "c": {"kind": "store.discard"}}, "wires": [{"from": "a.rows", "to": "c.rows"}],
                "layout": {"notes": {"n": {"text": "Why\nso", "tint": "gray", "position": {"x": 0, "y": 0}, "width": 1, "height": 1}}}}"#,
        );
        let after = pipeline(
            r#"{"format": 1, "name": "Q", "nodes": {
                "a": {"kind": "ingest.file", "title": "T", "params": {"path": "y"}}, "b": {"kind": "process.filter"},
                "d": {"kind": "store.discard"}}, "wires": [{"from": "a.rows", "to": "d.rows"}],
                "layout": {"nodes": {"b": {"x": 1, "y": 1}}}}"#,
        );
        let changes = Changes::between(&before, &after);
        let words: Vec<_> = changes.nodes.iter().map(|(id, change)| (id.as_str(), change.word())).collect();
        assert_eq!(words, [("a", "changed"), ("c", "removed"), ("d", "added")]);
        let title = SettingChange { setting: Setting::Title, before: None, after: Some("T".into()) };
        let path = Setting::Param("path".to_owned());
        let path = SettingChange { setting: path, before: Some("x".into()), after: Some("y".into()) };
        assert_eq!(changes.nodes.values().next(), Some(&NodeChange::Changed(vec![title, path])));
        assert_eq!(changes.others, ["Renamed from “P” to “Q”", "Note “Why” removed"]);
        assert_eq!(
            changes.tally().to_string(),
            "1 node added, 1 changed, 1 removed, 1 moved, 1 wire added, 1 removed, 2 other things changed"
        );
        assert_eq!(Changes::between(&after, &after).tally().to_string(), "no changes");
    }
}
