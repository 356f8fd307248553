//! Projects: the present text of each, its version and where its undo history stands.
//!
//! A draft names the version that it builds on. A save with another version is refused, so that two windows can never
//! write over each other; the text and the steps of one save are written in one transaction.

use millrace_model::Step;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::Store;
use crate::error::StoreError;
use crate::table::{revisions, signed, steps, unsigned};

/// What a project begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProject {
    pub name: String,
    pub text: String,
    /// Where relative paths start.
    pub folder: Option<String>,
    pub num_nodes: usize,
}

/// A project as it was last saved.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectRow {
    pub id: i64,
    pub name: String,
    pub text: String,
    pub version: u64,
    pub folder: Option<String>,
    pub steps: Vec<Step>,
    pub cursor: usize,
}

/// A project in the list of projects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectSummary {
    pub id: i64,
    pub name: String,
    pub changed_ms: i64,
    pub num_nodes: usize,
}

/// A save: the present text, and what the history gained.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    pub project: i64,
    /// The version this draft builds on.
    pub version: u64,
    pub name: String,
    pub text: String,
    pub num_nodes: usize,
    /// How many of the saved steps still hold; the rest are forgotten.
    pub keep_steps: usize,
    pub new_steps: Vec<Step>,
    pub cursor: usize,
}

impl Store {
    /// All projects, the one changed last first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn projects(&self) -> Result<Vec<ProjectSummary>, StoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached("SELECT id, name, changed_ms, num_nodes FROM projects ORDER BY changed_ms DESC, id")?;
        let rows = statement.query_map([], |row| {
            Ok(ProjectSummary {
                id: row.get(0)?,
                name: row.get(1)?,
                changed_ms: row.get(2)?,
                num_nodes: unsigned(row.get(3)?) as usize,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Adds a project and gives its id; ids are never given twice.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn create_project(&self, project: &NewProject, now_ms: i64) -> Result<i64, StoreError> {
        let connection = self.connection();
        connection.execute(
            "INSERT INTO projects (name, text, version, folder, cursor, num_nodes, changed_ms)
             VALUES (?1, ?2, 1, ?3, 0, ?4, ?5)",
            params![project.name, project.text, project.folder, signed(project.num_nodes as u64), now_ms],
        )?;
        Ok(connection.last_insert_rowid())
    }

    /// # Errors
    /// When there is no such project, or the database cannot be read.
    pub fn project(&self, project: i64) -> Result<ProjectRow, StoreError> {
        let mut connection = self.connection();
        // One snapshot, so that the steps belong to the text.
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Deferred)?;
        let row = transaction
            .prepare_cached("SELECT name, text, version, folder, cursor FROM projects WHERE id = ?1")?
            .query_row([project], |row| project_row(project, row))
            .optional()?
            .ok_or(StoreError::NoSuchProject { project })?;
        let steps = steps::read(&transaction, project)?;
        Ok(ProjectRow { cursor: row.cursor.min(steps.len()), steps, ..row })
    }

    /// Where a project's relative paths start.
    ///
    /// # Errors
    /// When there is no such project, or the database cannot be read.
    pub fn project_folder(&self, project: i64) -> Result<Option<String>, StoreError> {
        self.column(project, "SELECT folder FROM projects WHERE id = ?1")
    }

    /// A project's present text.
    ///
    /// # Errors
    /// When there is no such project, or the database cannot be read.
    pub fn project_text(&self, project: i64) -> Result<String, StoreError> {
        self.column(project, "SELECT text FROM projects WHERE id = ?1")
    }

    fn column<T: rusqlite::types::FromSql>(&self, project: i64, sql: &'static str) -> Result<T, StoreError> {
        self.connection()
            .prepare_cached(sql)?
            .query_row([project], |row| row.get(0))
            .optional()?
            .ok_or(StoreError::NoSuchProject { project })
    }

    /// Saves a draft whole and gives the project's new version.
    ///
    /// # Errors
    /// When the draft builds on another version than the saved one, its steps do not follow the saved ones, or the
    /// database cannot be written; nothing is changed then.
    pub fn save_draft(&self, draft: &Draft, now_ms: i64) -> Result<u64, StoreError> {
        let project = draft.project;
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let found = version(&transaction, project)?;
        if found != draft.version {
            return Err(StoreError::Conflict { project, expected: draft.version, found });
        }
        revisions::keep_automatic(&transaction, project, &draft.text, now_ms)?;
        let num_steps = steps::replace_after(&transaction, project, draft.keep_steps, &draft.new_steps)?;
        if draft.cursor > num_steps {
            return Err(StoreError::HistoryGap { project, keep: draft.cursor, saved: num_steps });
        }
        transaction
            .prepare_cached(
                "UPDATE projects SET name = ?2, text = ?3, version = ?4, cursor = ?5, num_nodes = ?6, changed_ms = ?7
                 WHERE id = ?1",
            )?
            .execute(params![
                project,
                draft.name,
                draft.text,
                signed(found + 1),
                signed(draft.cursor as u64),
                signed(draft.num_nodes as u64),
                now_ms,
            ])?;
        transaction.commit()?;
        Ok(found + 1)
    }

    /// Removes a project with its steps, revisions and runs.
    ///
    /// # Errors
    /// When there is no such project, or the database cannot be written.
    pub fn delete_project(&self, project: i64) -> Result<(), StoreError> {
        match self.connection().execute("DELETE FROM projects WHERE id = ?1", [project])? {
            0 => Err(StoreError::NoSuchProject { project }),
            _ => Ok(()),
        }
    }
}

pub(crate) fn version(connection: &Connection, project: i64) -> Result<u64, StoreError> {
    connection
        .prepare_cached("SELECT version FROM projects WHERE id = ?1")?
        .query_row([project], |row| row.get(0))
        .optional()?
        .map(unsigned)
        .ok_or(StoreError::NoSuchProject { project })
}

fn project_row(id: i64, row: &Row<'_>) -> rusqlite::Result<ProjectRow> {
    Ok(ProjectRow {
        id,
        name: row.get(0)?,
        text: row.get(1)?,
        version: unsigned(row.get(2)?),
        folder: row.get(3)?,
        cursor: unsigned(row.get(4)?) as usize,
        steps: Vec::new(),
    })
}
