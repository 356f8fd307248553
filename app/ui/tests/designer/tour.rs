//! The first-run tour: begun once, led by what was done, ended for good.

use super::*;

fn first_start() -> Bench {
    let host = Host::with(FLEET);
    host.borrow_mut().settings.remove("tour");
    Bench::with(host)
}

#[test]
fn the_tour_goes_on_when_its_step_was_done() {
    let mut bench = first_start();
    assert!(bench.has("1 of 8"));
    bench.step();
    assert!(bench.has("1 of 8"), "nothing was done");
    bench.click("node Hot");
    assert!(bench.has("2 of 8") && bench.has_text("or press Ctrl+Enter"));
    bench.host.borrow_mut().polled = Some(Box::new(|poll| running(poll, RunState::Running)));
    bench.click("Run");
    bench.wait(100.0);
    assert!(bench.has("3 of 8"));
    bench.click("Skip this step");
    assert!(bench.has("4 of 8"));
    picture::keep("tour-dark", &mut bench.harness, theme::Theme::of(&egui::Context::default()).ground);
}

#[test]
fn an_ended_tour_comes_back_only_when_it_is_asked_for() {
    let mut bench = first_start();
    bench.click("End the tour");
    assert!(!bench.has("End the tour"));
    let host = bench.host.clone();
    drop(bench);
    let mut bench = Bench::with(host);
    assert!(!bench.has("End the tour"), "it was remembered");
    let tour = millrace_ui::actions::find("help.tour").expect("known");
    bench.ask([(tour.command)()]);
    assert!(bench.has("1 of 8"));
}

#[test]
fn the_words_of_the_tour_never_lie_under_its_buttons() {
    let titles = ["Nodes", "Run", "Charts", "Wires", "Settings", "Changes", "Palette", "Commands"];
    for width in [1440.0, 1024.0, 700.0] {
        let mut bench = first_start();
        bench.harness.set_size(vec2(width, 700.0));
        bench.harness.run_steps(4);
        for (index, title) in titles.into_iter().enumerate() {
            let words = bench.harness.get_by_label_contains(&format!("{title}  ")).rect();
            let count = bench.harness.get_by_label(&format!("{} of 8", index + 1)).rect();
            assert!(words.right() <= count.left(), "{title} at {width}: {words:?} and {count:?}");
            assert!(count.right() <= bench.harness.get_by_label("Skip this step").rect().left());
            assert!(words.left() > 0.0 && words.top() >= 48.0, "{title} at {width}: {words:?}");
            if title == "Changes" && width < 800.0 {
                let ground = theme::Theme::of(&egui::Context::default()).ground;
                picture::keep("tour-narrow", &mut bench.harness, ground);
                break;
            }
            bench.click("Skip this step");
            bench.harness.run_steps(4);
        }
    }
}

/// Keys without a modifier, one after the other.
fn keys(bench: &mut Bench, keys: &[Key]) {
    for key in keys {
        bench.press(Modifiers::NONE, *key);
    }
}

#[test]
fn the_whole_tour_can_be_taken_by_keys_as_its_words_say() {
    let wired = FLEET.replace(
        r#""wires": [{"from": "devices.rows", "to": "hot.rows"}]"#,
        r#""wires": [{"from": "devices.rows", "to": "hot.rows"}, {"from": "hot.rows", "to": "chart.rows"}]"#,
    );
    let host = Host::with(&wired);
    host.borrow_mut().settings.remove("tour");
    host.borrow_mut().polled = Some(Box::new(|poll| running(poll, RunState::Running)));
    let mut bench = Bench::with(host);
    let is_at = |bench: &Bench, step: usize, words: &str| {
        assert!(bench.has(&format!("{step} of 8")), "step {step}");
        assert!(bench.has_text(&format!("or press {words}")), "step {step} names its keys: {words}");
    };
    is_at(&bench, 1, "Home.");
    keys(&mut bench, &[Key::Home]);
    is_at(&bench, 2, "Ctrl+Enter.");
    bench.press(Modifiers::COMMAND, Key::Enter);
    bench.wait(200.0);
    is_at(&bench, 3, "PageDown until one is selected.");
    keys(&mut bench, &[Key::PageDown, Key::PageDown]);
    is_at(&bench, 4, "O at a node with wires.");
    keys(&mut bench, &[Key::O]);
    is_at(&bench, 5, "S at a node and type.");
    keys(&mut bench, &[Key::Home, Key::S]);
    bench.harness.event(Event::Text("x".to_owned()));
    bench.wait(600.0);
    assert!(bench.text().contains(r#""fleet": "x""#), "the first setting was typed into: {}", bench.text());
    is_at(&bench, 6, "Ctrl+Shift+Enter.");
    bench.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::Enter);
    bench.wait(600.0);
    picture::keep("tour-keys", &mut bench.harness, theme::Theme::dark().ground);
    is_at(&bench, 7, "/, go to one with Tab and press F1.");
    keys(&mut bench, &[Key::Escape, Key::Slash, Key::Tab, Key::F1]);
    is_at(&bench, 8, "Ctrl+K.");
    bench.press(Modifiers::COMMAND, Key::K);
    assert!(bench.has("Find a command") && bench.has_text("That was the tour"));
    keys(&mut bench, &[Key::Escape]);
    for _ in 0..8 {
        if bench.harness.get_by_label("Tour").is_focused() {
            break;
        }
        keys(&mut bench, &[Key::F6]);
    }
    keys(&mut bench, &[Key::Tab, Key::Space]);
    assert!(!bench.has("End the tour"), "the strip is closed by keys too");
    bench.wait(100.0);
    assert_eq!(bench.host.borrow().settings["tour"], true);
}
