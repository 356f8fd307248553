//! Projects: opening, making, importing, exporting, and files picked for params.

use millrace_model::NodeId;
use millrace_protocol::{Checked, Project, ProjectId, ProjectSummary, Request};
use serde_json::Value;

use super::{Pending, Session};
use crate::document::{Document, param_edit};
use crate::format;
use crate::link::{DialogPurpose, DialogRequest, Picked, PickedFile};
use crate::live::Live;

/// The last part of a pipeline file's name.
const EXTENSION: &str = "millrace.json";

impl Session {
    pub fn show_projects(&mut self) {
        self.shows_projects = true;
        self.send(Request::ListProjects, Pending::Projects);
    }

    pub fn open_project(&mut self, project: ProjectId) {
        if self.document.as_ref().is_some_and(|document| document.project() == project) {
            self.shows_projects = false;
            return;
        }
        self.send_after_save(Request::OpenProject { project }, Pending::Open);
    }

    /// Opens the project that was asked for by its name; of several the one that was changed last.
    pub(super) fn open_wanted(&mut self, projects: Vec<ProjectSummary>) {
        let Some(name) = self.wanted_project.take() else { return };
        let named = projects.iter().filter(|project| project.name == name).max_by_key(|project| project.changed_ms);
        match named.map(|project| project.id) {
            Some(project) => self.send(Request::OpenProject { project }, Pending::Open),
            None => {
                self.projects = projects;
                self.shows_projects = true;
                self.say_error(format!("There is no project “{name}” here. Choose one of the list."));
            }
        }
    }

    /// Whether a page can be linked to that shows a dashboard of the open project.
    pub fn can_link(&self) -> bool {
        self.link.origin().is_some()
    }

    pub fn new_project(&mut self) {
        self.send_after_save(Request::CreateProject { name: "New pipeline".to_owned() }, Pending::Open);
    }

    /// Makes a project from the template of this name; its own name is one that no known project has.
    pub fn use_template(&mut self, name: &str) {
        let Some(template) = self.templates.iter().find(|template| template.name() == name) else { return };
        let taken = |name: &str| self.projects.iter().any(|project| project.name == name);
        let free = (2..).map(|number| format!("{name} {number}")).find(|name| !taken(name));
        let (text, folder) = match free.filter(|_| taken(name)) {
            Some(free) => (template.text_named(&free), template.folder()),
            None => (template.text_named(name), template.folder()),
        };
        self.send_after_save(Request::ImportProject { text, folder }, Pending::Open);
    }

    pub fn delete_project(&mut self, project: ProjectId) {
        self.send(Request::DeleteProject { project }, Pending::Deleted { project });
    }

    pub(super) fn deleted(&mut self, project: ProjectId) {
        self.say("Project deleted.".to_owned());
        self.drop_desk(project);
        if self.document.as_ref().is_some_and(|document| document.project() == project) {
            self.document = None;
            self.live = Live::default();
            self.shows_projects = true;
        }
        self.send(Request::ListProjects, Pending::Projects);
    }

    pub(super) fn opened(&mut self, project: Project) {
        let run = project.run;
        let id = project.id;
        match Document::open(project) {
            Ok(document) => {
                let is_same = self.document.as_ref().is_some_and(|document| document.project() == id);
                if !is_same {
                    self.live = Live::default();
                }
                self.live.see(document.pipeline(), &self.catalog);
                self.document = Some(document);
                self.compared = None;
                self.has_conflict = false;
                self.shows_projects = false;
                self.save_due = None;
                self.check_due = Some(self.now_ms());
                self.checked_generation = None;
                if !is_same {
                    self.revisions = None;
                    self.captures = None;
                    self.list_captures();
                    self.ask_desk(id);
                    self.checked = Checked::default();
                }
                if let Some(run) = run.filter(|run| self.live.run != Some(*run)) {
                    self.live.follow(run);
                    self.poll_due = Some(self.now_ms());
                }
            }
            Err(error) => {
                self.show_projects();
                self.say_error(format!("This project cannot be opened. {error}"));
            }
        }
    }

    pub fn import(&mut self) {
        self.link.open_dialog(DialogRequest {
            purpose: DialogPurpose::ImportPipeline,
            save: false,
            title: "Import a pipeline".to_owned(),
            suggested_name: None,
            extension: Some("json".to_owned()),
        });
    }

    /// On the desktop asks where to; in a browser hands over the file.
    pub fn export(&mut self) {
        let Some(document) = &self.document else { return };
        let name = file_name(document.name());
        let (project, text) = (document.project(), document.pipeline().to_text());
        if self.is_local {
            self.link.open_dialog(DialogRequest {
                purpose: DialogPurpose::ExportPipeline { project },
                save: true,
                title: "Export the pipeline".to_owned(),
                suggested_name: Some(name),
                extension: Some("json".to_owned()),
            });
        } else {
            self.link.download(&name, text.as_bytes());
        }
    }

    /// Asks for a file to be the value of a param.
    pub fn pick_path(&mut self, node: NodeId, param: String, save: bool) {
        self.link.open_dialog(DialogRequest {
            title: if save { "Choose where to write" } else { "Choose a file" }.to_owned(),
            purpose: DialogPurpose::ParamPath { node, param },
            save,
            suggested_name: None,
            extension: None,
        });
    }

    pub(super) fn take_picked(&mut self) {
        for picked in self.link.take_picked() {
            match (picked.purpose, picked.file) {
                (DialogPurpose::ImportPipeline, PickedFile::Path(path)) => {
                    self.send_after_save(Request::ImportFile { path }, Pending::Open);
                }
                (DialogPurpose::ImportPipeline, PickedFile::Text { text, .. }) => {
                    self.send_after_save(Request::ImportProject { text, folder: None }, Pending::Open);
                }
                (DialogPurpose::ExportPipeline { project }, PickedFile::Path(path)) => {
                    let done = Some(format!("Exported to {path}."));
                    self.send_after_save(Request::ExportFile { project, path }, Pending::Plain { done });
                }
                (DialogPurpose::SaveTest { capture }, PickedFile::Path(path)) => self.save_test(capture, path),
                (DialogPurpose::ParamPath { node, param }, PickedFile::Path(path)) => {
                    self.set_path(&node, &param, path);
                }
                (purpose, PickedFile::Text { name, .. }) => {
                    let picked = Picked { purpose, file: PickedFile::Path(name.clone()) };
                    self.refuse_upload(&picked, &name);
                }
            }
        }
    }

    fn refuse_upload(&mut self, picked: &Picked, name: &str) {
        let what = match picked.purpose {
            DialogPurpose::ParamPath { .. } => "as a setting: type the path of a file on the host's machine",
            _ => "here",
        };
        self.say_error(format!("“{name}” is on your machine and cannot be used {what}."));
    }

    fn set_path(&mut self, node: &NodeId, param: &str, path: String) {
        let Some(document) = &mut self.document else { return };
        let path = match document.folder() {
            Some(folder) => relative_to(folder, &path),
            None => path,
        };
        let edit = param_edit(document.pipeline(), node, param, Some(Value::from(path)));
        let done = edit.map(|edit| document.perform("Choose a file", vec![edit], None));
        match done {
            Some(Ok(())) => self.edited(),
            Some(Err(error)) => self.say_error(error.to_string()),
            None => self.say_error(format!("The node `{node}` no longer has the setting `{param}`.")),
        }
    }
}

/// A file inside the project's folder is named from there, so that the project can be moved.
fn relative_to(folder: &str, path: &str) -> String {
    let inside = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix(['/', '\\']));
    inside.filter(|rest| !rest.is_empty()).unwrap_or(path).to_owned()
}

/// `Fleet health` → `fleet-health.millrace.json`.
fn file_name(name: &str) -> String {
    let stem = format::file_stem(name).unwrap_or_else(|| "pipeline".to_owned());
    format!("{stem}.{EXTENSION}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exported_files_are_named_after_the_pipeline() {
        assert_eq!(file_name("Fleet health (new)"), "fleet-health-new.millrace.json");
        assert_eq!(file_name("…"), "pipeline.millrace.json");
    }

    #[test]
    fn files_in_the_projects_folder_are_named_from_there() {
        assert_eq!(relative_to("/home/a/project", "/home/a/project/data/x.csv"), "data/x.csv");
        assert_eq!(relative_to("/home/a/project", "/home/a/projects/x.csv"), "/home/a/projects/x.csv");
    }
}
