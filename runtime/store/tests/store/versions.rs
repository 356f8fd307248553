//! Databases of earlier versions open with everything that was in them; `compat/` keeps a dump of each.

use millrace_model::run::RunState;
use rusqlite::Connection;

use crate::{draft, files_of, open, step};

#[test]
fn an_empty_file_becomes_a_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("millrace.db");
    std::fs::write(&path, b"").expect("written");
    assert!(open(&path).projects().expect("a list").is_empty());
    assert_eq!(files_of(folder.path()).len(), 1);
}

#[test]
fn a_database_without_tables_and_version_gets_all_of_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("millrace.db");
    let connection = Connection::open(&path).expect("opens");
    connection.execute_batch("VACUUM").expect("written");
    drop(connection);
    assert!(std::fs::metadata(&path).expect("there").len() > 0, "it is a SQLite file, not an empty one");
    let project = open(&path).create_project(&crate::new_project("One"), 1).expect("created");
    assert_eq!(open(&path).project(project).expect("there").name, "One");
}

#[test]
fn a_database_of_version_1_opens_with_all_it_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("millrace.db");
    let connection = Connection::open(&path).expect("opens");
    connection.execute_batch(include_str!("compat/version_1.sql")).expect("the dump runs");
    drop(connection);

    let store = open(&path);
    let row = store.project(7).expect("there");
    assert_eq!((row.name.as_str(), row.version, row.cursor), ("Fleet", 3, 1));
    assert_eq!(row.text, "{\"format\": 1, \"name\": \"Fleet\", \"nodes\": {}, \"wires\": []}\n");
    assert_eq!(row.folder.as_deref(), Some("/home/somebody/fleet"));
    assert_eq!(row.steps, [step("Rename"), step("Rename again")]);
    assert_eq!(store.revisions(7).expect("a list")[0].name, "As agreed");
    assert_eq!(store.revision_text(7, 4).expect("a text"), "{}\n");
    let runs = store.runs(7).expect("a list");
    assert_eq!((runs[0].state, runs[0].ended_ms), (RunState::Running, None));
    assert_eq!((runs[1].state, runs[1].metrics.as_ref().map(|m| m.elapsed_ms)), (RunState::Done, Some(1500)));
    assert_eq!(store.setting("theme").expect("readable"), Some(serde_json::json!("dark")));
    assert_eq!(store.save_draft(&draft(7, 3, 2, "goes on"), 9).expect("saved"), 4);
}
