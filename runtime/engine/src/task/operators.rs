//! The loop of a task that begins with an operator.

use crate::chain::Chain;
use crate::checkpoint::Report;
use crate::edit::{Swap, Swaps};
use crate::guard::Stopped;
use crate::inputs::{Arrival, Change, Inputs};
use crate::options::RunOptions;
use crate::task::notes::Notes;
use crate::task::pace::{Pace, tick, ticks_of};
use crate::world::World;

/// What a chain does whose nodes had said all before the checkpoint: the tasks behind it have to hear so again.
pub(super) async fn stay_ended(
    inputs: Option<&mut Inputs>,
    chain: &mut Chain,
    notes: &Notes,
    world: &World,
) -> Result<(), Stopped> {
    if let Some(inputs) = inputs {
        // Its queues bring their own ends, and nothing else.
        while !matches!(inputs.next(world).await?, Arrival::Change(Change { end: true, .. })) {}
    }
    notes.of_chain(None, chain, Report::Ended, true)?;
    chain.stay_ended();
    chain.flush().await?;
    Ok(())
}

pub(super) async fn drive_operators(
    inputs: &mut Inputs,
    chain: &mut Chain,
    options: &RunOptions,
    notes: &Notes,
    swaps: &mut Swaps,
) -> Result<(), Stopped> {
    let world = &options.world;
    let mut pace = Pace::new(world);
    let mut ticks = ticks_of(chain, options);
    chain.say_watermarks_again();
    chain.flush().await?;
    loop {
        let arrival = tokio::select! {
            biased;
            swap = swaps.next() => {
                let Swap { link, machine, keeps_state, done } = swap;
                chain.replace(link, machine, keeps_state)?;
                if link == 0 {
                    // It has not heard yet what the one before it was told.
                    for port in 0..inputs.num_ports() {
                        if inputs.has_ended(port) {
                            chain.input_end(port)?;
                        }
                    }
                }
                chain.flush().await?;
                done.tell(Ok(()));
                ticks = ticks_of(chain, options);
                continue;
            }
            injection = chain.injections.next() => {
                chain.inject(injection)?;
                chain.flush().await?;
                continue;
            }
            () = tick(&mut ticks) => None,
            arrival = inputs.next(world) => Some(arrival?),
        };
        match arrival {
            None => {
                chain.tick()?;
                chain.flush().await?;
            }
            Some(Arrival::Batch { port, batch, ahead_us, permit: _permit }) => {
                chain.arrive(port, batch, ahead_us)?;
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
                if let Some(port) = change.ended_port {
                    chain.input_end(port)?;
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
