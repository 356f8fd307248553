//! What the contract of a run (`docs/CONTRACT.md`) asks of every node of a sort, asked of the whole catalog.

use millrace_model::{FieldKind, Section};
use millrace_operator::harness::Harness;
use millrace_operator::node::erase;
use millrace_operator::{Machine, Node};
use serde_json::{Value, json};

use crate::analyze::{
    count_window, hopping_window, processing_time_window, rolling_window, session_window, silence, tumbling_window,
};
use crate::testing::event_rows;

#[test]
fn every_connector_says_in_one_line_how_it_delivers() {
    let catalog = crate::registry().catalog();
    let is_connector = |section: Section| matches!(section, Section::Ingest | Section::Store);
    let mut num_connectors = 0;
    for card in catalog.cards().filter(|card| is_connector(card.section)) {
        let lines: Vec<&str> = card.help.lines().filter(|line| line.starts_with("**Delivery:** ")).collect();
        assert_eq!(lines.len(), 1, "the help of {} says once, in a line of its own, how it delivers", card.kind);
        let says = ["exactly-once effect", "at least once", "at most once", "nothing is delivered"];
        assert!(says.iter().any(|word| lines[0].contains(word)), "{}: {}", card.kind, lines[0]);
        assert!(lines[0].ends_with('.'), "{}: {}", card.kind, lines[0]);
        num_connectors += 1;
    }
    assert!(num_connectors >= 7);
}

#[test]
fn every_on_error_may_reject_fail_or_null_and_rejects_unless_told() {
    let catalog = crate::registry().catalog();
    let mut num_params = 0;
    for card in catalog.cards() {
        let Some(field) = card.form.field("on_error") else { continue };
        let FieldKind::Choice { options } = &field.kind else { panic!("{}: a choice", card.kind) };
        let values: Vec<&str> = options.iter().map(|option| option.value.as_str()).collect();
        assert_eq!(values, ["reject", "fail", "null"], "{}", card.kind);
        assert_eq!(field.default, Some(json!("reject")), "{}", card.kind);
        num_params += 1;
    }
    assert!(num_params >= 10);
}

/// Whether the node asks for the time of the clock on the wall.
fn asks_for_ticks<N: Node>(params: Value) -> bool {
    let harness = Harness::new::<N>(params, &[event_rows(&[]).schema()]);
    match harness.build() {
        Machine::Operator(operator) => operator.wants_ticks(),
        _ => panic!("{} is an operator", erase::<N>().kind()),
    }
}

#[test]
fn windows_go_by_event_time_only_but_for_those_whose_name_says_otherwise() {
    let aggregates = json!([{"name": "n", "expression": "count(*)"}]);
    let of = |params: Value| {
        let mut all = json!({"keys": ["key"], "aggregates": aggregates});
        all.as_object_mut().expect("an object").extend(params.as_object().expect("an object").clone());
        all
    };
    assert!(!asks_for_ticks::<tumbling_window::TumblingWindow>(of(json!({"size": "1 s"}))));
    assert!(!asks_for_ticks::<hopping_window::HoppingWindow>(of(json!({"size": "2 s", "slide": "1 s"}))));
    assert!(!asks_for_ticks::<session_window::SessionWindow>(of(json!({"gap": "1 s"}))));
    assert!(!asks_for_ticks::<count_window::CountWindow>(of(json!({"size": 3}))));
    assert!(!asks_for_ticks::<rolling_window::RollingWindow>(of(json!({"interval": "1 s"}))));
    assert!(!asks_for_ticks::<silence::Silence>(json!({"timeout": "1 s"})));
    assert!(asks_for_ticks::<processing_time_window::ProcessingTimeWindow>(of(json!({"size": "1 s"}))));
    assert!(asks_for_ticks::<silence::Silence>(json!({"timeout": "1 s", "clock": "processing"})));
    let catalog = crate::registry().catalog();
    let mut windows = catalog.cards().filter(|card| card.kind.ends_with("_window")).map(|card| card.kind.as_str());
    assert_eq!(windows.by_ref().count(), 6, "each kind of window is asked here");
}
