//! Which rows of pictures somebody wants to see: values of the columns from which a picture was made.
//!
//! A filter belongs to who looks and never to the pipeline or its run. A field of a picture says in its own metadata
//! from which column of the node's rows its values are ([`of_column`]); a picture that has no such field is not filtered
//! by that column. Invariant: a column that is named has at least one value.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow_schema::{Field, Schema};
use serde::{Deserialize, Serialize};

/// The field metadata key that names the column of the node's rows.
const COLUMN_KEY: &str = "millrace.column";

/// What stands for a value that is not there.
pub const NO_VALUE: &str = "(none)";

/// `field` with the column of the node's rows whose values it holds.
#[must_use]
pub fn of_column(field: Field, column: &str) -> Field {
    let mut metadata: HashMap<String, String> = field.metadata().clone();
    metadata.insert(COLUMN_KEY.to_owned(), column.to_owned());
    field.with_metadata(metadata)
}

/// The columns that the fields of a picture hold, each with the place of its field.
pub fn columns_of(picture: &Schema) -> impl Iterator<Item = (usize, &str)> {
    let fields = picture.fields().iter().enumerate();
    fields.filter_map(|(place, field)| Some((place, field.metadata().get(COLUMN_KEY)?.as_str())))
}

/// Values of columns, as texts.
pub type Values = BTreeMap<String, BTreeSet<String>>;

/// The values that are wanted of some columns; rows with others are not shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Filters(Values);

impl Filters {
    /// Wants these values of `column`; none: all of them.
    pub fn set(&mut self, column: &str, values: BTreeSet<String>) {
        if values.is_empty() {
            self.0.remove(column);
        } else {
            self.0.insert(column.to_owned(), values);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &BTreeSet<String>)> {
        self.0.iter().map(|(column, values)| (column.as_str(), values))
    }

    /// The values that are wanted of `column`; `None`: all of them.
    pub fn of(&self, column: &str) -> Option<&BTreeSet<String>> {
        self.0.get(column)
    }

    /// The columns by which this picture cannot be filtered, because it does not show them.
    pub fn missing_in(&self, picture: &Schema) -> Vec<&str> {
        self.iter()
            .map(|(column, _)| column)
            .filter(|wanted| columns_of(picture).all(|(_, it)| it != *wanted))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::DataType;

    #[test]
    fn a_picture_is_filtered_only_by_columns_that_its_fields_name() {
        let field = |name: &str| Field::new(name, DataType::Utf8, false);
        let picture = Schema::new(vec![of_column(field("series"), "site"), field("value")]);
        let mut filters = Filters::default();
        filters.set("site", BTreeSet::from(["north".to_owned()]));
        filters.set("value", BTreeSet::from(["1".to_owned()]));
        assert_eq!(columns_of(&picture).collect::<Vec<_>>(), [(0, "site")]);
        assert_eq!(filters.missing_in(&picture), ["value"], "the name of a field is not its column");
        filters.set("value", BTreeSet::new());
        assert!(filters.of("value").is_none() && filters.missing_in(&picture).is_empty());
    }
}
