//! Captures are kept whole until somebody deletes them, and only so many.

use millrace_store::{CaptureRow, CaptureTrack, MAX_CAPTURES, Store, StoreError};

use crate::{new_project, open};

fn row(name: &str) -> CaptureRow {
    CaptureRow {
        id: 0,
        name: name.to_owned(),
        of_wire: Some("[\"a.rows\",\"b.rows\"]".to_owned()),
        taken_ms: 1_795_000_000_000,
        began_ms: 20,
        duration_ms: 1_500,
        num_rows: 12,
        num_bytes: 0,
        is_full: true,
    }
}

fn tracks() -> Vec<CaptureTrack> {
    let track = |node: &str, rows| CaptureTrack { node: node.to_owned(), moments: "[]".to_owned(), rows };
    vec![track("a", vec![(0, vec![1, 2, 3]), (2, vec![0; 100_000])]), track("b", Vec::new())]
}

fn names(store: &Store, project: i64) -> Vec<String> {
    store.captures(project).expect("a list").into_iter().map(|row| row.name).collect()
}

#[test]
fn a_capture_survives_a_restart_with_every_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("millrace.db");
    let (project, id) = {
        let store = open(&path);
        let project = store.create_project(&new_project("One"), 1).expect("created");
        (project, store.add_capture(project, &row("Morning"), &tracks()).expect("kept").0)
    };
    let store = open(&path);
    let (kept, given) = store.capture(project, id).expect("there");
    let num_bytes = 100_003 + 2 * 2;
    assert_eq!(kept, CaptureRow { id, num_bytes, ..row("Morning") });
    assert_eq!(given, tracks());
    store.rename_capture(project, id, "Evening").expect("renamed");
    assert_eq!(names(&store, project), ["Evening"]);
    assert!(matches!(store.rename_capture(project, id, " "), Err(StoreError::UnnamedCapture)));
}

#[test]
fn captures_go_with_their_project_and_when_they_are_deleted() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("millrace.db");
    let store = open(&path);
    let [one, other] = ["One", "Other"].map(|name| store.create_project(&new_project(name), 1).expect("created"));
    let [first, second] = [one, one].map(|project| store.add_capture(project, &row(""), &tracks()).expect("kept").0);
    assert_eq!(names(&store, one), ["Capture 2", "Capture 1"]);
    assert!(matches!(store.delete_capture(other, first), Err(StoreError::NoSuchCapture { .. })), "it is of another");
    store.delete_capture(one, first).expect("deleted");
    assert!(matches!(store.capture(one, first), Err(StoreError::NoSuchCapture { .. })));
    store.add_capture(one, &row(""), &tracks()).expect("kept");
    assert_eq!(names(&store, one), ["Capture 1", "Capture 2"], "the name is free again");
    store.delete_project(one).expect("deleted");
    assert!(matches!(store.capture(one, second), Err(StoreError::NoSuchProject { .. })));
    let connection = rusqlite::Connection::open(&path).expect("opens");
    for table in ["captures", "capture_tracks", "capture_rows"] {
        let count: i64 =
            connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).expect("a count");
        assert_eq!(count, 0, "{table}");
    }
}

#[test]
fn one_capture_too_many_is_refused_and_none_is_lost() {
    let store = Store::in_memory().expect("memory");
    let project = store.create_project(&new_project("One"), 1).expect("created");
    for _ in 0..MAX_CAPTURES {
        store.add_capture(project, &row(""), &tracks()).expect("kept");
    }
    let refused = store.add_capture(project, &row(""), &tracks()).expect_err("there are too many");
    assert!(refused.to_string().contains("20 captures"), "{refused}");
    assert_eq!(names(&store, project).len(), MAX_CAPTURES);
}
