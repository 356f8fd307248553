//! Files that would be written twice, or read while they are written.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use millrace_model::{Diagnostic, NodeId};
use millrace_operator::{FileUse, Registry};

use crate::plan::Plan;

/// A fault at each node that takes part and writes a file which another one of the plan writes or reads.
pub(crate) fn check_files(plan: &Plan, registry: &Registry) -> Vec<Diagnostic> {
    let nodes = plan.order.iter().filter_map(|id| plan.nodes.get(id));
    let uses = nodes.filter_map(|node| Some((&node.id, registry.node_type(&node.kind)?.file(&node.params)?)));
    let (mut read, mut written): (BTreeMap<PathBuf, &NodeId>, BTreeMap<PathBuf, Vec<&NodeId>>) = Default::default();
    for (id, file) in uses {
        match file {
            FileUse::Reads(path) => _ = read.insert(plain(&path), id),
            FileUse::Writes(path) => written.entry(plain(&path)).or_default().push(id),
        }
    }
    let mut problems = Vec::new();
    for (path, writers) in written.iter().filter(|(path, _)| !path.as_os_str().is_empty()) {
        let title = |id: &NodeId| format!("“{}”", plan.nodes[id].title);
        for (place, writer) in writers.iter().enumerate() {
            let (others, verb) = match read.get(path) {
                Some(reader) => (title(reader), "reads"),
                None if place > 0 => (title(writers[0]), "writes"),
                None => continue,
            };
            let message = format!("{others} {verb} `{}` already: choose another file for one of them.", path.display());
            problems.push(Diagnostic::error("same_file", message).at_node(writer).at_param("path"));
        }
    }
    problems
}

/// The path without `.` and without doubled separators.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}
