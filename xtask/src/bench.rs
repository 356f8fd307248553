//! Speed, measured on release builds; each bench checks its answer before it prints a number.

use anyhow::Result;

use crate::process::Run;

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
    Run::cargo(["bench", "--package", "millrace_tests", "--benches", "--"]).args(&options.arguments).run()
}
