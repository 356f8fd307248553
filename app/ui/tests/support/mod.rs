//! A host in memory for the designer's tests: a small catalog, one project, and a clock that the test sets.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use millrace_model::card::{Field, FieldKind, Form};
use millrace_model::run::{EditCost, NodeRestart, StateFate};
use millrace_model::{Catalog, Nesting, NodeCard, Pipeline, PortCard, RowTrait, Section};
use millrace_protocol::{
    Call, Capture, Checked, Column, Failure, NodePorts, PortSchema, Project, ProjectId, ProjectSummary, Request,
    Response, Revision, Sample, ServerMessage, Welcome,
};
use millrace_ui::link::{DialogRequest, Link, LinkState, Picked};

type Polling = dyn FnMut(&millrace_protocol::Poll) -> millrace_protocol::Polled;

/// What the fake host holds, has heard, and will say.
pub struct Host {
    pub now_ms: f64,
    /// How long the screen is busy with a frame.
    pub frame_cost_ms: f64,
    /// The designer is called when something is due that needs no frame.
    pub beats: bool,
    /// A person sees the designer.
    pub is_seen: bool,
    pub state: LinkState,
    pub catalog: Catalog,
    pub project: Project,
    pub heard: Vec<Request>,
    pub answers: Vec<ServerMessage>,
    /// Saves are refused with this.
    pub save_failure: Option<Failure>,
    /// What a check finds, beside the ports.
    pub checked: Checked,
    /// Answers polls; without it there is no run.
    pub polled: Option<Box<Polling>>,
    pub start_failure: Option<Failure>,
    pub dialogs: Vec<DialogRequest>,
    pub picked: Vec<Picked>,
    pub downloads: Vec<(String, Vec<u8>)>,
    pub welcome_project: Option<ProjectId>,
    /// Where a browser would find the designer.
    pub origin: Option<String>,
    pub samples: Vec<Sample>,
    /// Revisions with their texts, newest first.
    pub revisions: Vec<(Revision, String)>,
    /// Newest first.
    pub captures: Vec<Capture>,
    /// Rows for a wire are refused with this.
    pub inject_failure: Option<Failure>,
    /// The text of the pipeline that runs; the host says what a change of it would cost.
    pub runs: Option<String>,
    /// What the rows of a node have, by its id, where it is not what all rows have.
    pub has: BTreeMap<String, Vec<RowTrait>>,
    /// Requests that get no answer for now.
    pub holds: Option<fn(&Request) -> bool>,
    /// The answers to them.
    pub held: Vec<ServerMessage>,
    /// What the designer had kept.
    pub settings: BTreeMap<String, serde_json::Value>,
}

impl Host {
    pub fn with(text: &str) -> Rc<RefCell<Self>> {
        let project =
            Project { id: 1, version: 1, text: text.to_owned(), steps: Vec::new(), cursor: 0, folder: None, run: None };
        Rc::new(RefCell::new(Self {
            now_ms: 1_000.0,
            frame_cost_ms: 0.0,
            beats: false,
            is_seen: true,
            state: LinkState::Open,
            catalog: catalog(),
            project,
            heard: Vec::new(),
            answers: Vec::new(),
            save_failure: None,
            checked: Checked::default(),
            polled: None,
            start_failure: None,
            dialogs: Vec::new(),
            picked: Vec::new(),
            downloads: Vec::new(),
            welcome_project: Some(1),
            origin: None,
            samples: Vec::new(),
            revisions: Vec::new(),
            captures: Vec::new(),
            inject_failure: None,
            runs: None,
            has: BTreeMap::new(),
            holds: None,
            held: Vec::new(),
            settings: BTreeMap::from([("tour".to_owned(), true.into())]),
        }))
    }

    fn list_revisions(&self) -> Response {
        Response::Revisions(self.revisions.iter().map(|(revision, _)| revision.clone()).collect())
    }

    fn answer(&mut self, request: &Request) -> Result<Response, Failure> {
        Ok(match request {
            Request::Hello => Response::Welcome(Welcome {
                protocol: millrace_protocol::PROTOCOL_VERSION,
                version: "0.1.0".to_owned(),
                catalog: self.catalog.clone(),
                is_local: true,
                project: self.welcome_project,
            }),
            Request::ListProjects => Response::Projects(vec![ProjectSummary {
                id: self.project.id,
                name: "Fleet health".to_owned(),
                changed_ms: 1_772_373_807_412,
                num_nodes: 3,
            }]),
            Request::ListSamples => Response::Samples(self.samples.clone()),
            Request::ImportProject { text, folder } => {
                self.project = Project {
                    id: self.project.id + 1,
                    text: text.clone(),
                    folder: folder.clone(),
                    ..self.project.clone()
                };
                Response::Project(Box::new(self.project.clone()))
            }
            Request::OpenProject { .. } | Request::CreateProject { .. } => {
                Response::Project(Box::new(self.project.clone()))
            }
            Request::SaveDraft(draft) => {
                if let Some(failure) = &self.save_failure {
                    return Err(failure.clone());
                }
                assert_eq!(draft.version, self.project.version, "a draft builds on the version that the host has");
                self.project.version += 1;
                self.project.text.clone_from(&draft.text);
                self.project.steps.truncate(draft.keep_steps);
                self.project.steps.extend(draft.new_steps.iter().cloned());
                self.project.cursor = draft.cursor;
                Response::Saved { version: self.project.version }
            }
            Request::Check { text, .. } => {
                let (pipeline, _) = Pipeline::parse(text).expect("the designer writes pipelines");
                let mut checked = self.checked.clone();
                checked.diagnostics.extend(millrace_model::check::check(&pipeline, &self.catalog));
                checked.nodes = ports_of(&pipeline, &self.catalog, &self.has);
                Response::Checked(checked)
            }
            Request::StartRun { text, .. } => match &self.start_failure {
                Some(failure) => return Err(failure.clone()),
                None => {
                    self.runs = Some(text.clone());
                    Response::RunStarted { run: 7 }
                }
            },
            Request::EditRun { text, apply, .. } => {
                if self.runs.as_ref() == Some(text) {
                    return Ok(Response::EditCost(EditCost::Nothing));
                }
                if *apply {
                    self.runs = Some(text.clone());
                }
                let id = "devices".parse().expect("an id");
                let restart = NodeRestart { node: id, title: "Devices".to_owned(), state: StateFate::None };
                Response::EditCost(EditCost::Nodes { nodes: vec![restart] })
            }
            Request::Poll(poll) => match &mut self.polled {
                Some(polled) => Response::Polled(polled(poll)),
                None => return Err(Failure::new(millrace_protocol::FailureCode::NotFound, "There is no such run.")),
            },
            Request::ListRevisions { .. } => self.list_revisions(),
            Request::SaveRevision { name, .. } => {
                let id = 100 + self.revisions.len() as i64;
                let revision = Revision { id, name: name.clone(), saved_ms: 1_772_373_900_000, since: None };
                self.revisions.insert(0, (revision, self.project.text.clone()));
                self.list_revisions()
            }
            Request::RenameRevision { revision, name, .. } => {
                self.revisions
                    .iter_mut()
                    .filter(|(it, _)| it.id == *revision)
                    .for_each(|(it, _)| it.name.clone_from(name));
                self.list_revisions()
            }
            Request::ReadRevision { revision, .. } => {
                let known = self.revisions.iter().find(|(it, _)| it.id == *revision);
                Response::Text(known.expect("only what was listed is read").1.clone())
            }
            Request::ListCaptures { .. } => Response::Captures(self.captures.clone()),
            Request::RenameCapture { capture, name, .. } => {
                self.captures.iter_mut().filter(|it| it.id == *capture).for_each(|it| it.name.clone_from(name));
                Response::Captures(self.captures.clone())
            }
            Request::DeleteCapture { capture, .. } => {
                self.captures.retain(|it| it.id != *capture);
                Response::Captures(self.captures.clone())
            }
            Request::SaveTest { path, .. } => Response::Text(format!("{path}\n/somewhere/else")),
            Request::ExampleRow { .. } => Response::Text(r#"{"device": "d7", "temperature": 31.5}"#.to_owned()),
            Request::InjectRows { .. } => match &self.inject_failure {
                Some(failure) => return Err(failure.clone()),
                None => Response::Done,
            },
            Request::ReadSetting { name } => Response::Setting(self.settings.get(name).cloned()),
            Request::WriteSetting { name, value } => {
                self.settings.insert(name.clone(), value.clone());
                Response::Done
            }
            _ => Response::Done,
        })
    }
}

/// The designer's end of the wire to a [`Host`].
pub struct FakeLink(pub Rc<RefCell<Host>>);

impl Link for FakeLink {
    fn send(&mut self, call: Call) {
        let mut host = self.0.borrow_mut();
        if host.state == LinkState::Open {
            let result = host.answer(&call.request);
            let is_held = host.holds.is_some_and(|holds| holds(&call.request));
            host.heard.push(call.request);
            let answer = ServerMessage::Answer { id: call.id, result };
            if is_held { host.held.push(answer) } else { host.answers.push(answer) }
        }
    }

    fn receive(&mut self) -> Vec<ServerMessage> {
        std::mem::take(&mut self.0.borrow_mut().answers)
    }

    fn state(&self) -> LinkState {
        self.0.borrow().state.clone()
    }

    fn open_dialog(&mut self, request: DialogRequest) {
        self.0.borrow_mut().dialogs.push(request);
    }

    fn take_picked(&mut self) -> Vec<Picked> {
        std::mem::take(&mut self.0.borrow_mut().picked)
    }

    fn download(&mut self, name: &str, bytes: &[u8]) {
        self.0.borrow_mut().downloads.push((name.to_owned(), bytes.to_vec()));
    }

    fn origin(&self) -> Option<String> {
        self.0.borrow().origin.clone()
    }

    fn now_ms(&self) -> f64 {
        self.0.borrow().now_ms
    }

    fn beats(&self) -> bool {
        self.0.borrow().beats
    }

    fn is_seen(&self) -> bool {
        self.0.borrow().is_seen
    }

    fn frame_cost_ms(&self) -> f64 {
        self.0.borrow().frame_cost_ms
    }
}

fn ports_of(
    pipeline: &Pipeline,
    catalog: &Catalog,
    has: &BTreeMap<String, Vec<RowTrait>>,
) -> BTreeMap<millrace_model::NodeId, NodePorts> {
    let column = |name: &str, data_type: &str| Column { name: name.to_owned(), data_type: data_type.to_owned() };
    let columns = vec![column("time", "time"), column("device", "text"), column("temperature", "number")];
    let usual = vec![RowTrait::EventTime, RowTrait::Number, RowTrait::Text];
    pipeline
        .nodes()
        .map(|node| {
            let has = has.get(node.id.as_str()).unwrap_or(&usual);
            let schema = |port: millrace_model::Port| PortSchema {
                name: port.name,
                role: port.role,
                columns: Some(columns.clone()),
                event_time: has.contains(&RowTrait::EventTime).then(|| "time".to_owned()),
                has: has.clone(),
            };
            let (inputs, outputs) = catalog.ports_of(pipeline, node);
            let inputs = inputs.into_iter().map(schema).collect();
            let outputs = outputs.into_iter().map(schema).collect();
            (node.id.clone(), NodePorts { inputs, outputs })
        })
        .collect()
}

fn card(kind: &str, title: &str, icon: &str, summary: &str) -> NodeCard {
    NodeCard {
        kind: kind.to_owned(),
        section: Section::of_kind(kind).expect("kinds start with a section"),
        title: title.to_owned(),
        summary: summary.to_owned(),
        help: format!("{summary}\n\nA node of the test catalog."),
        icon: icon.to_owned(),
        form: Form::default(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        headline: None,
        is_source: false,
        has_view: false,
        nesting: None,
        can_bypass: false,
    }
}

fn field(name: &str, kind: FieldKind, required: bool) -> Field {
    Field {
        keeps_state: false,
        name: name.to_owned(),
        title: millrace_model::card::title_of(name),
        help: "A param of the test catalog.".to_owned(),
        required,
        default: None,
        kind,
    }
}

pub fn catalog() -> Catalog {
    let rows = || PortCard::rows("The rows.");
    let mut devices =
        card("ingest.simulate_devices", "Simulate devices", "cpu", "A fleet of devices that do not exist.");
    devices.outputs = vec![rows()];
    devices.is_source = true;
    devices.headline = Some("fleet".to_owned());
    devices.form.fields = vec![
        field("fleet", FieldKind::Text { multiline: false }, false),
        field("rate", FieldKind::Integer { min: None, max: None }, false),
    ];
    let mut file = card("ingest.file", "File", "file-text", "Rows of files.");
    file.outputs = vec![rows(), PortCard::rejected()];
    file.is_source = true;
    file.form.fields = vec![field("path", FieldKind::Path, false)];
    file.headline = Some("path".to_owned());
    let mut filter = card("process.filter", "Filter", "funnel", "Keeps the rows that meet a condition.");
    filter.inputs = vec![rows()];
    filter.outputs = vec![rows(), PortCard::rejected()];
    filter.headline = Some("condition".to_owned());
    filter.form.fields = vec![field("condition", FieldKind::Expression { aggregate: false }, true)];
    let mut timestamp =
        card("process.parse_timestamp", "Parse timestamp", "clock", "Reads a time and starts event time.");
    timestamp.inputs = vec![rows().asking_for(&[RowTrait::Untimed])];
    timestamp.outputs = vec![rows().giving(&[RowTrait::EventTime]), PortCard::rejected()];
    timestamp.form.fields = vec![field("column", FieldKind::Column, true)];
    let mut union = card("process.union", "Union", "git-merge", "All rows of many inputs.");
    union.inputs = vec![rows().many_wires()];
    union.outputs = vec![rows()];
    let mut window =
        card("analyze.tumbling_window", "Tumbling window", "clock", "Aggregates per key and span of time.");
    window.inputs = vec![rows().needing(RowTrait::EventTime)];
    window.outputs = vec![rows(), PortCard::late()];
    window.headline = Some("size".to_owned());
    window.form.fields = vec![field("size", FieldKind::Duration, false)];
    let mut chart = card("visualize.line_chart", "Line chart", "chart-line", "Lines over time.");
    chart.inputs = vec![rows().asking_for(&[RowTrait::EventTime]).needing(RowTrait::Number)];
    chart.has_view = true;
    let mut table = card("visualize.table", "Table", "table", "The newest rows.");
    table.inputs = vec![rows()];
    table.has_view = true;
    let mut sqlite = card("store.sqlite", "SQLite", "database", "Rows into a table.");
    sqlite.inputs = vec![rows()];
    sqlite.headline = Some("table".to_owned());
    sqlite.form.fields = vec![field("table", FieldKind::Text { multiline: false }, false)];
    let mut discard = card("store.discard", "Discard", "trash", "Takes rows and keeps none.");
    discard.inputs = vec![rows()];
    let nesting = |kind: &str, title: &str, nesting| {
        let mut card = card(kind, title, "stack", "A part of a nested pipeline.");
        card.nesting = Some(nesting);
        if nesting != Nesting::Pipeline {
            (card.inputs, card.outputs) = (vec![rows()], vec![rows()]);
        }
        card
    };
    let nested = nesting("process.nested_pipeline", "Nested pipeline", Nesting::Pipeline);
    let input = nesting("process.nested_input", "Nested input", Nesting::Input);
    let output = nesting("process.nested_output", "Nested output", Nesting::Output);
    Catalog::new([
        devices, file, filter, timestamp, union, window, chart, table, sqlite, discard, nested, input, output,
    ])
}
