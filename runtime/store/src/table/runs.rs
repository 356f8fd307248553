//! Runs: when each began and ended, how, and its last counters. Only the newest of each project are kept.

use millrace_model::run::{RunMetrics, RunState};
use rusqlite::params;

use crate::Store;
use crate::error::StoreError;

/// Runs kept for each project.
const KEPT_RUNS: i64 = 100;

/// A run in the list of runs.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    pub id: i64,
    pub started_ms: i64,
    /// None while it goes on, or when its process ended with it.
    pub ended_ms: Option<i64>,
    pub state: RunState,
    /// The last counters, once it is over.
    pub metrics: Option<RunMetrics>,
}

impl Store {
    /// Notes that a run of `project` begins and gives its id, which no other run of this database has.
    ///
    /// # Errors
    /// When there is no such project, or the database cannot be written.
    pub fn begin_run(&self, project: i64, now_ms: i64) -> Result<i64, StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        crate::table::projects::version(&transaction, project)?;
        transaction.execute(
            "INSERT INTO runs (project, started_ms, state) VALUES (?1, ?2, ?3)",
            params![project, now_ms, word(RunState::Running)],
        )?;
        let id = transaction.last_insert_rowid();
        transaction.execute(
            "DELETE FROM runs WHERE project = ?1 AND id NOT IN
             (SELECT id FROM runs WHERE project = ?1 ORDER BY id DESC LIMIT ?2)",
            [project, KEPT_RUNS],
        )?;
        transaction.commit()?;
        Ok(id)
    }

    /// Notes how a run ended. A run whose project was deleted meanwhile is no longer noted.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn end_run(&self, run: i64, metrics: &RunMetrics, now_ms: i64) -> Result<(), StoreError> {
        let text = serde_json::to_string(metrics).map_err(|error| StoreError::Unreadable {
            what: format!("the metrics of run {run}"),
            reason: error.to_string(),
        })?;
        self.connection().execute(
            "UPDATE runs SET ended_ms = ?2, state = ?3, metrics = ?4 WHERE id = ?1",
            params![run, now_ms, word(metrics.state), text],
        )?;
        Ok(())
    }

    /// The runs of a project, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn runs(&self, project: i64) -> Result<Vec<RunRow>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT id, started_ms, ended_ms, state, metrics FROM runs WHERE project = ?1 ORDER BY id DESC",
        )?;
        let mut rows = statement.query([project])?;
        let mut runs = Vec::new();
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let unreadable = |error: serde_json::Error| StoreError::Unreadable {
                what: format!("run {id}"),
                reason: error.to_string(),
            };
            let metrics: Option<String> = row.get(4)?;
            runs.push(RunRow {
                id,
                started_ms: row.get(1)?,
                ended_ms: row.get(2)?,
                state: serde_json::from_value(row.get::<_, String>(3)?.into()).map_err(unreadable)?,
                metrics: metrics.map(|text| serde_json::from_str(&text)).transpose().map_err(unreadable)?,
            });
        }
        Ok(runs)
    }
}

/// The word of the model's own JSON form, so that reading and writing agree.
fn word(state: RunState) -> String {
    match serde_json::to_value(state) {
        Ok(serde_json::Value::String(word)) => word,
        _ => state.word().to_lowercase(),
    }
}
