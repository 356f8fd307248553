//! Bookmarks where nothing is selected: gone to, renamed in place, removed, and all of it undone.

use egui::accesskit::Role;

use super::*;

const MARKED: &str = r#"{
  "format": 1, "name": "Marked",
  "nodes": {"devices": {"kind": "ingest.simulate_devices", "title": "Devices"}},
  "wires": [],
  "layout": {
    "nodes": {"devices": {"x": 0, "y": 0}},
    "bookmarks": {
      "view_1": {"center": {"x": 88, "y": 40}, "title": "Start", "zoom_percent": 100},
      "view_2": {"center": {"x": 4000, "y": 40}, "title": "Far away", "zoom_percent": 50}
    }
  }
}"#;

fn titles(bench: &Bench) -> Vec<String> {
    bench.pipeline().bookmarks().values().map(|bookmark| bookmark.title.clone()).collect()
}

#[test]
fn a_bookmark_is_gone_to_by_its_button() {
    let mut bench = Bench::open(MARKED);
    bench.click("Go to Far away");
    bench.wait(600.0);
    let view = bench.harness.state().canvas_view();
    assert!((view.seen_in_canvas.center() - egui::pos2(4_000.0, 40.0)).length() < 1.0, "{view:?}");
    assert!((view.seen_in_canvas.width() / view.viewport.width() - 2.0).abs() < 0.01, "{view:?}");
    assert!(bench.steps().is_empty(), "what is seen is no part of the history");
}

#[test]
fn a_bookmark_is_renamed_in_place_as_one_step() {
    let mut bench = Bench::open(MARKED);
    for (name, dark, ground) in [
        ("dark", egui::Theme::Dark, theme::Theme::dark().ground),
        ("light", egui::Theme::Light, theme::Theme::light().ground),
    ] {
        bench.harness.ctx.set_theme(dark);
        bench.step();
        picture::keep(&format!("bookmarks_{name}"), &mut bench.harness, ground);
    }
    bench.harness.get_by_role_and_label(Role::TextInput, "Title of bookmark 1").focus();
    bench.step();
    for letter in ["e", "r"] {
        bench.harness.get_by_role_and_label(Role::TextInput, "Title of bookmark 1").type_text(letter);
        bench.step();
    }
    assert_eq!(titles(&bench), ["Starter", "Far away"]);
    assert_eq!(bench.steps(), ["Rename a bookmark"], "a burst of typing is one step");
    bench.press(Modifiers::NONE, Key::Escape);
    bench.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(titles(&bench), ["Start", "Far away"]);
    assert!(bench.has("Go to Start"));
}

#[test]
fn a_removed_bookmark_comes_back_when_it_is_undone() {
    let mut bench = Bench::open(MARKED);
    bench.click("Remove bookmark Start");
    assert_eq!(titles(&bench), ["Far away"]);
    bench.click("Remove bookmark Far away");
    assert!(!bench.has("Bookmarks"), "an empty list takes no room");
    bench.press(Modifiers::COMMAND, Key::Z);
    bench.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(titles(&bench), ["Start", "Far away"]);
}
