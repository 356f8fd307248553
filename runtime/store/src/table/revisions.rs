//! Revisions: the text of a project as it was at some time, named by somebody or kept by itself.
//!
//! A revision without a name was kept by itself, so that an earlier state can be found though nobody thought of it:
//! before a draft is written over, when none was kept for [`AUTOMATIC_INTERVAL_MS`]. The newest [`MAX_AUTOMATIC`] of
//! them stay; named ones always do.

use rusqlite::{Connection, OptionalExtension, params};

use crate::Store;
use crate::error::StoreError;
use crate::table::projects;

/// The least time from one revision to the next that is kept by itself.
pub const AUTOMATIC_INTERVAL_MS: i64 = 10 * 60 * 1_000;
/// So many that were kept by themselves stay.
pub const MAX_AUTOMATIC: usize = 50;

/// A revision without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionRow {
    pub id: i64,
    /// Empty where it was kept by itself.
    pub name: String,
    pub saved_ms: i64,
}

impl Store {
    /// The revisions of a project, newest first.
    ///
    /// # Errors
    /// When there is no such project, or the database cannot be read.
    pub fn revisions(&self, project: i64) -> Result<Vec<RevisionRow>, StoreError> {
        let connection = self.connection();
        projects::version(&connection, project)?;
        let mut statement = connection
            .prepare_cached("SELECT id, name, saved_ms FROM revisions WHERE project = ?1 ORDER BY id DESC")?;
        let rows = statement.query_map([project], |row| {
            Ok(RevisionRow { id: row.get(0)?, name: row.get(1)?, saved_ms: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps the present text of a project under `name` and gives the revision's id.
    ///
    /// # Errors
    /// When the name is empty, there is no such project, or the database cannot be written.
    pub fn save_revision(&self, project: i64, name: &str, now_ms: i64) -> Result<i64, StoreError> {
        refuse_empty(name)?;
        let connection = self.connection();
        let written = connection.execute(
            "INSERT INTO revisions (project, name, text, saved_ms) SELECT id, ?2, text, ?3 FROM projects WHERE id = ?1",
            params![project, name, now_ms],
        )?;
        if written == 0 {
            return Err(StoreError::NoSuchProject { project });
        }
        Ok(connection.last_insert_rowid())
    }

    /// Gives a revision another name; one that was kept by itself then stays.
    ///
    /// # Errors
    /// When the name is empty, the project has no such revision, or the database cannot be written.
    pub fn rename_revision(&self, project: i64, revision: i64, name: &str) -> Result<(), StoreError> {
        refuse_empty(name)?;
        let sql = "UPDATE revisions SET name = ?3 WHERE project = ?1 AND id = ?2";
        match self.connection().execute(sql, params![project, revision, name])? {
            0 => Err(StoreError::NoSuchRevision { project, revision }),
            _ => Ok(()),
        }
    }

    /// The text of a revision.
    ///
    /// # Errors
    /// When the project has no such revision, or the database cannot be read.
    pub fn revision_text(&self, project: i64, revision: i64) -> Result<String, StoreError> {
        self.connection()
            .prepare_cached("SELECT text FROM revisions WHERE project = ?1 AND id = ?2")?
            .query_row([project, revision], |row| row.get(0))
            .optional()?
            .ok_or(StoreError::NoSuchRevision { project, revision })
    }
}

fn refuse_empty(name: &str) -> Result<(), StoreError> {
    if name.trim().is_empty() { Err(StoreError::UnnamedRevision) } else { Ok(()) }
}

/// Keeps the text that a project has, which is about to be written over with `next`, if it is time to.
pub(crate) fn keep_automatic(connection: &Connection, project: i64, next: &str, now_ms: i64) -> Result<(), StoreError> {
    let newest: Option<(i64, String)> = connection
        .prepare_cached("SELECT saved_ms, text FROM revisions WHERE project = ?1 ORDER BY id DESC LIMIT 1")?
        .query_row([project], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let present: String =
        connection.prepare_cached("SELECT text FROM projects WHERE id = ?1")?.query_row([project], |row| row.get(0))?;
    let is_time = newest
        .as_ref()
        .is_none_or(|(saved_ms, text)| now_ms.saturating_sub(*saved_ms) >= AUTOMATIC_INTERVAL_MS && *text != present);
    if !is_time || present == next {
        return Ok(());
    }
    connection
        .prepare_cached("INSERT INTO revisions (project, name, text, saved_ms) VALUES (?1, '', ?2, ?3)")?
        .execute(params![project, present, now_ms])?;
    connection
        .prepare_cached(
            "DELETE FROM revisions WHERE project = ?1 AND name = '' AND id NOT IN
             (SELECT id FROM revisions WHERE project = ?1 AND name = '' ORDER BY id DESC LIMIT ?2)",
        )?
        .execute(params![project, crate::table::signed(MAX_AUTOMATIC as u64)])?;
    Ok(())
}
