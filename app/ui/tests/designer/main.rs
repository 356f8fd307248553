//! Journeys through the designer by role and label, as a person or a screen reader meets it.

mod actions;
mod annotations;
mod bookmarks;
mod capturing;
mod dashboards;
mod desk;
mod editing;
mod help;
mod nesting;
mod nothing_is_lost;
mod palette;
#[path = "../support/picture.rs"]
mod picture;
mod revisions;
mod running;
mod saving;
mod standing;
#[path = "../support/mod.rs"]
mod support;
mod tour;
mod window;
mod wires;
mod wiring;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use egui::{Event, Key, Modifiers, OutputCommand, PointerButton, Pos2, Vec2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use millrace_model::run::{CpuUse, NodeMetrics, RunMetrics, RunState, WireMetrics};
use millrace_model::{Diagnostic, Pipeline, Wire};
use millrace_protocol::{Failure, FailureCode, Poll, Polled, Request};
use millrace_ui::capture::CaptureWish;
use millrace_ui::command::Command;
use millrace_ui::link::{DialogPurpose, LinkState, Picked, PickedFile};
use millrace_ui::selection::Selection;
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

    fn text(&self) -> String {
        self.pipeline().to_text()
    }

    /// Has commands carried out, as a menu of the system would.
    fn ask(&mut self, commands: impl IntoIterator<Item = Command>) {
        for command in commands {
            self.harness.state_mut().ask(command);
        }
        self.step();
    }

    fn select(&mut self, ids: &[&str]) {
        let nodes = ids.iter().map(|id| id.parse().expect("an id"));
        self.ask([Command::Select(Selection::nodes(nodes))]);
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
            wires: vec![WireMetrics { wire, rows: 1_200, batches: 3, rows_injected: 0, fill: 0.5 }],
            memory_bytes: 0,
            cpu: None,
            checkpoint: None,
            standstill: None,
        },
        taps: Vec::new(),
        views: BTreeMap::new(),
        parts: BTreeMap::new(),
        log: Vec::new(),
        halt: None,
        capturing: None,
        replaying: None,
    }
}
