//! Making rows fit the port where they arrive: wires that end at one port may bring the same columns in another order,
//! more columns than are read there, or differ in what may be null. What a column *is* must agree; nothing is cast here.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use millrace_model::event_time::{event_time_column, with_event_time};

/// The schema that rows of both schemas fit: the columns of `first`, nullable where either is.
///
/// The event time stays where both name the same column.
///
/// # Errors
/// What differs, as half a sentence.
pub(crate) fn common_schema(first: &SchemaRef, second: &SchemaRef) -> Result<SchemaRef, String> {
    if first == second {
        return Ok(first.clone());
    }
    let mut fields = Vec::with_capacity(first.fields().len());
    for field in first.fields() {
        let Ok(other) = second.field_with_name(field.name()) else {
            return Err(format!("they have no column `{}`", field.name()));
        };
        if other.data_type() != field.data_type() {
            return Err(format!(
                "their column `{}` is {} where the others have {}",
                field.name(),
                other.data_type(),
                field.data_type()
            ));
        }
        fields.push(Arc::new(Field::clone(field).with_nullable(field.is_nullable() || other.is_nullable())));
    }
    if let Some(extra) = second.fields().iter().find(|field| first.index_of(field.name()).is_err()) {
        return Err(format!("they have a column `{}` that the others lack", extra.name()));
    }
    let event_time = event_time_column(first).filter(|column| event_time_column(second) == Some(*column));
    let joined = Schema::new_with_metadata(fields, first.metadata().clone());
    Ok(with_event_time(&joined, event_time))
}

/// Turns batches of one schema into another with the same columns or some of them; shares the columns themselves.
#[derive(Debug, Clone)]
pub(crate) struct Fit {
    schema: SchemaRef,
    order: Vec<usize>,
}

impl Fit {
    /// `None` where nothing needs to be done.
    pub fn new(from: &SchemaRef, to: &SchemaRef) -> Result<Option<Self>, ArrowError> {
        if from == to {
            return Ok(None);
        }
        let order = to.fields().iter().map(|field| from.index_of(field.name())).collect::<Result<_, _>>()?;
        Ok(Some(Self { schema: to.clone(), order }))
    }

    pub fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let columns = self.order.iter().map(|index| batch.column(*index).clone()).collect();
        RecordBatch::try_new(self.schema.clone(), columns)
    }
}
