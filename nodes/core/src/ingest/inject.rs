//! `ingest.inject`: rows typed by hand.
//!
//! The text is a param, so its schema needs no probe. State: the offset and line of the next record.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use millrace_model::event_time::with_event_time;
use millrace_model::{ColumnRef, Interval, PortCard};
use millrace_operator::rejected::{self, RejectedBuilder};
use millrace_operator::watermark::{DEFAULT_MAX_OUT_OF_ORDERNESS, WatermarkMaker, WatermarkState};
use millrace_operator::{
    BuildContext, CardText, InferContext, Machine, Node, NodeError, Source, SourceContext, SourceEvent, State,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event_time;
use crate::format::TextDecoder;
use crate::format::columns::types_of;
use crate::format::csv::{CsvDecoder, Dialect, first_record, guess_delimiter};
use crate::format::infer;
use crate::format::ndjson::NdjsonDecoder;

/// Gives the rows that are typed in here, once, and ends. Good for trying out what comes after, with rows made to show
/// one thing.
///
/// Write a header and records as CSV, or one JSON object a line. The types of the columns follow from the values, as in
/// *File*. A record with too few or too many cells leaves by `rejected`.
///
/// | typed | row |
/// | --- | --- |
/// | `device,value` | |
/// | `dev-1,20.5` | `device` dev-1, `value` 20.5 |
///
/// **Delivery:** exactly-once effect; after a restart it goes on with the next row.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The rows: CSV with a header, or one JSON object a line.
    #[schemars(extend("format" = "multiline"))]
    pub rows: String,
    /// How the rows are written.
    #[serde(default)]
    pub format: Format,
    /// The time column that windows go by.
    #[serde(default)]
    pub event_time: Option<ColumnRef>,
    /// The zone of times that do not say theirs: a name such as `Europe/Berlin`, an offset such as `+02:00`, or `UTC`.
    #[serde(default = "event_time::utc")]
    pub time_zone: String,
    /// How far rows may be out of order: the watermark stays this much behind the newest time.
    #[serde(default = "default_max_out_of_orderness")]
    pub max_out_of_orderness: Interval,
}

/// How typed rows are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A header line, then one record a line.
    #[default]
    Csv,
    /// One JSON object a line.
    Ndjson,
}

fn default_max_out_of_orderness() -> Interval {
    DEFAULT_MAX_OUT_OF_ORDERNESS
}

impl Params {
    fn dialect(&self) -> Dialect {
        Dialect { delimiter: guess_delimiter(self.rows.as_bytes(), b'"'), ..Dialect::default() }
    }

    fn schema(&self) -> Result<Schema, String> {
        match self.format {
            Format::Csv => infer::csv_schema(self.rows.as_bytes(), true, &self.dialect()),
            Format::Ndjson => infer::json_schema(self.rows.lines())
                .map_err(|reason| format!("cannot be read as JSON, one object a line: {reason}")),
        }
    }
}

/// The node kind.
pub struct Inject;

impl Node for Inject {
    type Params = Params;
    const KIND: &'static str = "ingest.inject";

    fn card() -> CardText {
        CardText::new("Inject", "Rows typed by hand", "keyboard")
            .output(PortCard::rows("The rows, in the order in which they are written."))
            .output(PortCard::rejected())
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        let rows = match params.schema() {
            Ok(schema) => {
                let schema = Arc::new(schema);
                event_time::cell_times(&params.time_zone, cx);
                event_time::check(params.event_time.as_ref(), &schema, cx);
                Some(with_event_time(&schema, event_time::name(params.event_time.as_ref())))
            }
            Err(reason) => {
                cx.error("rows", "unreadable_rows", format!("The text {reason}."));
                None
            }
        };
        vec![rows, Some(rejected::schema())]
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let times = event_time::cell_times(&params.time_zone, &mut InferContext::new(&[], None));
        let schema = cx.outputs.first().cloned().unwrap_or_else(rejected::schema);
        // The decoders know nothing of event time.
        let plain = with_event_time(&schema, None);
        let types = types_of(&plain, &[]);
        let (decoder, header): (Box<dyn TextDecoder>, _) = match params.format {
            Format::Csv => {
                let dialect = params.dialect();
                let header = first_record(params.rows.as_bytes(), true, &dialect);
                let num_cells = plain.fields().len();
                let places = (0..num_cells).map(Some).collect();
                let decoder = CsvDecoder::new(plain, &types, places, num_cells, dialect, false)?;
                (Box::new(decoder.with_times(&times)), header)
            }
            Format::Ndjson => (Box::new(NdjsonDecoder::new(plain, &types, false).with_times(&times)), None),
        };
        let position = Position {
            offset: header.as_ref().map_or(0, |header| header.bytes),
            line: 1 + header.as_ref().map_or(0, |header| header.newlines),
            watermark: None,
        };
        let watermark = WatermarkMaker::new(&schema, params.max_out_of_orderness);
        Ok(Machine::Source(Box::new(InjectSource { text: params.rows, decoder, schema, position, watermark })))
    }
}

struct InjectSource {
    text: String,
    decoder: Box<dyn TextDecoder>,
    schema: SchemaRef,
    position: Position,
    watermark: Option<WatermarkMaker>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Position {
    offset: usize,
    line: u64,
    watermark: Option<WatermarkState>,
}

#[async_trait]
impl Source for InjectSource {
    async fn next(&mut self, cx: &mut SourceContext<'_>) -> Result<SourceEvent, NodeError> {
        let rest = self.text.as_bytes().get(self.position.offset..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(SourceEvent::End);
        }
        let decoded = self.decoder.decode(rest, true, cx.batch_size.max(1), self.position.line)?;
        if decoded.bytes == 0 {
            return Ok(SourceEvent::End);
        }
        self.position.offset += decoded.bytes;
        self.position.line += decoded.newlines;
        if let Some(batch) = decoded.batch {
            let batch = batch.with_schema(Arc::clone(&self.schema))?;
            match &mut self.watermark {
                Some(watermark) => watermark.emit(0, batch, cx.output)?,
                None => cx.output.emit(0, batch),
            }
        }
        let mut rejected = RejectedBuilder::default();
        for reject in &decoded.rejects {
            rejected.push(&reject.raw, &reject.reason, &format!("line {}", reject.line));
        }
        cx.output.emit(1, rejected.finish(cx.output.now_us()));
        Ok(SourceEvent::More)
    }

    fn snapshot(&mut self) -> Result<State, NodeError> {
        self.position.watermark = self.watermark.as_ref().map(WatermarkMaker::state);
        serde_json::to_vec(&self.position)
            .map_err(|error| NodeError::internal("the position cannot be written").with_source(error))
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        self.position = serde_json::from_slice(state)
            .map_err(|error| NodeError::internal("the position cannot be read").with_source(error))?;
        if let (Some(watermark), Some(state)) = (&mut self.watermark, self.position.watermark) {
            watermark.restore(state);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{drain, drain_in_two_runs};
    use millrace_operator::harness::{Harness, assert_node_contract};
    use serde_json::json;

    const ROWS: &str = "time,device,value\n2026-01-01T00:00:00Z,a,1\n2026-01-01T00:00:07Z,b,2.5\nbroken\n,c,\n";

    #[test]
    fn the_contract_holds() {
        assert_node_contract::<Inject>(json!({ "rows": ROWS, "event_time": "time" }), &[]);
        assert_node_contract::<Inject>(json!({ "rows": "{\"a\": 1}", "format": "ndjson" }), &[]);
    }

    #[test]
    fn times_without_a_zone_are_of_the_given_one() {
        for (format, rows) in [("csv", "t,v\n2026-07-01 12:00:00,1\n"), ("ndjson", "{\"t\": \"2026-07-01 12:00:00\"}")]
        {
            let params = json!({ "rows": rows, "format": format, "time_zone": "Europe/Berlin", "event_time": "t" });
            let all = drain(&Harness::new::<Inject>(params, &[]), 10);
            assert_eq!(all.json("rows")[0]["t"], "2026-07-01T10:00:00Z", "{format}");
        }
        let problems = Harness::try_new::<Inject>(json!({ "rows": ROWS, "time_zone": "Mars/Olympus" }), &[]);
        assert_eq!(problems.err().expect("a problem")[0].code, "unknown_time_zone");
    }

    #[test]
    fn typed_rows_come_out_with_their_types_whatever_the_batch_size() {
        let harness = Harness::new::<Inject>(json!({ "rows": ROWS, "event_time": "time" }), &[]);
        for batch_size in [1, 2, 100] {
            let all = drain(&harness, batch_size);
            assert_eq!(
                all.json("rows"),
                [
                    json!({ "time": "2026-01-01T00:00:00Z", "device": "a", "value": 1.0 }),
                    json!({ "time": "2026-01-01T00:00:07Z", "device": "b", "value": 2.5 }),
                    json!({ "time": null, "device": "c", "value": null }),
                ]
            );
            assert_eq!(all.json("rejected")[0]["position"], "line 4");
            assert_eq!(all.watermarks.last(), Some(&1_767_225_602_000_000));
        }
        assert_eq!(drain_in_two_runs(&harness, 1, 2).json("rows"), drain(&harness, 7).json("rows"));
    }

    #[test]
    fn text_without_rows_is_a_diagnostic() {
        for rows in ["", "\n\n"] {
            let problems = Harness::try_new::<Inject>(json!({ "rows": rows }), &[]).err().expect("a problem");
            assert_eq!(problems[0].code, "unreadable_rows");
        }
        let problems =
            Harness::try_new::<Inject>(json!({ "rows": ROWS, "event_time": "tme" }), &[]).err().expect("a problem");
        assert!(problems[0].message.contains("Did you mean `time`?"), "{problems:?}");
    }
}
