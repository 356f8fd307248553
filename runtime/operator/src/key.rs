//! Keys as bytes: what must hold wherever rows are told apart by the values of some columns.
//!
//! Tables of keys and the engine's exchange encode keys in Arrow's row format. Values that compare equal must encode equal,
//! or rows of one key would come to different instances; both ask here, so that they agree.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};

/// The column with one form for each float that compares equal: one zero, one NaN.
pub fn comparable(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Float64 => Arc::new(
            column
                .as_primitive::<Float64Type>()
                .unary::<_, Float64Type>(|value| if value.is_nan() { f64::NAN } else { value + 0.0 }),
        ),
        DataType::Float32 => Arc::new(
            column
                .as_primitive::<Float32Type>()
                .unary::<_, Float32Type>(|value| if value.is_nan() { f32::NAN } else { value + 0.0 }),
        ),
        _ => column.clone(),
    }
}
