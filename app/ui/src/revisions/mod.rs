//! Revisions of the open project: the page at the side, and what differs between one of them and now.
//!
//! The texts are the host's; here is the one that is compared. The canvas draws what differs (`canvas/comparison.rs`).
//! Comparing changes nothing; going back to a revision is one edit like any other, so it can be undone.

mod detail;
mod dialog;
mod page;

use millrace_model::{Changes, Pipeline};
use millrace_protocol::Revision;

use crate::document::Document;
use crate::format;

pub(crate) use self::dialog::{NameDialog, NameOf};
pub(crate) use self::page::page_ui;

/// A revision that is held against what is drawn now.
#[derive(Debug)]
pub struct Compared {
    pub revision: i64,
    pub pipeline: Pipeline,
    /// What is other now than it was then.
    pub changes: Changes,
    /// The state of the document that the changes are of.
    generation: u64,
}

impl Compared {
    pub fn new(revision: i64, pipeline: Pipeline, document: &Document) -> Self {
        let changes = Changes::between(&pipeline, document.pipeline());
        Self { revision, pipeline, changes, generation: document.generation() }
    }

    /// Compares anew if the document was changed since.
    pub fn refresh(&mut self, document: &Document) {
        if self.generation != document.generation() {
            self.changes = Changes::between(&self.pipeline, document.pipeline());
            self.generation = document.generation();
        }
    }

    /// Tells this comparison from any other.
    pub fn key(&self) -> (i64, u64) {
        (self.revision, self.generation)
    }
}

/// What the person calls the revision: its name, or when it was kept.
pub(crate) fn title_of(revision: &Revision) -> String {
    if revision.name.is_empty() { format::minute(revision.saved_ms) } else { revision.name.clone() }
}
