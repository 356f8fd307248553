//! What the person had before them is there again after a restart, for each project by itself.

use egui_kittest::kittest::NodeT;
use millrace_ui::command::{Look, Side};
use millrace_ui::standing::Mark;

use super::*;

const NESTED: &str = r#"{
  "format": 1, "name": "Nested",
  "nodes": {
    "devices": {"kind": "ingest.simulate_devices", "title": "Devices"},
    "inner": {"inside": "part", "kind": "process.filter", "title": "Inner"},
    "part": {"kind": "process.nested_pipeline", "title": "Part"},
    "table": {"kind": "visualize.table"}
  },
  "wires": [{"from": "devices.rows", "to": "table.rows"}],
  "layout": {"nodes": {"devices": {"x": 0, "y": 0}, "inner": {"x": 0, "y": 0}, "part": {"x": 280, "y": 200}, "table": {"x": 560, "y": 0}}}
}"#;

fn wire() -> Wire {
    Wire::new("devices.rows".parse().expect("an end"), "table.rows".parse().expect("an end"))
}

fn seen(bench: &Bench) -> (Pos2, f32) {
    let view = bench.harness.state().canvas_view();
    (view.seen_in_canvas.center(), view.viewport.width() / view.seen_in_canvas.width())
}

fn restarted(bench: Bench) -> Bench {
    let host = bench.host.clone();
    drop(bench);
    Bench::with(host)
}

#[test]
fn the_view_the_open_level_and_hidden_panels_are_there_again_after_a_restart() {
    let mut bench = Bench::open(NESTED);
    bench.ask([Command::Open(Some("part".parse().expect("an id"))), Command::TogglePanel(Side::Bottom)]);
    bench.ask([Command::ZoomBy(0.5), Command::Look(Look::Pan(millrace_ui::editing::pick::Way::Left))]);
    assert!(bench.has("node Inner") && !bench.has("Problems"));
    let before = seen(&bench);
    bench.wait(1_000.0);
    let mut bench = restarted(bench);
    assert!(bench.has("node Inner"), "the nested pipeline is open");
    assert!(!bench.has("Problems") && bench.has("Search nodes"), "only the hidden panel is hidden");
    let after = seen(&bench);
    assert!((after.0 - before.0).length() < 0.5 && (after.1 - before.1).abs() < 0.01, "{before:?}, then {after:?}");
    assert!(bench.steps().is_empty() && bench.saves() == 0, "none of it is part of the pipeline");
    bench.press(Modifiers::NONE, Key::Num2);
    assert!(bench.has_text("Problems"));
}

#[test]
fn breakpoints_with_their_conditions_are_there_again_after_a_restart() {
    let mut bench = Bench::open(NESTED);
    let mark = Mark { condition: "temperature > 90".to_owned(), is_enabled: false };
    bench.ask([Command::SetBreakpoint { wire: wire(), mark: Some(mark) }]);
    bench.wait(1_000.0);
    let mut bench = restarted(bench);
    assert!(bench.has("temperature > 90"));
    let check = bench.harness.get_by_label("Breakpoint on Devices → Table");
    assert_eq!(check.accesskit_node().toggled(), Some(egui::accesskit::Toggled::False), "it is off as it was");
    bench.ask([Command::ClearBreakpoints]);
    bench.wait(1_000.0);
    assert!(!restarted(bench).has("Breakpoints"));
}

#[test]
fn each_project_has_a_desk_of_its_own_that_is_forgotten_with_it() {
    let mut bench = Bench::open(NESTED);
    bench.ask([Command::SetBreakpoint { wire: wire(), mark: Some(Mark::default()) }]);
    bench.ask([Command::ZoomBy(0.5)]);
    let before = seen(&bench);
    // It is left sooner than the desk would be written by itself.
    bench.host.borrow_mut().project.id = 2;
    bench.ask([Command::OpenProject(2)]);
    bench.wait(500.0);
    assert!(!bench.has("Breakpoints"), "the other project has none");
    assert!((seen(&bench).1 - before.1).abs() > 0.1, "it is shown whole");
    bench.host.borrow_mut().project.id = 1;
    bench.ask([Command::OpenProject(1)]);
    bench.wait(500.0);
    assert!(bench.has("Breakpoints"));
    assert!((seen(&bench).1 - before.1).abs() < 0.01);
    assert!(bench.host.borrow().settings["desk 1"].is_object());
    bench.ask([Command::DeleteProject(1)]);
    bench.wait(1_000.0);
    assert!(bench.host.borrow().settings["desk 1"].is_null(), "null removes a setting");
}
