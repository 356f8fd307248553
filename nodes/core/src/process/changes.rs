//! `process.changes`: a row only when what is watched has changed for its key.
//!
//! Holds for each key the watched values of its last row, as bytes. Rows in = rows passed + dropped.

use arrow::array::{BooleanArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use millrace_model::ColumnRef;
use millrace_model::card::PortCard;
use millrace_operator::{
    BuildContext, CardText, Columns, InferContext, Machine, Node, NodeError, Operator, Output, Partitioning, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rejecting::first_error;
use crate::state::keys::{KeyEncoder, KeyMap, key_columns, table_bytes};
use crate::state::rows::emit_passing;
use crate::state::saved;

/// Passes a row only when the watched columns differ from those of the row before with the same key.
///
/// With the key `device`, watching `status`:
///
/// | device | status | |
/// | --- | --- | --- |
/// | a | on | passes: the first row of `a` |
/// | a | on | left out |
/// | b | on | passes: the first row of `b` |
/// | a | off | passes |
///
/// Null is a value: from 1 to null is a change, from null to null is none. Rows are compared in the order in which they
/// arrive; put a **Sort** node before this one where they may be out of order. Rows that are left out are counted. The
/// last values of every key are held for as long as the pipeline runs.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The columns whose changes count.
    #[serde(default)]
    pub watch: Vec<ColumnRef>,
    /// Each combination of values of these columns is looked at by itself. None: all rows together.
    #[serde(default)]
    pub keys: Vec<ColumnRef>,
}

pub struct Changes;

impl Node for Changes {
    type Params = Params;
    const KIND: &'static str = "process.changes";

    fn card() -> CardText {
        CardText::new("Changes", "Passes a row only when what is watched has changed", "not-equals")
            .can_bypass()
            .input(PortCard::rows("Rows that often repeat themselves."))
            .output(PortCard::rows("The rows in which something changed."))
            .headline("watch")
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        plan(params, cx);
        vec![cx.input()]
    }

    fn partitioning(params: &Params) -> Partitioning {
        Partitioning::keyed(params.keys.iter().map(ColumnRef::as_str))
    }

    fn reads(params: &Params, wanted: &Wanted<'_>) -> Vec<Columns> {
        let watched = Columns::named(params.watch.iter().map(ColumnRef::as_str));
        vec![watched.and(wanted.output(0))]
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let inputs = [Some(cx.input().clone())];
        let mut found = InferContext::new(&inputs, None);
        let plan = plan(&params, &mut found);
        let Some((keys, watch)) = plan.filter(|_| !found.has_errors()) else {
            return Err(first_error(found.into_problems()));
        };
        Ok(Machine::Operator(Box::new(ChangesOperator {
            keys: KeyEncoder::new(keys, cx.input())?,
            watched: KeyEncoder::new(watch, cx.input())?,
            last: KeyMap::default(),
            value_bytes: 0,
        })))
    }
}

/// The key columns and the watched columns.
fn plan(params: &Params, cx: &mut InferContext<'_>) -> Option<(Vec<usize>, Vec<usize>)> {
    if params.watch.is_empty() {
        cx.error("watch", "no_columns", "Name the columns whose changes count, such as `status`.");
    }
    let input = cx.input()?;
    let keys = key_columns("keys", &params.keys, &input, cx);
    let watch = key_columns("watch", &params.watch, &input, cx);
    Some((keys?, watch?))
}

struct ChangesOperator {
    keys: KeyEncoder,
    watched: KeyEncoder,
    last: KeyMap<Vec<u8>>,
    /// Bytes of the values of `last`.
    value_bytes: usize,
}

impl Operator for ChangesOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let keys = self.keys.encode(&batch)?;
        let watched = self.watched.encode(&batch)?;
        let mut passes = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let value = watched.get(row);
            let is_change = match self.last.get_mut(keys.get(row)) {
                None => {
                    self.last.insert(keys.get(row).into(), value.to_vec());
                    self.value_bytes += value.len();
                    true
                }
                Some(last) if last.as_slice() == value => false,
                Some(last) => {
                    self.value_bytes = self.value_bytes + value.len() - last.len();
                    last.clear();
                    last.extend_from_slice(value);
                    true
                }
            };
            passes.push(is_change);
        }
        emit_passing(batch, &BooleanArray::from(passes), 0, out)
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        let keys = self.keys.decode(self.last.keys().map(AsRef::as_ref))?;
        let values = self.watched.decode(self.last.values().map(AsRef::as_ref))?;
        saved::to_bytes(&keys.len(), &[saved::table(keys, values)?])
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let (num_keys, [table]) = saved::from_bytes::<usize, 1>(state)?;
        let (keys, values) = table.columns().split_at_checked(num_keys).ok_or_else(saved::damaged)?;
        let keys = self.keys.encode_columns(keys)?;
        let values = self.watched.encode_columns(values)?;
        self.last = (0..table.num_rows()).map(|row| (keys.get(row).into(), values.get(row).to_vec())).collect();
        self.value_bytes = self.last.values().map(Vec::len).sum();
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        table_bytes(&self.last) + self.value_bytes
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::testing::{Row, event_rows, ids};
    use millrace_operator::harness::{Harness, assert_node_contract};
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn it_keeps_the_contract() {
        assert_node_contract::<Changes>(json!({"watch": ["id"], "keys": ["key"]}), &[event_rows(&[]).schema()]);
        assert_node_contract::<Changes>(json!({"watch": ["id"]}), &[event_rows(&[]).schema()]);
    }

    #[test]
    fn null_is_a_value() {
        let harness = Harness::new::<Changes>(json!({"watch": ["key"]}), &[event_rows(&[]).schema()]);
        let mut run = harness.operator();
        run.push(event_rows(&[(None, None, 0), (None, None, 1), (None, Some("x"), 2)])).restart();
        run.push(event_rows(&[(None, Some("x"), 3), (None, None, 4)])).push(event_rows(&[])).end();
        assert_eq!(ids(&run.gathered, "rows"), [0, 2, 4]);
        assert_eq!(run.gathered.rows_dropped, 2);
        assert!(run.operator().state_bytes() > 0);
    }

    #[test]
    fn nothing_to_watch_is_found_before_the_run() {
        let problems = Harness::try_new::<Changes>(json!({"keys": ["key"]}), &[event_rows(&[]).schema()]).err();
        assert_eq!(problems.expect("a problem")[0].code, "no_columns");
    }

    proptest! {
        #[test]
        fn it_is_the_same_as_comparing_each_row_with_the_one_before(
            rows in prop::collection::vec((prop::option::of(0..3i64), prop::option::of(0..3usize)), 0..60),
            batch_size in 1..9usize,
        ) {
            let names = ["a", "b", "c"];
            let rows: Vec<Row> =
                rows.iter().enumerate().map(|(id, row)| (row.0, row.1.map(|key| names[key]), id as i64)).collect();
            let harness =
                Harness::new::<Changes>(json!({"watch": ["ts"], "keys": ["key"]}), &[event_rows(&[]).schema()]);
            let mut run = harness.operator();
            for part in rows.chunks(batch_size) {
                run.push(event_rows(part)).restart();
            }
            let mut last = HashMap::new();
            let expected = rows.iter().filter(|row| last.insert(row.1, row.0) != Some(row.0));
            let expected: Vec<i64> = expected.map(|row| row.2).collect();
            prop_assert_eq!(ids(&run.gathered, "rows"), expected);
        }
    }
}
