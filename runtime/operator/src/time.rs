//! Event time as numbers: microseconds since the epoch, whatever the unit of the column.

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, TimestampMicrosecondArray};
use arrow::datatypes::{
    DataType, Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};

use crate::error::NodeError;

/// The values of a timestamp column in microseconds, nulls kept. Nanoseconds are rounded down; a time that does not fit
/// becomes null.
///
/// # Errors
/// When `column` is not a timestamp.
pub fn event_times(column: &dyn Array) -> Result<TimestampMicrosecondArray, NodeError> {
    let scaled = |array: PrimitiveArray<Int64Type>, factor: i64| -> TimestampMicrosecondArray {
        array.unary_opt::<_, TimestampMicrosecondType>(|value| value.checked_mul(factor))
    };
    match column.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Ok(column.as_primitive::<TimestampMicrosecondType>().clone().with_timezone_opt(None::<String>))
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            Ok(scaled(column.as_primitive::<TimestampMillisecondType>().reinterpret_cast(), 1_000))
        }
        DataType::Timestamp(TimeUnit::Second, _) => {
            Ok(scaled(column.as_primitive::<TimestampSecondType>().reinterpret_cast(), 1_000_000))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            Ok(column
                .as_primitive::<TimestampNanosecondType>()
                .unary::<_, TimestampMicrosecondType>(|value| value.div_euclid(1_000)))
        }
        other => Err(NodeError::internal(format!("a time column was expected, not {other}"))),
    }
}

/// A column of type `data_type` (a timestamp) with these times in microseconds.
///
/// # Errors
/// When `data_type` is not a timestamp, or a time does not fit its unit.
pub fn times_as(times: TimestampMicrosecondArray, data_type: &DataType) -> Result<ArrayRef, NodeError> {
    Ok(arrow::compute::cast(&times, data_type)?)
}
