//! The walls: which crate may import which, and what must never come in by whatever way.
//!
//! The two tables here are the ones of ARCHITECTURE.md. Imports among our crates are read from the manifests, what
//! comes in from outside from `cargo tree`, which says by which way. Test code may import what it needs.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use crate::process::Run;
use crate::workspace::{Package, packages};

/// A crate, what it may import of ours, and what must never be among its dependencies, however far down.
struct Wall {
    name: &'static str,
    may_import: &'static [&'static str],
    must_not_hold: &'static [&'static str],
}

const WALLS: &[Wall] = &[
    Wall {
        name: "millrace_model",
        may_import: &[],
        must_not_hold: &["tokio", "egui", "datafusion", "rusqlite", "tauri"],
    },
    Wall {
        name: "millrace_protocol",
        may_import: &["millrace_model"],
        must_not_hold: &["tokio", "egui", "datafusion", "rusqlite", "tauri"],
    },
    Wall {
        name: "millrace_ui",
        may_import: &["millrace_model", "millrace_protocol"],
        must_not_hold: &["tokio", "datafusion", "rusqlite", "tauri"],
    },
    Wall {
        name: "millrace_web",
        may_import: &["millrace_model", "millrace_protocol", "millrace_ui"],
        must_not_hold: &["tokio", "datafusion", "rusqlite", "tauri"],
    },
    Wall { name: "millrace_operator", may_import: &["millrace_model"], must_not_hold: &["egui", "rusqlite", "tauri"] },
    Wall {
        name: "millrace_nodes",
        may_import: &["millrace_model", "millrace_operator"],
        must_not_hold: &["egui", "tauri"],
    },
    Wall {
        name: "millrace_connectors",
        may_import: &["millrace_model", "millrace_operator"],
        must_not_hold: &["egui", "tauri"],
    },
    Wall {
        name: "millrace_engine",
        may_import: &["millrace_model", "millrace_operator"],
        must_not_hold: &["egui", "rusqlite", "tauri"],
    },
    Wall { name: "millrace_store", may_import: &["millrace_model"], must_not_hold: &["egui", "tauri"] },
    Wall {
        name: "millrace_host",
        may_import: &[
            "millrace_model",
            "millrace_protocol",
            "millrace_operator",
            "millrace_engine",
            "millrace_store",
            "millrace_nodes",
            "millrace_connectors",
        ],
        must_not_hold: &["egui", "tauri"],
    },
    Wall {
        name: "millrace_server",
        may_import: &["millrace_host", "millrace_protocol"],
        must_not_hold: &["egui", "tauri"],
    },
    Wall {
        name: "millrace_headless",
        may_import: &["millrace_host", "millrace_protocol", "millrace_server"],
        must_not_hold: &["egui", "tauri"],
    },
    Wall { name: "millrace-designer", may_import: &["millrace_host", "millrace_protocol"], must_not_hold: &["egui"] },
    Wall { name: "xtask", may_import: &[], must_not_hold: &["tokio", "egui", "datafusion", "rusqlite", "tauri"] },
];

/// Crates that may import anything.
const FREE: &[&str] = &["millrace_tests", "millrace_operator_benches"];

/// The command `deps`.
///
/// # Errors
/// When a wall is breached; the message names every breach and the way it came in.
pub fn run() -> Result<()> {
    let packages = packages()?;
    let mut breaches = imports(&packages);
    for wall in WALLS.iter().filter(|wall| packages.contains_key(wall.name)) {
        breaches.extend(holdings(wall)?);
    }
    if !breaches.is_empty() {
        bail!(
            "{} of the walls between crates (ARCHITECTURE.md) are breached:\n{}",
            breaches.len(),
            breaches.join("\n")
        );
    }
    println!("deps: {} crates keep within their walls", packages.len());
    Ok(())
}

/// Breaches among our own crates.
fn imports(packages: &BTreeMap<String, Package>) -> Vec<String> {
    let mut breaches = Vec::new();
    for package in packages.values().filter(|package| !FREE.contains(&package.name.as_str())) {
        let Some(wall) = WALLS.iter().find(|wall| wall.name == package.name) else {
            breaches.push(format!("{} has no line in the table of xtask/src/deps.rs", package.name));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|dependency| dependency.is_ours && dependency.is_normal) {
            if !wall.may_import.contains(&dependency.name.as_str()) {
                breaches.push(format!(
                    "{} must not import {} (it may: {}); see {}",
                    package.name,
                    dependency.name,
                    if wall.may_import.is_empty() { "nothing of ours".to_owned() } else { wall.may_import.join(", ") },
                    package.manifest.display(),
                ));
            }
        }
    }
    breaches
}

/// Breaches by dependencies of dependencies.
fn holdings(wall: &Wall) -> Result<Vec<String>> {
    // Web crates are looked at as the browser gets them.
    let target = if wall.name == "millrace_web" { "wasm32-unknown-unknown" } else { "all" };
    let tree = |arguments: &[&str]| {
        Run::cargo(["tree", "--quiet", "--package", wall.name, "--edges", "normal", "--target", target])
            .args(arguments)
            // With the features of the whole workspace united, cargo shows the whole workspace for any one crate.
            .without_env("CARGO_RESOLVER_FEATURE_UNIFICATION")
            .read()
    };
    let held = tree(&["--prefix", "none", "--format", "{p}"])?;
    let held: std::collections::BTreeSet<&str> = held.lines().filter_map(|line| line.split(' ').next()).collect();
    let mut breaches = Vec::new();
    for name in wall.must_not_hold.iter().filter(|name| held.contains(**name)) {
        let way = tree(&["--invert", name])?;
        breaches.push(format!("{} must never pull in {name}, which comes by\n{}", wall.name, way.trim_end()));
    }
    Ok(breaches)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn package(name: &str, imports: &[&str]) -> (String, Package) {
        let dependencies = imports
            .iter()
            .map(|import| Dependency {
                name: (*import).to_owned(),
                import_name: (*import).to_owned(),
                is_ours: true,
                is_normal: true,
            })
            .collect();
        let package = Package {
            name: name.to_owned(),
            folder: "crate".into(),
            manifest: "crate/Cargo.toml".into(),
            sources: Vec::new(),
            dependencies,
        };
        (name.to_owned(), package)
    }

    #[test]
    fn an_engine_that_imports_nodes_is_a_breach() {
        let packages = BTreeMap::from([package("millrace_engine", &["millrace_operator", "millrace_nodes"])]);
        let breaches = imports(&packages);
        assert_eq!(breaches.len(), 1, "{breaches:?}");
        assert!(breaches[0].starts_with("millrace_engine must not import millrace_nodes"), "{breaches:?}");
    }

    #[test]
    fn a_crate_without_a_line_in_the_table_is_a_breach() {
        let packages = BTreeMap::from([package("millrace_new", &[])]);
        assert_eq!(imports(&packages).len(), 1);
    }

    #[test]
    fn a_held_crate_is_reported_with_its_way() {
        let wall = Wall { name: "xtask", may_import: &[], must_not_hold: &["clap_builder"] };
        let breaches = holdings(&wall).unwrap();
        assert!(breaches[0].contains("clap_builder") && breaches[0].contains("xtask"), "{breaches:?}");
    }
}
