//! `visualize.table`: the newest rows, as they are. `newest_rows` holds them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use millrace_model::filter::of_column;
use millrace_model::view::{Look, TableView, ViewSpec};
use millrace_model::{ColumnRef, PortCard};
use millrace_operator::{
    BuildContext, CardText, Columns, InferContext, Machine, Node, NodeError, State, View, ViewSnapshot, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{read, title};
use super::newest_rows::NewestRows;

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
    #[schemars(extend("keeps_state" = true))]
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

    fn reads(params: &Params, wanted: &Wanted<'_>) -> Vec<Columns> {
        if params.columns.is_empty() {
            return wanted.everything();
        }
        vec![read(params.columns.iter().map(Some))]
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let input = cx.input();
        let columns = if params.columns.is_empty() {
            (0..input.fields().len()).collect()
        } else {
            params.columns.iter().map(|column| input.index_of(column.as_str())).collect::<Result<Vec<_>, _>>()?
        };
        let field = |column: &usize| of_column(input.field(*column).clone(), input.field(*column).name());
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let rows = NewestRows::new(schema, params.keep);
        Ok(Machine::View(Box::new(Table { title: title(params.title, cx), columns, rows })))
    }
}

struct Table {
    title: String,
    columns: Vec<usize>,
    rows: NewestRows,
}

impl View for Table {
    fn on_batch(&mut self, batch: RecordBatch) -> Result<(), NodeError> {
        let columns = self.columns.iter().map(|column| batch.column(*column).clone()).collect();
        self.rows.take(RecordBatch::try_new(self.rows.schema().clone(), columns)?)
    }

    fn picture(&mut self, _look: &Look) -> Result<ViewSnapshot, NodeError> {
        let spec = ViewSpec::Table(TableView { title: self.title.clone(), num_rows: self.rows.num_rows() });
        Ok(ViewSnapshot { spec, data: self.rows.rows()? })
    }

    fn snapshot(&mut self) -> Result<State, NodeError> {
        self.rows.save()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        self.rows.load(state)
    }

    fn state_bytes(&self) -> usize {
        self.rows.bytes()
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

    fn shown(view: &mut dyn View) -> (u64, Vec<i64>) {
        let picture = view.picture(&Look::WHOLE).expect("a picture");
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
            assert_eq!(shown(view.as_mut()), (1_000, (990..1_000).collect()), "batches of {size}");
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
        assert_eq!(shown(view.as_mut()), (15, (5..15).collect()));
        view.on_batch(rows(15..18)).expect("rows");
        assert_eq!(shown(view.as_mut()), (18, (8..18).collect()));
        assert!(view.state_bytes() > 0);
    }

    #[test]
    fn a_misspelt_column_is_a_diagnostic() {
        let problems =
            Harness::try_new::<TableNode>(json!({ "columns": ["m"] }), &[schema()]).err().expect("a problem");
        assert_eq!(problems[0].param, "columns[0]");
    }
}
