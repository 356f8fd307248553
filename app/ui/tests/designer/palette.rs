//! The palette: favourites that stay, by mouse, by keys and by the list of commands.

use super::*;

fn is_above(bench: &Bench, upper: &str, lower: &str) -> bool {
    bench.center_of(upper).y < bench.center_of(lower).y
}

fn hover(bench: &mut Bench, label: &str) {
    bench.harness.hover_at(bench.center_of(label));
    bench.step();
}

#[test]
fn a_starred_kind_stands_on_top_of_the_palette_until_its_star_is_taken_away() {
    let mut bench = Bench::open(EMPTY);
    assert!(!bench.has("Favourites") && !bench.has("favourite Filter"), "a star is offered where one points at");
    hover(&mut bench, "add Filter");
    bench.click("favourite Filter");
    assert!(is_above(&bench, "Favourites", "Ingest"));
    assert_eq!(bench.harness.query_all_by_label("add Filter").count(), 2, "it stays in its section too");
    bench.harness.hover_at(bench.center_of("canvas"));
    bench.step();
    for (name, ground) in [("dark", theme::Theme::dark().panel), ("light", theme::Theme::light().panel)] {
        bench.harness.ctx.set_theme(if name == "dark" { egui::Theme::Dark } else { egui::Theme::Light });
        bench.step();
        picture::keep(&format!("favourites_{name}"), &mut bench.harness, ground);
    }
    let stars: Vec<_> = bench.harness.query_all_by_label("favourite Filter").collect();
    assert_eq!(stars.len(), 2, "set stars are seen without pointing at them");
    stars[0].click();
    bench.step();
    assert!(!bench.has("Favourites"));
    assert!(bench.steps().is_empty(), "favourites are no part of the pipeline's history");
}

#[test]
fn a_search_finds_each_kind_once_starred_or_not() {
    let mut bench = Bench::open(EMPTY);
    bench.ask([Command::ToggleFavourite(Some("process.filter".to_owned()))]);
    bench.harness.get_by_label("Search nodes").focus();
    bench.step();
    bench.harness.get_by_label("Search nodes").type_text("filt");
    bench.step();
    assert_eq!(bench.harness.query_all_by_label("add Filter").count(), 1);
    assert!(!bench.has("Favourites"));
}

#[test]
fn favourites_are_there_again_after_a_restart_in_any_project() {
    let host = Host::with(FLEET);
    let mut bench = Bench::with(host.clone());
    bench.select(&["hot"]);
    let action = millrace_ui::actions::find("view.favourite").expect("it is an action");
    bench.ask([(action.command)()]);
    assert!(bench.has("favourite Filter"), "the kind of the selected node is starred");
    bench.wait(100.0);
    drop(bench);
    host.borrow_mut().project.text = EMPTY.to_owned();
    let mut bench = Bench::with(host);
    assert!(is_above(&bench, "Favourites", "Ingest"));
    bench.ask([Command::ToggleFavourite(Some("process.filter".to_owned()))]);
    assert!(!bench.has("Favourites"));
}

#[test]
fn a_star_is_reached_and_set_by_keys() {
    let mut bench = Bench::open(EMPTY);
    bench.harness.get_by_label("add Table").focus();
    bench.step();
    for _ in 0..3 {
        if bench.harness.get_by_label("favourite Table").is_focused() {
            break;
        }
        bench.press(Modifiers::NONE, Key::Tab);
    }
    bench.press(Modifiers::NONE, Key::Space);
    assert!(bench.has("Favourites"));
    assert!(bench.ids().is_empty(), "nothing is added by it");
}
