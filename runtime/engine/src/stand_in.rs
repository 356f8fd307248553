//! Machines that stand in for the ends of a pipeline, so that it runs without the world outside: a source that gives
//! rows from before, a sink that writes nothing.
//!
//! They are no node kinds: who starts the run asks for them in its options, and the plan stays that of the pipeline.
//! Invariant: the nodes between them cannot tell the difference.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use millrace_operator::output::Emitted;
use millrace_operator::{NodeError, Prepared, Sink, Source, SourceContext, SourceEvent, State};

/// Gives what a source once gave, in that order, then ends.
pub(crate) struct Replay {
    emitted: Arc<[Emitted]>,
    next: usize,
    /// By output port.
    schemas: Vec<SchemaRef>,
}

impl Replay {
    pub fn new(emitted: Arc<[Emitted]>, schemas: Vec<SchemaRef>) -> Self {
        Self { emitted, next: 0, schemas }
    }
}

#[async_trait]
impl Source for Replay {
    async fn open(&mut self) -> Result<(), NodeError> {
        for emitted in self.emitted.iter() {
            if let Emitted::Batch(port, batch) = emitted
                && self.schemas.get(*port) != Some(batch.schema_ref())
            {
                return Err(NodeError::user(
                    "the rows that are to stand in for its own have other columns than it has",
                ));
            }
        }
        Ok(())
    }

    async fn next(&mut self, cx: &mut SourceContext<'_>) -> Result<SourceEvent, NodeError> {
        let Some(emitted) = self.emitted.get(self.next) else { return Ok(SourceEvent::End) };
        self.next += 1;
        match emitted {
            Emitted::Batch(port, batch) => cx.output.emit(*port, batch.clone()),
            Emitted::Watermark(watermark_us) => cx.output.watermark(*watermark_us),
        }
        Ok(SourceEvent::More)
    }

    fn snapshot(&mut self) -> Result<State, NodeError> {
        Ok((self.next as u64).to_le_bytes().to_vec())
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let bytes = state.try_into().map_err(|_| NodeError::internal("this is not the state of a replay"))?;
        self.next = usize::try_from(u64::from_le_bytes(bytes)).unwrap_or(usize::MAX);
        Ok(())
    }

    fn status(&self) -> Option<String> {
        Some("Rows from before".to_owned())
    }
}

/// Takes the place of a sink, and writes nothing.
pub(crate) struct Unwritten;

impl Sink for Unwritten {
    fn open(&mut self) -> Result<(), NodeError> {
        Ok(())
    }

    fn write(&mut self, _: &RecordBatch) -> Result<(), NodeError> {
        Ok(())
    }

    fn prepare(&mut self) -> Result<Prepared, NodeError> {
        Ok(Prepared::default())
    }

    fn commit(&mut self, _: &Prepared) -> Result<(), NodeError> {
        Ok(())
    }

    fn restore(&mut self, _: &Prepared) -> Result<(), NodeError> {
        Ok(())
    }

    fn finish(&mut self) -> Result<(), NodeError> {
        Ok(())
    }

    fn abort(&mut self) {}
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;
    use arrow::datatypes::{DataType, Field, Schema};
    use millrace_operator::{Crew, Output};

    use super::*;
    use crate::Simulation;

    fn batch(name: &str, value: i64) -> RecordBatch {
        let schema = Schema::new(vec![Field::new(name, DataType::Int64, true)]);
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Int64Array::from(vec![value]))]).expect("it fits")
    }

    fn replay(emitted: Vec<Emitted>) -> Replay {
        Replay::new(emitted.into(), vec![batch("a", 0).schema()])
    }

    /// What `source` gives in `count` calls, as text, and whether it has ended.
    fn calls(source: &mut Replay, count: usize) -> (Vec<String>, bool) {
        let mut output = Output::default();
        let mut has_ended = false;
        Simulation::new(0).run(async {
            for _ in 0..count {
                let mut cx = SourceContext { output: &mut output, batch_size: 1, crew: Crew::Inline };
                has_ended = source.next(&mut cx).await.expect("it gives") == SourceEvent::End;
            }
        });
        (output.take().iter().map(|emitted| format!("{emitted:?}")).collect(), has_ended)
    }

    #[test]
    fn a_restored_replay_goes_on_where_the_first_one_was() {
        let all = vec![Emitted::Batch(0, batch("a", 1)), Emitted::Watermark(5), Emitted::Batch(0, batch("a", 2))];
        let (whole, _) = calls(&mut replay(all.clone()), 3);
        assert_eq!(whole.len(), 3);
        for cut in 0..=3 {
            let mut first = replay(all.clone());
            let (mut given, _) = calls(&mut first, cut);
            let mut second = replay(all.clone());
            second.restore(&first.snapshot().expect("a state")).expect("its own");
            let (rest, has_ended) = calls(&mut second, 4 - cut);
            given.extend(rest);
            assert_eq!((given, has_ended), (whole.clone(), true));
        }
    }

    #[test]
    fn rows_with_other_columns_than_the_source_has_are_refused() {
        let open = |emitted| Simulation::new(0).run(async { replay(vec![emitted]).open().await.is_ok() });
        assert!(open(Emitted::Batch(0, batch("a", 1))));
        assert!(!open(Emitted::Batch(0, batch("b", 1))));
        assert!(!open(Emitted::Batch(1, batch("a", 1))), "there is no such port");
    }
}
