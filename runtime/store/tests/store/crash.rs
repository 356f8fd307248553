//! A process that is killed while it saves: every save that was acknowledged is there, and nothing is torn.
//!
//! The killed process is this test program itself, started again with one test chosen.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::{draft, new_project, open, step};

const DATABASE: &str = "MILLRACE_STORE_TEST_DATABASE";

#[test]
#[ignore = "the child of `a_killed_process_loses_no_acknowledged_save`"]
fn saves_until_it_is_killed() {
    let path = std::env::var_os(DATABASE).expect("the parent names the database");
    let store = open(path.as_ref());
    let project = store.projects().expect("a list")[0].id;
    let mut version = store.project(project).expect("there").version;
    let mut out = std::io::stdout().lock();
    loop {
        let keep = version as usize - 1;
        let text = format!("{version} {}", "x".repeat(3_000));
        version = store.save_draft(&draft(project, version, keep, &text), 0).expect("saved");
        writeln!(out, "saved {version}").expect("the parent listens");
        out.flush().expect("the parent listens");
    }
}

#[test]
fn a_killed_process_loses_no_acknowledged_save() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("millrace.db");
    let project = open(&path).create_project(&new_project("One"), 0).expect("created");
    let mut acknowledged = 1;
    // Each round goes on in the database that the killed one left, with its log still beside it.
    for saves_before_kill in [1, 7, 40, 3] {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["crash::saves_until_it_is_killed", "--exact", "--ignored", "--nocapture"])
            .env(DATABASE, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("started");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut saved = |line: std::io::Result<String>| {
            let line = line.ok()?;
            let (_, version) = line.split_once("saved ")?;
            version.parse::<u64>().ok()
        };
        let seen = lines.by_ref().filter_map(&mut saved).take(saves_before_kill).last().expect("the child saves");
        child.kill().expect("killed");
        acknowledged = lines.filter_map(&mut saved).last().unwrap_or(seen).max(acknowledged + 1);
        child.wait().expect("ended");

        let row = open(&path).project(project).expect("there");
        assert!(
            row.version == acknowledged || row.version == acknowledged + 1,
            "acknowledged {acknowledged}, found {}",
            row.version
        );
        assert!(row.text.starts_with(&format!("{} ", row.version - 1)), "the text is that of the version");
        assert_eq!(row.steps.len() as u64, row.version - 1);
        assert_eq!(row.steps.last(), Some(&step(&row.text)));
        acknowledged = row.version;
    }
    assert!(acknowledged > 50);
}
