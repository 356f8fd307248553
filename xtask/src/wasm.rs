//! The compiler that makes the designer for the webview: rustup's where it can be had, else Debian's.
//!
//! Rustup is tried once, with a time limit, because some machines reach its server slowly or never. What came out is
//! remembered for this rustc, so the next call costs a look at two files. `MILLRACE_WASM=rustup|debian` decides by hand.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};

use crate::process::{Run, is_on_path};
use crate::setup::{self, Consent};
use crate::workspace;

/// The wasm target, as rustc calls it.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Long enough to fetch 20 MB slowly, short enough for a server that never answers.
const RUSTUP_LIMIT: Duration = Duration::from_secs(120);

/// Debian's compiler of the same release with the sources of the standard library, and its linker.
const DEBIAN_PACKAGES: &[&str] = &["cargo-web", "lld", "rust-web-src", "rustc-web"];

/// Where the standard library for wasm comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toolchain {
    /// The compiler in use has it.
    Rustup,
    /// Debian's compiler builds it from source.
    Debian,
}

impl Toolchain {
    pub fn name(self) -> &'static str {
        match self {
            Self::Rustup => "rustup",
            Self::Debian => "debian",
        }
    }

    /// A cargo that builds for wasm into its own target folder, as two compilers must not share one.
    pub fn cargo(self, arguments: &[&str]) -> Run {
        let folder = workspace::target_dir().join("xtask").join(format!("wasm-{}", self.name()));
        let run = match self {
            Self::Rustup => Run::cargo(arguments),
            Self::Debian => Run::new("/usr/bin/cargo")
                .args(arguments)
                .args(["-Zbuild-std=std,panic_abort"])
                .env("RUSTC", "/usr/bin/rustc")
                // The release compiler builds its own standard library only when told that this is meant.
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", "-C linker=wasm-ld -C linker-flavor=wasm-ld")
                // Set by the cargo that runs xtask, and meant for its own compiler.
                .without_env("CARGO")
                .without_env("LD_LIBRARY_PATH")
                .without_env("RUSTUP_TOOLCHAIN"),
        };
        run.args(["--target", TARGET]).env("CARGO_TARGET_DIR", folder)
    }
}

/// The toolchain for wasm, installed where it was missing.
///
/// # Errors
/// When neither rustup nor Debian's packages can give it.
pub fn ensure(has_apt: bool, consent: Consent) -> Result<Toolchain> {
    let forced = std::env::var("MILLRACE_WASM").ok();
    match forced.as_deref() {
        Some("debian") => return debian(consent),
        Some("rustup") | None => {}
        Some(other) => bail!("MILLRACE_WASM is `{other}`; it may be `rustup` or `debian`"),
    }
    let sysroot = PathBuf::from(Run::new("rustc").args(["--print", "sysroot"]).read()?.trim());
    if has_target(&sysroot) {
        return Ok(Toolchain::Rustup);
    }
    // Remembered by compiler: a new one is a new chance.
    let memory = workspace::memory_dir()?.join("rustup-has-no-wasm");
    let compiler = sysroot.display().to_string();
    let is_known_to_fail = std::fs::read_to_string(&memory).is_ok_and(|text| text == compiler);
    if !is_known_to_fail && is_on_path("rustup") {
        println!("Adding the wasm target with rustup (given up after {} seconds) …", RUSTUP_LIMIT.as_secs());
        if Run::new("rustup").args(["target", "add", TARGET]).succeeds_within(RUSTUP_LIMIT) && has_target(&sysroot) {
            return Ok(Toolchain::Rustup);
        }
        std::fs::write(&memory, &compiler)?;
        println!("Rustup cannot add it here; Debian's compiler will be used.");
    }
    if !has_apt || forced.is_some() {
        bail!("the wasm target is missing: run `rustup target add {TARGET}`, then start again");
    }
    debian(consent)
}

fn debian(consent: Consent) -> Result<Toolchain> {
    setup::install(&setup::missing(DEBIAN_PACKAGES)?, consent)?;
    Ok(Toolchain::Debian)
}

fn has_target(sysroot: &Path) -> bool {
    let folder = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}
