//! Which column of a schema carries the event time, said in the schema's own metadata so that it travels with it.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Schema, SchemaRef, TimeUnit};

/// The schema metadata key that names the event time column.
pub const EVENT_TIME_KEY: &str = "millrace.event_time";

/// The zone that zoned timestamps have inside Millrace.
pub const UTC: &str = "+00:00";

/// The type of timestamps that Millrace itself makes: microseconds, UTC.
pub fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()))
}

/// The event time column of `schema`: the one its metadata names, if it is there and is a timestamp.
pub fn event_time_column(schema: &Schema) -> Option<&str> {
    let name = schema.metadata().get(EVENT_TIME_KEY)?;
    let field = schema.field_with_name(name).ok()?;
    matches!(field.data_type(), DataType::Timestamp(..)).then_some(name.as_str())
}

/// `schema` with `column` as its event time, or with none.
pub fn with_event_time(schema: &Schema, column: Option<&str>) -> SchemaRef {
    let mut metadata: HashMap<String, String> = schema.metadata().clone();
    match column {
        Some(column) => metadata.insert(EVENT_TIME_KEY.to_owned(), column.to_owned()),
        None => metadata.remove(EVENT_TIME_KEY),
    };
    Arc::new(Schema::new_with_metadata(schema.fields().clone(), metadata))
}
