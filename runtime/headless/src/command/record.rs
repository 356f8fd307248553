//! `millrace record`: a pipeline test made of what the sources of a pipeline really give.
//!
//! The first interrupt ends the recording and keeps what came, the second gives it up. Sinks write nothing.

use std::path::PathBuf;

use millrace_host::model::Interval;
use millrace_host::model::run::RunState;
use millrace_host::testing::record::{Recording, refuse_taken_name};

use crate::exit::{Exit, Stop};
use crate::interrupt::Interrupts;
use crate::output;
use crate::prepare::{file_message, prepare};
use crate::report;
use crate::set::{self, Set};

#[derive(clap::Args)]
#[command(after_help = "\
The pipeline runs against the world, but its sinks write nothing. What its sources give is kept beside the pipeline as the
test NAME.millrace-test.json with files of rows; what then comes out before its sinks and charts is what the test expects.
Look it over before you rely on it. The recording ends when the sources end, or by --rows, --for or Ctrl-C.

Examples:
  millrace record fleet.millrace.json --rows 1000
  millrace record fleet.millrace.json --for \"10 s\" --name night_shift
  millrace test night_shift.millrace-test.json")]
pub struct Args {
    /// The pipeline file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Set a parameter of the pipeline; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = set::parse)]
    set: Vec<Set>,
    /// What the test is called [default: as the file]
    #[arg(long)]
    name: Option<String>,
    /// Rows of each source that are kept
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rows: u32,
    /// End the recording after this time, such as `10 s`
    #[arg(long = "for", value_name = "TIME")]
    time: Option<Interval>,
}

/// # Errors
/// Every fault of the pipeline before the run, what failed in it, or why the test cannot be kept.
pub async fn record(args: Args) -> Result<Exit, Stop> {
    let prepared =
        prepare(&args.file, &args.set).await.map_err(|problem| Stop::invalid(file_message(&args.file, &problem)))?;
    if prepared.has_errors() {
        return Err(prepared.refusal());
    }
    prepared.warnings().for_each(|warning| report::warning(&warning));
    let name = name(&args)?;
    refuse_taken_name(&prepared.file, &name).map_err(Stop::invalid)?;
    let (parameters, _) = set::values(&prepared.file.pipeline, &args.set);
    let mut interrupts =
        Interrupts::new().map_err(|error| Stop::failed(format!("Interrupts cannot be received: {error}.")))?;
    let recording = Recording::start(&prepared.plan, prepared.planner.registry(), &prepared.file, args.rows as usize)
        .await
        .map_err(|error| Stop::failed(error.to_string()))?;
    let time_is_up = async {
        match args.time {
            Some(time) => tokio::time::sleep(std::time::Duration::from_micros(time.as_micros().unsigned_abs())).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        _ = recording.run.finished() => {}
        () = interrupts.next() => recording.run.stop(),
        () = time_is_up => recording.run.stop(),
    }
    let outcome = tokio::select! {
        biased;
        outcome = recording.run.finished() => outcome,
        () = interrupts.next() => return Ok(Exit::Interrupted),
    };
    if outcome.state == RunState::Failed {
        return Err(Stop::failed(
            outcome.failure.map_or_else(|| "The run failed.".to_owned(), |failed| failed.message),
        ));
    }
    let paths = recording
        .save(&prepared.plan, &prepared.planner, &prepared.file, (&name, parameters))
        .await
        .map_err(Stop::failed)?;
    paths.iter().try_for_each(|path| output::print(&format!("{}\n", path.display())))?;
    Ok(Exit::Done)
}

/// The name of the test, which becomes the beginning of names of files.
fn name(args: &Args) -> Result<String, Stop> {
    let of_file = || {
        let name = args.file.file_name().unwrap_or_default().to_string_lossy();
        name.strip_suffix(".json")
            .map(|name| name.strip_suffix(".millrace").unwrap_or(name))
            .unwrap_or(&name)
            .to_owned()
    };
    let name = args.name.clone().unwrap_or_else(of_file);
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) {
        return Err(Stop::invalid(format!("--name {name}: write a name for the test, without a folder.")));
    }
    Ok(name)
}
