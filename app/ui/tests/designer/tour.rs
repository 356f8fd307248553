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
