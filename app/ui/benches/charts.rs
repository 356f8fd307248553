//! What a frame of a chart costs when millions of points are held: the answer is checked first, then the time is
//! measured as CPU time of the thread, one JSON line for each case.
//!
//! A frame is all of it: thinning what is seen through the pyramid, as the view node does; the Arrow batch; reading it;
//! drawing it with egui; making triangles. Every frame looks at another place, so nothing is remembered from the last.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a bench runs on a desk and prints its figures")]

use std::fs;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use egui::{Id, vec2};
use egui_kittest::Harness;
use millrace_model::pyramid::{Point, SortedPoints};
use millrace_model::view::{Mark, Scale, ViewSpec, XyChart};
use millrace_ui::chart::{Picture, Size, view_ui};
use millrace_ui::theme::{self, Theme};

const NUM_COLUMNS: usize = 1_200;
const FRAMES: u32 = 60;

/// CPU time of this thread in seconds (Linux).
fn cpu_seconds() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux says how long a thread ran");
    let nanoseconds: f64 = text.split(' ').next().and_then(|word| word.parse().ok()).expect("a number of nanoseconds");
    nanoseconds / 1e9
}

fn value(index: u64) -> f64 {
    // A wave with noise, and spikes of one sample.
    let noise = (index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / f64::from(1 << 24);
    let spike = if index % 77_777 == 4_321 { 90.0 } else { 0.0 };
    (index as f64 / 30_000.0).sin() * 10.0 + noise + spike
}

fn point(index: u64) -> Point {
    Point { x: index as f64 * 1_000.0, y: value(index) }
}

/// A place to look at: from the whole to a hundred-thousandth of it.
fn window(frame: u32, length: f64) -> (f64, f64) {
    let share = 10_f64.powf(-f64::from(frame % 6));
    let start = f64::from(frame.wrapping_mul(2_654_435_761) % 1_000) / 1_000.0 * (1.0 - share);
    (start * length, (start + share) * length)
}

/// Each column of pixels has the extremes of all its points.
fn check(held: &SortedPoints, num_points: u64, range: (f64, f64)) {
    let width = (range.1 - range.0) / NUM_COLUMNS as f64;
    let borders: Vec<f64> = (1..NUM_COLUMNS).map(|column| range.0 + column as f64 * width).collect();
    let column = |x: f64| borders.partition_point(|border| *border <= x);
    let extremes = |points: &mut dyn Iterator<Item = Point>| {
        let mut found = vec![(f64::INFINITY, f64::NEG_INFINITY); NUM_COLUMNS];
        for point in points.filter(|point| point.x >= range.0 && point.x <= range.1) {
            let ends = &mut found[column(point.x)];
            *ends = (ends.0.min(point.y), ends.1.max(point.y));
        }
        found
    };
    let (first, last) = ((range.0 / 1_000.0) as u64, ((range.1 / 1_000.0) as u64 + 2).min(num_points));
    let all = extremes(&mut (first..last).map(point));
    let kept = extremes(&mut held.thinned(range, NUM_COLUMNS).into_iter());
    let wrong = all.iter().zip(&kept).filter(|(all, kept)| all != kept).count();
    assert_eq!(wrong, 0, "columns have lost an extreme at {range:?}");
}

fn batch(name: &str, points: &[Point]) -> RecordBatch {
    let names: ArrayRef = Arc::new(StringArray::from(vec![name; points.len()]));
    let x =
        TimestampMicrosecondArray::from_iter_values(points.iter().map(|point| point.x as i64)).with_timezone("+00:00");
    let y: ArrayRef = Arc::new(Float64Array::from_iter_values(points.iter().map(|point| point.y)));
    RecordBatch::try_from_iter([("series", names), ("x", Arc::new(x) as ArrayRef), ("y", y)]).expect("equal lengths")
}

fn spec() -> ViewSpec {
    ViewSpec::Xy(XyChart {
        title: "Bench".to_owned(),
        mark: Mark::Line,
        x_label: String::new(),
        y_label: String::new(),
        x_is_time: true,
        y_scale: Scale::Linear,
        right: Vec::new(),
        right_label: String::new(),
        thresholds: Vec::new(),
        num_points: 0,
        x_held: None,
    })
}

struct Charts {
    batches: Vec<RecordBatch>,
    columns: usize,
    size: Size,
}

fn harness(columns: usize, size: Size) -> Harness<'static, Charts> {
    let spec = spec();
    Harness::builder().with_size(vec2(1_200.0, 700.0)).with_context_setup(theme::apply).build_ui_state(
        move |ui, charts: &mut Charts| {
            let theme = Theme::of(ui.ctx());
            let room = ui.available_rect_before_wrap();
            let rows = charts.batches.len().div_ceil(charts.columns).max(1);
            let tile = vec2(room.width() / charts.columns as f32, room.height() / rows as f32);
            for (index, data) in charts.batches.iter().enumerate() {
                let at = vec2((index % charts.columns) as f32 * tile.x, (index / charts.columns) as f32 * tile.y);
                let rect = egui::Rect::from_min_size(room.min + at, tile);
                let mut place = ui.new_child(egui::UiBuilder::new().id_salt(index).max_rect(rect));
                let picture = Picture { spec: &spec, data, part: None, page: None };
                view_ui(&mut place, theme, Id::unique(("bench", index)), picture, charts.size);
            }
        },
        Charts { batches: Vec::new(), columns, size },
    )
}

fn draw(harness: &mut Harness<'_, Charts>, batches: Vec<RecordBatch>) {
    harness.state_mut().batches = batches;
    harness.step();
    let shapes = harness.output().shapes.clone();
    let triangles = harness.ctx.tessellate(shapes, 1.0);
    assert!(!triangles.is_empty(), "something was drawn");
}

fn one_large(num_points: u64) {
    let start = cpu_seconds();
    let mut held = SortedPoints::new(usize::try_from(num_points).expect("a small number"));
    (0..num_points).for_each(|index| held.push(point(index)));
    held.settle();
    let append = cpu_seconds() - start;
    let length = num_points as f64 * 1_000.0;
    for frame in 0..12 {
        check(&held, num_points, window(frame, length));
    }
    let mut harness = harness(1, Size::Panel);
    draw(&mut harness, vec![batch("a", &held.thinned((0.0, length), NUM_COLUMNS))]);
    let (mut total, mut worst, mut thinning) = (0.0, 0.0_f64, 0.0);
    for frame in 0..FRAMES {
        let start = cpu_seconds();
        let seen = held.thinned(window(frame, length), NUM_COLUMNS);
        thinning += cpu_seconds() - start;
        draw(&mut harness, vec![batch("a", &seen)]);
        let cost = cpu_seconds() - start;
        total += cost;
        worst = worst.max(cost);
    }
    let each = |seconds: f64| (seconds * 1e6 / f64::from(FRAMES)).round() / 1e3;
    println!(
        "{{\"bench\":\"chart_points\",\"points\":{num_points},\"append_ns_per_point\":{:.0},\"frame_cpu_ms\":{},\"worst_frame_cpu_ms\":{:.3},\"thinning_cpu_ms\":{},\"held_mb\":{:.0}}}",
        append * 1e9 / num_points as f64,
        each(total),
        worst * 1e3,
        each(thinning),
        held.bytes() as f64 / 1e6
    );
}

/// 32 charts that each get 1,000 points a second, drawn 30 times a second, over ten minutes of data.
fn many_live() {
    const CHARTS: usize = 32;
    const KEEP: usize = 60_000;
    const PER_FRAME: u64 = 33;
    let mut held = vec![SortedPoints::new(KEEP); CHARTS];
    let mut harness = harness(8, Size::Node);
    let mut next = 0;
    // Until everything is full, without drawing.
    let mut push = |held: &mut Vec<SortedPoints>, count: u64| {
        for points in held.iter_mut() {
            (next..next + count).for_each(|index| points.push(point(index)));
            points.settle();
        }
        next += count;
    };
    push(&mut held, 200_000);
    let full: usize = held.iter().map(SortedPoints::bytes).sum();
    let start = cpu_seconds();
    for _ in 0..FRAMES {
        push(&mut held, PER_FRAME);
        let pictures = held.iter().map(|points| {
            let range = points.x_held().expect("points are held");
            batch("a", &points.thinned(range, 150))
        });
        draw(&mut harness, pictures.collect());
    }
    let frame = (cpu_seconds() - start) / f64::from(FRAMES);
    push(&mut held, 400_000);
    let after: usize = held.iter().map(SortedPoints::bytes).sum();
    assert!(after <= full + full / 10, "memory stays flat: {full} bytes, then {after}");
    assert!(held.iter().all(|points| points.num_points() == KEEP));
    println!(
        "{{\"bench\":\"live_charts\",\"charts\":{CHARTS},\"points_per_second_each\":1000,\"frame_cpu_ms\":{:.3},\"held_mb\":{:.1},\"held_mb_after_400_s_more\":{:.1}}}",
        frame * 1e3,
        full as f64 / 1e6,
        after as f64 / 1e6
    );
}

fn main() {
    // `cargo test --benches` asks every bench for its tests; this one has none.
    if std::env::args().any(|arg| arg == "--test" || arg == "--list") {
        return;
    }
    one_large(1_000_000);
    one_large(10_000_000);
    many_live();
}
