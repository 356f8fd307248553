//! Speed, measured on release builds; each bench checks its answer before it prints a number.

use anyhow::Result;

use crate::process::Run;
use crate::programs;

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
pub fn run(options: &Options) -> Result<()> {
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
