//! The pictures of docs/gallery, taken by the gallery in `tests/desktop` from the programs as they are built here.

use anyhow::Result;

use crate::process::Run;
use crate::setup::{self, Consent, Scope};
use crate::{programs, web, workspace};

#[derive(Debug, clap::Args)]
pub struct Options {
    /// Put the pictures under the target folder instead, to look at them only
    #[arg(long)]
    draft: bool,
}

/// The command `screenshots`.
///
/// # Errors
/// When something cannot be built, a screen cannot be reached, or the pictures are too large to be kept.
pub fn run(options: &Options, consent: Consent) -> Result<()> {
    web::build(setup::ensure(Scope::Tests, consent)?)?;
    programs::build(&["--tests"])?;
    let folder = if options.draft {
        workspace::target_dir().join("screenshots")
    } else {
        workspace::root().join("docs/gallery")
    };
    Run::cargo(["test", "--test", "desktop"])
        .args(programs::SELECTION)
        .args(["--", "--ignored", "--exact", "gallery::gallery_of_screenshots"])
        .env("MILLRACE_CLI", programs::cli("debug"))
        .env("MILLRACE_SCREENSHOTS", &folder)
        .run()?;
    println!("pictures: {}", folder.display());
    Ok(())
}
