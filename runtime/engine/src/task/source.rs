//! The loop of a task that begins with a source.

use std::sync::atomic::Ordering::Relaxed;

use millrace_operator::output::Emitted;
use millrace_operator::{Machine, Output, Source, SourceContext, SourceEvent};
use tokio::sync::watch;

use crate::chain::Chain;
use crate::checkpoint::{Barrier, Report, TaskLine};
use crate::edit::{Swap, Swaps};
use crate::fault;
use crate::gate::{Gate, Turn};
use crate::guard::{Named, Stopped};
use crate::inject::Injection;
use crate::memory::MemoryBudget;
use crate::options::RunOptions;
use crate::recorder::Listener;
use crate::run::{Phase, reached};
use crate::task::notes::Notes;
use crate::task::pace::{Pace, tick, ticks_of};

enum Event {
    Stop,
    Barrier(Barrier),
    Swap(Swap),
    Injection(Injection),
    Tick,
    Quiet,
    Source(SourceEvent),
}

/// Returns whether the source was stopped before its end.
pub(super) async fn drive_source(
    source: &mut Box<dyn Source>,
    chain: &mut Chain,
    options: &RunOptions,
    (mut phase, memory, gate): (watch::Receiver<Phase>, &MemoryBudget, &Gate),
    listener: &Listener,
    notes: &mut Notes,
    swaps: &mut Swaps,
) -> Result<bool, Stopped> {
    let world = &options.world;
    let named = chain.links[0].named.clone();
    let has_checkpoints = notes.line.is_some();
    chain.say_watermarks_again();
    chain.flush().await?;
    let mut out = Output::with_clock(world.clock());
    let mut pace = Pace::new(world);
    let mut ticks = ticks_of(chain, options);
    let mut last_rows = world.now();
    let mut is_idle = false;
    let mut resume_at = last_rows;
    let mut turn = Turn::default();
    loop {
        let idle_timeout = source.idle_timeout().unwrap_or(options.idle_timeout);
        let event = {
            let mut cx = SourceContext { output: &mut out, batch_size: options.batch_size.max(1), crew: world.crew() };
            let next = async {
                if resume_at > world.now() {
                    world.sleep_until(resume_at).await;
                }
                gate.may_give(&mut turn).await;
                memory.room().await;
                named.call_async(source.next(&mut cx)).await
            };
            tokio::select! {
                biased;
                // With checkpoints a stop is the last barrier.
                () = reached(&mut phase, Phase::Draining), if !has_checkpoints => Event::Stop,
                barrier = TaskLine::barrier(&mut notes.line) => Event::Barrier(barrier),
                swap = swaps.next() => Event::Swap(swap),
                injection = chain.injections.next() => Event::Injection(injection),
                () = tick(&mut ticks) => Event::Tick,
                () = world.sleep_until(last_rows + idle_timeout), if !is_idle => Event::Quiet,
                event = next => Event::Source(event?),
            }
        };
        // `next` may have emitted rows before it was interrupted: they count.
        let emitted = out.take();
        named.counters.rows_dropped.fetch_add(out.take_rows_dropped(), Relaxed);
        let event = if listener.hear_source(&emitted) { Event::Source(SourceEvent::End) } else { event };
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
            last_rows = world.now();
            gate.note_given(&mut turn);
        }
        match event {
            Event::Stop | Event::Source(SourceEvent::End) => {
                named.counters.hear(source.as_ref());
                chain.end(0)?;
                chain.flush().await?;
                notes.of_chain(Some(source.as_mut()), chain, Report::Ended, true)?;
                return Ok(matches!(event, Event::Stop));
            }
            Event::Barrier(barrier) => {
                chain.flush().await?;
                notes.of_chain(Some(source.as_mut()), chain, |parts| Report::AtBarrier(barrier, parts), false)?;
                fault::reach("between_position_and_state").map_err(|error| named.failed(&error))?;
                chain.barrier(barrier);
                chain.flush().await?;
                if barrier.is_last {
                    named.counters.hear(source.as_ref());
                    return Ok(true);
                }
            }
            Event::Swap(Swap { link, machine, keeps_state, done }) => match machine {
                Machine::Source(new) => {
                    let opened = replace(source, new, keeps_state, &named).await;
                    resume_at = world.now();
                    // The old one goes on where the new one cannot begin.
                    done.tell(opened);
                }
                machine => {
                    chain.replace(link, machine, keeps_state)?;
                    chain.flush().await?;
                    done.tell(Ok(()));
                }
            },
            Event::Injection(injection) => chain.inject(injection)?,
            Event::Tick => chain.tick()?,
            Event::Quiet if gate.has_stood(&mut turn) => last_rows = world.now(),
            // Rows may just have come after all.
            Event::Quiet if world.now() - last_rows >= idle_timeout => {
                is_idle = true;
                chain.set_idle(0, true);
            }
            Event::Source(SourceEvent::Idle(pause)) => resume_at = world.now() + pause,
            Event::Quiet | Event::Source(SourceEvent::More) => {}
        }
        chain.flush().await?;
        if pace.is_refresh_due() {
            named.counters.hear(source.as_ref());
            chain.refresh_all();
        }
        pace.breathe().await;
    }
}

/// Puts another source in the place of `source`, once it is open.
async fn replace(
    source: &mut Box<dyn Source>,
    mut new: Box<dyn Source>,
    keeps_state: bool,
    named: &Named,
) -> Result<(), Stopped> {
    if keeps_state {
        let state = named.call(|| source.snapshot())?;
        named.call(|| new.restore(&state))?;
    }
    named.call_async(new.open()).await?;
    named.counters.hear(new.as_ref());
    *source = new;
    Ok(())
}

/// The batch as it is, or cut small for a test.
fn pieces(emitted: Emitted, options: &RunOptions) -> Vec<Emitted> {
    let size = match options.world.is_simulated() {
        true => 1 + options.world.choose(options.batch_size.max(1)),
        false => options.batch_size.max(1),
    };
    let is_cut = options.reslice || options.world.is_simulated();
    match emitted {
        Emitted::Batch(port, batch) if is_cut && batch.num_rows() > size => (0..batch.num_rows())
            .step_by(size)
            .map(|start| Emitted::Batch(port, batch.slice(start, size.min(batch.num_rows() - start))))
            .collect(),
        whole => vec![whole],
    }
}
