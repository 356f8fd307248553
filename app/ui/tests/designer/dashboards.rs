//! Dashboards: tabs, tiles on the grid, the shared time, full screen, and the page that shows only one.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{Field, Schema};
use egui_kittest::kittest::NodeT;
use millrace_model::filter::{Values, of_column};
use millrace_model::view::{BarChart, LogView, Mark, Scale, ViewSpec, XyChart};
use millrace_model::{Cells, LayoutId, NodeId};
use millrace_protocol::{Frame, ViewFrame};
use millrace_ui::address::DashboardAddress;
use millrace_ui::command::{DashboardWish, TimeRange};

use super::*;

const PLANT: &str = r#"{
  "format": 1, "name": "Plant",
  "nodes": {
    "a": {"kind": "visualize.line_chart", "title": "Pressure"},
    "b": {"kind": "visualize.line_chart", "title": "Flow"},
    "c": {"kind": "visualize.table", "title": "Newest"},
    "devices": {"kind": "ingest.simulate_devices", "title": "Devices"}
  },
  "wires": [
    {"from": "devices.rows", "to": "a.rows"}, {"from": "devices.rows", "to": "b.rows"},
    {"from": "devices.rows", "to": "c.rows"}
  ]
}"#;

fn node(id: &str) -> NodeId {
    id.parse().expect("an id")
}

fn dashboard_1() -> LayoutId {
    "dashboard_1".parse().expect("an id")
}

fn cells(bench: &Bench, id: &str) -> Cells {
    bench.pipeline().dashboards()[&dashboard_1()].tiles[&node(id)].cells
}

pub(crate) fn waves(phase: f64) -> ViewFrame {
    let seconds: Vec<i64> = (0..300).collect();
    let base = 1_772_373_600_000_000;
    let columns: Vec<(&str, arrow_array::ArrayRef)> = vec![
        ("series", Arc::new(StringArray::from(vec!["north"; seconds.len()]))),
        ("x", Arc::new(TimestampMicrosecondArray::from_iter_values(seconds.iter().map(|s| base + s * 1_000_000)))),
        (
            "y",
            Arc::new(Float64Array::from_iter_values(seconds.iter().map(|s| 20.0 + (*s as f64 / 30.0 + phase).sin()))),
        ),
    ];
    let data = RecordBatch::try_from_iter(columns).expect("the columns are of one length");
    let spec = ViewSpec::Xy(XyChart {
        title: "Wave".to_owned(),
        mark: Mark::Line,
        x_label: "time".to_owned(),
        y_label: "bar".to_owned(),
        x_is_time: true,
        y_scale: Scale::Linear,
        right: Vec::new(),
        right_label: String::new(),
        thresholds: Vec::new(),
        num_points: 300,
        x_held: None,
    });
    ViewFrame {
        version: 1,
        spec,
        data: Frame::from_batch(&data).expect("a batch can be written"),
        choices: Values::new(),
    }
}

/// The same of the series that are wanted, as a host would filter them.
fn sites(wanted: Option<&BTreeSet<String>>) -> ViewFrame {
    let sites = ["north", "south"].map(str::to_owned);
    let series: Vec<&str> =
        sites.iter().filter(|site| wanted.is_none_or(|it| it.contains(*site))).map(String::as_str).collect();
    let frame = waves(0.0);
    let rows = frame.data.to_batch().expect("a batch");
    let mut fields: Vec<Field> = rows.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
    fields[0] = of_column(fields[0].clone(), "site");
    let mut columns = rows.columns().to_vec();
    columns[0] = Arc::new(StringArray::from_iter_values((0..rows.num_rows()).map(|row| series[row % series.len()])));
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("columns of one length");
    let data = Frame::from_batch(&rows).expect("a batch can be written");
    ViewFrame { data, choices: Values::from([("site".to_owned(), BTreeSet::from(sites))]), ..frame }
}

/// A bench whose run shows waves wherever they are asked for.
fn live() -> Bench {
    let host = Host::with(PLANT);
    host.borrow_mut().polled = Some(Box::new(|poll| {
        let mut polled = running(poll, RunState::Running);
        let asked = poll.views.iter().filter(|(id, version)| **version == 0 && id.as_str() != "c");
        polled.views = asked.map(|(id, _)| (id.clone(), waves(if id.as_str() == "a" { 0.0 } else { 1.5 }))).collect();
        polled
    }));
    let mut bench = Bench::with(host);
    bench.ask([Command::Run, Command::Dashboard(DashboardWish::New)]);
    bench.wait(500.0);
    bench
}

fn last_poll(bench: &Bench) -> Poll {
    let host = bench.host.borrow();
    let polls = host.heard.iter().rev().filter_map(|request| match request {
        Request::Poll(poll) => Some(poll.clone()),
        _ => None,
    });
    polls.into_iter().next().expect("there was a poll")
}

#[test]
fn a_new_dashboard_shows_every_chart_in_a_tab_and_is_undone_by_one_step() {
    let mut bench = Bench::open(PLANT);
    let before = bench.text();
    bench.click("New dashboard");
    for title in ["Pressure", "Flow", "Newest"] {
        assert!(bench.has(&format!("tile {title}")), "{title}");
    }
    assert!(!bench.has("tile Devices") && !bench.has("node Devices"), "the canvas is not seen");
    let tabs: Vec<String> = bench
        .harness
        .query_all_by_role(egui::accesskit::Role::Tab)
        .filter_map(|tab| tab.accesskit_node().label())
        .collect();
    assert!(tabs.contains(&"Canvas".to_owned()) && tabs.contains(&"Dashboard 1".to_owned()), "{tabs:?}");
    assert_eq!(bench.steps(), ["Add a dashboard"]);
    bench.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(bench.text(), before);
    assert!(bench.has("node Devices"), "without the dashboard the canvas is seen");
}

#[test]
fn a_tile_is_moved_by_its_title_and_sized_by_its_corner_and_others_make_room() {
    let mut bench = Bench::open(PLANT);
    bench.click("New dashboard");
    assert_eq!([cells(&bench, "a").x, cells(&bench, "b").x], [0, 6]);
    let (pressure, flow) = (bench.center_of("tile Pressure"), bench.center_of("tile Flow"));
    bench.drag(pressure, flow);
    assert_eq!(cells(&bench, "a"), Cells { x: 6, y: 0, w: 6, h: 5 });
    assert_eq!(cells(&bench, "b").y, 5, "the one that was there gives way");
    assert_eq!(bench.steps(), ["Add a dashboard", "Move Pressure"], "a drag is one step");
    let corner = bench.center_of("size of Newest");
    bench.drag(corner, corner + vec2(0.0, 120.0));
    assert_eq!(cells(&bench, "c").h, 7);
    bench.press(Modifiers::COMMAND, Key::Z);
    bench.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(cells(&bench, "a"), Cells { x: 0, y: 0, w: 6, h: 5 });
}

#[test]
fn the_keyboard_moves_sizes_and_takes_off_a_tile() {
    let mut bench = Bench::open(PLANT);
    bench.click("New dashboard");
    bench.harness.get_by_label("tile Newest").focus();
    bench.step();
    bench.press(Modifiers::NONE, Key::ArrowRight);
    bench.press(Modifiers::NONE, Key::ArrowRight);
    bench.press(Modifiers::SHIFT, Key::ArrowDown);
    let newest = cells(&bench, "c");
    assert_eq!((newest.x, newest.h), (2, 6));
    assert_eq!(bench.steps().len(), 2, "a burst of keys is one step");
    bench.press(Modifiers::NONE, Key::Delete);
    assert!(!bench.has("tile Newest"));
    assert!(bench.pipeline().node(&node("c")).is_some(), "only its tile is gone");
}

fn tick(bench: &mut Bench, title: &str) {
    bench.harness.get_by_role_and_label(egui::accesskit::Role::CheckBox, title).click();
    bench.step();
}

#[test]
fn charts_are_ticked_in_a_list_and_an_empty_dashboard_says_what_to_do() {
    let mut bench = Bench::open(PLANT);
    bench.click("New dashboard");
    bench.click("Choose charts");
    for title in ["Pressure", "Flow", "Newest"] {
        tick(&mut bench, title);
    }
    assert!(bench.pipeline().dashboards()[&dashboard_1()].tiles.is_empty());
    assert!(bench.has_text("tick what is to be shown"));
    tick(&mut bench, "Flow");
    assert!(bench.has("tile Flow"));
    let mut bench = Bench::open(EMPTY);
    bench.click("New dashboard");
    assert!(bench.has_text("Add a node from the Visualize section to the canvas"));
}

#[test]
fn a_dashboard_is_renamed_duplicated_and_deleted() {
    let mut bench = Bench::open(PLANT);
    bench.click("New dashboard");
    bench.harness.get_by_label("Dashboard title").focus();
    bench.step();
    bench.harness.get_by_label("Dashboard title").type_text("!");
    bench.step();
    assert_eq!(bench.pipeline().dashboards()[&dashboard_1()].title, "Dashboard 1!");
    bench.click("Duplicate this dashboard");
    let titles = |bench: &Bench| bench.pipeline().dashboards().values().map(|it| it.title.clone()).collect::<Vec<_>>();
    assert_eq!(titles(&bench), ["Dashboard 1!", "Dashboard 1! copy"]);
    bench.click("Delete this dashboard");
    assert_eq!(titles(&bench), ["Dashboard 1!"]);
    assert!(bench.has("node Devices"));
    bench.press(Modifiers::ALT, Key::PageDown);
    assert!(bench.has("tile Flow"), "the next tab");
    bench.press(Modifiers::ALT, Key::PageDown);
    assert!(bench.has("node Devices"), "after the last tab comes the canvas");
}

#[test]
fn only_the_views_of_the_shown_dashboard_are_asked_for() {
    let mut bench = live();
    bench.click("Take Flow off");
    bench.wait(300.0);
    let asked: Vec<String> = last_poll(&bench).views.keys().map(ToString::to_string).collect();
    assert_eq!(asked, ["a", "c"]);
}

#[test]
fn zooming_one_chart_zooms_all_until_the_time_is_reset() {
    let mut bench = live();
    let chart = bench.center_of("tile Pressure") + vec2(0.0, 140.0);
    let zoom = |bench: &mut Bench| {
        bench.harness.hover_at(chart);
        bench.harness.step();
        bench.harness.event(Event::Zoom(2.0));
        bench.wait(500.0);
    };
    zoom(&mut bench);
    let looks = |bench: &Bench| bench.harness.state().session().live.looks.clone();
    let both = looks(&bench);
    assert_eq!(both.len(), 2, "{both:?}");
    assert_eq!(both[&node("a")].x, both[&node("b")].x);
    assert_eq!(last_poll(&bench).parts.len(), 2, "the part that is seen is asked for");
    assert!(bench.has_text("Time: 1 Mar"), "the time that is seen is told");
    bench.press(Modifiers::ALT, Key::Num0);
    bench.wait(200.0);
    assert!(looks(&bench).is_empty() && bench.has("Time: All of the time"));
    bench.click("Same time in all charts");
    zoom(&mut bench);
    assert_eq!(looks(&bench).keys().collect::<Vec<_>>(), [&node("a")]);
    bench.click("Reset time");
    bench.wait(200.0);
    assert!(looks(&bench).is_empty());
}

/// Log lines a second apart, over the same five minutes as the waves or those from a later second on.
fn lines(first: i64) -> ViewFrame {
    let base = 1_772_373_600_000_000;
    let seconds = first..first + 300;
    let times = TimestampMicrosecondArray::from_iter_values(seconds.clone().map(|second| base + second * 1_000_000));
    let texts: Vec<String> = seconds.map(|second| format!("line {second}")).collect();
    let data = RecordBatch::try_from_iter([
        ("time", Arc::new(times) as arrow_array::ArrayRef),
        ("level", Arc::new(StringArray::from(vec!["info"; 300]))),
        ("text", Arc::new(StringArray::from(texts))),
    ]);
    let data = Frame::from_batch(&data.expect("the columns are of one length")).expect("a batch can be written");
    let spec = ViewSpec::Log(LogView { title: "Lines".to_owned(), num_rows: 300 });
    ViewFrame { version: 1, spec, data, choices: Values::new() }
}

/// A number, which is of no time.
fn count() -> ViewFrame {
    let data = RecordBatch::try_from_iter([
        ("label", Arc::new(StringArray::from(vec!["a", "a"])) as arrow_array::ArrayRef),
        ("series", Arc::new(StringArray::from(vec!["good", "bad"]))),
        ("value", Arc::new(Float64Array::from(vec![1.0, 2.0]))),
    ]);
    let data = Frame::from_batch(&data.expect("the columns are of one length")).expect("a batch can be written");
    let bars = BarChart { title: "Bars".to_owned(), value_label: String::new(), thresholds: Vec::new() };
    ViewFrame { version: 1, spec: ViewSpec::Bar(bars), data, choices: Values::new() }
}

/// A bench that shows a wave, log lines and bars.
fn of_three_kinds() -> Bench {
    let host = Host::with(PLANT);
    host.borrow_mut().polled = Some(Box::new(|poll| {
        let mut polled = running(poll, RunState::Running);
        let view = |id: &NodeId| match id.as_str() {
            "a" => waves(0.0),
            "b" => lines(0),
            _ => count(),
        };
        let asked = poll.views.iter().filter(|(_, version)| **version == 0);
        polled.views = asked.map(|(id, _)| (id.clone(), view(id))).collect();
        polled
    }));
    let mut bench = Bench::with(host);
    bench.ask([Command::Run, Command::Dashboard(DashboardWish::New)]);
    bench.wait(500.0);
    bench
}

#[test]
fn a_time_that_is_chosen_is_that_of_every_chart_and_told_where_it_cannot_be() {
    let mut bench = of_three_kinds();
    let (text, steps) = (bench.text(), bench.steps());
    assert!(bench.has_text("line 299") && !bench.has_text("all of the time"));
    bench.click("Time: All of the time");
    bench.click("Last minute");
    bench.wait(300.0);
    let look = |bench: &Bench| bench.harness.state().session().live.looks.get(&node("a")).and_then(|look| look.x);
    let (from, to) = look(&bench).expect("a part is looked at");
    let newest = (1_772_373_600_000_000_i64 + 299_000_000) as f64;
    assert!(from <= newest - 60e6 && to >= newest && to - from < 200e6, "{from} to {to}");
    assert!(bench.has_text("all of the time"), "bars are of no time");

    bench.press(Modifiers::ALT, Key::Comma);
    bench.wait(300.0);
    assert!(!bench.has_text("line 299") && bench.has_text("line 239"), "the minute before");
    bench.click("Later");
    bench.wait(300.0);
    assert!(bench.has_text("line 299"));
    bench.click("Time: Last minute");
    for (name, moment) in [("From", "14:00:10"), ("To", "2026-03-01 14:00:20")] {
        bench.harness.get_by_label(name).focus();
        bench.step();
        bench.press(Modifiers::COMMAND, Key::A);
        bench.harness.get_by_label(name).type_text(moment);
        bench.step();
    }
    bench.click("Show this time");
    bench.wait(300.0);
    assert!(bench.has_text("line 20") && !bench.has_text("line 21") && !bench.has_text("line 9"));
    bench.press(Modifiers::ALT, Key::Num0);
    bench.wait(300.0);
    assert!(bench.has_text("line 299") && look(&bench).is_none() && !bench.has_text("all of the time"));
    assert_eq!((bench.text(), bench.steps()), (text, steps), "looking changes nothing");
}

#[test]
fn the_last_minute_moves_along_with_new_rows_and_a_time_from_one_moment_to_another_stays() {
    let host = Host::with(PLANT);
    let first = Rc::new(std::cell::Cell::new(0));
    let newest = first.clone();
    host.borrow_mut().polled = Some(Box::new(move |poll| {
        let mut polled = running(poll, RunState::Running);
        let version = newest.get() as u64 + 1;
        let asked = poll.views.iter().filter(|(id, known)| id.as_str() == "b" && **known < version);
        polled.views = asked.map(|(id, _)| (id.clone(), ViewFrame { version, ..lines(newest.get()) })).collect();
        polled
    }));
    let mut bench = Bench::with(host);
    bench.ask([Command::Run, Command::Dashboard(DashboardWish::New)]);
    bench.wait(500.0);
    let shown = |bench: &Bench, wanted: &[i64], missing: &[i64]| {
        let has = |second: &i64| bench.has(&format!("line {second}"));
        assert!(wanted.iter().all(has) && !missing.iter().any(has), "{wanted:?} without {missing:?}");
    };
    bench.ask([Command::Dashboard(DashboardWish::Time(Some(TimeRange::QUICK[0])))]);
    bench.wait(300.0);
    shown(&bench, &[299], &[100]);
    first.set(100);
    bench.wait(300.0);
    shown(&bench, &[399], &[299]);
    assert!(bench.has("Time: Last minute"));

    bench.press(Modifiers::ALT, Key::Comma);
    bench.wait(300.0);
    shown(&bench, &[339], &[399]);
    first.set(130);
    bench.wait(300.0);
    shown(&bench, &[339], &[399, 429]);
}

#[test]
fn every_time_of_the_menu_has_an_action() {
    let chosen = |range| {
        let wish = Command::Dashboard(DashboardWish::Time(Some(range)));
        millrace_ui::actions::all().filter(|action| (action.command)() == wish).map(|action| action.title).collect()
    };
    for range in TimeRange::QUICK {
        let titles: Vec<&str> = chosen(range);
        assert_eq!(titles.len(), 1, "{range:?}");
        let words = range.words();
        assert_eq!(titles[0].to_lowercase(), format!("show the {}", words.to_lowercase()));
    }
}

#[test]
fn two_cursors_are_moved_by_keys_and_say_how_far_they_are_apart() {
    let mut bench = of_three_kinds();
    bench.click("Cursors");
    bench.wait(100.0);
    let place = |bench: &Bench, name: &str| {
        let wanted = format!("cursor {name} at");
        let handle = bench.harness.query_all_by_label_contains(&wanted).next();
        handle.expect("a handle").accesskit_node().label().expect("a name")
    };
    let (a, b) = (place(&bench, "A"), place(&bench, "B"));
    assert!(a.contains("1 Mar 2026, 14:01:") && b.contains("1 Mar 2026, 14:03:"), "{a} {b}");
    bench.harness.get_by_label(&a).focus();
    bench.step();
    for _ in 0..3 {
        bench.press(Modifiers::NONE, Key::ArrowLeft);
    }
    let near = place(&bench, "A");
    bench.press(Modifiers::SHIFT, Key::ArrowRight);
    let far = place(&bench, "A");
    assert!(near < a && a < far, "{near} {a} {far}");
    assert_eq!(place(&bench, "B"), b);
    bench.click("Cursors");
    bench.wait(100.0);
    assert!(!bench.has_text("cursor A at"));
}

#[test]
fn a_series_of_bars_is_hidden_by_its_name_and_is_not_in_what_is_saved() {
    let mut bench = of_three_kinds();
    assert!(bench.has_text("Bar chart Bars: a 1, a 2"));
    bench.click("good");
    bench.wait(100.0);
    assert!(bench.has_text("Bar chart Bars: a 2") && !bench.has_text("Bars: a 1"));
    bench.click("Save Newest…");
    bench.click("Save CSV…");
    bench.wait(100.0);
    let saved = bench.host.borrow().downloads.last().cloned().expect("a file was saved").1;
    assert_eq!(String::from_utf8(saved).expect("CSV is text"), "label,series,value\r\na,bad,2.0\r\n");
    bench.click("good");
    bench.wait(100.0);
    assert!(bench.has_text("Bars: a 1, a 2"));
}

#[test]
fn a_plot_over_numbers_is_saved_whole_whatever_time_is_chosen() {
    let host = Host::with(PLANT);
    host.borrow_mut().polled = Some(Box::new(|poll| {
        let mut polled = running(poll, RunState::Running);
        let dots = || {
            let ViewFrame { version, spec, choices, .. } = waves(0.0);
            let ViewSpec::Xy(chart) = spec else { panic!("waves are points") };
            let numbers = || Arc::new(Float64Array::from_iter_values((0..10).map(f64::from))) as arrow_array::ArrayRef;
            let series: arrow_array::ArrayRef = Arc::new(StringArray::from(vec!["a"; 10]));
            let data = RecordBatch::try_from_iter([("series", series), ("x", numbers()), ("y", numbers())]);
            let data = Frame::from_batch(&data.expect("columns of one length")).expect("a batch can be written");
            let spec = ViewSpec::Xy(XyChart { mark: Mark::Dot, x_is_time: false, ..chart });
            ViewFrame { version, spec, data, choices }
        };
        let view = |id: &NodeId| if id.as_str() == "a" { dots() } else { waves(0.0) };
        let asked = poll.views.iter().filter(|(id, version)| **version == 0 && id.as_str() != "c");
        polled.views = asked.map(|(id, _)| (id.clone(), view(id))).collect();
        polled
    }));
    let mut bench = Bench::with(host);
    bench.ask([Command::Run, Command::Dashboard(DashboardWish::New)]);
    bench.ask([Command::Dashboard(DashboardWish::Time(Some(TimeRange::Last(9))))]);
    bench.wait(500.0);
    for (title, rows) in [("Save Pressure…", 10), ("Save Flow…", 10)] {
        bench.click(title);
        bench.click("Save CSV…");
        bench.wait(100.0);
        let saved = bench.host.borrow().downloads.last().cloned().expect("a file was saved").1;
        let lines = String::from_utf8(saved).expect("CSV is text").lines().count();
        assert_eq!(lines, rows + 1, "{title}");
    }
}

#[test]
fn what_a_tile_shows_is_saved_as_rows_and_as_a_picture_of_that_time() {
    let mut bench = of_three_kinds();
    bench.ask([Command::Dashboard(DashboardWish::Time(Some(TimeRange::Last(9))))]);
    bench.wait(300.0);
    bench.click("Save Flow…");
    bench.click("Save SVG…");
    bench.wait(100.0);
    let host = bench.host.borrow();
    let asked = host.heard.iter().rev().find_map(|request| match request {
        Request::RenderView { node, seen, .. } => Some((node.clone(), seen.x)),
        _ => None,
    });
    let newest = (1_772_373_600_000_000_i64 + 299_000_000) as f64;
    assert_eq!(asked, Some((node("b"), Some((newest - 9e6, newest)))));
    drop(host);
    for (title, rows) in [("Save Flow…", 10), ("Save Pressure…", 10), ("Save Newest…", 2)] {
        bench.click(title);
        bench.click("Save CSV…");
        bench.wait(100.0);
        let host = bench.host.borrow();
        let (name, bytes) = host.downloads.last().expect("a file was saved");
        let lines = String::from_utf8(bytes.clone()).expect("CSV is text").lines().count();
        assert_eq!(lines, rows + 1, "{name}");
    }
}

#[test]
fn a_filter_is_asked_of_the_host_shown_on_tiles_it_cannot_reach_and_is_no_edit() {
    let host = Host::with(PLANT);
    host.borrow_mut().polled = Some(Box::new(|poll| {
        let mut polled = running(poll, RunState::Running);
        let wanted = poll.filters.as_ref().and_then(|filters| filters.of("site"));
        let asked = poll.views.iter().filter(|(id, version)| **version == 0 && id.as_str() != "c");
        let view = |id: &NodeId| if id.as_str() == "a" { sites(wanted) } else { waves(1.5) };
        polled.views = asked.map(|(id, _)| (id.clone(), view(id))).collect();
        polled
    }));
    let mut bench = Bench::with(host);
    bench.ask([Command::Run]);
    bench.wait(300.0);
    assert_eq!(last_poll(&bench).filters, None, "the canvas does not filter");
    bench.ask([Command::Dashboard(DashboardWish::New)]);
    bench.wait(300.0);
    let (text, steps) = (bench.text(), bench.steps());
    bench.click("Filter the charts");
    tick(&mut bench, "site north");
    bench.wait(300.0);
    let rows = |bench: &Bench| {
        let view = &bench.harness.state().session().live.views[&node("a")];
        let names = view.data.column(0).as_string::<i32>().iter().flatten().map(str::to_owned);
        names.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    assert_eq!(rows(&bench), ["north"], "a picture that was filtered otherwise is asked for anew");
    assert!(bench.has_text("not filtered by site"), "the other chart has no sites");
    assert_eq!(bench.harness.query_all_by_label_contains("not filtered by").count(), 1);
    bench.press(Modifiers::NONE, Key::Escape);
    bench.press(Modifiers::ALT, Key::Home);
    bench.wait(300.0);
    assert_eq!(last_poll(&bench).filters, None);
    bench.press(Modifiers::ALT, Key::PageDown);
    bench.wait(300.0);
    assert_eq!(rows(&bench), ["north"], "the reader's choice is kept");
    bench.click("Show every site");
    bench.wait(300.0);
    assert_eq!(rows(&bench), ["north", "south"]);
    assert_eq!((bench.text(), bench.steps()), (text, steps), "looking changes nothing");
}

#[test]
fn a_narrow_window_stacks_the_tiles_and_leaves_the_arrangement() {
    let mut bench = Bench::open(PLANT);
    bench.click("New dashboard");
    let before = bench.text();
    let places = |bench: &Bench| {
        let titles = ["Pressure", "Flow", "Newest"].map(|title| format!("Go to {title}"));
        titles.map(|title| bench.harness.get_by_label(&title).rect().center())
    };
    let wide = places(&bench);
    assert!(wide[0].y == wide[1].y && wide[1].x > wide[0].x);
    bench.harness.set_size(vec2(480.0, 1400.0));
    bench.step();
    let narrow = places(&bench);
    assert!(narrow[0].x == narrow[1].x && narrow[0].y < narrow[1].y && narrow[1].y < narrow[2].y, "{narrow:?}");
    assert!(!bench.has("tile Flow"), "what is not at its place cannot be moved");
    assert_eq!(bench.text(), before);
}

#[test]
fn full_screen_hides_all_else_until_escape() {
    let mut bench = Bench::open(PLANT);
    bench.click("New dashboard");
    assert!(bench.has("project menu"));
    bench.press(Modifiers::ALT, Key::Enter);
    assert!(!bench.has("project menu") && !bench.has("tile Flow") && !bench.has("Canvas"));
    bench.press(Modifiers::NONE, Key::Escape);
    assert!(bench.has("project menu") && bench.has("tile Flow"));
}

#[test]
fn a_link_is_offered_where_a_browser_can_follow_it_and_opens_only_the_dashboard() {
    let mut bench = Bench::open(PLANT);
    bench.click("New dashboard");
    assert!(!bench.has("Copy the link to this dashboard"), "the desktop has no address");
    bench.host.borrow_mut().origin = Some("http://plant:8080".to_owned());
    bench.step();
    bench.harness.get_by_label("Copy the link to this dashboard").click();
    let mut copied = None;
    for _ in 0..3 {
        bench.harness.step();
        copied = copied.or(bench.harness.output().platform_output.commands.iter().find_map(|command| match command {
            OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        }));
    }
    assert_eq!(copied.as_deref(), Some("http://plant:8080/?project=Plant&dashboard=dashboard_1"));

    // The host of these tests lists its one project as “Fleet health”.
    let opened = |query: &str| DashboardAddress::of_query(query).expect("it asks for a dashboard");
    let host = Host::with(&bench.text());
    host.borrow_mut().welcome_project = None;
    let mut page = Bench::with(host.clone());
    assert!(!page.has("Full screen"));
    let mut designer = Designer::with_link(Box::new(FakeLink(host.clone())));
    designer.open_dashboard(opened("?project=Fleet%20health&dashboard=dashboard_1"));
    *page.harness.state_mut() = designer;
    page.wait(400.0);
    assert!(page.has("Leave full screen (Esc)") && !page.has("project menu") && !page.has("tile Flow"));

    let mut designer = Designer::with_link(Box::new(FakeLink(host)));
    designer.open_dashboard(opened("?project=Fleet+health&dashboard=gone"));
    *page.harness.state_mut() = designer;
    page.wait(400.0);
    assert!(page.has_text("has no dashboard `gone`"));
}

#[test]
fn it_looks_as_it_should() {
    let mut bench = live();
    for (is_dark, name) in [(true, "dark"), (false, "light")] {
        let theme = if is_dark { egui::Theme::Dark } else { egui::Theme::Light };
        bench.harness.ctx.set_theme(theme);
        bench.wait(200.0);
        let ground = bench.harness.ctx.global_style().visuals.panel_fill;
        picture::keep(&format!("dashboard_{name}"), &mut bench.harness, ground);
        assert!(bench.has("tile Pressure"));
    }
    bench.press(Modifiers::ALT, Key::Enter);
    let ground = bench.harness.ctx.global_style().visuals.panel_fill;
    picture::keep("dashboard_full", &mut bench.harness, ground);
}

#[test]
fn the_choice_of_a_time_looks_as_it_should() {
    for (is_dark, name) in [(true, "dark"), (false, "light")] {
        let mut bench = of_three_kinds();
        let theme = if is_dark { egui::Theme::Dark } else { egui::Theme::Light };
        bench.harness.ctx.set_theme(theme);
        bench.ask([Command::Dashboard(DashboardWish::Time(Some(TimeRange::Last(60))))]);
        bench.wait(200.0);
        bench.click("Cursors");
        bench.click("Time: Last minute");
        let ground = bench.harness.ctx.global_style().visuals.panel_fill;
        picture::keep(&format!("dashboard_time_{name}"), &mut bench.harness, ground);
        assert!(bench.has("Last 7 days") && bench.has("Show this time"));
    }
}
