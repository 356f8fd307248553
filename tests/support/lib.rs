//! What the tests of whole pipelines and whole journeys share: finding the repository's folders and running a
//! pipeline file to its end in this process.

pub mod host_link;
pub mod nexmark;

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use millrace_host::engine::{Run, RunOptions, RunOutcome, start, with_columns_read};
use millrace_host::{Planner, pipeline_file, registry};
use serde_json::Value;

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ stands in the repository").to_owned()
}

/// A program of this repository that `cargo xtask test` has built: named by the variable, else beside the test in the
/// target folder.
///
/// # Panics
/// When it is not there.
pub fn program(variable: &str, name: &str) -> PathBuf {
    let beside = || {
        let test = env::current_exe().expect("a running program knows its path");
        let folder = test.ancestors().nth(2).expect("a test program stands in target/PROFILE/deps").to_owned();
        folder.join(format!("{name}{}", env::consts::EXE_SUFFIX))
    };
    let path = env::var_os(variable).map_or_else(beside, PathBuf::from);
    assert!(path.is_file(), "{} is not built: run `cargo xtask test`, which builds it first", path.display());
    path
}

/// The command `millrace`.
///
/// # Panics
/// When it is not built.
pub fn cli() -> PathBuf {
    program("MILLRACE_CLI", "millrace")
}

/// Values for a pipeline's parameters.
pub type Parameters = BTreeMap<String, Value>;

/// Runs the pipeline file at `path` to its end.
///
/// # Panics
/// When the file has faults or the run cannot start.
pub async fn run_file(path: &Path, parameters: &Parameters, options: RunOptions) -> RunOutcome {
    start_file(path, parameters, options).await.finished().await
}

/// Starts the pipeline file at `path`, as `millrace run` does: with the columns that are read.
///
/// # Panics
/// When the file has faults or the run cannot start.
pub async fn start_file(path: &Path, parameters: &Parameters, options: RunOptions) -> Run {
    let file = pipeline_file::load(path).unwrap_or_else(|error| panic!("{error}"));
    let planner = Planner::new(registry());
    let plan = planner.plan(&file.pipeline, parameters, &file.folder).await;
    assert!(plan.is_runnable(), "{}: {:#?}", path.display(), plan.diagnostics);
    let options = RunOptions { base_dir: file.folder, ..options };
    let plan = with_columns_read(&plan, planner.registry());
    start(&plan, planner.registry(), options).await.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
