//! The designer as wasm: compiled, bound to JavaScript, and laid beside its page in `ui-assets/dist`.
//!
//! The finished files are kept in cargo's target folder with a stamp of everything they were made from; with the same
//! stamp nothing is built, and a fresh check-out that shares the target folder only copies them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::process::Run;
use crate::setup::{self, Consent, Scope};
use crate::wasm::{TARGET, Toolchain};
use crate::workspace::{self, Package, files_under};

/// The crate that becomes wasm.
const CRATE: &str = "millrace_web";
/// Files of ui-assets that are part of the page as they are.
const STATIC: &[&str] = &["frames.js", "icons", "index.html", "start.js"];

/// The command `web`.
///
/// # Errors
/// When the set-up, the build or the binding fails.
pub fn run(consent: Consent) -> Result<()> {
    let toolchain = setup::ensure(Scope::Build, consent)?;
    build(toolchain)
}

/// Makes `ui-assets/dist` what the sources say; quick where it already is.
///
/// # Errors
/// When the build or the binding fails.
pub fn build(toolchain: Toolchain) -> Result<()> {
    let started = Instant::now();
    let stamp = stamp(toolchain)?;
    let kept = workspace::target_dir().join("xtask/web");
    if std::fs::read_to_string(kept.join("stamp")).ok().as_deref() != Some(stamp.as_str()) {
        println!("Building the designer for the webview with {}'s compiler …", toolchain.name());
        make(toolchain, &kept)?;
        std::fs::write(kept.join("stamp"), &stamp)?;
        println!("The designer for the webview was built in {:.0} s.", started.elapsed().as_secs_f64());
    }
    publish(&kept.join("page"))
}

fn make(toolchain: Toolchain, kept: &Path) -> Result<()> {
    if kept.exists() {
        std::fs::remove_dir_all(kept).with_context(|| format!("cannot remove {}", kept.display()))?;
    }
    let page = workspace::made(kept.join("page"))?;
    toolchain.cargo(&["build", "--profile", "web", "--package", CRATE, "--lib"]).run()?;
    let wasm = workspace::target_dir()
        .join(format!("xtask/wasm-{}", toolchain.name()))
        .join(TARGET)
        .join("web")
        .join(format!("{CRATE}.wasm"));
    if !wasm.is_file() {
        bail!("the build of {CRATE} made no {}: its crate-type must hold `cdylib`", wasm.display());
    }
    Run::cargo(["run", "--quiet", "--package", "xtask", "--features", "bindgen", "--bin", "bindgen", "--"])
        .args([wasm.as_os_str(), page.as_os_str()])
        .run()?;
    let assets = workspace::root().join("ui-assets");
    for name in STATIC {
        for file in files_under(&assets.join(name))? {
            copy(&file, &page.join(file.strip_prefix(&assets)?))?;
        }
    }
    Ok(())
}

/// Copies what differs, so that programs which embed the page are not built anew for nothing, and removes the rest.
fn publish(page: &Path) -> Result<()> {
    let dist = workspace::made(workspace::root().join("ui-assets/dist"))?;
    for file in files_under(page)? {
        let to = dist.join(file.strip_prefix(page)?);
        if std::fs::read(&to).ok() != Some(std::fs::read(&file)?) {
            copy(&file, &to)?;
        }
    }
    for file in files_under(&dist)? {
        if !page.join(file.strip_prefix(&dist)?).exists() {
            std::fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    workspace::made(to.parent().context("a file has a folder")?.to_owned())?;
    std::fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

/// A number that changes with anything the page is made from.
fn stamp(toolchain: Toolchain) -> Result<String> {
    let root = workspace::root();
    let compiler = match toolchain {
        Toolchain::Rustup => "rustc",
        Toolchain::Debian => "/usr/bin/rustc",
    };
    let mut hasher = DefaultHasher::new();
    Run::new(compiler).args(["--version"]).read()?.hash(&mut hasher);
    toolchain.name().hash(&mut hasher);
    for file in inputs(&root)? {
        file.strip_prefix(&root)?.hash(&mut hasher);
        std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn inputs(root: &Path) -> Result<Vec<PathBuf>> {
    let packages = workspace::packages()?;
    let mut files = vec![root.join("Cargo.toml"), root.join("Cargo.lock"), root.join("xtask/src/bindgen.rs")];
    // Fonts and other assets are compiled in by path, from outside the crates' own folders.
    files.extend(files_under(&root.join("ui-assets"))?);
    let mut waiting = vec![CRATE.to_owned()];
    let mut seen: Vec<&Package> = Vec::new();
    while let Some(name) = waiting.pop() {
        let package = packages.get(&name).with_context(|| format!("there is no crate {name}"))?;
        if seen.iter().any(|known| known.name == package.name) {
            continue;
        }
        seen.push(package);
        waiting.extend(package.dependencies.iter().filter(|d| d.is_ours && d.is_normal).map(|d| d.name.clone()));
        files.extend(files_under(&package.folder)?);
    }
    files.sort();
    Ok(files)
}
