//! Looks at a database file before anything may write to it.
//!
//! Everything here only reads. A database that nobody has open is read as immutable, so that not even SQLite's side
//! files appear; one with a write-ahead log beside it (another process, or a crash) is opened read-only with that log,
//! because the log belongs to its content.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use crate::error::StoreError;
use crate::migration::{APPLICATION_ID, SUPPORTED_VERSION};

const HEADER_BYTES: usize = 100;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// # Errors
/// When there is a file at `path` that is not a sound project database of this or an older version.
pub(crate) fn refuse_unless_ours(path: &Path) -> Result<(), StoreError> {
    let unusable = |error: std::io::Error| StoreError::Unusable { path: path.to_owned(), reason: error.to_string() };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unusable(error)),
    };
    let mut header = Vec::with_capacity(HEADER_BYTES);
    file.by_ref().take(HEADER_BYTES as u64).read_to_end(&mut header).map_err(unusable)?;
    let damaged = |reason: &str| StoreError::Damaged { path: path.to_owned(), reason: reason.to_owned() };
    if header.is_empty() {
        // SQLite would throw the log away together with what it holds.
        return if num_bytes(&beside(path, "-wal")) > 0 {
            Err(damaged("the file is empty, but its write-ahead log is not"))
        } else {
            Ok(())
        };
    }
    if header.len() < HEADER_BYTES || !header.starts_with(MAGIC) {
        return Err(damaged("it does not begin as a SQLite database does"));
    }
    drop(file);

    if beside(path, "-journal").exists() {
        // A transaction was torn before the database had its log; only a writer may roll it back.
        return Ok(());
    }
    match inspect(path, !beside(path, "-wal").exists()) {
        // Somebody opened the database meanwhile, and what was read as immutable moved.
        Err(StoreError::Damaged { .. }) if beside(path, "-wal").exists() => inspect(path, false),
        result => result,
    }
}

fn inspect(path: &Path, is_immutable: bool) -> Result<(), StoreError> {
    let at = |source: rusqlite::Error| StoreError::opening(path, source);
    let absolute = std::path::absolute(path)
        .map_err(|error| StoreError::Unusable { path: path.to_owned(), reason: error.to_string() })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = if is_immutable {
        Connection::open_with_flags(immutable_uri(&absolute), flags | OpenFlags::SQLITE_OPEN_URI)
    } else {
        Connection::open_with_flags(&absolute, flags)
    }
    .map_err(at)?;
    connection.busy_timeout(crate::BUSY_TIMEOUT).map_err(at)?;

    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).map_err(at);
    let application = number("application_id")?;
    let version = number("user_version")?;
    if application != APPLICATION_ID {
        let num_objects: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(at)?;
        let is_unused = application == 0 && version == 0 && num_objects == 0;
        return if is_unused { Ok(()) } else { Err(StoreError::Foreign { path: path.to_owned() }) };
    }
    if version > SUPPORTED_VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), found: version, supported: SUPPORTED_VERSION });
    }
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(at)?;
    if verdict != "ok" {
        return Err(StoreError::Damaged { path: path.to_owned(), reason: verdict });
    }
    Ok(())
}

/// SQLite reads `%`, `?` and `#` of a URI as its own.
fn immutable_uri(absolute: &Path) -> String {
    let path = absolute.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("file:{path}?immutable=1")
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn num_bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}
