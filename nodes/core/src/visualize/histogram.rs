//! `visualize.histogram`: how often values lie in which range.
//!
//! Counts stretches of values that `bins` cuts: some thousand fine ones are held, joined to the wanted number for the
//! picture. State: the counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, Float64Array, Int64Array, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, UInt64Type};
use millrace_model::view::{Histogram, Look, ViewSpec};
use millrace_model::{ColumnRef, PortCard, RowTrait};
use millrace_operator::{
    BuildContext, CardText, Columns, InferContext, Machine, Node, NodeError, State, View, ViewSnapshot, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bins::{Bins, joined};
use super::columns::{check_number, numbers, read, title};
use super::ipc;

/// Fine stretches that are held.
const MAX_HELD: usize = 4_096;

/// Counts how often values lie in which range, since the run began.
///
/// The width of the ranges follows from the values: it doubles when there would be more than *Bins* of them. With *Bin
/// width* they are as wide as that, or twice, four times … that where there would be too many. Nulls and what is no number
/// are left out.
///
/// | in | shown, bin width 1 |
/// | --- | --- |
/// | 1.2, 1.9, 3 | 1 to 2: **2**, 2 to 3: **0**, 3 to 4: **1** |
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The column whose values are counted.
    pub value: ColumnRef,
    /// At most so many ranges are shown.
    #[serde(default = "default_bins")]
    #[schemars(range(min = 1, max = 1_000))]
    pub bins: usize,
    /// How wide the ranges are; empty: as the values ask for.
    #[serde(default)]
    pub bin_width: Option<f64>,
    /// Stands above the chart; empty: the node's own title.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub title: String,
    /// What the values are, and their unit; empty: the name of the column.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub x_label: String,
}

fn default_bins() -> usize {
    40
}

/// The node kind.
pub struct HistogramNode;

impl Node for HistogramNode {
    type Params = Params;
    const KIND: &'static str = "visualize.histogram";

    fn card() -> CardText {
        CardText::new("Histogram", "How often values lie where", "chart-bar")
            .input(PortCard::rows("Rows to count.").needing(RowTrait::Number))
            .headline("value")
            .view()
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        if params.bins == 0 {
            cx.error("bins", "out_of_range", "There is at least one range.");
        }
        if params.bin_width.is_some_and(|width| width <= 0.0 || !width.is_finite()) {
            cx.error("bin_width", "out_of_range", "A range is wider than zero.");
        }
        if let Some(schema) = cx.input() {
            check_number(cx, "value", &params.value, &schema);
        }
        Vec::new()
    }

    fn reads(params: &Params, _: &Wanted<'_>) -> Vec<Columns> {
        vec![read([Some(&params.value)])]
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let x_label = if params.x_label.is_empty() { params.value.to_string() } else { params.x_label };
        Ok(Machine::View(Box::new(Counts {
            spec: Histogram { title: title(params.title, cx), x_label, num_values: 0 },
            value: cx.input().index_of(params.value.as_str())?,
            num_bins: params.bins.max(1),
            bins: Bins::new(params.bin_width, MAX_HELD),
            counts: BTreeMap::new(),
        })))
    }
}

struct Counts {
    spec: Histogram,
    value: usize,
    num_bins: usize,
    bins: Bins,
    counts: BTreeMap<i64, u64>,
}

#[derive(Serialize, Deserialize)]
struct Note {
    num_values: u64,
    doublings: i32,
}

/// The counts after stretches were joined.
fn coarser(counts: &BTreeMap<i64, u64>, joins: u32) -> BTreeMap<i64, u64> {
    let mut coarser = BTreeMap::new();
    for (bin, count) in counts {
        *coarser.entry(joined(*bin, joins)).or_insert(0) += count;
    }
    coarser
}

impl View for Counts {
    fn on_batch(&mut self, batch: RecordBatch) -> Result<(), NodeError> {
        let values = numbers(batch.column(self.value))?;
        for value in values.iter().flatten().filter(|value| value.is_finite()) {
            let (bin, joins) = self.bins.take(value);
            if joins > 0 {
                self.counts = coarser(&self.counts, joins);
            }
            *self.counts.entry(bin).or_insert(0) += 1;
            self.spec.num_values += 1;
        }
        Ok(())
    }

    fn picture(&mut self, _look: &Look) -> Result<ViewSnapshot, NodeError> {
        let (bins, joins) = self.bins.coarser(self.num_bins);
        let counts = coarser(&self.counts, joins);
        let shown: Vec<i64> = bins.range().map_or_else(Vec::new, |(first, last)| (first..=last).collect());
        let number = |name: &str| Field::new(name, DataType::Float64, false);
        let schema = Schema::new(vec![number("from"), number("to"), number("count")]);
        let column =
            |value: &dyn Fn(i64) -> f64| Arc::new(shown.iter().map(|bin| Some(value(*bin))).collect::<Float64Array>());
        let data = RecordBatch::try_new(
            Arc::new(schema),
            vec![
                column(&|bin| bins.start(bin)),
                column(&|bin| bins.start(bin + 1)),
                column(&|bin| counts.get(&bin).copied().unwrap_or(0) as f64),
            ],
        )?;
        Ok(ViewSnapshot { spec: ViewSpec::Histogram(self.spec.clone()), data })
    }

    fn snapshot(&mut self) -> Result<State, NodeError> {
        let schema =
            Schema::new(vec![Field::new("bin", DataType::Int64, false), Field::new("count", DataType::UInt64, false)]);
        let batch = RecordBatch::try_new(
            Arc::new(schema),
            vec![
                Arc::new(Int64Array::from_iter_values(self.counts.keys().copied())),
                Arc::new(UInt64Array::from_iter_values(self.counts.values().copied())),
            ],
        )?;
        let note = Note { num_values: self.spec.num_values, doublings: self.bins.doublings() };
        let note = serde_json::to_string(&note)
            .map_err(|error| NodeError::internal("the counts cannot be written").with_source(error))?;
        ipc::to_bytes(&batch, &note)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let (batch, note) = ipc::from_bytes(state)?;
        let note: Note = serde_json::from_str(&note)
            .map_err(|error| NodeError::internal("the counts cannot be read").with_source(error))?;
        let bins = batch.column(0).as_primitive::<Int64Type>().values().iter().copied();
        let counts = batch.column(1).as_primitive::<UInt64Type>().values().iter().copied();
        self.bins.restore(note.doublings, bins.clone());
        self.counts = bins.zip(counts).collect();
        self.spec.num_values = note.num_values;
        Ok(())
    }

    fn state_bytes(&self) -> usize {
        self.counts.len() * 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_operator::harness::{Harness, assert_node_contract, rows_as_json};
    use serde_json::{Value, json};

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("v", DataType::Float64, true)]))
    }

    fn rows(values: &[f64]) -> RecordBatch {
        RecordBatch::try_new(schema(), vec![Arc::new(Float64Array::from(values.to_vec()))]).expect("one column")
    }

    fn shown(view: &mut dyn View) -> Vec<(f64, f64, f64)> {
        let data = view.picture(&Look::WHOLE).expect("a picture").data;
        let number = |row: &Value, name: &str| row[name].as_f64().expect("a number");
        rows_as_json(&data).iter().map(|row| (number(row, "from"), number(row, "to"), number(row, "count"))).collect()
    }

    #[test]
    fn the_contract_holds() {
        assert_node_contract::<HistogramNode>(json!({ "value": "v" }), &[schema()]);
    }

    #[test]
    fn values_are_counted_in_ranges_of_the_wanted_width() {
        let harness = Harness::new::<HistogramNode>(json!({ "value": "v", "bin_width": 1 }), &[schema()]);
        let mut view = harness.view();
        view.on_batch(rows(&[1.2, 1.9, 3.0, f64::NAN])).expect("rows");
        assert_eq!(shown(view.as_mut()), [(1.0, 2.0, 2.0), (2.0, 3.0, 0.0), (3.0, 4.0, 1.0)]);
    }

    #[test]
    fn ranges_are_few_and_hold_every_value_whatever_the_order_the_size_and_the_restarts() {
        let mut values: Vec<f64> =
            (0..5_000).map(|n| f64::from(n % 71).powi(3) - 9_000.0).chain([1e12, -3.0, 0.0, 1e-9]).collect();
        let harness = Harness::new::<HistogramNode>(json!({ "value": "v", "bins": 30 }), &[schema()]);
        let mut all = Vec::new();
        for reversed in [false, true] {
            if reversed {
                values.reverse();
            }
            let mut view = harness.view();
            for piece in values.chunks(777) {
                view.on_batch(rows(piece)).expect("rows");
                let state = view.snapshot().expect("a snapshot");
                view = harness.view();
                view.restore(&state).expect("a restore");
            }
            let bars = shown(view.as_mut());
            assert!(bars.len() <= 30);
            for (from, to, count) in &bars {
                let slow = values.iter().filter(|value| *value >= from && *value < to).count();
                assert_eq!(*count, slow as f64, "{from} to {to}");
            }
            assert_eq!(bars.iter().map(|bar| bar.2).sum::<f64>(), values.len() as f64);
            all.push(bars);
        }
        assert_eq!(all[0], all[1], "the order does not matter");
    }

    #[test]
    fn a_single_value_has_a_range_to_read() {
        let harness = Harness::new::<HistogramNode>(json!({ "value": "v" }), &[schema()]);
        let mut view = harness.view();
        view.on_batch(rows(&[21.4, 21.4])).expect("rows");
        assert_eq!(shown(view.as_mut()), [(20.0, 22.0, 2.0)]);
    }
}
