//! View, theme, panels and the command list.

use std::sync::Arc;

use millrace_protocol::TapRows;

use super::*;

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
    bench.press(Modifiers::NONE, Key::Slash);
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

/// Rows of three columns on the first wire of [`FLEET`].
fn watched(poll: &Poll) -> Polled {
    let times =
        arrow_array::TimestampMicrosecondArray::from_iter_values((0..40).map(|n| 1_772_373_807_412_000 + n * 250_000));
    let values = arrow_array::Float64Array::from_iter_values((0..40).map(|n| 20.0 + f64::from(n) / 8.0));
    let names = arrow_array::StringArray::from_iter_values((0..40).map(|n| format!("device-{:04}", n % 7)));
    let rows = arrow_array::RecordBatch::try_from_iter([
        ("ts", Arc::new(times) as arrow_array::ArrayRef),
        ("temperature", Arc::new(values) as _),
        ("device", Arc::new(names) as _),
    ])
    .expect("equal lengths");
    let taps = poll.taps.iter().map(|wire| TapRows {
        wire: wire.clone(),
        rows: Some(millrace_protocol::Frame::from_batch(&rows).expect("it can be written")),
    });
    Polled { taps: taps.collect(), ..running(poll, RunState::Running) }
}

#[test]
fn in_a_narrow_window_the_rows_of_a_wire_and_all_their_tools_are_in_view() {
    for theme_kind in [egui::Theme::Dark, egui::Theme::Light] {
        let mut bench = Bench::open(FLEET);
        bench.harness.ctx.set_theme(theme_kind);
        bench.host.borrow_mut().polled = Some(Box::new(watched));
        bench.click("Run");
        bench.click("wire devices.rows → hot.rows");
        bench.wait(300.0);
        for width in [1440.0, 1100.0, 960.0] {
            bench.harness.set_size(vec2(width, 760.0));
            bench.harness.run_steps(4);
            let panel = bench.harness.get_by_label("Problems, data and log").rect();
            for label in ["Devices → Hot", "Captures", "Freeze", "Save CSV…", "Table", "Filter rows"] {
                let rect = bench.harness.get_by_label(label).rect();
                assert!(panel.contains_rect(rect), "{label} at {width}: {rect:?} in {panel:?}");
            }
            let ground = theme::Theme::of(&bench.harness.ctx).ground;
            picture::keep(&format!("watched_{width}_{theme_kind:?}"), &mut bench.harness, ground);
        }
        // Where they cannot all be in view, nothing lies over another panel.
        bench.harness.set_size(vec2(480.0, 760.0));
        bench.harness.run_steps(4);
        let panel = bench.harness.get_by_label("Problems, data and log").rect();
        assert!(panel.left() >= 0.0 && panel.right() <= 480.0, "{panel:?}");
        assert!(panel.contains_rect(bench.harness.get_by_label("Problems 2").rect()));
        let bar = ["project menu", "Stop", "Pause", "All commands", "Light theme", "Dark theme", "Keys"];
        let bar = bar.map(|label| bench.harness.query_by_label(label).map(|node| node.rect()));
        let bar: Vec<egui::Rect> = bar.into_iter().flatten().collect();
        let lies_over = |(a, b): (&egui::Rect, &egui::Rect)| a.right() > b.left();
        assert!(bar.len() == 6 && !bar.iter().zip(&bar[1..]).any(lies_over), "{bar:?}");
        let ground = theme::Theme::of(&bench.harness.ctx).ground;
        picture::keep(&format!("watched_480_{theme_kind:?}"), &mut bench.harness, ground);
    }
}
