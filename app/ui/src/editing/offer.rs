//! Which nodes are offered first where one is picked: by what the rows at hand have, then by what the person took last.
//!
//! Nothing is left out for it. A node that lacks something stands at the end, with the word for what it lacks.

use std::cmp::Reverse;

use millrace_model::{NodeCard, Params, RowTrait};
use serde_json::Value;

use crate::favourites::kinds_in;

/// How many kinds are remembered.
const MOST: usize = 12;

/// The kinds that were added last, the newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecentKinds(Vec<String>);

impl RecentKinds {
    pub fn note(&mut self, kind: &str) {
        self.0.retain(|known| known != kind);
        self.0.insert(0, kind.to_owned());
        self.0.truncate(MOST);
    }

    /// How many were added after this kind; those not remembered come after all others.
    fn age(&self, kind: &str) -> usize {
        self.0.iter().position(|known| known == kind).unwrap_or(MOST)
    }

    pub fn to_value(&self) -> Value {
        self.0.clone().into()
    }

    /// Reads a setting; what is no kind is passed over.
    pub fn from_value(value: &Value) -> Self {
        Self(kinds_in(value).take(MOST).collect())
    }
}

/// What is known of the place that a node is picked for.
#[derive(Debug, Clone, Default)]
pub struct Offer {
    /// What the rows that will flow into the node have; `None` where there are none, or nothing is known of them.
    pub rows: Option<Vec<RowTrait>>,
    pub recent: RecentKinds,
}

impl Offer {
    /// What the rows lack for a node of this card, for the person.
    pub fn lack(&self, card: &NodeCard) -> Option<&'static str> {
        let lack = card.inputs.first()?.lack(self.rows.as_ref()?, &Params::new())?;
        Some(lack.lack())
    }

    /// Smaller comes first: what fits, then what is made for such rows, then what was taken last, then by section.
    pub fn order(&self, card: &NodeCard) -> impl Ord + use<> {
        let num_met =
            self.rows.as_ref().map_or(0, |rows| asked(card).iter().filter(|wanted| rows.contains(wanted)).count());
        (self.lack(card).is_some(), Reverse(num_met), self.recent.age(&card.kind), card.section)
    }
}

/// What the input that a new wire goes to asks for.
fn asked(card: &NodeCard) -> &[RowTrait] {
    card.inputs.first().map_or(&[], |port| &port.asks_for)
}

#[cfg(test)]
mod tests {
    use millrace_model::{Form, PortCard, Section};

    use super::*;

    fn card(kind: &str, input: PortCard) -> NodeCard {
        NodeCard {
            kind: kind.to_owned(),
            section: Section::of_kind(kind).expect("kinds start with a section"),
            title: kind.to_owned(),
            summary: String::new(),
            help: String::new(),
            icon: String::new(),
            form: Form::default(),
            inputs: vec![input],
            outputs: Vec::new(),
            headline: None,
            is_source: false,
            has_view: false,
            nesting: None,
            can_bypass: false,
        }
    }

    fn cards() -> Vec<NodeCard> {
        let rows = || PortCard::rows("");
        vec![
            card("process.filter", rows()),
            card("process.flatten", rows().needing(RowTrait::Nested)),
            card("process.parse_text", rows().asking_for(&[RowTrait::RawText, RowTrait::Untimed])),
            card("analyze.tumbling_window", rows().needing(RowTrait::EventTime)),
            card("visualize.line_chart", rows().asking_for(&[RowTrait::EventTime]).needing(RowTrait::Number)),
            card("visualize.table", rows()),
        ]
    }

    fn offered(offer: &Offer) -> Vec<String> {
        let mut cards = cards();
        cards.sort_by_key(|card| offer.order(card));
        cards.into_iter().map(|card| card.kind).collect()
    }

    #[test]
    fn timed_numbers_are_offered_charts_and_windows_first_and_what_lacks_something_last() {
        let rows = Some(vec![RowTrait::EventTime, RowTrait::Number]);
        let offer = Offer { rows, ..Offer::default() };
        let offered = offered(&offer);
        assert_eq!(offered[..2], ["visualize.line_chart", "analyze.tumbling_window"]);
        assert_eq!(offered.last().expect("there are cards"), "process.flatten");
        let lacks: Vec<_> = cards().iter().filter_map(|card| offer.lack(card)).collect();
        assert_eq!(lacks, ["no lists or records"]);
    }

    #[test]
    fn lines_of_text_are_offered_what_takes_them_apart_first() {
        let offer = Offer { rows: Some(vec![RowTrait::Untimed, RowTrait::RawText]), ..Offer::default() };
        assert_eq!(offered(&offer)[0], "process.parse_text");
        assert_eq!(offer.lack(&cards()[3]), Some("no event time"));
    }

    #[test]
    fn among_equals_what_was_taken_last_comes_first_and_fit_still_counts_more() {
        let mut offer = Offer { rows: Some(vec![RowTrait::EventTime, RowTrait::Number]), ..Offer::default() };
        offer.recent.note("process.flatten");
        offer.recent.note("visualize.table");
        let fitting = offered(&offer);
        let place = |kind: &str| fitting.iter().position(|offered| offered == kind);
        assert!(place("visualize.table") < place("process.filter"));
        assert!(place("analyze.tumbling_window") < place("visualize.table"));
        assert_eq!(place("process.flatten"), Some(fitting.len() - 1));
        offer.rows = None;
        assert_eq!(offered(&offer)[..2], ["visualize.table", "process.flatten"], "nothing is known of the rows");
    }

    #[test]
    fn recent_kinds_stand_once_each_are_bounded_and_survive_a_restart() {
        let mut recent = RecentKinds::default();
        for number in 0..20 {
            recent.note(&format!("process.n{number}"));
        }
        recent.note("process.n15");
        assert_eq!((recent.age("process.n15"), recent.age("process.n19"), recent.age("process.n1")), (0, 1, MOST));
        assert_eq!(recent.0.len(), MOST);
        assert_eq!(RecentKinds::from_value(&recent.to_value()), recent);
        assert_eq!(RecentKinds::from_value(&serde_json::json!({ "kinds": 3 })), RecentKinds::default());
    }
}
