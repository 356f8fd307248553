//! Where things are, and what cargo knows about the crates of this repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process::Run;

/// The folder of this check-out.
///
/// Asked of the cargo that runs this program: one that was built in another check-out may be taken as fresh where the
/// two share a target folder.
pub fn root() -> PathBuf {
    let crate_folder = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&crate_folder).parent().expect("xtask stands in a folder of the repository").to_owned()
}

/// The folder that cargo builds in; may be shared by several check-outs through `CARGO_TARGET_DIR`.
pub fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// A folder for what xtask remembers about this check-out.
///
/// # Errors
/// When the folder cannot be made.
pub fn memory_dir() -> Result<PathBuf> {
    made(root().join("target/xtask"))
}

/// The folder, made where it was not there.
///
/// # Errors
/// When it cannot be made.
pub fn made(folder: PathBuf) -> Result<PathBuf> {
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    Ok(folder)
}

/// One crate of this repository.
#[derive(Debug, Clone)]
pub struct Package {
    pub name: String,
    pub folder: PathBuf,
    pub manifest: PathBuf,
    /// Folders and files that hold its sources.
    pub sources: Vec<PathBuf>,
    pub dependencies: Vec<Dependency>,
}

/// One line of a crate's `[dependencies]`.
#[derive(Debug, Clone)]
pub struct Dependency {
    pub name: String,
    /// The name that the sources use.
    pub import_name: String,
    pub is_ours: bool,
    /// Neither a development nor a build dependency.
    pub is_normal: bool,
}

/// The crates of this repository by name; needs no network and no resolution.
///
/// # Errors
/// When cargo cannot read a manifest.
pub fn packages() -> Result<BTreeMap<String, Package>> {
    let text = Run::cargo(["metadata", "--no-deps", "--offline", "--format-version", "1"]).read()?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata did not print JSON")?;
    list(&metadata["packages"]).iter().map(package).map(|result| result.map(|p| (p.name.clone(), p))).collect()
}

fn package(value: &Value) -> Result<Package> {
    let name = text(&value["name"])?;
    let manifest = PathBuf::from(text(&value["manifest_path"])?);
    let folder = manifest.parent().context("a manifest stands in a folder")?.to_owned();
    let mut sources = Vec::new();
    for target in list(&value["targets"]) {
        let path = PathBuf::from(text(&target["src_path"])?);
        let kind = list(&target["kind"]).first().and_then(Value::as_str).unwrap_or_default();
        // A build script stands alone; any other target's root file stands in the folder of its modules.
        sources.push(if kind == "custom-build" {
            path
        } else {
            path.parent().context("a file has a folder")?.to_owned()
        });
    }
    sources.sort();
    sources.dedup();
    let dependencies = list(&value["dependencies"]).iter().map(dependency).collect::<Result<_>>()?;
    Ok(Package { name, folder, manifest, sources, dependencies })
}

fn dependency(value: &Value) -> Result<Dependency> {
    let name = text(&value["name"])?;
    let import_name = value["rename"].as_str().unwrap_or(&name).replace('-', "_");
    Ok(Dependency { import_name, is_ours: value["path"].is_string(), is_normal: value["kind"].is_null(), name })
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> Result<String> {
    Ok(value.as_str().context("cargo metadata lacks a name or a path")?.to_owned())
}

/// Every file under a folder (or the file itself), sorted; hidden and built folders are left out.
///
/// # Errors
/// When a folder cannot be read.
pub fn files_under(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(if folder.is_file() { vec![folder.to_owned()] } else { Vec::new() });
    }
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') || name == "target" || name == "dist" {
                continue;
            }
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}
