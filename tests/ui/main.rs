//! Whole journeys: the real designer on the real host, in one process, asked by role and label as a person or a screen
//! reader meets it.

mod capturing;
#[path = "../../app/ui/tests/support/picture.rs"]
mod picture;
mod wiring;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::accesskit::Role;
use egui::{Key, Modifiers, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use millrace_host::arrow::array::AsArray;
use millrace_host::arrow::datatypes::Float64Type;
use millrace_host::model::run::{EditCost, RunState};
use millrace_host::model::view::ViewSpec;
use millrace_host::model::{NodeId, Pipeline};
use millrace_host::{Host, HostOptions};
use millrace_tests::host_link::HostLink;
use millrace_ui::document::SaveState;
use millrace_ui::session::Session;
use millrace_ui::{Designer, theme};
use tokio::runtime::Runtime;

/// Far longer than anything here takes; only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(90);

struct Journey {
    harness: Harness<'static, Designer>,
    host: Arc<Host>,
    runtime: Runtime,
    folder: tempfile::TempDir,
}

impl Journey {
    /// The first start: a new database, the samples put in, the first one open.
    fn first_start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::start(folder)
    }

    fn start(folder: tempfile::TempDir) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let options = HostOptions::desktop(folder.path().join("millrace.db"), folder.path().to_owned());
        let host = runtime.block_on(Host::open(options)).expect("the host opens");
        let link = HostLink::new(host.clone(), runtime.handle().clone());
        let harness = Harness::builder()
            .with_size(vec2(1440.0, 900.0))
            .with_theme(egui::Theme::Dark)
            .with_context_setup(theme::apply)
            .build_ui_state(|ui, designer: &mut Designer| designer.ui(ui), Designer::with_link(Box::new(link)));
        let mut journey = Self { harness, host, runtime, folder };
        journey.until("a project is open and checked", |session| {
            session.document.is_some() && !session.checked.nodes.is_empty()
        });
        journey.harness.run_steps(3);
        journey
    }

    /// Closes the designer and opens it again on the same database.
    fn restart(self) -> Self {
        let Self { harness, host, runtime, folder } = self;
        drop(harness);
        runtime.block_on(host.shutdown());
        drop(host);
        drop(runtime);
        Self::start(folder)
    }

    fn session(&self) -> &Session {
        self.harness.state().session()
    }

    fn until(&mut self, what: &str, is_so: impl Fn(&Session) -> bool) {
        let started = Instant::now();
        while !is_so(self.session()) {
            assert!(started.elapsed() < PATIENCE, "it never came true: {what}");
            self.harness.step();
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.harness.run_steps(3);
    }

    fn press(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.run_steps(3);
    }

    fn pipeline(&self) -> &Pipeline {
        self.session().document.as_ref().expect("a project is open").pipeline()
    }

    fn has_text(&self, part: &str) -> bool {
        self.harness.query_all_by_label_contains(part).next().is_some()
    }

    /// Leaves a picture of the window, for those who want to look at it.
    fn keep(&mut self, name: &str) {
        self.harness.run_steps(30);
        let ground = self.harness.ctx.global_style().visuals.panel_fill;
        picture::keep(name, &mut self.harness, ground);
    }

    fn until_saved(&mut self) {
        self.until("the project is saved", |session| {
            session.document.as_ref().is_some_and(|document| matches!(document.save_state(), SaveState::Saved))
        });
    }
}

fn node(id: &str) -> NodeId {
    NodeId::new(id).expect("a well-formed id")
}

#[test]
fn the_first_window_has_a_sample_that_runs_fills_its_chart_and_stops() {
    let mut journey = Journey::first_start();
    assert_eq!(journey.pipeline().name(), "Fleet health");
    for title in ["Plant sensors", "Working devices", "Each second per site", "Hottest by site", "Alarm file"] {
        assert!(journey.has_text(&format!("node {title}")), "{title} is on the canvas");
    }
    assert!(journey.session().checked.diagnostics.is_empty(), "{:?}", journey.session().checked.diagnostics);

    journey.click("Run");
    journey.until("the chart has points", |session| {
        session.live.views.get(&node("chart")).is_some_and(|view| view.data.num_rows() > 3)
    });
    journey.until("rates are shown", |session| session.live.rates.source() > 0.0);
    journey.click("Stop");
    journey.until("the run has stopped", |session| session.live.state() == Some(RunState::Stopped));
    let metrics = journey.session().live.metrics.clone().expect("there were metrics");
    assert_eq!(metrics.failure, None);
    let alarms = journey.folder.path().join("samples/out/alarms.csv");
    let lines = fs::read_to_string(&alarms).unwrap_or_else(|error| panic!("{}: {error}", alarms.display()));
    assert_eq!(lines.lines().count() as u64, 1 + metrics.nodes[&node("alarms")].rows_in, "every alarm is in the file");
}

#[test]
fn the_rows_that_pass_a_disabled_node_are_seen_on_both_its_wires() {
    let mut journey = Journey::first_start();
    journey.click("node Working devices");
    journey.press(Modifiers::NONE, Key::D);
    let said = journey.harness.get_by_label("node Working devices").accesskit_node().description();
    assert!(said.as_deref().is_some_and(|said| said.contains("rows pass")), "{said:?}");
    let working = journey.harness.state().selection().nodes.iter().next().expect("it is selected").clone();
    let wires = [journey.pipeline().wires_into(&working), journey.pipeline().wires_out_of(&working)].concat();
    assert!(wires.len() > 1, "{wires:?}");
    journey.until_saved();
    journey.click("Run");
    journey.until("rows go past", |session| {
        wires.iter().all(|wire| session.live.wire(wire).is_some_and(|metrics| metrics.rows > 0))
    });
    assert!(journey.session().live.node(&working).is_none(), "it does not run");
    journey.click(&format!("wire {}", wires[1]));
    journey.keep("bypassed");
    journey.click("Stop");
    journey.until("the run has stopped", |session| session.live.state() == Some(RunState::Stopped));
}

#[test]
fn an_edit_is_undone_after_a_restart() {
    let mut journey = Journey::first_start();
    let before = journey.pipeline().to_text();
    journey.click("node Too hot");
    journey.press(Modifiers::NONE, Key::Delete);
    assert!(journey.pipeline().node(&node("hot")).is_none());
    journey.until_saved();

    let mut journey = journey.restart();
    assert!(journey.pipeline().node(&node("hot")).is_none(), "the deletion was kept");
    journey.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(journey.pipeline().to_text(), before, "and can be taken back");
}

#[test]
fn a_dashboard_of_a_run_is_filtered_zoomed_seen_alone_and_there_after_a_restart() {
    let mut journey = Journey::first_start();
    journey.click("New dashboard");
    journey.press(Modifiers::COMMAND, Key::Enter);
    let sites = |session: &Session| {
        let view = session.live.views.get(&node("chart"))?;
        let names = view.data.column_by_name("series")?.as_string::<i32>().iter().flatten().map(str::to_owned);
        Some(names.collect::<BTreeSet<_>>())
    };
    journey.until("several sites are drawn", |session| sites(session).is_some_and(|sites| sites.len() > 1));
    let one = sites(journey.session()).expect("just seen").into_iter().next().expect("more than one");
    let before = journey.pipeline().to_text();
    journey.click("Filter the charts");
    journey.harness.get_by_role_and_label(Role::CheckBox, &format!("site {one}")).click();
    journey.harness.run_steps(3);
    let only = BTreeSet::from([one.clone()]);
    journey.until("only one site is drawn", |session| sites(session).as_ref() == Some(&only));
    journey.press(Modifiers::NONE, Key::Escape);
    journey.press(Modifiers::ALT, Key::Enter);
    assert!(!journey.has_text("project menu") && journey.has_text("Show every site"), "a reader sees the filter");
    journey.press(Modifiers::NONE, Key::Escape);
    journey.click("Show every site");
    journey.until("all sites are drawn", |session| sites(session).is_some_and(|sites| sites.len() > 1));
    assert_eq!(journey.pipeline().to_text(), before, "reading changes nothing");
    journey.click("Stop");
    journey.until("the run has stopped", |session| session.live.state() == Some(RunState::Stopped));
    journey.until_saved();

    let mut journey = journey.restart();
    assert_eq!(journey.pipeline().dashboards().len(), 1);
    journey.press(Modifiers::ALT, Key::PageDown);
    assert!(journey.has_text("tile "), "it is there, with its tiles");
}

#[test]
fn a_revision_is_compared_restored_and_taken_back_after_a_restart() {
    let mut journey = Journey::first_start();
    let agreed = journey.pipeline().to_text();
    journey.press(Modifiers::COMMAND, Key::S);
    journey.harness.get_by_label("Revision name").type_text("As agreed");
    journey.harness.run_steps(2);
    journey.press(Modifiers::NONE, Key::Enter);
    journey.until("the revision is there", |session| session.revisions.as_ref().is_some_and(|all| !all.is_empty()));
    journey.click("node Too hot");
    journey.press(Modifiers::NONE, Key::Delete);
    let later = journey.pipeline().to_text();
    journey.until_saved();

    let mut journey = journey.restart();
    journey.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::H);
    journey.until("the revisions are listed", |session| session.revisions.is_some());
    journey.harness.run_steps(3);
    journey.click("revision As agreed");
    journey.until("it is compared", |session| session.compared.is_some());
    journey.harness.run_steps(3);
    assert!(journey.has_text("removed node Too hot"));
    journey.keep("revision_compared");
    journey.click("Restore");
    assert_eq!(journey.pipeline().to_text(), agreed);
    journey.until_saved();

    let mut journey = journey.restart();
    assert_eq!(journey.pipeline().to_text(), agreed);
    journey.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(journey.pipeline().to_text(), later);
}

#[test]
fn charts_of_every_kind_live_on_one_dashboard() {
    let mut journey = Journey::first_start();
    journey.press(Modifiers::COMMAND, Key::O);
    journey.until("the projects are listed", |session| !session.projects.is_empty());
    journey.harness.run_steps(3);
    journey.click("open Chart gallery");
    journey.until("the project is open", |session| {
        session.document.as_ref().is_some_and(|document| document.name() == "Chart gallery")
    });
    journey.harness.run_steps(3);
    journey.click("New dashboard");
    journey.keep("dashboard_before_a_run");
    journey.press(Modifiers::COMMAND, Key::Enter);
    let tiles: Vec<NodeId> = journey.pipeline().dashboards().values().flat_map(|it| it.tiles.keys()).cloned().collect();
    assert!(tiles.len() >= 6, "{tiles:?}");
    journey.until("every tile has rows", |session| {
        tiles.iter().all(|node| session.live.views.get(node).is_some_and(|view| view.data.num_rows() > 1))
    });
    for theme in [egui::Theme::Light, egui::Theme::Dark] {
        journey.harness.ctx.set_theme(theme);
        journey.keep(&format!("dashboard_gallery_{theme:?}"));
    }
    journey.press(Modifiers::ALT, Key::Enter);
    journey.keep("dashboard_gallery_full");
    journey.press(Modifiers::NONE, Key::Escape);
    journey.click("Filter the charts");
    journey.keep("dashboard_gallery_filter");
    journey.click("site · 4 values");
    journey.keep("dashboard_gallery_filter_open");
    journey.harness.get_by_role_and_label(Role::CheckBox, "site site-2").click();
    journey.harness.run_steps(3);
    journey.until("the gauges show one site", |session| {
        session.live.views.values().any(|view| matches!(view.spec, ViewSpec::Gauge(_)) && view.data.num_rows() == 1)
    });
    journey.keep("dashboard_gallery_filtered");
    journey.press(Modifiers::NONE, Key::Escape);
    for (width, name) in [(700.0, "narrow"), (420.0, "stacked")] {
        journey.harness.set_size(vec2(width, 800.0));
        journey.keep(&format!("dashboard_gallery_{name}"));
    }
    journey.press(Modifiers::COMMAND, Key::Period);
    journey.until("the run has stopped", |session| session.live.state() == Some(RunState::Stopped));
}

#[test]
fn every_sample_opens_without_a_fault() {
    let samples: Vec<PathBuf> = fs::read_dir(millrace_tests::repository().join("projects"))
        .expect("the samples are there")
        .map(|entry| entry.expect("a folder entry").path())
        .filter(|path| path.to_string_lossy().ends_with(".millrace.json"))
        .collect();
    let mut journey = Journey::first_start();
    for path in &samples {
        let (pipeline, _) = Pipeline::parse(&fs::read_to_string(path).expect("readable")).expect("a pipeline");
        let name = pipeline.name().to_owned();
        journey.press(Modifiers::COMMAND, Key::O);
        journey.until("the projects are listed", |session| session.projects.len() == samples.len());
        journey.harness.run_steps(3);
        journey.click(&format!("open {name}"));
        journey.until("the project is open", |session| {
            session.document.as_ref().is_some_and(|document| document.name() == name)
        });
        journey.until("it was checked", |session| session.checked.nodes.len() == pipeline.num_nodes());
        journey.until("no fault is left", |session| session.checked.diagnostics.is_empty());
    }
}

#[test]
fn a_misspelt_column_is_named_with_its_node_and_mended_by_undo() {
    let mut journey = Journey::first_start();
    journey.click("node Too hot");
    let condition = journey.harness.get_by_label("Condition");
    condition.focus();
    journey.harness.run_steps(2);
    journey.press(Modifiers::COMMAND, Key::A);
    journey.harness.get_by_label("Condition").type_text("temprature > 45");
    journey.harness.run_steps(3);
    journey.until("the fault is found", |session| {
        session
            .checked
            .diagnostics
            .iter()
            .any(|problem| problem.node == Some(node("hot")) && problem.message.contains("Did you mean `temperature`?"))
    });
    let text = journey.pipeline().to_text();
    assert!(text.contains("temprature > 45"), "what was typed is in the pipeline");
    journey.press(Modifiers::NONE, Key::Escape);
    journey.click("Undo");
    journey.until("the fault is gone", |session| session.checked.diagnostics.is_empty());
}

#[test]
fn a_param_changed_during_a_run_is_applied_without_a_restart() {
    let mut journey = Journey::first_start();
    journey.click("Run");
    journey.until("rows reach the alarms", |session| {
        session.live.node(&node("hot")).is_some_and(|metrics| metrics.rows_in > 0)
    });
    let run = journey.session().live.run;
    journey.click("node Too hot");
    journey.harness.get_by_label("Condition").focus();
    journey.harness.run_steps(2);
    journey.press(Modifiers::COMMAND, Key::A);
    journey.harness.get_by_label("Condition").type_text("temperature > -100");
    journey.harness.run_steps(3);
    journey.until(
        "the cost is known",
        |session| matches!(&session.live.edit_cost, Some(EditCost::Nodes { nodes }) if nodes.len() == 1),
    );
    journey.press(Modifiers::NONE, Key::Escape);
    journey.click("Apply changes");
    journey.until("it was applied", |session| session.live.edit_cost == Some(EditCost::Nothing));
    let passed = |session: &Session| session.live.node(&node("hot")).map_or(0, |metrics| metrics.rows_out);
    let before = passed(journey.session());
    journey.until("every row passes now", |session| passed(session) > before + 100);
    assert_eq!((journey.session().live.run, journey.session().live.is_running()), (run, true), "it is the same run");
    journey.click("Stop");
    journey.until("the run has stopped", |session| session.live.state() == Some(RunState::Stopped));
}

#[test]
fn a_run_halts_at_a_breakpoint_shows_the_row_and_goes_on() {
    let mut journey = Journey::first_start();
    let source = journey.pipeline().topological_order().expect("no cycle").remove(0);
    let wire = journey.pipeline().wires_out_of(&source).remove(0);
    journey.click(&format!("wire {wire}"));
    journey.press(Modifiers::NONE, Key::F9);
    journey.click("Where (empty: at every batch)");
    journey.harness.get_by_label("Where (empty: at every batch)").type_text("temperature > 0");
    journey.harness.run_steps(3);
    journey.press(Modifiers::NONE, Key::Enter);
    journey.click("Run");
    journey.until("the run has halted", |session| session.live.halted.is_some());
    journey.harness.run_steps(5);
    assert!(journey.has_text("The run has halted before a row goes from"));
    assert!(journey.has_text("This batch waits before the wire, for its row"));
    let halted = journey.session().live.halted.clone().expect("it has halted");
    let temperatures = halted.rows.column_by_name("temperature").expect("the column of the condition");
    assert!(temperatures.as_primitive::<Float64Type>().value(halted.row) > 0.0);
    journey.keep("halted");

    journey.press(Modifiers::NONE, Key::F10);
    journey.until("the next batch waits", |session| {
        session.live.halted.as_ref().is_some_and(|next| next.number > halted.number)
    });
    journey.press(Modifiers::SHIFT, Key::F9);
    journey.press(Modifiers::NONE, Key::F7);
    journey
        .until("the run goes on", |session| session.live.standstill().is_none() && session.live.rates.source() > 0.0);
    journey.click("Pause");
    journey.until("the run is paused", |session| session.live.standstill().is_some());
    journey.harness.run_steps(5);
    assert!(journey.has_text("Paused"));
    journey.keep("paused");
    journey.click("Stop");
    journey.until("the run has stopped", |session| session.live.state() == Some(RunState::Stopped));
}

#[test]
fn nodes_are_nested_while_they_run_and_changed_inside_without_a_restart() {
    let mut journey = Journey::first_start();
    let before = journey.pipeline().to_text();
    journey.click("Run");
    journey.until("rows reach the alarms", |session| {
        session.live.node(&node("hot")).is_some_and(|metrics| metrics.rows_in > 0)
    });
    let run = journey.session().live.run;
    journey.click("node Too hot");
    journey.press(Modifiers::ALT, Key::G);
    journey.harness.get_by_label("Title").type_text("Alarming");
    journey.harness.run_steps(3);
    journey.press(Modifiers::NONE, Key::Escape);
    assert!(journey.has_text("node Alarming") && !journey.has_text("node Too hot"));
    journey.until("nesting costs nothing", |session| session.live.edit_cost == Some(EditCost::Nothing));
    journey.until("no fault is found", |session| session.checked.diagnostics.is_empty());
    journey.until("the columns at the ports are known", |session| {
        let ports = session.checked.nodes.get(&node("nested_pipeline"));
        ports.is_some_and(|ports| !ports.inputs.is_empty() && ports.inputs.iter().all(|port| port.columns.is_some()))
    });
    let wire = journey.pipeline().wires_into(&node("nested_pipeline")).remove(0);
    let outside = wire.clone();
    journey.until("rows are seen at the border", move |session| {
        session.live.wire_rate(&wire).is_some_and(|rate| rate.rows > 0.0)
    });
    assert!(journey.has_text("status of Alarming: Running"));
    journey.harness.get_by_label(&format!("wire {outside}")).click();
    journey.harness.run_steps(3);
    journey.until("the rows of the wire to the border are shown", |session| {
        session.live.tap.as_ref().is_some_and(|tap| tap.rows.num_rows() > 0)
    });

    journey.click("node Alarming");
    journey.press(Modifiers::NONE, Key::Enter);
    assert!(journey.has_text("inside Alarming"));
    journey.click("node Too hot");
    journey.harness.get_by_label("Condition").focus();
    journey.harness.run_steps(2);
    journey.press(Modifiers::COMMAND, Key::A);
    journey.harness.get_by_label("Condition").type_text("temperature > -100");
    journey.harness.run_steps(3);
    journey.until(
        "only the node inside restarts",
        |session| matches!(&session.live.edit_cost, Some(EditCost::Nodes { nodes }) if nodes.len() == 1),
    );
    journey.press(Modifiers::NONE, Key::Escape);
    journey.click("Apply changes");
    journey.until("it was applied", |session| session.live.edit_cost == Some(EditCost::Nothing));
    assert_eq!((journey.session().live.run, journey.session().live.is_running()), (run, true), "it is the same run");

    journey.press(Modifiers::NONE, Key::Escape);
    assert!(journey.has_text("node Alarming"), "the selection has ended with the typing, so Escape leads out");
    journey.press(Modifiers::ALT | Modifiers::SHIFT, Key::G);
    assert!(journey.has_text("node Too hot") && !journey.has_text("node Alarming"));
    journey.until("unnesting costs nothing", |session| session.live.edit_cost == Some(EditCost::Nothing));
    journey.click("Stop");
    journey.until("the run has stopped", |session| session.live.state() == Some(RunState::Stopped));
    while journey.session().document.as_ref().is_some_and(|document| document.history().undo_label().is_some()) {
        journey.press(Modifiers::COMMAND, Key::Z);
    }
    assert_eq!(journey.pipeline().to_text(), before);
}
