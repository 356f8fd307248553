//! The best rows of each window: by one column of the results, ties by the keys, so that the answer is always the same.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use arrow::array::RecordBatch;
use arrow::compute::{SortColumn, SortOptions, lexsort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Schema};
use millrace_operator::{InferContext, NodeError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::row_index;

/// The best results of each window.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Top {
    /// The column of the results that they are compared by, such as `n`. Empty: all results leave.
    #[serde(default)]
    pub by: String,
    /// How many leave.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub n: u32,
    /// Which come first.
    #[serde(default)]
    pub order: Order,
}

impl Top {
    /// `top`, unless it names no column: a form that was emptied again.
    pub(crate) fn in_use(top: Option<&Self>) -> Option<&Self> {
        top.filter(|top| !top.by.trim().is_empty())
    }
}

fn one() -> u32 {
    1
}

/// Which values come first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The largest first.
    #[default]
    Desc,
    /// The smallest first.
    Asc,
}

/// A [`Top`] over the results of one node.
#[derive(Debug, Clone)]
pub(crate) struct CompiledTop {
    columns: Vec<(usize, SortOptions)>,
    n: usize,
}

/// How many of some numbers are wanted, and which.
#[derive(Debug, Clone, Copy)]
pub(super) struct Best {
    n: usize,
    is_descending: bool,
}

impl Best {
    /// Of the places that are held those with one of the best numbers; all of them, where several are equal to the worst
    /// of the best.
    pub(super) fn among(self, is_held: impl Fn(usize) -> bool, numbers: &[i64]) -> Vec<u32> {
        // Looking for the best number of many is one instruction for each; most stretches have none that is good enough.
        const STRETCH: usize = 64;
        // The smallest of the `n` largest on top; the complement of a number turns the order round.
        let mut largest: BinaryHeap<Reverse<i64>> = BinaryHeap::new();
        let mut worst = i64::MIN;
        let mut found = Vec::new();
        for (stretch, numbers) in numbers.chunks(STRETCH).enumerate() {
            let best = if self.is_descending { numbers.iter().max() } else { numbers.iter().min() };
            let ordered = |number: i64| if self.is_descending { number } else { !number };
            if best.is_none_or(|best| ordered(*best) < worst) {
                continue;
            }
            for (place, number) in (stretch * STRETCH..).zip(numbers) {
                let number = ordered(*number);
                if number < worst || !is_held(place) {
                    continue;
                }
                found.push((number, row_index(place)));
                largest.push(Reverse(number));
                if largest.len() > self.n {
                    largest.pop();
                }
                if largest.len() == self.n {
                    worst = largest.peek().map_or(worst, |smallest| smallest.0);
                }
            }
        }
        found.into_iter().filter(|(number, _)| *number >= worst).map(|(_, place)| place).collect()
    }
}

impl CompiledTop {
    /// `results` has the keys at `keys`.
    pub(crate) fn new(
        top: &Top,
        results: &Schema,
        keys: std::ops::Range<usize>,
        cx: &mut InferContext<'_>,
    ) -> Option<Self> {
        if top.n == 0 {
            cx.error("top.n", "no_rows", "Let at least one result of each window leave.");
        }
        let found = results.index_of(top.by.trim()).ok();
        if found.is_none() {
            let known = results.fields().iter().map(|field| field.name().as_str());
            cx.error("top.by", "unknown_column", millrace_model::suggest::no_column("A result", &top.by, known));
        }
        let by = found?;
        let options = SortOptions { descending: top.order == Order::Desc, nulls_first: false };
        let ascending = SortOptions { descending: false, nulls_first: false };
        let mut columns = vec![(by, options)];
        columns.extend(keys.map(|key| (key, ascending)));
        for (column, _) in &columns {
            let field = results.field(*column);
            if is_nested(field.data_type()) {
                let message = format!("Column `{}` is of type {} and has no order.", field.name(), field.data_type());
                cx.error("top.by", "no_order", message);
                return None;
            }
        }
        Some(Self { columns, n: top.n as usize })
    }

    /// The column of the results that decides first, and how.
    pub(super) fn first(&self) -> (usize, Best) {
        let (column, options) = self.columns[0];
        (column, Best { n: self.n, is_descending: options.descending })
    }

    /// The best rows, best first.
    pub(crate) fn of(&self, results: &RecordBatch) -> Result<RecordBatch, NodeError> {
        let columns: Vec<SortColumn> = self
            .columns
            .iter()
            .map(|(column, options)| SortColumn { values: results.column(*column).clone(), options: Some(*options) })
            .collect();
        let best = lexsort_to_indices(&columns, Some(self.n))?;
        Ok(take_record_batch(results, &best)?)
    }
}

fn is_nested(data_type: &DataType) -> bool {
    data_type.is_nested() || matches!(data_type, DataType::Null)
}
