//! Help of a node kind beside the canvas, and the page of projects with its templates.

use egui::accesskit::Role;
use millrace_protocol::Sample;

use super::*;

fn samples() -> Vec<Sample> {
    let sample = |name: &str, kind: &str, summary: &str| Sample {
        summary: summary.to_owned(),
        text: FLEET.replace("\"Fleet\"", &format!("\"{name}\"")).replace("visualize.line_chart", kind),
        folder: Some("/samples".to_owned()),
    };
    vec![
        sample(
            "Fleet health",
            "visualize.line_chart",
            "Averages per minute, devices that fall silent, alarms to a file.",
        ),
        sample("Access log", "visualize.table", "A web server's log: requests and errors a minute."),
    ]
}

fn with_samples(welcome_project: Option<i64>) -> Bench {
    let host = Host::with(FLEET);
    host.borrow_mut().samples = samples();
    host.borrow_mut().welcome_project = welcome_project;
    Bench::with(host)
}

fn imported(bench: &Bench) -> Vec<(String, Option<String>)> {
    let heard = &bench.host.borrow().heard;
    let texts = heard.iter().filter_map(|request| match request {
        Request::ImportProject { text, folder } => Some((text.clone(), folder.clone())),
        _ => None,
    });
    texts.collect()
}

#[test]
fn the_help_of_a_kind_is_read_before_the_node_is_added() {
    let mut bench = with_samples(Some(1));
    bench.harness.hover_at(bench.center_of("add Table"));
    bench.step();
    bench.click("help of Table");
    assert!(bench.has_text("A node of the test catalog."));
    assert!(bench.has_text("visualize.table"));
    assert_eq!(bench.ids(), ["chart", "devices", "hot"], "nothing was added");
    bench.harness.get_by_label_contains("Add to the canvas").click();
    bench.step();
    assert_eq!(bench.ids().len(), 4);
    assert!(!bench.has("Close help"), "the new node's settings take the place of the page");
}

#[test]
fn f1_on_a_row_of_the_palette_shows_its_help_and_not_the_keys() {
    let mut bench = with_samples(Some(1));
    bench.harness.get_by_label("add Union").focus();
    bench.step();
    bench.press(Modifiers::NONE, Key::F1);
    assert!(bench.has("Close help") && bench.has_text("process.union"));
    assert!(!bench.has("close keys"));
    bench.click("Close help");
    assert!(!bench.has("Close help"));
}

#[test]
fn the_selected_nodes_help_is_shown_until_something_else_is_selected() {
    let mut bench = with_samples(Some(1));
    bench.select(&["hot"]);
    bench.press(Modifiers::COMMAND, Key::F1);
    assert!(bench.has("Close help") && bench.has_text("process.filter"));
    bench.select(&["devices"]);
    assert!(!bench.has("Close help"));
}

#[test]
fn help_offers_the_samples_that_use_the_kind_and_no_others() {
    let mut bench = with_samples(Some(1));
    bench.ask([Command::ShowHelp(Some("visualize.table".to_owned()))]);
    assert!(!bench.has("open the sample Fleet health"));
    bench.click("open the sample Access log");
    bench.wait(200.0);
    let [(text, folder)] = &imported(&bench)[..] else { panic!("one project is made") };
    assert_eq!(Pipeline::parse(text).expect("a pipeline").0.name(), "Access log");
    assert_eq!(folder.as_deref(), Some("/samples"), "its files are found");
    assert_eq!(bench.pipeline().name(), "Access log", "and it is open");
}

#[test]
fn a_template_makes_a_project_whose_name_is_not_taken() {
    let mut bench = with_samples(None);
    assert!(bench.has("open Fleet health"), "a project of that name is there");
    bench.click("use Fleet health as a template");
    bench.wait(200.0);
    assert_eq!(bench.pipeline().name(), "Fleet health 2");
    assert_eq!(bench.pipeline().num_nodes(), 3);
}

#[test]
fn the_search_looks_through_projects_and_templates() {
    let mut bench = with_samples(None);
    let field = bench.harness.get_by_role_and_label(Role::TextInput, "Search projects");
    field.focus();
    field.type_text("requests");
    bench.step();
    assert!(bench.has("use Access log as a template"), "words of the summary count");
    assert!(!bench.has("open Fleet health") && !bench.has("use Fleet health as a template"));
    bench.harness.get_by_role_and_label(Role::TextInput, "Search projects").type_text("xyzzy");
    bench.step();
    assert!(bench.has_text("No project and no template is called"));
    bench.click("Show all");
    assert!(bench.has("open Fleet health"));
}

#[test]
fn the_bars_tooltips_show_the_keys_that_the_person_chose() {
    let mut bench = Bench::open(FLEET);
    let keys = |key| Some(vec![egui::KeyboardShortcut::new(Modifiers::ALT, key)]);
    let action = |id| millrace_ui::actions::find(id).expect("known");
    bench.ask([Command::SetKeys { action: action("view.zoom_to_fit"), keys: keys(Key::Z) }]);
    bench.harness.hover_at(bench.center_of("Zoom to fit"));
    bench.harness.run_steps(60);
    assert!(bench.has("Zoom to fit (Alt+Z)"));
}

#[test]
fn pages_to_look_at() {
    const HELP: &str = "Rows from **CSV**, JSON or *Parquet* files, see [the format](https://example.org).\n\n\
        With `watch` the run does not end:\n\n- lines that are appended\n- files that appear, such as `logs/*.csv.gz`, \
        are read when they are whole\n\n1. first\n2. second\n\n## Example\n\n\
        | file `readings.csv` | row |\n| --- | --- |\n| `time,device,value` | |\n\
        | `2026-01-01 00:00:00,dev-1,20.5` | `time` 2026-01-01T00:00:00Z, `device` dev-1, `value` 20.5 |\n\
        | `2026-01-01 00:00:01,dev-1,hot` | leaves by `rejected`: `value` is \"hot\", which is not a number |\n\n\
        ```sql\nSELECT device, avg(value)\nFROM rows GROUP BY device\n```\n";
    for (name, theme_kind) in [("dark", egui::Theme::Dark), ("light", egui::Theme::Light)] {
        let ground = theme::Theme::of(&egui::Context::default()).ground;
        let mut bench = with_samples(None);
        bench.harness.ctx.set_theme(theme_kind);
        bench.step();
        picture::keep(&format!("projects-{name}"), &mut bench.harness, ground);
        let host = Host::with(FLEET);
        host.borrow_mut().samples = samples();
        let mut cards: Vec<_> = host.borrow().catalog.cards().cloned().collect();
        cards.iter_mut().for_each(|card| card.help = HELP.to_owned());
        let catalog = millrace_model::Catalog::new(cards);
        host.borrow_mut().catalog = catalog;
        let mut bench = Bench::with(host);
        bench.harness.ctx.set_theme(theme_kind);
        bench.ask([Command::ShowHelp(Some("visualize.table".to_owned()))]);
        assert!(bench.has_text("readings.csv"), "cells of the table are text that can be read");
        picture::keep(&format!("help-{name}"), &mut bench.harness, ground);
        bench.select(&["hot"]);
        picture::keep(&format!("inspector-{name}"), &mut bench.harness, ground);
    }
}
