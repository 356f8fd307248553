//! The host through its one door, with node kinds of the tests' own so that each rule can be shown alone.

mod capturing;
mod nodes;
mod projects;
mod runs;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use millrace_host::{Event, Failure, Host, HostOptions, Request, Response};
use millrace_protocol::{Checked, Poll, Polled, Project, ProjectId, RunId};
use tokio::sync::broadcast;

async fn host_with(options: HostOptions) -> Arc<Host> {
    Host::open_with(options, nodes::registry()).await.unwrap_or_else(|error| panic!("{error}"))
}

async fn host() -> Arc<Host> {
    host_with(HostOptions::in_memory(std::env::temp_dir())).await
}

async fn ask(host: &Host, request: Request) -> Response {
    let what = format!("{request:?}");
    host.handle(request).await.unwrap_or_else(|failure| panic!("{what}: {failure:?}"))
}

async fn refused(host: &Host, request: Request) -> Failure {
    let what = format!("{request:?}");
    host.handle(request).await.err().unwrap_or_else(|| panic!("{what} should have been refused"))
}

async fn project(host: &Host, request: Request) -> Project {
    match ask(host, request).await {
        Response::Project(project) => *project,
        other => panic!("a project was expected, not {other:?}"),
    }
}

async fn import(host: &Host, text: &str) -> ProjectId {
    project(host, Request::ImportProject { text: text.to_owned(), folder: None }).await.id
}

async fn check(host: &Host, text: &str) -> Checked {
    match ask(host, Request::Check { project: None, text: text.to_owned() }).await {
        Response::Checked(checked) => checked,
        other => panic!("a check was expected, not {other:?}"),
    }
}

fn start(project: ProjectId, text: &str) -> Request {
    Request::StartRun {
        project,
        text: text.to_owned(),
        parameters: BTreeMap::new(),
        breakpoints: Vec::new(),
        replay: None,
        capture: false,
    }
}

async fn started(host: &Host, request: Request) -> RunId {
    match ask(host, request).await {
        Response::RunStarted { run } => run,
        other => panic!("a run was expected, not {other:?}"),
    }
}

fn poll(run: RunId) -> Poll {
    Poll { run, taps: Vec::new(), views: BTreeMap::new(), parts: BTreeMap::new(), filters: None, log_from: 0, halt: 0 }
}

async fn polled(host: &Host, poll: Poll) -> Polled {
    match ask(host, Request::Poll(poll)).await {
        Response::Polled(polled) => polled,
        other => panic!("a poll was expected, not {other:?}"),
    }
}

/// Polls until `is_enough`; a run that never gets there fails the test instead of hanging it.
async fn polled_until(host: &Host, poll: Poll, is_enough: impl Fn(&Polled) -> bool) -> Polled {
    for _ in 0..600 {
        let polled = polled(host, poll.clone()).await;
        if is_enough(&polled) {
            return polled;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the run never got there: {:?}", polled(host, poll).await);
}

async fn heard(news: &mut broadcast::Receiver<Event>, wanted: Event) {
    let wait = async { while news.recv().await.expect("the host is there") != wanted {} };
    tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap_or_else(|_| panic!("{wanted:?} was never told"));
}
