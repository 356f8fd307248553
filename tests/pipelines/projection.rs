//! Runs with only the columns that are read give what runs with all columns give: rows, rejected records, late rows.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use millrace_host::engine::{Plan, RunOptions, StateFolder, StateOptions, start, with_columns_read};
use millrace_host::model::run::RunState;
use millrace_host::model::{Edit, Endpoint, Node, NodeId, Pipeline, Wire};
use millrace_host::{Planner, registry};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::sorted_lines;

fn id(text: &str) -> NodeId {
    NodeId::new(text).expect("a well-formed id")
}

/// A pipeline that grows node by node.
struct Draft(Pipeline);

impl Draft {
    fn new() -> Self {
        Self(Pipeline::new("columns"))
    }

    /// Adds a node, wired to the port `from` (such as `filter.rows`) where one is named.
    fn add(&mut self, name: &str, kind: &str, params: Value, from: &[&str]) {
        let mut node = Node::new(id(name), kind);
        node.params = params.as_object().expect("params are an object").clone().into_iter().collect();
        let mut edits = vec![Edit::AddNode { node, position: None }];
        for from in from {
            let (node, port) = from.split_once('.').expect("a node and a port");
            let wire = Wire::new(Endpoint::new(id(node), port), Endpoint::new(id(name), "rows"));
            edits.push(Edit::AddWire { wire });
        }
        self.0.apply(&edits).expect("the edits fit");
    }

    fn sink(&mut self, name: &str, from: &str) {
        self.add(name, "store.file", json!({"path": format!("{name}.ndjson")}), &[from]);
    }

    /// A sink of rejected rows, without the time at which they were rejected.
    fn rejects(&mut self, name: &str, from: &str) {
        let timeless = format!("{name}_timeless");
        self.add(&timeless, "process.select", json!({"drop": ["time"]}), &[from]);
        self.sink(name, &format!("{timeless}.rows"));
    }

    async fn planned(&self, planner: &Planner, folder: &Path) -> Plan {
        let plan = planner.plan(&self.0, &BTreeMap::new(), folder).await;
        assert!(plan.is_runnable(), "{:#?}", plan.diagnostics);
        plan
    }
}

const COLUMNS: [(&str, &str); 6] = [
    ("i", "integer"),
    ("n", "number"),
    ("t", "text"),
    ("b", "boolean"),
    ("ts", "timestamp"),
    ("ms", "unix_milliseconds"),
];

fn source(path: &str, add_position: bool) -> Value {
    let columns: Vec<Value> =
        COLUMNS.iter().map(|(name, column_type)| json!({"name": name, "type": column_type})).collect();
    json!({
        "path": path, "columns": columns, "event_time": "ms", "max_out_of_orderness": "1 h", "add_position": add_position,
    })
}

fn column_names(plan: &Plan, node: &str) -> Vec<String> {
    let schema = plan.nodes[&id(node)].outputs[0].schema.as_ref().expect("a planned schema");
    schema.fields().iter().map(|field| field.name().clone()).collect()
}

fn narrow(plan: &Plan, planner: &Planner) -> Plan {
    with_columns_read(plan, planner.registry())
}

#[tokio::test]
async fn a_source_gives_the_columns_that_are_read_and_no_others() {
    let planner = Planner::new(registry());
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("in.csv"), "i,n,t,b,ts,ms\n").expect("it can be written");
    let mut draft = Draft::new();
    draft.add("read", "ingest.file", source("in.csv", true), &[]);
    draft.add("pick", "process.filter", json!({"condition": "n > 0"}), &["read.rows"]);
    let window = json!({"size": "10 s", "keys": ["i"], "aggregates": [{"name": "c", "expression": "count(*)"}]});
    draft.add("window", "analyze.tumbling_window", window, &["pick.rows"]);
    draft.sink("out", "window.rows");
    let plan = draft.planned(&planner, folder.path()).await;
    assert_eq!(column_names(&plan, "read"), ["i", "n", "t", "b", "ts", "ms", "file", "line_number"]);
    assert_eq!(column_names(&narrow(&plan, &planner), "read"), ["i", "n", "ms"]);
    let at_window = narrow(&plan, &planner).nodes[&id("window")].inputs[0].schema.clone().expect("a schema");
    assert_eq!(at_window.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>(), ["i", "ms"]);

    // A rejected row is shown whole, where its text is read.
    draft.add("why", "process.select", json!({"drop": ["raw"]}), &["pick.rejected"]);
    draft.sink("reasons", "why.rows");
    let plan = draft.planned(&planner, folder.path()).await;
    assert_eq!(column_names(&narrow(&plan, &planner), "read").len(), 8, "`drop` names `raw`, and so reads it");

    let mut draft = Draft::new();
    draft.add("read", "ingest.file", source("in.csv", true), &[]);
    draft.add(
        "pick",
        "process.select",
        json!({"columns": [{"name": "x", "expression": "line_number"}], "keep_others": false}),
        &["read.rows"],
    );
    draft.sink("out", "pick.rows");
    draft.sink("bad", "read.rejected");
    let plan = draft.planned(&planner, folder.path()).await;
    assert_eq!(column_names(&narrow(&plan, &planner), "read"), ["ms", "line_number"]);
    draft.sink("all", "read.rows");
    let plan = draft.planned(&planner, folder.path()).await;
    assert_eq!(column_names(&narrow(&plan, &planner), "read"), column_names(&plan, "read"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn state_fits_whoever_else_reads_the_columns() {
    let planner = Planner::new(registry());
    let folder = tempfile::tempdir().expect("a folder");
    let text: String = (0..50).map(|n| format!("{},{n},t{n},true,2026-01-01,{}\n", n % 3, n * 1_000)).collect();
    fs::write(folder.path().join("in.csv"), format!("i,n,t,b,ts,ms\n{text}")).expect("it can be written");
    let mut draft = Draft::new();
    draft.add("read", "ingest.file", source("in.csv", false), &[]);
    let window = json!({"size": "1 h", "keys": ["i"], "aggregates": [{"name": "s", "expression": "sum(n)"}]});
    draft.add("window", "analyze.tumbling_window", window, &["read.rows"]);
    draft.add("once", "process.deduplicate", json!({"keys": ["i"]}), &["read.rows"]);
    draft.add(
        "few",
        "process.select",
        json!({"columns": [{"name": "t", "expression": "t"}], "keep_others": false}),
        &["once.rows"],
    );
    draft.sink("out", "window.rows");
    draft.sink("texts", "few.rows");
    let plan = narrow(&draft.planned(&planner, folder.path()).await, &planner);
    let state = StateFolder::open(&folder.path().join("state")).expect("it is free");
    let state = Arc::new(state);
    let options = RunOptions {
        base_dir: folder.path().to_owned(),
        state: Some(StateOptions { folder: state.clone(), interval: std::time::Duration::from_secs(10), resume: None }),
        ..RunOptions::default()
    };
    let outcome = start(&plan, planner.registry(), options).await.expect("it starts").finished().await;
    assert_eq!(outcome.state, RunState::Done, "{:?}", outcome.failure);
    let checkpoint = state.newest().expect("it can be read").checkpoint.expect("there is one");

    draft.sink("late", "window.late");
    draft.sink("all", "read.rows");
    draft.sink("once_all", "once.rows");
    let whole = draft.planned(&planner, folder.path()).await;
    for plan in [&whole, &narrow(&whole, &planner)] {
        let fates = checkpoint.fates(plan);
        let names: Vec<&str> = fates.iter().map(|fate| fate.node.as_str()).collect();
        assert!(["read", "window", "once"].iter().all(|node| names.contains(node)), "{names:?}");
        assert!(fates.iter().all(|fate| fate.lost.is_none()), "{fates:?}");
    }
}

/// A member's or a cell's value: mostly one that fits its column.
fn value(column_type: &'static str) -> BoxedStrategy<String> {
    let fits = match column_type {
        "integer" => (-3_i64..4).prop_map(|n| n.to_string()).boxed(),
        "number" => prop::sample::select(vec!["0", "1.5", "-2.25", "7", "1e3"]).prop_map(str::to_owned).boxed(),
        "text" => prop::sample::select(vec!["\"x\"", "\"12\"", "\"a b\"", "\"\""]).prop_map(str::to_owned).boxed(),
        "boolean" => any::<bool>().prop_map(|b| b.to_string()).boxed(),
        "timestamp" => Just("\"2026-01-01T00:00:00Z\"".to_owned()).boxed(),
        _ => (0_i64..60).prop_map(|s| (1_767_225_600_000 + s * 1_000).to_string()).boxed(),
    };
    let odd = vec![
        "null",
        "\"word\"",
        "1.5",
        "true",
        "99999999999999999999",
        "[1]",
        "{\"a\":1}",
        "-0",
        "01",
        "nan",
        "\"\\u0041\"",
        "9223372036854775807",
        "",
    ];
    prop_oneof![14 => fits, 1 => prop::sample::select(odd).prop_map(str::to_owned)].boxed()
}

fn record() -> impl Strategy<Value = Vec<String>> {
    COLUMNS.map(|(_, column_type)| value(column_type)).to_vec()
}

fn as_json(record: &[String]) -> String {
    let members: Vec<String> =
        COLUMNS.iter().zip(record).map(|((name, _), value)| format!("\"{name}\":{value}")).collect();
    format!("{{{},\"more\":[1,2]}}\n", members.join(","))
}

/// What stands between the source and the window: (kind, params).
fn stage() -> impl Strategy<Value = (&'static str, Value)> {
    let filter = |condition: &str| ("process.filter", json!({"condition": condition}));
    prop::sample::select(vec![
        filter("n > 0"),
        filter("10 / i > 1"),
        filter("b"),
        filter("CAST(t AS BIGINT) > 0 OR i > 0"),
        filter("ts IS NOT NULL AND t <> 'x'"),
        ("process.select", json!({"columns": [{"name": "x", "expression": "i * 2"}]})),
        ("process.select", json!({"columns": [{"name": "n", "expression": "n + 1"}]})),
        ("process.select", json!({"drop": ["t"]})),
        ("process.select", json!({"drop": ["ts"], "rename": [{"from": "b", "to": "flag"}]})),
        ("process.deduplicate", json!({"keys": ["i", "n"]})),
        ("process.union", json!({})),
        ("process.route", json!({"routes": [{"port": "high", "condition": "n > 1"}]})),
        ("process.sample", json!({"method": {"by": "keys", "fraction": 0.6, "keys": ["i"]}})),
        ("process.throttle", json!({"rows": 2, "per": "3 s", "keys": ["i"]})),
        ("process.changes", json!({"watch": ["n"], "keys": ["i"]})),
        ("process.parse_timestamp", json!({"column": "ts", "output": "ts_again", "event_time": false})),
    ])
}

fn end() -> impl Strategy<Value = Option<(&'static str, Value)>> {
    let aggregates = json!([
        {"name": "c", "expression": "count(*)"},
        {"name": "top", "expression": "max(n) FILTER (WHERE i <> 0)"},
        {"name": "per", "expression": "min(100 / i)"},
    ]);
    let count = json!([{"name": "c", "expression": "count(*)"}]);
    prop::sample::select(vec![
        None,
        Some(("analyze.tumbling_window", json!({"size": "10 s", "keys": ["i"], "aggregates": aggregates}))),
        Some(("analyze.tumbling_window", json!({"size": "10 s", "aggregates": count}))),
        Some((
            "analyze.hopping_window",
            json!({"size": "10 s", "slide": "4 s", "keys": ["i"], "aggregates": aggregates}),
        )),
        Some(("analyze.session_window", json!({"gap": "3 s", "keys": ["i"], "aggregates": count}))),
        Some(("analyze.count_window", json!({"size": 3, "keys": ["i"], "aggregates": count}))),
        Some(("analyze.silence", json!({"timeout": "2 s", "keys": ["i"]}))),
        Some(("process.sort", json!({}))),
    ])
}

#[derive(Debug)]
struct Case {
    is_json: bool,
    records: Vec<Vec<String>>,
    stages: Vec<(&'static str, Value)>,
    end: Option<(&'static str, Value)>,
    add_position: bool,
    wires_rejects: bool,
}

fn case() -> impl Strategy<Value = Case> {
    let rows = prop::collection::vec(record(), 0..60);
    (any::<bool>(), rows, prop::collection::vec(stage(), 0..4), end(), any::<bool>(), any::<bool>()).prop_map(
        |(is_json, records, stages, end, add_position, wires_rejects)| Case {
            is_json,
            records,
            stages,
            end,
            add_position,
            wires_rejects,
        },
    )
}

impl Case {
    fn input(&self) -> (&'static str, String) {
        if self.is_json {
            let mut text: String = self.records.iter().map(|record| as_json(record)).collect();
            text.push_str("{\"i\": 1\n");
            return ("in.ndjson", text);
        }
        let records: String = self.records.iter().map(|record| record.join(",") + "\n").collect();
        ("in.csv", format!("i,n,t,b,ts,ms\n{records}only,three,cells\n"))
    }

    fn draft(&self) -> Draft {
        let mut draft = Draft::new();
        draft.add("read", "ingest.file", source(self.input().0, self.add_position), &[]);
        draft.rejects("unread", "read.rejected");
        let mut from = "read.rows".to_owned();
        for (index, (kind, params)) in self.stages.iter().enumerate() {
            let name = format!("stage_{index}");
            draft.add(&name, kind, params.clone(), &[&from]);
            if self.wires_rejects && matches!(*kind, "process.filter" | "process.select") {
                draft.rejects(&format!("rejected_{index}"), &format!("{name}.rejected"));
            }
            let port = if *kind == "process.route" { "otherwise" } else { "rows" };
            from = format!("{name}.{port}");
        }
        if let Some((kind, params)) = &self.end {
            draft.add("end", kind, params.clone(), &[&from]);
            if self.wires_rejects && kind.ends_with("_window") && *kind != "analyze.count_window" {
                draft.sink("late", "end.late");
            }
            from = "end.rows".to_owned();
        }
        draft.sink("out", &from);
        draft
    }
}

/// What is in the output files, by name, and what was counted by node.
type Answer = (BTreeMap<String, Vec<String>>, BTreeMap<String, [u64; 4]>);

async fn answer(plan: &Plan, planner: &Planner, folder: &Path, (batch_size, parallelism): (usize, usize)) -> Answer {
    let options =
        RunOptions { batch_size, parallelism, reslice: true, base_dir: folder.to_owned(), ..RunOptions::default() };
    let outcome = start(plan, planner.registry(), options).await.expect("it starts").finished().await;
    assert_eq!(outcome.state, RunState::Done, "{:?}", outcome.failure);
    let files = plan.nodes.values().filter(|node| node.kind == "store.file").map(|node| {
        let name = format!("{}.ndjson", node.id);
        let mut lines: Vec<String> =
            sorted_lines(&folder.join(&name)).into_iter().map(without_place_in_instance).collect();
        lines.sort_unstable();
        (name, lines)
    });
    let counts =
        outcome.metrics.nodes.iter().map(|(node, count)| {
            (node.to_string(), [count.rows_in, count.rows_out, count.rows_rejected, count.rows_late])
        });
    (files.collect(), counts.collect())
}

/// Without a position that counts the rows of one instance of a node: it differs by how many there are.
fn without_place_in_instance(line: String) -> String {
    match line.split_once(r#","position":"row "#) {
        Some((before, place)) if place.ends_with(r#" of the node's input"}"#) => format!("{before}}}"),
        _ => line,
    }
}

#[test]
fn the_answer_is_the_same_with_all_columns_and_with_those_that_are_read() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let planner = Planner::new(registry());
    let num_narrow = Cell::new(0);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(48));
    let outcome = runner.run(&case(), |case| {
        let folder = tempfile::tempdir().expect("a folder");
        let (name, text) = case.input();
        fs::write(folder.path().join(name), text).expect("it can be written");
        runtime.block_on(async {
            let whole = planner.plan(&case.draft().0, &BTreeMap::new(), folder.path()).await;
            // Stages may take away what later ones ask for.
            prop_assume!(whole.is_runnable());
            let narrow = narrow(&whole, &planner);
            let is_narrow = column_names(&narrow, "read") != column_names(&whole, "read");
            num_narrow.set(num_narrow.get() + usize::from(is_narrow));
            let mut first = None;
            for batch_size in [1, 32, 8_192] {
                for parallelism in [1, 2, 3] {
                    let how = (batch_size, parallelism);
                    let expected = answer(&whole, &planner, folder.path(), how).await;
                    let found = answer(&narrow, &planner, folder.path(), how).await;
                    prop_assert_eq!(&found, &expected, "{:?}", how);
                    let first = first.get_or_insert_with(|| found.clone());
                    prop_assert_eq!(&found.0, &first.0, "as with other sizes: {:?}", how);
                }
            }
            Ok(())
        })
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(num_narrow.get() > 5, "columns were left out in {} cases", num_narrow.get());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_view_shows_the_same_of_the_columns_that_it_reads() {
    let planner = Planner::new(registry());
    let folder = tempfile::tempdir().expect("a folder");
    let rows = (0..200).map(|row: i64| {
        let seconds = 1_700_000_000 + row;
        format!("{},{}.5,text {},{},2026-07-01,{seconds}000\n", row % 7, row % 31, row % 3, row % 2 == 0)
    });
    let text: String = std::iter::once("i,n,t,b,ts,ms\n".to_owned()).chain(rows).collect();
    fs::write(folder.path().join("in.csv"), text).expect("it can be written");
    let views = [
        ("line_chart", json!({"y": ["n"], "series": "i"}), vec!["i", "n", "ms"]),
        ("area_chart", json!({"y": ["n"], "y_right": ["i"]}), vec!["i", "n", "ms"]),
        ("scatter_chart", json!({"x": "i", "y": ["n"]}), vec!["i", "n", "ms"]),
        ("bar_chart", json!({"label": "t", "value": "n", "series": "b"}), vec!["n", "t", "b", "ms"]),
        ("histogram", json!({"value": "n"}), vec!["n", "ms"]),
        ("heatmap", json!({"y": "t", "value": "n"}), vec!["n", "t", "ms"]),
        ("gauge", json!({"value": "n * i", "key": "t"}), vec!["i", "n", "t", "ms"]),
        ("single_value", json!({"value": "n + 1"}), vec!["n", "ms"]),
        ("table", json!({"columns": ["t", "i"]}), vec!["i", "t", "ms"]),
        ("table", json!({}), vec!["i", "n", "t", "b", "ts", "ms"]),
        ("log", json!({"text": ["t"], "level": "b"}), vec!["t", "b", "ms"]),
        ("map", json!({"latitude": "n", "longitude": "i", "key": "t"}), vec!["i", "n", "t", "ms"]),
    ];
    for (kind, params, read) in views {
        let mut draft = Draft::new();
        draft.add("read", "ingest.file", source("in.csv", false), &[]);
        draft.add("view", &format!("visualize.{kind}"), params, &["read.rows"]);
        let whole = draft.planned(&planner, folder.path()).await;
        let narrow = narrow(&whole, &planner);
        assert_eq!(column_names(&narrow, "read"), read, "{kind}");
        let mut shown = Vec::new();
        for plan in [&whole, &narrow] {
            let options = RunOptions { base_dir: folder.path().to_owned(), ..RunOptions::default() };
            let run = start(plan, planner.registry(), options).await.expect("it starts");
            assert_eq!(run.finished().await.state, RunState::Done);
            shown.push(run.view(&id("view")).expect("a picture").1);
        }
        assert!(shown[0].data.num_rows() > 0, "{kind}");
        assert_eq!((&shown[0].spec, &shown[0].data), (&shown[1].spec, &shown[1].data), "{kind}");
    }
}
