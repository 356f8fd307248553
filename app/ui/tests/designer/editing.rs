//! Adding, selecting, moving, copying and removing nodes.

use super::*;

#[test]
fn a_node_found_in_the_palette_is_added_by_enter_and_selected() {
    let mut bench = Bench::open(EMPTY);
    bench.click("Search nodes");
    bench.harness.get_by_label("Search nodes").type_text("tumb");
    bench.step();
    assert!(bench.has("add Tumbling window"));
    assert!(!bench.has("add Filter"));
    bench.press(Modifiers::NONE, Key::Enter);
    assert_eq!(bench.ids(), ["tumbling_window"]);
    assert_eq!(bench.selected(), ["tumbling_window"]);
    assert!(bench.has("node Tumbling window"));
}

#[test]
fn a_double_click_in_the_palette_adds_a_node() {
    let mut bench = Bench::open(EMPTY);
    bench.harness.get_by_label("add Filter").click();
    bench.harness.step();
    bench.harness.get_by_label("add Filter").click();
    bench.step();
    assert_eq!(bench.ids(), ["filter"]);
}

#[test]
fn a_node_dragged_from_the_palette_lands_where_it_is_dropped() {
    let mut bench = Bench::open(EMPTY);
    let target = bench.center_of("canvas") + vec2(-120.0, 60.0);
    bench.drag(bench.center_of("add Union"), target);
    assert_eq!(bench.ids(), ["union"]);
    assert!(bench.harness.get_by_label("node Union").rect().contains(target));
}

#[test]
fn tab_over_the_canvas_adds_a_node_under_the_pointer() {
    let mut bench = Bench::open(EMPTY);
    let here = bench.center_of("canvas") + vec2(-100.0, -80.0);
    bench.harness.hover_at(here);
    bench.step();
    bench.press(Modifiers::NONE, Key::Tab);
    bench.harness.get_by_label("Add a node").type_text("filter");
    bench.step();
    bench.press(Modifiers::NONE, Key::Enter);
    let rect = bench.harness.get_by_label("node Filter").rect();
    assert!((rect.min - here).length() < 12.0, "{rect:?} is at {here:?}");
}

#[test]
fn delete_undo_and_redo_give_the_same_text() {
    let mut bench = Bench::open(FLEET);
    let before = bench.pipeline().to_text();
    bench.click("node Hot");
    bench.press(Modifiers::NONE, Key::Delete);
    let deleted = bench.pipeline().to_text();
    assert_eq!(bench.ids(), ["chart", "devices"]);
    assert!(bench.wires().is_empty());
    bench.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(bench.pipeline().to_text(), before);
    bench.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    assert_eq!(bench.pipeline().to_text(), deleted);
    bench.click("Undo");
    assert_eq!(bench.pipeline().to_text(), before);
}

#[test]
fn a_selected_wire_is_deleted_alone() {
    let mut bench = Bench::open(FLEET);
    bench.click("wire devices.rows → hot.rows");
    bench.press(Modifiers::NONE, Key::Delete);
    assert!(bench.wires().is_empty());
    assert_eq!(bench.ids().len(), 3);
}

#[test]
fn cut_takes_away_and_duplicate_doubles() {
    let mut bench = Bench::open(FLEET);
    bench.click("node Hot");
    bench.press(Modifiers::COMMAND, Key::D);
    assert_eq!(bench.ids(), ["chart", "devices", "filter", "hot"]);
    let text = bench.copied(Event::Cut);
    assert_eq!(bench.ids(), ["chart", "devices", "hot"]);
    assert!(text.contains("temperature > 30"));
}

#[test]
fn a_box_selects_the_nodes_that_it_touches_and_shift_adds() {
    let mut bench = Bench::open(FLEET);
    let (devices, hot) =
        (bench.harness.get_by_label("node Devices").rect(), bench.harness.get_by_label("node Hot").rect());
    bench.drag(devices.min - vec2(20.0, 30.0), hot.center() + vec2(0.0, 90.0));
    assert_eq!(bench.selected(), ["devices", "hot"]);
    let ground = hot.center() + vec2(0.0, 150.0);
    bench.harness.hover_at(ground);
    bench.harness.step();
    bench.harness.drag_at(ground);
    bench.harness.drop_at(ground);
    bench.step();
    assert!(bench.selected().is_empty(), "a click on the ground selects nothing");
    bench.click("node Devices");
    bench.harness.get_by_label("node Line chart").click_modifiers(Modifiers::SHIFT);
    bench.step();
    assert_eq!(bench.selected(), ["chart", "devices"]);
}

#[test]
fn dragging_a_node_snaps_and_makes_one_undo_step() {
    let mut bench = Bench::open(FLEET);
    let from = bench.center_of("node Devices");
    bench.drag(from, from + Vec2::new(43.0, 101.0));
    assert_eq!(bench.steps(), ["Move Devices"]);
    let at = bench.pipeline().position(&"devices".parse().expect("an id")).expect("it was placed");
    assert_eq!((at.x % 8, at.y % 8), (0, 0));
    assert!((at.x - 43).abs() <= 8 && (at.y - 101).abs() <= 8, "{at:?}");
}

#[test]
fn a_burst_of_arrow_keys_makes_one_undo_step() {
    let mut bench = Bench::open(FLEET);
    bench.click("node Hot");
    for _ in 0..3 {
        bench.press(Modifiers::NONE, Key::ArrowRight);
    }
    assert_eq!(bench.steps().len(), 1);
    let at = bench.pipeline().position(&"hot".parse().expect("an id")).expect("it was placed");
    assert_eq!((at.x, at.y), (304, 0));
    bench.click("node Devices");
    bench.press(Modifiers::NONE, Key::ArrowDown);
    assert_eq!(bench.steps().len(), 2, "another selection ends the burst");
}

#[test]
fn copy_and_paste_bring_nodes_with_their_wires_under_new_ids() {
    let mut bench = Bench::open(FLEET);
    bench.press(Modifiers::COMMAND, Key::A);
    assert_eq!(bench.selected().len(), 3);
    let text = bench.copied(Event::Copy);
    bench.harness.event(Event::Paste(text.clone()));
    bench.step();
    assert_eq!(bench.ids().len(), 6);
    assert_eq!(bench.wires().len(), 2);
    assert_eq!(bench.selected().len(), 3, "what was pasted is selected");
    bench.harness.event(Event::Paste(text));
    bench.step();
    let places: std::collections::BTreeSet<_> = bench
        .pipeline()
        .node_ids()
        .map(|id| bench.pipeline().position(id).map(|at| (at.x, at.y)).expect("pasted nodes have places"))
        .collect();
    assert_eq!(places.len(), 9, "no copy covers another");
    bench.harness.event(Event::Paste("just words".to_owned()));
    bench.step();
    assert!(bench.has_text("holds no nodes"));
}

#[test]
fn a_letter_typed_in_the_frame_of_its_enter_is_no_shortcut() {
    let mut bench = Bench::open(FLEET);
    bench.click("node Hot");
    bench.press(Modifiers::NONE, Key::F2);
    bench.press(Modifiers::COMMAND, Key::A);
    let key =
        |key: Key| Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers: Modifiers::NONE };
    for event in [key(Key::N), Event::Text("n".to_owned()), key(Key::Enter)] {
        bench.harness.event(event);
    }
    bench.step();
    assert_eq!(bench.steps(), ["Rename Hot"]);
}

#[test]
fn the_list_of_commands_and_the_run_are_reached_while_typing_and_the_text_stays() {
    let mut bench = Bench::open(FLEET);
    bench.click("node Hot");
    bench.press(Modifiers::NONE, Key::F2);
    bench.press(Modifiers::NONE, Key::Home);
    bench.press(Modifiers::COMMAND, Key::K);
    bench.step();
    assert!(bench.harness.query_by_label("Find a command").is_some(), "Ctrl+K opens the list over a text field");
    assert!(bench.steps().is_empty(), "nothing of the text was cut off");
    bench.press(Modifiers::NONE, Key::Escape);
    bench.press(Modifiers::NONE, Key::F2);
    bench.press(Modifiers::COMMAND, Key::D);
    bench.press(Modifiers::COMMAND, Key::Enter);
    assert!(bench.steps().is_empty(), "other keys are the field's");
    let has_run = bench.host.borrow().heard.iter().any(|request| matches!(request, Request::StartRun { .. }));
    assert!(has_run, "Ctrl+Enter runs over a text field");
}
