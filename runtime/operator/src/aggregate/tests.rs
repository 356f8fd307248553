//! What aggregates promise, over single tables.

use super::*;
use crate::harness::rows_as_json;
use arrow::array::{ArrayRef, UInt64Array};
use arrow::array::{Float64Array, Int64Array, StringArray};
use arrow::datatypes::DataType;
use serde_json::{Value, json};

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("key", DataType::Utf8, true),
        Field::new("n", DataType::Int64, true),
        Field::new("x", DataType::Float64, true),
    ]))
}

fn batch(keys: &[Option<&str>], n: &[Option<i64>], x: &[Option<f64>]) -> RecordBatch {
    RecordBatch::try_new(
        schema(),
        vec![
            Arc::new(StringArray::from(keys.to_vec())),
            Arc::new(Int64Array::from(n.to_vec())),
            Arc::new(Float64Array::from(x.to_vec())),
        ],
    )
    .expect("columns fit")
}

fn aggregates(list: &[(&str, &str)]) -> Vec<NamedAggregate> {
    let named = |(name, expression): &(&str, &str)| NamedAggregate {
        name: (*name).to_owned(),
        expression: AggregateExpression::from(*expression),
    };
    list.iter().map(named).collect()
}

fn plan(keys: &[&str], list: &[(&str, &str)]) -> Result<AggregatePlan, Vec<AggregateError>> {
    let keys: Vec<ColumnRef> = keys.iter().map(|key| ColumnRef::from(*key)).collect();
    AggregatePlan::compile(&keys, &aggregates(list), &schema())
}

fn sorted(batch: &RecordBatch) -> Vec<Value> {
    let mut rows = rows_as_json(batch);
    rows.sort_by_key(Value::to_string);
    rows
}

/// A table and the plan that prepares its rows.
struct Added {
    plan: AggregatePlan,
    table: GroupTable,
}

impl Added {
    fn new(plan: &AggregatePlan) -> Self {
        Self { plan: plan.clone(), table: plan.new_table().expect("a table") }
    }

    fn add(&mut self, rows: &RecordBatch) -> Vec<RowFailure> {
        let (prepared, failures) = self.plan.prepare(rows).expect("prepares");
        self.table.update(&prepared).expect("adds");
        failures
    }

    fn finish(self) -> RecordBatch {
        let finished = self.table.finish().expect("finishes");
        assert_eq!(finished.failures, []);
        finished.rows
    }
}

const EVERY: &[(&str, &str)] = &[
    ("rows", "count(*)"),
    ("known", "count(n)"),
    ("total", "sum(n)"),
    ("mean", "avg(x)"),
    ("spread", "max(x) - min(x)"),
    ("big", "count(*) FILTER (WHERE n > 1)"),
    ("distinct", "count(DISTINCT n)"),
    ("middle", "median(x)"),
    ("deviation", "stddev(x)"),
    ("last", "last_value(n)"),
];

#[test]
fn groups_are_aggregated_as_sql_does() {
    let mut table = Added::new(&plan(&["key"], EVERY).expect("compiles"));
    let a = Some("a");
    table.add(&batch(&[a, None, a], &[Some(1), Some(5), Some(2)], &[Some(1.0), Some(9.0), None]));
    table.add(&batch(&[a], &[None], &[Some(3.0)]));
    assert_eq!(table.table.num_groups(), 2, "null keys form a group of their own");
    assert_eq!(
        sorted(&table.finish()),
        [
            json!({"key": "a", "rows": 3, "known": 2, "total": 3, "mean": 2.0, "spread": 2.0, "big": 1,
                   "distinct": 2, "middle": 2.0, "deviation": std::f64::consts::SQRT_2, "last": null}),
            json!({"key": null, "rows": 1, "known": 1, "total": 5, "mean": 9.0, "spread": 0.0, "big": 1,
                   "distinct": 1, "middle": 9.0, "deviation": null, "last": 5}),
        ]
    );
}

#[test]
fn a_restored_table_goes_on_as_if_nothing_had_happened() {
    for keys in [&["key"][..], &[]] {
        let plan = plan(keys, EVERY).expect("compiles");
        let first = batch(&[Some("a"), None], &[Some(1), Some(2)], &[Some(1.0), None]);
        let second = batch(&[Some("a"), Some("b")], &[Some(7), None], &[Some(4.0), Some(5.0)]);
        let mut plain = Added::new(&plan);
        let mut looked_at = Added::new(&plan);
        plain.add(&first);
        looked_at.add(&first);
        let state = looked_at.table.snapshot().expect("a snapshot");
        let mut restored = Added { plan: plan.clone(), table: plan.restore_table(&state).expect("restores") };
        for table in [&mut plain, &mut looked_at, &mut restored] {
            table.add(&second);
        }
        let expected = sorted(&plain.finish());
        assert_eq!(sorted(&looked_at.finish()), expected, "a snapshot changes nothing");
        assert_eq!(sorted(&restored.finish()), expected, "restore = uninterrupted");
    }
}

#[test]
fn groups_by_number_and_their_partial_states_give_what_a_table_gives() {
    let plan = plan(&["key"], EVERY).expect("compiles");
    let parts = [
        batch(&[Some("a"), None, Some("b")], &[Some(1), Some(2), Some(3)], &[Some(1.0), None, Some(2.5)]),
        batch(&[Some("b"), Some("a")], &[Some(7), None], &[Some(4.0), Some(5.0)]),
        batch(&[Some("c"), Some("a")], &[Some(7), Some(1)], &[Some(4.0), Some(6.0)]),
    ];
    let mut expected = Added::new(&plan);
    let mut keys = plan.new_keys().expect("keys");
    let mut partials = Partials::default();
    let mut held: Vec<Vec<u32>> = Vec::new();
    let mut numbers = Vec::new();
    for part in &parts {
        expected.add(part);
        let (prepared, _) = plan.prepare(part).expect("prepares");
        keys.intern(&prepared.columns()[..1], prepared.num_rows(), &mut numbers).expect("interns");
        held.resize_with(keys.len(), || vec![partials.reserve()]);
        let mut handles = Vec::new();
        let slots: Vec<usize> = numbers
            .iter()
            .map(|number| {
                let handle = held[*number][0];
                handles.iter().position(|known| *known == handle).unwrap_or_else(|| {
                    handles.push(handle);
                    handles.len() - 1
                })
            })
            .collect();
        partials.fold(&plan, &handles, &prepared, &slots).expect("folds");
    }
    let mut merged = plan.new_slots().expect("slots");
    for (number, handles) in held.iter().enumerate() {
        let state = partials.gather(handles).expect("gathers").expect("some");
        // A group must have a row in the call that brings it.
        merged.merge(&state, &vec![number; handles.len()], number + 1).expect("merges");
    }
    let keys = keys.take(&[0, 1, 2, 3]).expect("takes");
    let finished = merged.finish(keys.columns().to_vec(), 4).expect("finishes");
    assert_eq!(sorted(&finished.rows), sorted(&expected.finish()));
}

#[test]
fn partials_keep_what_is_alive_and_give_memory_back() {
    let state = |from: i64, num: i64| {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(from..from + num));
        RecordBatch::try_from_iter([("n", numbers)]).expect("a column")
    };
    let mut partials = Partials::default();
    let mut alive: Vec<(u32, i64)> = Vec::new();
    let mut random = 7u64;
    for round in 0..300i64 {
        let handles = partials.add(state(round * 100, 100));
        alive.extend(handles.into_iter().zip(round * 100..));
        for _ in 0..98 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (handle, _) = alive.swap_remove((random >> 33) as usize % alive.len());
            partials.forget(handle);
        }
        partials.tidy().expect("tidies");
        let handles: Vec<u32> = alive.iter().map(|(handle, _)| *handle).collect();
        let rows = partials.gather(&handles).expect("gathers").expect("some are alive");
        let found: Vec<i64> = rows.column(0).as_primitive::<arrow::datatypes::Int64Type>().values().to_vec();
        assert_eq!(found, alive.iter().map(|(_, value)| *value).collect::<Vec<_>>());
    }
    assert_eq!(partials.len(), 600);
    assert!(partials.state_bytes() < 300_000, "{}", partials.state_bytes());
}

#[test]
fn keys_are_numbered_as_met_given_back_and_forgotten() {
    let mut keys = plan(&["key"], &[("n", "count(*)")]).expect("compiles").new_keys().expect("keys");
    let mut numbers = Vec::new();
    for (texts, expected) in
        [(vec![Some("b"), None, Some("b")], [0, 1, 0]), (vec![Some("a"), Some("c"), None], [2, 3, 1])]
    {
        let column: ArrayRef = Arc::new(StringArray::from(texts));
        keys.intern(&[column], 3, &mut numbers).expect("interns");
        assert_eq!(numbers, expected);
    }
    let texts =
        |batch: &RecordBatch| -> Vec<Value> { rows_as_json(batch).iter().map(|row| row["key"].clone()).collect() };
    assert_eq!(texts(&keys.take(&[3, 1, 0]).expect("takes")), [json!("c"), json!(null), json!("b")]);
    keys.retain(&[3, 1]).expect("retains");
    assert_eq!((keys.len(), texts(&keys.take(&[0, 1]).expect("takes"))), (2, vec![json!("c"), json!(null)]));
}

#[test]
fn a_row_whose_argument_or_filter_cannot_be_computed_is_named_and_counts_as_null() {
    let list = [
        ("total", "sum(n * 2)"),
        ("parsed", "sum(CAST(key AS BIGINT)) FILTER (WHERE n < 10)"),
        ("few", "count(*) FILTER (WHERE 10 / n > 1)"),
    ];
    let mut table = Added::new(&plan(&[], &list).expect("compiles"));
    let failures = table.add(&batch(
        &[Some("1"), Some("x"), Some("x"), Some("2"), None],
        &[Some(1), Some(11), Some(2), Some(0), Some(i64::MAX)],
        &[None; 5],
    ));
    let rows: Vec<usize> = failures.iter().map(|failure| failure.row).collect();
    assert_eq!(rows, [2, 3, 4], "the cast of row 1 is not asked for: {failures:#?}");
    assert_eq!(rows_as_json(&table.finish()), [json!({"total": 28, "parsed": 3, "few": 2})]);
}

#[test]
fn a_sum_that_does_not_fit_is_an_error_of_its_group_and_not_a_wrong_number() {
    let schema = Arc::new(Schema::new(vec![
        Field::new("key", DataType::Utf8, true),
        Field::new("n", DataType::Int64, true),
        Field::new("u", DataType::UInt64, true),
    ]));
    let list = [("total", "sum(n)"), ("distinct", "sum(DISTINCT n)"), ("unsigned", "sum(u)"), ("half", "sum(n) / 2")];
    let plan = AggregatePlan::compile(&[ColumnRef::from("key")], &aggregates(&list), &schema).expect("compiles");
    let types: Vec<&DataType> = plan.output_schema().fields().iter().map(|field| field.data_type()).collect();
    assert_eq!(types[1..], [&DataType::Int64, &DataType::Int64, &DataType::UInt64, &DataType::Int64]);
    let rows = RecordBatch::try_new(
        schema,
        vec![
            Arc::new(StringArray::from(vec!["back", "over", "back", "over", "back", "unsigned", "unsigned"])),
            Arc::new(Int64Array::from(vec![i64::MAX, i64::MIN, 1, -1, -3, 0, 0])),
            Arc::new(UInt64Array::from(vec![u64::MAX, 0, 0, 0, 0, u64::MAX, 1])),
        ],
    )
    .expect("columns fit");
    let mut table = Added::new(&plan);
    assert_eq!(table.add(&rows), []);
    let finished = table.table.finish().expect("finishes");
    let failing: Vec<(usize, &str)> =
        finished.failures.iter().map(|failure| (failure.row, failure.reason.as_str())).collect();
    assert_eq!(failing.len(), 2, "{failing:?}");
    assert!(failing[0].1.starts_with("The result `total` cannot be computed: "), "{failing:?}");
    let results = rows_as_json(&finished.rows);
    assert_eq!(results[0]["total"], i64::MAX - 2, "back in range");
    assert_eq!((&results[0]["unsigned"], &results[1]["total"]), (&json!(u64::MAX), &json!(null)));
    assert_eq!((&results[2]["unsigned"], &results[2]["total"]), (&json!(null), &json!(0)));
}

#[test]
fn a_table_without_keys_has_one_group_and_none_without_rows() {
    let plan = plan(&[], &[("rows", "count(*)")]).expect("compiles");
    assert_eq!(Added::new(&plan).finish().num_rows(), 0);
    let mut table = Added::new(&plan);
    table.add(&batch(&[None], &[None], &[None]));
    assert_eq!(rows_as_json(&table.finish()), [json!({"rows": 1})]);
}

#[test]
fn every_fault_is_reported_with_its_place() {
    let errors = plan(
        &["kee"],
        &[("a", "avg(y)"), ("a", "count(*)"), ("", "sum(x)"), ("b", "x"), ("c", "avg(x) + n"), ("d", "avgg(x)")],
    )
    .err()
    .expect("faults");
    let found: Vec<(AggregatePlace, &str)> = errors.iter().map(|e| (e.place, e.code.as_str())).collect();
    for expected in [
        (AggregatePlace::Key(0), "unknown_column"),
        (AggregatePlace::Name(1), "bad_name"),
        (AggregatePlace::Name(2), "bad_name"),
        (AggregatePlace::Expression(0), "unknown_column"),
        (AggregatePlace::Expression(3), "not_an_aggregate"),
        (AggregatePlace::Expression(4), "bad_expression"),
        (AggregatePlace::Expression(5), "unknown_function"),
    ] {
        assert!(found.contains(&expected), "{expected:?} is missing in {errors:#?}");
    }
}
