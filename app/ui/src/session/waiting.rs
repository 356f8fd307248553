//! What is being waited for: said when it takes long, and given up when the person wants that. And for how long nothing is
//! to be done.

use millrace_protocol::Request;

use super::{KeptDesk, Pending, Session};

/// What takes no longer than this is not worth a word.
const LONG_MS: f64 = 500.0;

/// Where no answer wakes the designer, it looks for one so often.
const ANSWER_LOOK_MS: f64 = 50.0;

/// What is overdue is tried again after this, and not at once for ever.
const SHORTEST_BEAT_MS: f64 = 10.0;

/// In how many milliseconds there is something to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wait {
    /// That a person sees: by a frame.
    pub frame_ms: Option<f64>,
    /// That is only said to the host: by [`Designer::beat`](crate::Designer::beat), where the link has that called.
    pub beat_ms: Option<f64>,
}

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
    /// When there is something to do next, as far as that is known now.
    pub fn wait(&self) -> Wait {
        let now = self.now_ms();
        let first = |dues: &[Option<f64>]| dues.iter().copied().flatten().reduce(f64::min);
        let desk_due = self.kept_desk.as_ref().and_then(KeptDesk::due);
        let poll_due = self.poll_due.filter(|_| !self.is_polling() && self.link.is_seen());
        let beat = first(&[self.check_due, self.save_due, poll_due, desk_due]).filter(|_| self.is_open());
        let frame = first(&[self.notices.next_end_ms(), self.long_wait_due(now)]);
        let wait = |due: Option<f64>| due.map(|due| (due - now).max(1.0));
        if self.link.beats() {
            return Wait { frame_ms: wait(frame), beat_ms: wait(beat).map(|wait| wait.max(SHORTEST_BEAT_MS)) };
        }
        // An answer may come without waking us.
        let answer = (!self.pending.is_empty() || !self.said_hello).then_some(now + ANSWER_LOOK_MS);
        Wait { frame_ms: wait(first(&[frame, beat, answer])), beat_ms: None }
    }

    /// When it has to be said that an answer is long in coming.
    fn long_wait_due(&self, now: f64) -> Option<f64> {
        let told = self.pending.values().filter(|(_, pending)| pending.words().is_some());
        told.map(|(since_ms, _)| since_ms + LONG_MS).filter(|due| *due > now).reduce(f64::min)
    }

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
