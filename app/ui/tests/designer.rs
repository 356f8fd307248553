//! Journeys through the designer by role and label, as a person or a screen reader meets it.

mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use egui::{Event, Key, Modifiers, OutputCommand, PointerButton, Pos2, Vec2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use millrace_model::run::{NodeMetrics, RunMetrics, RunState, WireMetrics};
use millrace_model::{Diagnostic, Pipeline, Wire};
use millrace_protocol::{Failure, FailureCode, Poll, Polled, Request};
use millrace_ui::link::{DialogPurpose, LinkState, Picked, PickedFile};
use millrace_ui::{Designer, theme};
use support::{FakeLink, Host};

const EMPTY: &str = r#"{"format": 1, "name": "Empty", "nodes": {}, "wires": []}"#;
const FLEET: &str = r#"{
  "format": 1, "name": "Fleet",
  "nodes": {
    "chart": {"kind": "visualize.line_chart"},
    "devices": {"kind": "ingest.simulate_devices", "title": "Devices"},
    "hot": {"kind": "process.filter", "title": "Hot", "params": {"condition": "temperature > 30"}}
  },
  "wires": [{"from": "devices.rows", "to": "hot.rows"}],
  "layout": {"nodes": {"chart": {"x": 560, "y": 0}, "devices": {"x": 0, "y": 0}, "hot": {"x": 280, "y": 0}}}
}"#;

struct Bench {
    harness: Harness<'static, Designer>,
    host: Rc<RefCell<Host>>,
}

impl Bench {
    fn open(text: &str) -> Self {
        Self::with(Host::with(text))
    }

    fn with(host: Rc<RefCell<Host>>) -> Self {
        let designer = Designer::with_link(Box::new(FakeLink(host.clone())));
        let harness = Harness::builder()
            .with_size(vec2(1440.0, 900.0))
            .with_theme(egui::Theme::Dark)
            .with_step_dt(1.0 / 60.0)
            .with_context_setup(theme::apply)
            .build_ui_state(|ui, designer: &mut Designer| designer.ui(ui), designer);
        let mut bench = Self { harness, host };
        bench.wait(400.0);
        bench
    }

    /// Lets the clock of the host run.
    fn wait(&mut self, wait_ms: f64) {
        for _ in 0..(wait_ms / 50.0).ceil() as usize {
            self.host.borrow_mut().now_ms += 50.0;
            self.harness.step();
        }
    }

    fn step(&mut self) {
        self.harness.run_steps(3);
    }

    fn pipeline(&self) -> &Pipeline {
        self.harness.state().session().document.as_ref().expect("a project is open").pipeline()
    }

    fn steps(&self) -> Vec<String> {
        let document = self.harness.state().session().document.as_ref().expect("a project is open");
        let done = document.history().cursor();
        document.history().steps()[..done].iter().map(|step| step.label.clone()).collect()
    }

    fn ids(&self) -> Vec<&str> {
        self.pipeline().node_ids().map(|id| id.as_str()).collect()
    }

    fn wires(&self) -> Vec<String> {
        self.pipeline().wires().iter().map(Wire::to_string).collect()
    }

    fn selected(&self) -> Vec<&str> {
        self.harness.state().selection().nodes.iter().map(|id| id.as_str()).collect()
    }

    fn center_of(&self, label: &str) -> Pos2 {
        self.harness.get_by_label(label).rect().center()
    }

    fn has(&self, label: &str) -> bool {
        self.harness.query_all_by_label(label).next().is_some()
    }

    fn has_text(&self, part: &str) -> bool {
        self.harness.query_all_by_label_contains(part).next().is_some()
    }

    fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.step();
    }

    fn press(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.step();
    }

    fn drag(&mut self, from: Pos2, to: Pos2) {
        self.harness.hover_at(from);
        self.harness.step();
        self.harness.drag_at(from);
        self.harness.step();
        for part in 1..=4 {
            self.harness.hover_at(from + (to - from) * (part as f32 / 4.0));
            self.harness.step();
        }
        self.harness.drop_at(to);
        self.step();
    }

    fn saves(&self) -> usize {
        self.host.borrow().heard.iter().filter(|request| matches!(request, Request::SaveDraft(_))).count()
    }

    fn copied(&mut self, event: Event) -> String {
        self.harness.event(event);
        self.harness.step();
        let commands = &self.harness.output().platform_output.commands;
        commands
            .iter()
            .find_map(|command| match command {
                OutputCommand::CopyText(text) => Some(text.clone()),
                _ => None,
            })
            .expect("something was copied")
    }
}

fn running(poll: &Poll, state: RunState) -> Polled {
    let node = |is_source, rows| NodeMetrics { is_source, rows_in: rows, rows_out: rows, ..NodeMetrics::default() };
    let id = |text: &str| text.parse().expect("an id");
    let wire = Wire::new("devices.rows".parse().expect("an end"), "hot.rows".parse().expect("an end"));
    assert_eq!(poll.run, 7);
    Polled {
        metrics: RunMetrics {
            state,
            elapsed_ms: 61_000,
            failure: None,
            nodes: BTreeMap::from([(id("devices"), node(true, 1_200)), (id("hot"), node(false, 1_200))]),
            wires: vec![WireMetrics { wire, rows: 1_200, batches: 3, fill: 0.5 }],
            memory_bytes: 0,
            checkpoint: None,
        },
        taps: Vec::new(),
        views: BTreeMap::new(),
        parts: BTreeMap::new(),
        log: Vec::new(),
    }
}

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
fn an_edit_is_saved_within_a_second_with_its_history() {
    let mut bench = Bench::open(FLEET);
    assert!(bench.has("Saved"));
    bench.click("node Hot");
    bench.press(Modifiers::NONE, Key::D);
    assert_eq!(bench.saves(), 0, "a burst is not saved key by key");
    bench.wait(1_000.0);
    assert_eq!(bench.saves(), 1);
    let host = bench.host.borrow();
    assert_eq!(host.project.text, bench.pipeline().to_text());
    assert_eq!(host.project.steps.len(), 1);
    assert_eq!(host.project.steps[0].label, "Disable Hot");
    drop(host);
    assert!(bench.has("Saved"));
    bench.press(Modifiers::COMMAND, Key::Z);
    bench.wait(1_000.0);
    assert_eq!((bench.host.borrow().project.cursor, bench.host.borrow().project.steps.len()), (0, 1));
}

#[test]
fn a_refused_save_is_said_and_tried_again_until_it_works() {
    let mut bench = Bench::open(FLEET);
    bench.host.borrow_mut().save_failure = Some(Failure::new(FailureCode::Storage, "The disk is full."));
    bench.click("node Hot");
    bench.press(Modifiers::NONE, Key::Delete);
    bench.wait(1_000.0);
    assert!(bench.has("Not saved"));
    assert!(bench.has_text("The disk is full."));
    bench.wait(2_500.0);
    assert!(bench.saves() >= 2, "it is tried again");
    bench.host.borrow_mut().save_failure = None;
    bench.wait(2_500.0);
    assert!(bench.has("Saved"));
    assert_eq!(bench.host.borrow().project.text, bench.pipeline().to_text());
}

#[test]
fn after_a_conflict_the_person_chooses_and_keeps_what_they_did() {
    let mut bench = Bench::open(FLEET);
    bench.host.borrow_mut().save_failure = Some(Failure::new(FailureCode::Conflict, "It was changed elsewhere."));
    bench.host.borrow_mut().project.version = 9;
    bench.click("node Hot");
    bench.press(Modifiers::NONE, Key::Delete);
    bench.wait(1_000.0);
    bench.host.borrow_mut().save_failure = None;
    let saves = bench.saves();
    bench.wait(5_000.0);
    assert_eq!(bench.saves(), saves, "nothing is overwritten without asking");
    bench.click("Keep what is here");
    bench.wait(500.0);
    assert_eq!(bench.host.borrow().project.version, 10);
    assert_eq!(bench.host.borrow().project.text, bench.pipeline().to_text());
    assert!(bench.has("Saved"));
}

#[test]
fn a_lost_connection_is_said_and_nothing_is_lost() {
    let mut bench = Bench::open(FLEET);
    bench.host.borrow_mut().state = LinkState::Lost("The runtime does not answer.".to_owned());
    bench.click("node Hot");
    bench.press(Modifiers::NONE, Key::Delete);
    bench.wait(1_500.0);
    assert!(bench.has_text("The runtime does not answer."));
    assert!(bench.has("Not saved"));
    bench.host.borrow_mut().state = LinkState::Open;
    bench.wait(1_000.0);
    assert!(!bench.has_text("The runtime does not answer."));
    assert!(bench.has("Saved"));
    assert_eq!(bench.host.borrow().project.text, bench.pipeline().to_text());
}

#[test]
fn run_starts_what_is_on_the_canvas_and_stop_twice_ends_at_once() {
    let mut bench = Bench::open(FLEET);
    bench.host.borrow_mut().polled = Some(Box::new(|poll| running(poll, RunState::Running)));
    bench.click("node Hot");
    bench.press(Modifiers::NONE, Key::D);
    bench.click("Run");
    let text = bench.pipeline().to_text();
    let started = bench
        .host
        .borrow()
        .heard
        .iter()
        .any(|request| matches!(request, Request::StartRun { project: 1, text: sent, .. } if *sent == text));
    assert!(started, "the run has the edit that was not saved yet");
    bench.wait(300.0);
    assert!(bench.has("00:01:01"), "run time");
    bench.click("Stop");
    bench.host.borrow_mut().polled = Some(Box::new(|poll| running(poll, RunState::Stopping)));
    bench.wait(300.0);
    bench.click("Stop now");
    let stops: Vec<bool> = bench
        .host
        .borrow()
        .heard
        .iter()
        .filter_map(|request| match request {
            Request::StopRun { now, .. } => Some(*now),
            _ => None,
        })
        .collect();
    assert_eq!(stops, [false, true]);
    bench.host.borrow_mut().polled = Some(Box::new(|poll| running(poll, RunState::Stopped)));
    bench.wait(300.0);
    assert!(bench.has("Run"));
    assert!(bench.has_text("1.2 k rows"));
}

#[test]
fn a_run_that_is_refused_says_why() {
    let mut bench = Bench::open(FLEET);
    let mut failure = Failure::new(FailureCode::InvalidPipeline, "The pipeline has 1 fault.");
    failure.diagnostics = vec![
        Diagnostic::error("unknown_column", "There is no column `temprature`.").at_node(&"hot".parse().expect("an id")),
    ];
    bench.host.borrow_mut().start_failure = Some(failure);
    bench.click("Run");
    bench.step();
    assert!(bench.has_text("The pipeline has 1 fault."));
    assert!(bench.has("status of Hot: Needs mending: There is no column `temprature`."));
    assert!(bench.has("Run"), "it can be tried again");
}

#[test]
fn a_clicked_wire_is_tapped_while_the_run_goes_on() {
    let mut bench = Bench::open(FLEET);
    bench.host.borrow_mut().polled = Some(Box::new(|poll| running(poll, RunState::Running)));
    bench.click("Run");
    bench.click("wire devices.rows → hot.rows");
    bench.wait(300.0);
    let last = bench.host.borrow().heard.iter().rev().find_map(|request| match request {
        Request::Poll(poll) => Some(poll.clone()),
        _ => None,
    });
    let poll = last.expect("a run is polled");
    assert_eq!(poll.taps.iter().map(Wire::to_string).collect::<Vec<_>>(), ["devices.rows → hot.rows"]);
    assert_eq!(poll.views.keys().map(|id| id.as_str()).collect::<Vec<_>>(), ["chart"], "what is seen is asked for");
}

#[test]
fn faults_are_shown_at_their_node() {
    let mut bench = Bench::open(EMPTY);
    bench.click("Search nodes");
    bench.harness.get_by_label("Search nodes").type_text("filter");
    bench.press(Modifiers::NONE, Key::Enter);
    bench.wait(300.0);
    assert!(bench.has_text("status of Filter: Needs mending"));
    bench.press(Modifiers::COMMAND, Key::Z);
    bench.wait(300.0);
    assert!(!bench.has_text("status of Filter"));
}

#[test]
fn the_theme_is_switched_and_remembered() {
    let mut bench = Bench::open(FLEET);
    assert_eq!(bench.harness.ctx.theme(), egui::Theme::Dark);
    bench.click("Light theme");
    assert_eq!(bench.harness.ctx.theme(), egui::Theme::Light);
    let wrote = |theme: &str| {
        bench.host.borrow().heard.iter().any(
            |request| matches!(request, Request::WriteSetting { name, value } if name == "theme" && value == theme),
        )
    };
    assert!(wrote("light"));
}

#[test]
fn scrolling_pans_and_ctrl_scrolling_zooms_at_the_pointer() {
    let mut bench = Bench::open(FLEET);
    let before = bench.center_of("node Hot");
    bench.harness.hover_at(before);
    bench.harness.event(Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: vec2(0.0, -60.0),
        modifiers: Modifiers::NONE,
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Wheel,
    });
    bench.harness.run_steps(30);
    let panned = bench.center_of("node Hot");
    assert!(panned.y < before.y - 20.0, "{before:?} → {panned:?}");
    let width = bench.harness.get_by_label("node Hot").rect().width();
    bench.harness.hover_at(panned);
    bench.harness.event(Event::Zoom(0.5));
    bench.step();
    assert!(bench.harness.get_by_label("node Hot").rect().width() < width * 0.6);
    assert!((bench.center_of("node Hot") - panned).length() < 3.0);
    bench.press(Modifiers::NONE, Key::F);
    assert!((bench.harness.get_by_label("node Hot").rect().width() - width).abs() < 1.0);
}

#[test]
fn a_middle_drag_pans_even_over_a_node() {
    let mut bench = Bench::open(FLEET);
    let before = bench.center_of("node Hot");
    let button =
        |pos, pressed| Event::PointerButton { pos, button: PointerButton::Middle, pressed, modifiers: Modifiers::NONE };
    bench.harness.hover_at(before);
    bench.harness.step();
    bench.harness.event(button(before, true));
    bench.harness.step();
    bench.harness.hover_at(before + vec2(60.0, 40.0));
    bench.harness.step();
    bench.harness.event(button(before + vec2(60.0, 40.0), false));
    bench.step();
    assert!((bench.center_of("node Hot") - before - vec2(60.0, 40.0)).length() < 2.0);
    assert!(bench.steps().is_empty(), "the node was not moved");
}

#[test]
fn projects_are_listed_when_none_is_open_and_one_opens_by_a_click() {
    let host = Host::with(FLEET);
    host.borrow_mut().welcome_project = None;
    let mut bench = Bench::with(host);
    bench.click("open Fleet health");
    bench.wait(200.0);
    assert!(bench.has("node Hot"));
}

#[test]
fn a_picked_file_is_imported_once_the_open_project_is_saved() {
    let mut bench = Bench::open(FLEET);
    bench.click("node Hot");
    bench.press(Modifiers::NONE, Key::Delete);
    bench.host.borrow_mut().picked.push(Picked {
        purpose: DialogPurpose::ImportPipeline,
        file: PickedFile::Text { name: "a.millrace.json".to_owned(), text: EMPTY.to_owned() },
    });
    bench.wait(300.0);
    let heard = &bench.host.borrow().heard;
    let save = heard.iter().position(|request| matches!(request, Request::SaveDraft(_)));
    let import = heard.iter().position(|request| matches!(request, Request::ImportProject { .. }));
    assert!(save.is_some() && save < import, "save at {save:?}, import at {import:?}");
}

#[test]
fn panels_are_hidden_and_come_back_when_they_are_needed() {
    let mut bench = Bench::open(FLEET);
    let narrow = bench.harness.get_by_label("canvas").rect();
    for key in [Key::Num1, Key::Num2, Key::Num3] {
        bench.press(Modifiers::NONE, key);
    }
    bench.harness.run_steps(30);
    let wide = bench.harness.get_by_label("canvas").rect();
    assert!(wide.width() > narrow.width() + 400.0 && wide.height() > narrow.height() + 150.0, "{narrow:?} {wide:?}");
    assert!(!bench.has("Search nodes"));
    bench.press(Modifiers::COMMAND, Key::F);
    bench.harness.run_steps(30);
    assert!(bench.has("Search nodes"));
}

#[test]
fn the_command_list_and_the_keys_are_found_by_the_keyboard() {
    let mut bench = Bench::open(FLEET);
    bench.press(Modifiers::COMMAND, Key::K);
    bench.harness.get_by_label("Find a command").type_text("light");
    bench.step();
    bench.press(Modifiers::NONE, Key::Enter);
    assert_eq!(bench.harness.ctx.theme(), egui::Theme::Light);
    bench.press(Modifiers::NONE, Key::Questionmark);
    assert!(bench.has("Copy, cut, paste"));
    bench.press(Modifiers::NONE, Key::Escape);
    assert!(!bench.has("Copy, cut, paste"));
}
