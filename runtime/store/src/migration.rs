//! The versions of the database, each one a SQL file that was never changed after it was released.
//!
//! The version stands in `user_version`, and `application_id` says that the file is ours. A change to the tables is a
//! new file here, a dump of the version before in `tests/store/compat`, and nothing else.

use std::path::Path;

use rusqlite::{Connection, ErrorCode};
use rusqlite_migration::{M, Migrations};

use crate::error::StoreError;

/// `Mllr` in ASCII.
pub(crate) const APPLICATION_ID: i64 = 0x4D6C_6C72;

const STEPS: &[M<'_>] =
    &[M::up(include_str!("migrations/0001_first.sql")), M::up(include_str!("migrations/0002_captures.sql"))];

pub(crate) const SUPPORTED_VERSION: i64 = STEPS.len() as i64;

/// Turns write-ahead logging on. SQLite does not wait for a lock here, so two processes that make one database at the
/// same moment must take turns by themselves.
pub(crate) fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let mut tries = 0;
    loop {
        let result = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        match result {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && tries < 100 => {
                tries += 1;
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            result => return result.map(drop),
        }
    }
}

/// Brings the database to the present version, all steps in one transaction.
pub(crate) fn to_latest(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let migrations = Migrations::from_slice(STEPS);
    loop {
        let before = version(connection, path)?;
        if before > SUPPORTED_VERSION {
            return Err(StoreError::Newer { path: path.to_owned(), found: before, supported: SUPPORTED_VERSION });
        }
        let Err(error) = migrations.to_latest(connection) else { return Ok(()) };
        // Another process may have migrated between the look at the version and the transaction.
        if version(connection, path)? == before {
            return Err(StoreError::Migration { path: path.to_owned(), reason: error.to_string() });
        }
    }
}

fn version(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|source| StoreError::opening(path, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_runs_and_marks_the_file_as_ours() {
        Migrations::from_slice(STEPS).validate().expect("the migrations run one after the other");
        let mut connection = Connection::open_in_memory().expect("memory");
        to_latest(&mut connection, Path::new(":memory:")).expect("migrated");
        let id: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0)).expect("an id");
        assert_eq!(id, APPLICATION_ID);
    }
}
