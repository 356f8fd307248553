//! From a file on the command line to a plan that can run, or to every reason why it cannot.

use std::path::{Path, PathBuf};

use millrace_host::Planner;
use millrace_host::engine::Plan;
use millrace_host::model::{Diagnostic, suggest};
use millrace_host::pipeline_file::{self, PipelineFile, PipelineFileError};

use crate::exit::{Exit, Stop};
use crate::set::{self, Set};

/// A pipeline that was read and planned; `plan.diagnostics` may hold errors.
pub struct Prepared {
    pub file: PipelineFile,
    pub planner: Planner,
    pub plan: Plan,
    /// Everything that is wrong, with lines.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads and plans the pipeline file at `path`.
///
/// # Errors
/// When the file cannot be read as a pipeline: why, with the line.
pub async fn prepare(path: &Path, sets: &[Set]) -> Result<Prepared, Diagnostic> {
    let file = pipeline_file::load(path).map_err(unreadable)?;
    let planner = Planner::new(millrace_host::registry());
    let (values, mut problems) = set::values(&file.pipeline, sets);
    let plan = planner.plan(&file.pipeline, &values, &file.folder).await;
    problems.extend(plan.diagnostics.iter().cloned());
    let mut diagnostics: Vec<Diagnostic> = problems.into_iter().map(|problem| file.locate(problem)).collect();
    // In the order of the file, so that mending goes from top to bottom; what has no line comes first.
    diagnostics.sort_by_key(|problem| (!problem.is_error(), problem.line));
    Ok(Prepared { file, planner, plan, diagnostics })
}

impl Prepared {
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// The message for one of this file's faults.
    pub fn message(&self, problem: &Diagnostic) -> String {
        self.file.message(self.planner.catalog(), problem)
    }

    /// All errors, as the end of the command.
    pub fn refusal(&self) -> Stop {
        let errors = self.diagnostics.iter().filter(|problem| problem.is_error());
        Stop { exit: Exit::Invalid, faults: errors.map(|problem| self.message(problem)).collect() }
    }

    pub fn warnings(&self) -> impl Iterator<Item = String> {
        self.diagnostics.iter().filter(|problem| !problem.is_error()).map(|problem| self.message(problem))
    }
}

/// `FILE:LINE: message` for a file that is no pipeline.
pub fn file_message(path: &Path, problem: &Diagnostic) -> String {
    format!("{}: {}", pipeline_file::place(path, problem), problem.message)
}

/// Why a file is no pipeline, and what may have been meant.
pub fn unreadable(error: PipelineFileError) -> Diagnostic {
    match error {
        PipelineFileError::Missing { path } => {
            Diagnostic::error("missing_file", format!("There is no such file.{}", similar_file(&path)))
        }
        PipelineFileError::NotAPipeline { path, reason } => Diagnostic::error(
            "not_a_pipeline",
            format!("This is not a pipeline file: {reason}.{}", pipelines_inside(&path)),
        ),
        PipelineFileError::Invalid { error, .. } => {
            let mut problem = Diagnostic::error("not_a_pipeline", sentence(&error.message));
            problem.line = Some(error.line);
            problem
        }
        PipelineFileError::Unreadable { source, .. } => {
            Diagnostic::error("unreadable_file", format!("The file cannot be read: {source}."))
        }
        PipelineFileError::Unwritable { source, .. } => {
            Diagnostic::error("unwritable_file", format!("The file cannot be written: {source}."))
        }
    }
}

/// With a capital letter and a full stop.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let mut sentence: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

/// `" Did you mean …?"` where a file of nearly that name is in the same folder.
fn similar_file(path: &Path) -> String {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return String::new() };
    if !folder.is_dir() {
        return format!(" There is no folder {} either.", folder.display());
    }
    let names = names_in(folder);
    match suggest::nearest(name, names.iter().map(String::as_str)) {
        Some(near) => format!(" Did you mean `{}`?", path.with_file_name(near).display()),
        None => String::new(),
    }
}

fn pipelines_inside(path: &Path) -> String {
    let names = names_in(path);
    let first = names.iter().find(|name| name.ends_with(".millrace.json"));
    first.map_or_else(String::new, |name| format!(" Did you mean `{}`?", PathBuf::from(path).join(name).display()))
}

/// The names of the files in `folder`, sorted; none where it cannot be listed.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_dir()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}
