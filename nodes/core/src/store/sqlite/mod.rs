//! `store.sqlite`: rows into a table, by a commit in two phases.
//!
//! Rows are written into a staging database of their own (a hidden file beside the database, attached), so that the
//! database itself is locked and changed only in `commit`: there the staged rows up to the prepared one move into the
//! table, in one transaction with a note in `millrace_checkpoint` that this was done. The note makes a second commit do
//! nothing.

mod cell;
mod statements;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use millrace_model::value::FilePath;
use millrace_model::{ColumnRef, PortCard};
use millrace_operator::{BuildContext, CardText, InferContext, Machine, Node, NodeError, Prepared, Probed, Sink};
use rusqlite::{Connection, OptionalExtension, params_from_iter};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::cell::CellReader;
use self::statements::quoted;
use super::{ordered, place};

/// How long to wait for another program that has the database locked.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Writes rows into a table of a SQLite database. Database and table are made when they are missing.
///
/// | column | in SQLite |
/// | --- | --- |
/// | whole numbers, true and false | `INTEGER` |
/// | numbers | `REAL` (not-a-number becomes null) |
/// | texts, times (ISO 8601 in UTC with six digits, so that they sort), dates, decimals | `TEXT` |
/// | lists and objects | `TEXT`, as JSON |
/// | bytes | `BLOB` |
///
/// Rows become visible at each checkpoint and at the end, all at once. If the run fails, what was not committed is not
/// seen. The table `millrace_checkpoint` in the same database notes what was committed; leave it where it is.
///
/// **Delivery:** exactly-once effect; rows and the note of them are committed in one transaction.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The database file. A relative path starts at the pipeline's own folder.
    pub path: FilePath,
    /// The table.
    pub table: String,
    /// What becomes of rows that are there already.
    #[serde(default)]
    pub mode: Mode,
    /// The columns that say which row is which; for *upsert*.
    #[serde(default)]
    pub key: Vec<ColumnRef>,
    /// Writes the rows in order: by their event time, and those of one time by their columns from left to right, so
    /// that the results of a window stand by key and come out the same however the run is spread over the cores. A row
    /// waits until event time has passed it. Off: in the order in which they arrive.
    #[serde(default)]
    pub ordered: bool,
}

/// What becomes of rows that are there already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// They stay, and the new ones are added.
    #[default]
    Append,
    /// They are gone when the first new ones become visible.
    Replace,
    /// A row with the same key is replaced; others stay.
    Upsert,
}

/// The node kind.
pub struct StoreSqlite;

impl Node for StoreSqlite {
    type Params = Params;
    const KIND: &'static str = "store.sqlite";

    fn card() -> CardText {
        CardText::new("SQLite", "Rows into a table of a SQLite database", "database")
            .input(PortCard::rows("Rows to write."))
            .headline("table")
    }

    fn probe(params: &Params, base_dir: &Path) -> Result<Option<Probed>, String> {
        place::check(base_dir, &params.path).map(|()| None)
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        if params.table.starts_with("sqlite_") || params.table == CHECKPOINT_TABLE {
            cx.error("table", "reserved_table", format!("`{}` is a name that is not free.", params.table));
        }
        match params.mode {
            Mode::Upsert if params.key.is_empty() => {
                cx.error("key", "missing_key", "To upsert, name the columns that say which row is which.");
            }
            Mode::Append | Mode::Replace if !params.key.is_empty() => {
                cx.warning("key", "unused_key", "A key is used by the mode `upsert` only.");
            }
            _ => {}
        }
        ordered::check(params.ordered, cx);
        if let Some(schema) = cx.input() {
            for (index, column) in params.key.iter().enumerate() {
                cx.column(&format!("key[{index}]"), column.as_str(), &schema);
            }
            for (index, field) in schema.fields().iter().enumerate() {
                if let Some(twin) =
                    schema.fields()[..index].iter().find(|f| f.name().eq_ignore_ascii_case(field.name()))
                {
                    let message =
                        format!("`{}` and `{}` are one name to SQLite. Rename one.", twin.name(), field.name());
                    cx.error("table", "duplicate_column", message);
                }
            }
        }
        Vec::new()
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let path = cx.resolve(params.path.as_str());
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_ordered = params.ordered;
        let sink = Box::new(SqliteSink {
            staging: path.with_file_name(format!(".{name}.{}.millrace-staging", cx.node)),
            path,
            sink_id: format!("{}/{}", cx.node, params.table),
            params,
            schema: cx.input().clone(),
            connection: None,
            last_id: 0,
            restored: None,
            num_rows: 0,
        });
        Ok(Machine::Sink(ordered::in_order(is_ordered, sink, cx.input())?))
    }
}

const CHECKPOINT_TABLE: &str = "millrace_checkpoint";
const ORDER_COLUMN: &str = "_millrace_row";

struct SqliteSink {
    path: PathBuf,
    staging: PathBuf,
    /// Under which the note in `millrace_checkpoint` is kept.
    sink_id: String,
    params: Params,
    schema: SchemaRef,
    connection: Option<Connection>,
    /// The newest checkpoint that was prepared.
    last_id: i64,
    restored: Option<PreparedRows>,
    num_rows: u64,
}

/// What was staged when a checkpoint was prepared.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct PreparedRows {
    id: i64,
    /// The newest staged row that belongs to it.
    last_row: i64,
    num_rows: u64,
}

impl SqliteSink {
    fn failed(&self, what: &str, error: rusqlite::Error) -> NodeError {
        let advice = match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
                ": another program has it locked"
            }
            Some(rusqlite::ErrorCode::DiskFull) => ": the disk is full",
            Some(rusqlite::ErrorCode::NotADatabase) => ": it is not a SQLite database",
            _ => "",
        };
        let message = format!("table `{}` of `{}` {what}{advice}", self.params.table, self.params.path);
        NodeError::external(message).with_source(error)
    }

    fn connection(&mut self) -> Result<&mut Connection, NodeError> {
        self.connection.as_mut().ok_or_else(|| NodeError::internal("the database is not open"))
    }

    /// Whether the table that is there can take the rows.
    fn check_table(&self, connection: &Connection) -> Result<(), NodeError> {
        let found: Vec<String> = connection
            .prepare("SELECT name FROM pragma_table_info(?1, 'main')")
            .and_then(|mut statement| statement.query_map([&self.params.table], |row| row.get(0))?.collect())
            .map_err(|error| self.failed("cannot be read", error))?;
        if found.is_empty() {
            return Ok(());
        }
        let missing: Vec<&str> = self
            .schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .filter(|name| found.iter().all(|column| !column.eq_ignore_ascii_case(name)))
            .collect();
        if !missing.is_empty() {
            return Err(NodeError::user(format!(
                "table `{}` of `{}` has no column `{}`; it has {}. Select the columns it has, or write another table",
                self.params.table,
                self.params.path,
                missing.join("`, `"),
                found.join(", ")
            )));
        }
        // For upsert SQLite itself says whether the key is one.
        connection.prepare(&self.move_rows()).map(|_| ()).map_err(|error| self.failed("cannot take these rows", error))
    }

    fn attach(&self) -> Result<Connection, NodeError> {
        let failed = |error| self.failed("cannot be opened", error);
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| {
                NodeError::external(format!("the folder of `{}` cannot be made", self.params.path)).with_source(error)
            })?;
        }
        let connection = Connection::open(&self.path).map_err(failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        connection.execute("ATTACH ?1 AS staging", [self.staging.to_string_lossy().as_ref()]).map_err(failed)?;
        Ok(connection)
    }

    fn prepare_rows(&mut self) -> Result<PreparedRows, NodeError> {
        self.last_id += 1;
        let (id, num_rows) = (self.last_id, self.num_rows);
        let connection = self.connection()?;
        let result = (|| {
            if !connection.is_autocommit() {
                connection.execute_batch("COMMIT")?;
            }
            connection
                .query_row(&format!("SELECT coalesce(max({ORDER_COLUMN}), 0) FROM staging.rows"), [], |row| row.get(0))
        })();
        match result {
            Ok(last_row) => Ok(PreparedRows { id, last_row, num_rows }),
            Err(error) => Err(self.failed("cannot be written", error)),
        }
    }

    /// Makes the rows of `prepared` visible, once.
    fn commit_rows(&mut self, prepared: PreparedRows) -> Result<(), NodeError> {
        let statements = (self.create_table(), self.move_rows(), quoted(&self.params.table));
        let (create_table, move_rows, table) = statements;
        let (sink_id, replaces) = (self.sink_id.clone(), self.params.mode == Mode::Replace);
        let connection = self.connection()?;
        let result = (|| {
            let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            transaction.execute_batch(&create_table)?;
            let done = committed_id(&transaction, &sink_id)?;
            if done < prepared.id {
                if replaces && done == 0 {
                    transaction.execute(&format!("DELETE FROM main.{table}"), [])?;
                }
                transaction.execute(&move_rows, [prepared.last_row])?;
                note_committed(&transaction, &sink_id, prepared.id)?;
            }
            transaction
                .execute(&format!("DELETE FROM staging.rows WHERE {ORDER_COLUMN} <= ?1"), [prepared.last_row])?;
            transaction.commit()
        })();
        result.map_err(|error| self.failed("cannot be written", error))
    }

    fn remove_staging(&mut self) {
        self.connection = None;
        for suffix in ["", "-journal", "-wal", "-shm"] {
            let mut name = self.staging.clone().into_os_string();
            name.push(suffix);
            // A hidden file that will not go is replaced by the next run.
            let _ = std::fs::remove_file(name);
        }
    }
}

fn committed_id(connection: &Connection, sink_id: &str) -> rusqlite::Result<i64> {
    connection.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS main.{CHECKPOINT_TABLE} (sink TEXT PRIMARY KEY, checkpoint INTEGER NOT NULL)"
    ))?;
    let sql = format!("SELECT checkpoint FROM main.{CHECKPOINT_TABLE} WHERE sink = ?1");
    Ok(connection.query_row(&sql, [sink_id], |row| row.get(0)).optional()?.unwrap_or(0))
}

fn note_committed(connection: &Connection, sink_id: &str, id: i64) -> rusqlite::Result<usize> {
    let sql = format!("INSERT OR REPLACE INTO main.{CHECKPOINT_TABLE} (sink, checkpoint) VALUES (?1, ?2)");
    connection.execute(&sql, rusqlite::params![sink_id, id])
}

impl Sink for SqliteSink {
    fn open(&mut self) -> Result<(), NodeError> {
        if self.restored.is_none() {
            self.remove_staging();
        }
        let is_new = !self.path.exists();
        let connection = match self.attach() {
            Ok(connection) => connection,
            Err(error) => {
                self.remove_staging();
                return Err(error);
            }
        };
        let create_staging = format!(
            "CREATE TABLE IF NOT EXISTS staging.rows ({ORDER_COLUMN} INTEGER PRIMARY KEY AUTOINCREMENT, {})",
            self.columns()
        );
        let checked = connection
            .execute_batch(&create_staging)
            .map_err(|error| self.failed("cannot be opened", error))
            .and_then(|()| self.check_table(&connection));
        if let Err(error) = checked {
            drop(connection);
            self.remove_staging();
            if is_new {
                // Opening made it, empty.
                let _ = std::fs::remove_file(&self.path);
            }
            return Err(error);
        }
        self.connection = Some(connection);
        let sink_id = self.sink_id.clone();
        let Some(prepared) = self.restored else {
            if !is_new {
                // The notes of an earlier run must not be taken for this one's.
                let sql = format!("DELETE FROM main.{CHECKPOINT_TABLE} WHERE sink = ?1");
                let connection = self.connection()?;
                let has_notes = connection.table_exists(Some("main"), CHECKPOINT_TABLE);
                let cleared = has_notes.and_then(|yes| if yes { connection.execute(&sql, [sink_id]) } else { Ok(0) });
                cleared.map_err(|error| self.failed("cannot be written", error))?;
            }
            return Ok(());
        };
        // What was staged after the checkpoint comes again from the source.
        let sql = format!("DELETE FROM staging.rows WHERE {ORDER_COLUMN} > ?1");
        let dropped = self.connection()?.execute(&sql, [prepared.last_row]);
        dropped.map_err(|error| self.failed("cannot be written", error))?;
        self.commit_rows(prepared)
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), NodeError> {
        let readers = batch.columns().iter().map(CellReader::new).collect::<Result<Vec<_>, _>>()?;
        let places = vec!["?"; batch.num_columns()].join(", ");
        let insert = format!("INSERT INTO staging.rows ({}) VALUES ({places})", self.columns());
        let connection = self.connection()?;
        let result = (|| {
            if connection.is_autocommit() {
                connection.execute_batch("BEGIN")?;
            }
            let mut statement = connection.prepare_cached(&insert)?;
            for row in 0..batch.num_rows() {
                statement.execute(params_from_iter(readers.iter().map(|reader| reader.value(row))))?;
            }
            Ok(())
        })();
        result.map_err(|error| self.failed("cannot be written", error))?;
        self.num_rows += batch.num_rows() as u64;
        Ok(())
    }

    fn prepare(&mut self) -> Result<Prepared, NodeError> {
        let prepared = self.prepare_rows()?;
        let bytes = serde_json::to_vec(&prepared)
            .map_err(|error| NodeError::internal("the checkpoint cannot be written").with_source(error))?;
        Ok(Prepared(bytes))
    }

    fn commit(&mut self, prepared: &Prepared) -> Result<(), NodeError> {
        let prepared: PreparedRows = read_prepared(prepared)?;
        // Rows that were written since are staged; their transaction must not be in the way.
        let connection = self.connection()?;
        if !connection.is_autocommit() {
            let settled = connection.execute_batch("COMMIT");
            settled.map_err(|error| self.failed("cannot be written", error))?;
        }
        self.commit_rows(prepared)
    }

    fn restore(&mut self, prepared: &Prepared) -> Result<(), NodeError> {
        let prepared = read_prepared(prepared)?;
        self.last_id = prepared.id;
        self.num_rows = prepared.num_rows;
        self.restored = Some(prepared);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), NodeError> {
        let prepared = self.prepare_rows()?;
        self.commit_rows(prepared)?;
        self.remove_staging();
        Ok(())
    }

    fn abort(&mut self) {
        self.remove_staging();
        if std::fs::metadata(&self.path).is_ok_and(|metadata| metadata.len() == 0) {
            // Opening made it, and nothing was committed.
            let _ = std::fs::remove_file(&self.path);
        }
    }

    fn status(&self) -> Option<String> {
        Some(format!("{} rows for {}", self.num_rows, self.params.table))
    }
}

fn read_prepared(prepared: &Prepared) -> Result<PreparedRows, NodeError> {
    serde_json::from_slice(&prepared.0)
        .map_err(|error| NodeError::internal("the checkpoint cannot be read").with_source(error))
}
