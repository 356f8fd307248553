//! The whole work by keyboard alone, and what a screen reader is told.

mod support;

use std::cell::RefCell;
use std::rc::Rc;

use egui::{Key, Modifiers, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use millrace_protocol::Request;
use millrace_ui::{Designer, theme};
use support::{FakeLink, Host};

const EMPTY: &str = r#"{"format": 1, "name": "Empty", "nodes": {}, "wires": []}"#;
/// Devices feed Hot and Cold, which stands below; Chart is not wired.
const FLEET: &str = r#"{
  "format": 1, "name": "Fleet",
  "nodes": {
    "chart": {"kind": "visualize.line_chart", "title": "Chart"},
    "cold": {"kind": "process.filter", "title": "Cold", "params": {"condition": "temperature < 0"}},
    "devices": {"kind": "ingest.simulate_devices", "title": "Devices"},
    "hot": {"kind": "process.filter", "title": "Hot", "params": {"condition": "temperature > 30"}}
  },
  "wires": [{"from": "devices.rows", "to": "cold.rows"}, {"from": "devices.rows", "to": "hot.rows"}],
  "layout": {"nodes": {
    "chart": {"x": 560, "y": 0}, "cold": {"x": 280, "y": 160}, "devices": {"x": 0, "y": 0}, "hot": {"x": 280, "y": 0}
  }}
}"#;

struct Keyboard {
    harness: Harness<'static, Designer>,
    host: Rc<RefCell<Host>>,
}

impl Keyboard {
    fn open(text: &str) -> Self {
        let host = Host::with(text);
        let designer = Designer::with_link(Box::new(FakeLink(host.clone())));
        let harness = Harness::builder()
            .with_size(vec2(1440.0, 900.0))
            .with_step_dt(1.0 / 60.0)
            .with_context_setup(theme::apply)
            .build_ui_state(|ui, designer: &mut Designer| designer.ui(ui), designer);
        let mut keyboard = Self { harness, host };
        for _ in 0..8 {
            keyboard.host.borrow_mut().now_ms += 50.0;
            keyboard.harness.step();
        }
        keyboard
    }

    fn press(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.run_steps(4);
    }

    fn keys(&mut self, keys: &[Key]) {
        for key in keys {
            self.press(Modifiers::NONE, *key);
        }
    }

    fn write(&mut self, text: &str) {
        self.harness.event(egui::Event::Text(text.to_owned()));
        self.harness.run_steps(3);
    }

    /// The name of what the keyboard is at.
    fn focused(&self) -> Option<String> {
        let is_focused = |node: &egui_kittest::Node<'_>| node.accesskit_node().is_focused();
        let all = self.harness.root().query_all_by(|node| node.is_focused());
        all.map(|node| (is_focused(&node), node.accesskit_node().label())).find_map(|(is, label)| label.filter(|_| is))
    }

    fn selected(&self) -> Vec<&str> {
        self.harness.state().selection().nodes.iter().map(|id| id.as_str()).collect()
    }

    fn wires(&self) -> Vec<String> {
        let document = self.harness.state().session().document.as_ref().expect("a project is open");
        document.pipeline().wires().iter().map(ToString::to_string).collect()
    }

    fn description(&self, label: &str) -> String {
        self.harness.get_by_label(label).accesskit_node().description().unwrap_or_default()
    }
}

#[test]
fn f6_goes_round_the_parts_of_the_window_and_back() {
    let mut keyboard = Keyboard::open(FLEET);
    keyboard.keys(&[Key::F6]);
    assert_eq!(keyboard.focused().as_deref(), Some("Pipeline"), "from nowhere to the canvas");
    let mut round = Vec::new();
    for _ in 0..5 {
        keyboard.keys(&[Key::F6]);
        round.extend(keyboard.focused());
    }
    let parts = ["Inspector", "Problems, data and log", "Project and run", "Palette", "Pipeline"];
    assert_eq!(round, parts);
    keyboard.press(Modifiers::SHIFT, Key::F6);
    assert_eq!(keyboard.focused().as_deref(), Some("Palette"));
    // From inside a part the next one follows too.
    keyboard.keys(&[Key::Tab, Key::F6]);
    assert_eq!(keyboard.focused().as_deref(), Some("Pipeline"));
    // A part that is hidden takes no turn.
    keyboard.keys(&[Key::Escape, Key::Num3, Key::F6, Key::F6]);
    assert_eq!(keyboard.focused().as_deref(), Some("Problems, data and log"));
}

#[test]
fn arrows_walk_along_the_wires_and_select_what_they_reach() {
    let mut keyboard = Keyboard::open(FLEET);
    keyboard.keys(&[Key::F6, Key::ArrowRight]);
    assert_eq!(keyboard.selected(), ["devices"], "the walk begins at the left");
    assert_eq!(keyboard.focused().as_deref(), Some("node Devices"));
    keyboard.keys(&[Key::ArrowRight]);
    assert_eq!(keyboard.selected(), ["hot"], "the nearer in height of two");
    keyboard.keys(&[Key::ArrowDown]);
    assert_eq!(keyboard.selected(), ["cold"]);
    keyboard.keys(&[Key::ArrowLeft]);
    assert_eq!(keyboard.selected(), ["devices"], "back along the wire");
    let steps = keyboard.harness.state().session().document.as_ref().map(|document| document.history().cursor());
    assert_eq!(steps, Some(0), "walking changes nothing");
    keyboard.press(Modifiers::COMMAND, Key::ArrowDown);
    let document = keyboard.harness.state().session().document.as_ref().expect("a project is open");
    let id = "devices".parse().expect("an id");
    assert_eq!(document.pipeline().position(&id).map(|place| place.y), Some(8), "with Ctrl the node moves");
}

#[test]
fn a_wire_is_drawn_to_the_port_that_is_picked_by_name() {
    let mut keyboard = Keyboard::open(FLEET);
    keyboard.keys(&[Key::F6, Key::ArrowRight, Key::ArrowRight, Key::W]);
    keyboard.write("rows chart");
    keyboard.keys(&[Key::Enter]);
    assert!(keyboard.wires().contains(&"hot.rows → chart.rows".to_owned()), "{:?}", keyboard.wires());
    // What cannot be wired is not offered.
    keyboard.keys(&[Key::W]);
    let offers = keyboard.harness.query_all_by_label_contains("pick ").filter_map(|node| node.accesskit_node().label());
    let offers: Vec<String> = offers.collect();
    assert!(!offers.is_empty() && !offers.iter().any(|offer| offer.contains("Devices")), "{offers:?}");
}

#[test]
fn a_pipeline_is_built_wired_and_run_without_a_mouse() {
    let mut keyboard = Keyboard::open(EMPTY);
    for search in ["simulate", "line chart"] {
        keyboard.keys(&[Key::Slash]);
        keyboard.write(search);
        keyboard.keys(&[Key::Enter]);
    }
    keyboard.keys(&[Key::F6, Key::ArrowLeft]);
    for _ in 0..3 {
        if keyboard.selected() != ["simulate_devices"] {
            keyboard.keys(&[Key::ArrowUp]);
        }
    }
    assert_eq!(keyboard.selected(), ["simulate_devices"]);
    keyboard.keys(&[Key::W, Key::Enter]);
    assert_eq!(keyboard.wires(), ["simulate_devices.rows → line_chart.rows"]);
    keyboard.press(Modifiers::COMMAND, Key::Enter);
    assert!(keyboard.host.borrow().heard.iter().any(|request| matches!(request, Request::StartRun { .. })));
}

#[test]
fn a_reader_is_told_what_a_node_is_how_it_does_and_where_it_leads() {
    let keyboard = Keyboard::open(FLEET);
    let words = keyboard.description("node Hot");
    let node = "Filter, process node, has a warning, 1 input, 2 outputs, fed by Devices, 3 columns. ";
    let fault = "Nothing is wired to this node's output: its rows are dropped";
    assert_eq!(words, format!("{node}{fault}"));
    let words = keyboard.description("node Devices");
    assert!(words.contains("feeds Cold and Hot"), "{words}");
    let words = keyboard.description("wire devices.rows → hot.rows");
    assert_eq!(words, "Wire from Devices, port rows, to Hot, port rows");
}

#[test]
fn every_node_port_and_wire_is_in_the_tree_in_view_or_not() {
    let far = FLEET.replace(r#""chart": {"x": 560"#, r#""chart": {"x": 90000"#);
    let mut keyboard = Keyboard::open(&far);
    // At natural size around the devices, the chart is far out of view.
    keyboard.keys(&[Key::F6, Key::Num0, Key::ArrowRight]);
    let view = keyboard.harness.state().canvas_view();
    assert_eq!(view.num_nodes, 3, "{view:?}");
    let all =
        ["node Chart", "input rows of Chart", "node Hot", "output rejected of Hot", "wire devices.rows → hot.rows"];
    for name in all {
        assert_eq!(keyboard.harness.query_all_by_label(name).count(), 1, "{name} is there once");
    }
    assert_eq!(keyboard.description("node Chart"), "Line chart, visualize node, 1 input");
    // Asked for, it comes into view, is selected and has the keyboard.
    keyboard.harness.get_by_label("node Chart").click_accesskit();
    keyboard.harness.run_steps(4);
    assert_eq!(keyboard.selected(), ["chart"]);
    assert_eq!(keyboard.focused().as_deref(), Some("node Chart"));
    assert!(keyboard.harness.get_by_label("node Chart").accesskit_node().raw_bounds().is_some());
    assert_eq!(keyboard.harness.query_all_by_label("node Hot").count(), 1, "what went out of view is still there");
}

#[test]
fn from_afar_a_node_is_still_met_by_the_pointer() {
    let mut keyboard = Keyboard::open(FLEET);
    let before = keyboard.harness.get_by_label("node Hot").rect().center();
    let pointer = keyboard.harness.get_by_label("canvas").rect().center();
    keyboard.harness.hover_at(pointer);
    keyboard.harness.event(egui::Event::Zoom(0.15));
    keyboard.harness.run_steps(3);
    keyboard.harness.hover_at(pointer + vec2(300.0, 150.0));
    keyboard.harness.run_steps(2);
    let view = keyboard.harness.state().canvas_view();
    assert_eq!((view.num_nodes, view.num_wires), (4, 2), "all is drawn");
    let node = keyboard.harness.get_by_label("node Hot");
    assert!(node.accesskit_node().raw_bounds().is_none(), "as a drawing only");
    let pos = pointer + (before - pointer) * 0.15;
    keyboard.harness.hover_at(pos);
    keyboard.harness.run_steps(2);
    keyboard.harness.get_by_label("node Hot").click();
    keyboard.harness.run_steps(3);
    assert_eq!(keyboard.selected(), ["hot"]);
}
