//! Every kind of chart, small and large, in both themes: it says what it shows, and a person can work it.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use egui::{Id, Modifiers, Vec2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use millrace_model::view::{
    BarChart, Gauge, Heatmap, Histogram, LogView, MapView, Mark, Projection, Scale, Threshold, ViewSpec, XyChart,
};
use millrace_protocol::Seen;
use millrace_ui::chart::{Picture, Size, view_ui};
use millrace_ui::theme::{self, Theme};

use super::picture::keep;

struct Shown {
    spec: ViewSpec,
    data: RecordBatch,
    part: Option<RecordBatch>,
    size: Size,
    seen: Seen,
}

fn numbers(values: impl Iterator<Item = f64>) -> ArrayRef {
    Arc::new(values.map(Some).collect::<Float64Array>())
}

fn texts(values: impl Iterator<Item = String>) -> ArrayRef {
    Arc::new(values.map(Some).collect::<StringArray>())
}

const START_US: i64 = 1_772_373_807_000_000;

fn times(values: impl Iterator<Item = i64>) -> ArrayRef {
    let times: TimestampMicrosecondArray = values.map(|second| Some(START_US + second * 1_000_000)).collect();
    Arc::new(times.with_timezone("+00:00"))
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

fn xy(mark: Mark) -> XyChart {
    XyChart {
        title: "Temperature".to_owned(),
        mark,
        x_label: String::new(),
        y_label: "°C".to_owned(),
        x_is_time: true,
        y_scale: Scale::Linear,
        right: Vec::new(),
        right_label: String::new(),
        thresholds: Vec::new(),
        num_points: 800,
        x_held: Some((START_US as f64, START_US as f64 + 399e6)),
    }
}

fn waves(seconds: std::ops::Range<i64>) -> RecordBatch {
    let rows: Vec<(usize, i64)> =
        (0..2).flat_map(|series| seconds.clone().map(move |second| (series, second))).collect();
    let value = |(series, second): &(usize, i64)| {
        20.0 + 4.0 * (*second as f64 / 40.0 + *series as f64 * 1.7).sin() + ((second * 7919) % 13) as f64 / 12.0
    };
    batch(vec![
        ("series", texts(rows.iter().map(|row| ["north", "south"][row.0].to_owned()))),
        ("x", times(rows.iter().map(|row| row.1))),
        ("y", numbers(rows.iter().map(value))),
    ])
}

fn every_kind() -> Vec<(&'static str, ViewSpec, RecordBatch, &'static str)> {
    let band = Threshold { value: 21.0, to: Some(23.0), label: "comfortable".to_owned() };
    let with_band = XyChart { thresholds: vec![band], ..xy(Mark::Line) };
    let right = XyChart { right: vec!["south".to_owned()], right_label: "hPa".to_owned(), ..xy(Mark::Line) };
    let sites = ["Hamburg", "Berlin", "Rotterdam harbour", "Gdańsk"];
    let bars = batch(vec![
        ("label", texts((0..8).map(|n| sites[n / 2].to_owned()))),
        ("series", texts((0..8).map(|n| ["opened", "closed"][n % 2].to_owned()))),
        ("value", numbers((0..8).map(|n| f64::from((n * 37) % 23)))),
    ]);
    let histogram = batch(vec![
        ("from", numbers((0..40).map(|n| f64::from(n) * 0.5))),
        ("to", numbers((0..40).map(|n| f64::from(n + 1) * 0.5))),
        ("count", numbers((0..40).map(|n| (900.0 * (-f64::from((n - 25) * (n - 25)) / 60.0).exp()).round()))),
    ]);
    let cells: Vec<(i64, i64)> =
        (0..60).flat_map(|x| (0..8).map(move |y| (x, y))).filter(|(x, y)| (x * y) % 11 != 3).collect();
    let heat = batch(vec![
        ("x_from", times(cells.iter().map(|cell| cell.0 * 10))),
        ("x_to", times(cells.iter().map(|cell| cell.0 * 10 + 10))),
        ("row", texts(cells.iter().map(|cell| format!("pump {}", cell.1)))),
        ("value", numbers(cells.iter().map(|cell| (cell.0 as f64 / 9.0).sin() * 20.0 + cell.1 as f64 * 3.0))),
    ]);
    let heatmap = Heatmap {
        title: "Load".to_owned(),
        x_label: "time".to_owned(),
        y_label: "pump".to_owned(),
        x_is_time: true,
        has_named_rows: true,
        value_label: "mean of load".to_owned(),
    };
    let dials = batch(vec![
        ("label", texts((0..5).map(|n| format!("tank {n}")))),
        ("value", numbers([12.0, 74.5, 97.25, 140.0, 0.0].into_iter())),
    ]);
    let gauge = Gauge {
        title: "Fill".to_owned(),
        unit: "%".to_owned(),
        decimals: 1,
        min: 0.0,
        max: 100.0,
        warning: Some(70.0),
        alarm: Some(90.0),
    };
    let levels = ["INFO", "WARN", "ERROR", "DEBUG"];
    let lines = batch(vec![
        ("time", times(0..40)),
        ("level", texts((0..40).map(|n| levels[n % 4].to_owned()))),
        ("text", texts((0..40).map(|n| format!("door {n} of the hall was opened")))),
    ]);
    let ships = batch(vec![
        ("label", texts((0..30).map(|n| format!("ship {n}")))),
        ("latitude", numbers((0..30).map(|n| 53.0 + f64::from((n * 13) % 29) * 0.1))),
        ("longitude", numbers((0..30).map(|n| 3.0 + f64::from((n * 17) % 31) * 0.2))),
        ("value", numbers((0..30).map(f64::from))),
        ("time", times(0..30)),
    ]);
    let map = MapView {
        title: "Ships".to_owned(),
        projection: Projection::Mercator,
        value_label: "knots".to_owned(),
        num_rows: 30,
    };
    let bar_chart = BarChart { title: "Alarms".to_owned(), value_label: "alarms".to_owned(), thresholds: Vec::new() };
    let counts = Histogram { title: "Response".to_owned(), x_label: "ms".to_owned(), num_values: 12_345 };
    vec![
        ("line", ViewSpec::Xy(with_band), waves(0..400), "Line chart Temperature: north"),
        ("right", ViewSpec::Xy(right), waves(0..400), "Line chart Temperature: north"),
        ("area", ViewSpec::Xy(xy(Mark::Area)), waves(0..400), "Area chart Temperature: north"),
        ("scatter", ViewSpec::Xy(xy(Mark::Dot)), waves(0..400), "Scatter chart Temperature: north"),
        ("bar", ViewSpec::Bar(bar_chart), bars, "Bar chart Alarms: Hamburg 0, Hamburg 14, Berlin 5"),
        (
            "histogram",
            ViewSpec::Histogram(counts),
            histogram,
            "Histogram Response: 12,345 values, most of them from 12.5",
        ),
        ("heatmap", ViewSpec::Heatmap(heatmap), heat, "Heatmap Load: mean of load from"),
        ("gauge", ViewSpec::Gauge(gauge), dials, "tank 1: 74.5 % (warning), tank 2: 97.2 % (alarm)"),
        ("log", ViewSpec::Log(LogView { title: "Doors".to_owned(), num_rows: 4_000 }), lines, "4,000 lines"),
        ("map", ViewSpec::Map(map), ships, "Map Ships: 30 positions from 53.00° N"),
    ]
}

fn harness(spec: ViewSpec, data: RecordBatch, size: Size, is_dark: bool, room: Vec2) -> Harness<'static, Shown> {
    let shown = Shown { spec, data, part: None, size, seen: Seen::default() };
    Harness::builder()
        .with_size(room)
        .with_theme(if is_dark { egui::Theme::Dark } else { egui::Theme::Light })
        .with_context_setup(theme::apply)
        .build_ui_state(
            |ui, shown: &mut Shown| {
                let theme = Theme::of(ui.ctx());
                let picture = Picture { spec: &shown.spec, data: &shown.data, part: shown.part.as_ref(), page: None };
                shown.seen = view_ui(ui, theme, Id::unique("tested"), picture, shown.size);
            },
            shown,
        )
}

#[test]
fn every_kind_says_what_it_shows_at_every_size_and_in_both_themes() {
    for (name, spec, data, words) in every_kind() {
        for (size, room) in [(Size::Node, vec2(220.0, 120.0)), (Size::Panel, vec2(640.0, 300.0))] {
            for is_dark in [true, false] {
                let mut harness = harness(spec.clone(), data.clone(), size, is_dark, room);
                harness.run_steps(3);
                assert!(harness.query_all_by_label_contains(words).next().is_some(), "{name} {size:?}");
                let theme = Theme::of(&harness.ctx);
                keep(&format!("{name}_{size:?}_{}", if is_dark { "dark" } else { "light" }), &mut harness, theme.panel);
            }
        }
    }
}

fn line() -> Harness<'static, Shown> {
    let mut harness = harness(ViewSpec::Xy(xy(Mark::Line)), waves(0..400), Size::Panel, true, vec2(640.0, 300.0));
    harness.run_steps(3);
    harness
}

fn scroll(harness: &mut Harness<'_, Shown>, amount: f32) {
    harness.hover_at(egui::pos2(320.0, 150.0));
    harness.run_steps(2);
    let (unit, delta) = (egui::MouseWheelUnit::Point, vec2(0.0, amount));
    let (phase, source) = (egui::TouchPhase::Move, egui::MouseWheelSource::Wheel);
    harness.event(egui::Event::MouseWheel { unit, delta, phase, source, modifiers: Modifiers::NONE });
    harness.run_steps(12);
}

#[test]
fn a_chart_that_is_zoomed_asks_for_what_is_seen_and_a_fit_ends_it() {
    let mut harness = line();
    assert_eq!(harness.state().seen.look, None);
    scroll(&mut harness, 400.0);
    let look = harness.state().seen.look.expect("a part is seen");
    let (from, to) = look.x.expect("a part");
    let whole = 399e6;
    assert!(to - from < whole && look.num_columns >= 500, "{look:?}");
    // What comes back is drawn in place of the whole; its series keep their names.
    harness.state_mut().part = Some(waves(0..400));
    harness.run_steps(2);
    assert_eq!(harness.state().seen.look, Some(look), "asking again is not asked for");
    double_click(&mut harness);
    assert_eq!(harness.state().seen.look, None, "a double click fits all");
}

#[test]
fn the_scale_of_values_can_be_changed_and_changed_back() {
    let mut harness = line();
    harness.get_by_label("Log").click();
    harness.run_steps(3);
    assert_eq!(harness.state().seen.y_scale, Some(Scale::Log));
    harness.get_by_label("Log").click();
    harness.run_steps(3);
    assert_eq!(harness.state().seen.y_scale, None);
}

#[test]
fn a_click_on_a_name_in_the_legend_hides_its_series() {
    let mut harness = line();
    harness.get_by_label("south").click();
    harness.run_steps(3);
    assert_eq!(harness.state().seen.hidden, ["south"]);
}

fn double_click(harness: &mut Harness<'_, Shown>) {
    // Both clicks in one frame: the clock of the tests is too slow for a double click over several.
    let pos = egui::pos2(320.0, 150.0);
    let (button, modifiers) = (egui::PointerButton::Primary, Modifiers::NONE);
    for pressed in [true, false, true, false] {
        harness.input_mut().events.push(egui::Event::PointerButton { pos, button, pressed, modifiers });
    }
    harness.step();
    harness.run_steps(4);
}

#[test]
fn bars_of_values_and_cells_are_zoomed_moved_and_shown_whole_again_by_mouse_and_by_keys() {
    for (name, whole) in [("histogram", (0.0, 50.0)), ("heatmap", (START_US as f64, START_US as f64 + 600e6))] {
        let (_, spec, data, words) = every_kind().into_iter().find(|kind| kind.0 == name).expect("there is one");
        let mut harness = harness(spec, data, Size::Panel, true, vec2(640.0, 300.0));
        harness.run_steps(3);
        assert_eq!(harness.state().seen.x, None);

        scroll(&mut harness, 400.0);
        let seen = |harness: &Harness<'_, Shown>| harness.state().seen.x.expect("a part is seen");
        let (from, to) = seen(&harness);
        assert!(from > whole.0 && to < whole.1 && to - from < (whole.1 - whole.0) / 2.0, "{name}: {from} {to}");
        let theme = Theme::of(&harness.ctx);
        keep(&format!("{name}_zoomed"), &mut harness, theme.panel);
        harness.set_pixels_per_point(1.0);
        harness.run_steps(2);

        harness.drag_at(egui::pos2(400.0, 150.0));
        harness.hover_at(egui::pos2(340.0, 150.0));
        harness.drop_at(egui::pos2(340.0, 150.0));
        harness.run_steps(4);
        let moved = seen(&harness);
        let span = |seen: (f64, f64)| seen.1 - seen.0;
        assert!(moved.0 > from && (span(moved) - (to - from)).abs() < (to - from) * 1e-6, "{name}: {moved:?}");

        double_click(&mut harness);
        assert_eq!(harness.state().seen.x, None, "{name}: a double click shows all");

        harness.query_all_by_label_contains(words).next().expect("it is there").focus();
        harness.run_steps(2);
        harness.key_press(egui::Key::Plus);
        harness.run_steps(3);
        let nearer = seen(&harness);
        harness.key_press(egui::Key::ArrowRight);
        harness.run_steps(3);
        assert!(seen(&harness).0 > nearer.0, "{name}");
        harness.key_press(egui::Key::Home);
        harness.run_steps(3);
        assert_eq!(harness.state().seen.x, None, "{name}: Home shows all");
    }
}
