//! The `millrace` command: runs, checks, lists, keeps and serves pipelines without a window.
//!
//! Each command is a module under `command`; all of them call millrace_host and hold no logic of their own about
//! pipelines. What holds everywhere: data goes to stdout and nothing else does; messages and progress go to stderr;
//! every fault of an input is told, and then nothing is written; the exit code is one of [`Exit`].

mod charts;
mod command;
mod exit;
mod interrupt;
mod metrics_file;
mod output;
mod prepare;
mod progress;
mod report;
mod set;
mod state;
mod summary;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use exit::{Exit, Stop};

/// Batches come and go by the megabyte, and the system's allocator returns memory of that size each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(
    name = "millrace",
    version,
    about = "Runs data pipelines that were drawn in Millrace, or written by hand.",
    after_help = "\
Examples:
  millrace run fleet.millrace.json --charts pictures
  millrace validate fleet.millrace.json --set devices=500
  millrace test fleet.millrace-test.json
  millrace nodes process.filter
  millrace serve fleet.millrace.json

Exit codes:
  0    done
  1    the run or a test failed
  2    wrong usage, or a pipeline that cannot run; nothing was written
  130  stopped by Ctrl-C or SIGTERM; what was under way is finished

MILLRACE_LOG sets what is logged to stderr, such as `debug` or `millrace_engine=trace`. NO_COLOR turns colours off."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a pipeline until its sources end or it is interrupted
    Run(command::run::Args),
    /// Find every fault of a pipeline without running it
    Validate(command::validate::Args),
    /// Hold what pipelines give against the rows that their tests expect
    Test(command::test::Args),
    /// Make a test of what the sources of a pipeline give
    Record(command::record::Args),
    /// List the node kinds, or show what there is to know of one
    Nodes(command::nodes::Args),
    /// List, import, export or show the projects of the designer
    Project(command::project::Args),
    /// Open the designer to a browser on this machine
    Serve(command::serve::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_log();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            report::error(&format!("The system refuses to start threads: {error}."));
            return Exit::RunFailed.into();
        }
    };
    let ended = runtime.block_on(carry_out(cli.command));
    // A task that ignores its end must not hold up the exit.
    runtime.shutdown_background();
    match ended {
        Ok(exit) => exit.into(),
        Err(stop) => {
            stop.faults.iter().for_each(|fault| report::error(fault));
            stop.exit.into()
        }
    }
}

async fn carry_out(command: Command) -> Result<Exit, Stop> {
    match command {
        Command::Run(args) => command::run::run(args).await,
        Command::Validate(args) => command::validate::validate(args).await,
        Command::Test(args) => command::test::test(args).await,
        Command::Record(args) => command::record::record(args).await,
        Command::Nodes(args) => command::nodes::nodes(&args),
        Command::Project(args) => command::project::project(args).await,
        Command::Serve(args) => command::serve::serve(args).await,
    }
}

fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("MILLRACE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(report::is_colored())
        .init();
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_arguments_of_every_command_are_consistent() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn a_checkpoint_is_taken_every_ten_seconds_unless_told_otherwise() {
        let cli =
            super::Cli::try_parse_from(["millrace", "run", "a.millrace.json", "--state", "s"]).expect("it is right");
        let super::Command::Run(args) = cli.command else { panic!("it is a run") };
        assert_eq!(args.checkpoint_interval, millrace_host::model::Interval::from_secs(10));
    }
}
