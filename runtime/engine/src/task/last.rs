//! The loops of the tasks at the ends of a pipeline: sinks and views.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;

use millrace_operator::{Machine, Prepared, Sink, View};

use crate::checkpoint::{Report, TaskLine};
use crate::edit::Swaps;
use crate::fault;
use crate::guard::{Named, Stopped};
use crate::inputs::{Arrival, Change, Inputs};
use crate::options::RunOptions;
use crate::picture::Easel;
use crate::task::OpenSink;
use crate::task::notes::Notes;
use crate::task::pace::Pace;

pub(super) async fn drive_sink(
    inputs: &mut Inputs,
    OpenSink { named, sink }: &mut OpenSink,
    options: &RunOptions,
    notes: &mut Notes,
    swaps: &mut Swaps,
) -> Result<(), Stopped> {
    let world = &options.world;
    let mut pace = Pace::new(world);
    // What was prepared for checkpoints that do not hold yet, oldest first.
    let mut prepared: VecDeque<(u64, Prepared)> = VecDeque::new();
    loop {
        let arrival = tokio::select! {
            biased;
            swap = swaps.next() => {
                if let Machine::Sink(new) = swap.machine {
                    replace_sink(sink, new, named)?;
                    swap.done.tell(Ok(()));
                }
                continue;
            }
            () = TaskLine::next_commit(&mut notes.line) => None,
            arrival = inputs.next(world) => Some(arrival?),
        };
        let held = notes.line.as_mut().map_or(0, TaskLine::committed);
        while let Some((_, newest)) = prepared.pop_front_if(|(number, _)| *number <= held) {
            fault::reach("sink_commit").map_err(|error| named.failed(&error))?;
            named.call(|| sink.commit(&newest))?;
        }
        match arrival {
            None => {}
            Some(Arrival::Batch { batch, permit: _permit, .. }) => {
                named.counters.add_rows_in(batch.num_rows());
                fault::reach("sink_write").map_err(|error| named.failed(&error))?;
                named.call(|| sink.write(&batch))?;
            }
            Some(Arrival::Change(change)) => {
                note_watermark(named, inputs, &change);
                let watermark_us = if change.end { Some(i64::MAX) } else { change.watermark_us };
                if let Some(watermark_us) = watermark_us {
                    named.call(|| sink.on_watermark(watermark_us))?;
                }
                if change.end {
                    named.counters.set_status(sink.status());
                    named.counters.state_bytes.store(sink.state_bytes(), Relaxed);
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
            named.counters.state_bytes.store(sink.state_bytes(), Relaxed);
        }
        pace.breathe().await;
    }
}

pub(super) async fn drive_view(
    inputs: &mut Inputs,
    view: &mut Box<dyn View>,
    named: &Named,
    easel: &mut Easel,
    options: &RunOptions,
    (notes, swaps): (&Notes, &mut Swaps),
) -> Result<(), Stopped> {
    let world = &options.world;
    let mut pace = Pace::new(world);
    loop {
        let arrival = tokio::select! {
            biased;
            swap = swaps.next() => {
                if let Machine::View(new) = swap.machine {
                    replace_view(view, new, swap.keeps_state, named)?;
                    easel.note_news();
                    swap.done.tell(Ok(()));
                }
                continue;
            }
            () = easel.wait() => None,
            arrival = inputs.next(world) => Some(arrival?),
        };
        match arrival {
            None => draw(view.as_mut(), named, easel)?,
            Some(Arrival::Batch { batch, permit: _permit, .. }) => {
                named.counters.add_rows_in(batch.num_rows());
                named.call(|| view.on_batch(batch))?;
                easel.note_news();
            }
            Some(Arrival::Change(change)) => {
                note_watermark(named, inputs, &change);
                if change.end {
                    named.counters.state_bytes.store(view.state_bytes(), Relaxed);
                    easel.note_news();
                    draw(view.as_mut(), named, easel)?;
                    named.counters.is_finished.store(true, Relaxed);
                    return notes.of_last(named, || view.snapshot(), Report::Ended, true);
                }
            }
            Some(Arrival::Barrier(barrier)) => {
                notes.of_last(named, || view.snapshot(), |parts| Report::AtBarrier(barrier, parts), false)?;
                if barrier.is_last {
                    easel.note_news();
                    return draw(view.as_mut(), named, easel);
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

/// What was written to the old sink becomes visible; from here on rows go to the new one.
fn replace_sink(sink: &mut Box<dyn Sink>, mut new: Box<dyn Sink>, named: &Named) -> Result<(), Stopped> {
    named.call(|| sink.on_watermark(i64::MAX))?;
    named.call(|| sink.finish())?;
    named.call(|| new.open())?;
    named.counters.set_status(new.status());
    *sink = new;
    Ok(())
}

fn replace_view(
    view: &mut Box<dyn View>,
    mut new: Box<dyn View>,
    keeps_state: bool,
    named: &Named,
) -> Result<(), Stopped> {
    if keeps_state {
        let state = named.call(|| view.snapshot())?;
        named.call(|| new.restore(&state))?;
    }
    *view = new;
    Ok(())
}

fn note_watermark(named: &Named, inputs: &Inputs, change: &Change) {
    named.counters.set_held_by(inputs.held_by());
    if let Some(watermark) = change.watermark_us {
        named.counters.set_watermark(watermark);
    }
}
