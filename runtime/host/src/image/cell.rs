//! One value of an Arrow column as the text that a person reads.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use millrace_model::event_time::timestamp_type;

use super::ImageError;
use super::axis::{grouped, time_text};

/// A column with what is needed to write its values.
pub struct Cells<'a> {
    column: &'a dyn Array,
    form: Form<'a>,
}

enum Form<'a> {
    Time(arrow::array::ArrayRef),
    Number(arrow::array::ArrayRef),
    Other(ArrayFormatter<'a>),
}

impl<'a> Cells<'a> {
    /// # Errors
    /// When the column has a type that cannot be shown.
    pub fn new(column: &'a dyn Array) -> Result<Self, ImageError> {
        let data = |error: arrow::error::ArrowError| ImageError::Data { message: error.to_string() };
        let form = match column.data_type() {
            DataType::Timestamp(..) => Form::Time(arrow::compute::cast(column, &timestamp_type()).map_err(data)?),
            DataType::Float16 | DataType::Float32 | DataType::Float64 => {
                Form::Number(arrow::compute::cast(column, &DataType::Float64).map_err(data)?)
            }
            _ => {
                static OPTIONS: FormatOptions<'static> = FormatOptions::new();
                Form::Other(ArrayFormatter::try_new(column, &OPTIONS).map_err(data)?)
            }
        };
        Ok(Self { column, form })
    }

    /// Whether values are best set flush right.
    pub fn are_numbers(&self) -> bool {
        self.column.data_type().is_numeric()
    }

    /// The value in this row; a null is a dash.
    pub fn text(&self, row: usize) -> String {
        if self.column.is_null(row) {
            return "–".to_owned();
        }
        match &self.form {
            Form::Time(times) => time_text(times.as_primitive::<TimestampMicrosecondType>().value(row)),
            Form::Number(numbers) => number_text(numbers.as_primitive::<Float64Type>().value(row)),
            Form::Other(formatter) => formatter.value(row).to_string(),
        }
    }

    /// As [`Cells::text`], with this many digits after the point where the value is a number.
    pub fn text_with_decimals(&self, row: usize, decimals: u8) -> String {
        if self.column.is_null(row) || !self.are_numbers() {
            return self.text(row);
        }
        match arrow::compute::cast(&self.column.slice(row, 1), &DataType::Float64) {
            Ok(number) if !number.is_null(0) => {
                grouped(number.as_primitive::<Float64Type>().value(0), usize::from(decimals))
            }
            _ => self.text(row),
        }
    }
}

/// A number with up to six significant digits after which nothing is lost to the eye; very large and very small ones in
/// scientific form.
pub fn number_text(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() || size == 0.0 {
        return format!("{}", value + 0.0);
    }
    if !(1e-4..1e15).contains(&size) {
        return format!("{value:.4e}");
    }
    let decimals = (5.0 - size.log10().floor()).clamp(0.0, 8.0) as usize;
    let written = format!("{value:.decimals$}");
    if written.contains('.') { written.trim_end_matches('0').trim_end_matches('.').to_owned() } else { written }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, TimestampMillisecondArray};

    use super::*;

    #[test]
    fn numbers_lose_their_noise_and_keep_their_size() {
        for (value, text) in [
            (21.4, "21.4"),
            (0.1 + 0.2, "0.3"),
            (123_456.789, "123457"),
            (1e20, "1.0000e20"),
            (0.0, "0"),
            (-0.000_01, "-1.0000e-5"),
            (100.0, "100"),
        ] {
            assert_eq!(number_text(value), text);
        }
    }

    #[test]
    fn a_cell_is_written_by_its_type_and_a_null_is_a_dash() {
        let columns: Vec<(ArrayRef, &str)> = vec![
            (Arc::new(Int64Array::from(vec![1234567])), "1234567"),
            (Arc::new(Float64Array::from(vec![1.50])), "1.5"),
            (Arc::new(StringArray::from(vec!["north"])), "north"),
            (Arc::new(TimestampMillisecondArray::from(vec![1_250])), "1970-01-01 00:00:01.250"),
            (Arc::new(StringArray::from(vec![None::<&str>])), "–"),
        ];
        for (column, text) in columns {
            assert_eq!(Cells::new(column.as_ref()).expect("a showable type").text(0), text);
        }
        let whole: ArrayRef = Arc::new(Int64Array::from(vec![12_345]));
        assert_eq!(Cells::new(whole.as_ref()).expect("a showable type").text_with_decimals(0, 1), "12,345.0");
    }
}
