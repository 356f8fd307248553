//! Holds the rows that came against those that were expected, and shows what differs as a table.
//!
//! Rows count as a multiset: each expected row takes one that came and equals it. What remains on both sides is paired
//! by the key columns (where the test names none, by all that are no floats) and told as changed; the rest is missing or
//! unexpected. Where the order counts too it is told only once the rows themselves are right.

use std::collections::{HashMap, VecDeque};

use arrow::array::{Array, Float64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use millrace_model::suggest;

use super::file::Expected;

/// Letters of a cell that are shown; what is longer is cut.
const MAX_CELL: usize = 60;

/// How the rows of one place are compared.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// Indices of the columns that are compared, in the order of the schema.
    columns: Vec<usize>,
    /// Of those, the ones that are the key.
    key: Vec<usize>,
    ordered: bool,
    tolerance: f64,
}

/// What differs; nothing when the rows are right.
#[derive(Debug, Clone, PartialEq)]
pub struct Diff {
    columns: Vec<String>,
    pub num_expected: usize,
    pub num_actual: usize,
    /// In the order of the expected rows, the unexpected ones last.
    pub changes: Vec<Change>,
    /// The first place, from 0, where another row came than was expected, though all of them came.
    pub out_of_order: Option<OutOfOrder>,
}

/// One row that is not as it should be, as the texts of its cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Missing(Vec<String>),
    Unexpected(Vec<String>),
    /// The same key with other values.
    Changed {
        expected: Vec<String>,
        actual: Vec<String>,
    },
}

/// All rows came, but not in the order in which they were expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfOrder {
    pub row: usize,
    pub expected: Vec<String>,
    pub actual: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Cell {
    text: String,
    is_null: bool,
    /// For floats, which need not be equal to the last digit.
    number: Option<f64>,
}

type Row = Vec<Cell>;

impl Comparison {
    pub(super) fn new(schema: &SchemaRef, expected: &Expected) -> Result<Self, String> {
        let names = || schema.fields().iter().map(|field| field.name().as_str());
        for (what, name) in
            expected.key.iter().map(|name| ("key", name)).chain(expected.ignore.iter().map(|name| ("ignore", name)))
        {
            if schema.index_of(name).is_err() {
                return Err(format!("{what}: the port has no column `{name}`.{}", suggest::hint(name, names())));
            }
        }
        if let Some(name) = expected.key.iter().find(|name| expected.ignore.contains(name)) {
            return Err(format!("the column `{name}` is in the key and ignored. Leave one of the two out."));
        }
        let columns: Vec<usize> =
            (0..schema.fields().len()).filter(|index| !expected.ignore.contains(schema.field(*index).name())).collect();
        // Floats are mostly what was computed; the rest tells which row it is.
        let is_key = |at: &usize| match schema.field(columns[*at]) {
            field if expected.key.is_empty() => !field.data_type().is_floating(),
            field => expected.key.contains(field.name()),
        };
        let key = (0..columns.len()).filter(is_key).collect();
        Ok(Self { columns, key, ordered: expected.ordered, tolerance: expected.tolerance })
    }

    /// Compares batches of the schema that this was made for.
    ///
    /// # Errors
    /// When a column cannot be shown as text.
    pub fn diff(&self, expected: &RecordBatch, actual: &RecordBatch) -> Result<Diff, ArrowError> {
        let projected = expected.schema().project(&self.columns)?;
        let columns = projected.fields().iter().map(|field| field.name().clone()).collect();
        Ok(self.diff_rows(columns, &self.rows(expected)?, &self.rows(actual)?))
    }

    fn rows(&self, batch: &RecordBatch) -> Result<Vec<Row>, ArrowError> {
        let batch = batch.project(&self.columns)?;
        let options = FormatOptions::default();
        let mut rows = vec![Row::with_capacity(batch.num_columns()); batch.num_rows()];
        for column in batch.columns() {
            let formatter = ArrayFormatter::try_new(column.as_ref(), &options)?;
            let numbers = match column.data_type() {
                DataType::Float16 | DataType::Float32 | DataType::Float64 => Some(cast(column, &DataType::Float64)?),
                _ => None,
            };
            let numbers = numbers.as_ref().and_then(|numbers| numbers.as_any().downcast_ref::<Float64Array>());
            for (index, row) in rows.iter_mut().enumerate() {
                let is_null = column.is_null(index);
                let text = if is_null { "null".to_owned() } else { formatter.value(index).try_to_string()? };
                let number = numbers.filter(|_| !is_null).map(|numbers| numbers.value(index));
                row.push(Cell { text, is_null, number });
            }
        }
        Ok(rows)
    }

    fn diff_rows(&self, columns: Vec<String>, expected: &[Row], actual: &[Row]) -> Diff {
        let mut diff = Diff {
            columns,
            num_expected: expected.len(),
            num_actual: actual.len(),
            changes: Vec::new(),
            out_of_order: None,
        };
        let first_other = expected.iter().zip(actual).position(|(one, other)| !self.is_same(one, other));
        if first_other.is_none() && expected.len() == actual.len() {
            return diff;
        }
        let (missing, unexpected) = self.unmatched(expected, actual);
        if let (Some(row), true, true) = (first_other, missing.is_empty() && unexpected.is_empty(), self.ordered) {
            let (expected, actual) = (texts(&expected[row]), texts(&actual[row]));
            diff.out_of_order = Some(OutOfOrder { row, expected, actual });
        }
        let mut others = Queues::new(unexpected, |index| self.key_of(&actual[index]));
        for index in missing {
            let other = if self.key.is_empty() { None } else { others.take(&self.key_of(&expected[index])) };
            diff.changes.push(match other {
                Some(other) => Change::Changed { expected: texts(&expected[index]), actual: texts(&actual[other]) },
                None => Change::Missing(texts(&expected[index])),
            });
        }
        diff.changes.extend(others.rest().into_iter().map(|index| Change::Unexpected(texts(&actual[index]))));
        diff
    }

    /// The indices of the rows on either side that no row of the other side equals.
    fn unmatched(&self, expected: &[Row], actual: &[Row]) -> (Vec<usize>, Vec<usize>) {
        // Equal texts first, so that no row takes by tolerance what another has to the last digit.
        let mut exact = Queues::new((0..actual.len()).collect(), |index| signature(&actual[index], true));
        let left: Vec<usize> =
            (0..expected.len()).filter(|index| exact.take(&signature(&expected[*index], true)).is_none()).collect();
        let mut near = Queues::new(exact.rest(), |index| signature(&actual[index], false));
        let missing = left.into_iter().filter(|index| {
            let row = &expected[*index];
            near.take_where(&signature(row, false), |other| self.is_same(row, &actual[other])).is_none()
        });
        (missing.collect(), near.rest())
    }

    fn is_same(&self, expected: &Row, actual: &Row) -> bool {
        expected.iter().zip(actual).all(|(expected, actual)| match (expected.number, actual.number) {
            (Some(one), Some(other)) => {
                one == other
                    || (one.is_nan() && other.is_nan())
                    || (one - other).abs() <= self.tolerance * one.abs().max(1.0)
            }
            _ => expected.is_null == actual.is_null && expected.text == actual.text,
        })
    }

    fn key_of(&self, row: &Row) -> Vec<(bool, String)> {
        self.key.iter().map(|at| (row[*at].is_null, row[*at].text.clone())).collect()
    }
}

/// Rows by what they have in common, each in its order.
struct Queues<K> {
    queues: HashMap<K, VecDeque<usize>>,
}

impl<K: std::hash::Hash + Eq> Queues<K> {
    fn new(indices: Vec<usize>, key: impl Fn(usize) -> K) -> Self {
        let mut queues: HashMap<K, VecDeque<usize>> = HashMap::new();
        for index in indices {
            queues.entry(key(index)).or_default().push_back(index);
        }
        Self { queues }
    }

    fn take(&mut self, key: &K) -> Option<usize> {
        self.queues.get_mut(key)?.pop_front()
    }

    fn take_where(&mut self, key: &K, fits: impl Fn(usize) -> bool) -> Option<usize> {
        let queue = self.queues.get_mut(key)?;
        let at = queue.iter().position(|index| fits(*index))?;
        queue.remove(at)
    }

    /// What nobody took, in the order of the rows.
    fn rest(self) -> Vec<usize> {
        let mut rest: Vec<usize> = self.queues.into_values().flatten().collect();
        rest.sort_unstable();
        rest
    }
}

/// What two rows must have in common to be the same: all, or all but the values of floats.
fn signature(row: &Row, with_numbers: bool) -> Vec<(bool, Option<String>)> {
    row.iter().map(|cell| (cell.is_null, (with_numbers || cell.number.is_none()).then(|| cell.text.clone()))).collect()
}

fn texts(row: &Row) -> Vec<String> {
    row.iter().map(|cell| cell.text.clone()).collect()
}

impl Diff {
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.out_of_order.is_none()
    }

    /// `2 rows missing, 1 unexpected (24 expected, 23 came)`.
    pub fn summary(&self) -> String {
        let count = |is: fn(&Change) -> bool| self.changes.iter().filter(|change| is(change)).count();
        let parts = [
            (count(|change| matches!(change, Change::Changed { .. })), "changed"),
            (count(|change| matches!(change, Change::Missing(_))), "missing"),
            (count(|change| matches!(change, Change::Unexpected(_))), "unexpected"),
        ];
        let mut parts: Vec<String> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        if let Some(place) = &self.out_of_order {
            parts.push(format!("another order from row {}", place.row + 1));
        }
        format!("{} ({} expected, {} came)", parts.join(", "), self.num_expected, self.num_actual)
    }

    /// The first `limit` rows that differ, under the names of the columns: `-` is missing, `+` unexpected, `~` changed,
    /// with both values where they differ.
    pub fn table(&self, limit: usize) -> Vec<String> {
        let plain = |mark, row: &[String]| (mark, row.iter().map(|text| shown(text)).collect::<Vec<_>>());
        let mut rows: Vec<(char, Vec<String>)> = vec![plain(' ', &self.columns)];
        rows.extend(self.changes.iter().take(limit).map(|change| match change {
            Change::Missing(row) => plain('-', row),
            Change::Unexpected(row) => plain('+', row),
            Change::Changed { expected, actual } => {
                let cells = expected.iter().zip(actual).map(|(expected, actual)| match expected == actual {
                    true => shown(expected),
                    false => format!("{} → {}", shown(expected), shown(actual)),
                });
                ('~', cells.collect())
            }
        }));
        if let Some(place) = &self.out_of_order {
            rows.extend([plain('-', &place.expected), plain('+', &place.actual)]);
        }
        let mut widths = vec![0; self.columns.len()];
        for (_, row) in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        let mut lines: Vec<String> = rows
            .iter()
            .map(|(mark, row)| {
                let cells: Vec<String> =
                    row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
                format!("{mark} {}", cells.join("  ")).trim_end().to_owned()
            })
            .collect();
        if self.changes.len() > limit {
            lines.push(format!("… and {} more", self.changes.len() - limit));
        }
        lines
    }
}

/// On one line, and not too long.
fn shown(text: &str) -> String {
    let one_line: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if one_line.chars().count() <= MAX_CELL {
        return one_line;
    }
    one_line.chars().take(MAX_CELL - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of a text and a float.
    fn rows(rows: &[(&str, f64)]) -> Vec<Row> {
        let row = |(text, number): &(&str, f64)| {
            vec![
                Cell { text: (*text).to_owned(), is_null: false, number: None },
                Cell { text: number.to_string(), is_null: false, number: Some(*number) },
            ]
        };
        rows.iter().map(row).collect()
    }

    fn comparison(key: &[usize], ordered: bool) -> Comparison {
        Comparison { columns: vec![0, 1], key: key.to_vec(), ordered, tolerance: 0.01 }
    }

    fn diff(comparison: &Comparison, expected: &[(&str, f64)], actual: &[(&str, f64)]) -> Diff {
        comparison.diff_rows(vec!["name".to_owned(), "value".to_owned()], &rows(expected), &rows(actual))
    }

    #[test]
    fn rows_with_the_same_key_are_changed_and_others_are_missing_or_unexpected() {
        let expected = [("a", 1.0), ("b", 2.0), ("c", 3.0)];
        let actual = [("d", 4.0), ("a", 1.005), ("b", 2.5)];
        let found = diff(&comparison(&[0], false), &expected, &actual);
        assert_eq!(found.summary(), "1 changed, 1 missing, 1 unexpected (3 expected, 3 came)");
        let lines = ["  name  value", "~ b     2 → 2.5", "- c     3", "+ d     4"];
        assert_eq!(found.table(20), lines);
        assert_eq!(found.table(1), [lines[0], lines[1], "… and 2 more"]);
        let without_key = diff(&comparison(&[], false), &expected, &actual);
        assert_eq!(without_key.summary(), "2 missing, 2 unexpected (3 expected, 3 came)");
    }

    #[test]
    fn the_order_counts_only_where_it_is_asked_for_and_only_among_right_rows() {
        let (expected, actual) = ([("a", 1.0), ("b", 2.0), ("c", 3.0)], [("a", 1.0), ("c", 3.0), ("b", 2.0)]);
        assert!(diff(&comparison(&[], false), &expected, &actual).is_empty());
        let found = diff(&comparison(&[], true), &expected, &actual);
        assert_eq!(found.summary(), "another order from row 2 (3 expected, 3 came)");
        assert_eq!(found.table(20), ["  name  value", "- b     2", "+ c     3"]);
        assert!(diff(&comparison(&[], true), &expected, &actual[..2]).out_of_order.is_none());
    }

    #[test]
    fn a_row_does_not_take_by_tolerance_what_another_has_exactly() {
        let found = diff(&comparison(&[], false), &[("a", 1.0), ("a", 1.009)], &[("a", 1.009), ("a", 0.995)]);
        assert!(found.is_empty(), "{}", found.summary());
    }

    /// Every pair of lists of up to four rows out of three.
    #[test]
    fn what_is_missing_and_unexpected_is_the_difference_of_the_counts() {
        const KINDS: [(&str, f64); 3] = [("a", 1.0), ("a", 2.0), ("b", 1.0)];
        let lists = |length: usize| {
            (0..KINDS.len().pow(u32::try_from(length).expect("it is small"))).map(move |mut code| {
                let mut list = Vec::new();
                for _ in 0..length {
                    list.push(code % KINDS.len());
                    code /= KINDS.len();
                }
                list
            })
        };
        let all: Vec<Vec<usize>> = (0..=4).flat_map(lists).collect();
        let count = |list: &[usize], kind| list.iter().filter(|one| **one == kind).count();
        for expected in &all {
            for actual in &all {
                let of = |list: &[usize]| list.iter().map(|kind| KINDS[*kind]).collect::<Vec<_>>();
                let found = diff(&comparison(&[], false), &of(expected), &of(actual));
                let sum = |is: fn(&Change) -> bool| found.changes.iter().filter(|change| is(change)).count();
                let missing: usize = (0..3).map(|kind| count(expected, kind).saturating_sub(count(actual, kind))).sum();
                let unexpected: usize =
                    (0..3).map(|kind| count(actual, kind).saturating_sub(count(expected, kind))).sum();
                assert_eq!(sum(|change| matches!(change, Change::Missing(_))), missing, "{expected:?} {actual:?}");
                assert_eq!(
                    sum(|change| matches!(change, Change::Unexpected(_))),
                    unexpected,
                    "{expected:?} {actual:?}"
                );
            }
        }
    }
}
