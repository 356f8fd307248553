//! What sources with an *event time* param do about it.

use arrow::datatypes::{DataType, SchemaRef};
use millrace_model::{ColumnRef, Interval};
use millrace_operator::InferContext;
use millrace_operator::watermark::DEFAULT_IDLE_TIMEOUT;

use crate::format::columns::CellTimes;
use crate::process::parse_timestamp::time_text::Zone;

/// The name that was given, if one was.
pub(crate) fn name(column: Option<&ColumnRef>) -> Option<&str> {
    column.map(ColumnRef::as_str).filter(|name| !name.is_empty())
}

pub(crate) fn utc() -> String {
    "UTC".to_owned()
}

/// How the times of a source are read that says this time zone; one that is not there is reported, and UTC instead.
pub(crate) fn cell_times(time_zone: &str, cx: &mut InferContext<'_>) -> CellTimes {
    let zone = Zone::read(time_zone).unwrap_or_else(|message| {
        cx.error("time_zone", "unknown_time_zone", message);
        Zone::UTC
    });
    CellTimes::of_zone(zone)
}

pub(crate) fn default_idle_timeout() -> Interval {
    DEFAULT_IDLE_TIMEOUT
}

/// Reports a time after which a source would be idle at once.
pub(crate) fn check_idle_timeout(idle_timeout: Interval, cx: &mut InferContext<'_>) {
    if idle_timeout.is_zero() {
        let message = "The source would never hold the others back, and their windows close without its rows: give a \
                       time, such as `30 s`.";
        cx.error("idle_timeout", "no_time", message);
    }
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
