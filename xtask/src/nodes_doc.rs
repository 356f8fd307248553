//! The reference of all nodes, which is written by the program itself and only compared here.

use anyhow::{Context, Result, bail};

use crate::process::Run;
use crate::{programs, workspace};

#[derive(Debug, clap::Args)]
pub struct Options {
    /// Write the page instead of comparing it
    #[arg(long)]
    write: bool,
}

/// The command `nodes-doc`.
///
/// # Errors
/// When the page is not what the program prints, or cannot be written.
pub fn run(options: &Options) -> Result<()> {
    programs::build(&[])?;
    if !options.write {
        return check();
    }
    let path = page();
    workspace::made(path.parent().context("a page stands in a folder")?.to_owned())?;
    std::fs::write(&path, printed()?).with_context(|| format!("cannot write {}", path.display()))
}

/// Compares the page with what the built program prints.
///
/// # Errors
/// When they differ.
pub fn check() -> Result<()> {
    let path = page();
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let printed = printed()?;
    if written != printed {
        let line = written.lines().zip(printed.lines()).take_while(|(a, b)| a == b).count() + 1;
        bail!("docs/NODES.md is not what the nodes say, from line {line} on: run `cargo xtask nodes-doc --write`");
    }
    println!("nodes-doc: docs/NODES.md is what the nodes say");
    Ok(())
}

fn page() -> std::path::PathBuf {
    workspace::root().join("docs/NODES.md")
}

fn printed() -> Result<String> {
    Run::new(programs::cli("debug")).args(["nodes", "--markdown"]).read()
}
