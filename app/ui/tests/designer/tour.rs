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
