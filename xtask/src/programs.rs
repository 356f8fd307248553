//! The programs of this repository, and building them for debugging.
//!
//! Always all of them at once: cargo unites the features of whatever it builds together, so building one program alone
//! would compile most of the dependencies a second time.

use std::path::PathBuf;

use anyhow::Result;

use crate::process::Run;
use crate::workspace;

/// Every crate, also this one: leaving one out changes the features of what they share.
pub const SELECTION: [&str; 1] = ["--workspace"];

/// Builds all programs, and with `options` more.
///
/// # Errors
/// When something does not compile.
pub fn build(options: &[&str]) -> Result<()> {
    Run::cargo(["build"]).args(SELECTION).args(["--bins"]).args(options).run()
}

/// The desktop program, built with `profile`.
pub fn designer(profile: &str) -> PathBuf {
    program(profile, "millrace-designer")
}

/// The command `millrace`, built with `profile`.
pub fn cli(profile: &str) -> PathBuf {
    program(profile, "millrace")
}

/// The bench with the engine in its own process.
pub fn watching(profile: &str) -> PathBuf {
    program(profile, "watching")
}

/// The benches of single operators, built with `profile`.
pub fn operators(profile: &str) -> PathBuf {
    program(profile, "operators")
}

fn program(profile: &str, name: &str) -> PathBuf {
    workspace::target_dir().join(profile).join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}
