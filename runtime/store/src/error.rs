//! What can go wrong with the database, in words for the person at the screen.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why the store cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the folder {} for the project database cannot be made: {source}. Check its permissions, or name another database", path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("the project database {} cannot be opened: {reason}. Check the path and its permissions, or name another database", path.display())]
    Unusable { path: PathBuf, reason: String },
    #[error(
        "the project database {} is damaged ({reason}). Nothing in it was changed. Move the file away or put a copy back, then start again; or name another database",
        path.display()
    )]
    Damaged { path: PathBuf, reason: String },
    #[error(
        "the project database {} was written by a newer Millrace (version {found} of the database; this one reads up to {supported}). Nothing in it was changed. Open it with the newer Millrace, or name another database",
        path.display()
    )]
    Newer { path: PathBuf, found: i64, supported: i64 },
    #[error("{} is not a project database of Millrace. Nothing in it was changed. Name another file", path.display())]
    Foreign { path: PathBuf },
    #[error("the project database {} cannot be brought to the present version: {reason}", path.display())]
    Migration { path: PathBuf, reason: String },
    #[error("there is no project {project}")]
    NoSuchProject { project: i64 },
    #[error("a revision needs a name")]
    UnnamedRevision,
    #[error("project {project} has no revision {revision}")]
    NoSuchRevision { project: i64, revision: i64 },
    #[error("project {project} has no capture {capture}")]
    NoSuchCapture { project: i64, capture: i64 },
    #[error("a capture needs a name")]
    UnnamedCapture,
    #[error("the project has {most} captures, and no more are kept. Delete one of them, then capture again")]
    TooManyCaptures { most: usize },
    #[error(
        "project {project} was changed elsewhere (it is at version {found}, this change builds on version {expected}). Open it again to go on from there"
    )]
    Conflict { project: i64, expected: u64, found: u64 },
    #[error(
        "the history sent for project {project} does not fit the saved one ({keep} steps to keep, {saved} saved). Open it again to go on from there"
    )]
    HistoryGap { project: i64, keep: usize, saved: usize },
    #[error("{what} in the project database cannot be read: {reason}")]
    Unreadable { what: String, reason: String },
    #[error("the project database is in use by another program that does not let go of it. Close that, then try again")]
    Busy,
    #[error("the disk of the project database is full. Make room, then try again")]
    DiskFull,
    #[error("the project database cannot be used: {0}")]
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            _ => Self::Sqlite(error),
        }
    }
}

impl StoreError {
    /// An error of SQLite while the database at `path` was being opened.
    pub(crate) fn opening(path: &Path, error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Damaged { path: path.to_owned(), reason: error.to_string() }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            _ => Self::Unusable { path: path.to_owned(), reason: error.to_string() },
        }
    }
}
