//! Goldens: pipelines with known answers, run at every batch size and parallelism, and the samples that ship.
//!
//! A golden is a folder under `goldens/`: `pipeline.millrace.json` with a parameter `out`, its inputs, and `expected/`
//! with the files that must be in `out` afterwards. Answers are compared as multisets of lines: order between groups is
//! not promised. `goldens/make.py` made inputs and answers without any code of Millrace.

mod bypass;
mod contract;
mod lateness;
mod nexmark;
mod projection;
mod recovery;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use millrace_host::engine::RunOptions;
use millrace_host::model::run::{RunMetrics, RunState};
use millrace_host::model::{Pipeline, RowTrait};
use millrace_host::{Planner, pipeline_file, registry};
use millrace_tests::{Parameters, repository, run_file};
use serde_json::json;

fn goldens() -> Vec<PathBuf> {
    let folder = repository().join("tests/pipelines/goldens");
    let mut found: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("the goldens are there")
        .map(|entry| entry.expect("a folder entry").path())
        .filter(|path| path.join("pipeline.millrace.json").is_file())
        .collect();
    found.sort();
    found
}

fn sorted_lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// The nodes where out follows from in.
const ADDS_UP: [&str; 11] = [
    "process.changes",
    "process.deduplicate",
    "process.filter",
    "process.limit",
    "process.parse_text",
    "process.parse_timestamp",
    "process.sample",
    "process.select",
    "process.sort",
    "process.throttle",
    "process.union",
];

/// Rows in = rows used + late + rejected + dropped, for the nodes where out follows from in.
fn assert_rows_add_up(metrics: &RunMetrics, pipeline: &Pipeline) {
    for (id, node) in &metrics.nodes {
        let kind = &pipeline.node(id).expect("the node ran").kind;
        if ADDS_UP.contains(&kind.as_str()) {
            assert_eq!(
                node.rows_in,
                node.rows_out + node.rows_late + node.rows_rejected + node.rows_dropped,
                "{id} ({kind}): {node:?}"
            );
        }
    }
    for wire in &metrics.wires {
        let from = &metrics.nodes[&wire.wire.from.node];
        assert!(
            wire.rows <= from.rows_out + from.rows_late + from.rows_rejected,
            "{} carries no more than its node gave",
            wire.wire
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_golden_gives_its_answer_at_every_batch_size_and_parallelism() {
    let found = goldens();
    assert!(found.len() >= 4, "the goldens are there: {found:?}");
    for golden in found {
        for batch_size in [1, 32, 8_192] {
            for parallelism in [1, 2, 3] {
                let out = tempfile::tempdir().expect("a folder");
                let parameters: Parameters = BTreeMap::from([("out".to_owned(), json!(out.path().to_string_lossy()))]);
                let options = RunOptions { batch_size, parallelism, reslice: true, ..RunOptions::default() };
                let file = golden.join("pipeline.millrace.json");
                let what = format!("{} at batch size {batch_size}, parallelism {parallelism}", golden.display());
                let outcome = run_file(&file, &parameters, options).await;
                assert_eq!(outcome.state, RunState::Done, "{what}: {:?}", outcome.failure);
                let (pipeline, _) = Pipeline::parse(&fs::read_to_string(&file).expect("readable")).expect("a pipeline");
                assert_rows_add_up(&outcome.metrics, &pipeline);
                for expected in fs::read_dir(golden.join("expected")).expect("there is an answer") {
                    let expected = expected.expect("a folder entry").path();
                    let name = expected.file_name().expect("a file has a name");
                    assert_eq!(
                        sorted_lines(&out.path().join(name)),
                        sorted_lines(&expected),
                        "{what}: {}",
                        name.to_string_lossy()
                    );
                }
            }
        }
    }
}

#[test]
fn every_pipeline_file_is_in_canonical_form() {
    let samples = fs::read_dir(repository().join("projects")).expect("the samples are there");
    let samples = samples.map(|entry| entry.expect("a folder entry").path());
    let goldens = goldens().into_iter().map(|golden| golden.join("pipeline.millrace.json"));
    let mut num_files = 0;
    for path in samples.chain(goldens).filter(|path| path.to_string_lossy().ends_with(".millrace.json")) {
        let text = fs::read_to_string(&path).expect("readable");
        let (pipeline, _) = Pipeline::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(pipeline.to_text(), text, "{}", path.display());
        num_files += 1;
    }
    assert!(num_files >= 7);
}

/// What a card says that its node needs must be so in pipelines that work, or the designer would refuse good wires.
#[tokio::test]
async fn no_input_of_a_good_pipeline_lacks_what_its_card_needs() {
    let planner = Planner::new(registry());
    let catalog = planner.registry().catalog();
    let samples = SAMPLES.iter().map(|sample| repository().join(format!("projects/{}.millrace.json", sample.name)));
    let goldens = goldens().into_iter().map(|golden| golden.join("pipeline.millrace.json"));
    let mut num_needs = 0;
    for path in samples.chain(goldens) {
        let file = pipeline_file::load(&path).unwrap_or_else(|error| panic!("{error}"));
        let parameters = Parameters::from([("out".to_owned(), json!("out"))]);
        let plan = planner.plan(&file.pipeline, &parameters, &file.folder).await;
        for (id, node) in &plan.nodes {
            let millrace_host::model::Node { kind, params, .. } = file.pipeline.node(id).expect("it was planned");
            let cards = &catalog.card(kind).expect("it is known").inputs;
            for (card, input) in cards.iter().zip(&node.inputs) {
                let Some(schema) = &input.schema else { continue };
                let has = RowTrait::of(schema);
                let lack = card.lack(&has, params);
                assert_eq!(lack, None, "{}: {id} cannot do without it, its rows have {has:?}", path.display());
                num_needs += card.needs.len();
            }
        }
    }
    assert!(num_needs > 20, "{num_needs} inputs need something");
}

struct Sample {
    name: &'static str,
    /// The parameters that make it end.
    parameters: &'static [(&'static str, &'static str)],
    /// The file that it must have written.
    writes: &'static str,
}

const SAMPLES: [Sample; 12] = [
    Sample {
        name: "chart_gallery",
        parameters: &[("pace", "as_fast_as_possible"), ("duration", "1 min")],
        writes: "readings.csv",
    },
    Sample {
        name: "fleet_health",
        parameters: &[("pace", "as_fast_as_possible"), ("duration", "1 min")],
        writes: "alarms.csv",
    },
    Sample { name: "sensor_file", parameters: &[], writes: "hourly.csv" },
    Sample { name: "access_log", parameters: &[], writes: "errors.ndjson" },
    Sample {
        name: "anomaly_watch",
        parameters: &[("pace", "as_fast_as_possible"), ("duration", "2 min")],
        writes: "alarms.csv",
    },
    Sample { name: "search_index", parameters: &[], writes: "postings.csv" },
    Sample {
        name: "lambda",
        parameters: &[("pace", "as_fast_as_possible"), ("duration", "1 min")],
        writes: "totals.csv",
    },
    Sample { name: "kappa", parameters: &[("follow", "false")], writes: "revenue.csv" },
    Sample { name: "cleaning", parameters: &[], writes: "clean.csv" },
    Sample { name: "joins", parameters: &[], writes: "paid.csv" },
    Sample {
        name: "windows",
        parameters: &[("pace", "as_fast_as_possible"), ("duration", "1 min")],
        writes: "sessions.csv",
    },
    Sample { name: "auctions", parameters: &[("events", "50000")], writes: "hot.csv" },
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sample_runs_to_its_end_and_writes_rows() {
    for Sample { name, parameters, writes } in SAMPLES {
        let out = tempfile::tempdir().expect("a folder");
        // As on the command line: what reads as a number or as true or false is one, all else is text.
        let value = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| json!(text));
        let given = parameters.iter().map(|(name, text)| ((*name).to_owned(), value(text)));
        let mut given: Parameters = given.collect();
        given.insert("out".to_owned(), json!(out.path().to_string_lossy()));
        let file = repository().join(format!("projects/{name}.millrace.json"));
        let outcome = run_file(&file, &given, RunOptions::default()).await;
        assert_eq!(outcome.state, RunState::Done, "{name}: {:?}", outcome.failure);
        assert!(sorted_lines(&out.path().join(writes)).len() > 5, "{name} writes rows to {writes}");
    }
    let kinds = SAMPLES.iter().flat_map(|sample| {
        let file = repository().join(format!("projects/{}.millrace.json", sample.name));
        let file = pipeline_file::load(&file).unwrap_or_else(|error| panic!("{error}"));
        file.pipeline.nodes().map(|node| node.kind.clone()).collect::<Vec<_>>()
    });
    let kinds: std::collections::BTreeSet<String> = kinds.collect();
    let catalog = registry().catalog();
    let missing: Vec<&str> =
        catalog.cards().map(|card| card.kind.as_str()).filter(|kind| !kinds.contains(*kind)).collect();
    assert!(missing.is_empty(), "each node's help opens a sample, but none has {missing:?}");
    let shipped = fs::read_dir(repository().join("projects")).expect("the samples are there");
    let shipped = shipped.filter(|entry| {
        entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().ends_with(".millrace.json"))
    });
    assert_eq!(shipped.count(), SAMPLES.len(), "each sample that ships is run here");
}
