//! Filters the rows of a picture for who looks at it, and says by which values it can be filtered.
//!
//! The picture's own fields say which columns they hold ([`millrace_model::filter`]), so this knows no kind of view.
//! The run and what its views hold stay as they are.

use std::collections::BTreeSet;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::{and, filter_record_batch};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use millrace_model::filter::{Filters, NO_VALUE, Values, columns_of};

/// Nobody looks through a longer list of values; a column with more of them is a measurement and no name of anything.
const MAX_CHOICES: usize = 200;

/// The rows whose columns have one of the wanted values. Columns that the picture does not hold filter nothing.
///
/// # Errors
/// When a column has a type that has no text.
pub(crate) fn filtered(picture: RecordBatch, filters: &Filters) -> Result<RecordBatch, ArrowError> {
    let schema = picture.schema();
    let mut is_wanted: Option<BooleanArray> = None;
    for (place, column) in columns_of(&schema) {
        let Some(wanted) = filters.of(column) else { continue };
        let is_in: BooleanArray =
            texts(picture.column(place))?.iter().map(|text| Some(wanted.contains(text))).collect();
        is_wanted = Some(match is_wanted {
            Some(others) => and(&others, &is_in)?,
            None => is_in,
        });
    }
    match is_wanted {
        Some(is_wanted) => filter_record_batch(&picture, &is_wanted),
        None => Ok(picture),
    }
}

/// For each column that names something, the values that the picture holds of it.
///
/// # Errors
/// When a column has a type that has no text.
pub(crate) fn choices(picture: &RecordBatch) -> Result<Values, ArrowError> {
    let schema = picture.schema();
    let mut choices = Values::new();
    for (place, column) in columns_of(&schema) {
        let values = picture.column(place);
        if is_name(values.data_type()) {
            let distinct: BTreeSet<String> = texts(values)?.into_iter().collect();
            if (1..=MAX_CHOICES).contains(&distinct.len()) {
                choices.insert(column.to_owned(), distinct);
            }
        }
    }
    Ok(choices)
}

/// Whether values of this type name things; measurements and times do not.
fn is_name(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Boolean => true,
        DataType::Dictionary(_, value) => is_name(value),
        other => other.is_integer(),
    }
}

fn texts(values: &ArrayRef) -> Result<Vec<String>, ArrowError> {
    let options = FormatOptions::new().with_null(NO_VALUE);
    let formatter = ArrayFormatter::try_new(values.as_ref(), &options)?;
    (0..values.len()).map(|row| formatter.value(row).try_to_string()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray, Float64Array, Int64Array, StringArray};
    use arrow::datatypes::{Field, Float64Type, Schema};
    use millrace_model::filter::of_column;

    use super::*;

    fn picture() -> RecordBatch {
        let text = |name: &str| Field::new(name, DataType::Utf8, true);
        let fields = vec![
            of_column(text("label"), "site"),
            of_column(Field::new("code", DataType::Int64, true), "code"),
            Field::new("value", DataType::Float64, false),
        ];
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec![Some("north"), Some("south"), None, Some("north")])),
            Arc::new(Int64Array::from(vec![7, 7, 8, 8])),
            Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0, 4.0])),
        ];
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("columns of one length")
    }

    fn values(wanted: &[(&str, &[&str])]) -> Vec<f64> {
        let mut filters = Filters::default();
        for (column, values) in wanted {
            filters.set(column, values.iter().map(|value| (*value).to_owned()).collect());
        }
        let rows = filtered(picture(), &filters).expect("every type has a text");
        rows.column(2).as_primitive::<Float64Type>().values().to_vec()
    }

    #[test]
    fn rows_have_one_of_the_wanted_values_in_every_column_that_is_there() {
        assert_eq!(values(&[]), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(values(&[("site", &["north"])]), [1.0, 4.0]);
        assert_eq!(values(&[("site", &["north", NO_VALUE])]), [1.0, 3.0, 4.0]);
        assert_eq!(values(&[("site", &["north"]), ("code", &["8"])]), [4.0]);
        assert_eq!(values(&[("site", &["east"])]), [0.0; 0]);
        assert_eq!(
            values(&[("value", &["1"]), ("plant", &["a"])]),
            [1.0, 2.0, 3.0, 4.0],
            "no field holds such a column"
        );
    }

    #[test]
    fn what_names_something_may_be_chosen_unless_there_is_too_much_of_it() {
        let choices = choices(&picture()).expect("every type has a text");
        let words: Vec<(&str, Vec<&str>)> = choices
            .iter()
            .map(|(column, values)| (column.as_str(), values.iter().map(String::as_str).collect()))
            .collect();
        assert_eq!(words, [("code", vec!["7", "8"]), ("site", vec![NO_VALUE, "north", "south"])]);
        let many = Field::new("n", DataType::Int64, false);
        let many = Schema::new(vec![of_column(many, "n")]);
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..=MAX_CHOICES as i64));
        let many = RecordBatch::try_new(Arc::new(many), vec![numbers]).expect("one column");
        assert!(super::choices(&many).expect("every type has a text").is_empty());
    }
}
