//! Nested pipelines: made from a selection, opened, changed inside, watched in a run, and taken apart again.

use egui::Color32;
use millrace_model::{Nesting, NodeId, Severity};
use millrace_ui::command::{Look, NestWish};

use super::*;

/// Devices feed a filter and a window; the window feeds a chart, rejected rows of the filter go to a sink.
const PLANT: &str = r#"{
  "format": 1, "name": "Plant",
  "nodes": {
    "bad": {"kind": "store.discard", "title": "Bad rows"},
    "chart": {"kind": "visualize.line_chart", "title": "Average"},
    "devices": {"kind": "ingest.simulate_devices", "title": "Devices", "params": {"fleet": "press line"}},
    "hot": {"kind": "process.filter", "title": "Hot", "params": {"condition": "temperature > 30"}},
    "window": {"kind": "analyze.tumbling_window", "title": "Each minute", "params": {"size": "1 min"}}
  },
  "wires": [
    {"from": "devices.rows", "to": "hot.rows"}, {"from": "hot.rejected", "to": "bad.rows"},
    {"from": "hot.rows", "to": "window.rows"}, {"from": "window.rows", "to": "chart.rows"}
  ],
  "layout": {"nodes": {
    "bad": {"x": 720, "y": 220}, "chart": {"x": 720, "y": 0}, "devices": {"x": 0, "y": 0},
    "hot": {"x": 240, "y": 0}, "window": {"x": 480, "y": 0}
  }}
}"#;

fn id(text: &str) -> NodeId {
    text.parse().expect("an id")
}

/// [`PLANT`] with the filter and the window nested as “Cleaning”.
fn nested() -> Bench {
    let mut bench = Bench::open(PLANT);
    bench.select(&["hot", "window"]);
    bench.press(Modifiers::ALT, Key::G);
    bench.harness.get_by_label("Title").type_text("Cleaning");
    bench.step();
    bench.ask([Command::EndBurst, Command::ClearSelection]);
    bench.wait(400.0);
    bench
}

fn open(bench: &mut Bench) {
    bench.ask([Command::Open(Some(id("nested_pipeline")))]);
    bench.wait(200.0);
}

/// A run in which every node that works has figures, and every wire of the flat pipeline.
fn run_of(poll: &Poll, elapsed_ms: u64) -> Polled {
    let rows = elapsed_ms;
    let node = |is_source, rejected| NodeMetrics {
        is_source,
        rows_in: if is_source { 0 } else { rows },
        rows_out: rows,
        rows_rejected: rejected,
        ..NodeMetrics::default()
    };
    let wire = |from: &str, to: &str| WireMetrics {
        wire: Wire::new(from.parse().expect("an end"), to.parse().expect("an end")),
        rows,
        batches: 3,
        rows_injected: 0,
        fill: 0.5,
    };
    let nodes = [("devices", true, 0), ("hot", false, 7), ("window", false, 0), ("chart", false, 0), ("bad", false, 0)];
    let mut polled = running(poll, RunState::Running);
    polled.metrics.elapsed_ms = elapsed_ms;
    polled.metrics.nodes = nodes.map(|(name, is_source, bad)| (id(name), node(is_source, bad))).into_iter().collect();
    polled.metrics.wires = vec![
        wire("devices.rows", "hot.rows"),
        wire("hot.rejected", "bad.rows"),
        wire("hot.rows", "window.rows"),
        wire("window.rows", "chart.rows"),
    ];
    polled
}

fn start(bench: &mut Bench) {
    let mut elapsed_ms = 0;
    bench.host.borrow_mut().polled = Some(Box::new(move |poll| {
        elapsed_ms += 500;
        run_of(poll, elapsed_ms)
    }));
    bench.ask([Command::Run]);
    bench.wait(1_500.0);
}

#[test]
fn nested_nodes_become_one_with_ports_named_after_what_they_carry() {
    let mut bench = nested();
    assert_eq!(bench.steps()[0], "Nest 2 nodes");
    assert!(bench.has("node Cleaning") && !bench.has("node Hot") && !bench.has("node Each minute"));
    for port in ["input Devices of Cleaning", "output Each minute of Cleaning", "output Hot rejected of Cleaning"] {
        assert!(bench.has(port), "{port}");
    }
    assert!(bench.harness.state().session().checked.diagnostics.is_empty());
    open(&mut bench);
    assert!(bench.has("node Hot") && bench.has("node Each minute") && !bench.has("node Average"));
    assert!(bench.has("output rows of port Devices"), "the port is a node inside that gives the rows");
    assert!(bench.has("input rows of port Hot rejected"));
    assert!(bench.has("inside Cleaning"));
}

#[test]
fn double_click_and_enter_open_and_escape_leads_out() {
    let mut bench = nested();
    let at = bench.center_of("node Cleaning");
    for _ in 0..2 {
        bench.harness.hover_at(at);
        for pressed in [true, false] {
            let button = PointerButton::Primary;
            bench.harness.event(Event::PointerButton { pos: at, button, pressed, modifiers: Modifiers::NONE });
        }
        bench.harness.step();
    }
    bench.step();
    assert!(bench.has("inside Cleaning"));
    bench.select(&["hot"]);
    bench.press(Modifiers::NONE, Key::Escape);
    assert!(bench.has("inside Cleaning") && bench.selected().is_empty(), "the first Escape ends the selection");
    bench.press(Modifiers::NONE, Key::Escape);
    assert!(!bench.has("inside Cleaning"));
    assert_eq!(bench.selected(), ["nested_pipeline"], "what was left is selected");
    bench.press(Modifiers::NONE, Key::Enter);
    assert!(bench.has("inside Cleaning"));
    bench.click("go to Plant");
    assert!(bench.has("node Average"));
    bench.press(Modifiers::COMMAND | Modifiers::ALT, Key::ArrowLeft);
    assert!(bench.has("inside Cleaning"), "back leads inside again");
    bench.click("Go out");
    assert!(bench.has("node Average"));
}

#[test]
fn escape_that_ends_typing_does_not_lead_out() {
    let mut bench = nested();
    open(&mut bench);
    bench.select(&["hot"]);
    bench.harness.get_by_label("Title").focus();
    bench.step();
    bench.press(Modifiers::NONE, Key::Escape);
    assert!(bench.has("inside Cleaning"));
    bench.press(Modifiers::COMMAND, Key::F);
    bench.ask([Command::ClearSelection]);
    bench.harness.get_by_label("Find on the canvas").type_text("xyz");
    bench.step();
    bench.press(Modifiers::NONE, Key::Escape);
    assert!(bench.has("inside Cleaning") && !bench.has("Find on the canvas"));
}

#[test]
fn what_is_changed_inside_is_undone_with_the_nesting() {
    let mut bench = Bench::open(PLANT);
    let before = bench.text();
    bench.select(&["hot", "window"]);
    bench.press(Modifiers::ALT, Key::G);
    bench.press(Modifiers::NONE, Key::Escape);
    open(&mut bench);
    bench.ask([Command::AddNode { kind: "process.filter".to_owned(), at: None, wire_from: None }]);
    assert_eq!(bench.pipeline().home_of(&id("filter")), Some(&id("nested_pipeline")));
    bench.press(Modifiers::NONE, Key::N);
    bench.press(Modifiers::NONE, Key::Escape);
    bench.ask([Command::Nest(NestWish::AddPort(Nesting::Output))]);
    bench.press(Modifiers::NONE, Key::Escape);
    bench.drag(bench.center_of("output rows of Filter"), bench.center_of("input rows of port Nested output"));
    assert!(bench.wires().contains(&"filter.rows → nested_output.rows".to_owned()), "{:?}", bench.wires());
    bench.ask([Command::Open(None)]);
    assert!(bench.has("output Nested output of Nested pipeline"));
    assert!(!bench.has("note "), "the note stands inside");
    let last = bench.text();
    let done = bench.steps().len();
    for _ in 0..done {
        bench.press(Modifiers::COMMAND, Key::Z);
    }
    assert_eq!(bench.text(), before);
    for _ in 0..done {
        bench.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    }
    assert_eq!(bench.text(), last);
}

#[test]
fn undoing_the_nesting_while_it_is_open_leads_out() {
    let mut bench = nested();
    open(&mut bench);
    bench.press(Modifiers::COMMAND, Key::Z);
    bench.press(Modifiers::COMMAND, Key::Z);
    assert!(bench.has("node Hot") && bench.has("node Average") && !bench.has("Go out"));
    bench.select(&["hot"]);
    bench.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    assert!(bench.selected().is_empty(), "what went inside is no longer selected");
}

#[test]
fn unnesting_gives_the_wires_and_places_that_were() {
    let mut bench = Bench::open(PLANT);
    let (wires, place) = (bench.wires(), bench.center_of("node Hot"));
    bench.select(&["hot", "window"]);
    bench.press(Modifiers::ALT, Key::G);
    bench.press(Modifiers::NONE, Key::Escape);
    bench.select(&["nested_pipeline"]);
    bench.press(Modifiers::ALT | Modifiers::SHIFT, Key::G);
    assert_eq!(bench.wires(), wires);
    assert!((bench.center_of("node Hot") - place).length() < 1.0);
    assert_eq!(bench.selected(), ["hot", "window"]);
    assert_eq!(bench.steps(), ["Nest 2 nodes", "Unnest Nested pipeline"]);
}

#[test]
fn nodes_with_another_between_them_are_refused_by_its_name() {
    let mut bench = Bench::open(PLANT);
    let before = bench.text();
    bench.select(&["devices", "window"]);
    bench.press(Modifiers::ALT, Key::G);
    assert!(bench.has_text("“Hot” gets rows from the selected nodes and feeds them too"));
    assert_eq!(bench.text(), before);
}

#[test]
fn a_run_is_seen_at_the_border_and_inside() {
    let mut bench = nested();
    start(&mut bench);
    let status = |bench: &Bench, title: &str| bench.has_text(&format!("status of {title}: Running"));
    assert!(status(&bench, "Cleaning"));
    let live = &bench.harness.state().session().live;
    let outside =
        Wire::new("devices.rows".parse().expect("an end"), "nested_pipeline.devices_in".parse().expect("an end"));
    let rate = live.wire_rate(&outside).expect("the wire to the border has a rate");
    assert!(rate.rows > 0.0 && rate.fill == 0.5);
    bench.select(&["nested_pipeline"]);
    let num_rates = bench.harness.query_all_by_label("1.0 k/s").count();
    assert!(num_rates >= 3, "each port has a rate in the inspector: {num_rates}");
    bench.ask([Command::Tap(Some(outside.clone()))]);
    bench.wait(400.0);
    let polls = |bench: &Bench| {
        let host = bench.host.borrow();
        host.heard.iter().rev().find_map(|request| match request {
            Request::Poll(poll) => Some(poll.taps.iter().map(ToString::to_string).collect::<Vec<_>>()),
            _ => None,
        })
    };
    assert_eq!(polls(&bench), Some(vec!["devices.rows → hot.rows".to_owned()]), "the run knows no borders");
    open(&mut bench);
    assert!(status(&bench, "Hot") && status(&bench, "Each minute"));
    bench.ask([Command::Undo, Command::Undo]);
    let tapped = bench.harness.state().session().live.tapped.clone();
    assert_eq!(tapped.map(|wire| wire.to_string()).as_deref(), Some("devices.rows → hot.rows"), "the tap stays");
}

#[test]
fn a_fault_inside_is_shown_outside_and_jumped_to() {
    let host = Host::with(PLANT);
    let fault = Diagnostic::error("unknown_column", "There is no column `temprature`.").at_node(&id("hot"));
    host.borrow_mut().checked.diagnostics.push(fault);
    let mut bench = Bench::with(host);
    bench.select(&["hot", "window"]);
    bench.press(Modifiers::ALT, Key::G);
    bench.press(Modifiers::NONE, Key::Escape);
    bench.wait(400.0);
    assert!(bench.has_text("status of Nested pipeline: Has an error: Hot: There is no column"));
    assert!(bench.has_text("Error in Nested pipeline › Hot"));
    bench.press(Modifiers::NONE, Key::F8);
    assert!(bench.has("inside Nested pipeline"));
    assert_eq!(bench.selected(), ["hot"]);
    assert_eq!(bench.harness.state().session().checked.diagnostics[0].severity, Severity::Error);
}

#[test]
fn a_search_jumps_inside() {
    let mut bench = nested();
    bench.press(Modifiers::COMMAND, Key::F);
    bench.harness.get_by_label("Find on the canvas").type_text("each minute");
    bench.step();
    assert_eq!(bench.selected(), ["window"]);
    assert!(bench.has("inside Cleaning"));
}

#[test]
fn a_copy_takes_what_is_inside_along_under_new_names() {
    let mut bench = nested();
    bench.select(&["nested_pipeline"]);
    bench.press(Modifiers::COMMAND, Key::D);
    let pipeline = bench.pipeline();
    let copy = id("nested_pipeline_2");
    assert_eq!(pipeline.within(&copy).len(), pipeline.within(&id("nested_pipeline")).len());
    let inside: Vec<String> = pipeline.inside(&copy).map(ToString::to_string).collect();
    for wire in pipeline.wires().iter().filter(|wire| inside.contains(&wire.from.node.to_string())) {
        assert!(inside.contains(&wire.to.node.to_string()), "{wire} stays in the copy");
    }
    assert_eq!(bench.selected(), ["nested_pipeline_2"]);
    assert_eq!(bench.steps().last().map(String::as_str), Some("Duplicate Cleaning"));
    bench.press(Modifiers::NONE, Key::Delete);
    assert_eq!(bench.pipeline().num_nodes(), 9, "deleting takes the inside along as well");
    bench.press(Modifiers::COMMAND, Key::X);
    bench.select(&["nested_pipeline"]);
    bench.ask([Command::Cut]);
    assert_eq!(bench.ids(), ["bad", "chart", "devices"]);
    bench.ask([Command::PasteCopied]);
    assert_eq!(bench.pipeline().num_nodes(), 9);
}

#[test]
fn ports_are_offered_only_inside() {
    let mut bench = nested();
    assert!(!bench.has("add Nested input") && bench.has("add Nested pipeline"));
    open(&mut bench);
    assert!(bench.has("add Nested input"));
}

#[test]
fn nested_pipelines_in_both_themes() {
    for (name, theme) in [("dark", egui::Theme::Dark), ("light", egui::Theme::Light)] {
        let mut bench = nested();
        bench.harness.ctx.set_theme(theme);
        start(&mut bench);
        bench.select(&["nested_pipeline"]);
        let ground: Color32 = theme::Theme::of(&bench.harness.ctx).ground;
        picture::keep(&format!("nested-{name}"), &mut bench.harness, ground);
        bench.ask([Command::Look(Look::ZoomTo(40)), Command::ClearSelection]);
        picture::keep(&format!("nested-far-{name}"), &mut bench.harness, ground);
        open(&mut bench);
        bench.ask([Command::Look(Look::TogglePanels)]);
        bench.ask([Command::ZoomToFit]);
        picture::keep(&format!("nested-inside-{name}"), &mut bench.harness, ground);
        assert!(bench.has("inside Cleaning"));
    }
}
