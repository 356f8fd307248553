//! Which wires of a run somebody looks at. A tap costs memory, so it is dropped soon after nobody asks for it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use millrace_model::Wire;

/// How long a tap stays without being asked for.
const LIFETIME: Duration = Duration::from_secs(5);

/// The tapped wires and when each was last asked for.
#[derive(Debug, Default)]
pub(crate) struct Taps {
    asked: BTreeMap<Wire, Instant>,
}

impl Taps {
    /// Notes that `wire` is wanted; true when it was not before.
    pub(crate) fn want(&mut self, wire: &Wire, now: Instant) -> bool {
        self.asked.insert(wire.clone(), now).is_none()
    }

    /// Forgets the wires that nobody has asked for lately, and gives them.
    pub(crate) fn take_unwanted(&mut self, now: Instant) -> Vec<Wire> {
        let is_unwanted = |asked: &Instant| now.saturating_duration_since(*asked) > LIFETIME;
        self.asked.extract_if(.., |_, asked| is_unwanted(asked)).map(|(wire, _)| wire).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tap_that_nobody_asks_for_is_dropped_after_five_seconds_and_the_others_stay() {
        let wire = |from: &str| {
            Wire::new(format!("{from}.rows").parse().expect("a port"), "end.rows".parse().expect("a port"))
        };
        let (kept, dropped) = (wire("kept"), wire("dropped"));
        let start = Instant::now();
        let at = |secs: u64| start + Duration::from_secs(secs);
        let mut taps = Taps::default();
        assert!(taps.want(&kept, at(0)) && taps.want(&dropped, at(0)));
        assert!(!taps.want(&kept, at(4)));
        assert_eq!(taps.take_unwanted(at(5)), []);
        assert_eq!(taps.take_unwanted(at(6)), std::slice::from_ref(&dropped));
        assert!(taps.want(&dropped, at(7)), "asked for again, it is new");
    }
}
