//! Saving: every edit reaches the host within a second, and what could not be saved is said and tried again.

use millrace_protocol::{Failure, FailureCode, Project, ProjectId, Request, Response};

use super::{CHECK_DELAY_MS, Pending, RETRY_DELAY_MS, SAVE_DELAY_MS, Session};
use crate::document::PendingSave;

impl Session {
    /// The document was changed: it is to be checked and saved soon.
    pub fn edited(&mut self) {
        let now = self.now_ms();
        if let Some(document) = &self.document {
            self.live.see(document.pipeline(), &self.catalog);
        }
        self.check_due = Some(now + CHECK_DELAY_MS);
        if self.save_due.is_none() && !self.is_saving() {
            self.save_due = Some(now + SAVE_DELAY_MS);
        }
    }

    fn is_saving(&self) -> bool {
        self.pending.values().any(|(_, pending)| matches!(pending, Pending::Save { .. } | Pending::Rebase))
    }

    pub(super) fn save_if_due(&mut self, now: f64) {
        let Some(document) = &self.document else { return };
        if !document.is_dirty() {
            self.save_due = None;
            if let Some((request, pending)) = self.after_save.take() {
                self.send(request, pending);
            }
            return;
        }
        if self.save_due.is_none_or(|due| due > now) || self.is_saving() || self.has_conflict {
            return;
        }
        self.save_due = None;
        let project = document.project();
        let (draft, save) = document.draft();
        self.send(Request::SaveDraft(draft), Pending::Save { project, save });
    }

    /// Sends `request` once the draft is saved, which is done at once.
    pub(super) fn send_after_save(&mut self, request: Request, pending: Pending) {
        match self.document.as_ref().filter(|document| document.is_dirty()) {
            None => self.send(request, pending),
            Some(_) => {
                self.after_save = Some((request, pending));
                self.save_due = Some(self.now_ms());
            }
        }
    }

    pub(super) fn save_answered(&mut self, project: ProjectId, save: PendingSave, result: Result<Response, Failure>) {
        let now = self.now_ms();
        let Some(document) = self.document.as_mut().filter(|document| document.project() == project) else { return };
        let failure = match result {
            Ok(Response::Saved { version }) => {
                document.saved(save, version);
                if document.is_dirty() {
                    self.save_due = Some(now + SAVE_DELAY_MS);
                }
                return;
            }
            Ok(_) => Failure::new(FailureCode::Internal, "Whether the draft is saved is not known; it is tried again."),
            Err(failure) => failure,
        };
        document.save_failed(failure.message.as_str());
        if failure.code == FailureCode::Conflict {
            self.has_conflict = true;
        } else {
            self.save_due = Some(now + RETRY_DELAY_MS);
        }
        if self.after_save.take().is_some() {
            self.say_error(format!("First this project must be saved, and that failed: {}", failure.message));
        }
    }

    /// After a conflict: keeps what is here and saves it over the other, or loads the other.
    pub fn resolve_conflict(&mut self, keep_mine: bool) {
        let Some(project) = self.document.as_ref().map(|document| document.project()) else { return };
        let pending = if keep_mine { Pending::Rebase } else { Pending::Open };
        self.send(Request::OpenProject { project }, pending);
    }

    pub(super) fn rebase(&mut self, project: &Project) {
        let now = self.now_ms();
        if let Some(document) = self.document.as_mut().filter(|document| document.project() == project.id) {
            document.rebase(project);
            self.has_conflict = false;
            self.save_due = Some(now);
        }
    }
}
