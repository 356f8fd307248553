//! Revisions of a project: listed with what each changed, made, named, read.

use millrace_model::{Changes, Pipeline};
use millrace_protocol::{Failure, ProjectId, Response, Revision};

use crate::Host;
use crate::clock::now_ms;

impl Host {
    pub(crate) async fn list_revisions(&self, project: ProjectId) -> Result<Response, Failure> {
        let revisions = self
            .with_store(move |store| {
                let rows = store.revisions(project)?;
                // From the oldest on, so that only two pipelines are held at a time.
                let mut before: Option<Pipeline> = None;
                let mut revisions = Vec::with_capacity(rows.len());
                for row in rows.into_iter().rev() {
                    let text = store.revision_text(project, row.id)?;
                    let pipeline = Pipeline::parse(&text).ok().map(|(pipeline, _)| pipeline);
                    let since = before.as_ref().zip(pipeline.as_ref());
                    let since = since.map(|(before, after)| Changes::between(before, after).tally());
                    revisions.push(Revision { id: row.id, name: row.name, saved_ms: row.saved_ms, since });
                    before = pipeline;
                }
                revisions.reverse();
                Ok(revisions)
            })
            .await?;
        Ok(Response::Revisions(revisions))
    }

    pub(crate) async fn save_revision(&self, project: ProjectId, name: String) -> Result<Response, Failure> {
        self.with_store(move |store| store.save_revision(project, name.trim(), now_ms())).await?;
        self.list_revisions(project).await
    }

    pub(crate) async fn rename_revision(
        &self,
        project: ProjectId,
        revision: i64,
        name: String,
    ) -> Result<Response, Failure> {
        self.with_store(move |store| store.rename_revision(project, revision, name.trim())).await?;
        self.list_revisions(project).await
    }

    pub(crate) async fn read_revision(&self, project: ProjectId, revision: i64) -> Result<Response, Failure> {
        Ok(Response::Text(self.with_store(move |store| store.revision_text(project, revision)).await?))
    }
}
