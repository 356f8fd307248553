//! Makes a pipeline test of what the sources of a pipeline really give.
//!
//! The sources run against the world for a while, the sinks write nothing. What the sources gave becomes the rows of the
//! test, and what then comes out in virtual time before the sinks and views what it expects. Invariant: no file that is
//! there already is written over, and when something fails none of the new ones stays.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millrace_engine::{Plan, Recorded, Recorder, Run, RunError, RunOptions, start};
use millrace_model::{Endpoint, NodeId};
use millrace_operator::Registry;
use millrace_operator::output::Emitted;
use serde_json::Value;

use super::file::{Expected, Source, TestFile};
use super::{PipelineTest, SUFFIX, rows};
use crate::pipeline_file::PipelineFile;
use crate::planner::Planner;

/// A source gives no more than this to a test, as it lies in memory.
const MAX_BYTES: usize = 64 << 20;

/// A run whose sources are being recorded.
pub struct Recording {
    pub run: Run,
    recorder: Arc<Recorder>,
}

impl Recording {
    /// Starts the pipeline of `file`; it ends by itself once each source has given `max_rows` rows.
    ///
    /// # Errors
    /// When the plan has faults or a node cannot be built or opened.
    pub async fn start(
        plan: &Plan,
        registry: &Registry,
        file: &PipelineFile,
        max_rows: usize,
    ) -> Result<Self, RunError> {
        let recorder = Arc::new(Recorder::new(max_rows, MAX_BYTES));
        let options = RunOptions {
            base_dir: file.folder.clone(),
            is_dry: true,
            recorder: Some(recorder.clone()),
            memory_bytes: RunOptions::quarter_of_memory(),
            ..RunOptions::default()
        };
        Ok(Self { run: start(plan, registry, options).await?, recorder })
    }

    /// Writes the test `NAME.millrace-test.json` beside the pipeline, with its rows in files whose names begin alike,
    /// and gives the paths, that of the test first. To be called when the run is over.
    ///
    /// # Errors
    /// When there is nothing to test, or a file is there already or cannot be written.
    pub async fn save(
        self,
        plan: &Plan,
        planner: &Planner,
        file: &PipelineFile,
        (name, parameters): (&str, BTreeMap<String, Value>),
    ) -> Result<Vec<PathBuf>, String> {
        let untimed = |recorded: Vec<Recorded>| recorded.into_iter().map(|recorded| recorded.emitted).collect();
        let given = self.recorder.take().into_iter().map(|(source, recorded)| (source, untimed(recorded))).collect();
        write_test(&given, plan, planner, file, (name, parameters)).await
    }
}

/// Writes the test of what the sources have given, and of what comes out for it; for the rest see [`Recording::save`].
///
/// # Errors
/// When there is nothing to test, or a file is there already or cannot be written.
pub(crate) async fn write_test(
    given: &BTreeMap<NodeId, Vec<Emitted>>,
    plan: &Plan,
    planner: &Planner,
    file: &PipelineFile,
    (name, parameters): (&str, BTreeMap<String, Value>),
) -> Result<Vec<PathBuf>, String> {
    let beside = file.path.parent().unwrap_or(Path::new(""));
    let own_name = |what: &str, at: &Endpoint| PathBuf::from(format!("{name}.{what}.{at}.ndjson"));
    let mut sources = BTreeMap::new();
    let mut texts = Vec::new();
    for node in plan.order.iter().map(|id| &plan.nodes[id]).filter(|node| node.is_source()) {
        let emitted = given.get(&node.id).map(Vec::as_slice).unwrap_or_default();
        for (port, output) in node.outputs.iter().enumerate() {
            let has_rows = emitted.iter().any(|one| matches!(one, Emitted::Batch(at, _) if *at == port));
            if port > 0 && !has_rows {
                continue;
            }
            let at = Endpoint::new(node.id.clone(), &output.port.name);
            let text = rows::source_text(emitted, port).map_err(|reason| format!("“{}”: {reason}", node.title))?;
            let path = own_name("source", &at);
            texts.push((beside.join(&path), text));
            sources.insert(at, Source::new(path));
        }
    }
    let expected: BTreeMap<Endpoint, Expected> =
        ends(plan).into_iter().map(|at| (at.clone(), Expected::new(own_name("expected", &at)))).collect();
    if expected.is_empty() {
        return Err("No rows arrive at a node that shows or stores them, so there is nothing to test.".to_owned());
    }
    let pipeline = file.path.file_name().map(PathBuf::from).unwrap_or_default();
    let mut paths = vec![test_path(file, name)];
    paths.extend(texts.iter().map(|(path, _)| path.clone()));
    paths.extend(expected.values().map(|expected| beside.join(&expected.rows)));
    paths.iter().try_for_each(|path| refuse_if_there(path))?;
    let test = TestFile::new(pipeline, parameters, sources, expected);
    let text = serde_json::to_string_pretty(&test).map_err(|error| format!("The test cannot be written: {error}."))?;
    texts.insert(0, (paths[0].clone(), format!("{text}\n").into_bytes()));
    let written = write(&texts, planner).await;
    if written.is_err() {
        for path in &paths {
            // What was not written is not there.
            let _ = std::fs::remove_file(path);
        }
    }
    written.map(|()| paths)
}

/// Where the test of this name is written.
fn test_path(file: &PipelineFile, name: &str) -> PathBuf {
    file.path.with_file_name(format!("{name}{SUFFIX}"))
}

fn refuse_if_there(path: &Path) -> Result<(), String> {
    if path.exists() {
        let path = path.display();
        return Err(format!("{path}: this file is there already. Delete it or choose another name for the test."));
    }
    Ok(())
}

/// Refuses a name that a test beside the pipeline has already, before anything is recorded in vain.
///
/// # Errors
/// The path of that test.
pub fn refuse_taken_name(file: &PipelineFile, name: &str) -> Result<(), String> {
    refuse_if_there(&test_path(file, name))
}

/// Writes the files of the test, that of the test itself first, and lets it say what is expected.
async fn write(texts: &[(PathBuf, Vec<u8>)], planner: &Planner) -> Result<(), String> {
    for (path, text) in texts {
        crate::file::write_whole(path, text).map_err(|error| format!("{}: {error}.", path.display()))?;
    }
    let test = PipelineTest::prepare(&texts[0].0, planner, true).await.map_err(|faults| faults.join(" "))?;
    let checked = Arc::new(test).run(planner.registry(), 0).await?;
    PipelineTest::update(&checked)
}

/// The ports whose rows end in nodes without outputs; where several such nodes hang on one port it counts once.
fn ends(plan: &Plan) -> BTreeSet<Endpoint> {
    let mut ends = BTreeSet::new();
    for node in plan.order.iter().map(|id| &plan.nodes[id]).filter(|node| node.outputs.is_empty()) {
        for input in &node.inputs {
            let at = Endpoint::new(node.id.clone(), &input.port.name);
            let wires: Vec<_> = plan.wires.iter().filter(|wire| wire.to == at).collect();
            match wires.as_slice() {
                [] => {}
                [wire] => drop(ends.insert(wire.from.clone())),
                _ => drop(ends.insert(at)),
            }
        }
    }
    ends
}
