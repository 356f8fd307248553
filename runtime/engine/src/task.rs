//! The loops that drive the machines: one for each kind of first node.
//!
//! A task waits only at places where it can be cut off without harm; when the run is aborted its loop is dropped there,
//! and the machine comes back to the supervisor, which alone finishes or aborts sinks.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use millrace_operator::output::Emitted;
use millrace_operator::rejected::wall_clock_us;
use millrace_operator::{NodeError, Output, Prepared, Sink, Source, SourceContext, SourceEvent, View};
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};

use crate::chain::Chain;
use crate::checkpoint::{Barrier, Part, Report, SavedInstance, TaskLine};
use crate::fault;
use crate::guard::{Named, Stopped};
use crate::inputs::{Arrival, Change, Inputs};
use crate::options::RunOptions;
use crate::picture::Easel;
use crate::run::Phase;

/// A task goes on for so long without giving way to others.
const SLICE: Duration = Duration::from_millis(5);
/// Status and state size are looked at so often.
const REFRESH: Duration = Duration::from_millis(200);

/// A task: what it drives, and how it takes part in checkpoints.
pub(crate) struct Task {
    pub work: Work,
    /// Which instance of its nodes it is.
    pub instance: usize,
    /// Where checkpoints are taken.
    pub line: Option<TaskLine>,
    /// The input had ended before the checkpoint that this run goes on from, and its nodes had said all.
    pub had_ended: bool,
}

/// What a task drives.
pub(crate) enum Work {
    Source { source: Box<dyn Source>, chain: Chain },
    Operator { inputs: Inputs, chain: Chain },
    Sink { inputs: Inputs, sink: OpenSink },
    View { inputs: Inputs, view: Box<dyn View>, named: Named, easel: Easel },
}

/// A sink with its node.
pub(crate) struct OpenSink {
    pub named: Named,
    pub sink: Box<dyn Sink>,
}

/// What a task leaves behind.
pub(crate) struct TaskEnd {
    pub result: Result<(), Stopped>,
    /// A sink still has to be finished or aborted.
    pub sink: Option<OpenSink>,
    /// A source was stopped before its own end.
    pub was_cut: bool,
}

impl Task {
    /// Runs until the input ends, the node fails, or the run is aborted.
    pub async fn run(
        mut self,
        options: RunOptions,
        phase: watch::Receiver<Phase>,
        memory_is_near: watch::Receiver<bool>,
    ) -> TaskEnd {
        let mut was_cut = false;
        let mut aborted = phase.clone();
        let mut notes = Notes { line: self.line.take(), instance: self.instance };
        let had_ended = self.had_ended;
        let work = async {
            match &mut self.work {
                Work::Source { chain, .. } if had_ended => stay_ended(None, chain, &notes).await,
                Work::Operator { inputs, chain } if had_ended => stay_ended(Some(inputs), chain, &notes).await,
                Work::Source { source, chain } => {
                    was_cut =
                        drive_source(source.as_mut(), chain, &options, (phase, memory_is_near), &mut notes).await?;
                    Ok(())
                }
                Work::Operator { inputs, chain } => drive_operators(inputs, chain, &options, &notes).await,
                Work::Sink { inputs, sink } => drive_sink(inputs, sink, &mut notes).await,
                Work::View { inputs, view, named, easel } => {
                    drive_view(inputs, view.as_mut(), named, easel, &notes).await
                }
            }
        };
        let result = tokio::select! {
            biased;
            () = reached(&mut aborted, Phase::Aborting) => Err(Stopped::Cancelled),
            result = work => result,
        };
        let sink = match self.work {
            Work::Sink { sink, .. } => Some(sink),
            // A view that failed may be in any state.
            Work::View { view, easel, .. } if matches!(result, Ok(()) | Err(Stopped::Cancelled)) => {
                easel.leave(view);
                None
            }
            _ => None,
        };
        TaskEnd { result, sink, was_cut }
    }
}

/// Waits until the run has come to `phase` or further.
async fn reached(receiver: &mut watch::Receiver<Phase>, phase: Phase) {
    // An error means that nobody can change the phase any more: the run is lost, and the same as aborted.
    let _ = receiver.wait_for(|now| *now >= phase).await;
}

/// What a task notes down for checkpoints.
struct Notes {
    line: Option<TaskLine>,
    instance: usize,
}

impl Notes {
    /// Reports the state of a chain, with that of the source at its head if there is one.
    fn of_chain(
        &self,
        source: Option<&mut dyn Source>,
        chain: &mut Chain,
        report: impl FnOnce(Vec<Part>) -> Report,
        has_ended: bool,
    ) -> Result<(), Stopped> {
        let Some(line) = &self.line else { return Ok(()) };
        let mut parts = chain.snapshot(self.instance, has_ended)?;
        if let Some(source) = source {
            parts[0].saved.state = chain.links[0].named.call(|| source.snapshot())?;
        }
        line.report(report(parts));
        Ok(())
    }

    /// Reports the state of a node at the end of the pipeline.
    fn of_last(
        &self,
        named: &Named,
        state: impl FnOnce() -> Result<Vec<u8>, NodeError>,
        report: impl FnOnce(Vec<Part>) -> Report,
        has_ended: bool,
    ) -> Result<(), Stopped> {
        let Some(line) = &self.line else { return Ok(()) };
        let state = named.call(state)?;
        let saved = SavedInstance { state, has_ended, counters: named.counters.save(), ..SavedInstance::default() };
        line.report(report(vec![Part { node: named.id.clone(), instance: self.instance, saved }]));
        Ok(())
    }
}

/// What a chain does whose nodes had said all before the checkpoint: the tasks behind it have to hear so again.
async fn stay_ended(inputs: Option<&mut Inputs>, chain: &mut Chain, notes: &Notes) -> Result<(), Stopped> {
    if let Some(inputs) = inputs {
        // Its queues bring their own ends, and nothing else.
        while !matches!(inputs.next().await?, Arrival::Change(Change { end: true, .. })) {}
    }
    notes.of_chain(None, chain, Report::Ended, true)?;
    chain.stay_ended();
    chain.flush().await?;
    Ok(())
}

enum Event {
    Stop,
    Barrier(Barrier),
    Tick,
    Quiet,
    Source(SourceEvent),
}

/// Returns whether the source was stopped before its end.
async fn drive_source(
    source: &mut dyn Source,
    chain: &mut Chain,
    options: &RunOptions,
    (mut phase, mut memory_is_near): (watch::Receiver<Phase>, watch::Receiver<bool>),
    notes: &mut Notes,
) -> Result<bool, Stopped> {
    let named = chain.links[0].named.clone();
    let has_checkpoints = notes.line.is_some();
    chain.say_watermarks_again();
    chain.flush().await?;
    let mut out = Output::default();
    let mut pace = Pace::new();
    let mut ticks = ticks_of(chain, options);
    let mut last_rows = Instant::now();
    let mut is_idle = false;
    let mut resume_at = last_rows;
    loop {
        let event = {
            let mut cx = SourceContext { output: &mut out, batch_size: options.batch_size.max(1) };
            let next = async {
                if resume_at > Instant::now() {
                    sleep_until(resume_at).await;
                }
                // An error means that the run is being ended.
                let _ = memory_is_near.wait_for(|is_near| !is_near).await;
                named.call_async(source.next(&mut cx)).await
            };
            tokio::select! {
                biased;
                // With checkpoints a stop is the last barrier.
                () = reached(&mut phase, Phase::Draining), if !has_checkpoints => Event::Stop,
                barrier = TaskLine::barrier(&mut notes.line) => Event::Barrier(barrier),
                () = tick(&mut ticks) => Event::Tick,
                () = sleep_until(last_rows + options.idle_timeout), if !is_idle => Event::Quiet,
                event = next => Event::Source(event?),
            }
        };
        // `next` may have emitted rows before it was interrupted: they count.
        let emitted = out.take();
        named.counters.rows_dropped.fetch_add(out.take_rows_dropped(), Relaxed);
        let has_rows = emitted.iter().any(|emitted| matches!(emitted, Emitted::Batch(..)));
        if has_rows && std::mem::take(&mut is_idle) {
            chain.set_idle(0, false);
        }
        for emitted in emitted {
            for piece in pieces(emitted, options) {
                chain.pass_on(0, piece)?;
                chain.flush().await?;
            }
        }
        if has_rows {
            last_rows = Instant::now();
        }
        match event {
            Event::Stop | Event::Source(SourceEvent::End) => {
                named.counters.set_status(source.status());
                chain.end(0)?;
                chain.flush().await?;
                notes.of_chain(Some(source), chain, Report::Ended, true)?;
                return Ok(matches!(event, Event::Stop));
            }
            Event::Barrier(barrier) => {
                chain.flush().await?;
                notes.of_chain(Some(source), chain, |parts| Report::AtBarrier(barrier, parts), false)?;
                fault::reach("between_position_and_state").map_err(|error| named.failed(&error))?;
                chain.barrier(barrier);
                chain.flush().await?;
                if barrier.is_last {
                    named.counters.set_status(source.status());
                    return Ok(true);
                }
            }
            Event::Tick => chain.tick(wall_clock_us())?,
            // Rows may just have come after all.
            Event::Quiet if last_rows.elapsed() >= options.idle_timeout => {
                is_idle = true;
                chain.set_idle(0, true);
            }
            Event::Source(SourceEvent::Idle(pause)) => resume_at = Instant::now() + pause,
            Event::Quiet | Event::Source(SourceEvent::More) => {}
        }
        chain.flush().await?;
        if pace.is_refresh_due() {
            named.counters.set_status(source.status());
            chain.refresh_all();
        }
        pace.breathe().await;
    }
}

/// The batch as it is, or cut small for a test.
fn pieces(emitted: Emitted, options: &RunOptions) -> Vec<Emitted> {
    let size = options.batch_size.max(1);
    match emitted {
        Emitted::Batch(port, batch) if options.reslice && batch.num_rows() > size => (0..batch.num_rows())
            .step_by(size)
            .map(|start| Emitted::Batch(port, batch.slice(start, size.min(batch.num_rows() - start))))
            .collect(),
        whole => vec![whole],
    }
}

async fn drive_operators(
    inputs: &mut Inputs,
    chain: &mut Chain,
    options: &RunOptions,
    notes: &Notes,
) -> Result<(), Stopped> {
    let mut pace = Pace::new();
    let mut ticks = ticks_of(chain, options);
    chain.say_watermarks_again();
    chain.flush().await?;
    loop {
        let arrival = tokio::select! {
            biased;
            () = tick(&mut ticks) => None,
            arrival = inputs.next() => Some(arrival?),
        };
        match arrival {
            None => {
                chain.tick(wall_clock_us())?;
                chain.flush().await?;
            }
            Some(Arrival::Batch(input, batch, _permit)) => {
                chain.batch(0, input, batch)?;
                chain.flush().await?;
            }
            Some(Arrival::Change(change)) => {
                chain.links[0].named.counters.set_held_by(inputs.held_by());
                if change.idle == Some(false) {
                    chain.set_idle(0, false);
                }
                if let Some(watermark) = change.watermark_us {
                    chain.watermark(0, watermark)?;
                }
                if change.idle == Some(true) {
                    chain.set_idle(0, true);
                }
                if change.end {
                    chain.end(0)?;
                }
                chain.flush().await?;
                if change.end {
                    return notes.of_chain(None, chain, Report::Ended, true);
                }
            }
            Some(Arrival::Barrier(barrier)) => {
                notes.of_chain(None, chain, |parts| Report::AtBarrier(barrier, parts), false)?;
                chain.barrier(barrier);
                chain.flush().await?;
                if barrier.is_last {
                    return Ok(());
                }
            }
        }
        if pace.is_refresh_due() {
            chain.refresh_all();
        }
        pace.breathe().await;
    }
}

async fn drive_sink(
    inputs: &mut Inputs,
    OpenSink { named, sink }: &mut OpenSink,
    notes: &mut Notes,
) -> Result<(), Stopped> {
    let mut pace = Pace::new();
    // What was prepared for checkpoints that do not hold yet, oldest first.
    let mut prepared: VecDeque<(u64, Prepared)> = VecDeque::new();
    loop {
        let arrival = tokio::select! {
            biased;
            () = TaskLine::next_commit(&mut notes.line) => None,
            arrival = inputs.next() => Some(arrival?),
        };
        let held = notes.line.as_mut().map_or(0, TaskLine::committed);
        while let Some((_, newest)) = prepared.pop_front_if(|(number, _)| *number <= held) {
            fault::reach("sink_commit").map_err(|error| named.failed(&error))?;
            named.call(|| sink.commit(&newest))?;
        }
        match arrival {
            None => {}
            Some(Arrival::Batch(_, batch, _permit)) => {
                named.counters.add_rows_in(batch.num_rows());
                named.call(|| sink.write(&batch))?;
            }
            Some(Arrival::Change(change)) => {
                note_watermark(named, inputs, &change);
                if change.end {
                    named.counters.set_status(sink.status());
                    return notes.of_last(named, || Ok(sink.prepare()?.0), Report::Ended, true);
                }
            }
            Some(Arrival::Barrier(barrier)) => {
                fault::reach("sink_prepare").map_err(|error| named.failed(&error))?;
                let now = named.call(|| sink.prepare())?;
                let state = now.0.clone();
                prepared.push_back((barrier.number, now));
                notes.of_last(named, || Ok(state), |parts| Report::AtBarrier(barrier, parts), false)?;
                if barrier.is_last {
                    named.counters.set_status(sink.status());
                    return Ok(());
                }
            }
        }
        if pace.is_refresh_due() {
            named.counters.set_status(sink.status());
        }
        pace.breathe().await;
    }
}

async fn drive_view(
    inputs: &mut Inputs,
    view: &mut dyn View,
    named: &Named,
    easel: &mut Easel,
    notes: &Notes,
) -> Result<(), Stopped> {
    let mut pace = Pace::new();
    loop {
        let arrival = tokio::select! {
            biased;
            () = easel.wait() => None,
            arrival = inputs.next() => Some(arrival?),
        };
        match arrival {
            None => draw(view, named, easel)?,
            Some(Arrival::Batch(_, batch, _permit)) => {
                named.counters.add_rows_in(batch.num_rows());
                named.call(|| view.on_batch(batch))?;
                easel.note_news();
            }
            Some(Arrival::Change(change)) => {
                note_watermark(named, inputs, &change);
                if change.end {
                    named.counters.state_bytes.store(view.state_bytes(), Relaxed);
                    easel.note_news();
                    draw(view, named, easel)?;
                    named.counters.is_finished.store(true, Relaxed);
                    return notes.of_last(named, || view.snapshot(), Report::Ended, true);
                }
            }
            Some(Arrival::Barrier(barrier)) => {
                notes.of_last(named, || view.snapshot(), |parts| Report::AtBarrier(barrier, parts), false)?;
                if barrier.is_last {
                    easel.note_news();
                    return draw(view, named, easel);
                }
            }
        }
        if pace.is_refresh_due() {
            named.counters.state_bytes.store(view.state_bytes(), Relaxed);
        }
        pace.breathe().await;
    }
}

fn draw(view: &mut dyn View, named: &Named, easel: &mut Easel) -> Result<(), Stopped> {
    named.call(|| easel.draw(|look| view.picture(look)))
}

fn note_watermark(named: &Named, inputs: &Inputs, change: &Change) {
    named.counters.set_held_by(inputs.held_by());
    if let Some(watermark) = change.watermark_us {
        named.counters.set_watermark(watermark);
    }
}

fn ticks_of(chain: &Chain, options: &RunOptions) -> Option<Interval> {
    chain.wants_ticks().then(|| {
        let mut ticks = interval(options.tick_interval.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        ticks
    })
}

/// The next tick; never, where nobody wants one.
async fn tick(ticks: &mut Option<Interval>) {
    match ticks {
        Some(ticks) => {
            ticks.tick().await;
        }
        None => std::future::pending().await,
    }
}

/// When a task gives way to others, and when it reports on itself.
struct Pace {
    last_yield: Instant,
    last_refresh: Instant,
}

impl Pace {
    fn new() -> Self {
        let now = Instant::now();
        Self { last_yield: now, last_refresh: now }
    }

    fn is_refresh_due(&mut self) -> bool {
        let is_due = self.last_refresh.elapsed() >= REFRESH;
        if is_due {
            self.last_refresh = Instant::now();
        }
        is_due
    }

    async fn breathe(&mut self) {
        if self.last_yield.elapsed() >= SLICE {
            tokio::task::yield_now().await;
            self.last_yield = Instant::now();
        }
    }
}
