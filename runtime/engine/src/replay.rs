//! Giving again what sources once gave: at once, in its own time or so many times faster, or step by step.
//!
//! A replay stands in for a source; it is no node kind, and the plan stays that of the pipeline. Invariants: the nodes
//! behind it cannot tell the difference, and what is given is the same at every tempo. Time that the run stood, or could
//! not keep up, is not made up for: the rest comes later, with its sources in step.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use millrace_model::NodeId;
use millrace_model::run::Tempo;
use millrace_operator::output::Emitted;
use millrace_operator::{NodeError, Source, SourceContext, SourceEvent, State};

use crate::recorder::Recorded;

/// What has come so much too late was held up, and what follows it comes later too.
const MAX_BEHIND_US: i64 = 250_000;

/// Sources that give rows and watermarks from before instead of their own, then end. The batches have the schema that
/// the plan tells at the port.
#[derive(Debug, Clone, Default)]
pub struct Replays {
    given: BTreeMap<NodeId, Arc<[Recorded]>>,
    tempo: Tempo,
    /// None where nobody waits.
    schedule: Option<Arc<Schedule>>,
}

impl Replays {
    pub fn new(given: BTreeMap<NodeId, Arc<[Recorded]>>, tempo: Tempo) -> Self {
        let schedule = match tempo {
            Tempo::Times(times) => Some(Arc::new(Schedule { times: f64::from(times.max(1)), ..Schedule::default() })),
            Tempo::AtOnce | Tempo::StepByStep => None,
        };
        Self { given, tempo, schedule }
    }

    /// What is given as fast as it goes.
    pub fn at_once(given: BTreeMap<NodeId, Vec<Emitted>>) -> Self {
        let timeless = |emitted| Recorded { at: Duration::ZERO, emitted };
        let given = given.into_iter().map(|(id, emitted)| (id, emitted.into_iter().map(timeless).collect())).collect();
        Self::new(given, Tempo::AtOnce)
    }

    /// The run begins paused.
    pub(crate) fn is_stepwise(&self) -> bool {
        self.tempo == Tempo::StepByStep
    }

    pub(crate) fn stand_in_for(&self, node: &NodeId) -> bool {
        self.given.contains_key(node)
    }

    /// What stands in for a node whose output ports have these schemas, and which is idle after this time.
    pub(crate) fn source(
        &self,
        node: &NodeId,
        schemas: Vec<SchemaRef>,
        idle_timeout: Option<Duration>,
    ) -> Option<Box<dyn Source>> {
        let given = self.given.get(node)?.clone();
        Some(Box::new(Replay { given, next: 0, schemas, schedule: self.schedule.clone(), idle_timeout }))
    }
}

/// When what was recorded is due, for all sources of a run.
#[derive(Debug, Default)]
struct Schedule {
    /// So many seconds of the recording go by in one.
    times: f64,
    anchor: Mutex<Anchor>,
}

/// What was recorded at `at` is due at `now_us` by the clock of the run, once somebody has asked.
#[derive(Debug, Default)]
struct Anchor {
    at: Option<Duration>,
    now_us: Option<i64>,
}

impl Schedule {
    /// How long it is until what was recorded at `at`; `None` when it is due.
    fn wait(&self, at: Duration, now_us: i64) -> Option<Duration> {
        let mut anchor = self.lock();
        let begun_us = *anchor.now_us.get_or_insert(now_us);
        let since_us = at.as_micros() as f64 - anchor.at.unwrap_or_default().as_micros() as f64;
        let wait_us = begun_us + (since_us / self.times) as i64 - now_us;
        if wait_us < -MAX_BEHIND_US {
            *anchor = Anchor { at: Some(at), now_us: Some(now_us) };
        }
        u64::try_from(wait_us).ok().filter(|wait_us| *wait_us > 0).map(Duration::from_micros)
    }

    /// Goes on with what was recorded at `at`, or at an earlier time that another source goes on with.
    fn go_on_from(&self, at: Duration) {
        let mut anchor = self.lock();
        if anchor.now_us.is_none() {
            anchor.at = Some(anchor.at.map_or(at, |before| before.min(at)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Anchor> {
        self.anchor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives what a source once gave, in that order, then ends.
struct Replay {
    given: Arc<[Recorded]>,
    next: usize,
    /// By output port.
    schemas: Vec<SchemaRef>,
    schedule: Option<Arc<Schedule>>,
    /// That of the source that it stands for.
    idle_timeout: Option<Duration>,
}

#[async_trait]
impl Source for Replay {
    async fn open(&mut self) -> Result<(), NodeError> {
        for recorded in self.given.iter() {
            if let Emitted::Batch(port, batch) = &recorded.emitted
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
        let Some(recorded) = self.given.get(self.next) else { return Ok(SourceEvent::End) };
        let wait = self.schedule.as_ref().and_then(|schedule| schedule.wait(recorded.at, cx.output.now_us()));
        if let Some(wait) = wait {
            return Ok(SourceEvent::Idle(wait));
        }
        self.next += 1;
        match &recorded.emitted {
            Emitted::Batch(port, batch) => cx.output.emit(*port, batch.clone()),
            Emitted::Watermark(watermark_us) => cx.output.watermark(*watermark_us),
        }
        Ok(SourceEvent::More)
    }

    fn idle_timeout(&self) -> Option<Duration> {
        self.idle_timeout
    }

    fn snapshot(&mut self) -> Result<State, NodeError> {
        Ok((self.next as u64).to_le_bytes().to_vec())
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let bytes = state.try_into().map_err(|_| NodeError::internal("this is not the state of a replay"))?;
        self.next = usize::try_from(u64::from_le_bytes(bytes)).unwrap_or(usize::MAX);
        if let (Some(schedule), Some(recorded)) = (&self.schedule, self.given.get(self.next)) {
            schedule.go_on_from(recorded.at);
        }
        Ok(())
    }

    fn status(&self) -> Option<String> {
        Some("Rows from before".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, RecordBatch};
    use arrow::datatypes::{DataType, Field, Schema};
    use millrace_operator::{Crew, Output};

    use super::*;
    use crate::Simulation;

    fn batch(name: &str, value: i64) -> RecordBatch {
        let schema = Schema::new(vec![Field::new(name, DataType::Int64, true)]);
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Int64Array::from(vec![value]))]).expect("it fits")
    }

    fn replay(emitted: Vec<Emitted>) -> Box<dyn Source> {
        let node = NodeId::new("source").expect("an id");
        let replays = Replays::at_once(BTreeMap::from([(node.clone(), emitted)]));
        replays.source(&node, vec![batch("a", 0).schema()], None).expect("it is given")
    }

    /// What `source` gives in `count` calls, as text, and whether it has ended.
    fn calls(source: &mut dyn Source, count: usize) -> (Vec<String>, bool) {
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
        let (whole, _) = calls(&mut *replay(all.clone()), 3);
        assert_eq!(whole.len(), 3);
        for cut in 0..=3 {
            let mut first = replay(all.clone());
            let (mut given, _) = calls(&mut *first, cut);
            let mut second = replay(all.clone());
            second.restore(&first.snapshot().expect("a state")).expect("its own");
            let (rest, has_ended) = calls(&mut *second, 4 - cut);
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

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_was_recorded_is_due_in_its_time_divided_by_the_tempo() {
        let schedule = Schedule { times: 10.0, ..Schedule::default() };
        assert_eq!(schedule.wait(seconds(20), 1_000), Some(seconds(2)));
        assert_eq!(schedule.wait(seconds(20), 1_001_000), Some(seconds(1)), "another source asks later");
        assert_eq!(schedule.wait(seconds(20), 2_001_000), None);
        assert_eq!(
            schedule.wait(seconds(30), 2_101_000),
            Some(Duration::from_millis(900)),
            "a little late is made up for"
        );
    }

    #[test]
    fn what_was_held_up_moves_what_follows() {
        let schedule = Schedule { times: 1.0, ..Schedule::default() };
        assert_eq!(schedule.wait(seconds(0), 0), None);
        assert_eq!(schedule.wait(seconds(1), 9_000_000), None, "the run stood for eight seconds");
        assert_eq!(schedule.wait(seconds(3), 9_000_000), Some(seconds(2)));
    }

    #[test]
    fn a_restored_replay_does_not_wait_for_what_was_given_before() {
        let schedule = Schedule { times: 1.0, ..Schedule::default() };
        schedule.go_on_from(seconds(60));
        schedule.go_on_from(seconds(50));
        assert_eq!(schedule.wait(seconds(50), 7), None);
        assert_eq!(schedule.wait(seconds(60), 7), Some(seconds(10)));
    }
}
