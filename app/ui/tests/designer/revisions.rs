//! Revisions: the page, what differs on the canvas and in words, and the way back.

use millrace_protocol::Revision;

use super::*;

/// What the fleet was before: another condition, no chart, and a node that is gone now.
const THEN: &str = r#"{
  "format": 1, "name": "Fleet",
  "nodes": {
    "devices": {"kind": "ingest.simulate_devices", "title": "Devices"},
    "hot": {"kind": "process.filter", "title": "Hot", "params": {"condition": "temperature > 45"}},
    "store": {"kind": "store.sqlite", "title": "Archive"}
  },
  "wires": [{"from": "devices.rows", "to": "hot.rows"}, {"from": "hot.rows", "to": "store.rows"}],
  "layout": {"nodes": {"devices": {"x": 0, "y": 0}, "hot": {"x": 280, "y": 0}, "store": {"x": 560, "y": 160}}}
}"#;

fn bench() -> Bench {
    let host = Host::with(FLEET);
    let then = Pipeline::parse(THEN).expect("a pipeline").0;
    let since = |text: &str| {
        let (after, _) = Pipeline::parse(text).expect("a pipeline");
        Some(millrace_model::Changes::between(&then, &after).tally())
    };
    host.borrow_mut().revisions = vec![
        (Revision { id: 7, name: String::new(), saved_ms: 1_772_373_807_412, since: since(FLEET) }, FLEET.to_owned()),
        (Revision { id: 3, name: "As agreed".to_owned(), saved_ms: 1_772_300_000_000, since: None }, THEN.to_owned()),
    ];
    let mut bench = Bench::with(host);
    bench.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::H);
    bench.wait(200.0);
    bench
}

fn choose(bench: &mut Bench, label: &str) {
    bench.click(label);
    bench.wait(200.0);
}

#[test]
fn the_page_lists_now_and_every_kept_state_with_what_it_changed() {
    let mut bench = bench();
    assert!(bench.has("revision now") && bench.has("revision As agreed"));
    assert!(bench.has("revision 2026-03-01 14:03 UTC"), "one without a name is called by its time");
    bench.click("Close revisions");
    assert!(!bench.has("revision now") && bench.has("node Hot"));
}

#[test]
fn a_chosen_revision_shows_what_is_other_now_on_the_canvas_and_in_words() {
    let mut bench = bench();
    let (text, steps) = (bench.text(), bench.steps());
    assert!(!bench.has("changed node Hot"));
    choose(&mut bench, "revision As agreed");
    for mark in
        ["changed node Hot", "removed node Archive", "added node Line chart", "removed wire hot.rows → store.rows"]
    {
        assert!(bench.has(mark), "{mark}");
    }
    assert!(bench.has("then temperature > 45") && bench.has("now temperature > 30"));
    assert!(bench.has_text("1 node added, 1 changed, 1 removed, 1 wire removed"));
    choose(&mut bench, "revision now");
    assert!(!bench.has("changed node Hot") && !bench.has("removed node Archive"));
    assert_eq!((bench.text(), bench.steps()), (text, steps), "comparing changes nothing");
}

#[test]
fn a_line_of_the_list_leads_to_its_node_or_to_where_it_was() {
    let mut bench = bench();
    choose(&mut bench, "revision As agreed");
    bench.click("changed Hot");
    assert_eq!(bench.selected(), ["hot"]);
    assert!(bench.has("revision now"), "the page stays");
    bench.click("removed Archive");
    let ghost = egui::pos2(560.0, 160.0);
    let seen = bench.harness.state().canvas_view().seen_in_canvas;
    assert!(seen.contains(ghost) && (seen.center() - ghost).length() < 150.0, "{seen:?}");
}

#[test]
fn restoring_is_one_step_that_can_be_undone() {
    let mut bench = bench();
    let before = bench.text();
    choose(&mut bench, "revision As agreed");
    bench.click("Restore");
    assert_eq!(bench.text(), Pipeline::parse(THEN).expect("a pipeline").0.to_text());
    assert_eq!(bench.steps(), ["Restore “As agreed”"]);
    assert!(bench.has_text("Now everything is as it was then"));
    bench.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(bench.text(), before);
    assert!(bench.has("changed node Hot"), "the comparison follows");
}

#[test]
fn a_revision_is_named_renamed_and_copied_into_a_project() {
    let mut bench = bench();
    bench.click("Name this revision…");
    bench.harness.get_by_label("Revision name").type_text("Before the fair");
    bench.step();
    bench.press(Modifiers::NONE, Key::Enter);
    bench.wait(300.0);
    assert!(bench.has("revision Before the fair"));
    choose(&mut bench, "revision As agreed");
    bench.click("Rename…");
    bench.harness.get_by_label("Revision name").type_text("!");
    bench.step();
    bench.click("Save");
    bench.wait(300.0);
    assert!(bench.has("revision As agreed!"));
    bench.click("New project");
    bench.wait(300.0);
    assert_eq!(bench.pipeline().name(), "Fleet (As agreed!)");
    assert_eq!(bench.ids(), ["devices", "hot", "store"]);
    assert!(!bench.has("revision now"), "the page was about another project");
}

#[test]
fn without_revisions_the_page_says_how_they_come_about() {
    let mut bench = Bench::open(FLEET);
    bench.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::H);
    bench.wait(200.0);
    assert!(bench.has_text("keeps one every ten minutes"));
}

#[test]
fn they_look_as_they_should() {
    for (theme, name) in [(egui::Theme::Dark, "dark"), (egui::Theme::Light, "light")] {
        let mut bench = bench();
        bench.harness.ctx.set_theme(theme);
        bench.wait(100.0);
        let ground = bench.harness.ctx.global_style().visuals.panel_fill;
        choose(&mut bench, "revision As agreed");
        picture::keep(&format!("revisions_{name}"), &mut bench.harness, ground);
        assert!(bench.has("removed node Archive"));
        bench.ask([Command::ZoomBy(0.3)]);
        picture::keep(&format!("revisions_far_{name}"), &mut bench.harness, ground);
        assert!(bench.has("removed node Archive"), "also from afar");
    }
}
