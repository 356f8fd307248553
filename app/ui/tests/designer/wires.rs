//! Wires that do not tangle: loops that go around nodes, and bundles from afar.

use std::fmt::Write;

use millrace_ui::command::Side;

use super::*;

/// Columns of nodes like those that people draw: some wires lead far, and one in thirty goes back.
fn layered(num_nodes: usize) -> String {
    let num_rows = ((num_nodes as f64).sqrt() * 0.9).ceil() as usize;
    let num_columns = num_nodes.div_ceil(num_rows);
    let name = |index: usize| format!("n{index:04}");
    let (mut nodes, mut places) = (String::new(), String::new());
    let mut wires = Vec::new();
    for index in 0..num_nodes {
        let (column, row) = (index / num_rows, index % num_rows);
        let comma = if index == 0 { "" } else { "," };
        let kinds = ["process.filter", "process.union", "analyze.tumbling_window"];
        let kind = if column == 0 { "ingest.simulate_devices" } else { kinds[(index / 5) % kinds.len()] };
        write!(nodes, "{comma}\"{}\":{{\"kind\":\"{kind}\"}}", name(index)).expect("a text can grow");
        let (x, y) = (column * 320, row * 176 + (column % 3) * 40);
        write!(places, "{comma}\"{}\":{{\"x\":{x},\"y\":{y}}}", name(index)).expect("a text can grow");
        let mut feed = |from: usize| wires.push((from, index));
        if column > 0 {
            feed((column - 1) * num_rows + row);
            if index % 3 == 0 {
                feed((column - 1) * num_rows + (row + 2) % num_rows);
            }
        }
        if column > 4 && index % 2 == 0 {
            // Many of one region lead to the same other.
            feed((column - 5) * num_rows + (row / 6 * 6 + 12 + row % 6) % num_rows);
        }
        if index % 30 == 7 && column + 2 < num_columns {
            feed(((column + 2) * num_rows + row).min(num_nodes - 1));
        }
    }
    wires.sort_unstable();
    wires.dedup();
    let wires: Vec<String> = wires
        .iter()
        .map(|(from, to)| format!("{{\"from\":\"{}.rows\",\"to\":\"{}.rows\"}}", name(*from), name(*to)))
        .collect();
    format!(
        "{{\"format\":1,\"name\":\"Big\",\"nodes\":{{{nodes}}},\"wires\":[{}],\"layout\":{{\"nodes\":{{{places}}}}}}}",
        wires.join(",")
    )
}

/// Six wires from one region to another that is far away.
fn regions() -> String {
    let node = |name: &str, kind: &str, n: usize| format!("\"{name}{n}\":{{\"kind\":\"{kind}\"}}");
    let place = |name: &str, n: usize, x: usize, y: usize| format!("\"{name}{n}\":{{\"x\":{x},\"y\":{}}}", y + n * 128);
    let each = |text: &dyn Fn(usize) -> String| (0..6).map(text).collect::<Vec<_>>().join(",");
    let nodes = each(&|n| format!("{},{}", node("a", "ingest.simulate_devices", n), node("b", "process.union", n)));
    let places = each(&|n| format!("{},{}", place("a", n, 0, 0), place("b", n, 3_000, 1_024)));
    let wires = each(&|n| format!("{{\"from\":\"a{n}.rows\",\"to\":\"b{n}.rows\"}}"));
    format!(
        "{{\"format\":1,\"name\":\"Regions\",\"nodes\":{{{nodes}}},\"wires\":[{wires}],\"layout\":{{\"nodes\":{{{places}}}}}}}"
    )
}

fn click_at(bench: &mut Bench, pos: Pos2) {
    bench.harness.hover_at(pos);
    bench.step();
    bench.harness.drag_at(pos);
    bench.harness.step();
    bench.harness.drop_at(pos);
    bench.step();
}

#[test]
fn a_trunk_seen_from_afar_stands_for_all_its_wires_and_near_by_there_is_none() {
    let mut bench = Bench::open(&regions());
    bench.ask([Command::ZoomToFit]);
    bench.ask([Command::ZoomBy(0.1 / 0.25)]);
    let view = bench.harness.state().canvas_view();
    let middle = view.viewport.center();
    assert_eq!(view.num_wires, 6);
    bench.harness.hover_at(middle);
    bench.harness.run_steps(60);
    assert!(bench.has_text("6 wires side by side"), "the trunk says what it is");
    click_at(&mut bench, middle);
    assert_eq!(bench.harness.state().selection().wires.len(), 6, "a click takes the whole bundle");
    assert_eq!(bench.harness.state().session().live.tapped, None, "no single wire is meant");
    bench.press(Modifiers::NONE, Key::Escape);
    bench.ask([Command::ZoomReset]);
    let mut touched = std::collections::BTreeSet::new();
    for dy in (-280..280).step_by(4) {
        click_at(&mut bench, middle + vec2(0.0, dy as f32));
        let selection = bench.harness.state().selection();
        assert!(selection.wires.len() <= 1, "near by, each wire is for itself");
        touched.extend(selection.wires.iter().map(Wire::to_string));
    }
    assert!(touched.len() > 2, "{touched:?}");
}

#[test]
fn a_pipeline_of_any_size_shows_its_wires_from_afar() {
    let sizes: &[usize] = if std::env::var_os("MILLRACE_KEEP_IMAGES").is_some() { &[30, 300, 3_000] } else { &[300] };
    for num_nodes in sizes {
        for look in ["dark", "light"] {
            let mut bench = Bench::open(&layered(*num_nodes));
            let panels = [Side::Palette, Side::Bottom, Side::Inspector];
            bench.ask(panels.map(Command::TogglePanel));
            if look == "light" {
                bench.ask([Command::ToggleTheme]);
            }
            bench.wait(400.0);
            bench.ask([Command::ZoomToFit]);
            let view = bench.harness.state().canvas_view();
            assert_eq!(view.num_wires, bench.wires().len(), "every wire is drawn, alone or in a bundle");
            bench.select(&["n0007"]);
            let ground = theme::Theme::of(&bench.harness.ctx).ground;
            picture::keep(&format!("wires_{num_nodes}_{look}"), &mut bench.harness, ground);
        }
    }
}
