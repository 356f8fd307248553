//! `analyze.tumbling_window`: aggregates over windows of event time that follow each other without a gap.
//!
//! A window takes rows until the watermark reaches its end plus `allowed_lateness`; then it is emitted once and
//! forgotten, and rows for it are late. Rows in = rows aggregated + rows late (those without a time among them) + rows
//! rejected. The state is that of [`PaneOperator`](super::window::panes::PaneOperator), with one pane for each window.
//!
//! The event time of the results is `window_start`, and the watermark that goes with them is the start of the oldest
//! window that may still be emitted (Flink uses the window's end less one tick and leaves the watermark alone). So no
//! result is ever older than the watermark that went before it, whatever the lateness; a window node behind this one
//! puts each result into the window that holds all its rows, where its size is a multiple of this one's; and it may
//! close as soon as its last result is there.

use arrow::datatypes::SchemaRef;
use millrace_model::RowTrait;
use millrace_model::card::PortCard;
use millrace_model::{ColumnRef, Interval};
use millrace_operator::aggregate::NamedAggregate;
use millrace_operator::rejected::{self, OnError};
use millrace_operator::{
    BuildContext, CardText, Columns, InferContext, Machine, Node, NodeError, Partitioning, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::window::pane_plan::{PanePlan, WindowParams};
use super::window::top::Top;
use super::window::{self, keyed};
use crate::rejecting::first_error;

#[cfg(test)]
mod tests;

/// Computes aggregates over windows of time that follow each other without a gap, such as each minute.
///
/// Windows go by the **event time** of the rows, never by the clock on the wall, so that a replay gives what the live
/// run gave. They are aligned to 1970-01-01 00:00 UTC plus `offset`; the start belongs to a window, the end does not.
///
/// With size `1 h`, key `device` and the aggregates `n` = `count(*)` and `mean` = `avg(temperature)`:
///
/// | ts | device | temperature |
/// | --- | --- | --- |
/// | 10:05 | a | 20 |
/// | 10:40 | a | 22 |
/// | 10:50 | b | 30 |
/// | 11:10 | a | 24 |
///
/// gives
///
/// | window_start | window_end | device | n | mean |
/// | --- | --- | --- | --- | --- |
/// | 10:00 | 11:00 | a | 2 | 21 |
/// | 10:00 | 11:00 | b | 1 | 30 |
/// | 11:00 | 12:00 | a | 1 | 24 |
///
/// A window is emitted once, when no more rows are expected for it: when event time has reached its end and
/// `allowed_lateness` has passed; at the end of the input everything open is emitted. A row that comes after that, or
/// has no time, leaves by the `late` port. Windows without rows give no result. A null key is a group of its own.
///
/// Aggregates are SQL: `count(*)`, `sum(x)`, `avg(x)`, `min(x)`, `max(x)`, `stddev(x)`, `median(x)`,
/// `approx_percentile_cont(x, 0.95)`, `count(DISTINCT x)`, `max(x) - min(x)`,
/// `count(*) FILTER (WHERE status = 'alarm')`. They skip nulls. A row for which an aggregate's argument or filter cannot
/// be computed (a cast that does not fit, a division by zero) leaves by the `rejected` port with the reason and counts
/// nowhere; so does a result that cannot be computed, such as a sum that does not fit into 64 bits.
///
/// With `top`, only the best results of each window leave, such as the device with the most alarms. All keys must then
/// meet in one place: the node runs on one core.
///
/// The event time of the results is `window_start`: window nodes can follow each other.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// How long a window is, such as `1 min`.
    pub size: Interval,
    /// Moves the windows: with size `1 d` and offset `6 h`, days begin at 06:00 UTC.
    #[serde(default)]
    pub offset: Interval,
    /// One result for each combination of values of these columns. None: one result for each window.
    #[serde(default)]
    pub keys: Vec<ColumnRef>,
    /// What is computed for each window.
    #[serde(default)]
    pub aggregates: Vec<NamedAggregate>,
    /// The time that windows go by. Empty: the event time of the rows.
    #[serde(default)]
    pub time: ColumnRef,
    /// How long a window waits for late rows after event time has passed its end.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub allowed_lateness: Interval,
    /// Only the best results of each window leave; of equal ones, those with the smaller keys. Without a column to compare by, all
    /// leave.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub top: Option<Top>,
    /// What becomes of a row, or of a result, that cannot be computed. With `null` it counts as null.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub on_error: OnError,
}

pub struct TumblingWindow;

impl Node for TumblingWindow {
    type Params = Params;
    const KIND: &'static str = "analyze.tumbling_window";

    fn card() -> CardText {
        CardText::new("Tumbling window", "Aggregates over windows of time that follow each other", "hourglass")
            .input(PortCard::rows("Rows with an event time.").needing_unless(RowTrait::EventTime, "time"))
            .output(PortCard::rows("One row for each window and combination of keys, when the window closes."))
            .output(PortCard::late())
            .output(PortCard::rejected())
            .headline("size")
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![plan(params, cx).map(|plan| plan.schema), cx.input(), Some(rejected::schema())]
    }

    fn partitioning(params: &Params) -> Partitioning {
        if Top::in_use(params.top.as_ref()).is_some() { Partitioning::Single } else { keyed(&params.keys) }
    }

    fn reads(params: &Params, wanted: &Wanted<'_>) -> Vec<Columns> {
        window::reads(&params.keys, &params.aggregates, Some(&params.time), wanted)
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let inputs = [Some(cx.input().clone())];
        let mut found = InferContext::new(&inputs, None);
        let plan = plan(&params, &mut found);
        let Some(plan) = plan.filter(|_| !found.has_errors()) else {
            return Err(first_error(found.into_problems()));
        };
        Ok(Machine::Operator(Box::new(plan.operator(params.on_error)?)))
    }
}

/// What the params mean for the input; faults are reported in `cx`.
fn plan(params: &Params, cx: &mut InferContext<'_>) -> Option<PanePlan> {
    if params.size.is_zero() {
        cx.error("size", "no_size", "A window must last some time, such as `1 min`.");
    }
    let params = WindowParams {
        size: params.size,
        slide: params.size,
        offset: params.offset,
        keys: &params.keys,
        aggregates: &params.aggregates,
        time: &params.time,
        allowed_lateness: params.allowed_lateness,
        top: Top::in_use(params.top.as_ref()),
    };
    PanePlan::new(&params, cx)
}
