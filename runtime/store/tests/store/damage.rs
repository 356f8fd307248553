//! What must not be touched is not touched: damaged files, other programs' files, newer databases.

use std::path::{Path, PathBuf};

use millrace_store::{Store, StoreError};
use rusqlite::Connection;

use crate::{draft, files_of, new_project, open};

/// A database with some pages, closed, so that only the one file is there.
fn a_database(folder: &Path) -> PathBuf {
    let path = folder.join("millrace.db");
    let store = open(&path);
    let project = store.create_project(&new_project("One"), 1).expect("created");
    for version in 1..40 {
        let text = format!("{version} {}", "some text ".repeat(300));
        store.save_draft(&draft(project, version, version as usize - 1, &text), 2).expect("saved");
    }
    drop(store);
    assert_eq!(files_of(folder).len(), 1, "SQLite's side files go when the last user closes");
    path
}

/// Opening fails, and not a byte of the folder differs afterwards, even when tried twice.
fn refused(path: &Path) -> StoreError {
    let folder = path.parent().expect("a folder");
    let before = files_of(folder);
    let first = Store::open(path).map(drop).expect_err("must be refused");
    let again = Store::open(path).map(drop).expect_err("must be refused again");
    assert_eq!(first.to_string(), again.to_string());
    assert!(files_of(folder) == before, "the folder was changed");
    let message = first.to_string();
    assert!(message.contains(&path.display().to_string()), "the message names the file: {message}");
    first
}

fn damaged(path: &Path) {
    let error = refused(path);
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("Nothing in it was changed"), "{error}");
}

#[test]
fn a_file_of_garbage_is_refused_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("millrace.db");
    for bytes in [b"x".to_vec(), b"not a database at all".to_vec(), vec![0; 100_000], b"SQLite format 3\0".to_vec()] {
        std::fs::write(&path, bytes).expect("written");
        damaged(&path);
    }
}

#[test]
fn a_truncated_database_is_refused_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = a_database(folder.path());
    let whole = std::fs::read(&path).expect("readable");
    for length in [whole.len() - 4096, whole.len() / 2, 4096, 5000, 50] {
        std::fs::write(&path, &whole[..length]).expect("written");
        damaged(&path);
    }
}

#[test]
fn a_database_with_torn_pages_is_refused_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = a_database(folder.path());
    let whole = std::fs::read(&path).expect("readable");
    // The schema's page behind the header, then pages of the tables.
    for at in [108, 4096, 8192, 12288] {
        let mut torn = whole.clone();
        torn[at..at + 64].fill(0xA5);
        std::fs::write(&path, torn).expect("written");
        damaged(&path);
    }
}

#[test]
fn damage_beside_the_log_of_a_crash_is_refused_and_both_are_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("millrace.db");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let source = a_database(elsewhere.path());
    let store = open(&source);
    store.create_project(&new_project("In the log"), 3).expect("created");
    // While the store is open the log is full; a copy is what a crash leaves.
    // A page of the steps, of which the log has no newer copy.
    let mut torn = std::fs::read(&source).expect("readable");
    torn[12288..12288 + 64].fill(0xA5);
    std::fs::write(&path, torn).expect("written");
    for suffix in ["-wal", "-shm"] {
        let from = format!("{}{suffix}", source.display());
        std::fs::copy(from, format!("{}{suffix}", path.display())).expect("copied");
    }
    let content = |suffix: &str| std::fs::read(format!("{}{suffix}", path.display())).expect("readable");
    let before = (content(""), content("-wal"));
    let error = Store::open(&path).map(drop).expect_err("must be refused");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!((content(""), content("-wal")) == before, "the database or its log was changed");
}

#[test]
fn an_emptied_file_whose_log_still_holds_data_is_refused_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("millrace.db");
    std::fs::write(&path, b"").expect("written");
    std::fs::write(format!("{}-wal", path.display()), [1; 5000]).expect("written");
    damaged(&path);
}

#[test]
fn a_newer_database_is_refused_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = a_database(folder.path());
    let connection = Connection::open(&path).expect("opens");
    connection.pragma_update(None, "user_version", 1_000).expect("set");
    drop(connection);
    let error = refused(&path);
    assert!(matches!(error, StoreError::Newer { found: 1_000, .. }), "{error}");
}

#[test]
fn a_newer_version_that_stands_only_in_the_log_is_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = a_database(folder.path());
    let newer_program = Connection::open(&path).expect("opens");
    newer_program.pragma_update(None, "user_version", 1_000).expect("set");
    let error = Store::open(&path).map(drop).expect_err("must be refused");
    assert!(matches!(error, StoreError::Newer { found: 1_000, .. }), "{error}");
}

#[test]
fn a_database_of_another_program_is_refused_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("places.sqlite");
    let connection = Connection::open(&path).expect("opens");
    connection.execute_batch("CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('a');").expect("made");
    drop(connection);
    let error = refused(&path);
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");

    let marked = folder.path().join("marked.sqlite");
    let connection = Connection::open(&marked).expect("opens");
    connection.pragma_update(None, "application_id", 42).expect("set");
    drop(connection);
    let error = refused(&marked);
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
}

#[test]
fn a_path_that_cannot_be_a_database_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = folder.path().join("millrace.db");
    std::fs::create_dir(&directory).expect("made");
    let error = refused(&directory);
    assert!(matches!(error, StoreError::Unusable { .. }), "{error}");

    let below_a_file = folder.path().join("file/millrace.db");
    std::fs::write(folder.path().join("file"), b"x").expect("written");
    let error = Store::open(&below_a_file).map(drop).expect_err("must be refused");
    assert!(matches!(error, StoreError::Folder { .. }), "{error}");
}

#[test]
fn a_path_with_the_signs_of_a_uri_is_just_a_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("50% of #1?.db");
    for _ in 0..2 {
        open(&path).set_setting("x", &serde_json::json!(1)).expect("written");
    }
    assert_eq!(open(&path).setting("x").expect("readable"), Some(serde_json::json!(1)));
    assert_eq!(files_of(folder.path()).len(), 1);
}
