//! The store from outside: drafts, damage, old versions, other programs' files, and a process that is killed.

mod captures;
mod crash;
mod damage;
mod drafts;
mod versions;

use std::path::Path;

use millrace_model::{Edit, Step};
use millrace_store::{Draft, NewProject, Store};

fn new_project(name: &str) -> NewProject {
    NewProject { name: name.to_owned(), text: format!("text of {name}"), folder: None, num_nodes: 0 }
}

fn step(label: &str) -> Step {
    let edit = |name: &str| vec![Edit::SetName { name: name.to_owned() }];
    Step { label: label.to_owned(), forward: edit(label), backward: edit("before"), merge: None }
}

/// A draft on `version` whose text is `text` and that adds one step named so.
fn draft(project: i64, version: u64, keep_steps: usize, text: &str) -> Draft {
    Draft {
        project,
        version,
        name: "Draft".to_owned(),
        text: text.to_owned(),
        num_nodes: 3,
        keep_steps,
        new_steps: vec![step(text)],
        cursor: keep_steps + 1,
    }
}

fn open(path: &Path) -> Store {
    Store::open(path).unwrap_or_else(|error| panic!("{error}"))
}

/// Every file in `folder` with its bytes, sorted by name.
fn files_of(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, if path.is_file() { std::fs::read(&path).expect("a readable file") } else { Vec::new() })
        })
        .collect();
    files.sort();
    files
}
