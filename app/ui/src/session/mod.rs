//! The talk with the host: what was asked, what was answered, what is due.
//!
//! [`Session::tick`] runs once a frame, takes in what came and sends what is due. Time comes from the link, so tests set
//! it. The session draws nothing.

mod capturing;
mod desk;
mod notices;
mod projects;
mod revisions;
mod running;
mod saving;
mod waiting;

use std::collections::BTreeMap;

use millrace_model::{Catalog, Filters, NodeId};
use millrace_protocol::{
    Call, Capture, Checked, Event, Failure, PROTOCOL_VERSION, ProjectId, ProjectSummary, Replay, Request, Response,
    Revision, ServerMessage, Welcome,
};
use serde_json::Value;

use self::desk::KeptDesk;
pub use self::notices::{Notice, Notices};
pub use self::waiting::{Wait, Waiting};
use crate::capture::InjectForm;
use crate::desk::Desk;
use crate::document::{Document, PendingSave};
use crate::editing::wiring::KnownRows;
use crate::link::{Link, LinkState};
use crate::live::Live;
use crate::revisions::Compared;
use crate::template::Template;

/// A check waits this long after the last edit.
const CHECK_DELAY_MS: f64 = 150.0;
/// A save waits this long after the first edit that is not saved.
const SAVE_DELAY_MS: f64 = 600.0;
/// A save that failed is tried again after this.
const RETRY_DELAY_MS: f64 = 2_000.0;
const POLL_INTERVAL_MS: f64 = 100.0;
/// Where drawing is dear and the run lacks cores, the run is looked at less and less often, until drawing takes one part in
/// so many.
const PARTS_FOR_DRAWING: f64 = 100.0;
const LONGEST_POLL_INTERVAL_MS: f64 = 1_500.0;
/// A run lacks cores when more threads than this wait for one, on average.
const CORE_WAIT: f64 = 0.01;
/// Once a run is over it is asked for pictures that came into view.
const IDLE_POLL_INTERVAL_MS: f64 = 1_000.0;
const THEME_SETTING: &str = "theme";

/// What an answer is to.
#[derive(Debug)]
enum Pending {
    Hello,
    Projects,
    /// What the person had before them in the project.
    Desk {
        project: ProjectId,
    },
    /// The list in which the wanted project is looked for.
    WantedProject,
    Samples,
    Open,
    /// The host's version after a conflict, to save over it.
    Rebase,
    Save {
        project: ProjectId,
        save: PendingSave,
    },
    Check {
        project: ProjectId,
        generation: u64,
    },
    Start,
    /// The person waits for the run no longer.
    StartGivenUp,
    Stop,
    /// What an edit of the running pipeline costs, or whether it was made.
    EditRun {
        generation: u64,
        apply: bool,
    },
    Poll {
        filters: Option<Filters>,
    },
    RecentRows {
        node: NodeId,
        port: String,
    },
    View {
        file_name: String,
    },
    Theme,
    /// Whether the tour was taken.
    Tour,
    /// Something else that was kept for the person.
    Setting(&'static str),
    /// The list, and what is then said.
    Revisions {
        project: ProjectId,
        done: Option<String>,
    },
    RevisionText {
        project: ProjectId,
        revision: i64,
    },
    Captures {
        project: ProjectId,
    },
    TestSaved,
    /// A row for the form.
    ExampleRow,
    /// Whether the rows of the form are on their wire.
    Injected,
    /// The project is there until the host has said that it is gone.
    Deleted {
        project: ProjectId,
    },
    /// Only its failure matters; else this is said.
    Plain {
        done: Option<String>,
    },
}

/// Everything the designer knows from the host, and the way to it.
pub struct Session {
    link: Box<dyn Link>,
    next_call: u64,
    /// When each was asked, and what its answer is to.
    pending: BTreeMap<u64, (f64, Pending)>,
    said_hello: bool,
    is_lost: bool,
    pub catalog: Catalog,
    pub is_local: bool,
    pub version: String,
    /// Why nothing can go on.
    pub fatal: Option<String>,
    pub document: Option<Document>,
    pub projects: Vec<ProjectSummary>,
    /// The name of the project to open as soon as the host is there.
    pub wanted_project: Option<String>,
    /// What projects may be begun from.
    pub templates: Vec<Template>,
    pub shows_projects: bool,
    /// The revisions of the open project; `None` before they were asked for.
    pub revisions: Option<Vec<Revision>>,
    /// The one that is held against what is drawn.
    pub compared: Option<Compared>,
    /// The captures of the open project, newest first; `None` before they were heard.
    pub captures: Option<Vec<Capture>>,
    /// What the last run that was started here was to give instead of what its sources give.
    replayed: Option<Replay>,
    /// The form for rows that go on a wire.
    pub(crate) injecting: Option<InjectForm>,
    pub checked: Checked,
    /// The state of the document that was checked.
    checked_generation: Option<u64>,
    pub live: Live,
    pub notices: Notices,
    /// The project was changed elsewhere, and the person must choose.
    pub has_conflict: bool,
    /// The theme that the person chose, once the host told; taken by the designer.
    pub wants_dark: Option<bool>,
    /// What the person had before them in the open project; taken by the designer.
    pub heard_desk: Option<Desk>,
    kept_desk: Option<KeptDesk>,
    /// What the host kept for the person; taken by the designer.
    pub heard_settings: Vec<(&'static str, Value)>,
    /// Nobody has taken the tour here yet; taken by the designer once a project is open.
    pub wants_tour: bool,
    /// The host refused to run: its faults are to be shown.
    pub wants_problems: bool,
    /// Rows have come that the person is to see.
    pub wants_data: bool,
    /// A capture was kept that the person is to see.
    pub wants_captures: bool,
    /// A request that waits until the draft is saved.
    after_save: Option<(Request, Pending)>,
    check_due: Option<f64>,
    save_due: Option<f64>,
    poll_due: Option<f64>,
    poll_interval_ms: f64,
}

impl Session {
    pub fn new(link: Box<dyn Link>) -> Self {
        Self {
            link,
            next_call: 1,
            pending: BTreeMap::new(),
            said_hello: false,
            is_lost: false,
            catalog: Catalog::default(),
            is_local: false,
            version: String::new(),
            fatal: None,
            document: None,
            projects: Vec::new(),
            wanted_project: None,
            templates: Vec::new(),
            shows_projects: false,
            revisions: None,
            compared: None,
            captures: None,
            replayed: None,
            injecting: None,
            checked: Checked::default(),
            checked_generation: None,
            live: Live::default(),
            notices: Notices::default(),
            has_conflict: false,
            wants_dark: None,
            heard_desk: None,
            kept_desk: None,
            heard_settings: Vec::new(),
            wants_tour: false,
            wants_problems: false,
            wants_data: false,
            wants_captures: false,
            after_save: None,
            check_due: None,
            save_due: None,
            poll_due: None,
            poll_interval_ms: POLL_INTERVAL_MS,
        }
    }

    pub fn now_ms(&self) -> f64 {
        self.link.now_ms()
    }

    pub fn link_state(&self) -> LinkState {
        self.link.state()
    }

    pub fn link(&mut self) -> &mut dyn Link {
        self.link.as_mut()
    }

    /// Whether the host has said what nodes there are.
    pub fn is_ready(&self) -> bool {
        !self.version.is_empty()
    }

    /// Takes in what came and sends what is due; [`Self::wait`] then says when to call it again.
    pub fn tick(&mut self, visible_views: &[NodeId]) {
        let now = self.now_ms();
        self.follow_link(now);
        for message in self.link.receive() {
            match message {
                ServerMessage::Answer { id, result } => {
                    if let Some((_, pending)) = self.pending.remove(&id) {
                        self.answered(pending, result);
                    }
                }
                ServerMessage::Event(event) => self.heard(event),
            }
        }
        self.take_picked();
        if self.is_open() {
            self.check_if_due(now);
            self.save_if_due(now);
            self.write_desk_if_due(now);
            self.poll_if_due(now, visible_views);
        }
        self.notices.expire(now);
    }

    fn is_open(&self) -> bool {
        self.link.state() == LinkState::Open
    }

    fn follow_link(&mut self, now: f64) {
        match self.link.state() {
            LinkState::Connecting => {}
            LinkState::Lost(_) => {
                if !self.is_lost {
                    self.is_lost = true;
                    self.pending.clear();
                    self.live.is_starting = false;
                }
                if let Some(document) = self.document.as_mut().filter(|document| document.is_dirty()) {
                    document.save_failed("The connection is lost. Your work is kept here until it is back.");
                }
            }
            LinkState::Open if !self.said_hello => {
                self.said_hello = true;
                self.send(Request::Hello, Pending::Hello);
            }
            LinkState::Open if self.is_lost => {
                self.is_lost = false;
                if !self.is_ready() {
                    self.send(Request::Hello, Pending::Hello);
                }
                self.check_due = Some(now);
                if self.document.as_ref().is_some_and(Document::is_dirty) {
                    self.save_due = Some(now);
                }
                if self.live.run.is_some() {
                    self.poll_due = Some(now);
                }
            }
            LinkState::Open => {}
        }
    }

    fn send(&mut self, request: Request, pending: Pending) {
        let id = self.next_call;
        self.next_call += 1;
        self.pending.insert(id, (self.now_ms(), pending));
        self.link.send(Call { id, request });
    }

    fn answered(&mut self, pending: Pending, result: Result<Response, Failure>) {
        match (pending, result) {
            (Pending::Hello, Ok(Response::Welcome(welcome))) => self.welcomed(welcome),
            (Pending::Hello, Err(failure)) => self.fatal = Some(failure.message),
            (Pending::Projects, Ok(Response::Projects(projects))) => self.projects = projects,
            (Pending::WantedProject, Ok(Response::Projects(projects))) => self.open_wanted(projects),
            (Pending::Samples, Ok(Response::Samples(samples))) => {
                self.templates =
                    samples.into_iter().filter_map(|sample| Template::read(sample, &self.catalog)).collect();
            }
            (Pending::Open, Ok(Response::Project(project))) => self.opened(*project),
            (Pending::Rebase, Ok(Response::Project(project))) => self.rebase(&project),
            (Pending::Save { project, save }, result) => self.save_answered(project, save, result),
            (Pending::Check { project, generation }, Ok(Response::Checked(checked))) => {
                let is_current = self
                    .document
                    .as_ref()
                    .is_some_and(|document| document.project() == project && document.generation() >= generation);
                if is_current {
                    self.checked = checked;
                    self.checked_generation = Some(generation);
                    self.ask_edit_cost();
                }
            }
            (Pending::Start, result) => self.start_answered(result),
            (Pending::StartGivenUp, Ok(Response::RunStarted { run })) => self.stop_given_up(run),
            (Pending::EditRun { generation, apply }, result) => self.edit_run_answered(generation, apply, result),
            (Pending::Poll { filters }, result) => self.poll_answered(filters.as_ref(), result),
            (Pending::RecentRows { node, port }, Ok(Response::Rows(Some(frame)))) => match frame.to_batch() {
                Ok(rows) => {
                    self.live.recent.insert((node, port), rows);
                }
                Err(error) => self.say_error(error.to_string()),
            },
            (Pending::RecentRows { .. }, Ok(Response::Rows(None))) => {
                self.say("No such rows have been kept yet.".to_owned());
            }
            (Pending::View { file_name }, Ok(Response::Image(bytes))) => self.link.download(&file_name, &bytes),
            (Pending::Theme, Ok(Response::Setting(Some(Value::String(theme))))) => {
                self.wants_dark = Some(theme != "light");
            }
            (Pending::Tour, Ok(Response::Setting(taken))) => self.wants_tour = taken.is_none(),
            (Pending::Desk { project }, Ok(Response::Setting(value))) => self.desk_answered(project, value.as_ref()),
            (Pending::Setting(name), Ok(Response::Setting(Some(value)))) => self.heard_settings.push((name, value)),
            (Pending::Theme | Pending::Tour | Pending::Setting(_), _) => {}
            (Pending::Revisions { project, done }, Ok(Response::Revisions(revisions))) => {
                self.revisions_answered(project, revisions, done);
            }
            (Pending::RevisionText { project, revision }, Ok(Response::Text(text))) => {
                self.revision_read(project, revision, &text);
            }
            (Pending::Captures { project }, Ok(Response::Captures(captures))) => {
                self.captures_answered(project, captures);
            }
            (Pending::TestSaved, Ok(Response::Text(paths))) => self.test_saved(&paths),
            (Pending::ExampleRow, result) => self.example_row_answered(result),
            (Pending::Injected, result) => self.injected(result),
            (Pending::Deleted { project }, Ok(_)) => self.deleted(project),
            (Pending::Plain { done: Some(text) }, Ok(_)) => self.say(text),
            (Pending::Plain { done: None } | Pending::Stop, Ok(_)) => {}
            (_, Err(failure)) => self.say_error(failure.message),
            (_, Ok(_)) => {
                self.say_error("The host gave an answer of another version. Update Millrace and try again.".to_owned());
            }
        }
    }

    fn welcomed(&mut self, welcome: Welcome) {
        if welcome.protocol != PROTOCOL_VERSION {
            self.fatal = Some(format!(
                "This designer speaks version {PROTOCOL_VERSION} of the protocol and the host (Millrace {}) version {}. \
                 Reload the page, or update Millrace.",
                welcome.version, welcome.protocol
            ));
            return;
        }
        self.catalog = welcome.catalog;
        self.is_local = welcome.is_local;
        self.version = welcome.version;
        self.send(Request::ReadSetting { name: THEME_SETTING.to_owned() }, Pending::Theme);
        let settings = [
            crate::apply::KEYS_SETTING,
            crate::apply::LOOK_SETTING,
            crate::apply::RECENT_KINDS_SETTING,
            crate::apply::FAVOURITE_KINDS_SETTING,
        ];
        for name in settings {
            self.send(Request::ReadSetting { name: name.to_owned() }, Pending::Setting(name));
        }
        self.send(Request::ReadSetting { name: crate::tour::SETTING.to_owned() }, Pending::Tour);
        self.send(Request::ListSamples, Pending::Samples);
        if self.wanted_project.is_some() {
            return self.send(Request::ListProjects, Pending::WantedProject);
        }
        match welcome.project {
            Some(project) => {
                self.send(Request::ListProjects, Pending::Projects);
                self.send(Request::OpenProject { project }, Pending::Open);
            }
            None => self.show_projects(),
        }
    }

    fn heard(&mut self, event: Event) {
        match event {
            Event::ProjectsChanged => {
                // Their names are asked for from elsewhere, too.
                self.send(Request::ListProjects, Pending::Projects);
            }
            Event::CapturesChanged { project } => {
                if self.document.as_ref().is_some_and(|document| document.project() == project) {
                    self.list_captures();
                }
            }
            Event::RunOver { run, .. } => {
                if self.live.run == Some(run) {
                    self.poll_due = Some(self.now_ms());
                }
            }
        }
    }

    /// What rows have; nothing while the last check is behind what is drawn.
    pub fn known_rows(&self) -> KnownRows<'_> {
        let is_current = self.document.as_ref().is_some_and(|it| self.checked_generation == Some(it.generation()));
        if is_current { KnownRows::of(&self.checked) } else { KnownRows::default() }
    }

    fn check_if_due(&mut self, now: f64) {
        if self.check_due.is_none_or(|due| due > now) {
            return;
        }
        self.check_due = None;
        if let Some(document) = &self.document {
            let (project, generation) = (document.project(), document.generation());
            let text = document.pipeline().to_text();
            self.send(Request::Check { project: Some(project), text }, Pending::Check { project, generation });
        }
    }

    pub fn remember_theme(&mut self, is_dark: bool) {
        let value = Value::from(if is_dark { "dark" } else { "light" });
        self.remember(THEME_SETTING, value);
    }

    /// Has the host keep something for the person.
    pub fn remember(&mut self, name: &str, value: Value) {
        self.send(Request::WriteSetting { name: name.to_owned(), value }, Pending::Plain { done: None });
    }

    /// Says something in passing.
    pub fn say(&mut self, text: String) {
        let now = self.now_ms();
        self.notices.add(text, false, now);
    }

    /// Says that something went wrong.
    pub fn say_error(&mut self, text: String) {
        let now = self.now_ms();
        self.notices.add(text, true, now);
    }
}
