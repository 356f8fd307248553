//! Revisions of the open project: listed, made, named, held against what is drawn, gone back to, copied.

use millrace_model::{Edit, Pipeline, difference};
use millrace_protocol::{ProjectId, Request, Revision};

use super::{Pending, Session};
use crate::document::Document;
use crate::revisions::Compared;

impl Session {
    fn project(&self) -> Option<ProjectId> {
        self.document.as_ref().map(Document::project)
    }

    /// Asks for the list, which then stands in [`Session::revisions`].
    pub fn list_revisions(&mut self) {
        if let Some(project) = self.project() {
            self.send_after_save(Request::ListRevisions { project }, Pending::Revisions { project, done: None });
        }
    }

    pub fn save_revision(&mut self, name: String) {
        let Some(project) = self.project() else { return };
        let done = Some(format!("Saved as revision “{name}”."));
        self.send_after_save(Request::SaveRevision { project, name }, Pending::Revisions { project, done });
    }

    pub fn rename_revision(&mut self, revision: i64, name: String) {
        let Some(project) = self.project() else { return };
        let done = Some(format!("The revision is now called “{name}”."));
        self.send(Request::RenameRevision { project, revision, name }, Pending::Revisions { project, done });
    }

    /// Holds a revision against what is drawn, or none.
    pub fn compare_with(&mut self, revision: Option<i64>) {
        match (revision, self.project()) {
            (Some(revision), Some(project)) => {
                self.send(Request::ReadRevision { project, revision }, Pending::RevisionText { project, revision });
            }
            _ => self.compared = None,
        }
    }

    pub(super) fn revisions_answered(&mut self, project: ProjectId, revisions: Vec<Revision>, done: Option<String>) {
        if self.project() == Some(project) {
            self.revisions = Some(revisions);
        }
        if let Some(text) = done {
            self.say(text);
        }
    }

    pub(super) fn revision_read(&mut self, project: ProjectId, revision: i64, text: &str) {
        let Some(document) = self.document.as_ref().filter(|document| document.project() == project) else { return };
        match Pipeline::parse(text) {
            Ok((pipeline, _)) => self.compared = Some(Compared::new(revision, pipeline, document)),
            Err(error) => self.say_error(format!("This revision cannot be read. {error}")),
        }
    }

    /// The edits that lead back to the compared revision.
    pub fn way_back(&self) -> Option<Vec<Edit>> {
        let (document, compared) = (self.document.as_ref()?, self.compared.as_ref()?);
        Some(difference(document.pipeline(), &compared.pipeline))
    }

    /// Makes a project of the compared revision, called after the pipeline and `title`, and opens it.
    pub fn copy_revision(&mut self, title: &str) {
        let (Some(document), Some(compared)) = (&self.document, &self.compared) else { return };
        let mut copy = compared.pipeline.clone();
        let name = format!("{} ({title})", copy.name());
        copy.apply(&[Edit::SetName { name }]).expect("a name can always be set");
        let request = Request::ImportProject { text: copy.to_text(), folder: document.folder().map(str::to_owned) };
        self.send_after_save(request, Pending::Open);
    }

    /// Brings the comparison up to what is drawn now; a comparison with another project ends.
    pub fn refresh_comparison(&mut self) {
        if let (Some(document), Some(compared)) = (&self.document, &mut self.compared) {
            compared.refresh(document);
        }
    }
}
