//! Help, versions, node lists and checks.

use crate::harness::{Folder, Ran};

#[test]
fn help_and_version_go_to_stdout() {
    let folder = Folder::new();
    let ran = folder.millrace(&["--version"]).ended_with(0);
    assert_eq!(ran.stdout, format!("millrace {}\n", env!("CARGO_PKG_VERSION")));
    for args in [&["--help"][..], &["run", "--help"], &["serve", "--help"], &["project", "--help"]] {
        let ran = folder.millrace(args).ended_with(0);
        assert!(ran.stdout.contains("Examples:") && ran.stderr.is_empty(), "{args:?}: {}", ran.stdout);
    }
}

#[test]
fn wrong_usage_is_refused_with_a_hint() {
    let folder = Folder::new();
    for (args, hint) in [
        (&["validat", "a.json"][..], "'validate'"),
        (&["run"], "<FILE>"),
        (&["run", "a.json", "--paralellism", "2"], "--parallelism"),
        (&["run", "a.json", "--parallelism", "0"], "1..=1024"),
        (&["run", "a.json", "--batch-size", "many"], "--batch-size"),
        (&["run", "a.json", "--set", "rate"], "name=value"),
        (&["run", "a.json", "--progress", "loud"], "plain"),
    ] {
        let ran = folder.millrace(args).ended_with(2);
        assert!(ran.stderr.contains(hint) && ran.stdout.is_empty(), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn nodes_are_listed_by_section_and_shown_one_by_one() {
    let folder = Folder::new();
    let list = folder.millrace(&["nodes"]).ended_with(0).stdout;
    let place = |text: &str| list.find(text).unwrap_or_else(|| panic!("{text} is missing in:\n{list}"));
    assert!(place("Ingest\n") < place("  process.filter") && place("  process.filter") < place("Store\n"));
    let one = folder.millrace(&["nodes", "process.filter"]).ended_with(0).stdout;
    assert!(one.contains("`condition`") && one.contains("`rejected`"), "{one}");
    let ran = folder.millrace(&["nodes", "process.fliter"]).ended_with(2);
    ran.says_one_error_with(&["no node `process.fliter`", "Did you mean `process.filter`?"]);
    let cards = folder.millrace(&["nodes", "--json"]).ended_with(0).stdout;
    let cards: serde_json::Value = serde_json::from_str(&cards).expect("JSON");
    let kinds: Vec<&str> = cards.as_array().expect("a list").iter().filter_map(|card| card["kind"].as_str()).collect();
    assert!(kinds.contains(&"process.filter") && kinds.is_sorted(), "{kinds:?}");
}

#[test]
fn the_reference_in_docs_is_the_one_of_this_build() {
    let made = Folder::new().millrace(&["nodes", "--markdown"]).ended_with(0).stdout;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/NODES.md");
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    let differs = made.lines().zip(kept.lines()).position(|(made, kept)| made != kept);
    assert!(
        made == kept,
        "docs/NODES.md differs from line {}: write it anew with `millrace nodes --markdown > docs/NODES.md`",
        differs.unwrap_or_else(|| made.lines().count().min(kept.lines().count())) + 1
    );
}

#[test]
#[cfg(unix)]
fn a_reader_that_goes_away_is_no_error() {
    let folder = Folder::new();
    let mut child = folder.start(&["nodes", "--json"]);
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    let ran = Ran::from(output).ended_with(0);
    assert_eq!(ran.stderr, "");
}
