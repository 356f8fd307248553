//! `process.sample`: some of the rows, chosen by count or by a hash.
//!
//! Holds the number of rows seen, but for samples by key, which are stateless: whether a key is in the sample follows from
//! its value and the seed alone. So the sample is the same at every batch size and parallelism.

use arrow::array::{BooleanArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use millrace_model::ColumnRef;
use millrace_model::card::PortCard;
use millrace_operator::{
    BuildContext, CardText, Columns, InferContext, Machine, Node, NodeError, Operator, Output, Partitioning, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rejecting::first_error;
use crate::state::keys::{KeyEncoder, key_columns, stable_hash};
use crate::state::rows::emit_passing;
use crate::state::saved;

/// Passes some of the rows, so that the rest of the pipeline has less to do.
///
/// Three methods:
///
/// - **every_nth**: the 1st row, then each n-th.
/// - **fraction**: about this share of the rows, as if drawn by lot. The same seed draws the same rows.
/// - **keys**: about this share of the keys, with all of their rows: a part of the devices, but these wholly.
///
/// With the method `every_nth` and `n` = 3:
///
/// | row | |
/// | --- | --- |
/// | 1 | passes |
/// | 2 | left out |
/// | 3 | left out |
/// | 4 | passes |
///
/// Rows that are left out are counted.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// How the rows are chosen.
    pub method: Method,
}

/// How the rows of a sample are chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Method {
    /// The first row, then each n-th.
    EveryNth {
        /// How many rows make one that passes.
        #[schemars(range(min = 1))]
        n: u64,
    },
    /// A share of the rows.
    Fraction {
        /// The share that passes, from 0 to 1.
        #[schemars(range(min = 0.0, max = 1.0))]
        fraction: f64,
        /// Another seed draws other rows.
        #[serde(default)]
        seed: u64,
    },
    /// All rows of a share of the keys.
    Keys {
        /// The share that passes, from 0 to 1.
        #[schemars(range(min = 0.0, max = 1.0))]
        fraction: f64,
        /// The columns that make up a key.
        keys: Vec<ColumnRef>,
        /// Another seed draws other keys.
        #[serde(default)]
        seed: u64,
    },
}

pub struct Sample;

impl Node for Sample {
    type Params = Params;
    const KIND: &'static str = "process.sample";

    fn card() -> CardText {
        CardText::new("Sample", "Passes some of the rows, by count, by lot or by key", "percent")
            .can_bypass()
            .input(PortCard::rows("Any rows."))
            .output(PortCard::rows("Some of them."))
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        check(params, cx);
        vec![cx.input()]
    }

    fn partitioning(params: &Params) -> Partitioning {
        match params.method {
            Method::Keys { .. } => Partitioning::Stateless,
            Method::EveryNth { .. } | Method::Fraction { .. } => Partitioning::Single,
        }
    }

    fn reads(params: &Params, wanted: &Wanted<'_>) -> Vec<Columns> {
        let chosen_by = match &params.method {
            Method::Keys { keys, .. } => Columns::named(keys.iter().map(ColumnRef::as_str)),
            Method::EveryNth { .. } | Method::Fraction { .. } => Columns::none(),
        };
        vec![chosen_by.and(wanted.output(0))]
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let inputs = [Some(cx.input().clone())];
        let mut found = InferContext::new(&inputs, None);
        let columns = check(&params, &mut found);
        let Some(columns) = columns.filter(|_| !found.has_errors()) else {
            return Err(first_error(found.into_problems()));
        };
        let chooser = match params.method {
            Method::EveryNth { n } => Chooser::EveryNth(n),
            Method::Fraction { fraction, seed } => Chooser::Lot { seed, below: below(fraction) },
            Method::Keys { fraction, seed, .. } => {
                Chooser::Keys { encoder: KeyEncoder::new(columns, cx.input())?, seed, below: below(fraction) }
            }
        };
        Ok(Machine::Operator(Box::new(SampleOperator { chooser, rows_seen: 0 })))
    }
}

/// Reports what is wrong; the key columns, where the method has some.
fn check(params: &Params, cx: &mut InferContext<'_>) -> Option<Vec<usize>> {
    let input = cx.input();
    let mut share = |fraction: f64| {
        if !(0.0..=1.0).contains(&fraction) {
            cx.error("method.fraction", "not_a_share", format!("{fraction} is not a share from 0 to 1, such as 0.1."));
        }
    };
    match &params.method {
        Method::EveryNth { n: 0 } => cx.error("method.n", "not_positive", "Each 0th row cannot be: write 1 or more."),
        Method::EveryNth { .. } => {}
        Method::Fraction { fraction, .. } => share(*fraction),
        Method::Keys { fraction, keys, .. } => {
            share(*fraction);
            if keys.is_empty() {
                cx.error("method.keys", "no_keys", "Name the columns that make up a key, such as `device`.");
            }
            return key_columns("method.keys", keys, &input?, cx);
        }
    }
    Some(Vec::new())
}

/// The hashes below this number are a share of all.
fn below(fraction: f64) -> u128 {
    (fraction * 2_f64.powi(64)) as u128
}

enum Chooser {
    EveryNth(u64),
    Lot { seed: u64, below: u128 },
    Keys { encoder: KeyEncoder, seed: u64, below: u128 },
}

struct SampleOperator {
    chooser: Chooser,
    rows_seen: u64,
}

impl Operator for SampleOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let num_rows = batch.num_rows();
        let numbers = self.rows_seen..self.rows_seen + num_rows as u64;
        self.rows_seen = numbers.end;
        let passes: BooleanArray = match &self.chooser {
            Chooser::EveryNth(n) => numbers.map(|number| Some(number % n == 0)).collect(),
            Chooser::Lot { seed, below } => {
                numbers.map(|number| Some(u128::from(stable_hash(*seed, &number.to_le_bytes())) < *below)).collect()
            }
            Chooser::Keys { encoder, seed, below } => {
                let keys = encoder.encode(&batch)?;
                (0..num_rows).map(|row| Some(u128::from(stable_hash(*seed, keys.get(row))) < *below)).collect()
            }
        };
        emit_passing(batch, &passes, 0, out)
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, NodeError> {
        saved::to_bytes(&self.rows_seen, &[])
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        (self.rows_seen, []) = saved::from_bytes(state)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Row, event_rows, ids};
    use millrace_operator::harness::{Harness, assert_node_contract};
    use serde_json::{Value, json};

    fn sampled(method: Value, batch_size: usize) -> Vec<i64> {
        let harness = Harness::new::<Sample>(json!({ "method": method }), &[event_rows(&[]).schema()]);
        let rows: Vec<Row> =
            (0..3_000).map(|id| (None, [Some("a"), Some("b"), Some("c"), None][id as usize % 4], id)).collect();
        let mut run = harness.operator();
        for part in rows.chunks(batch_size) {
            run.push(event_rows(part));
            if batch_size > 100 {
                run.restart();
            }
        }
        let passed = ids(&run.gathered, "rows");
        assert_eq!(passed.len() as u64 + run.gathered.rows_dropped, 3_000);
        passed
    }

    #[test]
    fn it_keeps_the_contract() {
        let schema = event_rows(&[]).schema();
        for method in [
            json!({"by": "every_nth", "n": 2}),
            json!({"by": "fraction", "fraction": 0.5}),
            json!({"by": "keys", "fraction": 0.5, "keys": ["key"]}),
        ] {
            assert_node_contract::<Sample>(json!({ "method": method }), std::slice::from_ref(&schema));
        }
    }

    #[test]
    fn the_sample_is_the_same_at_every_batch_size() {
        let every: Vec<i64> = (0..3_000).step_by(7).collect();
        let half = sampled(json!({"by": "fraction", "fraction": 0.5, "seed": 3}), 3_000);
        let keys = sampled(json!({"by": "keys", "fraction": 0.5, "keys": ["id"]}), 3_000);
        assert!((1_400..1_600).contains(&half.len()) && (1_400..1_600).contains(&keys.len()));
        assert_ne!(half, sampled(json!({"by": "fraction", "fraction": 0.5, "seed": 4}), 3_000));
        for batch_size in [1, 32, 333, 3_000] {
            assert_eq!(sampled(json!({"by": "every_nth", "n": 7}), batch_size), every);
            assert_eq!(sampled(json!({"by": "fraction", "fraction": 0.5, "seed": 3}), batch_size), half);
            assert_eq!(sampled(json!({"by": "keys", "fraction": 0.5, "keys": ["id"]}), batch_size), keys);
        }
        assert_eq!(sampled(json!({"by": "fraction", "fraction": 1}), 100).len(), 3_000);
        assert_eq!(sampled(json!({"by": "fraction", "fraction": 0}), 100).len(), 0);
    }

    #[test]
    fn a_key_is_in_the_sample_with_all_its_rows_or_with_none() {
        let passed = sampled(json!({"by": "keys", "fraction": 0.5, "keys": ["key"]}), 100);
        assert_eq!(passed.len() % 750, 0);
    }

    #[test]
    fn what_cannot_be_is_found_before_the_run() {
        for (method, param) in [
            (json!({"by": "every_nth", "n": 0}), "method.n"),
            (json!({"by": "fraction", "fraction": 1.5}), "method.fraction"),
            (json!({"by": "keys", "fraction": 0.5, "keys": []}), "method.keys"),
            (json!({"by": "keys", "fraction": 0.5, "keys": ["kee"]}), "method.keys[0]"),
        ] {
            let problems = Harness::try_new::<Sample>(json!({ "method": method }), &[event_rows(&[]).schema()]).err();
            assert_eq!(problems.expect("a problem")[0].param, param);
        }
    }
}
