//! Which rows of a window are the reason that the query over it cannot be computed.
//!
//! A query does not say which row it failed at. So rows are added in halves to those that are known to be good, as in a
//! binary search, and where a single row makes the query fail, it is that row. What is left can be computed. A window is
//! gone through in the order of arrival, further tables first, so that the answer follows from the rows alone.

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use millrace_operator::NodeError;
use millrace_operator::error::Origin;
use millrace_operator::expression::RowFailure;
use millrace_operator::sql::SqlQuery;

/// After so many attempts rows leave together with their neighbours, or a window of bad rows alone would hold up the run.
const MAX_ATTEMPTS: usize = 500;

/// The failures of each table, ascending by row, and what the query gives for the other rows; `failure` is how it failed
/// over all.
///
/// # Errors
/// When the query fails for a reason that is in no row.
pub(super) fn sift(
    query: &SqlQuery,
    tables: &[RecordBatch],
    failure: NodeError,
) -> Result<(Vec<Vec<RowFailure>>, Vec<RecordBatch>), NodeError> {
    if failure.origin != Origin::User {
        return Err(failure);
    }
    let mut sieve = Sieve {
        query,
        tables,
        good: vec![Vec::new(); tables.len()],
        failures: vec![Vec::new(); tables.len()],
        num_attempts: 0,
        result: Vec::new(),
    };
    // The rows of the input are judged in the light of all others.
    for table in (0..tables.len()).rev() {
        sieve.add(table, 0, u32::try_from(tables[table].num_rows()).unwrap_or(u32::MAX))?;
    }
    Ok((sieve.failures, sieve.result))
}

struct Sieve<'a> {
    query: &'a SqlQuery,
    tables: &'a [RecordBatch],
    /// The rows of each table over which the query can be computed, ascending.
    good: Vec<Vec<u32>>,
    failures: Vec<Vec<RowFailure>>,
    num_attempts: usize,
    /// What it gives for these.
    result: Vec<RecordBatch>,
}

impl Sieve<'_> {
    /// Adds the rows from the first up to the second number that are good.
    fn add(&mut self, table: usize, from: u32, to: u32) -> Result<(), NodeError> {
        let num_good = self.good[table].len();
        self.good[table].extend(from..to);
        let rows = self.tables.iter().zip(&self.good);
        let rows =
            rows.map(|(rows, good)| take_record_batch(rows, &UInt32Array::from_iter_values(good.iter().copied())));
        self.num_attempts += 1;
        let error = match self.query.run(rows.collect::<Result<_, _>>()?) {
            Ok(result) => {
                self.result = result;
                return Ok(());
            }
            Err(error) if error.origin == Origin::User => error,
            Err(error) => return Err(error),
        };
        self.good[table].truncate(num_good);
        if to - from > 1 && self.num_attempts < MAX_ATTEMPTS {
            let middle = from + (to - from) / 2;
            self.add(table, from, middle)?;
            return self.add(table, middle, to);
        }
        let failure = |row: u32| RowFailure { row: row as usize, reason: error.to_string() };
        self.failures[table].extend((from..to).map(failure));
        Ok(())
    }
}
