//! The best rows of each window: by one column of the results, ties by the keys, so that the answer is always the same.

use arrow::array::RecordBatch;
use arrow::compute::{SortColumn, SortOptions, lexsort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Schema};
use millrace_operator::{InferContext, NodeError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// The worst of the best numbers; `None` where there are no more of them than are wanted.
    pub(super) fn worst(self, numbers: impl Iterator<Item = i64>) -> Option<i64> {
        if self.n == 1 {
            return if self.is_descending { numbers.max() } else { numbers.min() };
        }
        let mut numbers: Vec<i64> = numbers.collect();
        if numbers.len() <= self.n {
            return None;
        }
        let nth = if self.is_descending { numbers.len() - self.n } else { self.n - 1 };
        Some(*numbers.select_nth_unstable(nth).1)
    }

    pub(super) fn is_worse(self, number: i64, than: i64) -> bool {
        if self.is_descending { number < than } else { number > than }
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
            let hint =
                millrace_model::suggest::hint(&top.by, results.fields().iter().map(|field| field.name().as_str()));
            cx.error("top.by", "unknown_column", format!("The results have no column `{}`.{hint}", top.by));
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
