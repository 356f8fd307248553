//! The newest row of each key, for views that show one thing for each.
//!
//! Keys keep the order in which they first came. Rows have the columns `label`, then those of the view, then `time`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::{cast, interleave};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use millrace_model::ColumnRef;
use millrace_model::event_time::{UTC, event_time_column, timestamp_type};
use millrace_operator::time::event_times;
use millrace_operator::{NodeError, State};

use super::columns::{field_of, given, texts};
use super::ipc;

pub(super) struct LastValues {
    key: Option<usize>,
    time: Option<usize>,
    schema: SchemaRef,
    max_keys: usize,
    /// Label to row of `rows`.
    places: HashMap<String, usize>,
    rows: RecordBatch,
    /// Rows of keys that came when there were enough.
    num_hidden: u64,
}

impl LastValues {
    /// For rows of `input`, of which `fields` are shown.
    ///
    /// # Errors
    /// When there is no such key column.
    pub(super) fn new(
        key: Option<&ColumnRef>,
        input: &Schema,
        fields: Vec<Field>,
        max_keys: usize,
    ) -> Result<Self, NodeError> {
        let key = given(key).map(|key| input.index_of(key)).transpose()?;
        let label = field_of(Field::new("label", DataType::Utf8, false), input, key);
        let time = Field::new("time", timestamp_type(), true);
        let fields: Vec<Field> = std::iter::once(label).chain(fields).chain([time]).collect();
        let schema = Arc::new(Schema::new(fields));
        Ok(Self {
            key,
            time: event_time_column(input).and_then(|column| input.index_of(column).ok()),
            rows: RecordBatch::new_empty(schema.clone()),
            schema,
            max_keys,
            places: HashMap::new(),
            num_hidden: 0,
        })
    }

    /// Takes in the rows of `batch`, of which `values` are shown.
    pub(super) fn take(&mut self, batch: &RecordBatch, values: Vec<ArrayRef>) -> Result<(), NodeError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let incoming = self.rows_of(batch, values)?;
        // For each key the newest row of the batch stands in for the one there was.
        let mut newest: Vec<(usize, usize)> = (0..self.rows.num_rows()).map(|row| (0, row)).collect();
        for (row, label) in incoming.column(0).as_string::<i32>().iter().enumerate() {
            let label = label.unwrap_or_default();
            match self.places.get(label) {
                Some(place) => newest[*place] = (1, row),
                None if newest.len() >= self.max_keys => self.num_hidden += 1,
                None => {
                    self.places.insert(label.to_owned(), newest.len());
                    newest.push((1, row));
                }
            }
        }
        let columns = self.rows.columns().iter().zip(incoming.columns());
        let columns = columns.map(|(old, new)| interleave(&[old.as_ref(), new.as_ref()], &newest));
        self.rows = RecordBatch::try_new(self.schema.clone(), columns.collect::<Result<Vec<_>, _>>()?)?;
        Ok(())
    }

    /// Label, values and time of each row of `batch`.
    pub(super) fn rows_of(&self, batch: &RecordBatch, values: Vec<ArrayRef>) -> Result<RecordBatch, NodeError> {
        let labels = match self.key {
            Some(key) => texts(batch.column(key))?,
            None => StringArray::from(vec![""; batch.num_rows()]),
        };
        let times: ArrayRef = match self.time {
            Some(column) => Arc::new(event_times(batch.column(column).as_ref())?.with_timezone(UTC)),
            None => Arc::new(TimestampMicrosecondArray::new_null(batch.num_rows()).with_timezone(UTC)),
        };
        let columns = std::iter::once(Arc::new(labels) as ArrayRef).chain(values).chain([times]);
        Ok(RecordBatch::try_new(self.schema.clone(), columns.collect())?)
    }

    pub(super) fn has_key(&self) -> bool {
        self.key.is_some()
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(super) fn rows(&self) -> &RecordBatch {
        &self.rows
    }

    /// The title, with a word about keys that are not shown.
    pub(super) fn titled(&self, title: &str) -> String {
        match self.num_hidden {
            0 => title.to_owned(),
            _ => format!("{title} (the first {} keys only)", self.max_keys),
        }
    }

    pub(super) fn save(&self) -> Result<State, NodeError> {
        ipc::to_bytes(&self.rows, &self.num_hidden.to_string())
    }

    pub(super) fn load(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let (rows, num_hidden) = ipc::from_bytes(state)?;
        let columns = rows.columns().iter().zip(self.schema.fields());
        let columns = columns.map(|(column, field)| cast(column, field.data_type()));
        self.rows = RecordBatch::try_new(self.schema.clone(), columns.collect::<Result<Vec<_>, _>>()?)?;
        self.num_hidden = num_hidden.parse().map_err(|_| NodeError::internal("the count of keys cannot be read"))?;
        let labels = self.rows.column(0).as_string::<i32>().iter().flatten();
        self.places = labels.enumerate().map(|(place, label)| (label.to_owned(), place)).collect();
        Ok(())
    }

    pub(super) fn bytes(&self) -> usize {
        self.rows.get_array_memory_size() + self.places.keys().map(|label| label.len() + 64).sum::<usize>()
    }
}
