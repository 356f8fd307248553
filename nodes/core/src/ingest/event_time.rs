//! What sources with an *event time* param do about it.

use arrow::datatypes::{DataType, SchemaRef};
use millrace_model::ColumnRef;
use millrace_operator::InferContext;

/// The name that was given, if one was.
pub(crate) fn name(column: Option<&ColumnRef>) -> Option<&str> {
    column.map(ColumnRef::as_str).filter(|name| !name.is_empty())
}

/// Reports an event time column that is not there or is no time.
pub(crate) fn check(column: Option<&ColumnRef>, schema: &SchemaRef, cx: &mut InferContext<'_>) {
    let Some(name) = name(column) else { return };
    let Ok(field) = schema.field_with_name(name) else {
        let hint = millrace_model::suggest::hint(name, schema.fields().iter().map(|field| field.name().as_str()));
        cx.error("event_time", "unknown_column", format!("There is no column `{name}`.{hint}"));
        return;
    };
    if !matches!(field.data_type(), DataType::Timestamp(..)) {
        cx.error(
            "event_time",
            "not_a_time",
            format!(
                "`{name}` holds {}, not times. Give its type in `columns`, or make it a time with Parse timestamp.",
                field.data_type()
            ),
        );
    }
}
