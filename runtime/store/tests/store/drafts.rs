//! Saves, conflicts, history, revisions, runs, settings.

use millrace_model::run::{RunMetrics, RunState};
use millrace_store::{AUTOMATIC_INTERVAL_MS, Draft, MAX_AUTOMATIC, RevisionRow, Store, StoreError};
use serde_json::json;

use crate::{draft, new_project, open, step};

fn store() -> Store {
    Store::in_memory().expect("memory")
}

#[test]
fn a_project_comes_back_as_it_was_saved_after_closing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deep/below/millrace.db");
    let project = {
        let store = open(&path);
        let project = store.create_project(&new_project("One"), 1).expect("created");
        assert_eq!(store.save_draft(&draft(project, 1, 0, "a"), 2).expect("saved"), 2);
        assert_eq!(store.save_draft(&draft(project, 2, 1, "b"), 3).expect("saved"), 3);
        project
    };
    let row = open(&path).project(project).expect("there");
    assert_eq!((row.text.as_str(), row.version, row.cursor), ("b", 3, 2));
    assert_eq!(row.steps, [step("a"), step("b")]);
}

#[test]
fn a_save_on_an_old_version_is_a_conflict_and_changes_nothing() {
    let store = store();
    let project = store.create_project(&new_project("One"), 1).expect("created");
    store.save_draft(&draft(project, 1, 0, "first window"), 2).expect("saved");
    let before = store.project(project).expect("there");
    let error = store.save_draft(&draft(project, 1, 0, "second window"), 3).expect_err("a conflict");
    assert!(matches!(error, StoreError::Conflict { expected: 1, found: 2, .. }), "{error}");
    assert_eq!(store.project(project).expect("there"), before);
}

#[test]
fn steps_after_those_kept_are_forgotten_and_an_undone_cursor_is_kept() {
    let store = store();
    let project = store.create_project(&new_project("One"), 1).expect("created");
    for (version, label) in (1..).zip(["a", "b", "c"]) {
        store.save_draft(&draft(project, version, version as usize - 1, label), 2).expect("saved");
    }
    let undone = Draft { new_steps: Vec::new(), cursor: 1, ..draft(project, 4, 3, "undone") };
    store.save_draft(&undone, 3).expect("saved");
    let row = store.project(project).expect("there");
    assert_eq!((row.steps.len(), row.cursor), (3, 1));

    store.save_draft(&draft(project, 5, 1, "other"), 4).expect("saved");
    let row = store.project(project).expect("there");
    assert_eq!(row.steps, [step("a"), step("other")]);
}

#[test]
fn a_history_with_a_gap_is_refused_whole() {
    let store = store();
    let project = store.create_project(&new_project("One"), 1).expect("created");
    let gap = draft(project, 1, 5, "gap");
    let past_end = Draft { cursor: 9, ..draft(project, 1, 0, "past") };
    for draft in [gap, past_end] {
        let error = store.save_draft(&draft, 2).expect_err("refused");
        assert!(matches!(error, StoreError::HistoryGap { .. }), "{error}");
        let row = store.project(project).expect("there");
        assert_eq!((row.version, row.steps.len()), (1, 0));
    }
}

#[test]
fn the_project_changed_last_is_listed_first() {
    let store = store();
    let one = store.create_project(&new_project("One"), 1).expect("created");
    let two = store.create_project(&new_project("Two"), 2).expect("created");
    let ids = |store: &Store| store.projects().expect("a list").iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(ids(&store), [two, one]);
    store.save_draft(&draft(one, 1, 0, "x"), 3).expect("saved");
    assert_eq!(ids(&store), [one, two]);
    let summary = &store.projects().expect("a list")[0];
    assert_eq!((summary.name.as_str(), summary.num_nodes, summary.changed_ms), ("Draft", 3, 3));
}

#[test]
fn a_revision_keeps_its_text_while_the_draft_goes_on() {
    let store = store();
    let project = store.create_project(&new_project("One"), 1).expect("created");
    let first = store.save_revision(project, "first", 5).expect("saved");
    store.save_draft(&draft(project, 1, 0, "later"), 6).expect("saved");
    let second = store.save_revision(project, "second", 7).expect("saved");
    assert_eq!(store.revision_text(project, first).expect("a text"), "text of One");
    assert_eq!(store.revision_text(project, second).expect("a text"), "later");
    let names: Vec<_> = store.revisions(project).expect("a list").into_iter().map(|row| row.name).collect();
    assert_eq!(names, ["second", "first"]);

    let other = store.create_project(&new_project("Two"), 1).expect("created");
    let error = store.revision_text(other, first).expect_err("of another project");
    assert!(matches!(error, StoreError::NoSuchRevision { .. }), "{error}");
}

#[test]
fn a_state_is_kept_by_itself_before_it_is_written_over_but_not_too_often() {
    let store = store();
    let project = store.create_project(&new_project("One"), 1).expect("created");
    let revisions = |store: &Store| {
        let rows = store.revisions(project).expect("a list");
        let text = |row: &RevisionRow| store.revision_text(project, row.id).expect("a text");
        rows.iter().map(|row| (row.name.clone(), row.saved_ms, text(row))).collect::<Vec<_>>()
    };
    let kept = |at: i64, text: &str| (String::new(), at, text.to_owned());
    store.save_draft(&draft(project, 1, 0, "a"), 100).expect("saved");
    assert_eq!(revisions(&store), [kept(100, "text of One")], "what it began with");
    store.save_draft(&draft(project, 2, 0, "b"), 200).expect("saved");
    assert_eq!(revisions(&store).len(), 1, "a moment later is too soon");
    let later = 100 + AUTOMATIC_INTERVAL_MS;
    store.save_draft(&draft(project, 3, 0, "b"), later).expect("saved");
    assert_eq!(revisions(&store).len(), 1, "nothing is written over");
    store.save_draft(&draft(project, 4, 0, "c"), later + 1).expect("saved");
    assert_eq!(revisions(&store), [kept(later + 1, "b"), kept(100, "text of One")]);
}

#[test]
fn the_newest_states_kept_by_themselves_stay_and_so_does_every_named_one() {
    let store = store();
    let project = store.create_project(&new_project("One"), 1).expect("created");
    for number in 0..MAX_AUTOMATIC as u64 + 5 {
        let text = format!("state {number}");
        store.save_draft(&draft(project, number + 1, 0, &text), number as i64 * AUTOMATIC_INTERVAL_MS).expect("saved");
        if number == 0 {
            let first = store.revisions(project).expect("a list")[0].id;
            store.rename_revision(project, first, "As it began").expect("renamed");
        }
    }
    let rows = store.revisions(project).expect("a list");
    assert_eq!(rows.len(), MAX_AUTOMATIC + 1);
    assert_eq!(rows.last().map(|row| row.name.as_str()), Some("As it began"));
    assert_eq!(store.revision_text(project, rows[0].id).expect("a text"), format!("state {}", MAX_AUTOMATIC + 3));
    for error in [
        store.rename_revision(project, 9_999, "No").expect_err("no such revision"),
        store.rename_revision(project, rows[0].id, " ").expect_err("no name"),
        store.save_revision(project, "", 1).map(drop).expect_err("no name"),
    ] {
        assert!(matches!(error, StoreError::NoSuchRevision { .. } | StoreError::UnnamedRevision), "{error}");
    }
}

#[test]
fn deleting_a_project_takes_all_of_it_and_its_id_is_not_given_again() {
    let store = store();
    let project = store.create_project(&new_project("One"), 1).expect("created");
    store.save_draft(&draft(project, 1, 0, "x"), 2).expect("saved");
    store.save_revision(project, "r", 3).expect("saved");
    let run = store.begin_run(project, 4).expect("begun");
    store.delete_project(project).expect("deleted");
    for error in [
        store.project(project).map(drop).expect_err("gone"),
        store.delete_project(project).expect_err("gone"),
        store.revisions(project).map(drop).expect_err("gone"),
        store.save_revision(project, "r", 5).map(drop).expect_err("gone"),
        store.begin_run(project, 5).map(drop).expect_err("gone"),
    ] {
        assert!(matches!(error, StoreError::NoSuchProject { .. }), "{error}");
    }
    assert!(store.runs(project).expect("a list").is_empty());
    store.end_run(run, &metrics(RunState::Stopped), 6).expect("a run without its project ends quietly");
    assert_ne!(store.create_project(&new_project("Two"), 7).expect("created"), project);
}

fn metrics(state: RunState) -> RunMetrics {
    RunMetrics {
        state,
        elapsed_ms: 1_500,
        failure: None,
        nodes: std::collections::BTreeMap::new(),
        wires: Vec::new(),
        memory_bytes: 0,
        cpu: None,
        checkpoint: None,
        standstill: None,
    }
}

#[test]
fn a_run_is_noted_from_begin_to_end_and_only_the_newest_are_kept() {
    let store = store();
    let project = store.create_project(&new_project("One"), 1).expect("created");
    let first = store.begin_run(project, 10).expect("begun");
    assert_eq!(store.runs(project).expect("a list")[0].state, RunState::Running);
    store.end_run(first, &metrics(RunState::Failed), 20).expect("ended");
    let row = store.runs(project).expect("a list").remove(0);
    assert_eq!((row.started_ms, row.ended_ms, row.state), (10, Some(20), RunState::Failed));
    assert_eq!(row.metrics, Some(metrics(RunState::Failed)));

    for _ in 0..150 {
        store.begin_run(project, 30).expect("begun");
    }
    let runs = store.runs(project).expect("a list");
    assert_eq!(runs.len(), 100);
    assert!(runs.iter().all(|row| row.id != first) && runs[0].id == first + 150);
}

#[test]
fn a_setting_is_read_back_and_null_removes_it() {
    let store = store();
    assert_eq!(store.setting("theme").expect("readable"), None);
    store.set_setting("theme", &json!({ "dark": true })).expect("written");
    store.set_setting("theme", &json!({ "dark": false })).expect("written");
    assert_eq!(store.setting("theme").expect("readable"), Some(json!({ "dark": false })));
    store.set_setting("theme", &json!(null)).expect("removed");
    assert_eq!(store.setting("theme").expect("readable"), None);
}

#[test]
fn two_stores_on_one_file_see_each_other_and_do_not_collide() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("millrace.db");
    let (desktop, cli) = (open(&path), open(&path));
    let before = desktop.data_version().expect("a number");
    let project = cli.create_project(&new_project("From the CLI"), 1).expect("created");
    assert_ne!(desktop.data_version().expect("a number"), before);
    desktop.save_draft(&draft(project, 1, 0, "x"), 2).expect("saved");
    let error = cli.save_draft(&draft(project, 1, 0, "y"), 3).expect_err("a conflict");
    assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
}

#[test]
fn many_threads_may_make_one_database_at_the_same_moment() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("millrace.db");
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|number| {
                    let path = &path;
                    scope.spawn(move || {
                        let project = new_project(&format!("Project {number}"));
                        open(path).create_project(&project, number).expect("created")
                    })
                })
                .collect();
            for thread in threads {
                thread.join().expect("no thread fails");
            }
        });
        assert_eq!(open(&path).projects().expect("a list").len(), 4);
    }
}
