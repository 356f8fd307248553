//! The table of a lookup join: its columns before the run, and its rows by key.
//!
//! Files are read by the source of `ingest.file`, as a run would read them; its futures are always ready, since nothing
//! is watched. A SQLite database is opened for reading only.

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use arrow::array::{
    ArrayRef, BinaryBuilder, Float64Builder, Int64Builder, RecordBatch, RecordBatchOptions, StringBuilder,
};
use arrow::compute::{CastOptions, cast_with_options, concat_batches};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::util::display::array_value_to_string;
use millrace_operator::output::Emitted;
use millrace_operator::{
    BuildContext, Crew, InferContext, Machine, Node, NodeError, Output, Probed, Source, SourceContext, SourceEvent,
};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use super::{Duplicates, TableParams};
use crate::ingest::file;
use crate::state::keys::{KeyEncoder, KeyMap, table_bytes};

/// So many rows of a query are looked at for the types of its columns.
const PROBED_ROWS: usize = 1_000;

/// The columns of the table.
pub(super) fn probe(table: &TableParams, base_dir: &Path) -> Result<Option<Probed>, String> {
    match table {
        TableParams::File { path, .. } if path.as_str().trim().is_empty() => Ok(None),
        TableParams::File { .. } => {
            let probed = file::File::probe(&file_params(table)?, base_dir)?;
            if probed.is_some() {
                return Ok(probed);
            }
            // Plain lines have one column, whatever is in the file.
            let mut cx = InferContext::new(&[], None);
            let schemas = file::File::infer(&file_params(table)?, &mut cx);
            Ok(schemas.into_iter().next().flatten().map(|schema| Probed { schema }))
        }
        TableParams::Sqlite { path, query } if path.as_str().trim().is_empty() || query.trim().is_empty() => Ok(None),
        TableParams::Sqlite { path, query } => {
            let schema = query_schema(&base_dir.join(path.as_str()), query).map_err(|error| error.to_string())?;
            Ok(Some(Probed { schema }))
        }
        TableParams::Input { .. } => Ok(None),
    }
}

fn file_params(table: &TableParams) -> Result<file::Params, String> {
    let TableParams::File { path, format } = table else { return Err("the table is not a file".to_owned()) };
    // A record that does not fit is an error of the table, and told as such.
    serde_json::from_value(json!({"path": path, "format": format, "on_error": "fail"}))
        .map_err(|error| error.to_string())
}

/// Reads the table, as often as it is asked.
pub(super) struct Loader {
    table: TableParams,
    cx: BuildContext,
    duplicates: Duplicates,
    key_names: Vec<String>,
    /// The types of the keys of the rows, which those of the table are brought to.
    key_types: Vec<DataType>,
}

impl Loader {
    pub(super) fn new(
        table: TableParams,
        cx: &BuildContext,
        duplicates: Duplicates,
        key_names: Vec<String>,
        key_types: Vec<DataType>,
    ) -> Self {
        Self { table, cx: cx.clone(), duplicates, key_names, key_types }
    }

    /// # Errors
    /// When the table cannot be read, does not fit its columns, or has a key twice and must not.
    pub(super) fn load(&self) -> Result<Table, NodeError> {
        let schema = self.cx.probed.as_ref().map(|probed| probed.schema.clone());
        let schema = schema.ok_or_else(|| NodeError::internal("the columns of the table are not known"))?;
        let rows = match &self.table {
            TableParams::File { .. } => self.read_file(&schema)?,
            TableParams::Sqlite { path, query } => read_query(&self.cx.resolve(path.as_str()), query, &schema)?,
            TableParams::Input { .. } => return Err(NodeError::internal("this table is not read")),
        };
        let mut keys = Vec::with_capacity(self.key_names.len());
        for (name, data_type) in self.key_names.iter().zip(&self.key_types) {
            let column = rows.column(schema.index_of(name)?);
            let options = CastOptions { safe: false, ..CastOptions::default() };
            keys.push(cast_with_options(column, data_type, &options).map_err(|error| {
                NodeError::user(format!("A value in `{name}` of the table is not of type {data_type}"))
                    .with_source(error)
            })?);
        }
        Table::new(rows, &keys, &self.key_names, self.duplicates)
    }

    fn read_file(&self, schema: &SchemaRef) -> Result<RecordBatch, NodeError> {
        let params = file_params(&self.table).map_err(NodeError::internal)?;
        let cx = BuildContext {
            inputs: Vec::new(),
            outputs: vec![schema.clone(), millrace_operator::rejected::schema()],
            instance: 0,
            parallelism: 1,
            ..self.cx.clone()
        };
        let Machine::Source(mut source) = file::File::build(params, &cx)? else {
            return Err(NodeError::internal("a file is a source"));
        };
        let batches = ready(drain(source.as_mut()))??;
        Ok(concat_batches(schema, &batches)?)
    }
}

async fn drain(source: &mut dyn Source) -> Result<Vec<RecordBatch>, NodeError> {
    let mut output = Output::default();
    let mut batches = Vec::new();
    source.open().await?;
    loop {
        let event =
            source.next(&mut SourceContext { output: &mut output, batch_size: 8_192, crew: Crew::Inline }).await?;
        batches.extend(output.take().into_iter().filter_map(|emitted| match emitted {
            Emitted::Batch(0, batch) => Some(batch),
            _ => None,
        }));
        match event {
            SourceEvent::More => {}
            SourceEvent::End => return Ok(batches),
            SourceEvent::Idle(_) => return Err(NodeError::internal("a file that is not watched has an end")),
        }
    }
}

/// What a future that never waits gives.
fn ready<T>(future: impl Future<Output = T>) -> Result<T, NodeError> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Ok(value),
        Poll::Pending => Err(NodeError::internal("reading a file that is not watched waits for nothing")),
    }
}

fn failed(path: &Path, error: &rusqlite::Error) -> NodeError {
    NodeError::external(format!("The query to `{}` fails: {error}.", path.display()))
}

fn connect(path: &Path) -> Result<Connection, NodeError> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|error| NodeError::external(format!("The database `{}` cannot be opened: {error}.", path.display())))
}

/// The columns that a query gives, by its first rows: whole numbers, else numbers, else bytes, else texts.
fn query_schema(path: &Path, query: &str) -> Result<SchemaRef, NodeError> {
    let connection = connect(path)?;
    let failed = |error: rusqlite::Error| failed(path, &error);
    let mut statement = connection.prepare(query).map_err(failed)?;
    let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let mut types: Vec<Option<DataType>> = vec![None; names.len()];
    let mut rows = statement.query([]).map_err(failed)?;
    for _ in 0..PROBED_ROWS {
        let Some(row) = rows.next().map_err(failed)? else { break };
        for (index, known) in types.iter_mut().enumerate() {
            let found = match row.get_ref(index).map_err(failed)? {
                ValueRef::Null => continue,
                ValueRef::Integer(_) => DataType::Int64,
                ValueRef::Real(_) => DataType::Float64,
                ValueRef::Text(_) => DataType::Utf8,
                ValueRef::Blob(_) => DataType::Binary,
            };
            *known = Some(match known.take() {
                None => found,
                Some(known) if known == found => known,
                Some(DataType::Int64 | DataType::Float64) if found.is_numeric() => DataType::Float64,
                Some(_) => DataType::Utf8,
            });
        }
    }
    let fields = names.into_iter().zip(types);
    let fields: Vec<Field> =
        fields.map(|(name, data_type)| Field::new(name, data_type.unwrap_or(DataType::Utf8), true)).collect();
    Ok(Arc::new(Schema::new(fields)))
}

enum Builder {
    Integer(Int64Builder),
    Number(Float64Builder),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
}

impl Builder {
    /// Whether the value is of the column's type.
    fn push(&mut self, value: ValueRef<'_>) -> bool {
        match (self, value) {
            (Self::Integer(builder), ValueRef::Null) => builder.append_null(),
            (Self::Number(builder), ValueRef::Null) => builder.append_null(),
            (Self::Text(builder), ValueRef::Null) => builder.append_null(),
            (Self::Bytes(builder), ValueRef::Null) => builder.append_null(),
            (Self::Integer(builder), ValueRef::Integer(value)) => builder.append_value(value),
            (Self::Number(builder), ValueRef::Integer(value)) => builder.append_value(value as f64),
            (Self::Number(builder), ValueRef::Real(value)) => builder.append_value(value),
            (Self::Text(builder), ValueRef::Text(value)) => builder.append_value(String::from_utf8_lossy(value)),
            (Self::Text(builder), ValueRef::Integer(value)) => builder.append_value(value.to_string()),
            (Self::Text(builder), ValueRef::Real(value)) => builder.append_value(value.to_string()),
            (Self::Bytes(builder), ValueRef::Blob(value)) => builder.append_value(value),
            _ => return false,
        }
        true
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Integer(mut builder) => Arc::new(builder.finish()),
            Self::Number(mut builder) => Arc::new(builder.finish()),
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Bytes(mut builder) => Arc::new(builder.finish()),
        }
    }
}

fn read_query(path: &Path, query: &str, schema: &SchemaRef) -> Result<RecordBatch, NodeError> {
    let connection = connect(path)?;
    let failed = |error: rusqlite::Error| failed(path, &error);
    let mut statement = connection.prepare(query).map_err(failed)?;
    if statement.column_names() != schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>() {
        return Err(NodeError::user("The query gives other columns than before the run: start the run anew."));
    }
    let mut builders: Vec<Builder> = schema
        .fields()
        .iter()
        .map(|field| match field.data_type() {
            DataType::Int64 => Builder::Integer(Int64Builder::new()),
            DataType::Float64 => Builder::Number(Float64Builder::new()),
            DataType::Binary => Builder::Bytes(BinaryBuilder::new()),
            _ => Builder::Text(StringBuilder::new()),
        })
        .collect();
    let mut rows = statement.query([]).map_err(failed)?;
    let mut num_rows = 0;
    while let Some(row) = rows.next().map_err(failed)? {
        num_rows += 1;
        for (index, builder) in builders.iter_mut().enumerate() {
            if !builder.push(row.get_ref(index).map_err(failed)?) {
                let field = schema.field(index);
                return Err(NodeError::user(format!(
                    "Row {num_rows} of the query has a value in `{}` that is not of type {}: CAST it in the query.",
                    field.name(),
                    field.data_type()
                )));
            }
        }
    }
    let columns = builders.into_iter().map(Builder::finish).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(num_rows));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}

/// The rows of the table, found by key.
pub(super) struct Table {
    rows: RecordBatch,
    /// The first and the last row of each key.
    by_key: KeyMap<(u32, u32)>,
    /// The next row of the same key; itself at the end.
    next: Vec<u32>,
}

impl Table {
    fn new(
        rows: RecordBatch,
        keys: &[ArrayRef],
        key_names: &[String],
        duplicates: Duplicates,
    ) -> Result<Self, NodeError> {
        let num_rows = u32::try_from(rows.num_rows())
            .map_err(|_| NodeError::user("The table has more than 4 billion rows: make it smaller."))?;
        let fields = key_names.iter().zip(keys).map(|(name, key)| Field::new(name, key.data_type().clone(), true));
        let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let encoded = KeyEncoder::new((0..keys.len()).collect(), &schema)?.encode_columns(keys)?;
        let mut by_key: KeyMap<(u32, u32)> = KeyMap::default();
        let mut next: Vec<u32> = (0..num_rows).collect();
        for row in 0..num_rows {
            let key = encoded.get(row as usize);
            if encoded.is_null(row as usize) {
                continue;
            }
            let Some((first, last)) = by_key.get_mut(key) else {
                by_key.insert(key.into(), (row, row));
                continue;
            };
            match duplicates {
                Duplicates::First => {}
                Duplicates::Last => (*first, *last) = (row, row),
                Duplicates::All => {
                    next[*last as usize] = row;
                    *last = row;
                }
                Duplicates::Fail => {
                    let values = keys.iter().zip(key_names).map(|(key, name)| {
                        let value = array_value_to_string(key, row as usize).unwrap_or_default();
                        format!("{name} = {value}")
                    });
                    return Err(NodeError::user(format!(
                        "The table has more than one row with {}, the rows {} and {}: choose with `duplicates` which of \
                         them counts, or make the key unique.",
                        values.collect::<Vec<_>>().join(", "),
                        *first + 1,
                        row + 1
                    )));
                }
            }
        }
        Ok(Self { rows, by_key, next })
    }

    pub(super) fn first(&self, key: &[u8]) -> Option<u32> {
        self.by_key.get(key).map(|(first, _)| *first)
    }

    /// The next row with the same key.
    pub(super) fn next(&self, row: u32) -> Option<u32> {
        Some(self.next[row as usize]).filter(|next| *next != row)
    }

    pub(super) fn rows(&self) -> &RecordBatch {
        &self.rows
    }

    pub(super) fn bytes(&self) -> usize {
        self.rows.get_array_memory_size() + table_bytes(&self.by_key) + self.next.len() * size_of::<u32>()
    }
}
