//! `cargo xtask`: set-up, builds, checks and tests of this repository in one place.
//!
//! Each command is a module; this one only reads the command line. Commands may be run in any order and do nothing
//! where nothing is to be done. What belongs to one check-out is remembered in its `target/xtask`, what can be shared
//! in the target folder that cargo uses.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks to its user there")]

mod bench;
mod check;
mod deps;
mod nodes_doc;
mod process;
mod programs;
mod run;
mod screenshots;
mod setup;
mod spelling;
mod test;
mod unused;
mod wasm;
mod web;
mod workspace;

use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};

/// Builds, runs, checks and tests Millrace. Start with `cargo xtask run`.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    /// Install what is missing without asking
    #[arg(long, global = true)]
    yes: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Set up, build everything and open the designer with a sample project
    Run(run::Options),
    /// Set up for tests, then run all checks and all tests: what CI runs
    Test(test::Options),
    /// Install what is missing, for building alone or for testing too
    Setup(setup::Options),
    /// Build the designer for the webview and the browser into ui-assets/dist
    Web,
    /// Formatting, lints, walls between crates, unused dependencies, spelling
    Check,
    /// Check which crate imports which (the table of ARCHITECTURE.md)
    Deps,
    /// Check that docs/NODES.md is what `millrace nodes --markdown` prints
    NodesDoc(nodes_doc::Options),
    /// Take the pictures of docs/gallery from the real program
    Screenshots(screenshots::Options),
    /// Build in release and measure rows per second, CPU seconds and peak memory
    Bench(bench::Options),
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let consent = setup::Consent::new(arguments.yes);
    let Some(command) = arguments.command else {
        return Ok(Arguments::command().print_help()?);
    };
    match command {
        Command::Run(options) => run::run(&options, consent),
        Command::Test(options) => test::run(&options, consent),
        Command::Setup(options) => setup::run(&options, consent),
        Command::Web => web::run(consent),
        Command::Check => check::run(consent),
        Command::Deps => deps::run(),
        Command::NodesDoc(options) => nodes_doc::run(&options),
        Command::Screenshots(options) => screenshots::run(&options, consent),
        Command::Bench(options) => bench::run(&options, consent),
    }
}
