//! Captures and injected rows: asked for, listed, replayed, and made tests of.

use std::collections::BTreeMap;

use millrace_model::Wire;
use millrace_protocol::{Capture, CaptureId, Failure, ProjectId, Replay, Request, Response};

use super::{Pending, Session};
use crate::capture::InjectForm;
use crate::document::Document;
use crate::format;
use crate::link::{DialogPurpose, DialogRequest};

/// What the name of a test file ends with.
const TEST_SUFFIX: &str = ".millrace-test.json";

impl Session {
    /// Asks for the list, which then stands in [`Session::captures`].
    pub fn list_captures(&mut self) {
        if let Some(project) = self.document.as_ref().map(Document::project) {
            self.send(Request::ListCaptures { project }, Pending::Captures { project });
        }
    }

    /// Ends the capture that goes on; else captures the sources, of a new run where none goes on.
    pub fn toggle_capture(&mut self) {
        let Some(project) = self.document.as_ref().map(Document::project) else { return };
        match self.live.run.filter(|_| self.live.is_running()) {
            Some(run) if self.live.capturing.is_some() => {
                self.send(Request::EndCapture { run }, Pending::Captures { project });
            }
            Some(_) => self.capture_in_run(None),
            None => self.run_with(None, true),
        }
        self.poll_due = self.live.run.map(|_| self.now_ms());
    }

    /// Captures what goes over a drawn wire.
    pub fn capture_wire(&mut self, wire: &Wire) {
        let wire = self.live.carrier(wire).clone();
        self.capture_in_run(Some(wire));
    }

    fn capture_in_run(&mut self, wire: Option<Wire>) {
        if let Some(run) = self.live.run.filter(|_| self.live.is_running()) {
            self.send(Request::BeginCapture { run, wire }, Pending::Plain { done: None });
            self.poll_due = Some(self.now_ms());
        }
    }

    /// Runs what is drawn on what was captured.
    pub fn replay(&mut self, replay: Replay) {
        self.run_with(Some(replay), false);
    }

    pub(super) fn captures_answered(&mut self, project: ProjectId, captures: Vec<Capture>) {
        if self.document.as_ref().map(Document::project) != Some(project) {
            return;
        }
        let known = self.captures.as_ref().map(|known| known.iter().map(|capture| capture.id).max().unwrap_or(0));
        let is_new = |newest: &&Capture| known.is_some_and(|known| newest.id > known);
        if let Some(newest) = captures.first().filter(is_new) {
            let rows = format::counted(newest.num_rows, "row");
            let end = if newest.is_full { " It is full: what came after is not in it." } else { "" };
            self.say(format!("Captured {rows} as “{}”.{end}", newest.name));
            self.wants_captures = true;
        }
        self.captures = Some(captures);
    }

    pub fn rename_capture(&mut self, capture: CaptureId, name: String) {
        if let Some(project) = self.document.as_ref().map(Document::project) {
            self.send(Request::RenameCapture { project, capture, name }, Pending::Captures { project });
        }
    }

    pub fn delete_capture(&mut self, capture: CaptureId) {
        if let Some(project) = self.document.as_ref().map(Document::project) {
            self.send(Request::DeleteCapture { project, capture }, Pending::Captures { project });
        }
    }

    /// Asks where a test of the capture is to be written.
    pub fn ask_test_path(&mut self, capture: CaptureId) {
        let name = self.captures.iter().flatten().find(|known| known.id == capture).map(|known| known.name.as_str());
        let stem = format::file_stem(name.unwrap_or_default());
        self.link.open_dialog(DialogRequest {
            purpose: DialogPurpose::SaveTest { capture },
            save: true,
            title: "Save as test".to_owned(),
            suggested_name: Some(format!("{}{TEST_SUFFIX}", stem.unwrap_or_else(|| "capture".to_owned()))),
            extension: Some("json".to_owned()),
        });
    }

    pub(super) fn save_test(&mut self, capture: CaptureId, path: String) {
        let Some(document) = &self.document else { return };
        let (project, text) = (document.project(), document.pipeline().to_text());
        let request = Request::SaveTest { project, capture, text, parameters: BTreeMap::new(), path };
        self.send(request, Pending::TestSaved);
    }

    pub(super) fn test_saved(&mut self, paths: &str) {
        let test = paths.lines().next().unwrap_or_default();
        self.say(format!("Saved as a test. Run it with: millrace test {test}"));
    }

    /// Opens the form for rows of a drawn wire; `place` and `columns` are what it shows.
    pub fn ask_rows(&mut self, wire: Wire, place: String, columns: Vec<(String, String)>) {
        self.injecting = Some(InjectForm { wire: Some(wire), place, columns, ..InjectForm::default() });
        self.add_newest_row();
    }

    /// Adds the newest row of the wire to the form, or one that is made up.
    pub fn add_newest_row(&mut self) {
        let wire = self.injecting.as_ref().and_then(|form| form.wire.clone());
        if let (Some(wire), Some(run)) = (wire, self.live.run) {
            let wire = self.live.carrier(&wire).clone();
            self.send(Request::ExampleRow { run, wire }, Pending::ExampleRow);
        }
    }

    pub(super) fn example_row_answered(&mut self, result: Result<Response, Failure>) {
        let Some(form) = &mut self.injecting else { return };
        match result {
            Ok(Response::Text(line)) => form.add_line(&line),
            Ok(_) => {}
            Err(failure) => form.fault = Some(failure.message),
        }
    }

    /// Puts the rows of the form on its wire.
    pub fn inject(&mut self) {
        let (Some(form), Some(run)) = (&mut self.injecting, self.live.run) else { return };
        let Some(wire) = &form.wire else { return };
        form.is_sent = true;
        let (wire, rows) = (self.live.carrier(wire).clone(), form.text.clone());
        self.send(Request::InjectRows { run, wire, rows }, Pending::Injected);
        self.poll_due = Some(self.now_ms());
    }

    pub(super) fn injected(&mut self, result: Result<Response, Failure>) {
        let Some(form) = &mut self.injecting else { return };
        form.is_sent = false;
        match result {
            Ok(_) => {
                let rows = form.text.lines().filter(|line| !line.trim().is_empty()).count();
                self.injecting = None;
                self.say(format!("{} put on the wire.", format::counted(rows as u64, "row")));
            }
            Err(failure) => form.fault = Some(failure.message),
        }
    }
}
