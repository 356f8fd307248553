//! What several nodes do with rows that they cannot compute: out by the `rejected` port, fail, or null, as `on_error` says.
//!
//! Holds the number of rows seen, so that a rejected row is named by its place in the node's whole input; that count is
//! the state. Every batch must pass through [`Rejecting::sort_out`] exactly once, with its failures or without.

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use millrace_operator::expression::{ExpressionError, RowFailure};
use millrace_operator::rejected::{self, OnError, RejectedBuilder, row_as_json};
use millrace_operator::watermark::{WatermarkMaker, WatermarkState};
use millrace_operator::{Columns, CompiledExpression, InferContext, NodeError, Output, ParamProblem};
use serde::{Deserialize, Serialize};

/// What a node reads of its input that computes with `columns` and whose rejected rows are read as `rejected` says: a
/// row that is shown is shown whole.
pub(crate) fn reads(columns: Columns, rejected: &Columns) -> Columns {
    if rejected.contains(rejected::RAW) { Columns::All } else { columns }
}

/// The columns that an expression reads; all of them where it cannot be compiled, which `infer` tells of.
pub(crate) fn read_by(expression: &str, input: &SchemaRef) -> Columns {
    CompiledExpression::compile(expression, input).map_or(Columns::All, |compiled| Columns::named(compiled.columns()))
}

pub(crate) struct Rejecting {
    port: usize,
    on_error: OnError,
    rows_seen: u64,
    /// Whose rows it counts.
    input: String,
    rejected: RejectedBuilder,
}

impl Rejecting {
    /// `port` is the index of the node's `rejected` port.
    pub(crate) fn new(port: usize, on_error: OnError) -> Self {
        let input = "the node's input".to_owned();
        Self { port, on_error, rows_seen: 0, input, rejected: RejectedBuilder::default() }
    }

    /// For the rows of one input of several.
    pub(crate) fn of_input(mut self, name: &str) -> Self {
        self.input = format!("the node's input `{name}`");
        self
    }

    /// As [`Self::sort_out_raw`], with the row as JSON for its raw text.
    ///
    /// # Errors
    /// As [`Self::sort_out_raw`].
    pub(crate) fn sort_out(
        &mut self,
        batch: &RecordBatch,
        failures: &[RowFailure],
        out: &mut Output,
    ) -> Result<Option<BooleanArray>, NodeError> {
        self.sort_out_raw(batch.num_rows(), failures, out, |row| Ok(row_as_json(batch, row)?))
    }

    /// Takes the failures of the next `num_rows` rows, ascending, and says which rows stay: `None` when all do.
    ///
    /// # Errors
    /// The first failure, when `on_error` is `fail`.
    pub(crate) fn sort_out_raw(
        &mut self,
        num_rows: usize,
        failures: &[RowFailure],
        out: &mut Output,
        raw: impl Fn(usize) -> Result<String, NodeError>,
    ) -> Result<Option<BooleanArray>, NodeError> {
        let first_row = self.rows_seen + 1;
        self.rows_seen += num_rows as u64;
        let place = |failure: &RowFailure| format!("row {} of {}", first_row + failure.row as u64, self.input);
        match (failures.first(), self.on_error) {
            (None, _) | (Some(_), OnError::Null) => Ok(None),
            (Some(failure), OnError::Fail) => {
                let mut text = raw(failure.row)?;
                if let Some((cut, _)) = text.char_indices().nth(200) {
                    text.truncate(cut);
                    text.push('…');
                }
                let reason = failure.reason.trim_end_matches('.');
                Err(NodeError::user(format!("{reason} ({}: {text}).", place(failure))))
            }
            (Some(_), OnError::Reject) => {
                let mut keeps = vec![true; num_rows];
                for failure in failures {
                    keeps[failure.row] = false;
                    self.rejected.push(&raw(failure.row)?, &failure.reason, &place(failure));
                }
                out.emit(self.port, self.rejected.finish(out.now_us()));
                Ok(Some(BooleanArray::from(keeps)))
            }
        }
    }

    /// As [`Self::sort_out`], for results that this node computed: they have no place in the input and are not counted.
    ///
    /// # Errors
    /// The first failure, when `on_error` is `fail`.
    pub(crate) fn sort_out_results(
        &mut self,
        results: &RecordBatch,
        failures: &[RowFailure],
        out: &mut Output,
    ) -> Result<Option<BooleanArray>, NodeError> {
        match (failures.first(), self.on_error) {
            (None, _) | (Some(_), OnError::Null) => Ok(None),
            (Some(failure), OnError::Fail) => {
                let raw = row_as_json(results, failure.row)?;
                Err(NodeError::user(format!("{} (in the result {raw}).", failure.reason.trim_end_matches('.'))))
            }
            (Some(_), OnError::Reject) => self.put_out(results, failures, "a result of the node", out).map(Some),
        }
    }

    /// Rejects rows that were counted before, and says which stay.
    ///
    /// # Errors
    /// When a row cannot be shown.
    pub(crate) fn put_out(
        &mut self,
        rows: &RecordBatch,
        failures: &[RowFailure],
        place: &str,
        out: &mut Output,
    ) -> Result<BooleanArray, NodeError> {
        let mut keeps = vec![true; rows.num_rows()];
        for failure in failures {
            keeps[failure.row] = false;
            self.rejected.push(&row_as_json(rows, failure.row)?, &failure.reason, place);
        }
        out.emit(self.port, self.rejected.finish(out.now_us()));
        Ok(BooleanArray::from(keeps))
    }

    pub(crate) fn on_error(&self) -> OnError {
        self.on_error
    }

    /// The number of rows seen, for a snapshot in a form of the node's own.
    pub(crate) fn rows_seen(&self) -> i64 {
        i64::try_from(self.rows_seen).unwrap_or(i64::MAX)
    }

    pub(crate) fn set_rows_seen(&mut self, rows_seen: i64) {
        self.rows_seen = u64::try_from(rows_seen).unwrap_or_default();
    }

    pub(crate) fn snapshot(&self) -> Vec<u8> {
        self.rows_seen.to_le_bytes().to_vec()
    }

    /// # Errors
    /// When `state` is not a state of this kind.
    pub(crate) fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let bytes = state.try_into().map_err(|_| NodeError::internal("the state of rejected rows is damaged"))?;
        self.rows_seen = u64::from_le_bytes(bytes);
        Ok(())
    }
}

/// What a node that reads a time out of its rows does with them afterwards: those that failed leave as [`Rejecting`] says,
/// the others pass with watermarks of this node's own, where it gives them their event time.
pub(crate) struct TimedRows {
    pub(crate) rejecting: Rejecting,
    watermarks: Option<WatermarkMaker>,
}

#[derive(Serialize, Deserialize)]
struct TimedState {
    watermarks: WatermarkState,
    rejecting: Vec<u8>,
}

impl TimedRows {
    /// Without `watermarks`, those that arrive are passed on.
    pub(crate) fn new(rejecting: Rejecting, watermarks: Option<WatermarkMaker>) -> Self {
        Self { rejecting, watermarks }
    }

    /// Emits the rows of `batch` that `keeps` says, all without it.
    ///
    /// # Errors
    /// When the batch is not of the node's output schema.
    pub(crate) fn emit(
        &mut self,
        port: usize,
        mut batch: RecordBatch,
        keeps: Option<&BooleanArray>,
        out: &mut Output,
    ) -> Result<(), NodeError> {
        if let Some(keeps) = keeps {
            batch = filter_record_batch(&batch, keeps)?;
        }
        match &mut self.watermarks {
            Some(watermarks) => watermarks.emit(port, batch, out),
            None => {
                out.emit(port, batch);
                Ok(())
            }
        }
    }

    pub(crate) fn on_watermark(&self, watermark_us: i64, out: &mut Output) {
        // The end of time is the end of the input, whoever makes the watermarks.
        if self.watermarks.is_some() && watermark_us == i64::MAX {
            out.watermark(watermark_us);
        }
    }

    pub(crate) fn makes_watermarks(&self) -> bool {
        self.watermarks.is_some()
    }

    /// # Errors
    /// When the state cannot be written: a defect.
    pub(crate) fn snapshot(&self) -> Result<Vec<u8>, NodeError> {
        let watermarks = self.watermarks.as_ref().map(WatermarkMaker::state).unwrap_or_default();
        let state = TimedState { watermarks, rejecting: self.rejecting.snapshot() };
        serde_json::to_vec(&state)
            .map_err(|error| NodeError::internal("the state cannot be written").with_source(error))
    }

    /// # Errors
    /// When `state` is not a state of this kind.
    pub(crate) fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let state: TimedState = serde_json::from_slice(state)
            .map_err(|error| NodeError::internal("the state cannot be read").with_source(error))?;
        if let Some(watermarks) = &mut self.watermarks {
            watermarks.restore(state.watermarks);
        }
        self.rejecting.restore(&state.rejecting)
    }
}

/// Puts the failures of several computations over one batch together: ascending, the first reason of each row.
pub(crate) fn merge_failures(failures: impl IntoIterator<Item = Vec<RowFailure>>) -> Vec<RowFailure> {
    let mut lists = failures.into_iter().filter(|list| !list.is_empty());
    let mut merged = lists.next().unwrap_or_default();
    for list in lists {
        merged.extend(list);
        // Stable, so that of one row the earlier computation stays in front.
        merged.sort_by_key(|failure| failure.row);
        merged.dedup_by_key(|failure| failure.row);
    }
    merged
}

/// Reports an expression that cannot be used.
pub(crate) fn report(cx: &mut InferContext<'_>, param: impl Into<String>, error: &ExpressionError) {
    cx.error(param, error.code(), error.to_string());
}

/// The first error that was found in the params, for `build`: such params can only come past the checks.
pub(crate) fn first_error(problems: Vec<ParamProblem>) -> NodeError {
    match problems.into_iter().find(|problem| !problem.is_warning) {
        Some(problem) => NodeError::user(format!("{}: {}", problem.param, problem.message)),
        None => NodeError::internal("the input's schema is not known"),
    }
}
