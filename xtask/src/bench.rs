//! Speed, measured on release builds; each bench checks its answer before it prints a number.

use anyhow::Result;

use crate::process::Run;
use crate::setup::{self, Consent, Scope};
use crate::{programs, web};

#[derive(Debug, clap::Args)]
pub struct Options {
    /// Passed to the benches, such as the name of one
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// The command `bench`.
///
/// # Errors
/// When a bench cannot be built, or its answer is wrong.
pub fn run(options: &Options, consent: Consent) -> Result<()> {
    if let Some(bench @ ("frames" | "charts")) = options.arguments.first().map(String::as_str) {
        // The designer needs none of the engine, so it is built alone.
        return Run::cargo(["bench", "--package", "millrace_ui", "--bench", bench, "--"])
            .args(&options.arguments[1..])
            .run();
    }
    if options.arguments.first().is_some_and(|first| first == "operators") {
        Run::cargo(["build", "--release", "--bin", "operators"]).args(programs::SELECTION).run()?;
        return Run::new(programs::operators("release")).args(["--bench"]).args(&options.arguments[1..]).run();
    }
    if options.arguments.first().is_some_and(|first| first == "window") {
        // The designer in a browser, which is driven as the tests do.
        web::build(setup::ensure(Scope::Tests, consent)?)?;
        Run::cargo(["build", "--release", "--bin", "millrace"]).args(programs::SELECTION).run()?;
        return Run::cargo(["test", "--test", "desktop"])
            .args(programs::SELECTION)
            .args(["--", "--ignored", "--exact", "window_cost::a_window_costs_a_run_little", "--nocapture"])
            .env("MILLRACE_CLI", programs::cli("release"))
            .run();
    }
    // Only what is measured is built for speed; what drives the command is there for the tests already.
    Run::cargo(["build", "--release", "--bin", "millrace", "--bin", "watching"]).args(programs::SELECTION).run()?;
    Run::cargo(["bench", "--profile", "dev", "--bench", "whole_process"])
        .args(programs::SELECTION)
        .args(["--"])
        .args(&options.arguments)
        .env("MILLRACE_CLI", programs::cli("release"))
        .run()?;
    // This one has the engine in its own process.
    Run::new(programs::watching("release")).args(&options.arguments).run()
}
