//! Projects: listed, made, opened, saved, imported, exported, deleted.

use std::path::{Path, PathBuf};

use millrace_model::Pipeline;
use millrace_protocol::{Draft, Event, Failure, FailureCode, Project, ProjectId, ProjectSummary, Response};
use millrace_store::NewProject;
use serde_json::Value;

use crate::clock::now_ms;
use crate::host::in_background;
use crate::pipeline_file::{self, PipelineFile};
use crate::{Host, failure, samples};

/// The setting that names the project to open first.
pub(crate) const LAST_PROJECT: &str = "last_project";

impl Host {
    pub(crate) async fn list_projects(&self) -> Result<Response, Failure> {
        let rows = self.with_store(|store| store.projects()).await?;
        let summary = |row: millrace_store::ProjectSummary| ProjectSummary {
            id: row.id,
            name: row.name,
            changed_ms: row.changed_ms,
            num_nodes: row.num_nodes,
        };
        Ok(Response::Projects(rows.into_iter().map(summary).collect()))
    }

    pub(crate) fn list_samples(&self) -> Response {
        Response::Samples(samples::list(
            self.options.samples.as_ref().or(self.options.sample_files.as_ref()).map(PathBuf::as_path),
        ))
    }

    pub(crate) async fn create_project(&self, name: String) -> Result<Response, Failure> {
        let name = match name.trim() {
            "" => "Untitled",
            name => name,
        };
        let id = self.add(&Pipeline::new(name), None).await?;
        self.open_project(id).await
    }

    pub(crate) async fn import_project(&self, text: String, folder: Option<String>) -> Result<Response, Failure> {
        let (pipeline, _) = Pipeline::parse(&text).map_err(failure::of_text)?;
        if let Some(files) = &self.options.sample_files
            && folder.as_deref() == Some(samples::absolute(files).as_str())
        {
            let (files, base_dir) = (files.clone(), self.options.base_dir.clone());
            in_background(move || samples::write_data_below(&base_dir, &files)).await?.map_err(|error| {
                let folder = self.options.base_dir.display();
                let message = format!(
                    "The files of this template cannot be put into the folder samples of {folder}: {error}. \
                     Start `millrace serve` in a folder that can be written."
                );
                Failure::new(FailureCode::Storage, message)
            })?;
        }
        let id = self.add(&pipeline, folder).await?;
        self.open_project(id).await
    }

    /// Makes a project from a pipeline file of this machine. Answers with the project, opened; also where requests may
    /// not name files, because whoever calls this is the program itself.
    ///
    /// # Errors
    /// When the file is not there or not a pipeline, or the database cannot be written.
    pub async fn import_file(&self, path: &Path) -> Result<Response, Failure> {
        let path = self.options.base_dir.join(path);
        let PipelineFile { pipeline, folder, .. } = in_background(move || pipeline_file::load(&path))
            .await?
            .map_err(|error| Failure::new(FailureCode::Unreadable, failure::sentence(&error)))?;
        let id = self.add(&pipeline, Some(folder.to_string_lossy().into_owned())).await?;
        self.open_project(id).await
    }

    async fn add(&self, pipeline: &Pipeline, folder: Option<String>) -> Result<ProjectId, Failure> {
        let project = NewProject {
            name: pipeline.name().to_owned(),
            text: pipeline.to_text(),
            folder,
            num_nodes: pipeline.num_nodes(),
        };
        let id = self.with_store(move |store| store.create_project(&project, now_ms())).await?;
        self.tell(Event::ProjectsChanged);
        Ok(id)
    }

    pub(crate) async fn open_project(&self, project: ProjectId) -> Result<Response, Failure> {
        let row = self
            .with_store(move |store| {
                let row = store.project(project)?;
                if store.setting(LAST_PROJECT)?.as_ref().and_then(Value::as_i64) != Some(project) {
                    store.set_setting(LAST_PROJECT, &project.into())?;
                }
                Ok(row)
            })
            .await?;
        Ok(Response::Project(Box::new(Project {
            id: row.id,
            version: row.version,
            text: row.text,
            steps: row.steps,
            cursor: row.cursor,
            folder: row.folder,
            run: self.runs.running(project).map(|run| run.id),
        })))
    }

    /// The project that was opened last, or the one that was changed last.
    pub(crate) async fn first_project(&self) -> Result<Option<ProjectId>, Failure> {
        self.with_store(|store| {
            let projects = store.projects()?;
            let last = store.setting(LAST_PROJECT)?.as_ref().and_then(Value::as_i64);
            let is_there = |id: &ProjectId| projects.iter().any(|project| project.id == *id);
            Ok(last.filter(is_there).or(projects.first().map(|project| project.id)))
        })
        .await
    }

    pub(crate) async fn delete_project(&self, project: ProjectId) -> Result<Response, Failure> {
        if self.runs.running(project).is_some() {
            let message = "This project is running. Stop the run, then delete the project.";
            return Err(Failure::new(FailureCode::Conflict, message));
        }
        self.with_store(move |store| store.delete_project(project)).await?;
        self.runs.forget(project);
        self.tell(Event::ProjectsChanged);
        Ok(Response::Done)
    }

    pub(crate) async fn save_draft(&self, draft: Draft) -> Result<Response, Failure> {
        let (pipeline, _) = Pipeline::parse(&draft.text).map_err(failure::of_text)?;
        let draft = millrace_store::Draft {
            project: draft.project,
            version: draft.version,
            name: pipeline.name().to_owned(),
            num_nodes: pipeline.num_nodes(),
            text: draft.text,
            keep_steps: draft.keep_steps,
            new_steps: draft.new_steps,
            cursor: draft.cursor,
        };
        let version = self.with_store(move |store| store.save_draft(&draft, now_ms())).await?;
        self.tell(Event::ProjectsChanged);
        Ok(Response::Saved { version })
    }

    pub(crate) async fn export_file(&self, project: ProjectId, path: PathBuf) -> Result<Response, Failure> {
        let path = self.base_dir(Some(project)).await?.join(path);
        let text = self.with_store(move |store| store.project_text(project)).await?;
        in_background(move || pipeline_file::save(&path, &text))
            .await?
            .map_err(|error| Failure::new(FailureCode::Storage, failure::sentence(&error)))?;
        Ok(Response::Done)
    }

    /// Where the relative paths of a project start; the folder of the host for one that has none, or for no project.
    pub(crate) async fn base_dir(&self, project: Option<ProjectId>) -> Result<PathBuf, Failure> {
        let folder = match project {
            Some(project) => self.with_store(move |store| store.project_folder(project)).await?,
            None => None,
        };
        Ok(folder.map_or_else(|| self.options.base_dir.clone(), |folder| self.options.base_dir.join(folder)))
    }
}
