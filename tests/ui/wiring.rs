//! Wires between real nodes: what does not fit is refused by what the real check knows, and led through a real node.

use millrace_host::model::{Edit, Endpoint, Node, Position, Wire};
use millrace_ui::command::{Command, Side};
use millrace_ui::selection::Selection;
use serde_json::json;

use super::*;

impl Journey {
    fn ask(&mut self, command: Command) {
        self.harness.state_mut().ask(command);
        self.harness.run_steps(3);
    }

    /// Adds nodes one beside the other, and waits until they are checked.
    fn add(&mut self, nodes: impl IntoIterator<Item = Node>) {
        let edits: Vec<Edit> = nodes
            .into_iter()
            .zip(0..)
            .map(|(node, place)| Edit::AddNode { node, position: Some(Position { x: place * 400, y: 0 }) })
            .collect();
        let last = edits.last().cloned();
        self.ask(Command::Edit { label: "Add nodes".to_owned(), edits, merge: None });
        let Some(Edit::AddNode { node, .. }) = last else { return };
        self.until("the nodes are checked", |session| session.checked.nodes.contains_key(&node.id));
        self.harness.run_steps(3);
    }
}

fn lines() -> Node {
    let mut lines = Node::new(node("lines"), "ingest.inject");
    lines.params.insert("rows".to_owned(), json!("line\n2026-03-01 14:00:00 warn 12\nall is well\n"));
    lines
}

#[test]
fn lines_of_text_reach_a_window_or_a_chart_only_through_a_node_that_takes_them_apart() {
    let mut journey = Journey::first_start();
    journey.ask(Command::NewProject);
    journey.until("the new project is open", |session| {
        session.document.as_ref().is_some_and(|document| document.pipeline().num_nodes() == 0)
    });
    let window = Node::new(node("window"), "analyze.tumbling_window");
    let chart = Node::new(node("chart"), "visualize.histogram");
    let flatten = Node::new(node("flatten"), "process.flatten");
    journey.add([lines(), window, chart, flatten]);
    journey.ask(Command::Select(Selection::node(node("lines"))));
    journey.press(Modifiers::NONE, Key::W);
    for wire in [
        "pick rows → Parse text → Tumbling window · rows: no event time",
        "pick rows → Parse text → Histogram · rows: no numbers",
        "pick rows → Flatten · rows: no lists or records",
    ] {
        assert!(journey.has_text(wire), "{wire}");
    }
    journey.keep("wires_that_do_not_fit");
    journey.click("pick rows → Parse text → Tumbling window · rows: no event time");
    let wires: Vec<String> = journey.pipeline().wires().iter().map(ToString::to_string).collect();
    assert_eq!(wires, ["lines.rows → parse_text.rows", "parse_text.rows → window.rows"]);
    assert!(journey.has_text("Method"), "the form of the new node is at hand");

    // What the person had before them comes back with the real store.
    let wire = Wire::new(Endpoint::new(node("lines"), "rows"), Endpoint::new(node("parse_text"), "rows"));
    journey.ask(Command::SetBreakpoint { wire: wire.clone(), mark: Some(millrace_ui::standing::Mark::default()) });
    journey.ask(Command::TogglePanel(Side::Bottom));
    journey.until_saved();
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(1) {
        journey.harness.step();
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut journey = journey.restart();
    journey.until("the breakpoint is there again", |session| session.live.marks.contains_key(&wire));
    journey.harness.run_steps(3);
    assert!(!journey.has_text("Run log"), "the bottom panel is hidden as it was");
}
