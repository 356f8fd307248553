//! `process.lookup_join`: columns of a table, added to the rows with the same key.
//!
//! A table in a file or a database is held as it was read with the first batch and then every `refresh`; each instance has
//! its own. `table` reads it and finds its columns before the run. It is no state that a restart brings back: it is read
//! again. A table that arrives by a wire (`wired`) is state, spread over the instances by key as the rows are.

use arrow::array::{RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{take, take_record_batch};
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use millrace_model::card::PortRole;
use millrace_model::event_time::{event_time_column, with_event_time};
use millrace_model::value::FilePath;
use millrace_model::{ColumnRef, Interval, PortCard};
use millrace_operator::{
    BuildContext, CardText, InferContext, Machine, Node, NodeError, Operator, Output, Partitioning, Probed,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::table::{Loader, Table};
use self::wired::WiredOperator;
use crate::format::FileFormat;
use crate::rejecting::first_error;
use crate::state::joining::{KeyPair, LookupKind, default_suffix, joined_fields, partitioning};
use crate::state::keys::{KeyEncoder, key_columns};

mod table;
#[cfg(test)]
mod tests;
mod wired;

/// Adds the columns of a table to the rows with the same key: the name and place of a device, the price of an item.
///
/// With the key `device` and a file of this content:
///
/// | device | room |
/// | --- | --- |
/// | a | kitchen |
///
/// | in: ts | device | | out: ts | device | room |
/// | --- | --- | --- | --- | --- | --- |
/// | 10:00 | a | | 10:00 | a | kitchen |
/// | 10:01 | x | | 10:01 | x | *null*; with the kind `inner`, left out and counted |
///
/// The table is a file (CSV, NDJSON, Parquet) or what a query gives from a SQLite database, and must fit into memory.
/// It is read at the start and, with `refresh`, again and again; a row meets the table as it is then, so that a replay
/// may give other rows than the live run. When it cannot be read the run fails: replace a file by renaming a new one to its
/// place.
///
/// The table may also come from another node, by the port `table`: of each key the row that arrived last counts. With the
/// start `when_complete`, rows wait (in memory) until that input has ended, so that the same rows give the same results
/// each time; that is for a table which is read once. With `at_once`, a row meets what has come until then, as in Flink's
/// lookup by processing time: for a table that goes on changing, where a replay may give other rows. The event time of the
/// table plays no part; where each row has to meet the table as it was at the row's own time use **As-of join**.
///
/// A key with a null has no partner. The key columns of the table are not added.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Where the table comes from.
    pub table: TableParams,
    /// The columns that must be equal: `left` of the rows, `right` of the table.
    #[serde(default)]
    pub keys: Vec<KeyPair>,
    /// What becomes of a row without a partner.
    #[serde(default)]
    pub kind: LookupKind,
    /// What is done where the table has several rows of one key.
    #[serde(default)]
    pub duplicates: Duplicates,
    /// How often the table is read again, by the clock. Zero: only at the start.
    #[serde(default)]
    pub refresh: Interval,
    /// What is put behind the name of a column of the table that the rows have too.
    #[serde(default = "default_suffix")]
    pub suffix: String,
}

/// Where the table comes from.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "from", rename_all = "snake_case", deny_unknown_fields)]
pub enum TableParams {
    /// A file.
    File {
        /// The file. A relative path starts at the pipeline's own folder.
        path: FilePath,
        /// How its bytes are to be read.
        #[serde(default)]
        format: FileFormat,
    },
    /// A query to a SQLite database.
    Sqlite {
        /// The database file.
        path: FilePath,
        /// The query, such as `SELECT device, room FROM devices`.
        #[schemars(extend("format" = "multiline"))]
        query: String,
    },
    /// What arrives at the port `table`: the newest row of each key.
    Input {
        /// When the first row is joined.
        #[serde(default)]
        start: Start,
    },
}

/// When the first row is joined with a table that arrives by a wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// When the table's input has ended; rows wait until then.
    #[default]
    WhenComplete,
    /// At once: a row meets what has come of the table until then.
    AtOnce,
}

/// What is done where the table has several rows of one key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// The run fails and says which key it is.
    #[default]
    Fail,
    /// The first one is the partner.
    First,
    /// The last one is the partner.
    Last,
    /// Each one is: a row leaves once for each.
    All,
}

pub struct LookupJoin;

impl Node for LookupJoin {
    type Params = Params;
    const KIND: &'static str = "process.lookup_join";

    fn card() -> CardText {
        CardText::new(
            "Lookup join",
            "Adds the columns of a table to the rows with the same key",
            "list-magnifying-glass",
        )
        .can_bypass()
        .input(PortCard::rows("Rows to add columns to."))
        .input(
            PortCard::named("table", PortRole::Rows, "The rows of the table, where it comes from another node.")
                .only_where("table", "from", "input")
                .timeless(),
        )
        .output(PortCard::rows("The rows with the columns of the table."))
    }

    fn probe(params: &Params, base_dir: &std::path::Path) -> Result<Option<Probed>, String> {
        table::probe(&params.table, base_dir)
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![plan(params, cx).map(|plan| plan.schema)]
    }

    fn partitioning(params: &Params) -> Partitioning {
        match params.table {
            TableParams::Input { .. } => partitioning(&params.keys),
            _ => Partitioning::Stateless,
        }
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let inputs: Vec<Option<SchemaRef>> = cx.inputs.iter().cloned().map(Some).collect();
        let mut found = InferContext::new(&inputs, cx.probed.as_ref());
        let plan = plan(&params, &mut found);
        let Some(plan) = plan.filter(|_| !found.has_errors()) else {
            return Err(first_error(found.into_problems()));
        };
        if let (TableParams::Input { start }, [rows, table]) = (&params.table, cx.inputs.as_slice()) {
            let keys = [plan.keys, plan.table_keys];
            let gives = (plan.schema, plan.added);
            let operator = WiredOperator::new([rows, table], keys, *start == Start::AtOnce, gives, params.kind)?;
            return Ok(Machine::Operator(Box::new(operator)));
        }
        let key_names = params.keys.iter().map(|pair| pair.right().0.clone()).collect();
        let key_types = plan.keys.iter().map(|key| cx.input().field(*key).data_type().clone()).collect();
        Ok(Machine::Operator(Box::new(LookupJoinOperator {
            keys: KeyEncoder::new(plan.keys.clone(), cx.input())?,
            loader: Loader::new(params.table, cx, params.duplicates, key_names, key_types),
            table: None,
            schema: plan.schema,
            added: plan.added,
            kind: params.kind,
            refresh_us: Some(params.refresh.as_micros()).filter(|refresh_us| *refresh_us > 0),
            read_at_us: None,
        })))
    }
}

struct Plan {
    schema: SchemaRef,
    /// The key columns of the rows.
    keys: Vec<usize>,
    /// Those of the table.
    table_keys: Vec<usize>,
    /// The columns of the table that are added.
    added: Vec<usize>,
}

/// What the params mean for the input and the table; faults are reported in `cx`.
fn plan(params: &Params, cx: &mut InferContext<'_>) -> Option<Plan> {
    if params.keys.is_empty() {
        cx.error("keys", "no_keys", "Name the columns that must be equal, such as `device`.");
    }
    match &params.table {
        TableParams::File { path, .. } | TableParams::Sqlite { path, .. } if path.as_str().trim().is_empty() => {
            cx.error("table.path", "no_path", "Choose the file that holds the table.");
        }
        TableParams::Sqlite { query, .. } if query.trim().is_empty() => {
            cx.error("table.query", "no_query", "Write a query, such as `SELECT device, room FROM devices`.");
        }
        _ => {}
    }
    let is_wired = matches!(params.table, TableParams::Input { .. });
    if is_wired && params.duplicates != Duplicates::Fail {
        let message = "Of a table that arrives by a wire the newest row of each key counts.";
        cx.warning("duplicates", "no_effect", message);
    }
    if is_wired && !params.refresh.is_zero() {
        cx.warning("refresh", "no_effect", "A table that arrives by a wire is not read again.");
    }
    let input = cx.input()?;
    let lefts: Vec<ColumnRef> = params.keys.iter().map(|pair| pair.left.clone()).collect();
    let keys = key_columns("keys", &lefts, &input, cx);
    let table = match is_wired {
        true => cx.inputs.get(1).cloned().flatten()?,
        false => cx.probed.map(|probed| probed.schema.clone())?,
    };
    let mut table_keys = Vec::new();
    for (number, pair) in params.keys.iter().enumerate() {
        let param = format!("keys[{number}]");
        let Ok(key) = table.index_of(pair.right().as_str()) else {
            let names = table.fields().iter().map(|field| field.name().as_str());
            let message = millrace_model::suggest::no_column("The table", pair.right().as_str(), names);
            cx.error(param, "unknown_column", message);
            continue;
        };
        table_keys.push(key);
        let Some(left) = input.index_of(pair.left.as_str()).ok().map(|left| input.field(left)) else { continue };
        // Rows and table go by their bytes to the same instance.
        let fits = match is_wired {
            true => left.data_type() == table.field(key).data_type(),
            false => are_alike(left.data_type(), table.field(key).data_type()),
        };
        if !fits {
            let message = format!(
                "`{}` is of type {} and `{}` of the table of type {}: cast it in a Select node before this one.",
                left.name(),
                left.data_type(),
                pair.right(),
                table.field(key).data_type()
            );
            cx.error(param, "types_differ", message);
        }
    }
    let added: Vec<usize> = (0..table.fields().len()).filter(|column| !table_keys.contains(column)).collect();
    let added_schema: SchemaRef = table.project(&added).ok()?.into();
    let mut fields: Vec<FieldRef> = joined_fields([&input, &added_schema], &params.suffix, &[], cx);
    // The columns of the rows stay as they were.
    fields[..input.fields().len()].clone_from_slice(input.fields());
    let schema = Schema::new_with_metadata(fields, input.metadata().clone());
    let schema = with_event_time(&schema, event_time_column(&input));
    if cx.has_errors() {
        return None;
    }
    Some(Plan { schema, keys: keys?, table_keys, added })
}

/// Whether the key of the table can be brought to the type of the key of the rows without changing what it says.
fn are_alike(row: &DataType, table: &DataType) -> bool {
    let is_text = |data_type: &DataType| {
        matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
            || matches!(data_type, DataType::Dictionary(_, value) if **value == DataType::Utf8)
    };
    row == table
        || (row.is_integer() && table.is_integer())
        || (row.is_floating() && table.is_numeric())
        || (is_text(row) && is_text(table))
}

struct LookupJoinOperator {
    keys: KeyEncoder,
    loader: Loader,
    /// `None` until the first rows come.
    table: Option<Table>,
    schema: SchemaRef,
    added: Vec<usize>,
    kind: LookupKind,
    refresh_us: Option<i64>,
    read_at_us: Option<i64>,
}

impl Operator for LookupJoinOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let table = match &mut self.table {
            Some(table) => table,
            table => table.insert(self.loader.load()?),
        };
        let keys = self.keys.encode(&batch)?;
        let mut rows: Vec<u32> = Vec::with_capacity(batch.num_rows());
        let mut partners: Vec<Option<u32>> = Vec::with_capacity(batch.num_rows());
        let mut num_dropped = 0;
        for (row, number) in (0..batch.num_rows()).zip(0_u32..) {
            let mut partner = if keys.is_null(row) { None } else { table.first(keys.get(row)) };
            if partner.is_none() && self.kind == LookupKind::Inner {
                num_dropped += 1;
                continue;
            }
            rows.push(number);
            partners.push(partner);
            while let Some(next) = partner.and_then(|partner| table.next(partner)) {
                rows.push(number);
                partners.push(Some(next));
                partner = Some(next);
            }
        }
        out.drop_rows(num_dropped);
        let is_whole = rows.len() == batch.num_rows() && rows.iter().zip(0..).all(|(row, number)| *row == number);
        let left = if is_whole { batch } else { take_record_batch(&batch, &UInt32Array::from(rows))? };
        let partners = UInt32Array::from(partners);
        let mut columns = left.columns().to_vec();
        for column in &self.added {
            columns.push(take(table.rows().column(*column), &partners, None)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(partners.len()));
        out.emit(0, RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?);
        Ok(())
    }

    fn on_tick(&mut self, now_us: i64, _: &mut Output) -> Result<(), NodeError> {
        let Some(refresh_us) = self.refresh_us else { return Ok(()) };
        let read_at_us = *self.read_at_us.get_or_insert(now_us);
        if now_us.saturating_sub(read_at_us) >= refresh_us {
            self.table = Some(self.loader.load()?);
            self.read_at_us = Some(now_us);
        }
        Ok(())
    }

    fn wants_ticks(&self) -> bool {
        self.refresh_us.is_some()
    }

    fn state_bytes(&self) -> usize {
        self.table.as_ref().map_or(0, Table::bytes)
    }
}
