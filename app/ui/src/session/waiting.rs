//! What is being waited for: said when it takes long, and given up when the person wants that.

use millrace_protocol::Request;

use super::{Pending, Session};

/// What takes no longer than this is not worth a word.
const LONG_MS: f64 = 500.0;

/// An answer that has not come for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The call, for [`Session::give_up`].
    pub call: u64,
    /// `Opening the project…`
    pub words: &'static str,
}

impl Pending {
    /// What is said while the answer is long in coming; nothing for what goes on by itself.
    fn words(&self) -> Option<&'static str> {
        match self {
            Self::Projects | Self::WantedProject => Some("Listing the projects…"),
            Self::Open | Self::Rebase => Some("Opening the project…"),
            Self::Start => Some("Starting the run…"),
            Self::EditRun { apply: true, .. } => Some("Bringing the changes into the run…"),
            Self::RecentRows { .. } | Self::ExampleRow => Some("Reading rows…"),
            Self::View { .. } => Some("Drawing the picture…"),
            Self::Revisions { .. } | Self::RevisionText { .. } => Some("Reading the revision…"),
            Self::TestSaved => Some("Making the test…"),
            Self::Deleted { .. } => Some("Deleting the project…"),
            Self::Injected => Some("Putting the rows on the wire…"),
            Self::Plain { done: Some(_) } => Some("Working…"),
            Self::Hello
            | Self::Samples
            | Self::Save { .. }
            | Self::Check { .. }
            | Self::StartGivenUp
            | Self::Stop
            | Self::EditRun { .. }
            | Self::Poll { .. }
            | Self::Theme
            | Self::Tour
            | Self::Setting(_)
            | Self::Desk { .. }
            | Self::Captures { .. }
            | Self::Plain { done: None } => None,
        }
    }
}

impl Session {
    /// What has been waited for longest, if that is long.
    pub fn waiting(&self) -> Option<Waiting> {
        let now = self.now_ms();
        let is_long = |since_ms: f64| now - since_ms >= LONG_MS;
        let mut calls = self.pending.iter().filter(|(_, (since_ms, _))| is_long(*since_ms));
        calls.find_map(|(call, (_, pending))| Some(Waiting { call: *call, words: pending.words()? }))
    }

    /// Waits for this answer no longer. A run that starts all the same is stopped at once.
    pub fn give_up(&mut self, call: u64) {
        let Some((since_ms, pending)) = self.pending.remove(&call) else { return };
        if matches!(pending, Pending::Start) {
            self.live.is_starting = false;
            self.pending.insert(call, (since_ms, Pending::StartGivenUp));
        }
    }

    pub(super) fn stop_given_up(&mut self, run: millrace_protocol::RunId) {
        self.send(Request::StopRun { run, now: true }, Pending::Plain { done: None });
    }
}
