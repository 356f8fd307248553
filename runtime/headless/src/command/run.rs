//! `millrace run`: one run of one pipeline, from start to end or to an interrupt.
//!
//! Nothing is opened for writing before the pipeline is known to be sound. The first interrupt stops the run gracefully,
//! the second ends it at once.

use std::path::PathBuf;
use std::time::Duration;

use millrace_host::engine::{self, Run, RunOptions, RunOutcome};
use millrace_host::model::Interval;
use millrace_host::model::run::RunState;

use crate::exit::{Exit, Stop};
use crate::interrupt::Interrupts;
use crate::prepare::{Prepared, file_message, prepare};
use crate::progress::{Progress, ProgressMode};
use crate::set::{self, Set};
use crate::state::Wish;
use crate::{charts, metrics_file, report, state, summary};

/// After the second interrupt the tasks get this long to take back what they have not finished.
const LAST_MOMENT: Duration = Duration::from_secs(2);

#[derive(clap::Args)]
#[command(after_help = "\
Relative paths inside the pipeline start at the folder of its file.

Examples:
  millrace run fleet.millrace.json
  millrace run fleet.millrace.json --set devices=500 --set site=north
  millrace run fleet.millrace.json --metrics metrics.json --charts pictures --progress plain
  millrace run fleet.millrace.json --state fleet.state    # goes on there, after a crash too")]
pub struct Args {
    /// The pipeline file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Set a parameter of the pipeline; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = set::parse)]
    set: Vec<Set>,
    /// Instances of each node that works by key [default: the number of cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    parallelism: Option<u32>,
    /// Rows that sources aim for in a batch [default: 8192]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    batch_size: Option<u32>,
    /// Keep checkpoints in this folder, and go on from the newest one there
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Forget the checkpoints in the state folder and start over
    #[arg(long, requires = "state")]
    fresh: bool,
    /// Time between two checkpoints, such as `500 ms` or `1 min`
    #[arg(long, value_name = "TIME", requires = "state", default_value = "10 s")]
    pub checkpoint_interval: Interval,
    /// Memory that the process may take, such as `256 MB` or `2 GB` [default: a quarter of the machine's]
    #[arg(long, value_name = "SIZE", value_parser = memory_size)]
    memory: Option<u64>,
    /// Write everything that was counted to this JSON file
    #[arg(long, value_name = "FILE.json")]
    metrics: Option<PathBuf>,
    /// Write every chart of the pipeline into this folder, as SVG and PNG
    #[arg(long, value_name = "DIR")]
    charts: Option<PathBuf>,
    /// How to show that the run goes on
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    progress: ProgressMode,
}

/// Reads a size such as `256 MB`; a bare number is bytes.
fn memory_size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()));
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        _ => return Err("write a number and B, KB, MB or GB, such as `256 MB`".to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| "write a number and a unit, such as `256 MB`".to_owned())?;
    let bytes = number * factor;
    if bytes < 32e6 { Err("less than 32 MB is no use to a run".to_owned()) } else { Ok(bytes as u64) }
}

/// # Errors
/// Every fault of the arguments and the pipeline before the run, or what failed in it.
pub async fn run(args: Args) -> Result<Exit, Stop> {
    args.metrics.as_deref().map(metrics_file::check_place).transpose()?;
    args.charts.as_deref().map(charts::check_place).transpose()?;
    let prepared =
        prepare(&args.file, &args.set).await.map_err(|problem| Stop::invalid(file_message(&args.file, &problem)))?;
    if prepared.has_errors() {
        return Err(prepared.refusal());
    }
    prepared.warnings().for_each(|warning| report::warning(&warning));

    let interrupts =
        Interrupts::new().map_err(|error| Stop::failed(format!("Interrupts cannot be received: {error}.")))?;
    // Nobody looks at the wires of this run, and its params stay: columns that no node reads are left out.
    let plan = engine::with_columns_read(&prepared.plan, prepared.planner.registry());
    let defaults = RunOptions::default();
    let parallelism = args.parallelism.map(|number| number as usize);
    let state = args
        .state
        .as_deref()
        .map(|folder| {
            let wish = Wish { fresh: args.fresh, interval: args.checkpoint_interval, parallelism };
            state::open(folder, wish, &plan)
        })
        .transpose()?;
    let resumed = state.as_ref().and_then(|state| state.resume.as_ref()).map(|checkpoint| checkpoint.parallelism);
    let options = RunOptions {
        parallelism: parallelism.or(resumed).unwrap_or(defaults.parallelism),
        state,
        memory_bytes: args.memory.or_else(RunOptions::quarter_of_memory),
        batch_size: args.batch_size.map_or(defaults.batch_size, |number| number as usize),
        reslice: args.batch_size.is_some(),
        base_dir: prepared.file.folder.clone(),
        ..defaults
    };
    let run = engine::start(&plan, prepared.planner.registry(), options)
        .await
        .map_err(|error| Stop::failed(error.to_string()))?;
    let outcome = watch(&run, args.progress, interrupts).await;
    finish(&args, &prepared, &run, &outcome)
}

/// Shows the progress of `run` and passes interrupts on until it is over.
async fn watch(run: &Run, mode: ProgressMode, mut interrupts: Interrupts) -> RunOutcome {
    let mut progress = Progress::new(mode);
    let mut ticks = tokio::time::interval(progress.interval());
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    // The first tick comes at once, with nothing to tell yet.
    ticks.tick().await;
    let mut num_interrupts = 0;
    let outcome = loop {
        tokio::select! {
            biased;
            outcome = run.finished() => break outcome,
            () = interrupts.next() => {
                num_interrupts += 1;
                if num_interrupts == 1 {
                    run.stop();
                    progress.say("Stopping: what is under way is being finished. Interrupt again to end at once.");
                } else {
                    run.abort();
                    let ended = tokio::time::timeout(LAST_MOMENT, run.finished()).await;
                    break ended.unwrap_or_else(|_| ended_at_once(run));
                }
            }
            _ = ticks.tick() => progress.show(&run.metrics()),
        }
    };
    progress.finish();
    if num_interrupts > 1 {
        return ended_at_once(run);
    }
    outcome
}

/// A run that was ended by a second interrupt has not failed by itself.
fn ended_at_once(run: &Run) -> RunOutcome {
    RunOutcome { state: RunState::Stopped, failure: None, metrics: run.metrics() }
}

fn finish(args: &Args, prepared: &Prepared, run: &Run, outcome: &RunOutcome) -> Result<Exit, Stop> {
    summary::lines(run, outcome, &prepared.plan).iter().for_each(|line| report::note(line));
    let mut faults = Vec::new();
    if let Some(path) = &args.metrics
        && let Err(stop) = metrics_file::write(path, prepared.file.pipeline.name(), &outcome.metrics)
    {
        faults.extend(stop.faults);
    }
    if outcome.state == RunState::Failed {
        let message = outcome.failure.as_ref().map_or("The run failed.", |failure| failure.message.as_str());
        faults.insert(0, message.to_owned());
    } else if let Some(folder) = &args.charts {
        match charts::write(folder, run) {
            Ok(0) => report::warning("--charts: the pipeline has no node that draws a chart."),
            Ok(_) => {}
            Err(stop) => faults.extend(stop.faults),
        }
    }
    match (faults.is_empty(), outcome.state) {
        (false, _) => Err(Stop { exit: Exit::RunFailed, faults }),
        (true, RunState::Stopped) => Ok(Exit::Interrupted),
        (true, _) => Ok(Exit::Done),
    }
}
