//! Grouped aggregation: any SQL aggregate over groups of rows, on DataFusion's group tables and accumulators.
//!
//! An [`AggregatePlan`] is compiled once; a [`GroupTable`] is one table of groups (a window node has one for each open
//! window). An aggregate expression may combine several aggregates (`max(v) - min(v)`): each distinct aggregate is
//! accumulated once, and the rest is computed when the table is finished.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::prep_null_mask_filter;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, DataFusionError};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{EmitTo, Expr, GroupsAccumulator};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::aggregate::{AggregateFunctionExpr, LoweredAggregateBuilder};
use datafusion::physical_expr::{GroupsAccumulatorAdapter, PhysicalExpr};
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;
use millrace_model::value::AggregateExpression;
use millrace_model::{ColumnRef, suggest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::NodeError;
use crate::expression::{self, CompiledExpression, ExpressionError, explain, reason};

/// One column of results: a name and how it is computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedAggregate {
    /// The name of the result column, such as `avg_temperature`.
    pub name: String,
    /// How it is computed, such as `avg(temperature)` or `count(*) FILTER (WHERE status = 'alarm')`.
    pub expression: AggregateExpression,
}

/// What is wrong with the keys or the aggregates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregateError {
    /// Where: a key or an aggregate, by index.
    pub place: AggregatePlace,
    pub code: String,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AggregatePlace {
    Key(usize),
    /// The name of an aggregate.
    Name(usize),
    /// The expression of an aggregate.
    Expression(usize),
}

/// Aggregates over groups, compiled for one input schema.
#[derive(Clone)]
pub struct AggregatePlan {
    shared: Arc<Shared>,
}

struct Shared {
    keys: Vec<usize>,
    key_schema: SchemaRef,
    aggregates: Vec<Aggregate>,
    /// Columns of what the accumulators give: keys, then one per distinct aggregate.
    inner_schema: SchemaRef,
    /// The result columns over `inner_schema`; `None` where a column is passed on as it is.
    results: Vec<CompiledExpression>,
    output_schema: SchemaRef,
}

/// One distinct aggregate function with its arguments.
struct Aggregate {
    function: Arc<AggregateFunctionExpr>,
    arguments: Vec<Arc<dyn PhysicalExpr>>,
    filter: Option<Arc<dyn PhysicalExpr>>,
}

impl AggregatePlan {
    /// # Errors
    /// Every key and aggregate that does not fit `schema`.
    pub fn compile(
        keys: &[ColumnRef],
        aggregates: &[NamedAggregate],
        schema: &SchemaRef,
    ) -> Result<Self, Vec<AggregateError>> {
        let mut errors = Vec::new();
        let mut key_indices = Vec::new();
        for (number, key) in keys.iter().enumerate() {
            match schema.index_of(key.as_str()) {
                Ok(index) if key_indices.contains(&index) => errors.push(AggregateError {
                    place: AggregatePlace::Key(number),
                    code: "repeated_key".to_owned(),
                    message: format!("The key `{key}` stands twice; remove one."),
                }),
                Ok(index) => key_indices.push(index),
                Err(_) => {
                    let hint = suggest::hint(key.as_str(), schema.fields().iter().map(|field| field.name().as_str()));
                    errors.push(AggregateError {
                        place: AggregatePlace::Key(number),
                        code: "unknown_column".to_owned(),
                        message: format!("The input has no column `{key}`.{hint}"),
                    });
                }
            }
        }
        let expression_error = |number: usize, error: ExpressionError| AggregateError {
            place: AggregatePlace::Expression(number),
            code: error.code().to_owned(),
            message: error.to_string(),
        };
        let mut names: Vec<&str> = keys.iter().map(ColumnRef::as_str).collect();
        for (number, aggregate) in aggregates.iter().enumerate() {
            let name = aggregate.name.trim();
            let problem = if name.is_empty() {
                Some("The result column needs a name.".to_owned())
            } else if names.contains(&name) {
                Some(format!("There is a column `{name}` already; choose another name."))
            } else {
                None
            };
            names.push(name);
            errors.extend(problem.map(|message| AggregateError {
                place: AggregatePlace::Name(number),
                code: "bad_name".to_owned(),
                message,
            }));
        }
        let input = match expression::df_schema(schema) {
            Ok(input) => input,
            Err(error) => return Err(vec![expression_error(0, error)]),
        };

        let mut lowered = Lowered::default();
        let mut outer = Vec::new();
        for (number, aggregate) in aggregates.iter().enumerate() {
            match lowered.add(aggregate.expression.as_str(), &input, schema) {
                Ok(expr) => outer.push((number, expr)),
                Err(error) => errors.push(expression_error(number, error)),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }

        let key_fields: Vec<Field> = key_indices.iter().map(|index| schema.field(*index).clone()).collect();
        let inner_fields: Vec<Field> = key_fields
            .iter()
            .enumerate()
            .map(|(number, field)| field.clone().with_name(key_name(number)))
            .chain(lowered.aggregates.iter().enumerate().map(|(number, aggregate)| {
                Field::new(aggregate_name(number), aggregate.function.field().data_type().clone(), true)
            }))
            .collect();
        let inner_schema: SchemaRef = Arc::new(Schema::new(inner_fields));
        let inner_df = expression::df_schema(&inner_schema).map_err(|error| vec![expression_error(0, error)])?;
        let mut results = Vec::new();
        let mut output_fields = key_fields.clone();
        for (number, expr) in outer {
            match CompiledExpression::from_logical(expr, &inner_df, &inner_schema) {
                Ok(compiled) => {
                    output_fields.push(Field::new(aggregates[number].name.trim(), compiled.data_type().clone(), true));
                    results.push(compiled);
                }
                Err(error) => errors.push(expression_error(number, error)),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let plan = Self {
            shared: Arc::new(Shared {
                keys: key_indices,
                key_schema: Arc::new(Schema::new(key_fields)),
                aggregates: lowered.aggregates,
                inner_schema,
                results,
                output_schema: Arc::new(Schema::new(output_fields)),
            }),
        };
        // Some functions accept their types only when an accumulator is made: better now than during the run.
        plan.new_table().map_err(|error| {
            vec![AggregateError {
                place: AggregatePlace::Expression(0),
                code: "bad_expression".to_owned(),
                message: error.to_string(),
            }]
        })?;
        Ok(plan)
    }

    /// The fields of the results: the keys, then the aggregates.
    pub fn output_schema(&self) -> &SchemaRef {
        &self.shared.output_schema
    }

    /// An empty table of groups.
    ///
    /// # Errors
    /// When an accumulator cannot be made for its types.
    pub fn new_table(&self) -> Result<GroupTable, NodeError> {
        let groups = if self.shared.keys.is_empty() {
            None
        } else {
            Some(new_group_values(self.shared.key_schema.clone(), &GroupOrdering::None).map_err(failed)?)
        };
        let accumulators =
            self.shared.aggregates.iter().map(Aggregate::accumulator).collect::<Result<_, _>>().map_err(failed)?;
        Ok(GroupTable { shared: self.shared.clone(), groups, has_rows: false, accumulators, indices: Vec::new() })
    }

    /// A table as [`GroupTable::snapshot`] saw it.
    ///
    /// # Errors
    /// When `state` is of another plan.
    pub fn restore_table(&self, state: &RecordBatch) -> Result<GroupTable, NodeError> {
        let mut table = self.new_table()?;
        table.merge(state)?;
        Ok(table)
    }
}

/// The groups of one table and what was accumulated for each.
pub struct GroupTable {
    shared: Arc<Shared>,
    /// `None` without keys: then there is one group at most.
    groups: Option<Box<dyn GroupValues>>,
    has_rows: bool,
    accumulators: Vec<Box<dyn GroupsAccumulator>>,
    /// The group of each row of the batch at hand; kept for its allocation.
    indices: Vec<usize>,
}

impl GroupTable {
    /// Adds the rows of `batch`, which has the plan's input schema.
    ///
    /// # Errors
    /// When an argument cannot be computed.
    pub fn update(&mut self, batch: &RecordBatch) -> Result<(), NodeError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let keys: Vec<ArrayRef> = self.shared.keys.iter().map(|index| batch.column(*index).clone()).collect();
        let num_groups = self.intern(&keys, batch.num_rows())?;
        for (aggregate, accumulator) in self.shared.aggregates.iter().zip(&mut self.accumulators) {
            let arguments = aggregate.arguments_of(batch).map_err(failed)?;
            let filter = aggregate.filter_of(batch).map_err(failed)?;
            accumulator.update_batch(&arguments, &self.indices, filter.as_ref(), num_groups).map_err(failed)?;
        }
        Ok(())
    }

    pub fn num_groups(&self) -> usize {
        match &self.groups {
            Some(groups) => groups.len(),
            None => usize::from(self.has_rows),
        }
    }

    /// Bytes held for the groups and their accumulators.
    pub fn state_bytes(&self) -> usize {
        self.groups.as_ref().map_or(0, |groups| groups.size())
            + self.accumulators.iter().map(|accumulator| accumulator.size()).sum::<usize>()
    }

    /// One row for each group, with the plan's output schema, in no particular order.
    ///
    /// # Errors
    /// When a result cannot be computed, such as a division by an aggregate that is zero.
    pub fn finish(mut self) -> Result<RecordBatch, NodeError> {
        let num_groups = self.num_groups();
        let mut columns = self.emit_keys()?;
        for accumulator in &mut self.accumulators {
            columns.push(accumulator.evaluate(EmitTo::All).map_err(failed)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(num_groups));
        let columns = columns
            .into_iter()
            .zip(self.shared.inner_schema.fields())
            .map(|(column, field)| arrow::compute::cast(&column, field.data_type()))
            .collect::<Result<Vec<_>, _>>()?;
        let inner = RecordBatch::try_new_with_options(self.shared.inner_schema.clone(), columns, &options)?;
        let mut output: Vec<ArrayRef> = inner.columns()[..self.shared.keys.len()].to_vec();
        for result in &self.shared.results {
            output.push(result.evaluate(&inner)?);
        }
        Ok(RecordBatch::try_new_with_options(self.shared.output_schema.clone(), output, &options)?)
    }

    /// The whole table as one batch that [`AggregatePlan::restore_table`] takes; the table stays as it was.
    ///
    /// # Errors
    /// When an accumulator cannot give or take back its state.
    pub fn snapshot(&mut self) -> Result<RecordBatch, NodeError> {
        let num_groups = self.num_groups();
        let mut columns = self.emit_keys()?;
        let mut fields: Vec<Field> =
            self.shared.key_schema.fields().iter().map(|field| field.as_ref().clone()).collect();
        for (number, (aggregate, accumulator)) in self.shared.aggregates.iter().zip(&mut self.accumulators).enumerate()
        {
            for (part, column) in accumulator.state(EmitTo::All).map_err(failed)?.into_iter().enumerate() {
                fields.push(Field::new(format!("state_{number}_{part}"), column.data_type().clone(), true));
                columns.push(column);
            }
            // The accumulator gave its state away: a fresh one takes its place before it is merged back.
            *accumulator = aggregate.accumulator().map_err(failed)?;
        }
        let options = RecordBatchOptions::new().with_row_count(Some(num_groups));
        let state = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?;
        self.has_rows = false;
        self.merge(&state)?;
        Ok(state)
    }

    fn merge(&mut self, state: &RecordBatch) -> Result<(), NodeError> {
        if state.num_rows() == 0 {
            return Ok(());
        }
        let num_keys = self.shared.keys.len();
        let keys =
            state.columns().get(..num_keys).ok_or_else(|| NodeError::internal("the state is of another plan"))?;
        let num_groups = self.intern(keys, state.num_rows())?;
        let mut first = num_keys;
        for (aggregate, accumulator) in self.shared.aggregates.iter().zip(&mut self.accumulators) {
            let num_parts = aggregate.function.state_fields().map_err(failed)?.len();
            let parts = state
                .columns()
                .get(first..first + num_parts)
                .ok_or_else(|| NodeError::internal("the state is of another plan"))?;
            accumulator.merge_batch(parts, &self.indices, num_groups).map_err(failed)?;
            first += num_parts;
        }
        Ok(())
    }

    /// Finds the group of each row, into `indices`, and says how many groups there are now.
    fn intern(&mut self, keys: &[ArrayRef], num_rows: usize) -> Result<usize, NodeError> {
        self.indices.clear();
        match &mut self.groups {
            Some(groups) => {
                groups.intern(keys, &mut self.indices).map_err(failed)?;
                Ok(groups.len())
            }
            None => {
                self.has_rows = true;
                self.indices.resize(num_rows, 0);
                Ok(1)
            }
        }
    }

    fn emit_keys(&mut self) -> Result<Vec<ArrayRef>, NodeError> {
        match &mut self.groups {
            Some(groups) => groups.emit(EmitTo::All).map_err(failed),
            None => Ok(Vec::new()),
        }
    }
}

impl Aggregate {
    fn accumulator(&self) -> Result<Box<dyn GroupsAccumulator>, DataFusionError> {
        if self.function.groups_accumulator_supported() {
            return self.function.create_groups_accumulator();
        }
        let function = self.function.clone();
        Ok(Box::new(GroupsAccumulatorAdapter::new(move || function.create_accumulator())))
    }

    fn arguments_of(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>, DataFusionError> {
        self.arguments.iter().map(|argument| argument.evaluate(batch)?.into_array(batch.num_rows())).collect()
    }

    fn filter_of(&self, batch: &RecordBatch) -> Result<Option<BooleanArray>, DataFusionError> {
        let Some(filter) = &self.filter else { return Ok(None) };
        let passes = filter.evaluate(batch)?.into_array(batch.num_rows())?;
        let passes = passes
            .as_boolean_opt()
            .ok_or_else(|| DataFusionError::Execution("the FILTER is not a condition".to_owned()))?;
        Ok(Some(if passes.null_count() > 0 { prep_null_mask_filter(passes) } else { passes.clone() }))
    }
}

/// The distinct aggregate functions that were met so far.
#[derive(Default)]
struct Lowered {
    logical: Vec<Expr>,
    aggregates: Vec<Aggregate>,
}

impl Lowered {
    /// Takes the aggregates out of an expression; what is left reads their results by name.
    fn add(&mut self, text: &str, input: &DFSchema, schema: &SchemaRef) -> Result<Expr, ExpressionError> {
        let expr = expression::parse(text, input)?;
        if !expression::has_aggregate(&expr) {
            return Err(ExpressionError::new(
                "not_an_aggregate",
                format!("This is not an aggregate. Say what to do with the rows of a group, as in `avg({text})`."),
            ));
        }
        let simplifier = ExprSimplifier::new(SimplifyContext::builder().with_schema(Arc::new(input.clone())).build());
        let expr = simplifier.coerce(expr, input).map_err(|error| explain(&error, input))?;
        let rewritten = expr
            .transform_down(|part| match &part {
                Expr::AggregateFunction(_) => {
                    let number = match self.logical.iter().position(|known| *known == part) {
                        Some(number) => number,
                        None => self.lower(&part, input, schema)?,
                    };
                    Ok(Transformed::new(
                        Expr::Column(Column::new_unqualified(aggregate_name(number))),
                        true,
                        datafusion::common::tree_node::TreeNodeRecursion::Jump,
                    ))
                }
                Expr::Column(column) => Err(DataFusionError::Plan(format!(
                    "`{}` stands outside of an aggregate: make it a key, or write for example `last_value({})`",
                    column.name, column.name
                ))),
                _ => Ok(Transformed::no(part)),
            })
            .map_err(|error| explain(&error, input))?;
        Ok(rewritten.data)
    }

    fn lower(&mut self, expr: &Expr, input: &DFSchema, schema: &SchemaRef) -> Result<usize, DataFusionError> {
        let number = self.logical.len();
        let planning = Default::default();
        let lowered =
            LoweredAggregateBuilder::new(expr, input, schema, expression::state().execution_props(), &planning)
                .with_name(aggregate_name(number))
                .build()?;
        let orders = lowered.order_bys.iter().map(|order| order.expr.clone());
        let arguments = lowered.aggregate.expressions().into_iter().chain(orders);
        let arguments = arguments.map(expression::checked).collect::<Result<_, _>>()?;
        let filter = lowered.filter.map(expression::checked).transpose()?;
        self.aggregates.push(Aggregate { function: lowered.aggregate, arguments, filter });
        self.logical.push(expr.clone());
        Ok(number)
    }
}

fn key_name(number: usize) -> String {
    format!("__key_{number}")
}

fn aggregate_name(number: usize) -> String {
    format!("__aggregate_{number}")
}

fn failed(error: DataFusionError) -> NodeError {
    NodeError::user(format!("An aggregate cannot be computed: {}.", reason(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::rows_as_json;
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
        let mut table = plan(&["key"], EVERY).expect("compiles").new_table().expect("a table");
        let a = Some("a");
        table.update(&batch(&[a, None, a], &[Some(1), Some(5), Some(2)], &[Some(1.0), Some(9.0), None])).expect("adds");
        table.update(&batch(&[a], &[None], &[Some(3.0)])).expect("adds");
        assert_eq!(table.num_groups(), 2, "null keys form a group of their own");
        assert_eq!(
            sorted(&table.finish().expect("finishes")),
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
            let mut plain = plan.new_table().expect("a table");
            let mut looked_at = plan.new_table().expect("a table");
            plain.update(&first).expect("adds");
            looked_at.update(&first).expect("adds");
            let state = looked_at.snapshot().expect("a snapshot");
            let mut restored = plan.restore_table(&state).expect("restores");
            for table in [&mut plain, &mut looked_at, &mut restored] {
                table.update(&second).expect("adds");
            }
            let expected = sorted(&plain.finish().expect("finishes"));
            assert_eq!(sorted(&looked_at.finish().expect("finishes")), expected, "a snapshot changes nothing");
            assert_eq!(sorted(&restored.finish().expect("finishes")), expected, "restore = uninterrupted");
        }
    }

    #[test]
    fn an_argument_that_overflows_is_an_error_and_not_a_wrong_number() {
        let mut table = plan(&[], &[("total", "sum(n * 2)")]).expect("compiles").new_table().expect("a table");
        assert!(table.update(&batch(&[None], &[Some(i64::MAX)], &[None])).is_err());
    }

    #[test]
    fn a_table_without_keys_has_one_group_and_none_without_rows() {
        let plan = plan(&[], &[("rows", "count(*)")]).expect("compiles");
        let table = plan.new_table().expect("a table");
        assert_eq!(table.finish().expect("finishes").num_rows(), 0);
        let mut table = plan.new_table().expect("a table");
        table.update(&batch(&[None], &[None], &[None])).expect("adds");
        assert_eq!(rows_as_json(&table.finish().expect("finishes")), [json!({"rows": 1})]);
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
}
