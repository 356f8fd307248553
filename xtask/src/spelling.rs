//! Spelling of code, comments and documents.
//!
//! Codespell, because Debian and Ubuntu carry it: nothing to compile and nothing to fetch from elsewhere. It knows common
//! misspellings only, so it is quiet on names. Its exceptions stand in `.codespellrc`.

use anyhow::{Context, Result};

use crate::process::{Run, is_on_path};

/// # Errors
/// When a word is misspelt.
pub fn check() -> Result<()> {
    if !is_on_path("codespell") && !cfg!(target_os = "linux") {
        println!("spelling: left out, as codespell is not installed");
        return Ok(());
    }
    let files = Run::new("git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).read()?;
    let is_text = |file: &&str| !TEXTLESS.iter().any(|ending| file.ends_with(ending)) && !file.is_empty();
    let files: Vec<&str> =
        files.split('\0').filter(is_text).filter(|file| crate::workspace::root().join(file).is_file()).collect();
    let found = Run::new("codespell").args(&files).read();
    found.context("some words are misspelt (correct them, or except a word in .codespellrc)")?;
    println!("spelling: {} files are free of known misspellings", files.len());
    Ok(())
}

/// Files without prose of ours.
const TEXTLESS: &[&str] =
    &[".csv", ".gz", ".icns", ".ico", ".lock", ".log", ".parquet", ".png", ".svg", ".ttf", ".zst"];
