//! A pipeline that a project may be begun from: a sample as the host tells of it, read, with its picture.
//!
//! The host's texts stay as they are; only the name is set anew for the project that is made.

use millrace_model::{Catalog, Edit, Pipeline};
use millrace_protocol::Sample;

use crate::canvas::Thumbnail;

/// One template.
#[derive(Debug)]
pub struct Template {
    pipeline: Pipeline,
    summary: String,
    folder: Option<String>,
    thumbnail: Thumbnail,
}

impl Template {
    /// `None` when the text is no pipeline of this format.
    pub(crate) fn read(sample: Sample, catalog: &Catalog) -> Option<Self> {
        let (pipeline, _) = Pipeline::parse(&sample.text).ok()?;
        let thumbnail = Thumbnail::new(&pipeline, catalog);
        Some(Self { pipeline, summary: sample.summary, folder: sample.folder, thumbnail })
    }

    pub fn name(&self) -> &str {
        self.pipeline.name()
    }

    /// What it shows, in one line.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// Where its relative paths start on the host's machine.
    pub fn folder(&self) -> Option<String> {
        self.folder.clone()
    }

    pub fn num_nodes(&self) -> usize {
        self.pipeline.num_nodes()
    }

    pub fn thumbnail(&self) -> &Thumbnail {
        &self.thumbnail
    }

    /// Whether it has a node of this kind.
    pub fn uses(&self, kind: &str) -> bool {
        self.pipeline.nodes().any(|node| node.kind == kind)
    }

    /// The pipeline file of a project of this name.
    pub fn text_named(&self, name: &str) -> String {
        let mut pipeline = self.pipeline.clone();
        pipeline.apply(&[Edit::SetName { name: name.to_owned() }]).expect("any pipeline can be renamed");
        pipeline.to_text()
    }
}
