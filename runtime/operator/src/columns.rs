//! Which columns a node reads, so that a run carries, and a source parses, only what some node needs.
//!
//! A node says in [`Node::reads`](crate::Node::reads) what it reads of its inputs to give what is [`Wanted`] of its
//! outputs; [`NodeType::reads`](crate::NodeType::reads) adds what the engine itself needs: keys, the event time, and one
//! column at least, since rows without columns have no number. The promise: with these columns alone the node gives the
//! same rows, and rejects the same, as with all of them.

use std::collections::BTreeSet;

use arrow::datatypes::{Schema, SchemaRef};
use millrace_model::event_time::event_time_column;

/// Some columns of a port, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Columns {
    All,
    /// These; a name that the port does not have means nothing.
    Named(BTreeSet<String>),
}

/// What the nodes behind a node read of it.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The schema at each input port, with all columns.
    pub inputs: &'a [SchemaRef],
    /// The columns that are read at each output port; none where nothing is wired.
    pub outputs: &'a [Columns],
}

impl Columns {
    pub const fn none() -> Self {
        Self::Named(BTreeSet::new())
    }

    pub fn named(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::Named(names.into_iter().map(Into::into).collect())
    }

    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(name),
        }
    }

    /// These columns and those of `other`.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        match (self, other) {
            (Self::Named(mut names), Self::Named(others)) => {
                names.extend(others.iter().cloned());
                Self::Named(names)
            }
            _ => Self::All,
        }
    }

    /// These columns and those that a run cannot do without: the event time of `schema`, and at least one.
    #[must_use]
    pub fn with_essentials(self, schema: &Schema) -> Self {
        let essential = event_time_column(schema).or_else(|| {
            let has_one = schema.fields().iter().any(|field| self.contains(field.name()));
            schema.fields().first().filter(|_| !has_one).map(|field| field.name().as_str())
        });
        self.and(&Self::named(essential))
    }

    /// `schema` with these columns only, in its order.
    pub fn of(&self, schema: &SchemaRef) -> SchemaRef {
        let kept: Vec<usize> =
            (0..schema.fields().len()).filter(|index| self.contains(schema.field(*index).name())).collect();
        if kept.len() == schema.fields().len() {
            return SchemaRef::clone(schema);
        }
        SchemaRef::new(schema.project(&kept).expect("the indices are those of its own fields"))
    }
}

impl Wanted<'_> {
    /// All columns of every input: what a node reads that says nothing else.
    pub fn everything(&self) -> Vec<Columns> {
        vec![Columns::All; self.inputs.len()]
    }

    /// What is wanted at the output of this index.
    pub fn output(&self, index: usize) -> &Columns {
        const ALL: &Columns = &Columns::All;
        self.outputs.get(index).unwrap_or(ALL)
    }

    /// Names of the columns of the first input.
    pub fn input_names(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().take(1).flat_map(|schema| schema.fields().iter().map(|field| field.name().as_str()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use arrow::datatypes::{DataType, Field};
    use millrace_model::event_time::{timestamp_type, with_event_time};

    fn schema() -> SchemaRef {
        let fields = vec![
            Field::new("a", DataType::Int64, true),
            Field::new("ts", timestamp_type(), true),
            Field::new("b", DataType::Utf8, true),
        ];
        with_event_time(&Schema::new(fields), Some("ts"))
    }

    fn names(schema: &Schema) -> Vec<&str> {
        schema.fields().iter().map(|field| field.name().as_str()).collect()
    }

    #[test]
    fn a_run_carries_the_event_time_or_at_least_one_column() {
        let none = Columns::none().with_essentials(&schema());
        assert_eq!(names(&none.of(&schema())), ["ts"]);
        let timeless = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)]));
        assert_eq!(names(&Columns::named(["gone"]).with_essentials(&timeless).of(&timeless)), ["a"]);
        assert_eq!(Columns::none().with_essentials(&Schema::empty()), Columns::none());
    }

    #[test]
    fn columns_keep_the_order_and_the_metadata_of_their_schema() {
        let narrow = Columns::named(["b", "ts", "unknown"]).of(&schema());
        assert_eq!(names(&narrow), ["ts", "b"]);
        assert_eq!(narrow.metadata(), schema().metadata());
        assert_eq!(Columns::named(["b"]).and(&Columns::All), Columns::All);
    }
}
