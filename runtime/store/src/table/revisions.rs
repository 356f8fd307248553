//! Named revisions: the text of a project as it was when somebody gave it a name.

use rusqlite::{OptionalExtension, params};

use crate::Store;
use crate::error::StoreError;
use crate::table::projects;

/// A revision without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionRow {
    pub id: i64,
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
    /// When there is no such project, or the database cannot be written.
    pub fn save_revision(&self, project: i64, name: &str, now_ms: i64) -> Result<i64, StoreError> {
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
