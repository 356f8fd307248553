//! Tables of groups: what was accumulated for each, by the caller's numbers or by key.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, new_empty_array};
use arrow::compute::prep_null_mask_filter;
use arrow::datatypes::{Field, Schema};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;

use super::{Aggregate, Shared, failed};
use crate::error::NodeError;
use crate::expression::RowFailure;

/// The results of a table.
#[derive(Debug)]
pub struct Finished {
    /// One row for each group, with the plan's output schema; null where a result cannot be computed.
    pub rows: RecordBatch,
    /// The groups with a result that cannot be computed, such as a sum that does not fit; ascending.
    pub failures: Vec<RowFailure>,
}

/// Accumulators whose groups the caller numbers from 0.
///
/// Every group that a call brings (from the number of groups before it up to `num_slots`) must have a row in that call:
/// accumulators count on it.
pub struct SlotTable {
    shared: Arc<Shared>,
    accumulators: Vec<Box<dyn GroupsAccumulator>>,
}

impl SlotTable {
    pub(super) fn new(shared: Arc<Shared>) -> Result<Self, NodeError> {
        let accumulators =
            shared.aggregates.iter().map(Aggregate::accumulator).collect::<Result<_, _>>().map_err(failed)?;
        Ok(Self { shared, accumulators })
    }

    /// Adds prepared rows; `slots` says the group of each, `num_slots` how many there are by now.
    ///
    /// # Errors
    /// When a function cannot take its arguments.
    pub fn update(&mut self, prepared: &RecordBatch, slots: &[usize], num_slots: usize) -> Result<(), NodeError> {
        for (aggregate, accumulator) in self.shared.aggregates.iter().zip(&mut self.accumulators) {
            let arguments: Vec<ArrayRef> =
                aggregate.arguments.iter().map(|index| prepared.column(*index).clone()).collect();
            let filter = aggregate.filter.map(|index| mask(prepared.column(index).as_boolean()));
            accumulator.update_batch(&arguments, slots, filter.as_ref(), num_slots).map_err(failed)?;
        }
        Ok(())
    }

    /// Adds states of groups, as [`Self::into_state`] gives them.
    ///
    /// # Errors
    /// When `state` is of another plan.
    pub fn merge(&mut self, state: &RecordBatch, slots: &[usize], num_slots: usize) -> Result<(), NodeError> {
        self.merge_columns(state.columns(), slots, num_slots)
    }

    fn merge_columns(&mut self, state: &[ArrayRef], slots: &[usize], num_slots: usize) -> Result<(), NodeError> {
        let mut first = 0;
        for (aggregate, accumulator) in self.shared.aggregates.iter().zip(&mut self.accumulators) {
            let num_parts = aggregate.function.state_fields().map_err(failed)?.len();
            let parts = state
                .get(first..first + num_parts)
                .ok_or_else(|| NodeError::internal("the state is of another plan"))?;
            accumulator.merge_batch(parts, slots, num_slots).map_err(failed)?;
            first += num_parts;
        }
        Ok(())
    }

    /// The states of all groups, a row for each of the `num_slots`.
    ///
    /// # Errors
    /// When an accumulator cannot give its state.
    pub fn into_state(mut self, num_slots: usize) -> Result<RecordBatch, NodeError> {
        // Some accumulators, such as that of `first_value(x ORDER BY y)`, cannot give the state of no group.
        let (fields, columns) = if num_slots == 0 { self.no_state()? } else { self.take_state()? };
        let options = RecordBatchOptions::new().with_row_count(Some(num_slots));
        Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
    }

    /// The columns of [`Self::take_state`] without rows.
    fn no_state(&self) -> Result<(Vec<Field>, Vec<ArrayRef>), NodeError> {
        let mut fields = Vec::new();
        for (number, aggregate) in self.shared.aggregates.iter().enumerate() {
            for (part, field) in aggregate.function.state_fields().map_err(failed)?.iter().enumerate() {
                fields.push(Field::new(format!("state_{number}_{part}"), field.data_type().clone(), true));
            }
        }
        let columns = fields.iter().map(|field| new_empty_array(field.data_type())).collect();
        Ok((fields, columns))
    }

    fn take_state(&mut self) -> Result<(Vec<Field>, Vec<ArrayRef>), NodeError> {
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for (number, accumulator) in self.accumulators.iter_mut().enumerate() {
            for (part, column) in accumulator.state(EmitTo::All).map_err(failed)?.into_iter().enumerate() {
                fields.push(Field::new(format!("state_{number}_{part}"), column.data_type().clone(), true));
                columns.push(column);
            }
        }
        Ok((fields, columns))
    }

    /// The results, with `keys` (a value for each of the `num_slots` groups) in front.
    ///
    /// # Errors
    /// When an accumulator cannot give its results.
    pub fn finish(mut self, keys: Vec<ArrayRef>, num_slots: usize) -> Result<Finished, NodeError> {
        let mut columns = keys;
        if num_slots == 0 {
            let results = self.shared.inner_schema.fields().iter().skip(columns.len());
            columns.extend(results.map(|field| new_empty_array(field.data_type())).collect::<Vec<_>>());
            return self.shared.finish(columns, 0);
        }
        for accumulator in &mut self.accumulators {
            columns.push(accumulator.evaluate(EmitTo::All).map_err(failed)?);
        }
        self.shared.finish(columns, num_slots)
    }

    /// Bytes held for the accumulators.
    pub fn state_bytes(&self) -> usize {
        self.accumulators.iter().map(|accumulator| accumulator.size()).sum()
    }
}

impl Shared {
    /// The results of groups from their keys and what was accumulated.
    pub(super) fn finish(&self, columns: Vec<ArrayRef>, num_groups: usize) -> Result<Finished, NodeError> {
        let options = RecordBatchOptions::new().with_row_count(Some(num_groups));
        let columns = columns
            .into_iter()
            .zip(self.inner_schema.fields())
            .map(|(column, field)| arrow::compute::cast(&column, field.data_type()))
            .collect::<Result<Vec<_>, _>>()?;
        let inner = RecordBatch::try_new_with_options(self.inner_schema.clone(), columns, &options)?;
        let num_keys = self.keys.len();
        let mut output: Vec<ArrayRef> = inner.columns()[..num_keys].to_vec();
        let mut failures: Vec<RowFailure> = Vec::new();
        for (number, result) in self.results.iter().enumerate() {
            let results = result.evaluate_rows(&inner)?;
            output.push(results.values);
            let name = self.output_schema.field(num_keys + number).name();
            failures.extend(results.failures.into_iter().map(|failure| RowFailure {
                row: failure.row,
                reason: format!("The result `{name}` cannot be computed: {}", failure.reason),
            }));
        }
        failures.sort_by_key(|failure| failure.row);
        failures.dedup_by_key(|failure| failure.row);
        let rows = RecordBatch::try_new_with_options(self.output_schema.clone(), output, &options)?;
        Ok(Finished { rows, failures })
    }
}

/// A condition without nulls: unknown is not true.
fn mask(passes: &BooleanArray) -> BooleanArray {
    if passes.null_count() > 0 { prep_null_mask_filter(passes) } else { passes.clone() }
}

/// Groups by key, and what was accumulated for each.
pub struct GroupTable {
    shared: Arc<Shared>,
    /// `None` without keys: then there is one group at most.
    groups: Option<Box<dyn GroupValues>>,
    has_rows: bool,
    slots: SlotTable,
    /// The group of each row of the batch at hand; kept for its allocation.
    indices: Vec<usize>,
}

impl GroupTable {
    pub(super) fn new(shared: Arc<Shared>) -> Result<Self, NodeError> {
        let groups = if shared.keys.is_empty() {
            None
        } else {
            Some(new_group_values(shared.key_schema.clone(), &GroupOrdering::None).map_err(failed)?)
        };
        Ok(Self { groups, has_rows: false, slots: SlotTable::new(shared.clone())?, indices: Vec::new(), shared })
    }

    /// Adds rows as [`super::AggregatePlan::prepare`] gives them.
    ///
    /// # Errors
    /// When a function cannot take its arguments.
    pub fn update(&mut self, prepared: &RecordBatch) -> Result<(), NodeError> {
        if prepared.num_rows() == 0 {
            return Ok(());
        }
        let num_groups = self.intern(&prepared.columns()[..self.shared.keys.len()], prepared.num_rows())?;
        self.slots.update(prepared, &self.indices, num_groups)
    }

    pub fn num_groups(&self) -> usize {
        match &self.groups {
            Some(groups) => groups.len(),
            None => usize::from(self.has_rows),
        }
    }

    /// Bytes held for the groups and their accumulators.
    pub fn state_bytes(&self) -> usize {
        self.groups.as_ref().map_or(0, |groups| groups.size()) + self.slots.state_bytes()
    }

    /// One row for each group, with the plan's output schema, in no particular order.
    ///
    /// # Errors
    /// When an accumulator cannot give its results.
    pub fn finish(mut self) -> Result<Finished, NodeError> {
        let num_groups = self.num_groups();
        let keys = self.emit_keys()?;
        self.slots.finish(keys, num_groups)
    }

    /// The whole table as one batch: the keys, then the states of the accumulators.
    ///
    /// # Errors
    /// When an accumulator cannot give its state.
    pub fn into_state(mut self) -> Result<RecordBatch, NodeError> {
        self.take_state()
    }

    fn take_state(&mut self) -> Result<RecordBatch, NodeError> {
        let num_groups = self.num_groups();
        let mut columns = self.emit_keys()?;
        let mut fields: Vec<Field> =
            self.shared.key_schema.fields().iter().map(|field| field.as_ref().clone()).collect();
        let (state_fields, state_columns) = self.slots.take_state()?;
        fields.extend(state_fields);
        columns.extend(state_columns);
        let options = RecordBatchOptions::new().with_row_count(Some(num_groups));
        Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
    }

    /// The whole table as one batch that [`super::AggregatePlan::restore_table`] takes; the table stays as it was.
    ///
    /// # Errors
    /// When an accumulator cannot give or take back its state.
    pub fn snapshot(&mut self) -> Result<RecordBatch, NodeError> {
        let state = self.take_state()?;
        // The accumulators gave their state away: fresh ones take their place before it is merged back.
        self.slots = SlotTable::new(self.shared.clone())?;
        self.has_rows = false;
        self.merge(&state)?;
        Ok(state)
    }

    /// Adds the groups of another table, as [`Self::into_state`] gives them.
    ///
    /// # Errors
    /// When `state` is of another plan.
    pub fn merge(&mut self, state: &RecordBatch) -> Result<(), NodeError> {
        if state.num_rows() == 0 {
            return Ok(());
        }
        let num_keys = self.shared.keys.len();
        let keys =
            state.columns().get(..num_keys).ok_or_else(|| NodeError::internal("the state is of another plan"))?;
        let num_groups = self.intern(keys, state.num_rows())?;
        self.slots.merge_columns(&state.columns()[num_keys..], &self.indices, num_groups)
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
