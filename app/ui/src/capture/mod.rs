//! Captures and rows put on a wire by hand, as a person sees them: the list of captures with replay and tests, what the
//! bar and the menu of a wire offer, the banner of a replay, the form for rows.
//!
//! It draws and pushes [`CaptureWish`]es; the talk with the host is in `session/capturing.rs`. Invariant: nothing here
//! touches the pipeline, and no wish of it enters the history.

mod bar;
mod form;
mod list;

use millrace_model::Wire;
use millrace_model::run::Tempo;
use millrace_protocol::{Capture, CaptureId, Replay};

use crate::context::ViewContext;

pub(crate) use bar::{bar_ui, replay_banner_ui, wire_tools_ui};
pub(crate) use form::InjectForm;
pub(crate) use list::{list_ui, tools_ui};

/// A wish about captures, or about rows that are put on a wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaptureWish {
    /// Opens the list.
    Show,
    /// Captures what the sources give, and starts a run where none goes on; ends the capture that goes on.
    Toggle,
    /// Captures what goes over a wire; the selected one where none is named.
    Wire(Option<Wire>),
    Replay(Replay),
    /// Asks for a name; `name` is the one that it has.
    AskName {
        capture: CaptureId,
        name: String,
    },
    Rename {
        capture: CaptureId,
        name: String,
    },
    Delete(CaptureId),
    /// Asks where to, then makes a pipeline test of it.
    SaveTest(CaptureId),
    /// Opens the form for rows of a wire; of the selected one where none is named.
    AskRows(Option<Wire>),
    /// Adds the newest row of the wire to the form.
    NewestRow,
    /// Puts the rows of the form on its wire.
    Inject,
}

/// The tempos that are offered, the usual one first.
pub(crate) const TEMPOS: [Tempo; 5] =
    [Tempo::Times(1), Tempo::Times(2), Tempo::Times(10), Tempo::AtOnce, Tempo::StepByStep];

/// Why no test can be made of a capture here.
pub(crate) fn test_refusal(capture: &Capture, is_local: bool) -> Option<&'static str> {
    if !is_local {
        Some("Only the desktop program writes tests. Export the pipeline and use `millrace record` for one.")
    } else if capture.of_wire.is_some() {
        Some("A test gives rows to sources, and this capture is of one wire. Capture the sources instead.")
    } else {
        None
    }
}

/// What was captured: `sources`, or the wire.
fn place_of(cx: &ViewContext<'_>, wire: Option<&Wire>) -> String {
    match wire {
        Some(wire) => {
            let drawn = cx.live.drawn(wire);
            format!("{} → {}", cx.title_of(&drawn.from.node), cx.title_of(&drawn.to.node))
        }
        None => "Sources".to_owned(),
    }
}
