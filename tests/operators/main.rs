//! How fast single operators are: rows in by batches of the usual size, a watermark after each, and what leaves is
//! gathered; no engine, no other thread. Each answer is checked against one worked out from the plain rows before
//! anything is measured.
//!
//! Arguments are those of criterion: a name picks some, `--quick` takes less time.

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::sum;
use arrow::datatypes::Int64Type;
use criterion::{BatchSize, Criterion, Throughput};
use millrace_operator::harness::{Gathered, Harness};

use cases::{Answer, Case, cases};
use rows::{BATCH, ROWS_A_SECOND, SECOND};

mod cases;
mod rows;

fn main() {
    let mut criterion = Criterion::default().sample_size(10).without_plots().configure_from_args();
    let mut group = criterion.benchmark_group("operators");
    for case in cases() {
        let (harness, inputs) = case.harness();
        check(&case, &drive(&harness, inputs.clone()));
        let rows: usize = case.inputs.iter().map(Vec::len).sum();
        group.throughput(Throughput::Elements(rows as u64));
        group.bench_function(case.name, |bencher| {
            bencher.iter_batched(|| inputs.clone(), |inputs| drive(&harness, inputs), BatchSize::PerIteration);
        });
    }
    group.finish();
    criterion.final_summary();
}

/// Pushes the batches of all inputs in turn, each round followed by the watermark of a source whose rows are at most a
/// second out of order.
fn drive(harness: &Harness, inputs: Vec<Vec<RecordBatch>>) -> Gathered {
    let mut run = harness.operator();
    let mut inputs: Vec<_> = inputs.into_iter().map(Vec::into_iter).collect();
    let mut rows = 0;
    loop {
        let mut is_at_end = true;
        for (input, batches) in inputs.iter_mut().enumerate() {
            if let Some(batch) = batches.next() {
                run.try_push(input, batch).unwrap_or_else(|error| panic!("the operator failed: {error}"));
                is_at_end = false;
            }
        }
        if is_at_end {
            break;
        }
        rows += BATCH as i64;
        run.watermark((rows - 1) * SECOND / ROWS_A_SECOND - SECOND);
    }
    run.end();
    std::mem::take(&mut run.gathered)
}

/// # Panics
/// When the operator's answer is not the one of the slow way.
fn check(case: &Case, gathered: &Gathered) {
    let batches = gathered.batches.get("rows").map_or(&[][..], Vec::as_slice);
    let sums = batches.iter().map(|batch| match case.summed {
        "" => 0,
        name => sum(batch.column_by_name(name).expect("the summed column").as_primitive::<Int64Type>()).unwrap_or(0),
    });
    let found = Answer { rows: gathered.rows_at("rows"), sum: sums.sum() };
    assert_eq!(found, case.answer, "{}", case.name);
    for port in ["late", "rejected", "left_late", "right_late"] {
        assert_eq!(gathered.rows_at(port), 0, "{}: rows at the port {port}", case.name);
    }
}
