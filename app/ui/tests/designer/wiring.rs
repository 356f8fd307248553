//! Wires: drawn, refused, replaced, offered.

use millrace_model::{Edit, RowTrait};

use super::*;

#[test]
fn dragging_from_port_to_port_draws_a_wire() {
    let mut bench = Bench::open(FLEET);
    bench.drag(bench.center_of("output rows of Hot"), bench.center_of("input rows of Line chart"));
    assert_eq!(bench.wires(), ["devices.rows → hot.rows", "hot.rows → chart.rows"]);
    assert!(bench.has("wire hot.rows → chart.rows"));
}

#[test]
fn a_wire_is_drawn_from_the_input_backwards_and_by_two_clicks_too() {
    let mut bench = Bench::open(FLEET);
    bench.drag(bench.center_of("input rows of Line chart"), bench.center_of("output rejected of Hot"));
    assert!(bench.wires().contains(&"hot.rejected → chart.rows".to_owned()));
    let mut bench = Bench::open(FLEET);
    bench.click("output rows of Hot");
    bench.click("input rows of Line chart");
    assert!(bench.wires().contains(&"hot.rows → chart.rows".to_owned()));
}

#[test]
fn a_second_wire_to_a_one_wire_input_replaces_the_first() {
    let mut bench = Bench::open(FLEET);
    bench.drag(bench.center_of("output rows of Hot"), bench.center_of("input rows of Line chart"));
    bench.drag(bench.center_of("output rows of Devices"), bench.center_of("input rows of Line chart"));
    assert_eq!(bench.wires(), ["devices.rows → chart.rows", "devices.rows → hot.rows"]);
    bench.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(bench.wires(), ["devices.rows → hot.rows", "hot.rows → chart.rows"]);
}

#[test]
fn a_wire_that_cannot_be_is_refused_with_the_reason() {
    let mut bench = Bench::open(FLEET);
    let before = bench.wires();
    bench.drag(bench.center_of("output rows of Devices"), bench.center_of("output rows of Hot"));
    assert!(bench.has_text("Both of these are outputs"));
    bench.drag(bench.center_of("output rows of Hot"), bench.center_of("input rows of Hot"));
    assert!(bench.has_text("A node cannot feed itself"));
    assert_eq!(bench.wires(), before);
}

#[test]
fn a_wire_dropped_on_the_ground_offers_only_what_fits_and_wires_it() {
    let mut bench = Bench::open(FLEET);
    let ground = bench.center_of("canvas") + vec2(0.0, 180.0);
    bench.drag(bench.center_of("output rejected of Hot"), ground);
    assert!(bench.has("pick Table"));
    assert!(!bench.has("pick Simulate devices"), "a source has no input");
    bench.harness.get_by_label("Add and wire a node").type_text("disc");
    bench.step();
    bench.press(Modifiers::NONE, Key::Enter);
    assert!(bench.wires().contains(&"hot.rejected → discard.rows".to_owned()));
    assert!(!bench.has("pick Table"), "the list is closed");
}

#[test]
fn the_list_at_a_loose_end_begins_with_what_suits_its_rows_and_was_taken_last() {
    let mut bench = Bench::open(FLEET);
    let ground = bench.center_of("canvas") + vec2(0.0, 180.0);
    let order = |bench: &Bench, titles: &[&str]| {
        let places: Vec<f32> = titles.iter().map(|title| bench.center_of(&format!("pick {title}")).y).collect();
        places.windows(2).all(|pair| pair[0] < pair[1])
    };
    bench.drag(bench.center_of("output rows of Devices"), ground);
    assert!(order(&bench, &["Line chart", "Tumbling window", "Filter", "Table"]));
    bench.click("pick Table");
    bench.drag(bench.center_of("output rows of Devices"), ground - vec2(240.0, 0.0));
    assert!(order(&bench, &["Line chart", "Tumbling window", "Table", "Filter"]));
    bench.press(Modifiers::NONE, Key::Escape);
    bench.press(Modifiers::COMMAND, Key::Z);
    bench.drag(bench.center_of("output rows of Devices"), ground);
    assert!(order(&bench, &["Table", "Filter"]), "what was taken last is no part of the pipeline's history");
}

#[test]
fn a_list_that_a_search_has_shortened_grows_again() {
    let mut bench = Bench::open(FLEET);
    let ground = bench.center_of("canvas") + vec2(0.0, 180.0);
    bench.drag(bench.center_of("output rows of Hot"), ground);
    bench.harness.get_by_label("Add and wire a node").type_text("table");
    for _ in 0..4 {
        bench.step();
    }
    for _ in 0.."table".len() {
        bench.press(Modifiers::NONE, Key::Backspace);
    }
    bench.step();
    bench.click("pick Discard");
    assert!(bench.wires().contains(&"hot.rows → discard.rows".to_owned()), "the last of the list can be clicked");
}

/// Devices whose rows have no event time, and a window that needs one.
const UNTIMED: &str = r#"{
  "format": 1, "name": "Untimed",
  "nodes": {
    "devices": {"kind": "ingest.simulate_devices", "title": "Devices"},
    "window": {"kind": "analyze.tumbling_window"}
  },
  "wires": [],
  "layout": {"nodes": {"devices": {"x": 0, "y": 0}, "window": {"x": 560, "y": 0}}}
}"#;

fn untimed(has: &[RowTrait]) -> Bench {
    let host = Host::with(UNTIMED);
    host.borrow_mut().has.insert("devices".to_owned(), has.to_vec());
    Bench::with(host)
}

const UNTIMED_ROWS: &[RowTrait] = &[RowTrait::Untimed, RowTrait::Number];

#[test]
fn a_wire_whose_rows_do_not_fit_is_refused_with_the_reason_and_a_node_that_makes_them_fit() {
    let mut bench = untimed(UNTIMED_ROWS);
    bench.drag(bench.center_of("output rows of Devices"), bench.center_of("input rows of Tumbling window"));
    assert!(bench.wires().is_empty(), "the wire is refused");
    assert!(bench.has("Tumbling window cannot take these rows: they have no event time."));
    picture::keep("refused_wire", &mut bench.harness, theme::Theme::dark().ground);
    bench.click("pick Insert Parse timestamp");
    assert_eq!(bench.wires(), ["devices.rows → parse_timestamp.rows", "parse_timestamp.rows → window.rows"]);
    assert_eq!(bench.selected(), ["parse_timestamp"], "its form is at hand");
    assert!(bench.has("Column"), "the form of the new node is shown");
    assert_eq!(bench.steps(), ["Insert Parse timestamp"]);
    bench.press(Modifiers::COMMAND, Key::Z);
    assert_eq!((bench.wires().len(), bench.ids()), (0, vec!["devices", "window"]), "one step takes all of it back");
}

#[test]
fn the_refusal_can_be_dismissed_and_by_two_clicks_it_is_the_same() {
    let mut bench = untimed(UNTIMED_ROWS);
    bench.click("output rows of Devices");
    bench.click("input rows of Tumbling window");
    assert!(bench.has("pick Insert Parse timestamp"));
    bench.press(Modifiers::NONE, Key::Escape);
    assert!(!bench.has("pick Insert Parse timestamp"));
    assert!(bench.steps().is_empty());
}

#[test]
fn by_keyboard_a_wire_whose_rows_do_not_fit_is_listed_with_the_node_that_it_must_go_through() {
    let mut bench = untimed(UNTIMED_ROWS);
    bench.select(&["devices"]);
    bench.press(Modifiers::NONE, Key::W);
    assert!(bench.has("pick rows → Parse timestamp → Tumbling window · rows: no event time"));
    picture::keep("wire_list", &mut bench.harness, theme::Theme::dark().ground);
    bench.press(Modifiers::NONE, Key::Enter);
    assert_eq!(bench.wires(), ["devices.rows → parse_timestamp.rows", "parse_timestamp.rows → window.rows"]);
}

#[test]
fn a_node_picked_at_a_loose_end_that_lacks_something_comes_with_the_node_that_gives_it() {
    let mut bench = untimed(UNTIMED_ROWS);
    bench.drag(bench.center_of("output rows of Devices"), bench.center_of("canvas") + vec2(0.0, 180.0));
    bench.click("pick Tumbling window: no event time");
    assert_eq!(bench.ids().len(), 2, "nothing is added before the person has chosen");
    bench.press(Modifiers::NONE, Key::Enter);
    assert_eq!(bench.wires(), ["devices.rows → parse_timestamp.rows", "parse_timestamp.rows → tumbling_window.rows"]);
    assert_eq!(bench.steps().len(), 1);
}

#[test]
fn where_nothing_helps_the_reason_stands_alone() {
    let mut bench = untimed(&[RowTrait::EventTime]);
    bench.ask([Command::AddNode { kind: "visualize.line_chart".to_owned(), at: None, wire_from: None }]);
    bench.wait(400.0);
    bench.select(&["devices"]);
    bench.press(Modifiers::NONE, Key::W);
    bench.click("pick rows → Line chart · rows: no numbers");
    assert!(bench.wires().is_empty());
    bench.press(Modifiers::NONE, Key::Escape);
    bench.drag(bench.center_of("output rows of Devices"), bench.center_of("input rows of Line chart"));
    assert!(bench.has_text("Line chart cannot take these rows: they have no numbers."));
    assert!(bench.wires().is_empty() && !bench.has_text("pick Insert"));
}

#[test]
fn rows_of_which_nothing_is_known_yet_may_be_wired_anywhere() {
    let mut bench = untimed(UNTIMED_ROWS);
    let title = Edit::SetTitle { id: "devices".parse().expect("an id"), title: Some("Fleet".to_owned()) };
    bench.ask([Command::Edit { label: "Rename".to_owned(), edits: vec![title], merge: None }]);
    bench.drag(bench.center_of("output rows of Fleet"), bench.center_of("input rows of Tumbling window"));
    assert_eq!(bench.wires(), ["devices.rows → window.rows"], "the last check is behind");
}
