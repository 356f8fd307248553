//! From a fresh check-out to the open window.

use anyhow::Result;

use crate::process::Run;
use crate::setup::{self, Consent, Scope};
use crate::{programs, web};

#[derive(Debug, clap::Args)]
pub struct Options {
    /// Build with full optimisation: slower to build, several times faster to run
    #[arg(long)]
    release: bool,
    /// What the designer gets on its command line, such as a pipeline file
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// The command `run`.
///
/// # Errors
/// When the set-up or a build fails, or the designer ends with an error.
pub fn run(options: &Options, consent: Consent) -> Result<()> {
    let toolchain = setup::ensure(Scope::Build, consent)?;
    web::build(toolchain)?;
    let program = if options.release {
        // One program alone: a release build has nothing to share with the tests.
        Run::cargo(["build", "--release", "--package", "millrace-designer"]).run()?;
        programs::designer("release")
    } else {
        programs::build(&[])?;
        programs::designer("debug")
    };
    // Files on its command line are named from where the person is.
    Run::new(program).args(&options.arguments).within(&std::env::current_dir()?).run()
}
