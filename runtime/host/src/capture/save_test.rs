//! A capture becomes a pipeline test: the same files as `millrace record` writes, with the pipeline beside them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use millrace_model::{NodeId, Pipeline};
use millrace_operator::output::Emitted;
use millrace_protocol::{CaptureId, Failure, FailureCode, ProjectId, Response};
use serde_json::Value;

use crate::pipeline_file::{self, PipelineFile};
use crate::testing::{self, SUFFIX};
use crate::{Host, failure};

/// What the name of a pipeline file ends with.
const PIPELINE_SUFFIX: &str = ".millrace.json";

impl Host {
    pub(crate) async fn save_test(
        &self,
        project: ProjectId,
        capture: CaptureId,
        text: String,
        parameters: BTreeMap<String, Value>,
        path: PathBuf,
    ) -> Result<Response, Failure> {
        let (pipeline, _) = Pipeline::parse(&text).map_err(failure::of_text)?;
        let (capture, given) = self.read_capture(project, capture).await?;
        if capture.of_wire.is_some() {
            let message = "A test gives rows to the sources of a pipeline, and this capture is of one wire. \
                           Capture the sources instead.";
            return Err(Failure::new(FailureCode::Conflict, message));
        }
        let untimed = |(id, recorded): (NodeId, std::sync::Arc<[millrace_engine::Recorded]>)| {
            (id, recorded.iter().map(|recorded| recorded.emitted.clone()).collect::<Vec<_>>())
        };
        let given = given.into_iter().map(untimed).collect();
        let path = self.base_dir(Some(project)).await?.join(path);
        let paths = self.write_test(&pipeline, given, parameters, &path).await;
        let paths = paths.map_err(|message| Failure::new(FailureCode::Storage, message))?;
        let lines: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        Ok(Response::Text(lines.join("\n")))
    }

    async fn write_test(
        &self,
        pipeline: &Pipeline,
        given: BTreeMap<NodeId, Vec<Emitted>>,
        parameters: BTreeMap<String, Value>,
        path: &Path,
    ) -> Result<Vec<PathBuf>, String> {
        let name = name_of(path)?;
        let beside = path.with_file_name(format!("{name}{PIPELINE_SUFFIX}"));
        let text = pipeline.to_text();
        let is_new = !beside.exists();
        if !is_new && std::fs::read_to_string(&beside).ok().as_deref() != Some(text.as_str()) {
            let beside = beside.display();
            return Err(format!("{beside}: another pipeline is there already. Choose another name for the test."));
        }
        if is_new {
            pipeline_file::save(&beside, &text).map_err(|error| format!("{}.", crate::failure::sentence(&error)))?;
        }
        let written = self.write_beside(&beside, &given, (&name, parameters)).await;
        if written.is_err() && is_new {
            // It was written for the test alone.
            let _ = std::fs::remove_file(&beside);
        }
        let mut paths = written?;
        paths.push(beside);
        Ok(paths)
    }

    async fn write_beside(
        &self,
        pipeline: &Path,
        given: &BTreeMap<NodeId, Vec<Emitted>>,
        (name, parameters): (&str, BTreeMap<String, Value>),
    ) -> Result<Vec<PathBuf>, String> {
        let file: PipelineFile = pipeline_file::load(pipeline).map_err(|error| failure::sentence(&error))?;
        testing::record::refuse_taken_name(&file, name)?;
        let plan = self.planner.plan(&file.pipeline, &parameters, &file.folder).await;
        if !plan.is_runnable() {
            return Err(failure::of_diagnostics(plan.diagnostics).message);
        }
        testing::record::write_test(given, &plan, &self.planner, &file, (name, parameters)).await
    }
}

/// What the test is called, by the file that was chosen.
fn name_of(path: &Path) -> Result<String, String> {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let name = file.strip_suffix(SUFFIX).or_else(|| file.strip_suffix(".json")).unwrap_or(&file);
    if name.is_empty() || name.starts_with('.') {
        return Err(format!("{}: write a name for the test, such as `daily{SUFFIX}`.", path.display()));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_called_as_its_file() {
        for path in ["/a/daily.millrace-test.json", "/a/daily.json", "/a/daily"] {
            assert_eq!(name_of(Path::new(path)), Ok("daily".to_owned()));
        }
        assert!(name_of(Path::new("/a/.millrace-test.json")).is_err());
        assert!(name_of(Path::new("/")).is_err());
    }
}
