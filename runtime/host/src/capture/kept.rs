//! A capture as the store keeps it: for each node a list of moments, and the batches of each port as one Arrow IPC stream.
//!
//! The moments say in which order batches and watermarks came; the n-th moment of a port is the n-th batch of its stream.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use millrace_engine::Recorded;
use millrace_model::{NodeId, Wire};
use millrace_operator::output::Emitted;
use millrace_protocol::{Failure, FailureCode};
use millrace_store::CaptureTrack;
use serde::{Deserialize, Serialize};

/// What each node gave.
pub(super) type Given = BTreeMap<NodeId, Arc<[Recorded]>>;

/// When something came, in microseconds since the capture began.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Moment {
    Batch { at_us: u64, port: usize },
    Watermark { at_us: u64, watermark_us: i64 },
}

pub(super) fn tracks(given: &BTreeMap<NodeId, Vec<Recorded>>) -> Result<Vec<CaptureTrack>, Failure> {
    let unwritable =
        |reason: String| Failure::new(FailureCode::Internal, format!("What was captured cannot be written: {reason}."));
    let tracks = given.iter().map(|(node, recorded)| {
        let mut moments = Vec::with_capacity(recorded.len());
        let mut batches: BTreeMap<usize, Vec<&RecordBatch>> = BTreeMap::new();
        for Recorded { at, emitted } in recorded {
            let at_us = u64::try_from(at.as_micros()).unwrap_or(u64::MAX);
            moments.push(match emitted {
                Emitted::Batch(port, batch) => {
                    batches.entry(*port).or_default().push(batch);
                    Moment::Batch { at_us, port: *port }
                }
                Emitted::Watermark(watermark_us) => Moment::Watermark { at_us, watermark_us: *watermark_us },
            });
        }
        let moments = serde_json::to_string(&moments).map_err(|error| unwritable(error.to_string()))?;
        let rows = batches.into_iter().map(|(port, batches)| Ok((port as u64, stream(&batches)?)));
        let rows = rows.collect::<Result<_, ArrowError>>().map_err(|error| unwritable(error.to_string()))?;
        Ok(CaptureTrack { node: node.to_string(), moments, rows })
    });
    tracks.collect()
}

fn stream(batches: &[&RecordBatch]) -> Result<Vec<u8>, ArrowError> {
    let Some(first) = batches.first() else { return Ok(Vec::new()) };
    let mut bytes = Vec::new();
    let mut writer = StreamWriter::try_new(&mut bytes, &first.schema())?;
    batches.iter().try_for_each(|batch| writer.write(batch))?;
    writer.finish()?;
    drop(writer);
    Ok(bytes)
}

/// Reads again what [`tracks`] made; `name` is that of the capture, for what is said if it cannot be read.
pub(super) fn given(name: &str, tracks: Vec<CaptureTrack>) -> Result<Given, Failure> {
    let read = tracks.into_iter().map(|track| recorded(&track)).collect::<Result<_, String>>();
    read.map_err(|reason| Failure::new(FailureCode::Storage, format!("The capture “{name}” cannot be read: {reason}.")))
}

fn recorded(track: &CaptureTrack) -> Result<(NodeId, Arc<[Recorded]>), String> {
    let node = NodeId::new(&track.node).map_err(|error| error.to_string())?;
    let moments: Vec<Moment> = serde_json::from_str(&track.moments).map_err(|error| error.to_string())?;
    let mut streams = BTreeMap::new();
    for (port, bytes) in &track.rows {
        let reader = StreamReader::try_new(Cursor::new(bytes), None).map_err(|error| error.to_string())?;
        streams.insert(usize::try_from(*port).unwrap_or(usize::MAX), reader);
    }
    let recorded = moments.into_iter().map(|moment| match moment {
        Moment::Watermark { at_us, watermark_us } => {
            Ok(Recorded { at: Duration::from_micros(at_us), emitted: Emitted::Watermark(watermark_us) })
        }
        Moment::Batch { at_us, port } => {
            let batch = streams.get_mut(&port).and_then(Iterator::next).ok_or("there are batches missing")?;
            let batch = batch.map_err(|error| error.to_string())?;
            Ok(Recorded { at: Duration::from_micros(at_us), emitted: Emitted::Batch(port, batch) })
        }
    });
    Ok((node, recorded.collect::<Result<_, String>>()?))
}

pub(super) fn text_of_wire(wire: &Wire) -> String {
    serde_json::to_string(wire).expect("a wire is plain text")
}

pub(super) fn wire_of_text(text: &str) -> Option<Wire> {
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Float64Array, StringArray};

    use super::*;

    fn batch(texts: &[Option<&str>]) -> RecordBatch {
        let texts: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
        let numbers: ArrayRef = Arc::new(Float64Array::from_iter_values((0..texts.len()).map(|_| f64::NAN)));
        RecordBatch::try_from_iter_with_nullable([("text", texts, true), ("number", numbers, true)])
            .expect("two columns")
    }

    #[test]
    fn a_capture_comes_back_as_it_was_with_ports_order_and_times() {
        let at = |ms: u64, emitted| Recorded { at: Duration::from_millis(ms), emitted };
        let given_first = BTreeMap::from([
            (
                NodeId::new("a").expect("an id"),
                vec![
                    at(0, Emitted::Batch(0, batch(&[Some("one"), None]))),
                    at(5, Emitted::Watermark(-7)),
                    at(5, Emitted::Batch(2, batch(&[Some("rejected")]))),
                    at(90, Emitted::Batch(0, batch(&[Some("two")]).slice(0, 1))),
                ],
            ),
            (NodeId::new("silent").expect("an id"), Vec::new()),
        ]);
        let again = given("One", tracks(&given_first).expect("written")).expect("readable");
        let text = |recorded: &[Recorded]| format!("{recorded:?}");
        assert_eq!(again.len(), 2);
        for (node, recorded) in &given_first {
            assert_eq!(text(recorded), text(&again[node]));
        }
        let mut torn = tracks(&given_first).expect("written");
        torn[0].rows[0].1.truncate(40);
        let failure = given("One", torn).expect_err("it is torn");
        assert!(failure.message.starts_with("The capture “One” cannot be read: "), "{}", failure.message);
    }
}
