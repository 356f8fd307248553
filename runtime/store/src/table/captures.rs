//! Captures: what the sources of a run gave, with its time, as texts and bytes that the host makes and reads.
//!
//! A capture is written whole or not at all, and never changed but for its name. A project has at most
//! [`MAX_CAPTURES`]; none is taken away for a new one, because nobody can bring it back.

use rusqlite::params;

use crate::Store;
use crate::error::StoreError;
use crate::table::{projects, signed, unsigned};

/// So many captures a project may have.
pub const MAX_CAPTURES: usize = 20;

/// A capture without what was captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureRow {
    /// Given by the store.
    pub id: i64,
    pub name: String,
    /// The wire that it was taken on, as JSON.
    pub of_wire: Option<String>,
    pub taken_ms: i64,
    /// How long after the start of the run it began.
    pub began_ms: u64,
    pub duration_ms: u64,
    pub num_rows: u64,
    /// Of all its rows in the database.
    pub num_bytes: u64,
    pub is_full: bool,
}

/// What one node gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureTrack {
    pub node: String,
    /// When it gave what, as JSON.
    pub moments: String,
    /// By output port.
    pub rows: Vec<(u64, Vec<u8>)>,
}

impl Store {
    /// Keeps a capture, whose id and size are worked out here, and gives id and name. An empty name becomes the first
    /// `Capture N` that is free.
    ///
    /// # Errors
    /// When there is no such project, it has too many captures, or the database cannot be written.
    pub fn add_capture(
        &self,
        project: i64,
        row: &CaptureRow,
        tracks: &[CaptureTrack],
    ) -> Result<(i64, String), StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        projects::version(&transaction, project)?;
        let names: Vec<String> = transaction
            .prepare_cached("SELECT name FROM captures WHERE project = ?1")?
            .query_map([project], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        if names.len() >= MAX_CAPTURES {
            return Err(StoreError::TooManyCaptures { most: MAX_CAPTURES });
        }
        let free = (1..).map(|number| format!("Capture {number}")).find(|name| !names.contains(name));
        let name = if row.name.trim().is_empty() { free.unwrap_or_default() } else { row.name.clone() };
        let num_bytes: usize = tracks
            .iter()
            .map(|track| track.moments.len() + track.rows.iter().map(|(_, bytes)| bytes.len()).sum::<usize>())
            .sum();
        transaction.execute(
            "INSERT INTO captures
             (project, name, of_wire, taken_ms, began_ms, duration_ms, num_rows, num_bytes, is_full)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                project,
                name,
                row.of_wire,
                row.taken_ms,
                signed(row.began_ms),
                signed(row.duration_ms),
                signed(row.num_rows),
                signed(num_bytes as u64),
                row.is_full
            ],
        )?;
        let id = transaction.last_insert_rowid();
        for track in tracks {
            transaction.execute(
                "INSERT INTO capture_tracks (capture, node, moments) VALUES (?1, ?2, ?3)",
                params![id, track.node, track.moments],
            )?;
            for (port, batches) in &track.rows {
                transaction.execute(
                    "INSERT INTO capture_rows (capture, node, port, batches) VALUES (?1, ?2, ?3, ?4)",
                    params![id, track.node, signed(*port), batches],
                )?;
            }
        }
        transaction.commit()?;
        Ok((id, name))
    }

    /// The captures of a project, newest first.
    ///
    /// # Errors
    /// When there is no such project, or the database cannot be read.
    pub fn captures(&self, project: i64) -> Result<Vec<CaptureRow>, StoreError> {
        let connection = self.connection();
        projects::version(&connection, project)?;
        let mut statement = connection.prepare_cached(
            "SELECT id, name, of_wire, taken_ms, began_ms, duration_ms, num_rows, num_bytes, is_full
             FROM captures WHERE project = ?1 ORDER BY id DESC",
        )?;
        let rows = statement.query_map([project], |row| {
            Ok(CaptureRow {
                id: row.get(0)?,
                name: row.get(1)?,
                of_wire: row.get(2)?,
                taken_ms: row.get(3)?,
                began_ms: unsigned(row.get(4)?),
                duration_ms: unsigned(row.get(5)?),
                num_rows: unsigned(row.get(6)?),
                num_bytes: unsigned(row.get(7)?),
                is_full: row.get(8)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// One capture with all that was captured.
    ///
    /// # Errors
    /// When the project has no such capture, or the database cannot be read.
    pub fn capture(&self, project: i64, capture: i64) -> Result<(CaptureRow, Vec<CaptureTrack>), StoreError> {
        let row = self.captures(project)?.into_iter().find(|row| row.id == capture);
        let row = row.ok_or(StoreError::NoSuchCapture { project, capture })?;
        let connection = self.connection();
        let mut tracks: Vec<CaptureTrack> = connection
            .prepare_cached("SELECT node, moments FROM capture_tracks WHERE capture = ?1 ORDER BY node")?
            .query_map([capture], |row| Ok(CaptureTrack { node: row.get(0)?, moments: row.get(1)?, rows: Vec::new() }))?
            .collect::<Result<_, _>>()?;
        let mut statement = connection
            .prepare_cached("SELECT port, batches FROM capture_rows WHERE capture = ?1 AND node = ?2 ORDER BY port")?;
        for track in &mut tracks {
            let rows =
                statement.query_map(params![capture, track.node], |row| Ok((unsigned(row.get(0)?), row.get(1)?)))?;
            track.rows = rows.collect::<Result<_, _>>()?;
        }
        Ok((row, tracks))
    }

    /// Gives a capture another name.
    ///
    /// # Errors
    /// When the name is empty, the project has no such capture, or the database cannot be written.
    pub fn rename_capture(&self, project: i64, capture: i64, name: &str) -> Result<(), StoreError> {
        if name.trim().is_empty() {
            return Err(StoreError::UnnamedCapture);
        }
        let sql = "UPDATE captures SET name = ?3 WHERE project = ?1 AND id = ?2";
        match self.connection().execute(sql, params![project, capture, name])? {
            0 => Err(StoreError::NoSuchCapture { project, capture }),
            _ => Ok(()),
        }
    }

    /// Forgets a capture and everything in it.
    ///
    /// # Errors
    /// When the project has no such capture, or the database cannot be written.
    pub fn delete_capture(&self, project: i64, capture: i64) -> Result<(), StoreError> {
        match self.connection().execute("DELETE FROM captures WHERE project = ?1 AND id = ?2", [project, capture])? {
            0 => Err(StoreError::NoSuchCapture { project, capture }),
            _ => Ok(()),
        }
    }
}
