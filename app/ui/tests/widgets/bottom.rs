//! The bottom panel: problems to jump to and to fix, rows as a table and as a file, charts, the run log.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use egui::accesskit::Role;
use egui_kittest::kittest::Queryable;
use millrace_model::view::{Mark, Scale, SingleValue, ViewSpec, XyChart};
use millrace_model::{Diagnostic, Edit};
use millrace_protocol::LogLine;
use millrace_ui::command::{BottomTab, Command};
use millrace_ui::live::{LiveView, Tap};
use millrace_ui::selection::Selection;
use millrace_ui::theme::Theme;

use super::inspector::{Bench, id, pipeline_text, wire};
use super::picture;

fn bench(tab: BottomTab) -> Bench {
    let mut bench = Bench::new(&pipeline_text());
    bench.show_bottom = Some(tab);
    bench
}

fn rows() -> RecordBatch {
    let times = TimestampMicrosecondArray::from(vec![1_772_373_807_412_000, 1_772_373_808_412_000]);
    let times: ArrayRef = Arc::new(times.with_timezone("+00:00"));
    let values: ArrayRef = Arc::new(Float64Array::from(vec![Some(21.4), Some(21.75)]));
    let sites: ArrayRef = Arc::new(StringArray::from(vec![None, Some("north")]));
    RecordBatch::try_from_iter([("ts", times), ("temperature", values), ("site", sites)]).expect("equal lengths")
}

#[test]
fn a_click_on_a_problem_jumps_to_its_param() {
    let mut bench = bench(BottomTab::Problems);
    let problem = Diagnostic::error("missing_param", "`Rate` is needed.").at_node(&id("plant")).at_param("rate");
    bench.checked.diagnostics = vec![problem];
    let mut harness = bench.show_bottom();
    harness.get_by_role_and_label(Role::Tab, "Problems 1");
    harness.get_by_role_and_label(Role::Button, "Error in Plant sensors: `Rate` is needed.").click();
    harness.run();
    let jump = Command::JumpTo { node: id("plant"), param: Some("rate".to_owned()) };
    assert_eq!(harness.state().commands, [jump]);
}

#[test]
fn the_fix_of_a_problem_is_an_edit_and_does_not_jump() {
    let mut bench = bench(BottomTab::Problems);
    let edits = vec![Edit::RemoveWire { wire: wire() }];
    let problem = Diagnostic::error("no_such_port", "There is no such port.").at_wire(&wire());
    bench.checked.diagnostics = vec![problem.with_fix("Remove the wire", edits.clone())];
    let mut harness = bench.show_bottom();
    harness.get_by_role_and_label(Role::Button, "Remove the wire").click();
    harness.run();
    let fix = Command::Edit { label: "Remove the wire".to_owned(), edits, merge: None };
    assert_eq!(harness.state().commands, [fix]);
    assert!(harness.state().document.pipeline().wires().is_empty());
}

#[test]
fn errors_come_before_warnings() {
    let mut bench = bench(BottomTab::Problems);
    bench.checked.diagnostics = vec![Diagnostic::warning("w", "A doubt."), Diagnostic::error("e", "A fault.")];
    let harness = bench.show_bottom();
    let top = |label: &str| harness.get_by_role_and_label(Role::Button, label).rect().top();
    assert!(top("Error in Pipeline: A fault.") < top("Warning in Pipeline: A doubt."));
}

#[test]
fn each_tab_says_what_it_waits_for() {
    for (tab, words) in [
        (BottomTab::Problems, "No problems"),
        (BottomTab::Data, "No wire is watched"),
        (BottomTab::Log, "Nothing here"),
        (BottomTab::View, "Line chart has nothing to show yet"),
    ] {
        bench(tab).show_bottom().get_by_label(words);
    }
}

fn tapped() -> Bench {
    let mut bench = bench(BottomTab::Data);
    bench.live.tapped = Some(wire());
    bench.live.tap = Some(Tap { wire: wire(), rows: rows() });
    bench
}

#[test]
fn the_watched_rows_stand_in_a_table_with_the_newest_on_top() {
    let harness = tapped().show_bottom();
    harness.get_by_role_and_label(Role::Tab, "Plant sensors → Line chart");
    let top = |label: &str| harness.get_by_label(label).rect().top();
    assert!(top("21.75") < top("21.40"), "the newest row is on top, and decimals line up");
    harness.get_by_label("2026-03-01 14:03:28.412");
    harness.get_by_label("null");
    harness.get_by_label("newest 2 rows");
    for header in ["ts", "temperature", "site"] {
        harness.get_by_label(header);
    }
}

#[test]
fn frozen_rows_stay_while_new_ones_come() {
    let mut harness = tapped().show_bottom();
    harness.get_by_role_and_label(Role::Button, "Freeze").click();
    harness.run();
    harness.state_mut().live.tap = Some(Tap { wire: wire(), rows: rows().slice(0, 1) });
    harness.run();
    harness.get_by_label("21.75");
    harness.get_by_role_and_label(Role::Button, "Freeze").click();
    harness.run();
    assert!(harness.query_by_label("21.75").is_none());
}

#[test]
fn seen_rows_are_exported_as_csv() {
    let mut harness = tapped().show_bottom();
    harness.get_by_label("Save CSV…").click();
    harness.run();
    let text = "ts,temperature,site\r\n2026-03-01T14:03:27.412Z,21.4,\r\n2026-03-01T14:03:28.412Z,21.75,north\r\n";
    let download = Command::Download { name: "plant-rows.csv".to_owned(), bytes: text.as_bytes().to_vec() };
    assert_eq!(harness.state().commands, [download]);
}

#[test]
fn watched_rows_are_drawn_by_time_at_once() {
    let mut harness = tapped().show_bottom();
    harness.get_by_role_and_label(Role::Button, "Chart").click();
    harness.run();
    harness.get_by_label("Line chart of the watched rows: temperature 21.75");
    assert_eq!(harness.get_by_role_and_label(Role::ComboBox, "X").value().as_deref(), Some("ts"));
}

#[test]
fn rows_can_be_read_and_exported_raw_as_lines_of_json() {
    let mut harness = tapped().show_bottom();
    harness.get_by_role_and_label(Role::Button, "Raw").click();
    harness.run();
    let newest = r#"{"ts": "2026-03-01T14:03:28.412Z", "temperature": 21.75, "site": "north"}"#;
    let oldest = r#"{"ts": "2026-03-01T14:03:27.412Z", "temperature": 21.4, "site": null}"#;
    let top = |label: &str| harness.get_by_label(label).rect().top();
    assert!(top(newest) < top(oldest), "the newest row is on top");
    assert!(harness.get_by_label(newest).rect().left() > 0.0, "a line begins where it can be read");
    picture::keep("raw_rows", &mut harness, Theme::dark().panel);
    harness.get_by_label("Save JSON…").click();
    harness.run();
    let name = "plant-rows.ndjson".to_owned();
    let download = Command::Download { name, bytes: format!("{oldest}\n{newest}\n").into_bytes() };
    assert_eq!(harness.state().commands, [download]);
    harness.get_by_label("Copy all lines").click();
    harness.step();
    let copied = harness.output().platform_output.commands.iter().any(
        |command| matches!(command, egui::OutputCommand::CopyText(text) if *text == format!("{oldest}\n{newest}\n")),
    );
    assert!(copied, "all lines are in the clipboard");
}

fn filter(harness: &mut egui_kittest::Harness<'static, Bench>, text: &str) {
    harness.get_by_role_and_label(Role::TextInput, "Filter rows").focus();
    harness.run();
    harness.get_by_role_and_label(Role::TextInput, "Filter rows").type_text(text);
    harness.run();
}

#[test]
fn a_filter_narrows_table_raw_lines_and_export_and_says_how_many_rows_match() {
    let mut harness = tapped().show_bottom();
    filter(&mut harness, "NORTH");
    harness.get_by_label("1 of 2 rows match");
    harness.get_by_label("21.75");
    assert!(harness.query_by_label("21.40").is_none());
    harness.get_by_label("Save CSV…").click();
    harness.run();
    let text = "ts,temperature,site\r\n2026-03-01T14:03:28.412Z,21.75,north\r\n";
    let download = Command::Download { name: "plant-rows.csv".to_owned(), bytes: text.as_bytes().to_vec() };
    assert_eq!(harness.state().commands, [download]);
    harness.get_by_role_and_label(Role::Button, "Raw").click();
    harness.run();
    assert_eq!(harness.query_all_by_label_contains("temperature").count(), 1);
    harness.get_by_role_and_label(Role::Button, "Show all rows").click();
    harness.run();
    assert_eq!(harness.query_all_by_label_contains("temperature").count(), 2);
    harness.get_by_label("newest 2 rows");
}

#[test]
fn a_filter_that_nothing_matches_says_so_and_can_be_cleared() {
    let mut harness = tapped().show_bottom();
    filter(&mut harness, "site:21");
    harness.get_by_label("No row matches");
    harness.get_by_label("None of the newest 2 rows contains “site:21”.");
    harness.get_by_label("0 of 2 rows match");
    picture::keep("filtered_rows", &mut harness, Theme::dark().panel);
    harness.get_by_label("Clear the filter").click();
    harness.run();
    harness.get_by_label("21.40");
}

#[test]
fn a_quick_chart_draws_only_the_rows_that_match() {
    let mut harness = tapped().show_bottom();
    filter(&mut harness, "temperature:21.4");
    harness.get_by_role_and_label(Role::Button, "Chart").click();
    harness.run();
    harness.get_by_label("Line chart of the watched rows: temperature 21.4");
}

fn chart(num_rows: usize) -> LiveView {
    let names: ArrayRef = Arc::new(StringArray::from(vec!["north"; num_rows]));
    let times = (0..num_rows as i64).map(|second| second * 1_000_000).collect::<Vec<_>>();
    let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(times));
    let values: ArrayRef = Arc::new(Float64Array::from((0..num_rows).map(|n| n as f64).collect::<Vec<_>>()));
    let data = RecordBatch::try_from_iter([("series", names), ("x", times), ("y", values)]).expect("equal lengths");
    let spec = ViewSpec::Xy(XyChart {
        title: "Temperature".to_owned(),
        mark: Mark::Line,
        y_scale: Scale::Linear,
        right: Vec::new(),
        right_label: String::new(),
        x_held: None,
        x_label: String::new(),
        y_label: "°C".to_owned(),
        x_is_time: true,
        thresholds: Vec::new(),
        num_points: num_rows as u64,
    });
    LiveView { version: 1, spec, data, filters: None, choices: BTreeMap::new() }
}

#[test]
fn the_chart_of_the_selected_node_fills_its_tab() {
    let mut bench = bench(BottomTab::View);
    bench.selection = Selection::node(id("chart"));
    bench.live.views.insert(id("chart"), chart(5));
    let mut harness = bench.show_bottom();
    harness.get_by_label("Line chart Temperature: north 4");
    harness.get_by_label_contains("5 points");
    harness.get_by_label("Save PNG…").click();
    harness.run();
    assert!(
        matches!(harness.state().commands.as_slice(), [Command::SaveChart { node: Some(node), .. }] if *node == id("chart"))
    );
}

#[test]
fn a_chart_without_rows_says_so() {
    let mut bench = bench(BottomTab::View);
    bench.live.views.insert(id("chart"), chart(0));
    bench.show_bottom().get_by_label("Temperature: no rows yet");
}

#[test]
fn a_single_value_is_shown_with_its_unit() {
    let mut bench = bench(BottomTab::View);
    let labels: ArrayRef = Arc::new(StringArray::from(vec!["north", "south"]));
    let values: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.55]));
    let data = RecordBatch::try_from_iter([("label", labels), ("value", values)]).expect("equal lengths");
    let spec = ViewSpec::SingleValue(SingleValue { title: "Mean".to_owned(), unit: "bar".to_owned(), decimals: 1 });
    bench.live.views.insert(id("chart"), LiveView { version: 1, spec, data, filters: None, choices: BTreeMap::new() });
    let harness = bench.show_bottom();
    harness.get_by_label("north: 1.0 bar");
    harness.get_by_label("2 values");
}

#[test]
fn the_run_log_can_show_errors_only() {
    let mut bench = bench(BottomTab::Log);
    let line = |number, is_error, message: &str| LogLine {
        number,
        at_ms: 1_500 * number,
        node: Some(id("plant")),
        is_error,
        message: message.to_owned(),
    };
    bench.live.log.extend([line(0, false, "Started."), line(1, true, "Cannot open the file.")]);
    let mut harness = bench.show_bottom();
    harness.get_by_label("Started.");
    harness.get_by_label("00:00:01.500");
    harness.get_by_label("Errors only").click();
    harness.run();
    assert!(harness.query_by_label("Started.").is_none());
    harness.get_by_label("Cannot open the file.");
}
