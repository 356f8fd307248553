//! Groups, notes, search, minimap, and nodes that are dropped on wires.

use super::*;

const LOOSE: &str = r#"{
  "format": 1, "name": "Loose",
  "nodes": {
    "chart": {"kind": "visualize.line_chart"},
    "devices": {"kind": "ingest.simulate_devices", "title": "Devices"},
    "hot": {"kind": "process.filter", "title": "Hot", "params": {"condition": "temperature > 30"}}
  },
  "wires": [{"from": "devices.rows", "to": "chart.rows"}],
  "layout": {"nodes": {"chart": {"x": 560, "y": 0}, "devices": {"x": 0, "y": 0}, "hot": {"x": 280, "y": 240}}}
}"#;

#[test]
fn a_note_is_written_moved_and_taken_away_again() {
    let mut bench = Bench::open(FLEET);
    let before = bench.text();
    bench.press(Modifiers::NONE, Key::N);
    bench.harness.get_by_label("Note text").type_text("Look here");
    bench.step();
    bench.press(Modifiers::NONE, Key::Escape);
    assert!(bench.has("note Look here"));
    assert_eq!(bench.steps(), ["Add a note", "Write a note"], "typing is one step");
    let from = bench.center_of("note Look here");
    bench.drag(from, from + vec2(80.0, 40.0));
    assert!((bench.center_of("note Look here") - from - vec2(80.0, 40.0)).length() < 12.0);
    assert_eq!(bench.steps().len(), 3);
    bench.press(Modifiers::NONE, Key::Delete);
    assert!(bench.pipeline().notes().is_empty());
    for _ in 0..4 {
        bench.press(Modifiers::COMMAND, Key::Z);
    }
    assert_eq!(bench.text(), before);
}

#[test]
fn a_group_is_named_at_once_and_its_title_drags_its_nodes() {
    let mut bench = Bench::open(FLEET);
    bench.select(&["devices", "hot"]);
    bench.press(Modifiers::COMMAND, Key::G);
    bench.harness.get_by_label("Group title").type_text("!");
    bench.step();
    bench.press(Modifiers::NONE, Key::Enter);
    assert!(bench.has("group Group 1!"));
    let (title, chart) = (bench.center_of("group Group 1!"), bench.center_of("node Line chart"));
    let node = bench.center_of("node Hot");
    bench.drag(title, title + vec2(0.0, 80.0));
    assert!((bench.center_of("node Hot") - node - vec2(0.0, 80.0)).length() < 12.0);
    assert_eq!(bench.center_of("node Line chart"), chart, "the others stay");
    assert_eq!(bench.selected(), ["devices", "hot"]);
    bench.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::G);
    assert!(bench.pipeline().groups().is_empty());
}

#[test]
fn a_loose_node_dropped_on_a_wire_is_inserted_by_one_step() {
    let mut bench = Bench::open(LOOSE);
    let before = bench.text();
    let wire = bench.harness.get_by_label("wire devices.rows → chart.rows").rect().center();
    bench.drag(bench.center_of("node Hot"), wire);
    assert_eq!(bench.wires(), ["devices.rows → hot.rows", "hot.rows → chart.rows"]);
    assert_eq!(bench.steps(), ["Insert Hot"]);
    bench.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(bench.text(), before);
}

#[test]
fn a_node_is_replaced_and_its_wires_and_title_stay() {
    let mut bench = Bench::open(FLEET);
    bench.drag(bench.center_of("output rows of Hot"), bench.center_of("input rows of Line chart"));
    bench.select(&["hot"]);
    bench.press(Modifiers::NONE, Key::R);
    bench.harness.get_by_label("Replace by a node").type_text("union");
    bench.step();
    bench.press(Modifiers::NONE, Key::Enter);
    assert_eq!(bench.wires(), ["devices.rows → union.rows", "union.rows → chart.rows"]);
    assert!(bench.has("node Hot"), "the title stays");
}

#[test]
fn deleting_with_bridging_keeps_the_rows_flowing() {
    let mut bench = Bench::open(FLEET);
    bench.drag(bench.center_of("output rows of Hot"), bench.center_of("input rows of Line chart"));
    bench.select(&["hot"]);
    bench.press(Modifiers::SHIFT, Key::Delete);
    assert_eq!(bench.wires(), ["devices.rows → chart.rows"]);
}

#[test]
fn a_search_jumps_from_hit_to_hit() {
    let mut bench = Bench::open(FLEET);
    bench.press(Modifiers::COMMAND, Key::F);
    bench.harness.get_by_label("Find on the canvas").type_text("temperature > 30");
    bench.step();
    assert_eq!(bench.selected(), ["hot"]);
    assert!(bench.has("1 of 1"));
    bench.click("Close the search");
    bench.press(Modifiers::COMMAND, Key::F);
    bench.harness.get_by_label("Find on the canvas").type_text("e");
    bench.step();
    let first = bench.selected()[0].to_owned();
    bench.press(Modifiers::NONE, Key::Enter);
    assert_ne!(bench.selected(), [first.as_str()]);
    bench.press(Modifiers::SHIFT, Key::Enter);
    assert_eq!(bench.selected(), [first.as_str()]);
}

#[test]
fn a_click_on_the_minimap_moves_the_view_and_a_key_hides_it() {
    let mut bench = Bench::open(FLEET);
    assert!(!bench.has("minimap"), "everything is in view");
    for _ in 0..4 {
        bench.press(Modifiers::NONE, Key::Plus);
    }
    let before = bench.center_of("node Hot");
    let map = bench.harness.get_by_label("minimap").rect();
    bench.drag(map.center(), map.center() + vec2(40.0, 0.0));
    assert!(bench.center_of("node Hot").x < before.x - 20.0);
    bench.press(Modifiers::COMMAND | Modifiers::ALT, Key::ArrowLeft);
    assert!((bench.center_of("node Hot") - before).length() < 2.0, "back leads to the view before");
    bench.press(Modifiers::NONE, Key::M);
    assert!(!bench.has("minimap"));
    assert_eq!(bench.host.borrow().settings["canvas"]["minimap"], false);
}

#[test]
fn a_menu_holds_actions_with_their_keys() {
    let mut bench = Bench::open(FLEET);
    bench.harness.get_by_label("node Hot").click_secondary();
    bench.step();
    assert_eq!(bench.selected(), ["hot"]);
    bench.click("Disable or enable");
    assert_eq!(bench.steps(), ["Disable Hot"]);
}
