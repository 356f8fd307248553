//! Everything that must hold before a change lands: checks, then all tests. CI calls this and nothing else.

use anyhow::{Result, bail};

use crate::process::Run;
use crate::setup::{self, Consent, Scope};
use crate::{check, nodes_doc, programs, web};

#[derive(Debug, clap::Args)]
pub struct Options {
    /// Tests only: leave out formatting, lints, walls and spelling
    #[arg(long)]
    no_checks: bool,
    /// Passed to the tests, such as a part of a test's name
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// The command `test`.
///
/// # Errors
/// At the first check that fails; the tests all run before a failure is reported.
pub fn run(options: &Options, consent: Consent) -> Result<()> {
    let toolchain = setup::ensure(Scope::Tests, consent)?;
    if !options.no_checks {
        check::quick()?;
    }
    web::build(toolchain)?;
    if !options.no_checks {
        check::lints(toolchain)?;
    }
    // The journeys drive the real programs, so these are there before any test starts.
    programs::build(&["--tests"])?;
    if !options.no_checks {
        nodes_doc::check()?;
    }
    let tally = tests(options)?;
    println!("tests: {} passed, {} failed", tally.passed, tally.failed);
    if tally.failed > 0 || !tally.is_green {
        bail!("tests failed: see above; one alone runs with `cargo xtask test --no-checks -- NAME`");
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Tally {
    passed: u64,
    failed: u64,
    is_green: bool,
}

impl Tally {
    /// Counts a line such as `test result: ok. 12 passed; 0 failed; …`.
    fn see(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ") else { return };
        let words: Vec<&str> = counts.split([' ', ';']).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            let Ok(count) = pair[0].parse::<u64>() else { continue };
            match pair[1] {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                _ => {}
            }
        }
    }
}

fn tests(options: &Options) -> Result<Tally> {
    let mut tally = Tally { is_green: true, ..Tally::default() };
    let all = programs::SELECTION;
    // Documentation tests go first: the last line of a run is then one of a real test program.
    let doc = Run::cargo(["test", "--no-fail-fast", "--doc"]).args(all);
    let rest = Run::cargo(["test", "--no-fail-fast", "--lib", "--bins", "--tests"]).args(all);
    for run in [doc, rest] {
        let run = run
            .args(["--"])
            .args(&options.arguments)
            .env("MILLRACE_DESIGNER", programs::designer("debug"))
            .env("MILLRACE_CLI", programs::cli("debug"));
        if let Err(error) = run.run_watched(|line| tally.see(line)) {
            println!("{error:#}");
            tally.is_green = false;
        }
    }
    if tally.passed == 0 && options.arguments.is_empty() {
        bail!("no test ran");
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn result_lines_are_added_up_and_other_lines_ignored() {
        let mut tally = Tally::default();
        tally.see("running 3 tests");
        tally.see("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s");
        tally.see("test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.2s");
        assert_eq!((tally.passed, tally.failed), (7, 2));
    }
}
