//! `process.pivot`: rows of name and value become one row with a column for each name.
//!
//! Holds time, keys and value of every row until the watermark has passed its time: then all rows of that time and key
//! are there, and leave as one. Of several rows with one time, key and name the last that arrived counts.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, UInt32Type};
use millrace_model::card::PortCard;
use millrace_model::event_time::with_event_time;
use millrace_model::{ColumnRef, RowTrait};
use millrace_operator::{
    BuildContext, CardText, InferContext, Machine, Node, NodeError, Operator, Output, Partitioning,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rejecting::first_error;
use crate::state::keys::{KeyEncoder, KeyMap, key_columns, table_bytes};
use crate::state::lateness::{Lateness, event_time_index, late_port};
use crate::state::rows::{RowStore, rows_of};
use crate::state::saved;

/// Turns rows of name and value into one wide row for each time and key.
///
/// With the key `device`, the name column `sensor`, the value column `value` and the names `temp` and `load`:
///
/// | in: ts | device | sensor | value | | out: ts | device | temp | load |
/// | --- | --- | --- | --- | --- | --- | --- | --- | --- |
/// | 10:00 | a | temp | 21.5 | | 10:00 | a | 21.5 | 0.7 |
/// | 10:00 | a | load | 0.7 | | 10:01 | a | 21.7 | *null* |
/// | 10:01 | a | temp | 21.7 | | | | | |
/// | 10:01 | a | fan | 3 | | *left out: `fan` is not among the names* | | | |
///
/// Rows belong together when they have the same event time and key; they leave when event time has passed them. Of
/// several values for one name the one that arrived last counts. Rows with another name, or none, are counted as left
/// out, and so are values that a later one replaced. Rows that are behind the watermark or have no time leave by the
/// `late` port. A null key is a key like any other.
///
/// Where the times of what belongs together differ a little, round them in a Select node before this one, with
/// `date_trunc('second', ts)` under the name of the event time, and a Parse timestamp node after that.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The column that says which column a value belongs to.
    pub name: ColumnRef,
    /// The column that holds the values.
    pub value: ColumnRef,
    /// The names that become columns, in this order.
    #[serde(default)]
    pub names: Vec<String>,
    /// One row for each combination of values of these columns, at each time.
    #[serde(default)]
    pub keys: Vec<ColumnRef>,
}

pub struct Pivot;

const ROWS: usize = 0;
const LATE: usize = 1;

/// Rows leave in batches of so many.
const BATCH_ROWS: usize = 8_192;

impl Node for Pivot {
    type Params = Params;
    const KIND: &'static str = "process.pivot";

    fn card() -> CardText {
        CardText::new("Pivot", "Turns rows of name and value into one wide row", "text-columns")
            .input(PortCard::rows("Rows with a name and a value.").needing(RowTrait::EventTime))
            .output(PortCard::rows("A row for each time and key, with a column for each name."))
            .output(late_port())
            .headline("name")
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![plan(params, cx).map(|plan| plan.schema), cx.input()]
    }

    fn partitioning(params: &Params) -> Partitioning {
        Partitioning::keyed(params.keys.iter().map(ColumnRef::as_str))
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let inputs = [Some(cx.input().clone())];
        let mut found = InferContext::new(&inputs, None);
        let plan = plan(&params, &mut found);
        let Some(plan) = plan.filter(|_| !found.has_errors()) else {
            return Err(first_error(found.into_problems()));
        };
        let held: SchemaRef = cx.input().project(&plan.held)?.into();
        Ok(Machine::Operator(Box::new(PivotOperator {
            encoder: KeyEncoder::new((1..=params.keys.len()).collect(), &held)?,
            lateness: Lateness::new(plan.time),
            rows: RowStore::new(held),
            groups: BTreeMap::new(),
            num_groups: 0,
            index_of: params.names.iter().cloned().zip(0..).collect(),
            plan,
        })))
    }
}

struct Plan {
    schema: SchemaRef,
    time: usize,
    name: usize,
    /// What is held of a row: time, keys, value.
    held: Vec<usize>,
}

/// What the params mean for the input; faults are reported in `cx`.
fn plan(params: &Params, cx: &mut InferContext<'_>) -> Option<Plan> {
    if params.names.is_empty() {
        cx.error("names", "no_names", "List the names that become columns, such as `temperature`.");
    }
    let input = cx.input()?;
    let name = cx.column("name", params.name.as_str(), &input);
    let value = cx.column("value", params.value.as_str(), &input);
    let keys = key_columns("keys", &params.keys, &input, cx);
    let time = event_time_index(cx, &input, "")?;
    let (name, value, keys) = (name?, value?, keys?);
    let is_text = match input.field(name).data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => matches!(**values, DataType::Utf8 | DataType::LargeUtf8),
        other => other.is_integer() || *other == DataType::Boolean,
    };
    if !is_text {
        let message = format!("Column `{}` is of type {}, no name.", params.name, input.field(name).data_type());
        cx.error("name", "not_a_name", message);
    }
    let mut held = vec![time];
    held.extend(&keys);
    let mut fields: Vec<FieldRef> = held.iter().map(|column| input.fields()[*column].clone()).collect();
    for (number, name) in params.names.iter().enumerate() {
        let param = format!("names[{number}]");
        if name.is_empty() {
            cx.error(&param, "no_name", "Name the column.");
        } else if fields.iter().any(|field| field.name() == name) {
            cx.error(&param, "duplicate_column", format!("There would be two columns called `{name}`; remove one."));
        }
        fields.push(Arc::new(Field::new(name, input.field(value).data_type().clone(), true)));
    }
    held.push(value);
    let event_time = input.field(time).name();
    let schema = Schema::new_with_metadata(fields, input.metadata().clone());
    Some(Plan { schema: with_event_time(&schema, Some(event_time)), time, name, held })
}

struct PivotOperator {
    plan: Plan,
    encoder: KeyEncoder,
    lateness: Lateness,
    rows: RowStore,
    /// By time and key: for each name the number of the row that gave its value.
    groups: BTreeMap<i64, KeyMap<Vec<Option<u64>>>>,
    num_groups: usize,
    index_of: HashMap<String, u32>,
}

impl PivotOperator {
    /// Takes rows (as they are held) whose name is the one of this index.
    fn hold(&mut self, rows: RecordBatch, times: &[i64], names: &[u32], out: &mut Output) -> Result<(), NodeError> {
        let keys = self.encoder.encode(&rows)?;
        let first = self.rows.push(rows)?;
        let num_names = self.index_of.len();
        for (row, (time_us, number)) in times.iter().zip(first..).enumerate() {
            let groups = self.groups.entry(*time_us).or_default();
            let cells = match groups.get_mut(keys.get(row)) {
                Some(cells) => cells,
                None => {
                    self.num_groups += 1;
                    groups.entry(keys.get(row).into()).or_insert_with(|| vec![None; num_names])
                }
            };
            if let Some(replaced) = cells[names[row] as usize].replace(number) {
                self.rows.free(replaced)?;
                out.drop_rows(1);
            }
        }
        Ok(())
    }

    fn emit(&mut self, groups: &mut Vec<Vec<Option<u64>>>, out: &mut Output) -> Result<(), NodeError> {
        if groups.is_empty() {
            return Ok(());
        }
        let any: Vec<Option<u64>> = groups.iter().map(|cells| cells.iter().flatten().next().copied()).collect();
        let value = self.plan.held.len() - 1;
        let mut columns = self.rows.columns(&any)?;
        columns.truncate(value);
        for name in 0..self.index_of.len() {
            let numbers: Vec<Option<u64>> = groups.iter().map(|cells| cells[name]).collect();
            columns.push(self.rows.column(value, &numbers)?);
        }
        out.emit(ROWS, RecordBatch::try_new(self.plan.schema.clone(), columns)?);
        for number in groups.drain(..).flatten().flatten() {
            self.rows.free(number)?;
        }
        Ok(())
    }
}

impl Operator for PivotOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let in_time = self.lateness.sort_out(batch, LATE, out)?;
        let texts = cast(in_time.batch.column(self.plan.name), &DataType::Utf8)?;
        let texts = texts.as_string::<i32>();
        let (mut rows, mut names) = (Vec::new(), Vec::new());
        for (row, number) in (0..texts.len()).zip(0_u32..) {
            if texts.is_valid(row)
                && let Some(name) = self.index_of.get(texts.value(row))
            {
                rows.push(number);
                names.push(*name);
            }
        }
        out.drop_rows(texts.len() - rows.len());
        let times: Vec<i64> = rows.iter().map(|row| in_time.times[*row as usize]).collect();
        let held = rows_of(&in_time.batch.project(&self.plan.held)?, &rows)?;
        self.hold(held, &times, &names, out)
    }

    fn on_watermark(&mut self, watermark_us: i64, out: &mut Output) -> Result<(), NodeError> {
        self.lateness.advance(watermark_us);
        let mut leaving = Vec::new();
        while let Some(group) = self.groups.first_entry() {
            if *group.key() >= watermark_us && watermark_us < i64::MAX {
                break;
            }
            let mut of_time: Vec<_> = group.remove().into_iter().collect();
            self.num_groups -= of_time.len();
            of_time.sort_unstable();
            leaving.extend(of_time.into_iter().map(|(_, cells)| cells));
            if leaving.len() >= BATCH_ROWS {
                self.emit(&mut leaving, out)?;
            }
        }
        self.emit(&mut leaving, out)
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        let (rows, numbers) = self.rows.all()?;
        let mut names: Vec<(u64, u32)> = Vec::with_capacity(numbers.len());
        for cells in self.groups.values().flat_map(KeyMap::values) {
            names.extend(cells.iter().zip(0_u32..).filter_map(|(number, name)| Some(((*number)?, name))));
        }
        names.sort_unstable();
        let names = UInt32Array::from_iter_values(names.into_iter().map(|(_, name)| name));
        let names = RecordBatch::try_from_iter([("name", Arc::new(names) as _)])?;
        saved::to_bytes(&self.lateness.watermark_us, &[rows, names])
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let (watermark_us, [rows, names]) = saved::from_bytes(state)?;
        self.lateness.watermark_us = watermark_us;
        let names = names.column(0).as_primitive_opt::<UInt32Type>().ok_or_else(saved::damaged)?.values().to_vec();
        if names.iter().any(|name| *name as usize >= self.index_of.len()) || names.len() != rows.num_rows() {
            return Err(saved::damaged());
        }
        let times = millrace_operator::time::event_times(rows.column(0).as_ref())?.values().to_vec();
        self.hold(rows, &times, &names, &mut Output::default())
    }

    fn state_bytes(&self) -> usize {
        let cells = self.num_groups * self.index_of.len() * size_of::<Option<u64>>();
        self.rows.bytes() + cells + self.groups.values().map(table_bytes).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Row, event_rows};
    use millrace_operator::harness::{Gathered, Harness, assert_node_contract};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn harness(params: Value) -> Harness {
        Harness::new::<Pivot>(params, &[event_rows(&[]).schema()])
    }

    fn params() -> Value {
        json!({"name": "key", "value": "id", "names": ["a", "b"]})
    }

    /// Time in seconds and the two values, in the order in which they left.
    fn found(gathered: &Gathered) -> Vec<(i64, Option<i64>, Option<i64>)> {
        let Some(rows) = gathered.port("rows") else { return Vec::new() };
        let times = millrace_operator::time::event_times(rows.column(0)).expect("a time");
        let json = gathered.json("rows");
        json.iter()
            .enumerate()
            .map(|(row, json)| (times.value(row) / 1_000_000, json["a"].as_i64(), json["b"].as_i64()))
            .collect()
    }

    #[test]
    fn it_keeps_the_contract() {
        assert_node_contract::<Pivot>(params(), &[event_rows(&[]).schema()]);
    }

    #[test]
    fn rows_of_one_time_become_one_when_the_watermark_has_passed_it() {
        let harness = harness(params());
        let mut run = harness.operator();
        run.push(event_rows(&[(Some(1), Some("a"), 1), (Some(1), Some("x"), 2), (Some(1), None, 3), (None, None, 4)]));
        run.watermark(1_000_000).restart();
        assert_eq!(run.gathered.rows_at("rows"), 0);
        run.push(event_rows(&[(Some(1), Some("b"), 5), (Some(1), Some("b"), 6), (Some(0), Some("a"), 7)]));
        run.watermark(1_000_001);
        assert_eq!(found(&run.gathered), [(1, Some(1), Some(6))]);
        run.push(event_rows(&[(Some(9), Some("b"), 8)])).push(event_rows(&[])).restart().end();
        assert_eq!(found(&run.gathered)[1], (9, None, Some(8)));
        assert_eq!((run.gathered.rows_at("late"), run.gathered.rows_dropped), (2, 3));
        assert!(run.operator().state_bytes() < 1_000);
    }

    #[test]
    fn each_key_has_a_row_of_its_own() {
        let harness = harness(json!({"name": "id", "value": "id", "names": ["1", "2"], "keys": ["key"]}));
        let mut run = harness.operator();
        run.push(event_rows(&[(Some(0), Some("p"), 1), (Some(0), None, 2), (Some(0), Some("p"), 2)])).restart().end();
        let rows = run.gathered.json("rows");
        let found: Vec<_> =
            rows.iter().map(|row| (row["key"].as_str(), row["1"].as_i64(), row["2"].as_i64())).collect();
        assert_eq!(found, [(None, None, Some(2)), (Some("p"), Some(1), Some(2))]);
    }

    #[test]
    fn what_cannot_be_is_found_before_the_run() {
        for (params, code) in [
            (json!({"name": "key", "value": "id", "names": []}), "no_names"),
            (json!({"name": "key", "value": "id", "names": ["a", "a"]}), "duplicate_column"),
            (json!({"name": "key", "value": "id", "names": ["ts"]}), "duplicate_column"),
            (json!({"name": "ts", "value": "id", "names": ["a"]}), "not_a_name"),
            (json!({"name": "kee", "value": "id", "names": ["a"]}), "unknown_column"),
        ] {
            let problems = Harness::try_new::<Pivot>(params, &[event_rows(&[]).schema()]).err();
            assert_eq!(problems.expect("a problem")[0].code, code);
        }
    }

    proptest! {
        #[test]
        fn it_is_the_same_as_a_table_of_all_rows(
            rows in prop::collection::vec((0..20i64, prop::sample::select(vec![Some("a"), Some("b"), Some("c")])), 0..60),
            batch_size in 1..9usize,
            lag in 0..10i64,
        ) {
            let harness = harness(params());
            let mut run = harness.operator();
            let rows: Vec<Row> = rows.iter().enumerate().map(|(id, row)| (Some(row.0), row.1, id as i64)).collect();
            let (mut mark, mut table) = (i64::MIN, BTreeMap::new());
            for part in rows.chunks(batch_size) {
                for (time, key, id) in part.iter().filter(|row| row.0 >= Some(mark) && row.1 != Some("c")) {
                    let cells: &mut (Option<i64>, Option<i64>) = table.entry(time.expect("a time")).or_default();
                    let cell = if *key == Some("a") { &mut cells.0 } else { &mut cells.1 };
                    *cell = Some(*id);
                }
                mark = mark.max(part.iter().filter_map(|row| row.0).max().unwrap_or(0) - lag);
                run.push(event_rows(part)).watermark(mark * 1_000_000).restart();
            }
            run.end();
            let expected: Vec<_> = table.into_iter().map(|(time, (a, b))| (time, a, b)).collect();
            prop_assert_eq!(found(&run.gathered), expected);
        }
    }
}
