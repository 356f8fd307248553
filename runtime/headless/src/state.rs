//! `--state`: the folder with a run's checkpoints, and where the run goes on.

use std::path::Path;
use std::sync::Arc;

use millrace_host::engine::{Checkpoint, Plan, StateFolder, StateOptions};
use millrace_host::model::Interval;

use crate::exit::Stop;
use crate::report;

/// What the command line says about state.
pub struct Wish {
    pub fresh: bool,
    pub interval: Interval,
    /// `--parallelism`, where it is given.
    pub parallelism: Option<usize>,
}

/// Takes the folder, and says on standard error where the run goes on and which nodes lose their state.
///
/// # Errors
/// When the folder cannot be used, or what it holds does not fit the command line.
pub fn open(folder: &Path, wish: Wish, plan: &Plan) -> Result<StateOptions, Stop> {
    let interval = wish.interval.duration();
    if interval.is_zero() {
        return Err(Stop::invalid("--checkpoint-interval: give a time longer than nothing.".to_owned()));
    }
    let failed = |error: &dyn std::fmt::Display| Stop::invalid(format!("--state: {error}."));
    let folder = Arc::new(StateFolder::open(folder).map_err(|error| failed(&error))?);
    if wish.fresh {
        folder.clear().map_err(|error| failed(&error))?;
    }
    let found = folder.newest().map_err(|error| failed(&error))?;
    found
        .skipped
        .iter()
        .for_each(|reason| report::warning(&format!("{reason}; an older one is used if there is one.")));
    if let Some(checkpoint) = &found.checkpoint {
        check_parallelism(checkpoint, wish.parallelism)?;
        check_unchanged(checkpoint, plan)?;
        tell(checkpoint, plan);
    }
    Ok(StateOptions { folder, interval, resume: found.checkpoint.map(Arc::new) })
}

fn check_parallelism(checkpoint: &Checkpoint, wanted: Option<usize>) -> Result<(), Stop> {
    match wanted {
        Some(wanted) if wanted != checkpoint.parallelism => Err(Stop::invalid(format!(
            "--parallelism: the checkpoint was taken with {}; leave the option away to go on, or start over with --fresh.",
            checkpoint.parallelism
        ))),
        _ => Ok(()),
    }
}

/// A run that has come to its end has nothing to go on with, so a pipeline that has changed would not be run at all.
fn check_unchanged(checkpoint: &Checkpoint, plan: &Plan) -> Result<(), Stop> {
    let changed = checkpoint.changed_nodes(plan);
    if !checkpoint.is_complete || changed.is_empty() {
        return Ok(());
    }
    let titles: Vec<String> = changed.iter().map(|title| format!("“{title}”")).collect();
    Err(Stop::invalid(format!(
        "--state: the run of this folder had come to its end, and the pipeline has changed since: {}. Run it anew with \
         --fresh, or with another folder.",
        titles.join(", ")
    )))
}

fn tell(checkpoint: &Checkpoint, plan: &Plan) {
    let number = checkpoint.number;
    report::note(&match checkpoint.is_complete {
        true => format!("The run had come to its end at checkpoint {number}; start over with --fresh."),
        false => format!("Going on from checkpoint {number}."),
    });
    let fates = checkpoint.fates(plan);
    if fates.iter().all(|fate| fate.lost.is_none()) {
        return;
    }
    let kept: Vec<String> =
        fates.iter().filter(|fate| fate.lost.is_none()).map(|fate| format!("“{}”", fate.title)).collect();
    if !kept.is_empty() {
        report::note(&format!("State is kept by {}.", kept.join(", ")));
    }
    for fate in &fates {
        if let Some(reason) = fate.lost {
            report::warning(&format!("“{}” loses its state: {reason}.", fate.title));
        }
    }
}
