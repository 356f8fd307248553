//! The project database: projects with their drafts and undo history, revisions, runs, captures and settings, in SQLite.
//!
//! One file per table under `table/`; what touches several tables happens in one transaction. The store knows no host,
//! engine or protocol: it keeps texts and numbers, and the caller says what time it is. Invariants: a database that
//! cannot be trusted (damaged, of a newer Millrace, of another program) is refused without a byte of it changed, and a
//! save that was acknowledged survives `kill -9`.

mod error;
mod inspect;
mod migration;
mod table;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

pub use error::StoreError;
pub use table::captures::{CaptureRow, CaptureTrack, MAX_CAPTURES};
pub use table::projects::{Draft, NewProject, ProjectRow, ProjectSummary};
pub use table::revisions::{AUTOMATIC_INTERVAL_MS, MAX_AUTOMATIC, RevisionRow};
pub use table::runs::RunRow;

/// How long a statement waits for another process that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// An open project database. Calls block and may be made from any thread.
pub struct Store {
    connection: Mutex<Connection>,
    path: PathBuf,
}

impl Store {
    /// Opens the database at `path`, and makes it with its folder where there is none.
    ///
    /// # Errors
    /// When the file cannot be used or must not be touched; what was there is then as it was.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let at = |source: rusqlite::Error| StoreError::opening(path, source);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|source| StoreError::Folder { path: folder.to_owned(), source })?;
        }
        inspect::refuse_unless_ours(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(at)?;
        Self::prepare(connection, path)
    }

    /// A database in memory, gone when the store is dropped.
    ///
    /// # Errors
    /// When SQLite cannot give one, which means that memory is out.
    pub fn in_memory() -> Result<Self, StoreError> {
        let path = Path::new(":memory:");
        let connection = Connection::open_in_memory().map_err(|source| StoreError::opening(path, source))?;
        Self::prepare(connection, path)
    }

    fn prepare(mut connection: Connection, path: &Path) -> Result<Self, StoreError> {
        let at = |source: rusqlite::Error| StoreError::opening(path, source);
        connection.busy_timeout(BUSY_TIMEOUT).map_err(at)?;
        connection.set_transaction_behavior(TransactionBehavior::Immediate);
        // FULL: a draft is written at most once a second, so one fsync each is not felt, and an acknowledged save
        // then survives a power cut too. NORMAL would only promise that for a killed process.
        connection.pragma_update(None, "synchronous", "FULL").map_err(at)?;
        connection.pragma_update(None, "foreign_keys", true).map_err(at)?;
        migration::write_ahead(&connection).map_err(at)?;
        migration::to_latest(&mut connection, path)?;
        Ok(Self { connection: Mutex::new(connection), path: path.to_owned() })
    }

    /// Where the database is; `:memory:` for one in memory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A number that changes whenever another process has written to this database.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn data_version(&self) -> Result<i64, StoreError> {
        Ok(self.connection().pragma_query_value(None, "data_version", |row| row.get(0))?)
    }

    /// A panic while the connection was held rolls its transaction back, so the connection stays good.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
