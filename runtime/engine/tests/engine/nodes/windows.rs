//! A node of the engine's tests that holds rows by window, as the real windows do.

use std::collections::BTreeMap;

use arrow::array::{AsArray, RecordBatch, UInt64Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use millrace_model::PortCard;
use millrace_operator::{BuildContext, CardText, InferContext, Machine, Node, NodeError, Operator, Output, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{number_and_key, row};

/// Holds rows back until their window closes.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WindowsParams {
    #[serde(default = "ten")]
    seconds: i64,
    /// Nothing hangs on it.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    remark: String,
}

fn ten() -> i64 {
    10
}

/// Holds rows back until their window of some seconds closes; late ones leave by `late`.
pub struct Windows;

impl Node for Windows {
    type Params = WindowsParams;
    const KIND: &'static str = "analyze.windows";

    fn card() -> CardText {
        CardText::new("Windows", "Holds rows by window", "clock")
            .input(PortCard::rows("Rows.").many_wires())
            .output(PortCard::rows("Rows."))
            .output(PortCard::late())
    }

    fn infer(_: &WindowsParams, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![cx.input(), cx.input()]
    }

    fn build(params: WindowsParams, _: &BuildContext) -> Result<Machine, NodeError> {
        Ok(Machine::Operator(Box::new(WindowsOperator {
            open: BTreeMap::new(),
            watermark_us: i64::MIN,
            seconds: params.seconds,
        })))
    }
}

struct WindowsOperator {
    open: BTreeMap<i64, Vec<RecordBatch>>,
    watermark_us: i64,
    seconds: i64,
}

impl Operator for WindowsOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        let times = batch.column_by_name("time").unwrap().as_primitive::<TimestampMicrosecondType>();
        for row in 0..batch.num_rows() {
            let one = take_record_batch(&batch, &UInt64Array::from(vec![row as u64]))?;
            let width_us = self.seconds * 1_000_000;
            let end = (times.value(row) / width_us + 1) * width_us;
            if end <= self.watermark_us {
                out.emit(1, one);
            } else {
                self.open.entry(end).or_default().push(one);
            }
        }
        Ok(())
    }

    fn on_watermark(&mut self, watermark_us: i64, out: &mut Output) -> Result<(), NodeError> {
        assert!(watermark_us > self.watermark_us, "a watermark grows");
        self.watermark_us = watermark_us;
        while let Some(first) = self.open.first_entry().filter(|first| *first.key() <= watermark_us) {
            first.remove().into_iter().for_each(|row| out.emit(0, row));
        }
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        self.open.values().flatten().map(RecordBatch::get_array_memory_size).sum()
    }

    fn snapshot(&mut self) -> Result<State, NodeError> {
        let held: Vec<(i64, Option<i64>)> = self.open.values().flatten().map(number_and_key).collect();
        Ok(serde_json::to_vec(&(self.watermark_us, held)).unwrap())
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let (watermark_us, held): (i64, Vec<(i64, Option<i64>)>) = serde_json::from_slice(state).unwrap();
        self.watermark_us = watermark_us;
        for (n, key) in held {
            self.open.entry((n / self.seconds + 1) * self.seconds * 1_000_000).or_default().push(row(n, key));
        }
        Ok(())
    }

    fn on_end(&mut self, _: &mut Output) -> Result<(), NodeError> {
        assert!(self.open.is_empty(), "the end of time has closed every window");
        Ok(())
    }
}
