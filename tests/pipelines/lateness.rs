//! Whether a row is late follows from its place in its source, not from how tasks happen to take turns.

use std::collections::BTreeMap;
use std::path::Path;

use millrace_host::engine::{RunOptions, Simulation, start};
use millrace_host::model::Pipeline;
use millrace_host::model::run::RunState;
use millrace_host::{Planner, registry};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::sorted_lines;

const SIZE_S: i64 = 10;
const LAG_S: i64 = 2;

/// Second, site.
type Row = (i64, u8);

/// Count and sum by the start of the window, in seconds, and by site; and the late rows.
type Answer = (BTreeMap<(i64, Option<u8>), (i64, i64)>, Vec<i64>);

/// How rows come to the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Through a keyed node: as many instances as the parallelism says.
    Keyed,
    /// Through two keyed nodes, one behind the other.
    TwiceKeyed,
    /// Half of the rows through one node, half through another, and together again.
    Parted,
}

fn pipeline(rows: &[Row], way: Way, has_keys: bool) -> Pipeline {
    let mut text = "ts,site,n\n".to_owned();
    for (n, (second, site)) in rows.iter().enumerate() {
        text.push_str(&format!("2026-01-01T00:{:02}:{:02}Z,{site},{n}\n", second / 60, second % 60));
    }
    let only_once = |key: &str| json!({ "kind": "process.deduplicate", "params": { "keys": [key, "n"] } });
    let half = |rest: u8| json!({ "kind": "process.filter", "params": { "condition": format!("n % 2 = {rest}") } });
    let keys = if has_keys { json!(["site"]) } else { json!([]) };
    let mut nodes = json!({
        "rows": { "kind": "ingest.inject", "params": {
            "rows": text, "event_time": "ts", "max_out_of_orderness": format!("{LAG_S} s"),
        } },
        "window": { "kind": "analyze.tumbling_window", "params": {
            "size": format!("{SIZE_S} s"), "keys": keys,
            "aggregates": [{ "name": "n", "expression": "count(*)" }, { "name": "sum", "expression": "sum(n)" }],
        } },
        "out": { "kind": "store.file", "params": { "path": "out.ndjson" } },
        "late": { "kind": "store.file", "params": { "path": "late.ndjson" } },
    });
    let mut wires = vec![("window.rows", "out.rows"), ("window.late", "late.rows")];
    match way {
        Way::Keyed | Way::TwiceKeyed => {
            nodes["a"] = only_once("site");
            wires.push(("rows.rows", "a.rows"));
            if way == Way::TwiceKeyed {
                nodes["b"] = only_once("ts");
                wires.extend([("a.rows", "b.rows"), ("b.rows", "window.rows")]);
            } else {
                wires.push(("a.rows", "window.rows"));
            }
        }
        Way::Parted => {
            (nodes["a"], nodes["b"]) = (half(0), half(1));
            wires.extend([("rows.rows", "a.rows"), ("rows.rows", "b.rows")]);
            nodes["both"] = json!({ "kind": "process.union" });
            wires.extend([("a.rows", "both.rows"), ("b.rows", "both.rows"), ("both.rows", "window.rows")]);
        }
    }
    let wires: Vec<Value> = wires.iter().map(|(from, to)| json!({ "from": from, "to": to })).collect();
    let text = json!({ "format": 1, "name": "Late", "nodes": nodes, "wires": wires }).to_string();
    Pipeline::parse(&text).expect("it is a pipeline").0
}

/// The slow and obvious way, a row at a time: count and sum by window and site, and the late rows.
fn expected(rows: &[Row], has_keys: bool) -> Answer {
    let (mut windows, mut late) = (BTreeMap::new(), Vec::new());
    let mut watermark = i64::MIN;
    for (n, (second, site)) in (0..).zip(rows) {
        let start = second.div_euclid(SIZE_S) * SIZE_S;
        if start + SIZE_S <= watermark {
            late.push(n);
        } else {
            let window: &mut (i64, i64) = windows.entry((start, has_keys.then_some(*site))).or_default();
            window.0 += 1;
            window.1 += n;
        }
        watermark = watermark.max(second - LAG_S);
    }
    (windows, late)
}

fn found(folder: &Path, has_keys: bool) -> Answer {
    let read = |name: &str| -> Vec<Value> {
        let lines = sorted_lines(&folder.join(name)).into_iter();
        lines.map(|line| serde_json::from_str(&line).expect("a row")).collect()
    };
    let number = |value: &Value| value.as_i64().expect("a whole number");
    let windows = read("out.ndjson").into_iter().map(|row| {
        let start = row["window_start"].as_str().expect("a time");
        let second: i64 =
            start[14..16].parse::<i64>().expect("minutes") * 60 + start[17..19].parse::<i64>().expect("s");
        let site = has_keys.then(|| u8::try_from(number(&row["site"])).expect("a site"));
        ((second, site), (number(&row["n"]), number(&row["sum"])))
    });
    let mut late: Vec<i64> = read("late.ndjson").iter().map(|row| number(&row["n"])).collect();
    late.sort_unstable();
    (windows.collect(), late)
}

#[test]
fn a_row_is_late_by_its_place_in_its_source_at_every_batch_size_and_parallelism() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let planner = Planner::new(registry());
    let case = (
        prop::collection::vec((0_i64..200, 0_u8..4), 1..60),
        prop::sample::select(vec![Way::Keyed, Way::TwiceKeyed, Way::Parted]),
        any::<bool>(),
        any::<u64>(),
    );
    let num_late = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(60));
    let outcome = runner.run(&case, |(jumps, way, has_keys, seed)| {
        // Time goes on, with rows far behind it.
        let rows: Vec<Row> = (0..).zip(&jumps).map(|(n, (jump, site))| ((n * 4 - jump % 60).max(0), *site)).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let plan = runtime.block_on(planner.plan(&pipeline(&rows, way, has_keys), &BTreeMap::new(), folder.path()));
        assert!(plan.is_runnable(), "{:#?}", plan.diagnostics);
        let expected = expected(&rows, has_keys);
        for batch_size in [1, 32, 8_192] {
            for parallelism in [1, 2, 3] {
                let simulation = Simulation::new(seed);
                let options = RunOptions {
                    batch_size,
                    parallelism,
                    reslice: true,
                    base_dir: folder.path().to_owned(),
                    world: simulation.world(),
                    ..RunOptions::default()
                };
                let outcome = simulation.run(async {
                    start(&plan, planner.registry(), options).await.expect("it starts").finished().await
                });
                prop_assert_eq!(outcome.state, RunState::Done, "{:?}", outcome.failure);
                prop_assert_eq!(&found(folder.path(), has_keys), &expected, "{:?}", (batch_size, parallelism));
            }
        }
        num_late.set(num_late.get() + expected.1.len());
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(num_late.get() > 100, "{} rows were late", num_late.get());
}

/// A node that two sources meet in, by itself or behind a union.
#[derive(Debug, Clone)]
struct Meeting {
    kind: &'static str,
    params: Value,
    /// Where the rows of each source arrive.
    inputs: [&'static str; 2],
    late_ports: &'static [&'static str],
    /// The last window of a row begins at a multiple of this; none: a row is late as soon as it is behind.
    slide_s: Option<i64>,
}

impl Meeting {
    fn join(kind: &'static str, params: Value, slide_s: Option<i64>) -> Self {
        Self { kind, params, inputs: ["meet.left", "meet.right"], late_ports: &["left_late", "right_late"], slide_s }
    }

    fn behind_a_union(kind: &'static str, params: Value, slide_s: Option<i64>) -> Self {
        Self { kind, params, inputs: ["union.rows", "union.rows"], late_ports: &["late"], slide_s }
    }

    fn all() -> Vec<Self> {
        let (pairs, keys, size) = (json!([{ "left": "site" }]), json!(["site"]), format!("{SIZE_S} s"));
        let query = "SELECT input.site, count(*) AS n, sum(input.n * other.n) AS sum FROM input \
                     JOIN other ON input.site = other.site GROUP BY input.site";
        let total = json!([{ "name": "n", "expression": "count(*)" }, { "name": "sum", "expression": "sum(n)" }]);
        let hops = json!({ "size": size, "slide": "5 s", "keys": keys, "aggregates": total });
        vec![
            Self::join("process.window_join", json!({ "keys": pairs, "size": size, "kind": "full" }), Some(SIZE_S)),
            Self::join(
                "process.interval_join",
                json!({ "keys": pairs, "before": "6 s", "after": "6 s", "kind": "left" }),
                None,
            ),
            Self::join("process.as_of_join", json!({ "keys": pairs }), None),
            Self {
                kind: "process.sql",
                params: json!({ "query": query, "window": size, "tables": [{ "name": "other" }] }),
                inputs: ["meet.rows", "meet.other"],
                late_ports: &["late", "other"],
                slide_s: Some(SIZE_S),
            },
            Self::behind_a_union(
                "analyze.tumbling_window",
                json!({ "size": size, "keys": keys, "aggregates": total }),
                Some(SIZE_S),
            ),
            Self::behind_a_union("analyze.hopping_window", hops, Some(5)),
            Self::behind_a_union("process.sort", json!({}), None),
        ]
    }

    fn is_union(&self) -> bool {
        self.inputs[0].starts_with("union")
    }

    fn pipeline(&self, sides: &[Vec<Row>; 2]) -> Pipeline {
        let source = |rows: &[Row], first: i64| {
            let line = |(n, (second, site)): (i64, &Row)| {
                format!("2026-01-01T00:{:02}:{:02}Z,{site},{n}\n", second / 60, second % 60)
            };
            let text: String = (first..).zip(rows).map(line).collect();
            json!({ "kind": "ingest.inject", "params": {
                "rows": format!("ts,site,n\n{text}"), "event_time": "ts", "max_out_of_orderness": format!("{LAG_S} s"),
            } })
        };
        let sink = |name: &str| json!({ "kind": "store.file", "params": { "path": format!("{name}.ndjson") } });
        let mut nodes = json!({
            "a": source(&sides[0], 0), "b": source(&sides[1], FIRST_OF_B),
            "meet": { "kind": self.kind, "params": self.params }, "out": sink("out"),
        });
        let mut wires = vec![json!({ "from": "meet.rows", "to": "out.rows" })];
        wires.extend(
            ["a", "b"].iter().zip(self.inputs).map(|(from, to)| json!({ "from": format!("{from}.rows"), "to": to })),
        );
        for late_port in self.late_ports {
            nodes[late_port] = sink(late_port);
            wires.push(json!({ "from": format!("meet.{late_port}"), "to": format!("{late_port}.rows") }));
        }
        if self.is_union() {
            // Between the two, rows go to several instances, and come from them.
            nodes["union"] = json!({ "kind": "process.union" });
            nodes["once"] = json!({ "kind": "process.deduplicate", "params": { "keys": ["n"] } });
            wires.push(json!({ "from": "union.rows", "to": "once.rows" }));
            wires.push(json!({ "from": "once.rows", "to": "meet.rows" }));
        }
        let text = json!({ "format": 1, "name": "Meet", "nodes": nodes, "wires": wires }).to_string();
        Pipeline::parse(&text).expect("it is a pipeline").0
    }

    /// The numbers of the rows that are late by how far their own source has come.
    fn late(&self, sides: &[Vec<Row>; 2]) -> Vec<i64> {
        let mut late = Vec::new();
        for (rows, first) in sides.iter().zip([0, FIRST_OF_B]) {
            let mut watermark = i64::MIN;
            for (n, (second, _)) in (first..).zip(rows) {
                let end = self.slide_s.map_or(*second, |slide| second.div_euclid(slide) * slide + SIZE_S - 1);
                if end < watermark {
                    late.push(n);
                }
                watermark = watermark.max(second - LAG_S);
            }
        }
        late.sort_unstable();
        late
    }
}

/// Rows of the second source have numbers from here on.
const FIRST_OF_B: i64 = 1_000;

#[test]
fn where_two_sources_meet_a_row_is_late_by_its_own_source_however_far_the_other_has_come() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let planner = Planner::new(registry());
    let rows = || prop::collection::vec((0_i64..200, 0_u8..4), 1..40);
    let case = (rows(), rows(), prop::sample::select(Meeting::all()), any::<u64>());
    let num_late = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(100));
    let outcome = runner.run(&case, |(left, right, meeting, seed)| {
        let on_time = |jumps: &[(i64, u8)], pace: i64| -> Vec<Row> {
            (0..).zip(jumps).map(|(n, (jump, site))| ((n * pace - jump % 60).max(0), *site)).collect()
        };
        // One source is far ahead of the other.
        let sides = [on_time(&left, 4), on_time(&right, 9)];
        let folder = tempfile::tempdir().expect("a folder");
        let plan = runtime.block_on(planner.plan(&meeting.pipeline(&sides), &BTreeMap::new(), folder.path()));
        assert!(plan.is_runnable(), "{:#?}", plan.diagnostics);
        let expected_late = meeting.late(&sides);
        let mut first = None;
        for (batch_size, parallelism, turn) in
            [(1, 1, 0), (32, 2, 1), (8_192, 3, 2), (1, 3, 3), (8_192, 1, 4), (32, 1, 5)]
        {
            let simulation = Simulation::new(seed.wrapping_add(turn));
            let options = RunOptions {
                batch_size,
                parallelism,
                reslice: true,
                base_dir: folder.path().to_owned(),
                world: simulation.world(),
                ..RunOptions::default()
            };
            let outcome = simulation
                .run(async { start(&plan, planner.registry(), options).await.expect("it starts").finished().await });
            prop_assert_eq!(outcome.state, RunState::Done, "{:?}", outcome.failure);
            let late_lines =
                meeting.late_ports.iter().flat_map(|port| sorted_lines(&folder.path().join(format!("{port}.ndjson"))));
            let mut late: Vec<i64> = late_lines
                .map(|line| serde_json::from_str::<Value>(&line).expect("a row")["n"].as_i64().expect("a number"))
                .collect();
            late.sort_unstable();
            prop_assert_eq!(&late, &expected_late, "{} {:?}", meeting.kind, (batch_size, parallelism));
            let rows = sorted_lines(&folder.path().join("out.ndjson"));
            let first = first.get_or_insert_with(|| rows.clone());
            prop_assert_eq!(&rows, &*first, "{} {:?}", meeting.kind, (batch_size, parallelism));
        }
        num_late.set(num_late.get() + expected_late.len());
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(num_late.get() > 100, "{} rows were late", num_late.get());
}
