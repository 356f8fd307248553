//! The checks that need no test: formatting, lints, walls, unused dependencies, spelling.

use anyhow::{Context, Result};

use crate::process::Run;
use crate::setup::{self, Consent, Scope};
use crate::wasm::{TARGET, Toolchain};
use crate::{deps, spelling, unused};

/// The command `check`.
///
/// # Errors
/// At the first check that fails.
pub fn run(consent: Consent) -> Result<()> {
    let toolchain = setup::ensure(Scope::Tests, consent)?;
    quick()?;
    lints(toolchain)
}

/// The checks that compile nothing.
///
/// # Errors
/// At the first that fails.
pub fn quick() -> Result<()> {
    Run::cargo(["fmt", "--all", "--check"])
        .run()
        .context("some files are not formatted: run `cargo fmt --all` and look at the difference")?;
    deps::run()?;
    unused::check()?;
    spelling::check()
}

/// Clippy over every target of every crate, then over the designer as the browser gets it.
///
/// Bans of its own for what a browser lacks stand in `app/clippy.toml`, which clippy finds by itself for the crates
/// under `app`, the model and the protocol. Debian's compiler brings no clippy, so there the native pass is all; it
/// applies the same bans to the same crates, and misses only code that is compiled for wasm alone.
///
/// # Errors
/// When there is a lint.
pub fn lints(toolchain: Toolchain) -> Result<()> {
    Run::cargo(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]).run()?;
    match toolchain {
        Toolchain::Rustup => {
            toolchain.cargo(&["clippy", "--package", "millrace_web"]).args(["--", "--deny", "warnings"]).run()
        }
        Toolchain::Debian => {
            println!("Clippy for {TARGET} is left out: Debian's compiler has none.");
            Ok(())
        }
    }
}
