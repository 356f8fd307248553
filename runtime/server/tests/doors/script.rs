//! One script, two doors.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use millrace_host::model::run::RunState;
use millrace_host::model::{Edit, Filters, NodeId, Step};
use millrace_host::{Event, Failure, Host, Request, Response};
use millrace_protocol::{Draft, ImageFormat, Poll, Seen};
use serde_json::json;

use crate::client::Client;
use crate::{host, running};

const PIPELINE: &str = r#"{
  "format": 1,
  "name": "Two doors",
  "nodes": {
    "rows": {
      "kind": "ingest.inject",
      "params": {
        "rows": "device,value\ndev-1,20.5\ndev-2,3\ndev-1,31\n"
      }
    },
    "shown": {
      "kind": "visualize.table"
    }
  },
  "wires": [
    {
      "from": "rows.rows",
      "to": "shown.rows"
    }
  ]
}
"#;

enum Door {
    InProcess(Arc<Host>),
    Socket(Box<Client>),
}

impl Door {
    async fn ask(&mut self, request: Request) -> Result<Response, Failure> {
        match self {
            Door::InProcess(host) => host.handle(request).await,
            Door::Socket(client) => client.call(request).await,
        }
    }
}

/// Everything that was answered, with what differs from run to run (times, memory) left out.
async fn play(mut door: Door) -> Vec<String> {
    let draft = |version: u64| {
        let edit = |name: &str| vec![Edit::SetName { name: name.to_owned() }];
        let step = Step { label: "Rename".to_owned(), forward: edit("B"), backward: edit("A"), merge: None };
        Request::SaveDraft(Draft {
            project: 1,
            version,
            text: PIPELINE.replace("Two doors", "Renamed"),
            keep_steps: 0,
            new_steps: vec![step],
            cursor: 1,
        })
    };
    let text = || PIPELINE.to_owned();
    let parameters = BTreeMap::new;
    let script = [
        Request::Hello,
        Request::ImportProject { text: text(), folder: None },
        Request::ImportProject { text: "{".to_owned(), folder: None },
        Request::Check { project: Some(1), text: text() },
        Request::Check { project: Some(1), text: PIPELINE.replace("visualize.table", "visualize.tabel") },
        draft(1),
        draft(1),
        Request::SaveRevision { project: 99, name: "r".to_owned() },
        Request::OpenProject { project: 1 },
        Request::WriteSetting { name: "theme".to_owned(), value: json!({"dark": [1, 2.5, null]}) },
        Request::ReadSetting { name: "theme".to_owned() },
        Request::ImportFile { path: "/etc/hostname".to_owned() },
        Request::ExportFile { project: 1, path: "/tmp/never-written.json".to_owned() },
        Request::StartRun {
            project: 1,
            text: text(),
            parameters: BTreeMap::from([("no".to_owned(), json!(1))]),
            breakpoints: Vec::new(),
            replay: None,
            capture: false,
        },
        Request::StartRun {
            project: 1,
            text: text(),
            parameters: parameters(),
            breakpoints: Vec::new(),
            replay: None,
            capture: false,
        },
    ];
    let mut answers = Vec::new();
    for request in script {
        answers.push(format!("{:#?}", door.ask(request).await));
    }
    let shown = NodeId::new("shown").expect("an id");
    let poll = Poll {
        run: 1,
        taps: Vec::new(),
        views: BTreeMap::from([(shown.clone(), 0)]),
        parts: BTreeMap::new(),
        filters: Some(Filters::default()),
        log_from: 0,
        halt: 0,
    };
    let seen = loop {
        match door.ask(Request::Poll(poll.clone())).await {
            Ok(Response::Polled(polled)) if polled.metrics.state.is_over() => break polled,
            Ok(Response::Polled(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            other => panic!("a poll was expected, not {other:?}"),
        }
    };
    assert_eq!(seen.metrics.state, RunState::Done);
    let view = &seen.views[&shown];
    let rows = view.data.to_batch().expect("a batch");
    assert_eq!(rows.num_rows(), 3);
    assert!(!view.choices.is_empty(), "a table may be filtered by its columns");
    answers.push(format!("{:?} {:?} {rows:?} {:?}", seen.metrics.num_source_rows(), view.spec, view.choices));
    let svg = Request::RenderView {
        run: 1,
        node: shown,
        seen: Seen::default(),
        format: ImageFormat::Svg,
        width: 400,
        height: 300,
    };
    answers.push(format!("{:?}", door.ask(svg).await));
    answers.push(format!("{:?}", door.ask(Request::StopRun { run: 99, now: true }).await));
    answers.push(format!("{:?}", door.ask(Request::DeleteProject { project: 1 }).await));
    answers.push(format!("{:?}", door.ask(Request::ListProjects).await));
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_script_gives_the_same_answers_through_both_doors() {
    let in_process = play(Door::InProcess(host().await)).await;
    let server = running().await;
    let over_socket = play(Door::Socket(Box::new(Client::connect(server.address).await))).await;
    for (number, (one, other)) in in_process.iter().zip(&over_socket).enumerate() {
        assert!(one == other, "answer {number} differs:\n{one}\n{other}");
    }
    assert_eq!(in_process.len(), over_socket.len());
    let num_failures = in_process.iter().filter(|answer| answer.starts_with("Err")).count();
    assert_eq!(num_failures, 7, "{in_process:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_client_does_is_told_to_the_others() {
    let server = running().await;
    let mut quiet = Client::connect(server.address).await;
    // An answer shows that the client is being told of news by now.
    quiet.call(Request::Hello).await.expect("answered");
    let mut busy = Client::connect(server.address).await;
    busy.call(Request::CreateProject { name: "One".to_owned() }).await.expect("made");
    let message = quiet.receive().await;
    assert_eq!(message, millrace_protocol::ServerMessage::Event(Event::ProjectsChanged));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_holds_up_neither_runs_nor_other_clients() {
    let server = running().await;
    let mut deaf = Client::connect(server.address).await;
    // Each answer holds the whole catalog, so that the buffers between the two are soon full.
    for _ in 0..500 {
        deaf.send(Request::Hello).await;
    }
    let answers = play(Door::Socket(Box::new(Client::connect(server.address).await))).await;
    assert!(answers.len() > 15);
    assert!(matches!(deaf.receive().await, millrace_protocol::ServerMessage::Answer { .. }), "it may still read");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_under_way_do_not_wait_for_each_other() {
    let server = running().await;
    let mut client = Client::connect(server.address).await;
    let mut asked = Vec::new();
    for _ in 0..40 {
        asked.push(client.send(Request::ListProjects).await);
    }
    let mut answered = Vec::new();
    while answered.len() < asked.len() {
        if let millrace_protocol::ServerMessage::Answer { id, result } = client.receive().await {
            result.expect("a list");
            answered.push(id);
        }
    }
    answered.sort_unstable();
    assert_eq!(answered, asked);
}
