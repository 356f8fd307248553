//! The list of actions: each is reached by palette and keyboard, and is either one undoable step or changes nothing.

use std::collections::BTreeSet;

use egui::KeyboardShortcut;
use millrace_model::run::Standstill;
use millrace_model::{Edit, LayoutId};
use millrace_protocol::{ImageFormat, Revision};
use millrace_ui::actions::{Action, Effect, Need, all, find};
use millrace_ui::command::{Command, DashboardWish, Look, RevisionWish, TimeRange};
use millrace_ui::standing::Mark;

use super::dashboards::waves;
use super::*;

/// A pipeline in which every action has something to do.
const FULL: &str = r#"{
  "format": 1, "name": "Full",
  "nodes": {
    "chart": {"kind": "visualize.line_chart"},
    "devices": {"kind": "ingest.simulate_devices", "title": "Devices"},
    "faulty": {"kind": "process.filter"},
    "hot": {"kind": "process.filter", "title": "Hot", "params": {"condition": "temperature > 30"}},
    "inner": {"inside": "nested", "kind": "process.filter", "params": {"condition": "true"}},
    "nested": {"kind": "process.nested_pipeline"},
    "loose": {"kind": "process.filter", "params": {"condition": "temperature > 40"}},
    "off": {"disabled": true, "kind": "process.filter", "params": {"condition": "true"}}
  },
  "wires": [{"from": "devices.rows", "to": "hot.rows"}, {"from": "hot.rows", "to": "chart.rows"}],
  "layout": {
    "nodes": {
      "chart": {"x": 563, "y": 20}, "devices": {"x": 0, "y": 3}, "faulty": {"x": 20, "y": 203},
      "hot": {"x": 283, "y": 0}, "inner": {"x": 0, "y": 0}, "nested": {"x": 800, "y": 200}, "loose": {"x": 310, "y": 303}, "off": {"x": 600, "y": 370}
    },
    "groups": {"pair": {"nodes": ["hot", "chart"], "tint": "red", "title": "Pair"}},
    "notes": {"n": {"height": 100, "position": {"x": 0, "y": 420}, "text": "Read me", "tint": "blue", "width": 160}},
    "bookmarks": {
      "a": {"center": {"x": 0, "y": 0}, "title": "A", "zoom_percent": 100},
      "b": {"center": {"x": 50, "y": 0}, "title": "B", "zoom_percent": 90},
      "c": {"center": {"x": 0, "y": 50}, "title": "C", "zoom_percent": 80},
      "d": {"center": {"x": 9, "y": 9}, "title": "D", "zoom_percent": 70},
      "e": {"center": {"x": 5, "y": 0}, "title": "E", "zoom_percent": 60}
    }
  }
}"#;

fn id(text: &str) -> LayoutId {
    text.parse().expect("an id")
}

fn rename(name: &str) -> Command {
    Command::Edit { label: "Rename".to_owned(), edits: vec![Edit::SetName { name: name.to_owned() }], merge: None }
}

fn wire() -> Wire {
    Wire::new("devices.rows".parse().expect("an end"), "hot.rows".parse().expect("an end"))
}

/// Brings about what the action cannot do without.
fn prepare(bench: &mut Bench, need: Need) {
    let nodes = |ids: &[&str]| Selection::nodes(ids.iter().map(|id| id.parse().expect("an id")));
    let pair = Selection::group(id("pair"), nodes(&["hot", "chart"]).nodes);
    let note = Selection::note(id("n"));
    match need {
        Need::Nothing
        | Need::SomeNode
        | Need::SomeNote
        | Need::SomeWire
        | Need::SomeDisabled
        | Need::Bookmark(_)
        | Need::Idle
        | Need::Problem => {}
        Need::Node
        | Need::NodeOrNote
        | Need::OneNode
        | Need::Selected
        | Need::WiredNode
        | Need::OwnParams
        | Need::OwnTitle => {
            bench.select(&["hot"]);
        }
        Need::Nested | Need::OneNested => bench.select(&["nested"]),
        Need::Inside => bench.ask([Command::Open(Some("nested".parse().expect("an id")))]),
        Need::TwoNodes => bench.select(&["loose", "off"]),
        Need::ThreeNodes => bench.select(&["devices", "loose", "off"]),
        Need::Wire | Need::OneWire => bench.ask([Command::Select(Selection::wire(wire()))]),
        Need::SomeDashboard => {
            bench.ask([Command::Dashboard(DashboardWish::New), Command::Dashboard(DashboardWish::Show(None))])
        }
        Need::Dashboard | Need::SharedTime => bench.ask([Command::Dashboard(DashboardWish::New)]),
        Need::TimeRange => {
            let last = DashboardWish::Time(Some(TimeRange::Last(60)));
            bench.ask([Command::Dashboard(DashboardWish::New), Command::Dashboard(last)]);
        }
        Need::Filter => {
            let values = BTreeSet::from(["north".to_owned()]);
            let filter = DashboardWish::Filter { column: "site".to_owned(), values };
            bench.ask([Command::Dashboard(DashboardWish::New), Command::Dashboard(filter)]);
        }
        Need::Compared => {
            let revision = Revision { id: 1, name: "Empty".to_owned(), saved_ms: 0, since: None };
            bench.host.borrow_mut().revisions = vec![(revision, EMPTY.to_owned())];
            bench.ask([Command::Revision(RevisionWish::Compare(Some(1)))]);
            bench.wait(100.0);
        }
        Need::OneNote => bench.ask([Command::Select(note)]),
        Need::Group => {
            let mut selection = pair;
            selection.nodes.extend(nodes(&["loose"]).nodes);
            bench.ask([Command::Select(selection)]);
        }
        Need::Tinted => bench.ask([Command::Select(Selection { notes: note.notes, ..pair })]),
        Need::CopiedNodes => bench.ask([Command::Select(nodes(&["hot"])), Command::Copy]),
        Need::CopiedParams => {
            bench.ask([Command::Select(nodes(&["hot"])), Command::CopyParams, Command::Select(nodes(&["loose"]))]);
        }
        Need::Undo => bench.ask([rename("Other")]),
        Need::Redo => bench.ask([rename("Other"), Command::Undo]),
        Need::Running | Need::Run | Need::Tap => {
            bench.host.borrow_mut().polled = Some(Box::new(|poll| running(poll, RunState::Running)));
            bench.ask([Command::Run, Command::Tap(Some(wire()))]);
            bench.wait(300.0);
        }
        Need::Chart => {
            bench.host.borrow_mut().polled = Some(Box::new(|poll| Polled {
                views: poll.views.keys().map(|id| (id.clone(), waves(0.0))).collect(),
                ..running(poll, RunState::Running)
            }));
            bench.ask([Command::Run]);
            bench.select(&["chart"]);
            bench.wait(300.0);
        }
        Need::Standing => {
            bench.host.borrow_mut().polled = Some(Box::new(|poll| {
                let mut polled = running(poll, RunState::Running);
                polled.metrics.standstill = Some(Standstill::Paused);
                polled
            }));
            bench.ask([Command::Run]);
            bench.wait(300.0);
        }
        Need::RunningWire | Need::FreeWire => {
            prepare(bench, Need::Running);
            prepare(bench, Need::OneWire);
        }
        Need::Breakpoint => bench.ask([Command::SetBreakpoint { wire: wire(), mark: Some(Mark::default()) }]),
        Need::FormerSelection => bench.ask([Command::Select(nodes(&["hot"])), Command::ClearSelection]),
        Need::ViewBefore => bench.ask([Command::ZoomToFit, Command::ZoomBy(0.5)]),
        Need::ViewAfter => bench.ask([Command::ZoomToFit, Command::ZoomBy(0.5), Command::Look(Look::Back)]),
    }
}

fn holds(action: &'static Action, by: &str, take: impl Fn(&mut Bench)) {
    let mut bench = Bench::open(FULL);
    bench.wait(200.0);
    prepare(&mut bench, action.need);
    let name = format!("{} by {by}", action.id);
    assert_eq!(action.refusal(&bench.harness.state().situation()), None, "{name}");
    let (text, steps) = (bench.text(), bench.steps().len());
    take(&mut bench);
    if bench.harness.state().session().document.is_none() {
        assert_eq!(action.effect, Effect::View, "{name}");
        return;
    }
    match action.effect {
        Effect::Edit => {
            assert_ne!(bench.text(), text, "{name} changes the pipeline");
            assert_eq!(bench.steps().len(), steps + 1, "{name} is one step");
            let last = bench.text();
            bench.ask([Command::Undo]);
            assert_eq!(bench.text(), text, "{name} is undone byte for byte");
            bench.ask([Command::Redo]);
            assert_eq!(bench.text(), last, "{name} is done again byte for byte");
        }
        Effect::View => assert_eq!((bench.text(), bench.steps().len()), (text, steps), "{name} changes nothing"),
        Effect::History => {
            assert_ne!(bench.text(), text, "{name}");
            assert_ne!(bench.steps().len(), steps, "{name}");
        }
    }
}

#[test]
fn every_action_is_reached_by_a_key() {
    let modifiers = Modifiers::COMMAND | Modifiers::ALT | Modifiers::SHIFT;
    for action in all() {
        holds(action, "key", |bench| {
            let keys = Some(vec![KeyboardShortcut::new(modifiers, Key::F9)]);
            bench.ask([Command::SetKeys { action, keys }]);
            bench.press(modifiers, Key::F9);
        });
    }
}

#[test]
fn every_action_is_reached_by_the_palette() {
    for action in all() {
        holds(action, "palette", |bench| {
            bench.press(Modifiers::COMMAND, Key::K);
            bench.harness.get_by_label("Find a command").type_text(action.title);
            bench.step();
            assert!(bench.has(&format!("pick {}", action.title)), "{} is in the palette", action.id);
            bench.press(Modifiers::NONE, Key::Enter);
        });
    }
}

#[test]
fn the_usual_keys_fire_their_actions() {
    for action in all().filter(|action| action.effect == Effect::Edit && !action.keys.is_empty()) {
        holds(action, "its usual key", |bench| {
            let key = action.keys[0];
            bench.press(key.modifiers, key.logical_key);
        });
    }
}

#[test]
fn what_cannot_be_done_now_says_why_and_does_nothing() {
    let mut bench = Bench::open(FULL);
    let before = bench.text();
    bench.press(Modifiers::COMMAND, Key::K);
    bench.harness.get_by_label("Find a command").type_text("align left");
    bench.step();
    assert!(bench.has("pick Align left edges: Select two nodes or more"));
    bench.press(Modifiers::NONE, Key::Enter);
    assert_eq!(bench.text(), before);
}

#[test]
fn keys_are_changed_on_their_page_and_kept() {
    let mut bench = Bench::open(FULL);
    bench.press(Modifiers::NONE, Key::Questionmark);
    bench.harness.get_by_label("Search actions").type_text("zoom to fit");
    bench.step();
    bench.click("keys of Zoom to fit");
    bench.press(Modifiers::ALT, Key::Z);
    let fit = find("view.zoom_to_fit").expect("it is in the list");
    assert_eq!(bench.harness.state().keymap().text_for(fit).as_deref(), Some("Alt+Z"));
    let kept = bench.host.borrow().settings["keys"].clone();
    assert_eq!(kept, serde_json::json!({"view.zoom_to_fit": ["Alt+Z"]}));
    bench.click("keys of Zoom to fit");
    bench.press(Modifiers::COMMAND, Key::D);
    assert!(bench.has_text("also “Duplicate”"), "a conflict is shown");
    bench.click("reset keys of Zoom to fit");
    assert_eq!(bench.harness.state().keymap().text_for(fit).as_deref(), Some("F"));
    bench.click("keys of Zoom to fit");
    bench.press(Modifiers::NONE, Key::Escape);
    assert!(bench.has("Search actions"), "Escape ends the waiting and not the page");
    bench.press(Modifiers::NONE, Key::Escape);
    assert!(!bench.has("Search actions"));

    let host = Host::with(FULL);
    host.borrow_mut().settings.insert("keys".to_owned(), kept);
    let bench = Bench::with(host);
    assert_eq!(bench.harness.state().keymap().text_for(fit).as_deref(), Some("Alt+Z"), "it is there the next time");
}

#[test]
fn the_chart_that_is_selected_is_saved_by_its_actions() {
    let mut bench = Bench::open(FULL);
    bench.wait(200.0);
    prepare(&mut bench, Need::Chart);
    let take = |bench: &mut Bench, id| {
        bench.press(Modifiers::COMMAND, Key::K);
        bench.harness.get_by_label("Find a command").type_text(find(id).expect("an action").title);
        bench.step();
        bench.press(Modifiers::NONE, Key::Enter);
        bench.wait(100.0);
    };
    take(&mut bench, "run.save_csv");
    let (name, rows) = bench.host.borrow().downloads.last().cloned().expect("a file was saved");
    assert_eq!((name.as_str(), String::from_utf8(rows).expect("text").lines().count()), ("chart.csv", 301));
    for (id, wanted) in [("run.save_svg", ImageFormat::Svg), ("run.save_png", ImageFormat::Png)] {
        take(&mut bench, id);
        let host = bench.host.borrow();
        let asked = host.heard.iter().rev().find_map(|request| match request {
            Request::RenderView { node, format, .. } => Some((node.as_str(), *format)),
            _ => None,
        });
        assert_eq!(asked, Some(("chart", wanted)), "{id}");
    }
}
