//! The desk of the open project: asked for when it is opened, written a moment after it has changed.

use millrace_protocol::{ProjectId, Request};
use serde_json::Value;

use super::{Pending, SAVE_DELAY_MS, Session};
use crate::desk::Desk;

/// What the host keeps, or is to keep, of the open project's desk.
#[derive(Debug)]
pub(super) struct KeptDesk {
    project: ProjectId,
    /// None: the host keeps none, and the project has not been looked at yet.
    desk: Option<Desk>,
    /// When it is to be written; none: the host has it.
    due: Option<f64>,
}

impl KeptDesk {
    pub fn due(&self) -> Option<f64> {
        self.due
    }
}

impl Session {
    /// The desk of a project that was opened just now. Until it was heard, nothing is written over it.
    pub(super) fn ask_desk(&mut self, project: ProjectId) {
        self.write_desk_if_due(f64::INFINITY);
        (self.kept_desk, self.heard_desk) = (None, None);
        self.send(Request::ReadSetting { name: Desk::setting(project) }, Pending::Desk { project });
    }

    pub(super) fn desk_answered(&mut self, project: ProjectId, value: Option<&Value>) {
        let Some(document) = self.document.as_ref().filter(|document| document.project() == project) else { return };
        let heard = value.map(|value| Desk::from_value(value, document.pipeline()));
        if let Some(desk) = &heard {
            self.live.marks.clone_from(&desk.marks);
        }
        self.kept_desk = Some(KeptDesk { project, desk: heard.clone(), due: None });
        self.heard_desk = heard;
    }

    /// Has the host keep the desk as it is now, if the person has changed anything of it.
    pub fn keep_desk(&mut self, desk: Desk) {
        let due = self.now_ms() + SAVE_DELAY_MS;
        let Some(kept) = self.kept_desk.as_mut().filter(|kept| kept.desk.as_ref() != Some(&desk)) else { return };
        if kept.desk.replace(desk).is_some() {
            kept.due.get_or_insert(due);
        }
    }

    pub(super) fn write_desk_if_due(&mut self, now: f64) {
        let Some(kept) = self.kept_desk.as_mut().filter(|kept| kept.due.is_some_and(|due| due <= now)) else { return };
        kept.due = None;
        let (name, value) = (Desk::setting(kept.project), kept.desk.as_ref().map(Desk::to_value));
        self.remember(&name, value.unwrap_or_default());
    }

    /// Forgets the desk of a project that is deleted.
    pub(super) fn drop_desk(&mut self, project: ProjectId) {
        self.kept_desk = self.kept_desk.take().filter(|kept| kept.project != project);
        self.remember(&Desk::setting(project), Value::Null);
    }
}
