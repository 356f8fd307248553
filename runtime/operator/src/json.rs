//! Rows as JSON, one object a line.
//!
//! JSON has no number that is infinite or none at all, and Arrow's writer would make null of them. Here they are texts
//! (`"NaN"`, `"Infinity"`, `"-Infinity"`), so that nothing becomes null that is not; readers of numbers take them back.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, AsArray, Float64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Float64Type};
use arrow::error::ArrowError;
use arrow::json::writer::{
    Encoder, EncoderFactory, EncoderOptions, LineDelimited, NullableEncoder, WriterBuilder, make_encoder,
};

/// Whether a member that is null is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    Written,
    LeftOut,
}

/// Each row as a line.
///
/// # Errors
/// When a column has a type that JSON cannot show.
pub fn to_lines(batch: &RecordBatch, nulls: Nulls) -> Result<Vec<u8>, ArrowError> {
    let mut bytes = Vec::new();
    let mut writer = WriterBuilder::new()
        .with_explicit_nulls(nulls == Nulls::Written)
        .with_encoder_factory(Arc::new(Unbounded))
        .build::<_, LineDelimited>(&mut bytes);
    writer.write(batch)?;
    writer.finish()?;
    Ok(bytes)
}

/// Takes the columns of floats that hold something JSON has no number for.
#[derive(Debug)]
struct Unbounded;

impl EncoderFactory for Unbounded {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        _: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        if !array.data_type().is_floating() {
            return Ok(None);
        }
        let numbers = cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone();
        if numbers.iter().flatten().all(f64::is_finite) {
            return Ok(None);
        }
        let nulls = array.nulls().cloned();
        let plain = make_encoder(field, array, &PLAIN)?;
        Ok(Some(NullableEncoder::new(Box::new(Numbers { numbers, plain }), nulls)))
    }
}

static PLAIN: LazyLock<EncoderOptions> = LazyLock::new(EncoderOptions::default);

struct Numbers<'a> {
    numbers: Float64Array,
    /// Writes all others, as they are written beside numbers that are one.
    plain: NullableEncoder<'a>,
}

impl Encoder for Numbers<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        match self.numbers.value(row) {
            number if number.is_nan() => out.extend_from_slice(b"\"NaN\""),
            f64::INFINITY => out.extend_from_slice(b"\"Infinity\""),
            f64::NEG_INFINITY => out.extend_from_slice(b"\"-Infinity\""),
            _ => self.plain.encode(row, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Float32Array, Int64Array, ListArray};

    #[test]
    fn a_number_is_written_alike_whatever_stands_in_other_rows() {
        let values = [1e20, 0.1, -0.0, 1e-7, 123_456_789.125, 1e30];
        let lines = |last: f64| {
            let wide = Float64Array::from_iter_values(values.into_iter().chain([last]));
            let narrow = Float32Array::from_iter_values(values.into_iter().chain([last]).map(|value| value as f32));
            let columns = [("wide", Arc::new(wide) as ArrayRef), ("narrow", Arc::new(narrow) as ArrayRef)];
            let batch = RecordBatch::try_from_iter(columns).expect("columns fit");
            let text = String::from_utf8(to_lines(&batch, Nulls::Written).expect("writes")).expect("UTF-8");
            text.lines().take(values.len()).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(lines(f64::NAN), lines(0.0));
    }

    #[test]
    fn what_json_has_no_number_for_is_a_text_and_null_stays_null() {
        let numbers =
            Float64Array::from(vec![Some(f64::NAN), Some(f64::INFINITY), Some(f64::NEG_INFINITY), Some(0.1), None]);
        let narrow = Float32Array::from(vec![0.5, f32::NAN, 1.0, 2.0, f32::INFINITY]);
        let list = ListArray::from_iter_primitive::<Float64Type, _, _>(vec![
            Some(vec![Some(f64::NAN), Some(1.5)]),
            None,
            Some(vec![None]),
            Some(vec![]),
            Some(vec![Some(1e300)]),
        ]);
        let batch = RecordBatch::try_from_iter([
            ("v", Arc::new(numbers) as ArrayRef),
            ("w", Arc::new(narrow) as ArrayRef),
            ("l", Arc::new(list) as ArrayRef),
            ("n", Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5])) as ArrayRef),
        ])
        .expect("columns fit");
        let text = String::from_utf8(to_lines(&batch, Nulls::Written).expect("writes")).expect("UTF-8");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                r#"{"v":"NaN","w":0.5,"l":["NaN",1.5],"n":1}"#,
                r#"{"v":"Infinity","w":"NaN","l":null,"n":2}"#,
                r#"{"v":"-Infinity","w":1.0,"l":[null],"n":3}"#,
                r#"{"v":0.1,"w":2.0,"l":[],"n":4}"#,
                r#"{"v":null,"w":"Infinity","l":[1.0e300],"n":5}"#,
            ]
        );
        let text = String::from_utf8(to_lines(&batch, Nulls::LeftOut).expect("writes")).expect("UTF-8");
        assert!(text.ends_with("{\"w\":\"Infinity\",\"l\":[1.0e300],\"n\":5}\n"), "{text}");
    }
}
