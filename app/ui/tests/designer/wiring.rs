//! Wires: drawn, refused, replaced, offered.

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
