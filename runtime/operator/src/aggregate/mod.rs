//! Grouped aggregation: any SQL aggregate over groups of rows, on DataFusion's group tables and accumulators.
//!
//! An [`AggregatePlan`] is compiled once. [`AggregatePlan::prepare`] computes what a batch gives to the aggregates and
//! says which rows cannot be computed; tables take prepared rows only, so that they cannot fail for one row of many.
//! A [`GroupTable`] finds the groups by key; a [`SlotTable`] takes them by number; [`Partials`] holds states of single
//! groups that are closed one by one. An expression may combine several aggregates (`max(v) - min(v)`): each distinct
//! aggregate is accumulated once, and the rest is computed when a table is finished.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::DataFusionError;
use datafusion::logical_expr::GroupsAccumulator;
use datafusion::physical_expr::GroupsAccumulatorAdapter;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use millrace_model::value::AggregateExpression;
use millrace_model::{ColumnRef, suggest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::lower::{Lowered, aggregate_name};
use crate::error::NodeError;
use crate::explain::reason;
use crate::expression::{self, CompiledExpression, ExpressionError, RowFailure};

mod keys;
mod lower;
mod partials;
mod table;
#[cfg(test)]
mod tests;

pub use keys::KeyTable;
pub(crate) use lower::WIDE_SUM;
pub use partials::Partials;
pub use table::{Finished, GroupTable, SlotTable};

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
    /// What is computed for each row: the distinct arguments and filters of all aggregates.
    inputs: Vec<CompiledExpression>,
    /// The columns of prepared rows: keys, then `inputs`.
    prepared_schema: SchemaRef,
    /// Columns of what the accumulators give: keys, then one per distinct aggregate.
    inner_schema: SchemaRef,
    /// The result columns over `inner_schema`; `None` where a column is passed on as it is.
    results: Vec<CompiledExpression>,
    output_schema: SchemaRef,
}

/// One distinct aggregate function; its arguments are columns of prepared rows.
struct Aggregate {
    function: Arc<AggregateFunctionExpr>,
    arguments: Vec<usize>,
    filter: Option<usize>,
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
                    let known = schema.fields().iter().map(|field| field.name().as_str());
                    errors.push(AggregateError {
                        place: AggregatePlace::Key(number),
                        code: "unknown_column".to_owned(),
                        message: suggest::no_column("The input", key.as_str(), known),
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

        let mut lowered = Lowered::new(key_indices.len());
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
        let prepared_fields: Vec<Field> =
            key_fields
                .iter()
                .enumerate()
                .map(|(number, field)| field.clone().with_name(key_name(number)))
                .chain(
                    lowered.inputs.iter().enumerate().map(|(number, input)| {
                        Field::new(format!("__input_{number}"), input.data_type().clone(), true)
                    }),
                )
                .collect();
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
                inputs: lowered.inputs,
                prepared_schema: Arc::new(Schema::new(prepared_fields)),
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

    /// The names of the input's columns that keys, arguments and filters are computed from.
    pub fn columns(&self) -> BTreeSet<String> {
        let keys = self.shared.key_schema.fields().iter().map(|field| field.name().clone());
        keys.chain(self.shared.inputs.iter().flat_map(CompiledExpression::columns)).collect()
    }

    /// The fields of the results: the keys, then the aggregates.
    pub fn output_schema(&self) -> &SchemaRef {
        &self.shared.output_schema
    }

    /// What `batch` (of the plan's input schema) gives to the aggregates, row for row, and the rows for which something
    /// cannot be computed: those count as null, unless the caller leaves them out.
    ///
    /// A `FILTER` goes first: an argument that fails in a row that is left out does no harm.
    ///
    /// # Errors
    /// When arrays cannot be put together: a defect.
    pub fn prepare(&self, batch: &RecordBatch) -> Result<(RecordBatch, Vec<RowFailure>), NodeError> {
        let num_keys = self.shared.keys.len();
        let mut columns = Vec::with_capacity(num_keys + self.shared.inputs.len());
        columns.extend(self.shared.keys.iter().map(|index| batch.column(*index).clone()));
        let mut failed: Vec<Vec<RowFailure>> = Vec::with_capacity(self.shared.inputs.len());
        for input in &self.shared.inputs {
            let results = input.evaluate_rows(batch)?;
            columns.push(results.values);
            failed.push(results.failures);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let prepared = RecordBatch::try_new_with_options(self.shared.prepared_schema.clone(), columns, &options)?;
        let mut failures = Vec::new();
        if failed.iter().any(|failed| !failed.is_empty()) {
            for aggregate in &self.shared.aggregates {
                let filter = aggregate.filter.map(|filter| prepared.column(filter).as_boolean());
                let is_used = |row: usize| filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
                for argument in &aggregate.arguments {
                    failures
                        .extend(failed[*argument - num_keys].iter().filter(|failure| is_used(failure.row)).cloned());
                }
                failures.extend(aggregate.filter.into_iter().flat_map(|filter| failed[filter - num_keys].clone()));
            }
            failures.sort_by_key(|failure| failure.row);
            failures.dedup_by_key(|failure| failure.row);
        }
        Ok((prepared, failures))
    }

    /// The columns of what [`Self::prepare`] gives.
    pub fn prepared_schema(&self) -> &SchemaRef {
        &self.shared.prepared_schema
    }

    /// The number of keys; their columns stand first in prepared rows and in results.
    pub fn num_keys(&self) -> usize {
        self.shared.keys.len()
    }

    /// The fields of the keys.
    pub fn key_schema(&self) -> &SchemaRef {
        &self.shared.key_schema
    }

    /// An empty table of groups.
    ///
    /// # Errors
    /// When an accumulator cannot be made for its types.
    pub fn new_table(&self) -> Result<GroupTable, NodeError> {
        GroupTable::new(self.shared.clone())
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

    /// An empty table of groups that the caller numbers.
    ///
    /// # Errors
    /// When an accumulator cannot be made for its types.
    pub fn new_slots(&self) -> Result<SlotTable, NodeError> {
        SlotTable::new(self.shared.clone())
    }

    /// Whether every aggregate counts: then the state of a group is one whole number for each of them, states are merged by
    /// adding and taken apart by subtracting, and [`Self::finish_counts`] gives the results.
    pub fn only_counts(&self) -> bool {
        let counts =
            |aggregate: &Aggregate| aggregate.function.fun().name() == "count" && !aggregate.function.is_distinct();
        !self.shared.aggregates.is_empty() && self.shared.aggregates.iter().all(counts)
    }

    /// The number of distinct aggregates, each accumulated once.
    pub fn num_accumulated(&self) -> usize {
        self.shared.aggregates.len()
    }

    /// For each result the number of the distinct aggregate that it is; `None` where one is computed from them.
    pub fn results_as_accumulated(&self) -> Option<Vec<usize>> {
        let num_keys = self.num_keys();
        self.shared.results.iter().map(|result| result.column()?.checked_sub(num_keys)).collect()
    }

    /// The results of groups, one of each distinct aggregate's counts for each group, with `keys` in front.
    ///
    /// # Errors
    /// When the columns do not fit the plan: a defect.
    pub fn finish_counts(&self, keys: Vec<ArrayRef>, counts: Vec<Vec<i64>>) -> Result<Finished, NodeError> {
        let num_groups = counts.first().map_or(0, Vec::len);
        let counts = counts.into_iter().map(|counts| Arc::new(Int64Array::from(counts)) as ArrayRef);
        self.shared.finish(keys.into_iter().chain(counts).collect(), num_groups)
    }

    /// A table that tells the keys of prepared rows apart and gives each a number.
    ///
    /// # Errors
    /// When a key has a type that cannot be told apart.
    pub fn new_keys(&self) -> Result<KeyTable, NodeError> {
        KeyTable::new(self.shared.key_schema.clone())
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
}

fn key_name(number: usize) -> String {
    format!("__key_{number}")
}

fn failed(error: DataFusionError) -> NodeError {
    NodeError::user(format!("An aggregate cannot be computed: {}.", reason(&error)))
}
