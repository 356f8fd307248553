//! From accessibility tree to operations on the page: what came, what changed, what went.
//!
//! The mirror remembers each element as it was last described. An update may tell of some nodes only, as AccessKit
//! allows; those it leaves out stay as they are, and those that no node has as a child any more are removed.

use std::collections::{HashMap, HashSet};

use egui::accesskit::{Node, NodeId, Role, TreeUpdate};

use super::element::Element;

/// One change of the page. Elements are named by their nodes.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    Create {
        id: NodeId,
        tag: &'static str,
    },
    Set {
        id: NodeId,
        name: &'static str,
        value: String,
    },
    Unset {
        id: NodeId,
        name: &'static str,
    },
    /// The words in the element, before its children.
    Text {
        id: NodeId,
        text: String,
    },
    /// What a text field holds.
    Value {
        id: NodeId,
        value: String,
    },
    /// All children in order; those not named leave.
    Children {
        id: NodeId,
        children: Vec<NodeId>,
    },
    Remove {
        id: NodeId,
    },
    /// The one root of the page's elements.
    Root {
        id: NodeId,
    },
    /// What the keyboard is at; `None` for nothing.
    Focus {
        id: Option<NodeId>,
    },
}

/// The elements of the page as they are.
#[derive(Debug, Default)]
pub struct Mirror {
    elements: HashMap<NodeId, Element>,
    root: Option<NodeId>,
    focus: Option<NodeId>,
}

impl Mirror {
    /// Takes in an update; gives what makes the page say the same. `scale` is CSS pixels per point.
    pub fn update(&mut self, update: &TreeUpdate, scale: f64) -> Vec<Operation> {
        let mut operations = Vec::new();
        let mut families = Vec::new();
        // A run of text is what its field holds already.
        let runs: HashSet<NodeId> =
            update.nodes.iter().filter(|(_, node)| node.role() == Role::TextRun).map(|(id, _)| *id).collect();
        for (id, node) in update.nodes.iter().filter(|(id, _)| !runs.contains(id)) {
            if let Some(children) = self.take_in(*id, node, &runs, scale, &mut operations) {
                families.push(Operation::Children { id: *id, children });
            }
        }
        let has_moved = !families.is_empty();
        operations.append(&mut families);
        if let Some(tree) = &update.tree
            && self.root != Some(tree.root)
        {
            self.root = Some(tree.root);
            operations.push(Operation::Root { id: tree.root });
        }
        if has_moved {
            self.remove_orphans(&mut operations);
        }
        let focus = (Some(update.focus) != self.root).then_some(update.focus);
        let focus = focus.filter(|id| self.elements.contains_key(id));
        if self.focus != focus {
            self.focus = focus;
            operations.push(Operation::Focus { id: focus });
        }
        operations
    }

    /// Makes the element what the node says; gives its children when they are others than before.
    fn take_in(
        &mut self,
        id: NodeId,
        node: &Node,
        runs: &HashSet<NodeId>,
        scale: f64,
        operations: &mut Vec<Operation>,
    ) -> Option<Vec<NodeId>> {
        let mut new = Element::of(node, scale);
        if !runs.is_empty() {
            new.children.retain(|child| !runs.contains(child));
        }
        let old = self.elements.get(&id).filter(|old| old.tag == new.tag);
        if old == Some(&new) {
            return None;
        }
        if old.is_none() {
            if self.elements.contains_key(&id) {
                operations.push(Operation::Remove { id });
            }
            operations.push(Operation::Create { id, tag: new.tag });
        }
        for (name, value) in &new.attributes {
            if old.and_then(|old| old.attributes.get(name)) != Some(value) {
                operations.push(Operation::Set { id, name, value: value.clone() });
            }
        }
        for name in old.iter().flat_map(|old| old.attributes.keys()).filter(|name| !new.attributes.contains_key(*name))
        {
            operations.push(Operation::Unset { id, name });
        }
        if old.map_or("", |old| old.text.as_str()) != new.text {
            operations.push(Operation::Text { id, text: new.text.clone() });
        }
        if let Some(value) = &new.value
            && old.and_then(|old| old.value.as_ref()) != Some(value)
        {
            operations.push(Operation::Value { id, value: value.clone() });
        }
        let had: &[NodeId] = old.map_or(&[], |old| &old.children);
        let children = (had != new.children).then(|| new.children.clone());
        self.elements.insert(id, new);
        children
    }

    fn remove_orphans(&mut self, operations: &mut Vec<Operation>) {
        let mut kept = HashSet::with_capacity(self.elements.len());
        let mut waiting: Vec<NodeId> = self.root.into_iter().collect();
        while let Some(id) = waiting.pop() {
            if let Some(element) = self.elements.get(&id)
                && kept.insert(id)
            {
                waiting.extend(&element.children);
            }
        }
        if kept.len() == self.elements.len() {
            return;
        }
        let mut gone: Vec<NodeId> = self.elements.keys().filter(|id| !kept.contains(id)).copied().collect();
        gone.sort_unstable();
        for id in gone {
            self.elements.remove(&id);
            operations.push(Operation::Remove { id });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::accesskit::{TreeId, TreeInfo};

    const ROOT: NodeId = NodeId(1);

    fn node(role: Role, label: &str, children: &[u64]) -> Node {
        let mut node = Node::new(role);
        if !label.is_empty() {
            node.set_label(label);
        }
        node.set_children(children.iter().map(|id| NodeId(*id)).collect::<Vec<_>>());
        node
    }

    fn update(nodes: Vec<(u64, Node)>, focus: u64) -> TreeUpdate {
        TreeUpdate {
            nodes: nodes.into_iter().map(|(id, node)| (NodeId(id), node)).collect(),
            tree: Some(TreeInfo::new(ROOT)),
            tree_id: TreeId::ROOT,
            focus: NodeId(focus),
        }
    }

    /// A page that does what it is told, to hold the mirror against.
    #[derive(Debug, Default, PartialEq)]
    struct Page {
        tags: HashMap<NodeId, &'static str>,
        labels: HashMap<NodeId, String>,
        children: HashMap<NodeId, Vec<NodeId>>,
        focus: Option<NodeId>,
    }

    impl Page {
        fn apply(&mut self, operations: Vec<Operation>) {
            for operation in operations {
                match operation {
                    Operation::Create { id, tag } => {
                        assert!(self.tags.insert(id, tag).is_none(), "{id:?} is there already");
                    }
                    Operation::Set { id, name: "aria-label", value } => _ = self.labels.insert(id, value),
                    Operation::Unset { id, name: "aria-label" } => _ = self.labels.remove(&id),
                    Operation::Children { id, children } => {
                        assert!(children.iter().all(|child| self.tags.contains_key(child)), "a child is not there");
                        self.children.insert(id, children);
                    }
                    Operation::Remove { id } => {
                        assert!(self.tags.remove(&id).is_some(), "{id:?} is not there");
                        self.labels.remove(&id);
                        self.children.remove(&id);
                    }
                    Operation::Focus { id } => self.focus = id,
                    _ => {}
                }
            }
        }

        /// The names in reading order.
        fn read(&self, id: NodeId) -> Vec<String> {
            let own = self.labels.get(&id).cloned();
            let children = self.children.get(&id).into_iter().flatten();
            own.into_iter().chain(children.flat_map(|child| self.read(*child))).collect()
        }
    }

    #[test]
    fn the_same_tree_again_costs_nothing() {
        let mut mirror = Mirror::default();
        let tree = || update(vec![(1, node(Role::Window, "", &[2])), (2, node(Role::Button, "Run", &[]))], 2);
        assert!(!mirror.update(&tree(), 1.0).is_empty());
        assert_eq!(mirror.update(&tree(), 1.0), []);
    }

    #[test]
    fn the_page_reads_like_the_tree_through_all_changes() {
        let (mut mirror, mut page) = (Mirror::default(), Page::default());
        let mut see = |nodes: Vec<(u64, Node)>, focus: u64| {
            page.apply(mirror.update(&update(nodes, focus), 1.0));
            (page.read(ROOT), page.focus)
        };
        let button = |label: &str| node(Role::Button, label, &[]);
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let first = vec![(1, node(Role::Window, "", &[2, 3])), (2, button("Run")), (3, button("Undo"))];
        assert_eq!(see(first, 3), (words(&["Run", "Undo"]), Some(NodeId(3))));
        // A name changes and one comes between.
        let second = vec![(1, node(Role::Window, "", &[2, 4, 3])), (2, button("Stop")), (4, button("Redo"))];
        assert_eq!(see(second, 1), (words(&["Stop", "Redo", "Undo"]), None), "what is not told of stays");
        // One goes with all below it, and another becomes a field.
        let third = vec![
            (1, node(Role::Window, "", &[5, 3])),
            (5, node(Role::Group, "", &[2])),
            (3, node(Role::TextInput, "Name", &[])),
        ];
        assert_eq!(see(third, 3), (words(&["Stop", "Name"]), Some(NodeId(3))));
        let fourth = vec![(1, node(Role::Window, "", &[3]))];
        assert_eq!(see(fourth, 3).0, words(&["Name"]));
        assert_eq!(mirror.elements.len(), 2, "what left is forgotten");
        assert_eq!(page.tags.len(), 2);
    }

    #[test]
    fn runs_of_text_are_no_elements() {
        let mut mirror = Mirror::default();
        let mut field = node(Role::TextInput, "Name", &[9]);
        field.set_value("Fleet");
        let tree = vec![(1, node(Role::Window, "", &[2])), (2, field), (9, node(Role::TextRun, "", &[]))];
        let operations = mirror.update(&update(tree, 1), 1.0);
        assert!(operations.contains(&Operation::Value { id: NodeId(2), value: "Fleet".to_owned() }));
        assert!(!operations.iter().any(|operation| matches!(operation, Operation::Create { id: NodeId(9), .. })));
    }
}
