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
    if options.arguments.first().is_some_and(|name| name == "frames") {
        // The designer needs none of the engine, so it is built alone.
        return Run::cargo(["bench", "--package", "millrace_ui", "--bench", "frames", "--"])
            .args(&options.arguments)
            .run();
    }
    // Only the command is measured, so only it is built for speed; what drives it is there for the tests already.
    Run::cargo(["build", "--release", "--bin", "millrace"]).args(programs::SELECTION).run()?;
    Run::cargo(["bench", "--profile", "dev", "--bench", "whole_process"])
        .args(programs::SELECTION)
        .args(["--"])
        .args(&options.arguments)
        .env("MILLRACE_CLI", programs::cli("release"))
        .run()
}
