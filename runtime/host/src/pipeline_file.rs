//! Pipeline files on disk: read with messages that name the file, written whole.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use millrace_model::{Catalog, Diagnostic, Pipeline, SourceMap, TextError};

/// No pipeline that people draw comes near this; a data file named by mistake does.
const MAX_BYTES: u64 = 64 << 20;

/// A pipeline as it was read from a file.
#[derive(Debug, Clone)]
pub struct PipelineFile {
    pub path: PathBuf,
    pub pipeline: Pipeline,
    /// The lines of nodes, params and wires, for messages.
    pub source_map: SourceMap,
    /// Where the pipeline's relative paths start: the folder of the file, absolute.
    pub folder: PathBuf,
}

impl PipelineFile {
    /// `diagnostic` with the line of this file that it speaks of.
    #[must_use]
    pub fn locate(&self, diagnostic: Diagnostic) -> Diagnostic {
        self.source_map.locate(diagnostic)
    }

    /// `FILE:LINE: node "Title" (id), param expression: message`, for one of this file's faults.
    pub fn message(&self, catalog: &Catalog, problem: &Diagnostic) -> String {
        let mut subject = Vec::new();
        if let Some(node) = problem.node.as_ref() {
            let title = self.pipeline.node(node).map_or(node.as_str(), |node| catalog.title_of(node));
            subject.push(format!("node \"{title}\" ({node})"));
        }
        if let Some(param) = &problem.param {
            subject.push(format!("param {param}"));
        }
        if let Some(wire) = &problem.wire {
            subject.push(format!("wire {wire}"));
        }
        let subject = if subject.is_empty() { String::new() } else { format!("{}: ", subject.join(", ")) };
        format!("{}: {subject}{}", place(&self.path, problem), problem.message)
    }
}

/// `FILE:LINE`, or `FILE` where the line is not known.
pub fn place(path: &Path, problem: &Diagnostic) -> String {
    match problem.line {
        Some(line) => format!("{}:{line}", path.display()),
        None => path.display().to_string(),
    }
}

/// Why a pipeline file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PipelineFileError {
    #[error("{}: there is no such file", path.display())]
    Missing { path: PathBuf },
    #[error("{}: the file cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{}: this is not a pipeline file: {reason}", path.display())]
    NotAPipeline { path: PathBuf, reason: String },
    #[error("{}: {error}", path.display())]
    Invalid { path: PathBuf, error: TextError },
    #[error("{}: the file cannot be written: {source}", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
}

/// Reads the pipeline file at `path`.
///
/// # Errors
/// When the file is not there, cannot be read, or is not a pipeline; the message names the file and the line.
pub fn load(path: &Path) -> Result<PipelineFile, PipelineFileError> {
    let unreadable = |source: io::Error| PipelineFileError::Unreadable { path: path.to_owned(), source };
    let not_a_pipeline =
        |reason: &str| PipelineFileError::NotAPipeline { path: path.to_owned(), reason: reason.to_owned() };
    let file = File::open(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => PipelineFileError::Missing { path: path.to_owned() },
        _ => unreadable(source),
    })?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(not_a_pipeline("it is a folder"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(not_a_pipeline("it is larger than 64 MiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| not_a_pipeline("it is not UTF-8 text"))?;
    let (pipeline, source_map) =
        Pipeline::parse(&text).map_err(|error| PipelineFileError::Invalid { path: path.to_owned(), error })?;
    let absolute = std::path::absolute(path).map_err(unreadable)?;
    let folder = absolute.parent().unwrap_or(Path::new("/")).to_owned();
    Ok(PipelineFile { path: path.to_owned(), pipeline, source_map, folder })
}

/// Writes the text of a pipeline to `path`, whole or not at all.
///
/// # Errors
/// When the folder does not exist or may not be written.
pub fn save(path: &Path, text: &str) -> Result<(), PipelineFileError> {
    crate::file::write_whole(path, text.as_bytes())
        .map_err(|source| PipelineFileError::Unwritable { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_comes_back_from_its_file_with_its_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.millrace.json");
        let text = Pipeline::new("One").to_text();
        save(&path, &text).expect("written");
        let file = load(&path).expect("readable");
        assert_eq!(file.pipeline.to_text(), text);
        assert_eq!(file.folder, folder.path());
    }

    #[test]
    fn what_is_not_a_pipeline_file_is_told_with_its_name_and_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.millrace.json");
        let message = |path: &Path| load(path).expect_err("refused").to_string();
        assert!(message(&path).ends_with("a.millrace.json: there is no such file"), "{}", message(&path));
        assert!(message(folder.path()).contains("it is a folder"));
        std::fs::write(&path, [0xff, 0xfe]).expect("written");
        assert!(message(&path).contains("not UTF-8"));
        std::fs::write(&path, "{\n \"format\": 1,\n oops").expect("written");
        assert!(message(&path).contains("a.millrace.json: line 3"), "{}", message(&path));
    }
}
