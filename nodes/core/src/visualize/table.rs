//! `visualize.table`: the newest rows.
//!
//! Holds whole batches, newest last, and lets go of the oldest when the others suffice. A batch that is a small part of a
//! larger one is copied, so that the larger one is freed.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{Schema, SchemaRef};
use millrace_model::view::{TableView, ViewSpec};
use millrace_model::{ColumnRef, PortCard};
use millrace_operator::{BuildContext, CardText, InferContext, Machine, Node, NodeError, State, View, ViewSnapshot};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ipc;

/// Shows the newest rows as a table, newest last.
///
/// | in | shown |
/// | --- | --- |
/// | 10,000 rows | the newest 1,000 of them, and the number of all |
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The columns to show, in this order; none: all of them.
    #[serde(default)]
    pub columns: Vec<ColumnRef>,
    /// How many rows are kept.
    #[serde(default = "default_keep")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub keep: usize,
    /// Stands above the table; empty: the node's own title.
    #[serde(default)]
    pub title: String,
}

fn default_keep() -> usize {
    1_000
}

/// The node kind.
pub struct TableNode;

impl Node for TableNode {
    type Params = Params;
    const KIND: &'static str = "visualize.table";

    fn card() -> CardText {
        CardText::new("Table", "The newest rows", "table").input(PortCard::rows("Rows to show.")).view()
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        if params.keep == 0 {
            cx.error("keep", "out_of_range", "A table keeps at least one row.");
        }
        if let Some(schema) = cx.input() {
            for (index, column) in params.columns.iter().enumerate() {
                cx.column(&format!("columns[{index}]"), column.as_str(), &schema);
            }
        }
        Vec::new()
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let input = cx.input();
        let columns = if params.columns.is_empty() {
            (0..input.fields().len()).collect()
        } else {
            params.columns.iter().map(|column| input.index_of(column.as_str())).collect::<Result<Vec<_>, _>>()?
        };
        let schema = Arc::new(Schema::new(input.project(&columns)?.fields().clone()));
        let title = if params.title.is_empty() { cx.title.clone() } else { params.title };
        Ok(Machine::View(Box::new(Table {
            title,
            columns,
            schema,
            keep: params.keep.max(1),
            batches: VecDeque::new(),
            num_kept: 0,
            num_rows: 0,
        })))
    }
}

struct Table {
    title: String,
    columns: Vec<usize>,
    schema: SchemaRef,
    keep: usize,
    batches: VecDeque<RecordBatch>,
    num_kept: usize,
    num_rows: u64,
}

impl Table {
    fn push(&mut self, batch: RecordBatch) -> Result<(), NodeError> {
        let surplus = batch.num_rows().saturating_sub(self.keep);
        let batch = if surplus > 0 { copied(&batch, surplus)? } else { batch };
        self.num_kept += batch.num_rows();
        self.batches.push_back(batch);
        while let Some(oldest) = self.batches.front()
            && self.num_kept - oldest.num_rows() >= self.keep
        {
            self.num_kept -= oldest.num_rows();
            self.batches.pop_front();
        }
        // Many tiny batches cost more than their rows.
        if self.batches.len() > 256 && self.batches.len() * 16 > self.num_kept {
            let whole = concat_batches(&self.schema, &self.batches)?;
            self.batches.clear();
            self.batches.push_back(whole);
        }
        Ok(())
    }

    fn newest(&self) -> Result<RecordBatch, NodeError> {
        let whole = concat_batches(&self.schema, &self.batches)?;
        let surplus = whole.num_rows().saturating_sub(self.keep);
        Ok(whole.slice(surplus, whole.num_rows() - surplus))
    }
}

/// The rows from `first` on, in memory of their own.
fn copied(batch: &RecordBatch, first: usize) -> Result<RecordBatch, NodeError> {
    let rows = UInt64Array::from_iter_values(first as u64..batch.num_rows() as u64);
    Ok(take_record_batch(batch, &rows)?)
}

impl View for Table {
    fn on_batch(&mut self, batch: RecordBatch) -> Result<(), NodeError> {
        self.num_rows += batch.num_rows() as u64;
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let columns = self.columns.iter().map(|column| batch.column(*column).clone()).collect();
        self.push(RecordBatch::try_new(self.schema.clone(), columns)?)
    }

    fn picture(&self) -> Result<ViewSnapshot, NodeError> {
        let spec = ViewSpec::Table(TableView { title: self.title.clone(), num_rows: self.num_rows });
        Ok(ViewSnapshot { spec, data: self.newest()? })
    }

    fn snapshot(&mut self) -> Result<State, NodeError> {
        ipc::to_bytes(&self.newest()?, &self.num_rows.to_string())
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let (batch, num_rows) = ipc::from_bytes(state)?;
        self.batches.clear();
        self.num_kept = 0;
        self.num_rows = num_rows.parse().map_err(|_| NodeError::internal("the count of rows cannot be read"))?;
        self.push(RecordBatch::try_new(self.schema.clone(), batch.columns().to_vec())?)
    }

    fn state_bytes(&self) -> usize {
        self.batches.iter().map(RecordBatch::get_array_memory_size).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{AsArray, Int64Array, StringArray};
    use arrow::datatypes::{DataType, Field, Int64Type};
    use millrace_operator::harness::{Harness, assert_node_contract};
    use serde_json::json;

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true), Field::new("s", DataType::Utf8, true)]))
    }

    fn rows(range: std::ops::Range<i64>) -> RecordBatch {
        let texts: StringArray = range.clone().map(|n| (n % 3 != 0).then(|| n.to_string())).collect();
        RecordBatch::try_new(schema(), vec![Arc::new(Int64Array::from_iter_values(range)), Arc::new(texts)])
            .expect("rows")
    }

    fn shown(view: &dyn View) -> (u64, Vec<i64>) {
        let picture = view.picture().expect("a picture");
        let ViewSpec::Table(spec) = picture.spec else { panic!("a table") };
        let index = picture.data.schema().index_of("n").expect("n");
        (spec.num_rows, picture.data.column(index).as_primitive::<Int64Type>().values().to_vec())
    }

    #[test]
    fn the_contract_holds() {
        assert_node_contract::<TableNode>(json!({}), &[schema()]);
        assert_node_contract::<TableNode>(json!({ "columns": ["s"], "keep": 3 }), &[schema()]);
    }

    #[test]
    fn the_newest_rows_are_shown_whatever_the_batches() {
        let harness = Harness::new::<TableNode>(json!({ "keep": 10, "columns": ["s", "n"] }), &[schema()]);
        for size in [1, 3, 7, 1_000] {
            let mut view = harness.view();
            view.on_batch(RecordBatch::new_empty(schema())).expect("an empty batch");
            for start in (0..1_000).step_by(size) {
                view.on_batch(rows(start..(start + size as i64).min(1_000))).expect("rows");
            }
            assert_eq!(shown(view.as_ref()), (1_000, (990..1_000).collect()), "batches of {size}");
        }
    }

    #[test]
    fn a_restored_table_goes_on_as_if_nothing_had_been() {
        let harness = Harness::new::<TableNode>(json!({ "keep": 10 }), &[schema()]);
        let mut view = harness.view();
        view.on_batch(rows(0..15)).expect("rows");
        let state = view.snapshot().expect("a snapshot");
        let mut view = harness.view();
        view.restore(&state).expect("a restore");
        assert_eq!(shown(view.as_ref()), (15, (5..15).collect()));
        view.on_batch(rows(15..18)).expect("rows");
        assert_eq!(shown(view.as_ref()), (18, (8..18).collect()));
        assert!(view.state_bytes() > 0);
    }

    #[test]
    fn a_misspelt_column_is_a_diagnostic() {
        let problems =
            Harness::try_new::<TableNode>(json!({ "columns": ["m"] }), &[schema()]).err().expect("a problem");
        assert_eq!(problems[0].param, "columns[0]");
    }
}
