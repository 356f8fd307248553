//! Dependencies that nobody uses, in a crate or in the workspace's list.
//!
//! A dependency counts as used when a source file of the crate names it as a path, an import or a macro. That is a
//! look at the text, so it takes a blink where a compiler-based tool takes minutes; it can miss an unused dependency
//! whose name also stands for something else, and reports none wrongly. Linked for their features alone: [`FOR_FEATURES`].

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};

use crate::workspace::{Package, files_under, packages, root};

/// Dependencies that turn on a feature of something else and are never named, with the crate that has them.
const FOR_FEATURES: &[(&str, &str)] = &[("millrace_tests", "proptest")];

/// # Errors
/// When a dependency is unused.
pub fn check() -> Result<()> {
    let mut unused = Vec::new();
    let mut names = BTreeSet::new();
    for package in packages()?.values() {
        unused.extend(unused_in(package)?);
        names.extend(package.dependencies.iter().map(|dependency| dependency.name.clone()));
    }
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).context("cannot read Cargo.toml")?;
    for name in workspace_list(&manifest) {
        if !names.contains(name) {
            unused.push(format!("Cargo.toml: no crate uses `{name}` of [workspace.dependencies]"));
        }
    }
    if !unused.is_empty() {
        bail!("{} dependencies are unused:\n{}", unused.len(), unused.join("\n"));
    }
    println!("unused: every dependency is used");
    Ok(())
}

fn unused_in(package: &Package) -> Result<Vec<String>> {
    let mut text = String::new();
    for folder in &package.sources {
        for file in files_under(folder)?.iter().filter(|file| file.extension().is_some_and(|ending| ending == "rs")) {
            text += &std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        }
    }
    let is_unused = |name: &str| {
        !FOR_FEATURES.contains(&(package.name.as_str(), name)) && !is_named(&text, &name.replace('-', "_"))
    };
    Ok(package
        .dependencies
        .iter()
        .filter(|dependency| is_unused(&dependency.import_name))
        .map(|dependency| format!("{}: nothing names `{}`", package.manifest.display(), dependency.name))
        .collect())
}

/// Whether the text names the crate: `name::`, `use name`, `extern crate name`, `name as`, serde's `with = "name"`.
fn is_named(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(start, _)| {
        let before = &text[..start];
        let after = &text[start + name.len()..];
        let is_word_part = |c: char| c.is_alphanumeric() || c == '_';
        if before.ends_with(is_word_part) || after.starts_with(is_word_part) {
            return false;
        }
        after.starts_with("::")
            || before.ends_with("use ")
            || before.ends_with("crate ")
            || before.ends_with("with = \"")
    })
}

/// The names of `[workspace.dependencies]`.
fn workspace_list(manifest: &str) -> Vec<&str> {
    manifest
        .lines()
        .skip_while(|line| *line != "[workspace.dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name)
        .filter(|name| !name.starts_with([' ', '#', '"']))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_an_import_and_nothing_else_count_as_use() {
        assert!(is_named("#[serde(with = \"serde_bytes\")]", "serde_bytes"));
        assert!(is_named("let x = arrow::array::Int64Array::from(v);", "arrow"));
        assert!(is_named("use tempfile as t;", "tempfile"));
        assert!(!is_named("// an arrow points left; narrow::path; arrow_array::X", "arrow"));
    }

    #[test]
    fn the_list_of_the_workspace_ends_with_its_section() {
        let manifest = "[workspace]\na = 1\n[workspace.dependencies]\none = \"1\"\ntwo = { version = \"2\", features = [\n  \"x\",\n] }\n\n[lints]\nthree = 1\n";
        assert_eq!(workspace_list(manifest), ["one", "two"]);
    }
}
