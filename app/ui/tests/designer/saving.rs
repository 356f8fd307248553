//! Saving, conflicts, lost connections and projects.

use super::*;

#[test]
fn an_edit_is_saved_within_a_second_with_its_history() {
    let mut bench = Bench::open(FLEET);
    assert!(bench.has("Saved"));
    bench.click("node Hot");
    bench.press(Modifiers::NONE, Key::D);
    assert_eq!(bench.saves(), 0, "a burst is not saved key by key");
    bench.wait(1_000.0);
    assert_eq!(bench.saves(), 1);
    let host = bench.host.borrow();
    assert_eq!(host.project.text, bench.pipeline().to_text());
    assert_eq!(host.project.steps.len(), 1);
    assert_eq!(host.project.steps[0].label, "Disable Hot");
    drop(host);
    assert!(bench.has("Saved"));
    bench.press(Modifiers::COMMAND, Key::Z);
    bench.wait(1_000.0);
    assert_eq!((bench.host.borrow().project.cursor, bench.host.borrow().project.steps.len()), (0, 1));
}

#[test]
fn a_refused_save_is_said_and_tried_again_until_it_works() {
    let mut bench = Bench::open(FLEET);
    bench.host.borrow_mut().save_failure = Some(Failure::new(FailureCode::Storage, "The disk is full."));
    bench.click("node Hot");
    bench.press(Modifiers::NONE, Key::Delete);
    bench.wait(1_000.0);
    assert!(bench.has("Not saved"));
    assert!(bench.has_text("The disk is full."));
    bench.wait(2_500.0);
    assert!(bench.saves() >= 2, "it is tried again");
    bench.host.borrow_mut().save_failure = None;
    bench.wait(2_500.0);
    assert!(bench.has("Saved"));
    assert_eq!(bench.host.borrow().project.text, bench.pipeline().to_text());
}

#[test]
fn after_a_conflict_the_person_chooses_and_keeps_what_they_did() {
    let mut bench = Bench::open(FLEET);
    bench.host.borrow_mut().save_failure = Some(Failure::new(FailureCode::Conflict, "It was changed elsewhere."));
    bench.host.borrow_mut().project.version = 9;
    bench.click("node Hot");
    bench.press(Modifiers::NONE, Key::Delete);
    bench.wait(1_000.0);
    bench.host.borrow_mut().save_failure = None;
    let saves = bench.saves();
    bench.wait(5_000.0);
    assert_eq!(bench.saves(), saves, "nothing is overwritten without asking");
    bench.click("Keep what is here");
    bench.wait(500.0);
    assert_eq!(bench.host.borrow().project.version, 10);
    assert_eq!(bench.host.borrow().project.text, bench.pipeline().to_text());
    assert!(bench.has("Saved"));
}

#[test]
fn a_lost_connection_is_said_and_nothing_is_lost() {
    let mut bench = Bench::open(FLEET);
    bench.host.borrow_mut().state = LinkState::Lost("The runtime does not answer.".to_owned());
    bench.click("node Hot");
    bench.press(Modifiers::NONE, Key::Delete);
    bench.wait(1_500.0);
    assert!(bench.has_text("The runtime does not answer."));
    assert!(bench.has("Not saved"));
    bench.host.borrow_mut().state = LinkState::Open;
    bench.wait(1_000.0);
    assert!(!bench.has_text("The runtime does not answer."));
    assert!(bench.has("Saved"));
    assert_eq!(bench.host.borrow().project.text, bench.pipeline().to_text());
}

#[test]
fn projects_are_listed_when_none_is_open_and_one_opens_by_a_click() {
    let host = Host::with(FLEET);
    host.borrow_mut().welcome_project = None;
    let mut bench = Bench::with(host);
    bench.click("open Fleet health");
    bench.wait(200.0);
    assert!(bench.has("node Hot"));
}

#[test]
fn a_picked_file_is_imported_once_the_open_project_is_saved() {
    let mut bench = Bench::open(FLEET);
    bench.click("node Hot");
    bench.press(Modifiers::NONE, Key::Delete);
    bench.host.borrow_mut().picked.push(Picked {
        purpose: DialogPurpose::ImportPipeline,
        file: PickedFile::Text { name: "a.millrace.json".to_owned(), text: EMPTY.to_owned() },
    });
    bench.wait(300.0);
    let heard = &bench.host.borrow().heard;
    let save = heard.iter().position(|request| matches!(request, Request::SaveDraft(_)));
    let import = heard.iter().position(|request| matches!(request, Request::ImportProject { .. }));
    assert!(save.is_some() && save < import, "save at {save:?}, import at {import:?}");
}

#[test]
fn a_project_is_there_until_the_host_has_said_that_it_is_gone() {
    let mut bench = Bench::open(FLEET);
    bench.host.borrow_mut().holds = Some(|request| matches!(request, Request::DeleteProject { .. }));
    bench.ask([Command::DeleteProject(1)]);
    bench.wait(200.0);
    assert!(bench.has("node Hot"), "the host may refuse, as while the project runs");
    let held = std::mem::take(&mut bench.host.borrow_mut().held);
    bench.host.borrow_mut().answers.extend(held);
    bench.wait(200.0);
    assert!(!bench.has("node Hot"));
}
