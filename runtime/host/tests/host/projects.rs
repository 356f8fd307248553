//! Projects, drafts, revisions, files, settings.

use std::path::Path;

use millrace_host::model::{Edit, Pipeline, Step};
use millrace_host::{DatabaseLocation, Event, FailureCode, Host, HostOptions, Request, Response};
use millrace_protocol::{Draft, PROTOCOL_VERSION, ProjectSummary, Revision, Sample, Welcome};
use serde_json::json;

use crate::{ask, check, heard, host, host_with, import, nodes, project, refused};

fn in_folder(folder: &Path) -> HostOptions {
    let database = DatabaseLocation::File(folder.join("millrace.db"));
    HostOptions { database, is_local: true, ..HostOptions::in_memory(folder.to_owned()) }
}

async fn welcome(host: &Host) -> Welcome {
    match ask(host, Request::Hello).await {
        Response::Welcome(welcome) => welcome,
        other => panic!("a welcome was expected, not {other:?}"),
    }
}

async fn list(host: &Host) -> Vec<ProjectSummary> {
    match ask(host, Request::ListProjects).await {
        Response::Projects(projects) => projects,
        other => panic!("a list was expected, not {other:?}"),
    }
}

/// A draft that renames a project's pipeline.
fn renamed(project: i64, version: u64, keep_steps: usize, name: &str) -> Draft {
    let rename = |name: &str| vec![Edit::SetName { name: name.to_owned() }];
    let step =
        Step { label: format!("Rename to {name}"), forward: rename(name), backward: rename("before"), merge: None };
    Draft {
        project,
        version,
        text: Pipeline::new(name).to_text(),
        keep_steps,
        new_steps: vec![step],
        cursor: keep_steps + 1,
    }
}

#[tokio::test]
async fn hello_tells_the_node_kinds_and_the_project_that_was_open_last() {
    let host = host().await;
    let nothing = welcome(&host).await;
    assert_eq!((nothing.protocol, nothing.project, nothing.is_local), (PROTOCOL_VERSION, None, false));
    assert!(nothing.catalog.card("ingest.numbers").is_some());
    let first = project(&host, Request::CreateProject { name: "First".to_owned() }).await.id;
    let second = project(&host, Request::CreateProject { name: " ".to_owned() }).await.id;
    assert_eq!(welcome(&host).await.project, Some(second));
    ask(&host, Request::OpenProject { project: first }).await;
    assert_eq!(welcome(&host).await.project, Some(first));
    ask(&host, Request::DeleteProject { project: first }).await;
    assert_eq!(welcome(&host).await.project, Some(second));
    assert_eq!(list(&host).await[0].name, "Untitled");
}

#[tokio::test]
async fn drafts_and_their_history_are_there_after_the_host_has_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let id = {
        let host = host_with(in_folder(folder.path())).await;
        let id = project(&host, Request::CreateProject { name: "One".to_owned() }).await.id;
        for (version, name) in (1..).zip(["a", "b", "c"]) {
            let saved = ask(&host, Request::SaveDraft(renamed(id, version, version as usize - 1, name))).await;
            assert_eq!(saved, Response::Saved { version: version + 1 });
        }
        id
    };
    let host = host_with(in_folder(folder.path())).await;
    let again = project(&host, Request::OpenProject { project: id }).await;
    assert_eq!((again.version, again.cursor, again.run), (4, 3, None));
    assert_eq!(again.text, Pipeline::new("c").to_text());
    assert_eq!(
        again.steps.iter().map(|step| step.label.as_str()).collect::<Vec<_>>(),
        ["Rename to a", "Rename to b", "Rename to c"]
    );
    assert_eq!(list(&host).await[0].name, "c");
}

#[tokio::test]
async fn a_draft_on_an_old_version_is_a_conflict_and_one_that_is_no_pipeline_is_unreadable() {
    let host = host().await;
    let id = project(&host, Request::CreateProject { name: "One".to_owned() }).await.id;
    ask(&host, Request::SaveDraft(renamed(id, 1, 0, "a"))).await;
    let failure = refused(&host, Request::SaveDraft(renamed(id, 1, 0, "b"))).await;
    assert_eq!(failure.code, FailureCode::Conflict);
    let unreadable = Draft { text: "{\n oops".to_owned(), ..renamed(id, 2, 1, "b") };
    let failure = refused(&host, Request::SaveDraft(unreadable)).await;
    assert_eq!(failure.code, FailureCode::Unreadable);
    assert!(failure.message.starts_with("Line 2: "), "{}", failure.message);
    let failure = refused(&host, Request::SaveDraft(renamed(999, 1, 0, "b"))).await;
    assert_eq!(failure.code, FailureCode::NotFound);
    assert_eq!(project(&host, Request::OpenProject { project: id }).await.text, Pipeline::new("a").to_text());
}

#[tokio::test]
async fn a_revision_is_read_back_as_it_was() {
    let host = host().await;
    let id = import(&host, &Pipeline::new("Then").to_text()).await;
    let Response::Revisions(revisions) =
        ask(&host, Request::SaveRevision { project: id, name: "agreed".to_owned() }).await
    else {
        panic!("the list is the answer")
    };
    ask(&host, Request::SaveDraft(renamed(id, 1, 0, "Now"))).await;
    let text = ask(&host, Request::ReadRevision { project: id, revision: revisions[0].id }).await;
    assert_eq!(text, Response::Text(Pipeline::new("Then").to_text()));
    assert_eq!(ask(&host, Request::ListRevisions { project: id }).await, Response::Revisions(revisions));
}

async fn revisions(host: &Host, request: Request) -> Vec<Revision> {
    match ask(host, request).await {
        Response::Revisions(revisions) => revisions,
        other => panic!("revisions were expected, not {other:?}"),
    }
}

#[tokio::test]
async fn revisions_say_what_each_changed_and_can_be_renamed() {
    let host = host().await;
    let text = |nodes: &str| format!(r#"{{"format": 1, "name": "Plant", "nodes": {{{nodes}}}, "wires": []}}"#);
    let id = import(&host, &text(r#""a": {"kind": "process.filter"}"#)).await;
    let save = |name: &str| Request::SaveRevision { project: id, name: name.to_owned() };
    let first = revisions(&host, save("first")).await;
    assert_eq!((first.len(), first[0].since), (1, None));
    let grown = text(r#""a": {"kind": "process.filter", "title": "A"}, "b": {"kind": "process.filter"}"#);
    ask(&host, Request::SaveDraft(Draft { text: grown, new_steps: Vec::new(), cursor: 0, ..renamed(id, 1, 0, "") }))
        .await;
    let both = revisions(&host, save("second")).await;
    assert_eq!(both[0].since.map(|since| since.to_string()).as_deref(), Some("1 node added, 1 changed"));
    let rename = |name: &str| Request::RenameRevision { project: id, revision: both[0].id, name: name.to_owned() };
    let names: Vec<String> = revisions(&host, rename(" agreed ")).await.into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["agreed", "first"]);
    assert_eq!(refused(&host, rename("  ")).await.message, "A revision needs a name.");
    let unknown = Request::RenameRevision { project: id, revision: 9_999, name: "x".to_owned() };
    assert_eq!(refused(&host, unknown).await.code, FailureCode::NotFound);
}

#[tokio::test]
async fn an_exported_file_is_imported_again_as_the_same_pipeline() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = host_with(in_folder(folder.path())).await;
    let text = nodes::counting("{}");
    let id = import(&host, &text).await;
    let canonical = project(&host, Request::OpenProject { project: id }).await.text;
    let path = folder.path().join("out.millrace.json").to_string_lossy().into_owned();
    ask(&host, Request::ExportFile { project: id, path: path.clone() }).await;
    assert_eq!(std::fs::read_to_string(&path).expect("written"), canonical);
    let again = project(&host, Request::ImportFile { path }).await;
    assert_eq!(again.text, canonical);
    assert_ne!(again.id, id);
    assert_eq!(again.folder.as_deref(), folder.path().to_str());
}

#[tokio::test]
async fn a_file_that_cannot_be_written_or_read_is_told_and_nothing_is_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = host_with(in_folder(folder.path())).await;
    let id = import(&host, &Pipeline::new("One").to_text()).await;
    let path = folder.path().join("nowhere/out.json").to_string_lossy().into_owned();
    let failure = refused(&host, Request::ExportFile { project: id, path: path.clone() }).await;
    assert_eq!(failure.code, FailureCode::Storage);
    assert!(failure.message.contains("does not exist") && failure.message.contains(&path), "{}", failure.message);
    assert!(!folder.path().join("nowhere").exists());
    let failure = refused(&host, Request::ImportFile { path }).await;
    assert_eq!(failure.code, FailureCode::Unreadable);
    assert_eq!(list(&host).await.len(), 1);
}

#[tokio::test]
async fn a_browser_may_not_name_files_of_the_machine() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = host_with(HostOptions { is_local: false, ..in_folder(folder.path()) }).await;
    let id = import(&host, &Pipeline::new("One").to_text()).await;
    let path = folder.path().join("out.json").to_string_lossy().into_owned();
    refused(&host, Request::ExportFile { project: id, path: path.clone() }).await;
    assert!(!Path::new(&path).exists());
    std::fs::write(&path, Pipeline::new("Two").to_text()).expect("written");
    refused(&host, Request::ImportFile { path: path.clone() }).await;
    assert_eq!(list(&host).await.len(), 1);
    host.import_file(path.as_ref()).await.expect("the program itself may");
    assert_eq!(list(&host).await.len(), 2);
}

#[tokio::test]
async fn the_samples_come_once_with_their_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let samples = folder.path().join("samples");
    let options = || HostOptions { samples: Some(samples.clone()), ..in_folder(folder.path()) };
    let names = {
        let host = host_with(options()).await;
        let projects = list(&host).await;
        let first = welcome(&host).await.project.expect("a sample is open first");
        let opened = project(&host, Request::OpenProject { project: first }).await;
        assert_eq!(opened.folder.as_deref(), samples.to_str());
        for project in &projects {
            ask(&host, Request::DeleteProject { project: project.id }).await;
        }
        projects.into_iter().map(|project| project.name).collect::<Vec<_>>()
    };
    assert!(names.len() >= 3, "{names:?}");
    assert!(samples.join("data").is_dir() && samples.join("sensor_file.millrace.json").is_file());
    let mine = samples.join("sensor_file.millrace.json");
    std::fs::write(&mine, "mine").expect("written");
    let again = host_with(options()).await;
    assert!(list(&again).await.is_empty(), "deleted samples do not come back");
    drop(again);
    std::fs::remove_file(folder.path().join("millrace.db")).expect("removed");
    let anew = host_with(options()).await;
    assert_eq!(list(&anew).await.len(), names.len());
    assert_eq!(std::fs::read_to_string(&mine).expect("readable"), "mine", "a file that is there is not written over");
}

async fn samples(host: &Host) -> Vec<Sample> {
    match ask(host, Request::ListSamples).await {
        Response::Samples(samples) => samples,
        other => panic!("samples were expected, not {other:?}"),
    }
}

#[tokio::test]
async fn a_served_host_offers_every_sample_and_writes_its_files_when_it_is_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = HostOptions::served(DatabaseLocation::Memory, folder.path().to_owned());
    let host = Host::open(served).await.expect("it opens, with every node kind");
    assert!(list(&host).await.is_empty(), "it begins without projects");
    let desktop_dir = tempfile::tempdir().expect("a folder");
    let desktop = host_with(HostOptions::desktop(desktop_dir.path().join("m.db"), folder.path().to_owned())).await;
    let offered = samples(&host).await;
    assert_eq!(offered.len(), samples(&desktop).await.len());
    assert!(!folder.path().join("samples").exists(), "to look at them writes nothing");
    let sample = offered.into_iter().find(|sample| sample.text.contains("\"data/")).expect("one reads a file");
    let opened =
        project(&host, Request::ImportProject { text: sample.text.clone(), folder: sample.folder.clone() }).await;
    assert_eq!(opened.folder, sample.folder);
    assert!(folder.path().join("samples/data").read_dir().expect("it is there").next().is_some());
    match ask(&host, Request::Check { project: Some(opened.id), text: opened.text }).await {
        Response::Checked(checked) => assert!(checked.diagnostics.is_empty(), "{:?}", checked.diagnostics),
        other => panic!("a check was expected, not {other:?}"),
    }
}

#[cfg(unix)]
#[tokio::test]
async fn files_of_a_sample_never_leave_the_served_folder() {
    let (folder, elsewhere) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("samples")).expect("linked");
    let host = host_with(HostOptions::served(DatabaseLocation::Memory, folder.path().to_owned())).await;
    let sample = samples(&host).await.into_iter().next().expect("one is there");
    let failure = refused(&host, Request::ImportProject { text: sample.text, folder: sample.folder }).await;
    assert!(failure.message.contains("leads out of the folder"), "{}", failure.message);
    assert_eq!(elsewhere.path().read_dir().expect("readable").count(), 0);
    assert!(list(&host).await.is_empty());
}

#[tokio::test]
async fn a_damaged_database_is_refused_with_its_path() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("millrace.db"), "garbage").expect("written");
    let error = Host::open_with(in_folder(folder.path()), nodes::registry()).await.map(drop).expect_err("refused");
    assert!(error.to_string().contains("millrace.db is damaged"), "{error}");
    assert_eq!(std::fs::read(folder.path().join("millrace.db")).expect("readable"), b"garbage");
}

#[tokio::test]
async fn what_another_process_changes_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let (desktop, other) = (host_with(in_folder(folder.path())).await, host_with(in_folder(folder.path())).await);
    let mut news = desktop.subscribe();
    // The first look only notes how the database is; keep changing it until the second one.
    let change = async {
        loop {
            import(&other, &Pipeline::new("From elsewhere").to_text()).await;
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
    };
    tokio::select! {
        () = heard(&mut news, Event::ProjectsChanged) => {}
        () = change => {}
    }
    assert_eq!(list(&desktop).await[0].name, "From elsewhere");
}

#[tokio::test]
async fn settings_are_kept_by_name() {
    let host = host().await;
    let read = || Request::ReadSetting { name: "theme".to_owned() };
    assert_eq!(ask(&host, read()).await, Response::Setting(None));
    ask(&host, Request::WriteSetting { name: "theme".to_owned(), value: json!("light") }).await;
    assert_eq!(ask(&host, read()).await, Response::Setting(Some(json!("light"))));
}

#[tokio::test]
async fn a_check_tells_every_fault_and_the_columns_of_every_port() {
    let host = host().await;
    let good = check(&host, &nodes::counting("{}")).await;
    assert!(good.diagnostics.is_empty(), "{:?}", good.diagnostics);
    let columns = good.nodes.values().flat_map(|node| node.inputs.iter().chain(&node.outputs)).map(|port| {
        let columns = port.columns.as_ref().expect("known");
        (columns[0].name.as_str(), columns[0].data_type.as_str())
    });
    assert_eq!(columns.collect::<Vec<_>>(), [("n", "integer"), ("n", "integer")]);

    let bad = nodes::counting("{\n\"cuont\": 3, \"pause\": \"soon\"}").replace("visualize.newest", "visualize.newst");
    let codes: Vec<_> = check(&host, &bad).await.diagnostics.into_iter().map(|problem| problem.code).collect();
    for code in ["unknown_param", "param_type", "unknown_kind"] {
        assert!(codes.iter().any(|found| found == code), "{code} is missing: {codes:?}");
    }
    let lines: Vec<_> = check(&host, &bad).await.diagnostics.into_iter().map(|problem| problem.line).collect();
    assert!(lines.contains(&Some(3)), "{lines:?}");
}
