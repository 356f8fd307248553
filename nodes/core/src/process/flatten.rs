//! `process.flatten`: a list into rows, or a struct into columns.
//!
//! Stateless. Rows in and out do not add up where a list is taken apart; lists without items are dropped and counted.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, UInt32Array, UInt64Array};
use arrow::compute::{cast, is_null, nullif, take};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use millrace_model::ColumnRef;
use millrace_model::RowTrait;
use millrace_model::card::PortCard;
use millrace_model::event_time::{event_time_column, with_event_time};
use millrace_operator::{
    BuildContext, CardText, Columns, InferContext, Machine, Node, NodeError, Operator, Output, Partitioning, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rejecting::first_error;

/// Takes a nested column apart: a list into one row for each item, a struct into one column for each field.
///
/// With the list `tags`:
///
/// | in: id | tags | out: id | tags |
/// | --- | --- | --- | --- |
/// | 1 | [x, y] | 1 | x |
/// | | | 1 | y |
/// | 2 | [] | *left out* | |
///
/// The other columns are repeated for each item. A list that is empty or null gives no row and is counted, or with
/// `keep_empty` one row with null.
///
/// With the struct `position` and the prefix `position_`:
///
/// | in: id | position | out: id | position_x | position_y |
/// | --- | --- | --- | --- | --- |
/// | 1 | {x: 3, y: 4} | 1 | 3 | 4 |
/// | 2 | *null* | 2 | *null* | *null* |
///
/// What lies deeper stays as it is: put one Flatten behind the other.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The column to take apart: a list or a struct.
    pub column: ColumnRef,
    /// Struct: what the names of the new columns begin with, such as `position_`.
    #[serde(default)]
    pub prefix: String,
    /// List: an empty or null list gives one row with null instead of none.
    #[serde(default)]
    pub keep_empty: bool,
}

pub struct Flatten;

impl Node for Flatten {
    type Params = Params;
    const KIND: &'static str = "process.flatten";

    fn card() -> CardText {
        CardText::new("Flatten", "Takes lists apart into rows and structs into columns", "rows-plus-bottom")
            .input(PortCard::rows("Rows with a nested column.").needing(RowTrait::Nested))
            .output(
                PortCard::rows("The rows with that column taken apart.").giving(&[RowTrait::Number, RowTrait::Text]),
            )
            .headline("column")
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![plan(params, cx).map(|plan| plan.schema)]
    }

    fn partitioning(_: &Params) -> Partitioning {
        Partitioning::Stateless
    }

    fn reads(params: &Params, wanted: &Wanted<'_>) -> Vec<Columns> {
        // The members of a struct are no columns of the input, and mean nothing there.
        vec![Columns::named([params.column.as_str()]).and(wanted.output(0))]
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let inputs = [Some(cx.input().clone())];
        let mut found = InferContext::new(&inputs, None);
        let plan = plan(&params, &mut found);
        let Some(plan) = plan.filter(|_| !found.has_errors()) else {
            return Err(first_error(found.into_problems()));
        };
        Ok(Machine::Operator(Box::new(FlattenOperator { plan, keep_empty: params.keep_empty })))
    }
}

struct Plan {
    schema: SchemaRef,
    column: usize,
    /// The type that all lists are brought to; `None` for a struct.
    list: Option<DataType>,
}

/// What the params mean for the input; faults are reported in `cx`.
fn plan(params: &Params, cx: &mut InferContext<'_>) -> Option<Plan> {
    let input = cx.input()?;
    let column = cx.column("column", params.column.as_str(), &input)?;
    let mut fields: Vec<FieldRef> = input.fields().iter().cloned().collect();
    let mut event_time = event_time_column(&input).map(str::to_owned);
    let list = match input.field(column).data_type() {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            fields[column] = Arc::new(Field::new(params.column.as_str(), item.data_type().clone(), true));
            Some(DataType::List(item.clone()))
        }
        DataType::Struct(members) => {
            let member = |member: &FieldRef| -> FieldRef {
                let name = format!("{}{}", params.prefix, member.name());
                Arc::new(Field::new(name, member.data_type().clone(), true))
            };
            fields.splice(column..=column, members.iter().map(member));
            event_time = event_time.filter(|name| *name != params.column.as_str());
            None
        }
        other => {
            let message = format!("Column `{}` is of type {other}, neither a list nor a struct.", params.column);
            cx.error("column", "not_nested", message);
            return None;
        }
    };
    let mut names = HashSet::new();
    if let Some(twice) = fields.iter().find(|field| !names.insert(field.name())) {
        let message = format!("There would be two columns called `{}`: choose another prefix.", twice.name());
        cx.error("prefix", "duplicate_column", message);
    }
    let schema = Schema::new_with_metadata(fields, input.metadata().clone());
    Some(Plan { schema: with_event_time(&schema, event_time.as_deref()), column, list })
}

struct FlattenOperator {
    plan: Plan,
    keep_empty: bool,
}

impl FlattenOperator {
    fn list(&self, batch: &RecordBatch, list: &DataType, out: &mut Output) -> Result<RecordBatch, NodeError> {
        let lists = cast(batch.column(self.plan.column), list)?;
        let lists = lists.as_list::<i32>();
        let mut rows: Vec<u32> = Vec::with_capacity(lists.values().len());
        let mut items: Vec<Option<u64>> = Vec::with_capacity(lists.values().len());
        let mut num_dropped = 0;
        for (row, index) in (0..lists.len()).zip(0_u32..) {
            let offsets = lists.value_offsets();
            let (first, end) = (offsets[row].unsigned_abs(), offsets[row + 1].unsigned_abs());
            if lists.is_valid(row) && first < end {
                rows.extend(std::iter::repeat_n(index, (end - first) as usize));
                items.extend((first..end).map(|item| Some(u64::from(item))));
            } else if self.keep_empty {
                rows.push(index);
                items.push(None);
            } else {
                num_dropped += 1;
            }
        }
        out.drop_rows(num_dropped);
        let (rows, items) = (UInt32Array::from(rows), UInt64Array::from(items));
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (index, column) in batch.columns().iter().enumerate() {
            columns.push(match index == self.plan.column {
                true => take(lists.values().as_ref(), &items, None)?,
                false => take(column.as_ref(), &rows, None)?,
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(items.len()));
        Ok(RecordBatch::try_new_with_options(self.plan.schema.clone(), columns, &options)?)
    }

    fn members(&self, batch: &RecordBatch) -> Result<RecordBatch, NodeError> {
        let structs = batch.column(self.plan.column).as_struct();
        let mut members: Vec<ArrayRef> = structs.columns().to_vec();
        if structs.null_count() > 0 {
            // Under a null struct anything may stand.
            let nulls = is_null(structs)?;
            members = members.iter().map(|member| nullif(member.as_ref(), &nulls)).collect::<Result<_, _>>()?;
        }
        let mut columns = batch.columns().to_vec();
        columns.splice(self.plan.column..=self.plan.column, members);
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(self.plan.schema.clone(), columns, &options)?)
    }
}

impl Operator for FlattenOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let flat = match &self.plan.list {
            Some(list) => self.list(&batch, list, out)?,
            None => self.members(&batch)?,
        };
        out.emit(0, flat);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, ListArray, StructArray};
    use arrow::buffer::NullBuffer;
    use arrow::datatypes::Int64Type;
    use millrace_operator::harness::{Harness, assert_node_contract};
    use serde_json::{Value, json};

    fn batch() -> RecordBatch {
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(vec![
            Some(vec![Some(1), None]),
            None,
            Some(vec![]),
            Some(vec![Some(4)]),
        ]);
        let x: ArrayRef = Arc::new(Int64Array::from(vec![5, 6, 7, 8]));
        let structs = StructArray::try_new(
            vec![Field::new("x", DataType::Int64, false)].into(),
            vec![x],
            Some(NullBuffer::from(vec![true, false, true, true])),
        )
        .expect("fields fit");
        RecordBatch::try_from_iter_with_nullable([
            ("id", Arc::new(Int64Array::from(vec![0, 1, 2, 3])) as ArrayRef, true),
            ("list", Arc::new(lists) as ArrayRef, true),
            ("s", Arc::new(structs) as ArrayRef, true),
        ])
        .expect("columns fit")
    }

    fn run(params: Value) -> (Vec<Value>, u64) {
        let harness = Harness::new::<Flatten>(params, &[batch().schema()]);
        let mut run = harness.operator();
        run.push(batch().slice(0, 0)).push(batch().slice(0, 1)).restart().push(batch().slice(1, 3)).end();
        (run.gathered.json("rows"), run.gathered.rows_dropped)
    }

    #[test]
    fn it_keeps_the_contract() {
        assert_node_contract::<Flatten>(json!({"column": "list"}), &[batch().schema()]);
        assert_node_contract::<Flatten>(json!({"column": "s", "prefix": "s_"}), &[batch().schema()]);
    }

    #[test]
    fn a_list_becomes_rows_and_one_without_items_is_dropped_and_counted() {
        let (rows, num_dropped) = run(json!({"column": "list"}));
        let found: Vec<_> = rows.iter().map(|row| (row["id"].as_i64(), row["list"].as_i64())).collect();
        assert_eq!(found, [(Some(0), Some(1)), (Some(0), None), (Some(3), Some(4))]);
        assert_eq!(num_dropped, 2);
        let (rows, num_dropped) = run(json!({"column": "list", "keep_empty": true}));
        assert_eq!((rows.len(), num_dropped), (5, 0));
        assert_eq!(rows[2]["list"], Value::Null);
    }

    #[test]
    fn lists_of_every_kind_are_taken_apart() {
        let item = Arc::new(Field::new_list_field(DataType::Int64, true));
        let plain = ListArray::from_iter_primitive::<Int64Type, _, _>(vec![Some(vec![Some(1), Some(2)]), None]);
        for data_type in [DataType::LargeList(item.clone()), DataType::FixedSizeList(item, 2)] {
            let lists = cast(&plain, &data_type).expect("a list");
            let input = RecordBatch::try_from_iter_with_nullable([("list", lists, true)]).expect("fits");
            let harness = Harness::new::<Flatten>(json!({"column": "list"}), &[input.schema()]);
            let mut run = harness.operator();
            run.push(input.clone()).push(input.slice(0, 1)).end();
            let items: Vec<_> = run.gathered.json("rows").iter().map(|row| row["list"].as_i64()).collect();
            assert_eq!(items, [Some(1), Some(2), Some(1), Some(2)], "{data_type}");
        }
    }

    #[test]
    fn a_struct_becomes_columns_in_its_place_and_null_ones_are_null() {
        let (rows, _) = run(json!({"column": "s", "prefix": "s_"}));
        let found: Vec<_> = rows.iter().map(|row| row["s_x"].as_i64()).collect();
        assert_eq!(found, [Some(5), None, Some(7), Some(8)]);
    }

    #[test]
    fn what_cannot_be_is_found_before_the_run() {
        let code = |params: Value| {
            Harness::try_new::<Flatten>(params, &[batch().schema()]).err().expect("a problem")[0].code.clone()
        };
        assert_eq!(code(json!({"column": "id"})), "not_nested");
        assert_eq!(code(json!({"column": "lisst"})), "unknown_column");
        let x: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let structs = StructArray::from(vec![(Arc::new(Field::new("id", DataType::Int64, false)), x.clone())]);
        let input = RecordBatch::try_from_iter([("id", x), ("s", Arc::new(structs) as ArrayRef)]).expect("fits");
        let problems = Harness::try_new::<Flatten>(json!({"column": "s"}), &[input.schema()]).err();
        assert_eq!(problems.expect("a problem")[0].code, "duplicate_column");
    }
}
