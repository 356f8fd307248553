//! Operators that do one odd thing: break at a row, or go by the wall clock.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use millrace_model::PortCard;
use millrace_operator::{BuildContext, CardText, InferContext, Machine, Node, NodeError, Operator, Output};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NoParams, column, rows};

/// Breaks at a row.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrapParams {
    at: i64,
    #[serde(default)]
    panic: bool,
}

pub struct Trap;

impl Node for Trap {
    type Params = TrapParams;
    const KIND: &'static str = "process.trap";

    fn card() -> CardText {
        CardText::new("Trap", "Breaks", "bomb").input(PortCard::rows("Rows.")).output(PortCard::rows("Rows."))
    }

    fn infer(_: &TrapParams, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![cx.input()]
    }

    fn build(params: TrapParams, _: &BuildContext) -> Result<Machine, NodeError> {
        Ok(Machine::Operator(Box::new(TrapOperator(params))))
    }
}

struct TrapOperator(TrapParams);

impl Operator for TrapOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        if column(&batch, "n").values().contains(&self.0.at) {
            assert!(!self.0.panic, "row {} was too much", self.0.at);
            return Err(NodeError::user(format!("row {} cannot be taken", self.0.at)));
        }
        out.emit(0, batch);
        Ok(())
    }
}

/// Emits one row a tick.
pub struct Clock;

impl Node for Clock {
    type Params = NoParams;
    const KIND: &'static str = "process.clock";

    fn card() -> CardText {
        CardText::new("Clock", "Ticks", "clock").input(PortCard::rows("Rows.")).output(PortCard::rows("Ticks."))
    }

    fn infer(_: &NoParams, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![cx.input()]
    }

    fn build(_: NoParams, _: &BuildContext) -> Result<Machine, NodeError> {
        Ok(Machine::Operator(Box::new(ClockOperator(0))))
    }
}

struct ClockOperator(i64);

impl Operator for ClockOperator {
    fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
        out.drop_rows(batch.num_rows());
        Ok(())
    }

    fn on_tick(&mut self, now_us: i64, out: &mut Output) -> Result<(), NodeError> {
        assert!(now_us > 1_700_000_000_000_000, "the wall clock is passed in");
        self.0 += 1;
        out.emit(0, rows(self.0..self.0 + 1, 1));
        Ok(())
    }

    fn wants_ticks(&self) -> bool {
        true
    }
}
