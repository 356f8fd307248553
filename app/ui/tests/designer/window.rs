//! View, theme, panels and the command list.

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
