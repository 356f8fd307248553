//! What the params of a tumbling or hopping window mean for its input; `panes` runs by it.

use arrow::datatypes::{Schema, SchemaRef};
use millrace_model::event_time::with_event_time;
use millrace_model::{ColumnRef, Interval};
use millrace_operator::InferContext;
use millrace_operator::aggregate::{AggregatePlan, NamedAggregate};

use super::alignment::Windows;
use super::top::{Best, CompiledTop, Top};
use super::{TimeColumn, WINDOW_END, WINDOW_START};

/// The params of tumbling and hopping windows alike.
pub(crate) struct WindowParams<'a> {
    pub size: Interval,
    pub slide: Interval,
    pub offset: Interval,
    pub keys: &'a [ColumnRef],
    pub aggregates: &'a [NamedAggregate],
    pub time: &'a ColumnRef,
    pub allowed_lateness: Interval,
    pub top: Option<&'a Top>,
}

/// What the params mean for the input.
pub(crate) struct PanePlan {
    pub schema: SchemaRef,
    pub(super) time: TimeColumn,
    pub(super) windows: Windows,
    pub(super) lateness_us: i64,
    pub(super) aggregates: AggregatePlan,
    pub(super) top: Option<CompiledTop>,
    /// The count that `top` goes by, where results are nothing but counts.
    pub(super) best_count: Option<(usize, Best)>,
}

impl PanePlan {
    /// Faults are reported in `cx`.
    pub(crate) fn new(params: &WindowParams<'_>, cx: &mut InferContext<'_>) -> Option<Self> {
        let aggregates = super::compile(params.keys, params.aggregates, &[WINDOW_START, WINDOW_END], cx);
        let input = cx.input()?;
        let time = TimeColumn::find(params.time, cx, &input)?;
        let mut lengths = vec![("size", params.size), ("offset", params.offset)];
        if params.slide != params.size {
            lengths.insert(1, ("slide", params.slide));
        }
        if !time.unit.check(&lengths, cx) || params.size.is_zero() || params.slide.is_zero() {
            return None;
        }
        let windows = Windows::new(params.size, params.slide, params.offset, time.unit);
        let aggregates = aggregates?;
        let mut fields = vec![time.field(WINDOW_START), time.field(WINDOW_END)];
        fields.extend(aggregates.output_schema().fields().iter().cloned());
        let schema = with_event_time(&Schema::new(fields), Some(WINDOW_START));
        let keys = 2..2 + params.keys.len();
        let top = match params.top {
            Some(top) => Some(CompiledTop::new(top, &schema, keys, cx)?),
            None => None,
        };
        let best_count = top.as_ref().and_then(|top| {
            let (column, best) = top.first();
            let result = column.checked_sub(2 + params.keys.len())?;
            Some((*aggregates.results_as_accumulated()?.get(result)?, best))
        });
        let lateness_us = params.allowed_lateness.as_micros();
        Some(Self { best_count, schema, time, windows, lateness_us, aggregates, top })
    }
}
