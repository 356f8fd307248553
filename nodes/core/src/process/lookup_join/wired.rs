//! The table of a lookup join that arrives by a wire: the newest row of each key, in the order of arrival.
//!
//! Until the table counts, rows wait here and are not refused: where both inputs come from one source, refusing one of
//! them would stop the other as well. The watermark waits with them.

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use millrace_operator::{NodeError, Operator, Output};
use serde::{Deserialize, Serialize};

use crate::state::joining::{BATCH_ROWS, LookupKind};
use crate::state::keys::{KeyEncoder, KeyMap, table_bytes};
use crate::state::rows::RowStore;
use crate::state::saved;

const TABLE: usize = 1;

pub(super) struct WiredOperator {
    /// Of the rows.
    keys: KeyEncoder,
    table_keys: KeyEncoder,
    table: RowStore,
    by_key: KeyMap<u64>,
    /// Rows that came before the table counted.
    waiting: RowStore,
    header: Header,
    schema: SchemaRef,
    added: Vec<usize>,
    kind: LookupKind,
}

#[derive(Serialize, Deserialize)]
struct Header {
    /// Rows need not wait (any more).
    is_open: bool,
    watermark_us: Option<i64>,
}

impl WiredOperator {
    /// `inputs` are the schemas of the rows and of the table, `added` the columns of the table that `schema` has behind
    /// those of the rows.
    ///
    /// # Errors
    /// When a key has a type that cannot be compared.
    pub(super) fn new(
        inputs: [&SchemaRef; 2],
        keys: [Vec<usize>; 2],
        is_open: bool,
        (schema, added): (SchemaRef, Vec<usize>),
        kind: LookupKind,
    ) -> Result<Self, NodeError> {
        let [of_rows, of_table] = keys;
        Ok(Self {
            keys: KeyEncoder::new(of_rows, inputs[0])?,
            table_keys: KeyEncoder::new(of_table, inputs[1])?,
            table: RowStore::new(inputs[1].clone()),
            by_key: KeyMap::default(),
            waiting: RowStore::new(inputs[0].clone()),
            header: Header { is_open, watermark_us: None },
            schema,
            added,
            kind,
        })
    }

    /// Takes rows of the table; says how many do not count, now or any more.
    fn learn(&mut self, batch: RecordBatch) -> Result<usize, NodeError> {
        let keys = self.table_keys.encode(&batch)?;
        let num_rows = batch.num_rows();
        let first = self.table.push(batch)?;
        let mut num_gone = 0;
        for (row, number) in (0..num_rows).zip(first..) {
            let gone = match self.by_key.get_mut(keys.get(row)) {
                _ if keys.is_null(row) => number,
                Some(newest) => std::mem::replace(newest, number),
                None => {
                    self.by_key.insert(keys.get(row).into(), number);
                    continue;
                }
            };
            self.table.free(gone)?;
            num_gone += 1;
        }
        Ok(num_gone)
    }

    fn join(&self, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let keys = self.keys.encode(&batch)?;
        let partner_of = |row: usize| if keys.is_null(row) { None } else { self.by_key.get(keys.get(row)).copied() };
        let mut partners: Vec<Option<u64>> = (0..batch.num_rows()).map(partner_of).collect();
        let mut left = batch;
        if self.kind == LookupKind::Inner {
            let has_partner = partners.iter().map(|partner| Some(partner.is_some())).collect();
            out.drop_rows(partners.iter().filter(|partner| partner.is_none()).count());
            left = arrow::compute::filter_record_batch(&left, &has_partner)?;
            partners.retain(Option::is_some);
        }
        let mut columns = left.columns().to_vec();
        for column in &self.added {
            columns.push(self.table.column(*column, &partners)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(partners.len()));
        out.emit(0, RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?);
        Ok(())
    }

    /// From now on rows need not wait.
    fn open(&mut self, out: &mut Output) -> Result<(), NodeError> {
        self.header.is_open = true;
        let (rows, numbers) = self.waiting.all()?;
        for first in (0..rows.num_rows()).step_by(BATCH_ROWS) {
            self.join(rows.slice(first, BATCH_ROWS.min(rows.num_rows() - first)), out)?;
        }
        numbers.into_iter().try_for_each(|number| self.waiting.free(number))?;
        self.header.watermark_us.into_iter().for_each(|watermark_us| out.watermark(watermark_us));
        Ok(())
    }
}

impl Operator for WiredOperator {
    fn on_batch(&mut self, input: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        if input == TABLE {
            out.drop_rows(self.learn(batch)?);
            return Ok(());
        }
        if self.header.is_open { self.join(batch, out) } else { self.waiting.push(batch).map(|_| ()) }
    }

    fn on_watermark(&mut self, watermark_us: i64, out: &mut Output) -> Result<(), NodeError> {
        self.header.watermark_us = self.header.watermark_us.max(Some(watermark_us));
        if self.header.is_open {
            out.watermark(watermark_us);
        }
        Ok(())
    }

    fn makes_watermarks(&self) -> bool {
        true
    }

    fn on_input_end(&mut self, input: usize, out: &mut Output) -> Result<(), NodeError> {
        if input == TABLE && !self.header.is_open { self.open(out) } else { Ok(()) }
    }

    fn hand_over(&mut self, out: &mut Output) -> Result<(), NodeError> {
        // They cannot be joined with a table that is not whole.
        out.drop_rows(self.waiting.all()?.1.len());
        Ok(())
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        saved::to_bytes(&self.header, &[self.table.all()?.0, self.waiting.all()?.0])
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let (header, [table, waiting]) = saved::from_bytes(state)?;
        self.header = header;
        self.learn(table)?;
        self.waiting.push(waiting)?;
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        self.table.bytes() + table_bytes(&self.by_key) + self.waiting.bytes()
    }
}
