//! What is kept of the values that fall into one bar or one cell, and which of it is shown.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Float64Type, UInt64Type};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is shown of several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Show {
    /// The one that came last.
    Last,
    /// Their sum.
    Sum,
    /// Their mean.
    Mean,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// How many there are.
    Count,
}

impl Show {
    /// How the shown number is called, for values of `column`.
    pub(super) fn label(self, column: &str) -> String {
        match self {
            Self::Last => column.to_owned(),
            Self::Sum => format!("sum of {column}"),
            Self::Mean => format!("mean of {column}"),
            Self::Min => format!("least {column}"),
            Self::Max => format!("greatest {column}"),
            Self::Count => "rows".to_owned(),
        }
    }
}

/// Some values in few numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Summary {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    last: f64,
}

impl Summary {
    pub(super) fn of(value: f64) -> Self {
        Self { count: 1, sum: value, min: value, max: value, last: value }
    }

    /// Takes in values that came later.
    pub(super) fn add(&mut self, later: Self) {
        self.count += later.count;
        self.sum += later.sum;
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        self.last = later.last;
    }

    pub(super) fn shown(&self, show: Show) -> f64 {
        match show {
            Show::Last => self.last,
            Show::Sum => self.sum,
            Show::Mean => self.sum / self.count as f64,
            Show::Min => self.min,
            Show::Max => self.max,
            Show::Count => self.count as f64,
        }
    }
}

/// The columns that summaries are saved as.
pub(super) fn fields() -> Vec<Field> {
    let number = |name: &str| Field::new(name, DataType::Float64, false);
    vec![Field::new("count", DataType::UInt64, false), number("sum"), number("min"), number("max"), number("last")]
}

pub(super) fn columns<'a>(summaries: impl Iterator<Item = &'a Summary> + Clone) -> Vec<ArrayRef> {
    let number = |value: fn(&Summary) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(summaries.clone().map(value)))
    };
    let counts: ArrayRef = Arc::new(UInt64Array::from_iter_values(summaries.clone().map(|summary| summary.count)));
    vec![counts, number(|s| s.sum), number(|s| s.min), number(|s| s.max), number(|s| s.last)]
}

/// The summaries of what [`columns`] gave, from the column `first` on.
pub(super) fn from_columns(batch: &RecordBatch, first: usize) -> impl Iterator<Item = Summary> {
    let number = |index: usize| batch.column(first + index).as_primitive::<Float64Type>().clone();
    let counts = batch.column(first).as_primitive::<UInt64Type>().clone();
    let (sum, min, max, last) = (number(1), number(2), number(3), number(4));
    (0..batch.num_rows()).map(move |row| Summary {
        count: counts.value(row),
        sum: sum.value(row),
        min: min.value(row),
        max: max.value(row),
        last: last.value(row),
    })
}
